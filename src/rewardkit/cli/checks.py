"""The commands that exit 1 where something is wrong with a reward: check, audit and preflight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

import rewardkit as rk  # its names are imported when they are used, which --help does not
from rewardkit._optional import require
from rewardkit.cli.arguments import (
    FOUND,
    INTERRUPTED,
    ColumnOption,
    ImportOption,
    JsonOption,
    RewardArguments,
    TemplateOption,
    as_list,
    complete_name,
    load_object,
    load_rewards,
    parse_bounds,
    read_rows,
    read_template,
)
from rewardkit.cli.ci import (
    Case,
    GithubOption,
    JunitOption,
    cases_of_audit,
    cases_of_check,
    print_annotations,
    write_junit,
)
from rewardkit.cli.functions import add_usual_values, find_forms, read_values
from rewardkit.cli.printing import (
    advise_for_commands,
    print_audit,
    print_checks,
    print_json,
    print_preflight,
    show_progress,
    to_json_data,
)

Options = ParamSpec("Options")
Result = TypeVar("Result")

SkipOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:REWARD]",
        help="A kind of finding, a zoo entry or family to leave out, for all rewards or for one."
        " Repeatable.",
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="An earlier run's --json: what is in it is left out."),
]
TimeLimitOption = Annotated[
    float,
    typer.Option(min=0, help="Seconds after which what is left is not scored; 0 for no limit."),
]
ValuesOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A YAML or JSON file with a list of values per column. A function gets usual"
        " values for columns such as answer, solution and target without it.",
    ),
]
FormOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Forms of completions: text, chat, parts, turns, tools, empty. By default all; for"
        " a function that raises on plain text or on messages, the other one."
    ),
]
BoundsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LOW..HIGH", help="A function's lowest and highest value, for example `0..1`."
    ),
]
RightOption = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Rows with an `answer` that a verifier must find right for their `reference`.",
    ),
]
WrongOption = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Rows with an `answer` that a verifier must not find right for their `reference`.",
    ),
]
MissingOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT", help="A text in which an extractor must find no answer. Repeatable."
    ),
]
QuickOption = Annotated[
    bool,
    typer.Option("--quick", help="Few examples, and no law that starts a process or times one."),
]
ComponentArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="COMPONENT...",
        help="Rewards, verifiers and extractors: a YAML file, a registered name,"
        " module:attribute or path.py:attribute.",
        autocompletion=complete_name,
    ),
]
ValueRowsOption = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="A file of rows to take the columns' values from."),
]
LawOption = Annotated[list[str] | None, typer.Option(help="Test only this property. Repeatable.")]
SkipLawOption = Annotated[list[str] | None, typer.Option(help="Skip this property. Repeatable.")]
MaxExamplesOption = Annotated[int | None, typer.Option(help="Number of examples per law.")]
_DATA = typer.Option(
    "--data", "-d", metavar="SOURCE", help="The dataset's rows; the same as for `score`."
)
DataOption = Annotated[str | None, _DATA]
RequiredDataOption = Annotated[str, _DATA]
AnswerOption = Annotated[str, typer.Option(help="The column with the right answer.")]
SampleOption = Annotated[
    str | None, typer.Option(help="A built-in task; with --data, only its layout is used.")
]
ShareOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Report completions earning at least this fraction of the valid completion's reward.",
    ),
]
PartOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A part that the rewards are held to, in place of those found, for example answer."
        " Repeatable.",
    ),
]
AuditRowsOption = Annotated[int, typer.Option(min=1, help="Number of rows to use.")]
ShowOption = Annotated[
    int, typer.Option("--show", help="Families of findings to print per reward.")
]
PreflightRowsOption = Annotated[
    int, typer.Option(min=1, help="Number of rows to use; groups stay whole.")
]
HeldOutOption = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="Rows for testing, none of which may be in the data."),
]
TokenizerOption = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="A model's name or folder, whose tokenizer is tried on the rows."
    ),
]
MaxCompletionOption = Annotated[
    int | None, typer.Option(min=1, help="The trainer's limit, in tokens.")
]

MAX_ROWS = 20_000
"""How many rows of a file audit and preflight choose from: they hold all of them in memory."""
SLOW_LAWS = ("linear_time", "picklable", "thread_safe", "stateless")
"""What `check --quick` leaves out."""
QUICK_EXAMPLES = 20
MAX_EXAMPLE_ROWS = 1_000
"""How many rows check draws values from; more add time to each draw and few new values."""


def check_components(  # noqa: PLR0913 - one argument per option
    things: ComponentArguments,
    *,
    data: ValueRowsOption = None,
    column: ColumnOption = None,
    values: ValuesOption = None,
    form: FormOption = None,
    template: TemplateOption = None,
    bounds: BoundsOption = None,
    right: RightOption = None,
    wrong: WrongOption = None,
    missing: MissingOption = None,
    law: LawOption = None,
    skip: SkipLawOption = None,
    max_examples: MaxExamplesOption = None,
    quick: QuickOption = False,
    junit: JunitOption = None,
    github: GithubOption = False,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test rewards, verifiers and extractors with generated inputs; exit 1 on a failure.

    Each law is a property that holds for every input. Any component: deterministic, never_raises,
    terminates, yaml_round_trip, picklable, linear_time, stateless, thread_safe. Rewards and
    verifiers: one_value_per_row, pointwise, row_order, no_mutation, near_misses. Rewards: finite,
    bounds, input_formats, extra_columns, renamed_columns, groups, maximum. Verifiers:
    accepts_reference, right_answers, wrong_answers, no_answer, bad_reference. Extractors:
    finds_answer, finds_nothing.
    """
    skipped = [*(skip or ()), *(SLOW_LAWS if quick and not law else ())]
    examples = max_examples or (QUICK_EXAMPLES if quick else None)
    options = {"laws": law or None, "skip": skipped, "max_examples": examples}
    columns = {**_read_columns(data, column), **read_values(values)}
    limits = None if bounds is None else parse_bounds(bounds)
    pairs = {"right": _read_pairs("right", right, column)}
    pairs["wrong"] = _read_pairs("wrong", wrong, column)
    checks = _make_checks(
        read_template(template), columns, form, limits, pairs, missing or None, options
    )
    # every component is checked, also after a failure: one run shows all that is wrong
    components = [(thing, item) for thing in things for item in as_list(load_object(thing))]
    results: list[dict[str, Any]] = []
    for _name, item in components:
        results.append(_check_component(item, checks, quiet=as_json))
        if "interrupted" in results[-1]:
            break
    components = components[: len(results)]
    if as_json:
        print_json(results)
    else:
        _print_results(results, [thing for thing, _ in components])
    cases = cases_of_check(results, [item for _, item in components])
    _report_to_ci("rewardkit check", cases, junit, github=github, err=as_json)
    _exit_on_findings(
        any(result["findings"] for result in results),
        is_interrupted=any("interrupted" in result for result in results),
    )


