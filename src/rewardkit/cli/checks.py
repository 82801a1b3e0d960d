"""The commands that exit 1 where something is wrong with a reward: check, audit and preflight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from rewardkit.cli.arguments import (
    FOUND,
    ColumnOption,
    JsonOption,
    RewardArguments,
    TemplateOption,
    as_list,
    complete_name,
    load_object,
    load_rewards,
    read_rows,
    read_template,
)
from rewardkit.cli.printing import (
    print_audit,
    print_checks,
    print_json,
    print_preflight,
    to_json_data,
)

MAX_ROWS = 20_000
"""How many rows of a file audit and preflight choose from: they hold all of them in memory."""
SLOW_LAWS = ("linear_time", "picklable", "thread_safe", "stateless")
"""What `check --quick` leaves out."""
QUICK_EXAMPLES = 20
MAX_EXAMPLE_ROWS = 1_000
"""How many rows check draws values from; more add time to each draw and few new values."""
NOT_COLUMNS = ("prompt", "completion", "completion_ids", "step")
"""What a trainer passes by itself, so that check makes its own."""


def check_components(  # noqa: PLR0913 - one argument per option
    things: Annotated[
        list[str],
        typer.Argument(
            metavar="COMPONENT...",
            help="Rewards, verifiers and extractors: a YAML file, a registered name,"
            " module:attribute or path.py:attribute.",
            autocompletion=complete_name,
        ),
    ],
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="A file of rows to take the columns' values from."),
    ] = None,
    column: ColumnOption = None,
    form: Annotated[
        list[str] | None,
        typer.Option(help="Forms of completions: text, chat, parts, turns, tools, empty."),
    ] = None,
    template: TemplateOption = None,
    law: Annotated[
        list[str] | None, typer.Option(help="Test only this property. Repeatable.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Skip this property. Repeatable.")] = None,
    max_examples: Annotated[int | None, typer.Option(help="Number of examples per law.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try few examples, and skip the laws that take longest.")
    ] = False,
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
    options: dict[str, Any] = {
        "laws": law or None,
        "skip": skip or (),
        "max_examples": max_examples,
    }
    if quick:
        options["skip"] = (*options["skip"], *SLOW_LAWS)
        options["max_examples"] = max_examples or QUICK_EXAMPLES
    checks = _make_checks(read_template(template), _read_columns(data, column), form, options)
    # every component is checked, also after a failure: one run shows all that is wrong
    components = [(thing, item) for thing in things for item in as_list(load_object(thing))]
    results = [_check_component(item, checks, quiet=as_json) for _, item in components]
    if as_json:
        print_json(results)
    else:
        # a file's sum is named `linear`, like that of every other file
        files = [thing if thing.endswith((".yaml", ".yml")) else "" for thing, _ in components]
        print_checks(
            [
                {**result, "label": f"{file}: {result['name']}" if file else result["name"]}
                for file, result in zip(files, results, strict=True)
            ]
        )
    if any(result["findings"] for result in results):
        raise typer.Exit(FOUND)


def _make_checks(
    template: str | None,
    values: Mapping[str, list[Any]],
    form: list[str] | None,
    options: dict[str, Any],
) -> Mapping[str, Callable[[Any], Any]]:
    """Return the function that checks a component, by its kind."""
    from rewardkit import testing  # noqa: PLC0415 - only this command needs it

    def check_reward(reward: Any) -> Any:
        used = _select_columns(reward, values)
        forms = form or testing.FORMS
        return testing.check_reward(reward, columns=used, template=template, forms=forms, **options)

    def check_extractor(extractor: Any) -> Any:
        # an extractor has no other column to take an answer from
        usable = template if "{answer}" in (template or "") else None
        return testing.check_extractor(extractor, template=usable, **options)

    return {
        "reward": check_reward,
        "verifier": lambda verifier: testing.check_verifier(verifier, **options),
        "extractor": check_extractor,
    }


def _check_component(
    component: Any, checks: Mapping[str, Callable[[Any], Any]], *, quiet: bool
) -> dict[str, Any]:
    """Check one component; return the result as plain data, and print a failure unless quiet."""
    from rewardkit import testing  # noqa: PLC0415 - only this command needs it

    kind = getattr(component, "component_kind", "reward")  # a function is a reward
    name = getattr(component, "registered_name", None)
    name = name or getattr(component, "__name__", repr(component))
    findings: tuple[testing.LawFailure, ...] = ()
    try:
        checked = checks[kind](component)
    except testing.LawBroken as error:
        checked, findings = error.checked, error.findings
        if not quiet:
            typer.echo(f"{error}\n")
    result = {"name": name, "kind": kind, **to_json_data(checked)}
    return {**result, "findings": to_json_data(findings)}


def _read_columns(source: str | None, column: list[str] | None) -> dict[str, list[Any]]:
    rows = read_rows(source, column, limit=MAX_EXAMPLE_ROWS) or []
    names = dict.fromkeys(name for row in rows for name in row)  # a set would lose the file's order
    return {name: [row.get(name) for row in rows] for name in names if name not in NOT_COLUMNS}


def _select_columns(reward: Any, values: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Return the columns that a reward reads; all of them for a function, which does not say."""
    from rewardkit.component import Component, columns  # noqa: PLC0415 - slow, and not for --help

    read = columns(reward) if isinstance(reward, Component) else []
    return {name: values[name] for name in values if name in read} if read else values


