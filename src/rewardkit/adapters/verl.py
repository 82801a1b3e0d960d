"""verl: `compute_score`, which verl loads by the path `pkg://rewardkit.adapters.verl`.

```yaml
reward:
  custom_reward_function:
    path: pkg://rewardkit.adapters.verl
    name: compute_score
    reward_kwargs: {rewards: /data/rewards.yaml}
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from rewardkit.adapters._rows import RowScorer, System, list_names

_VERL = System("verl")


def compute_score(  # noqa: PLR0913 - verl's keywords, and reward_kwargs
    data_source: Any,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    rewards: str,
    columns: Iterable[str] = (),
    abstained: float = 0.0,
    **_: Any,
) -> dict[str, float]:
    """Return a sample's total as `score`, and each part's value by name.

    `rewards` is the path of a YAML file, best an absolute one, since Ray's workers have folders of
    their own; or the address of a `rewardkit serve`, http://HOST:PORT. `columns` names those that
    are in `extra_info` (or `data_source`); the one other column that the rewards read gets the
    ground truth. verl needs a number with the same keys for each sample: a part that abstains is
    NaN, and the total `abstained` where all do; `timeout` and `bad_reference` are 1.0 for samples
    that could not be judged.

    Raises ValueError at the first sample for rewards that verl cannot call, ColumnError for a
    column that a sample lacks.
    """
    scorer = _make_scorer(rewards, tuple(list_names(columns)), abstained)
    row = {"data_source": data_source, **(extra_info or {})}
    scored = scorer.score(solution_str, ground_truth, row)
    failures = {name: float(scored.failure == name) for name in ("timeout", "bad_reference")}
    return {"score": scored.total, **scored.parts, **failures}


@lru_cache
def _make_scorer(rewards: str, columns: tuple[str, ...], abstained: float) -> RowScorer:
    reserved = ("score", "acc", "timeout", "bad_reference")
    return RowScorer(rewards, _VERL, columns=columns, abstained=abstained, reserved=reserved)
