"""Values and calls as Python source, to be pasted and run."""

from __future__ import annotations

import ast
import builtins
import pickle
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from keyword import iskeyword
from math import isfinite
from types import ModuleType
from typing import Any

# A call within one indented line of a failure message; longer ones get one argument per line.
_MAX_CALL_WIDTH = 88
# Shorter texts are easier to read as they are than as a product.
_MAX_PLAIN_LENGTH = 60
# Twenty repetitions or more: Hypothesis's long texts repeat hundreds of times, words do not.
_REPETITION = re.compile(r"(.{1,12}?)\1{19,}", re.DOTALL)


class Source(str):  # noqa: SLOT000 - only a few are made
    """Python source that is printed as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


def write_literal(value: Any) -> str:
    """Return plain data as Python source, with NaN and infinities.

    >>> write_literal([{"a": float("nan")}, (1.5,)])
    "[{'a': float('nan')}, (1.5,)]"
    """
    if isinstance(value, float) and not isfinite(value):
        return f"float('{float(value)}')"
    if isinstance(value, dict):
        items = (f"{write_literal(key)}: {write_literal(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(f"{write_literal(item)}, " for item in value).rstrip() + ")"
    if type(value) is str and len(value) > _MAX_PLAIN_LENGTH:
        return _write_long_text(value)
    return repr(value) if type(value).__module__ == "builtins" else _write_object(value)


def _write_object(value: Any) -> str:
    module, written = type(value).__module__, repr(value)
    if isinstance(value, Source):
        return written
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags})"
    if module == "numpy" and hasattr(value, "tolist") and hasattr(value, "dtype"):
        # numpy's own repr leaves out the middle of a long array and the module's name
        kind, items = type(value).__name__, write_literal(value.tolist())
        array = f"numpy.array({items}, dtype={str(value.dtype)!r})"
        return array if kind == "ndarray" else f"numpy.{kind}({items})"
    if written.startswith(f"{type(value).__qualname__}("):
        written = f"{module}.{written}"
    # A repr counts as source only if it parses and every name in it can be imported: many look
    # like calls of functions that do not exist.
    with suppress(SyntaxError, ValueError):
        names = [node.id for node in ast.walk(ast.parse(written)) if isinstance(node, ast.Name)]
        if {*names} <= {*sys.modules, *dir(builtins), "SimpleNamespace", "_"}:
            return written
    with suppress(Exception):
        return f"pickle.loads({pickle.dumps(value)!r})"
    return " ".join(written.split())


def _write_long_text(value: str) -> str:
    parts, position = [], 0
    for repeated in _REPETITION.finditer(value):
        if repeated.start() > position:
            parts.append(repr(value[position : repeated.start()]))
        parts.append(f"{repeated[1]!r} * {len(repeated[0]) // len(repeated[1])}")
        position = repeated.end()
    if position < len(value):
        parts.append(repr(value[position:]))
    return " + ".join(parts)


def write_call(function: str, arguments: Mapping[str, Any], positional: Sequence[Any] = ()) -> str:
    """Return the source of a call, with one argument per line if it is long.

    >>> write_call("reward", {"completions": ["a"], "answer": [4]})
    "reward(completions=['a'], answer=[4])"
    """
    # A dataset's column may be called "class" or "top p": no keyword of a call, but a valid key.
    other = {name: value for name, value in arguments.items() if not _is_keyword_name(name)}
    keywords = [name for name in arguments if name not in other]
    parts = [*map(write_literal, positional)]
    parts += [f"{name}={write_literal(arguments[name])}" for name in keywords]
    parts += [f"**{write_literal(other)}"] if other else []
    line = f"{function}({', '.join(parts)})"
    if len(line) <= _MAX_CALL_WIDTH:
        return line
    return "\n".join([f"{function}(", *(f"    {part}," for part in parts), ")"])


def _is_keyword_name(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)


def indent_lines(code: str) -> list[str]:
    """Return the lines of code, indented by one level."""
    return [f"    {line}" for line in code.splitlines()]


def find_imports(code: str) -> list[str]:
    """Return import lines for the modules that code names and does not assign itself.

    >>> find_imports("reward(day=[datetime.date(2024, 1, 1)])")
    ['import datetime']
    """
    try:
        nodes = [*ast.walk(ast.parse(code))]
    except (SyntaxError, ValueError):  # a repr that does not parse was printed
        return []
    names = [node for node in nodes if isinstance(node, ast.Name)]
    assigned = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    lines: dict[str, None] = {}  # keeps the order, and each line once
    for node in nodes:
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            # the longest prefix that is a module: of a.b.Class.method it is a.b
            while "." in name and not isinstance(sys.modules.get(name), ModuleType):
                name = name.rpartition(".")[0]
            if name in sys.modules and name.partition(".")[0] not in {*assigned, *dir(builtins)}:
                lines[f"import {name}"] = None
    return [*lines]
