"""A run's log in few numbers, in a plot, and on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

from rewardkit.train.recipe_sections import Row

SMOOTHED_STEPS = 10
"""Single steps are noisy: the plots' lines and the summary's means are over this many."""


def collect_series(steps: Sequence[Row]) -> dict[str, list[float]]:
    """Collect what is plotted over the steps: every reward, their spread, the length."""
    rewards = [key for key in steps[0] if key.startswith("rewards/") and key.endswith("/mean")]
    # kl is only there where beta is not 0
    others = [key for key in ("completions/mean_length", "kl") if key in steps[0]]
    keys = ["reward", "reward_std", *rewards, *others]
    return {
        key.removeprefix("rewards/").removesuffix("/mean"): [
            math.nan if row[key] is None else row[key] for row in steps
        ]
        for key in keys
    }


def draw_plots(steps: Sequence[Row], file: Path) -> None:
    """Draw a log: one panel for each series."""
    import matplotlib as mpl

    mpl.use("Agg")  # a machine with GPUs seldom has a display
    from matplotlib import pyplot as plt

    series = collect_series(steps)
    numbers = [row["step"] for row in steps]
    panel_rows = math.ceil(len(series) / 3)
    size = (12, 2.6 * panel_rows)
    figure, axes = plt.subplots(panel_rows, 3, figsize=size, layout="constrained")
    for axis in axes.flat[len(series) :]:
        axis.set_axis_off()
    for axis, (name, values) in zip(axes.flat, series.items(), strict=False):
        axis.plot(numbers, values, color="tab:blue", alpha=0.3)
        windows = [values[max(0, end - SMOOTHED_STEPS) : end] for end in range(1, len(values) + 1)]
        axis.plot(numbers, [fmean(window) for window in windows], color="tab:blue")
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    figure.savefig(file)
    plt.close(figure)


def summarize_log(steps: Sequence[Row]) -> Row:
    """Summarize a log: the first and last steps' means, the step's time, the rewards' share."""
    later = steps[1:] or steps  # the first step compiles
    total = sum(row["seconds"] for row in later)
    return {
        "steps": len(steps),
        "seconds_per_step": median(row["seconds"] for row in later),
        "rewards_share": sum(row["rewards_seconds"] for row in later) / total,
        "means": {
            name: {
                "first_ten": fmean(values[:SMOOTHED_STEPS]),
                "last_ten": fmean(values[-SMOOTHED_STEPS:]),
            }
            for name, values in collect_series(steps).items()
        },
    }


def print_summary(summary: Row) -> None:
    """Print the summary: training, the comparison, the times."""
    means = {
        name: [f"{value:.3f}" for value in pair.values()] for name, pair in summary["means"].items()
    }
    _print_table("training", ("first ten", "last ten"), means)
    title = f"{summary['without']['rows']} rows, one response each (± 95 %)"
    _print_table(title, ("without", "with", "change"), format_comparison(summary))
    seconds, share = summary["seconds_per_step"], summary["rewards_share"]
    times = f"{seconds:.3f} s per step (median), the rewards {share:.3%} of it"
    print(f"\n{summary['steps']} steps, {times}", flush=True)


def format_comparison(found: Row) -> dict[str, list[str]]:
    """Format the means without and with the adapter, and the change, each with its 95 % margin."""
    without, trained, margins = found["without"], found["with"], found.get("margins", {})
    rows = {}
    for name, value in without.items():
        if name in ("rows", "responses") or value is None or trained[name] is None:
            continue
        sides = {"without": value, "with": trained[name], "change": trained[name] - value}
        rows[name] = [
            _format_with_margin(mean, margins.get(name, {}).get(side))
            for side, mean in sides.items()
        ]
    return rows


def _format_with_margin(value: float, margin: float | None) -> str:
    return f"{value:.3f}" if margin is None else f"{value:.3f} ± {margin:.3f}"


def _print_table(title: str, headings: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    print(f"\n{title:44}" + "".join(f"{heading:>18}" for heading in headings))
    for name, values in rows.items():
        print(f"{name[:43]:44}" + "".join(f"{value:>18}" for value in values))
