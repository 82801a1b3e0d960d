"""Run Python that nobody vouches for, under bubblewrap (github.com/containers/bubblewrap).

Each process has namespaces of its own: no network, no other process in sight, no file but the
interpreter's, nothing that can be written, no environment. A filter refuses the system calls that
lead around that: those that start processes, open sockets (one to a virtual machine's host knows
no namespace), take memory that no limit counts, or reach into other processes and the kernel.
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

    def output(self, program: str, stdin: str, *, most: int, deadline: float) -> tuple[bytes, int]:
        """Return what a program writes, cut a little above `most` bytes, and its exit code.

        Raises TimeoutError at the deadline, a value of `time.monotonic`.
        """
        with ExitStack() as stack:
            given = stack.enter_context(_file(stdin.encode(errors="replace")))
            written, writing = stack.enter_context(_pipe())
            streams = {"stdin": given, "stdout": writing}
            process = stack.enter_context(_guest(self, "program", program, streams))
            data = _read(written, most, deadline)
            try:
                code = 0 if len(data) > most else process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                raise TimeoutError from None
        return data, code

    def tested(
        self, answer: str, tests: str, *, partial: bool, deadline: float
    ) -> tuple[int, list[str]]:
        """Return how many tests there are, and for each that ran what went wrong, "" for nothing.

        Answer and tests run in a sandbox each, and stop at the first test that fails unless
        `partial`. Raises TimeoutError at the deadline, a value of `time.monotonic`.
        """
        with ExitStack() as stack:
            asked, asking = stack.enter_context(_pipe())
            told, telling = stack.enter_context(_pipe())
            reported, reporting = stack.enter_context(_pipe())
            streams = {"incoming": asked, "outgoing": telling}
            stack.enter_context(_guest(self, "answer", answer, streams))
            streams = {"incoming": told, "outgoing": asking, "report": reporting}
            stack.enter_context(_guest(self, "tests", tests, streams, partial=partial))
            report = _read(reported, _REPORT, deadline)
        total, *faults = report.decode(errors="replace").split("\n")
        return int(total or 0), faults[:-1]


def bubblewrap() -> str:
    """Return bubblewrap's path. Raises RuntimeError where it is missing or cannot work here."""
    path = shutil.which("bwrap")
    if path is None:
        why = "bubblewrap is not installed: there is no bwrap on the PATH"
    elif platform.machine() not in _MACHINES:
        why = f"no system call filter is known for {platform.machine()}"
    else:
        why = _trial(path)
    if path is None or why:
        message = (
            f"{why}. Answers run under bubblewrap: apt-get install bubblewrap, and allow user"
            " namespaces. unsafe_subprocess=True runs them without, with this process's own rights"
        )
        raise RuntimeError(message)
    return path


