"""The reward functions of the published notebooks, rewritten from their published rules."""

from __future__ import annotations

import re


def answer_of(text):
    return text.split("<answer>")[-1].split("</answer>")[0].strip()


def texts_of(completions):
    return [completion[0]["content"] for completion in completions]


def count_xml(text):
    value = 0.0
    value += 0.125 * (text.count("<reasoning>\n") == 1)
    value += 0.125 * (text.count("\n</reasoning>\n") == 1)
    if text.count("\n<answer>\n") == 1:
        value += 0.125 - 0.001 * len(text.split("\n</answer>\n")[-1])
    if text.count("\n</answer>") == 1:
        value += 0.125 - 0.001 * (len(text.split("\n</answer>")[-1]) - 1)
    return value


def xmlcount_reward_func(completions, **kwargs):
    return [count_xml(text) for text in texts_of(completions)]


def soft_format_reward_func(completions, **kwargs):
    pattern = r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>"
    return [0.5 * bool(re.match(pattern, text)) for text in texts_of(completions)]


def strict_format_reward_func(completions, **kwargs):
    pattern = r"^<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n$"
    return [0.5 * bool(re.match(pattern, text)) for text in texts_of(completions)]


def int_reward_func(completions, **kwargs):
    return [0.5 * answer_of(text).isdigit() for text in texts_of(completions)]


def correctness_reward_func(prompts, completions, answer, **kwargs):
    question = prompts[0][-1]["content"]
    assert question
    return [
        2.0 * (answer_of(text) == reference)
        for text, reference in zip(texts_of(completions), answer, strict=True)
    ]


def match_format_exactly(completions, **kwargs):
    return [3.0 * ("</think>" in text) for text in texts_of(completions)]


def match_format_approximately(completions, **kwargs):
    return [
        sum(0.5 if text.count(tag) == 1 else -1.0 for tag in ("<think>", "</think>"))
        for text in texts_of(completions)
    ]


def check_answer(prompts, completions, answer, **kwargs):
    values = []
    for text, reference in zip(texts_of(completions), answer, strict=True):
        _, mark, guess = text.partition("</think>")
        if not mark:
            values.append(-2.0)
        elif guess == reference:
            values.append(5.0)
        elif guess.strip() == reference.strip():
            values.append(3.5)
        else:
            try:
                ratio = float(guess) / float(reference)
            except (ValueError, ZeroDivisionError, OverflowError):
                values.append(-4.5)
                continue
            values.append(2.0 if 0.9 <= ratio <= 1.1 else 1.5 if 0.8 <= ratio <= 1.2 else -2.5)
    return values


def check_numbers(prompts, completions, answer, **kwargs):
    values = []
    for text, reference in zip(texts_of(completions), answer, strict=True):
        guess = re.search(r"-?[\d.,]+", text)
        if guess is None:
            values.append(-2.5)
            continue
        try:
            right = float(guess[0].replace(",", "")) == float(reference.strip())
        except ValueError:
            values.append(0)
            continue
        values.append(3.5 if right else -1.5)
    return values


def reward_len(completions, **kwargs):
    return [-abs(50 - len(completion)) for completion in completions]
