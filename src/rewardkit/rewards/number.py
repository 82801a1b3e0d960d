"""Numeric answers: whether the answer is a number, and how near it is to the right one.

The recipes are `int_reward_func` (Will Brown's "GRPO demo", 2025) and Unsloth's `check_answer` and
`check_numbers` (its GRPO notebooks, 2025); `kind="digits"` and `parse="python"` read numbers as
those do, for the published scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text import numbers
from rewardkit.batch import Batch, Column, Reference
from rewardkit.extract import Extractor, Tag, extract_answers, extract_references
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward
from rewardkit.verify.base import texts

Bands = tuple[tuple[Annotated[float, Field(gt=0)], float], ...]


@final
@register("is_number")
class IsNumber(Reward):
    """A value if the answer is a number of a given kind.

    >>> IsNumber()(completions=["<answer>$1,000</answer>", "<answer>²</answer>"])
    [0.5, 0.0]
    """

    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    kind: Literal["integer", "number", "digits"] = "integer"
    """An integer by value (7.0 is one), any number, or the published rule, `str.isdigit`."""
    value: float = 0.5
    """The value of such an answer."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        hit, miss = Score(self.value, f"kind: {self.kind}"), Score(0.0, f"not of kind: {self.kind}")
        is_of_kind = _KINDS[self.kind]
        answers = extract_answers(self.extractor, batch)
        return [hit if answer is not None and is_of_kind(answer) else miss for answer in answers]


def _is_number(answer: str) -> bool:
    return numbers.read_number(answer) is not None


def _is_integer(answer: str) -> bool:
    if numbers.read_integer(answer) is not None:
        return True
    number = numbers.read_number(answer)
    return number is not None and number.value.denominator == 1


_KINDS = {"integer": _is_integer, "number": _is_number, "digits": str.isdigit}


@final
@register("ratio_match")
class RatioMatch(Reward):
    """A value for the right answer, and lower ones for near answers: within 10 %, within 20 %.

    >>> near = RatioMatch(wrong=-1.0)
    >>> near(completions=["<answer>42.0</answer>", "<answer>40</answer>"], answer=["42", "42"])
    [3.5, 2.0]
    """

    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] = "answer"
    """The column with the right answer; if it is a list, the best match counts."""
    reference_extractor: Extractor | None = None
    """What finds the right answer in the column's text, such as `hash`; None if it is the text."""
    exact: float | None = 5.0
    """The value of exactly the reference's text; None to compare by value alone."""
    stripped: float | None = 3.5
    """The value of the same text up to white space around it; None to compare by value alone."""
    equal: float | None = 3.5
    """The value of an equal number; None if the bands decide."""
    bands: Bands = ((0.1, 2.0), (0.2, 1.5))
    """Pairs of a distance of the ratio to the reference from 1, and a value; the first that fits
    counts."""
    wrong: float = -2.5
    """The value of any other number."""
    missing: float = -2.0
    """The value of a completion without an answer."""
    unreadable: float = -4.5
    """The value if the answer or the reference is not a number."""
    parse: Literal["strict", "python", "python_commas"] = "strict"
    """Exact rationals, in the notations that people use; or Python's `float`, for the published
    scores, as it is or after the commas of the answer are removed."""

    @model_validator(mode="after")
    def _check_widths_rise(self) -> Self:
        widths = [width for width, _ in self.bands]
        if widths != sorted(set(widths)):
            message = (
                f"bands: got the widths {widths}, expected rising ones: the first that fits counts"
            )
            raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """The lowest and the highest of all the values."""
        given = [self.exact, self.stripped, self.equal, self.wrong, self.missing, self.unreadable]
        known = [value for value in given if value is not None] + [value for _, value in self.bands]
        return min(known), max(known)

    def score(self, batch: Batch) -> list[Score]:
        """Return the match's value for each completion; None for rows without a reference."""
        missing, no_reference = Score(self.missing, "no answer"), Score(None, "no reference")
        match = cache(self._make_matcher())  # the same answer occurs many times in a group

        def score_row(answer: str | None, reference: object) -> Score:
            wanted = texts(reference)
            if not wanted:
                return no_reference
            if answer is None:
                return missing
            return max(match(answer, reference_text) for reference_text in wanted)

        references = extract_references(self.reference_extractor, batch.column(self.reference))
        answers = extract_answers(self.extractor, batch)
        return [
            # most references are one text, and most answers are there
            match(answer, reference)
            if type(reference) is str and answer is not None and reference.strip()
            else score_row(answer, reference)
            for answer, reference in zip(answers, references, strict=True)
        ]

    def _make_matcher(self) -> Callable[[str, str], Score]:
        """Return a function that gives the Score of an answer beside one reference."""
        exact = None if self.exact is None else Score(self.exact, "the same text")
        stripped = (
            None if self.stripped is None else Score(self.stripped, "the same text, stripped")
        )
        # the widths that count, each with its Score, and any other number
        scores: dict[float | None, Score] = {None: Score(self.wrong, "another number")}
        if self.equal is not None:
            scores[0.0] = Score(self.equal, "the same number")
        scores |= {width: Score(value, f"within {width:g}") for width, value in self.bands}
        widths = [width for width in scores if width is not None]
        unreadable = Score(self.unreadable, "not two numbers with a ratio")
        find_width, without_commas = _COMPARISONS[self.parse], self.parse == "python_commas"

        def match_reference(answer: str, reference: str) -> Score:
            if exact and answer == reference:
                return exact
            if stripped and answer.strip() == reference.strip():
                return stripped
            if without_commas:
                answer = answer.replace(",", "")
            try:
                return scores[find_width(answer, reference, widths)]
            except (ValueError, ZeroDivisionError):
                return unreadable

        return match_reference


