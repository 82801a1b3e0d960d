"""`score`: score every row of a file in order; the output file appears only when it is complete."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

from rewardkit._files.chunks import Chunk
from rewardkit._files.join import JoinedSource
from rewardkit._files.journal import Journal, State, explain_garbage, write_atomically
from rewardkit._files.open_rows import STANDARD_STREAM, open_rows
from rewardkit._files.parts import FileParts, can_split
from rewardkit._files.row_writer import check_out_suffix
from rewardkit._files.source import RowSource, Source, sidecar_path
from rewardkit._files.writing import merge_schema, stream_parquet, write_parquet
from rewardkit._optional import require
from rewardkit._scored.passes import PassRates
from rewardkit._workers.parallel import in_order
from rewardkit._workers.ray_actors import EXTRA, all_nodes_agree, in_order_on_ray
from rewardkit.scorer import TOTAL, Rewards
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
from rewardkit.scoring.pass_counts import add_runs, summarize_runs
from rewardkit.scoring.resume import (
    REPLACE,
    check_finished,
    check_state,
    describe_work,
    format_sidecar,
    read_finished,
)

_ENGINES = ("local", "ray")
COPIED_BYTES = 1 << 20  # at once
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
    """How many rows have no scores: their completion is neither a text nor messages, or their line
    cannot be read."""
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
    rewards: Rewards,
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

    `rewards` are rewards, whose sums are scored term by term, functions with TRL's signature, or
    the path of a YAML file. A row has a `completion` and the columns that they read; `columns`
    renames columns for them, as {"response": "completion"}. `join` is the same as `source`: rows
    get the columns that they lack from its rows, where `on` (by default `prompt`) is equal, or
    SOURCE=DATA if the names differ. What `source` and `out` may be, and what is written, is said in
    `rewardkit.scoring`.

    `batch_size` rows are scored together; a group is never split for a reward that depends on it.
    `workers` is the number of processes, 1 by default. With `engine` "ray" they are actors on the
    Ray cluster that this process finds, by default one less than its CPUs. They read the files, if
    every node sees them. `progress` is called after each batch.

    Raises ValueError if the rewards, the columns or a file changed since the run that is resumed,
    or if a file is not as its ending says; whatever a reward raises propagates.

    >>> import tempfile
    >>> from rewardkit.rewards import Length
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.jsonl").write_text('{"response": "It is 4"}\n')
    >>> near, columns = Length(target=5, name="near"), {"response": "completion"}
    >>> score(folder / "in.jsonl", near, folder / "out.jsonl", columns=columns).total.mean
    -2.0
    >>> (folder / "out.jsonl").read_text()
    '{"response": "It is 4", "rewards/near": -2.0, "rewards/near/why": "7...", "reward": -2.0}\n'
    """
    opened = _open_source(source, join, on)
    how = _How(workers, batch_size, engine)
    how.check()
    if out is None or str(out) == STANDARD_STREAM:
        form: Form = "rows" if out is None else "lines"
        scorer = make_chunk_scorer(rewards, dict(columns or {}), form)
        return _score_at_once(opened, scorer, progress, how, to_stdout=out is not None)
    out = Path(out)
    _check_out(opened, out)
    form = "lines" if out.suffix == ".jsonl" else "stream"
    scorer = make_chunk_scorer(rewards, dict(columns or {}), form)
    return _score_to_file(opened, scorer, out, progress, how, resume=resume)


def _open_source(source: Any, join: Any, on: str | None) -> RowSource:
    opened = open_rows(source)
    if join is not None:
        return JoinedSource(opened, open_rows(join), "prompt" if on is None else on)
    if on is not None:
        message = f"got on={on!r} and no data to join; give it too, as join=... (--join DATA)"
        raise ValueError(message)
    return opened


def _score_to_file(  # noqa: PLR0913 - as many as `score` has left
    source: RowSource,
    scorer: ChunkScorer,
    out: Path,
    progress: Progress | None,
    how: _How,
    *,
    resume: bool,
) -> ScoringResult:
    """Score the rows that an earlier run has not scored."""
    work, finished = describe_work(source, scorer), None
    if resume:
        work, finished = check_finished(out, work)
    if finished is not None:
        return _summarize_state(out, scorer, finished, finished["rows"])
    source.check_lines()  # before anything is begun, so that a new file of another kind may go
    with Journal(out, work, fresh=not resume) as journal:
        _keep_finished_rows(journal, scorer.form)
        resumed = _check_resumed(journal, len(scorer.terms) + 1)
        source = source.in_order(journal.work.files)
        pieces = _score_chunks(source, scorer, how, start=resumed)
        _write_rest(source, pieces, journal, progress, lines=scorer.form == "lines")
        _finish_file(source, scorer, journal)
        done = _summarize_state(out, scorer, journal.state, resumed)
    return done._replace(**_count_joined(source))


def _keep_finished_rows(journal: Journal, form: Form) -> None:
    """Begin with the rows of the finished file, to which those of new files are added."""
    out = journal.out
    if journal.ends or journal.is_fresh or not out.exists():
        return
    before, state = read_finished(out, journal.work)
    if not state["rows"]:
        return
    message = f"{out} has changed since score wrote it; {REPLACE}"
    if form == "lines" and out.stat().st_size != state["bytes"]:
        raise ValueError(message)

    def copy_rows(sink: IO[bytes]) -> State:
        if form == "lines":
            with out.open("rb") as rows:
                shutil.copyfileobj(rows, sink, COPIED_BYTES)
            return {}
        count, schema = stream_parquet(out, sink)
        if count != state["rows"]:
            raise ValueError(message)
        return {"schema": schema}

    journal.adopt(copy_rows, before, state)


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
    source.check_lines()
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
        message = explain_garbage(journal.progress, journal.last_line)
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
        parts = FileParts(source, start)
        if all_nodes_agree(parts.are_visible):
            work = PartScorer(scorer, parts, how.batch_size)
            items = parts.split(how.batch_size * BATCHES_PER_PART)
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
    record = {"work": journal.work.as_record(), **state}
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
