"""Read the text of a completion in every shape in which trainers and servers pass one.

A server or a parser that knows a model's format takes the thought out of the text and puts it
beside the content: `reasoning_content` (vLLM, SGLang, most of TRL's templates), `reasoning` (vLLM's
chat server), `thinking` (TRL's templates for gpt-oss and LFM2.5), or parts of `type: thinking`
(Mistral, Anthropic). Rewards for a layout need it back where the model wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

from rewardkit._text.last_call import remember_last
from rewardkit._text.special_tokens import strip_end_tokens

Marks: TypeAlias = tuple[str, str]
THINK: Marks = ("<think>", "</think>")

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
_has_no_thought = frozenset(_THOUGHT_FIELDS).isdisjoint
_take_last = itemgetter(-1)
# a mapping without any of them is not a message, such as a whole row of a dataset
_MESSAGE_KEYS = {"role", "content", "tool_calls", *_THOUGHT_FIELDS}
_THOUGHT_TYPES = {"thinking", "reasoning"}
_THOUGHT_KEYS = ("thinking", "reasoning", "text", "content", "summary")
# A thought that came with its marks, which are not always those of the layout.
_MARKED_THOUGHT = re.compile(
    r"<(think(?:ing)?|thought|reasoning)>.*</\1>|\[THINK\].*\[/THINK\]"
    r"|<\|channel\|>analysis<\|message\|>.*<\|end\|>",
    re.DOTALL | re.IGNORECASE,
)
# content whose first line is one tag: a layout of lines, which the thought has to fit
_STARTS_WITH_TAG_LINE = re.compile(r"\s*+[<\[][^\s<>\[\]]++[>\]][ \t]*+\r?\n")
# the concrete types first: isinstance is much slower for an abstract class
_MAPPING_TYPES, _SEQUENCE_TYPES = (dict, Mapping), (list, Sequence)


def read_texts(
    completions: Sequence[Any], thought_marks: Marks = THINK, keep: Collection[str] = ()
) -> list[str]:
    """Return each completion's text, "" if it has none.

    The thought is written between `thought_marks`. Special tokens at the end are stripped, but for
    those in `keep`, and lone surrogates become U+FFFD.
    """
    contents = _read_contents(completions)
    if contents is None:
        texts = [_read_completion(completion, thought_marks) for completion in completions]
        return strip_end_tokens(texts, keep)
    return strip_end_tokens(_make_encodable(contents), keep) if keep else _prepare(contents)


def read_turn_texts(turns: Sequence[Mapping[Any, Any]]) -> list[str]:
    """Return the text of each message by the assistant, as `read_texts` does for a completion."""
    texts = _read_plain_contents(turns, len(turns))
    if texts is None:
        texts = [_read_message(message, THINK) for message in turns]
    return strip_end_tokens(_make_encodable(texts))


def find_unreadable(completions: Sequence[Any]) -> list[int]:
    """Return the rows whose completion is neither a text nor a message nor a list of messages.

    >>> find_unreadable(["4", [], [{"content": "4"}], {"content": "4"}, [5], None, {"text": "4"}])
    [4, 5, 6]
    """
    # most batches are all text, or all lists of dictionaries
    if {*map(type, completions)} <= {str}:
        return []
    if _are_lists_of_dictionaries(completions) and not any(
        map(_MESSAGE_KEYS.isdisjoint, chain.from_iterable(completions))
    ):
        return []
    return [row for row, completion in enumerate(completions) if not _is_readable(completion)]


def _are_lists_of_dictionaries(completions: Sequence[Any]) -> bool:
    # two sets of types show it at C's speed
    return {*map(type, completions)} == {list} and (
        {*map(type, chain.from_iterable(completions))} <= {dict}
    )


def _is_readable(completion: Any) -> bool:
    if isinstance(completion, str):
        return True
    messages = [completion] if isinstance(completion, Mapping) else completion
    is_list = isinstance(messages, _SEQUENCE_TYPES) and not isinstance(messages, bytes)
    if not is_list or not all(isinstance(message, _MAPPING_TYPES) for message in messages):
        return False
    # one message is enough: servers also list items of other kinds, such as calls
    return not messages or not all(map(_MESSAGE_KEYS.isdisjoint, messages))


@remember_last
def _prepare(contents: list[str]) -> list[str]:
    """Return the texts without lone surrogates and without special tokens at their ends."""
    return strip_end_tokens(_make_encodable(contents))


def _make_encodable(contents: list[str]) -> list[str]:
    if all(map(str.isascii, contents)):
        return contents
    return [text if text.isascii() else replace_surrogates(text) for text in contents]


def _read_contents(completions: Sequence[Any]) -> list[str] | None:
    """Return the contents if all completions are texts, or end in a message that is text alone."""
    types = {*map(type, completions)}
    if types == {str}:
        return [*completions]
    if types != {list}:
        return None
    # the last message, if it is by the assistant, is the one that counts
    return _read_plain_contents(map(_take_last, completions), len(completions))


def _read_plain_contents(messages: Iterable[Any], size: int) -> list[str] | None:
    """Return the contents of `size` messages if all are by the assistant, and text alone."""
    # A fast path: most batches look like this, and reading row by row would be much of a cheap
    # reward's time. Every check here runs for every row of every batch.
    try:
        contents = [
            text
            for message in messages
            if type(message) is dict
            # the two keys below, and most messages have no others
            and (len(message) == 2 or _has_no_thought(message))  # noqa: PLR2004
            and message["role"] == "assistant"
            and type(text := message["content"]) is str
        ]
    except LookupError:  # a completion without messages, or a message without a role or a content
        return None
    return contents if len(contents) == size else None


def _read_completion(completion: Any, thought_marks: Marks) -> str:
    """Return one completion's text, "" if it has none."""
    if isinstance(completion, str):
        return completion if completion.isascii() else replace_surrogates(completion)
    # the last one: with tools, earlier messages by the assistant are calls
    messages = reversed(list_messages(completion))
    message = next(filter(_is_by_assistant, messages), None)
    text = _read_message(message, thought_marks) if message is not None else ""
    return text if text.isascii() else replace_surrogates(text)


