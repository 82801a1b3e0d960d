"""A process that has done imports and forks: programs that tests start need not import again.

A new Python takes half a second of processor time to import rewardkit, and nine seconds to import
TRL. A fork is a process of its own all the same: it can be killed, has its own pipes, folder,
environment and session, and runs its program from the first line. A `ForkServer` takes the place of
the module `subprocess` in what starts Python. Tests of the start itself do without it.
"""

from __future__ import annotations

import gc
import os
import pickle
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from select import select
from types import SimpleNamespace
from typing import Any

from rewardkit._workers import parallel

# All components, or each fork would import those that it needs.
IMPORT_REWARDKIT = "from rewardkit import registry\nregistry.names()\n"
WHAT_TESTS_IMPORT = (
    *("openai", "pyarrow.parquet", "trl.rewards", "rewardkit.scoring.run"),
    *("rewardkit.serve.request_scorer", "rewardkit.testing._calls"),
)
"""What the process imports too, once the tests have."""

DEMO = Path(__file__).parents[1] / "examples" / "demo.py"
# The demo imports TRL and what a training run needs. Both transformers and TRL ask for the
# distributions, which takes half a second.
IMPORT_TRL = f"""
import functools, importlib.metadata, os, runpy
os.environ["HF_HUB_OFFLINE"] = "1"
ask = importlib.metadata.packages_distributions
importlib.metadata.packages_distributions = functools.cache(ask)
runpy.run_path({str(DEMO)!r}, run_name="imported")
importlib.metadata.packages_distributions = ask
"""


class Fork:
    """A process with the interface of the `subprocess.Popen` that it takes the place of."""

    def __init__(  # noqa: PLR0913 - those of Popen
        self,
        server: ForkServer,
        command: Sequence[Any],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        start_new_session: bool = False,
    ) -> None:
        """Run a file, `-m MODULE` or `-c PROGRAM`, as the command says after the interpreter."""
        python, *program = map(str, command)
        assert python == sys.executable
        assert (program[0] == "-P") == start_new_session  # workers have both
        self.returncode: int | None = None
        self._server, self._lock = server, threading.Lock()  # a thread may wait, and another kill
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.connect(server.address)
        modules = [name for name in server.modules if name in sys.modules]
        request = (program, str(cwd or Path.cwd()), dict(env))
        streams = [
            number if file in (None, subprocess.PIPE) else file.fileno()
            for number, file in enumerate((stdin, stdout, stderr))
        ]
        with ExitStack() as sent:
            if stdin == subprocess.PIPE:
                streams[0], writing = os.pipe()
                sent.callback(os.close, streams[0])
                self.stdin = os.fdopen(writing, "wb")
            if stdout == subprocess.PIPE:
                reading, streams[1] = os.pipe()
                sent.callback(os.close, streams[1])
                self.stdout = os.fdopen(reading, "rb")
            socket.send_fds(self._connection, [pickle.dumps((modules, request))], streams)
        self.pid = self._receive_number()

    def _receive_number(self) -> int:
        number = self._connection.recv(16)
        assert number, f"the process that forks has ended: {self._server.messages}"
        return int(number)

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
                self.returncode = self._receive_number()
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
    """What is used of the module `subprocess`, with forks of the process that has imported."""

    PIPE = subprocess.PIPE

    def __init__(self, folder: str, modules: Sequence[str] = ()) -> None:
        """Take the folder of its socket, and what it is to import once the tests have."""
        self.address, self.modules = f"{folder}/socket", modules
        self.Popen = partial(Fork, self)
        self._messages = Path(folder, "messages")

    @property
    def messages(self) -> str:
        """What the imports wrote to standard error."""
        return self._messages.read_text(encoding="utf-8")

    def run(self, command: Sequence[str], *, input: bytes, env: Mapping[str, str], **_: Any) -> Any:  # noqa: A002 - subprocess's
        """Run `-c PROGRAM`, and return its output."""
        # Python's own end takes longer than most programs.
        command = [*command[:-1], f"{command[-1]}\nimport os; os._exit(0)"]
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(input)
            files[0].seek(0)
            code = self.Popen(
                command, env=env, stdin=files[0], stdout=files[1], stderr=files[2]
            ).wait()
            for file in files[1:]:
                file.seek(0)
            return subprocess.CompletedProcess(command, code, files[1].read(), files[2].read())


