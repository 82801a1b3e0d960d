"""What changed between two files: pairs, means, intervals and examples, by hand."""

from __future__ import annotations

import json
import math
import re
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.report import diff, report
from rewardkit.report.changes import Changes
from rewardkit.report.diff import compare_rows
from rewardkit.report.intervals import mean_interval, t_quantile
from rewardkit.report.rows import gather
from rewardkit.scoring import filter_groups, score
from scored_pages import HOSTILE, made, scored, write


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]], **options: Any) -> Changes:
    group = options.pop("group", None)
    sides = [gather(rows, group=group, **options) for rows in (before, after)]
    return compare_rows(*sides, group=group, examples=5)


# Of two versions of rewards


def test_rows_are_compared_where_the_completions_are_the_same():
    before = [scored(f"text {n}", f"p{n // 2}", right=float(n % 2), n=n) for n in range(8)]
    # other order; right rises in rows 0 and 2 and falls in row 7
    after = [
        {**row, "rewards/right": {0: 1.0, 2: 1.0, 7: 0.0}.get(n, row["rewards/right"])}
        for n, row in enumerate(before)
    ][::-1]
    found = changes(before, after)
    assert (found.unit, found.pairs, found.unpaired) == ("rows", 8, (0, 0))
    right, n = found.rewards
    assert (right.rose, right.fell, right.equal, right.prompts) == (2, 1, 5, 4)
    assert (right.before, right.after) == (0.5, 0.625)
    # by prompt: 1/2, 1/2, 0 and -1/2
    assert right.change == 0.125
    margin = 3.1824463 * statistics.stdev([0.5, 0.5, 0.0, -0.5]) / 2
    assert right.interval == pytest.approx((0.125 - margin, 0.125 + margin))
    assert (n.change, n.rose, n.fell, n.clear) == (0.0, 0, 0, False)
    assert [(each.change, each.rows) for each in found.rises] == [(1.0, (1, 8)), (1.0, (3, 6))]
    assert [(each.change, each.rows) for each in found.falls] == [(-1.0, (8, 1))]
    assert [value.name for value in found.rises[0].values] == ["right"]
    assert found.rises[0].texts == ("text 0", "")


def test_equal_completions_of_one_prompt_are_paired_in_order():
    before = [scored("same", "p", r=value) for value in (1.0, 2.0, 3.0)]
    after = [scored("same", "p", r=value) for value in (1.0, 2.0, 4.0)]
    (r,) = changes(before, after).rewards
    assert (r.rose, r.fell, r.equal) == (1, 0, 2)


def test_an_abstention_is_no_change():
    before = [scored("a", "p", r=1.0, s=1.0), scored("b", "p", r=None, s=1.0)]
    after = [scored("a", "p", r=2.0, s=None), scored("b", "p", r=9.0, s=None)]
    r, s = changes(before, after).rewards
    assert (r.before, r.after, r.rose, r.missing) == (1.0, 2.0, 1, (1, 0))
    assert (s.prompts, s.change, s.interval, s.missing) == (0, None, None, (0, 2))


def test_rewards_in_one_file_only_are_named():
    found = changes([scored("a", old=1.0, r=1.0)], [scored("a", new=1.0, r=1.0)])
    assert found.only == (("old",), ("new",))
    assert [each.name for each in found.rewards] == ["r"]


# Of two checkpoints


def test_prompts_are_compared_where_the_completions_differ():
    before = [scored(f"a{n}", f"p{n // 4}", right=float(n % 4 == 0), step=1) for n in range(12)]
    after = [scored(f"b{n}", f"p{n // 2}", right=float(n < 2), step=9) for n in range(8)]
    found = changes(before, after)
    assert (found.unit, found.pairs, found.unpaired) == ("prompts", 3, (0, 1))
    (right,) = found.rewards
    # before 1/4 each; after 1, 0 and 0
    assert right.change == pytest.approx(0.75 / 3 - 0.5 / 3)
    assert (right.rose, right.fell, right.equal) == (1, 2, 0)
    assert found.passing.change == right.change
    assert [each.value for each in found.passes[0].pass_at] == pytest.approx([0.25, 0.5, 1.0])
    assert [each.value for each in found.passes[1].pass_at] == pytest.approx([0.25, 0.25])
    (rise,) = found.rises
    assert (rise.prompt, rise.change) == ("p0", 0.75)
    assert rise.texts == ("a1", "b0")  # the lowest before, the highest after
    assert [fall.texts for fall in found.falls] == [("a4", "b2"), ("a8", "b4")]


def test_short_answers_in_common_do_not_hide_the_change():
    # three of four completions are in both files; the fourth became right
    before = [scored(text, "p", right=float(text == "7")) for text in ("7", "7", "7", "8")]
    after = [scored("7", "p", right=1.0) for _ in range(4)]
    found = changes(before, after)
    (right,) = found.rewards
    assert (found.unit, right.before, right.after, right.change) == ("prompts", 0.75, 1.0, 0.25)


