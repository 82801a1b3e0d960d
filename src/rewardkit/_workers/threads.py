"""One function on many items, in threads that each wait for a process, with an end at any time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Generic, TypeVar

from rewardkit._workers.cpus import limit_by_files

Item = TypeVar("Item")
Result = TypeVar("Result")

FILES_PER_THREAD = 16  # the pipes and sockets to the processes of one item


def map_in_threads(
    work: Callable[[Item, int], Result], items: Sequence[Item], threads: int
) -> list[Result]:
    """Return `work(item, interrupt)` for each item, in order; raise what it raised first.

    There are fewer `threads` where this process may open few files.

    `interrupt` is an open file that can be read from an error or Ctrl-C on. The work should then
    raise: this returns after it. (An executor of `concurrent.futures` would first do what is
    waiting.)

    >>> map_in_threads(lambda number, _: number * 2, [1, 2, 3], threads=2)
    [2, 4, 6]
    """
    threads = limit_by_files(min(threads, len(items)), FILES_PER_THREAD)
    interrupt, interrupting = os.pipe()
    batch = _Batch(work, items, interrupt, interrupting)
    started: list[Thread] = []
    try:
        # The system may refuse a thread; then those that it has, or this one, do the work.
        with suppress(RuntimeError):
            for _ in range(threads):
                thread = Thread(target=batch.work_on_items, daemon=True)
                thread.start()
                started.append(thread)
        if not started:
            batch.work_on_items()
        for thread in started:
            thread.join()
    except BaseException as error:
        batch.stop(error)
        raise
    finally:
        for thread in started:
            thread.join()
        os.close(interrupt)
        os.close(interrupting)
    if batch.errors:
        raise batch.errors[0]
    return [batch.results[index] for index in range(len(items))]


class _Batch(Generic[Item, Result]):
    """What the threads of one call share."""

    def __init__(
        self,
        work: Callable[[Item, int], Result],
        items: Sequence[Item],
        interrupt: int,
        interrupting: int,
    ) -> None:
        self.work, self.interrupt, self.interrupting = work, interrupt, interrupting
        self.waiting = deque(enumerate(items))
        self.results: dict[int, Result] = {}
        self.errors: list[BaseException] = []

    def work_on_items(self) -> None:
        while not self.errors:
            try:
                index, item = self.waiting.popleft()
            except IndexError:
                return
            try:
                self.results[index] = self.work(item, self.interrupt)
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                self.stop(error)

    def stop(self, error: BaseException) -> None:
        self.errors.append(error)
        os.write(self.interrupting, b"!")
