from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

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


PUBLIC = [
    *(
        "Batch",
        "Column",
        "Component",
        "Extractor",
        "Outcome",
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
