"""Fuzz the readers of texts and files: 60 s each, or as long as asked for.

    python benchmarks/fuzz.py [TARGET ...] [--seconds 60]

Each target runs in a process of its own, with atheris where it is installed (coverage guides it),
else with random changes of its seeds. A finding is an exception that the reader does not document,
a broken property, or a text that takes more than 2 s of processor time; the input that causes it is
written beside, and the exit code is 1. `make fuzz` runs all targets; a nightly run of 30 minutes:

    nice -n 19 python benchmarks/fuzz.py --seconds 85
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Run = Callable[[bytes], object]
MAX_SECONDS = 2.0  # of processor time for one input; instrumented code is several times slower
MAX_BYTES = 4096
CHILD = "--in-this-process"


def watch(run: Run, name: str) -> tuple[Run, list[float]]:
    """Return the target with its time limit and with its findings written to a file."""
    slowest = [0.0]

    def one(data: bytes) -> None:
        start = time.process_time()
        try:
            run(data)
        except BaseException:
            path = Path(tempfile.gettempdir()) / f"fuzz-{name}-finding"
            path.write_bytes(data)
            print(f"finding in {name}: {path}", file=sys.stderr)
            raise
        took = time.process_time() - start
        slowest[0] = max(slowest[0], took)
        if took > MAX_SECONDS:
            raise TimeoutError(f"{took:.1f} s of processor time for {data[:200]!r}")

    return one, slowest


def change(dice: random.Random, text: bytes, words: list[bytes]) -> bytes:
    """Change a text at random: cut, repeat, insert a word, replace a byte."""
    for _ in range(dice.randint(1, 8)):
        start = dice.randint(0, len(text))
        end = min(len(text), start + dice.randint(0, 12))
        middle = dice.choice([b"", dice.choice(words), text[start:end] * dice.randint(2, 40)])
        if not dice.randrange(4):
            middle = bytes([dice.randrange(256)])
        text = text[:start] + middle + text[end:]
    return text[:MAX_BYTES]


def fuzz_at_random(run: Run, seeds: list[bytes], words: list[bytes], seconds: float) -> int:
    """Run changed seeds until the time is over; return how many."""
    dice = random.Random(0)
    until, runs = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        run(change(dice, dice.choice(seeds), words))
        runs += 1
    return runs


def fuzz_here(name: str, seconds: int) -> None:
    """Fuzz one target in this process."""
    try:
        import atheris  # noqa: PLC0415 - it may be missing
    except ImportError:
        atheris = None
    if atheris:
        with atheris.instrument_imports(include=["rewardkit"]):
            from fuzz_targets import TARGETS  # noqa: PLC0415 - instrumented, if it can be
    else:
        from fuzz_targets import TARGETS  # noqa: PLC0415 - the same
    target = TARGETS[name]
    run, slowest = watch(target.run, name)
    seeds = [seed.encode("utf-8", "surrogatepass") for seed in target.seeds]
    words = sorted({word for seed in seeds for word in re.findall(rb"\w+|[^\w\s]+", seed)})
    if atheris is None:
        runs = fuzz_at_random(run, seeds, words, seconds)
        print(f"{name}: {runs:,} runs at random, slowest {slowest[0]:.2f} s")
        return
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    dictionary = folder / "words"
    dictionary.write_text("".join(f'"{quote(word)}"\n' for word in words), encoding="ascii")
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-dict={dictionary}"]
    # One address space limit for all: an input that takes 2 GiB is a finding, too.
    options += ["-rss_limit_mb=2048", "-timeout=60", "-print_final_stats=1", "-verbosity=0"]
    options.append(f"-artifact_prefix={folder}/")
    atheris.Setup([sys.argv[0], *options, str(corpus)], run)
    atheris.Fuzz()


def quote(word: bytes) -> str:
    """Write a word as libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> None:
    """Fuzz each target in a process of its own, and print how many inputs ran."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument(CHILD, action="store_true", dest="here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        fuzz_here(given.targets[0], given.seconds)
        return
    from fuzz_targets import TARGETS  # noqa: PLC0415 - slow to import

    if unknown := [name for name in given.targets if name not in TARGETS]:
        parser.error(f"got {unknown[0]!r}, expected some of {', '.join(TARGETS)}")
    failed = []
    total = 0
    for name in given.targets or TARGETS:
        command = [sys.executable, __file__, name, f"--seconds={given.seconds}", CHILD]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this file
        runs = re.search(
            r"number_of_executed_units: (\d+)|([\d,]+) runs at random", done.stdout + done.stderr
        )
        count = int((runs[1] or runs[2]).replace(",", "")) if runs else 0
        total += count
        print(
            f"{name:14} {count:>10,} runs  {'ok' if done.returncode == 0 else 'FINDING'}",
            flush=True,
        )
        if done.returncode:
            failed.append(name)
            print(done.stdout[-2_000:], done.stderr[-4_000:], sep="\n", flush=True)
    print(f"{total:,} runs, {len(failed)} targets with findings")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
