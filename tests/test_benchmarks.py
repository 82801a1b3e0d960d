"""The benchmark of the peers runs, and leaves nothing out. No test by time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rewardkit as rk

ROOT = Path(__file__).parents[1]
PACKAGES = ("trl", "math_verify", "verifiers", "langid", "py3langid")
SOURCES = ("trl", "math-verify", "verifiers", "langid", "py3langid")


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """What the benchmark writes with tiny sizes, where no peer's package is installed."""
    place = tmp_path_factory.mktemp("benchmark")
    for name in PACKAGES:
        told = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})\n'
        (place / f"{name}.py").write_text(told, encoding="utf-8")
    sizes = ["--rows", "8", "--step", "64", "--rounds", "1"]
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "throughput.py", *sizes, "--json", place / "out"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(place), str(ROOT / "src")]),
            "REWARDKIT_NO_PLUGINS": "1",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    for source in SOURCES:
        assert f"skipped: {source}: " in run.stdout
    return json.loads((place / "out").read_text(encoding="utf-8"))


def test_the_five_are_there(figures):
    assert [*figures["figures"]][-1] == "all five"
    assert len(figures["figures"]) == 6


def test_what_is_not_installed_is_named(figures):
    assert set(figures["skipped"]) == {*SOURCES, "language"}
    assert "pip install" in figures["skipped"]["trl"]
    assert {row["source"] for row in figures["peers"]} == {"by hand", "by hand, algebra"}


def test_the_notebooks_rules_by_hand_score_as_the_published_ones(figures):
    sizes = [key for key in figures["peers"][0] if key.endswith("characters")]
    assert len(sizes) == 2
    same = [row for row in figures["peers"] if row["reward"].startswith("published.")]
    assert len(same) == 4
    assert all(
        row[size]["alike"] == 1.0 and row[size]["rows"] == 64 for row in same for size in sizes
    )


def test_every_other_reward_has_a_share_and_a_bound(figures):
    built_in = {name for name in rk.names("reward") if "/" not in name}
    assert {row["name"] for row in figures["shares"]} == built_in - {"judge", "language"}
    for row in figures["shares"]:
        assert row["percent"] == pytest.approx(100 * row["seconds"] / 25.6)
        assert row["bound"] == 0.5
