"""The problems of one reward on a dataset's perfect and imperfect completions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from rewardkit._messages import shorten_text
from rewardkit._template import Row
from rewardkit.audit.ablations import mask_words
from rewardkit.audit.dataset_completions import POOL_ROWS, Completions, Pair, Spelled
from rewardkit.audit.findings import Problem
from rewardkit.audit.timed import NOT_SCORED, KilledScore
from rewardkit.component import walk
from rewardkit.result import TermScore
from rewardkit.reward import Reward
from rewardkit.rewards.wrappers import Where
from rewardkit.scorer import Term, explain_missing

# As a fraction of the way from a wrong answer's value to the perfect completion's: a reward may pay
# somewhat less for a spelling.
_MIN_SPELLED_FRACTION = 0.5
_MAX_SHOWN_SPELLINGS = 4
TryScore = Callable[[Sequence[Pair]], list[TermScore]]
"""Scores rows' completions with one reward."""


class TermScores(NamedTuple):
    """A reward's scores of the completions; the groups' in one list."""

    perfect: list[TermScore]
    pool: list[TermScore]
    groups: list[TermScore]


def score_completions(completions: Completions, try_score: TryScore) -> TermScores:
    """Score perfect completions, the pool and the groups."""
    flat = [pair for group in completions.groups for pair in group]
    return TermScores(try_score(completions.perfect), try_score(completions.pool), try_score(flat))


def find_missing_columns(term: Term, rows: Sequence[Row]) -> Iterator[Problem]:
    """Yield a problem for each column that some of the rows lack in which the reward reads it."""
    for name, lacking in term.missing_columns(rows).items():
        detail = explain_missing(name, rows[lacking[0]])
        yield Problem(term.name, "missing_column", detail, len(lacking), lacking[0])


def find_problems(
    term: Term, completions: Completions, scores: TermScores, try_score: TryScore
) -> Iterator[Problem]:
    """Yield the problems of one reward by itself."""
    rows = len(completions.perfect[:POOL_ROWS])
    pairs = [*completions.perfect, *completions.pool]
    both = [*scores.perfect, *scores.pool]
    raised = [index for index, score in enumerate(both) if score.raised]
    yield from _find_first(term, "raises", pairs, both, raised)
    slow = [index for index, score in enumerate(both) if isinstance(score, KilledScore)]
    yield from _find_first(term, "slow", pairs, both, slow)
    yield from _find_below_maximum(term, completions, scores, try_score)
    yield from _find_refused_spellings(term, completions, try_score)
    values = _list_values(completions.pool, scores.pool)
    if values == {None}:  # the pool is of the first rows, which may be of another task
        flat = [pair for group in completions.groups for pair in group]
        every = [*completions.perfect, *flat]
        values = _list_values(every, [*scores.perfect, *scores.groups])
    if len(values) == 1:
        (value,) = values
        earns = "abstains" if value is None else f"earns {value + 0.0:g}"
        yield Problem(term.name, "constant", f"every completion {earns}", rows)


def find_opened(
    term: Term, tag: str, opened: Sequence[Pair], scores: TermScores, try_score: TryScore
) -> Iterator[Problem]:
    """Yield the problem that completions after an opened tag earn less than with it."""
    if not opened:
        return
    factor = 1.0 if term.weight >= 0 else -1.0
    for number, (score, whole) in enumerate(zip(try_score(opened), scores.perfect, strict=False)):
        if whole.value is None or (
            score.value is not None and factor * (whole.value - score.value) < 1e-9  # noqa: PLR2004 - rounding
        ):
            continue
        detail = f"the chat template opens {tag}, so that completions begin after it"
        text, rows = opened[number][1], len(opened)
        yield Problem(
            term.name, "opened_by_template", detail, rows, number, text, score.value, whole.value
        )
        return


def _list_values(pairs: Sequence[Pair], scores: Sequence[TermScore]) -> set[float | None]:
    by_row: dict[int, set[float | None]] = {}  # rows are mappings, which may not hash
    for (row, _), score in zip(pairs, scores, strict=True):
        if not _is_unknown(score):
            by_row.setdefault(id(row), set()).add(score.value)
    # A row for which the reward always abstains is of another task.
    own = [values for values in by_row.values() if values != {None}]
    return set[float | None]().union(*(own or by_row.values()))


def _is_unknown(score: TermScore) -> bool:
    return score.raised or score is NOT_SCORED or isinstance(score, KilledScore)


def _find_first(
    term: Term,
    kind: Literal["raises", "slow"],
    pairs: Sequence[Pair],
    scores: Sequence[TermScore],
    found: Sequence[int],
) -> Iterator[Problem]:
    """Yield a problem with the first of the found completions, if there is one."""
    if not found:
        return
    row, text = pairs[found[0]]
    rows = {id(pairs[index][0]) for index in found}  # rows are mappings, which may not hash
    first = next(index for index, (other, _) in enumerate(pairs) if other is row)
    yield Problem(term.name, kind, scores[found[0]].why, len(rows), first, text)


