"""Rewards that a `rewardkit serve` scores, asked row by row over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import time
import weakref
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rewardkit.result import RowScore
from rewardkit.scorer import TOTAL

SCHEMES = ("http://", "https://")
TIMEOUT_SECONDS = 300.0  # above the server's own, whose answer says more
BUSY_SECONDS = 120.0  # how long a server that answers "too many requests" is asked again
TOKEN_VARIABLE = "REWARDKIT_TOKEN"  # noqa: S105 - a variable's name


class RemoteTerm(NamedTuple):
    """A reward of the server."""

    name: str


class RemoteScorer:
    """The rewards of a server, with the part of Scorer that adapters use. Threads may share one.

    The environment variable `REWARDKIT_TOKEN` holds the server's token, if it has one. Raises
    ValueError if the address is not that of a `rewardkit serve`, or its requests hold groups.
    """

    def __init__(self, url: str) -> None:
        """Ask the server for its rewards."""
        self.url = url.rstrip("/")
        self.parts = urlsplit(self.url)
        # Those that no thread uses now: several threads may ask at once.
        self.idle: deque[http.client.HTTPConnection] = deque()
        weakref.finalize(self, _close_all, self.idle)
        described = self.ask("GET", "/rewards")
        self.terms = tuple(RemoteTerm(term["name"]) for term in described["rewards"])
        self.columns: tuple[str, ...] = tuple(described["columns"])
        self.dataset_columns: tuple[str, ...] = tuple(described["dataset_columns"])
        self.reference_columns: tuple[str, ...] = tuple(described["reference_columns"])
        if described["groups"]:
            message = f"{url} scores whole groups, and rows come alone; start it without --groups"
            raise ValueError(message)

    def __reduce__(self) -> tuple[type[RemoteScorer], tuple[str]]:
        """Pickle the address; the connections stay here."""
        return type(self), (self.url,)

    def score_row(self, completion: Any, /, **values: Any) -> RowScore:
        """Return the scores of one completion, as `Scorer.score_row` does.

        Raises ValueError if the server gives an error for the row, ConnectionError if it cannot be
        reached.
        """
        row = {**values, "completion": completion}
        # A value that JSON does not know, as a numpy scalar, is sent as the text that it prints.
        body = json.dumps({"rows": [row]}, default=_to_json)
        (scores,) = self.ask("POST", "/score", body)["scores"]
        if "error" in scores:
            raise ValueError(f"{self.url}: {scores['error']}")
        columns = [(term.name, f"rewards/{term.name}") for term in self.terms]
        return RowScore(
            {name: scores[column] for name, column in columns},
            {name: scores[f"{column}/why"] for name, column in columns},
            scores[TOTAL],
        )

    def ask(self, method: str, path: str, body: str | None = None) -> Any:
        """Return the answer to a request, as data. Raises what `score_row` does."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            status, answer = self._send_request(method, path, body)
            if status != http.client.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                break
            time.sleep(1)
        try:
            found = json.loads(answer)
        except ValueError:
            found = {}
        if status != http.client.OK or not isinstance(found, dict):
            problem = found.get("error") if isinstance(found, dict) else None
            hint = f"; set {TOKEN_VARIABLE}" if status == http.client.UNAUTHORIZED else ""
            problem = problem or "is it a rewardkit serve?"
            raise ValueError(f"{self.url}{path}: status {status}: {problem}{hint}")
        return found

    def _send_request(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if token := os.environ.get(TOKEN_VARIABLE):
            headers["Authorization"] = f"Bearer {token}"
        known = self._take_idle()
        connection = known or self._open_connection()
        try:
            connection.request(method, self.parts.path + path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if known is not None:  # the server may have closed it while it was idle
                return self._send_request(method, path, body)
            raise ConnectionError(f"{self.url}: no answer ({error}); is the server up?") from None
        self.idle.append(connection)
        return response.status, answer

    def _take_idle(self) -> http.client.HTTPConnection | None:
        try:
            return self.idle.pop()
        except IndexError:
            return None

    def _open_connection(self) -> http.client.HTTPConnection:
        secure = self.parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self.parts.hostname or "", self.parts.port, timeout=TIMEOUT_SECONDS)


def _close_all(connections: Iterable[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _to_json(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
