r"""Read mathematics as people and models write it, in LaTeX or plainly, into exact values.

What is read: numbers, letters, sums, products, powers, roots, fractions, factorials, binomials,
applied functions, finite sums and products, sets, tuples, intervals and their unions, matrices,
equations, inequalities, words. Nothing else: what is not certain is for others to read. The time is
bounded by `MAX_LENGTH`, `MAX_DEPTH` and the sizes that `_algebra` allows.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple

from rewardkit import _number
from rewardkit._algebra import Form, TooLargeError, UnknownError, apply, infinity, raised

MAX_LENGTH = 2000
"""Longer texts, in characters, are not read."""
MAX_DEPTH = 40
"""Brackets and powers nested deeper are not read."""
MAX_WORK = 20_000
"""Texts that take more steps, in terms multiplied, are not computed."""
MAX_RANGE = 1000
"""Longer sums and products, in terms, are not computed; nor larger numbers' factorials."""


class Group(NamedTuple):
    """Several values: `kind` is the brackets, "list" without any, "union", "matrix", or
    "based" for digits and the base that they are written in."""

    kind: str
    items: tuple[Value, ...]


class Relation(NamedTuple):
    """Values with the signs between them: `1 < x <= 3` has two."""

    signs: tuple[str, ...]
    sides: tuple[Value, ...]


class Words(NamedTuple):
    """Text, in small letters."""

    text: str


Value = Form | Group | Relation | Words | _number.Number


class Reading(NamedTuple):
    """What a text was read as; `large` where a part of it is too large to compute."""

    value: Value | None
    text: str
    large: bool = False


def read(text: str) -> Reading:
    r"""Return what the whole text is read as, with None for a value where it is not certain.

    >>> read(r"\boxed{\frac{1}{2}}").value, read("$x = 3$").value.signs
    (Number(value=Fraction(1, 2), percent=False), ('=',))
    >>> read(r"\{3, 1\}").value.kind, read(r"\text{Monday}").value, read("9^{9^9}").large
    ('{}', Words(text='monday'), True)
    """
    text = text.strip()
    if text.isdigit() and text.isascii() and len(text) < MAX_LENGTH:
        return Reading(_number.Number(Fraction(int(text))), text)
    if len(text) > MAX_LENGTH:
        return Reading(None, text, large=True)
    text = _unwrapped(text)
    if not text or text.casefold() in _MISSING:
        return Reading(None, "")
    if _DIGIT.search(text):
        number = None if _NO_NUMBER.search(text) else _number.read(text)
        if number is not None:
            return Reading(number, text)
        based = _BASED.fullmatch(text) if "_" in text else None
        if based:
            return Reading(Group("based", (Form.of(int(based[1])), Form.of(int(based[2])))), text)
    else:
        words = _words(text)
        if words is not None:
            return Reading(words, text)
    if _DERIVATIVE.search(text):
        return Reading(None, text)
    reader = _Reader(_tokens(_plain(text)))
    try:
        return Reading(reader.whole(), text, reader.large)
    except UnknownError:
        return Reading(None, text, reader.large)
    except (TooLargeError, RecursionError):
        return Reading(None, text, large=True)


_BASED = re.compile(r"([0-9]{1,500})_\{?([0-9]{1,2})\}?")
_MISSING = ("nan", "null")
_NO_NUMBER = re.compile(r"[=<>&|!]|\\(?:begin|\{|pi|sqrt|cup|infty|pm)|^[\[({]|\d[a-z][-+^]")
_DERIVATIVE = re.compile(r"frac\s*\{\s*d\s*[a-z]?\s*\}\s*\{\s*d|\bd[a-z]?/d[a-z]")
_DIGIT = re.compile(r"[0-9\u00bc-\u00be\u2150-\u215e]")
_WRAPS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`"))
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")


def _unwrapped(text: str) -> str:
    """Return the text without the dollar signs, boxes and full stops around all of it."""
    for _ in range(4):
        before = text
        text = text.strip().rstrip(".,;").rstrip()
        if text.endswith("\\"):
            text = before.strip()
        for left, right in _WRAPS if text[:1] in "$\\*`" else ():
            inner = text[len(left) : len(text) - len(right)]
            if text.startswith(left) and text.endswith(right) and inner and left not in inner:
                text = inner
                break
        box = _BOXED.match(text)
        if box and text.endswith("}") and closing(text, box.end()) == len(text) - 1:
            text = text[box.end() : -1]
        if text == before:
            break
    return text


def closing(text: str, start: int) -> int:
    """Return where the brace that was opened before `start` is closed, -1 where it is not."""
    depth = 1
    for brace in _BRACES.finditer(text, start):
        if brace[0] in "{}":
            depth += 1 if brace[0] == "{" else -1
            if not depth:
                return brace.start()
    return -1


