"""Planted: rewards that change their arguments, read them in one form only, or do not pickle."""

import re
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


def strips_the_messages(completions, **kwargs):
    for completion in completions:
        if not isinstance(completion, str):
            for message in completion:
                if isinstance(message.get("content"), str):
                    message["content"] = message["content"].strip().lower()
    return [float(text_of(c).startswith("<think>")) for c in completions]


def strips_the_list(completions, **kwargs):
    for i, completion in enumerate(completions):
        completions[i] = text_of(completion).replace("<|im_end|>", "").strip()
    return [min(len(c), 80) / 80 for c in completions]


def sorts_the_answers(completions, answer, **kwargs):
    answer.sort(key=str)
    return [float(bool(text_of(c))) for c in completions]


def pops_as_it_goes(completions, **kwargs):
    rewards = []
    while completions:
        rewards.append(float("<answer>" in text_of(completions.pop(0))))
    return rewards


def appends_to_the_prompt(prompts, completions, **kwargs):
    for prompt, completion in zip(prompts, completions):
        if isinstance(prompt, list):
            prompt.append({"role": "assistant", "content": text_of(completion)})
    return [float(len(text_of(c)) > 5) for c in completions]


def first_message(completions, **kwargs):
    # of several turns, the first one is scored
    rewards = []
    for completion in completions:
        if isinstance(completion, str):
            text = completion
        else:
            text = (completion[0].get("content") or "") if completion else ""
            if isinstance(text, list):
                text = "".join(p.get("text") or "" for p in text)
        rewards.append(min(len(text), 60) / 60)
    return rewards


def text_of_the_repr(completions, **kwargs):
    return [min(len(str(c)), 300) / 300 for c in completions]


def joins_all_turns(completions, **kwargs):
    rewards = []
    for completion in completions:
        if isinstance(completion, str):
            text = completion
        else:
            parts = [m.get("content") or "" for m in completion]
            parts = [
                p if isinstance(p, str) else "".join(q.get("text") or "" for q in p) for p in parts
            ]
            text = " ".join(parts)
        rewards.append(1.0 if re.search(r"\d\s*$", text) else min(text.count("e"), 10) / 20)
    return rewards


def zero_for_messages(completions, **kwargs):
    # made for plain text: a list of messages silently earns nothing
    return [
        1.0 if isinstance(c, str) and c.rstrip().endswith((".", "}", ">")) else 0.0
        for c in completions
    ]


def make_reward(target):
    return lambda completions, **kwargs: [
        -abs(target - len(text_of(c))) / target for c in completions
    ]


near_forty = make_reward(40)


class Judge:
    """Scores under a lock, which does not pickle."""

    __name__ = "judge"

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, completions, **kwargs):
        with self.lock:
            return [min(len(text_of(c)), 10) / 10 for c in completions]


judge = Judge()


class KeepsTheFile:
    """Holds an open file."""

    __name__ = "keeps_the_file"

    def __init__(self):
        self.words = open(__file__, encoding="utf-8")

    def __call__(self, completions, **kwargs):
        return [float(len(text_of(c)) % 2) for c in completions]


keeps_the_file = KeepsTheFile()

PLANTS = {
    "strips_the_messages": ("inputs", "normalises the messages in place"),
    "strips_the_list": ("inputs", "writes into the list of completions"),
    "sorts_the_answers": ("inputs", "list.sort() on a column"),
    "pops_as_it_goes": ("inputs", "pops completions from the trainer's list"),
    "appends_to_the_prompt": ("inputs", "adds the completion to the prompt's messages"),
    "first_message": ("forms", "completion[0] of a rollout with several turns"),
    "text_of_the_repr": ("forms", "str() of a list of messages"),
    "joins_all_turns": ("forms", "tool results and users' turns are scored too"),
    "zero_for_messages": ("forms", "isinstance(c, str): messages earn nothing"),
    "near_forty": ("pickles", "a lambda from a factory"),
    "judge": ("pickles", "an object that holds a lock"),
    "keeps_the_file": ("pickles", "an object that holds an open file"),
}
