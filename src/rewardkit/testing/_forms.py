"""The forms in which a trainer passes a text, and texts that are known to break rewards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from typing import Any

from rewardkit.batch import Batch
from rewardkit.testing._drawing import choose_names


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

# Each broke a published reward: no closing tag, two lines of reasoning, digits that `isdigit` takes
# and `int` does not, numbers that are too long or too large for `int` or `float`, a long tail.
_CLASSIC_TEXTS = (
    *("", "\n", "4", "It is 4.</answer>", "</think>4", "<answer>", "<think>4", "\ud800", "\x00"),
    "<reasoning>\nTwo and two,\nso four.\n</reasoning>\n<answer>\n4\n</answer>\n",
    "<think>\nTwo and two.\n</think>\n4",
    *("<answer>\u00b2</answer>", r"<answer>\boxed{4}</answer>", "<answer>1,000</answer>"),
    *("<answer>" + "9" * 5000 + "</answer>", "<answer>nan</answer>", "<answer>1e999</answer>"),
    "<reasoning>\n2 + 2\n</reasoning>\n<answer>\n4\n</answer>\n" + "so " * 700,
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


def list_classics(forms: str | Iterable[str] = FORMS, *, tags: Iterable[str] = ()) -> list[Any]:
    """Return completions that broke many rewards, the forms taking turns.

    Each of the `tags` is also tried around a zero, around nothing, and around a letter.
    """
    forms = choose_names(forms, FORMS, "forms")
    carriers = [CARRIERS[form] for form in forms if form in CARRIERS]
    tagged = [f"<{tag}>{inside}</{tag}>" for tag in tags for inside in ("0", "", "x")]
    texts = [*_CLASSIC_TEXTS, *tagged] if carriers else []
    # one form per text and not every pair: the law `forms` compares the forms of one text
    carried = [carrier(text) for text, carrier in zip(texts, cycle(carriers), strict=False)]
    return carried + (NO_TEXT if "empty" in forms else [])


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
