"""What rewards that compare a value with the others of its group share.

If a trainer splits a group over several processes, each sees the part that it has, and compares
within that.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from rewardkit._score_checks import checked_scores
from rewardkit.batch import Batch
from rewardkit.result import Score
from rewardkit.reward import Reward


class GroupReward(Reward):
    """What the three share: a reward, and the groups of its scores."""

    reward: Reward
    """The reward to compare within the group."""

    @property
    def pointwise(self) -> bool:
        """False: a value depends on the other rows of the group."""
        return False

    def score_groups(self, batch: Batch) -> Iterator[list[Score]]:
        """Yield the scores of each group; ValueError if the batch has no prompts."""
        groups = batch.groups()
        scores = checked_scores(self.reward.score_unchecked(batch), len(batch), self.reward)
        return (scores[rows.start : rows.stop] for rows in groups)


def rank_value(value: float, ordered: Sequence[float]) -> float:
    """Return the fraction of the other values that are lower, equal ones counted half.

    >>> [rank_value(value, [0.0, 1.0, 1.0]) for value in (0.0, 1.0)]
    [0.0, 0.75]
    """
    ties = bisect_right(ordered, value) - 1 + bisect_left(ordered, value)
    return ties / (2 * (len(ordered) - 1))
