"""What a repository's own tests say of its rewards: `pytest test_rewards.py`."""

from __future__ import annotations

import json
from pathlib import Path

import rewards
from rewardkit.audit import audit, preflight

LAYOUT = "<think>\nI add them up.\n</think>\n<answer>\n{answer}\n</answer>"
LINES = Path(__file__).with_name("rows.jsonl").read_text(encoding="utf-8").splitlines()
ROWS = [json.loads(line) for line in LINES][:3]  # the last has no number for an answer


def test_no_degenerate_completion_pays() -> None:
    """Say which does, with what it earned: an audit prints as a list."""
    found = audit(rewards.mended, ROWS, wrap=LAYOUT)
    assert not found.findings, str(found)


def test_perfect_completions_earn_the_maximum() -> None:
    """Say of which row the perfect completion falls short."""
    found = preflight(rewards.mended, ROWS, wrap=LAYOUT)
    assert not found.problems, str(found)
