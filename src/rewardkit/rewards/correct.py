"""Correctness: an extractor finds the answer, a verifier judges it, and each outcome has a value.

A verifier gives no score and a reward does not decide what is true. The separation is that of RLVR
(Lambert et al., 2024, "Tulu 3", section 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, final

from pydantic import BeforeValidator, Field

from rewardkit._messages import shorten_repr
from rewardkit.batch import Batch, Column, Reference
from rewardkit.component import Frozen
from rewardkit.extract import (
    Extractor,
    Tag,
    explain_reference,
    extract_answers,
    extract_references,
)
from rewardkit.registry import register
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Bounds, Reward
from rewardkit.verify.base import CORRECT, NO_ANSWER, WRONG, Verifier, log_timeouts

AsWrong = Literal["wrong"]
_WRONG = Outcome.WRONG  # looked up once: as an attribute it takes longer than a comparison


def _name_columns(value: Any) -> Any:
    """Turn a list of columns into a mapping in which each has its own name."""
    named = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    return {name: name for name in value} if named else value


Columns = Annotated[
    Mapping[str, Column[object]], BeforeValidator(_name_columns), Frozen, Field(min_length=1)
]
"""Several columns of a row, by the names under which a verifier reads them."""


@final
@register("correct")
class Correct(Reward):
    """A value for each outcome of a verifier on the answer that an extractor finds.

    >>> from rewardkit.extract import Hash
    >>> from rewardkit.verify import Number
    >>> right = Correct(verifier=Number(), extractor=Hash(), correct=2.0)
    >>> right(completions=["#### 1,000", "#### 7", "?"], answer=["1000", 8, "9"])
    [2.0, 0.0, 0.0]
    """

    verifier: Verifier
    """What decides whether the answer is right."""
    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] | Columns | None = "answer"
    """The column with the right answer: a string, a number, or a list of which any is right. A list
    of columns for a verifier that reads several, such as `instructions`, or a mapping of the names
    that it reads to columns. None for a verifier that needs none, such as `json_schema` with a
    schema of its own."""
    reference_extractor: Extractor | None = None
    """What finds the right answer in the column's text, such as `hash` for GSM8K's solutions, which
    end in `#### 18`; None if the text is the answer."""
    correct: float | None = 1.0
    """The value of a right answer. Here and below, None skips the row."""
    wrong: float | None = 0.0
    """The value of a wrong answer; if the verdict has a share, the value is that fraction of the
    way from `wrong` to `correct`."""
    no_answer: float | AsWrong | None = "wrong"
    """The value of a completion without an answer. Here and for `timeout`, "wrong" is the value of
    a wrong answer, so that saying nothing is never better than being wrong."""
    timeout: float | AsWrong | None = "wrong"
    """The value of an answer that took too long to judge."""
    bad_reference: float | None = None
    """The value of a row whose reference cannot be read."""

    @property
    def bounds(self) -> Bounds:
        """The lowest and the highest of the five values."""
        given = [value for value in map(self._value_of, Outcome) if value is not None]
        return min(given, default=0.0), max(given, default=0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return each outcome's value per completion; the why is the outcome and its detail.

        The share of verdicts that took too long goes to the logs as `timeouts`.
        """
        column = _read_references(batch, self.reference)
        references = extract_references(self.reference_extractor, column)
        answers = extract_answers(self.extractor, batch)
        verdicts = self.verifier.verify(answers, references)
        if not isinstance(verdicts, list | tuple):
            raise TypeError(_explain_not_verdicts(self.verifier, verdicts))
        log_timeouts(batch, self.verifier, verdicts)
        # once per batch: an Outcome's value takes long to look up
        worth = {outcome: self._value_of(outcome) for outcome in Outcome}
        explain = batch.explain
        # Most verdicts are one of three objects. They are known by their identity, which is quicker
        # than to look at their parts.
        common = {
            id(verdict): self._score_verdict(verdict, worth, explain=explain)
            for verdict in (CORRECT, WRONG, NO_ANSWER)
        }
        return [
            common.get(id(verdict))
            or self._score_verdict(verdict, worth, column[row], explain=explain)
            for row, verdict in enumerate(verdicts)
        ]

    def _score_verdict(
        self,
        verdict: Verdict,
        worth: Mapping[Outcome, float | None],
        reference: Any = None,
        *,
        explain: bool,
    ) -> Score:
        # only the verdicts that are not one of the three common objects come here
        if not isinstance(verdict, Verdict) or not isinstance(verdict.outcome, Outcome):
            raise TypeError(_explain_not_verdicts(self.verifier, verdict))
        outcome, detail, share = verdict
        value = worth[outcome]
        if share and value is not None and outcome is _WRONG and self.correct is not None:
            value += share * (self.correct - value)  # partial credit for the tests that passed
        if not explain:
            return Score(value)
        if outcome is Outcome.BAD_REFERENCE and not detail:
            detail = explain_reference(self.reference_extractor, reference)
        return Score(value, f"{outcome}: {detail}" if detail else outcome.value)

    def _value_of(self, outcome: Outcome) -> float | None:
        value: float | AsWrong | None = getattr(self, outcome.value)
        return self.wrong if value == "wrong" else value


def _explain_not_verdicts(verifier: Verifier, given: Any) -> str:
    name = verifier.registered_name or type(verifier).__name__
    return (
        f"{name}.verify gave {shorten_repr(given)}, expected a list with one verdict per answer,"
        " such as rk.Verdict(rk.Outcome.CORRECT) or rk.Verdict(rk.Outcome.WRONG)"
    )


def _read_references(batch: Batch, reference: str | Mapping[str, str] | None) -> Sequence[Any]:
    if reference is None:
        return [None] * len(batch)
    if isinstance(reference, str):
        return batch.column(reference)
    columns = [batch.column(name) for name in reference.values()]
    return [dict(zip(reference, row, strict=True)) for row in zip(*columns, strict=True)]
