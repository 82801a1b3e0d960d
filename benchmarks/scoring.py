"""Measure the time and memory of `score` relative to the rewards alone, and its resuming.

1. Time: `score` on JSONL with the five fixed XML presets, as a ratio to calling the same five in a
   loop on the same batches, with the rows in memory. Each side runs in its own process, in
   turn; the ratio is the median over the rounds. The rows are those of `throughput.py`, as text.
2. Memory: the peak of the scoring process, in MiB, for JSONL and for parquet output.
3. Resuming: the command is killed (SIGKILL) at a random moment and started again, ten times, and
   then runs to its end. The file must contain every row once, in order. This is checked for JSONL
   and parquet, with one worker and with two.
4. Workers: `score` with the verifier `math` and two workers, as a ratio to one. Each worker has a
   pool of its own for what math-verify decides, one row in a hundred here.

    python benchmarks/scoring.py [--rows 100000] [--rounds 5] [--kills 10] [--math-rows 20000]
        [--only cost kills math] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rewardkit import build, presets
from rewardkit._files.source import Source
from rewardkit.scoring import score
from throughput import made

FIVE = (
    presets.xmlcount_reward_func,
    presets.soft_format_reward_func,
    presets.strict_format_reward_func,
    presets.int_reward_func,
    presets.correctness_reward_func,
)
RATIO_BOUND, MEMORY_BOUND = 2.0, 300.0
"""The bounds of the ratio and of the memory in MiB."""
WORKERS_BOUND = 1.0
"""The bound of the time of two workers on `math`, as a ratio to that of one."""
PARTS = ("cost", "kills", "math")
BATCH = 1024


def write_rows(path: Path, rows: int) -> None:
    """Write generated completions as JSONL."""
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, rows, 4096):
            completions, answers = made(min(4096, rows - first), first)
            for number, (chat, answer) in enumerate(zip(completions, answers, strict=True), first):
                row = {"prompt": f"{number}?", "completion": chat[0]["content"], "answer": answer}
                file.write(json.dumps(row) + "\n")


def time_rewards(source: Path, _: Path) -> float:
    """Measure the rewards in a loop, in seconds."""
    rows = [*Source.resolve(source).rows()]
    start = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        batch = {name: [row[name] for row in part] for name in ("completion", "answer")}
        for reward in FIVE:
            reward(completions=batch["completion"], answer=batch["answer"])
    return time.perf_counter() - start


def time_score(source: Path, out: Path) -> float:
    """Measure `score`, in seconds."""
    start = time.perf_counter()
    score(source, FIVE, out, batch_size=BATCH, resume=False)
    return time.perf_counter() - start


def write_math_rows(path: Path, rows: int) -> None:
    """Write answers of several kinds in turn, each another one than those before."""
    with path.open("w", encoding="utf-8") as file:
        for n in range(1, rows + 1):
            kinds = [
                (rf"\frac{{{2 * n}}}{{{2 * n + 2}}}", rf"\frac{{{n}}}{{{n + 1}}}"),
                (rf"\sqrt{{{4 * n}}}", rf"2\sqrt{{{n}}}"),
                (rf"x^2 - {n * n}", f"(x - {n})(x + {n})"),
                (f"({n}, {n + 1}]", f"({n}, {n + 1})"),
            ]
            answer, reference = kinds[n % len(kinds)]
            if n % 100 == 0:  # beyond exact arithmetic
                answer, reference = rf"\int_0^{{{n}}} x dx", f"{n * n / 2}"
            row = {"completion": rf"So it is \boxed{{{answer}}}.", "answer": reference}
            file.write(json.dumps(row) + "\n")


def time_math(workers: int, source: Path, out: Path) -> float:
    """Measure `score` with the verifier `math`, in seconds."""
    right = build("correct", verifier="math", extractor="boxed", name="right")
    start = time.perf_counter()
    done = score(source, right, out, batch_size=BATCH, workers=workers, resume=False)
    assert done.rewards[0].mean  # noqa: S101 - three of the four kinds are right
    return time.perf_counter() - start


SIDES: dict[str, Callable[[Path, Path], float]] = {
    "alone": time_rewards,
    "score": time_score,
    "one": partial(time_math, 1),
    "two": partial(time_math, 2),
}


def run_side(side: str, source: Path, out: Path) -> dict[str, float]:
    """Measure one side in its own process: its seconds, and its peak memory in MiB."""
    command = [sys.executable, __file__, "--side", side, str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this file
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def measure_side(side: str, source: Path, out: Path) -> None:
    """Measure one side in this process, and print the figures."""
    seconds = SIDES[side](source, out)
    # macOS counts in bytes, Linux in kilobytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({"seconds": seconds, "mib": peak}))


def measure_cost(source: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Return the ratio and the peaks."""
    turns = []
    for turn in range(rounds):
        # The order changes, so that neither side always has the warm file cache.
        order = sorted(("alone", "score"), reverse=turn % 2 == 1)
        turns.append({side: run_side(side, source, folder / "out.jsonl") for side in order})
    parquet = run_side("score", source, folder / "out.parquet")
    return {
        "alone_s": statistics.median(turn["alone"]["seconds"] for turn in turns),
        "score_s": statistics.median(turn["score"]["seconds"] for turn in turns),
        "ratio": statistics.median(
            turn["score"]["seconds"] / turn["alone"]["seconds"] for turn in turns
        ),
        "mib": max(turn["score"]["mib"] for turn in turns),
        "parquet_s": parquet["seconds"],
        "parquet_mib": parquet["mib"],
    }