def list_messages(completion: Any) -> list[Mapping[Any, Any]]:
    """Return the messages of a completion; a text is one by the assistant.

    >>> list_messages("4"), list_messages(None)
    ([{'role': 'assistant', 'content': '4'}], [])
    """
    if isinstance(completion, str):
        return [{"role": "assistant", "content": completion}]
    single = not isinstance(completion, list) and isinstance(completion, Mapping)
    messages = [completion] if single else completion
    if not isinstance(messages, _SEQUENCE_TYPES):
        return []
    return [message for message in messages if isinstance(message, _MAPPING_TYPES)]


def list_all_messages(completions: Sequence[Any]) -> Sequence[Sequence[Mapping[Any, Any]]]:
    """Return the messages of each completion, as `list_messages` does.

    >>> list_all_messages([[{"content": "4"}], [{"content": "5"}, {"content": "6"}]])
    [[{'content': '4'}], [{'content': '5'}, {'content': '6'}]]
    """
    # as most are: then there is nothing to convert or to leave out
    if _are_lists_of_dictionaries(completions):
        return completions
    return [*map(list_messages, completions)]


def list_turns(completions: Sequence[Any]) -> list[list[Mapping[Any, Any]]]:
    """Return the assistant's messages of each completion, in order.

    >>> list_turns(["4", [{"role": "tool", "content": "4"}]])
    [[{'role': 'assistant', 'content': '4'}], []]
    """
    return [
        # the condition of `_is_by_assistant`, whose call for each message would take longer
        [message for message in messages if message.get("role", "assistant") == "assistant"]
        for messages in list_all_messages(completions)
    ]


def list_field_calls(messages: Sequence[Mapping[Any, Any]]) -> list[Any]:
    """Return the items of the messages' fields `tool_calls`, as they are.

    >>> list_field_calls([{"tool_calls": ["a", "b"]}, {"tool_calls": None}, {"tool_calls": ["c"]}])
    ['a', 'b', 'c']
    """
    return [
        call
        for message in messages
        if isinstance(calls := message.get("tool_calls"), (list, tuple))
        for call in calls
    ]


def _is_by_assistant(message: Mapping[Any, Any]) -> bool:
    return bool(message.get("role", "assistant") == "assistant")


