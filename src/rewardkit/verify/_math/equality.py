"""Are two values equal? True, False, or None for what math-verify is to decide."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from fractions import Fraction

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form, Rational, TooLargeError
from rewardkit.verify._math.functions import Applied, approximate, forms_differ, has_letters
from rewardkit.verify._math.intervals import is_letter, solutions_equal, solve
from rewardkit.verify._math.parse_text import Parsed
from rewardkit.verify._math.parser import DOTS
from rewardkit.verify._math.polynomials import compare_zeros
from rewardkit.verify._math.series import read_series
from rewardkit.verify._math.values import Group, Relation, Value, Words

_LISTS = ("list", "and", "or")
_INTERVALS = ("()", "[]", "(]", "[)")
_CONDITIONS = ("union", "intersection", "difference", "builder")
_EQUALITY_OPERATORS = {"=", r"\approx", r"\to", r"\in", r"\equiv"}
_FLIPPED = {">": "<", ">=": "<="}


def values_equal(given: Parsed, wanted: Parsed) -> bool | None:
    """Return whether an answer equals its reference, None if undecided."""
    if given.value is None or wanted.value is None:
        return _compare_series(given, wanted)
    if _is_option(given.value) or _is_option(wanted.value):
        return _compare_options(given, wanted)
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


def _compare_series(given: Parsed, wanted: Parsed) -> bool | None:
    if not (given.is_open or wanted.is_open):
        return None
    read = read_series(given.text, wanted.text)
    return None if read is None else _all_of_three(_compare_values(*pair) for pair in read)


_MANY_DECIMALS = re.compile(r"\.\d{6}")
_FLOAT_PRECISION = 10**14  # floats have 15 to 17 digits, and the last may be off
_DECIMAL = re.compile(r"\.(\d{6,})")


def _is_rounded(decimal: Parsed, exact: Parsed) -> bool | None:
    """Return whether a decimal of six or more digits is the other number rounded, or as a float."""
    places = _DECIMAL.findall(decimal.text)
    value, wanted = _find_number(decimal.value), _find_number(exact.value)
    if value is None or wanted is None:
        return None
    off = abs(value - wanted)
    return bool(places) and (
        off * 2 * 10 ** len(places[-1]) <= 1 or off * _FLOAT_PRECISION <= abs(wanted)
    )


def _find_number(value: Value | None) -> Fraction | None:
    """Return a number, exact or, for a surd and the like, as close as a float is."""
    if isinstance(value, Relation):
        values = _list_stated_values(value)
        return _find_number(values[-1]) if values else None
    if isinstance(value, Number):
        return Fraction(value.value)
    if not isinstance(value, Form) or has_letters(value):
        return None
    number = value.number if value.number is not None else approximate(value)
    return None if number is None or not math.isfinite(number) else Fraction(number)


def _is_option(value: Value) -> bool:
    return isinstance(value, Group) and value.kind == "option"


def _compare_options(given: Parsed, wanted: Parsed) -> bool | None:
    """Compare an option with another, or with a letter or the text of one."""
    if _is_option(given.value) and _is_option(wanted.value):
        pairs = zip(given.value.items, wanted.value.items, strict=True)
        same = [values_equal(Parsed(one, ""), Parsed(other, "")) for one, other in pairs]
        return same[0] and same[1] is not False
    option, other = (given, wanted) if _is_option(given.value) else (wanted, given)
    return _any_of_three(
        values_equal(option._replace(value=item, text=_write_item(item)), other)
        for item in option.value.items
    )


def _write_item(value: Value) -> str:
    if isinstance(value, Words):
        return value.text
    named = value.term if isinstance(value, Form) else None
    return "".join(str(base) for base, _ in named[0]) if named else ""


def _keep_letters(parsed: Parsed) -> str:
    """Keep letters and digits alone, so that spaces and hyphens do not matter."""
    text = parsed.value.text if isinstance(parsed.value, Words) else parsed.text.casefold()
    return re.sub(r"[\s_.,!()\-\\${}]", "", text)


def _compare_values(given: Value, wanted: Value) -> bool | None:  # noqa: PLR0911 - one for each kind
    """Return whether two values are equal, where neither is words."""
    given, wanted = _drop_conditions(given), _drop_conditions(wanted)
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
    return _compare_group_with_value(group, other)


def _drop_conditions(value: Value) -> Value:
    """Return an expression without the conditions on its letters: x^2 - 4, x > 0."""
    if not isinstance(value, Group) or value.kind not in ("list", "and") or len(value.items) < 2:  # noqa: PLR2004 - a condition follows
        return value
    first, *rest = value.items
    right = first.sides[-1] if _is_equation(first) else first
    if not isinstance(right, Form):
        return value
    letters = set(filter(is_letter, right.bases()))
    conditions = all(
        isinstance(item, Relation) and not _is_equation(item)
        and isinstance(item.sides[0], Form) and item.sides[0].bases() & letters
        for item in rest
    )
    return first if conditions else value


def _is_equation(value: Value) -> bool:
    return isinstance(value, Relation) and set(value.operators) <= _EQUALITY_OPERATORS - {r"\in"}


def _compare_group_with_value(group: Group, value: Value) -> bool | None:
    """Compare where one value is asked for: several are wrong, unless they are all the same."""
    if group.kind in ("based", "residue"):
        return _compare_values(group.items[0], value)
    if group.kind in ("ratio", "clock") and len(group.items) == 2:  # noqa: PLR2004 - a quotient
        top, bottom = group.items
        if isinstance(top, Form) and isinstance(bottom, Form) and bottom.terms:
            return _compare_values(top / bottom, value)
    if group.kind == "{}" or group.kind in _LISTS:
        return _all_of_three(_compare_values(item, value) for item in group.items) if group.items else False
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
    """Compare sets, tuples, intervals, ratios, times and matrices."""
    kinds = {given.kind, wanted.kind}
    if "based" in kinds:
        return kinds == {"based"} and _convert_to_decimal(given) == _convert_to_decimal(wanted)
    if "residue" in kinds:
        return kinds == {"residue"} and _compare_residues(given, wanted)
    if kinds & _RATIOS:
        return kinds <= _RATIOS and _compare_ratios(given, wanted)
    if kinds & set(_CONDITIONS) or _has_condition(given) or _has_condition(wanted):
        return _compare_solutions(given, wanted)
    if kinds <= {"{}", *_LISTS}:
        if _has_dots(given) or _has_dots(wanted):
            return _compare_ordered(given, wanted)
        return _compare_unordered(given, wanted)
    if kinds & {"{}", "list", "and"} and kinds & {"()", "matrix"} and _are_assignments(given, wanted):
        return _compare_ordered(*map(_order_by_name, (given, wanted)))
    if kinds & {"{}", "and", "or"}:
        return False
    if "matrix" in kinds:
        return _compare_ordered(_flatten_vector(given), _flatten_vector(wanted))
    if "list" in kinds:
        # The roots 3, 5 are not the interval [3, 5]; the pair (3, 5) may be written 3, 5.
        other = given if wanted.kind == "list" else wanted
        if other.kind not in ("()", "[]") or (other.kind == "[]" and len(other.items) == 2):  # noqa: PLR2004 - an interval
            return False
        return _names_differ(given, wanted) and _compare_ordered(given, wanted)
    if given.kind != wanted.kind and (kinds != {"()", "[]"} or len(given.items) == 2):  # noqa: PLR2004 - two ends make an interval
        return False
    return _compare_ordered(given, wanted)


_RATIOS = {"ratio", "clock", "time"}


def _names_differ(*groups: Group) -> bool:
    """Return whether no letter has two values: "x = 3, x = 5" is not a pair."""
    for group in groups:
        names = [
            item.sides[0].key
            for item in group.items
            if isinstance(item, Relation) and isinstance(item.sides[0], Form)
        ]
        if len(set(names)) < len(names):
            return False
    return True


def _are_assignments(*groups: Group) -> bool:
    """Return whether one gives each of several letters its value: x = 1 and y = 2."""
    return _names_differ(*groups) and any(
        all(map(_is_equation, group.items)) and group.items for group in groups
    )


def _order_by_name(group: Group) -> Group:
    if not all(map(_is_equation, group.items)):
        return _flatten_vector(group)
    return Group("()", tuple(sorted(group.items, key=lambda item: str(item.sides[0].key) if isinstance(item, Relation) and isinstance(item.sides[0], Form) else "")))


def _has_dots(group: Group) -> bool:
    return any(isinstance(item, Form) and DOTS in item.bases() for item in group.items)


def _has_condition(group: Group) -> bool:
    """Return whether a part says where a value lies, as an inequality does."""
    return group.kind in _LISTS and any(
        (isinstance(item, Relation) and not set(item.operators) <= _EQUALITY_OPERATORS)
        or (isinstance(item, Group) and (item.kind in _CONDITIONS or group.kind == "or" and item.kind in _INTERVALS))
        for item in group.items
    )


def _compare_solutions(given: Value, wanted: Value) -> bool | None:
    one, other = solve(given), solve(wanted)
    if one is None or other is None:
        return None
    return solutions_equal(one, other)


def _compare_residues(given: Group, wanted: Group) -> bool | None:
    (one, modulus), (other, wanted_modulus) = given.items, wanted.items
    if not _compare_values(modulus, wanted_modulus):
        return False
    if not (isinstance(one, Form) and isinstance(other, Form) and isinstance(modulus, Form)):
        return None
    ratio = ((one - other) / modulus).number
    return ratio is not None and ratio.denominator == 1


def _compare_ratios(given: Group, wanted: Group) -> bool | None:
    """Compare ratios by their quotients, and times of day by the minute."""
    kinds = {given.kind, wanted.kind}
    if "ratio" not in kinds:
        return _compare_times(given, wanted)
    if "time" in kinds or len(given.items) != len(wanted.items):
        return False
    first, other = given.items[0], wanted.items[0]
    return _all_of_three(
        _compare_values(one * other, two * first)
        if all(isinstance(value, Form) for value in (one, two, first, other))
        else None
        for one, two in zip(given.items, wanted.items, strict=True)
    )


def _compare_times(given: Group, wanted: Group) -> bool:
    """Compare times of day; without its half of the day a time may be in either."""
    (hour, minute, *rest), (wanted_hour, wanted_minute, *wanted_rest) = (
        [item.number if isinstance(item, Form) else None for item in group.items]
        for group in (given, wanted)
    )
    if _is_multiple(hour, minute, wanted_hour, wanted_minute) and len(given.items) == len(wanted.items):
        return True
    if minute != wanted_minute or [n for n in rest if n] != [n for n in wanted_rest if n]:
        return False
    if hour is None or wanted_hour is None or hour == wanted_hour:
        return True
    has_half = len(given.items) != len(wanted.items)
    return has_half and (hour - wanted_hour) % 12 == 0


def _is_multiple(top: Rational | None, bottom: Rational | None, wanted_top: Rational | None, wanted_bottom: Rational | None) -> bool:
    """Return whether 10:22 is the ratio 5:11 times a number; quarters of an hour are times."""
    if not (top and bottom and wanted_top and wanted_bottom) or wanted_bottom % _QUARTER == 0:
        return False
    return top % wanted_top == 0 and top * wanted_bottom == bottom * wanted_top


_QUARTER = 15  # minutes


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


def _compare_with_relation(given: Value, wanted: Value) -> bool | None:
    """Compare where one is an equation or an inequality, or both are.

    An assignment (x = 3) is its right side, beside a value; x - 3 = 0 is not 0.
    """
    if isinstance(given, Relation) and isinstance(wanted, Relation):
        return _compare_relations(given, wanted)
    relation, other = (given, wanted) if isinstance(given, Relation) else (wanted, given)
    assert isinstance(relation, Relation)  # noqa: S101 - one of them is
    if relation.operators == (r"\equiv",) and not isinstance(other, Group):
        return False  # a residue's class is not one number
    if set(relation.operators) <= _EQUALITY_OPERATORS:
        return _any_of_three(_compare_values(value, other) for value in _list_stated_values(relation))
    return _compare_solutions(relation, other) if isinstance(other, Group) else False


def _list_stated_values(relation: Relation) -> list[Value]:
    """List the values that an equation states: what its name is, or what its sides compute."""
    operators, sides = relation.operators, relation.sides
    if operators == (r"\equiv",):
        return [sides[1]] if isinstance(sides[1], Group) and _is_name(sides[0]) else []
    if r"\approx" in operators and not _is_name(sides[0]):
        return [side for side in sides if _agree(side, sides[-1], _MAX_APPROXIMATION)]
    if _is_name(sides[0]):
        return list(sides[1:]) if r"\approx" in operators else [sides[-1]]
    if _is_name(sides[-1]) and len(sides) == 2:  # noqa: PLR2004 - 3 = x
        return [sides[0]]
    if all(map(_is_constant, sides)):
        return [side for side in sides if _agree(side, sides[-1], _MAX_ROUNDING)]
    computed = len(sides) > 2 and all(map(_is_constant, sides[1:]))  # noqa: PLR2004 - 2x + 1 = 2(3) + 1 = 7
    if computed or all(_compare_values(side, sides[-1]) for side in sides[:-1]):
        return [sides[-1]]
    return []


def _is_constant(value: Value) -> bool:
    if isinstance(value, Form):
        return not has_letters(value)
    return isinstance(value, Number)


def _agree(value: Value, other: Value, tolerance: float) -> bool:
    """Return whether a value may be another one rounded: 1/3 = 0.33."""
    if value is other:
        return True
    one, two = ([f for f in _number_as_forms(v) if isinstance(f, Form)] for v in (value, other))
    return any(
        left is not None and right is not None and abs(left - right) <= tolerance * abs(right)
        and (left == right or left % 1 or right % 1)
        for left in map(approximate, one)
        for right in map(approximate, two)
    )


# As shares: what 1/3 = 0.33 and pi ≈ 3 are off.
_MAX_ROUNDING, _MAX_APPROXIMATION = 0.02, 0.1


def _is_name(value: Value) -> bool:
    """Return whether a left side only names something: x, f(x), (x, y), m + n."""
    if isinstance(value, Group):
        return all(map(_is_name, value.items))
    if not isinstance(value, Form) or len(value.below) > 1 or not value.terms:
        return False
    letters = {base for monomial in value.terms for base, _ in monomial}
    if len(letters) == 1 and any(power != 1 for m in value.terms for _, power in m):
        return False  # x^2 = 9 is an equation to solve
    return all(
        factor == 1 and monomial and all(is_letter(base) for base, _ in monomial)
        for monomial, factor in value.terms.items()
    )


def _compare_relations(given: Relation, wanted: Relation) -> bool | None:
    """Compare two equations or two inequalities."""
    equations = [set(relation.operators) <= _EQUALITY_OPERATORS for relation in (given, wanted)]
    if all(equations):
        return _compare_equations(given, wanted)
    solved = _compare_solutions(given, wanted)
    if solved is not None:
        return solved
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
    if named and (_compare_values(ends[0][0], ends[1][0]) or _define_functions(ends)):
        return _compare_values(ends[0][1], ends[1][1])
    if not all(isinstance(side, Form) for pair in ends for side in pair):
        return None
    one, other = (_subtract_sides(Relation(("=",), pair))[1] for pair in ends)
    if _find_ratio(one, other) is not None:
        return True
    return False if _is_linear(one) and _is_linear(other) else compare_zeros(one, other)


def _define_functions(ends: list[tuple[Value, Value]]) -> bool:
    """Return whether both are a function of a letter, whose own name does not matter."""
    return all(
        isinstance(right, Form) and any(map(is_letter, right.bases())) and _is_function_name(left)
        for left, right in ends
    )


def _is_function_name(value: Value) -> bool:
    if not isinstance(value, Form) or value.term is None:
        return False
    return set(dict(value.term[0])) <= {"y"} or "(" in str(next(iter(dict(value.term[0])), ""))


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
        len(monomial) <= 1 and all(e == 1 and is_letter(base) for base, e in monomial)
        for monomial in form.terms
    )
