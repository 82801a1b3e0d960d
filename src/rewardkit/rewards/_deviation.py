"""The standard deviation of a sample, computed exactly and then rounded once."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from operator import mul

# of the fraction whose root is taken: then the root has two bits more than a float, which decide
# how it is rounded
_ROOT_BITS = 2 * sys.float_info.mant_dig + 3


def measure_deviation(values: Sequence[float]) -> float:
    """Return the deviation of two values or more, n - 1 in the divisor: that of `statistics.stdev`.

    It takes a fraction of the time of `stdev`. Equal values have a deviation of exactly 0, which a
    sum of floats would not give.

    >>> measure_deviation([1.5, 2.5, 2.5, 2.75, 3.25, 4.75]), measure_deviation([0.1] * 3)
    (1.0810874155219827, 0.0)
    """
    try:
        ratios = [value.as_integer_ratio() for value in values]
    except (AttributeError, OverflowError):  # a number of another package, or an infinity
        return statistics.stdev(values)
    # as integers of one unit, whose sums are exact; `stdev` adds fractions
    unit = math.lcm(*[bottom for _, bottom in ratios])
    wholes = [top * (unit // bottom) for top, bottom in ratios]
    size, total = len(wholes), sum(wholes)
    squares = size * sum(map(mul, wholes, wholes)) - total * total
    return _take_root(squares, size * (size - 1) * unit * unit)


def _take_root(top: int, bottom: int) -> float:
    """Return the square root of a fraction, rounded to the nearest float."""
    shift = (top.bit_length() - bottom.bit_length() - _ROOT_BITS) // 2
    if shift >= 0:
        return float(_cut_root(top, bottom << 2 * shift) << shift)
    return _cut_root(top << -2 * shift, bottom) / (1 << -shift)


def _cut_root(top: int, bottom: int) -> int:
    root = math.isqrt(top // bottom)
    # The last bit is set where something was cut off, so that no half is rounded the wrong way.
    return root | (root * root * bottom != top)
