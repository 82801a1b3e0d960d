from __future__ import annotations

import os
import subprocess
import sys

import pytest

import rewardkit as rk
from cli.commands import run
from rewardkit.cli import app, main

HEAVY = ["torch", "datasets", "pyarrow", "numpy", "jinja2", "regex._regex_core", "yaml", "asyncio"]
NAMES = [command.name or "" for command in app.registered_commands]


def run_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rewardkit", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_help_names_every_command():
    assert {"list", "show", "check", "audit", "preflight", "score", "report", "demo"} <= {*NAMES}
    text = run("--help")
    assert all(name in text for name in NAMES)


def test_alone_it_prints_its_help(capsys):
    assert main([]) == 0
    printed = capsys.readouterr()
    assert "Usage: rewardkit" in printed.out
    assert not printed.err


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_json_and_documents_its_options(name):
    text = run(name, "--help")
    assert "--json" in text
    assert "\\\\n" not in text  # a newline is typed with one backslash


def test_help_loads_nothing_heavy():
    code = "import sys; from rewardkit.cli import main; main(['--help']);"
    code += f"sys.exit(str(sorted(set({HEAVY!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "Usage: " in done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["show"],
        ["list", "thing"],
        ["list", "--nothing"],
        ["show", "a b"],
        ["audit", "xml_soft", "--rows", "0"],
        ["audit", "xml_soft", "--share", "2"],
        ["audit", "xml_soft", "--template", "@no such file"],
        ["preflight", "xml_soft", "--data", "no such.jsonl", "--rows", "0"],
    ],
    ids=" ".join,
)
def test_misuse_is_one_line_and_exit_code_2(arguments, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("rewardkit: ")
    assert error.count("\n") == 1
    assert "Error" not in error
    assert "Errno" not in error


def test_an_unknown_name_gets_suggestions(capsys):
    assert main(["show", "xml_cont"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rewardkit: ")
    assert "'xml_cont'; did you mean 'xml_count'" in error
    assert error.count("\n") == 1
    assert main(["show", "zebra"]) == 2
    assert "`rewardkit list` prints them" in capsys.readouterr().err


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("REWARDKIT_DEBUG", "1")
    with pytest.raises(ValueError, match="'nothing'"):
        main(["show", "nothing"])


def test_python_m_rewardkit():
    done = run_process("--version")
    assert done.stdout.startswith("rewardkit ")


def test_without_typer_it_names_the_extra(tmp_path):
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no', name='typer')", "utf-8")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = run_process("list", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rewardkit: 'typer' is not installed.")
    assert "pip install 'rewardkit[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "code", ["raise KeyboardInterrupt", "def __getattr__(_): raise KeyboardInterrupt"]
)
def test_ctrl_c_during_the_imports_prints_no_traceback(tmp_path, code):
    (tmp_path / "typer.py").write_text(code, "utf-8")
    done = run_process("list", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_closed_pipe_is_not_an_error():
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
def test_the_shell_completes_names(words, offered, monkeypatch, capsys):
    monkeypatch.setenv("_REWARDKIT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"rewardkit {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    with pytest.raises(SystemExit):
        main([])
    assert {*capsys.readouterr().out.split()} == offered
