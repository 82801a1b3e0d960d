from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.commands import run


def test_demo_scores_and_reports(folder):
    pytest.importorskip("jinja2")
    printed = json.loads(run("demo", "there", "--json"))
    assert printed["scored"]["rows"] == 12 * 8 * 8
    page = Path(printed["report"]).read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    assert "rewardkit report" in run("demo", "there")
    # the command that it prints gives the same file
    run("score", "there/completions.jsonl", "there/scored.jsonl.rewards.yaml", "-o", "again.jsonl")
    assert Path("again.jsonl").read_bytes() == Path("there/scored.jsonl").read_bytes()
