"""Train a language model with GRPO from a recipe: one command, one run folder.

    python examples/train_grpo.py examples/recipes/smollm2_arithmetic.yaml

A recipe is a YAML file that says everything: model, LoRA, data, prompt, rewards, trainer. It runs on
either of two backends: `unsloth` (Unsloth, with vLLM or without) and `trl` (plain TRL and peft, on a
CPU, one GPU, or several under `accelerate launch`).

The order of things, each a function below: read the recipe; get the data; see that the rewards can
be earned, before any weight is loaded; load the model; let it answer once; train; save the adapter
and look at it; answer again with and without it; compare the two over held-out rows; merge, convert
and push what the recipe asks for; reload all that was saved; write the summary.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

import rewardkit as rk
from rewardkit import presets
from rewardkit._yaml import read, write  # YAML as the rewards in it are read: 5e-6 is a number
from rewardkit.adapters.trl import split
from rewardkit.audit import Preflight, fill, preflight
from rewardkit.component import columns, walk

Row = dict[str, Any]
Messages = list[dict[str, str]]
Tracker = Literal["swanlab", "wandb", "trackio", "tensorboard"]
Backends = Literal["unsloth", "trl"]

# The recipe ---------------------------------------------------------------------------------------


class RecipeError(Exception):
    """What is wrong with a recipe, a run folder or the machine, said so that it can be put right."""


class Part(BaseModel):
    """A section of a recipe: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Model(Part):
    """The model and how it is loaded."""

    name: str
    """A name on the hub, or a folder."""
    max_seq_length: int = 1024
    """Prompt and completion together, in tokens."""
    load_in_4bit: bool = False
    fast_inference: bool = True
    """Whether vLLM generates; off, the model itself does, more slowly."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """The share of the GPU's memory that vLLM may take."""
    gradient_checkpointing: Literal["unsloth"] | bool = "unsloth"
    random_state: int = 3407


class Lora(Part):
    """The adapter that is trained."""

    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)]
    modules: tuple[str, ...] | Literal["all-linear"] | None = None
    """The layers' names; None for the backend's own choice."""


class Data(Part):
    """Where the rows come from: exactly one of `hub`, `file` and `made`."""

    hub: str | None = None
    """A dataset's name on the hub, with its `config` and `split`."""
    config: str | None = None
    split: str = "train"
    file: Path | None = None
    """A local .jsonl, .json or .parquet file."""
    made: Literal["arithmetic", "gsm_symbolic"] | None = None
    """Made on the spot: sums of two numbers, or reasoning-gym's variations on GSM8K."""
    largest: int = 20
    """The largest number in a sum."""
    rows: Annotated[int, Field(ge=1)] | None = None
    """How many rows to take; None for all there are."""
    seed: int = 3407
    answer: str | None = "answer"
    """The column with the reference; None where the rewards need none."""
    answer_after: str | None = None
    """What stands before the reference in that column, such as GSM8K's `####`."""
    held_out: Annotated[float, Field(ge=0)] = 0
    """Rows kept from training, to compare on: a share below 1, else a number."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.hub, self.file, self.made)) != 1:
            message = "give exactly one of hub, file and made"
            raise ValueError(message)
        return self


class Message(Part):
    """One turn of a worked example."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(Part):
    """How a row becomes a prompt; `{column}` stands for the row's cell."""

    user: str = "{question}"
    system: str | None = None
    example: tuple[Message, ...] = ()
    """A worked example, as turns before the user's."""
    chat: bool = True
    """Whether prompts are messages; off, they are the user's text as it is."""

    def messages(self, question: str, *, system: bool = True) -> Any:
        """Return a prompt: messages, or plain text; without system prompt and example on request."""
        if not self.chat:
            return question
        before = [{"role": "system", "content": self.system}] if self.system else []
        before += [turn.model_dump() for turn in self.example]
        return [*(before if system else []), {"role": "user", "content": question}]


class Sampling(Part):
    """How completions are drawn; None keeps the trainer's own setting."""

    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: float | None = None
    top_k: int | None = None
    """-1 for all tokens."""
    min_p: float | None = None
    seed: int | None = None
    stop_at_eos: bool = False
    keep_stop: bool = False
    """Whether the stop string stays in the text."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None


class Training(Part):
    """The trainer's settings under GRPOConfig's names; None keeps its own."""

    learning_rate: Annotated[float, Field(gt=0)]
    lr_scheduler_type: str | None = None
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] | None = None
    adam_beta1: float | None = None
    adam_beta2: float | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    optim: str | None = None
    num_generations: Annotated[int, Field(ge=2)]
    per_device_train_batch_size: Annotated[int, Field(ge=1)] = 1
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] = 1
    max_prompt_length: Annotated[int, Field(ge=1)] | None = None
    """Longer prompts are left out."""
    prompt_quantile: Annotated[float, Field(gt=0, le=1)] | None = None
    """The same by a quantile of the prompts' lengths, in place of a number."""
    max_completion_length: Annotated[int, Field(ge=1)] | None = None
    """None for what the longest prompt leaves of the sequence."""
    max_steps: int | None = None
    num_train_epochs: float | None = None
    save_steps: Annotated[int, Field(ge=1)] = 100
    eval_steps: Annotated[int, Field(ge=1)] | None = None
    """How often to evaluate on the held-out rows; None for never."""
    seed: int = 3407
    sampling: Sampling = Sampling()
    more: dict[str, JsonValue] = {}
    """Any other field of GRPOConfig."""


class Probe(Part):
    """What the model is asked before and after training."""

    questions: tuple[str, ...] = (
        "Which is bigger? 9.11 or 9.9?",
        "calculate 11111 * 111",
        "What is the sqrt of 101?",
        "Solve (x + 2)^2 = 0",
    )
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)


class Compare(Part):
    """How the model with the adapter is set against the one without it."""

    rows: Annotated[int, Field(ge=1)] = 20
    language: str | None = None
    """The language to look for, as an ISO 639-1 code."""
    candidates: tuple[str, ...] | None = None
    """The languages to choose among; None for all."""


class Save(Part):
    """What is saved beside the adapter."""

    merged_16bit: bool = False
    merged_4bit: bool = False
    gguf: tuple[Literal["f16", "q8_0", "q4_k_m", "q5_k_m"], ...] = ()
    push_to_hub: str | None = None
    """`user/name`; what is not the adapter gets its own name behind it."""


