"""The command `rewardkit`.

Each command prints for people, or with `--json` for programs. Exit codes: 0 where all is well, 1
where something was found that a build should stop for, 2 for misuse, with one line that says what
to do. REWARDKIT_DEBUG=1 shows the whole traceback instead.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from rewardkit.cli.card import between, card
from rewardkit.component import Component, columns
from rewardkit.config import load
from rewardkit.registry import KINDS, build, lookup, names
from rewardkit.reward import Reward

if TYPE_CHECKING:
    from rewardkit.audit import Audit, Preflight
    from rewardkit.scoring import Scored

FOUND, MISUSE, INTERRUPTED = 1, 2, 130
"""Exit codes: what a build should stop for, a mistake in the command, and Ctrl-C."""

app = typer.Typer(
    name="rewardkit",
    help="Rewards and verifiers for reinforcement learning of language models with GRPO.",
    epilog="A REWARD is a YAML file, a registered name, module:attribute or path.py:attribute.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def complete_name(incomplete: str) -> list[str]:
    """Return the registered names that begin so, for the shell."""
    return [name for name in names() if name.startswith(incomplete)]


def complete_reward(incomplete: str) -> list[str]:
    """Return the registered rewards and YAML files that begin so, for the shell."""
    files = sorted(Path().glob(f"{incomplete}*.y*ml")) if incomplete.isprintable() else []
    return [name for name in names("reward") if name.startswith(incomplete)] + [*map(str, files)]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""What every command takes."""
RewardArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="REWARD...",
        help="A YAML file, a registered name, module:attribute or path.py:attribute.",
        autocompletion=complete_reward,
    ),
]
"""The rewards that a command works on."""
ColumnArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        "-c",
        metavar="FILE=REWARD",
        help="A column of the file, and the name that rewards read, as response=completion."
        " Repeatable.",
    ),
]
"""How a file's columns are called."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code. Errors take one line, on stderr."""
    try:
        code = app(args=arguments, prog_name="rewardkit", standalone_mode=False)
    except Exception as error:
        if os.environ.get("REWARDKIT_DEBUG") == "1":
            raise
        sys.stderr.write(f"rewardkit: {_told(error)}\n")
        return MISUSE
    return code if isinstance(code, int) else 0


def rewards_from(arguments: Sequence[str]) -> list[Any]:
    """Return the rewards that arguments name: Rewards, or callables with TRL's signature.

    Each is a YAML file, a registered name, `module:attribute` or `path.py:attribute`; a file or an
    attribute may hold a list of rewards. Raises ValueError for what is none of them.
    """
    found: list[Any] = []
    for argument in arguments:
        given = _found(argument)
        for one in given if isinstance(given, list | tuple) else [given]:
            if not (isinstance(one, Reward) or (callable(one) and hasattr(one, "__name__"))):
                what = f"{one.component_kind} " if isinstance(one, Component) else ""
                message = f"{argument}: got the {what}{one!r}, expected a reward or a function"
                raise ValueError(message)
            found.append(one)
    return found


def mapping_from(arguments: Sequence[str] | None) -> dict[str, str]:
    """Return the names that rewards read by the names in the file, from `FILE=REWARD`."""
    pairs = {}
    for argument in arguments or ():
        old, equals, new = argument.partition("=")
        if not (old and equals and new):
            raise ValueError(f"--column {argument}: expected FILE=REWARD, as response=completion")
        pairs[old] = new
    return pairs


