"""Patterns that users write, compiled by the `regex` package, which can stop a search in time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """Return the compiled pattern. Raises ValueError, with the reason, if it is malformed.

    >>> compile_pattern(r"[0-9]+").search("so 42", timeout=1)[0]
    '42'
    """
    import regex  # noqa: PLC0415 - it takes its time to import

    try:
        return regex.compile(pattern)
    except regex.error as error:
        message = f"pattern {pattern!r} does not compile: {error}"
        raise ValueError(message) from None
