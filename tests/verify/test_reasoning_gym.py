"""Answers are scored by the datasets of Reasoning Gym, whose scorers run nothing that they read."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from rewardkit.extract import Whole
from rewardkit.rewards import Correct
from rewardkit.verify import ReasoningGym

pytestmark = pytest.mark.skipif(
    find_spec("reasoning_gym") is None, reason="reasoning-gym is not installed"
)

COUNTDOWN = {
    "question": "Make 24 of 2, 3, 4.",
    "answer": "2*3*4",
    "metadata": {"source_dataset": "countdown", "numbers": [2, 3, 4], "target": 24},
}
MATRIX = {
    "answer": "0 1\n1 2",
    "metadata": {"source_dataset": "binary_matrix", "solution": [[0, 1], [1, 2]]},
}


def judge(answer, reference, **fields):
    return ReasoningGym(**fields).verify([answer], [reference])[0]


@pytest.mark.parametrize(
    ("answer", "reference", "outcome"),
    [
        ("4*3*2", COUNTDOWN, "correct"),
        ("4*3*2", json.dumps(COUNTDOWN), "correct"),
        ("4*3*2", {**COUNTDOWN, "metadata": json.dumps(COUNTDOWN["metadata"])}, "correct"),
        ("4*3+2", COUNTDOWN, "wrong"),
        ("24", COUNTDOWN, "wrong"),
        ("0 1\n1 2", MATRIX, "correct"),
        ("[[0, 1], [1, 2]]", MATRIX, "wrong"),
        ("", COUNTDOWN, "no_answer"),
        (None, MATRIX, "no_answer"),
    ],
)
def test_the_scorer_of_the_dataset_decides(answer, reference, outcome):
    assert judge(answer, reference).outcome == outcome


def test_the_share_is_the_score():
    verdict = judge("0 1\n1 1", MATRIX)
    assert verdict.share is not None
    assert 0 <= verdict.share < 1
    assert verdict.detail == f"score {verdict.share:.3g}"
    assert judge("It is 12.", "12", dataset="gcd", threshold=0.1).outcome == "correct"


@pytest.mark.parametrize("answer", ["12", 12, 12.0])
def test_the_dataset_may_be_named_in_the_field(answer):
    assert judge("12", answer, dataset="gcd").outcome == "correct"
    assert judge("12", {"answer": answer, "metadata": {"source_dataset": "gcd"}}).share == 1.0
    assert judge("13", answer, dataset="gcd").outcome == "wrong"


def test_keys_that_are_numbers_and_tuples_reach_the_scorer():
    entry = {**COUNTDOWN, "metadata": {**COUNTDOWN["metadata"], 7: (1, 2)}}
    assert judge("4*3*2", entry).outcome == "correct"


@pytest.mark.parametrize(
    "program",
    [
        "__import__('os').mkdir({path!r})",
        "[__import__('os').mkdir({path!r})]",
        "[x for x in [__import__('os').mkdir({path!r})]]",
        "open({path!r}, 'w')",
        "exec(chr(111)+chr(112))",
        "().__class__.__base__.__subclasses__()",
        "sympify('1')",
        "lambda: 1",
    ],
)
@pytest.mark.parametrize("reference", [COUNTDOWN, MATRIX])
def test_no_answer_is_evaluated(tmp_path, program, reference):
    path = tmp_path / "made"
    verdict = judge(program.format(path=str(path)), reference)
    assert verdict.outcome == "wrong"
    assert not path.exists()


def test_an_answer_without_end_is_ended():
    outcomes = [
        verdict.outcome.value
        for verdict in ReasoningGym(timeout=0.5).verify(["9**9**9**9", "2*3*4"], [COUNTDOWN] * 2)
    ]
    assert outcomes == ["timeout", "correct"]


@pytest.mark.parametrize(
    ("reference", "fields", "reason"),
    [
        (None, {}, "expected a mapping"),
        ("24", {}, "expected a mapping"),
        (" ", {"dataset": "gcd"}, "expected a mapping"),
        ({"answer": "24"}, {}, "no dataset, and no source_dataset in the metadata"),
        ({"metadata": {"source_dataset": "gcd"}}, {}, "no answer"),
        ({"answer": "24", "metadata": {"source_dataset": 3}}, {}, "no dataset, and no source"),
        # the scorers would give every answer 0, or next to nothing
        (
            {"answer": "", "metadata": {"source_dataset": "gcd"}},
            {},
            "gcd: the entry's answer is ''",
        ),
        ({"answer": [], "metadata": {"source_dataset": "gcd"}}, {}, "the entry's answer is []"),
        ({"answer": None, "metadata": {"source_dataset": "gcd"}}, {}, "TypeError"),
        (
            {"answer": "24", "metadata": {"source_dataset": "countdown"}},
            {},
            "countdown: the entry's own answer scores 0.01; is its metadata complete?",
        ),
        ({"answer": "24", "metadata": 7}, {}, "expected a mapping, or JSON text"),
        ({"answer": "24"}, {"dataset": "gdc"}, "did you mean 'gcd'"),
        ({"answer": "0 1", "metadata": {"source_dataset": "sudoku"}}, {}, "sudoku: KeyError"),
        ({"answer": "24", "metadata": {"source_dataset": "gcd", "f": lambda: 1}}, {}, "pickled"),
    ],
)
@pytest.mark.parametrize("answer", ["24", ""])
def test_an_entry_that_cannot_be_scored_says_why(reference, fields, reason, answer):
    verdict = judge(answer, reference, **fields)
    assert verdict.outcome == "bad_reference"
    assert reason in verdict.detail


def test_a_reward_reads_the_entry_from_columns():
    right = Correct(verifier=ReasoningGym(), extractor=Whole(), reference=["answer", "metadata"])
    values = right(
        completions=["2*3*4", "nothing"],
        answer=["2*3*4"] * 2,
        metadata=[COUNTDOWN["metadata"], json.dumps(COUNTDOWN["metadata"])],
    )
    assert values[0] == 1.0
    assert values[1] is not None
    assert values[1] < 0.1
