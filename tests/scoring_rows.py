"""Rows for the tests of scoring, and functions that write and read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rewardkit._files.source import Source

LAID_OUT = "<reasoning>\n2 + 2\n</reasoning>\n<answer>\n4\n</answer>"
ROWS = [
    {"prompt": f"{number}?", "completion": text, "answer": answer}
    for number, (text, answer) in enumerate(
        [
            (LAID_OUT, "4"),
            ("<answer>4</answer> Hm", "5"),
            ("²\u2028 and\n" * 9, "4"),
            ("", "4"),
            (LAID_OUT + "?" * 700, "4.0"),
        ]
        * 7
    )
]
SUFFIXES = [".jsonl", ".parquet"]


def write_rows(folder: Path, rows: list[dict[str, Any]], name: str = "in.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [*Source.resolve(path).rows()]
