"""A file that grows by whole pieces and is there at once when done, whenever the process is killed.

The pieces go to `OUT.part`. After each, a line goes to `OUT.progress`: how many bytes and rows
there are now, and whatever else is to be kept. What comes after the last such line, a torn piece or
a torn line, is cut off when the work is taken up again. At the end `OUT` is there in one step.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

State = dict[str, Any]


class Journal:
    """The work on one file, taken up where it was left."""

    def __init__(self, out: Path, about: Mapping[str, str], *, afresh: bool) -> None:
        """Take up the work on `out`, or begin it.

        `state` is what is known after the last piece, its `bytes` and `rows` among it; `ends` are
        the bytes after each piece.

        `about` says what the work is made of, each thing with what tells it from another of its
        kind. Raises ValueError where it was begun with other things, or is under way in another
        process; `afresh` forgets what was begun.
        """
        self.out, self.about = out, about
        self.part, self.progress = beside(out, "part"), beside(out, "progress")
        out.parent.mkdir(parents=True, exist_ok=True)
        self._lines = self.progress.open("a+b")
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lines.close()
            raise ValueError(
                f"{out} is being written by another process; wait, or end it"
            ) from None
        self._pieces: IO[bytes] | None = None
        try:
            self.state, self.ends = self._taken_up(afresh=afresh)
        except BaseException:
            self._lines.close()
            raise
        self._pieces = self.part.open("ab")

    def add(self, piece: bytes, rows: int, **kept: Any) -> State:
        """Add a piece of so many rows, and what else is to be kept; return what is known now."""
        assert self._pieces is not None  # noqa: S101 - it is closed only at the end
        self._pieces.write(piece)
        self._pieces.flush()
        size, total = self.state["bytes"] + len(piece), self.state["rows"] + rows
        self.state = {"bytes": size, "rows": total, **kept}
        self.ends.append(size)
        self._write(self.state)
        return self.state

    def finish(self, make: Callable[[Path], Path]) -> None:
        """Put in place of `out`, in one step, the file that `make` makes of the pieces."""
        self._close()
        made = make(self.part)
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.replace(self.out)
        self.part.unlink(missing_ok=True)
        self.progress.unlink()

    def __enter__(self) -> Self:
        """Hold the files open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them; the work can be taken up later."""
        self._close()
        self._lines.close()

    def _close(self) -> None:
        if self._pieces is not None:
            self._pieces.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._lines.write(json.dumps(line).encode() + b"\n")
        self._lines.flush()

    def _taken_up(self, *, afresh: bool) -> tuple[State, list[int]]:
        """Return what is known after the last whole piece, and the ends; cut off the rest."""
        self._lines.seek(0)
        *lines, _ = self._lines.read().split(b"\n")  # the last one is empty, or torn
        size = self.part.stat().st_size if self.part.exists() else 0
        if not lines[1:] and not self.out.exists():  # nothing came of it, so nothing is mixed
            afresh = True
        if not lines or afresh:
            lines = []
            self._lines.truncate(0)
            self._write(self.about)
        else:
            refuse_other(self.out, json.loads(lines[0]), self.about)
        state: State = {"bytes": 0, "rows": 0}
        ends: list[int] = []
        for line in lines[1:]:
            known = json.loads(line)
            if known["bytes"] <= size:
                state = known
                ends.append(known["bytes"])
        if lines:
            self._lines.truncate(sum(len(line) + 1 for line in lines[: len(ends) + 1]))
        if ends:
            os.truncate(self.part, ends[-1])
        else:
            self.part.unlink(missing_ok=True)
        return state, ends


def beside(out: Path, ending: str) -> Path:
    """Return the file beside another that has one more ending."""
    return out.with_name(f"{out.name}.{ending}")


def refuse_other(out: Path, before: Mapping[str, str], about: Mapping[str, str]) -> None:
    """Raise ValueError where work was begun with other things than those given now."""
    changed = [name for name in about if before.get(name) != about[name]]
    if changed:
        message = (
            f"{out} was begun with other {' and '.join(changed)};"
            " start it afresh with --fresh (resume=False), or write to another file"
        )
        raise ValueError(message)


def put(path: Path, text: str) -> None:
    """Write a small file in one step."""
    new = beside(path, "new")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        with suppress(FileNotFoundError):
            new.unlink()