def _find_rational_width(answer: str, reference: str, widths: Sequence[float]) -> float | None:
    """Return the first width that holds the distance, a share of the reference; None if none does.

    Raises ValueError if one of the texts is not a number.
    """
    distance, size = _measure_distance(answer, reference)
    for width in widths:
        # by multiplication: a reference of 0 has no ratio, and only 0 is within any width of it
        numerator, denominator = _as_written_ratio(width)
        if distance * denominator <= numerator * size:
            return width
    return None


def _measure_distance(answer: str, reference: str) -> tuple[Any, Any]:
    """Return the distance of the answer from the reference, and the reference's size."""
    integer, right_integer = numbers.read_integer(answer.strip()), numbers.read_integer(reference)
    if integer is not None and right_integer is not None:  # the most common case
        return abs(integer - right_integer), abs(right_integer)
    given = numbers.read_number(answer)
    wanted = (
        numbers.read_number(reference) if right_integer is None else numbers.Number(right_integer)
    )
    if given is None or wanted is None:
        raise ValueError
    right: Any = wanted.value  # the types of abs have no union of numbers
    # "12%" may be 12 or 0.12: the reading that is nearest counts
    return min(abs(value - right) for value in given.readings(wanted)), abs(right)


@lru_cache(maxsize=64)
def _as_written_ratio(width: float) -> tuple[int, int]:
    # by way of its text: 0.1 as a float is a little more than 1/10, which would take in its border
    return Fraction(str(width)).as_integer_ratio()


def _find_float_width(answer: str, reference: str, widths: Sequence[float]) -> float | None:
    """Do the same with the notebooks' arithmetic. A reference of 0 raises ZeroDivisionError."""
    given, wanted = float(answer), float(reference)
    for width in widths:
        if 1 - width <= given / wanted <= 1 + width if width else given == wanted:
            return width
    return None


_COMPARISONS = {
    "strict": _find_rational_width,
    "python": _find_float_width,
    "python_commas": _find_float_width,
}
