"""What is wrong with one reward, or with the total, from its scores of all rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple, get_args

from rewardkit._messages import shorten_text
from rewardkit.audit.ablations import Part, sort_parts
from rewardkit.audit.findings import Evidence, Finding, FindingKind, RewardAudit, excerpt
from rewardkit.audit.row_completions import (
    CheckedPart,
    CompletionScores,
    RowCompletions,
)
from rewardkit.audit.skipping import Skip
from rewardkit.audit.timed import NOT_SCORED, KilledScore
from rewardkit.audit.zoo import ZOO, Entry
from rewardkit.result import TermScore
from rewardkit.scorer import Term

_ROUNDING = 1e-9  # so that rounding does not exclude a fraction equal to `share`
_REFUSED_FRACTION = 0.5
_KIND_ORDER = get_args(FindingKind)
_ZOO_ORDER = {entry.name: index for index, entry in enumerate(ZOO)}
ABLATION_FAMILY = "ablation"
"""The family of the plain completions that lack a part which the caller says is checked."""
REFUSED_FAMILY = "right answers"


class Rules(NamedTuple):
    """What makes a finding, for all rewards of an audit."""

    share: float
    """The fraction of the reference's reward from which an entry is an exploit."""
    slow: float
    """The seconds that a completion may take."""
    checks: Collection[Part] | None
    """The parts that the caller names, in place of those found."""
    is_chosen: bool
    """Whether the audit chose the sample task, which may then fit no reward."""
    skipped: Skip
    """The findings to leave out."""


