"""pass@k by counting subsets, and which reward says that a completion passes."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._scored.passes import (
    PassRule,
    choose_reward,
    make_rule,
    pass_at_k,
    rule_of,
    summarize_passes,
)

samples_and_passed = st.integers(1, 9).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
)


@given(samples_and_passed)
def test_pass_at_k_is_the_share_of_subsets_with_one_that_passed(case):
    samples, passed, k = case
    outcomes = [index < passed for index in range(samples)]
    subsets = [any(subset) for subset in combinations(outcomes, k)]
    assert pass_at_k(samples, passed, k) == pytest.approx(
        float(Fraction(sum(subsets), len(subsets)))
    )


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_pass_at_one_is_the_pass_rate_and_more_tries_never_hurt(case):
    samples, passed = case
    assert pass_at_k(samples, passed, 1) == pytest.approx(passed / samples)
    tries = [pass_at_k(samples, passed, k) for k in (1, max(1, samples // 2), samples)]
    assert tries == sorted(tries)
    assert tries[-1] == (passed > 0)


@pytest.mark.parametrize("case", [(0, 0, 1), (4, 5, 1), (4, -1, 1), (4, 1, 0), (4, 1, 5)])
def test_impossible_counts_are_refused(case):
    with pytest.raises(ValueError, match=f"got samples={case[0]}, passed={case[1]}, k={case[2]}"):
        pass_at_k(*case)


def test_a_summary_by_hand():
    # pass rates 0, 1/2 and 1; pairs: none of 1, 5 of 6 and all
    counts = {(2, 0): 1, (4, 2): 1, (4, 4): 1, (0, 0): 7}
    rates = summarize_passes(PassRule("right", 1.0), counts)
    assert (rates.groups, rates.never, rates.always) == (3, 1 / 3, 1 / 3)
    assert [(each.k, each.groups) for each in rates.pass_at] == [(1, 3), (2, 3), (4, 2)]
    assert [each.value for each in rates.pass_at] == pytest.approx([0.5, (0 + 5 / 6 + 1) / 3, 1.0])
    assert summarize_passes(PassRule("right", 1.0), {(0, 0): 3}) is None


RIGHT = rk.build("correct", verifier="number", correct=2.0)


@pytest.mark.parametrize(
    ("values", "rewards", "options", "rule"),
    [
        ({"a": [0.0, 1.0], "b": [3.0]}, {"b": RIGHT}, {}, ("b", 2.0)),
        ({"a": [0.0, 1.0], "b": [3.0]}, {"b": RIGHT}, {"reward": "a"}, ("a", 1.0)),
        ({"a": [0.0], "b": [3.0]}, {"b": RIGHT}, {"least": 0.5}, ("b", 0.5)),
        ({"Accuracy": [0.0, 0.5], "b": [1.0]}, {}, {}, ("Accuracy", 0.5)),
        ({"a": [0.0, 0.0]}, {}, {}, ("a", 1.0)),
        ({"a": [None]}, {}, {}, ("a", 1.0)),
    ],
)
def test_the_reward_that_decides(values, rewards, options, rule):
    name = choose_reward([*values], rewards, options.pop("reward", None))
    assert make_rule(name, rewards, values[name], **options) == rule


def test_no_rule_and_unknown_names():
    assert choose_reward(["a", "b"], {}) is None
    assert choose_reward(["a", "right_a", "right_b"], {}) is None
    with pytest.raises(ValueError, match=r"pass_reward='rigth'.*did you mean 'right'"):
        choose_reward(["right"], {}, "rigth")


def test_a_wrapped_reward_and_a_bonus_for_short_answers():
    clipped = rk.build("clip", reward=RIGHT, low=0.0, high=1.0)
    assert rule_of("right", clipped) == ("right", 1.0)
    assert rule_of("short", rk.build("cosine_length", verifier="number")) is None
    assert rule_of("mine", len) is None
    assert PassRule("right", 0.3).passed(0.1 + 0.2)
    assert PassRule("right", 0.3).passed(None) is None
