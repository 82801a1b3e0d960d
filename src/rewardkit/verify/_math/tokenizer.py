r"""Text to tokens: numbers, commands and letters, without delimiters, each in one spelling.

What a token means is the parser's business. The vocabulary that both know is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

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

TRIGONOMETRIC = frozenset(["sin", "cos", "tan", "cot", "sec", "csc"])
FUNCTIONS = TRIGONOMETRIC | {
    *("sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "lg", "ln", "exp")
}
# Known with and without a backslash.
NAMES = FUNCTIONS | {"sqrt", "pi", "infty", "infinity", "inf", "oo", "frac", "pm", "cdot", "times"}
# Written once, since the tokens keep these names whole and the parser reads them.
GREEK = frozenset(
    rf"\{name}"
    for line in (
        "alpha beta delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma",
        "tau phi varphi chi psi omega ell hbar angle triangle omicron upsilon",
        "Delta Omega Phi Psi Theta Lambda",
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
    ('"', '"'),
    ("\u201c", "\u201d"),
)
_OPENINGS = frozenset(left[0] for left, _ in _DELIMITER_PAIRS) | {""}
_CLOSINGS = frozenset(".,;\\}")  # full stops, and the end of a box
_BOX_OPENING = re.compile(r"\\(?:boxed|fbox)\s*\{")


def strip_delimiters(text: str) -> str:
    """Remove the dollar signs, boxes and full stops around the whole text."""
    text = text.strip()
    if text[:1] not in _OPENINGS and text[-1:] not in _CLOSINGS:  # most answers have none
        return text
    for _ in range(_MAX_NESTED_DELIMITERS):
        before = text
        text = text.strip()
        if not text.endswith(".."):  # 0.333... goes on
            text = text.rstrip(".,;").rstrip()
        if text.endswith("\\"):  # the full stop belonged to a command, such as \\,
            text = before.strip()
        for left, right in _DELIMITER_PAIRS if text[:1] in _OPENINGS else ():
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
WORD = '"'
"""The first character of a token that is a word, or is not mathematics for another reason."""
STOP = '".'
"""The token at the end of a sentence."""

_NUMBER = r"""
    \d{1,3}(?:\{,\}\d{3})+(?:\.\d+)?
  | \d*\.\d*\\(?:overline|bar|dot)\s*(?:\{\d+\}|\d)(?:\d*\\dot\s*(?:\{\d\}|\d))?
  | \d*\.\d+\s?(?:\.{3}|\\[lc]?dots(?![A-Za-z])) | \d*\.\(\d+\)
  | \d+(?:\.\d+)?[eE][-+]?\d+(?![.\w]) | \d+(?:\.\d+)? | \.\d+
"""
_GROUPED = r"[1-9]\d{0,2}(?:,\d{3})+(?![\d,])(?:\.\d+)? | [1-9]\d{0,2}(?:[ ]\d{3})+(?!\d)(?:\.\d+)?"
# A date, a version and a time are not numbers.
_NOT_NUMBER = r"\d{4}-\d{1,2}-\d{1,2}(?![-\d]) | \d{1,2}/\d{1,2}/\d{4}(?!\d) | \d+(?:\.\d+){2,}"
_REST = r"""
  | (?P<command>\\(?:begin|end)\s*\{[a-zA-Z]*\} | \\mathbb\s*\{?[A-Z]\}? | \\[A-Za-z]+ | \\.)
  | (?P<word>[^\W\d_]+) | (?P<mark>\*\* | [<>!:=]= | => | -> | \.{3} | \S | \n)
"""
_CLOCK = r"(?<![\d:])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])"
_TOKENS = re.compile(
    rf"(?P<not_number>{_NOT_NUMBER}) | (?P<clock>{_CLOCK}) | (?P<number>{_NUMBER}) {_REST}",
    re.VERBOSE,
)
_TOKENS_OF_PROSE = re.compile(
    rf"(?P<not_number>{_NOT_NUMBER}) | (?P<clock>{_CLOCK})"
    rf" | (?P<number>{_GROUPED} | {_NUMBER}) {_REST}",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A token with its span in the text."""

    text: str
    start: int
    end: int


