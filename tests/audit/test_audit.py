from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import presets
from rewardkit.audit import SAMPLES, ZOO, Audit, audit, fill, preflight
from rewardkit.audit.ablations import LACKS, SLOT, Honest
from rewardkit.presets import published
from shapes import XML_RECIPE

XML = "<reasoning>\nIt adds up.\n</reasoning>\n<answer>\n{answer}\n</answer>"
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
    found = preflight(XML_RECIPE, rows, wrap=XML)
    assert (found.problems, found.rows, found.unbounded) == ((), len(rows), ())


def test_every_reward_that_a_wrong_layout_starves_is_named() -> None:
    starved = kinds(XML_RECIPE, ROWS, wrap="<answer>{answer}</answer>")
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
    assert kinds(total, ROWS) == [("regex_match.pattern:please", "constant", 2)]
    rude = rk.build("is_number", extractor="whole") - rk.build("regex_match", pattern=r"\d")
    assert (r"regex_match.pattern:_d-cbc01", "below_maximum", 2) in kinds(rude, ROWS)


def test_what_raises_is_named_with_its_error() -> None:
    (problem,) = preflight(Loud(), ROWS).problems
    assert problem.kind == "raises"
    assert problem.detail == "ZeroDivisionError: float division by zero"
    (missing,) = preflight(presets.correctness_reward_func, [{"solution": "1"}]).problems
    assert missing.kind == "missing_column"
    assert missing.detail == "no column 'answer'; there are solution"


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
    assert kinds(XML_RECIPE, rows, wrap=lambda row: fill(XML, row)) == []


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
        preflight(XML_RECIPE, [])


@given(st.text())
def test_filling_takes_cells_as_they_are(answer: str) -> None:
    assert fill("a {answer} b", {"answer": answer}) == f"a {answer} b"


def test_filling_does_not_read_what_it_filled_in() -> None:
    row = {"question": "What is {answer}?", "answer": "4"}
    assert fill("{question} {x} {", row) == "What is {answer}? {x} {"


# Preflight: columns, agreement, spread ----------------------------------------------------------


def test_a_missing_column_is_named_with_the_nearest() -> None:
    (problem,) = preflight(presets.correctness_reward_func, [{"answers": "1", "id": 3}]).problems
    assert (problem.kind, problem.rows) == ("missing_column", 1)
    assert problem.detail == "no column 'answer'; there are answers, id; did you mean 'answers'?"


def test_a_plain_function_is_looked_at_too() -> None:
    def right(completions: list[str], solution: list[str], **_: Any) -> list[float]:
        return [float(text == cell) for text, cell in zip(completions, solution, strict=True)]

    rows = [{"prompt": "1 + 1?", "solution": "2"}, {"prompt": "2 + 1?", "solution": "3"}]
    assert preflight(right, rows, wrap="{solution}").problems == ()
    (short,) = preflight(right, rows[:1], wrap="It is {solution}").problems
    assert (short.kind, short.reward) == ("constant", "right")
    (missing,) = preflight(right, [{"prompt": "1 + 1?", "solutions": "2"}]).problems
    assert missing.detail.endswith("did you mean 'solutions'?")


def test_of_a_plain_function_the_most_that_was_seen_is_the_maximum() -> None:
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


def test_two_that_always_agree_are_named() -> None:
    strict = rk.build("xml_strict")
    again = rk.build("xml_strict", value=3.0, name="again") + 1.0
    found = preflight([strict, again], ROWS, wrap=XML).problems
    assert [(one.reward, one.kind) for one in found] == [("again", "redundant")]
    assert "xml_strict" in found[0].detail


def test_the_spread_of_a_simulated_group_is_by_arithmetic() -> None:
    # of eight completions the two perfect ones and the one with a remark after it are soft; so are
    # the one with other digits, and another row's: 5 of 8, whose variance is 5/8 * 3/8 * 8/7
    (spread,) = preflight(rk.build("xml_soft", value=1.0), ROWS, wrap=XML).spread
    assert spread.mean == pytest.approx(5 / 8)
    assert spread.std == pytest.approx((5 / 8 * 3 / 8 * 8 / 7) ** 0.5)
    assert spread.flat == 0


