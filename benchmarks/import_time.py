"""Measure the processor time of `import rewardkit` and of `rewardkit --help`.

    python benchmarks/import_time.py [--rounds 20]

Each runs in a new process, in turn, beside `import pydantic`, on which rewardkit depends. The
processor time of the whole process is measured, so that other load on the machine has little
effect; Python's own start, which is in each of them, is a row of its own. The ratios are those of
the medians. `import rewardkit` loads
its parts when they are first used, so that the parts that most programs use are measured as well;
these have no bound.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys

COMMANDS = {
    "start of Python": ["-c", ""],
    "import pydantic": ["-c", "import pydantic"],
    "import rewardkit": ["-c", "import rewardkit"],
    "from rewardkit import Reward": ["-c", "from rewardkit import Reward"],
    "import rewardkit.presets": ["-c", "import rewardkit.presets"],
    "rewardkit --help": ["-m", "rewardkit", "--help"],
}
MAX_RATIOS = {"import rewardkit": 1.8, "rewardkit --help": 3.6}
"""The bounds, relative to `import pydantic`."""


# An installed package has its modules compiled, so a process here may write them.
ENVIRONMENT = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}


def process_seconds(arguments: list[str]) -> float:
    """Return the processor time of a new process of Python, in seconds."""
    # finer than os.times, which counts in hundredths of a second
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *arguments]
    subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT)  # noqa: S603 - this Python
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> int:
    """Print the medians and their ratios; return 1 if a ratio is above its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="processes of each (default 20)")
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            seconds = process_seconds(arguments)
            if turn:  # the first round writes the compiled modules
                times[name].append(seconds)
    medians = {name: statistics.median(found) for name, found in times.items()}
    is_over = False
    for name, median in medians.items():
        ratio, bound = median / medians["import pydantic"], MAX_RATIOS.get(name)
        is_over |= bound is not None and ratio > bound
        limit = "" if bound is None else f" (at most {bound})"
        print(f"{name:30}{median * 1000:6.0f} ms{ratio:7.2f}{limit}")
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main())
