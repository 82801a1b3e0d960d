"""Typed, composable rewards and verifiers for reinforcement learning of language models."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardkit import extract, presets, rewards, verify
    from rewardkit.batch import Batch, Column, Reference
    from rewardkit.component import Component
    from rewardkit.config import dump, load
    from rewardkit.extract import Extractor
    from rewardkit.registry import build, names, register
    from rewardkit.result import Outcome, Score, Verdict
    from rewardkit.reward import Reward
    from rewardkit.rewards.wrappers import wrap
    from rewardkit.scorer import Scorer
    from rewardkit.verify.base import Verifier

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Column",
    "Component",
    "Extractor",
    "Outcome",
    "Reference",
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


# Where each name is defined. A name is imported when it is first used, since pydantic and the
# patterns of all rewards take many times as long as what most processes use of them.
_MODULES = {
    **dict.fromkeys(("Batch", "Column", "Reference"), "batch"),
    "Component": "component",
    **dict.fromkeys(("dump", "load"), "config"),
    "Extractor": "extract",
    **dict.fromkeys(("build", "names", "register"), "registry"),
    **dict.fromkeys(("Outcome", "Score", "Verdict"), "result"),
    "Reward": "reward",
    "wrap": "rewards.wrappers",
    "Scorer": "scorer",
    "Verifier": "verify.base",
}
_PACKAGES = ("extract", "presets", "rewards", "verify")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    from importlib import import_module  # noqa: PLC0415 - only here

    if name in _PACKAGES:
        return import_module(f"rewardkit.{name}")
    if name in _MODULES:
        # kept as an attribute, so that the next use does not come here
        return globals().setdefault(
            name, getattr(import_module(f"rewardkit.{_MODULES[name]}"), name)
        )
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
