"""The caller's ends of a pool's processes: of a server, and of the workers.

A process ends with its caller, however that ends: it holds a socket, the lifeline, whose other end
the caller alone has.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import chain, count
from pathlib import Path
from typing import Any, Final, TypeAlias

from rewardkit._workers.worker import REQUEST

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


class Timeout(Enum):
    """The type of `TIMEOUT`."""

    TIMEOUT = "TIMEOUT"

    def __repr__(self) -> str:
        """Show the name by which it is imported."""
        return self.name


TIMEOUT: Final = Timeout.TIMEOUT
"""The result of a row that was not done in time, ran out of memory or stack, or lost its worker."""


class _NotReady(Enum):
    NOT_READY = "NOT_READY"


NOT_READY: Final = _NotReady.NOT_READY  # apart from TIMEOUT, which is a row's final result

WORKER_MODULE = "rewardkit._workers.worker"
START_SECONDS = 120.0  # imports may come from a busy network disk
END_SECONDS = 2.0  # for a server to end its workers, before it is killed
MAX_ANSWER_BYTES = 1 << 24  # an answer is kept in memory until it is whole

CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds") and hasattr(signal, "setitimer")
"""Whether workers are forked, and their processor time is limited: not on Windows."""
WALL_FACTOR = 20.0
MIN_WALL_SECONDS = 5.0

# A caller with SIGPIPE at its default would be killed by a process that is gone.
_NO_SIGNAL: int = getattr(socket, "MSG_NOSIGNAL", 0)


def wall_seconds(timeout: float) -> float:
    """Return the seconds by the clock after which a row is late, for its processor time.

    They end what sleeps, swaps or waits for a lock. So many, since on a busy machine a process gets
    a small share of a processor.
    """
    return max(WALL_FACTOR * timeout, MIN_WALL_SECONDS) if CAN_FORK else timeout


class ForkServer:
    """The process that has imported a pool's function, from which its workers are forked."""

    def __init__(self, function: str, memory: int) -> None:
        """Start the process; workers can be asked for at once."""
        self.socket, child_socket = socket.socketpair()
        self.lifeline, child_lifeline = socket.socketpair()
        self.socket.settimeout(0)
        self.unsent = b""  # it gets small messages, which are sent at once
        self.numbers = count(1)
        # The workers' ends of sockets, until the server has them: macOS may lose what is closed
        # while it is on its way.
        self.unreceived: deque[Sequence[socket.socket]] = deque()
        with child_socket, child_lifeline:
            self.process = _start_python("server", function, memory, child_socket, child_lifeline)

    def start_worker(self, *sockets: socket.socket) -> ForkedProcess:
        """Ask for a worker that has these sockets."""
        number = next(self.numbers)
        numbers = [each.fileno() for each in sockets]
        self.unreceived.append(sockets)
        try:
            socket.send_fds(self.socket, [REQUEST.pack(number)], numbers, _NO_SIGNAL)
        except OSError:  # it has ended, or reads nothing; without its sockets a worker has failed
            _close_all(self.unreceived.pop())
        return ForkedProcess(self, number)

    def end_worker(self, number: int) -> None:
        """Ask for the end of a worker and of what it has started."""
        try:
            self.socket.send(REQUEST.pack(-number), _NO_SIGNAL)
        except BlockingIOError:  # it reads nothing, so that its workers would stay zombies
            self.kill()
        except OSError:  # it has ended, and a closed lifeline has to do
            pass

    def receive(self) -> None:
        """Close the sockets that have arrived, or all if the server has ended."""
        try:
            received = self.socket.recv(1 << 12)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self.kill()
        for _ in received[: len(self.unreceived)]:
            _close_all(self.unreceived.popleft())

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    @property
    def is_open(self) -> bool:
        """Whether the socket to it is open."""
        return self.socket.fileno() >= 0

    def end(self) -> None:
        """End the server, and let it end its workers if it is not busy with its import."""
        self.receive()
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0 if self.unreceived else END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill the process. Its workers go on."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a zombie
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.close_sockets()

    def close_sockets(self) -> None:
        """Close the caller's ends, and what the server has not received."""
        _close_all([self.socket, self.lifeline, *chain(*self.unreceived)])
        self.unreceived.clear()

    def forget(self) -> None:
        """Leave the process to the parent, in a fork of the caller."""
        self.close_sockets()
        self.process.returncode = 0  # so that Popen's own cleanup does not wait for it


@dataclass
class ForkedProcess:
    """A worker as its server knows it, with what is needed here of `subprocess.Popen`."""

    server: ForkServer
    number: int
    pid: int = 0  # not known before the worker is ready

    def kill(self) -> None:
        """Kill the process and what it has started."""
        self.server.end_worker(self.number)

    def wait(self) -> None:
        """Wait for nothing: the server waits for the process."""


