"""`score`: score every row of a file in order; the output file appears only when it is complete."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rewardkit._files.chunks import Chunk
from rewardkit._files.journal import Journal, State, write_atomically
from rewardkit._files.source import Source, sidecar_path
from rewardkit._files.writing import merge_schema, write_parquet
from rewardkit._optional import require
from rewardkit._workers.parallel import in_order
from rewardkit._workers.ray_actors import EXTRA, in_order_on_ray
from rewardkit.scorer import TOTAL, RewardLike
from rewardkit.scoring.chunk_scorer import (
    ChunkScorer,
    Piece,
    add_tallies,
    make_chunk_scorer,
    tally,
)
from rewardkit.scoring.groups import keep_groups_whole
from rewardkit.scoring.record import fingerprint_work, finished_state, format_sidecar

OUT_SUFFIXES = (".jsonl", ".parquet")

_ENGINES = ("local", "ray")
Progress: TypeAlias = Callable[[int, int | None], object]
"""Called with the rows done and the total, None if unknown."""


class Summary(NamedTuple):
    """One reward's values over all rows."""

    name: str
    """The reward's name; its columns are `rewards/NAME` and `rewards/NAME/why`."""
    weight: float
    """Its weight in the sum."""
    scored: int
    """How many rows have a value; on the others it abstained."""
    mean: float | None
    """The mean of the values, None if there are none."""
    low: float | None
    """The lowest value."""
    high: float | None
    """The highest value."""
    abstained: str = ""
    """Why the first row without a value has none, by the reward's why."""


class ScoringResult(NamedTuple):
    """The result of a scoring."""

    out: Path
    """The file written."""
    rows: int
    """How many rows it has."""
    resumed: int
    """How many of them an earlier, interrupted run had scored."""
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
    workers: int | None = None,
    batch_size: int = 1024,
    resume: bool = True,
    progress: Progress | None = None,
    engine: str = "local",
) -> ScoringResult:
    r"""Score every row of a file; write the rows with a value and a why for each reward.

    `source` is JSONL, CSV (each also with `.gz`), parquet, a glob of them, a folder of TRL's
    `completions_*.parquet`, or one that `datasets` saved. A row has a `completion`, and the columns
    that the rewards read; `columns` renames columns for them, as {"response": "completion"}.
    `rewards` are rewards, whose sums are scored term by term, or functions with TRL's signature.

    `out` is JSONL or parquet, by its ending. It has the rows in order, every column as it was, then
    `rewards/NAME` (None if the reward abstains), `rewards/NAME/why`, and `reward`, the weighted sum
    of those that do not abstain. Columns with these names are replaced. `OUT.rewards.yaml` says
    what scored them. `out` appears only when complete; an interrupted run is continued unless
    `resume` is False.

    `batch_size` rows are scored together, but a group of equal adjacent prompts is never split for
    a reward that depends on it. `workers` is the number of processes, 1 by default. With `engine`
    "ray" they are actors on the Ray cluster that this process finds, by default as many as it has
    CPUs less one; rows pass through this process, and those of a node that is lost are scored by
    the others. `progress` is called after each batch.

    Raises ValueError if the input, the rewards or the columns are not those of the run that is
    resumed, or if a file is not as its ending says; whatever a reward raises propagates.

    >>> import tempfile
    >>> from rewardkit import build
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.jsonl").write_text('{"response": "It is 4"}\n{"response": "5"}\n')
    >>> near, columns = build("length", target=5, name="near"), {"response": "completion"}
    >>> done = score(folder / "in.jsonl", near, folder / "out.jsonl", columns=columns)
    >>> done.rows, done.total.mean
    (2, -3.0)
    >>> print((folder / "out.jsonl").read_text().splitlines()[0])
    {"response": "It is 4", "rewards/near": -2.0, "rewards/near/why": "7...", "reward": -2.0}
    """
    opened, out = Source.resolve(source), Path(out)
    _check_arguments(opened, out, workers=workers, batch_size=batch_size, engine=engine)
    scorer = make_chunk_scorer(rewards, dict(columns or {}), lines=out.suffix == ".jsonl")
    fingerprints = fingerprint_work(opened, scorer)
    if resume and (state := finished_state(out, fingerprints)):
        return _summarize_state(out, scorer, state, state["rows"])
    with Journal(out, fingerprints, fresh=not resume) as journal:
        resumed = journal.state["rows"]
        chunks = _rest_of_chunks(opened, scorer, journal, batch_size)
        on_ray = in_order_on_ray(scorer, chunks, workers) if engine == "ray" else None
        pieces = on_ray or in_order(scorer, chunks, workers or 1)
        _write_rest(opened, pieces, journal, progress, lines=scorer.lines)
        _finish_file(opened, scorer, journal)
        return _summarize_state(out, scorer, journal.state, resumed)


