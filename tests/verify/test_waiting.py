"""The processes that wait in sandboxes: what they leave, when they end, and a machine's faults."""

from __future__ import annotations

import errno
import json
import mmap
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

import rewardkit as rk
from processes import CTRL_C_WORKS, gone
from programs import LINGERING
from rewardkit.verify._sandbox import command, host, process, streams

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap runs on Linux alone"),
]

RIGHT = ("def f(x): return x + 1", "assert f(1) == 2")
SLEEPER = "import time\ntime.sleep(60)"
ANYTHING = {"input": "", "output": "x"}


def verify(*pairs, **fields):
    answers, tests = zip(*pairs, strict=True)
    return rk.build("code", **{"timeout": 30.0, **fields}).verify(answers, tests)


def run_script(script, **options):
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def wait_until(check):
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def descendants(pid):
    """Return the ids of all processes that a process has started, the newest last."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int(
                    (folder / "stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:
                continue
    found = [pid]
    for each in found:
        found += sorted(child for child, parent in parents.items() if parent == each)
    return found[1:]


@pytest.fixture
def server():
    """The server of the sandboxes that answers run in, with nothing from earlier tests."""
    process.end_waiting_processes()
    verify(RIGHT)
    (found,) = process._servers.values()
    return found


# A program that writes what a row could find of another one.
LOOK = """
import builtins, gc, json, math, os, random, re, resource, signal, sys, threading, time
print(len([1]), json.dumps([1]), math.sqrt(4), re.compile("a").pattern, time.time() > 0)
print("LEFT" in os.environ, os.getcwd(), os.umask(0), sys.getrecursionlimit(), "/left" in sys.path)
print("left" in sys.modules, gc.isenabled(), signal.getsignal(signal.SIGALRM) is signal.SIG_DFL)
print(signal.getitimer(signal.ITIMER_REAL), signal.pthread_sigmask(signal.SIG_BLOCK, []))
print(os.nice(0), len(os.sched_getaffinity(0)), resource.getrlimit(resource.RLIMIT_NOFILE))
print(os.getpid(), os.getppid(), threading.active_count(), [os.get_blocking(n) for n in range(3)])
"""


def test_nothing_is_left_for_the_next_row(server):
    output, code = host.Sandbox(512, 30, find_box()).run_program(
        LOOK, "", max_bytes=9999, clock=new_clock()
    )
    assert code == 0
    wanted = {"input": "", "output": output.decode()}
    (waiting,) = process._idle[find_box(), False]
    pairs = []
    for name, program in LINGERING.items():
        pairs += [(program, ANYTHING), (f"{LOOK}# after {name}", wanted)]
    verdicts = verify(*pairs, workers=1, timeout=2.0)
    found = dict(zip(LINGERING, verdicts[1::2], strict=True))
    assert {name: each for name, each in found.items() if each.outcome != "correct"} == {}
    # all in the same process
    assert process._idle[find_box(), False] == [waiting]
    assert process._servers[find_box()] is server


def test_the_rehearsal_leaves_nothing(server):
    program = """
import os, sys
def is_open(number):
    try:
        return os.fstat(number) is not None
    except OSError:
        return False
print("solution" in sys.modules, vars(sys.modules["__main__"]) is globals())
print([number for number in range(99) if is_open(number)], sys.stdin.fileno(), sys.stdout.fileno())
print(sys.stdin.read(), sys.stdout is sys.__stdout__, input.__module__)
"""
    wanted = "False True\n[0, 1, 2] 0 1\ngiven True builtins"
    assert verify((program, {"input": "given", "output": wanted}))[0].outcome == "correct"


def test_the_rehearsal_shuts_down_no_threads():
    # where `threading` is there already, as it is in a sandbox of Python 3.14
    program = """
from rewardkit.verify._sandbox import guest, limits, waiting
waiting._rehearse_roles(vars(guest), vars(limits))
from concurrent.futures import ThreadPoolExecutor
print(ThreadPoolExecutor().submit(int, "7").result())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("7\n", "")


def find_box():
    return host.find_box(host.find_bubblewrap(), packages=False)


def new_clock():
    return streams.Clock(60.0, time.monotonic() + 60)


def test_no_process_that_waits_shares_memory_to_write_to(server):
    (server_pid,) = [pid for pid in descendants(server.process.pid) if descendants(pid)]
    for pid in (server_pid, *descendants(server_pid)):
        process._refuse_shared_memory(pid)
    with mmap.mmap(-1, 4096), pytest.raises(streams.SandboxFailedError, match="share memory"):
        process._refuse_shared_memory(os.getpid())


