"""Verifiers, one file a family; importing this registers them all.

They say whether an answer is right, know nothing of prompts and trainers, and give no score.
"""

from rewardkit.verify import code, math, number, schema, text

__all__ = ["code", "math", "number", "schema", "text"]