def tokenize(text: str) -> list[str]:
    """Split mathematics into numbers, commands, known names, letters and other characters.

    A word of more than three letters, or of another script, is a token that begins with `WORD`.
    It is the last token, since no grammar rule takes it.
    """
    tokens: list[str] = []
    for found in _TOKENS.finditer(text):
        tokens += _write_tokens(found)
        if tokens and tokens[-1][0] == WORD:
            break
    return tokens


def _write_tokens(found: re.Match[str]) -> Sequence[str]:
    """Return the tokens of a match in mathematics, where letters side by side are a product."""
    kind, text = found.lastgroup, found[0]
    if kind == "word":
        name = text.lower()
        if name in NAMES:
            return (_SYNONYMS.get("\\" + name, "\\" + name),)
        return name if len(text) <= MAX_LETTERS_OF_PRODUCT and text.isascii() else (WORD + name,)
    if kind == "not_number":
        return (WORD + text,)
    return () if text == "\n" else (_SYNONYMS.get(text, text),)


def scan_prose(text: str, delimited: list[tuple[int, int]]) -> Iterator[Token]:
    """Yield the tokens of prose, where a letter is mathematics only beside an operator.

    `delimited` has the spans between "$" and the like, in which all is mathematics.
    """
    spans = iter([*delimited, (len(text), len(text))])
    low, high = next(spans)
    for found in _TOKENS_OF_PROSE.finditer(text):
        start = found.start()
        while start >= high and high < len(text):
            low, high = next(spans)
        if low <= start < high:
            if found[0] not in ("$", r"\(", r"\)", r"\[", r"\]"):
                for text_of_token in _write_tokens(found):
                    yield Token(text_of_token, start, found.end())
        elif found[0] != "$":
            yield _classify_in_prose(text, found)


def _classify_in_prose(text: str, found: re.Match[str]) -> Token:
    kind, token, (start, end) = found.lastgroup, found[0], found.span()
    after = text[end : end + 2]
    if kind == "word":
        name = token.lower()
        if name in NAMES and (name not in FUNCTIONS or _ARGUMENT.match(text, end)):
            token = _SYNONYMS.get("\\" + name, "\\" + name)
        elif len(token) > 1 or not token.isascii() or not _is_letter(text, start, end):
            token = WORD + token
        else:
            token = name
    elif kind == "not_number":
        token = WORD + token
    elif kind == "command":
        token = _SYNONYMS.get(token, token)
    elif kind == "mark":
        token = _classify_mark(token, text[start - 1 : start], after)
    return Token(token, start, end)


_ARGUMENT = re.compile(r"\s?(?:[({\\^_\d]|[a-z](?![a-z]))")


def _is_letter(text: str, start: int, end: int) -> bool:
    """Return whether one letter is mathematics and not a word: it is beside an operator."""
    return (
        _OPERATOR_AFTER.match(text, end) is not None
        or _OPERATOR_BEFORE.search(text[max(start - 3, 0) : start]) is not None
    )


_OPERATOR_AFTER = re.compile(
    r"\s?(?:[=<>^_+*/!]|-(?=[\s\d])|\\(?:[lg]e|ne|in|approx|equiv)\b)|[()]|'"
)
_OPERATOR_BEFORE = re.compile(r"(?:[=<>^_+*/(]|\d|(?<=[\s\d])-|\\[a-z]*)\s?$|\d$")


def _classify_mark(mark: str, before: str, after: str) -> str:
    if mark == "\n":
        return STOP
    is_end = not after[:1].strip() or after[0] in "\"'*_)]}$" or not after.isascii()
    if mark in ".?" and is_end:
        return STOP
    if mark == "!":
        return "!" if before.isalnum() or before in ")}" else STOP
    if (
        mark == ":"
        and not (before.isdigit() and after[:1].isdigit())
        and not (before.isspace() and after[:1].isspace())
    ):
        return WORD + mark
    if mark == "-" and before in ("", "\n") and after[:1].isspace():
        return WORD + mark
    return _SYNONYMS.get(mark, mark) if mark in _MARKS else WORD + mark


# Two of three tokens in prose are words, which are looked at once each.
_MARKS = frozenset(
    [*"+-*/^=<>()[]{}|,;.%&_':~", "**", "<=", ">=", "!=", "==", ":=", "=>", "->", "...", "=<"]
)

