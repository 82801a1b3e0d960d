"""The command demo, and the completions it scores: as of a model that learns to add."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from rewardkit.cli.arguments import JsonOption
from rewardkit.cli.printing import print_json, print_scores

FolderArgument = Annotated[Path, typer.Argument(help="Where to write the files.")]


def run_demo(
    folder: FolderArgument = Path("rewardkit-demo"),
    *,
    as_json: JsonOption = False,
) -> None:
    """Score sample completions with the five rewards of the XML recipe, and write a report.

    It takes a second and needs neither a model nor a GPU. In a checkout, `make demo` trains a
    small model.
    """
    from rewardkit import presets, scoring  # noqa: PLC0415 - only this command needs them
    from rewardkit.report import report  # noqa: PLC0415 - the same

    folder.mkdir(parents=True, exist_ok=True)
    source, out = folder / "completions.jsonl", folder / "scored.jsonl"
    lines = (json.dumps(row) + "\n" for row in sample_rows())
    source.write_text("".join(lines), encoding="utf-8")
    rewards = [
        presets.xmlcount_reward_func,
        presets.soft_format_reward_func,
        presets.strict_format_reward_func,
        presets.int_reward_func,
        presets.correctness_reward_func,
    ]
    scored = scoring.score(source, rewards, out, resume=False)
    page = report(out, folder / "report.html", title="Learning to add")
    if as_json:
        print_json({"scored": scored, "report": page.path})
        return
    print_scores(scored)
    typer.echo(
        f"\nThe report is {page.path}; open it in a browser. To score your own file:\n"
        f"  rewardkit score {source} {out}.rewards.yaml --out scored.jsonl\n"
        "  rewardkit report scored.jsonl"
    )


def sample_rows(*, steps: int = 12, prompts: int = 8, group: int = 8) -> Iterator[dict[str, Any]]:
    """Yield rows as TRL logs them: a group of completions for each prompt, step by step.

    Each part of a completion is right with a probability that grows with the step. The rows are
    the same each time.

    >>> row = next(sample_rows())
    >>> row["step"], row["prompt"], row["answer"]
    (1, '17 + 63 =', '80')
    """
    rng = random.Random(3407)  # noqa: S311 - no secrets
    for step in range(1, steps + 1):
        for _ in range(prompts):
            left, right = rng.randint(10, 99), rng.randint(10, 99)
            for _ in range(group):
                yield {
                    "step": step,
                    "prompt": f"{left} + {right} =",
                    "completion": _write_completion(left, right, step / steps, rng),
                    "answer": str(left + right),
                }


def _write_completion(left: int, right: int, skill: float, rng: random.Random) -> str:
    """Return a completion in which each part is right with a probability that grows with skill."""

    def choose(expected: str, *others: str) -> str:
        # 0.35 to 0.95: groups are mixed from the first step to the last, so no chart is flat
        return expected if rng.random() < 0.35 + 0.6 * skill else rng.choice(others)

    units = left % 10 + right % 10
    total = left + right
    forgotten_carry = str(total - units // 10 * 10)
    return "".join(
        [
            choose("<reasoning>\n", "<reasoning>", "Let us see. "),
            f"{left % 10} + {right % 10} = {units}, {left // 10} + {right // 10} tens",
            choose("\n</reasoning>\n", "</reasoning> ", " "),
            choose("<answer>\n", "<answer>", "The answer is "),
            choose(str(total), forgotten_carry, str(total + 1), f"about {total}", ""),
            choose("\n</answer>", "</answer>", "", "</answer> I hope that this helps!"),
        ]
    )
