"""Stand-ins for what the examples take from the hub or a GPU: small, but everything runs.

The hub's models and datasets are folders of the same names in the working folder, which
`from_pretrained` and `load_dataset` read before they ask the hub. The model is tiny; its `generate`
gives prepared completions, some of them right. TRL, PEFT, datasets and the rewards are real.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rewardkit import registry
from tiny_run import FIELDS, build_once, quiet_machine, save_tiny_model

PRINTABLE = "".join(map(chr, range(32, 127))) + "\n"
MODELS = [
    "unsloth/Meta-Llama-3.1-8B-Instruct",
    "unsloth/DeepSeek-R1-0528-Qwen3-8B",
    "unsloth/Qwen2.5-3B-Instruct",
    "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "HuggingFaceTB/SmolLM-135M-Instruct",
]
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
GSM8K = [
    {"question": f"What is {n} plus 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"}
    for n in range(8)
]
ARC = [
    {
        "id": str(n),
        "question": f"Which is the word for {n + 1}?",
        "choices": {"text": WORDS[:4], "label": [*"ABCD"]},
        "answerKey": "ABCD"[n],
    }
    for n in range(4)
]
MATH = [
    {"prompt": f"What is {n} times 3?", "solution": str(3 * n), "source_prompt": [{"content": ""}]}
    for n in range(1, 61)
]
TLDR = [
    {"prompt": f"Sum up: {word} cats sat. TL;DR:", "completion": f"{word} cats"} for word in WORDS
]
MBPP = [
    {
        "task_id": n,
        "text": f"Write a function that adds {n}.",
        "code": f"def add(x): return x + {n}",
        "test_list": [f"assert add(1) == {n + 1}", f"assert add(-1) == {n - 1}"],
    }
    for n in range(4)
]
# Each dataset's configuration and splits, with rows in the columns of the real one.
DATASETS: dict[str, dict[str, dict[str, list[Any]]]] = {
    "openai/gsm8k": {"main": {"train": GSM8K * 13, "test": GSM8K * 13}},
    "allenai/ai2_arc": {"ARC-Challenge": {"train": ARC * 26}},
    "open-r1/DAPO-Math-17k-Processed": {"en": {"train": MATH}},
    "mlabonne/smoltldr": {"default": {"train": TLDR, "test": TLDR}},
    "google-research-datasets/mbpp": {"full": {"train": MBPP}},
}


# The model ----------------------------------------------------------------------------------------


def prepare_completions() -> dict[str, list[str]]:
    """Prepare some completions for each question: a right one in the layout first."""
    layout = "<reasoning>\nI count on.\n</reasoning>\n<answer>\n{}\n</answer>"
    thought = "<think>Pertama saya membaca soal ini, kemudian saya menghitung.</think>{}"
    code = "```python\ndef add(x):\n    return {}\n```"
    prepared = {}
    for row in GSM8K:
        right = row["answer"].split()[-1]
        prepared[row["question"]] = [layout.format(right), layout.format(99), f"So {right}.", ""]
    for row in ARC:
        right, wrong = row["answerKey"], "DABC"["ABCD".index(row["answerKey"])]
        prepared[row["question"]] = [layout.format(right), layout.format(wrong), f"So {right}.", ""]
    for row in MATH:
        right, english = (
            row["solution"],
            "<think>I read the problem first, and then I count.</think>",
        )
        prepared[row["prompt"]] = [thought.format(right), thought.format(-1), english + right, "?"]
    for row in TLDR:
        prepared[row["prompt"]] = [("A cat sat. " * 5)[:50], "A cat sat.", "A cat sat. " * 30]
    for row in MBPP:
        right = code.format(f"x + {row['task_id']}")
        prepared[row["text"]] = [right, code.format("abs(x)"), right + "\nI hope it helps.", "?"]
    prepared["Tom has 3 boxes"] = [layout.format(29)]
    return prepared


PREPARED = prepare_completions()


def complete(prompt: str, index: int) -> str:
    """Return one of the completions that are prepared for the question in the prompt."""
    (found,) = [completions for question, completions in PREPARED.items() if question in prompt]
    return found[index % len(found)]


def load(kind: str, name: str) -> Any:
    return getattr(pytest.importorskip("transformers"), kind).from_pretrained(name)


def generate(model: Any, input_ids: Any, **_: Any) -> Any:
    """Generate as `LlamaForCausalLM.generate` does, but the prepared completions."""
    torch, tokenizer = pytest.importorskip("torch"), load("AutoTokenizer", "tiny")
    prompts = tokenizer.batch_decode(input_ids, skip_special_tokens=True)
    texts = [complete(prompt, index) for index, prompt in enumerate(prompts)]
    ids = [[*tokenizer(text)["input_ids"], tokenizer.eos_token_id] for text in texts]
    width = max(map(len, ids))
    padded = [row + [tokenizer.pad_token_id] * (width - len(row)) for row in ids]
    return torch.cat([input_ids, torch.tensor(padded)], dim=1)


# Unsloth and vLLM ---------------------------------------------------------------------------------


@dataclass
class SamplingParams:
    """The fields of vLLM's class that the examples may use."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    max_tokens: int | None = 16


