"""Tool calls compared with those expected, by the rules of the Berkeley Function Calling
Leaderboard (Patil et al., 2025, "BFCL").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, final

from rewardkit._messages import shorten_text
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import CORRECT, NO_ANSWER, Verifier, paired

if TYPE_CHECKING:
    from rewardkit._text.tool_calls import Call
    from rewardkit.verify._calls import Expected

MAX_DETAIL_CHARACTERS = 200


@final
@register("same_call")
class SameCall(Verifier):
    """The answer's tool calls are the reference's, whatever their order.

    Use it with the extractor `tool_call`. A reference is a call, `{"name": ..., "arguments":
    {...}}`; a message with `tool_calls`; acceptable values for each argument in the form of BFCL,
    `{"name": {"city": ["NYC", "New York"], "unit": ["C", ""]}}`, where "" means that it may be left
    out; or JSON text of one of these. A list holds calls that are all expected; a list of lists
    holds alternatives. Arguments of null count as not given, and 1 equals 1.0.

    >>> same = SameCall()
    >>> answer = '[{"name": "weather", "arguments": {"city": "NYC"}}]'
    >>> bfcl = {"weather": {"city": ["NYC", "New York"], "unit": ["C", ""]}}
    >>> [verdict.outcome.value for verdict in same.verify([answer, "{}"], [bfcl, bfcl])]
    ['correct', 'no_answer']
    >>> same.verify([answer], [{"name": "weather", "arguments": {"city": "Rome"}}])[0].detail
    "weather: city is 'NYC' (str)"
    """

    arguments: Literal["exact", "subset", "ignore"] = "exact"
    """Whether a call has the reference's arguments alone, may have others as well (`subset`), or is
    compared by its name alone."""
    ordered: bool = False
    """Whether the calls must come in the reference's order."""
    more_calls: bool = False
    """Whether the answer may have calls beside those of the reference."""
    normalize: bool = False
    """Whether strings are compared as in BFCL: without case, spaces and the characters ,./-_*^; and
    whether `a_b` is the name of a reference's `a.b`."""
    partial: bool = False
    """Whether a wrong verdict has a share, which the reward `correct` pays: of the calls, each with
    the fraction of its name and arguments that is right."""
    allow_empty: bool = False
    """Whether a reference of `[]` means that no call is right; else it cannot be read."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER (no call) or BAD_REFERENCE for each answer."""
        return [self._judge_row(*row) for row in paired(answers, references)]

    def _judge_row(self, answer: str | None, reference: Any) -> Verdict:
        from rewardkit._text.tool_calls import read_text_calls  # noqa: PLC0415 - it imports json
        from rewardkit.verify import _calls  # noqa: PLC0415 - the same

        try:
            alternatives = _calls.read_reference(reference)
            if not self.allow_empty and not all(alternatives):
                return Verdict(Outcome.BAD_REFERENCE, "no call in it")
            calls = read_text_calls(answer or "")
            verdicts = [self._compare_calls(calls, expected) for expected in alternatives]
        except RecursionError:
            return Verdict(Outcome.BAD_REFERENCE, "nested too deep")
        except ValueError as error:
            return Verdict(Outcome.BAD_REFERENCE, shorten_text(str(error), MAX_DETAIL_CHARACTERS))
        return max(
            verdicts, key=lambda verdict: (verdict.outcome is CORRECT.outcome, verdict.share or 0)
        )

    def _compare_calls(self, calls: Sequence[Call], expected: Sequence[Expected]) -> Verdict:
        from rewardkit.verify import _calls  # noqa: PLC0415 - it imports json

        if not calls:
            return NO_ANSWER if expected else CORRECT
        if len(calls) > _calls.MAX_CALLS:
            return Verdict(Outcome.WRONG, f"more than {_calls.MAX_CALLS} calls")
        rules = _calls.Rules(self.arguments, self.normalize, self.ordered, self.more_calls)
        fault, share = _calls.compare_calls(calls, expected, rules, partial=self.partial)
        if not fault:
            return CORRECT
        detail = shorten_text(fault, MAX_DETAIL_CHARACTERS)
        return Verdict(Outcome.WRONG, detail, share)
