"""Hypothesis's settings, marks for tests that need a sandbox or a browser, shared fixtures."""

from __future__ import annotations

import bz2
import gc
import hashlib
import importlib.metadata
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from forks import IMPORT_REWARDKIT, IMPORT_TRL, WHAT_TESTS_IMPORT, start_fork_server
from rewardkit._workers import parallel

# One thread per process: idle threads of torch wait in a loop, which takes processor time. Before
# torch and tokenizers are imported, which read this then; child processes read it too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# transformers reads it; TRL would import MLflow, which takes a second in each process
os.environ.setdefault("DISABLE_MLFLOW_INTEGRATION", "TRUE")

# Hypothesis keeps its tables of Unicode there, which take seconds to make in each new folder.
ROOT = Path(__file__).parents[1]
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".hypothesis"))

# type-checked, not run
collect_ignore = ["typing/bad.py", "typing/good.py"]

# The cases that matter have tests of their own, and 25 examples find every planted bug of
# tests/testing; TESTS=long draws 600. Explaining a failure takes many more calls, and `find` does
# it too.
settings.register_profile(
    "project",
    deadline=None,
    max_examples=25,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("project"), derandomize=True)
settings.register_profile("long", settings.get_profile("project"), max_examples=600)
settings.load_profile(os.environ.get("TESTS", "ci" if os.environ.get("CI") else "project"))


@cache
def missing_sandbox() -> str:
    """Return why no sandbox can start here and how to fix that, or "" if one can."""
    from rewardkit.verify._sandbox import host  # noqa: PLC0415 - where it is asked for

    try:
        host.find_bubblewrap()
    except RuntimeError as error:
        reason = str(error).partition(". Answers")[0]
        return f"{reason}; to run it: apt-get install bubblewrap, and allow user namespaces"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests marked `sandbox` if no sandbox can start."""
    if item.get_closest_marker("sandbox") and (reason := missing_sandbox()):
        pytest.skip(reason)


RUN_TOGETHER = {
    "trl": (
        *("src/rewardkit/adapters/", "src/rewardkit/train/", "tests/adapters/", "tests/examples/"),
        *("tests/train/", "tests/test_docs.py", "tests/testing/test_others.py"),
        "tests/rewards/test_reward_model.py",
    ),
    "language": ("src/rewardkit/rewards/language.py", "tests/rewards/test_language"),
}
"""Tests that import TRL or load language models, which takes seconds: one worker runs all."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one of xdist's workers run all tests of a file, which share imports and fixtures.

    By the file's name and not by xdist's mark, which has no effect with pytest 9.2.
    """
    if config.getoption("dist") not in ("load", "loadgroup"):
        return None
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only installed for this

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            groups = (name for name, files in RUN_TOGETHER.items() if file.startswith(files))
            return next(groups, file)

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            # for each report xdist counts the tests of all units that it has handed out, so those
            # that are done are dropped
            scope = self._split_scope(self.registered_collections[node][item_index])
            super().mark_test_complete(node, item_index, duration)
            if all(self.assigned_work[node][scope].values()):
                del self.assigned_work[node][scope]

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Any:
    """Let xdist's workers collect in turn the first time, so that one compiles for all."""
    with Path(__file__).open("rb") as lock:
        if "PYTEST_XDIST_WORKER" in os.environ and not (ROOT / ".pytest_cache").exists():
            import fcntl  # noqa: PLC0415 - not there on Windows

            fcntl.flock(lock, fcntl.LOCK_EX)
        return (yield)


def pytest_collection_finish() -> None:
    """Let the garbage collector look less often, and not at what the collected tests hold.

    It took an eighth of the processor time of tests that draw examples.
    """
    # Hypothesis warns if the collector knows nothing that refers to its random numbers, and it
    # knows nothing that is frozen. It looks at its first example alone.
    given(st.none())(lambda _: None)()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """In continuous integration, fail a skipped test marked `sandbox` or `browser`.

    Otherwise such a test could stay skipped unnoticed. Reports are kept short, too.
    """
    report = yield
    marked = any(map(item.get_closest_marker, ("sandbox", "browser")))
    if marked and report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in continuous integration: {report.longrepr[-1]}"
    if report.outcome == "passed":
        report.keywords = {}  # xdist would send them, and nothing reads them
    return report


def unpack_once(session: pytest.Session) -> Any:
    """Return bz2's function, but that unpacks a large file once for all of xdist's workers."""
    unpack = bz2.decompress

    def unpack_or_read(data: bytes) -> bytes:
        if len(data) < 1_000_000:
            return unpack(data)
        from tiny_run import build_once  # noqa: PLC0415 - it imports what not every test has

        name = f"unpacked-{hashlib.sha256(data).hexdigest()}"
        factory = session.config._tmp_path_factory
        folder = build_once(
            factory, name, lambda folder: (folder / "model").write_bytes(unpack(data))
        )
        return (folder / "model").read_bytes()

    return unpack_or_read


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Any:
    """Do once what packages do again and again; not in a fixture, which costs time in every test.

    Unpacking its model is most of langid's loading. transformers, TRL and accelerate ask for the
    versions of what is installed, which reads hundreds of files, accelerate for every step.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bz2, "decompress", unpack_once(session))
        for name in ("metadata", "packages_distributions"):
            patch.setattr(importlib.metadata, name, cache(getattr(importlib.metadata, name)))
        return (yield)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Any]:
    """A process that has imported rewardkit; used as the module `subprocess`, it forks."""
    with start_fork_server(IMPORT_REWARDKIT, WHAT_TESTS_IMPORT) as started:
        yield started


@pytest.fixture(scope="session")
def trl_fork_server() -> Iterator[Any]:
    """The same of a process that has imported TRL: apart, since that makes each fork slower."""
    for needed in ("trl", "matplotlib", "rich"):
        pytest.importorskip(needed)
    with start_fork_server(IMPORT_TRL) as started:
        yield started


@pytest.fixture
def forked(fork_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The law `pickles` calls in a fork of one other process, which imported the kit once.

    That a process of its own is started, test_check and test_programs see.
    """
    from rewardkit.testing._replay import child_process  # noqa: PLC0415 - the kit takes time

    monkeypatch.setattr(child_process, "subprocess", fork_server)


@pytest.fixture
def forked_workers(fork_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers of scoring and of servers start without imports."""
    monkeypatch.setattr(parallel, "subprocess", fork_server)


@pytest.fixture(scope="session")
def sandboxed() -> dict[str, Any]:
    """The fields with which `code` runs here: unsandboxed if no sandbox can start."""
    return {"unsafe_subprocess": True} if missing_sandbox() else {}
