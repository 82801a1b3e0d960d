"""Some rows of a file as they lie there: lines of JSONL unparsed, parquet in columns.

A chunk knows where its rows came from, can be cut, joined and pickled, and is parsed only when
somebody asks for its rows: whoever copies a line of JSON never has to write it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from rewardkit._messages import did_you_mean, list_names
from rewardkit._optional import require

if TYPE_CHECKING:
    import pyarrow as pa
try:
    from msgspec.json import decode  # gives the same objects, four times as fast
except ImportError:
    decode = json.loads  # type: ignore[assignment]

EXTRA = "rewardkit[files]"

Row: TypeAlias = dict[str, Any]
Origins: TypeAlias = tuple[tuple[str, Sequence[int]], ...]
"""Where some rows came from: for each file its name, and the numbers of the lines or rows there."""

_scan_json = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # what raw_decode calls


class InvalidRow(dict[str, Any]):
    """In place of a row that cannot be read: the text of its line or lines, and the problem.

    A line of JSONL is then not a JSON object, and a row of CSV has not one value for each column.
    """

    def __init__(self, values: Row, problem: str) -> None:
        """Hold the text as `invalid_line`, and any columns that were joined."""
        super().__init__(values)
        self.problem = problem

    def __reduce__(self) -> tuple[type[Self], tuple[Row, str]]:
        return type(self), ({**self}, self.problem)


def find_invalid(rows: Sequence[Row]) -> dict[int, str]:
    """Return the problem of each row that cannot be read, by its index."""
    if InvalidRow not in {*map(type, rows)}:
        return {}
    return {index: row.problem for index, row in enumerate(rows) if isinstance(row, InvalidRow)}


def find_valid(rows: Sequence[Row]) -> int:
    """Return the index of the first row that can be read, whose columns messages name; or 0.

    >>> find_valid([InvalidRow({"invalid_line": "{"}, "not JSON"), {"completion": "4"}])
    1
    """
    return next((index for index, row in enumerate(rows) if not isinstance(row, InvalidRow)), 0)


class Lines:
    """Some rows of JSONL or CSV, in order: each line as it was read, or its values by column."""

    unit = "line"

    def __init__(self, lines: Sequence[bytes | Row], origins: Origins) -> None:
        """Hold the lines; they are parsed when `rows` is called."""
        self.lines, self.origins = lines, origins
        self._parsed: list[Row] | None = None

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, part: slice) -> Self:
        cut = type(self)(self.lines[part], _slice_origins(self.origins, part))
        cut._parsed = None if self._parsed is None else self._parsed[part]  # noqa: SLF001 - one of this class
        return cut

    def __add__(self, other: Lines) -> Self:
        both = type(self)([*self.lines, *other.lines], self.origins + other.origins)
        if self._parsed is not None and other._parsed is not None:
            both._parsed = self._parsed + other._parsed
        return both

    def __getstate__(self) -> tuple[Sequence[bytes | Row], Origins]:
        # Without the parsed rows: another process parses quicker than it unpickles them.
        return self.lines, self.origins

    def __setstate__(self, state: tuple[Sequence[bytes | Row], Origins]) -> None:
        self.lines, self.origins = state
        self._parsed = None

    def rows(self) -> list[Row]:
        """Return each row's values by column; ValueError for one that cannot be read."""
        rows = self.rows_or_invalid()
        for row, problem in find_invalid(rows).items():
            raise ValueError(f"{self.position(row)}: {problem}")
        return rows

    def rows_or_invalid(self) -> list[Row]:
        """Return each row's values by column, InvalidRow for one that cannot be read."""
        # Kept, since groups are found in the rows that are then scored.
        if self._parsed is None:
            self._parsed = [
                _parse_or_explain(line) if isinstance(line, bytes) else line for line in self.lines
            ]
        return self._parsed

    def lines_or_rows(self) -> Sequence[bytes | Row]:
        """Return the lines as they were read, but the rows of those that are not JSON."""
        rows = self.rows_or_invalid()
        if not (invalid := find_invalid(rows)):
            return self.lines
        return [rows[row] if row in invalid else line for row, line in enumerate(self.lines)]

    def position(self, row: int) -> str:
        """Return a row's file and line."""
        return _format_position(self.origins, row, self.unit)

    def positions(self, first: int, last: int) -> str:
        """Return the files and lines of the rows from `first` to `last`."""
        return _format_positions(self.origins, first, last, self.unit)


class Records(Lines):
    """Some rows in memory, or with columns that were joined to them: values by column."""

    unit = "row"


