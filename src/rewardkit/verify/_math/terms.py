"""Tokens to terms: sums, products, powers, roots, functions, finite sums and products.

Brackets, and what is beyond one expression, are the parser's: see `parser`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.functions import DOTS, apply_function, raise_to_power
from rewardkit.verify._math.literals import parse_clock, parse_decimal
from rewardkit.verify._math.tokenizer import FUNCTIONS, GREEK, MAX_DEPTH
from rewardkit.verify._math.values import Group, Value

# Neither a text's length nor its nesting bounds the time of its products.
MAX_WORK = 20_000
"""Texts that take more steps, in terms multiplied, are not computed."""
MAX_RANGE = 1000
"""Longer sums and products, in terms, are not computed; nor larger numbers' factorials."""


CLOSING_BRACKETS = {
    "(": (")", "]"),
    "[": (")", "]"),
    r"\{": (r"\}",),
    "{": ("}",),
    r"\langle": (r"\rangle",),
    "]": ("[", "]"),  # ]0, 1[ is open
}
CHOICES: dict[str, Callable[..., Any]] = {
    r"\max": max,
    r"\min": min,
    r"\gcd": math.gcd,
    r"\lcm": math.lcm,
}
MAX_SYMBOLIC_CHOICE = 8
"""Binomials of fewer than so many of a letter are multiplied out."""
_FACTOR_STARTS = frozenset(
    {"(", "{", "|", r"\{", r"\frac", r"\sqrt", r"\binom", r"\pi", r"\infty", r"\ldots"}
    | {r"\lfloor", r"\lceil", r"\sum", r"\prod"}
)
MATRIX_OPENINGS = frozenset(rf"\begin{{{kind}matrix}}" for kind in ("", "p", "b", "B", "small"))


