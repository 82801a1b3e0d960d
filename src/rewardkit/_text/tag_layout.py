"""Find tags in text, in one scan whose time is linear in the text's length, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from unicodedata import category


def list_tags(names: Sequence[str]) -> list[str]:
    """Return each block's opening and closing tag, in the order in which they should occur.

    >>> list_tags(["think"])
    ['<think>', '</think>']
    """
    return [tag for name in names for tag in (f"<{name}>", f"</{name}>")]


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
