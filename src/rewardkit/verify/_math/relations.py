"""What an equation states: the value of its name, the result of a computation, or neither."""

from __future__ import annotations

from fractions import Fraction

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form
from rewardkit.verify._math.functions import approximate, has_letters
from rewardkit.verify._math.intervals import is_letter
from rewardkit.verify._math.values import Group, Relation, Value

EQUALITY_OPERATORS = frozenset({"=", r"\approx", r"\to", r"\in", r"\equiv"})
_FLIPPED = {">": "<", ">=": "<="}


def list_stated_values(relation: Relation) -> list[Value]:  # noqa: PLR0911 - one for each kind
    """List the values that an equation states: what its name is, or what its sides compute."""
    operators, sides = relation.operators, relation.sides
    if operators == (r"\equiv",):
        return [sides[1]] if isinstance(sides[1], Group) and is_name(sides[0]) else []
    if r"\approx" in operators and not is_name(sides[0]):
        return [side for side in sides if _agree_within(side, sides[-1], _MAX_APPROXIMATION)]
    if is_name(sides[0]):
        return list(sides[1:]) if r"\approx" in operators else [sides[-1]]
    if is_name(sides[-1]) and len(sides) == 2:  # noqa: PLR2004 - 3 = x
        return [sides[0]]
    if r"\to" in operators:  # 42 -> 43 are two numbers
        return []
    if all(map(_is_constant, sides)):
        return [side for side in sides if _agree_within(side, sides[-1], _MAX_ROUNDING)]
    computed = len(sides) > 2 and all(map(_is_constant, sides[1:]))  # noqa: PLR2004 - 2x + 1 = 2(3) + 1 = 7
    if computed or all(side == sides[-1] for side in sides[:-1]):
        return [sides[-1]]
    return []


def _is_constant(value: Value) -> bool:
    if isinstance(value, Form):
        return not has_letters(value)
    return isinstance(value, Number)


def _agree_within(value: Value, other: Value, tolerance: float) -> bool:
    """Return whether a value may be another one rounded: 1/3 = 0.33."""
    if value is other:
        return True
    one, two = ([f for f in number_as_forms(v) if isinstance(f, Form)] for v in (value, other))
    return any(
        left is not None
        and right is not None
        and abs(left - right) <= tolerance * abs(right)
        and (left == right or left % 1 or right % 1)
        for left in map(approximate, one)
        for right in map(approximate, two)
    )


# As shares: what 1/3 = 0.33 and pi ≈ 3 are off.
_MAX_ROUNDING, _MAX_APPROXIMATION = 0.02, 0.1


def is_name(value: Value) -> bool:
    """Return whether a left side only names something: x, f(x), (x, y), m + n."""
    if isinstance(value, Group):
        return all(map(is_name, value.items))
    if not isinstance(value, Form) or len(value.below) > 1 or not value.terms:
        return False
    letters = {base for monomial in value.terms for base, _ in monomial}
    if len(letters) == 1 and any(power != 1 for m in value.terms for _, power in m):
        return False  # x^2 = 9 is an equation to solve
    return all(
        factor == 1 and monomial and all(is_letter(base) for base, _ in monomial)
        for monomial, factor in value.terms.items()
    )


def number_as_forms(value: Value) -> list[Value]:
    """List a number's forms: a percent is its number or a hundredth of it."""
    if not isinstance(value, Number):
        return [value]
    plain = [Form.of(value.value)]
    return [*plain, Form.of(value.value * Fraction(1, 100))] if value.percent else list(plain)


def drop_conditions(value: Value) -> Value:
    """Return an expression without the conditions on its letters: x^2 - 4, x > 0."""
    if not isinstance(value, Group) or value.kind not in ("list", "and") or len(value.items) < 2:  # noqa: PLR2004 - a condition follows
        return value
    first, *rest = value.items
    right = first.sides[-1] if isinstance(first, Relation) and is_equation(first) else first
    if not isinstance(right, Form):
        return value
    letters = set(filter(is_letter, right.bases()))
    conditions = all(
        isinstance(item, Relation)
        and not is_equation(item)
        and isinstance(item.sides[0], Form)
        and item.sides[0].bases() & letters
        for item in rest
    )
    return first if conditions else value


def is_equation(value: Value) -> bool:
    return isinstance(value, Relation) and set(value.operators) <= EQUALITY_OPERATORS - {r"\in"}


def names_differ(*groups: Group) -> bool:
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


def are_assignments(*groups: Group) -> bool:
    """Return whether one gives each of several letters its value: x = 1 and y = 2."""
    return names_differ(*groups) and any(
        all(map(is_equation, group.items)) and group.items for group in groups
    )


def order_by_name(group: Group) -> Group:
    """Return assignments as a tuple in the order of their names; others as they are."""
    named = [item for item in group.items if isinstance(item, Relation)]
    if not named or len(named) < len(group.items):
        return flatten_vector(group)
    in_order: list[Relation] = sorted(named, key=lambda item: _write_name(item.sides[0]))
    return Group("()", tuple(in_order))


def _write_name(value: Value) -> str:
    return str(sorted(map(str, value.bases()))) if isinstance(value, Form) else ""


def flatten_vector(group: Group) -> Group:
    """Return a matrix of one row or one column as a tuple of its numbers."""
    if group.kind == "matrix":
        rows = [row.items for row in group.items if isinstance(row, Group)]
        if len(rows) == 1 or all(len(row) == 1 for row in rows):
            return Group("()", tuple(item for row in rows for item in row))
    return group


def define_functions(ends: list[tuple[Value, Value]]) -> bool:
    """Return whether both are a function of a letter, whose own name does not matter."""
    return all(
        isinstance(right, Form) and any(map(is_letter, right.bases())) and _is_function_name(left)
        for left, right in ends
    )


def _is_function_name(value: Value) -> bool:
    if not isinstance(value, Form) or value.term is None:
        return False
    return set(dict(value.term[0])) <= {"y"} or "(" in str(next(iter(dict(value.term[0])), ""))


def subtract_sides(relation: Relation) -> tuple[str, Form]:
    """Bring a relation to the shape `form operator 0`."""
    left, right = relation.sides[0], relation.sides[-1]
    operator = relation.operators[0]
    if not isinstance(left, Form) or not isinstance(right, Form):
        return "?", Form.of(0)
    return (_FLIPPED[operator], right - left) if operator in _FLIPPED else (operator, left - right)


def find_ratio(one: Form, other: Form) -> Fraction | None:
    """Return the number by which one form is a multiple of the other, or None."""
    if not one.terms or not other.terms or len(one.below) > 1 or len(other.below) > 1:
        return None
    monomial, factor = next(iter(one.terms.items()))
    if monomial not in other.terms:
        return None
    ratio = Fraction(factor) / other.terms[monomial]
    return ratio if one == other * Form.of(ratio) else None


def is_linear(form: Form) -> bool:
    """Return whether a form is a sum of single letters and numbers."""
    return len(form.below) == 1 and all(
        len(monomial) <= 1 and all(e == 1 and is_letter(base) for base, e in monomial)
        for monomial in form.terms
    )
