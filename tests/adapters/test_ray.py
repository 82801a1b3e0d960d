"""Scoring on a real Ray cluster of two nodes, and in Ray Data, datasets and Daft."""

from __future__ import annotations

import json
import os
import time

import pytest

from rewardkit import build
from rewardkit._files.source import Source
from rewardkit._workers.cpus import count_workers
from rewardkit._workers.ray_actors import all_nodes_agree, in_order_on_ray
from rewardkit.report import report
from rewardkit.scorer import Scorer
from rewardkit.scoring import score
from rewardkit.scoring.run import ROWS_FOR_COLUMNS
from scoring_rows import read_rows
from system_rows import write_rows

pytestmark = pytest.mark.adapter
ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with two CPUs each; the driver is at the first."""
    made = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
    )
    made.second = made.add_node(num_cpus=2)
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ray")


@pytest.fixture(scope="module")
def rows(folder):
    """Rewards, and files of rows: `part_*.jsonl` and `rows.parquet`."""
    rows = write_rows(folder)
    given = [
        {"prompt": prompt, "completion": text, "answer": answer, "number": number}
        for number, (prompt, text, answer) in enumerate(
            zip(rows.prompts * 20, rows.texts * 20, rows.answers * 20, strict=True)
        )
    ]
    for part in range(4):
        lines = [json.dumps(row) + "\n" for row in given[part::4]]
        (folder / f"part_{part}.jsonl").write_text("".join(lines))
    parquet.write_table(arrow.Table.from_pylist(given), folder / "rows.parquet")
    return rows


def test_the_file_is_the_same_to_the_byte(cluster, rows, folder):
    source = folder / "part_*.jsonl"
    local = score(source, rows_of(rows), folder / "local.jsonl", batch_size=64)
    on_ray = score(source, rows_of(rows), folder / "ray.jsonl", batch_size=64, engine="ray")
    assert on_ray[1:] == local[1:]
    assert (folder / "ray.jsonl").read_bytes() == (folder / "local.jsonl").read_bytes()
    assert report(folder / "ray.jsonl", folder / "page.html").rows == local.rows
    with pytest.raises(ValueError, match="got 4 workers, expected 1 to 3: the cluster has 4 CPUs"):
        score(source, rows_of(rows), folder / "more.jsonl", engine="ray", workers=4)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_actors_read_the_files_themselves(cluster, rows, folder, suffix, monkeypatch):
    source = folder / ("part_*.jsonl" if suffix == ".jsonl" else "rows.parquet")
    rewards = [rows_of(rows), build("diversity", name="varied")]  # which needs whole groups
    local = score(source, rewards, folder / f"here{suffix}", batch_size=16)

    read = Source.chunks

    def read_first(self, *, size, start=0):
        if size == ROWS_FOR_COLUMNS:  # to know the columns of the file
            return read(self, size=size, start=start)
        raise AssertionError("rows were read by the process that feeds the actors")

    with monkeypatch.context() as patched:
        patched.setattr(Source, "chunks", read_first)
        there = score(source, rewards, folder / f"there{suffix}", batch_size=16, engine="ray")
    assert there[1:] == local[1:]
    assert read_rows(folder / f"there{suffix}") == read_rows(folder / f"here{suffix}")
    # Where a node lacks the files, the rows pass through this process.
    monkeypatch.setattr("rewardkit.scoring.run.all_nodes_agree", lambda _ask: False)
    passed = score(source, rewards, folder / f"passed{suffix}", batch_size=16, engine="ray")
    assert passed[1:] == local[1:]
    assert read_rows(folder / f"passed{suffix}") == read_rows(folder / f"here{suffix}")


def test_every_node_is_asked(cluster, tmp_path):
    assert all_nodes_agree(lambda: True)
    head = ray.get_runtime_context().get_node_id()
    assert not all_nodes_agree(lambda: ray.get_runtime_context().get_node_id() == head)

    def fail():
        raise OSError

    assert not all_nodes_agree(fail)


def rows_of(rows):
    import rewardkit as rk  # noqa: PLC0415 - short

    return rk.load(rows.yaml)


def test_an_interrupted_run_goes_on_where_it_ended(cluster, rows, folder):
    class StopError(Exception):
        pass

    def stop(done, _total):
        if done >= 300:
            raise StopError

    out = folder / "resumed.jsonl"
    options = {"batch_size": 64, "engine": "ray"}
    source = folder / "part_*.jsonl"
    with pytest.raises(StopError):
        score(source, rows_of(rows), out, progress=stop, **options)
    assert not out.exists()
    done = score(source, rows_of(rows), out, **options)
    assert 300 <= done.resumed < done.rows == 800
    score(source, rows_of(rows), folder / "whole.jsonl")
    assert out.read_bytes() == (folder / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_files_that_are_added_are_appended(cluster, folder, tmp_path, suffix):
    """The first has a group that seems to go on in the second, and a line that is not JSON."""

    def write(name, number):
        rows = [{"prompt": "p", "completion": "x" * n, "at": f"{name}{n}"} for n in range(number)]
        if suffix == ".parquet":
            parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
        else:
            lines = [json.dumps(row) + "\n" for row in rows]
            (tmp_path / f"{name}.jsonl").write_text("".join([*lines[:3], "torn\n", *lines[3:]]))

    rewards = [build("length", target=0, name="length"), build("diversity", name="varied")]
    source, results = tmp_path / f"*{suffix}", {}
    for engine in ("local", "ray"):
        for path in tmp_path.glob(f"*{suffix}"):
            path.unlink()
        out = tmp_path / "scored" / f"{engine}{suffix}"
        for name in "bac":
            write(name, 40)
            results[engine] = score(source, rewards, out, batch_size=8, engine=engine)
    done = results["ray"]
    assert done[1:] == results["local"][1:]
    lines = 0 if suffix == ".parquet" else 1
    assert (done.rows, done.resumed, done.unreadable) == (
        3 * (40 + lines),
        2 * (40 + lines),
        3 * lines,
    )
    rows = read_rows(tmp_path / "scored" / f"ray{suffix}")
    assert rows == read_rows(tmp_path / "scored" / f"local{suffix}")
    places = [row["at"] for row in rows if row["reward"] is not None]
    assert places == [f"{name}{n}" for name in "bac" for n in range(40)]


def test_ray_data_gives_the_columns_of_score(cluster, rows, folder):
    table = ray.data.read_parquet(str(folder / "rows.parquet")).repartition(4)
    scored = table.map_batches(
        Scorer,
        fn_constructor_args=[rows.yaml],
        batch_format="pyarrow",
        batch_size=64,
        compute=ray.data.ActorPoolStrategy(size=2),
    )
    scored.write_parquet(str(folder / "scored"))
    found = sorted(read_rows(folder / "scored"), key=lambda row: row["number"])
    score(folder / "rows.parquet", rows_of(rows), folder / "local.parquet")
    assert found == read_rows(folder / "local.parquet")
    assert report(folder / "scored", folder / "page.html").rows == 800
    # numpy is what Ray gives unless it is asked for another format
    default = table.map_batches(
        Scorer, fn_constructor_args=[rows.yaml], compute=ray.data.ActorPoolStrategy(size=1)
    )
    totals = {row["number"]: row["reward"] for row in default.take_all()}
    assert totals == {row["number"]: row["reward"] for row in found}


def test_datasets_and_daft_give_the_same_columns(rows, folder):
    datasets = pytest.importorskip("datasets")
    daft = pytest.importorskip("daft")
    expected = read_rows(folder / "local.parquet")
    loaded = datasets.Dataset.from_parquet(str(folder / "rows.parquet"))
    mapped = loaded.map(Scorer(rows.yaml), batched=True, batch_size=64)
    assert mapped.to_list() == expected

    @daft.cls
    class Rewards:
        def __init__(self, path):
            self.scorer = Scorer(path)

        @daft.method.batch(return_dtype=daft.DataType.float64())
        def __call__(self, completion, answer):
            return self.scorer({"completion": completion, "answer": answer})["reward"]

    table = daft.read_parquet(str(folder / "rows.parquet"))
    scored = table.with_column("reward", Rewards(rows.yaml)(table["completion"], table["answer"]))
    totals = scored.to_pydict()
    assert dict(zip(totals["number"], totals["reward"], strict=True)) == {
        row["number"]: row["reward"] for row in expected
    }


def test_pools_in_actors_have_the_actors_cpus(cluster, monkeypatch):
    monkeypatch.delenv("REWARDKIT_WORKERS", raising=False)

    class Counter:
        def count(self):
            return count_workers()

    ones = [ray.remote(num_cpus=number)(Counter).remote() for number in (1, 2, 0)]
    if len(os.sched_getaffinity(0)) > 1:
        assert ray.get([each.count.remote() for each in ones]) == [1, 2, 1]
    for each in ones:
        ray.kill(each)
    assert count_workers() == len(os.sched_getaffinity(0))


def test_errors_of_the_work_reach_the_caller(cluster):
    def fail(item):
        if item == 5:
            error = ValueError("five")
            error.add_note("reward 'bad'")
            raise error
        return item

    done = []
    with pytest.raises(ValueError, match="five") as caught:
        done.extend(in_order_on_ray(fail, range(9)))
    assert caught.value.__notes__ == ["reward 'bad'"]
    assert done in ([], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4])

    def die(item):
        os._exit(item)

    with pytest.raises(RuntimeError, match="5 actors in a row died with the same rows"):
        [*in_order_on_ray(die, [1])]


def test_a_node_that_is_killed_loses_no_row_and_repeats_none(cluster, rows, folder):
    def slow(completions, log_extra, **_):
        time.sleep(0.1)
        log_extra("slow/why", [ray.get_runtime_context().get_node_id()] * len(completions))
        return [float(len(text)) for text in completions]

    def kill_node(done, _total):
        if done >= 200 and cluster.second in cluster.list_all_nodes():
            cluster.remove_node(cluster.second, allow_graceful=False)

    out = folder / "killed.jsonl"
    options = {"batch_size": 8, "engine": "ray", "progress": kill_node}
    assert score(folder / "rows.parquet", [slow], out, **options).rows == 800
    found = read_rows(out)
    assert [row["number"] for row in found] == [*range(800)]
    assert [row["reward"] for row in found] == [len(row["completion"]) for row in found]
    nodes = [row["rewards/slow/why"] for row in found]
    assert len({*nodes}) == 2
    assert {*nodes[-80:]} == {ray.get_runtime_context().get_node_id()}
