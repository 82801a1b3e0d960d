from __future__ import annotations

import subprocess
import sys

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
