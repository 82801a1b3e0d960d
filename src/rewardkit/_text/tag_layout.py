"""Find tags in text, in one scan whose time is linear in the text's length, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import permutations
from typing import Annotated, Any, TypeAlias
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field

TagPair: TypeAlias = tuple[str, str]
"""The opening and the closing mark of a block: `("[THINK]", "[/THINK]")`."""


def check_tag(tag: Any) -> str | TagPair:
    """Return a tag's name, or its pair of marks as a tuple.

    Raises ValueError, with what to write instead, for anything else: a name with brackets, a pair
    of which one mark is empty, equal to the other or a part of it.
    """
    if isinstance(tag, str):
        if not _TAG_NAME.fullmatch(tag):
            raise ValueError(_explain_tag_name(tag))
        return tag
    if not isinstance(tag, list | tuple) or len(tag) != 2 or {*map(type, tag)} != {str}:  # noqa: PLR2004 - a pair
        message = f"got {tag!r}, expected a name such as 'answer', or a pair (opening, closing)"
        raise ValueError(message)
    if not all(mark.strip() for mark in tag):
        message = f"got the pair {tuple(tag)}, expected two marks that are not empty"
        raise ValueError(message)
    _check_marks_differ([*tag])
    return tag[0], tag[1]


def _explain_tag_name(tag: str) -> str:
    name = re.sub(r"[<>/\s]+", "", tag) or "answer"
    return (
        f"got {tag!r}, expected a name without brackets, slashes and spaces such as {name!r}, or a"
        f" pair (opening, closing) in brackets of its own, such as ('<{name}>', '</{name}>')"
    )


def check_tags(tags: tuple[str | TagPair, ...]) -> tuple[str | TagPair, ...]:
    """Return the tags. Raises ValueError if a mark of one is equal to a mark of another, or in it.

    A mark must occur exactly once, so that no text could have the layout.
    """
    if len(set(tags)) < len(tags):
        message = f"got {tags}, expected different names"
        raise ValueError(message)
    _check_marks_differ(list_tags(tags))
    return tags


def _check_marks_differ(marks: list[str]) -> None:
    for mark, other in permutations(marks, 2):
        if mark in other:
            problem = "twice" if mark == other else f"and {other!r}, which contains it"
            message = f"got the mark {mark!r} {problem}, expected marks that differ"
            raise ValueError(message)


_TAG_NAME = re.compile(r"[^<>/\s]+")

Tag = Annotated[str | TagPair, BeforeValidator(check_tag)]
"""How a component's field names a block: `"answer"` for `<answer>` and `</answer>`, or a pair of
any two marks, (opening, closing)."""
Tags = Annotated[tuple[Tag, ...], Field(min_length=1), AfterValidator(check_tags)]
"""The blocks of a layout, in order."""


def tag_marks(tag: str | TagPair) -> TagPair:
    """Return the opening and the closing mark of a tag.

    >>> tag_marks("think"), tag_marks(("[THINK]", "[/THINK]"))
    (('<think>', '</think>'), ('[THINK]', '[/THINK]'))
    """
    return (f"<{tag}>", f"</{tag}>") if isinstance(tag, str) else tag


def list_tags(tags: Sequence[str | TagPair]) -> list[str]:
    """Return each block's opening and closing mark, in the order in which they should occur.

    >>> list_tags(["think", ("[ANSWER]", "[/ANSWER]")])
    ['<think>', '</think>', '[ANSWER]', '[/ANSWER]']
    """
    return [mark for tag in tags for mark in tag_marks(tag)]


def restore_opening(texts: list[str], opening: str) -> list[str]:
    """Return the texts with the opening tag that the prompt ended in, if it is not there again.

    >>> restore_opening(["2 + 2</think>", "<think>3"], "<think>")
    ['<think>2 + 2</think>', '<think>3']
    """
    if not opening:
        return texts
    # some models write the tag again although the prompt ended in it
    return [text if text.lstrip().startswith(opening) else opening + text for text in texts]


def is_blank(text: str) -> bool:
    r"""Return whether a text has no content: no letter, digit or symbol outside of markup.

    >>> is_blank(" \n\u200b\u3164"), is_blank(r"\boxed{}."), is_blank("<b></b>"), is_blank("0")
    (True, True, True, False)
    """
    # most texts begin with a word, which the pattern sees without a copy of the text
    if _STARTS_WITH_CONTENT.match(text):
        return False
    characters = _MARKUP.sub("", text)
    return not any(category(c) in _CONTENT_CATEGORIES and c not in INVISIBLE for c in characters)


# Letters and symbols by their Unicode category that show nothing: Hangul fillers, blank Braille,
# object replacement, the replacement of a lone surrogate, a null notehead.
INVISIBLE = "\u115f\u1160\u2800\u3164\uffa0\ufffc\ufffd\U0001d159"
# a letter or digit before anything that may be markup
_STARTS_WITH_CONTENT = re.compile(rf"[^\w\\<&]*+[^\W_{INVISIBLE}]")
_MARKUP = re.compile(
    r"\\(?:boxed|text[A-Za-z]*|math[A-Za-z]+|q?quad)(?![A-Za-z])|&#?\w+;|</?[A-Za-z!][^<>]*+>"
)
# Punctuation is no content, and nor is a modifier or a currency symbol; "+" and an arrow are.
_CONTENT_CATEGORIES = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "So"}


@lru_cache(maxsize=64)
def compile_layout(
    names: tuple[str, ...], between: str | None = None, line: str = ""
) -> Callable[[str], int]:
    r"""Return a function that gives the end of the last block, or -1 if the layout does not match.

    In the layout each tag occurs once, in order, and no block is blank. `between` is the pattern of
    what may precede each block, anything by default; `line` is what follows each opening tag and
    precedes each closing one.

    >>> find_end = compile_layout(("a", "b"), r"\s*+")
    >>> find_end("<a>1</a> <b>2</b>!"), find_end("<a>1</a>, <b>2</b>")
    (17, -1)
    >>> find_end("<a>1</a> <b></b>")
    -1
    """
    other = _pattern_without_tags(names)
    # Whether a block is blank needs Unicode categories, which a pattern does not have. The pattern
    # sees the common case; the empty group takes part in the match only if the block may be blank.
    inside = rf"(?>{_STARTS_WITH_CONTENT.pattern}|()){other}"
    gap = other if between is None else between
    blocks = [f"{gap}<{name}>{line}{inside}(?<={line})</{name}>" for name in map(re.escape, names)]
    match = re.compile(rf"{''.join(blocks)}(?={other}\Z)").match

    def find_end(text: str) -> int:
        found = match(text)
        if found is None:
            return -1
        if found.lastindex:
            for number, name in enumerate(names, 1):
                start = found.start(number)
                if start >= 0 and is_blank(text[start : text.index(f"</{name}>", start)]):
                    return -1
        return found.end()

    return find_end


@lru_cache(maxsize=64)
def compile_only_block(name: str) -> Callable[[str], re.Match[str] | None]:
    """Return a function that finds a block's content, as group 1, if each tag occurs exactly once.

    >>> find_block = compile_only_block("a")
    >>> find_block("1<a>2</a><b>")[1], find_block("<a>1</a><a>2</a>")
    ('2', None)
    """
    other, name = _pattern_without_tags((name,)), re.escape(name)
    return re.compile(f"{other}<{name}>({other})</{name}>{other}").fullmatch


def find_tags(text: str, tags: list[str]) -> list[int]:
    """Return the position of each tag, -1 for a tag that does not count.

    A tag counts if it occurs exactly once, after those that count before it, and does not close a
    blank block. `tags` alternates between opening and closing ones.

    >>> find_tags("<a>1</a><b></b><b>", ["<a>", "</a>", "<b>", "</b>"])
    [0, 4, -1, 11]
    """
    positions: list[int] = []
    last = -1
    for number, tag in enumerate(tags):
        position = text.find(tag)
        counts = position > last and text.find(tag, position + 1) < 0
        if counts and number % 2 and positions[-1] >= 0:
            counts = not is_blank(text[positions[-1] + len(tags[number - 1]) : position])
        last = position if counts else last
        positions.append(position if counts else -1)
    return positions


def _pattern_without_tags(names: tuple[str, ...]) -> str:
    either = "|".join(map(re.escape, names))
    # Possessive: at each "<" there is one way on, so that the match never goes back: it is linear.
    return f"[^<]*+(?:<(?!/?(?:{either})>)[^<]*+)*+"
