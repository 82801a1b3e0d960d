"""Sets of numbers, equations and units, against sympy, membership, and arithmetic by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from rewardkit.verify._math.exact import Form, UnknownError
from rewardkit.verify._math.intervals import solutions_equal, solve
from rewardkit.verify._math.literals import parse_clock, parse_decimal
from rewardkit.verify._math.parse_text import parse_text
from rewardkit.verify._math.polynomials import compare_zeros
from rewardkit.verify._math.spelling import normalize_spelling, write_operators
from rewardkit.verify._math.units import changes_value, find_unit, measure_together, read_unit

ENDS = st.integers(-4, 4)
# Half of an integer lies strictly between two ends.
POINTS = [Fraction(n, 2) for n in range(-10, 11)]


@st.composite
def intervals(draw):
    low, high = sorted((draw(ENDS), draw(ENDS)))
    assume(low < high)
    left, right = draw(st.sampled_from("([")), draw(st.sampled_from(")]"))

    def holds(x):
        return (low < x or (low == x and left == "[")) and (
            x < high or (x == high and right == "]")
        )

    return f"{left}{low},{high}{right}", holds


@given(
    parts=st.lists(intervals(), min_size=1, max_size=3),
    others=st.lists(intervals(), min_size=1, max_size=3),
)
def test_unions_are_equal_where_they_have_the_same_numbers(parts, others):
    one, other = (
        solve(parse_text(r"\cup".join(text for text, _ in side)).value) for side in (parts, others)
    )
    same = all(
        any(holds(x) for _, holds in parts) == any(holds(x) for _, holds in others) for x in POINTS
    )
    assert solutions_equal(one, other) is same


@given(part=intervals())
def test_the_complement_is_what_is_not_in_the_set(part):
    text, _ = part
    outside = parse_text(rf"x \notin {text}").value
    without = parse_text(rf"\mathbb{{R}} \setminus {text}").value
    back = parse_text(rf"\mathbb{{R}} \setminus (\mathbb{{R}} \setminus {text})").value
    assert solutions_equal(solve(outside), solve(without)) is True
    assert solutions_equal(solve(outside), solve(parse_text(text).value)) is False
    assert solutions_equal(solve(back), solve(parse_text(text).value)) is True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2x+1 < 7", r"(-\infty, 3)"),
        ("-x > 2", r"(-\infty, -2)"),
        (r"1 \le x < 4", "[1, 4)"),
        (r"x > \sqrt{8}", r"(2\sqrt{2}, \infty)"),
        (r"x \ne 3", r"(-\infty, 3) \cup (3, \infty)"),
        (r"\{x \in \mathbb{R} \mid x > 0 \text{ and } x < 2\}", "(0, 2)"),
        (r"x > 0 \text{ or } x > 5", r"(0, \infty)"),
        (r"\{1\} \cup (1, 2]", "[1, 2]"),
    ],
)
def test_conditions_are_solved(one, other):
    assert solutions_equal(solve(parse_text(one).value), solve(parse_text(other).value)) is True


ROOTS = st.lists(st.integers(-3, 3), min_size=1, max_size=3)
X = sympy.Symbol("x", real=True)


@given(roots=ROOTS, others=ROOTS, has_square=st.booleans())
def test_polynomials_have_the_same_real_zeros_as_by_sympy(roots, others, has_square):
    x = Form.of("x")
    forms, values = [], []
    for numbers in (roots, others):
        form, value = Form.of(3), sympy.Integer(3)
        for number in numbers:
            form, value = form * (x - Form.of(number)), value * (X - number)
        forms.append(form)
        values.append(value)
    if has_square:  # x^2 + 1 has no real zero
        forms[0], values[0] = forms[0] * (x * x + Form.of(1)), values[0] * (X**2 + 1)
    same = set(sympy.solve(values[0], X)) == set(sympy.solve(values[1], X))
    assert compare_zeros(*forms) is same


def test_polynomials_of_two_letters_are_compared_on_slices():
    x, y = Form.of("x"), Form.of("y")
    circle, other = x * x + y * y - Form.of(4), x * x + y * y - Form.of(9)
    assert compare_zeros(circle, circle * Form.of(2)) is True
    assert compare_zeros(circle, other) is False
    assert compare_zeros(circle, x / y) is None


@given(
    whole=st.integers(0, 99),
    fixed=st.text("0123456789", max_size=3),
    block=st.text("0123456789", min_size=1, max_size=4),
)
def test_a_repeating_decimal_is_its_fraction(whole, fixed, block):
    value = whole + Fraction(
        int(fixed + block) - int(fixed or 0), 10 ** len(fixed) * (10 ** len(block) - 1)
    )
    assert parse_decimal(rf"{whole}.{fixed}\overline{{{block}}}") == value


@pytest.mark.parametrize("token", ["3.14159...", "1.23...", "0.5..."])
def test_a_decimal_that_does_not_say_how_it_goes_on_is_not_read(token):
    with pytest.raises(UnknownError):
        parse_decimal(token)


@pytest.mark.parametrize(
    ("token", "kind"), [("4:10", "clock"), ("12:30", "time"), ("25:40", "ratio"), ("1:75", "ratio")]
)
def test_what_two_numbers_with_a_colon_are(token, kind):
    assert parse_clock(token).kind == kind


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        *(("feet", "ft"), ("square meters", "m^2"), ("m^{2}", "m^2"), ("cm^3", "cm^3")),
        *(("km per hour", "km/h"), ("m s^{-1}", "m/s"), (r"\frac{km}{h}", "km/h")),
        *((r"^\circ C", "celsius"), (r"\mu m", "μm"), ("apples", None), ("k", None), ("K", "k")),
    ],
)
def test_units_have_one_spelling(words, unit):
    assert read_unit(words) == unit


def test_units_of_values():
    assert [find_unit(text) for text in ("5 ft", "$5", "€5", "5", "5 apples")] == [
        "ft",
        "usd",
        "eur",
        None,
        None,
    ]
    assert measure_together("feet", "inches")
    assert not measure_together("feet", "dollars")
    assert changes_value("million")
    assert not changes_value("apples")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("at least 3", r"\ge 3"),
        ("x is greater than 3", "x > 3"),
        ("not 6 but 5", "5"),
        ("5, not 6", "5"),
        ("3或5", r"3 \lor 5"),
        ("3 o 5", r"3 \lor 5"),
        ("a notable number", "a notable number"),
        ("3 to 5", "3 : 5"),
        ("2 and a half", "2 1/2"),
    ],
)
def test_words_that_are_operators(text, written):
    assert write_operators(text).split() == written.split()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"\textcolor{red}{\mathbf{x^{2}}}", "{{x^{2}}}"),
        ("10⁻³", "10^{-3}"),
        ("½√12", r"\frac{1}{2}\sqrt{12}"),
        (r"1\,234", "1234"),
        (r"\left( 1 \right)", "( 1 )"),
        (r"\begin{cases}x=1\\y=2\end{cases}", "x=1, y=2"),
        ("（１，２）", "(1,2)"),
    ],
)
def test_characters_fonts_and_spaces(text, written):
    assert normalize_spelling(text).split() == written.split()
