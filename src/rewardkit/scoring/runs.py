"""How many completions of each prompt pass, counted while rows stream: runs of adjacent rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any, TypeAlias

from rewardkit._files.chunks import Row
from rewardkit._files.writing import ABSENT
from rewardkit._scored.passes import TOLERANCE, PassRates, PassRule, summarize_passes

Run: TypeAlias = list[Any]
"""A digest of the prompt and the step, how many completions have a value, and how many pass."""

Runs: TypeAlias = list[Any]
"""The first run, the counts of those between as [completions, passed, runs], and the last run."""
# Lists, since they go through the journal's JSON. The first and the last run may go on in the
# chunks before and after, so they are kept apart; a file of one run has no last one.


def count_runs(rule: PassRule, rows: Sequence[Row], values: Sequence[float | None]) -> Runs | None:
    """Count the runs of rows with equal prompts in one step; None if no row has a prompt."""
    runs: list[tuple[Any, int, int]] = []
    least = rule.least - TOLERANCE
    start = 0
    for key, run in groupby([(row.get("prompt"), row.get("step")) for row in rows]):
        stop = start + len([*run])
        if key[0] is not None:
            known = [value for value in values[start:stop] if value is not None]
            runs.append((key, len(known), sum([value >= least for value in known])))
        start = stop
    if not runs:
        return None
    counts = Counter((size, passed) for _, size, passed in runs[1:-1])
    middle = [[*sizes, count] for sizes, count in counts.items()]
    first, last = runs[0], runs[-1]
    return [_digest_key(first), middle, _digest_key(last) if len(runs) > 1 else None]


def list_rates(
    rule: PassRule, rows: Sequence[Row], values: Sequence[float | None]
) -> Sequence[Any]:
    """Return the pass rate of each row's group, ABSENT for a row that is alone.

    None in a group where no completion has a value.
    """
    rates: list[Any] = []
    for (prompt, _), run in groupby((row.get("prompt"), row.get("step")) for row in rows):
        size = sum(1 for _ in run)
        known = [v for v in values[len(rates) : len(rates) + size] if v is not None]
        rate: Any = sum(map(bool, map(rule.passed, known))) / len(known) if known else None
        rates += [ABSENT if prompt is None or size == 1 else rate] * size
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
    return [blake2b(repr(key).encode(errors="replace"), digest_size=16).hexdigest(), *sizes]
