"""Strict JSON (RFC 8259), read from untrusted text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from rewardkit._messages import shorten_repr

MAX_INTEGER_DIGITS = 300
"""A float holds no longer integer, and Python converts long ones in quadratic time."""
MAX_ATTEMPTS = 64
"""Positions of a text at which an object or array may begin. Each may be read to the text's end."""


class RefusedError(ValueError):
    """Text that follows JSON's grammar, but has a value that is refused; the message names it."""


def read(text: str) -> Any:
    """Return the value of JSON text.

    Raises ValueError for other text, its subclass RefusedError for NaN, a repeated key or a number
    beyond a float's range, and RecursionError for values that are nested a thousand deep.

    >>> read('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    return _decoder.decode(text)


def find_first(text: str) -> Any:
    """Return the first JSON in a text: all of it, else a json fence, else an object or array.

    Takes time linear in the text. Raises as `read` does. Values inside an object or array that is
    cut off are not found.

    >>> find_first('So [see below]: {"a": 1}, as I said.')
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
    for _ in range(MAX_ATTEMPTS):
        opening = _OPENING.search(text, start)
        if opening is None:
            break
        try:
            return _decoder.raw_decode(text, opening.start())[0]
        except json.JSONDecodeError as error:
            # On from the error, not from the next bracket: what was read is not read again.
            start = max(error.pos, opening.end())
    message = "no JSON in the text"
    raise ValueError(message)


def write(value: Any) -> str:
    """Return a value as JSON text. Raises ValueError for one that JSON cannot hold.

    >>> write({"a": (1, 2.5, None)})
    '{"a": [1, 2.5, null]}'
    """
    try:
        return json.dumps(value, default=_convert_mapping, allow_nan=False)
    except (TypeError, RecursionError) as error:
        message = f"JSON cannot hold it: {error}"
        raise ValueError(message) from None


# What may follow an opening bracket, so that prose such as "[see below]" or "{this}" is no attempt.
_OPENING = re.compile(r'\{(?=\s*+["}])|\[(?=\s*+[]\[{"\d\-tfn])')
_FENCE = re.compile(r"```json\b\s*+", re.IGNORECASE)


def _convert_mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    message = f"got {shorten_repr(value)}"
    raise TypeError(message)


def _refuse_value(reason: str) -> NoReturn:
    raise RefusedError(reason)


def _parse_integer(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else _refuse_value("too large a number")


def _parse_float(digits: str) -> float:
    return value if math.isfinite(value := float(digits)) else _refuse_value("too large a number")


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _refuse_value("a key is repeated")


_decoder = json.JSONDecoder(
    parse_int=_parse_integer,
    parse_float=_parse_float,
    parse_constant=lambda name: _refuse_value(f"{name} is not a number"),
    object_pairs_hook=_build_object,
)
