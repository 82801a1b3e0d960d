"""Pages of generated rows: what is read, what fits, and that no text of a file becomes markup."""

from __future__ import annotations

import base64
import doctest
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.report import report
from rewardkit.report.render import show_invisible
from scored_pages import hostile_page, made, scored, seeded, texts_in, unpacked, write


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


def test_the_sidecar_gives_weights_and_extractors(tmp_path):
    total = rk.build("is_number", name="right", extractor={"type": "tag", "tag": "final"}) * 2.0
    rows = [scored("<final>7</final> <answer>8</answer>", right=0.5)]
    source = write(tmp_path, rows)
    (tmp_path / "scored.jsonl.rewards.yaml").write_text(rk.dump(total), encoding="utf-8")
    done = report(source, tmp_path / "page.html")
    assert done.figures.rewards[0].weight == 2.0
    item = texts_in((tmp_path / "page.html").read_text(encoding="utf-8"))[0]
    assert item["a"] == ["7", "tag", 7, 8]


def test_other_weights_keep_the_sums_bias(tmp_path):
    total = rk.build("is_number", name="right") + 3.0
    source = write(tmp_path, [scored("<answer>8</answer>", right=0.5, reward=3.5)])
    (tmp_path / "scored.jsonl.rewards.yaml").write_text(rk.dump(total), encoding="utf-8")
    done = report(source, tmp_path / "page.html", weights={"right": 2.0})
    assert done.figures.total.mean == 2 * 0.5 + 3


def test_long_reasons_and_names_are_shortened_and_stay_apart(tmp_path):
    name, why = "n" * 1_000_000, "w" * 3_000_000
    rows = [
        {"completion": "a", f"rewards/{name}{n}": n, f"rewards/{name}{n}/why": why, "c" * 900: "x"}
        for n in (1, 2)
    ]
    done = report(write(tmp_path, rows), tmp_path / "page.html", weights={f"{name}2": 3.0})
    first, second = done.figures.rewards
    assert first.name != second.name
    assert max(len(first.name), len(second.name)) <= 120
    assert [first.weight, second.weight] == [1.0, 3.0]
    assert [len(reason.text) for reason in first.reasons] == [300]
    item = texts_in((tmp_path / "page.html").read_text(encoding="utf-8"))[0]
    assert len(item["w"][0]) < 400
    assert [len(column) for column in item["c"]] == [120]


def test_a_row_shows_some_of_its_many_columns(tmp_path):
    row = {"completion": "a", "rewards/r": 1.0, **{f"column {n}": n for n in range(5_000)}}
    report(write(tmp_path, [row]), tmp_path / "page.html")
    columns = texts_in((tmp_path / "page.html").read_text(encoding="utf-8"))[0]["c"]
    assert [*columns][-2:] == ["column 39", "and 4,960 more columns"]


def test_the_page_is_written_beside_and_renamed(tmp_path, monkeypatch):
    source, page = write(tmp_path, made(8)), tmp_path / "page.html"
    page.write_text("the page before")
    other = tmp_path / "kept.txt"
    other.write_text("kept")
    (tmp_path / "page.html.new").symlink_to(other)

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(OSError, match="no space left"):
            report(source, page)
    assert page.read_text() == "the page before"
    report(source, page)
    assert page.read_text(encoding="utf-8").strip().startswith("<!doctype html>")
    assert other.read_text() == "kept"
    assert not (tmp_path / "page.html.new").exists()


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of a Unix system")
def test_a_page_goes_to_the_file_that_a_link_names_and_into_a_pipe(tmp_path):
    source, page, link = write(tmp_path, made(8)), tmp_path / "page.html", tmp_path / "latest"
    page.write_text("")
    link.symlink_to(page)
    report(source, link)
    assert link.is_symlink()
    assert page.stat().st_size > 0
    report(source, Path(os.devnull))
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("beside", ["# no reward\n", "type: nowhere/known\n", "- : ["])
def test_a_sidecar_that_does_not_load_is_ignored(tmp_path, beside):
    source = write(tmp_path, made(8))
    (tmp_path / "scored.jsonl.rewards.yaml").write_text(beside, encoding="utf-8")
    assert report(source, tmp_path / "page.html").rows == 8


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no rows"),
        ([{"text": "a", "rewards/r": 1}], "no column 'completion'.*columns="),
        ([{"completion": "a", "score": 1}], "no reward in the file.*rewardkit score"),
        (
            [{"completion": "a", f"rewards/r{number}": 1} for number in range(1001)],
            "got 1,001 columns of rewards, expected at most 1,000; name those",
        ),
        (
            [{"completion": "a", "advantage": 0, f"r{number}": 1} for number in range(1001)],
            "got 1,001 columns of rewards, expected at most 1,000; name those",
        ),
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


def test_a_small_file_is_packed_whole_and_the_same_each_time(tmp_path):
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
    dice = seeded(3)
    rows = made(10_000)
    letters = "abcdefghijklmnopqrstuvwxyz "
    of_bytes = bytes(ord(letters[number % 27]) for number in range(256))
    for row in rows:  # 1,000 characters each that hardly deflate
        row["completion"] = dice.randbytes(1000).translate(of_bytes).decode()
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
    step = 499 if os.environ.get("TESTS") == "long" else 1999
    for limit in range(whole.size - 6000, whole.size, step):
        done = report(source, tmp_path / "page.html", max_bytes=limit)
        assert limit - 20_000 < done.size <= limit
        assert 0 < done.shown < 600


class Elements(HTMLParser):
    """Collects the tags and attributes of a page like a browser."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_nothing_in_a_file_is_read_as_markup(tmp_path):
    page = hostile_page(tmp_path).read_text(encoding="utf-8")
    elements = Elements(page)
    assert elements.tags.count("script") == 3
    assert not {"img", "b"} & set(elements.tags)
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200b\x00\x07\x1b]", page)
    assert page.count("</script") == 3


def test_the_page_requests_nothing_and_runs_only_its_own_script(tmp_path):
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
def test_visible_characters_stay(text):
    shown = show_invisible(text)
    assert all(c == "\n" or c.isprintable() or c.isspace() for c in shown)
    if text.isprintable():
        assert shown == text


# The documentation's page, and the command


def test_the_sites_page_runs():
    page = Path(__file__).parents[2] / "docs" / "report.md"
    failed, attempted = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert (failed, attempted > 5) == (0, True)


def test_the_command_prints_the_findings(tmp_path, capsys):
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
