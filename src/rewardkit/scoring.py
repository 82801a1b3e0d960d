"""Offline scoring: a file of completions in, the same rows with every reward's value and why out.

Rows stream, so memory does not grow with the file. What was scored before the process was killed
is kept, and scored only once.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import reduce
from importlib.metadata import version
from itertools import groupby, pairwise
from operator import add
from pathlib import Path
from types import NoneType, SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

from rewardkit._files import reading, writing
from rewardkit._files.journal import Journal, State, beside, put, refuse_other
from rewardkit._scores import split_scores
from rewardkit._workers.parallel import in_order
from rewardkit.batch import Batch
from rewardkit.component import walk
from rewardkit.config import dump
from rewardkit.reward import Linear, Reward
from rewardkit.scorer import Function, RewardLike, Scorer, given_rewards, scorers

"""A reward, or any callable with TRL's signature."""
Progress: TypeAlias = Callable[[int, int | None], object]

TOTAL = "reward"
"""The column of the weighted sum."""

_ENDINGS = (".jsonl", ".parquet")
_RECORD = "# made of: "


class Summary(NamedTuple):
    """What one reward gave over all rows."""

    name: str
    """The reward's name; its columns are `rewards/NAME` and `rewards/NAME/why`."""
    weight: float
    """Its weight in the sum."""
    scored: int
    """How many rows have a value; on the others it abstained."""
    mean: float | None
    """The mean of the values, None where there are none."""
    low: float | None
    """The least value."""
    high: float | None
    """The greatest value."""


class Scored(NamedTuple):
    """What a scoring came to."""

    out: Path
    """The file written."""
    rows: int
    """How many rows it has."""
    resumed: int
    """How many of them were there before, from a run that was ended."""
    rewards: tuple[Summary, ...]
    """Each reward's figures."""
    total: Summary
    """Those of the weighted sum."""


def score(  # noqa: PLR0913 - a file, what scores it, where to, and how
    source: Path | str,
    rewards: RewardLike | Sequence[RewardLike],
    out: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    workers: int = 1,
    batch_size: int = 1024,
    resume: bool = True,
    progress: Progress | None = None,
) -> Scored:
    r"""Score every row of a file, and write the rows with a value and a why for each reward.

    `source` is JSONL, CSV (each also with `.gz`), parquet, a glob of them, a folder of TRL's
    `completions_*.parquet`, or one that `datasets` saved. A row holds `completion`, and whatever
    columns the rewards read; `columns` gives columns other names for them, as
    {"response": "completion"}. `rewards` are rewards, whose sums are scored term by term, or
    callables with TRL's signature.

    `out` is JSONL or parquet, by its ending. It has the rows in order, with every column as it was,
    and behind them `rewards/NAME` (None where a reward abstains), `rewards/NAME/why`, and `reward`,
    the weighted sum of those that do not abstain. Columns of these names are replaced. Beside it
    `OUT.rewards.yaml` says what scored them. `out` appears when it is whole; where an earlier run
    was ended on the way, its rows are kept, unless `resume` is False.

    `batch_size` is how many rows are scored together; a group of equal adjacent prompts is never
    cut where a reward looks at it. `workers` is the number of processes. `progress` is called with
    the number of rows done, and of all rows where that is known.

    Raises ValueError where the input, the rewards or the columns are not those of the run that is
    taken up, or a file is not as its ending says; whatever a reward raises propagates.

    >>> import tempfile
    >>> from rewardkit import build
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.jsonl").write_text('{"response": "It is 4"}\n{"response": "5"}\n')
    >>> near = build("length", target=5, name="near")
    >>> done = score(
    ...     folder / "in.jsonl", near, folder / "out.jsonl", columns={"response": "completion"}
    ... )
    >>> done.rows, done.total.mean
    (2, -3.0)
    >>> print((folder / "out.jsonl").read_text().splitlines()[0])
    {"response": "It is 4", "rewards/near": -2.0, "rewards/near/why": "7...", "reward": -2.0}
    """
    out = Path(out)
    _check(source, out, workers=workers, batch_size=batch_size)
    scorer = _scoring(rewards, dict(columns or {}), lines=out.suffix == ".jsonl")
    about = _about(source, scorer)
    if resume and (state := _finished(out, about)):
        return _scored(out, scorer, state, state["rows"])
    total = reading.count(source) if progress else None
    with Journal(out, about, afresh=not resume) as journal:
        resumed = journal.state["rows"]
        if progress:
            progress(resumed, total)
        chunks = reading.chunks(source, size=batch_size, start=resumed)
        if not scorer.pointwise:
            chunks = _whole_groups(chunks, scorer.columns)
        pieces = in_order(scorer, chunks, workers)
        for state in _put_down(pieces, journal, lines=scorer.lines):
            if progress:
                progress(state["rows"], total)
        state = journal.state
        put(beside(out, "rewards.yaml"), _sidecar(source, scorer, {"about": about, **state}))
        journal.finish(
            lambda part: (
                part
                if scorer.lines
                else writing.parquet(part, journal.ends, state.get("schema"), scorer.written)
            )
        )
    return _scored(out, scorer, state, resumed)


