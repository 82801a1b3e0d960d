"""The rewards of public GRPO notebooks and recipes, written afresh in their published behaviour."""

import json
import math
import re
import string
from collections import Counter
from difflib import SequenceMatcher

import rewardkit.presets.published as published


def content(completion):
    """Return the text of a completion, as most notebooks read it."""
    return completion if isinstance(completion, str) else completion[0]["content"]


def last_answer(text):
    return text.split("<answer>")[-1].split("</answer>")[0].strip()


# 1: GSM8K with reasoning and answer tags; 2: DAPO with think tags; 3: reasoning in Indonesian ------

xmlcount_reward_func = published.xmlcount_reward_func
soft_format_reward_func = published.soft_format_reward_func
strict_format_reward_func = published.strict_format_reward_func
int_reward_func = published.int_reward_func
correctness_reward_func = published.correctness_reward_func
match_format_exactly = published.match_format_exactly
match_format_approximately = published.match_format_approximately
check_answer = published.check_answer
check_numbers = published.check_numbers


# 4: the quick start of TRL ------------------------------------------------------------------------


def unique_letters(completions, **kwargs):
    return [float(len(set(content(c)))) for c in completions]


def reward_len(completions, **kwargs):
    return [-float(abs(50 - len(content(c)))) for c in completions]


# 5: open-r1 ---------------------------------------------------------------------------------------


def r1_format(completions, **kwargs):
    pattern = r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$"
    return [
        1.0 if re.match(pattern, content(c), re.DOTALL | re.MULTILINE) else 0.0 for c in completions
    ]


def r1_tags(completions, **kwargs):
    tags = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
    return [sum(0.25 for tag in tags if content(c).count(tag) == 1) for c in completions]


def r1_steps(completions, **kwargs):
    pattern = r"(Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)"
    return [min(1.0, len(re.findall(pattern, content(c))) / 3) for c in completions]


# 6: Countdown -------------------------------------------------------------------------------------


def countdown_format(completions, **kwargs):
    rewards = []
    for completion in completions:
        found = re.search(
            r"^<think>([^<]*(?:<(?!/?think>)[^<]*)*)</think>\n<answer>([\s\S]*?)</answer>$",
            content(completion),
        )
        rewards.append(1.0 if found else 0.0)
    return rewards


def countdown_equation(completions, target, nums, **kwargs):
    rewards = []
    for completion, goal, numbers in zip(completions, target, nums):
        found = re.search(r"<answer>(.*?)</answer>", content(completion))
        equation = found.group(1).strip() if found else ""
        used = [int(n) for n in re.findall(r"\d+", equation)[:50] if len(n) < 9]
        if sorted(used) != sorted(numbers) or not re.match(r"^[\d+\-*/().\s]+$", equation):
            rewards.append(0.0)
            continue
        try:
            result = eval(equation, {"__builtins__": None}, {}) if "**" not in equation else None
            rewards.append(1.0 if abs(float(result) - float(goal)) < 1e-5 else 0.0)
        except Exception:
            rewards.append(0.0)
    return rewards


# 7: working out and solution tags -----------------------------------------------------------------

SOLUTION = re.compile(
    r"^[\s]{0,}<start_working_out>.+?<end_working_out>.*?<SOLUTION>(.+?)</SOLUTION>[\s]{0,}$",
    re.MULTILINE | re.DOTALL,
)


def solution_format(completions, **kwargs):
    return [3.0 if SOLUTION.search(content(c)) else 0.0 for c in completions]


def solution_tags(completions, **kwargs):
    tags = ("<start_working_out>", "<end_working_out>", "<SOLUTION>", "</SOLUTION>")
    return [sum(0.5 if content(c).count(tag) == 1 else -0.5 for tag in tags) for c in completions]


