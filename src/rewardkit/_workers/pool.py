"""Work that may hang, crash or eat all memory, in processes that are killed at a deadline.

Workers are plain `python -m rewardkit._workers.worker` processes, each for one function, that
exchange lines of JSON with the caller. multiprocessing's spawn and forkserver would import the
caller's `__main__` again, and its fork is not safe once CUDA is up.

A pool works on `REWARDKIT_WORKERS` rows at a time (default: one per processor, at most 4). A row
that has used half its time no longer counts towards that number, and a further process is started,
so slow rows do not hold up the others. After a batch, killed workers are replaced, and one spare
per 100 rows is kept, at most 5.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeAlias

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
MAX_FAILED_STARTS = 8  # in one batch; a module that kills its process would be tried for ever
MAX_SPARES = 5  # a slow row is rare, and each worker holds its imports in memory
MAX_ANSWER_BYTES = 1 << 24  # an answer is kept in memory until it is whole


def run(
    function: str,
    rows: Sequence[JSON],
    *,
    timeout: float = 0.5,
    batch_timeout: float | None = None,
    memory: int = 1024,
) -> list[JSON | Timeout]:
    """Return the function's result for each row, in order, or TIMEOUT.

    `function` is "package.module:name", found along the caller's `sys.path`. It maps one JSON value
    to another, of at most 16 MiB. `timeout` is in seconds for each row, from its start, so the
    module should import and warm up at its top. `batch_timeout` is in seconds for all rows, waits
    included. `memory` is in MiB for each worker, beyond its imports; only Linux limits it. Output
    that the function prints is dropped. Calls of the same function from several threads take turns.

    Raises RuntimeError, with the worker's traceback, if the function raises or cannot be imported.

    >>> run("math:factorial", [3, 20], timeout=5)
    [6, 2432902008176640000]
    """
    if getattr(getattr(sys.modules.get("__main__"), "__spec__", None), "name", "") == WORKER_MODULE:
        message = f"{function} was called inside a worker; a worker cannot start workers"
        raise RuntimeError(message)
    batch_deadline = math.inf if batch_timeout is None else time.monotonic() + batch_timeout
    pool = _pools.setdefault((function, memory), Pool(function, memory))
    try:  # before the lock is taken: an interrupt may come between any two lines
        if pool.lock.acquire(timeout=-1 if batch_timeout is None else max(batch_timeout, 0)):
            return pool.run(rows, timeout, batch_deadline)
        return [TIMEOUT] * len(rows)
    finally:
        try:  # noqa: SIM105 - suppress() would be one more place for an interrupt
            pool.lock.release()
        except RuntimeError:  # this thread never had it
            pass


class WorkerProcess:
    """The caller's end of a worker: its process, the socket to it, and the row that it works on."""

    def __init__(self, function: str, memory: int) -> None:
        """Start the process."""
        self.socket, child_socket = socket.socketpair()
        # Carries nothing. It closes when the caller ends in whatever way, and the worker ends then.
        self.lifeline, child_lifeline = socket.socketpair()
        self.socket.settimeout(0)
        command = [sys.executable, "-P", "-m", WORKER_MODULE, function, str(memory)]
        with child_socket, child_lifeline:
            self.process = subprocess.Popen(  # noqa: S603 - this Python, with this package
                [*command, str(child_socket.fileno()), str(child_lifeline.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=worker_environment(_WORKER_VARIABLES),
                **_inherit_sockets(child_socket, child_lifeline),
            )
        self.function = function
        self.is_ready = False  # has the worker imported its function?
        self.row_index: int | None = None
        self.slow_from = self.deadline = time.monotonic() + START_SECONDS
        self.unsent = memoryview(b"")
        self.received = bytearray()

    def begin_row(self, index: int, row: JSON, timeout: float) -> None:
        """Send a row, and start its clock."""
        message = json.dumps(row).encode() + b"\n"
        self.row_index = index
        self.start_clock(timeout)
        self.unsent = memoryview(message)
        with suppress(OSError):  # the socket is full, or closed, which `receive` finds out
            self.send_unsent()

    def start_clock(self, timeout: float) -> None:
        """Set when the row counts as slow, and when its worker is killed."""
        now = time.monotonic()
        self.slow_from, self.deadline = now + timeout / 2, now + timeout

    def stop_clock(self) -> None:
        """Remove the deadline: the worker is idle."""
        self.slow_from = self.deadline = math.inf

    def send_unsent(self) -> None:
        """Send as much as the socket takes now."""
        # A caller with SIGPIPE at its default would be killed by a worker that is gone.
        sent = self.socket.send(self.unsent, getattr(socket, "MSG_NOSIGNAL", 0))
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
        self.received.clear()
        self.is_ready, self.row_index = True, None
        self.stop_clock()
        answer: JSON | Timeout = reply.get("answer", TIMEOUT)
        return answer

    def kill(self) -> None:
        """Kill the process and what it has started, at once, and leave no zombie."""
        if self.process.returncode is None:
            _kill_process_group(self.process)
            self.process.wait()
        self.close_sockets()

    def close_sockets(self) -> None:
        """Close the caller's ends."""
        self.socket.close()
        self.lifeline.close()


class Pool:
    """The workers of one function."""

    def __init__(self, function: str, memory: int) -> None:
        """Start no worker yet."""
        self.function, self.memory = function, memory
        # reentrant, since any thread could release a plain Lock
        self.lock = threading.RLock()
        self.workers: list[WorkerProcess] = []
        self.peak_workers = 0

    def run(
        self, rows: Sequence[JSON], timeout: float, batch_deadline: float
    ) -> list[JSON | Timeout]:
        """Return an answer or TIMEOUT for each row, and leave only idle workers."""
        try:
            return self.answer_rows(rows, timeout, batch_deadline)
        except BaseException:
            self.kill_workers(
                worker
                for worker in self.workers
                if worker.row_index is not None or not worker.is_ready
            )
            raise

    def answer_rows(
        self, rows: Sequence[JSON], timeout: float, batch_deadline: float
    ) -> list[JSON | Timeout]:
        """Work until every row has its answer, or until `batch_deadline`."""
        answers: list[JSON | Timeout] = [TIMEOUT] * len(rows)
        waiting = deque(enumerate(rows))
        failed_starts = 0
        self.kill_workers(self.busy_workers())  # an interrupt at a bad moment may leave some
        now, pause = time.monotonic(), 0.0
        while (waiting or self.busy_workers()) and now < batch_deadline:
            for worker in self.wait_for_messages(min(pause, batch_deadline - now)):
                index, answer = worker.row_index, worker.receive()
                if index is not None and answer is not NOT_READY:
                    answers[index] = answer
            now = time.monotonic()
            failed_starts += self.kill_overdue_workers(now)
            if failed_starts >= MAX_FAILED_STARTS:
                message = (
                    f"{failed_starts} workers for {self.function} exited before they were ready;"
                    " import its module in plain Python to see why"
                )
                raise RuntimeError(message)
            self.hand_out_rows(waiting, timeout)
            pause = self.seconds_to_next_deadline(now)
        self.kill_workers(self.busy_workers())
        self.replace_workers(len(rows))
        return answers

    def busy_workers(self) -> list[WorkerProcess]:
        """Return the workers that have a row."""
        return [worker for worker in self.workers if worker.row_index is not None]

    def hand_out_rows(self, waiting: deque[tuple[int, JSON]], timeout: float) -> None:
        """Give rows to idle workers; start workers for waiting rows, and to replace slow ones."""
        now, at_once = time.monotonic(), _rows_at_once()
        quick = [worker for worker in self.workers if worker.slow_from > now]
        working = sum(worker.row_index is not None for worker in quick)
        needed = min(at_once, working + len(waiting)) + len(self.workers) - len(quick)
        for worker in quick:
            if worker.is_ready and worker.row_index is None and waiting and working < at_once:
                worker.begin_row(*waiting.popleft(), timeout)
                working += 1
        self.start_workers(min(needed - len(quick), at_once + MAX_SPARES - len(self.workers)))

    def start_workers(self, number: int) -> None:
        """Start so many workers; none for a number below 1."""
        for _ in range(number):
            self.workers.append(WorkerProcess(self.function, self.memory))
        self.peak_workers = max(self.peak_workers, len(self.workers))

    def replace_workers(self, rows: int) -> None:
        """Start the workers that another batch of `rows` rows would need."""
        spares = min(rows // 100, MAX_SPARES)
        wanted = max(self.peak_workers, min(_rows_at_once(), rows) + spares)
        self.start_workers(wanted - len(self.workers))

    def wait_for_messages(self, seconds: float) -> list[WorkerProcess]:
        """Wait at most that long, and return the workers whose sockets are ready."""
        ready = _wait_for_sockets(self.workers, seconds)
        return [worker for worker in self.workers if worker.socket.fileno() in ready]

    def seconds_to_next_deadline(self, now: float) -> float:
        """Return the seconds until the next worker becomes slow or overdue."""
        moments = (at for worker in self.workers for at in (worker.slow_from, worker.deadline))
        return min((at - now for at in moments if at > now), default=0.0)

    def kill_overdue_workers(self, now: float) -> int:
        """Kill the workers whose row, or whose start, took too long.

        Returns how many dead workers there were that never got ready.
        """
        return self.kill_workers(worker for worker in self.workers if worker.deadline <= now)

    def kill_workers(self, workers: Iterable[WorkerProcess]) -> int:
        """Kill workers, and forget the dead; return how many of them never got ready."""
        for worker in workers:
            worker.kill()
        dead = [worker for worker in self.workers if worker.process.returncode is not None]
        self.workers = [worker for worker in self.workers if worker not in dead]
        return sum(not worker.is_ready for worker in dead)


_pools: dict[tuple[str, int], Pool] = {}
_HAS_POLL = hasattr(select, "poll")  # Windows has none


def _rows_at_once() -> int:
    if given := os.environ.get("REWARDKIT_WORKERS"):
        return max(int(given), 1)
    # Affinity, not os.cpu_count(): a container or job scheduler may allow fewer processors.
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(count, 4)


def _inherit_sockets(*sockets: socket.socket) -> dict[str, Any]:
    """Return Popen's arguments that leave sockets to a child, and Ctrl-C to the caller alone."""
    numbers = [each.fileno() for each in sockets]
    if sys.platform == "win32":
        for each in sockets:
            each.set_inheritable(True)
        inherited = subprocess.STARTUPINFO(lpAttributeList={"handle_list": numbers})
        return {"startupinfo": inherited, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"pass_fds": numbers, "start_new_session": True}


def _kill_process_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()  # what it has started lives on: Windows has no process groups to kill
        return
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a zombie
        os.killpg(process.pid, signal.SIGKILL)


def _wait_for_sockets(workers: Sequence[WorkerProcess], seconds: float) -> set[int]:
    """Wait at most that long, and return the numbers of the workers' sockets that are ready."""
    # `poll` where there is one: on Unix `select` takes no number above 1023.
    if not _HAS_POLL:
        return _select_sockets(workers, seconds)
    poll = select.poll()
    for worker in workers:
        poll.register(worker.socket, select.POLLIN | (select.POLLOUT if worker.unsent else 0))
    return {number for number, _ in poll.poll(math.ceil(seconds * 1000))}


def _select_sockets(workers: Sequence[WorkerProcess], seconds: float) -> set[int]:
    if not workers:  # Windows refuses to wait for nothing
        time.sleep(seconds)
        return set()
    receiving = [worker.socket for worker in workers]
    sending = [worker.socket for worker in workers if worker.unsent]
    readable, writable, _ = select.select(receiving, sending, [], seconds)
    return {each.fileno() for each in (*readable, *writable)}


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


@atexit.register
def _kill_all_workers() -> None:
    for pool in list(_pools.values()):
        pool.kill_workers(pool.workers)


def _forget_parents_workers() -> None:
    """After a fork, leave the workers to the parent: two callers would mix up their rows."""
    for pool in list(_pools.values()):
        for worker in pool.workers:
            worker.close_sockets()
            worker.process.returncode = 0  # so that Popen's own cleanup does not wait for it
    _pools.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_parents_workers)
