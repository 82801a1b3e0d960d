"""Verifiers: is an answer right? Each takes answers and references, and gives one verdict per pair.

They know nothing of prompts, rewards and trainers, so an evaluation can use them alone. The reward
`Correct` turns their verdicts into scores.

| class | the answer is right if |
| --- | --- |
| `Exact` | it is the reference's text |
| `Contains` | it contains the reference |
| `ExactMatch` | it has the reference's words |
| `TokenF1` | it shares enough words with the reference |
| `Number` | it is the same number, within a tolerance |
| `Math` | it is an equal mathematical expression |
| `SameCall` | its tool calls are those of the reference |
| `ValidCall` | its tool calls are valid under the tools' schemas |
| `Instructions` | it follows the row's instructions |
| `ReasoningGym` | its dataset of Reasoning Gym scores it high enough |
| `Iou` | its boxes overlap the reference's enough |
| `JsonSchema` | it is JSON that is valid against the schema |
| `Code` | it is Python that passes the tests |

>>> from rewardkit.verify import Number
>>> [verdict.outcome.value for verdict in Number().verify(["1,000", "7"], ["1000", "8"])]
['correct', 'wrong']
"""

from rewardkit.verify.base import Verifier
from rewardkit.verify.boxes import Iou
from rewardkit.verify.calls import SameCall
from rewardkit.verify.code import Code
from rewardkit.verify.instructions import Instructions
from rewardkit.verify.math import Math
from rewardkit.verify.number import Number
from rewardkit.verify.reasoning_gym import ReasoningGym
from rewardkit.verify.schema import JsonSchema
from rewardkit.verify.squad import ExactMatch, TokenF1
from rewardkit.verify.text import Contains, Exact
from rewardkit.verify.tools import ValidCall

__all__ = [
    "Code",
    "Contains",
    "Exact",
    "ExactMatch",
    "Instructions",
    "Iou",
    "JsonSchema",
    "Math",
    "Number",
    "ReasoningGym",
    "SameCall",
    "TokenF1",
    "ValidCall",
    "Verifier",
]
