"""The application: paths, the token, and the limits on bodies, requests and time."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

from rewardkit import __version__
from rewardkit._messages import shorten_text
from rewardkit._optional import require
from rewardkit.scorer import Rewards
from rewardkit.serve.batcher import Batcher
from rewardkit.serve.metrics import Metrics
from rewardkit.serve.request_scorer import (
    QUERIES,
    ROWS,
    Answer,
    Request,
    RequestScorer,
    format_error,
)

EXTRA = "rewardkit[serve]"
MEBIBYTE = 1 << 20
DEFAULT_TIMEOUT, DEFAULT_BODY_BYTES, DEFAULT_REQUESTS = 120.0, 16 * MEBIBYTE, 512

Endpoint: TypeAlias = Callable[[Any], Awaitable[Answer]]


class _RefusedError(Exception):
    """A request that gets an answer without being scored."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = format_error(status, message)


def make_app(  # noqa: PLR0913 - the options of the command
    rewards: Rewards,
    *,
    columns: Iterable[str] | None = None,
    groups: bool = False,
    openrlhf: bool = False,
    workers: int = 1,
    timeout: float = DEFAULT_TIMEOUT,
    max_body_bytes: int = DEFAULT_BODY_BYTES,
    max_requests: int = DEFAULT_REQUESTS,
    token: str | None = None,
) -> Any:
    """Return an ASGI application that scores rows with rewards, for any server such as uvicorn.

    POST /score takes `{"rows": [{"completion": ..., COLUMN: ...}, ...]}` and gives `{"scores":
    [...]}`, for each row the columns that `rewardkit score` writes, or an `error`. GET /rewards
    describes the rewards, GET /health says whether the server runs, and GET /metrics is for
    Prometheus.

    `columns` are those that rows will bring; a reward that reads another is refused here. With
    `groups`, a request holds whole groups, for rewards that compare their completions; with
    `openrlhf`, POST /get_reward takes OpenRLHF's requests. `workers` processes score, and a request
    that takes more than `timeout` seconds is given up. Bodies have at most `max_body_bytes`, and at
    most `max_requests` are answered at once. With a `token`, each request but those for /health
    must send it, as `Authorization: Bearer TOKEN` or as the password of `Basic`.

    Raises what Scorer does, ValueError for rewards that such requests cannot serve, and ImportError
    without the extra `serve`.
    """
    _check_limits(workers=workers, timeout=timeout, bytes=max_body_bytes, requests=max_requests)
    work = RequestScorer(rewards, columns=columns, groups=groups, openrlhf=openrlhf)
    return _Server(work, workers, timeout, max_body_bytes, max_requests, token).make_application()


