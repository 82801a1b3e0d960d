"""Write the page of a run from its run folder, with the run's small files next to it.

    python benchmarks/run_page.py RUN_FOLDER docs/runs/NAME --title TITLE --command COMMAND

Numbers are rounded to six digits. Columns of the log that never change or repeat another one are
left out. Detailed times are reduced to their medians. Of the compared responses the first 40 are
kept, or none with `--without-texts`, where the dataset is not ours to publish. If the model was
read from a folder, the page has its name on the hub instead (`--model`), and data files are named
without their folder. A run that did not end has no comparison, and neither has its page. Text
between the markers of an existing page (`<!-- words -->` to `<!-- /words -->`) is kept.
"""

import argparse
import json
import re
from pathlib import Path
from statistics import fmean, median
from typing import Any

from rewardkit.train.summary import draw_plots, format_comparison

DETAILS = ("seconds_by_reward", "seconds_until_rewards")
WORDS = re.compile(r"<!-- words -->.*?<!-- /words -->", re.DOTALL)
COMPARED_STEPS = slice(90, 100)
"""Steps 91 to 100: runs of different lengths are compared over these."""
REPEATED = {"step_time", "epoch", "num_tokens", "completion_length", *DETAILS}
"""Columns that repeat another one, or are only on the page, as medians."""
MAX_RESPONSES = 40
"""A test set's responses take megabytes; the run folder has all."""
Row = dict[str, Any]


def round_numbers(value: Any) -> Any:
    """Round the numbers in a value to six digits."""
    if isinstance(value, dict):
        return {key: round_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [round_numbers(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def name_model(text: str, model: str) -> str:
    """Replace the path of the folder with a model's weights by the model's name on the hub."""
    folder_name = re.escape(model.rpartition("/")[2])
    return re.sub(rf"(?:/[^\s\"']+)?/{folder_name}", model, text)


def copy_files(run: Path, folder: Path, model: str, *, texts: bool) -> list[Row]:
    """Copy the small files of a run and draw its plots; return its whole log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    changes = [key for key in log[0] if any(row[key] != log[0][key] for row in log)]
    kept = [key for key in changes if key not in REPEATED and "_terminated_" not in key]
    rows = [round_numbers({key: row[key] for key in kept}) for row in log]
    lines = [json.dumps(row, separators=(",", ":")) + "\n" for row in rows]
    (folder / "log.jsonl").write_text("".join(lines), encoding="utf-8")
    for name in ("summary", "comparison", "checks", "versions"):
        if not (run / f"{name}.json").exists():  # of a run that did not end
            continue
        data = json.loads(name_model((run / f"{name}.json").read_text("utf-8"), model))
        if name == "comparison":
            data = keep_first_responses(data, MAX_RESPONSES if texts else 0)
        elif name == "checks" and not texts:
            data.pop("answer", None)
        text = json.dumps(round_numbers(data), indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    recipe = name_model((run / "recipe.yaml").read_text("utf-8"), model)
    recipe = re.sub(r"(file: )\S*/", r"\1", recipe)
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    draw_plots(log, folder / "plots.webp")
    return log


def keep_first_responses(comparison: Row, limit: int) -> Row:
    """Keep the first questions of a comparison with their responses, and all its figures."""
    kept = {**comparison, "questions": comparison["questions"][:limit]}
    for side in ("without", "with"):
        responses = comparison[side]["responses"][:limit]
        kept[side] = {**comparison[side], "responses": responses}
    return kept


def format_table(rows: list[list[str]]) -> str:
    """Format rows as a Markdown table; the first row is the header."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def format_alerts(run: Path, *, texts: bool) -> str:
    """List what `RewardMonitor` reported, with the examples if the dataset is ours to publish."""
    if not (run / "alerts.jsonl").exists():
        return ""
    alerts = [json.loads(line) for line in (run / "alerts.jsonl").read_text("utf-8").splitlines()]
    lines = [
        f"- step {alert['step']}, {alert['kind']}: {alert['detail']}."
        + (f" Example: `{alert['example']!r}`." if texts else "")
        for alert in alerts
    ]
    return "## Alerts\n\n`RewardMonitor` reported:\n\n" + "\n".join(lines) + "\n\n"


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
    """Tabulate the results without and with the adapter, each with its 95 % margin."""
    rows = [["", "without the adapter", "with it", "change"]]
    rows += [[f"`{name}`", *values] for name, values in format_comparison(found).items()]
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


def format_results(folder: Path) -> str:
    """Format the comparison with the untrained model; nothing for a run that did not end."""
    file = folder / "comparison.json"
    if not file.exists():
        return ""
    found = json.loads(file.read_text("utf-8"))
    return f"""## With and without the adapter

{found["with"]["rows"]} rows that were not trained on, one response each:

{tabulate_comparison(found)}

{format_samples(found)}

"""


def format_page(  # noqa: PLR0913 - the parts of one page
    folder: Path, log: list[Row], *, title: str, command: str, model: str, words: str, alerts: str
) -> str:
    """Format the page as Markdown."""
    versions = json.loads((folder / "versions.json").read_text("utf-8"))
    later = log[1:]
    typical, whole = median(row["seconds"] for row in later), sum(row["seconds"] for row in later)
    share = sum(row["rewards_seconds"] for row in later) / whole
    names = [f"{name}.json" for name in ("versions", "summary", "comparison", "checks")]
    files = ("recipe.yaml", *(name for name in names if (folder / name).exists()), "log.jsonl")
    links = ", ".join(f"[{name}]({folder.name}/{name})" for name in files)
    ends = f"the last ten steps earn {fmean(row['reward'] for row in log[-10:]):.2f}"
    if part := log[COMPARED_STEPS]:
        ends = f"steps 91 to 100 earn {fmean(row['reward'] for row in part):.2f}, {ends}"
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

![Every reward, the spread, the length]({folder.name}/plots.webp)

{tabulate_log(log)}

{alerts}{tabulate_times(later)}{format_results(folder)}## Files

{links}.

Numbers are kept to six digits; columns of the log that never change or repeat another one
are left out, as are each step's times in detail; the model was read from a folder with the
weights of `{model}`, and its path is replaced by that name.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write the page of a run.")
    parser.add_argument("run", type=Path, help="the run folder")
    parser.add_argument("folder", type=Path, help="folder for the files; the page is FOLDER.md")
    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--command", required=True, help="the command that trained the model")
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    parser.add_argument("--without-texts", action="store_true", help="keep no text of the dataset")
    args = parser.parse_args()
    written = args.folder.with_suffix(".md")
    old = WORDS.search(written.read_text("utf-8")) if written.exists() else None
    words = old[0] if old else "<!-- words -->\n<!-- /words -->"
    log = copy_files(args.run, args.folder, args.model, texts=not args.without_texts)
    alerts = format_alerts(args.run, texts=not args.without_texts)
    given = {"title": args.title, "command": args.command, "model": args.model, "alerts": alerts}
    written.write_text(format_page(args.folder, log, **given, words=words), encoding="utf-8")


if __name__ == "__main__":
    main()
