"""Rows of completions out of files, a chunk at a time: JSONL, CSV, parquet and saved datasets.

`read` streams rows for whoever wants rows. `chunks` streams them as they lie in the file, lines of
JSONL unparsed and parquet in columns, for whoever writes them again. Neither holds
more than a chunk or two at once. Every error names the file, the line or row, and what to do.
"""

from __future__ import annotations

import csv
import glob
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from io import TextIOWrapper
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

from rewardkit._optional import require

if TYPE_CHECKING:
    import pyarrow as pa
try:
    from msgspec.json import decode  # reads the same, four times as fast
except ImportError:
    decode = json.loads  # type: ignore[assignment]

Row: TypeAlias = dict[str, Any]
Spans: TypeAlias = tuple[tuple[str, Sequence[int]], ...]
"""Where some rows are from: a file's name, and the numbers of the lines or rows there; and on."""

EXTRA = "rewardkit[files]"
KINDS = ("jsonl", "csv", "parquet", "dataset")
"""What can be read."""

_SUFFIXES = {".jsonl": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_READ = 1 << 22  # bytes of lines at once, or a single line
_COUNTED = 1 << 30  # bytes of text that take a second or less to count
_BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)
_BOM = b"\xef\xbb\xbf"


class Lines:
    """Some rows of JSONL or CSV, in order: each line as it came, or its cells."""

    def __init__(self, lines: Sequence[bytes | Row], spans: Spans) -> None:
        """Hold the lines; they are parsed when `rows` is called."""
        self.lines, self.spans = lines, spans

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def __getitem__(self, part: slice) -> Lines:
        """Return some of the rows."""
        return Lines(self.lines[part], _cut(self.spans, part))

    def __add__(self, other: Lines) -> Lines:
        """Return these rows and those that follow."""
        return Lines([*self.lines, *other.lines], self.spans + other.spans)

    def rows(self) -> list[Row]:
        """Return each row's cells by column. Raises ValueError for what is no JSON object."""
        rows: list[Row] = []
        try:
            for line in self.lines:
                rows.append(_parsed(line) if isinstance(line, bytes) else line)  # noqa: PERF401 - the error needs to know how far it came
        except (ValueError, TypeError, RecursionError) as error:
            place, line = self.place(len(rows)), self.lines[len(rows)]
            assert isinstance(line, bytes)  # noqa: S101 - cells are as they are
            raise ValueError(f"{place}: {_trouble(line, error)}") from None
        return rows

    def place(self, row: int) -> str:
        """Say where a row stands."""
        return _place(self.spans, row, "line")


class Table:
    """Some rows of parquet or of a saved dataset, in columns."""

    def __init__(self, table: pa.Table, spans: Spans) -> None:
        """Hold the rows."""
        self.table, self.spans = table, spans

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    def __getitem__(self, part: slice) -> Table:
        """Return some of the rows."""
        start, stop, _ = part.indices(len(self))
        return Table(self.table.slice(start, stop - start), _cut(self.spans, part))

    def __add__(self, other: Table) -> Table:
        """Return these rows and those that follow."""
        arrow = require("pyarrow", install=EXTRA)
        both = arrow.concat_tables([self.table, other.table], promote_options="permissive")
        return Table(both, self.spans + other.spans)

    def __getstate__(self) -> tuple[bytes, Spans]:
        """Pickle these rows alone, not those that they were sliced from."""
        return ipc_bytes(self.table), self.spans

    def __setstate__(self, state: tuple[bytes, Spans]) -> None:
        """Read the rows again."""
        held, self.spans = state
        self.table = require("pyarrow", install=EXTRA).ipc.open_stream(held).read_all()

    def rows(self) -> list[Row]:
        """Return each row's cells by column."""
        rows: list[Row] = self.table.to_pylist()
        return rows

    def place(self, row: int) -> str:
        """Say where a row stands."""
        return _place(self.spans, row, "row")


Chunk: TypeAlias = Lines | Table


