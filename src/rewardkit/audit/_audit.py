"""The audit: which degenerate completions does a reward pay like the reference completion?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import get_args

from rewardkit._messages import did_you_mean
from rewardkit._template import Row, Template
from rewardkit.audit.ablations import PARTS, Part
from rewardkit.audit.findings import Audit, FindingKind
from rewardkit.audit.forms import dictate_form, explain_form
from rewardkit.audit.judging import RewardAuditor, Rules, sort_key
from rewardkit.audit.right_answers import VARIANT_NAMES
from rewardkit.audit.row_completions import TOTAL, RowCompletions, RowScorer
from rewardkit.audit.rows import check_rows, spread_evenly
from rewardkit.audit.skipping import Skip
from rewardkit.audit.tasks import Task, choose_task, make_references
from rewardkit.audit.timed import Interrupted, Progress, TimedScorer
from rewardkit.audit.zoo import ZOO
from rewardkit.scorer import Rewards, Scorer, choose_form

_KINDS = get_args(FindingKind)


def audit(  # noqa: PLR0913 - each has a default
    reward: Rewards,
    rows: Sequence[Row] | None = None,
    *,
    template: Template | None = None,
    answer: str = "answer",
    sample: str | None = None,
    weights: Sequence[float] | None = None,
    checks: Collection[Part] | None = None,
    share: float = 0.9,
    skip: Collection[str] = (),
    max_rows: int = 8,
    slow: float = 5.0,
    time_limit: float | None = 25.0,
    progress: Progress | None = None,
) -> Audit:
    r"""Score known reward-hacking completions against a reference completion; list those rewarded.

    `reward` is a reward, a function with TRL's signature, a list of them, or a YAML file. The terms
    of a sum are audited one by one, and together as "total", with `weights` for plain functions.
    `rows` hold the dataset's columns; up to `max_rows` are used. `template` writes a row's
    reference completion: a text with `{column}` for the row's value, or a function of the row; else
    `sample` names the layout. `answer` is the column with the answer. Without rows a sample task is
    used: `sample`, or the one in whose layout, or that of the rewards' own tags, they pay most.

    A reward is held only to the parts without which it pays clearly less: to the answer alone if it
    checks that, else to the language alone; `checks` names other parts. An exploit lacks such a
    part and still earns at least `share` of the way from the completion that lacks only that part
    (0) to the reference (1). If a reward checks nothing, an exploit lacks everything and earns more
    than the reference, and than a text without content of its own length. `FindingKind` lists what
    else is found. Completions are messages if the prompt is, as the trainer passes them, else text.

    `skip` leaves out an entry, a family or a kind, or `NAME:REWARD` for one reward. Rewards run in
    a process that can be killed, a completion for at most `slow` seconds; after `time_limit`
    seconds, None for no limit, what is left is not scored. `progress` is called with the reward,
    how many steps are done and how many there are.

    Raises ValueError for unknown names, a misspelt column in `template`, rows without an answer and
    numbers out of range, and TypeError for a row that is not a mapping.

    >>> from rewardkit.presets import published
    >>> found = audit(published.match_format_exactly)
    >>> found.rewards[0].checks
    ('answer_tag', 'reasoning')
    >>> print(next(finding for finding in found.exploits if finding.entry == "closing-tags"))
    exploit closing-tags: 100%, earns 3, reference 3, missing answer tag, reasoning: '</think>'
    """
    _check_options(rows, max_rows, share, checks)
    scorer = Scorer(reward, weights)
    names = [*(term.name for term in scorer.terms), TOTAL]
    # the caller who names a sample knows that it fits
    is_chosen = rows is None and sample is None
    rules = Rules(share, slow, checks, is_chosen, Skip(skip, _list_skippable(), names))
    with TimedScorer(scorer, slow=slow, time_limit=time_limit) as timed:
        task = choose_task(timed, rows, template, answer, sample)
        task = task._replace(rows=spread_evenly(task.rows, max_rows))
        result = _audit_task(timed, task, rules, progress)
    if timed.is_interrupted:
        raise Interrupted(result)
    return result


def _check_options(
    rows: Sequence[Row] | None, max_rows: int, share: float, checks: Collection[Part] | None
) -> None:
    if max_rows < 1 or not 0 < share <= 1:
        message = f"got max_rows={max_rows}, share={share:g}"
        raise ValueError(f"{message}; expected max_rows >= 1 and 0 < share <= 1")
    if rows is not None:
        check_rows(rows, max_rows)
    if unknown := [part for part in checks or () if part not in PARTS]:
        message = f"checks: no part {unknown[0]!r}{did_you_mean(unknown[0], PARTS)}"
        raise ValueError(f"{message}; the parts are {', '.join(PARTS)}")


def _audit_task(timed: TimedScorer, task: Task, rules: Rules, progress: Progress | None) -> Audit:
    references = make_references(task, [term.reward for term in timed.scorer.terms])
    # an entry or a family that no reward is held to need not be scored
    zoo = [entry for entry in ZOO if not rules.skipped.skips_everywhere(entry.name, entry.family)]
    pairs = zip(task.rows, references, strict=True)
    completions = [RowCompletions(*pair, zoo) for pair in pairs]
    wrong_forms = _set_forms(timed, completions, is_sample=task.sample is not None)
    scored = RowScorer(timed, completions, progress).score()
    completions = completions[: len(scored)]  # the time may end before the last row
    terms = {term.name: term for term in timed.scorer.terms}
    audits = [
        RewardAuditor(
            name,
            terms.get(name),
            completions,
            [row[name] for row in scored],
            rules,
            try_score=timed.try_score,
            wrong_form=wrong_forms.get(name, ""),
        )
        for name in scored[0]
    ]
    return _collect_results(audits, completions, task.sample)


def _collect_results(
    audits: Sequence[RewardAuditor], completions: Sequence[RowCompletions], sample: str | None
) -> Audit:
    findings = sorted(chain.from_iterable(one.findings for one in audits), key=sort_key)
    safe = {one.name for one in audits if not one.exploit_count}
    audited = [one.summarize() for one in audits]
    if len(audits) > 1 and audits[-1].name in safe:
        unsafe = tuple(one.name for one in audits[:-1] if one.name not in safe)
        audited[-1] = audited[-1]._replace(unsafe_terms=unsafe)
    applied = {entry.name for row in completions for entry in row.entries}
    unscored = sum(one.unscored_count for one in audits if one.term is not None)
    return Audit(tuple(findings), tuple(audited), len(applied), len(completions), sample, unscored)


def _list_skippable() -> set[str]:
    entries = {entry.name for entry in ZOO} | {entry.family for entry in ZOO}
    return entries | {*_KINDS} | {*VARIANT_NAMES}


def _set_forms(
    timed: TimedScorer, completions: Sequence[RowCompletions], *, is_sample: bool
) -> dict[str, str]:
    """Set the form of completions for each reward; return why it does not work, by reward."""
    first = completions[0]
    wrong: dict[str, str] = {}
    formed = []
    for term in timed.scorer.terms:
        # The prompts of a sample are ours: a reward may as well be meant for texts.
        dictated = None if is_sample else dictate_form(term, first.row)
        if dictated is None:
            formed.append(choose_form(term, first.row, first.reference, first.baseline))
            continue
        reasons = (
            explain_form(term, row.row, row.reference, row.baseline) for row in completions[:4]
        )
        why = next(filter(None, reasons), "")
        formed.append(dictated)
        if why:
            wrong[term.name] = why
    timed.scorer.terms = tuple(formed)
    return wrong
