"""How unlike the other completions of its prompt a completion is.

Likeness is the Jaccard index (Jaccard, 1912) of the sets of n-grams; as in self-BLEU (Zhu et al.,
2018, "Texygen"), each completion is compared with all others of its group.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, final

from pydantic import Field

from rewardkit._ngrams import ngrams, words
from rewardkit.batch import Batch
from rewardkit.component import register
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
            sets = [frozenset(ngrams(words(batch.texts[row]), self.ngram)) for row in rows]
            likeness: dict[tuple[int, int], float] = {}
            for one, left in enumerate(sets):
                for other in range(one):
                    likeness[one, other] = likeness[other, one] = _jaccard(left, sets[other])
            for one in range(len(rows)):
                others = [likeness[one, other] for other in range(len(rows)) if other != one]
                others = others if sets[one] else [1.0] * len(others)
                if others:
                    mean = 1 - sum(others) / len(others)
                    scores.append(
                        Score(self.value * mean, f"{mean:.0%} unlike {len(others)} others")
                    )
                else:
                    scores.append(Score(None, "alone in its group"))
        return scores


def _jaccard(left: frozenset[object], right: frozenset[object]) -> float:
    """Return the share of what either has that both have; 1 for two empty sets."""
    both = len(left & right)
    either = len(left) + len(right) - both
    return both / either if either else 1.0
