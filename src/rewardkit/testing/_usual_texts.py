"""Texts for an extractor about which nothing was said: what it must find there, or must not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rewardkit._text.tag_layout import TagPair, tag_marks
from rewardkit.testing._findings import NotApplicable

if TYPE_CHECKING:
    from rewardkit.testing._subject import Subject

Marks = tuple[str, str]
"""What is before an answer and behind it."""

_BOX = (r"\boxed{", "}")
# No number, no letter of a choice, no capital: nothing that any extractor may take for an answer.
_NO_ANSWER = "nothing was found so far"
_BLANK = (" \n", "")
_PROBES = ("42", "17")


class UsualText(NamedTuple):
    """A text, and what must be true of the answer that is found in it."""

    text: str
    """The text."""
    condition: str
    """What must be true, as Python in terms of `values`, a list of one answer."""
    marks: Marks | None = None
    """The marks around its answer, which the extractor must be known to read."""


def find_marks(blocks: Sequence[str | TagPair], names: Sequence[str]) -> list[Marks]:
    """Return the marks around an answer that an extractor's tags and patterns name."""
    boxes = [_BOX] if any("boxed" in name for name in names) else []
    return [*map(tag_marks, blocks), *boxes]


def list_texts_with_answers(marks: Sequence[Marks]) -> Iterator[UsualText]:
    """Yield texts with an answer between marks, which must not be lost or cut."""
    for first, last in marks:
        # LaTeX's braces are balanced, and so is every answer in a box
        if last == "}":
            nested = rf"so it is {first}\frac{{1}}{{2}}{last}"
            balanced = "(values[0] or '').count('{') == (values[0] or '').count('}')"
            yield UsualText(nested, balanced, (first, last))
        else:
            lines = f"so it is\n{first}\n42\n{last}\n"
            yield UsualText(lines, "(values[0] or '').strip() == '42'", (first, last))
        twice = f"{first}17{last} is wrong, so {first}42{last}"
        yield UsualText(twice, f"{first!r} not in (values[0] or '')", (first, last))


def list_texts_without_answers(marks: Sequence[Marks]) -> Iterator[UsualText]:
    """Yield texts without an answer: what is found there is made up, or blank."""
    part = f"values[0] is None or values[0].strip() and values[0] in {_NO_ANSWER!r}"
    yield UsualText(_NO_ANSWER, part)
    for blank in _BLANK:
        # what takes the whole text finds a blank one
        yield UsualText(blank, "not (values[0] or '').strip()")
    # the whole text may be an answer, but not for what reads an answer between marks
    for both in marks:
        yield UsualText(_NO_ANSWER, f"values != [{_NO_ANSWER!r}]", both)


def judge_usual_text(subject: Subject, usual: UsualText) -> None:
    """Raise Counterexample if what an extractor finds in a text cannot be its answer."""
    if usual.marks is not None and not _reads_marks(subject, usual.marks):
        raise NotApplicable(
            "it reads no usual layout; give template=, as '<answer>{answer}</answer>'"
        )
    subject.calls.clear()
    values = subject.values_of({"texts": [usual.text]})
    if not eval(usual.condition, {"values": values}):  # noqa: S307 - written above
        subject.fail(usual.condition)


def _reads_marks(subject: Subject, marks: Marks) -> bool:
    first, last = marks
    return all(
        subject.values_of({"texts": [f"so it is {first}{answer}{last}"]}) == [answer]
        for answer in _PROBES
    )
