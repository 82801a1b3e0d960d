"""The audit: which degenerate completions does a reward pay like the reference completion?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple

from rewardkit._messages import (
    did_you_mean,
    explain_missing_column,
    make_names_unique,
    shorten_repr,
    shorten_text,
)
from rewardkit._template import Row, Template, WriteCompletion, as_function
from rewardkit._text.tag_layout import TagPair
from rewardkit.audit.ablations import (
    PARTS,
    SLOT,
    Part,
    ReferenceCompletion,
    mask_words,
    sort_parts,
)
from rewardkit.audit.findings import Audit, Finding, RewardAudit, excerpt, quote
from rewardkit.audit.samples import SAMPLES, Sample, list_pairs, make_own_samples
from rewardkit.audit.zoo import ZOO, Entry
from rewardkit.reward import Reward
from rewardkit.scorer import (
    Rewards,
    Scorer,
    Term,
    TermScore,
    choose_form,
    margin_over,
    prompt_text,
)
from rewardkit.verify.base import texts as reference_texts

TOTAL = "total"
"""The name of the weighted sum of several rewards."""

# As a fraction of the widest gap between the reference completion and an ablation. A smaller gap
# is not a check of the part: the ablations differ in length too, and a reward may pay for that.
_MIN_CHECK_GAP = 0.25
_ROUNDING = 1e-9  # so that rounding does not exclude a fraction equal to `share`
_EVERYTHING: set[Part] = {*PARTS} - {"clean_end"}  # a completion without content has a clean end
_KIND_ORDER = ("raises", "constant", "never_rewarded", "exploit", "slow")
_ZOO_ORDER = {entry.name: index for index, entry in enumerate(ZOO)}


def audit(  # noqa: PLR0913 - each has a default
    reward: Rewards,
    rows: Sequence[Row] | None = None,
    *,
    template: Template | None = None,
    answer: str = "answer",
    sample: str | None = None,
    weights: Sequence[float] | None = None,
    share: float = 0.9,
    skip: Collection[str] = (),
    max_rows: int = 8,
    slow: float = 5.0,
) -> Audit:
    r"""Score known reward-hacking completions against a reference completion; list those rewarded.

    `reward` is a reward, a function with TRL's signature, a list of them, or a YAML file. The terms
    of a sum are audited one by one, and together as "total", with `weights` for plain functions.
    `rows` hold the dataset's columns; up to `max_rows` of them are used. `template` writes a row's
    reference completion: a text with `{column}` for the row's value, or a function of the row.
    `answer` is the column with the answer in it. Without rows a sample task is used: the one that
    `sample` names, or the one in whose layout the rewards pay most; a layout of the rewards' own
    tags is among them. With rows and no `template`,
    `sample` names the layout.

    A reward is held only to the parts that it checks: those without which it pays clearly less. If
    it checks the answer, only the answer counts; otherwise, if it checks the language, only the
    language counts. An entry is an exploit if it lacks a checked part and still earns at least
    `share` of the reference's reward. 0 is the value of the completion that lacks only that part; 1
    is the reference's value. If a reward checks nothing, an exploit is an entry that lacks
    everything and earns more than the reference completion, and than a text without content of its
    own length. Entries that raise or take more than `slow` seconds are findings too, and so is a
    reward that pays the reference completion least of all: no exploit can be found then. `skip`
    leaves out entries or families.

    Raises ValueError for an unknown sample or entry, rows without an answer and numbers out of
    range.

    >>> from rewardkit.presets import published
    >>> found = audit(published.match_format_exactly)
    >>> found.rewards[0].checks
    ('answer_tag', 'reasoning')
    >>> print(next(finding for finding in found.exploits if finding.entry == "closing-tags"))
    exploit closing-tags: 100%, earns 3, reference 3, missing answer tag, reasoning: '</think>'
    """
    if max_rows < 1 or not 0 < share <= 1:
        message = f"got max_rows={max_rows}, share={share:g}"
        raise ValueError(f"{message}; expected max_rows >= 1 and 0 < share <= 1")
    zoo = _select_entries(skip)
    scorer = Scorer(reward, weights)
    task = _choose_task(scorer, rows, template, answer, sample)
    task = task._replace(rows=spread_evenly(task.rows, max_rows))
    references = _make_references(task, list_pairs(term.reward for term in scorer.terms))
    scorer = scorer.with_forms(task.rows[0], references[0].text, references[0].baseline)
    completions = [RowCompletions(*pair, zoo) for pair in zip(task.rows, references, strict=True)]
    return _audit_completions(scorer, completions, task.sample, share=share, slow=slow)


def _audit_completions(
    scorer: Scorer,
    completions: Sequence[RowCompletions],
    sample: str | None,
    *,
    share: float,
    slow: float,
) -> Audit:
    """Score the rows' completions and find what is wrong with each reward."""
    scored = [row.try_score(scorer, slow) for row in completions]
    terms = {term.name: term for term in scorer.terms}
    audits = [
        _RewardAuditor(
            name,
            terms.get(name),
            completions,
            [row[name] for row in scored],
            share=share,
            slow=slow,
        )
        for name in scored[0]
    ]
    findings = sorted(chain.from_iterable(one.findings for one in audits), key=_sort_key)
    audited = tuple(one.summarize() for one in audits)
    applied = {entry.name for row in completions for entry in row.entries}
    return Audit(tuple(findings), audited, len(applied), len(completions), sample)


