"""Scored rows as they are written: lines of JSON, or Arrow streams that become a parquet file."""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from rewardkit._files.chunks import EXTRA, Chunk, Lines, Row, Table, ipc_bytes
from rewardkit._files.safe_open import create_new
from rewardkit._files.work import START_AFRESH
from rewardkit._messages import shorten_text
from rewardkit._optional import require

if TYPE_CHECKING:
    import pyarrow as pa

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""The columns that are added, each with a number, a text, None or ABSENT for every row."""
ABSENT = object()
"""In place of a value: the row gets no such column, and keeps its own of that name."""

# Readers decompress a row group at once, so larger ones cost them memory, and smaller ones
# compress worse: a batch of 1,024 rows alone would be one of a few hundred kilobytes.
ROW_GROUP_BYTES = 1 << 25
ROWS_PER_BATCH = 1024  # of a file that is read again


def encode_lines(chunk: Chunk, rows: Sequence[Row], columns: Columns) -> bytes:
    """Encode the rows as lines of JSON, each as it was read with the columns after it."""
    keys = [f", {json.dumps(name)}: " for name in columns]
    tails: dict[tuple[Any, ...], bytes] = {}  # many rows have the same scores
    originals = chunk.lines_or_rows() if isinstance(chunk, Lines) else rows
    written: list[bytes] = []
    added = zip(*columns.values(), strict=True)
    for row, line, values in zip(rows, originals, added, strict=True):
        tail = tails.get(values)
        if tail is None:
            pairs = zip(keys, values, strict=True)
            written_pairs = (key + json.dumps(value) for key, value in pairs if value is not ABSENT)
            tail = tails[values] = "".join(written_pairs).encode() + b"}\n"
        # A line is copied rather than encoded again: that is faster, and keeps numbers, spacing and
        # the order of keys to the byte.
        if row and isinstance(line, bytes) and columns.keys().isdisjoint(row):
            written += (line[: line.rindex(b"}")], tail)
        else:
            replaced = {
                name for name, value in zip(columns, values, strict=True) if value is not ABSENT
            }
            kept = {name: value for name, value in row.items() if name not in replaced}
            # no comma after the brace of a row without a column of its own
            written += (_encode_row(kept)[:-1], tail) if kept else (b"{", tail.removeprefix(b", "))
    return b"".join(written)


def encode_stream(chunk: Chunk, rows: Sequence[Row], columns: Columns) -> bytes:
    """Encode the rows with the columns after them as an Arrow stream.

    Raises ValueError for a column that parquet cannot hold.
    """
    table = chunk.table if isinstance(chunk, Table) else _build_table(chunk, rows)
    # A column that no row has here may still be one of other pieces, whose schemas are merged.
    columns = {
        name: [None if value is ABSENT else value for value in values]
        for name, values in columns.items()
        if {*map(type, values)} != {type(ABSENT)}
    }
    return ipc_bytes(append_columns(table, columns), compression="lz4")


def append_columns(table: pa.Table, columns: Columns) -> pa.Table:
    """Return the table with the columns of scores after its own; those of their names go."""
    table = table.drop_columns([name for name in columns if name in table.column_names])
    for name, values in columns.items():
        table = table.append_column(name, _build_array(name, values))
    # Metadata (of pandas or datasets) describes the columns that there were before.
    return table.replace_schema_metadata(None)


def merge_schema(before: str | None, stream: bytes) -> str:
    """Return, as text, a schema for the rows so far and those of a stream.

    Raises ValueError if a column's types have none in common.
    """
    arrow = require("pyarrow", install=EXTRA)
    schema = arrow.ipc.open_stream(stream).schema
    try:
        both = [_decode_schema(before), schema] if before else [schema]
        schema = arrow.unify_schemas(both, promote_options="permissive")
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        message = f"rows differ in a column's type ({error}); write to a .jsonl file"
        raise ValueError(message) from None
    return _encode_schema(schema)


def stream_parquet(file: Path, sink: IO[bytes]) -> tuple[int, str]:
    """Write the rows of a parquet file as one Arrow stream; return their number and the schema."""
    arrow = require("pyarrow", install=EXTRA)
    parquet = require("pyarrow.parquet", install=EXTRA)
    options = arrow.ipc.IpcWriteOptions(compression="lz4")
    with parquet.ParquetFile(file, buffer_size=1 << 20) as opened:
        schema = opened.schema_arrow.remove_metadata()
        with arrow.ipc.new_stream(sink, schema, options=options) as stream:
            for batch in opened.iter_batches(ROWS_PER_BATCH):
                stream.write_batch(batch.replace_schema_metadata(None))
        return int(opened.metadata.num_rows), _encode_schema(schema)


def write_parquet(
    part: Path, ends: Sequence[int], schema: str | None, names: Iterable[str]
) -> Path:
    """Write a parquet file of the streams in `part`, which end at `ends`; return its path.

    `schema` is what `merge_schema` gave for them all; without rows there is none, and the file has
    the columns `names`.
    """
    arrow = require("pyarrow", install=EXTRA)
    writer = require("pyarrow.parquet", install=EXTRA).ParquetWriter
    path = part.with_name(f"{part.name}.parquet")
    merged = (
        _decode_schema(schema) if schema else arrow.schema([(name, arrow.null()) for name in names])
    )
    # The file is opened here: given a path, Arrow would follow a link that somebody put there.
    with (
        part.open("rb") as streams,
        create_new(path) as written,
        writer(written, merged, compression="zstd") as file,
    ):
        held = merged.empty_table()
        for table in _read_streams(part, streams, ends, merged):
            held = arrow.concat_tables([held, table], promote_options="permissive")
            if held.nbytes >= ROW_GROUP_BYTES:
                file.write_table(held)
                held = merged.empty_table()
        file.write_table(held)
    return path


def _read_streams(
    part: Path, streams: IO[bytes], ends: Sequence[int], schema: pa.Schema
) -> Iterator[pa.Table]:
    """Yield the rows of the streams, with the columns and types of the schema."""
    arrow = require("pyarrow", install=EXTRA)
    for start in [0, *ends][:-1]:
        streams.seek(start)
        # Only reading is guarded: a full disk must not be reported as a damaged part.
        try:
            # In batches: the first stream may hold the whole of an earlier file.
            for batch in arrow.ipc.open_stream(streams):
                tables = [schema.empty_table(), arrow.Table.from_batches([batch])]
                yield arrow.concat_tables(tables, promote_options="permissive")
        except (arrow.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # not Arrow's own
                raise
            message = f"{part}: not what score wrote ({shorten_text(str(error), 200)})"
            raise ValueError(f"{message}; {START_AFRESH}") from None


def _encode_row(row: Row) -> bytes:
    try:
        return _encode_json(row).encode()
    except ValueError:  # NaN, or half a surrogate pair, which UTF-8 cannot encode
        return json.dumps(_replace_non_finite(row), default=_format_value).encode()


def _format_value(value: Any) -> str:
    """Format a value that JSON does not know, as a date or a decimal."""
    if isinstance(value, bytes):
        message = "a column holds bytes, which JSON cannot; write to a .parquet file"
        raise ValueError(message)  # noqa: TRY004 - the file is wrong, not an argument
    return str(value)


# One encoder for all rows: json.dumps with options builds a new one at each call.
_encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_format_value).encode


def _replace_non_finite(value: Any) -> Any:
    """Return a value with None in place of NaN and infinities, at every depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _replace_non_finite(item) for key, item in value.items()}
    return [*map(_replace_non_finite, value)] if isinstance(value, list | tuple) else value


