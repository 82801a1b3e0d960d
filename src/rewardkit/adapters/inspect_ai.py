"""inspect_ai: a scorer that gives the total and every part, for the same YAML as in training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rewardkit._optional import require
from rewardkit.adapters._rows import RowScorer, System
from rewardkit.scorer import Rewards

_INSPECT = System("inspect_ai", prompts=True)


def rewardkit_scorer(rewards: Rewards, *, columns: Iterable[str] = ()) -> Any:
    """Return an inspect_ai Scorer whose value holds `total` and each part by name.

    `columns` names those that are in a sample's metadata; the one other column that the rewards
    read gets the target, all of it if there are several. A part that abstains is NaN, and so is the
    total where all do, which inspect_ai leaves out of its means; `reason` is then
    "scoring_failed", also after a timeout, and the explanation has every part's reason.

    Raises ValueError for rewards that cannot score a sample by itself, ImportError without
    inspect_ai.
    """
    anyio = require("anyio", install="inspect-ai")
    scorers = require("inspect_ai.scorer", install="inspect-ai")
    scorer = RowScorer(rewards, _INSPECT, columns=columns, abstained=math.nan, reserved=("total",))

    async def score(state: Any, target: Any) -> Any:
        reference = target[0] if len(target) == 1 else [*target]
        completion = state.output.completion

        def score_sample() -> Any:
            return scorer.score(
                completion, reference, state.metadata or {}, prompt=state.input_text
            )

        # a judge or a sandbox takes seconds, and the evaluation's other samples share the loop
        scored = await anyio.to_thread.run_sync(score_sample)
        return scorers.Score(
            value={"total": scored.total, **scored.parts},
            answer=completion,
            explanation="; ".join(f"{name}: {why}" for name, why in scored.whys.items()),
            reason="scoring_failed" if scored.abstained or scored.failure else None,
            metadata={"why": scored.whys},
        )

    def make_scorer() -> Any:
        return score

    metrics = {"*": [scorers.mean(), scorers.stderr()]}
    return scorers.scorer(metrics=metrics, name="rewardkit")(make_scorer)()
