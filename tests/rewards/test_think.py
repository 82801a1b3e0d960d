from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk

SOUP = st.lists(
    st.sampled_from(["<think>", "</think>", "a", "\n", " ", "4", "<answer>", "\u200b"]), max_size=8
).map("".join)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<think>2 + 2\n= 4</think>4", 1.0),
        ("\n<think>2</think>\n4", 1.0),
        ("<think>2</think>", 0.0),
        ("<think>2</think>\u200b", 0.0),
        ("<think>\n</think>4", 0.0),
        ("<think>2</think>3</think>4", 0.0),
        ("<think>2<think>3</think>4", 0.0),
        ("so <think>2</think>4", 0.0),
        ("2</think>4", 0.0),
        ("4", 0.0),
        ("", 0.0),
    ],
)
def test_think_format(text, value):
    assert rk.build("think_format")(completions=[text]) == [value]


def test_the_prompt_may_have_opened_the_block():
    reward = rk.build("think_format", opened_in_prompt=True)
    assert reward(completions=["2</think>4", "<think>2</think>4", "</think>4"]) == [1.0, 1.0, 0.0]


def test_with_several_blocks_the_last_one_holds_the_answer():
    reward = rk.build("think_format", tags=["think", "answer"])
    good = "<think>2\n+ 2</think>\n<answer>4</answer>"
    completions = [good, good + " so", good.replace("4", ""), f"so {good}", good + good]
    assert reward(completions=completions) == [1.0, 0.0, 0.0, 0.0, 0.0]


@given(text=SOUP)
def test_what_pays_here_pays_in_trl_too(text):
    trl = pytest.importorskip("trl.rewards")
    ours = rk.build("think_format")(completions=[text.lstrip()])
    theirs = trl.think_format_reward([[{"content": text.lstrip()}]])
    assert ours[0] <= theirs[0]
