"""The five fixed XML presets beside the functions that they replace, and their own rules by hand.

The published functions are those of the notebooks, the layouts with DOTALL, as people correct them.
The others apply the rules of `rewardkit.presets` with `re` and methods of `str`, and read digits,
commas, a dollar sign and a percent sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from peers import Chat, number_of, texts
from rewardkit import presets

TAGS = ("<reasoning>", "</reasoning>", "<answer>", "</answer>")
STRICT = re.compile(r"<reasoning>\n(.*?)\n</reasoning>\n<answer>\n(.*?)\n</answer>\s*$", re.DOTALL)
ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
SOFT = re.compile(r"\s*<reasoning>(.*?)</reasoning>\s*<answer>(.*?)</answer>", re.DOTALL)


# The notebook's own patterns, with DOTALL.
PUBLISHED_STRICT = r"^<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n$"
PUBLISHED_SOFT = r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>"


def split_answer(text: str) -> str:
    """Return the text after the last opening tag, up to a closing one, as published."""
    # split as published, without the limits that make it quicker
    return text.split("<answer>")[-1].split("</answer>")[0].strip()  # noqa: PLC0207 - the same


def published_count(completions: list[Chat], **_: Any) -> list[float]:
    """Count the tags with their newlines, minus the tail."""
    values = []
    for text in texts(completions):
        value = 0.125 * (text.count("<reasoning>\n") == 1)
        value += 0.125 * (text.count("\n</reasoning>\n") == 1)
        if text.count("\n<answer>\n") == 1:
            value += 0.125 - 0.001 * len(text.split("\n</answer>\n")[-1])
        if text.count("\n</answer>") == 1:
            value += 0.125 - 0.001 * (len(text.split("\n</answer>")[-1]) - 1)
        values.append(value)
    return values


def published_soft(completions: list[Chat], **_: Any) -> list[float]:
    """Match the published soft pattern."""
    matches = [re.match(PUBLISHED_SOFT, text, re.DOTALL) for text in texts(completions)]
    return [0.5 if match else 0.0 for match in matches]


def published_strict(completions: list[Chat], **_: Any) -> list[float]:
    """Match the published strict pattern."""
    matches = [re.match(PUBLISHED_STRICT, text, re.DOTALL) for text in texts(completions)]
    return [0.5 if match else 0.0 for match in matches]


def published_int(completions: list[Chat], **_: Any) -> list[float]:
    """Check that the split answer is digits."""
    answers = [split_answer(text) for text in texts(completions)]
    return [0.5 if answer.isdigit() else 0.0 for answer in answers]


def published_correct(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """Compare the split answer as text."""
    answers = [split_answer(text) for text in texts(completions)]
    return [2.0 if given == right else 0.0 for given, right in zip(answers, answer, strict=True)]


def laid_out(pattern: re.Pattern[str], text: str) -> bool:
    """Check that each tag occurs once, that the pattern matches, and that no block is empty."""
    if any(text.count(tag) != 1 for tag in TAGS):
        return False
    match = pattern.match(text)
    return match is not None and all(part.strip() for part in match.groups())


def only(text: str, tag: str, after: int = -1) -> int:
    """Return the position of a tag that occurs exactly once after a position, or -1."""
    position = text.find(tag)
    return position if position > after and text.find(tag, position + 1) < 0 else -1


def answer_of(text: str) -> str | None:
    """Return the text of the only answer block."""
    found = ANSWER.findall(text)
    alone = text.count("<answer>") == text.count("</answer>") == len(found) == 1
    return found[0].strip() if alone else None


def by_hand_count(completions: list[Chat], **_: Any) -> list[float]:
    """Count the tags that occur once, in order and around content, minus the tail."""
    values = []
    for text in texts(completions):
        kept, last, start = 0, -1, -1
        for opening, closing in (TAGS[:2], TAGS[2:]):
            start = only(text, opening, last)
            if start >= 0:
                kept, last = kept + 1, start
            end = only(text, closing, last)
            if end >= 0 and (start < 0 or text[start + len(opening) : end].strip()):
                kept, last = kept + 1, end
        before, closed, tail = text.partition("</answer>")
        if not closed and start >= 0:
            tail = before[start + len("<answer>") :]
        values.append(max(0.0, 0.125 * kept - 0.001 * len(tail.strip())))
    return values


def by_hand_soft(completions: list[Chat], **_: Any) -> list[float]:
    """Match the soft layout."""
    return [0.5 if laid_out(SOFT, text) else 0.0 for text in texts(completions)]


def by_hand_strict(completions: list[Chat], **_: Any) -> list[float]:
    """Match the strict layout."""
    return [0.5 if laid_out(STRICT, text) else 0.0 for text in texts(completions)]


def by_hand_int(completions: list[Chat], **_: Any) -> list[float]:
    """Check that the answer is an integer."""
    numbers = [number_of(answer_of(text)) for text in texts(completions)]
    return [0.5 if number is not None and number == int(number) else 0.0 for number in numbers]


def by_hand_correct(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """Compare the answer by value, or as text."""
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        given = answer_of(text)
        same = given is not None and given == right.strip()
        if given and not same:
            number = number_of(given)
            same = number is not None and number == number_of(right)
        values.append(2.0 if same else 0.0)
    return values


PRESETS: dict[str, tuple[Callable[..., list[float]], Callable[..., list[float]], Any]] = {
    "xmlcount": (published_count, by_hand_count, presets.xmlcount_reward_func),
    "soft_format": (published_soft, by_hand_soft, presets.soft_format_reward_func),
    "strict_format": (published_strict, by_hand_strict, presets.strict_format_reward_func),
    "int": (published_int, by_hand_int, presets.int_reward_func),
    "correctness": (published_correct, by_hand_correct, presets.correctness_reward_func),
}
"""The published function, the same rules by hand, and the preset."""
