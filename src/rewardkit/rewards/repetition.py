"""Repeated text: within a completion, and copied from its prompt.

The first is open-r1's `get_repetition_penalty_reward` (Hugging Face, 2025, after Yeo et al., 2025,
"Demystifying Long Chain-of-Thought Reasoning", appendix), as a share of n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal, final

from pydantic import Field

from rewardkit._text.words import cut_runs, ngrams, split_words
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("repetition")
class Repetition(Reward):
    """Minus a penalty times the share of n-grams that occurred before in the same completion.

    Among words, a run such as "aaaa...", "!!!!..." or "hahaha..." of 20 characters or more, which
    is one word or none, counts as a repeated n-gram for every four characters.

    >>> Repetition(ngram=1)(completions=["a b c d", "so so so so", "!" * 30])
    [0.0, -0.75, -1.0]
    """

    ngram: Annotated[int, Field(ge=1)] = 3
    """How many words or tokens make an n-gram."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What a completion of repetition alone would cost."""
    unit: Literal["words", "tokens"] = "words"
    """Words (characters in scripts without spaces), or the tokens in `completion_ids`, of all turns
    together."""

    @property
    def bounds(self) -> Bounds:
        """From minus the penalty to 0."""
        return -self.penalty, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the share, 0 to 1, for each completion.

        Raises ValueError if tokens are to be counted and the batch has none.
        """

        @cache  # most completions repeat nothing, and share one Score
        def score_share(share: float) -> Score:
            # 0.0 - x, since -x would make -0.0 of no repetition
            return Score(0.0 - self.penalty * share, f"{share:.0%} of its n-grams repeat")

        def score_units(units: Sequence[str | int], in_runs: int = 0) -> Score:
            count = max(len(units) - self.ngram + 1, 0)
            repeated = count - len({*ngrams(units, self.ngram)}) + in_runs
            return score_share(repeated / (count + in_runs) if repeated else 0.0)

        def score_words(text: str) -> Score:
            rest, characters = cut_runs(text)
            return score_units(split_words(rest), characters // CHARACTERS_PER_WORD)

        if self.unit == "words":
            return [*map(score_words, batch.texts)]
        return [*map(score_units, batch.tokens())]


CHARACTERS_PER_WORD = 4
"""How many characters of a run count as a word; a token has about as many."""


@final
@register("prompt_overlap")
class PromptOverlap(Reward):
    """Minus a penalty times the share of a completion's n-grams that occur in its prompt.

    It discourages answers copied from a worked example.

    >>> copied = PromptOverlap(ngram=2, penalty=8.0)
    >>> copied(prompts=["I add two and two."] * 2, completions=["I add two.", "It is four."])
    [-8.0, 0.0]
    """

    ngram: Annotated[int, Field(ge=1)] = 4
    """How many words make an n-gram; shorter completions cost nothing."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What a completion copied as a whole would cost."""

    @property
    def reads_prompt(self) -> bool:
        """True: the prompt is what the completion is compared with."""
        return True

    @property
    def bounds(self) -> Bounds:
        """From minus the penalty to 0."""
        return -self.penalty, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the share, 0 to 1, for each completion.

        Raises ValueError if the batch has no prompts.
        """
        scores: list[Score] = []
        for rows in batch.groups():
            # the prompt is read once for its whole group
            in_prompt = set(ngrams(split_words(batch.prompt_text(rows[0])), self.ngram))
            for row in rows:
                words = split_words(batch.texts[row])
                copied = sum(map(in_prompt.__contains__, ngrams(words, self.ngram)))
                share = copied / max(len(words) - self.ngram + 1, 1)
                scores.append(Score(0.0 - self.penalty * share, f"{share:.0%} of it is copied"))
        return scores
