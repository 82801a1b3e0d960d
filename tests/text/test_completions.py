"""Thoughts beside the content, as servers and parsers give them, and special tokens at the end."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text.special_tokens import ends_in_token, strip_end_tokens

CALL = [{"type": "function", "function": {"name": "look_up", "arguments": {}}}]
THOUGHT = "3 plus 6 is 9."
SAID = f"<think>{THOUGHT}</think>9"
LINES = f"<think>\n{THOUGHT}\n</think>\n<answer>\n9\n</answer>"


def text_of(message):
    return rk.Batch.of([{"role": "assistant", **message}]).texts[0]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"reasoning_content": THOUGHT, "content": "9"}, SAID),
        ({"reasoning": THOUGHT, "content": "9"}, SAID),
        ({"thinking": THOUGHT, "content": "9"}, SAID),
        ({"reasoning": THOUGHT, "reasoning_content": THOUGHT, "content": "9"}, SAID),
        ({"reasoning": None, "reasoning_content": "", "thinking": THOUGHT, "content": "9"}, SAID),
        ({"reasoning": [{"type": "text", "text": THOUGHT}], "content": "9"}, SAID),
        ({"reasoning_content": " \n", "content": "9"}, "9"),
        ({"reasoning_content": 3, "content": "9"}, "9"),
        # marks that a parser left in the thought, both or one of them
        ({"reasoning": f"<think>{THOUGHT}</think>", "content": "9"}, SAID),
        ({"reasoning": f"<think>{THOUGHT}", "content": "9"}, SAID),
        ({"reasoning": f"{THOUGHT}</think>", "content": "9"}, SAID),
        ({"thinking": f"[THINK]{THOUGHT}[/THINK]", "content": "9"}, f"[THINK]{THOUGHT}[/THINK]9"),
        # the content has the thought, too
        ({"reasoning": THOUGHT, "content": SAID}, SAID),
        (
            {"reasoning": THOUGHT, "content": f"\n<think>\n{THOUGHT}\n</think>9"},
            f"\n<think>\n{THOUGHT}\n</think>9",
        ),
        ({"reasoning": THOUGHT, "content": SAID.removeprefix("<think>")}, SAID),
        ({"reasoning": f"<think>{THOUGHT}</think>", "content": SAID}, SAID),
        # a second thought is not the same one
        (
            {"reasoning": THOUGHT, "content": "<think>No.</think>9"},
            f"{SAID[:-1]}<think>No.</think>9",
        ),
        # cut off
        ({"reasoning": THOUGHT}, f"<think>{THOUGHT}"),
        ({"thinking": THOUGHT, "content": ""}, f"<think>{THOUGHT}"),
        ({"reasoning": THOUGHT, "content": "\n"}, f"<think>{THOUGHT}"),
        ({"reasoning": THOUGHT, "content": "<|im_end|>"}, f"<think>{THOUGHT}"),
        ({"reasoning": f"<think>{THOUGHT}", "content": None}, f"<think>{THOUGHT}"),
        # a call follows: the thought was not cut off
        ({"reasoning": THOUGHT, "tool_calls": CALL}, f"<think>{THOUGHT}</think>"),
        ({"reasoning": THOUGHT, "tool_calls": []}, f"<think>{THOUGHT}"),
        # a layout of lines
        ({"reasoning": THOUGHT, "content": "<answer>\n9\n</answer>"}, LINES),
        ({"reasoning": f"\n{THOUGHT}\n", "content": "\n\n<answer>\n9\n</answer>"}, LINES),
        (
            {"reasoning": THOUGHT, "content": "\r\n<answer>\r\n9\r\n</answer>"},
            f"<think>\n{THOUGHT}\n</think>\n<answer>\r\n9\r\n</answer>",
        ),
    ],
)
def test_a_thought_beside_the_content_is_written_where_the_model_wrote_it(message, text):
    assert text_of(message) == text


def part(text, kind="text", **rest):
    return {"type": kind, "thinking" if kind == "thinking" else "text": text, **rest}


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([part(THOUGHT, "thinking"), part("9")], SAID),
        ([part([part(THOUGHT)], "thinking", closed=True), part("9")], SAID),
        ([part(THOUGHT, "thinking", signature="x"), "9"], SAID),
        ([part(THOUGHT, "reasoning"), part("9")], SAID),
        ([{"type": "reasoning", "reasoning": THOUGHT}, part("9")], SAID),
        ([{"type": "reasoning", "summary": [part(THOUGHT, "summary_text")]}, part("9")], SAID),
        ([{"type": "redacted_thinking", "data": "x"}, part("9")], "9"),
        (
            [part("3 plus 6", "thinking"), part("is 9.", "thinking"), part("9")],
            "<think>3 plus 6\nis 9.</think>9",
        ),
        (
            [part("a", "thinking"), part("b"), part("c", "thinking"), part("d")],
            "<think>a</think>b<think>c</think>d",
        ),
        ([part("a", "thinking"), part("b"), part("c", "thinking")], "<think>a</think>b<think>c"),
        ([part(THOUGHT, "thinking")], f"<think>{THOUGHT}"),
        ([part(THOUGHT, "thinking"), part("")], f"<think>{THOUGHT}"),
        ([part(None, "thinking"), part("9")], "9"),
    ],
)
def test_parts_of_the_type_thinking(parts, text):
    assert text_of({"content": parts}) == text
    # the field beside them is the same thought again
    assert text_of({"content": parts, "reasoning_content": "so"}) == (
        text if "think>" in text else f"<think>so</think>{text}"
    )


def test_content_that_closes_the_thought_gets_no_second_mark():
    # a parser that takes only the text before the closing mark out of the content
    message = {"content": "</think>9", "reasoning": THOUGHT}
    assert text_of(message) == f"<think>{THOUGHT}</think>9"
    lines = {"content": "</think>\n<answer>\n9\n</answer>", "reasoning": THOUGHT}
    assert text_of(lines).count("</think>") == 1


def test_a_pair_of_tags_gets_the_thought_between_its_own_marks():
    marks = ("[THINK]", "[/THINK]")
    completion = [{"role": "assistant", "reasoning": THOUGHT, "content": "9"}]
    reward = rk.build("think_format", tags=[marks])
    assert reward(completions=[completion, "[THINK]a[/THINK]9"]) == [1.0, 1.0]
    assert reward(completions=[[{"role": "assistant", "reasoning": THOUGHT}]]) == [0.0]


TOKENS = [
    *("<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end|>", "<|return|>", "<|call|>", "</s>"),
    *("<eos>", "<EOS>", "<pad>", "<unk>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "[/INST]"),
    *("<｜▁pad▁｜>", "[PAD]", "<turn|>", "<|END_OF_TURN_TOKEN|>", "<|finetune_right_pad_id|>"),
    *("<end_of_utterance>", "<seed:eos>", "[|endofturn|]", "[e~[", "<eoa>", "<|user|>", "<s>"),
    *("<|reserved_special_token_0|>", "<unused17>", "[EOS]", "[end of text]", "<|tool_response>"),
    *("<[end\u2581of\u2581sentence]>", "<[PAD_TOKEN]>", "<reserved_106>"),
]
NO_TOKENS = [
    *("</think>", "</answer>", "</SOLUTION>", "<b>", "a <|> b", "<|x|>", "x[0]", "[1]", "(a|b)>"),
    *("Vec<String>", "</end>", "<end>", "[/THINK]", "[NOTE]", "<end_working_out>", "x < y | z >"),
    *("</text>", "<|im_end|> no", "[BEST]", "<img src='a'>", "<[1]>", "x<[i]>"),
]


@given(
    tokens=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=30),
    space=st.sampled_from(["", " ", "\n", " \n" * 6]),
    text=st.sampled_from(["9", "<answer>9</answer>", "", "a <|b|> c", "so\n"]),
)
def test_special_tokens_at_the_end_are_stripped(tokens, space, text):
    ended = text + space.join(tokens) + space
    assert strip_end_tokens([ended]) == [text]
    assert rk.Batch.of("x", ended).texts == ["x", text]
    assert rk.Batch.of([{"role": "assistant", "content": ended}]).texts == [text]


def test_any_white_space_may_follow_a_special_token():
    spaces = [chr(code) for code in range(0x3001) if chr(code).isspace()]
    assert strip_end_tokens([f"9<eos>{space}" for space in spaces]) == ["9"] * len(spaces)
    assert all(strip_end_tokens([f"9<eos>{space}"]) == ["9"] for space in spaces)


@pytest.mark.parametrize("end", NO_TOKENS)
def test_other_ends_stay(end):
    text = f"9 {end}"
    assert strip_end_tokens([text, "9<eos>"]) == [text, "9"]
    assert not ends_in_token(text)


def test_a_token_that_is_a_mark_stays():
    text = "[A]9<|end|><|return|>\n"
    assert strip_end_tokens([text], keep=["<|end|>"]) == ["[A]9<|end|>"]
    assert strip_end_tokens([text], keep=["<|return|>"]) == [text]


ORDINARY = [{"role": "assistant", "content": "8"}]
SHAPES = [
    "9",
    [],
    [{"role": "assistant", "content": "9"}, {"role": "user", "content": "7"}],
    [{"role": "user", "content": "9"}],
    [{"role": "assistant", "content": None}],
    [{"role": "assistant", "content": b"9"}],
    [{"role": "assistant", "content": [{"type": "text", "text": "9"}]}],
    [{"role": "assistant", "reasoning": "9"}],
    [{"content": "9"}],
    [{"content": "9", "name": "solver"}],
    ({"role": "assistant", "content": "9"},),
    {"role": "assistant", "content": "9"},
    ["9"],
    ["ab"],
    None,
    9,
]


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_a_completion_reads_the_same_beside_ordinary_ones(shape):
    (alone,) = rk.Batch([shape]).texts
    assert alone in ("", "9", "<think>9")
    assert rk.Batch([ORDINARY, shape, ORDINARY]).texts == ["8", alone, "8"]


@given(
    st.lists(
        st.sampled_from(["", "4", "4\n", "4</s>", "4<|im_end|>\n", "\ud8004", "\u20ac4 "]),
        min_size=1,
    )
)
def test_texts_of_a_batch_are_those_of_each_row(contents):
    chat = [[{"role": "assistant", "content": content}] for content in contents]
    alone = [text for row in chat for text in rk.Batch([row]).texts]
    assert rk.Batch(chat).texts == rk.Batch(contents).texts == alone


CONTENTS = [
    "",
    "4",
    "so\n4</s>",
    "\ud8004",
    " ",
    None,
    b"4",
    [{"type": "text", "text": "Error: no"}],
]
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", "assistant", "tool", "user", None])},
    optional={
        "content": st.sampled_from([*CONTENTS, "4", "{'error': 'no'}"]),
        "tool_calls": st.sampled_from([CALL, tuple(CALL), [], None, "no", [{"function": 1}]]),
        "reasoning": st.sampled_from([THOUGHT, "", None]),
        "status": st.just("error"),
    },
) | st.fixed_dictionaries({"content": st.sampled_from(CONTENTS)})
PLAIN = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.text("4 \n<|/s>\ud800", max_size=9)},
    optional={"tool_calls": st.just(CALL), "name": st.just("solver")},
)


@given(
    st.lists(st.lists(MESSAGES | PLAIN, max_size=3), min_size=1, max_size=4)
    | st.lists(st.lists(PLAIN, min_size=1, max_size=3), min_size=1, max_size=4)
)
def test_dictionaries_are_read_as_other_mappings_are(completions):
    # dictionaries are checked for all rows at once, and other mappings one by one
    batch = rk.Batch(completions)
    others = [[MappingProxyType(message) for message in row] for row in completions]
    by_row = rk.Batch(others)
    assert batch.texts == by_row.texts
    assert batch.turns == [[*map(dict, turns)] for turns in by_row.turns]
    assert batch.tool_calls == by_row.tool_calls
    rewards = [rk.build("tool_errors"), rk.build("length", target=2, unit="turns")]
    for turn in ("first", "last", "all"):
        for unit in ("characters", "calls"):
            reward = rk.build("length", target=0, unit=unit)
            rewards.append(rk.build("turn", reward=reward, turn=turn))
    for reward in rewards:
        assert reward.score(batch) == reward.score(by_row)


@given(st.lists(st.lists(PLAIN, min_size=1, max_size=3), min_size=1, max_size=4))
def test_the_last_of_several_messages_counts(completions):
    last = [[{"role": "assistant", "content": row[-1]["content"]}] for row in completions]
    assert rk.Batch(completions).texts == rk.Batch(last).texts
