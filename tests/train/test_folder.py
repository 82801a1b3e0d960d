"""The run folder: which folders are refused, and which checkpoint is the last."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from rewardkit import presets
from rewardkit.train import Recipe, RecipeError
from rewardkit.train.folder import RunFolder, is_complete


@pytest.mark.parametrize(
    ("max_steps", "epochs", "complete"),
    [(60, 3.0, True), (61, 3.0, False), (-1, 1.5, True), (-1, 2.0, False)],
)
def test_a_checkpoint_knows_whether_it_is_the_last(
    tmp_path: Path, max_steps: int, epochs: float, *, complete: bool
) -> None:
    state = {"global_step": 60, "epoch": 1.5}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    config = SimpleNamespace(max_steps=max_steps, num_train_epochs=epochs)
    assert is_complete(tmp_path, config) is complete


def test_a_run_is_not_overwritten(run: Path) -> None:
    recipe = Recipe.load(run / "recipe.yaml")
    with pytest.raises(RecipeError, match="already holds a run; continue it with --resume"):
        RunFolder(recipe, run).check_usable(resume=False)
    RunFolder(recipe, run).check_usable(resume=True)
    other = recipe.model_copy(update={"rewards": (presets.reward_len,)})
    with pytest.raises(RecipeError, match="was run with other rewards"):
        RunFolder(other, run).check_usable(resume=True)


def test_a_run_that_ended_before_its_first_step_can_be_repeated(tmp_path: Path) -> None:
    recipe = Recipe.load("smollm2_length")
    folder = RunFolder(recipe, tmp_path)
    folder.write("rewards.sha256", "0  rewards.yaml\n")
    folder.check_usable(resume=False)
    folder.check_usable(resume=True)
    folder.append("log.jsonl", {"step": 1})
    with pytest.raises(RecipeError, match="already holds a run"):
        folder.check_usable(resume=False)
    with pytest.raises(RecipeError, match="was run with other rewards"):
        folder.check_usable(resume=True)


def test_the_rows_of_steps_that_run_again_are_dropped(tmp_path: Path) -> None:
    folder = RunFolder(Recipe.load("smollm2_length"), tmp_path)
    for name in ("log.jsonl", "alerts.jsonl"):
        for step in (4, 5):
            folder.append(name, {"step": step})
    folder.drop_rows_after(4)
    assert folder.read_log() == folder.read_rows("alerts.jsonl") == [{"step": 4}]
    assert folder.read_rows("never written.jsonl") == []
