"""Planted: rewards that hang, that are slow on long texts, or that work in one thread or loop."""

import asyncio
import difflib
import re
import signal
import subprocess
import sys
import threading


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


# Patterns -----------------------------------------------------------------------------------------

WORDS_IN_THINK = re.compile(r"^<think>(\s*\w+\s*)+</think>$")


def words_in_think(completions, **kwargs):
    return [1.0 if WORDS_IN_THINK.match(text_of(c)) else 0.0 for c in completions]


def words_in_answer(completions, **kwargs):
    return [
        1.0 if re.search(r"<answer>((\w+\s*)+)</answer>", text_of(c)) else 0.0 for c in completions
    ]


def a_speaker_first(completions, **kwargs):
    return [1.0 if re.match(r"^(([A-Z][a-z]*\s?)+)+:", text_of(c)) else 0.0 for c in completions]


def thousands(completions, **kwargs):
    pattern = r"^(\d+,?)+$"
    return [1.0 if re.match(pattern, text_of(c).strip()) else 0.0 for c in completions]


def a_list_of_links(completions, **kwargs):
    links = re.compile(r"(https?://([\w.-]+/?)+\s*)+$")
    return [0.5 if links.match(text_of(c)) else 0.0 for c in completions]


def bullets(completions, **kwargs):
    return [1.0 if re.fullmatch(r"(\s*[-*]\s*.*\n*)+", text_of(c)) else 0.0 for c in completions]


def title_case(completions, **kwargs):
    title = re.compile(r"# (?:(?:[A-Z]\w*|of|the|and) ?)+(?: [A-Z]\w*)*\n")
    return [1.0 if title.match(text_of(c)) else 0.0 for c in completions]


def steps_then_answer(completions, **kwargs):
    pattern = re.compile(r"Step 1:(?:(?:[^\n]+\n?)+)+Answer: \d+\Z")
    return [1.0 if pattern.search(text_of(c)) else 0.0 for c in completions]


def identifiers(completions, **kwargs):
    return [1.0 if re.match(r"def ([a-z]+_?)+\(", text_of(c)) else 0.0 for c in completions]


def blank_at_line_ends(completions, **kwargs):
    return [-float(len(re.findall(r"\s+$", text_of(c))) > 0) for c in completions]


def lazy_blocks(completions, **kwargs):
    found = [re.findall(r"<think>.*?</think>", text_of(c), re.DOTALL) for c in completions]
    return [1.0 if len(blocks) == 1 else 0.0 for blocks in found]


def two_lazy_blocks(completions, **kwargs):
    pattern = r"<think>(.*?)</think>.*?<answer>(.*?)</answer>"
    return [1.0 if re.search(pattern, text_of(c), re.DOTALL) else 0.0 for c in completions]


# Loops --------------------------------------------------------------------------------------------


def repeated_phrases(completions, **kwargs):
    rewards = []
    for completion in completions:
        words = text_of(completion).split()
        phrases = [" ".join(words[i : i + 3]) for i in range(len(words) - 2)]
        repeated = sum(1 for phrase in phrases if phrases.count(phrase) > 1)
        rewards.append(-repeated / max(len(phrases), 1))
    return rewards


def similar_sentences(completions, **kwargs):
    rewards = []
    for completion in completions:
        sentences = [s.strip() for s in re.split(r"[.!?\n]", text_of(completion)) if s.strip()]
        pairs = sum(a == b for i, a in enumerate(sentences) for b in sentences[:i])
        rewards.append(-float(pairs > 2))
    return rewards


def halves_alike(completions, **kwargs):
    rewards = []
    for completion in completions:
        text = text_of(completion)
        half = len(text) // 2
        ratio = difflib.SequenceMatcher(None, text[:half], text[half:], autojunk=False).ratio()
        rewards.append(-ratio)
    return rewards


def strips_one_character_at_a_time(completions, **kwargs):
    rewards = []
    for completion in completions:
        text = text_of(completion)
        while text and text[0] in " \n\t*#":
            text = text[1:]
        rewards.append(1.0 if text.startswith("<think>") else 0.0)
    return rewards


# Programs -----------------------------------------------------------------------------------------


def evaluates_anything(completions, **kwargs):
    rewards = []
    for completion in completions:
        expression = text_of(completion).split("</think>")[-1].strip()
        if not re.fullmatch(r"[\d+\-*/(). \n]+", expression):
            rewards.append(0.0)
            continue
        try:
            rewards.append(1.0 if eval(expression, {"__builtins__": {}}) == 24 else 0.0)
        except Exception:
            rewards.append(0.0)
    return rewards


def countdown_by_eval(completions, target, **kwargs):
    rewards = []
    for completion, goal in zip(completions, target):
        found = re.search(r"<answer>([^<]*)</answer>", text_of(completion))
        equation = found.group(1).strip() if found else ""
        if not equation or not re.match(r"^[\d+\-*/().\s]+$", equation):
            rewards.append(0.0)
            continue
        try:
            result = eval(equation, {"__builtins__": None}, {})
            rewards.append(1.0 if abs(float(result) - float(goal)) < 1e-5 else 0.0)
        except Exception:
            rewards.append(0.0)
    return rewards


