"""Chunks of rows out of one kind of file each: JSONL, CSV, parquet, a saved dataset.

Every reader streams: it holds no more than a chunk or two at once. Every error names the file, the
line or row, and the fix.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from io import TextIOWrapper
from itertools import accumulate, islice
from pathlib import Path
from typing import IO, Any, cast

from rewardkit._files.chunks import EXTRA, InvalidRow, Lines, Row, Table
from rewardkit._messages import pluralize, shorten_text
from rewardkit._optional import require

# Large enough that Python's loop over blocks costs nothing beside the parsing, small enough that a
# chunk of short lines is not far from one block.
BYTES_PER_READ = 1 << 22
# The csv module refuses a field above 128 KiB by default, which a long completion exceeds. The
# limit is a C long, which has 32 bits on Windows.
MAX_CSV_FIELD = 2**31 - 1
UTF8_BOM = b"\xef\xbb\xbf"
GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)


def read_jsonl(file: Path, size: int, name: str = "") -> Iterator[Lines]:
    """Yield the lines that are not blank, unparsed; errors have the file's path, or `name`."""
    name = name or str(file)
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
        first = 1
        try:
            if opened.read(len(UTF8_BOM)) != UTF8_BOM:
                opened.seek(0)
            while block := opened.readlines(BYTES_PER_READ):
                for start in range(0, len(block), size):
                    lines = block[start : start + size]
                    numbers: Sequence[int] = range(first, first + len(lines))
                    first += len(lines)
                    # A range is kept as long as it can be: a list of numbers takes memory.
                    if any(map(bytes.isspace, lines)):
                        numbers = [
                            n for n, line in zip(numbers, lines, strict=True) if line.strip()
                        ]
                        lines = [line for line in lines if line.strip()]
                    yield Lines(lines, ((name, numbers),))
        except GZIP_ERRORS as error:
            raise ValueError(f"{name}: broken gzip ({error}); fetch or write it again") from None


def read_csv(file: Path, size: int) -> Iterator[Lines]:
    """Yield the rows as text by the names in the first line, InvalidRow for what is not a row."""
    name = str(file)
    csv.field_size_limit(MAX_CSV_FIELD)  # the csv module has one limit for the whole process
    with (
        gzip.open(file) if file.suffix == ".gz" else file.open("rb") as binary,
        # newline="" leaves line breaks inside quotes to the csv module. A byte that is not UTF-8
        # becomes a lone surrogate, which UTF-8 never holds, so that it costs its own row only.
        TextIOWrapper(
            cast("IO[bytes]", binary), encoding="utf-8-sig", errors="surrogateescape", newline=""
        ) as opened,
    ):
        rows = _parse_csv(_CsvLines(opened), name)
        try:
            while numbered_rows := [*islice(rows, size)]:
                numbers = [number for number, _ in numbered_rows]
                yield Lines([row for _, row in numbered_rows], ((name, numbers),))
        except GZIP_ERRORS as error:
            raise ValueError(f"{name}: broken gzip ({error}); fetch or write it again") from None


class _CsvLines(Iterable[str]):
    """The lines of a CSV file, with those of the row that is being read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.row: list[str] = []
        self._lines = lines
        self._lines_before = 0
        self._returned: str | None = None

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.row.append(line)
            yield line
            while (again := self._returned) is not None:
                self._returned = None
                self.row.append(again)
                yield again

    @property
    def number(self) -> int:
        """That of the row's last line, from 1."""
        return self._lines_before + len(self.row)

    def start_row(self) -> None:
        self._lines_before += len(self.row)
        self.row.clear()

    def return_last(self) -> None:
        """Read the row's last line again, as the first of another row."""
        self._returned = self.row.pop()

    def find_undecoded(self) -> str:
        """Return why a line of the row is not UTF-8, or ""."""
        try:
            "".join(self.row).encode()
        except UnicodeEncodeError:  # of a byte that surrogateescape has kept
            try:
                "".join(self.row).encode("utf-8", "surrogateescape").decode()
            except UnicodeDecodeError as error:
                return f"not UTF-8 ({error.reason}); convert the file with iconv"
        return ""

    def make_invalid_row(self, problem: str) -> tuple[int, InvalidRow]:
        """Return the number of the row's last line, and the row's text with its problem."""
        data = "".join(self.row).encode("utf-8", "surrogateescape")
        text = data.decode(errors="backslashreplace").rstrip("\r\n")
        return self.number, InvalidRow({"invalid_line": text}, problem)


