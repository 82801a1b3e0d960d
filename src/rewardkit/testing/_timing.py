"""Measure whether the time of a call grows faster than the length of its text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple

from rewardkit.testing._caller import WARM_UP_FACTOR, Unanswered
from rewardkit.testing._calls import Rows, count_rows, select_rows
from rewardkit.testing._findings import NotApplicable
from rewardkit.testing._forms import CARRIERS
from rewardkit.testing._subject import Subject

FIRST_REPETITIONS = 8
# Between 1, which is allowed, and 2, which is to be found.
ALLOWED_POWER = 1.5
# About the longest completions that are trained, of 16,000 tokens. What takes less than a tenth of
# a second there is quick; from half a second on, a batch of them takes longer than a step.
_TRAINED_CHARACTERS = 50_000
_WARN_SECONDS = 0.1
_FAIL_SECONDS = 0.5
# A square that fails there takes 30 ms for a quarter of the text, and a cube 8 ms.
_SCREENED_CHARACTERS = _TRAINED_CHARACTERS // 4
_SUSPECT_SECONDS = 0.008
# Linear work that is slow need not be measured for every shape of text at the full length.
_SUSPECT_FACTOR = 3.0
# What is exponential ends at no length; a killed call costs its limit.
_SHORT_REPETITIONS = 32
_LIMIT_SECONDS = 1.0
_QUICK_MEASUREMENTS = 4
# For all shapes; the likely ones are first.
_MAX_SECONDS = 3.0
# Where one of them has been found to be slow, to find out how long a text may be.
_MAX_SEARCH_SECONDS = 8.0
# Each repeats what patterns and parsers look for: words, lines, opening tags, brackets, numbers.
_UNITS = (
    *("a", "a ", "\n", " ", "<", "<answer>", "</answer>", "<answer></answer>", "<think>"),
    *("<reasoning><answer>", "7", "1 ", "1,", "- ", "(", "{", "\\boxed{", "$", "`", "\u4f60"),
)
# behind a tag, for what is not read from a pattern
_UNITS_BEHIND = ("a", "a ", "A", "7", " ", "<")
_MAX_TAGS = 4
_texts_made = count()
_tokens: list[int] = []


class Shape(NamedTuple):
    """Texts of any length that repeat a unit."""

    source: str
    """The text, as Python in terms of `times`."""
    make: Callable[[int], str]
    """The text for a number of repetitions."""
    unit_length: int
    """The characters of one repetition."""


class Growth(NamedTuple):
    """Two numbers of repetitions, with the processor's seconds for each."""

    few: int
    many: int
    few_seconds: float
    many_seconds: float
    is_failure: bool
    """Whether it takes too long at lengths that are trained."""
    characters: int
    """The length of the longer text."""


def list_shapes(words: tuple[str, ...], attacks: Iterable[tuple[str, str]] = ()) -> Iterator[Shape]:
    """Yield shapes of texts: those for the patterns of a reward first, then those for any."""
    tags = [word for word in words if word.startswith("<") and not word.startswith("</")]
    behind = [(tag, unit) for tag in tags[:_MAX_TAGS] for unit in _UNITS_BEHIND]
    usual = [("", unit) for unit in (*_UNITS, *words)]
    for prefix, unit in dict.fromkeys((*attacks, *usual, *behind)):
        source = f"{unit!r} * times + '!'"
        yield Shape(
            f"{prefix!r} + {source}" if prefix else source,
            lambda times, prefix=prefix, unit=unit: prefix + unit * times,  # type: ignore[misc]
            len(unit),
        )
    # without repetitions: the square of a search among words seen before
    yield Shape(
        "' '.join(map(str, range(times)))", lambda times: " ".join(map(str, range(times))), 5
    )