def print_json(data: object) -> None:
    """Print plain data, tuples with names as objects, as JSON."""
    typer.echo(json.dumps(plain(data), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """Return data that JSON can hold: no infinities, paths, components, or tuples with names.

    >>> plain((Path("a"), math.inf, 0.5))
    ['a', None, 0.5]
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Component):
        return repr(value)
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [*map(plain, value)]
    return str(value)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        typer.echo(f"rewardkit {version('rewardkit')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="reward, verifier or extractor.", autocompletion=lambda: [*KINDS]),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the registered components, those of plugins too."""
    found = [
        {"name": name, "kind": cls.component_kind, "summary": card(cls).summary}
        for name in names(kind)
        for cls in [lookup(name)]
    ]
    console = Console()
    if as_json:
        print_json(found)
    elif not console.is_terminal:
        typer.echo("\n".join(row["name"] for row in found))
    else:
        table = Table("name", "kind", "what it is", box=None, header_style="bold")
        for row in found:
            table.add_row(f"[cyan]{row['name']}", row["kind"], escape(row["summary"]))
        console.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(autocompletion=complete_name)], *, as_json: AsJson = False
) -> None:
    """Show a component: its fields with their defaults, its bounds, its source, an example."""
    page = _page(name)
    if as_json:
        print_json(page)
        return
    console = Console()
    console.print(f"[bold cyan]{name}[/] ({page['kind']}, {page['module']})\n", highlight=False)
    console.print(Text(page["doc"]))
    console.print("\n[bold]fields")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for field in page["fields"]:
        default = "required" if field["required"] else f"= {field['default']!r}"
        told = Text.assemble(field["doc"], (f" {field['type']}", "dim"))
        table.add_row(f"[green]{field['name']}", Text(default), told)
    console.print(table)
    if page["kind"] == "reward":
        bounds = between(page["bounds"]) if page["bounds"] else page["bounds_rule"]
        console.print(f"\n[bold]bounds[/]  {escape(bounds)}", highlight=False)
        alone = "each row by itself" if page["pointwise"] else "each row beside its group"
        console.print(f"[bold]scores[/]  {alone}")
    if page["columns"]:
        console.print(f"[bold]reads[/]   {', '.join(page['columns'])}")
    if page["source"]:
        console.print(f"[bold]source[/]  {escape(page['source'])}", highlight=False)
    console.print("\n[bold]example")
    console.print(Syntax(page["example"], "pycon", background_color="default", word_wrap=True))


