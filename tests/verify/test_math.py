"""Verdicts on mathematics: labelled by construction, by hand, or by math-verify itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from latex2sympy2_extended import latex2sympy

import rewardkit as rk
from rewardkit import _optional
from rewardkit._workers import pool
from rewardkit.verify._math import decide

DATA = Path(__file__).parents[3] / "shared" / "data" / "math_pairs.jsonl"
MATH = rk.build("math", timeout=20)


@pytest.fixture(autouse=True)
def _forgotten():
    decide.clear_caches()


def outcome(reference, answer):
    (verdict,) = MATH.verify([answer], [reference])
    return verdict.outcome.value


def test_the_example_of_the_symbolic_checker():
    """In the worker that other tests use, since importing it here would warm it up once more."""
    judge = "rewardkit.verify._math.symbolic:judge_pair"
    row = [[r"\frac{\sqrt{2}}{2}"], [r"\sin(\frac{\pi}{4})"]]
    assert pool.run(judge, [row], timeout=20) == ["correct"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="counts calls in a fork")
def test_a_new_worker_has_the_usual_integrals_warm():
    """Counted in calls of functions: 1.3 million take about half a second, the default deadline."""
    code = r"""
import cProfile, os
from rewardkit.verify._math.symbolic import judge_pair

for reference, answer in (
    (r"\frac{8}{3}+\cos(x)", r"\int_0^{2} x^2 dx+\cos(x)"),
    (r"\ln 3", r"\int_1^{3} \frac{1}{x} dx"),
):
    if os.fork() == 0:
        profile = cProfile.Profile()
        assert profile.runcall(judge_pair, [[reference], [answer]]) == "correct"
        os._exit(sum(entry.callcount for entry in profile.getstats()) > 1_300_000)
    assert os.wait()[1] == 0, answer
