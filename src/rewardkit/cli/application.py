"""The command line application: it registers the commands and turns errors into exit codes.

Each command prints for people, or with `--json` for programs. Exit codes: 0 for success, 1 where a
check found something that should stop a build, 2 for misuse, with a one-line error that names the
fix. REWARDKIT_DEBUG=1 shows the whole traceback instead.
"""

from __future__ import annotations

import copy
import inspect
import os
import sys
import warnings
from typing import Annotated

import typer
from typer.models import CommandInfo

import rewardkit as rk
from rewardkit.cli import checks, components, demo, files, serve, starting, train
from rewardkit.cli.arguments import MISUSE
from rewardkit.cli.printing import format_error

app = typer.Typer(
    name="rewardkit",
    help="Rewards and verifiers for reinforcement learning of language models with GRPO.",
    epilog="A REWARD is a YAML file, a registered name, module:attribute or path.py:attribute.",
    invoke_without_command=True,
    # main prints errors in one line; typer's own traceback would show the locals of a training run
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The only list of commands, in the order in which --help shows them.
app.command("init")(starting.init_project)
app.command("list")(components.list_components)
app.command("show")(components.show_component)
app.command("check")(checks.check_components)
app.command("audit")(checks.audit_rewards)
app.command("preflight")(checks.preflight_rewards)
app.command("snapshot")(starting.snapshot_rewards)
app.command("score")(files.score_file)
app.command("serve")(serve.serve_rewards)
app.command("filter")(files.filter_file)
app.command("report")(files.write_report)
app.command("diff")(files.compare_files)
app.command("train")(train.train_model)
app.command("recipes")(train.show_recipes)
app.command("demo")(demo.run_demo)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code. An error is one line on stderr."""
    with warnings.catch_warnings():
        warnings.showwarning = _print_warning
        return _run_command(arguments)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    # Python's own form names a file and a line of rewardkit, which say nothing to a user.
    sys.stderr.write(f"rewardkit: {message}\n")


def _run_command(arguments: list[str] | None) -> int:
    try:
        # standalone_mode=False returns exit codes and raises errors, so that both are ours to print
        asks_for_help = (sys.argv[1:] if arguments is None else arguments) in (["-h"], ["--help"])
        chosen = _leave_out_parameters(app) if asks_for_help else app
        code = chosen(args=arguments, prog_name="rewardkit", standalone_mode=False)
    except Exception as error:
        if os.environ.get("REWARDKIT_DEBUG") == "1":
            raise
        sys.stderr.write(f"rewardkit: {format_error(error)}\n")
        return MISUSE
    return code if isinstance(code, int) else 0


def _leave_out_parameters(full: typer.Typer) -> typer.Typer:
    """Return the application with commands that have a name and a help text alone."""
    # The list of commands shows no more, and typer would read the parameters of each, with their
    # types, several times: a fifth of the time of `--help`.
    short = copy.copy(full)
    short.registered_commands = [
        CommandInfo(each.name, help=inspect.getdoc(each.callback), callback=lambda: None)
        for each in full.registered_commands
    ]
    return short


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        typer.echo(f"rewardkit {rk.__version__}")
        raise typer.Exit


@app.callback()
def _show_help_without_command(
    context: typer.Context,
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
