"""Pages about made rows: figures by hand, nothing injected, and a real Chromium to open them."""

from __future__ import annotations

import base64
import doctest
import hashlib
import json
import os
import random
import re
import shutil
import zlib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.report import report
from rewardkit.report.answers import locate
from rewardkit.report.figures import BINS, histogram, measure
from rewardkit.report.page import visible
from rewardkit.report.rows import gather

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<svg onload=window.hacked=1><!--",
    "\u202etxt.exe\u2066 and \u200bnothing\u200b \u3164",
    "\x00\x07\x1b[31mred\x85",
    "{{ 7 * 7 }}{% raw %}",
    "</title></style><a href='https://example.com'>here</a>",
    "\ud800 alone",
    "\U0001f600" * 40,
    "a" * 60_000 + "<answer>end</answer>",
    "<answer></answer>",
    "",
]


def scored(completion: Any, prompt: Any = "What is 2 + 2?", **values: Any) -> dict[str, Any]:
    """Return a row as scoring writes it: `right=1.0` is the column rewards/right."""
    plain = {name: values.pop(name) for name in ("step", "reward", "answer") if name in values}
    rewards = {f"rewards/{name.replace('__', '/')}": value for name, value in values.items()}
    return {"prompt": prompt, "completion": completion, **plain, **rewards}


