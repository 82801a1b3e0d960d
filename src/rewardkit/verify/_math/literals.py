"""Numbers and times of day, as one token each, to values."""

from __future__ import annotations

import re
from fractions import Fraction

from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.values import Group

MAX_DIGITS = 1000
"""Longer numbers are not read."""
MAX_EXPONENT_DIGITS = 4
HOURS, MINUTES = 24, 60
_SEPARATORS = re.compile(r"\{,\}|,|\s")


def parse_clock(token: str) -> Group:
    """Return a time of day or a ratio: 4:10 may be either, 12:30 is a time."""
    parts = token.split(":")
    values = tuple(Form.of(int(part)) for part in parts)
    if int(parts[0]) >= HOURS or any(int(part) >= MINUTES for part in parts[1:]):
        return Group("ratio", values)
    return Group("time" if len(parts[0]) > 1 or len(parts) > 2 else "clock", values)  # noqa: PLR2004 - with seconds


def parse_decimal(token: str) -> int | Fraction:
    """Return the value of digits, with a decimal point and repeating digits."""
    if token.isdigit() and len(token) <= MAX_DIGITS:
        return int(token)
    if len(token) > MAX_DIGITS:
        raise TooLargeError
    token = _SEPARATORS.sub("", token)
    found = _REPEATING.fullmatch(token)
    if found is None:
        return _parse_plain(token)
    plain, digits = found["plain"], re.sub(r"\D", "", found["digits"] or "")
    if found["more"]:
        plain, digits = _find_period(plain)
    places = len(plain.partition(".")[2])
    tail = Fraction(int(digits), (10 ** len(digits) - 1) * 10**places)
    return Fraction(plain.rstrip(".") or "0") + tail


_REPEATING = re.compile(
    r"(?P<plain>\d*\.\d*)(?:(?P<digits>\\(?:overline|bar|dot).*|\(\d+\))|(?P<more>\.{3}|\\[a-z]*dots))"
)


def _find_period(decimal: str) -> tuple[str, str]:
    """Split a decimal that goes on into its digits before the period, and the period."""
    whole, _, digits = decimal.partition(".")
    for start in range(min(len(digits), _MAX_PERIOD)):
        for size in range(1, _MAX_PERIOD):
            block, rest = digits[start : start + size], digits[start + size :]
            if len(block) < size or len(rest) < max(size, 2 if size == 1 else size):
                break
            if (block * (len(rest) // size + 1)).startswith(rest):
                return f"{whole or 0}.{digits[:start]}", block
    raise UnknownError  # 3.14159... does not say how it goes on


_MAX_PERIOD = 12


def _parse_plain(token: str) -> Fraction:
    mantissa, _, exponent = token.lower().partition("e")
    if len(exponent) > MAX_EXPONENT_DIGITS:
        raise TooLargeError
    try:
        return Fraction(mantissa) * Fraction(10) ** int(exponent or "0")
    except ValueError:
        raise UnknownError from None
