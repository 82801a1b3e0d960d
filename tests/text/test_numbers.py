"""Numbers as people write them, against Python's own exact arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text import number_tokens
from rewardkit._text.numbers import Number, read_integer, read_number


def value(text):
    number = read_number(text)
    return None if number is None else number.value


READ = [
    *(("1,000", 1000), ("7.0", 7), ("$7", 7), ("-$7", -7), ("$-7", -7), ("+5", 5), ("- 5", -5)),
    *(("\u22125", -5), (".5", "1/2"), ("5.", 5), ("007", 7), ("1,234,567.25", "4938269/4")),
    *(("1e3", 1000), ("2.5E-1", "1/4"), ("1e999", 10**999), (r"3\times 10^{4}", 30000)),
    *(
        ("3/4", "3/4"),
        ("01/02", "1/2"),
        ("-3/4", "-3/4"),
        ("1 1/2", "3/2"),
        (r"1\frac{1}{2}", "3/2"),
    ),
    *((r"\frac34", "3/4"), (r"-\dfrac{3}{4}", "-3/4"), (r"\frac{-3}{4}", "-3/4")),
    *((r"1{,}000", 1000), (r"10,\!000", 10000), ("1\u202f000", 1000)),
    *(
        ("$5$", 5),
        ("$$5$$", 5),
        (r"\(5\)", 5),
        ("**42**", 42),
        ("42.", 42),
        ("x = 3", 3),
        ("x=-3", -3),
    ),
    *(
        ("18 dollars", 18),
        ("5 km/h", 5),
        ("12 m^2", 12),
        (r"70^\circ", 70),
        ("90°", 90),
        ("7€", 7),
    ),
    *(
        (r"459\,\text{km}", 459),
        (r"805\text{ dollars}", 805),
        ("18 dollars per day", 18),
        ("5m", 5),
    ),
    *(("3 million", 3 * 10**6), ("$2.5 billion", 25 * 10**8), ("100 square meters", 100)),
    *((r"\boxed{42}", 42), ("(42)", 42), ("= 42", 42), ("\u201342", -42), ("5 months", 5)),
    *(("$1000/day", 1000), ("1000$/day", 1000), ("1000 \u20ac", 1000), ("*1000*", 1000)),
    *(('"1000"', 1000), (r"\textbf{1000}", 1000), ("10^{3}", 1000), (r"\frac{2,000}{2}", 1000)),
    *((r"\frac{1.5}{3}", "1/2"), (r"\frac1{2}", "1/2"), ("1\u00bd", "3/2"), ("1,000,", 1000)),
    *(
        ("minus 3", -3),
        (r"1.5\text{ million}", 1500000),
        (r"12\text{ cm}^2", 12),
        ("20 \u00b0C", 20),
    ),
    *((r"$\$42$", 42), ("42 more apples", 42), ("18 dollars a day", 18), ("$42 a day", 42)),
    *(("\u200b42\ufeff", 42), ("5 juta", 5 * 10**6), ("5 ribu rupiah", 5000)),
    *(("50%", 50), (r"50\%", 50), ("12.5 percent", "25/2"), ("9" * 4000, 10**4000 - 1)),
]


# in one test, since most of the time of a test for each is pytest's
def test_reads():
    found = {text: value(text) for text, _ in READ}
    assert found == {text: Fraction(expected) for text, expected in READ}


NOT_READ = [
    *(
        "",
        " ",
        ",",
        ".",
        "-",
        "$",
        "nan",
        "inf",
        "seven",
        "²",
        "٤٢",
        "1_000",
        "0x10",
        "1e99999",
    ),
    *(
        "1 2 3",
        "3/1/2024",
        "3:30",
        "1.2.3",
        "1,00",
        "12,34",
        "1,5",
        "3 or 4",
        "3, 4",
        "$5 and $7",
    ),
    *(
        "3x",
        "2i",
        "3 pi",
        r"3\pi",
        r"2\sqrt{6}",
        "5!",
        "5-3",
        "--5",
        "5M",
    ),
    *(
        "7 squared",
        "42 thousandths",
        "42 forty",
        "10 am",
        "5 June",
        "0,042",
        "42nd",
    ),
    *("5 tens", "5 doubled", "42 false", "42 more than x"),
    *("5 sixteenths", "5 grand", "5fold", "not = 5", "5//day"),
    r"5\text{ or }",
    *("1/0", r"\frac{1}{0}", "7 is wrong", "42 not", "(5, 6)", "[5]", "9" * 5000, "-" * 10000),
]


def test_other_texts_are_not_numbers():
    found = {text: read_number(text) for text in NOT_READ}
    assert found == dict.fromkeys(NOT_READ)


@given(whole=st.integers(-(10**9), 10**9))
def test_integers_in_every_spelling(whole):
    sign = "-" if whole < 0 else ""
    spellings = [
        str(whole),
        f"{whole:,}",
        f"{whole}.0",
        f"{sign}${abs(whole):,}",
        f"{whole} apples",
        f"${whole}$",
        f"**{whole:,}**",
        f"{2 * whole}/2",
        rf"{sign}\frac{{{abs(whole)}}}{{1}}",
        f"{whole}e0",
    ]
    assert {value(text) for text in spellings} == {Fraction(whole)}


@given(
    number=st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**8), max_value=10**8
    )
)
def test_decimals_are_exact(number):
    assert value(format(number, "f")) == Fraction(Decimal(number))


@given(top=st.integers(-999, 999), bottom=st.integers(1, 999))
def test_fractions_are_exact(top, bottom):
    assert value(f"{top}/{bottom}") == Fraction(top, bottom)


@given(
    numbers=st.lists(st.integers(0, 999), min_size=2, max_size=6),
    mark=st.sampled_from([" ", ", ", "; ", " or ", "\n"]),
)
def test_a_list_is_not_a_number(numbers, mark):
    # with spaces, 1 234 567 is one number
    assume(mark != " " or any(number < 100 for number in numbers[1:]) or numbers[0] == 0)
    assert read_number(mark.join(map(str, numbers))) is None


@given(number=st.integers(-(10**18), 10**18), commas=st.booleans(), zeros=st.integers(0, 3))
def test_a_short_integer_is_read_alike_by_all(number, commas, zeros):
    text = f"{number:,}" if commas else f"{'-' * (number < 0)}{'0' * zeros}{abs(number)}"
    assert read_integer(text) == number
    assert read_number(f" {text}\n") == read_number(f"${text}$") == Number(number)
    assert read_integer(f"{text}.0") is read_integer(f"${text}") is read_integer(f"{text} ") is None
    # the token that is found in a text is the whole text
    for only in (False, True):
        assert rk.build("last_number", only=only).extract(text) == text
        assert rk.build("last_number", only=only).extract(f"so {text}.") == text


def test_a_sentence_that_begins_with_a_number_is_not_a_number():
    assert read_number("12" + " more words" * 20) is None
    assert read_number("12 thousand dollars per hour" + " " * 40 + "per day").value == 12000


@pytest.mark.parametrize("end", ["so 7", r"\frac{1}{2}", r"\sin 3", r"\$5", "\u00bd", "H2O", ""])
def test_commands_without_a_digit_change_no_number_after_them(end):
    alone = [token.text for token in number_tokens.scan_numbers(f"x = {end}")]
    for command in (r"\sin x + ", r"\frac{a}{b} - ", r"\sqrt{\ln y}, "):
        text = f"{command * 300}x = {end}"
        assert [token.text for token in number_tokens.scan_numbers(text)] == alone
