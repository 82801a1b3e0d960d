"""Sums and products whose ends are letters, compared at a few whole numbers.

No closed form is computed: two expressions that differ at one number differ, and those that agree
at all of them are taken to be equal.
"""

from __future__ import annotations

import re

from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.parser import Parser
from rewardkit.verify._math.spelling import normalize_spelling
from rewardkit.verify._math.tokenizer import tokenize
from rewardkit.verify._math.values import Value

_ENDS = re.compile(
    r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{\s*(?P<index>[a-z])\s*=(?P<low>[^{}]{1,20})\}\s*"
    r"\^\s*(?:\{(?P<high>[^{}]{1,20})\}|(?P<letter>[a-zA-Z]))"
)
_POINTS = (4, 5, 7)
_MAX_LENGTH = 300  # each point parses both texts again


def read_series(*texts: str) -> list[tuple[Value, ...]] | None:
    r"""Return the values of texts with sums, at each of a few values of the letters at their ends.

    None if there are no such letters, or a text cannot be read.

    >>> read_series(r"\sum_{k=1}^n k", "n") is None, read_series("n", "m")
    (False, None)
    """
    if any(len(text) > _MAX_LENGTH for text in texts):
        return None
    texts = tuple(map(normalize_spelling, texts))
    ends = [found for text in texts for found in _ENDS.finditer(text)]
    letters = sorted(
        {
            letter.lower()
            for found in ends
            for letter in re.findall(
                r"[A-Za-z]", f"{found['low']} {found['high'] or found['letter']}"
            )
        }
        - {found["index"] for found in ends}
    )
    if not letters:
        return None
    tokens = [tokenize(text) for text in texts]
    try:
        return [
            tuple(
                Parser(
                    part, {letter: Form.of(point + i) for i, letter in enumerate(letters)}
                ).parse_all()
                for part in tokens
            )
            for point in _POINTS
        ]
    except (UnknownError, TooLargeError, RecursionError):
        return None
