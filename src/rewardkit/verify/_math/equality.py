"""Are two values equal? True, False, or None for what math-verify is to decide."""

from __future__ import annotations

import re
from collections.abc import Hashable
from fractions import Fraction

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form, TooLargeError
from rewardkit.verify._math.functions import Applied, forms_differ
from rewardkit.verify._math.parse_text import Parsed
from rewardkit.verify._math.values import Group, Relation, Value, Words

_SETS = ("{}", "list", "union")
_ORDERED = ("()", "[]", "(]", "[)", "row", "matrix")
_EQUALITY_OPERATORS = {"=", r"\in"}
_FLIPPED = {">": "<", ">=": "<="}


def values_equal(given: Parsed, wanted: Parsed) -> bool | None:
    """Return whether an answer equals its reference, None if undecided."""
    if given.value is None or wanted.value is None:
        return None
    # Words meet mathematics too: \text{abc} equals abc, which was parsed as a product.
    if isinstance(given.value, Words) or isinstance(wanted.value, Words):
        return _keep_letters(given) == _keep_letters(wanted)
    try:
        equal = _compare_values(given.value, wanted.value)
    except (TooLargeError, RecursionError):
        return None
    if equal is False and (_MANY_DECIMALS.search(given.text) or _MANY_DECIMALS.search(wanted.text)):
        return _is_rounded(given, wanted) or _is_rounded(wanted, given)
    return equal


_MANY_DECIMALS = re.compile(r"\.\d{6}")
_FLOAT_PRECISION = 10**14  # floats have 15 to 17 digits, and the last may be off
_DECIMAL = re.compile(r"[-+]?\d*\.(\d{6,})")


def _is_rounded(decimal: Parsed, exact: Parsed) -> bool | None:
    """Return whether a decimal of six or more digits is the other number rounded, or as a float."""
    found = _DECIMAL.fullmatch(decimal.text)
    if isinstance(decimal.value, Number) and isinstance(exact.value, Number):
        if found is None:
            return False
        wanted = Fraction(exact.value.value)
        off = abs(decimal.value.value - wanted)
        return off * 2 * 10 ** len(found[1]) <= 1 or off * _FLOAT_PRECISION <= abs(wanted)
    return None


def _keep_letters(parsed: Parsed) -> str:
    """Keep letters and digits alone, so that spaces and hyphens do not matter."""
    if isinstance(parsed.value, Words):
        return re.sub(r"[\W_]", "", parsed.value.text)
    return re.sub(r"[\W_]", "", parsed.text.casefold())


def _compare_values(given: Value, wanted: Value) -> bool | None:  # noqa: PLR0911 - one for each kind
    """Return whether two values are equal, where neither is words."""
    if isinstance(given, Number) and isinstance(wanted, Number):
        return given.equals(wanted)
    if isinstance(given, Number) or isinstance(wanted, Number):
        return _any_of_three(
            _compare_values(one, other)
            for one in _number_as_forms(given)
            for other in _number_as_forms(wanted)
        )
    if isinstance(given, Form) and isinstance(wanted, Form):
        different = forms_differ(given, wanted)
        return None if different is None else not different
    if isinstance(given, Relation) or isinstance(wanted, Relation):
        return _compare_with_relation(given, wanted)
    if isinstance(given, Group) and isinstance(wanted, Group):
        return _compare_groups(given, wanted)
    group, other = (given, wanted) if isinstance(given, Group) else (wanted, given)
    assert isinstance(group, Group)  # noqa: S101 - one of them is, the other is a form
    if group.kind == "based" or (group.kind in ("{}", "list") and len(group.items) == 1):
        return _compare_values(group.items[0], other)
    return False


def _number_as_forms(value: Value) -> list[Value]:
    """List a number's forms: a percent is its number or a hundredth of it."""
    if not isinstance(value, Number):
        return [value]
    plain = [Form.of(value.value)]
    return [*plain, Form.of(value.value * Fraction(1, 100))] if value.percent else list(plain)


def _any_of_three(found: object) -> bool | None:
    """Return True if one is, None if one is undecided, else False."""
    values = list(found)  # type: ignore[call-overload]
    return True if True in values else None if None in values else False


def _all_of_three(found: object) -> bool | None:
    """Return False if one is, None if one is undecided, else True."""
    values = list(found)  # type: ignore[call-overload]
    return False if False in values else None if None in values else True


def _compare_ordered(given: Group, wanted: Group) -> bool | None:
    if len(given.items) != len(wanted.items):
        return False
    return _all_of_three(
        _compare_values(*pair) for pair in zip(given.items, wanted.items, strict=True)
    )


def _compare_unordered(given: Group, wanted: Group) -> bool | None:
    # Sets of keys first: linear, and enough for numbers and polynomials.
    keys = _find_unique_keys(given), _find_unique_keys(wanted)
    if None not in keys:
        return keys[0] == keys[1]
    if len(given.items) * len(wanted.items) > _MAX_COMPARISONS:
        return None
    rows = [[_compare_values(one, other) for other in wanted.items] for one in given.items]
    found = [_any_of_three(row) for row in rows]
    sought = [_any_of_three(row[column] for row in rows) for column in range(len(wanted.items))]
    return _all_of_three([*found, *sought])