def _put_down(pieces: Generator[_Piece], journal: Journal, *, lines: bool) -> Iterator[State]:
    """Put the pieces into the journal, each while the next one is scored; yield its states."""

    def put_down(piece: _Piece) -> State:
        before, tallies = journal.state, piece.tallies
        if before["rows"]:
            tallies = [*map(_added, before["tallies"], tallies)]
        schema = None if lines else writing.joined(before.get("schema"), piece.content)
        return journal.add(piece.content, piece.rows, tallies=tallies, schema=schema)

    with ThreadPoolExecutor(max_workers=1) as writer, closing(pieces):
        written: Future[State] | None = None
        for piece in pieces:
            if written:
                yield written.result()
            written = writer.submit(put_down, piece)
        if written:
            yield written.result()


class _Piece(NamedTuple):
    """Some rows as they go to the file, and what each reward gave there."""

    content: bytes
    rows: int
    tallies: list[list[float]]
    """For each reward, and the sum: how many values, their sum, the least and the greatest."""


@dataclass(frozen=True)
class _Scoring:
    """Makes pieces of chunks, in whatever process."""

    terms: Sequence[Scorer]
    bias: float
    columns: dict[str, str]
    lines: bool
    """Whether it writes lines of JSON, or else an Arrow stream."""

    @property
    def pointwise(self) -> bool:
        """Whether no reward looks at a row's neighbours; of a function nobody knows."""
        rewards = [term.reward for term in self.terms]
        return all(isinstance(reward, Reward) and reward.pointwise for reward in rewards)

    @property
    def written(self) -> list[str]:
        """The columns that it writes."""
        pairs = ((f"rewards/{name}", f"rewards/{name}/why") for name, *_ in self.terms)
        return [column for pair in pairs for column in pair] + [TOTAL]

    def __call__(self, chunk: reading.Chunk) -> _Piece:
        """Score a chunk."""
        rows = chunk.rows()
        given = reading.renamed(rows, self.columns, chunk.place)
        for place, row in enumerate(given):
            if "completion" not in row:
                has = ", ".join(rows[place]) or "none"
                message = f"{chunk.place(place)}: no column 'completion'; its columns are {has}"
                raise ValueError(f"{message}; map one, as --column response=completion")
        batches = _batches(given)
        results = [self._scores(term, batches, chunk) for term in self.terms]
        totals = [*self._totals(zip(*(values for values, _ in results), strict=True))]
        cells = [column for result in results for column in result]
        added = dict(zip(self.written, [*cells, totals], strict=True))
        tallies = [*map(_tally, [*(values for values, _ in results), totals])]
        write = writing.lines if self.lines else writing.stream
        return _Piece(write(chunk, rows, added), len(rows), tallies)

    def _scores(
        self, term: Scorer, batches: Sequence[Batch], chunk: reading.Chunk
    ) -> tuple[list[float | None], list[str]]:
        """Return a reward's values and whys."""
        values: list[float | None] = []
        whys: list[str] = []
        for batch in batches:
            first, last = chunk.place(len(values)), chunk.place(len(values) + len(batch) - 1)
            try:
                if isinstance(term.reward, Reward):
                    given, why = _scores(term.reward, batch)
                else:
                    given, why = _called(term.reward, batch)
            except Exception as error:
                error.add_note(f"raised while {term.name} scored {first} to {last}")
                raise
            values += given
            whys += why
        return values, whys

    def _totals(self, values: Iterable[tuple[float | None, ...]]) -> Iterator[float | None]:
        """Yield the weighted sum of what is there, None where nothing is."""
        totals: dict[tuple[float | None, ...], float | None] = {}  # many rows have the same values
        for row in values:
            if row not in totals:
                pairs = zip(self.terms, row, strict=True)
                known = [term.weight * value for term, value in pairs if value is not None]
                totals[row] = sum(known, self.bias) if known else None
            yield totals[row]


