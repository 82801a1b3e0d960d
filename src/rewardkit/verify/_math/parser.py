"""From the tokens of a text in LaTeX to an exact value, by recursive descent.

Sums, products, powers, roots, fractions, factorials, binomials, applied functions, finite sums and
products, sets, tuples, intervals and their unions, matrices, equations and inequalities are read.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.functions import apply, raised

MAX_DEPTH = 40
"""Brackets and powers nested deeper are not read."""
MAX_WORK = 20_000
"""Texts that take more steps, in terms multiplied, are not computed."""
MAX_RANGE = 1000
"""Longer sums and products, in terms, are not computed; nor larger numbers' factorials."""


class Group(NamedTuple):
    """Several values: `kind` is the brackets, "list" without any, "union", "matrix", or
    "based" for digits and the base that they are written in.
    """

    kind: str
    items: tuple[Value, ...]


class Relation(NamedTuple):
    """Values with the signs between them: `1 < x <= 3` has two."""

    signs: tuple[str, ...]
    sides: tuple[Value, ...]


class Words(NamedTuple):
    """Text, in small letters."""

    text: str


Value = Form | Group | Relation | Words | Number


FUNCTIONS = frozenset(
    [
        *("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"),
        *("arcsin", "arccos", "arctan", "log", "lg", "ln", "exp"),
    ]
)
NAMES = FUNCTIONS | {"sqrt", "pi", "infty", "infinity", "inf", "frac", "pm", "cdot", "times"}
_RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", r"\in"})
_GREEK = frozenset(
    [
        *(
            r"\alpha",
            r"\beta",
            r"\delta",
            r"\epsilon",
            r"\varepsilon",
            r"\zeta",
            r"\eta",
            r"\theta",
        ),
        *(r"\iota", r"\kappa", r"\lambda", r"\mu", r"\nu", r"\xi", r"\rho", r"\sigma", r"\tau"),
        *(
            r"\phi",
            r"\varphi",
            r"\chi",
            r"\psi",
            r"\omega",
            r"\ell",
            r"\hbar",
            r"\Delta",
            r"\Omega",
        ),
        *(r"\Phi", r"\Psi", r"\Theta", r"\Lambda"),
    ]
)
_CLOSING = {
    "(": (")", "]"),
    "[": (")", "]"),
    r"\{": (r"\}",),
    "{": ("}",),
    r"\langle": (r"\rangle",),
}
_STARTS = frozenset({"(", "{", "|", r"\frac", r"\sqrt", r"\binom", r"\pi", r"\infty"})
_MATRICES = frozenset(rf"\begin{{{kind}matrix}}" for kind in ("", "p", "b", "B", "small"))


