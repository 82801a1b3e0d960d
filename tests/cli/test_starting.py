from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli.commands import run
from rewardkit.cli import main


def test_init_writes_files_that_pass_their_own_tests(folder, monkeypatch):
    pytest.importorskip("hypothesis")
    run("init", "project")
    project = folder / "project"
    workflow = (project / ".github" / "workflows" / "rewards.yml").read_text("utf-8")
    assert "rewardkit check rewards.py:REWARDS" in workflow
    monkeypatch.syspath_prepend(project)
    namespace: dict = {"__file__": str(project / "test_rewards.py"), "__name__": "tests_of_init"}
    exec((project / "test_rewards.py").read_text("utf-8"), namespace)  # noqa: S102 - of the package
    try:
        namespace["test_no_degenerate_completion_is_rewarded"]()
        namespace["test_scores_are_as_they_were"]()
        assert len(json.loads((project / "scores.json").read_text("utf-8"))) == 2
        check = namespace["check_reward"]
        for reward in namespace["rewards"].REWARDS:
            check(reward, max_examples=5, skip=["pickles", "linear"])
    finally:
        sys.modules.pop("rewards", None)


def test_init_replaces_nothing_unless_forced(folder, capsys):
    Path("rewards.py").write_text("mine = 1\n", "utf-8")
    assert main(["init"]) == 2
    assert "rewards.py would be replaced; add --force" in capsys.readouterr().err
    assert Path("rewards.py").read_text("utf-8") == "mine = 1\n"
    assert not Path("test_rewards.py").exists()
    assert main(["init", "--force"]) == 0
    assert "REWARDS" in Path("rewards.py").read_text("utf-8")


def test_a_snapshot_is_written_then_compared(folder, capsys):
    snapshot = ["snapshot", "two.yaml", "--data", "in.jsonl", "-c", "response=completion"]
    assert main([*snapshot, "-o", "s.json"]) == 0
    assert [row["answer"] for row in json.loads(Path("s.json").read_text("utf-8"))] == ["4", "4"]
    assert main([*snapshot, "-o", "s.json"]) == 0
    assert "all scores are the same" in capsys.readouterr().out
    Path("two.yaml").write_text("- xml_soft\n- type: length\n  target: 5\n", "utf-8")
    assert main([*snapshot, "-o", "s.json"]) == 1
    # 'four' has 4 characters: as long as the first target, and one fewer than the second
    assert "row 1, length.target:5: 0 before, -1 now: 'four'" in capsys.readouterr().out
    assert main([*snapshot, "-o", "s.json", "--update"]) == 0
    assert main([*snapshot, "-o", "s.json"]) == 0


def test_a_snapshot_without_data_has_usual_completions(folder):
    run("snapshot", "xml_soft", "ratio_match", "own_rewards.py:four", "-o", "s.json")
    rows = json.loads(Path("s.json").read_text("utf-8"))
    assert rows[3]["scores"]["xml_soft"] == 0.5
    assert {row["scores"]["four"] for row in rows} == {0.0, 1.0}


def test_a_snapshot_needs_completions(folder, capsys):
    assert main(["snapshot", "two.yaml", "--data", "in.jsonl", "-o", "s.json"]) == 2
    assert "row 0 has no completion (columns: answer, response)" in capsys.readouterr().err