def _find_below_maximum(
    term: Term, completions: Completions, scores: TermScores, try_score: TryScore
) -> Iterator[Problem]:
    """Yield the problem that a row's perfect completion earns less than the maximum."""
    every = (*scores.perfect, *scores.pool)
    known = [score.value for score in every if score.value is not None]
    choose = max if term.weight >= 0 else min
    best, reason = declared_best(term), ""
    if not isinstance(term.reward, Reward):
        best, reason = choose(known, default=None), "another completion earns more"
    if best is None:
        return
    # A reward for some rows abstains on the others by design.
    may_abstain = isinstance(term.reward, Reward) and any(
        isinstance(part, Where) for part in walk(term.reward)
    )
    below = [
        row
        for row, score in enumerate(scores.perfect)
        if not _is_unknown(score)
        and (
            not may_abstain
            if score.value is None
            else not math.isclose(score.value, best, abs_tol=1e-9)
        )
    ]
    if not below:
        return
    if _sees_length_alone(completions, try_score) and _may_shape(term, completions, scores, best):
        return
    value, why = scores.perfect[below[0]][:2]
    text, reason = completions.perfect[below[0]][1], why or reason
    yield Problem(term.name, "below_maximum", reason, len(below), below[0], text, value, best)


def _may_shape(term: Term, completions: Completions, scores: TermScores, best: float) -> bool:
    """Return whether a reward for the length need not pay its maximum to a right answer.

    Yet a perfect completion that always earns the least is too long or too short, and so is one
    that never earns a declared maximum that several lengths earn.
    """
    perfect = {score.value for score in scores.perfect if score.value is not None}
    values = [score.value for score in (*scores.perfect, *scores.pool) if score.value is not None]
    worst = min if term.weight >= 0 else max
    if not perfect or perfect == {worst(values)}:
        return False
    pairs = zip(completions.pool, scores.pool, strict=True)
    lengths = {len(text) for (_, text), score in pairs if score.value == best}
    is_missed = isinstance(term.reward, Reward) and best not in perfect
    return not (is_missed and len(lengths) > 1)


def _sees_length_alone(completions: Completions, try_score: TryScore) -> bool:
    """Return whether every completion earns what a text without content of its length earns."""
    pairs = [*completions.perfect[:POOL_ROWS], *completions.pool]
    masked = [(row, mask_words(text)) for row, text in pairs]
    scores, others = try_score(pairs), try_score(masked)
    values, other_values = ([one.value for one in found] for found in (scores, others))
    return values == other_values and len({*values}) > 1


def _find_refused_spellings(
    term: Term, completions: Completions, try_score: TryScore
) -> Iterator[Problem]:
    """Yield the problem that a right answer in another spelling earns like a wrong one."""
    spelled = completions.spelled
    if not spelled or term.weight < 0:
        return
    texts = (
        [(one.row, one.right) for one in spelled],
        [(one.row, one.perfect) for one in spelled],
        [(one.row, one.wrong) for one in spelled],
    )
    refused: list[tuple[Spelled, float | None, float]] = []
    for one, right, perfect, wrong in zip(spelled, *map(try_score, texts), strict=True):
        if perfect.value is None or wrong.value is None or perfect.value <= wrong.value:
            continue  # it does not see the answer, or cannot read the reference
        if _is_unknown(right):
            continue
        gap = perfect.value - wrong.value
        value = wrong.value if right.value is None else right.value
        if (value - wrong.value) / gap < _MIN_SPELLED_FRACTION:
            refused.append((one, right.value, perfect.value))
    if not refused:
        return
    first, value, expected = refused[0]
    rows = [*{id(one.row): one.row for one, _, _ in refused}.values()]
    number = next(n for n, (row, _) in enumerate(completions.perfect) if row is first.row)
    shown = list(dict.fromkeys(shorten_text(repr(one.spelling)) for one, _, _ in refused))
    more = (
        f" and {len(shown) - _MAX_SHOWN_SPELLINGS} more"
        if len(shown) > _MAX_SHOWN_SPELLINGS
        else ""
    )
    names = ", ".join(shown[:_MAX_SHOWN_SPELLINGS]) + more
    detail = f"a right answer in another spelling earns as a wrong one: {names}"
    yield Problem(
        term.name, "refused_spelling", detail, len(rows), number, first.right, value, expected
    )


def declared_best(term: Term) -> float | None:
    """Return a perfect completion's value by the reward's bounds, None if they do not say."""
    if not isinstance(term.reward, Reward):
        return None
    low, high = term.reward.bounds
    best = high if term.weight >= 0 else low
    # The best of a reward that compares rows depends on the rest of the group.
    return best if term.reward.pointwise and math.isfinite(best) else None
