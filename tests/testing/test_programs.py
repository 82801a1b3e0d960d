"""The programs that findings print fail as the findings say, wherever the reward was defined."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pasted
from rewardkit import testing as kit

TESTS = Path(__file__).parents[1]


def python(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code as a program in a folder."""
    (folder / "program.py").write_text(code, encoding="utf-8")
    command = [sys.executable, *(arguments or ("program.py",))]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [""])[-1]


def finding(reward, law="total", check=kit.check_reward, **options):
    """Return the one finding of a law."""
    with pytest.raises(kit.LawBroken) as raised:
        check(reward, laws=law, max_examples=20, **options)
    (found,) = raised.value.findings
    return found


SCRIPT = """
from rewardkit.testing import LawBroken, check_reward

def first(completions, **columns):
    return [0.0 for text in completions]

assert "picklable" in check_reward(first, forms="text", laws="pickles", max_examples=20).held

def bad(completions, **columns):
    return [1 / len(text) for text in completions]

try:
    check_reward(bad, forms="text", laws=["total", "pickles"], max_examples=20)
except LawBroken as broken:
    print(broken.findings[0].code)
print("# not run again")
"""


def test_a_program_runs_its_script_up_to_the_check(tmp_path):
    (tmp_path / "checked.py").write_text(SCRIPT, encoding="utf-8")
    code = python("", tmp_path, "checked.py")
    assert "check=2)['bad']" in code.stdout, code.stderr
    done = python(code.stdout.partition("# not run")[0], tmp_path)
    assert last(done) == "ZeroDivisionError: division by zero"
    assert "LawBroken" not in done.stderr
    assert done.stdout == ""  # the script stopped at its second check


def test_the_second_reward_of_a_script_pickles(tmp_path):
    code = """
from rewardkit.testing import check_reward

for offset in (1.0, 2.0):
    def reward(completions, **columns):
        return [offset for text in completions]

    print("picklable" in check_reward(reward, forms="text", laws="pickles", max_examples=5).held)
"""
    done = python(code, tmp_path)
    assert done.stdout == "True\nTrue\n", done.stderr


NOTEBOOK = '''
import linecache, sys, types
source = """
import math
import re
from collections import Counter as Counts
import rewardkit as rk
from rewardkit.testing import check_reward, LawBroken

SCALE = {"by": 2.0}
NUMBER = re.compile(r"[0-9]+", re.S)

def share(text):
    return math.floor(SCALE["by"]) / len(text) + len(Counts(NUMBER.findall(text)))

def bad(completions, **columns):
    return [share(text) for text in completions]

class Bad(rk.Reward):
    by: float = 2.0
    def score(self, batch):
        return [rk.Score(self.by / len(text)) for text in batch.texts]

@rk.register("notebook_bad")
class Registered(rk.Reward):
    def score(self, batch):
        return [rk.Score(1 / len(text)) for text in batch.texts]

made = __import__("functools").partial(bad)

def show(reward):
    try:
        check_reward(reward, forms="text", laws=["total"], max_examples=20)
    except LawBroken as broken:
        code = broken.findings[0].code
    print(code)
    try:
        exec(code, globals())
    except ZeroDivisionError as error:
        print("# raises", type(error).__name__)
    print("# ---")

for reward in (bad, Bad(by=3.0), Registered(), made):
    show(reward)
"""
name = "<cell 1>"
linecache.cache[name] = (len(source), None, source.splitlines(True), name)
main = sys.modules["__main__"] = types.ModuleType("__main__")
exec(compile(source, name, "exec"), vars(main))
'''


def test_a_notebooks_program_runs_in_the_notebook(tmp_path):
    done = python(NOTEBOOK, tmp_path)
    programs = done.stdout.split("# ---\n")[:-1]
    assert len(programs) == 4, done.stderr
    assert all(program.endswith("# raises ZeroDivisionError\n") for program in programs)
    function, component, registered, partial = programs
    assert "from __main__ import bad as reward  # run this where it was defined" in function
    assert "from __main__ import Bad  # run this where it was defined" in component
    assert "reward = Bad(by=3.0)" in component
    assert "reward = rk.load({'type': 'notebook_bad'})" in registered
    assert "from __main__ import made as reward" in partial


def test_a_prompts_program_runs_at_the_prompt():
    code = (
        "from rewardkit.testing import LawBroken, check_reward\n"
        "def bad(completions, **columns): return [1 / len(text) for text in completions]\n\n"
        "try: check_reward(bad, forms='text', laws='total')\n"
        "except LawBroken as broken: program = broken.findings[0].code\n\n"
        "exec(program)\n"
    )
    command = [sys.executable, "-i", "-q"]  # as a person starts it
    done = subprocess.run(command, input=code, capture_output=True, text=True)
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "run_path" not in done.stderr


def test_what_has_no_name_is_left_to_the_reader():
    found = finding(lambda completions, **_: [1 / 0 for _ in completions])
    assert "reward = ...  # put yours here: <function test_what_has_no_name" in found.code


ALL = """
import json, sys, warnings
warnings.simplefilter("error")  # of a coroutine that nobody awaits
for code in json.load(open(sys.argv[1])):
    try:
        exec(compile(code, "program", "exec"), {"__name__": "__main__"})
        print("nothing")
    except Exception as error:
        print(type(error).__name__)
"""


def errors(codes: list[str], folder: Path) -> list[str]:
    """Return the name of each program's error; all run in one new process."""
    (folder / "codes.json").write_text(json.dumps(codes), encoding="utf-8")
    done = python(ALL, folder, "program.py", "codes.json")
    assert "never awaited" not in done.stderr
    return done.stdout.splitlines()


def test_results_of_the_wrong_type(tmp_path):
    found = {name: finding(it, check=check) for name, (it, check, _) in pasted.WRONG.items()}
    given = {name: given for name, (_, _, given) in pasted.WRONG.items()}
    assert {name: one.given for name, one in found.items()} == given
    raised = errors([one.code for one in found.values()], tmp_path)
    assert raised == ["AssertionError"] * len(found)


def test_values_that_are_hard_to_write(tmp_path):
    codes = [finding(it, law, **options).code for it, law, options, _ in pasted.ODD.values()]
    raised = errors(codes, tmp_path)
    wanted = {name: error for name, (*_, error) in pasted.ODD.items()}
    assert dict(zip(pasted.ODD, raised, strict=True)) == wanted
