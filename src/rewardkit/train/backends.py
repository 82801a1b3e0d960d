"""The backends: a model loaded with a new adapter by Unsloth, or by transformers and peft."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rewardkit.train.environment import can_load_4bit, is_installed
from rewardkit.train.recipe import Recipe
from rewardkit.train.recipe_sections import Sampling
from rewardkit.train.tokens import encode_prompt


class Backend(ABC):
    """A loaded model with a new adapter, and what can be done with it."""

    model: Any
    tokenizer: Any
    vllm: bool
    """Whether vLLM generates during training."""
    max_length: int
    """Prompt and completion together, in tokens."""
    arguments: Mapping[str, Any] = {}
    """What GRPOConfig needs for this backend."""

    @abstractmethod
    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        """Load the model and add the adapter; `notes` receive what differs from the recipe."""

    @abstractmethod
    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Generate a completion per prompt, by the model with or without its adapter."""

    @abstractmethod
    def save_adapter(self, folder: Path) -> None:
        """Write the adapter; `generate` uses it as written from then on."""

    @abstractmethod
    def save_merged(self, folder: Path) -> None:
        """Write the model with the adapter merged into it, in 16 bits."""


class UnslothBackend(Backend):
    """Unsloth's FastLanguageModel, which has to be imported before TRL and transformers."""

    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        from unsloth import FastLanguageModel

        given, lora = recipe.model, recipe.lora
        self.vllm = given.fast_inference and is_installed("vllm")
        if given.fast_inference and not self.vllm:
            notes.append("model.fast_inference: vLLM is not installed; Unsloth generates")
        vllm_options = {
            "max_lora_rank": lora.rank,
            "gpu_memory_utilization": given.gpu_memory_utilization,
        }
        model, self.tokenizer = FastLanguageModel.from_pretrained(
            model_name=given.name,
            max_seq_length=given.max_seq_length,
            load_in_4bit=given.load_in_4bit,
            fast_inference=self.vllm,
            random_state=given.random_state,
            use_gradient_checkpointing=given.gradient_checkpointing,
            **(vllm_options if self.vllm else {}),
        )
        modules = lora.modules if lora.modules in (None, "all-linear") else list(lora.modules)
        self.model = FastLanguageModel.get_peft_model(
            model,
            r=lora.rank,
            lora_alpha=lora.alpha,
            use_gradient_checkpointing=given.gradient_checkpointing,
            random_state=given.random_state,
            # Unsloth has a default of its own, which None would override
            **({} if modules is None else {"target_modules": modules}),
        )
        self.max_length, self.lora_request = given.max_seq_length, None

    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Generate with vLLM where it is used, else with Unsloth's own generation."""
        if not self.vllm:
            return generate_in_batches(self, prompts, sampling, adapter=adapter)
        from vllm import SamplingParams

        options = sampling.options()
        options["max_tokens"] = min(sampling.max_tokens or self.max_length, self.max_length)
        first = sampling.seed
        seeds = [None if first is None else first + index for index in range(len(prompts))]
        outputs = self.model.fast_generate(
            # as ids: vLLM would add a second BOS token to a text from the chat template
            [{"prompt_token_ids": encode_prompt(self.tokenizer, prompt)} for prompt in prompts],
            sampling_params=[SamplingParams(**options, seed=seed) for seed in seeds],
            lora_request=self.lora_request if adapter else None,
            use_tqdm=False,
        )
        return [output.outputs[0].text for output in outputs]

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter and the tokenizer, and load the adapter into vLLM."""
        self.model.save_lora(str(folder))
        self.tokenizer.save_pretrained(str(folder))
        self.lora_request = self.model.load_lora(str(folder)) if self.vllm else None

    def save_merged(self, folder: Path) -> None:
        """Write what Unsloth merges, in 16 bits even for a model that was loaded in 4."""
        self.model.save_pretrained_merged(str(folder), self.tokenizer, save_method="merged_16bit")


class TrlBackend(Backend):
    """A model of transformers with an adapter of peft."""

    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        import torch
        from accelerate import PartialState
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
        from transformers import AutoTokenizer

        given, lora = recipe.model, recipe.lora
        torch.manual_seed(given.random_state)
        self.vllm = given.fast_inference and torch.cuda.is_available() and is_installed("vllm")
        in_4bit = given.load_in_4bit and can_load_4bit()
        if given.fast_inference and not self.vllm:
            notes.append("model.fast_inference: needs a GPU and vLLM; transformers generates")
        if given.load_in_4bit and not in_4bit:
            notes.append(
                "model.load_in_4bit: needs a GPU and bitsandbytes; loaded in 16 or 32 bits"
            )
        if given.gradient_checkpointing == "unsloth":
            notes.append("model.gradient_checkpointing: 'unsloth' means true here")
        model = load_model(given.name, in_4bit=in_4bit, device=PartialState().device)
        modules = lora.modules or "all-linear"
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            # peft converts a list for its look-ups, but not a tuple
            target_modules=modules if modules == "all-linear" else list(modules),
            task_type="CAUSAL_LM",
        )
        self.model = get_peft_model(
            prepare_model_for_kbit_training(model) if in_4bit else model, config
        )
        self.tokenizer = AutoTokenizer.from_pretrained(given.name)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.max_length, self.name = given.max_seq_length, given.name
        memory = {"vllm_gpu_memory_utilization": given.gpu_memory_utilization}
        if self.vllm:
            self.arguments = {"use_vllm": True, "vllm_mode": "colocate", **memory}

    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Generate with transformers."""
        return generate_in_batches(self, prompts, sampling, adapter=adapter)

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter and the tokenizer."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def save_merged(self, folder: Path) -> None:
        """Merge the saved adapter into the model as it was before any quantisation."""
        merged = load_model(self.name, adapter=folder.with_name("adapter")).merge_and_unload()
        merged.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


