"""The processes that wait inside a sandbox, and fork a child for each row that they are sent.

Starting bubblewrap, Python and its modules takes longer than most rows. So it is done once:

1. `process.py` starts the *server* under bubblewrap: read-only files, no network, no environment, a
   filter of system calls, and, if the caller is root, the user nobody. It imports what answers and
   tests often import, and plays each role once. It runs no row. For each socket that the caller
   sends it forks a
2. *waiting process*, in a user and a process namespace of its own, where alone it has capabilities.
   The caller has one for each of its threads, and others for tests than for answers.
3. A row arrives there as open files and their names: pipes, and a file with the task. They are
   handed to a *child*, forked into a new process namespace. The waiting process reads none of them,
   so nothing of a row is ever in the memory that the next child is a copy of, and no process here
   has writable memory that it shares with a child (`process.py` looks).
4. The child drops all capabilities, installs the rest of the filter, starts a session, sets
   its limits, and runs the row. It is process 1 of its namespace, where it sees no other process.
5. When the child ends, or the caller asks for its end, it is killed, and with it, by the kernel,
   all that is in its namespace. Only then the caller gets the reply, and may send the next row.

Each process ends when the caller's end of its socket closes, however the caller ended, or when it
has waited for long. Address layout and hash seed (always 0) are the same for all children; no
generator of random numbers has been seeded.

This file runs in a bare Python inside the sandbox, so it imports the standard library alone.
"""

from __future__ import annotations

import ctypes
import gc
import marshal
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

REPLY = struct.Struct("ii")
"""The reply to a row: how it ended, and its exit status, or the error's number if NOT_STARTED."""
ENDED, KILLED, NOT_STARTED = range(3)
READY = b"ready"
END = b"end"
FIRST_SECONDS = 60.0  # for the first message, of a caller on a busy machine
CHECK_SECONDS = 1.0  # between looks of the server for processes that have ended
MAX_STREAMS = 8
MAX_REQUEST_BYTES = 1 << 12
STANDARD_STREAMS = ("stdin", "stdout", "stderr")
# What answers and tests often import; a child finds it there. What few of them import costs all
# rows more than it saves, since a fork copies the tables of its pages. Not threading and random:
# what they do in each fork takes longer than the few imports of them.
MODULES = (
    *("abc", "bisect", "collections.abc", "contextlib", "copy", "datetime", "enum", "functools"),
    *("heapq", "io", "itertools", "json", "math", "operator", "re", "resource", "string", "time"),
    *("types", "typing", "warnings"),
)
REHEARSAL = {
    "program": "print(int(input()) * 2)",
    "answer": "def f(x):\n    return [x]",
    "test": "assert f(1) == [1]",
    "questions": """
["ask", "load", []]
["ask", "getattr", [{"yours": [0]}, "f"]]
["ask", "call", [{"yours": [1]}, {"tuple": [1]}, {"dict": []}]]
""",
}
"""One row of each kind. The questions are what the test asks of the answer."""
_CLONE_NEWUSER, _CLONE_NEWPID = 0x10000000, 0x20000000
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


