"""One self-contained page about the rewards of a file of completions (extra `report`)."""

from rewardkit.report.figures import Finding
from rewardkit.report.page import Report, report

__all__ = ["Finding", "Report", "report"]
