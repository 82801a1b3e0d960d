"""RewardMonitor in TRL's real trainer, and on calls made by hand."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import logging
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.adapters.trl import RewardMonitor, split
from rewardkit.audit.alerts import Alert
from rewardkit.rewards import Length, XmlCount

# not imported at once, which would take a second of each of xdist's workers
if importlib.util.find_spec("transformers") is None:
    pytest.skip("transformers is not installed", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings(
    r"ignore:`\w*gradient_checkpointing\w*` is deprecated:FutureWarning:transformers"
)

MAIN = types.SimpleNamespace(is_world_process_zero=True)
OTHER = types.SimpleNamespace(is_world_process_zero=False)
ARGUMENTS = types.SimpleNamespace(max_completion_length=8, num_generations=4, reward_weights=None)


def always(completions: list[Any], **_: Any) -> list[float]:
    return [1.0] * len(completions)


async def sometimes(completions: list[Any], **_: Any) -> list[float | None]:
    await asyncio.sleep(0)
    return [None if row % 2 else float(row) for row in range(len(completions))]


def run_steps(
    monitor: RewardMonitor, steps: int, state: Any = MAIN, arguments: Any = ARGUMENTS, **batch: Any
) -> list[Any]:
    """Call the rewards as a trainer does; return the last step's values."""
    batch = {
        "prompts": ["p"] * 4 + ["q"] * 4,
        "completions": [f"text {row}" for row in range(8)],
        **batch,
    }
    values: list[Any] = []
    monitor.on_train_begin(arguments, state, None)
    for step in range(steps):
        monitor.on_step_begin(arguments, state, None)
        now = types.SimpleNamespace(global_step=step)
        values = [reward(trainer_state=now, **batch) for reward in monitor.rewards]
        values = [asyncio.run(each) if asyncio.iscoroutine(each) else each for each in values]
        monitor.on_step_end(arguments, state, None)
    return values


# In the trainer -----------------------------------------------------------------------------------


