"""The short texts that a reward looks for: what stands in its fields, its code and its patterns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import CodeType, FunctionType
from typing import Any

from rewardkit.component import Component, walk

_LONG = 40
_MANY = 30
_METHODS = ("score", "verify", "extract", "__call__")
_TAG = re.compile(r"</?[A-Za-z_][\w-]*>")
_TOKEN = re.compile(
    r"\\(?P<plain>[^\w\s])|(?P<line>\\n)|(?P<any>\\.|[][(){}.*+?|^$])|(?P<one>.)", re.DOTALL
)


def words_of(it: Any) -> tuple[str, ...]:
    """Return the texts of a component's fields, and of anybody's code and patterns, each once."""
    found: list[str] = []
    if isinstance(it, Component):
        found += [value for value in constants(it) if isinstance(value, str)]
        found += [f"<{mark}{word}>" for word in found if word.isidentifier() for mark in ("", "/")]
    for function in _functions(it):
        found += [piece for text in _texts(function, set()) for piece in _pieces(text)]
    short = dict.fromkeys(word for word in found if 0 < len(word) <= _LONG)
    return tuple(
        islice(short, None if isinstance(it, Component) and not [*_functions(it)] else _MANY)
    )


def tags_of(words: tuple[str, ...]) -> list[str]:
    """Return the names of the tags that words open and close."""
    return [word[1:-1] for word in words if _TAG.fullmatch(word) and f"</{word[1:]}" in words]


def constants(it: Component) -> list[Any]:
    """Return the plain values in a component's fields."""
    found: list[Any] = []
    for part in walk(it):
        for name in type(part).model_fields:
            value = getattr(part, name)
            found += value if isinstance(value, tuple) else [value]
    return [value for value in found if isinstance(value, str | int | float | None)]


def _functions(it: Any) -> Iterator[FunctionType]:
    """Yield the functions that say what an object does; of components those that are not ours."""
    if isinstance(it, Component):
        classes = dict.fromkeys(type(part) for part in walk(it))
        owners = [cls for cls in classes if not cls.__module__.startswith("rewardkit.")]
        candidates = [getattr(cls, name, None) for cls in owners for name in _METHODS[:3]]
    else:
        function = inspect.unwrap(getattr(it, "func", it))
        candidates = [getattr(function, "__func__", function), type(it).__call__]
    yield from (each for each in candidates if isinstance(each, FunctionType))


def _texts(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """Yield the texts in a function's code and in what it names, and those of its helpers."""
    if id(function) in seen:
        return
    seen.add(id(function))
    yield from _in_code(function.__code__, function.__doc__)
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    names = [name for name in _names(function.__code__) if name in function.__globals__]
    values = [function.__globals__[name] for name in names]
    for value in [*cells, *values, *(function.__defaults__ or ())]:
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            yield from _texts(value, seen)
        else:
            yield from _in_value(value)


def _is_full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # of what is not bound yet
        return False


def _in_value(value: Any) -> Iterator[str]:
    """Yield a text, a pattern's text, and those in a list or a mapping."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value.pattern
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _in_value(item))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (text for item in value for text in _in_value(item))


def _in_code(code: CodeType, doc: str | None) -> Iterator[str]:
    """Yield the texts in code, and in the code inside it."""
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _in_code(value, None)
        elif value != doc:
            yield from _in_value(value)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code uses, and the code inside it."""
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _names(value)


def _pieces(text: str) -> Iterator[str]:
    r"""Yield a text's tags, the runs of plain characters if it is read as a pattern, and itself.

    >>> [*_pieces(r"\[BEGIN\].*?<b>")]
    ['<b>', '[BEGIN]', '\\[BEGIN\\].*?<b>']
    """
    yield from _TAG.findall(text)
    runs = [""]
    for token in _TOKEN.finditer(text):
        plain = token["plain"] or token["one"] or ("\n" if token["line"] else "")
        runs = [*runs[:-1], runs[-1] + plain] if plain else [*runs, ""]
    yield from (run for run in runs if run and not _TAG.fullmatch(run))
    if runs != [text]:
        yield text
