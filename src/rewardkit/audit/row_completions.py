"""A row's completions of all kinds, scored with every reward within the time that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from rewardkit._messages import make_names_unique
from rewardkit._template import Row
from rewardkit.audit.ablations import LANGUAGES, PARTS, Part, ReferenceCompletion, mask_words
from rewardkit.audit.right_answers import open_in_template, vary_answer, vary_layout
from rewardkit.audit.timed import NOT_SCORED, KilledScore, Progress, TimedScorer
from rewardkit.audit.zoo import Entry
from rewardkit.component import walk
from rewardkit.result import TermScore
from rewardkit.reward import Reward
from rewardkit.rewards._judging import EndpointReward
from rewardkit.rewards.wrappers import Wrapped
from rewardkit.scorer import Scorer, Term
from rewardkit.verify.base import Verifier

TOTAL = "total"
"""The name of the weighted sum of several rewards."""

# As a fraction of the widest gap between the reference completion and an ablation. A smaller gap
# is not a check of the part: the ablations differ in length too, and a reward may pay for that.
_MIN_CHECK_GAP = 0.25
_EVERYTHING: set[Part] = {*PARTS} - {"clean_end"}  # a completion without content has a clean end
# What a reward for the form of free text cannot check: every text is of its type, and the plainest
# completions without the other two have words of their own, which may break the form.
_CONTENT_OF_TEXT: frozenset[Part] = frozenset({"answer", "answer_type", "answer_tag", "clean_end"})
# What may take a reward long is scored last and by itself.
_HEAVY_FAMILIES = frozenset({"too large", "length"})
_HEAVY_BATCH_SHARE = 0.4  # of the time of one text: most rewards need little


class Variant(NamedTuple):
    """A right completion that differs from the reference completion."""

    name: str
    text: str
    needs_answer_check: bool
    """Whether only rewards that check the answer must pay it."""


class CheckedPart(NamedTuple):
    """The plainest completion without a part that a reward checks, and what it earns."""

    value: float
    completion: str


class CompletionScores(NamedTuple):
    """One reward's scores of one row's completions."""

    reference: TermScore
    baseline: TermScore
    ablations: dict[Part, list[tuple[str, TermScore]]]
    variants: list[TermScore]
    entries: list[TermScore]
    is_english: bool = False
    """Whether the reference completion's reasoning is in English."""
    uncheckable: frozenset[Part] = frozenset()
    """The parts that the reward cannot check, since it checks a form alone."""

    @property
    def all_values(self) -> list[float | None]:
        """The values of all completions, but for those on which the reward raises."""
        ablations = (score for scores in self.ablations.values() for _, score in scores)
        everything = (self.reference, self.baseline, *ablations, *self.entries)
        return [
            score.value
            for score in everything
            if not (score.raised or score is NOT_SCORED or isinstance(score, KilledScore))
        ]

    @property
    def lowest(self) -> float | None:
        """The lowest value of the ablations and the text without content, None if none has one."""
        scores = (score for found in self.ablations.values() for _, score in found)
        values = [one.value for one in (self.baseline, *scores) if one.value is not None]
        return min(values, default=None)

    def ablated_parts(self) -> dict[Part, CheckedPart]:
        """Return the ablation of each part that earns least."""
        ablated: dict[Part, CheckedPart] = {}
        for part, scores in self.ablations.items():
            known = [
                CheckedPart(score.value, text) for text, score in scores if score.value is not None
            ]
            if known:
                ablated[part] = min(known)
        return ablated

    def checked_parts(self) -> dict[Part, CheckedPart]:
        """Return the parts that the reward checks, each with its ablation."""
        reference, baseline = self.reference.value, self.baseline.value
        if reference is None or (baseline is not None and baseline >= reference):
            return {}
        ablated = self.ablated_parts()
        values = [one.value for one in ablated.values()]
        lowest = min([*values, reference if baseline is None else baseline])
        checked = {
            part: one
            for part, one in ablated.items()
            if reference - one.value >= _MIN_CHECK_GAP * (reference - lowest) > 0
            and part not in self.uncheckable
        }
        if "language" in checked and self._depends_on_words(reference, lowest):
            del checked["language"]
        # A reward for right answers may ignore the layout, whatever it pays for on the side; the
        # ablations of the layout often break the language too.
        decisive = next((part for part in ("answer", "language") if part in checked), None)
        return checked if decisive is None else {decisive: checked[decisive]}

    def _depends_on_words(self, reference: float, lowest: float) -> bool:
        """Return whether another sentence in the reference's language loses the reward, too.

        That is known of English alone: what a reward pays for are words then, not the language.
        """
        if not self.is_english:
            return False
        languages = zip(LANGUAGES, self.ablations["language"], strict=True)
        english = next(score.value for name, (_, score) in languages if name == "en")
        return english is not None and reference - english >= _MIN_CHECK_GAP * (reference - lowest)