class GrowthSearch:
    """Looks for steep growth in one shape of text after the other, in limited time."""

    def __init__(self, seconds: Callable[[str, float], float]) -> None:
        self._seconds = seconds
        self.spent = 0.0
        self.screened: list[float] = []

    def find_growth(self, shape: Shape) -> Growth | None:
        """Return the times of two texts if they grow too fast."""
        if self.spent > _MAX_SECONDS:
            return None
        # a short text too, since a long one may be refused by its length
        short = self.measure(shape, _SHORT_REPETITIONS)
        if math.isinf(short):
            return self.find_end(shape, 1, _SHORT_REPETITIONS)
        medium, longest = (
            size // shape.unit_length for size in (_SCREENED_CHARACTERS, _TRAINED_CHARACTERS)
        )
        screened = self.measure(shape, medium)
        usual = sorted(self.screened)[len(self.screened) // 2] if self.screened else 0.0
        self.screened.append(screened)
        # what was killed would be killed for a longer text, too
        if math.isinf(screened):
            return self.find_end(shape, _SHORT_REPETITIONS, medium)
        suspect = max(_SUSPECT_SECONDS, usual * _SUSPECT_FACTOR if len(self.screened) > 3 else 0)  # noqa: PLR2004 - a few
        if short < _SUSPECT_SECONDS and screened < suspect:
            return None
        seconds = self.measure(shape, longest)
        if math.isinf(seconds):
            return self.find_end(shape, medium, longest)
        few = longest // 4
        return self.compare(shape, few, longest, seconds) if seconds >= _WARN_SECONDS else None

    def find_end(self, shape: Shape, low: int, high: int) -> Growth | None:
        """Return the growth below a length for which a call does not end within its limit.

        A call with `low` repetitions ends, if `low` is more than 1; one with `high` does not.
        """
        # by the logarithm, since the length may be any; a quarter of the length is near enough
        while high >= (low + 1) * 4 and self.spent < _MAX_SEARCH_SECONDS:
            middle = math.isqrt(low * high)
            low, high = (low, middle) if math.isinf(self.measure(shape, middle)) else (middle, high)
        many, seconds = low, self.measure(shape, low)
        while many < high and seconds < _WARN_SECONDS and self.spent < _MAX_SEARCH_SECONDS:
            longer = many + max(many // 8, 1)
            later = self.measure(shape, longer)
            if math.isinf(later):
                break
            many, seconds = longer, later
        few = max(many // 2, 1) if many < _SHORT_REPETITIONS * 4 else many // 4
        return self.compare(shape, few, many, seconds) if few < many else None

    def compare(self, shape: Shape, few: int, many: int, slow: float) -> Growth | None:
        """Return the growth between two lengths if it is steep."""
        # The shortest of several times counts for both, so that other programs that run cause no
        # finding and hide none.
        allowed = (many / few) ** ALLOWED_POWER
        quick = min(self.measure(shape, few) for _ in range(_QUICK_MEASUREMENTS))
        if slow > quick * allowed:
            slow = min(slow, self.measure(shape, many))
        if slow <= quick * allowed:
            return None
        characters = len(shape.make(many))
        power = min(math.log(slow / max(quick, 1e-6)) / math.log(many / few), 50.0)
        expected = slow * max(_TRAINED_CHARACTERS / characters, 1.0) ** power
        return Growth(few, many, quick, slow, expected >= _FAIL_SECONDS, characters)

    def measure(self, shape: Shape, times: int) -> float:
        """Return the processor's seconds of a call; infinity if it was killed."""
        seconds = self._seconds(shape.make(times), _LIMIT_SECONDS)
        self.spent += min(seconds, _LIMIT_SECONDS)
        return seconds


def measure_call(subject: Subject, row: Rows, text: str, limit: float) -> float:
    """Return the processor's seconds for a call with a text that was never used before."""
    # a number at the end, so that no cache of the subject knows the text
    rows = replace_text(subject, row, f"{text}!{next(_texts_made)}", _list_tokens(len(text) // 4))
    try:
        return subject.caller.measure(subject.target, rows, limit)
    except Unanswered:
        # another process makes the next calls, and may have to load a model first
        with suppress(Exception, Unanswered):
            subject.caller.run(subject.target, row, timeout=limit * WARM_UP_FACTOR)
        return math.inf


def _list_tokens(count: int) -> list[int]:
    # a slice takes a fraction of the time of new integers, which may be more than the call takes
    _tokens.extend(range(len(_tokens), count))
    return _tokens[:count]


def find_judged_row(subject: Subject) -> Rows:
    """Return a call of one row that is judged and not skipped, or of that row twice.

    Twice if rows depend on each other: a comparison of one row with nothing takes no time.
    """
    known = [
        select_rows(rows, [row]) for rows in subject.samples for row in range(count_rows(rows))
    ]
    if not known:
        raise NotApplicable("no example had a row")
    subject.run_ahead(known)
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
    """Return a call with a short text for every shape."""
    tokens = [*range(FIRST_REPETITIONS)]
    return [
        replace_text(subject, row, shape.make(FIRST_REPETITIONS), tokens)
        for shape in list_shapes(subject.words)
    ]
