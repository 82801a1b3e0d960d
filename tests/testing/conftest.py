"""One process for all calls of the law `pickles` in a test module that asks for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from forked import forked_processes
from rewardkit.testing._replay import child_process


@pytest.fixture(scope="session")
def _run_forked():
    with forked_processes() as run:
        yield run


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch, _run_forked) -> None:
    """The law `pickles` calls in a fork of one other process, which imported the kit once.

    That a process of its own is started, test_check and test_programs see.
    """
    monkeypatch.setattr(child_process, "subprocess", SimpleNamespace(run=_run_forked))