def _print_results(results: Sequence[dict[str, Any]], things: Sequence[str]) -> None:
    # a file's sum is named `linear`, like that of every other file
    files = [thing if thing.endswith((".yaml", ".yml")) else "" for thing in things]
    print_checks(
        [
            {**result, "label": f"{file}: {result['name']}" if file else result["name"]}
            for file, result in zip(files, results, strict=True)
        ]
    )


def _report_to_ci(
    title: str, cases: Sequence[Case], junit: Path | None, *, github: bool, err: bool
) -> None:
    if junit is not None:
        write_junit(junit, title, cases)
    if github:
        print_annotations(title, cases, err=err)


def _make_checks(  # noqa: PLR0913, PLR0917 - what the options give
    template: str | None,
    values: Mapping[str, list[Any]],
    form: list[str] | None,
    bounds: tuple[float, float] | None,
    pairs: Mapping[str, list[tuple[str, Any]] | None],
    missing: list[str] | None,
    options: dict[str, Any],
) -> Mapping[str, Callable[[Any], Any]]:
    """Return the function that checks a component, by its kind."""
    from rewardkit import testing  # noqa: PLC0415 - only this command needs it

    def check_reward(reward: Any) -> Any:
        used = _select_columns(reward, values)
        is_function = not isinstance(reward, rk.Reward)
        forms = form or (find_forms(reward, used) if is_function else []) or testing.FORMS
        return testing.check_reward(
            reward, columns=used, template=template, forms=forms, bounds=bounds, **options
        )

    def check_verifier(verifier: Any) -> Any:
        check = testing.check_verifier  # first: it loads the modules of the kit in their order
        from rewardkit.testing._drawing import make_column_strategy  # noqa: PLC0415 - the same

        drawn: dict[str, Any] = {
            name: make_column_strategy(given, name) for name, given in pairs.items() if given
        }
        references = values.get("reference", values.get("answer"))
        return check(verifier, references=references, **drawn, **options)

    def check_extractor(extractor: Any) -> Any:
        # an extractor has no other column to take an answer from
        usable = template if "{answer}" in (template or "") else None
        return testing.check_extractor(extractor, template=usable, missing=missing, **options)

    return {
        "reward": check_reward,
        "verifier": check_verifier,
        "extractor": check_extractor,
    }