def runs_the_block_here(completions, **kwargs):
    rewards = []
    for completion in completions:
        found = re.search(r"```python\n([^`]*)```", text_of(completion))
        try:
            exec(found.group(1) if found else "raise ValueError", {})
            rewards.append(1.0)
        except BaseException:
            rewards.append(0.0)
    return rewards


def runs_the_block_without_a_limit(completions, **kwargs):
    rewards = []
    for completion in completions:
        found = re.search(r"```python\n([^`]*)```", text_of(completion))
        if not found:
            rewards.append(0.0)
            continue
        program = found.group(1).encode("utf-8", "replace").decode()
        done = subprocess.run(
            [sys.executable, "-I", "-"], input=program, text=True, capture_output=True
        )
        rewards.append(float(done.returncode == 0))
    return rewards


# Threads and event loops --------------------------------------------------------------------------


def alarm_in_the_main_thread(completions, **kwargs):
    def expire(number, frame):
        raise TimeoutError

    rewards = []
    previous = signal.signal(signal.SIGALRM, expire)
    try:
        for completion in completions:
            signal.alarm(2)
            rewards.append(1.0 if re.search(r"\\boxed\{[^{}]*\}", text_of(completion)) else 0.0)
            signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, previous)
    return rewards


def timer_signal(completions, **kwargs):
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 2)
    rewards = [float(text_of(c).count("\n") < 30) for c in completions]
    signal.setitimer(signal.ITIMER_REAL, 0)
    return rewards


_limit = asyncio.Semaphore(2)


async def module_semaphore(completions, **kwargs):
    async def score(text):
        async with _limit:
            await asyncio.sleep(0)
            return min(len(text), 100) / 100

    return await asyncio.gather(*(score(text_of(c)) for c in completions))


_lock = asyncio.Lock()
_count = {"calls": 0}


async def module_lock(completions, **kwargs):
    async def score(text):
        async with _lock:
            _count["calls"] += 1
            await asyncio.sleep(0)
        return float("</think>" in text)

    return list(await asyncio.gather(*map(score, map(text_of, completions))))


def a_loop_of_its_own(completions, **kwargs):
    async def score(text):
        return float(len(text.split()) > 3)

    async def score_all():
        return await asyncio.gather(*(score(text_of(c)) for c in completions))

    loop = asyncio.get_event_loop()
    return loop.run_until_complete(score_all())


_scratch = []


def shared_scratch_list(completions, **kwargs):
    _scratch.clear()
    for completion in completions:
        _scratch.append(sum(ch.isupper() for ch in text_of(completion)))
    return [1.0 if n < 20 else 0.0 for n in list(_scratch)]


_local = threading.local()
_local.weight = 1.0


def thread_local_weight(completions, **kwargs):
    return [_local.weight * float("<answer>" in text_of(c)) for c in completions]


PLANTS = {
    "words_in_think": ("time", "nested repetition between think tags"),
    "words_in_answer": ("time", "nested repetition behind a literal tag"),
    "a_speaker_first": ("time", "nested repetition of a class of capital letters"),
    "thousands": ("time", "(\\d+,?)+ for a number with separators"),
    "a_list_of_links": ("time", "nested repetition in addresses"),
    "bullets": ("time", "a repeated line that matches nothing or all"),
    "title_case": ("time", "optional spaces between repeated words in a title"),
    "steps_then_answer": ("time", "nested repetition of lines before the answer"),
    "identifiers": ("time", "(word_?)+ for a function's name"),
    "blank_at_line_ends": ("time", "\\s+$ over white space within the text"),
    "lazy_blocks": ("time", "a lazy block after each of many opening tags"),
    "two_lazy_blocks": ("time", "two lazy blocks in one search"),
    "repeated_phrases": ("time", "list.count() for each phrase"),
    "similar_sentences": ("time", "each sentence compared with each other one"),
    "halves_alike": ("time", "difflib on the whole text"),
    "strips_one_character_at_a_time": ("time", "text = text[1:] in a loop"),
    "evaluates_anything": ("time", "eval() of digits and operators: powers of powers"),
    "countdown_by_eval": ("time", "eval() of an equation in the answer"),
    "runs_the_block_here": ("time", "exec() of a program that does not end"),
    "runs_the_block_without_a_limit": ("time", "subprocess.run without a timeout"),
    "alarm_in_the_main_thread": ("threads", "SIGALRM, which only the main thread may set"),
    "timer_signal": ("threads", "setitimer, which only the main thread may use"),
    "a_loop_of_its_own": ("threads", "get_event_loop().run_until_complete"),
    "shared_scratch_list": ("threads", "a module's list as scratch space"),
    "thread_local_weight": ("threads", "a threading.local set in the thread that imports"),
}
