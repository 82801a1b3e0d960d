"""Audit and preflight of verifiers whose references are a form, a box or calls."""

from __future__ import annotations

import json

import pytest

from rewardkit.audit import audit, preflight
from rewardkit.extract import ToolCall, Whole
from rewardkit.rewards import Correct
from rewardkit.verify import Exact, Instructions, Iou, Number, SameCall, ValidCall

BOXES = [
    {"prompt": "Where is the cup?", "box": [10, 10, 30, 30]},
    {"prompt": "Where is the pen?", "box": [50, 5, 90, 60]},
]
CALLS = [
    {
        "prompt": "How late is it in Lima?",
        "answer": [{"name": "clock", "arguments": {"city": "Lima"}}],
    },
    {"prompt": "Add 2 and 3.", "answer": [{"name": "add", "arguments": {"a": 2, "b": 3}}]},
]
TOOLS = [
    {"name": name, "parameters": {"properties": properties, "required": [*properties]}}
    for name, properties in (
        ("clock", {"city": {"type": "string"}}),
        ("add", {"a": {"type": "integer"}, "b": {"type": "integer"}}),
    )
]
TAGGED = "<tool_call>{answer}</tool_call>"
FORM = Correct(verifier=ValidCall(), extractor=ToolCall(), reference="tools", name="form")
BOX = Correct(verifier=Iou(), extractor=Whole(), reference="box")


@pytest.fixture(scope="module")
def called():
    """Rows with calls as JSON text, and with tools."""
    return [{**row, "answer": json.dumps(row["answer"]), "tools": TOOLS} for row in CALLS]


def test_a_verifier_of_the_form_is_not_held_to_the_right_answer(called):
    found = audit(FORM, called, template=TAGGED)
    (result,) = found.rewards
    # the call of the other row is as valid, and no exploit
    assert "answer" not in result.checks
    assert not found.findings
    assert "checks a form" in result.summary


def test_a_sum_with_a_verifier_of_the_answer_is_held_to_it(called):
    same = Correct(verifier=SameCall(), extractor=ToolCall(), name="same")
    plain = Correct(verifier=Exact(), name="tagged")  # no completion has its tags
    both, form = audit(FORM + same, called, template=TAGGED), audit(FORM + plain, called)
    assert [result.checks_form for result in both.rewards] == [True, False, False]
    assert both.rewards[-1].checks == ("answer",)
    assert [result.checks_form for result in form.rewards] == [True, False, True]


def test_instructions_have_no_exploit_but_texts_of_their_form():
    pytest.importorskip("if_verifiable")
    follows = Correct(
        verifier=Instructions(), extractor=Whole(), reference=["instruction_id_list", "kwargs"]
    )
    text = {
        "prompt": "Name some rivers in capitals.",
        "instruction_id_list": ["change_case:english_capital", "length_constraints:number_words"],
        "kwargs": [{}, {"num_words": 6, "relation": "at least"}],
        "answer": "THE RHINE AND THE NILE ARE LONG RIVERS.",
    }
    of_json = {
        "prompt": "Describe a river in JSON.",
        "instruction_id_list": ["detectable_format:json_format"],
        "kwargs": [None],
        "answer": '{"name": "Nile", "length": 6650}',
    }
    texts, both = audit(follows, [text]), audit(follows, [text, of_json])
    assert texts.rewards[0].checks == ()
    assert "not tested: its verifier checks a form" in texts.rewards[0].summary
    assert not texts.findings
    # of JSON, what is not JSON is of another form
    assert "answer_type" in both.rewards[0].checks
    assert {one.entry for one in both.exploits} >= {"json-of-nulls"}
    assert all(one.row == 1 and "answer" not in one.missing for one in both.exploits)


@pytest.mark.parametrize("wrap", [False, True])
def test_the_answer_to_a_box_is_the_whole_box(wrap):
    answers = [json.dumps({"bbox_2d": row["box"]}) for row in BOXES]
    rows = [{**row, "answer": answer} for row, answer in zip(BOXES, answers, strict=True)]
    found = audit(BOX, rows) if wrap else audit(BOX, BOXES, answer="box")
    assert found.rewards[0].checks == ("answer",)
    assert not found.exploits
    template = "It is at {answer}." if wrap else "{box}"
    assert not preflight(BOX, rows, template=template).problems


def test_points_for_boxes_are_an_exploit_where_they_count():
    both = [
        Correct(verifier=Iou(points=points), extractor=Whole(), reference="box")
        for points in (False, True)
    ]
    for name, form in (("list", "{}"), ("key", '{{"bbox_2d": {}}}')):
        rows = [{**row, "answer": form.format(row["box"])} for row in BOXES]
        strict, lenient = (audit(reward, rows) for reward in both)
        assert not strict.exploits, name
        assert {one.entry for one in lenient.exploits} == {"point-for-a-box", "box-without-an-area"}


def test_a_function_writes_the_completion_from_the_values_of_the_row():
    def write_corners(row):
        return "({}, {}), ({}, {})".format(*row["box"])

    assert not preflight(BOX, BOXES, template=write_corners).problems


def test_the_answer_to_calls_is_their_text():
    same = Correct(verifier=SameCall(), extractor=ToolCall())
    found = audit(same, CALLS)
    assert found.rewards[0].checks == ("answer",)
    assert not found.exploits
    assert not preflight(same, CALLS, template=TAGGED).problems


def test_without_a_template_the_answer_is_the_column_that_is_read():
    calls = [{"prompt": row["prompt"], "calls": row["answer"]} for row in CALLS]
    same = Correct(verifier=SameCall(), extractor=ToolCall(), reference="calls")
    labels = [{"prompt": "Is it?", "label": "yes"}, {"prompt": "Is it not?", "label": "no"}]
    plain = Correct(verifier=Exact(), extractor=Whole(), reference="label")
    for reward, rows in ((same, calls), (BOX, BOXES), (plain, labels)):
        assert not preflight(reward, rows).problems


def test_a_list_of_references_of_another_verifier_is_as_it_was():
    right = Correct(verifier=Number(), extractor=Whole())
    rows = [{"answer": [42, 43]}, {"answer": [7]}]
    assert audit(right, rows).rewards[0].checks == ("answer",)
    assert not preflight(right, rows).problems


def test_a_column_that_no_sample_has_is_named():
    (finding,) = audit(BOX).findings
    assert finding.kind == "no_sample"
    assert finding.detail == "no sample has the column 'box'; pass rows of the dataset"


def test_an_audit_says_why_the_reference_abstains():
    found = audit(Correct(verifier=Number(), extractor=Whole()), [{"answer": "four"}])
    assert found.rewards[0].summary == "not tested: it abstains on the reference completion"
    assert "bad_reference: 'four'" in found.findings[0].detail
