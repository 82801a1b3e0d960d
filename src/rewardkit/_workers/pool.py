"""Work that may hang, crash or eat all memory, in processes that are killed at a deadline.

One process for each function imports it, warms up, and is forked for each worker; a worker that was
killed is replaced within milliseconds, by another fork. Callers and workers exchange lines of JSON.
Nothing is forked from the caller, whose threads or GPU may not survive it, and multiprocessing's
spawn and forkserver would import the caller's `__main__` again.

A row's deadline counts the worker's own processor time, so that no answer is lost because the
machine is busy. Behind it is a limit by the clock, of 20 times as long, and at least 5 s. Without
fork (on Windows) workers import for themselves, and the deadline is by the clock alone.

A pool works on as many rows at a time as there are processors that it may use, or on
`REWARDKIT_WORKERS`. A row that has taken half its time no longer counts towards that number, and a
further process is started, so slow rows do not hold up the others. After a batch, killed workers
are replaced, and one spare per 100 rows is kept, at most 5.
"""

from __future__ import annotations

import atexit
import math
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

from rewardkit._workers import process
from rewardkit._workers.cpus import count_workers, limit_by_files
from rewardkit._workers.process import (
    JSON,
    NOT_READY,
    TIMEOUT,
    WORKER_MODULE,
    ForkServer,
    Timeout,
    WorkerProcess,
)

__all__ = ["JSON", "TIMEOUT", "Timeout", "run"]

MAX_FAILED_STARTS = 8  # in one batch; a module that kills its process would be tried for ever
MAX_SPARES = 5  # a slow row is rare, and each worker holds memory of its own
FILES_PER_WORKER = 4  # its two sockets, and until it has started their other ends
MAX_WORKERS_WITHOUT_FORK = 4  # each holds its own imports in memory
MAX_WAIT_SECONDS = 3600.0  # `poll` takes no more than 24 days


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
    to another, of at most 16 MiB. `timeout` is in seconds of processor time for each row, so the
    module should import and warm up at its top. `batch_timeout` is in seconds by the clock for all
    rows, waits included. `memory` is in MiB for each worker, beyond its imports; only Linux limits
    it. Output that the function prints is dropped. Calls of the same function from
    several threads take turns.

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