class RowCompletions:
    """The completions that are scored for a row: reference, baseline, ablations and the zoo's."""

    def __init__(self, row: Row, reference: ReferenceCompletion, zoo: Sequence[Entry]) -> None:
        """Make the completions; of equal ones the first entry of the zoo is kept."""
        self.row = row
        self.reference, self.baseline = reference.text, reference.baseline
        self.ablations, self.is_english = reference.ablations(), reference.is_english
        is_text = reference.answer_type == "text"
        self.content_parts = _CONTENT_OF_TEXT if is_text else frozenset[Part](["answer"])
        by_text: dict[str, Entry] = {}
        for entry in zoo:
            text = entry.make(reference)
            if text is not None:
                by_text.setdefault(text, entry)
        self.entries = [*by_text.values()]
        self.entry_texts = [*by_text]
        self.variants = [*_make_variants(reference)]

    def light_texts(self) -> list[str]:
        """All texts but those that may take long."""
        ablations = chain.from_iterable(self.ablations.values())
        variants = (variant.text for variant in self.variants)
        return [
            self.reference,
            self.baseline,
            *ablations,
            *variants,
            *self._entries_of(heavy=False),
        ]

    def heavy_texts(self) -> list[str]:
        """The texts that may take long."""
        return [*self._entries_of(heavy=True)]

    def _entries_of(self, *, heavy: bool) -> Iterator[str]:
        for entry, text in zip(self.entries, self.entry_texts, strict=True):
            if (entry.family in _HEAVY_FAMILIES) == heavy:
                yield text

    def group_scores(
        self, light: Iterable[TermScore], heavy: Iterable[TermScore], *, checks_form: bool
    ) -> CompletionScores:
        """Return the scores of the light texts and of the heavy ones by what they are of."""
        rest, late = iter(light), iter(heavy)
        reference, baseline = next(rest), next(rest)
        ablations = {
            part: [(text, next(rest)) for text in texts] for part, texts in self.ablations.items()
        }
        variants = [next(rest) for _ in self.variants]
        entries = [
            next(late) if entry.family in _HEAVY_FAMILIES else next(rest) for entry in self.entries
        ]
        uncheckable = self.content_parts if checks_form else frozenset[Part]()
        return CompletionScores(
            reference, baseline, ablations, variants, entries, self.is_english, uncheckable
        )

    def outscoring_entries(
        self, term: Term, scores: CompletionScores, try_score: Callable[..., list[TermScore]]
    ) -> set[str]:
        """Return the entries that lack everything and earn more than the reference completion.

        As much is enough where that earns more than a text without content. They must earn more
        than a text without content of their length, too: a reward for the length alone pays both
        the same.
        """
        reference, baseline = scores.reference.value, scores.baseline.value
        if reference is None:
            return set()
        is_rewarded = baseline is not None and reference > baseline
        # A reward that pays for some words may be right about the language.
        lacking = _EVERYTHING - {"language"} if is_rewarded else _EVERYTHING
        # The value of a reward that depends on other rows says nothing about one completion.
        if isinstance(term.reward, Reward) and not term.reward.pointwise:
            return set()
        higher = [
            (entry.name, text, score.value)
            for entry, text, score in zip(
                self.entries, self.entry_texts, scores.entries, strict=True
            )
            if {*entry.missing} >= lacking
            and score.value is not None
            and (score.value >= reference if is_rewarded else score.value > reference)
        ]
        if not higher:
            return set()
        # A text of no length has no other one of its length.
        lowest = min((value for value in scores.all_values if value is not None), default=reference)
        blank = {
            name for name, text, value in higher if not text.strip() and value > reference > lowest
        }
        masked = [mask_words(text) for _, text, _ in higher]
        baselines = try_score(term, [self.row] * len(higher), masked)
        return blank | {
            name
            for (name, _, value), baseline in zip(higher, baselines, strict=True)
            if baseline is not NOT_SCORED and (baseline.value is None or baseline.value < value)
        }


def _make_variants(reference: ReferenceCompletion) -> Iterator[Variant]:
    seen = {reference.text}
    layouts = ((name, text, False) for name, text in vary_layout(reference))
    answers = ((name, text, True) for name, text in vary_answer(reference))
    opened = open_in_template(reference)
    # A rule for the layout may ask for the tag: only some templates open it.
    opened_thought = [] if opened is None else [("thought-opened-by-the-template", opened, True)]
    for variant in (*layouts, *answers, *opened_thought):
        if variant[1] not in seen:
            seen.add(variant[1])
            yield Variant(*variant)


# Scoring ------------------------------------------------------------------------------------------