def solution_answer(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = SOLUTION.search(content(completion))
        if not found:
            rewards.append(0.0)
        elif found.group(1) == gold:
            rewards.append(3.0)
        elif found.group(1).strip() == gold.strip():
            rewards.append(1.5)
        else:
            try:
                ratio = float(found.group(1)) / float(gold)
                rewards.append(
                    0.5 if 0.9 <= ratio <= 1.1 else 0.25 if 0.8 <= ratio <= 1.2 else -1.0
                )
            except (ValueError, ZeroDivisionError):
                rewards.append(-0.5)
    return rewards


def solution_numbers(completions, answer, **kwargs):
    found = [re.search(r"<SOLUTION>.*?([\d.]+)", content(c)) for c in completions]
    rewards = []
    for match, gold in zip(found, answer):
        try:
            rewards.append(1.5 if match and float(match.group(1)) == float(gold) else 0.0)
        except ValueError:
            rewards.append(0.0)
    return rewards


# 8: a competition's mathematics in a box, with a thought ------------------------------------------


def think_then_box(completions, **kwargs):
    pattern = r"^<think>.*?</think>.*?\\boxed\{.*?\}.*?$"
    return [1.0 if re.match(pattern, content(c), re.DOTALL) else 0.0 for c in completions]


def box_equals(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = re.findall(r"\\boxed\{([^{}]*)\}", content(completion))
        rewards.append(1.0 if found and found[-1].strip() == gold.strip() else 0.0)
    return rewards


# 9: GSM8K with four hashes ------------------------------------------------------------------------


def hashes_strict(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = re.findall(r"#### (\-?[0-9\.\,]+)", content(completion)[-300:])
        guess = found[-1].replace(",", "").replace("$", "") if found else None
        rewards.append(1.0 if guess == gold else 0.1 if guess is not None else 0.0)
    return rewards


# 10: knights and knaves ---------------------------------------------------------------------------


def knights_format(completions, **kwargs):
    tags = ("<think>", "</think>", "<answer>", "</answer>")
    rewards = []
    for completion in completions:
        text = content(completion)
        at = [text.find(tag) for tag in tags]
        right = all(text.count(tag) == 1 for tag in tags) and at == sorted(at)
        rewards.append(1.0 if right else -1.0)
    return rewards


def knights_answer(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = re.findall(r"<answer>(.*?)</answer>", content(completion), re.DOTALL)
        if not found:
            rewards.append(-2.0)
        else:
            same = found[-1].strip().lower() == gold.lower()
            rewards.append(2.0 if same else -1.5)
    return rewards


# 11: counting in pictures -------------------------------------------------------------------------


def counting_accuracy(completions, solution, **kwargs):
    rewards = []
    for completion, gold in zip(completions, solution):
        found = re.search(r"<answer>(.*?)</answer>", content(completion))
        guess = found.group(1).strip() if found else content(completion).strip()
        rewards.append(1.0 if guess == gold else 0.0)
    return rewards


def counting_format(completions, **kwargs):
    pattern = r"<think>.*?</think>\s*<answer>.*?</answer>"
    return [1.0 if re.fullmatch(pattern, content(c), re.DOTALL) else 0.0 for c in completions]


# 12: search and answer ----------------------------------------------------------------------------


def squash(text):
    text = "".join(ch for ch in text.lower() if ch not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def search_exact_match(completions, golden_answers, **kwargs):
    rewards = []
    for completion, golds in zip(completions, golden_answers):
        found = re.findall(r"<answer>(.*?)</answer>", content(completion), re.DOTALL)
        right = found and squash(found[-1]) in {squash(gold) for gold in golds}
        rewards.append(1.0 if right else 0.0)
    return rewards


# 13: multiple choice ------------------------------------------------------------------------------


def choice_accuracy(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = re.search(r"Answer:\s*\(?([A-E])", content(completion))
        rewards.append(1.0 if found and found.group(1) == gold else 0.0)
    return rewards


# 14: extraction as JSON ---------------------------------------------------------------------------


def json_fields(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        text = content(completion).strip().removeprefix("```json").removesuffix("```")
        try:
            guess, want = json.loads(text), json.loads(gold)
            rewards.append(sum(guess.get(k) == v for k, v in want.items()) / len(want))
        except (ValueError, AttributeError, RecursionError):
            rewards.append(0.0)
    return rewards


# 15: queries in SQL -------------------------------------------------------------------------------


def sql_block(completions, **kwargs):
    return [
        0.5 if re.search(r"```sql\n.*?\n```", content(c), re.DOTALL) else 0.0 for c in completions
    ]


def sql_same(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        found = re.findall(r"```sql\n(.*?)\n```", content(completion), re.DOTALL)
        guess = " ".join(found[-1].lower().replace(";", "").split()) if found else ""
        rewards.append(1.0 if guess == " ".join(gold.lower().replace(";", "").split()) else 0.0)
    return rewards


# 16: summaries ------------------------------------------------------------------------------------


def summary_overlap(completions, answer, **kwargs):
    rewards = []
    for completion, gold in zip(completions, answer):
        guess, want = content(completion).lower().split(), gold.lower().split()
        shared = sum((Counter(guess) & Counter(want)).values())
        rewards.append(2 * shared / (len(guess) + len(want)) if guess and want else 0.0)
    return rewards


def summary_length(completions, **kwargs):
    return [math.exp(-abs(len(content(c).split()) - 12) / 12) for c in completions]


# 17: letters in a word, and texts restored -------------------------------------------------------


def spelling_count(completions, counts, **kwargs):
    found = [re.search(r"<answer>\s*(\d{1,4})\s*</answer>", content(c)) for c in completions]
    return [1.0 if m and int(m.group(1)) == int(n) else 0.0 for m, n in zip(found, counts)]


def restored_text(completions, answer, **kwargs):
    pairs = zip(completions, answer)
    return [
        round(SequenceMatcher(None, last_answer(content(c))[:200], a).ratio(), 3) for c, a in pairs
    ]


XML = "<reasoning>\nI add them up.\nThen I check it.\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
XML_LINE = "<reasoning>I add them up.</reasoning> <answer>{answer}</answer>"
THINK = "<think>I add them up and check it.</think>{answer}"
BLOCKS = "<think>\nI add them up and check it.\n</think>\n<answer>\n{answer}\n</answer>"
BLOCKS_LINE = "<think>I add them up and check it.</think>\n<answer>{answer}</answer>"
SOLVED = "<start_working_out>I add them up.<end_working_out><SOLUTION>{answer}</SOLUTION>"
NUMBERS = [
    {"prompt": "What is 6 times 7?", "answer": "42"},
    {"prompt": "What is 100 less 15?", "answer": "85"},
    {"prompt": "What is 12 squared?", "answer": "144"},
    {"prompt": "How many days have 9 weeks?", "answer": "63"},
]
COUNTS = [
    {"prompt": "How many r are in strawberry?", "counts": 3, "answer": "3"},
    {"prompt": "How many e are in excellence?", "counts": 4, "answer": "4"},
    {"prompt": "How many s are in success?", "counts": 3, "answer": "3"},
]
GAMES = [
    {"prompt": "Make 24 of 4, 6.", "target": 24, "nums": [4, 6], "answer": "4 * 6"},
    {"prompt": "Make 30 of 5, 7, 5.", "target": 30, "nums": [5, 7, 5], "answer": "5 * 7 - 5"},
    {"prompt": "Make 13 of 3, 10.", "target": 13, "nums": [3, 10], "answer": "3 + 10"},
]
KNIGHTS = [
    {"prompt": "Ann says that Bo lies. Bo says nothing.", "answer": "Ann is a knight"},
    {"prompt": "Cy says that he lies sometimes.", "answer": "Cy is a knave"},
    {"prompt": "Dee says that 2 is even.", "answer": "Dee is a knight"},
]
CAPITALS = [
    {"prompt": "What is the capital of Peru?", "golden_answers": ["Lima"], "answer": "Lima"},
    {"prompt": "What is the capital of Kenya?", "golden_answers": ["Nairobi"], "answer": "Nairobi"},
    {
        "prompt": "What is the capital of Chile?",
        "golden_answers": ["Santiago"],
        "answer": "Santiago",
    },
]
LETTERS = [
    {"prompt": "Which is a metal?\nA) oxygen\nB) iron\nC) neon\nD) helium", "answer": "B"},
    {"prompt": "Which is a gas?\nA) gold\nB) iron\nC) salt\nD) neon", "answer": "D"},
    {"prompt": "Which is a bird?\nA) wren\nB) carp\nC) newt\nD) wasp", "answer": "A"},
]
OBJECTS = [
    {"prompt": "Ann is 31. JSON with name, age.", "answer": '{"name": "Ann", "age": 31}'},
    {"prompt": "Bo is 45. JSON with name, age.", "answer": '{"name": "Bo", "age": 45}'},
    {"prompt": "Cy is 27. JSON with name, age.", "answer": '{"name": "Cy", "age": 27}'},
]
QUERIES = [
    {"prompt": "All names of users, in SQL.", "answer": "SELECT name FROM users"},
    {"prompt": "How many orders are there, in SQL?", "answer": "SELECT COUNT(*) FROM orders"},
    {"prompt": "The ages of all pets, in SQL.", "answer": "SELECT age FROM pets"},
]
SUMMARIES = [
    {
        "prompt": "Summarise: after a long debate on Monday the council of the town voted for a bridge.",
        "answer": "The town's council voted for a new bridge over the river on Monday",
    },
    {
        "prompt": "Summarise: the museum, shut for two years, opens its doors again in May.",
        "answer": "The museum opens again in May after two years of being shut",
    },
]

# number: (rewards as (name, what it is about), rows, the template of a valid completion)
SETS = {
    "gsm8k xml": (
        [("xmlcount_reward_func", "layout"), ("strict_format_reward_func", "layout")]
        + [("int_reward_func", "other"), ("correctness_reward_func", "answer")],
        NUMBERS,
        "<reasoning>\nI add them up.\n</reasoning>\n<answer>\n{answer}\n</answer>\n",
    ),
    "gsm8k xml on one line": (
        [("soft_format_reward_func", "layout"), ("correctness_reward_func", "answer")],
        NUMBERS,
        XML_LINE,
    ),
    "dapo think": (
        [("match_format_exactly", "layout"), ("match_format_approximately", "layout")]
        + [("check_answer", "answer"), ("check_numbers", "answer")],
        NUMBERS,
        THINK,
    ),
    "quick start": ([("unique_letters", "other"), ("reward_len", "other")], NUMBERS, "{answer}"),
    "open-r1": (
        [("r1_format", "layout"), ("r1_tags", "layout"), ("r1_steps", "other")],
        NUMBERS,
        BLOCKS,
    ),
    "countdown": (
        [("countdown_format", "layout"), ("countdown_equation", "answer")],
        GAMES,
        BLOCKS_LINE,
    ),
    "working out": (
        [("solution_format", "layout"), ("solution_tags", "layout")]
        + [("solution_answer", "answer"), ("solution_numbers", "answer")],
        NUMBERS,
        SOLVED,
    ),
    "think and box": (
        [("think_then_box", "layout"), ("box_equals", "answer")],
        NUMBERS,
        "<think>I add them up and check it.</think>\nThe result is \\boxed{{answer}}.",
    ),
    "four hashes": (
        [("hashes_strict", "answer")],
        NUMBERS,
        "I add them up and check it.\n#### {answer}",
    ),
    "knights and knaves": (
        [("knights_format", "layout"), ("knights_answer", "answer")],
        KNIGHTS,
        BLOCKS,
    ),
    "counting": (
        [("counting_accuracy", "answer"), ("counting_format", "layout")],
        [{**row, "solution": row["answer"]} for row in NUMBERS],
        BLOCKS_LINE,
    ),
    "search": ([("search_exact_match", "answer")], CAPITALS, BLOCKS),
    "multiple choice": (
        [("choice_accuracy", "answer")],
        LETTERS,
        "I compare them all.\nAnswer: {answer}",
    ),
    "json": ([("json_fields", "answer")], OBJECTS, "{answer}"),
    "sql": (
        [("sql_block", "layout"), ("sql_same", "answer")],
        QUERIES,
        "I read one table.\n```sql\n{answer}\n```",
    ),
    "summaries": (
        [("summary_overlap", "answer"), ("summary_length", "other")],
        SUMMARIES,
        "{answer}",
    ),
    "spelling": (
        [("spelling_count", "answer"), ("restored_text", "answer")],
        COUNTS,
        BLOCKS_LINE,
    ),
}