_MAX_COMPARISONS = 2500  # each item with each, so lists of fifty


def _find_unique_keys(group: Group) -> set[Hashable] | None:
    """Return the items' keys if equal items have equal keys, else None."""
    keys: set[Hashable] = set()
    for item in group.items:
        if not isinstance(item, Form) or len(item.below) > 1:
            return None
        if any(isinstance(base, Applied) for base in item.bases()):
            return None
        keys.add(item.key)
    return keys


def _compare_groups(given: Group, wanted: Group) -> bool | None:  # noqa: PLR0911 - one for each kind
    """Compare sets, tuples, intervals and matrices."""
    kinds = {given.kind, wanted.kind}
    if "based" in kinds:
        return kinds == {"based"} and _convert_to_decimal(given) == _convert_to_decimal(wanted)
    if "union" in kinds:
        return _compare_unions(given, wanted)
    if kinds <= {"{}", "list"}:
        return _compare_unordered(given, wanted)
    if "matrix" in kinds:
        return _compare_ordered(_flatten_vector(given), _flatten_vector(wanted))
    if kinds & {"{}", "list"}:
        if "{}" in kinds:
            return None if kinds == {"{}", "[]"} else False
        in_order = _compare_ordered(given, wanted)
        return in_order or (None if _compare_unordered(given, wanted) is not False else False)
    if given.kind != wanted.kind and (kinds != {"()", "[]"} or len(given.items) == 2):  # noqa: PLR2004 - two ends make an interval
        return False
    return _compare_ordered(given, wanted)


def _convert_to_decimal(group: Group) -> int | None:
    """Return the value of digits in their base, None if a digit is too large for it."""
    digits, base = (str(item.number) for item in group.items if isinstance(item, Form))
    try:
        return int(digits, int(base))
    except ValueError:
        return None


def _flatten_vector(group: Group) -> Group:
    """Return a matrix of one row or one column as a tuple of its numbers."""
    if group.kind == "matrix":
        rows = [row.items for row in group.items if isinstance(row, Group)]
        if len(rows) == 1 or all(len(row) == 1 for row in rows):
            return Group("()", tuple(item for row in rows for item in row))
    return group


def _compare_unions(given: Group, wanted: Group) -> bool | None:
    one, other = _list_union_parts(given), _list_union_parts(wanted)
    equal = _compare_unordered(Group("list", tuple(one)), Group("list", tuple(other)))
    if equal:
        return True
    # Different parts may make the same set: [0, 1] and (1, 2] make [0, 2].
    merged = _merge_intervals(one), _merge_intervals(other)
    return None if None in merged else merged[0] == merged[1]


def _list_union_parts(group: Value) -> list[Value]:
    """List the sets of a union, also of nested ones."""
    if isinstance(group, Group) and group.kind == "union":
        return [part for item in group.items for part in _list_union_parts(item)]
    return [group]


End = tuple[Fraction | float, int]


def _merge_intervals(parts: list[Value]) -> list[tuple[End, End]] | None:
    """Return a union of intervals with rational ends as the fewest that make it, in order.

    An end is a number with -1 for just before it, 1 for just after.
    """
    spans: list[tuple[End, End]] = []
    for part in parts:
        if not isinstance(part, Group) or part.kind not in ("()", "[]", "(]", "[)", "{}"):
            return None
        ends = [_read_interval_end(item) for item in part.items]
        if any(end is None for end in ends):
            return None
        numbers = [end for end in ends if end is not None]
        if part.kind == "{}":
            spans += [((number, -1), (number, 1)) for number in numbers]
        elif len(numbers) == 2 and numbers[0] <= numbers[1]:  # noqa: PLR2004 - an interval
            low, high = numbers
            spans.append(
                (
                    (low, -1 if part.kind[0] == "[" else 1),
                    (high, 1 if part.kind[1] == "]" else -1),
                )
            )
        else:
            return None
    merged: list[tuple[End, End]] = []
    for low_end, high_end in sorted(spans):
        if merged and low_end <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], high_end)
        else:
            merged.append((low_end, high_end))
    return merged


def _read_interval_end(item: Value) -> Fraction | float | None:
    """Return an interval's end: a rational number or an infinity."""
    if not isinstance(item, Form):
        return None
    number = item.number
    if number is not None:
        return number
    for sign, infinite in ((1, float("inf")), (-1, float("-inf"))):
        if item == Form.of(sign) * Form.of("oo"):
            return infinite
    return None


