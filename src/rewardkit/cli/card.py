"""What a component tells of itself, for `rewardkit show` and for the gallery on the site."""

from __future__ import annotations

import inspect
import json
import math
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from rewardkit.batch import Column
from rewardkit.component import Component, field_docs


class Field(NamedTuple):
    """A field of a component."""

    name: str
    """How it is called."""
    type: str
    """Its type and limits in words, with code between backticks."""
    required: bool
    """Whether it must be given."""
    default: Any
    """What it is where it is not given; None where it must be."""
    doc: str
    """What it is for."""
    reads: bool
    """Whether it names a column."""


class Card(NamedTuple):
    """What a component's class tells of itself."""

    summary: str
    """The first paragraph of its docstring, in one line."""
    text: str
    """Its docstring without the example."""
    example: str
    """The example, with the import that it needs."""
    fields: tuple[Field, ...]
    """Its fields, in order."""


def card(cls: type[Component]) -> Card:
    """Return what a class tells of itself.

    >>> from rewardkit.registry import lookup
    >>> target, unit = card(lookup("length")).fields[2:4]
    >>> target.type, target.required, unit.type
    ('`float` at least 0', True, '`"characters"`, `"words"` or `"tokens"`')
    """
    text, prompt, example = inspect.cleandoc(cls.__doc__ or "").partition(">>> ")
    imported = f">>> from {cls.__module__} import {cls.__name__}\n"
    before = imported if f"{cls.__name__}(" in example else ""
    docs = field_docs(cls)
    fields = (
        Field(
            name,
            limited(info.annotation, info.metadata),
            required=info.is_required(),
            default=None if info.is_required() else info.default,
            doc=docs.get(name, ""),
            reads=_is_column(info.annotation),
        )
        for name, info in cls.model_fields.items()
    )
    summary = " ".join(text.partition("\n\n")[0].split())
    whole = before + prompt + example.rstrip()
    return Card(summary, text.rstrip(), whole, tuple(fields))


def _is_column(annotation: Any) -> bool:
    """Return whether a type is a column's name, or may be."""
    kinds = [annotation, *get_args(annotation)]
    return any((get_origin(kind) or kind) is Column for kind in kinds)


def between(bounds: tuple[float, float]) -> str:
    """Return bounds in words.

    >>> between((0.0, 0.5)), between((-math.inf, 1.0)), between((-math.inf, math.inf))
    ('0 to 0.5', 'at most 1', 'no limit')
    """
    low, high = bounds
    if math.isinf(low):
        return "no limit" if math.isinf(high) else f"at most {high:g}"
    return f"at least {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"


def limited(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Return a type in words, with its limits.

    >>> limited(tuple[str, ...] | None), limited(Literal["first", "last"])
    ('list of `str`, or `None`', '`"first"` or `"last"`')
    """
    limits = [*_limits(metadata)]
    before = "non-empty " if _NOT_EMPTY in limits else ""
    after = " and ".join(limit for limit in limits if limit != _NOT_EMPTY)
    return f"{before}{_named(annotation)} {after}".rstrip()


def _named(annotation: Any) -> str:
    """Return a type in words."""
    parts = get_args(annotation)
    if parts:
        return _FORMS[get_origin(annotation)](parts)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if issubclass(annotation, Component):
        return str(annotation.component_kind)
    if issubclass(annotation, BaseModel):
        return "mapping with " + " and ".join(f"`{name}`" for name in annotation.model_fields)
    return f"`{annotation.__name__}`"


def _tuple(parts: tuple[Any, ...]) -> str:
    """Return a tuple in words: a list, or so many values."""
    if parts[-1] is Ellipsis:
        return f"list of {limited(parts[0])}"
    return f"({', '.join(map(limited, parts))})"


def _either(choices: Iterable[str]) -> str:
    """Return choices in words: a, b or c; with a comma before "or" where a choice has words."""
    *first, last = choices
    comma = "," if any(" of " in choice or " to " in choice for choice in first) else ""
    return f"{comma} or ".join(filter(None, [", ".join(first), last]))


_FORMS: dict[Any, Callable[[tuple[Any, ...]], str]] = {
    Annotated: lambda parts: limited(parts[0], parts[1:]),
    Literal: lambda parts: _either(f"`{json.dumps(part)}`" for part in parts),
    Mapping: lambda parts: f"mapping of {limited(parts[0])} to {limited(parts[1])}",
    Union: lambda parts: _either(map(limited, parts)),
    Column: lambda _: "name of a column",
    tuple: _tuple,
    types.UnionType: lambda parts: _either(map(limited, parts)),
}
"""How each form of type with parameters is told."""

_WORDS = {
    None: "`None`",
    types.NoneType: "`None`",
    Any: "anything",
    object: "anything",
    Column: "name of a column",
}
_NOT_EMPTY = "at least 1 of them"
_LIMITS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}


def _limits(metadata: Iterable[Any]) -> Iterator[str]:
    """Yield what a field's metadata say of its range."""
    for limit in metadata:
        for inner in getattr(limit, "metadata", ()):  # of pydantic's Field in an Annotated
            yield from _limits([inner])
        for key, text in _LIMITS.items():
            if getattr(limit, key, None) is not None:
                yield text.format(getattr(limit, key))
        least = getattr(limit, "min_length", None)
        if least:
            yield f"at least {least} of them"
