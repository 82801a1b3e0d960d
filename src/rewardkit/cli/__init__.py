"""The command `rewardkit`: one file per group of commands, registered in `application`."""

from rewardkit.cli.application import app, main

__all__ = ["app", "main"]
