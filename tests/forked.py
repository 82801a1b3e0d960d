"""A process that answers for many new processes: it forks instead of importing everything again."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Runs the program of each request in a fork, with files as its standard streams.
_SERVER = """
import gc, os, pickle, sys, traceback
import rewardkit.testing._calls
from importlib import import_module
from rewardkit import registry

registry.names()  # all components, or each fork would import those that it needs

requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
while True:
    try:
        modules, program, files = pickle.load(requests)
    except EOFError:
        break
    for module in modules:
        import_module(module)
    gc.freeze()  # or a fork's collections would copy every page
    child = os.fork()
    if not child:
        for number, file in enumerate(files):
            os.dup2(os.open(file, os.O_RDWR), number)
        sys.stdin = open(0, closefd=False)
        status = 1
        try:
            exec(program, {"__name__": "__main__"})
            status = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)
    _, status = os.waitpid(child, 0)
    pickle.dump(os.waitstatus_to_exitcode(status), answers)
    answers.flush()
"""
_SLOW_IMPORTS = ("openai", "trl.rewards")
"""What the server imports once, if the tests have imported it."""


@contextmanager
def forked_processes() -> Iterator[Any]:
    """Give a function like `subprocess.run` for `python -c PROGRAM`, which runs each in a fork."""
    server = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{_SERVER}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # as for a new process of its own: hashes of texts differ from this process's
        env={**os.environ, "PYTHONHASHSEED": "random"},
    )
    with server, tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdin", "stdout", "stderr")]

        def run(command: list[str], *, input: bytes, **_: Any) -> Any:  # noqa: A002 - subprocess's
            for file, data in zip(files, (input, b"", b""), strict=True):
                file.write_bytes(data)
            modules = [name for name in _SLOW_IMPORTS if name in sys.modules]
            pickle.dump((modules, command[2], files), server.stdin)
            server.stdin.flush()
            code = pickle.load(server.stdout)
            return subprocess.CompletedProcess(
                command, code, *(it.read_bytes() for it in files[1:])
            )

        yield run
        server.stdin.close()
