"""The caller's ends of sandboxed processes: of those that wait for rows, and of those of one row.

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
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from rewardkit.verify._sandbox import waiting
from rewardkit.verify._sandbox.command import (
    PYTHON,
    Box,
    build_command,
    build_environment,
    build_loader,
    compile_guest,
)
from rewardkit.verify._sandbox.seccomp import KILLED_EXIT_CODE, build_filter
from rewardkit.verify._sandbox.streams import (
    Clock,
    KilledError,
    NoAnswerError,
    SandboxFailedError,
    Sink,
    Stream,
    open_nameless_file,
    open_pipe,
    wait_for_files,
)

END_SECONDS = 5.0  # for a process to end on request, before it is killed
IDLE_SECONDS = 2.0  # the processes hold memory
_CREDENTIALS_BYTES = 32  # for one `struct ucred`: CMSG_SPACE(12)


_RESET_SIGNALS = """
import os, signal, sys
for number in signal.valid_signals():
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execv(sys.argv[1], sys.argv[1:])
"""


def _start_process(
    box: Box, program: str, files: tuple[int, ...], call_filter: Stream, **streams: Any
) -> subprocess.Popen[bytes]:
    """Start a program of Python in a box; it inherits the files."""
    command = build_command(box, program, call_filter.fileno())
    if _alters_signals():
        command = [PYTHON, "-I", "-S", "-c", _RESET_SIGNALS, *command]
    return subprocess.Popen(  # noqa: S603 - the command is made of constants
        command,
        env=build_environment(box),
        cwd="/",
        pass_fds=(*files, call_filter.fileno()),
        start_new_session=True,
        **streams,
    )


def _alters_signals() -> bool:
    """Whether this process ignores or blocks signals, as what it starts would too.

    bubblewrap waits for ever where SIGCHLD is ignored, and programs would not get their alarms.
    """
    reset_by_popen = {signal.SIGPIPE, signal.SIGXFSZ}
    return bool(signal.pthread_sigmask(signal.SIG_BLOCK, ())) or any(
        signal.getsignal(number) == signal.SIG_IGN
        for number in signal.valid_signals() - reset_by_popen
    )


def _refuse_shared_memory(pid: int) -> None:
    """Raise SandboxFailedError if a process has memory that its children could change.

    Such as one that an old libffi maps for ctypes.
    """
    maps = Path(f"/proc/{pid}/maps").read_bytes().splitlines()
    modes = {line.split(maxsplit=2)[1] for line in maps}  # such as rw-p, or r--s where shared
    if any(mode[1:2] == b"w" and mode.endswith(b"s") for mode in modes):
        raise SandboxFailedError("a waiting process would share memory with its children")


class Server:
    """The caller's end of a process that forks others, which wait in a sandbox for rows."""

    def __init__(self, box: Box, clock: Clock) -> None:
        """Start the process, and wait for it. Raises SandboxFailedError if it fails."""
        options = {"child_filter": build_filter(others=False), "idle_seconds": IDLE_SECONDS}
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with (
            theirs,
            open_nameless_file(b"") as nothing,
            open_nameless_file(marshal.dumps((compile_guest(), options))) as code,
            open_nameless_file(build_filter(processes=False)) as call_filter,
        ):
            program = (
                f"{build_loader(box, code.fileno())} waiting = {{'__name__': 'waiting'}};"
                " exec(codes['waiting'], waiting);"
                f" waiting['serve'](guest, limits, {theirs.fileno()}, **data[1])"
            )
            # Of the same kinds as those of its children, none of which has these.
            self.process = _start_process(
                box,
                program,
                (code.fileno(), theirs.fileno()),
                call_filter,
                stdin=nothing,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        self.output: Stream = self.process.stdout  # type: ignore[assignment]  # a pipe
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
        self._end_process()
        text = Sink(self.output).read_error()
        self.end()
        return text or f"a sandbox ended, with exit code {self.process.returncode}"

    def end(self) -> None:
        """End the process, with all that it has forked, and leave no zombie."""
        self._end_process()
        self.output.close()
        _open_ends.discard(self)

    def _end_process(self) -> None:
        self.control.close()  # which ends it
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def forget(self) -> None:
        """Leave the process to the parent, in a fork of the caller."""
        self.control.close()
        self.output.close()
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
            self.control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
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


class Row:
    """A process that plays a role of `guest.py`."""

    sink: Sink | None = None
    end_file = -1
    """An open file that can be read once it has ended; -1 for none."""

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
        self.end_file = process.control.fileno()
        send_files(process.control, streams)

    def wait_for_exit(self, clock: Clock) -> int | None:
        if self.end_of_row is None:
            clock.wait_for(self.process.control.fileno())
            self.end_of_row = self._receive_end()
        return self.end()

    def end(self) -> int | None:
        if self.end_of_row is None:
            if self.process.control.fileno() < 0:  # this has been asked for before
                raise SandboxFailedError("a waiting process was killed")
            with suppress(ConnectionError):  # then there is no reply either
                self.process.control.send(waiting.END, socket.MSG_NOSIGNAL)
            try:
                wait_for_files([self.process.control.fileno()], END_SECONDS)
            except TimeoutError:
                self.process.end()
                raise SandboxFailedError("a sandboxed program did not end") from None
            self.end_of_row = self._receive_end()
        kind, status = self.end_of_row
        if kind == waiting.NOT_STARTED:
            raise SandboxFailedError(f"a sandbox did not start: {os.strerror(status)}")
        return None if kind == waiting.KILLED else os.waitstatus_to_exitcode(status)

    def _receive_end(self) -> tuple[int, int]:
        reply = self.process.receive()
        if len(reply) != waiting.REPLY.size:
            self.process.end()
            raise SandboxFailedError("a waiting process was killed")
        kind, status = waiting.REPLY.unpack(reply)
        return kind, status


class ColdRow(Row):
    """A row that has a sandbox, or a plain subprocess, of its own."""

    def __init__(self, box: Box, streams: dict[str, Stream]) -> None:
        """Start the row."""
        links = {name: stream.fileno() for name, stream in streams.items()}
        task = links.pop("task")
        others = {name: links[name] for name in links if name not in waiting.STANDARD_STREAMS}
        with open_nameless_file(build_filter()) as call_filter:
            program = f"{build_loader(box, task)} limits['start_role'](guest, data[1], **{others})"
            self.process = _start_process(
                box,
                program,
                (task, *others.values()),
                call_filter,
                stdin=links.pop("stdin", subprocess.DEVNULL),
                stdout=links.pop("stdout", subprocess.DEVNULL),
                stderr=links.pop("stderr", subprocess.DEVNULL),
            )
        self.is_sandboxed = box.bwrap is not None
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):  # an old kernel
                self.end_file = os.pidfd_open(self.process.pid)

    def wait_for_exit(self, clock: Clock) -> int | None:
        if self.end_file >= 0:
            clock.wait_for(self.end_file)
        else:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(clock.start())
            if self.process.returncode is None:
                raise TimeoutError
        return self.end()

    def end(self) -> int | None:
        if self.end_file >= 0:
            os.close(self.end_file)
            self.end_file = -1
        if self.process.returncode is None and not self._has_exit_code():
            self.process.wait()
            raise SandboxFailedError(
                "the exit code of a sandbox was lost: this process ignores SIGCHLD, or waits for"
                " children that it has not started"
            )
        exit_code: int | None = self.process.poll()
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

    def _has_exit_code(self) -> bool:
        """Whether it runs, or its exit code can be had; Popen takes a lost one for 0."""
        if not hasattr(os, "waitid"):
            return True
        try:
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True


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
            # No file of the host's, and not its /dev/null.
            writes, dropped = stack.enter_context(open_pipe())
            sink = Sink(writes)
            streams = {"stdout": dropped, "stderr": dropped, **streams}
            if (
                "stdin" not in streams and not box.warm
            ):  # a child of a waiting process makes its own
                streams["stdin"], writing = stack.enter_context(open_pipe())
                writing.close()
        data = task if box.warm else (compile_guest(), task)
        streams["task"] = stack.enter_context(open_nameless_file(marshal.dumps(data)))
        row: Row
        if box.warm:
            row = WarmRow(stack.enter_context(_take_process(box, task["role"], clock)), streams)
        else:
            row = ColdRow(box, streams)
        row.sink = sink
        exit_code = None
        try:
            # While this process has a writing end open, a reader of the pipe sees no end.
            for stream in streams.values():
                stream.close()
            yield row
        finally:
            exit_code = row.end()
        # An end without a sign of life: whatever the answer does, this is not its fault.
        if exit_code is not None and not _read_at_once(started):
            reason = row.sink.read_error() if row.sink else ""
            message = "a sandbox did not start; the machine may lack memory or processes"
            raise SandboxFailedError(f"{message}: {reason}" if reason else message)
        if exit_code == -signal.SIGKILL and box.bwrap:
            message = "killed by the kernel: out of processor time, or the machine out of memory"
            raise KilledError(message)


