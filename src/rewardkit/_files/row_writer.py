"""Rows into a file that appears only when complete, for what is done in one go and not resumed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rewardkit._files.chunks import Chunk, Row
from rewardkit._files.journal import Journal
from rewardkit._files.work import Work
from rewardkit._files.writing import (
    Columns,
    encode_lines,
    encode_stream,
    merge_schema,
    write_parquet,
)

OUT_SUFFIXES = (".jsonl", ".parquet")


def check_out_suffix(out: Path) -> None:
    """Raise ValueError unless the file's ending is one that rows are written to."""
    if out.suffix not in OUT_SUFFIXES:
        expected = " or ".join(OUT_SUFFIXES)
        raise ValueError(f"{out}: got the ending {out.suffix!r}, expected {expected}")


class StandardOutputWriter:
    """Writes rows as JSON lines to standard output."""

    def __init__(self) -> None:
        """Write nothing yet."""
        self.rows = 0

    def add(self, chunk: Chunk, rows: Sequence[Row], columns: Columns) -> None:
        """Write some rows, each as it was read, with the columns after it."""
        sys.stdout.buffer.write(encode_lines(chunk, rows, columns))
        self.rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing in the buffer."""
        sys.stdout.buffer.flush()


class RowWriter:
    """Writes rows as JSON lines or parquet, by the file's ending, and replaces it in one step."""

    def __init__(self, out: Path) -> None:
        """Begin the file. Raises ValueError if another process is writing it."""
        check_out_suffix(out)
        self.rows = 0
        self._lines = out.suffix == ".jsonl"
        self._schema: str | None = None
        self._columns: list[str] = []
        # The journal's lock and its last step; what an earlier run left is discarded.
        self._journal = Journal(out, Work(), fresh=True)

    def add(self, chunk: Chunk, rows: Sequence[Row], columns: Columns) -> None:
        """Append some rows, each as it was read, with the columns after it."""
        encode = encode_lines if self._lines else encode_stream
        piece = encode(chunk, rows, columns)
        if not self._lines:
            self._schema = merge_schema(self._schema, piece)
        self._columns = [*columns]
        self._journal.add(piece, len(rows))
        self.rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Replace the file by the new one, or remove what was written if there was an error."""
        with self._journal as journal:
            if kind is None:
                journal.finish(self._convert)
        if kind is not None:
            for path in (journal.part, journal.progress):
                with suppress(FileNotFoundError):
                    path.unlink()

    def _convert(self, part: Path) -> Path:
        if self._lines:
            return part
        return write_parquet(part, self._journal.ends, self._schema, self._columns)