def measure_math(folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Return the rates of one worker and of two, and the ratio of their times."""
    source = folder / "math.jsonl"
    write_math_rows(source, rows)
    turns = []
    for turn in range(rounds):
        order = sorted(("one", "two"), reverse=turn % 2 == 1)
        turns.append(
            {side: run_side(side, source, folder / "out.jsonl")["seconds"] for side in order}
        )
    return {
        "rows": rows,
        "one_rate": rows / statistics.median(turn["one"] for turn in turns),
        "two_rate": rows / statistics.median(turn["two"] for turn in turns),
        "ratio": statistics.median(turn["two"] / turn["one"] for turn in turns),
    }


def kill_and_resume(source: Path, out: Path, workers: int, kills: int) -> dict[str, Any]:
    """Kill the command at random moments, run it to its end, and check the file's rows."""
    rng = random.Random(workers)
    names = [f"rewardkit.presets:{reward.__name__}" for reward in FIVE]
    command = [sys.executable, "-m", "rewardkit", "score", str(source), *names]
    command += ["--out", str(out), "--workers", str(workers), "--json"]
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this package
    duration = time.monotonic() - start
    for file in out.parent.glob(f"{out.name}*"):
        file.unlink()
    resumed = 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - the same
        # A third of a run, so that ten kills do not get to its end.
        time.sleep(rng.uniform(0, duration * 0.35))
        resumed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the same
    expected = [row["prompt"] for row in Source.resolve(source).rows()]
    found = [row["prompt"] for row in Source.resolve(out).rows()]
    return {
        "out": out.suffix,
        "workers": workers,
        "killed": resumed,
        "resumed_at_last": json.loads(last.stdout)["resumed"],
        "rows": len(found),
        "every_row_once": expected == found,
    }


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure offline scoring.")
    parser.add_argument("--rows", type=int, default=100_000, help="rows to score")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    parser.add_argument("--kills", type=int, default=10, help="kills per run")
    parser.add_argument(
        "--suffixes", nargs="+", default=[".jsonl", ".parquet"], help="output formats to kill"
    )
    parser.add_argument(
        "--workers", nargs="+", type=int, default=[1, 2], help="numbers of workers to kill"
    )
    parser.add_argument("--math-rows", type=int, default=20_000, help="rows for `math`")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="the parts to measure"
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Measure, and print JSON; exit code 1 if a figure exceeds its bound."""
    given = parse_arguments()
    if given.side:
        side, source, out = given.side
        measure_side(side, Path(source), Path(out))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "completions.jsonl"
        write_rows(source, given.rows)
        figures: dict[str, Any] = {"rows": given.rows, "megabytes": source.stat().st_size / 1e6}
        if "cost" in given.only:
            figures |= measure_cost(source, folder, given.rounds)
        if "kills" in given.only:
            figures["kills"] = [
                kill_and_resume(source, folder / f"killed-{workers}{suffix}", workers, given.kills)
                for suffix in given.suffixes
                for workers in given.workers
            ]
        if "math" in given.only:
            figures["math"] = measure_math(folder, given.math_rows, given.rounds)
    figures["bounds"] = {"ratio": RATIO_BOUND, "mib": MEMORY_BOUND, "math": WORKERS_BOUND}
    printed = json.dumps(figures, indent=2)
    print(printed)
    if given.json:
        given.json.write_text(printed + "\n", encoding="utf-8")
    over = figures.get("ratio", 0) > RATIO_BOUND or figures.get("mib", 0) > MEMORY_BOUND
    slower = figures.get("math", {}).get("ratio", 0) > WORKERS_BOUND
    return int(over or slower or not all(run["every_row_once"] for run in figures.get("kills", ())))


if __name__ == "__main__":
    os.environ.setdefault("REWARDKIT_NO_PLUGINS", "1")
    sys.exit(main())
