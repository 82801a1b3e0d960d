"""Where the answer is found, against math-verify's own extraction."""

from __future__ import annotations

import math_verify
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.verify._math import parse_text as parsing
from rewardkit.verify._math.candidates import MAX_CANDIDATES, find_candidate, find_stated_answer

WORDS = st.lists(
    st.sampled_from(
        ["so", "he", "has", "the total is", "answer", "The answer is", "and", "apples"]
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
NUMBERS = st.one_of(st.integers(0, 9999).map(str), st.integers(1000, 99999).map("{:,}".format))
MATHEMATICS = st.one_of(
    NUMBERS,
    NUMBERS.map("${}$".format),
    st.integers(0, 99).map(r"\boxed{{{}}}".format),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: rf"\({pair[0]} + {pair[1]}\)"),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: f"{pair[0]} + {pair[1]} = {pair[1]}"),
)
TEXTS = st.lists(
    st.tuples(WORDS, MATHEMATICS, st.sampled_from([".", ",", "\n", " dollars."])),
    min_size=1,
    max_size=4,
).map(lambda parts: " ".join(f"{words} {mathematics}{end}" for words, mathematics, end in parts))


@given(text=TEXTS)
def test_the_first_readable_candidate_is_what_math_verify_finds(text):
    expected = math_verify.parse(text, parsing_timeout=None)
    found = (
        math_verify.parse(f"${candidate.text}$", parsing_timeout=None)
        for candidate in find_candidates(text)
    )
    ours = next((parsed for parsed in found if not isinstance(parsed[0], str)), [])
    assert math_verify.verify(expected[:1], ours[:1], timeout_seconds=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{1}, then \boxed{2}", "1, 2"),
        (
            r"\boxed{1} is wrong as one sees. So \boxed{2}",
            "2",
        ),
        ("The final answer is $7$. That took 3 hours.", "7"),
        ("Answer: 5, since 2 + 3 = 5, and 9 is not.", "5"),
        ("He pays $4,500 in 3 parts, or $1,500 each", "1500"),
        ("$1$ and $2$", "1, 2"),
        (r"It is \frac{1}{2} in all.", r"\frac{1}{2}"),
        ("12 - 4 = 8 apples, then 8 * 2 apples", "8 * 2"),
        ("no mathematics is here", None),
    ],
)
def test_candidates(text, expected):
    found = find_candidates(text)
    assert (found[0].text if found else None) == expected


@pytest.mark.parametrize("text", ["x+1", r"\sin(x)", r"\frac{1}{2}", "(1, 2)", r"\text{Monday}"])
def test_bare_mathematics_has_no_candidates(text):
    assert find_candidates(text) is None


def test_the_last_stated_answer_is_found():
    stated = find_stated_answer("Answer: no. The answer is yes, or so.\nElse no.")
    assert stated.text == "answer is yes, or so"
    assert find_stated_answer("nothing") is None


@given(text=TEXTS)
def test_candidates_lie_within_the_text_and_differ(text):
    found = find_candidates(text)
    assert all(0 <= candidate.start < candidate.end <= len(text) for candidate in found)
    assert len({candidate.text for candidate in found}) == len(found) <= MAX_CANDIDATES


def test_a_candidate_is_parsed_once(monkeypatch):
    parse_text, texts = parsing.parse_text, []
    monkeypatch.setattr(parsing, "parse_text", lambda text: texts.append(text) or parse_text(text))
    candidate = parsing.Candidate("1", 0, 1)
    assert texts == []
    assert candidate.parsed is candidate.parsed
    assert texts == ["1"]
