"""Helpers for making strategies: checked options, and fair choices between strategies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Item = TypeVar("Item")
ColumnValues = SearchStrategy[Any] | Sequence[Any]
"""A column's values: a strategy, or a sequence from which each row gets one."""


def choose_names(given: str | Iterable[str], known: Sequence[str], option: str) -> list[str]:
    """Return the given name or names.

    Raises ValueError if one is unknown or there is none, TypeError for anything but names.
    """
    if not isinstance(given, Iterable):
        raise TypeError(f"{option}: got {given!r}, expected some of {', '.join(known)}")
    names = [given] if isinstance(given, str) else [*given]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f"{option}: got {unknown or names}, expected some of {', '.join(known)}")
    return names


def require_strategy(given: SearchStrategy[Item], option: str) -> SearchStrategy[Item]:
    """Return the strategy. Raises TypeError for anything else."""
    if not isinstance(given, SearchStrategy):
        raise TypeError(
            f"{option}: got {given!r} ({type(given).__name__}), expected a Hypothesis strategy"
        )
    return given


def make_column_strategy(given: ColumnValues, name: str) -> SearchStrategy[Any]:
    """Return a column's values as a strategy. Raises TypeError for anything else."""
    if isinstance(given, SearchStrategy):
        return given
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise TypeError(
            f"column {name!r}: got {given!r}, expected a strategy for its values, or a list of"
            " values to draw from"
        )
    return st.sampled_from(given)


def mix_evenly(*strategies: SearchStrategy[Item]) -> SearchStrategy[Item]:
    """Draw from each strategy equally often."""
    # Not `one_of`, which flattens nested choices: the strategy with most branches would be drawn
    # most often. Not `sampled_from(strategies)`, whose repr holds theirs: it gets very long.

    def choose(position: int) -> SearchStrategy[Item]:
        return strategies[position]

    if len(strategies) == 1:
        return strategies[0]
    return st.integers(0, len(strategies) - 1).flatmap(choose)


def mix_in_third(usual: SearchStrategy[Item], other: SearchStrategy[Item]) -> SearchStrategy[Item]:
    """Draw a third of the values from the second strategy."""
    return mix_evenly(usual, usual, other)
