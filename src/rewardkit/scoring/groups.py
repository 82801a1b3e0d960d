"""Chunks cut where a group ends, for rewards that depend on the other rows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

from rewardkit._files.chunks import Chunk, rename_columns


def keep_groups_whole(chunks: Iterable[Chunk], columns: Mapping[str, str]) -> Iterator[Chunk]:
    """Yield the chunks cut where the prompt or the step changes, so that no group is split."""
    held: list[Chunk] = []  # the rows of the last group so far, over as many chunks as it takes
    last_key: Any = object()
    for chunk in chunks:
        keys = list_group_keys(chunk, columns)
        changes = [one != other for one, other in pairwise([last_key, *keys])]
        if any(changes):
            # Everything before the last group is whole; that one may go on in the next chunk.
            start = len(changes) - 1 - changes[::-1].index(True)
            if whole := [*held, chunk[:start]] if start else held:
                yield reduce(add, whole)
            held = [chunk[start:]]
        else:
            held.append(chunk)
        last_key = keys[-1]
    if held:
        yield reduce(add, held)


def list_group_keys(chunk: Chunk, columns: Mapping[str, str]) -> list[Any]:
    """Return a key for each row that those of its group share, and that no other rows have."""
    rows = rename_columns(chunk.rows_or_invalid(), columns)
    # A row without a prompt has one of its own.
    return [
        object() if (prompt := row.get("prompt")) is None else (prompt, row.get("step"))
        for row in rows
    ]
