"""Offline scoring: every row once, as it came, with what the rewards give by themselves."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
import scored
from rewardkit import presets
from rewardkit._files import reading
from rewardkit._files.journal import Journal
from rewardkit.adapters import trl
from rewardkit.scoring import score
from shapes import XML_RECIPE

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROOT = Path(__file__).parents[1]
LAID_OUT = "<reasoning>\n2 + 2\n</reasoning>\n<answer>\n4\n</answer>"
ROWS = [
    {"prompt": f"{number}?", "completion": text, "answer": answer}
    for number, (text, answer) in enumerate(
        [
            (LAID_OUT, "4"),
            ("<answer>4</answer> Hm", "5"),
            ("²\u2028 and\n" * 9, "4"),
            ("", "4"),
            (LAID_OUT + "?" * 700, "4.0"),
        ]
        * 7
    )
]
SUFFIXES = [".jsonl", ".parquet"]


def written(folder: Path, rows: list[dict[str, Any]], name: str = "in.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def by_hand(rewards: list[Any], rows: list[dict[str, Any]]) -> list[list[float | None]]:
    """What each reward gives, called as a trainer does."""
    completions = [row["completion"] for row in rows]
    answers = [row["answer"] for row in rows]
    return [reward(completions=completions, answer=answers) for reward in rewards]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 4, 1024])
def test_every_row_has_what_the_rewards_give(suffix, workers, batch_size, tmp_path):
    out = tmp_path / f"out{suffix}"
    source = written(tmp_path, ROWS)
    done = score(source, XML_RECIPE, out, workers=workers, batch_size=batch_size)
    assert (done.rows, done.resumed) == (len(ROWS), 0)
    rows = [*reading.read(out)]
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    values = by_hand(XML_RECIPE, ROWS)
    for reward, column in zip(XML_RECIPE, values, strict=True):
        assert [row[f"rewards/{reward.__name__}"] for row in rows] == column
    assert [row["reward"] for row in rows] == [sum(cells) for cells in zip(*values, strict=True)]
    assert rows[0]["rewards/correctness_reward_func/why"] == "correct"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("in.jsonl", out.name, f"{out.name}.rewards.yaml")
    }


def test_a_line_of_json_stays_as_it_came(tmp_path):
    lines = ['  {"completion":"a",\t"n": 1.50, "big": 123456789012345678901234567890 }  \r\n', "\n"]
    lines += ['{"completion": "\\ud800", "x": NaN}']
    (tmp_path / "in.jsonl").write_bytes("".join(lines).encode())
    score(tmp_path / "in.jsonl", rk.build("length", target=0, name="n"), tmp_path / "out.jsonl")
    out = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert out[0].startswith(
        '  {"completion":"a",\t"n": 1.50, "big": 123456789012345678901234567890'
    )
    assert json.loads(out[0])["rewards/n"] == -1.0
    assert out[1].startswith('{"completion": "\\ud800", "x": NaN, "rewards/n": -1.0, ')


def test_the_sum_is_split_weighed_and_leaves_out_what_abstains(tmp_path):
    right = rk.build("correct", verifier="number", extractor="whole", name="right")
    near = rk.build("length", target=1, name="near")
    rows = [
        {"completion": "4", "answer": "4"},
        {"completion": "four", "answer": None},
        {"completion": "44", "answer": "44"},
    ]
    out = tmp_path / "out.jsonl"
    done = score(written(tmp_path, rows), 2 * right + 0.5 * near + 10.0, out)
    # 2 * 1 + 0.5 * 0 + 10; 0.5 * -3 + 10; 2 * 1 + 0.5 * -1 + 10
    assert [row["reward"] for row in reading.read(out)] == [12.0, 8.5, 11.5]
    assert [row["rewards/right"] for row in reading.read(out)] == [1.0, None, 1.0]
    assert [(one.name, one.weight, one.scored) for one in done.rewards] == [
        ("right", 2.0, 2),
        ("near", 0.5, 3),
    ]
    assert done.total[3:] == (32.0 / 3, 8.5, 12.0)


def test_where_all_abstain_there_is_no_sum(tmp_path):
    right = rk.build("correct", verifier="number", name="right")
    done = score(
        written(tmp_path, [{"completion": "4", "answer": ""}]), right, tmp_path / "out.jsonl"
    )
    (row,) = reading.read(tmp_path / "out.jsonl")
    assert (row["rewards/right"], row["reward"]) == (None, None)
    assert done.total[2:] == (0, None, None, None)


def test_what_scored_the_rows_lies_beside_them(tmp_path):
    near = rk.build("length", target=1)
    score(written(tmp_path, ROWS), [near + 0.5 * near, XML_RECIPE[0]], tmp_path / "out.jsonl")
    held = rk.load(tmp_path / "out.jsonl.rewards.yaml")
    assert [(term.__name__, weight) for term, weight in held.weighted] == [
        ("length.target:1", 1.0),
        ("length.target:1-2", 0.5),
        ("xmlcount_reward_func", 1.0),
    ]
    columns = [*next(reading.read(tmp_path / "out.jsonl"))][3:]
    names = trl.split([near + 0.5 * near, XML_RECIPE[0]]).reward_funcs
    assert columns[:-1:2] == [f"rewards/{term.__name__}" for term in names]


def test_equal_names_are_numbered_in_the_file_and_beside_it(tmp_path):
    first, second = rk.build("length", target=1, name="n"), rk.build("length", target=2, name="n")
    done = score(written(tmp_path, ROWS), [first, second, 2 * first], tmp_path / "out.jsonl")
    assert [one.name for one in done.rewards] == ["n", "n-2", "n-3"]
    held = rk.load(tmp_path / "out.jsonl.rewards.yaml")
    assert [(term.name, term.target) for term in held.terms] == [("n", 1), ("n-2", 2), ("n-3", 1)]
    assert held.weights == (1.0, 1.0, 2.0)


def test_half_a_surrogate_pair_in_a_why_goes_to_parquet(tmp_path):
    rows = [{"completion": "a", "answer": "\ud800"}]
    score(written(tmp_path, rows), scored.quoting, tmp_path / "out.jsonl")
    (row,) = reading.read(tmp_path / "out.jsonl")
    assert row["rewards/quoting/why"] == "\ud800"
    (tmp_path / "in.csv").write_text("completion\na\n", encoding="utf-8")
    score(tmp_path / "in.csv", scored.quoting, tmp_path / "out.parquet")
    (row,) = reading.read(tmp_path / "out.parquet")
    assert row["rewards/quoting/why"] == "?"


def test_columns_are_mapped_and_come_out_as_they_were(tmp_path):
    rows = [{"question": "2 + 2?", "response": "so 4", "solution": "4", "completion": "not this"}]
    right = rk.build("correct", verifier="number", extractor="last_number", name="right")
    columns = {"response": "completion", "solution": "answer", "question": "prompt"}
    score(written(tmp_path, rows), right, tmp_path / "out.jsonl", columns=columns)
    (row,) = reading.read(tmp_path / "out.jsonl")
    assert {name: row[name] for name in rows[0]} == rows[0]
    assert row["rewards/right"] == 1.0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_scoring_again_what_was_scored_replaces_the_columns(suffix, tmp_path):
    first, second = rk.build("length", target=0, name="n"), rk.build("length", target=9, name="n")
    once, twice = tmp_path / f"once{suffix}", tmp_path / f"twice{suffix}"
    score(written(tmp_path, ROWS[:2]), first, once)
    score(once, second, twice)
    lengths = [len(row["completion"]) for row in ROWS[:2]]
    rows = [*reading.read(twice)]
    assert [row["rewards/n"] for row in rows] == [-abs(length - 9.0) for length in lengths]
    assert [*rows[0]] == [
        *("prompt", "completion", "answer", "rewards/n", "rewards/n/why", "reward")
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 5])
def test_no_group_is_cut(suffix, workers, batch_size, tmp_path):
    sizes = [4, 1, 1, 7, 2, 4, 1]
    rows = [
        {"prompt": f"{number}", "completion": "", "step": number // 2}
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]
    out = tmp_path / f"out{suffix}"
    score(written(tmp_path, rows), scored.GroupSize(), out, workers=workers, batch_size=batch_size)
    have = [row["rewards/GroupSize"] for row in reading.read(out)]
    assert have == [float(size) for size in sizes for _ in range(size)]


def test_a_group_goes_on_in_the_next_file(tmp_path):
    for number, prompts in enumerate(["aab", "bbc", "ccc"]):
        rows = [{"prompt": prompt, "completion": ""} for prompt in prompts]
        written(tmp_path, rows, f"part_{number}.jsonl")
    out = tmp_path / "scored.jsonl"
    score(f"{tmp_path}/part_*.jsonl", scored.GroupSize(), out, batch_size=2)
    assert [row["rewards/GroupSize"] for row in reading.read(out)] == [2, 2, 3, 3, 3, 4, 4, 4, 4]


def test_rows_without_a_prompt_are_no_group(tmp_path):
    rows = [{"prompt": None, "completion": ""}] * 5 + [{"prompt": "a", "completion": ""}] * 5
    out = tmp_path / "out.jsonl"
    score(written(tmp_path, rows), scored.of_batch, out, batch_size=2)
    assert [row["rewards/of_batch"] for row in reading.read(out)] == [1, 2, 2, 2, 2] + [5] * 5


def test_a_group_of_many_batches_is_held_together(tmp_path):
    rows = [{"prompt": "a", "completion": ""}] * 50 + [{"prompt": "b", "completion": ""}] * 3
    out = tmp_path / "out.jsonl"
    score(written(tmp_path, rows), scored.GroupSize(), out, batch_size=2)
    assert [row["rewards/GroupSize"] for row in reading.read(out)] == [50] * 50 + [3] * 3


def test_equal_prompts_of_two_steps_are_two_groups(tmp_path):
    rows = [{"prompt": "a", "completion": "", "step": step} for step in (1, 1, 2, 2, 2)]
    score(written(tmp_path, rows), scored.GroupSize(), tmp_path / "out.jsonl")
    have = [row["rewards/GroupSize"] for row in reading.read(tmp_path / "out.jsonl")]
    assert have == [2, 2, 3, 3, 3]


def test_each_step_has_its_own_weight(tmp_path):
    ramp = rk.build(
        "schedule", reward={"type": "length", "target": 0}, points=[[0, 0], [10, 1]], name="ramp"
    )
    rows = [{"completion": "four", "step": step} for step in (0, 5, 5, 10, None)]
    score(written(tmp_path, rows), ramp, tmp_path / "out.jsonl")
    have = [row["rewards/ramp"] for row in reading.read(tmp_path / "out.jsonl")]
    assert have == [0.0, -2.0, -2.0, -4.0, -4.0]


def test_functions_as_trl_takes_them(tmp_path, capfd):
    rows = [{"completion": "four", "answer": "4", "step": 7}, {"completion": "5", "answer": "5"}]
    done = score(
        written(tmp_path, rows), [scored.half_known, scored.telling], tmp_path / "out.jsonl"
    )
    out = [*reading.read(tmp_path / "out.jsonl")]
    assert [row["rewards/half_known"] for row in out] == [1.0, None]
    assert [row["rewards/telling"] for row in out] == [4.0, 1.0]
    assert [row["rewards/telling/why"] for row in out] == ["step 7", "step None"]
    assert [row["reward"] for row in out] == [5.0, 1.0]
    assert [one.name for one in done.rewards] == ["half_known", "telling"]
    assert "half_known" in (tmp_path / "out.jsonl.rewards.yaml").read_text(encoding="utf-8")


def test_the_trainers_own_table_is_scored(tmp_path):
    folder = tmp_path / "completions"
    folder.mkdir()
    for step in (1, 2):
        chat = [
            [{"role": "assistant", "content": LAID_OUT}],
            [{"role": "assistant", "content": ""}],
        ]
        columns = {"step": [step] * 2, "prompt": ["p"] * 2, "completion": chat}
        columns |= {"answer": ["4"] * 2, "length": [1.0, None], "advantage": [0.5, -0.5]}
        pq.write_table(pa.table(columns), folder / f"completions_{step:05}.parquet")
    out = tmp_path / "out.parquet"
    score(folder, XML_RECIPE, out)
    rows = pq.read_table(out).to_pylist()
    assert [row["step"] for row in rows] == [1, 1, 2, 2]
    assert [row["length"] for row in rows] == [1.0, None] * 2
    assert [row["reward"] for row in rows] == [4.0, 0.0] * 2


def test_parquet_keeps_the_types_of_its_columns(tmp_path):
    columns = {
        "completion": pa.array(["a", "b"]).dictionary_encode(),
        "n": pa.array([1, None], pa.int8()),
        "at": pa.array([0, 1], pa.timestamp("us", tz="UTC")),
        "bytes": pa.array([b"\xff", None]),
        "parts": pa.array([[{"x": 1}], []], pa.list_(pa.struct([("x", pa.int32())]))),
    }
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", XML_RECIPE[0], tmp_path / "out.parquet", batch_size=1)
    before, after = pq.read_table(tmp_path / "in.parquet"), pq.read_table(tmp_path / "out.parquet")
    assert after.select(before.column_names).to_pylist() == before.to_pylist()
    assert after.schema.field("n").type == pa.int8()
    assert after.schema.field("at").type == pa.timestamp("us", tz="UTC")


def test_columns_that_come_late_or_widen_fit_one_table(tmp_path):
    rows = [
        {"completion": [{"role": "assistant", "content": "a"}], "x": None},
        {"completion": [{"role": "assistant", "content": "b", "tool": {"n": 1}}], "x": 1},
        {"completion": [], "x": 1.5, "late": "yes"},
    ]
    score(written(tmp_path, rows), XML_RECIPE[0], tmp_path / "out.parquet", batch_size=1)
    out = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["x"] for row in out] == [None, 1.0, 1.5]
    assert [row["late"] for row in out] == [None, None, "yes"]
    assert [message.get("tool") for row in out for message in row["completion"]] == [None, {"n": 1}]


@pytest.mark.parametrize("batch_size", [1, 9])
def test_what_parquet_cannot_hold_is_said(batch_size, tmp_path):
    rows = [{"completion": "a", "x": 1}, {"completion": "a", "x": "one"}]
    with pytest.raises(ValueError, match=r"write to a \.jsonl file"):
        score(
            written(tmp_path, rows), XML_RECIPE[0], tmp_path / "out.parquet", batch_size=batch_size
        )


def test_dates_and_numbers_that_json_lacks_are_written_all_the_same(tmp_path):
    table = pa.table({"completion": ["\n²"], "x": [math.nan], "at": pa.array([0], pa.date32())})
    pq.write_table(table, tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", XML_RECIPE[0], tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    row = json.loads(text, parse_constant=pytest.fail)
    assert (row["completion"], row["x"], row["at"]) == ("\n²", None, "1970-01-01")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows_give_no_rows(suffix, tmp_path):
    done = score(written(tmp_path, []), XML_RECIPE, tmp_path / f"out{suffix}")
    assert (done.rows, done.total.mean) == (0, None)
    assert [*reading.read(tmp_path / f"out{suffix}")] == []


def test_progress_is_told(tmp_path):
    told: list[tuple[int, int | None]] = []
    score(
        written(tmp_path, ROWS),
        XML_RECIPE,
        tmp_path / "out.jsonl",
        batch_size=20,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 35), (20, 35), (35, 35)]


# Ended on the way.


CODE = """
import sys
sys.path.append(sys.argv[1])
import scored
from rewardkit.scoring import score
score(sys.argv[2], scored.Slow(), sys.argv[3], batch_size=5, workers=int(sys.argv[4]))
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_run_again_every_row_is_there_once(suffix, workers, tmp_path):
    rows = [{"completion": f"{number} is it", "n": number} for number in range(1500)]
    source, out = written(tmp_path, rows), tmp_path / f"out{suffix}"
    progress = out.with_name(f"{out.name}.progress")
    given = map(str, [Path(__file__).parent, source, out, workers])
    command = [sys.executable, "-c", CODE, *given]
    rng = random.Random(workers)  # noqa: S311 - no secrets
    sizes = [0]
    for _ in range(10 if suffix == ".jsonl" else 4):
        process = subprocess.Popen(command, env={**os.environ, "SLOW": "0.02"})
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            if progress.exists() and progress.stat().st_size > sizes[-1]:  # it went on
                break
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        sizes.append(progress.stat().st_size)
    assert sorted(sizes) == sizes
    done = score(source, scored.Slow(), out, batch_size=5)
    assert 0 < done.resumed < done.rows == 1500
    have = [*reading.read(out)]
    assert [row["n"] for row in have] == [*range(1500)]
    assert [row["rewards/Slow"] for row in have] == [len(row["completion"]) for row in rows]
    assert done.total.mean == sum(len(row["completion"]) for row in rows) / 1500
    assert not [*tmp_path.glob("*.part*"), *tmp_path.glob("*.progress")]


