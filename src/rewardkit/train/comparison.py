"""The model with its adapter beside the model without it: questions, and held-out rows."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from rewardkit.adapters.trl import split
from rewardkit.registry import build
from rewardkit.train.backends import Backend
from rewardkit.train.folder import RunFolder
from rewardkit.train.recipe import Recipe
from rewardkit.train.recipe_sections import Row, Sampling
from rewardkit.train.tokens import encode_prompt

COMPARISON_SEED = 3407
"""One seed for all runs, so that runs of one recipe are compared on the same rows."""


def ask_questions(
    recipe: Recipe, backend: Backend, *, adapter: bool, system: bool, limit: int
) -> list[Row]:
    """Generate answers to the first `limit` questions of the recipe."""
    questions = recipe.questions.texts[:limit]
    prompts = [recipe.prompt.build(question, system=system) for question in questions]
    answers = backend.generate(prompts, recipe.questions.sampling, adapter=adapter)
    return [
        {"adapter": adapter, "system": system, "question": question, "response": answer}
        for question, answer in zip(questions, answers, strict=True)
    ]


def ask_all_questions(recipe: Recipe, backend: Backend) -> list[Row]:
    """Ask all questions: with and without the adapter, with and without the system prompt."""
    modes = [(adapter, system) for adapter in (False, True) for system in (False, True)]
    limit = len(recipe.questions.texts)
    answers = [
        ask_questions(recipe, backend, adapter=adapter, system=system, limit=limit)
        for adapter, system in modes
    ]
    return [answer for group in answers for answer in group]


def compare_adapter(folder: RunFolder, backend: Backend, rows: Sequence[Row]) -> Row:
    """Compare the model without and with the adapter over some rows: means, and responses.

    `margins` has the half-width of each mean's 95 % confidence interval, and of the change between
    the two, which is paired: both sides answer the same questions.
    """
    recipe = folder.recipe
    count = min(recipe.compare.rows or len(rows), len(rows))
    some = random.Random(COMPARISON_SEED).sample(rows, count)  # noqa: S311 - no secrets
    comparison: Row = {"questions": [row["question"] for row in some]}
    values = {}
    for side, adapter in (("without", False), ("with", True)):
        prompts = [row["prompt"] for row in some]
        answers = backend.generate(prompts, choose_sampling(recipe), adapter=adapter)
        values[side] = measure_responses(recipe, backend.tokenizer, some, answers)
        comparison[side] = {
            "rows": count,
            "distinct": len(set(answers)) / len(answers),
            **{name: mean_of_known(column) for name, column in values[side].items()},
            "responses": answers,
        }
    comparison["margins"] = {
        name: {
            "without": confidence_margin(without),
            "with": confidence_margin(trained),
            "change": confidence_margin(_subtract(trained, without)),
        }
        for (name, without), trained in zip(
            values["without"].items(), values["with"].values(), strict=True
        )
    }
    return comparison


def choose_sampling(recipe: Recipe) -> Sampling:
    """Choose how the compared responses are sampled: as the recipe says, or as in training."""
    training, given = recipe.training, recipe.compare.sampling
    changes: dict[str, Any] = {"max_tokens": training.max_completion_length}
    if given is None:
        given = training.sampling
        changes["seed"] = COMPARISON_SEED
        if given.temperature is None:
            changes["temperature"] = 1  # GRPOConfig's default, as in training
    elif given.max_tokens is not None:
        del changes["max_tokens"]
    return given.model_copy(update=changes)


def measure_responses(
    recipe: Recipe, tokenizer: object, rows: Sequence[Row], answers: Sequence[str]
) -> dict[str, list[float | None]]:
    """Measure each response: every reward, its length, copies, the language looked for."""
    batch: Row = {name: [row[name] for row in rows] for name in rows[0]}
    batch["prompts"], batch["completions"] = batch.pop("prompt"), answers
    batch["completion_ids"] = [encode_prompt(tokenizer, answer) for answer in answers]
    copies = build("prompt_overlap", ngram=6)(**batch)
    measured: dict[str, list[float | None]] = {
        "repeats_six_words": [float(value != 0) for value in copies],
        "characters": [float(len(answer)) for answer in answers],
    }
    if (label := recipe.compare.language) is not None:
        options = {"candidates": recipe.compare.candidates, "no_letters": 0.0}
        language = build("language", scores={label: 1.0}, **options)
        measured[f"in_{label}"] = [value or 0.0 for value in language(**batch)]
    for reward in split((*recipe.rewards, *recipe.compare.rewards)).reward_funcs:
        measured[reward.__name__] = reward(**batch)
    return measured


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """Average the values that are not None; None where all are."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


NORMAL_QUANTILE = 1.96
"""Of a 95 % interval."""


def confidence_margin(values: Sequence[float | None]) -> float | None:
    """Compute the half-width of the mean's 95 % confidence interval, by the normal approximation.

    >>> confidence_margin([1.0, 0.0, 1.0, 1.0])  # 1.96 * 0.5 / sqrt(4)
    0.49
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - one value has no spread
        return None
    return NORMAL_QUANTILE * stdev(known) / math.sqrt(len(known))


def _subtract(values: Sequence[float | None], others: Sequence[float | None]) -> list[float | None]:
    return [
        None if value is None or other is None else value - other
        for value, other in zip(values, others, strict=True)
    ]
