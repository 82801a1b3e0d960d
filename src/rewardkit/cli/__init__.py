"""The command `rewardkit`."""

from rewardkit.cli._cli import main

__all__ = ["main"]
