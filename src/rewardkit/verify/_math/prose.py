r"""Find the mathematics in prose: runs of numbers, operators and letters between the words.

A run is all that is between two words: in "either 3 or 5 apples" it is "3 \lor 5", so that nobody
takes a part of an answer for the answer. The words after a run belong to it where they change its
value ("3 million") or are its unit. The time is linear in the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rewardkit.verify._math import units
from rewardkit.verify._math.tokenizer import (
    STOP,
    WORD,
    Token,
    scan_prose,
)

_DELIMITED = re.compile(
    r"\$\$(?P<display>[^$]{1,600})\$\$"
    r"|(?<![\\\d])\$(?P<inline>[^\s$\n](?:[^$\n]{0,300}[^\s$\n,;+*/=-])?)\$"
    r"|\\\((?P<round>.{1,600}?)\\\)|\\\[(?P<square>.{1,600}?)\\\]",
    re.DOTALL,
)
_PLAIN_WORD = re.compile(r"(?<![\\A-Za-z{])[^\W\d_]{3,}(?![^\W_])")
_DELIMITERS = re.compile(r"\$\$?|\\[()\[\]]")
# Emphasis; ** and * between numbers are operators.
_EMPHASIS = re.compile(
    r"(?<![\w)*])\*{1,3}(?=[^\s*])|(?<=[^\s*])\*{1,3}(?![\w(*])|`+|__|^#+ ", re.MULTILINE
)
_TIMES = re.compile(r"(?<=[\d)])(?<!\b0)\s*x\s*(?=[\d(])|(?<=\d) x (?=\$?\d)")
# What GSM8K's annotated answers have behind "=": 4*5=<<4*5=20>>20.
_CALCULATION = re.compile(r"<<[^<>\n]{0,80}>>")
_TAG = re.compile(r"</?[A-Za-z][\w-]{0,30}>")
# "5 (five)", "0.25 (25%)": said again, and not a product.
_GLOSS = re.compile(r"(?<=[\d%])\s+(?=\([^()\n]{0,40}\)\s*(?:[.,;:]|$|[A-Za-z]))", re.MULTILINE)
_PART_OF = re.compile(r"(?<=[\d%])\s+(?:of|out of|de|von|из)\s+(?=\$?\d)")

_LEADING = frozenset(
    (
        ",",
        ")",
        "]",
        "}",
        r"\}",
        "*",
        "/",
        ":",
        "'",
        "|",
        r"\to",
        r"\lor",
        r"\land",
        "!",
        "^",
        ".",
        r"\times",
    )
)
_TRAILING = frozenset(
    (",", "(", "[", r"\{", "{", "=", "*", ":", "'", "|", r"\to", r"\lor", r"\land", "^", ".")
)
_BOUNDS = frozenset(("!=", "<", ">", "<=", ">=", r"\approx"))
_SUFFIXES = frozenset((r"\more", r"\less", r"\wrong"))
_EMPTY = (
    _LEADING
    | _TRAILING
    | _BOUNDS
    | {
        "+",
        "-",
        "%",
        r"\more",
        r"\less",
        r"\wrong",
        r"\ldots",
        "&",
        r"\\",
        "_",
        "~",
        "^",
        r"\circ",
        r"\choose",
        r"\bmod",
    }
)


_OPERATORS = frozenset(("=", "*", "/", "+"))
_JOINTS = _OPERATORS | {r"\lor", r"\land"}


class Run(NamedTuple):
    """The tokens between two words, with the words after it up to the next run or the stop."""

    tokens: list[Token]
    words: list[Token]
    joined_by: str
    """The "and", "or" or operator after the words between the run before it and this one."""
    is_hedged: bool
    """Whether "or" follows."""


def clean_prose(text: str) -> str:
    """Remove emphasis, and write an x between numbers as a product."""
    if "*" in text or "`" in text or "_" in text or "#" in text:
        text = _EMPHASIS.sub(" ", text)
    if "<" in text:
        text = _TAG.sub("\n", text)
    text = _GLOSS.sub(' " ', _PART_OF.sub(r" \\of ", text))
    if "<<" in text:
        text = _CALCULATION.sub("", text)
    return _TIMES.sub(" * ", text) if "x" in text else text


def find_runs(text: str, *, is_first_sentence: bool = False) -> list[Run]:
    """Find the runs of mathematics in cleaned prose, from left to right.

    `is_first_sentence` stops after the first sentence.
    """
    reader = _RunReader()
    for token in scan_prose(text, _find_delimited(text)):
        if reader.words and _joins_unit(reader.words[-1], token):
            unit = reader.words[-1]
            reader.words[-1] = Token(unit.text + token.text.lstrip(WORD), unit.start, token.end)
        elif token.text == STOP:
            reader.close(at_stop=True)
            if is_first_sentence:
                return reader.runs
        elif token.text[0] == WORD:
            reader.words.append(token)
        else:
            if reader.words:
                reader.close(at_stop=False)
            reader.tokens.append(token)
    reader.close(at_stop=True)
    return reader.runs


def _joins_unit(word: Token, token: Token) -> bool:
    """Whether a token goes on with the unit before it: cm^2, km/h, m/s^{2}."""
    if token.start != word.end or token.text == STOP:
        return False
    text, last = token.text.lstrip(WORD), word.text[-1]
    if text in ("^", "/"):
        unit = word.text[1:].partition("/")[0].partition("^")[0]
        # units of other scripts are in no table
        known = not unit.isascii() or units.read_unit(unit) is not None
        return known and last not in "^/"
    if last == "/":
        return text.isalpha()
    if last in "^{-":
        return text in ("{", "-") or (text.isdecimal() and len(text) == 1)
    return text == "}" and "^{" in word.text


class _RunReader:
    """What has been read of a sentence."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.tokens: list[Token] = []
        self.words: list[Token] = []
        self.pending: list[Token] = []
        self.is_first = True

    def close(self, *, at_stop: bool) -> None:
        """End a run, at a word or at the end of a sentence."""
        tokens, words = self.tokens, self.words
        self.tokens, self.words = [], []
        trimmed = _trim_joints(tokens)
        if any(token.text not in _EMPTY for token in trimmed):
            self._add(tokens, trimmed, words)
        else:
            # "not even the number 5" denies 5, so the bound waits for the number.
            self.pending = [t for t in tokens if t.text in _BOUNDS][-1:] or self.pending
            changed = [t for t in tokens if t.text in _SUFFIXES]
            if changed and not self.is_first:
                self.runs[-1].tokens.extend(changed)
        if at_stop:
            self.pending, self.is_first = [], True

    def _add(self, tokens: list[Token], trimmed: list[Token], words: list[Token]) -> None:
        joins = tokens[0].text in _JOINTS and not self.is_first
        joined_by = tokens[0].text if joins else ""
        hedged = tokens[-1].text == r"\lor"
        self.runs.append(Run([*self.pending, *trimmed], words, joined_by, hedged))
        self.pending, self.is_first = [], False


