"""Boxes and points: read from texts and from a dataset's values, and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from rewardkit._messages import shorten_repr
from rewardkit.verify.base import to_plain

MAX_BOXES = 100
"""An answer with more boxes than this is wrong: each is compared with each of the reference."""
MAX_COORDINATE = 1e15
"""References with greater numbers cannot be read."""
_NUMBERS = frozenset({int, float})


# A plain tuple: making one with names takes longer than reading the numbers.
Box: TypeAlias = tuple[float, float, float, float]
"""A box by its left, top, right and bottom edge; a point is a box without an area."""


def make_box(layout: str, x: float, y: float, x2: float, y2: float) -> Box:
    """Return the box with two opposite corners, or, by the layout, with a corner and a size.

    >>> make_box("corners", 9, 0, 5, 2), make_box("size", 5, 0, 4, 2)
    ((5, 0, 9, 2), (5, 0, 9, 2))
    """
    if layout == "size":
        x2, y2 = x + x2, y + y2
    if x <= x2 and y <= y2:  # as most are
        return x, y, x2, y2
    return min(x, x2), min(y, y2), max(x, x2), max(y, y2)


def has_area(box: Box) -> bool:
    """Return whether it is more than a point or a line, of numbers that an area can have."""
    left, top, right, bottom = box
    # False for NaN too, and for sides whose product is too small for a float
    return -MAX_COORDINATE < left < right < MAX_COORDINATE and (
        -MAX_COORDINATE < top < bottom < MAX_COORDINATE and (right - left) * (bottom - top) > 0
    )


def is_point(box: Box) -> bool:
    """Return whether it is a single point."""
    left, top, right, bottom = box
    return left == right and top == bottom


def measure_overlap(box: Box, other: Box) -> float:
    """Return the intersection over union with a box that has an area, 0 to 1.

    >>> measure_overlap((0, 0, 2, 2), (1, 0, 3, 2))
    0.333...
    """
    left, top, right, bottom = box
    left2, top2, right2, bottom2 = other
    if left == right and top == bottom:
        return float(left2 <= left <= right2 and top2 <= top <= bottom2)
    # `min` and `max` take longer than all the rest
    width = (right if right < right2 else right2) - (left if left > left2 else left2)  # noqa: FURB136
    height = (bottom if bottom < bottom2 else bottom2) - (top if top > top2 else top2)  # noqa: FURB136
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = (right - left) * (bottom - top) + (right2 - left2) * (bottom2 - top2)
    return shared / (areas - shared)


def read_boxes(text: str, layout: str) -> list[Box]:
    """Return the boxes in a text, without any its points, at most one more than `MAX_BOXES`.

    >>> read_boxes("[0, 0, 2, 2] and (5, 5)", "corners")
    [(0.0, 0.0, 2.0, 2.0)]
    """
    found = _BOX.findall(text)[: MAX_BOXES + 1]
    if not found:
        return _read_named_boxes(text)
    if '"box_2d"' in text or "'box_2d'" in text:
        # Gemini's key, under which y comes first
        return [make_box("corners", *map(float, (x, y, x2, y2))) for y, x, y2, x2 in found]
    return [make_box(layout, *map(float, box)) for box in found]


def _read_named_boxes(text: str) -> list[Box]:
    for pattern, layout in ((_NAMED_CORNERS, "corners"), (_NAMED_SIZE, "size")):
        if found := pattern.findall(text):
            return [make_box(layout, *map(float, box)) for box in found[: MAX_BOXES + 1]]
    points: list[Any] = [pair for part in _COORDS.findall(text) for pair in _NUMBERED.findall(part)]
    points = points or [filter(None, groups) for groups in _POINT.findall(text)]
    return [(x, y, x, y) for x, y in (map(float, pair) for pair in points[: MAX_BOXES + 1])]


def read_reference(reference: Any, layout: str) -> Sequence[Box]:
    """Return the boxes of a dataset's value; ValueError, with the reason, if there are none."""
    is_four = isinstance(reference, list) and len(reference) == 4  # noqa: PLR2004 - as most are
    # by their exact types, since a bool is not a number
    if is_four and _NUMBERS.issuperset(map(type, reference)):
        return _read_numbers(layout, *reference)
    return _check_boxes(_find_boxes(reference, layout), reference)


