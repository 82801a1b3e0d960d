"""A plugin for rewardkit: a penalty for each emoji in a completion."""

from __future__ import annotations

import math
from typing import Annotated, final

from pydantic import Field

import rewardkit as rk


@final
@rk.register("emoji/penalty")
class EmojiPenalty(rk.Reward):
    """Minus a penalty for each emoji.

    >>> EmojiPenalty(penalty=0.5)(completions=["Four! 🎉", "4"])
    [-0.5, 0.0]
    """

    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What each emoji costs."""

    @property
    def bounds(self) -> tuple[float, float]:
        """At most 0, with no lower limit."""
        return -math.inf, 0.0

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        """Count the emoji of each completion and multiply by minus the penalty."""
        # the blocks from pictographs to extended pictographs; older symbols such as ☺ do not count
        counts = [
            sum("\U0001f300" <= character <= "\U0001faff" for character in text)
            for text in batch.texts
        ]
        return [rk.Score(0.0 - self.penalty * count, f"{count} emoji") for count in counts]
