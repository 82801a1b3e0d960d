from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
from forks import DEMO
from shapes import XML_RECIPE
from tiny_run import build_once

ROOT = Path(__file__).parents[2]
NAMES = [reward.__name__ for reward in XML_RECIPE]


def test_the_recipe_is_the_five_presets() -> None:
    assert rk.load(ROOT / "examples" / "demo_rewards.yaml") == XML_RECIPE


def run_demo(folder: Path, forks: Any) -> None:
    """Run the demo for a few steps in FOLDER/demo, and write its output there too."""
    inside = folder / "demo"
    inside.mkdir()
    lengths = ["--steps", "2", "--cold-start-steps", "2"]
    output, errors = inside / "output.txt", folder / "errors.txt"
    command = [sys.executable, DEMO, *lengths, "--json", "numbers.json"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        fork = forks.Popen(command, cwd=inside, env=environment, stdout=stdout, stderr=stderr)
    assert fork.wait() == 0, output.read_text(encoding="utf-8") + errors.read_text(encoding="utf-8")
    assert forks.messages == ""  # while it was imported
    assert errors.read_text(encoding="utf-8") == ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trl_fork_server: Any) -> Path:
    """A folder in which the demo ran for a few steps, with its output, numbers and plot."""
    build = partial(run_demo, forks=trl_fork_server)
    return build_once(tmp_path_factory, "demo", build) / "demo"


def test_it_prints_both_samples_and_every_reward(folder: Path) -> None:
    output = (folder / "output.txt").read_text(encoding="utf-8")
    assert output.index("before GRPO: 3 + 5 =") < output.index("after GRPO: 3 + 5 =")
    assert all(name in output for name in [*NAMES, "total"])
    assert "Warning" not in output


def test_it_writes_the_numbers_of_the_table(folder: Path) -> None:
    numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    assert list(numbers) == [*NAMES, "total"]
    for moment in ("first", "last"):
        parts = sum(numbers[name][moment] for name in NAMES)
        assert numbers["total"][moment] == pytest.approx(parts, abs=1e-5)
    for reward in XML_RECIPE:
        low, high = reward.bounds
        assert all(low <= value <= high for value in numbers[reward.__name__].values())


def test_it_draws_every_reward(folder: Path) -> None:
    drawn = (folder / "demo_rewards.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in drawn for name in [*NAMES, "total", "GRPO step"])


def test_it_keeps_nothing_else(folder: Path) -> None:
    kept = {path.name for path in folder.iterdir()}
    assert kept == {"output.txt", "numbers.json", "demo_rewards.svg"}
