"""The rows of a scored file, by column, with groups and advantages as GRPO makes them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any, NamedTuple

from rewardkit._score_checks import are_finite, weighted_sum
from rewardkit._scored.columns import (
    TOTAL,
    TRL_COLUMNS,
    WHY,
    RawRow,
    Sidecar,
    choose_group_column,
    find_reward_columns,
    list_columns,
    read_group_keys,
    read_number,
)
from rewardkit._scored.passes import TOLERANCE, PassRule, choose_reward, make_rule
from rewardkit._text.completions import replace_surrogates
from rewardkit.batch import Batch, read_step
from rewardkit.report.formatting import shorten_names
from rewardkit.reward import Reward

ZERO_STD = 1e-8  # torch.isclose's tolerance, by which TRL counts frac_reward_zero_std
FLAG_VALUES = 2  # of a reward that says yes or no
EPSILON = 1e-4  # what TRL adds to a group's std

Value = float | None


@dataclass(frozen=True)
class Rows:
    """A scored file in memory, one entry per row in each list."""

    texts: list[str]
    """The completions as text."""
    prompts: list[str]
    """The prompts as text, "" if there are none."""
    steps: list[int | None]
    """The trainer's step."""
    values: dict[str, list[Value]]
    """Each reward's values; None where it abstained."""
    whys: dict[str, list[str]]
    """Each reward's reasons, "" if there are none."""
    weights: dict[str, float]
    """Each reward's weight in the sum."""
    totals: list[Value]
    """The weighted sums; None where every reward abstained."""
    advantages: list[Value]
    """The advantages: the file's own, or each total compared with its group."""
    groups: list[list[int]]
    """The rows of each group of two or more completions."""
    extras: list[dict[str, Any]]
    """Every other column of each row."""
    infinite: dict[str, int] = field(default_factory=dict)
    """How many infinities each reward gave; they are left out, as None."""
    alone: list[int] = field(default_factory=list)
    """The rows whose group has no other completion."""
    rule: PassRule | None = None
    """Which reward says that a completion passes; None if that is not known."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    @cached_property
    def group_of(self) -> list[int | None]:
        """Each row's group, by its index in `groups`; None for a row outside of any."""
        found: list[int | None] = [None] * len(self)
        for index, rows in enumerate(self.groups):
            for row in rows:
                found[row] = index
        return found

    @cached_property
    def group_stds(self) -> list[float]:
        """The sample standard deviation of the totals within each group."""
        return [sample_std(self.totals, rows) for rows in self.groups]

    @cached_property
    def group_means(self) -> list[Value]:
        """The mean of the totals of each group; None if all of them are None."""
        return [_mean_of_known(self.totals, rows) for rows in self.groups]

    @cached_property
    def flat_groups(self) -> dict[str, list[bool]]:
        """By reward, whether its values are all equal within each group."""
        return {
            name: [_is_flat(values, rows) for rows in self.groups]
            for name, values in self.values.items()
        }

    @cached_property
    def pass_rates(self) -> list[Value]:
        """The share of each group's completions that pass; None without a value or a rule."""
        if self.rule is None:
            return [None] * len(self.groups)
        values, least = self.values[self.rule.reward], self.rule.least - TOLERANCE
        rates: list[Value] = []
        for rows in self.groups:
            known = [value >= least for row in rows if (value := values[row]) is not None]
            rates.append(sum(known) / len(known) if known else None)
        return rates

    @cached_property
    def disagreement(self) -> list[float]:
        """How much the rewards disagree on each row, 0 to 0.5.

        Each reward is scaled to 0..1 between its lowest and its highest value, and reversed if its
        weight is negative. The result is the standard deviation over the rewards.
        """
        columns: list[list[Value]] = []
        for name, values in self.values.items():
            known = [value for value in values if value is not None]
            if known and max(known) > min(known):  # a constant has no opinion on any row
                low, high = min(known), max(known)
                if self.weights[name] < 0:
                    low, high = high, low
                width = high - low
                columns.append([None if v is None else (v - low) / width for v in values])
        if len(columns) < 2:  # noqa: PLR2004 - one reward cannot disagree
            return [0.0] * len(self)
        stds = []
        for row in zip(*columns, strict=True):
            scaled = [value for value in row if value is not None] if None in row else row
            stds.append(standard_deviation(scaled) if len(scaled) > 1 else 0.0)
        return stds


