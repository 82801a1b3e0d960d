"""One event loop per process, in a thread of its own, for rewards that are coroutines."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

# By process, since a fork has the loop of its parent and not the thread that runs it; and by the
# loop that the caller runs in, since a loop that waits for itself would never end.
_loops: dict[tuple[int, asyncio.AbstractEventLoop | None], asyncio.AbstractEventLoop] = {}
_lock = threading.Lock()


def run_awaitable(awaitable: Awaitable[Any]) -> Any:
    """Wait for an awaitable in the process's event loop, and return its result or raise its error.

    A trainer has one loop for all calls. With a loop per call, a semaphore or a client that a
    module holds would raise at the second one, as bound to a different event loop.

    >>> async def double(number):
    ...     return number * 2
    >>> run_awaitable(double(21))
    42
    """
    import asyncio  # noqa: PLC0415 - slow to import

    async def wait() -> Any:
        return await awaitable

    future = asyncio.run_coroutine_threadsafe(wait(), _open_loop())
    try:
        return future.result()
    except BaseException:  # Ctrl-C leaves no request running
        future.cancel()
        raise


def _open_loop() -> asyncio.AbstractEventLoop:
    import asyncio  # noqa: PLC0415 - the same

    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    with _lock:
        # A thread with a loop of its own, as in a notebook, shares the one for all others.
        key = os.getpid(), running if running in _loops.values() else None
        loop = _loops.get(key)
        if loop is None:
            loop = _loops[key] = asyncio.new_event_loop()
            # A daemon, so that a request without an answer does not keep the process alive.
            name = "rewardkit-async-reward"
            threading.Thread(target=loop.run_forever, name=name, daemon=True).start()
        return loop
