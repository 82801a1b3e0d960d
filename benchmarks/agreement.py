r"""Compare the verifier `math` with math-verify, TRL's reward and exact match on labelled pairs.

Each pair has a reference, an answer, and whether they are equal. Every judge gets one pair at a
time, in the same process: the verifier `math`, with its caches cleared; math-verify, with both
texts between dollar signs; TRL's accuracy_reward, with the answer in a box; and exact match of the
stripped texts. The benchmark prints each judge's mistakes and times.

    python benchmarks/agreement.py [PAIRS.jsonl ...] [--made 40] [--seed 0] [--show] [--json FILE]
    python benchmarks/agreement.py --completions FILE.jsonl.gz --problems FILE.jsonl [--show]

A file of pairs is JSONL with the fields `kind`, `reference`, `answer` and `equal`. `--made N`
generates N pairs of each kind below, half of which are equal by construction. The second form
compares the verdicts of `math` and math-verify on whole completions (`id`, `completion`) in which
both find an answer. The `answer` of a problem ends with `####` and the reference. `--show` prints
each wrong verdict, or each difference.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from math_verify import parse, verify
from trl.rewards import accuracy_reward

import rewardkit as rk
from rewardkit._text import numbers
from rewardkit.verify._math import decide


class Pair(NamedTuple):
    """A labelled pair."""

    kind: str
    reference: str
    answer: str
    equal: bool


Three = tuple[str, str, str]
"""A reference, an answer that equals it, and an answer that does not."""


def _integer(rng: random.Random) -> Three:
    n = rng.randint(-9999, 99999)
    return str(n), rng.choice([f"{n}", f"${n}$", rf"\boxed{{{n}}}", f"{n}.0"]), str(n + 1)


def _thousands(rng: random.Random) -> Three:
    n = rng.randint(10_000, 9_999_999)
    return str(n), rng.choice([f"{n:,}", f"{n:,}".replace(",", "{,}")]), f"{n + 10:,}"


def _decimal(rng: random.Random) -> Three:
    n = Fraction(rng.randint(1, 9999), 8)
    return f"{float(n):.3f}", str(float(n)), str(float(n + Fraction(1, 8)))


def _fraction(rng: random.Random) -> Three:
    a, b, k = rng.randint(-99, 99), rng.randint(2, 40), rng.randint(2, 9)
    wrong = rf"\frac{{{a * k + 1}}}{{{b * k}}}"
    return (
        rf"\frac{{{a}}}{{{b}}}",
        rng.choice([rf"\dfrac{{{a * k}}}{{{b * k}}}", f"{a}/{b}"]),
        wrong,
    )


def _mixed(rng: random.Random) -> Three:
    whole, b = rng.randint(1, 20), rng.randint(2, 9)
    a = rng.randint(1, b - 1)
    text = rng.choice([f"{whole} {a}/{b}", rf"{whole}\frac{{{a}}}{{{b}}}"])
    return rf"\frac{{{whole * b + a}}}{{{b}}}", text, rf"{whole + 1}\frac{{{a}}}{{{b}}}"


def _percent(rng: random.Random) -> Three:
    n = rng.randint(1, 99)
    same = rng.choice([rf"{n}\%", f"{n}%", f"{n} percent"])
    return rng.choice([str(n), rf"{n}\%", f"{n / 100:g}"]), same, rf"{n + 1}\%"


def _unit(rng: random.Random) -> Three:
    n = rng.randint(2, 900)
    unit = rng.choice([r"\text{ cm}", r"\,\text{km}", " dollars", r"^\circ", r"\text{ m}^2", " cm"])
    return str(n), f"{n}{unit}", f"{n + 2}{unit}"


def _currency(rng: random.Random) -> Three:
    n = rng.randint(100, 99999)
    return str(n), rng.choice([rf"\${n:,}", f"${n:,}.00", f"{n} dollars"]), rf"\${n + 1:,}"


def _scientific(rng: random.Random) -> Three:
    a, n = rng.randint(11, 99), rng.randint(3, 9)
    exact = str(Fraction(a, 10) * 10**n)
    return (
        rf"{a / 10}\times 10^{{{n}}}",
        rng.choice([exact, f"{a / 10}e{n}"]),
        (rf"{a / 10}\times 10^{{{n + 1}}}"),
    )


def _tiny(rng: random.Random) -> Three:
    a, n = rng.randint(11, 98), rng.randint(7, 12)
    same = rf"{a}\times 10^{{-{n + 1}}}"
    return rf"{a / 10}\cdot 10^{{-{n}}}", same, rf"{(a + 1) / 10}\times 10^{{-{n}}}"


def _repeating(rng: random.Random) -> Three:
    n = rng.randint(1, 8)
    return (
        rf"\frac{{{n}}}{{9}}",
        rf"0.\overline{{{n}}}",
        f"0.{n}",
    )


def _rounded(rng: random.Random) -> Three:
    a, b = rng.randint(1, 50), rng.choice([3, 7, 9, 11, 13])
    a += a % b == 0
    return rf"\frac{{{a}}}{{{b}}}", f"{a / b:.7f}", f"{a / b + 0.001:.7f}"


def _surd(rng: random.Random) -> Three:
    a, b = rng.randint(2, 9), rng.randint(2, 40)
    return rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{a * a * b}}}", rf"\sqrt{{{a * a * b + 1}}}"


def _surds(rng: random.Random) -> Three:
    a, b = rng.randint(2, 9), rng.choice([2, 3, 5, 6, 7])
    reference = rf"\frac{{1}}{{{a}+\sqrt{{{b}}}}}"
    below = a * a - b
    if below == 0:
        return _surds(rng)
    same = rf"\frac{{{a}-\sqrt{{{b}}}}}{{{below}}}"
    return reference, same, rf"\frac{{{a}+\sqrt{{{b}}}}}{{{below}}}"


def _cube_root(rng: random.Random) -> Three:
    a, b = rng.randint(2, 6), rng.choice([2, 3, 5])
    return rf"{a}\sqrt[3]{{{b}}}", rf"\sqrt[3]{{{a**3 * b}}}", rf"\sqrt[3]{{{a**3 * b + 1}}}"


def _pi(rng: random.Random) -> Three:
    a, b = rng.randint(1, 30), rng.randint(2, 9)
    return rf"\frac{{{a}\pi}}{{{b}}}", rf"\frac{{{a}}}{{{b}}}\pi", rf"\frac{{{a + 1}\pi}}{{{b}}}"


def _linear(rng: random.Random) -> Three:
    a, b, x = rng.randint(2, 900), rng.randint(1, 40), rng.choice("xynt")
    return f"{a}{x}+{b}", f"{b}+{a}{x}", f"{b}+{a + 1}{x}"


def _square(rng: random.Random) -> Three:
    a, b = rng.randint(1, 12), rng.randint(1, 12)
    wrong = f"(x+{a})(x-{b + 1})"
    return f"x^2+{a - b}x-{a * b}".replace("+-", "-").replace("+0x", ""), f"(x+{a})(x-{b})", wrong


def _two_letters(rng: random.Random) -> Three:
    a, b = rng.randint(2, 9), rng.randint(2, 9)
    same = f"{a * a}x^2 - {b * b}y^2"
    return f"({a}x-{b}y)({a}x+{b}y)", same, f"{a * a}x^2 + {b * b}y^2"


def _quotient(rng: random.Random) -> Three:
    a = rng.randint(2, 9)
    return rf"\frac{{x^2-{a * a}}}{{x+{a}}}", f"x-{a}", f"x+{a}"


def _complex(rng: random.Random) -> Three:
    a, b = rng.randint(1, 9), rng.randint(2, 9)
    return f"{a}+{b}i", rng.choice([f"{b}i + {a}", rf"{a} + {b}\imath"]), f"{a}-{b}i"


def _equation(rng: random.Random) -> Three:
    m, b = rng.randint(2, 9), rng.randint(1, 9)
    same = rng.choice([f"{m}x + {b}", f"y={b}+{m}x", f"{m}x-y+{b}=0"])
    return f"y={m}x+{b}", same, f"y={m}x-{b}"


def _assignment(rng: random.Random) -> Three:
    n, x = rng.randint(-50, 50), rng.choice("xyn")
    return rng.choice([str(n), f"{x}={n}"]), f"{x} = {n}", f"{x} = {n + 1}"


def _names(rng: random.Random) -> Three:
    a, b = rng.sample("abkmnpqrt", 2)
    return f"{a}+2{b}", f"2{b} + {a}", f"{b}+2{a}"


def _inequality(rng: random.Random) -> Three:
    n = rng.randint(-20, 20)
    same = rng.choice([f"{n} < x", f"x>{n}", rf"({n},\infty)", rf"x \in ({n}, \infty)"])
    return f"x > {n}", same, rng.choice([rf"x \ge {n}", f"x < {n}", rf"[{n},\infty)"])


def _interval(rng: random.Random) -> Three:
    a = rng.randint(-20, 20)
    b = a + rng.randint(1, 20)
    wrong = rng.choice([f"({a},{b})", f"[{a},{b}]", f"[{a},{b + 1})"])
    return f"[{a},{b})", rf"\left[{a}, {b}\right)", wrong


def _union(rng: random.Random) -> Three:
    a = rng.randint(-20, 20)
    b = a + rng.randint(1, 9)
    same = rf"({b}, \infty) \cup (-\infty, {a})"
    return rf"(-\infty,{a})\cup({b},\infty)", same, rf"(-\infty,{a}]\cup({b},\infty)"


def _set(rng: random.Random) -> Three:
    a = rng.sample(range(-50, 50), 3)
    order = ",".join(map(str, a[::-1]))
    same = rng.choice([rf"\{{{order}\}}", rf"\left\{{{order}\right\}}"])
    return rf"\{{{a[0]}, {a[1]}, {a[2]}\}}", same, rf"\{{{a[0]},{a[1]},{a[2] + 60}\}}"


def _list(rng: random.Random) -> Three:
    a, b = rng.sample(range(-20, 20), 2)
    same = rng.choice([f"{b} and {a}", f"x = {a} or x = {b}", rf"{b} \text{{ and }} {a}"])
    return f"{a}, {b}", same, f"{a} and {b + 40}"


def _plus_minus(rng: random.Random) -> Three:
    a, b = rng.randint(1, 9), rng.choice([2, 3, 5, 7])
    same = rf"{a}-\sqrt{{{b}}}, {a}+\sqrt{{{b}}}"
    return rf"{a}\pm\sqrt{{{b}}}", same, rf"{a + 1}\pm\sqrt{{{b}}}"


def _tuple(rng: random.Random) -> Three:
    a, b, c = rng.sample(range(-90, 90), 3)
    return f"({a}, {b}, {c})", rf"\left({a},{b},{c}\right)", f"({b},{a},{c})"


def _set_or_tuple(rng: random.Random) -> Three:
    a = rng.randint(1, 9)
    b = a + rng.randint(1, 9)
    return rf"\{{{a},{b}\}}", rf"\{{{b},{a}\}}", f"({a},{b})"


def _matrix(rng: random.Random) -> Three:
    a, b, c, d = (rng.randint(-99, 99) for _ in range(4))
    same = rf"\begin{{bmatrix}} {a} & {b} \\ {c} & {d} \end{{bmatrix}}"
    wrong = rf"\begin{{bmatrix}} {a} & {b} \\ {c} & {d + 1} \end{{bmatrix}}"
    return rf"\begin{{pmatrix}}{a}&{b}\\{c}&{d}\end{{pmatrix}}", same, wrong


def _vector(rng: random.Random) -> Three:
    a, b, c = (rng.randint(-9, 9) for _ in range(3))
    reference = rf"\begin{{pmatrix}}{a}\\{b}\\{c}\end{{pmatrix}}"
    same = rf"\begin{{bmatrix}}{a}\\{b}\\{c}\end{{bmatrix}}"
    return reference, same, rf"\begin{{bmatrix}}{a}\\{c + 1}\\{b}\end{{bmatrix}}"


def _words(rng: random.Random) -> Three:
    one, other = rng.sample(["even", "odd", "Monday", "no solution", "neither", "yes", "Evelyn"], 2)
    return rf"\text{{{one}}}", rng.choice([one, one.capitalize(), rf"\text{{{one}}}"]), other


def _choice(rng: random.Random) -> Three:
    one, other = rng.sample("ABCDE", 2)
    return (
        rng.choice([one, rf"\text{{{one}}}"]),
        rng.choice([f"({one})", rf"\text{{({one})}}", one]),
        (rng.choice([f"({other})", rf"\text{{{other}}}"])),
    )


def _logarithm(rng: random.Random) -> Three:
    base, n = rng.choice([2, 3, 5]), rng.randint(2, 5)
    return str(n), rf"\log_{{{base}}} {base**n}", rf"\log_{{{base}}} {base ** (n + 1)}"


def _natural(rng: random.Random) -> Three:
    a, b = rng.randint(2, 9), rng.randint(2, 9)
    return rf"{a}\ln {b}", rf"\ln({b**a})", rf"\ln({b**a + 1})"


def _sine(rng: random.Random) -> Three:
    a = rng.randint(2, 9)
    return rf"{a}\sin(2x)", rf"{2 * a}\sin(x)\cos(x)", rf"{a}\sin(x)\cos(x)"


def _exponential(rng: random.Random) -> Three:
    a, b = rng.randint(2, 9), rng.randint(2, 9)
    return rf"{a}e^{{{b}x}}", rf"{a}\exp({b}x)", rf"{a}e^{{{b + 1}x}}"


def _power(rng: random.Random) -> Three:
    a, n = rng.choice([2, 3, 5, 7]), rng.randint(10, 60)
    return f"{a}^{{{n}}}", str(a**n), str(a**n + 1)


def _factorial(rng: random.Random) -> Three:
    n = rng.randint(4, 12)
    return str(math.factorial(n)), f"{n}!", f"{n + 1}!"


def _binomial(rng: random.Random) -> Three:
    n = rng.randint(7, 20)
    k = rng.randint(2, n // 2 - 1)
    return str(math.comb(n, k)), rf"\binom{{{n}}}{{{k}}}", rf"\binom{{{n}}}{{{k + 1}}}"


def _sum(rng: random.Random) -> Three:
    n = rng.randint(5, 40)
    value = n * (n + 1) // 2
    return str(value), rf"\sum_{{k=1}}^{{{n}}} k", rf"\sum_{{k=1}}^{{{n}}} k^2"


def _ratio(rng: random.Random) -> Three:
    a, b, k = rng.randint(1, 9), rng.choice([10, 11, 13]), rng.randint(2, 5)
    return f"{a}:{b}", f"{a * k}:{b * k}", f"{a * k + 1}:{b * k}"


def _subscript(rng: random.Random) -> Three:
    n = rng.randint(1, 9)
    return f"a_{n}+1", f"1+a_{{{n}}}", f"a_{{{n + 1}}}+1"


def _base(rng: random.Random) -> Three:
    n = rng.randint(5, 200)
    return f"{n:b}_2", rng.choice([f"{n:b}_{{2}}", f"{n:b}"]), f"{n:b}_{{3}}"


def _sentence(rng: random.Random) -> Three:
    n = rng.randint(3, 900)
    form = rng.choice(
        ["The answer is {}.", "So he has {} apples.", r"Thus $x = {}$.", "2 + 3 = {}"]
    )
    return str(n), form.format(n), form.format(n + 1)


def _boxed(rng: random.Random) -> Three:
    a, b = rng.randint(1, 9), rng.randint(10, 20)
    form = r"First 7, then $9$. The final answer is $\boxed{{\frac{{{}}}{{{}}}}}$."
    return rf"\frac{{{a}}}{{{b}}}", form.format(a, b), form.format(a + 1, b)


def _date(rng: random.Random) -> Three:
    n = rng.randint(1, 9)
    return f"{n}/1/2024", f"{n}/1/2024", f"{n + 1}/1/2024"


def _time(rng: random.Random) -> Three:
    n = rng.randint(10, 58)
    return f"3:{n}", f"3:{n}", f"3:{n + 1}"


KINDS: dict[str, Callable[[random.Random], Three]] = {
    name.removeprefix("_"): made
    for name, made in list(globals().items())
    if name.startswith("_") and getattr(made, "__annotations__", {}).get("return") == "Three"
}


def made(each: int, seed: int) -> list[Pair]:
    """Return generated pairs of every kind, half of which are equal."""
    rng = random.Random(seed)
    pairs = []
    for kind, make in KINDS.items():
        for index in range(each):
            reference, same, other = make(rng)
            equal = index % 2 == 0
            pairs.append(Pair(kind, reference, same if equal else other, equal))
    return pairs


def read(path: Path) -> list[Pair]:
    """Read the pairs of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Pair(**json.loads(line)) for line in lines]


