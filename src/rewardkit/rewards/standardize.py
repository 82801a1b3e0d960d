"""A reward in standard deviations of its last values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Annotated, Any, final

from pydantic import Field, PrivateAttr

from rewardkit._score_checks import checked_scores
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward
from rewardkit.rewards._deviation import measure_deviation


class _Steps(dict[int, list[float]]):
    """The values by step that this process has seen. No part of the reward's identity."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        """Rewards with equal fields are equal, whatever they have seen."""
        return isinstance(other, _Steps)

    def __reduce__(self) -> tuple[Any, ...]:
        """Start empty in another process."""
        return _Steps, ()


@final
@register("standardize")
class Standardize(Reward):
    """How far a reward's value is from its running mean, in standard deviations.

    The mean and the deviation (of a sample, n - 1) are those of all values of the last `window`
    steps, this one included, as far as this process has seen them. For a reward whose scale is
    unknown or drifts, such as a reward model's, beside others in a sum; `relative` compares within
    a group instead. Outside training, where no step is known, they are those of the batch. Rows
    that the reward skips are skipped.

    >>> from rewardkit.rewards import Length
    >>> Standardize(reward=Length(target=0))(completions=["a", "aaa", "aaaaa"])
    [1.0, 0.0, -1.0]
    """

    reward: Reward
    """The reward to standardize."""
    window: Annotated[int, Field(ge=1)] = 50
    """Over how many steps."""
    _steps: _Steps = PrivateAttr(default_factory=_Steps)

    @property
    def pointwise(self) -> bool:
        """False: a value depends on the other rows and steps."""
        return False

    @property
    def reads_prompt(self) -> bool:
        """Whether the reward does: the other rows are those of the batch, not of a group."""
        return bool(self.reward.reads_prompt)

    @property
    def bounds(self) -> Bounds:
        """None; `clip` gives limits."""
        return -math.inf, math.inf

    def score(self, batch: Batch) -> list[Score]:
        """Return each row's distance from the running mean (batch length); 0 without a deviation.

        The mean and the deviation go to the logs as `mean` and `deviation`. A second batch of a
        step replaces the first in the window.
        """
        scores = checked_scores(self.reward.score_unchecked(batch), len(batch), self.reward)
        values = [value for value, _ in scores if value is not None and math.isfinite(value)]
        seen = self._add(batch.step, values)
        if not seen:
            return [*scores]
        mean = fmean(seen)
        deviation = measure_deviation(seen) if len(seen) > 1 else 0.0
        batch.log(f"{self.__name__}/mean", [mean])
        batch.log(f"{self.__name__}/deviation", [deviation])
        return [
            Score(value if value is None else (value - mean) / deviation if deviation else 0.0, why)
            for value, why in scores
        ]

    def _add(self, step: int | None, values: Sequence[float]) -> list[float]:
        """Keep the values of a step; return those of the window."""
        if step is None:
            return [*values]
        self._steps[step] = [*values]
        # other threads may add and leave out steps meanwhile, hence the copies
        for old in tuple(self._steps):
            if not step - self.window < old <= step:
                self._steps.pop(old, None)  # later ones too: the run was resumed from a checkpoint
        return [value for kept in tuple(self._steps.values()) for value in kept]
