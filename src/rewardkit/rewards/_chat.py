"""Many requests at once to an OpenAI-compatible endpoint, with a deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from ssl import SSLContext
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from rewardkit._optional import require
from rewardkit.rewards._replies import ACCEPTED, ReplyError, make_check

Item = TypeVar("Item")
Result = TypeVar("Result")
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
    concurrency: int
    """How many requests run at once."""
    retries: int
    """How often the client repeats a request that failed for a temporary reason."""
    timeout: float
    """Seconds for one try."""
    deadline: float
    """Seconds for all requests."""

    def send(
        self, request: Callable[[Any, Item], Awaitable[Result]], items: Sequence[Item]
    ) -> list[Result | Exception]:
        """Call `request(client, item)` for each item at once; return the results, or the errors.

        After the deadline, that is TimeoutError. Raises ImportError if openai is not installed.
        """
        if not items:
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
        results: dict[int, Result | Exception] = {}

        def run() -> None:
            asyncio.run(self._send_all(client, request, items, results))

        # In a thread: the caller may already run an event loop. A daemon, so that a request that
        # cannot be cancelled does not keep the process alive.
        thread = Thread(target=run, name="rewardkit-requests", daemon=True)
        thread.start()
        thread.join(self.deadline + GRACE_SECONDS)
        late = TimeoutError(f"no reply within {self.deadline:g} s")
        return [results.get(number, late) for number in range(len(items))]

    async def _send_all(
        self,
        client: Any,
        request: Callable[[Any, Item], Awaitable[Result]],
        items: Sequence[Item],
        results: dict[int, Result | Exception],
    ) -> None:
        """Put each result or error into `results`; at the deadline, cancel the other requests."""
        slots = asyncio.Semaphore(self.concurrency)

        async def send(number: int, item: Item) -> None:
            async with slots:
                try:
                    results[number] = await request(client, item)
                except json.JSONDecodeError:  # openai's, of a page of HTML that says it is JSON
                    results[number] = ReplyError(WRONG_REPLY)
                except Exception as error:  # noqa: BLE001 - it must not end the other requests
                    results[number] = error

        async with client:
            tasks = [asyncio.create_task(send(*each)) for each in enumerate(items)]
            _, late = await asyncio.wait(tasks, timeout=self.deadline)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


class ChatRequest(NamedTuple):
    """A request for a chat completion."""

    model: str
    messages: list[dict[str, str]]
    options: dict[str, Any]
    """Further parameters, as the temperature."""
    reply_format: dict[str, Any]
    """Parameters that are left out once a server has refused them: the format of the reply."""


class ChatReply(NamedTuple):
    """The text of a chat completion, and what it took."""

    text: str
    input_tokens: int | None
    """None if the endpoint does not say."""
    output_tokens: int | None


def ask_chat(endpoint: Endpoint, requests: Sequence[ChatRequest]) -> list[ChatReply | Exception]:
    """Return the reply to each request, or the error."""
    refusing: set[str] = set()  # the models whose server takes no reply format

    async def ask(client: Any, request: ChatRequest) -> ChatReply:
        openai = require("openai", install="rewardkit[judge]")
        create = client.chat.completions.create
        given = {"model": request.model, "messages": request.messages, **request.options}
        if request.model in refusing:
            return _read_reply(await create(**given))
        try:
            reply = await create(**given, **request.reply_format)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            reply = await create(**given)
            # only now: if the request itself is bad, the line above raises
            refusing.add(request.model)
        return _read_reply(reply)

    return endpoint.send(ask, requests)


WRONG_REPLY = "the reply is not a chat completion; is base_url right?"


def _read_reply(reply: Any) -> ChatReply:
    """Return a completion's text and tokens; ReplyError for anything else."""
    try:
        choice = reply.choices[0]
        content = choice.message.content
    except (AttributeError, IndexError, TypeError):
        # openai makes an object of any JSON, and a text of anything else
        raise ReplyError(WRONG_REPLY) from None
    if not content and getattr(choice, "finish_reason", None) == "length":
        raise ReplyError("the judge was cut off before its reply; allow it more tokens")
    usage = getattr(reply, "usage", None)
    tokens = (getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
    read, written = (count if type(count) is int else None for count in tokens)
    return ChatReply(str(content or ""), read, written)
