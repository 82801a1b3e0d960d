from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import rewardkit as rk
from rewardkit.cli import app, main


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