VERIFIER: rk.Verifier = rk.build("math")


def forget() -> None:
    """Clear the caches, so that each pair is computed anew."""
    decide.forget_verdicts()
    numbers._remembered.cache_clear()  # noqa: SLF001 - so that each pair is read afresh


def ours(pair: Pair) -> str:
    """Return the outcome of `math`."""
    (verdict,) = VERIFIER.verify([pair.answer], [pair.reference])
    return verdict.outcome.value


def math_verify(pair: Pair) -> str:
    """Return math-verify's outcome, with both texts between dollar signs."""
    gold, given = (
        parse(text if "$" in text or "boxed" in text else f"${text}$")
        for text in (pair.reference, pair.answer)
    )
    return "correct" if verify(gold, given) else "wrong"


def trl_reward(pair: Pair) -> str:
    """Return the outcome of TRL's accuracy_reward, with the answer in a box."""
    content = pair.answer if "boxed" in pair.answer else rf"\boxed{{{pair.answer}}}"
    (value,) = accuracy_reward(
        [[{"role": "assistant", "content": content}]], [f"${pair.reference}$"]
    )
    return "bad_reference" if value is None else "correct" if value else "wrong"


def exact(pair: Pair) -> str:
    """Compare the stripped texts."""
    return "correct" if pair.reference.strip() == pair.answer.strip() else "wrong"


