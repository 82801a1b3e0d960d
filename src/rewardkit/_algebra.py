r"""Exact values of mathematical expressions, and whether two of them are equal.

A `Form` is a quotient of sums of terms. A term is a rational number times a product of powers: of
letters, of the imaginary unit, of applied functions, and of primes with exponents between 0 and 1.
Products of such powers of different primes are linearly independent over the rationals (Besicovitch,
1940), so sums of surds are equal only where their terms are. Quotients are compared crosswise.

A function that is applied (`\sin x`, `2^n`) is a letter of its own here: equal forms are equal, and
of unequal ones some are told apart by their values at a few points.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Hashable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

MAX_TERMS = 2000
"""Longer sums are not multiplied out."""
MAX_BITS = 14_000
"""Larger integers are not computed; 4,000 digits have 13,288 bits."""

Monomial = frozenset[tuple[Hashable, Fraction]]
Terms = dict[Monomial, Fraction]
_ONE: Monomial = frozenset()
_HALF = Fraction(1, 2)
_UNIT: Terms = {_ONE: Fraction(1)}


class TooLargeError(ValueError):
    """A value is too large to compute."""


class UnknownError(ValueError):
    """A value is not one that can be computed exactly here."""


class Form:
    """An exact value: a quotient of two sums of terms. Never changed once made.

    >>> x = Form.of("x")
    >>> (x + Form.of(1)) * (x + Form.of(1)) == x * x + Form.of(2) * x + Form.of(1)
    True
    >>> Form.of(80) ** Form.of(Fraction(1, 2)) == Form.of(2) * Form.of(20) ** Form.of(Fraction(1, 2))
    True
    """

    __slots__ = ("below", "terms")

    def __init__(self, terms: Terms, below: Terms = _UNIT) -> None:
        """Take sums of terms; `below` is not empty."""
        if len(below) == 1 and below is not _UNIT:
            terms, below = _times(terms, _inverse(below)), _UNIT
        self.terms = terms
        self.below = below

    @staticmethod
    def of(value: int | Fraction | Hashable) -> Form:
        """Return a number, or a letter or an applied function as a form."""
        if isinstance(value, int | Fraction):
            return Form({_ONE: Fraction(value)} if value else {})
        return Form({frozenset({(value, Fraction(1))}): Fraction(1)})

    @property
    def number(self) -> Fraction | None:
        """The rational number that it is, None where it is none."""
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and self.below is _UNIT:
            return self.terms.get(_ONE)
        return None

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
        if self.below is _UNIT and other.below is _UNIT:
            return self.terms == other.terms
        return _times(self.terms, other.below) == _times(other.terms, self.below)

    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Form:
        return Form({m: -c for m, c in self.terms.items()}, self.below)

    def __add__(self, other: Form) -> Form:
        if self.below is _UNIT and other.below is _UNIT:
            return Form(_plus(self.terms, other.terms))
        top = _plus(_times(self.terms, other.below), _times(other.terms, self.below))
        return Form(top, _times(self.below, other.below))

    def __sub__(self, other: Form) -> Form:
        return self + -other

    def __mul__(self, other: Form) -> Form:
        below = self.below
        if other.below is not _UNIT:
            below = other.below if below is _UNIT else _times(below, other.below)
        return Form(_times(self.terms, other.terms), below)

    def __truediv__(self, other: Form) -> Form:
        if not other.terms:
            raise UnknownError
        return self * Form(other.below, other.terms)

    def __pow__(self, other: Form) -> Form:
        """Return a power. Raises TooLargeError; UnknownError where it is no such form."""
        exponent = other.number
        if exponent is None:
            raise UnknownError
        if exponent.denominator == 1:
            return self._to(int(exponent))
        if self.number is not None:
            return _root(self.number, exponent)
        if len(self.terms) == 1 and self.below is _UNIT:
            ((monomial, factor),) = self.terms.items()
            if factor > 0 and all(_positive(base) and e == 1 for base, e in monomial):
                letters = frozenset((base, exponent) for base, _ in monomial)
                return _root(factor, exponent) * Form({letters: Fraction(1)})
        raise UnknownError

    def _to(self, exponent: int) -> Form:
        """Return a whole power, by squaring."""
        if exponent < 0:
            return Form.of(1) / self._to(-exponent)
        if len(self.terms) == 1 and self.below is _UNIT:
            ((monomial, factor),) = self.terms.items()
            size = max(factor.numerator.bit_length(), factor.denominator.bit_length())
            if (size - 1) * exponent > MAX_BITS:
                raise TooLargeError
            if all(isinstance(base, str) and base != "i" for base, _ in monomial):
                raised = frozenset((base, e * exponent) for base, e in monomial if exponent)
                return Form({raised: factor**exponent})
        elif exponent > MAX_TERMS or (len(self.terms) > 1 and _spread(self.terms, exponent)):
            raise TooLargeError
        result, square = Form.of(1), self
        while exponent:
            if exponent & 1:
                result *= square
            exponent >>= 1
            if exponent:
                square *= square
        return result


def _spread(terms: Terms, exponent: int) -> bool:
    """Return whether a power of a sum may have too many terms."""
    return math.comb(exponent + min(len(terms), 8) - 1, exponent) > MAX_TERMS


def _plus(left: Terms, right: Terms) -> Terms:
    """Return the sum."""
    total = dict(left)
    for monomial, factor in right.items():
        total[monomial] = total.get(monomial, 0) + factor
    return {monomial: factor for monomial, factor in total.items() if factor}


def _times(left: Terms, right: Terms) -> Terms:
    """Return the product."""
    if left is _UNIT or right is _UNIT:
        return right if left is _UNIT else left
    if len(left) * len(right) > MAX_TERMS * 4:
        raise TooLargeError
    total: Terms = {}
    for one, factor in left.items():
        for other, by in right.items():
            monomial, more = _joined(one, other)
            value = factor * by if more == 1 else factor * by * more
            if value.numerator.bit_length() + value.denominator.bit_length() > 2 * MAX_BITS:
                raise TooLargeError
            total[monomial] = total.get(monomial, 0) + value
    if len(total) > MAX_TERMS:
        raise TooLargeError
    return {monomial: factor for monomial, factor in total.items() if factor}


def _inverse(terms: Terms) -> Terms:
    """Return one over a single term."""
    ((monomial, factor),) = terms.items()
    inverse, more = _joined(_ONE, frozenset((base, -e) for base, e in monomial))
    return {inverse: more / factor}


def _joined(one: Monomial, other: Monomial) -> tuple[Monomial, Fraction]:
    """Return a product of powers, and the number that comes out of its primes and of i."""
    powers = dict(one)
    for base, e in other:
        powers[base] = powers.get(base, 0) + e
    factor = Fraction(1)
    for base, e in powers.items():
        if isinstance(base, int):
            whole = math.floor(e)
            factor *= Fraction(base) ** whole
            powers[base] = e - whole
        elif base == "i" and e.denominator == 1:
            factor *= (-1) ** (e // 2)
            powers[base] = e % 2
    return frozenset((base, e) for base, e in powers.items() if e), factor


def _positive(base: Hashable) -> bool:
    """Return whether a base is a letter, of which roots are taken as if it were positive."""
    return isinstance(base, str) and base != "i"


def _root(value: Fraction, exponent: Fraction) -> Form:
    """Return a number to a broken power. Odd roots of negative numbers are negative."""
    if value < 0:
        sign = Form.of(-1 if exponent.denominator % 2 and exponent.numerator % 2 else 1)
        if exponent.denominator % 2 == 0:
            if exponent.denominator != 2:  # noqa: PLR2004 - square roots alone give i
                raise UnknownError
            sign = Form.of("i")._to(exponent.numerator % 4)
        return sign * _root(-value, exponent)
    if not value:
        if exponent < 0:
            raise UnknownError
        return Form.of(0)
    factor, powers = Fraction(1), {}
    for number, side in ((value.numerator, 1), (value.denominator, -1)):
        for prime, count in _primes(number).items():
            e = side * count * exponent
            whole = math.floor(e)
            if abs(whole) * prime.bit_length() > MAX_BITS:
                raise TooLargeError
            factor *= Fraction(prime) ** whole
            powers[prime] = e - whole
    return Form({frozenset((prime, e) for prime, e in powers.items() if e): factor})


_MAX_PRIME = 3000


def _primes(number: int) -> dict[int, int]:
    """Return the primes in a number with their counts. Raises UnknownError where it is hard."""
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


class Applied(NamedTuple):
    """A function with its arguments' keys, which stands in a term as a letter does."""

    name: str
    arguments: tuple[Hashable, ...]


