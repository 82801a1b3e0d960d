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
    """Return the outcome for a reference's and an answer's readings, the likeliest first."""
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


# SymPy imports and builds much at the first use of each part, which a row has no time for. Workers
# are forked from a process that has done so, and each pair here makes others up to three times as
# fast.
for _reference, _answer in (
    (r"\sum_{k=1}^n k", r"\frac{n(n+1)}{2}"),
    (r"\sum_{k=0}^{\infty} \frac{1}{2^k}", "2"),
    (r"\int_0^1 x e^{x} dx", "1"),
    (r"\int_0^{\frac{\pi}{2}} \cos^2(x) dx", r"\frac{\pi}{4}"),
    (r"\int_0^{1} x^2 dx+\sin(x)", r"\frac{1}{3}+\sin(x)"),
    (r"\int_1^{2} \frac{1}{x} dx", r"\ln 2"),
    (r"\lim_{x\to 0} \frac{\sin(x)}{x}", "1"),
    (r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}"),
):
    judge_pair([[_reference], [_answer]])