def _presets(given: Any) -> Any:
    """Put the preset in place of its name; a reward's registered name and mappings stay."""
    items = given if isinstance(given, list) else [given]
    known = {name: getattr(presets, name) for name in presets.__all__}
    known |= {f"published.{name}": getattr(presets.published, name) for name in presets.__all__}
    return tuple(known.get(item, item) if isinstance(item, str) else item for item in items)


class Recipe(Part):
    """Everything about a run."""

    backend: Backends = "unsloth"
    model: Model
    lora: Lora
    data: Data
    prompt: Prompt = Prompt()
    completion: str
    """A perfect completion, `{answer}` being the reference: what the preflight gives the rewards."""
    rewards: Annotated[tuple[rk.Reward, ...], Field(min_length=1), BeforeValidator(_presets)]
    """As rewardkit reads them: one or a list of mappings and names; presets by name too."""
    training: Training
    probe: Probe = Probe()
    compare: Compare = Compare()
    save: Save = Save()
    report_to: tuple[Tracker, ...] = ()
    show_every: Annotated[int, Field(ge=1)] = 10
    """After how many steps to show a sampled completion."""

    def as_yaml(self) -> str:
        """Return the whole recipe, with all defaults, as YAML text that reads back equal."""
        data = self.model_dump(mode="json", exclude={"rewards"})
        return write({**data, "rewards": read(rk.dump(list(self.rewards)))})


def read_recipe(path: Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Return the recipe in a file; `changes` are values by key path, such as `model.name`.

    Raises RecipeError with the key path, and the line, of whatever does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = read(text)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: {error}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: expected a mapping with model, lora, data and so on")
    for place, value in (changes or {}).items():
        section, _, key = place.rpartition(".")
        (data.setdefault(section, {}) if section else data)[key] = value
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raise RecipeError("\n".join(_place(path, tree, each) for each in error.errors())) from None


def _place(path: Path, tree: Any, problem: Any) -> str:
    """Return a validation error as one line: file, line, key path, what is wrong."""
    keys, node = [], tree
    for key in problem["loc"]:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == str(key)]
            if not found:
                keys += [str(key)] * (problem["type"] == "missing")
                continue
            node = found[0][0] if problem["type"] == "extra_forbidden" else found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
        else:
            continue  # a name that pydantic gives to one of several types
        keys.append(str(key))
    told = {"extra_forbidden": "no such key", "missing": "missing"}.get(problem["type"])
    told = told or f"{problem['msg'].removeprefix('Value error, ')}"
    given = "" if isinstance(problem["input"], dict | list) else f", got {problem['input']!r}"
    given = "" if problem["type"] == "extra_forbidden" else given
    return f"{path}:{node.start_mark.line + 1}: {'.'.join(keys) or 'recipe'}: {told}{given}"


# The data -----------------------------------------------------------------------------------------


def load_rows(data: Data) -> list[Row]:
    """Return the dataset's rows: from the hub, from a file, or made on the spot."""
    if data.made == "arithmetic":
        rows = arithmetic(data.largest)
    elif data.made == "gsm_symbolic":
        rows = gsm_symbolic(data.rows or 1000, data.seed)
    else:
        datasets = needed("datasets", "the extra train brings it")
        if data.hub:
            found = datasets.load_dataset(data.hub, data.config, split=data.split)
        else:
            kind = "parquet" if str(data.file).endswith(".parquet") else "json"
            found = datasets.load_dataset(kind, data_files=str(data.file), split="train")
        rows = found.to_list()
    random.Random(data.seed).shuffle(rows)  # noqa: S311 - no secrets
    return rows[: data.rows]


def arithmetic(largest: int) -> list[Row]:
    """Return every sum of two numbers from 1 on."""
    numbers = range(1, largest + 1)
    return [
        {"question": f"What is {left} + {right}?", "answer": str(left + right)}
        for left in numbers
        for right in numbers
    ]


def gsm_symbolic(size: int, seed: int) -> list[Row]:
    """Return word problems of GSM8K with other names and numbers, by reasoning-gym."""
    gym = needed("reasoning_gym", "pip install reasoning-gym")
    problems = gym.create_dataset("gsm_symbolic", size=size, seed=seed)
    return [{"question": one["question"], "answer": str(one["answer"])} for one in problems]


def prepare(recipe: Recipe, raw: Sequence[Row]) -> list[Row]:
    """Return the rows as the trainer takes them: the prompt, and the columns the rewards read."""
    data, rows = recipe.data, []
    wanted = {str(column) for reward in recipe.rewards for column in columns(reward)}
    for given in raw:
        row = {name: cell for name, cell in given.items() if name in wanted}
        if data.answer is not None:
            if data.answer not in given:
                have = ", ".join(given)
                raise RecipeError(f"data.answer: no column {data.answer!r}; there are {have}")
            answer = str(given[data.answer])
            if data.answer_after is not None:
                answer = answer.rpartition(data.answer_after)[2].strip()
            row["answer"] = answer
        question = fill(recipe.prompt.user, given)
        rows.append({"prompt": recipe.prompt.messages(question), "question": question, **row})
    return rows


def hold_out(rows: list[Row], share: float) -> tuple[list[Row], list[Row]]:
    """Return the rows to train on, and those kept from training: the last ones."""
    count = math.ceil(len(rows) * share) if share < 1 else int(share)
    if count >= len(rows):
        raise RecipeError(f"data.held_out: {count} of {len(rows)} rows leaves none to train on")
    return rows[: len(rows) - count], rows[len(rows) - count :]


