"""Comparison of texts. Exact match is the measure of SQuAD (Rajpurkar et al., 2016, section 6.1),
except that articles and punctuation count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, final

from rewardkit._text.number_words import MINUS
from rewardkit.registry import register
from rewardkit.result import Verdict
from rewardkit.verify.base import CORRECT, WRONG, Verifier, pairwise


@final
@register("exact")
class Exact(Verifier):
    """The answer is the reference, apart from white space around them.

    >>> Exact(case_sensitive=False).verify(["Paris "], ["paris"])[0].outcome.value
    'correct'
    """

    case_sensitive: bool = True
    """Whether upper and lower case differ."""
    strip: bool = True
    """Whether white space at both ends is ignored."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        return pairwise(answers, references, self._compare_texts)

    def _compare_texts(self, answer: str, reference: str) -> Verdict:
        if self.strip:
            answer, reference = answer.strip(), reference.strip()
        if not self.case_sensitive:
            answer, reference = answer.casefold(), reference.casefold()
        return CORRECT if answer == reference else WRONG


@final
@register("contains")
class Contains(Verifier):
    """The answer contains the reference, by default as a whole word or number: 42 has no 4 in it.

    Other text is ignored, so an answer that lists all options is right. To prevent that, use
    `exact` or `number` on the text that an extractor finds.

    >>> Contains().verify(["It is -42.", "It is 42."], ["42", "42"])[0].outcome.value
    'wrong'
    """

    case_sensitive: bool = True
    """Whether upper and lower case differ."""
    whole: bool = True
    """Whether it must be whole words. False for languages without spaces."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        return pairwise(answers, references, self._compare_texts)

    def _compare_texts(self, answer: str, reference: str) -> Verdict:
        answer, reference = answer.strip(), reference.strip()
        if not self.case_sensitive:
            answer, reference = answer.casefold(), reference.casefold()
        if not self.whole:
            return CORRECT if reference in answer else WRONG
        # `find` and no pattern: the reference is arbitrary text, and the time stays linear.
        start = answer.find(reference)
        while start >= 0:
            end = start + len(reference)
            # Two characters tell a decimal point from the end of a sentence.
            before, after = answer[max(start - 2, 0) : start], answer[end : end + 2]
            if not (
                _continues_before(before, reference[0]) or _continues_after(reference[-1], after)
            ):
                return CORRECT
            start = answer.find(reference, end)
        return WRONG


def _continues_before(before: str, first: str) -> bool:
    """Return whether the word or number whose first character is given begins earlier."""
    if first.isdigit() and _BEFORE_DIGITS.search(before):
        # A minus sign makes another number, also after a word: -42 is not 42.
        return before[-1] in f"{MINUS}\u00b1\u221a" or before[:1].isdigit()
    return first.isalnum() and before[-1:].isalnum()


def _continues_after(last: str, after: str) -> bool:
    """Return whether the word or number whose last character is given goes on."""
    if last.isdigit() and _AFTER_DIGITS.match(after):
        return True
    return last.isalnum() and after[:1].isalnum()


_BEFORE_DIGITS = re.compile(rf"[{re.escape(MINUS)}\u00b1\u221a./,:'\u2019]$")
_AFTER_DIGITS = re.compile(r"[./,:'\u2019]\d|[%\uff05\u2030^\u221a]|\*\*")
