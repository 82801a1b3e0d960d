r"""Read numbers as people write them, exactly.

All components read numbers with this module, so that a text is the same number for each of them. It
reads integers, decimals, thousands separators, signs, currencies, percents, fractions, mixed
numbers, powers of ten, scale words and units, in plain text and in LaTeX. Only ASCII digits count:
"²" and "٤" are not digits here. A value is an int or a Fraction, so 0.1 + 0.2 is 0.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple
from unicodedata import numeric

MAX_LENGTH = 4200
"""Longer texts, in characters, are not read as numbers."""
# Python refuses to print integers of more than 4,300 digits.
MAX_EXPONENT = 4000
"""Larger powers of ten are not read."""

MINUS = "-\u2010\u2011\u2012\u2013\u2212\u207b\u2796\ufe63\uff0d"
"""The characters that people and models write for a minus sign, except em dashes."""

# Patterns that other modules search for in a text. `read_number` then gives the value of a match.
NUMBER_LIKE = r"[-+\u2212]?\d[\d.,]*"
"""Anything that begins like a number, for lists of numbers; linear in the text."""
GROUPED_NUMBER_IN_PROSE = r"-?[1-9]\d{0,2}(?:[ ,]\d{3})++(?:\.\d+)?"
"""A number with separators of thousands: 1,500 or 1 500."""
NUMBER_IN_PROSE = rf"{GROUPED_NUMBER_IN_PROSE}|-?\d+[.,]\d+|\.\d+|-?\d+"
"""A number in a sentence, as math-verify finds it; a comma before other than three digits is a
decimal point."""

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


_SIGN = rf"[+{re.escape(MINUS)}]"
_SYMBOLS = r"[\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba\u00a2]|\\?\$"
_CURRENCY = (
    rf"(?:(?:US|AU|CA|NZ|HK|S|A|C)?(?:{_SYMBOLS})"
    r"|(?:USD|EUR|GBP|JPY|INR|CNY|RMB|R[ps]\.?)(?![A-Za-z]))"
)
_COMMA = r"(?:,|\{,\}|\\,|\\!|,\\!|[\u00a0\u2009\u202f])"
_DECIMAL = rf"(?:(?:[1-9]\d{{0,2}}(?:{_COMMA}\d{{3}})++|\d++)(?:\.\d*+)?|\.\d++)"
_EXPONENT = rf"10\s*+\^\s*+(?:\{{\s*+)?(?P<KIND>{_SIGN}?\d++)(?:\s*+\}})?"


@cache
def _compile_number() -> re.Pattern[str]:
    """Compile the pattern of a number and the text after it, on first use: it takes a while."""
    return re.compile(
        rf"""
        (?:(?:(?!not\b)[A-Za-z]\w{{0,20}}+\s*+)?+=\s*+)?+                       # x =
        (?P<sign>{_SIGN}|(?:minus|negative)\s)?\s*+
        {_CURRENCY}?\s*+(?P<inner>(?(sign)(?!)|{_SIGN}))?
        (?:
            (?:(?P<whole>\d++)(?:\\[ ,])?+)?+\s*+\\[cdst]?frac\s*+
            (?:\{{\s*+(?P<over>[-+]?{_DECIMAL})\s*+\}}|(?P<over_digit>\d))\s*+
            (?:\{{\s*+(?P<under>[-+]?{_DECIMAL})\s*+\}}|(?P<under_digit>\d))
          | (?:(?P<mixed>\d++)(?:\s++|\s*+\\\s++))?(?P<top>\d++)\s*+[/\u2044]\s*+(?P<bottom>\d++)
          | (?P<units>\d++)?+\s?(?P<vulgar>[\u00bc-\u00be\u2150-\u215e])
          | {_EXPONENT.replace("KIND", "ten")}
          | (?P<plain>{_DECIMAL})
            (?:
                [eE](?P<e>[-+]?\d++)
              | \s*+(?:\\times|\\cdot|[*\u00d7x])\s*+{_EXPONENT.replace("KIND", "power")}
            )?+
        )
        (?![\d.,]*\d)
        (?P<unit>.*+)
        """,
        re.VERBOSE | re.ASCII | re.DOTALL,
    )


_ENGLISH = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_INDONESIAN = {"ratus": 2, "ribu": 3, "juta": 6, "miliar": 9, "triliun": 12}
_SCALES = _ENGLISH | _INDONESIAN
_PERCENT = re.compile(r"(?i:\\?%|per\s?cent)")
_SHORT = (
    "mm|cm|dm|km|nm|mi|ft|in|yd|mg|kg|lb|lbs|oz|ml|mL|cl|dl|kl|ms|min|mins|hr|hrs|sec|secs|kmh|mph"
    "|kph|Hz|kHz|MHz|GHz|kW|kWh|MW|GW|kJ|kcal|cal|Pa|kPa|eV|mol|cc|KB|MB|GB|TB|USD|EUR|GBP"
    "|m|g|s|h|L|l|N|J|W|V|A"
)
_NO_UNIT = (
    # conjunctions, negations and operators
    "and|or|nor|not|no|to|but|then|is|are|was|than|plus|minus|times|over|mod|between"
    "|about|if|none|wrong|false|incorrect|below|under|negative|choose|base|root"
    # functions, and words that change the value
    "|sin|cos|tan|log|ln|exp|sqrt|pi|squared|cubed|doubled|tripled|halved|factorial|dozens?|gross|scores?|lusin|\\w*fold|am|pm"
    "|bn|mn|ml[nl]|mil|mill|bil|bln|tril|tn|grand|thou|(?:lakh|lac|crore)s?|per\\s?mille|bps|basis"
    "|hundreds?|thousands?|tens|ratus|ribu|juta|miliar|triliun|mio|\\w*illions?|half|halves|quarters?|thirds?|\\w+(?:teen|tie|and|llion)ths?"
    "|hundredths?|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf)ths?|st|nd|rd|th"
    # numbers and months
    "|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\\w+teen"
    "|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
    "|january|february|march|april|may|june|july|august|september|october|november|december"
)
_POWER = r"(?:\s?\^\s?\{?[23]\}?|[\u00b2\u00b3])?+"
_WORD = rf"(?!(?i:{_NO_UNIT})\b)(?:[^\W\d_]{{2,30}}+|(?:{_SHORT})\b){_POWER}\.?"
_SPACE = r"(?:\s|~|\\[,;:! ]|\\quad|-)"


@cache
def _compile_unit() -> re.Pattern[str]:
    """Compile the pattern of units: text after a number that does not change its value."""
    return re.compile(
        rf"""
        (?:
            \s?(?:\u00b0|\^\s?\{{?\s?\\circ\s?\}}?|\\circ|\\degree)\s?[CF]?  # 90 degrees, 20 C
          | \s?(?:{_SYMBOLS})                                                # 7 euros
          | {_SPACE}*+(?:{_SHORT})\b{_POWER}                                 # 5 km
          | {_SPACE}++(?:an?\s)?{_WORD}(?:[\s/]++(?:an?\s)?{_WORD}){{0,3}}    # 18 dollars per day
        )?
        (?:\s?/\s?{_WORD})?                                                  # a day
        """,
        re.VERBOSE,
    )


_WRAPS = [
    *(("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("*", "*")),
    *(("__", "__"), ("_", "_"), ("`", "`"), ('"', '"'), ("'", "'"), ("\u201c", "\u201d")),
    *((r"\boxed{", "}"), ("{", "}"), ("(", ")")),
]
_OPENINGS = {left[0] for left, _ in _WRAPS}
_TEXT = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox|operatorname)\s?\{([^{}]*+)\}")
_LAYOUT = re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z])\s?")


def read_number(text: str) -> Number | None:
    r"""Return the number that the whole text is, or None if it is anything else.

    >>> read_number("$1,000.50"), read_number("7.0").value == 7, read_number(r"-\frac{3}{4}").value
    (Number(value=Fraction(2001, 2), percent=False), True, Fraction(-3, 4))
    >>> read_number("50%").percent, read_number("1 1/2 cups").value, read_number("3 million").value
    (True, Fraction(3, 2), Fraction(3000000, 1))
    >>> [read_number(text) for text in ("", "²", "1 2 3", "3/1/2024", "3x", "nan", "2 or 3")]
    [None, None, None, None, None, None, None]
    """
    if text.isdigit() and text.isascii() and len(text) <= _SHORT_TEXT:  # the most common case
        return Number(int(text))
    text = text.strip().strip("\u200b\ufeff")
    if len(text) <= _SHORT_TEXT:
        return _remembered(text)
    return _read_stripped(text) if len(text) <= MAX_LENGTH else None


def _read_stripped(text: str) -> Number | None:
    if _INTEGER.fullmatch(text):  # ten times faster than the general pattern
        digits = text.replace(",", "")
        return Number(int(digits)) if len(digits) <= MAX_EXPONENT else None
    found = _compile_number().fullmatch(_strip_wraps(text))
    value = None if found is None else _compute_value(found)
    if found is None or value is None:
        return None
    if (found["sign"] or found["inner"] or "+")[0] in f"{MINUS}mn":
        value = -value
    unit = found["unit"].rstrip(".,;: \t\n")
    if _PERCENT.fullmatch(unit.lstrip()):
        return Number(value, percent=True)
    scale = unit.split(maxsplit=1)[0] if unit[:1].isspace() else ""
    if scale.lower() in _SCALES:
        value *= 10 ** _SCALES[scale.lower()]
        unit = unit.lstrip().removeprefix(scale)
    return Number(value) if _compile_unit().fullmatch(unit) else None


_INTEGER = re.compile(r"-?(?:[1-9]\d{0,2}(?:,\d{3})++|\d++)", re.ASCII)
_SHORT_TEXT = 64  # longer texts are rarely numbers, and would fill the cache
_remembered = lru_cache(maxsize=8192)(_read_stripped)  # completions of a group repeat their answers


def is_unit(words: str) -> bool:
    """Return whether words after a number are a unit, which does not change its value.

    >>> is_unit("cm"), is_unit("dollars per day"), is_unit("million")
    (True, True, False)
    """
    return _compile_unit().fullmatch(f" {words}") is not None


def _strip_wraps(text: str) -> str:
    """Remove markup around a number: math delimiters, emphasis, boxes, quotes."""
    if "\\" in text:
        text = _LAYOUT.sub("", _TEXT.sub(r" \1 ", text)).strip()
    for left, right in _WRAPS if text[:1] in _OPENINGS else ():
        end = text.rstrip(".,;: ")
        inner = end[len(left) : -len(right)]
        alone = right not in inner.replace(r"\$", "")
        if end.startswith(left) and end.endswith(right) and inner and alone:
            text = inner.strip()
    return text


def _compute_value(found: re.Match[str]) -> Fraction | None:
    """Return the value of a match without its sign, or None if it has none or is too large."""
    if found["vulgar"]:
        return int(found["units"] or 0) + Fraction(numeric(found["vulgar"])).limit_denominator(10)
    if found["plain"] or found["ten"]:
        value = _parse_decimal(found["plain"] or "1")
        exponent = int((found["e"] or found["power"] or found["ten"] or "0")[:9].translate(_ASCII))
        if value is None or abs(exponent) > MAX_EXPONENT:
            return None
        return value * Fraction(10) ** exponent if exponent else value
    top = _parse_decimal(found["top"] or found["over"] or found["over_digit"])
    bottom = _parse_decimal(found["bottom"] or found["under"] or found["under_digit"])
    whole = _parse_decimal(found["mixed"] or found["whole"] or "0")
    return whole + top / bottom if whole is not None and top is not None and bottom else None


def _parse_decimal(text: str) -> Fraction | None:
    """Return the value of digits with separators and a point, or None if there are too many."""
    digits = re.sub(r"[^-\d.]", "", text).rstrip(".")
    return Fraction(digits) if len(digits) <= MAX_EXPONENT else None


_ASCII = str.maketrans(dict.fromkeys(MINUS, "-"))


class NumberToken(NamedTuple):
    """What begins like a number in a text; a date or a list without spaces is one token."""

    text: str
    """The token in ASCII, with "-" before it if a minus or the word precedes it."""
    start: int
    """Its position in the text, without the minus before it."""
    end: int
    """The position after it."""
    is_altered: bool
    """Whether the text around it makes it another number: an operand, a negation, a root."""

    @property
    def number(self) -> Number | None:
        """Its value as `read_number` reads it, or None if it is not a number."""
        return read_number(self.text)


def scan_numbers(text: str) -> Iterator[NumberToken]:
    """Yield every token of a text that begins like a number, in order.

    >>> [(token.text, token.number is not None) for token in scan_numbers("from -3 to 3/1/2024")]
    [('-3', True), ('3/1/2024', False)]
    """
    for token in _NUMBERS.finditer(text):
        number, is_operand = _read_sign(text, token)
        yield NumberToken(number, *token.span(), is_operand or _is_altered(text, token))


_NUMBERS = re.compile(
    r"""
    (?:(?<![\w)\]}.])[-+\u2212])?(?:\\?\$)?(?:(?<=\$)[-\u2212])?
    (?:
        \\[dtc]?frac\{-?\d++\}\{\d++\}
      | (?<![^\W_])(?<![^\W_]_)(?<![\^\u221a])(?<![\^_]\{)(?<!sqrt\{)
        (?:
            \d++[ ]\d++/\d++(?![\d/])
          | \d{1,3}(?:[ ]\d{3})++(?![\d])
          | \d++(?:(?:[.,/:\u00a0\u202f]|\{,\}|,?\\[!,])\d++)*+
          | (?<![\d.])\.\d++
          | [\u00bc-\u00be\u2150-\u215e]
        )
        (?:[eE][-+]?\d++|\s?(?:\\times|\u00d7|\*)\s?10\^\{?-?\d++\}?)?
    )
    (?:
        \s?\\?%|[A-Za-z]++|\^(?:\{[^{}\n]{0,20}\}|[-+]?\w++|\S)|\s?[\u00bc-\u00be\u2150-\u215e]
      | \s?[-+*/]\s?[A-Za-z]\b
      | \s(?i:hundreds?|(?:thou|mill|bill|trill)\w{2,4}|ratus|ribu|juta|miliar|triliun)\b
      | \s(?i:dozens?|lusin|squared|cubed|below|negative|and\sa\shalf)\b
    )?
    """,
    re.VERBOSE | re.ASCII,
)
# A minus may be separated from its number by markup, brackets or a currency.
_MINUS_BEFORE = re.compile(
    rf"(?P<left>\S?\s?)\s{{0,8}}(?:[{re.escape(MINUS)}]|\b(?i:minus|negative)\b)"
    r"(?:[\s*_(){}\[\]~`\\,!\u200b]|\\[a-z]{1,12}|<[a-z]{1,9}>"
    r"|\\?[$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba\u00a2]|(?:US|AU|CA|NZ|HK|[ASCR])(?=\\?\$|$)"
    r"|(?:USD|EUR|GBP|JPY|INR|CNY|RMB|R[ps]\.?)(?![A-Za-z])){0,8}$"
)
# Context in which the token is not the value: a negation, a root or function, a power, a factorial,
# an index.
_ALTERED_BEFORE = re.compile(
    r"(?:[\u221a\u2260]|!=|\b(?:not|never)|n['\u2019]t|(?:\\|\b)(?:sqrt|log|ln|exp|sin|cos|tan))"
    rf"[\s({{\[\\$]{{0,8}}[{re.escape(MINUS)}]?$"
)
_ALTERED_AFTER = re.compile(
    r"(?:\\right)?[)\]}]{1,4}\s?\^|[)\]}]{0,4}!{1,4}\s?[$)\]}\\]|[)\]}]{0,4}_[{(]?[^\W_]"
)
_OPERAND_BEFORE_MINUS = re.compile(r"[\d)\]}%]|[^\W\d_.]$")
# the exponent of a unit, as in "12 cm²", which does not make another number
_UNIT_EXPONENT = re.compile(r"(?<=[^\W\d_])[\u00b2\u00b3](?!\d)")
MAX_MINUS_DISTANCE = 32  # more than any markup between a minus and its number takes


def has_other_digits(text: str) -> bool:
    """Return whether there are digits beyond ASCII ("²", "٤"), exponents of units aside."""
    if text.isascii():
        return False
    return any(
        character.isdigit() and not character.isascii()
        for character in _UNIT_EXPONENT.sub("", text)
    )


def _read_sign(text: str, token: re.Match[str]) -> tuple[str, bool]:
    """Return a number with the minus before it, if any, and whether it is an operand."""
    start = token.start()
    minus = _MINUS_BEFORE.search(text, max(start - MAX_MINUS_DISTANCE, 0), start)
    if minus is None:
        return token[0], text[max(start - 1, 0) : start] == "\u00b1"
    # after a number or a variable the minus subtracts: "9 - 7" has no -7 in it
    is_operand = _OPERAND_BEFORE_MINUS.match(minus["left"]) is not None
    return token[0] if is_operand else f"-{token[0]}", is_operand


def _is_altered(text: str, token: re.Match[str]) -> bool:
    """Return whether the text around a number negates it or makes it another number."""
    start = token.start()
    before = _ALTERED_BEFORE.search(text, max(start - MAX_MINUS_DISTANCE, 0), start)
    return before is not None or _ALTERED_AFTER.match(text, token.end()) is not None
