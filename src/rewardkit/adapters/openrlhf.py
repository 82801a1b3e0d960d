"""OpenRLHF: `reward_func`, for the file that `--reward.remote_url` names.

```python title="reward.py"
from rewardkit.adapters.openrlhf import make_reward_func

reward_func = make_reward_func("rewards.yaml")  # --reward.remote_url reward.py
```
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from rewardkit._messages import error_line
from rewardkit._optional import require
from rewardkit.adapters._openrlhf import (
    END_TOKENS,
    OPENRLHF,
    RESERVED,
    cut_completion,
    list_totals_and_logs,
)
from rewardkit.adapters._rows import RowScorer, ScoredRow
from rewardkit.scorer import Rewards

_logger = logging.getLogger("rewardkit.openrlhf")


def make_reward_func(
    rewards: Rewards, *, abstained: float = 0.0, end_tokens: Sequence[str] = END_TOKENS
) -> Callable[[Sequence[str], Sequence[str], Sequence[Any]], dict[str, Any]]:
    """Return a function (queries, prompts, labels) that gives `rewards`, `scores`, `extra_logs`.

    A query is the prompt and the completion with special tokens; the completion is what follows the
    prompt, without `end_tokens` at its end. The label is the ground truth. OpenRLHF needs a number:
    a total where all abstain is `abstained`. In `extra_logs`, whose means OpenRLHF logs, a part
    that abstains is 0.0, and its `NAME/abstained` is 1.0; `timeout` and `bad_reference` are 1.0 for
    rows that could not be judged. OpenRLHF would swallow an exception, so a row that raises is
    reported as an error in the log and counts as abstained, with 1.0 in `failed`.

    Raises ValueError for rewards that need more than a label and a prompt, and at once, when the
    file is loaded; ImportError without torch.
    """
    torch = require("torch", install="torch")
    scorer = RowScorer(rewards, OPENRLHF, abstained=abstained, reserved=RESERVED)

    def score_query(query: str, prompt: str, label: Any) -> ScoredRow | None:
        try:
            completion = cut_completion(query, prompt, end_tokens)
            return scorer.score(completion, label, {}, prompt=prompt)
        except Exception as error:  # noqa: BLE001 - OpenRLHF would log it as information, and go on
            _logger.error("a row is not scored: %s", error_line(error))  # noqa: TRY400 - one line
            return None

    def reward_func(
        queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]
    ) -> dict[str, Any]:
        rows = [score_query(*row) for row in zip(queries, prompts, labels, strict=True)]
        totals, logs = list_totals_and_logs(scorer, rows)
        rewards = torch.tensor(totals)
        extra_logs = {name: torch.tensor(values) for name, values in logs.items()}
        return {"rewards": rewards, "scores": rewards, "extra_logs": extra_logs}

    return reward_func
