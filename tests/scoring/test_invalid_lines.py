"""Rows of JSONL and CSV that cannot be read: counted, kept as text, and the others scored."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
import scored
from rewardkit._files.source import FIRST_LINES, Source
from rewardkit.scoring import score
from scoring_rows import SUFFIXES, read_rows, write_rows

pytest.importorskip("pyarrow")

LENGTH = rk.build("length", target=0, name="length")
TORN = [
    (b'{"completion": "torn', r"not JSON \(.*\); fix or delete the line"),
    (b"Traceback (most recent call last):", r"not JSON \(.*\); fix or delete the line"),
    (b"7", "got a int, expected an object such as"),
    (b'["a"]', "got a JSON array, expected one object per line"),
    (b"\xff{}", r"not UTF-8 \(.*\); convert the file with iconv"),
    (b"[" * 100_000, "got a JSON array"),
]


def make_lines(invalid: bytes) -> bytes:
    lines = [json.dumps({"completion": "x" * n, "n": n}).encode() for n in range(6)]
    return b"\n".join([*lines[:3], invalid, b"", *lines[3:]]) + b"\n"


@pytest.mark.parametrize(("invalid", "problem"), TORN, ids=range(len(TORN)))
def test_the_others_are_scored_and_nothing_is_lost(invalid, problem, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(make_lines(invalid))
    for size in (1, 4, 100):
        done = score(source, LENGTH, out, batch_size=size, resume=False)
        assert (done.rows, done.unreadable, done.total.scored) == (7, 1, 6)
        assert done.first_unreadable.startswith(f"{source}, line 4: ")
        *before, row = read_rows(out)[:4]
        assert [each["reward"] for each in before] == [0, -1, -2]
        assert row["invalid_line"] == invalid.decode(errors="backslashreplace")
        assert (row["reward"], row["rewards/length"]) == (None, None)
        assert re.match(problem, row["rewards/length/why"])
        assert [each["n"] for each in read_rows(out)[4:]] == [3, 4, 5]


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("workers", [1, 2])
def test_in_every_form_and_in_other_processes(suffix, workers, tmp_path):
    packed = tmp_path / "in.jsonl.gz"
    packed.write_bytes(gzip.compress(make_lines(b"oops\r")))
    out = tmp_path / f"out{suffix}"
    done = score(packed, LENGTH, out, batch_size=2, workers=workers)
    assert (done.rows, done.unreadable) == (7, 1)
    row = read_rows(out)[3]
    assert (row["invalid_line"], row["reward"]) == ("oops", None)
    assert row.get("completion") is None


def test_groups_and_joined_columns_go_on_around_it(tmp_path):
    rows = [{"prompt": "p", "completion": "x"}, {"prompt": "p", "completion": "xx"}]
    source = write_rows(tmp_path, rows)
    source.write_bytes(source.read_bytes() + b"oops\n" + source.read_bytes())
    rewards = [LENGTH, scored.GroupSize(name="size")]
    done = score(source, rewards, join=[{"prompt": "p", "answer": "1"}], batch_size=1)
    assert [row["rewards/length"] for row in done.scored] == [-1, -2, None, -1, -2]
    assert [row["answer"] for row in done.scored] == ["1", "1", None, "1", "1"]
    assert (done.matched, done.unmatched, done.unreadable) == (4, 1, 1)
    renamed = score(source, LENGTH, columns={"prompt": "question"})
    assert [row["reward"] for row in renamed.scored] == [-1, -2, None, -1, -2]


def test_standard_input_names_itself(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(make_lines(b"oops"))))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=io.BytesIO()))
    done = score("-", LENGTH, "-")
    assert done.first_unreadable.startswith("standard input, line 4: not JSON")


@pytest.mark.parametrize("join", [None, [{"prompt": "p"}]])
def test_a_file_of_another_format_is_refused(join, tmp_path):
    write_rows(tmp_path, [{"prompt": "p", "completion": "x"}], "a.jsonl")
    text = "time=1 level=info\n" * (FIRST_LINES + 1)
    (tmp_path / "b.jsonl").write_text(f"\n\n{text}")
    given: dict[str, Any] = {"join": join}
    for source in (tmp_path / "b.jsonl", tmp_path / "*.jsonl"):
        with pytest.raises(ValueError, match=r"b\.jsonl, line 3: not JSON"):
            score(source, LENGTH, **given)
    (tmp_path / "b.jsonl").write_text('{"prompt": "p", "completion": ""}\n' + text)
    done = score(tmp_path / "*.jsonl", LENGTH, **given)
    assert (done.rows, done.unreadable) == (FIRST_LINES + 3, FIRST_LINES + 1)


def test_the_columns_of_a_message_are_those_of_the_first_row_that_is_json(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text('oops\n{"question": "q", "response": "x"}\n')
    columns = r"\(columns: question, response\)"
    with pytest.raises(ValueError, match=rf"line 2: no column 'completion' {columns}"):
        score(source, LENGTH)
    with pytest.raises(ValueError, match=rf"line 2: no column 'reply' {columns}"):
        score(source, LENGTH, columns={"reply": "completion"})
    with pytest.raises(ValueError, match=rf"line 2: no column 'prompt' {columns} to join on"):
        score(source, LENGTH, columns={"response": "completion"}, join=[{"prompt": "q"}])


def test_lines_between_the_steps_of_a_log_are_explained_each(tmp_path):
    source = tmp_path / "in.jsonl"
    lines = [json.dumps({"completion": "x", "step": step}) for step in (1, 1, 2)]
    source.write_text("\n".join(["{1", lines[0], "{2", lines[1], lines[2], "{3", "{4"]) + "\n")
    done = score(source, LENGTH)
    assert [row["reward"] for row in done.scored] == [None, -1, None, -1, -1, None, None]
    whys = [row["rewards/length/why"] for row in done.scored if row["reward"] is None]
    assert all(why.startswith("not JSON") for why in whys)
    assert done.unreadable == 4


def test_an_interrupted_run_resumes_behind_it(tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(make_lines(b"oops"))

    def stop(done: int, _: int | None) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(source, LENGTH, out, batch_size=2, progress=stop)
    done = score(source, LENGTH, out, batch_size=2)
    assert done.resumed >= 4
    assert (done.rows, done.unreadable) == (7, 1)
    assert [row.get("n") for row in read_rows(out)] == [0, 1, 2, None, 3, 4, 5]


def test_whoever_reads_rows_has_the_error(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(make_lines(b"oops"))
    with pytest.raises(ValueError, match=r"in\.jsonl, line 4: not JSON"):
        [*Source.resolve(source).rows()]


# CSV ----------------------------------------------------------------------------------------------

BROKEN = [
    (b"4,d,more", "4,d,more", "got 3 values for 2 columns; quote values that contain commas"),
    (b"4", "4", "got 1 value for 2 columns; quote"),
    (b'"4"d,d', '"4"d,d', r"not CSV \(.*\); fix the line"),
    (b"4,\xfc", r"4,\xfc", r"not UTF-8 \(invalid start byte\); convert the file with iconv"),
    (b'4,"several\r\nlines",\xff', '4,"several\r\nlines",\\xff', "not UTF-8"),
]


def make_csv(broken: bytes) -> bytes:
    rows = [b"n,completion", b"0,", b"1,x", b'2,"x\nx"', broken, b"", b'3,"x,x"', b'4,"x""xx"']
    return b"\r\n".join(rows) + b"\r\n"


@pytest.mark.parametrize(("broken", "text", "problem"), BROKEN, ids=range(len(BROKEN)))
def test_a_row_of_csv_with_other_values_costs_only_itself(broken, text, problem, tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_bytes(make_csv(broken))
    line = 6 + broken.count(b"\n")
    for size in (1, 3, 100):
        done = score(source, LENGTH, out, batch_size=size, resume=False)
        assert (done.rows, done.unreadable, done.total.scored) == (6, 1, 5)
        assert re.match(re.escape(f"{source}, line {line}: ") + problem, done.first_unreadable)
        rows = read_rows(out)
        assert [row["reward"] for row in rows] == [0, -1, -3, None, -3, -4]
        assert rows[3].pop("rewards/length/why")
        assert rows[3] == {"invalid_line": text, "rewards/length": None, "reward": None}
        assert [row.get("n") for row in rows] == ["0", "1", "2", None, "3", "4"]


def test_a_quote_that_is_not_closed_takes_in_no_row_that_has_quotes(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text('n,completion\n0,x\n1,"torn\ntext\n2,"x\nx"\n3,xx\n4,"torn,\n5,x\n')
    done = score(source, LENGTH)
    assert done.scored is not None
    assert [row.get("n") for row in done.scored] == ["0", None, "2", "3", None]
    first, last = (row for row in done.scored if "invalid_line" in row)
    assert first["invalid_line"] == '1,"torn\ntext'
    assert first["rewards/length/why"] == (
        "not CSV (',' expected after '\"'): a quote in line 3 is not closed and takes in all up to"
        " line 4; close it"
    )
    assert last["invalid_line"] == '4,"torn,\n5,x'
    assert (
        "a quote in line 8 is not closed and takes in all up to line 9"
        in (last["rewards/length/why"])
    )


@settings(max_examples=50)
@given(
    st.lists(st.text(st.sampled_from('ab,"\n\r é')), max_size=8),
    st.sampled_from(["more,than,two", "one", '"4"d,d', '4,"\n",5']),
    st.integers(0, 8),
)
def test_other_rows_of_csv_are_as_they_were(tmp_path_factory, texts, broken, position):
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["completion", "n"])
        for number, text in enumerate([*texts, "last"]):
            if number == min(position, len(texts)):
                file.write(f"{broken}\r\n")
            writer.writerow([text, number])
    rows = [row for chunk in Source.resolve(path).chunks(size=3) for row in chunk.rows_or_invalid()]
    assert [row.pop("n") for row in rows if "n" in row] == [*map(str, range(len(texts) + 1))]
    assert [row["completion"] for row in rows if "completion" in row] == [*texts, "last"]
    assert len(rows) > len(texts) + 1


def test_csv_of_another_format_is_refused(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("completion,answer\n" + "a;b\n" * 200)
    with pytest.raises(ValueError, match=r"in\.csv, line 2: got 1 value for 2 columns; quote"):
        score(source, LENGTH)
    source.write_bytes("completion,größe\n4,5\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"in\.csv, line 1: not UTF-8"):
        score(source, LENGTH)


def test_what_reads_rows_of_csv_has_the_error(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(make_csv(b"4,d,more"))
    with pytest.raises(ValueError, match=r"in\.csv, line 6: got 3 values for 2 columns"):
        [*Source.resolve(source).rows()]
