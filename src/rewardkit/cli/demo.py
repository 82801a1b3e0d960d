"""What `rewardkit demo` scores: completions as of a model that learns to add and to lay it out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any


def completions(*, steps: int = 12, prompts: int = 8, group: int = 8) -> Iterator[dict[str, Any]]:
    """Yield rows as TRL logs them: a group of completions for each prompt, step by step.

    Each part of a completion is right with a chance that grows over the steps. The same rows come
    every time.

    >>> row = next(completions())
    >>> row["step"], row["prompt"], row["answer"]
    (1, '17 + 63 =', '80')
    """
    rng = random.Random(3407)  # noqa: S311 - no secrets
    for step in range(1, steps + 1):
        for _ in range(prompts):
            left, right = rng.randint(10, 99), rng.randint(10, 99)
            for _ in range(group):
                yield {
                    "step": step,
                    "prompt": f"{left} + {right} =",
                    "completion": _completion(left, right, step / steps, rng),
                    "answer": str(left + right),
                }


def _completion(left: int, right: int, skill: float, rng: random.Random) -> str:
    """Return a completion each of whose parts may be off, the less often the greater the skill."""

    def pick(wanted: str, *others: str) -> str:
        return wanted if rng.random() < 0.35 + 0.6 * skill else rng.choice(others)

    units = left % 10 + right % 10
    total = left + right
    return "".join(
        [
            pick("<reasoning>\n", "<reasoning>", "Let us see. "),
            f"{left % 10} + {right % 10} = {units}, {left // 10} + {right // 10} tens",
            pick("\n</reasoning>\n", "</reasoning> ", " "),
            pick("<answer>\n", "<answer>", "The answer is "),
            pick(str(total), str(total - units // 10 * 10), str(total + 1), f"about {total}", ""),
            pick("\n</answer>", "</answer>", "", "</answer> I hope that this helps!"),
        ]
    )
