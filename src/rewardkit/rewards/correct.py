"""Is the answer right? An extractor finds it, a verifier judges it, and each outcome has its value.

A verifier gives no score and a reward decides no truth: the two are told apart as in RLVR (Lambert
et al., 2024, "Tulu 3", section 6).
"""

from __future__ import annotations

from typing import final

from rewardkit.batch import Batch, Column, Reference
from rewardkit.extract import Extractor, Tag
from rewardkit.registry import register
from rewardkit.result import Outcome, Score
from rewardkit.reward import Bounds, Reward
from rewardkit.verify.base import Verifier


@final
@register("correct")
class Correct(Reward):
    """A value for each outcome of a verifier on what an extractor finds.

    >>> from rewardkit import build
    >>> right = build("correct", verifier="number", extractor="hash", correct=2.0)
    >>> right(completions=["#### 1,000", "#### 7", "?"], answer=["1000", 8, "9"])
    [2.0, 0.0, 0.0]
    """

    verifier: Verifier
    """What decides whether the answer is right."""
    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] | None = "answer"
    """The column with the right answer: a string, a number, or a list of which any is right; None
    where the verifier needs none, as `json_schema` with a schema of its own."""
    correct: float | None = 1.0
    """The value of a right answer. Here and below None abstains."""
    wrong: float | None = 0.0
    """The value of a wrong answer; where the verdict has a share, it is that part of the way up."""
    no_answer: float | None = 0.0
    """The value of a completion in which no answer is found."""
    timeout: float | None = 0.0
    """The value of an answer that took too long to judge."""
    bad_reference: float | None = None
    """The value of any completion where the reference cannot be read."""

    @property
    def bounds(self) -> Bounds:
        """The least and the greatest of the five values."""
        given = [
            value for outcome in Outcome if (value := getattr(self, outcome.value)) is not None
        ]
        return min(given, default=0.0), max(given, default=0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return each outcome's value (batch length); the why is the outcome and its detail."""
        references = [None] * len(batch) if self.reference is None else batch.column(self.reference)
        answers = [*map(self.extractor.extract, batch.texts)]
        shared = {
            outcome: Score(getattr(self, outcome.value), outcome.value) for outcome in Outcome
        }
        return [
            Score(self._value(outcome, share), f"{outcome}: {detail}")
            if detail
            else shared[outcome]
            for outcome, detail, share in self.verifier.verify(answers, references)
        ]

    def _value(self, outcome: Outcome, share: float | None) -> float | None:
        """Return an outcome's value; for a wrong answer, that share of the way to a right one's."""
        value: float | None = getattr(self, outcome.value)
        if outcome is Outcome.WRONG and share and value is not None and self.correct is not None:
            value += share * (self.correct - value)
        return value
