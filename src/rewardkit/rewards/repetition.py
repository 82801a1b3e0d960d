"""Text said before: within a completion, and out of its prompt.

The first is open-r1's `get_repetition_penalty_reward` (Hugging Face, 2025, after Yeo et al., 2025,
"Demystifying Long Chain-of-Thought Reasoning", appendix), as a share of n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal, final

from pydantic import Field

from rewardkit._text.ngrams import ngrams, words
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("repetition")
class Repetition(Reward):
    """Minus a penalty times the share of n-grams that stood before in the same completion.

    >>> Repetition(ngram=1)(completions=["a b c d", "so so so so"])
    [0.0, -0.75]
    """

    ngram: Annotated[int, Field(ge=1)] = 3
    """How many units make an n-gram."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What a completion of nothing but repetition would cost."""
    unit: Literal["words", "tokens"] = "words"
    """Words, or signs where a script has no spaces; or the tokens in `completion_ids`."""

    @property
    def bounds(self) -> Bounds:
        """From minus the penalty to 0."""
        return -self.penalty, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the share, 0 to 1, for each completion.

        Raises ValueError where tokens are to be counted and the batch has none.
        """

        @cache  # most completions repeat nothing
        def score(share: float) -> Score:
            return Score(0.0 - self.penalty * share, f"{share:.0%} of its n-grams repeat")

        def judge(units: Sequence[str | int]) -> Score:
            count = len(units) - self.ngram + 1
            return score(1 - len({*ngrams(units, self.ngram)}) / count if count > 0 else 0.0)

        if self.unit == "words":
            return [judge(words(text)) for text in batch.texts]
        return [judge(ids) for ids in batch.tokens()]


@final
@register("prompt_overlap")
class PromptOverlap(Reward):
    """Minus a penalty times the share of a completion's n-grams that stand in its prompt.

    Against answers copied out of a worked example.

    >>> copied = PromptOverlap(ngram=2, penalty=8.0)
    >>> copied(prompts=["I add two and two."] * 2, completions=["I add two.", "It is four."])
    [-8.0, 0.0]
    """

    ngram: Annotated[int, Field(ge=1)] = 4
    """How many words make an n-gram; what is shorter is not looked at."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What a completion of nothing but copies would cost."""

    @property
    def bounds(self) -> Bounds:
        """From minus the penalty to 0."""
        return -self.penalty, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the share, 0 to 1, for each completion.

        Raises ValueError where the batch has no prompts.
        """
        scores: list[Score] = []
        for rows in batch.groups():
            theirs = set(ngrams(words(batch.prompt_text(rows[0])), self.ngram))
            for row in rows:
                ours = words(batch.texts[row])
                copied = sum(map(theirs.__contains__, ngrams(ours, self.ngram)))
                share = copied / max(len(ours) - self.ngram + 1, 1)
                scores.append(Score(0.0 - self.penalty * share, f"{share:.0%} of it is copied"))
        return scores
