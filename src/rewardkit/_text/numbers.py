r"""Read numbers as people write them, exactly.

All components read numbers with this module, so that a text is the same number for each of them. It
reads integers, decimals, separators of thousands, signs, currencies, percents, fractions, mixed
numbers, repeating decimals, powers of ten, multipliers (million, lakh, \u4e07) and units, in plain
text and in LaTeX, in ASCII and in full-width characters. Other digits, as in "\u00b2" and "\u0664",
are not digits here. A value is an int or a Fraction, so 0.1 + 0.2 is 0.3.

`read_number` reads a whole text. `number_tokens` finds the numbers in a text: it ends each of them
where `read_number` would.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple
from unicodedata import numeric

from rewardkit._text.number_words import (
    CJK_MULTIPLIER,
    CJK_MULTIPLIERS,
    CJK_NOT_UNIT,
    CURRENCY_CODES,
    CURRENCY_SYMBOLS,
    FRACTION_WORDS,
    MINUS,
    MINUS_WORDS,
    MODIFIERS,
    MONEY_LETTERS,
    MULTIPLIERS,
    NOT_UNITS,
    PERCENT,
    SHORT_UNITS,
)

MAX_LENGTH = 4200
"""Longer texts, in characters, are not read as numbers."""
# Python refuses to print integers of more than 4,300 digits.
MAX_EXPONENT = 4000
"""Larger powers of ten are not read."""

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0xFFE5: "\u00a5"}


def to_ascii(text: str) -> str:
    """Write full-width characters in ASCII, one for one, so that positions stay the same.

    >>> to_ascii("\uff11\uff0c\uff12\uff13\uff14\uff05")
    '1,234%'
    """
    return text if text.isascii() else text.translate(_WIDE)


_NO_TOLERANCE = Fraction(0)
_HUNDREDTH = Fraction(1, 100)


class Number(NamedTuple):
    """A parsed number; a percent may mean its number or a hundredth of it."""

    value: Fraction | int
    percent: bool = False

    def readings(self, reference: Number) -> list[Fraction | int]:
        """Return the values that this number may have in the reference's unit.

        50% equals 50, 50% and 0.5, since a dataset may write one and a model another.
        """
        if self.percent == reference.percent:
            return [self.value]
        return [self.value, self.value * (_HUNDREDTH if self.percent else 100)]

    def equals(
        self,
        reference: Number,
        *,
        rel_tol: Fraction = _NO_TOLERANCE,
        abs_tol: Fraction = _NO_TOLERANCE,
    ) -> bool:
        """Return whether the numbers are equal within either tolerance, in the reference's unit."""
        if self == reference or reference.value in self.readings(reference):
            return True
        if not (rel_tol or abs_tol):
            return False
        room = max(abs_tol, abs(rel_tol * reference.value))
        return any(-room <= value - reference.value <= room for value in self.readings(reference))