class Pool:
    """The workers of one function."""

    def __init__(self, function: str, memory: int) -> None:
        """Start no worker yet."""
        self.function, self.memory = function, memory
        # reentrant, since any thread could release a plain Lock
        self.lock = threading.RLock()
        self.server: ForkServer | None = None
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
        failed_starts, at_once = 0, _rows_at_once()
        self.kill_workers(self.busy_workers())  # an interrupt at a bad moment may leave some
        now, pause = time.monotonic(), 0.0
        while (waiting or self.busy_workers()) and now < batch_deadline:
            for worker in self.wait_for_messages(min(pause, batch_deadline - now)):
                index, answer = worker.row_index, worker.receive()
                if index is not None and answer is not NOT_READY:
                    answers[index] = answer
            now = time.monotonic()
            # once for a server that ends, however many workers were asked of it
            failed_starts += self.kill_overdue_workers(now) > 0
            if failed_starts >= MAX_FAILED_STARTS:
                message = (
                    f"{failed_starts} workers for {self.function} exited before they were ready;"
                    " import its module in plain Python to see why, and look at the limits of"
                    " processes and memory"
                )
                raise RuntimeError(message)
            self.hand_out_rows(waiting, timeout, at_once)
            pause = self.seconds_to_next_deadline(now)
        self.kill_workers(self.busy_workers())
        self.replace_workers(len(rows), at_once)
        return answers

    def busy_workers(self) -> list[WorkerProcess]:
        """Return the workers that have a row."""
        return [worker for worker in self.workers if worker.row_index is not None]

    def hand_out_rows(self, waiting: deque[tuple[int, JSON]], timeout: float, at_once: int) -> None:
        """Give rows to idle workers; start workers for waiting rows, and to replace slow ones."""
        now = time.monotonic()
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
        if number < 1:
            return
        if process.CAN_FORK and not (self.server and self.server.is_alive):
            self.kill_server()  # to close its sockets
            self.server = ForkServer(self.function, self.memory)
        for _ in range(number):
            self.workers.append(WorkerProcess(self.function, self.memory, self.server))
        self.peak_workers = max(self.peak_workers, len(self.workers))

    def replace_workers(self, rows: int, at_once: int) -> None:
        """Start the workers that another batch of `rows` rows would need."""
        spares = min(rows // 100, MAX_SPARES)
        wanted = max(self.peak_workers, min(at_once, rows) + spares)
        self.start_workers(wanted - len(self.workers))

    def wait_for_messages(self, seconds: float) -> list[WorkerProcess]:
        """Wait at most that long, and return the workers whose sockets are ready."""
        server = [self.server] if self.server and self.server.is_open else []
        ready = _wait_for_sockets([*server, *self.workers], min(seconds, MAX_WAIT_SECONDS))
        for each in server:
            if each.socket.fileno() in ready:
                each.receive()
        return [worker for worker in self.workers if worker.socket.fileno() in ready]

    def seconds_to_next_deadline(self, now: float) -> float:
        """Return the seconds until the next worker becomes slow or overdue."""
        moments = (at for worker in self.workers for at in (worker.slow_from, worker.deadline))
        return min((at - now for at in moments if at > now), default=0.0)

    def kill_overdue_workers(self, now: float) -> int:
        """Kill the workers whose row, or whose start, took too long.

        Returns how many dead workers there were that never got ready.
        """
        overdue = [worker for worker in self.workers if worker.deadline <= now]
        if not all(worker.is_ready for worker in overdue):
            self.kill_server()  # its import hangs, or it was stopped
        return self.kill_workers(overdue)

    def kill_workers(self, workers: Iterable[WorkerProcess]) -> int:
        """Kill workers, and forget the dead; return how many of them never got ready."""
        for worker in workers:
            worker.kill()
        dead = [worker for worker in self.workers if not worker.is_alive]
        self.workers = [worker for worker in self.workers if worker.is_alive]
        return sum(not worker.is_ready for worker in dead)

    def kill_server(self) -> None:
        """Kill the server. Its workers go on with their rows."""
        if self.server:
            self.server.kill()


_pools: dict[tuple[str, int], Pool] = {}
_HAS_POLL = hasattr(select, "poll")  # Windows has none


def _rows_at_once() -> int:
    workers = count_workers(None if process.CAN_FORK else MAX_WORKERS_WITHOUT_FORK)
    return limit_by_files(workers, FILES_PER_WORKER)


def _wait_for_sockets(processes: Sequence[ForkServer | WorkerProcess], seconds: float) -> set[int]:
    """Wait at most that long, and return the numbers of the processes' sockets that are ready."""
    # `poll` where there is one: on Unix `select` takes no number above 1023.
    if not _HAS_POLL:
        return _select_sockets(processes, seconds)
    poll = select.poll()
    for each in processes:
        poll.register(each.socket, select.POLLIN | (select.POLLOUT if each.unsent else 0))
    return {number for number, _ in poll.poll(math.ceil(seconds * 1000))}


def _select_sockets(processes: Sequence[ForkServer | WorkerProcess], seconds: float) -> set[int]:
    if not processes:  # Windows refuses to wait for nothing
        time.sleep(seconds)
        return set()
    receiving = [each.socket for each in processes]
    sending = [each.socket for each in processes if each.unsent]
    readable, writable, _ = select.select(receiving, sending, [], seconds)
    return {each.fileno() for each in (*readable, *writable)}


@atexit.register
def _kill_all_workers() -> None:
    for pool in list(_pools.values()):
        pool.kill_workers(pool.workers)
        if pool.server:
            pool.server.end()


def _forget_parents_workers() -> None:
    """After a fork, leave the workers to the parent: two callers would mix up their rows."""
    for pool in list(_pools.values()):
        for worker in pool.workers:
            worker.forget()
        if pool.server:
            pool.server.forget()
    _pools.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_parents_workers)
