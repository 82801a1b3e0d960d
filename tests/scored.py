"""Rewards for tests/scoring, importable by its worker processes."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import rewardkit as rk


class GroupSize(rk.Reward):
    """The number of completions in the row's group, as seen in this batch."""

    pointwise = False

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        sizes = [len(group) for group in batch.groups() for _ in group]
        return [rk.Score(float(size), f"of {len(batch)}") for size in sizes]


class Slow(rk.Reward):
    """The length, after a delay in which a test can kill the process."""

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        time.sleep(float(os.environ.get("SLOW", "0")))
        return [rk.Score(float(len(text)), text[:3]) for text in batch.texts]


def half_known(completions: list[Any], answer: list[str], **_: Any) -> list[float | None]:
    """A function with TRL's signature that abstains on some rows."""
    return [1.0 if given == "4" else None for given in answer]


def telling(completions: list[Any], log_extra: Any, trainer_state: Any, **_: Any) -> list[int]:
    """A function that logs reasons, prints, and reads the step."""
    sys.stdout.write("loud\n")
    sys.stdout.flush()
    log_extra("telling/why", [f"step {trainer_state.global_step}"] * len(completions))
    return [len(completion) for completion in completions]


def process(completions: list[Any], **_: Any) -> list[int]:
    """The id of the process it runs in."""
    return [os.getpid()] * len(completions)


def quoting(completions: list[Any], log_extra: Any, **_: Any) -> list[float]:
    """A function whose reason cannot be encoded."""
    log_extra("quoting/why", ["\ud800"] * len(completions))
    return [0.0] * len(completions)


def of_batch(completions: list[Any], **_: Any) -> list[int]:
    """The number of rows in the batch."""
    return [len(completions)] * len(completions)


def failing(completions: list[Any], **_: Any) -> list[float]:
    """A function that raises on an empty completion."""
    return [1 / len(completion) for completion in completions]


def dying(completions: list[Any], **_: Any) -> list[float]:
    """A function that ends its process."""
    if any("die" in completion for completion in completions):
        os._exit(3)
    return [0.0] * len(completions)


def too_short(completions: list[Any], **_: Any) -> list[float]:
    """A function that returns too few values."""
    return []


def infinite(completions: list[Any], **_: Any) -> list[float]:
    """A function that abstains once and then returns infinities."""
    return [float("nan")] + [float("inf")] * (len(completions) - 1)
