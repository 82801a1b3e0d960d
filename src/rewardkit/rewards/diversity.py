"""How different a completion is from the other completions of its prompt.

Similarity is the Jaccard index (Jaccard, 1912) of the sets of n-grams; as in self-BLEU (Zhu et al.,
2018, "Texygen"), each completion is compared with all others of its group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from itertools import count
from typing import Annotated, final

from pydantic import Field

from rewardkit._text.words import ngrams, split_words
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("diversity")
class Diversity(Reward):
    """A value times the mean Jaccard distance to the other completions of the group.

    A completion without an n-gram counts as equal to all others. A completion that is alone in its
    group is skipped.

    >>> Diversity()(prompts=["p"] * 3, completions=["a b", "a b", "a c"])
    [0.333..., 0.333..., 0.666...]
    """

    ngram: Annotated[int, Field(ge=1)] = 1
    """How many words make an n-gram."""
    value: float = 1.0
    """The value of a completion that shares no n-gram with the others."""

    @property
    def pointwise(self) -> bool:
        """False: a score depends on the other rows of the group."""
        return False

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` times the mean distance, 0 to 1, for each completion.

        Raises ValueError if the batch has no prompts, which make the groups.
        """
        scores: list[Score] = []
        for rows in batch.groups():
            others = len(rows) - 1
            if not others:
                scores.append(Score(None, "alone in its group"))
                continue
            for similarity in _sum_similarities(
                self._split_ngrams(batch.texts[row]) for row in rows
            ):
                mean = 1 - similarity / others
                scores.append(Score(self.value * mean, f"{mean:.0%} unlike {others} others"))
        return scores

    def _split_ngrams(self, text: str) -> Iterator[Hashable]:
        return ngrams(split_words(text), self.ngram)


def _sum_similarities(texts: Iterable[Iterable[Hashable]]) -> list[float]:
    """Return the sum of each text's Jaccard indices with the others."""
    # A set of n-grams is one large integer with a bit for each n-gram: the size of an intersection
    # then takes one "and" and one count of bits, in place of a Python set per pair.
    bits: dict[Hashable, int] = defaultdict(count().__next__)
    sets = [{*map(bits.__getitem__, text)} for text in texts]
    masks = [(_set_bits(items, len(bits)), len(items)) for items in sets]
    sums = [0.0] * len(sets)
    for one, (mask, size) in enumerate(masks):
        # each pair once: the index is symmetric
        for other, (other_mask, other_size) in enumerate(masks[:one]):
            shared = (mask & other_mask).bit_count()
            if shared:
                jaccard = shared / (size + other_size - shared)
                sums[one] += jaccard
                sums[other] += jaccard
    # without an n-gram the index is 0 / 0; as 1, an empty completion earns nothing
    return [total if items else len(sets) - 1.0 for items, total in zip(sets, sums, strict=True)]


def _set_bits(positions: Iterable[int], size: int) -> int:
    """Return an integer of `size` bits with those at the positions set."""
    # by way of a text of digits: setting bits one by one copies the integer each time
    digits = bytearray(b"0") * size
    for position in positions:
        digits[position] = ord("1")
    return int(digits or b"0", base=2)
