r"""Measure `code` beside other ways to run answers: rows per second, and processor time per row.

The processor time is that of this process and of all others that a way has started, to their end:
this process becomes the parent of what they leave behind (Linux's PR_SET_CHILD_SUBREAPER), ends the
processes that wait for further rows, and waits for all. Each way runs every round, in turn, so that
another program on the machine slows down all alike; a ratio is to plain `python -c`.

    python benchmarks/sandbox.py [--rows 64] [--rounds 5] [--workers 2] [--executors FOLDER]
        [--page FILE.md] [--json FILE]

`python -c` has no sandbox. The local executors of verl (prime_code) and of eval-protocol are
compared where they are installed; they have none either. The first runs programs that read input,
and the second programs without. Neither needs the rest of its package, so a folder is enough:

    pip install --no-deps --target FOLDER verl==0.9.1 eval-protocol==0.3.33
    pip install --target FOLDER mcp

This file is not called code.py, after the verifier: as a script's neighbour it would be imported in
place of the standard library's module `code`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import measuring
import rewardkit as rk
from measuring import Spread, format_table
from rewardkit.verify._sandbox import process

ASSERTS = ["assert double(2) == 4", "assert double('a') == 'aa'", "assert double([]) == []"]
KINDS: dict[str, tuple[str, Any]] = {
    "asserts": ("def double(x):\n    return x + x", ASSERTS),
    "1 input": ("print(int(input()) * 2)", {"inputs": ["3"], "outputs": ["6"]}),
    "10 inputs": (
        "print(int(input()) * 2)",
        {"inputs": [str(n) for n in range(10)], "outputs": [str(2 * n) for n in range(10)]},
    ),
}
"""An answer and its tests, by kind."""
GROUP = 8
"""How many answers have the same tests, as in training."""


class Measurement(NamedTuple):
    """What the rows of one round took."""

    rows_per_second: float
    total: float
    """Milliseconds of processor time per row, of all processes."""
    caller: float
    """The same, of this process alone."""
    right: float
    """The share of the answers that were judged right, which all are."""


Way = Callable[[str, Sequence[str], Sequence[Any], int], Sequence[bool]]


def run_code(_: str, answers: Sequence[str], tests: Sequence[Any], workers: int) -> list[bool]:
    """Verify answers with `code`."""
    verdicts = rk.build("code", workers=workers).verify(answers, tests)
    return [verdict.outcome == "correct" for verdict in verdicts]


def run_subprocess(
    kind: str, answers: Sequence[str], tests: Sequence[Any], workers: int
) -> list[bool]:
    """Run `python -c` for each answer with its tests, or for each input."""

    def run(program: str, given: str = "") -> str | None:
        command = [sys.executable, "-I", "-S", "-c", program]
        done = subprocess.run(  # noqa: S603 - a benchmark's own programs
            command, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        return None if done.returncode else done.stdout

    def judge(answer: str, own: Any) -> bool:
        if kind == "asserts":
            return run("\n".join([answer, *own])) is not None
        outputs = (run(answer, given) for given in own["inputs"])
        return all(
            output is not None and output.strip() == wanted
            for output, wanted in zip(outputs, own["outputs"], strict=True)
        )

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(judge, answers, tests))


def import_alone(name: str) -> Any:
    """Import a module of a package without the packages above it, which import a trainer."""
    top, *below = name.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        message = f"No module named {top!r}"
        raise ModuleNotFoundError(message, name=top)
    folder = Path(spec.submodule_search_locations[0])
    for depth in range(len(below)):
        package = ModuleType(".".join([top, *below[:depth]]))
        package.__path__ = [str(folder.joinpath(*below[:depth]))]
        sys.modules[package.__name__] = package
    return import_module(name)


def find_verl() -> Way:
    """Return verl's prime_code."""
    compute_score = import_alone("verl.utils.reward_score.prime_code").compute_score

    def run(kind: str, answers: Sequence[str], tests: Sequence[Any], workers: int) -> list[bool]:
        if kind == "asserts":
            raise NotImplementedError
        with ThreadPoolExecutor(workers) as pool:
            return [found[0] is True for found in pool.map(compute_score, answers, tests)]

    return run


