"""Preflight: what rewards give to a dataset's perfect and imperfect completions.

A reward that never pays its maximum, or always pays the same, gives no learning signal, and a
trainer shows only flat curves. The usual reasons are a reference that no verifier can read, and a
layout that the prompt asks for and the rewards do not know.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, groupby, islice
from typing import Literal, NamedTuple, TypeAlias

from rewardkit._template import Row, Template, WriteCompletion, as_function
from rewardkit._text.tag_layout import list_tags
from rewardkit.audit.findings import Preflight, Problem, Spread
from rewardkit.audit.samples import list_pairs
from rewardkit.batch import Batch
from rewardkit.component import walk
from rewardkit.reward import Reward
from rewardkit.rewards.wrappers import Where
from rewardkit.scorer import Rewards, Scorer, Term, TermScore, prompt_text

Pair: TypeAlias = tuple[Row, str]
"""A row and a completion of it."""

_REPEATED_PHRASE = "the same words over and over again " * 400
_POOL_ROWS = 4  # constant and redundant rewards show on a few rows already
_TAG = r"</?[A-Za-z][\w-]*>"
_NEXT_DIGIT = str.maketrans("0123456789", "1234567890")


def preflight(
    reward: Rewards,
    rows: Sequence[Row],
    *,
    template: Template = "{answer}",
    weights: Sequence[float] | None = None,
) -> Preflight:
    r"""Score perfect and imperfect completions of a dataset's rows, and list the problems.

    `reward` is a reward, a function with TRL's signature, a list of them, or a YAML file, with
    `weights` for plain functions; the terms of a sum are checked one by one. `rows` hold the
    dataset's columns, `prompt` among them if a reward reads the prompt. `template` writes a row's
    perfect completion: a text with `{column}` for the row's value, or a function of the row.

    A perfect completion must earn the maximum of every reward; of a plain function, the most that
    any completion earned here (the minimum if the weight is negative). A reward is constant if it
    gives the same value to perfect and degenerate completions (an empty one, the reference alone,
    the prompt again, an endless repetition, ...). Of two rewards that give these the same values,
    but for scale and offset, one is redundant. Words count as tokens.

    Raises ValueError for no rows, and whatever `template` raises.

    >>> from rewardkit import build
    >>> right = build("correct", verifier="number", name="right")
    >>> rows = [{"answer": "4"}, {"answer": "four"}]
    >>> result = preflight(right + build("xml_strict"), rows, template="<answer>{answer}</answer>")
    >>> for problem in result.problems:
    ...     print(problem.reward, problem.kind, problem.row_count, problem.detail)
    right below_maximum 1 bad_reference: 'four'
    xml_strict below_maximum 2 no opening <reasoning>
    xml_strict constant 2 every completion earns 0
    """
    if not rows:
        message = "no rows to try; give some rows of the dataset, as mappings by column"
        raise ValueError(message)
    scorer = Scorer(reward, weights)
    marks = list_tags(list_pairs(term.reward for term in scorer.terms))
    completions = _make_completions(rows, as_function(template), marks)
    scorer = scorer.with_forms(*completions.perfect[0], _REPEATED_PHRASE)
    problems: list[Problem] = []
    scored: dict[str, _TermScores] = {}
    for term in scorer.terms:
        missing = term.missing_columns(rows[0])
        problems += [Problem(term.name, "missing_column", line, len(rows)) for line in missing]
        if not missing:
            scored[term.name] = scores = _score_completions(term, completions)
            problems += _find_problems(term, completions, scores)
    if len(rows) > 1:  # on one row many rewards agree
        problems += _find_redundant(scored, len(rows[:_POOL_ROWS]))
    sizes = [len(group) for group in completions.groups]
    spreads = [_measure_spread(name, scores.groups, sizes) for name, scores in scored.items()]
    if completions.own_groups:
        problems += _find_flat(spreads, len(rows))
    if len(scored) > 1:
        totals = scorer.total({name: scores.groups for name, scores in scored.items()})
        spreads.append(_measure_spread("total", totals, sizes))
    rewards = [one for one in scorer.terms if isinstance(one.reward, Reward) and one.name in scored]
    unbounded = tuple(term.name for term in rewards if _declared_best(term) is None)
    source: Literal["dataset", "simulated"] = "dataset" if completions.own_groups else "simulated"
    return Preflight(tuple(problems), len(rows), unbounded, tuple(spreads), source)


# The completions ----------------------------------------------------------------------------------


class _Completions(NamedTuple):
    """The completions that every reward scores."""

    perfect: list[Pair]
    """One perfect completion per row."""
    pool: list[Pair]
    """Good and bad completions of the first rows."""
    groups: list[list[Pair]]
    own_groups: bool
    """Whether the groups are the dataset's own completions."""


