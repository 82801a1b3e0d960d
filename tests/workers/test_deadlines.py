"""Deadlines by processor time, and the process that workers are forked from."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import rewardkit as rk
from processes import gone
from rewardkit._workers import cpus, pool, process
from rewardkit._workers.pool import TIMEOUT

SECONDS = 30
ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def no_wall(monkeypatch, short_wall):
    """Leave only the limit of processor time."""
    monkeypatch.setattr(process, "MIN_WALL_SECONDS", 1e9)


@pytest.fixture
def one_at_a_time(monkeypatch):
    monkeypatch.setenv("REWARDKIT_WORKERS", "1")


def do(*rows, timeout=SECONDS, memory=995):
    return pool.run("workload:do", rows, timeout=timeout, memory=memory)


def server(memory=995):
    return pool._pools["workload:do", memory].server


@pytest.mark.parametrize("verb", ["spin", "power"])
def test_a_row_ends_at_its_processor_time(verb):
    assert do(["echo", 1], [verb], ["echo", 2], timeout=0.2) == [1, TIMEOUT, 2]


def test_waiting_uses_no_processor_time():
    assert do(["sleep", 0.5], timeout=0.1) == [None]


def test_time_is_counted_for_each_row_anew(one_at_a_time):
    assert do(*[["spin", 0.2]] * 4, timeout=0.6) == [None] * 4


def test_a_row_that_waits_ends_by_the_clock(monkeypatch):
    monkeypatch.setattr(process, "MIN_WALL_SECONDS", 0.4)
    assert do(["sleep", 60], ["swallow"], timeout=0.2) == [TIMEOUT] * 2


def test_the_limit_by_the_clock_is_generous(monkeypatch):
    monkeypatch.setattr(process, "WALL_FACTOR", 20.0)
    monkeypatch.setattr(process, "MIN_WALL_SECONDS", 5.0)
    assert [process.wall_seconds(seconds) for seconds in (0.1, 0.5, 2)] == [5, 10, 40]
    monkeypatch.setattr(process, "CAN_FORK", False)
    assert process.wall_seconds(0.5) == 0.5


def test_the_shortest_and_the_longest_time():
    assert do(["spin"], timeout=1e-12) == [TIMEOUT]
    assert do(["echo", 1], timeout=math.inf) == [1]
    assert do(["echo", 1], timeout=1e300) == [1]


@ONLY_LINUX
def test_rows_that_end_at_their_time_leave_neither_zombies_nor_descriptors(one_at_a_time):
    do(["echo", 0])
    before = count_files("/proc/self/fd")
    assert do(*[["spin"]] * 12, ["echo", 1], timeout=0.02) == [TIMEOUT] * 12 + [1]
    do(["echo", 0])  # what has arrived at the server is closed
    assert count_files("/proc/self/fd") <= before + 4 * len(process_pool().workers)
    # The pool does not wait for the server, which ends the workers on request, one after another.
    until = time.monotonic() + SECONDS
    while "Z" in read_child_states(server().process.pid):
        assert time.monotonic() < until, "the server leaves zombies"
        time.sleep(0.05)


def read_child_states(pid):
    shown = subprocess.run(
        ["ps", "-o", "stat=", "--ppid", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout


def count_files(folder):
    return len([*Path(folder).iterdir()])


def process_pool(memory=995):
    return pool._pools["workload:do", memory]


def test_a_caller_that_ignores_and_blocks_the_signals_still_has_deadlines():
    code = """
import signal
signal.signal(signal.SIGPROF, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
from rewardkit._workers import pool
print(pool.run("workload:do", [["spin"], ["echo", 1], ["spin"]], timeout=0.1))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, env=environment, text=True) == "[TIMEOUT, 1, TIMEOUT]\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, code):
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")

    return write


def test_a_module_is_imported_once_for_all_workers(module, tmp_path, monkeypatch):
    monkeypatch.setenv("REWARDKIT_WORKERS", "3")
    count = tmp_path / "count"
    module("counted", f"from workload import do\nopen({str(count)!r}, 'a').write('x')\n")
    rows = [["spin"], ["exit", 1], ["echo", 1]] * 3
    answers = pool.run("counted:do", rows, timeout=0.1)
    assert answers == [TIMEOUT, TIMEOUT, 1] * 3
    assert count.read_text() == "x"


def test_workers_go_on_when_their_server_is_killed(one_at_a_time):
    do(["echo", 1])
    killed = server()
    killer = threading.Timer(0.2, killed.process.kill)
    killer.start()
    assert do(["sleep", 1], ["echo", 2]) == [None, 2]
    killer.join()
    assert do(["exit", 1], ["echo", 3]) == [TIMEOUT, 3]
    assert server() is not killed


def test_a_stopped_server_is_replaced(monkeypatch):
    do(["echo", 1], memory=994)
    stopped = server(994)
    os.kill(stopped.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "START_SECONDS", 0.5)
    for worker in process_pool(994).workers:
        worker.kill()
    monkeypatch.setattr(pool, "MAX_FAILED_STARTS", 1000)

    def start_slowly(*arguments):
        monkeypatch.setattr(process, "START_SECONDS", 60.0)
        return process.ForkServer(*arguments)

    monkeypatch.setattr(pool, "ForkServer", start_slowly)
    assert do(["echo", 2], memory=994) == [2]
    assert server(994) is not stopped
    assert gone([stopped.process.pid])


UNFORKABLE = """
import os
fork, left = os.fork, {failures}
def fail():
    global left
    left -= 1
    if left >= 0:
        raise OSError(11, "Resource temporarily unavailable")
    return fork()
os.fork = fail
def same(row): return row
"""


