"""Exact arithmetic of forms, against sympy."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.functions import apply_function, forms_differ, raise_to_power

x, y = sympy.symbols("x y", positive=True)
HALF = Fraction(1, 2)
LEAVES = st.one_of(
    st.fractions(-9, 9, max_denominator=9).map(
        lambda n: (Form.of(n), sympy.Rational(n.numerator, n.denominator))
    ),
    st.sampled_from([(Form.of("x"), x), (Form.of("y"), y), (Form.of("i"), sympy.I)]),
    st.integers(2, 50).map(lambda n: (Form.of(n) ** Form.of(HALF), sympy.sqrt(n))),
    st.integers(2, 50).map(lambda n: (Form.of(n) ** Form.of(Fraction(2, 3)), sympy.cbrt(n) ** 2)),
)
PAIRS = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.tuples(part, part).map(lambda two: (two[0][0] + two[1][0], two[0][1] + two[1][1])),
        st.tuples(part, part).map(lambda two: (two[0][0] - two[1][0], two[0][1] - two[1][1])),
        st.tuples(part, part).map(lambda two: (two[0][0] * two[1][0], two[0][1] * two[1][1])),
    ),
    max_leaves=5,
)


@given(one=PAIRS, other=PAIRS)
def test_sums_and_products_are_sympys(one, other):
    for form, value in (
        (one[0] - other[0], one[1] - other[1]),
        (one[0] * other[0] - other[0] * one[0], 0),
    ):
        assert forms_differ(form, Form.of(0)) == (sympy.expand(value) != 0)


@given(one=PAIRS, other=PAIRS)
def test_a_quotient_times_its_denominator_is_its_numerator(one, other):
    assume(other[0].terms)
    assert one[0] / other[0] * other[0] == one[0]
    assert forms_differ(one[0] / other[0], (one[0] + Form.of(1)) / other[0]) is True


@given(turns=st.integers(-24, 24), sixth=st.sampled_from([4, 6]))
def test_sines_of_parts_of_a_turn_are_sympys(turns, sixth):
    angle = Form.of("pi") * Form.of(Fraction(turns, sixth))
    for name, function in (("sin", sympy.sin), ("cos", sympy.cos)):
        wanted = function(sympy.pi * turns / sixth)
        square = wanted**2
        found = apply_function(name, angle)
        assert found * found == Form.of(Fraction(int(square.p), int(square.q)))
        assert forms_differ(found, Form.of(-1 if wanted < 0 else 1)) == (abs(wanted) != 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            lambda a: apply_function("sin", a + a),
            lambda a: Form.of(2) * apply_function("sin", a) * apply_function("cos", a),
        ),
        (
            lambda a: (
                apply_function("sin", a) ** Form.of(2) + apply_function("cos", a) ** Form.of(2)
            ),
            lambda a: Form.of(1),
        ),
        (lambda a: apply_function("tan", a) * apply_function("cot", a), lambda a: Form.of(1)),
        (lambda a: raise_to_power(Form.of(2), a + a), lambda a: raise_to_power(Form.of(4), a)),
        (
            lambda a: apply_function("exp", a) * apply_function("exp", a),
            lambda a: apply_function("exp", a + a),
        ),
        (
            lambda a: apply_function("ln", Form.of(72)),
            lambda a: apply_function("ln", Form.of(8)) + apply_function("ln", Form.of(9)),
        ),
    ],
)
def test_identities(one, other):
    a = Form.of("x")
    assert forms_differ(one(a), other(a)) is False
    assert forms_differ(one(a), other(a) + Form.of(1)) is True


def test_logarithms_differ_however_close():
    one, other = (apply_function("ln", Form.of(number)) for number in (2**30, 2**30 + 1))
    assert forms_differ(one, other) is True


def test_errors_for_values_too_large_or_unknown():
    three = Form.of(3)
    with pytest.raises(TooLargeError):
        three ** Form.of(10**9)
    with pytest.raises(TooLargeError):
        (Form.of("x") + Form.of("y") + Form.of("z") + Form.of(1)) ** Form.of(200)
    with pytest.raises(UnknownError):
        Form.of(1) / Form.of(0)
    with pytest.raises(UnknownError):
        (Form.of("x") + Form.of(1)) ** Form.of(HALF)