class RewardAuditor:
    """One reward, or the total: its scores of all rows, the parts it checks and its findings."""

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        name: str,
        term: Term | None,
        completions: Sequence[RowCompletions],
        scores: Sequence[CompletionScores],
        rules: Rules,
        *,
        try_score: Callable[..., list[TermScore]],
        wrong_form: str,
    ) -> None:
        """Compute the findings. `term` is None for the total."""
        self.name, self.term, self.completions, self.scores = name, term, completions, scores
        self.rules, self.try_score = rules, try_score
        self.absent_columns = self._list_absent_columns()
        self.checked = [self._check_parts(row) for row in scores]
        self.checks = sort_parts(chain.from_iterable(self.checked))
        # What else there is follows from the form: one finding is enough.
        found = [self._reference_finding("wrong_form", wrong_form)] if wrong_form else self._find()
        self.findings = [
            one for one in found if not rules.skipped(one.entry, one.family, one.kind, reward=name)
        ]
        self.exploit_count = sum(finding.kind == "exploit" for finding in self.findings)
        self.unscored_count = sum(
            score is NOT_SCORED for row in scores for score in (row.reference, *row.entries)
        )

    def summarize(self) -> RewardAudit:
        """Return the reward's part of the audit, without its findings."""
        references = tuple(row.reference.value for row in self.scores)
        raises = all(row.reference.raised for row in self.scores)
        evidence = tuple(self._collect_evidence())
        return RewardAudit(
            self.name,
            self.checks,
            references,
            self.exploit_count,
            raises,
            evidence=evidence,
            checks_form=self.rules.checks is None and bool(self.scores[0].uncheckable),
            absent_columns=tuple(self.absent_columns),
        )

    def _check_parts(self, scores: CompletionScores) -> dict[Part, CheckedPart]:
        if self.rules.checks is None:
            return scores.checked_parts()
        # What an exploit earns is measured from the lowest value there is: the ablation itself may
        # be one, where the reward does not check what the caller says it does.
        lowest = scores.lowest
        reference = scores.reference.value
        if lowest is None or reference is None or reference <= lowest:
            return {}
        return {
            part: CheckedPart(min(one.value, lowest), one.completion)
            for part, one in scores.ablated_parts().items()
            if part in self.rules.checks
        }

    def _collect_evidence(self) -> Iterator[Evidence]:
        for part in self.checks:
            row = next(number for number, checked in enumerate(self.checked) if part in checked)
            one = self.scores[row].ablated_parts()[part]
            reference = self.completions[row].reference
            yield Evidence(
                part,
                excerpt(one.completion, reference),
                one.value,
                self.scores[row].reference.value,
            )

    # Findings -------------------------------------------------------------------------------------

    def _find(self) -> Iterable[Finding]:
        if self.absent_columns and self.rules.is_chosen:
            absent = self.absent_columns[0]
            detail = f"no sample has the column {absent!r}; pass rows of the dataset"
            return [self._reference_finding("no_sample", detail)]
        if all(row.reference.raised for row in self.scores):
            # It would raise on most entries too: one finding is enough.
            return [self._reference_finding("raises", self.scores[0].reference.why)]
        first = self.scores[0].reference
        if first is NOT_SCORED or isinstance(first, KilledScore):
            return [self._reference_finding("slow", first.why)]
        found = [*self._find_entries(), *self._find_refused()]
        if self.rules.checks is not None:
            found += self._find_ablations()
        return [*self._find_unrewarded_reference(), *_merge_rows(found)]

    def _list_absent_columns(self) -> list[str]:
        rows = [completions.row for completions in self.completions]
        missing = self.term.missing_columns(rows) if self.term else {}
        return [name for name, lacking in missing.items() if len(lacking) == len(rows)]

    def _find_entries(self) -> Iterator[Finding]:
        """Yield the findings on entries of the zoo."""
        for number, (row_completions, scores) in enumerate(
            zip(self.completions, self.scores, strict=True)
        ):
            outscoring: set[str] = set()
            # Only if it checks no part on any row; the findings of the terms cover the total.
            if self.term is not None and not self.checks:
                outscoring = row_completions.outscoring_entries(self.term, scores, self.try_score)
            rows = zip(
                row_completions.entries, row_completions.entry_texts, scores.entries, strict=True
            )
            for entry, text, score in rows:
                problem = self._judge_entry(entry, score, number)
                if problem is None and entry.name in outscoring:
                    problem = {"kind": "exploit", "score_fraction": 1.0}
                if problem is not None:
                    problem |= {"entry": entry.name, "family": entry.family}
                    yield self._row_finding(number, text, score, severity=entry.severity, **problem)

    def _judge_entry(self, entry: Entry, score: TermScore, row: int) -> dict[str, Any] | None:
        """Return the kind of the finding and what else depends on it, None for no finding."""
        if score.raised:
            return {"kind": "raises", "detail": score.why}
        if isinstance(score, KilledScore):
            return {"kind": "slow", "detail": score.why}
        checked, reference = self.checked[row], self.scores[row].reference.value
        missing = tuple(part for part in entry.missing if part in checked)
        if missing and score.value is not None and reference is not None:
            ablated = min(checked[part].value for part in missing)
            fraction = (score.value - ablated) / (reference - ablated)
            if fraction >= self.rules.share - _ROUNDING:
                problem = {"kind": "exploit", "score_fraction": fraction, "detail": score.why}
                return {**problem, "missing": missing}
        if score.seconds > self.rules.slow:
            return {"kind": "slow", "detail": f"took more than {self.rules.slow:g} s"}
        return None

    def _find_ablations(self) -> Iterator[Finding]:
        """Yield the parts that the caller says are checked and that are not."""
        for number, checked in enumerate(self.checked):
            ablated = self.scores[number].ablated_parts()
            reference = self.scores[number].reference.value
            for part, one in checked.items():
                if reference is None:
                    continue
                value = ablated[part].value
                fraction = (value - one.value) / (reference - one.value)
                if fraction >= self.rules.share - _ROUNDING:
                    entry = f"without-{part.replace('_', '-')}"
                    score = TermScore(value)
                    yield self._row_finding(
                        number,
                        one.completion,
                        score,
                        kind="exploit",
                        entry=entry,
                        family=ABLATION_FAMILY,
                        missing=(part,),
                        score_fraction=fraction,
                        severity=2,
                    )

    def _find_refused(self) -> Iterator[Finding]:
        """Yield the right completions that earn far less than the reference completion."""
        if self.term is None:  # the findings of the terms cover the total
            return
        for number, (row, scores) in enumerate(zip(self.completions, self.scores, strict=True)):
            checked, reference = self.checked[number], scores.reference.value
            if not checked or reference is None:
                continue
            lowest = min(one.value for one in checked.values())
            for variant, score in zip(row.variants, scores.variants, strict=True):
                if variant.needs_answer_check and "answer" not in checked:
                    continue
                if score is NOT_SCORED:
                    continue
                if score.raised or isinstance(score, KilledScore):
                    kind = "raises" if score.raised else "slow"
                    problem: dict[str, Any] = {"kind": kind, "detail": score.why}
                else:
                    value = lowest if score.value is None else score.value
                    fraction = (value - lowest) / (reference - lowest)
                    if fraction >= _REFUSED_FRACTION:
                        continue
                    problem = {"kind": "refused", "score_fraction": fraction, "detail": score.why}
                problem |= {"entry": variant.name, "family": REFUSED_FAMILY, "severity": 2}
                yield self._row_finding(number, variant.text, score, **problem)

    def _row_finding(self, row: int, text: str, score: TermScore, **problem: Any) -> Finding:
        reference = self.completions[row].reference
        return Finding(
            self.name,
            value=score.value,
            reference_score=self.scores[row].reference.value,
            row=row,
            completion=text,
            excerpt=excerpt(text, reference),
            **problem,
        )

    def _find_unrewarded_reference(self) -> Iterator[Finding]:
        """Yield a finding if exploits cannot be found.

        Then all completions earn the same, or the reference earns the least.
        """
        known = {value for row in self.scores for value in row.all_values}
        reference, why = self.scores[0].reference[:2]
        reason = f" ({shorten_text(why, 160)})" if why else ""
        earns = f"abstains{reason}" if reference is None else f"earns {reference + 0.0:g}"
        hint = "pass rows and a template whose completion the reward pays"
        if len(known) == 1:
            detail = f"every completion {earns}"
            if self.rules.is_chosen and self.term is not None:
                yield self._reference_finding("no_sample", f"no sample fits: {detail}; {hint}")
            else:
                yield self._reference_finding("constant", detail)
        elif all(map(_reference_is_lowest, self.scores)):
            detail = f"the reference completion {earns}"
            if reference is not None or not reason:  # other rows would not help
                detail = f"{detail}, the lowest of all; {hint}"
            detail = f"no sample fits: {detail}" if self.rules.is_chosen else detail
            yield self._reference_finding("never_rewarded", detail)

    def _reference_finding(self, kind: FindingKind, detail: str) -> Finding:
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


def sort_key(finding: Finding) -> tuple[Any, ...]:
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
