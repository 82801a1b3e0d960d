"""Scoring what is not a file: rows in memory, standard input and output, joined datasets."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rewardkit as rk
import scored
from rewardkit.scoring import score
from rewardkit.scoring.pass_counts import check_runs
from scoring_rows import SUFFIXES, read_rows, write_rows

RIGHT = rk.build("correct", verifier="number", name="right")
PLAIN = rk.build("correct", verifier="number", extractor="whole", name="right")
DATA = [{"prompt": f"What is {n} + 1?", "answer": n + 1} for n in range(60)]
LOGGED = [
    {"prompt": row["prompt"], "completion": f"<answer>{guess}</answer>", "n": 4 * n + guess % 4}
    for n, row in enumerate(DATA)
    for guess in range(n, n + 4)
]


def test_rows_in_memory_come_back_with_their_scores():
    rows = [{"completion": "<answer>4</answer>", "answer": "4", "when": (1, 2)}]
    done = score(rows, RIGHT)
    assert done.out is None
    assert done.scored == [
        {**rows[0], "rewards/right": 1.0, "rewards/right/why": "correct", "reward": 1.0}
    ]
    assert "reward" not in rows[0]


def test_a_frame_and_a_dataset_give_the_same_as_a_file(tmp_path):
    rows = [{**row, "answer": "7"} for row in LOGGED]
    of_file = score(write_rows(tmp_path, rows), RIGHT)
    frame = pytest.importorskip("pandas").DataFrame(rows)
    dataset = pytest.importorskip("datasets").Dataset.from_list(rows)
    for source in (frame, dataset, iter(rows)):
        assert score(source, RIGHT) == of_file


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_and_groups_do_not_change_the_rows(workers):
    short = rk.build("kimi_length", verifier="number", name="short")
    rows = [{**row, "answer": "7"} for row in LOGGED]
    done = score(rows, [RIGHT, short], batch_size=7, workers=workers)
    assert [row["n"] for row in done.scored] == [row["n"] for row in LOGGED]
    assert done.scored == score(rows, [RIGHT, short], batch_size=1000).scored


def test_pass_rates_are_counted_over_chunks():
    rows = [{**row, "answer": str(row["n"] // 4)} for row in LOGGED]
    whole = score(rows, RIGHT).passes
    assert (whole.reward, whole.groups) == ("right", 60)
    # one of the four guesses of each prompt is right
    assert [(each.k, each.value) for each in whole.pass_at] == [(1, 0.25), (2, 0.5), (4, 1.0)]
    for size in (1, 3, 4, 50):
        assert score(rows, RIGHT, batch_size=size).passes == whole
    assert score(rows, rk.build("length", target=1)).passes is None


def test_a_joined_dataset_makes_logged_rows_scorable(tmp_path):
    with pytest.raises(LookupError, match="no column 'answer'"):
        score(LOGGED, RIGHT)
    data = write_rows(tmp_path, DATA, "data.jsonl")
    done = score([*LOGGED, {"prompt": "else", "completion": "4"}], RIGHT, join=data)
    # of the guesses n to n + 3, the second is right
    assert [row["rewards/right"] for row in done.scored[:-1]] == [0.0, 1.0, 0.0, 0.0] * 60
    assert (done.scored[-1]["rewards/right"], done.unmatched) == (None, 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_joined_columns_are_written(suffix, tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / f"out{suffix}"
    score(LOGGED, RIGHT, out, join=DATA)
    assert [row["answer"] for row in read_rows(out)] == [
        row["answer"] for row in DATA for _ in "1234"
    ]
    with pytest.raises(ValueError, match="begun with other joined data"):
        score(LOGGED, RIGHT, out, join=DATA[:40])
    assert score(LOGGED, RIGHT, out, join=DATA).resumed == 240


def test_lines_in_and_lines_out(monkeypatch):
    lines = "".join(json.dumps({**row, "answer": 1}) + "\n" for row in LOGGED).encode()
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=written))
    done = score("-", RIGHT, "-", batch_size=7)
    monkeypatch.undo()
    assert (done.rows, done.out, done.scored) == (240, None, None)
    got = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [row["n"] for row in got] == [row["n"] for row in LOGGED]
    assert got[1]["rewards/right"] == 1.0


@pytest.mark.parametrize(
    "runs",
    [
        3,
        [],
        [["a", 1, 1], []],
        [["a", 1], [], None],
        [["a", 1, 2], [], None],
        [[1, 2, 2], [], None],
        [["a", 2, 1], [[1.5, 1, 1]], None],
        [["a", 2, 1], [[1, 1, 0]], None],
    ],
)
def test_counts_that_score_did_not_write_are_refused(runs):
    with pytest.raises((ValueError, TypeError)):
        check_runs(runs)
    check_runs([["a", 2, 1], [[4, 0, 2]], ["b", 1, 0]])
    check_runs(None)


def test_empty_sources():
    assert score([], RIGHT).scored == []
    assert score([], RIGHT, join=DATA).rows == 0


CODE = """
import sys
sys.path.append(sys.argv[1])
import scored
from rewardkit.scoring import score
from rewardkit.scoring.pass_counts import check_runs
score("-", scored.Slow(), sys.argv[2], batch_size=5, join=sys.argv[3], workers=int(sys.argv[4]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_while_joining_standard_input_every_row_occurs_once(
    workers, tmp_path, monkeypatch, fork_server
):
    data, lines = write_rows(tmp_path, DATA, "data.jsonl"), write_rows(tmp_path, LOGGED)
    out, progress = tmp_path / "out.jsonl", tmp_path / "out.jsonl.progress"
    given = map(str, [Path(scored.__file__).parent, out, data, workers])
    # The spooled input of a killed process stays in the temporary folder.
    environment = {**os.environ, "SLOW": "0.02", "TMPDIR": str(tmp_path)}
    rng = random.Random(workers)  # noqa: S311 - no secrets
    command, size = [sys.executable, "-c", CODE, *given], 0
    for _ in range(2):
        with lines.open("rb") as stdin:
            process = fork_server.Popen(command, stdin=stdin, env=environment)
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            if progress.exists() and progress.stat().st_size > size:
                break
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        size = progress.stat().st_size
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(lines.read_bytes())))
    done = score("-", scored.Slow(), out, batch_size=5, join=data)
    assert 0 < done.resumed < done.rows == 240
    have = read_rows(out)
    assert [row["n"] for row in have] == [row["n"] for row in LOGGED]
    assert [row["answer"] for row in have] == [row["answer"] for row in DATA for _ in "1234"]


