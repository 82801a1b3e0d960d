"""Rewards whose failures are hard to reproduce in a standalone program."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

import rewardkit as rk
from rewardkit import testing as kit


def no_list(completions, **columns):
    return None


def texts(completions, **columns):
    return ["1.0" for _ in completions]


def number(completions, **columns):
    return 3


def column(completions, **columns):
    return np.array([[float(len(str(text)))] for text in completions])


class Plain(rk.Reward):
    def score(self, batch):
        return tuple(rk.Score(0.0) for _ in batch.texts)


class Values(rk.Reward):
    def score(self, batch):
        return [0.0 for _ in batch.texts]


def outcomes(answers, references):
    return [rk.Verdict("fine") for _ in answers]


def truths(answers, references):
    return [answer == reference for answer, reference in zip(answers, references, strict=True)]


def length(text):
    return len(text)


WRONG: dict[str, tuple[Any, Any, str]] = {
    "no list": (no_list, kit.check_reward, "values = None"),
    "texts": (texts, kit.check_reward, "values = ['1.0']"),
    "number": (number, kit.check_reward, "values = 3"),
    "array of arrays": (
        column,
        kit.check_reward,
        "values = [numpy.array([0.0], dtype='float64')]",
    ),
    "tuple of scores": (Plain(), kit.check_reward, "values = ()"),
    "numbers for scores": (Values(), kit.check_reward, "values = [0.0]"),
    "unknown outcomes": (outcomes, kit.check_verifier, "values = ['fine']"),
    "truths for verdicts": (truths, kit.check_verifier, "values = [False]"),
    "number for a text": (length, kit.check_extractor, "values = [0]"),
}
"""By name: what gives the wrong type, the check that finds it, and what the finding says."""


class Colour(enum.Enum):
    RED = 1


class Image:
    def __init__(self) -> None:
        self.size = 3


class Named:
    def __repr__(self) -> str:
        return "named('so')"


class Async:
    async def __call__(self, completions, **columns):
        return [2.0 for _ in completions]


async_object = Async()


def array(completions, **columns):
    return np.array([float("nan") for _ in completions])


def both(completions, **columns):
    return np.array([float(len(completions)) for _ in completions])


def divides(completions, value, **columns):
    return [1 / 0 for _ in value]


def classes(completions, **columns):
    return [1 / 0 for _ in columns["class"]]


def resized(completions, value, **columns):
    for image in value:
        image.size = len(completions) + 100
    return [0.0 for _ in completions]


def one_element(completions, value, **columns):
    for each in value:
        each[2500] += 1
    return [0.0 for _ in completions]


def value_case(value: Any) -> tuple[Any, str, dict[str, Any], str]:
    return divides, "total", {"columns": {"value": [value]}}, "ZeroDivisionError"


ODD: dict[str, tuple[Any, str, dict[str, Any], str]] = {
    "async object": (async_object, "bounds", {"bounds": (0, 1)}, "AssertionError"),
    "array": (array, "finite", {}, "AssertionError"),
    "array of several": (both, "pointwise", {}, "AssertionError"),
    "keyword": (classes, "total", {"columns": {"class": ["a"]}}, "ZeroDivisionError"),
    "date": value_case(dt.date(2024, 1, 1)),
    "fraction": value_case(Fraction(1, 2)),
    "decimal": value_case([Decimal("0.1")]),
    "array value": value_case(np.array([1.5], dtype="float32")),
    "number of numpy": value_case(np.float32(1.5)),
    "text of numpy": value_case(np.str_("a")),
    "repr that is not a program": value_case(Named()),
    "enumeration": value_case(Colour.RED),
    "object": value_case(Image()),
    "object that changes": (resized, "inputs", {"columns": {"value": [Image()]}}, "AssertionError"),
    "array that changes": (
        one_element,
        "inputs",
        {"columns": {"value": [np.zeros(5000)]}},
        "AssertionError",
    ),
}
"""By name: a reward, the law that it breaks, the options, and how the program fails."""
