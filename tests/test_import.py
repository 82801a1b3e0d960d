from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import rewardkit as rk
from rewardkit import extract, rewards, verify
from rewardkit.registry import lookup

HEAVY = [
    *("torch", "trl", "transformers", "numpy", "sympy", "langid"),
    *("hypothesis", "ray", "rich", "jinja2"),
    *("math_verify", "jsonschema", "jsonschema_rs", "openai", "asyncio"),
]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_none_of_the_heavy_packages():
    code = "import sys, rewardkit.presets; print(sorted(set(HEAVY) & set(sys.modules)))"
    code = code.replace("HEAVY", repr(HEAVY))
    assert run(code) == "[]\n"


def test_importing_loads_what_is_used():
    code = """
import sys, rewardkit as rk
assert "pydantic" not in sys.modules
assert {*rk.__all__} <= {*dir(rk)}
assert "scorer" not in vars(rk)
from rewardkit.cli import app
assert "pydantic" not in sys.modules
assert rk.Outcome("correct") is rk.Outcome.CORRECT
assert "rewardkit.extract" not in sys.modules
try:
    rk.nothing
except AttributeError as error:
    print(error)
print(*rk.names("extractor"))
"""
    message, extractors = run(code).splitlines()
    assert message == "module 'rewardkit' has no attribute 'nothing'"
    assert extractors == "after boxed choice hash last_number regex tag tool_call whole"


def test_a_name_of_a_built_in_is_taken_before_it_is_imported():
    code = """
import threading, rewardkit as rk
from rewardkit.registry import is_registered
found = []
threads = [threading.Thread(target=lambda: found.append(is_registered("xml_soft"))) for _ in "abc"]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(found)
class Own(rk.Reward):
    def score(self, batch):
        return []
try:
    rk.register("xml_soft")(Own)
except ValueError as error:
    print(error)
"""
    found, message = run(code).splitlines()
    assert found == "[True, True, True]"
    assert message.startswith("the name 'xml_soft' is taken by rewardkit.rewards.xml.XmlSoft")


PUBLIC = [
    *(
        "Batch",
        "Column",
        "Component",
        "Extractor",
        "Outcome",
        "Reference",
        "Reward",
        "Score",
        "Scorer",
        "Verdict",
        "Verifier",
        "__version__",
    ),
    *("build", "dump", "extract", "load", "names", "presets", "register", "rewards", "verify"),
    "wrap",
]


def test_the_public_names_are_these_and_sorted():
    assert rk.__all__ == PUBLIC
    assert all(hasattr(rk, name) for name in PUBLIC)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Tag", "; write `from rewardkit.extract import Tag`"),
        ("Number", "; write `from rewardkit.verify import Number`"),
        ("preflight", "; write `from rewardkit.audit import preflight`"),
        ("split", "; write `from rewardkit.adapters.trl import split`"),
        ("adapters", "; write `import rewardkit.adapters`"),
        ("Scoror", "; did you mean 'Scorer' or 'Score'?"),
        ("_private", ""),
    ],
)
def test_a_name_that_is_not_at_the_top_says_where_it_is(name, hint, monkeypatch):
    monkeypatch.delattr(rk, name, raising=False)  # of a package that another test has imported
    with pytest.raises(AttributeError) as caught:
        getattr(rk, name)
    assert str(caught.value) == f"module 'rewardkit' has no attribute {name!r}{hint}"


def test_the_packages_are_attributes():
    code = "import rewardkit; print(rewardkit.rewards.correct, rewardkit.presets.reward_len)"
    assert "rewardkit.rewards.correct" in run(code)
    code = "import rewardkit.rewards.correct; print(rewardkit.rewards.correct.Correct)"
    assert run(code) == "<class 'rewardkit.rewards.correct.Correct'>\n"


def test_every_registered_class_is_exported_from_its_kinds_module():
    for kind, package in (("reward", rewards), ("verifier", verify), ("extractor", extract)):
        for name in rk.names(kind):
            cls = lookup(name)
            if "/" not in name and cls.__module__.startswith("rewardkit."):
                assert getattr(package, cls.__name__) is cls
        assert [*package.__all__] == sorted(package.__all__)


def test_the_version_is_the_distributions():
    assert rk.__version__ == version("rewardkit")
