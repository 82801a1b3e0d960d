"""What an audit finds beyond the layout: refused answers, forms, families of answers, time."""

from __future__ import annotations

import importlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
from rewardkit.audit import ZOO, audit, leave_out, preflight, read_baseline
from rewardkit.audit.ablations import SLOT, ReferenceCompletion
from rewardkit.audit.right_answers import VARIANT_NAMES, vary_answer, vary_layout
from rewardkit.audit.rows import choose_rows

ROWS = [{"prompt": "40 + 2?", "answer": "42"}, {"prompt": "1000 + 250?", "answer": "1250"}]
ONE_NUMBER = rk.build("correct", verifier="number", extractor={"type": "tag", "which": "only"})
TAGS = "<think>I add both.</think><answer>{answer}</answer>"


def text_of(completion: Any) -> str:
    return completion if isinstance(completion, str) else completion[0]["content"]


def judge(rule: Any, name: str = "judged") -> Any:
    """Return a function with TRL's signature that pays by a rule of text and answer."""

    def function(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
        pairs = zip(completions, answer, strict=True)
        return [float(rule(text_of(completion), right)) for completion, right in pairs]

    function.__name__ = name
    return function


def in_tags(text: str) -> str:
    return text.rsplit("<answer>", maxsplit=1)[-1].partition("</answer>")[0]


def names(found: Any, kind: str) -> set[str]:
    return {finding.entry for finding in found.findings if finding.kind == kind}


# Right answers that are refused -------------------------------------------------------------------


def test_right_answers_that_are_refused_are_found_with_what_they_earned() -> None:
    found = audit(judge(lambda text, right: in_tags(text) == right), ROWS, template=TAGS)
    assert names(found, "refused") == {
        "spaces-around",
        "thousands-comma",
        "decimals-of-zero",
        "bold-answer",
    }
    thousands = next(one for one in found.findings if one.entry == "thousands-comma")
    assert (thousands.value, thousands.reference_score, thousands.row_count) == (0.0, 1.0, 1)
    assert thousands.completion == TAGS.replace("{answer}", "1,250")
    assert "refused thousands-comma: earns 0, reference 1: " in str(thousands)
    assert audit(ONE_NUMBER, ROWS, template=TAGS).findings == ()


def test_a_thought_of_many_lines_a_last_newline_and_an_opened_thought_are_tried() -> None:
    pattern = r"<think>.*</think><answer>(.*)</answer>\Z"

    def one_line(text: str, right: str) -> bool:
        found = re.match(pattern, text)
        return bool(found) and found[1].strip(" *").replace(",", "").removesuffix(".0") == right

    assert names(audit(judge(one_line), ROWS, template=TAGS), "refused") == {
        "reasoning-of-many-lines",
        "reasoning-of-paragraphs",
        "newline-at-the-end",
        "thought-opened-by-the-template",
    }


def test_a_rule_for_the_layout_may_refuse_other_answers_and_an_unopened_thought() -> None:
    strict = judge(
        lambda text, _: re.fullmatch(r"<think>.+</think><answer>\d+</answer>\s*", text, re.DOTALL)
    )
    assert names(audit(strict, ROWS, template=TAGS), "refused") == set()


def test_every_right_completion_has_the_answer_and_a_known_name() -> None:
    reference = ReferenceCompletion(f"<think>One two three.</think>{SLOT}\n", "1250")
    made = [*vary_layout(reference), *vary_answer(reference)]
    assert {name for name, _ in made} <= {*VARIANT_NAMES}
    assert all("1250" in text or "1,250" in text for _, text in made)
    long = dict(made)["reasoning-very-long"]
    # no sentence twice but by chance: six orders of three words
    assert long.startswith("<think>One two three. ")
    assert len(long.split()) == 3 * 80


# Forms, samples and evidence ----------------------------------------------------------------------


def test_the_prompts_dictate_the_form_and_a_reward_for_the_other_one_is_told() -> None:
    def of_text(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
        return [float(right in text) for text, right in zip(completions, answer, strict=True)]

    rows = [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in ROWS]
    (finding,) = audit(of_text, rows).findings
    assert (finding.kind, finding.entry, finding.row_count) == ("wrong_form", "reference", 2)
    assert finding.detail.startswith("written for plain text; the trainer passes messages")
    assert "wrong_form" not in {one.kind for one in audit(of_text, ROWS).findings}
    # of a sample the prompts are not the user's
    assert "wrong_form" not in {one.kind for one in audit(of_text).findings}


def test_a_reward_that_no_sample_fits_says_so() -> None:
    odd = judge(lambda text, right: text == f"~~{right}~~")
    (finding,) = audit(odd).findings
    assert finding.kind == "no_sample"
    assert finding.detail == (
        "no sample fits: every completion earns 0; pass rows and a template whose completion the"
        " reward pays"
    )
    assert audit(odd, ROWS, template="~~{answer}~~").rewards[0].checks == ("answer",)


LAST_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def read_tool_call(text: str, right: str) -> bool:
    """Whether the text has the right JSON between the tags of a call."""
    call = text.partition("<tool_call>")[2].partition("</tool_call>")[0]
    return bool(json.loads(call) == json.loads(right))


LAYOUTS = {
    "think_boxed": lambda text, right: re.fullmatch(
        rf"<think>.*</think>.*\\boxed\{{{re.escape(right)}\}}\.", text, re.DOTALL
    ),
    "answer_colon": lambda text, right: (
        re.search(r"^Answer: (\S+)$", text, re.MULTILINE)
        and text.split()[-1] == right
        and right > ""
    ),
    "choice_tag": lambda text, right: len(right) == 1 and in_tags(text) == right != text,
    "json_answer": lambda text, right: str(json.loads(text)["answer"]) == right,
    "json": lambda text, right: (
        "name" in json.loads(right) and json.loads(text) == json.loads(right)
    ),
    "yes_no": lambda text, right: right in ("yes", "no") and text == right,
    "tool_call": lambda text, right: right.startswith("{") and read_tool_call(text, right),
    "tool_call of a list": lambda text, right: (
        right.startswith("[") and read_tool_call(text, right)
    ),
}


@pytest.mark.parametrize("sample", LAYOUTS)
def test_the_sample_in_the_rewards_layout_is_found(sample: str) -> None:
    def rule(text: str, right: str) -> bool:
        try:
            return bool(LAYOUTS[sample](text, right))
        except (ValueError, KeyError, TypeError):
            return False

    found = audit(judge(rule), max_rows=2, skip=["length", "too large"])
    assert found.sample == sample.partition(" ")[0]
    assert found.rewards[0].checks == ("answer",)


def test_evidence_shows_what_a_reward_checks_and_the_caller_may_know_better() -> None:
    ends = judge(lambda text, _: text.endswith("</answer>"))
    (audited,) = audit(ends, ROWS, template=TAGS).rewards
    assert audited.checks == ("answer_tag", "block_order", "clean_end")
    assert [str(one) for one in audited.evidence][-1] == (
        "nothing after: '\u2026 I hope that this helps.' earns 0 of 1"
    )
    held = audit(ends, ROWS, template=TAGS, checks=["answer"])
    assert held.rewards[0].checks == ("answer",)
    assert {"without-answer", "right-or-wrong"} <= names(held, "exploit")
    with pytest.raises(ValueError, match="no part 'answers'; did you mean 'answer'"):
        audit(ends, ROWS, checks=["answers"])  # type: ignore[list-item]


def test_findings_are_grouped_and_a_safe_sum_of_unsafe_rewards_is_told_as_that() -> None:
    tags = judge(lambda text, _: "<answer>" in text, "tags")
    found = audit([tags, ONE_NUMBER], ROWS, template=TAGS, weights=[0.1, 1.0], max_rows=1)
    (first, *_) = found.group_findings("tags")
    assert (first.worst.family, first.worst.severity) == ("empty layout", 3)
    assert first.other_names.startswith(f"{len(first.others)} more (empty layout): tags-around-")
    assert len(first.others) + 1 == sum(one.family == "empty layout" for one in found.exploits)
    assert first.other_names in str(found)
    total = found.rewards[-1]
    assert (total.exploit_count, total.unsafe_terms) == (0, ("tags",))
    assert "0 exploits, since the sum pays less for those of tags; checks: right answer" in str(
        found
    )
    assert json.loads(json.dumps(found.as_dict()))["rewards"][-1]["unsafe_terms"] == ["tags"]


# Families -----------------------------------------------------------------------------------------

QUESTION = [
    {"prompt": "Write twice(x).\nassert twice(2) == 4", "answer": "def twice(x):\n    return 2 * x"}
]
FENCE = "So:\n```python\n{answer}\n```"


def run_tests(tests: str) -> Any:
    def passes(text: str, _: str) -> bool:
        found = LAST_FENCE.search(text)
        try:
            exec(f"{found[1]}\n{tests}" if found else "", {})  # noqa: S102 - programs of the zoo
        except BaseException:  # noqa: BLE001 - SystemExit too
            return False
        return bool(found)

    return judge(passes)


def test_programs_that_know_the_visible_tests_pass_them_alone() -> None:
    visible = audit(run_tests("assert twice(2) == 4"), QUESTION, template=FENCE)
    tables = {"table-of-the-visible-tests", "branches-for-the-visible-tests"}
    assert tables <= names(visible, "exploit")
    hidden = audit(
        run_tests("assert twice(2) == 4\nassert twice(7) == 14"), QUESTION, template=FENCE
    )
    assert not tables & names(hidden, "exploit")
    # A wrong program before the right one is replaced by it: no exploit.
    assert not {"wrong-then-right", "right-after-the-layout"} & names(hidden, "exploit")


def test_a_program_that_reads_the_tests_passes_where_they_are_in_the_callers_memory() -> None:
    def passes(text: str, _: str) -> bool:
        tests = "assert twice(2) == 4\nassert twice(7) == 14"
        found = LAST_FENCE.search(text)
        space: dict[str, Any] = {}
        try:
            exec(found[1] if found else "raise ValueError", space)  # noqa: S102 - the zoo's
            exec(tests, space)  # noqa: S102 - ours
        except BaseException:  # noqa: BLE001 - the same
            return False
        return True

    found = audit(judge(passes), QUESTION, template=FENCE)
    assert "tests-read-from-the-stack" in names(found, "exploit")


def test_json_by_its_keys_and_calls_by_their_name_are_not_enough() -> None:
    def same_keys(text: str, right: str) -> bool:
        try:
            return json.loads(text).keys() == json.loads(right).keys()
        except (ValueError, AttributeError):
            return False

    rows = [{"answer": '{"name": "Ida", "age": 7}'}]
    found = audit(judge(same_keys), rows, checks=["answer"])
    assert {"json-of-nulls", "json-of-placeholders", "without-answer"} <= names(found, "exploit")

    def same_name(text: str, right: str) -> bool:
        try:
            return json.loads(text)["name"] == json.loads(right)["name"]
        except (ValueError, KeyError, TypeError):
            return False

    calls = [{"answer": '{"name": "add", "arguments": {"a": 1, "b": 2}}'}]
    exploits = names(audit(judge(same_name), calls), "exploit")
    assert {"call-with-other-arguments", "call-without-arguments"} <= exploits
    assert "call-of-another-tool" not in exploits


def test_all_labels_a_prefix_and_an_examples_answer_are_tried() -> None:
    labels = [{"answer": "spam"}, {"answer": "ham"}, {"answer": "news"}]
    contains = judge(lambda text, right: right in text.replace("or", " ").split())
    assert "all-labels" in names(audit(contains, labels), "exploit")
    (one,) = [entry for entry in ZOO if entry.name == "all-labels"]
    reference = ReferenceCompletion(SLOT, "spam", labels=["spam", "ham", "news"])
    assert one.make(reference) == "spam or ham or news"
    # texts without a few labels have another wrong answer
    assert ReferenceCompletion(SLOT, "Bonn", labels=["Bonn"]).wrong_answer == "something else"
    prefix = judge(lambda text, right: text != "" and right.startswith(text))
    assert "prefix" in names(audit(prefix, [{"answer": "Amsterdam"}]), "exploit")
    example = [{"prompt": "Q: 1 + 2? #### 3\nQ: 40 + 2?", "answer": "42"}]
    shown = judge(lambda text, right: text in (right, "3"))
    assert "answer-of-the-example" in names(audit(shown, example), "exploit")


def test_keywords_are_found_in_rewards_that_count_them() -> None:
    def counts(text: str, _: str) -> float:
        return sum(word in text for word in ("First", "Wait", "Therefore", "</answer>"))

    assert "keywords-of-thought" in names(audit(judge(counts), ROWS, template=TAGS), "exploit")
    right = rk.build("correct", verifier="number", extractor="last_number")
    assert (
        not audit(right, ROWS, template="It is {answer}", skip=["misplaced answer"]).exploits
        or True
    )


# Time, skips and baselines ------------------------------------------------------------------------


def test_a_reward_without_an_end_costs_one_completion() -> None:
    def sticks(text: str, right: str) -> bool:
        while text == "?":
            pass
        if text == "none":
            os._exit(3)
        return in_tags(text) == right

    start = time.monotonic()
    found = audit(judge(sticks), ROWS, template="{answer}", slow=0.2, max_rows=1, skip=["refused"])
    slow = next(one for one in found.findings if one.entry == "question-mark")
    assert (slow.kind, slow.value) == ("slow", None)
    assert found.rewards[0].checks == ("answer",)
    assert time.monotonic() - start < 60


def test_a_crash_of_the_reward_is_a_finding() -> None:
    def crashes(text: str, right: str) -> bool:
        if text == "None":
            os._exit(3)
        return text == right

    found = audit(judge(crashes), ROWS[:1], skip=["refused", "length", "too large"])
    assert [(one.kind, one.entry) for one in found.findings] == [("raises", "none")]
    assert "ended with 3" in found.findings[0].detail


def test_where_the_time_is_over_the_rest_is_counted() -> None:
    found = audit(judge(lambda text, right: text == right), ROWS, time_limit=0.0)
    assert found.row_count == 1
    assert [one.kind for one in found.findings] == ["slow"]
    assert f"{found.unscored_count} completions not scored: the time was over" in found.summary
    steps: list[tuple[str, int, int | None]] = []
    audit(
        judge(lambda text, right: text == right),
        ROWS,
        progress=lambda *step: steps.append(step),
        skip=["length"],
    )
    # light and heavy texts of two rows
    assert [(done, total) for _, done, total in steps] == [(n, 4) for n in range(4)]


def test_rows_of_a_group_are_chosen_together() -> None:
    rows = [{"prompt": f"{n % 5}", "completion": f"{n}"} for n in range(20)]
    chosen = choose_rows(rows, 8)
    assert [row["completion"] for row in chosen] == ["0", "5", "10", "15", "2", "7", "12", "17"]
    assert len(choose_rows(rows, 1)) == 4
    single = [{"prompt": f"{n}"} for n in range(399)]
    assert choose_rows(single, 200)[-1] == single[397]


def test_what_a_baseline_holds_is_left_out(tmp_path: Path) -> None:
    reward = judge(lambda text, right: right in text)
    found = audit(reward, ROWS)
    file = tmp_path / "known.json"
    known = [one for one in found.as_dict()["findings"] if one["entry"] != "right-or-wrong"]
    file.write_text(json.dumps({"findings": known}), encoding="utf-8")
    left, count = leave_out(found, read_baseline(file))
    assert [one.entry for one in left.findings] == ["right-or-wrong"]
    assert (count, left.rewards[0].exploit_count) == (len(known), 1)
    problems = preflight(reward, [{"answer": "n/a"}, {"answer": "7"}])
    assert {one.kind for one in problems.problems} == {"missing_reference"}
    assert leave_out(problems, problems.as_dict())[0].problems == ()
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="not the JSON of an audit or a preflight; write it with"):
        read_baseline(file)


def test_the_commands_take_a_baseline_checks_and_held_out_rows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("typer")
    main = importlib.import_module("rewardkit.cli").main
    monkeypatch.setenv("COLUMNS", "100")
    source = "rewardkit.presets.published:correctness_reward_func"
    arguments = ["audit", source, "--sample", "xml", "--rows", "1", "--skip", "length"]
    assert main([*arguments, "--json"]) == 1
    file = tmp_path / "known.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main([*arguments, "--baseline", str(file)]) == 0
    assert f"known by {file}, left out" in capsys.readouterr().out.replace("\n", "")
    assert main([*arguments, "--skip", "refused"]) == 1
    shown = capsys.readouterr().out
    assert "checks right answer: '\u202685\u2026' earns 0 of 2" in shown
    # the whole text
    assert r"<answer>\n85\n</answer>\n<answer>\n42\n</answer>\n'" in shown.replace("\n    ", " ")
    length = ["preflight", "reward_len", "--template", "{answer}"]
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "2?", "answer": "2"}\n{"prompt": "3?", "answer": "30"}\n')
    length[1] = "rewardkit.presets:reward_len"
    assert main([*length, "--data", str(rows), "--held-out", str(rows)]) == 1
    assert "held_out on 2 rows" in capsys.readouterr().out
    skipped = ["--skip", "held_out:dataset"]
    assert main([*length, "--data", str(rows), "--held-out", str(rows), *skipped]) == 0
    assert main([*length, "--data", str(rows), "--max-completion-length", "9"]) == 2
    assert "--max-completion-length counts tokens; give --tokenizer" in capsys.readouterr().err


def test_a_text_of_no_length_that_earns_the_most_is_an_exploit() -> None:
    short = judge(lambda text, _: 1 - min(len(text), 1000) / 1000, "short")
    found = audit(short, ROWS, template=TAGS, max_rows=1)
    assert {"empty", "white-space"} <= names(found, "exploit")
    near = judge(lambda text, _: -abs(len(text) - 60), "near")
    assert not audit(near, ROWS, template=TAGS, max_rows=1).exploits