JUDGES: dict[str, Callable[[Pair], str]] = {
    "math": ours,
    "math-verify": math_verify,
    "TRL accuracy_reward": trl_reward,
    "exact match": exact,
}


def measure(pairs: list[Pair], *, show: bool) -> dict[str, dict[str, Any]]:
    """Count each judge's mistakes, and measure its times."""
    warm = [
        Pair("warm", "x^2+1", "1+x^2", equal=True),
        Pair("warm", r"\int_0^1 y dy", "1,5", equal=False),
    ]
    for judge in JUDGES.values():
        for pair in warm:
            judge(pair)
    figures: dict[str, dict[str, Any]] = {}
    times: dict[str, list[float]] = {name: [] for name in JUDGES}
    outcomes: dict[str, list[str]] = {name: [] for name in JUDGES}
    for pair in pairs:
        forget()
        for name, judge in JUDGES.items():
            start = time.perf_counter()
            outcomes[name].append(judge(pair))
            times[name].append(time.perf_counter() - start)
    for name, found in outcomes.items():
        wrong = [(p, o) for p, o in zip(pairs, found, strict=True) if (o == "correct") != p.equal]
        figures[name] = {
            "false_positives": sum(not pair.equal for pair, _ in wrong),
            "false_negatives": sum(pair.equal for pair, _ in wrong),
            "timeouts": found.count("timeout"),
            "mean_ms": statistics.mean(times[name]) * 1e3,
            "median_ms": statistics.median(times[name]) * 1e3,
            "wrong_by_kind": {
                kind: count
                for kind in dict.fromkeys(pair.kind for pair in pairs)
                if (count := sum(pair.kind == kind for pair, _ in wrong))
            },
        }
        if show:
            for pair, outcome in wrong:
                print(f"{name}: {outcome} on {pair}")
    return figures


