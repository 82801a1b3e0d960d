"""Verifiers, one file a family; importing this registers them all.

They say whether an answer is right, know nothing of prompts and trainers, and give no score.
"""

from rewardkit.verify import math, number, schema, text

__all__ = ["math", "number", "schema", "text"]
