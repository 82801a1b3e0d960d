"""From the bodies of requests to their answers: what a server's worker process does.

Bodies reach the worker as bytes, so that the process with the connections neither parses nor
encodes rows. Requests that wait together are scored as one batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rewardkit._files.chunks import decode  # type: ignore[attr-defined]  # msgspec's, or json's
from rewardkit._messages import error_line, explain_missing_column
from rewardkit.adapters._openrlhf import (
    OPENRLHF,
    RESERVED,
    cut_completion,
    list_totals_and_logs,
)
from rewardkit.adapters._rows import RowScorer, list_names
from rewardkit.result import RowScore
from rewardkit.reward import Reward
from rewardkit.scorer import Rewards, Scorer
from rewardkit.serve.row_scores import RowError, RowResult, describe_value, score_rows

ROWS, QUERIES = "/score", "/get_reward"
"""The paths of the two forms of requests: rewardkit's own, and that of OpenRLHF's own server."""
MAX_ROWS = 65_536  # rows of two characters would make answers a hundred times as large
MAX_DIGITS = 4_300  # of an integer; Python's own limit, since its time is quadratic
_EXAMPLE = '{"rows": [{"completion": "...", "answer": "..."}]}'
_QUERY_LISTS = ("query", "prompts", "labels")


class Request(NamedTuple):
    """A request as it came."""

    path: str
    body: bytes


class Tally(NamedTuple):
    """What a reward gave in some rows."""

    values: int
    total: float
    """The sum of the values."""
    abstained: int


class Answer(NamedTuple):
    """The answer to a request, and what the server counts of it."""

    status: int
    body: bytes
    scored: int = 0
    """How many rows have scores."""
    failed: int = 0
    """How many rows have an error."""
    tallies: Mapping[str, Tally] = {}
    """By the reward's name."""


class RequestScorer:
    """Answers requests with the scores of their rows; it is pickled once for each worker process.

    `columns` are those that rows bring, if that is known. With `groups`, each request holds whole
    groups and is a batch of its own. With `openrlhf`, requests of OpenRLHF's form are answered too.

    Raises what Scorer does, and ValueError for rewards that such requests cannot serve.
    """

    def __init__(
        self,
        rewards: Rewards,
        *,
        columns: Iterable[str] | None = None,
        groups: bool = False,
        openrlhf: bool = False,
    ) -> None:
        """Check the rewards against what requests hold."""
        if groups and openrlhf:
            raise ValueError("OpenRLHF sends completions one by one; leave out groups or openrlhf")
        self.scorer = Scorer(rewards)
        self.groups = groups
        for name, reward, *_ in self.scorer.terms:
            if isinstance(reward, Reward) and not (groups or reward.pointwise):
                problem = f"{name}: compares the completions of a group, and requests hold any rows"
                hint = "if each holds whole groups, start the server with --groups (groups=True)"
                raise ValueError(f"{problem}; {hint}")
        if columns is not None:
            _check_columns(self.scorer.columns, list_names(columns))
        # Its names differ from the scorer's where OpenRLHF has a column of that name.
        self.queries = RowScorer(rewards, OPENRLHF, reserved=RESERVED) if openrlhf else None

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the answers to some requests, scored together."""
        parsed = [*map(self._parse_request, requests)]
        rows = [row for found in parsed if isinstance(found, list) for row in found]
        keys = [
            number if self.groups else 0
            for number, found in enumerate(parsed)
            if isinstance(found, list)
            for _ in found
        ]
        results = iter(score_rows(self.scorer, rows, keys))
        return [
            format_error(400, found)
            if isinstance(found, str)
            else self._format_answer(request.path, [next(results) for _ in found])
            for request, found in zip(requests, parsed, strict=True)
        ]

    def _parse_request(self, request: Request) -> list[Any] | str:
        """Return a request's rows, or why it has none."""
        try:
            body = _decode_json(request.body)
        except (ValueError, RecursionError) as error:
            return f"the body is not JSON ({error})"
        read = self._read_queries if request.path == QUERIES else _read_rows
        rows = read(body)
        if len(rows) > MAX_ROWS and isinstance(rows, list):
            return f"got {len(rows):,} rows, expected at most {MAX_ROWS:,}; send several requests"
        return rows

    def _read_queries(self, body: Any) -> list[Any] | str:
        given = [body.get(name) for name in _QUERY_LISTS] if isinstance(body, dict) else []
        lists = [each for each in given if isinstance(each, list)]
        if len(lists) < len(_QUERY_LISTS) or len({*map(len, lists)}) > 1:
            return f"expected lists of one length: {', '.join(_QUERY_LISTS)}"
        return [self._read_query(*values) for values in zip(*lists, strict=True)]

    def _read_query(self, query: Any, prompt: Any, label: Any) -> dict[str, Any] | RowError:
        if isinstance(label, RowError):
            return label
        try:
            row = {"completion": cut_completion(query, prompt), "prompt": prompt}
        except (ValueError, TypeError, AttributeError) as error:
            return RowError(error_line(error))
        return row | dict.fromkeys(self.scorer.reference_columns, label)

    def _format_answer(self, path: str, results: Sequence[RowResult]) -> Answer:
        scored = [result for result in results if isinstance(result, RowScore)]
        body = self._format_queries(results) if path == QUERIES else self._format_rows(results)
        failed = len(results) - len(scored)
        return Answer(200, _encode_json(body), len(scored), failed, self._tally_rewards(scored))

    def describe(self, version: str) -> Answer:
        """Return the answer to GET /rewards."""
        terms = self.scorer.terms
        described: dict[str, Any] = {
            "rewards": [
                {"name": term.name, "weight": term.weight, "columns": term.columns}
                for term in terms
            ],
            "bias": self.scorer.bias,
            "columns": self.scorer.columns,
            "dataset_columns": self.scorer.dataset_columns,
            "reference_columns": self.scorer.reference_columns,
            "groups": self.groups,
            "version": version,
        }
        return Answer(200, _encode_json(described))

    def _format_rows(self, results: Sequence[RowResult]) -> dict[str, Any]:
        return {
            "scores": [
                {"error": result.message}
                if isinstance(result, RowError)
                else self.scorer.name_columns(result)
                for result in results
            ]
        }

    def _format_queries(self, results: Sequence[RowResult]) -> dict[str, Any]:
        assert self.queries is not None  # noqa: S101 - without it the server has no such path
        rows = [
            None if isinstance(result, RowError) else self.queries.name_parts(result)
            for result in results
        ]
        totals, logs = list_totals_and_logs(self.queries, rows)
        return {"rewards": totals, "scores": totals, "extra_logs": logs}

    def _tally_rewards(self, scored: Sequence[RowScore]) -> dict[str, Tally]:
        tallies = {}
        for term in self.scorer.terms:
            values = [row.values[term.name] for row in scored]
            known = [value for value in values if value is not None]
            tallies[term.name] = Tally(len(known), math.fsum(known), len(values) - len(known))
        return tallies


