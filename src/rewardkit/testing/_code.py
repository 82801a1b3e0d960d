"""Python that makes an object again: what a failure prints, to be pasted and run."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import pickle
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.machinery import PathFinder
from keyword import iskeyword
from math import inf, isfinite
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from rewardkit.component import Component, walk
from rewardkit.config import dump, read_yaml
from rewardkit.testing import _rerun

_WIDE = 88


class Code(str):  # noqa: SLOT000 - made by the handful
    """Python that stands for a value: it is shown as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


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
    if type(value) is str and len(value) > _LONG:
        return _text(value)
    return repr(value) if type(value).__module__ == "builtins" else _object(value)


def _object(value: Any) -> str:
    """Return an object as Python that names its module, or its pickle, or else what it is."""
    module, told = type(value).__module__, repr(value)
    if isinstance(value, Code):
        return told
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags})"
    if module == "numpy" and hasattr(value, "tolist") and hasattr(value, "dtype"):
        kind, cells = type(value).__name__, literal(value.tolist())
        many = f"numpy.array({cells}, dtype={str(value.dtype)!r})"
        return many if kind == "ndarray" else f"numpy.{kind}({cells})"
    if told.startswith(f"{type(value).__qualname__}("):
        told = f"{module}.{told}"
    with suppress(SyntaxError, ValueError):
        names = [node.id for node in ast.walk(ast.parse(told)) if isinstance(node, ast.Name)]
        if {*names} <= {*sys.modules, *dir(builtins), "SimpleNamespace", "_"}:
            return told
    with suppress(Exception):
        return f"pickle.loads({pickle.dumps(value)!r})"
    return " ".join(told.split())


def is_plain(value: Any) -> bool:
    """Return whether a value is built of what Python builds in, whose text says all of it."""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return all(map(is_plain, _parts(value) or ()))
    return type(value).__module__ == "builtins" and not _has_no_text(value)


def state(value: Any, within: Sequence[int] = ()) -> Any:
    """Return what a value holds, to be compared with what it or its copy holds later.

    An object without a text of its own counts by what it holds, an array by every element.
    """
    if id(value) in within:
        return "itself"
    parts = _parts(value)
    if parts is None:
        return repr(value)
    return type(value).__name__, [state(part, (*within, id(value))) for part in parts]


def _parts(value: Any) -> list[Any] | None:
    """Return what a value is made of; None where its text says all of it."""
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return [*value] if isinstance(value, list | tuple) else sorted(map(repr, value))
    if hasattr(value, "tobytes") and hasattr(value, "dtype") and not value.dtype.hasobject:
        return [str(value.dtype), value.shape, value.tobytes()]
    if not _has_no_text(value):
        return None
    with suppress(Exception):
        return [*value.__reduce_ex__(2)[1:3]]
    return []


def _has_no_text(value: Any) -> bool:
    """Return whether an object shows no more than its type and its address."""
    kind: Any = type(value)
    return kind.__repr__ is object.__repr__


def imports(code: str) -> list[str]:
    """Return the lines that import the modules which code names and does not bind itself.

    >>> imports("reward(day=[datetime.date(2024, 1, 1)])")
    ['import datetime']
    """
    try:
        nodes = [*ast.walk(ast.parse(code))]
    except (SyntaxError, ValueError):
        return []
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    used: dict[str, None] = {}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            while "." in name and not isinstance(sys.modules.get(name), ModuleType):
                name = name.rpartition(".")[0]
            if name in sys.modules and name.partition(".")[0] not in {*bound, *dir(builtins)}:
                used[f"import {name}"] = None
    return [*used]


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
    odd = {name: cell for name, cell in arguments.items() if not _is_keyword(name)}
    told += [f"{name}={literal(cell)}" for name, cell in arguments.items() if name not in odd]
    told += [f"**{literal(odd)}"] if odd else []
    line = f"{function}({', '.join(told)})"
    if len(line) <= _WIDE:
        return line
    return "\n".join([f"{function}(", *(f"    {part}," for part in told), ")"])


def _is_keyword(name: str) -> bool:
    """Return whether a name can be written as a keyword of a call."""
    return name.isidentifier() and not iskeyword(name)


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
    foreign = [cls for cls in classes if not cls.__module__.startswith("rewardkit.")]
    homes = {cls.__module__: _imported(sys.modules[cls.__module__]) for cls in foreign}
    lines = [line for home in homes.values() for line in home]
    lines += [
        line for cls in foreign if not homes[cls.__module__] for line in source(cls, cls.__name__)
    ]
    return [*lines, f"{name} = rk.load({literal(read_yaml(dump(it)))})"]