# Scoring ------------------------------------------------------------------------------------------


class CompletionScores(NamedTuple):
    """One reward's scores of one row's completions."""

    reference: TermScore
    baseline: TermScore
    ablations: dict[Part, list[TermScore]]
    entries: list[TermScore]

    @property
    def all_values(self) -> list[float | None]:
        """The values of all completions, but for those on which the reward raises."""
        ablations = chain.from_iterable(self.ablations.values())
        everything = (self.reference, self.baseline, *ablations, *self.entries)
        return [score.value for score in everything if not score.raised]

    def checked_parts(self) -> dict[Part, float]:
        """Return the parts that the reward checks, each with the value of its ablation."""
        reference, baseline = self.reference.value, self.baseline.value
        if reference is None or (baseline is not None and baseline >= reference):
            return {}
        ablated: dict[Part, float] = {}
        for part, scores in self.ablations.items():
            known = [score.value for score in scores if score.value is not None]
            if known:
                ablated[part] = min(known)
        lowest = min([*ablated.values(), reference if baseline is None else baseline])
        checked = {
            part: value
            for part, value in ablated.items()
            if reference - value >= _MIN_CHECK_GAP * (reference - lowest) > 0
        }
        # A reward for right answers may ignore the layout, whatever it pays for on the side; the
        # ablations of the layout often break the language too.
        decisive = next((part for part in ("answer", "language") if part in checked), None)
        return checked if decisive is None else {decisive: checked[decisive]}


