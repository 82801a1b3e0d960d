"""The ways in which people and models write a number, each with the exact value."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MINUS_SIGN = "\u2212"


def make_number_strategy(
    spelling: str, low: int, high: int
) -> SearchStrategy[tuple[str, Fraction]]:
    """Return a strategy for a number in a spelling, with its value, which is within the limits."""
    denominator, writers = WRITERS[spelling]
    values = (
        st.integers(low * denominator, high * denominator).map(lambda n: Fraction(n, denominator))
        if denominator
        else st.fractions(low, high, max_denominator=99)
    )
    return st.tuples(values, st.sampled_from(writers)).map(lambda two: (two[1](two[0]), two[0]))


def _write_decimal(value: Fraction, places: int = 2) -> str:
    # by integers, since a float would round
    whole, rest = divmod(int(abs(value) * 10**places), 10**places)
    return f"{_minus_of(value)}{whole}.{rest:0{places}}"


def _minus_of(value: Fraction, minus: str = "-") -> str:
    return minus if value < 0 else ""


def _write_ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _write_mixed(value: Fraction) -> str:
    """Return 7/2 as 3 1/2."""
    whole, rest = divmod(abs(value), 1)
    if not (whole and rest):
        return _write_ratio(value)
    return f"{_minus_of(value)}{whole} {_write_ratio(rest)}"


Writer = Callable[[Fraction], str]
# The number is the values' denominator: 1 for integers, 100 for two decimal places, 0 for any.
WRITERS: dict[str, tuple[int, list[Writer]]] = {
    "plain": (1, [str]),
    "thousands": (1, [lambda value: f"{int(value):,}"]),
    "sign": (1, [lambda value: f"{_minus_of(value, MINUS_SIGN) or '+'}{abs(value)}"]),
    "unit": (1, [lambda value: f"{value} apples", lambda value: f"{value} cm"]),
    "marked": (1, [lambda value: f"**{value}**", lambda value: rf"\boxed{{{value}}}"]),
    "math": (1, [lambda value: f"${value}$", lambda value: rf"\({value}\)"]),
    "scale": (1, [lambda value: f"{_write_decimal(value / 1000, 3)} thousand"]),
    "decimal": (100, [_write_decimal, lambda value: f"{_write_decimal(value)}0"]),
    "currency": (100, [lambda value: f"{_minus_of(value)}${_write_decimal(abs(value))}"]),
    "percent": (100, [lambda value: f"{value * 100}%", lambda value: rf"{value * 100}\%"]),
    "power": (
        100,
        [
            lambda value: f"{value * 100}e-2",
            lambda value: rf"{_write_decimal(value / 10, 3)} \times 10^{{1}}",
        ],
    ),
    # not in lowest terms too: 1/2 and 3/6
    "fraction": (
        0,
        [_write_ratio, lambda value: f"{value.numerator * 3}/{value.denominator * 3}"],
    ),
    "mixed": (0, [_write_mixed]),
    "latex": (
        0,
        [
            lambda value: (
                rf"{_minus_of(value)}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
            )
        ],
    ),
}
SPELLINGS = tuple(WRITERS)
"""The ways to write a number: 42, 1,000, +42, 42 cm, **42**, $42$, 4.200 thousand, 0.50, $0.50,
50%, 5e-2, 2/4, 1 1/2, \\frac{1}{2}."""
