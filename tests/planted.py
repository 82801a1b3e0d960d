"""Rewards with exactly one bug each, and rewards without a bug, for the tests of the test kit."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import rewardkit as rk

BUGS: dict[str, tuple[Any, dict[str, Any], set[str]]] = {}
"""By name: a reward with a bug, the options to check it with, and the laws that it breaks."""


def bug(*laws: str, **options: Any) -> Any:
    """Register a function, or an instance of a reward class, as a reward with a bug."""

    def decorate(planted: Any) -> Any:
        reward = planted() if isinstance(planted, type) else planted
        BUGS[planted.__name__] = (reward, options, set(laws))
        return planted

    return decorate


def text_of(completion: Any) -> str:
    """Return the text of a completion, extracted by rewardkit."""
    return rk.Batch([completion]).texts[0]


def texts_of(completions: list[Any]) -> list[str]:
    return rk.Batch(completions).texts


def exactly(answers: list[Any], references: list[Any]) -> list[rk.Verdict]:
    """Judge answers by their text, like a correct verifier."""
    verdicts = []
    for answer, reference in zip(answers, references, strict=True):
        if reference in (None, []) or not str(reference).strip():
            outcome = rk.Outcome.BAD_REFERENCE
        elif not (answer or "").strip():
            outcome = rk.Outcome.NO_ANSWER
        else:
            outcome = rk.Outcome.CORRECT if answer == str(reference) else rk.Outcome.WRONG
        verdicts.append(rk.Verdict(outcome))
    return verdicts


class Planted(rk.Reward):
    """A reward that scores each text with `value`, between 0 and 1."""

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0


@bug("one_value_per_row")
def drops_a_row(completions, **columns):
    return [1.0 for text in texts_of(completions) if "</answer>" not in text or "<" in text[:1]]


@bug("one_value_per_row")
class DropsARow(Planted):
    def score(self, batch):
        return [rk.Score(1.0) for text in batch.texts if text]


@bug("pointwise", "row_order")
def reads_its_neighbour(completions, **columns):
    texts = texts_of(completions)
    return [float("<answer>" in texts[row - 1]) for row in range(len(texts))]


@bug("pointwise", "row_order")
class ReadsItsNeighbour(Planted):
    def score(self, batch):
        return [rk.Score(float(text == batch.texts[-1])) for text in batch.texts]


@bug("no_mutation")
def mutates_its_input(completions, **columns):
    values = []
    for completion in completions:
        values.append(float("<answer>" in text_of(completion)))
        if isinstance(completion, list) and completion:
            completion[-1]["content"] = text_of(completion).strip()
    return values


@bug("no_mutation")
class MutatesItsInput(Planted):
    answer: rk.Column[object] = "answer"

    def score(self, batch):
        values = batch.column(self.answer)
        for row, value in enumerate(values):
            values[row] = str(value)
        return [
            rk.Score(float(text == str(value)))
            for text, value in zip(batch.texts, values, strict=True)
        ]


@bug("finite")
def is_nan_on_empty_text(completions, **columns):
    texts = texts_of(completions)
    return [text.count("a") / len(text) if text else float("nan") for text in texts]


@bug("finite")
class IsNanOnEmptyText(Planted):
    def score(self, batch):
        return [rk.Score(1.0 if text else float("nan")) for text in batch.texts]


@bug("row_order", pointwise=False)
def depends_on_order(completions, **columns):
    seen: set[str] = set()
    return [0.0 if text in seen or seen.add(text) else 1.0 for text in texts_of(completions)]


@bug("row_order")
class DependsOnOrder(Planted):
    pointwise = False

    def score(self, batch):
        return [rk.Score(1.0 / (1 + row)) for row in range(len(batch))]


@bug("input_formats")
def depends_on_chat_form(completions, **columns):
    return [
        float("<answer>" in (text if isinstance(text, str) else str(text))) + isinstance(text, list)
        for text in completions
    ]


@bug("input_formats")
class DependsOnChatForm(Planted):
    def score(self, batch):
        return [
            rk.Score(float(isinstance(given, str) and "7" in given)) for given in batch.completions
        ]


@bug("deterministic")
def depends_on_time(completions, **columns):
    # in three parts: the kit's shift of 25 hours and a minute is 26 hours at the end of an hour
    part = time.time() // 3600 % 3
    return [part if "<answer>" in text else 0.0 for text in texts_of(completions)]


@bug("deterministic")
class DependsOnTime(Planted):
    def score(self, batch):
        return [rk.Score(time.time() % 1) for _ in batch.texts]


@bug("bounds", bounds=(0.0, 1.0))
def leaves_its_bounds(completions, **columns):
    return [0.6 * text.count("<answer>") for text in texts_of(completions)]


@bug("bounds")
class LeavesItsBounds(Planted):
    def score(self, batch):
        return [rk.Score(1.0 - 0.001 * len(text.partition("</answer>")[2])) for text in batch.texts]


def make_closure():
    def does_not_pickle(completions, **columns):
        return [float("<answer>" in text) for text in texts_of(completions)]

    return does_not_pickle


does_not_pickle = bug("picklable")(make_closure())


@bug("picklable")
class DoesNotPickle(Planted):
    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        object.__setattr__(self, "lock", threading.Lock())

    def __getstate__(self):
        return {**super().__getstate__(), "lock": self.lock}

    def score(self, batch):
        return [rk.Score(float("<answer>" in text)) for text in batch.texts]


@bug("linear_time")
def is_quadratic(completions, **columns):
    return [
        float(re.search(r"<think>.*?</think>", text, re.DOTALL) is not None)
        for text in texts_of(completions)
    ]


@bug("linear_time")
class IsQuadratic(Planted):
    def score(self, batch):
        scores = []
        for text in batch.texts:
            known = []
            for word in text.split():
                if word not in known:
                    known.append(word)
            scores.append(rk.Score(min(1.0, len(known) / 100)))
        return scores


@bug("renamed_columns")
class IgnoresARename(Planted):
    reference: rk.Column[object] = "answer"

    def score(self, batch):
        values = batch.column("answer")
        return [
            rk.Score(float(text == value)) for text, value in zip(batch.texts, values, strict=True)
        ]


@bug("never_raises")
def raises_on_none_content(completions, **columns):
    contents = [
        given if isinstance(given, str) else given[-1]["content"] if given else ""
        for given in completions
    ]
    texts = [text if isinstance(text, str) else "".join(map(str, text)) for text in contents]
    return [float("<answer>" in text) for text in texts]


@bug("never_raises")
class RaisesOnNoneContent(Planted):
    def score(self, batch):
        for given in batch.completions:
            if isinstance(given, list) and given and given[-1]["content"] is None:
                given[-1]["content"].strip()
        return [rk.Score(float("<answer>" in text)) for text in batch.texts]


def ends_well(completions, **columns):
    return [float(text.endswith("</answer>")) for text in texts_of(completions)]


async def ends_well_async(completions, log_metric, trainer_state, **columns):
    log_metric("step", trainer_state.global_step)
    return ends_well(completions)


class EndsWell:
    """A callable with TRL's signature that abstains on some rows."""

    __name__ = "ends_well_or_not"

    def __call__(self, completions, **columns):
        return [1 if text.endswith("</answer>") else None for text in texts_of(completions)]


class EndsWellComponent(rk.Reward):
    def score(self, batch):
        return [rk.Score(float(text.endswith("</answer>"))) for text in batch.texts]


FINE = [ends_well, ends_well_async, EndsWell(), EndsWellComponent()]
"""Rewards without a bug."""
