"""The recipes' settings as arguments of each trainer's GRPOConfig."""

from __future__ import annotations

import pytest

from rewardkit.train import Recipe, RecipeError
from rewardkit.train.grpo_arguments import (
    check_training_values,
    collect_arguments,
    translate_arguments,
)
from rewardkit.train.recipe import recipe_names
from tiny_run import FIELDS, load_packaged


@pytest.mark.parametrize("trainer", FIELDS)
@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize("vllm", [True, False])
def test_each_trainer_knows_every_argument(trainer: str, name: str, vllm: bool) -> None:  # noqa: FBT001
    wanted, _ = collect_arguments(load_packaged(name), 256, "</s>", vllm=vllm)
    arguments, notes = translate_arguments(wanted, FIELDS[trainer])
    assert set(arguments) <= set(FIELDS[trainer])
    lost = {name: wanted[name] for name in wanted if name not in arguments}
    assert all(any(note.startswith(f"{name}:") for note in notes) for name in lost)
    old = trainer.startswith("trl 0.22.2")
    assert set(lost) == (set() if old else {"max_prompt_length", "warmup_ratio"} & set(wanted))


def test_a_share_of_warm_up_steps_stays_a_share() -> None:
    new = FIELDS["trl 1.15.0, transformers 5.17.0"]
    assert translate_arguments({"warmup_ratio": 0.1}, new)[0] == {"warmup_steps": 0.1}


def test_a_renamed_argument_is_translated_both_ways() -> None:
    old, new = FIELDS.values()
    assert translate_arguments({"use_liger_loss": True}, new)[0] == {"use_liger_kernel": True}
    assert translate_arguments({"log_unique_prompts": True}, old)[0] == {
        "wandb_log_unique_prompts": True
    }


def test_an_unknown_argument_is_refused() -> None:
    message = r"^training.more.epsilom: the installed TRL has no .*; did you mean 'epsilon'"
    with pytest.raises(RecipeError, match=message):
        translate_arguments({"epsilom": 0.2}, next(iter(FIELDS.values())))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("more.beta", "high", r"more\.beta: got 'high' \(str\), expected a number$"),
        ("more.use_vllm", [], r"more\.use_vllm: got \[\] \(list\), expected true or false$"),
        ("lr_scheduler_type", "cosin", r"got 'cosin' \(str\); did you mean 'cosine'\?$"),
        ("optim", "zz", r"optim: got 'zz' \(str\); expected one of .*adamw_torch"),
    ],
)
def test_a_value_that_the_trainer_cannot_take_is_refused(
    key: str, value: object, message: str
) -> None:
    config_class = pytest.importorskip("trl").GRPOConfig
    recipe = Recipe.load("smollm2_length", {f"training.{key}": value})
    with pytest.raises(RecipeError, match=message):
        check_training_values(recipe.training, config_class)


def test_a_value_that_the_trainer_takes_is_not_refused() -> None:
    config_class = pytest.importorskip("trl").GRPOConfig
    more = {
        "beta": 0,
        "reward_weights": [1, 2.5],
        "model_init_kwargs": {"a": 1},
        "loss_type": "bnpo",
    }
    training = {"training.more": more, "training.lr_scheduler_type": "cosine"}
    for name in ("smollm2_length", *recipe_names()):
        changes = training if name == "smollm2_length" else {}
        check_training_values(Recipe.load(name, changes).training, config_class)
    # annotations that name what only a type checker imports are not checked
    unreadable = type("Config", (), {"__annotations__": {"beta": "Nowhere"}})
    check_training_values(Recipe.load("smollm2_length", training).training, unreadable)


def test_the_published_sampling_reaches_the_trainer() -> None:
    recipe = load_packaged("deepseek_qwen3_language")
    wanted, notes = collect_arguments(recipe, 200, "<eos>", vllm=True)
    assert wanted["generation_kwargs"] == {"stop": ["<eos>"], "include_stop_str_in_output": True}
    assert (wanted["temperature"], wanted["min_p"], wanted["top_p"], wanted["top_k"]) == (
        (1.0, 0.1, 1.0, -1)
    )
    assert wanted["max_completion_length"] == 1024 - 200
    assert wanted["per_device_train_batch_size"] == 4
    assert any("raised to 4" in note for note in notes)
    without_vllm, _ = collect_arguments(recipe, 200, "<eos>", vllm=False)
    assert without_vllm["top_k"] == 0
    assert "generation_kwargs" not in without_vllm