class FastLanguageModel:
    """Unsloth's class, with the arguments that version 2026.10.9 has."""

    @staticmethod
    def from_pretrained(  # noqa: PLR0913, PLR0917 - as there
        model_name: str,
        max_seq_length: int = 2048,
        load_in_4bit: bool = True,  # noqa: FBT001, FBT002 - as there
        fast_inference: bool = False,  # noqa: FBT001, FBT002 - as there
        gpu_memory_utilization: float = 0.5,
        random_state: int = 3407,
        max_lora_rank: int = 64,
    ) -> tuple[Any, Any]:
        assert load_in_4bit
        assert fast_inference, "without it the model has no fast_generate and no load_lora"
        model = load("AutoModelForCausalLM", model_name)
        model.max_lora_rank = max_lora_rank
        return model, load("AutoTokenizer", model_name)

    @staticmethod
    def get_peft_model(  # noqa: PLR0913, PLR0917 - as there
        model: Any,
        r: int = 16,
        target_modules: list[str] | None = None,
        lora_alpha: int = 16,
        use_gradient_checkpointing: str | bool = "unsloth",  # noqa: FBT001 - as there
        random_state: int = 3407,
    ) -> Any:
        peft, tokenizer = pytest.importorskip("peft"), load("AutoTokenizer", "tiny")
        assert r <= model.max_lora_rank, "vLLM cannot load an adapter of a higher rank"
        config = peft.LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=target_modules)
        model = peft.get_peft_model(model, config)

        def fast_generate(
            prompts: list[dict[str, list[int]]],
            sampling_params: SamplingParams,
            use_tqdm: bool = True,  # noqa: FBT001, FBT002 - as there
            lora_request: str | None = None,
        ) -> list[Any]:
            assert sampling_params.max_tokens is None or sampling_params.max_tokens > 16
            assert lora_request is None or Path(lora_request, "adapter_config.json").is_file()
            # the adapter has learned to give the right completion
            texts = [
                complete(tokenizer.decode(prompt["prompt_token_ids"]), 0 if lora_request else index)
                for index, prompt in enumerate(prompts)
            ]
            return [SimpleNamespace(outputs=[SimpleNamespace(text=text)]) for text in texts]

        model.fast_generate = fast_generate
        model.save_lora = model.save_pretrained
        model.load_lora = str
        return model


def make_module(name: str, **attributes: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


# The hub and the trainer --------------------------------------------------------------------------


def build_hub(folder: Path) -> None:
    """Write the models and datasets, in folders with their names on the hub."""
    save_tiny_model(folder / "tiny", PRINTABLE)
    for name in MODELS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(folder / "tiny")
    for name, configurations in DATASETS.items():
        lines = ["---", "configs:"]
        for configuration, splits in configurations.items():
            lines += [f"- config_name: {configuration}", "  data_files:"]
            for split, rows in splits.items():
                file = folder / name / configuration / f"{split}.jsonl"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
                lines += [f"  - split: {split}", f"    path: {configuration}/{file.name}"]
        (folder / name / "README.md").write_text("\n".join([*lines, "---\n"]), encoding="utf-8")


SMALL = {
    "max_steps": 2,
    "logging_steps": 1,
    "save_strategy": "no",
    "optim": "adamw_torch",  # the 8-bit ones need a GPU
    "bf16": False,
    "use_cpu": True,
    "gradient_accumulation_steps": 1,
    "dataloader_pin_memory": False,
    "disable_tqdm": True,
}
"""What a few steps on a CPU need; the rest of GRPOConfig is as the example has it."""


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("trl", "peft", "datasets"):
        pytest.importorskip(package)
    return build_once(tmp_path_factory, "hub", build_hub)


@pytest.fixture
def trainers(hub: Path, tmp_path: Path) -> Iterator[list[Any]]:
    """The trainers that an example makes, in a folder where it finds the stand-ins."""
    datasets, trl = pytest.importorskip("datasets"), pytest.importorskip("trl")
    made: list[Any] = []
    real_config, real_trainer = trl.GRPOConfig, trl.GRPOTrainer
    known = {*FIELDS["trl 1.15.0, transformers 5.17.0"]}

    def make_config(**given: Any) -> Any:
        assert set(given) <= known, f"GRPOConfig has no {sorted(set(given) - known)}"
        return real_config(**{**given, **SMALL})

    def make_trainer(**given: Any) -> Any:
        made.append(real_trainer(**given))
        return made[-1]

    for entry in hub.iterdir():
        if entry.is_dir():
            (tmp_path / entry.name).symlink_to(entry)
    with quiet_machine(tmp_path) as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        patch.setattr("transformers.LlamaForCausalLM.generate", generate)
        patch.setattr(trl, "GRPOConfig", make_config)
        patch.setattr(trl, "GRPOTrainer", make_trainer)
        unsloth = make_module("unsloth", FastLanguageModel=FastLanguageModel)
        patch.setitem(sys.modules, "unsloth", unsloth)
        patch.setitem(sys.modules, "vllm", make_module("vllm", SamplingParams=SamplingParams))
        patch.setattr(registry, "_registry", dict(registry._registry))
        yield made