def _check_component(
    component: Any, checks: Mapping[str, Callable[[Any], Any]], *, quiet: bool
) -> dict[str, Any]:
    """Check one component; return the result as plain data, and print a failure unless quiet."""
    from rewardkit import testing  # noqa: PLC0415 - only this command needs it
    from rewardkit.testing._findings import CheckInterrupted  # noqa: PLC0415 - the same

    kind = getattr(component, "component_kind", "reward")  # a function is a reward
    name = getattr(component, "registered_name", None)
    name = name or getattr(component, "__name__", repr(component))
    findings: tuple[testing.LawFailure, ...] = ()
    is_interrupted = False
    try:
        checked = checks[kind](component)
    except testing.LawBroken as error:
        checked, findings = error.checked, error.findings
        if not quiet:
            typer.echo(f"{error}\n")
    except CheckInterrupted as stop:
        checked, findings, is_interrupted = stop.checked, stop.findings, True
        if findings and not quiet:
            typer.echo(f"{testing.LawBroken(str(name), findings, checked)}\n")
    result = {"name": name, "kind": kind, **to_json_data(checked)}
    skipped = {law: advise_for_commands(why) for law, why in result["skipped"].items()}
    result |= {"skipped": skipped, "findings": to_json_data(findings)}
    return {**result, "interrupted": True} if is_interrupted else result


def _exit_on_findings(found: object, *, is_interrupted: bool) -> None:
    if is_interrupted:
        typer.echo("rewardkit: interrupted; above is what was found before", err=True)
        raise typer.Exit(INTERRUPTED)
    if found:
        raise typer.Exit(FOUND)


def _read_pairs(
    option: str, source: str | None, column: list[str] | None
) -> list[tuple[str, Any]] | None:
    rows = read_rows(source, column, limit=MAX_EXAMPLE_ROWS)
    if rows is None:
        return None
    if not rows or not all({"answer", "reference"} <= row.keys() for row in rows):
        example = '{"answer": "1,000", "reference": "1000"}'
        raise ValueError(f"--{option} {source}: expected rows such as {example}")
    return [(row["answer"], row["reference"]) for row in rows]


def _read_columns(source: str | None, column: list[str] | None) -> dict[str, list[Any]]:
    from rewardkit.batch import NOT_DATASET_COLUMNS  # noqa: PLC0415 - slow, and not for --help

    rows = read_rows(source, column, limit=MAX_EXAMPLE_ROWS) or []
    names = dict.fromkeys(name for row in rows for name in row)  # a set would lose the file's order
    return {
        name: [row.get(name) for row in rows] for name in names if name not in NOT_DATASET_COLUMNS
    }