@contextmanager
def start_fork_server(imports: str, modules: Sequence[str] = ()) -> Iterator[Any]:
    """Start the process; its forks can be asked for at once."""
    if sys.platform != "linux":  # forks would break what is imported
        names = ("PIPE", "Popen", "run")
        yield SimpleNamespace(messages="", **{name: getattr(subprocess, name) for name in names})
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening,
        Path(folder, "messages").open("wb") as messages,
    ):
        started = ForkServer(folder, modules)
        listening.bind(started.address)
        listening.listen()
        program = f"import gc, sys\ngc.disable()\nsys.path[:] = {sys.path!r}\n{imports}\n"
        program += f"import forks\nforks.serve({listening.fileno()}, {folder!r})\n"
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stderr=messages,
            pass_fds=[listening.fileno()],
            # as for a new process of its own: hashes of texts differ from this process's
            env={**os.environ, "PYTHONHASHSEED": "random", "PYTHONIOENCODING": "utf-8"},
        ) as server:
            listening.close()  # if the server ends, nobody waits for it
            try:
                yield started
            finally:
                server.kill()


def serve(number: int, folder: str) -> None:
    """Fork for each connection, and say how each fork ended; a fork runs what was asked for."""
    parallel.subprocess = ForkServer(folder)  # the workers of a fork are forks, too
    listening = socket.socket(fileno=number)
    running: dict[int, socket.socket] = {}
    # A handler alone would be late for a fork that ends just before `select` begins.
    ended, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while 0 not in (ready := select([listening, ended, 0], [], [])[0]):  # the tests close it
        if ended in ready:
            os.read(ended, 1 << 16)
            report_ends(running)
        if listening not in ready:
            continue
        connection, _ = listening.accept()
        data, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        if not data:  # whoever connected was killed
            connection.close()
            continue
        modules, request = pickle.loads(data)
        for module in modules:
            import_module(module)
        gc.freeze()  # or a fork's collections would copy every page
        child = os.fork()
        if not child:
            signal.set_wakeup_fd(-1)
            for other in (listening, *running.values()):
                other.close()
            for end in (ended, writing):
                os.close(end)
            run_program(connection, streams, *request)
            return
        running[child] = connection
        for stream in streams:
            os.close(stream)
    os._exit(0)


def report_ends(running: dict[int, socket.socket]) -> None:
    """Say on their connections how forks ended."""
    for pid in [*running]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            # whoever started it may have ended, too
            with running.pop(pid) as connection, suppress(OSError):
                connection.send(b"%d" % os.waitstatus_to_exitcode(status))


def run_program(
    connection: socket.socket,
    streams: Sequence[int],
    command: list[str],
    folder: str,
    environment: Mapping[str, str],
) -> None:
    """Make this fork what a new Python is, and run its program as `__main__`."""
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if command[0] == "-P":
        os.setsid()
        del command[0]
    with connection:
        connection.send(b"%d" % os.getpid())
    os.chdir(folder)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment.items() - os.environ.items())  # setting all copies many pages
    sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *sys.path]
    option, *arguments = command
    if option == "-m":
        sys.argv[:] = arguments
        if "." in arguments[0]:  # a module that is imported: it runs as new, as __main__
            sys.modules.pop(arguments[0], None)
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif option == "-c":
        sys.argv[:] = [option, *arguments[1:]]
        exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - ours
    else:
        sys.argv[:] = command
        runpy.run_path(option, run_name="__main__")
