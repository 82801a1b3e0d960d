"""The page in Chromium: sorting, searching, keys, hostile completions, narrow and dark windows."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from rewardkit.report import diff, report
from scored_pages import HOSTILE, hostile_page, hostile_rows, made, unbroken_rows, write

pytestmark = pytest.mark.browser

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            # without the process that would draw in software what no test looks at
            executable_path=CHROMIUM,
            args=["--disable-gpu", *(["--no-sandbox"] if root else [])],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Return a function that opens a page; fail on console errors and on requests beyond the file.

    A page of equal rows is written once, and windows of any size share a tab, since each new one
    starts a process.
    """
    complaints: list[str] = []
    files: dict[str, Path] = {}
    tabs: dict[str, Any] = {}
    shown: list[str] = []
    folder = tmp_path_factory.mktemp("pages")

    def write_page(rows: list[dict[str, Any]]) -> Path:
        key = json.dumps(rows)
        if key not in files:
            files[key] = folder / f"page{len(files)}.html"
            report(write(folder, rows), files[key], title="made")
        return files[key]

    def open_tab(options: dict[str, Any]) -> Any:
        page = browser.new_context(**options).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url in (*shown, "about:blank")
                or request.url.startswith("data:")
                or complaints.append(request.url)
            ),
        )
        return page

    def show(rows: list[dict[str, Any]] | Path, **options: Any):
        url = (rows if isinstance(rows, Path) else write_page(rows)).as_uri()
        size = options.pop("viewport", {"width": 1280, "height": 900})
        key = json.dumps(options)
        if key not in tabs:
            tabs[key] = open_tab(options)
        page = tabs[key]
        page.goto("about:blank")  # the page before asks for nothing more
        page.set_viewport_size(size)
        page.emulate_media(media="null")
        shown[:] = [url]
        page.goto(url)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield show
    for tab in tabs.values():
        tab.context.close()
    assert complaints == []


def column(page, number: int) -> list[str]:
    return page.locator(f"#table tr.row td:nth-child({number})").all_inner_texts()


ROWS = made(120, steps=6)


def test_the_table_sorts_by_any_column(opened):
    page = opened(ROWS)
    header = page.locator("#table").get_by_role("columnheader", name="length")
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    number = page.locator("#table th").all_inner_texts().index("length") + 1
    values = [float(text) for text in column(page, number)]
    highest = sorted((row["rewards/length"] for row in ROWS), reverse=True)
    assert values == pytest.approx(highest[:25], abs=5e-4)
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert float(column(page, number)[0]) == pytest.approx(highest[-1], abs=5e-4)


def test_the_search_finds_texts_groups_and_nothing(opened):
    page = opened(ROWS)
    shown = page.locator("#range")
    assert shown.inner_text() == "1 to 25 of 120"
    page.get_by_role("searchbox").fill("number 3?")
    page.get_by_text("1 to 8 of 8").wait_for()
    page.get_by_role("searchbox").fill("group 2")
    page.get_by_role("cell", name="16", exact=True).first.wait_for()
    assert sorted(map(int, column(page, 1))) == list(range(9, 17))
    page.get_by_role("searchbox").fill("no such words")
    page.get_by_text("No row matches.").wait_for()
    assert shown.inner_text() == "0 rows"


def test_the_views(opened):
    page = opened(ROWS)
    page.get_by_text("File order").click()
    assert column(page, 1)[:3] == ["1", "2", "3"]
    page.get_by_text("Worst").click()
    worst = min(
        range(120),
        key=lambda n: sum(
            v
            for k, v in ROWS[n].items()
            if k.startswith("rewards/") and not k.endswith("/why") and v
        ),
    )
    assert column(page, 1)[0] == str(worst + 1)
    page.get_by_text("Mixed groups").click()
    assert len(set(column(page, 3)[:8])) == 1  # a group is listed together
    page.locator("#step").select_option("30")
    steps = {row["step"] for row in ROWS}
    assert 30 in steps
    assert set(column(page, 4)) == {"30"}


