"""Lines of JSONL that are not JSON objects: counted, kept as text, and the others scored."""

from __future__ import annotations

import gzip
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

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
