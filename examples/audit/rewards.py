"""The rewards of a run, as a user writes them: open-r1's format rule, and what mends it."""

from __future__ import annotations

import re
from typing import Any

import rewardkit as rk

Chat = list[dict[str, str]]
BLOCKS = re.compile(r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$", re.DOTALL | re.MULTILINE)


def open_r1_format(completions: list[Chat], **_: Any) -> list[float]:
    """Return 1 for a think block and an answer block, as open-r1's rule finds them."""
    return [float(BLOCKS.match(completion[0]["content"]) is not None) for completion in completions]


layout = rk.build("think_format", tags=("think", "answer"))
right = rk.build("correct", verifier="number", extractor={"type": "tag", "which": "only"})
mended = layout + 2.0 * right
