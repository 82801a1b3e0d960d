"""ms-swift: rewards as its outcome reward models, registered by name in an external plugin.

```python title="plugin.py"
from rewardkit.adapters.swift import register

register("rewards.yaml")  # swift rlhf --external_plugins plugin.py --reward_funcs right brief ...
```
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rewardkit._messages import explain_missing_column
from rewardkit._optional import require
from rewardkit.adapters._rows import System, list_names, make_scorer
from rewardkit.reward import Reward
from rewardkit.scorer import Rewards, Scorer, Term

_SWIFT = System("ms-swift", prompts=True, tokens=True, rows_alone=False)


def register(rewards: Rewards, *, columns: Iterable[str] | None = None) -> dict[str, float]:
    """Register each reward with ms-swift under its name, and return the names with their weights.

    ms-swift takes the names as `--reward_funcs` and the weights as `--reward_weights`, and logs
    each reward by its name. It leaves out a reward that abstains. `columns`, if given, are the
    dataset's, and a reward that reads another is refused here, not at the first batch. A sum's
    bias is left out: the same constant on every row changes no advantage.

    Raises ValueError for a name that ms-swift has already or a missing column, ImportError without
    ms-swift.
    """
    swift = require("swift.rewards", install="ms-swift")
    scorer = make_scorer(rewards, _SWIFT)
    present = None if columns is None else list_names(columns)
    for name in scorer.dataset_columns:
        if present is not None and name not in present:
            raise ValueError(explain_missing_column(name, present))
    for term in scorer.terms:
        if term.name in swift.orms:
            message = f"ms-swift has a reward named {term.name!r}; give this one another: name: ..."
            raise ValueError(message)
    swift.orms.update({term.name: _make_orm(term, swift.ORM) for term in scorer.terms})
    return {term.name: term.weight for term in scorer.terms}


def _make_orm(term: Term, base: Any) -> Any:
    def call(_self: Any, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        prompts = [turns[:-1] for turns in columns.get("messages") or ()] or None
        ids = _take_last_turns(columns.get("response_token_ids"))
        if isinstance(term.reward, Reward):
            return term.reward(completions, prompts=prompts, completion_ids=ids, **columns)
        optional = {"prompt": prompts, "completion_ids": ids}
        batch = {name: value for name, value in optional.items() if value is not None}
        columns.pop("trainer_state", None)
        scores = Scorer(term.reward).score_columns({**columns, **batch, "completion": completions})
        return next(iter(scores.values.values()))

    # ms-swift logs a reward under the name of its class
    return type(term.name, (base,), {"__call__": call, "__doc__": f"The reward {term.name}."})


def _take_last_turns(rows: Any) -> list[Sequence[int]] | None:
    """Return the token ids of each completion: ms-swift has a list per turn."""
    return [turns[-1] for turns in rows] if rows and all(rows) else None
