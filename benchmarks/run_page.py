"""Write the page of a run from its run folder, with the run's small files next to it.

    python benchmarks/run_page.py RUN_FOLDER docs/runs/NAME --title TITLE --command COMMAND

Numbers are rounded to six digits, and the plot's points to a tenth. Columns of the log that never
change or repeat another one are left out. Detailed times are reduced to their medians. If the model
was read from a folder, the page has its name on the hub instead. Text between the markers of an
existing page (`<!-- words -->` to `<!-- /words -->`) is kept.
"""

import argparse
import json
import re
from pathlib import Path
from statistics import fmean, median
from typing import Any

DETAILS = ("seconds_by_reward", "seconds_until_rewards")
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
FOLDER = re.compile(r"(?:/[^\s\"']+)?/SmolLM2-135M-Instruct")
WORDS = re.compile(r"<!-- words -->.*?<!-- /words -->", re.DOTALL)
COMPARED_STEPS = slice(90, 100)
"""Steps 91 to 100: runs of different lengths are compared over these."""
REPEATED = {"step_time", "epoch", "num_tokens", "completion_length", *DETAILS}
"""Columns that repeat another one, or are only on the page, as medians."""
POINTS = re.compile(r'\b(?:d|x|y)="[^"]*"')
LONG = re.compile(r"-?\d+\.\d{2,}")
Row = dict[str, Any]


