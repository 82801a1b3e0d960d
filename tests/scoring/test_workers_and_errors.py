"""Scoring in several processes, and errors in rewards, workers and arguments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
import scored
from rewardkit.scoring import score
from scoring_rows import ROWS, read_rows, write_rows
from shapes import XML_RECIPE

pytest.importorskip("pyarrow")

ROOT = Path(__file__).parents[2]


def test_the_work_is_done_in_other_processes(tmp_path, capfd):
    out = tmp_path / "out.jsonl"
    score(
        write_rows(tmp_path, ROWS), [scored.process, scored.telling], out, workers=2, batch_size=2
    )
    processes = {row["rewards/process"] for row in read_rows(out)}
    assert len(processes) == 2
    assert os.getpid() not in processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
    assert "loud" in capfd.readouterr().err  # what rewards print goes there


def test_an_unguarded_script_may_ask_for_workers(tmp_path):
    source = write_rows(tmp_path, ROWS)
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\n"
        "from rewardkit import build\n"
        "from rewardkit.scoring import score\n"
        f"print(score({str(source)!r}, build('xml_count'), 'out.jsonl', workers=2).rows)\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("once\n35\n", "")


def test_a_reward_of_a_script_is_refused_by_several_workers_and_scored_by_one(tmp_path):
    source = write_rows(tmp_path, ROWS)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from rewardkit.scoring import score\n"
        "def mine(completions, **_): return [0.0] * len(completions)\n"
        f"print(score({str(source)!r}, mine, 'out.jsonl', workers=int(sys.argv[1])).rows)\n",
        encoding="utf-8",
    )
    run = [sys.executable, str(script)]
    two = subprocess.run([*run, "2"], cwd=tmp_path, capture_output=True, text=True)
    assert "move it out of the script or notebook into a module of its own" in two.stderr
    one = subprocess.run([*run, "1"], cwd=tmp_path, capture_output=True, text=True)
    assert one.stdout == "35\n", one.stderr


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("reward", "kind", "message"),
    [
        (scored.failing, ZeroDivisionError, "division by zero"),
        (scored.too_short, ValueError, "got 0 values for 34 completions"),
        (scored.infinite, ValueError, "gave inf"),
        (rk.build("correct", verifier="number", reference="solution"), LookupError, "solution"),
    ],
)
def test_an_error_of_a_reward_names_it_and_its_rows(workers, reward, kind, message, tmp_path):
    source = write_rows(tmp_path, ROWS)
    with pytest.raises(kind, match=message) as raised:
        score(source, reward, tmp_path / "out.jsonl", workers=workers)
    (note,) = raised.value.__notes__
    assert note.startswith(f"reward {reward.__name__!r}, ")
    assert re.search(r"in\.jsonl lines 1-3[45]$", note)


@pytest.mark.usefixtures("forked_workers")
def test_a_worker_that_dies_is_named_and_the_rows_before_are_kept(tmp_path):
    rows = [{"completion": "fine"}] * 30 + [{"completion": "die"}]
    source, out = write_rows(tmp_path, rows), tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError, match="ended with code 3"):
        score(source, scored.dying, out, workers=2, batch_size=5)
    assert out.with_name("out.jsonl.progress").read_bytes().count(b"\n") > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "out.csv"}, r"got the ending '.csv', expected .jsonl or .parquet"),
        ({"out": "in.jsonl"}, "is also the input"),
        ({"workers": 0}, "got workers=0"),
        ({"batch_size": 0}, "got batch_size=0"),
        ({"rewards": []}, "no rewards"),
        ({"columns": {"respones": "completion"}}, "line 1: no column 'respones'"),
        ({"columns": {"completion": "text"}}, "no column 'completion' .*--column"),
    ],
)
def test_misuse_is_reported(options, message, tmp_path):
    given: dict[str, Any] = {"rewards": XML_RECIPE, "out": "out.jsonl"} | options
    out = tmp_path / given.pop("out")
    with pytest.raises(ValueError, match=message):
        score(write_rows(tmp_path, ROWS), given.pop("rewards"), out, **given)


def test_anything_but_a_reward_is_refused(tmp_path):
    with pytest.raises(TypeError, match="expected a reward, a function"):
        score(write_rows(tmp_path, ROWS), ["xml_count"], tmp_path / "out.jsonl")  # type: ignore[list-item]


def test_real_completions_are_scored_alike(tmp_path):
    data = ROOT.parent / "shared" / "data" / "smollm2_gsm8k.jsonl.gz"
    if not data.exists():
        pytest.skip("the completions are not here")
    rows = read_rows(data)
    completions = [row["completion"] for row in rows]
    score(data, XML_RECIPE[:4], tmp_path / "out.jsonl", workers=2)
    values = [reward(completions=completions) for reward in XML_RECIPE[:4]]
    for row, before, *row_values in zip(
        read_rows(tmp_path / "out.jsonl"), rows, *values, strict=True
    ):
        assert [row[f"rewards/{reward.__name__}"] for reward in XML_RECIPE[:4]] == row_values
        assert {name: row[name] for name in before} == before


def test_the_benchmark_measures_all_of_it(tmp_path):
    # One combination of the four; test_resuming.py kills all of them.
    sizes = [
        "--rows=600",
        "--rounds=1",
        "--kills=1",
        "--suffixes=.jsonl",
        "--workers=1",
        "--math-rows=8",
        "--json",
    ]
    benchmark = [sys.executable, ROOT / "benchmarks" / "scoring.py", *sizes, tmp_path / "figures"]
    done = subprocess.run(benchmark, capture_output=True, text=True)
    assert (done.returncode in (0, 1), done.stderr) == (True, "")  # 1 if a figure exceeds its bound
    figures = json.loads((tmp_path / "figures").read_text(encoding="utf-8"))
    assert min(figures[name] for name in ("ratio", "mib", "parquet_mib", "score_s")) > 0
    assert [(run["out"], run["workers"]) for run in figures["kills"]] == [(".jsonl", 1)]
    assert all(run["every_row_once"] and run["rows"] == 600 for run in figures["kills"])
    assert min(figures["math"].values()) > 0
