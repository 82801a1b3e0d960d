"""The commands that train: train, and recipes, which lists the packaged ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rewardkit.cli.arguments import FOUND, INTERRUPTED, MISUSE, ImportOption, JsonOption
from rewardkit.cli.printing import print_json


def complete_recipe(incomplete: str) -> list[str]:
    """Return the packaged recipes and YAML files that start with a text, for the shell."""
    from rewardkit.train.recipe import recipe_names  # noqa: PLC0415 - only this command needs it

    # a glob raises on control characters, which a terminal may pass on
    files = sorted(Path().glob(f"{incomplete}*.y*ml")) if incomplete.isprintable() else []
    return [name for name in recipe_names() if name.startswith(incomplete)] + [*map(str, files)]


RecipeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A packaged recipe's name (`rewardkit recipes` lists them) or a YAML file.",
        autocompletion=complete_recipe,
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="The run folder. [default: runs/RECIPE]")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")]
PreflightOption = Annotated[
    bool, typer.Option("--preflight", help="Check the data and the rewards, and stop.")
]
IgnorePreflightOption = Annotated[
    bool, typer.Option("--ignore-preflight", help="Train although the preflight fails.")
]
GpuOption = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="The GPU to use. [default: the first]")
]
BackendOption = Annotated[str | None, typer.Option(help="unsloth or trl.")]
ModelOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Another model: a hub name or a folder.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", "-d", metavar="FILE", help="Read the rows from a .jsonl or .parquet file."
    ),
]
TestOption = Annotated[
    Path | None, typer.Option("--test", metavar="FILE", help="Compare on this file's rows.")
]
StepsOption = Annotated[int | None, typer.Option(help="Another number of steps.")]
SeedOption = Annotated[int | None, typer.Option(help="Another seed for the trainer.")]
TrackersOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Trackers, separated by commas: swanlab, wandb, trackio, tensorboard; or none.",
    ),
]
NoVllmOption = Annotated[bool, typer.Option("--no-vllm", help="Generate without vLLM.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="KEY=VALUE",
        help="Change any key of the recipe, for example `training.learning_rate=1e-5`. Repeatable.",
    ),
]
PrintedRecipeArgument = Annotated[
    str | None,
    typer.Argument(
        help="Print this recipe's YAML, to start one of your own.",
        autocompletion=complete_recipe,
    ),
]


def train_model(  # noqa: PLR0913 - one argument per option
    recipe: RecipeArgument,
    *,
    output: OutputOption = None,
    resume: ResumeOption = False,
    preflight: PreflightOption = False,
    ignore_preflight: IgnorePreflightOption = False,
    gpu: GpuOption = None,
    backend: BackendOption = None,
    model: ModelOption = None,
    data: DataOption = None,
    test: TestOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    report_to: TrackersOption = None,
    no_vllm: NoVllmOption = False,
    set_: SetOption = None,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model with GRPO from a recipe, into a run folder.

    Requires the extra `train`; most recipes require a GPU. Exit code 1 where the preflight fails,
    or where the saved model fails its checks. With `--json` the progress goes to stderr.
    """
    from rewardkit.train import Recipe, RecipeError, run  # noqa: PLC0415 - only this command

    changes = {
        "backend": backend,
        "model.name": model,
        "model.fast_inference": False if no_vllm else None,
        "training.max_steps": steps,
        "training.seed": seed,
        "report_to": _parse_trackers(report_to),
    }
    given = {key: value for key, value in changes.items() if value is not None}
    try:
        loaded = Recipe.load(recipe, {**parse_settings(set_), **_replace_rows(data, test), **given})
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            result = run(
                loaded,
                output or Path("runs", Path(recipe).stem),
                resume=resume,
                preflight_only=preflight,
                ignore_preflight=ignore_preflight,
                gpu=gpu,
            )
    except RecipeError as error:
        if os.environ.get("REWARDKIT_DEBUG") == "1":
            raise
        # one line per mistake; main would join them
        _write_errors(str(error).splitlines(), MISUSE)
    except KeyboardInterrupt:
        _write_errors(["interrupted; continue with the same command and --resume"], INTERRUPTED)
    if as_json:
        print_json(result)
    if result.failures:
        _write_errors([f"FAILED: {failure}" for failure in result.failures], FOUND)


def _replace_rows(data: Path | None, test: Path | None) -> dict[str, Any]:
    # a recipe has one source of rows, so the file replaces the recipe's own
    settings: dict[str, Any] = {}
    if data is not None:
        settings = {"data.file": str(data), "data.hub": None, "data.made": None}
        settings["data.test_split"] = None  # only a dataset on the hub has one
    if test is not None:
        settings |= {"data.test_file": str(test), "data.test_split": None, "data.held_out": 0}
    return settings


def show_recipes(
    name: PrintedRecipeArgument = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the packaged recipes: what each is for, its model, and what the machine needs.

    Requirements of the extra `train` are not listed.
    """
    from rewardkit.train.recipe import (  # noqa: PLC0415 - only this command needs it
        list_recipes,
        read_recipe_text,
    )

    if name is not None:
        typer.echo(read_recipe_text(name), nl=False)
        return
    recipes = list_recipes()
    if as_json:
        print_json([recipe._asdict() for recipe in recipes])
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="cyan")
    for recipe in recipes:
        # below each other: names of models are too long for four columns
        needs = f"needs {', '.join(recipe.needs)}" if recipe.needs else ""
        table.add_row(recipe.name, Text(f"{recipe.description}\n{recipe.model}\n{needs}"))
    Console().print(table)


def parse_settings(arguments: Sequence[str] | None) -> dict[str, Any]:
    """Parse `KEY=VALUE` pairs; a value is YAML, as in the recipe's file.

    >>> parse_settings(["training.learning_rate=1e-5", "report_to=[wandb]", "data.answer=null"])
    {'training.learning_rate': 1e-05, 'report_to': ['wandb'], 'data.answer': None}
    """
    from rewardkit.config import read_yaml  # noqa: PLC0415 - only this command needs it

    settings = {}
    for argument in arguments or ():
        key, equals, value = argument.partition("=")
        if not (key and equals):
            example = "for example --set training.learning_rate=1e-5"
            raise ValueError(f"--set {argument}: expected KEY=VALUE, {example}")
        try:
            settings[key] = read_yaml(value)
        except ValueError as error:
            raise ValueError(f"--set {argument}: {error}") from None
    return settings


def _parse_trackers(names: str | None) -> list[str] | None:
    return (
        None if names is None else [name for name in names.split(",") if name not in ("", "none")]
    )


def _write_errors(lines: Sequence[str], exit_code: int) -> NoReturn:
    for line in lines:
        sys.stderr.write(f"rewardkit: {line}\n")
    raise typer.Exit(exit_code)
