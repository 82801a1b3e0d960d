"""Tests of a repository's own rewards: `pytest test_rewards.py`."""

from __future__ import annotations

import json
from pathlib import Path

import rewards
from rewardkit.audit import audit, preflight

TEMPLATE = "<think>\nI add them up.\n</think>\n<answer>\n{answer}\n</answer>"
LINES = Path(__file__).with_name("rows.jsonl").read_text(encoding="utf-8").splitlines()
ROWS = [json.loads(line) for line in LINES][:3]  # the answer of the last is not a number


def test_no_degenerate_completion_is_rewarded() -> None:
    """An audit prints as a list of the completions that are, with what they earned."""
    found = audit(rewards.fixed, ROWS, template=TEMPLATE)
    assert not found.findings, str(found)


def test_perfect_completions_earn_the_maximum() -> None:
    """A preflight prints the first row whose perfect completion does not."""
    found = preflight(rewards.fixed, ROWS, template=TEMPLATE)
    assert not found.problems, str(found)
