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
    """What it is about: `zero_std`, `flat`, `agree`, `at_bound`, `missing`, `infinite`,
    `dominates`, `length`; `clear` where nothing else stands out."""
    level: Level
    """`bad`, `watch` or `good`."""
    figure: str
    """The number that says how much."""
    title: str
    """What is so, in a few words."""
    text: str
    """A sentence or two for people."""
    rewards: tuple[str, ...] = ()
    """The rewards that it is about; empty for the sum."""


class Bar(NamedTuple):
    """One bar of a histogram: the values from `low` to `high`, both included."""

    low: float
    high: float
    size: int


class Histogram(NamedTuple):
    """How values are spread: a bar for each level, or equal bins with the tails in the end ones."""

    bars: tuple[Bar, ...]
    levels: bool


class Reason(NamedTuple):
    """A reason that a reward gave, the share of rows that it gave it to, and their mean."""

    text: str
    share: float
    mean: Value


class Distribution(NamedTuple):
    """One reward's values over the file."""

    name: str
    weight: float | None
    known: int
    missing: int
    alike: float
    """The share of the known values that are its most frequent one."""
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
    size: int


class Trend(NamedTuple):
    """The sum, a reward, or (a share) the groups with zero std, over the steps."""

    name: str
    points: tuple[Point, ...]
    share: bool = False


class Figures(NamedTuple):
    """Everything that the page draws."""

    total: Distribution
    rewards: tuple[Distribution, ...]
    names: tuple[str, ...]
    """The rows and columns of `correlations`: the rewards, the sum, the length."""
    correlations: tuple[tuple[float | None, ...], ...]
    group_std: Histogram | None
    group_mean: Histogram | None
    advantage: Histogram | None
    group_sizes: tuple[tuple[int, int], ...]
    """How many groups there are of each size, the most frequent first."""
    zero_std: float | None
    """The share of groups whose totals are all the same."""
    steps: tuple[Trend, ...]
    """The sum, each reward and the share of groups with zero std; none without steps."""
    length: float
    """The mean number of characters."""
    findings: tuple[Finding, ...]