class _Server:
    """What the endpoints share."""

    def __init__(  # noqa: PLR0913, PLR0917 - the options of `make_app`
        self,
        work: RequestScorer,
        workers: int,
        timeout: float,
        max_body_bytes: int,
        max_requests: int,
        token: str | None,
    ) -> None:
        self.work, self.timeout = work, timeout
        self.max_body_bytes, self.max_requests = max_body_bytes, max_requests
        self.token = token.encode() if token else None
        self.metrics = Metrics()
        self.batcher = Batcher(
            work, workers=workers, timeout=timeout, observe=self.metrics.add_batch
        )
        self.running = 0

    def make_application(self) -> Any:
        applications = require("starlette.applications", install=EXTRA)
        route = require("starlette.routing", install=EXTRA).Route
        self.response = require("starlette.responses", install=EXTRA).Response
        self.disconnected = require("starlette.requests", install=EXTRA).ClientDisconnect
        paths = [ROWS, QUERIES] if self.work.queries else [ROWS]
        posts = {path: partial(self.score_request, path) for path in paths}
        gets = {
            "/rewards": self.describe_rewards,
            "/metrics": self.list_metrics,
            "/health": self.report_health,
        }
        routes = [
            route(path, self._wrap_endpoint(path, endpoint), methods=[method])
            for method, endpoints in (("POST", posts), ("GET", gets))
            for path, endpoint in endpoints.items()
        ]
        errors = {404: self._refuse_path, 405: self._refuse_method}

        @asynccontextmanager
        async def run_workers(_app: Any) -> AsyncIterator[None]:
            await self.batcher.start()
            try:
                yield
            finally:
                await self.batcher.close()

        return applications.Starlette(
            routes=routes, lifespan=run_workers, exception_handlers=errors
        )

    def _wrap_endpoint(self, path: str, endpoint: Endpoint) -> Callable[[Any], Awaitable[Any]]:
        """Return the endpoint with the token checked, and its answer counted."""

        async def answer_request(request: Any) -> Any:
            start = time.perf_counter()
            headers = {}
            try:
                if path != "/health":
                    self._check_token(request)
                answer = await endpoint(request)
            except _RefusedError as refused:
                answer = refused.answer
                if answer.status == 401:  # noqa: PLR2004 - unauthorized
                    headers["WWW-Authenticate"] = "Bearer"
                if answer.status == 503:  # noqa: PLR2004 - too many requests at once
                    headers["Retry-After"] = "1"
            except self.disconnected:  # nobody reads the answer
                answer = format_error(400, "the client has closed the connection")
            self.metrics.requests[path, answer.status] += 1
            if request.method == "POST":
                self.metrics.seconds.add(time.perf_counter() - start)
            kind = "text/plain; version=0.0.4" if path == "/metrics" else "application/json"
            return self.response(answer.body, answer.status, headers, media_type=kind)

        return answer_request

    def _check_token(self, request: Any) -> None:
        if self.token is None:
            return
        kind, _, sent = request.headers.get("authorization", "").partition(" ")
        given = sent.strip().encode("latin-1", "replace")
        if kind.lower() == "basic":  # what clients send that take no more than an address
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                given = b""
        # In constant time: the time must not tell how many characters are right.
        if kind.lower() not in {"bearer", "basic"} or not hmac.compare_digest(given, self.token):
            raise _RefusedError(401, "send the token of the server: Authorization: Bearer TOKEN")

    async def score_request(self, path: str, request: Any) -> Answer:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        # Other types are what any web page may send to a server on the machine of its reader.
        if kind != "application/json":
            raise _RefusedError(415, f"got Content-Type {kind!r}, expected application/json")
        if self.running >= self.max_requests:
            raise _RefusedError(503, f"{self.running} requests are being answered; send it again")
        self.running += 1
        try:
            body = await self._read_body(request)
            answer = await self.batcher.answer(Request(path, body))
        except TimeoutError:
            raise _RefusedError(504, f"not done within {self.timeout:g} seconds") from None
        finally:
            self.running -= 1
        self.metrics.add_rows(answer.scored, answer.failed, answer.tallies)
        return answer

    async def _read_body(self, request: Any) -> bytes:
        limit = self.max_body_bytes
        refused = _RefusedError(413, f"the body has more than {limit:,} bytes; send fewer rows")
        length = request.headers.get("content-length", "")
        digits = length.lstrip("0") if length.isdecimal() else ""
        # Python reads no more than 4,300 digits.
        if len(digits) > len(str(limit)) or int(digits or 0) > limit:
            raise refused
        body = bytearray()
        async with asyncio.timeout(self.timeout):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise refused
        return bytes(body)

    async def describe_rewards(self, _request: Any) -> Answer:
        return self.work.describe(__version__)

    async def list_metrics(self, _request: Any) -> Answer:
        gauges = {
            "rewardkit_requests_running": ("Requests that are being answered.", self.running),
            "rewardkit_worker_restarts": (
                "Workers that were replaced since they died or took too long.",
                self.batcher.restarts,
            ),
        }
        return Answer(200, self.metrics.text(gauges).encode())

    async def report_health(self, _request: Any) -> Answer:
        if self.batcher.has_workers:
            return Answer(200, b'{"status": "ok"}')
        raise _RefusedError(503, "no worker can be started; the log says why")

    async def _refuse_path(self, request: Any, _error: Exception) -> Any:
        hint = "; start the server with --openrlhf (openrlhf=True)"
        known = "POST /score, GET /rewards, GET /health, GET /metrics"
        path = request.url.path
        message = f"no path {shorten_text(path)!r}{hint if path == QUERIES else f' ({known})'}"
        return self._count_error(404, message)

    async def _refuse_method(self, request: Any, error: Any) -> Any:
        allowed = (error.headers or {}).get("Allow", "POST")
        message = f"got {request.method} {request.url.path}, expected {allowed}"
        return self._count_error(405, message, {"Allow": allowed})

    def _count_error(self, status: int, message: str, headers: dict[str, str] | None = None) -> Any:
        # Not by the path that was asked for: everybody could fill the counters with paths.
        self.metrics.requests["other", status] += 1
        body = format_error(status, message).body
        return self.response(body, status, headers, media_type="application/json")


def _check_limits(**limits: float) -> None:
    for name, limit in limits.items():
        if not limit > 0:
            raise ValueError(f"got {name}={limit}, expected more than 0")
