r"""Where in a text the answer stands, in the order in which math-verify looks.

The last `\boxed{}`, or what follows the last "final answer is"; what follows "answer:", then
"answer"; the last mathematics between dollar signs or the like, expression or number. What ends
further right comes first. All of it is linear in the text's length.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from rewardkit.verify._math.latex import MAX_LENGTH, closing

MAX_CANDIDATES = 4
"""How many places are tried."""
_ANCHORS = 12
_WINDOW = 1200

_MARKS = re.compile(
    r"\$|\\[(\[]|\\boxed|\\fbox|(?<![A-Za-z\\{])[A-Za-z]{3,}(?![A-Za-z}])|[.:]\s|\n\n"
    r"|\b(?:so|is|he|we|it|if|at|to|of|an|as|be|by|on)\b"
)
_TEXT = re.compile(r"\\[A-Za-z]+\s*\{[^{}]*\}|\\[A-Za-z]+")


class Span(NamedTuple):
    """A place that may hold the answer: where it ends and starts, and its mathematics."""

    end: int
    start: int
    text: str


def candidates(text: str) -> list[str] | None:
    r"""Return what may be a text's answer, the likeliest first; None for bare mathematics.

    >>> candidates(r"First 3, so the answer is \boxed{\frac{1}{2}}.")[0]
    '\\frac{1}{2}'
    >>> candidates("He has $4 and needs 12 - 4 = 8."), candidates(r"\sin(x) + 1")
    (['8', '12 - 4', '4', '12'], None)
    """
    if len(text) <= _WINDOW and not _MARKS.search(_TEXT.sub(" ", text) if "\\" in text else text):
        return None
    return list(islice(dict.fromkeys(_ordered(text)), MAX_CANDIDATES))


def said(text: str) -> str | None:
    """Return the line that the last "answer is" or "answer:" begins, up to a full stop.

    >>> said("It rains. The answer is Monday. I hope so.")
    'answer is Monday'
    """
    found = deque(_SAID.finditer(text), maxlen=1)
    return found[0][0] if found else None


_SAID = re.compile(r"answer(?: is|:)[^.\n]{1,80}", re.IGNORECASE)


def _ordered(text: str) -> Iterator[str]:
    """Yield candidates, the likeliest first."""
    finals = _after(text, _FINAL, 0, _FINAL_PREFIX) if _FINAL.search(text) else []
    yield from _sorted([*_boxed(text), *finals])
    for anchor in (_ANSWER_COLON, _ANSWER):
        yield from _sorted(_after(text, anchor, 50, ""))
    yield from _plain(text)


def _sorted(spans: list[Span]) -> Iterator[str]:
    """Yield the mathematics that ends last first, of those the longest."""
    for span in sorted(spans, key=lambda span: (-span.end, span.start)):
        if span.text.strip():
            yield span.text


_SEPARATOR = re.compile(r"\b(?:and|or)\b|,|;")
_BESIDE, _CLOSE, _MOST_BOXES = 10, 70, 10  # characters, characters, boxes


def _boxed(text: str) -> list[Span]:
    """Return the last box's content, joined by commas to those that stand close before it."""
    first, stop = text.find("\\boxed{"), text.rfind("}") + 1
    if first < 0 or stop <= first + len("\\boxed{"):
        return []
    contents: list[str] = []
    place, after = text.rfind("\\boxed", first, stop), stop
    while place >= first and len(contents) < _MOST_BOXES:
        start = text.find("{", place, place + 12) + 1
        end = closing(text[:after], start) if start else -1
        if end < 0:
            contents = contents or [text[start:stop]]
            break
        content, between = text[start:end].strip(), text[end + 1 : after]
        if contents and not _belongs(content, contents[-1], between):
            break
        if content not in contents[-1:]:
            contents.append(content)
        after, place = place, text.rfind("\\boxed", first, place)
    return [Span(stop, first, ", ".join(reversed(contents)))]


def _belongs(content: str, to: str, between: str) -> bool:
    """Return whether a box belongs to the one after it, with a text between them."""
    if len(between) < _BESIDE:
        return True
    apart = content != to and len(between) < _CLOSE
    return apart and _SEPARATOR.search(between) is not None


