"""What a page says about the rewards: their figures, and what is wrong with them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import correlation, fmean, pstdev, quantiles
from typing import Any, Literal, NamedTuple

from rewardkit.report.rows import ZERO_STD, Rows, Value, spread

BINS = 24
_LEVELS = 12  # up to so many different values get a bar each
_REASONS = 4
_STEPS = 60  # longer runs are drawn by so many spans of steps

Level = Literal["bad", "watch", "good"]


class Finding(NamedTuple):
    """One thing that stands out."""

    kind: str
    """What it is about: `flat`, `agree`, `zero_std`, `at_bound`, ..."""
    level: Level
    """`bad`, `watch` or `good`."""
    figure: str
    """The number, as the page shows it."""
    text: str
    """One or two sentences for people."""
    rewards: tuple[str, ...] = ()
    """The rewards that it is about; empty for the sum."""


class Bar(NamedTuple):
    """One bar of a histogram: the values from `low` to `high`, both included."""

    low: float
    high: float
    count: int


class Histogram(NamedTuple):
    """How values are spread: a bar for each level, or equal bins with the tails in the end ones."""

    bars: tuple[Bar, ...]
    levels: bool


class Reason(NamedTuple):
    """A reason that a reward gave, its numbers as #, with the share of rows and their mean."""

    text: str
    share: float
    mean: Value


class Distribution(NamedTuple):
    """One reward's values over the file."""

    name: str
    weight: float | None
    count: int
    missing: int
    mean: float
    std: float
    low: float
    high: float
    histogram: Histogram
    reasons: tuple[Reason, ...]
    flat_groups: float | None
    """The share of groups in which it gives one value; None where there are no groups."""
    part: float | None
    """Its share of the variance of the sum: weight * cov(reward, sum) / var(sum)."""


class Point(NamedTuple):
    """Some steps of the run: their mean, the spread around it, and how many rows they are."""

    step: int
    last: int
    mean: float
    std: float
    count: int


class Figures(NamedTuple):
    """Everything that the page draws."""

    total: Distribution
    rewards: tuple[Distribution, ...]
    names: tuple[str, ...]
    """The rows and columns of `correlations`: the rewards, the sum, the length."""
    correlations: tuple[tuple[float | None, ...], ...]
    group_std: Histogram | None
    advantage: Histogram | None
    group_sizes: tuple[tuple[int, int], ...]
    """How many groups there are of each size, the most frequent first."""
    zero_std: float | None
    """The share of groups whose totals are all the same."""
    steps: dict[str, tuple[Point, ...]]
    """The sum and each reward over the steps, and the share of groups with zero std."""
    length: float
    """The mean number of characters."""
    findings: tuple[Finding, ...]


TOTAL, LENGTH, FLAT_GROUPS = "weighted sum", "length", "groups with zero std"


def measure(rows: Rows, bounds: Mapping[str, tuple[float, float]] | None = None) -> Figures:
    """Return the figures of a file's rows; `bounds` are the rewards' own, where they are known."""
    lengths: list[Value] = [float(len(text)) for text in rows.texts]
    total = _distribution(rows, TOTAL, rows.totals)
    rewards = tuple(_distribution(rows, name, values) for name, values in rows.values.items())
    columns = [*rows.values.values(), rows.totals, lengths]
    zero = [std < ZERO_STD for std in rows.group_stds]
    figures = Figures(
        total=total,
        rewards=rewards,
        names=(*rows.values, TOTAL, LENGTH),
        correlations=_correlations(columns),
        group_std=histogram(rows.group_stds) if zero else None,
        advantage=histogram(rows.advantages) if any(a is not None for a in rows.advantages) else None,
        group_sizes=tuple(Counter(map(len, rows.groups)).most_common()),
        zero_std=fmean(zero) if zero else None,
        steps=_over_steps(rows),
        length=fmean(length for length in lengths if length is not None),
        findings=(),
    )
    return figures._replace(findings=_findings(rows, figures, bounds or {}))


