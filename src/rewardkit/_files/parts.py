"""Parts of files that other processes read themselves: lines of JSONL, rows of parquet.

A part is three numbers, so that whoever hands parts out passes no rows. A line belongs to the part
in which it starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple, overload

from rewardkit._files import reading
from rewardkit._files.chunks import EXTRA, Chunk, Lines, Table
from rewardkit._files.source import RowSource, Source
from rewardkit._optional import require

SAMPLE_BYTES = 1 << 16  # from which the length of a line is estimated
MIN_PART_BYTES = 1 << 12
# Rows inside a row group are found by decoding those before them: a few times, not for each batch.
MAX_PARTS_PER_ROW_GROUP = 16


class Part(NamedTuple):
    """A range of one file."""

    file: int
    """Its index."""
    start: int
    """The byte of JSONL, or the row of parquet, counted from 0."""
    stop: int
    """The one after the last."""


class FileParts:
    """The files of a source, and how to read parts of them; it pickles."""

    def __init__(self, source: Source, start: int = 0) -> None:
        """Take the files of a source for which `can_split` holds, from row number `start` on."""
        # Absolute: the processes have working directories of their own.
        self.files = [file.resolve() for file in source.files]
        self.names = [str(file) for file in source.files]
        self.sizes = [file.stat().st_size for file in source.files]
        self.is_parquet = source.kind == "parquet"
        self.begin = self._locate_row(start)

    def are_visible(self) -> bool:
        """Return whether this machine sees the same files."""
        try:
            return [file.stat().st_size for file in self.files] == self.sizes
        except OSError:
            return False

    def split(self, rows: int) -> Iterator[Part]:
        """Yield the parts, of about so many rows each."""
        first, position = self.begin
        for file in range(first, len(self.files)):
            begin = position if file == first else 0
            if self.is_parquet:
                for group_start, group_stop in self._row_groups(file):
                    low = max(begin, group_start)
                    count = min(max((group_stop - low) // rows, 1), MAX_PARTS_PER_ROW_GROUP)
                    yield from _cut_range(file, low, group_stop, -(-(group_stop - low) // count))
            else:
                yield from _cut_range(file, begin, self.sizes[file], self._estimate_bytes(rows))

    def read(self, part: Part, size: int) -> Iterator[Chunk]:
        """Yield the rows of a part, at most `size` at once."""
        file, name = self.files[part.file], self.names[part.file]
        if self.is_parquet:
            yield from _read_table_rows(file, name, part.start, part.stop, size)
        else:
            yield from _read_line_range(file, name, part.start, part.stop, size)

    def read_after(self, part: Part, size: int) -> Iterator[Chunk]:
        """Yield the rows after a part, to the end of the last file."""
        ends = [self._end_of(file) for file in range(len(self.files))]
        rest = [Part(file, 0, ends[file]) for file in range(part.file + 1, len(self.files))]
        here = Part(part.file, part.stop, ends[part.file])
        return chain.from_iterable(self.read(each, size) for each in (here, *rest))

    def read_before(self, part: Part) -> Chunk | None:
        """Return a chunk that ends with the last row before a part, None before the first row."""
        file, stop = part.file, part.start
        first_file, position = self.begin
        while file >= first_file:
            # Rows before the first one belong to no part: a group is not continued over them.
            first = position if file == first_file else 0
            width = 1 if self.is_parquet else SAMPLE_BYTES
            while stop > first:
                start = max(first, stop - width)
                # A range may hold a part of one long line alone, and then no line starts in it.
                if chunks := [*self.read(Part(file, start, stop), SAMPLE_BYTES)]:
                    return chunks[-1]
                if start == first:
                    break
                width *= 4
            file -= 1
            stop = self._end_of(file) if file >= first_file else 0
        return None

    def _end_of(self, file: int) -> int:
        return self._row_groups(file)[-1][1] if self.is_parquet else self.sizes[file]

    def _row_groups(self, file: int) -> list[tuple[int, int]]:
        metadata = require("pyarrow.parquet", install=EXTRA).read_metadata(self.files[file])
        groups, end = [(0, 0)], 0
        for number in range(metadata.num_row_groups):
            start, end = end, end + metadata.row_group(number).num_rows
            groups.append((start, end))
        return groups

    def _locate_row(self, row: int) -> tuple[int, int]:
        """Return the file and the position in it of a row, counted over all files."""
        for number, file in enumerate(self.files):
            if self.is_parquet:
                rows = self._end_of(number)
                if row < rows:
                    return number, row
                row -= rows
                continue
            position = 0
            with file.open("rb") as opened:
                for line in opened if row else ():
                    position += len(line)
                    row -= not line.isspace()
                    if not row:
                        break
            if position < self.sizes[number]:
                return number, position
        return len(self.files), 0

    def _estimate_bytes(self, rows: int) -> int:
        for file in self.files:
            with file.open("rb") as opened:
                sample = opened.read(SAMPLE_BYTES)
            if lines := sample.count(b"\n"):
                return max(MIN_PART_BYTES, len(sample) // lines * rows)
        return SAMPLE_BYTES * rows


def can_split(source: RowSource) -> bool:
    """Return whether parts of a source can be read without the rest of their file."""
    # CSV may have line breaks in quotes, and a compressed file is read from its beginning.
    if not isinstance(source, Source) or source.kind not in {"jsonl", "parquet"}:
        return False
    return all(file.suffix != ".gz" and file.is_file() for file in source.files)


def _cut_range(file: int, start: int, stop: int, step: int) -> Iterator[Part]:
    for begin in range(start, stop, max(step, 1)):
        yield Part(file, begin, min(begin + step, stop))


def _read_line_range(file: Path, name: str, start: int, stop: int, size: int) -> Iterator[Lines]:
    """Yield the lines that start at one of the bytes from `start` to before `stop`."""
    with file.open("rb") as opened:
        if start:
            opened.seek(start - 1)
            opened.readline()  # the rest of a line that starts before
        elif opened.read(len(reading.UTF8_BOM)) != reading.UTF8_BOM:
            opened.seek(0)
        offset = opened.tell()
        first = 0
        while (position := opened.tell()) < stop:
            # It stops after the line with which more than so many bytes are read; 0 means no limit.
            limit = min(reading.BYTES_PER_READ, stop - position) - 1
            block = opened.readlines(limit) if limit else [opened.readline()]
            for low in range(0, len(block), size):
                lines = block[low : low + size]
                numbers = [n for n, line in enumerate(lines, first) if not line.isspace()]
                first += len(lines)
                if numbers:
                    kept = [line for line in lines if not line.isspace()]
                    yield Lines(kept, ((name, LineNumbers(file, offset, numbers)),))


def _read_table_rows(file: Path, name: str, start: int, stop: int, size: int) -> Iterator[Table]:
    row = start
    for table in reading.read_parquet([file], size, start) if start < stop else ():
        part = table[: stop - row]
        yield Table(part.table, ((name, range(row + 1, row + 1 + len(part))),))
        row += len(part)
        if row >= stop:
            return


@dataclass(frozen=True)
class LineNumbers(Sequence[int]):
    """The numbers of lines in a file, counted only when a message needs one."""

    file: Path
    offset: int
    """The byte at which the line 0 of `numbers` starts."""
    numbers: Sequence[int]

    @cached_property
    def first(self) -> int:
        """The number of the line at the offset, from 1."""
        with self.file.open("rb") as opened:
            left, lines = self.offset, 1
            while left and (block := opened.read(min(left, reading.BYTES_PER_READ))):
                left, lines = left - len(block), lines + block.count(b"\n")
        return lines

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, part: int) -> int: ...
    @overload
    def __getitem__(self, part: slice) -> LineNumbers: ...
    def __getitem__(self, part: int | slice) -> int | LineNumbers:
        """Return a line's number, or some of them."""
        if isinstance(part, slice):
            return LineNumbers(self.file, self.offset, self.numbers[part])
        return self.first + self.numbers[part]
