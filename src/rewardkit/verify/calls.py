"""Tool calls compared with those expected, by the rules of the Berkeley Function Calling
Leaderboard (Patil et al., 2025, "BFCL").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, final

from rewardkit.registry import register
from rewardkit.result import Verdict
from rewardkit.verify.base import Verifier, paired


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
        from rewardkit.verify import _calls  # noqa: PLC0415 - it imports json

        rules = _calls.Rules(self.arguments, self.normalize, self.ordered, self.more_calls)
        return [
            _calls.judge_row(
                answer, reference, rules, partial=self.partial, allow_empty=self.allow_empty
            )
            for answer, reference in paired(answers, references)
        ]
