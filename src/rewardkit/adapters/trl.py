"""TRL: a monitor of a run, a sum as separate reward functions, a reward as an async function.

None of them is needed to train: GRPOTrainer, RLOOTrainer and AsyncGRPOTrainer take a reward as it
is in `reward_funcs`, and call it with the signature of `Reward.__call__` (in `reward.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from rewardkit._messages import make_names_unique
from rewardkit.adapters.monitor import RewardMonitor
from rewardkit.component import explain_not_a_reward
from rewardkit.reward import Linear, Reward

__all__ = ["RewardMonitor", "Split", "as_async", "split"]

_EXPECTED = "a reward or a list of them"
_UNPACK_MESSAGE = (
    "split(...) gives two lists, so it needs unpacking: funcs, weights = split(...); then"
    " reward_funcs=funcs in the trainer and reward_weights=weights in its arguments"
)


class _FunctionsAndWeights(NamedTuple):
    reward_funcs: list[Reward]
    reward_weights: list[float]


# A class of its own, since a NamedTuple's body cannot define `__name__`.
class Split(_FunctionsAndWeights):
    """The terms of a sum, for `reward_funcs`, and their weights, for `reward_weights`."""

    __slots__ = ()

    # A trainer that is given the pair takes it for one reward: it asks for the name first, and
    # calls it after a whole generation.
    @property
    def __name__(self) -> str:
        """Raise TypeError: the pair is not a reward."""
        raise TypeError(_UNPACK_MESSAGE)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Raise TypeError: the pair is not a reward."""
        raise TypeError(_UNPACK_MESSAGE)


def split(rewards: Reward | Sequence[Reward]) -> Split:
    """Return the terms of a sum, or of several, each with its weight and a name of its own.

    TRL then logs each term by itself, and `multi_objective_aggregation="normalize_then_sum"`
    normalises each by itself. A sum's bias is left out: the same constant on every row changes no
    advantage. Equal names are numbered, since TRL would merge them in its logs; the terms of a sum
    with `log_why` log theirs.

    >>> from rewardkit.rewards import Length, XmlStrict
    >>> funcs, weights = split(XmlStrict() + 0.5 * Length(target=9))
    >>> weights
    [1.0, 0.5]
    """
    terms: list[tuple[Reward, Reward]] = []  # each with the sum that it is a term of, or itself
    weights: list[float] = []
    for reward in [rewards] if isinstance(rewards, Reward) else _check_list(rewards):
        if not isinstance(reward, Reward):
            raise TypeError(explain_not_a_reward(reward, _EXPECTED))
        for term, weight in reward.weighted if isinstance(reward, Linear) else [(reward, 1.0)]:
            terms.append((term, reward))
            weights.append(weight)
    funcs = []
    names = make_names_unique(term.__name__ for term, _ in terms)
    for (term, reward), name in zip(terms, names, strict=True):
        changes: dict[str, Any] = {} if name == term.__name__ else {"name": name}
        if reward.log_why and not term.log_why:
            changes["log_why"] = True
        # an unchanged term stays the same object, so that what it has cached is kept
        funcs.append(term.model_copy(update=changes) if changes else term)
    return Split(funcs, weights)


def _check_list(rewards: Any) -> Sequence[Any]:
    if isinstance(rewards, list | tuple):
        return rewards
    raise TypeError(explain_not_a_reward(rewards, _EXPECTED))


def as_async(reward: Reward) -> Callable[..., Awaitable[list[float | None]]]:
    """Return a real `async def` function that scores in a thread, under the reward's name.

    TRL awaits all async rewards together, so slow ones (a judge, a sandbox) overlap. The function
    does not pickle; AsyncGRPOTrainer, which pickles its rewards, runs plain ones in threads itself.

    >>> from rewardkit.rewards import Length
    >>> asyncio.run(as_async(Length(target=4))(completions=["four"]))
    [0.0]
    """
    if not isinstance(reward, Reward):
        raise TypeError(explain_not_a_reward(reward))

    async def score(*completions: Any, **batch: Any) -> list[float | None]:
        return await asyncio.to_thread(reward, *completions, **batch)

    score.__name__ = score.__qualname__ = reward.__name__
    score.__doc__ = type(reward).__doc__
    return score
