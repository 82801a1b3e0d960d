"""What commands are given: the declarations that several share, and how they are read."""

from __future__ import annotations

import math
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

import rewardkit as rk  # its names are imported when they are used, which --help does not
from rewardkit._messages import did_you_mean, error_line

FOUND, MISUSE, INTERRUPTED = 1, 2, 130
"""Exit codes: a check found something, a mistake in the command, and Ctrl-C (128 + SIGINT)."""

# Declarations that several commands share ---------------------------------------------------------


def complete_name(incomplete: str) -> list[str]:
    """Return the registered names that start with a text, for the shell's completion."""
    return [name for name in rk.names() if name.startswith(incomplete)]


def complete_reward(incomplete: str) -> list[str]:
    """Return the rewards and YAML files that start with a text, for the shell's completion."""
    # a glob raises on control characters, which a terminal may pass on
    files = sorted(Path().glob(f"{incomplete}*.y*ml")) if incomplete.isprintable() else []
    names = [*rk.names("reward"), *rk.presets.__all__]
    return [name for name in names if name.startswith(incomplete)] + [*map(str, files)]


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RewardArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="REWARD...",
        help="A YAML file, a registered name, a preset such as published.reward_len,"
        " module:attribute or path.py:attribute.",
        autocompletion=complete_reward,
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        "-c",
        metavar="FILE=REWARD",
        help="Rename a column: its name in the file, then the name that rewards read, for example"
        " `response=completion`. Repeatable.",
    ),
]
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="JSONL, CSV, parquet, a glob, or a folder: a dataset saved by `datasets`, or"
        " TRL's logged completions. `-` reads JSON lines from stdin, `OWNER/NAME:SPLIT` a"
        " dataset on the hub.",
    ),
]
ScoredArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file that `score` wrote, or TRL's logged completions: a file, glob or folder.",
    ),
]
ScoredOutOption = Annotated[
    str,
    typer.Option("--out", "-o", help="A .jsonl or .parquet file, or `-` for JSON lines on stdout."),
]
JoinOption = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="A dataset, as SOURCE, whose columns are joined to rows that lack them.",
    ),
]
OnOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="What --join compares, `prompt` unless given, or SOURCE=DATA where the names differ."
        " A prompt also matches the text that a chat template made of it.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-w",
        help="Number of processes: by default 1, and with Ray the cluster's CPUs less one.",
    ),
]
RewardOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A column with a reward's values. Repeatable."),
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=NUMBER", help="A reward's factor in the sum. Repeatable."),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Rows with equal values in this column form a group; by default, of one prompt.",
    ),
]
PassRewardOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The reward that says whether a completion passes; by default the one for correct"
        " answers.",
    ),
]
PassValueOption = Annotated[
    float | None,
    typer.Option(
        help="The lowest value that passes; by default the value of a correct answer, else the"
        " highest in the file.",
    ),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(
        "--template",
        "--wrap",
        metavar="TEXT",
        # one backslash and an n: the help shows what a person types
        help="The template of a valid completion. `{answer}` is the row's value of that column,"
        " `\\n` is a newline. `@FILE` reads the text from a file.",
    ),
]


def import_modules(context: typer.Context, modules: list[str] | None) -> None:
    """Import the modules of `--import`, before the arguments are read.

    A module may be named as Python names it or by its file, which is looked for in this folder.
    """
    if context.resilient_parsing:  # the shell completes a line, for which nothing is imported
        return
    for module in modules or ():
        if module.endswith(".py"):
            _import_file(Path(module))
        else:
            _import_module(module, f"--import {module}")


ImportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        callback=import_modules,
        is_eager=True,
        help="A module or file.py that registers rewards of your own, for YAML that names them."
        " Repeatable.",
    ),
]

# Rewards and other objects ------------------------------------------------------------------------


