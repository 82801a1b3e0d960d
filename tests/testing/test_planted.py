"""The kit finds each planted bug, under the law that it breaks and no other."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import planted
from rewardkit import testing as kit

FOUND: dict[str, kit.LawBroken] = {}


def found(name: str) -> kit.LawBroken:
    """Return what the kit says of a planted bug; it is asked once."""
    if name not in FOUND:
        reward, options, _ = planted.BUGS[name]
        with pytest.raises(kit.LawBroken) as raised:
            kit.check_reward(reward, **options)
        FOUND[name] = raised.value
    return FOUND[name]


@pytest.mark.parametrize("name", planted.BUGS)
def test_a_planted_bug_is_found_under_its_law_in_time(name, record_property):
    start = time.monotonic()
    broken = found(name)
    took = time.monotonic() - start
    record_property("seconds", round(took, 1))
    assert {finding.law for finding in broken.findings} == planted.BUGS[name][2]
    assert took < 30


@pytest.mark.parametrize("name", [name for name in planted.BUGS if name != "does_not_pickle"])
def test_the_printed_code_runs_and_shows_the_failure(name, tmp_path):
    for finding in found(name).findings:
        program = tmp_path / "program.py"
        program.write_text(finding.code, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(program)], capture_output=True, text=True, cwd=tmp_path
        )
        error = done.stderr.strip().splitlines()[-1]
        if finding.given.startswith("raises "):
            assert error.startswith(finding.given.removeprefix("raises ").partition(":")[0])
        else:
            assert error.startswith("AssertionError"), f"{finding.code}\n{done.stderr}"


@pytest.mark.parametrize("name", ["drops_a_row", "DropsARow", "reads_its_neighbour"])
def test_the_printed_code_passes_once_the_bug_is_mended(name, tmp_path):
    mended = {"DropsARow": "rk.build('length', target=0)"}.get(
        name, "lambda completions, **_: [0.0 for _ in completions]"
    )
    for finding in found(name).findings:
        if finding.law != "length":
            continue
        lines = [f"reward = {mended}" if "planted" in line else line for line in finding.code.split("\n")]
        program = "\n".join(line for line in lines if not line.startswith("reward = Drops"))
        exec(program, {"rk": __import__("rewardkit")})  # noqa: S102 - the kit's own


def test_what_is_found_is_small():
    (finding,) = found("is_nan_on_empty_text").findings
    assert "reward(completions=[''])" in finding.code
    (finding,) = found("raises_on_none_content").findings
    assert "[[{'role': 'assistant', 'content': None}]]" in finding.code


@pytest.mark.parametrize("reward", [*planted.FINE], ids=lambda reward: reward.__name__)
def test_a_reward_without_a_bug_passes(reward):
    checked = kit.check_reward(reward, max_examples=30)
    assert {"total", "length", "finite", "order", "pickles", "linear"} <= {*checked.held}
    assert Path(planted.__file__).exists()