def write(folder: Path, rows: list[dict[str, Any]], name: str = "scored.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rolled(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - made rows hold no secrets


def made(count: int, *, steps: int = 1, size: int = 8) -> list[dict[str, Any]]:
    """Return groups of completions of three rewards, some of which abstain."""
    dice = rolled(7)
    rows = []
    for place in range(count):
        group = place // size
        a, b = 2 + group % 50, 3 + group % 7
        right = dice.random() < 0.5
        words = " ".join(dice.choice(["so", "then", "we", "add", "carry"]) for _ in range(12))
        rows.append(
            scored(
                f"<think>{words} {place}</think>\n<answer>{a + b + (not right)}</answer>",
                [{"role": "user", "content": f"What is {a} + {b}, number {group}?"}],
                step=10 * (1 + group * steps // (1 + count // size)),
                answer=str(a + b),
                right=float(right),
                right__why="correct" if right else "wrong",
                length=-round(dice.random(), 3),
                length__why=f"{place} characters",
                seldom=None if place % 3 else dice.choice([0.0, 0.5]),
            )
        )
    return rows


def unpacked(page: str, name: str) -> str:
    found = re.search(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]*)</script>', page)
    assert found is not None
    return zlib.decompress(base64.b64decode(found[1]), -15).decode()


def texts_in(page: str) -> dict[int, dict[str, Any]]:
    items = [json.loads(line) for line in unpacked(page, "texts").split("\n") if line]
    return {item["r"]: item for item in items if "r" in item}


# The figures


def test_advantages_are_grpos():
    rows = gather([scored(str(r), r=r) for r in (0.0, 0.0, 1.0, 1.0)])
    # mean 1/2; the sample variance is (4 * 1/4) / 3
    by_hand = 0.5 / ((1 / 3) ** 0.5 + 1e-4)
    assert rows.advantages == pytest.approx([-by_hand, -by_hand, by_hand, by_hand])
    assert rows.group_stds == pytest.approx([(1 / 3) ** 0.5])


def test_what_abstains_is_left_out_of_the_sum():
    rows = gather(
        [scored("a", x=1.0, y=None), scored("b", x=None, y=None), scored("c", x=1.0, y=4.0)],
        weights={"y": 0.5},
    )
    assert rows.totals == [1.0, None, 3.0]
    assert rows.advantages[1] is None
    figures = measure(rows)
    assert [each.missing for each in figures.rewards] == [1, 2]


def test_the_files_own_sum_counts_until_weights_are_given():
    row = scored("a", x=1.0, reward=7.0)
    assert gather([row]).totals == [7.0]
    assert gather([row], weights={"x": 3.0}, sum_anew=True).totals == [3.0]


def test_groups_are_equal_prompts_of_one_step():
    prompts = [("p", 1), ("p", 1), ("q", 1), ("p", 2), ("p", 2), ([{"content": "p"}], 2)]
    rows = gather([scored("a", prompt, step=step, r=0.0) for prompt, step in prompts])
    assert rows.groups == [[0, 1], [3, 4]]
    assert measure(rows).zero_std == 1.0


def test_groups_by_another_column():
    rows = gather([{"completion": "a", "id": n // 2, "rewards/r": 0} for n in range(5)], group="id")
    assert rows.groups == [[0, 1], [2, 3]]


def test_parts_of_the_variance_add_up():
    rows = gather(made(80), weights={"length": 2.0, "seldom": -1.0})
    assert sum(each.part or 0 for each in measure(rows).rewards) == pytest.approx(1)


def test_correlations_by_hand():
    rows = gather([scored("x" * n, a=a, b=b) for n, a, b in [(1, 0, 1), (2, 1, 0), (3, 2, -1)]])
    a, b, total, length = measure(rows).correlations
    assert a[1] == pytest.approx(-1)
    assert a[3] == pytest.approx(1)
    assert b[0] == pytest.approx(-1)
    assert total[2] is None  # 1 each time: a constant has none
    assert length[3] == pytest.approx(1)


def test_disagreement_is_the_spread_of_the_stretched_rewards():
    rows = gather(
        [scored("a", x=0, y=0), scored("b", x=10, y=0), scored("c", x=5, y=1)],
    )
    # (0, 0), (1, 0) and (1/2, 1): spreads of 0, 1/2 and 1/4
    assert rows.disagreement == pytest.approx([0, 0.5, 0.25])


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=300))
def test_histograms_count_every_known_value_once(values):
    bars = histogram(values).bars
    known = [value for value in values if value is not None]
    assert sum(bar.size for bar in bars) == len(known)
    if known:
        assert (bars[0].low, bars[-1].high) == (min(known), max(known))
    assert all(one.high <= other.low for one, other in pairwise(bars))
    assert len(bars) <= BINS


def test_a_long_tail_does_not_hide_the_rest():
    bars = histogram([n / 100 for n in range(1000)] + [-199.0]).bars
    assert bars[0].low == -199
    assert max(bar.size for bar in bars) < 200


# What stands out


def kinds(rows: list[dict[str, Any]], **options: Any) -> dict[str, tuple[str, ...]]:
    gathered = gather(rows, **{key: options.pop(key) for key in ("weights",) if key in options})
    return {finding.kind: finding.rewards for finding in measure(gathered, **options).findings}


def test_nothing_is_wrong_with_rewards_that_tell_completions_apart():
    dice = rolled(1)
    rows = [
        scored("x" * dice.randint(1, 99), str(n // 8), a=dice.random(), b=dice.random())
        for n in range(400)
    ]
    assert kinds(rows) == {"zero_std": (), "clear": ()}


def test_a_flat_reward_stands_out():
    rows = [scored("a", str(n // 4), flat=0.0, other=n % 3) for n in range(40)]
    assert kinds(rows)["flat"] == ("flat",)


def test_a_reward_with_many_values_that_hardly_ever_vary_is_flat_too():
    rows = [scored("a", str(n), seldom=n / 1000 if n < 20 else 3.0) for n in range(1000)]
    assert kinds(rows)["flat"] == ("seldom",)


def test_rewards_that_agree_stand_out():
    rows = [scored("a", str(n // 4), a=n % 3, b=2 * (n % 3) + 1.0, c=n % 2) for n in range(60)]
    assert kinds(rows)["agree"] == ("a", "b")


def test_rewards_that_cancel_out_stand_out():
    rows = gather([scored("a", a=n % 3, b=n % 3) for n in range(30)], weights={"b": -1.0})
    (finding,) = [each for each in measure(rows).findings if each.kind == "agree"]
    assert "cancel each other out" in finding.text


def test_values_at_a_declared_bound_stand_out():
    rows = [scored("a", str(n), graded=0.0 if n % 2 else n / 10) for n in range(40)]
    assert kinds(rows, bounds={"graded": (0.0, 10.0)})["at_bound"] == ("graded",)
    assert "at_bound" not in kinds(rows, bounds={"graded": (-1.0, 10.0)})


def test_infinities_and_abstentions_stand_out():
    rows = [scored("a", str(n), wild=float("inf") if n == 3 else n, gone=None) for n in range(9)]
    found = kinds(rows)
    assert found["infinite"] == ("wild",)
    assert found["missing"] == ("gone",)


def test_length_and_a_lone_leader_stand_out():
    rows = [scored("x" * n, str(n), a=n * 1.0, b=n % 2, c=n % 3) for n in range(60)]
    found = kinds(rows)
    assert found["length"] == ()
    assert found["dominates"] == ("a",)


def test_the_worst_comes_first():
    rows = [scored("a", "p", flat=0.0, gone=None if n else 1.0) for n in range(9)]
    levels = [finding.level for finding in measure(gather(rows)).findings]
    assert levels == sorted(levels, key=["bad", "watch", "good"].index)


# Answers


@given(st.text(max_size=40), st.text("0123456789abcXYZ./-", min_size=1), st.text(max_size=40))
def test_the_place_of_an_answer(before, answer, after):
    text = f"{before}{answer}<answer>{answer}</answer>{answer}{after}"
    found = locate(text)
    assert found is not None
    assert found.text == answer
    start = len(before) + len(answer) + len("<answer>")
    assert (found.start, found.end) == (start, start + len(answer))


@pytest.mark.parametrize(
    ("text", "answer", "finder", "start"),
    [
        ("<answer>answer</answer>", "answer", "tag", 8),
        ("<answer>!?</answer>", "!?", "tag", 8),
        (r"so \boxed{\frac{1}{2}}", r"\frac{1}{2}", "boxed", 10),
        ("4 or\n#### 4\n4", "4", "hash", 10),
        ("#### 5\n" + "15 + 5 = 25, " * 999, "5", "hash", 5),
    ],
)
def test_answers_of_the_usual_forms(text, answer, finder, start):
    assert locate(text) == (answer, finder, start, start + len(answer))


def test_no_answer():
    assert locate("42") is None
    assert locate("42", [rk.build("last_number")]) == ("42", "last_number", 0, 2)


# What is read


def test_a_page_of_one_row_without_prompt_or_step(tmp_path):
    source = write(tmp_path, [{"completion": "a", "rewards/r": 1.0}])
    done = report(source, tmp_path / "page.html")
    assert (done.rows, done.shown) == (1, 1)
    assert done.size == (tmp_path / "page.html").stat().st_size
    assert done.figures.zero_std is None
    assert json.loads(json.dumps(done.as_dict()))["figures"]["total"]["mean"] == 1.0


def test_trls_own_table(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for step in (1, 2):
        table = {
            "step": [step] * 2,
            "prompt": [[{"role": "user", "content": "2 + 2?"}]] * 2,
            "completion": [[{"role": "assistant", "content": text}] for text in ("4", "5")],
            "right": [1.0, 0.0],
            "short": [None, 0.5],
            "right/why": ["correct", "wrong"],
            "answer": ["4", "4"],
            "advantage": [0.7, -0.7],
        }
        parquet.write_table(arrow.table(table), tmp_path / f"completions_{step:05d}.parquet")
    done = report(tmp_path, tmp_path / "page.html")
    assert [each.name for each in done.figures.rewards] == ["right", "short"]
    assert done.figures.steps[0].name == "weighted sum"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert json.loads(unpacked(page, "values"))["advantage"] == [0.7, -0.7] * 2
    item = texts_in(page)[1]
    assert (item["t"], item["w"], item["c"]) == ("5", ["wrong", ""], {"answer": "4"})


def test_the_rewards_beside_the_file_give_weights_and_extractors(tmp_path):
    total = rk.build("is_number", name="right", extractor={"type": "tag", "tag": "final"}) * 2.0
    rows = [scored("<final>7</final> <answer>8</answer>", right=0.5)]
    source = write(tmp_path, rows)
    (tmp_path / "scored.jsonl.rewards.yaml").write_text(rk.dump(total), encoding="utf-8")
    done = report(source, tmp_path / "page.html")
    assert done.figures.rewards[0].weight == 2.0
    item = texts_in((tmp_path / "page.html").read_text(encoding="utf-8"))[0]
    assert item["a"] == ["7", "tag", 7, 8]


@pytest.mark.parametrize("beside", ["# no reward\n", "type: nowhere/known\n", "- : ["])
def test_rewards_that_do_not_load_are_done_without(tmp_path, beside):
    source = write(tmp_path, made(8))
    (tmp_path / "scored.jsonl.rewards.yaml").write_text(beside, encoding="utf-8")
    assert report(source, tmp_path / "page.html").rows == 8


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no rows"),
        ([{"text": "a", "rewards/r": 1}], "no column 'completion'.*columns="),
        ([{"completion": "a", "score": 1}], "no reward in the file.*rewardkit score"),
    ],
)
def test_files_that_cannot_be_reported(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        report(write(tmp_path, rows), tmp_path / "page.html")


def test_unknown_names_and_too_little_room(tmp_path):
    source = write(tmp_path, made(8))
    with pytest.raises(ValueError, match="a weight for 'other'"):
        report(source, tmp_path / "page.html", weights={"other": 1.0})
    with pytest.raises(ValueError, match="no column for the reward 'other'"):
        report(source, tmp_path / "page.html", rewards=["other"])
    with pytest.raises(ValueError, match="max_bytes=1,000"):
        report(source, tmp_path / "page.html", max_bytes=1000)
    assert not (tmp_path / "page.html").exists()


# What the page holds


def test_a_small_file_is_there_whole_and_the_same_each_time(tmp_path):
    rows = made(40, steps=3)
    source = write(tmp_path, rows)
    report(source, tmp_path / "one.html")
    report(source, tmp_path / "two.html")
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "two.html").read_text(encoding="utf-8")
    values = json.loads(unpacked(page, "values"))
    assert values["row"] == list(range(40))
    assert values["rewards"] == ["right", "length", "seldom"]
    assert values["values"][1] == pytest.approx([row["rewards/length"] for row in rows])
    assert values["values"][2] == [row["rewards/seldom"] for row in rows]
    texts = texts_in(page)
    assert [texts[n]["t"] for n in range(40)] == [row["completion"] for row in rows]
    assert [texts[n]["w"][1] for n in range(40)] == [f"{n} characters" for n in range(40)]


def test_ten_thousand_rows_take_less_than_two_megabytes(tmp_path):
    dice = rolled(3)
    rows = made(10_000)
    for row in rows:  # 1,000 characters each that hardly deflate
        row["completion"] = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz ", k=1000))
    rows[1234]["rewards/right"] = 9.0
    rows[4321]["rewards/right"] = -9.0
    done = report(write(tmp_path, rows), tmp_path / "page.html")
    assert 1_900_000 < done.size < 2_000_000
    assert 500 < done.shown < 10_000
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"has the texts of {done.shown:,}" in page
    assert len(json.loads(unpacked(page, "values"))["total"]) == 10_000
    held = texts_in(page)
    assert len(held) == done.shown
    assert {1234, 4321} <= set(held)  # the best and the worst


def test_the_limit_holds_to_the_byte(tmp_path):
    source = write(tmp_path, made(600))
    whole = report(source, tmp_path / "page.html")
    assert report(source, tmp_path / "page.html", max_bytes=whole.size + 300).shown == 600
    for limit in range(whole.size - 6000, whole.size, 499):
        done = report(source, tmp_path / "page.html", max_bytes=limit)
        assert limit - 20_000 < done.size <= limit
        assert 0 < done.shown < 600


class Elements(HTMLParser):
    """Collects a page's tags and attributes, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def hostile_rows() -> list[dict[str, Any]]:
    return [
        {
            "completion": text,
            "prompt": text,
            "rewards/<b onclick=x>&\u202e": 1.0 * (place % 3),
            "rewards/<b onclick=x>&\u202e/why": text[:200],
            "rewards/r": float(place),
            "</dd><script>": text[:100],
        }
        for place, text in enumerate(HOSTILE * 2)
    ]


def hostile_page(folder: Path) -> Path:
    page = folder / "hostile.html"
    report(write(folder, hostile_rows()), page, title="</title><script>alert(1)</script>\u202e")
    return page


def test_nothing_in_a_file_is_read_as_markup(tmp_path):
    page = hostile_page(tmp_path).read_text(encoding="utf-8")
    elements = Elements(page)
    assert elements.tags.count("script") == 3
    assert not {"img", "b"} & set(elements.tags)
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200b\x00\x07\x1b]", page)
    assert page.count("</script") == 3


def test_the_page_asks_for_nothing_and_runs_its_own_script_alone(tmp_path):
    page = hostile_page(tmp_path).read_text(encoding="utf-8")
    elements = Elements(page)
    wanted = [value for name, value in elements.attributes if name in ("src", "href", "action")]
    assert all(value.startswith(("#", "data:")) for value in wanted)
    policy = dict(
        re.findall(r"([\w-]+) ([^;\"]+)", re.search(r'content="(default[^"]+)"', page)[1])
    )
    assert policy["default-src"] == "'none'"
    for tag, kept in (("script", "script-src"), ("style", "style-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[kept] == f"'sha256-{digest}'"


@given(st.text())
def test_what_is_visible_stays(text):
    shown = visible(text)
    assert all(sign == "\n" or sign.isprintable() or sign.isspace() for sign in shown)
    if text.isprintable():
        assert shown == text


# The page of the site, and the command


def test_the_sites_page_runs():
    page = Path(__file__).parents[2] / "docs" / "report.md"
    failed, attempted = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert (failed, attempted > 5) == (0, True)


def test_the_command_says_what_stands_out(tmp_path, capsys):
    pytest.importorskip("typer")
    from rewardkit.cli import main  # noqa: PLC0415 - it needs an extra

    source, page = str(write(tmp_path, made(64))), str(tmp_path / "page.html")
    assert main(["report", source, "-o", page]) == 0
    assert re.search(r"page.html: 64 rows, all texts, 0\.\d\d MB", capsys.readouterr().out)
    assert (
        main(["report", source, "-o", page, "--weight", "right=2", "--title", "A run", "--json"])
        == 0
    )
    data = json.loads(capsys.readouterr().out)
    assert data["figures"]["rewards"][0]["weight"] == 2.0
    assert {"kind", "level", "text"} <= set(data["figures"]["findings"][0])
    assert '<h1 dir="auto">A run</h1>' in Path(page).read_text(encoding="utf-8")
    assert main(["report", source, "-o", page, "--weight", "right"]) == 2
    assert capsys.readouterr().err == (
        "rewardkit: --weight right: expected NAME=NUMBER, for example length=0.5\n"
    )


# In a browser

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if root else []
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Return what opens a page and fails on any complaint, or request but for the file."""
    complaints: list[str] = []
    contexts = []
    folder = tmp_path_factory.mktemp("pages")

    def show(rows: list[dict[str, Any]] | Path, **options: Any):
        if not isinstance(rows, Path):
            report(write(folder, rows), folder / "page.html")
            rows = folder / "page.html"
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                asked.url == rows.as_uri()
                or asked.url.startswith("data:")
                or complaints.append(asked.url)
            ),
        )
        page.goto(rows.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield show
    for context in contexts:
        context.close()
    assert complaints == []


def column(page, place: int) -> list[str]:
    return page.locator(f"#table tr.row td:nth-child({place})").all_inner_texts()


ROWS = made(120, steps=6)


def test_the_table_sorts_by_any_column(opened):
    page = opened(ROWS)
    header = page.locator("#table").get_by_role("columnheader", name="length")
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    place = page.locator("#table th").all_inner_texts().index("length") + 1
    values = [float(cell) for cell in column(page, place)]
    highest = sorted((row["rewards/length"] for row in ROWS), reverse=True)
    assert values == pytest.approx(highest[:25], abs=5e-4)
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert float(column(page, place)[0]) == pytest.approx(highest[-1], abs=5e-4)


def test_the_search_finds_texts_groups_and_nothing(opened):
    page = opened(ROWS)
    place = page.locator("#place")
    assert place.inner_text() == "1 to 25 of 120"
    page.get_by_role("searchbox").fill("number 3?")
    page.get_by_text("1 to 8 of 8").wait_for()
    page.get_by_role("searchbox").fill("group 2")
    page.get_by_role("cell", name="16", exact=True).first.wait_for()
    assert sorted(map(int, column(page, 1))) == list(range(9, 17))
    page.get_by_role("searchbox").fill("no such words")
    page.get_by_text("No row matches.").wait_for()
    assert place.inner_text() == "0 rows"


def test_the_views(opened):
    page = opened(ROWS)
    page.get_by_text("As in the file").click()
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
    page.get_by_text("Uneven groups").click()
    assert len(set(column(page, 3)[:8])) == 1  # a group stands together
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
    assert page.locator("#place").inner_text() == "26 to 50 of 120"
    assert page.evaluate(f"{focused}.classList.contains('open')")
    page.keyboard.press("ArrowUp")
    assert page.locator("#place").inner_text() == "1 to 25 of 120"


def test_a_bar_shows_its_rows(opened):
    page = opened(ROWS)
    bars = page.get_by_role("group", name="values of right").get_by_role("button")
    assert bars.count() == 2
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    right = sum(row["rewards/right"] == 1 for row in ROWS)
    assert page.locator("#place").inner_text().endswith(f"of {right}")
    assert page.locator("#filter span").inner_text() == "right: 1"
    page.get_by_role("button", name="Show all rows").click()
    assert page.locator("#place").inner_text().endswith("of 120")


def test_bars_of_bins_show_as_many_rows_as_they_say(opened):
    page = opened(ROWS)
    for label in ("values of length", "advantages"):
        bars = page.get_by_role("group", name=label).locator(".bar")
        told = [
            int(re.search(r": ([\d,]+) \(", bar.get_attribute("data-tip"))[1]) for bar in bars.all()
        ]
        assert sum(told) == 120
        for place in (0, told.index(max(told)), len(told) - 1):
            bars.nth(place).press("Enter")
            shown = page.locator("#place").inner_text()
            assert (0 if shown == "0 rows" else int(shown.split()[-1])) == told[place]


def test_an_opened_row_says_why_and_marks_the_answer(opened):
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
    assert detail.locator(".mates button").count() == 8
    assert "found by tag" in detail.inner_text()


def test_hostile_completions_are_shown_and_do_nothing(opened, tmp_path):
    page = opened(hostile_page(tmp_path))
    page.get_by_text("As in the file").click()
    for place in range(len(HOSTILE)):
        page.locator(".open").nth(place).click()
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
@pytest.mark.parametrize("rows", [ROWS, hostile_rows(), LONG], ids=["made", "hostile", "long"])
def test_no_page_is_wider_than_its_window(opened, width, rows):
    page = opened(rows, viewport={"width": width, "height": 900})
    page.locator(".open").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_row_alone_and_no_script(opened):
    assert (
        opened([{"completion": "a", "rewards/r": None}]).locator("#place").inner_text()
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