class KilledError(Exception):
    """As if the process ended here."""


@pytest.fixture
def begun(tmp_path):
    """A source, and an out file of which the first rows are there."""

    def stop(done: int, _: int | None) -> None:
        if done >= 20:
            raise KilledError

    def begin(suffix: str) -> tuple[Path, Path]:
        source, out = written(tmp_path, ROWS), tmp_path / f"out{suffix}"
        with pytest.raises(KilledError):
            score(source, XML_RECIPE, out, batch_size=5, progress=stop)
        assert not out.exists()
        return source, out

    return begin


def whole(source: Path, out: Path) -> list[dict[str, Any]]:
    """What a run without an end on the way writes."""
    other = out.with_name(f"whole{out.suffix}")
    score(source, XML_RECIPE, other, batch_size=5)
    return [*reading.read(other)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("torn", [b"", b"{", b'{"completion": "torn', b"\0" * 5000])
@pytest.mark.parametrize("file", ["part", "progress"])
def test_what_was_torn_is_cut_off(suffix, torn, file, begun):
    source, out = begun(suffix)
    with out.with_name(f"{out.name}.{file}").open("ab") as opened:
        opened.write(torn)
    done = score(source, XML_RECIPE, out, batch_size=3, workers=2)
    assert (done.rows, done.resumed) == (35, 20)
    assert [*reading.read(out)] == whole(source, out)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("file", ["part", "progress"])
def test_cut_anywhere_the_rest_is_scored_again(suffix, file, begun):
    source, out = begun(suffix)
    path = out.with_name(f"{out.name}.{file}")
    content = path.read_bytes()
    part = out.with_name(f"{out.name}.part").read_bytes()
    progress = out.with_name(f"{out.name}.progress").read_bytes()
    want = whole(source, out)
    for size in range(0, len(content), len(content) // 25):
        out.unlink(missing_ok=True)
        out.with_name(f"{out.name}.part").write_bytes(part)
        out.with_name(f"{out.name}.progress").write_bytes(progress)
        path.write_bytes(content[:size])
        done = score(source, XML_RECIPE, out, batch_size=5)
        assert done.resumed in (0, 5, 10, 15)
        assert [*reading.read(out)] == want


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("step", ["finish", "replace", "part", "progress"])
def test_killed_between_the_last_steps_it_is_whole_all_the_same(step, suffix, tmp_path):
    """The process ends at a call that finishing makes, as if it was killed there."""
    source, out = written(tmp_path, ROWS), tmp_path / f"out{suffix}"
    with pytest.MonkeyPatch.context() as patch:
        if step == "finish":
            patch.setattr(Journal, "finish", end)
        if step == "replace":
            patch.setattr(Path, "replace", only(out, Path.replace))
        if step in ("part", "progress"):
            patch.setattr(Path, "unlink", only(out.with_name(f"{out.name}.{step}"), Path.unlink))
        with pytest.raises(KilledError):
            score(source, XML_RECIPE, out, batch_size=5)
    done = score(source, XML_RECIPE, out, batch_size=5)
    assert done.rows == 35
    assert len([*reading.read(out)]) == 35
    assert {path.name for path in tmp_path.iterdir()} == {
        *("in.jsonl", out.name, f"{out.name}.rewards.yaml")
    }


def end(*_: Any, **__: Any) -> None:
    raise KilledError


def only(path: Path, call: Any) -> Any:
    """Call a method of paths, but end where it is about one of them."""

    def maybe(self: Path, *given: Any, **options: Any) -> Any:
        if path in (self, *given):
            raise KilledError
        return call(self, *given, **options)

    return maybe


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("changed", ["input", "rewards", "columns", "weight"])
def test_other_work_is_refused_and_may_start_afresh(finished, changed, begun):
    source, out = begun(".jsonl")
    rewards: list[Any] = [*XML_RECIPE]
    columns: dict[str, str] = {}
    if finished:
        score(source, rewards, out)
    if changed == "input":
        source.write_bytes(source.read_bytes().replace(b"Hm", b"hm"))
    if changed == "rewards":
        rewards[0] = presets.published.xmlcount_reward_func
    if changed == "columns":
        columns = {"prompt": "question"}
    if changed == "weight":
        rewards[0] = 2 * rewards[0]
    what = "rewards" if changed == "weight" else changed
    with pytest.raises(ValueError, match=rf"begun with other {what}; start it afresh with --fresh"):
        score(source, rewards, out, columns=columns)
    done = score(source, rewards, out, columns=columns, resume=False)
    assert (done.rows, done.resumed) == (35, 0)
    assert len([*reading.read(out)]) == 35


def test_what_came_to_nothing_is_no_beginning(tmp_path):
    source, out = written(tmp_path, [{"response": "4"}]), tmp_path / "out.jsonl"
    with pytest.raises(ValueError, match="no column 'completion'"):
        score(source, XML_RECIPE[0], out)
    with pytest.raises(ValueError, match="no column 'respons'"):
        score(source, XML_RECIPE[0], out, columns={"respons": "completion"})
    assert score(source, XML_RECIPE[1], out, columns={"response": "completion"}).rows == 1
    with pytest.raises(ValueError, match="no column 'respons'"):
        score(source, XML_RECIPE[0], out, columns={"respons": "completion"}, resume=False)
    with pytest.raises(ValueError, match="begun with other columns"):  # the old file is there
        score(source, XML_RECIPE[0], out, columns={"response": "completion"})


def test_the_code_of_a_reward_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = "def mine(completions, **_):\n    return [{}] * len(completions)\n"
    (tmp_path / "changing.py").write_text(code.format(1.0), encoding="utf-8")
    changing = import_module("changing")
    source, out = written(tmp_path, ROWS), tmp_path / "out.jsonl"
    score(source, changing.mine, out)
    (tmp_path / "changing.py").write_text(code.format(2.0), encoding="utf-8")
    with pytest.raises(ValueError, match="other rewards"):
        score(source, changing.mine, out)


def test_what_is_finished_is_not_scored_again(tmp_path):
    source, out = written(tmp_path, ROWS), tmp_path / "out.jsonl"
    first = score(source, XML_RECIPE, out)
    before = out.stat()
    again = score(source, XML_RECIPE, out)
    assert (again.rows, again.resumed) == (35, 35)
    assert again[3:] == first[3:]
    assert out.stat().st_mtime_ns == before.st_mtime_ns


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path):
    source, out = written(tmp_path, ROWS), tmp_path / "out.jsonl"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="was not written by score"):
        score(source, XML_RECIPE, out)
    assert out.read_text(encoding="utf-8") == "mine"


