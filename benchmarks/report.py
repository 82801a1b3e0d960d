"""Measure the size of a report of many completions, and the time that Chromium takes to open it.

Without arguments it generates 10,000 rows; with a scored file it makes the report of that file. It
prints the size, and the milliseconds from navigation to the first paint, to the table with its
values, and to the table with its texts, when the whole page is usable. Each of the five
measurements uses a new browser.

    python benchmarks/report.py [SCORED] [PAGE]
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from playwright.sync_api import Playwright, sync_playwright

from rewardkit.report import report

TRIES = 5
WORDS = ["so", "then", "we", "add", "the", "two", "carry", "one", "and", "have", "more"]
TIMES = """() => [performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
    performance.getEntriesByName("rewardkit-values")[0].startTime,
    performance.getEntriesByName("rewardkit-texts")[0].startTime]"""


def make_rows(path: Path, rows: int) -> Path:
    """Write generated scored rows, in groups of eight."""
    dice = random.Random(0)
    with path.open("w", encoding="utf-8") as out:
        for row in range(rows):
            text = " ".join(dice.choices(WORDS, k=100)) + f" <answer>{row % 90}</answer>"
            made = {
                "prompt": f"What is {row // 8} + 1?",
                "completion": text,
                "rewards/correct": dice.choice([0.0, 1.0]),
                "rewards/correct/why": "at random",
                "rewards/length": -round(dice.random(), 3),
                "rewards/length/why": f"{len(text)} characters",
            }
            out.write(json.dumps(made) + "\n")
    return path


def time_opening(playwright: Playwright, page: Path) -> list[float]:
    """Return the milliseconds to the first paint, the values and the texts, in a new browser."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    # Chromium refuses to start as root with its sandbox. The page is trusted.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=chromium, args=flags)
    try:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(page.resolve().as_uri())
        tab.wait_for_selector("html[data-ready]")
        times: list[float] = tab.evaluate(TIMES)
        return times
    finally:
        browser.close()


def main() -> None:
    """Measure and print the figures."""
    folder = Path(mkdtemp())
    given = sys.argv[1:]
    source = Path(given[0]) if given else make_rows(folder / "made.jsonl", 10_000)
    page = Path(given[1]) if len(given) > 1 else folder / "page.html"
    start = time.perf_counter()
    done = report(source, page)
    print(f"{done.rows:,} rows, {done.shown:,} texts, {done.size:,} bytes", end=", ")
    print(f"written in {time.perf_counter() - start:.1f} s")
    with sync_playwright() as playwright:
        tries = [time_opening(playwright, page) for _ in range(TRIES)]
    for name, times in zip(
        ("first paint", "values", "texts"), zip(*tries, strict=True), strict=True
    ):
        print(f"{name:12} median {median(times):6.0f} ms   worst {max(times):6.0f} ms")


if __name__ == "__main__":
    main()
