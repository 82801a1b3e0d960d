"""The 95 % confidence interval of a mean, by Student's t distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean, stdev

LEVEL = 0.95
# From so many degrees of freedom on, the expansion below is exact to six digits.
MANY_DEGREES = 100


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the ends of the 95 % confidence interval of the mean; None for fewer than two values.

    >>> mean_interval([1.0, 3.0])  # 2 +- 12.706 * 1
    (-10.706..., 14.706...)
    """
    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        return None
    margin = t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    mean = fmean(values)
    return mean - margin, mean + margin


@lru_cache(maxsize=1024)
def t_quantile(degrees: int) -> float:
    """Return t with 95 % of Student's distribution between -t and t.

    >>> round(t_quantile(1), 3), round(t_quantile(10), 3), round(t_quantile(10**6), 3)
    (12.706, 2.228, 1.96)
    """
    if degrees >= MANY_DEGREES:
        z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
        # Abramowitz and Stegun, 1964, 26.7.5: the first two terms of the expansion in 1 / degrees.
        first = (z**3 + z) / 4
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return z + first / degrees + second / degrees**2
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is t / sqrt(degrees)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _central_share(middle, degrees) < LEVEL else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _central_share(angle: float, degrees: int) -> float:
    """Return the share of the distribution between -t and t (Abramowitz and Stegun, 26.7.3, 4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(1 if odd else 0, degrees - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    return (angle + sine * total) * 2 / math.pi if odd else sine * total