_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_TEXT = r"\\(?:text(?:bf|rm|it|sf|normal)?|mathrm|mathbf|mathit|mathsf|mbox|operatorname)\s*"
_ALL_TEXT = re.compile(rf"{_TEXT}\{{([^{{}}]*)\}}")
_WORDS = re.compile(r"\(?([^\W\d_](?:[^\W\d_]|[ '\u2019.,-](?=[^\W\d_]))*)\)?")
_SAID = re.compile(
    r"(?:(?:so|thus|hence|therefore|and),? )?(?:the )?(?:final |correct )?answer(?: is|:):?\s+",
    re.IGNORECASE,
)
_MAX_WORDS = 60


def _words(text: str) -> Words | None:
    """Return a text that is words: all in LaTeX's text, or plain words."""
    if len(text) > _MAX_WORDS:
        return None
    said = _SAID.match(text)
    text = text[said.end() :] if said else text
    marked = _ALL_TEXT.fullmatch(text)
    found = _WORDS.fullmatch((marked[1] if marked else text).strip())
    if found is None:
        return None
    words = " ".join(found[1].casefold().split())
    if not (marked or said) and (len(words) < 4 or not _NAMES.isdisjoint(words.split())):  # noqa: PLR2004 - 3 letters may be a product
        return None
    return Words(words)


_SPACES = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|nolimits)(?![A-Za-z])\.?"
    r"|(?<!\\)\\[,;:! ]|\\q?quad(?![A-Za-z])|~|\\\$"
)
_UNITS = re.compile(
    r"(?P<number>.*(?:[^\sA-Za-z\\{^_(]|\\pi))"
    r"(?:\s+(?P<words>[A-Za-z]{2,}[A-Za-z ./]*)|\s*" + _TEXT + r"\{(?P<text>[^{}]*)\})"
    r"(?:\^\{?[23]\}?|[\u00b2\u00b3])?"
)
_AND = re.compile(
    r",?\s*"
    + _TEXT
    + r"\{\s*,?\s*(?:and|or)\s*\}|,?\s+(?:and|or)\s+|,?\s*\\(?:lor|land|vee|wedge)\b"
)
_SIGNS = {
    **dict.fromkeys("\u2212\u2013\uff0d", "-"),
    **{"\u00d7": r"\times ", "\u00b7": r"\cdot ", "\u22c5": r"\cdot ", "\u00f7": "/"},
    **{"\u2264": r"\le ", "\u2265": r"\ge ", "\u2260": r"\ne ", "\u2248": r"\approx "},
    **{"\u221e": r"\infty ", "\u03c0": r"\pi ", "\u221a": r"\sqrt ", "\u00b1": r"\pm "},
    **{"\u222a": r"\cup ", "\u2205": r"\emptyset ", "\u2208": r"\in ", "\u00b0": r"^\circ "},
    **{"\u00b2": "^2", "\u00b3": "^3", "\u03b8": r"\theta ", "\u03b1": r"\alpha "},
}
_TABLE = str.maketrans(_SIGNS)


def _plain(text: str) -> str:
    """Return the text with one way to write each thing, and without a unit at its end."""
    if not text.isascii():
        text = text.translate(_TABLE)
    if "\\" in text or " " in text:
        text = _SPACES.sub(" ", text)
        text = _AND.sub(", ", text)
        unit = _UNITS.fullmatch(text.rstrip()) if len(text) < _LONG else None
        if unit:
            words = (unit["words"] or unit["text"]).strip()
            if words not in _NAMES and _number.is_unit(words):
                text = unit["number"]
    return text


_TOKEN = re.compile(
    r"\s+|(?P<token>"
    r"\d*\.\d*\\(?:overline|bar)\s*\{\d+\}|\d+(?:\{,\}\d{3})*(?:\.\d+)?|\.\d+"
    + "|"
    + _TEXT
    + r"\{[^{}]*\}|\\(?:begin|end)\s*\{[a-zA-Z]*\}|\\[A-Za-z]+|\\."
    r"|\*\*|[<>!]=|[A-Za-z]+|.)",
    re.DOTALL,
)


def _tokens(text: str) -> list[str]:
    """Return the tokens of a text: numbers, commands, names that are known, letters, signs."""
    if not text.isascii():
        return ["?"]
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        if not token:
            continue
        if token[0].isalpha():
            if token.lower() in _NAMES:
                tokens.append("\\" + token.lower())
            elif len(token) > 3:  # noqa: PLR2004 - more letters are a word
                return ["?"]
            else:
                tokens.extend(token.lower())
        else:
            tokens.append(_SAME.get(token, token))
    return tokens


