"""Planted: rewards whose value for a row depends on the other rows, or on earlier calls."""

import hashlib
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from functools import lru_cache

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


def answer_of(completion):
    found = re.search(r"<answer>([^<]*)</answer>", text_of(completion))
    return found.group(1).strip() if found else None


# Caches -------------------------------------------------------------------------------------------

_scores = {}


def cached_by_completion(completions, answer, **kwargs):
    rewards = []
    for completion, expected in zip(completions, answer):
        text = text_of(completion)
        if text not in _scores:
            _scores[text] = 1.0 if answer_of(completion) == str(expected) else 0.0
        rewards.append(_scores[text])
    return rewards


_by_digest = {}


def cached_by_digest(completions, solution, **kwargs):
    out = []
    for completion, gold in zip(completions, solution):
        key = hashlib.md5(text_of(completion).encode("utf-8", "replace")).hexdigest()
        if key in _by_digest:
            out.append(_by_digest[key])
            continue
        score = 2.0 if str(gold).strip() in text_of(completion).split() else 0.0
        _by_digest[key] = score
        out.append(score)
    return out


_by_start = {}


def cached_by_first_characters(completions, **kwargs):
    out = []
    for completion in completions:
        text = text_of(completion)
        key = text[:12]
        if key not in _by_start:
            _by_start[key] = min(len(text.split()), 100) / 100
        out.append(_by_start[key])
    return out


_by_id = {}


def cached_by_identity(completions, **kwargs):
    out = []
    for completion in completions:
        # a string that was freed leaves its id to the next one
        if id(completion) not in _by_id:
            _by_id[id(completion)] = len(text_of(completion))
        out.append(-abs(50 - _by_id[id(completion)]) / 50)
    return out


_gold = ""


@lru_cache(maxsize=None)
def _is_right(text):
    return float(text.strip().endswith(_gold))


def lru_cache_on_a_global(completions, ground_truth, **kwargs):
    global _gold
    out = []
    for completion, truth in zip(completions, ground_truth):
        _gold = str(truth)
        out.append(_is_right(text_of(completion)))
    return out


# Rows found by their text -------------------------------------------------------------------------


def dictionary_by_text(completions, answer, **kwargs):
    expected = {text_of(c): a for c, a in zip(completions, answer)}
    return [1.0 if answer_of(c) == str(expected[text_of(c)]) else 0.0 for c in completions]


def dictionary_by_prompt(prompts, completions, answer, **kwargs):
    lookup = {}
    for prompt, gold in zip(prompts, answer):
        lookup[str(prompt)] = str(gold)
    return [float(lookup[str(p)] in text_of(c)) for p, c in zip(prompts, completions)]


def index_of_completion(completions, answer, **kwargs):
    rewards = []
    for completion in completions:
        gold = answer[completions.index(completion)]
        rewards.append(1.0 if answer_of(completion) == str(gold) else 0.0)
    return rewards


def unique_completions_only(completions, **kwargs):
    unique = list(dict.fromkeys(map(text_of, completions)))
    return [1.0 if "</think>" in text else 0.0 for text in unique]


def first_answer_for_all(completions, answer, **kwargs):
    gold = str(answer[0]) if len(answer) else ""
    return [float(answer_of(c) == gold) for c in completions]


# Batches of one size ------------------------------------------------------------------------------

CHUNK = 8


def whole_chunks_only(completions, **kwargs):
    rewards = []
    for start in range(0, len(completions) - len(completions) % CHUNK, CHUNK):
        chunk = completions[start : start + CHUNK]
        rewards.extend(1.0 if "\\boxed{" in text_of(c) else 0.0 for c in chunk)
    rest = len(completions) % CHUNK
    if len(completions) < CHUNK:
        return [1.0 if "\\boxed{" in text_of(c) else 0.0 for c in completions]
    return rewards + [0.0] * rest