class RowScorer:
    """Scores the rows' completions, what is light before what is heavy, until the time is over."""

    def __init__(
        self, timed: TimedScorer, rows: Sequence[RowCompletions], progress: Progress | None
    ) -> None:
        self.timed, self.rows, self.progress = timed, rows, progress
        self._light: list[dict[str, list[TermScore]]] = []
        self._heavy: list[dict[str, list[TermScore]]] = []
        self._late: dict[str, set[str]] = {term.name: set() for term in timed.scorer.terms}
        self._done = 0

    def score(self) -> list[dict[str, CompletionScores]]:
        """Return each row's scores by reward, and of the total if there are several.

        Rows that are left when the time is over have none, but for the first.
        """
        try:
            self._score_rows()
        except KeyboardInterrupt:
            if not self._light:
                raise
            self.timed.stop()
            self._score_rest()  # as not scored, which takes no time
        return [
            _group_by_term(self.timed.scorer, *each)
            for each in zip(self.rows, self._light, self._heavy, strict=False)
        ]

    def _score_rows(self) -> None:
        half = self.timed.seconds_left / 2
        for number, row in enumerate(self.rows):
            # Half of the time is for the first row's heavy texts, and for more rows after them.
            if number and not self._heavy and self.timed.seconds_left < half:
                self._score_heavy(self.rows[0])
            if number and not self.timed.seconds_left:
                break
            self._score_light(row)
        self._score_rest()

    def _score_light(self, row: RowCompletions) -> None:
        texts = row.light_texts()
        scores = {}
        for term in self.timed.scorer.terms:
            self._show_progress(term)
            scores[term.name] = self.timed.try_score(term, [row.row] * len(texts), texts)
        self._light.append(scores)

    def _score_rest(self) -> None:
        for row in self.rows[len(self._heavy) : len(self._light)]:
            self._score_heavy(row)

    def _score_heavy(self, row: RowCompletions) -> None:
        """Score the texts that may take long, but for the entries that were late on another row."""
        scores = {}
        names = [entry.name for entry in row.entries if entry.family in _HEAVY_FAMILIES]
        for term in self.timed.scorer.terms:
            self._show_progress(term)
            late = self._late[term.name]
            pairs = zip(names, row.heavy_texts(), strict=True)
            chosen = {name: text for name, text in pairs if name not in late}
            # With the reference completion: a reward may compare the completions of a batch.
            texts = [row.reference, row.baseline, *chosen.values()]
            limit = self.timed.slow * _HEAVY_BATCH_SHARE
            found = self.timed.try_score(term, [row.row] * len(texts), texts, batch_limit=limit)
            by_name = dict(zip(chosen, found[2:], strict=True))
            late.update(name for name, one in by_name.items() if isinstance(one, KilledScore))
            scores[term.name] = [by_name.get(name, NOT_SCORED) for name in names]
        self._heavy.append(scores)

    def _show_progress(self, term: Term) -> None:
        if self.progress is not None:
            self.progress(term.name, self._done, 2 * len(self.rows) * len(self._late))
        self._done += 1


def _group_by_term(
    scorer: Scorer,
    row: RowCompletions,
    light: dict[str, list[TermScore]],
    heavy: dict[str, list[TermScore]],
) -> dict[str, CompletionScores]:
    forms = {term.name: _checks_form(term.reward) for term in scorer.terms}
    grouped = {
        name: row.group_scores(light[name], heavy[name], checks_form=forms[name]) for name in light
    }
    if len(light) == 1:
        return grouped
    total = make_names_unique([*light, TOTAL])[-1]  # a reward may itself be named total
    # a sum knows no more of the answer than its terms
    is_form = any(forms.values()) and not any(
        "answer" in scores.checked_parts() for scores in grouped.values()
    )
    sums = (_sum_scores(scorer, scores) for scores in (light, heavy))
    return {**grouped, total: row.group_scores(*sums, checks_form=is_form)}


def _checks_form(reward: Any) -> bool:
    """Return whether a reward's verifiers check a form alone, and nothing else in it may judge."""
    parts = [*walk(reward)] if isinstance(reward, Reward) else []
    verifiers = [part for part in parts if isinstance(part, Verifier)]
    may_judge = any(isinstance(part, EndpointReward | Wrapped) for part in parts)
    return bool(verifiers) and not may_judge and all(part.checks_form for part in verifiers)


def _sum_scores(scorer: Scorer, scores: dict[str, list[TermScore]]) -> list[TermScore]:
    """Return the totals; of a completion that a reward did not finish, the total is unknown."""
    columns = [*zip(*scores.values(), strict=True)]
    unknown = [
        any(score is NOT_SCORED or isinstance(score, KilledScore) for score in column)
        for column in columns
    ]
    totals = scorer.total(scores)
    return [
        NOT_SCORED if missing else score for score, missing in zip(totals, unknown, strict=True)
    ]
