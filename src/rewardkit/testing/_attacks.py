r"""Texts for which a regular expression may take long, made of the expression itself.

They are made of its literals and one character of each class: `^(([A-Z][a-z]*\s?)+)+:` is slow for
many capital letters, which no list of usual texts has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

# The parser of `re`, since its own tree is what runs. It is not public, so it may be gone.
_MAX_ATTACKS = 60
_MAX_UNIT = 40
_MAX_MATCHES = 8
_LONG_REPEAT = 16
_CATEGORIES = {"DIGIT": "7", "NOT_DIGIT": "a", "SPACE": " ", "NOT_SPACE": "a", "NOT_WORD": "-"}
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def list_attacks(patterns: Sequence[str]) -> list[tuple[str, str]]:
    r"""Return a text before, and one that is repeated, for the repetitions in some patterns.

    >>> ("<answer>", "a") in list_attacks([r"<answer>(\w+\s?)+</answer>"])
    True
    """
    found = (attack for pattern in patterns for attack in _attack_pattern(pattern))
    return [
        *islice(dict.fromkeys(one for one in found if 0 < len(one[1]) <= _MAX_UNIT), _MAX_ATTACKS)
    ]


def write_match(pattern: str) -> str:
    r"""Return a text that matches a pattern in most cases, "" if it cannot be read.

    >>> write_match(r"Answer: (\d+)")
    'Answer: 7'
    """
    return _write_sample(_parse_pattern(pattern))


def list_matches(patterns: Sequence[str]) -> list[str]:
    """Return a text that matches each pattern, and the same with zeros for digits."""
    texts = [write_match(pattern) for pattern in islice(patterns, _MAX_MATCHES)]
    both = [each for text in texts for each in (text, text.replace("7", "0"))]
    return [*dict.fromkeys(text for text in both if text)]


def _parse_pattern(pattern: str) -> Any:
    try:
        return import_module("re._parser").parse(pattern)
    except (ImportError, re.error, OverflowError, RecursionError):
        return ()


def _attack_pattern(pattern: str) -> Iterator[tuple[str, str]]:
    tree = _parse_pattern(pattern)
    yield from _attack_items(tree, "")
    # a search starts at each repetition of what comes before its first repetition
    for position, (name, _) in enumerate(tree):
        if str(name) in _REPEATS or _holds_repeat(tree[position]):
            yield "", _write_sample(tree[:position])
            break


def _holds_repeat(item: Any) -> bool:
    return any(True for _ in _attack_items([item], ""))


def _attack_items(items: Any, before: str) -> Iterator[tuple[str, str]]:
    for name, value in items:
        kind = str(name)
        if kind in _REPEATS:
            _, most, body = value
            if int(most) >= _LONG_REPEAT:
                pieces = [*_list_pieces(body)][:6]
                whole = _write_sample(body)
                for unit in dict.fromkeys((whole, *pieces, *(whole + one for one in pieces))):
                    yield before, unit
                    if before:
                        yield "", unit
            yield from _attack_items(body, before)
        else:
            for part in _list_parts(kind, value):
                yield from _attack_items(part, before)
        before += _write_sample([(name, value)])


def _list_parts(kind: str, value: Any) -> list[Any]:
    """Return the sequences within an item."""
    if kind == "BRANCH":
        return list(value[1])
    if kind == "SUBPATTERN":
        return [value[-1]]
    if kind == "ATOMIC_GROUP":
        return [value]
    if kind in ("ASSERT", "ASSERT_NOT"):
        return [value[1]]
    if kind in _REPEATS:
        return [value[2]]
    return []


def _list_pieces(items: Any) -> Iterator[str]:
    """Yield one character of each class and the literals of a sequence, at every depth."""
    for name, value in items:
        parts = _list_parts(str(name), value)
        for part in parts:
            yield from _list_pieces(part)
        if str(name) == "IN" and value and str(value[0][0]) != "NEGATE":
            yield from (_write_member(one) for one in value)
        elif not parts and (text := _write_sample([(name, value)])):
            yield text


def _write_sample(items: Any) -> str:
    """Return a short text that a sequence matches."""
    return "".join(_write_item(str(name), value) for name, value in items)


def _write_item(kind: str, value: Any) -> str:  # noqa: PLR0911 - one per kind of item
    if kind == "LITERAL":
        return chr(int(value))
    if kind == "NOT_LITERAL":
        return "a" if value != ord("a") else "b"
    if kind == "ANY":
        return "a"
    if kind == "IN":
        if str(value[0][0]) != "NEGATE":
            return _write_member(value[0])
        excluded = {_write_member(one) for one in value[1:]}
        free = [each for each in "a7 A<x-" if each not in excluded]
        return free[0] if free else "\u00e9"
    if kind in _REPEATS:
        least, _, body = value
        return _write_sample(body) * min(max(int(least), 1), 3)
    if kind in ("SUBPATTERN", "BRANCH", "ATOMIC_GROUP"):
        parts = _list_parts(kind, value)
        return _write_sample(parts[0]) if parts else ""
    return ""


def _write_member(member: Any) -> str:
    name, value = str(member[0]), member[1]
    if name == "LITERAL":
        return chr(int(value))
    if name == "RANGE":
        return chr(int(value[0]))
    return _CATEGORIES.get(str(value).removeprefix("CATEGORY_"), "a")
