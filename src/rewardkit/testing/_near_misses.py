"""Answers that are nearly right: what a comparison must not take for the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from rewardkit.batch import Batch
from rewardkit.testing._calls import Rows, count_rows, select_rows
from rewardkit.testing._findings import NotApplicable
from rewardkit.testing._forms import CARRIERS, find_form
from rewardkit.testing._state import shift_references

if TYPE_CHECKING:
    from rewardkit.testing._subject import Subject

_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,6})?")
_REFERENCES = ("7", "42", "-5", "2.5", "16")
# One more is another answer, and not a rounding error, only for a small number.
_SMALL = 20
_MAX_ROWS = 8
_NOT_REFERENCES = ("prompts", "completions", "completion_ids")


def list_near_misses(reference: str) -> list[str]:
    """Return numbers near a number: another sign, one more, ten times, another digit, rounded.

    >>> list_near_misses("7")
    ['-7', '8', '70', '71', '17', 'nan', 'inf']
    """
    return [*dict.fromkeys(near for near in _make_near(reference) if near != reference)]


def _make_near(text: str) -> Iterator[str]:
    value = float(text)
    digits = text.removeprefix("-")
    if value:
        yield digits if value < 0 else f"-{text}"
    if "." not in text:
        if abs(value) <= _SMALL:
            yield str(int(text) + 1)
        if value:
            yield f"{text}0"
        yield f"{text}1"
        yield text.replace(digits, f"1{digits}")
    elif abs(value - round(value)) > abs(value) / 10:
        yield from (str(int(value)), str(round(value)))
    yield from ("nan", "inf")


def is_plain_number(value: Any) -> bool:
    """Return whether a reference is a number in digits, or the text of one."""
    return not isinstance(value, bool) and bool(_NUMBER.fullmatch(str(value)))


def judge_near_misses(subject: Subject) -> None:
    """Raise Counterexample if a verifier takes a near miss for a number that it can read."""
    drawn = [value for rows in subject.samples for value in rows["references"]]
    texts = dict.fromkeys((*_REFERENCES, *(str(one) for one in drawn if is_plain_number(one))))
    judged = False
    for text in [*texts][: 2 * len(_REFERENCES)]:
        try:
            if subject.values_of({"answers": [text], "references": [text]}) != ["correct"]:
                continue
        except NotApplicable:
            continue
        judged = True
        near = list_near_misses(text)
        values = subject.values_of({"answers": near, "references": [text] * len(near)})
        for answer, value in zip(near, values, strict=True):
            if value == "correct":
                subject.calls.clear()
                subject.values_of({"answers": [answer], "references": [text]})
                subject.fail("'correct' not in values")
    if not judged:
        raise SkipTest("it judges no number correct, or reads its references in another way")


def score_near_misses(subject: Subject) -> None:
    """Raise Counterexample if a reward gives a near miss as much as the reference.

    That is judged only of rows that show that the reward compares with the reference: the same
    completion earns less with the reference of another row.
    """
    judged = False
    for batch in subject.right_batches:
        rows = select_rows(batch, range(min(count_rows(batch), _MAX_ROWS)))
        own = subject.values_of(rows)
        others = subject.values_of(shift_references(rows, subject.text_column))
        for row in range(count_rows(rows)):
            if own[row] is None or others[row] is None or not own[row] > others[row]:
                continue
            for near in _list_near_rows(select_rows(rows, [row]), subject.text_column):
                judged = True
                subject.calls.clear()
                (value,) = subject.values_of(near)
                if value is not None and value >= own[row]:
                    subject.fail(f"values[0] < {own[row]!r}  # as for the reference")
    if not judged:
        raise SkipTest("no numbers among its references, or it does not compare with them")


def _list_near_rows(rows: Rows, text_column: str) -> Iterator[Rows]:
    """Yield a call of one row for each near miss, written as the reference is in its text."""
    completion = rows[text_column][0]
    form, (text,) = find_form(completion), Batch([completion]).texts
    columns = [name for name in rows if name not in _NOT_REFERENCES]
    for reference in [str(rows[name][0]) for name in columns if is_plain_number(rows[name][0])]:
        # whole numbers of the text only: 7 is not the answer within 17
        written = re.compile(rf"(?<![\d.-]){re.escape(reference)}(?![\d.])")
        if form in CARRIERS and written.search(text):
            for near in list_near_misses(reference):
                yield {**rows, text_column: [CARRIERS[form](written.sub(near, text))]}