_CURRENCIES = "$\u20ac\u00a3\u00a5\u20b9\u20bd\u20bf\u20a9\u20ab"
_NUMBER = (
    r"(?<!\d)(?P<number>-?[1-9]\d{0,2}(?:[ ,]\d{3})++(?:\.\d+)?|-?\d+[.,]\d+|\.\d+|-?\d+)"
    r"(?P<percent>\s*(?:%|[Pp]ercent|[Pp]ct))?"
)
_OPERATORS = r"\-+*\u00d7/^()\u00f7"
_RUN = rf"-?\(?-?\d[\d.\s{_OPERATORS}]"
_EXPRESSION = (
    rf"(?P<expr>{_RUN}{{0,99}}[{_OPERATORS}][\d.\s{_OPERATORS}]{{1,99}}\)?)"
    r"(?:\*\*)?(?:[.,:\s)$]|$)"
)
_EITHER = rf"(?:(?:^|\s|=)(?:\*\*)?{_EXPRESSION}|(?:^|\s|=)(?:\*\*)?[{_CURRENCIES}]?{_NUMBER})"
_ANSWER = re.compile("answer", re.IGNORECASE)
_ANSWER_COLON = re.compile("answer:", re.IGNORECASE)
_FINAL = re.compile("final answer", re.IGNORECASE)
_FINAL_PREFIX = r".{0,100}?\s+is:?"
_NEAR = re.compile(rf"(?:.{{0,100}}=\s*|.{{0,50}}?){_EITHER}(?!\s*=)")
_NEAR_FINAL = re.compile(_FINAL_PREFIX + _EITHER)
_IS = re.compile(_FINAL_PREFIX + r"\s*", re.DOTALL)


def _after(text: str, anchor: re.Pattern[str], reach: int, prefix: str) -> list[Span]:
    """Return the mathematics that follows each of the last anchors within `reach` characters."""
    spans = []
    for start in [found.end() for found in deque(anchor.finditer(text), maxlen=_ANCHORS)]:
        window = text[start : start + _WINDOW]
        near = (_NEAR_FINAL if prefix else _NEAR).match(window)
        if near:
            spans.append(Span(start + near.end(), start, _mathematics(near)))
        skipped = _IS.match(window) if prefix else None
        if prefix and not skipped:
            continue
        for span in _environments(window):
            if skipped and span.start > skipped.end():
                break
            if not skipped and span.start > reach:
                break
            if not skipped or span.start == skipped.end():
                spans.append(Span(start + span.end, start, span.text))
                break
    return spans


def _mathematics(found: re.Match[str]) -> str:
    """Return a match's expression or number as it is to be read."""
    return _expression(found["expr"]) if found["expr"] else _number(found)


def _number(found: re.Match[str]) -> str:
    """Return a match's number as it is to be read; 1,5 is a decimal and 1,500 is not."""
    number = found["number"][: MAX_LENGTH + 1]  # more is too large in any case
    if not _THOUSANDS.fullmatch(number):
        number = number.replace(",", ".")
    return re.sub("[ ,]", "", number) + ("%" if found["percent"] else "")


_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:[ ,]\d{3})+(?:\.\d+)?")


def _expression(text: str) -> str:
    """Return a plain expression, "" where it is none: numbers side by side are no product."""
    text = " ".join(text.split())
    return "" if _NO_EXPRESSION.search(text) else text


_NO_EXPRESSION = re.compile(
    r"[\d.)]\s*\(|\)\s*[\d.]|[\d.]\s+[\d.]|\u00d7|\u00f7|[-+*/^]\s*$|[*/^]\s*[*/^](?<!\*\*)|\.\s*\d*\.|\(\s*\)"
)
_DELIMITER = re.compile(r"\\\\|\\\$|\$\$|\$|\\[\[\]()]")
_CLOSERS = {"$$": "$$", "$": "$", r"\[": r"\]", r"\(": r"\)"}
_BRACKETS = re.compile(r"\s\[(?P<math>[^\n\]\[]+)\]\s")
_FRACTION = re.compile(r"(?P<math>-?\\frac\{-?\d+(?:[.,]\d+)?\}\{-?\d+(?:[.,]\d+)?\})")
_JOINT = re.compile(r"\s*(?:,?and|,?or|,)\s*")
_PERCENT = re.compile(r"\s*(?:\\?%|[Pp]ercent(?:age)?|[Pp]ct)")