def _scoring(
    rewards: RewardLike | Sequence[RewardLike], columns: dict[str, str], *, lines: bool
) -> _Scoring:
    """Return what scores: the terms one by one, each with a name of its own."""
    bias = sum(reward.bias for reward in given_rewards(rewards) if isinstance(reward, Linear))
    return _Scoring(scorers(rewards), bias, columns, lines)


def _check(source: Path | str, out: Path, *, workers: int, batch_size: int) -> None:
    """Raise ValueError for arguments that do not fit."""
    if out.suffix not in _ENDINGS:
        raise ValueError(f"{out}: got the ending {out.suffix!r}, expected {' or '.join(_ENDINGS)}")
    if out.resolve() in [file.resolve() for file in reading.find(source)[1]]:
        raise ValueError(f"{out} is the input too; write to another file")
    for name, number in (("workers", workers), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"got {name}={number}, expected at least 1")


def _batches(rows: Sequence[reading.Row]) -> list[Batch]:
    """Return rows as batches, one for each run of rows of one step."""
    if not any("step" in row for row in rows):
        return [_batch(rows)]
    return [_batch([*run]) for _, run in groupby(rows, key=lambda row: row.get("step"))]


def _batch(rows: Sequence[reading.Row]) -> Batch:
    """Return rows of one step as a batch."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
    step = rows[0].get("step")
    return Batch(
        columns.pop("completion"),
        prompts=columns.pop("prompt", None),
        completion_ids=columns.pop("completion_ids", None),
        columns=columns,
        step=None if step in (None, "") else int(step),
    )


def _scores(reward: Reward, batch: Batch) -> tuple[list[float | None], list[str]]:
    """Return a reward's values and whys."""
    values, whys = split_scores(reward.score(batch), len(batch), reward.__name__)
    return _finite(values), [*whys]


def _called(function: Function, batch: Batch) -> tuple[list[float | None], list[str]]:
    """Return the values and whys of a function, called as a trainer does."""
    logged: dict[str, Any] = {}
    given = {"prompts": batch.prompts, "completion_ids": batch.completion_ids}
    values = function(
        **{
            **batch.columns,
            **{name: column for name, column in given.items() if column is not None},
            "completions": batch.completions,
            "trainer_state": SimpleNamespace(global_step=batch.step),
            "log_extra": logged.__setitem__,
            "log_metric": _dropped,
        }
    )
    values = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(values, Sequence) or len(values) != len(batch):
        told = f"{len(values)} values" if isinstance(values, Sequence) else type(values).__name__
        raise ValueError(f"got {told} for {len(batch)} completions, expected a list of as many")
    whys = logged.get(f"{getattr(function, '__name__', '')}/why") or [""] * len(batch)
    return _finite(values), [*map(str, whys)]


def _finite(values: Sequence[float | None]) -> list[float | None]:
    """Return values as floats, None for NaN. Raises ValueError for an infinity."""
    if {*map(type, values)} <= {float, NoneType} and math.isfinite(sum(filter(None, values))):
        return [*values]
    floats = [None if value is None or math.isnan(value) else float(value) for value in values]
    for value in floats:
        if value is not None and math.isinf(value):
            message = f"got {value}, which would poison a group; rk.build('clip', ...) bounds it"
            raise ValueError(message)
    return floats


def _dropped(_name: str, _value: float) -> None:
    """Take a metric, which has no place in a file of rows."""


def _whole_groups(
    chunks: Iterable[reading.Chunk], columns: Mapping[str, str]
) -> Iterator[reading.Chunk]:
    """Yield the chunks cut where the prompt or the step changes, so that no group is split."""
    held: list[Any] = []
    last: Any = object()
    for chunk in chunks:
        keys = [_group(row) for row in reading.renamed(chunk.rows(), columns, chunk.place)]
        changes = [one != other for one, other in pairwise([last, *keys])]
        if any(changes):
            start = len(changes) - 1 - changes[::-1].index(True)  # of the last group
            if whole := [*held, chunk[:start]] if start else held:
                yield reduce(add, whole)
            held = [chunk[start:]]
        else:
            held.append(chunk)
        last = keys[-1]
    if held:
        yield reduce(add, held)


def _group(row: reading.Row) -> Any:
    """Return what rows of one group have in common; a row without a prompt is by itself."""
    prompt = row.get("prompt")
    return object() if prompt is None else (prompt, row.get("step"))


