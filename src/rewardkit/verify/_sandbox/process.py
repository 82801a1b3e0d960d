"""The caller's ends of sandboxed processes: of one that is started for a row, and of one that waits.

Which way is taken depends on the machine, and is found out once:

- *warm*: a row is a fork of a process that waits in a sandbox (`waiting.py`). Each of the caller's
  threads takes one from those that are idle, or starts one. They end when the caller does, or after
  some seconds without a row.
- *cold*: where a process in a sandbox cannot have namespaces of its own, bubblewrap and Python are
  started for each row.

In both, root's programs run as nobody if nobody can read the interpreter.
"""

from __future__ import annotations

import atexit
import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import CodeType
from typing import IO, Any, NamedTuple

from rewardkit.verify._sandbox import waiting
from rewardkit.verify._sandbox.seccomp import KILLED_EXIT_CODE, build_filter

Stream = IO[bytes]

PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
START_SECONDS = 60.0  # on a machine that is busy, or reads its disk over a network
END_SECONDS = 5.0  # for a process to end on request, before it is killed
IDLE_SECONDS = 2.0  # the processes hold memory
MAX_THREADS = 16
MAX_NOBODY_PROCESSES = 256  # where those of all sandboxes count together
_MAX_ERROR_BYTES = 1 << 12
_CREDENTIALS_BYTES = 32  # for one `struct ucred`: CMSG_SPACE(12)
_SEAL = 1033, 0xF  # F_ADD_SEALS: no change of the content or the length any more


class SandboxFailedError(Exception):
    """A sandbox did not start, or was killed: a fault of the machine, not of the program in it."""


class KilledError(TimeoutError):
    """The kernel killed a program: it, or the machine, ran out of something."""


class Box(NamedTuple):
    """What confines a program."""

    bwrap: str | None
    """bubblewrap's path; None runs a plain subprocess, under resource limits alone."""
    packages: tuple[str, ...] = ()
    """The folders that it can import from beside the standard library."""
    warm: bool = False
    """Whether it is forked from a waiting process."""
    nobody: bool = False
    """Whether the caller is root, and the program is not."""


def _refuse_shared_memory(pid: int) -> None:
    """Raise SandboxFailedError if a process has memory that its children could change.

    Such as one that an old libffi maps for ctypes.
    """
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        if any(line.split(maxsplit=2)[1].startswith(("rw-s", "rwxs", "-w-s")) for line in maps):
            raise SandboxFailedError("a waiting process would share memory with its children")


class Clock:
    """The time for one answer, which starts with the first process that works on it."""

    def __init__(self, seconds: float, batch_deadline: float, interrupt: int = -1) -> None:
        """Start nothing. The file `interrupt` can be read once the batch is interrupted."""
        self.seconds, self.batch_deadline, self.interrupt = seconds, batch_deadline, interrupt
        self.deadline = 0.0

    def wait_for(self, *files: int) -> list[int]:
        """Return those of the files that can be read. Raises TimeoutError at the deadline."""
        return wait_for_files(files, self.start(), self.interrupt)

    def start(self) -> float:
        """Start it if it has not started, and return the seconds that are left."""
        now = time.monotonic()
        if not self.deadline:
            self.deadline = min(now + self.seconds, self.batch_deadline)
        return max(self.deadline - now, 0)

    def wait_for_start(self, file: int) -> None:
        """Wait until a process has started that works on the answer, for as long as that takes."""
        seconds = min(START_SECONDS, self.batch_deadline - time.monotonic())
        wait_for_files([file], seconds, self.interrupt)


def wait_for_files(files: Iterable[int], seconds: float, interrupt: int = -1) -> list[int]:
    """Return those of the files that can be read, or have ended.

    Raises TimeoutError if none can in that time, and InterruptedError if `interrupt` can.
    """
    poll = select.poll()
    for file in (*files, interrupt):  # -1 is never ready
        poll.register(file, select.POLLIN) if file >= 0 else None
    found = [file for file, _ in poll.poll(max(seconds, 0) * 1000)]
    if interrupt in found:
        raise InterruptedError
    if not found:
        raise TimeoutError
    return found


