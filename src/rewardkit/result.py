"""The results for a completion: a reward's Score, a verifier's Verdict, what a Scorer gives."""

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


class TermScore(NamedTuple):
    """A term's score for one completion."""

    value: float | None
    """None if the reward abstained, or raised."""
    why: str = ""
    """The reward's own reason, or the error."""
    raised: bool = False
    """Whether it raised."""
    seconds: float = 0.0
    """How long it took; 0 unless it was scored by itself."""


class RowScore(NamedTuple):
    """The scores of one completion."""

    values: dict[str, float | None]
    """Each term's value, by name; None if it abstained."""
    whys: dict[str, str]
    """Each term's reason, by name; "" for a term without one."""
    total: float | None
    """The weighted sum of the terms that did not abstain, None if all did."""


class ColumnScores(NamedTuple):
    """The scores of several completions, by column."""

    values: dict[str, list[float | None]]
    """Each term's values, by name; None where it abstained."""
    whys: dict[str, list[str]]
    """Each term's reasons, by name."""
    totals: list[float | None]
    """Each row's weighted sum of the terms that did not abstain, None if all did."""