SPACE = r"(?:[ \t\u00a0\u2007\u2009\u202f~]|\\[,;:! ]|\\quad)"
"""A space, in plain text or LaTeX. It does not cross lines: a list is not one number."""
_SIGN = rf"[+{re.escape(MINUS)}]"
_SYMBOL = rf"(?:[{CURRENCY_SYMBOLS}]|\\?\$)"
CURRENCY = (
    rf"(?:(?:US|AU|CA|NZ|HK|NT|S|A|C|R)?{_SYMBOL}"
    rf"|(?:{CURRENCY_CODES}|R[ps]\.?|kr)(?![A-Za-z]))"
)
# A number has one kind of separator: "1,234 567" is two numbers.
_GROUPED = (
    r"(?:[1-9]\d{0,2}(?:(?:,\d{3})++|(?:(?:\{,\}|\{\\,\}|,?\\[,:;! ][ ]?)\d{3})++"
    r"|(?:[ \u00a0\u2007\u2009\u202f]\d{3}(?!\d))++|(?:~\d{3}(?!\d))++|(?:['\u2019]\d{3})++)"
    r"|[1-9]\d?(?:,\d\d(?=,))++,\d{3})(?!\d)"  # lakhs: 1,00,000
)
_EUROPEAN = r"[1-9]\d{0,2}(?:(?:\.\d{3})++,\d++|(?:\.\d{3}){2,}+(?![\d.]))"
_DECIMAL = rf"(?:{_EUROPEAN}|(?:{_GROUPED}|\d++)(?:\.\d++)?|\.\d++)"
_SUPERSCRIPTS = r"[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]++"
_TEN = (
    r"\{?10\}?\s*+(?:(?:\^|\*\*)\s*+(?:\{\s*+)?"
    rf"(?P<KIND>{_SIGN}?\d++)(?:\s*+\}})?|(?P<raised_KIND>{_SUPERSCRIPTS}))"
)
_TIMES = r"(?:\\times|\\cdot|\\ast|[*\u00d7xX\u00b7\u22c5\u2217\u2715])"
_FRACTION_COMMAND = r"\\(?:[cdtsx]?frac|nicefrac)"
_HALF = r"(?:[\u4e2a\u500b\u5e74\u5929\u5c81\u6b72]|\u5c0f\u65f6|\u5c0f\u6642|\u6642\u9593)?\u534a"
VALUE = rf"""
(?a:
    (?:(?P<whole>\d++)(?:{SPACE}++and{SPACE}++|{SPACE}*+))?+{_FRACTION_COMMAND}\s*+
    (?:\{{\s*+(?P<over>{_SIGN}?{_DECIMAL})\s*+\}}|(?P<over_digit>\d))\s*+
    (?:\{{\s*+(?P<under>{_SIGN}?{_DECIMAL})\s*+\}}|(?P<under_digit>\d))
  | (?:(?P<mixed>\d++)(?:{SPACE}++and{SPACE}++|{SPACE}++)(?=[1-9]))?
    (?P<top>{_DECIMAL}){SPACE}?[/\u2044\u2215]{SPACE}?(?P<bottom>{_DECIMAL})
  | (?P<denominator>\d++)\s?(?:\u5206\u4e4b|\u5206\u306e|\ubd84\uc758)\s?(?P<numerator>\d++)
  | (?:(?P<units>\d++){SPACE}?)?(?P<vulgar>[\u00bc-\u00be\u2150-\u215e])
  | {_TEN.replace("KIND", "ten")}
  | (?P<repeating>\d*+\.(?:\d*+\\(?:overline|bar|dot)\s?(?:\{{\s?\d++\s?\}}|\d)
        (?:\d*+\\dot\s?(?:\{{\d\}}|\d))?+|\(\d++\)|\d*?(?:\d[\u0304\u0305\u0307])++))
  | (?P<endless>\d*+\.\d++)\s?(?:\.{{3}}|\u2026|\\[lc]?dots(?![a-z]))
  | (?P<plain>{_DECIMAL})
    (?:[eE](?P<e>{_SIGN}?\d++)|{SPACE}*+{_TIMES}{SPACE}*+{_TEN.replace("KIND", "power")})?+
)
"""
"""Everything that has a value by itself, in verbose syntax."""
_FRACTION_WORD = "|".join(rf"(?:{words})" for words in FRACTION_WORDS)
HALVES = rf"(?:{SPACE}++and{SPACE}++(?i:{_FRACTION_WORD})\b|{_HALF})"
"""What adds a part to a whole number: 2 and a half."""
_MULTIPLIER_WORDS = "|".join(words if words != "k" else "(?-i:k)" for words in MULTIPLIERS)
MULTIPLIER = (
    # all words begin with a letter: most texts after a number are refused by that
    rf"(?:{SPACE}{{0,3}}+-?(?=[^\W\d_])(?:(?i:{_MULTIPLIER_WORDS})(?![^\W\d_])"
    rf"|{CJK_MULTIPLIER}++)|\s?\u2030)"
)
"""A word or a character that multiplies the number before it."""


