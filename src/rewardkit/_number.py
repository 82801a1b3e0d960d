r"""Read numbers as people write them, exactly.

One reader for everything that looks at numbers, so that a number is the same number everywhere. It
reads integers, decimals, thousands separators, signs, currency, percents, fractions, mixed numbers,
powers of ten, scale words and units, in plain text and in LaTeX. It reads ASCII digits only: "²" is
no digit here, nor is "٤". A value is a Fraction, so 0.1 + 0.2 is 0.3.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

MAX_LENGTH = 4200
"""Longer texts, in characters, are not read as numbers."""
MAX_EXPONENT = 4000
"""Larger powers of ten are not read."""


_EXACT = Fraction(0)


class Number(NamedTuple):
    """A number as read; a percent may stand for itself or for its hundredth."""

    value: Fraction
    percent: bool = False

    def equals(
        self, other: Number, *, rel_tol: Fraction = _EXACT, abs_tol: Fraction = _EXACT
    ) -> bool:
        """Return whether the two are equal within either tolerance, relative to `self`.

        50% equals 50, 50% and 0.5: a dataset writes one, a model the other.
        """
        if self.value == other.value:
            return True
        shift = Fraction(1, 100)
        pairs = [(self.value, other.value)]
        if self.percent and not other.percent:
            pairs.append((self.value * shift, other.value))
        if other.percent and not self.percent:
            pairs.append((self.value, other.value * shift))
        return any(abs(a - b) <= max(abs_tol, rel_tol * abs(a)) for a, b in pairs)


_GROUPED = r"[1-9]\d{0,2}(?:(?:,|\{,\}|\\,|\\!|,\\!|[\u00a0\u2009\u202f])\d{3})++"
_UNSIGNED = rf"(?:{_GROUPED}|\d++)(?:\.\d*+)?|\.\d++"
_CURRENCY = (
    r"(?:(?:US|AU|CA|NZ|HK|S|A|C)?\\?\$|[\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba]"
    r"|(?:USD|EUR|GBP|JPY|INR|CNY|RMB|Rp\.?)(?![A-Za-z]))"
)
MINUS = "-\u2010\u2011\u2012\u2013\u2212\uff0d"
"""The signs that people and models write for a minus, em dashes aside."""
_ASCII_MINUS = str.maketrans(dict.fromkeys(MINUS, "-"))
_SIGN = rf"[+{re.escape(MINUS)}]"
_NUMBER = re.compile(
    rf"""
    (?:(?:[A-Za-z]\w{{0,20}}+\s*+)?+=\s*+)?+                     # x =
    (?P<sign>{_SIGN})?\s*+{_CURRENCY}?\s*+(?P<inner>(?(sign)(?!)|{_SIGN}))?
    (?:
        (?P<whole>\d++)?+\s*+\\[dtc]?frac\s*+(?:
            \{{\s*+(?P<over>-?\d++)\s*+\}}\s*+\{{\s*+(?P<under>\d++)\s*+\}}
          | (?P<digit_over>\d)\s*+(?P<digit_under>\d)
        )
      | (?:(?P<mixed>\d++)(?:\s++|\s*+\\\s++))?(?P<top>\d++)\s*+[/\u2044]\s*+(?P<bottom>\d++)
      | (?P<plain>{_UNSIGNED})
        (?:
            [eE](?P<e>[-+]?\d++)
          | \s*+(?:\\times|\\cdot|[*\u00d7x])\s*+10\s*+\^\s*+
            (?:\{{\s*+)?(?P<power>{_SIGN}?\d++)(?:\s*+\}})?
        )?+
    )
    (?![\d.,]*\d)
    (?P<unit>.*+)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)

