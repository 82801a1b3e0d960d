from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import rewardkit as rk
from rewardkit import presets
from rewardkit.cli._cli import app, main, mapping_from, rewards_from

ROWS = [
    {"response": "<answer>4</answer>", "answer": "4"},
    {"response": "four", "answer": "4"},
]
HEAVY = ["torch", "datasets", "pyarrow", "numpy", "jinja2", "regex._regex_core", "yaml", "asyncio"]


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_list_is_one_name_a_line_where_nobody_looks():
    assert run("list", "verifier").split() == rk.names("verifier")


def test_list_as_json():
    listed = json.loads(run("list", "--json"))
    assert [row["name"] for row in listed] == rk.names()
    assert all(row["kind"] and row["summary"].endswith((".", ":")) for row in listed)


@pytest.mark.parametrize("name", rk.names())
def test_show_has_every_field_with_a_text(name):
    page = json.loads(run("show", name, "--json"))
    assert all(field["doc"] for field in page["fields"])
    assert page["example"].startswith(">>>")
    shown = run("show", name)
    assert name in shown
    assert all(field["name"] in shown for field in page["fields"])


def test_what_a_reward_needs_to_be_built_is_required():
    fields = {
        field["name"]: field for field in json.loads(run("show", "length", "--json"))["fields"]
    }
    assert fields["target"]["required"]
    assert (fields["penalty"]["required"], fields["penalty"]["default"]) == (False, 1.0)
    assert fields["unit"]["default"] == "characters"


def test_show_tells_types_in_words():
    fields = {
        field["name"]: field["type"]
        for field in json.loads(run("show", "ratio_match", "--json"))["fields"]
    }
    assert fields["bands"] == "list of (float above 0, float)"
    assert fields["extractor"] == "extractor"
    assert fields["reference"] == "name of a column"
    assert fields["exact"] == "float or None"
    told = " ".join(run("show", "ratio_match").split())
    assert "= ((0.1, 2.0), (0.2, 1.5))" in told


@pytest.mark.parametrize("name", rk.names())
def test_no_type_is_told_as_code(name):
    for field in json.loads(run("show", name, "--json"))["fields"]:
        assert not re.search(r"[\[\]`]|FieldInfo|NoneType", field["type"]), field


def test_show_tells_the_columns_of_what_has_required_fields():
    assert json.loads(run("show", "correct", "--json"))["columns"] == ["answer"]


def test_show_tells_bounds_and_source():
    page = json.loads(run("show", "xml_count", "--json"))
    assert (page["bounds"], page["pointwise"]) == ([0.0, 0.5], True)
    assert json.loads(run("show", "diversity", "--json"))["pointwise"] is False
    assert "DAPO" in run("show", "overlong")
    assert json.loads(run("show", "correct", "--json"))["source"].startswith("A verifier gives no")


# Rewards as arguments.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with completions and rewards, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "in.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "two.yaml").write_text("- xml_soft\n- type: length\n  target: 4\n", "utf-8")
    code = "import rewardkit as rk\nboth = [rk.build('xml_soft'), rk.build('xml_count')]\n"
    code += "def four(completions, **_):\n    return [float('4' in text) for text in completions]\n"
    code += "nothing = 4\n"
    (tmp_path / "own_rewards.py").write_text(code, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("own_rewards", None)


def test_a_reward_is_a_file_a_name_or_an_attribute(folder):
    assert rewards_from(["two.yaml"]) == [rk.build("xml_soft"), rk.build("length", target=4)]
    assert rewards_from(["xml_soft", "rewardkit.presets:reward_len"]) == [
        rk.build("xml_soft"),
        presets.reward_len,
    ]
    assert rewards_from(["rewardkit.presets.reward_len"]) == [presets.reward_len]
    soft, count, four = rewards_from(["own_rewards.py:both", "own_rewards:four"])
    assert (soft, count) == (rk.build("xml_soft"), rk.build("xml_count"))
    assert four(completions=["4", "5"]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("xml_sft", "no component is called 'xml_sft'; did you mean 'xml_soft'"),
        ("length", "length.target: missing; give it a value; a YAML file sets fields"),
        ("number", r"got the verifier Number\(\), expected a reward"),
        ("three.yaml", "file not found: three.yaml"),
        ("no_such_module:four", "No module named 'no_such_module'"),
        ("own_rewards.py:five", "has no attribute 'five'"),
        ("own_rewards.py:nothing", "got the 4, expected a reward or a function"),
        ("other.py:four", "no file 'other.py'"),
        ("json.py:four", "another module has the name 'json'.*rename the file"),
    ],
)
def test_what_is_no_reward_is_one_line(argument, told, folder, capsys):
    (folder / "json.py").touch()
    assert main(["score", "in.jsonl", argument, "-o", "out.jsonl"]) == 2
    error = capsys.readouterr().err
    assert re.search(told, error), error
    assert error.startswith("rewardkit: ")
    assert error.count("\n") == 1


def test_columns_are_pairs():
    assert mapping_from(["response=completion", "a=b=c"]) == {"response": "completion", "a": "b=c"}
    assert mapping_from(None) == {}
    with pytest.raises(ValueError, match="expected FILE=REWARD"):
        mapping_from(["response"])


# score.


