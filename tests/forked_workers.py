"""A process that has imported rewardkit and forks: workers and scripts start without its imports.

A new Python takes half a second of processor time for them. A fork is a process of its own all the
same: it can be killed, has its own pipes, environment and session, and runs the same code from its
first line. Tests of the start itself do without this.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rewardkit._workers import parallel

if TYPE_CHECKING:
    import pytest

# Forks for each connection. That fork starts the program in another one, says its number, waits for
# its end, and says how that was.
_SERVER = """
import gc, os, pickle, runpy, signal, socket, sys
import pyarrow.parquet
import rewardkit.scoring.run, rewardkit.serve.request_scorer
from rewardkit import registry

registry.is_registered("length")
gc.collect()
gc.freeze()

def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass

signal.signal(signal.SIGCHLD, reap)
while True:
    connection, _ = listening.accept()
    if not os.fork():
        break
    connection.close()
listening.close()
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
data, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
command, environment = pickle.loads(data)
child = os.fork()
if child:
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    try:
        connection.sendall(b"%d\\n" % os.waitstatus_to_exitcode(status))
    except OSError:  # whoever started it has ended
        pass
    os._exit(0)
os.setsid()
connection.sendall(b"%d\\n" % os.getpid())
connection.close()
for number, stream in enumerate(streams):
    os.dup2(stream, number)
    os.close(stream)
os.environ.clear()
os.environ.update(environment)
sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *sys.path]
option, program, *arguments = command
sys.argv[:] = [option, *arguments]
if option == "-m":
    del sys.modules[program]  # as new: it runs as __main__
    runpy.run_module(program, run_name="__main__", alter_sys=True)
else:
    exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
"""


class Fork:
    """A process with the interface of the `subprocess.Popen` that it takes the place of."""

    def __init__(
        self,
        server: str,
        command: list[str],
        *,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
    ) -> None:
        """Run what `command` says after the interpreter: `-m MODULE` or `-c PROGRAM`."""
        self.returncode: int | None = None
        self.stdin = self.stdout = None
        streams = [os.open(os.devnull, os.O_RDONLY), os.dup(1), os.dup(2)]
        if stdin is not None and stdin != subprocess.PIPE:
            os.dup2(stdin, streams[0])
        if stdin == subprocess.PIPE:
            os.close(streams[0])
            streams[0], writing = os.pipe()
            self.stdin = os.fdopen(writing, "wb")
        if stdout == subprocess.PIPE:
            os.close(streams[1])
            reading, streams[1] = os.pipe()
            self.stdout = os.fdopen(reading, "rb")
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(server)
        socket.send_fds(self._connection, [pickle.dumps((command, dict(env)))], streams)
        for stream in streams:
            os.close(stream)
        self._answers = self._connection.makefile("r")
        self._lock = threading.Lock()  # a server waits in one thread and kills in another
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        """Return how the process ended, None if it runs."""
        with self._lock:
            if self.returncode is None and not select([self._connection], [], [], 0)[0]:
                return None
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the process; return how it ended."""
        with self._lock:
            if self.returncode is None:
                self.returncode = int(self._answers.readline())
                self._answers.close()
                self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """Starts scripts and workers as forks of a process that has imported rewardkit."""

    def __init__(self, address: str) -> None:
        """Take the address of its socket."""
        self.address = address

    def start_script(
        self, program: str, *arguments: str, env: Mapping[str, str], stdin: int | None = None
    ) -> Fork:
        """Run `python -c PROGRAM ARGUMENT ...`, whose workers are forks of the same process."""
        folder = str(Path(__file__).parent)
        start = f"import sys\nsys.path.append({folder!r})\nimport forked_workers\n"
        start += f"forked_workers.ForkServer({self.address!r}).fork_workers()\n"
        command = ["-c", start + program, *arguments]
        return Fork(self.address, command, env=env, stdin=stdin)

    def fork_workers(self, patch: pytest.MonkeyPatch | None = None) -> None:
        """Let the workers of scoring and of servers be forks, for good or until `patch` ends."""

        def start_worker(command: list[str], *, start_new_session: bool, **options: Any) -> Fork:
            python, isolated, *rest = command
            assert (python, isolated, start_new_session) == (sys.executable, "-P", True)
            return Fork(self.address, rest, **options)

        started = SimpleNamespace(PIPE=subprocess.PIPE, Popen=start_worker)
        (patch.setattr if patch else setattr)(parallel, "subprocess", started)


class NoForkServer:
    """The same where forks would break what is imported: all start as a new Python."""

    start_script = staticmethod(
        lambda *command, **options: subprocess.Popen([sys.executable, "-c", *command], **options)
    )
    fork_workers = staticmethod(lambda patch=None: None)


@contextmanager
def start_fork_server() -> Iterator[ForkServer | NoForkServer]:
    """Start the process; its forks can be asked for at once."""
    if sys.platform != "linux":
        yield NoForkServer()
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        address = str(Path(folder, "socket"))
        listening.bind(address)
        listening.listen()
        number = listening.fileno()
        start = f"import socket, sys\nsys.path[:] = {sys.path!r}\n"
        start += f"listening = socket.socket(fileno={number})\n"
        with subprocess.Popen([sys.executable, "-c", start + _SERVER], pass_fds=[number]) as server:
            listening.close()  # if the server ends, nobody waits for it
            try:
                yield ForkServer(address)
            finally:
                server.kill()
