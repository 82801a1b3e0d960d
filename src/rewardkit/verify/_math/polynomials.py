"""Where polynomials are zero: whether two equations have the same real solutions.

All but one letter get rational values, and the polynomials that are left are compared by Sturm's
theorem (Sturm, 1829), exactly.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from rewardkit.verify._math.exact import UNIT, Form
from rewardkit.verify._math.intervals import is_letter

Polynomial = list[Fraction]
"""Coefficients, the lowest first; the last is not zero."""

_MAX_DEGREE = 12
_SLICES = 3


def compare_zeros(one: Form, other: Form) -> bool | None:
    """Return whether two polynomials have the same real zeros, None if that is not certain.

    >>> x = Form.of("x")
    >>> compare_zeros(x * x - Form.of(4), x - Form.of(2)), compare_zeros(x * x * x, x)
    (False, True)
    """
    if one.below is not UNIT or other.below is not UNIT or not one.terms or not other.terms:
        return None
    letters = sorted(str(base) for base in one.bases() | other.bases())
    if not letters or not all(map(is_letter, letters)):
        return None
    certain = True
    for index in range(_SLICES):
        values = {
            letter: Fraction(3 * i + 5 * index + 2, 7 + i) for i, letter in enumerate(letters[1:])
        }
        left, right = (_substitute(form, letters[0], values) for form in (one, other))
        if left is None or right is None:
            return None
        left, right = _make_square_free(left), _make_square_free(right)
        if left != right:
            common = _find_divisor(left, right)
            if len({_count_real_roots(p) for p in (left, right, common)}) > 1:
                return False
            certain = certain and len(letters) == 1
    return True if certain else None


def _substitute(form: Form, letter: str, values: dict[str, Fraction]) -> Polynomial | None:
    """Return the polynomial in one letter, or None if it is not one, or too large."""
    coefficients = [Fraction(0)] * (_MAX_DEGREE + 1)
    for monomial, factor in form.terms.items():
        degree, value = 0, Fraction(factor)
        for base, power in monomial:
            if not isinstance(base, str) or power != int(power) or not 0 < power <= _MAX_DEGREE:
                return None
            if base == letter:
                degree = int(power)
            else:
                value *= values[base] ** int(power)
        coefficients[degree] += value
    return _drop_leading_zeros(coefficients) or None


def _drop_leading_zeros(polynomial: Polynomial) -> Polynomial:
    while polynomial and not polynomial[-1]:
        polynomial = polynomial[:-1]
    return polynomial


def _find_derivative(polynomial: Polynomial) -> Polynomial:
    return [index * value for index, value in enumerate(polynomial)][1:]


def _divide_with_rest(top: Polynomial, bottom: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Return the quotient and the remainder."""
    rest, quotient = list(top), [Fraction(0)] * max(len(top) - len(bottom) + 1, 0)
    for shift in range(len(top) - len(bottom), -1, -1):
        quotient[shift] = factor = rest[shift + len(bottom) - 1] / bottom[-1]
        for index, value in enumerate(bottom):
            rest[shift + index] -= factor * value
    return quotient, _drop_leading_zeros(rest)


def _find_divisor(one: Polynomial, other: Polynomial) -> Polynomial:
    """Return the greatest common divisor, its highest coefficient 1."""
    while other:
        one, other = other, _divide_with_rest(one, other)[1]
    return [value / one[-1] for value in one]


def _make_square_free(polynomial: Polynomial) -> Polynomial:
    """Return the polynomial with the same zeros, each once."""
    divisor = _find_divisor(polynomial, _find_derivative(polynomial))
    quotient = _divide_with_rest(polynomial, divisor)[0]
    return [value / quotient[-1] for value in quotient]


def _count_real_roots(polynomial: Polynomial) -> int:
    """Return how many real zeros a polynomial without multiple ones has, by Sturm's chain."""
    chain = [polynomial, _find_derivative(polynomial)]
    while chain[-1]:
        chain.append([-value for value in _divide_with_rest(chain[-2], chain[-1])[1]])
    chain.pop()
    at_left = [p[-1] * (-1) ** (len(p) - 1) for p in chain]
    at_right = [p[-1] for p in chain]
    return _count_changes(at_left) - _count_changes(at_right)


def _count_changes(values: list[Fraction]) -> int:
    return sum(one * other < 0 for one, other in pairwise(values))
