"""What commands print: JSON, tables, the progress bar, and errors in one line."""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

import rewardkit as rk  # its names are imported when they are used, which --help does not
from rewardkit._messages import error_line, explain_no_values, pluralize, shorten_text
from rewardkit.registry import KINDS

if TYPE_CHECKING:
    from rich.progress import Progress

    from rewardkit.audit import Audit, Finding, Preflight
    from rewardkit.report import Diff, Report
    from rewardkit.scoring import Filtered, PassRates, ScoringResult

# JSON and errors ----------------------------------------------------------------------------------


def print_json(data: object) -> None:
    """Print data as JSON, named tuples as objects."""
    typer.echo(json.dumps(to_json_data(data), indent=2, ensure_ascii=False))


def to_json_data(value: Any) -> Any:
    """Convert data to what JSON can hold; infinities and NaN become null.

    >>> from pathlib import Path
    >>> to_json_data((Path("a"), math.inf, -0.0))
    ['a', None, 0.0]
    """
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # adding 0.0 turns -0.0 into 0.0
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, rk.Component):
        return repr(value)
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): to_json_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [*map(to_json_data, value)]
    return str(value)


def format_number(number: float, digits: int = 6) -> str:
    """Format a number with some significant digits, and never as -0.

    >>> format_number(-0.0), format_number(2 / 3, 3)
    ('0', '0.667')
    """
    return f"{number + 0.0:.{digits}g}"  # adding 0.0 turns -0.0 into 0.0


def format_bounds(bounds: tuple[float, float]) -> str:
    """Format a reward's bounds as its min and max.

    >>> format_bounds((-0.0, 0.5)), format_bounds((-math.inf, math.inf))
    ('min 0, max 0.5', 'no min, no max')
    """
    low, high = bounds
    least = "no min" if math.isinf(low) else f"min {format_number(low)}"
    most = "no max" if math.isinf(high) else f"max {format_number(high)}"
    return f"{least}, {most}"


MAX_ERROR_CHARACTERS = 4_000
RENAME_HINT = "rename one with --column FILE=REWARD, for example --column solution=answer"
COMMAND_FOR_CALL = {
    "rk.names() lists them": "`rewardkit list` prints them",
    **{f"rk.names({kind!r}) lists them": f"`rewardkit list {kind}` prints them" for kind in KINDS},
}
"""What errors advise in Python, and the command that does the same."""
_OPTION_FOR_ARGUMENT = {
    r"give its values: columns=\{[^}]*\}(?:, or a Hypothesis strategy for a value)?": (
        "give its values with --values FILE"
    ),
    r"it takes template=, as '([^']*)', and finite bounds": (
        r"it takes --template '\1', and finite --bounds LOW..HIGH"
    ),
    r"it takes template=, as '([^']*)'": r"it takes --template '\1'",
    r"it takes right=, pairs of an answer and a reference": (
        "it takes --right SOURCE, rows with an answer and a reference"
    ),
    r"it takes wrong=, pairs of an answer and a reference": (
        "it takes --wrong SOURCE, rows with an answer and a reference"
    ),
    r"it takes missing=, texts without an answer": (
        "it takes --missing TEXT, in which there is no answer"
    ),
    r"give bounds=\(low, high\)": "give --bounds LOW..HIGH",
    r"forms= or completions= gives more": "--form gives more",
    r"give references=": "give the column reference with --data or --values",
    r"laws=\S+ and skip=.* leave no law to try": "--law and --skip leave no law to try",
    r"pass rows and a template": "give --data and --template",
    r"name the answer's column as `answer`": "name the answer's column with --answer",
    r"max_completion_length counts tokens; give a tokenizer too": (
        "--max-completion-length counts tokens; give --tokenizer too"
    ),
    r"\bmax_rows=": "--rows ",
    r"\bshare=": "--share ",
}
"""Patterns of what the kit and the audit advise in Python, and the options of the commands."""


def advise_for_commands(text: str) -> str:
    """Name a command's options where a text names Python's arguments.

    >>> advise_for_commands("no bounds are declared; give bounds=(low, high)")
    'no bounds are declared; give --bounds LOW..HIGH'
    """
    for call, command in COMMAND_FOR_CALL.items():
        text = text.replace(call, command)
    for pattern, option in _OPTION_FOR_ARGUMENT.items():
        text = re.sub(pattern, option, text)
    return text