def apply(name: str, *arguments: Form) -> Form:
    """Return a function of forms as a form."""
    return Form.of(Applied(name, tuple(argument.key for argument in arguments)))


def differ(one: Form, other: Form) -> bool | None:
    """Return False where two forms are equal, True where they are not, None where it is open."""
    if one == other:
        return False
    bases = one.bases() | other.bases()
    if not any(isinstance(base, Applied) for base in bases):
        return True
    for seed in range(2):
        left, right = _value(one.key, seed), _value(other.key, seed)
        if left is None or right is None:
            return None
        if abs(left - right) > _FAR * max(abs(left), abs(right), 1e-6):
            return True
    return None


_FAR = 1e-4  # decimals may be rounded


def _value(key: Hashable, seed: int) -> complex | None:
    """Return a form's value with a positive number for each letter, None where it has none."""
    try:
        return _evaluated(key, seed)
    except (ArithmeticError, ValueError, RecursionError):
        return None


def _evaluated(key: Hashable, seed: int) -> complex:
    """Return a form's value. Raises ArithmeticError or ValueError where it has none."""
    sums = []
    for side in key:  # type: ignore[attr-defined]
        total = 0j
        for monomial, factor in side:
            product = complex(float(factor))
            for base, e in monomial:
                product *= _base_value(base, seed) ** (int(e) if e.denominator == 1 else float(e))
            total += product
        sums.append(total)
    value = sums[0] / sums[1]
    if cmath.isfinite(value):
        return value
    raise OverflowError