def test_the_datasets_own_completions_are_its_groups() -> None:
    rows = [
        {"prompt": "1 + 1?", "answer": "2", "completion": "<answer>2</answer>"},
        {"prompt": "1 + 1?", "answer": "2", "completion": "<answer>3</answer>"},
        {"prompt": "2 + 1?", "answer": "3", "completion": [{"role": "assistant", "content": "3"}]},
        {"prompt": "2 + 1?", "answer": "3", "completion": "no"},
    ]
    right = rk.build("correct", verifier="number")
    found = preflight(right, rows, wrap="<answer>{answer}</answer>")
    assert found.groups == "dataset"
    assert found.problems == ()
    # 1 and 0, then 0 and 0
    assert found.spread[0][1:] == (0.25, pytest.approx(0.5**0.5 / 2), 0.5)
    listed = [{"answer": "2", "completions": ["<answer>3</answer>", "?", "4"]}] * 2
    (flat,) = preflight(right, listed, wrap="<answer>{answer}</answer>").problems
    assert (flat.kind, flat.detail) == ("flat", "every group earns the same: 0")


def test_a_preflight_prints_and_is_json() -> None:
    found = preflight(XML_RECIPE, ROWS, wrap="<answer>{answer}</answer>")
    told = str(found)
    assert told.startswith("preflight: 2 rows, ")
    assert all(problem.reward in told for problem in found.problems)
    data = json.loads(json.dumps(found.as_dict()))
    assert data["problems"][0]["kind"] == "below_maximum"
    assert [spread["reward"] for spread in data["spread"]][-1] == "total"


# The audit ----------------------------------------------------------------------------------------

NOTEBOOK = "<reasoning>\nThe numbers say so.\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
SUMS = [
    {"prompt": "What is 40 + 2?", "answer": "42"},
    {"prompt": "What is 5 - 12?", "answer": "-7"},
    {"prompt": "What is 500 + 750?", "answer": "1250"},
]


def contents(completions: list[Any]) -> list[str]:
    return [completion[0]["content"] for completion in completions]


def notebook_strict(completions: list[Any], **_: Any) -> list[float]:
    pattern = r"^<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n$"
    return [0.5 if re.match(pattern, text) else 0.0 for text in contents(completions)]


def notebook_soft(completions: list[Any], **_: Any) -> list[float]:
    pattern = r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>"
    return [0.5 if re.match(pattern, text) else 0.0 for text in contents(completions)]


def notebook_count(completions: list[Any], **_: Any) -> list[float]:
    def count(text: str) -> float:
        total = 0.125 * (text.count("<reasoning>\n") == 1)
        total += 0.125 * (text.count("\n</reasoning>\n") == 1)
        if text.count("\n<answer>\n") == 1:
            total += 0.125 - len(text.rsplit("\n</answer>\n", maxsplit=1)[-1]) * 0.001
        if text.count("\n</answer>") == 1:
            total += 0.125 - (len(text.rsplit("\n</answer>", maxsplit=1)[-1]) - 1) * 0.001
        return total

    return [count(text) for text in contents(completions)]


def tagged(text: str) -> str:
    return text.rsplit("<answer>", maxsplit=1)[-1].split("</answer>", maxsplit=1)[0].strip()


def notebook_int(completions: list[Any], **_: Any) -> list[float]:
    return [0.5 if tagged(text).isdigit() else 0.0 for text in contents(completions)]


