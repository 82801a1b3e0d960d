from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli.commands import run
from rewardkit.cli import main


def test_score(folder):
    arguments = ["score", "in.jsonl", "two.yaml", "own_rewards.py:four", "-c"]
    arguments += ["response=completion", "--out", "out.jsonl"]
    scored = json.loads(run(*arguments, "--json", "--workers", "2"))
    assert (scored["rows"], scored["out"], scored["resumed"]) == (2, "out.jsonl", 0)
    assert [reward["name"] for reward in scored["rewards"]] == [
        "xml_soft",
        "length.target:4",
        "four",
    ]
    # 0 + 0 - 14 + 1, and 0 + 0 + 0
    rows = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    assert [row["reward"] for row in rows] == [-13.0, 0.0]
    assert scored["total"]["mean"] == -6.5
    again = run(*arguments)
    assert "out.jsonl: 2 rows, all already scored" in again
    assert all(heading in again for heading in ("mean", "min", "max", "skipped"))
    assert "-0 " not in again


def test_score_says_that_a_reward_has_no_value_at_all_and_why(
    folder, capsys: pytest.CaptureFixture[str]
):
    rows = [{"completion": "<answer>18</answer>", "answer": "9 + 9 = 18\n#### 18"}] * 3
    Path("gsm8k.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    reward = "{type: correct, verifier: number, name: right%s}"
    Path("bad.yaml").write_text(reward % "", "utf-8")
    Path("good.yaml").write_text(reward % ", reference_extractor: hash", "utf-8")
    assert main(["score", "gsm8k.jsonl", "bad.yaml", "-o", "bad.jsonl", "--batch-size", "2"]) == 0
    line = "rewardkit: right: no value on any of 3 rows, for example bad_reference: "
    assert line + r"'9 + 9 = 18\n#### 18'; reference_extractor: hash" in capsys.readouterr().err
    # the same from a file that was finished before
    assert main(["score", "gsm8k.jsonl", "bad.yaml", "-o", "bad.jsonl"]) == 0
    assert line in capsys.readouterr().err
    assert main(["score", "gsm8k.jsonl", "good.yaml", "-o", "good.jsonl"]) == 0
    assert "no value" not in capsys.readouterr().err
    assert (
        main(["preflight", "bad.yaml", "-d", "gsm8k.jsonl", "--template", "<answer>18</answer>"])
        == 1
    )
    assert "reference_extractor: hash reads it" in " ".join(capsys.readouterr().out.split())
    assert main(["report", "bad.jsonl", "--out", "page.html"]) == 0
    assert "reference_extractor: hash reads it" in Path("page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.jsonl", "xml_soft"], "Missing option '--out'"),
        (["in.jsonl", "xml_soft", "-o", "out.csv"], "expected .jsonl or .parquet"),
        (["in.jsonl", "xml_soft", "-o", "out.jsonl"], "in.jsonl, line 1: no column 'completion'"),
        (["in.jsonl", "xml_soft", "-o", "out.jsonl"], "--column response=completion"),
        (["on.jsonl", "xml_soft", "-o", "out.jsonl"], "did you mean 'in.jsonl'?"),
        (["in.jsonl", "-o", "out.jsonl"], "Missing argument"),
        (["in.jsonl", "xml_soft", "-o", "out.jsonl", "--engine", "dask"], "'local' or 'ray'"),
    ],
)
def test_score_explains_errors_in_one_line(arguments, message, folder, capsys):
    assert main(["score", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_ray_that_is_not_installed_is_named_with_its_extra(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["in.jsonl", "xml_soft", "-o", "out.jsonl", "--engine", "ray"]
    assert main(["score", *arguments]) == 2
    assert "pip install 'rewardkit[ray]'" in capsys.readouterr().err
    assert not [*folder.glob("out*")]


def test_an_error_of_a_reward_names_the_reward_and_the_rows(folder, capsys):
    (folder / "own_rewards.py").write_text("def bug(completions, **_):\n    1 / 0\n", "utf-8")
    arguments = ["score", "in.jsonl", "own_rewards.py:bug", "-c", "response=completion"]
    assert main([*arguments, "-o", "out.jsonl"]) == 2
    error = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero (reward 'bug', in.jsonl line 1)" in error
    assert "REWARDKIT_DEBUG=1" in error


def test_a_missing_column_names_the_option_that_renames_one(folder, capsys):
    (folder / "right.yaml").write_text(
        "type: correct\nverifier: number\nreference: gold\n", "utf-8"
    )
    arguments = ["score", "in.jsonl", "right.yaml", "-c", "response=completion"]
    assert main([*arguments, "-o", "out.jsonl"]) == 2
    assert "--column FILE=REWARD" in capsys.readouterr().err
    assert main(["preflight", "right.yaml", "--data", "in.jsonl"]) == 1
    assert "--column FILE=REWARD" in " ".join(capsys.readouterr().out.split())