def audit_rewards(  # noqa: PLR0913 - one argument per option
    rewards: RewardArguments,
    *,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", metavar="SOURCE", help="The dataset's rows; the same as for `score`."
        ),
    ] = None,
    column: ColumnOption = None,
    template: TemplateOption = None,
    answer: Annotated[str, typer.Option(help="The column with the right answer.")] = "answer",
    sample: Annotated[
        str | None, typer.Option(help="A built-in task; with --data, only its layout is used.")
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Report completions earning at least this fraction of the valid completion's"
            " reward.",
        ),
    ] = 0.9,
    skip: Annotated[
        list[str] | None, typer.Option(help="A zoo entry or family to leave out. Repeatable.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows to use.")] = 8,
    limit: Annotated[int, typer.Option("--show", help="Findings to print per reward.")] = 8,
    as_json: JsonOption = False,
) -> None:
    """Score known reward-hacking completions against a valid one; exit 1 if any is rewarded.

    Without --data it uses the built-in task in whose layout the rewards are highest.
    """
    from rewardkit import audit as audits  # noqa: PLC0415 - only this command needs it

    result = audits.audit(
        load_rewards(rewards),
        read_rows(data, column, limit=MAX_ROWS),
        template=read_template(template),
        answer=answer,
        sample=sample,
        share=share,
        skip=skip or (),
        max_rows=rows,
    )
    if as_json:
        print_json(result)
    else:
        print_audit(result, limit)
    if result.findings:
        raise typer.Exit(FOUND)


def preflight_rewards(  # noqa: PLR0913 - one argument per option
    rewards: RewardArguments,
    *,
    data: Annotated[
        str,
        typer.Option(
            "--data", "-d", metavar="SOURCE", help="The dataset's rows; the same as for `score`."
        ),
    ],
    column: ColumnOption = None,
    template: TemplateOption = None,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows to use.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Test a dataset with the rewards that will train on it; exit 1 if there is a problem.

    It finds missing columns, valid completions that earn less than the maximum, constant and
    redundant rewards, and rewards that do not vary within groups.
    """
    from rewardkit import audit as audits  # noqa: PLC0415 - only this command needs it

    available = read_rows(data, column, limit=MAX_ROWS) or []
    # evenly spaced: the first rows of a sorted file are all of one kind
    chosen = available[:: max(len(available) // rows, 1)][:rows]
    result = audits.preflight(
        load_rewards(rewards), chosen, template=read_template(template) or "{answer}"
    )
    if as_json:
        print_json(result)
    else:
        print_preflight(result)
    if result.problems:
        raise typer.Exit(FOUND)
