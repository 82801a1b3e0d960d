"""Rewards, and the operators that combine them.

`a + b`, `a - b`, `-a`, `0.5 * a`, `a / 2` and `a + 1.0` make a `Linear`; `a * b` makes a `Product`.
Each of them is a reward again.
"""

from __future__ import annotations

import inspect
import math
import re
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial, wraps
from numbers import Real
from operator import methodcaller
from traceback import walk_tb
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, cast, final

from pydantic import AfterValidator, Field, model_validator

from rewardkit._messages import make_log_name, make_names_unique, pluralize, shorten_repr
from rewardkit._score_checks import check_finite_scores, checked_scores, weighted_sum
from rewardkit.batch import Batch
from rewardkit.component import Component, explain_not_a_reward, fields_set, walk
from rewardkit.registry import register
from rewardkit.result import Score

Bounds = tuple[float, float]
MAX_NAME_CHARACTERS = 60  # names are the headings of tables and the legends of plots


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[\w./:-]+", name):
        message = (
            f"got {name!r}, expected only letters, digits and _ - . / :, which every logger accepts"
        )
        raise ValueError(message)
    return name


LogName = Annotated[str, AfterValidator(_check_name)]
"""A reward's name in the logs. MLflow ends a run at other characters; rich drops `[...]`."""


def _require_batch(score: Any) -> Any:
    """Wrap `score` so that anything but a Batch raises an error that shows the right call.

    Without it, `reward.score(["text"])` would fail somewhere inside, or worse, score the letters.
    """

    @wraps(score)
    def checked(self: Reward, batch: Any = None, **columns: Any) -> Any:
        if isinstance(batch, Batch) and not columns:
            return score(self, batch)
        if not isinstance(self, Reward):
            message = "score is called on the class; make an instance first"
            raise TypeError(message)
        message = (
            f"{self.__name__}.score takes one rk.Batch: score(rk.Batch.of('text', answer='4')); to"
            " score lists, call the reward: reward(completions=['text'], answer=['4'])"
        )
        raise TypeError(message)

    return checked


