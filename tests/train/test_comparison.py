"""The measures of responses."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardkit.adapters.trl import split
from rewardkit.train import Recipe
from rewardkit.train.comparison import measure_responses
from tiny_run import WordTokenizer, write_recipe


def test_the_comparison_counts_copies_and_rewards(tmp_path: Path) -> None:
    recipe = Recipe.load(write_recipe(tmp_path))
    rows = [{"prompt": "one two three four five six seven", "answer": "2", "question": "?"}] * 4
    copied = "so, two three four five six seven"
    answers = ["2", "2", copied, "one two three"]
    found = measure_responses(recipe, WordTokenizer(), rows, answers)
    assert found["repeats_six_words"] == 0.25
    assert found["distinct"] == 0.75
    assert found["short"] == pytest.approx((0 + 0 - 5 / 6 - 1 / 6) / 4)  # words of 8, from 2 on
    correct = split(recipe.rewards).reward_funcs[-1].__name__
    assert found[correct] == 0.5