def test_random_numbers_differ_and_hashes_do_not():
    sandbox = host.Sandbox(512, 30, find_box())
    program = "import random\nprint(random.random())\nprint(hash('rewardkit'))"
    first, second = (
        sandbox.run_program(program, "", max_bytes=99, clock=new_clock())[0].split()
        for _ in range(2)
    )
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_what_is_written_late_arrives(sandboxed):
    programs = [
        "import atexit\natexit.register(print, 'x')",
        "file = open(1, 'w')\nfile.write('x')",
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('x')",
        "import threading, time\nthreading.Timer(0.2, print, ['x']).start()",
        "class Last:\n    def __del__(self): print('x')\nlast = Last()",
        "import sys\nprint('x')\nsys.exit()",
        "import sys\nsys.stderr.write('y' * 10**6)\nprint('x')",
    ]
    verdicts = verify(*[(each, ANYTHING) for each in programs], **sandboxed)
    assert [str(each.outcome) for each in verdicts] == ["correct"] * len(programs)


def test_exit_codes_are_pythons(sandboxed):
    programs = {
        "import sys\nsys.exit(3)": 3,
        "import sys\nsys.exit('no')": 1,
        "import sys\nsys.exit(256 + 4)": 4,
        "raise ValueError": 1,
        "import sys\nsys.excepthook = lambda *_: print('x')\nraise ValueError": 1,
    }
    verdicts = verify(*[(each, ANYTHING) for each in programs], **sandboxed)
    codes = [each.detail.rpartition(" ")[2] for each in verdicts]
    assert codes == [str(code) for code in programs.values()]


@pytest.mark.parametrize("warm", [True, False])
def test_no_program_passes_its_own_end_off_as_a_kill(warm, monkeypatch):
    if not warm:
        cold = command.Box(host.find_bubblewrap(), nobody=os.geteuid() == 0)
        monkeypatch.setattr(host, "find_box", lambda *_, **__: cold)
    verdicts = verify(
        ("import os\nos._exit(137)", ANYTHING),
        ("import sys\nsys.exit(137)", ANYTHING),
        ("import ctypes\nctypes.CDLL(None).syscall(60, 137)", ANYTHING),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ANYTHING),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\nf = 1", "assert f == 2"),
    )
    assert [str(each.outcome) for each in verdicts] == ["wrong"] * 5, verdicts


def test_all_end_with_the_caller():
    with run_script("""
        import os, signal
        import rewardkit as rk
        from rewardkit.verify._sandbox import process
        rk.build("code").verify(["def f(x): return 1"], ["assert f(1) == 1"])
        print(*[each.process.pid for each in process._servers.values()], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """) as caller:
        pid = int(caller.stdout.readline())
    wait_until(lambda: not is_running(pid))


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_they_end_after_a_while(server):
    wait_until(lambda: server.process.poll() is not None)
    assert verify(RIGHT)[0].outcome == "correct"
    assert process._servers[find_box()] is not server


def test_a_server_ends_last_since_it_waits_for_those_that_it_has_forked(server, monkeypatch):
    ended = []
    for kind in (process.Server, process.WaitingProcess):

        def end(self, end=kind.end):
            ended.append(self)
            end(self)

        monkeypatch.setattr(kind, "end", end)
    process.end_waiting_processes()
    assert len(ended) == 3  # beside it, one for answers and one for tests
    assert ended[-1] is server
    assert process._open_ends == set()


def test_an_answer_has_an_empty_input_of_its_own(sandboxed):
    answer = "import os\ndef read(): return os.read(0, 9)"
    assert verify((answer, "assert read() == b''"), **sandboxed)[0].outcome == "correct"


