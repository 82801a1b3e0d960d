"""A `rewardkit serve` in a thread of the test, asked over real connections."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from rewardkit.serve import make_app
from rewardkit.serve.protocol import make_protocol


class Reply(NamedTuple):
    status: int
    body: Any
    """The data, or the text of an answer that is not JSON."""
    headers: dict[str, str]


class Client(NamedTuple):
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request; a body that is not bytes yet is sent as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **names}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        is_json = response.getheader("Content-Type") == "application/json"
        return Reply(response.status, json.loads(text) if is_json else text, dict(response.headers))

    def score(self, *rows: Any) -> list[dict[str, Any]]:
        reply = self.ask("POST", "/score", {"rows": rows})
        assert reply.status == 200, reply
        return reply.body["scores"]


@contextmanager
def serving(rewards: Any, **options: Any) -> Iterator[Client]:
    """Serve rewards at a free port."""
    uvicorn = pytest.importorskip("uvicorn")
    app = make_app(rewards, **options)
    server = uvicorn.Server(
        uvicorn.Config(app, http=make_protocol(), log_level="error", lifespan="off")
    )
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    failure: list[BaseException] = []
    started = threading.Event()

    async def run() -> None:
        async with app.router.lifespan_context(app):
            started.set()
            await server.serve(sockets=[listening])

    def run_in_thread() -> None:
        try:
            asyncio.run(run())
        except Exception as error:  # noqa: BLE001 - the test raises it
            failure.append(error)
            started.set()

    thread = threading.Thread(target=run_in_thread)
    thread.start()
    started.wait()
    if failure:
        listening.close()
        raise failure[0]
    try:
        yield Client(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
