"""Measure how the time of every built-in reward grows with the length of hostile texts.

For each reward and each shape of text, it measures the time for the longer text, and its ratio to
the time for half of it. A ratio of 2 is linear. The prompt and the tokens have the same shape, and
rewards that compare completions get two of them.

    python benchmarks/scaling.py [--size 1000000] [--most 2.5] [--json FILE]

`--size` is the number of characters in the longer text. The ratio is the median of three runs. If
it is above `--most`, it is the ratio of the minimum times of nine runs, since other load on the
machine only adds time. The exit code is 1 if that ratio is also above `--most` and the time is
above a millisecond.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rewardkit as rk

SHORT = 1e-3
"""What takes fewer seconds is not judged."""
UNITS = {
    "one tag": "<answer>",
    "opened tags": "<reasoning><answer>",
    "closed pairs": "<answer></answer>",
    "closing tags": "</reasoning> <answer>",
    "think blocks": "<think>a</think>",
    "white space": " ",
    "newlines": "\n",
    "digits": "7",
    "numbers": "1 ",
    "commas": "1,",
    "minus signs": "- ",
    "letters": "a",
    "words": "so ",
    "list markers": "- a\n",
    "numbered list": "1. a\n",
    "boxes": "\\boxed{",
    "braces": "{}",
    "dollars": "$a",
    "backticks": "`a",
    "angles": "<a",
    "tool calls": '<tool_call>{"name": "f", "arguments": {}}</tool_call>',
    "opened calls": "<tool_call>{",
    "harmony calls": "to=functions.f<|message|>{",
    "zero width": "\u200b",
    "functions": "\\ln x ",
    "sums of functions": "\\sin x + ",
    "Chinese": "我数苹果",
    "many words": " ".join(f"w{number}" for number in range(150_000)) + " ",
}
OPENED = {
    "words in a fence": ("```\n", "so "),
    "words in backticks": ("`", "so "),
    "words in dollars": ("$$", "so "),
    "words in brackets": ("\\[", "so "),
    "words in a thought": ("<think>", "so "),
    "Chinese in a fence": ("```\n", "我数"),
}
"""The same where something comes first, once."""
SHAPES: dict[str, tuple[str, str]] = {name: ("", unit) for name, unit in UNITS.items()} | OPENED
ANYWHERE = {"type": "last_number", "only": True}
NO_ENDPOINT = {
    "model": "none",
    "base_url": "http://127.0.0.1:1/v1",  # no server listens here
    "api_key_env": None,
    "retries": 0,
}
FIELDS: dict[str, list[dict[str, Any]]] = {
    "xml_strict": [{}, {"as_published": True}],
    "xml_soft": [{}, {"opened_in_prompt": True}, {"as_published": True}],
    "xml_count": [{}, {"opened_in_prompt": True}, {"as_published": True}],
    "tag_count": [{}, {"tags": ["think"], "answer_after": True, "opened_in_prompt": True}],
    "think_format": [{}, {"tags": ["think", "answer"]}, {"opened_in_prompt": True}],
    "correct": [
        {"verifier": "number", "extractor": ANYWHERE},
        {"verifier": "math", "extractor": "whole"},
        {"verifier": {"type": "same_call", "allow_empty": True}, "extractor": "tool_call"},
        {"verifier": "math", "extractor": {"type": "tag", "opened_in_prompt": True}},
    ],
    "cosine_length": [{"verifier": "exact", "extractor": "boxed"}],
    "kimi_length": [{"verifier": "exact", "extractor": "boxed"}],
    "judge": [
        {
            "criteria": {"clear": {"ask": "Is it clear?", "choices": {"no": 0, "yes": 1}}},
            **NO_ENDPOINT,
        }
    ],
    "relative_judge": [NO_ENDPOINT],
    "reward_model": [NO_ENDPOINT],
    "length": [{"target": 100, "unit": "words"}],
    "overlong": [{"max_tokens": 100, "cache_tokens": 50}],
    "repetition": [{}, {"unit": "tokens"}],
    "regex_match": [{"pattern": "<answer>[^<]+</answer>"}],
    "language": [{"scores": {"id": 1.0}}, {"target": "id", "candidates": ["en", "id", "zh"]}],
    "linear": [{"terms": ["xml_count", "tag_count"]}],
    "product": [{"terms": ["xml_soft", "think_format"]}],
    "where": [{"reward": "xml_strict", "column": "answer", "equals": "42"}],
    "schedule": [{"reward": "ratio_match", "points": [[0, 1.0]]}],
    "guard": [{"reward": {"type": "correct", "verifier": "contains", "extractor": "choice"}}],
    "clip": [{"reward": "reasoning_steps"}],
    "relative": [{"reward": "reasoning_steps"}],
    "standardize": [{"reward": "reasoning_steps"}],
    "difficulty": [{"reward": "reasoning_steps"}],
    "best_of": [{"reward": "reasoning_steps"}],
    "turn": [{"reward": "reasoning_steps"}],
}
"""The fields of those that need some; several where the work differs."""
COMPARED = ("diversity", "prompt_overlap", "relative_judge")
"""The rewards that get two completions of one prompt."""


def rewards() -> Iterator[tuple[rk.Reward, int]]:
    """Yield every built-in reward with the number of completions it gets.

    `reward_model` is left out, since it needs a model.
    """
    for name in rk.names("reward"):
        if "/" not in name and name != "reward_model":  # plugins' names have a prefix
            for fields in FIELDS.get(name, [{}]):
                yield rk.build(name, **fields), 2 if name in COMPARED else 1


def seconds(reward: rk.Reward, text: str, rows: int) -> float:
    """Measure a reward on one text, or on several completions of one prompt."""
    ids = list(map(ord, text[::4]))
    texts = [text] * rows
    start = time.perf_counter()
    reward(prompts=texts, completions=texts, completion_ids=[ids] * rows, answer=["42"] * rows)
    return time.perf_counter() - start


def measure(
    reward: rk.Reward, rows: int, shape: tuple[str, str], size: int, most: float
) -> tuple[float, float]:
    """Return the time for the whole size, and its ratio to the time for half of it."""
    first, unit = shape
    parts = [(first + unit * (part // len(unit) + 1))[:part] for part in (size // 2, size)]

    def tried(tries: int) -> list[tuple[float, float]]:
        return [
            (seconds(reward, parts[0], rows), seconds(reward, parts[1], rows)) for _ in range(tries)
        ]

    times = tried(3)
    took = statistics.median(whole for _, whole in times)
    ratio = statistics.median(whole / half for half, whole in times)
    if ratio <= most or took <= SHORT:
        return took, ratio
    halves, wholes = zip(*tried(9), strict=True)
    return min(wholes), min(wholes) / min(halves)


def main() -> int:
    """Measure all rewards, print one line per reward, and list those that are not linear."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=1_000_000, help="characters in the longer text")
    parser.add_argument("--most", type=float, default=2.5, help="maximum ratio of the times")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    logging.disable()  # judge would log each refused connection
    figures: dict[str, dict[str, dict[str, float]]] = {}
    failed, skipped = [], []
    print(f"{'reward':72}{'slowest shape':>16}{'seconds':>9}{'worst ratio':>13}")
    for reward, rows in rewards():
        name = reward.__name__
        try:
            seconds(reward, "warm up", rows)
        except ImportError as error:
            skipped.append(f"skipped: {name}: {error}")
            continue
        figures[name] = {}
        for shape, text in SHAPES.items():
            took, ratio = measure(reward, rows, text, given.size, given.most)
            figures[name][shape] = {"seconds": took, "ratio": ratio}
            if ratio > given.most and took > SHORT:
                failed.append(f"{name} on {shape}: {took:.3f} s, {ratio:.2f} times that for half")
        slow = max(figures[name], key=lambda shape: figures[name][shape]["seconds"])
        long = [row["ratio"] for row in figures[name].values() if row["seconds"] > SHORT] or [0.0]
        took = figures[name][slow]["seconds"]
        print(f"{name:72.72}{slow:>16}{took:9.3f}{max(long):13.2f}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print(*skipped, sep="\n", end="\n" if skipped else "")
    print("\n".join(failed) or f"All linear: none above {given.most} on {len(SHAPES)} shapes.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
