"""Groups that are kept by their pass rate: which rows, in what order, in which files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.report import report
from rewardkit.scoring import filter_groups, score
from scored_pages import scored, write
from scoring_rows import SUFFIXES, read_rows

values = st.sampled_from([0.0, 1.0, None])
tables = st.lists(st.tuples(st.sampled_from("abc"), values), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(tables, st.sampled_from([(0.0, 1.0), (0.2, 0.8), (0.5, 0.5), (1.0, 1.0)]))
def test_the_rows_of_groups_within_the_limits_are_kept_in_order(tmp_path_factory, table, limits):
    folder = tmp_path_factory.mktemp("filter")
    rows = [scored(str(n), prompt, right=value) for n, (prompt, value) in enumerate(table)]
    low, high = limits
    kept = filter_groups(
        write(folder, rows), folder / "out.jsonl", low=low, high=high, pass_value=1.0
    )
    known = {p: [v for q, v in table if q == p and v is not None] for p, _ in table}
    rates = {p: sum(v) / len(v) for p, v in known.items() if v}
    expected = [
        {**row, "pass_rate": rates[row["prompt"]]}
        for row in rows
        if row["prompt"] in rates and low <= rates[row["prompt"]] <= high
    ]
    assert read_rows(folder / "out.jsonl") == expected
    assert (kept.rows, kept.of_rows, kept.of_groups) == (len(expected), len(rows), len(known))
    assert kept.groups == len({row["prompt"] for row in expected})
    assert kept.undecided == sum(not known[p] for p, _ in table)


ROWS = [scored(f"{n}", f"p{n // 4}", right=float(n % 4 < n // 4), n=n) for n in range(20)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_row_of_each_group_in_either_form(suffix, tmp_path):
    pytest.importorskip("pyarrow")
    source, out = write(tmp_path, ROWS), tmp_path / f"out{suffix}"
    kept = filter_groups(source, out, low=0.2, high=0.8, one_per_group=True)
    # pass rates 0, 1/4, 1/2, 3/4 and 1
    assert [(row["completion"], row["pass_rate"]) for row in read_rows(out)] == [
        ("4", 0.25),
        ("8", 0.5),
        ("12", 0.75),
    ]
    assert (kept.rows, kept.groups, kept.of_groups) == (3, 3, 5)
    assert kept.passes.pass_at[0].value == 0.5
    assert {path.name for path in tmp_path.iterdir()} == {source.name, out.name}


def test_the_rewards_of_another_file_of_that_name_go(tmp_path):
    source, out = write(tmp_path, ROWS), tmp_path / "out.jsonl"
    score([{"completion": "a"}], rk.build("length", target=1), out)
    filter_groups(source, out)
    assert {path.name for path in tmp_path.iterdir()} == {source.name, out.name}


def test_nothing_kept_is_an_empty_file(tmp_path):
    source, out = write(tmp_path, ROWS[:4]), tmp_path / "out.jsonl"
    assert filter_groups(source, out, low=0.5).rows == 0
    assert out.read_bytes() == b""


def test_the_rewards_go_with_the_rows_and_scoring_does_not_resume_there(tmp_path):
    right = rk.build("correct", verifier="number", name="right", correct=2.0)
    total = 3.0 * right + rk.build("length", target=4, name="length")
    rows = [
        {"prompt": f"{n // 2}", "completion": f"<answer>{n}</answer>", "answer": str(n - n % 2)}
        for n in range(8)
    ]
    score(rows, total, tmp_path / "scored.jsonl")
    out = tmp_path / "kept.jsonl"
    kept = filter_groups(tmp_path / "scored.jsonl", out, low=0.2, high=0.8)
    assert (kept.passes.reward, kept.passes.least, kept.rows) == ("right", 2.0, 8)
    page = report(out, tmp_path / "page.html")
    assert [reward.weight for reward in page.figures.rewards] == [3.0, 1.0]
    with pytest.raises(ValueError, match="was not written by score"):
        score(rows, total, out)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS, {"low": 0.8, "high": 0.2}, "got low=0.8, high=0.2, expected 0 <= low <= high <= 1"),
        (ROWS, {"group": "promt"}, "group='promt': no column 'promt'.*mean 'prompt'"),
        (ROWS, {"pass_reward": "rihgt"}, "pass_reward='rihgt'.*mean 'right'"),
        ([scored("a", x=1, y=1)], {}, "the rewards are x, y: name the one .*--pass-reward NAME"),
        ([{"completion": "a", "rewards/x": 1}], {}, "no column 'prompt' .*--group NAME"),
        ([{"completion": "a", "prompt": "b"}], {}, "no reward in the file"),
        ([], {}, "no rows"),
    ],
)
def test_filters_that_cannot_be(rows, options, message, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("as before", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        filter_groups(write(tmp_path, rows), out, **options)
    assert out.read_text(encoding="utf-8") == "as before"


def test_the_input_and_other_endings_are_no_output(tmp_path):
    source = write(tmp_path, ROWS)
    with pytest.raises(ValueError, match="is also the input"):
        filter_groups(source, source)
    with pytest.raises(ValueError, match=r"got the ending '\.csv'"):
        filter_groups(source, tmp_path / "out.csv")


def test_an_error_halfway_leaves_nothing(tmp_path):
    source = write(tmp_path, [*ROWS, *ROWS])
    # the second half is of bytes that parquet cannot unify with numbers
    text = source.read_text(encoding="utf-8")
    rows = text.splitlines(keepends=True)
    rows[-1] = rows[-1].replace('"rewards/n": 19', '"rewards/n": "x"')
    source.write_text("".join(rows), encoding="utf-8")
    with pytest.raises(ValueError, match="does not fit parquet"):
        filter_groups(source, tmp_path / "out.parquet", pass_reward="right")  # noqa: S106
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_trls_own_tables(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for step in (1, 2):
        table = {
            "step": [step] * 4,
            "prompt": [[{"role": "user", "content": text}] for text in "aabb"],
            "completion": [[{"role": "assistant", "content": text}] for text in "1234"],
            "correctness_reward_func": [2.0, 0.0, 2.0, 2.0 * (step == 1)],
            "strict_format_reward_func": [0.0, 0.5, 0.5, 0.5],
            "advantage": [0.7, -0.7, 0.0, 0.0],
        }
        parquet.write_table(arrow.table(table), tmp_path / f"completions_{step:05d}.parquet")
    kept = filter_groups(tmp_path, tmp_path / "kept.jsonl", low=0.2, high=0.8)
    # a is solved by half in both steps, b in the second
    assert (kept.passes.reward, kept.passes.least) == ("correctness_reward_func", 2.0)
    assert (kept.rows, kept.groups, kept.of_groups) == (6, 3, 4)
    rows = read_rows(tmp_path / "kept.jsonl")
    assert [(row["step"], row["prompt"][0]["content"]) for row in rows] == [
        *[(1, "a")] * 2,
        *[(2, "a")] * 2,
        *[(2, "b")] * 2,
    ]
