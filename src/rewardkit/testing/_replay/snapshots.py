"""What a value holds at one moment, to find out whether a call changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import NoneType
from typing import Any

_PLAIN_TYPES = {str, int, float, bool, NoneType}


def take_snapshot(value: Any, containers: Sequence[int] = ()) -> Any:
    """Return the contents of a value, to compare with a later snapshot of it or of its copy.

    `containers` are the ids of the values around this one: a value may contain itself.
    """
    if type(value) in _PLAIN_TYPES:  # most values, for which the rest would ask much
        return repr(value)
    if id(value) in containers:
        return "itself"
    parts = _list_parts(value)
    if parts is None:
        return repr(value)
    return type(value).__name__, [take_snapshot(part, (*containers, id(value))) for part in parts]


def has_full_repr(value: Any) -> bool:
    """Return whether the repr of a value shows everything that it holds."""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return all(map(has_full_repr, _list_parts(value) or ()))
    return type(value).__module__ == "builtins" and not _has_default_repr(value)


def _list_parts(value: Any) -> list[Any] | None:
    """Return the parts of a value; None if its repr shows all of it."""
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        # a copy of a set may iterate in another order
        return [*value] if isinstance(value, list | tuple) else sorted(map(repr, value))
    # The bytes of an array, since its repr leaves out the middle and NaN is never equal to itself;
    # an array of objects holds addresses instead.
    if hasattr(value, "tobytes") and hasattr(value, "dtype") and not value.dtype.hasobject:
        return [str(value.dtype), value.shape, value.tobytes()]
    if not _has_default_repr(value):
        return None
    with suppress(Exception):  # what cannot be pickled has no state to compare
        return [*value.__reduce_ex__(2)[1:3]]
    return []


def _has_default_repr(value: Any) -> bool:
    # the default repr shows the type and the address, which differs in a copy
    kind: Any = type(value)
    return kind.__repr__ is object.__repr__
