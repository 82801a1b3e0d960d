"""Check and score rows that may be anything: one that cannot be scored costs only itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from rewardkit._messages import error_line, explain_missing_column, shorten_repr
from rewardkit._score_checks import weighted_sum
from rewardkit._text.completions import find_unreadable
from rewardkit.batch import COMPLETION_FORMS, NOT_DATASET_COLUMNS, Batch
from rewardkit.result import RowScore
from rewardkit.scorer import Scorer, Term

MAX_LISTED_COLUMNS = 30  # of a row in a message; the nearest name is searched among them
MAX_QUOTED = 60


class RowError(NamedTuple):
    """Why a row has no scores."""

    message: str


RowResult: TypeAlias = RowScore | RowError


def score_rows(scorer: Scorer, rows: Sequence[Any], batch_keys: Sequence[Any]) -> list[RowResult]:
    """Return each row's scores, or its error; rows are mappings, or the errors of earlier steps.

    Rows are scored together if they have the same key, columns and step.
    """
    results: list[RowResult | None] = [_find_problem(scorer, row) for row in rows]
    batches: dict[Any, list[int]] = {}
    for index, (row, key) in enumerate(zip(rows, batch_keys, strict=True)):
        if results[index] is None:
            # A value that a row lacks would be None beside rows that have one, and its scores would
            # then depend on who asks at the same time.
            batches.setdefault((key, frozenset(row), row.get("step")), []).append(index)
    for indices in batches.values():
        found = _score_batch(scorer, _make_batch([rows[index] for index in indices]))
        for index, result in zip(indices, found, strict=True):
            results[index] = result
    return [result for result in results if result is not None]


def describe_value(value: Any) -> str:
    """Describe a value of JSON in a few words, however large it is.

    >>> describe_value("four"), describe_value([1, 2])
    ("'four' (str)", 'an array')
    """
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return shorten_repr(value[:MAX_QUOTED] if isinstance(value, str) else value)


def _find_problem(scorer: Scorer, row: Any) -> RowError | None:
    if isinstance(row, RowError):
        return row
    if not isinstance(row, dict):
        return RowError(f"got {describe_value(row)}, expected an object with a completion")
    for name in ("completion", *scorer.columns):
        if name not in row:
            return RowError(explain_missing_column(name, islice(row, MAX_LISTED_COLUMNS)))
    if find_unreadable([row["completion"]]):
        given = describe_value(row["completion"])
        return RowError(f"completion: got {given}, {COMPLETION_FORMS}")
    step = row.get("step")
    # bool is an int in Python, and no step of a trainer
    if step is not None and type(step) is not int:
        return RowError(f"step: got {describe_value(step)}, expected a whole number")
    return None


def _make_batch(rows: Sequence[dict[str, Any]]) -> Batch:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    batch = Batch(
        columns["completion"],
        prompts=columns.get("prompt"),
        completion_ids=columns.get("completion_ids"),
        columns={
            name: column for name, column in columns.items() if name not in NOT_DATASET_COLUMNS
        },
        step=rows[0].get("step"),
    )
    batch.surface = "rows"
    return batch


def _score_batch(scorer: Scorer, batch: Batch) -> list[RowResult]:
    scores = {term.name: _try_term(term, batch) for term in scorer.terms}
    weights = [term.weight for term in scorer.terms]
    results: list[RowResult] = []
    for row in zip(*scores.values(), strict=True):
        errors = [found for found in row if isinstance(found, RowError)]
        if errors:
            results.append(errors[0])
            continue
        values = {name: value for name, (value, _) in zip(scores, row, strict=True)}
        whys = {name: why for name, (_, why) in zip(scores, row, strict=True)}
        total = weighted_sum([*values.values()], weights, scorer.bias)
        results.append(RowScore(values, whys, total))
    return results


def _try_term(term: Term, batch: Batch) -> list[tuple[float | None, str] | RowError]:
    """Return the value and the why of each row, or the error that it raises."""
    try:
        return [*zip(*term.values_and_whys(batch), strict=True)]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises; a program may exit
        if len(batch) == 1:
            return [RowError(f"{term.name}: {error_line(error)}")]
    # By halves, not row by row: the rows that can be scored stay together, as verifiers that work
    # on several rows at once need them.
    half = len(batch) // 2
    parts = (batch.select(range(half)), batch.select(range(half, len(batch))))
    return [found for part in parts for found in _try_term(term, part)]
