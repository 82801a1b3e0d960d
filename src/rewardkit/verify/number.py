"""Compare numbers by value, as exact rationals: without rounding, 0.1 + 0.2 equals 0.3."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any, final

from pydantic import Field

from rewardkit._text import numbers
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import BAD_REFERENCE, CORRECT, WRONG, Verifier, pairwise


@final
@register("number")
class Number(Verifier):
    """The answer is the reference's number, in any notation: 1,000, $1000.00, 2000/2.

    It reads separators, currencies, percents, fractions, mixed numbers, LaTeX, scale words and
    units. Units are not compared. 50% equals 50 and 0.5. A list of numbers is not a number.

    >>> [v.outcome.value for v in Number().verify(["$1,000", "-42", "1 2 3"], [1000, "42", "3"])]
    ['correct', 'wrong', 'wrong']
    """

    rel_tol: Annotated[float, Field(ge=0)] = 0.0
    """How far off the answer may be, as a share of the reference's absolute value."""
    abs_tol: Annotated[float, Field(ge=0)] = 0.0
    """How far off the answer may be, in the reference's unit. Either tolerance is enough."""
    or_text: bool = False
    """Whether a reference that is not a number is compared as stripped text."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        rel_tol, abs_tol = Fraction(str(self.rel_tol)), Fraction(str(self.abs_tol))
        is_exact = not (rel_tol or abs_tol)

        def judge(answer: str, reference: str) -> Verdict:
            if is_exact and (verdict := _compare_integers(answer, reference)):
                return verdict
            same = answer.strip() == reference.strip()
            if same and self.or_text:
                return CORRECT
            wanted = numbers.read_number(reference)
            if wanted is None and not self.or_text:
                return BAD_REFERENCE
            if same:
                return CORRECT
            given = None if wanted is None else numbers.read_number(answer)
            if wanted is None or given is None:
                return WRONG if wanted is None else _NO_NUMBER
            equal = given.equals(wanted, rel_tol=rel_tol, abs_tol=abs_tol)
            return CORRECT if equal else WRONG

        return pairwise(answers, references, judge)


def _compare_integers(answer: str, reference: str) -> Verdict | None:
    """Return the verdict for two short integers, which most answers are, else None."""
    wanted = numbers.read_integer(reference)
    given = None if wanted is None else numbers.read_integer(answer)
    if given is None:
        return None
    return CORRECT if given == wanted else WRONG


_NO_NUMBER = Verdict(Outcome.WRONG, "not one number")
