from __future__ import annotations

import rewardkit as rk
from rewardkit._workers import pool


def test_each_outcome_has_its_value():
    reward = rk.build(
        "correct", verifier="number", correct=2.0, wrong=-1.0, no_answer=-2.0, bad_reference=-3.0
    )
    completions = ["<answer>4</answer>", "<answer>5</answer>", "none", "<answer>4</answer>"]
    assert reward(completions=completions, answer=["4", 4, "4", "?"]) == [2.0, -1.0, -2.0, -3.0]
    assert reward.bounds == (-3.0, 2.0)


def test_an_unreadable_reference_abstains_by_default():
    reward = rk.build("correct", verifier="number")
    completions = ["<answer>4</answer>", "<answer></answer>", ""]
    assert reward(completions=completions, answer=[None, "", "four"]) == [None, None, None]


def test_the_why_is_the_outcome_and_its_detail():
    reward = rk.build("correct", verifier="number", extractor="whole")
    batch = rk.Batch.of("4", "4 or 5", answer=["4", "4"])
    assert [score.why for score in reward.score(batch)] == ["correct", "wrong: not one number"]


def test_another_column():
    reward = rk.build("correct", verifier="exact", extractor="hash", reference="solution")
    assert reward(completions=["#### 4"], solution=["4"], answer=["5"]) == [1.0]


def test_the_share_of_timeouts_is_logged(monkeypatch):
    monkeypatch.setattr(pool, "run", lambda function, rows, **limits: [pool.TIMEOUT] * len(rows))
    given = {
        "completions": [r"\int_0^3 z^2 dz", "9", "8", "7"],
        "answer": ["9"] * 4,
    }
    for name in ("correct", "cosine_length"):
        logged = {}
        reward = rk.build(name, verifier=rk.build("math"), extractor=rk.build("whole"), name="r")
        reward(**given, log_metric=logged.__setitem__)
        assert logged == {"r/timeouts": 0.25}
    logged = {}
    exact = rk.build("correct", verifier=rk.build("exact"), extractor=rk.build("whole"))
    exact(**given, log_metric=logged.__setitem__)
    assert logged == {}
