"""Measure `score` on a Ray cluster of this machine, beside `score` in one process.

Both score the same file of JSONL with the five fixed XML presets. Rates begin when the first batch
is written, so that neither the start of Ray and of its actors nor reading the fingerprint counts.
The output of both must be the same to the byte.

    python benchmarks/on_ray.py [--rows 1000000] [--rounds 1] [--cpus 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rewardkit._optional import require
from rewardkit.scoring import score
from scoring import FIVE, write_rows

RATIO_BOUND = 0.5
"""The least ratio of the rate on Ray to that of one process."""


def measure(source: Path, out: Path, engine: str) -> float:
    """Return the rows a second, from the first batch on."""
    seen: list[tuple[float, int]] = []

    def note(done: int, _total: int | None) -> None:
        if done:
            seen.append((time.perf_counter(), done))

    workers = 1 if engine == "local" else None
    score(source, FIVE, out, engine=engine, workers=workers, resume=False, progress=note)
    (start, before), (end, after) = seen[0], seen[-1]
    return (after - before) / (end - start)


def main() -> int:
    """Print the rates; 1 if the ratio is below its bound, or the files differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ray: Any = require("ray", install="rewardkit[ray]")
    ray.init("local", num_cpus=options.cpus, include_dashboard=False, log_to_driver=False)
    rates: dict[str, list[float]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "in.jsonl", options.rows)
        for _ in range(options.rounds):
            for engine, found in rates.items():
                out = folder / f"{engine}.jsonl"
                found.append(measure(folder / "in.jsonl", out, engine))
                print(f"{engine:6} {found[-1]:10,.0f} rows a second", flush=True)
        same = (folder / "local.jsonl").read_bytes() == (folder / "ray.jsonl").read_bytes()
    ratio = max(rates["ray"]) / max(rates["local"])
    print(f"ratio  {ratio:10.2f}, the same file: {same}")
    if options.json:
        options.json.write_text(json.dumps({**rates, "ratio": ratio}, indent=2))
    return int(ratio < RATIO_BOUND or not same)


if __name__ == "__main__":
    sys.exit(main())
