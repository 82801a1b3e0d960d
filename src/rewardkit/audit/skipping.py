"""Findings that the caller accepts: by kind or entry, for all rewards or for one."""

from __future__ import annotations

from collections.abc import Collection

from rewardkit._messages import did_you_mean


class Skip:
    """Whether a finding is left out: by a name alone, or by `NAME:REWARD` for one reward.

    Raises ValueError for a name or a reward that there is not.

    >>> skipped = Skip(["raises", "slow:brief"], ["raises", "slow"], ["brief", "right"])
    >>> skipped("raises", reward="right"), skipped("slow", reward="right")
    (True, False)
    """

    def __init__(
        self, skip: Collection[str], names: Collection[str], rewards: Collection[str] = ()
    ) -> None:
        """Check the names: `names` are those of findings."""
        # A text would be a collection of its letters.
        skip = [skip] if isinstance(skip, str) else skip
        self._everywhere: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()
        for item in skip:
            # the first colon, since a reward's name may hold one
            name, colon, reward = item.partition(":")
            if name not in names:
                near = did_you_mean(name, sorted(names))
                message = f"skip: no kind, entry or family {name!r}{near}"
                raise ValueError(message)
            if colon and rewards and reward not in rewards:
                near = did_you_mean(reward, rewards)
                message = f"skip: no reward {reward!r}{near}; there are {', '.join(rewards)}"
                raise ValueError(message)
            if colon:
                self._pairs.add((name, reward))
            else:
                self._everywhere.add(name)

    def __call__(self, *names: str, reward: str) -> bool:
        """Return whether a finding of the reward is left out, by any of its names."""
        return self.skips_everywhere(*names) or any((name, reward) in self._pairs for name in names)

    def skips_everywhere(self, *names: str) -> bool:
        """Return whether findings of any of these names are left out for all rewards."""
        return not self._everywhere.isdisjoint(names)
