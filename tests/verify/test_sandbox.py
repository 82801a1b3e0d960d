"""Sandbox escapes, and answers that pass without solving the task.

Each one is shown to succeed without protection, so that a passing test is meaningful.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

import rewardkit as rk
from programs import (
    COSTLY,
    FORGED,
    HARM,
    LIES,
    ONLY_ROOT_OUT,
    WANTED,
    WAYS_OUT,
    WAYS_TO_CHANGE_FILES,
    WAYS_TO_DUMP,
    WAYS_TO_PASS,
    WAYS_TO_REPORT,
    WAYS_UP,
    surroundings,
)
from rewardkit.verify._sandbox import command, host, seccomp

as_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can do it; run pytest as root"
)


def judge(answer, tests, **fields):
    (verdict,) = rk.build("code", **fields).verify([textwrap.dedent(answer)], [tests])
    return verdict


# Ways out. Each gets out of a plain subprocess.


@pytest.fixture
def around(tmp_path):
    with surroundings(tmp_path) as found:
        yield found


def gets_out(way, around, **fields):
    verdict = judge(way.format(**around), WANTED, **fields)
    assert verdict.outcome != "timeout"
    return verdict.outcome == "correct"


@pytest.mark.sandbox
@pytest.mark.parametrize("name", WAYS_OUT)
def test_no_program_escapes_the_sandbox(name, around):
    assert not gets_out(WAYS_OUT[name], around)
    assert not any(Path(around["folder"]).iterdir())


@pytest.mark.parametrize("name", WAYS_OUT)
def test_each_program_escapes_a_plain_subprocess(name, around):
    if os.geteuid() != 0 and name in ("a new process", "a trace of another process"):
        pytest.skip("other limits may stop all users but root; run pytest as root")
    assert gets_out(WAYS_OUT[name], around, unsafe_subprocess=True)


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ONLY_ROOT_OUT)
def test_no_program_escapes_the_sandbox_as_root(name, around):
    assert not gets_out(ONLY_ROOT_OUT[name], around)


@as_root
@pytest.mark.parametrize("name", ONLY_ROOT_OUT)
def test_each_program_escapes_a_plain_subprocess_as_root(name, around):
    assert gets_out(ONLY_ROOT_OUT[name], around, unsafe_subprocess=True)


CONTAINED = {**WAYS_TO_CHANGE_FILES, **WAYS_UP}


def judge_rows(rows, **fields):
    """Return the outcome of each answer with its tests."""
    verdicts = rk.build("code", **fields).verify(*zip(*rows.values(), strict=True))
    return {name: str(each.outcome) for name, each in zip(rows, verdicts, strict=True)}


def judge_rows_as_nobody(rows, **fields):
    """Return the same, of a caller that root has started as the user nobody."""
    script = """
import json, os, sys
for change in (os.setgroups, os.setresgid, os.setresuid):
    change(*([[]] if change is os.setgroups else [65534] * 3))
sys.path = json.loads(sys.argv[1])
from verify.test_sandbox import judge_rows
rows, fields = json.load(sys.stdin)
print(json.dumps(judge_rows(rows, **fields)))
"""
    # where nobody can reach it: root's interpreter is often in a folder of root's alone
    folders = [os.path.realpath(sys.base_prefix), os.path.realpath(sys.prefix), *sys.path]
    shown = list(filter(os.path.isdir, folders))
    above = [str(each) for path in shown for each in reversed(Path(path).parents[:-1])]
    done = subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", "--perms", "0755", "--tmpfs", "/root"),
            *(part for path in above for part in ("--perms", "0755", "--dir", path)),
            *(part for path in shown for part in ("--ro-bind", path, path)),
            *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
            *(sys.executable, "-P", "-c", script, json.dumps(sys.path)),
        ],
        input=json.dumps([rows, fields]),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def judge_rows_in_new_processes(rows, **fields):
    """Return the same, where a program in a sandbox cannot have namespaces of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            host, "find_box", lambda bwrap, **_: command.Box(bwrap, nobody=os.geteuid() == 0)
        )
        return judge_rows(rows, **fields)


