"""NeMo Gym: rewards as a resource server, which answers POST /verify.

```python title="app.py"
from rewardkit.adapters.nemo_gym import make_server

RewardServer = make_server("rewards.yaml", columns=["answer"])
if __name__ == "__main__":
    RewardServer.run_webserver()
```
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ConfigDict

from rewardkit._messages import error_line, explain_missing_column
from rewardkit._optional import require
from rewardkit.adapters._rows import RowScorer, System, list_names, make_scorer
from rewardkit.scorer import Rewards

_NEMO_GYM = System("NeMo Gym")
_FAILURE_KIND = "verifier_error"
_FIELDS_OF_ANSWERS = (
    *("reward", "reward_components", "response", "responses_create_params", "capture_rollout_id"),
    *("mask_sample", "failure_kind", "failure_reason"),
)


def make_server(rewards: Rewards, *, columns: Iterable[str], abstained: float = 0.0) -> Any:
    """Return a class of resource servers that give the total and every part by name.

    `columns` are the dataset's fields, beside the request; a reward that reads another
    is refused here. A row where all abstain has `mask_sample`, and `abstained` as its number; a
    part that abstains is not among `reward_components`. After a timeout, an unreadable reference
    or an exception, `failure_kind` is `verifier_error` and `failure_reason` has the reason.

    Raises ValueError for rewards that cannot score rows one by one, ImportError without nemo_gym.
    """
    base = require("nemo_gym.base_resources_server", install="nemo-gym")
    read = make_scorer(rewards, _NEMO_GYM).dataset_columns
    present = list_names(columns)
    for name in read:
        if name not in present:
            raise ValueError(explain_missing_column(name, present))
    scorer = RowScorer(
        rewards, _NEMO_GYM, columns=read, abstained=abstained, reserved=_FIELDS_OF_ANSWERS
    )
    # no class of NeMo Gym's names the dataset's fields, and it would drop them
    options = {"model_config": ConfigDict(extra="allow"), "__module__": __name__}
    request = type("RewardRequest", (base.BaseVerifyRequest,), dict(options))
    answer = type("RewardAnswer", (base.BaseMultiRewardVerifyResponse,), dict(options))

    async def verify(_self: Any, body: Any) -> Any:
        fields = body.model_dump()
        found = await asyncio.to_thread(_score_response, scorer, body, fields)
        return answer(**{**fields, **found})

    # FastAPI reads the classes of the request and the answer here
    verify.__annotations__ = {"body": request, "return": answer}
    return type(
        "RewardServer",
        (base.SimpleResourcesServer,),
        {"verify": verify, "__module__": __name__, "__doc__": f"Scores with {scorer.scorer!r}."},
    )


def _score_response(scorer: RowScorer, body: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        scored = scorer.score(body.response.output_text, None, row)
    except Exception as error:  # noqa: BLE001 - a status of 500 would say nothing of the reason
        failed = {"mask_sample": True, "failure_kind": _FAILURE_KIND}
        failed |= {"failure_reason": error_line(error), "reward_components": {}}
        return {"reward": scorer.abstained, **failed}
    parts = {name: value for name, value in scored.parts.items() if not math.isnan(value)}
    found: dict[str, Any] = {"reward": scored.total, "reward_components": parts, **parts}
    if scored.failure:
        reason = "; ".join(f"{name}: {why}" for name, why in scored.whys.items())
        found |= {"failure_kind": _FAILURE_KIND, "failure_reason": reason}
    return {**found, "mask_sample": scored.abstained}