def check_rewards(recipe: Recipe, rows: Sequence[Row], most: int = 200) -> Preflight:
    """Return what the preflight finds over up to `most` of the rows."""
    some = [*rows[:: max(len(rows) // most, 1)]][:most]
    return preflight(list(recipe.rewards), some, wrap=recipe.completion)


def told(found: Preflight) -> str:
    """Return a preflight's findings as text."""
    lines = [f"preflight: {found.rows} rows, {len(found.problems)} problems"]
    for problem in found.problems:
        lines.append(f"  {problem.reward}: {problem.kind} on {problem.rows}: {problem.detail}")
        if problem.kind == "below_maximum":
            lines.append(f"    {problem.completion!r}")
            lines.append(f"    earned {problem.value}, expected {problem.expected}")
    return "\n".join(lines)


def tokens_of(tokenizer: Any) -> dict[str, str]:
    """Return the think and role tokens among those that a model adds to its vocabulary."""
    found = {}
    for token in sorted(tokenizer.get_added_vocab()):
        low = token.lower()
        if "think" in low:
            found["reasoning_end" if "/" in low else "reasoning_start"] = token
        for role in ("user", "assistant"):
            if role in low:
                found[role] = token
    return found


def fit_prompts(
    recipe: Recipe, rows: list[Row], tokenizer: Any
) -> tuple[list[Row], int | None, str]:
    """Return the rows whose prompts are short enough, the longest allowed, and a note."""
    limit, share = recipe.training.max_prompt_length, recipe.training.prompt_quantile
    if limit is None and share is None:
        return rows, None, f"prompts: all {len(rows)} rows, of any length"
    lengths = [len(tokenizer(as_text(tokenizer, row["prompt"]))["input_ids"]) for row in rows]
    if limit is None:
        limit = sorted(lengths)[math.ceil((share or 1) * len(lengths)) - 1]
    kept = [row for row, length in zip(rows, lengths, strict=True) if length <= limit]
    if not kept:
        shortest = min(lengths)
        message = f"training.max_prompt_length: {limit} tokens, but the shortest has {shortest}"
        raise RecipeError(message)
    note = f"prompts: {len(kept)} of {len(rows)} rows have at most {limit} tokens; the rest go"
    return kept, limit, note


def as_text(tokenizer: Any, prompt: Any) -> str:
    """Return a prompt as the model reads it."""
    if isinstance(prompt, str):
        return prompt
    text: str = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    return text


# The trainer's arguments --------------------------------------------------------------------------

RENAMED = [
    {"use_liger_loss", "use_liger_kernel"},
    {"wandb_log_unique_prompts", "log_unique_prompts"},
    {"vllm_guided_decoding_regex", "vllm_structured_outputs_regex"},
    {"use_transformers_paged", "use_transformers_continuous_batching"},
]
"""GRPOConfig's fields that had another name in an older or have one in a newer TRL."""


def translate(
    wanted: Mapping[str, Any], known: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments that an installed GRPOConfig knows, and a note for each changed one.

    `known` are the names of its fields. Raises RecipeError for what cannot be translated.
    """
    arguments, notes = {}, []
    for name, value in wanted.items():
        others = [new for pair in RENAMED if name in pair for new in pair - {name} if new in known]
        if name in known:
            arguments[name] = value
        elif name == "warmup_ratio":
            arguments["warmup_steps"] = value
            notes.append(f"warmup_ratio is now warmup_steps={value}, a share of all steps")
        elif name == "max_prompt_length":
            notes.append("max_prompt_length is gone; longer prompts are left out of the data")
        elif others:
            arguments[others[0]] = value
            notes.append(f"{name} is called {others[0]} here")
        else:
            message = f"training: the installed TRL has no argument {name!r}; take it out"
            raise RecipeError(message)
    return arguments, notes


def wanted_arguments(
    recipe: Recipe, limit: int | None, eos: str | None, *, vllm: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return what the recipe asks of GRPOConfig, by whichever TRL's name, and notes on changes."""
    training, sampling, notes = recipe.training, recipe.training.sampling, []
    own = {"sampling", "more", "prompt_quantile", "eval_steps", "max_prompt_length"}
    wanted = {name: value for name, value in training if name not in own and value is not None}
    wanted["max_prompt_length"] = limit
    if training.max_completion_length is None:
        wanted["max_completion_length"] = recipe.model.max_seq_length - (limit or 0)
    for name in ("temperature", "top_p", "min_p"):
        if (value := getattr(sampling, name)) is not None:
            wanted[name] = value
    if sampling.top_k is not None:
        wanted["top_k"] = sampling.top_k if vllm else max(sampling.top_k, 0)
    if sampling.max_tokens is not None:
        notes.append("sampling.max_tokens: training takes max_completion_length instead")
    if sampling.seed is not None:
        notes.append("sampling.seed: one seed a request makes a group's completions equal; not set")
    if sampling.stop_at_eos and vllm:
        stop = {"stop": [eos], "include_stop_str_in_output": sampling.keep_stop}
        wanted["generation_kwargs"] = stop
    wanted["reward_weights"] = split(recipe.rewards).reward_weights
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    batch = training.per_device_train_batch_size
    if batch * processes * training.gradient_accumulation_steps % training.num_generations:
        wanted["per_device_train_batch_size"] = training.num_generations
        notes.append(f"per_device_train_batch_size {batch} raised to {training.num_generations}")
    if training.eval_steps is not None:
        evaluation = {"eval_strategy": "steps", "eval_steps": training.eval_steps}
        wanted |= {**evaluation, "per_device_eval_batch_size": training.num_generations}
    return wanted | training.more, notes


def make_config(
    recipe: Recipe, folder: Path, backend: Backend, limit: int | None, notes: list[str]
) -> Any:
    """Return the GRPOConfig of the installed TRL, with a note for whatever was changed."""
    import torch
    from trl import GRPOConfig

    gpu = torch.cuda.is_available()
    half = gpu and torch.cuda.is_bf16_supported()
    wanted, changes = wanted_arguments(
        recipe, limit, backend.tokenizer.eos_token, vllm=backend.vllm
    )
    if "8bit" in str(wanted.get("optim")) and not (gpu and installed("bitsandbytes")):
        changes.append(f"{wanted['optim']} needs a GPU and bitsandbytes; adamw_torch instead")
        wanted["optim"] = "adamw_torch"
    wanted |= backend.arguments()
    wanted |= {
        "output_dir": str(folder / "checkpoints"),
        "run_name": folder.name,
        "report_to": list(recipe.report_to) or "none",
        "gradient_checkpointing": bool(recipe.model.gradient_checkpointing),
        "bf16": half,
        "fp16": gpu and not half,
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_total_limit": 2,
        "disable_tqdm": True,
    }
    arguments, renamed = translate(wanted, GRPOConfig.__dataclass_fields__)
    notes += changes + renamed
    return GRPOConfig(**arguments)


# The backends -------------------------------------------------------------------------------------


class Backend(ABC):
    """A loaded model with a new adapter on it, and what can be done with it."""

    model: Any
    tokenizer: Any
    vllm: bool
    """Whether vLLM generates."""

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """Return what GRPOConfig needs for this backend."""

    @abstractmethod
    def generate(self, texts: list[str], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Return a completion for each text, by the model with or without its adapter."""

    @abstractmethod
    def save_adapter(self, folder: Path) -> None:
        """Write the adapter; from now on `generate` uses it as it was written."""

    @abstractmethod
    def save_merged(self, folder: Path) -> None:
        """Write the model with the adapter merged into it, in 16 bits."""


class Unsloth(Backend):
    """Unsloth's FastLanguageModel. It wants to be imported before TRL and transformers."""

    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        from unsloth import FastLanguageModel

        given = recipe.model
        vllm = given.fast_inference and installed("vllm")
        if given.fast_inference and not vllm:
            notes.append("model.fast_inference: vLLM is not installed; Unsloth generates by itself")
        fast = {"max_lora_rank": recipe.lora.rank}
        fast["gpu_memory_utilization"] = given.gpu_memory_utilization
        model, self.tokenizer = FastLanguageModel.from_pretrained(
            model_name=given.name,
            max_seq_length=given.max_seq_length,
            load_in_4bit=given.load_in_4bit,
            fast_inference=vllm,
            random_state=given.random_state,
            use_gradient_checkpointing=given.gradient_checkpointing,
            **(fast if vllm else {}),
        )
        modules = recipe.lora.modules
        self.model = FastLanguageModel.get_peft_model(
            model,
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            use_gradient_checkpointing=given.gradient_checkpointing,
            random_state=given.random_state,
            **({} if modules is None else {"target_modules": _unsloth_modules(modules)}),
        )
        self.vllm, self.lora, self.longest = vllm, None, given.max_seq_length

    def arguments(self) -> dict[str, Any]:
        """Return nothing: Unsloth's trainer sees by the model whether vLLM generates."""
        return {}

    def generate(self, texts: list[str], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Return completions by vLLM, where it is on, else by Unsloth's own generation."""
        if not self.vllm:
            return by_transformers(
                self.model, self.tokenizer, texts, sampling, self.longest, adapter=adapter
            )
        from vllm import SamplingParams

        names = ("temperature", "top_p", "top_k", "min_p", "seed", "max_tokens")
        values = {name: getattr(sampling, name) for name in names}
        values["max_tokens"] = sampling.max_tokens or self.longest
        outputs = self.model.fast_generate(
            texts,
            sampling_params=SamplingParams(**{k: v for k, v in values.items() if v is not None}),
            lora_request=self.lora if adapter else None,
            use_tqdm=False,
        )
        return [output.outputs[0].text for output in outputs]

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter, and hand it to vLLM."""
        self.model.save_lora(str(folder))
        self.tokenizer.save_pretrained(str(folder))
        self.lora = self.model.load_lora(str(folder)) if self.vllm else None

    def save_merged(self, folder: Path) -> None:
        """Write what Unsloth merges, in 16 bits whatever it was loaded in."""
        self.model.save_pretrained_merged(str(folder), self.tokenizer, save_method="merged_16bit")


def _unsloth_modules(modules: tuple[str, ...] | str) -> Any:
    """Return the layers' names as a list, which Unsloth wants; "all-linear" as it is."""
    return modules if isinstance(modules, str) else list(modules)


class Trl(Backend):
    """A model of transformers with an adapter of peft."""

    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        import torch
        from accelerate import PartialState
        from peft import LoraConfig, get_peft_model
        from transformers import AutoTokenizer

        given, gpu = recipe.model, torch.cuda.is_available()
        torch.manual_seed(given.random_state)
        self.vllm = given.fast_inference and gpu and installed("vllm")
        if given.fast_inference and not self.vllm:
            notes.append("model.fast_inference: no vLLM on a GPU here; transformers generates")
        if given.gradient_checkpointing == "unsloth":
            notes.append("model.gradient_checkpointing: 'unsloth' means true to TRL")
        in_4bit = given.load_in_4bit and gpu and installed("bitsandbytes")
        if given.load_in_4bit and not in_4bit:
            notes.append("model.load_in_4bit needs a GPU and bitsandbytes; loaded unquantised")
        model = plain_model(given.name, in_4bit=in_4bit, device=PartialState().device)
        self.tokenizer = AutoTokenizer.from_pretrained(given.name)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        modules = recipe.lora.modules or "all-linear"
        lora = LoraConfig(
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            target_modules=modules if isinstance(modules, str) else list(modules),
            task_type="CAUSAL_LM",
        )
        self.model = get_peft_model(model, lora)
        self.name, self.longest, self.share = (
            given.name,
            given.max_seq_length,
            given.gpu_memory_utilization,
        )

    def arguments(self) -> dict[str, Any]:
        """Return vLLM's settings where it is on, in the trainer's own process."""
        share = {"vllm_mode": "colocate", "vllm_gpu_memory_utilization": self.share}
        return {"use_vllm": True, **share} if self.vllm else {}

    def generate(self, texts: list[str], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Return completions by transformers."""
        return by_transformers(
            self.model, self.tokenizer, texts, sampling, self.longest, adapter=adapter
        )

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter and the tokenizer."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def save_merged(self, folder: Path) -> None:
        """Merge the saved adapter into the model as it was before any quantisation."""
        merged = plain_model(self.name, adapter=folder.parent / "adapter").merge_and_unload()
        merged.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def plain_model(
    name: str | Path, *, adapter: Path | None = None, in_4bit: bool = False, device: Any = None
) -> Any:
    """Return a model of transformers, in bfloat16 on a GPU, else float32, with a saved adapter."""
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    options: dict[str, Any] = {"dtype": dtype}
    if in_4bit:
        from transformers import BitsAndBytesConfig

        kind = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
        options["quantization_config"] = BitsAndBytesConfig(load_in_4bit=True, **kind)
        options["device_map"] = {"": device or "cuda"}
    model = AutoModelForCausalLM.from_pretrained(name, **options)
    if device is not None and not in_4bit:
        model = model.to(device)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    return model


def by_transformers(  # noqa: PLR0913 - what generation depends on
    model: Any, tokenizer: Any, texts: list[str], sampling: Sampling, longest: int, *, adapter: bool
) -> list[str]:
    """Return a completion for each text, by the model's own `generate`, 16 at a time."""
    import torch

    answers: list[str] = []
    training = model.training
    model.eval()
    if sampling.seed is not None:
        torch.manual_seed(sampling.seed)
    names = {"temperature": sampling.temperature, "top_p": sampling.top_p, "min_p": sampling.min_p}
    options: dict[str, Any] = {name: value for name, value in names.items() if value is not None}
    if sampling.top_k is not None:
        options["top_k"] = max(sampling.top_k, 0)
    options = {"do_sample": True, **options} if sampling.temperature != 0 else {"do_sample": False}
    for start in range(0, len(texts), 16):
        batch = tokenizer(
            texts[start : start + 16],
            return_tensors="pt",
            padding=True,
            padding_side="left",
            add_special_tokens=False,
        ).to(model.device)
        width = batch["input_ids"].shape[1]
        room = max(min(sampling.max_tokens or longest, longest - width), 1)
        plain = nullcontext() if adapter else model.disable_adapter()
        with torch.no_grad(), plain:
            ids = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=room,
                pad_token_id=tokenizer.pad_token_id,
                **options,
            )
        answers += tokenizer.batch_decode(ids[:, width:], skip_special_tokens=True)
    model.train(training)
    return answers


def count_parameters(model: Any) -> tuple[int, int]:
    """Return how many parameters train, and how many there are."""
    sizes = [(p.requires_grad, getattr(p, "ds_numel", p.numel())) for p in model.parameters()]
    return sum(size for trains, size in sizes if trains), sum(size for _, size in sizes)


# The run folder -----------------------------------------------------------------------------------


class RunFolder:
    """A run's files. Every method writes one; only the main process calls them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log.jsonl"

    def open(self, recipe: Recipe, *, resume: bool) -> None:
        """Make the folder with the recipe, the rewards and the versions; or see that it fits."""
        rewards = rk.dump(list(recipe.rewards))
        digest = hashlib.sha256(rewards.encode()).hexdigest()
        held = self.path / "rewards.sha256"
        if resume and held.exists():
            if held.read_text(encoding="utf-8").split()[0] != digest:
                raise RecipeError(f"{self.path} was run with other rewards; give another --output")
        elif self.log.exists():
            raise RecipeError(f"{self.path} holds a run; --resume goes on, or give --output")
        self.path.mkdir(parents=True, exist_ok=True)
        self.write("recipe.yaml", recipe.as_yaml())
        self.write("rewards.yaml", rewards)
        self.write("rewards.sha256", f"{digest}  rewards.yaml\n")
        self.write("versions.json", versions())

    def write(self, name: str, content: Any) -> None:
        """Write a file: text as it is, anything else as JSON."""
        if not isinstance(content, str):
            content = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (self.path / name).write_text(content, encoding="utf-8")

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Add a line to a JSONL file, on the disk at once."""
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def steps(self) -> list[Row]:
        """Return the log: one row a step."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def checkpoint(self) -> Path | None:
        """Return the last checkpoint that was written to its end, None where there is none."""
        found = self.path.glob("checkpoints/checkpoint-*/trainer_state.json")
        return max((at.parent for at in found), key=_step_of, default=None)

    def rewind(self, step: int) -> None:
        """Forget what was logged after a step, since it will be run again."""
        for name in ("log.jsonl", "samples.jsonl"):
            at = self.path / name
            if at.exists():
                lines = at.read_text(encoding="utf-8").splitlines(keepends=True)
                whole = [line for line in lines if line.endswith("\n")]
                kept = [line for line in whole if json.loads(line)["step"] <= step]
                at.write_text("".join(kept), encoding="utf-8")


def _step_of(checkpoint: Path) -> int:
    """Return the step in a checkpoint's name."""
    return int(checkpoint.name.rpartition("-")[2])


def versions() -> dict[str, str]:
    """Return the versions of what a run depends on, and the machine's GPU."""
    import torch

    names = ["rewardkit", "trl", "transformers", "peft", "accelerate", "datasets", "torch"]
    names += ["unsloth", "unsloth_zoo", "vllm", "bitsandbytes", "langid"]
    found = {"python": sys.version.split()[0], "rewardkit": "a checkout"}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return found


def installed(name: str) -> bool:
    """Return whether a package can be imported."""
    return importlib.util.find_spec(name) is not None


def needed(name: str, how: str) -> Any:
    """Return a package; raise RecipeError that says how to get it."""
    if not installed(name):
        raise RecipeError(f"{name} is not installed: {how}")
    return importlib.import_module(name)


# Around the training ------------------------------------------------------------------------------


def probe(recipe: Recipe, backend: Backend, *, adapter: bool, system: bool, when: str) -> list[Row]:
    """Return what the model answers to the recipe's questions; only the first one before training."""
    questions = recipe.probe.questions[: 1 if when == "before" else None]
    prompts = [recipe.prompt.messages(question, system=system) for question in questions]
    texts = [as_text(backend.tokenizer, prompt) for prompt in prompts]
    answers = backend.generate(texts, recipe.probe.sampling, adapter=adapter)
    how = {"when": when, "adapter": adapter, "system": system}
    return [
        {**how, "question": question, "response": answer}
        for question, answer in zip(questions, answers, strict=True)
    ]


class Observed:
    """A reward that keeps the last batch it scored, so that one row of it can be shown."""

    def __init__(self, reward: rk.Reward) -> None:
        self.reward, self.batch = reward, dict[str, Any]()
        self.__name__ = reward.__name__

    def __call__(self, **batch: Any) -> list[float | None]:
        """Score as the reward does."""
        self.batch = batch
        return self.reward(**batch)

    def sample(self, extractor: rk.Extractor | None) -> Row:
        """Return the last batch's first question, reference, response and extracted answer."""
        batch = self.batch
        text = rk.Batch(batch["completions"][:1]).texts[0]
        return {
            "question": batch["question"][0],
            "reference": batch.get("answer", [None])[0],
            "response": text,
            "extracted": extractor.extract(text) if extractor else None,
        }


def extractor_of(rewards: Sequence[rk.Reward]) -> rk.Extractor | None:
    """Return the extractor with which the rewards find the answer, None where none does."""
    inside = [part for reward in reversed(rewards) for part in walk(reward)]
    return next((part for part in inside if isinstance(part, rk.Extractor)), None)


@contextmanager
def profiled() -> Iterator[dict[str, float]]:
    """Yield the seconds that the trainer's own profile gives to each of its methods, as they sum."""
    from trl.extras import profiling

    seconds: dict[str, float] = {}
    original = profiling.profiling_context

    @contextmanager
    def measured(trainer: Any, name: str) -> Iterator[None]:
        began = time.perf_counter()
        with original(trainer, name):
            yield
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began

    profiling.profiling_context = measured
    try:
        yield seconds
    finally:
        profiling.profiling_context = original


def make_watch(
    run: RunFolder, recipe: Recipe, observed: Observed, seconds: Mapping[str, float]
) -> Any:
    """Return a callback that writes the log, with each step's time, and shows a sample at times."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        began = scored = took = rewards = 0.0

        def on_step_begin(self, *_event: Any, **_rest: Any) -> None:
            self.began, self.scored = time.perf_counter(), seconds.get("_calculate_rewards", 0.0)

        def on_step_end(self, *_event: Any, **_rest: Any) -> None:
            self.took = time.perf_counter() - self.began
            self.rewards = seconds.get("_calculate_rewards", 0.0) - self.scored

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_rest: Any) -> None:
            if not state.is_world_process_zero or "reward" not in logs:
                return
            times = {
                "step": state.global_step,
                "seconds": self.took,
                "rewards_seconds": self.rewards,
            }
            run.append("log.jsonl", {**times, **{k: _number(v) for k, v in logs.items()}})
            told = f"step {state.global_step}: reward {float(logs['reward']):.3f}"
            print(f"{told}, std {float(logs['reward_std']):.3f}, {self.took:.2f} s", flush=True)
            if state.global_step % recipe.show_every == 0 and observed.batch:
                sample = observed.sample(extractor_of(recipe.rewards))
                run.append("samples.jsonl", {"step": state.global_step, **sample})
                for name, value in sample.items():
                    print(f"  {name}: {value}", flush=True)

    return Watch()


def _number(value: Any) -> Any:
    """Return a logged value as a number where it is one, and None for what JSON does not know."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None


def train(  # noqa: PLR0913 - what a trainer is made of
    recipe: Recipe,
    backend: Backend,
    config: Any,
    rows: Sequence[Row],
    held_out: Sequence[Row],
    run: RunFolder,
    checkpoint: Path | None,
) -> bool:
    """Train, and return whether this process is the main one."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOTrainer

    rewards = split(recipe.rewards).reward_funcs
    observed = Observed(rewards[0])
    evaluation = Dataset.from_list(list(held_out)) if recipe.training.eval_steps else None
    with profiled() as seconds:
        trainer = GRPOTrainer(
            model=backend.model,
            processing_class=backend.tokenizer,
            reward_funcs=[observed, *rewards[1:]],
            args=config,
            train_dataset=Dataset.from_list(list(rows)),
            eval_dataset=evaluation,
            callbacks=[make_watch(run, recipe, observed, seconds)],
        )
        trainer.remove_callback(PrinterCallback)  # it prints a dictionary for each step
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return bool(trainer.accelerator.is_main_process)


def blank_tensors(folder: Path) -> list[str]:
    """Return the names of the saved adapter's tensors that are all zeros: what did not train."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "adapter_model.safetensors")
    return [name for name, tensor in tensors.items() if not tensor.any()]


def compare(recipe: Recipe, backend: Backend, rows: Sequence[Row]) -> Row:
    """Return the means over some rows, without the adapter and with it, and all responses."""
    rows = random.Random(3407).sample(rows, min(recipe.compare.rows, len(rows)))  # noqa: S311 - no secrets
    longest = recipe.training.max_completion_length or recipe.model.max_seq_length
    training = recipe.training.sampling
    sampling = training.model_copy(
        update={"max_tokens": longest, "temperature": training.temperature or 1.0}
    )
    texts = [as_text(backend.tokenizer, row["prompt"]) for row in rows]
    sides = {}
    for name, adapter in (("without", False), ("with", True)):
        answers = backend.generate(texts, sampling, adapter=adapter)
        sides[name] = {**measure(recipe, rows, answers), "responses": answers}
    return {"questions": [row["question"] for row in rows], **sides}


def measure(recipe: Recipe, rows: Sequence[Row], answers: Sequence[str]) -> Row:
    """Return the means of responses: of every reward, of copies, of the target language."""
    batch: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    batch["prompts"], batch["completions"] = batch.pop("prompt"), answers
    found: Row = {"rows": len(rows), "distinct": len(set(answers)) / len(answers)}
    copied = rk.build("prompt_overlap", ngram=6)(**batch)
    found["repeats_six_words"] = fmean(value != 0 for value in copied)
    found["characters"] = fmean(map(len, answers))
    if recipe.compare.language:
        label, some = recipe.compare.language, recipe.compare.candidates
        language = rk.build("language", scores={label: 1.0}, candidates=some, no_letters=0.0)
        found[f"in_{label}"] = fmean(value or 0.0 for value in language(**batch))
    found["rewards"] = {
        reward.__name__: fmean([value for value in reward(**batch) if value is not None] or [0.0])
        for reward in split(recipe.rewards).reward_funcs
    }
    return found


# What is saved, and whether it is what was trained ------------------------------------------------

BOUND = 0.1
"""How far, in nats, a token's log-probability may be off on average, for a model that was reloaded:
bfloat16 rounds the merged weights, and other kernels sum in another order."""


def token_logprobs(model: Any, ids: Sequence[int], start: int) -> list[float]:
    """Return the log-probability of each token from `start` on, given those before it."""
    import torch

    given = torch.tensor([list(ids)], device=model.device)
    half = torch.autocast("cuda", torch.bfloat16) if given.is_cuda else nullcontext()
    with torch.no_grad(), half:
        logits = model(input_ids=given).logits[0, start - 1 : -1].float()
    chosen = logits.log_softmax(-1).gather(-1, given[0, start:, None])
    values: list[float] = chosen[:, 0].tolist()
    return values


def reloaded(  # noqa: PLR0913 - it runs in a process of its own, which knows nothing
    name: str, adapter: str | None, in_4bit: bool, ids: list[int], start: int, text: str
) -> tuple[list[float], str]:
    """Load a saved model with plain transformers; return the tokens' log-probabilities and its text."""
    import torch
    from transformers import AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    at = Path(adapter) if adapter else None
    model = plain_model(name, adapter=at, in_4bit=in_4bit).to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(adapter or name)
    batch = tokenizer(text, return_tensors="pt", add_special_tokens=False).to(device)
    with torch.no_grad():
        made = model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            do_sample=False,
            max_new_tokens=max(len(ids) - start, 1),
            pad_token_id=tokenizer.pad_token_id,
        )
    answer = tokenizer.decode(made[0, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return token_logprobs(model, ids, start), str(answer)


def in_fresh_process(function: Any, *arguments: Any) -> Any:
    """Call a function in a new Python, in which nothing has been patched or trained."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def check_saved(recipe: Recipe, backend: Backend, run: RunFolder, row: Row) -> Row:
    """Reload what was saved from the disk, and set it against the trained model in memory.

    Held against each other are the greedy answer to one prompt and the log-probabilities of its
    tokens; the model without the adapter shows how far apart two different models are.
    """
    os.environ["UNSLOTH_RETURN_HIDDEN_STATES"] = "0"  # its trainer takes hidden states for logits
    text = as_text(backend.tokenizer, row["prompt"])
    (answer,) = backend.generate([text], Sampling(temperature=0, max_tokens=64), adapter=True)
    tokenizer = backend.tokenizer
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    start = len(ids)
    ids += tokenizer(answer, add_special_tokens=False)["input_ids"] or [tokenizer.eos_token_id]
    backend.model.eval()
    mine = token_logprobs(backend.model, ids, start)
    with backend.model.disable_adapter():
        untrained = token_logprobs(backend.model, ids, start)
    found: Row = {"prompt": text, "answer": answer, "tokens": len(mine), "bound": BOUND}
    found["without_adapter"] = _apart(mine, untrained)
    name, in_4bit = recipe.model.name, recipe.model.load_in_4bit
    saved: dict[str, tuple[str, str | None, bool]] = {
        "adapter": (name, str(run.path / "adapter"), in_4bit and installed("bitsandbytes"))
    }
    if (run.path / "merged_16bit").exists():
        saved["merged_16bit"] = (str(run.path / "merged_16bit"), None, False)
    for what, given in saved.items():
        theirs, said = in_fresh_process(reloaded, *given, ids, start, text)
        apart = _apart(mine, theirs)
        same = said.strip() == answer.strip()
        found[what] = {**apart, "same_text": same, "ok": same or apart["mean"] <= BOUND}
    return found


def _apart(mine: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Return the mean and the greatest distance between two models' log-probabilities."""
    distances = [abs(a - b) for a, b in zip(mine, theirs, strict=True)]
    return {"mean": fmean(distances), "greatest": max(distances)}


def save_4bit(source: str, target: str) -> None:
    """Write a merged model once more, in 4 bits. For a process of its own."""
    from transformers import AutoTokenizer

    plain_model(source, in_4bit=True).save_pretrained(target)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)


def llama_cpp() -> Path | None:
    """Return the folder of llama.cpp: LLAMA_CPP_PATH, ./llama.cpp or Unsloth's; None for none."""
    places = [os.environ.get("LLAMA_CPP_PATH"), "llama.cpp", Path.home() / ".unsloth" / "llama.cpp"]
    folders = [Path(place) for place in places if place]
    return next((at for at in folders if (at / "convert_hf_to_gguf.py").exists()), None)


def save_gguf(merged: Path, kinds: Sequence[str]) -> list[str]:
    """Convert a merged model with llama.cpp, once for each kind; return notes on what was done."""
    folder = llama_cpp()
    if folder is None:
        return ["gguf: no llama.cpp here; clone it, and name its folder in LLAMA_CPP_PATH"]
    notes = []
    for kind in kinds:
        target = merged.parent / f"model-{kind}.gguf"
        first = kind if kind in ("f16", "q8_0") else "f16"
        plain = target if first == kind else merged.parent / "model-f16.gguf"
        if not plain.exists():
            script = str(folder / "convert_hf_to_gguf.py")
            how = ["--outfile", str(plain), "--outtype", first]
            subprocess.run([sys.executable, script, str(merged), *how], check=True)  # noqa: S603 - llama.cpp, by the user's choice
        if plain != target:
            tool = shutil.which("llama-quantize") or str(folder / "build/bin/llama-quantize")
            subprocess.run([tool, str(plain), str(target), kind.upper()], check=True)  # noqa: S603 - the same
        notes.append(f"gguf: wrote {target.name}")
    return notes


def save_more(recipe: Recipe, backend: Backend, run: RunFolder) -> list[str]:
    """Write the merged models and GGUF files that the recipe asks for; return notes on them."""
    save, notes, merged = recipe.save, list[str](), run.path / "merged_16bit"
    if save.merged_16bit or save.merged_4bit or save.gguf:
        backend.save_merged(merged)
    if save.merged_4bit:
        import torch

        if torch.cuda.is_available() and installed("bitsandbytes"):
            in_fresh_process(save_4bit, str(merged), str(run.path / "merged_4bit"))
        else:
            notes.append("merged_4bit needs a GPU and bitsandbytes; not written")
    if save.gguf:
        notes += save_gguf(merged, save.gguf)
    return notes


def push(recipe: Recipe, run: RunFolder) -> list[str]:
    """Upload all that was saved to the hub, each under its own name; return notes on it."""
    if recipe.save.push_to_hub is None:
        return []
    from huggingface_hub import HfApi

    api, notes = HfApi(), []
    for part in ("adapter", "merged_16bit", "merged_4bit"):
        if (run.path / part).exists():
            name = recipe.save.push_to_hub + ("" if part == "adapter" else f"-{part}")
            api.create_repo(name, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=run.path / part)
            notes.append(f"pushed {part} to {name}")
    for file in sorted(run.path.glob("*.gguf")):
        name = f"{recipe.save.push_to_hub}-gguf"
        api.create_repo(name, exist_ok=True)
        api.upload_file(repo_id=name, path_or_fileobj=file, path_in_repo=file.name)
        notes.append(f"pushed {file.name} to {name}")
    return notes


# The summary --------------------------------------------------------------------------------------


def series(steps: Sequence[Row]) -> dict[str, list[float]]:
    """Return the values over the steps of what is drawn: the rewards, their spread, the length."""
    keys = [
        "reward",
        *(key for key in steps[0] if key.startswith("rewards/") and "/std" not in key),
    ]
    keys += [key for key in ("reward_std", "completions/mean_length", "kl") if key in steps[0]]
    return {key: [row.get(key) for row in steps] for key in keys}


def draw(folder: Path) -> None:
    """Draw a run's log into plots.svg, a panel for each reward, for reward_std and the length."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "rewardkit"
    from matplotlib import pyplot as plt

    steps = RunFolder(folder).steps()
    lines = series(steps)
    rows = math.ceil(len(lines) / 3)
    figure, axes = plt.subplots(rows, 3, figsize=(12, 2.6 * rows), layout="constrained")
    panels = iter(axes.flat)
    for name, values in lines.items():
        axis = next(panels)
        numbers = [math.nan if value is None else value for value in values]
        smooth = [fmean(numbers[max(0, end - 10) : end]) for end in range(1, len(numbers) + 1)]
        x = [row["step"] for row in steps]
        axis.plot(x, numbers, alpha=0.3)
        axis.plot(x, smooth, color="tab:blue")
        axis.set_title(name.removeprefix("rewards/").removesuffix("/mean"), fontsize=9)
        axis.grid(alpha=0.3)
    for axis in panels:
        axis.set_axis_off()
    figure.savefig(folder / "plots.svg", metadata={"Date": None})
    plt.close(figure)


def summarise(steps: Sequence[Row]) -> Row:
    """Return the first and last ten steps' means, the time a step, and the rewards' share of it."""
    found: Row = {"steps": len(steps)}
    for name, values in series(steps).items():
        known = [value for value in values if value is not None]
        if known:
            found[name] = {"first": fmean(known[:10]), "last": fmean(known[-10:])}
    later = steps[1:] or steps  # the first one compiles
    found["seconds_a_step"] = median(row["seconds"] for row in later)
    whole = sum(row["seconds"] for row in later)
    found["rewards_share"] = sum(row["rewards_seconds"] for row in later) / whole
    return found


def show(summary: Row) -> None:
    """Print the summary as a table."""
    print(f"\n{'':36}{'first 10':>12}{'last 10':>12}")
    for name, value in summary["training"].items():
        if isinstance(value, dict):
            print(f"{name[:36]:36}{value['first']:12.3f}{value['last']:12.3f}")
    training = summary["training"]
    share = training["rewards_share"]
    print(f"\n{training['steps']} steps, {training['seconds_a_step']:.3f} s a step (median),")
    print(f"of which the rewards take {share:.2%}")
    print(f"\n{'held-out rows':36}{'without':>12}{'with':>12}")
    without, adapted = summary["comparison"]["without"], summary["comparison"]["with"]
    flat = {**without, **without["rewards"]}
    other = {**adapted, **adapted["rewards"]}
    for name, value in flat.items():
        if isinstance(value, int | float):
            print(f"{name[:36]:36}{value:12.3f}{other[name]:12.3f}")
    for line in summary["notes"]:
        print(line)


# All of it ----------------------------------------------------------------------------------------


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Train a language model with GRPO from a recipe.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--output", type=Path, help="the run folder; default runs/RECIPE")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--preflight", action="store_true", help="look at data and rewards only")
    parser.add_argument("--gpu", help="the GPU to use, by number; default the first one")
    parser.add_argument("--backend", choices=("unsloth", "trl"))
    parser.add_argument("--model", help="another model, by name or folder")
    parser.add_argument("--steps", type=int, help="another number of steps")
    parser.add_argument("--seed", type=int, help="another seed for the trainer")
    parser.add_argument("--report-to", help="trackers, with commas between them; or none")
    parser.add_argument("--no-vllm", action="store_true", help="generate without vLLM")
    return parser.parse_args(arguments)


def changes_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line changes in the recipe, by key path."""
    trackers = [name for name in (args.report_to or "").split(",") if name != "none"]
    changes = {
        "backend": args.backend,
        "model.name": args.model,
        "model.fast_inference": False if args.no_vllm else None,
        "training.max_steps": args.steps,
        "training.seed": args.seed,
        "report_to": None if args.report_to is None else trackers,
    }
    return {place: value for place, value in changes.items() if value is not None}


def check_machine(recipe: Recipe) -> None:
    """Raise RecipeError for a package that the run will need and that is not there."""
    for name in ("trl", "peft", "datasets", *recipe.report_to):
        needed(name, f"pip install {name}; the extra train brings trl, peft and datasets")
    if recipe.backend == "unsloth":
        needed("unsloth", "pip install unsloth, or choose --backend trl")


def main(args: argparse.Namespace) -> int:
    """Do it all; return 1 where what was saved is not what was trained, else 0."""
    recipe = read_recipe(args.recipe, changes_of(args))
    run = RunFolder(args.output or Path("runs") / args.recipe.stem)
    rows, held_out = hold_out(prepare(recipe, load_rows(recipe.data)), recipe.data.held_out)
    found = check_rewards(recipe, [*rows, *held_out])
    print(told(found))
    if found.problems or args.preflight:
        return int(bool(found.problems))
    if "WORLD_SIZE" not in os.environ:  # under accelerate launch each process has its own
        os.environ["CUDA_VISIBLE_DEVICES"] = (
            args.gpu or (os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0])
        )
    check_machine(recipe)
    lead = os.environ.get("RANK", "0") == "0"
    notes: list[str] = []
    backend: Backend = (Unsloth if recipe.backend == "unsloth" else Trl)(recipe, notes)
    if lead:
        run.open(recipe, resume=args.resume)
    checkpoint = run.checkpoint() if args.resume else None
    if args.resume and lead:
        step = _step_of(checkpoint) if checkpoint else 0
        print(f"going on after step {step}")
        run.rewind(step)
    trains, total = count_parameters(backend.model)
    notes.append(f"{trains:,} of {total:,} parameters train")
    if special := tokens_of(backend.tokenizer):
        notes.append(f"tokens of the model's own: {special}")
    rows, limit, note = fit_prompts(recipe, rows, backend.tokenizer)
    config = make_config(recipe, run.path, backend, limit, notes)
    notes.append(note)
    if lead:
        print("\n".join(notes), flush=True)
        before = probe(recipe, backend, adapter=False, system=True, when="before")
        run.write("before.json", before)
        print(f"before: {before[0]['question']}\n{before[0]['response']}", flush=True)
    if not train(recipe, backend, config, rows, held_out, run, checkpoint):
        return 0
    return finish(recipe, backend, run, held_out or rows, notes)


def finish(
    recipe: Recipe, backend: Backend, run: RunFolder, rows: Sequence[Row], notes: list[str]
) -> int:
    """Save, look at what was saved, ask again, compare, draw and sum up."""
    adapter = run.path / "adapter"
    backend.save_adapter(adapter)
    blank = blank_tensors(adapter)
    after = [
        answer
        for adapted in (False, True)
        for system in (False, True)
        for answer in probe(recipe, backend, adapter=adapted, system=system, when="after")
    ]
    run.write("after.json", after)
    comparison = compare(recipe, backend, rows)
    run.write("comparison.json", comparison)
    notes += save_more(recipe, backend, run)
    checks = {"blank_tensors": blank, **check_saved(recipe, backend, run, rows[0])}
    run.write("checks.json", checks)
    notes += push(recipe, run)
    if installed("matplotlib"):
        draw(run.path)
    else:
        notes.append("no matplotlib here, so no plots; draw(Path(RUN)) makes them from log.jsonl")
    bad = [
        name
        for name, check in checks.items()
        if isinstance(check, dict) and not check.get("ok", True)
    ]
    notes.append(f"adapter tensors all zeros: {len(blank)}")
    notes.append(f"reloaded from disk and not the same: {', '.join(bad) or 'none'}")
    sides = {
        side: {k: v for k, v in comparison[side].items() if k != "responses"}
        for side in ("without", "with")
    }
    summary = {"training": summarise(run.steps()), "comparison": sides, "notes": notes}
    run.write("summary.json", summary)
    show(summary)
    return int(bool(blank or bad))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        sys.exit(main(parse()))
    except RecipeError as error:
        sys.exit(f"train_grpo: {error}")