class Reader:
    """One pass over the tokens: recursive descent, a method for each level of binding."""

    def __init__(self, tokens: list[str]) -> None:
        """Take tokens, with one way to write each thing."""
        self.tokens = [*tokens, ""]
        self.place = 0
        self.large = False  # a part is too large to compute, and stands as a letter does
        self.known: dict[str, Form] = {}  # what letters of sums stand for
        self.minus = False  # what the sign of plus or minus is
        self.depth = self.within = self.applied = 0  # brackets, bars, and functions around
        self.work = 0

    def whole(self) -> Value:
        """Read all tokens."""
        items = self.items(frozenset({""}), both=True)
        if not items:
            raise UnknownError
        return items[0] if len(items) == 1 else Group("list", tuple(items))

    @property
    def next(self) -> str:
        """The token to come, empty at the end."""
        return self.tokens[self.place]

    def take(self, expected: str = "") -> str:
        """Take a token."""
        mark = self.tokens[self.place]
        if (expected and mark != expected) or not mark:
            raise UnknownError
        self.place += 1
        return mark

    def items(self, ends: frozenset[str], *, both: bool = False) -> list[Value]:
        """Read what commas part, up to one of the ends; `both` signs of plus or minus, or one."""
        items: list[Value] = []
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLargeError
        while self.next not in ends:
            start = self.place
            items.append(self.relation())
            if both and r"\pm" in self.tokens[start : self.place]:
                self.place, self.minus = start, True
                items.append(self.relation())
                self.minus = False
            if self.next not in ends:
                self.take(",")
                if self.next in ends:
                    raise UnknownError
        self.depth -= 1
        return items

    def relation(self) -> Value:
        """Read values with signs of equality or order between them."""
        if self.next == "=":
            self.take()
        sides, signs = [self.union()], []
        while self.next in _RELATIONS:
            signs.append(self.take())
            sides.append(self.union())
        return Relation(tuple(signs), tuple(sides)) if signs else sides[0]

    def union(self) -> Value:
        """Read sets joined by the sign of union."""
        parts = [self.sum()]
        while self.next == r"\cup":
            self.take()
            parts.append(self.sum())
        if len(parts) == 1:
            return parts[0]
        if not all(isinstance(part, Group) for part in parts):
            raise UnknownError
        return Group("union", tuple(parts))

    def sum(self) -> Value:
        """Read terms."""
        negative = False
        if self.next in ("-", "+", r"\pm"):
            negative = self._sign(self.take())
        total = self.product()
        if negative:
            total = -_form(total)
        while self.next in ("+", "-", r"\pm"):
            negative = self._sign(self.take())
            term = _form(self.product())
            self.spend(len(term.terms))
            total = _form(total) + (-term if negative else term)
        return total

    def spend(self, *sizes: int) -> None:
        """Count steps. Raises TooLargeError where there are too many."""
        self.work += math.prod(sizes)
        if self.work > MAX_WORK:
            raise TooLargeError

    def times(self, one: Value, other: Value) -> Form:
        """Return a product."""
        left, right = _form(one), _form(other)
        self.spend(len(left.terms) + len(left.below), len(right.terms) + len(right.below))
        return left * right

    def _sign(self, mark: str) -> bool:
        """Return whether a sign is a minus."""
        return self.minus if mark == r"\pm" else mark == "-"

    def product(self, *, plain: bool = False) -> Value:
        """Read factors, with or without a sign between them; `plain` stops before a function."""
        total = self.power()
        while True:
            mark = self.next
            if mark in ("*", "/"):
                self.take()
                negative = self.next == "-"
                if negative:
                    self.take()
                factor = _form(self.power())
                factor = -factor if negative else factor
                total = self.times(total, factor if mark == "*" else Form.of(1) / factor)
                if mark == "/" and self._begins(self.next):
                    raise UnknownError  # is 1/2x half of x?
            elif mark[:1].isdigit():
                total = self._mixed(_form(total))
            elif self._begins(mark) and not (plain and mark[1:] in FUNCTIONS):
                total = self.times(total, self.power())
            else:
                return total

    def _begins(self, mark: str) -> bool:
        """Return whether a token begins a factor."""
        return (
            mark in _STARTS
            or mark.isalpha()
            or mark in _GREEK
            or mark[1:] in FUNCTIONS
            or mark in (r"\sum", r"\prod")
        ) and not (mark == "|" and self.within)

    def _mixed(self, whole: Form) -> Form:
        """Read the fraction of a mixed number, written plainly: 1 1/2."""
        top, sign, bottom = [*self.tokens[self.place : self.place + 3], "", ""][:3]
        before = self.tokens[self.place - 1]
        if not (before.isdigit() and top.isdigit() and sign == "/" and bottom.isdigit()):
            raise UnknownError
        self.place += 3
        return whole + Form.of(int(top)) / Form.of(int(bottom))

    def power(self) -> Value:
        """Read a value with its powers, factorials and degrees."""
        start = self.place
        base = self.atom()
        if self.tokens[start].isdigit() and self.next == r"\frac":
            fraction = self.atom()
            number = _form(fraction).number
            if number is None or number <= 0:
                return _form(base) * _form(fraction)
            return _form(base) + _form(fraction)
        while self.next in ("^", "!"):
            if self.take() == "!":
                base = self._factorial(_form(base))
                continue
            exponent = self._exponent()
            if exponent is not None:
                base = self._raised(_form(base), exponent)
            elif self.applied:
                base = _form(base) * _DEGREE
        return base

    def _exponent(self) -> Form | None:
        """Read an exponent, None for the sign of degrees."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLargeError
        negative = self.next == "-"
        if negative:
            self.take()
        degrees = 3 * (self.tokens[self.place : self.place + 3] == ["{", r"\circ", "}"])
        degrees = degrees or self.next == r"\circ"
        if degrees:
            self.place += degrees
            self.depth -= 1
            return None
        exponent = _form(self.atom())
        if self.next == "^":
            self.take()
            above = self._exponent()
            if above is None:
                raise UnknownError
            exponent = self._raised(exponent, above)
        self.depth -= 1
        return -exponent if negative else exponent

    def _raised(self, base: Form, exponent: Form) -> Form:
        """Return a power, or a function that stands for it."""
        try:
            power = raised(base, exponent)
        except TooLargeError:
            self.large = True
            self.spend(MAX_WORK // 10)
        else:
            self.spend(len(base.terms), len(power.terms), 2)
            return power
        return apply("power", base, exponent)

    def _factorial(self, base: Form) -> Form:
        """Return a factorial, or a function that stands for it."""
        if self.next == "!":
            raise UnknownError
        number = base.number
        if number is not None and number.denominator == 1 and number >= 0:
            if number <= MAX_RANGE:
                return Form.of(math.factorial(int(number)))
            self.large = True
        return apply("factorial", base)

    def atom(self) -> Value:  # noqa: C901, PLR0911 - a line for each kind
        """Read what stands by itself."""
        mark = self.take()
        if mark.lstrip(".")[:1].isdigit():
            return Form.of(_decimal(mark))
        if mark.isalpha() or mark in _GREEK:
            return self._letter(mark)
        if mark in _CLOSING:
            return self._bracketed(mark)
        if mark == "|":
            self.within += 1
            inside = _form(self.sum())
            self.within -= 1
            self.take("|")
            return apply("abs", inside)
        if mark in _MATRICES:
            return self._matrix(mark)
        named = _ATOMS.get(mark)
        if named is not None:
            return named
        if mark[1:] in FUNCTIONS:
            return self._function(mark[1:])
        if mark == r"\frac":
            return self._argument() / self._argument()
        if mark == r"\sqrt":
            return self._square_root()
        if mark == r"\binom":
            return self._binomial(self._argument(), self._argument())
        if mark in (r"\sum", r"\prod"):
            return self._range(mark)
        raise UnknownError

    def _letter(self, letter: str) -> Form:
        """Read a letter with its subscript."""
        if self.next == "_":
            self.take()
            name = [self.take()]
            while name[0] == "{" and name[-1] != "}":
                name.append(self.take())
            letter += "_" + "".join(name).strip("{}")
        return self.known.get(letter) or Form.of(letter)

    def _bracketed(self, left: str) -> Value:
        """Read what stands in brackets: one value, or several."""
        ends = _CLOSING[left]
        items = self.items(frozenset({*ends, ""}), both=left == r"\{" and self.depth == 1)
        right = self.take()
        if right not in ends:
            raise UnknownError
        if left in ("(", "{") and len(items) == 1 and right != "]":
            return items[0]
        if len(items) < 2 and left not in (r"\{", r"\langle"):  # noqa: PLR2004 - brackets hold two values at least
            raise UnknownError
        kind = {r"\{": "{}", "{": "{}", r"\langle": "()"}.get(left, left + right)
        return Group(kind, tuple(items))

    def _matrix(self, opening: str) -> Value:
        """Read a matrix, row by row."""
        end = opening.replace("begin", "end")
        ends = frozenset({"&", r"\\", end, ""})
        rows: list[Value] = []
        row: list[Value] = []
        while True:
            row.extend(self.items(ends))
            mark = self.take()
            if mark != "&":
                if row:
                    rows.append(Group("row", tuple(row)))
                row = []
            if mark == end:
                return Group("matrix", tuple(rows))
            if mark not in ends:
                raise UnknownError

    def _argument(self) -> Form:
        """Read a command's argument: what stands in braces, one digit, or one letter."""
        mark = self.next
        if mark == "{":
            return _form(self.atom())
        if mark.isdigit() and len(mark) > 1:
            self.tokens[self.place] = mark[1:]
            return Form.of(int(mark[0]))
        if mark.isalnum() or mark in _GREEK or mark in _ATOMS:
            self.take()
            return _form(_ATOMS.get(mark) or Form.of(int(mark) if mark.isdigit() else mark))
        raise UnknownError

    def _square_root(self) -> Form:
        """Read a root with its degree."""
        degree = Form.of(2)
        if self.next == "[":
            self.take()
            degree = _form(self.sum())
            self.take("]")
        inside = _form(self.atom()) if self.next == "(" else self._argument()
        return self._raised(inside, Form.of(1) / degree)

    def _binomial(self, top: Form, bottom: Form) -> Form:
        """Return a binomial coefficient, or a function that stands for it."""
        n, k = top.number, bottom.number
        if n is None or k is None:
            return apply("binomial", top, bottom)
        if n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
            raise UnknownError
        if n > MAX_RANGE:
            self.large = True
            return apply("binomial", top, bottom)
        return Form.of(math.comb(int(n), int(k)))

    def _function(self, name: str) -> Form:
        """Read a function with its base, its power and its argument."""
        base, power = None, None
        while self.next in ("_", "^"):
            if self.take() == "_":
                base = self._argument()
            else:
                power = self._exponent()
        self.applied += 1
        if self.next in ("(", "{"):
            argument = _form(self.atom())
            if self.next == "^":
                raise UnknownError
        else:
            argument = _form(self.product(plain=True))
        self.applied -= 1
        if name in ("log", "lg"):
            applied = apply("log", argument, base or Form.of(10))
        elif base is not None:
            raise UnknownError
        elif power is not None and power.number == -1 and name in ("sin", "cos", "tan"):
            return apply(f"arc{name}", argument)
        else:
            applied = apply(name, argument)
        return applied if power is None else self._raised(applied, power)

    def _range(self, mark: str) -> Form:
        """Read a finite sum or product and compute it."""
        self.take("_")
        self.take("{")
        letter = self.take()
        self.take("=")
        low = _form(self.sum()).number
        self.take("}")
        self.take("^")
        high = _form(self.atom()).number
        if not letter.isalpha() or low is None or high is None:
            raise UnknownError
        if high - low > MAX_RANGE:
            raise TooLargeError
        if low.denominator != 1 or high.denominator != 1 or high < low or letter in self.known:
            raise UnknownError
        start, total = self.place, Form.of(0 if mark == r"\sum" else 1)
        for value in range(int(low), int(high) + 1):
            self.place, self.known[letter] = start, Form.of(value)
            term = _form(self.product())
            total = total + term if mark == r"\sum" else total * term
        del self.known[letter]
        return total


_DEGREE = Form.of("pi") / Form.of(180)
_ATOMS: dict[str, Form | Group] = {
    r"\pi": Form.of("pi"),
    r"\infty": Form.of("oo"),
    r"\infinity": Form.of("oo"),
    r"\inf": Form.of("oo"),
    r"\emptyset": Group("{}", ()),
}


def _form(value: Value) -> Form:
    """Return a value that can be added and multiplied."""
    if isinstance(value, Form):
        return value
    raise UnknownError


def _decimal(mark: str) -> int | Fraction:
    """Return the value of digits, with a point and digits that repeat."""
    if mark.isdigit() and len(mark) <= MAX_RANGE:
        return int(mark)
    plain, _, repeated = mark.replace("{,}", "").partition("\\")
    if len(plain) > MAX_RANGE:
        raise TooLargeError
    if not repeated:
        return Fraction(plain)
    digits = re.sub(r"\D", "", repeated)
    places = len(plain.partition(".")[2])
    if "." not in plain:
        raise UnknownError
    tail = Fraction(int(digits), (10 ** len(digits) - 1) * 10**places)
    return Fraction(plain.rstrip(".") or "0") + tail
