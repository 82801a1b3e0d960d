"""Calling the command in this process: a new one costs a second of imports."""

from __future__ import annotations

from typer.testing import CliRunner

from rewardkit.cli import app


def run(*arguments: str) -> str:
    """Run a command that must succeed; return what it prints."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout
