"""Read the tool calls of a completion: from messages, or from text in the formats of models.

In messages: OpenAI's `tool_calls`, as TRL passes them. In text, the first of these that is there:
harmony (gpt-oss), `<tool_call>` tags with JSON (Hermes, Qwen) or with tags (Qwen3-Coder), and JSON
by itself (Llama, Mistral). What a model writes between think tags is not a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from rewardkit._text import strict_json
from rewardkit._text.completions import THINK, list_all_messages, list_field_calls, read_content

ARGUMENT_KEYS = ("arguments", "parameters")
"""What models call the arguments of a call."""
MAX_NAME_CHARACTERS = 128
MAX_CALLS = 1_000
"""Calls of one text that are read: more is a loop, in which each would cost its error."""


class Call(NamedTuple):
    """A tool call: the function's name and its arguments by name.

    >>> Call("add", {"a": 1, "b": 2}).arguments["a"]
    1
    """

    name: str
    """The function's name, "" if the call has none."""
    arguments: Mapping[str, Any]
    """The values by name, as JSON has them; empty for a call that cannot be read."""
    error: str = ""
    """Why the call cannot be read, "" if it can."""


def read_calls(turns: Sequence[Sequence[Mapping[Any, Any]]]) -> list[list[Call]]:
    """Return all calls in the assistant's messages of each completion, in order.

    The texts of a completion are read only if none of its messages has `tool_calls`.

    >>> read_calls([[{"content": '{"name": "now", "arguments": {}}'}]])
    [[Call(name='now', arguments={}, error='')]]
    """
    return [
        [*map(make_call, calls)] if (calls := list_field_calls(messages)) else _read_texts(messages)
        for messages in turns
    ]


def _read_texts(messages: Sequence[Mapping[Any, Any]]) -> list[Call]:
    texts = (read_content(message.get("content")) for message in messages)
    return [call for text in texts for call in read_text_calls(text)]


def read_field_calls(message: Mapping[Any, Any]) -> list[Call]:
    """Return the calls in a message's field `tool_calls`.

    >>> read_field_calls({"tool_calls": [{"function": {"name": "now", "arguments": "{}"}}]})
    [Call(name='now', arguments={}, error='')]
    """
    return [*map(make_call, list_field_calls([message]))]


def read_text_calls(text: str) -> list[Call]:
    """Return the calls in a text, in time linear in its length.

    >>> read_text_calls('<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>')
    [Call(name='add', arguments={'a': 1}, error='')]
    """
    # first, since the arguments in it may hold any of the marks
    if calls := _read_whole_json(text.strip()):
        return calls
    text = _cut_thoughts(text)
    if "to=functions." in text:
        calls = [*islice(_read_harmony(text), MAX_CALLS)]
        if calls:
            return calls
    if _OPENING in text:
        return [*islice(_read_tags(text), MAX_CALLS)]
    return _read_bare_json(text)


def read_replies(completions: Sequence[Any]) -> list[list[Mapping[Any, Any]]]:
    """Return the tools' replies in each completion as messages.

    >>> read_replies(["<tool_response>42</tool_response>", [{"role": "tool", "content": "7"}]])
    [[{'role': 'tool', 'content': '42'}], [{'role': 'tool', 'content': '7'}]]
    """
    return [
        _read_text_replies(completion)
        if isinstance(completion, str)
        else [message for message in messages if message.get("role") in _TOOL_ROLES]
        for completion, messages in zip(completions, list_all_messages(completions), strict=True)
    ]


def _read_text_replies(text: str) -> list[Mapping[Any, Any]]:
    parts = text.split("<tool_response>")[1:]
    contents = (part.partition("</tool_response>")[0] for part in parts)
    return [{"role": "tool", "content": content.strip()} for content in contents]


def make_call(value: Any) -> Call:
    """Make a call of a mapping with a name and arguments, with or without `function` around them.

    >>> make_call({"name": "add", "parameters": '{"a": 1}'}).arguments
    {'a': 1}
    """
    # `dict` first, and None apart: the check of an abstract class takes longer than all the rest
    if not isinstance(value, (dict, Mapping)):
        return Call("", {}, "not an object")
    value = _unwrap_function(value)
    name = value.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_CHARACTERS:
        return Call("", {}, "no name")
    given = value.get("arguments")
    if type(given) is dict:  # as most are
        return Call(name.strip(), given)
    if given is None:
        if "arguments" not in value:
            given = value.get("parameters")
        error = value.get("error")
        if given is None and isinstance(error, str) and error:
            return Call(name, {}, error)  # as `write_calls` writes one that cannot be read
    return _add_arguments(name.strip(), given)


def write_calls(calls: Sequence[Call]) -> str:
    """Return calls as JSON text, a list of objects; "" for none.

    >>> write_calls([Call("add", {"a": 1})])
    '[{"name": "add", "arguments": {"a": 1}}]'
    """
    return f"[{', '.join(map(_write_call, calls))}]" if calls else ""


