"""Write the page of a run from its run folder, with the light files beside it.

    python benchmarks/run_page.py RUN_FOLDER docs/runs/NAME --title TITLE --command COMMAND

Numbers are kept to six digits and the plot's points to a tenth. Columns of the log that never
change or say what another one says are left out, as are the profiles but for their medians. Where
the model was a folder its name on the hub stands instead.
Text between the markers of an older page (`<!-- words -->` to `<!-- /words -->`) stays.
"""

import argparse
import json
import re
from pathlib import Path
from statistics import fmean, median
from typing import Any

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
FOLDER = re.compile(r"(?:/[^\s\"']+)?/SmolLM2-135M-Instruct")
WORDS = re.compile(r"<!-- words -->.*?<!-- /words -->", re.DOTALL)
PART = slice(90, 100)
"""Steps 91 to 100, for which a run is often asked."""
DOUBLE = {"step_time", "epoch", "num_tokens", "completion_length", "profile"}
POINTS = re.compile(r'\b(?:d|x|y)="[^"]*"')
LONG = re.compile(r"-?\d+\.\d{2,}")
Row = dict[str, Any]


def short(value: Any) -> Any:
    """Return a value with its numbers kept to six digits."""
    if isinstance(value, dict):
        return {key: short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [short(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def light(svg: str) -> str:
    """Return a plot with its points to a tenth, and no space to spare."""
    points = POINTS.sub(lambda part: LONG.sub(lambda n: f"{float(n[0]):.1f}", part[0]), svg)
    return re.sub(r"\s*\n\s*", "\n", points).replace(": ", ":").replace("; ", ";")


def copy(run: Path, folder: Path) -> list[Row]:
    """Copy the light files of a run; return its log as it was written."""
    folder.mkdir(parents=True, exist_ok=True)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    changes = [key for key in log[0] if any(row[key] != log[0][key] for row in log)]
    kept = [key for key in changes if key not in DOUBLE and "_terminated_" not in key]
    rows = [short({key: row[key] for key in kept}) for row in log]
    lines = [json.dumps(row, separators=(",", ":")) + "\n" for row in rows]
    (folder / "log.jsonl").write_text("".join(lines), encoding="utf-8")
    for name in ("summary", "comparison", "checks", "versions"):
        data = json.loads(FOLDER.sub(MODEL, (run / f"{name}.json").read_text("utf-8")))
        text = json.dumps(short(data), indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    recipe = FOLDER.sub(MODEL, (run / "recipe.yaml").read_text("utf-8"))
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    plots = light((run / "plots.svg").read_text("utf-8"))
    (folder / "plots.svg").write_text(plots, encoding="utf-8")
    return log


def table(rows: list[list[str]]) -> str:
    """Return rows as a table; the first one is its head."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def by_tens(log: list[Row]) -> str:
    """Return the means of each ten steps: every reward, their spread and the length."""
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
    return table(rows)


def profiled(log: list[Row]) -> str:
    """Return the median of each part of a step, in milliseconds; nothing where none was timed."""
    profiles = [row["profile"] for row in log if row.get("profile")]
    if not profiles:
        return ""
    rows = [["part of a step", "ms (median)"]]
    for part in profiles[-1]:
        times = [profile[part] for profile in profiles if part in profile]
        rows.append([f"`{part}`", f"{1000 * median(times):.2f}"])
    return f"## Times\n\n{table(rows)}\n\n"


def compared(found: Row) -> str:
    """Return what held-out rows come to without the adapter and with it."""
    names = [name for name in found["with"] if name not in ("responses", "rows")]
    rows = [["", "without the adapter", "with it"]]
    for name in names:
        sides = [found[side][name] for side in ("without", "with")]
        rows.append([f"`{name}`", *("none" if side is None else f"{side:.3g}" for side in sides)])
    return table(rows)


def samples(found: Row, most: int = 3) -> str:
    """Return a few questions, each with both responses."""
    parts = []
    both = zip(
        found["questions"], found["without"]["responses"], found["with"]["responses"], strict=True
    )
    for question, without, trained in [*both][:most]:
        told = (
            f"{question}\n\nwithout the adapter:\n{without}\n\nwith it:\n{trained}"
        ).splitlines()
        fence = max(["```", *(f"{run}`" for run in re.findall("```+", "\n".join(told)))], key=len)
        parts.append("\n".join([f"{fence}text", *(line.rstrip() for line in told), fence]))
    return "\n\n".join(parts)


def page(folder: Path, log: list[Row], title: str, command: str, words: str) -> str:
    """Return the page as Markdown."""
    found = json.loads((folder / "comparison.json").read_text("utf-8"))
    versions = json.loads((folder / "versions.json").read_text("utf-8"))
    later = log[1:]
    typical, whole = median(row["seconds"] for row in later), sum(row["seconds"] for row in later)
    share = sum(row["rewards_seconds"] or 0.0 for row in later) / whole
    names = (
        "recipe.yaml",
        *(f"{name}.json" for name in ("versions", "summary", "comparison", "checks")),
    )
    files = (*names, "log.jsonl")
    links = ", ".join(f"[{name}]({folder.name}/{name})" for name in files)
    ends = f"the last ten steps earn {fmean(row['reward'] for row in log[-10:]):.2f}"
    if part := log[PART]:
        ends = f"steps 91 to 100 earn {fmean(row['reward'] for row in part):.2f}, {ends}"
    held = f"{len(found['questions'])} held-out rows, one response each"
    return f"""# {title}

```sh
{command}
```

{words}

{len(log)} steps, {typical:.3f} s each (median), the rewards {share:.2%} of the time.
On average {ends}.

{", ".join(f"{name} {number}" for name, number in versions.items())}.

## Training

![Every reward, the spread, the length]({folder.name}/plots.svg)

{by_tens(log)}

{profiled(later)}## With and without the adapter

{held}:

{compared(found)}

{samples(found)}

## Files

{links}.

Numbers are kept to six digits; columns of the log that never change, or say what another one says,
are left out, as is each step's profile; the model was read from a folder with the weights of
`{MODEL}`, and its path is replaced by that name.
"""


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description="Write the page of a run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path, help="where to; the page is FOLDER.md")
    parser.add_argument("--title", required=True)
    parser.add_argument("--command", required=True)
    args = parser.parse_args()
    written = args.folder.with_suffix(".md")
    old = WORDS.search(written.read_text("utf-8")) if written.exists() else None
    words = old[0] if old else "<!-- words -->\n<!-- /words -->"
    log = copy(args.run, args.folder)
    written.write_text(page(args.folder, log, args.title, args.command, words), encoding="utf-8")


if __name__ == "__main__":
    main()
