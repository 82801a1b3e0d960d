"""Any reward as one thing that scores texts: a rewardkit reward, or a function that TRL takes."""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from rewardkit.batch import Batch
from rewardkit.component import columns
from rewardkit.reward import Linear, Reward, numbered

Row = Mapping[str, Any]
Function = Callable[..., Any]
"""What TRL takes in `reward_funcs`: called by keyword, a value for each completion."""
RewardLike = Reward | Function

_TRAINERS_OWN = {"prompts", "completions", "completion_ids", "trainer_state"}
_TRAINERS_OWN |= {"log_extra", "log_metric", "environments", "args", "kwargs"}
_NO_COLUMNS = {"prompt", "completion", "completions", "completion_ids"}


class Value(NamedTuple):
    """What a completion earned."""

    value: float | None
    """None where the reward abstained, or raised."""
    why: str = ""
    """The reward's own reason, or the error."""
    raised: bool = False
    """Whether it raised."""
    seconds: float = 0.0
    """How long it took, where it was scored by itself."""


class Scorer(NamedTuple):
    """A reward with its name and its weight in the total."""

    name: str
    reward: RewardLike
    weight: float = 1.0
    chat: bool = False
    """Whether completions are passed as messages, as TRL does for a conversational prompt."""

    def missing(self, row: Row) -> list[str]:
        """Return what is wrong with the columns: one line for each that is not there."""
        have = [name for name in row if name not in _NO_COLUMNS]
        lines = []
        for name in self._columns():
            if name not in have:
                near = get_close_matches(name, have, n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                lines.append(f"no column {name!r}; there are {', '.join(have) or 'none'}{hint}")
        return lines

    def _columns(self) -> list[str]:
        """Return the names of the columns that the reward reads."""
        if isinstance(self.reward, Reward):
            return [str(column) for column in columns(self.reward)]
        try:
            parameters = inspect.signature(self.reward).parameters
        except (TypeError, ValueError):
            return []
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return [
            name
            for name, parameter in parameters.items()
            if parameter.kind in named
            and parameter.default is inspect.Parameter.empty
            and name not in _TRAINERS_OWN
        ]

    def values(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Value]:
        """Return what each row's text earns. Whatever the reward raises propagates.

        Words stand in for the tokens. NaN abstains; ValueError for an infinity, which would poison
        a group, and for a result of another length.
        """
        ids = _word_ids(texts)
        prompts = [row["prompt"] for row in rows] if "prompt" in rows[0] else None
        cells = {
            name: [row.get(name) for row in rows] for name in rows[0] if name not in _NO_COLUMNS
        }
        if isinstance(self.reward, Reward):
            batch = Batch(texts, prompts=prompts, completion_ids=ids, columns=cells)
            scores = self.reward.score(batch)
            found = [Value(_number(value), why) for value, why in scores]
        else:
            given = prompts or [""] * len(texts)
            result = self.reward(
                prompts=[*map(_as_chat if self.chat else as_text, given)],
                completions=[*map(_reply, texts)] if self.chat else [*texts],
                completion_ids=ids,
                **cells,
            )
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
            found = [Value(_number(value)) for value in result]
        if len(found) != len(texts):
            message = f"gave {len(found)} values for {len(texts)} completions"
            raise ValueError(message)
        return found

    def tried(
        self, rows: Sequence[Row], texts: Sequence[str], slow: float = math.inf
    ) -> list[Value]:
        """Return the same, one by one where together they raise or take more than `slow` seconds.

        What raises is a value that says so.
        """
        start = time.monotonic()
        try:
            values = self.values(rows, texts)
        except (Exception, SystemExit):  # noqa: BLE001 - whatever it raises; a program may exit
            return [self._one(*pair) for pair in zip(rows, texts, strict=True)]
        if time.monotonic() - start <= slow:
            return values
        timed = [self._one(*pair) for pair in zip(rows, texts, strict=True)]
        return [
            value._replace(seconds=by_itself.seconds)
            for value, by_itself in zip(values, timed, strict=True)
        ]

    def told_apart(self, row: Row, text: str, noise: str) -> float | None:
        """Return what a text earns above noise, None where the reward raises."""
        values = self._heard(row, [text, noise])
        if values is None:
            return None
        return 0.0 if values[0] is None else values[0] - (values[1] or 0.0)

    def _heard(self, row: Row, texts: Sequence[str]) -> list[float | None] | None:
        """Return what some texts earn, None where the reward raises."""
        try:
            return [found.value for found in self.values([row] * len(texts), texts)]
        except (Exception, SystemExit):  # noqa: BLE001 - it is told where all is scored
            return None

    def suits(self, row: Row, text: str, noise: str) -> tuple[bool, bool, int]:
        """Return how well a function takes its completions, as a key: greater is better.

        It does not raise, it tells a text from noise, and it tells texts apart at all.
        """
        values = self._heard(row, [text, noise, ""])
        if values is None:
            return False, False, 0
        apart = values[0] is not None and values[0] > (values[1] or 0.0)
        return True, apart, len({*values})

    def _one(self, row: Row, text: str) -> Value:
        """Return what one text earns, with the time that it took."""
        start = time.monotonic()
        try:
            (value,) = self.values([row], [text])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the same
            value = Value(None, told(error), raised=True)
        return value._replace(seconds=time.monotonic() - start)


def scorers(
    rewards: RewardLike | Sequence[RewardLike], weights: Sequence[float] | None = None
) -> list[Scorer]:
    """Return the rewards one by one: the terms of sums, each with its weight and a name of its own.

    Raises TypeError for what cannot be called, ValueError for none or another number of weights.
    """
    given = given_rewards(rewards)
    if weights is not None and len(weights) != len(given):
        message = f"got {len(weights)} weights for {len(given)} rewards, expected as many"
        raise ValueError(message)
    terms: list[tuple[RewardLike, float]] = []
    for reward, weight in zip(given, weights or [1.0] * len(given), strict=True):
        for term, factor in reward.weighted if isinstance(reward, Linear) else [(reward, 1.0)]:
            terms.append((term, weight * factor))
    names = numbered(str(getattr(term, "__name__", type(term).__name__)) for term, _ in terms)
    return [Scorer(name, *term) for name, term in zip(names, terms, strict=True)]


def given_rewards(rewards: RewardLike | Sequence[RewardLike]) -> list[RewardLike]:
    """Return the rewards as a list, sums among them.

    Raises TypeError for what cannot be called, ValueError for none.
    """
    given: list[Any] = [*rewards] if isinstance(rewards, list | tuple) else [rewards]
    for reward in given:
        if not callable(reward):
            told = f"got {reward!r} ({type(reward).__name__})"
            message = f"{told}, expected a reward, a function, or a list of them"
            raise TypeError(message)
    if not given:
        message = "no rewards; give one, or a list of them"
        raise ValueError(message)
    return given


def in_form(scorer: Scorer, row: Row, text: str, *, noise: str) -> Scorer:
    """Return the scorer that passes a function the completions that it takes.

    Those are messages where the prompt is, else plain text; the other form where it suits better.
    """
    if isinstance(scorer.reward, Reward):
        return scorer
    chat = not isinstance(row.get("prompt", ""), str)
    forms = [scorer._replace(chat=form) for form in (chat, not chat)]
    return max(forms, key=lambda form: form.suits(row, text, noise))


def told(error: BaseException) -> str:
    r"""Return an error in one line.

    >>> told(ValueError("one\ntwo"))
    'ValueError: one two'
    """
    return " ".join(f"{type(error).__name__}: {error}".split())


def counted(number: int, what: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "row"), counted(0, "row")
    ('1 row', '0 rows')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def total(scorers: Sequence[Scorer], values: Sequence[Sequence[Value]]) -> list[Value]:
    """Return the weighted sum of each row as TRL makes it: what abstains is left out."""
    sums = []
    for row in zip(*values, strict=True):
        known = [
            scorer.weight * found.value
            for scorer, found in zip(scorers, row, strict=True)
            if found.value is not None
        ]
        sums.append(Value(sum(known) if known else None))
    return sums


def _number(value: Any) -> float | None:
    """Return a value as a trainer reads it."""
    number = math.nan if value is None else float(value)
    if math.isinf(number):
        message = f"gave {number}, which poisons a whole group"
        raise ValueError(message)
    return None if math.isnan(number) else number


def _word_ids(texts: Sequence[str]) -> list[list[int]]:
    """Return a number for each word, the same one for the same word."""
    known: dict[str, int] = {}
    return [[known.setdefault(word, len(known)) for word in text.split()] for text in texts]


def _reply(text: str) -> list[dict[str, str]]:
    """Return a text as the messages that TRL passes."""
    return [{"role": "assistant", "content": text}]


def _as_chat(prompt: Any) -> Any:
    """Return a prompt as messages."""
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def as_text(prompt: Any) -> str:
    """Return a prompt as text."""
    return Batch([""], prompts=[prompt]).prompt_text(0)


async def _awaited(result: Any) -> Any:
    """Return what an async reward gives."""
    return await result
