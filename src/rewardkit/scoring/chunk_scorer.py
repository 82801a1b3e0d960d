"""Score one chunk of rows, in whatever process: the piece of the file that it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from rewardkit._files.chunks import (
    Chunk,
    InvalidRow,
    Row,
    check_renamed,
    find_invalid,
    find_valid,
    rename_columns,
)
from rewardkit._files.writing import ABSENT, encode_lines, encode_stream
from rewardkit._score_checks import weighted_sum
from rewardkit._scored.passes import RATE_COLUMN, PassRule, rule_of
from rewardkit.batch import Batch, split_by_step
from rewardkit.reward import Reward
from rewardkit.scorer import TOTAL, Rewards, Scorer, Term
from rewardkit.scoring.pass_counts import Runs, count_runs, find_runs, list_rates

Tally: TypeAlias = list[Any]
"""How many values, their sum, the lowest, the highest, and the first reason for no value."""


Unreadable: TypeAlias = Sequence[Any]
"""How many rows, and the position and the problem of the first; empty for none."""

_NOT_FILLED = {"prompt", "completion_ids", "step"}

Form: TypeAlias = Literal["lines", "stream", "rows"]


class Piece(NamedTuple):
    """Some rows as they are written, and what each reward gave there."""

    content: Any
    """Bytes, or the rows themselves."""
    rows: int
    tallies: list[Tally]
    """For each reward, then the sum."""
    runs: Runs | None = None
    """How many completions of each prompt pass; None if no reward says so."""
    unreadable: Unreadable = ()
    """The rows whose completion is neither a text nor messages."""


@dataclass(frozen=True)
class ChunkScorer:
    """Makes pieces out of chunks; it is pickled once for each worker process."""

    terms: Sequence[Term]
    bias: float
    columns: dict[str, str]
    form: Form
    """What pieces hold: lines of JSON, an Arrow stream, or the rows as mappings."""
    present: tuple[str, ...] = ()
    """The columns of the file's first rows; a row that lacks one has None there."""

    @property
    def pointwise(self) -> bool:
        """Whether no reward depends on other rows of the batch; a function may."""
        rewards = [term.reward for term in self.terms]
        return all(isinstance(reward, Reward) and reward.pointwise for reward in rewards)

    @property
    def needs_groups(self) -> bool:
        """Whether chunks must hold whole groups: for the rewards, or for the pass rates."""
        return not self.pointwise or self.rule is not None

    @property
    def column_names(self) -> list[str]:
        """The columns that are added to every row, in their order in the file."""
        pairs = ((term.value_column, f"{term.value_column}/why") for term in self.terms)
        return [column for pair in pairs for column in pair] + [TOTAL]

    def __call__(self, chunk: Chunk) -> Piece:
        """Score a chunk; rewards' errors propagate."""
        rows = chunk.rows_or_invalid()
        renamed = rename_columns(rows, self.columns)
        batches = split_by_step(_make_batch(renamed, self.present))
        if invalid := find_invalid(rows):
            _explain_invalid_rows(batches, invalid)
        results = [self._score_term(term, batches, chunk) for term in self.terms]
        totals = [*self._sum_terms(zip(*(values for values, _ in results), strict=True))]
        columns = [column for result in results for column in result]
        added: dict[str, Sequence[Any]] = dict(
            zip(self.column_names, [*columns, totals], strict=True)
        )
        runs = None
        if self.rule is not None:
            values, found = added[f"rewards/{self.rule.reward}"], find_runs(renamed)
            runs = count_runs(self.rule, found, values)
            added[RATE_COLUMN] = list_rates(self.rule, found, values)
        tallies = [*map(tally, *zip(*results, strict=True)), tally(totals, [""] * len(totals))]
        content = _ENCODERS[self.form](chunk, rows, added)
        unreadable = _count_unreadable(batches, chunk)
        return Piece(content, len(rows), tallies, runs, unreadable)

    @cached_property
    def rule(self) -> PassRule | None:
        """Which reward says that a completion passes: the first `correct`; None without one."""
        rules = (rule_of(term.name, term.reward) for term in self.terms)
        return next((rule for rule in rules if rule is not None), None)

    def learn_columns(self, first: Chunk) -> ChunkScorer:
        """Return a scorer that knows the columns of the file, by its first rows.

        Raises ValueError if none of these rows has a completion or one of the columns to rename.
        """
        check_renamed(first, self.columns)
        rows = first.rows_or_invalid()
        valid = [row for row in rows if not isinstance(row, InvalidRow)]
        renamed = rename_columns(valid, self.columns)
        found = dict.fromkeys(name for row in renamed for name in row)
        if "completion" not in found:
            start = find_valid(rows)
            present = ", ".join(rows[start]) or "none"
            problem = f"no column 'completion' (columns: {present})"
            hint = "name it, as --column response=completion"
            raise ValueError(f"{first.position(start)}: {problem}; {hint}")
        # Without a prompt rows have no group, and None would be a prompt that they share.
        return replace(self, present=tuple(name for name in found if name not in _NOT_FILLED))

    def _score_term(
        self, term: Term, batches: Sequence[Batch], chunk: Chunk
    ) -> tuple[list[float | None], list[str]]:
        """Return one reward's values and whys over all batches of a chunk."""
        values: list[float | None] = []
        whys: list[str] = []
        for batch in batches:
            try:
                batch_values, batch_whys = term.values_and_whys(batch)
            except Exception as error:
                rows = chunk.positions(len(values), len(values) + len(batch) - 1)
                error.add_note(f"reward {term.name!r}, {rows}")
                raise
            values += batch_values
            whys += batch_whys
        return values, whys

    def _sum_terms(self, rows: Iterable[tuple[float | None, ...]]) -> Iterator[float | None]:
        """Yield each row's weighted sum."""
        weights = [term.weight for term in self.terms]
        totals: dict[tuple[float | None, ...], float | None] = {}  # many rows have the same values
        for values in rows:
            if values not in totals:
                totals[values] = weighted_sum(values, weights, self.bias)
            yield totals[values]


