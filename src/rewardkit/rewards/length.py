"""How long a completion is: `reward_len` of the Hugging Face course's GRPO unit (2025)."""

from __future__ import annotations

import math
from typing import Annotated, Literal, final

from pydantic import Field

from rewardkit.batch import Batch
from rewardkit.component import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("length")
class Length(Reward):
    """Less the further a completion's length is from the target; 0 at the target.

    >>> Length(target=3, unit="words")(completions=["one two three", "one"])
    [0.0, -2.0]
    """

    target: Annotated[float, Field(ge=0)]
    """The length to aim at, in the unit."""
    unit: Literal["characters", "words", "tokens"] = "characters"
    """Characters; words between white space; or the tokens in the trainer's `completion_ids`."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What each unit off the target costs."""

    @property
    def bounds(self) -> Bounds:
        """At most 0, with no lower limit: `rk.build("clip", ...)` sets one."""
        return -math.inf, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the distance for each completion.

        Raises ValueError where tokens are to be counted and the batch has none.
        """
        if self.unit == "characters":
            lengths = [len(text) for text in batch.texts]
        elif self.unit == "words":
            lengths = [len(text.split()) for text in batch.texts]
        elif batch.completion_ids is not None:
            lengths = [len(ids) for ids in batch.completion_ids]
        else:
            message = "unit='tokens' needs completion_ids=[[...], ...]; pass them, or count words"
            raise ValueError(message)
        return [
            Score(0.0 - self.penalty * abs(self.target - length), f"{length} {self.unit}")
            for length in lengths
        ]
