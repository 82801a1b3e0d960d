"""The same calls in a process of their own, as a trainer that pickles its rewards makes them.

The process is a plain `python -c` over pipes. It finds modules as this one does; a script that is
run as `__main__` is run again there, up to the check at work, so that it needs no guard.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

from rewardkit.testing import _code, _rerun

_PROGRAM = "import sys; sys.path[:] = {path!r}; from rewardkit.testing import _elsewhere; {main}"
_TIMEOUT = 120.0


class _Named(pickle.Unpickler):
    """Reads a pickle, and notes the modules that it names."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module)
        return super().find_class(module, name)


def outcomes(run: Callable[[Any, Any], Any], it: Any, calls: Sequence[Any]) -> list[Any]:
    """Return what `run(it, call)` gives for each call in another process, in order.

    Raises whatever pickling does, RuntimeError with the other process's last line where it fails,
    and SkipTest where no other process can know what stands in a notebook.
    """
    data = pickle.dumps((run, it, calls))
    reader = _Named(data)
    reader.load()
    files = {}
    for name in reader.modules:
        module = sys.modules[name]
        file = getattr(module, "__file__", None)
        if name == "__main__" and (file is None or not Path(file).exists()):
            raise SkipTest(
                "it is defined in a notebook or at the prompt, where no other process finds it; put"
                " it into a module"
            )
        if file and _code.entry_of(module) is None:
            package = getattr(module, "__package__", None)
            files[name] = (str(Path(file).absolute()), package, _rerun.end_of(name))
    child = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", _PROGRAM.format(path=sys.path, main="_elsewhere.main()")],
        input=pickle.dumps((files, data)),
        capture_output=True,
        check=False,
        timeout=_TIMEOUT,
        env={**os.environ, "PYTHONHASHSEED": "random"},
    )
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
        raise RuntimeError(f"another process says: {lines[-1]}")
    found: list[Any] = pickle.loads(child.stdout)  # noqa: S301 - of our own making
    return found


def main() -> None:
    """Answer one request of `outcomes`, from standard input to standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the object prints is no answer
    with _rerun.inert():
        files, data = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own making
        for name, (file, package, end) in files.items():
            main = name == "__main__"
            module = _rerun.load("__mp_main__" if main else name, file, package, end)
            sys.modules[name] = module
        run, it, calls = pickle.loads(data)  # noqa: S301 - the same
    answers.write(pickle.dumps([_outcome(run, it, call) for call in calls]))
    answers.close()


def _outcome(run: Callable[[Any, Any], Any], it: Any, call: Any) -> Any:
    try:
        return run(it, call)
    except Exception as error:  # noqa: BLE001 - what it raises is what is asked for
        return f"raises {type(error).__name__}: {error}"
