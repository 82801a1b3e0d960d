"""A penalty for tool calls that failed: `ToolErrors`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Self, final

from pydantic import Field, model_validator

from rewardkit._text.completions import read_content
from rewardkit._text.patterns import compile_pattern
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward

MAX_REPLY_CHARACTERS = 1_000
"""How much of a tool's reply is searched for the pattern of an error."""
ERROR_REPLY = (
    r"""^\s*+(?:\{\s*+["'](?:error|errors)["']\s*+:(?!\s*+(?:null|None|false|False|\[\]|""|''))"""
    r"""|\{\s*+["'](?:status|type)["']\s*+:\s*+["']error["']"""
    r"""|(?:[A-Za-z_.]{0,60}Error|Error executing tool|Exception)\b"""
    r"""|Traceback \(most recent call last\))"""
)
# For ASCII text Python's `re` gives the same, in a tenth of the time. It needs no time limit: the
# pattern is anchored, and each repeat in it is possessive or bounded.
_ASCII_ERROR_REPLY = re.compile(ERROR_REPLY, re.ASCII)


@final
@register("tool_errors")
class ToolErrors(Reward):
    """0 if no tool call failed, down to minus the penalty if all did.

    A call failed if it cannot be read, as one that is not JSON, or if the tool's reply reports an
    error: a message with `is_error`, `isError` or `status: error`, or a content that the pattern
    matches. Replies are messages with the role `tool`, or between `<tool_response>` tags in a text.
    If each call has a reply, a call and its reply count once. Rows without a call get 0.

    >>> chat = [
    ...     {"role": "assistant", "tool_calls": [{"function": {"name": "now", "arguments": {}}}]},
    ...     {"role": "tool", "name": "now", "content": "{'error': 'no clock'}"},
    ...     {"role": "assistant", "content": "I cannot say."},
    ... ]
    >>> ToolErrors()(completions=[chat, "It is noon."])
    [-1.0, 0.0]
    """

    penalty: Annotated[float, Field(ge=0)] = 1.0
    """What a completion costs whose calls all failed."""
    pattern: Annotated[str, Field(min_length=1)] = ERROR_REPLY
    """What a reply that reports an error has in its first 1,000 characters, in the syntax of the
    `regex` package: by default an object whose first key is `error`, as TRL writes it, or text that
    starts with `Error`, the name of an exception, or a traceback."""
    timeout: Annotated[float, Field(gt=0)] = 0.1
    """Seconds for one reply, after which it does not count as an error."""

    @model_validator(mode="after")
    def _require_valid_pattern(self) -> Self:
        compile_pattern(self.pattern)
        return self

    @property
    def bounds(self) -> Bounds:
        """From minus the penalty to 0."""
        return -self.penalty, 0.0

    def score(self, batch: Batch) -> list[Score]:
        """Return minus the penalty times the share of calls that failed, for each completion."""
        from rewardkit._text.tool_calls import read_replies  # noqa: PLC0415 - it imports json

        # many rows have the same counts, and writing a why takes longer than to count
        score_failures: Callable[[int, int], Score] = cache(self._score_failures)
        reports_error, scores = self._reports_error, []
        for calls, replies in zip(batch.tool_calls, read_replies(batch.completions), strict=True):
            total = max(len(calls), len(replies))
            if len(calls) == len(replies):  # a call that cannot be read has its reply, too
                pairs = zip(calls, replies, strict=True)
                failed = sum([bool(call.error) or reports_error(reply) for call, reply in pairs])
            else:
                unread = sum(bool(call.error) for call in calls)
                failed = min(unread + sum(map(reports_error, replies)), total)
            scores.append(score_failures(failed, total))
        return scores

    def _score_failures(self, failed: int, total: int) -> Score:
        share = failed / total if total else 0.0
        why = f"{failed} of {total} calls failed" if total else "no calls"
        return Score(0.0 - self.penalty * share, why)

    def _reports_error(self, reply: Mapping[Any, Any]) -> bool:
        if reply.get("is_error") is True or reply.get("isError") is True:
            return True
        if reply.get("status") == "error":
            return True
        text = read_content(reply.get("content"))[:MAX_REPLY_CHARACTERS]
        if self.pattern == ERROR_REPLY and text.isascii():
            return bool(_ASCII_ERROR_REPLY.match(text))
        try:
            return bool(compile_pattern(self.pattern).search(text, timeout=self.timeout))
        except TimeoutError:
            return False
