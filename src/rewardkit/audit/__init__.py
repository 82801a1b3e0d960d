"""Audit and preflight: what a reward pays for, and what it gives to a dataset, before training.

`audit` scores a zoo of degenerate completions against a reference completion, and lists those that
earn about as much. `preflight` checks a dataset with the rewards that are to train on it. An
`AlertFinder` finds what goes wrong while they train, from a log or from the steps themselves.
"""

# The functions' modules are private: modules of their names would be hidden by the functions.
from rewardkit._template import fill
from rewardkit.audit._audit import audit
from rewardkit.audit._preflight import preflight
from rewardkit.audit.alerts import Alert, AlertFinder
from rewardkit.audit.baseline import leave_out, read_baseline
from rewardkit.audit.findings import (
    DATASET,
    Audit,
    Evidence,
    Finding,
    FindingGroup,
    FindingKind,
    Preflight,
    Problem,
    ProblemKind,
    RewardAudit,
    Spread,
)
from rewardkit.audit.samples import SAMPLES, Sample
from rewardkit.audit.step_figures import read_log_row
from rewardkit.audit.zoo import ZOO, Entry

__all__ = [
    "DATASET",
    "SAMPLES",
    "ZOO",
    "Alert",
    "AlertFinder",
    "Audit",
    "Entry",
    "Evidence",
    "Finding",
    "FindingGroup",
    "FindingKind",
    "Preflight",
    "Problem",
    "ProblemKind",
    "RewardAudit",
    "Sample",
    "Spread",
    "audit",
    "fill",
    "leave_out",
    "preflight",
    "read_baseline",
    "read_log_row",
]