@cache
def _compile_number() -> re.Pattern[str]:
    """Compile the pattern of a number and the text after it, on first use: it takes a while."""
    return re.compile(
        rf"""
        (?:(?:(?!not\b)[A-Za-z]\w{{0,20}}+\s*+)?+(?::?=|\u2248|\\approx)\s*+)?+  # x =
        (?P<sign>{_SIGN}|(?i:{MINUS_WORDS})\s?)?\s*+
        (?P<currency>{CURRENCY})?\s*+(?P<inner>(?(sign)(?!)|{_SIGN}))?\s*+
        (?P<hundredths>\u767e\u5206\u4e4b)?
        {VALUE}
        (?![0-9.,]*[0-9])
        (?P<half>{HALVES})?+
        (?P<rest>.*+)
        """,
        re.VERBOSE | re.DOTALL,
    )


# Combining vowels and accents belong to a word, though they are not letters to Python.
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0903\u093a-\u0963\u0e31\u0e34-\u0e4e])"
_CJK = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
_CJK_UNIT = (
    rf"(?:\u767e\u5206\u70b9|(?!{CJK_MULTIPLIER}|[{CJK_NOT_UNIT}]|\u306a\u3044|\uc544\ub2c8){_CJK})"
    "{1,12}+"
)
_POWER = r"(?:\^-?[1-9]|[23](?!\d))?"
_WORD = (
    rf"(?!(?i:{MODIFIERS}|{NOT_UNITS}|{_MULTIPLIER_WORDS})(?!{_LETTER}))"
    rf"(?:(?!{_CJK}){_LETTER}{{2,30}}+|(?:{SHORT_UNITS}|K)(?!{_LETTER})){_POWER}\.?"
)


@cache
def _compile_unit() -> re.Pattern[str]:
    """Compile the pattern of units: text after a number that does not change its value."""
    return re.compile(
        rf"""
        (?:
            \s?(?:{_SYMBOL})                                             # 7 euros
          | [\s-]*+(?:{SHORT_UNITS})(?!{_LETTER}){_POWER}                # 5 km
          | [\s-]++(?:an?\s)?{_WORD}                                     # 5 dollars
          | \s*+{_CJK_UNIT}
        )?
        (?:(?:\s*+[/\u00b7*'-]\s*+|\s++)(?:an?\s)?(?:{_WORD}|{_CJK_UNIT})){{0,5}}     # per day
        \s*
        """,
        re.VERBOSE,
    )


def is_unit(words: str) -> bool:
    r"""Return whether words after a number are a unit, which does not change its value.

    >>> is_unit("cm"), is_unit(r"\mathrm{m\,s^{-1}}"), is_unit("dollars per day")
    (True, True, True)
    >>> is_unit("million")
    False
    """
    return _is_unit_after_number(f" {words}")


@lru_cache(maxsize=1024)  # the units of a dataset are few
def _is_unit_after_number(text: str) -> bool:
    if not text.isascii() or not _MARKUP.isdisjoint(text):
        for pattern, replacement in _UNIT_MARKUP:
            text = pattern.sub(replacement, text)
    return _compile_unit().fullmatch(text) is not None


_MARKUP = frozenset("\\{}()^~")
# Markup of units: each is replaced by what plain text has in its place.
_UNIT_MARKUP = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\^\s?\{?\s?\\circ\s?\}?|\\circ|\\degree|\u2103", "\u00b0"),
        (r"\\(?:text|math)[a-z]{0,6}(?=\s?\{)|\\[hm]box|\\operatorname", ""),
        (_FRACTION_COMMAND, " "),
        (r"\}\s?\{", "/"),
        (r"\\[,;:! ]|~|\\quad", " "),
        (r"\\cdot(?![a-z])|\\times|[\u22c5\u2217]", "\u00b7"),
        (r"\\mu\s?|\u03bc", "\u00b5"),
        (r"\\Omega|\\ohm|\u2126", "\u03a9"),
        (r"\\euro", "\u20ac"),
        (r"\u207b", "-"),
        (r"(?<=[^\W\d_])(-?)\u00b9", r"^\g<1>1"),
        (r"(?<=[^\W\d_])(-?)\u00b2", r"^\g<1>2"),
        (r"(?<=[^\W\d_])(-?)\u00b3", r"^\g<1>3"),
        (r"\s*\^\s*", "^"),
        (r"[{}]", ""),
        (r"[()]", " "),
    )
]


