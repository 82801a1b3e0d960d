"""The base class of verifiers, and the order in which an answer and its reference are checked."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from numbers import Rational, Real
from typing import Any, ClassVar

from rewardkit._messages import shorten_repr
from rewardkit.batch import Batch
from rewardkit.component import Component
from rewardkit.result import Outcome, Verdict

CORRECT = Verdict(Outcome.CORRECT)
WRONG = Verdict(Outcome.WRONG)
NO_ANSWER = Verdict(Outcome.NO_ANSWER)
BAD_REFERENCE = Verdict(Outcome.BAD_REFERENCE)
MAX_NUMBER = 10**4000
"""Numbers up to it become text: Python refuses to convert more than 4,300 digits."""
MAX_DEPTH = 16
"""Lists in lists are read to this depth; one that holds itself is deeper."""
_PLAIN_TYPES = frozenset({str, int, float, bool, type(None), dict})
_MAX_WRITTEN_OUT = 40  # digits of a Decimal without an exponent


class Verifier(Component):
    """Says whether answers are right. Usable by itself, as in an evaluation.

    >>> from rewardkit.verify import Number
    >>> [verdict.outcome.value for verdict in Number().verify(["7.0", None], ["7", "7"])]
    ['correct', 'no_answer']
    """

    component_kind: ClassVar[str] = "verifier"
    checks_form: ClassVar[bool] = False
    """Whether references ask for a form, as a number of words or a schema, which wrong answers may
    have too. An audit does not hold such a verifier to the right answer."""

    @abstractmethod
    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return one verdict for each answer, in order.

        `answers` are texts, or None for a missing answer. `references` are the dataset's values: a
        string, a number, None, or a list of which any is right; a verifier that reads other values
        documents them. Raises ValueError if the two differ in length.
        """


def log_timeouts(batch: Batch, verifier: Verifier, verdicts: Sequence[Verdict]) -> None:
    """Log the share of verdicts that took too long, for a verifier with a time limit.

    Zeros are logged too: a metric that is there from the first step shows that nothing timed out.
    """
    if "timeout" in type(verifier).model_fields:
        batch.log("timeouts", [verdict.outcome is Outcome.TIMEOUT for verdict in verdicts])


def pairwise(
    answers: Sequence[str | None],
    references: Sequence[Any],
    judge: Callable[[str, str], Verdict],
) -> list[Verdict]:
    """Return a verdict for each pair, calling `judge` only if there is something to compare.

    `judge(answer, reference)` gets texts that are not blank, and returns BAD_REFERENCE for a
    reference that it cannot read. Of a list of references the first that finds the answer right
    decides, else the first that can be read.
    """
    return [
        # most pairs are two texts, of which `_judge_pair` would say the same
        judge(answer, reference)
        if isinstance(answer, str)
        and isinstance(reference, str)
        and answer.strip()
        and reference.strip()
        else _judge_pair(answer, reference, judge)
        for answer, reference in paired(answers, references)
    ]


def paired(
    answers: Sequence[str | None], references: Sequence[Any]
) -> Iterator[tuple[str | None, Any]]:
    """Return each answer with its reference.

    Raises ValueError if the lengths differ, TypeError for a text in place of a list.

    >>> list(paired(["4", None], [4, "7"]))
    [('4', 4), (None, '7')]
    """
    if isinstance(answers, str) or isinstance(references, str):
        # a string is a sequence too: its letters would be compared one by one
        given = answers if isinstance(answers, str) else references
        message = f"got {shorten_repr(given)}, expected a list: verify(['4'], ['4'])"
        raise TypeError(message)
    if len(answers) != len(references):
        sizes = f"got {len(answers)} answers for {len(references)} references"
        message = f"{sizes}, expected one per reference"
        raise ValueError(message)
    return zip(answers, references, strict=True)


def texts(reference: Any) -> list[str]:
    """Return the texts of a reference, without the blank ones; none for an unreadable reference.

    >>> texts(7), texts([0.5, "1/2"]), texts(" ")
    (['7'], ['0.5', '1/2'], [])
    """
    if isinstance(reference, str):
        return [reference] if reference.strip() else []
    try:
        return _collect_texts(reference, MAX_DEPTH)
    except RecursionError:
        return []


def to_plain(reference: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a reference with lists for numpy's arrays and Python's values for its scalars.

    None for a list that holds itself, or is nested deeper than `MAX_DEPTH`.

    >>> to_plain((1, ["a"]))
    [1, ['a']]
    """
    try:
        return _convert_to_plain(reference, depth)
    except RecursionError:
        return None


def _convert_to_plain(reference: Any, depth: int) -> Any:
    if type(reference) in _PLAIN_TYPES:  # as most are
        return reference
    if type(reference) is list and depth and _PLAIN_TYPES.issuperset(map(type, reference)):
        return reference
    if _is_of_numpy(reference):
        reference = reference.tolist()
    if not isinstance(reference, list | tuple):
        return reference
    if not depth:
        raise RecursionError
    return [_convert_to_plain(part, depth - 1) for part in reference]


def _is_of_numpy(reference: Any) -> bool:
    # without importing numpy, which need not be installed
    return hasattr(reference, "tolist") and hasattr(reference, "dtype")


def _collect_texts(reference: Any, depth: int) -> list[str]:
    if isinstance(reference, str):
        return [reference] if reference.strip() else []
    if isinstance(reference, Real | Decimal):
        return _write_number(reference)
    if _is_of_numpy(reference):
        reference = reference.tolist()
        if not isinstance(reference, list):
            return _collect_texts(reference, depth - 1)
    if not isinstance(reference, Sequence) or isinstance(reference, bytes | bytearray):
        return []
    if not depth:
        raise RecursionError
    return [text for part in reference for text in _collect_texts(part, depth - 1)]


def _write_number(number: Real | Decimal) -> list[str]:
    try:
        if not math.isfinite(number):
            return []
    except (OverflowError, ValueError):  # beyond a float, or a signaling NaN
        if isinstance(number, Decimal):
            return []
    if isinstance(number, Decimal):
        if abs(number.adjusted()) < _MAX_WRITTEN_OUT:
            return [format(number, "f")]
        return [str(number)]
    if isinstance(number, Rational):
        size = max(abs(int(number.numerator)), int(number.denominator))
        return [str(number)] if size < MAX_NUMBER else []
    return [str(number)]


def _judge_pair(
    answer: str | None, reference: Any, judge: Callable[[str, str], Verdict]
) -> Verdict:
    given = "" if answer is None or answer.isspace() else answer
    verdict = BAD_REFERENCE
    for text in texts(reference):
        # Without an answer the reference is compared with itself, to learn if it can be read: a bad
        # reference is reported before a missing answer.
        found = judge(given or text, text)
        if not given and found.outcome is not BAD_REFERENCE.outcome:
            return NO_ANSWER
        if found.outcome is CORRECT.outcome:
            return found
        if verdict.outcome is BAD_REFERENCE.outcome:
            verdict = found
    return verdict
