"""One self-contained page about the rewards of a file of completions (extra `report`)."""

from rewardkit.report.figure_types import ReportFinding
from rewardkit.report.page import Report, report

__all__ = ["Report", "ReportFinding", "report"]
