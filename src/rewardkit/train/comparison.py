"""The model with its adapter beside the model without it: questions, and held-out rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import fmean

from rewardkit.adapters.trl import split
from rewardkit.registry import build
from rewardkit.train.backends import Backend
from rewardkit.train.folder import RunFolder
from rewardkit.train.recipe import Recipe
from rewardkit.train.recipe_sections import Row
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
    """Compare the model without and with the adapter over some rows: means, and responses."""
    recipe = folder.recipe
    count = min(recipe.compare.rows, len(rows))
    some = random.Random(COMPARISON_SEED).sample(rows, count)  # noqa: S311 - no secrets
    changes = {"max_tokens": recipe.training.max_completion_length, "seed": COMPARISON_SEED}
    if recipe.training.sampling.temperature is None:
        changes["temperature"] = 1  # GRPOConfig's default, as in training
    sampling = recipe.training.sampling.model_copy(update=changes)
    comparison: Row = {"questions": [row["question"] for row in some]}
    for side, adapter in (("without", False), ("with", True)):
        answers = backend.generate([row["prompt"] for row in some], sampling, adapter=adapter)
        measured = measure_responses(recipe, backend.tokenizer, some, answers)
        comparison[side] = {**measured, "responses": answers}
    return comparison


def measure_responses(
    recipe: Recipe, tokenizer: object, rows: Sequence[Row], answers: Sequence[str]
) -> Row:
    """Compute the means over responses: of rewards, of copies, of the language looked for."""
    batch: Row = {name: [row[name] for row in rows] for name in rows[0]}
    batch["prompts"], batch["completions"] = batch.pop("prompt"), answers
    batch["completion_ids"] = [encode_prompt(tokenizer, answer) for answer in answers]
    copies = build("prompt_overlap", ngram=6)(**batch)
    measured: Row = {
        "rows": len(rows),
        "distinct": len(set(answers)) / len(answers),
        "repeats_six_words": fmean(value != 0 for value in copies),
        "characters": fmean(map(len, answers)),
    }
    if (label := recipe.compare.language) is not None:
        options = {"candidates": recipe.compare.candidates, "no_letters": 0.0}
        language = build("language", scores={label: 1.0}, **options)
        measured[f"in_{label}"] = fmean(value or 0.0 for value in language(**batch))
    for reward in split(recipe.rewards).reward_funcs:
        values = [value for value in reward(**batch) if value is not None]
        measured[reward.__name__] = fmean(values) if values else None
    return measured
