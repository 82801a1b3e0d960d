from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processes import CTRL_C_WORKS, alive, gone
from rewardkit._workers import pool
from rewardkit._workers.pool import TIMEOUT

DO = "workload:do"
SECONDS = 30
"""A deadline for rows that have to be answered however busy the machine is."""
LONG = os.environ.get("TESTS") == "long"


def do(*rows, timeout=SECONDS, **options):
    return pool.run(DO, rows, timeout=timeout, **options)


def workers():
    return {worker.process.pid for worker in pool._pools[DO, 1024].workers}


@pytest.fixture
def one_at_a_time(monkeypatch):
    monkeypatch.setenv("REWARDKIT_WORKERS", "1")


@pytest.fixture
def script(tmp_path):
    """Start a script in a new process that finds the same modules as this one."""
    started = []
    stack = ExitStack()

    def start(code, *, stdin=False, **options):
        path = tmp_path / "scripts" / "script.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.Popen(
            [sys.executable, "-" if stdin else str(path)],
            stdin=stack.enter_context(path.open()) if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            **options,
        )
        started.append(child)
        return child

    with stack:
        yield start
        for child in started:
            child.kill()
            child.communicate()


def output(child):
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert "Traceback" not in err, err
    return out


# Answers


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=settings().max_examples // 3)  # a message costs more than its content
@given(st.lists(json))
def test_every_row_gets_its_own_answer(rows):
    assert pool.run("workload:echo", rows, timeout=SECONDS) == rows


def test_lone_surrogates_and_line_ends_come_back():
    assert do(["echo", "\ud800\n\r\u2028\x00"]) == ["\ud800\n\r\u2028\x00"]


def test_an_empty_batch_starts_no_worker():
    assert pool.run("no_such_module:function", []) == []


def test_a_megabyte_goes_in_and_out():
    rows = [str(index) + "x" * 1_000_000 for index in range(5)]
    assert pool.run("workload:echo", rows, timeout=SECONDS) == rows


def test_what_a_function_prints_and_reads_is_not_the_protocol():
    assert do(["talk", '{"answer": 1}\n'], ["read"], ["echo", 2]) == [
        '{"answer": 1}\n',
        ["", ""],
        2,
    ]


def test_an_exception_is_raised_with_the_workers_traceback_and_the_pool_goes_on():
    with pytest.raises(RuntimeError, match=r"(?s)do raised on row 1:.*in fail.*ValueError: oh no"):
        do(["echo", 1], ["fail", "oh no"], ["sleep", 60])
    with pytest.raises(RuntimeError, match="type object is not JSON serializable"):
        do(["object"])
    with pytest.raises(TypeError, match="not JSON serializable"):
        do(["echo", {1, 2}])
    assert do(["echo", 1], ["echo", 2]) == [1, 2]


def test_a_worker_has_one_thread_and_no_gpu():
    names = ["OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"]
    assert do(*(["environment", name] for name in names)) == ["1", ""]


# Starting


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that is importable only through this process's `sys.path`."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, code):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")

    return write


def test_a_slow_import_counts_against_no_row_and_happens_once(module, one_at_a_time):
    module("slow", "import os, time\ntime.sleep(1.5)\ndef pid(_): return os.getpid()")
    first = pool.run("slow:pid", [None] * 3, timeout=1)
    assert first == pool.run("slow:pid", [None] * 3, timeout=1)
    assert TIMEOUT not in first
    assert len(set(first)) == 1


def test_workers_are_kept_across_calls_and_outlive_the_thread_that_started_them(one_at_a_time):
    do(["exit", 0])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(do, ["pid"]).result()
    time.sleep(0.2)
    assert do(["pid"]) == first


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("no_such_module:function", "No module named 'no_such_module'"),
        ("workload:no_such_function", "has no attribute 'no_such_function'"),
        ("__main__:function", "has no attribute 'function'"),
    ],
)
def test_a_missing_function_is_an_error_each_time(function, reason):
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"(?s)cannot be imported by a worker.*{reason}"):
            pool.run(function, [1])


def test_a_module_that_appears_later_is_found(module):
    with pytest.raises(RuntimeError, match="No module named 'later'"):
        pool.run("later:same", [1])
    module("later", "def same(row): return row")
    assert pool.run("later:same", [1], timeout=SECONDS) == [1]


