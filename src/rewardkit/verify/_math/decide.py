"""The questions that `math` asks of a pair, cheapest first, up to those for math-verify.

Can the reference be read? Is there an answer? Are they identical, or equal by exact arithmetic? Is
either too large to compute? Verdicts on short pairs are remembered, by each process for itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rewardkit._text.numbers import Number
from rewardkit.result import Outcome, Verdict
from rewardkit.verify._math import candidates, equality, latex
from rewardkit.verify._math.parser import Words

Texts = tuple[str, ...]
"""What a text's answer may be, the likeliest first."""

TOO_LARGE = Verdict(Outcome.WRONG, "too large")
_UNREADABLE = Verdict(Outcome.BAD_REFERENCE, "too large")
_VERDICTS = {outcome: Verdict(outcome) for outcome in Outcome}
_MAX_REMEMBERED = 8192
_MAX_LENGTH = 1000  # characters of a pair that is remembered
_remembered: dict[tuple[str, str], Verdict] = {}  # single steps on a dict need no lock


def settle(answer: str, reference: str) -> Verdict | tuple[Texts, Texts]:
    r"""Return the verdict where it is certain, else what math-verify is to read: reference, answer.

    >>> settle("x=3", "3").outcome.value, settle(r"\int_0^1 x dx", "0.5")
    ('correct', (('0.5',), ('\\int_0^1 x dx',)))
    """
    known = _remembered.get((answer, reference))
    if known is None:
        found = _settled(answer, reference)
        if not isinstance(found, Outcome | Verdict):
            return found
        known = _VERDICTS[found] if isinstance(found, Outcome) else found
        remember(answer, reference, known)
    return known


def remember(answer: str, reference: str, verdict: Verdict) -> None:
    """Keep a verdict on a short pair."""
    if len(answer) + len(reference) <= _MAX_LENGTH:
        if len(_remembered) >= _MAX_REMEMBERED:
            _remembered.clear()
        _remembered[answer, reference] = verdict


def forget() -> None:
    """Forget all verdicts and references, as for measuring."""
    _remembered.clear()
    _known_reference.cache_clear()


class _Look(NamedTuple):
    """What a text was read as, and the texts that its answer may be."""

    reading: latex.Reading
    texts: Texts

    @property
    def large(self) -> bool:
        """Whether it is too large to compute, or may be."""
        return self.reading.large or any(map(latex.too_large, self.texts))


def _look(text: str) -> _Look:
    """Read a text: all of it, or else the answer that it gives."""
    reading = latex.read(text)
    if reading.value is not None:
        return _Look(reading, (reading.text,))
    texts = candidates.candidates(text)
    if texts is None:
        return _Look(reading, (reading.text,) if reading.text else ())
    for place, candidate in enumerate(texts):
        reading = latex.read(candidate)
        if reading.value is not None or reading.large:
            if place:  # what stands before it may be readable elsewhere
                reading = reading._replace(value=None)
            return _Look(reading, tuple(texts[: place + 1]))
    return _Look(latex.Reading(None, text[:_MAX_LENGTH]), tuple(texts))


_known_reference = lru_cache(maxsize=1024)(_look)


def _is_named(reading: latex.Reading) -> bool:
    """Return whether a reference is words or one letter, which is said in words too."""
    return isinstance(reading.value, Words) or reading.text.strip("()").isalpha()


def _settled(  # noqa: PLR0911 - a rung each
    answer: str, reference: str
) -> Outcome | Verdict | tuple[Texts, Texts]:
    """Go down the ladder."""
    wanted = (_known_reference if len(reference) <= _MAX_LENGTH else _look)(reference)
    if not wanted.texts:
        return Outcome.BAD_REFERENCE
    read = wanted.reading.value is not None
    if not read and wanted.large:
        return _UNREADABLE
    given = _look(answer)
    if read and _is_named(wanted.reading) and not isinstance(given.reading.value, Words):
        said = candidates.said(answer)
        if said and equality.same(latex.read(said), wanted.reading):
            return Outcome.CORRECT
    if not given.texts:
        return Outcome.NO_ANSWER if read else (wanted.texts, ())
    unread = given.reading.value is None
    if unread and isinstance(wanted.reading.value, Number) and _SEVERAL.fullmatch(given.texts[0]):
        return _SEVERAL_NUMBERS
    if read and given.reading.text == wanted.reading.text:
        return Outcome.CORRECT
    equal = equality.same(given.reading, wanted.reading)
    if equal is not None and (equal or not given.reading.large):
        return Outcome.CORRECT if equal else Outcome.WRONG
    if wanted.large or given.large:
        return TOO_LARGE
    return wanted.texts, given.texts


_NUMBER = r"[-+\u2212]?\d[\d.,]*"
_BETWEEN = r"""(?:\s*(?:
    [\\|&~;?\#@\u00b7\u2022\u3001\u30fb\uff0c\u2192\u21d2\u200b\u2060\ufeff] | // | [-=]>
  | \\(?:mid|vert|to|implies|[Rr]ightarrow|lor|vee|cup|q?quad)(?![A-Za-z])
  | \\text\s?\{[^{}]{0,20}\}
  | \\?[)\]}$]\s*,?\s*\\?[(\[{$]
))+\s*"""
_SEVERAL = re.compile(
    rf"[\s$(\[]*+{_NUMBER}(?:{_BETWEEN}{_NUMBER})+[\s$)\].]*", re.ASCII | re.VERBOSE
)
"""Numbers with signs between them that join or compute nothing: one of them is no answer."""
_SEVERAL_NUMBERS = Verdict(Outcome.WRONG, "several numbers")
