"""What a reward reads of a row: the dataset's columns, the prompt, the token ids."""

from __future__ import annotations

import inspect
from typing import Any

from rewardkit.component import Component, columns, walk
from rewardkit.reward import Reward

# What a trainer passes to a function by itself, so that these names are no dataset columns.
TRAINER_ARGUMENTS = {"prompts", "completions", "completion_ids", "trainer_state"}
TRAINER_ARGUMENTS |= {"log_extra", "log_metric", "environments", "args", "kwargs"}
# The registered names of the rewards that find groups by their prompts, and of those that read the
# prompt's text, unless a field leaves it out.
_READ_GROUPS = {"best_of", "difficulty", "diversity", "kimi_length", "relative", "relative_judge"}
_READ_TEXTS = {"judge", "prompt_overlap", "reward_model"}


def list_dataset_columns(reward: Any) -> list[str]:
    """Return the dataset columns that a reward reads; of a function, those without a default."""
    if isinstance(reward, Reward):
        return [str(column) for column in columns(reward)]
    return [name for name in required_parameters(reward) if name not in TRAINER_ARGUMENTS]


def list_reference_columns(reward: Any) -> list[str]:
    """Return those of the columns that may hold a ground truth: not those of counts."""
    if isinstance(reward, Reward):
        return [str(column) for column in columns(reward) if not column.holds_numbers]
    return list_dataset_columns(reward)


def list_trainer_columns(reward: Any) -> list[str]:
    """Return which of `prompt` and `completion_ids` a reward cannot do without."""
    if not isinstance(reward, Reward):
        required = {*required_parameters(reward)}
        named = {"prompt": "prompts", "completion_ids": "completion_ids"}
        return [column for column, name in named.items() if name in required]
    parts = [*walk(reward)]
    found = {
        "prompt": any(map(reads_prompt, parts)),
        "completion_ids": any(map(counts_token_ids, parts)),
    }
    return [column for column, is_read in found.items() if is_read]


def required_parameters(function: Any) -> list[str]:
    """Return a function's parameters that are passed by name and have no default."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions written in C have no signature
        return []
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name
        for name, parameter in parameters.items()
        if parameter.kind in by_name and parameter.default is inspect.Parameter.empty
    ]


def reads_prompt(part: Component) -> bool:
    """Return whether a component by itself reads the prompt."""
    name = part.registered_name
    return name in _READ_GROUPS or (name in _READ_TEXTS and getattr(part, "show_prompt", True))


def counts_token_ids(part: Component) -> bool:
    """Return whether a component by itself counts the trainer's token ids."""
    if part.registered_name == "overlong":
        return getattr(part, "tokens", None) is None  # else a column has their number
    return getattr(part, "unit", None) == "tokens"
