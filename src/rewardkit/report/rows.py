"""The rows of a scored file, by column, with groups and advantages as GRPO makes them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, pstdev, stdev
from typing import Any

from rewardkit.batch import Batch

PREFIX, WHY = "rewards/", "/why"
ZERO_STD = 1e-8  # as torch.isclose takes for zero, in TRL's frac_reward_zero_std
_EPSILON = 1e-4  # what TRL adds to a group's std
_TRL = {"step", "prompt", "completion", "completion_ids", "advantage", "reward"}

Value = float | None


@dataclass(frozen=True)
class Rows:
    """What a scored file holds, one entry a row in each list."""

    texts: list[str]
    """The completions as text."""
    prompts: list[str]
    """The prompts as text, "" where there are none."""
    steps: list[int | None]
    """The trainer's step."""
    values: dict[str, list[Value]]
    """Each reward's values; None where it abstained."""
    whys: dict[str, list[str]]
    """Each reward's reasons, "" where there are none."""
    weights: dict[str, float]
    """Each reward's weight in the sum."""
    totals: list[Value]
    """The weighted sums; None where every reward abstained."""
    advantages: list[Value]
    """The advantages: the file's own, or each total against its group."""
    groups: list[list[int]]
    """The rows of each group of two or more completions."""
    cells: list[dict[str, Any]]
    """Every other column of each row."""
    infinite: dict[str, int] = field(default_factory=dict)
    """How many infinities each reward gave; they are left out, as None."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    @cached_property
    def group_of(self) -> list[int | None]:
        """Each row's group, by its place in `groups`; None outside of any."""
        found: list[int | None] = [None] * len(self)
        for place, rows in enumerate(self.groups):
            for row in rows:
                found[row] = place
        return found

    @cached_property
    def group_stds(self) -> list[float]:
        """The standard deviation of the totals within each group, n - 1 below, as TRL takes it."""
        return [spread(self.totals, rows) for rows in self.groups]

    @cached_property
    def group_means(self) -> list[Value]:
        """The mean of the totals of each group; None where all of them are None."""
        known = [
            [value for row in rows if (value := self.totals[row]) is not None]
            for rows in self.groups
        ]
        return [fmean(values) if values else None for values in known]

    @cached_property
    def disagreement(self) -> list[float]:
        """How far the rewards are apart on each row, 0 to 0.5.

        Each reward is stretched to 0..1 between its own least and most, turned over where its
        weight is negative; what is given is the standard deviation over the rewards.
        """
        scales = {}
        for name, values in self.values.items():
            known = [value for value in values if value is not None]
            if known and max(known) > min(known):
                scales[name] = min(known), max(known) - min(known)
        found = []
        for row in range(len(self)):
            parts = []
            for name, (low, width) in scales.items():
                value = self.values[name][row]
                if value is not None:
                    part = (value - low) / width
                    parts.append(part if self.weights[name] >= 0 else 1 - part)
            found.append(pstdev(parts) if len(parts) > 1 else 0.0)
        return found


def gather(
    source: Iterable[Mapping[str, Any]],
    *,
    rewards: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    group: str = "prompt",
    sum_anew: bool = False,
) -> Rows:
    """Collect the rows of a scored file.

    Rewards are the columns `rewards/NAME` that scoring writes, else every numeric column of TRL's
    own table; `rewards` names others. `weights` are their factors, 1 where there is none; the
    file's own column `reward` is the sum, unless `sum_anew`. Rows with the same step and the same
    cell under `group` make a group.

    Raises ValueError where there are no rows, no completions or no rewards.

    >>> pairs = [("a", 1.0), ("b", 3.0)]
    >>> rows = gather({"prompt": "?", "completion": text, "rewards/r": r} for text, r in pairs)
    >>> rows.totals, [round(advantage, 3) for advantage in rows.advantages]
    ([1.0, 3.0], [-0.707, 0.707])
    """
    table = list(source)
    if not table:
        raise ValueError("the file has no rows; give one with at least one scored completion")
    names = list(dict.fromkeys(name for row in table for name in row))
    if "completion" not in names:
        raise ValueError(
            f"no column 'completion' in the file; it has {', '.join(names)};"
            " map one, as columns={'response': 'completion'} (--column response=completion)"
        )
    found = _rewards(table, names, rewards)
    infinite: dict[str, int] = {}
    values = {}
    for name, column in found.items():
        values[name] = [_number(row.get(column)) for row in table]
        if wild := sum(_is_infinite(row.get(column)) for row in table):
            infinite[name] = wild
    factors = {name: float((weights or {}).get(name, 1.0)) for name in values}
    totals = (
        [_number(row.get("reward")) for row in table]
        if "reward" in names and "reward" not in values and not sum_anew
        else list(_sums(values, factors))
    )
    groups = _groups(table, group) if group in names else []
    whys = {name: [_text(row.get(column + WHY)) for row in table] for name, column in found.items()}
    own = "advantage" in names and "advantage" not in values
    used = _TRL | set(found.values()) | {column + WHY for column in found.values()}
    return Rows(
        texts=Batch([row.get("completion") for row in table]).texts,
        prompts=_prompts(table),
        steps=[_step(row.get("step")) for row in table],
        values=values,
        whys=whys,
        weights=factors,
        totals=totals,
        advantages=(
            [_number(row.get("advantage")) for row in table] if own else _advantages(totals, groups)
        ),
        groups=groups,
        cells=[
            {name: cell for name, cell in row.items() if name not in used and cell is not None}
            for row in table
        ],
        infinite=infinite,
    )


