"""A file that is written in pieces and appears only when complete; a killed run can resume.

The pieces go to `OUT.part`. The first line of `OUT.progress` has what the rows depend on, and after
each piece one is added: how many bytes and rows there are now, and whatever else is to be kept. A
run that finds more files to read adds a line like the first. On resuming, everything after the last
line about a piece (a torn piece or a torn line, files of which no row was written) is cut off. At
the end `OUT` appears in one step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from rewardkit._files.lock import try_lock
from rewardkit._files.safe_open import create_new, open_unlinked
from rewardkit._files.work import START_AFRESH, Work, read_work

State = dict[str, Any]
MAX_LINE_BYTES = 1 << 26  # the longest lines have the names of a hundred thousand files


class Journal:
    """The work on one file, resumed at the last whole piece."""

    def __init__(self, out: Path, work: Work, *, fresh: bool) -> None:
        """Resume the work on `out`, or begin it.

        `state` is what was recorded with the last piece, its `bytes` and `rows` included; `ends`
        are the number of bytes after each piece, and `last_line` is the number of that record.
        `work` has its files in the order in which an earlier run began them. `is_fresh` says that
        the run that began it was to discard a finished `out` too.

        Raises ValueError if that run was begun with other work, but for files that are new, or if
        another process is at it; `fresh` discards earlier work.
        """
        self.out, self.work, self.is_fresh = out, work, fresh
        self.last_line = 1
        self.part, self.progress = add_suffix(out, "part"), add_suffix(out, "progress")
        out.parent.mkdir(parents=True, exist_ok=True)
        # "a+" creates the file without emptying it: until it is locked it may be somebody else's.
        self._log = open_unlinked(self.progress, "a+b")
        if not try_lock(self._log):
            self._log.close()
            raise ValueError(f"{out} is being written by another process; wait for it, or stop it")
        self._pieces: IO[bytes] | None = None
        try:
            self._pieces = open_unlinked(self.part, "ab")
            self.state, self.ends = self._recover_state(self._pieces)
            self._pieces.truncate(self.ends[-1] if self.ends else 0)
        except BaseException:
            self._close_pieces()
            self._log.close()
            raise

    def add(self, piece: bytes, rows: int, **kept: Any) -> State:
        """Append a piece of `rows` rows; return the new state, which holds `kept` too."""
        assert self._pieces is not None  # noqa: S101 - it is closed only at the end
        # The piece goes first: a line about bytes that never arrived would be a lie, while bytes
        # without a line are cut off. Neither is synced; a kill loses nothing that was flushed.
        self._pieces.write(piece)
        self._pieces.flush()
        size, total = self.state["bytes"] + len(piece), self.state["rows"] + rows
        self.state = {"bytes": size, "rows": total, **kept}
        self.ends.append(size)
        self._append_line(self.state)
        return self.state

    def adopt(self, write: Callable[[IO[bytes]], State], before: Work, state: State) -> None:
        """Begin with a piece that `write` makes of a finished file: its work, and its state.

        What it returns is added to the state. Raises ValueError if the work does not follow it.
        """
        assert self._pieces is not None  # noqa: S101 - it is closed only at the end
        work = self.work.follow(before, self.out)
        # The piece depends on the finished file's work alone: a new file may still be changed.
        self._append_work(before)
        kept = write(self._pieces)
        self._pieces.flush()
        self.state = {**state, **kept, "bytes": self._pieces.tell()}
        self.ends.append(self.state["bytes"])
        self._append_line(self.state)
        self.work = work
        self._append_work(work)

    def finish(self, convert: Callable[[Path], Path]) -> None:
        """Replace `out`, in one step, by the file that `convert` makes of the pieces."""
        self._close_pieces()
        finished = convert(self.part)
        with finished.open("r+b") as file:  # Windows syncs only what is open for writing
            os.fsync(file.fileno())
        finished.replace(self.out)
        # The log goes last: as long as it is there, the next run knows that something is left.
        self.part.unlink(missing_ok=True)
        if os.name == "nt":  # Windows does not delete a file that is open
            self._log.close()
        self.progress.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the files; the work can be resumed later."""
        self._close_pieces()
        self._log.close()

    def _close_pieces(self) -> None:
        if self._pieces is not None:
            self._pieces.close()

    def _append_work(self, work: Work) -> None:
        self._append_line({**work.as_record(), "fresh": self.is_fresh})

    def _append_line(self, line: Mapping[str, Any]) -> None:
        self._log.write(json.dumps(line).encode() + b"\n")
        self._log.flush()

    def _read_lines(self) -> list[bytes]:
        """Return the whole lines of the log; the last one may be torn. ValueError for a long one.

        Somebody else may have put a file of any size there.
        """
        lines: list[bytes] = []
        self._log.seek(0)
        while (line := self._log.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            lines.append(line[:-1])
        if len(line) == MAX_LINE_BYTES:
            raise ValueError(explain_garbage(self.progress, len(lines) + 1))
        return lines

    def _recover_state(self, pieces: IO[bytes]) -> tuple[State, list[int]]:
        """Return the state after the last whole piece, and the ends; cut off the lines after it."""
        lines = [] if self.is_fresh else self._read_lines()
        size = pieces.seek(0, os.SEEK_END)
        state: State = {"bytes": 0, "rows": 0}
        ends: list[int] = []
        before = logged = Work()
        for number, line in enumerate(lines, 1):
            recorded = _read_record(self.progress, number, line)
            if number == 1 or "files" in recorded:
                before = self._read_work(number, recorded)
                logged = before if number == 1 else logged
                self.is_fresh = recorded.get("fresh") is True
                continue
            sizes = [recorded.get("bytes"), recorded.get("rows")]
            if not all(type(each) is int and each >= 0 for each in sizes):
                raise ValueError(explain_garbage(self.progress, number))
            # A machine that lost power may have kept the line and lost the piece.
            if recorded["bytes"] <= size:
                state, logged, self.last_line = recorded, before, number
                ends.append(recorded["bytes"])
        # Without a piece there is nothing that other rewards could be mixed with. A finished file
        # says itself what it was made of, unless it was to be replaced.
        if not ends and not (self.is_fresh and self.out.exists()):
            lines = []
        if lines:
            self.work = self.work.follow(logged, self.out)
            self._log.truncate(sum(len(line) + 1 for line in lines[: self.last_line]))
        else:
            self._log.truncate(0)
        if not lines or self.work.files != logged.files:
            self._append_work(self.work)
        return state, ends

    def _read_work(self, number: int, record: State) -> Work:
        try:
            return read_work(record, [*self.work.settings])
        except (ValueError, TypeError, LookupError):
            raise ValueError(explain_garbage(self.progress, number)) from None


def _read_record(path: Path, number: int, line: bytes) -> State:
    """Parse a line of the log; ValueError, with the line's number, if it is not an object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if type(record) is not dict:
        raise ValueError(explain_garbage(path, number))
    return record


def explain_garbage(path: Path, number: int) -> str:
    """Say that a line of a file is not what `score` wrote, and what to do."""
    return f"{path}, line {number}: not a line that score wrote; {START_AFRESH}"


def add_suffix(path: Path, suffix: str) -> Path:
    """Return the path beside `path` with one more suffix."""
    return path.with_name(f"{path.name}.{suffix}")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a small file in one step, so that nobody reads half of it."""
    new = add_suffix(path, "new")
    try:
        with create_new(new) as file:
            file.write(content.encode() if isinstance(content, str) else content)
        new.replace(path)
    finally:
        with suppress(FileNotFoundError):
            new.unlink()
