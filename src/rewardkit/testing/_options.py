"""What the checks are given, looked at before anything is tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from math import isnan
from typing import Any

from rewardkit.component import Component

_METHODS = {"verifier": "verify", "extractor": "extract"}
_KINDS = {"reward": "a reward", "verifier": "a verifier", "extractor": "an extractor"}
_CALLED = {
    "reward": "a function that a trainer can call",
    "verifier": "a function of answers and references",
    "extractor": "a function of a text",
}


def subject(it: Any, kind: str) -> None:
    """Raise TypeError for what is no reward, no verifier or no extractor."""
    expected = f"expected {_KINDS[kind]} or {_CALLED[kind]}"
    if isinstance(it, type):
        raise TypeError(
            f"got the class {it.__name__}, {expected}; make an instance: {it.__name__}(...)"
        )
    if isinstance(it, Component) and it.component_kind != kind:
        other = it.component_kind
        raise TypeError(f"got {it!r}, {_KINDS[other]}, {expected}; check_{other} checks {other}s")
    if not (isinstance(it, Component) or callable(it) or _has_method(it, kind)):
        raise TypeError(f"got {it!r}, {expected}")


def _has_method(it: Any, kind: str) -> bool:
    """Return whether an object of another library can be asked as a verifier or an extractor."""
    return kind != "reward" and callable(getattr(it, _METHODS[kind], None))


def bounds(given: Any) -> None:
    """Raise TypeError for what is no pair of numbers, ValueError for a pair that bounds nothing."""
    expected = "expected (low, high), two numbers"
    try:
        low, high = given
        wrong = isnan(low) or isnan(high)
    except (TypeError, ValueError):
        raise TypeError(f"bounds: got {given!r}, {expected}") from None
    if wrong:
        raise ValueError(f"bounds: got {given!r}, {expected} and not NaN; -inf and inf bound none")
    if low > high:
        raise ValueError(f"bounds: got {given!r}, {expected}, the least first; exchange them")


def names(given: Any, option: str) -> list[str]:
    """Return names given as one text or several. Raises TypeError for anything else."""
    if isinstance(given, str):
        return [given]
    listed = [*given] if isinstance(given, Iterable) else [given]
    if not isinstance(given, Iterable) or not all(isinstance(name, str) for name in listed):
        raise TypeError(f"{option}: got {given!r}, expected names, as ['total', 'length']")
    return listed


def columns(given: Any, known: Sequence[str]) -> None:
    """Raise TypeError for what is no mapping of columns, ValueError for a name that is misspelt.

    Of the `known` columns a component says that it reads them; others it may read all the same.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(
            f"columns: got {given!r}, expected cells by name: {{'answer': ['42', '7']}}"
        )
    for name in given:
        if name not in known and (near := get_close_matches(name, known, n=1)):
            raise ValueError(
                f"columns: it reads no column {name!r}; did you mean {near[0]!r}?"
                f" ({', '.join(known)})"
            )


def wrap(given: Any, known: Sequence[str], *, callables: bool = True) -> None:
    """Raise TypeError for what wraps nothing, ValueError for a placeholder that is no column.

    Braces that stand for nothing, as those of LaTeX, are left alone; so is all where there are no
    columns.
    """
    if callables and callable(given):
        return
    if not isinstance(given, str):
        what = "a text with {answer} in it" + " or a function of the row" * callables
        raise TypeError(f"wrap: got {given!r} ({type(given).__name__}), expected {what}")
    found = re.findall(r"(?<![\w}\\])\{([^\W\d]\w*)\}", given)
    known = [*known, "prompt"] if callables else known
    none = known != ["prompt"] and not any(f"{{{name}}}" in given for name in known)
    for name in found:
        near = get_close_matches(name, known, n=1)
        if name not in known and (near or none):
            told = f"; did you mean {{{near[0]}}}?" if near else ""
            raise ValueError(f"wrap: {{{name}}} is no column{told} ({', '.join(known)})")


def wrapped(wrap: Callable[[Mapping[str, Any]], Any], row: Mapping[str, Any]) -> str | None:
    """Return what a function makes of a row. Raises TypeError where that is no text."""
    text = wrap(row)
    if not isinstance(text, str | None):
        raise TypeError(
            f"wrap: the function gave {text!r} ({type(text).__name__}), expected a text, or None"
            " for a row to leave out"
        )
    return text


def pair(given: Any) -> tuple[Any, Any]:
    """Return an answer and its reference. Raises TypeError for what is no pair of them."""
    if not isinstance(given, tuple | list) or len(given) != 2:  # noqa: PLR2004 - a pair
        raise TypeError(f"right: drew {given!r}, expected pairs of an answer and a reference")
    return given[0], given[1]
