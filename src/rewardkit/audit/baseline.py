"""Leave out what an earlier run has found, so that a team's CI fails for new findings alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rewardkit.audit.findings import Audit, Preflight

Result = TypeVar("Result", Audit, Preflight)


def read_baseline(path: str | Path) -> Mapping[str, Any]:
    """Read what `rewardkit audit --json` or `rewardkit preflight --json` has printed.

    Raises ValueError for anything else, and OSError for a file that cannot be read.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from None
    if not isinstance(data, dict) or not {"findings", "problems"} & data.keys():
        hint = "write it with --json > FILE"
        raise ValueError(f"{path}: not the JSON of an audit or a preflight; {hint}")
    return data


def leave_out(result: Result, baseline: Mapping[str, Any]) -> tuple[Result, int]:
    """Return a result without what the baseline holds too, and how much of it that is.

    A finding is the same if its reward, kind and entry are; a problem, if its reward and kind are.
    """
    if isinstance(result, Audit):
        known = {(one["reward"], one["kind"], one["entry"]) for one in baseline.get("findings", ())}
        new = [one for one in result.findings if (one.reward, one.kind, one.entry) not in known]
        rewards = tuple(
            each._replace(
                exploit_count=sum(
                    one.kind == "exploit" and one.reward == each.reward for one in new
                )
            )
            for each in result.rewards
        )
        count = len(result.findings) - len(new)
        return result._replace(findings=tuple(new), rewards=rewards), count
    seen = {(one["reward"], one["kind"]) for one in baseline.get("problems", ())}
    problems = [one for one in result.problems if (one.reward, one.kind) not in seen]
    return result._replace(problems=tuple(problems)), len(result.problems) - len(problems)