def _check_signature(cls: type[Reward]) -> None:
    """Refuse a `score` that cannot take one batch, when the class is made and not in training."""
    code = getattr(cls.score, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return
    optional = len(getattr(cls.score, "__defaults__", None) or ())
    if not code.co_argcount - optional <= 2 <= code.co_argcount:  # noqa: PLR2004 - self and batch
        names = ", ".join(code.co_varnames[: code.co_argcount])
        message = (
            f"{cls.__name__}.score takes ({names}), expected (self, batch); batch.texts has the"
            " completions, batch.prompts the prompts and batch.column(name) a column"
        )
        raise TypeError(message)
    if code.co_flags & inspect.CO_COROUTINE:
        message = (
            f"{cls.__name__}.score is async, expected a plain method; rk.wrap takes async ones"
        )
        raise TypeError(message)


_DECLARED_ON_CLASS = {"bounds", "pointwise", "reads_prompt"}


def _check_declarations(cls: type) -> None:
    """Refuse bounds that are not two numbers in order, and what else is not a bool."""
    bounds = vars(cls).get("bounds", (0.0, 1.0))
    if not hasattr(bounds, "__get__"):  # a property is asked when it is needed
        numbers = isinstance(bounds, tuple) and all(isinstance(end, Real) for end in bounds)
        if not numbers or len(bounds) != 2 or not bounds[0] <= bounds[1]:  # noqa: PLR2004 - a pair
            message = f"{cls.__name__}.bounds is {bounds!r}, expected (low, high), as in (0.0, 1.0)"
            raise TypeError(message)
    for name in ("pointwise", "reads_prompt"):
        declared = vars(cls).get(name, True)
        if not isinstance(declared, bool) and not hasattr(declared, "__get__"):
            message = f"{cls.__name__}.{name} is {declared!r}, expected True or False"
            raise TypeError(message)


class Reward(Component):
    """How much a completion is worth: a callable with the signature that GRPOTrainer expects.

    A subclass has three parts: its fields, `score`, and (if they are not the defaults) `bounds`,
    `pointwise` and `reads_prompt`, as class attributes (`bounds = (0.0, 1.0)`) or as properties.
    """

    component_kind: ClassVar[str] = "reward"
    name: LogName | None = None
    """The name in a trainer's logs, in place of the registered one."""
    log_why: bool = False
    """Whether to send every row's `why` to the trainer's table of completions."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Add the Batch check to `score`; keep the unchecked one."""
        super().__init_subclass__(**options)
        if "score" in vars(cls):
            _check_signature(cls)
            cls.score_unchecked = cls.score  # type: ignore[method-assign]
            cls.score = _require_batch(cls.score)  # type: ignore[method-assign]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuse `bounds`, `pointwise` and `reads_prompt` as fields: they are derived, not set."""
        super().__pydantic_init_subclass__(**options)
        _check_declarations(cls)
        for name in _DECLARED_ON_CLASS & cls.__pydantic_fields__.keys():
            message = (
                f"{cls.__name__}.{name} has a type, which makes it a field; write it without one"
                f" (`{name} = ...`), or as a property"
            )
            raise TypeError(message)

    @abstractmethod
    def score(self, batch: Batch) -> list[Score]:
        """Return one Score per completion, in the batch's order."""

    def score_unchecked(self, batch: Batch) -> list[Score]:
        """Score a batch like `score`, without checking its type: for rewards around a reward.

        It is the subclass's own `score`, so that no frame is added for each reward in a tree.
        """
        return self.score(batch)

    if TYPE_CHECKING:
        # A subclass writes `bounds = (0.0, 1.0)` or a property: no one type allows both but Any.
        bounds = cast("Any", None)  # type: ignore[pydantic-field]
        pointwise = cast("Any", None)  # type: ignore[pydantic-field]
        reads_prompt = cast("Any", None)  # type: ignore[pydantic-field]
    else:

        @property
        def bounds(self) -> Bounds:
            """The lowest and the highest value possible, infinite if there is no limit."""
            return -math.inf, math.inf

        @property
        def pointwise(self) -> bool:
            """Whether a row's score does not depend on the other rows.

            By default it holds if it holds for every reward inside; a reward that depends on other
            rows of the batch declares `pointwise = False`.
            """
            return all(part.pointwise for part in _list_inner_rewards(self))

        @property
        def reads_prompt(self) -> bool:
            """Whether it needs the batch's prompts, for their text or for the groups they make.

            By default it holds if it holds for a reward inside, or if only this one, and none
            inside, depends on other rows. A reward that reads the prompt of a row by itself
            declares `reads_prompt = True`.
            """
            inner = _list_inner_rewards(self)
            alone = not self.pointwise and all(part.pointwise for part in inner)
            return alone or any(part.reads_prompt for part in inner)

    @property
    def __name__(self) -> str:
        """The field `name`, else the registered name with the fields that are not defaults."""
        return self.name or _default_name(self)

    def __call__(  # noqa: PLR0913 - the trainers' signature
        self,
        /,
        completions: Sequence[Any] | None = None,
        *others: Any,
        prompts: Sequence[Any] | None = None,
        completion_ids: Sequence[Sequence[int]] | None = None,
        trainer_state: Any = None,
        log_extra: Any = None,
        log_metric: Any = None,
        **columns: Any,
    ) -> list[float | None]:
        """Score a batch as a trainer does: one value or None per completion.

        Only the completions may be given by position. Every other keyword is a dataset column, one
        value per completion. NaN becomes None, which trainers leave out; an infinity raises
        ValueError, since it would spread over its whole group. Whatever `score` raises propagates,
        with the reward's name added as a note.
        """
        if others or completions is None:
            raise TypeError(_explain_wrong_call(self.__name__, len(others), columns))
        # Batch copies nothing: a batch of token ids can be hundreds of megabytes
        batch = Batch(
            completions,
            prompts=prompts,
            completion_ids=completion_ids,
            columns=columns,
            step=getattr(trainer_state, "global_step", None),
        )
        # most runs read no whys, and then no reward has to find out what is wrong with a completion
        asks_for_whys = log_extra is not None and self.log_why
        batch.explain = asks_for_whys or hasattr(log_extra, "keep_whys")
        try:
            scores = self.score_unchecked(batch)
        except Exception as error:
            size = pluralize(len(batch), "completion")
            error.add_note(f"raised while {_innermost_reward(error)} scored {size}")
            raise
        values, whys = check_finite_scores(scores, len(batch), self)
        if log_metric is not None:
            own = f"{self.__name__}/"
            for metric, mean in batch.metrics.items():
                # a reward names its own metrics after itself, since it may be part of another
                log_metric(metric if metric.startswith(own) else own + metric, mean)
        # what watches a run reads the whys of every row without a column in the trainer's table
        if keep_whys := getattr(log_extra, "keep_whys", None):
            keep_whys(whys)
        # only if asked for: a column of text per reward swamps the trainer's table of completions
        if asks_for_whys:
            log_extra(f"{self.__name__}/why", [*whys])
        return [*values]

    def __add__(self, other: Reward | float) -> Linear:
        """Return the sum; an unnamed Linear is replaced by its terms."""
        return _add_terms((self, 1.0), (other, 1.0))

    def __radd__(self, other: float) -> Linear:
        """Return the sum with a number, so that `sum(rewards)` works."""
        return _add_terms((other, 1.0), (self, 1.0))

    def __sub__(self, other: Reward | float) -> Linear:
        """Return the difference."""
        return _add_terms((self, 1.0), (other, -1.0))

    def __rsub__(self, other: float) -> Linear:
        """Return a number less this reward."""
        return _add_terms((other, 1.0), (self, -1.0))

    def __mul__(self, other: Reward | float) -> Reward:
        """Return a weighted reward for a number, a Product for a reward."""
        if not isinstance(other, Reward):
            return _add_terms((self, other))
        factors: list[Reward] = []
        for factor in (self, other):
            factors.extend(
                factor.terms if isinstance(factor, Product) and _can_flatten(factor) else [factor]
            )
        return Product(terms=tuple(factors))

    def __rmul__(self, other: float) -> Reward:
        """Return the weighted reward."""
        return _add_terms((self, other))

    def __truediv__(self, other: float) -> Linear:
        """Return the weighted reward: `reward / 4` is `0.25 * reward`."""
        if not isinstance(other, Real):
            message = f"cannot divide {self.__name__} by {shorten_repr(other)}, expected a number"
            raise TypeError(message)
        return _add_terms((self, 1.0 / other))

    def __neg__(self) -> Linear:
        """Return the reward times -1: a penalty."""
        return _add_terms((self, -1.0))


def _explain_wrong_call(name: str, others: int, columns: Mapping[str, Any]) -> str:
    if others:
        # the trainers' orders differ: with (queries, prompts, labels), which OpenRLHF passes, the
        # prompts would be scored and nobody would see it
        return (
            f"{name} got {1 + others} arguments by position, expected the completions alone; name"
            " the others: reward(completions=[...], prompts=[...]), and for OpenRLHF use"
            " rewardkit.adapters.openrlhf"
        )
    given = ", ".join(columns) or "none"
    return f"{name} needs completions=[...]; dataset columns given: {given}"


def _list_inner_rewards(reward: Reward) -> list[Reward]:
    return [part for part in walk(reward) if part is not reward and isinstance(part, Reward)]


# pydantic refuses an untyped attribute in a model unless a base declares it as a class variable;
# this lets subclasses write `bounds = (0.0, 1.0)`.
Reward.__class_vars__ |= _DECLARED_ON_CLASS

Rewards = Annotated[tuple[Reward, ...], Field(min_length=1)]


@final
@register("linear")
class Linear(Reward):
    """A weighted sum: `weights[i] * terms[i]`, plus `bias`. Each term's mean goes to the logs.

    A term that abstains is left out; if all do, so does the sum.

    >>> from rewardkit.rewards import Length, XmlStrict
    >>> total = Length(target=3) + 0.5 * XmlStrict()
    >>> total(completions=["four"])
    [-1.0]
    """

    terms: Rewards
    """The rewards to add."""
    weights: tuple[float, ...] = ()
    """One factor per term; empty means 1 for all."""
    bias: float = 0.0
    """A constant added to every score."""

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.weights and len(self.weights) != len(self.terms):
            sizes = f"got {len(self.weights)} weights for {len(self.terms)} terms"
            message = f"{sizes}, expected one per term"
            raise ValueError(message)
        return self

    @property
    def weighted(self) -> list[tuple[Reward, float]]:
        """Each term with its weight."""
        return list(zip(self.terms, self.weights or (1.0,) * len(self.terms), strict=True))

    @property
    def bounds(self) -> Bounds:
        """The weighted sum of the terms' bounds."""
        low = high = self.bias
        for term, weight in self.weighted:
            ends = scale_bounds(term.bounds, weight)
            # a term that abstains counts as 0; alone, it makes the sum abstain
            if len(self.terms) > 1:
                ends = (min(ends[0], 0.0), max(ends[1], 0.0))
            low, high = low + ends[0], high + ends[1]
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return one weighted sum per completion; the why lists each term's value."""
        scores = [*map(methodcaller("score_unchecked", batch), self.terms)]
        weights = self.weights or (1.0,) * len(self.terms)
        return [
            Score(weighted_sum(values, weights, self.bias), why)
            for values, why in _combine_terms(batch, self.terms, scores)
        ]


@final
@register("product")
class Product(Reward):
    """The product of rewards: a gate if a factor is 0 or 1. It abstains if any factor does.

    >>> from rewardkit.rewards import Length, RegexMatch
    >>> gate = Length(target=2, name="off") * RegexMatch(pattern="four|five")
    >>> gate(completions=["four", "seven"])
    [-2.0, 0.0]
    """

    terms: Rewards
    """The rewards to multiply."""

    @property
    def bounds(self) -> Bounds:
        """The extremes among the products of the factors' bounds."""
        low = high = 1.0
        for factor in self.terms:
            ends = [_multiply_ends(a, b) for a in (low, high) for b in factor.bounds]
            low, high = min(ends), max(ends)
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return one product per completion; the why lists each factor's value."""
        scores = [*map(methodcaller("score_unchecked", batch), self.terms)]
        return [
            # adding 0.0 turns -0.0, which a factor of 0 makes of a penalty, into 0.0
            Score(None if None in values else math.prod(values) + 0.0, why)  # type: ignore[arg-type]
            for values, why in _combine_terms(batch, self.terms, scores)
        ]


def scale_bounds(bounds: Bounds, weight: float) -> Bounds:
    """Return the bounds times a weight, the lower one first."""
    ends = [_multiply_ends(end, weight) for end in bounds]
    return min(ends), max(ends)


def _default_name(reward: Component) -> str:
    # Only characters of a LogName, and nothing that depends on the run, so that the same reward has
    # the same column in every log.
    own = "sum" if isinstance(reward, Linear) else _short_name(reward)
    parts = [
        _format_name_part(name, value)
        for name, value in fields_set(reward).items()
        if name not in _FIELDS_NOT_IN_NAMES
    ]
    exact = ".".join([own, *parts])
    safe = make_log_name(exact)
    if safe == exact and len(safe) <= MAX_NAME_CHARACTERS:
        return safe
    # What was cut or replaced may be all that distinguishes two rewards; the checksum keeps it.
    return f"{safe[: MAX_NAME_CHARACTERS - 6]}-{zlib.crc32(exact.encode()) & 0xFFFFF:05x}"


# Beside those that say nothing in a name, those that depend on where a run takes place.
_FIELDS_NOT_IN_NAMES = frozenset(
    {"name", "log_why", "weights", "bias", "base_url", "api_key_env", "cache", "device"}
)


def _short_name(component: Component) -> str:
    """Return a component's name without its fields."""
    named = component.name if isinstance(component, Reward) else None
    return named or component.registered_name or type(component).__name__


def _format_name_part(name: str, value: Any) -> str:
    if isinstance(value, Component):
        return _short_name(value)
    if isinstance(value, tuple) and value and isinstance(value[0], Component):
        return ".".join(map(_short_name, value))
    return f"{name}:{_format_field(value)}"


def _format_field(value: Any) -> str:
    """Return a field's value as text for a reward's name."""
    if isinstance(value, Component):
        return _short_name(value)
    if isinstance(value, tuple):
        return "_".join(map(_format_field, value))
    if isinstance(value, Mapping):
        return "_".join(f"{key}:{_format_field(item)}" for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _can_flatten(reward: Reward) -> bool:
    """Return whether a sum or product has no settings of its own that flattening would lose."""
    return reward.name is None and not reward.log_why


def _add_terms(*parts: tuple[Any, float]) -> Linear:
    """Return the flat Linear of weighted rewards and numbers."""
    terms: list[Reward] = []
    weights: list[float] = []
    bias = 0.0
    for part, weight in parts:
        if not isinstance(weight, Real) or not isinstance(part, Reward | Real):
            given = part if isinstance(weight, Real) else weight
            raise TypeError(explain_not_a_reward(given, "a reward or a number"))
        if isinstance(part, Linear) and _can_flatten(part):
            for term, inner in part.weighted:
                terms.append(term)
                weights.append(weight * inner)
            bias += weight * part.bias
        elif isinstance(part, Reward):
            terms.append(part)
            weights.append(float(weight))
        else:
            bias += weight * float(part)
    # no weights at all reads better than a row of ones in YAML and in a repr
    all_one = all(weight == 1.0 for weight in weights)
    return Linear(terms=tuple(terms), weights=() if all_one else tuple(weights), bias=bias)


def _combine_terms(
    batch: Batch, rewards: Sequence[Reward], scores: Sequence[list[Score]]
) -> Iterator[tuple[Sequence[float | None], str]]:
    """Yield each row's values, one per reward, and a why with them all; log the rewards' means."""
    labels = make_names_unique(reward.__name__ for reward in rewards)
    scores = [
        checked_scores(given, len(batch), reward)
        for reward, given in zip(rewards, scores, strict=True)
    ]
    for label, given in zip(labels, scores, strict=True):
        batch.log(label, [score.value for score in given])

    # many rows have the same scores, and formatting them is the cost of a sum
    format_why: Callable[..., str] = cache(partial(_format_why, labels))
    for row in zip(*scores, strict=True):
        yield [value for value, _ in row], format_why(*row)


def _format_why(labels: Sequence[str], *row: Score) -> str:
    return "; ".join(
        f"{label} {_format_value(value)}{why and f' ({why})'}"
        for label, (value, why) in zip(labels, row, strict=True)
    )


def _format_value(value: float | None) -> str:
    return "abstains" if value is None else f"{float(value):g}"


def _innermost_reward(error: Exception) -> str:
    """Return the name of the reward deepest in the traceback of an error."""
    # the traceback goes from the outermost call inwards, so the last reward in it is the cause
    owners = (frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__))
    return [owner.__name__ for owner in owners if isinstance(owner, Reward)][-1]


def _multiply_ends(left: float, right: float) -> float:
    """Return the product, with 0 for 0 times infinity: a weight of 0 bounds any term."""
    return 0.0 if 0.0 in (left, right) else left * right


_WRAPPERS = ("Clip", "Where", "Schedule", "Guard")


def __getattr__(name: str) -> Any:
    """Find the wrappers, which pickles of earlier versions name as members of this module."""
    if name in _WRAPPERS:
        # imported here, since the wrappers are rewards and import this module
        from rewardkit.rewards import wrappers  # noqa: PLC0415

        return getattr(wrappers, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
