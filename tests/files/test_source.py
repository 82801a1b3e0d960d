"""Reading rows from files in every format and from any row on, and the errors of bad files."""

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

from rewardkit._files.source import Source

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
    assert [*Source.resolve(form(tmp_path, ROWS)).rows()] == ROWS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_chunks_begin_at_any_row(form, size, tmp_path):
    source = Source.resolve(form(tmp_path, ROWS))
    for start in range(len(ROWS) + 2):
        chunks = [*source.chunks(size=size, start=start)]
        assert all(0 < len(chunk) <= size for chunk in chunks)
        assert [row for chunk in chunks for row in chunk.rows()] == ROWS[start:]


@pytest.mark.parametrize("form", FORMS)
def test_chunks_are_joined_cut_and_pickled(form, tmp_path):
    one, *rest = Source.resolve(form(tmp_path, ROWS)).chunks(size=7)
    positions = [chunk.position(row) for chunk in (one, *rest) for row in range(len(chunk))]
    for chunk in rest:
        one = one + chunk
    assert one.rows() == ROWS
    assert [one.position(row) for row in range(len(one))] == positions
    part = pickle.loads(pickle.dumps(one[5:9]))
    assert part.rows() == ROWS[5:9]
    assert [part.position(row) for row in range(4)] == positions[5:9]


def test_pickling_a_slice_excludes_the_other_rows(tmp_path):
    rows = [{"completion": "x" * 1000}] * 1000
    (chunk,) = Source.resolve(as_parquet(tmp_path, rows)).chunks(size=1000)
    assert len(pickle.dumps(chunk[:2])) < 10_000


@pytest.mark.parametrize(
    ("form", "count"),
    [(as_jsonl, 25), (as_parquet, 25), (as_glob, 25), (as_dataset, 25), (as_csv, None)],
)
def test_rows_are_counted_if_that_is_cheap(form, count, tmp_path):
    assert Source.resolve(form(tmp_path, ROWS)).count() == count


def test_renamed_columns_hide_columns_of_the_same_name(tmp_path):
    source = as_jsonl(tmp_path, [{"completion": "old", "response": "new", "n": 1}])
    assert [*Source.resolve(source).rows(columns={"response": "completion"})] == [
        {"completion": "new", "n": 1}
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@given(rows=st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), max_size=5))
def test_any_objects_survive_jsonl(folder, rows):
    assert [*Source.resolve(as_jsonl(folder, rows)).rows()] == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', r"a.jsonl, line 2: not JSON (.*); fix or delete"),
        ("a.jsonl", b'{"a": 1} {"a": 2}\n', "line 1: not JSON .Extra data"),
        ("a.jsonl", b'\n\n"a"\n', "line 3: got a str, expected an object"),
        ("a.json", b'[{"a": 1}]', r"line 1: got a JSON array, .*jq -c '\.\[\]'"),
        ("a.json", b'[\n{"a": 1}\n]', r"line 1: got a JSON array"),
        ("a.jsonl", '{"a": "ü"}'.encode("latin-1"), "line 1: not UTF-8 .*iconv"),
        ("a.jsonl", b"[" * 10_000, "line 1: got a JSON array"),
        ("a.jsonl.gz", b"no gzip", "broken gzip"),
        ("a.jsonl.gz", gzip.compress(b"a" * 10_000)[:-9], "broken gzip"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "line 3: got 3 values for 2 columns; quote"),
        ("a.csv", b'a,b\n1,"2', "line 2: not CSV"),
        ("a.csv", b"a,a\n1,2", "line 1: two columns have the same name"),
        ("a.csv", "a\nü".encode("latin-1"), "not UTF-8 .*iconv"),
        ("a.parquet", b"PAR1" * 10, "a.parquet: not parquet"),
        ("a.parquet", b"PAR1" + b"\x15" * 40 + b"\x28\0\0\0PAR1", "a.parquet: not parquet"),
        ("a.txt", b"", "got the ending '.txt', expected .jsonl"),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else len(given),
)
def test_an_error_names_the_file_the_line_and_the_fix(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        [*Source.resolve(tmp_path / name).rows()]


def test_a_missing_file_is_reported_with_a_near_name(tmp_path):
    (tmp_path / "completions.jsonl").touch()
    with pytest.raises(
        FileNotFoundError, match=r"file not found: .*did you mean 'completions\.jsonl'"
    ):
        Source.resolve(tmp_path / "completion.jsonl")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Source.resolve(tmp_path / "none" / "a.jsonl")


def test_a_folder_without_rows_is_reported_with_a_fix(tmp_path):
    with pytest.raises(ValueError, match="give one of its files"):
        Source.resolve(tmp_path)
    as_completions(tmp_path, ROWS)
    with pytest.raises(ValueError, match=r"parquet files; give '.*completions'$"):
        Source.resolve(tmp_path)


def test_a_dataset_with_several_splits_is_reported_with_their_names(tmp_path):
    datasets = pytest.importorskip("datasets")
    splits = {name: datasets.Dataset.from_list(ROWS) for name in ("train", "test")}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"saved.train or .*saved.test"):
        Source.resolve(tmp_path / "saved")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"splits": 1}', b"[" * 100_000, b"\xff"])
@pytest.mark.parametrize("name", ["dataset_dict.json", "state.json"])
def test_garbage_in_a_saved_dataset_is_named(name, content, tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{tmp_path}.*: not a .* that datasets saved"):
        [*Source.resolve(tmp_path).rows()]


def test_columns_without_end_are_not_all_listed(tmp_path):
    row = {f"{'c' * 1_000}{number}": 1 for number in range(1_000)}
    path = as_jsonl(tmp_path, [row])
    with pytest.raises(ValueError, match="and 970 more") as raised:
        [*Source.resolve(path).rows(columns={"response": "completion"})]
    assert len(str(raised.value)) < 3_000


def test_files_of_two_kinds_are_refused(tmp_path):
    as_jsonl(tmp_path, ROWS), as_csv(tmp_path, ROWS)
    with pytest.raises(ValueError, match=r"\.csv and \.jsonl together"):
        Source.resolve(f"{tmp_path}/in.*")


@pytest.mark.parametrize("form", FORMS)
def test_a_fingerprint_is_that_of_the_contents(form, tmp_path):
    (tmp_path / "one").mkdir(), (tmp_path / "two").mkdir(), (tmp_path / "three").mkdir()
    one = Source.resolve(form(tmp_path / "one", ROWS)).fingerprint()
    other = Source.resolve(form(tmp_path / "three", [*ROWS[:-1], ROWS[0]])).fingerprint()
    assert one != other
    if form not in (as_gzip, as_dataset):  # these hold the time at which they were written
        assert one == Source.resolve(form(tmp_path / "two", ROWS)).fingerprint()


def test_positions_of_several_rows_are_one_range(tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}.jsonl").write_text('{"a": 1}\n' * 3, encoding="utf-8")
    first, second = Source.resolve(f"{tmp_path}/*.jsonl").chunks()
    assert first.positions(0, 2) == f"{tmp_path}/1.jsonl lines 1-3"
    assert first.positions(1, 1) == f"{tmp_path}/1.jsonl line 2"
    both = first + second
    assert both.positions(2, 3) == f"{tmp_path}/1.jsonl line 3 to {tmp_path}/2.jsonl line 1"