class Table:
    """Some rows of parquet or of a saved dataset, in columns."""

    unit = "row"

    def __init__(self, table: pa.Table, origins: Origins) -> None:
        """Hold the rows as an Arrow table."""
        self.table, self.origins = table, origins
        self._rows: list[Row] | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, part: slice) -> Table:
        start, stop, _ = part.indices(len(self))
        table = self.table.slice(start, stop - start)
        cut = Table(table, _slice_origins(self.origins, part))
        cut._rows = None if self._rows is None else self._rows[start:stop]
        return cut

    def __add__(self, other: Table) -> Table:
        arrow = require("pyarrow", install=EXTRA)
        # Permissive: one file of a folder may have a column of nulls where another has text.
        both = arrow.concat_tables([self.table, other.table], promote_options="permissive")
        return Table(both, self.origins + other.origins)  # whose rows may have more columns

    def __getstate__(self) -> tuple[bytes, Origins]:
        # Arrow's own pickle would carry the whole table that these rows were sliced from.
        return ipc_bytes(self.table), self.origins

    def __setstate__(self, state: tuple[bytes, Origins]) -> None:
        stream, self.origins = state
        self._rows = None
        self.table = require("pyarrow", install=EXTRA).ipc.open_stream(stream).read_all()

    def rows(self) -> list[Row]:
        """Return each row's values by column."""
        if self._rows is None:
            self._rows = self.table.to_pylist()
        return self._rows

    def rows_or_invalid(self) -> list[Row]:
        """Return the rows; none of a table is invalid."""
        return self.rows()

    def position(self, row: int) -> str:
        """Return a row's file and row number."""
        return _format_position(self.origins, row, self.unit)

    def positions(self, first: int, last: int) -> str:
        """Return the files and row numbers of the rows from `first` to `last`."""
        return _format_positions(self.origins, first, last, self.unit)


Chunk: TypeAlias = Lines | Table


def check_renamed(chunk: Chunk, columns: Mapping[str, str]) -> None:
    """Raise ValueError if no row of the first chunk has one of the columns to rename."""
    rows = chunk.rows_or_invalid()
    first = find_valid(rows)
    for name in columns:
        if not any(name in row for row in rows):
            hint = did_you_mean(name, rows[first])
            present = list_names(rows[first])
            message = f"{chunk.position(first)}: no column {name!r} (columns: {present}){hint}"
            raise ValueError(message)


def rename_columns(rows: Sequence[Row], columns: Mapping[str, str]) -> Sequence[Row]:
    """Return the rows with their columns under the names that rewards read.

    A column that had such a name before is hidden; a row that lacks one has None there.
    """
    if not columns:
        return rows
    hidden = {*columns, *columns.values()}
    return [
        {name: value for name, value in row.items() if name not in hidden}
        | {new: row.get(old) for old, new in columns.items()}
        for row in rows
    ]


def ipc_bytes(table: pa.Table, compression: str | None = None) -> bytes:
    """Serialize a table as an Arrow stream."""
    arrow = require("pyarrow", install=EXTRA)
    sink = arrow.BufferOutputStream()
    options = arrow.ipc.IpcWriteOptions(compression=compression)
    with arrow.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _parse_json_line(line: bytes) -> Row:
    """Parse a line that holds one JSON object; ValueError or TypeError for anything else."""
    try:
        row = decode(line)
    except ValueError:  # msgspec refuses NaN and half a surrogate pair, which json takes
        row = None
    if type(row) is dict:
        return row
    text = line.decode()
    # scan_once takes what json.loads takes, without its checks for white space at both ends.
    try:
        row, end = _scan_json(text, 0)
    except (ValueError, StopIteration):
        row, end = json.loads(text), len(text)  # there may be white space before it
    if end < len(text) and text[end:] != "\n" and not text[end:].isspace():
        json.loads(text)  # raises the error that names the position
    if type(row) is not dict:
        raise TypeError(type(row).__name__)
    return row


def _parse_or_explain(line: bytes) -> Row:
    try:
        return _parse_json_line(line)
    except (ValueError, TypeError, RecursionError) as error:
        text = line.decode(errors="backslashreplace").rstrip("\r\n")
        return InvalidRow({"invalid_line": text}, _explain_line_error(line, error))


def _explain_line_error(line: bytes, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 ({error.reason}); convert the file with iconv"
    # A file of one array is the most frequent mistake, so it is recognized before the type error.
    if line.lstrip().startswith(b"["):
        return "got a JSON array, expected one object per line; jq -c '.[]' splits an array"
    if isinstance(error, TypeError):
        return f'got a {error}, expected an object such as {{"completion": "..."}}'
    return f"not JSON ({error}); fix or delete the line"


def _slice_origins(origins: Origins, part: slice) -> Origins:
    start, stop, _ = part.indices(sum(len(numbers) for _, numbers in origins))
    kept = []
    for name, numbers in origins:
        # Without max() a bound before this file would count from its end.
        kept.append((name, numbers[max(start, 0) : max(stop, 0)]))
        start, stop = start - len(numbers), stop - len(numbers)
    return tuple((name, numbers) for name, numbers in kept if numbers)


def _find_origin(origins: Origins, row: int) -> tuple[str, int]:
    for name, numbers in origins:
        if row < len(numbers):
            return name, numbers[row]
        row -= len(numbers)
    raise IndexError(row)


def _format_position(origins: Origins, row: int, unit: str) -> str:
    name, number = _find_origin(origins, row)
    return f"{name}, {unit} {number}"


def _format_positions(origins: Origins, first: int, last: int, unit: str) -> str:
    (name, start), (last_name, end) = _find_origin(origins, first), _find_origin(origins, last)
    if name != last_name:  # a batch may begin in one file and end in the next
        return f"{name} {unit} {start} to {last_name} {unit} {end}"
    return f"{name} {unit} {start}" if start == end else f"{name} {unit}s {start}-{end}"