def format_error(error: Exception) -> str:
    r"""Format an error in one line, with its notes and without its class where the text suffices.

    >>> format_error(ValueError("not a number\nin row 3"))
    'not a number in row 3'
    >>> format_error(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero; set REWARDKIT_DEBUG=1 to see the traceback'
    """
    # typer's own errors: by their method, since their class differs between typer's versions
    format_message: Callable[[], str] | None = getattr(error, "format_message", None)
    if format_message is not None:
        context = getattr(error, "ctx", None)
        hint = f" ({context.command_path} --help)" if context is not None else ""
        return f"{format_message()}{hint}".replace("\n", " ")
    # misuse raises these with a full sentence; any other error is a bug in a reward or in rewardkit
    expected = isinstance(error, ValueError | LookupError | OSError | ImportError | TypeError)
    # str() of a KeyError is the repr of its message
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror.lower()}"
    if not (expected and text):
        text = error_line(error)
    text = advise_for_commands(text)
    if re.match(rf".*\bno ({'|'.join(KINDS)}|component) is called '", text):
        text += "; if a module of yours registers it, add --import MODULE"
    # by name: the class is in a module that is slow to import
    if type(error).__name__ == "ColumnError" and "--column" not in text:
        text += f"; {RENAME_HINT}"
    if notes := getattr(error, "__notes__", []):
        text += f" ({'; '.join(notes)})"
    if not expected:
        text += "; set REWARDKIT_DEBUG=1 to see the traceback"
    # A reward of one's own may quote a completion in its error.
    return shorten_text(text, MAX_ERROR_CHARACTERS)


