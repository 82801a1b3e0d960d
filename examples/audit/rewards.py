"""Rewards as a user writes them: open-r1's format rule, and a fixed recipe."""

from __future__ import annotations

import re
from typing import Any

from rewardkit.extract import Tag
from rewardkit.rewards import Correct, ThinkFormat
from rewardkit.verify import Number

Chat = list[dict[str, str]]
BLOCKS = re.compile(r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$", re.DOTALL | re.MULTILINE)


def open_r1_format(completions: list[Chat], **_: Any) -> list[float]:
    """Return 1 for a think block and an answer block, by the rule that open-r1 published."""
    return [float(BLOCKS.match(completion[0]["content"]) is not None) for completion in completions]


layout = ThinkFormat(tags=("think", "answer"), name="layout")
right = Correct(verifier=Number(), extractor=Tag(which="only"), name="right")
fixed = layout + 2.0 * right
