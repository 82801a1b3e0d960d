"""A reward beside the others of its group, the completions of a prompt: `Relative`, `BestOf`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from statistics import fmean
from typing import Literal, TypeAlias, final

from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds
from rewardkit.rewards._deviation import measure_deviation
from rewardkit.rewards._grouped import GroupReward, rank_value

PlaceValues: TypeAlias = Callable[[tuple[float, ...]], dict[float, float]]
"""Gives the rank or z-score of each value of a group, from its values in order."""


@final
@register("relative")
class Relative(GroupReward):
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

        Raises ValueError if the batch has no prompts, which make the groups, and for the z-score of
        an infinity.
        """
        # many groups have the same values: a reward of 0 or 1 makes nine different groups of eight
        place_values = cache(self._place_values)
        return [
            score for group in self.score_groups(batch) for score in _compare(group, place_values)
        ]

    def _place_values(self, values: tuple[float, ...]) -> dict[float, float]:
        """Return each value's rank or z-score."""
        distinct = {*values}  # of rewards that count or check something, only a few are
        if self.by == "rank":
            return {value: rank_value(value, values) for value in distinct}
        if len(distinct) < 2:  # noqa: PLR2004 - no deviation
            return dict.fromkeys(distinct, 0.0)
        if infinite := [value for value in distinct if math.isinf(value)]:
            message = (
                f"{self.reward.__name__} gave {infinite[0]}, which has no z-score;"
                " Clip(reward=..., low=..., high=...) keeps it within limits"
            )
            raise ValueError(message)
        mean, deviation = fmean(values), measure_deviation(values)
        return {value: (value - mean) / deviation if deviation else 0.0 for value in distinct}


def _compare(group: Sequence[Score], place_values: PlaceValues) -> list[Score]:
    values = tuple(sorted([value for value, _ in group if value is not None]))
    if len(values) == 1:
        alone = "alone in its group"
        return [Score(None, why if value is None else alone) for value, why in group]
    places = place_values(values)
    return [Score(None if value is None else places[value], why) for value, why in group]


@final
@register("best_of")
class BestOf(GroupReward):
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
        for group in self.score_groups(batch):
            known = [score for score in group if score.value is not None]
            best = max(known, key=lambda score: score.value or 0.0, default=group[0])
            scores += [best] * len(group)
        return scores