class RowCompletions:
    """The completions that are scored for a row: reference, baseline, ablations and the zoo's."""

    def __init__(self, row: Row, reference: ReferenceCompletion, zoo: Sequence[Entry]) -> None:
        """Make the completions; of equal ones the first entry of the zoo is kept."""
        self.row = row
        self.reference, self.baseline = reference.text, reference.baseline
        self.ablations = reference.ablations()
        by_text: dict[str, Entry] = {}
        for entry in zoo:
            text = entry.make(reference)
            if text is not None:
                by_text.setdefault(text, entry)
        self.entries = [*by_text.values()]
        self.entry_texts = [*by_text]

    def try_score(self, scorer: Scorer, slow: float) -> dict[str, CompletionScores]:
        """Return the scores of each term by name, and of the total if there are several terms."""
        ablations = chain.from_iterable(self.ablations.values())
        texts = [self.reference, self.baseline, *ablations, *self.entry_texts]
        scores = scorer.try_score([self.row] * len(texts), texts, slow)
        if len(scores) > 1:
            total = make_names_unique([*scores, TOTAL])[-1]  # a reward may itself be named total
            scores[total] = scorer.total(scores)
        return {name: self._group_scores(found) for name, found in scores.items()}

    def _group_scores(self, scores: Iterable[TermScore]) -> CompletionScores:
        rest = iter(scores)
        reference, baseline = next(rest), next(rest)
        ablations = {part: [next(rest) for _ in texts] for part, texts in self.ablations.items()}
        return CompletionScores(reference, baseline, ablations, [*rest])

    def outscoring_entries(self, term: Term, scores: CompletionScores) -> set[str]:
        """Return the entries that lack everything and earn more than the reference completion.

        They must earn more than a text without content of their length, too: a reward for the
        length alone pays both the same.
        """
        reference = scores.reference.value
        if reference is None:
            return set()
        # The value of a reward that depends on other rows says nothing about one completion.
        if isinstance(term.reward, Reward) and not term.reward.pointwise:
            return set()
        higher = [
            (entry.name, text, score.value)
            for entry, text, score in zip(
                self.entries, self.entry_texts, scores.entries, strict=True
            )
            if {*entry.missing} >= _EVERYTHING
            and score.value is not None
            and score.value > reference
        ]
        if not higher:
            return set()
        masked = [mask_words(text) for _, text, _ in higher]
        baselines = term.try_score([self.row] * len(higher), masked)
        return {
            name
            for (name, _, value), baseline in zip(higher, baselines, strict=True)
            if baseline.value is None or baseline.value < value
        }


# Rows and reference completions -------------------------------------------------------------------


class _Task(NamedTuple):
    rows: Sequence[Row]
    template: Template
    answer: str
    sample: str | None


def _choose_task(
    scorer: Scorer,
    rows: Sequence[Row] | None,
    template: Template | None,
    answer: str,
    sample: str | None,
) -> _Task:
    if sample is not None and sample not in SAMPLES:
        message = f"no sample {sample!r}{did_you_mean(sample, SAMPLES)}"
        raise ValueError(f"{message}; the samples are {', '.join(SAMPLES)}")
    if rows is None:
        samples = {**SAMPLES, **make_own_samples(term.reward for term in scorer.terms)}
        sample = _choose_sample(scorer, samples) if sample is None else sample
        task = samples[sample]
        return _Task(task.rows, template or task.template, task.answer, sample)
    if not rows:
        message = "no rows; give some rows of the dataset, as mappings by column, or none at all"
        raise ValueError(message)
    layout = SAMPLES[sample].template if sample else "{answer}"
    return _Task(rows, template or layout.replace("{answer}", f"{{{answer}}}"), answer, None)


def _choose_sample(scorer: Scorer, samples: Mapping[str, Sample]) -> str:
    """Return the sample whose layout the rewards pay most, compared with a text without content."""

    # First by how many rewards pay it more on some row, then by how many pay their maximum: of the
    # differences alone, a penalty for length can make a wrong layout's the larger one.
    def rank(name: str) -> tuple[int, int, float]:
        task = samples[name]
        references = _make_references(_Task(task.rows, task.template, task.answer, name), marks)
        pairs = [*zip(task.rows, references, strict=True)]
        margins = [max(_margin(term, *pair) for pair in pairs) for term in scorer.terms]
        at_maximum = sum(
            any(_earns_maximum(term, row, reference.text) for row, reference in pairs)
            for term in scorer.terms
        )
        return sum(margin > 0 for margin in margins), at_maximum, sum(margins)

    marks = list_pairs(term.reward for term in scorer.terms)
    return max(samples, key=rank)


def _margin(term: Term, row: Row, reference: ReferenceCompletion) -> float:
    text, baseline = reference.text, reference.baseline
    return margin_over(choose_form(term, row, text, baseline), row, text, baseline) or 0.0


