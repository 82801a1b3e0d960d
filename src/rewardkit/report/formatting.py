"""Figures as a person reads them, and as JSON takes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rewardkit._messages import make_names_unique

_MANY = 1000
_HUGE = 1e9
_TENTH_OF_A_PERCENT = 0.001
HEAD, TAIL = 12_000, 4_000
"""How many characters stay of a long text's beginning and end."""
MAX_NAME_CHARACTERS = 120  # of a reward or a column; a name is data too, and may be a megabyte
MAX_TEXT_CHARACTERS = 300  # of a reason, an answer or another column


def number(value: float | None) -> str:
    """Format a value with three significant digits.

    >>> number(-0.33333), number(2.0), number(12345.6), number(-0.0), number(1e-9)
    ('-0.333', '2', '12,346', '0', '1e-09')
    """
    if value is None:
        return "\N{EM DASH}"
    # From a thousand on, .3g would turn to exponents, and the digits before the point are enough.
    if abs(value) >= _MANY:
        return f"{value:,.0f}" if abs(value) < _HUGE else f"{value:.2e}"
    return f"{value:z.3g}"


def percent(share: float) -> str:
    """Format a share in percent, never rounded to all or nothing.

    >>> percent(0.5), percent(0.9999), percent(0.0004), percent(1), percent(-0.0004)
    ('50%', '>99.9%', '<0.1%', '100%', '0%')
    """
    if 0 < share < _TENTH_OF_A_PERCENT:
        return "<0.1%"
    if 1 - _TENTH_OF_A_PERCENT < share < 1:
        return ">99.9%"
    hundredths = round(100.0 * share, 1)
    # Decimals matter near the ends, where a tenth of a percent is a large part of what is left.
    whole = 10 <= abs(hundredths) <= 90 or hundredths.is_integer()  # noqa: PLR2004 - percents
    return f"{hundredths:z.0f}%" if whole else f"{hundredths:.1f}%"


def split_hundred(shares: Sequence[float]) -> list[str]:
    """Format shares of a whole in percent, rounded so that they add up to the rounded sum.

    >>> split_hundred([1 / 3, 1 / 3, 1 / 3]), split_hundred([1.1, -0.1])
    (['33.4%', '33.3%', '33.3%'], ['110%', '-10%'])
    """
    thousandths = [1000 * share for share in shares]
    rounded = [math.floor(share) for share in thousandths]
    missing = round(sum(thousandths)) - sum(rounded)
    # The largest remainders are rounded up, the others down (Hamilton's method).
    order = sorted(range(len(shares)), key=lambda index: rounded[index] - thousandths[index])
    for index in order[:missing]:
        rounded[index] += 1
    return [f"{share / 10:z.1f}".removesuffix(".0") + "%" for share in rounded]


def two_decimals(value: float) -> str:
    """Format a correlation.

    >>> two_decimals(0.5), two_decimals(-0.001)
    ('0.50', '0.00')
    """
    return f"{value:z.2f}"


def shorten(text: str, length: int) -> str:
    """Return a text of at most `length` characters: the beginning and the end of a longer one.

    >>> shorten("a_long_name_of_a_reward", 12)
    'a_long_…ward'
    """
    if len(text) <= length:
        return text
    tail = length // 3
    return text[: length - tail - 1] + "\N{HORIZONTAL ELLIPSIS}" + text[-tail:]


def cut_middle(text: str, head: int = HEAD, tail: int = TAIL) -> tuple[str, int]:
    """Return a text without the middle of what is too long, and how far its end moved."""
    removed = len(text) - head - tail
    if removed <= 0:
        return text, 0
    note = f" [\N{HORIZONTAL ELLIPSIS} {removed:,} characters left out \N{HORIZONTAL ELLIPSIS}] "
    return text[:head] + note + text[len(text) - tail :], len(note) - removed


def shorten_names(names: Iterable[str]) -> list[str]:
    """Return the names, none of them long, and all of them different."""
    return make_names_unique(shorten(name, MAX_NAME_CHARACTERS) for name in names)


def as_data(value: Any) -> Any:
    """Return named tuples as mappings, and other tuples as lists, as JSON takes them."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_data(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: as_data(item) for name, item in value.items()}
    return [as_data(item) for item in value] if isinstance(value, list | tuple) else value