class TermParser:
    """Reads expressions from tokens; a method for each level of binding."""

    def __init__(self, tokens: list[str], letters: dict[str, Form] | None = None) -> None:
        """Take the tokens of `tokenizer.tokenize`, and values for some letters."""
        # The empty token at the end saves each method a check of the length.
        self.tokens = [*tokens, ""]
        self.index = 0
        self.large = False  # a part is too large to compute, and is treated as a letter
        # the current values of the letters that sums and products run over
        self.bound_letters: dict[str, Form] = dict(letters or {})
        self.takes_minus = False  # whether a plus-minus sign is read as minus
        # brackets, bars, sets and functions around
        self.depth = self.open_bars = self.open_sets = self.open_functions = 0
        self.joined_by = "list"  # what was between the values that were parsed last
        self.ends_in_degree = False
        self.work = 0

    @property
    def next(self) -> str:
        """The next token, empty at the end."""
        return self.tokens[self.index]

    def take(self, expected: str = "") -> str:
        """Consume a token, the expected one if that is given."""
        token = self.tokens[self.index]
        if (expected and token != expected) or not token:
            raise UnknownError
        self.index += 1
        return token

    @abstractmethod
    def parse_items(self, ends: frozenset[str], *, both: bool = False) -> list[Value]:
        """Parse values between commas."""

    @abstractmethod
    def parse_brackets(self, left: str) -> Value:
        """Parse what is in brackets."""

    @abstractmethod
    def parse_matrix(self, opening: str) -> Value:
        """Parse a matrix."""

    def parse_sum(self) -> Value:
        """Parse terms."""
        negative = False
        while self.next in ("-", "+", r"\pm"):
            negative ^= self._is_minus(self.take())
        total = self.parse_product()
        if negative:
            total = -require_form(total)
        while self.next in ("+", "-", r"\pm"):
            negative = self._is_minus(self.take())
            while self.next in ("+", "-"):
                negative ^= self.take() == "-"
            part = self.parse_product()
            if isinstance(total, Group) and isinstance(part, Group) and negative:
                total = Group("difference", (total, part))  # R - {0}
                continue
            term = require_form(part)
            self._spend_work(len(term.terms))
            total = require_form(total) + (-term if negative else term)
        if self.next in (r"\over", r"\choose"):
            command, top = self.take(), require_form(total)
            bottom = require_form(self.parse_sum())
            total = top / bottom if command == r"\over" else self._compute_binomial(top, bottom)
        return total

    def _spend_work(self, *sizes: int) -> None:
        """Count steps of work. Raises TooLargeError when there are too many."""
        self.work += math.prod(sizes)
        if self.work > MAX_WORK:
            raise TooLargeError

    def _multiply(self, one: Value, other: Value) -> Form:
        left, right = require_form(one), require_form(other)
        self._spend_work(len(left.terms) + len(left.below), len(right.terms) + len(right.below))
        return left * right

    def _is_minus(self, token: str) -> bool:
        return self.takes_minus if token == r"\pm" else token == "-"

    def parse_product(self, *, plain: bool = False) -> Value:
        """Parse factors, with or without an operator between them; `plain` stops at a function."""
        total = self.parse_power()
        while True:
            token = self.next
            if plain and token == "/" and self.ends_in_degree:
                return total  # tan 60°/2 is half of tan 60°
            if token in ("*", "/"):
                self.take()
                negative = self.next == "-"
                if negative:
                    self.take()
                factor = require_form(self.parse_power())
                factor = -factor if negative else factor
                total = self._multiply(total, factor if token == "*" else Form.of(1) / factor)
                if token == "/" and self._begins_factor(self.next):
                    raise UnknownError  # is 1/2x half of x?
            elif token == r"\bmod":
                self.take()
                total = _compute_remainder(total, self.parse_power())
            elif token[:1].isdigit():
                total = self._parse_mixed_number(require_form(total))
            elif self._begins_factor(token) and not (plain and token[1:] in FUNCTIONS):
                total = self._multiply(total, self.parse_power())
            else:
                return total

    def _begins_factor(self, token: str) -> bool:
        return (
            token in _FACTOR_STARTS
            or token.isalpha()
            or token in GREEK
            or token[1:] in FUNCTIONS
            or token in CHOICES
        ) and not (token == "|" and self.open_bars)

    def _parse_mixed_number(self, whole: Form) -> Form:
        """Parse the fraction of a mixed number without LaTeX: 1 1/2."""
        top, slash, bottom = [*self.tokens[self.index : self.index + 3], "", ""][:3]
        before = self.tokens[self.index - 1]
        if not (before.isdigit() and top.isdigit() and slash == "/" and bottom.isdigit()):
            raise UnknownError
        self.index += 3
        return whole + Form.of(int(top)) / Form.of(int(bottom))

    def parse_power(self) -> Value:
        """Parse a value with its powers, factorials and degrees."""
        start = self.index
        base = self.parse_atom()
        # 1\frac{1}{2} is a mixed number, as people write it; a product has a times sign.
        if self.tokens[start].isdigit() and self.next == r"\frac":
            fraction = self.parse_atom()
            number = require_form(fraction).number
            if number is None or number <= 0:
                return require_form(base) * require_form(fraction)
            return require_form(base) + require_form(fraction)
        self.ends_in_degree = False
        while self.next in ("^", "!", r"\degree", r"\squared", r"\cubed"):
            operator = self.take()
            if operator == "!":
                base = self._compute_factorial(require_form(base))
                continue
            exponent = _NAMED_POWERS.get(operator) or (
                self._parse_exponent() if operator == "^" else None
            )
            if exponent is not None:
                base = self._raise_to(require_form(base), exponent)
                continue
            self.ends_in_degree = True
            if self.open_functions:
                base = require_form(base) * _DEGREE
        return base

    def _parse_exponent(self) -> Form | None:
        """Parse an exponent; None for the degree sign."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLargeError
        negative = self.next == "-"
        if negative:
            self.take()
        degrees = 3 * (self.tokens[self.index : self.index + 3] == ["{", r"\circ", "}"])
        degrees = degrees or self.next == r"\circ"
        if degrees:
            self.index += degrees
            self.depth -= 1
            return None
        exponent = require_form(self.parse_atom())
        if self.next == "^":
            self.take()
            above = self._parse_exponent()
            if above is None:
                raise UnknownError
            exponent = self._raise_to(exponent, above)
        self.depth -= 1
        return -exponent if negative else exponent

    def _raise_to(self, base: Form, exponent: Form) -> Form:
        """Return a power, or an unevaluated function if it is too large."""
        try:
            power = raise_to_power(base, exponent)
        except TooLargeError:
            self.large = True
            # Finding out was expensive too: at most ten such powers per text.
            self._spend_work(MAX_WORK // 10)
        else:
            self._spend_work(len(base.terms), len(power.terms), 2)
            return power
        return apply_function("power", base, exponent)

    def _compute_factorial(self, base: Form) -> Form:
        """Return a factorial, or an unevaluated function."""
        if self.next == "!":  # a double factorial is another function
            raise UnknownError
        number = base.number
        if number is not None and number.denominator == 1 and number >= 0:
            if number <= MAX_RANGE:
                return Form.of(math.factorial(int(number)))
            self.large = True
        return apply_function("factorial", base)

    def parse_atom(self) -> Value:  # noqa: C901, PLR0911, PLR0912 - a line for each kind
        """Parse a number, a letter, a bracket or a command with its arguments."""
        token = self.take()
        if token.lstrip(".")[:1].isdigit():
            return parse_clock(token) if ":" in token else Form.of(parse_decimal(token))
        if token.isalpha() or token in GREEK:
            return self._parse_letter(token)
        if token in CLOSING_BRACKETS:
            return self.parse_brackets(token)
        if token == "|":
            self.open_bars += 1
            inside = require_form(self.parse_sum())
            self.open_bars -= 1
            self.take("|")
            return apply_function("abs", inside)
        if token in CHOICES:
            return self._choose_value(token[1:])
        if token in _ROUNDINGS:
            inside = require_form(self.parse_sum())
            self.take(_ROUNDINGS[token])
            return apply_function("floor" if token == r"\lfloor" else "ceil", inside)
        if token in MATRIX_OPENINGS:
            return self.parse_matrix(token)
        named = CONSTANTS_OF_COMMANDS.get(token)
        if named is not None:
            return named
        if token[1:] in FUNCTIONS:
            return self._parse_function(token[1:])
        if token == r"\frac":
            return self._parse_argument() / self._parse_argument()
        if token == r"\sqrt":
            return self._parse_root()
        if token == r"\binom":
            return self._compute_binomial(self._parse_argument(), self._parse_argument())
        if token in (r"\sum", r"\prod"):
            return self._parse_series(token)
        raise UnknownError

    def _choose_value(self, name: str) -> Form:
        """Parse the greatest, the least, or what divides or is divided by all of some values."""
        opening = self.take()
        if opening not in ("(", r"\{", "{"):
            raise UnknownError
        items = [
            require_form(item)
            for item in self.parse_items(frozenset({*CLOSING_BRACKETS[opening], ""}))
        ]
        self.take(CLOSING_BRACKETS[opening][0])
        numbers = [item.number for item in items]
        if name in ("max", "min") and None in numbers:
            return apply_function(name, *items)
        try:
            return Form.of(CHOICES["\\" + name](*numbers))
        except TypeError:  # the divisors of fractions
            raise UnknownError from None

    def _parse_letter(self, letter: str) -> Form:
        while self.next == "'":
            letter += self.take()
        if self.next == "_":
            self.take()
            name = [self.take()]
            while name[0] == "{" and name[-1] != "}":
                name.append(self.take())
            letter += "_" + self._write_subscript(name)
        return self.bound_letters.get(letter) or Form.of(letter)

    def _write_subscript(self, name: list[str]) -> str:
        """Write a subscript; one with a letter whose value is known is computed."""
        inside = [token for token in name if token not in "{}"]
        if self.bound_letters.keys() & set(inside):
            value = require_form(type(self)(inside, self.bound_letters).parse_sum()).number
            return str(value)
        return "".join(inside)

    def _parse_argument(self) -> Form:
        """Parse a command's argument: a group in braces, one digit, or one letter."""
        token = self.next
        if token == "{":
            return require_form(self.parse_atom())
        if token.isdigit() and len(token) > 1:  # \frac12 is one half
            self.tokens[self.index] = token[1:]
            return Form.of(int(token[0]))
        if token.isalnum() or token in GREEK or token in CONSTANTS_OF_COMMANDS:
            self.take()
            return require_form(
                CONSTANTS_OF_COMMANDS.get(token)
                or Form.of(int(token) if token.isdigit() else token)
            )
        raise UnknownError

    def _parse_root(self) -> Form:
        degree = Form.of(2)
        if self.next == "[":
            self.take()
            degree = require_form(self.parse_sum())
            self.take("]")
        inside = require_form(self.parse_atom()) if self.next == "(" else self._parse_argument()
        return self._raise_to(inside, Form.of(1) / degree)

    def _compute_binomial(self, top: Form, bottom: Form) -> Form:
        """Return a binomial coefficient, or an unevaluated function."""
        n, k = top.number, bottom.number
        if n is None and k is not None and k in range(MAX_SYMBOLIC_CHOICE):
            product = Form.of(1)
            for index in range(int(k)):
                product = self._multiply(product, top - Form.of(index))
            return product / Form.of(math.factorial(int(k)))
        if n is None or k is None:
            return apply_function("binomial", top, bottom)
        if n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
            raise UnknownError
        if n > MAX_RANGE:
            self.large = True
            return apply_function("binomial", top, bottom)
        return Form.of(math.comb(int(n), int(k)))

    def _parse_function(self, name: str) -> Form:
        """Parse a function with its base, its power and its argument."""
        base, power = None, None
        while self.next in ("_", "^"):
            if self.take() == "_":
                base = self._parse_argument()
            else:
                power = self._parse_exponent()
        # Degrees count only within a function: 30^\circ alone equals 30.
        self.open_functions += 1
        if self.next in ("(", "{"):
            argument = require_form(self.parse_atom())
            if self.next == "^":
                raise UnknownError
        else:
            argument = require_form(self.parse_product(plain=True))
        self.open_functions -= 1
        if name in ("log", "lg"):
            applied = apply_function("log", argument, base or Form.of(10))
        elif base is not None:
            raise UnknownError
        elif power is not None and power.number == -1 and name in ("sin", "cos", "tan"):
            return apply_function(f"arc{name}", argument)
        else:
            applied = apply_function(name, argument)
        return applied if power is None else self._raise_to(applied, power)

    def _parse_series(self, token: str) -> Form:
        """Parse a finite sum or product and compute it."""
        self.take("_")
        self.take("{")
        letter = self.take()
        self.take("=")
        low = require_form(self.parse_sum()).number
        self.take("}")
        self.take("^")
        high = require_form(self.parse_atom()).number
        if not letter.isalpha() or low is None or high is None:
            raise UnknownError
        if high - low > MAX_RANGE:
            raise TooLargeError
        if (
            low.denominator != 1
            or high.denominator != 1
            or high < low
            or letter in self.bound_letters
        ):
            raise UnknownError
        # The parser computes as it reads and keeps no tree, so each value parses the term again.
        start, total = self.index, Form.of(0 if token == r"\sum" else 1)
        for value in range(int(low), int(high) + 1):
            self.index, self.bound_letters[letter] = start, Form.of(value)
            term = require_form(self.parse_product())
            total = total + term if token == r"\sum" else total * term
        del self.bound_letters[letter]
        return total


_DEGREE = Form.of("pi") / Form.of(180)
# Made once: making a form takes longer than looking one up.
CONSTANTS_OF_COMMANDS: dict[str, Form | Group] = {
    r"\pi": Form.of("pi"),
    r"\infty": Form.of("oo"),
    r"\infinity": Form.of("oo"),
    r"\inf": Form.of("oo"),
    r"\emptyset": Group("{}", ()),
    r"\mathbb{R}": Group("()", (-Form.of("oo"), Form.of("oo"))),
    r"\ldots": Form.of(DOTS),
    **{rf"\mathbb{{{letter}}}": Group(letter, ()) for letter in "CNQZ"},
}
_NAMED_POWERS = {r"\squared": Form.of(2), r"\cubed": Form.of(3)}
_ROUNDINGS = {r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}


def _compute_remainder(value: Value, modulus: Value) -> Form:
    above, below = require_form(value).number, require_form(modulus).number
    if above is None or not below:
        raise UnknownError
    return Form.of(above % below)


def require_form(value: Value) -> Form:
    """Return a value that can be added and multiplied. Raises UnknownError for others."""
    if isinstance(value, Form):
        return value
    raise UnknownError
