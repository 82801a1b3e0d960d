"""What changed between two scored files: by how much, with which interval, and in which rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import nlargest
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

from rewardkit._scored.passes import PassRates, count_passes, summarize_passes
from rewardkit.report.compute_figures import make_histogram
from rewardkit.report.figure_types import LENGTH, TOTAL, Histogram
from rewardkit.report.intervals import mean_interval
from rewardkit.report.rows import Rows, Value

Unit = Literal["rows", "prompts"]
Pairs: TypeAlias = "list[list[tuple[int, int]]]"
"""For each prompt the pairs of rows, by their indices before and after."""


class Change(NamedTuple):
    """What changed in one reward."""

    name: str
    """The reward's name; of the sum "weighted sum", of the length "characters"."""
    before: float | None
    """The mean over the prompts before; each prompt counts once. None if no prompt has a value in
    both files, here and below."""
    after: float | None
    """The same after."""
    change: float | None
    """The mean change."""
    interval: tuple[float, float] | None
    """The 95 % confidence interval of the change, over prompts; None for a single one."""
    prompts: int
    """How many prompts have a value in both."""
    rose: int
    """In how many rows it rose, or prompts if the completions differ."""
    fell: int
    """In how many it fell."""
    equal: int
    """In how many it is the same."""
    missing: tuple[int, int]
    """How many rows have no value, before and after."""

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0.0 <= self.interval[1]


class ExampleValue(NamedTuple):
    """One reward's value in an example, before and after."""

    name: str
    before: Value
    after: Value
    why_before: str
    why_after: str


class Example(NamedTuple):
    """A completion, or a prompt with one completion of each file."""

    prompt: str
    rows: tuple[int, int]
    """The rows shown, counted from 1."""
    change: float
    """How much the sum changed: of the prompt's mean, if the completions differ."""
    texts: tuple[str, str]
    """The completions; the second is "" if they are the same."""
    values: tuple[ExampleValue, ...]
    """The values of the rows shown; of one completion, those that changed."""


class Changes(NamedTuple):
    """What changed between two files."""

    unit: Unit
    """Whether the two have the same completions, so that rows are compared, or else prompts."""
    rows: tuple[int, int]
    """How many rows the files have."""
    pairs: int
    """How many rows, or prompts, are compared."""
    unpaired: tuple[int, int]
    """How many are in one file only."""
    only: tuple[tuple[str, ...], tuple[str, ...]]
    """The rewards in one file only."""
    total: Change
    """The weighted sum."""
    rewards: tuple[Change, ...]
    """The rewards that both have."""
    length: Change
    """The number of characters."""
    passing: Change | None
    """The pass rate; None if no reward says what passes, or the two files differ in which."""
    passes: tuple[PassRates | None, PassRates | None]
    """pass@k before and after, over each whole file."""
    histogram: Histogram
    """The changes of the sum, by row or prompt."""
    rises: tuple[Example, ...]
    """Where the sum rose most."""
    falls: tuple[Example, ...]
    """Where the sum fell most."""


def compare(
    before: Rows, after: Rows, keys: tuple[Sequence[str], Sequence[str]], examples: int
) -> Changes:
    """Compare two files by the rows' keys: rows of one key are of one prompt.

    ValueError if no prompt is in both.
    """
    unit, pairs, units = _pair_rows(before, after, keys)
    names = [name for name in before.values if name in after.values]

    def measure(name: str, one: Sequence[Value], other: Sequence[Value]) -> Change:
        return _measure_change(name, one, other, pairs, unit)

    lengths = [[float(len(text)) for text in rows.texts] for rows in (before, after)]
    same_rule = before.rule and after.rule and before.rule.reward == after.rule.reward
    passing = [_pass_values(rows) for rows in (before, after)] if same_rule else None
    totals = _changes_of_units(before.totals, after.totals, pairs, unit)
    return Changes(
        unit=unit,
        rows=(len(before), len(after)),
        pairs=sum(map(len, pairs)) if unit == "rows" else len(pairs),
        unpaired=units,
        only=(
            tuple(name for name in before.values if name not in after.values),
            tuple(name for name in after.values if name not in before.values),
        ),
        total=measure(TOTAL, before.totals, after.totals),
        rewards=tuple(measure(name, before.values[name], after.values[name]) for name in names),
        length=measure(LENGTH, *lengths),
        passing=measure("pass rate", *passing) if passing else None,
        passes=(_summarize_passing(before), _summarize_passing(after)),
        histogram=make_histogram([change for change, _ in totals]),
        rises=_pick_examples(before, after, names, totals, pairs, unit, examples, 1),
        falls=_pick_examples(before, after, names, totals, pairs, unit, examples, -1),
    )


def _pair_rows(
    before: Rows, after: Rows, keys: tuple[Sequence[str], Sequence[str]]
) -> tuple[Unit, Pairs, tuple[int, int]]:
    """Pair equal completions if the files have the same ones, else all completions of a prompt.

    The same: of the prompts in both, all completions of one file are in the other. Two checkpoints
    may have many short answers in common, and what changed is in the others.
    """
    rows_of: list[dict[str, list[int]]] = [defaultdict(list), defaultdict(list)]
    for by_key, side in zip(rows_of, keys, strict=True):
        for row, key in enumerate(side):
            by_key[key].append(row)
    first, second = rows_of
    common = [key for key in first if key in second]
    if not common:
        raise ValueError(
            "the files have no prompt in common; name a column that both have with group='NAME'"
            " (--group NAME)"
        )
    by_text = [_pair_texts(before, after, first[key], second[key]) for key in common]
    paired = sum(map(len, by_text))
    sizes = [sum(len(side[key]) for key in common) for side in rows_of]
    if paired == min(sizes):
        found = [pairs for pairs in by_text if pairs]
        return "rows", found, (len(before) - paired, len(after) - paired)
    # A list of pairs for each prompt: its rows before and after, with the shorter side repeated.
    whole = []
    for key in common:
        one, other = first[key], second[key]
        size = max(len(one), len(other))
        whole.append([(one[n % len(one)], other[n % len(other)]) for n in range(size)])
    return "prompts", whole, (len(first) - len(common), len(second) - len(common))


