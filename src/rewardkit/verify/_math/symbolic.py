"""What is left for math-verify, in a worker that is killed at its deadline: it sets no timer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from math_verify import parse, verify

from rewardkit.result import Outcome

for _name in (
    "math_verify",
    "latex2sympy2_extended",
):  # they log each answer that they cannot parse
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def judge_pair(row: Sequence[Sequence[str]]) -> str:
    r"""Return the outcome for a reference's and an answer's readings, the likeliest first.

    >>> judge_pair([[r"\frac{\sqrt{2}}{2}"], [r"\sin(\frac{\pi}{4})"]])
    'correct'
    """
    reference, answer = map(_parse_first, row)
    if reference is None:
        return Outcome.BAD_REFERENCE.value
    if answer is None:
        return Outcome.NO_ANSWER.value
    equal = verify(reference, answer, timeout_seconds=None)
    return (Outcome.CORRECT if equal else Outcome.WRONG).value


def _parse_first(texts: Sequence[str]) -> list[Any] | None:
    """Parse the first text that math-verify can parse."""
    for text in texts:
        content = " ".join(text.replace("$", " ").split())
        parsed: list[Any] = parse(f"${content}$", parsing_timeout=None)
        if any(not isinstance(value, str) for value in parsed):
            return parsed
    return None


judge_pair([["x+1"], ["1+x"]])  # the first time takes longer, and a row's time is short
