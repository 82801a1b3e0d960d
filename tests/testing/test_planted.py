"""The kit finds each planted bug under the law that it breaks, and under no other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import planted
from rewardkit import testing as kit

FOUND: dict[str, kit.LawBroken] = {}


def found(name: str) -> kit.LawBroken:
    """Return the failure of a planted bug; each is checked once."""
    if name not in FOUND:
        reward, options, _ = planted.BUGS[name]
        with pytest.raises(kit.LawBroken) as raised:
            kit.check_reward(reward, **options)
        FOUND[name] = raised.value
    return FOUND[name]


@pytest.mark.parametrize("name", planted.BUGS)
def test_a_planted_bug_is_found_under_its_law(name):
    assert {finding.law for finding in found(name).findings} == planted.BUGS[name][2]


RUN_ALL = """
import json, sys
for code in json.load(open(sys.argv[1])):
    try:
        exec(compile(code, "program", "exec"), {"__name__": "__main__"})
        print("nothing")
    except Exception as error:
        print(type(error).__name__)
"""


def test_every_printed_program_runs_and_shows_the_failure(tmp_path):
    # a function within a function, which the reader has to put into the program
    names = [name for name in planted.BUGS if name != "does_not_pickle"]
    findings = [finding for name in names for finding in found(name).findings]
    (tmp_path / "codes.json").write_text(json.dumps([finding.code for finding in findings]))
    (tmp_path / "run_all.py").write_text(RUN_ALL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "run_all.py", "codes.json"], capture_output=True, text=True, cwd=tmp_path
    )
    errors = done.stdout.splitlines()
    assert len(errors) == len(findings), done.stderr
    for finding, error in zip(findings, errors, strict=True):
        raised = finding.given.removeprefix("raises ").partition(":")[0]
        expected = raised if finding.given.startswith("raises ") else "AssertionError"
        assert error == expected, finding.code


def test_the_printed_code_passes_once_the_bug_is_fixed():
    (finding,) = found("drops_a_row").findings
    imports = "from planted import drops_a_row as reward"
    assert imports in finding.code
    fixed = "reward = lambda completions, **columns: [0.0 for _ in completions]"
    exec(finding.code.replace(imports, fixed), {})  # noqa: S102 - the kit's own


def test_the_examples_are_small():
    (finding,) = found("is_nan_on_empty_text").findings
    assert "reward(completions=[''])" in finding.code
    (finding,) = found("raises_on_none_content").findings
    assert "[[{'role': 'assistant', 'content': None}]]" in finding.code


@pytest.mark.parametrize("reward", [*planted.FINE], ids=lambda reward: reward.__name__)
def test_a_reward_without_a_bug_passes(reward):
    checked = kit.check_reward(reward, max_examples=30)
    assert {"total", "length", "finite", "order", "pickles", "linear"} <= {*checked.held}
