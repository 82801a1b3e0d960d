"""A reward weighted by how hard its prompt is for the model."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Self, final

from pydantic import model_validator

from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, scale_bounds
from rewardkit.rewards._grouped import GroupReward
from rewardkit.rewards.wrappers import Points, interpolate


@final
@register("difficulty")
class Difficulty(GroupReward):
    """A reward weighted by how many of its group pass, since all or none teach little.

    By default the weight is 0 where all or none pass, as in DAPO's dynamic sampling (Yu et al.,
    2025, equation 11), and rises in straight lines to 1 where half do. If a trainer splits a group
    over several processes, each takes the pass rate of the rows that it has.

    >>> from rewardkit.rewards import XmlSoft
    >>> hard = Difficulty(reward=XmlSoft(value=1.0), points=[(0, 2.0), (1, 1.0)])
    >>> done = "<reasoning>r</reasoning><answer>4</answer>"
    >>> hard(prompts=["p", "p", "q"], completions=[done, "4", done])
    [1.5, 0.0, 1.0]
    """

    passing: float | None = None
    """The value from which a row passes; None for the reward's upper bound, which it must have."""
    points: Points = ((0.0, 0.0), (0.5, 1.0), (1.0, 0.0))
    """Pairs of a pass rate, 0 to 1, and the weight there, the rates rising."""

    @model_validator(mode="after")
    def _check_passing(self) -> Self:
        # nothing would reach infinity, and every weight would be that of a rate of 0
        if self.passing is None and not math.isfinite(self.reward.bounds[1]):
            raise ValueError(
                f"passing: {self.reward.__name__} has no upper bound; give the value from which a"
                " row passes, as in passing=0.5"
            )
        return self

    @property
    def bounds(self) -> Bounds:
        """The extremes over all weights."""
        ends = [
            end for _, weight in self.points for end in scale_bounds(self.reward.bounds, weight)
        ]
        return min(ends), max(ends)

    def score(self, batch: Batch) -> list[Score]:
        """Return each row's score times its group's weight (batch length).

        The batch's mean pass rate goes to the logs as `pass_rate`. Raises ValueError if the batch
        has no prompts, which make the groups.
        """
        passing = self.reward.bounds[1] if self.passing is None else self.passing
        scores: list[Score] = []
        rates: list[float | None] = []
        for group in self.score_groups(batch):
            passed = [value >= passing for value, _ in group if value is not None]
            rate = fmean(passed) if passed else None
            rates += [rate] * len(group)
            weight = 0.0 if rate is None else interpolate(self.points, rate)
            note = f"{sum(passed)} of {len(passed)} pass"
            for value, why in group:
                if value is not None:
                    value, why = weight * value, f"{why}; {note}" if why else note  # noqa: PLW2901
                scores.append(Score(value, why))
        batch.log("pass_rate", rates)
        return scores
