"""The forms in which a trainer passes a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rewardkit.batch import Batch
from rewardkit.component import Component, walk


def _assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


_TOOL_CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 2}'}}
CARRIERS: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "chat": lambda text: [_assistant(text)],
    "parts": lambda text: [_assistant([{"type": "text", "text": text}])],
    "turns": lambda text: [
        _assistant("2?"),
        {"role": "user", "content": "Go on."},
        _assistant(text),
    ],
    "tools": lambda text: [
        _assistant(None, tool_calls=[_TOOL_CALL]),
        {"role": "tool", "name": "add", "content": "4"},
        _assistant(text),
    ],
}
"""The forms in which a trainer may pass the same text, each as a function of the text."""
FORMS = (*CARRIERS, "empty")
"""All forms of completions; `empty` has no text: no message, no content, or only a tool call."""

NO_TEXT: list[Any] = [
    [_assistant(None)],
    [_assistant("")],
    [_assistant([])],
    [_assistant(None, tool_calls=[_TOOL_CALL])],
    [_assistant([{"type": "image_url", "image_url": {"url": "data:,"}}])],
    [_assistant(None), {"role": "tool", "name": "add", "content": "4"}],
    [],
]
"""Completions of the form `empty`."""


_SEVERAL_TURNS = {"turns", "tools"}


def list_carriers(target: Any, forms: Iterable[str]) -> list[str]:
    """Return those of some forms in which a text is the whole of what a reward reads.

    Most rewards read the last message alone; one that reads tool calls or all turns finds more in a
    completion of several messages than the text.
    """
    reads_turns = isinstance(target, Component) and any(map(_reads_turns, walk(target)))
    left_out = _SEVERAL_TURNS if reads_turns else ()
    return [form for form in CARRIERS if form in forms and form not in left_out]


def _reads_turns(part: Component) -> bool:
    return (
        getattr(part, "reads_calls", False)
        or part.registered_name in ("turn", "tool_errors")
        or getattr(part, "unit", None) in ("turns", "calls")
    )


def find_form(completion: Any) -> str:
    """Return the form of a completion; `empty` if it has no text."""
    if isinstance(completion, str):
        return "text"
    messages = completion if isinstance(completion, list) else []
    last = messages[-1] if messages else None
    content = last.get("content") if isinstance(last, Mapping) else None
    if not content:
        return "empty"
    if isinstance(content, list):
        return "parts"
    if len(messages) == 1:
        return "chat"
    return "tools" if messages[-2].get("role") == "tool" else "turns"


def match_prompt(prompt: Any, completion: Any) -> Any:
    """Return a prompt in the completion's form: a text for a text, messages for messages."""
    if isinstance(prompt, str) and not isinstance(completion, str):
        return [{"role": "user", "content": prompt}]
    if isinstance(prompt, list) and prompt and isinstance(completion, str):
        return prompt[-1]["content"] if isinstance(prompt[-1], Mapping) else prompt
    return prompt


def make_batch(rows: Mapping[str, list[Any]]) -> Batch:
    """Return the batch that a reward makes of a trainer's call."""
    known = ("completions", "prompts", "completion_ids")
    return Batch(
        rows["completions"],
        prompts=rows.get("prompts"),
        completion_ids=rows.get("completion_ids"),
        columns={name: values for name, values in rows.items() if name not in known},
    )