def test_a_run_of_the_real_trainer(
    model_path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trl, torch = pytest.importorskip("trl"), pytest.importorskip("torch")
    datasets = pytest.importorskip("datasets")
    torch.set_num_threads(1)
    given_alerts: list[Alert] = []
    count = XmlCount(name="count")
    monitor = RewardMonitor([count, always, sometimes], on_alert=given_alerts.append)
    rows = datasets.Dataset.from_list([{"prompt": "6*7?"}] * 8)
    trainer = trl.GRPOTrainer(
        model=str(model_path),
        reward_funcs=monitor.rewards,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            use_cpu=True,
            bf16=False,
            report_to="none",
            disable_tqdm=True,
            save_strategy="no",
            logging_steps=1,
            learning_rate=1e-3,
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=2,
            max_steps=13,
            eval_strategy="steps",
            eval_steps=13,
            per_device_eval_batch_size=8,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[monitor],
    )
    with caplog.at_level(logging.INFO, logger="rewardkit.monitor"):
        trainer.train()
    logs = [row for row in trainer.state.log_history if "reward" in row]
    assert len(logs) == 13
    # the rewards' own names and values
    assert {row["rewards/always/mean"] for row in logs} == {1.0}
    assert all(row["rewards/count/mean"] <= 0.5 for row in logs)
    assert all(row["rewards/sometimes/mean"] == 3.0 for row in logs)  # of 0, 2, 4 and 6
    assert all(0 <= row["monitor/copied"] <= 1 for row in logs)
    assert [row["monitor/alerts"] for row in logs[:4]] == [0.0] * 4
    found = {(alert.kind, alert.step): alert for alert in monitor.alerts}
    assert found["constant", 13].rewards == ("always",)
    # within each prompt's completions some have a value and some do not
    assert found["abstained", 5].rewards == ("sometimes",)
    assert found["clipped", 10].rewards == ()  # the layout is longer than two tokens
    assert given_alerts == monitor.alerts
    assert [f"RewardMonitor: {alert}" for alert in monitor.alerts] == caplog.messages
    assert monitor.figures is not None
    assert monitor.figures.step == 13  # the evaluation is not a step
    assert 0 < sum(row["monitor/seconds"] for row in logs) <= monitor.seconds < 10


# The callback -------------------------------------------------------------------------------------


def test_it_is_a_callback_with_all_its_events() -> None:
    monitor: Any = RewardMonitor(always)
    assert isinstance(monitor, RewardMonitor)
    assert isinstance(monitor, pytest.importorskip("transformers").TrainerCallback)
    assert type(monitor).__name__ == "RewardMonitor"
    assert type(monitor) is type(RewardMonitor([]))
    assert callable(getattr(monitor, "on_log"))  # noqa: B009 - inherited, which mypy cannot know


def test_importing_the_adapter_does_not_import_transformers() -> None:
    code = "import sys, rewardkit.adapters.trl as t; t.RewardMonitor; print('torch' in sys.modules"
    code += " or 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_first_alert_of_a_kind_is_a_warning_and_later_ones_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rewards: list[Any] = [
        rk.wrap(lambda completions, **_: [None] * len(completions), name="none"),
        rk.wrap(
            lambda completions, trainer_state, **_: [
                None if trainer_state.global_step is not None else 1.0 for _ in completions
            ],
            name="late",
        ),
    ]
    monitor = RewardMonitor(rewards)
    with caplog.at_level(logging.INFO, logger="rewardkit.monitor"):
        run_steps(monitor, 12)
    assert [alert.kind for alert in monitor.alerts] == ["abstained", "abstained"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_an_alert_about_missing_values_quotes_the_reason() -> None:
    right = rk.build("correct", verifier="number", extractor="whole", name="right")
    monitor = RewardMonitor(right)
    run_steps(monitor, 12, answer=["9 + 9 = 18 #### 18"] * 8)
    (alert,) = monitor.alerts
    assert alert.detail == (
        "right gave no value on 100% of the completions, for example bad_reference:"
        " '9 + 9 = 18 #### 18'; reference_extractor: hash reads it"
    )


def test_only_the_main_process_speaks(caplog: pytest.LogCaptureFixture) -> None:
    monitor = RewardMonitor(always, on_alert=lambda _alert: pytest.fail("called"))
    with caplog.at_level(logging.INFO, logger="rewardkit.monitor"):
        run_steps(monitor, 13, OTHER)  # 104 completions
    assert [alert.kind for alert in monitor.alerts] == ["constant"]
    assert not caplog.records


def test_the_trainers_weights_decide_whether_groups_are_flat() -> None:
    def rows(completions: list[str], **_: Any) -> list[float]:
        return [float(row) for row in range(len(completions))]

    for weights, flat in (([0.0, 1.0], 1.0), ([1.0, 0.0], 0.0), (None, 0.0)):
        monitor = RewardMonitor([rows, always])
        arguments = types.SimpleNamespace(**{**vars(ARGUMENTS), "reward_weights": weights})
        run_steps(monitor, 1, arguments=arguments)
        assert monitor.figures is not None
        assert monitor.figures.flat_groups == flat


@pytest.mark.parametrize(
    ("forgotten", "steps"), [("callback", 60), ("rewards", 60), ("rewards", 3)]
)
def test_half_of_the_setup_is_missing(
    forgotten: str, steps: int, caplog: pytest.LogCaptureFixture
) -> None:
    monitor: Any = RewardMonitor(always)
    for step in range(steps):
        if forgotten == "callback":
            now = types.SimpleNamespace(global_step=step)
            monitor.rewards[0](completions=["text"], trainer_state=now)
        else:
            monitor.on_step_begin(None, MAIN, None)
            monitor.on_step_end()
    monitor.on_train_end()
    (record,) = caplog.records
    expected = {
        "callback": "callbacks=[monitor]",
        "rewards": "reward_funcs=monitor.rewards",
    }
    assert expected[forgotten] in record.message


# The rewards --------------------------------------------------------------------------------------


def test_names_are_kept_and_made_unique() -> None:
    class Object:
        def __call__(self, completions: list[Any], **_: Any) -> list[float]:
            return always(completions)

    given_rewards = [always, always, Length(target=3), functools.partial(always), Object()]
    names = [reward.__name__ for reward in RewardMonitor(given_rewards).rewards]
    assert names == ["always", "always-2", "length.target:3", "always-3", "Object"]


def test_the_terms_of_a_sum_are_watched_by_themselves() -> None:
    total = XmlCount() + 0.5 * Length(target=3)
    (watched,) = RewardMonitor(total).rewards
    assert watched.__name__ == total.__name__
    names = [reward.__name__ for reward in RewardMonitor(split(total)).rewards]
    assert names == ["xml_count", "length.target:3"]


def test_sync_stays_sync_and_async_stays_async() -> None:
    class Object:
        async def __call__(self, completions: list[Any], **_: Any) -> list[float]:
            return always(completions)

    is_async = pytest.importorskip("trl.trainer.utils").is_async_callable
    monitor = RewardMonitor([always, sometimes, Object(), XmlCount()])
    assert [is_async(reward) for reward in monitor.rewards] == [False, True, True, False]
    values = run_steps(monitor, 1)
    assert values[0] == values[2] == [1.0] * 8
    assert values[1] == [0.0, None, 2.0, None, 4.0, None, 6.0, None]
    assert monitor.figures is not None
    assert list(monitor.figures.rewards) == ["always", "sometimes", "Object", "xml_count"]


def test_models_are_passed_on_unwatched() -> None:
    model = types.SimpleNamespace(named_parameters=list)
    model_like: Any = type("Model", (), {"named_parameters": list, "__call__": always})()
    monitor = RewardMonitor(["user/model", model_like, always])
    assert monitor.rewards[0] == "user/model"
    assert monitor.rewards[1] is model_like
    with pytest.raises(TypeError, match="expected a reward, a function or a list"):
        RewardMonitor([model])


@pytest.mark.parametrize("wrong", [None, 3, XmlCount, {"type": "length"}])
def test_anything_else_is_an_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"expected (a reward, a function or a list|an instance)"):
        RewardMonitor([wrong])