def test_a_fork_that_fails_for_a_moment_is_tried_again(module):
    module("unforkable_once", UNFORKABLE.format(failures=2))
    assert pool.run("unforkable_once:same", [1], timeout=SECONDS) == [1]


def test_forks_that_keep_failing_are_an_error(module, monkeypatch):
    monkeypatch.setattr(pool, "MAX_FAILED_STARTS", 2)
    module("unforkable", UNFORKABLE.format(failures=10**9))
    with pytest.raises(RuntimeError, match="look at the limits of processes and memory"):
        pool.run("unforkable:same", [1])


def test_pools_side_by_side_have_servers_of_their_own():
    for memory in (990, 991, 992):
        assert do(["echo", memory], memory=memory) == [memory]
    assert len({server(memory).process.pid for memory in (990, 991, 992)}) == 3


def test_workers_without_a_fork(monkeypatch):
    monkeypatch.setattr(process, "CAN_FORK", False)
    assert do(["echo", 1], ["spin"], ["echo", 2], timeout=1, memory=993) == [1, TIMEOUT, 2]
    assert server(993) is None


def test_in_a_daemonic_process():
    code = """
import multiprocessing
from rewardkit._workers import pool
def call(): print(pool.run("workload:do", [["echo", 1], ["spin"]], timeout=0.2), flush=True)
child = multiprocessing.get_context("fork").Process(target=call, daemon=True)
child.start()
child.join()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, env=environment, text=True) == "[1, TIMEOUT]\n"


@ONLY_LINUX
def test_mathematics_is_forked_from_one_thread_and_pickles_without_its_pool():
    verifier = rk.build("math")
    before = pickle.dumps(verifier)
    integrals = [rf"\int_0^{n} x^3 dx" for n in range(1, 5)]
    references = [rf"\frac{{{n**4}}}{{4}}" for n in range(1, 5)]
    assert {v.outcome.value for v in verifier.verify(integrals, references)} == {"correct"}
    assert pickle.dumps(verifier) == before
    server = pool._pools["rewardkit.verify._math.symbolic:judge_pair", 1024].server
    assert count_files(f"/proc/{server.process.pid}/task") == 1


@pytest.mark.parametrize(
    ("variables", "affinity", "limits", "expected"),
    [
        ({}, 8, [], 8),
        ({}, 64, [], 64),
        ({"LOCAL_WORLD_SIZE": "4"}, 8, [], 2),
        ({"LOCAL_WORLD_SIZE": "16"}, 8, [], 1),
        ({"LOCAL_WORLD_SIZE": "many"}, 8, [], 8),
        ({}, 8, [math.inf, 2.5], 3),
        ({"LOCAL_WORLD_SIZE": "2"}, 8, [4.0], 2),
        ({"REWARDKIT_WORKERS": "5", "LOCAL_WORLD_SIZE": "4"}, 8, [1.0], 5),
        ({"REWARDKIT_WORKERS": "0"}, 8, [], 1),
    ],
)
def test_the_number_of_workers(monkeypatch, variables, affinity, limits, expected):
    for name in ("REWARDKIT_WORKERS", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cpus, "_count_allowed_cpus", lambda: affinity)
    monkeypatch.setattr(cpus, "_cgroup_limits", lambda: iter(limits))
    assert cpus.count_workers() == expected


@pytest.mark.parametrize(
    ("assigned", "expected"), [({"CPU": 2.0}, 2), ({"CPU": 0.5}, 1), ({}, 1), (None, 8)]
)
def test_actors_of_ray_have_the_processors_that_ray_assigned(monkeypatch, assigned, expected):
    def get_assigned_resources():
        assert assigned is not None, "This method is only available when the process is a worker"
        return assigned

    context = SimpleNamespace(get_assigned_resources=get_assigned_resources)
    ray = SimpleNamespace(get_runtime_context=lambda: context)
    monkeypatch.setitem(sys.modules, "ray", ray)
    for name in ("REWARDKIT_WORKERS", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cpus, "_count_allowed_cpus", lambda: 8)
    monkeypatch.setattr(cpus, "_cgroup_limits", lambda: iter(()))
    assert cpus.count_workers() == expected


def test_a_number_of_workers_that_is_none(monkeypatch):
    monkeypatch.setenv("REWARDKIT_WORKERS", "all")
    with pytest.raises(ValueError, match="REWARDKIT_WORKERS is 'all', expected a whole number"):
        do(["echo", 1])


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000\n", "a/b/cpu.max": "max 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/not/here\n", {"cpu.max": "max 100000"}, math.inf),
        (
            "3:cpu,cpuacct:/host/path\n2:memory:/x\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            0.5,
        ),
        (
            "3:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000"},
            math.inf,
        ),
    ],
)
def test_limits_of_control_groups(monkeypatch, tmp_path, membership, files, expected):
    for name, content in files.items():
        path = tmp_path / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "cgroup").write_text(membership)
    monkeypatch.setattr(cpus, "_MEMBERSHIP", tmp_path / "cgroup")
    monkeypatch.setattr(cpus, "_CGROUPS", tmp_path / "mount")
    assert min(cpus._cgroup_limits()) == expected


@pytest.mark.parametrize(
    ("free", "expected"),
    [(math.inf, 96), (1_000, 31), (768 * 4, 96), (32, 1), (31, 1), (0, 1), (-5, 1)],
)
def test_half_of_the_free_files_are_for_workers(monkeypatch, free, expected):
    monkeypatch.setattr(cpus, "_count_free_files", lambda: free)
    assert cpus.limit_by_files(96, 16) == expected