def _pair_texts(
    before: Rows, after: Rows, one: Sequence[int], other: Sequence[int]
) -> list[tuple[int, int]]:
    free: dict[str, list[int]] = defaultdict(list)
    for row in reversed(other):
        free[after.texts[row]].append(row)
    return [(row, free[text].pop()) for row in one if free.get(text := before.texts[row])]


def _changes_of_units(
    before: Sequence[Value], after: Sequence[Value], pairs: Pairs, unit: Unit
) -> list[tuple[float, int]]:
    """Return the change of each row, or of each prompt's mean, with the number of its prompt."""
    changes = []
    for number, prompt in enumerate(pairs):
        if unit == "rows":
            for row, other in prompt:
                one, two = before[row], after[other]
                if one is not None and two is not None:
                    changes.append((two - one, number))
            continue
        means = _means_of_prompt(before, after, prompt, unit)
        if means is not None:
            changes.append((means[1] - means[0], number))
    return changes


def _means_of_prompt(
    before: Sequence[Value], after: Sequence[Value], prompt: Sequence[tuple[int, int]], unit: Unit
) -> tuple[float, float] | None:
    """Return a prompt's means; None if one of the files has no value for it."""
    if unit == "rows":
        # Of one completion both values count or none: an abstention is not a change.
        known = [(before[a], after[b]) for a, b in prompt]
        known = [pair for pair in known if None not in pair]
        one, two = [a for a, _ in known], [b for _, b in known]
    else:
        one = [before[row] for row in {row: None for row, _ in prompt}]
        two = [after[row] for row in {row: None for _, row in prompt}]
    ones = [value for value in one if value is not None]
    twos = [value for value in two if value is not None]
    return (fmean(ones), fmean(twos)) if ones and twos else None


def _measure_change(
    name: str, before: Sequence[Value], after: Sequence[Value], pairs: Pairs, unit: Unit
) -> Change:
    means = [
        found
        for prompt in pairs
        if (found := _means_of_prompt(before, after, prompt, unit)) is not None
    ]
    changes = [change for change, _ in _changes_of_units(before, after, pairs, unit)]
    differences = [two - one for one, two in means]
    return Change(
        name,
        before=fmean([one for one, _ in means]) if means else None,
        after=fmean([two for _, two in means]) if means else None,
        change=fmean(differences) if means else None,
        interval=mean_interval(differences),
        prompts=len(means),
        rose=sum(change > 0 for change in changes),
        fell=sum(change < 0 for change in changes),
        equal=sum(change == 0 for change in changes),
        missing=(list(before).count(None), list(after).count(None)),
    )


def _pass_values(rows: Rows) -> list[Value]:
    rule = rows.rule
    assert rule is not None  # noqa: S101 - the caller looks
    outcomes = map(rule.passed, rows.values[rule.reward])
    return [None if passed is None else float(passed) for passed in outcomes]


def _summarize_passing(rows: Rows) -> PassRates | None:
    if rows.rule is None or not (rows.groups or rows.alone):
        return None
    values = rows.values[rows.rule.reward]
    groups: Iterable[Sequence[int]] = [*rows.groups, *([row] for row in rows.alone)]
    counts = count_passes(rows.rule, ([values[row] for row in group] for group in groups))
    return summarize_passes(rows.rule, counts)


def _pick_examples(  # noqa: PLR0913, PLR0917 - one caller
    before: Rows,
    after: Rows,
    names: Sequence[str],
    totals: Sequence[tuple[float, int]],
    pairs: Pairs,
    unit: Unit,
    count: int,
    direction: int,
) -> tuple[Example, ...]:
    """Return the rows or prompts whose sum rose most, or fell most if the direction is negative."""
    flat = [pair for prompt in pairs for pair in prompt] if unit == "rows" else []
    known = [
        (a, b) for a, b in flat if before.totals[a] is not None and after.totals[b] is not None
    ]
    # Equal ones in the file's order, since nlargest keeps it.
    order = nlargest(count, range(len(totals)), key=lambda index: direction * totals[index][0])
    examples = []
    for index in order:
        change, number = totals[index]
        if direction * change <= 0:
            break
        if unit == "rows":
            a, b = known[index]
        else:
            # What shows the change best: from one end of the group to the other.
            a = _extreme_row(before, (row for row, _ in pairs[number]), -direction)
            b = _extreme_row(after, (row for _, row in pairs[number]), direction)
        values = (
            ExampleValue(
                name,
                before.values[name][a],
                after.values[name][b],
                before.whys[name][a],
                after.whys[name][b],
            )
            for name in names
        )
        changed = tuple(v for v in values if unit == "prompts" or v.before != v.after)
        texts = (before.texts[a], "" if unit == "rows" else after.texts[b])
        examples.append(Example(before.prompts[a], (a + 1, b + 1), change, texts, changed))
    return tuple(examples)


def _extreme_row(rows: Rows, group: Iterable[int], direction: int) -> int:
    """Return the completion with the highest sum, or the lowest if the direction is negative."""
    known = [(direction * total, -row) for row in group if (total := rows.totals[row]) is not None]
    return -max(known)[1]
