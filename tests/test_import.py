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


def test_importing_takes_at_most_a_fifth_of_a_second_of_the_processor():
    code = "import time; t = time.process_time(); import rewardkit; print(time.process_time() - t)"
    tries = (float(run(code)) for _ in range(20))
    assert any(seconds <= 0.2 for seconds in tries), (
        "not once in 20 tries, however busy the machine"
    )
