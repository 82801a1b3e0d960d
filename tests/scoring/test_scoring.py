"""Scored files contain every row once and unchanged, with each reward's value and reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import rewardkit as rk
import scored
from rewardkit.adapters import trl
from rewardkit.scoring import resume, score
from scoring_rows import LAID_OUT, ROWS, SUFFIXES, read_rows, write_rows
from shapes import XML_RECIPE

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def by_hand(rewards: list[Any], rows: list[dict[str, Any]]) -> list[list[float | None]]:
    """Return each reward's values, called with a trainer's arguments."""
    completions = [row["completion"] for row in rows]
    answers = [row["answer"] for row in rows]
    return [reward(completions=completions, answer=answers) for reward in rewards]


# Two workers have something to share only if there are several batches.
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("workers", "batch_size"), [(1, 1), (1, 4), (1, 1024), (2, 4)])
@pytest.mark.usefixtures("forked_workers")
def test_every_row_has_what_the_rewards_give(suffix, workers, batch_size, tmp_path):
    out = tmp_path / f"out{suffix}"
    source = write_rows(tmp_path, ROWS)
    done = score(source, XML_RECIPE, out, workers=workers, batch_size=batch_size)
    assert (done.rows, done.resumed) == (len(ROWS), 0)
    rows = read_rows(out)
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    values = by_hand(XML_RECIPE, ROWS)
    for reward, column in zip(XML_RECIPE, values, strict=True):
        assert [row[f"rewards/{reward.__name__}"] for row in rows] == column
    assert [row["reward"] for row in rows] == [*map(sum, zip(*values, strict=True))]
    assert rows[0]["rewards/correctness_reward_func/why"] == "correct"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("in.jsonl", out.name, f"{out.name}.rewards.yaml")
    }


def test_a_line_of_json_is_copied_as_it_is(tmp_path):
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


def test_the_sum_is_split_weighted_and_leaves_out_abstentions(tmp_path):
    right = rk.build("correct", verifier="number", extractor="whole", name="right")
    near = rk.build("length", target=1, name="near")
    rows = [
        {"completion": "4", "answer": "4"},
        {"completion": "four", "answer": None},
        {"completion": "44", "answer": "44"},
    ]
    out = tmp_path / "out.jsonl"
    done = score(write_rows(tmp_path, rows), 2 * right + 0.5 * near + 10.0, out)
    # 2 * 1 + 0.5 * 0 + 10; 0.5 * -3 + 10; 2 * 1 + 0.5 * -1 + 10
    assert [row["reward"] for row in read_rows(out)] == [12.0, 8.5, 11.5]
    assert [row["rewards/right"] for row in read_rows(out)] == [1.0, None, 1.0]
    assert [(one.name, one.weight, one.scored) for one in done.rewards] == [
        ("right", 2.0, 2),
        ("near", 0.5, 3),
    ]
    assert done.total[3:] == (32.0 / 3, 8.5, 12.0, "")


def test_the_sum_is_none_if_all_rewards_abstain(tmp_path):
    right = rk.build("correct", verifier="number", name="right")
    done = score(
        write_rows(tmp_path, [{"completion": "4", "answer": ""}]), right, tmp_path / "out.jsonl"
    )
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert (row["rewards/right"], row["reward"]) == (None, None)
    assert done.total[2:] == (0, None, None, None, "")
    assert done.rewards[0].abstained == "bad_reference: ''"


def test_the_sidecar_holds_the_rewards(tmp_path):
    near = rk.build("length", target=1)
    score(write_rows(tmp_path, ROWS), [near + 0.5 * near, XML_RECIPE[0]], tmp_path / "out.jsonl")
    held = rk.load(tmp_path / "out.jsonl.rewards.yaml")
    assert [(term.__name__, weight) for term, weight in held.weighted] == [
        ("length.target:1", 1.0),
        ("length.target:1-2", 0.5),
        ("xmlcount_reward_func", 1.0),
    ]
    columns = [*read_rows(tmp_path / "out.jsonl")[0]][3:]
    names = trl.split([near + 0.5 * near, XML_RECIPE[0]]).reward_funcs
    assert columns[:-1:2] == [f"rewards/{term.__name__}" for term in names]


def test_equal_names_are_numbered_in_the_file_and_its_sidecar(tmp_path):
    first, second = rk.build("length", target=1, name="n"), rk.build("length", target=2, name="n")
    done = score(write_rows(tmp_path, ROWS), [first, second, 2 * first], tmp_path / "out.jsonl")
    assert [one.name for one in done.rewards] == ["n", "n-2", "n-3"]
    held = rk.load(tmp_path / "out.jsonl.rewards.yaml")
    assert [(term.name, term.target) for term in held.terms] == [("n", 1), ("n-2", 2), ("n-3", 1)]
    assert held.weights == (1.0, 1.0, 2.0)


def test_half_a_surrogate_pair_in_a_why_goes_to_parquet(tmp_path):
    rows = [{"completion": "a", "answer": "\ud800"}]
    score(write_rows(tmp_path, rows), scored.quoting, tmp_path / "out.jsonl")
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert row["rewards/quoting/why"] == "\ud800"
    (tmp_path / "in.csv").write_text("completion\na\n", encoding="utf-8")
    score(tmp_path / "in.csv", scored.quoting, tmp_path / "out.parquet")
    (row,) = read_rows(tmp_path / "out.parquet")
    assert row["rewards/quoting/why"] == "?"


def test_columns_are_mapped_and_come_out_as_they_were(tmp_path):
    rows = [{"question": "2 + 2?", "response": "so 4", "solution": "4", "completion": "not this"}]
    right = rk.build("correct", verifier="number", extractor="last_number", name="right")
    columns = {"response": "completion", "solution": "answer", "question": "prompt"}
    score(write_rows(tmp_path, rows), right, tmp_path / "out.jsonl", columns=columns)
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert {name: row[name] for name in rows[0]} == rows[0]
    assert row["rewards/right"] == 1.0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_scoring_again_what_was_scored_replaces_the_columns(suffix, tmp_path):
    first, second = rk.build("length", target=0, name="n"), rk.build("length", target=9, name="n")
    once, twice = tmp_path / f"once{suffix}", tmp_path / f"twice{suffix}"
    score(write_rows(tmp_path, ROWS[:2]), first, once)
    score(once, second, twice)
    lengths = [len(row["completion"]) for row in ROWS[:2]]
    rows = read_rows(twice)
    assert [row["rewards/n"] for row in rows] == [-abs(length - 9.0) for length in lengths]
    assert [*rows[0]] == [
        *("prompt", "completion", "answer", "rewards/n", "rewards/n/why", "reward")
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("workers", "batch_size"), [(1, 1), (1, 3), (1, 5), (2, 3)])
@pytest.mark.usefixtures("forked_workers")
def test_no_group_is_split(suffix, workers, batch_size, tmp_path):
    sizes = [4, 1, 1, 7, 2, 4, 1]
    rows = [
        {"prompt": f"{number}", "completion": "", "step": number // 2}
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]
    out = tmp_path / f"out{suffix}"
    score(
        write_rows(tmp_path, rows), scored.GroupSize(), out, workers=workers, batch_size=batch_size
    )
    have = [row["rewards/GroupSize"] for row in read_rows(out)]
    assert have == [float(size) for size in sizes for _ in range(size)]


def test_a_group_goes_on_in_the_next_file(tmp_path):
    for number, prompts in enumerate(["aab", "bbc", "ccc"]):
        rows = [{"prompt": prompt, "completion": ""} for prompt in prompts]
        write_rows(tmp_path, rows, f"part_{number}.jsonl")
    out = tmp_path / "scored.jsonl"
    score(f"{tmp_path}/part_*.jsonl", scored.GroupSize(), out, batch_size=2)
    assert [row["rewards/GroupSize"] for row in read_rows(out)] == [2, 2, 3, 3, 3, 4, 4, 4, 4]


def test_rows_without_a_prompt_are_not_grouped(tmp_path):
    rows = [{"prompt": None, "completion": ""}] * 5 + [{"prompt": "a", "completion": ""}] * 5
    out = tmp_path / "out.jsonl"
    score(write_rows(tmp_path, rows), scored.of_batch, out, batch_size=2)
    assert [row["rewards/of_batch"] for row in read_rows(out)] == [1, 2, 2, 2, 2] + [5] * 5


def test_a_group_larger_than_a_batch_is_not_split(tmp_path):
    rows = [{"prompt": "a", "completion": ""}] * 50 + [{"prompt": "b", "completion": ""}] * 3
    out = tmp_path / "out.jsonl"
    score(write_rows(tmp_path, rows), scored.GroupSize(), out, batch_size=2)
    assert [row["rewards/GroupSize"] for row in read_rows(out)] == [50] * 50 + [3] * 3


def test_equal_prompts_of_two_steps_are_two_groups(tmp_path):
    rows = [{"prompt": "a", "completion": "", "step": step} for step in (1, 1, 2, 2, 2)]
    score(write_rows(tmp_path, rows), scored.GroupSize(), tmp_path / "out.jsonl")
    have = [row["rewards/GroupSize"] for row in read_rows(tmp_path / "out.jsonl")]
    assert have == [2, 2, 3, 3, 3]


def test_the_path_of_a_yaml_file_is_taken(tmp_path):
    path = tmp_path / "near.yaml"
    path.write_text("{type: length, target: 3, name: near}")
    done = score([{"completion": "four"}], path)
    assert [row["rewards/near"] for row in done.scored] == [-1.0]
    assert score([{"completion": "four"}], str(path)).scored == done.scored


def test_each_step_has_its_own_weight(tmp_path):
    ramp = rk.build(
        "schedule", reward={"type": "length", "target": 0}, points=[[0, 0], [10, 1]], name="ramp"
    )
    rows = [{"completion": "four", "step": step} for step in (0, 5, 5, 10, None)]
    score(write_rows(tmp_path, rows), ramp, tmp_path / "out.jsonl")
    have = [row["rewards/ramp"] for row in read_rows(tmp_path / "out.jsonl")]
    assert have == [0.0, -2.0, -2.0, -4.0, -4.0]


def test_functions_as_trl_takes_them(tmp_path, capfd):
    rows = [{"completion": "four", "answer": "4", "step": 7}, {"completion": "5", "answer": "5"}]
    done = score(
        write_rows(tmp_path, rows), [scored.half_known, scored.telling], tmp_path / "out.jsonl"
    )
    out = read_rows(tmp_path / "out.jsonl")
    assert [row["rewards/half_known"] for row in out] == [1.0, None]
    assert [row["rewards/telling"] for row in out] == [4.0, 1.0]
    assert [row["rewards/telling/why"] for row in out] == ["step 7", "step None"]
    assert [row["reward"] for row in out] == [5.0, 1.0]
    assert [one.name for one in done.rewards] == ["half_known", "telling"]
    sidecar = (tmp_path / "out.jsonl.rewards.yaml").read_text(encoding="utf-8")
    assert "half_known" in sidecar
    assert "# rk.load cannot read it: at least one term is a plain function" in sidecar
    assert "rk.load reads it" not in sidecar


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
    score(write_rows(tmp_path, rows), XML_RECIPE[0], tmp_path / "out.parquet", batch_size=1)
    out = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["x"] for row in out] == [None, 1.0, 1.5]
    assert [row["late"] for row in out] == [None, None, "yes"]
    assert [message.get("tool") for row in out for message in row["completion"]] == [None, {"n": 1}]


@pytest.mark.parametrize("batch_size", [1, 9])
def test_a_column_that_parquet_cannot_hold_is_reported(batch_size, tmp_path):
    rows = [{"completion": "a", "x": 1}, {"completion": "a", "x": "one"}]
    with pytest.raises(ValueError, match=r"write to a \.jsonl file"):
        score(
            write_rows(tmp_path, rows),
            XML_RECIPE[0],
            tmp_path / "out.parquet",
            batch_size=batch_size,
        )


def test_dates_and_nan_are_written_as_json(tmp_path):
    table = pa.table({"completion": ["\n²"], "x": [math.nan], "at": pa.array([0], pa.date32())})
    pq.write_table(table, tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", XML_RECIPE[0], tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    row = json.loads(text, parse_constant=pytest.fail)
    assert (row["completion"], row["x"], row["at"]) == ("\n²", None, "1970-01-01")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows_give_no_rows(suffix, tmp_path):
    done = score(write_rows(tmp_path, []), XML_RECIPE, tmp_path / f"out{suffix}")
    assert (done.rows, done.total.mean) == (0, None)
    assert read_rows(tmp_path / f"out{suffix}") == []


def test_progress_is_reported(tmp_path):
    calls: list[tuple[int, int | None]] = []
    score(
        write_rows(tmp_path, ROWS),
        XML_RECIPE,
        tmp_path / "out.jsonl",
        batch_size=20,
        progress=lambda done, total: calls.append((done, total)),
    )
    # the last row of a batch waits for the next: its group may go on
    assert calls == [(0, 35), (19, 35), (34, 35), (35, 35)]


def test_the_sidecar_has_every_field_and_the_version(tmp_path):
    near = rk.build("length", target=1)
    score(write_rows(tmp_path, ROWS), near, tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl.rewards.yaml").read_text(encoding="utf-8")
    assert f"rewardkit {rk.__version__} " in text
    assert "unit: characters" in text  # a default


def test_a_changed_default_is_another_reward(tmp_path, monkeypatch):
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    near = rk.build("length", target=1)
    score(source, near, out)
    changed = rk.dump(near, defaults=True).replace("unit: characters", "unit: words")
    monkeypatch.setattr(resume, "dump", lambda _, **__: changed)
    with pytest.raises(ValueError, match="begun with other rewards"):
        score(source, near, out)
