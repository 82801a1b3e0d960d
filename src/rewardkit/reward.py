"""Rewards, and the algebra that makes a reward of rewards.

`a + b`, `a - b`, `0.5 * a` and `a + 1.0` make a `Linear`; `a * b` makes a `Product`. Each of them
is a reward again. Where a term abstains, `Linear` leaves it out and `Product` abstains.
"""

from __future__ import annotations

import math
import zlib
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, count, pairwise
from numbers import Real
from operator import methodcaller
from traceback import walk_tb
from types import NoneType
from typing import Annotated, Any, ClassVar, Self, final

from pydantic import Field, model_validator

from rewardkit.batch import Batch, Column, MissingColumnError
from rewardkit.component import Component, fields_set, register, walk
from rewardkit.result import Score

Bounds = tuple[float, float]
_NAME_LENGTH = 60


class Reward(Component):
    """How much a completion is worth. Calling one is what a GRPOTrainer calls.

    A subclass says what it is in three places: its fields, `score`, and (where they are not the
    defaults) `bounds` and `pointwise`.
    """

    component_kind: ClassVar[str] = "reward"
    name: str | None = None
    """The name in a trainer's logs, in place of the registered one."""
    log_why: bool = False
    """Whether to send every row's `why` to the trainer's table of completions."""

    @abstractmethod
    def score(self, batch: Batch) -> list[Score]:
        """Return one Score for each completion, in the batch's order."""

    @property
    def bounds(self) -> Bounds:
        """The lowest and the highest value possible, infinite where there is no limit."""
        return -math.inf, math.inf

    @property
    def pointwise(self) -> bool:
        """Whether a row's score does not depend on the other rows.

        So it is where it is so for every reward inside; a leaf that looks at its neighbours
        declares `pointwise: ClassVar[bool] = False`.
        """
        return all(
            part.pointwise for part in walk(self) if part is not self and isinstance(part, Reward)
        )

    @property
    def __name__(self) -> str:
        """The field `name`, else the registered name with the fields that are not defaults."""
        return self.name or _describe(self)

    def __call__(  # noqa: PLR0913 - the trainers' signature
        self,
        /,
        prompts: Sequence[Any] | None = None,
        completions: Sequence[Any] | None = None,
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        trainer_state: Any = None,
        log_extra: Any = None,
        log_metric: Any = None,
        **columns: Any,
    ) -> list[float | None]:
        """Score a batch as a trainer does: by keyword, one value or None for each completion.

        Every other keyword is a dataset column, one cell a completion. NaN becomes None, which
        trainers leave out; an infinity raises ValueError, since it would poison its whole group.
        Whatever `score` raises propagates, with the reward's name added as a note.
        """
        if completions is None:
            given = ", ".join(columns) or "none"
            message = f"{self.__name__} needs completions=[...]; the keywords given are {given}"
            raise TypeError(message)
        batch = Batch(
            completions,
            prompts=prompts,
            completion_ids=completion_ids,
            columns=columns,
            step=getattr(trainer_state, "global_step", None),
        )
        try:
            scores = self.score(batch)
        except Exception as error:
            error.add_note(f"raised while {_innermost(error)} scored {_counted(batch)}")
            raise
        values, whys = taken_apart(scores, batch, self)
        if log_metric is not None:
            for metric, mean in batch.metrics.items():
                log_metric(f"{self.__name__}/{metric}", mean)
        if log_extra is not None and self.log_why:
            log_extra(f"{self.__name__}/why", [*whys])
        return [*values]

    def __add__(self, other: Reward | float) -> Linear:
        """Return the sum, flat: a nameless Linear gives its terms."""
        return _sum((self, 1.0), (other, 1.0))

    def __radd__(self, other: float) -> Linear:
        """Return the sum with a number, so that `sum(rewards)` works."""
        return _sum((other, 1.0), (self, 1.0))

    def __sub__(self, other: Reward | float) -> Linear:
        """Return the difference."""
        return _sum((self, 1.0), (other, -1.0))

    def __rsub__(self, other: float) -> Linear:
        """Return a number less this reward."""
        return _sum((other, 1.0), (self, -1.0))

    def __mul__(self, other: Reward | float) -> Reward:
        """Return the weighted reward for a number, the gate for a reward."""
        if not isinstance(other, Reward):
            return _sum((self, other))
        factors: list[Reward] = []
        for factor in (self, other):
            factors.extend(
                factor.terms if isinstance(factor, Product) and _bare(factor) else [factor]
            )
        return Product(terms=tuple(factors))

    def __rmul__(self, other: float) -> Reward:
        """Return the weighted reward."""
        return _sum((self, other))