def _earns_maximum(term: Term, row: Row, text: str) -> bool:
    if not isinstance(term.reward, Reward):
        return False  # a function declares no maximum
    (score,) = term.try_score([row], [text])
    return score.value is not None and score.value >= term.reward.bounds[1]


def _make_references(task: _Task, marks: Sequence[TagPair]) -> list[ReferenceCompletion]:
    write = as_function(task.template)
    layouts = [_make_layout(*pair, write, task.answer) for pair in enumerate(task.rows)]
    completions = [layout.replace(SLOT, answer) for layout, answer in layouts]
    references = []
    for row, (layout, answer), own in zip(task.rows, layouts, completions, strict=True):
        other = next((text for text in completions if text != own), "")
        prompt = prompt_text(row.get("prompt", ""))
        references.append(
            ReferenceCompletion(layout, answer, prompt=prompt, other_completion=other, pairs=marks)
        )
    return references


def _make_layout(
    number: int, row: Row, write: WriteCompletion, answer_column: str
) -> tuple[str, str]:
    """Return a row's reference completion with SLOT for the answer, and the answer."""
    if answer_column not in row:
        problem = explain_missing_column(answer_column, row)
        raise ValueError(f"row {number}: {problem}; name the answer's column as `answer`")
    value = row[answer_column]
    answers = reference_texts(value)
    if not answers:
        given = shorten_repr(value)
        message = f"row {number}: {answer_column!r} is {given}, expected a text or a number"
        raise ValueError(message)
    answer = answers[0].strip()
    completion = write({**row, answer_column: answer})
    try:
        layout = write({**row, answer_column: SLOT})
    except Exception:  # noqa: BLE001 - a function that computes with the answer
        layout = ""
    if SLOT not in layout and answer in completion:
        layout = SLOT.join(completion.rsplit(answer, 1))
    if SLOT not in layout:
        shown = quote(completion)
        message = (
            f"row {number}: the answer {shorten_text(answer)!r} is not in the completion {shown}"
        )
        raise ValueError(message)
    return layout, answer


