"""Are two values equal? True, False, or None for what math-verify is to decide."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from fractions import Fraction

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form, TooLargeError
from rewardkit.verify._math.functions import DOTS, Applied, approximate, forms_differ, has_letters
from rewardkit.verify._math.intervals import solutions_equal, solve
from rewardkit.verify._math.parse_text import Parsed
from rewardkit.verify._math.polynomials import compare_zeros
from rewardkit.verify._math.ratios import (
    RATIOS,
    compare_ratios,
    compare_residues,
    convert_to_decimal,
)
from rewardkit.verify._math.relations import (
    EQUALITY_OPERATORS,
    are_assignments,
    define_functions,
    drop_conditions,
    find_ratio,
    flatten_vector,
    is_linear,
    is_name,
    list_stated_values,
    names_differ,
    number_as_forms,
    order_by_name,
    subtract_sides,
)
from rewardkit.verify._math.series import read_series
from rewardkit.verify._math.values import Group, Relation, Value, Words

_LISTS = ("list", "and", "or")
_INTERVALS = ("()", "[]", "(]", "[)")
_SETS = frozenset({"{}", *_LISTS})
_CONDITIONS = frozenset({"union", "intersection", "difference", "builder"})


def values_equal(given: Parsed, wanted: Parsed) -> bool | None:
    """Return whether an answer equals its reference, None if undecided."""
    try:
        return _compare_parsed(given, wanted)
    except (TooLargeError, RecursionError):
        return None


def _compare_parsed(given: Parsed, wanted: Parsed) -> bool | None:
    """Compare values, or sums whose ends are letters. Raises TooLargeError."""
    if given.value is None or wanted.value is None:
        return _compare_series(given, wanted)
    if _find_option(given) or _find_option(wanted):
        return _compare_options(given, wanted)
    # Words meet mathematics too: \text{abc} equals abc, which was parsed as a product.
    if isinstance(given.value, Words) or isinstance(wanted.value, Words):
        return _keep_letters(given) == _keep_letters(wanted)
    equal = _compare_values(given.value, wanted.value)
    if equal is False and (_MANY_DECIMALS.search(given.text) or _MANY_DECIMALS.search(wanted.text)):
        return _is_rounded(given, wanted) or _is_rounded(wanted, given)
    return True if _is_decimal_comma(given, wanted) else equal


def _is_decimal_comma(given: Parsed, wanted: Parsed) -> bool:
    """Return whether 2,5 is given for 2.5, which a list would never be."""
    return (
        isinstance(wanted.value, Number)
        and isinstance(given.value, Group)
        and _DECIMAL_COMMA.fullmatch(given.text) is not None
        and Fraction(given.text.replace(",", ".")) == wanted.value.value
    )


_DECIMAL_COMMA = re.compile(r"-?[0-9]{1,9},[0-9]{1,9}")


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
        values = list_stated_values(value)
        return _find_number(values[-1]) if values else None
    if isinstance(value, Number):
        return Fraction(value.value)
    if not isinstance(value, Form) or has_letters(value):
        return None
    number = value.number if value.number is not None else approximate(value)
    return None if number is None or not math.isfinite(number) else Fraction(number)


def _find_option(parsed: Parsed) -> Group | None:
    value = parsed.value
    return value if isinstance(value, Group) and value.kind == "option" else None


def _compare_options(given: Parsed, wanted: Parsed) -> bool | None:
    """Compare an option with another, or with a letter or the text of one."""
    one, other = _find_option(given), _find_option(wanted)
    if one and other:
        pairs = zip(one.items, other.items, strict=True)
        same = [
            values_equal(Parsed(left, _write_item(left)), Parsed(right, _write_item(right)))
            for left, right in pairs
        ]
        return same[0] and same[1] is not False
    items = (one or other or Group("option", ())).items
    value = wanted if one else given
    return _any_of_three(values_equal(Parsed(item, _write_item(item)), value) for item in items)


def _write_item(value: Value) -> str:
    if isinstance(value, Words):
        return value.text
    named = value.term if isinstance(value, Form) else None
    return "".join(str(base) for base, _ in named[0]) if named else ""


def _keep_letters(parsed: Parsed) -> str:
    """Keep letters and digits alone, so that spaces and hyphens do not matter."""
    text = parsed.value.text if isinstance(parsed.value, Words) else parsed.text.casefold()
    return re.sub(r"[\s_.,!()\-\\${}]", "", text)


def _compare_values(given: Value, wanted: Value) -> bool | None:
    """Return whether two values are equal, where neither is words."""
    given, wanted = drop_conditions(given), drop_conditions(wanted)
    if isinstance(given, Number) and isinstance(wanted, Number):
        return given.equals(wanted)
    if isinstance(given, Number) or isinstance(wanted, Number):
        return _any_of_three(
            _compare_values(one, other)
            for one in number_as_forms(given)
            for other in number_as_forms(wanted)
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


def _compare_group_with_value(group: Group, value: Value) -> bool | None:
    """Compare where one value is asked for: several are wrong, unless they are all the same."""
    if group.kind in ("based", "residue"):
        return _compare_values(group.items[0], value)
    if group.kind in ("ratio", "clock") and len(group.items) == 2:  # noqa: PLR2004 - a quotient
        top, bottom = group.items
        if isinstance(top, Form) and isinstance(bottom, Form) and bottom.terms:
            return _compare_values(top / bottom, value)
    if group.kind == "{}" or group.kind in _LISTS:
        return (
            _all_of_three(_compare_values(item, value) for item in group.items)
            if group.items
            else False
        )
    return False


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
        return kinds == {"based"} and convert_to_decimal(given) == convert_to_decimal(wanted)
    if "residue" in kinds:
        return kinds == {"residue"} and compare_residues(given, wanted)
    if kinds & RATIOS:
        return kinds <= RATIOS and compare_ratios(given, wanted)
    if kinds & _CONDITIONS or _has_condition(given) or _has_condition(wanted):
        return _compare_solutions(given, wanted)
    if kinds <= _SETS:
        has_dots = _has_dots(given) or _has_dots(wanted)
        return (_compare_ordered if has_dots else _compare_unordered)(given, wanted)
    if kinds & _SETS:
        return _compare_set_with_tuple(given, wanted)
    if "matrix" in kinds:
        return _compare_ordered(flatten_vector(given), flatten_vector(wanted))
    if given.kind != wanted.kind and (kinds != {"()", "[]"} or len(given.items) == 2):  # noqa: PLR2004 - two ends make an interval
        return False
    return _compare_ordered(given, wanted)


def _compare_set_with_tuple(given: Group, wanted: Group) -> bool | None:
    """Compare a set or a list with brackets that keep an order: only a list may be meant so."""
    one, other = (given, wanted) if given.kind in _SETS else (wanted, given)
    if one.kind != "or" and other.kind in ("()", "matrix") and are_assignments(one, other):
        return _compare_ordered(*map(order_by_name, (given, wanted)))
    # The roots 3, 5 are not the interval [3, 5]; the pair (3, 5) may be written 3, 5.
    is_interval = other.kind == "[]" and len(other.items) == 2  # noqa: PLR2004 - two ends
    if one.kind != "list" or other.kind not in ("()", "[]", "matrix") or is_interval:
        return False
    return names_differ(one, other) and _compare_ordered(
        flatten_vector(given), flatten_vector(wanted)
    )


def _has_dots(group: Group) -> bool:
    return any(isinstance(item, Form) and DOTS in item.bases() for item in group.items)


def _has_condition(group: Group) -> bool:
    """Return whether a part says where a value lies, as an inequality does."""
    return group.kind in _LISTS and any(_is_condition(item, group.kind) for item in group.items)


def _is_condition(value: Value, kind: str) -> bool:
    if isinstance(value, Relation):
        return not set(value.operators) <= EQUALITY_OPERATORS
    if not isinstance(value, Group):
        return False
    return value.kind in _CONDITIONS or (kind == "or" and value.kind in _INTERVALS)


def _compare_solutions(given: Value, wanted: Value) -> bool | None:
    one, other = solve(given), solve(wanted)
    if one is None or other is None:
        return None
    return solutions_equal(one, other)


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
    if set(relation.operators) <= EQUALITY_OPERATORS:
        return _any_of_three(
            _compare_values(value, other) for value in list_stated_values(relation)
        )
    if not isinstance(other, Group) or other.kind not in _SETS | _CONDITIONS | {*_INTERVALS}:
        return False
    return _compare_solutions(relation, other)


def _compare_relations(given: Relation, wanted: Relation) -> bool | None:
    """Compare two equations or two inequalities."""
    equations = [set(relation.operators) <= EQUALITY_OPERATORS for relation in (given, wanted)]
    if all(equations):
        return _compare_equations(given, wanted)
    solved = _compare_solutions(given, wanted)
    if solved is not None:
        return solved
    if any(equations):  # an equation is never an inequality
        return False
    if len(given.operators) != 1 or len(wanted.operators) != 1:
        return None
    sides = [subtract_sides(relation) for relation in (given, wanted)]
    ratio = find_ratio(sides[0][1], sides[1][1])
    if sides[0][0] == sides[1][0] and ratio is not None:
        return True if ratio > 0 or sides[0][0] == "!=" else None
    return None


def _compare_equations(given: Relation, wanted: Relation) -> bool | None:
    """Compare two equations, of which the first and the last side count."""
    ends = [(relation.sides[0], relation.sides[-1]) for relation in (given, wanted)]
    named = all(is_name(left) for left, _ in ends)
    if named and (_compare_values(ends[0][0], ends[1][0]) or define_functions(ends)):
        return _compare_values(ends[0][1], ends[1][1])
    if not all(isinstance(side, Form) for pair in ends for side in pair):
        return None
    one, other = (subtract_sides(Relation(("=",), pair))[1] for pair in ends)
    if find_ratio(one, other) is not None:
        return True
    return False if is_linear(one) and is_linear(other) else compare_zeros(one, other)
