"""Generated rows in the format of scored files, and report pages of them."""

from __future__ import annotations

import base64
import json
import random
import re
import zlib
from pathlib import Path
from typing import Any

from rewardkit.report import report

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<svg onload=window.hacked=1><!--",
    "\u202etxt.exe\u2066 and \u200bnothing\u200b \u3164",
    "\x00\x07\x1b[31mred\x85",
    "{{ 7 * 7 }}{% raw %}",
    "</title></style><a href='https://example.com'>here</a>",
    "\ud800 alone",
    "\U0001f600" * 40,
    "a" * 60_000 + "<answer>end</answer>",
    "<answer></answer>",
    "",
]


def scored(completion: Any, prompt: Any = "What is 2 + 2?", **values: Any) -> dict[str, Any]:
    """Return a row of a scored file: `right=1.0` becomes the column rewards/right."""
    columns = {name: values.pop(name) for name in ("step", "reward", "answer") if name in values}
    rewards = {f"rewards/{name.replace('__', '/')}": value for name, value in values.items()}
    return {"prompt": prompt, "completion": completion, **columns, **rewards}


def write(folder: Path, rows: list[dict[str, Any]], name: str = "scored.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - made rows hold no secrets


def made(count: int, *, steps: int = 1, size: int = 8) -> list[dict[str, Any]]:
    """Return groups of completions with three rewards, one of which abstains on some rows."""
    dice = seeded(7)
    rows = []
    for row in range(count):
        group = row // size
        a, b = 2 + group % 50, 3 + group % 7
        right = dice.random() < 0.5
        words = " ".join(dice.choice(["so", "then", "we", "add", "carry"]) for _ in range(12))
        rows.append(
            scored(
                f"<think>{words} {row}</think>\n<answer>{a + b + (not right)}</answer>",
                [{"role": "user", "content": f"What is {a} + {b}, number {group}?"}],
                step=10 * (1 + group * steps // (1 + count // size)),
                answer=str(a + b),
                right=float(right),
                right__why="correct" if right else "wrong",
                length=-round(dice.random(), 3),
                length__why=f"{row} characters",
                seldom=None if row % 3 else dice.choice([0.0, 0.5]),
            )
        )
    return rows


def unpacked(page: str, name: str) -> str:
    found = re.search(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]*)</script>', page)
    assert found is not None
    return zlib.decompress(base64.b64decode(found[1]), -15).decode()


def texts_in(page: str) -> dict[int, dict[str, Any]]:
    items = [json.loads(line) for line in unpacked(page, "texts").split("\n") if line]
    return {item["r"]: item for item in items if "r" in item}


def hostile_rows() -> list[dict[str, Any]]:
    return [
        {
            "completion": text,
            "prompt": text,
            "rewards/<b onclick=x>&\u202e": 1.0 * (index % 3),
            "rewards/<b onclick=x>&\u202e/why": text[:200],
            "rewards/r": float(index),
            "</dd><script>": text[:100],
        }
        for index, text in enumerate(HOSTILE * 2)
    ]


def unbroken_rows(characters: int) -> list[dict[str, Any]]:
    """Return rows whose every text is one run of letters; a Thai one takes a browser longest."""
    run = "\u0e01" * characters
    return [
        {
            "completion": run,
            f"rewards/{run}": float(index % 2),
            f"rewards/{run}/why": run,
            "rewards/abstains": None,
            "rewards/abstains/why": run,
            run: run,
        }
        for index in range(8)
    ]


def hostile_page(folder: Path) -> Path:
    page = folder / "hostile.html"
    report(write(folder, hostile_rows()), page, title="</title><script>alert(1)</script>\u202e")
    return page
