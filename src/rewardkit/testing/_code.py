"""Python that makes an object again: what a failure prints, to be pasted and run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from importlib.machinery import PathFinder
from math import isfinite
from types import ModuleType
from typing import Any

from rewardkit.component import Component, dump, walk

_WIDE = 88


class Code(str):
    """A string that is shown as the Python that makes it, and not as itself."""

    __slots__ = ("code",)

    def __new__(cls, text: str, code: str) -> Code:  # noqa: PYI034 - final in all but name
        """Show `text` as `code`."""
        made = super().__new__(cls, text)
        made.code = code
        return made

    def __repr__(self) -> str:
        return self.code


def literal(value: Any) -> str:
    """Return plain data as Python, with NaN and infinities.

    >>> literal([{"a": float("nan")}, (1.5,)])
    "[{'a': float('nan')}, (1.5,)]"
    """
    if isinstance(value, float) and not isfinite(value):
        return f"float('{float(value)}')"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(f"{literal(item)}, " for item in value).rstrip() + ")"
    return _text(value) if type(value) is str and len(value) > _LONG else repr(value)


def _text(value: str) -> str:
    """Return a long text as Python, what is repeated in it as a product."""
    parts, place = [], 0
    for run in _RUN.finditer(value):
        parts += [repr(value[place : run.start()])] if run.start() > place else []
        parts += [f"{run[1]!r} * {len(run[0]) // len(run[1])}"]
        place = run.end()
    return " + ".join(parts + ([repr(value[place:])] if place < len(value) else []))


_LONG = 60
_RUN = re.compile(r"(.{1,12}?)\1{19,}", re.DOTALL)


def call(function: str, arguments: Mapping[str, Any], positional: Sequence[Any] = ()) -> str:
    """Return a call, an argument a line where it is long.

    >>> call("reward", {"completions": ["a"], "answer": [4]})
    "reward(completions=['a'], answer=[4])"
    """
    told = [*map(literal, positional)]
    told += [f"{name}={literal(cell)}" for name, cell in arguments.items() if name.isidentifier()]
    odd = {name: cell for name, cell in arguments.items() if not name.isidentifier()}
    told += [f"**{literal(odd)}"] if odd else []
    line = f"{function}({', '.join(told)})"
    if len(line) <= _WIDE:
        return line
    return "\n".join([f"{function}(", *(f"    {part}," for part in told), ")"])


def indented(code: str) -> list[str]:
    """Return the lines of code one step further in."""
    return [f"    {line}" for line in code.splitlines()]


def source(it: Any, name: str) -> list[str]:
    """Return the lines that bind `name` to an object that is equal to `it`.

    A registered component is written as data, any other by its class; all else is imported from
    where it stands. What stands nowhere, as a closure does not, is left for the reader to put in.
    """
    if not isinstance(it, Component):
        for module, place in _places(it):
            return _imported(module, place, name)
        return [f"{name} = ...  # put yours here: {' '.join(repr(it).split())}"]
    classes = {type(part): None for part in walk(it)}
    if not all(cls.registered_name for cls in classes):
        made = [line for cls in classes for line in source(cls, cls.__name__)]
        return [*made, f"{name} = {it!r}"]
    from rewardkit import _yaml  # noqa: PLC0415 - PyYAML takes its time to import

    homes = {cls.__module__: None for cls in classes if not cls.__module__.startswith("rewardkit.")}
    imports = [line for home in homes for line in _imported(sys.modules[home])]
    return [*imports, f"{name} = rk.load({literal(_yaml.read(dump(it)))})"]


def _places(it: Any) -> Iterator[tuple[ModuleType, str]]:
    """Yield the modules in which an object stands, with its name there; its own module first."""
    home = sys.modules.get(getattr(it, "__module__", type(it).__module__))
    path = str(getattr(it, "__qualname__", ""))
    if home and reduce(lambda held, key: getattr(held, key, None), path.split("."), home) is it:
        yield home, path
    for module in [home, *sys.modules.values()]:
        if isinstance(module, ModuleType):
            names = [name for name, value in list(vars(module).items()) if value is it]
            yield from ((module, name) for name in names if name.isidentifier())


def _imported(module: ModuleType, place: str = "", name: str = "") -> list[str]:
    """Return the lines that import a module, and bind `name` to what stands at a place in it."""
    entry = entry_of(module)
    if entry is None:
        loaded = f"run_path({str(getattr(module, '__file__', None))!r})"
        first, _, rest = place.partition(".")
        bound = f"{name} = {loaded}[{first!r}]{rest and '.' + rest}" if place else loaded
        return ["from runpy import run_path", bound]
    usual = (os.getcwd(), "", sys.prefix, sys.base_prefix)
    lines = [] if entry in usual or entry.startswith(usual[2:]) else _path_line(entry)
    if not place:
        return [*lines, f"import {module.__name__}"]
    if "." in place:
        return [*lines, f"import {module.__name__}", f"{name} = {module.__name__}.{place}"]
    renamed = "" if place == name else f" as {name}"
    return [*lines, f"from {module.__name__} import {place}{renamed}"]


def _path_line(entry: str) -> list[str]:
    return ["import sys", f"sys.path.insert(0, {entry!r})"]


def entry_of(module: ModuleType) -> str | None:
    """Return the entry of `sys.path` under which a module can be imported by its name, if any.

    None for a script's `__main__`, and for a test module that pytest loaded by its file.
    """
    parts = module.__name__.split(".")
    for entry in sys.path if parts != ["__main__"] else ():
        places: list[str] | None = [entry]
        for count in range(1, len(parts) + 1):
            spec = PathFinder.find_spec(".".join(parts[:count]), places) if places else None
            places = spec and spec.submodule_search_locations  # type: ignore[assignment]
        if spec and spec.origin == getattr(module, "__file__", None):
            return entry
    return None
