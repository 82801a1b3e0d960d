"""What is wrong with the rewards of a file, as their figures show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from rewardkit.report.figure_types import Distribution, Figures, Level, ReportFinding
from rewardkit.report.formatting import number, percent, two_decimals
from rewardkit.report.rows import ZERO_STD, Rows, Value

_LEVELS: tuple[Level, ...] = ("bad", "watch", "good")

# Shares of the groups that give no gradient. A half is as if the batch were half as large.
MOST_GROUPS, MANY_GROUPS = 0.5, 0.2
# Shares of the rows with one value. Below 95% a rare event is common enough to be learned from.
FLAT, NEARLY_FLAT = 0.995, 0.95
# The share of rows at an end of the scale from which better and worse no longer differ.
AT_BOUND = 0.5
# An abstention here and there is a missing reference; a fifth of the rows is a design or a bug.
OFTEN_MISSING = 0.2
# Absolute correlations of two rewards. At 0.95 one explains 90% of the other's variance.
SAME, NEARLY_SAME = 0.999, 0.95
# A share of the sum's variance, and a correlation with the length (a third of its variance).
DOMINATES, FOLLOWS_LENGTH = 0.9, 0.6
# Two rows always correlate at 1 or -1. Of 20 unrelated ones, 1 in 200 files reaches 0.6.
MIN_CORRELATED_ROWS = 20
# More names than these do not fit a sentence.
MAX_NAMED = 5


def find_problems(
    rows: Rows, figures: Figures, bounds: Mapping[str, tuple[float, float]]
) -> tuple[ReportFinding, ...]:
    """List the findings, the worst first; `bounds` are the rewards' own, if they are known."""
    found = [
        *_check_group_std(figures, signal := _check_signal(rows, figures)),
        *signal,
        *(finding for reward in figures.rewards for finding in _check_missing(reward, rows)),
        *_check_flat(figures),
        *_check_agreement(figures),
        *(
            finding
            for reward in figures.rewards
            for finding in _check_bounds(reward, rows.values[reward.name], bounds.get(reward.name))
        ),
        *_check_dominance(figures),
        *_check_length(figures),
    ]
    found.sort(key=lambda finding: _LEVELS.index(finding.level))
    if all(finding.level == "good" for finding in found):
        text = "No reward is flat, repeats another, or leaves many rows without a value."
        found.append(ReportFinding("clear", "good", "\N{CHECK MARK}", "No other findings", text))
    return tuple(found)


def _check_group_std(figures: Figures, signal: Sequence[ReportFinding]) -> list[ReportFinding]:
    share = figures.zero_std
    if share is None:
        return []
    figure = percent(share)
    by_reward = _describe_varying_groups(figures.rewards)
    if share < MANY_GROUPS:
        # Not "good" where the sum varies only by what should not decide.
        if signal:
            return []
        title = "Groups without a learning signal (zero reward std)"
        text = f"{figure} of the groups have zero reward std.{by_reward}"
        return [ReportFinding("zero_std", "good", figure, title, text)]
    text = (
        f"{figure} of the groups have zero reward std: all their completions earn the same, so"
        f" every advantage is 0.{by_reward}"
    )
    level: Level = "bad" if share >= MOST_GROUPS else "watch"
    title = f"{_many(share)} groups give no learning signal (zero reward std)"
    return [ReportFinding("zero_std", level, figure, title, text)]


def _describe_varying_groups(rewards: Sequence[Distribution]) -> str:
    varying = [
        f"{reward.name} in {percent(1.0 - reward.flat_groups)}"
        for reward in rewards[:MAX_NAMED]
        if reward.flat_groups is not None
    ]
    if not varying:
        return ""
    more = len(rewards) - len(varying)
    return f" Groups in which it varies: {', '.join(varying)}{f', and {more} more' * bool(more)}."


def _check_signal(rows: Rows, figures: Figures) -> list[ReportFinding]:
    """Check which rewards make the advantages, group by group."""
    sum_varies = [std >= ZERO_STD for std in rows.group_stds]
    if not any(sum_varies) or len(figures.rewards) < 2:  # noqa: PLR2004 - one is the whole sum
        return []
    flat = {name: rows.flat_groups[name] for name, weight in rows.weights.items() if weight}
    if rows.rule is not None:
        right = rows.rule.reward
        return _check_right_signal(rows, sum_varies, flat, right) if right in flat else []
    # Without knowing which reward matters, only one that decides alone can be suspected.
    found = []
    graded = [each.name for each in figures.rewards if each.known and each.alike < NEARLY_FLAT]
    for name in graded if len(graded) > 1 else []:
        others = [values for other, values in flat.items() if other != name]
        share = fmean(map(all, zip(sum_varies, *others, strict=True)))
        if name in flat and share >= MANY_GROUPS:
            figure = percent(share)
            text = (
                f"In {figure} of the groups {name} is the only reward that varies: their advantages"
                f" come from {name} alone."
            )
            title = f"{_many(share)} groups vary by one reward alone"
            found.append(ReportFinding("signal", "watch", figure, title, text, (name,)))
    return found


def _check_right_signal(
    rows: Rows, sum_varies: Sequence[bool], flat: Mapping[str, Sequence[bool]], right: str
) -> list[ReportFinding]:
    without = [all(pair) for pair in zip(sum_varies, flat[right], strict=True)]
    share = fmean(without)
    if share < MANY_GROUPS:
        return []
    never = fmean(rate == 0 for rate, hit in zip(rows.pass_rates, without, strict=True) if hit)
    always = fmean(rate == 1 for rate, hit in zip(rows.pass_rates, without, strict=True) if hit)
    others = [
        name
        for name, values in flat.items()
        if name != right and not all(one for one, hit in zip(values, without, strict=True) if hit)
    ]
    figure = percent(share)
    named = ", ".join(others[:MAX_NAMED]) + ", and others" * (len(others) > MAX_NAMED)
    text = (
        f"In {figure} of the groups the reward {right} is the same for all completions (of these,"
        f" {percent(never)} never pass and {percent(always)} always). Their sums vary all the same:"
        f" the advantages come from {named or 'what is not in the file'}."
    )
    level: Level = "bad" if share >= MOST_GROUPS else "watch"
    title = f"{_many(share)} groups differ, but not in the reward {right}"
    return [ReportFinding("signal", level, figure, title, text, (right, *others))]


