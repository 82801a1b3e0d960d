"""Calls in a process of their own: several with one message, each as if it were made alone."""

from __future__ import annotations

import time

import pytest

from rewardkit.testing import _caller

TEXT = "text"


def answer(target, rows):
    """Do what the text says, and return how many texts there are."""
    for text in rows["texts"]:
        if text == "raise":
            raise ValueError(text)
        if text == "work":
            end = time.process_time() + 0.15
            while time.process_time() < end:
                pass
        while text == "hang":
            pass
    rows["texts"].append(TEXT)
    return [target, len(rows["texts"]) - 1]


@pytest.fixture
def caller():
    made = _caller.Caller(answer, [TEXT], timeout=0.25)
    if not made.is_forked:
        pytest.skip("calls are made in this process")
    yield made
    made.close()


@pytest.fixture
def messages(caller, monkeypatch):
    sent, call = [], caller.watchdog.call
    monkeypatch.setattr(
        caller.watchdog, "call", lambda *given, **more: sent.append(given) or call(*given, **more)
    )
    return sent


def test_several_calls_are_one_message(caller, messages):
    rows = [{"texts": ["a"] * count} for count in range(3)]
    caller.run_ahead(TEXT, rows, shifted=rows[:1])
    assert [caller.run(TEXT, each) for each in rows] == [[TEXT, 0], [TEXT, 1], [TEXT, 2]]
    assert caller.run_shifted(TEXT, rows[0]) == [TEXT, 0]
    assert len(messages) == 1


def test_they_share_nothing(caller):
    shared = ["a"]
    rows = {"texts": shared}, {"texts": shared}
    caller.run_ahead(TEXT, rows)
    assert [caller.run(TEXT, each) for each in rows] == [[TEXT, 1]] * 2
    assert shared == ["a"]


def test_other_calls_than_those_are_made(caller, messages):
    first, second = {"texts": ["a"]}, {"texts": ["a", "a"]}
    caller.run_ahead(TEXT, [first, second])
    assert caller.run(TEXT, second) == [TEXT, 2]
    assert caller.run(TEXT, first) == [TEXT, 1]
    assert len(messages) == 3


def test_one_that_raises_does_so_when_it_is_asked_for(caller):
    good, wrong = {"texts": ["a"]}, {"texts": ["raise"]}
    caller.run_ahead(TEXT, [good, wrong])
    assert caller.run(TEXT, good) == [TEXT, 1]
    with pytest.raises(ValueError, match="raise"):
        caller.run(TEXT, wrong)


def test_each_has_its_own_limit(caller):
    slow, late = {"texts": ["work"]}, {"texts": ["hang"]}
    caller.run_ahead(TEXT, [slow, slow, slow])
    assert [caller.run(TEXT, slow) for _ in range(3)] == [[TEXT, 1]] * 3
    assert caller.watchdog.restarts == 0
    caller.run_ahead(TEXT, [{"texts": []}, late])
    with pytest.raises(_caller.Unanswered) as unanswered:
        caller.run(TEXT, late)
    assert unanswered.value.rows is late
