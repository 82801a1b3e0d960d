"""verl: a function that verl loads by its path, of no file or of one of your own.

```yaml
reward:
  custom_reward_function:
    path: pkg://rewardkit.adapters.verl
    name: compute_score
    reward_kwargs: {rewards: /data/rewards.yaml}
```

verl passes `reward_kwargs` with the first sample, so that is when such rewards are checked. Those
of a file are checked when verl loads it, before a model is:

```python title="reward.py"
from rewardkit.adapters.verl import make_compute_score

compute_score = make_compute_score("/data/rewards.yaml")  # path: reward.py
```
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from rewardkit.adapters._rows import RowScorer, System, list_names
from rewardkit.scorer import Rewards

_VERL = System("verl")
_RESERVED = ("score", "acc", "timeout", "bad_reference")


def make_compute_score(
    rewards: Rewards, *, columns: Iterable[str] = (), abstained: float = 0.0
) -> Callable[..., dict[str, float | None]]:
    """Return a function of a sample, with verl's keywords, as `compute_score` is.

    `rewards` may be a path, the address of a `rewardkit serve`, or rewards; the other arguments are
    those of `compute_score`. Raises ValueError at once for rewards that verl cannot call.
    """
    scorer = RowScorer(rewards, _VERL, columns=columns, abstained=abstained, reserved=_RESERVED)

    def compute_score(
        data_source: Any,
        solution_str: str,
        ground_truth: Any,
        extra_info: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, float | None]:
        return _score_sample(scorer, data_source, solution_str, ground_truth, extra_info)

    return compute_score


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
) -> dict[str, float | None]:
    """Return a sample's total as `score`, and each part's value by name.

    `rewards` is the path of a YAML file, best an absolute one, since Ray's workers have folders of
    their own; or the address of a `rewardkit serve`, http://HOST:PORT. `columns` names those that
    are in `extra_info` (or `data_source`); the one other column that the rewards read gets the
    ground truth. verl needs the same keys for each sample, and a number as the total: a part that
    abstains is None, which verl leaves out of its means, and the total `abstained` where all do;
    `timeout` and `bad_reference` are 1.0 for samples that could not be judged.

    Raises ValueError at the first sample for rewards that verl cannot call, ColumnError for a
    column that a sample lacks.
    """
    scorer = _make_scorer(rewards, tuple(list_names(columns)), abstained)
    return _score_sample(scorer, data_source, solution_str, ground_truth, extra_info)


def _score_sample(
    scorer: RowScorer,
    data_source: Any,
    completion: str,
    reference: Any,
    extra_info: Mapping[str, Any] | None,
) -> dict[str, float | None]:
    row = {"data_source": data_source, **(extra_info or {})}
    scored = scorer.score(completion, reference, row)
    failures = {name: float(scored.failure == name) for name in ("timeout", "bad_reference")}
    parts = {name: None if math.isnan(value) else value for name, value in scored.parts.items()}
    return {"score": scored.total, **parts, **failures}


@lru_cache
def _make_scorer(rewards: str, columns: tuple[str, ...], abstained: float) -> RowScorer:
    return RowScorer(rewards, _VERL, columns=columns, abstained=abstained, reserved=_RESERVED)
