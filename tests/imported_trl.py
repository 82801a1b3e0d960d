"""One process that has imported what the demo imports, TRL above all, and runs programs in forks.

A new Python takes nine seconds of processor time for these imports. A fork is a process of its own
all the same: it can be killed, and it ends as Python ends.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "examples" / "demo.py"

# Forks for each line of its standard input, and answers with the process's number; a number instead
# of a program asks for how that process ended, null if it runs.
_SERVER = """
import functools, gc, importlib.metadata, json, os, runpy, sys
asked_twice = importlib.metadata.packages_distributions  # by transformers and TRL: half a second
importlib.metadata.packages_distributions = functools.cache(asked_twice)
gc.disable()  # a tenth of the time of the imports
runpy.run_path(sys.argv[1], run_name="imported")
importlib.metadata.packages_distributions = asked_twice
gc.freeze()
gc.enable()
for line in sys.stdin:
    asked = json.loads(line)
    if isinstance(asked, list):
        number, options = asked
        ended, status = os.waitpid(number, options)
        print(json.dumps(os.waitstatus_to_exitcode(status) if ended else None), flush=True)
        continue
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    streams = [os.open(os.devnull, os.O_RDONLY), *(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        for file in asked["files"]
    )]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(asked["folder"])
    os.environ.update(asked["environment"])
    sys.argv[:] = asked["arguments"]
    break
else:
    sys.exit()
if sys.argv[0] == "-m":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
_CALL = """
import pickle, sys
function, arguments = pickle.load(open(sys.argv[1], "rb"))
result = function(*arguments)
pickle.dump(result, open(sys.argv[2], "wb"))
"""


class Fork:
    """A process that runs a program, as `python PROGRAM` or `python -m MODULE` would."""

    def __init__(self, ask: Callable[[Any], Any], request: Mapping[str, Any]) -> None:
        self._ask = ask
        self.pid: int = ask(request)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how the process ended, None if it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait for the end of the process; return how it ended."""
        return self._wait(0)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            self.returncode = self._ask([self.pid, options])
        return self.returncode


class ImportedTrl:
    """The process whose forks run programs."""

    def __init__(self, server: subprocess.Popen[str], messages: Path) -> None:
        self._server, self._messages = server, messages

    @property
    def messages(self) -> str:
        """What the imports wrote to standard error."""
        return self._messages.read_text(encoding="utf-8")

    def start(
        self,
        arguments: Sequence[str],
        folder: Path,
        output: Path,
        errors: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Fork:
        """Start a program, with files for what it prints; without one for errors, they share it."""
        request = {
            "arguments": [*map(str, arguments)],
            "folder": str(folder),
            "files": [str(output), str(errors or output)],
            "environment": dict(environment or {}),
        }
        return Fork(self._ask, request)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function gives in a fork, in which nothing has been patched or loaded."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            program, given, found, output = (folder / each for each in ("call.py", "0", "1", "2"))
            program.write_text(_CALL, encoding="utf-8")
            given.write_bytes(pickle.dumps((function, arguments)))
            environment = {**os.environ}
            fork = self.start([program, given, found], Path.cwd(), output, None, environment)
            assert fork.wait() == 0, output.read_text(encoding="utf-8")
            return pickle.loads(found.read_bytes())

    def _ask(self, request: Any) -> Any:
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


@contextmanager
def start_imported_trl() -> Iterator[ImportedTrl]:
    """Start the process; it ends with its last fork."""
    with tempfile.TemporaryDirectory() as folder:
        messages = Path(folder, "messages")
        with messages.open("wb") as errors:
            server = subprocess.Popen(
                [sys.executable, "-c", _SERVER, DEMO],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                env={
                    **os.environ,
                    "HF_HUB_OFFLINE": "1",
                    "PYTHONPATH": str(ROOT / "src"),
                    "PYTHONIOENCODING": "utf-8",
                },
            )
        with server:
            yield ImportedTrl(server, messages)
            server.stdin.close()
