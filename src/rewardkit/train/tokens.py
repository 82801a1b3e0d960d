"""Prompts as tokens: their ids, their length limit, and the model's special tokens."""

from __future__ import annotations

import math
from typing import Any

from rewardkit.train.recipe import RecipeError
from rewardkit.train.recipe_sections import Row, Training


def encode_prompt(tokenizer: Any, prompt: Any) -> list[int]:
    """Encode a text, or messages with the tokenizer's chat template."""
    is_chat = not isinstance(prompt, str)
    options = {"tokenize": False, "add_generation_prompt": True}
    text = tokenizer.apply_chat_template(prompt, **options) if is_chat else prompt
    # a chat template writes its own special tokens; twice would be another prompt
    return list(tokenizer(text, add_special_tokens=not is_chat)["input_ids"])


def drop_long_prompts(
    training: Training, rows: list[Row], tokenizer: Any, notes: list[str]
) -> tuple[list[Row], int | None]:
    """Return the rows whose prompts are short enough, and the limit in tokens, None for none."""
    limit, quantile = training.max_prompt_length, training.prompt_quantile
    if limit is None and quantile is None:
        return rows, None
    lengths = [len(encode_prompt(tokenizer, row["prompt"])) for row in rows]
    if limit is None:
        limit = sorted(lengths)[math.ceil((quantile or 1) * len(lengths)) - 1] + 1
    kept = [row for row, length in zip(rows, lengths, strict=True) if length <= limit]
    if not kept:
        raise RecipeError(f"training.max_prompt_length: all prompts are longer than {limit} tokens")
    notes.append(f"prompts: {len(kept)} of {len(rows)} have at most {limit} tokens and are used")
    return kept, limit


def find_role_tokens(tokenizer: Any) -> dict[str, str]:
    """Find the think and role tokens among those that a model adds to its vocabulary."""
    found = {}
    for token in sorted(tokenizer.get_added_vocab()):
        if "think" in token.lower():
            found["reasoning_end" if "/" in token else "reasoning_start"] = token
        found |= {role: token for role in ("user", "assistant") if role in token.lower()}
    return found