def round_numbers(value: Any) -> Any:
    """Round the numbers in a value to six digits."""
    if isinstance(value, dict):
        return {key: round_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [round_numbers(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def shrink_plot(svg: str) -> str:
    """Round a plot's points to a tenth, and remove space."""
    points = POINTS.sub(lambda part: LONG.sub(lambda n: f"{float(n[0]):.1f}", part[0]), svg)
    return re.sub(r"\s*\n\s*", "\n", points).replace(": ", ":").replace("; ", ";")


def copy_files(run: Path, folder: Path) -> list[Row]:
    """Copy the small files of a run; return its whole log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    changes = [key for key in log[0] if any(row[key] != log[0][key] for row in log)]
    kept = [key for key in changes if key not in REPEATED and "_terminated_" not in key]
    rows = [round_numbers({key: row[key] for key in kept}) for row in log]
    lines = [json.dumps(row, separators=(",", ":")) + "\n" for row in rows]
    (folder / "log.jsonl").write_text("".join(lines), encoding="utf-8")
    for name in ("summary", "comparison", "checks", "versions"):
        data = json.loads(FOLDER.sub(MODEL, (run / f"{name}.json").read_text("utf-8")))
        text = json.dumps(round_numbers(data), indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    recipe = FOLDER.sub(MODEL, (run / "recipe.yaml").read_text("utf-8"))
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    plots = shrink_plot((run / "plots.svg").read_text("utf-8"))
    (folder / "plots.svg").write_text(plots, encoding="utf-8")
    return log


def format_table(rows: list[list[str]]) -> str:
    """Format rows as a Markdown table; the first row is the header."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def tabulate_log(log: list[Row]) -> str:
    """Tabulate the means of every ten steps: each reward, the standard deviation, the length."""
    rewards = [key for key in log[0] if key.startswith("rewards/") and key.endswith("/mean")]
    keys = ["reward", *rewards, "reward_std", "completions/mean_length"]
    names = [key.removeprefix("rewards/").removesuffix("/mean") for key in keys]
    rows = [["steps", *(f"`{name}`" for name in names), "seconds (median)"]]
    for start in range(0, len(log), 10):
        ten = log[start : start + 10]
        means = [f"{fmean(row[key] for row in ten):.2f}" for key in keys]
        rows.append(
            [f"{start + 1}-{start + len(ten)}", *means, f"{median(r['seconds'] for r in ten):.2f}"]
        )
    return format_table(rows)


def tabulate_times(log: list[Row]) -> str:
    """Tabulate the median time of each part of a step, in milliseconds."""
    parts = {
        "until the first reward (generation, mostly)": [r["seconds_until_rewards"] for r in log]
    }
    parts |= {
        f"`{name}`": [row["seconds_by_reward"][name] for row in log]
        for name in log[0]["seconds_by_reward"]
    }
    parts["all rewards"] = [row["rewards_seconds"] for row in log]
    parts["the whole step"] = [row["seconds"] for row in log]
    rows = [["part of a step", "ms (median)"]]
    for name, times in parts.items():
        known = [seconds for seconds in times if seconds is not None]
        rows.append([name, f"{1000 * median(known):.2f}" if known else "none"])
    return f"## Times\n\n{format_table(rows)}\n\n"


def tabulate_comparison(found: Row) -> str:
    """Tabulate the results on held-out rows, without and with the adapter."""
    names = [name for name in found["with"] if name not in ("responses", "rows")]
    rows = [["", "without the adapter", "with it"]]
    for name in names:
        sides = [found[side][name] for side in ("without", "with")]
        rows.append([f"`{name}`", *("none" if side is None else f"{side:.3g}" for side in sides)])
    return format_table(rows)


def format_samples(found: Row, limit: int = 3) -> str:
    """Format some questions, each with both responses."""
    parts = []
    both = zip(
        found["questions"], found["without"]["responses"], found["with"]["responses"], strict=True
    )
    for question, without, trained in [*both][:limit]:
        lines = (
            f"{question}\n\nwithout the adapter:\n{without}\n\nwith it:\n{trained}"
        ).splitlines()
        fence = max(["```", *(f"{run}`" for run in re.findall("```+", "\n".join(lines)))], key=len)
        parts.append("\n".join([f"{fence}text", *(line.rstrip() for line in lines), fence]))
    return "\n\n".join(parts)


def format_page(folder: Path, log: list[Row], title: str, command: str, words: str) -> str:
    """Format the page as Markdown."""
    found = json.loads((folder / "comparison.json").read_text("utf-8"))
    versions = json.loads((folder / "versions.json").read_text("utf-8"))
    later = log[1:]
    typical, whole = median(row["seconds"] for row in later), sum(row["seconds"] for row in later)
    share = sum(row["rewards_seconds"] for row in later) / whole
    names = (
        "recipe.yaml",
        *(f"{name}.json" for name in ("versions", "summary", "comparison", "checks")),
    )
    files = (*names, "log.jsonl")
    links = ", ".join(f"[{name}]({folder.name}/{name})" for name in files)
    ends = f"the last ten steps earn {fmean(row['reward'] for row in log[-10:]):.2f}"
    if part := log[COMPARED_STEPS]:
        ends = f"steps 91 to 100 earn {fmean(row['reward'] for row in part):.2f}, {ends}"
    held = f"{len(found['questions'])} held-out rows, one response each"
    return f"""# {title}

<!-- not run: trains a model -->
```sh
{command}
```

{words}

{len(log)} steps, {typical:.3f} s each (median), the rewards {share:.2%} of the time.
On average {ends}.

{", ".join(f"{name} {number}" for name, number in versions.items())}.

## Training

![Every reward, the spread, the length]({folder.name}/plots.svg)

{tabulate_log(log)}

{tabulate_times(later)}## With and without the adapter

{held}:

{tabulate_comparison(found)}

{format_samples(found)}

## Files

{links}.

Numbers are kept to six digits; columns of the log that never change or repeat another one
are left out, as are each step's times in detail; the model was read from a folder with the
weights of `{MODEL}`, and its path is replaced by that name.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write the page of a run.")
    parser.add_argument("run", type=Path, help="the run folder")
    parser.add_argument("folder", type=Path, help="folder for the files; the page is FOLDER.md")
    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--command", required=True, help="the command that trained the model")
    args = parser.parse_args()
    written = args.folder.with_suffix(".md")
    old = WORDS.search(written.read_text("utf-8")) if written.exists() else None
    words = old[0] if old else "<!-- words -->\n<!-- /words -->"
    log = copy_files(args.run, args.folder)
    written.write_text(
        format_page(args.folder, log, args.title, args.command, words), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
