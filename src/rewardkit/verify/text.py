"""Text against text. Exact match is the measure of SQuAD (Rajpurkar et al., 2016, section 6.1),
here without its dropping of articles and punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, final

from rewardkit.registry import register
from rewardkit.result import Verdict
from rewardkit.verify.base import CORRECT, WRONG, Verifier, pairwise


@final
@register("exact")
class Exact(Verifier):
    """The answer is the reference, white space around them aside.

    >>> Exact(case_sensitive=False).verify(["Paris "], ["paris"])[0].outcome.value
    'correct'
    """

    case_sensitive: bool = True
    """Whether capitals matter."""
    strip: bool = True
    """Whether white space at both ends is left out of the comparison."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        return pairwise(answers, references, self._judge)

    def _judge(self, answer: str, reference: str) -> Verdict:
        if self.strip:
            answer, reference = answer.strip(), reference.strip()
        if not self.case_sensitive:
            answer, reference = answer.casefold(), reference.casefold()
        return CORRECT if answer == reference else WRONG


@final
@register("contains")
class Contains(Verifier):
    """The reference stands in the answer, by default as a whole word or number: 4 is not in 42.

    Anything may stand around it, so an answer that lists all options has the right one: where that
    pays, use `exact` or `number` on what an extractor finds.

    >>> Contains().verify(["It is -42.", "It is 42."], ["42", "42"])[0].outcome.value
    'wrong'
    """

    case_sensitive: bool = True
    """Whether capitals matter."""
    whole: bool = True
    """Whether it must stand as whole words. False for languages without spaces."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        return pairwise(answers, references, self._judge)

    def _judge(self, answer: str, reference: str) -> Verdict:
        answer, reference = answer.strip(), reference.strip()
        if not self.case_sensitive:
            answer, reference = answer.casefold(), reference.casefold()
        if not self.whole:
            return CORRECT if reference in answer else WRONG
        place = answer.find(reference)
        while place >= 0:
            stop = place + len(reference)
            before, after = answer[max(place - 2, 0) : place], answer[stop : stop + 2]
            if not (_joined_before(before, reference[0]) or _joined_after(reference[-1], after)):
                return CORRECT
            place = answer.find(reference, stop)
        return WRONG


def _joined_before(before: str, first: str) -> bool:
    """Return whether what stands before belongs to the same word or number."""
    if first.isdigit() and re.search(r"[-\u2212./,]$", before):
        return before[-1] in "-\u2212" or before[:1].isdigit()
    return first.isalnum() and before[-1:].isalnum()


def _joined_after(last: str, after: str) -> bool:
    """Return whether what stands after belongs to the same word or number."""
    if last.isdigit() and re.match(r"[./,]\d|%", after):
        return True
    return last.isalnum() and after[:1].isalnum()
