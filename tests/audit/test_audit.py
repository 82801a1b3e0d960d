from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import presets
from rewardkit.audit import Audit, audit
from rewardkit.audit.ablations import SLOT, ReferenceCompletion
from rewardkit.presets import published
from shapes import XML_RECIPE

ROWS = [{"prompt": "What is 1 + 1?", "answer": "2"}, {"prompt": "and 999 + 1?", "answer": "1,000"}]
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
    return [2.0 if tagged(text) == right else 0.0 for text, right in pairs]


def notebook_numbers(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    def score(text: str, right: str) -> float:
        found = re.search(r"-?[\d.,]+", text)
        if found is None:
            return -2.5
        try:
            return 3.5 if float(found[0].replace(",", "")) == float(right) else -1.5
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
        "right-in-the-reasoning",
        "right-or-wrong",
        "dozens",
        "right-before-the-layout",
    },
    trl_think: {"tags-only", "reasoning-closed-twice", "in-the-reasoning-alone"},
    open_r1: {"tags-only", "junk-on-lines-after", "everything-twice", "next-turn-after"},
}


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda original: original.__name__)
def test_each_published_original_has_its_known_exploits(original: Any) -> None:
    found = audit(original)
    assert ORIGINALS[original] <= {finding.entry for finding in found.exploits}
    assert all(finding.score_fraction >= 0.9 for finding in found.exploits)


def test_each_published_preset_has_exploits() -> None:
    for name in ("xmlcount", "soft_format", "strict_format", "int", "correctness"):
        assert audit(getattr(published, f"{name}_reward_func")).exploits, name
    for name in ("match_format_exactly", "match_format_approximately", "check_numbers"):
        assert audit(getattr(published, name)).exploits, name


def test_trls_think_reward_has_the_exploits_of_its_rule() -> None:
    rewards = pytest.importorskip("trl.rewards")
    theirs, ours = audit(rewards.think_format_reward), audit(trl_think)
    assert theirs.exploits
    assert [one.entry for one in theirs.exploits] == [one.entry for one in ours.exploits]


@pytest.mark.parametrize("name", presets.__all__)
def test_no_fixed_preset_has_findings(name: str) -> None:
    if "language" in name:
        pytest.importorskip("langid")
    found = audit(getattr(presets, name))
    assert found.findings == ()
    assert name == "reward_len" or found.rewards[0].checks


def test_no_fixed_recipe_has_findings() -> None:
    assert audit(XML_RECIPE, SUMS, template=NOTEBOOK).findings == ()
    think = [presets.match_format_exactly, presets.match_format_approximately]
    think += [presets.check_answer, presets.check_numbers]
    assert audit(think, SUMS, template="<think>The numbers say so.</think>{answer}").findings == ()


class Paying(rk.Reward):
    """1 for the reference completion of 42 in tags, other values from a table."""

    table: tuple[tuple[str, float], ...] = ()

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        paid = {"<answer>42</answer>": 1.0, **dict(self.table)}
        return [rk.Score(paid.get(text, 0.0)) for text in batch.texts]


ROW = [{"answer": "42"}]
TAGS = "<answer>{answer}</answer>"


