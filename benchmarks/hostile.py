r"""Measure the verdict, time and memory of hostile answers, for the verifiers `math` and `code`.

For `math`, each case is used as the answer and then as the reference: in the main thread, in
another thread and inside an event loop. Then a batch is verified without hostile answers, and with
1 % of them. For `code`, each case is a program from `tests/programs.py` that tries to escape from
the sandbox, to pass without solving the task, or to exceed its resource limits.

    python benchmarks/hostile.py [--only math|code] [--batch 512] [--most 1.5] [--json FILE]

The exit code is 1 if a verdict, or the hostile part of a batch, takes longer than `--most` seconds
(for code, in addition to its time limit), if the process grows by more than 50 MB, or if a hostile
program passes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import rewardkit as rk
from rewardkit.verify._math import decide

MATH = {
    "power tower": "9^{9^{9^{9}}}",
    "power tower, plain": "9**9**9**9**9",
    "large power": "7^{123456789}",
    "large negative power": "(1/7)^{-123456789}",
    "tower in a sum": "1+2^{3^{4^{5^{6}}}}",
    "tower of letters": "x^{x^{x^{x^{x^{x}}}}}",
    "factorial": "1000000000!",
    "factorials": "(((9!)!)!)!",
    "double factorial": "123456789!!",
    "factorial of a sum": "(10^9+1)!",
    "binomial": r"\binom{1000000000}{500000000}",
    "permutation": "(1000000000)_{500000000}",
    "huge sum": r"\sum_{k=1}^{1000000000} k^k",
    "endless sum": r"\sum_{k=1}^{\infty} \frac{\sin(k^2)}{k!}",
    "nested sums": r"\sum_{a=1}^{999}\sum_{b=1}^{999}\sum_{c=1}^{999} abc",
    "huge product": r"\prod_{k=1}^{100000000} (1+\frac{1}{k})",
    "integral": r"\int_0^1 \frac{\sin(x^5) e^{\cos(x)}}{\ln(1+x^7)+x^{13}} dx",
    "nested integrals": r"\int_0^1\int_0^x\int_0^y e^{-xyz}\sqrt{1+x^3y^3} dz dy dx",
    "limit": r"\lim_{x\to 0} \frac{\sin(\tan(x))-\tan(\sin(x))}{x^7\ln(1+x^9)}",
    "polynomial": "(x+y+z+w)^{200}-(x+y+z)^{200}",
    "polynomials": "(x+y+z+w)^{20}(a+b+c+d)^{20}(p+q+r+s)^{20}",
    "one large polynomial": "(x+1)^{100000}",
    "many roots": "+".join(rf"\sqrt{{{n}+\sqrt{{x+{n}}}}}" for n in range(40)),
    "trigonometric": r"\sin^{50}(x)\cos^{50}(y)\tan^{50}(x+y)\sin(50x)\cos(50y)",
    "equation": "x^{11}+3x^7-5x^3+x^2=x^{10}-7x+1",
    "inequality": r"x^{9}-7x^{5}+3\sin(x) < e^{x}",
    "matrix power": r"\begin{pmatrix}1&2\\3&4\end{pmatrix}^{100000}",
    "large matrix": r"\begin{pmatrix}"
    + r"\\".join("&".join(["x+1"] * 40) for _ in range(40))
    + r"\end{pmatrix}",
    "large primes": r"\sqrt{" + "1000000000000000003" * 20 + "}",
    "gcd": r"\gcd(10^{100000}, 7^{100000})",
    "modulus": r"7^{7^{7^{7}}} \bmod 1000",
    "parentheses": "(" * 100_000,
    "closed parentheses": "(" * 50_000 + "1" + ")" * 50_000,
    "braces": "{" * 100_000,
    "boxes": "\\boxed{" * 20_000,
    "closed boxes": "\\boxed{" * 20_000 + "1" + "}" * 20_000,
    "dollars": "$" * 100_000,
    "dollar pairs": "$1$ and " * 20_000,
    "brackets": r"\[ " * 50_000,
    "brackets and lines": "[1\n" * 50_000,
    "absolute values": "|" * 20_000 + "x",
    "minus signs": "-" * 100_000 + "1",
    "digits": "9" * 1_000_000,
    "digits in a sentence": "The answer is " + "9" * 1_000_000,
    "a decimal": "0." + "9" * 1_000_000,
    "letters": "a" * 1_000_000,
    "words": "the answer is " * 70_000,
    "final answers": "final answer is $" * 60_000,
    "numbers": "100 200 " * 120_000,
    "sums": "1 + " * 250_000,
    "equals": "answer = " * 100_000,
    "commas": "1," * 500_000,
    "white space": " " * 1_000_000,
    "new lines": "x\n" * 500_000,
    "fractions": "\\frac{1}{1+" * 2000 + "1" + "}" * 2000,
    "open fractions": "\\frac{" * 2000,
    "roots": "\\sqrt{1+" * 2000 + "1" + "}" * 2000,
    "exponents": "2^{" * 2000 + "2" + "}" * 2000,
    "short fractions": "\\frac{1}{1+" * 60 + "x" + "}" * 60,
    "subscripts": "x" + "_{x" * 2000 + "}" * 2000,
    "a set": r"\{" + ",".join(f"x+{n}" for n in range(300)) + r"\}",
    "plus or minus": r"1" + r"\pm 1" * 200,
    "environments": r"\begin{pmatrix}" * 2000,
    "code": "__import__('os').system('sleep 100')",
    "null": "\x00" * 100_000,
    "surrogates": "\ud800" * 100_000,
}
"""Answers that cost a symbolic checker seconds or gigabytes, or are not linear for a pattern."""


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Call a function and measure its time."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def in_loop(call: Callable[[], Any]) -> Any:
    """Call inside an event loop."""

    async def main() -> Any:
        return call()

    return asyncio.run(main())


def resident() -> float:
    """Return this process's peak memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def verdict(answer: str, reference: str) -> rk.Verdict:
    """Return the verdict on a pair, with all caches cleared."""
    decide.forget_verdicts()
    verifier: rk.Verifier = rk.build("math")
    return verifier.verify([answer], [reference])[0]


