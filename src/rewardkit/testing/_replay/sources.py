"""Lines of Python that bind a name to an object again: an import, a script run again, or YAML."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from math import inf
from pathlib import Path
from types import ModuleType
from typing import Any

from rewardkit.component import Component, walk
from rewardkit.config import dump, read_yaml
from rewardkit.testing._replay import scripts
from rewardkit.testing._replay.literals import write_literal


def bind_object(target: Any, name: str) -> list[str]:
    """Return lines that bind `name` to an object equal to `target`.

    A registered component is written as data, another one by its class, everything else is
    imported. An object that no module has under a name, such as a closure, is left to the reader.
    """
    if not isinstance(target, Component):
        for module, path in _find_homes(target):
            return _import_object(module, path, name)
        return [f"{name} = ...  # put yours here: {' '.join(repr(target).split())}"]
    classes = {type(part): None for part in walk(target)}
    if not all(cls.registered_name for cls in classes):
        made = [line for cls in classes for line in bind_object(cls, cls.__name__)]
        return [*made, f"{name} = {target!r}"]
    # Importing a module registers its classes; rewardkit's own are registered already.
    homes = {cls.__module__ for cls in classes if not cls.__module__.startswith("rewardkit.")}
    lines = [line for home in sorted(homes) for line in _import_module(sys.modules[home])]
    return [*lines, f"{name} = rk.load({write_literal(read_yaml(dump(target)))})"]


def _find_homes(target: Any) -> Iterator[tuple[ModuleType, str]]:
    """Yield the modules that have an object, with its dotted name there; its own module first."""
    home = sys.modules.get(getattr(target, "__module__", type(target).__module__))
    path = str(getattr(target, "__qualname__", ""))
    found: Any = home
    for key in path.split("."):
        found = getattr(found, key, None)
    if home and found is target:  # not a decorated function, whose name holds something else
        yield home, path
    for module in [home, *sys.modules.values()]:
        if isinstance(module, ModuleType):
            names = [name for name, value in list(vars(module).items()) if value is target]
            yield from ((module, name) for name in names if name.isidentifier())


def _import_object(module: ModuleType, path: str, name: str) -> list[str]:
    """Return lines that bind `name` to what a module has under a dotted name."""
    first, _, rest = path.partition(".")
    if find_path_entry(module) is None and (file := file_of(module)) is not None:
        attributes = f".{rest}" if rest else ""
        call = _write_rerun(module, file)
        return [_IMPORT_RERUN, f"{name} = {call}[{first!r}]{attributes}"]
    # A notebook and the prompt have no file: their names are in `__main__` as long as they run, so
    # the program runs there, and needs no copy of what was defined.
    lines = _extend_path(module)
    if rest:
        return [*lines, f"import {module.__name__}", f"{name} = {module.__name__}.{path}"]
    renamed = "" if path == name else f" as {name}"
    remark = "" if find_path_entry(module) else "  # run this where it was defined"
    return [*lines, f"from {module.__name__} import {path}{renamed}{remark}"]


def _import_module(module: ModuleType) -> list[str]:
    """Return lines that run a module, for the classes that it registers."""
    if find_path_entry(module) is None:
        file = file_of(module)
        # classes of a notebook are registered where the program runs
        return [_IMPORT_RERUN, _write_rerun(module, file)] if file else []
    return [*_extend_path(module), f"import {module.__name__}"]


_IMPORT_RERUN = "from rewardkit.testing import rerun"


def _write_rerun(module: ModuleType, file: str) -> str:
    last = scripts.last_check_of(module.__name__)
    return f"rerun({file!r})" if last == inf else f"rerun({file!r}, check={last})"


def _extend_path(module: ModuleType) -> list[str]:
    """Return lines that put a module's folder on `sys.path`, if it is not usually there."""
    entry = find_path_entry(module)
    installed = (sys.prefix, sys.base_prefix)
    if entry is None or entry in ("", str(Path.cwd())) or entry.startswith(installed):
        return []
    return ["import sys", f"sys.path.insert(0, {entry!r})"]


def file_of(module: ModuleType) -> str | None:
    """Return a module's file; None for a notebook and the prompt."""
    # `python -` and IPython set __file__ to names such as <stdin>
    file = getattr(module, "__file__", None)
    return str(Path(file).absolute()) if file and Path(file).exists() else None


def find_path_entry(module: ModuleType) -> str | None:
    """Return the entry of `sys.path` from which a module can be imported by its name, if any.

    None for a script's `__main__`, and for a test module that pytest loaded by its file.
    """
    parts = module.__name__.split(".")
    for entry in sys.path if parts != ["__main__"] else ():
        folders: list[str] | None = [entry]
        for count in range(1, len(parts) + 1):
            spec = PathFinder.find_spec(".".join(parts[:count]), folders) if folders else None
            folders = spec and spec.submodule_search_locations  # type: ignore[assignment]
        if spec and spec.origin == getattr(module, "__file__", None):
            return entry
    return None