def spread_evenly(rows: Sequence[Row], number: int) -> list[Row]:
    """Return up to `number` of the rows, evenly spaced, since datasets are often sorted."""
    return [*rows[:: max(len(rows) // number, 1)]][:number]


def _select_entries(skip: Collection[str]) -> list[Entry]:
    known = {entry.name for entry in ZOO} | {entry.family for entry in ZOO}
    for name in skip:
        if name not in known:
            message = f"skip: no entry or family {name!r}{did_you_mean(name, sorted(known))}"
            raise ValueError(message)
    return [entry for entry in ZOO if not {entry.name, entry.family} & {*skip}]


# Findings -----------------------------------------------------------------------------------------


class _RewardAuditor:
    """One reward, or the total: its scores of all rows, the parts it checks and its findings."""

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        name: str,
        term: Term | None,
        completions: Sequence[RowCompletions],
        scores: Sequence[CompletionScores],
        *,
        share: float,
        slow: float,
    ) -> None:
        """Compute the findings. `term` is None for the total."""
        self.name, self.term, self.completions, self.scores = name, term, completions, scores
        self.share, self.slow = share, slow
        self.checked = [row.checked_parts() for row in scores]
        self.checks = sort_parts(chain.from_iterable(self.checked))
        if all(row.reference.raised for row in scores):
            # It would raise on most entries too: one finding is enough.
            self.findings = [self._reference_finding("raises", scores[0].reference.why)]
        else:
            self.findings = [*self._find_unpaid_reference(), *self._find_entries()]

    def summarize(self) -> RewardAudit:
        exploits = sum(finding.kind == "exploit" for finding in self.findings)
        references = tuple(row.reference.value for row in self.scores)
        raises = all(row.reference.raised for row in self.scores)
        return RewardAudit(self.name, self.checks, references, exploits, raises)

    def _find_entries(self) -> list[Finding]:
        """Return the findings on entries of the zoo, one per entry and kind."""
        each: list[Finding] = []
        for number, (row_completions, scores) in enumerate(
            zip(self.completions, self.scores, strict=True)
        ):
            outscoring: set[str] = set()
            # Only if it checks no part on any row; the findings of the terms cover the total.
            if self.term is not None and not self.checks:
                outscoring = row_completions.outscoring_entries(self.term, scores)
            rows = zip(
                row_completions.entries, row_completions.entry_texts, scores.entries, strict=True
            )
            for entry, text, score in rows:
                problem = self._judge_entry(entry, score, number)
                if problem is None and entry.name in outscoring:
                    problem = {"kind": "exploit", "score_fraction": 1.0}
                if problem is not None:
                    each.append(
                        Finding(
                            self.name,
                            entry=entry.name,
                            family=entry.family,
                            severity=entry.severity,
                            value=score.value,
                            reference_score=scores.reference.value,
                            row=number,
                            completion=text,
                            excerpt=excerpt(text, row_completions.reference),
                            **problem,
                        )
                    )
        return _merge_rows(each)

    def _judge_entry(self, entry: Entry, score: TermScore, row: int) -> dict[str, Any] | None:
        """Return the kind of the finding and what else depends on it, None for no finding."""
        if score.raised:
            return {"kind": "raises", "detail": score.why}
        checked, reference = self.checked[row], self.scores[row].reference.value
        missing = tuple(part for part in entry.missing if part in checked)
        if missing and score.value is not None and reference is not None:
            ablated = min(checked[part] for part in missing)
            fraction = (score.value - ablated) / (reference - ablated)
            if fraction >= self.share - _ROUNDING:
                problem = {"kind": "exploit", "score_fraction": fraction, "detail": score.why}
                return {**problem, "missing": missing}
        if score.seconds > self.slow:
            return {"kind": "slow", "detail": f"took more than {self.slow:g} s"}
        return None

    def _find_unpaid_reference(self) -> Iterable[Finding]:
        """Yield a finding if exploits cannot be found.

        Then all completions earn the same, or the reference earns the least.
        """
        known = {value for row in self.scores for value in row.all_values}
        reference = self.scores[0].reference.value
        earns = "abstains" if reference is None else f"earns {reference + 0.0:g}"
        if len(known) == 1:
            yield self._reference_finding("constant", f"every completion {earns}")
        elif all(map(_reference_is_lowest, self.scores)):
            detail = f"the reference completion {earns}, the lowest of all"
            hint = "pass rows and a template whose completion the reward pays"
            yield self._reference_finding("never_rewarded", f"{detail}; {hint}")

    def _reference_finding(self, kind: Any, detail: str) -> Finding:
        value, text = self.scores[0].reference.value, self.completions[0].reference
        return Finding(
            self.name,
            kind,
            "reference",
            value=value,
            reference_score=value,
            row_count=len(self.completions),
            completion=text,
            excerpt=text,
            detail=detail,
        )


def _reference_is_lowest(scores: CompletionScores) -> bool:
    reference = scores.reference.value
    if reference is None:
        return True
    return all(value is None or value >= reference for value in scores.all_values)


def _merge_rows(each: Iterable[Finding]) -> list[Finding]:
    """Return one finding per entry and kind, that of the row with the highest fraction."""

    def key(finding: Finding) -> tuple[str, str]:
        return finding.entry, finding.kind

    merged = []
    for _, group in groupby(sorted(each, key=key), key=key):
        same = [*group]
        worst = max(same, key=lambda finding: (finding.score_fraction, -finding.row))
        merged.append(worst._replace(row_count=len(same)))
    return merged


def _sort_key(finding: Finding) -> tuple[Any, ...]:
    """Sort by kind (errors first), then by fraction of the reference's reward, then by severity."""
    return (
        _KIND_ORDER.index(finding.kind),
        # Fractions above 1 count as 1: any full reward is equally bad.
        -min(finding.score_fraction, 1.0),
        -finding.severity,
        -finding.row_count,
        -finding.score_fraction,
        _ZOO_ORDER.get(finding.entry, 0),
    )