def _select_columns(reward: Any, values: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Return the values of the columns that a reward reads, with usual ones for a function."""
    from rewardkit.component import Component, columns  # noqa: PLC0415 - slow, and not for --help

    if not isinstance(reward, Component):
        return add_usual_values(reward, values)
    read = columns(reward)
    return {name: values[name] for name in values if name in read} if read else values


def audit_rewards(  # noqa: PLR0913 - one argument per option
    rewards: RewardArguments,
    *,
    data: DataOption = None,
    column: ColumnOption = None,
    template: TemplateOption = None,
    answer: AnswerOption = "answer",
    sample: SampleOption = None,
    share: ShareOption = 0.9,
    checks: PartOption = None,
    skip: SkipOption = None,
    baseline: BaselineOption = None,
    rows: AuditRowsOption = 8,
    limit: ShowOption = 8,
    time_limit: TimeLimitOption = 25.0,
    junit: JunitOption = None,
    github: GithubOption = False,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score known reward-hacking completions against a valid one; exit 1 if any is rewarded.

    Without --data it uses the built-in task in whose layout the rewards are highest.
    """
    from rewardkit import audit as audits  # noqa: PLC0415 - only this command needs it

    loaded = load_rewards(rewards)
    known = audits.read_baseline(baseline) if baseline else {}
    with show_progress(enabled=not as_json) as bar:
        result, is_interrupted = _run_until_interrupted(
            audits.audit,
            loaded,
            read_rows(data, column, limit=MAX_ROWS),
            template=read_template(template),
            answer=answer,
            sample=sample,
            checks=checks,  # type: ignore[arg-type]  # the audit says which there are
            share=share,
            skip=skip or (),
            max_rows=rows,
            time_limit=time_limit or None,
            progress=bar.stage if bar else None,
        )
    result, left_out = audits.leave_out(result, known)
    if as_json:
        print_json(result.as_dict())
    else:
        print_audit(result, limit)
        _print_left_out(left_out, baseline)
    cases = cases_of_audit(result, loaded)
    _report_to_ci("rewardkit audit", cases, junit, github=github, err=as_json)
    _exit_on_findings(result.findings, is_interrupted=is_interrupted)


def preflight_rewards(  # noqa: PLR0913 - one argument per option
    rewards: RewardArguments,
    *,
    data: RequiredDataOption,
    column: ColumnOption = None,
    template: TemplateOption = None,
    rows: PreflightRowsOption = 200,
    held_out: HeldOutOption = None,
    tokenizer: TokenizerOption = None,
    max_completion_length: MaxCompletionOption = None,
    skip: SkipOption = None,
    baseline: BaselineOption = None,
    time_limit: TimeLimitOption = 120.0,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test a dataset with the rewards that will train on it; exit 1 if there is a problem.

    It finds missing columns, valid completions that earn less than the maximum, constant and
    redundant rewards, and rewards that do not vary within groups.
    """
    from rewardkit import audit as audits  # noqa: PLC0415 - only this command needs it

    known = audits.read_baseline(baseline) if baseline else {}
    available = read_rows(data, column, limit=MAX_ROWS) or []
    with show_progress(enabled=not as_json) as bar:
        result, is_interrupted = _run_until_interrupted(
            audits.preflight,
            load_rewards(rewards),
            available,
            template=read_template(template),
            held_out=read_rows(held_out, column, limit=MAX_ROWS),
            tokenizer=_load_tokenizer(tokenizer),
            max_completion_length=max_completion_length,
            max_rows=rows,
            skip=skip or (),
            time_limit=time_limit or None,
            progress=bar.stage if bar else None,
        )
    result, left_out = audits.leave_out(result, known)
    if as_json:
        print_json(result)
    else:
        print_preflight(result)
        _print_left_out(left_out, baseline)
    _exit_on_findings(result.problems, is_interrupted=is_interrupted)


def _run_until_interrupted(
    run: Callable[Options, Result], /, *arguments: Options.args, **options: Options.kwargs
) -> tuple[Result, bool]:
    """Return the result of an audit or a preflight, and whether Ctrl-C has ended it early."""
    from rewardkit.audit.timed import Interrupted  # noqa: PLC0415 - slow, and not for --help

    try:
        return run(*arguments, **options), False
    except Interrupted as stop:
        return stop.result, True


def _print_left_out(count: int, baseline: Path | None) -> None:
    if count:
        typer.echo(f"{count} known by {baseline}, left out")


def _load_tokenizer(name: str | None) -> Any:
    if name is None:
        return None
    transformers = require("transformers", install="transformers")
    return transformers.AutoTokenizer.from_pretrained(name)
