"""Boxes and points in a picture, for visual grounding: intersection over union, as in PASCAL VOC
(Everingham et al., 2010, section 4.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple, Self, final

from pydantic import Field

from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import BAD_REFERENCE, NO_ANSWER, Verifier, paired, to_plain

MAX_BOXES = 100
"""An answer with more boxes than this is wrong: each is compared with each of the reference."""


@final
@register("iou")
class Iou(Verifier):
    """The answer's boxes overlap the reference's, or its points are in them.

    Each box of the answer is paired with one of the reference, those with the highest intersection
    over union first. The verdict's share is the sum of these overlaps divided by the larger number
    of boxes, so that neither a missing box nor one too many pays. A point is 1 in a box, else 0.

    Boxes are four numbers in brackets, or two pairs in parentheses, in JSON or in any text; points
    are two numbers: `[5, 5], [7, 7]` are two points, and `(5, 5), (7, 7)` is a box. A reference may
    also be lists of numbers.

    >>> box = Iou(threshold=0.5)
    >>> box.verify(['{"bbox_2d": [0, 0, 10, 5]}', "(5, 5)"], [[0, 0, 10, 10], "[[0, 0, 10, 10]]"])
    [Verdict(outcome=<Outcome.CORRECT: 'correct'>, detail='IoU 0.5', share=0.5), ...]
    """

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The intersection over union, 0 to 1, that each box must have for the answer to be right."""
    layout: Literal["corners", "size"] = "corners"
    """What a box's numbers are: x and y of two opposite corners, or x, y, width and height."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER (no box or point) or BAD_REFERENCE for each answer."""
        return [self._compare_row(*row) for row in paired(answers, references)]

    def _compare_row(self, answer: str | None, reference: Any) -> Verdict:
        expected = self._read_boxes(_write_reference(reference))
        if not expected or len(expected) > MAX_BOXES or not all(box.has_area() for box in expected):
            return BAD_REFERENCE
        found = self._read_boxes(answer or "")
        if not found:
            return NO_ANSWER
        if len(found) > MAX_BOXES:
            return Verdict(Outcome.WRONG, f"more than {MAX_BOXES} boxes", 0.0)
        overlaps = _pair_boxes(found, expected)
        share = sum(overlaps) / max(len(found), len(expected))
        complete = len(overlaps) == len(found) == len(expected)
        right = complete and min(overlaps) >= self.threshold
        outcome = Outcome.CORRECT if right else Outcome.WRONG
        return Verdict(outcome, f"IoU {share:.3g}", share)

    def _read_boxes(self, text: str) -> list[Box]:
        boxes = [Box.between(*numbers, size=self.layout == "size") for numbers in _find(_BOX, text)]
        return boxes or [Box(x, y, x, y) for x, y in _find(_POINT, text)]


class Box(NamedTuple):
    """A box by its edges; a point is a box without an area."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def between(cls, x: float, y: float, x2: float, y2: float, *, size: bool = False) -> Self:
        """Return the box with two opposite corners, or with a corner and a size."""
        if size:
            x2, y2 = x + x2, y + y2
        return cls(min(x, x2), min(y, y2), max(x, x2), max(y, y2))

    def has_area(self) -> bool:
        """Return whether it is more than a point or a line."""
        return self.left < self.right and self.top < self.bottom

    def overlap(self, other: Box) -> float:
        """Return the intersection over union with a box that has an area, 0 to 1.

        >>> Box(0, 0, 2, 2).overlap(Box(1, 0, 3, 2))
        0.333...
        """
        if self[:2] == self[2:]:
            return float(
                other.left <= self.left <= other.right and other.top <= self.top <= other.bottom
            )
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0.0) * max(height, 0.0)
        total = self._area() + other._area() - shared
        return shared / total

    def _area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


def _find(pattern: re.Pattern[str], text: str) -> list[list[float]]:
    # one more than the limit says that there are too many
    matches = islice(pattern.finditer(text), MAX_BOXES + 1)
    return [[*map(float, _NUMBER.findall(match[0]))] for match in matches]


def _pair_boxes(found: Sequence[Box], expected: Sequence[Box]) -> list[float]:
    """Return the overlaps of the pairs, the highest first."""
    ranked = sorted(
        (
            (one.overlap(other), row, column)
            for row, one in enumerate(found)
            for column, other in enumerate(expected)
        ),
        key=lambda item: (-item[0], *item[1:]),
    )
    rows: set[int] = set()
    columns: set[int] = set()
    overlaps = []
    for overlap, row, column in ranked:
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            overlaps.append(overlap)
    return overlaps


def _write_reference(reference: Any) -> str:
    if isinstance(reference, str):
        return reference
    try:
        return json.dumps(to_plain(reference))
    except (TypeError, ValueError, RecursionError):
        return ""


_FLOAT = r"[-+]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,2})?"
_NUMBER = re.compile(_FLOAT)
_PAIR = rf"\(\s*{_FLOAT}\s*,\s*{_FLOAT}\s*\)"
_FOUR = r"\s*,\s*".join([_FLOAT] * 4)
_BOX = re.compile(rf"[\[(]\s*{_FOUR}\s*[\])]|{_PAIR}(?:\s*,)?\s*{_PAIR}")
_POINT = re.compile(rf"{_PAIR}|\[\s*{_FLOAT}\s*,\s*{_FLOAT}\s*\]")
