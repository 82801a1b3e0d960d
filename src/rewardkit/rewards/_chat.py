"""Many requests at once to an endpoint that speaks OpenAI's chat completions, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import Any

from rewardkit._optional import require

GRACE = 1.0
"""Seconds that requests have to end after the deadline, before they are left to themselves."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where to ask, how, and how long for."""

    base_url: str
    api_key: str = field(repr=False)
    options: dict[str, Any]
    """What every request holds: the model, its temperature."""
    form: dict[str, Any]
    """What a request holds as long as the server does not refuse it: the form of the reply."""
    concurrency: int
    """How many requests run at once."""
    retries: int
    """How often the client repeats a request that failed for a passing reason."""
    timeout: float
    """Seconds for one try."""
    deadline: float
    """Seconds for all requests."""

    def ask(self, conversations: Sequence[Any]) -> list[str | Exception]:
        """Return the reply to each list of messages, or the error; TimeoutError is the deadline's.

        The requests run in an event loop of their own, so that it makes no difference whether the
        caller runs in one. Raises ImportError where openai is not installed.
        """
        if not conversations:
            return []
        client = require("openai", install="rewardkit[judge]").AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            max_retries=self.retries,
            timeout=self.timeout,
        )
        replies: dict[int, str | Exception] = {}

        def run() -> None:
            asyncio.run(self._ask(client, conversations, replies))

        thread = Thread(target=run, name="rewardkit-chat", daemon=True)
        thread.start()
        thread.join(self.deadline + GRACE)
        late = TimeoutError(f"no reply within {self.deadline:g} s")
        return [replies.get(number, late) for number in range(len(conversations))]

    async def _ask(
        self, client: Any, conversations: Sequence[Any], replies: dict[int, str | Exception]
    ) -> None:
        """Put each reply or error into `replies`; at the deadline, cancel what is under way."""
        turn, plain = asyncio.Semaphore(self.concurrency), asyncio.Event()

        async def ask(number: int, messages: Any) -> None:
            async with turn:
                try:
                    replies[number] = await self._reply(client, messages, plain)
                except Exception as error:  # noqa: BLE001 - it costs its own reply alone
                    replies[number] = error

        async with client:
            tasks = [asyncio.create_task(ask(*each)) for each in enumerate(conversations)]
            _, late = await asyncio.wait(tasks, timeout=self.deadline)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _reply(self, client: Any, messages: Any, plain: asyncio.Event) -> str:
        """Return a reply's text; `plain` is set once a server is seen to refuse only the form."""
        openai = require("openai", install="rewardkit[judge]")
        create = partial(client.chat.completions.create, messages=messages, **self.options)
        if plain.is_set():
            reply = await create()
        else:
            try:
                reply = await create(**self.form)
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                reply = await create()
                plain.set()
        return str(reply.choices[0].message.content or "")
