"""`filter_groups`: keep the prompts of a scored file that are neither too easy nor too hard."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import blake2b
from itertools import groupby, islice
from math import isnan, nan
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

from rewardkit._files.chunks import Chunk, Row
from rewardkit._files.journal import write_atomically
from rewardkit._files.open_rows import STANDARD_STREAM, open_rows
from rewardkit._files.row_writer import RowWriter, StandardOutputWriter, check_out_suffix
from rewardkit._files.source import RowSource, sidecar_path
from rewardkit._scored.columns import (
    choose_group_column,
    find_reward_columns,
    list_columns,
    load_sidecar,
    read_group_keys,
    read_number,
)
from rewardkit._scored.passes import (
    RATE_COLUMN,
    PassRates,
    PassRule,
    choose_reward,
    make_rule,
    summarize_passes,
)
from rewardkit.reward import Reward
from rewardkit.scoring.resume import strip_state

CHUNK_ROWS = 1024
NO_GROUP = -1
# Of the keys only a digest is held: prompts of a million groups would take gigabytes.
DIGEST_BYTES = 16


class Filtered(NamedTuple):
    """What a filter kept."""

    out: Path | None
    """The file written; None if the rows went to standard output."""
    rows: int
    """How many rows were kept."""
    of_rows: int
    """How many there were."""
    groups: int
    """How many groups were kept."""
    of_groups: int
    """How many there were."""
    undecided: int
    """How many rows were dropped because their group has no pass rate: no prompt, or no value."""
    passes: PassRates | None
    """The pass rates of all groups, before the filter; None if there are none."""


@dataclass
class _Groups:
    """The rows of a file by group, in arrays: a few bytes per row."""

    of_row: array[int] = field(default_factory=lambda: array("q"))
    """Each row's group, by its index below."""
    samples: array[int] = field(default_factory=lambda: array("q"))
    """How many of a group's completions have a value."""
    passed: array[int] = field(default_factory=lambda: array("q"))
    """How many of them pass."""

    def count_passes(self, values: Sequence[float], rule: PassRule) -> None:
        """Count the completions with a value, and those that pass, by the rows' values."""
        for number, value in zip(self.of_row, values, strict=True):
            if number != NO_GROUP and not isnan(value):
                self.samples[number] += 1
                self.passed[number] += bool(rule.passed(value))

    def rate(self, group: int) -> float | None:
        """Return the pass rate of a group, None for a row without group or a group without one."""
        if group == NO_GROUP or not self.samples[group]:
            return None
        return self.passed[group] / self.samples[group]


def filter_groups(  # noqa: PLR0913 - keywords, all but two
    source: Any,
    out: Path | str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    columns: Mapping[str, str] | None = None,
    group: str | None = None,
    pass_reward: str | None = None,
    pass_value: float | None = None,
    one_per_group: bool = False,
) -> Filtered:
    r"""Keep the rows of the groups whose pass rate is between `low` and `high`, both included.

    `source` is a file that `rewardkit score` wrote, or TRL's `completions_*.parquet`: a file, a
    glob, a folder, or rows as `score` takes them. `out` is JSONL or parquet, by its ending, or "-"
    for JSON lines on standard output: the rows in order, every column as it was, then `pass_rate`.
    It replaces a file of that name in one step.

    Rows of one step with equal values of `group`, by default the prompt, are a group. A completion
    passes if `pass_reward` gives it at least `pass_value`, by default as in a report: the reward
    `correct` in `SOURCE.rewards.yaml` or the only one whose name says so, and the value of a right
    answer or the highest in the file. A pass rate is the share of the completions with a value that
    pass; a group without one is dropped. With `one_per_group` only the first row of each group is
    kept, as a list of prompts.

    The file is read twice and not held in memory. Raises ValueError for a file without rewards, for
    unknown names, for limits that are not 0 <= low <= high <= 1, and if it is not known which
    reward says that a completion passes; FileNotFoundError; ImportError if a package is missing.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> row = '{"prompt": "%s", "completion": "4", "rewards/right": %s}\n'
    >>> pairs = [("easy", 1), ("easy", 1), ("fair", 0), ("fair", 1)]
    >>> _ = (folder / "scored.jsonl").write_text("".join(row % pair for pair in pairs))
    >>> kept = filter_groups(folder / "scored.jsonl", folder / "fair.jsonl", low=0.2, high=0.8)
    >>> kept.rows, kept.groups, kept.of_groups
    (2, 1, 2)
    """
    if not 0.0 <= low <= high <= 1.0:
        raise ValueError(f"got low={low}, high={high}, expected 0 <= low <= high <= 1")
    opened = open_rows(source)
    path = _check_out(opened, out)
    known = load_sidecar(opened).rewards
    passing, column, group_column = _choose_columns(opened, columns, known, group, pass_reward)
    groups, values = _read_groups(opened, columns, column, group_column)
    numbers = (value for value in values if not isnan(value))
    rule = make_rule(passing, known, numbers, pass_value)
    groups.count_passes(values, rule)
    rates = map(groups.rate, range(len(groups.samples)))
    kept = {n for n, rate in enumerate(rates) if rate is not None and low <= rate <= high}
    rows = _write_kept(opened, path, groups, kept, one_per_group=one_per_group)
    counts = Counter(zip(groups.samples, groups.passed, strict=True))
    undecided = sum(groups.rate(number) is None for number in groups.of_row)
    of_rows, of_groups = len(groups.of_row), len(groups.samples)
    passes = summarize_passes(rule, counts)
    return Filtered(path, rows, of_rows, len(kept), of_groups, undecided, passes)


