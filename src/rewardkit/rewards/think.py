"""Reasoning between think tags, then an answer: a stricter form of TRL's `think_format_reward`."""

from __future__ import annotations

from typing import final

from rewardkit._text.tag_layout import compile_layout, is_blank, list_tags, restore_opening
from rewardkit.batch import Batch
from rewardkit.extract import Tags
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
    """The blocks' names, in order."""
    value: float = 1.0
    """The value of the layout."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the opening tag; it may then be missing."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        tags = list_tags(self.tags)
        find_end = compile_layout(self.tags, between=r"\s*+")
        hit, miss = (
            Score(self.value, "a thought, then an answer"),
            Score(0.0, "not the think layout"),
        )

        def matches(text: str) -> bool:
            end = find_end(text)
            rest = text[end:]
            # with several tags the last block is the answer, which `find_end` knows not to be blank
            return end >= 0 and (not rest.strip() if len(self.tags) > 1 else not is_blank(rest))

        texts = restore_opening(batch.texts, tags[0] if self.opened_in_prompt else "")
        return [hit if matches(text) else miss for text in texts]