def test_a_fork_of_the_caller_has_processes_of_its_own(server):
    pid = os.fork()
    if pid == 0:
        correct = verify(RIGHT)[0].outcome == "correct"
        others = process._servers[find_box()] is not server
        process.end_waiting_processes()
        os._exit(0 if correct and others else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert verify(RIGHT)[0].outcome == "correct"


# Faults of the machine: never an error of the run, and never the answer's fault.


@pytest.mark.parametrize("pair", [RIGHT, ("print('x')", ANYTHING)])
def test_a_row_is_tried_again_where_a_process_was_killed(server, pair):
    for pid in (*descendants(server.process.pid), server.process.pid):
        with suppress(ProcessLookupError):  # it ended with another one
            os.kill(pid, signal.SIGKILL)
    assert verify(pair)[0].outcome == "correct"


@pytest.mark.parametrize("tests", ["assert f() == 1", ANYTHING])
def test_a_program_that_the_machine_kills_is_not_wrong(server, tests):
    answer = f"{SLEEPER}\ndef f(): return 1"
    script = """
        import json, sys
        import rewardkit as rk
        from rewardkit.verify._sandbox import process
        answer, tests = json.load(sys.stdin)
        right = "def f(x): return 1", "assert f(1) == 1"
        code = rk.build("code", timeout=60.0)
        code.verify(*[[each] for each in right])
        print(*[each.process.pid for each in process._servers.values()], flush=True)
        print(code.verify([answer], [tests])[0].detail)
    """
    with run_script(script, stdin=subprocess.PIPE) as caller:
        json.dump([answer, tests], caller.stdin)
        caller.stdin.close()
        pid = int(caller.stdout.readline())

        def kill_sleeper():
            for each in descendants(pid):
                # it waits in the program's own sleep, the others in a poll, a wait or a read
                if b"time" in read_system_call(each):
                    os.kill(each, signal.SIGKILL)
                    return True
            return False

        wait_until(kill_sleeper)
        assert caller.stdout.read().startswith("killed by the kernel")


def read_system_call(pid):
    try:
        return b"time" if b"nanosleep" in Path(f"/proc/{pid}/wchan").read_bytes() else b""
    except OSError:
        return b""


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOSPC, errno.EMFILE, errno.ENOMEM])
def test_a_fault_that_passes_is_not_seen(monkeypatch, number):
    faults = iter([OSError(number, os.strerror(number))])
    send_files = process.send_files

    def send(*args):
        for error in faults:
            raise error
        send_files(*args)

    monkeypatch.setattr(process, "send_files", send)
    assert verify(RIGHT)[0].outcome == "correct"