@app.command()
def score(  # noqa: PLR0913 - its options
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="JSONL, CSV, parquet, a glob, or a folder: one that datasets saved, or TRL's"
            " completions.",
        ),
    ],
    rewards: RewardArguments,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="A .jsonl or .parquet file.")],
    column: ColumnArguments = None,
    workers: Annotated[int, typer.Option("--workers", "-w", help="Processes.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Rows that are scored together.")] = 1024,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Drop what an earlier run left, or wrote.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score a file of completions: every row, with a value and a why for each reward.

    Where it was ended on the way, the same command goes on; no row is lost or doubled.
    """
    from rewardkit import scoring  # noqa: PLC0415 - only this command needs it

    given, columns = rewards_from(rewards), mapping_from(column)
    with _progress(shown=not as_json) as progress:
        try:
            done = scoring.score(
                source,
                given,
                out,
                columns=columns,
                workers=workers,
                batch_size=batch_size,
                resume=not fresh,
                progress=progress,
            )
        except KeyboardInterrupt:
            sys.stderr.write("rewardkit: ended; the same command goes on from here\n")
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(done)
        return
    _print_scored(done)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("rewardkit-demo"),
    *,
    as_json: AsJson = False,
) -> None:
    """Score a sample with the five rewards of the XML recipe, and write the report.

    It takes a second, and needs neither a model nor a GPU. In a checkout `make demo` trains one.
    """
    from rewardkit import presets, scoring  # noqa: PLC0415 - only this command needs them
    from rewardkit.cli import demo  # noqa: PLC0415 - only this command needs them
    from rewardkit.report import report as write  # noqa: PLC0415 - the same

    folder.mkdir(parents=True, exist_ok=True)
    source, out = folder / "completions.jsonl", folder / "scored.jsonl"
    lines = (json.dumps(row) + "\n" for row in demo.completions())
    source.write_text("".join(lines), encoding="utf-8")
    five = [
        presets.xmlcount_reward_func,
        presets.soft_format_reward_func,
        presets.strict_format_reward_func,
        presets.int_reward_func,
        presets.correctness_reward_func,
    ]
    done = scoring.score(source, five, out, resume=False)
    page = write(out, folder / "report.html", title="Learning to add")
    if as_json:
        print_json({"scored": done, "report": page.path})
        return
    _print_scored(done)
    typer.echo(
        f"\nThe report is {page.path}; open it in a browser. Score what you have the same way:\n"
        f"  rewardkit score {source} {out}.rewards.yaml --out scored.jsonl\n"
        "  rewardkit report scored.jsonl"
    )


def _print_scored(done: Scored) -> None:
    """Print what a scoring came to."""
    console = Console()
    table = Table("reward", box=None, header_style="bold")
    for heading in ("weight", "mean", "least", "most", "abstains"):
        table.add_column(heading, justify="right")
    for row in (*done.rewards, done.total):
        if row is done.total:
            table.add_section()
        figures = (row.weight, row.mean, row.low, row.high)
        cells = ["" if figure is None else f"{figure:.4g}" for figure in figures]
        table.add_row(escape(row.name), *cells, f"{done.rows - row.scored}")
    console.print(table)
    kept = f", {done.resumed} of them before" if done.resumed else ""
    typer.echo(f"\n{done.rows} rows in {done.out}{kept}")


SourceOption = Annotated[
    str | None,
    typer.Option(
        "--data", "-d", metavar="SOURCE", help="The dataset's rows, as `score` reads them."
    ),
]
"""Where rows come from."""
WrapOption = Annotated[
    str | None,
    typer.Option(
        "--wrap",
        metavar="TEXT",
        help="A row's perfect completion: `{answer}` is its cell, `\\\\n` a newline. Or @FILE.",
    ),
]
"""How a perfect completion is laid out."""


@app.command()
def audit(  # noqa: PLR0913 - the same
    rewards: RewardArguments,
    *,
    data: SourceOption = None,
    column: ColumnArguments = None,
    wrap: WrapOption = None,
    answer: Annotated[str, typer.Option(help="The column with the right answer.")] = "answer",
    sample: Annotated[
        str | None, typer.Option(help="The built-in task; with --data, its layout.")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="From which share of the honest pay on.")
    ] = 0.9,
    skip: Annotated[
        list[str] | None, typer.Option(help="An entry or family to leave out. Repeatable.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="How many rows of the data.")] = 8,
    most: Annotated[int, typer.Option("--show", help="How many exploits a reward to print.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Score a zoo of degenerate completions beside honest ones; exit 1 where one pays.

    Without --data a built-in task is taken, the one in whose layout the rewards pay the most.
    """
    from rewardkit import audit as audits  # noqa: PLC0415 - only this command needs it

    found = audits.audit(
        rewards_from(rewards),
        _rows(data, column),
        wrap=_layout(wrap),
        answer=answer,
        sample=sample,
        share=share,
        skip=skip or (),
        max_rows=rows,
    )
    if as_json:
        print_json(found)
    else:
        _print_audit(found, most)
    if found.findings:
        raise typer.Exit(FOUND)


