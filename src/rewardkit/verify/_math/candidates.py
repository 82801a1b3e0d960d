r"""Find where in a text the answer may be, in the order in which math-verify looks.

In this order: 1. the last `\boxed{}`, or what follows the last "final answer is"; 2. what follows
"answer:"; 3. what follows "answer"; 4. the last mathematics in the text. Within each step the
rightmost comes first. The time is linear in the text's length.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from rewardkit._text import numbers
from rewardkit.verify._math.parse_text import Candidate
from rewardkit.verify._math.tokenizer import MAX_LENGTH, find_closing_brace

MAX_CANDIDATES = 4
"""How many candidates are tried: each may go to math-verify, which takes milliseconds."""
# Only the last ones count, and a text may repeat "answer" a hundred thousand times.
_MAX_ANCHORS = 12
# An answer is near its anchor. The bound makes the search linear in the text.
_MAX_WINDOW = 1200  # characters

_PROSE = re.compile(
    r"\$|\\[(\[]|\\boxed|\\fbox|(?<![A-Za-z\\{])[A-Za-z]{3,}(?![A-Za-z}])|[.:]\s|\n\n"
    r"|\b(?:so|is|he|we|it|if|at|to|of|an|as|be|by|on)\b"
)
_COMMAND = re.compile(r"\\[A-Za-z]+\s*\{[^{}]*\}|\\[A-Za-z]+")


def find_candidates(text: str) -> list[Candidate] | None:
    r"""Find a text's possible answers, the likeliest first; None if the text has no prose.

    >>> find_candidates(r"First 3, so the answer is \boxed{\frac{1}{2}}.")[0].text
    '\\frac{1}{2}'
    >>> [candidate.text for candidate in find_candidates("He has $4 and needs 12 - 4 = 8.")]
    ['8', '12 - 4', '4', '12']
    >>> find_candidates(r"\sin(x) + 1") is None
    True
    """
    if len(text) <= _MAX_WINDOW:
        outside_commands = _COMMAND.sub(" ", text) if "\\" in text else text
        if not _PROSE.search(outside_commands):
            return None
    found: dict[str, Candidate] = {}
    for candidate in _generate_candidates(text):
        found.setdefault(candidate.text, candidate)
        # A generator, so that the later searches do not run where the first ones are enough.
        if len(found) == MAX_CANDIDATES:
            break
    return list(found.values())


def find_stated_answer(text: str) -> Candidate | None:
    """Find the last "answer is ..." or "answer: ...", with those words.

    It goes up to a full stop or the end of the line.

    >>> find_stated_answer("It rains. The answer is Monday. I hope so.").text
    'answer is Monday'
    """
    found = deque(_STATEMENT.finditer(text), maxlen=1)
    return Candidate(found[0][0], *found[0].span()) if found else None


_STATEMENT = re.compile(r"answer(?: is|:)[^.\n]{1,80}", re.IGNORECASE)


def _generate_candidates(text: str) -> Iterator[Candidate]:
    """Yield candidates, the likeliest first. To search another place, add a line here."""
    finals = _find_after(text, _FINAL, after_is=True) if _FINAL.search(text) else []
    yield from _sort_by_end([*_find_boxes(text), *finals])
    for anchor in (_ANSWER_COLON, _ANSWER):
        yield from _sort_by_end(_find_after(text, anchor, after_is=False))
    yield from _find_last_mathematics(text)


_MAX_ANCHOR_DISTANCE = 50  # characters


def _sort_by_end(found: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield candidates by their end, from right to left; of equal ends the longest first."""
    for candidate in sorted(found, key=lambda candidate: (-candidate.end, candidate.start)):
        if candidate.text.strip():
            yield candidate


def _find_boxes(text: str) -> list[Candidate]:
    """Find the last box, joined by commas to those close before it."""
    first, stop = text.find("\\boxed{"), text.rfind("}") + 1
    if first < 0 or stop <= first + len("\\boxed{"):
        return []
    contents: list[str] = []
    index, after = text.rfind("\\boxed", first, stop), stop
    while index >= first and len(contents) < _MAX_BOXES:
        start = text.find("{", index, index + 12) + 1
        end = find_closing_brace(text[:after], start) if start else -1
        if end < 0:
            contents = contents or [text[start:stop]]
            break
        content, between = text[start:end].strip(), text[end + 1 : after]
        if contents and not _is_same_answer(content, contents[-1], between):
            break
        if content not in contents[-1:]:
            contents.append(content)
        after, index = index, text.rfind("\\boxed", first, index)
    return [Candidate(", ".join(reversed(contents)), first, stop)]


_MAX_BOXES = 10  # each is searched for its closing brace


def _is_same_answer(content: str, following: str, between: str) -> bool:
    """Return whether a box belongs to the one after it, with a text between them."""
    if len(between) < _ADJACENT:
        return True
    is_part = content != following and len(between) < _NEARBY
    return is_part and _SEPARATOR.search(between) is not None