def _build_table(chunk: Chunk, rows: Sequence[Row]) -> pa.Table:
    arrow = require("pyarrow", install=EXTRA)
    arrays = {}
    # The columns of all rows: Table.from_pylist would take those of the first row alone.
    for name in dict.fromkeys(name for row in rows for name in row):
        try:
            arrays[name] = arrow.array([row.get(name) for row in rows])
        except (arrow.ArrowException, ValueError, TypeError, OverflowError) as error:
            position = chunk.positions(0, len(rows) - 1)
            problem = f"column {name!r} does not fit parquet ({error}); write to a .jsonl file"
            raise ValueError(f"{position}: {problem}") from None
    return arrow.table(arrays)


def _build_array(name: str, values: Sequence[Any]) -> pa.Array:
    arrow = require("pyarrow", install=EXTRA)
    if not name.endswith("/why"):
        # The type is named, since a batch in which a reward always abstains would give nulls.
        return arrow.array(values, arrow.float64())
    try:
        return arrow.array(values, arrow.string())
    except UnicodeEncodeError:  # half a surrogate pair, quoted from a column
        return arrow.array([value.encode(errors="replace").decode() for value in values])


def _encode_schema(schema: pa.Schema) -> str:
    return b64encode(schema.serialize()).decode()  # text, since the journal's lines are JSON


def _decode_schema(text: str) -> pa.Schema:
    arrow = require("pyarrow", install=EXTRA)
    try:
        return arrow.ipc.read_schema(arrow.BufferReader(b64decode(text)))
    except (arrow.ArrowException, OSError, ValueError):
        message = "the schema that an earlier run recorded cannot be read"
        raise ValueError(f"{message}; {START_AFRESH}") from None