"""
    path = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path})


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        # numbers
        *(("50", "50%"), ("0.5", "50%"), ("50%", "0.5"), ("1234", "1,234"), ("3", "x=3")),
        *(("1/2", "01/02"), (r"\frac{1}{2}", "0.5"), ("1 1/2", "1.5"), (r"1\frac{1}{2}", "3/2")),
        *((r"0.1\overline{6}", r"\frac{1}{6}"), (r"3.2\times 10^{5}", "320000"), ("7", "7.0")),
        *((r"\frac{1}{3}", "0.333333"), ("0.3", "0.30000000000000004"), ("5", r"5\text{ cm}")),
        *(("1000", r"\$1{,}000"), ("90", r"90^\circ"), (3, "3"), (0.25, "1/4"), (["x", "7"], "7")),
        # expressions
        *((r"2\sqrt{20}", r"\sqrt{80}"), (r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}")),
        *((r"\frac{1}{1+\sqrt{2}}", r"\sqrt{2}-1"), (r"\sqrt[3]{16}", r"2\sqrt[3]{2}")),
        *((r"x^2+12x+36", "(x+6)^2"), ("206x+2", "2+206x"), (r"\frac{x^2-1}{x-1}", "x+1")),
        *(
            ("2^{x+1}", r"2\cdot 2^x"),
            ("(1+i)^2", "2i"),
            ("e^{2x}", r"\exp(2x)"),
            ("10!", "3628800"),
        ),
        *((r"\log_2 8", "3"), (r"\ln 8", r"3\ln 2"), (r"\sin\frac{\pi}{6}", r"\frac{1}{2}")),
        *((r"\sin(2x)", r"2\sin x\cos x"), (r"\cos 60^\circ", "0.5"), (r"e^{i\pi}", "-1")),
        *(
            (r"\binom{5}{2}", "10"),
            (r"\sum_{k=1}^{10} k^2", "385"),
            (r"12\pi\text{ cm}^2", r"12\pi"),
        ),
        *((r"|x-3|", r"\left|x-3\right|"), ("a_{1}+b", "b+a_1"), ("3+4i", r"|3+4i| - 2 + 4i")),
        *((r"\int_0^1 x dx", r"\frac{1}{2}"), (r"\sum_{k=1}^{\infty} 2^{-k}", "1")),
        ("2^{3^2}", "512"),
        ("2^3^2", "512"),
        # sets, tuples, intervals, matrices
        *((r"\{14,67,46\}", r"\{46,67,14\}"), (r"\{1,2,2\}", r"\{2,1\}"), ("1, 2", "2 and 1")),
        *(("{2,3}", r"\{3,2\}"), ("{3,2}", "2 and 3"), ("{1,2}", r"\boxed{\{2,1\}}")),
        *(("(306, 18)", "(306,18)"), (r"2\pm\sqrt{3}", r"\{2-\sqrt{3},2+\sqrt{3}\}")),
        *((r"[4,\infty)", r"\left[4,\infty\right)"), ("x > 3", r"(3,\infty)"), ("x>3", "3<x")),
        *((r"(1,2)\cup(3,4)", r"(3,4)\cup(1,2)"), (r"[1,3]\cup[2,5]", "[1,5]")),
        *((r"\emptyset", r"\{\}"), (r"x \in [1,2)", r"1 \le x < 2"), ("x=2 or x=3", r"\{2,3\}")),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}"),
        # equations
        *(
            ("y=2x+3", "2x+3"),
            ("y=2x+3", "2x-y+3=0"),
            ("5", "2+3=5"),
            ("x=5", "5"),
            ("x=1", "2x=2"),
        ),
        # words and letters
        *(
            (r"\text{even}", "even"),
            (r"\text{Monday}", "monday."),
            ("B", "(B)"),
            (r"\text{B}", "B"),
        ),
        *((r"\text{Monday}", "The answer is Monday."), ("no solution", r"\text{No solution}")),
        *(("1011_2", "1011_{2}"), ("101_2", "12_3"), (r"2\sqrt{3}\text{ m}", r"2\sqrt{3}")),
        # in a box, between dollar signs, in a text
        *((r"\boxed{42}", "$42$"), ("42", r"so \boxed{42}."), (r"The answer is $\frac12$.", "0.5")),
        *(("8", "12 - 4 = 8."), ("2", r"Either $1$ or $3$. The final answer is \boxed{2}")),
        *(("8", "He had $12 and spent $4, so he has $8 left."), ("7,8", r"$7$ and $8$")),
        # units of several signs, after words
        *(
            ("15", "So the area is 15 cm²."),
            ("15", "The speed is 15 km/h."),
            ("15", "Площадь 15 см²."),
        ),
        *((r"7\pi", "The area is 7π cm^2."), ("15 cm^2", "So it covers 15 cm^{2}.")),
        *(("15", "It has 15 kg/m^3."), (r"-\infty", "The limit is -∞.")),
        *(("7", "Option D: 7"), ("12", r"\operatorname{lcm}(4,6)"), ("5", r"\text{gcd}(10,15)")),
        *(("42", "Answer: 42. There were 3 others."), ("3", "the answer is 1 + 2.")),
    ],
)
def test_right(reference, answer):
    assert outcome(reference, answer) == "correct"


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        *(("0.5", "50"), ("1,234", "(1,234)"), ("3", "3/1/2024"), (r"\{2,3\}", "(2,3)")),
        *(
            ("{2,3}", "(2,3)"),
            ("(2,3)", "{2,3}"),
            ("(2,3)", r"\{2,3\}"),
            ("42", "-42"),
            (r"\frac{1}{3}", "0.33"),
            ("40", r"41\%"),
        ),
        *(("1e-9", "2e-9"), (r"\frac{5}{7}", "0.7142858"), (r"\pi", "3.14"), ("3:30", "3:31")),
        *((r"2\sqrt{6}", r"\sqrt{23}"), ("x^2+8x+16", "(x+3)^2"), ("x^2-1", "x^2+1")),
        *(("94x+13", "13+96x"), ("x+1", "y+1"), ("3+4i", "3-4i"), (r"\sin x", r"\cos x")),
        *((r"\ln 7", r"\ln 8"), ("2^{1000}", "2^{1000}+1"), ("5!", "6!")),
        *((r"\{14,67,46\}", r"\{14,67,47\}"), ("(1,2,3)", "(1,3,2)"), ("1, 2", "1, 3")),
        *((r"[27,\infty)", r"(27,\infty)"), ("(1,2)", "[1,2]"), ("x > 3", r"x \ge 3")),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 5 \end{bmatrix}"),
        *(("x=5", "y=5"), ("y=2x+3", "y=2x-3"), ("2x+y=5", "5"), ("x=2 or x=3", "x=2")),
        *(
            (r"\text{even}", "Evelyn"),
            (r"\text{even}", "odd"),
            ("B", "C"),
            ("7", r"\text{several}"),
        ),
        *(
            ("1011_2", "1011_3"),
            ("10_2", "3"),
            ("42", r"so \boxed{41} and not 42"),
            ("5", r"\{5,6\}"),
        ),
        *(
            ("15 cm", "So the area is 15 cm²."),
            ("2", "So the area is 15 cm²."),
            ("3", "It has 15 m³."),
        ),
        *(
            ("9", "The answer is over 9."),
            ("9", "The answer is below 9."),
            ("9", "It is other than 9."),
        ),
        *(("9", "Option D: 7"), ("9", "The answer is at minimum 9.")),
        *(("8", "12 - 4 = 8, or 9"), ("3", "2/3"), (r"\infty", r"-\infty"), ("0", r"\emptyset")),
    ],
)
def test_wrong(reference, answer):
    assert outcome(reference, answer) == "wrong"


@pytest.mark.parametrize(
    "reference",
    [
        "",
        " ",
        "$$",
        r"\frac{1}{",
        "?!",
        r"\boxed{}",
        "((((",
        "...",
        "{",
        "x^",
        "nan",
        "\x00",
        None,
        [],
    ],
)
def test_a_reference_that_cannot_be_read_never_pays(reference):
    text = reference if isinstance(reference, str) else "7"
    assert outcome(reference, "7") == "bad_reference"
    assert outcome(reference, text) == "bad_reference"
    assert outcome(reference, None) == "bad_reference"


@pytest.mark.parametrize(
    "answer", [None, "", "\n", "I do not know, and nobody can.", "$$", "{", "?"]
)
@pytest.mark.parametrize("reference", ["42", "x^2+1", r"\int_0^1 x dx"])
def test_no_answer(reference, answer):
    assert outcome(reference, answer) == "no_answer"


@pytest.mark.parametrize(
    "answer",
    [
        *("9^{9^{9^{9}}}", "7^{123456789}", "1000000000!", r"\binom{1000000000}{500000000}"),
        *(r"\sum_{k=1}^{1000000000} k^k", r"\prod_{k=1}^{10000000} k", "9" * 5000),
        *("(x+y+z+w)^{200}-(x+y+z)^{200}", r"\sqrt{1+" * 100 + "1" + "}" * 100),
        r"\int_0^{1000000} \frac{\sin(x^5) e^{\cos(x)}}{\ln(1+x^7)+x^{13}} dx",
    ],
)
def test_too_large(answer):
    (verdict,) = rk.build("math").verify([answer], ["42"])
    assert verdict == rk.Verdict(rk.Outcome.WRONG, "too large")
    (verdict,) = rk.build("math").verify(["42"], [answer])
    assert verdict.outcome is not rk.Outcome.CORRECT


@pytest.mark.parametrize(
    "text",
    [
        *("(" * 100_000, "{" * 100_000, "9" * 1_000_000, "a" * 1_000_000, "$" * 100_000),
        *("answer " * 140_000, "1 + " * 250_000, r"\boxed{" * 20_000, "|" * 10_000),
        *("100 200 " * 120_000, r"\[" * 100_000, "final answer is $" * 60_000, "-" * 100_000),
        *(r"\frac{1}{1+" * 2000 + "1" + "}" * 2000, r"\begin{pmatrix}" * 2000, "\ud800" * 1000),
        *("$1$ and " * 10_000, "x_{" * 3000, "[1\n" * 50_000, r"\pm 1" * 300, "<" * 1000),
        *("^" * 1000, r"\sum_{k=1}^{900}" * 5 + "k", "(a+b+c)^{30}" * 100, "x=" * 900),
    ],
    ids=range(25),
)
def test_hostile_texts_are_settled_at_once(text, monkeypatch):
    monkeypatch.setattr(pool, "run", None)
    assert rk.build("math").verify([text], ["42"])[0].outcome is not rk.Outcome.CORRECT
    assert rk.build("math").verify(["42"], [text])[0].outcome is not rk.Outcome.CORRECT


NUMBERS = st.integers(-99, 99)


@given(a=NUMBERS, b=NUMBERS, c=NUMBERS, d=NUMBERS, x=st.sampled_from("xyn"))
def test_products_equal_their_expansion(a, b, c, d, x):
    product = f"({a}{x}+{b})({c}{x}+{d})".replace("+-", "-")
    sum_ = f"{a * c}{x}^2+{a * d + b * c}{x}+{b * d}".replace("+-", "-")
    assert outcome(product, sum_) == "correct"
    assert outcome(product, f"{sum_}+1") == "wrong"


@given(value=st.fractions(max_denominator=999), times=st.integers(1, 99))
def test_a_fraction_equals_its_multiple_and_not_the_next_fraction(value, times):
    top, bottom = value.numerator * times, value.denominator * times
    reference = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    assert outcome(reference, f"{top}/{bottom}") == "correct"
    assert outcome(reference, rf"\frac{{{top + 1}}}{{{bottom}}}") == "wrong"


@given(items=st.lists(NUMBERS, min_size=2, max_size=6, unique=True), data=st.data())
def test_the_order_matters_in_a_tuple_and_not_in_a_set(items, data):
    other = data.draw(st.permutations(items))
    inside, shuffled = (",".join(map(str, order)) for order in (items, other))
    assert outcome(rf"\{{{inside}\}}", rf"\{{{shuffled}\}}") == "correct"
    assert outcome(f"({inside})", f"({shuffled})") == ("correct" if items == other else "wrong")


TERMS = st.sampled_from(
    ["3", "-7", r"\frac{2}{3}", "x", "2x", "x^2", r"\sqrt{2}", r"3\sqrt{8}", r"\pi", "y"]
)
EXPRESSIONS = st.recursive(
    TERMS,
    lambda part: st.one_of(
        st.tuples(part, part).map("{0[0]}+{0[1]}".format),
        st.tuples(part, part).map(
            r"({0[0]})\cdot({0[1]})".format
        ),  # else 3 times 2/3 is read as 3 2/3
        st.tuples(part, TERMS).map(r"\frac{{{0[0]}}}{{{0[1]}}}".format),
        part.map("({})^2".format),
    ),
    max_leaves=4,
)


@given(reference=EXPRESSIONS, answer=EXPRESSIONS)
def test_sympy_agrees_on_expressions(reference, answer):
    one, other = (latex2sympy(text, is_real=True) for text in (reference, answer))
    for shown, value in ((answer, other), (f"{reference}+{answer}-({answer})", one)):
        equal = sympy.simplify((value - one).doit()) == 0
        assert outcome(reference, shown) == ("correct" if equal else "wrong")


@pytest.mark.skipif(not DATA.exists(), reason="the pairs are not here")
def test_labelled_pairs():
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    verdicts = MATH.verify([row["answer"] for row in rows], [row["reference"] for row in rows])
    right = [
        (verdict.outcome is rk.Outcome.CORRECT) == row["equal"]
        for verdict, row in zip(verdicts, rows, strict=True)
    ]
    assert right.count(False) <= 2


OPEN = (r"\int_0^1 x dx", r"\frac{1}{2}")  # a pair that math-verify is asked about


def test_equal_pairs_are_asked_once_and_cached(monkeypatch):
    asked = []

    def run(function, rows, **limits):
        asked.extend(rows)
        assert limits == {"timeout": 0.5, "batch_timeout": 3.0}
        return ["correct"] * len(rows)

    monkeypatch.setattr(pool, "run", run)
    math = rk.build("math", batch_timeout=3)
    for _ in range(2):
        verdicts = math.verify([OPEN[1]] * 5, [OPEN[0]] * 5)
        assert {verdict.outcome.value for verdict in verdicts} == {"correct"}
    assert len(asked) == 1


def test_a_timeout_is_reported_and_not_cached(monkeypatch):
    monkeypatch.setattr(pool, "run", lambda function, rows, **limits: [pool.TIMEOUT] * len(rows))
    assert outcome(*OPEN) == "timeout"
    monkeypatch.setattr(pool, "run", lambda function, rows, **limits: ["correct"] * len(rows))
    assert outcome(*OPEN) == "correct"


def test_of_several_references_any_will_do():
    assert outcome([r"\int_0^1 x dx", "3"], "3") == "correct"
    assert outcome(["3", r"\int_0^1 x dx"], r"\frac{1}{2}") == "correct"
    assert outcome([r"\frac{1}{", "3"], "4") == "wrong"


def test_from_a_thread_and_within_an_event_loop():
    async def main():
        return outcome(*OPEN)

    assert asyncio.run(main()) == "correct"
    decide.clear_caches()
    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(outcome, [OPEN[0]] * 8, [OPEN[1]] * 8)) == ["correct"] * 8


def test_many_verdicts_are_not_all_kept(monkeypatch):
    monkeypatch.setattr(decide, "_MAX_CACHED_VERDICTS", 10)
    references = [str(Fraction(n, 7)) for n in range(100)]
    assert {v.outcome.value for v in MATH.verify(references, references)} == {"correct"}
    assert len(decide._verdict_cache) <= 10


def test_without_math_verify_the_error_names_the_extra(monkeypatch):
    _optional.check_installed.cache_clear()
    monkeypatch.setattr(_optional.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(ImportError, match=r"rewardkit\[math\]"):
        MATH.verify(["1"], ["1"])
    _optional.check_installed.cache_clear()


def test_lengths_must_match():
    with pytest.raises(
        ValueError, match="got 2 answers for 1 references, expected one per reference"
    ):
        MATH.verify(["1", "2"], ["1"])


@pytest.mark.parametrize(
    "answer",
    [
        *("42|85", r"\boxed{42\\41\\40}", "$42 & 41$", "42~41~40", "42、41", "42→85", "42 -> 85"),
        *(r"42 \mid 41", r"42\text{, }41", r"$42\) \(41$", "42\u200b85", "42//41//7"),
    ],
)
def test_one_of_several_numbers_is_not_an_answer(answer):
    (verdict,) = rk.build("math").verify([answer], ["42"])
    assert verdict.outcome is rk.Outcome.WRONG


@pytest.mark.parametrize(
    ("answer", "reference"),
    [(r"1\,234", "1234"), ("85 - 43 = 42", "42"), ("(6)(7)", "42"), (r"\{1, 2\}", r"\{2, 1\}")],
)
def test_a_separator_of_one_answer_stays_one(answer, reference):
    (verdict,) = rk.build("math").verify([answer], [reference])
    assert verdict.outcome is rk.Outcome.CORRECT
