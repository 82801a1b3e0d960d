"""The processes of a pool: `python -m rewardkit._workers.worker MODE FUNCTION MEMORY SOCKET END`.

A server (MODE "server") imports the function, and forks a worker for each pair of sockets that the
caller sends. It has one thread and no GPU, so forking is safe, and a fork is warm at once. Where
there is no fork, each worker (MODE "worker") imports for itself.

A worker gets rows as lines: seconds of processor time, a space, and the row in JSON. One line is
sent back for each: {"answer": ...}, {"error": traceback}, or {} if the stack ran out. A line before
them all has the process id, or says why the import failed.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

REQUEST = struct.Struct("q")
"""What a caller sends to a server: the number of a worker to start, with its two sockets, or less
that number, to end it. The server sends a byte back for each pair of sockets that it has."""

NO_PROCESS = -1
FORK_ATTEMPTS = 10  # a limit of processes or memory may be reached for a moment only
FORK_PAUSE_SECONDS = 0.1
MAX_PROCESSOR_SECONDS = 1e7  # macOS refuses a timer of more than 1e8
MIN_PROCESSOR_SECONDS = 1e-6  # less would be 0, which sets no timer


def run_worker(function: str, memory: int, rows: int, lifeline: int) -> None:
    """Import `function`, and answer rows until the caller closes the socket."""
    die_with_caller(lifeline)
    caller = socket.socket(fileno=rows)
    try:
        work = pkgutil.resolve_name(function)
    except Exception:  # noqa: BLE001 - the caller raises it
        caller.sendall(_encode_reply(error=traceback.format_exc()))
        return
    _answer_rows(work, memory, caller)


def run_server(function: str, memory: int, control: int, lifeline: int) -> None:
    """Import `function`, and fork workers until the caller closes the socket."""
    _reset_signals()
    if sys.platform == "linux":  # other systems would need a thread, and threads do not fork well
        die_with_caller(lifeline)
    caller = socket.socket(fileno=control)
    try:
        work = pkgutil.resolve_name(function)
    except Exception:  # noqa: BLE001 - the caller raises it
        _, sockets = _receive_request(caller)
        if sockets:
            socket.socket(fileno=sockets[0]).sendall(_encode_reply(error=traceback.format_exc()))
        return
    # The garbage collector writes to each object that it visits, and a page that a fork writes to
    # is copied.
    gc.collect()
    gc.freeze()
    pids: dict[int, int] = {}
    number, sockets = _receive_request(caller)
    while number:
        if number > 0:
            pid = _fork()
            if pid == 0:
                os.close(lifeline)
                caller.close()
                _run_fork(work, memory, *sockets)
            _finish_fork(pid, sockets)
            pids[number] = pid
            # after the copies are closed: then the caller's end closes when the worker ends
            caller.sendall(b".")
        else:
            _end_worker(pids.pop(-number, NO_PROCESS))
        number, sockets = _receive_request(caller)
    for pid in pids.values():
        _end_worker(pid)
    os._exit(0)  # taking the imports down would take longer than all of this


def _receive_request(caller: socket.socket) -> tuple[int, list[int]]:
    """Return a worker's number and its sockets; 0 and no sockets if the caller has ended."""
    data, sockets = b"", []
    # exactly one request, since sockets belong to the bytes that they came with
    while len(data) < REQUEST.size:
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        part, received, _, _ = socket.recv_fds(caller, REQUEST.size - len(data), 2, flags)
        if not part:
            return 0, []
        data += part
        sockets += received
    return REQUEST.unpack(data)[0], sockets


def _fork() -> int:
    """Return the child's id, 0 in the child, and NO_PROCESS where none can be had."""
    for _ in range(FORK_ATTEMPTS):
        with suppress(OSError):
            return os.fork()
        time.sleep(FORK_PAUSE_SECONDS)
    return NO_PROCESS


def _finish_fork(pid: int, sockets: Sequence[int]) -> None:
    """Close the server's copies of a worker's sockets, and make sure of its process group."""
    for each in sockets:
        os.close(each)
    if pid != NO_PROCESS:
        with suppress(OSError):  # the worker has done so itself, or ended
            os.setpgid(pid, pid)


def _run_fork(work: Callable[[Any], Any], memory: int, rows: int, lifeline: int) -> None:
    """Answer rows, and end the process: it must never come back to the server's loop."""
    try:
        with suppress(OSError):  # the server may have done so
            os.setpgid(0, 0)
        die_with_caller(lifeline)
        _answer_rows(work, memory, socket.socket(fileno=rows))
    finally:
        os._exit(0)


def _end_worker(pid: int) -> None:
    """Kill a worker's process group, and leave no zombie."""
    if pid != NO_PROCESS:
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a zombie
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _answer_rows(work: Callable[[Any], Any], memory: int, caller: socket.socket) -> None:
    _limit_memory(memory)
    caller.sendall(_encode_reply(answer=os.getpid()))
    for line in caller.makefile("rb"):
        caller.sendall(_answer_row(work, line))


def _answer_row(work: Callable[[Any], Any], line: bytes) -> bytes:
    seconds, _, row = line.partition(b" ")
    _limit_processor_time(float(seconds))
    try:
        return _encode_reply(answer=work(json.loads(row)))
    except RecursionError:
        return _encode_reply()
    except MemoryError:
        # What the function had half done may be broken, and the next row would meet it.
        os._exit(1)
    except Exception:  # noqa: BLE001 - the caller raises it
        return _encode_reply(error=traceback.format_exc())
    finally:
        _limit_processor_time(None)


def _encode_reply(**reply: Any) -> bytes:
    return json.dumps(reply).encode() + b"\n"


def _limit_processor_time(seconds: float | None) -> None:
    """Let the kernel end this process after so much processor time from now; None for no limit."""
    if sys.platform == "win32" or not hasattr(signal, "setitimer"):
        return
    if seconds is not None:
        seconds = min(max(seconds, MIN_PROCESSOR_SECONDS), MAX_PROCESSOR_SECONDS)
    # No handler: Python runs one only between two of its own instructions, and one of them can take
    # hours, such as a large power.
    signal.setitimer(signal.ITIMER_PROF, seconds or 0.0)


def _reset_signals() -> None:
    """Undo what a caller has set for signals, and a new program inherits."""
    for number in (signal.SIGPROF, signal.SIGCHLD):  # ignored, they end nothing and wait for none
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})


def die_with_caller(lifeline: int) -> None:
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
        (run_server if sys.argv[1] == "server" else run_worker)(
            sys.argv[2], *map(int, sys.argv[3:])
        )
