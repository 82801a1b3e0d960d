"""Functions of exact values: their values where those are known, else as letters of a term.

Powers with letters above are split into factors, sines are written by Euler's formula, logarithms
by those of primes, so that most identities between them are those of sums and products.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import NamedTuple

from rewardkit.verify._math.exact import (
    HALF,
    UNIT,
    Form,
    Monomial,
    Rational,
    TooLargeError,
    UnknownError,
    factor_into_primes,
    is_letter,
    take_root,
)


class Applied(NamedTuple):
    """A function with its arguments' keys, used in a term as a letter is."""

    name: str
    arguments: tuple[Hashable, ...]


DOTS = "..."
"""The letter for what is left out of a sequence."""
ANY_NAME = "?"
"""The letter on the left of a bound without a name, such as "> 3"."""
CONSTANTS = frozenset(("pi", "e", "i", "oo", DOTS))
"""The letters that are numbers, or that are not names."""


def apply_function(name: str, *arguments: Form) -> Form:
    """Return a function of forms as a form: its value where that is known, else as a letter.

    >>> apply_function("ln", Form.of(8)) == Form.of(3) * apply_function("ln", Form.of(2))
    True
    >>> apply_function("sin", Form.of("pi") * Form.of(Fraction(5, 6))) == Form.of(Fraction(1, 2))
    True
    """
    known = _EXACT_FUNCTIONS[name](*arguments) if name in _EXACT_FUNCTIONS else None
    if known is not None:
        return known
    return Form.of(Applied(name, tuple(argument.key for argument in arguments)))


def raise_to_power(base: Form, exponent: Form) -> Form:
    """Return a power whose exponent may have letters: 2^(x + 1) is 2 times 2^x.

    Raises TooLargeError, and UnknownError for powers of 0.

    >>> x, two = Form.of("x"), Form.of(2)
    >>> raise_to_power(two, x + Form.of(1)) == two * raise_to_power(two, x)
    True
    """
    try:
        return base**exponent
    except UnknownError:
        if not base.terms:
            raise
    number = base.number
    if (
        exponent.number is not None
        and number is not None
        and not -_MAX_FACTORED < number < _MAX_FACTORED
    ):
        raise TooLargeError
    try:
        return _split_power(base, exponent)
    except UnknownError:
        return apply_function("power", base, exponent)


_MAX_FACTORED = 10**12  # a larger number may have no prime that is quickly found
_I_PI: Monomial = frozenset({("i", 1), ("pi", 1)})


def _split_power(base: Form, exponent: Form) -> Form:
    """Return a power of one positive term, each of its factors to each term of the exponent."""
    monomial, factor = base.term or (frozenset(), -1)
    powers = dict(monomial)
    known = all(isinstance(b, int) or (is_letter(b) and e == 1) for b, e in powers.items())
    if factor <= 0 or not known or exponent.below is not UNIT:
        raise UnknownError
    for number, side in ((factor.numerator, 1), (factor.denominator, -1)):
        for prime, count in factor_into_primes(number).items():
            powers[prime] = powers.get(prime, 0) + side * count
    result = Form.of(1)
    for part, e in powers.items():
        for above, times in exponent.terms.items():
            turned = _raise_e_to_half_turns(times) if part == "e" and above == _I_PI else None
            if turned is not None:
                result *= turned
            elif above:
                power = Applied("power", (Form.of(part).key, Form({above: 1}).key))
                result *= Form({frozenset({(power, e * times)}): 1})
            else:
                result *= Form.of(part) ** Form.of(e * times)
    return result


def _compute_logarithm(argument: Form) -> Form | None:
    """Return the logarithm of a number by its primes', and of a power of e."""
    number = argument.number
    if number is not None and number > 0:
        total = Form.of(0)
        try:
            factors = (
                (1, factor_into_primes(number.numerator)),
                (-1, factor_into_primes(number.denominator)),
            )
        except UnknownError:
            return None
        for side, found in factors:
            for prime, count in found.items():
                letter = Form.of(Applied("ln", (Form.of(prime).key,)))
                total += Form.of(side * count) * letter
        return total
    monomial, factor = argument.term or (frozenset(), 0)
    if factor == 1 and monomial and set(dict(monomial)) == {"e"}:
        return Form.of(dict(monomial)["e"])
    return None


