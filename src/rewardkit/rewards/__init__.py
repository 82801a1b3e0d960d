"""Rewards, one file a family; importing this registers them all."""

from rewardkit.rewards import correct, language, length, number, pattern, think, xml

__all__ = ["correct", "language", "length", "number", "pattern", "think", "xml"]
