"""What a component's class says about itself, for `rewardkit show` and for the docs' gallery."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from rewardkit.batch import Column
from rewardkit.component import Component, field_docs


class FieldInfo(NamedTuple):
    """A field of a component."""

    name: str
    type: str
    """Its type and limits in words, with code between backticks."""
    required: bool
    default: Any
    """None if it is required."""
    doc: str
    """The docstring below it."""
    reads_column: bool
    """Whether it names a column of the dataset."""


class ComponentInfo(NamedTuple):
    """What a component's class says about itself."""

    summary: str
    """The first paragraph of its docstring, in one line."""
    text: str
    """Its docstring without the example."""
    example: str
    """The example, with the import that it needs."""
    fields: tuple[FieldInfo, ...]
    """Its fields, in order."""


@cache  # it parses the class's source; a page of the docs asks several times
def component_info(cls: type[Component]) -> ComponentInfo:
    """Read a component's docstring, example and fields.

    >>> from rewardkit.registry import lookup
    >>> target = component_info(lookup("length")).fields[2]
    >>> target.type, target.required
    ('`float` at least 0', True)
    """
    text, prompt, example = inspect.cleandoc(cls.__doc__ or "").partition(">>> ")
    # the docstring runs in the class's own module, where the class needs no import
    import_line = f">>> from {cls.__module__} import {cls.__name__}\n"
    if f"{cls.__name__}(" not in example:
        import_line = ""
    docs = field_docs(cls)
    fields = (
        FieldInfo(
            name,
            describe_type(field.annotation, field.metadata),
            required=field.is_required(),
            default=None if field.is_required() else field.default,
            doc=docs.get(name, ""),
            reads_column=_is_column(field.annotation),
        )
        for name, field in cls.model_fields.items()
    )
    summary = " ".join(text.partition("\n\n")[0].split())
    example = import_line + prompt + example.rstrip()
    return ComponentInfo(summary, text.rstrip(), example, tuple(fields))


def _is_column(annotation: Any) -> bool:
    kinds = [annotation, *get_args(annotation)]  # the parts of `Column[str] | None` too
    return any((get_origin(kind) or kind) is Column for kind in kinds)


# Types --------------------------------------------------------------------------------------------


def describe_type(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Describe a type and its limits in words.

    >>> describe_type(tuple[str, ...] | None), describe_type(Literal["first", "last"])
    ('list of `str`, or `None`', '`"first"` or `"last"`')
    """
    limits = [*_describe_limits(metadata)]
    prefix = "non-empty " if NOT_EMPTY in limits else ""
    suffix = " and ".join(limit for limit in limits if limit != NOT_EMPTY)
    return f"{prefix}{_describe_annotation(annotation)} {suffix}".rstrip()


def _describe_annotation(annotation: Any) -> str:
    parts = get_args(annotation)
    if parts:
        return GENERIC_TYPES[get_origin(annotation)](parts)
    if annotation in PLAIN_TYPES:
        return PLAIN_TYPES[annotation]
    if issubclass(annotation, Component):
        return str(annotation.component_kind)
    if issubclass(annotation, BaseModel):
        return "mapping with " + " and ".join(f"`{name}`" for name in annotation.model_fields)
    return f"`{annotation.__name__}`"


def _describe_tuple(parts: tuple[Any, ...]) -> str:
    if parts[-1] is Ellipsis:
        # YAML has no tuples: people write a list
        return f"list of {describe_type(parts[0])}"
    return f"({', '.join(map(describe_type, parts))})"


def _join_choices(choices: Iterable[str]) -> str:
    *first, last = choices
    # "list of `str`, or `None`": without the comma, "or" would seem to belong to the list
    comma = "," if any(" of " in choice or " to " in choice for choice in first) else ""
    return f"{comma} or ".join(filter(None, [", ".join(first), last]))


GENERIC_TYPES: dict[Any, Callable[[tuple[Any, ...]], str]] = {
    Annotated: lambda parts: describe_type(parts[0], parts[1:]),
    Literal: lambda parts: _join_choices(f"`{json.dumps(part)}`" for part in parts),
    Mapping: lambda parts: f"mapping of {describe_type(parts[0])} to {describe_type(parts[1])}",
    Union: lambda parts: _join_choices(map(describe_type, parts)),
    Column: lambda _: "name of a column",
    tuple: _describe_tuple,
    types.UnionType: lambda parts: _join_choices(map(describe_type, parts)),
}
"""How a type with parameters is described, by its origin."""
PLAIN_TYPES = {
    None: "`None`",
    types.NoneType: "`None`",
    Any: "anything",
    object: "anything",
    Column: "name of a column",
}
NOT_EMPTY = "at least 1 of them"
LIMITS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}


def _describe_limits(metadata: Iterable[Any]) -> Iterator[str]:
    for limit in metadata:
        # a pydantic Field inside an Annotated keeps its limits one level deeper
        for inner in getattr(limit, "metadata", ()):
            yield from _describe_limits([inner])
        for key, text in LIMITS.items():
            if getattr(limit, key, None) is not None:
                yield text.format(getattr(limit, key))
        if count := getattr(limit, "min_length", None):
            yield f"at least {count} of them"
