"""Make the calls of the object under test, each with a limit, in a process that can be killed.

Each operation is a function of the module, so that a request names it: what it is called with is
inherited by the fork. A law is run here, and asks for its calls.
"""

from __future__ import annotations

import copy
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from rewardkit._workers.call_limit import CallFailure, Watchdog
from rewardkit.testing._calls import USAGE_ERRORS, Rows, Values, describe_error, values_equal
from rewardkit.testing._clock import shifted_clock
from rewardkit.testing._replay.literals import write_literal
from rewardkit.testing._replay.snapshots import take_snapshot

# The first calls may load a model or a dictionary; later ones find it loaded.
WARM_UP_FACTOR = 5.0
# Threads are exchanged after each 5 ms by default, which most calls do not take.
_SWITCH_SECONDS = 1e-6
# By the processor, so that on a busy machine threads meet as often; by the clock for calls that
# wait. What two threads share through an object was found in half of this, 11 times of 12.
_THREADS_PROCESSOR_SECONDS = 0.1
_THREADS_SECONDS = 0.3

# Of several calls at once, by the clock: what follows a slow call is asked for alone, with a limit
# of its own.
_AHEAD_SECONDS = 0.02

Run = Callable[[Any, Rows], Values]
Operation = Callable[..., Any]


class Unanswered(BaseException):
    """Raised for a call that gave no result: it was killed, or its process ended.

    A BaseException, since what a law expects of a call is an Exception.
    """

    def __init__(self, failure: CallFailure, target: Any, rows: Rows) -> None:
        super().__init__(str(failure))
        self.failure, self.target, self.rows = failure, target, rows


class InPlace(NamedTuple):
    """What a call did to its arguments."""

    succeeded: bool
    """Whether it raised nothing."""
    changed: bool
    """Whether an argument has changed."""
    rows: str
    """The arguments after the call, as Python, if they have changed."""


class Caller:
    """Makes calls of some targets, one after the other, in one process."""

    def __init__(self, run: Run, targets: Sequence[Any], timeout: float | None) -> None:
        self.run_target, self.targets, self.timeout = run, [*targets], timeout
        self.watchdog = Watchdog(self._perform, timeout=timeout)
        self.label = ""
        """What the calls are made for: the name of a law."""
        self._ahead: deque[tuple[Operation, Any, Rows, Values]] = deque()

    def run(
        self, target: Any, rows: Rows, *, timeout: float | None = None, wall: float | None = None
    ) -> Values:
        """Return the result of a call on a copy of the rows; raise what the call raises.

        `timeout` and `wall` are this call's own limits, by the processor and by the clock.
        """
        values: Values = self._request(_run, target, rows, timeout, wall=wall)
        return values

    def run_shifted(self, target: Any, rows: Rows) -> Values:
        """Return the result of a call with the clock a day ahead."""
        values: Values = self._request(self._shifted, target, rows)
        return values

    def run_ahead(
        self, target: Any, calls: Sequence[Rows], *, shifted: Sequence[Rows] = ()
    ) -> None:
        """Make the calls that come next at once: to ask the process for one takes as long as it.

        `run` and `run_shifted` then return their results, if they are asked for in this order.
        """
        self._ahead.clear()
        planned = [(_run, rows) for rows in calls] + [(self._shifted, rows) for rows in shifted]
        if self.is_forked and planned:
            # what goes wrong here is met again by the call itself
            with suppress(Exception, Unanswered):
                # each pickled on its own: what several share, one call may change for the others
                pickled = [(operation, pickle.dumps(rows)) for operation, rows in planned]
                results = self._request(_run_each, target, planned[0][1], given=(pickled,))
                self._ahead.extend(
                    (operation, target, rows, values)
                    for (operation, rows), values in zip(planned, results, strict=False)
                )

    def run_in_place(self, target: Any, rows: Rows) -> InPlace:
        """Make a call, and look at its arguments afterwards."""
        result: InPlace = self._request(_run_in_place, target, rows)
        return result

    def measure(self, target: Any, rows: Rows, timeout: float | None = None) -> float:
        """Return the processor's seconds of a call that may raise."""
        seconds: float = self._request(_measure_call, target, rows, timeout)
        return seconds

    def run_in_threads(self, target: Any, calls: Sequence[tuple[Rows, Values]]) -> ThreadResult:
        """Make calls in another thread, and then in two at once; return what differs."""
        rows = calls[0][0] if calls else {}
        result: ThreadResult = self._request(_run_in_threads, target, rows, given=(calls,))
        return result

    def add_targets(self, targets: Sequence[Any]) -> None:
        """Let calls of more targets be made; a process that runs already is ended."""
        self.targets += targets
        self.watchdog.restart()

    def make_fresh(self) -> Caller:
        """Return a caller of the same targets as they were before any call was made."""
        # what they load is loaded again
        timeout = None if self.timeout is None else self.timeout * WARM_UP_FACTOR
        return Caller(self.run_target, self.targets, timeout)

    @property
    def is_forked(self) -> bool:
        """Whether calls are made in another process."""
        return self.watchdog.is_forked

    def close(self) -> None:
        """End the process."""
        self.watchdog.close()

    def _request(  # noqa: PLR0913 - limits are keywords
        self,
        operation: Operation,
        target: Any,
        rows: Rows,
        timeout: float | None = None,
        *,
        given: tuple[Any, ...] | None = None,
        wall: float | None = None,
    ) -> Any:
        if self._ahead:
            made, of, given_rows, values = self._ahead.popleft()
            if made is operation and of is target and given_rows is rows:
                return values
            self._ahead.clear()
        position = next(at for at, each in enumerate(self.targets) if each is target)
        try:
            return self.watchdog.call(
                operation,
                position,
                *((rows,) if given is None else given),
                timeout=timeout,
                wall=wall,
                label=lambda: f"law {self.label!r}, call {write_literal(dict(rows))}",
            )
        except CallFailure as failure:
            raise Unanswered(failure, target, rows) from None

    @property
    def _shifted(self) -> Operation:
        return _run_shifted_in_fork if self.is_forked else _run_shifted

    def _perform(self, operation: Operation, position: int, *arguments: Any) -> Any:
        # A copy, so that a target that changes its input breaks the law `no_mutation` alone. What
        # another process gets is one.
        given = arguments if self.is_forked else copy.deepcopy(arguments)
        return operation(self.run_target, self.targets[position], *given)


