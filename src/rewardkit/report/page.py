"""`report`: a file of scored completions as one page that needs no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from rewardkit._files.chunks import Row
from rewardkit._files.open_rows import open_rows
from rewardkit._files.source import RowSource
from rewardkit._optional import require
from rewardkit._scored.columns import Sidecar, load_sidecar
from rewardkit.component import Component, walk
from rewardkit.extract import Extractor, Regex
from rewardkit.report.answers import USUAL
from rewardkit.report.compute_figures import measure
from rewardkit.report.figure_types import Figures, ReportFinding
from rewardkit.report.formatting import as_data, shorten_names
from rewardkit.report.pack import PICKED, Packed, pack
from rewardkit.report.render import EXTRA, check_page_path, render, write_page
from rewardkit.report.rows import RowOptions, Rows, gather_beside
from rewardkit.reward import Reward

MAX_BYTES = 2_000_000  # what a mail or a chat still takes, and a browser opens at once
ROWS_PER_PROGRESS = 1024
MAX_PATTERN_SECONDS = 1.0

Progress: TypeAlias = Callable[[str, int, int | None], object]
"""Called with the stage, how much of it is done, and of how much; None if that is unknown."""


class Report(NamedTuple):
    """The page that was written, and what it says."""

    path: Path
    """The page."""
    size: int
    """Its bytes."""
    rows: int
    """How many rows the file has."""
    shown: int
    """How many of them can be read in the page; the table has the values of all."""
    figures: Figures
    """Every figure that the page draws."""

    @property
    def findings(self) -> tuple[ReportFinding, ...]:
        """What is wrong with the rewards, the worst first."""
        return self.figures.findings

    def as_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries and lists, as JSON takes them."""
        data: dict[str, Any] = as_data(self)
        return {**data, "path": str(self.path)}


