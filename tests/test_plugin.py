"""A real plugin distribution, installed into a temporary folder and found by its entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent.parent / "examples" / "plugin"
BUILD = (
    "import rewardkit as rk; "
    "print(rk.build('emoji/penalty')(completions=['Four! \U0001f389', '4']))"
)
NAMES = "import rewardkit as rk; print([n for n in rk.names() if '/' in n])"


def write_metadata(site: Path, name: str, module: str) -> None:
    folder = site / f"{name}-0.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (folder / "entry_points.txt").write_text(f"[rewardkit]\n{name} = {module}\n")


def write_module(site: Path, name: str, registered: str, imports: str = "") -> None:
    (site / f"{name}_rewards.py").write_text(
        f"{imports}\nimport rewardkit as rk\n"
        f"@rk.register('{registered}')\n"
        "class Mine(rk.Extractor):\n"
        "    def extract(self, text):\n"
        "        return text\n"
    )


def run(code: str, site: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "PYTHONIOENCODING": "utf-8",
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--target", str(folder), str(PLUGIN)], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_an_installed_plugin_is_found_on_the_first_miss(site):
    # one process: what was found on the first miss is also listed
    done = run(f"{BUILD}; {NAMES}", site)
    assert (done.stdout, done.stderr) == ("[-1.0, 0.0]\n['emoji/penalty']\n", "")


def test_its_rewards_are_yaml_and_compose(site):
    code = (
        "import rewardkit as rk\n"
        "r = rk.load('type: emoji/penalty\\npenalty: 0.5\\n') + rk.build('xml_count')\n"
        "assert rk.load(rk.dump(r)) == r; print(r(completions=['\U0001f389']))"
    )
    assert run(code, site).stdout == "[-0.5]\n"


def test_plugins_can_be_turned_off(site):
    done = run(BUILD, site, REWARDKIT_NO_PLUGINS="1")
    assert "no component is called 'emoji/penalty'" in done.stderr


def test_a_plugin_that_fails_to_import_gives_a_warning(tmp_path):
    write_metadata(tmp_path, "broken", "no_such_module")
    done = run("import rewardkit as rk; print(len(rk.names()) > 20)", tmp_path)
    assert done.stdout == "True\n"
    assert (
        "rewardkit plugin 'broken' (no_such_module) did not import (ModuleNotFoundError"
        in done.stderr
    )


def test_plugins_that_exit_or_raise_anything_are_named_and_the_others_work(tmp_path):
    # One process for all three.
    for name, line in (
        ("exiting", "import sys; sys.exit(3)"),
        ("odd", "raise BaseException('x' * 100_000)"),
    ):
        write_metadata(tmp_path, name, f"{name}_rewards")
        write_module(tmp_path, name, f"{name}/mine", line)
    write_metadata(tmp_path, "whole", "whole_rewards")
    write_module(tmp_path, "whole", "whole/mine")
    done = run(NAMES, tmp_path)
    assert (done.returncode, done.stdout) == (0, "['whole/mine']\n")
    assert "'exiting' (exiting_rewards) did not import (SystemExit: 3); left out" in done.stderr
    assert "'odd' (odd_rewards) did not import (BaseException: xxx" in done.stderr
    assert len(done.stderr) < 2_000


def test_a_plugin_that_registers_a_name_without_its_prefix_is_left_out(tmp_path):
    write_metadata(tmp_path, "greedy", "greedy_rewards")
    write_module(tmp_path, "greedy", "mine")
    done = run("import rewardkit as rk; print('mine' in rk.names())", tmp_path)
    assert done.stdout == "False\n"
    assert (
        "plugin 'greedy' (greedy_rewards) registers mine without the prefix greedy/; left out"
        in done.stderr
    )


def test_a_plugin_may_import_another(tmp_path):
    for name, imports in (("first", "import second_rewards"), ("second", "")):
        write_metadata(tmp_path, name, f"{name}_rewards")
        write_module(tmp_path, name, f"{name}/mine", imports)
    done = run(NAMES, tmp_path)
    assert (done.stdout, done.stderr) == ("['first/mine', 'second/mine']\n", "")
