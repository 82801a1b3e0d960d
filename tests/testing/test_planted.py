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


RUN_EACH = """
import json, sys
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "program", "exec"), {"__name__": "__main__"})
        print("nothing", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""


@pytest.fixture(scope="module")
def run_program(tmp_path_factory):
    """Run a program in one new process for all programs; return the name of its error."""
    child = subprocess.Popen(
        [sys.executable, "-c", RUN_EACH],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("programs"),
    )

    def run(code: str) -> str:
        child.stdin.write(json.dumps(code) + "\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    with child:
        yield run


# one test for both, so that tests in several processes find each bug once
@pytest.mark.parametrize("name", planted.BUGS)
@pytest.mark.usefixtures("forked")
def test_a_planted_bug_is_found_under_its_law_and_its_program_shows_it(name, run_program):
    findings = found(name).findings
    assert {finding.law for finding in findings} == planted.BUGS[name][2]
    for finding in findings:
        raised = finding.given.removeprefix("raises ").partition(":")[0]
        expected = raised if finding.given.startswith("raises ") else "AssertionError"
        assert run_program(finding.code) == expected, finding.code


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
    (finding,) = found("DependsOnChatForm").findings
    assert "rk.Batch.of('7')" in finding.code


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("reward", [*planted.FINE], ids=lambda reward: reward.__name__)
def test_a_reward_without_a_bug_passes(reward):
    checked = kit.check_reward(reward, max_examples=20)
    assert {
        "never_raises",
        "one_value_per_row",
        "finite",
        "row_order",
        "picklable",
        "linear_time",
    } <= {*checked.held}