class WorkerProcess:
    """The caller's end of a worker: its process, the socket to it, and the row that it works on."""

    process: ForkedProcess | subprocess.Popen[bytes]

    def __init__(self, function: str, memory: int, server: ForkServer | None) -> None:
        """Start the process: a fork of the server, or one that imports the function for itself."""
        self.function = function
        self.socket, child_socket = socket.socketpair()
        # Carries nothing. It closes when the caller ends in whatever way, and the worker ends then.
        self.lifeline, child_lifeline = socket.socketpair()
        self.socket.settimeout(0)
        if server:
            self.process = server.start_worker(child_socket, child_lifeline)
        else:
            with child_socket, child_lifeline:
                self.process = _start_python(
                    "worker", function, memory, child_socket, child_lifeline
                )
        self.is_ready = False  # has the worker imported its function?
        self.is_alive = True
        self.row_index: int | None = None
        self.slow_from = self.deadline = time.monotonic() + START_SECONDS
        self.unsent = memoryview(b"")
        self.received = bytearray()

    def begin_row(self, index: int, row: JSON, timeout: float) -> None:
        """Send a row, and start its clock."""
        message = f"{timeout!r} {json.dumps(row)}\n".encode()
        self.row_index = index
        now = time.monotonic()
        self.slow_from, self.deadline = now + timeout / 2, now + wall_seconds(timeout)
        self.unsent = memoryview(message)
        with suppress(OSError):  # the socket is full, or closed, which `receive` finds out
            self.send_unsent()

    def stop_clock(self) -> None:
        """Remove the deadline: the worker is idle."""
        self.slow_from = self.deadline = math.inf

    def send_unsent(self) -> None:
        """Send as much as the socket takes now."""
        sent = self.socket.send(self.unsent, _NO_SIGNAL)
        self.unsent = self.unsent[sent:]

    def receive(self) -> JSON | Timeout | _NotReady:
        """Return the answer, NOT_READY while it is incomplete, or TIMEOUT if the process is gone.

        Raises RuntimeError if the function raised, or could not be imported.
        """
        try:
            if self.unsent:
                self.send_unsent()
            part = self.socket.recv(1 << 20)
            self.received += part
            if part and not part.endswith(b"\n") and len(self.received) < MAX_ANSWER_BYTES:
                return NOT_READY
            reply = dict(json.loads(self.received))
        except BlockingIOError:
            return NOT_READY
        except (OSError, ValueError, TypeError, RecursionError):  # gone, or not our protocol
            self.kill()
            return TIMEOUT
        if "error" in reply:
            action = f"raised on row {self.row_index}"
            if not self.is_ready:
                action = "cannot be imported by a worker"
            raise RuntimeError(f"{self.function} {action}:\n{reply['error']}")
        if not self.is_ready:
            self.process.pid = reply["answer"]
        answer: JSON | Timeout = reply.get("answer", TIMEOUT)
        self.received.clear()
        self.is_ready, self.row_index = True, None
        self.stop_clock()
        return answer

    def kill(self) -> None:
        """Kill the process and what it has started, at once, and leave no zombie."""
        if self.is_alive:
            # On Linux the end of its lifeline kills it, whether or not its server still runs.
            self.close_sockets()
            self.process.kill()
            self.process.wait()
            self.is_alive = False

    def close_sockets(self) -> None:
        """Close the caller's ends."""
        _close_all([self.socket, self.lifeline])

    def forget(self) -> None:
        """Leave the process to the parent, in a fork of the caller."""
        self.close_sockets()
        self.is_alive = False


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _start_python(
    mode: str, function: str, memory: int, *sockets: socket.socket
) -> subprocess.Popen[bytes]:
    numbers = [each.fileno() for each in sockets]
    command = [sys.executable, "-P", "-m", WORKER_MODULE, mode, function, str(memory)]
    return subprocess.Popen(  # noqa: S603 - this Python, with this package
        [*command, *map(str, numbers)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=worker_environment(_WORKER_VARIABLES),
        **_inherit_sockets(sockets, numbers),
    )


def _inherit_sockets(sockets: Sequence[socket.socket], numbers: Sequence[int]) -> dict[str, Any]:
    """Return Popen's arguments that leave sockets to a child, and Ctrl-C to the caller alone."""
    if sys.platform == "win32":
        for each in sockets:
            each.set_inheritable(True)
        inherited = subprocess.STARTUPINFO(lpAttributeList={"handle_list": numbers})
        return {"startupinfo": inherited, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"pass_fds": numbers, "start_new_session": True}


def import_path() -> str:
    """Return the `PYTHONPATH` with which a worker imports what the caller does.

    The standard library goes first: a file beside a script or a notebook may have the name of a
    module that the caller's own process imported long before.
    """
    found = [sysconfig.get_path("stdlib"), *sys.path]
    return os.pathsep.join(str(Path(entry).absolute()) for entry in found)


def worker_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment with these variables and the caller's imports."""
    return {**os.environ, **variables, "PYTHONPATH": import_path()}


# One thread, since the pool has one process per processor. No GPU, whose memory is the trainer's.
_WORKER_VARIABLES = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "CUDA_VISIBLE_DEVICES": "",
}
