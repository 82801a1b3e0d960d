"""Preflight: what rewards give to a dataset's perfect and imperfect completions.

A reward that never pays its maximum, or always pays the same, gives no learning signal, and a
trainer shows only flat curves. The usual reasons are a reference that no verifier can read, and a
layout that the prompt asks for and the rewards do not know.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

from rewardkit._template import Row, Template, check_template
from rewardkit._text.tag_layout import list_tags
from rewardkit.audit.dataset_completions import (
    POOL_ROWS,
    REPEATED_PHRASE,
    Pair,
    make_completions,
)
from rewardkit.audit.dataset_problems import (
    TermScores,
    declared_best,
    find_missing_columns,
    find_opened,
    find_problems,
    score_completions,
)
from rewardkit.audit.findings import DATASET, PROBLEM_KINDS, Preflight, Problem, Spread
from rewardkit.audit.forms import dictate_form, explain_form
from rewardkit.audit.lint import lint_rows, overlapping_rows
from rewardkit.audit.rows import check_rows, choose_rows
from rewardkit.audit.samples import ANSWER_COLUMNS, list_pairs
from rewardkit.audit.skipping import Skip
from rewardkit.audit.timed import NOT_SCORED, Interrupted, Progress, TimedScorer
from rewardkit.audit.tokens import find_token_problems, open_completions
from rewardkit.result import TermScore
from rewardkit.reward import Reward
from rewardkit.scorer import Rewards, Scorer, Term, choose_form

_USUAL_REFERENCES = frozenset({*ANSWER_COLUMNS, "answers"})
_FLAT_SHARE = 0.8
_SCALE_RATIO = 50.0


def preflight(  # noqa: PLR0913 - each has a default
    reward: Rewards,
    rows: Sequence[Row],
    *,
    template: Template | None = None,
    weights: Sequence[float] | None = None,
    held_out: Sequence[Row] | None = None,
    tokenizer: Any = None,
    max_completion_length: int | None = None,
    max_rows: int | None = None,
    skip: Collection[str] = (),
    slow: float = 5.0,
    time_limit: float | None = 120.0,
    progress: Progress | None = None,
) -> Preflight:
    r"""Score perfect and imperfect completions of a dataset's rows, and list the problems.

    `reward` is a reward, a function with TRL's signature, a list of them, or a YAML file, with
    `weights` for plain functions; the terms of a sum are checked one by one. `rows` hold the
    dataset's columns; `max_rows` of them are used, evenly spaced, with all completions of a prompt
    or none. `template` writes a row's perfect completion: a text with `{column}` for the row's
    value (of a list of references, the first), or a function of the row; by default the answer
    alone. Completions are messages if the prompt is, as in training, else text; words are tokens.

    `ProblemKind` lists what is found. References and prompts are checked too, also against the rows
    in `held_out`, on which the model is to be tested. `tokenizer`, one of transformers, is for the
    chat template, tokens and `max_completion_length`. `skip` leaves out a kind, or `KIND:REWARD`.

    Rewards run in a process that can be killed, a completion for at most `slow` seconds; after
    `time_limit` seconds, None for no limit, the rest is not scored. `progress` is called with what
    is done, how much of it and how much there is.

    Raises ValueError for no rows, an unknown kind in `skip`, a misspelt column in `template`,
    TypeError for rows that are not mappings; and whatever a function as template raises.

    >>> from rewardkit.rewards import Correct, XmlStrict
    >>> from rewardkit.verify import Number
    >>> right = Correct(verifier=Number(), name="right")
    >>> rows = [{"answer": "4"}, {"answer": "four"}]
    >>> result = preflight(right + XmlStrict(), rows, template="<answer>{answer}</answer>")
    >>> for problem in result.problems:
    ...     print(problem.reward, problem.kind, problem.row_count, problem.detail)
    right below_maximum 1 bad_reference: 'four'
    xml_strict below_maximum 2 no opening <reasoning>
    xml_strict constant 2 every completion earns 0
    """
    _check_options(rows, tokenizer, max_completion_length)
    scorer = Scorer(reward, weights)
    skipped = Skip(skip, PROBLEM_KINDS, [*(term.name for term in scorer.terms), "total", DATASET])
    used = rows if max_rows is None else choose_rows(rows, max_rows)
    template = _choose_template(template, scorer, used)
    with TimedScorer(scorer, slow=slow, time_limit=time_limit) as timed:
        found = _Checks(timed, used, template, tokenizer)
        found.check_dataset(rows, held_out, max_completion_length)
        found.check_terms(progress)
    result = found.summarize(skipped)
    if timed.is_interrupted:
        raise Interrupted(result)
    return result


def _check_options(rows: Sequence[Row], tokenizer: Any, max_completion_length: int | None) -> None:
    check_rows(rows, 1)
    if not rows:
        raise ValueError("no rows to try; give some rows of the dataset, as mappings by column")
    if max_completion_length is not None and tokenizer is None:
        raise ValueError("max_completion_length counts tokens; give a tokenizer too")


def _choose_template(given: Template | None, scorer: Scorer, rows: Sequence[Row]) -> Template:
    """Return the template, by default the bare answer, from where the rewards look for it."""
    if given is not None:
        check_template(given, rows)
        return given
    present = {name for row in rows for name in row}
    names = [name for name in scorer.reference_columns if name in present]
    return "{answer}" if "answer" in names or not names else f"{{{names[0]}}}"


class _Checks:
    """The problems found so far, and what every reward earned."""

    def __init__(
        self, timed: TimedScorer, rows: Sequence[Row], template: Template, tokenizer: Any
    ) -> None:
        self.timed, self.scorer, self.rows = timed, timed.scorer, rows
        scorer = timed.scorer
        named = re.findall(r"\{([^{}]+)\}", template) if isinstance(template, str) else []
        references = scorer.reference_columns
        read = [name for name in references if name in _USUAL_REFERENCES]
        # What a template names but no reward reads may be anything.
        both = [name for name in named if name in references or name in _USUAL_REFERENCES]
        self.columns = {name for row in rows for name in row}
        self.references = [name for name in dict.fromkeys(both or read) if name in self.columns]
        rewards = [term.reward for term in scorer.terms]
        self.marks = list_tags(list_pairs(rewards))
        self.completions = make_completions(self.rows, template, rewards, self.references)
        self.tokenizer = tokenizer
        self.opened_tag, self.opened, self.template_error = open_completions(
            self.completions.perfect, tokenizer
        )
        self.problems: list[Problem] = []
        self.scored: dict[str, TermScores] = {}
        self.unscored = 0

    def check_dataset(
        self,
        rows: Sequence[Row],
        held_out: Sequence[Row] | None,
        max_completion_length: int | None,
    ) -> None:
        """Find the problems of the dataset itself, all of whose rows are `rows`."""
        rollouts = "completion" in self.rows[0]
        defects = [*lint_rows(rows, self.references, rollouts=rollouts)]
        if held_out is not None:
            overlap = overlapping_rows(rows, held_out)
            defects += [overlap] if overlap else []
        for one in defects:
            self.problems.append(Problem(DATASET, one.kind, one.detail, len(one.rows), one.rows[0]))
        if self.template_error:
            count = len(self.rows)
            self.problems.append(Problem(DATASET, "chat_template", self.template_error, count))
        self.problems += find_token_problems(
            self.completions.perfect, self.tokenizer, max_completion_length, self.marks
        )

    def check_terms(self, progress: Progress | None) -> None:
        """Find the problems of each reward, until Ctrl-C."""
        for number, term in enumerate(self.timed.scorer.terms):
            if progress is not None:
                progress(term.name, number, len(self.scorer.terms))
            try:
                self.check_term(term)
            except KeyboardInterrupt:
                self.timed.stop()
                return

    def check_term(self, term: Term) -> None:
        """Score the completions with one reward, and find its problems."""
        count = len(self.rows)
        missing = [*find_missing_columns(term, self.rows)]
        self.problems += missing
        if missing and not self.columns.issuperset(term.columns):
            return
        formed, why = _choose_form(term, self.completions.perfect[:POOL_ROWS])

        def try_score(pairs: Sequence[Pair]) -> list[TermScore]:
            rows, texts = [row for row, _ in pairs], [text for _, text in pairs]
            scores = self.timed.try_score(formed, rows, texts)
            self.unscored += sum(score is NOT_SCORED for score in scores)
            return scores

        self.scored[term.name] = scores = score_completions(self.completions, try_score)
        if why:
            # What it gives in that form follows from it: one problem is enough.
            text = self.completions.perfect[0][1]
            self.problems.append(Problem(term.name, "wrong_form", why, count, 0, text))
            return
        self.problems += find_problems(formed, self.completions, scores, try_score)
        self.problems += find_opened(formed, self.opened_tag, self.opened, scores, try_score)

    def check_spreads(self) -> list[Spread]:
        """Find the problems of all rewards together; return their spreads, and the total's."""
        if len(self.rows) > 1:  # on one row many rewards agree
            self.problems += _find_redundant(self.scored, len(self.rows[:POOL_ROWS]))
        sizes = [len(group) for group in self.completions.groups]
        spreads = [_measure_spread(name, one.groups, sizes) for name, one in self.scored.items()]
        self.problems += _find_scales(self.scorer, spreads, len(self.rows))
        if len(self.scored) > 1:
            groups = {name: scores.groups for name, scores in self.scored.items()}
            spreads.append(_measure_spread("total", self.scorer.total(groups), sizes))
        if self.completions.own_groups:
            self.problems += _find_flat(spreads, len(self.rows))
        return spreads

    def summarize(self, skipped: Skip) -> Preflight:
        """Return the result, without the problems to skip."""
        # the total of some rewards says nothing
        spreads = [] if self.timed.is_interrupted else self.check_spreads()
        scored = [term for term in self.scorer.terms if term.name in self.scored]
        return Preflight(
            problems=tuple(
                one for one in self.problems if not skipped(one.kind, reward=one.reward)
            ),
            row_count=len(self.rows),
            unbounded=tuple(
                term.name
                for term in scored
                if isinstance(term.reward, Reward) and declared_best(term) is None
            ),
            spread=tuple(spreads),
            groups="dataset" if self.completions.own_groups else "simulated",
            unscored_count=self.unscored,
        )


