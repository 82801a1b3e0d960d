"""Verdicts that another package gives, in worker processes, on references that are mappings."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rewardkit._messages import shorten_repr, shorten_text
from rewardkit._text import strict_json
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import to_plain

MAX_DETAIL_CHARACTERS = 200
MAX_LITERAL_CHARACTERS = 100_000  # Python's parser takes much more memory than JSON's

WorkerVerdict = tuple[str, str, float | None]
"""An outcome's value, a detail and a share, as a worker sends them."""


def read_mapping(reference: Any, *columns: str) -> dict[str, Any]:
    """Return a reference that is a mapping, or JSON or Python's text of one, or a list of one.

    Raises ValueError for any other, with the reason and the columns of which `correct` makes one.

    >>> read_mapping("[{'kwargs': [None]}]")
    {'kwargs': [None]}
    """
    value = read_text(reference) if isinstance(reference, str) else to_plain(reference)
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if not isinstance(value, Mapping):
        how = f" with {' and '.join(columns)}, as reference={[*columns]} makes" if columns else ""
        message = f"got {shorten_repr(reference)}, expected a mapping{how}"
        raise ValueError(message)  # noqa: TRY004 - data, not misuse
    return {str(key): to_plain(item) for key, item in value.items()}


def read_text(text: str) -> Any:
    """Return the value of JSON text or of Python's literals, the text itself if it is neither."""
    try:
        return strict_json.read(text)
    except (ValueError, RecursionError):
        pass
    try:
        # datasets that were written with str() have None and single quotes
        return ast.literal_eval(text) if len(text) <= MAX_LITERAL_CHARACTERS else text
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def judge_in_workers(
    function: str, rows: Sequence[Verdict | list[Any]], *, timeout: float
) -> list[Verdict]:
    """Return the verdict on each row: as given, or as the worker's function decides; equal ones
    are decided once.
    """
    from rewardkit._workers import pool  # noqa: PLC0415 - it starts no process before it is used

    asked: dict[str, Any] = {}
    keys: list[Verdict | str] = []
    for row in rows:
        key = row if isinstance(row, Verdict) else _write_row(row)
        if isinstance(key, str):
            asked[key] = row
        keys.append(key)
    answers = pool.run(function, [*asked.values()], timeout=timeout)
    late = Verdict(Outcome.TIMEOUT, f"not decided within {timeout:g} s")
    found = {
        key: _make_verdict(answer) if isinstance(answer, list) else late
        for key, answer in zip(asked, answers, strict=True)
    }
    return [found[key] if isinstance(key, str) else key for key in keys]


def _write_row(row: list[Any]) -> Verdict | str:
    try:
        return json.dumps(row)
    except (TypeError, ValueError, RecursionError) as error:
        detail = f"JSON cannot hold it: {error}"
        return Verdict(Outcome.BAD_REFERENCE, shorten_text(detail, MAX_DETAIL_CHARACTERS))


def _make_verdict(answer: Any) -> Verdict:
    outcome, detail, share = answer
    return Verdict(Outcome(outcome), shorten_text(detail, MAX_DETAIL_CHARACTERS), share)
