"""Rewards for a completion's length, alone or combined with correctness.

`length` is `reward_len` of the Hugging Face course's GRPO unit (2025).
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text.words import count_words
from rewardkit.batch import Batch, Column, Reference, TokenCount
from rewardkit.extract import Extractor, Tag, extract_answers, extract_references
from rewardkit.registry import register
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Bounds, Reward
from rewardkit.verify.base import Verifier, log_timeouts

Unit = Literal["characters", "words", "tokens", "turns", "calls"]


@final
@register("length")
class Length(Reward):
    """0 at the target length, lower the further a completion's length is from it.

    >>> Length(target=3, unit="words")(completions=["one two three", "one"])
    [0.0, -2.0]
    """

    target: Annotated[float, Field(ge=0)]
    """The target length, in the unit."""
    unit: Unit = "characters"
    """Characters; words between white space, or characters in scripts without spaces; the tokens in
    the trainer's `completion_ids`, of all turns together; turns, which are messages by the
    assistant; or tool calls, of all turns."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What each unit off the target costs."""

    @property
    def bounds(self) -> Bounds:
        """At most 0, with no lower limit: `Clip` sets one."""
        return -math.inf, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the distance for each completion.

        Raises ValueError if tokens are to be counted and the batch has none.
        """
        return _score_by_length(batch, self, self.unit)

    def score_length(self, length: int) -> Score:
        """Return the Score of a completion of this length."""
        # 0.0 - x, since -x would make -0.0 of an exact hit
        return Score(0.0 - self.penalty * abs(self.target - length), f"{length} {self.unit}")


@final
@register("overlong")
class Overlong(Reward):
    """0 up to a length, then falling linearly to minus `penalty` at the maximum and beyond.

    DAPO's soft overlong punishment: Yu et al., 2025, "DAPO", equation 13.

    >>> soft = Overlong(max_tokens=10, cache_tokens=4)
    >>> soft(completions=["..."] * 3, completion_ids=[[0] * 6, [0] * 7, [0] * 11])
    [0.0, -0.25, -1.0]
    """

    max_tokens: Annotated[int, Field(ge=1)]
    """The length in tokens from which the whole penalty applies."""
    cache_tokens: Annotated[int, Field(ge=0)]
    """How many tokens before that the penalty begins; with 0 it is all or nothing."""
    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What a completion of the maximum length costs."""
    tokens: Column[TokenCount] | None = None
    """The column with each completion's number of tokens, for a file without token ids; None counts
    the trainer's `completion_ids`."""

    @model_validator(mode="after")
    def _check_cache_fits(self) -> Self:
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
        """Return 0 to minus the penalty for each completion; None for a count that is not a number.

        Raises ValueError if tokens are to be counted and the batch has no completion_ids.
        """
        if self.tokens is None:
            return _score_by_length(batch, self, "tokens")
        values = batch.column(self.tokens)
        return [
            Score(None, f"no token count: {value!r:.40}")
            if (count := _read_count(value)) is None
            else self.score_length(count)
            for value in values
        ]

    def score_length(self, length: int) -> Score:
        """Return the Score of a completion of this length."""
        free = self.max_tokens - self.cache_tokens
        if length <= free:
            return Score(0.0, f"at most {free} tokens")
        if length > self.max_tokens:
            return Score(0.0 - self.penalty, f"more than {self.max_tokens} tokens")
        # cache_tokens is not 0 here: then every length is one of the two cases above
        share = (length - free) / self.cache_tokens
        return Score(0.0 - self.penalty * share, f"{length} tokens")