def test_whys_are_read_without_a_column_in_the_trainers_table() -> None:
    class Slow(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [rk.Score(0.0, "timeout: 3 s")] * len(batch)

    columns: list[str] = []

    def log_extra(column: str, _values: list[Any]) -> None:
        columns.append(column)

    rewards = [Slow(name="slow"), Slow(name="shown", log_why=True)]
    monitor = RewardMonitor(rewards)
    run_steps(monitor, 1, log_extra=log_extra)
    assert columns == ["shown/why"]
    assert monitor.figures is not None
    assert [reward.timeouts for reward in monitor.figures.rewards.values()] == [1.0, 1.0]


def test_a_task_of_a_mixture_may_skip_the_prompts_of_others() -> None:
    short = rk.build(
        "where", reward={"type": "length", "target": 2}, column="task", equals="short", name="short"
    )
    monitor = RewardMonitor(short)
    run_steps(monitor, 6, task=["short"] * 4 + ["long"] * 4)
    assert monitor.figures is not None
    assert monitor.figures.rewards["short"].abstained == 0
    assert "abstained" not in [alert.kind for alert in monitor.alerts]


def test_an_old_trainer_passes_neither_state_nor_log_functions() -> None:
    monitor = RewardMonitor(always)
    for step in range(13):
        monitor.on_step_begin(None, types.SimpleNamespace(global_step=step), None)
        monitor.rewards[0](prompts=["p"] * 8, completions=["c"] * 8)
        monitor.on_step_end()
    assert ("constant", 13) in [(alert.kind, alert.step) for alert in monitor.alerts]


def test_the_callers_function_may_end_the_run() -> None:
    def stop(alert: Alert) -> None:
        raise KeyboardInterrupt(alert.kind)

    with pytest.raises(KeyboardInterrupt, match="constant"):
        run_steps(RewardMonitor(always, on_alert=stop), 20)


def test_what_cannot_be_measured_does_not_end_the_run(caplog: pytest.LogCaptureFixture) -> None:
    def words(completions: list[Any], **_: Any) -> Any:
        return ["much"] * len(completions)

    def too_few(**_: Any) -> Any:
        return [1.0]

    def iterator(completions: list[Any], **_: Any) -> Any:
        return (1.0 for _ in completions)

    monitor = RewardMonitor([words, too_few, iterator])
    assert run_steps(monitor, 2) == [["much"] * 8, [1.0], [1.0] * 8]
    assert monitor.figures is None
    (record,) = caplog.records
    assert "a step was not measured: ValueError: could not convert string" in record.message
    monitor.rewards[2](["by position"])


def test_an_error_of_a_reward_is_raised_as_it_is() -> None:
    def broken(**_: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_steps(RewardMonitor(broken), 1)


TEXTS = st.lists(st.sampled_from(["", "a b c " * 9, "\ud800", "<answer>"]), min_size=8, max_size=8)


@given(st.lists(st.none() | st.floats(), min_size=8, max_size=8), TEXTS)
def test_values_reach_the_trainer_unchanged(values: list[float | None], texts: list[str]) -> None:
    def given_values(**_: Any) -> list[float | None]:
        return values

    monitor = RewardMonitor([given_values, XmlCount()])
    (passed, counted) = run_steps(monitor, 1, completions=texts)
    assert passed is values
    assert counted == XmlCount()(completions=texts)
