from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import presets
from rewardkit.audit import audit, fill, preflight
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


@settings(max_examples=settings.default.max_examples // 6)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5, unique=True))
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


def test_a_misspelt_column_in_the_template_is_named() -> None:
    right = rk.build("correct", verifier="number")
    with pytest.raises(ValueError, match=r"^template: no column for \{anser\} .*; did you mean 'a"):
        preflight(right, ROWS, template="<answer>{anser}</answer>")
    with pytest.raises(ValueError, match=r"^template: no column for \{anser\}"):
        audit(right, ROWS, template="<answer>{anser}</answer>")


def test_the_template_is_by_default_the_column_that_the_rewards_read() -> None:
    rows = [{"solution": "2"}, {"solution": "1,000"}]
    right = rk.build("correct", verifier="number", extractor="whole", reference="solution")
    assert preflight(right, rows).problems == ()
    both = [{"solution": row["solution"], "answer": "no"} for row in rows]
    assert preflight(right, both).problems == ()


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
    with pytest.raises(ZeroDivisionError) as raised:
        1.0 / 0  # noqa: B018 - Python 3.14 says it in other words
    assert problem.detail == f"ZeroDivisionError: {raised.value}"
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


def make_mixture(sums: int, texts: int) -> list[dict[str, Any]]:
    """Make rows of two tasks, each with the columns of its own."""
    rows: list[dict[str, Any]] = [
        {"prompt": f"{number} + 1?", "task": "sum", "answer": number + 1, "text": f"{number + 1}"}
        for number in range(sums)
    ]
    words = ("one", "two", "three", "four", "five")[:texts]
    spelled = [
        {"prompt": f"Spell {len(word)}!", "task": "word", "word": word, "text": word}
        for word in words
    ]
    return rows + spelled


MIXTURE = [
    rk.build(
        "where",
        reward=rk.build("correct", verifier=verifier, extractor="whole", reference=column),
        column="task",
        equals=task,
        name=task,
    )
    for task, verifier, column in (("sum", "number", "answer"), ("word", "exact", "word"))
]


@pytest.mark.parametrize("step", [1, -1])
def test_a_column_is_looked_for_in_the_rows_of_its_task(step: int) -> None:
    # more of one task than the rows that every reward's degenerate completions are made for
    rows = make_mixture(6, 2)[::step]
    assert kinds(MIXTURE, rows, template="{text}") == []


@pytest.mark.parametrize("order", [[*range(8)], [*range(7, -1, -1)], [0, 6, 1, 7, 2, 3, 4, 5]])
def test_a_reward_that_is_constant_in_its_task_is_a_problem(order: list[int]) -> None:
    def give_one(completions: list[str], **_: Any) -> list[float]:
        return [1.0] * len(completions)

    one = rk.wrap(give_one, bounds=(0.0, 1.0))
    spelled = rk.build("where", reward=one, column="task", equals="word", name="word")
    rows = make_mixture(6, 2)
    found = preflight(spelled, [rows[index] for index in order], template="{text}").problems
    assert [(problem.kind, problem.detail) for problem in found] == [
        ("constant", "every completion earns 1")
    ]


def test_a_column_that_one_row_of_its_task_lacks_is_a_problem() -> None:
    rows = make_mixture(2, 3)
    del rows[3]["word"]
    first, *_ = preflight(MIXTURE, rows, template="{text}").problems
    assert (first.reward, first.kind, first.row_count, first.row) == (
        "word",
        "missing_column",
        1,
        3,
    )
    assert first.detail == "no column 'word' (columns: task, text)"


def test_a_column_that_all_rows_of_its_task_lack_is_the_only_problem() -> None:
    rows = [{name: row[name] for name in row if name != "word"} for row in make_mixture(3, 2)]
    assert kinds(MIXTURE, rows, template="{text}") == [("word", "missing_column", 2)]


@pytest.mark.parametrize(
    "write", [lambda row: f"{row['answer']:d}", lambda row: str(row["answer"] + 0)]
)
def test_a_function_may_compute_with_the_answer(write: Any) -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    rows = [{"prompt": f"{n} + 3?", "answer": n + 3} for n in range(4)]
    assert kinds(right, rows, template=write) == []
    found = audit(right, rows, template=write)
    assert found.rewards[0].checks == ("answer",)
    with pytest.raises(KeyError, match="answers"):  # its own mistake
        preflight(right, rows, template=lambda row: row["answers"])


def test_a_condition_is_not_a_reference() -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    sums = rk.build("where", reward=right, column="label", equals="sum")
    rows = [{"prompt": f"{n} + 1?", "answer": str(n + 1), "label": "sum"} for n in range(40)]
    # one value in all rows would be a problem of references
    assert kinds(sums, rows, template=lambda row: row["answer"]) == []


@pytest.mark.parametrize(
    "own", [{"completions": ["2", "3"]}, {"completions": ("2", "3")}, {"completion": "2"}]
)
def test_some_rows_may_have_no_completions_of_their_own(own: dict[str, Any]) -> None:
    right = rk.build("correct", verifier="number", extractor="whole")
    logged = [{**ROWS[0], **own}] * 2
    others = [ROWS[1], {**ROWS[1], "completions": None}] if "completions" in own else [ROWS[1]]
    found = preflight(right, [*logged, *others])
    assert found.groups == "dataset"
    # of the values 1 and 0 in a group, and of two equal ones
    (spread,) = found.spread
    assert (spread.mean, spread.flat) == ((0.5, 0.0) if "completions" in own else (1.0, 1.0))


def test_rows_that_are_not_mappings_are_named() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=r"^rows\[0\]: got '1' \(str\), expected a mapping"):
        preflight(XML_RECIPE, ["1"])  # type: ignore[list-item]
    for rows in ({"answer": ["1"]}, iter(ROWS), None, pandas.DataFrame(ROWS)):
        with pytest.raises(TypeError, match=r"^rows: got .* \(.+\), expected a list of mappings$"):
            preflight(XML_RECIPE, rows)  # type: ignore[arg-type]


