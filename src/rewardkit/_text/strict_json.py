"""Strict JSON (RFC 8259), read from untrusted text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from rewardkit._messages import shorten_repr
from rewardkit._text.fences import Fence, find_fences

MAX_INTEGER_DIGITS = 300
"""A float holds no longer integer, and Python converts long ones in quadratic time."""
MAX_DEPTH = 900
"""Objects and arrays within each other. Python's own limit is 1,000 to 100,000 by its version, and
what quotes or compares a value takes time quadratic in its depth."""
MAX_ATTEMPTS = 64
"""Positions of a text at which an object or array may begin. Each may be read to the text's end."""


class RefusedError(ValueError):
    """Text that follows JSON's grammar, but has a value that is refused; the message names it."""


def read(text: str) -> Any:
    """Return the value of JSON text.

    Raises ValueError for other text, its subclass RefusedError for NaN, a repeated key or a number
    beyond a float's range, and RecursionError for values that are nested deeper than `MAX_DEPTH`.

    >>> read('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    text = text.strip(_WHITE_SPACE)  # not `decode`, which searches for it twice
    value, end = _decode(text, 0)
    if end != len(text):
        message = "Extra data"
        raise json.JSONDecodeError(message, text, end)
    return value


def find_first(text: str, wanted: type | tuple[type, ...] = object) -> Any:
    """Return the first JSON in a text: all of it, else a json fence, else an object or array.

    Of several, the first whose value is of a `wanted` type; if none is, the first of any type. It
    takes time linear in the text. Raises as `read` does. Values inside an object or array that is
    cut off are not found, nor are values in a fence of another language.

    >>> find_first('So [1] says, as [see below]: {"a": 1}.', dict)
    {'a': 1}
    """
    try:
        return read(text)
    except ValueError:
        fences = find_fences(text)
    spans = _scan_values(text, [fence for fence in fences if fence.language not in ("", "json")])
    named = [
        fence
        for fence in fences
        # not one in a string of an object around it
        if fence.language == "json" and not any(at < fence.start < end for at, end, _ in spans)
    ]
    # the JSON may begin on the line of the fence
    found = [read(_FENCE_HEAD.sub("", text[fence.start : fence.end], count=1)) for fence in named]
    found += [
        value for at, _, value in spans if not any(fence.start < at < fence.end for fence in named)
    ]
    if not found:
        message = "no JSON in the text"
        raise ValueError(message)
    fitting = [value for value in found if isinstance(value, wanted)] or found[:1]
    # "[1]" before another array is a citation
    return next((value for value in fitting if not _is_citation(value)), fitting[0])


def find_all(text: str) -> list[Any]:
    """Return all of a text as one JSON value, else each object and array in it, in order.

    Values in a fence of another language than JSON are not found. Raises as `read` does.

    >>> find_all('First {"a": 1}, and then [2].')
    [{'a': 1}, [2]]
    """
    try:
        return [read(text)]
    except RefusedError:
        raise
    except ValueError:
        others = [one for one in find_fences(text) if one.language not in ("", "json")]
        return [value for _, _, value in _scan_values(text, others)]


def _is_citation(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and type(value[0]) is int


def _scan_values(text: str, hidden: Sequence[Fence]) -> list[tuple[int, int, Any]]:
    """Return the start, the end and the value of each object and array outside of some fences."""
    spans: list[tuple[int, int, Any]] = []
    start, rest = 0, list(hidden)
    for _ in range(MAX_ATTEMPTS):
        opening = _OPENING.search(text, start)
        if opening is None:
            break
        at = opening.start()
        while rest and rest[0].end < at:
            del rest[0]
        if rest and rest[0].start < at:
            start = rest[0].end
            continue
        try:
            value, start = _decode(text, at)
        except json.JSONDecodeError as error:
            # On from the error, not from the next bracket: what was read is not read again.
            start = max(error.pos, opening.end())
        else:
            spans.append((at, start, value))
    return spans


def write(value: Any) -> str:
    """Return a value as JSON text. Raises ValueError for one that JSON cannot hold.

    >>> write({"a": (1, 2.5, None)})
    '{"a": [1, 2.5, null]}'
    """
    try:
        return _encoder.encode(value)
    except (TypeError, RecursionError) as error:
        message = f"JSON cannot hold it: {error}"
        raise ValueError(message) from None


def _decode(text: str, start: int) -> tuple[Any, int]:
    """Return the value that begins at `start`, and its end."""
    value, end = _decoder.raw_decode(text, start)
    # most values have too few brackets in all
    if end - start > MAX_DEPTH and _count_brackets(text, start, end) > MAX_DEPTH:
        _refuse_deep_value(value)
    return value, end


def _count_brackets(text: str, start: int, end: int) -> int:
    return text.count("[", start, end) + text.count("{", start, end)


def _refuse_deep_value(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            member
            for item in level
            if isinstance(item, dict | list)
            for member in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    message = f"nested deeper than {MAX_DEPTH}"
    raise RecursionError(message)


_WHITE_SPACE = " \t\n\r"
# What may follow an opening bracket, so that prose such as "[see below]" or "{this}" is left out.
_FENCE_HEAD = re.compile(r"[`~]++\W*+json\b\s*+", re.IGNORECASE)
_OPENING = re.compile(r'\{(?=\s*+["}])|\[(?=\s*+[]\[{"\d\-tfn])')


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


_encoder = json.JSONEncoder(default=_convert_mapping, allow_nan=False)
_decoder = json.JSONDecoder(
    parse_int=_parse_integer,
    parse_float=_parse_float,
    parse_constant=lambda name: _refuse_value(f"{name} is not a number"),
    object_pairs_hook=_build_object,
)
