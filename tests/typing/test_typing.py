"""The errors of mypy and pyright on good and bad uses, without a plugin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BAD = HERE / "bad.py"
GOOD = HERE / "good.py"
CACHE = HERE.parents[1] / ".mypy_cache" / "typing"
MARKED = {
    number
    for number, line in enumerate(BAD.read_text(encoding="utf-8").splitlines(), 1)
    if "# error" in line
}


def mypy_errors(_: Path) -> set[tuple[str, int]]:
    # a cache of their own, beside the lint's, whose options are others: the next run takes a second
    options = ["--strict", "--config-file", "", "--cache-dir", str(CACHE)]
    command = [sys.executable, "-m", "mypy", *options, str(GOOD), str(BAD)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.findall(r"^(.+?):(\d+): error:", done.stdout, re.MULTILINE)
    return {(Path(name).name, int(line)) for name, line in found}


def pyright_errors(folder: Path) -> set[tuple[str, int]]:
    config = {"typeCheckingMode": "standard", "reportUnusedExpression": "none"}
    (folder / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    files = [folder / path.name for path in (GOOD, BAD)]
    for path in files:
        path.write_text((HERE / path.name).read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "--project", str(folder)], capture_output=True, text=True)
    if not done.stdout.startswith("{"):
        pytest.skip("pyright does not run here: pip install 'pyright[nodejs]'")
    diagnostics = json.loads(done.stdout)["generalDiagnostics"]
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in diagnostics
        if one["severity"] == "error"
    }


@pytest.mark.parametrize("errors", [mypy_errors, pyright_errors])
def test_good_uses_pass_and_each_bad_one_is_an_error(errors, tmp_path):
    assert errors(tmp_path) == {("bad.py", line) for line in MARKED}
