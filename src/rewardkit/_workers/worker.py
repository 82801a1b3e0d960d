"""The far end of `pool`: `python -m rewardkit._workers.worker` runs a function, one row at a time.

Rows come as lines of JSON. A line goes back for each: {"answer": ...}, {"error": the traceback}, or
{} where the stack ran out; and one before them all, which says whether the import went well.
"""

from __future__ import annotations

import fcntl
import json
import os
import pkgutil
import resource
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def main(function: str, memory: int, channel: int, life: int) -> None:
    """Import `function` and answer rows on the socket `channel` until the caller hangs up."""
    _die_with_caller(life)
    caller = socket.socket(fileno=channel)
    try:
        work = pkgutil.resolve_name(function)
    except Exception:  # noqa: BLE001 - the caller raises it
        caller.sendall(_line(error=traceback.format_exc()))
        return
    _limit_memory(memory)
    caller.sendall(_line(answer=None))
    for row in caller.makefile("rb"):
        caller.sendall(_attempt(work, row))


def _attempt(work: Callable[[Any], Any], row: bytes) -> bytes:
    """Return what a row comes to. Out of memory, the process ends: its state is anybody's guess."""
    try:
        return _line(answer=work(json.loads(row)))
    except RecursionError:
        return _line()
    except MemoryError:
        os._exit(1)
    except Exception:  # noqa: BLE001 - the caller raises it
        return _line(error=traceback.format_exc())


def _line(**reply: Any) -> bytes:
    """Return a reply as it is sent."""
    return json.dumps(reply).encode() + b"\n"


def _die_with_caller(life: int) -> None:
    """End this process when the other end of the socket `life` closes, in the middle of a row too.

    Linux kills it and what it has started, whatever they do. (PR_SET_PDEATHSIG would too, but when
    the caller's thread ends.) Elsewhere a thread waits, which a row can hold up with the GIL.
    """
    if sys.platform == "linux":
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETFL, os.O_ASYNC)
    else:
        threading.Thread(target=lambda: os._exit(len(os.read(life, 1))), daemon=True).start()


def _limit_memory(mebibytes: int) -> None:
    """Allow that much address space beyond what the imports took, where the system can tell."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except FileNotFoundError:
        return
    limit = pages * resource.getpagesize() + (mebibytes << 20)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    with suppress(ConnectionError):  # the caller has hung up
        main(sys.argv[1], *map(int, sys.argv[2:]))