_SYNONYMS = {
    **dict.fromkeys(
        (r"\dfrac", r"\tfrac", r"\cfrac", r"\sfrac", r"\nicefrac", r"\flatfrac"), r"\frac"
    ),
    **dict.fromkeys((r"\dbinom", r"\tbinom"), r"\binom"),
    **dict.fromkeys((r"\cdot", r"\times", r"\ast", r"\star"), "*"),
    **dict.fromkeys((r"\leq", r"\le", r"\leqslant", "=<"), "<="),
    **dict.fromkeys((r"\geq", r"\ge", r"\geqslant"), ">="),
    **dict.fromkeys((r"\neq", r"\ne"), "!="),
    **dict.fromkeys((r"\lvert", r"\rvert", r"\vert", r"\mid"), "|"),
    **dict.fromkeys((r"\lor", r"\vee"), r"\lor"),
    **dict.fromkeys((r"\land", r"\wedge"), r"\land"),
    **dict.fromkeys((r"\dots", r"\cdots", r"\dotsc", r"\dotsb", r"\vdots", "..."), r"\ldots"),
    **dict.fromkeys(
        (r"\rightarrow", r"\Rightarrow", r"\implies", r"\longrightarrow", "=>", "->"), r"\to"
    ),
    **dict.fromkeys((r"\simeq", r"\cong", r"\doteq", r"\thickapprox", r"\sim"), r"\approx"),
    **dict.fromkeys((r"\bigcup", r"\bigcup"), r"\cup"),
    **dict.fromkeys((r"\smallsetminus", r"\backslash"), r"\setminus"),
    "**": "^",
    r"\div": "/",
    r"\lt": "<",
    r"\gt": ">",
    ":=": "=",
    "==": "=",
    r"\colon": ":",
    r"\lbrace": r"\{",
    r"\rbrace": r"\}",
    r"\lbrack": "[",
    r"\rbrack": "]",
    r"\varnothing": r"\emptyset",
    r"\oo": r"\infty",
    r"\lparen": "(",
    r"\rparen": ")",
    r"\%": "%",
    r"\percent": "%",
    r"\factorial": "!",
    r"\degree": r"\degree",
    r"\mathbb R": r"\mathbb{R}",
    ";": ",",
    r"\exponentialE": "e",
    r"\imath": "i",
    r"\|": "|",
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


# What math-verify knows beyond the parser.
_OPEN_COMMANDS = frozenset(
    rf"\{name}"
    for name in [
        "int",
        "iint",
        "iiint",
        "oint",
        "lim",
        "limsup",
        "liminf",
        "sum",
        "prod",
        "det",
        "arg",
        "Re",
        "Im",
        "overline",
        "bar",
        "vec",
        "hat",
        "widehat",
        "overrightarrow",
        "arcsin",
        "arccos",
        "arctan",
        "arccot",
        "arcsec",
        "arccsc",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "sech",
        "csch",
        "arsinh",
        "arcosh",
        "artanh",
        "Gamma",
        "zeta",
        "log",
        "ln",
        "exp",
        "mathcal",
        "lfloor",
        "lceil",
    ]
)


# A hedge, a denial or a part of a sentence: math-verify would take one number of it.
_NOT_MATHEMATICS = frozenset(
    (r"\lor", r"\land", "!=", r"\wrong", r"\more", r"\less", r"\of", "!=", "%")
)


def has_open_command(tokens: Sequence[str]) -> bool:
    """Return whether tokens are mathematics beyond the parser's: an integral, a limit, a matrix."""
    if any(token[0] == WORD or token in _NOT_MATHEMATICS for token in tokens):
        return False
    return any(
        token in _OPEN_COMMANDS or (token.startswith(r"\begin") and "matrix" in token)
        for token in tokens
    )


def is_well_formed(text: str) -> bool:
    """Return whether a text that cannot be read may still be an answer: it has letters or digits,
    closes its brackets and does not end in an operator.
    """
    depth = 0
    for brace in _BRACES.finditer(text):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth < 0:
            return False
    has_content = any(character.isalnum() for character in text)
    return has_content and not depth and text[-1] not in "^_+-*/=\\({["
