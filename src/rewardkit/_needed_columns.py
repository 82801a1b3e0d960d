"""What a reward needs of a row: the dataset's columns, the prompt, the token ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rewardkit.batch import Batch
from rewardkit.component import Component, columns, walk
from rewardkit.reward import Reward
from rewardkit.rewards.wrappers import Where, Wrapped, list_required_parameters

# What a trainer passes to a function by itself, so that these names are not dataset columns.
TRAINER_KEYWORDS = {"prompts", "completions", "completion_ids", "trainer_state"}
TRAINER_KEYWORDS |= {"log_extra", "log_metric", "environments", "args", "kwargs"}


def list_dataset_columns(reward: Any, row: Mapping[str, Any] | None = None) -> list[str]:
    """Return the dataset columns that a reward reads; of a function, those without a default.

    With a row, those that it reads in this row: a reward within `where` reads only rows that match.
    """
    if not isinstance(reward, Reward):
        return [name for name in list_required_parameters(reward) if name not in TRAINER_KEYWORDS]

    def enter(part: Component) -> bool:
        return row is None or not isinstance(part, Where) or row.get(part.column) == part.equals

    named = map(str, columns(reward, enter))
    return [*dict.fromkeys([*named, *_list_wrapped_columns(reward, enter)])]


def list_reference_columns(reward: Any) -> list[str]:
    """Return those of the columns that may hold a ground truth: no counts, no conditions."""
    if isinstance(reward, Reward):
        # a ground truth in the column that `where` compares would skip every row
        conditions = {part.column for part in walk(reward) if isinstance(part, Where)}
        named = [
            str(column)
            for column in columns(reward)
            if not column.holds_numbers and column not in conditions
        ]
        return [*dict.fromkeys([*named, *_list_wrapped_columns(reward)])]
    return list_dataset_columns(reward)


def _list_wrapped_columns(
    reward: Reward, enter: Callable[[Component], bool] | None = None
) -> list[str]:
    functions = [part.function for part in walk(reward, enter) if isinstance(part, Wrapped)]
    return [name for function in functions for name in list_dataset_columns(function)]


def list_trainer_columns(reward: Any) -> list[str]:
    """Return which of `prompt` and `completion_ids` a reward cannot do without."""
    if not isinstance(reward, Reward):
        required = {*list_required_parameters(reward)}
        named = {"prompt": "prompts", "completion_ids": "completion_ids"}
        return [column for column, name in named.items() if name in required]
    found = {
        "prompt": reward.reads_prompt,
        "completion_ids": any(map(counts_token_ids, walk(reward))),
    }
    return [column for column, is_read in found.items() if is_read]


def check_parameters(function: Callable[..., Any], batch: Batch) -> None:
    """Raise, as a reward that reads a column does, if the batch lacks one that a function needs."""
    for name in list_dataset_columns(function):
        batch.column(name)
    from_trainer = list_trainer_columns(function)
    if "prompt" in from_trainer:
        batch.groups()
    if "completion_ids" in from_trainer:
        batch.tokens()


def counts_token_ids(part: Component) -> bool:
    """Return whether a component by itself needs the trainer's token ids."""
    if isinstance(part, Wrapped):
        return "completion_ids" in list_required_parameters(part.function)
    if part.registered_name == "overlong":
        return getattr(part, "tokens", None) is None  # else a column has their number
    return getattr(part, "unit", None) == "tokens"
