"""Find tags in text, by plain string search: linear in the text, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    first = text.lstrip()[:1]
    if first.isascii() and first.isalnum():
        return False
    signs = _MARKUP.sub("", text)
    return not any(category(s) in _SAYING and s not in _FILLERS for s in signs)


_MARKUP = re.compile(r"\\(?:boxed|text\w*|math\w+|q?quad)(?![a-z])|&[a-z]+;|</?[A-Za-z!][^<>]*+>")
_SAYING = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "So"}
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0\ufffc"


def places(text: str, wanted: Sequence[str]) -> list[int]:
    """Return where each tag stands, -1 where it does not count; opening and closing ones alternate.

    A tag counts where it occurs exactly once, after those that count before it, and where it does
    not close a blank block.

    >>> places("<a>1</a><b></b><b>", ["<a>", "</a>", "<b>", "</b>"])
    [0, 4, -1, 11]
    """
    pieces = text.split("<")
    if len(pieces) == len(wanted) + 1:  # as most are: nothing but the tags, so no search is needed
        found, place = [], len(pieces[0])
        for mark, piece in zip(wanted, pieces[1:], strict=True):
            if not piece.startswith(mark[1:]):
                break
            found.append(place)
            place += len(piece) + 1
        else:
            for number in range(0, len(wanted), 2):
                if is_blank(pieces[number + 1][len(wanted[number]) - 1 :]):
                    found[number + 1] = -1
            return found
    found = []
    last = before = -1
    for number, mark in enumerate(wanted):
        place = text.find(mark)
        counts = place > last and text.find(mark, place + 1) < 0
        if counts and number % 2 and before >= 0:
            counts = not is_blank(text[before + len(wanted[number - 1]) : place])
        before = place if counts else -1
        last = place if counts else last
        found.append(before)
    return found
