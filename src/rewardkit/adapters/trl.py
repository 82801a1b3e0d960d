"""TRL: a sum as separate reward functions, and a reward as an async function.

Neither is needed to train: a reward goes straight into `reward_funcs` of GRPOTrainer, RLOOTrainer
and AsyncGRPOTrainer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from rewardkit.reward import Linear, Reward, numbered


class Split(NamedTuple):
    """The terms of a sum, for `reward_funcs`, and their weights, for `reward_weights`."""

    reward_funcs: list[Reward]
    reward_weights: list[float]


def split(rewards: Reward | Sequence[Reward]) -> Split:
    """Return the terms one by one, each with its weight and a name of its own.

    TRL then logs each by itself, and `multi_objective_aggregation="normalize_then_sum"` normalises
    each by itself. A sum's bias is left out: the same constant on every row changes no advantage.
    Equal names are numbered, since TRL would merge them in its logs; the terms of a sum with
    `log_why` log theirs.

    >>> from rewardkit import build
    >>> split(build("xml_strict") + 0.5 * build("length", target=9)).reward_weights
    [1.0, 0.5]
    """
    terms: list[tuple[Reward, Reward]] = []  # each with the sum that it is a term of, or itself
    weights: list[float] = []
    for reward in [rewards] if isinstance(rewards, Reward) else rewards:
        if not isinstance(reward, Reward):
            message = (
                f"got {reward!r} ({type(reward).__name__}), expected a reward or a list of them"
            )
            raise TypeError(message)
        for term, weight in reward.weighted if isinstance(reward, Linear) else [(reward, 1.0)]:
            terms.append((term, reward))
            weights.append(weight)
    funcs = []
    names = numbered(term.__name__ for term, _ in terms)
    for (term, reward), name in zip(terms, names, strict=True):
        changes: dict[str, Any] = {} if name == term.__name__ else {"name": name}
        if reward.log_why and not term.log_why:
            changes["log_why"] = True
        funcs.append(term.model_copy(update=changes) if changes else term)
    return Split(funcs, weights)


def as_async(reward: Reward) -> Callable[..., Awaitable[list[float | None]]]:
    """Return a real `async def` function that scores in a thread, under the reward's name.

    TRL awaits all async rewards together, so slow ones (a judge, a sandbox) overlap. It does not
    pickle; AsyncGRPOTrainer, which pickles its rewards, puts plain ones into threads by itself.

    >>> from rewardkit import build
    >>> asyncio.run(as_async(build("length", target=4))(completions=["four"]))
    [0.0]
    """

    async def score(**batch: Any) -> list[float | None]:
        return await asyncio.to_thread(reward, **batch)

    score.__name__ = score.__qualname__ = reward.__name__
    score.__doc__ = type(reward).__doc__
    return score