def test_a_task_that_no_row_has_is_a_problem() -> None:
    rows = make_mixture(3, 0)
    (problem,) = preflight(MIXTURE, rows, template="{text}").problems
    assert (problem.reward, problem.kind) == ("word", "constant")
    assert problem.detail == "every completion abstains"


def test_a_plain_function_is_checked_too() -> None:
    def right(completions: list[str], solution: list[str], **_: Any) -> list[float]:
        pairs = zip(completions, solution, strict=True)
        return [float(text.strip().removesuffix(".0") == right) for text, right in pairs]

    rows = [{"prompt": "1 + 1?", "solution": "2"}, {"prompt": "2 + 1?", "solution": "3"}]
    assert preflight(right, rows, template="{solution}").problems == ()
    (short,) = preflight(right, rows[:1], template="It is {solution}").problems
    assert (short.kind, short.reward) == ("constant", "right")
    (missing,) = preflight(right, [{"prompt": "1 + 1?", "solutions": "2"}]).problems
    assert missing.detail.endswith("did you mean 'solutions'?")


def test_string_equality_is_seen_by_other_spellings_of_the_reference() -> None:
    def same(completions: list[str], solution: list[str], **_: Any) -> list[float]:
        return [float(text == right) for text, right in zip(completions, solution, strict=True)]

    rows = [{"prompt": "8 * 150?", "solution": "1200"}, {"prompt": "a colour?", "solution": "red"}]
    (problem,) = preflight(same, rows, template="{solution}").problems
    assert (problem.kind, problem.row_count) == ("refused_spelling", 2)
    assert problem.detail.endswith("' 1200 ', '1,200', '1200.0', ' red '")
    assert (problem.completion, problem.value, problem.expected) == (" 1200 ", 0.0, 1.0)


def test_the_maximum_of_a_plain_function_is_the_highest_value_seen() -> None:
    def without_e(completions: list[str], **_: Any) -> list[float]:
        return [float("e" not in text) for text in completions]

    (problem,) = preflight(without_e, [{"answer": "seven"}, {"answer": "12"}]).problems
    assert (problem.kind, problem.row) == ("below_maximum", 0)
    assert (problem.value, problem.expected) == (0.0, 1.0)


def test_a_reward_that_sees_the_length_alone_need_only_not_be_constant() -> None:
    def longer(completions: list[str], **_: Any) -> list[float]:
        return [float(len(text) > 9) for text in completions]

    assert kinds(longer, [{"answer": "2"}, {"answer": "1234567890"}]) == []
    assert kinds(rk.build("length", target=50), ROWS, template=XML) == []
    # it always earns the least: every perfect completion is too long
    short = rk.build("overlong", max_tokens=3, cache_tokens=1)
    assert [kind for _, kind, _ in kinds(short, ROWS, template=XML)] == ["below_maximum"]


def test_a_list_of_references_is_filled_with_its_first_and_each_is_right() -> None:
    def any_of(completions: list[str], answer: list[list[str]], **_: Any) -> list[float]:
        pairs = zip(completions, answer, strict=True)
        return [float(text.strip() in right) for text, right in pairs]

    def first(completions: list[str], answer: list[list[str]], **_: Any) -> list[float]:
        pairs = zip(completions, answer, strict=True)
        return [float(text.strip() == right[0]) for text, right in pairs]

    rows = [
        {"prompt": "the Dutch capital?", "answer": ["Amsterdam", "A'dam"]},
        {"prompt": "the Swiss capital?", "answer": ["Bern", "Berne"]},
    ]
    assert preflight(any_of, rows).problems == ()
    (problem,) = preflight(first, rows).problems
    assert (problem.kind, problem.completion) == ("refused_spelling", "A'dam")
    exact = rk.build("correct", verifier="exact_match", extractor="whole")
    assert preflight(exact, rows).problems == ()


