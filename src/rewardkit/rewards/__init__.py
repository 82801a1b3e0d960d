"""Rewards, one file a family; importing this registers them all."""

from rewardkit.rewards import (
    correct,
    diversity,
    judge,
    language,
    length,
    number,
    pattern,
    repetition,
    think,
    xml,
)

__all__ = [
    "correct",
    "diversity",
    "judge",
    "language",
    "length",
    "number",
    "pattern",
    "repetition",
    "think",
    "xml",
]