def test_a_part_of_the_rows_scored_again_is_compared_row_by_row():
    before = [scored(f"a{n}", "p", r=0.0) for n in range(4)]
    found = changes(before, [scored(f"a{n}", "p", r=1.0) for n in range(3)])
    assert (found.unit, found.pairs, found.unpaired) == ("rows", 3, (1, 0))


def test_another_column_says_what_belongs_together():
    before = [{"completion": f"a{n}", "id": n, "rewards/r": 0.0} for n in range(3)]
    after = [{"completion": f"b{n}", "id": 2 - n, "rewards/r": float(n)} for n in range(3)]
    found = changes(before, after, group="id")
    assert [each.change for each in found.rises] == [2.0, 1.0]
    assert found.rises[0].rows == (1, 3)


def test_files_without_prompts_are_compared_by_position():
    before = [{"completion": f"a{n}", "rewards/r": 0.0} for n in range(3)]
    after = [{"completion": f"b{n}", "rewards/r": float(n)} for n in range(3)]
    assert changes(before, after).rewards[0].rose == 2
    with pytest.raises(ValueError, match=r"have 3 and 2 rows and no prompts.*--group NAME"):
        changes(before, after[:2])


def test_files_that_share_no_prompt():
    with pytest.raises(ValueError, match="no prompt in common; name a column"):
        changes([scored("a", "p", r=1.0)], [scored("a", "q", r=1.0)])


def test_a_page_does_not_replace_what_it_is_about(tmp_path):
    file = write(tmp_path, [scored("a", "p", r=1.0)])
    before = file.read_bytes()
    with pytest.raises(ValueError, match="is also the input; write to another file"):
        report(file, file)
    with pytest.raises(ValueError, match="is also the input; write to another file"):
        diff(file, file, out=file)
    assert file.read_bytes() == before


# Properties

values = st.none() | st.integers(-4, 4).map(float)
tables = st.lists(
    st.tuples(st.sampled_from("pqr"), st.sampled_from(["a", "b", "c"]), values),
    min_size=1,
    max_size=10,
)


def test_a_page_that_cannot_be_written_is_named_before_the_files_are_read(tmp_path, monkeypatch):
    source = write(tmp_path, made(8))
    (tmp_path / "file").write_text("")
    for page, problem in (
        (tmp_path, r": a folder, expected the file to write"),
        (tmp_path / "file" / "page.html", "its folder cannot be made, since a file has its name"),
    ):
        for write_page in (partial(diff, source, source, out=page), partial(report, source, page)):
            with pytest.raises(ValueError, match=problem):
                write_page()
    diff(source, source, out=tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").exists()

    def refuse(self: Path, *_: object) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        diff(source, source, out=tmp_path / "page.html")
    assert caught.value.filename == str(tmp_path / "page.html")


def rows_of(table: list[tuple[str, str, float | None]]) -> list[dict[str, Any]]:
    return [scored(text, prompt, r=value) for prompt, text, value in table]


@given(tables)
def test_a_file_does_not_differ_from_itself_in_any_order(table):
    found = changes(rows_of(table), rows_of(table[::-1]))
    same = changes(rows_of(table), rows_of(table))
    assert same.unit == "rows"
    for each in (same.total, *same.rewards, same.length):
        assert (each.change or 0.0, each.rose, each.fell, each.clear) == (0.0, 0, 0, False)
    assert same.rises == same.falls == ()
    assert (found.total.change or 0.0) == pytest.approx(0.0)


@given(tables, tables)
def test_the_other_way_round_every_change_has_the_other_sign(one, other):
    sides = rows_of(one), rows_of(other)
    if not {row["prompt"] for row in sides[0]} & {row["prompt"] for row in sides[1]}:
        return
    there, back = changes(*sides), changes(*sides[::-1])
    assert (there.unit, there.pairs) == (back.unit, back.pairs)
    assert there.unpaired == back.unpaired[::-1]
    if there.unit == "rows":  # equal completions of a prompt may be paired otherwise
        pairs = [(row["prompt"], row["completion"]) for row in sides[0]]
        if len({*pairs}) < len(pairs):
            return
    for a, b in ((there.total, back.total), (there.length, back.length)):
        if a.change is None:
            assert (a.before, a.after, b.before, b.after, b.change) == (None,) * 5
            continue
        assert (a.before, a.after) == pytest.approx((b.after, b.before))
        assert a.change == pytest.approx(-b.change)
        assert (a.rose, a.fell, a.equal) == (b.fell, b.rose, b.equal)
        if a.interval is not None:
            assert a.interval == pytest.approx((-b.interval[1], -b.interval[0]))


@given(tables, st.integers(-3, 3).map(float))
def test_a_constant_added_to_every_value_is_the_change(table, constant):
    moved = [(p, t, None if v is None else v + constant) for p, t, v in table]
    (r,) = changes(rows_of(table), rows_of(moved)).rewards
    if r.prompts:
        assert r.change == pytest.approx(constant)
        if r.interval is not None:
            assert r.interval == pytest.approx((constant, constant))


# Intervals


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    # Student's table: 97.5 % of the distribution is below
    {
        **dict(zip((1, 2, 3, 4, 5), (12.7062, 4.3027, 3.1824, 2.7764, 2.5706), strict=True)),
        **dict(zip((10, 29, 30, 60), (2.2281, 2.0452, 2.0423, 2.0003), strict=True)),
        **dict(zip((99, 100, 120, 1000), (1.9842, 1.9840, 1.9799, 1.9623), strict=True)),
    }.items(),
)
def test_students_quantiles(degrees, quantile):
    assert t_quantile(degrees) == pytest.approx(quantile, abs=6e-5)


