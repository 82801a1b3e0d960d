"""Requests in batches to worker processes, which are killed when they take too long.

Whatever waits when a worker is free becomes its next batch, so a lone request waits for nobody, and
under load the rewards score many requests at once, as verifiers with processes of their own need.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from rewardkit._messages import error_line
from rewardkit._workers.parallel import ItemWorker
from rewardkit.serve.request_scorer import Answer, Request, RequestScorer, format_error

MAX_BATCH_BYTES = 1 << 20  # a worker that takes more at once keeps the small requests waiting
MAX_BATCH_REQUESTS = 256
RESTART_SECONDS = 1.0
_logger = logging.getLogger("rewardkit.serve")


class _Waiting(NamedTuple):
    request: Request
    answer: asyncio.Future[Answer]
    deadline: float
    """By the loop's clock."""
    alone: bool = False
    """Whether it was in a batch that ended its worker, and must not end another's."""


class Batcher:
    """Answers requests in `workers` processes, each within `timeout` seconds.

    `observe` is called with the number of requests in each batch and the seconds that it took.
    """

    def __init__(
        self,
        work: RequestScorer,
        *,
        workers: int,
        timeout: float,
        observe: Callable[[int, float], object],
    ) -> None:
        """Start nothing yet."""
        self.work, self.workers, self.timeout, self.observe = work, workers, timeout, observe
        self.waiting: deque[_Waiting] = deque()
        self.restarts = 0
        self._missing = 0
        """How many workers cannot be started."""
        self._arrived = asyncio.Event()
        self._processes: list[ItemWorker] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def has_workers(self) -> bool:
        """Whether any process scores, or will soon."""
        return self._missing < self.workers

    async def start(self) -> None:
        """Start the processes. Raises what importing the rewards in them raises."""
        loop = asyncio.get_running_loop()
        # Two for each worker: one waits for its answers, until the other has killed it.
        self._threads = ThreadPoolExecutor(2 * self.workers, "rewardkit-serve")
        try:
            for _ in range(self.workers):
                self._processes.append(
                    await loop.run_in_executor(self._threads, self._start_worker)
                )
        except BaseException:
            await self.close()
            raise
        self._tasks = [
            asyncio.create_task(self._feed_worker(number)) for number in range(self.workers)
        ]

    async def close(self) -> None:
        """Kill the processes; requests that still wait are cancelled."""
        for task in self._tasks:
            task.cancel()
        for worker in self._processes:
            worker.kill()
        self._processes = []
        for waiting in self.waiting:
            waiting.answer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request. Raises TimeoutError if it takes too long."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self.waiting.append(_Waiting(request, answer, loop.time() + self.timeout))
        self._arrived.set()
        async with asyncio.timeout(self.timeout):
            return await answer

    async def _feed_worker(self, number: int) -> None:
        """Give one process batch after batch."""
        while True:
            batch = self._take_batch()
            if not batch:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._answer_batch(number, batch)

    def _take_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self.waiting and len(batch) < MAX_BATCH_REQUESTS and size < MAX_BATCH_BYTES:
            if batch and self.waiting[0].alone:
                break
            first = self.waiting.popleft()
            if first.answer.done():  # nobody waits for it any longer
                continue
            batch.append(first)
            size += len(first.request.body)
            if first.alone:
                break
        return batch

    async def _answer_batch(self, number: int, batch: Sequence[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        start = time.perf_counter()  # uvloop's own clock counts milliseconds
        asked = loop.run_in_executor(
            self._threads, self._processes[number].ask, [each.request for each in batch]
        )
        try:
            # The last deadline: nobody waits for the batch after it.
            async with asyncio.timeout_at(max(each.deadline for each in batch)):
                answers = await asked
        except TimeoutError:
            await self._restart_worker(number)
            return
        except RuntimeError as error:
            await self._restart_worker(number)
            self._retry_alone(batch, error)
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours; the server goes on
            answers = [format_error(500, error_line(error))] * len(batch)
        self.observe(len(batch), time.perf_counter() - start)
        for each, answer in zip(batch, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)

    def _retry_alone(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """Send the requests of a batch that ended its worker once more, each alone."""
        if len(batch) == 1:
            (only,) = batch
            if not only.answer.done():
                message = f"the process that scored this request has ended: {error}"
                only.answer.set_result(format_error(500, message))
            return
        self.waiting.extendleft(each._replace(alone=True) for each in reversed(batch))
        self._arrived.set()

    async def _restart_worker(self, number: int) -> None:
        self.restarts += 1
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._processes[number].kill)
        self._missing += 1
        while True:
            try:
                started = await loop.run_in_executor(self._threads, self._start_worker)
            except Exception as error:  # noqa: BLE001 - a disk or memory that is full may recover
                _logger.error("a worker cannot be started: %s", error_line(error))  # noqa: TRY400 - one line
                await asyncio.sleep(RESTART_SECONDS)
                continue
            self._missing -= 1
            self._processes[number] = started
            return

    def _start_worker(self) -> ItemWorker:
        worker = ItemWorker(self.work, self.workers)
        try:
            worker.ask([])  # imports the rewards
        except BaseException:
            worker.kill()
            raise
        return worker
