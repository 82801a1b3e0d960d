"""Measure whether the time of a call grows faster than the length of its text."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

from rewardkit.testing._calls import USAGE_ERRORS, Rows, count_rows, select_rows
from rewardkit.testing._findings import NotApplicable
from rewardkit.testing._forms import CARRIERS
from rewardkit.testing._subject import Subject

FIRST_REPETITIONS = 8
# Between 1, which is allowed, and 2, which is to be found.
ALLOWED_POWER = 1.5
# Shorter times are mostly noise.
_MIN_SECONDS = 0.1
# Longer than any completion: what is quick here is quick in training.
_MAX_CHARACTERS = 200_000
# For each shape of text, so that a slow but linear reward is checked in a minute: the processor's
# seconds, since a busy machine must not end the search early, and a limit for rewards that wait.
_MAX_SEARCH_SECONDS = 2.0
_MAX_SEARCH_WALL_SECONDS = 6.0
_MEASUREMENTS = 5
# A time that has grown in proportion up to a quarter of the longest text breaks the law at no
# length: a square beside it would be too small to see there too. Shorter times are too rough.
_PROPORTIONATE_POWER = 1.1
_MIN_PROPORTIONATE_SECONDS = 0.001
# Times below this fraction of the limit are clearly linear, and are not measured again.
_CLEARLY_BELOW = 0.75
# Doubling the text of an exponential reward would take years, so short texts that triple their time
# grow by a quarter only.
_SHORT_REPETITIONS = 1000
_STEEP_FACTOR = 3.0
# Each repeats what patterns and parsers look for: words, lines, opening tags, brackets, numbers.
_UNITS = (
    *("a", "a ", "\n", " ", "<", "<answer>", "</answer>", "<answer></answer>", "<think>"),
    *("<reasoning><answer>", "7", "1 ", "1,", "- ", "(", "{", "\\boxed{", "$", "`", "\u4f60"),
)
_texts_made = count()
_tokens: list[int] = []


class Growth(NamedTuple):
    """Two numbers of repetitions, with the processor's seconds for each."""

    few: int
    many: int
    few_seconds: float
    many_seconds: float


def list_shapes(words: tuple[str, ...]) -> Iterator[tuple[str, Callable[[int], str]]]:
    """Yield texts of any length, as Python in terms of `times` and as a function of it."""
    for unit in dict.fromkeys((*_UNITS, *words)):
        yield f"{unit!r} * times + '!'", lambda times, unit=unit: unit * times  # type: ignore[misc]
    # without repetitions: the square of a search among words seen before
    yield "' '.join(map(str, range(times)))", lambda times: " ".join(map(str, range(times)))


def find_steep_growth(make: Callable[[int], str], seconds: Callable[[str], float]) -> Growth | None:
    """Return the times of two texts if they grow too fast.

    The texts get longer until one takes long enough to be measured. Then the shortest of several
    times counts, so that other programs on the machine cause no finding.
    """
    tried, many = [FIRST_REPETITIONS], FIRST_REPETITIONS
    start, wall_start = time.process_time(), time.monotonic()
    text = make(many)
    previous = slow = seconds(text)
    while (
        slow < _MIN_SECONDS
        and len(text) < _MAX_CHARACTERS
        and time.process_time() < start + _MAX_SEARCH_SECONDS
        and time.monotonic() < wall_start + _MAX_SEARCH_WALL_SECONDS
    ):
        earlier = many
        if many < _SHORT_REPETITIONS:
            many = many * 5 // 4 if slow > _STEEP_FACTOR * previous else many * 2
        else:
            # times four, unless 16 times the time or four times the text would be far too much
            room = slow < _MIN_SECONDS / 20 and len(text) < _MAX_CHARACTERS / 2
            many = many * 4 if room else many * 2
        text = make(many)
        previous, slow = slow, seconds(text)
        tried.append(many)
        if slow < _MIN_SECONDS and len(text) > _MAX_CHARACTERS / 4:
            proportionate = slow / (many / earlier) ** _PROPORTIONATE_POWER
            # the shorter text's time again, since one that was held up would hide the growth
            if slow > _MIN_PROPORTIONATE_SECONDS and proportionate <= min(
                previous, seconds(make(earlier))
            ):
                return None
    if slow < _MIN_SECONDS:
        return None
    few = min(tried, key=lambda times: abs(times - many / 4))
    allowed = (many / few) ** ALLOWED_POWER
    quick = min(seconds(make(few)) for _ in range(3))
    for _ in range(_MEASUREMENTS):
        # Half, since a second measurement of a time just above the limit is often just below it.
        if slow < _MIN_SECONDS / 2 or slow <= quick * allowed * _CLEARLY_BELOW:
            return None
        slow, quick = min(slow, seconds(make(many))), min(quick, seconds(make(few)))
    if slow <= quick * allowed:
        return None
    return Growth(few, many, quick, slow)


def measure_call(subject: Subject, row: Rows, text: str) -> float:
    """Return the processor's seconds for a call with a text that was never used before."""
    # a number at the end, so that no cache of the subject knows the text
    rows = replace_text(subject, row, f"{text}!{next(_texts_made)}", _list_tokens(len(text) // 4))
    start = time.process_time()
    call_in_place(subject, rows)
    return time.process_time() - start


def _list_tokens(count: int) -> list[int]:
    # a slice takes a fraction of the time of new integers, which may be more than the call takes
    _tokens.extend(range(len(_tokens), count))
    return _tokens[:count]


def call_in_place(subject: Subject, rows: Rows) -> bool:
    """Make a call with the rows themselves, not a copy; return whether it raised nothing."""
    try:
        subject.run(subject.target, rows)
    except USAGE_ERRORS:
        raise
    except Exception:  # noqa: BLE001 - the law `total` reports errors
        return False
    return True


def find_judged_row(subject: Subject) -> Rows:
    """Return a call of one row that is judged and not skipped, or of that row twice.

    Twice if rows depend on each other: a comparison of one row with nothing takes no time.
    """
    known = [
        select_rows(rows, [row]) for rows in subject.samples for row in range(count_rows(rows))
    ]
    if not known:
        raise NotApplicable("no example had a row")
    known.sort(key=lambda rows: _values_if_any(subject, rows) in (None, [None], ["bad_reference"]))
    return select_rows(known[0], [0] if subject.pointwise else [0, 0])


def _values_if_any(subject: Subject, rows: Rows) -> list[Any] | None:
    try:
        return subject.values_of(rows)
    except NotApplicable:
        return None


def replace_text(subject: Subject, row: Rows, text: str, token_ids: Any) -> Rows:
    """Return a row with another text and its tokens."""
    form = next((form for form in CARRIERS if form in subject.forms), "text")
    rows = subject.with_texts(row, [CARRIERS[form](text)] * count_rows(row))
    if "completion_ids" in rows:
        return {**rows, "completion_ids": [token_ids] * count_rows(row)}
    return rows


def list_short_calls(subject: Subject, row: Rows) -> list[Rows]:
    """Return a short text of every shape, as calls that may be made in place."""
    tokens = [*range(FIRST_REPETITIONS)]
    return [
        copy.deepcopy(replace_text(subject, row, make(FIRST_REPETITIONS), tokens))
        for _, make in list_shapes(subject.words)
    ]
