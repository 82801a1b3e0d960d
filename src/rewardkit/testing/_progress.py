"""What a check is at, on a terminal, once it takes longer than a moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_FIRST_SECONDS = 2.0
_SECONDS_BETWEEN = 0.2
_CLEAR_LINE = "\r\x1b[K"


@contextmanager
def show_progress(name: str) -> Iterator[Callable[[str], None]]:
    """Give a function that shows what is tried now; it writes to a terminal only."""
    stream, start = sys.stderr, time.monotonic()
    shown = start + _FIRST_SECONDS - _SECONDS_BETWEEN
    if stream is None or not stream.isatty():
        yield lambda _: None
        return

    def show(stage: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if now > shown + _SECONDS_BETWEEN:
            stream.write(f"{_CLEAR_LINE}{name}: {stage} ({now - start:.0f} s)")
            stream.flush()
            shown = now

    try:
        yield show
    finally:
        if shown > start + _FIRST_SECONDS - _SECONDS_BETWEEN:
            stream.write(_CLEAR_LINE)
            stream.flush()
