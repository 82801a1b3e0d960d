"""A complete run on a tiny model: killed, resumed and inspected; and runs that fail."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

import rewardkit as rk
from rewardkit.adapters.trl import split
from rewardkit.train import Recipe
from rewardkit.train.launch import explain_failures
from tiny_run import RECIPE, read_json, read_rows, train_here, write_recipe


def test_the_killed_run_resumes_at_its_checkpoint(run: Path) -> None:
    killed = read_rows(run.parent / "killed.jsonl")
    resumed = (run.parent / "resumed.txt").read_text(encoding="utf-8")
    (began,) = [line for line in resumed.splitlines() if line.startswith("resuming after step")]
    checkpoint = int(began.split()[-1])
    assert checkpoint >= 2
    assert checkpoint % 2 == 0
    log = read_rows(run / "log.jsonl")
    assert [row["step"] for row in log] == list(range(1, killed[-1]["step"] + 4))
    assert log[:checkpoint] == killed[:checkpoint]


def test_every_step_has_its_times(run: Path) -> None:
    for row in read_rows(run / "log.jsonl"):
        by_reward = row["seconds_by_reward"]
        assert row["seconds"] > row["step_time"] > row["rewards_seconds"] > 0  # TRL's own time
        assert row["rewards_seconds"] == pytest.approx(sum(by_reward.values()), abs=1e-5)
        assert all(seconds > 0 for seconds in by_reward.values())
        # generation comes before the rewards, the loss and the gradient after them
        assert row["seconds"] > row["seconds_until_rewards"] + row["rewards_seconds"]
        assert row["seconds_until_rewards"] > 0


def test_a_run_killed_while_saving_takes_no_further_step(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run" / "summary.json").unlink()
    steps = len(read_rows(run / "log.jsonl"))
    code, printed = train_here(tmp_path, "--resume", "--steps", str(steps), light=True)
    assert code == 0, printed
    assert f"resuming after step {steps}\n" in printed
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()
    again, first = (read_json(folder / "comparison.json") for folder in (tmp_path / "run", run))
    assert again == first  # the adapter is the trained one


def test_the_run_folder_is_complete(run: Path) -> None:
    kept = {path.name for path in run.iterdir()}
    assert kept - {"swanlab", "tensorboard"} == {
        *("recipe.yaml", "rewards.yaml", "rewards.sha256", "preflight.json", "versions.json"),
        *("log.jsonl", "evaluation.jsonl", "samples.jsonl"),
        *("before.json", "after.json", "comparison.json"),
        *("checks.json", "summary.json", "plots.svg", "checkpoints", "adapter", "merged_16bit"),
    }
    digest = hashlib.sha256((run / "rewards.yaml").read_bytes()).hexdigest()
    assert (run / "rewards.sha256").read_text(encoding="utf-8") == f"{digest}  rewards.yaml\n"
    recipe = Recipe.load(run / "recipe.yaml")
    assert rk.load(run / "rewards.yaml") == list(recipe.rewards)
    assert {"python", "trl", "torch", "rewardkit", "gpu"} <= set(read_json(run / "versions.json"))


def test_it_evaluates_on_the_held_out_rows(run: Path) -> None:
    correct = split(Recipe.load(run / "recipe.yaml").rewards).reward_funcs[-1].__name__
    steps = [row["step"] for row in read_rows(run / "log.jsonl")]
    found = read_rows(run / "evaluation.jsonl")
    due = [step for step in steps if step % 2 == 0]
    at_the_end = sorted({*due, steps[-1]})  # newer transformers evaluate after the last step too
    assert [row["step"] for row in found] in (due, at_the_end)
    for row in found:
        share = row[f"eval_rewards/{correct}/mean"]
        assert 0 <= share <= 1
        assert share * 16 == pytest.approx(round(share * 16))  # 4 rows, 4 completions each


def test_the_recipe_overrides_the_defaults(run: Path) -> None:
    assert len(list((run / "checkpoints").glob("checkpoint-*"))) == 1  # the default keeps 2


def test_every_term_is_logged_by_itself_and_weighted(run: Path) -> None:
    rewards = split(Recipe.load(run / "recipe.yaml").rewards).reward_funcs
    names = [reward.__name__ for reward in rewards]
    assert len(set(names)) == 3
    for row in read_rows(run / "log.jsonl"):
        short, number, correct = (row[f"rewards/{name}/mean"] for name in names)
        assert row["reward"] == pytest.approx(short + number + 2 * correct, abs=1e-5)


def test_samples_show_question_reference_response_and_answer(run: Path) -> None:
    samples = read_rows(run / "samples.jsonl")
    assert [sample["step"] for sample in samples] == [
        row["step"] for row in read_rows(run / "log.jsonl") if row["step"] % 2 == 0
    ]
    for sample in samples:
        left, right = sample["question"].removeprefix("What is ").removesuffix("?").split(" + ")
        assert sample["reference"] == str(int(left) + int(right))
        assert sample["extracted"] == sample["response"].strip()


def test_it_asks_before_and_after_with_and_without(run: Path) -> None:
    (before,) = read_json(run / "before.json")
    assert before["question"] == "What is 1 + 1?"
    after = read_json(run / "after.json")
    asked = [(answer["adapter"], answer["system"], answer["question"][8]) for answer in after]
    modes = [(adapter, system) for adapter in (False, True) for system in (False, True)]
    assert asked == [(*mode, number) for mode in modes for number in "12"]


def test_the_summary_lists_completed_and_skipped_steps(run: Path) -> None:
    summary = read_json(run / "summary.json")
    log = read_rows(run / "log.jsonl")
    assert summary["steps"] == len(log)
    last = [row["reward"] for row in log[-10:]]
    assert summary["means"]["reward"]["last_ten"] == pytest.approx(sum(last) / len(last))
    assert 0 < summary["rewards_share"] < 1
    assert summary["with"]["rows"] == 3
    assert summary["preflight"] == {"problems": 0, "ignored": False}
    assert summary["failures"] == []
    assert summary["alerts"] == []
    notes = "\n".join(summary["notes"])
    for part in (
        "parameters are trained",
        "optim: adamw_8bit needs a GPU",
        "save.merged_4bit: needs a GPU",
        "save.gguf: llama.cpp not found",
        "still zero: 0",
        "different from the trained model: none",
    ):
        assert part in notes
    known = pytest.importorskip("trl").GRPOConfig.__dataclass_fields__
    for name in ("warmup_ratio: called warmup_steps", "max_prompt_length: not in this TRL"):
        assert (name in notes) == (name.partition(":")[0] not in known)
    assert notes in (run.parent / "resumed.txt").read_text(encoding="utf-8")


def test_it_plots_every_reward(run: Path) -> None:
    plots = (run / "plots.svg").read_text(encoding="utf-8")
    for name in ("reward", "reward_std", "short", "completions/mean_length"):
        assert f"<!-- {name} -->" in plots


def test_swanlab_keeps_its_files_in_the_run_folder(run: Path) -> None:
    pytest.importorskip("swanlab")
    metrics = (run / "swanlab").glob("run-*/logs/*/*.log")
    assert any('"data"' in path.read_text(encoding="utf-8") for path in metrics)


def test_tensorboard_keeps_its_files_in_the_run_folder(run: Path) -> None:
    pytest.importorskip("tensorboard")
    assert list((run / "tensorboard").glob("events.out.*"))


# Runs that fail -----------------------------------------------------------------------------------


def test_rewards_that_cannot_be_earned_stop_it_before_the_model(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    text = RECIPE.replace('completion: "{answer}"', 'completion: "It is {answer} here."')
    write_recipe(tmp_path, text.replace("MODEL", str(tmp_path)))
    code, printed = train_here(tmp_path)
    assert code == 1
    assert "short: below_maximum on 36" in printed
    failed = "rewardkit: FAILED: the preflight found problems in short"
    assert failed in printed
    assert "train anyway with --ignore-preflight" in printed
    assert not (tmp_path / "run").exists()


def test_an_unknown_argument_stops_it_before_the_model(tmp_path: Path) -> None:
    for package in ("trl", "peft", "datasets"):
        pytest.importorskip(package)
    text = RECIPE.replace("save_total_limit: 1", "save_total_limits: 1")
    write_recipe(tmp_path, text.replace("MODEL", str(tmp_path)))
    code, printed = train_here(tmp_path)
    assert code == 2
    assert "training.more.save_total_limits: the installed TRL has no such argument" in printed
    assert "did you mean 'save_total_limit'" in printed
    assert not (tmp_path / "run").exists()


def test_a_run_in_which_no_reward_varies_fails_with_the_reason(run: Path, tmp_path: Path) -> None:
    start, _, rest = RECIPE.partition("rewards:\n")
    text = f"{start}rewards: xml_strict\ntraining:{rest.partition('training:')[2]}"
    text = text.replace("save: {merged_16bit: true, merged_4bit: true, gguf: [q8_0]}\n", "")
    write_recipe(tmp_path, text.replace("MODEL", str(run.parent / "model")))
    options = ["--steps", "13", "--set", "training.eval_steps=null", "--ignore-preflight"]
    options += ["--set", "training.save_steps=100"]
    code, printed = train_here(tmp_path, *options, light=True)
    assert code == 1, printed
    reason = "LoRA tensors are still zero (no reward varied, so nothing was learned)"
    assert f"rewardkit: FAILED: 14 {reason}\n" in printed
    ignored = "the preflight's problems were ignored (xml_strict: below_maximum"
    assert ignored in printed
    summary = read_json(tmp_path / "run" / "summary.json")
    assert summary["failures"] == [f"14 {reason}"]
    clipped, constant = read_rows(tmp_path / "run" / "alerts.jsonl")
    assert (clipped["step"], clipped["kind"]) == (10, "clipped")  # an untrained model
    assert (constant["step"], constant["kind"], constant["rewards"]) == (
        *(13, "constant"),
        ["xml_strict"],
    )
    assert constant["example"]
    assert summary["alerts"] == [clipped["text"], constant["text"]]
    assert constant["text"] in printed
    assert summary["preflight"]["ignored"] is True
    assert any(note.startswith(ignored) for note in summary["notes"])
    preflight = read_json(tmp_path / "run" / "preflight.json")
    assert preflight["ignored"] is True
    assert {problem["reward"] for problem in preflight["problems"]} == {"xml_strict"}


def test_a_missing_column_fails_whatever_is_ignored(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"question": "?", "label": "1"}) + "\n", encoding="utf-8")
    write_recipe(tmp_path, RECIPE.replace("MODEL", str(tmp_path)))
    options = ["--set", "data.answer=null", "--set", "data.held_out=0", "--ignore-preflight"]
    code, printed = train_here(tmp_path, "--data", "rows.jsonl", *options)
    assert code == 1
    assert "FAILED: a column that a reward reads is not in the dataset (correct" in printed


NO_GRADIENT = "these layers got no gradient, or the learning rate is too small"


@pytest.mark.parametrize(
    ("blank", "changed", "std", "failures"),
    [
        (0, [], 0.0, ()),
        (
            14,
            [],
            0.0,
            ("14 LoRA tensors are still zero (no reward varied, so nothing was learned)",),
        ),
        (2, [], 0.5, (f"2 LoRA tensors are still zero ({NO_GRADIENT})",)),
        (
            0,
            ["merged_16bit"],
            0.5,
            ("merged_16bit differs from the trained model after reloading (see checks.json)",),
        ),
    ],
)
def test_a_failure_has_its_reason(
    blank: int, changed: list[str], std: float, failures: tuple[str, ...]
) -> None:
    log = [{"reward_std": 0.0}, {"reward_std": std}]
    assert explain_failures(blank, changed, log) == failures
