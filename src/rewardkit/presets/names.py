"""Presets by the names that recipes and the command line use."""

from __future__ import annotations

from functools import cache
from typing import Any

from rewardkit import presets


@cache
def presets_by_name() -> dict[str, Any]:
    """Return every preset by its name, `reward_len`, or with its module, `published.reward_len`.

    >>> presets_by_name()["published.reward_len"] is presets.published.reward_len
    True
    """
    named = {name: getattr(presets, name) for name in presets.__all__}
    modules = {
        "published": presets.published,
        "solution": presets.solution,
        "solution.published": presets.solution.published,
        "solution_opened": presets.solution_opened,
        "solution_opened.published": presets.solution_opened.published,
    }
    for path, module in modules.items():
        named |= {f"{path}.{name}": getattr(module, name) for name in module.__all__}
    return named