_SEPARATOR = re.compile(r"\b(?:and|or)\b|,|;")
_ADJACENT, _NEARBY = 10, 70  # characters between two boxes, as math-verify has them


_CURRENCIES = "$\u20ac\u00a3\u00a5\u20b9\u20bd\u20bf\u20a9\u20ab"
# The names of the groups are those that `_write_number` reads.
_NUMBER = rf"(?<!\d)(?P<number>{numbers.NUMBER_IN_PROSE})(?P<percent>\s*(?:%|[Pp]ercent|[Pp]ct))?"
_OPERATORS = r"\-+*\u00d7/^()\u00f7"
_RUN = rf"-?\(?-?\d[\d.\s{_OPERATORS}]"
_EXPRESSION = (
    rf"(?P<expr>{_RUN}{{0,99}}[{_OPERATORS}][\d.\s{_OPERATORS}]{{1,99}}\)?)"
    r"(?:\*\*)?(?:[.,:\s)$]|$)"
)
_NUMBER_OR_EXPRESSION = (
    rf"(?:(?:^|\s|=)(?:\*\*)?{_EXPRESSION}|(?:^|\s|=)(?:\*\*)?[{_CURRENCIES}]?{_NUMBER})"
)
_ANSWER = re.compile("answer", re.IGNORECASE)
_ANSWER_COLON = re.compile("answer:", re.IGNORECASE)
_FINAL = re.compile("final answer", re.IGNORECASE)
_FINAL_PREFIX = r".{0,100}?\s+is:?"
_NEAR = re.compile(rf"(?:.{{0,100}}=\s*|.{{0,50}}?){_NUMBER_OR_EXPRESSION}(?!\s*=)")
_NEAR_FINAL = re.compile(_FINAL_PREFIX + _NUMBER_OR_EXPRESSION)
_FINAL_ANSWER_IS = re.compile(_FINAL_PREFIX + r"\s*", re.DOTALL)


def _find_after(text: str, anchor: re.Pattern[str], *, after_is: bool) -> list[Candidate]:
    """Find the mathematics soon after each of the last anchors; `after_is`: at once after "is"."""
    found = []
    for start in [match.end() for match in deque(anchor.finditer(text), maxlen=_MAX_ANCHORS)]:
        window = text[start : start + _MAX_WINDOW]
        near = (_NEAR_FINAL if after_is else _NEAR).match(window)
        if near:
            found.append(Candidate(_write_mathematics(near), start, start + near.end()))
        announced = _FINAL_ANSWER_IS.match(window) if after_is else None
        if after_is and not announced:
            continue
        for candidate in _find_delimited_mathematics(window):
            if candidate.start > (announced.end() if announced else _MAX_ANCHOR_DISTANCE):
                break
            if not announced or candidate.start == announced.end():
                found.append(Candidate(candidate.text, start, start + candidate.end))
                break
    return found


def _write_mathematics(found: re.Match[str]) -> str:
    return _write_expression(found["expr"]) if found["expr"] else _write_number(found)


def _write_number(found: re.Match[str]) -> str:
    """Write a match's number with a decimal point: 1,5 is a decimal and 1,500 is not."""
    number = found["number"][: MAX_LENGTH + 1]  # more is too large in any case
    if not _GROUPED_NUMBER.fullmatch(number):
        number = number.replace(",", ".")
    return re.sub("[ ,]", "", number) + ("%" if found["percent"] else "")


_GROUPED_NUMBER = re.compile(numbers.GROUPED_NUMBER_IN_PROSE)


def _write_expression(text: str) -> str:
    """Write an expression on one line; "" for numbers side by side, which is not a product."""
    text = " ".join(text.split())
    return "" if _NO_EXPRESSION.search(text) else text


_NO_EXPRESSION = re.compile(
    r"[\d.)]\s*\(|\)\s*[\d.]|[\d.]\s+[\d.]|\u00d7|\u00f7|[-+*/^]\s*$|[*/^]\s*[*/^](?<!\*\*)|\.\s*\d*\.|\(\s*\)"
)
_DELIMITER = re.compile(r"\\\\|\\\$|\$\$|\$|\\[\[\]()]")
_CLOSERS = {"$$": "$$", "$": "$", r"\[": r"\]", r"\(": r"\)"}
_BRACKETS = re.compile(r"\s\[(?P<math>[^\n\]\[]+)\]\s")
_FRACTION = re.compile(r"(?P<math>-?\\frac\{-?\d+(?:[.,]\d+)?\}\{-?\d+(?:[.,]\d+)?\})")
_LIST_SEPARATOR = re.compile(r"\s*(?:,?and|,?or|,)\s*")
_PERCENT = re.compile(r"\s*(?:\\?%|[Pp]ercent(?:age)?|[Pp]ct)")