def _places(it: Any) -> Iterator[tuple[ModuleType, str]]:
    """Yield the modules in which an object stands, with its name there; its own module first."""
    home = sys.modules.get(getattr(it, "__module__", type(it).__module__))
    path = str(getattr(it, "__qualname__", ""))
    held: Any = home
    for key in path.split("."):
        held = getattr(held, key, None)
    if home and held is it:
        yield home, path
    for module in [home, *sys.modules.values()]:
        if isinstance(module, ModuleType):
            names = [name for name, value in list(vars(module).items()) if value is it]
            yield from ((module, name) for name in names if name.isidentifier())


def _imported(module: ModuleType, place: str = "", name: str = "") -> list[str]:
    """Return the lines that import a module, and bind `name` to what stands at a place in it."""
    entry = entry_of(module)
    if entry is None:
        file, end = file_of(module), _rerun.end_of(module.__name__)
        if file is None:
            return _written(module, place, name)
        loaded = f"rerun({file!r}{'' if end == inf else f', check={end}'})"
        first, _, rest = place.partition(".")
        bound = f"{name} = {loaded}[{first!r}]{rest and '.' + rest}" if place else loaded
        return ["from rewardkit.testing import rerun", bound]
    usual = (str(Path.cwd()), "", sys.prefix, sys.base_prefix)
    lines = [] if entry in usual or entry.startswith(usual[2:]) else _path_line(entry)
    if not place:
        return [*lines, f"import {module.__name__}"]
    if "." in place:
        return [*lines, f"import {module.__name__}", f"{name} = {module.__name__}.{place}"]
    renamed = "" if place == name else f" as {name}"
    return [*lines, f"from {module.__name__} import {place}{renamed}"]


def file_of(module: ModuleType) -> str | None:
    """Return a module's file; None where it has none, as a notebook and the prompt have not."""
    file = getattr(module, "__file__", None)
    return str(Path(file).absolute()) if file and Path(file).exists() else None


def _written(module: ModuleType, place: str, name: str) -> list[str]:
    """Return the definition of what stands in no file, with all that it uses there.

    What cannot be written is left for the reader to put above.
    """
    lines: list[str] = []
    missing: list[str] = []
    wanted, seen = [place.partition(".")[0]] if place else [], set[str]()
    while wanted:
        used = wanted.pop(0)
        if used in seen or not hasattr(module, used):
            continue
        seen.add(used)
        value = getattr(module, used)
        try:
            code = _definition(module, used, value)
        except (OSError, TypeError):
            missing.append(used)
            continue
        lines.insert(0, code)
        wanted += _globals_of(code) if getattr(value, "__module__", "") == module.__name__ else []
    if missing:
        these = " and ".join(dict.fromkeys([place.partition(".")[0], *missing]))
        lines = [f"# {these} stood in no file, and must be defined above this line"]
    bound = [] if place in ("", name) else [f"{name} = {place}"]
    return [*sorted(lines, key=_is_no_import), *bound]


def _definition(module: ModuleType, name: str, value: Any) -> str:
    """Return the line or lines that define a global. Raises OSError and TypeError where none do."""
    if isinstance(value, ModuleType):
        renamed = "" if value.__name__ == name else f" as {name}"
        return f"import {value.__name__}{renamed}"
    home = getattr(value, "__module__", None)
    if home == module.__name__ and isinstance(value, type | FunctionType):
        return f"\n{_source(value)}\n\n"
    for other, place in _places(value) if home and home != module.__name__ else ():
        if other is not module and entry_of(other) is not None and "." not in place:
            renamed = "" if place == name else f" as {name}"
            return f"from {other.__name__} import {place}{renamed}"
    if isinstance(value, str | int | float | None | re.Pattern | list | dict | tuple | set):
        return f"{name} = {literal(value)}"
    raise TypeError(name)


def _source(value: Any) -> str:
    """Return the source of a function or a class. Raises OSError and TypeError where there is none.

    Of a class in no file `inspect` knows nothing: it is looked for where its methods stand.
    """
    try:
        return textwrap.dedent(inspect.getsource(value)).rstrip()
    except (OSError, TypeError):
        for code in [each.__code__ for each in vars(value).values() if inspect.isfunction(each)]:
            lines = linecache.getlines(code.co_filename)
            for node in ast.parse("".join(lines)).body:
                if isinstance(node, ast.ClassDef) and node.name == value.__name__:
                    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                    return "".join(lines[first - 1 : node.end_lineno]).rstrip()
        raise


def _globals_of(code: str) -> list[str]:
    """Return the names that a definition uses, those of its own included."""
    return [node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]


def _is_no_import(line: str) -> bool:
    return not line.startswith(("import ", "from "))


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
