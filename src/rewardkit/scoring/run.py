"""`score`: score every row of a file in order; the output file appears only when it is complete."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from rewardkit._files.chunks import Chunk
from rewardkit._files.join import JoinedSource
from rewardkit._files.journal import Journal, State, explain_garbage, write_atomically
from rewardkit._files.parts import FileParts, can_split
from rewardkit._files.row_writer import check_out_suffix
from rewardkit._files.source import RowSource, Source, sidecar_path
from rewardkit._files.sources import STANDARD_STREAM, open_rows
from rewardkit._files.writing import merge_schema, write_parquet
from rewardkit._optional import require
from rewardkit._scored.passes import PassRates
from rewardkit._workers.parallel import in_order
from rewardkit._workers.ray_actors import EXTRA, all_nodes_agree, in_order_on_ray
from rewardkit.scorer import TOTAL, RewardLike
from rewardkit.scoring.chunk_scorer import (
    ChunkScorer,
    Form,
    Piece,
    add_tallies,
    add_unreadable,
    make_chunk_scorer,
    tally,
)
from rewardkit.scoring.groups import keep_groups_whole
from rewardkit.scoring.parts import BATCHES_PER_PART, PartScorer
from rewardkit.scoring.record import check_state, fingerprint_work, finished_state, format_sidecar
from rewardkit.scoring.runs import add_runs, summarize_runs

_ENGINES = ("local", "ray")
ROWS_FOR_COLUMNS = 1024  # at the start of a file; a column that none of them has is missing
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

    out: Path | None
    """The file written; None if the rows were returned, or written to standard output."""
    rows: int
    """How many rows it has."""
    resumed: int
    """How many of them an earlier, interrupted run had scored."""
    rewards: tuple[Summary, ...]
    """Each reward's figures."""
    total: Summary
    """Those of the weighted sum."""
    passes: PassRates | None = None
    """The pass rate and pass@k by the first `correct`, over runs of equal adjacent prompts."""
    matched: int = 0
    """How many of the rows scored now have a row in the data that was joined."""
    unmatched: int = 0
    """How many have none."""
    ambiguous: int = 0
    """How many have several that differ in a column, which is then None."""
    unreadable: int = 0
    """How many rows have no scores, since their completion is neither a text nor messages."""
    first_unreadable: str = ""
    """The position of the first of them, and what it is."""
    scored: list[dict[str, Any]] | None = None
    """The rows with their scores, if they were not written."""


