"""Many requests at once to an OpenAI-compatible chat completions endpoint, with a deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from ssl import SSLContext
from threading import Thread
from typing import Any

from rewardkit._optional import require
from rewardkit.rewards._replies import ACCEPTED, ReplyError, make_check

GRACE_SECONDS = 1.0  # for cancelled requests to close, before the thread is abandoned


@cache
def _import_httpx() -> Any:
    openai = require("openai", install="rewardkit[judge]")
    # httpx, or httpx2 since openai 3: the client's class comes from one of them
    return import_module(openai.DefaultAsyncHttpxClient.__base__.__module__.partition(".")[0])


@cache  # a client of its own reads them in 40 ms, and a new event loop needs a new client
def _load_certificates() -> SSLContext:
    context: SSLContext = _import_httpx().create_ssl_context()
    return context


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint's address and the settings of the requests to it."""

    base_url: str
    api_key: str = field(repr=False)
    options: dict[str, Any]
    """Parameters of every request: the model, its temperature."""
    reply_format: dict[str, Any]
    """Parameters that are left out once a server has refused them: the format of the reply."""
    concurrency: int
    """How many requests run at once."""
    retries: int
    """How often the client repeats a request that failed for a temporary reason."""
    timeout: float
    """Seconds for one try."""
    deadline: float
    """Seconds for all requests."""

    def ask(self, conversations: Sequence[Any]) -> list[str | Exception]:
        """Return the reply to each list of messages, or the error: TimeoutError after the deadline.

        Raises ImportError if openai is not installed.
        """
        if not conversations:
            return []
        openai = require("openai", install="rewardkit[judge]")
        client = openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            max_retries=self.retries,
            timeout=self.timeout,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=self.timeout,
                verify=_load_certificates(),
                headers=ACCEPTED,
                event_hooks={"response": [make_check(_import_httpx())]},
            ),
        )
        replies: dict[int, str | Exception] = {}

        def run() -> None:
            asyncio.run(self._send_requests(client, conversations, replies))

        # In a thread: the caller may already run an event loop. A daemon, so that a request that
        # cannot be cancelled does not keep the process alive.
        thread = Thread(target=run, name="rewardkit-chat", daemon=True)
        thread.start()
        thread.join(self.deadline + GRACE_SECONDS)
        late = TimeoutError(f"no reply within {self.deadline:g} s")
        return [replies.get(number, late) for number in range(len(conversations))]

    async def _send_requests(
        self, client: Any, conversations: Sequence[Any], replies: dict[int, str | Exception]
    ) -> None:
        """Put each reply or error into `replies`; at the deadline, cancel the other requests."""
        slots, format_refused = asyncio.Semaphore(self.concurrency), asyncio.Event()

        async def ask(number: int, messages: Any) -> None:
            async with slots:
                try:
                    replies[number] = await self._request_reply(client, messages, format_refused)
                except json.JSONDecodeError:  # openai's, of a page of HTML that says it is JSON
                    replies[number] = ReplyError(_NOT_A_COMPLETION)
                except Exception as error:  # noqa: BLE001 - it must not end the other requests
                    replies[number] = error

        async with client:
            tasks = [asyncio.create_task(ask(*each)) for each in enumerate(conversations)]
            _, late = await asyncio.wait(tasks, timeout=self.deadline)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _request_reply(
        self, client: Any, messages: Any, format_refused: asyncio.Event
    ) -> str:
        openai = require("openai", install="rewardkit[judge]")
        create = partial(client.chat.completions.create, messages=messages, **self.options)
        if format_refused.is_set():
            reply = await create()
        else:
            try:
                reply = await create(**self.reply_format)
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                reply = await create()
                # only now: if the request itself is bad, the line above raises
                format_refused.set()
        return _read_content(reply)


_NOT_A_COMPLETION = "the reply is not a chat completion; is base_url right?"


def _read_content(reply: Any) -> str:
    """Return a completion's text; ReplyError for anything else."""
    try:
        choice = reply.choices[0]
        content = choice.message.content
    except (AttributeError, IndexError, TypeError):
        # openai makes an object of any JSON, and a text of anything else
        raise ReplyError(_NOT_A_COMPLETION) from None
    if not content and getattr(choice, "finish_reason", None) == "length":
        raise ReplyError("the judge was cut off before its reply; allow it more tokens")
    return str(content or "")
