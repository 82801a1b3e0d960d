from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.rewards._deviation import measure_deviation

NUMBERS = (
    st.floats(-1e150, 1e150)
    | st.sampled_from([0.0, -0.0, 0.1, 0.25, 1.0, 5e-324, True, np.float64(0.1)])
    | st.integers(-99, 99)
    | st.integers()
    | st.fractions(max_denominator=99)
)


@given(st.lists(NUMBERS, min_size=2, max_size=9))
def test_the_deviation_is_the_standard_librarys(values):
    assert measure_deviation(values) == statistics.stdev(values)


@given(NUMBERS, st.integers(2, 9))
def test_equal_values_have_no_deviation(value, size):
    assert measure_deviation([value] * size) == 0.0


def test_a_rational_deviation_is_rounded_once():
    # the squares of 1, 2 and 3 thirds from the middle add up to 2 * (1/3)**2, over n - 1 = 2
    assert measure_deviation([Fraction(1, 3), Fraction(2, 3), Fraction(1)]) == 1 / 3


def test_numbers_of_several_types_have_a_deviation():
    # which the standard library refuses: "don't know how to coerce float and float32"
    assert measure_deviation([0.0, np.float32(0.5), 1, Fraction(1, 2)]) == (1 / 6) ** 0.5


@pytest.mark.parametrize("values", [[float("inf"), 1.0], [1e308, -1e308], [np.int64(1), 2]])
def test_whatever_else_is_given_is_left_to_the_standard_library(values):
    try:
        expected = statistics.stdev(values)
    except (AttributeError, OverflowError, ValueError) as error:  # which one depends on Python
        with pytest.raises(type(error)):
            measure_deviation(values)
    else:
        assert measure_deviation(values) == expected
