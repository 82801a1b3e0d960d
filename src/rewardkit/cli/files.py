"""The commands on files of completions: score, filter, report and diff."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from rewardkit.cli.arguments import (
    INTERRUPTED,
    ColumnOption,
    GroupOption,
    ImportOption,
    JoinOption,
    JsonOption,
    OnOption,
    PassRewardOption,
    PassValueOption,
    RewardArguments,
    RewardOption,
    ScoredArgument,
    ScoredOutOption,
    SourceArgument,
    WeightOption,
    WorkersOption,
    load_rewards,
    parse_columns,
    parse_range,
    parse_weights,
)
from rewardkit.cli.printing import (
    print_diff,
    print_filtered,
    print_json,
    print_report,
    print_scores,
    show_progress,
)

EngineOption = Annotated[
    str,
    typer.Option(metavar="local|ray", help="What runs the processes: this machine, or Ray."),
]
BatchSizeOption = Annotated[int, typer.Option(help="Rows per batch.")]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Start over: ignore what an earlier run wrote.")
]
PassRateOption = Annotated[
    str,
    typer.Option(
        metavar="LOW..HIGH",
        help="Keep groups of which this share of the completions passes, for example"
        " `0.2..0.8`, `..0.8` or `0.2..`.",
    ),
]
OnePerGroupOption = Annotated[
    bool, typer.Option("--one-per-group", help="Keep the first row of each group only.")
]
PageOption = Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")]
TitleOption = Annotated[str | None, typer.Option(help="The page's title.")]
BeforeArgument = Annotated[
    str,
    typer.Argument(metavar="BEFORE", help="A file that `score` wrote, or TRL's completions."),
]
AfterArgument = Annotated[
    str, typer.Argument(metavar="AFTER", help="Another one, with the same prompts.")
]
PageOfExamplesOption = Annotated[
    Path | None, typer.Option("--report", help="Also write an HTML page with examples.")
]
ExamplesOption = Annotated[
    int, typer.Option(min=0, help="How many rows that rose, and that fell, to show.")
]


def score_file(  # noqa: PLR0913 - one argument per option
    source: SourceArgument,
    rewards: RewardArguments,
    *,
    out: ScoredOutOption,
    column: ColumnOption = None,
    join: JoinOption = None,
    on: OnOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    batch_size: BatchSizeOption = 1024,
    fresh: FreshOption = False,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a file of completions: a value and a reason from each reward, for every row.

    If it was interrupted, run the same command again to resume; no row is lost or repeated.
    """
    from rewardkit import scoring  # noqa: PLC0415 - only this command needs it

    _refuse_two_outputs(out, as_json=as_json)
    # before the progress bar starts, so that an error is not printed into it
    loaded, columns = load_rewards(rewards), parse_columns(column)
    with show_progress(enabled=not as_json) as progress, _reader_may_stop():
        try:
            scored = scoring.score(
                source,
                loaded,
                out,
                columns=columns,
                join=join,
                on=on,
                workers=workers,
                batch_size=batch_size,
                resume=not fresh,
                progress=progress.rows if progress else None,
                engine=engine,
            )
        except KeyboardInterrupt:
            sys.stderr.write("rewardkit: interrupted; run the same command again to resume\n")
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({k: v for k, v in scored._asdict().items() if k != "scored"})
    else:
        print_scores(scored)


def _refuse_two_outputs(out: str, *, as_json: bool) -> None:
    if as_json and out == "-":
        raise ValueError("--json and --out - both print to stdout; give one of them")


@contextmanager
def _reader_may_stop() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None


def filter_file(  # noqa: PLR0913 - one argument per option
    source: ScoredArgument,
    *,
    out: ScoredOutOption,
    pass_rate: PassRateOption,
    column: ColumnOption = None,
    group: GroupOption = None,
    pass_reward: PassRewardOption = None,
    pass_value: PassValueOption = None,
    one_per_group: OnePerGroupOption = False,
    as_json: JsonOption = False,
) -> None:
    """Keep the prompts of a scored file that are neither too easy nor too hard."""
    from rewardkit import scoring  # noqa: PLC0415 - only this command needs it

    _refuse_two_outputs(out, as_json=as_json)
    low, high = parse_range(pass_rate)
    with _reader_may_stop():
        kept = scoring.filter_groups(
            source,
            out,
            low=low,
            high=high,
            columns=parse_columns(column),
            group=group,
            pass_reward=pass_reward,
            pass_value=pass_value,
            one_per_group=one_per_group,
        )
    if as_json:
        print_json(kept)
    else:
        print_filtered(kept)


def write_report(  # noqa: PLR0913 - one argument per option
    source: ScoredArgument,
    *,
    out: PageOption = Path("report.html"),
    column: ColumnOption = None,
    title: TitleOption = None,
    reward: RewardOption = None,
    weight: WeightOption = None,
    group: GroupOption = None,
    pass_reward: PassRewardOption = None,
    pass_value: PassValueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an HTML report on the rewards of a scored file, and print its main findings."""
    from rewardkit.report import report  # noqa: PLC0415 - only this command needs it

    columns, weights = parse_columns(column), None if weight is None else parse_weights(weight)
    with show_progress(enabled=not as_json) as progress:
        written = report(
            source,
            out,
            columns=columns,
            title=title,
            rewards=reward,
            weights=weights,
            group=group,
            pass_reward=pass_reward,
            pass_value=pass_value,
            progress=progress.stage if progress else None,
        )
    if as_json:
        print_json(written.as_dict())
    else:
        print_report(written)


def compare_files(  # noqa: PLR0913 - one argument per option
    before: BeforeArgument,
    after: AfterArgument,
    *,
    report: PageOfExamplesOption = None,
    column: ColumnOption = None,
    reward: RewardOption = None,
    weight: WeightOption = None,
    group: GroupOption = None,
    pass_reward: PassRewardOption = None,
    pass_value: PassValueOption = None,
    examples: ExamplesOption = 5,
    as_json: JsonOption = False,
) -> None:
    """Compare two scored files: what changed, by how much, with a 95% interval and examples."""
    from rewardkit.report import diff  # noqa: PLC0415 - only this command needs it

    compared = diff(
        before,
        after,
        out=report,
        columns=parse_columns(column),
        rewards=reward,
        weights=None if weight is None else parse_weights(weight),
        group=group,
        pass_reward=pass_reward,
        pass_value=pass_value,
        examples=examples,
    )
    if as_json:
        print_json(compared.as_dict())
    else:
        print_diff(compared)
