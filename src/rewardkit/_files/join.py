"""Rows with the columns of a dataset joined to them, by a column that both have.

Trainers log completions without the dataset's columns, and prompts as they were fed to the model: a
dataset's messages may be logged as the text that a chat template made of them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

from rewardkit._files.chunks import (
    Chunk,
    InvalidRow,
    Lines,
    Records,
    Row,
    find_invalid,
    find_valid,
)
from rewardkit._files.source import RowSource
from rewardkit._files.work import FileDigest
from rewardkit._messages import explain_missing_column, shorten_text
from rewardkit._text.completions import read_content

# After the last message a template opens the assistant's turn: "<|im_start|>assistant\n<think>\n".
MAX_GENERATION_PROMPT = 64
# Keys are looked up by their ends. Longer ends are shared by fewer questions.
MAX_KEY_END = 32
# Where a template's special tokens are not logged, the role follows the message without a space.
_AFTER_KEY = re.compile(r"\n|\s*(?:\Z|[<\[|{]|assistant|model|bot)", re.IGNORECASE)


class JoinCounts(NamedTuple):
    """How many rows have a row in the data."""

    matched: int = 0
    """Rows that got the columns of one."""
    unmatched: int = 0
    """Rows without one."""
    ambiguous: int = 0
    """Rows with several, which differ in a column that the row lacks; it is None."""


class _Match(NamedTuple):
    """What the data has under one key."""

    row: Row
    differing: frozenset[str] = frozenset()
    """The columns in which its rows differ."""


class JoinedSource(RowSource):
    """The rows of a source, each with the columns that it lacks from a row of the data."""

    def __init__(self, source: RowSource, data: RowSource, on: str = "prompt") -> None:
        """Read the data into memory.

        `on` is the column that both have, or SOURCE=DATA where the names differ. Raises ValueError
        if the data does not have it.
        """
        self.name = source.name
        self.counts = JoinCounts()
        """Those of the rows read so far."""
        self._source, self._data, self._on = source, data, on
        self._column, _, data_column = on.partition("=")
        self._index = _JoinIndex(data, data_column or self._column)

    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""
        self.counts = JoinCounts()
        for number, chunk in enumerate(self._source.chunks(size=size, start=start)):
            rows = chunk.rows_or_invalid()
            if not number and not start and not any(self._column in row for row in rows):
                first = find_valid(rows)
                problem = explain_missing_column(self._column, rows[first])
                raise ValueError(f"{chunk.position(first)}: {problem} to join on")
            found = [self._index.find(row.get(self._column)) for row in rows]
            missing = found.count(None)
            if not number and not start and missing == len(rows) > 0:
                named = next(row for row in rows if self._column in row)
                raise ValueError(self._explain_no_match(named))
            pairs = [*zip(rows, found, strict=True)]
            ambiguous = sum(bool(more and more.differing - row.keys()) for row, more in pairs)
            new = (len(rows) - missing - ambiguous, missing, ambiguous)
            self.counts = JoinCounts(*map(add, self.counts, new))
            nothing = _Match(dict.fromkeys(self._index.names))
            # The file's own values win, and its columns come first.
            joined = [{**row, **(more or nothing).row, **row} for row, more in pairs]
            for index, problem in find_invalid(rows).items():
                joined[index] = InvalidRow(joined[index], problem)
            lines = isinstance(chunk, Lines) and not isinstance(chunk, Records)
            yield (Lines if lines else Records)(joined, chunk.origins)

    def count(self) -> int | None:
        """Return the number of rows if it is cheap to know, else None."""
        return self._source.count()

    def digests(self) -> list[FileDigest]:
        """Return those of the rows, without the data that is joined."""
        return self._source.digests()

    def in_order(self, files: Sequence[FileDigest]) -> RowSource:
        """Return the source with its files in another order: that of these, which are all."""
        other = copy(self)  # with the same index, which has taken long to make
        other._source = self._source.in_order(files)  # noqa: SLF001 - one of this class
        return other

    def check_lines(self) -> None:
        """Raise ValueError for a file of the rows whose first lines are all not rows."""
        self._source.check_lines()

    def fingerprint_data(self) -> str:
        """Return a digest of the data that is joined, and of the column."""
        return hashlib.sha256(f"{self._data.fingerprint()}\n{self._on}".encode()).hexdigest()

    def reads(self, path: Path) -> bool:
        """Return whether a file is one of those that are read."""
        return self._source.reads(path) or self._data.reads(path)

    def _explain_no_match(self, row: Row) -> str:
        given = _quote_value(row[self._column])
        return (
            f"{self._source.name}: no row matches the joined data ({self._data.name}) on"
            f" {self._on!r}: the first has {given}, the data {_quote_value(self._index.first)};"
            " name other columns with on='SOURCE=DATA' (--on SOURCE=DATA)"
        )


class _JoinIndex:
    """The data's rows by key: the value itself, the last message, and the ends of both."""

    def __init__(self, data: RowSource, column: str) -> None:
        self.names: dict[str, None] = {}
        self.first: Any = None
        self._exact: dict[str, _Match] = {}
        self._by_text: dict[str, _Match] = {}
        for number, row in enumerate(data.rows()):
            if column not in row:
                problem = explain_missing_column(column, row)
                raise ValueError(f"{data.name}, row {number + 1}: {problem} to join on")
            value = row[column]
            self.first = value if number == 0 else self.first
            self.names.update(dict.fromkeys(row))
            if value is not None:
                _add_row(self._exact, _make_key(value), row)
                _add_row(self._by_text, _read_last_text(value), row)
        self._by_text.pop("", None)
        self._by_end: dict[str, list[str]] = {}
        for text in self._by_text:
            self._by_end.setdefault(text[-MAX_KEY_END:], []).append(text)
        self._widths = {len(end) for end in self._by_end}
        self._found: dict[str, _Match | None] = {}

    def find(self, value: Any) -> _Match | None:
        """Return the columns for a value, None without a row in the data."""
        if value is None:
            return None
        key = _make_key(value)
        if key in self._exact:
            return self._exact[key]
        if key not in self._found:
            text = _read_last_text(value)
            match = self._by_text.get(text)
            self._found[key] = match if match is not None else self._find_rendered(text)
        return self._found[key]

    def _find_rendered(self, text: str) -> _Match | None:
        """Return the row whose text is the last message of a prompt that a template made."""
        best = ""
        for end in range(len(text), max(0, len(text) - MAX_GENERATION_PROMPT) - 1, -1):
            if not _AFTER_KEY.match(text, end):
                continue
            for width in self._widths:
                for key in self._by_end.get(text[max(0, end - width) : end], ()):
                    start = end - len(key)
                    # The longest, since "2 + 2?" is also the end of "1 + 2 + 2?".
                    if len(key) > len(best) and text.endswith(key, 0, end) and start >= 0:
                        whole = start == 0 or not text[start - 1].isalnum()
                        best = key if whole else best
        return self._by_text.get(best)