def histogram(values: Iterable[Value]) -> Histogram:
    """Return how the known values are spread.

    >>> histogram([0, 0, 1, None]).bars
    (Bar(low=0, high=0, count=2), Bar(low=1, high=1, count=1))
    """
    known = sorted(value for value in values if value is not None)
    counts = Counter(known)
    if len(counts) <= _LEVELS:
        bars = tuple(Bar(value, value, count) for value, count in sorted(counts.items()))
        return Histogram(bars, levels=True)
    low, high = known[0], known[-1]
    cuts = quantiles(known, n=200, method="inclusive")  # so that a long tail hides nothing
    room = (cuts[-1] - cuts[0]) / 2
    low, high = max(low, cuts[0] - room), min(high, cuts[-1] + room)
    if high <= low:
        low, high = known[0], known[-1]
    edges = [low + (high - low) * place / BINS for place in range(1, BINS)]
    filled = [0] * BINS
    for value in known:
        filled[bisect_right(edges, value)] += 1
    ends = [known[0], *edges, known[-1]]
    return Histogram(
        tuple(Bar(ends[i], ends[i + 1], filled[i]) for i in range(BINS)), levels=False
    )


def _distribution(rows: Rows, name: str, values: Sequence[Value]) -> Distribution:
    """Return one reward's figures."""
    known = [value for value in values if value is not None]
    flat = [spread(values, group) < ZERO_STD for group in rows.groups]
    return Distribution(
        name=name,
        weight=rows.weights.get(name),
        count=len(known),
        missing=len(values) - len(known),
        mean=fmean(known) if known else 0.0,
        std=pstdev(known) if known else 0.0,
        low=min(known, default=0.0),
        high=max(known, default=0.0),
        histogram=histogram(known),
        reasons=_reasons(rows.whys.get(name, []), values),
        flat_groups=fmean(flat) if flat else None,
        part=_part(rows, values, rows.weights.get(name, 1.0)),
    )


def _part(rows: Rows, values: Sequence[Value], weight: float) -> float | None:
    """Return a reward's share of the variance of the sum, an abstention as 0."""
    pairs = [
        ((value or 0.0) * weight, total)
        for value, total in zip(values, rows.totals, strict=True)
        if total is not None
    ]
    if not pairs:
        return None
    ours, totals = fmean(value for value, _ in pairs), fmean(total for _, total in pairs)
    variance = fmean((total - totals) ** 2 for _, total in pairs)
    if variance < ZERO_STD:
        return None
    return fmean((value - ours) * (total - totals) for value, total in pairs) / variance


def _reasons(whys: Sequence[str], values: Sequence[Value]) -> tuple[Reason, ...]:
    """Return the most frequent reasons, numbers and quotations left out."""
    found: dict[str, list[Value]] = defaultdict(list)
    for why, value in zip(whys, values, strict=False):
        if why:
            found[_kind(why)].append(value)
    most = sorted(found.items(), key=lambda item: -len(item[1]))[:_REASONS]
    return tuple(
        Reason(why, len(given) / len(values), fmean(known) if known else None)
        for why, given in most
        for known in [[value for value in given if value is not None]]
    )


def _kind(why: str) -> str:
    """Return a reason without what differs from row to row.

    >>> _kind("-7 is not 8.5")
    '# is not #'
    """
    why = re.sub(r"'[^']*'|\"[^\"]*\"", "\N{HORIZONTAL ELLIPSIS}", why[:200])
    return re.sub(r"[-+]?\d(?:[\d,.]*\d)?", "#", why)[:80]


def _correlations(columns: Sequence[Sequence[Value]]) -> tuple[tuple[float | None, ...], ...]:
    """Return Pearson's r of each pair of columns, None where it is not defined."""
    found: list[list[float | None]] = [[None] * len(columns) for _ in columns]
    for i, one in enumerate(columns):
        for j in range(i, len(columns)):
            found[i][j] = found[j][i] = _correlation(one, columns[j])
    return tuple(map(tuple, found))