def summary(done: Any) -> Any:
    return done._replace(out=None, resumed=0)


def test_a_resumed_run_counts_passes_as_an_uninterrupted_one(tmp_path):
    rows = [{**row, "answer": str(row["n"] // 4)} for row in LOGGED]

    class KilledError(Exception):
        pass

    def stop(done: int, _: int | None) -> None:
        if done >= 18:
            raise KilledError

    with pytest.raises(KilledError):
        score(rows, RIGHT, tmp_path / "a.jsonl", batch_size=6, progress=stop)
    resumed = score(rows, RIGHT, tmp_path / "a.jsonl", batch_size=6)
    assert resumed.resumed == 20  # whole groups of four
    assert summary(resumed) == summary(score(rows, RIGHT, tmp_path / "b.jsonl", batch_size=6))


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ""])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_rows_of_a_group_have_its_pass_rate(suffix, batch_size, tmp_path):
    groups = {"a": ["4", "5", "4", "6"], "alone": ["4"], "b": ["5", "5"], "n": ["4", "4"]}
    rows = [
        {"prompt": prompt, "completion": text, "answer": None if prompt == "n" else "4"}
        for prompt, texts in groups.items()
        for text in texts
    ]
    if suffix:
        out = tmp_path / f"out{suffix}"
        score(rows, PLAIN, out, batch_size=batch_size)
        scored = read_rows(out)
    else:
        scored = score(rows, PLAIN, batch_size=batch_size).scored
    assert [row.get("pass_rate") for row in scored] == [0.5] * 4 + [None] + [0.0] * 2 + [None] * 2
    assert ("pass_rate" in scored[4]) == (suffix == ".parquet")
    assert [*scored[0]][-2:] == ["reward", "pass_rate"]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_single_rows_have_no_pass_rate_and_keep_their_own(suffix, tmp_path):
    rows = [{"prompt": str(n), "completion": "4", "answer": "4", "pass_rate": n} for n in range(3)]
    score(rows, PLAIN, tmp_path / f"out{suffix}")
    assert [row["pass_rate"] for row in read_rows(tmp_path / f"out{suffix}")] == [0, 1, 2]


def test_completions_that_are_no_text_are_counted_and_named(tmp_path):
    rows = [{"completion": text, "answer": "4"} for text in ("4", 5, None, "5", [5])]
    source = write_rows(tmp_path, rows)
    done = score(source, PLAIN, tmp_path / "out.jsonl", batch_size=2)
    scored = read_rows(tmp_path / "out.jsonl")
    assert [row["reward"] for row in scored] == [1.0, None, None, 0.0, None]
    assert scored[1]["rewards/right/why"].startswith("completion: got 5 (int), expected a text")
    assert done.unreadable == 3
    problem = "completion: got 5 (int), expected a text or messages"
    assert done.first_unreadable == f"{source}, line 2: {problem}"
    assert score(source, PLAIN, tmp_path / "out.jsonl").unreadable == 3  # as it was recorded


@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize("renamed", [False, True])
def test_a_row_without_a_column_that_others_have_costs_only_itself(renamed, batch_size, tmp_path):
    name = "response" if renamed else "completion"
    rows: list[dict[str, Any]] = [
        {"answer": "4"},
        {name: "4", "answer": "4"},
        {name: "5"},
        {name: "5", "answer": "4"},
        {},
    ]
    source, out = write_rows(tmp_path, rows), tmp_path / "out.jsonl"
    columns = {"response": "completion"} if renamed else {}
    done = score(source, PLAIN, out, batch_size=batch_size, columns=columns)
    scored = read_rows(out)
    assert [row["reward"] for row in scored] == [None, 1.0, None, 0.0, None]
    assert scored[2]["rewards/right/why"].startswith("bad_reference")
    assert [{key: row[key] for key in row if key in (name, "answer")} for row in scored] == rows
    problem = "completion: missing or null, expected a text or messages"
    assert (done.unreadable, done.first_unreadable) == (2, f"{source}, line 1: {problem}")


def test_a_row_without_the_column_to_join_on_has_no_match():
    rows = [{"completion": "4"}, {"completion": "4", "prompt": "p"}, {"completion": "4"}]
    done = score(rows, PLAIN, join=[{"prompt": "p", "answer": "4"}])
    assert (done.matched, done.unmatched) == (1, 2)
    assert done.scored is not None
    assert [row["reward"] for row in done.scored] == [None, 1.0, None]


def test_chats_of_a_frame_are_read():
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    reply = numpy.array([{"role": "assistant", "content": "4"}], dtype=object)
    frame = pandas.DataFrame({"completion": [reply], "answer": ["4"]})
    assert score(frame, PLAIN).total.mean == 1.0


def test_a_column_to_join_on_needs_data():
    with pytest.raises(ValueError, match=r"got on='id' and no data to join; .*--join DATA"):
        score([{"completion": "4"}], PLAIN, on="id")
