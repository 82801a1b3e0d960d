"""What a tokenizer and its chat template do to prompts and completions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rewardkit._messages import error_line
from rewardkit._template import Row
from rewardkit.audit.findings import DATASET, Problem

TAG = r"</?[A-Za-z][\w-]*>"
_OPENED = re.compile(rf"({TAG}|\[[A-Z]+\])\s*\Z")
_TRIED_ROWS = 8


def find_token_problems(
    perfect: Sequence[tuple[Row, str]],
    tokenizer: Any,
    max_completion_length: int | None,
    marks: Sequence[str] = (),
) -> Iterator[Problem]:
    """Yield the problems of perfect completions as tokens; none without a tokenizer.

    `marks` are tags of other shapes than `<NAME>`.
    """
    if tokenizer is None:
        return
    tag = re.compile("|".join([*map(re.escape, marks), TAG]))
    tokens = [tokenizer.encode(text, add_special_tokens=False) for _, text in perfect]
    for number, (_, text) in enumerate(perfect[:_TRIED_ROWS]):
        decoded = tokenizer.decode(tokens[number], skip_special_tokens=True)
        tags = dict.fromkeys(tag.findall(text))
        lost = [one for one in tags if decoded.count(one) < text.count(one)]
        if lost:
            detail = f"{', '.join(lost)}: lost where a trainer decodes without special tokens"
            yield Problem(DATASET, "tags_lost", detail, len(perfect), number, text)
            break
    if max_completion_length is None:
        return
    long = [row for row, ids in enumerate(tokens) if len(ids) > max_completion_length]
    if long:
        most = max(map(len, tokens))
        detail = f"up to {most} tokens, and max_completion_length is {max_completion_length}"
        yield Problem(DATASET, "too_long", detail, len(long), long[0], perfect[long[0]][1])


def open_completions(
    perfect: Sequence[tuple[Row, str]], tokenizer: Any
) -> tuple[str, list[tuple[Row, str]], str]:
    """Return the tag that the chat template opens, and the completions after it.

    ("", [], "") if it opens none, or the completions do not begin with it; the third item is the
    error if the template cannot be used.
    """
    if tokenizer is None:
        return "", [], ""
    row, text = perfect[0]
    prompt = row.get("prompt")
    try:
        rendered = _render_prompt(prompt, tokenizer)
    except Exception as error:  # noqa: BLE001 - a template raises what it likes
        return "", [], error_line(error)
    opened = _OPENED.search(rendered)
    tag = opened[1] if opened and not opened[1].startswith("</") else ""
    if not tag or not text.lstrip().startswith(tag):
        return "", [], ""
    after = [(row, text.lstrip().removeprefix(tag)) for row, text in perfect[:_TRIED_ROWS]]
    return tag, after, ""


def _render_prompt(prompt: Any, tokenizer: Any) -> str:
    if prompt is None or isinstance(prompt, str):
        return prompt or ""
    # lists, since rows of Arrow hold arrays
    return str(tokenizer.apply_chat_template([*prompt], tokenize=False, add_generation_prompt=True))
