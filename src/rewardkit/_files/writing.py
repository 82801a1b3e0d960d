"""Scored rows as they are written: lines of JSON, or Arrow streams that become a parquet file."""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rewardkit._files.reading import EXTRA, Chunk, Lines, Row, Table, ipc_bytes
from rewardkit._optional import require

if TYPE_CHECKING:
    import pyarrow as pa

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""The columns that are added, each with a number, a text or None for every row."""

_ROW_GROUP = 1 << 25  # bytes of rows that go to parquet together


def lines(chunk: Chunk, rows: Sequence[Row], columns: Columns) -> bytes:
    """Return the rows as lines of JSON, each as it came with the columns behind it."""
    keys = [f", {json.dumps(name)}: " for name in columns]
    tails: dict[tuple[Any, ...], bytes] = {}  # many rows have the same scores
    came = chunk.lines if isinstance(chunk, Lines) else rows
    written: list[bytes] = []
    for row, line, cells in zip(rows, came, zip(*columns.values(), strict=True), strict=True):
        tail = tails.get(cells)
        if tail is None:
            pairs = zip(keys, map(json.dumps, cells), strict=True)
            tail = tails[cells] = "".join(map("".join, pairs)).encode() + b"}\n"
        if isinstance(line, bytes) and columns.keys().isdisjoint(row):
            written += (line[: line.rindex(b"}")], tail)
        else:
            kept = {name: cell for name, cell in row.items() if name not in columns}
            written += (_json(kept)[:-1], tail)
    return b"".join(written)


def stream(chunk: Chunk, rows: Sequence[Row], columns: Columns) -> bytes:
    """Return the rows with the columns behind them as an Arrow stream.

    Raises ValueError for a column that parquet cannot hold.
    """
    table = chunk.table if isinstance(chunk, Table) else _table(chunk, rows)
    table = table.drop_columns([name for name in columns if name in table.column_names])
    for name, cells in columns.items():
        table = table.append_column(name, _array(name, cells))
    return ipc_bytes(table.replace_schema_metadata(None), compression="lz4")


def joined(before: str | None, content: bytes) -> str:
    """Return, as text, the schema that holds what was there before and a stream.

    Raises ValueError where a column's types have none in common.
    """
    arrow = require("pyarrow", install=EXTRA)
    schema = arrow.ipc.open_stream(content).schema
    try:
        both = [_schema(before), schema] if before else [schema]
        schema = arrow.unify_schemas(both, promote_options="permissive")
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        message = f"rows differ in a column's type ({error}); write to a .jsonl file"
        raise ValueError(message) from None
    return b64encode(schema.serialize()).decode()


def parquet(part: Path, ends: Sequence[int], schema: str | None, names: Iterable[str]) -> Path:
    """Return a parquet file made of the streams in `part` that end there.

    `schema` is what `joined` gave for them all; where there are none, the file has the columns
    `names`, and no rows.
    """
    arrow = require("pyarrow", install=EXTRA)
    writer = require("pyarrow.parquet", install=EXTRA).ParquetWriter
    made = part.with_name(f"{part.name}.parquet")
    whole = _schema(schema) if schema else arrow.schema([(name, arrow.null()) for name in names])
    with part.open("rb") as streams, writer(made, whole, compression="zstd") as file:
        held = whole.empty_table()
        for start in [0, *ends][:-1]:
            streams.seek(start)
            table = arrow.ipc.open_stream(streams).read_all()
            held = arrow.concat_tables([held, table], promote_options="permissive")
            if held.nbytes >= _ROW_GROUP:
                file.write_table(held)
                held = whole.empty_table()
        file.write_table(held)
    return made


def _json(row: Row) -> bytes:
    """Return a row as JSON; what is not finite is null."""
    try:
        return _encode(row).encode()
    except ValueError:  # NaN, or half a surrogate pair, which UTF-8 does not have
        return json.dumps(_without_nan(row), default=_plain).encode()


def _plain(cell: Any) -> str:
    """Return a cell that JSON does not know, a date or a decimal, as text."""
    if isinstance(cell, bytes):
        message = "a cell holds bytes, which JSON cannot; write to a .parquet file"
        raise ValueError(message)  # noqa: TRY004 - the file is wrong, no argument
    return str(cell)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode


def _without_nan(cell: Any) -> Any:
    """Return a cell with None in place of NaN and infinities, at every depth."""
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, dict):
        return {str(key): _without_nan(item) for key, item in cell.items()}
    return [*map(_without_nan, cell)] if isinstance(cell, list | tuple) else cell


def _table(chunk: Chunk, rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table. Raises ValueError for a column that parquet cannot hold."""
    arrow = require("pyarrow", install=EXTRA)
    arrays = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        try:
            arrays[name] = arrow.array([row.get(name) for row in rows])
        except (arrow.ArrowException, ValueError, TypeError, OverflowError) as error:
            where = f"{chunk.place(0)} to {chunk.place(len(rows) - 1)}: column {name!r}"
            message = f"{where} does not fit parquet ({error}); write to a .jsonl file"
            raise ValueError(message) from None
    return arrow.table(arrays)


def _array(name: str, cells: Sequence[Any]) -> pa.Array:
    """Return values or whys as an array."""
    arrow = require("pyarrow", install=EXTRA)
    if not name.endswith("/why"):
        return arrow.array(cells, arrow.float64())
    try:
        return arrow.array(cells, arrow.string())
    except UnicodeEncodeError:  # half a surrogate pair, quoted from a column
        return arrow.array([cell.encode(errors="replace").decode() for cell in cells])


def _schema(text: str) -> pa.Schema:
    """Return the schema of a text."""
    arrow = require("pyarrow", install=EXTRA)
    return arrow.ipc.read_schema(arrow.BufferReader(b64decode(text)))
