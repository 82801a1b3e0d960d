"""A clock that is a day ahead, under every name by which a reward reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

# Every field of the time differs: a reward may read the day, the hour, the minute or the fraction.
_SHIFT = timedelta(days=1, hours=1, minutes=1, seconds=1, microseconds=234_567)


@contextmanager
def shifted_clock() -> Iterator[None]:
    """Set the clock of `time` and `datetime` ahead by a day, an hour, a minute and 1.2 seconds.

    The clock goes on from there. `time.monotonic` and the processor's time are not changed.
    """
    import time_machine  # noqa: PLC0415 - it imports pytest, which takes longer than a small check

    with time_machine.travel(_SHIFT, tick=True):
        yield
