"""uvicorn's HTTP with limits on the head of a request: its size, and the time that it takes."""

from __future__ import annotations

import asyncio
from typing import Any

from rewardkit._optional import require
from rewardkit.serve.app import EXTRA

MAX_HEAD_BYTES = 1 << 16
HEAD_SECONDS = 30.0


def make_protocol() -> Any:  # noqa: C901 - it has the methods of a class
    """Return the class of connections, for `http` of `uvicorn.Config`.

    uvicorn limits neither: one client could fill the memory with a header, and one that sends
    nothing would keep its connection for ever. Raises ImportError without the extra `serve`.
    """
    base: Any = require("uvicorn.protocols.http.httptools_impl", install=EXTRA).HttpToolsProtocol

    class LimitedProtocol(base):  # type: ignore[misc]
        head_bytes = 0
        head_timer: asyncio.TimerHandle | None = None
        """Closes the connection; None while no head is being read."""

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self.on_head_begin()

        def connection_lost(self, exc: Exception | None) -> None:
            self.on_head_end()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.head_timer:
                self.head_bytes += len(data)
                if self.head_bytes > MAX_HEAD_BYTES:
                    self.transport.abort()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.on_head_begin()

        def on_headers_complete(self) -> None:
            self.on_head_end()
            super().on_headers_complete()

        def on_head_begin(self) -> None:
            self.on_head_end()
            self.head_bytes = 0
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

        def on_head_end(self) -> None:
            if self.head_timer:
                self.head_timer.cancel()
            self.head_timer = None

    return LimitedProtocol