@settings(max_examples=settings.default.max_examples // 3)
@given(st.floats(0, 1))
def test_an_exploit_earns_at_least_the_stated_share(value: float) -> None:
    reward = Paying(table=(("<answer>42 or 85</answer>", value),))
    found = audit(reward, ROW, template=TAGS, share=0.7).exploits
    assert [(one.entry, one.score_fraction) for one in found] == (
        [("right-or-wrong", pytest.approx(value))] if value >= 0.7 else []
    )


def test_a_reward_is_tested_only_for_what_it_checks() -> None:
    right = rk.build("correct", verifier="number", extractor={"type": "tag", "which": "only"})
    lone = rk.build("regex_match", pattern=r"\A<a>.*\S.*</a><answer>", name="lone")
    found = audit([right, lone], ROW, template="<a>so</a><answer>{answer}</answer>", max_rows=1)
    asks = {one.reward: one.checks for one in found.rewards}
    assert asks[right.__name__] == asks["total"] == ("answer",)
    assert "answer" not in asks["lone"]
    assert "reasoning" in asks["lone"]


def test_full_reward_exploits_come_first_then_by_severity() -> None:
    table = {"": 0.95, "<answer></answer>": 1.0, "<answer>43</answer>": 1.0}
    table |= {"<answer>42 or 85</answer>": 1.0, "<answer>85</answer>": 0.0}
    found = audit(Paying(table=tuple(table.items())), ROW, template=TAGS).exploits
    assert [one.entry for one in found] == [
        *("tags-only", "right-or-wrong", "empty", "end-of-text", "padding"),
    ]
    assert [one.severity for one in found] == [3, 2, 3, 3, 3]


def test_a_family_or_an_entry_can_be_skipped() -> None:
    assert audit(notebook_correct, skip=["wrong-place-then-right"]).exploits == ()
    assert audit(notebook_correct, skip=["several answers", "refused"]).findings == ()
    one = f"wrong-place-then-right:{notebook_correct.__name__}"
    assert (
        audit(notebook_correct, skip=[one, f"refused:{notebook_correct.__name__}"]).findings == ()
    )
    with pytest.raises(ValueError, match="did you mean 'tags-only'"):
        audit(notebook_correct, skip=["tag-only"])


def test_a_reward_that_always_raises_is_reported_as_such() -> None:
    def broken(completions, **_):
        raise KeyError("x")

    (result,) = audit(broken).rewards
    assert result.raises
    assert result.summary == "not tested: it raises"


def test_a_function_that_raises_is_a_finding() -> None:
    def brittle(completions: list[str], **_: Any) -> list[float]:
        return [float(int(re.search(r"(\d+)", text)[1]) == 42) for text in completions]

    found = audit(brittle, ROW, template=TAGS).findings
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


def test_the_sandbox_is_not_fooled(sandboxed: dict[str, Any]) -> None:
    code = rk.build("code", timeout=20.0, **sandboxed)
    right = rk.build("correct", verifier=code, extractor="whole")
    skip = ["several answers", "length"]
    found = audit(right, sample="code", max_rows=1, skip=skip)
    assert found.rewards[0].checks == ("answer",)
    assert found.exploits == ()


def test_functions_get_messages_or_text_as_they_need() -> None:
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


def test_a_length_reward_checks_nothing_and_has_no_findings() -> None:
    def fifty(completions: list[str], **_: Any) -> list[float]:
        return [-abs(50.0 - len(text)) for text in completions]

    for reward in (fifty, presets.reward_len):
        found = audit(reward)
        assert (found.findings, found.rewards[0].checks) == ((), ())
        assert str(found).endswith("this reward checks neither answer, layout nor language")


def test_an_unrewarded_layout_does_not_hide_a_rewarded_entry() -> None:
    found = audit(published.soft_format_reward_func, sample="xml")
    assert found.rewards[0].reference_scores == (0.0,) * 4
    assert [one.entry for one in found.exploits] == ["tags-in-a-row"]


def test_a_reward_that_is_zero_on_every_reference_completion_is_a_finding() -> None:
    def bare(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        pairs = zip(completions, answer, strict=True)
        return [float(text.startswith(f"<a>{right}</a>") or not text) for text, right in pairs]

    (found,) = audit(bare).findings
    assert (found.kind, found.value) == ("never_rewarded", 0.0)
    assert "the reference completion earns 0, the lowest of all" in str(found)
    assert audit(bare, ROWS, template="<a>{answer}</a>").rewards[0].checks == ("answer",)
    assert audit(rk.build("length", target=50)).findings == ()


def test_the_sample_is_one_that_the_reward_reads_on_some_row() -> None:
    def boxed(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        found = [re.findall(r"\\boxed\{(.*?)\}", text) for text in completions]
        return [float(all_[-1:] == [right]) for all_, right in zip(found, answer, strict=True)]

    audited = audit(boxed)
    assert (audited.sample, audited.rewards[0].checks) == ("boxed", ("answer",))


def test_a_constant_reward_is_a_finding() -> None:
    (finding,) = audit(published.strict_format_reward_func, ROW, template="{answer}").findings
    assert (finding.kind, finding.detail) == ("constant", "every completion earns 0")


def test_the_total_is_weighted_and_leaves_abstentions_out() -> None:
    right = Paying(table=(("<answer>85</answer>", 0.0),))
    some = rk.build("where", reward="xml_strict", column="answer", equals="7")
    found = audit([right, some], ROW, template=TAGS, weights=[3.0, 5.0])
    assert [one.reward for one in found.rewards] == [right.__name__, some.__name__, "total"]
    assert [one.reference_scores for one in found.rewards] == [(1.0,), (None,), (3.0,)]


def test_an_audit_prints_and_converts_to_json() -> None:
    found = audit(trl_think)
    assert "reasoning-closed-twice" in str(found)
    checks = "checks: answer tag, block order, reasoning present"
    assert str(found).splitlines()[1].endswith(f"{len(found.exploits)} exploits; {checks}")
    data = json.loads(json.dumps(found.as_dict()))
    assert data["rewards"][0]["checks"] == ["answer_tag", "block_order", "reasoning"]
    assert data["findings"][0]["entry"] == found.findings[0].entry
    assert isinstance(found, Audit)


def test_a_row_that_is_not_a_mapping_is_named():
    with pytest.raises(TypeError, match=r"^rows\[1\]: got 2 \(int\), expected a mapping"):
        audit(open_r1, [{"answer": "1"}, 2])
    with pytest.raises(
        TypeError, match=r"^rows: got \{'answer'.* \(dict\), expected a list of map"
    ):
        audit(open_r1, {"answer": ["1"]})  # type: ignore[arg-type]


def test_only_the_rows_that_are_used_are_looked_at():
    class Rows(list[dict[str, str]]):
        def __getitem__(self, index: Any) -> Any:
            seen.add(index)
            return super().__getitem__(index)

        def __iter__(self) -> Any:
            raise AssertionError("a dataset of a million rows would be decoded")

    seen: set[int] = set()
    rows = Rows({"prompt": f"{n} + 0?", "answer": str(n)} for n in range(100))
    assert audit(published.match_format_exactly, rows, max_rows=2).row_count == 2
    assert seen == {0, 50}


def test_a_column_that_no_row_has_is_named_in_the_summary():
    def tagged(completions: list[str], label_text: list[str], **_: Any) -> list[float]:
        return [float(label in text) for text, label in zip(completions, label_text, strict=True)]

    expected = "not tested: no row has the column 'label_text'"
    assert audit(tagged).rewards[0].summary == expected
    (of_rows,) = audit(tagged, SUMS).rewards
    assert (of_rows.summary, of_rows.absent_columns) == (expected, ("label_text",))
    rows = [{**row, "label_text": row["answer"]} for row in SUMS]
    assert audit(tagged, rows).rewards[0].absent_columns == ()


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no rows; give some"):
        audit(open_r1, [])
    with pytest.raises(ValueError, match=r"'thinks'; did you mean 'think'.*; the samples are xml"):
        audit(open_r1, sample="thinks")
    with pytest.raises(ValueError, match=r"no column 'answer' .* did you mean 'answers'"):
        audit(open_r1, [{"answers": "4"}])
    with pytest.raises(ValueError, match=r"the answer '4' is not in the completion 'So\.'"):
        audit(open_r1, [{"answer": 4}], template="So.")
    with pytest.raises(ValueError, match=r"'answer' is None \(NoneType\), expected a text or"):
        audit(open_r1, [{"answer": None}])
    with pytest.raises(TypeError, match="got 'xml_strict'"):
        audit(["xml_strict"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"got max_rows=0, share=0\.9; expected max_rows >= 1"):
        audit(open_r1, max_rows=0)
    with pytest.raises(ValueError, match=r"share=2; expected .* and 0 < share <= 1$"):
        audit(open_r1, share=2)
    with pytest.raises(ValueError, match="got 1 weights for 2 rewards"):
        audit([open_r1, trl_think], weights=[1.0])


PAIRS = (("[THINK]", "[/THINK]"), ("<SOLUTION>", "</SOLUTION>"))


@pytest.mark.parametrize(
    ("name", "fields", "checks"),
    [
        ("think_format", {"tags": PAIRS[:1]}, {"answer_tag", "block_order", "reasoning"}),
        ("think_format", {"tags": PAIRS}, {"answer_tag", "block_order", "reasoning", "clean_end"}),
        ("xml_strict", {"tags": PAIRS}, {"answer_tag", "block_order", "reasoning", "clean_end"}),
        ("tag_count", {"tags": ("first", "second")}, {"answer_tag", "block_order", "reasoning"}),
    ],
)
def test_a_layout_of_its_own_tags_is_audited_on_a_sample_in_that_layout(name, fields, checks):
    found = audit(rk.build(name, **fields))
    assert found.sample.startswith("tags")
    assert not found.exploits
    assert {*found.rewards[0].checks} == checks


def test_the_parts_of_a_layout_with_pairs():
    reward = rk.build("correct", verifier="number", extractor={"type": "tag", "tag": PAIRS[1]})
    assert {*audit(reward).rewards[0].checks} == {"answer"}
    layout = f"[THINK]\nSo.\n[/THINK]\n<SOLUTION>{SLOT}</SOLUTION>"
    reference = ReferenceCompletion(layout, "9", pairs=PAIRS)
    assert reference.marks == ["[THINK]", "[/THINK]", "<SOLUTION>", "</SOLUTION>"]
    assert reference.blocks == ["[THINK]\nSo.\n[/THINK]\n"]
    assert reference.reasoning == "So."
    assert reference.with_reasoning("Hm") == layout.replace("So.", "Hm").replace(SLOT, "9")
    assert reference.with_all_text("") == "[THINK]\n\n[/THINK]\n<SOLUTION></SOLUTION>"
    empty = ReferenceCompletion(f"[THINK][/THINK]{SLOT}", "9", pairs=PAIRS[:1])
    assert empty.with_reasoning("Hm") == "[THINK]Hm[/THINK]9"


def test_special_tokens_and_near_tags_are_found_in_rules_that_know_neither():
    def present(completions, **_):
        # as rewards in notebooks do: any character in each block, and each exact tag once
        found = [re.fullmatch(r"<think>.+?</think>.+", text, re.DOTALL) for text in completions]
        return [float(bool(match)) for match in found]

    names = {finding.entry for finding in audit(present).exploits}
    assert {"end-token-as-answer", "reasoning-of-an-end-token"} <= names
    assert {"block-again-in-near-tags", "tags-around-an-end-token"} <= names
