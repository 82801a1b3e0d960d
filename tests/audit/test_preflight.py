from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import presets
from rewardkit.audit import fill, preflight
from rewardkit.presets import published
from shapes import XML_RECIPE

XML = "<reasoning>\nIt adds up.\n</reasoning>\n<answer>\n{answer}\n</answer>"
ROWS = [{"prompt": "What is 1 + 1?", "answer": "2"}, {"prompt": "and 999 + 1?", "answer": "1,000"}]


class Loud(rk.Reward):
    """Correct for one answer, raises for another."""

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(1.0 / len(text)) for text in batch.texts]


def kinds(*arguments: Any, **options: Any) -> list[tuple[str, str, int]]:
    found = preflight(*arguments, **options)
    return [(problem.reward, problem.kind, problem.row_count) for problem in found.problems]


@settings(max_examples=settings.default.max_examples // 3)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5))
def test_a_recipe_in_its_own_layout_has_no_problems(answers: list[int]) -> None:
    rows = [{"answer": str(answer)} for answer in answers]
    found = preflight(XML_RECIPE, rows, template=XML)
    assert (found.problems, found.row_count, found.unbounded) == ((), len(rows), ())


def test_each_reward_that_a_wrong_layout_never_pays_is_named() -> None:
    starved = kinds(XML_RECIPE, ROWS, template="<answer>{answer}</answer>")
    below = {name for name, kind, rows in starved if kind == "below_maximum" and rows == 2}
    assert below == {
        "xmlcount_reward_func",
        "soft_format_reward_func",
        "strict_format_reward_func",
    }


def test_the_first_row_below_the_maximum_is_shown() -> None:
    rows = [{"answer": "2"}, {"answer": "two"}, {"answer": "three"}]
    (problem,) = preflight(rk.build("is_number", extractor="whole"), rows).problems
    assert (problem.row_count, problem.row, problem.completion) == (2, 1, "two")
    assert (problem.value, problem.expected) == (0.0, 0.5)


def test_a_reference_that_cannot_be_read_is_a_problem() -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    (problem,) = preflight(right, [{"answer": "2"}, {"answer": None}]).problems
    assert (problem.kind, problem.row, problem.value) == ("below_maximum", 1, None)


def test_abstaining_by_design_is_not_a_problem() -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    some = rk.build("where", reward=right, column="task", equals="sum")
    rows = [{"answer": "2", "task": "sum"}, {"answer": "blue", "task": "colour"}]
    assert kinds(some, rows) == []
    assert kinds(some, rows[1:]) == [(some.__name__, "constant", 1)]


def test_a_reward_with_one_value_is_constant() -> None:
    anything = rk.build("regex_match", pattern="^")
    assert kinds(anything, ROWS) == [(anything.__name__, "constant", 2)]
    nothing = rk.build("clip", reward={"type": "length", "target": 0}, low=0.0, name="nothing")
    assert kinds(nothing, ROWS) == [("nothing", "constant", 2)]


def test_a_sum_is_checked_term_by_term_and_a_penalty_by_its_minimum() -> None:
    total = rk.build("is_number", extractor="whole") - rk.build("regex_match", pattern="please")
    assert kinds(total, ROWS) == [("regex_match.pattern:please", "constant", 2)]
    rude = rk.build("is_number", extractor="whole") - rk.build("regex_match", pattern=r"\d")
    assert (r"regex_match.pattern:_d-cbc01", "below_maximum", 2) in kinds(rude, ROWS)


def test_a_reward_that_raises_is_named_with_its_error() -> None:
    (problem,) = preflight(Loud(), ROWS).problems
    assert problem.kind == "raises"
    assert problem.detail == "ZeroDivisionError: float division by zero"
    (missing,) = preflight(presets.correctness_reward_func, [{"solution": "1"}]).problems
    assert missing.kind == "missing_column"
    assert missing.detail == "no column 'answer' (columns: solution)"


def test_rewards_without_a_known_maximum_are_listed() -> None:
    steep = rk.build("length", target=2, penalty=1.0) * rk.build("length", target=9)
    found = preflight(steep, ROWS)
    assert found.unbounded == (steep.__name__,)
    assert f"{steep.__name__}: maximum not checked: no upper bound declared" in str(found)
    group = rk.build("diversity")
    assert preflight(group, ROWS, template=XML).unbounded == (group.__name__,)


def test_words_count_as_tokens() -> None:
    soft = rk.build("overlong", max_tokens=40, cache_tokens=30)
    assert kinds(soft, ROWS, template=XML) == []
    assert kinds(soft, ROWS, template="so " * 41) != []
    again = rk.build("repetition", unit="tokens")
    assert kinds(again, ROWS, template=XML) == []


def test_copies_of_the_prompt_are_tried() -> None:
    rows = [{"prompt": "one two three four five", "answer": "6"}]
    assert kinds(rk.build("prompt_overlap"), rows) == []


def test_the_template_may_be_a_function_and_the_prompt_messages() -> None:
    rows = [{"prompt": [{"role": "user", "content": "1 + 1?"}], "answer": 2}]
    assert kinds(XML_RECIPE, rows, template=lambda row: fill(XML, row)) == []


def test_published_rewards_need_the_published_layout() -> None:
    strict = published.strict_format_reward_func
    assert kinds(strict, ROWS, template=XML + "\n") == []
    two_lines = XML.replace("It adds up.", "It adds\nup.") + "\n"
    assert kinds(strict, ROWS, template=two_lines)[0] == (
        "strict_format_reward_func",
        "below_maximum",
        2,
    )


def test_no_rows_raises() -> None:
    with pytest.raises(ValueError, match="no rows to try"):
        preflight(XML_RECIPE, [])


def test_a_missing_column_is_named_with_the_nearest_name() -> None:
    (problem,) = preflight(presets.correctness_reward_func, [{"answers": "1", "id": 3}]).problems
    assert (problem.kind, problem.row_count) == ("missing_column", 1)
    assert problem.detail == "no column 'answer' (columns: answers, id); did you mean 'answers'?"


def test_a_plain_function_is_checked_too() -> None:
    def right(completions: list[str], solution: list[str], **_: Any) -> list[float]:
        return [float(text == right) for text, right in zip(completions, solution, strict=True)]

    rows = [{"prompt": "1 + 1?", "solution": "2"}, {"prompt": "2 + 1?", "solution": "3"}]
    assert preflight(right, rows, template="{solution}").problems == ()
    (short,) = preflight(right, rows[:1], template="It is {solution}").problems
    assert (short.kind, short.reward) == ("constant", "right")
    (missing,) = preflight(right, [{"prompt": "1 + 1?", "solutions": "2"}]).problems
    assert missing.detail.endswith("did you mean 'solutions'?")


def test_the_maximum_of_a_plain_function_is_the_highest_value_seen() -> None:
    def longer(completions: list[str], **_: Any) -> list[float]:
        return [float(len(text) > 9) for text in completions]

    rows = [{"answer": "2"}, {"answer": "1234567890"}]
    (problem,) = preflight(longer, rows).problems
    assert (problem.kind, problem.row, problem.value, problem.expected) == (
        "below_maximum",
        0,
        0.0,
        1.0,
    )


def test_two_rewards_that_always_agree_are_named() -> None:
    strict = rk.build("xml_strict")
    again = rk.build("xml_strict", value=3.0, name="again") + 1.0
    found = preflight([strict, again], ROWS, template=XML).problems
    assert [(one.reward, one.kind) for one in found] == [("again", "redundant")]
    assert "xml_strict" in found[0].detail


def test_the_spread_of_a_simulated_group_equals_the_arithmetic() -> None:
    # of eight completions the two perfect ones and the one with a remark after it are soft; so are
    # the one with other digits, and another row's: 5 of 8, whose variance is 5/8 * 3/8 * 8/7
    (spread,) = preflight(rk.build("xml_soft", value=1.0), ROWS, template=XML).spread
    assert spread.mean == pytest.approx(5 / 8)
    assert spread.std == pytest.approx((5 / 8 * 3 / 8 * 8 / 7) ** 0.5)
    assert spread.flat == 0


def test_the_datasets_own_completions_are_the_groups() -> None:
    rows = [
        {"prompt": "1 + 1?", "answer": "2", "completion": "<answer>2</answer>"},
        {"prompt": "1 + 1?", "answer": "2", "completion": "<answer>3</answer>"},
        {"prompt": "2 + 1?", "answer": "3", "completion": [{"role": "assistant", "content": "3"}]},
        {"prompt": "2 + 1?", "answer": "3", "completion": "no"},
    ]
    right = rk.build("correct", verifier="number")
    found = preflight(right, rows, template="<answer>{answer}</answer>")
    assert found.groups == "dataset"
    assert found.problems == ()
    # 1 and 0, then 0 and 0
    assert found.spread[0][1:] == (0.25, pytest.approx(0.5**0.5 / 2), 0.5)
    listed = [{"answer": "2", "completions": ["<answer>3</answer>", "?", "4"]}] * 2
    (flat,) = preflight(right, listed, template="<answer>{answer}</answer>").problems
    assert (flat.kind, flat.detail) == ("flat", "every group earns the same: 0")


def test_a_preflight_prints_and_converts_to_json() -> None:
    found = preflight(XML_RECIPE, ROWS, template="<answer>{answer}</answer>")
    text = str(found)
    assert text.startswith("preflight: 2 rows, ")
    assert all(problem.reward in text for problem in found.problems)
    data = json.loads(json.dumps(found.as_dict()))
    assert data["problems"][0]["kind"] == "below_maximum"
    assert [spread["reward"] for spread in data["spread"]][-1] == "total"
