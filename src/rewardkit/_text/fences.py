"""Find the fenced blocks of Markdown, also unclosed ones and those closed on a line of code."""

from __future__ import annotations

import re
from typing import NamedTuple

PYTHON_LANGUAGES = {"python", "python3", "py", "py3", "ipython", "ipython3"}


class Fence(NamedTuple):
    """A fenced block."""

    language: str
    """The first word after the opening fence in lower case, "" for none."""
    content: str
    """The lines between the fences."""
    start: int
    """The index of the opening fence in the text."""
    end: int
    """The index at which the content ends."""
    closed: bool
    """Whether there is a closing fence; else the block ends with the text, or at the next one."""


def find_fences(text: str) -> list[Fence]:
    r"""Find the fenced blocks of a text, in order, in time linear in its length.

    >>> [(block.language, block.content) for block in find_fences("So:\n```python\nx = 1\n```")]
    [('python', 'x = 1\n')]
    """
    blocks: list[Fence] = []
    opening: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        line_start = text.rfind("\n", 0, match.start()) + 1
        begins_line = not text[line_start : match.start()].strip(" \t>")
        language = _read_language(match["info"])
        can_close = not match["info"].strip()
        if opening is not None and can_close and match["fence"].startswith(opening["fence"]):
            # on a line of its own, or after the last line of the code
            blocks.append(_make_block(text, opening, match.start(), closed=True))
            opening = None
        elif begins_line or language in _LANGUAGES_WITHIN_LINES:
            if opening is not None:
                if match["fence"][0] != opening["fence"][0]:
                    continue  # ~~~ inside of ```, and the other way around
                blocks.append(_make_block(text, opening, line_start, closed=False))
            opening = match
    if opening is not None:
        blocks.append(_make_block(text, opening, len(text), closed=False))
    return blocks


# A run of three or more, with what follows on its line: an inline ```x``` is none. Possessive, so
# that a long run, or a long line of runs, is read once.
_FENCE = re.compile(r"(?<![`~])(?P<fence>`{3,}+|~{3,}+)(?P<info>[^\n`]*+)(?=\n|\Z)")
_LANGUAGE = re.compile(r"[{.\s]*+([\w+#-]++)")
# Prose before such a fence does not hide it.
_LANGUAGES_WITHIN_LINES = PYTHON_LANGUAGES | {"json"}


def _read_language(info: str) -> str:
    # as in `python title=x`, `{python}`, `{.python .numberLines}`, `python:main.py`
    found = _LANGUAGE.match(info)
    return found[1].lower() if found else ""


def _make_block(text: str, opening: re.Match[str], end: int, *, closed: bool) -> Fence:
    content = text[opening.end() + 1 : end]
    return Fence(_read_language(opening["info"]), content, opening.start(), end, closed)
