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
from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

MAX_TERMS = 1000
"""Longer sums are not multiplied out."""
MAX_PRODUCTS = 4000
"""Sums of which so many terms are to be multiplied with each other are not."""
MAX_BITS = 14_000
"""Larger integers are not computed; 4,000 digits have 13,288 bits."""

Rational = int | Fraction
Monomial = frozenset[tuple[Hashable, Rational]]
Terms = dict[Monomial, Rational]
_ONE: Monomial = frozenset()
_BITS_BELOW = 2000  # quotients take longer
_HALF = Fraction(1, 2)
_UNIT: Terms = {_ONE: 1}


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
    def of(value: Rational | Hashable) -> Form:
        """Return a number, or a letter or an applied function as a form."""
        if isinstance(value, int | Fraction):
            return Form({_ONE: value} if value else {})
        return Form({frozenset({(value, 1)}): 1})

    @property
    def number(self) -> Rational | None:
        """The rational number that it is, None where it is none."""
        if not self.terms:
            return 0
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
                return _root(factor, exponent) * Form({letters: 1})
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
        total[monomial] = _small(total.get(monomial, 0) + factor)
    if len(total) > MAX_TERMS:
        raise TooLargeError
    return {monomial: factor for monomial, factor in total.items() if factor}


def _small(value: Rational) -> Rational:
    """Return a number if it is small enough to compute with. Raises TooLargeError."""
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > _BITS_BELOW:
        raise TooLargeError
    return value


def _times(left: Terms, right: Terms) -> Terms:
    """Return the product."""
    if left is _UNIT or right is _UNIT:
        return right if left is _UNIT else left
    if len(left) * len(right) > MAX_PRODUCTS:
        raise TooLargeError
    total: Terms = {}
    for one, factor in left.items():
        for other, by in right.items():
            monomial, more = _joined(one, other)
            value = _small(factor * by if more == 1 else factor * by * more)
            total[monomial] = total.get(monomial, 0) + value
    if len(total) > MAX_TERMS:
        raise TooLargeError
    return {monomial: factor for monomial, factor in total.items() if factor}


def _inverse(terms: Terms) -> Terms:
    """Return one over a single term."""
    ((monomial, factor),) = terms.items()
    inverse, more = _reduced((base, -e) for base, e in monomial)
    return {inverse: Fraction(more) / factor}


def _joined(one: Monomial, other: Monomial) -> tuple[Monomial, Rational]:
    """Return a product of powers, and the number that comes out of its primes and of i."""
    if not one or not other:
        return one or other, 1
    return _reduced([*one, *other])


