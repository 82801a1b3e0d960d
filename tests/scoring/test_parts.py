"""Parts of files, scored each by itself, give what the whole gives."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
import scored
from rewardkit._files.open_rows import open_rows
from rewardkit._files.parts import FileParts, Part, can_split
from rewardkit.scoring.chunk_scorer import make_chunk_scorer
from rewardkit.scoring.groups import keep_groups_whole
from rewardkit.scoring.parts import PartScorer

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RIGHT = rk.build("correct", verifier="number", extractor="whole", name="right")
REWARDS = [RIGHT, scored.GroupSize(name="size")]
prompts = st.lists(st.sampled_from("abc"), max_size=12)
files = st.lists(prompts, min_size=1, max_size=3)


def write_files(folder: Path, tables: list[list[Any]], suffix: str, blank: str = "") -> Path:
    number = 0
    for index, table in enumerate(tables):
        rows = []
        for prompt in table:
            text = "4" * (number % 5)
            rows.append({"prompt": prompt, "completion": text, "answer": "4", "n": number})
            number += 1
        path = folder / f"part_{index}{suffix}"
        if suffix == ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" + blank for row in rows), "utf-8")
        else:
            schema = arrow.schema(
                [
                    ("prompt", "string"),
                    ("completion", "string"),
                    ("answer", "string"),
                    ("n", "int64"),
                ]
            )
            table_of_rows = arrow.Table.from_pylist(rows, schema)
            parquet.write_table(table_of_rows, path, row_group_size=5)
    return folder / f"part_*{suffix}"


@pytest.fixture(autouse=True, scope="module")
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rewardkit._files.parts.MIN_PART_BYTES", 1)
        yield


def score_whole(source: Any, rewards: Any, start: int) -> list[dict[str, Any]]:
    scorer = make_chunk_scorer(rewards, {}, "rows")
    chunks = keep_groups_whole(source.chunks(start=start), {})
    return list_rows(map(scorer, chunks))


def list_rows(pieces: Any) -> list[dict[str, Any]]:
    # its why is the size of the batch
    rows = [row for piece in pieces for row in piece.content]
    return [{name: row[name] for name in row if name != "rewards/size/why"} for row in rows]


@settings(max_examples=60, deadline=None)
@given(
    files,
    st.sampled_from([".jsonl", ".parquet"]),
    st.tuples(st.integers(1, 7), st.integers(1, 4)),
    st.sampled_from(["", "\n", " \n\n"]),
)
def test_parts_give_what_the_whole_gives(tmp_path_factory, tables, suffix, sizes, blank):
    rows, size = sizes
    folder = tmp_path_factory.mktemp("parts")
    source = open_rows(write_files(folder, tables, suffix, blank))
    assert can_split(source)
    whole = score_whole(source, REWARDS, 0)
    assert [row["n"] for row in whole] == [*range(sum(map(len, tables)))]
    # Resumed at every row where a group starts, as a journal records it.
    starts = [n for n, row in enumerate(whole) if not n or row["prompt"] != whole[n - 1]["prompt"]]
    for start in starts[:3]:
        parts = FileParts(source, start)
        work = PartScorer(make_chunk_scorer(REWARDS, {}, "rows"), parts, size)
        work = pickle.loads(pickle.dumps(work))
        pieces = [piece for part in parts.split(rows) for piece in work(part)]
        assert list_rows(pieces) == whole[start:]


@given(st.binary(max_size=40).map(lambda raw: raw.replace(b"\r", b"\n")), st.integers(1, 9))
def test_each_line_is_in_one_part(tmp_path_factory, raw, step):
    path = tmp_path_factory.mktemp("lines") / "in.jsonl"
    path.write_bytes(raw)
    source = open_rows(path)
    whole = [line for chunk in source.chunks() for line in chunk.lines]
    parts = FileParts(source)
    found, numbers = [], []
    for start in range(0, len(raw), step):
        for chunk in parts.read(Part(0, start, min(start + step, len(raw))), 2):
            found += chunk.lines
            numbers += [chunk.position(row) for row in range(len(chunk))]
    assert found == whole
    chunks = [*source.chunks()]
    assert numbers == [chunk.position(row) for chunk in chunks for row in range(len(chunk))]


def test_an_error_names_the_line_of_the_file(tmp_path):
    lines = ['{"completion": "4"}\n'] * 6 + ["{\n"]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(lines), "utf-8")
    parts = FileParts(open_rows(path))
    scorer = make_chunk_scorer(rk.build("xml_soft"), {}, "lines")
    scorer = scorer.learn_columns(next(open_rows(path).chunks()))
    work = PartScorer(scorer, parts, 2)
    size = path.stat().st_size
    assert len(work(Part(0, 0, size - 3))) == 3
    (count, first) = work(Part(0, 30, size))[-1].unreadable
    assert count == 1
    assert first.startswith(f"{path}, line 7: not JSON")


def test_files_that_are_read_from_their_beginning_are_not_split(tmp_path, monkeypatch):
    for name in ("rows.csv", "rows.jsonl.gz"):
        (tmp_path / name).write_text("completion\n4\n")
        assert not can_split(open_rows(tmp_path / name))
    assert not can_split(open_rows([{"completion": "4"}]))
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("{}\n")
    parts = FileParts(open_rows("rows.jsonl"))
    monkeypatch.chdir("/")
    assert parts.are_visible()
    (tmp_path / "rows.jsonl").write_text("{}\n{}\n")
    assert not parts.are_visible()
