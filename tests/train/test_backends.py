"""Generation by the backends; a whole run is in test_launch.py."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from rewardkit.train import backends
from rewardkit.train.backends import UnslothBackend
from rewardkit.train.recipe_sections import Sampling
from tiny_run import WordTokenizer, load_packaged


def test_vllm_samples_each_answer_with_its_own_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = ModuleType("vllm")
    vllm.SamplingParams = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    asked: dict[str, Any] = {}

    def fast_generate(prompts: list[Any], **options: Any) -> list[Any]:
        asked.update(options)
        return [SimpleNamespace(outputs=[SimpleNamespace(text="so")]) for _ in prompts]

    backend = object.__new__(UnslothBackend)
    backend.vllm, backend.max_length, backend.tokenizer = True, 96, WordTokenizer()
    backend.lora_request = "lora"
    backend.model = SimpleNamespace(fast_generate=fast_generate)
    sampling = Sampling(temperature=1, top_k=-1, seed=7)
    assert backend.generate(["a", "b", "c"], sampling, adapter=True) == ["so"] * 3
    given = {"temperature": 1, "top_k": -1, "max_tokens": 96}
    assert asked["sampling_params"] == [{**given, "seed": seed} for seed in (7, 8, 9)]
    assert asked["lora_request"] == "lora"
    backend.generate(["a"], Sampling(), adapter=False)
    assert asked["sampling_params"] == [{"max_tokens": 96, "seed": None}]
    assert asked["lora_request"] is None


class FastLanguageModel:
    """A mock of Unsloth's class that records its arguments."""

    calls: ClassVar[dict[str, dict[str, Any]]] = {}

    @classmethod
    def from_pretrained(cls, **options: Any) -> tuple[str, str]:
        cls.calls["from_pretrained"] = options
        return "base", "tokenizer"

    @classmethod
    def get_peft_model(cls, model: str, **options: Any) -> Any:
        cls.calls["get_peft_model"] = options
        return SimpleNamespace(
            base=model,
            save_lora=lambda folder: cls.calls.update(saved={"lora": folder}),
            load_lora=lambda folder: f"request for {folder}",
        )


@pytest.mark.parametrize("vllm", [True, False])
def test_unsloth_loads_the_recipes_model(monkeypatch: pytest.MonkeyPatch, *, vllm: bool) -> None:
    unsloth = ModuleType("unsloth")
    unsloth.FastLanguageModel = FastLanguageModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "unsloth", unsloth)
    monkeypatch.setattr(backends, "is_installed", lambda _: vllm)
    notes: list[str] = []
    backend = UnslothBackend(load_packaged("phi4_gsm8k"), notes)
    assert (backend.vllm, backend.max_length) == (vllm, 512)
    loaded = FastLanguageModel.calls["from_pretrained"]
    assert loaded == {
        "model_name": "unsloth/Phi-4",
        "max_seq_length": 512,
        "load_in_4bit": True,
        "fast_inference": vllm,
        "random_state": 3407,
        "use_gradient_checkpointing": "unsloth",
        **({"max_lora_rank": 16, "gpu_memory_utilization": 0.7} if vllm else {}),
    }
    assert FastLanguageModel.calls["get_peft_model"] == {
        "r": 16,
        "lora_alpha": 16,
        "target_modules": ["gate_proj", "up_proj", "down_proj"],
        "use_gradient_checkpointing": "unsloth",
        "random_state": 3407,
    }
    assert backend.model.base == "base"
    assert len(notes) == (0 if vllm else 1)
    UnslothBackend(load_packaged("llama31_gsm8k"), notes)
    assert "target_modules" not in FastLanguageModel.calls["get_peft_model"]  # Unsloth's default


def test_unsloth_gives_the_saved_adapter_to_vllm(tmp_path: Path) -> None:
    saved: list[str] = []
    backend = object.__new__(UnslothBackend)
    backend.vllm, backend.lora_request = True, None
    backend.model = FastLanguageModel.get_peft_model("base")
    backend.tokenizer = SimpleNamespace(save_pretrained=saved.append)
    backend.save_adapter(tmp_path)
    assert FastLanguageModel.calls["saved"] == {"lora": str(tmp_path)}
    assert saved == [str(tmp_path)]
    assert backend.lora_request == f"request for {tmp_path}"