def _base_value(base: Hashable, seed: int) -> complex:
    """Return the value of a prime, a constant, a letter or an applied function."""
    if isinstance(base, int):
        return complex(base)
    if isinstance(base, Applied):
        function = _FUNCTIONS.get(base.name)
        if function is None:
            raise ValueError(base.name)
        return complex(function(*(_evaluated(key, seed) for key in base.arguments)))
    if base in _CONSTANTS:
        return _CONSTANTS[str(base)]
    if base == "oo":
        raise OverflowError
    return complex(0.3 + (sum(map(ord, str(base))) * (0.618 + 0.01 * seed)) % 1)


_CONSTANTS = {"pi": complex(math.pi), "e": complex(math.e), "i": 1j}


def _real(function: Callable[[float], float]) -> Callable[[complex], complex]:
    """Return a function of real numbers as one of complex numbers that refuses others."""

    def applied(value: complex) -> complex:
        if value.imag:
            raise ValueError(value)
        return complex(function(value.real))

    return applied


_FUNCTIONS: dict[str, Callable[..., complex]] = {
    **{name: getattr(cmath, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp")},
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
    "arctan": cmath.atan,
    "cot": lambda x: 1 / cmath.tan(x),
    "sec": lambda x: 1 / cmath.cos(x),
    "csc": lambda x: 1 / cmath.sin(x),
    "ln": cmath.log,
    "log": lambda x, base: cmath.log(x) / cmath.log(base),
    "abs": abs,
    "floor": _real(math.floor),
    "ceil": _real(math.ceil),
    "factorial": _real(lambda x: math.gamma(x + 1)),
    "power": lambda base, e: base**e,
}


@cache
def infinity() -> Form:
    """Return the form that stands for infinity."""
    return Form.of("oo")
