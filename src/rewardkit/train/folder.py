"""The run folder: what it holds, and how a run is found there again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rewardkit.audit import Preflight
from rewardkit.config import dump
from rewardkit.train.environment import package_versions
from rewardkit.train.recipe import Recipe, RecipeError
from rewardkit.train.recipe_sections import Row


class RunFolder:
    """The folder of a run, its recipe, and notes on what differs from the recipe."""

    def __init__(self, recipe: Recipe, path: Path) -> None:
        self.recipe, self.path = recipe, path
        # with the defaults, which a later version may change
        self.rewards = dump(list(recipe.rewards), defaults=True)
        self.digest = hashlib.sha256(self.rewards.encode()).hexdigest()
        self.notes: list[str] = []

    def check_usable(self, *, resume: bool) -> None:
        """Raise RecipeError where the folder holds a run that this one cannot continue."""
        # a run that ended before its first step has nothing to lose
        if not (self.find_last_checkpoint() or (self.path / "log.jsonl").exists()):
            return
        file = self.path / "rewards.sha256"
        if file.exists() and not resume:
            message = f"{self.path} already holds a run"
            raise RecipeError(f"{message}; continue it with --resume, or give another --output")
        if file.exists() and file.read_text(encoding="utf-8").split()[0] != self.digest:
            raise RecipeError(f"{self.path} was run with other rewards; give another --output")

    def create(self, preflight: Preflight, *, ignored: bool) -> None:
        """Create the folder, with the recipe, the rewards, the preflight and the versions."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.write("recipe.yaml", self.recipe.as_yaml())
        self.write("rewards.yaml", self.rewards)
        self.write("rewards.sha256", f"{self.digest}  rewards.yaml\n")
        self.write("preflight.json", {"ignored": ignored, **preflight.as_dict()})
        self.write("versions.json", package_versions())

    def write(self, name: str, content: Any) -> None:
        """Write a file: text unchanged, anything else as JSON."""
        if not isinstance(content, str):
            content = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (self.path / name).write_text(content, encoding="utf-8")

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Append a line to a JSONL file."""
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def find_last_checkpoint(self) -> Path | None:
        """Find the last complete checkpoint."""
        # the trainer writes this file last, so a checkpoint without it was interrupted
        found = self.path.glob("checkpoints/checkpoint-*/trainer_state.json")
        return max((file.parent for file in found), key=checkpoint_step, default=None)

    def drop_rows_after(self, step: int) -> None:
        """Remove the log rows after a step, and a half-written one: those steps run again."""
        for name in ("log.jsonl", "evaluation.jsonl", "samples.jsonl", "alerts.jsonl"):
            if (file := self.path / name).exists():
                lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
                complete = [line for line in lines if line.endswith("\n")]
                kept = [line for line in complete if json.loads(line)["step"] <= step]
                self.write(name, "".join(kept))

    def read_log(self) -> list[Row]:
        """Read the log: one row per step."""
        return self.read_rows("log.jsonl")

    def read_rows(self, name: str) -> list[Row]:
        """Read the rows of a JSONL file; none if it was never written."""
        file = self.path / name
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


def checkpoint_step(checkpoint: Path | None) -> int:
    """Return the step in a checkpoint's name, 0 for None."""
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def is_complete(checkpoint: Path, config: Any) -> bool:
    """Tell whether a checkpoint has all the steps, or epochs, that a GRPOConfig asks for."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    if config.max_steps > 0:
        return bool(state["global_step"] >= config.max_steps)
    return bool(state["epoch"] >= config.num_train_epochs)
