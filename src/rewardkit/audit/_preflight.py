"""Preflight: what rewards give to a dataset's perfect and imperfect completions.

A reward that never pays its maximum, or always pays the same, teaches nothing, and a trainer only
shows it as an hour of flat lines. The usual reasons are a reference that no verifier can read, and
a layout that the prompt asks for and the rewards do not know.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, groupby
from typing import Any, Literal, NamedTuple

from rewardkit.batch import Batch
from rewardkit.component import walk
from rewardkit.reward import Reward
from rewardkit.rewards.wrappers import Where
from rewardkit.scorer import (
    RewardLike,
    Row,
    Scorer,
    Value,
    as_text,
    counted,
    in_form,
    scorers,
    total,
)

Wrap = Callable[[Row], str]
_BABBLE = "the same words over and over again " * 400
_POOL_ROWS = 4


class Problem(NamedTuple):
    """What is wrong with one reward: `kind` says what, the rest where it was seen first."""

    reward: str
    """The reward's name."""
    kind: Literal["missing_column", "raises", "below_maximum", "constant", "redundant", "flat"]
    """A column that it reads is not there; it raises; a perfect completion earns too little; every
    completion earns the same; it always agrees with another reward; every group of the dataset's
    own completions earns the same."""
    detail: str
    """The error, or the reward's own reason."""
    rows: int = 0
    """On how many rows."""
    row: int = 0
    """The first of them."""
    completion: str = ""
    """The completion there."""
    value: float | None = None
    """What it earned; None where the reward abstained."""
    expected: float | None = None
    """What it should have earned."""

    def __str__(self) -> str:
        """Return it as text, in a line or two."""
        line = f"{self.reward}: {self.kind} on {counted(self.rows, 'row')}: {self.detail}"
        if self.kind != "below_maximum":
            return line
        earned = "nothing (it abstained)" if self.value is None else f"{self.value:g}"
        return f"{line}\n  {self.completion!r} earned {earned}, expected {self.expected:g}"


class Spread(NamedTuple):
    """What a reward, or the total, gives to groups of completions."""

    reward: str
    """The reward's name, or "total"."""
    mean: float
    """The mean over all completions."""
    std: float
    """The standard deviation within a group, as TRL computes it, in the mean over the groups."""
    flat: float
    """The share of the groups in which all earn the same, 0 to 1."""


