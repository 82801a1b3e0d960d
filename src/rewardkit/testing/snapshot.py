r"""Golden scores: what rewards gave for some completions, kept in a file beside the tests.

A change of a reward that nobody meant shows as a changed score, and one that was meant as a changed
line of the file. `rewardkit snapshot` writes and compares the same file.

>>> import tempfile
>>> from rewardkit.rewards import Length
>>> path = Path(tempfile.mkdtemp(), "scores.json")
>>> write_snapshot(Length(target=2), path, [{"completion": "4"}, {"completion": "42"}])
2
>>> check_snapshot(Length(target=2), path)
>>> compare_snapshot(Length(target=1), path)[0]
Change(row=0, reward='length.target:1', before=-1.0, now=0.0, completion='4')
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rewardkit._messages import pluralize, shorten_text

if TYPE_CHECKING:
    from rewardkit.scorer import Rewards

TOLERANCE = 1e-9
"""How far a score may move, absolutely and relatively: the last digits differ between machines."""
MAX_SHOWN_CHANGES = 10


class Change(NamedTuple):
    """A score that differs from the file's."""

    row: int
    """The row's number in the file, from 0."""
    reward: str
    """The reward's name."""
    before: float | None
    """The score in the file; None if it abstained, or if the file has no such reward."""
    now: float | None
    """The score now; None if it abstains, or if there is no such reward."""
    completion: Any
    """The row's completion."""

    def __str__(self) -> str:
        """Return the change in one line."""
        scores = f"{_format_score(self.before)} before, {_format_score(self.now)} now"
        return f"row {self.row}, {self.reward}: {scores}: {shorten_text(repr(self.completion))}"


def write_snapshot(
    rewards: Rewards, path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Score rows with rewards and write both into a JSON file; return how many rows it has.

    Each row has a `completion`, text or messages, and the columns that the rewards read. Raises
    ValueError for no rows and for rows without a completion, and whatever a reward raises.
    """
    if not rows:
        raise ValueError("a snapshot needs at least one row")
    missing = [number for number, row in enumerate(rows) if "completion" not in row]
    if missing:
        listed = ", ".join(sorted(rows[missing[0]])) or "none"
        raise ValueError(f"row {missing[0]} has no completion (columns: {listed})")
    scores = _score(rewards, rows)
    data = [
        {**row, "scores": {name: values[number] for name, values in scores.items()}}
        for number, row in enumerate(rows)
    ]
    text = json.dumps(data, indent=1, ensure_ascii=False, default=str)
    # a lone surrogate has no UTF-8; it comes back as the same escape
    Path(path).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return len(rows)


def compare_snapshot(rewards: Rewards, path: str | os.PathLike[str]) -> list[Change]:
    """Score a snapshot's rows again; return the scores that changed.

    Rewards are compared by name, or by position if as many have other names. One that is new, or
    gone, changes in each row where it has a score. Raises
    FileNotFoundError, and ValueError for a file that `write_snapshot` has not written.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        kept = [row["scores"] for row in data]
        rows = [{name: row[name] for name in row if name != "scores"} for row in data]
    except FileNotFoundError:
        hint = f"`rewardkit snapshot REWARD... --out {os.fspath(path)}` writes it"
        raise FileNotFoundError(f"no snapshot at {os.fspath(path)}; {hint}") from None
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{os.fspath(path)} is not a snapshot of scores") from None
    scores = _score(rewards, rows)
    # a default name holds the fields, so that a changed field renames the reward
    was = [*dict.fromkeys(name for row in kept for name in row)]
    if len(was) == len(scores) and {*was} != {*scores}:
        renamed = dict(zip(was, scores, strict=True))
        kept = [{renamed[name]: value for name, value in row.items()} for row in kept]
    changes = []
    for number, (row, before) in enumerate(zip(rows, kept, strict=True)):
        for name in dict.fromkeys((*before, *scores)):
            now = scores[name][number] if name in scores else None
            if not _equal(before.get(name), now):
                changes.append(Change(number, name, before.get(name), now, row["completion"]))
    return changes


def check_snapshot(rewards: Rewards, path: str | os.PathLike[str]) -> None:
    """Raise AssertionError with the changes if a snapshot's scores are no longer the same.

    For a test: `check_snapshot(my_reward, Path(__file__).with_name("scores.json"))`.
    """
    if changes := compare_snapshot(rewards, path):
        shown = "\n".join(f"  {change}" for change in changes[:MAX_SHOWN_CHANGES])
        rest = len(changes) - MAX_SHOWN_CHANGES
        more = f"\n  and {rest} more" if rest > 0 else ""
        count = f"{pluralize(len(changes), 'score')} changed in {os.fspath(path)}"
        hint = f"if that is meant: rewardkit snapshot ... --out {os.fspath(path)} --update"
        raise AssertionError(f"{count}:\n{shown}{more}\n{hint}")


def _score(rewards: Rewards, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    from rewardkit.scorer import Scorer  # noqa: PLC0415 - it imports all rewards

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return Scorer(rewards).score_columns(columns).values


def _equal(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return math.isclose(before, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _format_score(score: float | None) -> str:
    return "no score" if score is None else f"{score:g}"
