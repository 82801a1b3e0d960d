"""Generation by the backends; a whole run is in test_launch.py."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from rewardkit.train.backends import UnslothBackend
from rewardkit.train.sections import Sampling
from tiny_run import WordTokenizer

if TYPE_CHECKING:
    import pytest


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
