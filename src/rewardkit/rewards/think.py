"""Reasoning between think tags, then an answer: TRL's `think_format_reward`, without its holes."""

from __future__ import annotations

from typing import final

from rewardkit._tags import blocks, cutter, is_blank, marks, opened
from rewardkit.batch import Batch
from rewardkit.component import register
from rewardkit.extract import Tags
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("think_format")
class ThinkFormat(Reward):
    """One think block at the start, with something in it, and an answer after it.

    With one tag the answer is the text after the block; with several the last block holds it, and
    nothing follows. TRL (`trl.rewards.think_format_reward`) takes the first layout, but also an
    empty block, a second closing tag, and nothing at all as the answer.

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
        cut = cutter(self.tags)
        hit, miss = (
            Score(self.value, "a thought, then an answer"),
            Score(0.0, "not the think layout"),
        )

        def fits(text: str) -> bool:
            texts = blocks(cut(text), wanted)
            if texts is None or "".join(texts[:-1:2]).strip():
                return False
            return not texts[-1].strip() if len(self.tags) > 1 else not is_blank(texts[-1])

        texts = opened(batch.texts, wanted[0] if self.opened_in_prompt else "")
        return [hit if fits(text) else miss for text in texts]
