"""Measure the processor time of `import rewardkit`, `rewardkit --help` and `check_reward`.

    python benchmarks/import_time.py [--rounds 20] [--page FILE.md]

Each runs in a new process, in turn, beside `import pydantic`, on which rewardkit depends. The
processor time of the whole process and its children is measured, so that other load on the machine
has little effect; Python's own start, which is in each of them, is a row of its own. The ratios are
those of the medians. `import rewardkit` loads its parts when they are first used, so that the parts
that most programs use are measured as well; these have no bound. `check_reward`, which takes
seconds, checks a plain function with its default options, in a few rounds.

The exit code is 1 if a figure is above its bound.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import measuring
from measuring import Spread, format_table

PLAIN_FUNCTION = """
from rewardkit import Batch
from rewardkit.testing import check_reward

def digits(completions, **_):
    return [float(sum(map(str.isdigit, text))) for text in Batch(completions).texts]

check_reward(digits)
"""
CHECK = "`check_reward` of a plain function"
COMMANDS = {
    "start of Python": ["-c", ""],
    "`import pydantic`": ["-c", "import pydantic"],
    "`import rewardkit`": ["-c", "import rewardkit"],
    "`from rewardkit import Reward`": ["-c", "from rewardkit import Reward"],
    "`import rewardkit.presets`": ["-c", "import rewardkit.presets"],
    "`rewardkit --help`": ["-m", "rewardkit", "--help"],
    CHECK: ["check.py"],
}
BASE = "`import pydantic`"
MAX_RATIOS = {"`import rewardkit`": 1.8, "`rewardkit --help`": 3.6}
"""The bounds, relative to `import pydantic`: `--help` at most twice what the import may take."""
MAX_CHECK_SECONDS, CHECK_ROUNDS = 3.0, 3


# An installed package has its modules compiled, so a process here may write them.
ENVIRONMENT = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}


def process_seconds(arguments: list[str], folder: Path) -> float:
    """Return the processor time of a new process of Python, in seconds."""
    # finer than os.times, which counts in hundredths of a second
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *arguments]
    subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT, cwd=folder)  # noqa: S603 - this Python
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure_processes(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each command in each round, without the first round."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # a file, since the checks read the source of the function
        (folder / "check.py").write_text(PLAIN_FUNCTION, encoding="utf-8")
        for turn in range(rounds + 1):
            for command, arguments in COMMANDS.items():
                if command == CHECK and turn > CHECK_ROUNDS:
                    continue
                seconds = process_seconds(arguments, folder)
                if turn:  # the first round writes the compiled modules
                    times[command].append(seconds)
    return times


def main() -> int:
    """Measure, and print or write the table; return 1 if a figure is above its bound."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="processes of each (default 20)")
    measuring.add_page_option(parser)
    given = parser.parse_args()
    spreads = {name: Spread.of(found) for name, found in measure_processes(given.rounds).items()}
    base = spreads[BASE].median
    lines, excesses = [], []
    for name, spread in spreads.items():
        ratio, bound = spread.median / base, MAX_RATIOS.get(name)
        limit = "" if bound is None else f"{bound}"
        if name == CHECK:
            limit = f"{MAX_CHECK_SECONDS:.0f} s"
        if spread.median > MAX_CHECK_SECONDS or ratio > (bound or float("inf")):
            excesses.append(f"above its bound: {name}: {spread.median:.2f} s, {ratio:.2f}")
        lines.append([name, f"{spread.format(0, 1e3)} ms", f"{ratio:.2f}", limit])
    table = format_table(["process", "processor time", f"of {BASE}", "at most"], lines)
    run = measuring.describe_run(f"{given.rounds} rounds, of `check_reward` 3", ["pydantic"])
    print(*excesses, sep="\n")
    measuring.publish({"processes": f"{table}\n\n{run}"}, given.page)
    return int(bool(excesses))


if __name__ == "__main__":
    sys.exit(main())