@pytest.fixture(
    scope="module",
    params=[
        judge_rows,
        judge_rows_in_new_processes,
        pytest.param(judge_rows_as_nobody, marks=as_root),
    ],
    ids=["forked", "started", "for nobody"],
)
def outcomes(request):
    programs = {**CONTAINED, "that works": "print('out')"}
    return request.param({name: (each, WANTED) for name, each in programs.items()}, timeout=30.0)


@pytest.mark.sandbox
@pytest.mark.parametrize("name", CONTAINED)
def test_no_program_gets_to_more_than_its_own(name, outcomes):
    assert outcomes[name] == "wrong"


@pytest.mark.sandbox
def test_the_sandbox_that_contains_them_works(outcomes):
    assert outcomes["that works"] == "correct"


@pytest.mark.sandbox
def test_no_program_has_its_memory_written_to_the_host():
    limits = "import resource\nprint(*resource.getrlimit(resource.RLIMIT_CORE))"
    assert judge(limits, [{"input": "", "output": "1 1"}]).outcome == "correct"
    rows = {name: (program, WANTED) for name, program in WAYS_TO_DUMP.items()}
    assert set(judge_rows(rows, timeout=30.0).values()) == {"wrong"}


@as_root
@pytest.mark.parametrize("name", WAYS_TO_CHANGE_FILES)
def test_each_program_changes_files_from_a_plain_subprocess(name):
    verdict = judge(WAYS_TO_CHANGE_FILES[name], WANTED, unsafe_subprocess=True)
    assert verdict.outcome == "correct", verdict


@pytest.mark.sandbox
def test_answers_run_the_strictest_way():
    found = host.find_box(host.find_bubblewrap(), packages=False)
    assert found.warm
    assert found.nobody == (os.geteuid() == 0)


@pytest.mark.sandbox
def test_no_open_file_and_no_folder_can_be_changed():
    program = """
        import os
        def attempt(what, action):
            try:
                action()
            except (OSError, ValueError):
                return
            print(what, "changed")
        for file in range(3):
            attempt(file, lambda: os.fchmod(file, 0o600))
            attempt(file, lambda: os.fchown(file, -1, -1))
            attempt(file, lambda: os.utime(file))
            attempt(file, lambda: os.setxattr(file, "user.x", b""))
            attempt(file, lambda: os.ftruncate(file, 0))
            attempt(file, lambda: os.posix_fallocate(file, 0, 99))
        attempt(0, lambda: os.write(0, b"x"))
        paths = ["/", "/dev", "/dev/null", "/lib", "/lib64", "/usr/lib", os.__file__]
        paths += [os.path.dirname(os.__file__), os.path.realpath("/usr/lib"), os.sys.executable]
        paths += [os.path.dirname(os.__file__) + "/site-packages"]
        for path in paths:
            if path != "/dev/null":
                for flag in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
                    attempt(path, lambda: os.open(path, flag))
                attempt(path, lambda: os.truncate(path, 0))
            attempt(path, lambda: os.chmod(path, 0o777))
            attempt(path, lambda: os.chown(path, -1, -1))
            attempt(path, lambda: os.utime(path))
            attempt(path, lambda: os.setxattr(path, "user.x", b""))
            attempt(path, lambda: os.rename(path, path + "2"))
            attempt(path, lambda: os.unlink(path))
            attempt(path, lambda: os.link(path, path + "2"))
            attempt(path, lambda: os.symlink(path, path + "2"))
            attempt(path, lambda: os.mkdir(path + "2"))
            attempt(path, lambda: os.mkdir(path + "/2"))
        print("end")
    """
    verdict = judge(program, [{"input": "x", "output": "end"}], timeout=30.0)
    assert verdict.outcome == "correct", verdict


@pytest.mark.sandbox
def test_limits_cannot_be_raised():
    program = """
        import resource
        for name in ("AS", "CPU", "NPROC", "NOFILE", "FSIZE", "CORE"):
            try:
                resource.setrlimit(getattr(resource, "RLIMIT_" + name), (10**9, 10**9))
            except ValueError:
                print("refused")
    """
    assert judge(program, [{"input": "", "output": "refused\n" * 6}]).outcome == "correct"


@pytest.mark.sandbox
def test_nothing_can_be_written_anywhere():
    program = """
        import os
        for folder, inside, _ in os.walk("/"):
            if folder.count("/") > 2:
                inside.clear()
            try:
                open(folder + "/x", "w")
            except OSError:
                continue
            print("wrote", folder)
        print("end")
    """
    assert judge(program, [{"input": "", "output": "end"}], timeout=30.0).outcome == "correct"


