"""The times and samples of a step."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rewardkit.train import Recipe
from rewardkit.train.folder import RunFolder
from rewardkit.train.trainer import StepLog, TimedReward
from tiny_run import read_rows, write_recipe


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only a test advances."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


class SlowReward:
    """Advances a clock by some seconds."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.__name__ = f"{seconds} s"

    def __call__(self, completions: Any, **_: Any) -> list[float | None]:
        self.clock[0] += self.seconds
        return [1.0] * len(completions)


def test_a_step_is_split_by_the_rewards_calls(tmp_path: Path, clock: list[float]) -> None:
    folder = RunFolder(Recipe.load(write_recipe(tmp_path)), tmp_path)
    rewards = [TimedReward(cast("Any", SlowReward(clock, seconds))) for seconds in (0.5, 0.25)]
    log = StepLog(folder, rewards)
    batch = {"completions": ["2"], "question": ["1 + 1?"], "answer": ["2"]}
    rewards[0](**batch)  # an evaluation before the step
    log.on_step_begin()
    clock[0] += 2.0  # generation
    for reward in rewards:
        reward(**batch)
    clock[0] += 1.0  # the loss
    log.on_step_end()
    logs = {"reward": 1.0, "reward_std": float("nan"), "step_time": 3.0}
    state = SimpleNamespace(is_world_process_zero=True, global_step=1)
    log.on_log(None, state, None, logs)
    (row,) = read_rows(tmp_path / "log.jsonl")
    assert row == {
        "step": 1,
        "seconds": 3.75,
        "rewards_seconds": 0.75,
        "seconds_until_rewards": 2.0,
        "seconds_by_reward": {"0.5 s": 0.5, "0.25 s": 0.25},
        "reward": 1.0,
        "reward_std": None,
        "step_time": 3.0,
    }


def test_a_step_without_new_completions_has_no_time_until_rewards(
    tmp_path: Path, clock: list[float]
) -> None:
    log = StepLog(RunFolder(Recipe.load(write_recipe(tmp_path)), tmp_path), [])
    log.on_step_begin()
    clock[0] += 1.0
    log.on_step_end()
    assert log.times["seconds_until_rewards"] is None
    assert log.times["rewards_seconds"] == 0