TOTAL, LENGTH, FLAT_GROUPS = "weighted sum", "characters", "groups with zero std"


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
        group_mean=histogram(rows.group_means) if zero else None,
        advantage=histogram(rows.advantages)
        if any(a is not None for a in rows.advantages)
        else None,
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
    (Bar(low=0, high=0, size=2), Bar(low=1, high=1, size=1))
    """
    known = sorted(value for value in values if value is not None)
    counts = Counter(known)
    if len(counts) <= _LEVELS:
        bars = tuple(Bar(value, value, count) for value, count in sorted(counts.items()))
        return Histogram(bars, levels=True)
    low, high = known[0], known[-1]
    cuts = quantiles(known, n=200, method="inclusive")  # so that a long tail hides nothing
    room = cuts[-1] - cuts[0]
    low, high = max(low, cuts[0] - room), min(high, cuts[-1] + room)
    if high <= low:
        low, high = known[0], known[-1]
    edges = [low + (high - low) * place / BINS for place in range(1, BINS)]
    filled = [0] * BINS
    for value in known:
        filled[bisect_right(edges, value)] += 1
    ends = [known[0], *edges, known[-1]]
    return Histogram(tuple(Bar(ends[i], ends[i + 1], filled[i]) for i in range(BINS)), levels=False)


def _distribution(rows: Rows, name: str, values: Sequence[Value]) -> Distribution:
    """Return one reward's figures."""
    known = [value for value in values if value is not None]
    flat = [spread(values, group) < ZERO_STD for group in rows.groups]
    return Distribution(
        name=name,
        weight=rows.weights.get(name),
        known=len(known),
        missing=len(values) - len(known),
        alike=max(Counter(known).values()) / len(known) if known else 0.0,
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
    """Return the most frequent reasons; where they are many, without numbers and quotations."""
    few = len(set(whys)) <= _LEVELS
    found: dict[str, list[Value]] = defaultdict(list)
    for why, value in zip(whys, values, strict=False):
        if why:
            found[why if few else _kind(why)].append(value)
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


def _over_steps(rows: Rows) -> tuple[Trend, ...]:
    """Return the sum, each reward and the share of groups with zero std, over the steps."""
    steps = sorted({step for step in rows.steps if step is not None})
    if len(steps) < 2:  # noqa: PLR2004 - one point is no line
        return ()
    size = -(-len(steps) // _STEPS)
    spans = [steps[place : place + size] for place in range(0, len(steps), size)]
    span_of = {step: place for place, span in enumerate(spans) for step in span}
    own = [None if step is None else span_of[step] for step in rows.steps]
    trends = [Trend(TOTAL, _line(rows.totals, own, spans))]
    trends += [Trend(name, _line(values, own, spans)) for name, values in rows.values.items()]
    if rows.groups:
        flat = [float(std < ZERO_STD) for std in rows.group_stds]
        where = [own[group[0]] for group in rows.groups]
        trends.append(Trend(FLAT_GROUPS, _line(flat, where, spans), share=True))
    return tuple(trend for trend in trends if trend.points)


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


_BAD_GROUPS, _MANY_GROUPS = 0.5, 0.2
_FLAT, _NEARLY_FLAT = 0.995, 0.95
_AT_BOUND, _MISSING = 0.5, 0.2
_SAME, _NEARLY_SAME = 0.999, 0.95
_DOMINATES, _FOLLOWS = 0.9, 0.6


def _findings(
    rows: Rows, figures: Figures, bounds: Mapping[str, tuple[float, float]]
) -> tuple[Finding, ...]:
    """Return what stands out, the worst first."""
    found = [
        *_zero_std(figures),
        *(finding for each in figures.rewards for finding in _incomplete(each, rows)),
        *_flat(figures),
        *_agreeing(figures),
        *(
            finding
            for each in figures.rewards
            for finding in _at_bound(each, rows.values[each.name], bounds.get(each.name))
        ),
        *_dominating(figures),
        *_following_length(figures),
    ]
    order = ["bad", "watch", "good"]
    found.sort(key=lambda finding: order.index(finding.level))
    if all(finding.level == "good" for finding in found):
        text = "No reward is flat, none repeats another, none leaves its rows without a value."
        found.append(Finding("clear", "good", "\N{CHECK MARK}", "Nothing else stands out", text))
    return tuple(found)


def _zero_std(figures: Figures) -> list[Finding]:
    """Say how many groups teach nothing."""
    share = figures.zero_std
    if share is None:
        return []
    text = (
        f"{percent(share)} of the groups have zero std: their completions all earn the same, so"
        " every advantage is 0."
    )
    if share >= _BAD_GROUPS:
        return [Finding("zero_std", "bad", percent(share), "Most groups teach nothing", text)]
    if share >= _MANY_GROUPS:
        return [Finding("zero_std", "watch", percent(share), "Many groups teach nothing", text)]
    text = f"{percent(share)} of the groups have zero std; all others say what is better."
    return [Finding("zero_std", "good", percent(share), "Groups tell completions apart", text)]


def _incomplete(each: Distribution, rows: Rows) -> list[Finding]:
    """Say where a reward gave no value, or an infinite one."""
    found = []
    name, share = each.name, each.missing / len(rows)
    if wild := rows.infinite.get(name):
        text = f"{wild:,} values of {name} are infinite, and would spoil their groups in a trainer."
        found.append(Finding("infinite", "bad", f"{wild:,}", "Infinite values", text, (name,)))
    if share >= _MISSING:
        level: Level = "watch" if each.known else "bad"
        text = f"{name} gave no value to {percent(share)} of the rows: it abstained there."
        title = "A reward often abstains" if each.known else "A reward always abstains"
        found.append(Finding("missing", level, percent(share), title, text, (name,)))
    return found


def _flat(figures: Figures) -> list[Finding]:
    """Say which rewards give nearly every row the same."""
    flat: dict[Level, list[Distribution]] = {"bad": [], "watch": []}
    for each in figures.rewards:
        if each.known > 1 and each.alike >= _NEARLY_FLAT:  # one row is always alike
            flat["bad" if each.alike >= _FLAT else "watch"].append(each)
    found = []
    for level, those in flat.items():
        if not those:
            continue
        several = len(those) > 1
        how = "flat" if level == "bad" else "nearly flat"
        title = f"{len(those)} rewards are {how}" if several else f"A reward is {how}"
        least = percent(min(each.alike for each in those))
        told = "all rows" if least == "100%" else f"{least} of the rows{' or more' * several}"
        moves = "no" if least == "100%" else "hardly any"
        given = ", ".join(each.name for each in those)
        text = f"{given}: {told} get the same, so {moves} advantage moves."
        names = tuple(each.name for each in those)
        found.append(Finding("flat", level, least, title, text, names))
    return found


def _at_bound(
    each: Distribution, values: Sequence[Value], limits: tuple[float, float] | None
) -> list[Finding]:
    """Say that a graded reward mostly gives its least or its most."""
    few = each.histogram.levels and len(each.histogram.bars) <= 3  # noqa: PLR2004 - yes, no and half
    if few or not each.known or each.alike >= _NEARLY_FLAT:
        return []
    low, high = limits or (each.low, each.high)
    for limit, end in ((low, "least"), (high, "most")):
        share = sum(value == limit for value in values) / each.known
        if share >= _AT_BOUND:
            told = percent(share)
            text = f"{told} of the rows get the {end} that {each.name} gives, {number(limit)}."
            title = "A graded reward sits at its bound"
            return [Finding("at_bound", "watch", told, title, text, (each.name,))]
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
            often = "always" if abs(r) >= _SAME else "nearly always"
            against = (one.weight or 0) * (other.weight or 0) * r < 0
            told = "pull against each other" if against else "agree"
            then = "they cancel each other out" if against else "the sum counts one thing twice"
            text = f"{other.name} and {one.name} {often} {told}: {then}."
            level: Level = "bad" if often == "always" else "watch"
            names = (other.name, one.name)
            title = f"Two rewards {often} {told}"
            found.append(Finding("agree", level, f"r {r:.2f}", title, text, names))
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
            "One reward is nearly all of the sum",
            f"{percent(each.part)} of the sum's variance is {each.name}; the others hardly count.",
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
    longer = "Longer" if r > 0 else "Shorter"
    text = f"{longer} completions earn more, whatever they say: r {r:.2f} with the characters."
    return [Finding("length", "watch", f"r {r:.2f}", "The sum follows length", text)]


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
