"""What does not end is a finding, the other laws are still tried, and state is seen."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import re
import signal
import time
from types import SimpleNamespace

import pytest

from rewardkit import testing as kit
from rewardkit._workers.call_limit import can_fork
from rewardkit.testing import _caller, _timing, _trial, _words, laws
from rewardkit.testing._findings import CheckInterrupted

pytestmark = pytest.mark.skipif(not can_fork(), reason="calls are made here")
SLOW = re.compile(r"^<answer>(([A-Z][a-z]*\s?)+)+</answer>")
SEEN: dict[str, float] = {}
ONE_AT_A_TIME = asyncio.Semaphore(1)


def texts_of(completions):
    return [text if isinstance(text, str) else "" for text in completions]


def loops(completions, **_):
    while any("<answer>" in text for text in texts_of(completions)):
        pass
    return [0.0 for _ in completions]


def waits(completions, **_):
    time.sleep(60)
    return [0.0 for _ in completions]


def holds_the_lock(completions, **_):
    return [
        float(sum(range(10**12)) if "</think>" in text else 0) for text in texts_of(completions)
    ]


def evaluates(completions, **_):
    def value_of(text):
        try:
            return float(eval(text, {"__builtins__": {}}) == 4)  # noqa: S307 - the bug
        except Exception:  # noqa: BLE001 - any text
            return 0.0

    return [
        value_of(text) if re.fullmatch(r"[\d*/+ -]+", text) else 0.0
        for text in texts_of(completions)
    ]


def by_a_pattern(completions, **_):
    return [float(bool(SLOW.search(text))) for text in texts_of(completions)]


def keeps_a_cache(completions, answer, **_):
    for text, value in zip(texts_of(completions), answer, strict=True):
        SEEN.setdefault(text, float(text == value))
    return [SEEN[text] for text in texts_of(completions)]


def in_chunks(completions, answer, **_):
    values = []
    for start in range(0, len(completions), 8):
        part = texts_of(completions)[start : start + 8]
        values += [float(text == value) for text, value in zip(part, answer, strict=False)]
    return values


def in_the_main_thread(completions, **_):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    return [float(len(text)) for text in texts_of(completions)]


async def waits_its_turn(completions, **_):
    async with ONE_AT_A_TIME:
        await asyncio.sleep(0)
    return [float(len(text)) for text in texts_of(completions)]


def runs_programs(completions, **_):
    for text in texts_of(completions):
        found = re.search(r"```python\n([^`]*)```", text)
        with contextlib.suppress(Exception):
            exec(found[1] if found else "", {})  # noqa: S102 - the bug
    return [0.0 for _ in completions]


def in_chunks_of_32(completions, **_):
    whole = len(completions) // 32 * 32 or len(completions)
    return [float(bool(text) and at < whole) for at, text in enumerate(texts_of(completions))]


def any_of_a_set(completions, answer, **_):
    numbers = [{*re.findall(r"[\d]+", text)} for text in texts_of(completions)]
    return [
        float(next(iter(found), "") == value) for found, value in zip(numbers, answer, strict=True)
    ]


def failures(reward, **options):
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(reward, forms="text", max_examples=5, **options)
    return {finding.law: finding for finding in raised.value.findings}, raised.value.checked


@pytest.mark.parametrize("reward", [loops, holds_the_lock, evaluates])
def test_what_never_ends_is_a_finding_with_its_text(reward):
    found, checked = failures(reward, timeout=0.1, skip=["picklable", "linear_time"])
    assert {*found} == {"terminates"}
    assert found["terminates"].given.startswith("no result after")
    assert "completions=[" in found["terminates"].code
    assert {"finite", "row_order"} <= {*checked.held}


def test_a_reward_that_always_waits_is_called_a_few_times(monkeypatch):
    requests = []
    request = _caller.Caller._request

    def count(self, *given, **limits):
        requests.append(self.label)
        return request(self, *given, **limits)

    monkeypatch.setattr(_caller.Caller, "_request", count)
    found, _ = failures(waits, timeout=0.05)
    assert {*found} == {"terminates"}
    # once to warm up, until it is known to wait, and once for each law that is tried once
    assert len(requests) <= 1 + _trial._MAX_LATE_CALLS + sum(
        law.on == "once" for law in laws.laws_of("reward")
    )


def test_an_exponential_pattern_is_found_with_a_text_of_its_own():
    found, _ = failures(by_a_pattern, laws="linear_time")
    assert "'<answer>' + 'A" in found["linear_time"].expected


def test_short_texts_that_take_long_are_found_where_long_ones_are_refused():
    def measure(text, limit):
        seconds = 2 ** len(text) / 1e6 if len(text) < 100 else 0.0
        return seconds if seconds < limit else math.inf

    shape = _timing.Shape("'a' * times", lambda times: "a" * times, 1)
    growth = _timing.GrowthSearch(measure).find_growth(shape)
    assert growth.is_failure
    # 2 ** 17 microseconds are more than a tenth of a second, and 2 ** 20 more than the limit
    assert 17 <= growth.many < 20


@pytest.mark.parametrize(
    ("reward", "law"),
    [
        (keeps_a_cache, "stateless"),
        (in_chunks, "pointwise"),
        (in_chunks_of_32, "pointwise"),
        (any_of_a_set, "picklable"),
        (in_the_main_thread, "thread_safe"),
    ],
)
def test_state_chunks_and_threads(reward, law):
    columns = {} if law == "thread_safe" else {"columns": {"answer": ["42", "7", "16"]}}
    found, _ = failures(reward, laws=law, **columns)
    assert {*found} == {law}


def test_a_program_that_does_not_end_is_tried_where_programs_are_run(monkeypatch):
    monkeypatch.setattr(_trial, "_PROGRAM_SECONDS", 0.3)
    found, _ = failures(runs_programs, laws="terminates")
    assert "while True" in found["terminates"].code
    assert _words.runs_programs(runs_programs)
    assert not _words.runs_programs(evaluates)


def test_a_check_of_slow_calls_tries_fewer_examples(monkeypatch):
    readings = itertools.count()  # a second passes between any two of them
    clock = SimpleNamespace(monotonic=lambda: next(readings))
    monkeypatch.setattr(_trial, "time", clock)
    monkeypatch.setattr(_trial, "_SECONDS_PER_EXAMPLE", 1.0)
    checked = kit.check_reward(waits_its_turn, laws=["terminates", "finite"], max_examples=7)
    assert checked.warnings["terminates"] == "calls are slow: tried 0 of 7 examples"


def test_ctrl_c_keeps_what_was_found(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_trial.Trial, "_draw", interrupt)
    with pytest.raises(CheckInterrupted) as stopped:
        kit.check_reward(in_chunks_of_32, forms="text", laws=["pointwise", "finite"])
    assert [finding.law for finding in stopped.value.findings] == ["pointwise"]
    assert stopped.value.checked.held == ()
    assert stopped.value.checked.skipped["finite"] == "the check was interrupted"


def test_an_async_reward_has_one_event_loop():
    checked = kit.check_reward(waits_its_turn, forms="text", laws="never_raises", max_examples=5)
    assert checked.held == ("never_raises",)


def test_near_misses_are_not_right():
    def contains(completions, answer, **_):
        return [float(value in text) for text, value in zip(completions, answer, strict=True)]

    found, _ = failures(contains, laws="near_misses", columns={"answer": ["42", "7", "16"]})
    assert found["near_misses"].expected.startswith("values[0] < 1.0")


def compares(equal):
    def reward(completions, answer, **_):
        return [float(equal(*pair)) for pair in zip(texts_of(completions), answer, strict=True)]

    return reward


def drop_marks(text):
    return re.sub(r"\b(a|an|the)\b|[^\w\s]", "", text.lower()).split()


def overlap(text, answer):
    said, right = drop_marks(text), drop_marks(answer)
    shared = sum(word in right for word in said)
    return 2 * shared / (len(said) + len(right)) if said and right else 0.0


@pytest.mark.parametrize(
    "equal", [lambda text, answer: drop_marks(text) == drop_marks(answer), overlap]
)
def test_a_minus_is_a_mark_where_words_are_compared(equal):
    columns = {"answer": ["42", "7", "16"]}
    checked = kit.check_reward(
        compares(equal), forms="text", laws="near_misses", columns=columns, max_examples=5
    )
    assert checked.held == ("near_misses",)


@pytest.mark.parametrize(
    ("equal", "answers", "wrong"),
    [
        # digits alone, which is not what SQuAD's rules say
        (lambda text, answer: re.sub(r"\D", "", text) == answer, ["42", "7"], "-42"),
        (lambda text, answer: text.lower() == answer.lower(), ["p", "P", "q"], "P"),
        (lambda text, answer: sorted(text) == sorted(answer), ["42", "71"], "24"),
    ],
)
def test_signs_capitals_and_order_are_near_misses_elsewhere(equal, answers, wrong):
    found, _ = failures(compares(equal), laws="near_misses", columns={"answer": answers})
    assert f"completions=[{wrong!r}]" in found["near_misses"].code


def test_a_lambda_does_not_pickle_and_a_named_inner_function_is_a_warning():
    found, _ = failures(lambda completions, **_: [0.0 for _ in completions], laws="picklable")
    assert "AsyncGRPOTrainer" in found["picklable"].given
    checked = kit.check_reward(compares(str.__eq__), columns={"answer": ["4"]}, laws="picklable")
    assert "function within a function" in checked.warnings["picklable"]


def test_earlier_names_choose_laws():
    checked = kit.check_reward(
        waits_its_turn, forms="text", laws=["total", "length"], max_examples=3
    )
    assert checked.held == ("never_raises", "one_value_per_row")
