"""Right completions that differ from the reference completion: a reward should pay them alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewardkit.audit.ablations import LANGUAGES, SLOT, ReferenceCompletion

_INTEGER = re.compile(r"-?\d+")
_LATEX_FRACTION = re.compile(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}")
_MIN_THOUSAND = 1000
_MANY_LINES = 12
_LONG_THOUGHT_SENTENCES = 150


def spell_answer(answer: str) -> dict[str, str]:
    r"""Return other spellings of an answer with its value, by name.

    >>> spell_answer("1250")
    {'spaces-around': ' 1250 ', 'thousands-comma': '1,250', 'decimals-of-zero': '1250.0'}
    >>> spell_answer(r"\frac{3}{4}")
    {'spaces-around': ' \\frac{3}{4} ', 'plain-fraction': '3/4'}
    """
    spelled = {"spaces-around": f" {answer} "}
    if _INTEGER.fullmatch(answer):
        # int() refuses more than 4,300 digits; a longer answer is a text
        if len(answer) < _MIN_THOUSAND and abs(int(answer)) >= _MIN_THOUSAND:
            spelled["thousands-comma"] = f"{int(answer):,}"
        spelled["decimals-of-zero"] = f"{answer}.0"
    elif _INTEGER.fullmatch(answer.replace(",", "")):
        spelled["no-thousands-comma"] = answer.replace(",", "")
    if fraction := _LATEX_FRACTION.fullmatch(answer):
        spelled["plain-fraction"] = "{}{}/{}".format(*fraction.groups())
    return spelled


def vary_layout(reference: ReferenceCompletion) -> Iterator[tuple[str, str]]:
    """Yield names and completions with the reference's answer, in its layout and its language."""
    sentence = reference.reasoning or LANGUAGES["en"]
    lines = "\n".join(f"{number}. {sentence}" for number in range(1, _MANY_LINES + 1))
    if reference.reasoning:
        yield "reasoning-of-many-lines", reference.with_reasoning(lines)
        yield "reasoning-of-paragraphs", reference.with_reasoning(f"{sentence}\n\n{sentence}")
        # Every sentence with a number of its own, so that it is no repetition.
        long = " ".join(f"{sentence} ({number})" for number in range(_LONG_THOUGHT_SENTENCES))
        yield "reasoning-very-long", reference.with_reasoning(long)
    yield "newline-at-the-end", f"{reference.text.rstrip()}\n"
    if not reference.text[-1:].isspace():
        return
    yield "no-newline-at-the-end", reference.text.rstrip()


def vary_answer(reference: ReferenceCompletion) -> Iterator[tuple[str, str]]:
    """Yield names and completions with another spelling of the reference's answer."""
    if reference.answer_type == "code":
        return
    for name, answer in spell_answer(reference.answer).items():
        yield name, reference.with_answer(answer)
    if reference.answer_type == "number":
        yield "bold-answer", reference.with_answer(f"**{reference.answer}**")


def open_in_template(reference: ReferenceCompletion) -> str | None:
    """Return the completion without its first tag, which a chat template may have opened.

    None if it does not begin with the tag of a thought.
    """
    opening = reference.marks[0] if reference.blocks else ""
    if not re.fullmatch(r"<(?:think|thinking|reasoning|thought)>", opening):
        return None
    text = reference.text.lstrip()
    if not text.startswith(opening) or SLOT in opening:
        return None
    return text.removeprefix(opening)
