"""Where the answer stands, against math-verify's own extraction."""

from __future__ import annotations

import math_verify
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.verify._math.candidates import candidates, said

WORDS = st.lists(
    st.sampled_from(
        ["so", "he", "has", "the total is", "answer", "The answer is", "and", "apples"]
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
NUMBERS = st.one_of(st.integers(0, 9999).map(str), st.integers(1000, 99999).map("{:,}".format))
PLACES = st.one_of(
    NUMBERS,
    NUMBERS.map("${}$".format),
    st.integers(0, 99).map(r"\boxed{{{}}}".format),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: rf"\({pair[0]} + {pair[1]}\)"),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: f"{pair[0]} + {pair[1]} = {pair[1]}"),
)
TEXTS = st.lists(
    st.tuples(WORDS, PLACES, st.sampled_from([".", ",", "\n", " dollars."])),
    min_size=1,
    max_size=4,
).map(lambda parts: " ".join(f"{words} {place}{end}" for words, place, end in parts))


@given(text=TEXTS)
def test_the_first_that_can_be_read_is_what_math_verify_finds(text):
    expected = math_verify.parse(text, parsing_timeout=None)
    found = (math_verify.parse(f"${part}$", parsing_timeout=None) for part in candidates(text))
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
        ("no mathematics stands here", None),
    ],
)
def test_candidates(text, expected):
    assert next(iter(candidates(text)), None) == expected


@pytest.mark.parametrize("text", ["x+1", r"\sin(x)", r"\frac{1}{2}", "(1, 2)", r"\text{Monday}"])
def test_bare_mathematics_has_no_place(text):
    assert candidates(text) is None


def test_said():
    assert said("Answer: no. The answer is yes, or so.\nElse no.") == "answer is yes, or so"
    assert said("nothing") is None