def test_two_at_once_are_refused(tmp_path):
    source, out = written(tmp_path, ROWS), tmp_path / "out.jsonl"

    def again(*_: Any) -> None:
        with pytest.raises(ValueError, match="being written by another process"):
            score(source, XML_RECIPE, out)

    assert score(source, XML_RECIPE, out, progress=again).rows == 35


# Processes.


def test_the_work_is_done_in_other_processes(tmp_path, capfd):
    out = tmp_path / "out.jsonl"
    score(written(tmp_path, ROWS), [scored.process, scored.telling], out, workers=2, batch_size=2)
    processes = {row["rewards/process"] for row in reading.read(out)}
    assert len(processes) == 2
    assert os.getpid() not in processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
    assert "loud" in capfd.readouterr().err  # what rewards print goes there


def test_an_unguarded_script_may_ask_for_workers(tmp_path):
    source = written(tmp_path, ROWS)
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
    source = written(tmp_path, ROWS)
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


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("reward", "kind", "told"),
    [
        (scored.failing, ZeroDivisionError, "division by zero"),
        (scored.too_short, ValueError, "got 0 values for 34 completions"),
        (scored.infinite, ValueError, "got inf"),
        (rk.build("correct", verifier="number", reference="solution"), LookupError, "solution"),
    ],
)
def test_what_a_reward_raises_comes_through_with_its_rows(workers, reward, kind, told, tmp_path):
    source = written(tmp_path, ROWS)
    with pytest.raises(kind, match=told) as raised:
        score(source, reward, tmp_path / "out.jsonl", workers=workers)
    (note,) = raised.value.__notes__
    assert reward.__name__ in note
    assert "in.jsonl, line 1 to" in note


