"""Numbers and times of day, as one token each, to values."""

from __future__ import annotations

from fractions import Fraction

from rewardkit._text import numbers
from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.values import Group

MAX_DIGITS = 1000
"""Longer numbers are not read."""
HOURS, MINUTES = 24, 60


def parse_clock(token: str) -> Group:
    """Return a time of day or a ratio: 4:10 may be either, 12:30 is a time."""
    parts = token.split(":")
    values = tuple(Form.of(int(part)) for part in parts)
    if int(parts[0]) >= HOURS or any(int(part) >= MINUTES for part in parts[1:]):
        return Group("ratio", values)
    return Group("time" if len(parts[0]) > 1 or len(parts) > 2 else "clock", values)  # noqa: PLR2004 - with seconds


def parse_decimal(token: str) -> int | Fraction:
    """Return the value of digits, with separators, a decimal point, repeating digits, a power.

    Raises UnknownError and TooLargeError.
    """
    if token.isdigit() and len(token) <= MAX_DIGITS:
        return int(token)
    if len(token) > MAX_DIGITS:
        raise TooLargeError
    # The one reader of numbers, so that 0.333... is the same in an expression as alone.
    number = numbers.read_number(token)
    if number is None:
        raise UnknownError
    return number.value
