"""Reasoning between think tags, then an answer: TRL's `think_format_reward`, without its holes."""

from __future__ import annotations

from typing import final

from rewardkit._text.tags import is_blank, layout, marks, opened
from rewardkit.batch import Batch
from rewardkit.extract import Tags
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("think_format")
class ThinkFormat(Reward):
    """One think block at the start, with something in it, and an answer after it.

    With one tag the answer is all the text after the block, whatever its layout; with several, as
    `tags=("think", "answer")`, the last block holds it, and nothing follows. TRL's
    `think_format_reward` takes the first layout, but also an empty block, a second closing tag, and
    nothing at all as the answer.

    >>> ThinkFormat()(completions=["<think>2 + 2</think>4", "<think></think>4", "4"])
    [1.0, 0.0, 0.0]
    """

    tags: Tags = ("think",)
    """The blocks' names, in order."""
    value: float = 1.0
    """What the layout is worth."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the opening tag; it may then be missing."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        wanted = marks(self.tags)
        ends = layout(self.tags, between=r"\s*+")
        hit, miss = (
            Score(self.value, "a thought, then an answer"),
            Score(0.0, "not the think layout"),
        )

        def fits(text: str) -> bool:
            end = ends(text)
            answer = text[end:]
            return end >= 0 and (not answer.strip() if len(self.tags) > 1 else not is_blank(answer))

        texts = opened(batch.texts, wanted[0] if self.opened_in_prompt else "")
        return [hit if fits(text) else miss for text in texts]
