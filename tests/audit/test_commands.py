from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
from rewardkit.audit import ZOO

TEMPLATE = "<reasoning>\nThe numbers say so.\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
ROWS = [
    {"prompt": "What is 40 + 2?", "answer": "42"},
    {"prompt": "What is 5 - 12?", "answer": "-7"},
    {"prompt": "What is 500 + 750?", "answer": "1250"},
]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "audit.md"


def console() -> Any:
    """Return docs/console.py as a module."""
    spec = importlib.util.spec_from_file_location("console", ROOT / "docs" / "console.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_output_on_the_page_is_written_by_the_commands() -> None:
    pytest.importorskip("typer")
    page = "```console\n$ rewardkit list verifier\nold\n$ rewardkit --version\n```\n"
    listed = "\n".join(rk.names("verifier"))
    version = f"rewardkit {importlib.metadata.version('rewardkit')}"
    wanted = f"```console\n$ rewardkit list verifier\n{listed}\n\n"
    wanted += f"$ rewardkit --version\n{version}\n```\n"
    module = console()
    module._run_command = cache(module._run_command)  # each command runs once
    assert module.refresh_page(page) == wanted
    assert module.refresh_page(wanted) == wanted


def test_the_page_lists_the_zoo() -> None:
    rows = re.findall(
        r"^\| ([a-z ]+) \| (`[^|]*`) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    listed = [(family, name) for family, names in rows for name in re.findall("`([^`]+)`", names)]
    assert listed == [(entry.family, entry.name) for entry in ZOO]


def test_the_page_counts_the_zoo() -> None:
    page = PAGE.read_text(encoding="utf-8")
    families = {entry.family for entry in ZOO}
    assert f"The zoo has {len(ZOO)} entries in {len(families)} families" in page


def test_the_page_shows_the_examples_tests() -> None:
    code = (ROOT / "examples" / "audit" / "test_rewards.py").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code.endswith(shown)


def test_the_example_passes_in_a_separate_repository() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_rewards.py"],
        cwd=ROOT / "examples" / "audit",
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), "."]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the example needs none, and they load slowly
        },
        capture_output=True,
        text=True,
    )
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.fixture
def forget_rewards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the module `rewards`, which other tests import from another file."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("rewards", None)


@pytest.mark.usefixtures("forget_rewards")
def test_the_commands_say_what_was_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("typer")
    main = importlib.import_module("rewardkit.cli").main
    assert main(["audit", "rewardkit.presets:strict_format_reward_func", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["findings"], data["sample"], data["row_count"]) == ([], "xml", 4)
    source = f"{ROOT / 'examples' / 'audit' / 'rewards.py'}:open_r1_format"
    assert main(["audit", source, "--json", "--skip", "disorder"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["findings"][0]["entry"] == "tags-only"
    assert "disorder" not in {finding["family"] for finding in data["findings"]}
    assert main(["audit", source, "--sample", "no"]) == 2
    assert "no sample 'no'" in capsys.readouterr().err

    rows, template = tmp_path / "rows.jsonl", tmp_path / "template.txt"
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS), encoding="utf-8")
    template.write_text(TEMPLATE, encoding="utf-8")
    right = "rewardkit.presets:correctness_reward_func"
    given = [right, "--data", str(rows), "--template"]
    assert main(["preflight", *given, f"@{template}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spread"][0]["reward"] == "correctness_reward_func"
    assert main(["preflight", *given, "<answer>\\n{answer}</answer>", "--rows", "2"]) == 0
    assert "2 rows, 0 problems" in capsys.readouterr().out
    assert main(["preflight", *given, "{answer}"]) == 1
    assert "below_maximum on 3 rows" in capsys.readouterr().out.replace("\n", " ")
