"""What an audit is made on: rows, the layout of their reference completions, and sample tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rewardkit._messages import did_you_mean, explain_missing_column, shorten_repr, shorten_text
from rewardkit._template import Row, Template, as_function, check_template
from rewardkit.audit.ablations import SLOT, ReferenceCompletion
from rewardkit.audit.findings import quote
from rewardkit.audit.rows import pick_reference, spread_evenly, write_answers
from rewardkit.audit.samples import SAMPLES, Sample, list_pairs, make_own_samples
from rewardkit.audit.timed import TimedScorer
from rewardkit.reward import Reward
from rewardkit.scorer import Term, prompt_text
from rewardkit.verify.base import texts as reference_texts

# Of the time limit: the rest is for the audit itself.
_CHOOSING_SHARE = 1 / 2
_CHECKED_ROWS = 64  # of a mixture of tasks; reading each row of a large dataset takes seconds


class Task(NamedTuple):
    """Rows with the layout of their reference completions."""

    rows: Sequence[Row]
    template: Template
    answer: str
    """The column with the right answer."""
    sample: str | None
    """The sample's name, None for the caller's rows."""


class _Fit(NamedTuple):
    """How well one sample fits one reward, the best last."""

    margin: float = 0.0
    """How much more the reference completion earns than a text without content, at most."""
    at_maximum: bool = False
    chat: bool = False


def choose_task(
    timed: TimedScorer,
    rows: Sequence[Row] | None,
    template: Template | None,
    answer: str,
    sample: str | None,
) -> Task:
    """Return the caller's rows, or the sample task that the rewards pay most.

    Raises ValueError for an unknown sample and for no rows.
    """
    if sample is not None and sample not in SAMPLES:
        message = f"no sample {sample!r}{did_you_mean(sample, SAMPLES)}"
        raise ValueError(f"{message}; the samples are {', '.join(SAMPLES)}")
    timed.warm_up(rows[0] if rows else SAMPLES["xml"].rows[0])
    if rows is None:
        rewards = [term.reward for term in timed.scorer.terms]
        samples = {**SAMPLES, **make_own_samples(rewards)}
        sample = _choose_sample(timed, samples) if sample is None else sample
        task = samples[sample]
        return Task(task.rows, template or task.template, task.answer, sample)
    if not rows:
        message = "no rows; give some rows of the dataset, as mappings by column, or none at all"
        raise ValueError(message)
    if template is not None:
        check_template(template, spread_evenly(rows, _CHECKED_ROWS))
    layout = SAMPLES[sample].template if sample else "{answer}"
    return Task(rows, template or layout.replace("{answer}", f"{{{answer}}}"), answer, None)


def _choose_sample(timed: TimedScorer, samples: Mapping[str, Sample]) -> str:
    """Return the sample whose layout the rewards pay most, compared with a text without content."""
    terms = timed.scorer.terms
    rewards = [term.reward for term in terms]
    # A function takes texts or messages; what one sample shows holds for all.
    forms = {
        term.name: [False] if isinstance(term.reward, Reward) else [True, False] for term in terms
    }
    ranks: dict[str, tuple[int, int, float]] = {}
    reserve = timed.seconds_left * (1 - _CHOOSING_SHARE)
    for name, task in samples.items():
        if ranks and timed.seconds_left < reserve:
            break
        references = make_references(Task(task.rows, task.template, task.answer, name), rewards)
        fits = [_fit_sample(term, forms[term.name], task, references) for term in terms]
        # First by how many rewards pay it more on some row, then by how many pay their maximum: of
        # the differences alone, a penalty for length can make a wrong layout's the larger one.
        paying = sum(fit.margin > 0 for fit in fits)
        at_maximum = sum(fit.at_maximum for fit in fits)
        ranks[name] = paying, at_maximum, sum(fit.margin for fit in fits)
    return max(ranks, key=lambda name: ranks[name])


def _fit_sample(
    term: Term, forms: list[bool], task: Sample, references: Sequence[ReferenceCompletion]
) -> _Fit:
    best = _Fit()
    for chat in [*forms]:
        pairs = _score_pairs(term._replace(chat=chat), task, references)
        if not pairs and len(forms) > 1:
            forms.remove(chat)  # it raises on every row
            continue
        for value, baseline in pairs:
            margin = 0.0 if value is None else value - (baseline or 0.0)
            # A function declares no maximum.
            most = term.reward.bounds[1] if isinstance(term.reward, Reward) else None
            at_maximum = most is not None and value is not None and value >= most
            best = max(best, _Fit(margin, best.at_maximum or at_maximum, chat))
            if at_maximum and not best.at_maximum:
                best = best._replace(at_maximum=True)
    return best


def _score_pairs(
    term: Term, task: Sample, references: Sequence[ReferenceCompletion]
) -> list[tuple[float | None, float | None]]:
    """Return the values of each row's reference completion and of its text without content.

    Rows on which the reward raises are left out.
    """
    texts = [text for one in references for text in (one.text, one.baseline)]
    rows = [row for row in task.rows for _ in range(2)]
    values = _try_values(term, rows, texts)
    if values is not None:
        return [*zip(values[::2], values[1::2], strict=True)]
    each = (
        _try_values(term, [row] * 2, [one.text, one.baseline])
        for row, one in zip(task.rows, references, strict=True)
    )
    return [(found[0], found[1]) for found in each if found is not None]


def _try_values(term: Term, rows: Sequence[Row], texts: Sequence[str]) -> list[float | None] | None:
    try:
        return [score.value for score in term.score(rows, texts)]
    except (Exception, SystemExit):  # noqa: BLE001 - the audit reports it where all is scored
        return None


# Reference completions ----------------------------------------------------------------------------


def make_references(task: Task, rewards: Sequence[Any]) -> list[ReferenceCompletion]:
    """Make each row's reference completion, with the tags that rewards name among its marks.

    Raises ValueError for a row without an answer, and for a template that does not write it.
    """
    marks = list_pairs(rewards)
    rows = write_answers(task.rows, rewards)
    layouts = [_make_layout(number, row, task) for number, row in enumerate(rows)]
    completions = [layout.replace(SLOT, answer) for layout, answer in layouts]
    labels = [answer for _, answer in layouts]
    references = []
    for row, (layout, answer), own in zip(task.rows, layouts, completions, strict=True):
        other = next((text for text in completions if text != own), "")
        references.append(
            ReferenceCompletion(
                layout,
                answer,
                prompt=prompt_text(row.get("prompt", "")),
                other_completion=other,
                pairs=marks,
                labels=labels,
            )
        )
    return references


def _make_layout(number: int, row: Row, task: Task) -> tuple[str, str]:
    """Return a row's reference completion with SLOT for the answer, and the answer.

    `row` is the task's row with the text of a right answer in place of another value.
    """
    write, answer_column = as_function(task.template), task.answer
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
    # Of another column's list of references, a text takes the first one too.
    row = pick_reference(row) if isinstance(task.template, str) else row
    try:
        completion = write({**row, answer_column: answer})
    except Exception:  # noqa: BLE001 - a function that computes with the answer
        completion = write(task.rows[number])
    try:
        layout = write({**row, answer_column: SLOT})
    except Exception:  # noqa: BLE001 - the same
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