@final
@register("cosine_length")
class CosineLength(Reward):
    """Shorter correct answers score higher, shorter wrong answers score lower, along a half cosine.

    Yeo et al., 2025, "Demystifying Long Chain-of-Thought Reasoning", section 4.2, in the form of
    open-r1's `get_cosine_scaled_reward`; past `max_length` the value stays where it is.

    >>> from rewardkit.extract import Hash
    >>> from rewardkit.verify import Exact
    >>> scaled = CosineLength(verifier=Exact(), extractor=Hash(), max_length=100)
    >>> scaled(completions=["#### 4", "x" * 300 + "#### 4", "x" * 300], answer=["4"] * 3)
    [0.99..., 0.5, -0.5]
    """

    verifier: Verifier
    """What decides whether the answer is right."""
    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] = "answer"
    """The column with the right answer."""
    reference_extractor: Extractor | None = None
    """What finds the right answer in the column's text, such as `hash`; None if it is the text."""
    max_length: Annotated[int, Field(ge=1)] = 1000
    """The length, in `unit`, at and above which a completion gets the second value of `correct` or
    `wrong`."""
    unit: Unit = "characters"
    """What is counted, as by `length`."""
    correct: tuple[float, float] = (1.0, 0.5)
    """The value of a right answer of length 0, and of `max_length`."""
    wrong: tuple[float, float] = (-1.0, -0.5)
    """The same for any other answer, and for a completion without one."""

    @property
    def bounds(self) -> Bounds:
        """The lowest and the highest of the four values."""
        return min(*self.correct, *self.wrong), max(*self.correct, *self.wrong)

    def score(self, batch: Batch) -> list[Score]:
        """Return the scaled value for each completion; None if the reference cannot be read.

        The share of verdicts that took too long goes to the logs as `timeouts`.
        """
        verdicts = _verify_answers(self, batch)
        right, unread = Outcome.CORRECT, Outcome.BAD_REFERENCE
        max_length, unit, explain = self.max_length, self.unit, batch.explain
        scores: list[Score] = []
        for (outcome, _, _), length in zip(verdicts, _measure_lengths(batch, unit), strict=True):
            short, long = self.correct if outcome is right else self.wrong
            progress = length / max_length if length < max_length else 1.0
            value = long + 0.5 * (short - long) * (1 + math.cos(math.pi * progress))
            why = f"{outcome}, {length} {unit}" if explain else ""
            # nobody can say whether an answer is right without a reference: neither curve applies
            scores.append(Score(None if outcome is unread else value, why))
        return scores


@final
@register("kimi_length")
class KimiLength(Reward):
    """Among the completions of a prompt the shorter ones score higher, if they are correct.

    Kimi Team, 2025, "Kimi k1.5: Scaling Reinforcement Learning with LLMs", section 2.3.3: with the
    lengths of the group's shortest and longest completion, lambda is
    0.5 - (length - shortest) / (longest - shortest). A correct completion gets lambda; any other
    gets the lower of lambda and 0. If all lengths are equal, every completion gets 0. Add it to a
    reward for correctness.

    >>> from rewardkit.extract import Hash
    >>> from rewardkit.verify import Exact
    >>> short = KimiLength(verifier=Exact(), extractor=Hash())
    >>> texts = ["#### 4", "well, #### 4", "well, well, #### 4", "#### 5"]
    >>> short(completions=texts, prompts=["2 + 2?"] * 4, answer=["4"] * 4)
    [0.5, 0.0, -0.5, 0.0]
    """

    verifier: Verifier
    """What decides whether the answer is right."""
    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] = "answer"
    """The column with the right answer."""
    reference_extractor: Extractor | None = None
    """What finds the right answer in the column's text, such as `hash`; None if it is the text."""
    unit: Unit = "characters"
    """What is counted, as by `length`; in the paper tokens."""

    @property
    def bounds(self) -> Bounds:
        """From -0.5 to 0.5."""
        return -0.5, 0.5

    @property
    def pointwise(self) -> bool:
        """False: a score depends on the lengths of the other rows of the group."""
        return False

    def score(self, batch: Batch) -> list[Score]:
        """Return lambda, or the lower of lambda and 0; None if the reference cannot be read.

        Raises ValueError if the batch has no prompts, which make the groups.
        """
        verdicts = _verify_answers(self, batch)
        lengths = _measure_lengths(batch, self.unit)
        scores: list[Score] = []
        for rows in batch.groups():
            shortest, longest = min(lengths[row] for row in rows), max(lengths[row] for row in rows)
            between = f"{shortest} to {longest} {self.unit}"
            for row in rows:
                outcome = verdicts[row].outcome
                share = (lengths[row] - shortest) / ((longest - shortest) or 1)
                value = 0.5 - share if shortest < longest else 0.0
                if outcome is not Outcome.CORRECT:
                    value = min(value, 0.0)
                unread = outcome is Outcome.BAD_REFERENCE
                why = f"{outcome}, {lengths[row]} of {between}"
                scores.append(Score(None if unread else value, why))
        return scores


