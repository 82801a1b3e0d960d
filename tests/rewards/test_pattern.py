from __future__ import annotations

import time

import pytest

import rewardkit as rk


@pytest.mark.parametrize(
    ("where", "values"),
    [("search", [1.0, 1.0, 1.0]), ("match", [1.0, 0.0, 1.0]), ("fullmatch", [1.0, 0.0, 0.0])],
)
def test_where_it_may_match(where, values):
    reward = rk.build("regex_match", pattern=r"\d+", where=where, otherwise=0.0)
    assert reward(completions=["42", "so 42", "42 it is"]) == values


def test_a_pattern_that_runs_away_costs_no_more_than_its_timeout():
    reward = rk.build(
        "regex_match", pattern=r"(a|aa)+$", where="fullmatch", otherwise=-1.0, timeout=0.05
    )
    start = time.monotonic()
    batch = rk.Batch.of("a" * 60 + "!")
    assert reward.score(batch) == [rk.Score(-1.0, "no match within 0.05 s")]
    assert time.monotonic() - start < 5
