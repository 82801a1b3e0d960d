"""A text's value: a number, words, or mathematics by way of its tokens and the parser.

A new kind of answer that is read from the whole text gets its reader here. What is not certain has
no value and is left for math-verify. The time is bounded by `tokenizer.MAX_LENGTH` and the parser.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rewardkit._text import numbers
from rewardkit._text.number_words import SPELLED_NUMBERS
from rewardkit.verify._math import spelling, tokenizer, units, vocabulary
from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.parser import Parser
from rewardkit.verify._math.values import Group, Value, Words


class Parsed(NamedTuple):
    """A text without its delimiters, with its value, or None where that is not certain."""

    value: Value | None
    text: str
    large: bool = False
    """Whether a part of it is too large to compute."""
    is_open: bool = False
    """Whether it is mathematics that the parser does not know, so that math-verify may."""
    unit: str | None = None
    """The unit that was removed from its end, in one spelling, if that is a known one."""


class Candidate:
    """A part of a text that may be the answer, parsed at most once.

    The span is that of the answer with what announces it, a box or "answer is".
    """

    # A class with slots and no named tuple, so that most candidates are never parsed.
    __slots__ = ("_parsed", "end", "is_box", "start", "text")

    def __init__(self, text: str, start: int, end: int, *, is_box: bool = False) -> None:
        """Take the mathematics, and its span in the completion."""
        self.is_box = is_box
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
    if len(text) > _MAX_WORDS_LENGTH and _SENTENCE.search(text):
        return Parsed(None, text)  # prose, in which the answer has to be found
    value = _parse_number(text)
    if value is not None:
        return Parsed(value, text)
    return _parse_normalized(spelling.normalize_spelling(text), text)


_MISSING = ("nan", "null")  # how data frames and JSON write a missing answer


def _parse_normalized(text: str, original: str) -> Parsed:
    text = tokenizer.strip_delimiters(text) if text != original else text
    text = _ARROW.sub("", text)
    announced = ANNOUNCEMENT.match(text)
    if announced:
        text = tokenizer.strip_delimiters(text[announced.end() :])
    if not text:
        return Parsed(None, "")
    text = _POINT.sub("", text)
    if text.endswith("!") and len(text) > 2 and text[:-1].isalpha():  # noqa: PLR2004 - n! is a factorial
        text = text[:-1]
    value = _parse_number(text) if text != original else None
    value = value or _parse_based(text) or _parse_time(text) or _parse_option(text)
    value = value or _parse_share(text)
    if value is not None:
        return Parsed(value, text)
    words = _parse_words(text, is_certain=bool(announced) or original.startswith("\\"))
    return Parsed(words, text) if words is not None else _parse_mathematics(text)


def find_unit(parsed: Parsed) -> str | None:
    """Return the unit of a value in one spelling, or None if it has none that is known."""
    # Few answers are equal to their reference and have a unit, so it is not read before.
    if parsed.unit or not isinstance(parsed.value, numbers.Number) or parsed.text.isdigit():
        return parsed.unit
    return units.find_unit(spelling.normalize_spelling(parsed.text))


def _parse_number(text: str) -> Value | None:
    if not numbers.DIGIT.search(text) or _NOT_NUMBER.search(text):
        return None
    if spelling.write_operators(text) != text:  # "3 at most" is not 3
        return None
    return numbers.read_number(text)


# The reader of numbers takes "x = 3", "(3)" and "2 pi" for numbers with a name, brackets or a
# unit. Here they are an equation, brackets and a product, so the parser reads them.
_NOT_NUMBER = re.compile(
    r"[=<>&|!]|\\(?:begin|\{|pi|sqrt|cup|infty|pm)|^[\[({]|\d[a-z][-+^]|\d:\d|\.\."
)


def _parse_share(text: str) -> Value | None:
    """Parse "7 out of 12"."""
    found = _SHARE.fullmatch(text)
    return numbers.read_number(f"{found[1]}/{found[2]}") if found else None


_SHARE = re.compile(r"(\d{1,9}) out of (\d{1,9})")


def _parse_based(text: str) -> Value | None:
    """Parse digits with the base that they are written in."""
    found = _NUMBER_WITH_BASE.fullmatch(text) if "_" in text or "base" in text else None
    if found is None:
        return None
    base = found["base"].lower()
    return Group(
        "based",
        (
            Form.of(int(found["digits"])),
            Form.of(_BASE_NAMES[base] if base in _BASE_NAMES else int(base)),
        ),
    )


_BASE_NAMES = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "sixteen": 16,
    "binary": 2,
    "octal": 8,
}
# Python converts longer integers in quadratic time.
_NUMBER_WITH_BASE = re.compile(
    r"\(?(?P<digits>[0-9]{1,500})\)?(?:\s*_\s*\{?\s*|\s+(?:in\s+)?base[\s-]+)"
    rf"(?P<base>[0-9]{{1,2}}|{'|'.join(_BASE_NAMES)})\s*\}}?"
)


def _parse_time(text: str) -> Value | None:
    """Parse a time of day with what says which half of the day: 7:45 p.m."""
    found = _TIME.fullmatch(text) if text[-1] in "mM." else None
    if found is None:
        return None
    half = found["half"][0].lower()
    hours = int(found["hours"]) % 12 + 12 * (half == "p")
    return Group("time", (Form.of(hours), Form.of(int(found["minutes"] or 0)), Form.of(half)))


_TIME = re.compile(
    r"(?P<hours>1[0-2]|0?\d)(?::(?P<minutes>[0-5]\d))?\s*(?P<half>[ap]\.?\s?m\.?)", re.IGNORECASE
)


def _parse_option(text: str) -> Value | None:
    """Parse an option's letter, with the option's text or without it: (B) 42, Option B."""
    found = _OPTION.fullmatch(text.strip())
    if found is None:
        return None
    letter, content = found["letter"] or found["named"], (found["content"] or "").strip()
    named = Form.of(letter.lower())
    if not content:
        return named
    return Group("option", (named, parse_text(content).value or Words(_fold_words(content))))


_OPTION = re.compile(
    r"(?:(?:option|choice|\u6545?\u5e94?\u9009[\u9879\u62e9]?)\s*\(?\s*(?P<named>[A-J])\s*\)?\s*[:.]?"
    r"|\(?\s*(?P<letter>[A-J])\s*(?:\)\s*+[.:]?+|[.:](?![\s.]*$)))\s*+(?P<content>(?![+*/^=<>,_(!-]|and\b|or\b|\u548c|\u6216|\\[a-z]*(?:cdot|times)).{0,200})",
    re.IGNORECASE,
)


def _fold_words(text: str) -> str:
    return " ".join(text.casefold().split())


def _parse_words(text: str, *, is_certain: bool) -> Value | None:
    if len(text) > _MAX_WORDS_LENGTH:
        return None
    found = _WORDS.fullmatch(text.strip(" .!"))
    if found is None:
        return None
    words = _fold_words(found[1]).removeprefix("the ")
    known = _find_known_words(words)
    if known is not None:
        return known
    if _LETTERS_IN_LIST.fullmatch(spelling.write_operators(words)):
        return None
    is_name = len(words) <= tokenizer.MAX_LETTERS_OF_PRODUCT and words.isascii()
    if not is_certain and (is_name or not tokenizer.NAMES.isdisjoint(words.split())):
        return None
    return Words(words)


def _find_known_words(words: str) -> Value | None:
    if _NO_SOLUTION.fullmatch(words):
        words = "no solution"
    if words in NAMED_SETS:
        return NAMED_SETS[words]
    spelled = SPELLED_NUMBERS.get(" ".join(words.replace("-", " ").split()))
    return None if spelled is None else numbers.Number(spelled)


# So few letters would be a product, as "ab" is.
_SHORT_WORD = re.compile(
    r"(?<![\\{\w])(?:so|its?|it's|is|he|she|we|if|to|of|an|as|be|by|the|was|are|has|get|now"
    r"|hence|thus)(?=[\s,])",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<![\\{A-Za-z])(?:[A-Za-z,']+ ){3}")
_REALS = Group("()", (-Form.of("oo"), Form.of("oo")))
NAMED_SETS = {
    **dict.fromkeys(("all real numbers", "all reals", "real numbers", "全体实数"), _REALS),
    **dict.fromkeys(
        ("empty set", "no solution", "no solutions", "null set", "无解"), Group("{}", ())
    ),
}
# "solution" and not "value": a function may have no maximum value, which is another statement
_NO_SOLUTION = re.compile(
    r"(?:(?:so|thus|hence|therefore),? )?(?:the )?"
    r"(?:there (?:is|are|exists?) |(?:it|this|equation|system|inequality|problem) has )?"
    r"no (?:(?:real|integer|such|possible|valid|further) )*(?:solutions?|roots?)(?: exists?)?"
    r"|(?:es gibt )?keine l\u00f6sung(?:en)?|tidak ada (?:solusi|penyelesaian)"
    r"|(?:il n'y a )?(?:pas de|aucune) solution|(?:no hay|sin) soluci(?:\u00f3n|ones)"
    r"|\u043d\u0435\u0442 \u0440\u0435\u0448\u0435\u043d\u0438\u0439"
    r"|\u65e0\u89e3|\u7121\u89e3|\u89e3\u306a\u3057"
)
_LETTERS_IN_LIST = re.compile(r"\s*[a-z](?:\s*(?:,|\\l(?:and|or))\s*[a-z])+\s*")  # A and C
_MAX_WORDS_LENGTH = 60  # a longer text is prose that may hold an answer
_WORDS = re.compile(
    r"\(?([^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff]|[ '\u2019.,-](?=[^\W\d_])|'$)*)\)?"
)
_ARROW = re.compile(
    r"^\s*(?:\\(?:Rightarrow|rightarrow|implies|to|longrightarrow)(?![A-Za-z])\s*)+"
)
_POINT = re.compile(r"^[A-Z]'?\s?(?=\([^()]*,[^()]*\)$)")  # the name of a point: A(1, 2)
# "Total = 5", "Area (in cm) = 5": a name in words.
_NAME_IN_WORDS = re.compile(
    r"\s*(?:[^\W\d_]+['.-]?\s+){0,5}(?:[^\W\d_]{4,}|[^\W\d_A-Za-z]+)\s*(?:\([^()=]{0,20}\)\s*)?=(?!=)\s*"
)
ANNOUNCEMENT = re.compile(
    r"(?:(?:so|thus|hence|therefore|and|\u6240\u4ee5|\u56e0\u6b64|\u6545),?\s?)?(?:(?:the|la|die|\u6700\u7ec8)\s?)?"
    rf"(?:final |correct )?(?:(?:{vocabulary.ANSWER_WORDS})\s?{vocabulary.IS}|ans\s?[:=.]):?\s*",
    re.IGNORECASE,
)


def _parse_mathematics(text: str) -> Parsed:
    written = spelling.write_operators(text)
    if "," in written:
        written = _GROUPED_SIDE.sub(_join_digits, written)
    named = _NAME_IN_WORDS.match(written)
    written = written[named.end() :] if named else written
    if " " in written and _SHORT_WORD.search(written):
        return Parsed(None, text)
    if _DERIVATIVE.search(text):  # to the parser, d is a letter and would cancel
        return Parsed(None, text, is_open=True)
    if "\\bmod" in written:
        written = _MODULUS.sub(r"\\pmod{\1}", written)
        if "\\equiv" in written:
            written = written.replace("\\bmod", "\\pmod")
    written, unit = _split_unit(written)
    tokens = tokenizer.tokenize(written)
    parser = Parser(tokens)
    try:
        return Parsed(parser.parse_all(), text, parser.large, unit=unit)
    except UnknownError:
        return Parsed(None, text, parser.large, is_open=_is_open(tokens, written))
    except (TooLargeError, RecursionError):
        return Parsed(None, text, large=True)


def _join_digits(found: re.Match[str]) -> str:
    return found[0].replace(",", "")


# In x = 1,234 the comma does not make a list.
_GROUPED_SIDE = re.compile(r"[=<>]\s*-?[1-9]\d{0,2}(?:,\d{3})+(?![,\d])")


def _is_open(tokens: list[str], text: str) -> bool:
    return tokenizer.has_open_command(tokens) and tokenizer.is_well_formed(text.strip())


_DERIVATIVE = re.compile(r"frac\s*\{\s*d\s*[a-z]?\s*\}\s*\{\s*d|\bd[a-z]?/d[a-z]")
_MODULUS = re.compile(r"\(\s*\\bmod\s*([^()]{1,40})\)")
_MAX_UNIT_TEXT = 400


def _split_unit(text: str) -> tuple[str, str | None]:
    """Remove a unit, or a remark without numbers, at the end; return the unit if it is known."""
    if len(text) > _MAX_UNIT_TEXT:
        return text, None
    if " " in text or r"\in" in text:
        text = _REMARK.sub("", text)
    text = text.rstrip(" \\")
    found = _NUMBER_AND_UNIT.fullmatch(text)
    if found is None:
        return text, None
    words = found["words"].strip()
    unit = units.read_unit(words)
    # "2 pi" and "3 million" end in words that change the value.
    if unit or (
        words not in tokenizer.NAMES and _WORDS_OF_UNIT.fullmatch(words) and numbers.is_unit(words)
    ):
        return found["number"], unit
    return text, None


_REMARK = re.compile(
    r",?\s*(?:\(?\s*)?\b(?:for (?:all|any|every|some|each|real)|where|when|with|since|because)\s.*$"
    # "k \in Z" after what holds for each k
    r"|(?<=[^\s(,]),?\s*\(?\s*(?<![A-Za-z\\])[a-z](?:\s*,\s*[a-z])*\s*\\in\s*\\mathbb\s*\{?[A-Z]\}?"
    r"[\^_+*0-9{}]{0,6}\s*\)?\s*$",
    re.DOTALL,
)
_NUMBER_AND_UNIT = re.compile(
    r"(?P<number>.*(?:[\d})\]%!.]|\\pi|\\infty))"
    r"(?:\s+|\s*-|(?=\\frac)|(?=\^\s?\{?\s?\\circ\s?\}?\s?[CF]))(?P<words>(?:[({]\s*)?(?:[A-Za-z]|\\[a-zA-Z]{2,}|\^\s?\{?\s?\\circ|\u00b5|[^\W\d_])"
    r"(?:[^\W\d_]|[\s./*()^{}-]|\\cdot|\\mu|\\Omega|\\circ|\\frac|[1-4])*)"
)
_WORDS_OF_UNIT = re.compile(r"[A-Za-z]{2,}[A-Za-z ./]*(?:\^\s?\{?[23]\}?)?")
