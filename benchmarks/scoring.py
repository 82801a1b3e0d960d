"""What `score` costs beside the rewards alone, in time and memory, and whether it loses a row.

1. Time: `score` on JSONL with the five mended XML presets, as a ratio to the same five called in a
   loop on the same batches, rows in memory. Each side runs in a process of its own, the two in
   turn; the ratio is the median over rounds. The rows are those of `throughput.py`, as text.
2. Memory: the peak of a process that scores, in MiB, for JSONL and for parquet out.
3. Kills: the command is killed (SIGKILL) at a random moment and run again, ten times, then run to
   its end; the file must hold every row once, in order. For JSONL and parquet, one worker and two.

    python benchmarks/scoring.py [--rows 100000] [--rounds 5] [--kills 10] [--json FILE]
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
from pathlib import Path
from typing import Any

from rewardkit import presets
from rewardkit._files import reading
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
"""The most that the ratio should be, and the most MiB."""
BATCH = 1024


def write_rows(path: Path, rows: int) -> None:
    """Write completions as JSONL."""
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, rows, 4096):
            completions, answers = made(min(4096, rows - first), first)
            for number, (chat, answer) in enumerate(zip(completions, answers, strict=True), first):
                row = {"prompt": f"{number}?", "completion": chat[0]["content"], "answer": answer}
                file.write(json.dumps(row) + "\n")


def alone(source: Path, _: Path) -> float:
    """Return how long the rewards take in a loop."""
    rows = [*reading.read(source)]
    start = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        batch = {name: [row[name] for row in part] for name in ("completion", "answer")}
        for reward in FIVE:
            reward(completions=batch["completion"], answer=batch["answer"])
    return time.perf_counter() - start


def scored(source: Path, out: Path) -> float:
    """Return how long `score` takes."""
    start = time.perf_counter()
    score(source, FIVE, out, batch_size=BATCH, resume=False)
    return time.perf_counter() - start


SIDES: dict[str, Callable[[Path, Path], float]] = {"alone": alone, "score": scored}


def in_process(side: str, source: Path, out: Path) -> dict[str, float]:
    """Return one side's seconds and the peak of its memory, in MiB, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this file
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def one_side(side: str, source: Path, out: Path) -> None:
    """Measure in this process, and print."""
    seconds = SIDES[side](source, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if _macos() else 1 << 10)
    print(json.dumps({"seconds": seconds, "mib": peak}))


def _macos() -> bool:
    """Return whether memory is told in bytes."""
    return sys.platform == "darwin"


def timed(source: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Return the ratio and the peaks."""
    turns = []
    for turn in range(rounds):
        order = sorted(SIDES, reverse=turn % 2 == 1)
        turns.append({side: in_process(side, source, folder / "out.jsonl") for side in order})
    parquet = in_process("score", source, folder / "out.parquet")
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


def killed(source: Path, out: Path, workers: int, kills: int, seed: int) -> dict[str, Any]:
    """Kill the command at random moments, run it to its end, and say what the file holds."""
    rng = random.Random(seed)
    names = [f"rewardkit.presets:{reward.__name__}" for reward in FIVE]
    command = [sys.executable, "-m", "rewardkit", "score", str(source), *names]
    command += ["--out", str(out), "--workers", str(workers), "--json"]
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this package
    whole = time.monotonic() - start
    for file in out.parent.glob(f"{out.name}*"):
        file.unlink()
    resumed = 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - the same
        time.sleep(rng.uniform(0, whole * 0.35))
        resumed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the same
    want = [row["prompt"] for row in reading.read(source)]
    have = [row["prompt"] for row in reading.read(out)]
    return {
        "out": out.suffix,
        "workers": workers,
        "killed": resumed,
        "resumed_at_last": json.loads(last.stdout)["resumed"],
        "rows": len(have),
        "every_row_once": want == have,
    }


def parse() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Measure offline scoring.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Measure, and print JSON; 1 where a figure is over its bound."""
    given = parse()
    if given.side:
        side, source, out = given.side
        one_side(side, Path(source), Path(out))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "completions.jsonl"
        write_rows(source, given.rows)
        figures: dict[str, Any] = {"rows": given.rows, "megabytes": source.stat().st_size / 1e6}
        figures |= timed(source, folder, given.rounds)
        figures["kills"] = [
            killed(source, folder / f"killed-{workers}{suffix}", workers, given.kills, workers)
            for suffix in (".jsonl", ".parquet")
            for workers in (1, 2)
        ]
    figures["bounds"] = {"ratio": RATIO_BOUND, "mib": MEMORY_BOUND}
    told = json.dumps(figures, indent=2)
    print(told)
    if given.json:
        given.json.write_text(told + "\n", encoding="utf-8")
    over = figures["ratio"] > RATIO_BOUND or figures["mib"] > MEMORY_BOUND
    return int(over or not all(run["every_row_once"] for run in figures["kills"]))


if __name__ == "__main__":
    os.environ.setdefault("REWARDKIT_NO_PLUGINS", "1")
    sys.exit(main())
