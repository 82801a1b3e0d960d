"""Prompts as tokens."""

from __future__ import annotations

from rewardkit.train.recipe_sections import Training
from rewardkit.train.tokens import drop_long_prompts, find_role_tokens
from tiny_run import WordTokenizer


def test_prompts_beyond_the_quantile_are_dropped() -> None:
    training = Training(learning_rate=1e-2, num_generations=4, prompt_quantile=0.9)
    rows = [{"prompt": [{"role": "user", "content": "w " * n}]} for n in [*range(1, 10), 100]]
    notes: list[str] = []
    kept, limit = drop_long_prompts(training, rows, WordTokenizer(), notes)
    assert kept == rows[:9]
    assert limit == 9 + 1
    assert notes == ["prompts: 9 of 10 have at most 10 tokens and are used"]


def test_think_and_role_tokens_are_found() -> None:
    assert find_role_tokens(WordTokenizer()) == {
        "reasoning_start": "<think>",
        "reasoning_end": "</think>",
        "user": "<|User|>",
        "assistant": "<|Assistant|>",
    }
