"""Rewards around another: `Clip`, `Where`, `Schedule`, `Guard`; and `wrap` for a function."""

from __future__ import annotations

import inspect
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise
from types import SimpleNamespace
from typing import Annotated, Any, Self, final

from pydantic import AfterValidator, Field, model_validator

from rewardkit._messages import explain_class, make_log_name, pluralize, shorten_repr
from rewardkit._score_checks import as_finite, check_finite_scores, checked_scores
from rewardkit._workers.event_loop import run_awaitable
from rewardkit.batch import Batch, Column, ColumnError
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward, scale_bounds


@final
@register("clip")
class Clip(Reward):
    """A reward kept between two limits.

    >>> from rewardkit.rewards import Length
    >>> Clip(reward=Length(target=0), low=-3)(completions=["four", "two"])
    [-3.0, -3.0]
    """

    reward: Reward
    """The reward to limit."""
    low: float | None = None
    """The lowest value given; None for no limit."""
    high: float | None = None
    """The highest value given; None for no limit."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            message = f"got low={self.low} above high={self.high}; exchange them"
            raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds within the limits."""
        low, high = self.reward.bounds
        return self._clip_value(low), self._clip_value(high)

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores (batch length), none of them outside the limits."""
        return [
            score if score.value is None else Score(self._clip_value(score.value), score.why)
            for score in checked_scores(self.reward.score_unchecked(batch), len(batch), self.reward)
        ]

    def _clip_value(self, value: float) -> float:
        value = value if self.low is None else max(value, self.low)
        return value if self.high is None else min(value, self.high)


@final
@register("where")
class Where(Reward):
    """A reward for the rows whose column has one value; it abstains on the others.

    For mixtures of tasks: only those rows are scored, so the others need no content in the columns
    that the reward reads.

    >>> from rewardkit.rewards import Length
    >>> near = Length(target=2)
    >>> short = Where(reward=near, column="task", equals="short")
    >>> short(completions=["four", "four"], task=["short", "long"])
    [-2.0, None]
    """

    reward: Reward
    """The reward for the rows that match."""
    column: Column[object]
    """The column to look at."""
    equals: str | int | float | bool | None
    """The value that the column must have."""

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds."""
        low, high = self.reward.bounds
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores where the row matches, None for other rows (batch length)."""
        values = batch.column(self.column)
        rows = [row for row, value in enumerate(values) if value == self.equals]
        totals = [Score(None, f"{self.column} is not {self.equals!r}")] * len(batch)
        # a batch without such rows must not fail for columns that its tasks do not have
        if rows:
            part = batch.select(rows)
            scores = checked_scores(self.reward.score_unchecked(part), len(part), self.reward)
            for row, score in zip(rows, scores, strict=True):
                totals[row] = score
        return totals


def _check_points_rise(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    for (before, _), (after, _) in pairwise(points):
        if before >= after:
            message = f"got {after:g} after {before:g}, expected them to rise"
            raise ValueError(message)
    return points


Points = Annotated[
    tuple[tuple[float, float], ...], Field(min_length=1), AfterValidator(_check_points_rise)
]
"""Pairs of a position and the weight there, the positions rising."""


def interpolate(points: Points, position: float) -> float:
    """Return the weight at a position, in straight lines between points and level outside of them.

    >>> interpolate(((0, 1.0), (10, 3.0)), 5)
    2.0
    """
    index = bisect_right(points, (position, math.inf))
    if index in (0, len(points)):
        return points[max(index - 1, 0)][1]
    (left, low), (right, high) = points[index - 1 : index + 1]
    return low + (high - low) * (position - left) / (right - left)


@final
@register("schedule")
class Schedule(Reward):
    """A reward whose weight follows the trainer's step, in straight lines between points.

    Before the first point the weight is the first one, after the last the last; with no step known
    it is the last. The reward's own mean, without the weight, goes to the logs.

    >>> from rewardkit.rewards import Length
    >>> near = Length(target=2)
    >>> ramp = Schedule(reward=near, points=[[0, 0.0], [100, 1.0]])
    >>> ramp.weight(25)
    0.25
    """

    reward: Reward
    """The reward to weigh."""
    points: Points
    """Pairs of a step and the weight there, the steps rising."""

    @property
    def bounds(self) -> Bounds:
        """The extremes over all weights."""
        ends = [
            end for _, weight in self.points for end in scale_bounds(self.reward.bounds, weight)
        ]
        return min(ends), max(ends)

    def weight(self, step: int | None) -> float:
        """Return the weight at a step; None means the end of training."""
        return interpolate(self.points, math.inf if step is None else step)

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's scores times the weight at the batch's step (batch length)."""
        weight = self.weight(batch.step)
        scores = checked_scores(self.reward.score_unchecked(batch), len(batch), self.reward)
        # the mean without the weight: a ramp would otherwise look like progress
        batch.log(self.reward.__name__, [score.value for score in scores])
        return [
            score if score.value is None else Score(weight * score.value, score.why)
            for score in scores
        ]