def _read_message(message: Mapping[Any, Any], thought_marks: Marks) -> str:
    pieces = [*_read_pieces(message.get("content"))]
    if not any(is_thought for is_thought, _ in pieces):
        thoughts = (read_content(message.get(field)) for field in _THOUGHT_FIELDS)
        # servers write the same thought into two fields, for clients of either name
        thought = next((thought for thought in thoughts if thought.strip()), "")
        if not thought:
            return "".join(text for _, text in pieces)
        pieces.insert(0, (True, thought))
    return _join_pieces(pieces, thought_marks, is_finished=bool(message.get("tool_calls")))


def _join_pieces(
    pieces: Sequence[tuple[bool, str]], thought_marks: Marks, *, is_finished: bool
) -> str:
    """Return the text of thoughts and content, each thought between its marks.

    Without content or a call after it (`is_finished`), the last thought was cut off, and gets no
    closing mark.
    """
    backwards: list[str] = []
    for is_thought, text in reversed(pieces):
        if not is_thought:
            backwards.append(text)
            is_finished = is_finished or bool(strip_end_tokens([text])[0].strip())
        elif is_finished:
            following = backwards.pop() if backwards else ""
            backwards.append(_write_thought(text, following, thought_marks))
        else:
            opening, _ = thought_marks
            is_opened = text.lstrip().startswith(opening)
            backwards = [text if is_opened else f"{opening}{text}"]
    return "".join(reversed(backwards))


def _write_thought(thought: str, following: str, thought_marks: Marks) -> str:
    """Return a thought between its marks, with the content that follows it."""
    opening, closing = thought_marks
    bare = thought.strip()
    begun = following.lstrip()
    before, is_closed, _ = begun.partition(closing)
    unmarked = bare.removeprefix(opening).removesuffix(closing).strip()
    if is_closed and before.removeprefix(opening).strip() == unmarked:
        # the content has the thought, too
        return following if before.startswith(opening) else f"{opening}{following}"
    if _MARKED_THOUGHT.fullmatch(bare):
        opening = closing = ""
    # a parser that looks for one of the marks only leaves the other one in the thought
    if bare.startswith(opening):
        opening = ""
    if bare.endswith(closing) or begun.startswith(closing):
        closing = ""
    if _STARTS_WITH_TAG_LINE.match(following):
        lines = [opening, thought.strip("\r\n"), closing, begun]
        return "\n".join(line for line in lines if line)
    return f"{opening}{thought}{closing}{following}"


def _read_pieces(content: Any) -> Iterator[tuple[bool, str]]:
    """Yield the thoughts (True) and texts (False) of a message's content, in order."""
    if isinstance(content, str):
        yield False, content
        return
    thought = ""
    for part in _list_parts(content):
        if isinstance(part, Mapping) and part.get("type") in _THOUGHT_TYPES:
            texts = (read_content(part.get(key)) for key in _THOUGHT_KEYS)
            piece = next(filter(None, texts), "")
            # a thought in several parts is one thought
            thought = f"{thought}\n{piece}" if thought else piece
            continue
        text = _read_part(part)
        if text and thought.strip():
            yield True, thought
            thought = ""
        yield False, text
    if thought.strip():
        yield True, thought


def read_content(content: Any) -> str:
    """Return the text of a message's content: a string, a list of parts, or nothing."""
    return content if isinstance(content, str) else "".join(map(_read_part, _list_parts(content)))


def _list_parts(content: Any) -> Sequence[Any]:
    if content is None:  # as of fields that are not there: abstract classes take longer to check
        return ()
    parts = [content] if isinstance(content, Mapping) else content
    return parts if isinstance(parts, Sequence) and not isinstance(parts, bytes) else ()


def _read_part(part: Any) -> str:
    text = part.get("text") if isinstance(part, Mapping) else part
    return text if isinstance(text, str) else ""


def replace_surrogates(text: str) -> str:
    """Return the text with each lone surrogate replaced by U+FFFD, and each pair joined."""
    # Tokenizers that cut a character in two give lone surrogates, which raise wherever text is
    # encoded: in a regex, a hash, a file.
    try:
        text.encode("utf-16")  # the quickest encoder: it mostly copies
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