Rewards = Annotated[tuple[Reward, ...], Field(min_length=1)]


@final
@register("linear")
class Linear(Reward):
    """A weighted sum: `weights[i] * terms[i]`, and `bias`. Each term's mean goes to the logs.

    A term that abstains is left out; where all do, so does the sum.

    >>> from rewardkit import build
    >>> total = build("length", target=3) + 0.5 * build("xml_strict")
    >>> total(completions=["four"])
    [-1.0]
    """

    terms: Rewards
    """The rewards to add."""
    weights: tuple[float, ...] = ()
    """One factor for each term; empty for all 1."""
    bias: float = 0.0
    """What is added to every score."""

    @model_validator(mode="after")
    def _one_weight_a_term(self) -> Self:
        if self.weights and len(self.weights) != len(self.terms):
            message = (
                f"got {len(self.weights)} weights for {len(self.terms)} terms, expected as many"
            )
            raise ValueError(message)
        return self

    @property
    def weighted(self) -> list[tuple[Reward, float]]:
        """Each term with its weight."""
        return list(zip(self.terms, self.weights or (1.0,) * len(self.terms), strict=True))

    @property
    def bounds(self) -> Bounds:
        """The sum of the terms' bounds; a term among several may be left out, and count as 0."""
        low = high = self.bias
        for term, weight in self.weighted:
            ends = _scaled(term.bounds, weight)
            if len(self.terms) > 1:
                ends = (min(ends[0], 0.0), max(ends[1], 0.0))
            low, high = low + ends[0], high + ends[1]
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return the weighted sums (batch length), with what each term gave as the why."""
        scores = [*map(methodcaller("score", batch), self.terms)]
        return [Score(self._total(row), why) for row, why in _rows(batch, self.terms, scores)]

    def _total(self, values: Sequence[float | None]) -> float | None:
        """Return the weighted sum of the values that are there, None where none is."""
        weights = self.weights or (1.0,) * len(values)
        known = [w * v for w, v in zip(weights, values, strict=True) if v is not None]
        return sum(known, self.bias) if known else None


@final
@register("product")
class Product(Reward):
    """The product of rewards: a gate, where a factor is 0 or 1. None where one abstains.

    >>> from rewardkit import build
    >>> gate = build("length", target=2, name="off") * build("regex_match", pattern="four|five")
    >>> gate(completions=["four", "seven"])
    [-2.0, -0.0]
    """

    terms: Rewards
    """The rewards to multiply."""

    @property
    def bounds(self) -> Bounds:
        """The extremes among the products of the factors' bounds."""
        low = high = 1.0
        for factor in self.terms:
            ends = [_times(a, b) for a in (low, high) for b in factor.bounds]
            low, high = min(ends), max(ends)
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return the products (batch length), with what each factor gave as the why."""
        scores = [*map(methodcaller("score", batch), self.terms)]
        return [
            Score(None if None in row else math.prod(row), why)  # type: ignore[arg-type]
            for row, why in _rows(batch, self.terms, scores)
        ]


@final
@register("clip")
class Clip(Reward):
    """A reward kept between two limits.

    >>> from rewardkit import build
    >>> build("clip", reward={"type": "length", "target": 0}, low=-3)(completions=["four", "two"])
    [-3.0, -3.0]
    """

    reward: Reward
    """The reward to limit."""
    low: float | None = None
    """The least that is given; None for no limit."""
    high: float | None = None
    """The most that is given; None for no limit."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            message = f"got low={self.low} above high={self.high}; exchange them"
            raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds within the limits."""
        low, high = self.reward.bounds
        return self._clip(low), self._clip(high)

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores (batch length), none of them outside the limits."""
        return [
            score if score.value is None else Score(self._clip(score.value), score.why)
            for score in matched(self.reward.score(batch), batch, self.reward)
        ]

    def _clip(self, value: float) -> float:
        value = value if self.low is None else max(value, self.low)
        return value if self.high is None else min(value, self.high)


