"""Work that may hang, crash or eat all memory, in processes that are killed at a deadline.

They are plain `python -m rewardkit._workers.worker`, one function each, that take and give lines of
JSON. multiprocessing's spawn and forkserver would import the caller's `__main__` again, and its
fork is not safe once CUDA is up.

A pool works on as many rows at once as `REWARDKIT_WORKERS` says (else one a processor, at most 4).
A row that has had half of its time no longer counts, and another process is started for the one
that it may cost: rows that hang do so side by side, while others go on. After a batch, what was
killed is replaced, and there is one to spare for each hundred rows that it had.
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
from typing import Final, TypeAlias

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


class Timeout(Enum):
    """The type of `TIMEOUT`."""

    TIMEOUT = "TIMEOUT"

    def __repr__(self) -> str:
        """Show the name by which it is imported."""
        return self.name


TIMEOUT: Final = Timeout.TIMEOUT
"""What a row gets that was not done in time, ran out of memory or stack, or whose worker died."""

_WORKER = "rewardkit._workers.worker"
_START_SECONDS = 120.0  # imports may come from a busy network disk
_START_TRIES = 8  # workers that may die in a batch before they are ready
_SPARES = 5  # workers at most beyond those that work at once
_LONGEST_ANSWER = 1 << 24  # bytes


def run(
    function: str,
    rows: Sequence[JSON],
    *,
    timeout: float = 0.5,
    batch_timeout: float | None = None,
    memory: int = 1024,
) -> list[JSON | Timeout]:
    """Return what the function makes of each row, in order, or TIMEOUT.

    `function` is "package.module:name", found along the caller's `sys.path`: from one JSON value to
    another, of at most 16 MiB. `timeout` is in seconds for each row, from when the row is begun, so
    its module should import and warm up at the top what it needs; `batch_timeout` is in seconds for
    them all, waits included; `memory` is in MiB for each worker, beyond what its imports took. What
    it prints is dropped. Calls of the same function from several threads take turns.

    Raises RuntimeError, with the worker's traceback, where the function raises or does not import.

    >>> run("math:factorial", [3, 20], timeout=5)
    [6, 2432902008176640000]
    """
    if getattr(getattr(sys.modules.get("__main__"), "__spec__", None), "name", "") == _WORKER:
        message = f"{function} was asked for inside a worker, which starts none of its own"
        raise RuntimeError(message)
    until = math.inf if batch_timeout is None else time.monotonic() + batch_timeout
    pool = _pools.setdefault((function, memory), _Pool(function, memory))
    try:  # at once: an interrupt may come between any two lines
        if pool.turn.acquire(timeout=-1 if batch_timeout is None else max(batch_timeout, 0)):
            return pool.run(rows, timeout, until)
        return [TIMEOUT] * len(rows)
    finally:
        try:  # noqa: SIM105 - suppress() would be one more place for an interrupt
            pool.turn.release()
        except RuntimeError:  # it never was this thread's
            pass


class _Worker:
    """A process, the socket to it, and the row that it has."""

    def __init__(self, function: str, memory: int) -> None:
        """Start the process."""
        self.socket, far = socket.socketpair()
        self.life, held = socket.socketpair()  # carries nothing: it closes when the caller ends
        self.socket.settimeout(0)
        command = [sys.executable, "-P", "-m", _WORKER, function, str(memory)]
        with far, held:
            self.process = subprocess.Popen(  # noqa: S603 - this Python, with this package
                [*command, str(far.fileno()), str(held.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(far.fileno(), held.fileno()),
                start_new_session=True,  # so that Ctrl-C is the caller's alone
            )
        self.function = function
        self.ready = False
        self.row: int | None = None
        self.slow = self.deadline = time.monotonic() + _START_SECONDS
        self.unsent = memoryview(b"")
        self.received = bytearray()

    def give(self, row: int, content: JSON, timeout: float) -> None:
        """Have it begin a row."""
        message, now = json.dumps(content).encode() + b"\n", time.monotonic()
        self.row, self.slow, self.deadline = row, now + timeout / 2, now + timeout
        self.unsent = memoryview(message)
        with suppress(OSError):  # the socket is full, or closed, as `receive` will find
            self.send()

    def send(self) -> None:
        """Send what the socket takes."""
        sent = self.socket.send(self.unsent, getattr(socket, "MSG_NOSIGNAL", 0))
        self.unsent = self.unsent[sent:]

    def receive(self) -> JSON | Timeout:
        """Return the answer, or TIMEOUT while it is not whole, or where the process is gone.

        Raises RuntimeError where the function raised, or did not import.
        """
        try:
            if self.unsent:
                self.send()
            part = self.socket.recv(1 << 20)
            self.received += part
            if part and not part.endswith(b"\n") and len(self.received) < _LONGEST_ANSWER:
                return TIMEOUT
            reply = dict(json.loads(self.received))
        except BlockingIOError:
            return TIMEOUT
        except (OSError, ValueError, TypeError, RecursionError):  # gone, or it talks nonsense
            self.kill()
            return TIMEOUT
        if "error" in reply:
            what = f"raised on row {self.row}" if self.ready else "cannot be imported by a worker"
            raise RuntimeError(f"{self.function} {what}:\n{reply['error']}")
        self.received.clear()
        self.ready, self.row, self.slow, self.deadline = True, None, math.inf, math.inf
        answer: JSON | Timeout = reply.get("answer", TIMEOUT)
        return answer

    def kill(self) -> None:
        """End the process and what it has started, at once, and leave no zombie."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a zombie
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close this process's ends."""
        self.socket.close()
        self.life.close()


