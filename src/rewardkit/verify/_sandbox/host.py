"""Run untrusted Python under bubblewrap (github.com/containers/bubblewrap), on Linux.

Each process has its own namespaces: it has no network and no environment, sees no other process,
reads only the interpreter's files, and can write nothing. A filter refuses the system calls that
would bypass that: those that start processes, open sockets (a socket to a virtual machine's host
ignores namespaces), take memory that no limit counts, or reach into other processes and the kernel.
Resource limits bound memory, processor time and open files.
"""

from __future__ import annotations

import marshal
import os
import platform
import select
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import CodeType
from typing import IO, Any, NamedTuple

Stream = IO[bytes]

_PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
MAX_REPORT_BYTES = 1 << 20  # lines of 200 characters at most: some 5,000 tests
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_REFUSED_CALLS = {  # the kernel's numbers, in the order of _MACHINES
    "fork": (57, 1079),
    "vfork": (58, 1071),
    "socket": (41, 198),
    "unshare": (272, 97),
    "setns": (308, 268),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "syslog": (103, 116),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}


class Sandbox(NamedTuple):
    """The limits that a process runs under, and what confines it."""

    memory: int
    """MiB of address space."""
    seconds: float
    """Seconds of processor time, rounded up."""
    packages: bool
    """Whether it can import what is installed beside the standard library."""
    bwrap: str | None
    """bubblewrap's path; None runs a plain subprocess, under resource limits alone."""

    def run_program(
        self, program: str, stdin: str, *, max_bytes: int, deadline: float
    ) -> tuple[bytes, int]:
        """Return a program's output, cut a little above `max_bytes`, and its exit code.

        Raises TimeoutError at the deadline, a value of `time.monotonic`.
        """
        with ExitStack() as stack:
            # A file and not a pipe: nobody has to write while the program reads.
            given = stack.enter_context(_open_nameless_file(stdin.encode(errors="replace")))
            output, writing = stack.enter_context(_open_pipe())
            streams = {"stdin": given, "stdout": writing}
            process = stack.enter_context(_start_guest(self, "program", program, streams))
            data = _read_until(output, max_bytes, deadline)
            if len(data) > max_bytes:
                return data, 0
            try:
                code = process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                raise TimeoutError from None
        return data, code

    def run_tests(
        self, answer: str, tests: str, *, partial: bool, deadline: float
    ) -> tuple[int, list[str]]:
        """Return the number of tests, and for each that ran its fault, "" for none.

        Answer and tests run in one sandbox each, and stop at the first test that fails unless
        `partial`. Raises TimeoutError at the deadline, a value of `time.monotonic`.
        """
        with ExitStack() as stack:
            questions, asking = stack.enter_context(_open_pipe())
            replies, replying = stack.enter_context(_open_pipe())
            reports, reporting = stack.enter_context(_open_pipe())
            streams = {"incoming": questions, "outgoing": replying}
            stack.enter_context(_start_guest(self, "answer", answer, streams))
            streams = {"incoming": replies, "outgoing": asking, "report": reporting}
            stack.enter_context(_start_guest(self, "tests", tests, streams, partial=partial))
            report = _read_until(reports, MAX_REPORT_BYTES, deadline)
        total, *faults = report.decode(errors="replace").split("\n")
        return int(total or 0), faults[:-1]


def find_bubblewrap() -> str:
    """Return bubblewrap's path. Raises RuntimeError if it is missing or does not work here."""
    _refuse_windows()
    path = shutil.which("bwrap")
    if sys.platform != "linux":
        reason = "bubblewrap runs on Linux alone"
    elif path is None:
        reason = "bubblewrap is not installed: there is no bwrap on the PATH"
    elif platform.machine() not in _MACHINES:
        reason = f"no system call filter is known for {platform.machine()}"
    else:
        reason = _try_bubblewrap(path)
    if path is None or reason:
        message = (
            f"{reason}. Answers run under bubblewrap: apt-get install bubblewrap, and allow user"
            " namespaces. unsafe_subprocess=True runs them without, with this process's own rights"
        )
        raise RuntimeError(message)
    return path


def _refuse_windows() -> None:
    if sys.platform == "win32":
        message = (
            "code cannot run answers on Windows, which has neither bubblewrap nor resource limits;"
            " use Linux, or the Windows Subsystem for Linux"
        )
        raise RuntimeError(message)


