"""Answers as numbers: is it one, and how near is it to the right one?

The recipes are `int_reward_func` (Will Brown's "GRPO demo", 2025) and Unsloth's `check_answer` and
`check_numbers` (its GRPO notebooks, 2025); `kind="digits"` and `parse="python"` read numbers as
those do, for the published scores.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text import numbers
from rewardkit.batch import Batch, Column, Reference
from rewardkit.extract import Extractor, Tag
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward
from rewardkit.verify.base import texts

Bands = tuple[tuple[Annotated[float, Field(gt=0)], float], ...]


@final
@register("is_number")
class IsNumber(Reward):
    """A value where the answer is a number of some kind.

    >>> IsNumber()(completions=["<answer>$1,000</answer>", "<answer>²</answer>"])
    [0.5, 0.0]
    """

    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    kind: Literal["integer", "number", "digits"] = "integer"
    """An integer by value (7.0 is one), any number, or as published all `str.isdigit`."""
    value: float = 0.5
    """What such an answer is worth."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        hit, miss = Score(self.value, f"kind: {self.kind}"), Score(0.0, f"not of kind: {self.kind}")
        fits = _KINDS[self.kind]
        answers = map(self.extractor.extract, batch.texts)
        return [hit if answer is not None and fits(answer) else miss for answer in answers]


def _is_number(answer: str) -> bool:
    """Return whether an answer is a number."""
    return numbers.read(answer) is not None


def _is_integer(answer: str) -> bool:
    """Return whether an answer is a whole number, however it is written."""
    number = numbers.read(answer)
    return number is not None and number.value.denominator == 1


_KINDS = {"integer": _is_integer, "number": _is_number, "digits": str.isdigit}


@final
@register("ratio_match")
class RatioMatch(Reward):
    """A value for the right answer, lesser ones for being near: within 10 %, within 20 %.

    >>> near = RatioMatch(wrong=-1.0)
    >>> near(completions=["<answer>42.0</answer>", "<answer>40</answer>"], answer=["42", "42"])
    [3.5, 2.0]
    """

    extractor: Extractor = Tag()
    """What finds the answer in the completion."""
    reference: Column[Reference] = "answer"
    """The column that holds the right answer; of a list the best match counts."""
    exact: float | None = 5.0
    """The value of the reference's very text; None to compare by value alone."""
    stripped: float | None = 3.5
    """The value of its text but for white space around it; None to compare by value alone."""
    equal: float | None = 3.5
    """The value of an equal number; None to leave it to the bands."""
    bands: Bands = ((0.1, 2.0), (0.2, 1.5))
    """Pairs of how far from 1 the ratio to the reference may be, and a value; the first counts."""
    wrong: float = -2.5
    """The value of any other number."""
    missing: float = -2.0
    """The value of a completion without an answer."""
    unreadable: float = -4.5
    """The value where either is no number."""
    parse: Literal["strict", "python", "python_commas"] = "strict"
    """Exact rationals as people write numbers; or as `float` reads them, for the published scores;
    or so with the commas taken out of the answer first."""

    @model_validator(mode="after")
    def _widening(self) -> Self:
        widths = [width for width, _ in self.bands]
        if widths != sorted(set(widths)):
            message = f"bands: got the widths {widths}, expected rising ones, as the first counts"
            raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """The least and the greatest of all the values."""
        given = [self.exact, self.stripped, self.equal, self.wrong, self.missing, self.unreadable]
        known = [value for value in given if value is not None] + [value for _, value in self.bands]
        return min(known), max(known)

    def score(self, batch: Batch) -> list[Score]:
        """Return the match's value for each completion; None where there is no reference."""
        missing, no_reference = Score(self.missing, "no answer"), Score(None, "no reference")
        match = cache(self._match)  # a group gives the same answer many times

        def judge(text: str, reference: object) -> Score:
            wanted = texts(reference)
            answer = self.extractor.extract(text)
            if not wanted:
                return no_reference
            if answer is None:
                return missing
            return max(match(answer, one) for one in wanted)

        cells = batch.column(self.reference)
        return [judge(*row) for row in zip(batch.texts, cells, strict=True)]

    def _match(self, answer: str, reference: str) -> Score:
        """Return the score of an answer against one reference."""
        if self.exact is not None and answer == reference:
            return Score(self.exact, "the same text")
        if self.stripped is not None and answer.strip() == reference.strip():
            return Score(self.stripped, "the same text, stripped")
        try:
            within = _NEARNESS[self.parse](answer, reference)
            if self.equal is not None and within(0.0):
                return Score(self.equal, "the same number")
            for width, value in self.bands:
                if within(width):
                    return Score(value, f"within {width:g}")
        except (ValueError, ZeroDivisionError):
            return Score(self.unreadable, "not two numbers with a ratio")
        return Score(self.wrong, "another number")


def _exactly(answer: str, reference: str) -> Callable[[float], bool]:
    """Return whether two numbers, as people write them, are within a share of the second."""
    given, wanted = numbers.read(answer), numbers.read(reference)
    if given is None or wanted is None:
        raise ValueError
    right: Any = wanted.value  # the types of abs know no union of numbers
    off, size = min(abs(value - right) for value in given.readings(wanted)), abs(right)

    def within(width: float) -> bool:
        share, of = _ratio(width)
        return bool(off * of <= share * size)

    return within


@lru_cache(maxsize=64)
def _ratio(width: float) -> tuple[int, int]:
    """Return a width as it is written: 0.1 is 1 in 10."""
    return Fraction(str(width)).as_integer_ratio()


def _in_floats(answer: str, reference: str) -> Callable[[float], bool]:
    """Return the same as the notebooks compute it; a reference of 0 has no ratio."""
    given, wanted = float(answer), float(reference)
    return lambda width: 1 - width <= given / wanted <= 1 + width if width else given == wanted


def _without_commas(answer: str, reference: str) -> Callable[[float], bool]:
    """Return the same with the commas taken out of the answer first."""
    return _in_floats(answer.replace(",", ""), reference)


_NEARNESS = {"strict": _exactly, "python": _in_floats, "python_commas": _without_commas}
