"""What OpenRLHF passes and logs, in its own process and to a server: queries, totals, logs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rewardkit._messages import shorten_repr
from rewardkit.adapters._rows import RowScorer, ScoredRow, System

END_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "<|return|>"),
    *(
        "</s>",
        "<eos>",
        "<end_of_turn>",
        "<pad>",
        "<\N{FULLWIDTH VERTICAL LINE}end▁of▁sentence\N{FULLWIDTH VERTICAL LINE}>",
    ),
)
"""The special tokens that are taken off the end of a completion."""
_MAX_START = 32  # characters of a token before the prompt; and of a query's start that identify it
OPENRLHF = System("OpenRLHF", prompts=True, columns=False)
RESERVED = ("reward", "score", "timeout", "bad_reference", "failed", "response_clip_ratio")
"""Names in OpenRLHF's logs that no part may have."""


def list_totals_and_logs(
    scorer: RowScorer, rows: Sequence[ScoredRow | None]
) -> tuple[list[float], dict[str, list[float]]]:
    """Return the totals and, by name, what OpenRLHF logs of rows; None is one that failed."""
    parts = dict.fromkeys(scorer.names.values(), math.nan)
    failed_row = ScoredRow(scorer.abstained, parts, {}, abstained=True, failure="")
    known = [row or failed_row for row in rows]
    logs: dict[str, list[float]] = {}
    for name in parts:
        values = [row.parts[name] for row in known]
        # OpenRLHF averages over rows, where one NaN would hide all other values.
        logs[name] = [0.0 if math.isnan(value) else value for value in values]
        logs[f"{name}/abstained"] = [float(math.isnan(value)) for value in values]
    for failure in ("timeout", "bad_reference"):
        logs[failure] = [float(row.failure == failure) for row in known]
    logs["failed"] = [float(row is None) for row in rows]
    return [row.total for row in known], logs


def cut_completion(query: str, prompt: str, end_tokens: Sequence[str] = END_TOKENS) -> str:
    """Return the text after the prompt in a query, without `end_tokens` at its end.

    Raises ValueError if the query does not begin with the prompt or an end of it, TypeError if one
    of them is not a text.
    """
    for name, text in (("query", query), ("prompt", prompt)):
        if not isinstance(text, str):
            raise TypeError(f"the {name} is {shorten_repr(text)}, expected a text")
    return _strip_end(_cut_prompt(query, prompt), end_tokens)


def _cut_prompt(query: str, prompt: str) -> str:
    """Return the completion, which follows the prompt in a query.

    Raises ValueError if the query does not begin with the prompt or an end of it: what is of the
    prompt would be scored too.
    """
    # some tokenizers put a token before the prompt
    start = query.find(prompt, 0, len(prompt) + _MAX_START)
    if start >= 0:
        return query[start + len(prompt) :]
    # OpenRLHF cuts a long prompt at its front
    overlap = _find_overlap(prompt, query)
    if overlap < min(len(query), _MAX_START):
        message = f"the prompt, which ends in {prompt[-20:]!r}, is not in the query"
        raise ValueError(f"{message} {query[:40]!r}")
    return query[overlap:]


def _find_overlap(prompt: str, query: str) -> int:
    """Return the length of the longest end of the prompt that the query begins with."""
    # In linear time (Knuth, Morris and Pratt 1977): to compare every end would take hours for a
    # prompt that repeats itself.
    start = query[: len(prompt)]
    if not start:
        return 0
    shorter, known = [0] * len(start), 0
    for index in range(1, len(start)):
        while known and start[index] != start[known]:
            known = shorter[known - 1]
        known += start[index] == start[known]
        shorter[index] = known
    matched = 0
    for character in prompt:
        while matched and (matched == len(start) or character != start[matched]):
            matched = shorter[matched - 1]
        matched += character == start[matched]
    return matched


def _strip_end(text: str, tokens: Sequence[str]) -> str:
    end = len(text)
    while token := next((each for each in tokens if text.endswith(each, 0, end)), ""):
        end -= len(token)
    return text[:end]