def test_a_module_that_ends_the_process_is_an_error(module, monkeypatch):
    monkeypatch.setattr(pool, "MAX_FAILED_STARTS", 2)
    module("ending", "import os\nos._exit(3)")
    with pytest.raises(RuntimeError, match=r"[2-9] workers for ending:run exited before"):
        pool.run("ending:run", [1])


def test_a_worker_starts_no_workers(module):
    module(
        "nested",
        """
        from rewardkit._workers import pool
        def same(row): return row
        pool.run("nested:same", [1])
        """,
    )
    with pytest.raises(RuntimeError, match="nested:same was called inside a worker"):
        pool.run("nested:same", [1])


def test_a_file_on_the_callers_path_does_not_shadow_a_standard_module(module):
    module("random", "raise SystemExit('the wrong random')")
    module("uses", "import random\ndef same(row): return random.choice([row])")
    assert pool.run("uses:same", [1], timeout=SECONDS) == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no open files")
def test_with_few_open_files_there_are_fewer_workers_and_no_error(script):
    child = script("""
        import os, resource, time
        from rewardkit._workers import pool
        from rewardkit._workers.threads import map_in_threads

        os.environ["REWARDKIT_WORKERS"] = "32"
        used = len(os.listdir("/dev/fd"))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 64, hard))

        def open_pipes(number, _):
            files = [file for _ in range(7) for file in os.pipe()]
            time.sleep(0.05)
            for file in files:
                os.close(file)
            return number

        assert pool.run("math:factorial", [3] * 32, timeout=30) == [6] * 32
        assert map_in_threads(open_pipes, range(8), threads=8) == [*range(8)]
        """)
    output(child)


# Rows that hang, crash, or eat


@pytest.mark.parametrize("verb", ["spin", "power", "swallow"])
def test_a_row_past_its_deadline_times_out_and_the_others_are_answered(verb):
    do(["echo", 0])
    rows = [["echo", 1], [verb], ["echo", 2], ["sleep", 0.01], ["echo", 3]]
    assert do(*rows, timeout=2) == [1, TIMEOUT, 2, None, 3]


def test_rows_hang_side_by_side(one_at_a_time):
    memory = 997  # a separate pool
    answers = do(*[["sleep", 99]] * 4, ["echo", 1], timeout=2, memory=memory)
    assert answers == [TIMEOUT] * 4 + [1]
    assert pool._pools[DO, memory].peak_workers > 1  # though one row at a time


def test_a_batch_leaves_a_spare_for_each_hundred_rows_and_at_most_five(one_at_a_time):
    for rows, spares in ((1, 0), (99, 0), (300, 3), (2000, 5), (1, 5)):
        pool.run("workload:echo", [0] * rows, timeout=SECONDS, memory=999)
        assert len(pool._pools["workload:echo", 999].workers) == 1 + spares


@pytest.mark.parametrize("row", [["exit", 0], ["quit", 0], ["kill"], ["close"], ["long", 17]])
def test_a_crashed_worker_fails_only_its_row(row):
    assert do(["echo", 1], row, ["echo", 2], row, ["echo", 3]) == [1, TIMEOUT, 2, TIMEOUT, 3]


def test_exceeding_the_memory_limit_fails_only_that_row():
    rows = [["eat", 50], ["eat", 400], ["eat", 50]]
    assert do(*rows, memory=200) == [50 << 20, TIMEOUT, 50 << 20]
    assert do(*rows, memory=1000) == [50 << 20, 400 << 20, 50 << 20]


def test_a_stack_overflow_fails_its_row_and_keeps_the_worker(one_at_a_time):
    first, late, last = do(["pid"], ["recurse"], ["pid"])
    assert late is TIMEOUT
    assert first == last


def test_a_worker_killed_from_outside_while_idle_is_replaced():
    do(*[["echo", 1]] * 9)
    killed = workers()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert gone(killed)
    assert do(*[["echo", 1]] * 9) == [1] * 9
    assert not killed & workers()


def test_a_worker_killed_while_busy_fails_only_its_row(one_at_a_time):
    (pid,) = do(["pid"])
    killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert do(["sleep", 60], ["echo", 1]) == [TIMEOUT, 1]
    killer.join()


def test_a_stopped_worker_is_killed_at_the_deadline(one_at_a_time):
    (pid,) = do(["pid"])
    os.kill(pid, signal.SIGSTOP)
    big = "x" * 1_000_000  # does not fit the socket
    assert do(["echo", big], ["echo", 1], timeout=3) == [TIMEOUT, 1]
    assert not alive(pid)