@pytest.mark.sandbox
def test_the_environment_is_empty(monkeypatch):
    monkeypatch.setenv("REWARDKIT_SECRET", "42")
    program = "import os\nprint(sorted(set(os.environ) - {'PWD', 'LC_CTYPE'}))"
    assert judge(program, [{"input": "", "output": "[]"}]).outcome == "correct"


@pytest.mark.sandbox
@pytest.mark.skipif(platform.machine() not in seccomp.MACHINES, reason="no filter for this machine")
def test_every_call_of_the_filter_is_refused():
    column = seccomp.MACHINES[platform.machine()][1]
    numbers = [call[column] for call in seccomp.REFUSED_CALLS.values() if call[column] < 1000]
    program = f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        for number in {numbers}:
            ctypes.set_errno(0)
            print(libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno())
    """
    wanted = "-1 1\n" * len(numbers)  # 1 is EPERM
    assert judge(program, [{"input": "", "output": wanted}]).outcome == "correct"


@pytest.mark.sandbox
def test_ordinary_programs_work():
    program = """
        import asyncio, concurrent.futures, os, random, re, threading, time
        async def later(x):
            await asyncio.sleep(0.001)
            return x
        print(asyncio.run(later(1)))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            print(sum(pool.map(abs, range(-3, 1))))
        print(len(os.urandom(4)), 0 <= random.random() < 1, time.time() > 0)
    """
    assert judge(program, [{"input": "", "output": "1\n6\n4 True True"}]).outcome == "correct"


@pytest.mark.parametrize(("marker", "outcome"), [("sandbox", "failed"), ("other", "skipped")])
def test_in_continuous_integration_a_skipped_test_of_the_sandbox_fails(
    marker, outcome, request, monkeypatch
):
    monkeypatch.setenv("CI", "true")
    (rules,) = (
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if hasattr(plugin, "missing_sandbox")
    )
    item = SimpleNamespace(get_closest_marker=lambda name: name == marker)
    report = SimpleNamespace(skipped=True, outcome="skipped", longrepr=("file", 1, "no bwrap"))
    making = rules.pytest_runtest_makereport(item)
    next(making)
    with pytest.raises(StopIteration) as stop:
        making.send(report)
    assert stop.value.value.outcome == outcome
    assert "no bwrap" in str(report.longrepr)


# Ways to a verdict: answers that pass without being right. Each does where answer and tests are one
# program, as in pasted reward functions.


def passes_naively(answer, tests):
    """Return whether the answer and then the tests, as one program, succeed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{answer}\n{tests}"], capture_output=True, timeout=20
    )
    return done.returncode == 0


@pytest.mark.parametrize("name", WAYS_TO_PASS)
def test_each_passes_where_answer_and_tests_are_one_program(name):
    assert passes_naively(*WAYS_TO_PASS[name])


@pytest.mark.parametrize("unsafe", [pytest.param(False, marks=pytest.mark.sandbox), True])
@pytest.mark.parametrize("name", [*WAYS_TO_PASS, *WAYS_TO_REPORT])
def test_no_wrong_answer_passes(name, unsafe):
    verdict = judge(*(WAYS_TO_PASS | WAYS_TO_REPORT)[name], timeout=4.0, unsafe_subprocess=unsafe)
    assert verdict.outcome in ("wrong", "timeout"), verdict


@pytest.mark.parametrize("fields", [{}, {"partial": True}], ids=["first fault", "partial"])
def test_no_lie_passes(sandboxed, fields):
    found = judge_rows(LIES, timeout=6.0, **fields, **sandboxed)
    assert {name for name in found if found[name] not in ("wrong", "timeout")} == set()


@as_root
@pytest.mark.sandbox
def test_no_wrong_answer_passes_for_nobody():
    right = {"that works": ("def f(x): return 2", "assert f(1) == 2")}
    rows = {**WAYS_TO_PASS, **WAYS_TO_REPORT, **LIES, **right}
    found = judge_rows_as_nobody(rows, timeout=6.0)
    others = {name for name in found if found[name] not in ("wrong", "timeout")}
    assert others == {"that works"}


