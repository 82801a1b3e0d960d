"""The commands that begin a team's tests: init and snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rewardkit._messages import pluralize
from rewardkit.cli.arguments import (
    FOUND,
    ColumnOption,
    ImportOption,
    JsonOption,
    RewardArguments,
    load_rewards,
    read_rows,
)
from rewardkit.cli.functions import add_usual_values
from rewardkit.cli.printing import print_json

MAX_ROWS = 20_000
"""How many rows of a file a snapshot chooses from; it holds all of them in memory."""
MAX_SHOWN_CHANGES = 20

COMPLETIONS = (
    "{answer}",
    "The answer is {answer}.",
    "<think>\nI work it out.\n</think>\n<answer>\n{answer}\n</answer>",
    "<reasoning>\nI work it out.\n</reasoning>\n<answer>\n{answer}\n</answer>\n",
    "<think>I work it out.</think> \\boxed{{answer}}",
    "I work it out.\n#### {answer}",
    "<think>\n\n</think>\n<answer>\n\n</answer>",
    "I do not know.",
    "",
)
"""What a snapshot scores if no data is given; each with the first usual answers."""


SnapshotOption = Annotated[Path, typer.Option("--out", "-o", help="The JSON file.")]
CompletionsOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="SOURCE",
        help="Rows with a column `completion`, the same as for `score`; by default a few"
        " completions in usual layouts.",
    ),
]
RowsOption = Annotated[int, typer.Option(min=1, help="Number of rows to keep.")]
UpdateOption = Annotated[
    bool, typer.Option("--update", help="Write the file again, if its scores changed.")
]
FolderArgument = Annotated[Path, typer.Argument(help="The folder; it is made if it is missing.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace files that are there already.")]


def snapshot_rewards(  # noqa: PLR0913 - one argument per option
    rewards: RewardArguments,
    *,
    out: SnapshotOption,
    data: CompletionsOption = None,
    column: ColumnOption = None,
    rows: RowsOption = 50,
    update: UpdateOption = False,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep the scores of some completions in a file, and compare with them; exit 1 on a change.

    The first run writes the file, later ones score its rows again.
    """
    from rewardkit.testing.snapshot import compare_snapshot, write_snapshot  # noqa: PLC0415

    loaded = load_rewards(rewards)
    if update or not out.exists():
        available = read_rows(data, column, limit=MAX_ROWS)
        # evenly spaced: the first rows of a sorted file are all of one kind
        chosen = (available or [])[:: max(len(available or []) // rows, 1)][:rows]
        count = write_snapshot(loaded, out, make_rows(loaded) if data is None else chosen)
        if as_json:
            print_json({"path": out, "rows": count, "changes": []})
        else:
            typer.echo(f"{out}: the scores of {pluralize(count, 'row')}")
        return
    changes = compare_snapshot(loaded, out)
    if as_json:
        print_json({"path": out, "changes": changes})
    elif not changes:
        typer.echo(f"{out}: all scores are the same")
    else:
        for change in changes[:MAX_SHOWN_CHANGES]:
            typer.echo(str(change))
        scores = pluralize(len(changes), "score")
        typer.echo(f"\n{out}: {scores} changed; if that is meant, add --update")
    if changes:
        raise typer.Exit(FOUND)


def make_rows(rewards: list[Any]) -> list[dict[str, Any]]:
    """Return rows in usual layouts, with usual values for the columns that the rewards read."""
    values: dict[str, list[Any]] = {}
    for reward in rewards:
        values |= add_usual_values(reward, values, how="give rows that have it with --data")
    made = []
    for number, layout in enumerate(COMPLETIONS):
        row = {name: column[number % len(column)] for name, column in values.items()}
        answer = next((str(value) for value in row.values()), "42")
        made.append({"completion": layout.replace("{answer}", answer), **row})
    return made


def init_project(
    folder: FolderArgument = Path(),
    *,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a rewards.py to begin with, a test of it, and a CI job for GitHub."""
    files = {
        Path("rewards.py"): REWARDS,
        Path("test_rewards.py"): TESTS,
        Path(".github", "workflows", "rewards.yml"): WORKFLOW,
    }
    present = [str(folder / path) for path in files if (folder / path).exists()]
    if present and not force:
        raise ValueError(f"{', '.join(present)} would be replaced; add --force, or name a folder")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        if not as_json:
            typer.echo(folder / path)
    if as_json:
        print_json({"files": [folder / path for path in files]})
    else:
        typer.echo("\nnext: pip install 'rewardkit[cli,testing]' pytest, then: pytest")


REWARDS = '''\
"""The rewards of a run: pass `REWARDS` to GRPOTrainer as `reward_funcs`."""

from rewardkit import Batch, rewards, verify
from rewardkit.extract import Tag

TEMPLATE = "<think>\\nI add them up.\\n</think>\\n<answer>\\n{answer}\\n</answer>"
"""A valid completion, as the prompt asks for it; {answer} is the dataset's column."""

layout = rewards.ThinkFormat(tags=("think", "answer"), name="layout")
right = rewards.Correct(
    verifier=verify.Number(), extractor=Tag(which="only"), correct=2.0, name="right"
)


def short(completions, **columns):
    """A function of your own: 0.1 for at most 2,000 characters, in any form of a completion."""
    return [0.1 if len(text) <= 2000 else 0.0 for text in Batch(completions).texts]


REWARDS = [layout, right, short]
'''

TESTS = '''\
"""What must hold of the rewards before a run."""

from pathlib import Path

import pytest
from rewardkit.audit import audit
from rewardkit.testing import check_reward, check_snapshot, write_snapshot

import rewards

ROWS = [
    {"prompt": "What is 6 times 7?", "answer": "42"},
    {"prompt": "What is 100 less 15?", "answer": "85"},
]
SCORES = Path(__file__).with_name("scores.json")


@pytest.mark.parametrize("reward", rewards.REWARDS, ids=lambda reward: reward.__name__)
def test_laws(reward):
    check_reward(reward, max_examples=20)


def test_no_degenerate_completion_is_rewarded():
    found = audit([rewards.layout, rewards.right], ROWS, template=rewards.TEMPLATE)
    assert not found.findings, str(found)


def test_scores_are_as_they_were():
    """The first run writes the scores; commit the file."""
    if not SCORES.exists():
        texts = [rewards.TEMPLATE.replace("{answer}", row["answer"]) for row in ROWS]
        rows = [{**row, "completion": text} for row, text in zip(ROWS, texts)]
        write_snapshot(rewards.REWARDS, SCORES, rows)
    check_snapshot(rewards.REWARDS, SCORES)
'''

WORKFLOW = """\
name: rewards
on: [push, pull_request]
jobs:
  rewards:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install 'rewardkit[cli,testing]' pytest
      - run: pytest
      - run: rewardkit check rewards.py:REWARDS --quick --github --junit rewards.xml
"""