def _many(share: float) -> str:
    return "Most" if share >= MOST_GROUPS else "Many"


def _check_missing(reward: Distribution, rows: Rows) -> list[ReportFinding]:
    found = []
    name, share = reward.name, reward.missing / len(rows)
    if count := rows.infinite.get(name):
        text = f"{count:,} values of {name} are infinite; TRL would spread them over their groups."
        found.append(
            ReportFinding("infinite", "bad", f"{count:,}", "Infinite values", text, (name,))
        )
    if share >= OFTEN_MISSING:
        level: Level = "watch" if reward.known else "bad"
        text = f"{name} gave no value on {percent(share)} of the rows: it abstained there."
        why = next((reason.text for reason in reward.reasons if reason.mean is None), "")
        text += f" The usual reason: {why}." if why else ""
        title = "A reward often abstains" if reward.known else "A reward always abstains"
        found.append(ReportFinding("missing", level, percent(share), title, text, (name,)))
    return found


def _check_flat(figures: Figures) -> list[ReportFinding]:
    flat: dict[Level, list[Distribution]] = {"bad": [], "watch": []}
    for reward in figures.rewards:
        if reward.known > 1 and reward.alike >= NEARLY_FLAT:  # one row is always alike
            flat["bad" if reward.alike >= FLAT else "watch"].append(reward)
    found = []
    for level, rewards in flat.items():
        if not rewards:
            continue
        several = len(rewards) > 1
        how = "flat" if level == "bad" else "nearly flat"
        title = f"{len(rewards)} rewards are {how}" if several else f"A reward is {how}"
        least = percent(min(reward.alike for reward in rewards))
        always = least == "100%"
        rows = "all rows" if always else f"{least} of the rows{' or more' * several}"
        effect = "no effect" if always else "hardly any effect"
        names = tuple(reward.name for reward in rewards)
        text = f"{', '.join(names)}: {rows} get the same value, so {effect} on the advantages."
        found.append(ReportFinding("flat", level, least, title, text, names))
    return found


def _check_bounds(
    reward: Distribution, values: Sequence[Value], limits: tuple[float, float] | None
) -> list[ReportFinding]:
    # Of yes, no and half, two are bounds. A flat reward has a finding of its own.
    few = reward.histogram.levels and len(reward.histogram.bars) <= 3  # noqa: PLR2004
    if few or not reward.known or reward.alike >= NEARLY_FLAT:
        return []
    low, high = limits or (reward.low, reward.high)
    for limit, end in ((low, "lowest"), (high, "highest")):
        share = sum(value == limit for value in values) / reward.known
        if share >= AT_BOUND:
            figure = percent(share)
            text = f"{figure} of the rows get the {end} value of {reward.name}, {number(limit)}."
            title = "A graded reward is mostly at its bound"
            return [ReportFinding("at_bound", "watch", figure, title, text, (reward.name,))]
    return []


def _check_agreement(figures: Figures) -> list[ReportFinding]:
    found = []
    rewards = figures.rewards
    for i, one in enumerate(rewards):
        for j, other in enumerate(rewards[:i]):
            r = figures.correlations[i][j]
            # A few rows agree by chance.
            few = min(one.known, other.known) < MIN_CORRELATED_ROWS
            if r is None or abs(r) < NEARLY_SAME or few:
                continue
            often = "always" if abs(r) >= SAME else "nearly always"
            # What counts is their effect on the sum, so a negative weight reverses it.
            opposed = (one.weight or 0) * (other.weight or 0) * r < 0
            verb = "oppose each other" if opposed else "agree"
            effect = "they cancel each other out" if opposed else "the sum counts one thing twice"
            text = f"{other.name} and {one.name} {often} {verb}: {effect}."
            level: Level = "bad" if often == "always" else "watch"
            names = (other.name, one.name)
            title = f"Two rewards {often} {verb}"
            found.append(ReportFinding("agree", level, f"r {two_decimals(r)}", title, text, names))
    return found


def _check_dominance(figures: Figures) -> list[ReportFinding]:
    if len(figures.rewards) < 3:  # noqa: PLR2004 - of two rewards, one may well lead
        return []
    found = []
    for reward in figures.rewards:
        if reward.variance_share is not None and reward.variance_share >= DOMINATES:
            # It is more than all where others work against it, which nobody would understand here.
            share = percent(min(reward.variance_share, 1.0))
            text = f"{share} of the sum's variance is {reward.name}; the others hardly count."
            title = "One reward is nearly all of the sum"
            found.append(ReportFinding("dominates", "watch", share, title, text, (reward.name,)))
    return found


def _check_length(figures: Figures) -> list[ReportFinding]:
    r = figures.correlations[-2][-1]  # of the sum with the length
    if r is None or abs(r) < FOLLOWS_LENGTH or figures.total.known < MIN_CORRELATED_ROWS:
        return []
    longer = "Longer" if r > 0 else "Shorter"
    figure = f"r {two_decimals(r)}"
    text = f"{longer} completions earn more ({figure} with the number of characters)."
    return [ReportFinding("length", "watch", figure, "The sum follows the length", text)]
