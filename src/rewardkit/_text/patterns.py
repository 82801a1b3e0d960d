"""Patterns that users write, compiled by the `regex` package, which can stop a search in time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rewardkit._messages import shorten_text

MAX_PATTERN_CHARACTERS = 100_000  # of a whole vocabulary; more takes seconds to compile


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """Return the compiled pattern. Raises ValueError, with the reason, if it is malformed.

    >>> compile_pattern(r"[0-9]+").search("so 42", timeout=1)[0]
    '42'
    """
    import regex  # noqa: PLC0415 - it takes its time to import

    if len(pattern) > MAX_PATTERN_CHARACTERS:
        got = f"got a pattern of {len(pattern):,} characters"
        raise ValueError(f"{got}, expected at most {MAX_PATTERN_CHARACTERS:,}")
    try:
        return regex.compile(pattern)
    # `regex` recurses into groups, and fails in other ways on some malformed patterns.
    except (regex.error, RecursionError, MemoryError, ValueError, OverflowError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else shorten_text(str(error), 200)
        message = f"pattern {shorten_text(pattern)!r} does not compile: {reason}"
        raise ValueError(message) from None
