"""Measure the size of a report of many completions, and the time that Chromium takes to open it.

Without arguments it generates 10,000 rows; with a scored file it makes the report of that file. It
prints the size, and the milliseconds from navigation to the first paint, to the table with its
values, and to the table with its texts, when the whole page is usable. Each of the five
measurements uses a new browser. With `--unbroken`, each row is made of texts of so many characters
without a space, with a reward and a column of such a name, and the time to open a row is shown too.

    python benchmarks/report.py [SCORED] [PAGE]
    python benchmarks/report.py --unbroken 5000 60000 3000000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
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


def make_unbroken_rows(path: Path, characters: int) -> Path:
    """Write eight rows whose names and texts are one run of letters each."""
    run = "\u0e01" * characters  # Thai takes a browser longest, since it looks for words in it
    name = f"rewards/{run}"
    with path.open("w", encoding="utf-8") as out:
        for row in range(8):
            made = {"completion": run, name: float(row % 2), f"{name}/why": run, run: run}
            out.write(json.dumps(made) + "\n")
    return path


def time_opening(playwright: Playwright, page: Path) -> list[float]:
    """Return the milliseconds to the first paint, the values and the texts, and of opening a row.

    Each time in a new browser.
    """
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    # Chromium refuses to start as root with its sandbox. The page is trusted.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=chromium, args=flags)
    try:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(page.resolve().as_uri())
        tab.wait_for_selector("html[data-ready]")
        times: list[float] = tab.evaluate(TIMES)
        start = time.perf_counter()
        tab.locator(".open").first.click()
        tab.locator("tr.detail .prose").first.wait_for()
        return [*times, 1000 * (time.perf_counter() - start)]
    finally:
        browser.close()


def measure_page(source: Path, page: Path) -> None:
    """Write the page of a scored file, and print its size and times."""
    start = time.perf_counter()
    done = report(source, page)
    print(f"{done.rows:,} rows, {done.shown:,} texts, {done.size:,} bytes", end=", ")
    print(f"written in {time.perf_counter() - start:.1f} s")
    with sync_playwright() as playwright:
        tries = [time_opening(playwright, page) for _ in range(TRIES)]
    names = ("first paint", "values", "texts", "a row opened")
    for name, times in zip(names, zip(*tries, strict=True), strict=True):
        print(f"{name:12} median {median(times):6.0f} ms   worst {max(times):6.0f} ms")


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("scored", nargs="?", type=Path, help="a scored file; else one is made")
    parser.add_argument("page", nargs="?", type=Path, help="where the page is written")
    parser.add_argument("--unbroken", nargs="+", type=int, default=[], metavar="CHARACTERS")
    given = parser.parse_args()
    folder = Path(mkdtemp())
    page = given.page or folder / "page.html"
    if not given.unbroken:
        measure_page(given.scored or make_rows(folder / "made.jsonl", 10_000), page)
    for characters in given.unbroken:
        print(f"{characters:,} characters without a space:", end=" ")
        measure_page(make_unbroken_rows(folder / "unbroken.jsonl", characters), page)


if __name__ == "__main__":
    main()
