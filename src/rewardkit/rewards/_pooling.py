"""The requests of `reward_model` to a server of classification models, such as vLLM's, and replies.

vLLM documents the routes under "Pooling Models".
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from rewardkit._messages import shorten_repr, shorten_text
from rewardkit.rewards._classifier import Row, build_conversation
from rewardkit.rewards._replies import ReplyError

_VALUE_KEYS = {"score", "data", "probs", "embedding"}


def build_body(model: str, route: str, row: Row) -> dict[str, Any]:
    """Return the body of a request about one row."""
    if route == "score":
        prompt, text = row
        return {
            "model": model,
            "text_1": "\n".join(content for _, content in prompt),
            "text_2": text,
        }
    return {"model": model, "messages": build_conversation(row)}


def read_value(reply: Any, label: str | int | None) -> float:
    """Return the number of a server's reply about one row; ReplyError for anything else."""
    try:
        (data,) = reply["data"]
        (name,) = _VALUE_KEYS & data.keys()
    except (AttributeError, KeyError, TypeError, ValueError):
        message = f"the reply is none about one text; is the route right? got {reply!r}"
        raise ReplyError(shorten_text(message, 160)) from None
    values = data[name]
    while isinstance(values, list) and len(values) == 1 and isinstance(values[0], list):
        (values,) = values  # pooling gives a list per token, or one for all
    numbers = values if isinstance(values, list) else [values]
    if label is None and len(numbers) != 1:
        raise ReplyError(f"the reply has {len(numbers)} numbers; name one by label=")
    index = 0 if label is None else label
    if not isinstance(index, int) or index >= len(numbers):
        raise ReplyError(f"the reply has {len(numbers)} numbers, and none at {label!r}")
    if type(numbers[index]) not in (int, float) or not isfinite(numbers[index]):
        raise ReplyError(f"the reply has {shorten_repr(numbers[index])} in place of a number")
    return float(numbers[index])
