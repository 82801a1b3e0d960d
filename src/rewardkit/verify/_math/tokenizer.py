r"""Text to tokens: numbers, commands and letters, without delimiters, each in one spelling.

What a token means is the parser's business. The vocabulary that both know is here.
"""

from __future__ import annotations

import re

from rewardkit._text import numbers

MAX_LENGTH = 2000
"""Longer texts, in characters, are not read."""
MAX_DEPTH = 40
"""Brackets and powers nested deeper are not read."""
MAX_LETTERS_OF_PRODUCT = 3
"""More letters side by side are a word; so few may be a product, as abc is."""
# Math-verify is far slower than this parser, so what is left to it has to be shorter.
_MAX_UNDECIDED_LENGTH = 400
# People nest at most dollar signs, a box and emphasis. Each level costs a copy of the text.
_MAX_NESTED_DELIMITERS = 4

FUNCTIONS = frozenset(
    [
        *("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"),
        *("arcsin", "arccos", "arctan", "log", "lg", "ln", "exp"),
    ]
)
# Known with and without a backslash.
NAMES = FUNCTIONS | {"sqrt", "pi", "infty", "infinity", "inf", "frac", "pm", "cdot", "times"}
# Written once, since the tokens keep these names whole and the parser reads them.
GREEK = frozenset(
    rf"\{name}"
    for line in (
        "alpha beta delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma",
        "tau phi varphi chi psi omega ell hbar Delta Omega Phi Psi Theta Lambda",
    )
    for name in line.split()
)
_DELIMITER_PAIRS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("`", "`"),
)
_BOX_OPENING = re.compile(r"\\(?:boxed|fbox)\s*\{")


def strip_delimiters(text: str) -> str:
    """Remove the dollar signs, boxes and full stops around the whole text."""
    for _ in range(_MAX_NESTED_DELIMITERS):
        before = text
        text = text.strip().rstrip(".,;").rstrip()
        if text.endswith("\\"):  # the full stop belonged to a command, such as \\,
            text = before.strip()
        for left, right in _DELIMITER_PAIRS if text[:1] in "$\\*`" else ():
            inner = text[len(left) : len(text) - len(right)]
            if text.startswith(left) and text.endswith(right) and inner and left not in inner:
                text = inner
                break
        box = _BOX_OPENING.match(text)
        if box and text.endswith("}") and find_closing_brace(text, box.end()) == len(text) - 1:
            text = text[box.end() : -1]
        if text == before:
            break
    return text


def find_closing_brace(text: str, start: int) -> int:
    """Return the index of the brace that closes the one opened before `start`, or -1."""
    depth = 1
    for brace in _BRACES.finditer(text, start):
        if brace[0] in "{}":
            depth += 1 if brace[0] == "{" else -1
            if not depth:
                return brace.start()
    return -1


_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is a set's, so it is skipped
TEXT_COMMAND = r"\\(?:text(?:bf|rm|it|sf|normal)?|mathrm|mathbf|mathit|mathsf|mbox|operatorname)\s*"
_SPACING = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|nolimits)(?![A-Za-z])\.?"
    r"|(?<!\\)\\[,;:! ]|\\q?quad(?![A-Za-z])|~|\\\$"
)
_NUMBER_AND_UNIT = re.compile(
    r"(?P<number>.*(?:[^\sA-Za-z\\{^_(]|\\pi))"
    r"(?:\s+(?P<words>[A-Za-z]{2,}[A-Za-z ./]*)|\s*" + TEXT_COMMAND + r"\{(?P<text>[^{}]*)\})"
    r"(?:\^\{?[23]\}?|[\u00b2\u00b3])?"
)
_CONJUNCTION = re.compile(
    r",?\s*"
    + TEXT_COMMAND
    + r"\{\s*,?\s*(?:and|or)\s*\}|,?\s+(?:and|or)\s+|,?\s*\\(?:lor|land|vee|wedge)\b"
)
# With a space after each command, so that a letter that follows does not join its name.
_LATEX_OF_CHARACTER = {
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
_CHARACTER_TABLE = str.maketrans(_LATEX_OF_CHARACTER)


def _normalize_spelling(text: str) -> str:
    """Write each thing in one way, and remove a unit at the end."""
    if not text.isascii():
        text = text.translate(_CHARACTER_TABLE)
    if "\\" in text or " " in text:
        text = _SPACING.sub(" ", text)
        text = _CONJUNCTION.sub(", ", text)
        unit = (
            _NUMBER_AND_UNIT.fullmatch(text.rstrip()) if len(text) < _MAX_UNDECIDED_LENGTH else None
        )
        if unit:
            words = (unit["words"] or unit["text"]).strip()
            # "2 pi" and "3 million" end in words that change the value.
            if words not in NAMES and numbers.is_unit(words):
                text = unit["number"]
    return text


_TOKEN = re.compile(
    r"\s+|(?P<token>"
    r"\d*\.\d*\\(?:overline|bar)\s*\{\d+\}|\d+(?:\{,\}\d{3})*(?:\.\d+)?|\.\d+"
    "|" + TEXT_COMMAND + r"\{[^{}]*\}|\\(?:begin|end)\s*\{[a-zA-Z]*\}|\\[A-Za-z]+|\\."
    r"|\*\*|[<>!]=|[A-Za-z]+|.)",
    re.DOTALL,
)


# No grammar rule takes this token, so the parser gives up on the text at once.
_UNKNOWN_TOKENS = ("?",)


def tokenize(text: str) -> list[str]:
    """Split a text into tokens: numbers, commands, known names, letters and other characters."""
    text = _normalize_spelling(text)
    if not text.isascii():
        return list(_UNKNOWN_TOKENS)
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        if not token:
            continue
        if token[0].isalpha():
            if token.lower() in NAMES:
                tokens.append("\\" + token.lower())
            elif len(token) > MAX_LETTERS_OF_PRODUCT:
                return list(_UNKNOWN_TOKENS)
            else:
                tokens.extend(token.lower())
        else:
            tokens.append(_SYNONYMS.get(token, token))
    return tokens


_SYNONYMS = {
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


def may_be_too_large(text: str) -> bool:
    r"""Return whether math-verify may take too long on a text.

    >>> [may_be_too_large(text) for text in (r"\int_0^1 x^{2} dx", r"\int_0^{10^{9}} x dx")]
    [False, True]
    """
    return (
        len(text) > _MAX_UNDECIDED_LENGTH
        or _EXPENSIVE.search(text) is not None
        or _bracket_depth(text) > MAX_DEPTH
    )


# Found by what keeps sympy busy for seconds or fills its memory. A false alarm costs a verdict
# "too large" where math-verify might have found one; a miss costs a worker.
_EXPENSIVE = re.compile(
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


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest
