"""The position of a completion's answer, whichever extractor found it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from rewardkit.extract import Boxed, Extractor, Hash, Tag

USUAL = (Tag(), Boxed(), Hash())
"""The extractors that are tried, in this order, if nothing says how the rewards find answers."""

MAX_TRIED_OCCURRENCES = 16  # each costs an extraction over the whole text
# Every letter and digit becomes another one of its kind, so that an extractor which looks for
# digits, or for a choice among letters, still finds the answer after it is replaced.
_OTHER_CHARACTERS = str.maketrans(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "1234567890bcdefghijklmnopqrstuvwxyzaBCDEFGHIJKLMNOPQRSTUVWXYZA",
)


class Answer(NamedTuple):
    """An answer, the registered name of its extractor, and its position (-1 if unknown)."""

    text: str
    extractor: str
    start: int
    end: int


def locate(text: str, extractors: Sequence[Extractor] = USUAL) -> Answer | None:
    r"""Return the answer of the first extractor that finds one.

    An extractor returns a text without its position. The position is where other letters and digits
    change what is extracted: at other positions the text may contain the same characters.

    >>> locate("18 or <answer> 18 </answer>, so 18")
    Answer(text='18', extractor='tag', start=15, end=17)
    """
    for extractor in extractors:
        answer = extractor.extract(text)
        if answer:
            name = type(extractor).registered_name or type(extractor).__name__
            start = _find_start(text, answer, extractor)
            return Answer(answer, name, start, start + len(answer) if start >= 0 else -1)
    return None


def _find_start(text: str, answer: str, extractor: Extractor) -> int:
    """Return where the extractor read its answer, -1 if that cannot be found."""
    other = answer.translate(_OTHER_CHARACTERS)
    if other == answer:  # neither letters nor digits
        other = "\N{BULLET}" * len(answer)

    def changes_the_answer(before: str, after: str) -> bool:
        return extractor.extract(before + after) == other

    starts = _find_occurrences(text, answer)
    # Replacing all occurrences from some index on changes the answer as long as the right one is
    # among them, so the right one is found by bisection: a text may repeat its answer ten thousand
    # times.
    found = bisect_left(
        starts,
        1,
        key=lambda start: 1 - changes_the_answer(text[:start], text[start:].replace(answer, other)),
    )
    # Bisection fails if the replacement breaks the marks around the answer ("answer" in answer
    # tags). Extractors usually take the last one, so some are tried from the end.
    for start in [*starts[found - 1 : found], *reversed(starts[-MAX_TRIED_OCCURRENCES:])]:
        if changes_the_answer(text[:start], other + text[start + len(answer) :]):
            return start
    return -1


def _find_occurrences(text: str, answer: str) -> list[int]:
    """Return all positions of the answer in order, overlapping ones too."""
    starts = []
    start = text.find(answer)
    while start >= 0:
        starts.append(start)
        start = text.find(answer, start + 1)
    return starts
