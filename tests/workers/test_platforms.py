"""Windows and macOS, simulated on Linux by removing modules and functions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from processes import gone
from rewardkit._workers import pool

ONLY_UNIX = ("fcntl", "grp", "pwd", "resource", "termios")
ON_WINDOWS = f"""
import os, select, signal, sys
import rewardkit.verify._sandbox.host, rewardkit.verify._math.decide  # for what
import rewardkit._workers.worker  # they import of others, which look at the platform
for module in [name for name in sys.modules if name.partition(".")[0] == "rewardkit"]:
    del sys.modules[module]
for module in {ONLY_UNIX!r}:
    sys.modules[module] = None
for module, names in (
    (os, ("fork", "getpgrp", "killpg", "register_at_fork", "sched_getaffinity")),
    (select, ("poll",)),
    (signal, ("SIGKILL",)),
):
    for name in names:
        delattr(module, name)
sys.platform = "win32"
"""


def run(code, **options):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_modules_import_where_unix_functions_are_missing():
    code = """
import rewardkit._workers.parallel, rewardkit._workers.pool, rewardkit._workers.worker
import rewardkit.verify._sandbox.host
from rewardkit.verify import Math
print([verdict.outcome.value for verdict in Math().verify(["0.5", "3"], ["1/2", "4"])])
"""
    assert run(ON_WINDOWS + code) == "['correct', 'wrong']\n"


@pytest.mark.parametrize("unsafe", [False, True])
def test_code_refuses_on_windows(unsafe):
    code = f"""
from rewardkit.verify import Code
try:
    Code(unsafe_subprocess={unsafe}).verify(["x = 1"], ["assert x == 1"])
except RuntimeError as error:
    print(error)
"""
    assert run(ON_WINDOWS + code).startswith("code cannot run answers on Windows")


def test_answers_are_waited_for_without_poll(monkeypatch):
    monkeypatch.setattr(pool, "_HAS_POLL", False)
    rows = [["echo", 1], ["sleep", 60], ["echo", "x" * 1_000_000]]
    assert pool.run("workload:do", rows, timeout=3) == [1, pool.TIMEOUT, "x" * 1_000_000]
    assert pool._select_sockets([], 0.01) == set()


def test_a_pool_gives_verdicts_without_fcntl_and_resource(tmp_path):
    """As on macOS, where a thread ends a worker whose caller has exited."""
    on_macos = f"""
import sys
import pydantic, subprocess, zoneinfo  # which look at the platform
sys.modules.update(dict.fromkeys({ONLY_UNIX!r}))
sys.platform = "darwin"
"""
    (tmp_path / "sitecustomize.py").write_text(on_macos, encoding="utf-8")
    code = """
import sys
from rewardkit._workers import pool
assert sys.platform == "darwin" and sys.modules["resource"] is None
rows = [["echo", 1], ["spin"], ["echo", 2], ["pid"]]
*answers, pid = pool.run("workload:do", rows, timeout=3)
print(answers)
pids = [worker.process.pid for worker in pool._pools["workload:do", 1024].workers]
print(pid in pids, *pids, flush=True)
import os
os._exit(0)
"""
    path = os.pathsep.join([str(tmp_path), *sys.path])
    answers, line = run(code, env={**os.environ, "PYTHONPATH": path}).splitlines()
    assert answers == "[1, TIMEOUT, 2]"
    in_pool, *pids = line.split()
    assert in_pool == "True"
    assert gone(pids)
