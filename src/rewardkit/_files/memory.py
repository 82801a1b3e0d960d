"""Rows that are in memory already: mappings, a dataset, a data frame, an Arrow table."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rewardkit._files import reading
from rewardkit._files.chunks import Chunk, Records, Row, Table, ipc_bytes
from rewardkit._files.source import RowSource
from rewardkit._files.work import FileDigest
from rewardkit._files.writing import append_columns

_EXPECTED = (
    "expected a path, rows (an iterable of dicts), a Dataset, a DataFrame or a pyarrow Table"
)


class MemorySource(RowSource):
    """Rows of mappings, held as a list."""

    def __init__(self, rows: Sequence[Row], name: str = "input") -> None:
        """Hold the rows; they are not copied."""
        self.name = name
        self._rows = rows

    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""
        for first in range(start, len(self._rows), size):
            rows = self._rows[first : first + size]
            yield Records(rows, ((self.name, range(first + 1, first + 1 + len(rows))),))

    def count(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def digests(self) -> list[FileDigest]:
        """Return one digest of all rows."""
        return [FileDigest(self.name, _digest_chunks(self))]


class DatasetSource(RowSource):
    """Rows of a dataset of `datasets`, which stay in its own memory or on its disk."""

    def __init__(self, dataset: Any, name: str = "dataset") -> None:
        """Hold the dataset."""
        self.name = name
        self._dataset = dataset

    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""
        return reading.read_dataset(self._dataset, self.name, size, start)

    def count(self) -> int:
        """Return the number of rows."""
        return len(self._dataset)

    def digests(self) -> list[FileDigest]:
        """Return one digest of all rows."""
        # Not the dataset's own: that of a function mapped over it differs in each process.
        return [FileDigest(self.name, _digest_chunks(self))]


class TableSource(RowSource):
    """Rows of a pyarrow table."""

    def __init__(self, table: Any, name: str = "table") -> None:
        """Hold the table."""
        self.name = name
        self._table = table

    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""
        for first in range(start, self._table.num_rows, size):
            part = self._table.slice(first, size)
            yield Table(part, ((self.name, range(first + 1, first + 1 + part.num_rows)),))

    def count(self) -> int:
        """Return the number of rows."""
        return int(self._table.num_rows)

    def digests(self) -> list[FileDigest]:
        """Return one digest of all rows."""
        return [FileDigest(self.name, _digest_chunks(self))]


def read_object(given: Any) -> RowSource:
    """Return the rows of an object. TypeError if it does not hold rows.

    >>> [*read_object([{"completion": "4"}]).rows()]
    [{'completion': '4'}]
    """
    # By what they can do, since none of these packages needs to be installed.
    if hasattr(given, "to_pylist") and hasattr(given, "num_rows"):  # pyarrow
        return TableSource(given)
    if hasattr(given, "with_format") and hasattr(given, "__len__"):  # datasets
        return _read_dataset(given)
    if hasattr(given, "to_dicts"):  # polars
        return MemorySource(given.to_dicts())
    if hasattr(given, "to_dict") and hasattr(given, "notna"):  # pandas
        return MemorySource([*map(drop_arrays, _drop_missing(given).to_dict("records"))])
    if isinstance(given, Mapping):
        raise TypeError(f"got a {type(given).__name__} of {_name_columns(given)}, {_EXPECTED}")
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise TypeError(f"got a {type(given).__name__}, {_EXPECTED}")
    rows = [*given]
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            problem = f"row {index}: got {row!r:.60} ({type(row).__name__})"
            raise TypeError(f"{problem}, expected a dict such as {{'completion': '...'}}")
    return MemorySource([row if type(row) is dict else dict(row) for row in rows])


def read_columns(batch: Any) -> dict[str, list[Any]]:
    """Return the columns of a batch as lists: of a mapping, a DataFrame or an Arrow table.

    >>> read_columns({"completion": ("4", "5")})
    {'completion': ['4', '5']}
    """
    if hasattr(batch, "to_pydict"):
        batch = batch.to_pydict()
    elif hasattr(batch, "notna"):
        batch = _drop_missing(batch)
    return {name: _list_values(column) for name, column in batch.items()}


def add_columns(batch: Any, added: Mapping[str, list[Any]]) -> Any:
    """Return a batch of the same kind with columns after its own; those of their names go."""
    if hasattr(batch, "to_pydict"):
        return append_columns(batch, added)
    if hasattr(batch, "assign"):  # a DataFrame, to which a dict is no batch
        return batch.drop(columns=[*added], errors="ignore").assign(**added)
    return {**batch, **added}


def _drop_missing(frame: Any) -> Any:
    # As objects, since a missing number or text is NaN in pandas, and None everywhere else.
    return frame.astype(object).where(frame.notna(), None)


def _list_values(values: Any) -> list[Any]:
    """Return a column of lists, arrays or series as Python's own values."""
    is_float = getattr(getattr(values, "dtype", None), "kind", "") == "f"
    for method in ("to_pylist", "tolist"):
        if hasattr(values, method):
            values = getattr(values, method)()
            break
    if is_float:  # numpy has no other way to write a missing number
        return [None if math.isnan(value) else value for value in values]
    nested = any(hasattr(each, "tolist") for each in {*map(type, values)})
    return [*map(drop_arrays, values)] if nested else [*values]


def drop_arrays(value: Any) -> Any:
    """Return a value with lists in place of arrays, as messages of chats come out of parquet."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: drop_arrays(item) for key, item in value.items()}
    return [*map(drop_arrays, value)] if isinstance(value, list) else value


def _read_dataset(dataset: Any) -> RowSource:
    if isinstance(dataset, Mapping):  # a DatasetDict
        example = f"for example dataset[{next(iter(dataset), 'train')!r}]"
        raise TypeError(f"got a dataset with several splits; give one of them, {example}")
    return DatasetSource(dataset)


def _name_columns(given: Mapping[Any, Any]) -> str:
    return ", ".join(map(str, [*given][:5])) or "nothing"


def _digest_chunks(source: RowSource) -> str:
    digest = hashlib.sha256()
    for chunk in source.chunks():
        if isinstance(chunk, Table):
            digest.update(hashlib.sha256(ipc_bytes(chunk.table)).digest())
            continue
        for row in chunk.rows():
            digest.update(json.dumps(row, sort_keys=True, default=repr).encode() + b"\n")
    return digest.hexdigest()