def load_rewards(arguments: Sequence[str]) -> list[Any]:
    """Load rewards: `Reward` instances, or callables with TRL's signature.

    Each argument is a YAML file, a registered name, `module:attribute` or `path.py:attribute`. A
    file or an attribute may hold a list. Raises ValueError for anything else.
    """
    rewards: list[Any] = []
    for argument in arguments:
        loaded = load_object(argument)
        if type(loaded).__name__ == "Split":  # by name: its module is only for trainers
            raise ValueError(f"{argument} is a Split; name the sum")
        for item in as_list(loaded):
            # TRL logs a function under its __name__, so a callable without one is not a reward
            is_function = callable(item) and hasattr(item, "__name__")
            is_class = isinstance(item, type) and issubclass(item, rk.Reward)
            if is_class or not (isinstance(item, rk.Reward) or is_function):
                raise ValueError(_explain_wrong_kind(argument, item))
            rewards.append(item)
    return rewards


def _explain_wrong_kind(argument: str, item: Any) -> str:
    """Return the error for an object that is not a reward.

    >>> _explain_wrong_kind("own.py:limit", 4)
    'own.py:limit is 4; expected a reward or a function'
    """
    if isinstance(item, type) and issubclass(item, rk.Reward):
        return f"{argument} is a class; name an instance: NAME = {item.__name__}(...)"
    kind = f"the {item.component_kind} " if isinstance(item, rk.Component) else ""
    message = f"{argument} is {kind}{item!r}; expected a reward or a function"
    if not kind:
        return message
    # its kind is also the name of the field of `correct` that takes one
    return f"{message}; in a YAML file, use it as the field `{item.component_kind}` of `correct`"


_DATA_SUFFIXES = {".jsonl", ".json", ".csv", ".parquet", ".gz"}
_SET_FIELDS = "a name alone sets no fields; set them in a YAML file and pass that"


def load_object(argument: str) -> Any:
    """Load what an argument names: from YAML, from a module, or by a registered name."""
    from rewardkit.presets.names import presets_by_name  # noqa: PLC0415 - slow, not for --help

    path, colon, attribute = argument.rpartition(":")
    if argument.endswith((".yaml", ".yml")):
        return rk.load(argument)
    if colon and path.endswith(".py"):
        return _get_attribute(_import_file(Path(path)), attribute, argument)
    _refuse_other_arguments(argument)
    if colon:
        return _get_attribute(_import_module(path, argument), attribute, argument)
    # a preset first, as in a recipe
    if (preset := presets_by_name().get(argument)) is not None:
        return preset
    try:
        return rk.build(argument)
    except ValueError as error:
        if argument in rk.names():
            raise ValueError(f"{error}; {_SET_FIELDS}") from None
        if "." in argument:  # module.attribute, as `trl grpo --reward_funcs` takes it
            return load_object(":".join(argument.rsplit(".", 1)))
        raise


def _refuse_other_arguments(argument: str) -> None:
    """Raise ValueError for what people type in place of a reward: a file, a name with a value."""
    if argument.endswith(".py"):
        raise ValueError(f"{argument}: name the reward in the file: {argument}:NAME")
    if Path(argument).suffix in _DATA_SUFFIXES:
        hint = "one source comes first, then the rewards; put a glob of files in quotes"
        raise ValueError(f"{argument} is a data file; {hint}")
    name, colon, _ = argument.rpartition(":")
    if colon and name in rk.names():
        raise ValueError(f"{argument}: {name} is a registered name; {_SET_FIELDS}")


def _import_module(name: str, argument: str) -> Any:
    _append_to_path(Path.cwd())
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{argument}: {error}; is it on the PYTHONPATH?") from None


def _import_file(path: Path) -> Any:
    """Import a file under its own name, so that worker processes can import it too."""
    if not path.exists():
        raise FileNotFoundError(f"file not found: {path}")
    _append_to_path(path.parent)
    try:
        module = import_module(path.stem)
    except Exception as error:
        raise ValueError(_locate_import_error(path, error)) from error
    if Path(module.__file__ or "").resolve() != path.resolve():
        message = f"{path}: another module has the name {path.stem!r} ({module.__file__})"
        raise ValueError(f"{message}; rename the file")
    return module


