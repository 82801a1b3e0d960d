"""The letters that completions state as their choice, in several languages."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text import choices


def choose(text, **fields):
    return rk.build("choice", **{"options": "ABCD", **fields}).extract(text)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Antwort: D", "D"),
        ("La respuesta correcta es D.", "D"),
        ("La risposta corretta è D.", "D"),
        ("Правильный ответ — D.", "D"),
        ("The answer is most likely D.", "D"),
        ("I'd pick D.", "D"),
        (r"so \boxed D", "D"),
        ("<b>D</b>", "D"),
        ("Answer: D or possibly A", None),
        ("La respuesta correcta es D o A.", None),
        ("Die Antwort ist B, denn A ist zu klein.", "B"),
        ("Die richtige Antwort lautet (C).", "C"),
        ("Jawaban: A", "A"),
        ("Jawabannya adalah C.", "C"),
        ("La réponse est B.", "B"),
        ("Réponse : D", "D"),
        ("La respuesta correcta es (A).", "A"),
        ("Respuesta: A", "A"),
        ("A resposta é C.", "C"),
        ("La risposta è D.", "D"),
        ("Ответ: B", "B"),
        ("答案：A", "A"),
        ("所以正确答案是（D）。", "D"),
        ("故选：B", "B"),
        ("选项B", "B"),
        ("正解はCです", "C"),
        ("정답은 B입니다", "B"),
        ("Đáp án: C", "C"),
        ("The correct answer is c.", "C"),
        ("answer: (b)", "B"),
        ("c", "C"),
        ("c) 12", "C"),
        ("The answer is a cat.", None),
        (r"\boxed{ C }", "C"),
        (r"\boxed{\text{(C)} 17}", "C"),
        (r"\boxed{\textbf{(C)}\ 17}", "C"),
        (r"\boxed{C: a long option}", "C"),
        (r"\fbox{C}", "C"),
        (r"I tried \boxed{A}, but it must be \boxed{C}", "C"),
        (r"\boxed{A}, \boxed{}", "A"),
        (r"\boxed{A, C}", None),
        (r"\boxed{A \text{ or } C}", None),
        ("The answer is B or D.", None),
        ("The answer is B and D.", None),
        ("The answer is (B) or (D).", None),
        ("The answer is **B** or **D**.", None),
        ("The answer is A, B, C, D.", None),
        ("The answer is B/D.", None),
        ("Antwort: B oder D", None),
        ("答案是B或D", None),
        ("答案：ABD", None),
        ("Answer: B, C", None),
        ("The answer is B, C is too small.", "B"),
        ("The answer is B or D. So the answer is D.", "D"),
        ("The answer is not A but C.", "C"),
        ("Not (A), but rather (C).", "C"),
        ("Nicht A, sondern C.", "C"),
        ("不是A，而是C", "C"),
        ("A is wrong, C is correct.", "C"),
        ("(A) is incorrect and (C) is right", "C"),
        ("A ist falsch, C ist richtig.", "C"),
        ("C正确", "C"),
        ("The answer is not A.", None),
        ("ANSWER: Definitely", None),
        ("A, B, C, D", None),
        ("A or B", None),
        ("", None),
    ],
)
def test_a_choice(text, letter):
    assert choose(text) == letter


TWO = "The answer is A. Wait: the answer is C."


def test_which_of_several_statements_counts():
    assert choose(TWO) == "C"
    assert choose(TWO, which="first") == "A"
    assert choose(TWO, only=True) is None
    assert choose("Answer: C. So the answer is C.", only=True) == "C"


def test_a_part_of_the_completion():
    text = "<think>The answer is A.</think><answer>C</answer>"
    assert choose(text, within={"type": "tag"}) == "C"
    assert choose("The answer is A.", within={"type": "tag"}) is None


def test_options_in_small_letters():
    assert choose("The answer is B.", options="abcd") == "b"
    assert choose("b", options="abcd") == "b"


@given(text=st.text("ABCDabcd ().,*\\boxed{}是or\n", max_size=60))
def test_a_choice_is_one_of_the_options(text):
    assert choose(text) in {*"ABCD", None}
    assert choose(text, only=True) in {*"ABCD", None}


# What may begin an announcement, or look like it: the tables' own words, and pieces of them.
BEGINNINGS = sorted(
    {*re.findall(r"[^\W\d_]+", choices._ANSWER), "not", "nicht", "不是", "knot", "an"}
)
PIECES = [
    *BEGINNINGS,
    *map(str.upper, BEGINNINGS),
    *" :A(B)C.",
    "D,",
    "is",
    "but",
    "sondern",
    "而是",
]


@given(st.lists(st.sampled_from([*PIECES, r"\boxed{", "}", " B is correct"]), max_size=12))
def test_the_search_from_the_first_characters_finds_all(pieces):
    starts, announced, *_ = choices._compile_patterns("ABCD")
    for text in ("".join(pieces), " ".join(pieces)):
        found = [one.span() for one in choices._find_announced(starts, announced, text)]
        assert found == [one.span() for one in announced.finditer(text)]


def test_the_first_characters_are_there_in_every_case():
    characters = "".join(map(chr, range(sys.maxunicode + 1)))
    words = f"{choices._WORD_STARTS}|{choices._OTHER_STARTS}".split("|")
    firsts = {word[0] for word in words}
    assert {*re.findall(f"(?i)[{''.join(firsts)}]", characters)} == {*choices._FIRST_CHARACTERS}
    for word in [
        *re.findall(r"(?<=\\b)[^\W\d_]+", choices._ANSWER),
        "not",
        "nicht",
        "bukan",
        "pas",
    ]:
        assert re.match(rf"(?i)(?:{'|'.join(words)})", word), word


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed 8", "8"),
        (r"\boxed8", "8"),
        (r"so $\boxed 8$.", "8"),
        (r"so \boxed -2.5.", "-2.5"),
        (r"\fbox{8}", "8"),
        (r"\\boxed{8}", "8"),
        (r"\boxed{8} or \boxed{9}", "9"),
        (r"\boxed{8}, written in \boxed{}.", "8"),
        (r"\boxed{8}, written in \boxed{ }, see \boxed{\frac12", "8"),
        (r"\boxed{\frac{1}{2}} then \boxed{\boxed{}}", r"\boxed{}"),
        (r"\boxed{}", ""),
        (r"Write it in \boxed to finish", None),
        (r"Write it in \boxed. It is \boxed{3}.", "3"),
    ],
)
def test_the_box_that_counts(text, content):
    assert rk.build("boxed").extract(text) == content
