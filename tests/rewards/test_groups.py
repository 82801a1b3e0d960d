from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.rewards import BestOf, Difficulty, Relative, Where

VALUES = st.lists(st.none() | st.integers(-3, 3).map(float), min_size=1, max_size=8)


class Given(rk.Reward):
    """The column's values."""

    bounds = (-3.0, 3.0)

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(value, "why") for value in batch.column("value")]


def score(reward, values, prompts=None):
    prompts = prompts or ["p"] * len(values)
    return reward(prompts=prompts, completions=[""] * len(values), value=values)


@given(VALUES)
def test_a_rank_is_the_share_of_rows_beaten_with_equal_ones_half(values):
    known = [value for value in values if value is not None]
    for value, rank in zip(values, score(Relative(reward=Given()), values), strict=True):
        if value is None or len(known) == 1:
            assert rank is None
        else:
            beaten = sum(other < value for other in known)
            equal = sum(other == value for other in known) - 1
            assert rank == pytest.approx((beaten + equal / 2) / (len(known) - 1))


@given(VALUES)
def test_a_z_score_is_numpys(values):
    known = [value for value in values if value is not None]
    scores = score(Relative(reward=Given(), by="z_score"), values)
    deviation = np.std(known, ddof=1) if len(known) > 1 else 0.0
    for value, found in zip(values, scores, strict=True):
        if value is None or len(known) == 1:
            assert found is None
        elif deviation:
            assert found == pytest.approx((value - np.mean(known)) / deviation)
        else:
            assert found == 0


def test_an_infinity_has_a_rank_and_no_z_score():
    # which would be a NaN for it, and 0 for the others
    assert score(Relative(reward=Given()), [1.0, math.inf]) == [0.0, 1.0]
    with pytest.raises(ValueError, match=r"gave inf, which has no z-score; Clip\("):
        score(Relative(reward=Given(), by="z_score"), [1.0, math.inf])


@given(VALUES)
def test_the_best_is_every_rows(values):
    known = [value for value in values if value is not None]
    assert score(BestOf(reward=Given()), values) == [max(known, default=None)] * len(values)


def test_groups_are_compared_apart():
    prompts = ["p", "p", "q", "q", "r"]
    assert score(Relative(reward=Given()), [1.0, 2.0, 9.0, 8.0, 3.0], prompts) == [0, 1, 1, 0, None]
    assert score(BestOf(reward=Given()), [1.0, 2.0, 9.0, 8.0, 3.0], prompts) == [2, 2, 9, 9, 3]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # a quarter passes: half way up; half passes: the top; all and none: nothing
        ([3.0, 1.0, 1.0, 1.0], [1.5, 0.5, 0.5, 0.5]),
        ([3.0, 3.0, 1.0, 1.0], [3.0, 3.0, 1.0, 1.0]),
        ([3.0, 3.0], [0.0, 0.0]),
        ([1.0, 1.0], [0.0, 0.0]),
        ([3.0, None, 1.0, None], [3.0, None, 1.0, None]),
        ([None], [None]),
    ],
)
def test_a_group_weighs_by_its_pass_rate(values, expected):
    assert score(Difficulty(reward=Given()), values) == expected


def test_the_pass_rate_is_logged_and_may_have_another_value():
    metrics = {}
    reward = Difficulty(reward=Given(), passing=1.0, points=[(0, 1), (1, 3)])
    found = reward(
        prompts=["p", "p", "q", "q"],
        completions=[""] * 4,
        value=[1.0, 0.0, 2.0, 2.0],
        log_metric=metrics.__setitem__,
    )
    assert found == [2.0, 0.0, 6.0, 6.0]
    assert fmean(metrics.values()) == 0.75
    assert next(iter(metrics)).endswith("pass_rate")


def test_skipped_rows_do_not_count_in_a_group():
    only = Where(reward=Given(), column="task", equals="a")
    found = Relative(reward=only)(
        prompts=["p"] * 3, completions=[""] * 3, value=[1.0, 5.0, 2.0], task=["a", "b", "a"]
    )
    assert found == [0.0, None, 1.0]


def test_bounds():
    assert Relative(reward=Given()).bounds == (0.0, 1.0)
    assert Relative(reward=Given(), by="z_score").bounds == (-math.inf, math.inf)
    assert Difficulty(reward=Given(), points=[(0, 2), (1, 0.5)]).bounds == (-6.0, 6.0)
    assert BestOf(reward=Given()).bounds == (-3.0, 3.0)
    assert not BestOf(reward=Given()).pointwise


def test_points_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match=r"points: got 0 after 0\.5, expected them to rise"):
        Difficulty(reward=Given(), points=[(0.5, 1), (0, 1)])


def test_a_reward_without_an_upper_bound_needs_a_value_to_pass():
    unbounded = Relative(reward=Given(), by="z_score")
    with pytest.raises(ValueError, match=r"passing: .* has no upper bound; give the value"):
        Difficulty(reward=unbounded)
    assert score(Difficulty(reward=unbounded, passing=0.5), [3.0, 1.0]) == pytest.approx(
        [math.sqrt(0.5), -math.sqrt(0.5)]
    )
