"""The run that the trainer's tests inspect: killed halfway, then resumed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tiny_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, trl_fork_server: Any) -> Path:
    for package in ("trl", "peft", "datasets", "matplotlib"):
        pytest.importorskip(package)
    build = partial(tiny_run.build_killed_and_resumed_run, forks=trl_fork_server)
    return tiny_run.build_once(tmp_path_factory, "killed_run", build) / "run"