_WRAPS = [
    *(("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("*", "*")),
    *(("__", "__"), ("_", "_"), ("`", "`"), ('"', '"'), ("'", "'"), ("\u201c", "\u201d")),
    *((r"\boxed{", "}"), (r"\fbox{", "}"), ("{", "}"), ("(", ")")),
]
_OPENINGS = {left[0] for left, _ in _WRAPS}
_TEXT = re.compile(
    r"\\(?:text[a-z]{0,6}|math(?:rm|bf|sf|it|tt)|[mhf]box|operatorname|boldsymbol|bm|underline)\s?"
    r"\{([^{}]*+)\}"
)
_LAYOUT = re.compile(
    r"\\(?:left|right|displaystyle|bf)(?![A-Za-z])\s?|\\(?:text)?color\s?\{[^{}]*+\}"
)
_END_MARKS = ".,;:\u3002\u3001 \t\n"


def read_number(text: str) -> Number | None:
    r"""Return the number that the whole text is, or None if it is anything else.

    >>> read_number("$1,000.50"), read_number("7.0").value == 7, read_number(r"-\frac{3}{4}").value
    (Number(value=Fraction(2001, 2), percent=False), True, Fraction(-3, 4))
    >>> read_number("50%").percent, read_number("1 1/2 cups").value, read_number("3 million").value
    (True, Fraction(3, 2), Fraction(3000000, 1))
    >>> [read_number(text) for text in ("", "²", "1 2 3", "3/1/2024", "3x", "nan", "2 or 3")]
    [None, None, None, None, None, None, None]
    """
    text = text.strip().strip("\u200b\ufeff")
    integer = read_integer(text)  # the most common case
    if integer is not None:
        return Number(integer)
    if len(text) <= _SHORT_TEXT:
        return _remembered(text)
    return _read_stripped(text) if len(text) <= MAX_LENGTH else None


def read_integer(text: str) -> int | None:
    """Return the integer that a short text is, with or without a minus and commas, else None.

    It reads a part of what `read_number` reads, ten times faster than the general pattern.

    >>> read_integer("-1,234"), read_integer("7.0")
    (-1234, None)
    """
    if len(text) > _SHORT_TEXT:
        return None
    if text.isdigit() and text.isascii():
        return int(text)
    return int(text.replace(",", "")) if _INTEGER.fullmatch(text) else None


def _read_stripped(text: str) -> Number | None:
    if _INTEGER.fullmatch(text):
        digits = text.replace(",", "")
        return Number(int(digits)) if len(digits) <= MAX_EXPONENT else None
    # a tag beside a number is not a unit, and the pattern takes many times longer to see that
    if "<" in text or not DIGIT.search(text):
        return None
    found = _compile_number().fullmatch(_strip_wraps(to_ascii(text)))
    rest = "" if found is None else found["rest"].rstrip(_END_MARKS)
    # a sentence that begins with a number: its value is not worth its time
    is_prose = len(rest) > _SHORT_TEXT and len(rest.split()) > _MAX_WORDS_AFTER
    value = None if found is None or is_prose else _compute_value(found)
    if found is None or value is None:
        return None
    value, unit = _multiply(value, rest, is_money=bool(found["currency"]))
    if value is None:
        return None
    if (found["sign"] or found["inner"] or "+")[0] != "+":
        value = -value
    percent = _compile_percent().match(unit)
    if percent:
        unit = unit[percent.end() :]
    is_percent = bool(percent or found["hundredths"])
    return Number(value, is_percent) if not unit or _is_unit_after_number(unit) else None


_INTEGER = re.compile(r"-?(?:[1-9]\d{0,2}(?:,\d{3})++|\d++)", re.ASCII)
DIGIT = re.compile(r"[0-9\u00bc-\u00be\u2150-\u215e\uff10-\uff19]")
"""A digit, or a fraction in one character."""
_MAX_WORDS_AFTER = 30  # two multipliers, "per cent" and six words of a unit, with what is between
_SHORT_TEXT = 64  # longer texts are rarely numbers, and would fill the cache
_remembered = lru_cache(maxsize=8192)(_read_stripped)  # completions of a group repeat their answers


@cache
def _compile_percent() -> re.Pattern[str]:
    # a percentage point is a unit
    return re.compile(rf"{SPACE}{{0,3}}(?i:{PERCENT})(?![^\W\d_])(?!\s*points?\b)")


def _strip_wraps(text: str) -> str:
    """Remove markup around a number: math delimiters, emphasis, boxes, quotes."""
    if "\\" in text:
        text = _TEXT.sub(r" \1 ", _LAYOUT.sub("", text)).strip()
    for left, right in _WRAPS if text[:1] in _OPENINGS else ():
        end = text.rstrip(_END_MARKS)
        inner = end[len(left) : -len(right)]
        alone = right not in inner.replace(r"\$", "")
        if end.startswith(left) and end.endswith(right) and inner and alone:
            text = inner.strip()
    return text


def _compute_value(found: re.Match[str]) -> Fraction | None:
    """Return the value of a match without its sign, or None if it has none or is too large."""
    if found["half"] and not found["plain"]:
        return None
    if found["vulgar"]:
        return int(found["units"] or 0) + Fraction(numeric(found["vulgar"])).limit_denominator(10)
    if found["repeating"] or found["endless"]:
        marked = found["repeating"]
        return _parse_repeating(marked) if marked else _parse_endless(found["endless"])
    if found["plain"] or found["ten"] or found["raised_ten"]:
        return _compute_power(found)
    top = found["top"] or found["over"] or found["over_digit"] or found["numerator"]
    bottom = found["bottom"] or found["under"] or found["under_digit"] or found["denominator"]
    whole, over, under = map(_parse_decimal, (found["mixed"] or found["whole"] or "0", top, bottom))
    if found["mixed"] and len(top) == _GROUP and over and under and over >= under:
        return None  # "1 500/3" may be 1,500/3
    return whole + over / under if whole is not None and over is not None and under else None


_GROUP = 3  # digits between separators


def _compute_power(found: re.Match[str]) -> Fraction | None:
    value = _parse_decimal(found["plain"] or "1")
    power = found["e"] or found["power"] or found["ten"]
    if not power:
        power = (found["raised_power"] or found["raised_ten"] or "0").translate(_RAISED)
    exponent = int(power[:9].translate(_ASCII))
    if value is None or abs(exponent) > MAX_EXPONENT:
        return None
    if found["half"] and value.denominator == 1 and not exponent:
        value += _read_half(found["half"])
    elif found["half"]:
        return None
    return value * Fraction(10) ** exponent if exponent else value


def _read_half(text: str) -> Fraction:
    words = text.split("and", 1)[-1].strip(" ~\\,;:!").lower()
    for pattern, part in FRACTION_WORDS.items():
        if re.fullmatch(pattern, words):
            return part
    return Fraction(1, 2)


def _parse_decimal(text: str) -> Fraction | None:
    """Return the value of digits with separators and a point, or None if there are too many."""
    if text.count(".") > 1 or 0 <= text.find(".") < text.rfind(","):  # 1.234,56
        text = text.replace(".", "").replace(",", ".")
    negative = text[:1] in MINUS
    digits = _NOT_DECIMAL.sub("", text)
    if len(digits) > MAX_EXPONENT:
        return None
    # by way of an integer if there is no point, since a Fraction takes its time to read a text
    value = Fraction(int(digits)) if digits.isdigit() else Fraction(digits)
    return -value if negative else value


_NOT_DECIMAL = re.compile(r"[^\d.]", re.ASCII)


def _parse_repeating(text: str) -> Fraction | None:
    r"""Return the value of digits that are marked as repeating: 0.1\overline{6}, 0.(3)."""
    whole, _, decimals = text.partition(".")
    start = _REPEATING_BLOCK.search(decimals).start()  # type: ignore[union-attr]
    return _repeat(whole, decimals[:start], _NOT_DECIMAL.sub("", decimals[start:]))


_REPEATING_BLOCK = re.compile(r"[\\(]|.(?=[\u0304\u0305\u0307])")


def _parse_endless(text: str) -> Fraction | None:
    """Return the value of 0.1666...; None if the digits do not repeat at the end."""
    whole, _, decimals = text.partition(".")
    for size in range(1, min(len(decimals) // 2, _MAX_BLOCK) + 1):
        block = decimals[-size:]
        if decimals[-2 * size : -size] == block:
            return _repeat(whole, decimals[:-size], block)
    return None


_MAX_BLOCK = 30  # digits that repeat; the time is this times the length


def _repeat(whole: str, fixed: str, block: str) -> Fraction | None:
    if len(whole) + len(fixed) + len(block) > MAX_EXPONENT:
        return None
    scale = 10 ** len(fixed)
    return Fraction(int(whole + fixed or "0"), scale) + Fraction(
        int(block), scale * (10 ** len(block) - 1)
    )


def _multiply(value: Fraction, rest: str, *, is_money: bool) -> tuple[Fraction | None, str]:
    """Return the value times the multipliers at the start of a text, and the text after them."""
    money = _MONEY_LETTER.match(rest) if is_money else None
    if money:
        return value * MONEY_LETTERS[money[1].lower()], rest[money.end() :]
    multiplier = _compile_multiplier()
    factor: Fraction | int = 1
    # "hundred thousand": two words at most, so that a list of them is not a number
    for _ in range(2):
        found = multiplier.match(rest)
        if found is None:
            break
        factor *= _compute_factor(found)
        rest = rest[found.end() :]
    if factor != 1:  # a product with a Fraction takes a microsecond
        value *= factor
    while factor > 1 and (joined := _compile_joined().match(rest)):
        part = _parse_decimal(joined["digits"])
        part_factor = _compute_cjk_factor(joined["cjk"] or "")
        part_factor = _compute_cjk_factor(joined["cjk"] or "")
        # 3\u4e075 is 35,000 in speech and 30,005 in writing
        unclear = part_factor == 1 and len(joined["digits"]) == 1 and factor != 10  # noqa: PLR2004
        if part is None or unclear or part * part_factor >= factor:
            return None, rest
        value, factor, rest = value + part * part_factor, part_factor, rest[joined.end() :]
    return value, rest


_MONEY_LETTER = re.compile(r"\s?([kKmMbBtT])(?![^\W_])")


@cache
def _compile_multiplier() -> re.Pattern[str]:
    words = "|".join(
        rf"(?P<m{index}>{words if words != 'k' else '(?-i:k)'})(?![^\W\d_])"
        for index, words in enumerate(MULTIPLIERS)
    )
    return re.compile(
        rf"{SPACE}{{0,3}}-?(?:(?:{words})|(?P<cjk>{CJK_MULTIPLIER}++))|\s?(?P<mille>\u2030)",
        re.IGNORECASE,
    )


@cache
def _compile_joined() -> re.Pattern[str]:
    return re.compile(rf"\s?(?P<digits>\d++(?:\.\d++)?)(?P<cjk>{CJK_MULTIPLIER}++)?", re.ASCII)


def _compute_factor(found: re.Match[str]) -> Fraction | int:
    if found["mille"]:
        return Fraction(1, 1000)
    if found["cjk"]:
        return _compute_cjk_factor(found["cjk"])
    return _FACTORS[int((found.lastgroup or "m0")[1:])]


_FACTORS = [*MULTIPLIERS.values()]


_MAX_FACTOR: int = 10**MAX_EXPONENT


def _compute_cjk_factor(characters: str) -> int:
    factor = 1
    for character in characters:
        factor *= CJK_MULTIPLIERS[character]
    return min(factor, _MAX_FACTOR)


_ASCII = str.maketrans(dict.fromkeys(MINUS, "-"))
_RAISED = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "0123456789"
)