def _reduced(factors: Iterable[tuple[Hashable, Rational]]) -> tuple[Monomial, Rational]:
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
            factor *= (-1) ** (e // 2)
            powers[base] = e % 2
    return frozenset((base, e) for base, e in powers.items() if e), factor


def _positive(base: Hashable) -> bool:
    """Return whether a base is a letter, of which roots are taken as if it were positive."""
    return isinstance(base, str) and base != "i"


def _root(value: Rational, exponent: Rational) -> Form:
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
    factor: Rational = 1
    powers: dict[Hashable, Rational] = {}
    for number, side in ((value.numerator, 1), (value.denominator, -1)):
        for prime, count in _primes(number).items():
            e = side * count * exponent
            whole = math.floor(e)
            if abs(whole) * prime.bit_length() > MAX_BITS:
                raise TooLargeError
            if whole:
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
    """Return a function of forms as a form: its value where that is known, else as a letter.

    >>> apply("ln", Form.of(8)) == Form.of(3) * apply("ln", Form.of(2))
    True
    >>> apply("sin", Form.of("pi") * Form.of(Fraction(5, 6))) == Form.of(Fraction(1, 2))
    True
    """
    known = _KNOWN[name](*arguments) if name in _KNOWN else None
    if known is not None:
        return known
    return Form.of(Applied(name, tuple(argument.key for argument in arguments)))


def raised(base: Form, exponent: Form) -> Form:
    """Return a power whose exponent may have letters: 2^(x + 1) is 2 times 2^x.

    Raises TooLargeError.
    """
    try:
        return base**exponent
    except UnknownError:
        if not base.terms:
            raise
    if base.number is not None and exponent.number is not None and abs(base.number) > _MAX_PRIME**4:
        raise TooLargeError
    try:
        return _multiplied_out(base, exponent)
    except UnknownError:
        return apply("power", base, exponent)


_I_PI: Monomial = frozenset({("i", 1), ("pi", 1)})


def _multiplied_out(base: Form, exponent: Form) -> Form:
    """Return a power of one positive term, each of its factors to each term of the exponent."""
    if len(base.terms) != 1 or base.below is not _UNIT or exponent.below is not _UNIT:
        raise UnknownError
    ((monomial, factor),) = base.terms.items()
    powers: list[tuple[Hashable, Rational]] = []
    for part, e in monomial:
        if not isinstance(part, int) and not (_positive(part) and e == 1):
            raise UnknownError
        powers.append((part, e))
    if factor <= 0:
        raise UnknownError
    for number, side in ((factor.numerator, 1), (factor.denominator, -1)):
        powers += [(prime, side * count) for prime, count in _primes(number).items()]
    result = Form.of(1)
    for part, e in powers:
        for above, times in exponent.terms.items():
            turned = _turned(times) if part == "e" and above == _I_PI else None
            if turned is not None:
                result *= turned
            elif above:
                power = Applied("power", (Form.of(part).key, Form({above: 1}).key))
                result *= Form({frozenset({(power, e * times)}): 1})
            else:
                result *= Form.of(part) ** Form.of(e * times)
    return result


def _logarithm(argument: Form) -> Form | None:
    """Return the logarithm of a number by its primes', and of a power of e."""
    number = argument.number
    if number is not None and number > 0:
        total = Form.of(0)
        for side, part in ((1, number.numerator), (-1, number.denominator)):
            for prime, count in _primes(part).items():
                letter = Form.of(Applied("ln", (Form.of(prime).key,)))
                total += Form.of(side * count) * letter
        return total
    if len(argument.terms) == 1 and argument.below is _UNIT:
        ((monomial, factor),) = argument.terms.items()
        if factor == 1 and len(monomial) == 1:
            ((base, e),) = monomial
            if base == "e":
                return Form.of(e)
    return None


def _log(argument: Form, base: Form) -> Form | None:
    """Return a logarithm to a base as a quotient."""
    return apply("ln", argument) / apply("ln", base)


_SINES = {Fraction(0): (0, 1), Fraction(1, 6): (1, 1), Fraction(1, 4): (1, 2)}
_SINES |= {Fraction(1, 3): (1, 3), Fraction(1, 2): (1, 4)}


def _turned(half_turns: Rational) -> Form | None:
    """Return e to the power of i pi times a number, where that is a multiple of 1/6 or 1/4."""
    parts = []
    for turn in (half_turns + Fraction(1, 2), Fraction(half_turns)):
        sign, place = (1, turn % 2) if turn % 2 <= 1 else (-1, turn % 2 - 1)
        found = _SINES.get(min(place, 1 - place))
        if found is None:
            return None
        parts.append(Form.of(Fraction(sign * found[0], 2)) * _root(found[1], _HALF))
    return parts[0] + Form.of("i") * parts[1]


def _exponential(argument: Form) -> Form:
    """Return e to a power."""
    return raised(Form.of("e"), argument)


def _sine(argument: Form) -> Form:
    """Return a sine by Euler's formula, so that identities of sines are those of powers."""
    turned = Form.of("i") * argument
    return (_exponential(turned) - _exponential(-turned)) / Form({frozenset({("i", 1)}): 2})


def _cosine(argument: Form) -> Form:
    """Return a cosine by Euler's formula."""
    turned = Form.of("i") * argument
    return (_exponential(turned) + _exponential(-turned)) / Form.of(2)


def _size(argument: Form) -> Form | None:
    """Return the absolute value of a number, of a complex one too."""
    number = argument.number
    if number is not None:
        return Form.of(abs(number))
    if any(not isinstance(base, int) and base != "i" for base in argument.bases()):
        return None
    conjugate = Form(
        {m: -c if ("i", 1) in m else c for m, c in argument.terms.items()}, argument.below
    )
    square = (argument * conjugate).number
    return None if square is None or argument.below is not _UNIT else _root(square, _HALF)


_KNOWN: dict[str, Callable[..., Form | None]] = {
    "abs": _size,
    "cos": _cosine,
    "cot": lambda x: _cosine(x) / _sine(x),
    "csc": lambda x: Form.of(1) / _sine(x),
    "exp": _exponential,
    "ln": _logarithm,
    "log": _log,
    "sec": lambda x: Form.of(1) / _cosine(x),
    "sin": _sine,
    "tan": lambda x: _sine(x) / _cosine(x),
}


def differ(one: Form, other: Form) -> bool | None:
    """Return False where two forms are equal, True where they are not, None where it is open."""
    if one == other:
        return False
    bases = one.bases() | other.bases()
    if not any(isinstance(base, Applied) for base in bases):
        return True
    if _is_sum_of_logarithms(one) and _is_sum_of_logarithms(other):
        return True
    for seed in range(2):
        left, right = _value(one.key, seed), _value(other.key, seed)
        if left is None or right is None:
            return None
        if abs(left - right) > _FAR * max(abs(left), abs(right), 1e-6):
            return True
    return None


def _is_sum_of_logarithms(form: Form) -> bool:
    """Return whether a form is a sum of primes' logarithms, each times an algebraic number.

    Those are equal only where their terms are (Baker, 1966).
    """
    return form.below is _UNIT and all(
        isinstance(base, int)
        or (isinstance(base, Applied) and base.name == "ln" and e == 1 and len(monomial) == 1)
        for monomial in form.terms
        for base, e in monomial
    )


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
                product *= _power_value(base, e, seed)
            total += product
        sums.append(total)
    value = sums[0] / sums[1]
    if cmath.isfinite(value):
        return value
    raise OverflowError


def _power_value(base: Hashable, exponent: Rational, seed: int) -> complex:
    """Return the value of a power in a term."""
    if isinstance(base, Applied) and base.name == "power":
        below, above = (_evaluated(key, seed) for key in base.arguments)
        return cmath.exp(cmath.log(below) * above * float(exponent))
    power = int(exponent) if exponent.denominator == 1 else float(exponent)
    return _base_value(base, seed) ** power


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
    **{name: getattr(cmath, name) for name in ("sinh", "cosh", "tanh")},
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
    "arctan": cmath.atan,
    "ln": cmath.log,
    "abs": abs,
    "floor": _real(math.floor),
    "ceil": _real(math.ceil),
    "factorial": _real(lambda x: math.gamma(x + 1)),
}


@cache
def infinity() -> Form:
    """Return the form that stands for infinity."""
    return Form.of("oo")