@contextmanager
def _start_guest(
    sandbox: Sandbox, role: str, source: str, streams: dict[str, Stream], **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process in a role of `guest.py`, and kill it at the end of the block.

    The process takes over the streams. Raises RuntimeError if it did not start.
    """
    _refuse_windows()
    with (
        _open_nameless_file(_pack_task(source)) as task,
        _open_pipe() as (started, report_start),
        _open_nameless_file(_build_filter()) as call_filter,
    ):
        streams = {**streams, "task": task, "ready": report_start}
        standard = ("stdin", "stdout")
        links = {name: each.fileno() for name, each in streams.items() if name not in standard}
        process = subprocess.Popen(  # noqa: S603 - the command is made of constants
            _build_command(sandbox, call_filter.fileno(), role=role, **links, **options),
            stdin=streams.get("stdin", subprocess.DEVNULL),
            stdout=streams.get("stdout", subprocess.DEVNULL),
            stderr=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": "1"} if sandbox.packages else {},  # within the limit on threads
            cwd="/",
            pass_fds=(*links.values(), call_filter.fileno()),
            start_new_session=True,
        )
        try:
            # While this process has a writing end open, a reader of the pipe sees no end.
            for stream in streams.values():
                stream.close()
            yield process
            # An end without a sign of life: whatever the answer does, this is not its fault.
            if _is_readable(started, 0.1) and not started.read(1):
                message = "a sandbox did not start; the machine may lack memory or processes"
                raise RuntimeError(message)
        finally:
            _kill_guest(process, sandbox)


def _kill_guest(process: subprocess.Popen[bytes], sandbox: Sandbox) -> None:
    """Kill the process and what it has started, and leave no zombie."""
    # Of a sandbox whose first process has ended the kernel has killed the rest. Of a plain
    # subprocess what it started may still run.
    if process.returncode is None or sandbox.bwrap is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_until(stream: Stream, max_bytes: int, deadline: float) -> bytes:
    """Return all data up to the end, cut a little above `max_bytes`.

    Raises TimeoutError at the deadline.
    """
    data = bytearray()
    while len(data) <= max_bytes:
        if not _is_readable(stream, deadline - time.monotonic()):
            raise TimeoutError
        piece = os.read(stream.fileno(), 1 << 16)
        if not piece:
            break
        data += piece
    return bytes(data)


def _is_readable(stream: Stream, seconds: float) -> bool:
    """Wait at most that long for data, or for the end of the stream."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return seconds > 0 and bool(poll.poll(seconds * 1000))


@contextmanager
def _open_pipe() -> Iterator[tuple[Stream, Stream]]:
    """Open a pipe: the end to read from, and the end to write to."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as out, os.fdopen(writing, "wb", 0) as into:
        yield out, into


@contextmanager
def _open_nameless_file(data: bytes) -> Iterator[Stream]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _find_package_folders() -> list[str]:
    installed = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    # a virtual environment may add the system's or another's by a .pth file
    added = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return list(dict.fromkeys([*installed, *added]))


def _build_command(sandbox: Sandbox, call_filter: int, *, task: int, **options: Any) -> list[str]:
    """Return the command of a guest; `call_filter` and `task` are numbers of open files."""
    limits = {
        "RLIMIT_AS": sandbox.memory << 20,
        "RLIMIT_CPU": int(sandbox.seconds) + 1,  # ends it too if this process cannot
        "RLIMIT_NPROC": 16,  # threads: the filter refuses processes
        "RLIMIT_NOFILE": 64,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
    }
    packages = _find_package_folders() if sandbox.packages else []
    options = {**options, "limits": limits, "paths": packages}
    load = f"import marshal, os; code, source = marshal.load(os.fdopen({task}, 'rb'))"
    program = f"{load}; exec(code); main(source=source, **{options})"
    python = [_PYTHON, "-I", "-S", "-X", "utf8", "-c", program]
    if sandbox.bwrap is None:
        return python
    paths = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", f"{sys.base_prefix}/lib", _PYTHON]
    paths = list(dict.fromkeys([*paths, *packages]))
    return [
        sandbox.bwrap,
        *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--seccomp", str(call_filter), "--hostname", "sandbox"),
        *(part for path in paths for part in ("--ro-bind-try", path, path)),
        *("--dev-bind", "/dev/null", "/dev/null", "--remount-ro", "/", "--chdir", "/", "--"),
        *python,
    ]


@cache
def _try_bubblewrap(bwrap: str) -> str:
    """Return the reason why bubblewrap cannot start Python here, "" if it can."""
    sandbox = Sandbox(memory=512, seconds=5, packages=False, bwrap=bwrap)
    with (
        _open_nameless_file(_pack_task("")) as task,
        _open_pipe() as (_, report_start),
        _open_nameless_file(_build_filter()) as call_filter,
    ):
        links = {"task": task.fileno(), "ready": report_start.fileno()}
        done = subprocess.run(  # noqa: S603 - the command is made of constants
            _build_command(sandbox, call_filter.fileno(), role="program", **links),
            env={},
            cwd="/",
            pass_fds=(*links.values(), call_filter.fileno()),
            capture_output=True,
            check=False,
        )
    return done.stderr.decode(errors="replace").strip()[-300:] if done.returncode else ""


def _pack_task(source: str) -> bytes:
    """Return the guest's code, and the source that it works on, for the guest to load."""
    return marshal.dumps((_compile_guest(), source))


@cache
def _compile_guest() -> CodeType:
    text = Path(__file__).with_name("guest.py").read_text(encoding="utf-8")
    return compile(text, "guest.py", "exec", dont_inherit=True)


@cache
def _build_filter() -> bytes:
    """Return the system call filter as classic BPF, 8 bytes per instruction."""
    machine = platform.machine()
    if machine not in _MACHINES:
        return b""
    architecture, column = _MACHINES[machine]
    load, equal, at_least, any_bit, end = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, refuse, unknown = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
    steps = [
        *((load, 0, 0, 4), (equal, 1, 0, architecture), (end, 0, 0, kill)),
        *((load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (end, 0, 0, refuse)),  # the x32 calls
        *((equal, 0, 1, 435), (end, 0, 0, unknown)),  # clone3, so that libc falls back on clone
        *((equal, 0, 4, (56, 220)[column]), (load, 0, 0, 16), (any_bit, 0, 1, 0x10000)),  # clone
        *((end, 0, 0, allow), (end, 0, 0, refuse)),  # ... of a thread
    ]
    for call in _REFUSED_CALLS.values():
        steps += [(equal, 0, 1, call[column]), (end, 0, 0, refuse)]
    return b"".join(struct.pack("=HBBI", *step) for step in (*steps, (end, 0, 0, allow)))