def _run(run: Run, target: Any, rows: Rows) -> Values:
    return run(target, rows)


def _run_each(run: Run, target: Any, calls: Sequence[tuple[Operation, bytes]]) -> list[Values]:
    """Return the results of calls, fewer if they take long."""
    end, results = time.monotonic() + _AHEAD_SECONDS, []
    for operation, rows in calls:
        results.append(operation(run, target, pickle.loads(rows)))  # noqa: S301 - our own
        if time.monotonic() > end:
            break
    return results


def _run_shifted(run: Run, target: Any, rows: Rows) -> Values:
    with shifted_clock():
        return run(target, rows)


def _run_shifted_in_fork(run: Run, target: Any, rows: Rows) -> Values:
    # it imports pytest for a fixture that nobody asks this process for, which takes 0.1 s
    pytest = sys.modules.setdefault("pytest", None)  # type: ignore[arg-type]
    import time_machine  # noqa: F401, PLC0415 - as said

    if pytest is None:
        del sys.modules["pytest"]
    return _run_shifted(run, target, rows)


def _run_in_place(run: Run, target: Any, rows: Rows) -> InPlace:
    before = take_snapshot(rows)
    succeeded = _succeeds(run, target, rows)
    changed = bool(take_snapshot(rows) != before)
    return InPlace(succeeded, changed, write_literal(dict(rows)) if changed else "")


def _succeeds(run: Run, target: Any, rows: Rows) -> bool:
    try:
        run(target, rows)
    except USAGE_ERRORS:
        raise
    except Exception:  # noqa: BLE001 - the law `never_raises` reports errors
        return False
    return True


def _measure_call(run: Run, target: Any, rows: Rows) -> float:
    start = time.process_time()
    _succeeds(run, target, rows)
    return time.process_time() - start


class ThreadResult(NamedTuple):
    """The first call that had another result in a thread; `position` is -1 if there was none."""

    position: int
    """Which call."""
    threads: int
    """How many threads made calls at once."""
    result: Values | str
    """Its result, or its error as text."""


Difference = tuple[int, Values | str]
"""The position of a call, and its other result."""


def _limit_threads() -> tuple[float, float]:
    processor = time.process_time() + _THREADS_PROCESSOR_SECONDS
    return processor, time.monotonic() + _THREADS_SECONDS


def _run_in_threads(run: Run, target: Any, calls: Sequence[tuple[Rows, Values]]) -> ThreadResult:
    def compare(positions: Sequence[int], ends: tuple[float, float]) -> Difference | None:
        for position in positions:
            rows, wanted = calls[position]
            result: Values | str
            try:
                result = run(target, copy.deepcopy(rows))  # they are used again
            except Exception as error:  # noqa: BLE001 - an error is the finding
                return position, describe_error(error)
            if not values_equal(result, wanted):
                return position, result
            if time.process_time() > ends[0] or time.monotonic() > ends[1]:
                break
        return None

    positions = [*range(len(calls))]
    with ThreadPoolExecutor(1) as threads:
        found = threads.submit(compare, positions, _limit_threads()).result()
    if found is not None:
        return ThreadResult(found[0], 1, found[1])
    before, ends = sys.getswitchinterval(), _limit_threads()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with ThreadPoolExecutor(2) as threads:
            # in opposite orders, so that each call meets every other one
            orders = [positions * 20, positions[::-1] * 20]
            both = [*threads.map(lambda order: compare(order, ends), orders)]
    finally:
        sys.setswitchinterval(before)
    found = next(filter(None, both), None)
    return ThreadResult(found[0], 2, found[1]) if found else ThreadResult(-1, 2, [])
