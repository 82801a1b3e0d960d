"""Decide one pair of an answer and a reference, by the cheapest question first.

Can the reference be read? Is there an answer? Are they identical, or equal by exact arithmetic? Is
either too large to compute? What is undecided after that is for math-verify. Verdicts on short
pairs are cached, by each process for itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rewardkit.result import Outcome, Verdict
from rewardkit.verify._math.candidates import find_candidate, find_stated_answer
from rewardkit.verify._math.equality import values_equal
from rewardkit.verify._math.parse_text import Parsed, find_unit, parse_text
from rewardkit.verify._math.spelling import write_same
from rewardkit.verify._math.tokenizer import is_well_formed, may_be_too_large
from rewardkit.verify._math.values import Words

Texts = tuple[str, ...]
"""The texts that may be a text's answer, the likeliest first."""

TOO_LARGE = Verdict(Outcome.WRONG, "too large")
_REFERENCE_TOO_LARGE = Verdict(Outcome.BAD_REFERENCE, "too large")
_UNITS_DIFFER = Verdict(Outcome.WRONG, "another unit")
# Shared, since a batch of a thousand rows has few distinct verdicts.
_VERDICTS = {outcome: Verdict(outcome) for outcome in Outcome}
_MAX_CACHED_VERDICTS = 8192
# Longer pairs would fill the memory, and do not come twice.
_MAX_CACHED_CHARACTERS = 1000
_verdict_cache: dict[tuple[str, str], Verdict] = {}  # single steps on a dict need no lock


def decide_pair(answer: str, reference: str) -> Verdict | tuple[Texts, Texts]:
    r"""Return the verdict, or the texts (of reference, of answer) for math-verify if undecided.

    >>> decide_pair("x=3", "3").outcome.value, decide_pair(r"\int_0^1 x dx", "0.5")
    ('correct', (('0.5',), ('\\int_0^1 x dx',)))
    """
    known = _verdict_cache.get((answer, reference))
    if known is None:
        found = _compare(answer, reference)
        if not isinstance(found, Outcome | Verdict):
            return found
        known = _VERDICTS[found] if isinstance(found, Outcome) else found
        cache_verdict(answer, reference, known)
    return known


def cache_verdict(answer: str, reference: str, verdict: Verdict) -> None:
    """Cache a verdict on a short pair."""
    if len(answer) + len(reference) <= _MAX_CACHED_CHARACTERS:
        if len(_verdict_cache) >= _MAX_CACHED_VERDICTS:
            _verdict_cache.clear()  # cheaper than to know the oldest, and seldom
        _verdict_cache[answer, reference] = verdict


def clear_caches() -> None:
    """Forget all verdicts and references, so that a measurement starts cold."""
    _verdict_cache.clear()
    _find_cached_answer.cache_clear()


class _Answer(NamedTuple):
    """The answer that a text gives, parsed, and the texts to ask math-verify about."""

    parsed: Parsed
    texts: Texts

    @property
    def large(self) -> bool:
        """Whether it is too large to compute, or may be."""
        return self.parsed.large or any(map(may_be_too_large, self.texts))


def _find_answer(text: str) -> _Answer:
    """Find a text's answer: the whole text, or else the part that is given as the answer."""
    parsed = parse_text(text)
    if parsed.value is None and not parsed.is_open:
        candidate = find_candidate(text)
        if candidate is not None:
            parsed = candidate.parsed
            is_unread = parsed.value is None and not parsed.is_open and not parsed.large
            if candidate.is_box and is_unread:
                inner = find_candidate(candidate.text)  # a box with a sentence in it
                parsed = inner.parsed if inner is not None and inner.text else parsed
    return _Answer(parsed, (parsed.text,) if parsed.text else ())


# A group of completions shares its reference.
_find_cached_answer = lru_cache(maxsize=1024)(_find_answer)


def _compare(answer: str, reference: str) -> Outcome | Verdict | tuple[Texts, Texts]:
    is_short = len(reference) <= _MAX_CACHED_CHARACTERS
    wanted = (_find_cached_answer if is_short else _find_answer)(reference)
    is_read = wanted.parsed.value is not None
    if not wanted.texts or not (
        is_read or wanted.parsed.is_open or wanted.large or is_well_formed(wanted.parsed.text)
    ):
        return Outcome.BAD_REFERENCE
    if not is_read and wanted.large:
        return _REFERENCE_TOO_LARGE
    given = _find_answer(answer)
    if is_read and _states_reference_in_words(answer, given.parsed, wanted.parsed):
        return Outcome.CORRECT
    if not given.texts:
        return Outcome.NO_ANSWER if is_read else (wanted.texts, ())
    return _compare_answers(given, wanted)


def _compare_answers(  # noqa: PLR0911 - one for each question
    given: _Answer, wanted: _Answer
) -> Outcome | Verdict | tuple[Texts, Texts]:
    one, other = given.parsed, wanted.parsed
    if one.text == other.text:
        return Outcome.CORRECT
    equal = values_equal(one, other)
    if equal and _have_other_units(one, other):
        return _UNITS_DIFFER
    if equal is None and write_same(one.text) == write_same(other.text):
        return Outcome.CORRECT
    # Parts too large to compute are treated as letters: then equality is certain, inequality not.
    if equal is not None and (equal or not one.large):
        return Outcome.CORRECT if equal else Outcome.WRONG
    if wanted.large or given.large:
        return TOO_LARGE
    # math-verify takes a number of what it cannot read, so it is asked about mathematics alone.
    if all(side.value is not None or side.is_open for side in (one, other)):
        return wanted.texts, given.texts
    is_answer = one.value is not None or _HAS_DIGIT.search(one.text)
    return Outcome.WRONG if is_answer else Outcome.NO_ANSWER


def _have_other_units(one: Parsed, other: Parsed) -> bool:
    """Return whether both have a unit that is known, and not the same one."""
    unit = find_unit(one)
    return unit is not None and find_unit(other) not in (unit, None)


_HAS_DIGIT = re.compile(r"\d")


def _states_reference_in_words(answer: str, given: Parsed, wanted: Parsed) -> bool:
    """Return whether a sentence states the reference, where that is a word or letters.

    Candidates are only mathematics, so words are looked for separately.
    """
    is_named = isinstance(wanted.value, Words) or wanted.text.strip("()").isalpha()
    if not is_named or isinstance(given.value, Words):
        return False
    stated = find_stated_answer(answer)
    return stated is not None and bool(values_equal(stated.parsed, wanted))
