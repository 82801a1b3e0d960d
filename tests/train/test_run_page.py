"""The page that benchmarks/run_page.py writes from a run folder."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from tiny_run import ROOT, quiet_machine, read_rows


def write_page(run: Path, folder: Path, *options: str) -> None:
    """Run the script in this process, which has imported matplotlib."""
    script = str(ROOT / "benchmarks" / "run_page.py")
    given = [str(run), str(folder), "--title", "Tiny", "--command", "rewardkit train recipe.yaml"]
    with quiet_machine(folder.parent) as patch:
        patch.setattr(sys, "argv", [script, *given, *options])
        runpy.run_path(script, run_name="__main__")


def test_a_page_has_the_runs_figures_times_and_files(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_page(run, folder)
    page = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    log = read_rows(run / "log.jsonl")
    assert page.startswith("# Tiny\n\n<!-- not run: trains a model -->\n```sh\nrewardkit train")
    assert f"{len(log)} steps, " in page
    for part in ("until the first reward", "`short`", "all rewards", "the whole step"):
        assert f"\n| {part}" in page
    kept = {*read_rows(folder / "log.jsonl")[0]}
    assert {"step", "seconds", "rewards_seconds", "reward"} <= kept
    assert not {"seconds_by_reward", "step_time"} & kept
    assert json.loads((folder / "checks.json").read_text(encoding="utf-8"))["blank_tensors"] == []


def test_a_page_can_leave_out_the_datasets_texts(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_page(run, folder, "--without-texts")
    comparison = json.loads((run / "comparison.json").read_text(encoding="utf-8"))
    written = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    written += "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.json*"))
    assert comparison["questions"]
    assert not [text for text in comparison["questions"] if text in written]
    assert "| `short` | " in written
    assert "\u00b1" in written


def test_the_page_of_an_unfinished_run_has_its_log_and_alerts(run: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for name in ("log.jsonl", "recipe.yaml", "versions.json"):
        (part / name).write_bytes((run / name).read_bytes())
    alert = {"kind": "flat", "step": 3, "detail": "all groups", "example": "a question's text"}
    (part / "alerts.jsonl").write_text(json.dumps(alert) + "\n", encoding="utf-8")
    folder = tmp_path / "tiny"
    write_page(part, folder, "--without-texts")
    page = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert "- step 3, flat: all groups." in page
    assert "a question's text" not in page
    assert "## Training" in page
    assert "adapter" not in page
    assert "comparison.json" not in page
