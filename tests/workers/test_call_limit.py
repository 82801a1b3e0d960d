"""Calls that end in any way, and calls that do not end."""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections import Counter

import pytest

from rewardkit._workers import call_limit
from rewardkit._workers.call_limit import CallCrash, CallTimeout, RemoteError, Watchdog

LOCK = threading.Lock()
FORKS = pytest.mark.skipif(not call_limit.can_fork(), reason="no fork here")
SHORT = 0.1


class TakesTwoError(Exception):
    """Pickles, and cannot be made again of its one argument."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def wait_for_itself():
    with LOCK:
        LOCK.acquire()


# loops in Python and in C, with and without the interpreter's lock, and calls that wait
HANGS = {
    "loop": lambda: [None for _ in iter(int, 1)],
    "pattern": lambda: re.search(r"^(a+)+$", "a" * 50 + "!"),
    "power": lambda: eval("9**9**9**9"),  # noqa: S307 - what rewards do
    "holds the lock": lambda: sum(range(10**12)),
    "sleeps": lambda: time.sleep(1000),
    "waits for itself": wait_for_itself,
}


@FORKS
def test_what_never_ends_is_killed_and_the_next_call_is_made():
    with Watchdog(lambda name: HANGS[name]() if name else name, timeout=SHORT) as watched:
        for name in HANGS:
            with pytest.raises(CallTimeout, match="no result after") as raised:
                watched.call(name)
            waits = name in ("sleeps", "waits for itself")
            assert raised.value.waited == waits, name
            if name != "power":  # whose innermost line is in "<string>"
                assert raised.value.location.startswith("test_call_limit.py, line "), name
            assert watched.call("") == ""
        assert watched.restarts == len(HANGS)


@FORKS
def test_a_process_that_ends_is_an_error_of_its_call():
    def end(how):
        return {"crash": lambda: ctypes.string_at(0), "exit": lambda: os._exit(3)}[how]()

    with Watchdog(end) as watched:
        with pytest.raises(CallCrash, match=r"was killed by SIGSEGV, in test_call_limit\.py"):
            watched.call("crash")
        with pytest.raises(CallCrash, match="ended with 3"):
            watched.call("exit")


@FORKS
def test_errors_come_back_as_they_are_if_they_pickle():
    def fail(error):
        raise {"usual": ValueError("no"), "odd": TakesTwoError(1, 2), "exit": SystemExit(3)}[error]

    with Watchdog(fail) as watched:
        with pytest.raises(ValueError, match="no"):
            watched.call("usual")
        with pytest.raises(RemoteError, match="TakesTwoError: 1 and 2"):
            watched.call("odd")
        with pytest.raises(RemoteError, match="SystemExit: 3"):
            watched.call("exit")
        assert watched.restarts == 0


@FORKS
def test_the_process_keeps_its_state_and_another_one_begins_without():
    seen = Counter()

    def count(name):
        seen[name] += 1
        return seen[name]

    with Watchdog(count) as watched, Watchdog(count) as other:
        assert [watched.call("a") for _ in range(3)] == [1, 2, 3]
        assert other.call("a") == 1
        watched.restart()
        assert watched.call("a") == 1
    assert not seen


@FORKS
def test_arguments_that_do_not_pickle_are_inherited():
    with Watchdog(lambda give: give(4)) as watched:
        assert watched.call(lambda number: number + 1) == 5
        assert watched.call(abs) == 4


def test_without_a_fork_calls_are_made_here():
    seen = []

    def remember(name):
        seen.append(name)
        return len(seen)

    for options in ({"fork": False}, {"timeout": None}):
        with Watchdog(remember, **options) as watched:
            watched.call("a", label=lambda: "law 'total', text 'a'")
    assert seen == ["a", "a"]


def test_the_label_is_in_the_traceback_of_a_call_that_is_made_here():
    with Watchdog(int, fork=False) as watched, pytest.raises(ValueError, match="x") as raised:
        watched.call("x", label=lambda: "law 'total',\n text 'a'")
    assert any(str(entry.path) == "law 'total', text 'a'" for entry in raised.traceback)


@pytest.mark.parametrize("loaded", ["tensorflow", "vllm"])
def test_what_a_fork_would_break_is_called_here(monkeypatch, loaded):
    monkeypatch.setitem(call_limit.sys.modules, loaded, object())
    assert not call_limit.can_fork()
