"""The machine: packing kernels, the hub, the environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rewardkit.train import Recipe, RecipeError, environment
from rewardkit.train.environment import (
    call_in_new_process,
    check_hub_dataset,
    check_hub_model,
    choose_padding,
    describe_hub_needs,
    set_environment,
)
from tiny_run import load_packaged, write_recipe


@pytest.mark.parametrize(
    ("vllm", "packages", "torch", "notes"),
    [
        (True, set(), "2.11.0+cu130", 1),
        (True, {"xformers"}, "2.11.0", 0),
        (True, {"flash_attn"}, "2.8.0", 0),
        (True, set(), "2.12.0", 0),
        (False, set(), "2.11.0", 0),
    ],
)
def test_rows_are_padded_where_a_kernel_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    vllm: bool,  # noqa: FBT001
    packages: set[str],
    torch: str,
    notes: int,
) -> None:
    pytest.importorskip("packaging")
    monkeypatch.setenv("UNSLOTH_GRPO_SEQ_PACKING", "")  # so that it is restored
    monkeypatch.delenv("UNSLOTH_GRPO_SEQ_PACKING")
    monkeypatch.setattr(environment, "is_installed", packages.__contains__)
    monkeypatch.setattr(environment, "version", lambda _: torch)
    assert len(choose_padding(vllm=vllm)) == notes
    assert os.environ.get("UNSLOTH_GRPO_SEQ_PACKING") == ("0" if notes else None)


def test_the_users_choice_of_packing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSLOTH_GRPO_SEQ_PACKING", "1")
    monkeypatch.setattr(environment, "is_installed", lambda _: False)
    monkeypatch.setattr(environment, "version", lambda _: "2.11.0")
    assert choose_padding(vllm=True) == []
    assert os.environ["UNSLOTH_GRPO_SEQ_PACKING"] == "1"


def test_the_environment_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "SWANLAB_LOG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    monkeypatch.setenv("WANDB_DIR", "mine")
    before = dict(os.environ)
    for gpu, visible in ((None, "2"), ("5", "5")):
        with set_environment(tmp_path, gpu):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
            assert os.environ["SWANLAB_LOG_DIR"] == str(tmp_path / "swanlab")
            assert os.environ["WANDB_DIR"] == "mine"
        assert dict(os.environ) == before


def test_each_process_of_a_launch_keeps_its_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with set_environment(tmp_path, None):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_hub_errors_name_the_local_alternative(tmp_path: Path) -> None:
    recipe = load_packaged("deepseek_qwen3_language")
    model, dataset = describe_hub_needs(recipe, with_model=True)
    assert "DeepSeek-R1-0528-Qwen3-8B (or a folder: --model FOLDER)" in model
    assert dataset.endswith(
        "(or --data FILE: .jsonl or .parquet with the columns prompt, solution)"
    )
    assert describe_hub_needs(recipe, with_model=False) == [dataset]
    local = {"model.name": str(tmp_path)}
    assert describe_hub_needs(Recipe.load(write_recipe(tmp_path), local), with_model=True) == []


def test_a_model_that_the_hub_does_not_give_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    recipe = load_packaged("smollm2_length")

    class Api:
        def model_info(self, name: str, *, timeout: float) -> None:
            raise ConnectionError(f"{name}: no network in {timeout} s\nand so on")

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(RecipeError, match="no network in 5 s; give a local folder with --model"):
        check_hub_model(recipe)
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_: "config.json")
    check_hub_model(recipe)
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_: None)
    check_hub_model(Recipe.load(write_recipe(tmp_path), {"model.name": str(tmp_path)}))
    monkeypatch.setenv("UNSLOTH_USE_MODELSCOPE", "1")
    check_hub_model(recipe)


def test_a_dataset_that_the_hub_does_not_give_is_refused_without_retries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub, datasets = pytest.importorskip("huggingface_hub"), pytest.importorskip("datasets")
    data = load_packaged("llama31_gsm8k").data

    class Api:
        def dataset_info(self, name: str, *, timeout: float) -> None:
            raise ConnectionError(f"{name}: no network in {timeout} s\nand so on")

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    with pytest.raises(RecipeError, match=r"no network in 5 s; a local .* works too: --data FILE$"):
        check_hub_dataset(data)
    for cached in ("openai___gsm8k", "datasets--openai--gsm8k"):
        (tmp_path / cached).mkdir()
        check_hub_dataset(data)
        (tmp_path / cached).rmdir()
    check_hub_dataset(data.model_copy(update={"hub": str(tmp_path)}))
    check_hub_dataset(load_packaged("smollm2_length").data)


def test_unsloths_copies_in_the_cache_are_not_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "HfApi", lambda: None)  # its call would raise an AttributeError
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(RecipeError, match="'unsloth/Phi-4' is not a folder here"):
        check_hub_model(load_packaged("phi4_gsm8k"))
    (tmp_path / "models--unsloth--phi-4-unsloth-bnb-4bit").mkdir()
    check_hub_model(load_packaged("phi4_gsm8k"))
    with pytest.raises(RecipeError, match="SmolLM2-135M-Instruct' is not a folder here"):
        check_hub_model(load_packaged("smollm2_length"))  # of TRL's backend


def test_in_a_new_process_nothing_is_patched_or_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("string.digits", "patched")
    read = "__import__('string').digits, 'rewardkit' in __import__('sys').modules"
    assert call_in_new_process(eval, read) == ("0123456789", False)
    with pytest.raises(ZeroDivisionError):
        call_in_new_process(eval, "1 / 0")
