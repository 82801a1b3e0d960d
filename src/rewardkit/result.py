"""The results for one completion: a reward's Score, a verifier's Verdict."""

from enum import StrEnum
from typing import NamedTuple


# A NamedTuple, since one is made per completion: a tuple is cheap to make, compare and unpack.
class Score(NamedTuple):
    """The value of one completion, and why.

    `value` is in the reward's own unit; `None` abstains, and TRL leaves the row out of the sum.
    `why` is a short text for people, empty if the value needs no reason.

    >>> Score(0.5, "every tag in order")
    Score(value=0.5, why='every tag in order')
    """

    value: float | None
    why: str = ""


class Outcome(StrEnum):
    """How a verification ended.

    A reference that cannot be read is `BAD_REFERENCE`, whatever the answer is. If it can be read, a
    missing or blank answer is `NO_ANSWER`. Only then are the two compared.

    >>> Outcome.NO_ANSWER == "no_answer"
    True
    """

    # the values are also the names of `Correct`'s fields, which hold what each outcome is worth
    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    BAD_REFERENCE = "bad_reference"
    TIMEOUT = "timeout"


class Verdict(NamedTuple):
    """A verifier's result for one answer: an outcome, and a detail for people.

    `share` is how far the answer is right, 0 to 1, from a verifier that measures it, such as the
    fraction of its tests that it passed; else None.

    >>> Verdict(Outcome.WRONG, "7, not 8").outcome
    <Outcome.WRONG: 'wrong'>
    """

    outcome: Outcome
    detail: str = ""
    share: float | None = None
