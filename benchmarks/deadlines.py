r"""Count the right answers that `math` pays on a busy machine, and what a hostile batch costs.

Some processes verify right integrals, each of which takes math-verify a part of its time limit,
while other processes keep the processors busy. None may be lost to a deadline. The first round
includes the start of the workers; later ones begin with an empty cache of verdicts.

The hostile batch is 32 integrals that SymPy does not finish, among 64 right ones: their time limits
alone are 16 s of processor.

    python benchmarks/deadlines.py [--processes 1 2 4] [--busy 2] [--rounds 2] [--json FILE]

The exit code is 1 if a right answer was not paid, or if an integral of the hostile batch ended.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import measuring
import rewardkit as rk
from rewardkit.verify._math import decide

INTEGRALS = [
    pair
    for n in range(1, 7)
    for pair in (
        (rf"\int_0^{n} x^2 dx", rf"\frac{{{n**3}}}{{3}}"),
        (rf"\int_0^{n} (x^3+2x) dx", rf"\frac{{{n**4 + 4 * n**2}}}{{4}}"),
        (rf"\int_0^1 x^{n + 2} dx", rf"\frac{{1}}{{{n + 3}}}"),
        (rf"\int_1^{n + 1} \frac{{1}}{{x^2}} dx", rf"\frac{{{n}}}{{{n + 1}}}"),
    )
]
"""24 pairs of an answer and its reference that exact arithmetic does not decide."""
HANGING = [
    (rf"\int_0^{n} {integrand} dx", "1")
    for n in range(1, 9)
    for integrand in (
        r"e^{\sin(x)}",
        r"\sqrt{1+x^5}",
        r"\frac{1}{x^5+x+2}",
        r"\sin(x^2) \cos(x^3)",
    )
]
"""32 pairs that SymPy works on until it is stopped."""
EASY = [(rf"\int_0^{n} x dx", rf"\frac{{{n**2}}}{{2}}") for n in range(1, 65)]
"""64 right pairs of the simplest integral."""


def mix_hostile_batch() -> list[tuple[str, str]]:
    """Return the hostile batch: after each hanging integral two easy ones."""
    easy = iter(EASY)
    return [pair for hanging in HANGING for pair in (hanging, next(easy), next(easy))]


def verify_rounds(pairs: list[tuple[str, str]], rounds: int) -> list[dict[str, Any]]:
    """Verify all pairs in this process, and return each round's outcomes and seconds."""
    found = []
    for _ in range(rounds):
        decide.clear_caches()
        start = time.perf_counter()
        verdicts = rk.build("math").verify(*map(list, zip(*pairs, strict=True)))
        seconds = time.perf_counter() - start
        outcomes = [verdict.outcome.value for verdict in verdicts]
        found.append({"seconds": seconds, "outcomes": outcomes})
    return found


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start Python with these arguments."""
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE)  # noqa: S603


def end_loop(loop: subprocess.Popen[bytes]) -> float:
    """End a busy loop, and return its processor time."""
    loop.kill()
    _, status, usage = os.wait4(loop.pid, 0)
    loop.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def measure(processes: int, busy: int, rounds: int, *, hostile: bool = False) -> dict[str, Any]:
    """Verify in so many processes beside busy loops, and return the figures."""
    size = len(mix_hostile_batch() if hostile else INTEGRALS)
    command = [__file__, "--child", "--rounds", str(rounds), *(["--hostile"] if hostile else [])]
    loops = [start("-c", "while True: pass") for _ in range(busy)]
    try:
        before, _ = measuring.read_seconds()
        children = [start(*command) for _ in range(processes)]
        found = [json.loads(child.communicate()[0]) for child in children]
    finally:
        in_loops = sum(map(end_loop, loops))
    measuring.wait_for_children()
    used = measuring.read_seconds()[0] - before - in_loops
    outcomes = [
        [outcome for child in found for outcome in child[number]["outcomes"]]
        for number in range(rounds)
    ]
    return {
        "processes": processes,
        "answers": processes * size,
        "paid": [each.count("correct") for each in outcomes],
        "stopped": [each.count("timeout") for each in outcomes],
        "seconds": [max(child[number]["seconds"] for child in found) for number in range(rounds)],
        "processor_seconds": used,
    }


def main() -> int:
    """Measure, and print a line for each number of processes and for the hostile batch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--busy", type=int, default=2, help="busy loops beside them")
    parser.add_argument("--rounds", type=int, default=2, help="times that each verifies all")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--hostile", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        pairs = mix_hostile_batch() if given.hostile else INTEGRALS
        print(json.dumps(verify_rounds(pairs, given.rounds)))
        return 0
    measuring.adopt_descendants()
    rows = []
    for processes in given.processes:
        row = measure(processes, given.busy, given.rounds)
        rows.append(row)
        for paid, seconds in zip(row["paid"], row["seconds"], strict=True):
            print(f"{processes} processes: {paid} of {row['answers']} paid in {seconds:.2f} s")
        print(f"{processes} processes: {row['processor_seconds']:.1f} s of processor in all rounds")
    hostile = measure(1, given.busy, 1, hostile=True)
    stopped, paid = hostile["stopped"][0], hostile["paid"][0]
    print(
        f"hostile batch: {paid} of {len(EASY)} paid, {stopped} of {len(HANGING)} stopped, in"
        f" {hostile['seconds'][0]:.2f} s; {hostile['processor_seconds']:.1f} s of processor"
    )
    if given.json:
        given.json.write_text(json.dumps([*rows, hostile]) + "\n", encoding="utf-8")
    lost = any(paid < row["answers"] for row in rows for paid in row["paid"])
    return int(lost or (paid, stopped) != (len(EASY), len(HANGING)))


if __name__ == "__main__":
    sys.exit(main())
