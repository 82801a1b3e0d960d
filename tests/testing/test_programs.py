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

assert "total" in check_reward(first, forms="text", laws=["total", "pickles"]).held

def bad(completions, **columns):
    return [1 / len(text) for text in completions]

try:
    check_reward(bad, forms="text", laws=["total", "pickles"])
except LawBroken as broken:
    print(broken.findings[0].code)
print("# never reached again")
"""


def test_of_a_script_that_checks_itself(tmp_path):
    (tmp_path / "checked.py").write_text(SCRIPT, encoding="utf-8")
    code = python("", tmp_path, "checked.py")
    assert "check=2)['bad']" in code.stdout, code.stderr
    done = python(code.stdout.partition("# never")[0], tmp_path)
    assert last(done) == "ZeroDivisionError: division by zero"
    assert "LawBroken" not in done.stderr
    assert done.stdout == ""  # the script stopped at its second check


def test_the_second_reward_of_a_script_pickles(tmp_path):
    code = """
from rewardkit.testing import check_reward

for offset in (1.0, 2.0):
    def reward(completions, **columns):
        return [offset for text in completions]

    print("pickles" in check_reward(reward, forms="text", laws="pickles", max_examples=5).held)
"""
    done = python(code, tmp_path)
    assert done.stdout == "True\nTrue\n", done.stderr


NOTEBOOK = '''
import linecache, sys, types
cell = """
import math
import re
from collections import Counter as Counts
import rewardkit as rk
from rewardkit.testing import check_reward, LawBroken

SCALE = {"by": 2.0}
NUMBER = re.compile(r"[0-9]+", re.S)

def share(text):
    same = "yes"
    same = "yes"
    return math.floor(SCALE["by"]) / len(text) + len(Counts(NUMBER.findall(text)))

def bad(completions, **columns):
    return [share(text) for text in completions]

class Bad(rk.Reward):
    by: float = 2.0
    def score(self, batch):
        return [rk.Score(self.by / len(text)) for text in batch.texts]

made = types.SimpleNamespace(score=bad).score.__class__ and __import__("functools").partial(bad)

def told(reward):
    try:
        check_reward(reward, forms="text", laws=["total"])
    except LawBroken as broken:
        print(broken.findings[0].code)
    print("# ---")

told(bad)
told(Bad(by=3.0))
told(made)
"""
name = "<cell 1>"
linecache.cache[name] = (len(cell), None, cell.splitlines(True), name)
main = sys.modules["__main__"] = types.ModuleType("__main__")
main.types = types
exec(compile(cell, name, "exec"), vars(main))
'''


def test_of_a_notebook(tmp_path):
    done = python(NOTEBOOK, tmp_path)
    function, component, partial, _ = done.stdout.split("# ---\n")
    assert "def share(text):" in function, done.stderr
    assert last(python(function, tmp_path)) == "ZeroDivisionError: division by zero"
    assert "class Bad(rk.Reward):" in component
    assert last(python(component, tmp_path)) == "ZeroDivisionError: float division by zero"
    assert partial.startswith("\n# made stood in no file, and must be defined above this line\n")
    assert last(python(partial, tmp_path)) == "NameError: name 'made' is not defined"


def test_of_the_prompt():
    code = (
        "from rewardkit.testing import check_reward\n"
        "def bad(completions, **columns): return [1 / len(text) for text in completions]\n"
        "check_reward(bad, forms='text', laws='total')\n"
    )
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True)
    assert "run_path" not in done.stderr
    assert "# bad stood in no file, and must be defined above" in done.stderr


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
    """Return what each program raises, in a process of their own."""
    (folder / "codes.json").write_text(json.dumps(codes), encoding="utf-8")
    done = python(ALL, folder, "program.py", "codes.json")
    assert "never awaited" not in done.stderr
    return done.stdout.splitlines()


def test_what_is_of_the_wrong_type(tmp_path):
    found = {name: finding(it, check=check) for name, (it, check, _) in pasted.WRONG.items()}
    given = {name: given for name, (_, _, given) in pasted.WRONG.items()}
    assert {name: one.given for name, one in found.items()} == given
    raised = errors([one.code for one in found.values()], tmp_path)
    assert raised == ["AssertionError"] * len(found)


def test_what_is_hard_to_write(tmp_path):
    codes = [finding(it, law, **options).code for it, law, options, _ in pasted.ODD.values()]
    raised = errors(codes, tmp_path)
    wanted = {name: error for name, (*_, error) in pasted.ODD.items()}
    assert dict(zip(pasted.ODD, raised, strict=True)) == wanted
