"""Texts that are known to break rewards."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import Any

from rewardkit._text.tag_layout import TagPair, tag_marks
from rewardkit.testing._drawing import choose_names
from rewardkit.testing._forms import CARRIERS, FORMS, NO_TEXT

# Each broke a published reward: no closing tag, two lines of reasoning, special tokens, near-tags,
# digits that `isdigit` takes and `int` does not, numbers that are too long or too large for `int`
# or `float`, a long tail.
_CLASSIC_TEXTS = (
    *("", "\n", "4", "It is 4.</answer>", "</think>4", "<answer>", "<think>4", "\ud800", "\x00"),
    "<reasoning>\nTwo and two,\nso four.\n</reasoning>\n<answer>\n4\n</answer>\n",
    "<think>\nTwo and two.\n</think>\n4",
    *("<think>Two and two.</think><|im_end|>", "<think>4</think>4 <THINK >", "4</s><pad><pad>"),
    *("<answer>\u00b2</answer>", r"<answer>\boxed{4}</answer>", "<answer>1,000</answer>"),
    *("<answer>" + "9" * 5000 + "</answer>", "<answer>nan</answer>", "<answer>1e999</answer>"),
    "<reasoning>\n2 + 2\n</reasoning>\n<answer>\n4\n</answer>\n" + "so " * 700,
    # a power that is never computed, a division by zero, brackets deeper than a parser goes
    *("9**9**9**9", "1/0", "[" * 3000, "(" * 3000 + ")" * 3000),
)


# Each costs the limit of a reward that has one.
_MAX_PROGRAM_TAGS = 1
_ENDLESS = "while True:\n    pass"


def list_endless_programs(tags: Iterable[str | TagPair], *, fenced: bool) -> list[str]:
    r"""Return texts with a Python program that does not end: in a fence if `fenced`, in tags.

    >>> list_endless_programs([], fenced=True)
    ['```python\nwhile True:\n    pass\n```']
    """
    program = f"```python\n{_ENDLESS}\n```" if fenced else _ENDLESS
    tagged = [f"{first}\n{program}\n{last}" for first, last in map(tag_marks, tags)]
    tagged = tagged[-_MAX_PROGRAM_TAGS:]
    return [program, *tagged] if fenced or not tagged else tagged


_INSIDES = ("0", "", "x", "1/0", "9**9**9**9")


def list_classics(
    forms: str | Iterable[str] = FORMS,
    *,
    tags: Iterable[str | TagPair] = (),
    matches: Iterable[str] = (),
) -> list[Any]:
    """Return completions that broke many rewards, the forms taking turns.

    Each of the `tags` is also tried around a zero, nothing, a letter, a quotient and a power, and
    so are the `matches` of a reward's patterns.
    """
    forms = choose_names(forms, FORMS, "forms")
    carriers = [CARRIERS[form] for form in forms if form in CARRIERS]
    marks = [*map(tag_marks, tags)]
    tagged = [f"{first}{inside}{last}" for first, last in marks for inside in _INSIDES]
    texts = [*_CLASSIC_TEXTS, *tagged, *matches] if carriers else []
    # one form per text and not every pair: the law `forms` compares the forms of one text
    carried = [carrier(text) for text, carrier in zip(texts, cycle(carriers), strict=False)]
    return carried + (NO_TEXT if "empty" in forms else [])
