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
# Where a name may be that is not an attribute here; `testing` last, since it imports Hypothesis.
_HINTED = (*_PACKAGES, "audit", "adapters.trl", "scoring", "report", "testing")


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
    # tools probe for private names, and need no hint
    raise AttributeError(message if name.startswith("_") else message + _suggest_import(name))


def _suggest_import(name: str) -> str:
    """Say where a name is, or which public names are near it."""
    from contextlib import suppress  # noqa: PLC0415 - only for an error
    from importlib import import_module  # noqa: PLC0415 - the same
    from importlib.util import find_spec  # noqa: PLC0415 - the same

    from rewardkit._messages import did_you_mean  # noqa: PLC0415 - the same

    if find_spec(f"rewardkit.{name}"):
        return f"; write `import rewardkit.{name}`"
    for module in _HINTED:
        with suppress(ImportError):  # of a package that an extra installs
            if name in getattr(import_module(f"rewardkit.{module}"), "__all__", ()):
                return f"; write `from rewardkit.{module} import {name}`"
    return did_you_mean(name, __all__)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