def cases() -> dict[str, dict[str, Any]]:
    """Measure each hostile case of `math`."""
    figures: dict[str, dict[str, Any]] = {}
    with ThreadPoolExecutor(1) as executor:
        ways: dict[str, Callable[[Callable[[], Any]], Any]] = {
            "main": lambda call: call(),
            "thread": lambda call: executor.submit(call).result(),
            "loop": in_loop,
        }
        for name, text in MATH.items():
            for side, pair in {
                "answer": (text, "42"),
                "reference": ("42", text),
                "equation": (f"{text} = x", rf"\int_0^x {text[:500]} dx"),
            }.items():
                row: dict[str, Any] = {"grown_mb": -resident()}
                for way, run in ways.items():
                    found, row[way] = timed(partial(run, partial(verdict, *pair)))
                    row["outcome"], row["detail"] = found.outcome.value, found.detail
                row["grown_mb"] += resident()
                figures[f"{name}, as the {side}"] = row
    return figures


def batch(size: int) -> dict[str, float]:
    """Measure a batch without and with hostile answers: the minimum of three runs each."""
    answers = [rf"\frac{{{n}}}{{7}} + \sqrt{{{n}}}" for n in range(size)]
    references = answers[::-1]
    hostile = [r"\int_0^1 \frac{\sin(x^5) e^{\cos(x)}}{\ln(1+x^7)+x^{13}} dx", *MATH.values()]
    worse = list(answers)
    for index in range(max(size // 100, 1)):
        worse[index * 97 % size] = hostile[index]
    times: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(3):
        for name, given in (("without", answers), ("with", worse)):
            decide.forget_verdicts()
            verify = partial(rk.build("math").verify, given, references)
            times[name].append(timed(verify)[1])
    return {name: min(row) for name, row in times.items()}


CODE_SECONDS = 2.0
"""The time limit of code."""


def programs() -> dict[str, dict[str, Any]]:
    """Measure each hostile program under bubblewrap."""
    cases = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "programs.py"))
    verifier: rk.Verifier = rk.build("code", timeout=CODE_SECONDS)
    verifier.verify(["x = 1"], ["assert x == 1"])  # tries bubblewrap
    figures: dict[str, dict[str, Any]] = {}

    def judge(name: str, answer: str, tests: Any) -> None:
        before = resident()
        (found,), seconds = timed(partial(verifier.verify, [answer], [tests]))
        outcome, detail, _ = found
        grown = resident() - before
        row = {"outcome": outcome.value, "detail": detail, "seconds": seconds, "grown_mb": grown}
        figures[name] = row

    for name, way in {**cases["WAYS_OUT"], **cases["ONLY_ROOT_OUT"]}.items():
        with (
            tempfile.TemporaryDirectory() as folder,
            cases["surroundings"](Path(folder)) as around,
        ):
            judge(f"a way out: {name}", way.format(**around), cases["WANTED"])
    for name, (answer, tests) in cases["WAYS_TO_PASS"].items():
        judge(f"a way to pass: {name}", answer, tests)
    for name, (answer, _) in cases["HARM"].items():
        judge(f"harm: {name}", answer, cases["WANTED"])
    for name, (answer, _) in cases["COSTLY"].items():
        judge(f"a costly value: {name}", answer, "assert list(f(1)) == [2]")
    return figures


