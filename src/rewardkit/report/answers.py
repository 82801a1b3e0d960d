"""Where in a completion its answer stands, for whatever extractor found it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
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
    """Return where the extractor read its answer, -1 where that does not show."""
    other = answer.translate(_NEXT)
    if other == answer:
        other = "\N{BULLET}" * len(answer)
    for start in islice(_occurrences(text, answer), _TRIES):
        if extractor.extract(text[:start] + other + text[start + len(answer) :]) == other:
            return start
    return -1


def _occurrences(text: str, answer: str) -> Iterable[int]:
    """Yield where the answer occurs, the last place first."""
    start = text.rfind(answer)
    while start >= 0:
        yield start
        start = text.rfind(answer, 0, start + len(answer) - 1)
