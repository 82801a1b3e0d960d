"""How unlike the other completions of its prompt a completion is.

Likeness is the Jaccard index (Jaccard, 1912) of the sets of n-grams; as in self-BLEU (Zhu et al.,
2018, "Texygen"), each completion is compared with all others of its group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from itertools import count
from typing import Annotated, ClassVar, final

from pydantic import Field

from rewardkit._text.ngrams import ngrams, words
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("diversity")
class Diversity(Reward):
    """A value times the mean Jaccard distance to the other completions of the group.

    A completion without an n-gram says nothing of its own, and is like all others; one that is
    alone in its group abstains.

    >>> Diversity()(prompts=["p"] * 3, completions=["a b", "a b", "a c"])
    [0.333..., 0.333..., 0.666...]
    """

    pointwise: ClassVar[bool] = False

    ngram: Annotated[int, Field(ge=1)] = 1
    """How many words make an n-gram."""
    value: float = 1.0
    """What a completion without an n-gram of the others is worth."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` times the mean distance, 0 to 1, for each completion.

        Raises ValueError where the batch has no prompts to tell the groups by.
        """
        scores: list[Score] = []
        for rows in batch.groups():
            others = len(rows) - 1
            if not others:
                scores.append(Score(None, "alone in its group"))
                continue
            for likeness in _likenesses(self._ngrams(batch.texts[row]) for row in rows):
                mean = 1 - likeness / others
                scores.append(Score(self.value * mean, f"{mean:.0%} unlike {others} others"))
        return scores

    def _ngrams(self, text: str) -> Iterator[Hashable]:
        """Return a text's n-grams of words."""
        return ngrams(words(text), self.ngram)


def _likenesses(texts: Iterable[Iterable[Hashable]]) -> list[float]:
    """Return the sum of each one's Jaccard indices with the others; of 1s, if it has no n-gram.

    The set of its n-grams is written as one large number, a bit for each, so that it takes one
    operation to find what two of them share.
    """
    bits: dict[Hashable, int] = defaultdict(count().__next__)
    sets = [{*map(bits.__getitem__, text)} for text in texts]
    masks = [(_mask(one, len(bits)), len(one)) for one in sets]
    sums = [0.0] * len(sets)
    for one, (mask, size) in enumerate(masks):
        for other, (beside, its_size) in enumerate(masks[:one]):
            both = (mask & beside).bit_count()
            if both:
                jaccard = both / (size + its_size - both)
                sums[one] += jaccard
                sums[other] += jaccard
    return [total if one else len(sets) - 1.0 for one, total in zip(sets, sums, strict=True)]


def _mask(places: Iterable[int], size: int) -> int:
    """Return the number of `size` bits in which those at the places are set."""
    digits = bytearray(b"0") * size
    for place in places:
        digits[place] = ord("1")
    return int(digits or b"0", base=2)
