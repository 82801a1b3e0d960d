"""Compute the figures: how values are distributed, by group and over the steps."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import correlation, fmean, quantiles

from rewardkit.report.figure_types import (
    FLAT_GROUPS,
    LENGTH,
    TOTAL,
    Bar,
    Distribution,
    Figures,
    Histogram,
    Point,
    Reason,
    Trend,
)
from rewardkit.report.find_problems import find_problems
from rewardkit.report.formatting import MAX_TEXT_CHARACTERS, shorten
from rewardkit.report.rows import ZERO_STD, Rows, Value, sample_std, standard_deviation

BINS = 24
MAX_LEVELS = 12  # up to so many different values get a bar each; more bars have no room for labels
MAX_REASONS = 4
MAX_POINTS = 60  # more points would be less than six pixels apart
MAX_REASON_READ = 200  # characters; a reason that quotes a whole completion is not searched
MAX_REASON_SHOWN = 80


def measure(rows: Rows, bounds: Mapping[str, tuple[float, float]] | None = None) -> Figures:
    """Compute all figures of a file's rows; `bounds` are the rewards' own, if they are known."""
    lengths: list[Value] = [float(len(text)) for text in rows.texts]
    columns = [*rows.values.values(), rows.totals, lengths]
    zero = [std < ZERO_STD for std in rows.group_stds]
    has_advantages = any(advantage is not None for advantage in rows.advantages)
    figures = Figures(
        total=_measure_reward(rows, TOTAL, rows.totals),
        rewards=tuple(_measure_reward(rows, name, values) for name, values in rows.values.items()),
        names=(*rows.values, TOTAL, LENGTH),
        correlations=_correlate_all(columns),
        group_std=make_histogram(rows.group_stds) if zero else None,
        group_mean=make_histogram(rows.group_means) if zero else None,
        advantage=make_histogram(rows.advantages) if has_advantages else None,
        group_sizes=tuple(Counter(map(len, rows.groups)).most_common()),
        zero_std=fmean(zero) if zero else None,
        steps=_trends(rows),
        length=fmean(length for length in lengths if length is not None),
        findings=(),
    )
    return figures._replace(findings=find_problems(rows, figures, bounds or {}))


def make_histogram(values: Iterable[Value]) -> Histogram:
    """Count the known values by level if they are few, else in bins.

    >>> make_histogram([0, 0, 1, None]).bars
    (Bar(low=0, high=0, size=2), Bar(low=1, high=1, size=1))
    """
    known = sorted(value for value in values if value is not None)
    counts = Counter(known)
    if len(counts) <= MAX_LEVELS:
        bars = tuple(Bar(value, value, count) for value, count in sorted(counts.items()))
        return Histogram(bars, levels=True)
    # Bins reach as far beyond 99% of the values as these are wide. One row at -199 would otherwise
    # push all others into one bin.
    low, high = known[0], known[-1]
    cuts = quantiles(known, n=200, method="inclusive")
    margin = cuts[-1] - cuts[0]
    low, high = max(low, cuts[0] - margin), min(high, cuts[-1] + margin)
    if high <= low:  # 99% of the values are equal, so there is no margin
        low, high = known[0], known[-1]
    edges = [low + (high - low) * edge / BINS for edge in range(1, BINS)]
    sizes = [0] * BINS
    for value in known:
        sizes[bisect_right(edges, value)] += 1
    ends = [known[0], *edges, known[-1]]
    return Histogram(tuple(Bar(ends[i], ends[i + 1], sizes[i]) for i in range(BINS)), levels=False)


def _measure_reward(rows: Rows, name: str, values: Sequence[Value]) -> Distribution:
    known = [value for value in values if value is not None]
    flat = [sample_std(values, group) < ZERO_STD for group in rows.groups]
    return Distribution(
        name=name,
        weight=rows.weights.get(name),
        known=len(known),
        missing=len(values) - len(known),
        alike=max(Counter(known).values()) / len(known) if known else 0.0,
        mean=fmean(known) if known else 0.0,
        std=standard_deviation(known) if known else 0.0,
        low=min(known, default=0.0),
        high=max(known, default=0.0),
        histogram=make_histogram(known),
        reasons=_frequent_reasons(rows.whys.get(name, []), values),
        flat_groups=fmean(flat) if flat else None,
        variance_share=_variance_share(rows, values, rows.weights.get(name, 1.0)),
    )


def _variance_share(rows: Rows, values: Sequence[Value], weight: float) -> float | None:
    # A reward that abstains adds nothing to the sum: it counts as 0, so that the shares add up.
    pairs = [
        ((value or 0.0) * weight, total)
        for value, total in zip(values, rows.totals, strict=True)
        if total is not None
    ]
    if not pairs:
        return None
    mean, total_mean = fmean(value for value, _ in pairs), fmean(total for _, total in pairs)
    variance = fmean((total - total_mean) ** 2 for _, total in pairs)
    if variance < ZERO_STD:
        return None
    return fmean((value - mean) * (total - total_mean) for value, total in pairs) / variance


def _frequent_reasons(whys: Sequence[str], values: Sequence[Value]) -> tuple[Reason, ...]:
    # Reasons that quote a row's own numbers are all different; without them they can be counted.
    few = len(set(whys)) <= MAX_LEVELS
    values_by_reason: dict[str, list[Value]] = defaultdict(list)
    for why, value in zip(whys, values, strict=False):
        if why:
            reason = shorten(why, MAX_TEXT_CHARACTERS) if few else _strip_specifics(why)
            values_by_reason[reason].append(value)
    most = sorted(values_by_reason.items(), key=lambda item: -len(item[1]))[:MAX_REASONS]
    return tuple(
        Reason(why, len(given) / len(values), fmean(known) if known else None)
        for why, given in most
        for known in [[value for value in given if value is not None]]
    )


def _strip_specifics(why: str) -> str:
    """Replace the numbers and quotations in a reason.

    >>> _strip_specifics("-7 is not 8.5")
    '# is not #'
    """
    why = re.sub(r"'[^']*'|\"[^\"]*\"", "\N{HORIZONTAL ELLIPSIS}", why[:MAX_REASON_READ])
    return re.sub(r"[-+]?\d(?:[\d,.]*\d)?", "#", why)[:MAX_REASON_SHOWN]


def _correlate_all(columns: Sequence[Sequence[Value]]) -> tuple[tuple[float | None, ...], ...]:
    matrix: list[list[float | None]] = [[None] * len(columns) for _ in columns]
    for i, one in enumerate(columns):
        for j in range(i, len(columns)):
            matrix[i][j] = matrix[j][i] = _correlate(one, columns[j])
    return tuple(map(tuple, matrix))


def _correlate(one: Sequence[Value], other: Sequence[Value]) -> float | None:
    """Return Pearson's r over the rows where both are known, None if one of them is constant."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    if any(len({pair[side] for pair in pairs}) < 2 for side in (0, 1)):  # noqa: PLR2004 - constant
        return None
    return correlation(*zip(*pairs, strict=True))