def _check_arguments(
    source: Source, out: Path, *, workers: int | None, batch_size: int, engine: str
) -> None:
    if out.suffix not in OUT_SUFFIXES:
        expected = " or ".join(OUT_SUFFIXES)
        raise ValueError(f"{out}: got the ending {out.suffix!r}, expected {expected}")
    if source.reads(out):
        raise ValueError(f"{out} is also the input; write to another file")
    for name, number in (("workers", workers), ("batch_size", batch_size)):
        if number is not None and number < 1:
            raise ValueError(f"got {name}={number}, expected at least 1")
    if engine not in _ENGINES:
        raise ValueError(f"got engine={engine!r}, expected 'local' or 'ray'")
    if engine == "ray":
        require("ray", install=EXTRA)  # before a file is begun


def _rest_of_chunks(
    source: Source, scorer: ChunkScorer, journal: Journal, batch_size: int
) -> Iterable[Chunk]:
    """Return the chunks of the rows that the journal does not have yet."""
    chunks = source.chunks(size=batch_size, start=journal.state["rows"])
    return chunks if scorer.pointwise else keep_groups_whole(chunks, scorer.columns)


def _write_rest(
    source: Source,
    pieces: Generator[Piece],
    journal: Journal,
    progress: Progress | None,
    *,
    lines: bool,
) -> None:
    total = source.count() if progress else None  # a pass over the file, so only if it is wanted
    if progress:
        progress(journal.state["rows"], total)
    for state in _write_pieces(pieces, journal, lines=lines):
        if progress:
            progress(state["rows"], total)


def _write_pieces(pieces: Generator[Piece], journal: Journal, *, lines: bool) -> Iterator[State]:
    """Write each piece while the next one is scored; yield the journal's states."""

    def write(piece: Piece) -> State:
        before, tallies = journal.state, piece.tallies
        if before["rows"]:
            tallies = [*map(add_tallies, before["tallies"], tallies)]
        schema = None if lines else merge_schema(before.get("schema"), piece.content)
        return journal.add(piece.content, piece.rows, tallies=tallies, schema=schema)

    # One thread, so that pieces stay in order. Closing the pieces ends the worker processes, also
    # when a reward or a write raises.
    with ThreadPoolExecutor(max_workers=1) as writer, closing(pieces):
        written: Future[State] | None = None
        for piece in pieces:
            if written:
                yield written.result()
            written = writer.submit(write, piece)
        if written:
            yield written.result()


def _finish_file(source: Source, scorer: ChunkScorer, journal: Journal) -> None:
    """Write the sidecar, then put the file in place."""
    state = journal.state

    def convert(part: Path) -> Path:
        if scorer.lines:
            return part
        return write_parquet(part, journal.ends, state.get("schema"), scorer.column_names)

    # The sidecar goes first: a scored file without one would look as if another program had
    # written it.
    record = {"fingerprints": journal.fingerprints, **state}
    write_atomically(sidecar_path(journal.out), format_sidecar(source, scorer, record))
    journal.finish(convert)


def _summarize_state(out: Path, scorer: ChunkScorer, state: State, resumed: int) -> ScoringResult:
    names = [*(term.name for term in scorer.terms), TOTAL]
    weights = [*(term.weight for term in scorer.terms), 1.0]
    tallies = state["tallies"] if state["rows"] else [tally([], [])] * len(names)
    summaries = [
        Summary(name, weight, count, total / count, low, high, reason)
        if count
        else Summary(name, weight, 0, None, None, None, reason)
        for name, weight, (count, total, low, high, reason) in zip(
            names, weights, tallies, strict=True
        )
    ]
    return ScoringResult(out, state["rows"], resumed, tuple(summaries[:-1]), summaries[-1])
