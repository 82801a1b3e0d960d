"""What is paid and what is not: pairs by kind, each right or wrong by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rewardkit as rk

MATH = rk.build("math", timeout=20)
LINES = (Path(__file__).parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
KINDS = [json.loads(line) for line in LINES]


def list_pairs(label):
    return [
        pytest.param(row["reference"], answer, id=f"{row['kind']}: {row['reference']} <- {answer}")
        for row in KINDS
        for answer in row[label]
    ]


def is_paid(answer, reference):
    (verdict,) = MATH.verify([answer], [reference])
    return verdict.outcome is rk.Outcome.CORRECT


@pytest.mark.parametrize(("reference", "answer"), list_pairs("right"))
def test_what_is_right_is_paid(reference, answer):
    assert is_paid(answer, reference)


@pytest.mark.parametrize(("reference", "answer"), list_pairs("wrong"))
def test_what_is_wrong_is_not_paid(reference, answer):
    assert not is_paid(answer, reference)