BACKENDS: dict[str, type[Backend]] = {"unsloth": UnslothBackend, "trl": TrlBackend}


def load_model(
    name: str | Path, *, adapter: Path | None = None, in_4bit: bool = False, device: Any = None
) -> Any:
    """Load a model with transformers, in bfloat16 on a GPU, else float32, with a saved adapter."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    options: dict[str, Any] = {"dtype": dtype}
    if in_4bit:
        nf4 = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
        options["quantization_config"] = BitsAndBytesConfig(load_in_4bit=True, **nf4)
        # a quantised model cannot be moved afterwards
        options["device_map"] = {"": device or "cuda"}
    model = AutoModelForCausalLM.from_pretrained(name, **options)
    if device is not None and not in_4bit:
        model = model.to(device)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    return model


def generate_in_batches(
    backend: Backend, prompts: list[Any], sampling: Sampling, *, adapter: bool, size: int = 16
) -> list[str]:
    """Generate a completion per prompt with the model's own `generate`, `size` at a time."""
    import torch

    model, tokenizer = backend.model, backend.tokenizer
    # transformers warns about sampling options where it does not sample
    options = sampling.options() if sampling.temperature != 0 else {}
    if options.get("top_k") == -1:
        options["top_k"] = 0  # transformers' value for all tokens
    torch.manual_seed(sampling.seed or 0)
    answers: list[str] = []
    was_training = model.training
    model.eval()
    for start in range(0, len(prompts), size):
        ids = [encode_prompt(tokenizer, prompt) for prompt in prompts[start : start + size]]
        # on the left, so that each completion starts where its prompt ends
        batch = tokenizer.pad({"input_ids": ids}, padding_side="left", return_tensors="pt")
        width = batch["input_ids"].shape[1]
        limit = min(sampling.max_tokens or backend.max_length, backend.max_length - width)
        with torch.no_grad(), nullcontext() if adapter else model.disable_adapter():
            generated = model.generate(
                **batch.to(model.device),
                do_sample=sampling.temperature != 0,
                max_new_tokens=max(limit, 1),
                pad_token_id=tokenizer.pad_token_id,
                **options,
            )
        answers += tokenizer.batch_decode(generated[:, width:], skip_special_tokens=True)
    model.train(was_training)
    return answers
