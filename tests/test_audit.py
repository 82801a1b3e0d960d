from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import presets
from rewardkit.audit import fill, preflight
from rewardkit.presets import published

XML = "<reasoning>\nIt adds up.\n</reasoning>\n<answer>\n{answer}\n</answer>"
RECIPE = [
    presets.xmlcount_reward_func,
    presets.soft_format_reward_func,
    presets.strict_format_reward_func,
    presets.int_reward_func,
    presets.correctness_reward_func,
]
ROWS = [{"prompt": "What is 1 + 1?", "answer": "2"}, {"prompt": "and 999 + 1?", "answer": "1,000"}]


class Loud(rk.Reward):
    """Right for one answer, an error for another."""

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(1.0 / len(text)) for text in batch.texts]


def kinds(*arguments: Any, **options: Any) -> list[tuple[str, str, int]]:
    found = preflight(*arguments, **options)
    return [(problem.reward, problem.kind, problem.rows) for problem in found.problems]


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5))
def test_a_recipe_in_its_own_layout_has_no_problem(answers: list[int]) -> None:
    rows = [{"answer": str(answer)} for answer in answers]
    assert preflight(RECIPE, rows, wrap=XML) == ((), len(rows), ())


def test_every_reward_that_a_wrong_layout_starves_is_named() -> None:
    starved = kinds(RECIPE, ROWS, wrap="<answer>{answer}</answer>")
    below = {name for name, kind, rows in starved if kind == "below_maximum" and rows == 2}
    assert below == {
        "xmlcount_reward_func",
        "soft_format_reward_func",
        "strict_format_reward_func",
    }


def test_the_first_row_that_falls_short_is_shown() -> None:
    rows = [{"answer": "2"}, {"answer": "two"}, {"answer": "three"}]
    (problem,) = preflight(rk.build("is_number", extractor="whole"), rows).problems
    assert (problem.rows, problem.row, problem.completion) == (2, 1, "two")
    assert (problem.value, problem.expected) == (0.0, 0.5)


def test_a_reference_that_cannot_be_read_is_a_problem() -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    (problem,) = preflight(right, [{"answer": "2"}, {"answer": None}]).problems
    assert (problem.kind, problem.row, problem.value) == ("below_maximum", 1, None)


def test_abstaining_by_design_is_none() -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    some = rk.build("where", reward=right, column="task", equals="sum")
    rows = [{"answer": "2", "task": "sum"}, {"answer": "blue", "task": "colour"}]
    assert kinds(some, rows) == []
    assert kinds(some, rows[1:]) == [(some.__name__, "constant", 1)]


def test_a_reward_that_pays_everything_alike_is_constant() -> None:
    anything = rk.build("regex_match", pattern="^")
    assert kinds(anything, ROWS) == [(anything.__name__, "constant", 2)]
    nothing = rk.build("clip", reward={"type": "length", "target": 0}, low=0.0, name="nothing")
    assert kinds(nothing, ROWS) == [("nothing", "constant", 2)]


def test_a_sum_is_looked_at_term_by_term_and_a_fine_by_its_minimum() -> None:
    total = rk.build("is_number", extractor="whole") - rk.build("regex_match", pattern="please")
    assert kinds(total, ROWS) == [("regex_match[pattern=please]", "constant", 2)]
    rude = rk.build("is_number", extractor="whole") - rk.build("regex_match", pattern=r"\d")
    assert (r"regex_match[pattern=\d]", "below_maximum", 2) in kinds(rude, ROWS)


def test_what_raises_is_named_with_its_error() -> None:
    (problem,) = preflight(Loud(), ROWS).problems
    assert problem.kind == "raises"
    assert problem.detail == "ZeroDivisionError: float division by zero"
    (missing,) = preflight(presets.correctness_reward_func, [{"solution": "1"}]).problems
    assert missing.kind == "raises"
    assert "no column 'answer'" in missing.detail


def test_what_has_no_known_maximum_is_listed() -> None:
    steep = rk.build("length", target=2, penalty=1.0) * rk.build("length", target=9)
    assert preflight(steep, ROWS).unbounded == (steep.__name__,)
    group = rk.build("diversity")
    assert preflight(group, ROWS, wrap=XML).unbounded == (group.__name__,)


def test_words_stand_in_for_tokens() -> None:
    soft = rk.build("overlong", max_tokens=40, cache_tokens=30)
    assert kinds(soft, ROWS, wrap=XML) == []
    assert kinds(soft, ROWS, wrap="so " * 41) != []
    again = rk.build("repetition", unit="tokens")
    assert kinds(again, ROWS, wrap=XML) == []


def test_copies_of_the_prompt_are_tried() -> None:
    rows = [{"prompt": "one two three four five", "answer": "6"}]
    assert kinds(rk.build("prompt_overlap"), rows) == []


def test_the_wrapping_may_be_a_function_and_the_prompt_a_chat() -> None:
    rows = [{"prompt": [{"role": "user", "content": "1 + 1?"}], "answer": 2}]
    assert kinds(RECIPE, rows, wrap=lambda row: fill(XML, row)) == []


def test_published_rewards_need_the_published_layout() -> None:
    strict = published.strict_format_reward_func
    assert kinds(strict, ROWS, wrap=XML + "\n") == []
    two_lines = XML.replace("It adds up.", "It adds\nup.") + "\n"
    assert kinds(strict, ROWS, wrap=two_lines)[0] == (
        "strict_format_reward_func",
        "below_maximum",
        2,
    )


def test_no_rows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no rows to try"):
        preflight(RECIPE, [])


@given(st.text())
def test_filling_takes_cells_as_they_are(answer: str) -> None:
    assert fill("a {answer} b", {"answer": answer}) == f"a {answer} b"


def test_filling_does_not_read_what_it_filled_in() -> None:
    row = {"question": "What is {answer}?", "answer": "4"}
    assert fill("{question} {x} {", row) == "What is {answer}? {x} {"
