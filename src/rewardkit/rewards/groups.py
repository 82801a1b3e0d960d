"""A reward within its group, the completions of a prompt: `Relative`, `Difficulty`, `BestOf`.

If a trainer splits a group over several processes, each sees the part that it has, and compares
within that.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Literal, Self, final

from pydantic import model_validator

from rewardkit._score_checks import checked_scores
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward, scale_bounds
from rewardkit.rewards.wrappers import Points, interpolate


class _Grouped(Reward):
    """What the three share: a reward, and the groups of its scores."""

    reward: Reward
    """The reward to compare within the group."""

    @property
    def pointwise(self) -> bool:
        """False: a value depends on the other rows of the group."""
        return False

    def _score_groups(self, batch: Batch) -> Iterator[list[Score]]:
        groups = batch.groups()
        scores = checked_scores(self.reward.score_unchecked(batch), len(batch), self.reward)
        return ([scores[row] for row in rows] for rows in groups)


@final
@register("relative")
class Relative(_Grouped):
    """Where a reward's value lies among those of its group: its rank, or its z-score.

    For a reward whose unit says nothing, such as a reward model's, or one that would drown the
    others. Rows that the reward skips are skipped, and so is a row without another to compare. If a
    trainer splits a group over several processes, each compares the rows that it has.

    >>> from rewardkit.rewards import Length
    >>> shorter = Relative(reward=Length(target=0))
    >>> shorter(prompts=["p"] * 4, completions=["a", "aaaa", "aa", "aa"])
    [1.0, 0.0, 0.5, 0.5]
    """

    by: Literal["rank", "z_score"] = "rank"
    """`rank`: the fraction of the other rows that have a lower value, equal ones half, 0 to 1.
    `z_score`: the distance from the group's mean in standard deviations (of a sample, n - 1), 0 for
    a group of equal values."""

    @property
    def bounds(self) -> Bounds:
        """0 to 1 for ranks; none for z-scores, which grow with the square root of the group."""
        return (0.0, 1.0) if self.by == "rank" else (-math.inf, math.inf)

    def score(self, batch: Batch) -> list[Score]:
        """Return each row's rank or z-score (batch length).

        Raises ValueError if the batch has no prompts, which make the groups.
        """
        return [score for group in self._score_groups(batch) for score in self._compare(group)]

    def _compare(self, group: Sequence[Score]) -> Iterator[Score]:
        values = sorted(value for value, _ in group if value is not None)
        deviation = stdev(values) if self.by == "z_score" and len(values) > 1 else 0.0
        mean = fmean(values) if deviation else 0.0
        for value, why in group:
            if value is None:
                yield Score(None, why)
            elif len(values) == 1:
                yield Score(None, "alone in its group")
            elif self.by == "z_score":
                yield Score((value - mean) / deviation if deviation else 0.0, why)
            else:
                yield Score(rank_value(value, values), why)


def rank_value(value: float, ordered: Sequence[float]) -> float:
    """Return the fraction of the other values that are lower, equal ones counted half.

    >>> [rank_value(value, [0.0, 1.0, 1.0]) for value in (0.0, 1.0)]
    [0.0, 0.75]
    """
    ties = bisect_right(ordered, value) - 1 + bisect_left(ordered, value)
    return ties / (2 * (len(ordered) - 1))


@final
@register("difficulty")
class Difficulty(_Grouped):
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
        for group in self._score_groups(batch):
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


@final
@register("best_of")
class BestOf(_Grouped):
    """The best value of the group, for every row of it: what best-of-n sampling would get.

    For evaluation: in training all completions of a prompt would be equal. If a group is split over
    several processes, each takes the best of the rows that it has.

    >>> from rewardkit.rewards import Length
    >>> best = BestOf(reward=Length(target=0))
    >>> best(prompts=["p", "p", "q"], completions=["a", "aaa", "aa"])
    [-1.0, -1.0, -2.0]
    """

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds."""
        low, high = self.reward.bounds
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return the highest score of each row's group, with its why (batch length).

        None where the reward skips all rows of the group. Raises ValueError if the batch has no
        prompts, which make the groups.
        """
        scores: list[Score] = []
        for group in self._score_groups(batch):
            known = [score for score in group if score.value is not None]
            best = max(known, key=lambda score: score.value or 0.0, default=group[0])
            scores += [best] * len(group)
        return scores
