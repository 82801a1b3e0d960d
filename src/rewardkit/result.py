"""What a reward and a verifier give back for one completion."""

from enum import StrEnum
from typing import NamedTuple


class Score(NamedTuple):
    """What one completion is worth, and why.

    `value` is in the reward's own unit; `None` abstains, which TRL leaves out of the sum.
    `why` is a short text for people: empty where the value says it all.

    >>> Score(0.5, "every tag in its place")
    Score(value=0.5, why='every tag in its place')
    """

    value: float | None
    why: str = ""


class Outcome(StrEnum):
    """How a verification ended.

    A reference that cannot be read is `BAD_REFERENCE` whatever the answer; a missing or blank
    answer to a readable reference is `NO_ANSWER`; only then are the two compared.

    >>> Outcome.NO_ANSWER == "no_answer"
    True
    """

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    BAD_REFERENCE = "bad_reference"
    TIMEOUT = "timeout"


class Verdict(NamedTuple):
    """A verifier's finding on one answer: an outcome, and a detail for people.

    `share` is what part of its tests the answer passed, 0 to 1, from a verifier that is asked to
    count them; else None.

    >>> Verdict(Outcome.WRONG, "7, not 8").outcome
    <Outcome.WRONG: 'wrong'>
    """

    outcome: Outcome
    detail: str = ""
    share: float | None = None
