r"""Exact values of mathematical expressions.

A `Form` is a quotient of sums of terms. A term is a rational number times a product of powers: of
letters, the imaginary unit, applied functions, and primes with exponents between 0 and 1.
Products of such powers of primes are linearly independent over the rationals (Besicovitch, 1940),
so sums of surds are equal only where their terms are. Quotients are compared crosswise.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from fractions import Fraction

MAX_TERMS = 1000
"""Longer sums are not multiplied out."""
MAX_PRODUCTS = 4000
"""Sums of which so many terms are to be multiplied with each other are not."""
MAX_BITS = 14_000
"""Larger integers are not computed; 4,000 digits have 13,288 bits."""

Rational = int | Fraction
Monomial = frozenset[tuple[Hashable, Rational]]
Terms = dict[Monomial, Rational]
ONE: Monomial = frozenset()
_MAX_DENOMINATOR_BITS = 2000  # fractions are reduced after each step, which takes longer
HALF = Fraction(1, 2)
UNIT: Terms = {ONE: 1}


class TooLargeError(ValueError):
    """A value is too large to compute."""


class UnknownError(ValueError):
    """A value is not one that can be computed exactly here."""


class Form:
    """An exact value: a quotient of two sums of terms. Never changed once made.

    >>> x = Form.of("x")
    >>> (x + Form.of(1)) * (x + Form.of(1)) == x * x + Form.of(2) * x + Form.of(1)
    True
    >>> half = Form.of(Fraction(1, 2))
    >>> Form.of(80) ** half == Form.of(2) * Form.of(20) ** half
    True
    """

    # Slots, since one answer makes many forms.
    __slots__ = ("below", "terms")

    def __init__(self, terms: Terms, below: Terms = UNIT) -> None:
        """Take sums of terms; `below` is not empty."""
        if len(below) == 1 and below is not UNIT:
            terms, below = _multiply_terms(terms, _invert_term(below)), UNIT
        self.terms = terms
        self.below = below

    @staticmethod
    def of(value: Rational | Hashable) -> Form:
        """Return a number, or a letter or an applied function as a form."""
        if isinstance(value, int | Fraction):
            return Form({ONE: value} if value else {})
        return Form({frozenset({(value, 1)}): 1})

    @property
    def number(self) -> Rational | None:
        """Its value if it is a rational number, else None."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and self.below is UNIT:
            return self.terms.get(ONE)
        return None

    @property
    def term(self) -> tuple[Monomial, Rational] | None:
        """Its only term with the factor; None for sums, zero and quotients."""
        if len(self.terms) != 1 or self.below is not UNIT:
            return None
        return next(iter(self.terms.items()))

    @property
    def key(self) -> Hashable:
        """What equal forms over the same denominator share."""
        return frozenset(self.terms.items()), frozenset(self.below.items())

    def bases(self) -> set[Hashable]:
        """Return the letters, functions and primes in it."""
        return {base for side in (self.terms, self.below) for m in side for base, _ in m}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Form):
            return NotImplemented
        if self.below is UNIT and other.below is UNIT:
            return self.terms == other.terms
        return _multiply_terms(self.terms, other.below) == _multiply_terms(other.terms, self.below)

    # Equal quotients may have different terms, so no hash agrees with equality. `key` is for sets.
    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Form:
        return Form({m: -c for m, c in self.terms.items()}, self.below)

    def __add__(self, other: Form) -> Form:
        if self.below is UNIT and other.below is UNIT:
            return Form(_add_terms(self.terms, other.terms))
        top = _add_terms(
            _multiply_terms(self.terms, other.below), _multiply_terms(other.terms, self.below)
        )
        return Form(top, _multiply_terms(self.below, other.below))

    def __sub__(self, other: Form) -> Form:
        return self + -other

    def __mul__(self, other: Form) -> Form:
        below = self.below
        if other.below is not UNIT:
            below = other.below if below is UNIT else _multiply_terms(below, other.below)
        return Form(_multiply_terms(self.terms, other.terms), below)

    def __truediv__(self, other: Form) -> Form:
        if not other.terms:
            raise UnknownError
        return self * Form(other.below, other.terms)

    def __pow__(self, other: Form) -> Form:
        """Return a power. Raises TooLargeError, and UnknownError if it is not a form."""
        exponent = other.number
        if exponent is None:
            raise UnknownError
        if exponent.denominator == 1:
            return self._raise_to_integer(int(exponent))
        if self.number is not None:
            return take_root(self.number, exponent)
        monomial, factor = self.term or (ONE, -1)
        if factor <= 0 or not all(is_letter(base) and e == 1 for base, e in monomial):
            raise UnknownError
        return take_root(factor, exponent) * Form(
            {frozenset((b, exponent) for b, _ in monomial): 1}
        )

    def _raise_to_integer(self, exponent: int) -> Form:
        if exponent < 0:
            return Form.of(1) / self._raise_to_integer(-exponent)
        if self.term:
            monomial, factor = self.term
            size = max(factor.numerator.bit_length(), factor.denominator.bit_length())
            # Before the power is computed, since computing it is what takes too long.
            if (size - 1) * exponent > MAX_BITS:
                raise TooLargeError
            if all(map(is_letter, dict(monomial))):
                powers = frozenset((base, e * exponent) for base, e in monomial if exponent)
                return Form({powers: factor**exponent})
        elif exponent > MAX_TERMS or (
            len(self.terms) > 1 and _may_have_too_many_terms(self.terms, exponent)
        ):
            raise TooLargeError
        result, square = Form.of(1), self
        while exponent:
            if exponent & 1:
                result *= square
            exponent >>= 1
            if exponent:
                square *= square
        return result