def test_completions_have_the_form_that_the_prompts_dictate() -> None:
    def of_texts(completions: list[Any], **_: Any) -> list[float]:
        return [float("42" in text) for text in completions]

    def of_messages(completions: list[Any], **_: Any) -> list[float]:
        return [float("42" in each[0]["content"]) for each in completions]

    for passed, written, wrong in (
        ([{"role": "user", "content": "6 * 7?"}], "plain text", of_texts),
        ("6 * 7?", "messages", of_messages),
    ):
        other = "messages" if written == "plain text" else "plain text"
        (problem,) = preflight(wrong, [{"prompt": passed, "answer": "42"}]).problems
        assert (problem.kind, problem.row_count) == ("wrong_form", 1)
        assert problem.detail.startswith(f"written for {written}; the trainer passes {other}")
        right = of_messages if wrong is of_texts else of_texts
        assert preflight(right, [{"prompt": passed, "answer": "42"}]).problems == ()


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


def lint(*references: Any, prompt: str = "Question {}?", **options: Any) -> list[tuple[str, int]]:
    """Return kinds and row counts of the problems of a dataset with these references."""
    rows = [{"prompt": prompt.format(n), "answer": each} for n, each in enumerate(references)]
    found = preflight(rk.build("length", target=5), rows, **options).problems
    return [(one.kind, one.row_count) for one in found if one.reward == "dataset"]


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["4", "5", "6", "7"], []),
        (["4", ["5", "five"], "6", "7"], [("mixed_kinds", 1)]),
        (["so\n#### 4", "5"], [("uncut_reference", 1)]),
        (["4<|im_end|>", "5"], [("special_tokens", 1)]),
        ([" 4", "5\n"], [("white_space", 2)]),
        (["4", "N/A", "none", "7", "8"], [("missing_reference", 2)]),
        (["4", 5, "6"], [("mixed_kinds", 1)]),
        (["4", "five", "6", "7"], [("mixed_kinds", 1)]),
        (["red", "five", "blue", "7"], []),
        (["4 cm", "5 cm", "6", "$7"], [("units", 3)]),
        (["x", "x", "x", "x"], [("one_answer", 4)]),
        (["def f():\n  pass\n", "def g():\n  pass\n"], []),
    ],
)
def test_references_are_linted(references: list[Any], expected: list[tuple[str, int]]) -> None:
    assert lint(*references) == expected


def test_prompts_are_linted() -> None:
    assert lint("4", "5", "6", prompt="What is it? The answer is 5. {}") == [("leaked", 1)]
    assert lint("14", "15", "16", "17", prompt="From 13 14 15 16 17 take one") == [
        ("leaked", 4),
        ("two_answers", 3),
    ]
    assert lint("4", "4", prompt="2 + 2?") == [("duplicates", 1)]
    # options and numbers to add hold answers
    assert lint("A", "B", "C", "D", prompt="{}? (A) 1 (B) 2 (C) 3 (D) 4") == []
    length = rk.build("length", target=5)
    assert kinds(length, [{"question": "?", "answer": "4"}]) == [("dataset", "no_prompt", 1)]
    mixed = [{"prompt": "?", "answer": "4"}, {"prompt": [{"role": "user", "content": "!"}]}]
    assert ("dataset", "mixed_prompts", 2) in kinds(length, mixed)


def test_rows_that_are_held_out_are_found_but_for_case_and_space() -> None:
    asked = [{"role": "system", "content": "Hm"}, {"role": "user", "content": "WHAT is  1 + 1?"}]
    held = [{"prompt": asked}]
    rows = [{"prompt": "What is 1 + 1?", "answer": "2"}, {"prompt": "1 + 2?", "answer": "3"}]
    (problem,) = preflight(rk.build("length", target=5), rows, held_out=held).problems
    assert (problem.kind, problem.row_count, problem.row) == ("held_out", 1, 0)


