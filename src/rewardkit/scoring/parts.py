"""Score parts of files in processes that read them, so that no row passes the one that asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardkit._files.chunks import Chunk, rename_columns
from rewardkit._files.parts import FileParts, Part
from rewardkit.scoring.chunk_scorer import ChunkScorer, Piece
from rewardkit.scoring.groups import group_key, keep_groups_whole

BATCHES_PER_PART = 2
ROWS_AFTER = 64  # read at once where a group goes on after its part


@dataclass(frozen=True)
class PartScorer:
    """Makes the pieces of a part; it is pickled once for each process."""

    scorer: ChunkScorer
    parts: FileParts
    batch_size: int

    def __call__(self, part: Part) -> list[Piece]:
        """Score a part. Raises what the scorer does, and OSError for files that are not there."""
        if not self.scorer.needs_groups:
            return [*map(self.scorer, self.parts.read(part, self.batch_size))]
        columns = self.scorer.columns
        chunks = read_own_groups(self.parts, part, self.batch_size, columns)
        return [*map(self.scorer, keep_groups_whole(chunks, columns))]


def read_own_groups(
    parts: FileParts, part: Part, size: int, columns: Mapping[str, str]
) -> Iterator[Chunk]:
    """Yield the rows of the groups that start in a part: each group belongs to one part."""
    before = parts.read_before(part)
    last = _list_keys(before[-1:], columns)[0] if before else object()
    begun = False
    for chunk in parts.read(part, size):
        keys = _list_keys(chunk, columns)
        start = 0 if begun else _count_equal(last, keys)
        if start < len(keys):
            begun, last = True, keys[-1]
            yield chunk[start:]
    if not begun:  # all of it is of a group that starts before
        return
    for chunk in parts.read_after(part, ROWS_AFTER):
        keys = _list_keys(chunk, columns)
        stop = _count_equal(last, keys)
        if stop:
            yield chunk[:stop]
        if stop < len(keys):
            return


def _list_keys(chunk: Chunk, columns: Mapping[str, str]) -> list[Any]:
    return [*map(group_key, rename_columns(chunk.rows(), columns, chunk.position))]


def _count_equal(key: Any, keys: Sequence[Any]) -> int:
    """Return how many keys at the start are equal to one."""
    return next((index for index, other in enumerate(keys) if other != key), len(keys))
