"""The run that the trainer's tests inspect: killed halfway, then resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

import tiny_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("trl", "peft", "datasets", "matplotlib"):
        pytest.importorskip(package)
    build = tiny_run.build_killed_and_resumed_run
    return tiny_run.build_once(tmp_path_factory, "killed_run", build) / "run"