_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_PERCENT = re.compile(r"(?i:\\?%|per\s?cent|\\text\{\s*(?:\\?%|percent)\s*\})")
_SHORT = (
    "mm|cm|dm|km|nm|mi|ft|in|yd|mg|kg|lb|lbs|oz|ml|mL|cl|dl|kl|ms|min|mins|hr|hrs|sec|secs|kmh|mph"
    "|kph|Hz|kHz|MHz|GHz|kW|kWh|MW|GW|kJ|kcal|cal|Pa|kPa|eV|mol|cc|KB|MB|GB|TB|m|g|s|h|L|l|N"
    "|J|W|V|A"
)
_NO_UNIT = (
    "and|or|nor|not|no|to|but|then|is|are|was|than|plus|minus|times|over|mod|less|more|between"
    "|about|if|none|wrong|below|under|negative|sin|cos|tan|log|ln|exp|sqrt|pi|squared|cubed"
    "|factorial|dozen|score|half|halves|quarters?|thirds?|(?:four|fif|six|seven|eigh|nin|ten)ths?"
    "|(?:hundred|thousand|million|billion|trillion)(?:ths?|s)?|bn|mn|mil|lakh|crore|am|pm"
    "|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\\w+teen"
    "|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|st|nd|rd|th"
    "|january|february|march|april|may|june|july|august|september|october|november|december"
)
_POWER = r"(?:\s?\^\s?\{?[23]\}?|[\u00b2\u00b3])?+"
_WORD = rf"(?!(?i:{_NO_UNIT})\b)(?:[^\W\d_]{{2,30}}+|(?:{_SHORT})\b){_POWER}\.?"
_TEXT = rf"\\(?:text|mathrm|textrm|mbox|textbf)\s?\{{[^{{}}\d]{{0,60}}\}}{_POWER}"
_SPACE = r"(?:\s|~|\\[,;:! ]|\\quad|-)"
_UNIT = re.compile(
    rf"""
      (?:\u00b0|\^\s?\{{?\s?\\circ\s?\}}?|\\circ|\\degree)\s?[CF]?             # 90 degrees, 20 C
    | [\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba]|\\?\$                       # 7 euros
    | {_SPACE}*+(?:(?:{_SHORT})\b{_POWER}|{_TEXT})(?:\s?/\s?(?:{_WORD}|{_TEXT}))?  # 5km/h
    | {_SPACE}++{_WORD}(?:[\s/]++{_WORD}){{0,3}}                               # 18 dollars per day
    """,
    re.VERBOSE,
)
_WRAPS = [
    *(("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`")),
    *((r"\boxed{", "}"), (r"\text{", "}"), ("{", "}"), ("(", ")")),
]


_OPENINGS = {left[0] for left, _ in _WRAPS}


def read(text: str) -> Number | None:
    r"""Return the number that the whole text is, None where it is anything else.

    >>> read("$1,000.50"), read("7.0").value == 7, read(r"-\frac{3}{4}").value
    (Number(value=Fraction(2001, 2), percent=False), True, Fraction(-3, 4))
    >>> read("50%").percent, read("1 1/2 cups").value, read("3 million").value
    (True, Fraction(3, 2), Fraction(3000000, 1))
    >>> [read(text) for text in ("", "²", "1 2 3", "3/1/2024", "3x", "nan", "2 or 3")]
    [None, None, None, None, None, None, None]
    """
    text = text.strip()
    return _read(text) if len(text) <= MAX_LENGTH else None


@lru_cache(maxsize=1024)
def _read(text: str) -> Number | None:
    """Return the number that a stripped text is; a group says the same one many times."""
    if text.isdigit() and text.isascii():
        return Number(Fraction(int(text))) if len(text) <= MAX_EXPONENT else None
    found = _NUMBER.fullmatch(_unwrapped(text))
    value = None if found is None else _value(found)
    if found is None or value is None:
        return None
    if (found["sign"] or found["inner"] or "+") in MINUS:
        value = -value
    unit = found["unit"].rstrip().removesuffix(".").rstrip()
    if _PERCENT.fullmatch(unit.lstrip()):
        return Number(value, percent=True)
    scale = unit.split(maxsplit=1)[0] if unit[:1].isspace() else ""
    if scale.lower() in _SCALES:
        value *= 10 ** _SCALES[scale.lower()]
        unit = unit.lstrip().removeprefix(scale)
    return Number(value) if not unit or _UNIT.fullmatch(unit) else None


def _unwrapped(text: str) -> str:
    """Return the text without math delimiters, emphasis, a box or parentheses around it."""
    if text[:1] not in _OPENINGS:
        return text
    for left, right in _WRAPS:
        bare = text.removesuffix(".")
        inner = bare[len(left) : -len(right)]
        if bare.startswith(left) and bare.endswith(right) and inner and right not in inner:
            text = inner.strip()
    return text


def _value(found: re.Match[str]) -> Fraction | None:
    """Return the value of a match without its sign, None where it has none or is too large."""
    if found["plain"] is not None:
        digits = re.sub(r"[^\d.]", "", found["plain"])
        exponent = int((found["e"] or found["power"] or "0")[:9].translate(_ASCII_MINUS))
        if abs(exponent) > MAX_EXPONENT or len(digits) > MAX_EXPONENT:
            return None
        value = Fraction(digits.rstrip("."))
        return value * Fraction(10) ** exponent if exponent else value
    top = found["top"] or found["over"] or found["digit_over"]
    bottom = found["bottom"] or found["under"] or found["digit_under"]
    if not int(bottom):
        return None
    return int(found["mixed"] or found["whole"] or 0) + Fraction(int(top), int(bottom))
