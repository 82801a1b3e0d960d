"""The files that the caller shares with a sandboxed process, and waiting for them."""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from io import FileIO
from typing import IO, cast

if sys.platform == "linux":
    import fcntl

Stream = IO[bytes]

START_SECONDS = 60.0  # on a machine that is busy, or reads its disk over a network
MAX_ERROR_BYTES = 1 << 12
_SEAL = 1033, 0xF  # F_ADD_SEALS: no change of the content or the length any more


class SandboxFailedError(Exception):
    """A sandbox did not start, or was killed: a fault of the machine, not of the program in it."""


class NoAnswerError(SandboxFailedError):
    """No process has started in time: the one that should have forked it may have been stopped."""


class KilledError(TimeoutError):
    """The kernel killed a program: it, or the machine, ran out of something."""


class Clock:
    """The time for one answer, which starts with the first process that works on it."""

    def __init__(self, seconds: float, batch_deadline: float, interrupt: int = -1) -> None:
        """Start nothing. The file `interrupt` can be read once the batch is interrupted."""
        self.seconds, self.batch_deadline, self.interrupt = seconds, batch_deadline, interrupt
        self.deadline = 0.0

    def wait_for(self, *files: int) -> list[int]:
        """Return those of the files that can be read. Raises TimeoutError at the deadline."""
        return wait_for_files(files, self.start(), self.interrupt)

    def build_poll(self, *files: int) -> select.poll:
        """Return a poll of the files, which can wait more than once without a new list of them."""
        return _build_poll(files, self.interrupt)

    def wait_in(self, poll: select.poll) -> list[int]:
        """Do what `wait_for` does, with what `build_poll` returned."""
        return _wait_in_poll(poll, self.start(), self.interrupt)

    def start(self) -> float:
        """Start it if it has not started, and return the seconds that are left."""
        now = time.monotonic()
        if not self.deadline:
            self.deadline = min(now + self.seconds, self.batch_deadline)
        return max(self.deadline - now, 0)

    def wait_for_start(self, file: int) -> None:
        """Wait until a process has started that works on the answer, for as long as that takes."""
        seconds = self.batch_deadline - time.monotonic()
        try:
            wait_for_files([file], min(START_SECONDS, seconds), self.interrupt)
        except TimeoutError:
            if seconds > START_SECONDS:
                raise NoAnswerError(f"no process in {START_SECONDS:g} s") from None
            raise


def wait_for_files(files: Iterable[int], seconds: float, interrupt: int = -1) -> list[int]:
    """Return those of the files that can be read, or have ended.

    Raises TimeoutError if none can in that time, and InterruptedError if `interrupt` can.
    """
    return _wait_in_poll(_build_poll(files, interrupt), seconds, interrupt)


def _build_poll(files: Iterable[int], interrupt: int) -> select.poll:
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    if interrupt >= 0:
        poll.register(interrupt, select.POLLIN)
    return poll


def _wait_in_poll(poll: select.poll, seconds: float, interrupt: int) -> list[int]:
    found = [file for file, _ in poll.poll(max(seconds, 0) * 1000)]
    if interrupt in found:
        raise InterruptedError
    if not found:
        raise TimeoutError
    return found


def pause(seconds: float, interrupt: int) -> None:
    """Wait. Raises InterruptedError if the file `interrupt` can be read."""
    with suppress(TimeoutError):
        wait_for_files([], seconds, interrupt)


class _Pipe:
    """The ends of a pipe, closed at the end of a `with` block."""

    # Generators as context managers, and io.open in place of FileIO, would take a tenth of the
    # caller's time for a row, which needs nine pipes.
    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._ends = FileIO(reading, "rb"), FileIO(writing, "wb")

    def __enter__(self) -> tuple[Stream, Stream]:
        return cast("tuple[Stream, Stream]", self._ends)

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()


def open_pipe() -> _Pipe:
    """Open a pipe: the end to read from, and the end to write to."""
    return _Pipe()


def open_nameless_file(data: bytes) -> Stream:
    """Open a file that has this content for good, and no name."""
    file = _create_nameless_file()
    try:
        file.write(data)
        file.seek(0)
        if sys.platform == "linux":
            fcntl.fcntl(file, *_SEAL)
    except BaseException:
        file.close()
        raise
    return file


def _create_nameless_file() -> Stream:
    if sys.platform != "linux":
        return tempfile.TemporaryFile()
    # in memory: a disk may be full, or slow
    number = os.memfd_create("rewardkit", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    return cast("Stream", FileIO(number, "r+b"))


class Sink:
    """The end of a pipe for what a program writes to nobody; it starts with bubblewrap's errors."""

    def __init__(self, stream: Stream) -> None:
        """Read nothing yet."""
        self.file = stream.fileno()
        self.beginning = b""

    def drop(self) -> bool:
        """Drop what the pipe holds; return whether it has not ended."""
        if len(self.beginning) < MAX_ERROR_BYTES:
            piece = os.read(self.file, MAX_ERROR_BYTES)
            self.beginning += piece
            return bool(piece)
        return os.splice(self.file, _open_null(), 1 << 20) > 0  # which copies nothing

    def read_error(self) -> str:
        """Return the end of what was written first, of a process that has ended."""
        with suppress(TimeoutError):
            while wait_for_files([self.file], 0) and len(self.beginning) < MAX_ERROR_BYTES:
                if not self.drop():
                    break
        return self.beginning.decode(errors="replace").strip()[-300:]


@cache
def _open_null() -> int:
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
