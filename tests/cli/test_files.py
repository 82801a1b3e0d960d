from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands import run
from rewardkit.cli import app, main, printing


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


def write_scored(folder: Path) -> None:
    # pass rates 0, 1/2 and 1
    rows = [
        {"prompt": f"p{n // 2}", "completion": f"{n}", "rewards/right": float(n in (2, 4, 5))}
        for n in range(6)
    ]
    (folder / "scored.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_filter(folder):
    write_scored(folder)
    arguments = ["filter", "scored.jsonl", "-o", "kept.jsonl", "--pass-rate", "0.2..0.8"]
    printed = " ".join(run(*arguments).split())
    assert "right ≥ 1: pass@1 50.0%, pass@2 66.7%; 33.3% of 3 groups never pass" in printed
    assert "kept.jsonl: 2 of 6 rows, 1 of 3 groups" in printed
    rows = [json.loads(line) for line in Path("kept.jsonl").read_text("utf-8").splitlines()]
    assert [(row["completion"], row["pass_rate"]) for row in rows] == [("2", 0.5), ("3", 0.5)]
    kept = json.loads(run(*arguments, "--one-per-group", "--json"))
    assert (kept["rows"], kept["passes"]["pass_at"][1]) == (
        1,
        {"k": 2, "value": pytest.approx(2 / 3), "groups": 3},
    )


def test_filter_to_standard_output(folder):
    write_scored(folder)
    done = CliRunner().invoke(app, ["filter", "scored.jsonl", "-o", "-", "--pass-rate", "0.2..0.8"])
    assert done.exit_code == 0
    assert [json.loads(line)["pass_rate"] for line in done.stdout.splitlines()] == [0.5, 0.5]
    assert "stdout: 2 of 6 rows, 1 of 3 groups" in done.stderr
    assert not Path("-").exists()


def test_filter_prints_one_thing_to_standard_output(folder, capsys):
    write_scored(folder)
    arguments = ["filter", "scored.jsonl", "-o", "-", "--pass-rate", "0..1", "--json"]
    assert main(arguments) == 2
    assert "--json and --out - both print to stdout" in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
def test_a_value_that_none_reaches_is_a_warning(folder, capsys):
    write_scored(folder)
    arguments = ["scored.jsonl", "-o", "out.jsonl", "--pass-rate", "0..0", "--pass-value", "5"]
    assert main(["filter", *arguments]) == 0
    warning = "no completion passes: the highest right is 1, and the lowest value that passes is 5"
    assert capsys.readouterr().err == f"rewardkit: {warning}\n"
    assert main(["report", "scored.jsonl", "-o", "page.html", "--pass-value", "5"]) == 0
    assert warning in capsys.readouterr().err
    assert main(["diff", "scored.jsonl", "scored.jsonl", "--pass-value", "1"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_weight_is_finite(number, folder, capsys):
    write_scored(folder)
    for command in (["report", "scored.jsonl"], ["diff", "scored.jsonl", "scored.jsonl"]):
        assert main([*command, "--weight", f"right={number}"]) == 2
        assert f"--weight right={number}: expected NAME=NUMBER" in capsys.readouterr().err


def test_a_column_to_join_on_needs_data(folder, capsys):
    write_scored(folder)
    assert main(["score", "scored.jsonl", "xml_soft", "-o", "out.jsonl", "--on", "prompt"]) == 2
    assert "and no data to join; give it too, as join=... (--join DATA)" in capsys.readouterr().err


def test_messages_about_a_file_name_no_trainer(folder, capsys):
    logged = {"step": 1, "prompt": "2 + 2?", "completion": "4", "advantage": 0.0}
    Path("logged.jsonl").write_text(json.dumps(logged) + "\n", "utf-8")
    Path("plain.jsonl").write_text('{"completion": "4", "number": 5}\n', "utf-8")
    Path("right.yaml").write_text("type: correct\nverifier: number\n", "utf-8")
    for source, reward, expected in (
        (
            "logged.jsonl",
            "right.yaml",
            "no column 'answer' (columns: completion, prompt, step, adv",
        ),
        ("logged.jsonl", "right.yaml", "join them with join='DATA' (--join DATA)"),
        ("plain.jsonl", "right.yaml", "rename one with columns={'FILE': 'answer'} (--column FILE="),
        (
            "plain.jsonl",
            "diversity",
            "no column 'prompt', which this reward needs; rename one with",
        ),
    ):
        assert main(["score", source, reward, "-o", "out.jsonl", "--fresh"]) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert "trainer" not in error
        assert "prompts=[" not in error
        assert ("join" in error) == (source == "logged.jsonl")


def test_rows_that_are_not_scored_are_named(folder, capsys):
    Path("rows.jsonl").write_text('{"completion": "4"}\n{"completion": [5]}\n', "utf-8")
    assert main(["score", "rows.jsonl", "xml_soft", "-o", "out.jsonl"]) == 0
    problem = "completion: got [5] (list), expected a text or messages"
    error = capsys.readouterr().err
    assert error == f"rewardkit: 1 row without scores, such as rows.jsonl, line 2: {problem}\n"


@pytest.mark.parametrize("given", ["0.2", "0.8..0.2", "..", "a..b", "0..1.5", "-1..1", "nan..1"])
def test_a_range_is_two_numbers(given, folder, capsys):
    write_scored(folder)
    assert main(["filter", "scored.jsonl", "-o", "kept.jsonl", f"--pass-rate={given}"]) == 2
    assert "expected LOW..HIGH, two numbers from 0 to 1" in capsys.readouterr().err


def test_score_joins_a_dataset_and_says_how_many_rows_it_lacks(folder, capsys):
    rows = [{"prompt": f"p{n}", "completion": "<answer>4</answer>"} for n in range(3)]
    Path("logged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    data = [{"question": f"p{n}", "answer": "4"} for n in range(2)]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data), "utf-8")
    Path("right.yaml").write_text("type: correct\nverifier: number\nname: right\n", "utf-8")
    arguments = ["score", "logged.jsonl", "right.yaml", "-o", "out.jsonl", "--join", "data.jsonl"]
    assert main(arguments) == 2
    assert "no column 'prompt' (columns: question, answer) to join on" in capsys.readouterr().err
    assert main([*arguments, "--on", "prompt=question"]) == 0
    printed = capsys.readouterr()
    joined = "1 row without a match in the joined data, 2 matched, 0 ambiguous"
    assert printed.err == f"rewardkit: {joined}\n"
    assert "right ≥ 1: pass@1 100.0%; 0.0% of 2 groups never pass, 100.0% always" in printed.out


def test_score_from_standard_input_to_standard_output(folder):
    lines = Path("in.jsonl").read_text("utf-8")
    arguments = ["score", "-", "two.yaml", "-c", "response=completion", "-o", "-"]
    done = CliRunner().invoke(app, arguments, input=lines)
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["reward"] for row in rows] == [-14.0, 0.0]
    assert "length.target:4" in done.stderr  # the table
    with pytest.raises(ValueError, match="both print to stdout"):
        app([*arguments, "--json"], standalone_mode=False)


def test_the_reader_of_standard_output_may_stop_early(folder):
    rows = "".join(json.dumps({"completion": "x" * 500}) + "\n" for _ in range(3000))
    Path("many.jsonl").write_text(rows, "utf-8")
    command = [sys.executable, "-m", "rewardkit", "score", "many.jsonl", "xml_soft", "-o", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b'{"completion"')
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_a_group_of_an_unknown_column_is_an_error(folder, capsys):
    write_scored(folder)
    assert main(["report", "scored.jsonl", "--group", "promt"]) == 2
    assert "group='promt': no column 'promt'" in capsys.readouterr().err
    assert not Path("report.html").exists()


def test_a_report_on_a_terminal_shows_how_far_it_is(folder, monkeypatch):
    write_scored(folder)
    stages: list[tuple[str, int, int | None]] = []
    monkeypatch.setattr(printing.ProgressBar, "stage", lambda _, *given: stages.append(given))
    monkeypatch.setattr(printing.Console, "is_terminal", property(lambda _: True))
    run("report", "scored.jsonl")
    assert stages[0] == ("rows", 0, 6)
    assert [stage for stage, *_ in stages][-2:] == ["figures", "texts"]
    assert stages[-2][1] == stages[-2][2]