class Preflight(NamedTuple):
    """What a preflight found."""

    problems: tuple[Problem, ...]
    """What is wrong; empty where nothing is."""
    rows: int
    """How many rows were tried."""
    unbounded: tuple[str, ...]
    """The rewards whose maximum is not known, or not to be had by one completion alone."""
    spread: tuple[Spread, ...] = ()
    """What each reward, and their total, gives to groups."""
    groups: Literal["simulated", "dataset"] = "simulated"
    """Where the groups are from: the dataset's own completions, where it has a column `completion`
    (adjacent rows of one prompt are a group) or `completions` (a list a row). Simulated are eight a
    row: two perfect ones, one with other digits, another row's, one cut in half, one with a remark
    after it, one without its tags, and nothing."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            **self._asdict(),
            "problems": [problem._asdict() for problem in self.problems],
            "spread": [spread._asdict() for spread in self.spread],
        }

    def __str__(self) -> str:
        """Return it as text, a line for each problem and each reward."""
        problems = counted(len(self.problems), "problem")
        lines = [f"preflight: {counted(self.rows, 'row')}, {problems}"]
        lines += [f"  {problem}" for problem in self.problems]
        lines += [f"  {name}: its maximum is not known" for name in self.unbounded]
        for spread in self.spread:
            told = f"mean {spread.mean:.3g}, std {spread.std:.3g} in a group"
            flat = f", {spread.flat:.0%} of the groups are flat" if spread.flat else ""
            lines.append(f"  {spread.reward}: {told} ({self.groups}){flat}")
        return "\n".join(lines)


def preflight(
    reward: RewardLike | Sequence[RewardLike],
    rows: Sequence[Row],
    *,
    wrap: str | Wrap = "{answer}",
    weights: Sequence[float] | None = None,
) -> Preflight:
    r"""Score perfect and imperfect completions of a dataset's rows, and say what is wrong.

    `reward` is a reward or any function that TRL takes, or several of them, with `weights` for
    plain functions; the terms of a sum are looked at one by one. `rows` hold the dataset's columns,
    and the prompt under `prompt` where a reward reads it. `wrap` writes a row's perfect completion:
    a text in which `{column}` stands for the row's cell, or a function of the row. It must earn the
    maximum of every reward, and of a plain function the most that any completion earned here (the
    minimum where the weight is negative). A reward that gives it and degenerate ones (nothing, the
    reference alone, the prompt again, an endless repetition, ...) one and the same value is
    constant; of two that rank all of these alike, by the same distances, one is redundant. Words
    stand in for tokens. Raises ValueError where there are no rows.

    >>> from rewardkit import build
    >>> right, strict = build("correct", verifier="number"), build("xml_strict")
    >>> rows = [{"answer": "4"}, {"answer": "four"}]
    >>> for problem in preflight(right + strict, rows, wrap="<answer>{answer}</answer>").problems:
    ...     print(problem.reward, problem.kind, problem.rows, problem.detail)
    correct[verifier=number] below_maximum 1 bad_reference
    xml_strict below_maximum 2 not the strict layout
    xml_strict constant 2 every completion earns 0
    """
    if not rows:
        message = "no rows to try; give some rows of the dataset, as mappings by column"
        raise ValueError(message)
    write = wrap if callable(wrap) else template(wrap)
    perfect = [(row, write(row)) for row in rows]
    pool = _pool(perfect, write)
    own = _own(rows)
    groups = own or _simulated(perfect)
    problems: list[Problem] = []
    pooled: dict[str, list[Value]] = {}
    grouped: dict[str, list[Value]] = {}
    given = [in_form(scorer, *perfect[0], noise=_BABBLE) for scorer in scorers(reward, weights)]
    for scorer in given:
        missing = scorer.missing(rows[0])
        problems += [Problem(scorer.name, "missing_column", line, len(rows)) for line in missing]
        if missing:
            continue
        values, pooled[scorer.name] = _values(scorer, perfect), _values(scorer, pool)
        grouped[scorer.name] = _values(scorer, [pair for group in groups for pair in group])
        problems += _raised(scorer, [*perfect, *pool], [*values, *pooled[scorer.name]])
        problems += _short(scorer, perfect, values, pooled[scorer.name])
        problems += _constant(scorer, pooled[scorer.name], len(rows[:_POOL_ROWS]))
    if len(rows) > 1:
        problems += _redundant(pooled, len(rows[:_POOL_ROWS]))
    sizes = [len(group) for group in groups]
    known = [scorer for scorer in given if scorer.name in grouped]
    spreads = [_spread(scorer.name, grouped[scorer.name], sizes) for scorer in known]
    if own:
        problems += [
            Problem(one.reward, "flat", f"every group earns the same: {one.mean:g}", len(rows))
            for one in spreads
            if one.flat == 1
        ]
    if len(known) > 1:
        sums = total(known, [grouped[scorer.name] for scorer in known])
        spreads.append(_spread("total", sums, sizes))
    unbounded = tuple(
        s.name for s in known if isinstance(s.reward, Reward) and _declared(s) is None
    )
    source: Literal["dataset", "simulated"] = "dataset" if own else "simulated"
    return Preflight(tuple(problems), len(rows), unbounded, tuple(spreads), source)


def fill(template: str, row: Row) -> str:
    """Return the template with each `{column}` replaced by the row's cell; other braces stay.

    >>> fill("<answer>{answer}</answer> {x}", {"answer": 4})
    '<answer>4</answer> {x}'
    """
    return re.sub(r"\{([^{}]+)\}", lambda found: str(row.get(found[1], found[0])), template)


def template(text: str) -> Wrap:
    """Return the function that fills a template."""
    return lambda row: fill(text, row)


# The completions ----------------------------------------------------------------------------------

Pair = tuple[Row, str]


def _pool(perfect: Sequence[Pair], wrap: Wrap) -> list[Pair]:
    """Return good and bad completions of the first rows."""
    simulated = [pair for group in _simulated(perfect) for pair in group[1:]]
    pool = []
    for number, (row, text) in enumerate(perfect[:_POOL_ROWS]):
        size = len(simulated) // len(perfect)
        mine = [other for _, other in simulated[number * size : (number + 1) * size]]
        bare, blank = (wrap(dict.fromkeys(row, cell)) for cell in ("no idea", ""))
        bad = ["\n", "?", str(row.get("answer", "")), bare, blank, f"So: {text}", text * 2, _BABBLE]
        prompt = as_text(row.get("prompt", ""))
        pool += [(row, other) for other in (*mine, *bad, prompt)]
    return pool


def _simulated(perfect: Sequence[Pair]) -> list[list[Pair]]:
    """Return eight completions for each row."""
    groups = []
    for number, (row, text) in enumerate(perfect):
        _, other = perfect[(number + 1) % len(perfect)]
        digits = text.translate(str.maketrans("0123456789", "1234567890"))
        remark, bare = f"{text.rstrip()} I hope that this helps.", _TAG.sub("", text)
        group = [text, text, digits, other, text[: len(text) // 2], remark, bare, ""]
        groups.append([(row, one) for one in group])
    return groups


_TAG = re.compile(r"</?[A-Za-z][\w-]*>")


def _own(rows: Sequence[Row]) -> list[list[Pair]]:
    """Return the dataset's own completions by group, none where it has none."""
    if "completions" in rows[0]:
        groups = [[(row, one) for one in Batch(row["completions"]).texts] for row in rows]
    elif "completion" in rows[0]:
        runs = groupby(rows, key=lambda row: row.get("prompt"))
        groups = [[(row, Batch([row["completion"]]).texts[0]) for row in run] for _, run in runs]
    else:
        return []
    return [group for group in groups if len(group) > 1]