def _trends(rows: Rows) -> tuple[Trend, ...]:
    steps = sorted({step for step in rows.steps if step is not None})
    if len(steps) < 2:  # noqa: PLR2004 - one point is not a line
        return ()
    width = -(-len(steps) // MAX_POINTS)  # steps per point, rounded up
    spans = [steps[first : first + width] for first in range(0, len(steps), width)]
    span_of_step = {step: index for index, span in enumerate(spans) for step in span}
    span_of_row = [None if step is None else span_of_step[step] for step in rows.steps]
    trends = [Trend(TOTAL, _mean_points(rows.totals, span_of_row, spans))]
    trends += [
        Trend(name, _mean_points(values, span_of_row, spans))
        for name, values in rows.values.items()
    ]
    if rows.groups:
        flat = [float(std < ZERO_STD) for std in rows.group_stds]
        span_of_group = [span_of_row[group[0]] for group in rows.groups]
        trends.append(Trend(FLAT_GROUPS, _mean_points(flat, span_of_group, spans), share=True))
    return tuple(trend for trend in trends if trend.points)


def _mean_points(
    values: Sequence[Value], span_of: Sequence[int | None], spans: list[list[int]]
) -> tuple[Point, ...]:
    """Return a point for each span of steps that has known values."""
    known: dict[int, list[float]] = defaultdict(list)
    for value, span in zip(values, span_of, strict=True):
        if value is not None and span is not None:
            known[span].append(value)
    points = []
    for index, steps in enumerate(spans):
        if in_span := known[index]:
            std = standard_deviation(in_span)
            points.append(Point(steps[0], steps[-1], fmean(in_span), std, len(in_span)))
    return tuple(points)