def test_everything_can_be_done_by_keyboard(opened):
    page = opened(ROWS)
    page.keyboard.press("/")
    focused = "document.activeElement"
    assert page.evaluate(f"{focused}.id") == "search"
    page.keyboard.press("Tab")
    while not page.evaluate(f"{focused}.classList.contains('open')"):
        page.keyboard.press("Tab")
    first = page.evaluate(f"{focused}.textContent")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(f"{focused}.textContent") != first
    assert page.evaluate(f"getComputedStyle({focused}).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{focused}.getAttribute('aria-expanded')") == "true"
    assert page.locator("tr.detail").count() == 1
    page.keyboard.press("Enter")
    assert page.locator("tr.detail").count() == 0
    page.keyboard.press("ArrowRight")
    assert page.locator("#range").inner_text() == "26 to 50 of 120"
    assert page.evaluate(f"{focused}.classList.contains('open')")
    page.keyboard.press("ArrowUp")
    assert page.locator("#range").inner_text() == "1 to 25 of 120"


def test_a_bar_shows_its_rows(opened):
    page = opened(ROWS)
    bars = page.get_by_role("group", name="values of right").get_by_role("button")
    assert bars.count() == 2
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    right = sum(row["rewards/right"] == 1 for row in ROWS)
    assert page.locator("#range").inner_text().endswith(f"of {right}")
    assert page.locator("#filter span").inner_text() == "right: 1"
    page.get_by_role("button", name="Show all rows").click()
    assert page.locator("#range").inner_text().endswith("of 120")


def test_clicking_a_bar_shows_as_many_rows_as_its_label(opened):
    page = opened(ROWS)
    for label in ("values of length", "advantages"):
        bars = page.get_by_role("group", name=label).locator(".bar")
        sizes = [
            int(re.search(r": ([\d,]+) \(", bar.get_attribute("data-tip"))[1]) for bar in bars.all()
        ]
        assert sum(sizes) == 120
        for index in (0, sizes.index(max(sizes)), len(sizes) - 1):
            bars.nth(index).press("Enter")
            shown = page.locator("#range").inner_text()
            assert (0 if shown == "0 rows" else int(shown.split()[-1])) == sizes[index]


def test_a_pass_rate_shows_its_groups(opened):
    page = opened(ROWS)
    bars = page.get_by_role("group", name="pass rates of groups").get_by_role("button")
    # 15 groups of 8, by how many of each are right
    rates = [
        sum(row["rewards/right"] for row in ROWS[start : start + 8]) / 8
        for start in range(0, 120, 8)
    ]
    assert bars.count() == len({*rates})
    bars.first.press("Enter")
    lowest = min(rates)
    assert page.locator("#range").inner_text().endswith(f"of {8 * rates.count(lowest)}")
    number = page.locator("#table th").all_inner_texts().index("pass rate") + 1
    assert {float(text) for text in column(page, number)} == {lowest}


def test_pass_at_k_and_the_shares_of_the_variance(opened):
    page = opened(ROWS)
    lines = page.locator("#passes tbody tr").all_inner_texts()
    assert [re.split(r"\s", line)[0] for line in lines] == [
        *(f"pass@{k}" for k in (1, 2, 4, 8)),
        "majority",
    ]
    mean = sum(row["rewards/right"] for row in ROWS) / 120
    assert f"{mean:.0%}" in lines[0]
    for number in (2, 3):
        cells = page.locator(f"#shares tbody tr td:nth-child({number})").all_inner_texts()
        *shares, whole = (float(text.strip().rstrip("%")) for text in cells)
        assert sum(shares) == pytest.approx(100)
        assert whole == 100


def test_an_opened_row_shows_reasons_and_marks_the_answer(opened):
    page = opened(ROWS)
    page.get_by_role("searchbox").fill("row 1")
    page.get_by_text("1 to 1 of 1", exact=True).wait_for()
    page.locator(".open").click()
    detail = page.locator("tr.detail")
    assert detail.locator(".prose").first.inner_text() == ROWS[0]["completion"]
    answer = re.search(r"<answer>(\d+)", ROWS[0]["completion"])[1]
    assert detail.locator(".prose mark.answer").inner_text() == answer
    assert detail.locator(".terms .why").all_inner_texts() == [
        ROWS[0]["rewards/right/why"],
        "0 characters",
        "",
    ]
    assert detail.locator(".members button").count() == 8
    assert "found by tag" in detail.inner_text()


