"""Rows out of files, in every form, from any row on."""

from __future__ import annotations

import csv
import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit._files import reading

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = [{"completion": f"so it is\n{number}, ²", "answer": str(number)} for number in range(25)]


def as_jsonl(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_gzip(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "in.json.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return path


def with_blanks(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "in.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\ufeff\r\n" + "\r\n  \n".join(lines), encoding="utf-8", newline="")
    return path


def as_csv(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_parquet(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "in.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=4)
    return path


def as_completions(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "completions").mkdir()
    (folder / "completions" / "other.txt").touch()
    for number, start in enumerate(range(0, len(rows), 2)):  # 12 comes after 2
        path = folder / "completions" / f"completions_{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows[start : start + 2]), path)
    return folder / "completions"


def as_glob(folder: Path, rows: list[dict[str, Any]]) -> str:
    return str(as_completions(folder, rows) / "*.parquet")


def as_dataset(folder: Path, rows: list[dict[str, Any]]) -> Path:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows).save_to_disk(folder / "saved", num_shards=3)
    return folder / "saved"


FORMS = [*(as_jsonl, as_gzip, with_blanks, as_csv, as_parquet, as_completions, as_glob, as_dataset)]


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_as_they_were_written(form, tmp_path):
    assert [*reading.read(form(tmp_path, ROWS))] == ROWS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_chunks_begin_at_any_row(form, size, tmp_path):
    source = form(tmp_path, ROWS)
    for start in range(len(ROWS) + 2):
        chunks = [*reading.chunks(source, size=size, start=start)]
        assert all(0 < len(chunk) <= size for chunk in chunks)
        assert [row for chunk in chunks for row in chunk.rows()] == ROWS[start:]


@pytest.mark.parametrize("form", FORMS)
def test_chunks_are_joined_cut_and_pickled(form, tmp_path):
    one, *rest = reading.chunks(form(tmp_path, ROWS), size=7)
    places = [chunk.place(row) for chunk in (one, *rest) for row in range(len(chunk))]
    for chunk in rest:
        one = one + chunk
    assert one.rows() == ROWS
    assert [one.place(row) for row in range(len(one))] == places
    part = pickle.loads(pickle.dumps(one[5:9]))
    assert part.rows() == ROWS[5:9]
    assert [part.place(row) for row in range(4)] == places[5:9]


def test_a_slice_is_pickled_alone(tmp_path):
    rows = [{"completion": "x" * 1000}] * 1000
    (chunk,) = reading.chunks(as_parquet(tmp_path, rows) and tmp_path / "in.parquet", size=1000)
    assert len(pickle.dumps(chunk[:2])) < 10_000


@pytest.mark.parametrize(
    ("form", "count"),
    [(as_jsonl, 25), (as_parquet, 25), (as_glob, 25), (as_dataset, 25), (as_csv, None)],
)
def test_rows_are_counted_where_that_is_cheap(form, count, tmp_path):
    assert reading.count(form(tmp_path, ROWS)) == count


def test_columns_get_other_names_and_hide_those_that_had_them(tmp_path):
    source = as_jsonl(tmp_path, [{"completion": "old", "response": "new", "n": 1}])
    assert [*reading.read(source, columns={"response": "completion"})] == [
        {"completion": "new", "n": 1}
    ]


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), max_size=5))
def test_any_objects_survive_jsonl(tmp_path_factory, rows):
    assert [*reading.read(as_jsonl(tmp_path_factory.mktemp("rows"), rows))] == rows


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', r"a.jsonl, line 2: not JSON (.*); mend or delete"),
        ("a.jsonl", b'{"a": 1} {"a": 2}\n', "line 1: not JSON .Extra data"),
        ("a.jsonl", b'\n\n"a"\n', "line 3: got a str, expected an object"),
        ("a.json", b'[{"a": 1}]', r"line 1: got a JSON array, .*jq -c '\.\[\]'"),
        ("a.json", b'[\n{"a": 1}\n]', r"line 1: got a JSON array"),
        ("a.jsonl", '{"a": "ü"}'.encode("latin-1"), "line 1: not UTF-8 .*iconv"),
        ("a.jsonl", b"[" * 10_000, "line 1: got a JSON array"),
        ("a.jsonl.gz", b"no gzip", "broken gzip"),
        ("a.jsonl.gz", gzip.compress(b"a" * 10_000)[:-9], "broken gzip"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "line 3: got 3 cells for 2 columns; quote"),
        ("a.csv", b'a,b\n1,"2', "line 2: not CSV"),
        ("a.csv", b"a,a\n1,2", "line 1: a column's name stands twice"),
        ("a.csv", "a\nü".encode("latin-1"), "not UTF-8 .*iconv"),
        ("a.parquet", b"PAR1" * 10, "a.parquet: not parquet"),
        ("a.txt", b"", "got the ending '.txt', expected .jsonl"),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else len(given),
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=told):
        [*reading.read(tmp_path / name)]


def test_a_file_that_is_not_there_is_said_with_its_neighbour(tmp_path):
    (tmp_path / "completions.jsonl").touch()
    with pytest.raises(FileNotFoundError, match=r"did you mean '.*completions\.jsonl'"):
        reading.find(tmp_path / "completion.jsonl")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        reading.find(tmp_path / "none" / "a.jsonl")


def test_a_folder_of_neither_says_what_to_give(tmp_path):
    with pytest.raises(ValueError, match="give a file in it"):
        reading.find(tmp_path)
    as_completions(tmp_path, ROWS)
    with pytest.raises(ValueError, match=r"did you mean '.*completions'"):
        reading.find(tmp_path)


def test_a_dataset_of_several_splits_says_which(tmp_path):
    datasets = pytest.importorskip("datasets")
    splits = {name: datasets.Dataset.from_list(ROWS) for name in ("train", "test")}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"saved.train or .*saved.test"):
        reading.find(tmp_path / "saved")


def test_files_of_two_kinds_are_refused(tmp_path):
    as_jsonl(tmp_path, ROWS), as_csv(tmp_path, ROWS)
    with pytest.raises(ValueError, match=r"\.csv and \.jsonl together"):
        reading.find(f"{tmp_path}/in.*")