class RowOptions(NamedTuple):
    """How to read a scored file: its rewards, their sum, its groups, which completions pass."""

    rewards: Sequence[str] | None = None
    """The columns of rewards; by default `rewards/NAME`, or TRL's."""
    weights: Mapping[str, float] | None = None
    """Factors in the sum, by the reward's name."""
    group: str | None = None
    """The column whose equal values make a group; by default the prompt."""
    pass_reward: str | None = None
    """The reward that says whether a completion passes."""
    pass_value: float | None = None
    """The lowest value that passes."""


def gather_beside(
    source: Iterable[Mapping[str, Any]], beside: Sidecar, options: RowOptions
) -> Rows:
    """Collect the rows of a scored file with the weights of its sidecar, where none are given.

    The sum is made anew where rewards or weights are given; the sidecar's bias belongs to its own
    rewards.
    """
    rewards, weights = options.rewards, options.weights
    given = options._replace(weights={**beside.weights, **(weights or {})})
    return gather(
        source,
        **given._asdict(),
        bias=0.0 if rewards is not None else beside.bias,
        sum_anew=rewards is not None or weights is not None,
        known_rewards=beside.rewards,
    )


def gather(  # noqa: PLR0913 - keywords, all but one
    source: Iterable[Mapping[str, Any]],
    *,
    rewards: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    bias: float = 0.0,
    group: str | None = None,
    sum_anew: bool = False,
    known_rewards: Mapping[str, Reward] | None = None,
    pass_reward: str | None = None,
    pass_value: float | None = None,
) -> Rows:
    """Collect the rows of a scored file.

    Rewards are the columns `rewards/NAME` that scoring writes, else every numeric column of TRL's
    own table; `rewards` names others. `weights` are their factors, 1 for a reward without one, and
    `bias` is added to their sum. The file's own column `reward` is the sum, unless `sum_anew`. Rows
    with the same step and the same value of `group` make a group, by default of the prompt.
    `pass_reward` and `pass_value` say which completions pass, else the rewards that are known as
    objects do. A reward's name of more than 120 characters is shortened.

    Raises ValueError if there are no rows, no completions or no rewards, and for unknown columns.

    >>> pairs = [("a", 1.0), ("b", 3.0)]
    >>> rows = gather({"prompt": "?", "completion": text, "rewards/r": r} for text, r in pairs)
    >>> rows.totals, [round(advantage, 3) for advantage in rows.advantages]
    ([1.0, 3.0], [-0.707, 0.707])
    """
    table = list(source)
    names = list_columns(table)
    found = find_reward_columns(table, names, rewards)
    # A page shows a name in every row of its table, and a browser lays out each of them.
    short = dict(zip(found, shorten_names(found), strict=True))
    columns = {short[name]: column for name, column in found.items()}
    values = {name: _read_numbers(table, column) for name, column in columns.items()}
    factors = _choose_factors(short, weights or {})
    has_sum = TOTAL in names and TOTAL not in values and not sum_anew
    totals = _read_numbers(table, TOTAL) if has_sum else _add_up(values, factors, bias)
    group_column = choose_group_column(names, group)
    groups, alone = _find_groups(table, group_column) if group_column else ([], [])
    whys = {name: column + WHY for name, column in columns.items()}
    return Rows(
        texts=Batch([row.get("completion") for row in table]).texts,
        prompts=_prompt_texts(table),
        steps=[read_step(row.get("step")) for row in table],
        values=values,
        whys={name: _read_whys(table, column) for name, column in whys.items()},
        weights=factors,
        totals=totals,
        advantages=(
            _read_numbers(table, "advantage")
            if "advantage" in names and "advantage" not in values  # a reward may have that name
            else _compute_advantages(totals, groups)
        ),
        groups=groups,
        extras=_list_extras(table, names, {*TRL_COLUMNS, *columns.values(), *whys.values()}),
        infinite=_count_infinities(table, columns),
        alone=alone,
        rule=_choose_rule(values, short, known_rewards or {}, pass_reward, pass_value),
    )


def _choose_factors(short: Mapping[str, str], weights: Mapping[str, float]) -> dict[str, float]:
    for name, weight in weights.items():
        if not math.isfinite(weight):
            raise ValueError(f"got {weight} as the weight of {name!r}, expected a finite number")
    return {shown: float(weights.get(name, 1.0)) for name, shown in short.items()}


def _add_up(
    values: Mapping[str, list[Value]], factors: Mapping[str, float], bias: float
) -> list[Value]:
    weights = [*factors.values()]
    return [weighted_sum(row, weights, bias) for row in zip(*values.values(), strict=True)]


def _list_extras(
    table: Sequence[RawRow], names: Iterable[str], used: Collection[str]
) -> list[dict[str, Any]]:
    others = {name: index for index, name in enumerate(names) if name not in used}
    # by the row's own columns: there may be as many as rows
    return [
        {
            name: row[name]
            for name in sorted(row.keys() & others.keys(), key=others.__getitem__)
            if row[name] is not None
        }
        for row in table
    ]


