r"""Read mathematics as people and models write it, in LaTeX or plainly, into exact values.

Numbers are read by `_number`, words here, and all else by `_grammar`; what is not certain is left
for others. The time is bounded by `MAX_LENGTH` and by what those two allow.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rewardkit._text import numbers
from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.parser import MAX_DEPTH, NAMES, Group, Reader, Value, Words

MAX_LENGTH = 2000
"""Longer texts, in characters, are not read."""
_LONG = 400  # so are those that others are to read


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
    if len(text) > MAX_LENGTH:
        return Reading(None, text, large=True)
    if not text.isdigit():
        text = _unwrapped(text)
    if not text or text.casefold() in _MISSING:
        return Reading(None, "")
    value = _number_of(text) if _DIGIT.search(text) else _words(text)
    return Reading(value, text) if value is not None else _computed(text)


def _number_of(text: str) -> Value | None:
    """Return a number, with the base that it is written in."""
    number = None if _NO_NUMBER.search(text) else numbers.read(text)
    based = _BASED.fullmatch(text) if number is None and "_" in text else None
    if based is None:
        return number
    return Group("based", (Form.of(int(based[1])), Form.of(int(based[2]))))


def _computed(text: str) -> Reading:
    """Read what is neither a number nor words."""
    if _DERIVATIVE.search(text):
        return Reading(None, text)
    reader = Reader(_tokens(_plain(text)))
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
    if not (marked or said) and (len(words) < 4 or not NAMES.isdisjoint(words.split())):  # noqa: PLR2004 - 3 letters may be a product
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
    "\u00d7": r"\times ",
    "\u00b7": r"\cdot ",
    "\u22c5": r"\cdot ",
    "\u00f7": "/",
    "\u2264": r"\le ",
    "\u2265": r"\ge ",
    "\u2260": r"\ne ",
    "\u2248": r"\approx ",
    "\u221e": r"\infty ",
    "\u03c0": r"\pi ",
    "\u221a": r"\sqrt ",
    "\u00b1": r"\pm ",
    "\u222a": r"\cup ",
    "\u2205": r"\emptyset ",
    "\u2208": r"\in ",
    "\u00b0": r"^\circ ",
    "\u00b2": "^2",
    "\u00b3": "^3",
    "\u03b8": r"\theta ",
    "\u03b1": r"\alpha ",
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
            if words not in NAMES and numbers.is_unit(words):
                text = unit["number"]
    return text


_TOKEN = re.compile(
    r"\s+|(?P<token>"
    r"\d*\.\d*\\(?:overline|bar)\s*\{\d+\}|\d+(?:\{,\}\d{3})*(?:\.\d+)?|\.\d+"
    "|" + _TEXT + r"\{[^{}]*\}|\\(?:begin|end)\s*\{[a-zA-Z]*\}|\\[A-Za-z]+|\\."
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
            if token.lower() in NAMES:
                tokens.append("\\" + token.lower())
            elif len(token) > 3:  # noqa: PLR2004 - more letters are a word
                return ["?"]
            else:
                tokens.extend(token.lower())
        else:
            tokens.append(_SAME.get(token, token))
    return tokens


_SAME = {
    r"\dfrac": r"\frac",
    r"\tfrac": r"\frac",
    r"\cfrac": r"\frac",
    "**": "^",
    r"\dbinom": r"\binom",
    r"\tbinom": r"\binom",
    r"\cdot": "*",
    r"\times": "*",
    r"\ast": "*",
    r"\div": "/",
    ":": "/",
    r"\leq": "<=",
    r"\le": "<=",
    r"\leqslant": "<=",
    r"\lt": "<",
    r"\neq": "!=",
    r"\ne": "!=",
    r"\geq": ">=",
    r"\ge": ">=",
    r"\geqslant": ">=",
    r"\gt": ">",
    r"\approx": "=",
    r"\lbrace": r"\{",
    r"\rbrace": r"\}",
    r"\lbrack": "[",
    r"\rbrack": "]",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\vert": "|",
    r"\mid": "|",
    r"\varnothing": r"\emptyset",
    r"\lparen": "(",
    r"\rparen": ")",
    ";": ",",
    r"\operatorname{ln}": r"\ln",
    r"\mathrm{e}": "e",
    r"\mathrm{i}": "i",
    r"\exponentialE": "e",
    r"\imath": "i",
}


def too_large(text: str) -> bool:
    r"""Return whether mathematics that is not read here may take too long elsewhere.

    >>> too_large(r"\int_0^1 x^{2} dx"), too_large(r"\int_0^{10^{9}} x dx"), too_large("2" * 5000)
    (False, True, True)
    """
    return len(text) > _LONG or _HEAVY.search(text) is not None or _depth(text) > MAX_DEPTH


_HEAVY = re.compile(
    r"""
    \d{400} | -{6} | \|{5}
    | \^\s*\{[^{}^]{0,40}\^ | \^\s*(?:\d+|[a-z])\s*\^ | \^\s*[({]?\s*\d{4}   # towers and powers
    | [)}\]]\s*\^\s*[({]?\s*\d{3}                                            # powers of sums
    | \d{4,}\s*! | !\s*! | (?:\d{3}[^()]{0,20}|!)[)}]\s*!                     # factorials
    | \\[dt]?binom\s*\{\d{4} | [)}]\s*_\s*\{?\s*\d{4}                        # binomials
    | _\{[^{}]{0,20}=\s*-?\d{5} | \\(?:sum|prod|int)[^^]{0,60}\^\s*\{?\s*-?\d{4}
    | \\(?:int|sum|prod|lim).*\\(?:int|sum|prod|lim) | \\(?:int|lim).{32} | \\infty.{20}
    """,
    re.VERBOSE | re.DOTALL,
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
