"""The short texts that a reward looks for: those in its fields, its code and its patterns.

They are mixed into the drawn texts, since a random text hardly ever has the tag that a reward
needs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import CodeType, FunctionType
from typing import Any

from rewardkit._text.tag_layout import TagPair
from rewardkit.component import Component, walk

# Longer ones are prose: messages, prompts, documentation.
_MAX_WORD_LENGTH = 40
# Code names many texts that it does not look for, and each takes some of the examples and of the
# time of the law `linear`. A component's fields are all meant.
_MAX_WORDS_OF_CODE = 30
_METHODS = ("score", "verify", "extract", "__call__")
# Not `eval`: an expression cannot loop, and powers of powers are tried anyway.
_PROGRAM_RUNNERS = {
    *("exec", "subprocess", "Popen", "check_output", "check_call", "system", "popen"),
    *("create_subprocess_exec", "create_subprocess_shell", "run_path", "InteractiveInterpreter"),
}
_REPEAT = re.compile(r"[+*}]")
_TAG = re.compile(r"</?[A-Za-z_][\w-]*>")
_PATTERN_TOKEN = re.compile(
    r"\\(?P<escaped>[^\w\s])|(?P<newline>\\n)|(?P<special>\\.|[][(){}.*+?|^$])|(?P<plain>.)",
    re.DOTALL,
)


def find_words(target: Any) -> tuple[str, ...]:
    """Return the texts of a component's fields, and of anybody's code and patterns, each once."""
    found: list[str] = []
    if isinstance(target, Component):
        found += [value for value in list_constants(target) if isinstance(value, str)]
        # a field often holds a tag's name
        found += [f"<{mark}{word}>" for word in found if word.isidentifier() for mark in ("", "/")]
    functions = [*_functions_of(target)]
    for function in functions:
        found += [piece for text in _texts_of(function, set()) for piece in _split_pattern(text)]
    for value in _attributes_of(target):
        found += [piece for text in _texts_in_value(value) for piece in _split_pattern(text)]
    short = dict.fromkeys(word for word in found if 0 < len(word) <= _MAX_WORD_LENGTH)
    limit = _MAX_WORDS_OF_CODE if functions or not isinstance(target, Component) else None
    return tuple(islice(short, limit))


def find_patterns(target: Any) -> tuple[str, ...]:
    """Return the regular expressions among a component's fields and in anybody's code."""
    texts = (
        [value for value in list_constants(target) if isinstance(value, str)]
        if isinstance(target, Component)
        else []
    )
    texts += [text for function in _functions_of(target) for text in _texts_of(function, set())]
    texts += [text for value in _attributes_of(target) for text in _texts_in_value(value)]
    return tuple(dict.fromkeys(text for text in texts if _REPEAT.search(text)))


def _attributes_of(target: Any) -> list[Any]:
    """Return the attributes of a callable object, and the arguments of a `functools.partial`."""
    if isinstance(target, Component):
        return []
    partial = [*getattr(target, "args", ()), *(getattr(target, "keywords", None) or {}).values()]
    return [*partial, *getattr(target, "__dict__", {}).values()]


def find_blocks(target: Any, words: tuple[str, ...]) -> list[str | TagPair]:
    """Return the tags that a component's fields name by pairs, and those among the words."""
    if not isinstance(target, Component):
        return [*find_tags(words)]
    from rewardkit.audit.samples import list_pairs  # noqa: PLC0415 - a large package

    return [*list_pairs([target]), *find_tags(words)]


def find_tags(words: tuple[str, ...]) -> list[str]:
    """Return the names of the tags of which both the opening and the closing one is among words."""
    return [word[1:-1] for word in words if _TAG.fullmatch(word) and f"</{word[1:]}" in words]


def list_constants(component: Component) -> list[Any]:
    """Return the plain values in a component's fields, at every depth."""
    found: list[Any] = []
    for part in walk(component):
        for name in type(part).model_fields:
            found += _flatten_tuple(getattr(part, name))
    return [value for value in found if isinstance(value, str | int | float | None)]


def _flatten_tuple(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from _flatten_tuple(item)
    else:
        yield value


def _functions_of(target: Any) -> Iterator[FunctionType]:
    """Yield the functions that score; of a component only those that are not rewardkit's own."""
    if isinstance(target, Component):
        classes = dict.fromkeys(type(part) for part in walk(target))
        foreign = [cls for cls in classes if not cls.__module__.startswith("rewardkit.")]
        candidates = [getattr(cls, name, None) for cls in foreign for name in _METHODS[:3]]
    else:
        function = inspect.unwrap(getattr(target, "func", target))  # of functools.partial
        candidates = [getattr(function, "__func__", function), type(target).__call__]
    yield from (each for each in candidates if isinstance(each, FunctionType))


def _texts_of(function: FunctionType, visited: set[int]) -> Iterator[str]:
    """Yield the texts in a function's code, in the globals it uses, and in its helpers."""
    if id(function) in visited:  # a recursive function
        return
    visited.add(id(function))
    yield from _texts_in_code(function.__code__, function.__doc__)
    enclosed = [cell.cell_contents for cell in function.__closure__ or () if _has_contents(cell)]
    names = [name for name in _names_in_code(function.__code__) if name in function.__globals__]
    values = [function.__globals__[name] for name in names]
    for value in [*enclosed, *values, *(function.__defaults__ or ())]:
        # helpers of other modules are libraries, whose texts say nothing about this reward
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            yield from _texts_of(value, visited)
        else:
            yield from _texts_in_value(value)


def _has_contents(closure_cell: Any) -> bool:
    try:
        return closure_cell.cell_contents is not None
    except ValueError:  # a variable that is not assigned yet
        return False


def _texts_in_value(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value.pattern
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _texts_in_value(item))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (text for item in value for text in _texts_in_value(item))


def _texts_in_code(code: CodeType, docstring: str | None) -> Iterator[str]:
    for value in code.co_consts:
        if isinstance(value, CodeType):  # a function within the function
            yield from _texts_in_code(value, None)
        elif value != docstring:
            yield from _texts_in_value(value)


def runs_programs(target: Any) -> bool:
    """Return whether a function's own code runs programs, by the names that it uses."""
    return any(
        not _PROGRAM_RUNNERS.isdisjoint(_names_of(function, set()))
        for function in _functions_of(target)
    )


def _names_of(function: FunctionType, visited: set[int]) -> Iterator[str]:
    if id(function) in visited:
        return
    visited.add(id(function))
    names = [*_names_in_code(function.__code__)]
    yield from names
    for name in names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and helper.__module__ == function.__module__:
            yield from _names_of(helper, visited)


def _names_in_code(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _names_in_code(value)


def _split_pattern(text: str) -> Iterator[str]:
    r"""Yield a text's tags, its plain parts if it is read as a pattern, and the text itself.

    >>> [*_split_pattern(r"\[BEGIN\].*?<b>")]
    ['<b>', '[BEGIN]', '\\[BEGIN\\].*?<b>']
    """
    yield from _TAG.findall(text)
    parts = [""]
    for token in _PATTERN_TOKEN.finditer(text):
        plain = token["escaped"] or token["plain"] or ("\n" if token["newline"] else "")
        parts = [*parts[:-1], parts[-1] + plain] if plain else [*parts, ""]
    yield from (part for part in parts if part and not _TAG.fullmatch(part))
    if parts != [text]:
        yield text
