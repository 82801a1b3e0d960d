"""The presets of the notebooks with <SOLUTION> tags, against their rules as they are described."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rewardkit import presets
from rewardkit.audit import audit
from rewardkit.presets import solution, solution_opened
from rewardkit.train.recipe_sections import Rewards

NAMES = ["check_answer", "check_numbers", "match_format_approximately", "match_format_exactly"]
START, END, OPEN, CLOSE = MARKS = [
    *("<start_working_out>", "<end_working_out>", "<SOLUTION>", "</SOLUTION>")
]
PIECES = [*MARKS, "9", " 9 ", "9.0", "8", "-9", "1,000", ".", "so", "\n", " ", "0.85"]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
    st.tuples(*[st.sampled_from(["", *PIECES[4:]])] * 4).map(
        lambda four: f"{four[0]}{START}so{END}{four[1]}{OPEN}{four[2]}{CLOSE}{four[3]}"
    ),
)


def paid(module, name, text, answer="9"):
    return getattr(module, name)(completions=[text], answer=[answer])[0]


def ratio_value(guess, values):
    exact, stripped, near, far, wrong, unreadable = values
    if guess == "9":
        return exact
    if guess.strip() == "9":
        return stripped
    try:
        ratio = float(guess) / 9.0
    except ValueError:
        return unreadable
    return near if 0.9 <= ratio <= 1.1 else far if 0.8 <= ratio <= 1.2 else wrong


@given(text=TEXTS)
def test_the_published_rules_where_the_model_writes_the_first_mark(text):
    layout = rf"^\s*{START}.+?{END}.*?{OPEN}(.+?){CLOSE}\s*$"
    found = re.search(layout, text, re.MULTILINE | re.DOTALL)
    module = solution.published
    assert paid(module, "match_format_exactly", text) == (3.0 if found else 0.0)
    counts = [0.5 if text.count(mark) == 1 else -0.5 for mark in MARKS]
    assert paid(module, "match_format_approximately", text) == sum(counts)
    value = ratio_value(found[1], (3.0, 1.5, 0.5, 0.25, -1.0, -0.5)) if found else 0.0
    assert paid(module, "check_answer", text) == value
    number = re.search(rf"{OPEN}.*?([\d.]+)", text, re.DOTALL)
    right = number and number[1].strip(".") and number[1].count(".") < 2 and float(number[1]) == 9
    assert paid(module, "check_numbers", text) == (1.5 if right else 0.0)


@given(text=TEXTS)
def test_the_published_rules_where_the_prompt_ends_in_the_first_mark(text):
    found = re.search(rf"{END}.*?{OPEN}(.+?){CLOSE}\s*$", text, re.MULTILINE | re.DOTALL)
    module = solution_opened.published
    assert paid(module, "match_format_exactly", text) == (3.0 if found else 0.0)
    counts = [0.5 if text.count(mark) == 1 else -1.0 for mark in MARKS[1:]]
    assert paid(module, "match_format_approximately", text) == sum(counts)
    value = ratio_value(found[1], (5.0, 3.5, 2.0, 1.5, -2.5, -4.5)) if found else -2.0
    assert paid(module, "check_answer", text) == value
    number = re.search(rf"{OPEN}.*?\s*(-?[\d.,]+)", text, re.DOTALL)
    expected = -2.5
    if number:
        try:
            expected = 3.5 if float(number[1].replace(",", "")) == 9 else -1.5
        except ValueError:
            expected = 0.0
    assert paid(module, "check_numbers", text) == expected


@pytest.mark.parametrize("module", [solution, solution_opened])
def test_the_modules_have_the_published_names(module):
    assert module.__all__ == module.published.__all__ == NAMES
    assert [getattr(module, name).__name__ for name in NAMES] == NAMES
    assert getattr(presets, module.__name__.rpartition(".")[2]) is module


@pytest.mark.parametrize(
    ("middle", "exactly", "approximately", "answer", "numbers"),
    [
        (f"3\n+ 6{END}\n{OPEN}\n9\n{CLOSE}<|im_end|>", 3.0, 1.0, 1.0, 1.0),
        (f"3 + 6{END}{OPEN}9.0{CLOSE}", 3.0, 1.0, 0.5, 1.0),
        (f"3 + 6{END}{OPEN}$9{CLOSE}", 3.0, 1.0, 0.5, 1.0),
        (f"3 + 6{END}{OPEN}9{CLOSE} so", 0.0, 1.0, 1.0, 1.0),
        (f"3 + 6{END}{OPEN}8{CLOSE}{OPEN}9{CLOSE}", 0.0, 0.0, 0.0, 0.0),
        (f"3 + 6{END}{OPEN}{CLOSE}", 0.0, 0.0, 0.0, 0.0),
        (f"{END}{OPEN}9{CLOSE}", 0.0, 0.0, 1.0, 1.0),
        (f"3 + 6{END}{OPEN}9 or 8{CLOSE}", 3.0, 1.0, 0.0, 0.0),
        (f"{OPEN}9{CLOSE}3 + 6{END}", 0.0, 0.0, 1.0, 1.0),
    ],
)
def test_the_fixed_rules(middle, exactly, approximately, answer, numbers):
    # 1 is the highest value, 0.5 that of an equal number, and 0 any lower one
    for module, text in ((solution, f"{START}{middle}"), (solution_opened, middle)):
        highest = [2.0, 3.0, 1.5] if module is solution else [1.5, 5.0, 3.5]
        assert paid(module, "match_format_exactly", text) == exactly
        full = paid(module, "match_format_approximately", text) == highest[0]
        assert full == bool(approximately)
        close = paid(module, "check_answer", text)
        part = {1.0: highest[1], 0.5: 1.5 if module is solution else 3.5}.get(answer)
        assert close == part if part else close <= 0.0
        right = paid(module, "check_numbers", text)
        assert right == highest[2] if numbers else right <= 0.0


def test_saying_nothing_is_no_better_than_a_wrong_answer():
    wrong = f"{START}3 + 6{END}{OPEN}90{CLOSE}"
    for name in ("check_answer", "check_numbers"):
        assert paid(solution, name, "so") <= paid(solution, name, wrong)
        assert paid(solution, name, wrong.replace("90", "?")) <= paid(solution, name, wrong)


@pytest.mark.parametrize("module", [solution, solution_opened])
def test_an_audit_finds_exploits_in_the_published_rules_alone(module):
    for rewards, clean in ((module, True), (module.published, False)):
        found = audit([getattr(rewards, name) for name in NAMES])
        assert (found.exploits == ()) == clean


def test_a_recipe_names_them_by_their_module():
    given = ("solution.check_answer", "solution_opened.published.check_answer", "check_answer")
    rewards = TypeAdapter(Rewards).validate_python(given)
    expected = (solution, solution_opened.published, presets)
    assert rewards == tuple(module.check_answer for module in expected)
