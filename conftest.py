"""For all tests, those in docstrings too: what one registers, no other one sees."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestModule

# The tests start more than a hundred processes, each of which would compile all modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from rewardkit import registry  # noqa: E402 - compiled once, too

TESTS = Path(__file__).parent / "tests"

# imported by worker processes alone: they warm up for seconds, and change packages that they use
collect_ignore = [
    "src/rewardkit/verify/_instructions.py",
    "src/rewardkit/verify/_math/symbolic.py",
    "src/rewardkit/verify/_reasoning_gym.py",
]


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Any:
    """Load the built-in components, unless xdist's workers collect the tests.

    They register themselves once, so this must be before a test has its own registry, and before
    pytest imports one of their modules by its path.
    """
    if not getattr(session.config.option, "numprocesses", None):
        registry.is_registered("length")
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Any:
    """Give each test a copy of the registry.

    Not in a fixture: pytest would set it up for each of thousands of tests.
    """
    kept = registry._registry  # noqa: SLF001 - there is no public way
    registry._registry = dict(kept)  # noqa: SLF001
    try:
        return (yield)
    finally:
        registry._registry = kept  # noqa: SLF001


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Any:
    """Look for no examples in the tests' own files, which have none in their docstrings."""
    collectors = yield
    if TESTS in file_path.parents:
        return [one for one in collectors if not isinstance(one, DoctestModule)]
    return collectors