def spread(values: Sequence[Value], rows: Iterable[int]) -> float:
    """Return the sample standard deviation over some rows, 0 where fewer than two are known."""
    known = [value for row in rows if (value := values[row]) is not None]
    if not known or max(known) - min(known) < ZERO_STD:
        return 0.0
    return stdev(known)


def _rewards(
    table: list[Mapping[str, Any]], names: list[str], wanted: Sequence[str] | None
) -> dict[str, str]:
    """Return the column of each reward, by the reward's name."""
    scored = [name for name in names if name.startswith(PREFIX) and not name.endswith(WHY)]
    if wanted is not None:
        found = {name: PREFIX + name if PREFIX + name in names else name for name in wanted}
        if missing := [name for name, column in found.items() if column not in names]:
            raise ValueError(f"no column for the reward {missing[0]!r}; it has {', '.join(names)}")
    elif scored:
        found = {name.removeprefix(PREFIX): name for name in scored}
    elif "advantage" in names:  # the table that TRL logs
        found = {name: name for name in names if name not in _TRL and _is_numeric(table, name)}
    else:
        found = {}
    if not found:
        raise ValueError(
            f"no reward in the file: no column 'rewards/NAME' among {', '.join(names)};"
            " score it first (rewardkit score), or name columns with rewards=[...] (--reward NAME)"
        )
    return found


def _is_numeric(table: list[Mapping[str, Any]], name: str) -> bool:
    """Return whether a column holds numbers, and nothing else but None."""
    cells = [cell for row in table if (cell := row.get(name)) is not None]
    return all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)


def _is_infinite(cell: Any) -> bool:
    """Return whether a cell is an infinity."""
    return isinstance(cell, float) and math.isinf(cell)


def _number(cell: Any) -> Value:
    """Return a cell as a finite float, None where it is none."""
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _step(cell: Any) -> int | None:
    """Return a step as an integer."""
    number = _number(cell)
    return None if number is None else int(number)


def _text(cell: Any) -> str:
    """Return a reason as text that can be encoded."""
    return "" if cell is None else Batch([str(cell)]).texts[0]


def _prompts(table: list[Mapping[str, Any]]) -> list[str]:
    """Return the prompts as text."""
    prompts = [row.get("prompt") or "" for row in table]
    batch = Batch([""] * len(table), prompts=prompts)
    return [batch.prompt_text(row) for row in range(len(table))]


def _groups(table: list[Mapping[str, Any]], column: str) -> list[list[int]]:
    """Return the rows of each group: those with equal cells of one step, two or more."""
    groups: dict[tuple[int | None, str], list[int]] = {}
    for place, row in enumerate(table):
        cell = row.get(column)
        if cell is None:
            continue
        key = cell if isinstance(cell, str) else json.dumps(cell, sort_keys=True, default=str)
        groups.setdefault((_step(row.get("step")), key), []).append(place)
    return [rows for rows in groups.values() if len(rows) > 1]


def _sums(values: dict[str, list[Value]], weights: dict[str, float]) -> Iterator[Value]:
    """Yield each row's weighted sum, without the rewards that abstain; None where all do."""
    for row in zip(*values.values(), strict=True):
        known = [
            weight * value
            for weight, value in zip(weights.values(), row, strict=True)
            if value is not None
        ]
        yield sum(known) if known else None


def _advantages(totals: list[Value], groups: list[list[int]]) -> list[Value]:
    """Return (reward - mean) / (std + 1e-4) within each group; None outside of any.

    Source: GRPO (Shao et al. 2024, section 4.1.2), with the constant that TRL adds.
    """
    found: list[Value] = [None] * len(totals)
    for rows in groups:
        known = [(row, value) for row in rows if (value := totals[row]) is not None]
        if known:
            mean, std = fmean(value for _, value in known), spread(totals, rows)
            for row, value in known:
                found[row] = (value - mean) / (std + _EPSILON)
    return found
