"""Offline scoring: a file of completions in, the same rows with every reward's value and why out.

Rows stream, so memory does not grow with the file. If the process is killed, what was scored before
is kept, and is not scored again.
"""

from rewardkit._scored.passes import PassRates, pass_at_k
from rewardkit.scorer import TOTAL
from rewardkit.scoring.filtering import Filtered, filter_groups
from rewardkit.scoring.run import Progress, ScoringResult, Summary, score

__all__ = [
    "TOTAL",
    "Filtered",
    "PassRates",
    "Progress",
    "ScoringResult",
    "Summary",
    "filter_groups",
    "pass_at_k",
    "score",
]
