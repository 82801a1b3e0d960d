"""What does not end is a finding, the other laws are still tried, and state is seen."""

from __future__ import annotations

import asyncio
import re
import signal

import pytest

from rewardkit import testing as kit
from rewardkit._workers.watchdog import can_fork

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


def failures(reward, **options):
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(reward, forms="text", max_examples=5, **options)
    return {finding.law: finding for finding in raised.value.findings}, raised.value.checked


@pytest.mark.parametrize("reward", [loops, holds_the_lock, evaluates])
def test_what_never_ends_is_a_finding_with_its_text(reward):
    found, checked = failures(reward, timeout=0.3, skip=["picklable", "linear_time"])
    assert {*found} == {"terminates"}
    assert found["terminates"].given.startswith("no result after")
    assert "completions=[" in found["terminates"].code
    assert {"finite", "row_order"} <= {*checked.held}


def test_an_exponential_pattern_is_found_with_a_text_of_its_own():
    found, _ = failures(by_a_pattern, laws="linear_time")
    assert "'<answer>' + 'A" in found["linear_time"].expected


@pytest.mark.parametrize(
    ("reward", "law"),
    [(keeps_a_cache, "stateless"), (in_chunks, "pointwise"), (in_the_main_thread, "thread_safe")],
)
def test_state_chunks_and_threads(reward, law):
    columns = {} if law == "thread_safe" else {"columns": {"answer": ["42", "7", "16"]}}
    found, _ = failures(reward, laws=law, **columns)
    assert {*found} == {law}


def test_an_async_reward_has_one_event_loop():
    checked = kit.check_reward(waits_its_turn, forms="text", laws="never_raises", max_examples=5)
    assert checked.held == ("never_raises",)


def test_near_misses_are_not_right():
    def contains(completions, answer, **_):
        return [float(value in text) for text, value in zip(completions, answer, strict=True)]

    found, _ = failures(contains, laws="near_misses", columns={"answer": ["42", "7", "16"]})
    assert found["near_misses"].expected.startswith("values[0] < 1.0")


def test_earlier_names_choose_laws():
    checked = kit.check_reward(
        waits_its_turn, forms="text", laws=["total", "length"], max_examples=3
    )
    assert checked.held == ("never_raises", "one_value_per_row")
