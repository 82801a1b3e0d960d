"""The columns of a scored file: which hold rewards, what a group is, and the rewards beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rewardkit._files.source import RowSource, sidecar_path
from rewardkit._messages import explain_missing_column, list_names
from rewardkit._score_checks import as_finite
from rewardkit.batch import read_step
from rewardkit.config import load
from rewardkit.reward import Linear, Reward

PREFIX, WHY, TOTAL = "rewards/", "/why", "reward"
TRL_COLUMNS = {"step", "prompt", "completion", "completion_ids", "advantage", TOTAL}

RawRow = Mapping[str, Any]


MAX_REWARDS = 1000  # where each row has its own, columns and rows are as many


def list_columns(table: Sequence[RawRow]) -> list[str]:
    """Return the columns of all rows; ValueError for no rows, or none with completions."""
    if not table:
        raise ValueError("the file has no rows; give one with at least one scored completion")
    # Rows of one shape, which is usual, cost one comparison each.
    names: dict[str, None] = {}
    before: Any = None
    for row in table:
        if row.keys() != before:
            names.update(dict.fromkeys(row))
            before = row.keys()
    if "completion" not in names:
        raise ValueError(
            f"no column 'completion' in the file (columns: {list_names(names)});"
            " name it, as columns={'response': 'completion'} (--column response=completion)"
        )
    return [*names]


def find_reward_columns(
    table: Sequence[RawRow], names: Sequence[str], wanted: Sequence[str] | None = None
) -> dict[str, str]:
    """Return the column of each reward, by the reward's name.

    Rewards are the columns `rewards/NAME` that scoring writes, else every numeric column of TRL's
    own table; `wanted` names others. Raises ValueError for a file without any.
    """
    scored = [name for name in names if name.startswith(PREFIX) and not name.endswith(WHY)]
    if wanted is not None:
        found = {name: PREFIX + name if PREFIX + name in names else name for name in wanted}
        if missing := [name for name, column in found.items() if column not in names]:
            present = list_names(names)
            raise ValueError(f"no column for the reward {missing[0]!r} (columns: {present})")
    elif scored:
        found = {name.removeprefix(PREFIX): name for name in scored}
    elif "advantage" in names:  # only the table that TRL logs has one
        others = [name for name in names if name not in TRL_COLUMNS]
        # A table in which each row has columns of its own is not one that TRL has written.
        found = {
            name: name for name in others if len(others) > MAX_REWARDS or _is_numeric(table, name)
        }
    else:
        found = {}
    if wanted is None and len(found) > MAX_REWARDS:
        raise ValueError(
            f"got {len(found):,} columns of rewards, expected at most {MAX_REWARDS:,}; name those"
            " to read, with rewards=[...] (--reward NAME of rewardkit report)"
        )
    if not found:
        raise ValueError(
            f"no reward in the file: none of its columns ({list_names(names)}) is 'rewards/NAME';"
            " score it first (rewardkit score), or name columns with rewards=[...] (--reward NAME"
            " of rewardkit report)"
        )
    return found


def _is_numeric(table: Sequence[RawRow], name: str) -> bool:
    """Return whether a column holds numbers, and nothing else but None."""
    values = (row.get(name) for row in table)
    return all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in values
        if value is not None
    )


def read_number(value: Any) -> float | None:
    """Return a value of the file as a finite float; None for anything else."""
    try:
        return as_finite(value)
    except (TypeError, ValueError, OverflowError):
        return None


def group_key(row: RawRow, column: str) -> tuple[int | None, str] | None:
    """Return a key that the rows of a group share: equal values of a column in one step."""
    value = row.get(column)
    if value is None:
        return None
    # A prompt may be a list of messages, which cannot be a key.
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return read_step(row.get("step")), text


def read_group_keys(
    table: Iterable[RawRow], column: str
) -> Iterator[tuple[int | None, str] | None]:
    """Yield each row's `group_key`."""
    before: Any = None
    key = None
    for row in table:
        now = row.get(column), row.get("step")
        # Rows of one group usually follow each other, and to compare is quicker than to encode.
        if now != before:
            key = group_key(row, column)
            before = now
        yield key


def choose_group_column(names: Sequence[str], group: str | None) -> str | None:
    """Return the column whose equal values make a group: `prompt` unless another one is given.

    None if no column was given and there are no prompts; ValueError for an unknown column.
    """
    if group is None:
        return "prompt" if "prompt" in names else None
    if group not in names:
        raise ValueError(f"group={group!r}: {explain_missing_column(group, names)}")
    return group


class Sidecar(NamedTuple):
    """The rewards beside a scored file, by name; empty if there are none, or they do not load."""

    rewards: dict[str, Reward]
    weights: dict[str, float]
    bias: float = 0.0
    """What is added to the weighted sum."""


def load_sidecar(source: RowSource) -> Sidecar:
    """Return the rewards beside a scored file, with their weights."""
    found = Sidecar({}, {})
    sidecar = sidecar_path(source.name)
    if not sidecar.is_file():
        return found
    try:
        loaded = load(sidecar)
    except ValueError:  # functions, which YAML does not hold, or a plugin that is not installed
        return found
    bias = 0.0
    for reward in loaded if isinstance(loaded, list) else [loaded]:
        is_sum = isinstance(reward, Linear)
        bias += reward.bias if is_sum else 0.0
        for term, weight in reward.weighted if is_sum else [(reward, 1.0)]:
            found.rewards[term.__name__], found.weights[term.__name__] = term, weight
    return found._replace(bias=bias)
