"""The hook that Hypothesis calls when it starts.

In a module of its own: `strategies` imports Hypothesis, which would find it half loaded.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rewardkit.batch import Batch, ColumnName
from rewardkit.component import Component, kind_observers
from rewardkit.registry import KINDS, lookup, names
from rewardkit.result import Outcome, Score, Verdict

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def register() -> None:
    """Register strategies for rewardkit's types, for `hypothesis.strategies.from_type`.

    Hypothesis calls this function itself if rewardkit is installed.

    >>> from hypothesis import given, strategies as st
    >>> from rewardkit import Batch, Score
    >>> register()
    >>> @given(st.from_type(Score))
    ... def test_scores(score):
    ...     assert score.value is None or abs(score.value) < float("inf")
    >>> test_scores()
    """
    from hypothesis import strategies as st  # noqa: PLC0415 - which calls this function

    finite = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    share = st.none() | st.floats(0, 1)
    verdicts = st.builds(Verdict, st.sampled_from(Outcome), st.text(), share)
    st.register_type_strategy(Batch, lambda _: _make_batches())
    st.register_type_strategy(Score, st.builds(Score, finite, st.text()))
    st.register_type_strategy(Verdict, verdicts)
    column_names: SearchStrategy[Any] = st.text(min_size=1, max_size=20).map(ColumnName)
    st.register_type_strategy(ColumnName, column_names)
    # those that are imported, and the others when they are: all verifiers would come with theirs
    for base in Component.__subclasses__():
        _register_kind(base)
    kind_observers.add(_register_kind)


def _register_kind(base: type[Component]) -> None:
    from hypothesis import strategies as st  # noqa: PLC0415 - which calls `register`

    if base.component_kind in KINDS:
        # a function, since the registry must not be read while Hypothesis starts
        st.register_type_strategy(base, lambda asked: _make_defaults_strategy(asked.component_kind))


def _make_batches() -> SearchStrategy[Batch]:
    from rewardkit.testing.strategies import batches  # noqa: PLC0415 - it imports Hypothesis

    return batches()


def _make_defaults_strategy(kind: str) -> SearchStrategy[Any]:
    """Components of a kind that need no fields."""
    from hypothesis import strategies as st  # noqa: PLC0415 - which calls `register`

    made = []
    for cls in map(lookup, names(kind)):
        with suppress(ValueError):  # pydantic's, of a class with required fields
            made.append(cls())
    return st.sampled_from(made)