def _read_at_once(stream: Stream) -> bytes:
    """Return a byte, if there is one: a fork of this process may hold the other end open."""
    os.set_blocking(stream.fileno(), False)
    return stream.read(1) or b""


_open_ends: set[Server | WaitingProcess] = set()
_servers: dict[Box, Server] = {}
_starting = threading.Lock()
_idle: dict[tuple[Box, bool], list[WaitingProcess]] = {}


@contextmanager
def _take_process(box: Box, role: str, clock: Clock) -> Iterator[WaitingProcess]:
    """Take a waiting process, or start one, and give it back at the end of the block."""
    # An answer and its tests are not children of one process.
    idle = _idle.setdefault((box, role == "run_tests"), [])
    process = None
    while process is None:
        try:
            process = idle.pop()
        except IndexError:
            process = _start_waiting_process(box, clock)
        if not process.is_idle:  # it has waited for too long
            process.end()
            process = None
    try:
        yield process
    finally:
        if process.control.fileno() >= 0:
            idle.append(process)


def _start_waiting_process(box: Box, clock: Clock) -> WaitingProcess:
    server = _find_server(box, clock)
    try:
        return WaitingProcess(server, clock)
    except NoAnswerError:
        with _starting:  # the next try starts another one
            if _servers.get(box) is server:
                del _servers[box]
                server.end()
        raise


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
    # a server waits for the processes that it has forked, so these end first
    for each in sorted(_open_ends, key=lambda end: isinstance(end, Server)):
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
