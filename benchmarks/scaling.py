"""How the time grows with the length, for every built-in reward and hostile shape of text.

For each it prints the time for the longer text, and its ratio to that for half of it: 2 is linear.

    python benchmarks/scaling.py [--size 1000000] [--most 2.5] [--json FILE]

`--size` is the longer text's length in characters. The exit code is 1 where a ratio above `--most`
was found three times in a row for something that takes longer than a millisecond.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import rewardkit as rk

SHORT = 1e-3
"""What takes fewer seconds is not judged."""
SHAPES = {
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
    "zero width": "\u200b",
    "Chinese": "我数苹果",
}
FIELDS: dict[str, dict[str, Any]] = {
    "correct": {"verifier": "number", "extractor": {"type": "last_number", "only": True}},
    "cosine_length": {"verifier": "exact", "extractor": "boxed"},
    "judge": {
        "criteria": {"clear": {"ask": "Is it clear?", "choices": {"no": 0, "yes": 1}}},
        "model": "none",
        "base_url": "http://127.0.0.1:1/v1",  # where nobody listens
        "api_key_env": None,
        "retries": 0,
    },
    "length": {"target": 100, "unit": "words"},
    "overlong": {"max_tokens": 100, "cache_tokens": 50},
    "regex_match": {"pattern": "<answer>[^<]+</answer>"},
    "language": {"scores": {"id": 1.0}},
    "linear": {"terms": ["xml_count", "tag_count"]},
    "product": {"terms": ["xml_soft", "think_format"]},
    "where": {"reward": "xml_strict", "column": "answer", "equals": "42"},
    "schedule": {"reward": "ratio_match", "points": [[0, 1.0]]},
    "guard": {"reward": {"type": "correct", "verifier": "contains", "extractor": "choice"}},
    "clip": {"reward": {"type": "correct", "verifier": "math", "extractor": "whole"}},
}


def rewards() -> list[rk.Reward]:
    """Return one of every built-in reward, and the XML ones as published too."""
    built = [
        rk.build(name, **FIELDS.get(name, {})) for name in rk.names("reward") if "/" not in name
    ]
    published = [rk.build(f"xml_{rule}", as_published=True) for rule in ("strict", "soft", "count")]
    return [*built, *published]


def seconds(reward: rk.Reward, text: str) -> float:
    """Return the least of three times that a reward takes for one text."""
    times = []
    ids = [[7] * (len(text) // 4)]
    for _ in range(3):
        start = time.perf_counter()
        reward(prompts=["Add."], completions=[text], completion_ids=ids, answer=["42"])
        times.append(time.perf_counter() - start)
    return min(times)


def measure(reward: rk.Reward, unit: str, size: int, most: float) -> tuple[float, float]:
    """Return the time for the whole size and its ratio to half of it, the least of three tries."""
    best = (0.0, float("inf"))
    for _ in range(3):
        half, whole = (seconds(reward, unit * (part // len(unit))) for part in (size // 2, size))
        best = min(best, (whole, whole / half), key=lambda pair: pair[1])
        if best[1] <= most:
            break
    return best


def main() -> int:
    """Measure everything, print a line for each reward, and say what is not linear."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--most", type=float, default=2.5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    logging.disable()  # judge would say each time that nobody listens
    figures: dict[str, dict[str, dict[str, float]]] = {}
    failed = []
    print(f"{'reward':44}{'slowest shape':>16}{'seconds':>9}{'worst ratio':>13}")
    for reward in rewards():
        name = reward.__name__
        seconds(reward, "warm up")
        figures[name] = {}
        for shape, unit in SHAPES.items():
            took, ratio = measure(reward, unit, given.size, given.most)
            figures[name][shape] = {"seconds": took, "ratio": ratio}
            if ratio > given.most and took > SHORT:
                failed.append(f"{name} on {shape}: {took:.3f} s, {ratio:.2f} times that for half")
        slow = max(figures[name], key=lambda shape: figures[name][shape]["seconds"])
        long = [row["ratio"] for row in figures[name].values() if row["seconds"] > SHORT] or [0.0]
        print(
            f"{name:44}{slow:>16}{figures[name][slow]['seconds']:9.3f}{max(long):13.2f}", flush=True
        )
    if given.json:
        given.json.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print("\n".join(failed) or f"All linear: none above {given.most} on {len(SHAPES)} shapes.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