def notebook_correct(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    pairs = zip(contents(completions), answer, strict=True)
    return [2.0 if tagged(text) == cell else 0.0 for text, cell in pairs]


def notebook_numbers(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    def score(text: str, cell: str) -> float:
        found = re.search(r"-?[\d.,]+", text)
        if found is None:
            return -2.5
        try:
            return 3.5 if float(found[0].replace(",", "")) == float(cell) else -1.5
        except ValueError:
            return 0.0

    return [score(*pair) for pair in zip(contents(completions), answer, strict=True)]


def trl_think(completions: list[Any], **_: Any) -> list[float]:
    pattern = re.compile(r"^<think>(?!.*<think>)(.*?)</think>.*$", re.DOTALL | re.MULTILINE)
    return [1.0 if pattern.match(text) else 0.0 for text in contents(completions)]


def open_r1(completions: list[Any], **_: Any) -> list[float]:
    blocks = r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$"
    pattern = re.compile(blocks, re.DOTALL | re.MULTILINE)
    return [1.0 if pattern.match(text) else 0.0 for text in contents(completions)]


ORIGINALS = {
    notebook_strict: {"tags-only", "tags-around-dots"},
    notebook_soft: {"tags-only", "layout-fifty-times", "right-place-then-wrong"},
    notebook_count: {"tags-only", "crossed-tags"},
    notebook_int: {"superscript-digits", "answer-without-layout"},
    notebook_correct: {"wrong-place-then-right"},
    notebook_numbers: {
        "right-in-the-thought",
        "right-or-wrong",
        "dozens",
        "right-before-the-layout",
    },
    trl_think: {"tags-only", "thought-closed-twice", "in-the-thought-alone"},
    open_r1: {"tags-only", "junk-on-lines-after", "everything-twice", "next-turn-after"},
}


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda original: original.__name__)
def test_every_published_original_has_its_exploits(original: Any) -> None:
    found = audit(original)
    assert ORIGINALS[original] <= {finding.entry for finding in found.exploits}
    assert all(finding.take >= 0.9 for finding in found.exploits)


def test_every_published_preset_of_layout_has_some() -> None:
    for name in ("xmlcount", "soft_format", "strict_format", "int", "correctness"):
        assert audit(getattr(published, f"{name}_reward_func")).exploits, name
    for name in ("match_format_exactly", "match_format_approximately", "check_numbers"):
        assert audit(getattr(published, name)).exploits, name


def test_trls_own_has_what_its_rule_has() -> None:
    rewards = pytest.importorskip("trl.rewards")
    theirs, ours = audit(rewards.think_format_reward), audit(trl_think)
    assert theirs.exploits
    assert [one.entry for one in theirs.exploits] == [one.entry for one in ours.exploits]


@pytest.mark.parametrize("name", presets.__all__)
def test_no_mended_preset_has_an_exploit(name: str) -> None:
    if "language" in name:
        pytest.importorskip("langid")
    found = audit(getattr(presets, name))
    assert found.findings == ()
    assert name == "reward_len" or found.rewards[0].asks


def test_no_mended_recipe_has_an_exploit() -> None:
    assert audit(XML_RECIPE, SUMS, wrap=NOTEBOOK).findings == ()
    think = [presets.match_format_exactly, presets.match_format_approximately]
    think += [presets.check_answer, presets.check_numbers]
    assert audit(think, SUMS, wrap="<think>The numbers say so.</think>{answer}").findings == ()


def test_the_zoo_is_large_and_its_names_are_its_own() -> None:
    names = [entry.name for entry in ZOO]
    assert len(names) == len(set(names)) >= 140
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert len({entry.family for entry in ZOO}) >= 15
    assert all({*entry.lacks} <= {*LACKS} and entry.lacks for entry in ZOO)


def test_each_entry_is_made_for_some_sample() -> None:
    made = {entry.name for entry in ZOO for one in everyone() if entry.make(one) is not None}
    assert made == {entry.name for entry in ZOO}


def everyone() -> list[Honest]:
    """Return the honest completion of each row of each sample, and of a negative number."""
    found = [Honest("<a>so</a><b>\ue000</b>", "-7", prompt="3 and 4", other="<a>x</a><b>1</b>")]
    for sample in SAMPLES.values():
        for row in sample.rows:
            skeleton = fill(sample.wrap, {**row, sample.answer: SLOT})
            found.append(Honest(skeleton, str(row[sample.answer]), prompt="1 2", other="?"))
    return found


@given(
    st.text(st.characters(exclude_characters=SLOT), max_size=30),
    st.sampled_from(
        [
            SLOT,
            f"<think>So.</think>{SLOT}",
            f"<a>{SLOT}</a>",
            rf"It is \boxed{{{SLOT}}}.",
            f"<x>\n{SLOT}\n</x> <y>\n{SLOT}\n</y>",
        ]
    ),
)
def test_the_zoo_is_made_of_anything_and_is_never_the_honest_one(answer: str, layout: str) -> None:
    honest = Honest(layout, answer or "0", prompt="2 and 3", other="x")
    assert honest.text == layout.replace(SLOT, answer or "0")
    for entry in ZOO:
        made = entry.make(honest)
        assert made is None or (made != honest.text and SLOT not in made)
    for texts in honest.foils().values():
        assert all(SLOT not in text for text in texts)


def test_an_answer_in_any_layout_is_replaced_in_its_last_place() -> None:
    honest = Honest(f"<a>\nI get {SLOT}.\n</a>\n<b>\n{SLOT}\n</b>", "4")
    assert honest.write("5") == "<a>\nI get 4.\n</a>\n<b>\n5\n</b>"
    assert honest.filled("") == "<a>\n\n</a>\n<b>\n\n</b>"
    assert honest.thinking("Hm.") == "<a>\nHm.\n</a>\n<b>\n4\n</b>"
    assert honest.foils()["order"] == ["<b>\n4\n</b>\n<a>\nI get 4.\n</a>"]


class Paying(rk.Reward):
    """A value for the honest completion of 42 in tags, others by a table."""

    table: tuple[tuple[str, float], ...] = ()

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        paid = {"<answer>42</answer>": 1.0, **dict(self.table)}
        return [rk.Score(paid.get(text, 0.0)) for text in batch.texts]


ROW = [{"answer": "42"}]
TAGS = "<answer>{answer}</answer>"


@given(st.floats(0, 1))
def test_an_exploit_takes_the_stated_share_or_more(value: float) -> None:
    reward = Paying(table=(("<answer>42 or 85</answer>", value),))
    found = audit(reward, ROW, wrap=TAGS, share=0.7).exploits
    assert [(one.entry, one.take) for one in found] == (
        [("right-or-wrong", pytest.approx(value))] if value >= 0.7 else []
    )


def test_a_reward_is_held_to_what_it_asks_for_alone() -> None:
    right = rk.build("correct", verifier="number", extractor={"type": "tag", "which": "only"})
    lone = rk.build("regex_match", pattern=r"\A<a>.*\S.*</a><answer>", name="lone")
    found = audit([right, lone], ROW, wrap="<a>so</a><answer>{answer}</answer>", most=1)
    asks = {one.reward: one.asks for one in found.rewards}
    assert asks[right.__name__] == asks["total"] == ("answer",)
    assert "answer" not in asks["lone"]
    assert "thought" in asks["lone"]


def test_what_takes_the_most_and_is_gravest_comes_first() -> None:
    table = {"": 0.95, "<answer></answer>": 1.0, "<answer>43</answer>": 1.0}
    table |= {"<answer>42 or 85</answer>": 1.0, "<answer>85</answer>": 0.0}
    found = audit(Paying(table=tuple(table.items())), ROW, wrap=TAGS).exploits
    assert [one.entry for one in found] == ["tags-only", "right-or-wrong", "empty"]
    assert [one.grave for one in found] == [3, 2, 3]


def test_a_family_or_an_entry_is_left_out() -> None:
    assert audit(notebook_correct, skip=["wrong-place-then-right"]).findings == ()
    assert audit(notebook_correct, skip=["several answers"]).findings == ()
    with pytest.raises(ValueError, match="did you mean 'tags-only'"):
        audit(notebook_correct, skip=["tag-only"])


def test_a_function_that_raises_is_a_finding() -> None:
    def brittle(completions: list[str], **_: Any) -> list[float]:
        return [float(int(re.search(r"(\d+)", text)[1]) == 42) for text in completions]

    found = audit(brittle, ROW, wrap=TAGS).findings
    empty = next(one for one in found if one.entry == "empty")
    assert (empty.kind, empty.value) == ("raises", None)
    assert empty.detail == "TypeError: 'NoneType' object is not subscriptable"
    digits = next(one for one in found if one.entry == "five-thousand-digits")
    assert digits.detail.startswith("ValueError: Exceeds the limit")


def test_a_program_that_exits_does_not_end_the_audit() -> None:
    def runs(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        def passes(text: str, tests: str) -> float:
            names: dict[str, Any] = {}
            try:
                exec(text.partition("```python")[2].partition("```")[0], names)  # noqa: S102 - ours
                exec(tests, names)  # noqa: S102 - ours
            except Exception:  # noqa: BLE001 - a program's own
                return 0.0
            return 1.0

        return [passes(*pair) for pair in zip(completions, answer, strict=True)]

    found = audit(runs, sample="code")
    assert {(one.entry, one.kind) for one in found.findings} >= {
        ("exits-0", "raises"),
        ("raises-exit", "raises"),
        ("equals-everything", "exploit"),
        ("mock-any", "exploit"),
    }


def test_the_sandbox_is_not_fooled() -> None:
    code = rk.build("code", unsafe_subprocess=True, timeout=20.0)
    right = rk.build("correct", verifier=code, extractor="whole")
    found = audit(right, sample="code", most=1, skip=["several answers", "length"])
    assert found.rewards[0].asks == ("answer",)
    assert found.exploits == ()


def test_messages_or_text_are_passed_as_a_function_takes_them() -> None:
    def plain(completions: list[str], **_: Any) -> list[float]:
        return [float("</think>" in text) for text in completions]

    def chat(completions: list[Any], **_: Any) -> list[float]:
        return [float("</think>" in text) for text in contents(completions)]

    async def later(completions: list[Any], **_: Any) -> list[float]:
        return chat(completions)

    found = [audit(one, sample="think").exploits for one in (plain, chat, later)]
    assert [one.entry for one in found[0]] == [one.entry for one in found[1]]
    assert [one.entry for one in found[0]] == [one.entry for one in found[2]]
    assert "closing-tags" in [one.entry for one in found[0]]


def test_what_looks_at_the_length_alone_asks_for_nothing() -> None:
    def fifty(completions: list[str], **_: Any) -> list[float]:
        return [-abs(50.0 - len(text)) for text in completions]

    for reward in (fifty, presets.reward_len):
        found = audit(reward)
        assert (found.findings, found.rewards[0].asks) == ((), ())


def test_a_layout_that_pays_nothing_does_not_hide_what_pays() -> None:
    found = audit(published.soft_format_reward_func, sample="xml")
    assert found.rewards[0].honest == (0.0,) * 4
    assert [one.entry for one in found.exploits] == ["tags-in-a-row"]


def test_a_reward_that_pays_no_honest_completion_cannot_be_audited() -> None:
    def bare(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        pairs = zip(completions, answer, strict=True)
        return [float(text.startswith(f"<a>{right}</a>") or not text) for text, right in pairs]

    (found,) = audit(bare).findings
    assert (found.kind, found.value) == ("unpaid", 0.0)
    assert "the honest completion earns 0, the least of all" in str(found)
    assert audit(bare, ROWS, wrap="<a>{answer}</a>").rewards[0].asks == ("answer",)
    assert audit(rk.build("length", target=50)).findings == ()


def test_the_sample_is_one_that_the_reward_can_read_on_some_row() -> None:
    def boxed(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        found = [re.findall(r"\\boxed\{(.*?)\}", text) for text in completions]
        return [float(all_[-1:] == [right]) for all_, right in zip(found, answer, strict=True)]

    audited = audit(boxed)
    assert (audited.sample, audited.rewards[0].asks) == ("boxed", ("answer",))


def test_a_constant_reward_is_a_finding() -> None:
    (finding,) = audit(published.strict_format_reward_func, ROW, wrap="{answer}").findings
    assert (finding.kind, finding.detail) == ("constant", "every completion earns 0")


def test_the_total_is_weighted_and_what_abstains_is_left_out() -> None:
    right = Paying(table=(("<answer>85</answer>", 0.0),))
    some = rk.build("where", reward="xml_strict", column="answer", equals="7")
    found = audit([right, some], ROW, wrap=TAGS, weights=[3.0, 5.0])
    assert [one.reward for one in found.rewards] == [right.__name__, some.__name__, "total"]
    assert [one.honest for one in found.rewards] == [(1.0,), (None,), (3.0,)]


def test_an_audit_prints_and_is_json() -> None:
    found = audit(trl_think)
    assert "thought-closed-twice" in str(found)
    data = json.loads(json.dumps(found.as_dict()))
    assert data["rewards"][0]["asks"] == ["place", "order", "thought"]
    assert data["findings"][0]["entry"] == found.findings[0].entry
    assert isinstance(found, Audit)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no rows; give some"):
        audit(open_r1, [])
    with pytest.raises(ValueError, match="no sample 'thinks'; there are xml, "):
        audit(open_r1, sample="thinks")
    with pytest.raises(ValueError, match=r"no column 'answer' .* did you mean 'answers'"):
        audit(open_r1, [{"answers": "4"}])
    with pytest.raises(ValueError, match=r"the answer '4' is not in the completion 'So\.'"):
        audit(open_r1, [{"answer": 4}], wrap="So.")
    with pytest.raises(ValueError, match="'answer' is None, expected a text or a number"):
        audit(open_r1, [{"answer": None}])
    with pytest.raises(TypeError, match="got 'xml_strict'"):
        audit(["xml_strict"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"got most=0, share=0.9, expected at least 1"):
        audit(open_r1, most=0)
    with pytest.raises(ValueError, match=r"share=2, expected .* above 0 up to 1"):
        audit(open_r1, share=2)
    with pytest.raises(ValueError, match="got 1 weights for 2 rewards"):
        audit([open_r1, trl_think], weights=[1.0])


# The page, the example and the commands -----------------------------------------------------------

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "audit.md"


def console() -> Any:
    """Return docs/console.py as a module."""
    spec = importlib.util.spec_from_file_location("console", ROOT / "docs" / "console.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_output_on_the_page_is_written_by_the_commands() -> None:
    pytest.importorskip("typer")
    page = "```console\n$ rewardkit list verifier\nold\n$ rewardkit --version\n```\n"
    told = "\n".join(rk.names("verifier"))
    version = f"rewardkit {importlib.metadata.version('rewardkit')}"
    wanted = (
        f"```console\n$ rewardkit list verifier\n{told}\n\n$ rewardkit --version\n{version}\n```\n"
    )
    assert console().refreshed(page) == wanted
    assert console().refreshed(wanted) == wanted


def test_the_page_lists_the_zoo() -> None:
    rows = re.findall(
        r"^\| ([a-z ]+) \| (`[^|]*`) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = [(family, name) for family, names in rows for name in re.findall("`([^`]+)`", names)]
    assert told == [(entry.family, entry.name) for entry in ZOO]


def test_the_page_shows_the_examples_tests() -> None:
    code = (ROOT / "examples" / "audit" / "test_rewards.py").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code.endswith(shown)


def test_the_example_is_what_a_repository_runs() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_rewards.py"],
        cwd=ROOT / "examples" / "audit",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), "."])},
        capture_output=True,
        text=True,
    )
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_commands_say_what_was_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("typer")
    main = importlib.import_module("rewardkit.cli").main
    assert main(["audit", "rewardkit.presets:strict_format_reward_func", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["findings"], data["sample"], data["rows"]) == ([], "xml", 4)
    source = f"{Path(__file__)}:open_r1"
    assert main(["audit", source, "--json", "--skip", "disorder"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["findings"][0]["entry"] == "tags-only"
    assert "disorder" not in {finding["family"] for finding in data["findings"]}
    assert main(["audit", source, "--sample", "no"]) == 2
    assert "no sample 'no'" in capsys.readouterr().err

    rows, layout = tmp_path / "rows.jsonl", tmp_path / "layout.txt"
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in SUMS), encoding="utf-8")
    layout.write_text(NOTEBOOK, encoding="utf-8")
    right = "rewardkit.presets:correctness_reward_func"
    given = [right, "--data", str(rows), "--wrap"]
    assert main(["preflight", *given, f"@{layout}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spread"][0]["reward"] == "correctness_reward_func"
    assert main(["preflight", *given, "<answer>\\n{answer}</answer>", "--rows", "2"]) == 0
    assert "2 rows, 0 problems" in capsys.readouterr().out
    assert main(["preflight", *given, "{answer}"]) == 1
    assert "below_maximum on 3 rows" in capsys.readouterr().out.replace("\n", " ")