def _environments(text: str) -> list[Span]:
    """Return what stands between dollar signs and the like, from left to right."""
    if not _OPENING.search(text):
        return []
    spans = _delimited(text)
    for pattern in (_FRACTION, _BRACKETS):
        free = iter([*spans, Span(len(text), len(text), "")])
        near = next(free)
        for found in pattern.finditer(text):
            while near.end <= found.start() < len(text):
                near = next(free)
            if found.start() < near.start:
                spans.append(Span(found.end(), found.start(), found["math"]))
        spans.sort(key=lambda span: span.start)
    return _joined(text, spans)


_OPENING = re.compile(r"\$|\\[\[(df]|\s\[")


def _delimited(text: str) -> list[Span]:
    """Return what stands between pairs of delimiters, dollar signs on one line."""
    marks = [mark for mark in _DELIMITER.finditer(text) if mark[0] not in (r"\\", r"\$")]
    closers: list[int] = []
    last: dict[str, int] = {}
    for place in range(len(marks) - 1, -1, -1):
        closers.append(last.get(_CLOSERS.get(marks[place][0], ""), -1))
        last[marks[place][0]] = place
    spans: list[Span] = []
    free = 0
    for mark, closer in zip(marks, reversed(closers), strict=True):
        start = mark.start()
        if start < free or closer < 0:
            continue
        content = text[mark.end() : marks[closer].start()]
        if mark[0] == "$" and ("\n" in content or text[start - 1 : start].isdigit()):
            continue
        if content:
            free = marks[closer].end()
            spans.append(Span(free, start, content))
    return spans


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Return neighbours with "and", "or" or a comma between them as one, percents too."""
    joined: list[Span] = []
    run = 0
    for span in spans:
        percent = _PERCENT.match(text, span.end)
        end = percent.end() if percent else span.end
        content = span.text + (r"\%" if percent else "")
        before = joined[-1] if joined else None
        joint = _JOINT.match(text, before.end) if before else None
        if before and joint and joint.end() == span.start and run < 5:  # noqa: PLR2004 - as math-verify
            joined[-1] = Span(end, before.start, f"{before.text}, {content}")
            run += 1
        else:
            joined.append(Span(end, span.start, content))
            run = 0
    return joined


_NUMBERS = re.compile(rf"(?:^|\s|=)(?:\*\*)?[{_CURRENCIES}]?{_NUMBER}")
_RUNS = re.compile(rf"(?:^|\s|=)(?:\*\*)?(?P<run>{_RUN}*+)")
_LAST_OPERATOR = re.compile(rf"[{_OPERATORS}]")
_SUFFIX = re.compile(r"(?:\*\*)?(?:[.,:\s)$]|$)")
_TAILS = (400, 4000, 50_000)


def _plain(text: str) -> Iterator[str]:
    """Yield the last mathematics in the text, with or without dollar signs around it."""
    tail = text[max(text.rfind("\n", 0, len(text) - _TAILS[-1]), len(text) - 2 * _TAILS[-1], 0) :]
    ahead = len(text) - len(tail)
    environments = [
        Span(ahead + span.end, ahead + span.start, span.text)
        for span in _environments(tail)[-MAX_CANDIDATES:]
    ]
    for size in (*_TAILS, len(text)):
        cut = max(len(text) - size, 0)
        cut = max(text.rfind(" ", 0, cut), text.rfind("\n", 0, cut), 0)
        numbers = deque(_NUMBERS.finditer(text, cut), maxlen=MAX_CANDIDATES)
        spans = [Span(found.end(), found.start(), _number(found)) for found in numbers]
        spans += deque(_expressions(text, cut), maxlen=MAX_CANDIDATES)
        if len(spans) > 1 or not cut:
            break
    yield from _sorted([*environments, *spans])


def _expressions(text: str, start: int) -> Iterator[Span]:
    """Yield the sums, products and the like that are written plainly, from left to right."""
    for found in _RUNS.finditer(text, start):
        low, high = found.span("run")
        if high - low > _WINDOW:
            continue
        first = next(place for place in range(low, high) if text[place].isdigit())
        operator = _LAST_OPERATOR.search(text, first + 1, high)
        if operator is None:
            continue
        for end in range(high, operator.end(), -1):
            suffix = _SUFFIX.match(text, end)
            if suffix:
                yield Span(suffix.end(), found.start(), _expression(text[low:end]))
                break
