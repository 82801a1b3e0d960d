"""OpenRLHF: `reward_func`, for the file that `--reward.remote_url` names.

```python title="reward.py"
from rewardkit.adapters.openrlhf import make_reward_func

reward_func = make_reward_func("rewards.yaml")  # --reward.remote_url reward.py
```
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

from rewardkit._messages import error_line
from rewardkit._optional import require
from rewardkit.adapters._rows import RowScorer, ScoredRow, System
from rewardkit.scorer import Rewards

END_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "<|return|>"),
    *(
        "</s>",
        "<eos>",
        "<end_of_turn>",
        "<pad>",
        "<\N{FULLWIDTH VERTICAL LINE}end▁of▁sentence\N{FULLWIDTH VERTICAL LINE}>",
    ),
)
"""The special tokens that are taken off the end of a completion."""
_MAX_START = 32  # characters of a token before the prompt; and of a query's start that identify it
OPENRLHF = System("OpenRLHF", prompts=True)
RESERVED = ("reward", "score", "timeout", "bad_reference", "failed", "response_clip_ratio")
"""Names in OpenRLHF's logs that no part may have."""
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


def list_totals_and_logs(
    scorer: RowScorer, rows: Sequence[ScoredRow | None]
) -> tuple[list[float], dict[str, list[float]]]:
    """Return the totals and, by name, what OpenRLHF logs of rows; None is one that failed."""
    parts = dict.fromkeys(scorer.names.values(), math.nan)
    failed_row = ScoredRow(scorer.abstained, parts, {}, abstained=True, failure="")
    known = [row or failed_row for row in rows]
    logs: dict[str, list[float]] = {}
    for name in parts:
        values = [row.parts[name] for row in known]
        # OpenRLHF averages over rows, where one NaN would hide all other values.
        logs[name] = [0.0 if math.isnan(value) else value for value in values]
        logs[f"{name}/abstained"] = [float(math.isnan(value)) for value in values]
    for failure in ("timeout", "bad_reference"):
        logs[failure] = [float(row.failure == failure) for row in known]
    logs["failed"] = [float(row is None) for row in rows]
    return [row.total for row in known], logs


def cut_completion(query: str, prompt: str, end_tokens: Sequence[str] = END_TOKENS) -> str:
    """Return the text after the prompt in a query, without `end_tokens` at its end.

    Raises ValueError if the query does not begin with the prompt or an end of it.
    """
    return _strip_end(_cut_prompt(query, prompt), end_tokens)


def _cut_prompt(query: str, prompt: str) -> str:
    """Return the completion, which follows the prompt in a query.

    Raises ValueError if the query does not begin with the prompt or an end of it: what is of the
    prompt would be scored too.
    """
    # some tokenizers put a token before the prompt
    start = query.find(prompt, 0, len(prompt) + _MAX_START)
    if start >= 0:
        return query[start + len(prompt) :]
    # OpenRLHF cuts a long prompt at its front
    overlap = _find_overlap(prompt, query)
    if overlap < min(len(query), _MAX_START):
        message = f"the prompt, which ends in {prompt[-20:]!r}, is not in the query"
        raise ValueError(f"{message} {query[:40]!r}")
    return query[overlap:]


def _find_overlap(prompt: str, query: str) -> int:
    """Return the length of the longest end of the prompt that the query begins with."""
    # In linear time (Knuth, Morris and Pratt 1977): to compare every end would take hours for a
    # prompt that repeats itself.
    start = query[: len(prompt)]
    if not start:
        return 0
    shorter, known = [0] * len(start), 0
    for index in range(1, len(start)):
        while known and start[index] != start[known]:
            known = shorter[known - 1]
        known += start[index] == start[known]
        shorter[index] = known
    matched = 0
    for character in prompt:
        while matched and (matched == len(start) or character != start[matched]):
            matched = shorter[matched - 1]
        matched += character == start[matched]
    return matched


def _strip_end(text: str, tokens: Sequence[str]) -> str:
    end = len(text)
    while token := next((each for each in tokens if text.endswith(each, 0, end)), ""):
        end -= len(token)
    return text[:end]
