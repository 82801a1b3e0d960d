"""What the benchmarks share: measure sides in turn, and write their tables into a page.

A page has marked parts, from `<!-- measured: NAME -->` to `<!-- /measured: NAME -->`. A benchmark
that is called with `--page FILE` replaces what is between its marks, and nothing else.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import re
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

_clock = time.perf_counter


def use_processor_time() -> None:
    """Measure the processor time of this process from now on, which other load hardly changes.

    What worker processes do is then counted for the rewards alone that always need them.
    """
    global _clock  # noqa: PLW0603 - set once, before anything is measured
    _clock = time.process_time


def measure_seconds(call: Callable[[], Any], *, in_workers: bool = False) -> float:
    """Measure the time of one call, with the processor time of workers if it has some."""
    counts_workers = in_workers and _clock is time.process_time
    others = _read_worker_seconds() if counts_workers else 0.0
    start = _clock()
    call()
    took = _clock() - start
    return took + _read_worker_seconds() - others if counts_workers else took


def _read_worker_seconds() -> float:
    """Return the processor time of all processes that this one has started, and they in turn."""
    ended = os.times()
    return ended.children_user + ended.children_system + sum(_yield_seconds(os.getpid()))


def _yield_seconds(process: int) -> Iterator[float]:
    with suppress(OSError):  # it has ended, or this is not Linux
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            for child in map(int, children.read_text("utf-8").split()):
                stat = Path(f"/proc/{child}/stat").read_text("utf-8")
                times = stat.rpartition(")")[2].split()[11:15]  # after the name, with its spaces
                yield sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
                yield from _yield_seconds(child)


def measure_in_turn(
    calls: Sequence[Callable[[], Any]],
    turn: int,
    before: Callable[[], Any] | None = None,
    *,
    in_workers: bool = False,
) -> tuple[float, ...]:
    """Measure the calls; each turn begins with another of them, and `before` precedes each."""
    first = turn % len(calls)
    took = {}
    for index in (*range(first, len(calls)), *range(first)):
        if before:
            before()
        took[index] = measure_seconds(calls[index], in_workers=in_workers)
    return tuple(took[index] for index in range(len(calls)))


def adopt_descendants() -> None:
    """Become the parent of what processes leave behind, so that `wait_for_children` waits for it.

    That is Linux's PR_SET_CHILD_SUBREAPER.
    """
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def wait_for_children() -> None:
    """Wait for all processes that are left, so that their time counts."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def read_seconds() -> tuple[float, float]:
    """Return the processor time of this process and all that it has waited for, and of this one."""
    own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    caller = own.ru_utime + own.ru_stime
    return caller + others.ru_utime + others.ru_stime, caller


class Spread(NamedTuple):
    """The median of some rounds, and their quartiles; below four rounds the least and the most."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarize the values of all rounds."""
        known = sorted(values)
        low, high = known[0], known[-1]
        if len(known) > 3:  # noqa: PLR2004 - fewer have no quartiles
            low, _, high = statistics.quantiles(known, method="inclusive")
        return cls(statistics.median(known), low, high)

    def format(self, digits: int = 2, scale: float = 1.0) -> str:
        """Write the median with the quartiles: "0.55 (0.53 to 0.58)"."""
        median, low, high = (f"{value * scale:.{digits}f}" for value in self)
        return f"{median} ({low} to {high})"


def format_table(heads: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Write a Markdown table, of which the first `texts` columns are texts and the rest numbers."""
    marks = ["---" if index < texts else "---:" for index in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, marks, *rows))


def describe_run(how: str, packages: Sequence[str] = ()) -> str:
    """Say when, where and with which versions a table was measured, in one sentence."""
    found = [f"CPython {platform.python_version()}", f"rewardkit {version('rewardkit')}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"*{day}: {_describe_machine()}, {load}; {', '.join(found)}; {how}.*"


def _describe_machine() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = platform.processor() or platform.machine()
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        names = []
    return f"{usable} CPUs, {names[0] if names else model}, {platform.system()}"


def add_page_option(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark write its tables into a page."""
    parser.add_argument("--page", type=Path, metavar="FILE", help="page whose tables to replace")


def publish(parts: Mapping[str, str], page: Path | None) -> None:
    """Print the tables, and replace the parts of these names in the page, if there is one."""
    for part in parts.values():
        print(f"\n{part}")
    if page:
        page.write_text(replace_parts(page.read_text("utf-8"), parts), encoding="utf-8")


def replace_parts(page: str, parts: Mapping[str, str]) -> str:
    r"""Put these parts between their marks. Raises ValueError if the page has no such marks.

    >>> replace_parts("a <!-- measured: x -->old<!-- /measured: x --> b", {"x": "new"})
    'a <!-- measured: x -->\\nnew\\n<!-- /measured: x --> b'
    """
    for name, part in parts.items():
        start, end = f"<!-- measured: {name} -->", f"<!-- /measured: {name} -->"
        before, opened, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            message = f"the page has no part {name!r}, expected {start} and {end} around a table"
            raise ValueError(message)
        page = f"{before}{start}\n{part}\n{end}{after}"
    return page


def list_parts(page: str) -> list[str]:
    """Return the names of a page's parts, in order."""
    return re.findall(r"<!-- measured: (.+?) -->", page)
