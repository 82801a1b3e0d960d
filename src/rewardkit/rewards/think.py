"""Reasoning between think tags, then an answer: TRL's `think_format_reward`, without its holes."""

from __future__ import annotations

from typing import final

from rewardkit._tags import is_blank, marks, opened, places
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
        hit, miss = (
            Score(self.value, "a thought, then an answer"),
            Score(0.0, "not the think layout"),
        )

        def fits(text: str) -> bool:
            found = places(text, wanted)
            if min(found) < 0:
                return False
            ends = [0, *(place + len(mark) for place, mark in zip(found, wanted, strict=True))]
            answer = text[ends[-1] :]
            between = [text[ends[i] : found[i]] for i in range(0, len(found), 2)]
            answered = not answer.strip() if len(self.tags) > 1 else not is_blank(answer)
            return answered and not any(map(str.strip, between))

        texts = opened(batch.texts, wanted[0] if self.opened_in_prompt else "")
        return [hit if fits(text) else miss for text in texts]