def _compute_log_to_base(argument: Form, base: Form) -> Form | None:
    return apply_function("ln", argument) / apply_function("ln", base)


_SINES = {
    Fraction(0): (0, 1),
    Fraction(1, 6): (1, 1),
    Fraction(1, 4): (1, 2),
    Fraction(1, 3): (1, 3),
    Fraction(1, 2): (1, 4),
}  # the sine of this many half turns is a/2 times the square root of b


def _raise_e_to_half_turns(half_turns: Rational) -> Form | None:
    """Return e to the power of i pi times a number, where that is a multiple of 1/6 or 1/4."""
    parts = []
    for turn in (half_turns + Fraction(1, 2), Fraction(half_turns)):
        sign, remainder = (1, turn % 2) if turn % 2 <= 1 else (-1, turn % 2 - 1)
        found = _SINES.get(min(remainder, 1 - remainder))
        if found is None:
            return None
        parts.append(Form.of(Fraction(sign * found[0], 2)) * take_root(found[1], HALF))
    return parts[0] + Form.of("i") * parts[1]


def _raise_e(argument: Form) -> Form:
    return raise_to_power(Form.of("e"), argument)


def _expand_sine(argument: Form) -> Form:
    """Return a sine by Euler's formula, so that identities of sines are those of powers."""
    turned = Form.of("i") * argument
    return (_raise_e(turned) - _raise_e(-turned)) / Form({frozenset({("i", 1)}): 2})


def _expand_cosine(argument: Form) -> Form:
    """Return a cosine by Euler's formula."""
    turned = Form.of("i") * argument
    return (_raise_e(turned) + _raise_e(-turned)) / Form.of(2)


def _compute_absolute_value(argument: Form) -> Form | None:
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
    return None if square is None or argument.below is not UNIT else take_root(square, HALF)


def _find_angle(
    argument: Form, invert: Callable[[float], float], function: Callable[[Form], Form]
) -> Form | None:
    """Return the angle with a sine or the like, where that is a twelfth of a half turn times n."""
    value = None if has_letters(argument) else approximate(argument)
    try:
        twelfths = round(invert(value) / math.pi * 12) if value is not None else None
        if twelfths is None:
            return None
        angle = Form.of("pi") * Form.of(Fraction(twelfths, 12))
        return angle if function(angle) == argument else None
    except (ValueError, UnknownError):  # no angle has it, or this one's has no value
        return None


_EXACT_FUNCTIONS: dict[str, Callable[..., Form | None]] = {
    "abs": _compute_absolute_value,
    "arccos": lambda x: _find_angle(x, math.acos, _expand_cosine),
    "arcsin": lambda x: _find_angle(x, math.asin, _expand_sine),
    "arctan": lambda x: _find_angle(x, math.atan, lambda y: _expand_sine(y) / _expand_cosine(y)),
    "cos": _expand_cosine,
    "cot": lambda x: _expand_cosine(x) / _expand_sine(x),
    "csc": lambda x: Form.of(1) / _expand_sine(x),
    "exp": _raise_e,
    "ln": _compute_logarithm,
    "log": _compute_log_to_base,
    "sec": lambda x: Form.of(1) / _expand_cosine(x),
    "sin": _expand_sine,
    "tan": lambda x: _expand_sine(x) / _expand_cosine(x),
}


def forms_differ(one: Form, other: Form) -> bool | None:
    """Return False if two forms are equal, True if they are not, None if undecided."""
    if one == other:
        return False
    bases = one.bases() | other.bases()
    # Without functions the terms are independent, so different terms are different values.
    if not any(isinstance(base, Applied) for base in bases):
        return True
    if _is_sum_of_logarithms(one) and _is_sum_of_logarithms(other):
        return True
    # Two points, since different forms may have one value in common by chance. Roundings differ
    # where the letters are large.
    is_rounded = any(isinstance(base, Applied) and base.name in ("floor", "ceil") for base in bases)
    for seed in (0, 1, _LARGE) if is_rounded else (0, 1):
        left, right = _approximate_at(one.key, seed), _approximate_at(other.key, seed)
        if left is None or right is None:
            return None
        if abs(left - right) > _MIN_RELATIVE_DIFFERENCE * max(abs(left), abs(right), 1e-6):
            return True
    return None


