"""How fast the rewards are, as a ratio to the same rules written out by hand.

The five mended XML presets are called one by one, as TRL does, on chat completions made with a
fixed seed (300 to 1,500 characters, 30 % malformed), interleaved in one process with five functions
that apply the same rules with `re` and DOTALL, as people write them. The ratio is the median over
rounds.

    python benchmarks/throughput.py [--rows 4096] [--rounds 15] [--data FILE.jsonl] [--json FILE]

`--data` takes a JSONL file with a `completion` (text) and an `answer` a line.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from rewardkit import presets

Chat = list[dict[str, str]]
RIGHT, MALFORMED = 0.6, 0.3
TAGS = ("<reasoning>", "</reasoning>", "<answer>", "</answer>")
STRICT = r"<reasoning>\n(.*?)\n</reasoning>\n<answer>\n(.*?)\n</answer>\s*$"
SOFT = r"\s*<reasoning>(.*?)</reasoning>\s*<answer>(.*?)</answer>"
ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
NUMBER = re.compile(r"[-+]?\$?\d[\d,]*(?:\.\d+)?%?")


def texts(completions: list[Chat]) -> list[str]:
    """Return the completions' texts."""
    return [completion[0]["content"] for completion in completions]


def laid_out(pattern: str, text: str) -> bool:
    """Return whether a pattern matches, its parts hold something, and each tag occurs once."""
    match = re.match(pattern, text, re.DOTALL)
    if match is None or not all(part.strip() for part in match.groups()):
        return False
    return all(text.count(tag) == 1 for tag in TAGS)


def answer_of(text: str) -> str | None:
    """Return the only answer's text."""
    found = ANSWER.findall(text)
    return found[0].strip() if len(found) == 1 else None


def number_of(text: str | None) -> Fraction | None:
    """Return the number that a text is."""
    if text is None or not NUMBER.fullmatch(text):
        return None
    return Fraction(re.sub(r"[$,%]", "", text))


def by_hand_count(completions: list[Chat], **_: Any) -> list[float]:
    """Count the tags that stand once, less the tail."""
    values = []
    for text in texts(completions):
        value = 0.125 * sum(text.count(tag) == 1 for tag in TAGS)
        match = re.search(r"</answer>(.*)", text, re.DOTALL)
        values.append(max(0.0, value - 0.001 * len(match[1].strip())) if match else value)
    return values


def by_hand_soft(completions: list[Chat], **_: Any) -> list[float]:
    """Match the soft layout."""
    return [0.5 if laid_out(SOFT, text) else 0.0 for text in texts(completions)]


def by_hand_strict(completions: list[Chat], **_: Any) -> list[float]:
    """Match the strict layout."""
    return [0.5 if laid_out(STRICT, text) else 0.0 for text in texts(completions)]


def by_hand_int(completions: list[Chat], **_: Any) -> list[float]:
    """Ask whether the answer is an integer."""
    numbers = [number_of(answer_of(text)) for text in texts(completions)]
    return [0.5 if number is not None and number.denominator == 1 else 0.0 for number in numbers]


def by_hand_correct(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """Compare the answer by value."""
    rows = zip(texts(completions), answer, strict=True)
    return [2.0 if number_of(answer_of(text)) == number_of(right) else 0.0 for text, right in rows]


PAIRS: dict[str, tuple[Callable[..., list[float]], Any]] = {
    "xmlcount": (by_hand_count, presets.xmlcount_reward_func),
    "soft_format": (by_hand_soft, presets.soft_format_reward_func),
    "strict_format": (by_hand_strict, presets.strict_format_reward_func),
    "int": (by_hand_int, presets.int_reward_func),
    "correctness": (by_hand_correct, presets.correctness_reward_func),
}


def made(rows: int, seed: int = 3407) -> tuple[list[Chat], list[str]]:
    """Return chat completions and their references; 30 % of the completions are malformed."""
    rng = random.Random(seed)
    words = [
        "so",
        "we",
        "add",
        "the",
        "two",
        "numbers",
        "and",
        "then",
        "check",
        "that",
        "sum",
        "is",
    ]
    completions, answers = [], []
    for _ in range(rows):
        answer = str(rng.randint(0, 20_000))
        size = rng.randint(300, 1500)
        thought = ""
        while len(thought) < size - 60:
            thought += rng.choice(words) + rng.choice([" ", " ", " ", " ", ".\n"])
        given = answer if rng.random() < RIGHT else f"{rng.randint(0, 20_000):,}"
        text = f"<reasoning>\n{thought}\n</reasoning>\n<answer>\n{given}\n</answer>\n"
        if rng.random() < MALFORMED:
            broken = rng.choice(TAGS)
            text = rng.choice(
                [
                    text.replace(broken, "", 1),
                    text + f"{broken}\n{given}",
                    text + thought[:200],
                    thought,
                    text.replace(f"\n{given}\n", "\n\n"),
                ]
            )
        completions.append([{"role": "assistant", "content": text}])
        answers.append(answer)
    return completions, answers


def read(path: Path) -> tuple[list[Chat], list[str]]:
    """Return the completions and references of a JSONL file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    chat = [[{"role": "assistant", "content": row["completion"]}] for row in rows]
    return chat, [row["answer"] for row in rows]


def seconds(call: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> int:
    """Measure, print a table and the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    completions, answers = read(given.data) if given.data else made(given.rows)
    batch = {"prompts": completions, "completions": completions, "answer": answers}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PAIRS}
    for _ in range(given.rounds):
        for name, (by_hand, preset) in PAIRS.items():
            one = seconds(lambda f=by_hand: f(**batch))  # type: ignore[misc]
            two = seconds(lambda f=preset: f(**batch))  # type: ignore[misc]
            times[name].append((one, two))
    figures: dict[str, Any] = {}
    times["all five"] = [
        (sum(one for one, _ in turn), sum(two for _, two in turn))
        for turn in zip(*times.values(), strict=True)
    ]
    for name, pairs in times.items():
        figures[name] = {
            "by_hand_s": statistics.median(one for one, _ in pairs),
            "rewardkit_s": statistics.median(two for _, two in pairs),
            "ratio": statistics.median(two / one for one, two in pairs),
        }
    print(f"{len(completions)} completions, {given.rounds} rounds, Python {sys.version.split()[0]}")
    print(f"{'':14}{'by hand':>12}{'rewardkit':>12}{'ratio':>8}")
    for name, row in figures.items():
        print(
            f"{name:14}{row['by_hand_s'] * 1e3:9.1f} ms{row['rewardkit_s'] * 1e3:9.1f} ms"
            f"{row['ratio']:8.2f}"
        )
    text = json.dumps({"rows": len(completions), "rounds": given.rounds, "figures": figures})
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