def test_a_worker_that_dies_is_named_and_the_rows_before_are_kept(tmp_path):
    rows = [{"completion": "fine"}] * 30 + [{"completion": "die"}]
    source, out = written(tmp_path, rows), tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError, match="ended with code 3"):
        score(source, scored.dying, out, workers=2, batch_size=5)
    assert out.with_name("out.jsonl.progress").read_bytes().count(b"\n") > 1


# Misuse.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"out": "out.csv"}, r"got the ending '.csv', expected .jsonl or .parquet"),
        ({"out": "in.jsonl"}, "is the input too"),
        ({"workers": 0}, "got workers=0"),
        ({"batch_size": 0}, "got batch_size=0"),
        ({"rewards": []}, "no rewards"),
        ({"columns": {"respones": "completion"}}, "line 1: no column 'respones'"),
        ({"columns": {"completion": "text"}}, "no column 'completion'; .*--column"),
    ],
)
def test_misuse_is_said(options, told, tmp_path):
    given: dict[str, Any] = {"rewards": XML_RECIPE, "out": "out.jsonl"} | options
    out = tmp_path / given.pop("out")
    with pytest.raises(ValueError, match=told):
        score(written(tmp_path, ROWS), given.pop("rewards"), out, **given)


def test_what_is_no_reward_is_said(tmp_path):
    with pytest.raises(TypeError, match="expected a reward, a function"):
        score(written(tmp_path, ROWS), ["xml_count"], tmp_path / "out.jsonl")  # type: ignore[list-item]