def measure_math(most: float, size: int) -> tuple[dict[str, Any], list[str]]:
    """Print the costs of the hostile cases of `math`; return the figures and the failures."""
    verdict(r"\int_0^1 y dy", "0.5")  # starts a worker
    before = resident()
    figures = cases()
    grown = resident() - before
    failed = []
    for name, row in figures.items():
        slowest = max(row[way] for way in ("main", "thread", "loop"))
        show(name, row, slowest)
        if slowest > most:
            failed.append(f"{name}: {slowest:.2f} s")
    timeouts = sum(row["outcome"] == "timeout" for row in figures.values())
    print(f"{timeouts} of {len(figures)} were timeouts; the process grew by {grown:.1f} MB")
    if grown > MOST_GROWTH:
        failed.append(f"the process grew by {grown:.1f} MB")
    times = batch(size)
    print(f"a batch of {size}: {times['without']:.3f} s, with 1 % hostile {times['with']:.3f} s")
    if times["with"] - times["without"] > most:
        failed.append("the hostile part of a batch")
    found = {"math": figures, "grown_mb": grown, "timeouts": timeouts, "batch_s": times}
    return found, failed


def measure_code(most: float) -> tuple[dict[str, Any], list[str]]:
    """Print the costs of the hostile programs; return the figures and the failures."""
    before = resident()
    figures = programs()
    grown = resident() - before
    failed = []
    for name, row in figures.items():
        show(name, row, row["seconds"])
        if row["outcome"] not in ("wrong", "timeout"):
            failed.append(f"{name}: {row['outcome']}")
        if row["seconds"] > CODE_SECONDS + most:
            failed.append(f"{name}: {row['seconds']:.2f} s")
    passed = sum(row["outcome"] == "correct" for row in figures.values())
    print(f"{passed} of {len(figures)} programs passed; the process grew by {grown:.1f} MB")
    if grown > MOST_GROWTH:
        failed.append(f"the process grew by {grown:.1f} MB")
    return {"code": figures, "code_grown_mb": grown}, failed


MOST_GROWTH = 50  # MB


def show(name: str, row: dict[str, Any], seconds: float) -> None:
    """Print one case: its name, verdict, seconds, and the growth of this process."""
    detail = row["detail"].partition("\n")[0][:30]
    costs = f"{seconds:8.3f} s {row['grown_mb']:6.1f} MB"
    print(f"{name[:54]:55}{row['outcome']:14}{detail:31}{costs}", flush=True)


def main() -> int:
    """Measure, print one line per case, and list what exceeded its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=("math", "code"), help="measure one verifier only")
    parser.add_argument("--batch", type=int, default=512, help="answers per batch of math")
    parser.add_argument("--most", type=float, default=1.5, help="maximum seconds of a verdict")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    failed: list[str] = []
    if given.only != "code":
        found, over = measure_math(given.most, given.batch)
        figures |= found
        failed += over
    if given.only != "math":
        found, over = measure_code(given.most)
        figures |= found
        failed += over
    if given.json:
        given.json.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print("\n".join(failed) or f"Nothing took longer than {given.most} s.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
