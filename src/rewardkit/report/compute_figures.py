"""Compute the figures: how values are distributed, by group and over the steps."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import mul
from statistics import fmean, quantiles
from typing import Any

from rewardkit._scored.passes import PassRates, count_passes, summarize_passes
from rewardkit.extract import Extractor
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
from rewardkit.report.majority import share_of_right_majorities
from rewardkit.report.rows import ZERO_STD, Rows, Value, standard_deviation

BINS = 24
MAX_LEVELS = 12  # up to so many different values get a bar each; more bars have no room for labels
MAX_REASONS = 4
MAX_POINTS = 60  # more points would be less than six pixels apart
MAX_REASON_READ = 200  # characters; a reason that quotes a whole completion is not searched
MAX_REASON_SHOWN = 80


def measure(
    rows: Rows,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    *,
    extractors: Sequence[Extractor] = (),
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> Figures:
    """Compute all figures of a file's rows.

    `bounds` are the rewards' own, if they are known; `extractors` find the answers that vote.
    `progress` is called with how many of the parts are done, and of how many.
    """
    parts = len(rows.values) + 4
    lengths: list[Value] = [float(len(text)) for text in rows.texts]
    columns = [*rows.values.values(), rows.totals, lengths]
    zero = [std < ZERO_STD for std in rows.group_stds]
    rates = [rate for rate in rows.pass_rates if rate is not None]
    if rates and rows.rule:  # a row alone is a group of one, as in pass@1
        passed = (rows.rule.passed(rows.values[rows.rule.reward][row]) for row in rows.alone)
        rates += [float(flag) for flag in passed if flag is not None]
    has_advantages = any(advantage is not None for advantage in rows.advantages)
    total = _measure_reward(rows, TOTAL, rows.totals, None, None)
    shares, group_shares = split_variance(rows)
    rewards = []
    for part, (name, values) in enumerate(rows.values.items(), 1):
        progress(part, parts)
        rewards.append(
            _measure_reward(rows, name, values, shares.get(name), group_shares.get(name))
        )
    correlations = correlate_all(columns)
    progress(parts - 3, parts)
    steps = _trends(rows)
    progress(parts - 2, parts)
    passes = _measure_passes(rows, extractors)
    progress(parts - 1, parts)
    figures = Figures(
        total=total,
        rewards=tuple(rewards),
        names=(*rows.values, TOTAL, LENGTH),
        correlations=correlations,
        group_std=make_histogram(rows.group_stds) if zero else None,
        group_mean=make_histogram(rows.group_means) if zero else None,
        pass_rate=make_histogram(rates) if rates else None,
        advantage=make_histogram(rows.advantages) if has_advantages else None,
        group_sizes=tuple(Counter(map(len, rows.groups)).most_common()),
        zero_std=fmean(zero) if zero else None,
        passes=passes,
        rest_share=1.0 - math.fsum(shares.values()) if shares else None,
        rest_group_share=1.0 - math.fsum(group_shares.values()) if group_shares else None,
        steps=steps,
        length=fmean(map(len, rows.texts)),
        findings=(),
    )
    figures = figures._replace(findings=find_problems(rows, figures, bounds or {}))
    progress(parts, parts)
    return figures


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


def _measure_reward(
    rows: Rows,
    name: str,
    values: Sequence[Value],
    variance_share: float | None,
    group_share: float | None,
) -> Distribution:
    known = [value for value in values if value is not None]
    flat = rows.flat_groups.get(name, [])
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
        variance_share=variance_share,
        group_share=group_share,
    )


def split_variance(rows: Rows) -> tuple[dict[str, float], dict[str, float]]:
    """Return each reward's share of the sum's variance, over all rows and within groups.

    A share is weight * covariance with the sum / variance of the sum. The shares add up to 1 if the
    sum is that of the rewards. Empty if the sum does not vary.
    """
    known = [total for total in rows.totals if total is not None]
    if not known:
        return {}, {}
    mean = fmean(known)
    deviations = [0.0 if total is None else total - mean for total in rows.totals]
    within = [0.0] * len(rows)
    for group, group_mean in zip(rows.groups, rows.group_means, strict=True):
        for row in group:
            if (total := rows.totals[row]) is not None and group_mean is not None:
                within[row] = total - group_mean
    return _split_by_reward(rows, deviations), _split_by_reward(rows, within)


def _split_by_reward(rows: Rows, deviations: Sequence[float]) -> dict[str, float]:
    squares = _sum_products(deviations, deviations)
    if squares < ZERO_STD * len(rows):
        return {}
    # The deviations add up to 0, so the rewards' own means need not be subtracted. A reward that
    # abstains adds nothing to the sum: it counts as 0.
    return {
        name: rows.weights[name] * _sum_products([v or 0.0 for v in values], deviations) / squares
        for name, values in rows.values.items()
    }


def _sum_products(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(map(mul, one, other))


def _measure_passes(rows: Rows, extractors: Sequence[Extractor]) -> PassRates | None:
    if rows.rule is None or not (rows.groups or rows.alone):
        return None
    values = rows.values[rows.rule.reward]
    groups = ([values[row] for row in group] for group in chain(rows.groups, zip(rows.alone)))
    majority = share_of_right_majorities(rows, rows.rule, extractors)
    return summarize_passes(rows.rule, count_passes(rows.rule, groups), majority)


def _frequent_reasons(whys: Sequence[str], values: Sequence[Value]) -> tuple[Reason, ...]:
    # Reasons that quote a row's own numbers are all different; without them they can be counted.
    distinct = set(whys)
    few = len(distinct) <= MAX_LEVELS
    # Once for each: most reasons occur in many rows.
    reasons = {
        why: shorten(why, MAX_TEXT_CHARACTERS) if few else _strip_specifics(why) for why in distinct
    }
    values_by_reason: dict[str, list[Value]] = defaultdict(list)
    for why, value in zip(whys, values, strict=False):
        if why:
            values_by_reason[reasons[why]].append(value)
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


def correlate_all(columns: Sequence[Sequence[Value]]) -> tuple[tuple[float | None, ...], ...]:
    """Return Pearson's r of each pair, over the rows where both are known; None for a constant."""
    centered = [None if None in column else _center_values(column) for column in columns]
    matrix: list[list[float | None]] = [[None] * len(columns) for _ in columns]
    for i, one in enumerate(columns):
        for j in range(i, len(columns)):
            # Most columns are known on all rows: each is then centered once, not once per pair.
            first, second = centered[i], centered[j]
            if first is None or second is None:
                pairs = zip(one, columns[j], strict=True)
                both = [pair for pair in pairs if None not in pair]
                first, second = map(_center_values, zip(*both, strict=True)) if both else ([], [])
            matrix[i][j] = matrix[j][i] = _correlate(first, second)
    return tuple(map(tuple, matrix))


def _center_values(values: Sequence[Any]) -> list[float]:
    """Return the deviations from the mean, divided by the largest; empty for a constant."""
    if max(values) == min(values):
        return []
    mean = fmean(values)
    deviations = [value - mean for value in values]
    # Scaled, so that the square of a large one does not overflow.
    largest = max(map(abs, deviations))
    return [deviation / largest for deviation in deviations]


def _correlate(one: Sequence[float], other: Sequence[float]) -> float | None:
    if not one or not other:
        return None
    r = _sum_products(one, other) / math.sqrt(_sum_products(one, one) * _sum_products(other, other))
    return max(-1.0, min(1.0, r))


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