def read(source: Path | str, *, columns: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Yield the rows of a file, a glob of files or a folder, each as its cells by column.

    Files are JSONL (`.jsonl`, `.json`), CSV (both also with `.gz`) or parquet; a folder is one that
    `datasets` saved, or one of parquet files, of which TRL's `completions_*.parquet` go first.
    `columns` gives a column of the file the name that rewards read, as {"response": "completion"}.

    Raises FileNotFoundError, ImportError where a package is missing, and ValueError for what is not
    as its name says, with the file, the line and the fix.
    """
    return (
        row for chunk in chunks(source) for row in renamed(chunk.rows(), columns or {}, chunk.place)
    )


def count(source: Path | str) -> int | None:
    """Return the number of rows where it is cheap to know, else None; blank lines count."""
    kind, files = find(source)
    if kind == "parquet":
        metadata = require("pyarrow.parquet", install=EXTRA).read_metadata
        return sum(int(metadata(file).num_rows) for file in files)
    if kind == "dataset":
        return len(_dataset(files[0]))
    plain = kind == "jsonl" and not any(file.suffix == ".gz" for file in files)
    if not plain or sum(file.stat().st_size for file in files) > _COUNTED:
        return None
    return sum(map(_newlines, files))


def chunks(source: Path | str, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
    """Yield the rows of `source` from number `start` on, counted from 0, at most `size` at once."""
    kind, files = find(source)
    if kind == "dataset":
        return _saved(files[0], size, start)
    if kind == "parquet":
        return _columnar(files, size, start)
    blocks = _jsonl if kind == "jsonl" else _csv
    return _from(start, chain.from_iterable(blocks(file, size) for file in files))


def find(source: Path | str) -> tuple[str, list[Path]]:
    """Return of what kind a source is, and its files in order, or the saved dataset's folder.

    Raises FileNotFoundError, and ValueError for files that are of no kind, or of several.
    """
    path = Path(source)
    if path.is_dir():
        return _folder(path)
    files = [path] if path.exists() else sorted(map(Path, glob.glob(str(source))), key=_natural)  # noqa: PTH207 - the glob may be absolute
    if not files:
        raise FileNotFoundError(f"no file {str(source)!r}{_beside(path)}")
    kinds = {file: _SUFFIXES.get(_suffix(file)) for file in files}
    for file, kind in kinds.items():
        if kind is None:
            message = (
                f"{file}: got the ending {file.suffix!r}, expected .jsonl, .json, .csv (each also"
                " with .gz), .parquet, or a folder that datasets saved; rename or convert it"
            )
            raise ValueError(message)
    if len(set(kinds.values())) > 1:
        several = " and ".join(sorted({_suffix(file) for file in files}))
        raise ValueError(f"{source}: got files of {several} together; give those of one kind")
    return str(kinds[files[0]]), files


def renamed(
    rows: Sequence[Row], columns: Mapping[str, str], place: Callable[[int], str]
) -> Sequence[Row]:
    """Return the rows with their columns under the names that rewards read.

    A column that had such a name before is out of sight. Raises ValueError where the first row has
    no column of the name given.
    """
    if not columns or not rows:
        return rows
    for name in columns:
        if name not in rows[0]:
            near = get_close_matches(name, rows[0], n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            has = ", ".join(rows[0]) or "none"
            raise ValueError(f"{place(0)}: no column {name!r}{hint}; its columns are {has}")
    hidden = {*columns, *columns.values()}
    return [
        {name: cell for name, cell in row.items() if name not in hidden}
        | {new: row.get(old) for old, new in columns.items()}
        for row in rows
    ]


def ipc_bytes(table: pa.Table, compression: str | None = None) -> bytes:
    """Return a table as an Arrow stream."""
    arrow = require("pyarrow", install=EXTRA)
    sink = arrow.BufferOutputStream()
    options = arrow.ipc.IpcWriteOptions(compression=compression)
    with arrow.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _suffix(file: Path) -> str:
    """Return the ending that says the kind, without `.gz`."""
    gz = file.suffix == ".gz"
    suffix = file.with_suffix("").suffix if gz else file.suffix
    return f"{suffix}.gz" if gz and suffix == ".parquet" else suffix


def _natural(file: Path) -> list[Any]:
    """Return a key that sorts 2 before 10."""
    parts = re.split(r"(\d+)", str(file))
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _beside(path: Path) -> str:
    """Return a hint with the file beside a missing one whose name is near, or ""."""
    if not path.parent.is_dir():
        return f"; there is no folder {str(path.parent)!r}"
    near = get_close_matches(path.name, [file.name for file in path.parent.iterdir()], n=1)
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""


def _folder(path: Path) -> tuple[str, list[Path]]:
    """Return what a folder holds: a saved dataset or parquet files."""
    if (path / "state.json").exists():
        return "dataset", [path]
    if (path / "dataset_dict.json").exists():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        these = " or ".join(str(path / split) for split in splits)
        raise ValueError(f"{path}: a dataset of several splits; give one of them: {these}")
    for pattern in ("completions_*.parquet", "*.parquet"):
        if files := sorted(path.glob(pattern), key=_natural):
            return "parquet", files
    inside = " or ".join(str(inner) for inner in path.glob("completions"))
    hint = f"; did you mean {inside!r}?" if inside else "; give a file in it, or a glob of some"
    raise ValueError(f"{path}: neither a dataset that datasets saved nor parquet files in it{hint}")


def _from(start: int, chunks: Iterable[Lines]) -> Iterator[Lines]:
    """Yield what there is from row `start` on."""
    for chunk in chunks:
        skip = min(start, len(chunk))
        start -= skip
        if skip < len(chunk):
            yield chunk[skip:] if skip else chunk


def _jsonl(file: Path, size: int) -> Iterator[Lines]:
    """Yield the lines of JSONL that are not blank, as they came."""
    name = str(file)
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
        first = 1
        try:
            if opened.read(len(_BOM)) != _BOM:
                opened.seek(0)
            while some := opened.readlines(_READ):
                for start in range(0, len(some), size):
                    lines = some[start : start + size]
                    numbers: Sequence[int] = range(first, first + len(lines))
                    first += len(lines)
                    if any(map(bytes.isspace, lines)):
                        numbers = [
                            n for n, line in zip(numbers, lines, strict=True) if line.strip()
                        ]
                        lines = [line for line in lines if line.strip()]
                    yield Lines(lines, ((name, numbers),))
        except _BROKEN as error:
            raise ValueError(f"{name}: broken gzip ({error}); fetch or write it again") from None


def _parsed(line: bytes) -> Row:
    """Return the object that a line of JSON holds. Raises ValueError and TypeError."""
    try:
        row = decode(line)
    except ValueError:  # msgspec does not take NaN or half a surrogate pair
        row = None
    if type(row) is dict:
        return row
    text = line.decode()
    try:
        row, end = _scan(text, 0)
    except (ValueError, StopIteration):
        row, end = json.loads(text), len(text)  # there may be white space before it
    if end < len(text) and text[end:] != "\n" and not text[end:].isspace():
        json.loads(text)  # which says what is wrong
    if type(row) is not dict:
        raise TypeError(type(row).__name__)
    return row


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # what raw_decode calls


def _trouble(line: bytes, error: Exception) -> str:
    """Say what is wrong with a line."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 ({error.reason}); convert the file with iconv"
    if line.lstrip().startswith(b"["):
        return "got a JSON array, expected an object a line; jq -c '.[]' makes lines of an array"
    if isinstance(error, TypeError):
        return f'got a {error}, expected an object such as {{"completion": "..."}}'
    return f"not JSON ({error}); mend or delete the line"


def _csv(file: Path, size: int) -> Iterator[Lines]:
    """Yield the rows of CSV, as text by the names in its first line."""
    name = str(file)
    csv.field_size_limit(2**31 - 1)  # the limit of a module, and too low for a long completion
    with (
        gzip.open(file) if file.suffix == ".gz" else file.open("rb") as binary,
        TextIOWrapper(cast("IO[bytes]", binary), encoding="utf-8-sig", newline="") as opened,
    ):
        reader = csv.reader(opened, strict=True)
        rows = _cells(reader, name)
        try:
            while some := [*islice(rows, size)]:
                numbers = [number for number, _ in some]
                yield Lines([row for _, row in some], ((name, numbers),))
        except csv.Error as error:
            message = f"{name}, line {reader.line_num}: not CSV ({error}); mend the line"
            raise ValueError(message) from None
        except _BROKEN as error:
            raise ValueError(f"{name}: broken gzip ({error}); fetch or write it again") from None
        except UnicodeDecodeError as error:
            message = f"{name}: not UTF-8 ({error.reason}); convert the file with iconv"
            raise ValueError(message) from None


def _cells(reader: Any, name: str) -> Iterator[tuple[int, Row]]:
    """Yield each row's last line and its cells."""
    header: list[str] = next(reader, [])
    if len({*header}) < len(header):
        raise ValueError(f"{name}, line 1: a column's name stands twice; rename one")
    for cells in reader:
        if cells and len(cells) != len(header):
            given = f"{len(cells)} cells for {len(header)} columns"
            hint = "quote cells that hold commas or line breaks"
            raise ValueError(f"{name}, line {reader.line_num}: got {given}; {hint}")
        if cells:
            yield reader.line_num, dict(zip(header, cells, strict=True))


def _columnar(files: Sequence[Path], size: int, start: int) -> Iterator[Table]:
    """Yield the rows of parquet files."""
    arrow = require("pyarrow", install=EXTRA)
    parquet = require("pyarrow.parquet", install=EXTRA)
    for file in files:
        try:
            with parquet.ParquetFile(file, buffer_size=1 << 20) as opened:
                about = opened.metadata
                ends = [
                    *accumulate(about.row_group(n).num_rows for n in range(about.num_row_groups))
                ]
                skip = min(start, about.num_rows)
                start -= skip
                groups = [group for group, end in enumerate(ends) if end > skip]
                first = ends[groups[0] - 1] if groups and groups[0] else 0
                for batch in opened.iter_batches(size, row_groups=groups):
                    rows = range(first + 1, first + 1 + batch.num_rows)
                    table = Table(arrow.Table.from_batches([batch]), ((str(file), rows),))
                    if rows.stop > skip + 1:
                        yield table[max(skip - first, 0) :]
                    first += batch.num_rows
        except arrow.ArrowInvalid as error:
            told = str(error).partition("\n")[0]
            raise ValueError(f"{file}: not parquet ({told}); write it again") from None


def _saved(folder: Path, size: int, start: int) -> Iterator[Table]:
    """Yield the rows of a dataset that `datasets` saved."""
    dataset = _dataset(folder).with_format("arrow")
    for first in range(start, len(dataset), size):
        table = dataset[first : first + size]
        yield Table(table, ((str(folder), range(first + 1, first + 1 + table.num_rows)),))


def _cut(spans: Spans, part: slice) -> Spans:
    """Return where some of the rows are from."""
    start, stop, _ = part.indices(sum(len(numbers) for _, numbers in spans))
    kept = []
    for name, numbers in spans:
        kept.append((name, numbers[max(start, 0) : max(stop, 0)]))
        start, stop = start - len(numbers), stop - len(numbers)
    return tuple((name, numbers) for name, numbers in kept if numbers)


def _place(spans: Spans, row: int, what: str) -> str:
    """Say where a row stands."""
    for name, numbers in spans:
        if row < len(numbers):
            return f"{name}, {what} {numbers[row]}"
        row -= len(numbers)
    raise IndexError(row)


def _dataset(folder: Path) -> Any:
    """Return the dataset in a folder."""
    return require("datasets", install=EXTRA).load_from_disk(str(folder))


def _newlines(file: Path) -> int:
    """Return the number of lines, the last one's end aside."""
    with file.open("rb") as opened:
        blocks = iter(partial(opened.read, 1 << 20), b"")
        lines, last = 0, b"\n"
        for block in blocks:
            lines, last = lines + block.count(b"\n"), block[-1:]
    return lines + (last != b"\n")