@final
@register("guard")
class Guard(Reward):
    """A reward that may raise, kept from ending the training run.

    If it raises, a pointwise reward is tried again row by row, and the rows that still raise get
    `on_error`; any other reward gets it for all rows. The number of errors goes to the logs. A
    missing column or package still raises: that is a mistake in the set-up, not in a completion.

    >>> from rewardkit import Reward, Score
    >>> from rewardkit.rewards import Diversity
    >>> class Inverse(Reward):
    ...     def score(self, batch):
    ...         return [Score(1 / len(text)) for text in batch.texts]
    >>> Guard(reward=Inverse())(completions=["four", ""])
    [0.25, None]
    >>> Guard(reward=Diversity(), on_error=0.0)(completions=["four"])  # it needs prompts
    [0.0]
    """

    reward: Reward
    """The reward that may raise."""
    on_error: float | None = None
    """The value of a row for which the reward raises; None abstains."""

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
            scores = self._score_finite(batch)
        except (ColumnError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001 - what a guard is for
            scores = [self._error_score(error)] * len(batch)
            # The rows of a group-wise reward are not tried alone: without their group they would
            # be scored by another rule.
            errors = self._retry_rows(batch, scores) if self.reward.pointwise else len(batch)
        batch.log(f"{self.reward.__name__}/errors", [errors])
        return scores

    def _score_finite(self, batch: Batch) -> list[Score]:
        """Return the reward's scores; raise for an infinity, which would end the run later."""
        scores = self.reward.score_unchecked(batch)
        return [*map(Score, *check_finite_scores(scores, len(batch), self.reward))]

    def _retry_rows(self, batch: Batch, scores: list[Score]) -> int:
        """Score the rows one by one into `scores`, and return how many raise."""
        errors = 0
        for row in range(len(batch)):
            single = batch.select([row])
            single.metrics = {}  # the means of single rows would crowd the trainer's logs
            try:
                (scores[row],) = self._score_finite(single)
            except Exception as error:  # noqa: BLE001 - what a guard is for
                scores[row] = self._error_score(error)
                errors += 1
        return errors

    def _error_score(self, error: Exception) -> Score:
        return Score(self.on_error, f"{type(error).__name__}: {error}")


@final
class Wrapped(Reward):
    """A plain function with TRL's signature as a reward; `wrap` makes one."""

    function: Callable[..., Any]
    """The function: called by keyword, it returns one value or None per completion."""
    limits: tuple[float, float] | None = None
    """The lowest and the highest value that it returns; None if unknown."""
    independent_rows: bool = True
    """Whether a row's value does not depend on the other rows."""

    @property
    def bounds(self) -> Bounds:
        """The limits, infinite if unknown."""
        return self.limits or (-math.inf, math.inf)

    @property
    def pointwise(self) -> bool:
        """Whether a row's value does not depend on the other rows."""
        return self.independent_rows

    @property
    def reads_prompt(self) -> bool:
        """Whether the function has a parameter `prompts` without a default."""
        return "prompts" in list_required_parameters(self.function)

    def score(self, batch: Batch) -> list[Score]:
        """Return the function's values as scores (batch length), without whys."""
        # What TRL passes, in the form in which it passes it, so that a function written for TRL
        # sees nothing new.
        values = self.function(
            prompts=batch.prompts,
            completions=batch.completions,
            completion_ids=batch.completion_ids,
            trainer_state=SimpleNamespace(global_step=batch.step),
            log_extra=lambda _name, _values: None,
            log_metric=lambda name, value: batch.log(name, [value]),
            **batch.columns,
        )
        if inspect.isawaitable(values):
            values = run_awaitable(values)
        if not isinstance(values, Iterable):
            message = f"{self.__name__} gave {shorten_repr(values)}, expected a list of values"
            raise TypeError(message)
        values = [*map(as_finite, values)]
        if len(values) != len(batch):
            given = pluralize(len(values), "value")
            message = f"{self.__name__} gave {given} for {pluralize(len(batch), 'completion')}"
            raise ValueError(message)
        return [*map(Score, values)]


def list_required_parameters(function: Any) -> list[str]:
    """Return a function's parameters that are passed by name and have no default."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions written in C have no signature
        return []
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name
        for name, parameter in parameters.items()
        if parameter.kind in by_name and parameter.default is inspect.Parameter.empty
    ]


def _takes_any_keyword(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C have no signature
        return True
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def wrap(
    function: Callable[..., Any],
    *,
    bounds: Bounds | None = None,
    pointwise: bool = True,
    name: str | None = None,
) -> Reward:
    """Return a reward that calls a plain function with TRL's signature, to add, multiply and wrap.

    `bounds` is the lowest and the highest value that it returns, and `pointwise` says whether a
    row's value does not depend on the other rows. `name` is by default the function's. An async
    function works too. A wrapped function pickles if the function does; YAML cannot hold it, so
    register a class for that.

    >>> def shouts(completions, **columns):
    ...     return [float(text.isupper()) for text in completions]
    >>> from rewardkit.rewards import Length
    >>> reward = wrap(shouts, bounds=(0.0, 1.0)) + Length(target=2, penalty=0.5)
    >>> reward(completions=["OH", "oh!"])
    [1.0, -0.5]
    """
    if isinstance(function, type) and issubclass(function, Reward):
        raise TypeError(explain_class(function))
    if isinstance(function, Reward):
        message = f"{function.__name__} is a reward already, expected a function; use it as it is"
        raise TypeError(message)
    if not callable(function) or isinstance(function, type):
        message = f"got {function!r} ({type(function).__name__}), expected a function"
        raise TypeError(message)
    if bounds is not None:
        try:
            low, high = map(float, bounds)
        except (TypeError, ValueError):
            message = f"got bounds={bounds!r}, expected two numbers: bounds=(0.0, 1.0)"
            raise TypeError(message) from None
        if not low <= high:
            message = f"got bounds={bounds!r}, expected the lower one first"
            raise ValueError(message)
        bounds = (low, high)
    if not _takes_any_keyword(function):
        given = getattr(function, "__name__", "the function")
        message = (
            f"{given} takes only some keywords, but trainers pass every dataset column and more;"
            " add **columns to its parameters"
        )
        raise TypeError(message)
    name = name or make_log_name(getattr(function, "__name__", "function"))
    return Wrapped(function=function, limits=bounds, independent_rows=pointwise, name=name)
