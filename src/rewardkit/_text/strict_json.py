"""JSON as RFC 8259 has it, strictly, out of text that nobody vouches for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

MOST_DIGITS = 300
"""The digits of the largest integer that is read; a float holds no larger number."""
MOST_TRIES = 64
"""At how many places of a text an object or array is looked for."""


class RefusedError(ValueError):
    """JSON by its grammar, but with something in it that is not taken; the message says what."""


def read(text: str) -> Any:
    """Return what JSON text holds.

    Raises ValueError for other text, its kind RefusedError for NaN, a key that stands twice, or a
    number beyond a float's range, and RecursionError for what is nested a thousand deep.

    >>> read('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    return _decoder.decode(text)


def first(text: str) -> Any:
    """Return the first JSON in a text: all of it, else a json fence, else an object or array.

    Takes time linear in the text. Raises as `read` does. What stands inside an object or array that
    is broken off is not found.

    >>> first('So [see below]: {"a": 1}, as I said.')
    {'a': 1}
    """
    try:
        return read(text)
    except ValueError:
        fence = _FENCE.search(text)
    if fence:
        value, end = _decoder.raw_decode(text, fence.end())
        if text[end:].lstrip()[:3] in ("```", ""):
            return value
    start = len(text) if fence else 0
    for _ in range(MOST_TRIES):
        opening = _OPENING.search(text, start)
        if opening is None:
            break
        try:
            return _decoder.raw_decode(text, opening.start())[0]
        except json.JSONDecodeError as error:
            start = max(error.pos, opening.end())
    message = "no JSON in the text"
    raise ValueError(message)


def write(value: Any) -> str:
    """Return a value as JSON text. Raises ValueError for one that JSON cannot hold.

    >>> write({"a": (1, 2.5, None)})
    '{"a": [1, 2.5, null]}'
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, RecursionError) as error:
        message = f"JSON cannot hold it: {error}"
        raise ValueError(message) from None


_OPENING = re.compile(r'\{(?=\s*+["}])|\[(?=\s*+[]\[{"\d\-tfn])')
_FENCE = re.compile(r"```json\b\s*+", re.IGNORECASE)


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    message = f"got {value!r} ({type(value).__name__})"
    raise TypeError(message)


def _refuse(what: str) -> NoReturn:
    raise RefusedError(what)


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= MOST_DIGITS else _refuse("too large a number")


def _real(digits: str) -> float:
    return value if math.isfinite(value := float(digits)) else _refuse("too large a number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _refuse("a key stands twice")


_decoder = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_real,
    parse_constant=lambda name: _refuse(f"{name} is no number"),
    object_pairs_hook=_members,
)
