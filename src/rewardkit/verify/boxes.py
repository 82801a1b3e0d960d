"""Boxes and points in a picture, for visual grounding: intersection over union, as in PASCAL VOC
(Everingham et al., 2010, section 4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Annotated, Any, Literal, final

from pydantic import Field

from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify._boxes import MAX_BOXES, compare_boxes, is_point, read_boxes, read_reference
from rewardkit.verify.base import CORRECT, NO_ANSWER, WRONG, Verifier, paired


@final
@register("iou")
class Iou(Verifier):
    """The answer's boxes overlap the reference's; with `points=True`, its points are in them.

    Each box of the answer is paired with one of the reference, those with the highest intersection
    over union first. The verdict's share is the sum of these overlaps divided by the larger number
    of boxes, so that neither a missing box nor one too many pays.

    Boxes are four numbers in brackets, or two pairs in parentheses, in JSON or in any text; or
    objects with `x1`, `y1`, `x2` and `y2`, with `xmin` to `ymax`, or with `x`, `y`, `width` and
    `height`. In a text with the key `"box_2d"`, as Gemini writes it, y comes first. Points are two
    numbers, also in the tags of Molmo (`<point x="5" y="5">`, `<points coords="1 1 050 050">`):
    `[5, 5], [7, 7]` are two points, and `(5, 5), (7, 7)` is a box. A reference may also be lists of
    numbers.

    >>> Iou(threshold=0.5).verify(['{"bbox_2d": [0, 0, 10, 5]}'], [[0, 0, 10, 10]])
    [Verdict(outcome=<Outcome.CORRECT: 'correct'>, detail='IoU 0.5', share=0.5)]
    >>> [one.share for one in Iou(points=True).verify(["(5, 5)", "(5, 15)"], [[0, 0, 10, 10]] * 2)]
    [1.0, 0.0]
    """

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The intersection over union, 0 to 1, that each box must have for the answer to be right."""
    layout: Literal["corners", "size"] = "corners"
    """What four numbers in brackets are: x and y of two opposite corners, or x, y, width and
    height."""

    points: bool = False
    """Whether a point counts, as 1 in a box and 0 outside. Not where boxes are asked for: a point
    in the middle is easier than a box, and would pay more."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER (no box or point) or BAD_REFERENCE for each answer."""
        return [*starmap(self._compare_row, paired(answers, references))]

    def _compare_row(self, answer: str | None, reference: Any) -> Verdict:
        try:
            expected = read_reference(reference, self.layout)
        except ValueError as error:
            return Verdict(Outcome.BAD_REFERENCE, str(error))
        found = read_boxes(answer, self.layout) if answer else ()
        if not found:
            return NO_ANSWER
        if len(found) > MAX_BOXES:
            return Verdict(Outcome.WRONG, f"more than {MAX_BOXES} boxes", 0.0)
        if not self.points and any(map(is_point, found)):
            return Verdict(Outcome.WRONG, "a point; points=True counts points", 0.0)
        share, least = compare_boxes(found, expected)
        outcome = (CORRECT if least >= self.threshold else WRONG).outcome
        return Verdict(outcome, f"IoU {share:.3g}", share)