def _choose_form(term: Term, perfect: Sequence[Pair]) -> tuple[Term, str]:
    """Return the term with completions in the trainer's form, and why that does not work, or ""."""
    row, text = perfect[0]
    dictated = dictate_form(term, row)
    if dictated is None:
        return choose_form(term, row, text, REPEATED_PHRASE), ""
    # The first row's reference may be one that the reward cannot read.
    reasons = (explain_form(term, *pair, REPEATED_PHRASE) for pair in perfect)
    return dictated, next(filter(None, reasons), "")


def _find_redundant(scored: Mapping[str, TermScores], rows: int) -> Iterator[Problem]:
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
        elif spread.flat >= _FLAT_SHARE:
            detail = (
                f"{spread.flat:.0%} of the groups are flat: all their completions earn the same"
            )
            yield Problem(spread.reward, "flat", detail, rows)


def _find_scales(scorer: Scorer, spreads: Sequence[Spread], rows: int) -> Iterator[Problem]:
    """Yield the problem that one reward's differences hide another's in the sum."""
    weights = {term.name: abs(term.weight) for term in scorer.terms}
    scaled = {one.reward: one.std * weights[one.reward] for one in spreads}
    moving = {name: std for name, std in scaled.items() if std > 0}
    if not moving:
        return
    large = max(moving, key=lambda name: moving[name])
    for name, std in moving.items():
        if moving[large] > _SCALE_RATIO * std:
            detail = f"its values differ {moving[large] / std:.0f} times as much as those of {name}"
            yield Problem(large, "scale", f"{detail}, which the sum hardly sees; scale it", rows)


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