def find_eval_protocol() -> Way:
    """Return eval-protocol's local executor."""
    execute = import_alone("eval_protocol.rewards.code_execution").execute_python_code

    def run(kind: str, answers: Sequence[str], tests: Sequence[Any], workers: int) -> list[bool]:
        if kind != "asserts":
            raise NotImplementedError
        programs = ["\n".join([answer, *own]) for answer, own in zip(answers, tests, strict=True)]
        with ThreadPoolExecutor(workers) as pool:
            return [found["success"] for found in pool.map(execute, programs)]

    return run


BUILT_IN: dict[str, Way] = {"code": run_code, "python -c": run_subprocess}


def find_ways() -> dict[str, Way]:
    """Return the ways that are installed here."""
    ways = dict(BUILT_IN)
    for name, find in (("verl", find_verl), ("eval-protocol", find_eval_protocol)):
        try:
            ways[name] = find()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return ways


def end_all_processes() -> None:
    """End the processes that wait for further rows, and wait for all that are left."""
    process.end_waiting_processes()
    measuring.wait_for_children()


def measure(way: Way, kind: str, rows: int, workers: int) -> Measurement:
    """Judge so many different right answers, of which a group has the same tests."""
    answer, own = KINDS[kind]
    answers = [f"{answer}  # {number}" for number in range(rows)]
    tests = [
        [f"{test}  # {number // GROUP}" for test in own] if kind == "asserts" else own
        for number in range(rows)
    ]
    end_all_processes()
    before, start = measuring.read_seconds(), time.perf_counter()
    right = way(kind, answers, tests, workers)
    seconds = time.perf_counter() - start
    end_all_processes()
    after = measuring.read_seconds()
    total, caller = ((new - old) * 1000 / rows for new, old in zip(after, before, strict=True))
    return Measurement(rows / seconds, total, caller, sum(right) / rows)


def measure_rounds(
    ways: dict[str, Way], kind: str, rows: int, rounds: int, workers: int
) -> dict[str, list[Measurement]]:
    """Measure each way in each round."""
    found: dict[str, list[Measurement]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            try:
                found.setdefault(name, []).append(measure(way, kind, rows, workers))
            except NotImplementedError:
                del found[name]
    return found


def tabulate(results: dict[str, dict[str, list[Measurement]]]) -> str:
    """Write a row for each way and kind of tests, with the median of its rounds."""
    heads = [
        "tests",
        "way",
        "rows / s",
        "ms per row",
        "least",
        "ms of the caller",
        "ratio",
        "right",
    ]
    lines = []
    for kind, found in results.items():
        base = Spread.of(each.total for each in found["python -c"]).median
        for name, rounds in found.items():
            speeds, totals, callers, _ = (Spread.of(each) for each in zip(*rounds, strict=True))
            least, right = (min(each[index] for each in rounds) for index in (1, 3))
            figures = [f"{speeds.median:.0f}", totals.format(1), f"{least:.1f}"]
            figures += [callers.format(2), f"{totals.median / base:.2f}", f"{right:.0%}"]
            lines.append([kind, f"`{name}`" if name in BUILT_IN else name, *figures])
    return format_table(heads, lines, texts=2)


def main() -> int:
    """Measure, and print or write the table; return 1 if `code` judged a right answer wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--executors", type=Path, metavar="FOLDER", help="folder with the others")
    parser.add_argument("--json", type=Path, metavar="FILE")
    measuring.add_page_option(parser)
    given = parser.parse_args()
    if given.executors:
        sys.path.append(str(given.executors))
    measuring.adopt_descendants()
    ways = find_ways()
    how = f"sandbox: {rk.build('code').describe_sandbox()}"  # which is tried out here
    results = {}
    for kind in KINDS:
        results[kind] = measure_rounds(ways, kind, given.rows, given.rounds, given.workers)
    how = f"{given.rows} rows in groups of {GROUP}, {given.rounds} rounds, processor time; {how}"
    run = measuring.describe_run(how, ("verl", "eval-protocol"))
    measuring.publish({"programs": f"{tabulate(results)}\n\n{run}"}, given.page)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return int(any(each.right < 1 for found in results.values() for each in found["code"]))


if __name__ == "__main__":
    sys.exit(main())
