"""Rewards that are right: of other libraries, in a thin layer of TRL's signature, and careful ones."""

import ast
import asyncio
import json
import math
import operator
import re
import string
from collections import Counter
from functools import cache

DIGITS = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")


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


def between(text, opening, closing):
    start = text.rfind(opening)
    end = text.find(closing, start + len(opening)) if start >= 0 else -1
    return text[start + len(opening) : end].strip() if end >= 0 else None


# Of other libraries -------------------------------------------------------------------------------
# They are imported when they are first called, since each takes seconds.


def _messages(completion):
    return [{"role": "assistant", "content": text_of(completion)}]


@cache
def _think_format():
    from verifiers.parsers.think_parser import ThinkParser

    return ThinkParser().get_format_reward_func()


@cache
def _xml_format():
    from verifiers.parsers.xml_parser import XMLParser

    return XMLParser(["think", "answer"]).get_format_reward_func()


def verifiers_think_format(completions, **kwargs):
    return [float(_think_format()(completion=_messages(c))) for c in completions]


def verifiers_xml_format(completions, **kwargs):
    return [float(_xml_format()(completion=_messages(c))) for c in completions]


def verifiers_boxed(completions, answer, **kwargs):
    from verifiers.utils.data_utils import extract_boxed_answer

    return [float(extract_boxed_answer(text_of(c)) == str(a)) for c, a in zip(completions, answer)]


def reasoning_gym_decimal(completions, answer, **kwargs):
    from reasoning_gym.utils import compute_decimal_reward

    guesses = [between(text_of(c), "<answer>", "</answer>") for c in completions]
    return [float(compute_decimal_reward(guess, str(a))) for guess, a in zip(guesses, answer)]


@cache
def _legs():
    import reasoning_gym

    return reasoning_gym.create_dataset("leg_counting", size=1, seed=1)


def reasoning_gym_legs(completions, answer, **kwargs):
    guesses = [between(text_of(c), "<answer>", "</answer>") for c in completions]
    return [
        float(_legs().score_answer(guess, {"answer": str(a)})) for guess, a in zip(guesses, answer)
    ]


def jiwer_word_errors(completions, answer, **kwargs):
    import jiwer

    rewards = []
    for completion, gold in zip(completions, answer):
        reference = " ".join(str(gold).split()) if gold is not None else ""
        if not reference:
            rewards.append(None)
            continue
        words = " ".join(text_of(completion).split()[:500])
        rewards.append(max(0.0, 1.0 - jiwer.wer(reference, words)))
    return rewards


@cache
def _rouge():
    from rouge_score import rouge_scorer

    return rouge_scorer.RougeScorer(["rougeL"])


def rouge_l(completions, answer, **kwargs):
    pairs = zip(completions, answer)
    return [_rouge().score(str(a), text_of(c)[:2000])["rougeL"].fmeasure for c, a in pairs]


def trl_soft_overlong(completions, completion_ids, **kwargs):
    from trl.rewards import get_soft_overlong_punishment

    return get_soft_overlong_punishment(256, 64)(completion_ids=completion_ids)


def trl_cosine(completions, solution, completion_ids, **kwargs):
    from trl.rewards import get_cosine_scaled_reward

    return get_cosine_scaled_reward(256)(
        completions=completions, solution=solution, completion_ids=completion_ids, **kwargs
    )


def trl_repetition(completions, completion_ids, **kwargs):
    from trl.rewards import get_repetition_penalty_reward

    return get_repetition_penalty_reward(3, -1.0)(completion_ids=completion_ids)


# SQuAD, by its definition -------------------------------------------------------------------------