def report(  # noqa: PLR0913 - keywords, all but two
    source: Any,
    out: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    title: str | None = None,
    rewards: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    group: str | None = None,
    pass_reward: str | None = None,
    pass_value: float | None = None,
    extractor: Extractor | None = None,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> Report:
    r"""Write one HTML file about the rewards in `source`, and return what it says.

    `source` is a file that `rewardkit score` wrote, or TRL's `completions_*.parquet`: a file, a
    glob, a folder, or rows as `score` takes them. `columns` renames its columns, as {"response":
    "completion"}. Rewards are the columns `rewards/NAME`, or TRL's, or those in `rewards`; their
    factors in the sum are `weights`, else those of `SOURCE.rewards.yaml`, or 1. Rows of one step
    with equal values of `group`, by default the prompt, are a group. `extractor` finds the answers
    to highlight and to vote: by default those of `SOURCE.rewards.yaml`, then answer tags, LaTeX
    boxes and `####`. A completion passes if `pass_reward` gives it at least `pass_value`: by
    default the reward `correct` of `SOURCE.rewards.yaml`, or the only one with "correct",
    "accuracy" or "right" in its name, and the value of a right answer, or the highest in the file.

    All rows are in memory, and in all figures. The page has at most `max_bytes`: the values of up
    to 20,000 rows, and as many texts as fit, the extremes before a random sample.

    Raises ValueError for a file without rows, completions or rewards, for unknown names of rewards
    or of the group's column, and for `max_bytes` too small for the figures; FileNotFoundError;
    ImportError if a package is missing.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> row = '{"prompt": "2 + 2?", "completion": "4", "rewards/length": 0.5}'
    >>> _ = (folder / "scored.jsonl").write_text(f"{row}\n{row}\n")
    >>> done = report(folder / "scored.jsonl", folder / "report.html")
    >>> [finding.title for finding in done.findings]
    ['Most groups give no learning signal (zero reward std)', 'A reward is flat']
    """
    require("jinja2", install=EXTRA)  # before the file is read, which takes longer
    opened, path = open_rows(source), Path(out)
    opened.check_is_not(path)
    check_page_path(path)
    beside = load_sidecar(opened)
    options = RowOptions(rewards, weights, group, pass_reward, pass_value)
    rows = gather_beside(_count_rows(opened, columns, progress), beside, options)
    _refuse_unknown_weights(weights or {}, rows)
    extractors = _choose_extractors([*beside.rewards.values()], extractor)
    figures = _measure_rows(rows, beside, extractors, progress or _ignore_progress)
    name = Path(opened.name).resolve().name
    names = title or f"Rewards of {name}", name
    page, shown = _fit_page(rows, figures, extractors, names, max_bytes)
    write_page(path, page)
    return Report(path, len(page), len(rows), shown, figures)


def _ignore_progress(_stage: str, _done: int, _total: int | None) -> None:
    """Do nothing: nobody waits for it."""


def _count_rows(
    source: RowSource, columns: Mapping[str, str] | None, progress: Progress | None
) -> Iterator[Row]:
    """Yield the rows of a file, and say every now and then how many were read."""
    if progress is None:
        yield from source.rows(columns=columns)
        return
    total = source.count()  # a pass over the file, so only if somebody waits
    for done, row in enumerate(source.rows(columns=columns)):
        if done % ROWS_PER_PROGRESS == 0:
            progress("rows", done, total)
        yield row


def _measure_rows(
    rows: Rows, beside: Sidecar, extractors: Sequence[Extractor], progress: Progress
) -> Figures:
    bounds = [reward.bounds for reward in beside.rewards.values()]
    figures = measure(
        rows,
        dict(zip(shorten_names(beside.rewards), bounds, strict=True)),
        extractors=extractors,
        progress=partial(progress, "figures"),
    )
    progress("texts", 0, None)  # what comes next
    return figures


def _refuse_unknown_weights(weights: Mapping[str, float], rows: Rows) -> None:
    known = {*rows.values}
    if unknown := [name for name in weights if shorten_names([name])[0] not in known]:
        present = ", ".join(rows.values)
        raise ValueError(f"a weight for {unknown[0]!r}, but the file's rewards are {present}")


def _choose_extractors(
    rewards: Sequence[Reward], extractor: Extractor | None
) -> Sequence[Extractor]:
    """Return the extractor that was given, else those of the rewards and the usual ones."""
    if extractor is not None:
        return [extractor]
    used = [
        part
        for reward in rewards
        for part in walk(reward)
        # The file beside may be somebody else's, and ask for hours on each text.
        if isinstance(part, Extractor) and all(map(_is_quick, walk(part)))
    ]
    return list(dict.fromkeys([*used, *USUAL]))


def _is_quick(part: Component) -> bool:
    return not isinstance(part, Regex) or part.timeout <= MAX_PATTERN_SECONDS


def _fit_page(
    rows: Rows,
    figures: Figures,
    extractors: Sequence[Extractor],
    names: tuple[str, str],
    max_bytes: int,
) -> tuple[bytes, int]:
    """Return the page with as many texts as fit, and their number; `names` are title and file."""
    # The page without its data, with the longest sentence that it can say about it.
    empty = Packed("", "", rows=len(rows) - 1, shown=len(rows) - 1)
    frame = len(_render_page(rows, figures, empty, *names))
    packed = pack(rows, extractors, max_bytes - frame)
    page = _render_page(rows, figures, packed, *names)
    if len(page) > max_bytes:
        raise ValueError(
            f"got max_bytes={max_bytes:,}; the figures of {len(rows):,} rows alone take"
            f" {len(page):,}"
        )
    return page, packed.shown


def _render_page(rows: Rows, figures: Figures, packed: Packed, title: str, source: str) -> bytes:
    return render(
        "page.html",
        script="page.js",
        title=title,
        source=source,
        rows=rows,
        figures=figures,
        packed=packed,
        picked=PICKED,
    )
