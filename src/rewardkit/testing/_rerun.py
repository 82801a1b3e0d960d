"""Scripts that are run again for what they define, without what their checks would do.

Another process, and a program that a finding prints, find what stands in a script by running it.
The script goes as far as the check that was at work, which then stands where it did; the checks
before that one do nothing, and say that all holds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from math import inf
from pathlib import Path
from types import ModuleType
from typing import Any

begun = 0
"""How many checks this process has begun."""
ends: dict[str, float] = {}
"""The modules that were run again, with the check at which each of them ended."""
_again = False
_end = inf


class Reached(BaseException):
    """A script that is run again has come to its last check; what it defines stands."""


def begin() -> bool:
    """Count a check, and return whether it is to be made. Raises Reached at a script's last."""
    global begun  # noqa: PLW0603 - of the process
    begun += 1
    if begun >= _end:
        raise Reached
    return not _again


@contextmanager
def inert(end: float = inf) -> Iterator[None]:
    """Let checks do nothing, and count them anew; the one numbered `end` raises Reached."""
    global _again, _end, begun
    before = _again, _end, begun
    _again, _end, begun = True, end, 0
    try:
        yield
    finally:
        _again, _end, begun = before


def end_of(module: str) -> float:
    """Return the check at which a module ends that is run again; only a script has one."""
    return ends.get(module, begun if module == "__main__" else inf)


def load(name: str, file: str, package: str | None, end: float) -> ModuleType:
    """Run a file as a module of that name, up to a check."""
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file", name=name)
    module: ModuleType = module_from_spec(spec)
    module.__package__ = package
    sys.modules[name], ends[name] = module, end
    with inert(end), suppress(Reached):
        spec.loader.exec_module(module)
    return module


@cache
def rerun(file: str, check: float = inf) -> dict[str, Any]:
    """Run a script up to its check of that number, from 1, and return what it defines.

    Its checks do nothing; without a number it runs to its end. Programs that findings print call
    it, since a script cannot be imported without its checks. Raises ImportError for what is no
    Python file, and whatever the script raises.

    >>> import tempfile
    >>> script = Path(tempfile.mkdtemp()) / "mine.py"
    >>> _ = script.write_text("def reward(completions, **_): return [1.0 for _ in completions]")
    >>> rerun(str(script))["reward"](completions=["a", "b"])
    [1.0, 1.0]
    """
    return vars(load(f"__rerun_{Path(file).stem}__", file, None, check))
