"""Sets of real numbers as intervals: what inequalities, unions and set-builders come to.

Ends are compared as floats for their order and exactly for equality, so they may be surds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import NamedTuple

from rewardkit.verify._math.exact import Form
from rewardkit.verify._math.functions import (
    ANY_NAME,
    CONSTANTS,
    approximate,
    forms_differ,
    has_letters,
)
from rewardkit.verify._math.values import Group, Relation, Value

_INFINITY = Form.of("oo")
_INTERVALS = ("()", "[]", "(]", "[)")
_FLIPPED = {">": "<", ">=": "<="}
_MAX_SPANS = 50  # intersections take each with each


class End(NamedTuple):
    """An end of an interval; `side` is -1 for just before the value, 1 for just after."""

    order: float
    side: int
    form: Form


Span = tuple[End, End]


class Solution(NamedTuple):
    """The values that a letter may have, from left to right; no letter for a bare set."""

    name: Hashable | None
    spans: list[Span]


def solve(value: Value) -> Solution | None:  # noqa: PLR0911 - one for each kind
    """Return the real numbers that a set or a condition on one letter allows, None if unknown."""
    if isinstance(value, Relation):
        return _solve_relation(value)
    if not isinstance(value, Group):
        return None
    if value.kind in _INTERVALS:
        interval = _make_span(value.kind[0] == "[", value.kind[1] == "]", value.items)
        return None if interval is None else Solution(None, interval)
    if value.kind == "{}":
        points = [_find_point(item) for item in value.items]
        spans = [span for point in points if point for span in point]
        return None if None in points else Solution(None, _unite_spans(spans))
    if value.kind == "builder":
        return _solve_builder(value)
    if value.kind in _COMBINATIONS and len(value.items) <= _MAX_SPANS:
        parts = [_solve_item(item) for item in value.items]
        known = [part for part in parts if part is not None]
        names = {part.name for part in known} - {None}
        if len(known) < len(parts) or len(names) > 1:
            return None
        combined = _combine_solutions(value.kind, [part.spans for part in known])
        return None if combined is None else Solution(next(iter(names), None), combined)
    return None


def _solve_item(item: Value) -> Solution | None:
    """Solve a part, where a bare number is a point: "3 or x > 5"."""
    points = _find_point(item)
    return solve(item) if points is None else Solution(None, points)


_COMBINATIONS = ("union", "or", "intersection", "and", "difference", "list")


def _combine_solutions(kind: str, parts: list[list[Span]]) -> list[Span] | None:
    if any(len(part) > _MAX_SPANS for part in parts):
        return None
    if kind in ("union", "or"):
        return _unite_spans([span for part in parts for span in part])
    total = parts[0]
    for part in parts[1:]:
        total = _intersect_spans(total, _find_complement(part) if kind == "difference" else part)
    # "x < 2, x > 3" cannot both be meant, so either is.
    if kind in ("list", "and") and not total:
        return _unite_spans([span for part in parts for span in part])
    return total


def _solve_builder(value: Group) -> Solution | None:
    element, condition = value.items
    found = solve(condition)
    if isinstance(element, Relation) and found is not None:
        domain = solve(element)
        if domain is None:
            return None
        return Solution(None, _intersect_spans(domain.spans, found.spans))
    return None if found is None else Solution(None, found.spans)


def _solve_relation(relation: Relation) -> Solution | None:
    """Return where one letter lies, by inequalities between numbers or in a set."""
    operators, sides = list(relation.operators), list(relation.sides)
    if operators in ([r"\in"], [r"\notin"]) and isinstance(sides[0], Form):
        inside = solve(sides[1])
        if inside is None:
            return None
        spans = inside.spans if operators == [r"\in"] else _find_complement(inside.spans)
        return Solution(sides[0].key, spans)
    if operators[0] in _FLIPPED:
        operators = [_FLIPPED.get(operator, "?") for operator in reversed(operators)]
        sides.reverse()
    if len(operators) == 1:
        return _solve_linear(operators[0], sides[0], sides[1])
    if len(sides) != 3 or not set(operators) <= {"<", "<="}:  # noqa: PLR2004 - low, letter, high
        return None
    low, high = (_solve_linear(*part) for part in zip(operators, sides, sides[1:], strict=False))
    if low is None or high is None or low.name != high.name:
        return None
    return Solution(low.name, _intersect_spans(low.spans, high.spans))


def _solve_linear(operator: str, left: Value, right: Value) -> Solution | None:
    """Solve a relation whose two sides differ by a multiple of a letter and a constant."""
    if not isinstance(left, Form) or not isinstance(right, Form):
        return None
    if _is_infinite(left) or _is_infinite(right):
        other = right if _is_infinite(left) else left
        return Solution(other.key, _EVERYTHING) if operator == "<" else None
    split = split_linear(left - right)
    if split is None or operator not in ("<", "<=", "=", "!=", r"\approx"):
        return None
    name, factor, rest = split
    slope, root = approximate(factor), -rest / factor
    order = approximate(root)
    if order is None or not slope:
        return None
    if operator in ("=", "!=", r"\approx"):
        point = [(End(order, -1, root), End(order, 1, root))]
        return Solution(name, _find_complement(point) if operator == "!=" else point)
    side = 1 if (operator == "<=") == (slope > 0) else -1
    end = End(order, side, root)
    return Solution(name, [(_LOWEST, end)] if slope > 0 else [(end, _HIGHEST)])


def split_linear(form: Form) -> tuple[Hashable, Form, Form] | None:
    """Split `a x + b` into the key of x, a and b; None for anything else.

    A power or a product of letters with a known value counts as a letter: a^2, xy.
    """
    if len(form.below) > 1:
        return None
    factor, rest = Form({}), {}
    name = None
    for monomial, times in form.terms.items():
        letters = frozenset(pair for pair in monomial if is_letter(pair[0]))
        if not letters:
            if any(not isinstance(base, int | str) for base, _ in monomial):
                return None
            rest[monomial] = times
            continue
        if name is not None and letters != name:
            return None
        name = letters
        factor += Form({monomial - letters: times})
    if name is None or len(name) > 1 or any(power != 1 for _, power in name):
        return None
    return Form({name: 1}).key, factor, Form(rest)


def is_letter(base: Hashable) -> bool:
    """Return whether a base is a letter and not a constant."""
    return isinstance(base, str) and base not in CONSTANTS


def _is_infinite(form: Form) -> bool:
    return form in (_INFINITY, -_INFINITY)


def _make_span(
    has_low: bool,  # noqa: FBT001 - the brackets
    has_high: bool,  # noqa: FBT001
    items: tuple[Value, ...],
) -> list[Span] | None:
    if len(items) != 2:  # noqa: PLR2004 - an interval
        return None
    low, high = (_read_order(item) for item in items)
    if low is None or high is None or low > high:
        return None
    one, other = items
    assert isinstance(one, Form)  # noqa: S101 - it has an order
    assert isinstance(other, Form)  # noqa: S101
    # An infinity is never in a set, whatever its bracket.
    start = End(low, -1 if has_low and low > -math.inf else 1, one)
    stop = End(high, 1 if has_high and high < math.inf else -1, other)
    return [(start, stop)] if start[:2] < stop[:2] else []


def _read_order(item: Value) -> float | None:
    if not isinstance(item, Form):
        return None
    if _is_infinite(item):
        return math.inf if item == _INFINITY else -math.inf
    return None if has_letters(item) else approximate(item)


def _find_point(item: Value) -> list[Span] | None:
    order = _read_order(item)
    if order is None or not isinstance(item, Form):
        return None
    return [(End(order, -1, item), End(order, 1, item))]


_LOWEST = End(-math.inf, 1, -_INFINITY)
_HIGHEST = End(math.inf, -1, _INFINITY)
_EVERYTHING = [(_LOWEST, _HIGHEST)]


def _unite_spans(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for low, high in sorted(spans, key=lambda span: (span[0][:2], span[1][:2])):
        if merged and low[:2] <= merged[-1][1][:2]:
            last = max(merged[-1][1], high, key=lambda end: end[:2])
            merged[-1] = merged[-1][0], last
        else:
            merged.append((low, high))
    return merged


def _find_complement(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    start = _LOWEST
    for low, high in spans:
        if start[:2] < low[:2]:
            found.append((start, low))
        start = high
    if start[:2] < _HIGHEST[:2]:
        found.append((start, _HIGHEST))
    return found


def _intersect_spans(one: list[Span], other: list[Span]) -> list[Span]:
    found = []
    for low, high in one:
        for lower, higher in other:
            start = max(low, lower, key=lambda end: end[:2])
            stop = min(high, higher, key=lambda end: end[:2])
            if start[:2] < stop[:2]:
                found.append((start, stop))
    return found


def solutions_equal(one: Solution, other: Solution) -> bool | None:
    """Return whether two solutions are the same set, for the same letter if both have one."""
    wild = Form.of(ANY_NAME).key
    names = {one.name, other.name} - {None, wild}
    if len(names) > 1:
        return False
    left, right = _unite_spans(one.spans), _unite_spans(other.spans)
    if len(left) != len(right):
        return False
    pairs = [
        pair
        for span, wanted in zip(left, right, strict=True)
        for pair in zip(span, wanted, strict=True)
    ]
    if any(end.side != wanted.side for end, wanted in pairs):
        return False
    different = [forms_differ(end.form, wanted.form) for end, wanted in pairs]
    return False if True in different else None if None in different else True