def test_hostile_completions_are_shown_and_run_nothing(opened, tmp_path):
    page = opened(hostile_page(tmp_path))
    page.get_by_text("File order").click()
    for index in range(len(HOSTILE)):
        page.locator(".open").nth(index).click()
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    shown = page.locator("tr.detail .prose:first-of-type").all_text_contents()
    assert HOSTILE[0] in shown
    assert HOSTILE[1] in shown
    assert any("U+202Etxt.exeU+2066 and U+200Bnothing" in text for text in shown)
    assert any("U+0000U+0007U+001B[31mredU+0085" in text for text in shown)
    assert any("44,020 characters left out" in text for text in shown)
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.locator("tr.detail img, tr.detail script, tr.detail svg").count() == 0


def test_texts_without_a_space_do_not_freeze_the_page(opened):
    # Each of them alone took Chromium longer than Playwright waits.
    page = opened(unbroken_rows(60_000))
    page.locator(".open").first.click()
    assert page.locator("tr.detail .prose").first.is_visible()
    page.set_viewport_size({"width": 400, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert len(page.locator(".reasons .text").first.inner_text()) <= 300


def brightness(page) -> float:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_dark_and_light(opened):
    page = opened(ROWS, color_scheme="dark")
    assert brightness(page) < 60
    page.get_by_text("Light", exact=True).click()
    assert brightness(page) > 200
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert brightness(page) > 200  # it is kept
    page.get_by_text("Auto", exact=True).click()
    assert brightness(page) < 60
    page.emulate_media(media="print")
    assert brightness(opened(ROWS, color_scheme="light")) > 200


LONG = [
    {
        "completion": "a",
        **{f"rewards/{'a_very_long_name_of_a_reward' * 2}_{n}": n % 2 for n in range(9)},
    }
] * 3


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize(
    "rows",
    [ROWS, hostile_rows(), LONG, unbroken_rows(400)],
    ids=["made", "hostile", "long", "unbroken"],
)
def test_no_page_is_wider_than_its_window(opened, width, rows):
    page = opened(rows, viewport={"width": width, "height": 900})
    page.locator(".open").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def risen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows as after another version of the first reward."""
    name = next(name for name in rows[0] if name.startswith("rewards/") and "/why" not in name)
    return [{**row, name: (row[name] or 0) + n % 3} for n, row in enumerate(rows)]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize(
    "rows",
    [ROWS, hostile_rows(), LONG, unbroken_rows(60_000)],
    ids=["made", "hostile", "long", "unbroken"],
)
def test_a_page_of_two_files_is_read_without_a_script(opened, tmp_path, width, rows):
    files = [write(tmp_path, rows, "a.jsonl"), write(tmp_path, risen(rows), "b.jsonl")]
    diff(*files, out=tmp_path / "page.html")
    options = {"viewport": {"width": width, "height": 900}, "java_script_enabled": False}
    page = opened(tmp_path / "page.html", **options)
    example = page.locator("details").first
    assert not example.locator(".prose").first.is_visible()
    example.locator("summary").press("Enter")
    assert example.locator(".prose").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("group", name="changes of the sum").is_visible()
    assert page.locator("table.changes tbody tr").count() >= 2


def test_a_page_of_two_files_follows_the_colours_of_the_system(opened, tmp_path):
    files = [write(tmp_path, ROWS, "a.jsonl"), write(tmp_path, risen(ROWS), "b.jsonl")]
    diff(*files, out=tmp_path / "page.html")
    options = {"java_script_enabled": False}
    assert brightness(opened(tmp_path / "page.html", color_scheme="dark", **options)) < 60
    assert brightness(opened(tmp_path / "page.html", color_scheme="light", **options)) > 200


def test_a_single_row_and_disabled_scripts(opened):
    assert (
        opened([{"completion": "a", "rewards/r": None}]).locator("#range").inner_text()
        == "1 to 1 of 1"
    )
    page = opened(ROWS, java_script_enabled=False)
    assert page.get_by_text("needs JavaScript").is_visible()
    assert page.get_by_role("group", name="values of right").is_visible()


def test_controls_have_names(opened):
    page = opened(ROWS)
    page.locator(".open").first.click()
    nameless = """() => [...document.querySelectorAll('button, input, select, [tabindex]')].filter(
        (each) => !(each.textContent.trim() || each.ariaLabel || each.labels?.length)
    ).map((each) => each.outerHTML)"""
    assert page.evaluate(nameless) == []