def _trim_joints(tokens: list[Token]) -> list[Token]:
    """Remove what joins the mathematics to the words around it."""
    first, last = 0, len(tokens)
    while first < last and tokens[first].text in _LEADING:
        first += 1
    while first < last and (
        tokens[last - 1].text in _TRAILING
        or (tokens[last - 1].text == "-" and tokens[last - 1].start > tokens[last - 2].end)
    ):
        last -= 1
    return tokens[first:last]


def _find_delimited(text: str) -> list[tuple[int, int]]:
    """Find the spans between delimiters; "$" may be a currency instead."""
    if "$" not in text and r"\(" not in text and r"\[" not in text:
        return []
    found = []
    for match in _DELIMITED.finditer(text):
        inline = match["inline"]
        if inline is None or not _PLAIN_WORD.search(inline):
            found.append(match.span())
    return found


def write_run(text: str, runs: list[Run], index: int, *, is_stated: bool) -> str:
    """Return a run's text with what belongs to it: its unit, or the other values of a hedge.

    `is_stated` if the text says that this is the answer: then all that "and" joins to it counts.
    """
    run = runs[index]
    parts = [_write_tokens(text, run), *_write_unit(run)]
    first = index
    while index + 1 < len(runs):
        following = runs[index + 1]
        if _measures_rest(runs[index], following):
            parts.append(_write_tokens(text, following))
        elif following.joined_by in _OPERATORS:
            if is_stated:  # "5 apples + 3 apples = 8 apples" is 8
                parts = [_write_result(text, following), *_write_unit(following)]
        elif following.joined_by and (
            is_stated or [w.text for w in run.words] == [w.text for w in following.words]
        ):
            parts += [following.joined_by, _write_tokens(text, following)]
        else:
            break
        index += 1
    if is_stated and runs[index].is_hedged:
        parts.append(r"\lor")  # "7 or maybe 9" cannot be read, and so is not 7
    if not is_stated and first and runs[first].joined_by == r"\lor":
        before = runs[first - 1]
        if [w.text for w in run.words] in ([w.text for w in before.words], []):
            parts[:0] = [_write_tokens(text, before), r"\lor"]
    return " ".join(parts)


def _write_result(text: str, run: Run) -> str:
    """Write the result of a computation in words, or an unreadable token if it has none."""
    equals = [index for index, token in enumerate(run.tokens) if token.text == "="]
    if not equals:
        return r"\of"
    return _write_tokens(text, run._replace(tokens=run.tokens[equals[-1] :]))


def _measures_rest(run: Run, following: Run) -> bool:
    return (
        len(run.words) == 1
        and len(following.words) > 0
        and units.measure_together(run.words[0].text[1:], following.words[0].text[1:])
    )


def _write_tokens(text: str, run: Run) -> str:
    bounds = [
        token.text for token in run.tokens if token.text in _BOUNDS and token is run.tokens[0]
    ]
    tokens = run.tokens[1:] if bounds and len(run.tokens) > 1 else run.tokens
    body = _DELIMITERS.sub(" ", text[tokens[0].start : tokens[-1].end])
    return " ".join([*bounds, body]) if tokens is not run.tokens else body


def _write_unit(run: Run) -> list[str]:
    """Return the words after a run that are its unit or change its value."""
    if not run.words or run.words[0].start > run.tokens[-1].end + 1:
        return []
    words = [word.text[1:] for word in run.words[:2]]
    if words[0] == "in" and len(words) > 1:  # "5 in all" is not 5 inches
        return []
    for length in (2, 1):
        if len(words) >= length and units.read_unit(" ".join(words[:length])):
            return words[:length]
    changes = units.changes_value(words[0]) or units.changes_value(" ".join(words))
    return words if changes else []