def _verify_answers(reward: CosineLength | KimiLength, batch: Batch) -> list[Verdict]:
    references = extract_references(reward.reference_extractor, batch.column(reward.reference))
    answers = extract_answers(reward.extractor, batch)
    verdicts = reward.verifier.verify(answers, references)
    log_timeouts(batch, reward.verifier, verdicts)
    return verdicts


def _read_count(value: TokenCount) -> int | None:
    """Return a number of tokens, None for anything else. CSV has numbers as text."""
    try:
        number = float(value)  # type: ignore[arg-type]  # None raises too
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and number >= 0 else None


MAX_TABLE_LENGTH = 1 << 15  # a table of so many Scores takes about 8 MB


class _ScoreTable:
    """A reward's Score of each length, by index, so that the same lengths are not scored again."""

    # Making a Score with its text takes longer than TRL's whole rule. Indexing a list is faster
    # than lru_cache, with which `overlong` would be slower than TRL's function.

    def __init__(self, reward: Length | Overlong) -> None:
        self._score_length = reward.score_length
        self._table: list[Score] = []

    def look_up_items(self, items: Sequence[Sized]) -> list[Score]:
        """Return the Score of each item's length."""
        table = self._table
        try:
            return [table[len(item)] for item in items]
        except IndexError:
            return self.look_up_lengths([*map(len, items)])

    def look_up_lengths(self, lengths: list[int]) -> list[Score]:
        """Return the Score of each length."""
        longest = max(lengths, default=0)
        if longest >= MAX_TABLE_LENGTH:
            return [*map(self._score_length, lengths)]
        table = self._table
        if longest >= len(table):
            # up to a power of two, so that a table that grows is made anew a few times only
            scores = map(self._score_length, range(1 << longest.bit_length()))
            equal: dict[Score, Score] = {}
            # replaced and never changed, since other threads may read it
            self._table = table = [equal.setdefault(score, score) for score in scores]
        return [table[length] for length in lengths]


_table_of = lru_cache(maxsize=8)(_ScoreTable)  # equal rewards share theirs


def _score_by_length(batch: Batch, reward: Length | Overlong, unit: Unit) -> list[Score]:
    table = _table_of(reward)
    if unit == "words":
        return table.look_up_lengths(_measure_lengths(batch, unit))
    if unit in _ITEMS:
        return table.look_up_items(getattr(batch, _ITEMS[unit]))
    if batch.completion_ids is not None and not batch.has_ids_by_turn:
        # a row without ids, for which `tokens` below has the message
        with suppress(TypeError):
            return table.look_up_items(batch.completion_ids)
    return table.look_up_items(batch.tokens())


def _measure_lengths(batch: Batch, unit: Unit) -> list[int]:
    """Return the length of each completion. Raises ValueError if there are no tokens to count."""
    if unit == "words":
        return [*map(count_words, batch.texts)]
    return [*map(len, batch.tokens() if unit == "tokens" else getattr(batch, _ITEMS[unit]))]


# what each unit counts, by its name in a batch
_ITEMS = {"characters": "texts", "turns": "turns", "calls": "tool_calls"}
