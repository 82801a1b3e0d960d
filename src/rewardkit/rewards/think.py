"""Reasoning between think tags, then an answer: a stricter form of TRL's `think_format_reward`."""

from __future__ import annotations

from typing import final

from rewardkit._text.tag_defects import After, find_defect
from rewardkit._text.tag_layout import Tags, compile_layout, is_blank, prepare_texts
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("think_format")
class ThinkFormat(Reward):
    """One think block at the start that is not blank, and an answer after it.

    With one tag the answer is all text after the block, in any layout; with several, such as
    `tags=("think", "answer")`, the answer is the last block, and no text may follow. TRL's
    `think_format_reward` accepts the first layout, but also an empty block, a second closing tag,
    and an empty answer.

    >>> ThinkFormat()(completions=["<think>2 + 2</think>4", "<think></think>4", "4"])
    [1.0, 0.0, 0.0]
    """

    tags: Tags = ("think",)
    """The blocks, in order: names, or pairs (opening, closing) of any marks."""
    value: float = 1.0
    """The value of the layout."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the opening tag; it may then be missing."""
    lenient: bool = False
    """Whether near-tags count as the tags: `<Think>`, `< /think>`, `<think step="2">`."""
    empty_think: bool = True
    """Whether an empty think block may come first if the tags are others than `think`, as chat
    templates write it for models that do not think."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        find_end = compile_layout(self.tags, "soft", empty_think=self.empty_think)
        hit, miss = (
            Score(self.value, "a thought, then an answer"),
            Score(0.0, "not the think layout"),
        )
        # with several tags the last block is the answer, which `find_end` knows not to be blank
        after: After = "nothing" if len(self.tags) > 1 else "answer"

        def score_text(text: str) -> Score:
            end = find_end(text)
            rest = text[end:]
            if end >= 0 and (not rest.strip() if after == "nothing" else not is_blank(rest)):
                return hit
            if not batch.explain:
                return miss
            return Score(
                0.0,
                find_defect(text, self.tags, "soft", empty_think=self.empty_think, after=after),
            )

        texts = prepare_texts(
            batch.texts_for(self.tags),
            self.tags,
            opened_in_prompt=self.opened_in_prompt,
            lenient=self.lenient,
        )
        return [*map(score_text, texts)]