@final
@register("where")
class Where(Reward):
    """A reward for the rows whose column has one value; it abstains on the rest.

    Mixtures of tasks: only those rows are scored, so others may lack the columns' content.

    >>> from rewardkit import build
    >>> near = build("length", target=2)
    >>> short = build("where", reward=near, column="task", equals="short")
    >>> short(completions=["four", "four"], task=["short", "long"])
    [-2.0, None]
    """

    reward: Reward
    """The reward for the rows that match."""
    column: Column[object]
    """The column to look at."""
    equals: str | int | float | bool | None
    """What its cell must equal."""

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds."""
        return self.reward.bounds

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores where the row matches, None elsewhere (batch length)."""
        cells = batch.column(self.column)
        rows = [row for row, cell in enumerate(cells) if cell == self.equals]
        totals = [Score(None, f"{self.column} is not {self.equals!r}")] * len(batch)
        if rows:
            part = batch.select(rows)
            scores = matched(self.reward.score(part), part, self.reward)
            for row, score in zip(rows, scores, strict=True):
                totals[row] = score
        return totals


@final
@register("schedule")
class Schedule(Reward):
    """A reward whose weight follows the trainer's step, in straight lines between points.

    Before the first point the weight is the first one, after the last the last; with no step known
    it is the last. The reward's own mean, without the weight, goes to the logs.

    >>> from rewardkit import build
    >>> near = build("length", target=2)
    >>> ramp = build("schedule", reward=near, points=[[0, 0.0], [100, 1.0]])
    >>> ramp.weight(25)
    0.25
    """

    reward: Reward
    """The reward to weigh."""
    points: Annotated[tuple[tuple[float, float], ...], Field(min_length=1)]
    """Pairs of a step and the weight there, the steps rising."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for (before, _), (after, _) in pairwise(self.points):
            if before >= after:
                message = f"points: got step {after} after step {before}, expected rising steps"
                raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """The extremes over all weights."""
        ends = [end for _, weight in self.points for end in _scaled(self.reward.bounds, weight)]
        return min(ends), max(ends)

    def weight(self, step: int | None) -> float:
        """Return the weight at a step; None stands for the end."""
        place = len(self.points) if step is None else bisect_right(self.points, (step, math.inf))
        if place in (0, len(self.points)):
            return self.points[max(place - 1, 0)][1]
        (left, low), (right, high) = self.points[place - 1 : place + 1]
        return low + (high - low) * ((step or 0) - left) / (right - left)

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores times the weight at the batch's step (batch length)."""
        weight = self.weight(batch.step)
        scores = matched(self.reward.score(batch), batch, self.reward)
        batch.log(self.reward.__name__, [score.value for score in scores])
        return [
            score if score.value is None else Score(weight * score.value, score.why)
            for score in scores
        ]


