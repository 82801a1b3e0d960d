"""The model without and with its adapter: the measures of responses, their means and margins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewardkit.adapters.trl import split
from rewardkit.train import Recipe
from rewardkit.train.comparison import (
    compare_adapter,
    confidence_margin,
    mean_of_known,
    measure_responses,
)
from rewardkit.train.folder import RunFolder
from rewardkit.train.recipe_sections import Sampling
from rewardkit.train.summary import format_comparison
from tiny_run import WordTokenizer, write_recipe


def test_the_comparison_counts_copies_and_rewards(tmp_path: Path) -> None:
    recipe = Recipe.load(write_recipe(tmp_path))
    rows = [{"prompt": "one two three four five six seven", "answer": "2", "question": "?"}] * 4
    copied = "so, two three four five six seven"
    answers = ["2", "2", copied, "one two three"]
    found = measure_responses(recipe, WordTokenizer(), rows, answers)
    assert found["repeats_six_words"] == [0, 0, 1, 0]
    assert found["characters"] == [1, 1, 33, 13]
    assert found["short"] == pytest.approx([0, 0, -5 / 6, -1 / 6])  # words of 8, from 2 on
    correct = split(recipe.rewards).reward_funcs[-1].__name__
    assert found[correct] == [1, 1, 0, 0]


class OneAnswer:
    """A backend that answers every prompt alike: without the adapter 7, with it 2."""

    tokenizer = WordTokenizer()

    def __init__(self) -> None:
        self.samplings: list[Sampling] = []

    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        self.samplings.append(sampling)
        return ["2" if adapter else "7"] * len(prompts)


ROWS = [{"prompt": "p", "question": "q", "answer": answer} for answer in ("2", "2", "7", "2")]


def compare(folder: Path, **changes: Any) -> tuple[dict[str, Any], OneAnswer]:
    changes = {"compare.rows": None, **changes}
    recipe = Recipe.load(write_recipe(folder), changes)
    backend = OneAnswer()
    return compare_adapter(RunFolder(recipe, folder), backend, ROWS), backend  # type: ignore[arg-type]


def test_the_margins_are_of_each_side_and_of_the_paired_change(tmp_path: Path) -> None:
    right = {"type": "correct", "verifier": "number", "extractor": "whole", "name": "right"}
    found, _ = compare(tmp_path, **{"compare.rewards": [right]})
    assert (found["without"]["right"], found["with"]["right"]) == (0.25, 0.75)
    # the standard deviation of one 1 in four is 1/2, that of -1 in (1, 1, -1, 1) is 1
    assert found["margins"]["right"] == pytest.approx(
        {"without": 1.96 / 4, "with": 1.96 / 4, "change": 1.96 / 2}
    )
    formatted = format_comparison(found)
    assert formatted["right"] == ["0.250 ± 0.490", "0.750 ± 0.490", "0.500 ± 0.980"]
    assert formatted["distinct"] == ["0.250", "0.250", "0.000"]


def test_the_comparison_samples_as_in_training_or_as_the_recipe_says(tmp_path: Path) -> None:
    _, backend = compare(tmp_path)
    assert [(s.temperature, s.seed, s.max_tokens) for s in backend.samplings] == [(1, 3407, 8)] * 2
    _, backend = compare(tmp_path, **{"compare.sampling": {"temperature": 0}})
    greedy = [(s.temperature, s.seed, s.max_tokens) for s in backend.samplings]
    assert greedy == [(0, None, 8)] * 2
    _, backend = compare(tmp_path, **{"compare.sampling": {"temperature": 0, "max_tokens": 5}})
    assert [sampling.max_tokens for sampling in backend.samplings] == [5, 5]


def test_a_mean_of_fewer_than_two_values_has_no_margin() -> None:
    assert confidence_margin([1.0, None]) is None
    assert mean_of_known([None]) is None
    assert mean_of_known([1.0, None, 2.0]) == 1.5
