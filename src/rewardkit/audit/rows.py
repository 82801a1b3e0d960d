"""Which rows are used: evenly spaced, since datasets are often sorted, and groups whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rewardkit._messages import shorten_repr
from rewardkit._template import Row
from rewardkit.component import walk
from rewardkit.result import Outcome
from rewardkit.reward import Reward
from rewardkit.rewards.correct import Correct
from rewardkit.verify.base import Verifier, to_plain
from rewardkit.verify.boxes import Iou
from rewardkit.verify.calls import SameCall

Item = TypeVar("Item")


def check_rows(rows: Sequence[Row], number: int) -> None:
    """Raise TypeError for anything but rows; up to `number` of them, evenly spaced, are read."""
    # not all: a row of a dataset on disk is decoded when it is read
    try:
        used = [(index, rows[index]) for index in spread_evenly(range(len(rows)), number)]
    except (TypeError, LookupError):  # a mapping of columns, a data frame, a generator
        message = f"rows: got {shorten_repr(rows)}, expected a list of mappings"
        raise TypeError(message) from None
    for index, row in used:
        if not isinstance(row, Mapping):
            message = f"rows[{index}]: got {shorten_repr(row)}"
            raise TypeError(f"{message}, expected a mapping of column names to values")


def choose_rows(rows: Sequence[Row], number: int) -> list[Row]:
    """Return about `number` of the rows, evenly spaced, with all completions of a prompt or none.

    The first group is in, also where it has more rows.

    >>> rows = [{"prompt": prompt, "completion": text} for prompt in "ab" for text in "xyz"]
    >>> [row["completion"] for row in choose_rows(rows, 2)]
    ['x', 'y', 'z']
    """
    groups = group_rows(rows) if rows and "completion" in rows[0] else [[row] for row in rows]
    wanted = max(min(number, len(rows)) * len(groups) // max(len(rows), 1), 1)
    return [row for group in spread_evenly(groups, wanted) for row in group]


def spread_evenly(items: Sequence[Item], number: int) -> list[Item]:
    """Return up to `number` of the items, evenly spaced, in their order.

    >>> spread_evenly("abcdefg", 3)
    ['a', 'c', 'e']
    """
    if len(items) <= number:
        return [*items]
    return [items[index * len(items) // number] for index in range(number)]


def group_rows(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows by prompt, in the order of each prompt's first row.

    With a column `step`, as in a trainer's log, a prompt has one group per step.
    """
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        # a repr, since messages do not hash
        groups.setdefault((repr(row.get("prompt")), row.get("step")), []).append(row)
    return [*groups.values()]


def pick_reference(row: Row) -> Row:
    """Return the row with the first text of each list of references in place of the list.

    >>> pick_reference({"answer": ["4", "four"], "prompt": ["?"], "id": 3})
    {'answer': '4', 'prompt': ['?'], 'id': 3}
    """
    return {name: _first_of_list(name, value) for name, value in row.items()}


def write_answers(rows: Sequence[Row], rewards: Iterable[Any]) -> list[Row]:
    """Return the rows with the text of a right answer in place of a box or calls.

    >>> box = Correct(verifier=Iou(), reference="box")
    >>> write_answers([{"box": [0, 0, 8, 6]}], [box])
    [{'box': '[0, 0, 8, 6]'}]
    """
    parts = [part for reward in rewards if isinstance(reward, Reward) for part in walk(reward)]
    verifiers = {
        part.reference: part.verifier
        for part in parts
        if isinstance(part, Correct) and isinstance(part.verifier, Iou | SameCall)
    }
    return [
        {name: _write_answer(value, verifiers.get(name)) for name, value in row.items()}
        for row in rows
    ]


def _write_answer(value: Any, verifier: Verifier | None) -> Any:
    # a list of numbers is a box here, and no list of references of which any is right
    if verifier is None or isinstance(value, str):
        return value
    try:
        text = json.dumps(to_plain(value), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return value
    (verdict,) = verifier.verify([text], [value])
    return text if verdict.outcome is Outcome.CORRECT else value


def _first_of_list(name: str, value: Any) -> Any:
    if name in ("prompt", "completion", "completions") or isinstance(value, str | bytes | Mapping):
        return value
    items = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, list | tuple) or not items:
        return value
    simple = all(isinstance(item, str | int | float) for item in items)
    return items[0] if simple else value