def _add_row(matches: dict[str, _Match], key: str, row: Row) -> None:
    """Add a row; where others have its key, a column on which they disagree becomes None."""
    before = matches.get(key)
    if before is None:
        matches[key] = _Match(row)
    elif before.row != row:
        names = {**before.row, **row}
        differing = before.differing | {n for n in names if before.row.get(n) != row.get(n)}
        merged = {name: None if name in differing else row.get(name) for name in names}
        matches[key] = _Match(merged, differing)


def _make_key(value: Any) -> str:
    """Return a text that equal values share: a number and its digits, messages with empty keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence | Mapping):
        return json.dumps(_drop_none(value), sort_keys=True, default=str)
    return str(value)


def _drop_none(value: Any) -> Any:
    # Parquet gives each message the keys of all.
    if isinstance(value, Mapping):
        return {key: _drop_none(item) for key, item in value.items() if item is not None}
    return [*map(_drop_none, value)] if isinstance(value, list | tuple) else value


def _read_last_text(value: Any) -> str:
    """Return a prompt's last message, or the whole text, without white space at both ends."""
    last = value[-1] if isinstance(value, list | tuple) and value else value
    if isinstance(last, Mapping):
        return read_content(last.get("content")).strip()
    return str(last).strip()


def _quote_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return repr(shorten_text(text))
