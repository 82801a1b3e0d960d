"""A worker of `pool`: `python -m rewardkit._workers.worker` runs a function, one row at a time.

Rows arrive as lines of JSON. One line is sent back for each: {"answer": ...}, {"error": traceback},
or {} if the stack ran out. A line before them all says whether the import went well.
"""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def main(function: str, memory: int, child_socket: int, lifeline: int) -> None:
    """Import `function` and answer rows on `child_socket` until the caller closes it."""
    _die_with_caller(lifeline)
    caller = socket.socket(fileno=child_socket)
    try:
        work = pkgutil.resolve_name(function)
    except Exception:  # noqa: BLE001 - the caller raises it
        caller.sendall(_encode_reply(error=traceback.format_exc()))
        return
    _limit_memory(memory)
    caller.sendall(_encode_reply(answer=None))
    for line in caller.makefile("rb"):
        caller.sendall(_answer_row(work, line))


def _answer_row(work: Callable[[Any], Any], line: bytes) -> bytes:
    try:
        return _encode_reply(answer=work(json.loads(line)))
    except RecursionError:
        return _encode_reply()
    except MemoryError:
        # What the function had half done may be broken, and the next row would meet it.
        os._exit(1)
    except Exception:  # noqa: BLE001 - the caller raises it
        return _encode_reply(error=traceback.format_exc())


def _encode_reply(**reply: Any) -> bytes:
    return json.dumps(reply).encode() + b"\n"


def _die_with_caller(lifeline: int) -> None:
    """End this process when the other end of the socket closes, also in the middle of a row."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - Windows has none

        # The kernel kills this process and what it has started, whatever they do. (PR_SET_PDEATHSIG
        # would too, but already when the thread ends that started the process.)
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    else:
        # A row that holds the interpreter's lock holds this thread up as well.
        threading.Thread(target=_exit_at_end, args=(lifeline,), daemon=True).start()


def _exit_at_end(lifeline: int) -> None:
    os._exit(len(socket.socket(fileno=lifeline).recv(1)))


def _limit_memory(mebibytes: int) -> None:
    """Allow so much address space beyond the imports, where the system can measure them."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is one row's, and not worth a file
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except FileNotFoundError:  # macOS, which does not enforce a limit on address space either
        return
    limit = pages * resource.getpagesize() + (mebibytes << 20)
    _, hard_limit = resource.getrlimit(resource.RLIMIT_AS)
    if hard_limit == resource.RLIM_INFINITY or limit < hard_limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard_limit))


if __name__ == "__main__":
    with suppress(ConnectionError):  # the caller has closed the socket
        main(sys.argv[1], *map(int, sys.argv[2:]))
