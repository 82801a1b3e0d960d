r"""Compare mathematics by value: by exact arithmetic if possible, else by a symbolic checker.

The symbolic checker is Math-Verify (Kydlíček, 2025, https://github.com/huggingface/Math-Verify). It
runs in a process that is killed at its deadline, so that no answer can block a training run. Few
answers need it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    r"""The answer equals the reference by value: numbers, surds, expressions, sets, equations.

    Both may be LaTeX or plain text, boxed or between dollar signs, or a sentence that states the
    answer. 50% equals 50 and 0.5; x = 3 equals 3. Capitals are ignored, and units unless both are
    known and differ. One value is asked for: an answer that hedges ("3 or 5"), denies or bounds
    ("at least 3") is WRONG, unless the reference does so too. A value that is too large to compute
    is WRONG, "too large". Each distinct pair is verified once per call, and verdicts on short pairs
    are cached.

    The page "Verify answers" of the docs lists what is paid, and "Comparison with math-verify" the
    kinds of answers on which the two differ.

    >>> answers = [r"\sqrt{80}", "The answer is $x = 3$.", "(2, 3)", "9^{9^{9^9}}"]
    >>> verdicts = Math().verify(answers, [r"4\sqrt{5}", "3", r"\{2, 3\}", "7"])
    >>> [verdict.outcome.value for verdict in verdicts], verdicts[3].detail
    (['correct', 'correct', 'wrong', 'wrong'], 'too large')
    """

    timeout: Annotated[float, Field(gt=0)] = 0.5
    """Seconds of processor time per answer that math-verify decides; after that the outcome is
    TIMEOUT. It is too after 20 times as many seconds by the clock, at least 5, in which a process
    that waits uses none. On Windows they are seconds by the clock."""
    batch_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds by the clock for all such answers of one call; after that the rest are TIMEOUT. None
    sets no limit beyond `timeout` per answer."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER, BAD_REFERENCE or TIMEOUT for each answer.

        Raises ImportError if math-verify is not installed.
        """
        from rewardkit.verify._math import decide  # noqa: PLC0415 - its patterns take time to compile

        _optional.check_installed("math_verify", install="rewardkit[math]")
        # A group repeats its answers, so each pair is decided once per call.
        found: dict[Pair, Verdict] = {}
        asked: dict[Pair, Any] = {}

        def judge(answer: str, reference: str) -> Verdict:
            pair = answer, reference
            if pair not in found:
                settled = decide.decide_pair(answer, reference)
                if not isinstance(settled, Verdict):
                    asked[pair], settled = settled, WRONG  # a placeholder until math-verify decides
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