def test_the_series_and_the_expansion_meet():
    assert t_quantile(99) > t_quantile(100) > t_quantile(101)
    assert t_quantile(99) - t_quantile(100) == pytest.approx(2.4e-4, abs=3e-5)


@settings(max_examples=20)
@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30))
def test_the_interval_is_around_the_mean(numbers):
    low, high = mean_interval(numbers)
    assert (low + high) / 2 == pytest.approx(statistics.fmean(numbers), abs=1e-9)
    assert high - low == pytest.approx(
        2 * t_quantile(len(numbers) - 1) * statistics.stdev(numbers) / math.sqrt(len(numbers))
    )


def test_one_value_has_no_interval():
    assert mean_interval([1.0]) is None


# Files, the page and the command


def test_two_versions_of_rewards_as_files(tmp_path):
    rows = [
        {"prompt": f"{n // 2}?", "completion": f"<answer>{n}.0</answer>", "answer": str(n)}
        for n in range(10)
    ]
    for name, verifier in (("old", "exact"), ("new", "number")):
        right = rk.build("correct", verifier=verifier, name="right")
        score(
            rows,
            2.0 * right + rk.build("length", target=1, name="length"),
            tmp_path / f"{name}.jsonl",
        )
    done = diff(tmp_path / "old.jsonl", tmp_path / "new.jsonl", out=tmp_path / "page.html")
    right, length = done.changes.rewards
    assert (right.before, right.after, right.rose) == (0.0, 1.0, 10)
    assert done.changes.total.change == 2.0  # with the weights beside the files
    assert length.change == 0
    assert done.changes.rises[0].values[0].why_before == "wrong"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The same completions with other rewards" in page
    assert json.loads(json.dumps(done.as_dict()))["changes"]["unit"] == "rows"


def test_a_page_of_hostile_texts_has_no_markup_of_theirs(tmp_path):
    before = [scored(text, text, **{"<b>&\u202e": 0.0}) for text in HOSTILE]
    after = [scored(text, text, **{"<b>&\u202e": 1.0 + n}) for n, text in enumerate(HOSTILE)]
    diff(
        write(tmp_path, before, "a.jsonl"),
        write(tmp_path, after, "b.jsonl"),
        out=tmp_path / "page.html",
        examples=20,
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|img|svg onload|b>)", page)
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200b\x00\x07\x1b]", page)
    assert "default-src 'none'" in page
    assert len(page) < 300_000  # the long text is shown without its middle


def test_rows_in_memory_are_compared_filtered_and_reported(tmp_path):
    old, new = (
        [
            {"prompt": f"{n}?", "completion": f"{n}", "rewards/right": float(n < least)}
            for n in range(4)
        ]
        for least in (1, 3)
    )
    found = diff(old, new)
    assert (found.before, found.after) == ("input", "input")
    (right,) = found.changes.rewards
    assert (right.before, right.after, right.rose, right.fell) == (0.25, 0.75, 2, 0)
    assert report(iter(new), tmp_path / "page.html").rows == 4
    assert "Rewards of input" in (tmp_path / "page.html").read_text("utf-8")
    assert filter_groups(new, tmp_path / "kept.jsonl", low=1.0).rows == 3


def test_the_command(tmp_path, capsys, monkeypatch):
    pytest.importorskip("typer")
    from rewardkit.cli import main  # noqa: PLC0415 - it needs an extra

    monkeypatch.setenv("COLUMNS", "100")
    rows = made(64)
    after = [{**row, "rewards/right": 1.0} for row in rows]
    one, two = str(write(tmp_path, rows, "a.jsonl")), str(write(tmp_path, after, "b.jsonl"))
    page = tmp_path / "page.html"
    assert main(["diff", one, two, "--report", str(page)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"right +0\.\d+ +1 +\+0\.\d+ +0\.\d+ to 0\.\d+ +\d+ +0 +\d+", printed)
    assert "page.html: 64 rows compared" in printed
    assert page.exists()
    assert main(["diff", one, two, "--json", "--examples", "1"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["changes"]["total"]["fell"] == 0
    assert len(data["changes"]["rises"]) == 1
    assert main(["diff", one, str(tmp_path / "c.jsonl")]) == 2
    assert "did you mean" in capsys.readouterr().err
    assert Path(one).exists()