class Server:
    """The caller's end of a process that forks others, which wait in a sandbox for rows."""

    def __init__(self, box: Box, clock: Clock) -> None:
        """Start the process, and wait for it. Raises SandboxFailedError if it fails."""
        options = {"child_filter": build_filter(), "idle_seconds": IDLE_SECONDS}
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with (
            theirs,
            open_nameless_file(marshal.dumps((*_compile_guest(), options))) as code,
            open_nameless_file(build_filter(starts_processes=True)) as call_filter,
        ):
            program = (
                f"{_load_guest(box, code.fileno())} waiting = {{'__name__': 'waiting'}};"
                " exec(data[1], waiting);"
                f" waiting['serve'](guest['main'], {theirs.fileno()}, **data[2])"
            )
            # No file of the caller's among the standard ones, though the children have others.
            self.process = subprocess.Popen(  # noqa: S603 - the command is made of constants
                build_command(box, program, call_filter.fileno()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(box),
                cwd="/",
                pass_fds=(code.fileno(), call_filter.fileno(), theirs.fileno()),
                start_new_session=True,
            )
        self.process.stdin.close()
        _open_ends.add(self)
        try:
            self.wait_until_ready(clock)
        except BaseException:
            self.end()
            raise

    def wait_until_ready(self, clock: Clock) -> None:
        """Wait for the end of the start."""
        clock.wait_for_start(self.control.fileno())
        message, credentials, _, _ = self.control.recvmsg(64, _CREDENTIALS_BYTES)
        if message != waiting.READY:
            raise SandboxFailedError(self.read_error())
        pid, _, _ = struct.unpack("iII", credentials[0][2])
        _refuse_shared_memory(pid)

    def read_error(self) -> str:
        """End the process, and return what it wrote, or what is known of its end."""
        self.control.close()
        written = self.process.stdout.read(_MAX_ERROR_BYTES)
        self.end()
        text = written.decode(errors="replace").strip()[-300:]
        return text or f"a sandbox ended, with exit code {self.process.returncode}"

    def end(self) -> None:
        """End the process, with all that it has forked, and leave no zombie."""
        self.control.close()  # which ends it
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        _open_ends.discard(self)

    def forget(self) -> None:
        """Leave the process to the parent, in a fork of the caller."""
        self.control.close()
        self.process.stdout.close()
        self.process.returncode = 0  # so that Popen's own cleanup does not wait for it


class WaitingProcess:
    """The caller's end of a process that waits in a sandbox for rows."""

    def __init__(self, server: Server, clock: Clock) -> None:
        """Have it forked, and wait for it. Raises SandboxFailedError if the server has ended."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _open_ends.add(self)
        try:
            with theirs:
                send_files(server.control, {"control": theirs})
            clock.wait_for_start(self.control.fileno())
            if self.receive() != waiting.READY:
                raise SandboxFailedError("a waiting process did not start")  # noqa: TRY301
        except BaseException:
            self.end()
            raise

    def receive(self) -> bytes:
        """Return the next message, b"" if the process has ended."""
        try:
            return self.control.recv(64)
        except ConnectionError:
            return b""

    @property
    def is_idle(self) -> bool:
        """Whether it has not ended, and works on no row."""
        try:
            wait_for_files([self.control.fileno()], 0)
        except TimeoutError:
            return True
        return False

    def end(self) -> None:
        """Close the socket, which ends the process and its child; its server waits for it."""
        self.control.close()
        _open_ends.discard(self)

    forget = end


def send_files(control: socket.socket, files: Mapping[str, Any]) -> None:
    """Send open files with their names. Raises SandboxFailedError if nobody is there."""
    numbers = [file.fileno() for file in files.values()]
    try:
        socket.send_fds(control, [" ".join(files).encode()], numbers, socket.MSG_NOSIGNAL)
    except ConnectionError:
        raise SandboxFailedError("a waiting process has ended") from None


class Sink:
    """The end of a pipe for what a program writes to nobody; it starts with bubblewrap's errors."""

    def __init__(self, stream: Stream) -> None:
        """Read nothing yet."""
        self.file = stream.fileno()
        self.beginning = b""

    def drop(self) -> bool:
        """Drop what the pipe holds; return whether it has not ended."""
        if len(self.beginning) < _MAX_ERROR_BYTES:
            piece = os.read(self.file, _MAX_ERROR_BYTES)
            self.beginning += piece
            return bool(piece)
        return os.splice(self.file, _open_null(), 1 << 20) > 0  # which copies nothing

    def read_error(self) -> str:
        """Return the end of what was written first, of a process that has ended."""
        with suppress(TimeoutError):
            while wait_for_files([self.file], 0) and len(self.beginning) < _MAX_ERROR_BYTES:
                if not self.drop():
                    break
        return self.beginning.decode(errors="replace").strip()[-300:]


@cache
def _open_null() -> int:
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


class Row:
    """A process that plays a role of `guest.py`."""

    sink: Sink | None = None

    def wait_for_exit(self, clock: Clock) -> int | None:
        """Wait until it has ended by itself, and return its exit code."""
        raise NotImplementedError

    def end(self) -> int | None:
        """End it with what it has started, and return its exit code, None if it had not ended.

        Raises SandboxFailedError if it did not start, or its waiting process is gone.
        """
        raise NotImplementedError


class WarmRow(Row):
    """A row that is a child of a waiting process."""

    def __init__(self, process: WaitingProcess, streams: Mapping[str, Stream]) -> None:
        """Start the row."""
        self.process = process
        self.end_of_row: tuple[int, int] | None = None
        send_files(process.control, streams)

    def wait_for_exit(self, clock: Clock) -> int | None:
        clock.wait_for(self.process.control.fileno())
        return self.end()

    def end(self) -> int | None:
        if self.end_of_row is None:
            with suppress(ConnectionError):  # then there is no reply either
                self.process.control.send(waiting.END, socket.MSG_NOSIGNAL)
            try:
                wait_for_files([self.process.control.fileno()], END_SECONDS)
            except TimeoutError:
                self.process.end()
                raise SandboxFailedError("a sandboxed program did not end") from None
            reply = self.process.receive()
            if len(reply) != waiting.REPLY.size:
                self.process.end()
                raise SandboxFailedError("a waiting process was killed")
            self.end_of_row = waiting.REPLY.unpack(reply)
        kind, status = self.end_of_row
        if kind == waiting.NOT_STARTED:
            raise SandboxFailedError(f"a sandbox did not start: {os.strerror(status)}")
        return None if kind == waiting.KILLED else os.waitstatus_to_exitcode(status)


class ColdRow(Row):
    """A row that has a sandbox, or a plain subprocess, of its own."""

    def __init__(self, box: Box, streams: dict[str, Stream]) -> None:
        """Start the row."""
        links = {name: stream.fileno() for name, stream in streams.items()}
        standard = {name: links.pop(name, subprocess.DEVNULL) for name in waiting.STANDARD_STREAMS}
        task = links.pop("task")
        with open_nameless_file(build_filter()) as call_filter:
            program = f"{_load_guest(box, task)} guest['main'](**data[1], **{links})"
            self.process = subprocess.Popen(  # noqa: S603 - the command is made of constants
                build_command(box, program, call_filter.fileno()),
                **standard,
                env=_environment(box),
                cwd="/",
                pass_fds=(task, *links.values(), call_filter.fileno()),
                start_new_session=True,
            )
        self.is_sandboxed = box.bwrap is not None

    def wait_for_exit(self, clock: Clock) -> int | None:
        try:
            self.process.wait(clock.start())
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        return self.end()

    def end(self) -> int | None:
        exit_code = self.process.poll()
        # Of a sandbox whose first process has ended the kernel has killed the rest. Of a plain
        # subprocess what it started may still run.
        if exit_code is None or not self.is_sandboxed:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # bubblewrap has the code of its child; a program cannot exit with that of a kill
        if self.is_sandboxed and exit_code == KILLED_EXIT_CODE:
            return -signal.SIGKILL
        return exit_code


@contextmanager
def start_row(
    box: Box, task: dict[str, Any], streams: dict[str, Stream], clock: Clock
) -> Iterator[Row]:
    """Start a process that plays a role of `guest.py`, and end it at the end of the block.

    It takes over the streams. Raises SandboxFailedError if it did not start, and KilledError if
    the kernel killed it before the end of the block.
    """
    with ExitStack() as stack:
        started, report_start = stack.enter_context(open_pipe())
        streams = {**streams, "ready": report_start}
        sink = None
        if box.bwrap:
            # No file of the host's, and not its /dev/null. `read_until` drops what is written.
            sink, dropped = stack.enter_context(open_pipe())
            nothing, writing = stack.enter_context(open_pipe())
            writing.close()
            streams = {"stdin": nothing, "stdout": dropped, "stderr": dropped, **streams}
        data = task if box.warm else (_compile_guest()[0], task)
        streams["task"] = stack.enter_context(open_nameless_file(marshal.dumps(data)))
        row: Row
        if box.warm:
            row = WarmRow(stack.enter_context(_take_process(box, task["role"], clock)), streams)
        else:
            row = ColdRow(box, streams)
        row.sink = sink and Sink(sink)
        exit_code = None
        try:
            # While this process has a writing end open, a reader of the pipe sees no end.
            for stream in streams.values():
                stream.close()
            yield row
        finally:
            exit_code = row.end()
        # An end without a sign of life: whatever the answer does, this is not its fault.
        if exit_code is not None and not started.read(1):
            reason = row.sink.read_error() if row.sink else ""
            message = "a sandbox did not start; the machine may lack memory or processes"
            raise SandboxFailedError(f"{message}: {reason}" if reason else message)
        if exit_code == -signal.SIGKILL and box.bwrap:
            message = "killed by the kernel: out of processor time, or the machine out of memory"
            raise KilledError(message)


_open_ends: set[Server | WaitingProcess] = set()
_servers: dict[Box, Server] = {}
_starting = threading.Lock()
_idle: dict[tuple[Box, bool], list[WaitingProcess]] = {}


@contextmanager
def _take_process(box: Box, role: str, clock: Clock) -> Iterator[WaitingProcess]:
    """Take a waiting process, or start one, and give it back at the end of the block."""
    # An answer and its tests are not children of one process.
    idle = _idle.setdefault((box, role == "tests"), [])
    process = None
    while process is None:
        try:
            process = idle.pop()
        except IndexError:
            process = WaitingProcess(_find_server(box, clock), clock)
        if not process.is_idle:  # it has waited for too long
            process.end()
            process = None
    try:
        yield process
    finally:
        if process.control.fileno() >= 0:
            idle.append(process)


def _find_server(box: Box, clock: Clock) -> Server:
    """Return a box's server, a new one if there is none, or it has ended."""
    with _starting:
        server = _servers.get(box)
        if server and server.process.poll() is not None:
            server.end()
            server = None
        if server is None:
            server = _servers[box] = Server(box, clock)
        return server


@atexit.register
def end_waiting_processes() -> None:
    """End the processes that wait for rows."""
    for each in list(_open_ends):
        each.end()
    _servers.clear()
    _idle.clear()


def _forget_parents_processes() -> None:
    """After a fork, leave the processes to the parent: two callers would mix up their rows."""
    global _starting  # noqa: PLW0603 - another thread may have held it
    _starting = threading.Lock()
    for each in list(_open_ends):
        each.forget()
    _open_ends.clear()
    _servers.clear()
    _idle.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_parents_processes)


