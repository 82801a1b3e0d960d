"""Planted: rewards that raise on a row, or return something that is not a list of numbers."""

import ast
import json
import logging
import math
import re
import statistics

import numpy as np


def text_of(completion):
    """Return the text of a completion, whatever its form."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion or []):
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
        if message.get("role") == "assistant":
            return content or ""
    return ""


# Texts --------------------------------------------------------------------------------------------


def ends_with_a_period(completions, **kwargs):
    return [1.0 if text_of(c)[-1] == "." else 0.0 for c in completions]


def first_word(completions, **kwargs):
    return [float(text_of(c).split()[0].lower() == "okay") * -1.0 for c in completions]


def longest_word(completions, **kwargs):
    return [-float(max(len(w) for w in text_of(c).split()) > 40) for c in completions]


def after_the_marker(completions, **kwargs):
    return [float(text_of(c).split("####")[1].strip() != "") for c in completions]


def match_without_a_check(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        guess = re.search(r"<answer>([^<]*)</answer>", text_of(completion)).group(1)
        rewards.append(float(guess.strip() == str(gold)))
    return rewards


def number_with_two_points(completions, **kwargs):
    rewards = []
    for completion in completions:
        found = re.search(r"[\d.]+", text_of(completion))
        rewards.append(1.0 if found and float(found.group()) > 10 else 0.0)
    return rewards


def digits_that_are_not_decimal(completions, **kwargs):
    rewards = []
    for completion in completions:
        text = text_of(completion).strip()
        rewards.append(float(int(text) % 2 == 0) if text.isdigit() else 0.0)
    return rewards


def infinite_integer(completions, **kwargs):
    rewards = []
    for completion in completions:
        try:
            value = int(float(text_of(completion).strip()))
        except ValueError:
            rewards.append(0.0)
            continue
        rewards.append(1.0 if value > 0 else 0.5)
    return rewards


def encodes_for_a_log(completions, **kwargs):
    sizes = [len(text_of(c).encode("utf-8")) for c in completions]
    return [1.0 if size < 2000 else 0.0 for size in sizes]


def mean_sentence_length(completions, **kwargs):
    rewards = []
    for completion in completions:
        lengths = [len(s.split()) for s in text_of(completion).split(".") if s.strip()]
        rewards.append(1.0 if statistics.mean(lengths) < 25 else 0.0)
    return rewards


def share_of_letters(completions, **kwargs):
    return [sum(ch.isalpha() for ch in text_of(c)) / len(text_of(c)) for c in completions]


def log_of_length(completions, **kwargs):
    return [-math.log(len(text_of(c).split())) for c in completions]


def json_that_is_a_list(completions, **kwargs):
    rewards = []
    for completion in completions:
        try:
            data = json.loads(text_of(completion))
            rewards.append(1.0 if "name" in data and data["name"] else 0.0)
        except json.JSONDecodeError:
            rewards.append(0.0)
    return rewards


def literal_too_deep(completions, **kwargs):
    rewards = []
    for completion in completions:
        try:
            ast.literal_eval(text_of(completion))
            rewards.append(1.0)
        except (ValueError, SyntaxError):
            rewards.append(0.0)
    return rewards


def braces_by_recursion(completions, **kwargs):
    def depth(text, i):
        if i >= len(text):
            return 0
        step = {"{": 1, "}": -1}.get(text[i], 0)
        return step + depth(text, i + 1)

    return [1.0 if depth(text_of(c), 0) == 0 else 0.0 for c in completions]


def evaluates_equations(completions, **kwargs):
    rewards = []
    for completion in completions:
        lines = text_of(completion).strip().splitlines()
        expression = lines[-1].split("=")[0] if lines else ""
        if not expression or not re.fullmatch(r"[\d+\-*/(). ]+", expression) or "**" in expression:
            rewards.append(0.0)
            continue
        try:
            rewards.append(1.0 if abs(eval(expression) - 24) < 1e-5 else 0.1)
        except SyntaxError:
            rewards.append(0.0)
    return rewards


# Columns ------------------------------------------------------------------------------------------


def answer_as_pattern(completions, answer, **kwargs):
    return [
        1.0 if re.search(rf"\b{gold}\b", text_of(c)) else 0.0
        for c, gold in zip(completions, answer)
    ]


def answer_as_float(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        target = float(gold)
        found = re.findall(r"-?\d+(?:\.\d+)?", text_of(completion)[:2000])
        rewards.append(1.0 if found and float(found[-1]) == target else 0.0)
    return rewards


def no_keyword_arguments(completions, answer):
    return [float(str(a) in text_of(c)) for c, a in zip(completions, answer)]


def prompts_only(prompts, completions):
    return [float(str(p) not in text_of(c)) for p, c in zip(prompts, completions)]


# Chats --------------------------------------------------------------------------------------------


def content_is_none(completions, **kwargs):
    texts = [c if isinstance(c, str) else c[-1]["content"] for c in completions]
    return [1.0 if t.strip() else 0.0 for t in texts]


def content_in_parts(completions, **kwargs):
    rewards = []
    for completion in completions:
        text = completion if isinstance(completion, str) else completion[-1].get("content") or ""
        rewards.append(1.0 if text.lower().startswith("<think>") else 0.0)
    return rewards


def one_message_as_a_dictionary(completions, **kwargs):
    return [float("answer" in completion["content"]) for completion in completions]


def no_message_at_all(completions, **kwargs):
    texts = [c if isinstance(c, str) else (c[0].get("content") or "") for c in completions]
    return [1.0 if isinstance(t, str) and t.count("\n") > 2 else 0.0 for t in texts]


# Batches ------------------------------------------------------------------------------------------


def prints_the_mean(completions, **kwargs):
    rewards = [1.0 if "<think>" in text_of(c) else 0.0 for c in completions]
    logging.getLogger(__name__).debug("mean reward %.3f", sum(rewards) / len(rewards))
    return rewards


def prints_the_first(prompts, completions, **kwargs):
    logging.getLogger(__name__).debug("prompt %s\nresponse %s", prompts[0], completions[0])
    return [min(len(text_of(c)), 500) / 500 for c in completions]


def metric_without_a_value(completions, log_metric=None, **kwargs):
    rewards = [float("wait" in text_of(c).lower()) for c in completions]
    if log_metric is not None:
        log_metric({"wait": sum(rewards)})
    return rewards


def extra_without_rows(completions, trainer_state=None, **kwargs):
    # a schedule by the step, read from a column that the trainer never passes
    step = kwargs["step"] if trainer_state is None else trainer_state["global_step"]
    return [min(step, 100) / 100 * float(bool(text_of(c))) for c in completions]


# What comes back ----------------------------------------------------------------------------------


def forgets_rows_without_a_match(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = re.search(r"<answer>([^<]*)</answer>", text_of(completion))
        if not found:
            continue
        rewards.append(float(found.group(1).strip() == str(gold)))
    return rewards


def one_number_for_the_batch(completions, **kwargs):
    return sum(float("\\boxed" in text_of(c)) for c in completions)


def returns_from_the_loop(completions, **kwargs):
    rewards = []
    for completion in completions:
        rewards.append(1.0 if text_of(completion).startswith("<think>") else 0.0)
        if not text_of(completion):
            return rewards
    return rewards


def scores_and_reasons(completions, **kwargs):
    return [(1.0, "long") if len(text_of(c)) > 100 else (0.0, "short") for c in completions]


def dictionaries(completions, **kwargs):
    return [{"score": float(len(text_of(c)) > 100)} for c in completions]


def numbers_as_text(completions, **kwargs):
    found = [re.search(r"rating:\s*([0-9])", text_of(c), re.IGNORECASE) for c in completions]
    return [m.group(1) if m else "0" for m in found]


def column_of_values(completions, **kwargs):
    return [[float(len(text_of(c)) > 10)] for c in completions]


def mean_of_nothing(completions, **kwargs):
    rewards = []
    for completion in completions:
        numbers = [float(n) for n in re.findall(r"\b\d{1,9}\b", text_of(completion)[:5000])]
        with np.errstate(all="ignore"):
            rewards.append(float(np.float64(sum(numbers)) / np.float64(len(numbers))) / 1e9)
    return rewards


def one_over_the_distance(completions, **kwargs):
    rewards = []
    for completion in completions:
        distance = abs(50 - len(text_of(completion)))
        rewards.append(1 / distance if distance else float("inf"))
    return rewards


def number_read_from_the_text(completions, **kwargs):
    rewards = []
    for completion in completions:
        try:
            rewards.append(float(text_of(completion).split("Score:")[-1].strip()))
        except ValueError:
            rewards.append(0.0)
    return rewards


async def coroutines_in_a_list(completions, **kwargs):
    async def score(text):
        return float(len(text) < 300)

    return [score(text_of(c)) for c in completions]


async def exceptions_in_a_list(completions, **kwargs):
    import asyncio

    async def score(text):
        return float(text.split()[0].istitle())

    return await asyncio.gather(*(score(text_of(c)) for c in completions), return_exceptions=True)


PLANTS = {
    "ends_with_a_period": ("raises", "text[-1] of an empty completion"),
    "first_word": ("raises", "split()[0] of blank text"),
    "longest_word": ("raises", "max() of no words"),
    "after_the_marker": ("raises", "split('####')[1] without the marker"),
    "match_without_a_check": ("raises", "re.search(...).group(1) without a match"),
    "number_with_two_points": ("raises", "float('1.2.3')"),
    "digits_that_are_not_decimal": ("raises", "int() of a superscript: isdigit() holds"),
    "infinite_integer": ("raises", "int(float('inf')) is an OverflowError"),
    "encodes_for_a_log": ("raises", "a lone surrogate does not encode"),
    "mean_sentence_length": ("raises", "statistics.mean of no sentences"),
    "share_of_letters": ("raises", "division by the length of an empty text"),
    "log_of_length": ("raises", "log(0)"),
    "json_that_is_a_list": ("raises", "valid JSON of another type"),
    "literal_too_deep": ("raises", "literal_eval raises RecursionError and MemoryError too"),
    "braces_by_recursion": ("raises", "one level of recursion per character"),
    "evaluates_equations": ("raises", "eval() with SyntaxError caught alone"),
    "answer_as_pattern": ("raises", "a reference put into a pattern without re.escape"),
    "answer_as_float": ("raises", "float() of a reference such as 1,000 or 1/2"),
    "no_keyword_arguments": ("columns", "no **kwargs: the trainer passes more columns"),
    "prompts_only": ("columns", "no **kwargs in a reward of prompts and completions"),
    "content_is_none": ("raises", "content is None in a message with a tool call"),
    "content_in_parts": ("raises", "content as a list of parts"),
    "one_message_as_a_dictionary": ("raises", "completion['content'] in place of completion[0]"),
    "no_message_at_all": ("raises", "completion[0] of no messages"),
    "prints_the_mean": ("raises", "the mean of an empty batch, for a log"),
    "prints_the_first": ("raises", "prompts[0] of an empty batch, for a log"),
    "metric_without_a_value": ("raises", "log_metric called with a dictionary"),
    "extra_without_rows": ("raises", "trainer_state used as a dictionary"),
    "forgets_rows_without_a_match": ("length", "continue without an append"),
    "one_number_for_the_batch": ("raises", "a sum in place of a list"),
    "returns_from_the_loop": ("length", "a return indented too far"),
    "scores_and_reasons": ("raises", "pairs of a value and a reason"),
    "dictionaries": ("raises", "dictionaries, as another trainer expects them"),
    "numbers_as_text": ("raises", "a judge's rating returned as it was read"),
    "column_of_values": ("raises", "a column of one value per row"),
    "mean_of_nothing": ("finite", "0 / 0 in numpy is NaN"),
    "one_over_the_distance": ("finite", "infinity for a perfect length"),
    "number_read_from_the_text": ("finite", "float('nan') and float('1e999') are read"),
    "coroutines_in_a_list": ("raises", "an await forgotten in a list"),
    "exceptions_in_a_list": ("raises", "gather(return_exceptions=True) passed on"),
}