def test_children_of_a_killed_worker_die_with_it(one_at_a_time):
    pid, child = do(["pid"], ["leave_a_child"])
    assert alive(child)
    assert do(["spin"], timeout=0.2) == [TIMEOUT]
    assert gone([pid, child])


def test_many_kills_leave_no_zombie(script):
    code = """
        import os
        from rewardkit._workers import pool
        rows = [["exit", 1]] * 5 + [["spin"]] * 2
        print(pool.run("workload:do", rows, timeout=0.5) == [pool.TIMEOUT] * 7)
        print(os.waitpid(-1, os.WNOHANG))
    """
    assert output(script(code)) == "True\n(0, 0)\n"


def test_a_batch_has_a_deadline_too():
    rows = [["echo", 1], *[["sleep", 60]] * 50]  # 50 minutes if they ran in sequence
    assert do(*rows, batch_timeout=3, timeout=70) == [1] + [TIMEOUT] * 50
    assert do(["echo", 1], batch_timeout=0) == [TIMEOUT]
    assert do(["echo", 1]) == [1]


def test_a_batchs_deadline_counts_while_another_thread_has_the_lock():
    do(["echo", 1])
    taken, end = threading.Event(), threading.Event()

    def keep_lock():
        with pool._pools[DO, 1024].lock:
            taken.set()
            end.wait()

    other = threading.Thread(target=keep_lock)
    other.start()
    taken.wait()
    assert do(["echo", 1], batch_timeout=0.1) == [TIMEOUT]
    end.set()
    other.join()


# Where it is called from


def test_threads_get_their_own_answers():
    def call(caller):
        rows = [["echo", [caller, index]] for index in range(40)]
        return do(*rows, ["exit", 0])

    with ThreadPoolExecutor(8) as pool:
        for caller, answers in enumerate(pool.map(call, range(8))):
            assert answers == [[caller, index] for index in range(40)] + [TIMEOUT]


def test_an_event_loop_may_call_it_itself_and_from_its_threads():
    async def call():
        here = do(["echo", 0], ["spin"], timeout=1)
        calls = [asyncio.to_thread(do, ["echo", caller], ["sleep", 0.01]) for caller in range(6)]
        return here, await asyncio.gather(*calls)

    here, there = asyncio.run(call())
    assert here == [0, TIMEOUT]
    assert there == [[caller, None] for caller in range(6)]


UNGUARDED = """
    from rewardkit._workers import pool
    print("once")
    print(pool.run("workload:do", [["echo", 1], ["spin"], ["echo", 2]], timeout=1))
    (modules,) = pool.run("workload:do", [["modules"]], timeout=30)
    print("script" in modules)
"""


@pytest.mark.parametrize("stdin", [False, True])
def test_an_unguarded_script_runs_once(script, stdin):
    assert output(script(UNGUARDED, stdin=stdin)) == "once\n[1, TIMEOUT, 2]\nFalse\n"