class ProgressBar:
    """A bar on stderr: its two methods are what `score` and `report` call."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("rows", total=None)

    def rows(self, done: int, total: int | None) -> None:
        """Show how many rows are done."""
        self._bar.update(self._task, completed=done, total=total)

    def stage(self, stage: str, done: int, total: int | None) -> None:
        """Show how much of a stage is done."""
        self._bar.update(self._task, description=stage, completed=done, total=total)


@contextmanager
def show_progress(*, enabled: bool) -> Iterator[ProgressBar | None]:
    """Yield a progress bar on stderr, or None if that is not a terminal."""
    console = Console(stderr=True)
    if not (enabled and console.is_terminal):
        yield None
        return
    from rich import progress as bars  # noqa: PLC0415 - no other command needs it

    columns = (
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(compact=True),
    )
    with bars.Progress("{task.description}", *columns, console=console, transient=True) as bar:
        yield ProgressBar(bar)


# Components ---------------------------------------------------------------------------------------


def print_component(page: Mapping[str, Any]) -> None:
    """Print what `describe_component` returns."""
    console = Console()
    # no highlighting where text holds names and numbers: rich would colour parts of them
    title = f"[bold cyan]{page['name']}[/] ({page['kind']}, {page['module']})\n"
    console.print(title, highlight=False)
    console.print(Text(page["doc"]))
    console.print("\n[bold]fields")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for field in page["fields"]:
        default = "required" if field["required"] else f"= {field['default']!r}"
        text = Text.assemble(field["doc"], (f" {field['type']}", "dim"))
        table.add_row(f"[green]{field['name']}", Text(default), text)
    console.print(table)
    if page["kind"] == "reward":
        bounds = format_bounds(page["bounds"]) if page["bounds"] else page["bounds_rule"]
        console.print(f"\n[bold]bounds[/]  {escape(bounds)}", highlight=False)
        rows = {
            True: "each row by itself",
            False: "each row depends on its group",
            None: "each row by itself, if the rewards inside do",
        }[page["pointwise"]]
        console.print(f"[bold]scores[/]  {rows}")
    if page["columns"]:
        console.print(f"[bold]reads[/]   {', '.join(page['columns'])}")
    if page["sandbox"]:
        console.print(f"[bold]sandbox[/] {escape(page['sandbox'])}", highlight=False)
    if page["source"]:
        console.print(f"[bold]note[/]    {escape(page['source'])}", highlight=False)
    console.print("\n[bold]example")
    from rich.syntax import Syntax  # noqa: PLC0415 - pygments is slow to import

    console.print(Syntax(page["example"], "pycon", background_color="default", word_wrap=True))


# Scores and reports -------------------------------------------------------------------------------


def print_scores(scored: ScoringResult) -> None:
    """Print the figures of each reward, and of their sum, over a scored file.

    If the rows went to stdout, this goes to stderr.
    """
    console = Console(stderr=scored.out is None)
    table = Table("reward", box=None, header_style="bold")
    for heading in ("weight", "mean", "min", "max", "skipped"):
        table.add_column(heading, justify="right")
    for row in (*scored.rewards, scored.total):
        if row is scored.total:
            table.add_section()
        figures = (row.weight, row.mean, row.low, row.high)
        texts = ["" if figure is None else format_number(figure, 4) for figure in figures]
        table.add_row(escape(row.name), *texts, f"{scored.rows - row.scored}")
    console.print(table)
    if scored.passes is not None and scored.passes.groups:
        console.print(f"\n{escape(format_passes(scored.passes))}", highlight=False)
    if scored.out is not None:
        typer.echo(f"\n{scored.out}: {pluralize(scored.rows, 'row')}{_format_resumed(scored)}")
    if scored.matched or scored.unmatched or scored.ambiguous:
        why = ": the data has several rows for them, which differ" if scored.ambiguous else ""
        sys.stderr.write(
            f"rewardkit: {pluralize(scored.unmatched, 'row')} without a match in the joined data,"
            f" {scored.matched} matched, {scored.ambiguous} ambiguous{why}\n"
        )
    if scored.unreadable:
        rows = pluralize(scored.unreadable, "row")
        sys.stderr.write(f"rewardkit: {rows} without scores, such as {scored.first_unreadable}\n")
    for row in scored.rewards:
        if scored.rows and not row.scored:
            # on stderr: a column without a value is hardly what was wanted
            sys.stderr.write(
                f"rewardkit: {explain_no_values(row.name, scored.rows, row.abstained)}\n"
            )


def _format_resumed(scored: ScoringResult) -> str:
    if not scored.resumed:
        return ""
    if scored.resumed == scored.rows:
        return ", all already scored"
    return f", {scored.resumed} of them by an earlier run"


def print_filtered(kept: Filtered) -> None:
    """Print what a filter kept, and the pass rates before it."""
    to_stderr = kept.out is None  # the rows are on stdout
    if kept.passes is not None:
        typer.echo(format_passes(kept.passes), err=to_stderr)
    if kept.undecided:
        rows = pluralize(kept.undecided, "row")
        sys.stderr.write(f"rewardkit: {rows} dropped without a pass rate: no prompt or no value\n")
    typer.echo(
        f"{kept.out or 'stdout'}: {kept.rows:,} of {kept.of_rows:,} rows,"
        f" {kept.groups:,} of {kept.of_groups:,} groups",
        err=to_stderr,
    )


def format_passes(passes: PassRates) -> str:
    """Format pass@k, and how many groups never or always pass, in one line."""
    values = ", ".join(f"pass@{each.k} {each.value:.1%}" for each in passes.pass_at)
    return (
        f"{passes.reward} \N{GREATER-THAN OR EQUAL TO} {format_number(passes.least, 4)}: {values};"
        f" {passes.never:.1%} of {pluralize(passes.groups, 'group')} never pass,"
        f" {passes.always:.1%} always"
    )


def print_report(written: Report) -> None:
    """Print a report's main findings, and where the page is."""
    console = Console()
    # the same levels as the page's own colours
    colours = {"bad": "red", "watch": "yellow", "good": "green"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in written.findings:
        text = Text.assemble((f"{finding.title}. ", "bold"), finding.text)
        table.add_row(Text(finding.figure, colours[finding.level]), text)
    console.print(table)
    texts = "all texts" if written.shown == written.rows else f"the texts of {written.shown:,}"
    size = f"{written.size / 1e6:.2f} MB"
    typer.echo(f"{written.path}: {written.rows:,} rows, {texts}, {size}")


def print_diff(compared: Diff) -> None:
    """Print what changed in each reward, and the rows or prompts whose sum changed most."""
    changes = compared.changes
    console = Console()
    table = Table("reward", box=None, header_style="bold")
    for heading in ("before", "after", "change", "95% interval", "rose", "fell", "equal"):
        table.add_column(heading, justify="right")
    lines = [*changes.rewards, changes.total]
    lines += [changes.passing] if changes.passing else []
    lines += [changes.length] if changes.unit == "prompts" else []
    for each in lines:
        ends = each.interval
        means = (each.before, each.after)
        texts = ["-" if mean is None else format_number(mean, 3) for mean in means]
        change = each.change
        sign = "+" if change is not None and change > 0 else ""
        texts.append("-" if change is None else f"{sign}{format_number(change, 3)}")
        texts.append(" to ".join(format_number(end, 3) for end in ends) if ends else "")
        # bold where the interval leaves out 0
        style = "bold" if each.clear else None
        counts = (f"{count:,}" for count in (each.rose, each.fell, each.equal))
        table.add_row(escape(each.name), *texts, *counts, style=style)
    console.print(table)
    for side, names in zip(("before", "after"), changes.only, strict=True):
        if names:
            console.print(f"only {side}: {escape(', '.join(names))}", highlight=False)
    for title, examples in (("rose", changes.rises), ("fell", changes.falls)):
        for example in examples:
            numbers = [*dict.fromkeys(map(str, example.rows))]
            rows = f"row{'s' * (len(numbers) > 1)} {' and '.join(numbers)}"
            shift = f"{'+' * (example.change > 0)}{format_number(example.change, 3)}"
            shown = shorten_text(example.prompt or example.texts[0])
            text = Text(f"{title} {shift:>7}  {rows}: {shown}")
            console.print(text, no_wrap=True, overflow="ellipsis", highlight=False)
    unpaired = ""
    if any(changes.unpaired):
        unpaired = f"; {changes.unpaired[0]:,} only before and {changes.unpaired[1]:,} only after"
    written = "" if compared.path is None else f"{compared.path}: "
    typer.echo(f"\n{written}{changes.pairs:,} {changes.unit} compared{unpaired}")


# Checks -------------------------------------------------------------------------------------------


_MAX_SHOWN_TEXT = 480  # characters: a few lines of a terminal


def print_audit(audit: Audit, limit: int) -> None:
    """Print what an audit found: each reward, with at most `limit` groups of its findings."""
    console = Console()
    console.print(audit.summary, highlight=False)
    for audited in audit.rewards:
        style = "red" if audited.exploit_count else "green"
        name = f"\n[bold]{escape(audited.reward)}[/]"
        console.print(f"{name}  [{style}]{escape(audited.summary)}[/]", highlight=False)
        for evidence in audited.evidence:
            text = Text(f"  checks {evidence}", "dim")
            console.print(text, no_wrap=True, overflow="ellipsis", highlight=False)
        groups = audit.group_findings(audited.reward)
        for group in groups[:limit]:
            for line in _format_finding(group.worst, console.width):
                console.print(Text(line), highlight=False)
            if group.others:
                names = _indent(group.other_names, console.width)
                console.print(Text(names, "dim"), highlight=False)
        if len(groups) > limit:
            hidden = len(groups) - limit
            console.print(f" {hidden} more; see them with --show {len(groups)}", highlight=False)


def _format_finding(finding: Finding, width: int) -> Iterator[str]:
    """Yield the lines of a finding: what it earned, and its text, whole where that fits."""
    from rewardkit.audit.findings import quote  # noqa: PLC0415 - only this command needs it

    is_text = finding.kind in ("exploit", "refused")
    fraction = f"{round(100 * finding.score_fraction)}%" if is_text else finding.kind
    kind = "refused " if finding.kind == "refused" else ""
    value = "" if finding.value is None else format_number(finding.value, 3)
    head = f" {fraction:>8} {value:>7}  {kind}{finding.entry:28}"
    whole = repr(finding.completion)
    text = whole if len(whole) <= _MAX_SHOWN_TEXT else quote(finding.excerpt)
    if not is_text:
        text = advise_for_commands(finding.detail)
        # The reference completion is the same for all; what another one did needs its text.
        if finding.entry != "reference":
            text += f": {quote(finding.excerpt)}"
    if len(head) + 1 + len(text) <= width:
        yield f"{head} {text}"
    else:
        yield head.rstrip()
        yield _indent(text, width)


def _indent(text: str, width: int) -> str:
    """Return a text in lines of a width, indented below the finding that it belongs to."""
    wrapped = textwrap.wrap(
        text, max(width - 4, 20), replace_whitespace=False, break_on_hyphens=False
    )
    return textwrap.indent("\n".join(wrapped), " " * 4)


def print_preflight(preflight: Preflight) -> None:
    """Print what a preflight found: the problems, then how each reward varies within groups."""
    from rewardkit.audit.findings import NO_MAXIMUM  # noqa: PLC0415 - only this command needs it

    console = Console()
    for problem in preflight.problems:
        text = advise_for_commands(problem.summary)
        if problem.kind == "missing_column":
            text += f"; {RENAME_HINT}"
        console.print(f"[red]{escape(problem.reward)}[/]  {escape(text)}", highlight=False)
    table = Table("reward", box=None, header_style="bold")
    for heading in ("mean", "std in a group", "flat groups"):
        table.add_column(heading, justify="right")
    for spread in preflight.spread:
        flat = f"{spread.flat:.0%}" if spread.flat else ""
        mean, std = format_number(spread.mean, 3), format_number(spread.std, 3)
        table.add_row(escape(spread.reward), mean, std, flat)
    if preflight.spread:  # there is none if a column is missing
        console.print(table)
    for name in preflight.unbounded:
        console.print(f"{escape(name)}: {NO_MAXIMUM}", highlight=False)
    console.print(f"\n{preflight.summary}", highlight=False)


def print_checks(checked: Sequence[Mapping[str, Any]]) -> None:
    """Print one line per component that was checked against the laws."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for item in checked:
        failed = ", ".join(finding["law"] for finding in item["findings"])
        passed = Text("interrupted" if "interrupted" in item else "passed", "green")
        text = Text(f"failed: {failed}", "red") if failed else passed
        count = f"{pluralize(len(item['held']), 'check')} passed, {len(item['skipped'])} skipped"
        for law, warning in item.get("warnings", {}).items():
            count += f"\nwarning: {law}: {warning}"
        table.add_row(Text(item["label"], "cyan"), text, Text(count, "dim"))
    Console().print(table)