class _FilterProgram(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def serve(
    guest: dict[str, Any],
    limits: dict[str, Any],
    control: int,
    child_filter: bytes,
    idle_seconds: float,
) -> NoReturn:
    """Fork a waiting process for each socket, until the caller's end closes.

    `guest` and `limits` are the contents of those files.
    """
    for name in MODULES:
        __import__(name)
    libc = ctypes.CDLL(None, use_errno=True)
    program = _FilterProgram(len(child_filter) // 8, child_filter)

    def run_row(streams: dict[str, int]) -> None:
        _run_row(guest, limits, streams, libc, program)

    # A child would look up each of these for itself, and write what it found to pages of its own.
    _ = libc.capset, libc.prctl, libc.setns, libc.unshare
    _ = ctypes.byref, os._exit, os.closerange, os.dup2, os.lseek, os.pread, os.setsid
    _rehearse_roles(guest, limits)
    # A collection writes to each object that it visits, and the pages that a child writes to are
    # copied.
    gc.freeze()
    caller = socket.socket(fileno=control)
    caller.send(READY)
    pause = FIRST_SECONDS
    with suppress(ConnectionError):
        while True:
            try:
                files = _receive_files(caller, pause)
            except TimeoutError:
                files = {}
            if files and _fork_process() == 0:
                caller.close()
                _enter_own_namespaces(libc)
                rows = socket.socket(fileno=files["control"])
                _wait_for_rows(run_row, rows, libc, idle_seconds)
            for number in files.values():
                os.close(number)
            has_children = _reap_children(os.WNOHANG)
            if not files and not has_children:
                break
            pause = CHECK_SECONDS
    # They end as well. Without this the kernel would end them, and not count the time they took.
    _reap_children(0)
    os._exit(0)


def _rehearse_roles(guest: dict[str, Any], limits: dict[str, Any]) -> None:
    """Play each role once: what Python looks up and allocates for it, its children need not.

    They would write that to pages that they share with this process, which the kernel then copies.
    """
    main, standard = sys.modules["__main__"], (sys.stdin, sys.stdout)
    given, giving = os.pipe()
    questions, asking = os.pipe()
    replies, replying = os.pipe()
    dropped, dropping = os.pipe()
    for number, text in ((giving, "1\n"), (asking, REHEARSAL["questions"].lstrip())):
        os.write(number, text.encode())
        os.close(number)
    with os.fdopen(given) as sys.stdin, os.fdopen(dropping, "w", closefd=False) as sys.stdout:
        limits["run_to_exit_code"](
            lambda: guest["run_program"](REHEARSAL["program"]), is_rehearsal=True
        )
    with suppress(guest["PeerClosed"]):
        guest["serve_answer"](REHEARSAL["answer"], questions, replying)
    code = compile(REHEARSAL["test"], "<tests>", "exec"), True
    tests = REHEARSAL["test"], 1, marshal.dumps(([code], {"f": ""}))
    guest["run_tests"](tests, replies, dropping, dropping, partial=False)
    sys.stdin, sys.stdout = standard
    sys.modules["__main__"] = main
    del sys.modules["solution"]
    gc.collect()  # closes `questions` and `replies`
    for number in (replying, dropped, dropping):
        os.close(number)


def _wait_for_rows(
    run_row: Callable[[dict[str, int]], None],
    caller: socket.socket,
    libc: ctypes.CDLL,
    idle_seconds: float,
) -> NoReturn:
    """Run rows, one at a time, until the caller's end closes."""
    own_namespace = os.pidfd_open(os.getpid())
    caller.send(READY)
    pause = FIRST_SECONDS
    with suppress(ConnectionError, TimeoutError):
        while True:
            streams = _receive_files(caller, pause)
            pause = idle_seconds
            if not streams:  # the end of a row is asked for that had ended
                continue
            pid, fault = -1, 0
            try:
                pid = _fork_into_namespace(libc, own_namespace)
            except OSError as error:
                fault = error.errno or 0
            if pid == 0:
                run_row(streams)
            for number in streams.values():
                os.close(number)
            reply = (NOT_STARTED, fault) if pid < 0 else _wait_for_child(pid, caller)
            caller.send(REPLY.pack(*reply))
    os._exit(0)


def _fork_process() -> int:
    """Return the child's id, 0 in the child, and -1 where none can be had."""
    try:
        return os.fork()
    except OSError:  # the caller finds its socket closed, and tries again
        return -1


def _reap_children(options: int) -> bool:
    """Leave no zombie, and return whether there are children."""
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _raise_errno(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _enter_own_namespaces(libc: ctypes.CDLL) -> None:
    """Go on in a child that has all capabilities over its namespaces, and none over others.

    It has no user in its namespace (all show as nobody), so it cannot become one either.
    """
    _raise_errno(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWPID))
    if os.fork():
        os._exit(0)


def _receive_files(caller: socket.socket, seconds: float) -> dict[str, int]:
    """Return the open files in the next message by name.

    Raises ConnectionError if the caller's end has closed, and TimeoutError if it is silent.
    """
    caller.settimeout(seconds)
    names, numbers, _, _ = socket.recv_fds(caller, MAX_REQUEST_BYTES, MAX_STREAMS)
    if not names:
        raise ConnectionError
    return dict(zip(names.decode().split(), numbers, strict=False))


def _fork_into_namespace(libc: ctypes.CDLL, own_namespace: int) -> int:
    """Fork a child that is process 1 of a new namespace; return its id, 0 in the child."""
    _raise_errno(libc.unshare(_CLONE_NEWPID))
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            # Otherwise the next namespace would be inside this one, which ends with its child.
            _raise_errno(libc.setns(own_namespace, _CLONE_NEWPID))
    return pid


def _wait_for_child(pid: int, caller: socket.socket) -> tuple[int, int]:
    """Wait for the end of a child, or a request for it; return how it ended, and its status."""
    child = os.pidfd_open(pid)
    select.select([child, caller.fileno()], [], [])
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        # The kernel first ends what is in its namespace.
        signal.pidfd_send_signal(child, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    os.close(child)
    # The request for the end, or the end of the socket, is left for `_receive_files`.
    return ENDED if ended else KILLED, status


def _run_row(
    guest: dict[str, Any],
    limits: dict[str, Any],
    streams: dict[str, int],
    libc: ctypes.CDLL,
    program: _FilterProgram,
) -> NoReturn:
    """Run a row in the child, and end it."""
    try:
        # Python's objects for them have not been used, and are for files of the same kinds.
        if "stdin" not in streams:  # a pipe at its end, which no other row has
            streams["stdin"], writing = os.pipe()
            os.close(writing)
        for number, name in enumerate(STANDARD_STREAMS):
            os.dup2(streams.pop(name), number)
        first = 3
        for number in (*sorted(streams.values()), 256):
            os.closerange(first, number)
            first = number + 1
        os.setsid()
        limits["drop_capabilities"](libc)
        _raise_errno(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))
        task = os.pread(streams["task"], os.lseek(streams["task"], 0, os.SEEK_END), 0)
        os.close(streams.pop("task"))
        task = marshal.loads(task)  # noqa: S302 - from the caller
        limits["start_role"](guest, task, **streams)
    finally:
        os._exit(1)  # what failed is seen by the byte that is missing in the stream `ready`