class Tokenizer:
    """One token per character, but for the special ones; its template opens a thought."""

    def __init__(self, *special: str, opening: str = "<think>\n") -> None:
        self.special, self.opening = special, opening

    def apply_chat_template(self, messages: Any, *, tokenize: bool, **_: Any) -> str:
        assert not tokenize
        return f"{messages[-1]['content']}\nAssistant:{self.opening}"

    def encode(self, text: str, *, add_special_tokens: bool) -> list[Any]:
        assert not add_special_tokens
        return list(text)

    def decode(self, ids: list[Any], *, skip_special_tokens: bool) -> str:
        text = "".join(ids)
        for token in self.special:
            text = text.replace(token, "" if skip_special_tokens else token)
        return text


def test_a_tokenizer_shows_lost_tags_long_completions_and_an_opened_thought() -> None:
    rows = [{"prompt": [{"role": "user", "content": f"{n}?"}], "answer": str(n)} for n in (3, 400)]
    template = "<think>Hm</think>{answer}"

    def check(tokenizer: Any, reward: Any = None, **options: Any) -> list[tuple[str, str, int]]:
        reward = reward or presets.match_format_exactly
        return kinds(reward, rows, template=template, tokenizer=tokenizer, **options)

    assert check(Tokenizer()) == []
    strict = rk.build("think_format", opened_in_prompt=False, name="strict")
    assert check(Tokenizer(), strict) == [("strict", "opened_by_template", 2)]
    assert check(Tokenizer(opening=""), strict) == []
    assert check(Tokenizer("</think>")) == [("dataset", "tags_lost", 2)]
    # 17 characters of layout, and 1 or 3 of the answer
    assert check(Tokenizer(), max_completion_length=20) == []
    assert check(Tokenizer(), max_completion_length=19) == [("dataset", "too_long", 1)]
    with pytest.raises(ValueError, match="give a tokenizer too"):
        check(None, max_completion_length=19)


def test_rewards_of_very_different_scale_are_named() -> None:
    right = rk.build("correct", verifier="number", extractor="whole", name="right")
    long = rk.build("length", target=0, penalty=1.0, name="long")
    small = 0.01 * right + 10.0 * long
    found = preflight(small, ROWS).problems
    assert [(one.reward, one.kind) for one in found] == [("long", "scale")]
    assert "as those of right, which the sum hardly sees" in found[0].detail
    assert preflight(right + 0.1 * long, ROWS).problems == ()


def test_groups_stay_whole_and_mostly_flat_ones_are_a_problem() -> None:
    rows = [
        # of 10 groups one has a right completion
        {"prompt": f"{n}?", "answer": "7", "completion": "7" if n == copy == 0 else "8"}
        for n in range(10)
        for copy in range(4)
    ]
    right = rk.build("correct", verifier="number", extractor="whole", name="right")
    found = preflight(right, rows, skip=["one_answer"])
    assert [(one.kind, one.detail) for one in found.problems] == [
        ("flat", "90% of the groups are flat: all their completions earn the same"),
    ]
    few = preflight(right, rows, max_rows=8, skip=["one_answer", "flat:right"])
    assert (few.row_count, few.problems) == (8, ())
    # 1 of 2 groups is flat; in the other one of 4 completions is right
    assert few.spread[0].flat == 0.5
    assert few.spread[0].mean == 1 / 8


def test_what_may_be_skipped_is_checked() -> None:
    with pytest.raises(ValueError, match="no kind, entry or family 'flats'; did you mean 'flat'"):
        preflight(XML_RECIPE, ROWS, skip=["flats"])
    with pytest.raises(ValueError, match="no reward 'xml'"):
        preflight(XML_RECIPE, ROWS, skip=["flat:xml"])


def test_a_reward_that_hangs_is_a_problem_and_the_rest_goes_on() -> None:
    def hang(completions: list[str], **_: Any) -> list[float]:
        while any(text == "?" for text in completions):
            pass
        return [float("2" in text) for text in completions]

    right = rk.build("correct", verifier="number", name="right")
    found = preflight([hang, right], ROWS[:1], template=XML, slow=0.2)
    (slow,) = [one for one in found.problems if one.kind == "slow"]
    assert (slow.reward, slow.completion, slow.row_count) == ("hang", "?", 1)
    assert [one.reward for one in found.problems] == ["hang"]
    assert [one.reward for one in found.spread] == ["hang", "right", "total"]
    over = preflight(right, ROWS, template=XML, time_limit=0.0)
    assert over.problems == ()
    assert f"; {over.unscored_count} completions not scored: the time was over" in over.summary


def test_an_async_reward_has_one_event_loop_for_all_calls() -> None:
    slots = asyncio.Semaphore(1)

    async def right(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        async def judge(text: str, wanted: str) -> float:
            async with slots:
                await asyncio.sleep(0)  # so that the others wait, which binds the semaphore
                return float(wanted in text)

        return await asyncio.gather(*map(judge, completions, answer))

    assert preflight(right, [{"answer": "2"}]).problems == ()