def test_score(folder):
    given = ["score", "in.jsonl", "two.yaml", "own_rewards.py:four", "-c", "response=completion"]
    told = json.loads(run(*given, "--out", "out.jsonl", "--json", "--workers", "2"))
    assert (told["rows"], told["out"], told["resumed"]) == (2, "out.jsonl", 0)
    assert [reward["name"] for reward in told["rewards"]] == [
        "xml_soft",
        "length.target:4",
        "four",
    ]
    # 0 + 0 - 14 + 1, and 0 + 0 + 0
    rows = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    assert [row["reward"] for row in rows] == [-13.0, 0.0]
    assert told["total"]["mean"] == -6.5
    again = run(*given, "--out", "out.jsonl")
    assert "2 rows in out.jsonl, 2 of them before" in again


def test_score_says_in_one_line_what_is_wrong(folder, capsys):
    for given, told in {
        ("in.jsonl", "xml_soft"): "Missing option '--out'",
        ("in.jsonl", "xml_soft", "-o", "out.csv"): "expected .jsonl or .parquet",
        ("in.jsonl", "xml_soft", "-o", "out.jsonl"): "in.jsonl, line 1: no column 'completion'",
        ("on.jsonl", "xml_soft", "-o", "out.jsonl"): "did you mean 'in.jsonl'?",
        ("in.jsonl", "-o", "out.jsonl"): "Missing argument",
    }.items():
        assert main(["score", *given]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1


def test_an_error_of_a_reward_names_the_reward_and_the_rows(folder, capsys):
    (folder / "own_rewards.py").write_text("def bug(completions, **_):\n    1 / 0\n", "utf-8")
    given = ["score", "in.jsonl", "own_rewards.py:bug", "-c", "response=completion"]
    assert main([*given, "-o", "out.jsonl"]) == 2
    error = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero (reward 'bug', in.jsonl line 1)" in error
    assert "REWARDKIT_DEBUG=1" in error


def test_debug_shows_the_traceback(folder, monkeypatch):
    monkeypatch.setenv("REWARDKIT_DEBUG", "1")
    with pytest.raises(ValueError, match="no component"):
        main(["show", "nothing"])


def test_demo_scores_and_reports(folder):
    pytest.importorskip("jinja2")
    told = json.loads(run("demo", "there", "--json"))
    assert told["scored"]["rows"] == 12 * 8 * 8
    assert Path(told["report"]).read_text(encoding="utf-8").lstrip().startswith("<!doctype html>")
    assert "rewardkit report" in run("demo", "there")
    run("score", "there/completions.jsonl", "there/scored.jsonl.rewards.yaml", "-o", "again.jsonl")
    assert Path("again.jsonl").read_bytes() == Path("there/scored.jsonl").read_bytes()


# The command itself.


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rewardkit", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_help_names_every_command():
    told = run("--help")
    assert all(command.name or command.callback.__name__ for command in app.registered_commands)
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert {"list", "show", "score", "demo"} <= {*names}
    assert all(name in told for name in names)


def test_alone_it_prints_its_help(capsys):
    assert main([]) == 0
    told = capsys.readouterr()
    assert "Usage: rewardkit" in told.out
    assert not told.err


def test_every_command_takes_json():
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert "--json" in run(name, "--help"), name


def test_help_loads_nothing_heavy():
    code = "import sys; from rewardkit.cli import main; main(['--help']);"
    code += f"sys.exit(str(sorted(set({HEAVY!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "Usage: " in done.stdout
    assert done.stderr == "[]\n"


def test_misuse_is_one_line(capsys):
    for given in (
        ["frobnicate"],
        ["show"],
        ["list", "thing"],
        ["list", "--nothing"],
        ["show", "a b"],
        ["audit", "xml_soft", "--rows", "0"],
        ["audit", "xml_soft", "--share", "2"],
        ["audit", "xml_soft", "--wrap", "@no such file"],
        ["preflight", "xml_soft", "--data", "no such.jsonl", "--rows", "0"],
    ):
        assert main(given) == 2
        error = capsys.readouterr().err
        assert error.startswith("rewardkit: ")
        assert error.count("\n") == 1
        assert "Error" not in error
        assert "Errno" not in error


def test_an_unknown_name_is_one_line_and_exit_code_2(capsys):
    assert main(["show", "xml_cont"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "rewardkit: no component is called 'xml_cont'; did you mean 'xml_count'"
    )
    assert error.count("\n") == 1


def test_python_m_rewardkit():
    done = subprocess.run(
        [sys.executable, "-m", "rewardkit", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("rewardkit ")


def test_without_typer_it_names_the_extra(tmp_path):
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no', name='typer')", "utf-8")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = process("list", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rewardkit: 'typer' is not installed.")
    assert "pip install 'rewardkit[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_pipe_that_closes_is_no_error():
    command = f"{sys.executable} -m rewardkit list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)  # noqa: S602 - a pipe
    assert (done.stdout, done.stderr) == (f"{rk.names()[0]}\n", "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("show xml_s", {"xml_soft", "xml_strict"}),
        ("list v", {"verifier"}),
        ("score in.jsonl xml_c", {"xml_count"}),
        ("sco", {"score"}),
    ],
)
def test_the_shell_completes_names(words, offered):
    done = process(
        _REWARDKIT_COMPLETE="complete_bash",
        COMP_WORDS=f"rewardkit {words}",
        COMP_CWORD=str(len(words.split())),
    )
    assert {*done.stdout.split()} == offered