def test_a_fault_that_stays_is_a_timeout_with_the_reason(monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(process, "open_nameless_file", fail)
    (verdict,) = verify(RIGHT)
    assert verdict.outcome == "timeout"
    assert "No space left on device" in verdict.detail


def test_without_open_files_nothing_is_wrong():
    with run_script("""
        import os, resource
        import rewardkit as rk
        code = rk.build("code", workers=2)
        pair = ["def f(x): return 1"] * 2, ["assert f(1) == 1", "assert f(2) == 1"]
        print([str(verdict.outcome) for verdict in code.verify(*pair)])
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for spare in (0, 2, 5, 9):
            held = len(os.listdir("/proc/self/fd"))
            resource.setrlimit(resource.RLIMIT_NOFILE, (held + spare, hard))
            outcomes = {verdict.outcome for verdict in code.verify(*pair)}
            assert outcomes <= {"timeout", "correct"}, outcomes
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        print([str(verdict.outcome) for verdict in code.verify(*pair)])
    """) as caller:
        assert caller.stdout.read() == "['correct', 'correct']\n" * 2


def test_without_threads_the_rows_run_one_by_one(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert [each.outcome for each in verify(RIGHT, ("f = abs", RIGHT[1]))] == ["correct", "wrong"]


def test_programs_without_a_sandbox_end_soon_after_their_caller_was_killed():
    with run_script(f"""
        import rewardkit as rk
        code = rk.build("code", timeout=1, unsafe_subprocess=True)
        code.verify([{SLEEPER!r}], ["assert f(1) == 2"])
    """) as caller:
        wait_until(lambda: any(map(read_system_call, descendants(caller.pid))))
        found = descendants(caller.pid)
        caller.kill()
    assert gone(found)


SIGNALS = """
import os, signal, sys
import rewardkit as rk
program = "import signal\\nsignal.signal(signal.SIGALRM, lambda *_: print('x'))\\n"
program += "signal.setitimer(signal.ITIMER_REAL, 0.01)\\nsignal.pause()"
answers = ["def f(x): return x + 1", "def f(x): return x", program, "print('x')\\nexit(3)"]
tests = ["assert f(1) == 2"] * 2 + [{"input": "", "output": "x"}] * 2
def verify(**fields):
    verdicts = rk.build("code", timeout=30.0, **fields).verify(answers, tests)
    print(*[str(each.outcome) for each in verdicts], flush=True)
"""


def test_the_callers_signals_are_not_those_of_programs():
    with run_script(f"""{SIGNALS}
for number in (signal.SIGCHLD, signal.SIGALRM, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
verify()
""") as caller:
        assert caller.communicate(timeout=120)[0] == "correct wrong correct wrong\n"


@pytest.mark.parametrize("sandboxed", [False, True])
def test_a_lost_exit_code_is_not_one_of_success(sandboxed):
    with run_script(f"""{SIGNALS}
from rewardkit.verify._sandbox import command, host
found = command.Box(host.find_bubblewrap(), nobody=os.geteuid() == 0)
host.find_box = lambda bwrap, **_: found if bwrap else command.Box(None)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
verify(unsafe_subprocess={not sandboxed})
""") as caller:
        assert caller.communicate(timeout=120)[0] == "timeout timeout timeout timeout\n"


def test_a_fork_that_holds_a_rows_pipes_does_not_hold_the_row():
    with run_script("""
        import os, signal, time
        import rewardkit as rk
        from rewardkit.verify._sandbox import process
        send_files, forks = process.send_files, []
        def fork_and_send(control, files):
            if "ready" in files:
                forks.append(os.fork())
                if not forks[-1]:
                    time.sleep(60)
                    os._exit(0)
            send_files(control, files)
        process.send_files = fork_and_send
        code = rk.build("code", timeout=20.0, workers=1)
        answers = ["def f(x): return 1", "def f(x): return 2", "print('x')", "exit(3)"]
        tests = ["assert f(1) == 1"] * 2 + [{"input": "", "output": "x"}] * 2
        print(*[str(each.outcome) for each in code.verify(answers, tests)], flush=True)
        for pid in forks:
            os.kill(pid, signal.SIGKILL)
    """) as caller:
        assert caller.communicate(timeout=120)[0] == "correct wrong correct wrong\n"


def test_a_server_that_was_stopped_is_replaced(server, monkeypatch):
    for module, name in ((streams, "START_SECONDS"), (process, "END_SECONDS")):
        monkeypatch.setattr(module, name, 1.0)
    for pid in (*descendants(server.process.pid), server.process.pid):
        os.kill(pid, signal.SIGSTOP)
    assert [str(each.outcome) for each in verify(RIGHT, workers=1)] == ["correct"]
    assert process._servers[find_box()] is not server


@pytest.mark.parametrize("words", ["Resource temporarily unavailable", "Cannot allocate memory"])
def test_a_full_machine_chooses_no_weaker_sandbox(monkeypatch, words):
    tried = []
    monkeypatch.setattr(host, "_try_box", lambda each: tried.append(each) or f"bwrap: {words}")
    host._try_boxes.cache_clear()
    (verdict,) = verify(RIGHT)
    assert verdict.outcome == "timeout"
    assert verdict.detail == f"the machine could not run it: bwrap: {words}"
    assert [(each.warm, each.nobody) for each in tried] == [(True, os.geteuid() == 0)]
    assert words in rk.build("code").describe_sandbox()
    monkeypatch.undo()
    assert verify(RIGHT)[0].outcome == "correct"


def test_a_process_that_has_been_ended_is_gone_at_each_question(server):
    waiting = process.WaitingProcess(server, new_clock())
    row = process.WarmRow(waiting, {})
    waiting.end()
    for _ in range(2):
        with pytest.raises(streams.SandboxFailedError, match="was killed"):
            row.end()


def test_packages_where_the_working_folder_is_gone(monkeypatch, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert verify(("import pydantic\nprint('x')", ANYTHING), packages=True)[0].outcome == "correct"


def test_ctrl_c_ends_all_at_once():
    script = """
        import rewardkit as rk
        code = rk.build("code", timeout=600.0, workers=4)
        print("ready", code.verify(["f = 1"], ["assert f"])[0].outcome, flush=True)
        try:
            code.verify([f"while True: {n}" for n in range(40)], ["assert f() == 1"] * 40)
        except KeyboardInterrupt:
            print("interrupted")
    """
    with run_script(CTRL_C_WORKS + textwrap.dedent(script)) as caller:
        assert caller.stdout.readline() == "ready correct\n"
        time.sleep(0.5)
        caller.send_signal(signal.SIGINT)
        assert caller.communicate(timeout=60)[0] == "interrupted\n"


# The user nobody, and packages.


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody; run pytest as root")
def test_where_nobody_cannot_read_the_packages_it_says_so(monkeypatch, tmp_path):
    (tmp_path / "left.py").write_text("x = 1")
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(RuntimeWarning, match="as root, since the user nobody cannot read"):
        (verdict,) = verify(("from left import x\nprint('x')", ANYTHING), packages=True)
    assert verdict.outcome == "correct"


def test_packages_are_those_that_the_caller_imports(monkeypatch, tmp_path):
    (tmp_path / "right.py").write_text("x = 1")
    tmp_path.chmod(0o755)
    monkeypatch.syspath_prepend(tmp_path)
    program = "import right, pydantic\nprint('x')", ANYTHING
    assert verify(program, packages=True)[0].outcome == "correct"
    assert verify(program)[0].outcome == "wrong"


def test_without_packages_those_of_the_interpreter_are_hidden():
    program = """
import os
for name in ("pip", "setuptools"):
    for folder in (os.path.dirname(os.__file__), "/usr/lib/python3", "/usr/local/lib/python3"):
        for kind in ("site-packages", "dist-packages"):
            if os.path.exists(f"{folder}/{kind}/{name}"):
                print(folder)
print("x")
"""
    assert verify((program, ANYTHING))[0].outcome == "correct"