def answers_every_eighth(completions, answer, **kwargs):
    # "the answer is repeated for each of the eight generations"
    golds = list(answer)[::8]
    return [float(answer_of(c) == str(golds[i // 8])) for i, c in enumerate(completions)]


def answers_of_the_first_chunk(completions, answer, **kwargs):
    batch = list(answer)[:16]
    return [float(answer_of(c) == str(batch[i % 16])) for i, c in enumerate(completions)]


def must_divide_by_generations(completions, num_generations=4, **kwargs):
    if len(completions) > 1:
        assert len(completions) % num_generations == 0, "incomplete group"
    return [float(len(text_of(c)) < 400) for c in completions]


# Values relative to the batch ---------------------------------------------------------------------


def normalised_by_the_longest(completions, **kwargs):
    lengths = [len(text_of(c)) for c in completions]
    longest = max(lengths, default=1) or 1
    return [1.0 - length / longest for length in lengths]


def z_scores(completions, **kwargs):
    lengths = np.array([len(text_of(c).split()) for c in completions], dtype=float)
    if len(lengths) == 0:
        return []
    return ((lengths - lengths.mean()) / (lengths.std() + 1e-4)).tolist()


def rank_in_the_batch(completions, **kwargs):
    lengths = [len(text_of(c)) for c in completions]
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    rewards = [0.0] * len(lengths)
    for rank, i in enumerate(order):
        rewards[i] = 1.0 - rank / len(lengths)
    return rewards


def bonus_if_all_are_wrong(completions, answer, **kwargs):
    rewards = [float(answer_of(c) == str(a)) for c, a in zip(completions, answer)]
    if not any(rewards):
        return [0.1 if "<answer>" in text_of(c) else 0.0 for c in completions]
    return rewards


def second_copy_earns_nothing(completions, **kwargs):
    seen, rewards = set(), []
    for completion in completions:
        text = text_of(completion)
        rewards.append(0.0 if text in seen else 1.0)
        seen.add(text)
    return rewards


def later_rows_earn_more(completions, **kwargs):
    n = len(completions)
    return [(1.0 if text_of(c).strip() else 0.0) + 0.01 * i / n for i, c in enumerate(completions)]


def results_as_they_complete(completions, **kwargs):
    def score(text):
        time.sleep(0.0002 * (len(text) % 3))
        return min(len(text), 200) / 200

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(score, text_of(c)) for c in completions]
        return [future.result() for future in as_completed(futures)]


def sorted_by_score(completions, **kwargs):
    scores = [(text_of(c).count(" ") + 1) / 100 for c in completions]
    return sorted(scores, reverse=True)


def previous_row_answer(completions, answer, **kwargs):
    # off by one after a slice: rows are compared with the answer before theirs
    shifted = [*answer[1:], *answer[:1]] if len(answer) > 1 else answer
    return [float(answer_of(c) == str(a)) for c, a in zip(completions, shifted)]


# Earlier calls ------------------------------------------------------------------------------------

_baseline = {"sum": 0.0, "count": 0}


def running_baseline(completions, **kwargs):
    rewards = []
    for completion in completions:
        value = min(len(text_of(completion)), 100) / 100
        _baseline["sum"] += value
        _baseline["count"] += 1
        rewards.append(value - _baseline["sum"] / _baseline["count"])
    return rewards


_best = 0


def better_than_the_best(completions, **kwargs):
    global _best
    rewards = []
    for completion in completions:
        words = len(text_of(completion).split())
        rewards.append(1.0 if words > _best else 0.0)
        _best = max(_best, words)
    return rewards


_calls = 0


def stricter_after_fifty_calls(completions, **kwargs):
    global _calls
    _calls += 1
    limit = 100 if _calls > 50 else 400
    return [float(len(text_of(c)) <= limit) for c in completions]


_step = 0


def log_every_tenth_call(completions, **kwargs):
    global _step
    _step += 1
    rewards = [1.0 if re.search(r"\d", text_of(c)) else 0.0 for c in completions]
    if _step % 10 == 0 and rewards:
        rewards[0] = 0.5  # was meant to be logged, and is returned
    return rewards


def collects_in_a_default(completions, scores=[], **kwargs):
    for completion in completions:
        scores.append(1.0 if text_of(completion).strip() else 0.0)
    return scores


_history = []


def compares_with_history(completions, **kwargs):
    rewards = []
    for completion in completions:
        words = set(text_of(completion).lower().split())
        seen = any(words and words == earlier for earlier in _history[-200:])
        rewards.append(-1.0 if seen else 0.0)
        _history.append(words)
    return rewards


# Chance and clocks --------------------------------------------------------------------------------


def noise_for_ties(completions, **kwargs):
    return [float("<think>" in text_of(c)) + random.random() * 0.01 for c in completions]


def numpy_noise(completions, **kwargs):
    scores = np.array([min(len(text_of(c)), 100) / 100 for c in completions])
    return (scores + np.random.normal(0, 1e-3, len(scores))).tolist()


def sampled_judge(completions, **kwargs):
    # judges one in five to save money
    return [float(text_of(c).endswith(".")) if random.random() < 0.2 else 0.5 for c in completions]


_started = time.time()


def warms_up_by_the_clock(completions, **kwargs):
    factor = min(1.0, (time.time() - _started) / 3600)
    return [factor * float("<answer>" in text_of(c)) for c in completions]


def night_shift(completions, **kwargs):
    today = datetime.now().toordinal() % 7
    return [(1.0 if "\n" in text_of(c) else 0.0) + 0.01 * today for c in completions]


def tie_break_by_hash(completions, **kwargs):
    return [float("=" in text_of(c)) + (hash(text_of(c)) % 1000) / 1e6 for c in completions]


def first_of_a_set(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        numbers = set(re.findall(r"\d+", text_of(completion)))
        rewards.append(float(bool(numbers) and next(iter(numbers)) == str(gold)))
    return rewards


# name: (reason, what it is modelled on)
PLANTS = {
    "cached_by_completion": ("rows", "a memo whose key is the completion without its reference"),
    "cached_by_digest": ("rows", "an on-disk cache keyed by the md5 of the completion"),
    "cached_by_first_characters": ("rows", "a cache key cut to a prefix of the text"),
    "cached_by_identity": ("rows", "a cache keyed by id(): ids are used again"),
    "lru_cache_on_a_global": ("rows", "lru_cache on a helper that reads the answer from a global"),
    "dictionary_by_text": ("rows", "dict(zip(completions, answers)), with equal completions"),
    "dictionary_by_prompt": ("rows", "a lookup of the answer by the prompt"),
    "index_of_completion": ("rows", "completions.index(c) as the row's number"),
    "unique_completions_only": ("length", "duplicates dropped before scoring"),
    "first_answer_for_all": ("rows", "answer[0]: all rows are taken for one group"),
    "whole_chunks_only": ("rows", "a mini-batch loop that forgets the remainder"),
    "answers_every_eighth": ("rows", "num_generations written into the reward"),
    "answers_of_the_first_chunk": ("rows", "a modulus by the batch size of one machine"),
    "must_divide_by_generations": ("raises", "an assertion on the size of the batch"),
    "normalised_by_the_longest": ("rows", "scaling by the batch's maximum"),
    "z_scores": ("rows", "advantages computed in the reward, over the whole batch"),
    "rank_in_the_batch": ("rows", "ranks over the batch rather than the group"),
    "bonus_if_all_are_wrong": ("rows", "an exploration bonus that depends on other prompts"),
    "second_copy_earns_nothing": ("rows", "a diversity penalty for the later copy alone"),
    "later_rows_earn_more": ("rows", "enumerate() in the score"),
    "results_as_they_complete": ("rows", "as_completed() in place of map()"),
    "sorted_by_score": ("rows", "scores returned in sorted order"),
    "previous_row_answer": ("rows", "answers shifted by one row"),
    "running_baseline": ("rows", "a running mean subtracted in the reward"),
    "better_than_the_best": ("rows", "a high score kept in a global"),
    "stricter_after_fifty_calls": ("rows", "a curriculum that counts calls"),
    "log_every_tenth_call": ("rows", "a step counter that leaks into the values"),
    "collects_in_a_default": ("length", "a mutable default that grows"),
    "compares_with_history": ("rows", "novelty against all earlier completions"),
    "noise_for_ties": ("rows", "random.random() so that groups are never flat"),
    "numpy_noise": ("rows", "numpy noise so that groups are never flat"),
    "sampled_judge": ("rows", "a judge that is asked for a sample of the rows"),
    "warms_up_by_the_clock": ("rows", "a warm-up in hours of wall clock"),
    "night_shift": ("rows", "a value that depends on the date"),
    "tie_break_by_hash": ("process", "hash() of a string, which differs between processes"),
    "first_of_a_set": ("process", "the order of a set of strings, which differs between processes"),
}
