"""For all tests, those in docstrings too: what one registers, no other one sees."""

from __future__ import annotations

import os
import sys

import pytest

# The tests start more than a hundred processes, each of which would compile all modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from rewardkit import registry  # noqa: E402 - compiled once, too

# imported by worker processes alone: they warm up for seconds, and change packages that they use
collect_ignore = [
    "src/rewardkit/verify/_instructions.py",
    "src/rewardkit/verify/_math/symbolic.py",
    "src/rewardkit/verify/_reasoning_gym.py",
]

# The first question loads the built-in components. They register themselves once, so this must be
# before a test has its own registry, and before pytest imports one of their modules by its path.
registry.is_registered("length")


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a copy of the registry."""
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))  # noqa: SLF001 - there is no public way
