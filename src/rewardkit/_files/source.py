"""A file argument, resolved once: its kind, its files, its rows, their number and a fingerprint."""

from __future__ import annotations

import glob
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rewardkit._files import reading
from rewardkit._files.chunks import (
    EXTRA,
    Chunk,
    Row,
    check_renamed,
    find_invalid,
    rename_columns,
)
from rewardkit._files.work import FileDigest
from rewardkit._messages import did_you_mean, error_line, shorten_text
from rewardkit._optional import require

Kind: TypeAlias = Literal["jsonl", "csv", "parquet", "dataset"]

# Counting the lines of a gigabyte takes about a second, the longest that a person should wait for
# a progress bar. What is larger is scored without a total.
MAX_COUNTED_BYTES = 1 << 30
FIRST_LINES = 100  # if none of them is a row, the file is of another format
_KINDS: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}


class RowSource(ABC):
    """Rows of completions in order, whatever they come from, in chunks that can be read again."""

    name: str
    """The argument as it was given, or what else a person calls the rows."""

    @abstractmethod
    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""

    @abstractmethod
    def count(self) -> int | None:
        """Return the number of rows if it is cheap to know, else None; blank lines count."""

    @abstractmethod
    def digests(self) -> list[FileDigest]:
        """Return a digest of each file's content, or one of all rows, in the order of the rows."""

    def in_order(self, files: Sequence[FileDigest]) -> RowSource:  # noqa: ARG002 - one has no order
        """Return the source with its files in another order: that of these, which are all."""
        return self

    def fingerprint(self) -> str:
        """Return a digest of the contents: the same for equal rows, whatever their name."""
        return hashlib.sha256("".join(file.digest for file in self.digests()).encode()).hexdigest()

    def reads(self, path: Path) -> bool:  # noqa: ARG002 - only files read one
        """Return whether a file is one of those that are read."""
        return False

    def check_is_not(self, out: Path) -> None:
        """Raise ValueError if the file to write is one of those that are read."""
        if self.reads(out):
            raise ValueError(f"{out} is also the input; write to another file")

    def check_lines(self) -> None:
        """Raise ValueError for a file whose first lines are all not rows."""
        return

    def rows(self, *, columns: Mapping[str, str] | None = None) -> Iterator[Row]:
        """Yield the rows, each as its values by column.

        `columns` gives a column of the file the name that rewards read, as {"response":
        "completion"}. Raises ImportError if a package is missing, and ValueError for a file that is
        not as its name says, with the file, the line and the fix.
        """
        for number, chunk in enumerate(self.chunks()):
            if columns and not number:
                check_renamed(chunk, columns)
            yield from rename_columns(chunk.rows(), columns or {})


