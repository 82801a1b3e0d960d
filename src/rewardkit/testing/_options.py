"""Checks of the options, made before anything is drawn, so that a mistake is reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from rewardkit._messages import did_you_mean
from rewardkit.component import Component

_METHODS = {"verifier": "verify", "extractor": "extract"}
_NOUNS = {"reward": "a reward", "verifier": "a verifier", "extractor": "an extractor"}
_FUNCTIONS = {
    "reward": "a function that a trainer can call",
    "verifier": "a function of answers and references",
    "extractor": "a function of a text",
}
_PAIR_LENGTH = 2
# A name in braces; not a doubled brace, and not an argument of LaTeX such as \frac{x} or \boxed{x}.
_PLACEHOLDER = re.compile(r"(?<![\w}\\])\{([^\W\d]\w*)\}")


def check_target(target: Any, kind: str) -> None:
    """Raise TypeError for anything but a reward, a verifier or an extractor."""
    expected = f"expected {_NOUNS[kind]} or {_FUNCTIONS[kind]}"
    if isinstance(target, type):
        name = target.__name__
        raise TypeError(f"got the class {name}, {expected}; make an instance: {name}(...)")
    if isinstance(target, Component) and target.component_kind != kind:
        other = target.component_kind
        raise TypeError(
            f"got {target!r}, {_NOUNS[other]}, {expected}; check_{other} checks {other}s"
        )
    # an object of another library need not be callable if it has the method
    has_method = kind != "reward" and callable(getattr(target, _METHODS[kind], None))
    if not (isinstance(target, Component) or callable(target) or has_method):
        raise TypeError(f"got {target!r}, {expected}")


def check_bounds(given: Any) -> None:
    """Raise TypeError for anything but two numbers, ValueError for NaN and for a wrong order."""
    expected = "expected (low, high), two numbers"
    try:
        low, high = given
        has_nan = isnan(low) or isnan(high)
    except (TypeError, ValueError):
        raise TypeError(f"bounds: got {given!r}, {expected}") from None
    if has_nan:
        raise ValueError(
            f"bounds: got {given!r}, {expected}, not NaN; use -inf or inf if there is no bound"
        )
    if low > high:
        raise ValueError(f"bounds: got {given!r}, {expected}, the lower one first; exchange them")


def read_names(given: Any, option: str) -> list[str]:
    """Return names given as one text or several. Raises TypeError for anything else."""
    if isinstance(given, str):
        return [given]
    listed = [*given] if isinstance(given, Iterable) else [given]
    if not isinstance(given, Iterable) or not all(isinstance(name, str) for name in listed):
        raise TypeError(f"{option}: got {given!r}, expected names, as ['total', 'length']")
    return listed


def check_columns(given: Any, known: Sequence[str]) -> None:
    """Raise TypeError for anything but a mapping of columns, ValueError for a misspelt name.

    `known` are the columns that a component declares. It may read others too, so only a name close
    to one of these is an error.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(
            f"columns: got {given!r}, expected values by name: {{'answer': ['42', '7']}}"
        )
    for name in given:
        if name not in known and (hint := did_you_mean(name, known)):
            raise ValueError(
                f"columns: the reward does not read a column {name!r}{hint} ({', '.join(known)})"
            )


def check_template(given: Any, known: Sequence[str], *, callables: bool = True) -> None:
    """Raise TypeError for the wrong type, ValueError for a placeholder that is not a column.

    Other braces, such as those of LaTeX, are left alone, and so is everything if there are no
    columns.
    """
    if callables and callable(given):
        return
    if not isinstance(given, str):
        expected = "a text with {answer} in it" + " or a function of the row" * callables
        raise TypeError(f"template: got {given!r} ({type(given).__name__}), expected {expected}")
    known = [*known, "prompt"] if callables else known
    fills_none = known != ["prompt"] and not any(f"{{{name}}}" in given for name in known)
    for name in _PLACEHOLDER.findall(given):
        hint = did_you_mean(name, known)
        if name not in known and (hint or fills_none):
            raise ValueError(f"template: {{{name}}} is not a column{hint} ({', '.join(known)})")


def call_template(
    template: Callable[[Mapping[str, Any]], Any], row: Mapping[str, Any]
) -> str | None:
    """Return a function's text for a row. Raises TypeError if it returns anything else."""
    text = template(row)
    if not isinstance(text, str | None):
        raise TypeError(
            f"template: the function returned {text!r} ({type(text).__name__}), expected a text, or"
            " None to leave out the row"
        )
    return text


def check_pair(given: Any, option: str = "right") -> tuple[Any, Any]:
    """Return an answer and its reference. Raises TypeError for anything but a pair."""
    if not isinstance(given, tuple | list) or len(given) != _PAIR_LENGTH:
        raise TypeError(f"{option}: drew {given!r}, expected pairs of an answer and a reference")
    return given[0], given[1]
