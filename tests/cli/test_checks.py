from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from cli.commands import run
from rewardkit.audit import _preflight
from rewardkit.audit.row_completions import RowScorer
from rewardkit.cli import app


def test_audit_prints_what_a_reward_checks_and_exits_1_on_an_exploit():
    text = run("audit", "xml_soft")
    assert re.match(r"\d+ degenerate completions, \d+ rows of the sample '\w+'\n", text)
    assert "xml_soft  0 exploits; checks: answer tag, block order, reasoning present\n" in text
    soft = "rewardkit.presets.published.soft_format_reward_func"
    done = CliRunner().invoke(app, ["audit", soft, "--show", "2"])
    assert done.exit_code == 1
    assert re.search(r"\n +\d+ more; see them with --show \d+\n", done.stdout)


def test_audit_lists_what_it_cannot_test(folder):
    (folder / "overlong.yaml").write_text(
        "type: overlong\nmax_tokens: 100\ncache_tokens: 20\n", "utf-8"
    )
    text = " ".join(run("audit", "overlong.yaml").split())
    assert "not tested: this reward checks neither answer, layout nor language" in text


def test_preflight_prints_problems_and_unbounded_rewards(folder):
    data = ["--data", "in.jsonl", "--template", r"<answer>\n{answer}\n</answer>"]
    done = CliRunner().invoke(app, ["preflight", "two.yaml", *data])
    assert done.exit_code == 1
    assert "no upper bound declared" not in done.stdout  # length has one: 0
    assert re.search(r"2 rows, \d problems?; groups: simulated", done.stdout)


def test_check_prints_what_failed(folder):
    text = run("check", "xml_soft", "number", "tag", "--law", "total", "--max-examples", "5")
    assert text.count("1 check passed") == 3
    listed = json.loads(run("check", "xml_soft", "--law", "total", "--max-examples", "5", "--json"))
    assert listed[0]["held"] == ["never_raises"]


def test_check_help_lists_every_law():
    testing = pytest.importorskip("rewardkit.testing")
    text = run("check", "--help")
    assert all(re.search(rf"\b{law}\b", text) for law in testing.LAWS)


def interrupt_second(monkeypatch, owner, name):
    """Let Ctrl-C happen in the second call of a method."""
    original, calls = getattr(owner, name), []

    def method(*arguments):
        calls.append(name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(owner, name, method)


def test_ctrl_c_prints_what_was_checked(monkeypatch):
    trial = pytest.importorskip("rewardkit.testing._trial").Trial
    interrupt_second(monkeypatch, trial, "warm_up")
    done = CliRunner().invoke(app, ["check", "xml_soft", "tag", "hash", "--law", "never_raises"])
    assert done.exit_code == 130
    assert "xml_soft" in done.stdout
    assert "1 check passed" in done.stdout
    assert re.search(r"tag +interrupted +0 checks passed, 1 skipped", done.stdout)
    assert "hash" not in done.stdout
    assert "interrupted; above is what was found before" in done.stderr


def test_ctrl_c_prints_what_was_audited(monkeypatch):
    interrupt_second(monkeypatch, RowScorer, "_score_light")
    done = CliRunner().invoke(app, ["audit", "xml_soft", "--json"])
    assert done.exit_code == 130
    assert json.loads(done.stdout)["row_count"] == 1


def test_ctrl_c_prints_what_preflight_found(monkeypatch, folder):
    interrupt_second(monkeypatch, _preflight._Checks, "check_term")
    data = ["--data", "in.jsonl", "--template", r"<answer>\n{answer}\n</answer>"]
    done = CliRunner().invoke(app, ["preflight", "two.yaml", *data, "--json"])
    assert done.exit_code == 130
    assert len({problem["reward"] for problem in json.loads(done.stdout)["problems"]}) == 1
