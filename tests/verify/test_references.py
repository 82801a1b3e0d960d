"""Every verifier reads the same values of a dataset's column, and refuses the others alike."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

import rewardkit as rk

numpy = pytest.importorskip("numpy")


def outcome(name, reference, answer, **fields):
    (verdict,) = rk.build(name, **fields).verify([answer], [reference])
    return verdict.outcome.value


NUMBERS = [
    *(numpy.float64(2.5), numpy.float32(2.5), numpy.float16(2.5), numpy.longdouble(2.5)),
    *(numpy.array(2.5), numpy.array([2.5]), numpy.array(["2.5"]), numpy.str_("2.5")),
    *(Decimal("2.5"), Decimal("0.25E+1"), Fraction(5, 2), 2.5, (2.5,)),
]


@pytest.mark.parametrize("name", ["number", "math", "contains"])
@pytest.mark.parametrize("reference", NUMBERS, ids=lambda value: type(value).__name__)
def test_scalars_are_read(name, reference):
    answer = "5/2" if isinstance(reference, Fraction) and name == "contains" else "2.5"
    assert outcome(name, reference, answer) == "correct"
    assert outcome(name, reference, "3") == "wrong"


@pytest.mark.parametrize(
    "reference", [numpy.int8(7), numpy.uint64(7), numpy.array([7, 8]), Decimal(7), [numpy.int64(7)]]
)
def test_integers_are_read(reference):
    assert outcome("number", reference, "7") == "correct"
    assert outcome("exact", reference, "7") == "correct"


def test_a_short_float_is_not_lengthened():
    assert outcome("number", numpy.float32(0.1), "0.1") == "correct"
    assert outcome("exact", Decimal("1E+3"), "1000") == "correct"


HOLDS_ITSELF: list = []
HOLDS_ITSELF.extend([HOLDS_ITSELF, HOLDS_ITSELF])
REFUSED = [
    *(HOLDS_ITSELF, numpy.float64("nan"), numpy.float64("inf"), numpy.complex128(1), b"7", {7}),
    *(
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        numpy.datetime64("2020-01-01"),
        object(),
    ),
]


@pytest.mark.parametrize("name", ["number", "math", "contains", "exact", "json_schema"])
@pytest.mark.parametrize("reference", REFUSED, ids=lambda value: type(value).__name__)
def test_other_values_are_refused(name, reference):
    assert outcome(name, reference, "7") == "bad_reference"


def test_code_and_schemas_read_arrays_and_refuse_lists_that_hold_themselves():
    code = rk.build("code", unsafe_subprocess=True)
    tests = numpy.array(["assert double(2) == 4"])
    answer = "```python\ndef double(x):\n    return 2 * x\n```"
    verdicts = code.verify([answer, answer], [tests, HOLDS_ITSELF])
    assert [one.outcome.value for one in verdicts] == ["correct", "bad_reference"]
    assert outcome("json_schema", numpy.array(['{"type": "array"}']), "[1]") == "correct"