class _TermScores(NamedTuple):
    """A reward's scores of the completions; the groups' in one list."""

    perfect: list[TermScore]
    pool: list[TermScore]
    groups: list[TermScore]


def _make_completions(
    rows: Sequence[Row], write: WriteCompletion, marks: Sequence[str]
) -> _Completions:
    perfect = [(row, write(row)) for row in rows]
    simulated = _simulate_groups(perfect, marks)
    own = _group_own_completions(rows)
    return _Completions(perfect, _make_pool(perfect, simulated, write), own or simulated, bool(own))


def _make_pool(
    perfect: Sequence[Pair], simulated: Sequence[Sequence[Pair]], write: WriteCompletion
) -> list[Pair]:
    pool = []
    for (row, text), group in islice(zip(perfect, simulated, strict=True), _POOL_ROWS):
        layouts = [write(dict.fromkeys(row, value)) for value in ("no idea", "")]
        bad = ["\n", "?", str(row.get("answer", "")), *layouts, f"So: {text}", text * 2]
        bad += [_REPEATED_PHRASE, prompt_text(row.get("prompt", ""))]
        pool += [*group[1:], *((row, other) for other in bad)]
    return pool


def _simulate_groups(perfect: Sequence[Pair], marks: Sequence[str]) -> list[list[Pair]]:
    """Return a group of completions per row; `marks` are tags of other shapes than `<NAME>`."""
    tag = re.compile("|".join([*map(re.escape, marks), _TAG]))
    groups = []
    for number, (row, text) in enumerate(perfect):
        _, other = perfect[(number + 1) % len(perfect)]
        digits, remark = text.translate(_NEXT_DIGIT), f"{text.rstrip()} I hope that this helps."
        group = [text, text, digits, other, text[: len(text) // 2], remark, tag.sub("", text), ""]
        groups.append([(row, completion) for completion in group])
    return groups


def _group_own_completions(rows: Sequence[Row]) -> list[list[Pair]]:
    """Return the dataset's own completions by group, none if it has none."""
    if "completions" in rows[0]:
        groups = [[(row, text) for text in Batch(row["completions"]).texts] for row in rows]
    elif "completion" in rows[0]:
        runs = groupby(rows, key=lambda row: row.get("prompt"))
        groups = [[(row, Batch([row["completion"]]).texts[0]) for row in run] for _, run in runs]
    else:
        return []
    return [group for group in groups if len(group) > 1]  # a single completion has no spread


def _score_completions(term: Term, completions: _Completions) -> _TermScores:
    def try_score(pairs: Sequence[Pair]) -> list[TermScore]:
        return term.try_score([row for row, _ in pairs], [text for _, text in pairs])

    flat = [pair for group in completions.groups for pair in group]
    return _TermScores(try_score(completions.perfect), try_score(completions.pool), try_score(flat))


# The problems -------------------------------------------------------------------------------------


def _find_problems(term: Term, completions: _Completions, scores: _TermScores) -> Iterator[Problem]:
    """Yield the problems of one reward by itself."""
    rows = len(completions.perfect[:_POOL_ROWS])
    pairs = [*completions.perfect, *completions.pool]
    yield from _find_raising(term, pairs, [*scores.perfect, *scores.pool])
    yield from _find_below_maximum(term, completions.perfect, scores)
    values = {score.value for score in scores.pool if not score.raised}
    if len(values) == 1:
        (value,) = values
        earns = "abstains" if value is None else f"earns {value + 0.0:g}"
        yield Problem(term.name, "constant", f"every completion {earns}", rows)


def _find_raising(
    term: Term, pairs: Sequence[Pair], scores: Sequence[TermScore]
) -> Iterator[Problem]:
    raised = [index for index, score in enumerate(scores) if score.raised]
    if not raised:
        return
    row, text = pairs[raised[0]]
    rows = {id(pairs[index][0]) for index in raised}  # rows are mappings, which may not hash
    first = next(index for index, (other, _) in enumerate(pairs) if other is row)
    yield Problem(term.name, "raises", scores[raised[0]].why, len(rows), first, text)


def _find_below_maximum(
    term: Term, perfect: Sequence[Pair], scores: _TermScores
) -> Iterator[Problem]:
    """Yield the problem that a row's perfect completion earns less than the maximum."""
    best, reason = _declared_best(term), ""
    if not isinstance(term.reward, Reward):
        every = (*scores.perfect, *scores.pool)
        known = [score.value for score in every if score.value is not None]
        choose = max if term.weight >= 0 else min
        best, reason = choose(known, default=None), "another completion earns more"
    if best is None:
        return
    # A reward for some rows abstains on the others by design.
    may_abstain = isinstance(term.reward, Reward) and any(
        isinstance(part, Where) for part in walk(term.reward)
    )
    below = [
        row
        for row, (value, _, raised, _) in enumerate(scores.perfect)
        if not raised
        and (not may_abstain if value is None else not math.isclose(value, best, abs_tol=1e-9))
    ]
    if below:
        value, why = scores.perfect[below[0]][:2]
        text, reason = perfect[below[0]][1], why or reason
        yield Problem(term.name, "below_maximum", reason, len(below), below[0], text, value, best)


def _declared_best(term: Term) -> float | None:
    """Return a perfect completion's value by the reward's bounds, None if they do not say."""
    if not isinstance(term.reward, Reward):
        return None
    low, high = term.reward.bounds
    best = high if term.weight >= 0 else low
    # The best of a reward that compares rows depends on the rest of the group.
    return best if term.reward.pointwise and math.isfinite(best) else None


def _find_redundant(scored: Mapping[str, _TermScores], rows: int) -> Iterator[Problem]:
    scaled = {name: _scale_values(scores.pool) for name, scores in scored.items()}
    for one, other in combinations(scaled, 2):
        if scaled[one] is not None and scaled[one] == scaled[other]:
            detail = f"always agrees with {one}, but for scale and offset"
            yield Problem(other, "redundant", detail, rows)


def _scale_values(scores: Sequence[TermScore]) -> list[float | None] | None:
    """Return the values from 0 for the lowest to 1 for the highest, None for a constant."""
    values = [score.value for score in scores]
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if low == high:
        return None
    # Rounded, since equal rewards of different scale differ in their last bits.
    return [None if value is None else round((value - low) / (high - low), 9) for value in values]


def _find_flat(spreads: Sequence[Spread], rows: int) -> Iterator[Problem]:
    for spread in spreads:
        if spread.flat == 1:
            detail = f"every group earns the same: {spread.mean + 0.0:g}"
            yield Problem(spread.reward, "flat", detail, rows)


def _measure_spread(name: str, scores: Sequence[TermScore], sizes: Sequence[int]) -> Spread:
    """Return the spread within groups of some sizes; what abstains is left out of its group."""
    rest = iter(scores)
    groups = [[score.value for score in islice(rest, size)] for size in sizes]
    known = [[value for value in group if value is not None] for group in groups]
    # The sample's standard deviation, as in TRL's advantages (torch.std).
    stds = [statistics.stdev(group) if len(group) > 1 else 0.0 for group in known]
    everything = [value for group in known for value in group]
    mean = statistics.fmean(everything) if everything else 0.0
    return Spread(name, mean, statistics.fmean(stds), sum(std == 0 for std in stds) / len(stds))
