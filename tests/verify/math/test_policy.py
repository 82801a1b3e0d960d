"""What is paid and what is not: pairs by kind, each right or wrong by hand."""

from __future__ import annotations

import pytest

import rewardkit as rk

MATH = rk.build("math", timeout=20)


def is_paid(answer, reference):
    (verdict,) = MATH.verify([answer], [reference])
    return verdict.outcome is rk.Outcome.CORRECT


# Each kind: (reference, answers that are right, answers that are wrong).
KINDS = {
    "hedges": [
        ("7", ["7"], ["7 or 9", r"7\text{ or }9", "either 7 or 9", "7, 9", "7 and 9", "7; 9"]),
        ("7", ["The answer is 7."], ["The answer is 7 or 9.", "The answer is either 9 or 7."]),
        ("7", [], ["Answer: 7 or maybe 9", "The answer is 7 apples or 9 apples.", "7或9", "7 o 9"]),
        ("7", [], [r"$7$ or $9$", r"\pm 7", "±7", r"x=7\text{ or }x=-7", "7, 8, or 9"]),
        ("B", [], ["B or C", r"\text{B or C}", "B and C"]),
        ("12", [], [r"\boxed{12 \text{ or } 13}", r"\boxed{12}\text{ or }\boxed{13}", "12или13"]),
    ],
    "denials": [
        ("4", [], ["not 4", r"\text{not }4", r"\ne 4", "≠ 4", "x ≠ 4", r"x \neq 4", "!= 4"]),
        ("4", [], ["The answer is not 4.", "The answer isn't 4.", "The answer cannot be 4"]),
        ("4", [], [r"4\text{ is wrong}", "4 is incorrect", "不是4", "答案不是4", "never 4"]),
        ("4", ["The answer is 4, not 5.", "not 5 but 4", "The answer is not 5 but 4."], []),
        ("5", [], ["The answer is 4, not 5.", "The answer is not 5 but 4."]),
        ("even", [], ["not even", "odd"]),
    ],
    "bounds": [
        ("6", [], ["at least 6", "at most 6", "more than 6", "x > 6", r"x \ge 6", "< 6", "≥ 6"]),
        ("6", [], ["6+", r"6\text{ or more}", "6 or less", "up to 6", "no more than 6", "6以上"]),
        ("6", [], ["The answer is at least 6.", "The answer is less than 6", "**Answer:** x < 6"]),
        ("6", [], ["至少6", "不超过6", "mindestens 6", "au moins 6", r"\geq 6", "6 < x"]),
        ("x > 6", ["more than 6", "6 < x", r"x\in(6,\infty)", "x is more than 6", "> 6"], ["6"]),
        (r"x \ge 6", ["at least 6", "6 or more", r"[6,\infty)", "x ≥ 6"], ["x > 6", "6", "at most 6"]),
        ("6", ["about 6", "approximately 6", "exactly 6", r"\approx 6" , r"x \approx 6"], []),
    ],
    "parts of a value": [
        ("5", [], [r"5\pi", "5π", "5√2", r"5\sqrt{2}", "5x", "5i", "5+2i", "5!", "5²", "5^2", "5%5"]),
        ("5", [], ["The answer is 5π.", "The answer is 5√3.", "Answer: 5x + 1", "Answer: 5:6"]),
        ("5", [], ["5 million", "5 dozen", r"5\text{ thousand}", "5k", "5 lakh", "5 billion dollars"]),
        ("5", [], ["5 h 30 min", "5 ft 6 in", "5 feet 6 inches", r"5\text{ kg }200\text{ g}"]),
        ("30", [], ["5 h 30 min", "The answer is 5 hours 30 minutes."]),
        ("5", [], ["5/", "5 choose 2", "5 mod 3", "5 less than 12", "1.5e5", "5e3", "5 × 10³", "5½"]),
        ("2021", [], ["2024-01-02", "1/2/2021", "3.14.2021"]),
        ("3000000", ["3 million", "3,000,000", r"3\text{ million}"], ["3"]),
        ("10", ["5 choose 2", r"\binom{5}{2}", r"{5 \choose 2}"], ["5", "2"]),
        ("120", ["5!", "5 factorial"], ["5"]),
    ],
    "prose": [
        (r"4 - 3\sqrt{7}", ["**Answer:** 4 - 3√7", "The answer is 4 - 3√7."], ["Answer: 4 + 3√7"]),
        (r"9\pi", ["**Answer:** 9π", "The area is 9π square meters.", "So it is **9π**"], ["9"]),
        ("(5, 8)", ["**Answer:** (5, 8)", "The point is (5, 8).", "Answer: (5,8)"], ["**Answer:** (8, 5)"]),
        ("5:8", ["**Answer**: 5:8", "The ratio is 5:8.", "The answer is 25:40"], ["The answer is 8:5"]),
        ("3x - 2", ["**Answer:** 3x - 2", "The answer is 3x - 2.", "Answer: -2 + 3x"], ["Answer: 3x"]),
        (r"\pm 6", ["**Answer:** x = ±6", "x = 6 or x = -6", "-6, 6"], ["6", "(-6, 6)"]),
        ("33", ["20 + 13 = 33", "So 20 + 13 = 33.", "the total is 20 + 13 = 33 apples"], ["20 + 13 = 23"]),
        ("43", [], ["40 + 3 = 53", "In all 40 + 3 = 53.", "The final answer is 40 + 3 = 53."]),
        ("-8", ["Answer: −8", "The answer is -8.", "It is −8"], ["The answer is 8"]),
        ("27", ["**Final Answer:** 3³", "Final Answer: 3^3", "The answer is 27."], ["3"]),
        ("x > 4", ["The solution is x > 4.", "**Answer:** x > 4", "The answer is x > 4"], ["Answer: x < 4"]),
        ("18", ["#### 18", "Final answer: **18**", "The final answer is $18$."], ["Final answer: **81**"]),
        ("1/2", ["The answer is ½.", "The probability is 1/2.", "It's 0.5."], ["The answer is 2."]),
    ],
    "times and ratios": [
        ("6:15", ["06:15", "6:15 AM", r"6:15\text{ a.m.}"], ["8:20", "6:51", "5:16"]),
        ("7:45 PM", ["19:45", "7:45 p.m.", "7:45 pm"], ["7:45 AM", "7:54 PM"]),
        ("12:30", ["12:30"], ["2:5", "0.4", "12", "30", "12:03"]),
        ("3:4", ["6:8", "0.75", r"\frac{3}{4}", "3 : 4"], ["4:3", "3:5", "3:4:5"]),
        ("1:2:4", ["2:4:8", "3:6:12", "1 : 2 : 4"], ["1:2:3", "4:2:1", "1:8", "1:2"]),
        (r"1:4:9:\ldots", [r"1:4:9:\dots"], [r"1:8:27:\ldots"]),
    ],
    "equations and values": [
        ("0", [], ["x-5=0", "x^2-4=0", "2x+y=0"]),
        ("9", [], ["x^2=9", "2x+3y=9", "x+2=9", "-x=9", "|x|=9", r"\sqrt{x}=9", "3x=9"]),
        ("9", ["x=9", "f(2)=9", "P(A)=9", "AB=9", "a_3=9", "m+n=9", "9=x", "4+5=9", r"\theta=9", "x:=9"], []),
        (r"\frac{3}{5}", [r"\cos A=\frac{3}{5}", r"\tan\theta = 0.6", "P(A)=3/5"], []),
        ("11", ["2(4)+3=11", "f(4)=2(4)+3=11", r"n = \frac{22}{2} = 11"], ["11=12"]),
        (r"\frac13", [r"\frac13\approx 0.33", r"\frac{1}{3} = 0.333...", r"x=\frac13\approx 0.333"], ["0.33"]),
        (r"\frac13 \approx 0.333", [r"\frac13", "1/3"], ["1/4"]),
        ("y=x^2", ["f(x)=x^2", "y = x*x", "x^2"], ["y=x^3", "f(x)=2x"]),
        (r"\frac{x^2}{9}+\frac{y^2}{4}=1", ["4x^2+9y^2=36", r"\frac{y^2}{4}+\frac{x^2}{9}=1"],
         [r"\frac{x^2}{4}+\frac{y^2}{9}=1", "4x^2+9y^2=1", r"\frac{x^2}{9}-\frac{y^2}{4}=1"]),
        ("x^2-5x+6=0", ["(x-2)(x-3)=0", "2x^2+12=10x"], ["x^2-5x-6=0", "x-2=0"]),
    ],
    "intervals and roots": [
        ("(2,6)", ["2<x<6", r"x\in(2,6)", r"\{x \mid 2<x<6\}", r"\left(2,6\right)"],
         [r"x=2\text{ or }x=6", r"2\text{ and }6", "x=2, x=6", r"\{2,6\}", "[2,6]", "6,2"]),
        ("[2,6]", [r"2 \le x \le 6", r"x \in [2, 6]"], ["x=2,x=6", "2, 6", r"2\text{ or }6", "(2,6)"]),
        ("2<x<6", ["(2,6)", "6>x>2"], ["2, 6", "2 and 6", "2<x", r"\{2,6\}"]),
        ("2,6", [r"\{6,2\}", "x=2 or x=6", "6 and 2", "2或6", "6、2", "x=6或x=2"], ["(2,6]", "2<x<6", "2"]),
        ("(-3,3)", ["-3<x<3", r"x\in(-3,3)"], [r"\pm 3", "3,-3"]),
        (r"\{2,6\}", ["{2，6}", "2,6", r"\lbrace 6, 2\rbrace", "S={2,6}"], [r"\begin{pmatrix}2\\6\end{pmatrix}", "(2,6)"]),
    ],
    "unions and set-builders": [
        (r"(-\infty,1)\cup(5,\infty)",
         [r"x<1\text{ or }x>5", r"x<1 \lor x>5", "x < 1, x > 5", r"(-\infty,1)\bigcup(5,+\infty)",
          r"\{x|x<1\text{ or }x>5\}", r"\{x \mid x<1 \text{ or } x>5\}", r"(-\infty,1)\text{ or }(5,\infty)",
          "(-oo,1) U (5,oo)", r"x \notin [1,5]", r"\mathbb{R}\setminus[1,5]", "(−∞,1)∪(5,∞)",
          r"\{x \in \mathbb{R} : x<1 \text{ or } x>5\}", r"]-\infty,1[\cup]5,\infty[",
          "x is less than 1 or x is greater than 5"],
         [r"(-\infty,1]\cup(5,\infty)", "x<1", r"1<x<5", r"(1,5)", r"(-\infty,1)\cup(6,\infty)"]),
        (r"\mathbb{R}\setminus\{2\}", [r"x\ne 2", r"(-\infty,2)\cup(2,\infty)", "x<2 or x>2"], ["2", r"\mathbb{R}"]),
        (r"[1,\infty)", [r"x \ge 1", r"\{x : x \ge 1\}", r"2x \ge 2", r"[1,4]\cup[3,\infty)"], ["x>1", "x=1"]),
        (r"(\sqrt{2},\infty)", [r"x>\sqrt{2}", r"x > \frac{2}{\sqrt2}"], [r"x>\sqrt{3}", r"x<\sqrt2"]),
    ],
    "congruences": [
        (r"x \equiv 1 \pmod 4", [r"x\equiv 1\pmod{4}", r"x \equiv 5 \pmod 4", r"x≡1 (mod 4)", r"1 \pmod{4}"],
         [r"x\equiv 3\pmod 4", r"x\equiv 1\pmod 5", "1", "4"]),
        ("4k+1", ["1+4k"], ["4k+3", "4k"]),
    ],
    "sequences with dots": [
        (r"1, 3, \ldots, 9", [r"1,3,\dots,9", "1, 3, ..., 9"], [r"1, 2, \ldots, 9", "1, 3, 9", r"1,3,\ldots,11"]),
        ("2, 4, 6, ...", [r"2,4,6,\ldots"], ["2, 4, 8, ...", "2,4,6", "6"]),
    ],
    "units": [
        ("5 meters", ["5", "5 m", r"5\text{ m}", "5 metres"], ["5 feet", r"5\text{ cm}", "5 seconds"]),
        ("5", ["5 feet", r"5\,\mathrm{kg}", r"5\ \Omega", r"5\,^\circ\text{C}", r"5\,\mu\mathrm{m}"], []),
        ("12 cm^2", ["12", r"12\text{ cm}^2", "12 square centimeters"], ["12 cm", r"12\text{ m}^2"]),
        ("$20", ["20", "20 dollars", r"\$20"], ["20 euros", "€20", "20 cents"]),
        (r"60^\circ", ["60", "60 degrees", r"60^{\circ}", "60°"], ["60 radians"]),
        (r"2\sqrt{3}\text{ cm}", [r"2\sqrt{3}", r"2\sqrt3\text{ cm}"], [r"2\sqrt{3}\text{ m}", "2"]),
        ("30 km/h", ["30", r"30\frac{\text{km}}{\text{h}}", "30 km per hour"], ["30 m/s", "30 mph"]),
    ],
    "fonts, colours and spaces": [
        ("42", [r"\textcolor{red}{42}", r"\color{blue}{42}", r"\color{blue} 42", r"\bf{42}", r"{\bf 42}",
                r"\underline{42}", r"\hbox{42}", r"\boldsymbol{42}", r"\mathsf{42}", r"\mathbf{\textcolor{red}{42}}",
                r"\text{Answer: }42", r"\text{the answer is }42", r"\large 42", r"\emph{42}", r"\bm{42}"],
         [r"\textcolor{red}{24}", r"\color{42}{24}"]),
        ("(4,7)", ["(4,~7)", r"(4\text{, }7)", r"(4,\ 7)", r"\bigl(4,7\bigr)", "(4;7)", r"(4,\quad 7)"], ["(7,~4)"]),
        (r"\frac{2}{7}", [r"\nicefrac{2}{7}", r"\sfrac{2}{7}", r"\tfrac27", r"{2 \over 7}", "2/7", r"\frac{2}7"], [r"\nicefrac{7}{2}"]),
        ("x^2-1", [r"x^2-1\text{ for all }x", r"\mathbf{x^{2}-1}", r"x^2 - 1 \text{ where } x > 0"], []),
        ("x > 8", ["x＞8", "ｘ＞8"], ["x＜8"]),
        ("8", ["８", "８．０"], ["８０"]),
    ],
    "options": [
        ("C", ["(C) 19", "C) 19", "C. 19", r"\text{C. }19", r"\textbf{(C) } 19", r"\boxed{(C)\,19}", "Option C",
               r"\text{Option C}", "The answer is (C) 19.", "The answer is C.", "(C)", "option (C)"],
         ["(B) 19", "Option B", "19", "The answer is (D) 19."]),
        ("(C) 19", ["C", "19", "(C)", "C. 19"], ["B", "91", "(B) 19", "(C) 91"]),
        ("Option C", ["C", "(C)"], ["B"]),
    ],
    "words": [
        *((word, [word, rf"\text{{{word}}}", rf"\boxed{{\text{{{word}}}}}"], [])
          for word in ["école", "上海", "Москва", "京都", "naïve", "sí", "да", "对", "서울", "B′", "não", "año"]),
        ("上海", ["答案：上海", "答案是上海"], ["北京", "上海人"]),
        ("yes", [r"\text{Yes!}", "Yes.", "YES", r"\mathrm{yes}"], ["no", "No."]),
        ("no solution", [r"\text{no solution.}", "No solution", r"\text{No Solution}"], ["one solution", "solution"]),
    ],
    "bases": [
        ("231_5", ["231_{5}", "(231)_5", "231 base 5", r"231_{\text{five}}", "231 in base 5"], ["231_6", "132_5", "66"]),
    ],
    "repeating decimals": [
        (r"\frac{2}{3}", [r"0.\overline{6}", r"0.\overline6", r"0.\dot{6}", "0.666...", r"66.\overline{6}\%"], ["0.6", "0.66", "0"]),
        ("0", [], [r"0.\overline{4}", r"0.\dot{4}", r"0.\overline4", "0.444..."]),
        (r"0.\overline{12}", [r"\frac{4}{33}", "0.121212..."], ["0.12", r"0.1\overline{2}", "0.123123..."]),
    ],
    "other languages": [
        ("8", ["答案：8", "所以答案是\\boxed{8个}", "共有8个", "Ответ: 8", "La respuesta es 8.", "Antwort: 8"], ["答案：9"]),
        ("8", ["答案是 $8$。", "답은 8", "答えは8です。", "Jawaban: 8", "La réponse est 8"], ["答えは9です。"]),
        ("8", [], [r"\boxed{8\text{万}}", "8万", "答案：8万"]),
    ],
    "functions": [
        (r"\frac{\sqrt{3}}{2}", [r"\tan 60^\circ/2", r"\sin 60^\circ", r"\cos\frac{\pi}{6}"], [r"\sin 30^\circ"]),
        (r"\lfloor n/2 \rfloor", [r"\left\lfloor\frac{n}{2}\right\rfloor"], [r"\lceil n/2\rceil", r"\lfloor n/3 \rfloor"]),
        (r"\frac{n(n+1)}{2}", [r"\sum_{k=1}^{n} k", r"\binom{n+1}{2}"], [r"\sum_{k=1}^{n} k^2", r"\binom{n}{2}"]),
        (r"\sum_{k=0}^{n-1} a_k a_{n-k}", [r"\sum_{k=0}^{n-1} a_{n-k} a_k"], [r"\sum_{k=0}^{n} a_k a_{n-k}"]),
        (r"\sqrt{2}", ["1.414214", "1.41421356"], ["1.414", "1.414215"]),
    ],
}  # fmt: skip


def _list_pairs(index):
    return [
        pytest.param(reference, case, id=f"{kind}: {case[:40]!r} for {reference[:20]!r}")
        for kind, rows in KINDS.items()
        for reference, *cases in rows
        for case in cases[index]
    ]


@pytest.mark.parametrize(("reference", "answer"), _list_pairs(0))
def test_what_is_right_is_paid(reference, answer):
    assert is_paid(answer, reference)


@pytest.mark.parametrize(("reference", "answer"), _list_pairs(1))
def test_what_is_wrong_is_not_paid(reference, answer):
    assert not is_paid(answer, reference)
