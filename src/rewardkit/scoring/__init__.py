"""Offline scoring: a file of completions in, the same rows with every reward's value and why out.

Rows stream, so memory does not grow with the file. If the process is killed, what was scored before
is kept, and is not scored again.
"""

from rewardkit.scorer import TOTAL
from rewardkit.scoring.run import Progress, ScoringResult, Summary, score

__all__ = ["TOTAL", "Progress", "ScoringResult", "Summary", "score"]