def _choose_rule(
    values: Mapping[str, list[Value]],
    short: Mapping[str, str],
    known_rewards: Mapping[str, Reward],
    wanted: str | None,
    pass_value: float | None,
) -> PassRule | None:
    known = {short[name]: reward for name, reward in known_rewards.items() if name in short}
    wanted = short.get(wanted, wanted) if wanted else None
    # A page that nobody asked for pass rates should not take a length for one.
    guess = all(len({*column} - {None}) <= FLAG_VALUES for column in values.values())
    passing = choose_reward([*values], known, wanted, guess=guess)
    return None if passing is None else make_rule(passing, known, values[passing], pass_value)


def _mean_of_known(values: Sequence[Value], rows: Iterable[int]) -> Value:
    known = [value for row in rows if (value := values[row]) is not None]
    return fmean(known) if known else None


def _is_flat(values: Sequence[Value], rows: Iterable[int]) -> bool:
    known = [value for row in rows if (value := values[row]) is not None]
    return not known or max(known) - min(known) < ZERO_STD


def sample_std(values: Sequence[Value], rows: Iterable[int]) -> float:
    """Return the standard deviation over some rows, n - 1 in the denominator as in TRL.

    It is 0 if fewer than two values are known.
    """
    known = [value for row in rows if (value := values[row]) is not None]
    # Equal values are sorted out first: rounding would give some of them a std of 1e-17.
    if not known or max(known) - min(known) < ZERO_STD:
        return 0.0
    return standard_deviation(known, sample=True)


def standard_deviation(values: Sequence[float], *, sample: bool = False) -> float:
    """Return the standard deviation; of a sample, with n - 1 in the denominator.

    >>> standard_deviation([1.0, 3.0]), round(standard_deviation([1.0, 3.0], sample=True), 3)
    (1.0, 1.414)
    """
    # The statistics module computes with fractions, which takes seconds for ten thousand groups.
    # dist() scales its arguments, so the square of a large one does not overflow.
    mean = fmean(values)
    return math.dist(values, [mean] * len(values)) / math.sqrt(len(values) - sample)


def _read_numbers(table: Sequence[RawRow], column: str) -> list[Value]:
    values = [row.get(column) for row in table]
    return values if are_finite(values) else [*map(read_number, values)]


def _count_infinities(table: list[Mapping[str, Any]], columns: Mapping[str, str]) -> dict[str, int]:
    counts = {}
    for name, column in columns.items():
        values = [value for row in table if isinstance(value := row.get(column), float)]
        if count := sum(map(math.isinf, values)):
            counts[name] = count
    return counts


def _read_whys(table: Sequence[RawRow], column: str) -> list[str]:
    # No page can be encoded with lone surrogates.
    return [
        "" if (why := row.get(column)) is None else replace_surrogates(str(why)) for row in table
    ]


def _prompt_texts(table: Sequence[RawRow]) -> list[str]:
    texts: list[str] = []
    before: Any = None
    for row in table:
        prompt = row.get("prompt")
        # The prompts of a group usually follow each other: they share one text in memory.
        if not texts or prompt != before:
            text = Batch([""], prompts=[prompt or ""]).prompt_text(0)
        texts.append(text)
        before = prompt
    return texts


def _find_groups(table: Sequence[RawRow], column: str) -> tuple[list[list[int]], list[int]]:
    """Return the rows of each group of two or more, and the rows alone in theirs."""
    groups: dict[tuple[int | None, str], list[int]] = {}
    for index, key in enumerate(read_group_keys(table, column)):
        if key is not None:
            groups.setdefault(key, []).append(index)
    # A completion alone has nothing to be compared with; GRPO gives it no advantage.
    several = [rows for rows in groups.values() if len(rows) > 1]
    return several, [rows[0] for rows in groups.values() if len(rows) == 1]


def _compute_advantages(totals: list[Value], groups: list[list[int]]) -> list[Value]:
    """Return (reward - mean) / (std + 1e-4) within each group; None outside of any.

    Source: GRPO (Shao et al. 2024, section 4.1.2), with the constant that TRL adds.
    """
    advantages: list[Value] = [None] * len(totals)
    for rows in groups:
        known = [(row, value) for row in rows if (value := totals[row]) is not None]
        if known:
            mean, std = fmean([value for _, value in known]), sample_std(totals, rows)
            for row, value in known:
                advantages[row] = (value - mean) / (std + EPSILON)
    return advantages
