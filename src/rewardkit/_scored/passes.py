"""Which completions pass, the pass rate of a group, and pass@k."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rewardkit._messages import explain_missing_column
from rewardkit.component import walk
from rewardkit.reward import Reward

# What people call the reward for a right answer, where nothing else says which one it is.
USUAL_NAMES = ("correct", "accura", "right")
# The highest value may be 0.1 + 0.2 in the file and 0.3 in the reward.
TOLERANCE = 1e-9


RATE_COLUMN = "pass_rate"
"""The column of the pass rate of the row's group, where groups are known."""


class PassRule(NamedTuple):
    """When a completion passes: its value of one reward is at least so high."""

    reward: str
    """The reward's name."""
    least: float
    """The lowest value that passes."""

    def passed(self, value: float | None) -> bool | None:
        """Return whether a value passes, None for a row on which the reward abstained."""
        return None if value is None else value >= self.least - TOLERANCE


class PassAtK(NamedTuple):
    """The mean of pass@k over the groups that have at least k completions."""

    k: int
    value: float
    groups: int
    """How many groups that are."""


class PassRates(NamedTuple):
    """How often the completions of a prompt pass."""

    reward: str
    """The reward that decides."""
    least: float
    """Its lowest value that passes."""
    groups: int
    """How many groups have a completion with a value."""
    never: float
    """The share of groups in which none passes."""
    always: float
    """The share of groups in which all pass."""
    pass_at: tuple[PassAtK, ...]
    """pass@1, which is the mean pass rate, then for k = 2, 4, 8 and so on."""
    majority: float | None = None
    """The share of groups whose most frequent answer is right; None if answers were not read."""


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the probability that at least one of k samples passes, when `passed` of all did.

    The unbiased estimator 1 - C(n - c, k) / C(n, k) of Chen et al., 2021, "Evaluating Large
    Language Models Trained on Code", equation 1. Raises ValueError unless 1 <= k <= samples and
    0 <= passed <= samples.

    >>> pass_at_k(4, 1, 2)  # 3 of the 6 pairs have the one that passed
    0.5
    """
    if not (1 <= k <= samples and 0 <= passed <= samples):
        given = f"got samples={samples}, passed={passed}, k={k}"
        raise ValueError(f"{given}, expected 1 <= k <= samples and 0 <= passed <= samples")
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def summarize_passes(
    rule: PassRule, counts: Mapping[tuple[int, int], int], majority: float | None = None
) -> PassRates | None:
    """Summarize groups, given how many there are with n completions of which c pass.

    None if there are none.

    >>> rates = summarize_passes(PassRule("right", 1.0), {(4, 1): 1, (4, 0): 1})
    >>> rates.never, rates.pass_at
    (0.5, (PassAtK(k=1, value=0.125, ...), PassAtK(k=2, value=0.25, ...), PassAtK(k=4, ...)))
    """
    known = {sizes: count for sizes, count in counts.items() if sizes[0]}
    total = sum(known.values())
    if not total:
        return None
    passes = []
    k = 1
    # As far as half of the groups reach: beyond that the mean is over few prompts, and others.
    while (reached := sum(n for (size, _), n in known.items() if size >= k)) * 2 >= total:
        values = (pass_at_k(*sizes, k) * n for sizes, n in known.items() if sizes[0] >= k)
        passes.append(PassAtK(k, math.fsum(values) / reached, reached))
        k *= 2
    never = sum(count for (_, passed), count in known.items() if not passed)
    always = sum(count for (size, passed), count in known.items() if passed == size)
    return PassRates(
        *rule, total, never / total, always / total, pass_at=tuple(passes), majority=majority
    )


def count_passes(
    rule: PassRule, groups: Iterable[Iterable[float | None]]
) -> Counter[tuple[int, int]]:
    """Count the groups by how many of their values are known, and how many of those pass."""
    counts: Counter[tuple[int, int]] = Counter()
    for values in groups:
        outcomes = [rule.passed(value) for value in values if value is not None]
        counts[len(outcomes), sum(map(bool, outcomes))] += 1
    return counts


def rule_of(name: str, reward: Any) -> PassRule | None:
    """Return the rule of a reward for right answers: `correct`, or a wrapper around one."""
    if not isinstance(reward, Reward):
        return None
    for part in walk(reward):
        # The value of a right answer, which a bonus for short ones does not have.
        least = getattr(part, "correct", None)
        if hasattr(part, "verifier") and isinstance(least, int | float):
            return PassRule(name, min(float(least), reward.bounds[1]))
    return None


def choose_reward(
    names: Sequence[str],
    rewards: Mapping[str, Any],
    wanted: str | None = None,
    *,
    guess: bool = True,
) -> str | None:
    """Choose the reward that says whether a completion passes, None if that is not clear.

    `names` are the file's rewards, `rewards` those that are known as objects. Unless one is wanted,
    it is the first `correct` among the objects, else the only one with "correct", "accuracy" or
    "right" in its name, else, as a guess, the only reward. Raises ValueError for an unknown name.
    """
    if wanted is not None:
        if wanted not in names:
            raise ValueError(f"pass_reward={wanted!r}: {explain_missing_column(wanted, names)}")
        return wanted
    by_object = [name for name in names if rule_of(name, rewards.get(name))]
    by_name = [name for name in names if any(word in name.lower() for word in USUAL_NAMES)]
    for found in (by_object[:1], by_name, names if guess else ()):
        if len(found) == 1:
            return found[0]
    return None


def make_rule(
    reward: str,
    rewards: Mapping[str, Any],
    values: Iterable[float | None],
    least: float | None = None,
) -> PassRule:
    """Make the rule of a reward: what passes is `least`, else the value of a right answer.

    If that is not known, it is the highest of the values. Warns if there are values above 0, and
    none is as high as the `least` that was given.

    >>> make_rule("accuracy", {}, [0.0, None, 2.0])
    PassRule(reward='accuracy', least=2.0)
    """
    if least is not None:
        highest = max((value for value in values if value is not None), default=None)
        # Where the highest is 0, all completions may be wrong; above it, the limit is.
        if highest is not None and 0 < highest < least - TOLERANCE:
            message = f"no completion passes: the highest {reward} is {highest:g}, and the lowest"
            warnings.warn(f"{message} value that passes is {least:g}", UserWarning, stacklevel=3)
        return PassRule(reward, least)
    if rule := rule_of(reward, rewards.get(reward)):
        return rule
    highest = max((value for value in values if value is not None), default=1.0)
    # Where nothing was ever right, the highest value is that of a wrong answer.
    return PassRule(reward, highest if highest > 0 else 1.0)
