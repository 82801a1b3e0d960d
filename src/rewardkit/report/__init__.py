"""One self-contained page about the rewards of a file, or about two files compared."""

from rewardkit.report.changes import Change, Changes, Example
from rewardkit.report.diff import Diff, diff
from rewardkit.report.figure_types import ReportFinding
from rewardkit.report.page import Report, report

__all__ = ["Change", "Changes", "Diff", "Example", "Report", "ReportFinding", "diff", "report"]