def _correlation(one: Sequence[Value], other: Sequence[Value]) -> float | None:
    """Return Pearson's r over the rows where both are known."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    if any(len({pair[side] for pair in pairs}) < 2 for side in (0, 1)):  # noqa: PLR2004 - constant
        return None
    return correlation(*zip(*pairs, strict=True))


def _over_steps(rows: Rows) -> dict[str, tuple[Point, ...]]:
    """Return the sum, each reward and the share of groups with zero std, over the steps."""
    steps = sorted({step for step in rows.steps if step is not None})
    if len(steps) < 2:  # noqa: PLR2004 - one point is no line
        return {}
    size = -(-len(steps) // _STEPS)
    spans = [steps[place : place + size] for place in range(0, len(steps), size)]
    span_of = {step: place for place, span in enumerate(spans) for step in span}
    own = [None if step is None else span_of[step] for step in rows.steps]
    flat = [float(std < ZERO_STD) for std in rows.group_stds]
    where = [own[group[0]] for group in rows.groups]
    lines: dict[str, tuple[Sequence[Value], Sequence[int | None]]] = {TOTAL: (rows.totals, own)}
    lines |= {name: (values, own) for name, values in rows.values.items()}
    if flat:
        lines[FLAT_GROUPS] = (flat, where)
    return {name: _line(values, place, spans) for name, (values, place) in lines.items()}


def _line(
    values: Sequence[Value], places: Sequence[int | None], spans: list[list[int]]
) -> tuple[Point, ...]:
    """Return a point for each span of steps that has known values."""
    known: dict[int, list[float]] = defaultdict(list)
    for value, place in zip(values, places, strict=True):
        if value is not None and place is not None:
            known[place].append(value)
    return tuple(
        Point(span[0], span[-1], fmean(known[place]), pstdev(known[place]), len(known[place]))
        for place, span in enumerate(spans)
        if known[place]
    )


def _findings(
    rows: Rows, figures: Figures, bounds: Mapping[str, tuple[float, float]]
) -> tuple[Finding, ...]:
    """Return what stands out, the worst first."""
    found = [
        *_zero_std(figures),
        *(finding for each in figures.rewards for finding in _about(each, rows, bounds)),
        *_agreeing(figures),
        *_dominating(figures),
        *_following_length(figures),
    ]
    order = {"bad": 0, "watch": 1, "good": 2}
    found.sort(key=lambda finding: order[finding.level])
    if not any(finding.level != "good" for finding in found):
        text = "No reward is flat, none repeats another, and the groups tell completions apart."
        found.append(Finding("clear", "good", "\N{CHECK MARK}", text))
    return tuple(found)


def _zero_std(figures: Figures) -> list[Finding]:
    """Say how many groups teach nothing."""
    share = figures.zero_std
    if share is None:
        return []
    level: Level = "bad" if share >= 0.5 else "watch" if share >= 0.2 else "good"  # noqa: PLR2004
    told = (
        "of the groups have zero std: every completion earns the same, every advantage is 0,"
        " and the step learns nothing from them."
    )
    return [Finding("zero_std", level, percent(share), told)]


_FLAT, _NEARLY_FLAT = 0.995, 0.95
_AT_BOUND, _MISSING = 0.5, 0.2
_SAME, _NEARLY_SAME = 0.999, 0.95
_DOMINATES, _FOLLOWS = 0.9, 0.6


def _about(
    each: Distribution, rows: Rows, bounds: Mapping[str, tuple[float, float]]
) -> list[Finding]:
    """Say what is wrong with one reward by itself."""
    found = []
    name, size = each.name, each.count + each.missing
    if wild := rows.infinite.get(name):
        text = f"of {name} are infinite; TRL would spoil their whole groups. Left out here."
        found.append(Finding("infinite", "bad", f"{wild:,}", text, (name,)))
    if not each.count:
        text = f"{name} abstained on every row."
        return [*found, Finding("missing", "bad", "100%", text, (name,))]
    if each.missing / size >= _MISSING:
        text = f"of rows have no value from {name}: it abstained there."
        found.append(Finding("missing", "watch", percent(each.missing / size), text, (name,)))
    bars = each.histogram.bars
    top = max(bars, key=lambda bar: bar.count)
    share = top.count / each.count
    if each.count > 1 and each.histogram.levels and share >= _NEARLY_FLAT:
        flat = share >= _FLAT
        text = f"of rows get {number(top.low)} from {name}: it is {'flat' if flat else 'nearly flat'}"
        text += ", so it moves no advantage." if flat else " and seldom moves an advantage."
        return [
            *found,
            Finding("flat", "bad" if flat else "watch", percent(share), text, (name,)),
        ]
    found += _at_bound(each, rows.values[name], bounds.get(name))
    return found


def _at_bound(
    each: Distribution, values: Sequence[Value], limits: tuple[float, float] | None
) -> list[Finding]:
    """Say that a graded reward mostly gives its least or its most."""
    if each.histogram.levels and len(each.histogram.bars) <= 3:  # noqa: PLR2004 - yes, no and half
        return []
    low, high = limits or (each.low, each.high)
    for limit, end in ((low, "least"), (high, "most")):
        share = sum(value == limit for value in values) / each.count
        if share >= _AT_BOUND:
            text = f"of rows get the {end} that {each.name} gives, {number(limit)}: it grades few."
            return [Finding("at_bound", "watch", percent(share), text, (each.name,))]
    return []


def _agreeing(figures: Figures) -> list[Finding]:
    """Say which rewards always, or nearly always, agree, or pull against each other."""
    found = []
    rewards = figures.rewards
    for i, one in enumerate(rewards):
        for j, other in enumerate(rewards[:i]):
            r = figures.correlations[i][j]
            if r is None or abs(r) < _NEARLY_SAME:
                continue
            always = abs(r) >= _SAME
            how = "always" if always else "nearly always"
            against = (one.weight or 1) * (other.weight or 1) * r < 0
            told = "pull against each other" if against else "agree"
            then = "cancel out" if against else "count one thing twice"
            text = f"{other.name} and {one.name} {how} {told}, and {then}."
            level: Level = "bad" if always else "watch"
            pair = (other.name, one.name)
            found.append(Finding("agree", level, f"r {r:+.2f}", text, pair))
    return found


def _dominating(figures: Figures) -> list[Finding]:
    """Say which one of several rewards is nearly all of the sum."""
    if len(figures.rewards) < 3:  # noqa: PLR2004 - of two, one may well lead
        return []
    return [
        Finding(
            "dominates",
            "watch",
            percent(each.part),
            f"of the sum's variance is {each.name}; the other rewards hardly count.",
            (each.name,),
        )
        for each in figures.rewards
        if each.part is not None and each.part >= _DOMINATES
    ]


def _following_length(figures: Figures) -> list[Finding]:
    """Say that the sum follows the completions' length."""
    r = figures.correlations[-2][-1]
    if r is None or abs(r) < _FOLLOWS:
        return []
    longer = "longer" if r > 0 else "shorter"
    text = f"The sum follows length: {longer} completions earn more, whatever they say."
    return [Finding("length", "watch", f"r {r:+.2f}", text)]