class _Pool:
    """The workers for one function."""

    def __init__(self, function: str, memory: int) -> None:
        """Start none yet."""
        self.function, self.memory = function, memory
        self.turn = threading.RLock()  # which knows whose it is
        self.workers: list[_Worker] = []
        self.most = 0  # workers that there have been

    def run(self, rows: Sequence[JSON], timeout: float, until: float) -> list[JSON | Timeout]:
        """Return an answer or TIMEOUT for each row, and leave only workers that have none."""
        try:
            return self.work(rows, timeout, until)
        except BaseException:
            self.end(
                worker for worker in self.workers if worker.row is not None or not worker.ready
            )
            raise

    def work(self, rows: Sequence[JSON], timeout: float, until: float) -> list[JSON | Timeout]:
        """Go through the rows until all are done, or until that moment."""
        answers: list[JSON | Timeout] = [TIMEOUT] * len(rows)
        waiting = deque(enumerate(rows))
        tries = _START_TRIES
        self.end(self.busy())  # left by an interrupt at a bad moment
        now, pause = time.monotonic(), 0.0
        while (waiting or self.busy()) and now < until:
            for worker in self.heard(min(pause, until - now)):
                row, answer = worker.row, worker.receive()
                if row is not None:
                    answers[row] = answer
            now = time.monotonic()
            tries -= self.end(worker for worker in self.workers if worker.deadline <= now)
            if tries <= 0:
                raise RuntimeError(f"workers for {self.function} die before they are ready")
            self.hand_out(waiting, timeout)
            pause = self.quiet(now)
        self.end(self.busy())
        spares = min(len(rows) // 100, _SPARES)
        self.start(max(self.most, min(_at_once(), len(rows)) + spares) - len(self.workers))
        return answers

    def busy(self) -> list[_Worker]:
        """Return the workers that have a row."""
        return [worker for worker in self.workers if worker.row is not None]

    def hand_out(self, waiting: deque[tuple[int, JSON]], timeout: float) -> None:
        """Give rows to the idle, and start what workers are missing, or may soon be."""
        now, at_once = time.monotonic(), _at_once()
        quick = [worker for worker in self.workers if worker.slow > now]
        working = sum(worker.row is not None for worker in quick)
        needed = min(at_once, working + len(waiting)) + len(self.workers) - len(quick)
        for worker in quick:
            if worker.ready and worker.row is None and waiting and working < at_once:
                worker.give(*waiting.popleft(), timeout)
                working += 1
        self.start(min(needed - len(quick), at_once + _SPARES - len(self.workers)))

    def start(self, number: int) -> None:
        """Start workers."""
        for _ in range(number):
            self.workers.append(_Worker(self.function, self.memory))
        self.most = max(self.most, len(self.workers))

    def heard(self, seconds: float) -> list[_Worker]:
        """Wait at most that long, and return the workers that have something to say."""
        poll = select.poll()
        for worker in self.workers:
            poll.register(worker.socket, select.POLLIN | (select.POLLOUT if worker.unsent else 0))
        heard = {fd for fd, _ in poll.poll(math.ceil(seconds * 1000))}
        return [worker for worker in self.workers if worker.socket.fileno() in heard]

    def quiet(self, now: float) -> float:
        """Return for how many seconds there is nothing to do unless a worker speaks."""
        moments = (at for worker in self.workers for at in (worker.slow, worker.deadline))
        return min((at - now for at in moments if at > now), default=0.0)

    def end(self, workers: Iterable[_Worker]) -> int:
        """Kill workers, and forget those that are dead; return how many of them never got ready."""
        for worker in workers:
            worker.kill()
        dead = [worker for worker in self.workers if worker.process.returncode is not None]
        self.workers = [worker for worker in self.workers if worker not in dead]
        return sum(not worker.ready for worker in dead)


_pools: dict[tuple[str, int], _Pool] = {}


def _at_once() -> int:
    """Return how many rows to work on at once."""
    if given := os.environ.get("REWARDKIT_WORKERS"):
        return max(int(given), 1)
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(count, 4)


def import_path() -> str:
    """Return the `PYTHONPATH` with which a worker imports what the caller does.

    The standard library goes first: a file beside a script or a notebook may have the name of a
    module that the caller's own process imported long before.
    """
    found = [sysconfig.get_path("stdlib"), *sys.path]
    return os.pathsep.join(str(Path(entry).absolute()) for entry in found)


def _environment() -> dict[str, str]:
    """Return a worker's environment: the caller's imports, one thread, no GPU."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": import_path(), "CUDA_VISIBLE_DEVICES": ""}


@atexit.register
def _end_all() -> None:
    """Leave no process behind."""
    for pool in list(_pools.values()):
        pool.end(pool.workers)


def _forget() -> None:
    """In a process that was forked, leave the workers to its parent."""
    for pool in list(_pools.values()):
        for worker in pool.workers:
            worker.hang_up()
            worker.process.returncode = 0
    _pools.clear()


os.register_at_fork(after_in_child=_forget)
