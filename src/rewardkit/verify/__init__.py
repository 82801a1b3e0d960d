"""Verifiers, one file per family; importing this registers them all.

They say whether an answer is right, know nothing of prompts and trainers, and give no score.
"""

from rewardkit.verify.base import Verifier
from rewardkit.verify.code import Code
from rewardkit.verify.math import Math
from rewardkit.verify.number import Number
from rewardkit.verify.schema import JsonSchema
from rewardkit.verify.text import Contains, Exact

__all__ = ["Code", "Contains", "Exact", "JsonSchema", "Math", "Number", "Verifier"]