@dataclass(frozen=True)
class Source(RowSource):
    """Rows of completions: a file, a glob of files, or a folder."""

    name: str
    kind: Kind
    """What the files hold."""
    files: tuple[Path, ...]
    """The files in order; for a dataset, the folder that it was saved in."""

    @classmethod
    def resolve(cls, argument: Path | str) -> Source:
        """Find the files that an argument means.

        Files are JSONL (`.jsonl`, `.json`), CSV (both also with `.gz`) or parquet. A folder is one
        that `datasets` saved, or one of parquet files, of which TRL's `completions_*.parquet` go
        first. Raises FileNotFoundError, and ValueError for files of an unknown kind or of several.
        """
        path = Path(argument)
        if path.is_dir():
            return cls(str(argument), *_resolve_folder(path))
        # The path itself goes first: a file may have the characters of a glob in its name.
        files = [path] if path.exists() else [Path(file) for file in glob.glob(str(argument))]  # noqa: PTH207 - the glob may be absolute
        if not files:
            raise FileNotFoundError(f"file not found: {argument}{_missing_file_hint(path)}")
        files.sort(key=_natural_order)
        kinds = {_kind_of(file) for file in files}
        if len(kinds) > 1:
            several = " and ".join(sorted({_data_suffix(file) for file in files}))
            raise ValueError(f"{argument}: got files of {several} together; give those of one kind")
        return cls(str(argument), kinds.pop(), tuple(files))

    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""
        if self.kind == "dataset":
            return reading.read_dataset(self._dataset, str(self.files[0]), size, start)
        if self.kind == "parquet":
            return reading.read_parquet(self.files, size, start)
        read = reading.read_jsonl if self.kind == "jsonl" else reading.read_csv
        # Lines have no index, so the rows before `start` are read; they are not parsed.
        blocks = chain.from_iterable(read(file, size) for file in self.files)
        return reading.skip_rows(start, blocks)

    def count(self) -> int | None:
        """Return the number of rows if it is cheap to know, else None; blank lines count."""
        if self.kind == "parquet":
            metadata = require("pyarrow.parquet", install=EXTRA).read_metadata
            return sum(int(metadata(file).num_rows) for file in self.files)
        if self.kind == "dataset":
            return len(self._dataset)
        # A row of CSV may span lines, and a compressed file must be unpacked to be counted.
        uncounted = self.kind == "csv" or any(file.suffix == ".gz" for file in self.files)
        if uncounted or sum(file.stat().st_size for file in self.files) > MAX_COUNTED_BYTES:
            return None
        return sum(map(reading.count_lines, self.files))

    def check_lines(self) -> None:
        """Raise ValueError for a file whose first lines are all not rows."""
        if self.kind not in {"jsonl", "csv"}:
            return
        for file in self.files:
            chunks: Iterator[Chunk]
            if self.kind == "jsonl":
                chunks = reading.read_jsonl(file, FIRST_LINES, self._name_of(file))
            else:
                chunks = reading.read_csv(file, FIRST_LINES)
            first = next((chunk for chunk in chunks if len(chunk)), None)
            if first is not None and len(find_invalid(first.rows_or_invalid())) == len(first):
                first.rows()  # raises

    def _name_of(self, file: Path) -> str:
        return str(file)

    def digests(self) -> list[FileDigest]:
        """Return a digest of each file's content; a dataset is one file."""
        return self._digests

    def in_order(self, files: Sequence[FileDigest]) -> RowSource:
        """Return the source with its files in another order: that of these, which are all."""
        by_digest = dict(zip(self.digests(), self.files, strict=True))
        ordered = tuple(by_digest[file] for file in files)
        return self if ordered == self.files else replace(self, files=ordered)

    def reads(self, path: Path) -> bool:
        """Return whether a file is one of those that are read."""
        return path.resolve() in [file.resolve() for file in self.files]

    # Kept, since gigabytes take seconds, and one run asks twice.
    @cached_property
    def _digests(self) -> list[FileDigest]:
        if self.kind != "dataset":
            return [FileDigest(self._name_of(file), _digest_file(file)) for file in self.files]
        # state.json and dataset_info.json say which rows and columns of the .arrow files count.
        parts = sorted(f for f in self.files[0].iterdir() if f.suffix in (".arrow", ".json"))
        digest = hashlib.sha256("".join(map(_digest_file, parts)).encode()).hexdigest()
        return [FileDigest(self.name, digest)]

    @cached_property
    def _dataset(self) -> Any:
        folder = self.files[0]
        try:
            return require("datasets", install=EXTRA).load_from_disk(str(folder))
        except (ValueError, TypeError, LookupError, AttributeError, OSError) as error:
            message = f"{folder}: not a dataset that datasets saved"
            raise ValueError(f"{message} ({shorten_text(error_line(error), 200)})") from None


def sidecar_path(scored: Path | str) -> Path:
    """Return the YAML file beside a scored one, which says what scored it."""
    return Path(f"{scored}.rewards.yaml")


def _digest_file(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _resolve_folder(folder: Path) -> tuple[Kind, tuple[Path, ...]]:
    if (folder / "state.json").exists():
        return "dataset", (folder,)
    if (folder / "dataset_dict.json").exists():
        splits = _read_splits(folder / "dataset_dict.json")
        choices = " or ".join(str(folder / split) for split in splits)
        raise ValueError(f"{folder}: a dataset with several splits; give one of them: {choices}")
    # TRL's tables before all else: its folder may hold other parquet files beside them.
    for pattern in ("completions_*.parquet", "*.parquet"):
        if files := sorted(folder.glob(pattern), key=_natural_order):
            return "parquet", tuple(files)
    # A training run's folder holds TRL's tables one level below.
    inside = " or ".join(repr(str(inner)) for inner in folder.glob("completions"))
    hint = f"give {inside}" if inside else "give one of its files, or a glob of them"
    message = f"{folder}: neither a dataset that datasets saved nor a folder of parquet files"
    raise ValueError(f"{message}; {hint}")


def _read_splits(file: Path) -> list[str]:
    try:
        return [*map(str, json.loads(file.read_text(encoding="utf-8"))["splits"])]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise ValueError(f"{file}: not a file that datasets saved; save it again") from None


def _kind_of(file: Path) -> Kind:
    kind = _KINDS.get(_data_suffix(file))
    if kind is None:
        message = (
            f"{file}: got the ending {file.suffix!r}, expected .jsonl, .json, .csv (each also"
            " with .gz), .parquet, or a folder that datasets saved; rename or convert it"
        )
        raise ValueError(message)
    return kind


def _data_suffix(file: Path) -> str:
    """Return the ending without `.gz`; only parquet keeps it, since nobody reads that."""
    compressed = file.suffix == ".gz"
    suffix = file.with_suffix("").suffix if compressed else file.suffix
    return f"{suffix}.gz" if compressed and suffix == ".parquet" else suffix


def _natural_order(file: Path) -> list[Any]:
    """Return a key that sorts part_2 before part_10."""
    # split() with a group gives text and digits in turn, so like is compared with like.
    parts = re.split(r"(\d+)", str(file))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _missing_file_hint(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {str(path.parent)!r}"
    # Only what can be read: an interrupted run leaves .part and .progress files of the same name.
    readable = [f.name for f in path.parent.iterdir() if f.is_dir() or _data_suffix(f) in _KINDS]
    return did_you_mean(path.name, readable)
