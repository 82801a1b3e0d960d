"""Find the numbers in a text, each with the context that changes it.

A token ends where `numbers.read_number` would end it, so that what is found is what is read. What
begins like a number and is none, such as a date, a list without spaces or a root, is one token that
`read_number` refuses. The time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from rewardkit._text.number_words import (
    COMPOUNDS,
    CURRENCY_CODES,
    CURRENCY_SYMBOLS,
    MINUS,
    MINUS_WORDS,
    MODIFIERS,
    MONTHS,
    MULTIPLIERS,
    PERCENT,
)
from rewardkit._text.numbers import (
    HALVES,
    MAX_LENGTH,
    MULTIPLIER,
    SPACE,
    VALUE,
    Number,
    read_number,
    to_ascii,
)


class NumberToken(NamedTuple):
    """What begins like a number in a text."""

    text: str
    """The token in ASCII, with "-" before it if a minus or the word precedes it, and with what
    alters it if something does."""
    start: int
    """Its position in the text, without the minus before it."""
    end: int
    """The position after it."""
    is_altered: bool
    """Whether the text before it makes it another number: an operator, a negation, a root."""

    @property
    def number(self) -> Number | None:
        """Its value as `read_number` reads it, or None if it is not a number."""
        return None if self.is_altered else read_number(self.text)


def scan_numbers(text: str, start: int = 0) -> Iterator[NumberToken]:
    """Yield every token of a text that begins like a number, in order.

    >>> [(token.text, token.number is not None) for token in scan_numbers("from -3 to 3/1/2024")]
    [('-3', True), ('3/1/2024', False)]
    """
    text = to_ascii(text)
    return (read_context(text, *span) for span in _find_spans(text, start))


def find_last_number(text: str) -> NumberToken | None:
    """Return the last of the tokens, reading only the end of a long text if that is enough.

    >>> find_last_number("from -3 to 1,000.").text
    '1,000'
    """
    text = to_ascii(text)
    start = max(len(text) - _WINDOW, 0)
    span = None
    for span in _find_spans(text, start):  # noqa: B007 - the last one
        pass
    # A window may begin within a number. Anything longer than this is not a number.
    if start and (span is None or span[0] - start <= MAX_LENGTH):
        for span in _find_spans(text, 0):  # noqa: B007
            pass
    return read_context(text, *span) if span else None


_WINDOW = 4 * MAX_LENGTH


def _find_spans(text: str, position: int) -> Iterator[tuple[int, int]]:
    find_start, match_simple = _NUMBER_START.search, _SIMPLE_NUMBER.match
    match_token = _compile_token().match
    digit = -1  # the position of the first one after the last command
    while found := find_start(text, position):
        start = found.start()
        if text[start] == "\\":
            # a command without a digit is skipped: much quicker here than by the general pattern
            if digit < start:
                next_digit = _DIGIT_OR_FRACTION.search(text, start)
                if next_digit is None:
                    return
                digit = next_digit.start()
            if digit - start > _MAX_COMMAND:
                position = found.end()
                continue
        simple = match_simple(text, start)
        if simple and not (simple[1] and _may_alter[simple[1]]):
            position = simple.end()
            yield start, position
            continue
        token = match_token(text, start)
        if token is None:
            position = found.end()
            continue
        position = token.end()
        if token.lastgroup not in _COMMANDS or _DIGIT.search(text, start, position):
            yield start, position


_COMMANDS = ("command", "fraction")


class _WordsAfter(dict[str, bool]):
    """Whether a word after a number may alter it; looked up once per word."""

    def __missing__(self, word: str) -> bool:
        if len(self) > MAX_LENGTH:
            self.clear()
        self[word] = _compile_altering_word().fullmatch(word) is not None
        return self[word]


@cache
def _compile_altering_word() -> re.Pattern[str]:
    words = [*MULTIPLIERS, *COMPOUNDS, MODIFIERS, MONTHS, "and|of|x|[a-z]|per|pct|percent|por|pour"]
    return re.compile("|".join(f"(?:{word})" for word in words), re.IGNORECASE)


_may_alter = _WordsAfter()
# Digits before a word or the end of a clause: most numbers are, and the general pattern is slow.
_SIMPLE_NUMBER = re.compile(
    r"\\?\$?[0-9]++(?:\.[0-9]++)?(?=[ ]and[ ](?!(?:a|one|two|three)[ -])[A-Za-z]"
    r"|[ ]([A-Za-z]++)(?![^\s.,;:!?])|[.,;:?][ ][A-Za-z]|[.,;:?]?(?:\n|$))"
)
_MINUS = re.escape(MINUS)
_DIGIT = re.compile("[0-9]")
_DIGIT_OR_FRACTION = re.compile("[0-9\u00bc-\u00be\u2150-\u215e]")
_MAX_COMMAND = 1_000  # characters of a command with its arguments, unless one is a longer word
# The first character decides in most places, so the search is fast. A digit after a letter belongs
# to a name (H2O), and one after "^" or "_" to an exponent or an index.
_NUMBER_START = re.compile(
    rf"[0-9.\\\u221a{CURRENCY_SYMBOLS}$\u00bc-\u00be\u2150-\u215e]"
    r"(?:(?<=[0-9\u00bc-\u00be\u2150-\u215e])"
    r"(?<![A-Za-z0-9^].)(?<![^\W_]_.)(?<![\^_]\{.)(?<!\^[-\u2212].)(?<!\^\{[-\u2212].)"
    r"|(?<=\.)(?<![\w.].)(?=[0-9])"
    r"|(?<=\u221a)(?=\s?[({]?[0-9])"
    rf"|(?<=[{CURRENCY_SYMBOLS}$])(?=[-\u2212]?\.?[0-9])"
    r"|(?<=\\)(?=\$[-\u2212]?\.?[0-9])"
    r"|(?<=\\)(?=(?:[cdtsx]?frac|nicefrac|[dt]?binom|sqrt|log|l[ng]|exp|sin|cos|tan)(?![a-z])))"
)

_NAMED = re.compile(r"\?P<\w+>")
_BRACES = r"\{[^{}\n]{0,80}(?:\{[^{}\n]{0,40}\}[^{}\n]{0,40}){0,4}\}"
_ARGUMENT = rf"(?:{_BRACES}|\\?[A-Za-z]++|[0-9])"
_FRACTION = rf"\\(?:[cdtsx]?frac|nicefrac){SPACE}?{_ARGUMENT}{SPACE}?{_ARGUMENT}"
_COMMAND = (
    rf"\\(?:[dt]?binom{SPACE}?{_ARGUMENT}{SPACE}?{_ARGUMENT}"
    rf"|sqrt(?:\[[^\[\]\n]{{0,20}}\])?{SPACE}?(?:{_ARGUMENT}|\([^()\n]{{0,40}}\))"
    rf"|(?:log|l[ng]|exp|sin|cos|tan)(?:[_^]{_ARGUMENT}){{0,2}}{SPACE}{{0,2}}"
    rf"(?:{_ARGUMENT}|\(?[\w.]{{1,40}}\)?)?)"
)
_RAISED = r"[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]++"
_COMPOUND_PARTS = "|".join(
    rf"(?:{large})\.?,?{SPACE}?(?:and{SPACE})?[0-9]++(?:\.[0-9]++)?{SPACE}?(?:{small})(?![A-Za-z])"
    for large, small in COMPOUNDS.items()
)
# all words begin with a letter, or are a mark of feet: that refuses most texts at once
_COMPOUND = rf"{SPACE}?(?=[^\W\d_]|')(?:{_COMPOUND_PARTS})"
_CJK_DATE = r"\s?[\u5e74\ub144]\s?[0-9]++\s?[\u6708\uc6d4](?:\s?[0-9]++\s?[\u65e5\u53f7\uc77c])?"


@cache
def _compile_token() -> re.Pattern[str]:
    """Compile the pattern of a token, on first use: it takes a while."""
    # Without the names, which `read_number` needs, one group at most is captured.
    value = _NAMED.sub("?:", VALUE.replace("(?P=", "(?!"))
    return re.compile(
        rf"""
        (?P<money>[{CURRENCY_SYMBOLS}]|\\?\$)?[-\u2212]?
        (?:
            (?P<command>{_COMMAND})
          | {value}
            # a list, a range, a time or a date without spaces
            (?:(?:[.,:/\u3001\u2019'{_MINUS}]|\{{,\}}|,?\\[!,]|,-)[0-9]++)*+
          | \u221a\s?[({{]?[0-9.]++[)}}]?
          | (?P<fraction>{_FRACTION})
        )
        (?:
            {SPACE}?\\(?:pi|sqrt|log|ln|sin|cos|tan|e|binom|[dt]?frac)(?![a-z])
          | {HALVES}
          | (?:{MULTIPLIER}|{SPACE}?\\text[a-z]{{0,2}}\{{{MULTIPLIER}\}}){{1,2}}
            (?:[0-9]++(?:\.[0-9]++)?{MULTIPLIER}?)*+(?:{HALVES})?
          | (?(money)\s?[kKmMbBtT](?!\w)|(?!))
          | {_CJK_DATE}
          | {_COMPOUND}|\s?[\u6708\uc6d4]\s?[0-9]++\s?[\u65e5\u53f7\uc77c]
          | {SPACE}{{0,3}}(?i:{PERCENT})(?![A-Za-z])
          | (?:st|nd|rd|th)?{SPACE}(?:of{SPACE})?(?:{MONTHS})\b\.?(?:,?{SPACE}[0-9]{{4}}\b)?
          | {SPACE}(?:(?i:{MODIFIERS})|[MB](?!['.]))\b
          | [A-Za-z][A-Za-z0-9]*+
          | (?:\\right)?[)\]}}]{{0,4}}(?:
                (?:{SPACE}?\^{SPACE}?|\*\*(?=[-+]?[0-9({{]|[a-z](?!\w))|[ ]\*\*[ ])
                (?:\{{[^{{}}\n]{{0,20}}\}}|[-+\u2212]?\w++|\S)
              | {_RAISED}
              | !{{1,4}}\s?[$)\]}}\\.,;]
              | _[{{(]?[^\W_]
            )
          | \s?[\u221a\u03c0\u00bc-\u00be\u2150-\u215e]
          | [\u591a\u4f59\u9918\u51e0\u5e7e]
          | {SPACE}?[-+*/]{SPACE}?[A-Za-z](?![\w'])
        )?+
        """,
        re.VERBOSE,
    )


def read_context(text: str, start: int, end: int) -> NumberToken:
    """Return the token at a span, with the minus, the operator or the negation before it."""
    token = text[start:end]
    window_start = max(start - MAX_DISTANCE, 0)
    # Most numbers follow a word, and few words change them: three searches are spared.
    word = text[window_start:start].rstrip(" ").rpartition(" ")[2]
    if not word or (word.isascii() and word.isalpha() and word.lower() not in _ALTERING_WORDS):
        return NumberToken(token, start, end, is_altered=False)
    found = _ALTERED_BEFORE.search(text, window_start, start)
    found = found or _MONTH_BEFORE.search(text, window_start, start)
    if found:
        return NumberToken(text[found.start() : end], start, end, is_altered=True)
    minus = _MINUS_BEFORE.search(text, window_start, start)
    if minus is None:
        return NumberToken(token, start, end, is_altered=False)
    # after a number or a variable the minus subtracts: "9 - 7" has no -7 in it
    if _OPERAND_BEFORE_MINUS.match(minus["left"]):
        return NumberToken(text[minus.start() : end], start, end, is_altered=True)
    return NumberToken(f"-{token}", start, end, is_altered=False)


MAX_DISTANCE = 32  # more than any markup between a minus and its number takes
_CURRENCY_AND_MARKUP = (
    r"(?:[ \t\u00a0*_(){}\[\]~`\\,!\u200b]|\\[a-z]{1,12}|<[a-z]{1,9}>"
    rf"|\\?[${CURRENCY_SYMBOLS}]|(?:US|AU|CA|NZ|HK|NT|[ASCR])(?=\\?\$|$)"
    rf"|(?:{CURRENCY_CODES}|R[ps]\.?)(?![A-Za-z]))"
)
# A minus may be separated from its number by markup, brackets or a currency.
_MINUS_BEFORE = re.compile(
    rf"(?P<left>\S?[ \t]?)[ \t]{{0,8}}(?:[{_MINUS}]|(?<![A-Za-z])(?i:{MINUS_WORDS})(?![A-Za-z]))"
    rf"{_CURRENCY_AND_MARKUP}{{0,8}}$"
)
_OPERAND_BEFORE_MINUS = re.compile(r"[\d)\]}%]|[A-Za-z]$")
# Context in which the token is not the value: a negation, a comparison, a root or a function, an
# operator after an operand.
_ALTERED_BEFORE = re.compile(
    r"(?:[\u221a\u2260\u2264\u2265\u2266\u2267\u00b1\u2213]|!=|<=|>=|\w [<>]"
    r"|\\(?:ne|neq|leq?|geq?|lt|gt|pm|mp|times|cdot|div|sqrt|log|ln|exp|sin|cos|tan)(?![a-z])"
    r"|\b(?:sqrt|log|ln|exp|sin|cos|tan)(?=[\s({])"
    r"|\b(?:not|never|cannot|nicht|bukan)(?![A-Za-z])|n['\u2019]t|\u4e0d\u662f"
    r"|[\w)\]}%](?:[+*/](?!\s)|[ ][+*/][ ]|[ ]?[\u00d7\u00f7\u22c5\u00b7])"
    r"|[\d)\]}%][ ]?\+|\d[ ][xX][ ])"
    rf"[\s({{\[\\$]{{0,8}}[{_MINUS}]?$"
    rf"|[{_MINUS}][({{\[]{{0,3}}[{_MINUS}]$"
)
_ALTERING_WORDS = frozenset(
    f"{MINUS_WORDS}|{MONTHS}|{CURRENCY_CODES}|R|Rp|Rs|US|AU|CA|NZ|HK|NT|A|C|S".lower().split("|")
) | {
    "not",
    "never",
    "cannot",
    "nicht",
    "bukan",
    "x",
    "sqrt",
    "log",
    "ln",
    "exp",
    "sin",
    "cos",
    "tan",
}
_MONTH_BEFORE = re.compile(rf"\b(?:{MONTHS})\.?[ ](?:[0-9]{{1,2}}(?:st|nd|rd|th)?,?[ ])?$")
# the exponent of a unit or of a power of ten, which does not make another number
_EXPONENT = re.compile(rf"(?<=[^\W\d_])[\u00b2\u00b3](?!\d)|(?<=10){_RAISED}")


def has_other_digits(text: str) -> bool:
    """Return whether there are digits beyond ASCII ("²", "٤"), exponents and full-width aside."""
    if text.isascii():
        return False
    text = to_ascii(text)
    # the set is small, so that most texts are decided without reading them twice
    if not any(one.isdigit() and not one.isascii() for one in set(text)):
        return False
    rest = set(_EXPONENT.sub("", text))
    return any(one.isdigit() and not one.isascii() for one in rest)
