"""Measure the time of `import rewardkit` relative to `import pydantic`, on which it depends.

    python benchmarks/import_time.py [--rounds 20]

Each import runs in a new process, in turn. The processor time is measured, so that other load on
the machine has little effect. The bound allows rewardkit, including pydantic, twice the time of
pydantic alone.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

MAX_RATIO = 3.0
CODE = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"


def import_seconds(module: str) -> float:
    """Return the processor time of importing a module in a new process, in seconds."""
    command = [sys.executable, "-c", CODE.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - this Python


def main() -> int:
    """Print the medians and their ratio; return 1 if the ratio is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="imports of each (default 20)")
    rounds = parser.parse_args().rounds
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(import_seconds("rewardkit"))
        peers.append(import_seconds("pydantic.main"))
    own, peer = statistics.median(ours), statistics.median(peers)
    print(f"import rewardkit      {own * 1000:6.0f} ms")
    print(f"import pydantic.main  {peer * 1000:6.0f} ms")
    print(f"ratio                 {own / peer:6.2f} (bound {MAX_RATIO})")
    return int(own / peer > MAX_RATIO)


if __name__ == "__main__":
    sys.exit(main())
