from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit._template import as_function, check_template, fill


@given(st.text())
def test_values_are_inserted_as_they_are(answer: str) -> None:
    assert fill("a {answer} b", {"answer": answer}) == f"a {answer} b"


def test_values_are_not_filled_again() -> None:
    row = {"question": "What is {answer}?", "answer": "4"}
    assert fill("{question} {x} {", row) == "What is {answer}? {x} {"


def test_a_template_or_a_function_writes_a_row() -> None:
    row = {"answer": "4"}
    assert (
        as_function("a {answer}")(row)
        == as_function(lambda row: f"a {row['answer']}")(row)
        == "a 4"
    )


def test_a_name_near_a_column_is_taken_for_a_slip() -> None:
    rows = [{"answer": "4"}, {"answer": "5", "solution": "5"}]
    with pytest.raises(ValueError, match=r"^template: no column for \{solutoin\} \(columns: answ"):
        check_template("{answer} {solutoin}", rows)
    with pytest.raises(ValueError, match=r"for \{ answer \} .*; did you mean 'answer'\?$"):
        check_template("{ answer }", rows)
    # braces of LaTeX, of programs and of other names
    for template in (r"\boxed{{answer}} \text{cm}", "{x: 1} {} {zzz}", "", str):
        check_template(template, rows)
