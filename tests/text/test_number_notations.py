"""Numbers in many notations: what is read, and where a number in a text ends."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text import number_tokens
from rewardkit._text.number_tokens import find_last_number, scan_numbers
from rewardkit._text.numbers import read_number

READ = {
    # separators
    r"7,\!654": 7654,
    r"7\,654": 7654,
    r"7\ 654": 7654,
    r"7{\,}654\,321": 7654321,
    r"31,\! 400,\! 000": 31400000,
    "7 654": 7654,
    "7\u00a0654,": 7654,
    "7'654": 7654,
    "7\u2019654.5": "15309/2",
    "7~654": 7654,
    "12,34,567": 1234567,
    "3,00,000 rupees": 300000,
    "7.654,25": "30617/4",
    "7.654.321": 7654321,
    # full-width characters
    "\uff19\uff18": 98,
    "\uff17\uff0c\uff16\uff15\uff14": 7654,
    "\uff0d\uff13\uff0e\uff15": "-7/2",
    "\uffe5\uff18\uff10": 80,
    # fractions and mixed numbers
    "63/5,000": "63/5000",
    "2,500/6": "1250/3",
    "4.5/9": "1/2",
    "8 / 5": "8/5",
    "5 and 3/4": "23/4",
    r"5 and \frac{3}{4}": "23/4",
    "7 and a half": "15/2",
    "7 and a half hours": "15/2",
    "3 and a quarter": "13/4",
    "4 and two-thirds": "14/3",
    "5个半": "11/2",
    "4分之3": "3/4",
    r"\nicefrac{3}{8}": "3/8",
    # repeating decimals
    r"0.\overline{7}": "7/9",
    r"0.\overline7": "7/9",
    r"0.8\overline{3}": "5/6",
    r"2.\dot{6}": "8/3",
    r"0.\dot{1}4285\dot{7}": "1/7",
    r"0.\bar{45}": "5/11",
    "0.(6)": "2/3",
    "0.8333...": "5/6",
    "0.4545\u2026": "5/11",
    r"1.666\ldots": "5/3",
    "0.2\u0305": "2/9",
    # powers of ten
    "4.7 x 10^5": 470000,
    "4.7 \u00d7 10\u2075": 470000,
    "4.7*10**5": 470000,
    r"4.7 \times {10}^{5}": 470000,
    r"4.7\cdot10^{-2}": "47/1000",
    "4.7 \u00d7 10\u207b\u00b2": "47/1000",
    "10\u2074": 10000,
    "4.7E+5": 470000,
    "4.7e\u22122": "47/1000",
    # minus
    "\u22128": -8,
    "\uff0d8": -8,
    "\u20138": -8,
    "\u20118": -8,
    "负8": -8,
    "negative 8": -8,
    "минус 8": -8,
    # multipliers
    "4万": 40000,
    "4.5亿": 450000000,
    "6百人": 600,
    "6千": 6000,
    "8百万": 8000000,
    "3万5千": 35000,
    "2万3000": 23000,
    "1億2000万円": 120000000,
    "5만 원": 50000,
    "7k": 7000,
    "7 dozen eggs": 84,
    "2 lakh": 200000,
    "2.5 crore rupees": 25000000,
    "9 bn": 9000000000,
    "$9M": 9000000,
    "$1.5b": 1500000000,
    "\u20ac7k": 7000,
    "8 thousand": 8000,
    "3 hundred thousand": 300000,
    r"8\text{ million}": 8000000,
    "6 Millionen": 6000000,
    "6 millones": 6000000,
    "6 миллионов рублей": 6000000,
    "6 тысяч": 6000,
    "7\u2030": "7/1000",
    "7 per mille": "7/1000",
    "25 bps": "1/400",
    "3 lusin": 36,
    # units
    "35 K": 35,
    "35 F": 35,
    "35\u00b0C": 35,
    "35℃": 35,
    r"35\,^\circ C": 35,
    "35 m s^{-1}": 35,
    "35 m/s\u00b2": 35,
    r"35\ \mathrm{m\,s^{-2}}": 35,
    r"35 \frac{km}{h}": 35,
    r"35\,\frac{\text{kg}}{\text{m}^3}": 35,
    r"35\,\Omega": 35,
    r"35\ \mu\mathrm{m}": 35,
    "35 N\u00b7m": 35,
    r"35\,\mathrm{J/(kg\cdot K)}": 35,
    "CHF 35": 35,
    "35 SEK": 35,
    "R$ 35": 35,
    "NT$35": 35,
    "\u20ab35": 35,
    "kr 35": 35,
    "35元": 35,
    "35 美元": 35,
    "35千克": 35,
    "35平方米": 35,
    "35个苹果": 35,
    "35円": 35,
    "35원": 35,
    "35 руб.": 35,
    "35 км/ч": 35,
    "35 रुपये": 35,
    r"35\text{公里}": 35,
    "35 full-time workers": 35,
    r"{\bf 35}": 35,
    r"\color{blue}{35}": 35,
    r"\underline{35}": 35,
    "x \u2248 35": 35,
}
PERCENTS = {
    "\uff13\uff15\uff05": 35,
    "35 Prozent": 35,
    "35 persen": 35,
    "35 pct": 35,
    "百分之35": 35,
    "35% increase": 35,
    "35 процентов": 35,
}
NOT_READ = [
    *("7,65", "7.654,3.2", "7,654 321", "76'54", "7,6543", "07,654"),
    *("\uff13\uff0c\uff15", "\u00b3", "\u2462", "\u096a"),
    *("3/4/2021", "2021-03-04", "2021年3月4日", "3月4日", "March 4, 2021", "4 March 2021", "10:45"),
    *("8-3", "8 - 3", "3~5" * 2, "2:1", "3、5", "7 or 8", "7或8", "not 7", "7 不是"),
    *("20K", "5M", "5 M", "3万5", "5 score", "5 gross", "2 thirds", "6 tens", "20多", "20余人"),
    *("3.1415...", "0.12\u2026", r"3.14\ldots"),
    *(
        "7\u00b2",
        "2**5",
        "2^5",
        "7!",
        r"3\sqrt{2}",
        "3\u221a2",
        "3\u03c0",
        r"3\pi",
        "101_2",
        "(7)^2",
    ),
    *("\u00b17", r"\pm 7", "--7", "> 7", "\u2265 7", "at least 7", "7+", "7 ± 1", "7m-2"),
    *(
        "2 h 30 min",
        "5 ft 6 in",
        "3小时20分钟",
        "5元5角",
        "7pm",
        "7 a.m.",
        "7th",
        "0x1F",
        "7ではない",
    ),
]


# The texts of a table are compared in one test, since most of the time of a test each is pytest's.


def test_a_notation_is_read():
    found = {text: read_number(text) for text in READ}
    assert found == {text: (Fraction(expected), False) for text, expected in READ.items()}


def test_a_percent_is_read():
    found = {text: read_number(text) for text in PERCENTS}
    assert found == {text: (expected, True) for text, expected in PERCENTS.items()}


def test_other_values_are_not_read():
    found = {text: read_number(text) for text in NOT_READ}
    assert found == dict.fromkeys(NOT_READ)


SENTENCES = ["It is {}.", "So I get {}, since both agree.", "答案是{}。"]
IN_SENTENCES = [
    *(
        r"7,\!654",
        "7 654",
        "7'654",
        "63/5,000",
        "7 and a half",
        r"0.8\overline{3}",
        "0.8333...",
    ),
    *("4.7 x 10^5", "4.7 × 10⁵", "10⁴", "4万", "3万5千", "6百", "2 lakh", "9 bn", "7 dozen"),
    *(
        "8 thousand",
        "7‰",
        "35%",
        "35 percent",
        "\uff17\uff0c\uff16\uff15\uff14",
        "3½",
        "12,34,567",
    ),
]


def test_a_number_in_a_text_ends_where_it_is_read():
    texts = {each.format(text): text for each in SENTENCES for text in IN_SENTENCES}
    tokens = {sentence: find_last_number(sentence) for sentence in texts}
    assert None not in tokens.values(), tokens
    found = {sentence: token.number for sentence, token in tokens.items()}
    assert found == {sentence: read_number(text) for sentence, text in texts.items()}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "3/4/2021",
            "2021-03-04",
            "2021年3月4日",
            "March 4, 2021",
            "4 March 2021",
            "10:45",
            "1.2.3",
        ),
        *(
            "8-3",
            "8 - 3",
            "3、5",
            "\uff13\uff0c\uff15",
            "7\u00b2",
            "2**5",
            "2^5",
            "7!",
            r"3\sqrt{2}",
        ),
        *("3\u221a2", r"3\pi", "101_2", r"\frac{\pi}{3}", r"\binom{7}{3}", r"\log_2 7", "sqrt(7)"),
        *("\u00b17", r"\pm 7", "-(-7)", "x > 7", "\u2265 7", "2x + 7", "3 + 4i", "2 × 7", "not 7"),
        *("2 h 30 min", "5 ft 6 in", "3小时20分钟", "20多", "5 squared", "5M", "3D", "10 am"),
    ],
)
def test_the_last_number_is_not_a_part_of_another_value(text):
    token = find_last_number(f"It is {text}.")
    assert token is None or token.number is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("共有4千人，每人35元", "35"),
        ("Total: **42**!", "42"),
        ("On May 1, 2024 we had 5.", "5"),
        ("1. It is 5", "5"),
        ("8 - 3 = 5", "5"),
        ("<answer>5", "5"),
        ("it weighs 5 kg and is 3 m long", "3"),
        ("x² = 25", "25"),
        ("5 moles of H2O", "5"),
        ("3 apples, not pears", "3"),
    ],
)
def test_the_last_number_of_a_text(text, found):
    token = find_last_number(text)
    assert token is not None
    assert token.text == found


PIECES = [
    "3",
    "1 234",
    "2 and a half",
    " ",
    "\n",
    "-",
    "5 km",
    "May ",
    "x^",
    "\\frac{1}{2}",
    "so ",
    "万",
]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_the_last_number_is_the_last_of_all(pieces):
    text = "".join(pieces)
    assert find_last_number(text) == next(reversed([*scan_numbers(text)]), None)


def test_of_a_long_text_the_end_is_enough(monkeypatch):
    text = "so 12 and " * 4000 + "7"
    last = [*scan_numbers(text)][-1]
    monkeypatch.setattr(number_tokens, "_WINDOW", 3 * number_tokens.MAX_LENGTH)
    assert find_last_number(text) == last


@given(text=st.text("0123456789.,/- \u00d7^%kx万\uff11\u0660$\\{}()and", max_size=40))
def test_any_text_has_a_verdict(text):
    for token in scan_numbers(text):
        assert 0 <= token.start < token.end <= len(text)
    (verdict,) = rk.build("number").verify([text], ["7"])
    assert verdict.outcome.value in ("correct", "wrong", "no_answer")
