"""Run untrusted Python under bubblewrap (github.com/containers/bubblewrap), on Linux.

Each process has its own namespaces: it has no network and no environment, sees no other process,
reads only the interpreter's files, and can write nothing. A filter refuses the system calls that
would bypass that (`seccomp.py`). Resource limits bound memory, processor time and open files. How a
process is started, and kept for the next rows, is in `process.py`.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import stat
import sys
import sysconfig
import time
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rewardkit.verify._sandbox.command import Box
from rewardkit.verify._sandbox.process import Row, start_row
from rewardkit.verify._sandbox.seccomp import MACHINES as _MACHINES
from rewardkit.verify._sandbox.streams import (
    Clock,
    SandboxFailedError,
    Stream,
    open_nameless_file,
    open_pipe,
    wait_for_files,
)

if TYPE_CHECKING:
    from rewardkit.verify._sandbox.reading import CompiledTests

MAX_THREADS = 16
MAX_NOBODY_PROCESSES = 256  # where those of all sandboxes count together
MAX_REPORT_BYTES = 1 << 20  # lines of 200 characters at most: some 5,000 tests
_TRIALS, _TRIAL_SECONDS = 2, 60.0  # a passing fault should not choose the slower way
_MOMENT_SECONDS = 1.0


class Sandbox(NamedTuple):
    """The limits that a process runs under, and what confines it."""

    memory: int
    """MiB of address space."""
    seconds: float
    """Seconds of processor time, rounded up."""
    box: Box

    def run_program(
        self, program: str, stdin: str, *, max_bytes: int, clock: Clock
    ) -> tuple[bytes, int]:
        """Return a program's output, cut a little above `max_bytes`, and its exit code.

        Raises TimeoutError at the deadline, and SandboxFailedError if the machine is at fault.
        """
        task = self._build_task("run_program", program)
        with (
            # A file and not a pipe: nobody has to write while the program reads.
            open_nameless_file(stdin.encode(errors="replace")) as given,
            open_pipe() as (output, writing),
            start_row(self.box, task, {"stdin": given, "stdout": writing}, clock) as row,
        ):
            data = _read_until(output, max_bytes, clock, row)
            code = 0 if len(data) > max_bytes else row.wait_for_exit(clock)
        return data, code or 0

    def run_tests(
        self, answer: str, tests: CompiledTests, *, partial: bool, clock: Clock
    ) -> tuple[int, list[str]]:
        """Return the number of tests, and for each that ran its fault, "" for none.

        Answer and tests run in one sandbox each, and stop at the first test that fails unless
        `partial`. Raises TimeoutError at the deadline, and SandboxFailedError if the machine is at
        fault.
        """
        serving = self._build_task("serve_answer", answer)
        parts = (tests.source, tests.total, tests.code)
        testing = self._build_task("run_tests", parts, partial=partial)
        with (
            open_pipe() as (questions, asking),
            open_pipe() as (replies, replying),
            open_pipe() as (reports, reporting),
            start_row(
                self.box, serving, {"incoming": questions, "outgoing": replying}, clock
            ) as first,
            start_row(
                self.box,
                testing,
                {"incoming": replies, "outgoing": asking, "report": reporting},
                clock,
            ) as second,
        ):
            report = _read_until(reports, MAX_REPORT_BYTES, clock, second, first)
            # Pipes close a moment before their process has ended, which says why it has: what the
            # kernel has killed is not wrong.
            _wait_a_moment(second, clock)
            if b"the program ended" in report:
                _wait_a_moment(first, clock)
        total, *faults = report.decode(errors="replace").split("\n")
        return int(total or 0), faults[:-1]

    def _build_task(self, role: str, source: Any, **options: Any) -> dict[str, Any]:
        # In a namespace of its own it counts with the process that waits and that one's parent.
        processes = MAX_THREADS + 2 * self.box.warm
        if self.box.nobody and not self.box.warm:
            processes = MAX_NOBODY_PROCESSES
        limits = {
            "RLIMIT_AS": self.memory << 20,
            "RLIMIT_CPU": int(self.seconds) + 1,  # ends it too if this process cannot
            # A user namespace would also apply these two to all programs of the user together, if
            # the process that makes it had them.
            "RLIMIT_NPROC": processes,  # threads: the filter refuses processes
            "RLIMIT_SIGPENDING": 256,  # timers, too: all programs of a user share a number of them
        }
        return {
            "role": role,  # a function of `guest.py`
            "source": source,
            "options": options,
            "limits": limits,
            "paths": list(self.box.packages),
            # A plain subprocess outlives this process if that is killed; after the deadline of
            # its row it ends by itself. A sandbox ends with this process.
            "alarm": 0 if self.box.bwrap else int(self.seconds) + 1,
        }


def find_bubblewrap() -> str:
    """Return bubblewrap's path. Raises RuntimeError if it is missing or does not work here.

    Raises SandboxFailedError for a fault of the machine that may pass.
    """
    _refuse_windows()
    path = shutil.which("bwrap")
    reason = ""
    if sys.platform != "linux":
        reason = "bubblewrap runs on Linux alone"
    elif path is None:
        reason = "bubblewrap is not installed: there is no bwrap on the PATH"
    elif platform.machine() not in _MACHINES:
        reason = f"no system call filter is known for {platform.machine()}"
    else:
        try:
            find_box(path, packages=False)
        except SandboxFailedError as error:
            if _may_pass(str(error)):
                raise
            reason = str(error)
    if path is None or reason:
        message = (
            f"{reason}. Answers run under bubblewrap: apt-get install bubblewrap, and allow user"
            " namespaces. unsafe_subprocess=True runs them without, with this process's own rights"
        )
        raise RuntimeError(message)
    return path


def find_box(bwrap: str | None, *, packages: bool) -> Box:
    """Return the strictest and quickest way that works here.

    Raises SandboxFailedError if none does.
    """
    _refuse_windows()
    folders = tuple(_find_package_folders()) if packages else ()
    return _try_boxes(bwrap, folders) if bwrap else Box(None, folders)


def describe_box(box: Box) -> str:
    """Return how answers run, in words."""
    if box.bwrap is None:
        return "a plain subprocess per answer"
    way = "forks of waiting processes" if box.warm else "a new process per answer"
    user = ", as the user nobody" if box.nobody else ""
    return f"bubblewrap, {way}{user}"


def _refuse_windows() -> None:
    if sys.platform == "win32":
        message = (
            "code cannot run answers on Windows, which has neither bubblewrap nor resource limits;"
            " use Linux, or the Windows Subsystem for Linux"
        )
        raise RuntimeError(message)


@cache  # what failed is tried again
def _try_boxes(bwrap: str, packages: tuple[str, ...]) -> Box:
    is_root = os.geteuid() == 0
    users = [True, False] if is_root and all(map(_others_can_read, packages)) else [False]
    reason = "the permissions of the packages"
    for nobody in users:
        for warm in (True, False):
            box = Box(bwrap, packages, warm, nobody)
            if fault := _try_box(box):
                reason = fault
                if _may_pass(fault):  # else a full machine would choose a weaker box for good
                    raise SandboxFailedError(fault)
                continue
            if is_root and not nobody:
                message = (
                    "code runs answers as root, since the user nobody cannot read the interpreter"
                    f" in {sys.base_prefix}, or the packages; install them where all can read"
                    f" ({reason})"
                )
                warnings.warn(message, RuntimeWarning, stacklevel=2)
            return box
    raise SandboxFailedError(reason)


_PASSING_FAULTS = [os.strerror(each) for each in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE)]
_LATE = "a sandbox did not start in time"


def _may_pass(fault: str) -> bool:
    """Whether a machine is full or busy, by the words of bubblewrap or Python."""
    return any(words in fault for words in (*_PASSING_FAULTS, _LATE))


def _others_can_read(path: str) -> bool:
    mode = Path(path).stat().st_mode
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    return mode & needed == needed


def _try_box(box: Box) -> str:
    """Return the reason why a box does not work here, "" if it does."""
    sandbox = Sandbox(memory=512, seconds=5, box=box)
    reason = ""
    for _ in range(_TRIALS):
        clock = Clock(_TRIAL_SECONDS, time.monotonic() + _TRIAL_SECONDS)
        try:
            output, code = sandbox.run_program("print(1)", "", max_bytes=9, clock=clock)
        except (SandboxFailedError, TimeoutError) as error:
            reason = str(error) or _LATE
            continue
        if output == b"1\n":
            return ""
        reason = f"Python does not work in a sandbox: exit code {code}"
    return reason


def _read_until(stream: Stream, max_bytes: int, clock: Clock, writer: Row, *others: Row) -> bytes:
    """Return all data up to the end of the writer, cut a little above `max_bytes`.

    What the rows write elsewhere is dropped. Raises TimeoutError at the deadline.
    """
    data = bytearray()
    sinks = {row.sink.file: row.sink for row in (writer, *others) if row.sink}
    ends = [writer.end_file] if writer.end_file >= 0 else []
    source = stream.fileno()
    poll = clock.build_poll(source, *ends, *sinks)
    while len(data) <= max_bytes:
        ready = clock.wait_in(poll)
        for file in ready:
            if file in sinks and not sinks[file].drop():
                poll.unregister(file)
                del sinks[file]
        if source in ready:
            piece = os.read(source, 1 << 16)
            if not piece:
                break
            data += piece
        # A fork of this process, made by another thread, may hold the pipe open for long.
        elif writer.end_file in ready and not _can_read(stream):
            break
    return bytes(data)


def _can_read(stream: Stream) -> bool:
    try:
        return bool(wait_for_files([stream.fileno()], 0))
    except TimeoutError:
        return False


def _wait_a_moment(row: Row, clock: Clock) -> None:
    with suppress(TimeoutError):
        row.wait_for_exit(Clock(_MOMENT_SECONDS, clock.batch_deadline, clock.interrupt))


def _find_package_folders() -> list[str]:
    """Return the folders and archives that the caller imports from, without the standard library.

    Nor that of the script: it is the user's, and not installed.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    own = {Path(script).resolve().parent} if script else set()
    with suppress(FileNotFoundError):  # the folder may be deleted
        own.add(Path.cwd())
    standard = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
    installed = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    found = []
    for entry in filter(None, (*sys.path, *installed)):  # an empty one is the working folder
        path = Path(entry).resolve()
        if not path.exists() or path in own or path in standard or path.name == "lib-dynload":
            continue
        found.append(str(path))
    return list(dict.fromkeys(found))
