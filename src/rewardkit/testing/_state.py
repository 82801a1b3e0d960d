"""What remains of earlier calls: caches, counters, and what two threads share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardkit.testing._caller import Caller, ThreadResult
from rewardkit.testing._calls import Rows, Values, count_rows, select_rows, values_equal
from rewardkit.testing._findings import Counterexample, NotApplicable
from rewardkit.testing._replay.literals import indent_lines, write_literal

if TYPE_CHECKING:
    from rewardkit.testing._subject import Subject

# Counters of a hundred or a thousand calls are found; more would take too long.
_REPETITIONS = (1, 8, 64, 512, 4096)


def shift_references(rows: Rows, text_column: str) -> Rows:
    """Return a call with the same texts, each with the other columns of the next row."""
    size = count_rows(rows)
    shifted = select_rows(rows, [(row + 1) % size for row in range(size)])
    return {**shifted, text_column: rows[text_column]}


def compare_with_fresh(subject: Subject) -> None:
    """Raise Counterexample if a new process gives other results than one that made many calls."""
    known = subject.known_samples()
    if not known:
        raise NotApplicable(subject.always_raises)
    fresh = subject.caller.make_fresh()
    try:
        for batch in subject.right_batches:
            shifted = shift_references(batch, subject.text_column)
            # first with the right references, so that a cache of texts holds their values
            subject.values_of(batch)
            _compare_call(subject, fresh, batch, shifted)
        others = [rows for rows, _ in known[len(subject.right_batches) :]]
        subject.run_ahead(others)
        fresh.run_ahead(subject.target, others)
        for rows in others:
            _compare_call(subject, fresh, None, rows)
    finally:
        fresh.close()


def _compare_call(subject: Subject, fresh: Caller, before: Rows | None, rows: Rows) -> None:
    used = subject.values_of(rows)
    values = _run_if_possible(subject, fresh, rows)
    if values is None or values_equal(used, values):
        return
    if before is not None:
        row = next(at for at, one in enumerate(values) if not values_equal([used[at]], [one]))
        for positions in ([row], range(count_rows(rows))):
            calls = select_rows(before, positions), select_rows(rows, positions)
            _fail_if_changed(subject, *calls, 1)
    for times in _REPETITIONS:
        _fail_if_changed(subject, rows, rows, times)
    wanted, call = write_literal([*values]), subject.write_call(rows)
    raise Counterexample(
        f"values == {wanted}, as in a new process",
        f"values = {write_literal([*used])} after the other calls of this check",
        subject.program([f"values = {call}  # {wanted} in a new process"]),
    )


def _fail_if_changed(subject: Subject, before: Rows, rows: Rows, times: int) -> None:
    """Raise Counterexample if one call changes the result of another one."""
    first, second = subject.caller.make_fresh(), subject.caller.make_fresh()
    try:
        wanted = _run_if_possible(subject, first, rows)
        for _ in range(times):
            _run_if_possible(subject, second, before)
        values = _run_if_possible(subject, second, rows)
    finally:
        first.close()
        second.close()
    if wanted is None or values is None or values_equal(values, wanted):
        return
    written = write_literal([*wanted])
    lines = [] if times == 1 else [f"for _ in range({times}):"]
    earlier = [subject.write_call(before)]
    lines += earlier if times == 1 else indent_lines("\n".join(earlier))
    lines += [f"values = {subject.write_call(rows)}", f"assert values == {written}"]
    raise Counterexample(
        f"values == {written}, as without the call before",
        f"values = {write_literal([*values])}",
        subject.program(lines),
    )


def _run_if_possible(subject: Subject, caller: Caller, rows: Rows) -> Values | None:
    try:
        return caller.run(subject.target, rows)
    except Exception:  # noqa: BLE001 - the law `never_raises` reports errors
        return None


def write_thread_failure(
    subject: Subject, rows: Rows, wanted: Values, found: ThreadResult
) -> Counterexample:
    """Return the finding of a call that has another result in a thread."""
    where = "another thread" if found.threads == 1 else "two threads at once"
    result = found.result if isinstance(found.result, str) else f"values = {found.result}"
    written = write_literal([*wanted])
    lines = [
        "from concurrent.futures import ThreadPoolExecutor",
        "",
        "",
        "def call(_):",
        *indent_lines(f"return {subject.write_call(rows)}"),
        "",
        "",
        f"with ThreadPoolExecutor({found.threads}) as threads:",
        f"    results = [*threads.map(call, range({1 if found.threads == 1 else 10_000}))]",
        f"assert all(values == {written} for values in results)",
    ]
    return Counterexample(f"values == {written} in {where}", result, subject.program(lines))
