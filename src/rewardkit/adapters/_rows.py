"""What the adapters for systems that pass one row at a time share: checks, totals, failures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rewardkit._messages import did_you_mean, make_names_unique
from rewardkit._needed_columns import counts_token_ids, list_trainer_columns
from rewardkit.adapters._remote import SCHEMES, RemoteScorer
from rewardkit.component import walk
from rewardkit.result import Outcome, RowScore
from rewardkit.reward import Reward
from rewardkit.scorer import RewardLike, Rewards, Scorer

# at the start of a reason, or of a term's in a sum; elsewhere the answer may have the word in it
_FAILURE = re.compile(rf"(?:^|\()({Outcome.TIMEOUT}|{Outcome.BAD_REFERENCE})\b")


class System(NamedTuple):
    """What a system passes with a completion."""

    name: str
    prompts: bool = False
    """Whether it passes the prompt."""
    tokens: bool = False
    """Whether it passes the completion's token ids."""
    rows_alone: bool = True
    """Whether it passes completions one by one, not with their group."""
    columns: bool = True
    """Whether it passes other columns than the ground truth."""


class ScoredRow(NamedTuple):
    """A row's scores under names that the system takes, as plain numbers."""

    total: float
    """The weighted total, or the value that the user chose for a row where all abstain."""
    parts: dict[str, float]
    """Each term's value by name; NaN if it abstained."""
    whys: dict[str, str]
    """Each term's reason, for those that gave one."""
    abstained: bool
    """Whether no term has a value."""
    failure: str
    """"timeout" or "bad_reference" if that is a term's reason, else ""."""


class RowScorer:
    """Scores rows that come alone, after checking once that the rewards can.

    `rewards` may also be the address of a `rewardkit serve`, http://HOST:PORT, which then scores.
    `columns` names those that each row brings; the one that is left, if any, holds the ground
    truth. Columns of token counts, and those that `where` compares, never do.
    """

    def __init__(
        self,
        rewards: Rewards,
        system: System,
        *,
        columns: Iterable[str] = (),
        abstained: float = 0.0,
        reserved: Sequence[str] = (),
    ) -> None:
        """Check the rewards against the system.

        Raises what Scorer does, and ValueError for rewards that the system cannot call.
        """
        self.scorer: Scorer | RemoteScorer
        if isinstance(rewards, str) and rewards.startswith(SCHEMES):
            self.scorer = RemoteScorer(rewards)
            if "prompt" in self.scorer.columns and not system.prompts:
                problem = f"the rewards of {rewards} read the prompt, and {system.name} passes none"
                raise ValueError(f"{problem}; leave those out")
        else:
            self.scorer = make_scorer(rewards, system)
        self.columns = list_names(columns)
        self.abstained = abstained
        names = [term.name for term in self.scorer.terms]
        self.names = dict(zip(names, make_names_unique(names, reserved), strict=True))
        self.reference = find_reference_column(self.scorer, self.columns, system)

    def score(
        self, completion: Any, reference: Any, row: Mapping[str, Any], **trainer: Any
    ) -> ScoredRow:
        """Return the scores of a completion; `trainer` may hold `prompt` and `completion_ids`.

        Raises ColumnError if the row lacks one of the columns that it should bring.
        """
        values = {name: row[name] for name in self.columns if name in row}
        if self.reference is not None:
            values[self.reference] = reference
        return self.name_parts(self.scorer.score_row(completion, **values, **trainer))

    def name_parts(self, scores: RowScore) -> ScoredRow:
        """Return the scores under the names that the system takes."""
        parts = {
            self.names[name]: math.nan if value is None else value
            for name, value in scores.values.items()
        }
        whys = {self.names[name]: why for name, why in scores.whys.items() if why}
        total = self.abstained if scores.total is None else scores.total
        return ScoredRow(total, parts, whys, scores.total is None, find_failure(whys.values()))


def make_scorer(rewards: Rewards, system: System) -> Scorer:
    """Return a scorer of rewards that the system can call. Raises ValueError for others."""
    scorer = Scorer(rewards)
    for term in scorer.terms:
        if problem := _find_obstacle(term.reward, system):
            raise ValueError(f"{term.name}: {problem}")
    return scorer


def list_names(names: Iterable[str]) -> list[str]:
    """Return the names as a list; a text is one name."""
    return [names] if isinstance(names, str) else [*names]


def find_reference_column(
    scorer: Scorer | RemoteScorer, given: Sequence[str], system: System
) -> str | None:
    """Return the column that holds the ground truth: the one that the rows do not bring."""
    read = scorer.dataset_columns
    for name in given:
        if name not in read:
            known = ", ".join(read) or "none"
            hint = did_you_mean(name, read)
            message = f"columns: got {name!r}, which no reward reads (they read: {known}){hint}"
            raise ValueError(message)
    rest = [name for name in read if name not in given]
    if others := [name for name in rest if name not in scorer.reference_columns]:
        problem = f"the column {others[0]!r} holds a count or a condition, no ground truth"
        hint = f"if each row brings it, name it: columns={[*given, *others]!r}"
        if not system.columns:
            hint = f"{system.name} passes no other column; leave out the reward that reads it"
        raise ValueError(f"{problem}; {hint}")
    if len(rest) > 1:
        # one value in two columns would be wrong for one of them, and nobody would see it
        problem = (
            f"the rewards read the columns {', '.join(rest)}, and {system.name} has one ground"
        )
        hint = f"name those that each row brings: columns={rest[1:]!r}; or let"
        if not system.columns:
            hint = "let"
        message = f"{problem} truth for them; {hint} the rewards read the same column"
        raise ValueError(f"{message} (reference: answer)")
    return rest[0] if rest else None


def find_failure(whys: Iterable[str]) -> str:
    """Return "timeout" or "bad_reference" if a reason names one of them, else "".

    >>> find_failure(["correct", "right abstains (bad_reference: 'n/a')"])
    'bad_reference'
    >>> find_failure(["wrong: timeout"])
    ''
    """
    found = next(filter(None, map(_FAILURE.search, whys)), None)
    return found[1] if found else ""


def _find_obstacle(reward: RewardLike, system: System) -> str:
    """Say why a system cannot call a reward, and what to do; "" if it can."""
    if not isinstance(reward, Reward):
        # all that a function says of what it needs are the names of its parameters
        passed = {"prompt": system.prompts, "completion_ids": system.tokens}
        missing = [name for name in list_trainer_columns(reward) if not passed[name]]
        given = f"has a parameter for {missing[0]}" if missing else ""
        return f"{given}, and {system.name} passes none; give it a default" if missing else ""
    if system.rows_alone and not reward.pointwise:
        return f"compares the completions of a group, and {system.name} passes them one by one"
    if reward.reads_prompt and not system.prompts:
        readers = [p for p in walk(reward) if isinstance(p, Reward) and p.reads_prompt]
        innermost = readers[-1]
        found = innermost.registered_name or type(innermost).__name__
        return f"{found} reads the prompt, and {system.name} passes none; leave it out"
    for part in walk(reward):
        kind = part.registered_name
        if not system.tokens and counts_token_ids(part):
            hint = "unit: words needs none"
            if kind == "overlong":
                hint = "its field `tokens` takes a column with their number"
            return f"{kind} counts tokens, and {system.name} passes none; {hint}"
    return ""