def _is_sum_of_logarithms(form: Form) -> bool:
    """Return whether a form is a sum of primes' logarithms, each times an algebraic number.

    Those are equal only where their terms are (Baker, 1966).
    """
    return form.below is UNIT and all(
        isinstance(base, int)
        or (isinstance(base, Applied) and base.name == "ln" and e == 1 and len(monomial) == 1)
        for monomial in form.terms
        for base, e in monomial
    )


_LARGE = 40
# Answers have rounded decimals, so closer values are left for math-verify.
_MIN_RELATIVE_DIFFERENCE = 1e-4


def _approximate_at(key: Hashable, seed: int) -> complex | None:
    """Return a form's value with a positive number for each letter, or None."""
    try:
        return _evaluate_form(key, seed)
    except (ArithmeticError, ValueError, RecursionError):
        return None


def has_letters(form: Form) -> bool:
    """Return whether a value depends on a letter, also within a function."""
    return any(map(_has_letter, form.bases()))


def _has_letter(base: Hashable) -> bool:
    if isinstance(base, Applied):
        return any(
            _has_letter(inner)
            for key in base.arguments
            for side in key  # type: ignore[attr-defined]
            for monomial, _ in side
            for inner, _ in monomial
        )
    return isinstance(base, str) and base not in CONSTANTS


def approximate(form: Form) -> float | None:
    """Return a real constant as a float, or None if it has letters, is complex or too large."""
    number = form.number
    if number is not None:
        try:
            return float(number)
        except OverflowError:
            return None
    value = _approximate_at(form.key, 0)
    if value is None or abs(value.imag) > _MAX_IMAGINARY * max(1, abs(value.real)):
        return None
    return value.real


_MAX_IMAGINARY = 1e-9  # what rounding may leave of a real value


def _evaluate_form(key: Hashable, seed: int) -> complex:
    """Return a form's value. Raises ArithmeticError or ValueError if it has none."""
    sums = []
    for side in key:  # type: ignore[attr-defined]
        total = 0j
        for monomial, factor in side:
            product = complex(float(factor))
            for base, e in monomial:
                product *= _evaluate_power(base, e, seed)
            total += product
        sums.append(total)
    value = sums[0] / sums[1]
    if cmath.isfinite(value):
        return value
    raise OverflowError


def _evaluate_power(base: Hashable, exponent: Rational, seed: int) -> complex:
    if isinstance(base, Applied) and base.name == "power":
        below, above = (_evaluate_form(key, seed) for key in base.arguments)
        return cmath.exp(cmath.log(below) * above * float(exponent))
    power = int(exponent) if exponent.denominator == 1 else float(exponent)
    return _evaluate_base(base, seed) ** power


def _evaluate_base(base: Hashable, seed: int) -> complex:
    if isinstance(base, int):
        return complex(base)
    if isinstance(base, Applied):
        function = _COMPLEX_FUNCTIONS.get(base.name)
        if function is None:
            raise ValueError(base.name)
        return complex(function(*(_evaluate_form(key, seed) for key in base.arguments)))
    if base in _VALUES:
        return _VALUES[str(base)]
    if base == "oo":
        raise OverflowError
    # The same letter has the same value in both forms, and different letters differ.
    value = 0.3 + (sum(map(ord, str(base))) * (0.618 + 0.01 * seed)) % 1
    return complex(value * _LARGE if seed == _LARGE else value)


_VALUES = {"pi": complex(math.pi), "e": complex(math.e), "i": 1j}


def _restrict_to_reals(function: Callable[[float], float]) -> Callable[[complex], complex]:
    """Let a function of real numbers take a complex one without imaginary part."""

    def applied(value: complex) -> complex:
        if value.imag:
            raise ValueError(value)
        return complex(function(value.real))

    return applied


_COMPLEX_FUNCTIONS: dict[str, Callable[..., complex]] = {
    **{name: getattr(cmath, name) for name in ("sinh", "cosh", "tanh")},
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
    "arctan": cmath.atan,
    "ln": cmath.log,
    "abs": abs,
    "max": lambda *values: max(values, key=lambda value: value.real),
    "min": lambda *values: min(values, key=lambda value: value.real),
    "floor": _restrict_to_reals(math.floor),
    "ceil": _restrict_to_reals(math.ceil),
    "factorial": _restrict_to_reals(lambda x: math.gamma(x + 1)),
}