def compare(completions: Path, problems: Path, *, show: bool) -> dict[str, Any]:
    """Compare the verdicts on whole completions with math-verify's."""
    lines = problems.read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line)["answer"].rpartition("####")[2].strip() for line in lines]
    with gzip.open(completions, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    references = [answers[row["id"]] for row in rows]
    texts = [row["completion"] for row in rows]
    start = time.perf_counter()
    verdicts = rk.build("math").verify(texts, references)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    parsed = [parse(text) for text in texts]
    peers = [verify(parse(ref), p) for ref, p in zip(references, parsed, strict=True)]
    peer_seconds = time.perf_counter() - start
    both, differences = 0, []
    for index, (verdict, found, peer) in enumerate(zip(verdicts, parsed, peers, strict=True)):
        if not found or verdict.outcome is rk.Outcome.NO_ANSWER:
            continue
        both += 1
        if (verdict.outcome is rk.Outcome.CORRECT) != peer:
            differences.append(index)
            if show:
                print(
                    f"line {index}: reference {references[index]}, math: {verdict.outcome.value},"
                )
                print(f"  math-verify: {peer} on {found}; it ends: {texts[index][-200:]!r}")
    return {
        "completions": len(rows),
        "both_find_an_answer": both,
        "differences": differences,
        "agreement": 1 - len(differences) / max(both, 1),
        "seconds": seconds,
        "math_verify_seconds": peer_seconds,
    }


def main() -> int:
    """Run the comparison, print a table, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pairs", nargs="*", type=Path, help="JSONL files of labelled pairs")
    parser.add_argument(
        "--made", type=int, default=0, help="pairs to generate per kind (40 without any file)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the generated pairs")
    parser.add_argument("--completions", type=Path, help="gzipped JSONL of whole completions")
    parser.add_argument("--problems", type=Path, help="JSONL with their references")
    parser.add_argument("--show", action="store_true", help="print each mistake or difference")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    figures: dict[str, Any] = {}
    pairs = [pair for path in given.pairs for pair in read(path)]
    if given.made or not (pairs or given.completions):
        pairs += made(given.made or 40, given.seed)
    if pairs:
        figures["judges"] = measure(pairs, show=given.show)
        peer = figures["judges"]["math-verify"]["mean_ms"]
        print(f"{len(pairs)} pairs of {len({pair.kind for pair in pairs})} kinds")
        print(
            f"{'':20}{'false +':>9}{'false -':>9}{'timeouts':>9}"
            f"{'mean ms':>9}{'median':>9}{'ratio':>8}"
        )
        for name, row in figures["judges"].items():
            print(
                f"{name:20}{row['false_positives']:9}{row['false_negatives']:9}{row['timeouts']:9}"
                f"{row['mean_ms']:9.3f}{row['median_ms']:9.3f}{row['mean_ms'] / peer:8.3f}"
                f"  {row['wrong_by_kind']}"
            )
    if given.completions:
        figures["completions"] = compare(given.completions, given.problems, show=given.show)
        print(json.dumps(figures["completions"]))
    if given.json:
        given.json.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
