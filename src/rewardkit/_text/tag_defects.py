"""Say what is wrong with a layout: its first defect, in the order in which a reader finds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

from rewardkit._text.tag_layout import (
    CHANNEL,
    EMPTY_THINK,
    MESSAGE_START,
    Layout,
    TagPair,
    allows_think,
    find_near_tags,
    is_blank,
    list_tags,
)

After: TypeAlias = Literal["anything", "nothing", "answer"]
"""What the text after the last block has to be."""

_OPENED_HINT = "opened_in_prompt=True, if the prompt ends in it"
_EXCERPT_CHARACTERS = 40
_NOT_SPACE = re.compile(r"[^\s\ufeff]")
_EMPTY_THINK = re.compile(rf"[\s\ufeff]*+{EMPTY_THINK}")


def find_defect(
    text: str,
    tags: Sequence[str | TagPair],
    layout: Layout = "anywhere",
    *,
    empty_think: bool = False,
    after: After = "anything",
) -> str:
    """Return the first thing in which a text differs from a layout, "" if nothing does.

    `layout` and `empty_think` are those of `compile_layout`.

    >>> find_defect("<think>2 + 2", ["think"])
    'no closing </think>'
    >>> find_defect("<a>2</a> So <b>4</b>", ["a", "b"], "soft")
    "text before <b>: 'So'"
    """
    marks = list_tags(tags)
    # a mark that is missing or there twice has no position, so that nothing else can be said
    for number, mark in enumerate(marks):
        if defect := _find_count_defect(text, mark, marks, "closing" if number % 2 else "opening"):
            # a closing mark alone is what a completion has whose prompt wrote the opening one
            is_likely_opened = not number and mark not in text and marks[1] in text
            return f"{defect} ({_OPENED_HINT})" if is_likely_opened else defect
    positions = [*map(text.find, marks)]
    for (mark, start), (later, later_start) in pairwise(zip(marks, positions, strict=True)):
        if later_start < start + len(mark):
            return f"{later} before {mark}"
    skipped = _EMPTY_THINK.match(text) if empty_think and allows_think(marks) else None
    end, closing = skipped.end() if skipped and layout != "anywhere" else 0, ""
    for number in range(0, len(marks), 2):
        opening, last_closing, closing = marks[number], closing, marks[number + 1]
        gap = text[end : positions[number]]
        content = text[positions[number] + len(opening) : positions[number + 1]]
        defect = _find_gap_defect(gap, opening, last_closing, layout)
        if not defect and layout == "strict":
            defect = _find_line_defect(content, opening, closing)
        if not defect and is_blank(content):
            defect = f"nothing between {opening} and {closing}"
        if defect:
            return defect
        end = positions[number + 1] + len(closing)
    rest = text[end:]
    if after == "nothing" and rest.strip():
        return f"text after {closing}: {_quote_start(rest)}"
    return f"no answer after {closing}" if after == "answer" and is_blank(rest) else ""


def _find_count_defect(text: str, mark: str, marks: Sequence[str], role: str) -> str:
    count = text.count(mark)
    near = find_near_tags(text, mark, marks)
    if not count:
        return f"no {role} {mark}" + (f", but {_quote_start(near[0])}" if near else "")
    if count > 1:
        return f"{mark} twice" if count == 2 else f"{mark} {count} times"  # noqa: PLR2004 - the word
    return f"{mark} again, as {_quote_start(near[0])}" if near else ""


def _find_gap_defect(gap: str, opening: str, previous: str, layout: Layout) -> str:
    """Return the defect in the text before a block, "" if it has none."""
    if layout == "anywhere":
        return ""
    gap = gap.removeprefix("\ufeff")
    if opening.startswith(CHANNEL):
        gap = gap.removesuffix(MESSAGE_START)
    if _NOT_SPACE.search(gap):
        return f"text before {opening}: {_quote_start(gap)}"
    if layout == "soft":
        return ""
    if not previous:
        return f"white space before {opening}" if gap else ""
    if gap in ("\n", "\r\n"):
        return ""
    return f"{opening} not on the line after {previous}"


def _find_line_defect(content: str, opening: str, closing: str) -> str:
    if not content.startswith(("\n", "\r\n")):
        return f"no newline after {opening}"
    return "" if content.endswith("\n") else f"no newline before {closing}"


def _quote_start(text: str) -> str:
    text = text.strip()
    cut = len(text) > _EXCERPT_CHARACTERS
    return repr(f"{text[:_EXCERPT_CHARACTERS]}..." if cut else text)
