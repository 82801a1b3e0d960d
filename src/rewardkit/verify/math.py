r"""Mathematics by value: by exact arithmetic where that is certain, else by a symbolic checker.

That is Math-Verify (Kydlíček, 2025, https://github.com/huggingface/Math-Verify), in a process that
is killed at its deadline. Few answers reach it, and none can keep a training run waiting.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, final

from pydantic import Field

from rewardkit import _optional
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import WRONG, Verifier, pairwise

Pair = tuple[str, str]


@final
@register("math")
class Math(Verifier):
    r"""The answer has the reference's value, in LaTeX or plainly: numbers, surds, sets, equations.

    Either may be bare, boxed, between dollar signs, or the answer that a text gives. Units are not
    compared; 50% equals 50 and 0.5; x = 3 equals 3; capitals do not matter. What is too large to
    compute is WRONG, "too large". Equal pairs are verified once, and short ones are cached.

    It is to agree with math-verify but for two things: a set is no tuple, and 1 1/2 is a mixed
    number. The docs' page "Where `math` and math-verify differ" lists all else, with who is right.

    >>> answers = [r"\sqrt{80}", "The answer is $x = 3$.", "(2, 3)", "9^{9^{9^9}}"]
    >>> verdicts = Math().verify(answers, [r"4\sqrt{5}", "3", r"\{2, 3\}", "7"])
    >>> [verdict.outcome.value for verdict in verdicts], verdicts[3].detail
    (['correct', 'correct', 'wrong', 'wrong'], 'too large')
    """

    timeout: Annotated[float, Field(gt=0)] = 0.5
    """Seconds for an answer that math-verify is asked about, after which it is TIMEOUT."""
    batch_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds for all such answers of one call, after which the rest are TIMEOUT; None for as long
    as each of them has."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER, BAD_REFERENCE or TIMEOUT for each answer.

        Raises ImportError where math-verify is not installed.
        """
        from rewardkit.verify._math import decide  # noqa: PLC0415 - its patterns take time to compile

        _check_installed()
        # A group repeats its answers, so each pair is decided once per call.
        found: dict[Pair, Verdict] = {}
        asked: dict[Pair, Any] = {}

        def judge(answer: str, reference: str) -> Verdict:
            pair = answer, reference
            if pair not in found:
                settled = decide.decide_pair(answer, reference)
                if not isinstance(settled, Verdict):
                    asked[pair], settled = settled, WRONG  # until it is known
                found[pair] = settled
            return found[pair]

        verdicts = pairwise(answers, references, judge)
        if not asked:
            return verdicts
        for pair, outcome in self._ask_math_verify(asked).items():
            found[pair] = Verdict(outcome)
            if outcome is not Outcome.TIMEOUT:
                decide.cache_verdict(*pair, found[pair])
        return pairwise(answers, references, judge)

    def _ask_math_verify(self, rows: dict[Pair, Any]) -> dict[Pair, Outcome]:
        """Ask math-verify about each pair."""
        from rewardkit._workers import pool  # noqa: PLC0415 - few batches need it

        outcomes = pool.run(
            "rewardkit.verify._math.symbolic:judge_pair",
            list(rows.values()),
            timeout=self.timeout,
            batch_timeout=self.batch_timeout,
        )
        return {
            pair: Outcome.TIMEOUT if outcome is pool.TIMEOUT else Outcome(str(outcome))
            for pair, outcome in zip(rows, outcomes, strict=True)
        }


@cache
def _check_installed() -> None:
    """Raise ImportError where math-verify is missing, without the time that its import takes."""
    if importlib.util.find_spec("math_verify") is None:
        _optional.require("math_verify", install="rewardkit[math]")
