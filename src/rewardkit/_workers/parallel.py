"""One function on many items, in several processes, with the results in order.

The processes are plain `python -m rewardkit._workers.parallel`, not multiprocessing's: its spawn
would import the caller's `__main__` again, which runs an unguarded script twice.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import IO, Any, TypeVar

from rewardkit._messages import error_line
from rewardkit._workers.cpus import count_workers
from rewardkit._workers.process import worker_environment

Item = TypeVar("Item")
Result = TypeVar("Result")

IMPORT_HINT = (
    "with several workers a reward must be importable: move it out of the script or notebook"
    " into a module of its own, or use one worker"
)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result]:
    """Yield `work(item)` for each item, in order, from `workers` processes; 1 is this process.

    Raises what `work` raises, ValueError if the processes cannot import `work`, and RuntimeError if
    one of them dies.
    """
    if workers == 1:
        yield from map(work, items)
        return
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        idle: SimpleQueue[ItemWorker] = SimpleQueue()
        for _ in range(workers):
            worker = ItemWorker(work, workers)
            # Entered after the threads, so done before they are joined: they wait for an answer.
            stack.callback(worker.kill)
            idle.put(worker)

        def ask_idle_worker(item: Item) -> Result:
            worker = idle.get()
            try:
                result: Result = worker.ask(item)
            finally:
                idle.put(worker)
            return result

        waiting: deque[Future[Result]] = deque()
        stack.callback(lambda: [future.cancel() for future in waiting])
        for item in items:
            waiting.append(threads.submit(ask_idle_worker, item))
            # Two for each process: enough that none waits for the caller, and results do not pile
            # up behind a slow item.
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class ItemWorker:
    """A process that does the work on items, one at a time."""

    def __init__(self, work: Callable[[Any], Any], workers: int) -> None:
        """Start the process. Raises ValueError if `work` cannot be pickled."""
        try:
            pickled_work = pickle.dumps(work)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"{error}; {IMPORT_HINT}") from None
        # the pools in it get its share of the processors, unless the user has set a number
        share = os.environ.get("REWARDKIT_WORKERS") or str(max(count_workers() // workers, 1))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rewardkit._workers.parallel"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=worker_environment({"REWARDKIT_WORKERS": share}),
            start_new_session=True,  # so that Ctrl-C reaches the caller alone; no effect on Windows
        )
        # Pickled twice: an import that fails is then an error of the work, not of the protocol.
        pickle.dump(pickled_work, self.process.stdin)  # type: ignore[arg-type]  # a pipe

    def ask(self, item: Any) -> Any:
        """Return the result for an item, or raise what the work raised."""
        sender, receiver = self.process.stdin, self.process.stdout
        try:
            pickle.dump(item, sender)  # type: ignore[arg-type]  # a pipe
            sender.flush()  # type: ignore[union-attr]
            error, result = pickle.load(receiver)  # type: ignore[arg-type]  # noqa: S301 - our own
        except (OSError, EOFError, pickle.UnpicklingError):
            self.process.kill()  # it may still run, and send what is not our protocol
            code = self.process.wait()
            message = (
                f"a worker process ended with code {code}; try fewer workers, or smaller batches"
            )
            raise RuntimeError(message) from None
        if error is not None:
            raise error
        return result

    def kill(self) -> None:
        """Kill the process, and close the pipes to it."""
        if self.process.poll() is None and os.name == "posix":
            # With those that the work has forked: they have the pipe too, and keep it open.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()  # type: ignore[union-attr]
            except OSError:  # it flushes what could not be sent
                continue


def _serve_items(receiver: IO[bytes], sender: IO[bytes]) -> None:
    """Do the work on items until the caller closes the pipe."""
    work: Callable[[Any], Any] | None = None
    import_error: Exception | None = None
    try:
        work = pickle.loads(pickle.load(receiver))  # noqa: S301 - from the process that started it
    except Exception as error:  # noqa: BLE001 - the caller raises it
        import_error = ValueError(f"{error_line(error)}; {IMPORT_HINT}")
    while True:
        try:
            item = pickle.load(receiver)  # noqa: S301 - the same
        except EOFError:
            return
        pickle.dump(do_work(work, item) if work else (import_error, None), sender)
        sender.flush()


def do_work(work: Callable[[Any], Any], item: Any) -> tuple[Exception | None, Any]:
    """Return the error or None, and the result or None."""
    try:
        return None, work(item)
    except Exception as error:  # noqa: BLE001 - the caller raises it
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:  # noqa: BLE001 - a user's exception class may raise anything
            # Many exceptions pickle, and then fail to load: those whose __init__ takes more.
            substitute = RuntimeError(f"{type(error).__name__}: {error}")
            for note in getattr(error, "__notes__", []):
                substitute.add_note(note)
            return substitute, None
        return error, None


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a reward prints goes to stderr, and not among the answers
        try:
            _serve_items(sys.stdin.buffer, answers)
        except BrokenPipeError:  # the caller has ended
            sys.exit()