def test_a_module_in_the_current_folder_shadows_nothing_of_a_workers(script, tmp_path):
    for name in ("json", "workload", "rewardkit"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(name)", encoding="utf-8")
    assert output(script(UNGUARDED, cwd=tmp_path)) == "once\n[1, TIMEOUT, 2]\nFalse\n"


def test_a_workers_memory_does_not_grow_the_caller(script):
    code = """
        import resource
        from rewardkit._workers import pool
        def do(*rows): return pool.run("workload:do", rows, timeout=30, memory=400)
        do(["echo", 1])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(do(["eat", 200], ["eat", 4000], ["long", 60], ["eat", 200]))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        unit = 1 if __import__("sys").platform == "darwin" else 1024
        print(grown * unit < 50 << 20)
    """
    assert output(script(code)) == "[209715200, TIMEOUT, TIMEOUT, 209715200]\nTrue\n"


FORKING = """
    import multiprocessing, os, sys
    from rewardkit._workers import pool

    def pids(count=8):
        found = pool.run("workload:do", [["pid"], ["sleep", 0.05]] * count, timeout=30)[::2]
        return set(found)

    def child(pipe):
        mine = pids()
        pool.run("workload:do", [["spin"], ["exit", 1]], timeout=0.5)
        pipe.send(mine)
        pipe.close()

    before = pids()
    reader, writer = multiprocessing.Pipe(duplex=False)
    HOW
    found = reader.recv()
    END
    print("own workers", not found & before)
    print("the parent's stay", bool(pids() & before))
    print(*found)
"""
BY_OS = FORKING.replace(
    "HOW", "pid = os.fork()\n    if not pid: child(writer); sys.exit()"
).replace("END", "assert os.waitpid(pid, 0)[1] == 0")
BY_MULTIPROCESSING = FORKING.replace(
    "HOW",
    "fork = multiprocessing.get_context('fork').Process(target=child, args=(writer,));fork.start()",
).replace("END", "fork.join(); assert fork.exitcode == 0")


@pytest.mark.parametrize("code", [BY_OS, BY_MULTIPROCESSING])
def test_a_forked_child_gets_its_own_workers_which_die_with_it(script, code):
    *lines, pids = output(script(code)).splitlines()
    assert lines == ["own workers True", "the parent's stay True"]
    assert gone(pids.split())


# How it ends

LINGERING = """
    import os, sys, threading, time
    from rewardkit._workers import pool

    def do(*rows, **options): return pool.run("workload:do", rows, **options)

    def signal_later(number):
        threading.Timer(0.3, os.kill, (os.getpid(), number)).start()

    found = do(*[["pid"], ["sleep", 0.05]] * 4, timeout=30)[::2]
    mine = pool._pools["workload:do", 1024]
    print(*{*found, mine.server.process.pid, *(worker.process.pid for worker in mine.workers)})
    sys.stdout.flush()
    ENDING
"""
ENDINGS = [
    "",
    "os._exit(0)",
    "sys.exit()",
    "raise ValueError('oh')",
    "os.kill(os.getpid(), 9)",
    "os.kill(os.getpid(), 15)",
    "signal_later(9); do(['spin'], ['power'], timeout=99)",
    "signal_later(9); do(['power'], ['swallow'], timeout=99)",
    "signal_later(2); do(['spin'], ['power'], timeout=99)",
    "threading.Thread(target=do, args=(['power'],), daemon=True).start(); time.sleep(0.1)",
    "os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(30)'])",
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_worker_is_left_when_the_caller_ends(script, ending):
    child = script(CTRL_C_WORKS + textwrap.dedent(LINGERING).replace("ENDING", ending))
    pids = child.stdout.readline().split()
    assert pids
    assert gone(pids)


def test_ctrl_c_reaches_only_the_caller_and_leaves_the_pool_usable(script):
    code = """
        import os, signal, threading
        from rewardkit._workers import pool
        def do(*rows, **options): return pool.run("workload:do", rows, **options)
        (before,) = do(["pid"], timeout=30)
        for wait in (0.01, 0.3):
            group = threading.Timer(wait, os.killpg, (os.getpgrp(), signal.SIGINT))
            group.start()
            try:
                do(*[["spin"]] * 9, timeout=99)
            except KeyboardInterrupt:
                print("interrupted")
            print(do(["echo", 1], ["echo", 2], timeout=30))
    """
    out = output(script(CTRL_C_WORKS + textwrap.dedent(code), start_new_session=True))
    assert out == "interrupted\n[1, 2]\n" * 2


def test_an_interrupt_at_any_moment_leaves_the_turn_to_others(script):
    code = """
        import random, signal, threading
        from rewardkit._workers import pool

        def interrupt(*_): raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        for _ in range(500):
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 3e-5))
                pool.run("workload:do", [])
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                pass
            signal.setitimer(signal.ITIMER_REAL, 0)

        def call(): print(pool.run("workload:do", [["echo", 1]], timeout=30, batch_timeout=30))

        threading.Thread(target=call).start()
    """
    assert output(script(code)) == "[1]\n"


def test_a_caller_that_dies_of_broken_pipes_does_not_die_of_ours(script):
    code = """
        import os, signal, time
        from rewardkit._workers import pool
        def do(*rows, **options): return pool.run("workload:do", rows, **options)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for _ in range(ROUNDS):
            (pid,) = do(["pid"], timeout=30)
            os.kill(pid, signal.SIGKILL)
            do(["echo", "x" * 100_000], timeout=30)
        print("alive")
    """
    code = code.replace("ROUNDS", "20" if LONG else "5")
    assert output(script(code)) == "alive\n"
