from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.presets import published as published_presets


def ratio(answer, reference, **fields):
    reward = rk.build("ratio_match", extractor={"type": "whole"}, **fields)
    return reward(completions=[answer], answer=[reference])[0]


@pytest.mark.parametrize(
    ("kind", "answer", "fits"),
    [
        ("integer", "7", True),
        ("integer", "-7", True),
        ("integer", "7.0", True),
        ("integer", "1,000", True),
        ("integer", "$7", True),
        ("integer", "7.5", False),
        ("integer", "²", False),
        ("integer", "1 2", False),
        ("integer", "", False),
        ("number", "7.5", True),
        ("number", "3/4", True),
        ("number", "x", False),
        ("digits", "²", True),
        ("digits", "-7", False),
    ],
)
def test_is_number(kind, answer, fits):
    reward = rk.build("is_number", kind=kind)
    assert reward(completions=[f"<answer>{answer}</answer>"]) == [0.5 if fits else 0.0]


def test_is_number_without_an_answer():
    assert rk.build("is_number")(completions=["7", "<answer>7", ""]) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("42", "42", 5.0),
        ("42.0", "42", 3.5),
        ("$1,000", "1000", 3.5),
        ("0.0", "0", 3.5),
        ("1", "0", -2.5),
        ("43", "42", 2.0),
        ("46.2", "42", 2.0),
        ("46.3", "42", 1.5),
        ("50.4", "42", 1.5),
        ("50.5", "42", -2.5),
        ("-42", "42", -2.5),
        ("-43", "-42", 2.0),
        ("", "42", -4.5),
        ("1 42", "42", -4.5),
        ("x", "42", -4.5),
        ("x", "y", -4.5),
        ("y", "y", 5.0),
        ("42", None, None),
        ("42", "", None),
        ("42", 42, 5.0),
        ("50%", "0.5", 3.5),
        ("51%", "0.5", 2.0),
        ("0.51", "50%", 2.0),
        ("42", 42.0, 3.5),
        ("42", ["50", "42"], 5.0),
    ],
)
def test_ratio_match(answer, reference, value):
    assert ratio(answer, reference) == value


@given(
    reference=st.integers(-1000, 1000).filter(bool),
    answer=st.integers(-1500, 1500),
)
def test_near_never_pays_as_much_as_right(reference, answer):
    value = ratio(str(answer), str(reference))
    share = answer / reference
    if answer == reference:
        assert value == 5.0
    elif not math.isclose(abs(share - 1), 0.1) and not math.isclose(abs(share - 1), 0.2):
        assert value == (2.0 if abs(share - 1) < 0.1 else 1.5 if abs(share - 1) < 0.2 else -2.5)
    assert value <= 5.0


ANSWERS = st.one_of(
    st.sampled_from(
        ["", " ", "4", "4 ", "4.0", "1,000", "0", "0.0", "nan", "inf", "1e999", "x", "1_0", "٤"]
    ),
    st.floats().map(str),
    st.integers(-200, 200).map(str),
)


@given(text=ANSWERS, reference=ANSWERS.filter(str.strip))
def test_the_published_check_answer_is_a_ratio_of_floats(text, reference):
    if text == reference:
        expected = 5.0
    elif text.strip() == reference.strip():
        expected = 3.5
    else:
        try:
            share = float(text) / float(reference)
        except (ValueError, ZeroDivisionError):
            expected = -4.5
        else:
            expected = 2.0 if 0.9 <= share <= 1.1 else 1.5 if 0.8 <= share <= 1.2 else -2.5
    published = rk.load(
        "type: ratio_match\nextractor: {type: after, strip: false}\nequal: null\nparse: python\n"
    )
    assert published(completions=[f"so</think>{text}"], answer=[reference]) == [expected]
    assert published(completions=["so"], answer=[reference]) == [-2.0]


@given(text=st.text("0123456789.,- x", max_size=12), reference=ANSWERS.filter(str.strip))
def test_the_published_check_numbers_takes_the_first_run_of_digits_dots_and_commas(text, reference):
    found = re.search(r"-?[\d.,]+", text)
    if found is None:
        expected = -2.5
    else:
        try:
            expected = 3.5 if float(found[0].replace(",", "")) == float(reference) else -1.5
        except ValueError:
            expected = 0.0
    assert published_presets.check_numbers(completions=[text], answer=[reference]) == [expected]