@contextmanager
def open_pipe() -> Iterator[tuple[Stream, Stream]]:
    """Open a pipe: the end to read from, and the end to write to."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as out, os.fdopen(writing, "wb", 0) as into:
        yield out, into


@contextmanager
def open_nameless_file(data: bytes) -> Iterator[Stream]:
    """Open a file that has this content for good, and no name."""
    if not hasattr(os, "memfd_create"):  # not Linux
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            yield file
        return
    import fcntl  # noqa: PLC0415 - Windows has none

    file = os.memfd_create("rewardkit", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(file, "r+b", 0) as file:
        file.write(data)
        file.seek(0)
        fcntl.fcntl(file, *_SEAL)
        yield file


def _environment(box: Box) -> dict[str, str]:
    # The same order of sets in each process, and one thread, which is within the limit on them.
    return {"PYTHONHASHSEED": "0", **({"OMP_NUM_THREADS": "1"} if box.packages else {})}


def _load_guest(box: Box, file: int) -> str:
    """Return a program that loads what was marshalled in a file, of which the guest is first."""
    drop = "guest['become_nobody']();" if box.nobody else ""
    return (
        f"import marshal, os; del os.environ['PYTHONHASHSEED']; file = os.fdopen({file}, 'rb');"
        " data = marshal.load(file); file.close(); guest = {'__name__': 'guest'};"
        f" exec(data[0], guest); {drop}"
    )


@cache
def _compile_guest() -> tuple[CodeType, CodeType]:
    """Return the code of `guest.py` and `waiting.py`."""
    folder = Path(__file__).parent
    guest, waiting = (
        compile((folder / name).read_text(encoding="utf-8"), name, "exec", dont_inherit=True)
        for name in ("guest.py", "waiting.py")
    )
    return guest, waiting


def build_command(box: Box, program: str, call_filter: int) -> list[str]:
    """Return the command that runs a program of Python; `call_filter` is an open file."""
    python = [PYTHON, "-P", "-s", "-S", "-X", "utf8", "-c", program]
    if box.bwrap is None:
        return python
    if box.nobody:
        # Not a user namespace of bubblewrap's, where files of root's are the program's own.
        namespaces = ("ipc", "pid", "net", "uts", "cgroup-try")
        apart = [f"--unshare-{name}" for name in namespaces]
        apart += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        apart = ["--unshare-all", "--cap-drop", "ALL"]
    if not box.warm:
        # The waiting process ends with its socket: this would end it with the thread that started
        # it. And it is in the group that is killed with it.
        apart += ["--die-with-parent", "--new-session"]
    shown = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", f"{sys.base_prefix}/lib", PYTHON]
    hidden = _find_installed_packages(tuple(shown))
    # bubblewrap would make the folders around them such that root alone can open some
    around = [parent for path in (*shown, *box.packages, "/dev/null") for parent in _parents(path)]
    return [
        *(box.bwrap, *apart, "--as-pid-1", "--hostname", "sandbox"),
        *("--seccomp", str(call_filter)),
        *(part for path in dict.fromkeys(around) for part in ("--perms", "0755", "--dir", path)),
        *(part for path in dict.fromkeys(shown) for part in ("--ro-bind-try", path, path)),
        *(part for path in hidden for part in ("--perms", "0555", "--tmpfs", path)),
        *(part for path in box.packages for part in ("--ro-bind-try", path, path)),
        *(part for path in hidden for part in ("--remount-ro", path)),
        *("--dev-bind", "/dev/null", "/dev/null"),
        *("--remount-ro", "/", "--chdir", "/", "--"),
        *python,
    ]


def _parents(path: str) -> list[str]:
    """Return the folders around a file, from the outermost inwards, without the root."""
    return [str(parent) for parent in reversed(Path(path).parents[:-1])]


@cache
def _find_installed_packages(folders: tuple[str, ...]) -> list[str]:
    """Return the folders of packages in those of interpreters."""
    return [
        str(path)
        for folder in folders
        for kind in ("site-packages", "dist-packages")
        for path in sorted(Path(folder).glob(f"python*/{kind}"))
    ]
