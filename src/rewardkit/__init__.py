"""Typed, composable rewards and verifiers for reinforcement learning of language models."""

from typing import TYPE_CHECKING, Any

from rewardkit import extract, rewards, verify
from rewardkit.batch import Batch, Column
from rewardkit.component import Component
from rewardkit.config import dump, load
from rewardkit.extract import Extractor
from rewardkit.registry import build, names, register
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Reward
from rewardkit.rewards.wrappers import wrap
from rewardkit.verify.base import Verifier

if TYPE_CHECKING:
    from rewardkit import presets
    from rewardkit.scorer import Scorer

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Column",
    "Component",
    "Extractor",
    "Outcome",
    "Reward",
    "Score",
    "Scorer",
    "Verdict",
    "Verifier",
    "__version__",
    "build",
    "dump",
    "extract",
    "load",
    "names",
    "presets",
    "register",
    "rewards",
    "verify",
    "wrap",
]


def __getattr__(name: str) -> Any:
    """Import what is slow to import, or seldom used, when it is first used."""
    if name in ("presets", "Scorer"):
        from importlib import import_module  # noqa: PLC0415 - only here

        if name == "presets":
            return import_module("rewardkit.presets")  # it builds every preset
        return import_module("rewardkit.scorer").Scorer  # it needs asyncio
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