def percent(share: float) -> str:
    """Return a share in percent, never rounded to all or nothing.

    >>> percent(0.5), percent(0.9999), percent(0.0004), percent(1)
    ('50%', '>99.9%', '<0.1%', '100%')
    """
    if 0 < share < 0.001:  # noqa: PLR2004 - a tenth of a percent
        return "<0.1%"
    if 0.999 < share < 1:  # noqa: PLR2004
        return ">99.9%"
    told = 100 * share
    return f"{told:.0f}%" if 10 <= abs(told) <= 90 or told == int(told) else f"{told:.1f}%"  # noqa: PLR2004


def number(value: float | None) -> str:
    """Return a value with three significant digits.

    >>> number(-0.33333), number(2.0), number(12345.6), number(-0.0), number(1e-9)
    ('-0.333', '2', '12,346', '0', '1e-09')
    """
    if value is None:
        return "\N{EM DASH}"
    if abs(value) >= 1000:  # noqa: PLR2004 - then the digits before the point say enough
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.2e}"  # noqa: PLR2004
    told = f"{value:.3g}"
    return "0" if float(told) == 0 else told


def as_data(value: Any) -> Any:
    """Return figures as plain mappings and lists, as JSON takes them."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_data(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: as_data(item) for name, item in value.items()}
    return [as_data(item) for item in value] if isinstance(value, list | tuple) else value