# Messages that nobody asked for: the answer finds its end of the link, and forges them.

FIND = """
import gc, os, sys
def link():
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Link":
        frame = frame.f_back
    return frame.f_locals["self"]
"""


@pytest.mark.parametrize("where", ["at once", "in the function"])
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_message_does_not_pass(name, where, sandboxed):
    forge = FORGED[name][0]
    if where == "at once":
        answer = f"{FIND}\n{forge}\ndef f(x): return 0"
    else:
        answer = f"{FIND}\ndef f(x):\n" + textwrap.indent(forge, "    ") + "\n    return 0"
    verdict = judge(answer, "assert f(1) == 2\nassert f(2) == 3", **sandboxed)
    assert verdict.outcome in ("wrong", "timeout"), verdict


def test_no_object_can_be_made_among_the_tests(sandboxed):
    """Such as one whose `__eq__` calls the answer, of a class made by `type` among the tests."""
    answer = FIND + textwrap.dedent("""
        def f(x):
            yes = lambda *_: True
            made, _ = link().ask("call", type, ("E", (), {"__eq__": yes, "__call__": yes}), {})
            return link().ask("call", made, (), {})[0]
    """)
    verdict = judge(answer, "assert f(1) == 2", **sandboxed)
    assert verdict.outcome == "wrong"
    assert "PermissionError" in verdict.detail


def test_an_object_never_sees_the_values_that_it_is_compared_with(sandboxed):
    answer = """
        seen = []
        class E:
            def note(self, *operands): seen.append(operands); return True
            __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = note
            __add__ = __radd__ = __sub__ = __rsub__ = __contains__ = __mod__ = note
            __hash__ = None
        f = lambda x: E()
    """
    tests = """
for attempt in (
    lambda: f(1) == 77, lambda: 77 == f(1), lambda: f(1) != 77, lambda: f(1) < 77,
    lambda: 77 <= f(1), lambda: f(1) - 77, lambda: 77 + f(1), lambda: 77 in f(1),
    lambda: [77].index(f(1)), lambda: f(1) in [77], lambda: f(1) in {77: 0}, lambda: f(1) % 77,
    lambda: sorted([77, f(1)]), lambda: max(77, f(1)), lambda: [f(1)] == [77],
):
    try:
        attempt()
    except (TypeError, ValueError):
        pass
assert seen == []
"""
    assert judge(answer, tests, **sandboxed).outcome == "correct"


# Harm: what a program may cost.

MEASURE = """
import ctypes, json, os, resource, sys, time
import rewardkit as rk

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans become this process's children
answers, tests, right = json.load(sys.stdin)
code = rk.build("code", timeout=1.0, workers=8)
assert code.verify([right], [tests])[0].outcome == "correct"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
verdicts = code.verify(answers, [tests] * len(answers))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
left, deadline = True, time.monotonic() + 5
while left and time.monotonic() < deadline:
    time.sleep(0.01)
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        left = False
assert code.verify([right], [tests])[0].outcome == "correct"
print(json.dumps([[verdict.outcome for verdict in verdicts], grown / 1024, left]))
"""


def check_costs(programs, tests, right):
    """Check that no program passes, all return, use little memory, and leave no process behind."""
    answers = [answer for answer, _ in programs.values()]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=json.dumps([answers, tests, right]),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    outcomes, mebibytes, left = json.loads(done.stdout)
    found = dict(zip(programs, outcomes, strict=True))
    assert {name for name, outcome in found.items() if outcome not in ("wrong", "timeout")} == set()
    assert mebibytes < 50
    assert not left


@pytest.mark.sandbox
def test_harm_is_bounded():
    check_costs(HARM, [{"input": "", "output": "1"}], "print(1)")


@pytest.mark.sandbox
def test_costly_values_are_bounded():
    check_costs(COSTLY, "assert list(f(1)) == [2]\nassert f(2) == [2]", "f = lambda x: [2]")


@pytest.mark.sandbox
def test_a_costly_reference_is_bounded():
    code = rk.build("code", timeout=1.0)
    (verdict,) = code.verify(["f = 1"], ["assert f\nwhile True: assert f, 'x' * 10**8"])
    assert verdict.outcome == "timeout"
