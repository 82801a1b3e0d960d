"""Deadlines by the clock that are as short as those of processor time, for rows that sleep."""

from __future__ import annotations

import pytest

from rewardkit._workers import process


@pytest.fixture(autouse=True)
def short_wall(monkeypatch):
    monkeypatch.setattr(process, "WALL_FACTOR", 1.0)
    monkeypatch.setattr(process, "MIN_WALL_SECONDS", 0.0)
