r"""Count the right answers that `math` pays on a busy machine.

Some processes verify right integrals, each of which takes math-verify a part of its time limit,
while other processes keep the processors busy. None may be lost to a deadline. The first round
includes the start of the workers; later ones begin with an empty cache of verdicts.

    python benchmarks/deadlines.py [--processes 1 2 4] [--busy 2] [--rounds 2] [--json FILE]

The exit code is 1 if a right answer was not paid.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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


def verify_rounds(rounds: int) -> list[dict[str, Any]]:
    """Verify all integrals in this process, and return each round's outcomes and seconds."""
    found = []
    for _ in range(rounds):
        decide.clear_caches()
        start = time.perf_counter()
        verdicts = rk.build("math").verify(*map(list, zip(*INTEGRALS, strict=True)))
        seconds = time.perf_counter() - start
        outcomes = [verdict.outcome.value for verdict in verdicts]
        found.append({"seconds": seconds, "outcomes": outcomes})
    return found


def children_seconds() -> float:
    """Return the processor time of the children that were waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start Python with these arguments."""
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE)  # noqa: S603


def measure(processes: int, busy: int, rounds: int) -> dict[str, Any]:
    """Verify in so many processes beside busy loops, and return the figures."""
    loops = [start("-c", "while True: pass") for _ in range(busy)]
    try:
        before = children_seconds()
        children = [start(__file__, "--child", "--rounds", str(rounds)) for _ in range(processes)]
        found = [json.loads(child.communicate()[0]) for child in children]
        used = children_seconds() - before
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    return {
        "processes": processes,
        "answers": processes * len(INTEGRALS),
        "paid": [
            sum(child[number]["outcomes"].count("correct") for child in found)
            for number in range(rounds)
        ],
        "seconds": [max(child[number]["seconds"] for child in found) for number in range(rounds)],
        "processor_seconds": used,
    }


def main() -> int:
    """Measure, and print a line for each number of processes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--busy", type=int, default=2, help="busy loops beside them")
    parser.add_argument("--rounds", type=int, default=2, help="times that each verifies all")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(verify_rounds(given.rounds)))
        return 0
    rows = []
    for processes in given.processes:
        row = measure(processes, given.busy, given.rounds)
        rows.append(row)
        for paid, seconds in zip(row["paid"], row["seconds"], strict=True):
            print(f"{processes} processes: {paid} of {row['answers']} paid in {seconds:.2f} s")
        print(f"{processes} processes: {row['processor_seconds']:.1f} s of processor in all rounds")
    if given.json:
        given.json.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    return int(any(paid < row["answers"] for row in rows for paid in row["paid"]))


if __name__ == "__main__":
    sys.exit(main())