def _compare_with_relation(given: Value, wanted: Value) -> bool | None:
    """Compare where one is an equation or an inequality, or both are.

    An assignment (x = 3) is its right side, beside a value; any equation is, as an answer.
    """
    if isinstance(given, Relation) and isinstance(wanted, Relation):
        return _compare_relations(given, wanted)
    relation = given if isinstance(given, Relation) else wanted
    assert isinstance(relation, Relation)  # noqa: S101 - one of them is
    if set(relation.operators) <= _EQUALITY_OPERATORS:
        if relation is given:
            return _compare_values(relation.sides[-1], wanted)
        if _is_name(relation.sides[0]):
            return _compare_values(given, relation.sides[-1])
        return False
    other = wanted if relation is given else given
    if not isinstance(other, Group):
        return False
    interval = _solve_for_interval(relation)
    return None if interval is None else _compare_unions(interval[1], other)


def _is_name(value: Value) -> bool:
    """Return whether a left side only names something: x, f(x), (x, y)."""
    if isinstance(value, Group):
        return all(map(_is_name, value.items))
    if not isinstance(value, Form) or len(value.below) > 1 or not value.terms:
        return False
    return all(
        factor == 1 and monomial and all(_is_letter(base) for base, _ in monomial)
        for monomial, factor in value.terms.items()
    )


def _is_letter(base: Hashable) -> bool:
    """Return whether a base is a letter and not a constant."""
    return isinstance(base, str) and base not in ("pi", "e", "i", "oo")


def _compare_relations(given: Relation, wanted: Relation) -> bool | None:
    """Compare two equations or two inequalities."""
    one, other = _solve_for_interval(given), _solve_for_interval(wanted)
    if one is not None and other is not None:
        return one[0] == other[0] and _compare_unions(one[1], other[1])
    equations = [set(relation.operators) <= _EQUALITY_OPERATORS for relation in (given, wanted)]
    if all(equations):
        return _compare_equations(given, wanted)
    if any(equations):  # an equation is never an inequality
        return False
    if len(given.operators) != 1 or len(wanted.operators) != 1:
        return None
    sides = [_subtract_sides(relation) for relation in (given, wanted)]
    ratio = _find_ratio(sides[0][1], sides[1][1])
    if sides[0][0] == sides[1][0] and ratio is not None:
        return True if ratio > 0 or sides[0][0] == "!=" else None
    return None


def _compare_equations(given: Relation, wanted: Relation) -> bool | None:
    """Compare two equations, of which the first and the last side count."""
    ends = [(relation.sides[0], relation.sides[-1]) for relation in (given, wanted)]
    named = all(_is_name(left) for left, _ in ends)
    if named and _compare_values(ends[0][0], ends[1][0]):
        return _compare_values(ends[0][1], ends[1][1])
    if not all(isinstance(side, Form) for pair in ends for side in pair):
        return None
    one, other = (_subtract_sides(Relation(("=",), pair))[1] for pair in ends)
    if _find_ratio(one, other) is not None:
        return True
    return False if _is_linear(one) and _is_linear(other) else None


def _subtract_sides(relation: Relation) -> tuple[str, Form]:
    """Bring a relation to the shape `form operator 0`."""
    left, right = relation.sides[0], relation.sides[-1]
    operator = relation.operators[0]
    if not isinstance(left, Form) or not isinstance(right, Form):
        return "?", Form.of(0)
    return (_FLIPPED[operator], right - left) if operator in _FLIPPED else (operator, left - right)


def _find_ratio(one: Form, other: Form) -> Fraction | None:
    """Return the number by which one form is a multiple of the other, or None."""
    if not one.terms or not other.terms or len(one.below) > 1 or len(other.below) > 1:
        return None
    monomial, factor = next(iter(one.terms.items()))
    if monomial not in other.terms:
        return None
    ratio = Fraction(factor) / other.terms[monomial]
    return ratio if one == other * Form.of(ratio) else None


def _is_linear(form: Form) -> bool:
    """Return whether a form is a sum of single letters and numbers."""
    return len(form.below) == 1 and all(
        len(monomial) <= 1 and all(e == 1 and _is_letter(base) for base, e in monomial)
        for monomial in form.terms
    )


def _solve_for_interval(relation: Relation) -> tuple[Hashable, Group] | None:
    """Return where one letter lies, by an inequality between numbers or in a set."""
    operators, sides = list(relation.operators), list(relation.sides)
    if operators == [r"\in"] and isinstance(sides[0], Form) and isinstance(sides[1], Group):
        return sides[0].key, sides[1]
    if operators[0] in _FLIPPED:
        operators = [_FLIPPED.get(operator, "?") for operator in reversed(operators)]
        sides.reverse()
    if not set(operators) <= {"<", "<="}:
        return None
    if len(sides) == 2:  # noqa: PLR2004 - one operator: the other end is infinite
        if _is_name(sides[0]):
            sides, operators = [-Form.of("oo"), *sides], ["<", *operators]
        else:
            sides, operators = [*sides, Form.of("oo")], [*operators, "<"]
    if len(sides) != 3 or not isinstance(sides[1], Form) or not _is_name(sides[1]):  # noqa: PLR2004 - low, letter, high
        return None
    if any(not isinstance(side, Form) or _is_name(side) for side in sides[::2]):
        return None
    kind = ("[" if operators[0] == "<=" else "(") + ("]" if operators[1] == "<=" else ")")
    return sides[1].key, Group(kind, (sides[0], sides[2]))
