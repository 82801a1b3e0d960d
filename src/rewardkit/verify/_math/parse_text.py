"""A text's value: a number, words, or mathematics by way of its tokens and the parser.

A new kind of answer that is read from the whole text gets its reader here. What is not certain has
no value and is left for math-verify. The time is bounded by `tokenizer.MAX_LENGTH` and the parser.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rewardkit._text import numbers
from rewardkit.verify._math import tokenizer
from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.parser import Parser
from rewardkit.verify._math.values import Group, Value, Words


class Parsed(NamedTuple):
    """A text without its delimiters, with its value, or None where that is not certain."""

    value: Value | None
    text: str
    large: bool = False
    """Whether a part of it is too large to compute."""


class Candidate:
    """A part of a text that may be the answer, parsed at most once.

    The span is that of the answer with what announces it, a box or "answer is".
    """

    # A class with slots and no named tuple, so that most candidates are never parsed.
    __slots__ = ("_parsed", "end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        """Take the mathematics, and its span in the completion."""
        self.text = text
        self.start = start
        self.end = end
        self._parsed: Parsed | None = None

    @property
    def parsed(self) -> Parsed:
        """The text's value, parsed when first asked for."""
        if self._parsed is None:
            self._parsed = parse_text(self.text)
        return self._parsed


def parse_text(text: str) -> Parsed:
    r"""Parse the whole of a text.

    >>> parse_text(r"\boxed{\frac{1}{2}}").value, parse_text("$x = 3$").value.operators
    (Number(value=Fraction(1, 2), percent=False), ('=',))
    >>> parse_text(r"\{3, 1\}").value.kind, parse_text("Monday").value, parse_text("9^{9^9}").large
    ('{}', Words(text='monday'), True)
    """
    text = text.strip()
    if len(text) > tokenizer.MAX_LENGTH:
        return Parsed(None, text, large=True)
    if not text.isdigit():  # most answers are digits alone, without delimiters
        text = tokenizer.strip_delimiters(text)
    if not text or text.casefold() in _MISSING:
        return Parsed(None, "")
    value = _parse_number(text) if _DIGIT.search(text) else _parse_words(text)
    return Parsed(value, text) if value is not None else _parse_mathematics(text)


_MISSING = ("nan", "null")  # how data frames and JSON write a missing answer
_DIGIT = re.compile(r"[0-9\u00bc-\u00be\u2150-\u215e]")


def _parse_number(text: str) -> Value | None:
    number = None if _NOT_NUMBER.search(text) else numbers.read_number(text)
    based = _NUMBER_WITH_BASE.fullmatch(text) if number is None and "_" in text else None
    if based is None:
        return number
    return Group("based", (Form.of(int(based[1])), Form.of(int(based[2]))))


# The reader of numbers takes "x = 3", "(3)" and "2 pi" for numbers with a name, brackets or a
# unit. Here they are an equation, brackets and a product, so the parser reads them.
_NOT_NUMBER = re.compile(r"[=<>&|!]|\\(?:begin|\{|pi|sqrt|cup|infty|pm)|^[\[({]|\d[a-z][-+^]")
# Python converts longer integers in quadratic time.
_NUMBER_WITH_BASE = re.compile(r"([0-9]{1,500})_\{?([0-9]{1,2})\}?")


def _parse_words(text: str) -> Words | None:
    if len(text) > _MAX_WORDS_LENGTH:
        return None
    announced = _ANNOUNCEMENT.match(text)
    text = text[announced.end() :] if announced else text
    marked = _TEXT_ONLY.fullmatch(text)
    found = _WORDS.fullmatch((marked[1] if marked else text).strip())
    if found is None:
        return None
    words = " ".join(found[1].casefold().split())
    certain = marked or announced
    if not certain and (
        len(words) <= tokenizer.MAX_LETTERS_OF_PRODUCT
        or not tokenizer.NAMES.isdisjoint(words.split())
    ):
        return None
    return Words(words)


_MAX_WORDS_LENGTH = 60  # a longer text is prose that may hold an answer
_TEXT_ONLY = re.compile(rf"{tokenizer.TEXT_COMMAND}\{{([^{{}}]*)\}}")
_WORDS = re.compile(r"\(?([^\W\d_](?:[^\W\d_]|[ '\u2019.,-](?=[^\W\d_]))*)\)?")
_ANNOUNCEMENT = re.compile(
    r"(?:(?:so|thus|hence|therefore|and),? )?(?:the )?(?:final |correct )?answer(?: is|:):?\s+",
    re.IGNORECASE,
)


def _parse_mathematics(text: str) -> Parsed:
    if _DERIVATIVE.search(text):  # to the parser, d is a letter and would cancel
        return Parsed(None, text)
    parser = Parser(tokenizer.tokenize(text))
    try:
        return Parsed(parser.parse_all(), text, parser.large)
    except UnknownError:
        return Parsed(None, text, parser.large)
    except (TooLargeError, RecursionError):
        return Parsed(None, text, large=True)


_DERIVATIVE = re.compile(r"frac\s*\{\s*d\s*[a-z]?\s*\}\s*\{\s*d|\bd[a-z]?/d[a-z]")
