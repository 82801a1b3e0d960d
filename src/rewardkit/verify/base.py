"""What a verifier is, and the order in which an answer and its reference are looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import Any, ClassVar

from rewardkit.component import Component
from rewardkit.result import Outcome, Verdict

CORRECT = Verdict(Outcome.CORRECT)
WRONG = Verdict(Outcome.WRONG)
NO_ANSWER = Verdict(Outcome.NO_ANSWER)
BAD_REFERENCE = Verdict(Outcome.BAD_REFERENCE)
_TOO_LARGE = 10**4000  # what Python still turns into text; an infinity is larger, NaN is not less


class Verifier(Component):
    """Whether answers are right. Usable by itself, as in an evaluation.

    >>> from rewardkit import build
    >>> [verdict.outcome.value for verdict in build("number").verify(["7.0", None], ["7", "7"])]
    ['correct', 'no_answer']
    """

    component_kind: ClassVar[str] = "verifier"

    @abstractmethod
    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return one verdict for each answer, in order.

        `answers` are texts, None where there was none. `references` are dataset cells: a string, a
        number, None, or a list of which any is right; a verifier that reads another cell says so.
        Both have the same length; ValueError where they do not.
        """


def pairwise(
    answers: Sequence[str | None],
    references: Sequence[Any],
    judge: Callable[[str, str], Verdict],
) -> list[Verdict]:
    """Return a verdict for each pair, asking `judge` only where there is something to compare.

    `judge(answer, reference)` gets texts that are not blank, and gives BAD_REFERENCE for a
    reference that it cannot read. Of a list of references the first that finds the answer right
    decides, else the first that can be read.
    """
    rows = paired(answers, references)
    return [_one(answer, reference, judge) for answer, reference in rows]


def paired(
    answers: Sequence[str | None], references: Sequence[Any]
) -> Iterator[tuple[str | None, Any]]:
    """Return each answer with its reference. Raises ValueError where there are not as many.

    >>> list(paired(["4", None], [4, "7"]))
    [('4', 4), (None, '7')]
    """
    if len(answers) != len(references):
        message = f"got {len(answers)} answers for {len(references)} references, expected as many"
        raise ValueError(message)
    return zip(answers, references, strict=True)


def texts(reference: Any) -> list[str]:
    """Return the texts that a reference's cell stands for, without the blank ones.

    >>> texts(7), texts([0.5, "1/2"]), texts(" ")
    (['7'], ['0.5', '1/2'], [])
    """
    if isinstance(reference, str):
        return [reference] if reference.strip() else []
    if isinstance(reference, Real):
        return [str(reference)] if abs(reference) < _TOO_LARGE else []  # type: ignore[operator]
    if isinstance(reference, Sequence) and not isinstance(reference, bytes):
        return [text for part in reference for text in texts(part)]
    return []


def _one(answer: str | None, reference: Any, judge: Callable[[str, str], Verdict]) -> Verdict:
    """Return the verdict on one answer and one reference's cell."""
    given = "" if answer is None or answer.isspace() else answer
    verdict = BAD_REFERENCE
    for text in texts(reference):
        found = judge(given or text, text)
        if not given and found.outcome is not BAD_REFERENCE.outcome:
            return NO_ANSWER
        if found.outcome is CORRECT.outcome:
            return found
        if verdict.outcome is BAD_REFERENCE.outcome:
            verdict = found
    return verdict
