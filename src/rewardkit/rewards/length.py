"""How long a completion is, by itself and beside whether it is right.

`length` is `reward_len` of the Hugging Face course's GRPO unit (2025).
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit.batch import Batch, Column, Reference
from rewardkit.extract import Extractor, Tag
from rewardkit.registry import register
from rewardkit.result import Outcome, Score
from rewardkit.reward import Bounds, Reward
from rewardkit.verify.base import Verifier

Unit = Literal["characters", "words", "tokens"]


@final
@register("length")
class Length(Reward):
    """Less the further a completion's length is from the target; 0 at the target.

    >>> Length(target=3, unit="words")(completions=["one two three", "one"])
    [0.0, -2.0]
    """

    target: Annotated[float, Field(ge=0)]
    """The length to aim at, in the unit."""
    unit: Unit = "characters"
    """Characters; words between white space; or the tokens in the trainer's `completion_ids`."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What each unit off the target costs."""

    @property
    def bounds(self) -> Bounds:
        """At most 0, with no lower limit: `rk.build("clip", ...)` sets one."""
        return -math.inf, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the distance for each completion.

        Raises ValueError where tokens are to be counted and the batch has none.
        """
        return _scored(batch, self, self.unit)

    def of(self, length: int) -> Score:
        """Return the Score of a length."""
        return Score(0.0 - self.penalty * abs(self.target - length), f"{length} {self.unit}")


@final
@register("overlong")
class Overlong(Reward):
    """0 up to a length, falling to -1 at the maximum and beyond: DAPO's soft punishment.

    Yu et al., 2025, "DAPO", equation 13.

    >>> soft = Overlong(max_tokens=10, cache_tokens=4)
    >>> soft(completions=["..."] * 3, completion_ids=[[0] * 6, [0] * 7, [0] * 11])
    [0.0, -0.25, -1.0]
    """

    max_tokens: Annotated[int, Field(ge=1)]
    """The length in tokens from which the punishment is whole."""
    cache_tokens: Annotated[int, Field(ge=0)]
    """How many tokens before that it begins; with 0 it is all or nothing."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What the whole punishment costs."""

    @model_validator(mode="after")
    def _cache_fits(self) -> Self:
        if self.cache_tokens > self.max_tokens:
            given = f"got cache_tokens={self.cache_tokens}"
            message = f"{given}, expected 0 to max_tokens={self.max_tokens}"
            raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """From minus the penalty to 0."""
        return -self.penalty, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return 0 to minus the penalty for each completion.

        Raises ValueError where the batch has no completion_ids.
        """
        return _scored(batch, self, "tokens")

    def of(self, length: int) -> Score:
        """Return the Score of a length."""
        free = self.max_tokens - self.cache_tokens
        if length <= free:
            return Score(0.0, f"at most {free} tokens")
        if length > self.max_tokens:
            return Score(0.0 - self.penalty, f"more than {self.max_tokens} tokens")
        share = (length - free) / self.cache_tokens
        return Score(0.0 - self.penalty * share, f"{length} tokens")


@final
@register("cosine_length")
class CosineLength(Reward):
    """Right answers pay more the shorter, wrong ones cost more the shorter, along a half cosine.

    Yeo et al., 2025, "Demystifying Long Chain-of-Thought Reasoning", section 4.2, as open-r1's
    `get_cosine_scaled_reward` has it; past `max_length` the value stays where it is.

    >>> from rewardkit import build
    >>> scaled = build("cosine_length", verifier="exact", extractor="hash", max_length=100)
    >>> scaled(completions=["#### 4", "x" * 300 + "#### 4", "x" * 300], answer=["4"] * 3)
    [0.99..., 0.5, -0.5]
    """

    verifier: Verifier
    """What decides whether the answer is right."""
    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] = "answer"
    """The column with the right answer."""
    max_length: Annotated[int, Field(ge=1)] = 1000
    """The length, in the unit, at which the value is that of a long completion."""
    unit: Unit = "characters"
    """Characters, words between white space, or tokens."""
    correct: tuple[float, float] = (1.0, 0.5)
    """The value of a right answer of length 0, and of `max_length`."""
    wrong: tuple[float, float] = (-1.0, -0.5)
    """The same for any other answer, and for none."""

    @property
    def bounds(self) -> Bounds:
        """The least and the greatest of the four values."""
        return min(*self.correct, *self.wrong), max(*self.correct, *self.wrong)

    def score(self, batch: Batch) -> list[Score]:
        """Return the scaled value for each completion; None where the reference cannot be read."""
        references = batch.column(self.reference)
        answers = [self.extractor.extract(text) for text in batch.texts]
        verdicts = self.verifier.verify(answers, references)

        def value(outcome: Outcome, length: int) -> float | None:
            if outcome is Outcome.BAD_REFERENCE:
                return None
            short, long = self.correct if outcome is Outcome.CORRECT else self.wrong
            progress = min(length / self.max_length, 1.0)
            return long + 0.5 * (short - long) * (1 + math.cos(math.pi * progress))

        return [
            Score(value(verdict.outcome, length), f"{verdict.outcome}, {length} {self.unit}")
            for verdict, length in zip(verdicts, _lengths(batch, self.unit), strict=True)
        ]


class _Kept:
    """A reward's Score of each length, kept, since the same lengths come again and again."""

    def __init__(self, reward: Length | Overlong) -> None:
        self._rule = reward.of
        self._kept: list[Score] = []

    def scores(self, texts: Sequence[Sized]) -> list[Score]:
        """Return the Score of each text's length in signs or ids."""
        kept = self._kept
        try:
            return [kept[len(text)] for text in texts]
        except IndexError:
            return self.of([*map(len, texts)])

    def of(self, lengths: list[int]) -> list[Score]:
        """Return the Score of each length."""
        longest = max(lengths, default=0)
        if longest >= _LONGEST_KEPT:
            return [*map(self._rule, lengths)]
        kept = self._kept
        if longest >= len(kept):
            same: dict[Score, Score] = {}
            scores = map(self._rule, range(1 << longest.bit_length()))
            self._kept = kept = [same.setdefault(score, score) for score in scores]
        return [kept[length] for length in lengths]


_LONGEST_KEPT = 1 << 15
_kept = lru_cache(maxsize=8)(_Kept)  # equal rewards share theirs


def _scored(batch: Batch, reward: Length | Overlong, unit: Unit) -> list[Score]:
    """Return a reward's Score of each completion's length."""
    kept = _kept(reward)
    if unit == "words":
        return kept.of(_lengths(batch, unit))
    if unit == "characters":
        return kept.scores(batch.texts)
    if batch.completion_ids is not None:
        with suppress(TypeError):  # a row has no ids, which `tokens` tells
            return kept.scores(batch.completion_ids)
    return kept.scores(batch.tokens())


def _lengths(batch: Batch, unit: Unit) -> list[int]:
    """Return the length of each completion. Raises ValueError for tokens that are not there."""
    if unit == "tokens":
        return [*map(len, batch.tokens())]
    return [*map(len if unit == "characters" else _words, batch.texts)]


def _words(text: str, size: int = 1 << 16) -> int:
    """Return the number of words between white space, counted in pieces that fit the cache."""
    if len(text) <= size:
        return len(text.split())
    count = 0
    for start in range(0, len(text), size):
        count += len(text[start : start + size].split())
        if start and not (text[start - 1].isspace() or text[start].isspace()):
            count -= 1  # a word that the cut went through
    return count
