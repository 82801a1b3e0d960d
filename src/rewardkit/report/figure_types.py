"""The figures of a page as data: distributions, trends, correlations and findings."""

from __future__ import annotations

from typing import Literal, NamedTuple

from rewardkit._scored.passes import PassRates
from rewardkit.report.rows import Value

TOTAL, LENGTH, FLAT_GROUPS = "weighted sum", "characters", "groups with zero std"

Level = Literal["bad", "watch", "good"]


class Bar(NamedTuple):
    """One bar of a histogram: the values from `low` to `high`, both included."""

    low: float
    high: float
    size: int


class Histogram(NamedTuple):
    """A bar for each level, or bins of equal width with the tails in the first and the last."""

    bars: tuple[Bar, ...]
    levels: bool


class Reason(NamedTuple):
    """A reason that a reward gave, the share of rows that it gave it for, and their mean value."""

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
    """The share of groups in which all its values are equal; None if there are no groups."""
    variance_share: float | None
    """Its share of the variance of the sum: weight * cov(reward, sum) / var(sum)."""
    group_share: float | None
    """The same within groups, which is what moves the advantages; None without groups."""


class Point(NamedTuple):
    """Some steps of the run: their mean, the standard deviation, and how many rows they have."""

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


class ReportFinding(NamedTuple):
    """One thing that a person should know about the rewards."""

    kind: str
    """`zero_std`, `signal`, `flat`, `agree`, `at_bound`, `missing`, `infinite`, `dominates`,
    `length`; `clear` if there is nothing else."""
    level: Level
    """`bad`, `watch` or `good`."""
    figure: str
    """The number that says how much."""
    title: str
    """The finding in a few words."""
    text: str
    """A sentence or two for people."""
    rewards: tuple[str, ...] = ()
    """The rewards that it is about; empty for the sum."""


class Figures(NamedTuple):
    """Everything that the page draws."""

    total: Distribution
    rewards: tuple[Distribution, ...]
    names: tuple[str, ...]
    """The rows and columns of `correlations`: the rewards, the sum, the length."""
    correlations: tuple[tuple[float | None, ...], ...]
    group_std: Histogram | None
    group_mean: Histogram | None
    pass_rate: Histogram | None
    """How many groups have each pass rate; None if no reward says what passes."""
    advantage: Histogram | None
    group_sizes: tuple[tuple[int, int], ...]
    """How many groups there are of each size, the most frequent first."""
    zero_std: float | None
    """The share of groups whose totals are all equal."""
    passes: PassRates | None
    """The pass rate, pass@k and the majority vote; None if no reward says what passes."""
    rest_share: float | None
    """The share of the sum's variance beside the file's rewards: 0 if the sum is theirs."""
    rest_group_share: float | None
    """The same within groups."""
    steps: tuple[Trend, ...]
    """The sum, each reward and the share of groups with zero std; empty without steps."""
    length: float
    """The mean number of characters."""
    findings: tuple[ReportFinding, ...]
    """What is wrong with the rewards, the worst first."""
