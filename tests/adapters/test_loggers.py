"""The names of rewards in the real loggers: each takes them, and keeps them as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
from rewardkit.adapters.trl import RewardMonitor, split
from rewardkit.rewards import Correct, Language, Length, RegexMatch, Schedule, TagCount, Where
from rewardkit.verify import Number

REWARDS: list[Any] = [
    Length(target=40),
    Length(target=40),
    Length(target=40, penalty=0.5),
    RegexMatch(pattern=r"[/bold] *(?P<x>\d+)$"),  # markup in rich, which raises on `[/`
    RegexMatch(pattern=r"[/bold] *(?P<x>\d+)#"),
    TagCount(tags=("thought", "réponse")),
    Language(target="id", candidates=("en", "id", "zh")),
    Where(reward=Length(target=9), column="the task", equals="a [b]"),
    Schedule(reward=Length(target=9), points=((0, 0.0), (100, 1.0))),
    Correct(verifier=Number(rel_tol=1e-6)) * Length(target=7),
    rk.wrap(lambda completions, **_: [0.0] * len(completions)),
]
NAMES = [reward.__name__ for reward in split(REWARDS).reward_funcs]
EXPECTED = {
    0: "length.target:40",
    1: "length.target:40-2",
    2: "length.target:40.penalty:0.5",
    6: "language.target:id.candidates:en_id_zh",
    8: "schedule.length.points:0_0_100_1",
    10: "_lambda_",
}


def make_logs() -> dict[str, float]:
    """Make the trainer's logs of a step, with the keys that its integrations use."""
    integrations = pytest.importorskip("transformers.integrations")
    logs: dict[str, float] = {"monitor/copied": 0.0}
    for index, name in enumerate(NAMES):
        logs |= {f"rewards/{name}/mean": index / 8, f"rewards/{name}/std": 0.5}
    rewritten = integrations.rewrite_logs(logs)
    assert len(rewritten) == 2 * len(NAMES) + 1
    return dict(rewritten)


def test_names_are_unique_short_and_stable() -> None:
    assert len({*NAMES}) == len(NAMES)
    assert max(map(len, NAMES)) <= 62  # a number may follow the sixty
    assert {index: NAMES[index] for index in EXPECTED} == EXPECTED
    assert [reward.__name__ for reward in split(REWARDS).reward_funcs] == NAMES
    # a monitor makes the names unique in the same way
    pytest.importorskip("transformers")
    assert [reward.__name__ for reward in RewardMonitor(REWARDS).rewards] == NAMES


# of Python 3.14, about mlflow's own code
@pytest.mark.filterwarnings("ignore:codecs.open:DeprecationWarning")
def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # the other store needs a database
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    run = client.create_run(client.create_experiment("names")).info.run_id
    logs = make_logs()
    entities = pytest.importorskip("mlflow.entities")
    client.log_batch(run, [entities.Metric(*item, 0, 1) for item in logs.items()])
    assert client.get_run(run).data.metrics == logs
    with pytest.raises(mlflow.MlflowException, match="Invalid value"):
        client.log_metric(run, "length[target=40]", 0.0)


def test_trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))  # read at the import
    trackio = pytest.importorskip("trackio")
    storage = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage
    trackio.init(project="names", name="run", auto_log_cpu=False, auto_log_gpu=False)
    logs = make_logs()
    trackio.log(logs)
    trackio.finish()
    (row,) = storage.get_logs("names", "run")
    assert {key: row[key] for key in row if key in logs} == logs


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter(tmp_path)
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logs = make_logs()
    for key, value in logs.items():
        writer.add_scalar(key, value, 1)
    writer.close()
    events = accumulators.EventAccumulator(str(tmp_path)).Reload()
    assert {key: events.Scalars(key)[0].value for key in events.Tags()["scalars"]} == logs


def test_swanlab(tmp_path: Path) -> None:
    swanlab = pytest.importorskip("swanlab")
    swanlab.init(project="names", mode="offline", logdir=str(tmp_path))
    try:
        logs = make_logs()
        swanlab.log(logs, step=1)
    finally:
        swanlab.finish()
    (record,) = tmp_path.rglob("*.swanlab")
    kept = record.read_bytes()
    assert [key for key in logs if key.encode() not in kept] == []


def test_the_table_that_trl_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich")
    show = pytest.importorskip("trl.trainer.utils").print_prompt_completions_sample
    monkeypatch.setenv("COLUMNS", "2000")  # so that no name is folded
    values = {name: [index / 8] for index, name in enumerate(NAMES)}
    whys = {f"{name}/why": ["ok"] for name in NAMES}
    show(["p"], ["c"], values, [0.0], 1, extra=whys)
    printed = capsys.readouterr().out
    headings = printed.splitlines()[2]
    assert [name for name in [*values, *whys] if f" {name} " not in headings] == []
