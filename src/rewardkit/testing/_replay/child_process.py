"""Repeat calls in a new process, as a trainer that pickles its rewards makes them.

The process is a plain `python -c` over pipes, and finds modules as this one does. A script that is
run as `__main__` is run again there, up to the current check, so that it needs no guard.
"""

from __future__ import annotations

import gc
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rewardkit._messages import error_line
from rewardkit.testing._replay import scripts, sources

# No multiprocessing: its spawn imports the caller's `__main__`, and so runs the checks of a script.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from rewardkit.testing._replay import child_process;"
    " child_process.answer_requests()"
)
# Long enough to import torch and load a model on a busy machine.
_TIMEOUT_SECONDS = 120.0


class _ModuleCollector(pickle.Unpickler):
    """Reads a pickle, and notes the modules that it names."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module)
        return super().find_class(module, name)


Request = tuple[Callable[[Any, Any], Any], Any, Sequence[Any]]
"""A function, its first argument, and the second argument of each call."""


def repeat_calls(run: Callable[[Any, Any], Any], target: Any, calls: Sequence[Any]) -> list[Any]:
    """Return the result of `run(target, call)` in another process, for each call in order.

    Raises what `answer_in_child` raises.
    """
    return answer_in_child([(run, target, calls)])[0]


def answer_in_child(requests: Sequence[Request]) -> list[list[Any]]:
    """Return the results of each request; all are answered by one new process.

    Raises whatever pickling raises, RuntimeError with the other process's last line if it fails,
    and SkipTest for objects of a notebook, which no other process can import.
    """
    data = pickle.dumps(requests)
    collector = _ModuleCollector(data)
    collector.load()
    files = {}
    for name in collector.modules:
        module = sys.modules[name]
        file = sources.file_of(module)
        if name == "__main__" and file is None:
            from unittest import SkipTest  # noqa: PLC0415 - not for the other process

            raise SkipTest(
                "it is defined in a notebook or at the prompt, so no other process can import it;"
                " put it into a module"
            )
        if file and sources.find_path_entry(module) is None:
            package = getattr(module, "__package__", None)
            files[name] = (file, package, scripts.last_check_of(name))
    child = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", _PROGRAM.format(path=sys.path)],
        input=pickle.dumps((files, data)),
        capture_output=True,
        check=False,
        timeout=_TIMEOUT_SECONDS,
        # what depends on the hash of a text must differ, also where this process fixes the seed
        env={**os.environ, "PYTHONHASHSEED": "random"},
    )
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise RuntimeError(f"the other process failed: {lines[-1]}")
    results: list[list[Any]] = pickle.loads(child.stdout)  # noqa: S301 - of our own making
    return results


def answer_requests() -> None:
    """Answer what `answer_in_child` asks, from standard input to standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the object prints must not mix with the answer
    with scripts.disable_checks():
        files, data = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own making
        for name, (file, package, last) in files.items():
            # not as __main__, or the code below `if __name__ == "__main__":` would run
            loaded_as = "__mp_main__" if name == "__main__" else name
            sys.modules[name] = scripts.load_script(loaded_as, file, package, last)
        requests = pickle.loads(data)  # noqa: S301 - the same
    # or the collector would visit every object of the imports, and at the end twice
    gc.freeze()
    results = [
        [_call_or_describe_error(run, target, call) for call in calls]
        for run, target, calls in requests
    ]
    answers.write(pickle.dumps(results))
    answers.close()


def _call_or_describe_error(run: Callable[[Any, Any], Any], target: Any, call: Any) -> Any:
    try:
        return run(target, call)
    except Exception as error:  # noqa: BLE001 - the error is compared as a result is
        return f"raises {error_line(error)}"
