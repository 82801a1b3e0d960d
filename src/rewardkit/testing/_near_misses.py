"""Answers that are nearly right: what a comparison must not take for the reference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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
_SMALL_PART = 0.05
_NOT_REFERENCES = ("prompts", "completions", "completion_ids")


def list_near_misses(reference: str) -> list[str]:
    """Return numbers near a number.

    They have another sign, one more, ten times as much, another digit, the digits in reverse, or
    are rounded.

    >>> list_near_misses("7")
    ['-7', '8', '70', '71', '17', 'nan', 'inf']
    >>> list_near_misses("42")
    ['-42', '420', '421', '142', '24', 'nan', 'inf']
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
        if digits[-1:] != "0":
            yield text.replace(digits, digits[::-1])
    elif abs(value - round(value)) > abs(value) / 10:
        yield from (str(int(value)), str(round(value)))
    yield from ("nan", "inf")


def list_case_twins(reference: str, references: Iterable[str]) -> list[str]:
    """Return the references that differ from one in capitals alone: there, case counts.

    >>> list_case_twins("p", ["P", "p", "q"])
    ['P']
    """
    folded = reference.casefold()
    twins = (other for other in references if other.casefold() == folded)
    return [*dict.fromkeys(twin for twin in twins if twin != reference)]


def is_plain_number(value: Any) -> bool:
    """Return whether a reference is a number in digits, or the text of one."""
    return not isinstance(value, bool) and bool(_NUMBER.fullmatch(str(value)))


def judge_near_misses(subject: Subject) -> None:
    """Raise Counterexample if a verifier takes a near miss for a number that it can read."""
    drawn = [value for rows in subject.samples for value in rows["references"]]
    numbers = dict.fromkeys((*_REFERENCES, *(str(one) for one in drawn if is_plain_number(one))))
    words = [*dict.fromkeys(one for one in drawn if isinstance(one, str))]
    near_misses = {text: list_near_misses(text) for text in [*numbers][: 2 * len(_REFERENCES)]}
    near_misses |= {word: twins for word in words if (twins := list_case_twins(word, words))}
    judged = False
    for text, near in near_misses.items():
        try:
            if subject.values_of({"answers": [text], "references": [text]}) != ["correct"]:
                continue
        except NotApplicable:
            continue
        judged = True
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
            near_rows = [*_list_near_rows(batch, row, subject.text_column)]
            if near_rows and _compares_words(subject, batch, row, own[row], others[row]):
                near_rows = [*_list_near_rows(batch, row, subject.text_column, by_words=True)]
            for near in near_rows:
                judged = True
                subject.calls.clear()
                (value,) = subject.values_of(near)
                if value is not None and value >= own[row]:
                    subject.fail(f"values[0] < {own[row]!r}  # as for the reference")
    if not judged:
        raise SkipTest("no numbers among its references, or it does not compare with them")


def _list_near_rows(
    batch: Rows, row: int, text_column: str, *, by_words: bool = False
) -> Iterator[Rows]:
    """Yield a call of one row for each near miss; with `by_words`, for those of other words."""
    for name, reference in _list_references(batch, row):
        twins = list_case_twins(reference, map(str, batch[name]))
        near = twins + (list_near_misses(reference) if is_plain_number(reference) else [])
        if by_words:
            near = [other for other in near if _list_words(other) != _list_words(reference)]
        yield from _write_instead(select_rows(batch, [row]), text_column, reference, near)


def _list_references(batch: Rows, row: int) -> Iterator[tuple[str, str]]:
    for name in batch:
        value = batch[name][row]
        if name not in _NOT_REFERENCES and isinstance(value, str | int | float):
            yield name, str(value)


def _write_instead(
    rows: Rows, text_column: str, reference: str, others: Iterable[str]
) -> Iterator[Rows]:
    """Yield the call with each of some texts where its completion has the reference."""
    completion = rows[text_column][0]
    form, (text,) = find_form(completion), Batch([completion]).texts
    # whole numbers and words of the text only: 7 is not the answer within 17
    written = re.compile(rf"(?<![\w.-]){re.escape(reference)}(?![\w.])")
    if form in CARRIERS and reference and written.search(text):
        for other in others:
            changed = written.sub(other.replace("\\", r"\\"), text)
            yield {**rows, text_column: [CARRIERS[form](changed)]}


def _list_words(text: str) -> list[str]:
    # what is between digits is a mark as any other
    return [re.sub(r"[^\w\s]", "", text.casefold())]


def _compares_words(subject: Subject, batch: Rows, row: int, own: float, other: float) -> bool:
    """Return whether a reward compares texts by their words, whose marks do not count.

    Of the usual measures, SQuAD's exact match leaves out articles and marks, and the overlap of
    words (F1, ROUGE) pays a part for a right word beside another one. For both, 5 and -5 are the
    same word by definition.
    """
    for _, reference in _list_references(batch, row):
        spelled = [f"the {reference}", f"{reference} apples"]
        calls = _write_instead(select_rows(batch, [row]), subject.text_column, reference, spelled)
        values = [subject.values_of(rows)[0] for rows in calls]
        if len(values) < len(spelled) or None in values:
            continue
        article, more_words = values
        gap = (own - other) * _SMALL_PART
        if more_words < own - gap and (article >= own or more_words > other + gap):
            return True
    return False
