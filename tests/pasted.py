"""Rewards whose failures are hard to write as a program."""

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


def cells(completions, cell, **columns):
    return [1 / 0 for _ in cell]


def classes(completions, **columns):
    return [1 / 0 for _ in columns["class"]]


def resized(completions, cell, **columns):
    for image in cell:
        image.size = len(completions) + 100
    return [0.0 for _ in completions]


def one_element(completions, cell, **columns):
    for each in cell:
        each[2500] += 1
    return [0.0 for _ in completions]


def cell(value: Any) -> tuple[Any, str, dict[str, Any], str]:
    return cells, "total", {"columns": {"cell": [value]}}, "ZeroDivisionError"


ODD: dict[str, tuple[Any, str, dict[str, Any], str]] = {
    "async object": (async_object, "bounds", {"bounds": (0, 1)}, "AssertionError"),
    "array": (array, "finite", {}, "AssertionError"),
    "array of several": (both, "pointwise", {}, "AssertionError"),
    "keyword": (classes, "total", {"columns": {"class": ["a"]}}, "ZeroDivisionError"),
    "date": cell(dt.date(2024, 1, 1)),
    "fraction": cell(Fraction(1, 2)),
    "decimal": cell([Decimal("0.1")]),
    "array cell": cell(np.array([1.5], dtype="float32")),
    "number of numpy": cell(np.float32(1.5)),
    "text of numpy": cell(np.str_("a")),
    "text that is no program": cell(Named()),
    "enumeration": cell(Colour.RED),
    "object": cell(Image()),
    "object that changes": (resized, "inputs", {"columns": {"cell": [Image()]}}, "AssertionError"),
    "array that changes": (
        one_element,
        "inputs",
        {"columns": {"cell": [np.zeros(5000)]}},
        "AssertionError",
    ),
}
"""By name: a reward, the law that it breaks, the options, and how the program fails."""
