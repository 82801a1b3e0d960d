"""verifiers and prime-rl: rewards as a scoring method of a Task."""

from __future__ import annotations

import asyncio
from typing import Any

from rewardkit._messages import explain_missing_column, make_names_unique
from rewardkit._optional import require
from rewardkit.adapters._rows import System, make_scorer
from rewardkit.scorer import Rewards

_VERIFIERS = System("verifiers", prompts=True)


def make_reward(rewards: Rewards, data: Any) -> Any:
    """Return a method for a Task that records each reward with its name and weight.

    `data` is the Task's data class, whose fields are the columns:
    `score_rewards = make_reward("rewards.yaml", MathData)` in the Task's body. A reward that
    abstains is left out of the trace's rewards; reasons go to `trace.info["why"]`, timeouts and
    references that cannot be read among them.

    Raises ValueError for a field that the data class lacks, and for rewards that cannot score a
    trace by itself; ImportError without verifiers.
    """
    verifiers = require("verifiers.v1", install="verifiers")
    scorer = make_scorer(rewards, _VERIFIERS)
    for name in scorer.dataset_columns:
        if name not in data.model_fields:
            message = f"{data.__name__} has {explain_missing_column(name, data.model_fields)}"
            raise ValueError(message)

    (bias,) = make_names_unique(["bias"], [term.name for term in scorer.terms])

    async def score_rewards(_self: Any, task: Any, trace: Any) -> dict[str, float]:
        columns = {name: getattr(task, name) for name in scorer.dataset_columns}
        # the last reply as it is: `trace.last_reply` takes white space off, which rewards may read
        replies = trace.assistant_messages
        completion = (replies[-1].content or "") if replies else ""
        prompt = task.prompt_text
        scores = await asyncio.to_thread(
            lambda: scorer.score_row(completion, prompt=prompt, **columns)
        )
        for term in scorer.terms:
            value = scores.values[term.name]
            if value is not None:
                trace.record_reward(term.name, value, term.weight)
        if scorer.bias and scores.total is not None:
            trace.record_reward(bias, scorer.bias)
        trace.info["why"] = {name: why for name, why in scores.whys.items() if why}
        return {}  # all is recorded already, each with a weight of its own

    return verifiers.reward(score_rewards)