def _parse_csv(lines: _CsvLines, name: str) -> Iterator[tuple[int, Row]]:
    """Yield the number of each row's last line, and its values by column."""
    reader = csv.reader(lines, strict=True)
    header = _read_header(lines, reader, name)
    while True:
        lines.start_row()
        try:
            values: list[str] | None = next(reader, None)
        except csv.Error as error:
            yield lines.make_invalid_row(_explain_csv_error(lines, error))
            continue
        if values is None:
            return
        if problem := lines.find_undecoded():
            yield lines.make_invalid_row(problem)
        elif len(values) == len(header):
            yield lines.number, dict(zip(header, values, strict=True))
        elif values:  # a blank line has none
            problem = f"got {pluralize(len(values), 'value')} for {len(header)} columns"
            hint = "quote values that contain commas or line breaks"
            yield lines.make_invalid_row(f"{problem}; {hint}")


def _explain_csv_error(lines: _CsvLines, error: csv.Error) -> str:
    """Explain an error, and leave a line that belongs to another row for the next one."""
    if len(lines.row) == 1:
        return f"not CSV ({error}); fix the line"
    # An open quote takes in the rows below, up to a line with a quote of its own: that of a row
    # that can be read. At the end of the file there is none.
    if not str(error).startswith("unexpected end"):
        lines.return_last()
    first, last = lines.number - len(lines.row) + 1, lines.number
    taken = f" and takes in all up to line {last}" if last > first else ""
    return f"not CSV ({error}): a quote in line {first} is not closed{taken}; close it"


def _read_header(lines: _CsvLines, reader: Any, name: str) -> list[str]:
    """Return the names of the columns; ValueError if the first line does not hold them."""
    try:
        header: list[str] = next(reader, [])
        problem = lines.find_undecoded()
    except csv.Error as error:
        problem = f"not CSV ({error}); fix the line"
    if problem:
        raise ValueError(f"{name}, line {lines.number}: {problem}")
    if len({*header}) < len(header):
        raise ValueError(f"{name}, line 1: two columns have the same name; rename one")
    return header


def read_parquet(files: Sequence[Path], size: int, start: int) -> Iterator[Table]:
    """Yield the rows from number `start` on, counted over all files."""
    arrow = require("pyarrow", install=EXTRA)
    parquet = require("pyarrow.parquet", install=EXTRA)
    for file in files:
        try:
            # With a buffer, a column is read in parts; without one, a whole row group at once.
            with parquet.ParquetFile(file, buffer_size=1 << 20) as opened:
                metadata = opened.metadata
                group_sizes = (
                    metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)
                )
                ends = [*accumulate(group_sizes)]
                skip = min(start, metadata.num_rows)
                start -= skip
                # Row groups before the first wanted row are not even decompressed.
                groups = [group for group, end in enumerate(ends) if end > skip]
                first = ends[groups[0] - 1] if groups and groups[0] else 0
                for batch in opened.iter_batches(size, row_groups=groups):
                    numbers = range(first + 1, first + 1 + batch.num_rows)
                    table = Table(arrow.Table.from_batches([batch]), ((str(file), numbers),))
                    if numbers.stop > skip + 1:
                        yield table[max(skip - first, 0) :]
                    first += batch.num_rows
        except (arrow.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # not Arrow's own
                raise
            # the first line: the rest is Arrow's own stack
            message = shorten_text(str(error).partition("\n")[0], 200)
            raise ValueError(f"{file}: not parquet ({message}); write it again") from None


def read_dataset(dataset: Any, name: str, size: int, start: int) -> Iterator[Table]:
    """Yield the rows of a dataset of `datasets`."""
    dataset = dataset.with_format("arrow")  # without it every row would become Python objects
    for first in range(start, len(dataset), size):
        table = dataset[first : first + size]
        yield Table(table, ((name, range(first + 1, first + 1 + table.num_rows)),))


def skip_rows(start: int, chunks: Iterable[Lines]) -> Iterator[Lines]:
    """Yield the chunks without the first `start` rows."""
    for chunk in chunks:
        skip = min(start, len(chunk))
        start -= skip
        if skip < len(chunk):
            yield chunk[skip:] if skip else chunk


def count_lines(file: Path) -> int:
    """Return the number of lines, whether or not the last one has an end."""
    with file.open("rb") as opened:
        blocks = iter(partial(opened.read, 1 << 20), b"")
        lines, last = 0, b"\n"
        for block in blocks:
            lines, last = lines + block.count(b"\n"), block[-1:]
    return lines + (last != b"\n")