def _write_call(call: Call) -> str:
    if call.error:
        return strict_json.write({"name": call.name or "?", "error": call.error})
    try:
        return strict_json.write({"name": call.name, "arguments": call.arguments})
    except ValueError as error:  # messages may hold anything
        return strict_json.write({"name": call.name, "error": str(error)})


def _add_arguments(name: str, given: Any) -> Call:
    if isinstance(given, str):
        # servers write "" for a function that takes nothing
        if not given.strip():
            return Call(name, {})
        try:
            given = strict_json.read(given)
        except (ValueError, RecursionError) as error:
            return Call(name, {}, _explain_error(error))
    if given is None:
        return Call(name, {})
    if not isinstance(given, (dict, Mapping)):
        return Call(name, {}, "the arguments are not an object")
    return Call(name, given)


def _cut_thoughts(text: str) -> str:
    """Return the text outside of think tags, which may be opened in the prompt."""
    opening, closing = THINK
    start, stop = text.find(opening), text.find(closing)
    if start < 0 and stop < 0:
        return text
    at = stop + len(closing) if stop >= 0 and not 0 <= start < stop else 0
    kept = []
    while (start := text.find(opening, at)) >= 0:
        kept.append(text[at:start])
        stop = text.find(closing, start)
        at = stop + len(closing) if stop >= 0 else len(text)
    return "".join([*kept, text[at:]])


def _read_harmony(text: str) -> Iterator[Call]:
    for match in _RECIPIENT.finditer(text):
        end = _HARMONY_END.search(text, match.end())
        yield _add_arguments(match[1], text[match.end() : end.start() if end else len(text)])


def _read_tags(text: str) -> Iterator[Call]:
    at = text.find(_OPENING)
    while at >= 0:
        start = at + len(_OPENING)
        following = text.find(_OPENING, start)
        # without a closing tag the call ends with the text, since it may be the stop string
        end = text.find(_CLOSING, start, following if following >= 0 else len(text))
        body = text[start : end if end >= 0 else following if following >= 0 else len(text)]
        yield from _read_block(body.strip())
        at = following


def _read_block(body: str) -> list[Call]:
    if head := _FUNCTION_TAG.match(body):
        values = {match[1]: _read_value(match[2]) for match in _PARAMETER_TAG.finditer(body)}
        return [Call(head[1], values)]
    try:
        value = strict_json.read(body)
    except (ValueError, RecursionError) as error:
        return [Call("", {}, _explain_error(error))]
    return [*map(make_call, value if isinstance(value, list) else [value])]


def _read_value(text: str) -> Any:
    """Return a parameter's value: JSON if it is not a string in it, else the text."""
    text = text.removeprefix("\n").removesuffix("\n")
    try:
        value = strict_json.read(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, str) else value


def _read_whole_json(text: str) -> list[Call]:
    if not text.startswith(("{", "[")) or not text.endswith(("}", "]")):
        return []
    try:
        return _make_calls([strict_json.read(text)])
    except (ValueError, RecursionError):
        return []


def _read_bare_json(text: str) -> list[Call]:
    try:
        return _make_calls(strict_json.find_all(text.strip()))
    except (ValueError, RecursionError):
        return []


def _make_calls(values: Iterable[Any]) -> list[Call]:
    return [
        make_call(item) for value in values for item in _list_items(value) if _looks_like_call(item)
    ]


def _list_items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, (dict, Mapping)) and isinstance(value.get("tool_calls"), list):
        calls: list[Any] = value["tool_calls"]  # a message, as models write that see OpenAI's form
        return calls
    return [value]


def _looks_like_call(value: Any) -> bool:
    # other JSON in an answer, such as a result with a name in it, is not an attempt at a call
    if not isinstance(value, (dict, Mapping)):
        return False
    inner = _unwrap_function(value)
    return "name" in inner and not _KEYS_BESIDE_NAME.isdisjoint(inner)


def _unwrap_function(value: Mapping[str, Any]) -> Mapping[str, Any]:
    function = value.get("function")
    if function is not None and isinstance(function, (dict, Mapping)):
        return function
    return value


def _explain_error(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    return f"not JSON: {error}" if isinstance(error, strict_json.RefusedError) else "not JSON"


_KEYS_BESIDE_NAME = frozenset((*ARGUMENT_KEYS, "error"))
_TOOL_ROLES = ("tool", "function", "ipython")
_OPENING, _CLOSING = "<tool_call>", "</tool_call>"
# The recipient is before the channel or after it; bounded, so that no search reads a text twice.
_RECIPIENT = re.compile(
    r"to=functions\.([\w.-]{1,128})(?:\s|<\|(?:channel|constrain)\|>|commentary|analysis|json|code)"
    r"{0,16}<\|message\|>"
)
_HARMONY_END = re.compile(r"<\|(?:call|end|return|start|channel|message)\|>")
_FUNCTION_TAG = re.compile(r"<function=([\w.-]{1,128})>")
_PARAMETER_TAG = re.compile(
    r"<parameter=([\w.-]{1,128})>(.*?)(?=</parameter>|<parameter=|</function>|\Z)", re.DOTALL
)