def _locate_import_error(path: Path, error: Exception) -> str:
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == path.resolve()
    ]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        path, lines = Path(error.filename), [error.lineno]
    line = f", line {lines[-1]}" if lines else ""
    return f"{path.name}{line}: {error_line(error)}"


def _append_to_path(folder: Path) -> None:
    # at the end, so that a file next to the rewards cannot replace an installed package
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def _get_attribute(module: Any, attribute: str, argument: str) -> Any:
    try:
        return pkgutil.resolve_name(f"{module.__name__}:{attribute}")
    except AttributeError as error:
        near = did_you_mean(attribute, vars(module))
        raise ValueError(f"{argument}: {error}{near}") from None


def as_list(item: Any) -> list[Any]:
    """Return a list or a tuple as a list, and anything else as a list of one item."""
    return [*item] if isinstance(item, list | tuple) else [item]


# Pairs, rows and templates ------------------------------------------------------------------------


def parse_columns(arguments: Sequence[str] | None) -> dict[str, str]:
    """Parse `FILE=REWARD` pairs: the rewards' column names by the file's.

    >>> parse_columns(["response=completion"])
    {'response': 'completion'}
    """
    columns = {}
    for argument in arguments or ():
        in_file, equals, in_reward = argument.partition("=")
        if not (in_file and equals and in_reward):
            example = "for example response=completion"
            raise ValueError(f"--column {argument}: expected FILE=REWARD, {example}")
        columns[in_file] = in_reward
    return columns


def parse_weights(arguments: Sequence[str]) -> dict[str, float]:
    """Parse `NAME=NUMBER` pairs: the factors in the sum by the rewards' names.

    >>> parse_weights(["length[unit=words]=0.5"])
    {'length[unit=words]': 0.5}
    """
    weights = {}
    for argument in arguments:
        # the last "=", since a reward's default name may contain some itself
        name, _, number = argument.rpartition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            weights[name] = math.nan
        if not math.isfinite(weights[name]):
            example = "for example length=0.5"
            raise ValueError(f"--weight {argument}: expected NAME=NUMBER, {example}")
    return weights


def parse_range(argument: str) -> tuple[float, float]:
    """Parse LOW..HIGH, where either may be missing.

    >>> parse_range("0.2..0.8"), parse_range("0.2.."), parse_range("...5")
    ((0.2, 0.8), (0.2, 1.0), (0.0, 0.5))
    """
    low, dots, high = argument.partition("..")
    try:
        limits = float(low or 0.0), float(high or 1.0)
    except ValueError:
        dots = ""
    if not dots or not (low or high) or not 0.0 <= limits[0] <= limits[1] <= 1.0:
        example = "two numbers from 0 to 1, for example 0.2..0.8"
        raise ValueError(f"--pass-rate {argument}: expected LOW..HIGH, {example}")
    return limits


def parse_bounds(argument: str) -> tuple[float, float]:
    """Parse LOW..HIGH, both of them numbers.

    >>> parse_bounds("-1..0.5")
    (-1.0, 0.5)
    """
    low, dots, high = argument.partition("..")
    try:
        limits = float(low), float(high)
    except ValueError:
        dots = ""
    if not dots or not limits[0] <= limits[1]:
        raise ValueError(f"--bounds {argument}: expected LOW..HIGH, for example -1..0.5")
    return limits


def read_rows(
    source: str | None, column: Sequence[str] | None, *, limit: int
) -> list[dict[str, Any]] | None:
    """Read a source's first rows, with its columns renamed; None without a source."""
    from rewardkit._files.open_rows import open_rows  # noqa: PLC0415 - few commands read files

    if source is None:
        return None
    return [*islice(open_rows(source).rows(columns=parse_columns(column)), limit)]


def read_template(template: str | None) -> str | None:
    """Return the text of `--template`, or of the file that it names after `@`."""
    if template is None:
        return None
    if template.startswith("@"):
        try:
            return Path(template[1:]).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{template[1:]}: not UTF-8 text ({error.reason})") from None
    # shells pass a typed \n on as two characters
    return template.replace("\\n", "\n")
