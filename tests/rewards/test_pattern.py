from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk


@pytest.mark.parametrize(
    ("where", "values"),
    [("search", [1.0, 1.0, 1.0]), ("match", [1.0, 0.0, 1.0]), ("fullmatch", [1.0, 0.0, 0.0])],
)
def test_where_it_may_match(where, values):
    reward = rk.build("regex_match", pattern=r"\d+", where=where, otherwise=0.0)
    assert reward(completions=["42", "so 42", "42 it is"]) == values


def test_catastrophic_backtracking_stops_at_the_timeout():
    reward = rk.build(
        "regex_match", pattern=r"(a|aa)+$", where="fullmatch", otherwise=-1.0, timeout=0.05
    )
    start = time.monotonic()
    batch = rk.Batch.of("a" * 60 + "!")
    assert reward.score(batch) == [rk.Score(-1.0, "no match within 0.05 s")]
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("Step 1: add. Step 2: check.", 2),
        ("1. add\n2. check\n3. done\n4. more", 3),
        ("- add\n* check", 2),
        ("First, add. Second, check. Finally, done. Next, more.", 3),
        ("Firstly add, 1.5 of it", 0),
        ("- add\n- add\n1. add\n1. check", 3),  # a line that is there twice counts once
        ("First, First, Step 1: Step 1:", 2),
        ("-\n-\n***\n**bold**\n-5\n- ---\n1.\n2. .", 0),  # marks of nothing
        ("", 0),
    ],
)
def test_reasoning_steps(text, steps):
    reward = rk.build("reasoning_steps", value=3.0)
    assert reward(completions=[text]) == pytest.approx([steps])


MARKS = ["Step 1:", "Step 2:", "1.", "\n- we add", "\n* check", "First,", "Next,", " so ", "x"]
PARTS = st.lists(st.sampled_from(MARKS), unique=True)


@given(parts=PARTS)
def test_reasoning_steps_finds_what_open_r1_finds(parts):
    text = "So " + "".join(parts)
    pattern = r"(Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)"
    theirs = min(1.0, len(re.findall(pattern, text)) / 3)
    joined = re.search(r"\w(First|Next),", text)  # theirs counts a word's end too
    ours = rk.build("reasoning_steps")(completions=[text])[0]
    assert joined or ours == pytest.approx(theirs)
