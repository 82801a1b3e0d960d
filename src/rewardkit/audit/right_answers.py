"""Right completions that differ from the reference completion: a reward should pay them alike."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from rewardkit.audit.ablations import ReferenceCompletion

_INTEGER = re.compile(r"-?\d+")
_LATEX_FRACTION = re.compile(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}")
_OPENED_THOUGHT = re.compile(r"\s*<(?:think|thinking)>")
_MIN_THOUSAND = 1000
_MANY_LINES = 12
_FEW_PARAGRAPHS = 3
_LONG_THOUGHT_SENTENCES = 80
VARIANT_NAMES = (
    "reasoning-of-many-lines",
    "reasoning-of-paragraphs",
    "reasoning-very-long",
    "newline-at-the-end",
    "no-newline-at-the-end",
    "spaces-around",
    "thousands-comma",
    "no-thousands-comma",
    "decimals-of-zero",
    "plain-fraction",
    "bold-answer",
    "thought-opened-by-the-template",
)
"""The names of all right completions that an audit makes."""


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
    if reference.reasoning:
        sentences = _reword(reference.reasoning, _LONG_THOUGHT_SENTENCES)
        yield (
            "reasoning-of-many-lines",
            reference.with_reasoning("\n".join(sentences[:_MANY_LINES])),
        )
        paragraphs = "\n\n".join(sentences[:_FEW_PARAGRAPHS])
        yield "reasoning-of-paragraphs", reference.with_reasoning(paragraphs)
        yield "reasoning-very-long", reference.with_reasoning(" ".join(sentences))
    stripped = reference.text.rstrip()
    yield "newline-at-the-end", f"{stripped}\n"
    yield "no-newline-at-the-end", stripped


def _reword(sentence: str, number: int) -> list[str]:
    """Return sentences of the same words in other orders: the same language, and no repetition."""
    words = sentence.rstrip(".").split()
    sentences = [sentence]
    for seed in range(1, number):
        order = words.copy()
        random.Random(seed).shuffle(order)  # noqa: S311 - the same in every run
        sentences.append(f"{' '.join(order)}.")
    return sentences


def vary_answer(reference: ReferenceCompletion) -> Iterator[tuple[str, str]]:
    """Yield names and completions with another spelling of the reference's answer."""
    if reference.answer_type in ("code", "json"):
        return
    for name, answer in spell_answer(reference.answer).items():
        yield name, reference.with_answer(answer)
    # In a box or in JSON the stars would be a part of it.
    in_box = reference.before.rstrip().endswith((r"\boxed{", ":"))
    if reference.answer_type == "number" and not in_box:
        yield "bold-answer", reference.with_answer(f"**{reference.answer}**")


def open_in_template(reference: ReferenceCompletion) -> str | None:
    """Return the completion without its first tag, which a chat template may have opened.

    None if it does not begin with the tag of a thought.
    """
    opened = _OPENED_THOUGHT.match(reference.text)
    return reference.text[opened.end() :] if opened and reference.blocks else None