@lru_cache(maxsize=64, typed=True)  # the rows of a group have the same
def _read_numbers(layout: str, *numbers: float) -> Sequence[Box]:
    try:
        boxes: Sequence[Box] = (make_box(layout, *numbers),)
    except OverflowError:  # an int beyond a float
        boxes = ()
    return _check_boxes(boxes, [*numbers])


def _check_boxes(boxes: Sequence[Box], reference: Any) -> Sequence[Box]:
    if not boxes:
        message = f"got {shorten_repr(reference)}, expected a box, such as [10, 10, 30, 30]"
        raise ValueError(message)
    if len(boxes) > MAX_BOXES:
        raise ValueError(f"more than {MAX_BOXES} boxes")
    for box in boxes:
        if not has_area(box):
            raise ValueError(f"the box {shorten_repr([*box])} has no area")
    return boxes


def _find_boxes(reference: Any, layout: str) -> Sequence[Box]:
    if isinstance(reference, str):
        return _read_reference_text(reference, layout)
    try:
        return _read_reference_text(json.dumps(to_plain(reference)), layout)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return ()


@lru_cache(maxsize=64)
def _read_reference_text(text: str, layout: str) -> Sequence[Box]:
    return tuple(read_boxes(text, layout))


def compare_boxes(found: Sequence[Box], expected: Sequence[Box]) -> tuple[float, float]:
    """Return the sum of the pairs' overlaps over the larger number of boxes, and the least overlap.

    That is 0 if a box has no other.
    """
    if len(found) == len(expected) == 1:  # as most are
        overlap = measure_overlap(found[0], expected[0])
        return overlap, overlap
    ranked = sorted(
        (
            (measure_overlap(one, other), row, column)
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
    is_complete = len(found) == len(expected)
    return sum(overlaps) / max(len(found), len(expected)), overlaps[-1] if is_complete else 0.0


# possessive, which takes less time
_FLOAT = r"([-+]?+(?:\d{1,15}+(?:\.\d{0,20}+)?+|\.\d{1,20}+)(?:[eE][-+]?+\d{1,2}+)?+)"
_QUOTED = rf"""["']?+{_FLOAT}["']?+"""
_TWO = rf"{_QUOTED}\s*+,\s*+{_QUOTED}"
# four numbers in brackets, or two pairs in parentheses
_BOX = re.compile(rf"[\[(]\s*+{_TWO}\s*+(?:,|\)(?:\s*,)?\s*\()\s*+{_TWO}\s*+[\])]")


def _name_values(*names: str) -> str:
    return r"\s*,\s*".join(rf"""["'](?:{name})["']\s*:\s*{_QUOTED}""" for name in names)


_NAMED_CORNERS = re.compile(_name_values("x1|x_?min", "y1|y_?min", "x2|x_?max", "y2|y_?max"))
_NAMED_SIZE = re.compile(_name_values("x", "y", "w|width", "h|height"))
# `(x, y)`, `[x, y]`, `{"x": x, "y": y}`, Molmo's tags with x="" y="" or x1="" y1="", UI-TARS's tag
_POINT = re.compile(
    rf"""[\[(]\s*{_TWO}\s*[\])]|{_name_values("x", "y")}"""
    rf"""|\bx\d{{0,3}}\s*=\s*["']\s*{_FLOAT}\s*["']\s+y\d{{0,3}}\s*=\s*["']\s*{_FLOAT}\s*["']"""
    rf"""|<point>\s*{_FLOAT}\s+{_FLOAT}\s*</point>"""
)
# Molmo2's `coords="1 1 308 305 2 752 377"`: the picture's number, and for each point its own, x, y
_COORDS = re.compile(r"""\bcoords\s*+=\s*+["']([\d\s.,:;]*+)["']""")
_NUMBERED = re.compile(r"\b\d{1,6} (\d{3,4}) (\d{3,4})\b")
