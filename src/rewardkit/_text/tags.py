"""Find tags in text, in one scan that is linear whatever the text holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from unicodedata import category


def marks(tags: Sequence[str]) -> list[str]:
    """Return the opening and closing tags, in the order in which they should stand.

    >>> marks(["think"])
    ['<think>', '</think>']
    """
    return [mark for tag in tags for mark in (f"<{tag}>", f"</{tag}>")]


def opened(texts: list[str], opening: str) -> list[str]:
    """Return the texts with the opening tag that the prompt ended in, if it is not there again.

    >>> opened(["2 + 2</think>", "<think>3"], "<think>")
    ['<think>2 + 2</think>', '<think>3']
    """
    if not opening:
        return texts
    return [text if text.lstrip().startswith(opening) else opening + text for text in texts]


def is_blank(text: str) -> bool:
    r"""Return whether nothing is said: no letter, digit or symbol outside of markup.

    >>> is_blank(" \n\u200b\u3164"), is_blank(r"\boxed{}."), is_blank("<b></b>"), is_blank("0")
    (True, True, True, False)
    """
    if _SAYS.match(text):
        return False
    signs = _MARKUP.sub("", text)
    return not any(category(s) in _SAYING and s not in _FILLERS for s in signs)


_FILLERS = "\u115f\u1160\u2800\u3164\uffa0\ufffc\ufffd\U0001d159"
_SAYS = re.compile(rf"[^\w\\<&]*+[^\W_{_FILLERS}]")  # a letter or digit before any markup
_MARKUP = re.compile(
    r"\\(?:boxed|text[A-Za-z]*|math[A-Za-z]+|q?quad)(?![A-Za-z])|&#?\w+;|</?[A-Za-z!][^<>]*+>"
)
_SAYING = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "So"}


@lru_cache(maxsize=64)
def layout(
    tags: tuple[str, ...], between: str | None = None, line: str = ""
) -> Callable[[str], int]:
    r"""Return what tells where a text's last block ends, -1 where it is not laid out so.

    Laid out is a text in which each tag occurs once, in order, around something; `between` is the
    pattern of what may stand before each block, anything by default, and `line` what follows each
    opening tag and comes before each closing one. One pass, linear: the pattern never steps back.

    >>> ends = layout(("a", "b"), r"\s*+")
    >>> ends("<a>1</a> <b>2</b>!"), ends("<a>1</a>, <b>2</b>"), ends("<a>1</a> <b></b>")
    (17, -1, -1)
    """
    other = _other(tags)
    inside = rf"(?>{_SAYS.pattern}|()){other}"  # the group takes part where it may be blank
    gap = other if between is None else between
    blocks = [f"{gap}<{tag}>{line}{inside}(?<={line})</{tag}>" for tag in map(re.escape, tags)]
    match = re.compile(rf"{''.join(blocks)}(?={other}\Z)").match

    def end(text: str) -> int:
        found = match(text)
        if found is None:
            return -1
        if found.lastindex:
            for number, tag in enumerate(tags, 1):
                start = found.start(number)
                if start >= 0 and is_blank(text[start : text.index(f"</{tag}>", start)]):
                    return -1
        return found.end()

    return end


@lru_cache(maxsize=64)
def block(tag: str) -> Callable[[str], re.Match[str] | None]:
    """Return what finds the only block of a tag, as group 1, where each of its tags occurs once.

    >>> block("a")("1<a>2</a><b>")[1], block("a")("<a>1</a><a>2</a>")
    ('2', None)
    """
    other, tag = _other((tag,)), re.escape(tag)
    return re.compile(f"{other}<{tag}>({other})</{tag}>{other}").fullmatch


def places(text: str, wanted: list[str]) -> list[int]:
    """Return where each tag stands, -1 where it does not count.

    A tag counts where it occurs exactly once, after those that count before it, and where it does
    not close a blank block.

    >>> places("<a>1</a><b></b><b>", ["<a>", "</a>", "<b>", "</b>"])
    [0, 4, -1, 11]
    """
    found: list[int] = []
    last = -1
    for number, mark in enumerate(wanted):
        place = text.find(mark)
        counts = place > last and text.find(mark, place + 1) < 0
        if counts and number % 2 and found[-1] >= 0:
            counts = not is_blank(text[found[-1] + len(wanted[number - 1]) : place])
        last = place if counts else last
        found.append(place if counts else -1)
    return found


def _other(tags: tuple[str, ...]) -> str:
    """Return the pattern of any text without the tags, which never steps back."""
    names = "|".join(map(re.escape, tags))
    return f"[^<]*+(?:<(?!/?(?:{names})>)[^<]*+)*+"
