from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.verify import Number


def outcome(reference, answer, **fields):
    (verdict,) = rk.build("number", **fields).verify([answer], [reference])
    return verdict.outcome.value


@pytest.mark.parametrize(
    ("reference", "answer", "expected"),
    [
        ("50", "50%", "correct"),
        ("0.5", "50%", "correct"),
        ("50%", "0.5", "correct"),
        ("50%", "50", "correct"),
        ("0.5", "50", "wrong"),
        ("5%", "50%", "wrong"),
        ("1234", "1,234", "correct"),
        ("3", "x=3", "correct"),
        ("1/2", "01/02", "correct"),
        ("3", "3/1/2024", "wrong"),
        ("42", "-42", "wrong"),
        ("-42", "42", "wrong"),
        ("0", "0.0", "correct"),
        ("0", "-0", "correct"),
        ("0.3", "0.30000000000000004", "wrong"),
        ("1/3", "0.3333", "wrong"),
        (1000, "$1,000.00", "correct"),
        (0.1, "1/10", "correct"),
        (7.0, "7", "correct"),
        (["8", "7"], "7", "correct"),
        (["x", 7], "8", "wrong"),
        (["x", "y"], "8", "bad_reference"),
        ("7", None, "no_answer"),
        ("7", "", "no_answer"),
        ("7", "\n ", "no_answer"),
        ("7", "²", "wrong"),
        ("7", "5 6 7", "wrong"),
        ("seven", "seven", "bad_reference"),
        ("", "", "bad_reference"),
        (None, "7", "bad_reference"),
        (float("nan"), "nan", "bad_reference"),
        (float("inf"), "inf", "bad_reference"),
        pytest.param(10**400, "1e400", "correct", id="large"),
        pytest.param(10**5000, "1", "bad_reference", id="too large"),
        (Fraction(1, 3), "2/6", "correct"),
        ([], "7", "bad_reference"),
        ("seven", None, "bad_reference"),
    ],
)
def test_number(reference, answer, expected):
    assert outcome(reference, answer) == expected


def test_a_reference_that_is_not_a_number_may_be_text():
    assert outcome("Paris", " Paris ", or_text=True) == "correct"
    assert outcome("Paris", "paris", or_text=True) == "wrong"
    assert outcome("7", "7.0", or_text=True) == "correct"
    assert outcome(" ", "7", or_text=True) == "bad_reference"


@pytest.mark.parametrize(
    ("fields", "answer", "expected"),
    [
        ({"rel_tol": 0.1}, "110", "correct"),
        ({"rel_tol": 0.1}, "90", "correct"),
        ({"rel_tol": 0.1}, "110.0001", "wrong"),
        ({"abs_tol": 0.5}, "100.5", "correct"),
        ({"abs_tol": 0.5}, "100.51", "wrong"),
        ({"abs_tol": 0.5, "rel_tol": 0.1}, "109", "correct"),
        ({"abs_tol": 0.5}, "1.5%", "wrong"),
    ],
)
def test_tolerances_are_exact_and_relative_to_the_reference(fields, answer, expected):
    assert outcome("100", answer, **fields) == expected


@given(number=st.fractions())
def test_a_number_equals_itself_and_not_the_next_number(number):
    text = f"{number.numerator}/{number.denominator}"
    assert outcome(text, text) == "correct"
    assert outcome(text, f"{number.numerator + 1}/{number.denominator}") == "wrong"


def test_lengths_must_match():
    with pytest.raises(
        ValueError, match="got 2 answers for 1 references, expected one per reference"
    ):
        rk.build("number").verify(["1", "2"], ["1"])


@pytest.mark.parametrize(("answers", "references"), [("42", "42"), (["4", "2"], "42")])
def test_a_text_in_place_of_a_list_is_refused_and_not_compared_by_its_letters(answers, references):
    with pytest.raises(TypeError, match=r"got '42' \(str\), expected a list: verify"):
        Number().verify(answers, references)
