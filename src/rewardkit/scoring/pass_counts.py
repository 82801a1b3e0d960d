"""How many completions of each prompt pass, counted while rows stream: runs of adjacent rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from rewardkit._files.chunks import Row
from rewardkit._files.writing import ABSENT
from rewardkit._scored.passes import TOLERANCE, PassRates, PassRule, summarize_passes

Run: TypeAlias = list[Any]
"""A digest of the prompt and the step, how many completions have a value, and how many pass."""

Runs: TypeAlias = list[Any]
"""The first run, the counts of those between as [completions, passed, runs], and the last run."""
# Lists, since they go through the journal's JSON. The first and the last run may go on in the
# chunks before and after, so they are kept apart; a file of one run has no last one.


class RowRuns(NamedTuple):
    """Runs of adjacent rows with one prompt and step."""

    keys: list[tuple[Any, Any]]
    """Each row's prompt and step."""
    starts: list[int]
    """The first row of each run, and the number of rows."""


def find_runs(rows: Sequence[Row]) -> RowRuns:
    """Find the runs of rows with equal prompts in one step."""
    keys = [(row.get("prompt"), row.get("step")) for row in rows]
    changes = [index for index, (one, other) in enumerate(pairwise(keys), 1) if one != other]
    return RowRuns(keys, [0, *changes, len(keys)] if keys else [])


def count_runs(rule: PassRule, found: RowRuns, values: Sequence[float | None]) -> Runs | None:
    """Count the runs by their values and those that pass; None if no row has a prompt."""
    least = rule.least - TOLERANCE
    runs: list[tuple[Any, int, int]] = []
    for start, stop in pairwise(found.starts):
        key = found.keys[start]
        if key[0] is None:
            continue
        if stop == start + 1:  # in one step, since a file may hold no groups at all
            value = values[start]
            runs.append((key, value is not None, value is not None and value >= least))
            continue
        known = [value for value in values[start:stop] if value is not None]
        runs.append((key, len(known), sum([value >= least for value in known])))
    if not runs:
        return None
    counts = Counter([run[1:] for run in runs[1:-1]])
    middle = [[int(size), int(passed), count] for (size, passed), count in counts.items()]
    first, last = runs[0], runs[-1]
    return [_digest_key(first), middle, _digest_key(last) if len(runs) > 1 else None]


def list_rates(rule: PassRule, found: RowRuns, values: Sequence[float | None]) -> Sequence[Any]:
    """Return the pass rate of each row's group, ABSENT for a row that is alone.

    None in a group where no completion has a value.
    """
    rates: list[Any] = [ABSENT] * len(values)
    if len(found.starts) > len(values):  # every row is alone
        return rates
    for start, stop in pairwise(found.starts):
        if found.keys[start][0] is not None and stop > start + 1:
            known = [value for value in values[start:stop] if value is not None]
            passed = sum(map(bool, map(rule.passed, known)))
            rates[start:stop] = [passed / len(known) if known else None] * (stop - start)
    return rates


def add_runs(one: Runs | None, other: Runs | None) -> Runs | None:
    """Return the runs of two adjacent pieces.

    >>> add_runs([["a", 4, 1], [], ["b", 2, 1]], [["b", 2, 2], [], ["c", 4, 0]])
    [['a', 4, 1], [[4, 3, 1]], ['c', 4, 0]]
    """
    if one is None or other is None:
        return one or other
    (first, before, last), (next_first, after, next_last) = one, other
    end = last or first
    closed = Counter({(size, passed): count for size, passed, count in before})
    for size, passed, count in after:
        closed[size, passed] += count
    if end[0] == next_first[0]:  # a run that goes on
        joined = [end[0], end[1] + next_first[1], end[2] + next_first[2]]
        if last is None:
            first, last = joined, next_last
        elif next_last is None:
            last = joined
        else:
            closed[joined[1], joined[2]] += 1
            last = next_last
    else:
        ended = [run for run in (last, next_first if next_last else None) if run]
        closed.update((size, passed) for _, size, passed in ended)
        last = next_last or next_first
    return [first, [[*sizes, count] for sizes, count in closed.items()], last]


def check_runs(runs: Any) -> None:
    """Raise ValueError or TypeError for runs that `add_runs` did not make."""
    if runs is None:
        return
    first, middle, last = runs
    for key, *sizes in (first, *([last] if last else [])):
        if type(key) is not str:
            raise TypeError
        middle = [*middle, [*sizes, 1]]
    for size, passed, count in middle:
        if {*map(type, (size, passed, count))} != {int} or not 0 <= passed <= size or count < 1:
            raise ValueError


def summarize_runs(rule: PassRule | None, runs: Runs | None) -> PassRates | None:
    """Summarize the runs of all rows, None if there are none."""
    if rule is None or runs is None:
        return None
    first, middle, last = runs
    counts = Counter({(size, passed): count for size, passed, count in middle})
    counts.update((run[1], run[2]) for run in (first, last) if run)
    return summarize_passes(rule, counts)


def _digest_key(run: tuple[Any, int, int]) -> Run:
    key, *sizes = run
    digest = blake2b(repr(key).encode(errors="replace"), digest_size=16).hexdigest()
    return [digest, *map(int, sizes)]  # of the JSON of a journal, which has true and false
