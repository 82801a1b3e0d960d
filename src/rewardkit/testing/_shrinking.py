"""Make a failing call smaller: fewer rows, simpler forms, shorter texts, simpler values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rewardkit.batch import Batch
from rewardkit.testing._calls import Rows, count_rows
from rewardkit.testing._forms import CARRIERS, NO_TEXT, find_form

if TYPE_CHECKING:
    from rewardkit.testing._subject import Subject

_MAX_ATTEMPTS = 150
# Of each column: the samples hold the simple values of a strategy, and a call costs time.
_SIMPLE_VALUES = 3
# A blank is a case of its own, which a reader would take for the cause.
_BLANKS = {*map(repr, (None, "", " \n", []))}
# What compares rows needs two; of so short a text, a reader sees at once what matters.
_SMALL_ROWS = 2
_SMALL_CHARACTERS = 20


def is_small(subject: Subject, rows: Rows) -> bool:
    """Return whether a call is so small that a still smaller one would say no more."""
    size, characters = measure_size(subject, rows)
    return size <= _SMALL_ROWS and characters <= _SMALL_CHARACTERS


def measure_size(subject: Subject, rows: Rows) -> tuple[int, int]:
    """Return the number of rows of a call, and the length of its texts."""
    texts = [_read_text(subject, value) or "" for value in rows[subject.text_column]]
    return len(texts), sum(map(len, texts))


def shrink_rows(subject: Subject, rows: Rows, fails: Callable[[Rows], bool]) -> Rows:
    """Return a smaller call that fails too.

    Hypothesis shrinks what it has drawn; this shrinks any call, such as one of 17 right rows.
    """
    attempts = 0

    def fails_too(smaller: Rows) -> bool:
        nonlocal attempts
        attempts += 1
        return attempts <= _MAX_ATTEMPTS and fails(smaller)

    rows = _leave_out_rows(rows, fails_too)
    rows = next(filter(fails_too, _simplify_forms(subject, rows)), rows)
    for row in range(count_rows(rows)):
        rows = _shorten_text(subject, rows, row, fails_too)
    return _simplify_values(subject, rows, fails_too)


def _leave_out_rows(rows: Rows, fails: Callable[[Rows], bool]) -> Rows:
    size = count_rows(rows)
    while size:  # halves first, then single rows
        start = 0
        while start < count_rows(rows):
            fewer = {name: [*each[:start], *each[start + size :]] for name, each in rows.items()}
            if count_rows(fewer) < count_rows(rows) and fails(fewer):
                rows = fewer
            else:
                start += size
        size //= 2
    return rows


def _simplify_forms(subject: Subject, rows: Rows) -> Iterator[Rows]:
    """Yield calls with completions of one simpler form, the simplest first."""
    if subject.kind != "reward":
        return
    completions = rows[subject.text_column]
    forms, texts = [find_form(one) for one in completions], Batch(completions).texts
    simpler: list[list[Any]] = []
    for form in (form for form in CARRIERS if form in subject.forms):
        if {*forms} == {form}:
            break
        simpler.append([*map(CARRIERS[form], texts)])
    # the usual message without a text, instead of a tool call or an image
    if {*forms} == {"empty"}:
        simpler.append([NO_TEXT[0]] * len(forms))
    for changed in simpler:
        if changed != completions:
            yield subject.with_texts(rows, changed)


def _shorten_text(subject: Subject, rows: Rows, row: int, fails: Callable[[Rows], bool]) -> Rows:
    """Return a call with parts of one text left out, the largest parts first."""
    text = _read_text(subject, rows[subject.text_column][row])
    if not text:
        return rows
    completions = rows[subject.text_column]
    carry = CARRIERS[find_form(completions[row]) if subject.kind == "reward" else "text"]
    size = len(text)
    while size:
        start, before = 0, text
        while start < len(text):
            shorter = text[:start] + text[start + size :]
            texts = [*completions[:row], carry(shorter), *completions[row + 1 :]]
            smaller = {**rows, subject.text_column: texts}
            if fails(smaller):
                text, rows = shorter, smaller
            else:
                start += size
        # single characters again, since what follows may have been needed for what came before
        if size > 1 or text == before:
            size //= 2
    return rows


def _simplify_values(subject: Subject, rows: Rows, fails: Callable[[Rows], bool]) -> Rows:
    """Return a call with simpler values of the other columns, from those that were drawn."""
    for name in [name for name in rows if name != subject.text_column]:
        drawn = {repr(one): one for sample in subject.samples for one in sample.get(name, ())}
        simple = sorted({*drawn} - _BLANKS, key=lambda shown: (len(shown), shown))[:_SIMPLE_VALUES]
        for row in range(count_rows(rows)):
            for shown in simple:
                values = rows[name]
                if len(shown) >= len(repr(values[row])):
                    break
                smaller = {**rows, name: [*values[:row], drawn[shown], *values[row + 1 :]]}
                if fails(smaller):
                    rows = smaller
                    break
    return rows


def _read_text(subject: Subject, value: Any) -> str | None:
    """Return the text of a completion or an answer; None if it has none."""
    if subject.kind != "reward":
        return value if isinstance(value, str) else None
    return Batch([value]).texts[0] if find_form(value) in CARRIERS else None
