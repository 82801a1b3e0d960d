"""Audit and preflight: what a reward pays for, before a model finds out.

`audit` scores a zoo of degenerate completions beside an honest one, and names those that a reward
pays like it. `preflight` looks at a dataset with the rewards that are to train on it.
"""

from rewardkit.audit._audit import Audit, Audited, Finding, audit
from rewardkit.audit._preflight import Preflight, Problem, Spread, fill, preflight
from rewardkit.audit.samples import SAMPLES, Sample
from rewardkit.audit.zoo import ZOO, Entry

__all__ = [
    "SAMPLES",
    "ZOO",
    "Audit",
    "Audited",
    "Entry",
    "Finding",
    "Preflight",
    "Problem",
    "Sample",
    "Spread",
    "audit",
    "fill",
    "preflight",
]
