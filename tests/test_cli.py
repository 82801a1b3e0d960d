from __future__ import annotations

import subprocess
import sys

import pytest

import rewardkit as rk
from rewardkit.cli import main


def test_list(capsys):
    assert main(["list", "verifier"]) == 0
    assert capsys.readouterr().out.split() == rk.names("verifier")


@pytest.mark.parametrize("name", rk.names())
def test_show_has_every_field_with_a_text(name, capsys):
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    for field in type(rk.build(name)).model_fields if name == "tag" else ():
        assert f"  {field}: " in shown
    fields = shown.split("fields:")[1].strip().splitlines()
    assert all(line.rstrip().endswith(".") and ". " in line for line in fields)


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