class _How(NamedTuple):
    """How chunks are scored: the options that do not change the result."""

    workers: int | None
    batch_size: int
    engine: str

    def check(self) -> None:
        """Raise ValueError for an option out of range."""
        for name in ("workers", "batch_size"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ValueError(f"got {name}={number}, expected at least 1")
        if self.engine not in _ENGINES:
            raise ValueError(f"got engine={self.engine!r}, expected 'local' or 'ray'")
        if self.engine == "ray":
            require("ray", install=EXTRA)  # before a file is begun


def score(  # noqa: PLR0913 - a file, what scores it, where to, and how
    source: Any,
    rewards: RewardLike | Sequence[RewardLike],
    out: Path | str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    join: Any = None,
    on: str | None = None,
    workers: int | None = None,
    batch_size: int = 1024,
    resume: bool = True,
    progress: Progress | None = None,
    engine: str = "local",
) -> ScoringResult:
    r"""Score every row of a file; write the rows with a value and a why for each reward.

    `source` is JSONL, CSV (each also with `.gz`), parquet, a glob of them, a folder of TRL's
    `completions_*.parquet`, or one that `datasets` saved; "-" is JSON lines on standard input, and
    OWNER/NAME:SPLIT or OWNER/NAME:CONFIG/SPLIT a dataset on the hub. It may also be rows: an
    iterable of dicts, a Dataset, a DataFrame, a pyarrow Table. A row has a `completion`, and the
    columns that the rewards read; `columns` renames columns for them, as {"response":
    "completion"}. `rewards` are rewards, whose sums are scored term by term, or functions with
    TRL's signature.

    `join` is the same as `source`: its columns are joined to the rows that lack them, where the
    column `on` (by default `prompt`) is equal, or SOURCE=DATA where the names differ. A prompt also
    matches the dataset's messages, or a text, that a chat template made it of. A row without a
    match gets None in these columns; if data rows of one prompt differ in a column, it is None too.

    `out` is JSONL or parquet, by its ending, "-" for JSON lines on standard output, or None to get
    the rows back as `scored`. It has the rows in order, every column as it was, then
    `rewards/NAME` (None if the reward abstains), `rewards/NAME/why`, and `reward`, the weighted sum
    of those that do not abstain. If one of the rewards is a `correct`, rows of a group (adjacent,
    of one prompt and step) also have `pass_rate`, the share of its completions that pass. Columns
    with these names are replaced. A row whose completion is neither a text nor messages has no
    values, and its whys say so. `OUT.rewards.yaml` says what scored the rows. `out` appears only
    when complete; an interrupted run is continued unless `resume` is False.

    `batch_size` rows are scored together, but a group of equal adjacent prompts is never split for
    a reward that depends on it. `workers` is the number of processes, 1 by default. With `engine`
    "ray" they are actors on the Ray cluster that this process finds, by default as many as it has
    CPUs less one, and rows of a node that is lost are scored by the others. If every node sees the
    files, which are JSONL or parquet, the actors read them, and this process only writes; else the
    rows pass through it. `progress` is called after each batch.

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
    opened = open_rows(source)
    if join is not None:
        opened = JoinedSource(opened, open_rows(join), "prompt" if on is None else on)
    elif on is not None:
        message = f"got on={on!r} and no data to join; give it too, as join=... (--join DATA)"
        raise ValueError(message)
    how = _How(workers, batch_size, engine)
    how.check()
    columns = dict(columns or {})
    if out is None or str(out) == STANDARD_STREAM:
        scorer = make_chunk_scorer(rewards, columns, "rows" if out is None else "lines")
        return _score_at_once(opened, scorer, progress, how, to_stdout=out is not None)
    out = Path(out)
    _check_out(opened, out)
    form: Form = "lines" if out.suffix == ".jsonl" else "stream"
    scorer = make_chunk_scorer(rewards, columns, form)
    fingerprints = fingerprint_work(opened, scorer)
    if resume and (state := finished_state(out, fingerprints)):
        return _summarize_state(out, scorer, state, state["rows"])
    with Journal(out, fingerprints, fresh=not resume) as journal:
        resumed = _check_resumed(journal, len(scorer.terms) + 1)
        pieces = _score_chunks(opened, scorer, how, start=resumed)
        _write_rest(opened, pieces, journal, progress, lines=form == "lines")
        _finish_file(opened, scorer, journal)
        done = _summarize_state(out, scorer, journal.state, resumed)
    return done._replace(**_count_joined(opened))


def _score_at_once(
    source: RowSource,
    scorer: ChunkScorer,
    progress: Progress | None,
    how: _How,
    *,
    to_stdout: bool,
) -> ScoringResult:
    """Score all rows and return them, or write them as lines to standard output."""
    state: State = {"rows": 0, "tallies": [], "runs": None}
    scored: list[dict[str, Any]] = []
    total = source.count() if progress else None
    with closing(_score_chunks(source, scorer, how, start=0)) as pieces:
        for piece in pieces:
            if to_stdout:
                sys.stdout.buffer.write(piece.content)
            else:
                scored += piece.content
            state = _add_piece(state, piece)
            if progress:
                progress(state["rows"], total)
    if to_stdout:
        sys.stdout.buffer.flush()
    done = _summarize_state(None, scorer, state, 0)
    return done._replace(**_count_joined(source), scored=None if to_stdout else scored)


def _count_joined(source: RowSource) -> dict[str, Any]:
    return source.counts._asdict() if isinstance(source, JoinedSource) else {}


def _check_resumed(journal: Journal, terms: int) -> int:
    """Return how many rows an earlier run scored; ValueError if its state cannot be resumed."""
    try:
        check_state(journal.state, terms)
    except (ValueError, TypeError, LookupError):
        # The first line has the fingerprints, and each other one a piece's state.
        message = explain_garbage(journal.progress, len(journal.ends) + 1)
        raise ValueError(message) from None
    return int(journal.state["rows"])


def _check_out(source: RowSource, out: Path) -> None:
    check_out_suffix(out)
    source.check_is_not(out)


def _score_chunks(
    source: RowSource, scorer: ChunkScorer, how: _How, *, start: int
) -> Generator[Piece]:
    """Return the scored pieces of the rows from number `start` on."""
    if (first := next(source.chunks(size=ROWS_FOR_COLUMNS), None)) is not None:
        scorer = scorer.learn_columns(first)
    if how.engine == "ray" and isinstance(source, Source) and can_split(source):
        parts = FileParts(source)
        if all_nodes_agree(parts.are_visible):
            work = PartScorer(scorer, parts, how.batch_size)
            items = parts.split(how.batch_size * BATCHES_PER_PART, start)
            return _chain_pieces(in_order_on_ray(work, items, how.workers))
    chunks: Iterable[Chunk] = source.chunks(size=how.batch_size, start=start)
    if scorer.needs_groups:
        chunks = keep_groups_whole(chunks, scorer.columns)
    if how.engine == "ray":
        return in_order_on_ray(scorer, chunks, how.workers)
    return in_order(scorer, chunks, how.workers or 1)


def _chain_pieces(results: Generator[list[Piece]]) -> Generator[Piece]:
    with closing(results):
        for pieces in results:
            yield from pieces


def _write_rest(
    source: RowSource,
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
        state = _add_piece(journal.state, piece)
        schema = None if lines else merge_schema(journal.state.get("schema"), piece.content)
        kept = {name: state[name] for name in ("tallies", "runs", "unreadable")}
        return journal.add(piece.content, piece.rows, **kept, schema=schema)

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


def _add_piece(before: State, piece: Piece) -> State:
    """Return the state after a piece, without what only a file has."""
    unreadable = add_unreadable(before.get("unreadable", ()), piece.unreadable)
    if not before["rows"]:
        tallies, runs = piece.tallies, piece.runs
    else:
        tallies = [*map(add_tallies, before["tallies"], piece.tallies)]
        runs = add_runs(before.get("runs"), piece.runs)
    rows = before["rows"] + piece.rows
    return {"rows": rows, "tallies": tallies, "runs": runs, "unreadable": unreadable}


def _finish_file(source: RowSource, scorer: ChunkScorer, journal: Journal) -> None:
    """Write the sidecar, then put the file in place."""
    state = journal.state

    def convert(part: Path) -> Path:
        if scorer.form == "lines":
            return part
        return write_parquet(part, journal.ends, state.get("schema"), scorer.column_names)

    # The sidecar goes first: a scored file without one would look as if another program had
    # written it.
    record = {"fingerprints": journal.fingerprints, **state}
    write_atomically(sidecar_path(journal.out), format_sidecar(source, scorer, record))
    journal.finish(convert)


def _summarize_state(
    out: Path | None, scorer: ChunkScorer, state: State, resumed: int
) -> ScoringResult:
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
    passes = summarize_runs(scorer.rule, state.get("runs"))
    unreadable, first = state.get("unreadable") or (0, "")
    return ScoringResult(
        out,
        state["rows"],
        resumed,
        tuple(summaries[:-1]),
        summaries[-1],
        passes,
        unreadable=unreadable,
        first_unreadable=first,
    )
