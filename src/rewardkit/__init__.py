"""Typed, composable rewards and verifiers for reinforcement learning of language models."""

from rewardkit import rewards, verify
from rewardkit.batch import Batch, Column
from rewardkit.component import Component, build, dump, load, names, register
from rewardkit.extract import Extractor
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Reward
from rewardkit.verify.base import Verifier

del (
    rewards,
    verify,
)  # imported for what they register; `import rewardkit.rewards` works all the same

__all__ = [
    "Batch",
    "Column",
    "Component",
    "Extractor",
    "Outcome",
    "Reward",
    "Score",
    "Verdict",
    "Verifier",
    "build",
    "dump",
    "load",
    "names",
    "register",
]