@contextmanager
def _guest(
    sandbox: Sandbox, role: str, source: str, streams: dict[str, Stream], **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that plays a role of `guest.py`, and kill it in the end.

    It takes over the streams. Raises RuntimeError where it did not start.
    """
    with _file(_task(source)) as file, _pipe() as (ready, telling), _file(_filter()) as calls:
        streams = {**streams, "task": file, "ready": telling}
        standard = ("stdin", "stdout")
        links = {name: each.fileno() for name, each in streams.items() if name not in standard}
        process = subprocess.Popen(  # noqa: S603 - the command is made of constants
            _command(sandbox, calls.fileno(), role=role, **links, **options),
            stdin=streams.get("stdin", subprocess.DEVNULL),
            stdout=streams.get("stdout", subprocess.DEVNULL),
            stderr=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": "1"} if sandbox.packages else {},  # within the limit on threads
            cwd="/",
            pass_fds=(*links.values(), calls.fileno()),
            start_new_session=True,
        )
        try:
            for stream in streams.values():
                stream.close()
            yield process
            if _readable(ready, 0.1) and not ready.read(1):
                message = "a sandbox did not start; the machine may lack memory or processes"
                raise RuntimeError(message)
        finally:
            if process.returncode is None or sandbox.bwrap is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(stream: Stream, most: int, deadline: float) -> bytes:
    """Return all that comes, cut a little above `most` bytes.

    Raises TimeoutError at the deadline.
    """
    data = bytearray()
    while len(data) <= most:
        if not _readable(stream, deadline - time.monotonic()):
            raise TimeoutError
        piece = os.read(stream.fileno(), 1 << 16)
        if not piece:
            break
        data += piece
    return bytes(data)


def _readable(stream: Stream, seconds: float) -> bool:
    """Return whether there is something to read, or the end, within some seconds."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return seconds > 0 and bool(poll.poll(seconds * 1000))


@contextmanager
def _pipe() -> Iterator[tuple[Stream, Stream]]:
    """Open a pipe: the end to read from, and the end to write to."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as out, os.fdopen(writing, "wb", 0) as into:
        yield out, into


@contextmanager
def _file(data: bytes) -> Iterator[Stream]:
    """Open a file without a name that holds some data."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _command(sandbox: Sandbox, calls: int, *, task: int, **options: Any) -> list[str]:
    """Return the command that does a task, `task` and `calls` being its and the filter's files."""
    limits = {
        "RLIMIT_AS": sandbox.memory << 20,
        "RLIMIT_CPU": int(sandbox.seconds) + 1,
        "RLIMIT_NPROC": 16,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
    }
    packages = [sysconfig.get_path(name) for name in ("purelib", "platlib") if sandbox.packages]
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
        *("--seccomp", str(calls), "--hostname", "sandbox"),
        *(part for path in paths for part in ("--ro-bind-try", path, path)),
        *("--dev-bind", "/dev/null", "/dev/null", "--remount-ro", "/", "--chdir", "/", "--"),
        *python,
    ]


@cache
def _trial(bwrap: str) -> str:
    """Return why bubblewrap cannot start Python here, "" where it can."""
    sandbox = Sandbox(memory=512, seconds=5, packages=False, bwrap=bwrap)
    with _file(_task("")) as file, _pipe() as (_, telling), _file(_filter()) as calls:
        links = {"task": file.fileno(), "ready": telling.fileno()}
        done = subprocess.run(  # noqa: S603 - the command is made of constants
            _command(sandbox, calls.fileno(), role="program", **links),
            env={},
            cwd="/",
            pass_fds=(*links.values(), calls.fileno()),
            capture_output=True,
            check=False,
        )
    return done.stderr.decode(errors="replace").strip()[-300:] if done.returncode else ""


def _task(source: str) -> bytes:
    """Return what a process loads: the program that all run, and the source that it is about."""
    return marshal.dumps((_program(), source))


@cache
def _program() -> CodeType:
    """Return `guest.py`, compiled."""
    text = Path(__file__).with_name("guest.py").read_text(encoding="utf-8")
    return compile(text, "guest.py", "exec", dont_inherit=True)


@cache
def _filter() -> bytes:
    """Return the filter as the kernel takes it: classic BPF, eight bytes an instruction."""
    machine = platform.machine()
    if machine not in _MACHINES:
        return b""
    number, place = _MACHINES[machine]
    load, equal, at_least, any_bit, end = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, refuse, unknown = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
    steps = [
        *((load, 0, 0, 4), (equal, 1, 0, number), (end, 0, 0, kill)),
        *((load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (end, 0, 0, refuse)),  # the x32 calls
        *((equal, 0, 1, 435), (end, 0, 0, unknown)),  # clone3, so that libc falls back on clone
        *((equal, 0, 4, (56, 220)[place]), (load, 0, 0, 16), (any_bit, 0, 1, 0x10000)),  # clone
        *((end, 0, 0, allow), (end, 0, 0, refuse)),  # ... of a thread
    ]
    for call in _REFUSED.values():
        steps += [(equal, 0, 1, call[place]), (end, 0, 0, refuse)]
    return b"".join(struct.pack("=HBBI", *step) for step in (*steps, (end, 0, 0, allow)))


_PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
_REPORT = 1 << 20  # bytes
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_REFUSED = {  # the kernel's numbers, in the order of _MACHINES
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