def _check_out(source: RowSource, out: Path | str) -> Path | None:
    """Return the file to write, None for standard output; ValueError if it cannot be that one."""
    if str(out) == STANDARD_STREAM:
        return None
    path = Path(out)
    check_out_suffix(path)
    source.check_is_not(path)
    return path


def _choose_columns(
    source: RowSource,
    columns: Mapping[str, str] | None,
    known: Mapping[str, Reward],
    group: str | None,
    pass_reward: str | None,
) -> tuple[str, str, str]:
    """Return the reward that says what passes, its column, and the column that makes groups."""
    table = [*islice(source.rows(columns=columns), CHUNK_ROWS)]
    names = list_columns(table)
    by_name = find_reward_columns(table, names)
    if pass_reward is not None and pass_reward not in by_name and pass_reward in names:
        by_name[pass_reward] = pass_reward  # a column of another program
    passing = choose_reward([*by_name], known, pass_reward)
    if passing is None:
        raise ValueError(
            f"the rewards are {', '.join(by_name)}: name the one that says whether a completion"
            " passes, pass_reward='NAME' (--pass-reward NAME)"
        )
    group_column = choose_group_column(names, group)
    if group_column is None:
        raise ValueError(
            f"no column 'prompt' (columns: {', '.join(names)}); name the one with equal values in"
            " a group, group='NAME' (--group NAME)"
        )
    return passing, by_name[passing], group_column


def _read_groups(
    source: RowSource, columns: Mapping[str, str] | None, column: str, group_column: str
) -> tuple[_Groups, array[float]]:
    """Read each row's group and its value of one reward, NaN for none."""
    groups, values = _Groups(), array("d")
    numbers: dict[bytes, int] = {}

    def read_values(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            value = read_number(row.get(column))
            values.append(nan if value is None else value)
            yield row

    for key in read_group_keys(read_values(source.rows(columns=columns)), group_column):
        if key is None:
            groups.of_row.append(NO_GROUP)
            continue
        digest = blake2b(repr(key).encode(errors="replace"), digest_size=DIGEST_BYTES).digest()
        number = numbers.setdefault(digest, len(numbers))
        groups.of_row.append(number)
        if number == len(groups.samples):
            groups.samples.append(0)
            groups.passed.append(0)
    return groups, values


def _write_kept(
    source: RowSource, out: Path | None, groups: _Groups, kept: set[int], *, one_per_group: bool
) -> int:
    """Write the rows of the groups that are kept, and return how many they are."""
    with StandardOutputWriter() if out is None else RowWriter(out) as writer:
        start = 0
        left = set(kept)
        for chunk in source.chunks(size=CHUNK_ROWS):
            numbers = groups.of_row[start : start + len(chunk)]
            start += len(chunk)
            flags = [number in left for number in numbers]
            if one_per_group:
                flags = [
                    flag and _take_group(left, n) for flag, n in zip(flags, numbers, strict=True)
                ]
            if part := _pick_rows(chunk, flags):
                rates = [groups.rate(n) for n, flag in zip(numbers, flags, strict=True) if flag]
                writer.add(part, part.rows(), {RATE_COLUMN: rates})
    if out is not None:
        _copy_sidecar(source, out)
    return writer.rows


def _copy_sidecar(source: RowSource, out: Path) -> None:
    """Say beside the file what scored its rows, without the state for scoring to resume."""
    sidecar = sidecar_path(source.name)
    if sidecar.is_file():
        text = sidecar.read_text(encoding="utf-8", errors="replace")
        write_atomically(sidecar_path(out), strip_state(text))
    else:  # one of another file that had this name
        sidecar_path(out).unlink(missing_ok=True)


def _take_group(left: set[int], number: int) -> bool:
    """Remove a group, and return whether it was still there."""
    before = len(left)
    left.discard(number)
    return len(left) < before


def _pick_rows(chunk: Chunk, flags: Sequence[bool]) -> Chunk | None:
    """Return the rows of a chunk that are flagged, None if there are none."""
    parts = []
    start = 0
    # A group's rows usually follow each other, so the chunk is cut in few parts.
    for flag, run in groupby(flags):
        stop = start + sum(1 for _ in run)
        if flag:
            parts.append(chunk[start:stop])
        start = stop
    return reduce(add, parts) if parts else None
