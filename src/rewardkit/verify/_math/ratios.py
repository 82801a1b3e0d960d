"""Ratios, times of day, residues and digits in a base, compared as what they are."""

from __future__ import annotations

from rewardkit.verify._math.exact import Form, Rational
from rewardkit.verify._math.values import Group, Value

RATIOS = frozenset({"ratio", "clock", "time"})


def compare_residues(given: Group, wanted: Group) -> bool | None:
    """Compare values modulo a number: 8 and 3 are the same modulo 5."""
    one, modulus, other, wanted_modulus = map(_find_form, (*given.items, *wanted.items))
    if one is None or other is None or modulus is None or wanted_modulus is None:
        return None
    if modulus != wanted_modulus or not modulus.terms:
        return False
    ratio = ((one - other) / modulus).number
    return ratio is not None and ratio.denominator == 1


def _find_form(value: Value) -> Form | None:
    return value if isinstance(value, Form) else None


def compare_ratios(given: Group, wanted: Group) -> bool | None:
    """Compare ratios by their quotients, and times of day by the minute."""
    kinds = {given.kind, wanted.kind}
    if "ratio" not in kinds:
        return _compare_times(given, wanted)
    if "time" in kinds or len(given.items) != len(wanted.items):
        return False
    one = [form for form in map(_find_form, given.items) if form is not None]
    other = [form for form in map(_find_form, wanted.items) if form is not None]
    if not len(one) == len(other) == len(given.items):
        return None
    pairs = zip(one, other, strict=True)
    return all(left * other[0] == right * one[0] for left, right in pairs)


def _compare_times(given: Group, wanted: Group) -> bool:
    """Compare times of day; one that does not say which half of the day may be in either."""
    numbers, wanted_numbers = (
        [form.number for form in map(_find_form, group.items) if form is not None]
        for group in (given, wanted)
    )
    (hour, minute, *rest), (wanted_hour, wanted_minute, *wanted_rest) = numbers, wanted_numbers
    if hour is None or minute is None or wanted_hour is None or wanted_minute is None:
        return False
    has_half = len(given.items) != len(wanted.items)
    if not has_half and _is_multiple(hour, minute, wanted_hour, wanted_minute):
        return True
    if minute != wanted_minute or list(filter(None, rest)) != list(filter(None, wanted_rest)):
        return False
    # 17:00 says it by itself, 5:00 does not.
    plain = wanted_hour if len(given.items) > len(wanted.items) else hour
    may_be_either = has_half and 0 < plain <= NOON
    return hour == wanted_hour or (may_be_either and (hour - wanted_hour) % NOON == 0)


def _is_multiple(
    top: Rational, bottom: Rational, wanted_top: Rational, wanted_bottom: Rational
) -> bool:
    """Return whether 10:22 is the ratio 5:11 times a number; quarters of an hour are times."""
    if not (top and bottom and wanted_top and wanted_bottom and wanted_bottom % _QUARTER):
        return False
    return top % wanted_top == 0 and top * wanted_bottom == bottom * wanted_top


_QUARTER = 15  # minutes
NOON = 12  # hours


def convert_to_decimal(group: Group) -> int | None:
    """Return the value of digits in their base, None if a digit is too large for it."""
    digits, base = (str(form.number) for form in map(_find_form, group.items) if form is not None)
    try:
        return int(digits, int(base))
    except ValueError:
        return None