def _tally(values: Sequence[float | None]) -> list[float]:
    """Return how many values there are, their sum, the least and the greatest."""
    known = [value for value in values if value is not None]
    return [len(known), sum(known), min(known, default=math.inf), max(known, default=-math.inf)]


def _added(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return the tally of both."""
    return [
        one[0] + other[0],
        one[1] + other[1],
        min(one[2], other[2]),
        max(one[3], other[3]),
    ]


def _scored(out: Path, scorer: _Scoring, state: State, resumed: int) -> Scored:
    """Return the figures."""
    names = [*(term.name for term in scorer.terms), TOTAL]
    weights = [*(term.weight for term in scorer.terms), 1.0]
    tallies = state["tallies"] if state["rows"] else [_tally([])] * len(names)
    figures = [
        Summary(name, weight, int(count), total / count, low, high)
        if count
        else Summary(name, weight, 0, None, None, None)
        for name, weight, (count, total, low, high) in zip(names, weights, tallies, strict=True)
    ]
    return Scored(out, state["rows"], resumed, tuple(figures[:-1]), figures[-1])


def _about(source: Path | str, scorer: _Scoring) -> dict[str, str]:
    """Return what a scoring is made of, each thing as a digest."""
    kind, files = reading.find(source)
    if kind == "dataset":
        files = sorted(file for file in files[0].iterdir() if file.suffix in (".arrow", ".json"))
    content = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            content.update(hashlib.file_digest(opened, "sha256").digest())
    weights = [term.weight for term in scorer.terms]
    rules = [version("rewardkit"), repr(weights), repr(scorer.bias)]
    for _, reward, *_ in scorer.terms:
        parts = [type(part) for part in walk(reward)] if isinstance(reward, Reward) else [reward]
        rules += [repr(reward) if isinstance(reward, Reward) else "", *map(_code, parts)]
    return {
        "input": content.hexdigest(),
        "rewards": hashlib.sha256("\n".join(rules).encode()).hexdigest(),
        "columns": json.dumps(scorer.columns, sort_keys=True),
    }


def _code(part: Any) -> str:
    """Return where a class or a function is from, and the whole file where that is not ours."""
    name = f"{part.__module__}.{getattr(part, '__qualname__', '')}"
    if name.startswith("rewardkit."):
        return name
    try:
        file = inspect.getsourcefile(inspect.unwrap(part))
        return name + Path(file or "").read_text(encoding="utf-8")
    except (OSError, TypeError):  # from a prompt, or not written in Python
        return name


def _sidecar(source: Path | str, scorer: _Scoring, record: Mapping[str, Any]) -> str:
    """Return the YAML that lies beside the rows: what scored them, and how much each counts."""
    told = f"# What scored {source}: the column `reward` is the sum of these. rk.load reads it.\n"
    told += f"{_RECORD}{json.dumps({**record, 'schema': None})}\n"
    named = [
        reward if reward.__name__ == name else reward.model_copy(update={"name": name})
        for name, reward, *_ in scorer.terms
        if isinstance(reward, Reward)
    ]
    if len(named) == len(scorer.terms):
        weights = tuple(term.weight for term in scorer.terms)
        with suppress(ValueError):  # a class without a registered name
            return told + dump(Linear(terms=tuple(named), weights=weights, bias=scorer.bias))
    return told + "".join(
        f"# {term.weight:g} times {term.name}, which YAML cannot hold\n" for term in scorer.terms
    )


def _finished(out: Path, about: Mapping[str, str]) -> State | None:
    """Return the state of a scoring that came to its end before, None where there is more to do.

    Raises ValueError where the file is there and was made of something else.
    """
    progress = beside(out, "progress")
    if not out.exists() or (progress.exists() and beside(out, "part").exists()):
        return None
    sidecar = beside(out, "rewards.yaml")
    lines = sidecar.read_text(encoding="utf-8").splitlines() if sidecar.exists() else []
    records = [line.removeprefix(_RECORD) for line in lines if line.startswith(_RECORD)]
    if not records and progress.exists():  # begun afresh, over a file of something else
        return None
    if not records:
        message = (
            f"{out} is there, and was not written by score; --fresh (resume=False) replaces it"
        )
        raise ValueError(message)
    state: State = json.loads(records[0])
    if progress.exists() and state["about"] != about:
        return None
    refuse_other(out, state["about"], about)
    progress.unlink(missing_ok=True)  # ended between the last two steps
    return state