def format_error(status: int, message: str) -> Answer:
    """Return an answer with nothing but an error."""
    return Answer(status, _encode_json({"error": message}))


def _read_rows(body: Any) -> list[Any] | str:
    if not isinstance(body, dict):
        return f"got {describe_value(body)}, expected {_EXAMPLE}"
    rows = body.get("rows")
    if isinstance(rows, list):
        return rows
    given = f"{describe_value(rows)} as rows" if "rows" in body else "an object without rows"
    return f"got {given}, expected {_EXAMPLE}"


def _check_columns(read: Iterable[str], brought: Sequence[str]) -> None:
    for name in read:
        if name not in brought:
            hint = (
                "let the rows bring it, or set the reward's reference to a column that they bring"
            )
            raise ValueError(f"{explain_missing_column(name, brought)}; {hint}")


def _decode_json(body: bytes) -> Any:
    try:
        return decode(body)
    except ValueError:  # msgspec refuses NaN and half a surrogate pair, which json takes
        found = json.loads(body, parse_int=_read_integer)
    if isinstance(found, dict):
        for name, items in found.items():
            if isinstance(items, list):
                found[name] = [*map(_refuse_long_number, items)]
    return found


class _LongNumber(str):
    """The digits of an integer that Python does not read."""

    __slots__ = ()


def _read_integer(digits: str) -> int | _LongNumber:
    return int(digits) if len(digits) <= MAX_DIGITS else _LongNumber(digits)


def _refuse_long_number(item: Any) -> Any:
    """Return an item of a list, or its error if there is such a number at any depth."""
    pending = [item]
    while pending:
        value = pending.pop()
        if isinstance(value, _LongNumber):
            given = f"got a number of {len(value):,} digits, expected at most {MAX_DIGITS:,}"
            return RowError(f"{given}; send it as a text")
        if isinstance(value, dict | list):
            pending += value.values() if isinstance(value, dict) else value
    return item


def _encode_json(body: object) -> bytes:
    return json.dumps(body).encode()