def test_real_completions_are_scored_alike(tmp_path):
    data = ROOT.parent / "shared" / "data" / "smollm2_gsm8k.jsonl.gz"
    if not data.exists():
        pytest.skip("the completions are not here")
    rows = [*reading.read(data)]
    completions = [row["completion"] for row in rows]
    score(data, XML_RECIPE[:4], tmp_path / "out.jsonl", workers=2)
    values = [reward(completions=completions) for reward in XML_RECIPE[:4]]
    for row, before, *cells in zip(
        reading.read(tmp_path / "out.jsonl"), rows, *values, strict=True
    ):
        assert [row[f"rewards/{reward.__name__}"] for reward in XML_RECIPE[:4]] == cells
        assert {name: row[name] for name in before} == before


def test_the_benchmark_measures_all_of_it(tmp_path):
    sizes = ["--rows", "600", "--rounds", "1", "--kills", "1", "--json", str(tmp_path / "figures")]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "scoring.py", *sizes], capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stderr  # 1 where a figure is over its bound
    figures = json.loads((tmp_path / "figures").read_text(encoding="utf-8"))
    assert min(figures[name] for name in ("ratio", "mib", "parquet_mib", "score_s")) > 0
    assert [(run["out"], run["workers"]) for run in figures["kills"]] == [
        *((".jsonl", 1), (".jsonl", 2), (".parquet", 1), (".parquet", 2))
    ]
    assert all(run["every_row_once"] and run["rows"] == 600 for run in figures["kills"])
