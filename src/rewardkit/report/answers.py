"""Where in a completion its answer stands, for whatever extractor found it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from rewardkit.extract import Boxed, Extractor, Hash, Tag

USUAL = (Tag(), Boxed(), Hash())
"""What is tried, in this order, where nothing says how the rewards read their answer."""
_TRIES = 16
_NEXT = str.maketrans(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "1234567890bcdefghijklmnopqrstuvwxyzaBCDEFGHIJKLMNOPQRSTUVWXYZA",
)


class Answer(NamedTuple):
    """An answer, the registered name of what found it, and where it stands (-1 for unknown)."""

    text: str
    finder: str
    start: int
    end: int


def locate(text: str, extractors: Sequence[Extractor] = USUAL) -> Answer | None:
    r"""Return the answer of the first extractor that finds one.

    Extractors tell what, not where. The place is where other letters and digits give another
    answer: the rest of the text may say the same without being what is read.

    >>> locate("18 or <answer> 18 </answer>, so 18")
    Answer(text='18', finder='tag', start=15, end=17)
    """
    for extractor in extractors:
        answer = extractor.extract(text)
        if answer:
            finder = type(extractor).registered_name or type(extractor).__name__
            start = _place(text, answer, extractor)
            return Answer(answer, finder, start, start + len(answer) if start >= 0 else -1)
    return None


def _place(text: str, answer: str, extractor: Extractor) -> int:
    """Return where the extractor read its answer, -1 where that does not show.

    The last place from which on a change still tells is searched by halves, and then tried; where
    the changes spoil the marks around the answer, the last places are tried one by one.
    """
    other = answer.translate(_NEXT)
    if other == answer:
        other = "\N{BULLET}" * len(answer)

    def tells(before: str, after: str) -> bool:
        return extractor.extract(before + after) == other

    places = _occurrences(text, answer)
    told = bisect_left(
        places,
        1,
        key=lambda place: 1 - tells(text[:place], text[place:].replace(answer, other)),
    )
    for start in [*places[told - 1 : told], *reversed(places[-_TRIES:])]:
        if tells(text[:start], other + text[start + len(answer) :]):
            return start
    return -1


def _occurrences(text: str, answer: str) -> list[int]:
    """Return where the answer occurs, the first place first."""
    places = []
    start = text.find(answer)
    while start >= 0:
        places.append(start)
        start = text.find(answer, start + 1)
    return places
