"""Where the answer is found in a text: by construction, and by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.verify._math import parse_text as parsing
from rewardkit.verify._math.candidates import find_candidate, find_stated_answer

# Sentences without "answer": words, and a number between words.
WORDS = st.lists(
    st.sampled_from(["so", "he", "has", "the total is", "we get", "apples", "Ähnlich", "因此"]),
    min_size=1,
    max_size=4,
).map(" ".join)
NUMBERS = st.one_of(st.integers(0, 9999).map(str), st.integers(1000, 99999).map("{:,}".format))
SENTENCES = st.lists(st.tuples(WORDS, NUMBERS, WORDS), min_size=1, max_size=4)
END = st.sampled_from([". ", ".\n", "; then ", "\n\n"])


def write(sentences, end):
    return end.join(" ".join(parts) for parts in sentences) + "."


@given(sentences=SENTENCES, end=END)
def test_without_a_mark_the_last_number_is_the_answer(sentences, end):
    assert find_candidate(write(sentences, end)).text.strip() == sentences[-1][1]


@given(before=SENTENCES, after=SENTENCES, number=NUMBERS, end=END)
@pytest.mark.parametrize(
    "statement",
    ["The answer is {}.", "**Answer:** {}\n", "答案是{}。", "Ответ: {}.\n", r"\boxed{{{}}}. "],
)
def test_a_stated_answer_comes_before_other_numbers(statement, before, after, number, end):
    text = write(before, end) + " " + statement.format(number) + " " + write(after, end)
    assert find_candidate(text).text.strip() == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{1}, then \boxed{2}", "1, 2"),
        (r"\boxed{1} is wrong as one sees. So \boxed{2}", "2"),
        ("The final answer is $7$. That took 3 hours.", "7"),
        ("Answer: 5, since 2 + 3 = 5, and 9 is not.", "5"),
        ("He pays $4,500 in 3 parts, or $1,500 each", "1,500"),
        ("It is $1$ and $2$", r"1  \land  2"),
        (r"It is \frac{1}{2} in all.", r"\frac{1}{2}"),
        ("12 - 4 = 8 apples, then 8 * 2 apples", "8 * 2"),
        ("The answer to question 2 is 7.", "7"),
        ("The answer is 3 apples or 5 apples.", r"3 \lor 5"),
        ("He had 3 apples and 5 pears", "5"),
        ("It took 2 h 30 min", "2 h 30 min"),
        ("We need at least the number 5", ">= 5"),
        ("It is 5 (five).", "5"),
        ("He got 4*5=<<4*5=20>>20 dollars", "4*5=20 dollars"),
        ("no mathematics is here", ""),
    ],
)
def test_candidates(text, expected):
    assert find_candidate(text).text.split() == expected.split()


@pytest.mark.parametrize("text", ["x+1", r"\sin(x)", r"\frac{1}{2}", "(1, 2)", r"2\pi r"])
def test_bare_mathematics_has_no_candidate(text):
    assert find_candidate(text) is None


def test_the_last_stated_answer_is_found():
    stated = find_stated_answer("Answer: no. The answer is yes, or so.\nElse no.")
    assert stated.text == "yes, or so"
    assert find_stated_answer("nothing") is None


@given(sentences=SENTENCES, end=END)
def test_a_candidate_lies_within_the_text(sentences, end):
    text = write(sentences, end)
    found = find_candidate(text)
    assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize("count", [20, 60])
@pytest.mark.parametrize(
    "sentence",
    [
        "小明有三个苹果，又买了五个苹果，所以一共有 3 + 5 = 8 个。",
        "У Миши 3 яблока и ещё 5;",
        "りんごが 3 個と 5 個。",
    ],
)
def test_a_box_is_found_in_prose_of_any_script_and_length(sentence, count):
    text = sentence * count + r"\boxed{17}" + sentence
    assert find_candidate(text).text == "17"


def test_a_candidate_is_parsed_once(monkeypatch):
    parse_text, texts = parsing.parse_text, []
    monkeypatch.setattr(parsing, "parse_text", lambda text: texts.append(text) or parse_text(text))
    candidate = parsing.Candidate("1", 0, 1)
    assert texts == []
    assert candidate.parsed is candidate.parsed
    assert texts == ["1"]
