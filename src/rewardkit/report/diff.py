"""`diff`: what changed between two scored files, of two checkpoints or two versions of rewards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rewardkit._files.open_rows import open_rows
from rewardkit._files.source import RowSource
from rewardkit._optional import require
from rewardkit._scored.columns import load_sidecar
from rewardkit.report.changes import Changes, compare
from rewardkit.report.formatting import as_data
from rewardkit.report.render import EXTRA, check_page_path, render, write_page
from rewardkit.report.rows import RowOptions, Rows, gather_beside

EXAMPLES = 5


class Diff(NamedTuple):
    """What changed, and the page that says so."""

    before: str
    """The first file, as it was given."""
    after: str
    """The second."""
    changes: Changes
    """Everything that changed."""
    path: Path | None
    """The page; None if none was wanted."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries and lists, as JSON takes them."""
        data: dict[str, Any] = as_data(self)
        return {**data, "path": None if self.path is None else str(self.path)}


def diff(  # noqa: PLR0913 - keywords, all but two
    before: Any,
    after: Any,
    *,
    out: Path | str | None = None,
    columns: Mapping[str, str] | None = None,
    rewards: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    group: str | None = None,
    pass_reward: str | None = None,
    pass_value: float | None = None,
    examples: int = EXAMPLES,
) -> Diff:
    r"""Compare two scored files: what changed in each reward, by how much, with examples.

    The files are as in `report`, of which `columns`, `rewards`, `weights`, `pass_reward` and
    `pass_value` have the same meaning for both. If most completions are in both files, they are two
    versions of the rewards on the same rows, and rows are compared; otherwise they are two
    checkpoints, and the means of each prompt are compared, whatever the step. `group` names another
    column than the prompt that says which rows belong together. Files without prompts are compared
    row by row.

    The change is the mean over prompts of the change of a prompt's mean, so that each prompt counts
    once. Its 95 % interval is that of Student's t over the prompts: completions of one prompt are
    not independent. `out` is an HTML page of all that, with `examples` of the rows or prompts whose
    sum rose and fell most.

    Raises ValueError if the files share no prompt, and what `report` raises.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> row = '{"prompt": "%s + 1?", "completion": "4", "rewards/right": %s}\n'
    >>> for name, values in (("old", (0, 0, 1, 1)), ("new", (1, 0, 1, 1))):
    ...     lines = [row % pair for pair in enumerate(values)]
    ...     _ = (folder / f"{name}.jsonl").write_text("".join(lines))
    >>> (right,) = diff(folder / "old.jsonl", folder / "new.jsonl").changes.rewards
    >>> right.before, right.after, right.change, right.rose, right.fell
    (0.5, 0.75, 0.25, 1, 0)
    """
    path = None if out is None else Path(out)
    sources = open_rows(before), open_rows(after)
    if path is not None:
        _check_page(path, sources)  # before the files are read, which takes longer

    options = RowOptions(rewards, weights, group, pass_reward, pass_value)
    one, other = (
        gather_beside(opened.rows(columns=columns), load_sidecar(opened), options)
        for opened in sources
    )
    changes = compare_rows(one, other, group=group, examples=examples)
    names = [Path(opened.name).resolve().name for opened in sources]
    if path is not None:
        write_page(path, render("diff.html", names=names, changes=changes))
    return Diff(sources[0].name, sources[1].name, changes, path)


def _check_page(path: Path, sources: Sequence[RowSource]) -> None:
    require("jinja2", install=EXTRA)
    for opened in sources:
        opened.check_is_not(path)
    check_page_path(path)


def compare_rows(before: Rows, after: Rows, *, group: str | None, examples: int) -> Changes:
    """Compare two files whose groups were made by the column `group`, by default the prompt."""
    return compare(before, after, _make_keys(before, after, group), examples)


def _make_keys(before: Rows, after: Rows, group: str | None) -> tuple[list[str], list[str]]:
    if group is not None and group != "prompt":
        return _read_keys(before, group), _read_keys(after, group)
    if any(before.prompts) and any(after.prompts):
        return before.prompts, after.prompts
    if len(before) != len(after):
        raise ValueError(
            f"the files have {len(before):,} and {len(after):,} rows and no prompts to compare them"
            " by; name a column that both have with group='NAME' (--group NAME)"
        )
    positions = [*map(str, range(len(before)))]
    return positions, positions


def _read_keys(rows: Rows, column: str) -> list[str]:
    values = [extra.get(column) for extra in rows.extras]
    return [v if isinstance(v, str) else json.dumps(v, sort_keys=True, default=str) for v in values]