def _values(scorer: Scorer, pairs: Sequence[Pair]) -> list[Value]:
    """Return what each completion earns; what raises is a value that says so."""
    return scorer.tried([row for row, _ in pairs], [text for _, text in pairs])


# The problems -------------------------------------------------------------------------------------


def _raised(scorer: Scorer, pairs: Sequence[Pair], values: Sequence[Value]) -> list[Problem]:
    """Return the problem that completions make the reward raise, if any does."""
    raised = [place for place, value in enumerate(values) if value.raised]
    if not raised:
        return []
    row, text = pairs[raised[0]]
    rows = {id(pairs[place][0]) for place in raised}
    place = next(place for place, (other, _) in enumerate(pairs) if other is row)
    return [Problem(scorer.name, "raises", values[raised[0]].why, len(rows), place, text)]


def _declared(scorer: Scorer) -> float | None:
    """Return what a perfect completion earns by the reward's bounds; None where they do not say."""
    if not isinstance(scorer.reward, Reward):
        return None
    low, high = scorer.reward.bounds
    best = high if scorer.weight >= 0 else low
    return best if scorer.reward.pointwise and math.isfinite(best) else None


def _short(
    scorer: Scorer, perfect: Sequence[Pair], values: Sequence[Value], pool: Sequence[Value]
) -> list[Problem]:
    """Return the problem that a row's perfect completion earns less than the maximum, if any."""
    maximum, told = _declared(scorer), ""
    if not isinstance(scorer.reward, Reward):
        known = [value.value for value in (*values, *pool) if value.value is not None]
        best = max if scorer.weight >= 0 else min
        maximum, told = best(known, default=None), "another completion earns more"
    if maximum is None:
        return []
    partial = isinstance(scorer.reward, Reward) and any(
        isinstance(part, Where) for part in walk(scorer.reward)
    )  # it abstains by design
    short = [
        row
        for row, (value, _, raised, _) in enumerate(values)
        if not raised
        and (not partial if value is None else not math.isclose(value, maximum, abs_tol=1e-9))
    ]
    if not short:
        return []
    value, why = values[short[0]][:2]
    text = perfect[short[0]][1]
    told = why or told
    return [Problem(scorer.name, "below_maximum", told, len(short), short[0], text, value, maximum)]


def _constant(scorer: Scorer, pool: Sequence[Value], rows: int) -> list[Problem]:
    """Return the problem that good and bad completions earn the same, if they do."""
    values = {value.value for value in pool if not value.raised}
    if len(values) != 1:
        return []
    (value,) = values
    told = "abstains" if value is None else f"earns {value:g}"
    return [Problem(scorer.name, "constant", f"every completion {told}", rows)]


def _redundant(pooled: Mapping[str, Sequence[Value]], rows: int) -> list[Problem]:
    """Return the problem that two rewards always agree, for each two of which it is so."""
    shapes = {name: _shape(values) for name, values in pooled.items()}
    return [
        Problem(other, "redundant", f"always agrees with {one}, but for scale and offset", rows)
        for one, other in combinations(pooled, 2)
        if shapes[one] is not None and shapes[one] == shapes[other]
    ]


def _shape(values: Sequence[Value]) -> list[float | None] | None:
    """Return the values between 0 for the least and 1 for the greatest; None for a constant."""
    known = [value.value for value in values if value.value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if low == high:
        return None
    return [None if v.value is None else round((v.value - low) / (high - low), 9) for v in values]


def _spread(name: str, values: Sequence[Value], sizes: Sequence[int]) -> Spread:
    """Return what a reward gives to groups of some sizes; what abstains is left out of a group."""
    rest = iter(values)
    groups = [[v.value for _, v in zip(range(size), rest, strict=False)] for size in sizes]
    known = [[value for value in group if value is not None] for group in groups]
    stds = [statistics.stdev(group) if len(group) > 1 else 0.0 for group in known]
    everything = [value for group in known for value in group]
    mean = statistics.fmean(everything) if everything else 0.0
    return Spread(name, mean, statistics.fmean(stds), sum(std == 0 for std in stds) / len(stds))
