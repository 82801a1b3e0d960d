"""The dataset: rows loaded, prompts built, some held out, and the preflight over them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rewardkit._messages import error_line
from rewardkit._optional import require
from rewardkit.audit import Preflight, fill, preflight
from rewardkit.component import columns
from rewardkit.train.recipe import Recipe, RecipeError
from rewardkit.train.recipe_sections import DATASET_BUILDERS, Data, Row


def load_rows(data: Data) -> list[Row]:
    """Load the dataset's rows from the hub or a file, or generate them, and shuffle them."""
    if data.made == "arithmetic":
        rows = make_sums(data.largest)
    elif data.made == "gsm_symbolic":
        rows = make_gsm_problems(data.rows or 1000, data.seed)
    elif data.file is not None:
        rows = read_file(data.file)
    else:
        rows = read_split(data, data.split)
    random.Random(data.seed).shuffle(rows)  # noqa: S311 - no secrets
    return rows[: data.rows]


def load_test_rows(data: Data) -> list[Row]:
    """Load the rows for the comparison, if they have a file or a split of their own."""
    if data.test_file is not None:
        return read_file(data.test_file)
    return [] if data.test_split is None else read_split(data, data.test_split)


def read_file(file: Path) -> list[Row]:
    """Read the rows of a local file."""
    source = {"path": DATASET_BUILDERS[file.suffix], "data_files": str(file), "split": "train"}
    return _read_dataset(source, str(file), "")


def read_split(data: Data, split: str) -> list[Row]:
    """Read the rows of a split of the dataset on the hub."""
    source = {"path": data.hub, "name": data.config, "split": split}
    advice = "; a local .jsonl, .json or .parquet file works too: --data FILE"
    return _read_dataset(source, str(data.hub), advice)


def _read_dataset(source: Mapping[str, Any], name: str, advice: str) -> list[Row]:
    datasets = require("datasets", install="rewardkit[train]")
    try:
        rows: list[Row] = datasets.load_dataset(**source).to_list()
    except Exception as error:  # datasets raises what its readers and the network raise
        if isinstance(error, StopIteration):  # of an empty file
            raise RecipeError(f"data: {name}: there are no rows") from error
        # the reader's own error has the row; datasets only says that it failed
        cause = error.__cause__ if type(error).__name__ == "DatasetGenerationError" else None
        message = f"data: {name}: {error_line(cause or error)}{advice}"
        raise RecipeError(message) from error
    if not rows:
        raise RecipeError(f"data: {name}: there are no rows")
    return rows


def make_sums(largest: int) -> list[Row]:
    """Make every sum of two numbers from 1 to `largest`."""
    numbers = range(1, largest + 1)
    return [
        {"question": f"What is {left} + {right}?", "answer": str(left + right)}
        for left in numbers
        for right in numbers
    ]


def make_gsm_problems(size: int, seed: int) -> list[Row]:
    """Make GSM8K's word problems with other names and numbers, with reasoning-gym."""
    gym = require("reasoning_gym", install="reasoning-gym")
    problems = gym.create_dataset("gsm_symbolic", size=size, seed=seed)
    return [
        {"question": problem["question"], "answer": str(problem["answer"])} for problem in problems
    ]


def prepare_rows(recipe: Recipe, raw: Sequence[Row]) -> list[Row]:
    """Build the trainer's rows: the prompt, and the columns that the rewards read."""
    template = recipe.prompt.user
    if not any(f"{{{name}}}" in template for name in raw[0]):
        message = f"prompt.user: {template!r} contains no column of the dataset"
        raise RecipeError(f"{message}; its columns: {', '.join(raw[0])}")
    # other columns are dropped: they may hold what the trainer cannot collate
    rewards = (*recipe.rewards, *recipe.compare.rewards)
    read_by_rewards = {str(column) for reward in rewards for column in columns(reward)}
    rows = []
    for given in raw:
        row = {name: value for name, value in given.items() if name in read_by_rewards}
        if recipe.data.answer is not None:
            row["answer"] = _extract_reference(recipe.data, given)
        question = fill(template, given)
        rows.append({"prompt": recipe.prompt.build(question), "question": question, **row})
    return rows


def _extract_reference(data: Data, row: Row) -> str | None:
    if data.answer not in row:
        message = f"data.answer: no column {data.answer!r} in the dataset"
        raise RecipeError(f"{message}; its columns: {', '.join(row)}")
    if row[data.answer] is None:
        return None  # which rewards refuse, where its text would be a reference like any other
    reference = str(row[data.answer])
    if data.answer_after is None:
        return reference
    # the last occurrence: a worked solution may contain the mark, the reference follows it
    return reference.rpartition(data.answer_after)[2].strip()


def hold_out(rows: list[Row], share: float) -> tuple[list[Row], list[Row]]:
    """Split the rows into those to train on and the last ones, which are held out."""
    count = math.ceil(len(rows) * share) if share < 1 else int(share)
    if count >= len(rows):
        raise RecipeError(f"data.held_out: {count} of {len(rows)} rows leaves none to train on")
    return rows[: len(rows) - count], rows[len(rows) - count :]


MAX_PREFLIGHT_ROWS = 200
"""Enough to show each kind of problem; a slow reward would take minutes for a whole dataset."""


def check_rewards(recipe: Recipe, rows: Sequence[Row]) -> Preflight:
    """Run the preflight over rows from the whole dataset."""
    rewards, number = list(recipe.rewards), MAX_PREFLIGHT_ROWS
    return preflight(rewards, rows, template=recipe.completion, max_rows=number)
