from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROWS = [
    {"response": "<answer>4</answer>", "answer": "4"},
    {"response": "four", "answer": "4"},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with completions and rewards in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "in.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "two.yaml").write_text("- xml_soft\n- type: length\n  target: 4\n", "utf-8")
    code = "import rewardkit as rk\nboth = [rk.build('xml_soft'), rk.build('xml_count')]\n"
    code += "def four(completions, **_):\n    return [float('4' in text) for text in completions]\n"
    code += "number = 4\n"
    (tmp_path / "own_rewards.py").write_text(code, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("own_rewards", None)
