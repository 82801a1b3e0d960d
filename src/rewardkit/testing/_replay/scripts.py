"""Run a script again for what it defines, without running its checks.

Another process, and a program that a finding prints, get the objects of a script by running it. The
script stops at the check that was running, so that every name has the value that it had there; the
checks before that one do nothing and report that every law holds.
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

_checks_begun = 0
_last_checks: dict[str, float] = {}  # by the name of a module that was run again
_checks_disabled = False
_last_check = inf


class LastCheckReached(BaseException):
    """Stops a script that is run again at its last check.

    A BaseException, so that no `except Exception` of the script catches it.
    """


def begin_check() -> None:
    """Count a check; raise LastCheckReached if a script that is run again ends here."""
    global _checks_begun  # noqa: PLW0603 - checks are counted per process
    _checks_begun += 1
    if _checks_begun >= _last_check:
        raise LastCheckReached


def are_checks_disabled() -> bool:
    """Return whether checks do nothing, since a script is run again."""
    return _checks_disabled


@contextmanager
def disable_checks(last: float = inf) -> Iterator[None]:
    """Let checks do nothing, counted from 1; the one numbered `last` raises LastCheckReached."""
    global _checks_disabled, _last_check, _checks_begun
    before = _checks_disabled, _last_check, _checks_begun
    _checks_disabled, _last_check, _checks_begun = True, last, 0
    try:
        yield
    finally:
        _checks_disabled, _last_check, _checks_begun = before


def last_check_of(module: str) -> float:
    """Return the number of the check at which a module stops if it is run again."""
    # Only a script runs its checks while it is loaded; a test module's run when it is complete.
    return _last_checks.get(module, _checks_begun if module == "__main__" else inf)


def load_script(name: str, file: str, package: str | None, last: float) -> ModuleType:
    """Run a file as a module of that name, up to the check numbered `last`."""
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file", name=name)
    module: ModuleType = module_from_spec(spec)
    module.__package__ = package
    sys.modules[name], _last_checks[name] = module, last
    with disable_checks(last), suppress(LastCheckReached):
        spec.loader.exec_module(module)
    return module


@cache  # a program may need several objects of one script, which is run once
def rerun(file: str, check: float = inf) -> dict[str, Any]:
    """Run a script up to its check of that number, from 1, and return its global names.

    The checks before it do nothing; without a number the script runs to its end. Programs that
    findings print call this function, since importing a script would run its checks. Raises
    ImportError if the file is not a Python file, and whatever the script raises.

    >>> import tempfile
    >>> script = Path(tempfile.mkdtemp()) / "mine.py"
    >>> _ = script.write_text("def reward(completions, **_): return [1.0 for _ in completions]")
    >>> rerun(str(script))["reward"](completions=["a", "b"])
    [1.0, 1.0]
    """
    return vars(load_script(f"__rerun_{Path(file).stem}__", file, None, check))