def _find_delimited_mathematics(text: str) -> list[Candidate]:
    """Find what is between dollar signs and the like, from left to right."""
    # Most texts have no delimiters, and one search finds that out.
    if not _MAY_BE_DELIMITED.search(text):
        return []
    found = _find_between_delimiters(text)
    for pattern in (_FRACTION, _BRACKETS):
        # One pass over both, each from left to right; a search for each match would be quadratic.
        taken = iter([*found, Candidate("", len(text), len(text))])
        near = next(taken)
        for match in pattern.finditer(text):
            while near.end <= match.start() < len(text):
                near = next(taken)
            if match.start() < near.start:
                found.append(Candidate(match["math"], *match.span()))
        found.sort(key=lambda candidate: candidate.start)
    return _join_neighbours(text, found)


_MAY_BE_DELIMITED = re.compile(r"\$|\\[\[(df]|\s\[")


def _find_between_delimiters(text: str) -> list[Candidate]:
    """Find what is between pairs of delimiters, dollar signs on one line."""
    delimiters = [
        delimiter for delimiter in _DELIMITER.finditer(text) if delimiter[0] not in (r"\\", r"\$")
    ]
    # The nearest closer of each, found from the right in one pass, which keeps this linear.
    closers: list[int] = []
    last: dict[str, int] = {}
    for index in range(len(delimiters) - 1, -1, -1):
        closers.append(last.get(_CLOSERS.get(delimiters[index][0], ""), -1))
        last[delimiters[index][0]] = index
    found: list[Candidate] = []
    next_free = 0
    for delimiter, closer in zip(delimiters, reversed(closers), strict=True):
        start = delimiter.start()
        if start < next_free or closer < 0:
            continue
        content = text[delimiter.end() : delimiters[closer].start()]
        # A dollar sign after a digit is a currency, and one line's does not close the next line's.
        if delimiter[0] == "$" and ("\n" in content or text[start - 1 : start].isdigit()):
            continue
        if content:
            next_free = delimiters[closer].end()
            found.append(Candidate(content, start, next_free))
    return found


def _join_neighbours(text: str, found: list[Candidate]) -> list[Candidate]:
    """Join neighbours with "and", "or" or a comma between them, and percents to their number."""
    joined: list[Candidate] = []
    joins = 0
    for candidate in found:
        percent = _PERCENT.match(text, candidate.end)
        end = percent.end() if percent else candidate.end
        content = candidate.text + (r"\%" if percent else "")
        before = joined[-1] if joined else None
        separator = _LIST_SEPARATOR.match(text, before.end) if before else None
        if before and separator and separator.end() == candidate.start and joins < _MAX_JOINS:
            joined[-1] = Candidate(f"{before.text}, {content}", before.start, end)
            joins += 1
        else:
            joined.append(Candidate(content, candidate.start, end))
            joins = 0
    return joined


_MAX_JOINS = 5  # as math-verify
_NUMBERS = re.compile(rf"(?:^|\s|=)(?:\*\*)?[{_CURRENCIES}]?{_NUMBER}")
_RUNS = re.compile(rf"(?:^|\s|=)(?:\*\*)?(?P<run>{_RUN}*+)")
_ANY_OPERATOR = re.compile(rf"[{_OPERATORS}]")
_SUFFIX = re.compile(r"(?:\*\*)?(?:[.,:\s)$]|$)")
# The answer is most often near the end, and the patterns are slow: look at little first.
_TAIL_LENGTHS = (400, 4000, 50_000)


def _find_last_mathematics(text: str) -> Iterator[Candidate]:
    """Yield the last mathematics in the text, with or without dollar signs around it."""
    longest = _TAIL_LENGTHS[-1]
    tail = text[max(text.rfind("\n", 0, len(text) - longest), len(text) - 2 * longest, 0) :]
    offset = len(text) - len(tail)
    delimited = [
        Candidate(candidate.text, offset + candidate.start, offset + candidate.end)
        for candidate in _find_delimited_mathematics(tail)[-MAX_CANDIDATES:]
    ]
    for size in (*_TAIL_LENGTHS, len(text)):
        cut = max(len(text) - size, 0)
        cut = max(text.rfind(" ", 0, cut), text.rfind("\n", 0, cut), 0)  # not within a number
        last_numbers = deque(_NUMBERS.finditer(text, cut), maxlen=MAX_CANDIDATES)
        found = [Candidate(_write_number(match), *match.span()) for match in last_numbers]
        found += deque(_find_expressions(text, cut), maxlen=MAX_CANDIDATES)
        if len(found) > 1 or not cut:
            break
    yield from _sort_by_end([*delimited, *found])


def _find_expressions(text: str, start: int) -> Iterator[Candidate]:
    """Yield the sums, products and the like without delimiters, from left to right."""
    for match in _RUNS.finditer(text, start):
        low, high = match.span("run")
        if high - low > _MAX_WINDOW:
            continue
        first = next(index for index in range(low, high) if text[index].isdigit())
        operator = _ANY_OPERATOR.search(text, first + 1, high)
        if operator is None:
            continue
        for end in range(high, operator.end(), -1):
            suffix = _SUFFIX.match(text, end)
            if suffix:
                expression = _write_expression(text[low:end])
                yield Candidate(expression, match.start(), suffix.end())
                break
