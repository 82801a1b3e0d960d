from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk


def outcome(name, reference, answer, **fields):
    (verdict,) = rk.build(name, **fields).verify([answer], [reference])
    return verdict.outcome.value


@pytest.mark.parametrize(
    ("fields", "reference", "answer", "expected"),
    [
        ({}, "Paris", "Paris", "correct"),
        ({}, "Paris", " Paris\n", "correct"),
        ({"strip": False}, "Paris", " Paris", "wrong"),
        ({}, "Paris", "paris", "wrong"),
        ({"case_sensitive": False}, "STRASSE", "straße", "correct"),
        ({}, 7, "7", "correct"),
        ({}, ["a", "b"], "b", "correct"),
        ({}, "", "", "bad_reference"),
        ({}, "x", "", "no_answer"),
        ({}, None, None, "bad_reference"),
    ],
)
def test_exact(fields, reference, answer, expected):
    assert outcome("exact", reference, answer, **fields) == expected


@pytest.mark.parametrize(
    ("fields", "reference", "answer", "expected"),
    [
        ({}, "42", "It is 42.", "correct"),
        ({}, "42", "It is 42", "correct"),
        ({}, "4", "It is 42.", "wrong"),
        ({}, "42", "It is -42.", "wrong"),
        ({}, "42", "It is 1.42.", "wrong"),
        ({}, "42", "It is 42.5.", "wrong"),
        ({}, "42", "It is 1,42", "wrong"),
        ({}, "42", "It is 42%", "wrong"),
        ({}, "42", "not 142, but 42", "correct"),
        ({}, "cat", "concatenate", "wrong"),
        ({}, "cat", "a cat!", "correct"),
        ({"whole": False}, "cat", "concatenate", "correct"),
        ({"case_sensitive": False}, "Cat", "a CAT", "correct"),
        ({}, "cat", None, "no_answer"),
        ({}, None, "cat", "bad_reference"),
    ],
)
def test_contains(fields, reference, answer, expected):
    assert outcome("contains", reference, answer, **fields) == expected


@given(
    words=st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=6),
    word=st.text("abc", min_size=1, max_size=3),
)
def test_contains_agrees_with_splitting_into_words(words, word):
    expected = "correct" if word in words else "wrong"
    assert outcome("contains", word, " ".join(words)) == expected
