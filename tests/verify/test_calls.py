"""Tool calls: read in every format, compared by the rules of BFCL, checked by their schemas."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text.tool_calls import Call, read_text_calls, write_calls
from rewardkit.extract import ToolCall
from rewardkit.rewards import Correct
from rewardkit.verify import SameCall, ValidCall

ROME = Call("weather", {"city": "Rome", "days": 2})
ROME_JSON = '{"name": "weather", "arguments": {"city": "Rome", "days": 2}}'
BODY = '{"city": "Rome", "days": 2}'
SAID = f"<|message|>{BODY}"
QWEN_CODER = (
    "<tool_call>\n<function=weather>\n<parameter=city>\nRome\n</parameter>\n"
    "<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>"
)
HARMONY = "<|channel|>analysis<|message|>I ask.<|end|><|start|>assistant"


@pytest.mark.parametrize(
    "text",
    [
        ROME_JSON,
        f"[{ROME_JSON}]",
        f"I ask.\n```json\n{ROME_JSON}\n```",
        f"[TOOL_CALLS][{ROME_JSON}]",
        '{"type": "function", "function": ' + ROME_JSON + "}",
        '{"name": "weather", "parameters": ' + BODY + "}",
        json.dumps({"name": "weather", "arguments": BODY}),
        f"<tool_call>\n{ROME_JSON}\n</tool_call>",
        f"I ask. <tool_call>{ROME_JSON}",
        f"<think>{ROME_JSON.replace('Rome', 'Oslo')}</think><tool_call>{ROME_JSON}</tool_call>",
        f"<tool_call>{{}}</tool_call></think><tool_call>{ROME_JSON}</tool_call>",
        QWEN_CODER,
        f"{HARMONY}<|channel|>commentary to=functions.weather <|constrain|>json{SAID}<|call|>",
        f"{HARMONY} to=functions.weather<|channel|>commentary json{SAID}",
    ],
)
def test_every_format_is_read(text):
    assert read_text_calls(text) == [ROME]
    assert ToolCall().extract(text) == f"[{ROME_JSON}]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is 20 degrees.",
        '{"city": "Rome"}',
        '{"name": "Rome", "warm": true}',
        f"<think>{ROME_JSON}</think>It is warm.",
        f"<think><tool_call>{ROME_JSON}</tool_call>",
        f"<tool_call>{ROME_JSON}</tool_call></think> It is warm.",
        f"{HARMONY}<|channel|>final<|message|>I wrote to=functions.weather.",
        f"{HARMONY}<|start|>functions.weather to=assistant<|channel|>commentary{SAID}<|end|>",
        f"```python\nprint({ROME_JSON})\n```",
    ],
)
def test_other_text_holds_no_call(text):
    assert read_text_calls(text) == []
    assert ToolCall().extract(text) is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<tool_call>weather(Rome)</tool_call>", "not JSON"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "a": 2}}', "not JSON: a key is repeated"),
        ('<tool_call>{"name": "f", "arguments": "Rome"}</tool_call>', "not JSON"),
        (
            '<tool_call>{"name": "f", "arguments": [1]}</tool_call>',
            "the arguments are not an object",
        ),
        ('<tool_call>{"arguments": {}}</tool_call>', "no name"),
        ("<tool_call>7</tool_call>", "not an object"),
        ("<tool_call>" + "[" * 5000 + "]" * 5000 + "</tool_call>", "nested too deep"),
        (
            "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{1}<|call|>",
            "not JSON",
        ),
    ],
)
def test_a_call_that_cannot_be_read_says_why(text, error):
    (call,) = read_text_calls(text)
    assert call.error.startswith(error)
    assert SameCall().verify([ToolCall().extract(text)], [{"name": "f"}])[0].outcome == "wrong"


def test_parallel_calls_keep_their_order():
    text = "".join(
        f'<tool_call>{{"name": "f{n}", "arguments": {{}}}}</tool_call>' for n in range(3)
    )
    assert [call.name for call in read_text_calls(text)] == ["f0", "f1", "f2"]
    assert json.loads(ToolCall(which="first").extract(text) or "")[0]["name"] == "f0"
    assert json.loads(ToolCall(which="last").extract(text) or "")[0]["name"] == "f2"


def test_a_loop_of_calls_is_read_in_part_and_wrong():
    text = f"<tool_call>{ROME_JSON}</tool_call>" * 1_001
    assert len(read_text_calls(text)) == 1_000
    assert SameCall(more_calls=True).verify([text], [ROME_JSON])[0].detail == "more than 64 calls"


def test_messages_hold_the_calls_of_all_turns():
    def call(arguments):
        return {"type": "function", "function": {"name": "add", "arguments": arguments}}

    chat = [
        {"role": "assistant", "content": None, "tool_calls": [call({"a": 1}), call('{"a": 2}')]},
        {"role": "tool", "name": "add", "content": ROME_JSON},
        {"role": "assistant", "content": "Once more.", "tool_calls": (call(None),)},
        {"role": "tool", "content": "3"},
        {"role": "assistant", "content": f"As {ROME_JSON} says."},
    ]
    batch = rk.Batch.of(chat, [{"role": "assistant", "content": ROME_JSON}], None)
    assert batch.tool_calls == [
        [Call("add", {"a": 1}), Call("add", {"a": 2}), Call("add", {})],
        [ROME],
        [],
    ]
    assert [len(turns) for turns in batch.turns] == [3, 1, 0]


def test_a_reward_reads_calls_out_of_messages():
    right = Correct(verifier=SameCall(), extractor=ToolCall(), reference="calls")
    made = {
        "role": "assistant",
        "tool_calls": [{"function": {"name": "weather", "arguments": BODY}}],
    }
    rows = [[made, {"role": "tool", "content": "20"}, {"role": "assistant", "content": "20"}], "20"]
    assert right(completions=rows, calls=[ROME_JSON] * 2) == [1.0, 0.0]


def test_what_json_cannot_hold_is_an_error():
    made = {
        "role": "assistant",
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": {1}}}}],
    }
    right = Correct(verifier=SameCall(), extractor=ToolCall())
    (score,) = right.score(rk.Batch.of([made], answer={"name": "f", "arguments": {}}))
    assert score.value == 0.0
    assert "JSON cannot hold it" in score.why


MARKS = ["<tool_call>", "</tool_call>", "<think>", "</think>", "to=functions.f<|message|>", "```"]
VALUES = st.integers() | st.text() | st.booleans() | st.sampled_from(MARKS)


@given(
    st.lists(
        st.tuples(
            st.text("abc_", min_size=1),
            st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
        ),
        max_size=3,
    )
)
def test_written_calls_are_read_back(made):
    calls = [Call(*one) for one in made]
    assert read_text_calls(write_calls(calls)) == calls


def judge(answer, reference, **fields):
    calls = [{"name": name, "arguments": arguments} for name, arguments in answer]
    return SameCall(**fields).verify([json.dumps(calls)], [reference])[0]


A1, A2 = ("add", {"a": 1}), ("add", {"a": 2})
TREE = {
    "tree": {
        "height": [3, 4],
        "kind": ["oak tree", ""],
        "leaf": [{"size": [1, 2], "hue": ["red", ""]}],
    }
}
LEAF = {"size": 2}


@pytest.mark.parametrize(
    ("answer", "reference", "fields", "right"),
    [
        ([A1], {"name": "add", "arguments": {"a": 1}}, {}, True),
        ([A1], {"name": "add", "arguments": {"a": 1.0}}, {}, True),
        # as datasets that hold structs fill what another row has
        (
            [("f", {"a": {"b": 1}})],
            {"name": "f", "arguments": {"a": {"b": 1, "c": None}}},
            {},
            True,
        ),
        (
            [("f", {"a": [{"b": 1, "c": None}]})],
            {"name": "f", "arguments": {"a": [{"b": 1}]}},
            {},
            True,
        ),
        (
            [("f", {"a": {"c": 1}})],
            {"name": "f", "arguments": {"a": {"b": 1, "c": None}}},
            {},
            False,
        ),
        ([("f", {"a": {"b": 1}})], {"f": {"a": [{"b": [1, 2], "c": None}], "d": None}}, {}, True),
        ([A1], {"add": {"a": [1], "b": None}, "sub": None}, {}, True),
        ([A1], {"name": "add", "arguments": {"a": True}}, {}, False),
        ([A1], {"name": "add", "arguments": {"a": "1"}}, {}, False),
        ([A1], {"name": "sum", "arguments": {"a": 1}}, {}, False),
        (
            [("add", {"a": 1, "b": None})],
            {"name": "add", "arguments": {"a": 1, "c": None}},
            {},
            True,
        ),
        ([("add", {"a": 1, "b": 2})], {"name": "add", "arguments": {"a": 1}}, {}, False),
        (
            [("add", {"a": 1, "b": 2})],
            {"name": "add", "arguments": {"a": 1}},
            {"arguments": "subset"},
            True,
        ),
        (
            [("add", {"b": 2})],
            {"name": "add", "arguments": {"a": 1}},
            {"arguments": "subset"},
            False,
        ),
        (
            [("add", {"b": 2})],
            {"name": "add", "arguments": {"a": 1}},
            {"arguments": "ignore"},
            True,
        ),
        ([A2, A1], [{"add": {"a": [1]}}, {"add": {"a": [2]}}], {}, True),
        ([A2, A1], [{"add": {"a": [1]}}, {"add": {"a": [2]}}], {"ordered": True}, False),
        ([A1, A2], [{"add": {"a": [1]}}, {"add": {"a": [2]}}], {"ordered": True}, True),
        ([A1], [{"add": {"a": [1]}}, {"add": {"a": [2]}}], {}, False),
        ([A1, A1], {"add": {"a": [1]}}, {}, False),
        ([A1, A2], {"add": {"a": [2]}}, {"more_calls": True}, True),
        ([A1, A2], {"add": {"a": [2]}}, {"more_calls": True, "ordered": True}, True),
        ([A2], [[{"add": {"a": [1]}}], [{"add": {"a": [2]}}]], {}, True),
        ([("tree", {"height": 4, "leaf": LEAF})], TREE, {}, True),
        ([("tree", {"height": 4, "leaf": LEAF, "kind": "oak tree"})], TREE, {}, True),
        ([("tree", {"height": 4, "leaf": LEAF, "kind": "Oak-Tree"})], TREE, {}, False),
        (
            [("tree", {"height": 4, "leaf": LEAF, "kind": "Oak-Tree"})],
            TREE,
            {"normalize": True},
            True,
        ),
        ([("tree", {"height": 5, "leaf": LEAF})], TREE, {}, False),
        ([("tree", {"height": [3, 4], "leaf": LEAF})], TREE, {}, False),
        ([("tree", {"height": 3, "leaf": {"size": 1, "hue": "blue"}})], TREE, {}, False),
        ([("tree", {"height": 3, "leaf": {"hue": "red"}})], TREE, {}, False),
        ([("tree", {"height": 3})], TREE, {}, False),
        ([("math_gcd", {})], {"name": "math.gcd"}, {"normalize": True}, True),
        ([("math_gcd", {})], {"name": "math.gcd"}, {}, False),
    ],
)
def test_calls_are_compared_by_the_rules(answer, reference, fields, right):
    assert (judge(answer, reference, **fields).outcome == "correct") is right
    text = json.dumps(reference)
    assert (judge(answer, text, **fields).outcome == "correct") is right


def test_the_acceptable_values_may_be_arrays_as_pandas_reads_them_from_parquet():
    numpy = pytest.importorskip("numpy")
    options = {"city": numpy.array(["Milan", "Rome"]), "days": numpy.array([2, 3]), "unit": None}
    assert SameCall().verify([ROME_JSON], [{"weather": options}])[0].outcome == "correct"


def test_a_call_that_fits_two_leaves_one_for_the_other():
    # whoever takes the first call that fits gives "x" to the first, and finds none for the second
    reference = [{"f": {"a": ["x", "y"]}}, {"f": {"a": ["x"]}}]
    assert judge([("f", {"a": "x"}), ("f", {"a": "y"})], reference).outcome == "correct"


@given(
    st.permutations(range(4)),
    st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=4, max_size=4),
)
def test_calls_fit_if_some_order_of_them_does(order, options):
    reference = [{"f": {"a": [*some]}} for some in options]
    answer = [("f", {"a": number}) for number in order]
    fits = any(
        all(number in some for number, some in zip(one, options, strict=True))
        for one in permutations(range(4))
    )
    assert (judge(answer, reference).outcome == "correct") is fits


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ([("f", {"a": 1, "b": 3})], 2 / 3),
        ([("f", {"a": 1})], 2 / 3),
        ([("f", {})], 1 / 3),
        ([("f", {"a": 1, "b": 2, "c": 3})], 3 / 4),
        ([("g", {"a": 1, "b": 2})], 0.0),
        ([("f", {"a": 1, "b": 2}), ("g", {})], 1 / 2),
    ],
)
def test_the_share_counts_names_and_arguments(answer, share):
    reference = {"name": "f", "arguments": {"a": 1, "b": 2}}
    assert judge(answer, reference, partial=True).share == pytest.approx(share)
    assert judge(answer, reference).share is None


def test_calls_out_of_order_do_not_earn_the_whole_share():
    reference = [{"name": "f"}, {"name": "g"}]
    verdict = judge([("g", {}), ("f", {})], reference, ordered=True, partial=True)
    assert verdict == (rk.Outcome.WRONG, "not in the reference's order", 0.5)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (None, "expected a call or a list of calls"),
        ("", "expected a call"),
        ([], "no call in it"),
        ("weather in Rome", "expected a call"),
        (7, "expected a call or a list of calls"),
        ([7], "expected a call"),
        # Python refuses to write it out
        ([10**5000], "got a value that cannot be shown (int), expected a call"),
        ({}, "no name"),
        ({"f": {"a": 1}}, "f: a is 1 (int), expected a list of acceptable values"),
        ({"f": 7}, "expected the acceptable values by argument"),
        ({"f": None}, "f: got None (NoneType), expected the acceptable values by argument"),
        ({"name": "f", "arguments": "x"}, "call of f: not JSON"),
        ([{"name": "f"}] * 65, "65 calls, expected at most 64"),
        ({"role": "assistant", "tool_calls": []}, "no call in it"),
        # LangChain's and Anthropic's names for the arguments
        ({"name": "f", "args": {"a": 1}}, "f: no arguments, but args; rename that to arguments"),
        ([{"type": "tool_use", "name": "f", "input": {"a": 1}}], "f: no arguments, but input"),
        ({"function": {"name": "f", "args": {"a": 1}, "arguments": None}}, "but args"),
    ],
)
def test_a_reference_that_cannot_be_read_says_why(reference, reason):
    verdict = judge([A1], reference)
    assert verdict.outcome == "bad_reference"
    assert reason in verdict.detail


def test_no_call_is_right_where_the_reference_says_so():
    verdicts = SameCall(allow_empty=True).verify(["I cannot.", None, ROME_JSON], [[], "[]", []])
    assert [verdict.outcome.value for verdict in verdicts] == ["correct", "correct", "wrong"]
    assert verdicts[2].detail == "a call of weather is not expected"


ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer", "default": None}, "b": None},
            "required": ["a"],
        },
    },
}


@pytest.mark.parametrize(
    ("calls", "tools", "fields", "outcome", "detail"),
    [
        ([A1], [ADD], {}, "correct", ""),
        ([A1], ADD, {}, "correct", ""),
        ([A1], json.dumps([ADD]), {}, "correct", ""),
        ([A1], [json.dumps(ADD)], {}, "correct", ""),
        (
            [A1],
            [{"name": "add", "input_schema": {"required": ["a"]}}],
            {"more_arguments": True},
            "correct",
            "",
        ),
        ([("now", {})], [ADD, {"name": "now"}], {}, "correct", ""),
        ([("now", {"a": 1})], [{"name": "now"}], {}, "wrong", "('a' was unexpected)"),
        ([("add", {"a": 1, "c": 2})], [ADD], {}, "wrong", "add: $"),
        ([("add", {"a": 1, "c": 2})], [ADD], {"more_arguments": True}, "correct", ""),
        ([("add", {"a": 0.5})], [ADD], {}, "wrong", "add: $.a: 0.5 is not of type"),
        ([("add", {})], [ADD], {}, "wrong", 'add: $: "a" is a required property'),
        ([A1, ("sub", {})], [ADD], {}, "wrong", "no tool is called 'sub'"),
        ([], [ADD], {}, "no_answer", ""),
        (
            [A1],
            [{"name": "add", "parameters": {"type": "dict"}}],
            {},
            "bad_reference",
            "add: not a schema",
        ),
        ([A1], [{"parameters": {}}], {}, "bad_reference", "expected a tool with a name"),
        ([A1], [], {}, "bad_reference", "no tools"),
        ([A1], None, {}, "bad_reference", "expected a tool"),
        ([A1], "add", {}, "bad_reference", "got 'add' (str), expected JSON text of a list"),
        (
            [A1],
            [{"name": "add", "args": {"a": {"type": "integer"}}}],
            {},
            "bad_reference",
            "add: no parameters, but args; rename that to parameters",
        ),
        ([("now", {})], [{"name": "now", "returns": {"type": "string"}}], {}, "correct", ""),
        # xLAM's form, in which an argument may be called as a keyword of JSON Schema
        (
            [A1],
            [{"name": "add", "parameters": {"a": {"type": "int"}, "type": {"type": "str"}}}],
            {},
            "bad_reference",
            "add: got arguments (a, type) in place of a JSON Schema; put them into properties",
        ),
        (
            [A1],
            [{"name": "add", "parameters": {"description": {"type": "str"}}}],
            {},
            "bad_reference",
            "got arguments (description)",
        ),
    ],
)
def test_calls_are_checked_by_the_tools_schemas(calls, tools, fields, outcome, detail):
    answer = json.dumps([{"name": name, "arguments": arguments} for name, arguments in calls])
    (verdict,) = ValidCall(**fields).verify([answer], [tools])
    assert verdict.outcome == outcome
    assert verdict.detail.startswith(detail) or detail in verdict.detail


def test_an_empty_list_of_tools_is_misuse():
    with pytest.raises(ValueError, match=r"valid_call\.tools: got"):
        ValidCall(tools=())


def test_the_share_is_that_of_the_valid_calls():
    answer = json.dumps([{"name": "add", "arguments": {"a": a}} for a in (1, "2", 3, "4")])
    (verdict,) = ValidCall(tools=(ADD,)).verify([answer], [None])
    assert verdict.share == 0.5


def test_a_message_written_as_text_is_read_as_calls():
    function = {"name": "add", "arguments": '{"a": 1}'}
    message = {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}
    for text in (json.dumps(message), f"I call it.\n```json\n{json.dumps(message)}\n```"):
        assert judge_text(text, {"name": "add", "arguments": {"a": 1}}).outcome == "correct"


def judge_text(text, reference):
    answer = ToolCall().extract(text)
    return SameCall().verify([answer], [reference])[0]