def make_chunk_scorer(rewards: Rewards, columns: dict[str, str], form: Form) -> ChunkScorer:
    """Split the rewards into terms, each with a name of its own; their biases add up."""
    scorer = Scorer(rewards)
    return ChunkScorer(scorer.terms, scorer.bias, columns, form)


def _add_to_rows(_: Chunk, rows: Sequence[Row], columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    names = [*columns]
    added = zip(*columns.values(), strict=True)
    return [
        {
            **row,
            **{n: value for n, value in zip(names, values, strict=True) if value is not ABSENT},
        }
        for row, values in zip(rows, added, strict=True)
    ]


_ENCODERS: dict[Form, Callable[..., Any]] = {
    "lines": encode_lines,
    "stream": encode_stream,
    "rows": _add_to_rows,
}


def tally(values: Sequence[float | None], whys: Sequence[str]) -> Tally:
    """Count one reward's values in a chunk."""
    # A list, not a named tuple: it goes through the journal's JSON and comes back as one.
    known = [value for value in values if value is not None]
    low, high = min(known, default=math.inf), max(known, default=-math.inf)
    reason = "" if len(known) == len(values) else whys[values.index(None)]
    return [len(known), sum(known), low, high, reason]


def add_tallies(one: Tally, other: Tally) -> Tally:
    """Return the tally of the values of both."""
    return [
        one[0] + other[0],
        one[1] + other[1],
        min(one[2], other[2]),
        max(one[3], other[3]),
        one[4] or other[4],
    ]


def add_unreadable(one: Unreadable, other: Unreadable) -> Unreadable:
    """Return the unreadable rows of two adjacent pieces."""
    return [one[0] + other[0], one[1]] if one and other else one or other


def _explain_invalid_rows(batches: Sequence[Batch], invalid: Mapping[int, str]) -> None:
    """Name the line as the problem of an invalid row, not the completion that it lacks."""
    start = 0
    for batch in batches:
        rows = range(start, start + len(batch))
        here = {row - start: invalid[row] for row in rows if row in invalid}
        batch.unreadable = {**batch.unreadable, **here}
        start = rows.stop


def _count_unreadable(batches: Sequence[Batch], chunk: Chunk) -> Unreadable:
    count, first, start = 0, "", 0
    for batch in batches:
        if not count and batch.unreadable:
            row, problem = next(iter(batch.unreadable.items()))
            first = f"{chunk.position(start + row)}: {problem}"
        count += len(batch.unreadable)
        start += len(batch)
    return [count, first] if count else ()


def _make_batch(rows: Sequence[Row], present: Sequence[str]) -> Batch:
    # JSON objects may differ in their keys: the columns are those of all rows.
    names = dict.fromkeys(name for row in rows for name in row) | dict.fromkeys(present)
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
    batch = Batch(
        columns.pop("completion"),
        prompts=columns.pop("prompt", None),
        completion_ids=columns.pop("completion_ids", None),
        columns=columns,
    )
    batch.surface = "file"
    return batch