def _may_have_too_many_terms(terms: Terms, exponent: int) -> bool:
    return math.comb(exponent + min(len(terms), 8) - 1, exponent) > MAX_TERMS


def _add_terms(left: Terms, right: Terms) -> Terms:
    total = dict(left)
    for monomial, factor in right.items():
        total[monomial] = _check_size(total.get(monomial, 0) + factor)
    if len(total) > MAX_TERMS:
        raise TooLargeError
    return {monomial: factor for monomial, factor in total.items() if factor}


def _check_size(value: Rational) -> Rational:
    """Return a number if it is small enough to compute with, else raise TooLargeError."""
    if (
        value.numerator.bit_length() > MAX_BITS
        or value.denominator.bit_length() > _MAX_DENOMINATOR_BITS
    ):
        raise TooLargeError
    return value


def _multiply_terms(left: Terms, right: Terms) -> Terms:
    # Most denominators are 1; the test by identity skips a product of two dicts.
    if left is UNIT or right is UNIT:
        return right if left is UNIT else left
    if len(left) * len(right) > MAX_PRODUCTS:
        raise TooLargeError
    total: Terms = {}
    for one, factor in left.items():
        for other, by in right.items():
            monomial, more = _multiply_monomials(one, other)
            value = _check_size(factor * by if more == 1 else factor * by * more)
            total[monomial] = total.get(monomial, 0) + value
    if len(total) > MAX_TERMS:
        raise TooLargeError
    return {monomial: factor for monomial, factor in total.items() if factor}


def _invert_term(terms: Terms) -> Terms:
    """Invert a single term."""
    ((monomial, factor),) = terms.items()
    inverse, more = _reduce_powers((base, -e) for base, e in monomial)
    return {inverse: Fraction(more) / factor}


def _multiply_monomials(one: Monomial, other: Monomial) -> tuple[Monomial, Rational]:
    """Return a product of powers, and the number that comes out of its primes and of i."""
    if not one or not other:
        return one or other, 1
    return _reduce_powers([*one, *other])


def _reduce_powers(factors: Iterable[tuple[Hashable, Rational]]) -> tuple[Monomial, Rational]:
    """Return powers, each base once, and the number that comes out of its primes and of i."""
    powers: dict[Hashable, Rational] = {}
    for base, e in factors:
        powers[base] = powers.get(base, 0) + e
    factor: Rational = 1
    for base, e in powers.items():
        if isinstance(base, int):
            whole = math.floor(e)
            if whole:
                factor *= Fraction(base) ** whole
            powers[base] = e - whole
        elif base == "i" and e.denominator == 1:
            # i^2 = -1, so pairs of i go into the factor.
            factor = -factor if e // 2 % 2 else factor
            powers[base] = e % 2
    return frozenset((base, e) for base, e in powers.items() if e), factor


def is_letter(base: Hashable) -> bool:
    """Return whether a base is a letter, taken to be positive, or a constant such as pi."""
    return isinstance(base, str) and base != "i"


def take_root(value: Rational, exponent: Rational) -> Form:
    """Return a number to a power that is a fraction. Odd roots of negative numbers are negative."""
    if value < 0:
        sign = Form.of(-1 if exponent.denominator % 2 and exponent.numerator % 2 else 1)
        if exponent.denominator % 2 == 0:
            if exponent.denominator != 2:  # noqa: PLR2004 - square roots alone give i
                raise UnknownError
            sign = Form.of("i") ** Form.of(exponent.numerator % 4)
        return sign * take_root(-value, exponent)
    if not value:
        if exponent < 0:
            raise UnknownError
        return Form.of(0)
    factor: Rational = 1
    powers: dict[Hashable, Rational] = {}
    for number, side in ((value.numerator, 1), (value.denominator, -1)):
        for prime, count in factor_into_primes(number).items():
            e = side * count * exponent
            # Exponents of primes stay within 0 and 1, which makes the terms independent.
            whole = math.floor(e)
            if abs(whole) * prime.bit_length() > MAX_BITS:
                raise TooLargeError
            if whole:
                factor *= Fraction(prime) ** whole
            powers[prime] = e - whole
    return Form({frozenset((prime, e) for prime, e in powers.items() if e): factor})


# Trial division goes no further, which bounds its time for any number of digits.
_MAX_PRIME = 3000


def factor_into_primes(number: int) -> dict[int, int]:
    """Return the primes in a number with their counts. Raises UnknownError if that is slow."""
    found: dict[int, int] = {}
    divisor = 2
    while divisor * divisor <= number:
        if divisor > _MAX_PRIME:
            root = math.isqrt(number)
            if root * root == number and root <= _MAX_PRIME**2:
                found[root] = found.get(root, 0) + 2
                return found
            raise UnknownError
        while number % divisor == 0:
            number //= divisor
            found[divisor] = found.get(divisor, 0) + 1
        divisor += 1 if divisor == 2 else 2  # noqa: PLR2004 - two, then the odd ones
    if number > 1:
        found[number] = found.get(number, 0) + 1
    return found
