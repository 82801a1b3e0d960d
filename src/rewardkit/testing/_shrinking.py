"""Make a failing call smaller: fewer rows, then shorter texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rewardkit.batch import Batch
from rewardkit.testing._calls import Rows, count_rows
from rewardkit.testing._forms import CARRIERS, find_form

if TYPE_CHECKING:
    from rewardkit.testing._subject import Subject

_MAX_ATTEMPTS = 150


def shrink_rows(subject: Subject, rows: Rows, fails: Callable[[Rows], bool]) -> Rows:
    """Return a smaller call that fails too.

    Hypothesis shrinks what it has drawn; this shrinks any call, such as one of 17 right rows.
    """
    attempts = 0

    def fails_too(smaller: Rows) -> bool:
        nonlocal attempts
        attempts += 1
        return attempts <= _MAX_ATTEMPTS and fails(smaller)

    size = count_rows(rows)
    while size:  # halves first, then single rows
        start = 0
        while start < count_rows(rows):
            fewer = {name: [*each[:start], *each[start + size :]] for name, each in rows.items()}
            if count_rows(fewer) < count_rows(rows) and fails_too(fewer):
                rows = fewer
            else:
                start += size
        size //= 2
    for row in range(count_rows(rows)):
        again = True
        while again:
            smaller = next(filter(fails_too, _shorten_text(subject, rows, row)), None)
            again, rows = smaller is not None, smaller or rows
    return rows


def _shorten_text(subject: Subject, rows: Rows, row: int) -> Iterator[Rows]:
    """Yield calls with a part of one text left out, the largest parts first."""
    completions = rows[subject.text_column]
    form = find_form(completions[row]) if subject.kind == "reward" else "text"
    if form not in CARRIERS or not completions[row]:
        return
    (text,) = Batch([completions[row]]).texts
    size = len(text)
    while size:
        for start in range(0, len(text), size):
            shorter = CARRIERS[form](text[:start] + text[start + size :])
            texts = [*completions[:row], shorter, *completions[row + 1 :]]
            yield {**rows, subject.text_column: texts}
        size //= 2