def normalise(text):
    text = "".join(ch for ch in text.lower() if ch not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def squad_f1(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        guess, reference = normalise(text_of(completion)), normalise(str(gold))
        shared = sum((Counter(guess) & Counter(reference)).values())
        if not guess or not reference:
            rewards.append(float(guess == reference))
        else:
            rewards.append(2 * shared / (len(guess) + len(reference)))
    return rewards


def squad_exact(completions, answer, **kwargs):
    return [float(normalise(text_of(c)) == normalise(str(a))) for c, a in zip(completions, answer)]


# Careful ones -------------------------------------------------------------------------------------


def format_of_two_blocks(completions, **kwargs):
    """1 for a thought and an answer, each once and in order."""
    rewards = []
    for completion in completions:
        text = text_of(completion).strip()
        once = all(text.count(tag) == 1 for tag in ("<think>", "</think>", "<answer>", "</answer>"))
        order = (
            text.startswith("<think>")
            and text.find("</think>") < text.find("<answer>")
            and text.endswith("</answer>")
        )
        rewards.append(1.0 if once and order else 0.0)
    return rewards


def tag_count(completions, **kwargs):
    tags = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
    return [0.25 * sum(text_of(c).count(tag) == 1 for tag in tags) for c in completions]


def reasoning_steps(completions, **kwargs):
    marker = re.compile(r"Step \d{1,4}:|^\d{1,4}\.|\n- |\n\* |First,|Second,|Next,|Finally,")
    return [min(1.0, len(marker.findall(text_of(c))) / 3) for c in completions]


def repetition_penalty(completions, **kwargs):
    rewards = []
    for completion in completions:
        words = text_of(completion).lower().split()
        grams = list(zip(words, words[1:], words[2:]))
        rewards.append(len(set(grams)) / len(grams) - 1 if grams else 0.0)
    return rewards


def last_box(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        text = text_of(completion)
        start = text.rfind("\\boxed{")
        depth, end = 0, -1
        for i in range(start + 6, len(text)) if start >= 0 else ():
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                end = i
                break
        guess = text[start + 7 : end].strip() if end >= 0 else None
        rewards.append(float(guess is not None and guess == str(gold).strip()))
    return rewards


OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value_of(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](value_of(node.left), value_of(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -value_of(node.operand)
    raise ValueError("not arithmetic")


def countdown(completions, target, **kwargs):
    rewards = []
    for completion, goal in zip(completions, target):
        equation = between(text_of(completion), "<answer>", "</answer>") or ""
        try:
            tree = ast.parse(equation[:200].strip(), mode="eval")
            right = math.isclose(value_of(tree.body), float(goal), abs_tol=1e-6)
        except (ValueError, SyntaxError, TypeError, ArithmeticError, RecursionError, MemoryError):
            right = False
        rewards.append(1.0 if right else 0.0)
    return rewards


def same_json(completions, ground_truth, **kwargs):
    rewards = []
    for completion, gold in zip(completions, ground_truth):
        try:
            guess, want = json.loads(text_of(completion)), json.loads(str(gold))
        except (ValueError, RecursionError):
            rewards.append(0.0)
            continue
        rewards.append(1.0 if guess == want else 0.0)
    return rewards


def near_a_length(completions, completion_ids=None, **kwargs):
    lengths = [len(ids) for ids in completion_ids] if completion_ids else None
    lengths = lengths or [len(text_of(c).split()) for c in completions]
    return [-min(abs(length - 200), 1000) / 1000 for length in lengths]


async def judged_in_parallel(completions, **kwargs):
    limit = asyncio.Semaphore(8)

    async def score(text):
        async with limit:
            await asyncio.sleep(0)
            return 1.0 if text.rstrip().endswith(".") else 0.0

    return list(await asyncio.gather(*(score(text_of(c)) for c in completions)))


def schedule_by_step(completions, trainer_state=None, **kwargs):
    step = trainer_state.global_step if trainer_state is not None else 0
    weight = min(1.0, step / 100)
    return [weight * float("<think>" in text_of(c)) for c in completions]


def logs_what_it_found(completions, answer, log_extra=None, log_metric=None, **kwargs):
    found = [DIGITS.findall(text_of(c)) for c in completions]
    guesses = [numbers[-1] if numbers else "" for numbers in found]
    rewards = [float(guess == str(a)) for guess, a in zip(guesses, answer)]
    if log_extra:
        log_extra("guess", guesses)
    if log_metric and rewards:
        log_metric("share", sum(rewards) / len(rewards))
    return rewards


def share_of_cyrillic(completions, **kwargs):
    rewards = []
    for completion in completions:
        letters = [ch for ch in text_of(completion) if ch.isalpha()]
        share = sum("\u0400" <= ch <= "\u04ff" for ch in letters) / len(letters) if letters else 0.0
        rewards.append(share)
    return rewards


def after_the_hashes(completions, answer, **kwargs):
    golds = [str(a).rsplit("####", 1)[-1].strip().replace(",", "") for a in answer]
    guesses = [text_of(c).rsplit("####", 1) for c in completions]
    return [
        float(len(parts) == 2 and parts[1].strip().replace(",", "") == gold)
        for parts, gold in zip(guesses, golds)
    ]


def skips_rows_without_a_number(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        if not DIGITS.fullmatch(str(gold)):
            rewards.append(None)
            continue
        found = DIGITS.findall(text_of(completion))
        rewards.append(1.0 if found and float(found[-1]) == float(gold) else 0.0)
    return rewards


# A name of this module or module:attribute, and where it comes from.
RIGHT = {
    "trl.rewards:think_format_reward": "TRL",
    "trl.rewards:accuracy_reward": "TRL",
    "trl.rewards:reasoning_accuracy_reward": "TRL",
    "trl_soft_overlong": "TRL",
    "trl_cosine": "TRL",
    "trl_repetition": "TRL",
    "verifiers_think_format": "verifiers",
    "verifiers_xml_format": "verifiers",
    "verifiers_boxed": "verifiers",
    "reasoning_gym_decimal": "reasoning-gym",
    "reasoning_gym_legs": "reasoning-gym",
    "jiwer_word_errors": "jiwer",
    "rouge_l": "rouge-score",
    "squad_f1": "SQuAD's definition",
    "squad_exact": "SQuAD's definition",
    "format_of_two_blocks": "careful",
    "tag_count": "careful, as in open-r1",
    "reasoning_steps": "careful, as in open-r1",
    "repetition_penalty": "careful, as in open-r1",
    "last_box": "careful",
    "countdown": "careful",
    "same_json": "careful",
    "near_a_length": "careful",
    "judged_in_parallel": "careful",
    "schedule_by_step": "careful",
    "logs_what_it_found": "careful",
    "share_of_cyrillic": "careful",
    "after_the_hashes": "careful",
    "skips_rows_without_a_number": "careful",
    "time_and_threads:module_semaphore": "right in one event loop, as a trainer calls it",
    "time_and_threads:module_lock": "right in one event loop, as a trainer calls it",
}
