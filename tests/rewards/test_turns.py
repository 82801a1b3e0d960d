"""Completions of several turns: which of them count, how many there are, which calls failed."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.extract import ToolCall
from rewardkit.rewards import Correct, Length, RegexMatch, ToolErrors, Turn
from rewardkit.rewards.tool_errors import ERROR_REPLY
from rewardkit.verify import SameCall


def call(name, **arguments):
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": name, "tool_calls": [{"function": function}]}


def reply(content, **fields):
    return {"role": "tool", "content": content, **fields}


CHAT = [
    call("add", a=1),
    reply("2"),
    call("sub", a=2),
    reply("1"),
    {"role": "assistant", "content": "so"},
]


@pytest.mark.parametrize(
    ("turn", "text"), [("first", "add"), ("last", "so"), ("all", "add\n\nsub\n\nso")]
)
def test_the_chosen_turns_are_read(turn, text):
    reads = Turn(reward=RegexMatch(pattern=rf"(?s)\A{text}\Z"), turn=turn)
    assert reads(completions=[CHAT]) == [1.0]


@pytest.mark.parametrize(
    ("turn", "names"), [("first", ["add"]), ("last", []), ("all", ["add", "sub"])]
)
def test_the_chosen_turns_calls_are_read(turn, names):
    same = Correct(verifier=SameCall(arguments="ignore", allow_empty=True), extractor=ToolCall())
    reward = Turn(reward=same, turn=turn)
    assert reward(completions=[CHAT], answer=[[{"name": name} for name in names]]) == [1.0]


@pytest.mark.parametrize("completion", ["so", [], None, [{"role": "assistant", "content": "so"}]])
def test_one_turn_is_every_turn(completion):
    reward = RegexMatch(pattern="so")
    expected = reward(completions=[completion])
    assert all(
        Turn(reward=reward, turn=turn)(completions=[completion]) == expected
        for turn in ("first", "last", "all")
    )


def test_metrics_and_thoughts_pass_through():
    chat = [
        {"role": "assistant", "content": "4", "reasoning_content": "2 + 2"},
        {"role": "assistant", "content": "5"},
    ]
    reward = Turn(reward=RegexMatch(pattern="<think>2 . 2</think>4") + RegexMatch(pattern="5"))
    batch = rk.Batch.of(chat)
    assert reward.score(batch)[0].value == 2.0
    assert batch.metrics


@pytest.mark.parametrize(("unit", "count"), [("turns", 3), ("calls", 2)])
def test_length_counts_turns_and_calls(unit, count):
    assert Length(target=count, unit=unit)(completions=[CHAT, "so"]) == [
        0.0,
        -float(count - (unit == "turns")),
    ]


@pytest.mark.parametrize(
    ("content", "fields", "failed"),
    [
        ("{'error': 'no such city'}", {}, True),
        ('{"error": {"code": 404}}', {}, True),
        ('{"status": "error", "message": "no"}', {}, True),
        ("Error: no such city", {}, True),
        ("ValueError: no such city", {}, True),
        ("json.JSONDecodeError: no", {}, True),
        ("Traceback (most recent call last):\n", {}, True),
        ([{"type": "text", "text": "Error executing tool add: no"}], {}, True),
        ("fine", {"is_error": True}, True),
        ("fine", {"isError": True}, True),
        ("fine", {"status": "error"}, True),
        ('{"error": null, "value": 4}', {}, False),
        ('{"error": "", "value": 4}', {}, False),
        ('{"value": 4, "standard_error": 0.1}', {}, False),
        ("The page says: Error 404.", {}, False),
        ("Errors are rare.", {}, False),
        ("", {}, False),
        (None, {"is_error": False, "status": "success"}, False),
    ],
)
def test_a_reply_that_reports_an_error_costs(content, fields, failed):
    chat = [call("add", a=1), reply(content, **fields)]
    assert ToolErrors(penalty=0.5)(completions=[chat]) == [-0.5 if failed else 0.0]


SNIPPETS = [
    *(" ", "\n", "\x1c", "{", "'", '"', "error", "errors", "status", "type", ":", "null", "None"),
    *(
        "false",
        "[]",
        "Error",
        "x.Value",
        "Error executing tool",
        "Exception",
        "s",
        "_",
        "!",
        "a" * 60,
    ),
    "Traceback (most recent call last)",
]


@given(st.lists(st.sampled_from(SNIPPETS), max_size=8).map("".join))
def test_ascii_replies_are_searched_as_the_regex_package_does(text):
    failed = regex.search(ERROR_REPLY, text) is not None
    assert ToolErrors().score(rk.Batch.of([call("add"), reply(text)]))[0].value == -float(failed)


def test_the_penalty_is_by_the_share_that_failed():
    chat = [*CHAT[:3], reply("Error: no")]
    broken = "<tool_call>add(1)</tool_call>\n<tool_response>\nfine\n</tool_response>"
    failed = '<tool_call>{"name": "f"}</tool_call><tool_response>Error: no</tool_response>'
    scores = ToolErrors().score(rk.Batch.of(chat, broken, failed, "so"))
    assert [score.value for score in scores] == [-0.5, -1.0, -1.0, 0.0]
    assert scores[0].why == "1 of 2 calls failed"


def test_a_call_that_cannot_be_read_and_its_reply_count_once():
    unread = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}
    answered = [unread, reply("Error: the arguments are not JSON")]
    # the second one is answered alone, and its call is another than the first, unread one
    alone = [unread, call("add", a=1), reply("Error: no")]
    batch = rk.Batch.of(answered, [*answered, call("add", a=1), reply("4")], alone)
    scores = ToolErrors().score(batch)
    assert [score.value for score in scores] == [-1.0, -0.5, -1.0]
    assert [score.why for score in scores] == [
        "1 of 1 calls failed",
        "1 of 2 calls failed",
        "2 of 2 calls failed",
    ]


def test_the_pattern_may_be_ones_own():
    chat = [call("add", a=1), reply("FEHLER 7")]
    assert ToolErrors(pattern=r"^FEHLER")(completions=[chat]) == [-1.0]
    with pytest.raises(ValueError, match="does not compile"):
        ToolErrors(pattern="(")