@app.command()
def preflight(  # noqa: PLR0913 - the same
    rewards: RewardArguments,
    *,
    data: Annotated[
        str, typer.Option("--data", "-d", metavar="SOURCE", help="The rows, as `score` reads them.")
    ],
    column: ColumnArguments = None,
    wrap: WrapOption = None,
    rows: Annotated[int, typer.Option(min=1, help="How many rows of the data.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Look at a dataset with the rewards that are to train on it; exit 1 where something is wrong.

    Is a column missing, does each perfect completion earn the maximum, is a reward constant or
    redundant, and how far do the completions of a group lie apart.
    """
    from rewardkit import audit as audits  # noqa: PLC0415 - only this command needs it

    some = _rows(data, column) or []
    some = some[:: max(len(some) // rows, 1)][:rows]
    found = audits.preflight(rewards_from(rewards), some, wrap=_layout(wrap) or "{answer}")
    if as_json:
        print_json(found)
    else:
        _print_preflight(found)
    if found.problems:
        raise typer.Exit(FOUND)


_MOST_ROWS = 20_000  # of a file, to choose some from


def _rows(source: str | None, column: Sequence[str] | None) -> list[dict[str, Any]] | None:
    """Return a source's first rows; None for no source."""
    from rewardkit._files.source import Source  # noqa: PLC0415 - only where there is a file

    if source is None:
        return None
    return [*islice(Source.resolve(source).rows(columns=mapping_from(column)), _MOST_ROWS)]


def _layout(wrap: str | None) -> str | None:
    """Return the layout that an option gives, as text or as a file."""
    if wrap is None:
        return None
    if wrap.startswith("@"):
        return Path(wrap[1:]).read_text(encoding="utf-8")
    return wrap.replace("\\n", "\n")


def _print_audit(found: Audit, most: int) -> None:
    """Print what an audit found: the rewards, and for each its worst exploits."""
    from rewardkit.audit.findings import quote  # noqa: PLC0415 - only this command needs it

    console = Console()
    console.print(found.summary, highlight=False)
    for audited in found.rewards:
        style = "red" if audited.exploits else "green"
        head = f"\n[bold]{escape(audited.reward)}[/]  "
        console.print(f"{head}[{style}]{audited.summary}[/]", highlight=False)
        findings = found.findings_of(audited.reward)
        for finding in findings[:most]:
            exploit = finding.kind == "exploit"
            share = f"{finding.score_fraction:.0%}" if exploit else finding.kind
            earned = "" if finding.value is None else f"{finding.value:.3g}"
            detail = quote(finding.excerpt) if exploit else finding.detail
            line = Text(f" {share:>8} {earned:>7}  {finding.entry:28} {detail}")
            console.print(line, no_wrap=exploit, overflow="ellipsis", highlight=False)
        if len(findings) > most:
            more = f" and {len(findings) - most} more (--show {len(findings)})"
            console.print(more, highlight=False)


def _print_preflight(found: Preflight) -> None:
    """Print what a preflight found: the problems, then each reward's spread."""
    from rewardkit.audit.findings import NO_MAXIMUM  # noqa: PLC0415 - only this command needs it

    console = Console()
    for problem in found.problems:
        name, text = escape(problem.reward), escape(problem.summary)
        console.print(f"[red]{name}[/]  {text}", highlight=False)
    table = Table("reward", box=None, header_style="bold")
    for heading in ("mean", "std in a group", "flat groups"):
        table.add_column(heading, justify="right")
    for one in found.spread:
        flat = f"{one.flat:.0%}" if one.flat else ""
        table.add_row(escape(one.reward), f"{one.mean:.3g}", f"{one.std:.3g}", flat)
    console.print(table)
    for name in found.unbounded:
        console.print(f"{escape(name)}: {NO_MAXIMUM}", highlight=False)
    console.print(f"\n{found.summary}", highlight=False)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int | None], object] | None]:
    """Give what shows the rows done as a bar on stderr, or None where nobody looks."""
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@app.command()
def report(  # noqa: PLR0913 - one option a keyword
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="What score wrote, or TRL's completions: a file, glob or folder."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page.")] = Path("report.html"),
    column: ColumnArguments = None,
    title: Annotated[str | None, typer.Option(help="The page's title.")] = None,
    reward: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A reward's column. Repeatable.")
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="A reward's factor in the sum. Repeatable."),
    ] = None,
    group: Annotated[
        str, typer.Option(help="The column whose equal cells are a group.")
    ] = "prompt",
    as_json: AsJson = False,
) -> None:
    """Write a page about the rewards of a scored file, and print what stands out."""
    from rewardkit.report import report as write  # noqa: PLC0415 - only this command needs it

    done = write(
        source,
        out,
        columns=mapping_from(column),
        title=title,
        rewards=reward,
        weights=None if weight is None else _weights(weight),
        group=group,
    )
    if as_json:
        print_json(done.as_dict())
        return
    console = Console()
    colours = {"bad": "red", "watch": "yellow", "good": "green"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in done.findings:
        told = Text.assemble((f"{finding.title}. ", "bold"), finding.text)
        table.add_row(Text(finding.figure, colours[finding.level]), told)
    console.print(table)
    texts = "all texts" if done.shown == done.rows else f"the texts of {done.shown:,}"
    typer.echo(f"{done.path}: {done.rows:,} rows, {texts}, {done.size / 1e6:.2f} MB")


@app.command()
def check(  # noqa: PLR0913 - one option a keyword
    things: Annotated[
        list[str],
        typer.Argument(
            metavar="THING...",
            help="Rewards, verifiers and extractors: a YAML file, a registered name,"
            " module:attribute or path.py:attribute.",
            autocompletion=complete_name,
        ),
    ],
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="A file of rows, whose cells stand in the columns."),
    ] = None,
    column: ColumnArguments = None,
    form: Annotated[
        list[str] | None,
        typer.Option(help="What completions are: text, chat, parts, turns, tools, empty."),
    ] = None,
    wrap: Annotated[
        str | None, typer.Option(help="A perfect completion, as '<answer>{answer}</answer>'.")
    ] = None,
    law: Annotated[list[str] | None, typer.Option(help="Only this law. Repeatable.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Not this law. Repeatable.")] = None,
    max_examples: Annotated[int | None, typer.Option(help="How many examples are tried.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that rewards, verifiers and extractors keep the laws; print what breaks one.

    The exit code is 1 where a law is broken. Laws: total, length, finite, bounds, deterministic,
    pointwise, order, forms, inputs, columns, rename, yaml, pickles, linear; maximum of rewards;
    reflexive, no_answer, bad_reference of verifiers; found of extractors.
    """
    from rewardkit import testing  # noqa: PLC0415 - only this command needs it

    chosen: dict[str, Any] = {"laws": law or None, "skip": skip or (), "max_examples": max_examples}
    cells = _cells_from(data, column)
    of_reward: dict[str, Any] = {"wrap": wrap, "forms": form or testing.FORMS}
    checks: dict[str, Callable[[Any], Any]] = {
        "reward": lambda it: testing.check_reward(
            it, columns=_read_by(it, cells), **of_reward, **chosen
        ),
        "verifier": lambda it: testing.check_verifier(it, **chosen),
        "extractor": lambda it: testing.check_extractor(
            it, wrap=wrap if "{answer}" in (wrap or "") else None, **chosen
        ),
    }
    found = []
    for it in _flat(map(_found, things)):
        kind = getattr(it, "component_kind", "reward")
        name = getattr(it, "registered_name", None) or getattr(it, "__name__", repr(it))
        findings: tuple[testing.Finding, ...] = ()
        try:
            checked = checks[kind](it)
        except testing.LawBroken as error:
            checked, findings = error.checked, error.findings
            if not as_json:
                typer.echo(f"{error}\n")
        found.append({"name": name, "kind": kind, **plain(checked), "findings": plain(findings)})
    if as_json:
        print_json(found)
    else:
        _print_checked(found)
    if any(one["findings"] for one in found):
        raise typer.Exit(FOUND)


def _print_checked(found: Sequence[Mapping[str, Any]]) -> None:
    """Print a line for each thing that was checked."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for one in found:
        broken = ", ".join(finding["law"] for finding in one["findings"])
        told = Text(f"breaks {broken}", "red") if broken else Text("keeps the laws", "green")
        count = f"{len(one['held'])} held, {len(one['skipped'])} not tried"
        table.add_row(Text(one["name"], "cyan"), told, Text(count, "dim"))
    Console().print(table)


def _flat(given: Iterable[Any]) -> list[Any]:
    """Return things, those in lists one by one."""
    return [one for each in given for one in (each if isinstance(each, list | tuple) else [each])]


def _cells_from(source: str | None, column: Sequence[str] | None) -> dict[str, list[Any]]:
    """Return the cells of each column in the first rows of a file."""
    if source is None:
        return {}
    from rewardkit._files.source import Source  # noqa: PLC0415 - few commands read files

    rows = list(islice(Source.resolve(source).rows(columns=mapping_from(column)), _SAMPLE))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names if name not in _NO_COLUMNS}


def _read_by(it: Any, cells: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Return the columns that a component says it reads, or all where it names none."""
    read = columns(it) if isinstance(it, Component) else []
    return {name: cells[name] for name in cells if name in read} if read else cells


_SAMPLE = 1000
"""How many rows of a file stand for all of them."""
_NO_COLUMNS = ("prompt", "completion", "completion_ids", "step")


def _weights(arguments: Sequence[str]) -> dict[str, float]:
    """Return the factors in the sum by the rewards' names, from `NAME=NUMBER`."""
    found = {}
    for argument in arguments:
        name, _, number = argument.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise ValueError(f"--weight {argument}: expected NAME=NUMBER, as length=0.5") from None
    return found


def _found(argument: str) -> Any:
    """Return what an argument names."""
    path, colon, attribute = argument.rpartition(":")
    if argument.endswith((".yaml", ".yml")):
        return load(argument)
    if colon and path.endswith(".py"):
        return _attribute(_imported(Path(path)), attribute, argument)
    if colon:
        _on_path(Path.cwd())
        try:
            module = import_module(path)
        except ModuleNotFoundError as error:
            raise ValueError(f"{argument}: {error}; is it on the PYTHONPATH?") from None
        return _attribute(module, attribute, argument)
    try:
        return build(argument)
    except ValueError as error:
        if "." in argument and argument not in names():
            return _found(":".join(argument.rsplit(".", 1)))
        hint = "; a YAML file sets fields" if argument in names() else ""
        raise ValueError(f"{error}{hint}") from None


def _imported(path: Path) -> Any:
    """Import a file as the module of its name, so that other processes can import it too."""
    if not path.exists():
        raise FileNotFoundError(f"no file {str(path)!r}")
    _on_path(path.parent)
    module = import_module(path.stem)
    if Path(module.__file__ or "").resolve() != path.resolve():
        message = f"{path}: another module has the name {path.stem!r} ({module.__file__})"
        raise ValueError(f"{message}; rename the file")
    return module


def _on_path(folder: Path) -> None:
    """Have modules in a folder found, after all others."""
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def _attribute(module: Any, attribute: str, argument: str) -> Any:
    """Return a module's attribute."""
    try:
        return pkgutil.resolve_name(f"{module.__name__}:{attribute}")
    except AttributeError as error:
        raise ValueError(f"{argument}: {error}") from None


def _told(error: Exception) -> str:
    """Return an error in one line."""
    format_message: Callable[[], str] | None = getattr(error, "format_message", None)
    if format_message is not None:  # typer's own, whose class changes with its version
        context = getattr(error, "ctx", None)
        hint = f" ({context.command_path} --help)" if context is not None else ""
        return f"{format_message()}{hint}".replace("\n", " ")
    expected = isinstance(error, ValueError | LookupError | OSError | ImportError | TypeError)
    told = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        told = f"{error.filename}: {error.strerror.lower()}"
    told = told if expected and told else f"{type(error).__name__}: {told}"
    notes = "; ".join(getattr(error, "__notes__", []))
    debug = "" if expected else "; REWARDKIT_DEBUG=1 shows where"
    return " ".join(f"{told}{f' ({notes})' if notes else ''}{debug}".split("\n"))


def _page(name: str) -> dict[str, Any]:
    """Return all that is known of a component."""
    cls = lookup(name)
    known = card(cls)
    try:
        usual = build(name)
    except ValueError:  # some fields must be given
        usual = None
    read = columns(usual) if usual else [one.default for one in known.fields if one.reads]
    rule = cls.bounds.__doc__ if issubclass(cls, Reward) else None
    module = sys.modules[cls.__module__]
    family = inspect.cleandoc(module.__doc__ or "").split("\n\n", 1)[1:]
    return {
        "name": name,
        "kind": cls.component_kind,
        "module": cls.__module__,
        "doc": known.text,
        "fields": [
            {
                "name": one.name,
                "type": one.type.replace("`", ""),
                "required": one.required,
                "default": one.default,
                "doc": one.doc,
            }
            for one in known.fields
        ],
        "bounds": getattr(usual, "bounds", None),
        "bounds_rule": rule and inspect.cleandoc(rule),
        "pointwise": getattr(usual or cls, "pointwise", None) is not False,
        "columns": [str(column) for column in read if column is not None],
        "source": " ".join("".join(family).split()),
        "example": known.example,
    }


if __name__ == "__main__":
    sys.exit(main())