@final
@register("guard")
class Guard(Reward):
    """A reward that may raise, kept from ending the training run.

    Where it raises, a pointwise reward is tried again row by row, and the rows that still raise
    get `on_error`; any other gets it for all rows. Their number goes to the logs. A missing column
    or package still raises: that is a mistake in the set-up, not in a completion.

    >>> from rewardkit import Reward, Score, build
    >>> class Inverse(Reward):
    ...     def score(self, batch):
    ...         return [Score(1 / len(text)) for text in batch.texts]
    >>> build("guard", reward=Inverse())(completions=["four", ""])
    [0.25, None]
    >>> build("guard", reward="diversity", on_error=0.0)(completions=["four"])  # it needs prompts
    [0.0]
    """

    reward: Reward
    """The reward that may raise."""
    on_error: float | None = None
    """What a row gets where it raises; None abstains."""

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds, widened to hold `on_error`."""
        low, high = self.reward.bounds
        return (
            (low, high)
            if self.on_error is None
            else (min(low, self.on_error), max(high, self.on_error))
        )

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores (batch length), `on_error` for rows where it raises."""
        errors = 0
        try:
            scores = self._scored(batch)
        except (MissingColumnError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001 - what a guard is for
            scores = [self._fallback(error)] * len(batch)
            errors = self._retry(batch, scores) if self.reward.pointwise else len(batch)
        batch.log(f"{self.reward.__name__}/errors", [errors])
        return scores

    def _scored(self, batch: Batch) -> list[Score]:
        """Return the reward's scores; raise for an infinity, which would end the run."""
        scores = matched(self.reward.score(batch), batch, self.reward)
        for value, _ in scores:
            if value is not None and math.isinf(value):
                message = f"the value {value}"
                raise ValueError(message)
        return scores

    def _retry(self, batch: Batch, scores: list[Score]) -> int:
        """Score the rows one by one, put what succeeds into `scores`, and count what raises."""
        errors = 0
        for row in range(len(batch)):
            single = batch.select([row])
            single.metrics = {}
            try:
                (scores[row],) = self._scored(single)
            except Exception as error:  # noqa: BLE001 - what a guard is for
                scores[row] = self._fallback(error)
                errors += 1
        return errors

    def _fallback(self, error: Exception) -> Score:
        return Score(self.on_error, f"{type(error).__name__}: {error}")


def _counted(batch: Batch) -> str:
    """Return the batch's size in words."""
    return f"{len(batch)} completion{'' if len(batch) == 1 else 's'}"


def _describe(component: Component) -> str:
    """Return the registered name, with the fields that differ from their defaults, short."""
    own = component.registered_name or type(component).__name__
    told = [
        f"{name}={_brief(value)}"
        for name, value in fields_set(component).items()
        if name not in ("name", "log_why")
    ]
    if not told:
        return own
    inside = ",".join(told)
    room = max(_NAME_LENGTH - len(own) - 2, 8)
    if len(inside) > room:
        inside = f"{inside[: room - 7]}..{zlib.crc32(inside.encode()) & 0xFFFFF:05x}"
    return f"{own}[{inside}]"


def _brief(value: Any) -> str:
    """Return a field's value as it stands in a reward's name."""
    if isinstance(value, Component):
        return (isinstance(value, Reward) and value.name) or _describe(value)
    if isinstance(value, tuple):
        return "(" + ",".join(map(_brief, value)) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bare(reward: Reward) -> bool:
    """Return whether a node of the algebra is nothing but its terms, and may be flattened."""
    return reward.name is None and not reward.log_why


def _sum(*parts: tuple[Any, float]) -> Linear:
    """Return the flat Linear of weighted rewards and numbers."""
    terms: list[Reward] = []
    weights: list[float] = []
    bias = 0.0
    for part, weight in parts:
        if not isinstance(weight, Real) or not isinstance(part, Reward | Real):
            wrong = part if isinstance(weight, Real) else weight
            message = f"got {wrong!r} ({type(wrong).__name__}), expected a reward or a number"
            raise TypeError(message)
        if isinstance(part, Linear) and _bare(part):
            for term, inner in part.weighted:
                terms.append(term)
                weights.append(weight * inner)
            bias += weight * part.bias
        elif isinstance(part, Reward):
            terms.append(part)
            weights.append(float(weight))
        else:
            bias += weight * float(part)
    plain = all(weight == 1.0 for weight in weights)
    return Linear(terms=tuple(terms), weights=() if plain else tuple(weights), bias=bias)


def numbered(names: Iterable[str]) -> list[str]:
    """Return names of which none stands twice: a, and where that is taken a#2, a#3 and so on.

    >>> numbered(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    taken: dict[str, None] = {}
    for name in names:
        more = (f"{name}#{number}" for number in count(2))
        taken[next(one for one in chain([name], more) if one not in taken)] = None
    return [*taken]


def _rows(
    batch: Batch, rewards: Sequence[Reward], scores: Sequence[list[Score]]
) -> Iterator[tuple[Sequence[float | None], str]]:
    """Yield each row's values, one a reward, and a text of them all; log the rewards' means."""
    names = [reward.__name__ for reward in rewards]
    labels = [
        name if (number := names[:place].count(name)) == 0 else f"{name}#{number + 1}"
        for place, name in enumerate(names)
    ]
    scores = [matched(given, batch, one) for one, given in zip(rewards, scores, strict=True)]
    for label, given in zip(labels, scores, strict=True):
        batch.log(label, [score.value for score in given])

    @cache  # many rows have the same scores
    def told(*row: Score) -> str:
        return "; ".join(
            f"{label} {_shown(value)}{why and f' ({why})'}"
            for label, (value, why) in zip(labels, row, strict=True)
        )

    for row in zip(*scores, strict=True):
        yield [value for value, _ in row], told(*row)


def _innermost(error: Exception) -> str:
    """Return the name of the reward deepest in the traceback of an error."""
    owners = (frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__))
    return [owner.__name__ for owner in owners if isinstance(owner, Reward)][-1]


_NUMBER = (float, int)
_VALUE = (float, int, NoneType, Real)
_INFINITIES = (math.inf, -math.inf)


def matched(scores: list[Score], batch: Batch, reward: Reward) -> list[Score]:
    """Return the scores that a reward gave, None in place of NaN.

    Raises ValueError where their number is not the batch's, TypeError for what is no Score.
    """
    if plain := _plain(scores, batch):
        return plain[0]
    name = reward.__name__
    if not isinstance(scores, list):
        message = f"{name} gave a {type(scores).__name__}, expected a list of rk.Score"
        raise TypeError(message)
    if len(scores) != len(batch):
        message = f"{name} gave {len(scores)} scores for {_counted(batch)}"
        raise ValueError(message)
    for row, score in enumerate(scores):
        fits = isinstance(score, Score) and isinstance(score[0], _VALUE)
        if not fits or not isinstance(score[1], str):
            given = f"{score!r} ({type(score).__name__})"
            message = f"{name} gave {given} for row {row}, expected rk.Score(value, why)"
            raise TypeError(message)
    return [score if score[0] == score[0] else Score(None, "NaN") for score in scores]


def taken_apart(
    scores: list[Score], batch: Batch, reward: Reward
) -> tuple[Sequence[float | None], Sequence[str]]:
    """Return the values and the whys of what a reward gave, None in place of NaN.

    Raises what `matched` does, and ValueError for an infinity.
    """
    if plain := _plain(scores, batch):
        return plain[1:]
    scores = matched(scores, batch, reward)
    for row, (value, _) in enumerate(scores):
        if value in _INFINITIES:
            name = reward.__name__
            message = f"{name} gave {value} for row {row}; rk.build('clip', ...) bounds it"
            raise ValueError(message)
    return [value for value, _ in scores], [why for _, why in scores]


def _plain(
    scores: list[Score], batch: Batch
) -> tuple[list[Score], tuple[float, ...], tuple[str, ...]] | None:
    """Return the scores, their values and their whys; None where others than finite numbers stand.

    Where all rows equal the first, which is common, the first is looked at, and stands for all.
    """
    size = len(batch)
    if type(scores) is not list or len(scores) != size:
        return None
    try:
        rows = scores[:1] if scores == scores[:1] * size else scores
        values, whys = zip(*rows, strict=False)
        total, _ = sum(values), "".join(whys)
        if {*map(type, rows)} != {Score} or type(total) not in _NUMBER or not math.isfinite(total):
            return None
    except Exception:  # noqa: BLE001 - whatever is no number and no text; `matched` says what
        return None
    times = size // len(rows)
    return rows * times, values * times, whys * times


def _shown(value: float | None) -> str:
    """Return a value for people."""
    return "abstains" if value is None else f"{float(value):g}"


def _times(left: float, right: float) -> float:
    """Return the product, with 0 for 0 times infinity."""
    return 0.0 if 0.0 in (left, right) else left * right


def _scaled(bounds: Bounds, weight: float) -> Bounds:
    """Return the bounds times a weight, in order."""
    ends = [_times(end, weight) for end in bounds]
    return min(ends), max(ends)