_SAME = {
    **{r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", "**": "^"},
    **{r"\dbinom": r"\binom", r"\tbinom": r"\binom"},
    **{r"\cdot": "*", r"\times": "*", r"\ast": "*", r"\div": "/", ":": "/"},
    **{r"\leq": "<=", r"\le": "<=", r"\leqslant": "<=", r"\lt": "<", r"\neq": "!=", r"\ne": "!="},
    **{r"\geq": ">=", r"\ge": ">=", r"\geqslant": ">=", r"\gt": ">", r"\approx": "="},
    **{r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[", r"\rbrack": "]"},
    **{r"\lvert": "|", r"\rvert": "|", r"\vert": "|", r"\mid": "|", r"\varnothing": r"\emptyset"},
    **{r"\lparen": "(", r"\rparen": ")", ";": ",", r"\operatorname{ln}": r"\ln"},
    **{r"\mathrm{e}": "e", r"\mathrm{i}": "i", r"\exponentialE": "e", r"\imath": "i"},
}
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln lg exp".split()  # noqa: SIM905
)
_NAMES = _FUNCTIONS | {"sqrt", "pi", "infty", "infinity", "inf", "frac", "pm", "cdot", "times"}
_RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", r"\in"})
_GREEK = frozenset(
    r"\alpha \beta \delta \epsilon \varepsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi"
    r" \rho \sigma \tau \phi \varphi \chi \psi \omega \ell \Delta \Omega \Phi \Psi \Theta \Lambda"
    r" \hbar".split(" ")
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


class _Reader:
    """One pass over the tokens: recursive descent, a method for each level of binding."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [*tokens, ""]
        self.place = 0
        self.depth = 0
        self.large = False
        self.known: dict[str, Form] = {}
        self.minus = False
        self.within = 0
        self.applied = 0
        self.work = 0

    def whole(self) -> Value:
        """Read all tokens."""
        items = self.items(frozenset({""}))
        if not items:
            raise UnknownError
        return items[0] if len(items) == 1 else Group("list", tuple(items))

    @property
    def next(self) -> str:
        """The token to come, empty at the end."""
        return self.tokens[self.place]

    def take(self, expected: str = "") -> str:
        """Take a token."""
        token = self.tokens[self.place]
        if (expected and token != expected) or not token:
            raise UnknownError
        self.place += 1
        return token

    def items(self, ends: frozenset[str]) -> list[Value]:
        """Read what commas part, up to one of the ends."""
        items: list[Value] = []
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLargeError
        while self.next not in ends:
            start, signs = self.place, 0
            items.append(self.relation())
            signs = self.tokens[start : self.place].count(r"\pm")
            if signs:
                stop, self.place, self.minus = self.place, start, True
                items.append(self.relation())
                self.minus = False
                if self.place != stop:
                    raise UnknownError
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

    def _sign(self, token: str) -> bool:
        """Return whether a sign is a minus."""
        return self.minus if token == r"\pm" else token == "-"

    def product(self, *, plain: bool = False) -> Value:
        """Read factors, with or without a sign between them; `plain` stops before a function."""
        total = self.power()
        while True:
            token = self.next
            if token in ("*", "/"):
                self.take()
                negative = self.next == "-"
                if negative:
                    self.take()
                factor = _form(self.power())
                factor = -factor if negative else factor
                total = self.times(total, factor if token == "*" else Form.of(1) / factor)
                if token == "/" and self._begins(self.next):
                    raise UnknownError  # is 1/2x half of x?
            elif token[:1].isdigit():
                total = self._mixed(_form(total))
            elif self._begins(token) and not (plain and token[1:] in _FUNCTIONS):
                total = self.times(total, self.power())
            else:
                return total

    def _begins(self, token: str) -> bool:
        """Return whether a token begins a factor."""
        return (
            token in _STARTS
            or token.isalpha()
            or token in _GREEK
            or token[1:] in _FUNCTIONS
            or token in (r"\sum", r"\prod")
        ) and not (token == "|" and self.within)

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
        if self.next == r"\circ" or self.tokens[self.place : self.place + 3] == [
            "{",
            r"\circ",
            "}",
        ]:
            self.place += 1 if self.next == r"\circ" else 3
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

    def atom(self) -> Value:
        """Read what stands by itself."""
        token = self.take()
        first = token[0]
        if first.isdigit() or first == ".":
            return Form.of(
                int(token) if token.isdigit() and len(token) < _LONG else _decimal(token)
            )
        if token.isalpha() or token in _GREEK:
            return self._letter(token)
        if token in _CLOSING:
            return self._bracketed(token)
        if token == "|":
            self.within += 1
            inside = _form(self.sum())
            self.within -= 1
            self.take("|")
            return apply("abs", inside)
        if token in _MATRICES:
            return self._matrix(token)
        named = _ATOMS.get(token)
        if named is not None:
            return named
        if token[1:] in _FUNCTIONS:
            return self._function(token[1:])
        if token == r"\frac":
            return self._argument() / self._argument()
        if token == r"\sqrt":
            return self._square_root()
        if token == r"\binom":
            return self._binomial(self._argument(), self._argument())
        if token in (r"\sum", r"\prod"):
            return self._range(token)
        raise UnknownError

    def _letter(self, letter: str) -> Form:
        """Read a letter with its subscript."""
        if self.next == "_":
            self.take()
            if self.next == "{":
                stop = self.tokens.index("}", self.place) if "}" in self.tokens else self.place
                letter += "_" + "".join(self.tokens[self.place + 1 : stop])
                self.place = stop + 1
            else:
                letter += "_" + self.take()
        if letter in self.known:
            return self.known[letter]
        return Form.of(letter)

    def _bracketed(self, left: str) -> Value:
        """Read what stands in brackets: one value, or several."""
        ends = _CLOSING[left]
        items = self.items(frozenset({*ends, ""}))
        right = self.take()
        if right not in ends:
            raise UnknownError
        kind = {r"\{": "{}", r"\langle": "()"}.get(left, left + right)
        if kind in ("()", "[]") and len(items) == 1 and left != r"\langle":
            if left == "[":
                raise UnknownError
            return items[0]
        if left == "{":
            if len(items) != 1:
                raise UnknownError
            return items[0]
        if not items and kind != "{}":
            raise UnknownError
        return Group(kind, tuple(items))

    def _matrix(self, opening: str) -> Value:
        """Read a matrix, row by row."""
        end = opening.replace("begin", "end")
        ends = frozenset({"&", r"\\", end, ""})
        rows: list[Value] = []
        row: list[Value] = []
        while True:
            row.extend(self.items(ends))
            token = self.take()
            if token != "&":
                if row:
                    rows.append(Group("row", tuple(row)))
                row = []
            if token == end:
                return Group("matrix", tuple(rows))
            if token not in ends:
                raise UnknownError

    def _argument(self) -> Form:
        """Read a command's argument: what stands in braces, one digit, or one letter."""
        token = self.next
        if token == "{":
            return _form(self.atom())
        if token.isdigit() and len(token) > 1:
            self.tokens[self.place] = token[1:]
            return Form.of(int(token[0]))
        if token.isalnum() or token in _GREEK or token in _ATOMS:
            self.take()
            return _ATOMS.get(token) or Form.of(int(token) if token.isdigit() else token)
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

    def _range(self, token: str) -> Form:
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
        start, total = self.place, Form.of(0 if token == r"\sum" else 1)
        for value in range(int(low), int(high) + 1):
            self.place, self.known[letter] = start, Form.of(value)
            term = _form(self.product())
            total = total + term if token == r"\sum" else total * term
        del self.known[letter]
        return total


_E = Form.of("e")
_DEGREE = Form.of("pi") / Form.of(180)
_ATOMS: dict[str, Form | Group] = {
    r"\pi": Form.of("pi"),
    r"\infty": infinity(),
    r"\infinity": infinity(),
    r"\inf": infinity(),
    r"\emptyset": Group("{}", ()),
}


def _form(value: Value) -> Form:
    """Return a value that can be added and multiplied."""
    if isinstance(value, Form):
        return value
    raise UnknownError


_LONG = 500


def _decimal(token: str) -> Fraction:
    """Return the value of digits, with a point and digits that repeat."""
    plain, _, repeated = token.replace("{,}", "").partition("\\")
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


def too_large(text: str) -> bool:
    r"""Return whether mathematics that is not read here may take too long elsewhere.

    >>> too_large(r"\int_0^1 x^{2} dx"), too_large(r"\int_0^{10^{9}} x dx"), too_large("2" * 5000)
    (False, True, True)
    """
    return len(text) > _MAX_UNREAD or _HEAVY.search(text) is not None or _depth(text) > MAX_DEPTH


_MAX_UNREAD = 400
_HEAVY = re.compile(
    r"\d{400}|-{6}|\|{5}|[)}]\s*_\s*\{?\s*\d{4}|\\(?:int|sum|prod|lim).*\\(?:int|sum|prod|lim)|\\(?:int|lim|infty).{40}|\^\s*\{[^{}^]{0,40}\^|\^\s*(?:\d+|[a-z])\s*\^|\^\s*[\({]?\s*\d{4}|\d{4,}\s*!|!\s*!|(?:\d{3}[^()]{0,20}|!)[)}]\s*!"
    r"|\\[dt]?binom\s*\{\d{4}|[)}\]]\s*\^\s*[\({]?\s*\d{3}|_\{[^{}]{0,20}=\s*-?\d{5}"
    r"|\\(?:sum|prod|int)[^^]{0,60}\^\s*\{?\s*-?\d{4}"
)


def _depth(text: str) -> int:
    """Return how deep brackets are nested."""
    depth = deepest = 0
    for sign in text:
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth -= 1
    return deepest
