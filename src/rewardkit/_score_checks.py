"""What a reward may return, checked in one place: type, length, NaN, infinity; and weighted sums.

NaN counts as None, which trainers leave out of the sum; an infinity is refused, since TRL would
spread it over the whole group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from types import NoneType
from typing import Any, Protocol

from rewardkit._messages import pluralize, shorten_repr
from rewardkit.result import Score

# the types of a sum of plain numbers; a numpy scalar makes another, and is looked at row by row
_NUMBER_TYPES = (float, int)
_VALUE_TYPES = (float, int, NoneType, Real)
_INFINITIES = (math.inf, -math.inf)


class Named(Protocol):
    """Has a name, as a reward does; only errors ask for it, since it takes time to make."""

    @property
    def __name__(self) -> str:
        """The name in the logs."""


def checked_scores(scores: list[Score], size: int, reward: Named) -> list[Score]:
    """Return the scores that a reward gave for `size` completions, None in place of NaN.

    Raises ValueError for another number of scores, TypeError for anything but a list of Score.
    """
    if checked := _check_at_once(scores, size):
        return checked[0]
    name = reward.__name__
    if not isinstance(scores, list):
        message = f"{name} gave a {type(scores).__name__}, expected a list of rk.Score"
        raise TypeError(message)
    if len(scores) != size:
        message = f"{name} gave {len(scores)} scores for {pluralize(size, 'completion')}"
        raise ValueError(message)
    for row, score in enumerate(scores):
        fits = isinstance(score, Score) and isinstance(score[0], _VALUE_TYPES)
        if not fits or not isinstance(score[1], str):
            given = shorten_repr(score)
            hint = _score_hint(score)
            message = f"{name} gave {given} for row {row}, expected rk.Score(value, why){hint}"
            raise TypeError(message)
    # A NaN is the one value that differs from itself; this is quicker than math.isnan.
    return [score if score[0] == score[0] else Score(None, "NaN") for score in scores]


def check_finite_scores(
    scores: list[Score], size: int, reward: Named
) -> tuple[Sequence[float | None], Sequence[str]]:
    """Return the values and the whys of the scores that a reward gave, None in place of NaN.

    Raises what `checked_scores` does, and ValueError for an infinity.
    """
    if checked := _check_at_once(scores, size):
        return checked[1:]
    scores = checked_scores(scores, size, reward)
    for row, (value, _) in enumerate(scores):
        if value in _INFINITIES:
            message = (
                f"{reward.__name__} gave {value} for row {row}; Clip(reward=..., low=..., high=...)"
            )
            message += " keeps it within limits"
            raise ValueError(message)
    return [value for value, _ in scores], [why for _, why in scores]


def as_finite(value: Any) -> float | None:
    """Return a value that a plain function returned as a float, None for None and NaN.

    Raises ValueError for an infinity, TypeError for anything but a number.

    >>> as_finite(1), as_finite(float("nan")), as_finite(None)
    (1.0, None, None)
    """
    number = drop_nan(value)
    if number in _INFINITIES:
        message = f"gave {number}, which would spread over its whole group in training"
        raise ValueError(message)
    return number


def as_floats(values: Sequence[Any]) -> list[float | None]:
    """Return values as floats, None for NaN. ValueError for an infinity."""
    return [*values] if are_finite(values) else [*map(as_finite, values)]


def are_finite(values: Sequence[Any]) -> bool:
    """Return whether all values are finite floats or None.

    >>> are_finite([1.0, None]), are_finite([1]), are_finite([float("nan")])
    (True, False, False)
    """
    # Most lists are; a set of types and a sum show it at C's speed.
    return {*map(type, values)} <= {float, NoneType} and math.isfinite(sum(filter(None, values)))


def drop_nan(value: Any) -> float | None:
    """Return a number as a float, None for None and NaN: trainers leave out both.

    >>> drop_nan(1), drop_nan(float("nan")), drop_nan(float("inf"))
    (1.0, None, inf)
    """
    if value is None:
        return None
    number = float(value)
    return None if math.isnan(number) else number


def weighted_sum(
    values: Sequence[float | None], weights: Sequence[float], bias: float = 0.0
) -> float | None:
    """Return the weighted sum as TRL makes it: None is left out, and None if all are.

    >>> weighted_sum([1.0, None, 2.0], [1.0, 1.0, 0.5])
    2.0
    >>> weighted_sum([None], [1.0], bias=3.0)
    """
    known = [w * v for w, v in zip(weights, values, strict=True) if v is not None]
    return sum(known, bias) if known else None


def weighted_sums(
    columns: Sequence[Sequence[float | None]], weights: Sequence[float], bias: float = 0.0
) -> list[float | None]:
    """Return the weighted sum of each row, from the values of each term.

    >>> weighted_sums([[1.0, None], [2.0, 4.0]], [1.0, 0.5])
    [2.0, 2.0]
    """
    if any(None in values for values in columns):
        return [weighted_sum(row, weights, bias) for row in zip(*columns, strict=True)]
    # most columns are complete, and a product of a column is quicker than one of each row
    products = [
        [weight * value for value in values]  # type: ignore[operator]  # none of them is None
        for weight, values in zip(weights, columns, strict=True)
    ]
    return [sum(row, bias) for row in zip(*products, strict=True)]


def _check_at_once(
    scores: list[Score], size: int
) -> tuple[list[Score], tuple[float, ...], tuple[str, ...]] | None:
    """Return the scores, their values and their whys; None unless all values are finite numbers.

    If all rows equal the first, which is common, only the first is checked.
    """
    if type(scores) is not list or len(scores) != size:
        return None
    try:
        rows = scores[:1] if scores == scores[:1] * size else scores
        values, whys = zip(*rows, strict=False)
        # Whatever is not a number or a text raises in the sum or the join; an infinity or a NaN
        # anywhere makes the sum one. Two passes in C are quicker than a loop over the rows.
        total, _ = sum(values), "".join(whys)
        if (
            {*map(type, rows)} != {Score}
            or type(total) not in _NUMBER_TYPES
            or not math.isfinite(total)
        ):
            return None
    except Exception:  # noqa: BLE001 - the caller then looks row by row and says what is wrong
        return None
    if len(rows) == size:
        return scores, values, whys
    return rows * size, values * size, whys * size


def _score_hint(score: Any) -> str:
    """Say what to write instead, for the mistakes that are common."""
    value = score[0] if isinstance(score, Score) else score
    if hasattr(value, "item") and not isinstance(value, Real):
        return "; the value is an array or a tensor: write Score(value.item())"
    if isinstance(score, int | float):
        return f"; write Score({score!r})"
    if isinstance(score, Score) and not isinstance(value, _VALUE_TYPES):
        return f"; the value is {shorten_repr(value)}, not a number or None"
    if isinstance(score, Score):
        return f"; the why is {shorten_repr(score[1])}, not a string"
    return ""
