"""One function on many items, in several processes, with the results in order.

The processes are plain `python -m rewardkit._workers.parallel`, not multiprocessing's: its spawn
would import the caller's `__main__` again, which runs an unguarded script twice. At most
two items per process are under way, so that neither side runs ahead of the other.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import IO, Any, TypeVar

from rewardkit._workers.pool import import_path

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result]:
    """Yield `work(item)` for each item, in order, from so many processes, or from this one for 1.

    What `work` raises is raised here. Raises ValueError where the processes cannot import `work`,
    and RuntimeError where one of them dies.
    """
    if workers == 1:
        yield from map(work, items)
        return
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for _ in range(workers):
            worker = _Worker(work, workers)
            stack.callback(worker.kill)  # before the threads are waited for, which listen to it
            idle.put(worker)

        def one(item: Item) -> Result:
            worker = idle.get()
            try:
                result: Result = worker.ask(item)
            finally:
                idle.put(worker)
            return result

        waiting: deque[Future[Result]] = deque()
        stack.callback(lambda: [future.cancel() for future in waiting])
        for item in items:
            waiting.append(threads.submit(one, item))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Worker:
    """A process that does the work on what it is sent."""

    def __init__(self, work: Callable[[Any], Any], workers: int) -> None:
        """Start it. Raises ValueError where `work` cannot be pickled."""
        try:
            sent = pickle.dumps(work)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"{error}; {_HINT}") from None
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rewardkit._workers.parallel"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(workers),
            start_new_session=True,  # so that Ctrl-C is the caller's alone
        )
        pickle.dump(sent, self.process.stdin)  # type: ignore[arg-type]  # a pipe

    def ask(self, item: Any) -> Any:
        """Return what it makes of an item, or raise what it raised."""
        sender, receiver = self.process.stdin, self.process.stdout
        try:
            pickle.dump(item, sender)  # type: ignore[arg-type]  # a pipe
            sender.flush()  # type: ignore[union-attr]
            error, result = pickle.load(receiver)  # type: ignore[arg-type]  # noqa: S301 - our own
        except (OSError, EOFError, pickle.UnpicklingError):
            self.process.kill()  # where it is not gone, it talks nonsense
            code = self.process.wait()
            message = (
                f"a worker process ended with code {code}; try fewer workers, or smaller batches"
            )
            raise RuntimeError(message) from None
        if error is not None:
            raise error
        return result

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()  # type: ignore[union-attr]
            except OSError:  # there was more to send
                continue


_HINT = (
    "with several workers a reward must be importable: move it out of the script or notebook"
    " into a module of its own, or use one worker"
)


def _environment(workers: int) -> dict[str, str]:
    """Return a worker's environment: the caller's imports, and its share of the processors."""
    share = str(max((os.cpu_count() or 1) // workers, 1))
    return {"REWARDKIT_WORKERS": share, **os.environ, "PYTHONPATH": import_path()}


def _serve(receiver: IO[bytes], sender: IO[bytes]) -> None:
    """Do the work on items until the caller hangs up."""
    work: Callable[[Any], Any] | None = None
    trouble: Exception | None = None
    try:
        work = pickle.loads(pickle.load(receiver))  # noqa: S301 - from the one that started this
    except Exception as error:  # noqa: BLE001 - the caller raises it
        trouble = ValueError(f"{type(error).__name__}: {error}; {_HINT}")
    while True:
        try:
            item = pickle.load(receiver)  # noqa: S301 - the same
        except EOFError:
            return
        pickle.dump(_attempt(work, item) if work else (trouble, None), sender)
        sender.flush()


def _attempt(work: Callable[[Any], Any], item: Any) -> tuple[Exception | None, Any]:
    """Return the error, or the result."""
    try:
        return None, work(item)
    except Exception as error:  # noqa: BLE001 - the caller raises it
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:  # noqa: BLE001 - whatever an error of somebody's own needs
            told = RuntimeError(f"{type(error).__name__}: {error}")
            for note in getattr(error, "__notes__", []):
                told.add_note(note)
            return told, None
        return error, None


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a reward prints goes to stderr
        try:
            _serve(sys.stdin.buffer, answers)
        except BrokenPipeError:  # the caller is gone
            sys.exit()
