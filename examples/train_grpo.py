"""Train a language model with GRPO from a recipe: one command, one run folder.

    python examples/train_grpo.py examples/recipes/smollm2_arithmetic.yaml

A recipe is a YAML file that says everything: model, LoRA, data, prompt, rewards, trainer. It runs
on either of two backends: `unsloth` (Unsloth, with vLLM or without) and `trl` (plain TRL and peft,
on a CPU, one GPU, or several under `accelerate launch`).

The order of things, each a function below: read the recipe; get the data; see that the rewards can
be earned, before any weight is loaded; load the model; let it answer once; train; save the adapter
and look at it; answer again with and without it; compare the two over held-out rows; merge, convert
and push what the recipe asks for; reload all that was saved; write the summary.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
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
from contextlib import contextmanager, nullcontext, suppress
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

import rewardkit as rk
from rewardkit import presets
from rewardkit.adapters.trl import split
from rewardkit.audit import Preflight, fill, preflight
from rewardkit.component import columns, walk
from rewardkit.config import (  # YAML as the rewards in it are read: 5e-6 is a number
    read_yaml,
    write_yaml,
)

Row = dict[str, Any]
Tracker = Literal["swanlab", "wandb", "trackio", "tensorboard"]
BackendName = Literal["unsloth", "trl"]
Count = Annotated[int, Field(ge=1)]

# The recipe ---------------------------------------------------------------------------------------


class RecipeError(Exception):
    """What is wrong with a recipe, a run folder or the machine, and what to do about it."""


class Part(BaseModel):
    """A section of a recipe: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _lists_as_tuples(cls, given: Any) -> Any:
        """Take YAML's lists where a field is a tuple."""
        if not isinstance(given, dict):
            return given
        return {key: tuple(it) if isinstance(it, list) else it for key, it in given.items()}


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

    rank: Count
    alpha: Count
    modules: tuple[str, ...] | Literal["all-linear"] | None = None
    """The layers' names; None for the backend's own choice."""


READERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}
"""What reads a local file, under the name that `datasets` gives it."""


class Data(Part):
    """Where the rows come from: exactly one of `hub`, `file` and `made`."""

    hub: str | None = None
    """A dataset's name on the hub, with its `config` and `split`."""
    config: str | None = None
    split: str = "train"
    file: Annotated[FilePath, Field(strict=False)] | None = None
    """A local .jsonl, .json or .parquet file."""
    made: Literal["arithmetic", "gsm_symbolic"] | None = None
    """Made on the spot: sums of two numbers, or reasoning-gym's variations on GSM8K."""
    largest: Count = 20
    """The largest number in a sum."""
    rows: Count | None = None
    """How many rows to take; None for all there are."""
    seed: int = 3407
    answer: str | None = "answer"
    """The column with the reference; None where the rewards need none."""
    answer_after: str | None = None
    """What stands before the reference in that column, such as GSM8K's `####`."""
    held_out: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """Rows kept from training, to compare on: a share below 1, else a number."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(source is not None for source in (self.hub, self.file, self.made)) != 1:
            message = "give exactly one of hub, file and made"
            raise ValueError(message)
        if self.file is not None and self.file.suffix not in READERS:
            message = f"file: got {self.file.name}, expected {', '.join(READERS)}"
            raise ValueError(message)
        if self.held_out > 1 and self.held_out % 1:
            message = f"held_out: got {self.held_out}, expected a whole number, or a share below 1"
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

    def build(self, question: str, *, system: bool = True) -> Any:
        """Return a prompt: messages, or plain text; `system` brings the system text and example."""
        if not self.chat:
            return question
        before = [{"role": "system", "content": self.system}] if self.system else []
        before += [turn.model_dump() for turn in self.example]
        return [*(before if system else []), {"role": "user", "content": question}]


class Sampling(Part):
    """How completions are drawn; None keeps the trainer's own setting."""

    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    """-1 for all tokens."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    """The first prompt's; the others have the next ones: one for all would make answers alike."""
    stop_at_eos: bool = False
    keep_stop: bool = False
    """Whether the stop string stays in the text."""
    max_tokens: Count | None = None


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
    per_device_train_batch_size: Count = 1
    gradient_accumulation_steps: Count = 1
    max_prompt_length: Count | None = None
    """Longer prompts are left out."""
    prompt_quantile: Annotated[float, Field(gt=0, le=1)] | None = None
    """The same by a quantile of the prompts' lengths, in place of a number."""
    max_completion_length: Count | None = None
    """None for what the longest prompt leaves of the sequence."""
    max_steps: Count | None = None
    num_train_epochs: Annotated[float, Field(gt=0)] | None = None
    save_steps: Count = 100
    eval_steps: Count | None = None
    """How often to evaluate on the held-out rows; None for never."""
    seed: int = 3407
    sampling: Sampling = Sampling()
    more: dict[str, JsonValue] = {}
    """Any other field of GRPOConfig."""

    @field_validator("more")
    @classmethod
    def _nothing_twice(cls, more: dict[str, JsonValue]) -> dict[str, JsonValue]:
        own = {*cls.model_fields, *Sampling.model_fields}
        if twice := sorted(own.intersection(more)):
            message = f"{', '.join(twice)}: has a key of its own in training or training.sampling"
            raise ValueError(message)
        if kept := sorted({"output_dir", "report_to", "logging_steps"}.intersection(more)):
            message = f"{', '.join(kept)}: the run folder rests on it, so it cannot be chosen here"
            raise ValueError(message)
        return more


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

    rows: Count = 20
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
    items = given if isinstance(given, tuple) else [given]
    known = {name: getattr(presets, name) for name in presets.__all__}
    known |= {f"published.{name}": getattr(presets.published, name) for name in presets.__all__}
    return tuple(known.get(item, item) if isinstance(item, str) else item for item in items)


class Recipe(Part):
    """Everything about a run."""

    backend: BackendName = "unsloth"
    model: Model
    lora: Lora
    data: Data
    prompt: Prompt = Prompt()
    completion: str
    """A perfect completion, `{answer}` being the reference: what the preflight scores."""
    rewards: Annotated[tuple[rk.Reward, ...], Field(min_length=1), BeforeValidator(_presets)]
    """As rewardkit reads them: one or a list of mappings and names; presets by name too."""
    training: Training
    probe: Probe = Probe()
    compare: Compare = Compare()
    save: Save = Save()
    report_to: tuple[Tracker, ...] = ()
    show_every: Count = 10
    """After how many steps to show a sampled completion."""

    def as_yaml(self) -> str:
        """Return the whole recipe, with all defaults, as YAML text that reads back equal."""
        data = self.model_dump(mode="json", exclude={"rewards"})
        return write_yaml({**data, "rewards": read_yaml(rk.dump(list(self.rewards)))})


def read_recipe(path: Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Return the recipe in a file; `changes` are values by key path, such as `model.name`.

    Raises RecipeError with the line and the key path of whatever does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = read_yaml(text)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: {error}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: expected a mapping with model, lora, data and so on")
    recipe = _validated(data, str(path), yaml.compose(text, Loader=yaml.SafeLoader))
    if not changes:
        return recipe
    for place, value in changes.items():
        section, _, key = place.rpartition(".")
        (data.setdefault(section, {}) if section else data)[key] = value
    return _validated(data, "command line", None)


def _validated(data: Mapping[str, Any], source: str, tree: Any) -> Recipe:
    """Return the recipe in some data; `tree` is its YAML, which knows the lines."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        found = [(*_place(tree, each), _say(each)) for each in error.errors()]
    outer = {keys[:size] for keys, _, _ in found for size in range(len(keys))}
    told = [
        f"{source}{line}: {'.'.join(keys)}: {said}"
        for keys, line, said in found
        if keys not in outer  # else a part of it is wrong, and says more
    ]
    raise RecipeError("\n".join(dict.fromkeys(told)))


def _place(node: Any, problem: Any) -> tuple[tuple[str, ...], str]:
    """Return the key path of a validation error, and its line in the YAML where there is one."""
    keys, line = list[str](), ":1" if node else ""
    for key in map(str, problem["loc"]):
        inside = node.value if isinstance(node, yaml.MappingNode) else []
        named = {name.value: (name, value) for name, value in inside}
        if isinstance(node, yaml.SequenceNode) and key.isdigit():
            named = {str(place): (item, item) for place, item in enumerate(node.value)}
        if key in named:
            name, node = named[key]
            line = f":{name.start_mark.line + 1}"
        elif node and problem["type"] != "missing":
            continue  # what pydantic calls one of several types
        keys.append(key)
    return tuple(keys), line


def _say(problem: Any) -> str:
    """Return what is wrong, in YAML's words."""
    if problem["type"] in ("extra_forbidden", "missing"):
        return {"extra_forbidden": "no such key", "missing": "missing"}[problem["type"]]
    said = problem["msg"].removeprefix("Value error, ").partition(" or instance of ")[0]
    ours = {
        "Input should be": "expected",
        "Tuple should have": "expected",
        "a valid tuple": "a list",
        "a valid dictionary": "a mapping",
    }
    for theirs, word in ours.items():
        said = said.replace(theirs, word)
    given = problem["input"]
    return said if isinstance(given, dict | list | tuple) else f"{said}; got {given!r}"


# The data -----------------------------------------------------------------------------------------


def load_rows(data: Data) -> list[Row]:
    """Return the dataset's rows: from the hub, from a file, or made on the spot."""
    if data.made == "arithmetic":
        rows = arithmetic(data.largest)
    elif data.made == "gsm_symbolic":
        rows = gsm_symbolic(data.rows or 1000, data.seed)
    else:
        rows = read_rows(data)
    if not rows:
        raise RecipeError("data: there are no rows")
    random.Random(data.seed).shuffle(rows)  # noqa: S311 - no secrets
    return rows[: data.rows]


def read_rows(data: Data) -> list[Row]:
    """Return the rows of a dataset on the hub, or of a local file."""
    datasets = needed("datasets", "the extra train brings it")
    if data.file is None:
        source = {"path": data.hub, "name": data.config, "split": data.split}
    else:
        kind = READERS[data.file.suffix]
        source = {"path": kind, "data_files": str(data.file), "split": "train"}
    try:
        rows: list[Row] = datasets.load_dataset(**source).to_list()
    except Exception as error:
        message = f"data: {data.file or data.hub}: {type(error).__name__} {error}"
        raise RecipeError(message) from error
    return rows


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
    data, rows, user = recipe.data, [], recipe.prompt.user
    if not any(f"{{{name}}}" in user for name in raw[0]):
        have = ", ".join(raw[0])
        raise RecipeError(f"prompt.user: got {user!r}, in which no column stands; there are {have}")
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
        question = fill(user, given)
        rows.append({"prompt": recipe.prompt.build(question), "question": question, **row})
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


def findings(found: Preflight) -> str:
    """Return a preflight's findings as text."""
    lines = [f"preflight: {found.rows} rows, {len(found.problems)} problems"]
    for problem in found.problems:
        lines.append(f"  {problem.reward}: {problem.kind} on {problem.rows}: {problem.detail}")
        if problem.kind == "below_maximum":
            lines.append(f"    {problem.completion!r}")
            lines.append(f"    earned {problem.value}, expected {problem.expected}")
    return "\n".join(lines)


def own_tokens(tokenizer: Any) -> dict[str, str]:
    """Return the think and role tokens among those that a model adds to its vocabulary."""
    found = {}
    for token in sorted(tokenizer.get_added_vocab()):
        if "think" in token.lower():
            found["reasoning_end" if "/" in token else "reasoning_start"] = token
        found |= {role: token for role in ("user", "assistant") if role in token.lower()}
    return found


def fit_prompts(run: Run, rows: list[Row], tokenizer: Any) -> tuple[list[Row], int | None]:
    """Return the rows whose prompts are short enough, and how long a prompt may be, in tokens."""
    limit, share = run.recipe.training.max_prompt_length, run.recipe.training.prompt_quantile
    if limit is None and share is None:
        return rows, None
    lengths = [len(tokens(tokenizer, row["prompt"])) for row in rows]
    if limit is None:
        limit = sorted(lengths)[math.ceil((share or 1) * len(lengths)) - 1] + 1
    kept = [row for row, length in zip(rows, lengths, strict=True) if length <= limit]
    if not kept:
        raise RecipeError(f"training: no prompt has {limit} tokens or fewer; see max_prompt_length")
    run.notes.append(f"prompts: {len(kept)} of {len(rows)} have {limit} tokens or fewer, and stay")
    return kept, limit


# The trainer's arguments --------------------------------------------------------------------------

RENAMED = [
    {"use_liger_loss", "use_liger_kernel"},
    {"wandb_log_unique_prompts", "log_unique_prompts"},
    {"vllm_guided_decoding_regex", "vllm_structured_outputs_regex"},
    {"use_transformers_paged", "use_transformers_continuous_batching"},
    {"gradient_checkpointing", "activation_checkpointing"},
]
"""GRPOConfig's fields that had another name in an older TRL, or have one in a newer."""


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
            notes.append(f"warmup_ratio: called warmup_steps here, {value} of all steps")
        elif name == "max_prompt_length":
            notes.append("max_prompt_length: gone from TRL; longer prompts leave the data instead")
        elif others:
            arguments[others[0]] = value
            notes.append(f"{name}: called {others[0]} here")
        else:
            near = " or ".join(get_close_matches(name, known)) or "none like it"
            raise RecipeError(f"training: the installed TRL has no {name!r} (near: {near})")
    return arguments, notes


def wanted_arguments(
    recipe: Recipe, limit: int | None, eos: str | None, *, vllm: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return what the recipe asks of GRPOConfig, of whatever TRL, and notes on changes."""
    training = recipe.training
    own = {"sampling", "more", "prompt_quantile", "eval_steps"}
    wanted = {name: value for name, value in training if name not in own and value is not None}
    if limit is not None:
        wanted["max_prompt_length"] = limit
    wanted.setdefault("max_completion_length", recipe.model.max_seq_length - (limit or 0))
    wanted["reward_weights"] = split(recipe.rewards).reward_weights
    sampled, notes = sampling_arguments(training.sampling, eos, vllm=vllm)
    batch, group = training.per_device_train_batch_size, training.num_generations
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if batch * processes * training.gradient_accumulation_steps % group:
        wanted["per_device_train_batch_size"] = group
        notes.append(f"per_device_train_batch_size: {batch} raised to {group}, a whole group")
    if training.eval_steps is not None:
        evaluation = {"eval_strategy": "steps", "eval_steps": training.eval_steps}
        wanted |= {**evaluation, "per_device_eval_batch_size": group}
    return {**wanted, **sampled, **training.more}, notes


def drawn(sampling: Sampling) -> dict[str, Any]:
    """Return what is given of how tokens are drawn, under the names that all trainers share."""
    names = ("temperature", "top_p", "top_k", "min_p")
    given = {name: getattr(sampling, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def sampling_arguments(
    sampling: Sampling, eos: str | None, *, vllm: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return GRPOConfig's arguments for how completions are drawn, and notes on changes."""
    wanted, notes = drawn(sampling), []
    if wanted.get("top_k") == -1 and not vllm:
        wanted["top_k"] = 0  # what transformers calls all tokens
    if sampling.stop_at_eos and vllm:
        stop = {"stop": [eos], "include_stop_str_in_output": sampling.keep_stop}
        wanted["generation_kwargs"] = stop
    elif sampling.stop_at_eos:
        notes.append("sampling.stop_at_eos: transformers stops there by itself, and keeps it")
    if sampling.seed is not None:
        notes.append("sampling.seed: not per request, where it would make a group's rows equal")
    if sampling.max_tokens is not None:
        notes.append("sampling.max_tokens: training goes by max_completion_length")
    return wanted, notes


def make_config(run: Run, backend: Backend, limit: int | None) -> Any:
    """Return the installed TRL's GRPOConfig; the run's notes say what was changed."""
    import torch
    from trl import GRPOConfig

    gpu = torch.cuda.is_available()
    half = gpu and torch.cuda.is_bf16_supported()
    eos = backend.tokenizer.eos_token
    wanted, changes = wanted_arguments(run.recipe, limit, eos, vllm=backend.vllm)
    if "8bit" in str(wanted.get("optim")) and not (gpu and installed("bitsandbytes")):
        changes.append(f"optim: {wanted['optim']} needs a GPU and bitsandbytes; adamw_torch here")
        wanted["optim"] = "adamw_torch"
    ours = {
        **backend.arguments,
        "output_dir": str(run.path / "checkpoints"),
        "run_name": run.path.name,
        "report_to": list(run.recipe.report_to) or "none",
        "gradient_checkpointing": bool(run.recipe.model.gradient_checkpointing),
        "bf16": half,
        "fp16": gpu and not half,
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_total_limit": 2,
        "disable_tqdm": True,
    }
    known = GRPOConfig.__dataclass_fields__
    if "logging_dir" in known:  # newer ones go by TENSORBOARD_LOGGING_DIR
        ours["logging_dir"] = str(run.path / "tensorboard")
    arguments, renamed = translate({**ours, **wanted}, known)
    run.notes += changes + renamed
    return GRPOConfig(**arguments)


# The backends -------------------------------------------------------------------------------------


class Backend(ABC):
    """A loaded model with a new adapter on it, and what can be done with it."""

    model: Any
    tokenizer: Any
    vllm: bool
    """Whether vLLM generates in training."""
    longest: int
    """Prompt and completion together, in tokens."""
    arguments: Mapping[str, Any] = {}
    """What GRPOConfig needs for this backend."""

    @abstractmethod
    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        """Load the model and put the adapter on it; `notes` take what is not as the recipe says."""

    @abstractmethod
    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Return a completion for each prompt, by the model with or without its adapter."""

    @abstractmethod
    def save_adapter(self, folder: Path) -> None:
        """Write the adapter; `generate` uses it as written from here on."""

    @abstractmethod
    def save_merged(self, folder: Path) -> None:
        """Write the model with the adapter merged into it, in 16 bits."""


class Unsloth(Backend):
    """Unsloth's FastLanguageModel, which has to be imported before TRL and transformers."""

    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        from unsloth import FastLanguageModel

        given, lora = recipe.model, recipe.lora
        self.vllm = given.fast_inference and installed("vllm")
        if given.fast_inference and not self.vllm:
            notes.append("model.fast_inference: vLLM is not installed; Unsloth itself generates")
        share = given.gpu_memory_utilization
        fast = {"max_lora_rank": lora.rank, "gpu_memory_utilization": share}
        model, self.tokenizer = FastLanguageModel.from_pretrained(
            model_name=given.name,
            max_seq_length=given.max_seq_length,
            load_in_4bit=given.load_in_4bit,
            fast_inference=self.vllm,
            random_state=given.random_state,
            use_gradient_checkpointing=given.gradient_checkpointing,
            **(fast if self.vllm else {}),
        )
        modules = lora.modules if lora.modules in (None, "all-linear") else list(lora.modules)
        self.model = FastLanguageModel.get_peft_model(
            model,
            r=lora.rank,
            lora_alpha=lora.alpha,
            use_gradient_checkpointing=given.gradient_checkpointing,
            random_state=given.random_state,
            **({} if modules is None else {"target_modules": modules}),
        )
        self.longest, self.lora = given.max_seq_length, None

    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Return completions by vLLM where it is on, else by Unsloth's own generation."""
        if not self.vllm:
            return by_transformers(self, prompts, sampling, adapter=adapter)
        from vllm import SamplingParams

        options = drawn(sampling)
        options["max_tokens"] = min(sampling.max_tokens or self.longest, self.longest)
        first = sampling.seed
        seeds = [None if first is None else first + place for place in range(len(prompts))]
        outputs = self.model.fast_generate(
            [{"prompt_token_ids": tokens(self.tokenizer, prompt)} for prompt in prompts],
            sampling_params=[SamplingParams(**options, seed=seed) for seed in seeds],
            lora_request=self.lora if adapter else None,
            use_tqdm=False,
        )
        return [output.outputs[0].text for output in outputs]

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter and the tokenizer, and hand the adapter to vLLM."""
        self.model.save_lora(str(folder))
        self.tokenizer.save_pretrained(str(folder))
        self.lora = self.model.load_lora(str(folder)) if self.vllm else None

    def save_merged(self, folder: Path) -> None:
        """Write what Unsloth merges, in 16 bits whatever it was loaded in."""
        self.model.save_pretrained_merged(str(folder), self.tokenizer, save_method="merged_16bit")


class Trl(Backend):
    """A model of transformers with an adapter of peft."""

    def __init__(self, recipe: Recipe, notes: list[str]) -> None:
        import torch
        from accelerate import PartialState
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
        from transformers import AutoTokenizer

        given, lora, gpu = recipe.model, recipe.lora, torch.cuda.is_available()
        torch.manual_seed(given.random_state)
        self.vllm = given.fast_inference and gpu and installed("vllm")
        in_4bit = given.load_in_4bit and gpu and installed("bitsandbytes")
        if given.fast_inference and not self.vllm:
            notes.append("model.fast_inference: no vLLM on a GPU here; transformers generates")
        if given.load_in_4bit and not in_4bit:
            notes.append("model.load_in_4bit: needs a GPU and bitsandbytes; loaded as it is")
        if given.gradient_checkpointing == "unsloth":
            notes.append("model.gradient_checkpointing: 'unsloth' means true here")
        model = plain_model(given.name, in_4bit=in_4bit, device=PartialState().device)
        modules = lora.modules or "all-linear"
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=modules if modules == "all-linear" else list(modules),
            task_type="CAUSAL_LM",
        )
        self.model = get_peft_model(
            prepare_model_for_kbit_training(model) if in_4bit else model, config
        )
        self.tokenizer = AutoTokenizer.from_pretrained(given.name)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.longest, self.name = given.max_seq_length, given.name
        share = {"vllm_gpu_memory_utilization": given.gpu_memory_utilization}
        if self.vllm:
            self.arguments = {"use_vllm": True, "vllm_mode": "colocate", **share}

    def generate(self, prompts: list[Any], sampling: Sampling, *, adapter: bool) -> list[str]:
        """Return completions by transformers."""
        return by_transformers(self, prompts, sampling, adapter=adapter)

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter and the tokenizer."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def save_merged(self, folder: Path) -> None:
        """Merge the saved adapter into the model as it was before any quantisation."""
        merged = plain_model(self.name, adapter=folder.with_name("adapter")).merge_and_unload()
        merged.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def plain_model(
    name: str | Path, *, adapter: Path | None = None, in_4bit: bool = False, device: Any = None
) -> Any:
    """Return a model of transformers, in bfloat16 on a GPU, else float32, with a saved adapter."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    options: dict[str, Any] = {"dtype": dtype}
    if in_4bit:
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


def by_transformers(
    backend: Backend, prompts: list[Any], sampling: Sampling, *, adapter: bool, size: int = 16
) -> list[str]:
    """Return a completion for each prompt by the model's own `generate`, `size` at a time."""
    import torch

    model, tokenizer = backend.model, backend.tokenizer
    options = drawn(sampling) if sampling.temperature != 0 else {}
    if options.get("top_k") == -1:
        options["top_k"] = 0  # what transformers calls all tokens
    torch.manual_seed(sampling.seed or 0)
    answers: list[str] = []
    training = model.training
    model.eval()
    for start in range(0, len(prompts), size):
        ids = [tokens(tokenizer, prompt) for prompt in prompts[start : start + size]]
        batch = tokenizer.pad({"input_ids": ids}, padding_side="left", return_tensors="pt")
        width = batch["input_ids"].shape[1]
        most = min(sampling.max_tokens or backend.longest, backend.longest - width)
        with torch.no_grad(), nullcontext() if adapter else model.disable_adapter():
            made = model.generate(
                **batch.to(model.device),
                do_sample=sampling.temperature != 0,
                max_new_tokens=max(most, 1),
                pad_token_id=tokenizer.pad_token_id,
                **options,
            )
        answers += tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)
    model.train(training)
    return answers


def tokens(tokenizer: Any, prompt: Any) -> list[int]:
    """Return a prompt's tokens: a chat's by its template, which writes its own special ones."""
    chat = not isinstance(prompt, str)
    options = {"tokenize": False, "add_generation_prompt": True}
    text = tokenizer.apply_chat_template(prompt, **options) if chat else prompt
    return list(tokenizer(text, add_special_tokens=not chat)["input_ids"])


# The run folder -----------------------------------------------------------------------------------


class Run:
    """A recipe, the folder of its run, and notes on what was not as the recipe says."""

    def __init__(self, recipe: Recipe, path: Path) -> None:
        self.recipe, self.path = recipe, path
        self.rewards = rk.dump(list(recipe.rewards))
        self.digest = hashlib.sha256(self.rewards.encode()).hexdigest()
        self.notes: list[str] = []

    def look(self, *, resume: bool) -> None:
        """Raise RecipeError where the folder holds a run that this one cannot go into."""
        held = self.path / "rewards.sha256"
        if held.exists() and not resume:
            raise RecipeError(f"{self.path} holds a run; --resume goes on, or give --output")
        if held.exists() and held.read_text(encoding="utf-8").split()[0] != self.digest:
            raise RecipeError(f"{self.path} was run with other rewards; give another --output")

    def open(self) -> None:
        """Make the folder, with the recipe, the rewards and the versions."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.write("recipe.yaml", self.recipe.as_yaml())
        self.write("rewards.yaml", self.rewards)
        self.write("rewards.sha256", f"{self.digest}  rewards.yaml\n")
        self.write("versions.json", versions())

    def write(self, name: str, content: Any) -> None:
        """Write a file: text as it is, anything else as JSON."""
        if not isinstance(content, str):
            content = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (self.path / name).write_text(content, encoding="utf-8")

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Add a line to a JSONL file."""
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def checkpoint(self) -> Path | None:
        """Return the last checkpoint that was written to its end, None where there is none."""
        found = self.path.glob("checkpoints/checkpoint-*/trainer_state.json")
        return max((at.parent for at in found), key=step_of, default=None)

    def rewind(self, step: int) -> None:
        """Forget what was logged after a step, and half a line: it will be run again."""
        for name in ("log.jsonl", "evaluation.jsonl", "samples.jsonl"):
            if (at := self.path / name).exists():
                lines = at.read_text(encoding="utf-8").splitlines(keepends=True)
                whole = [line for line in lines if line.endswith("\n")]
                kept = [line for line in whole if json.loads(line)["step"] <= step]
                self.write(name, "".join(kept))


def step_of(checkpoint: Path | None) -> int:
    """Return the step in a checkpoint's name, 0 for none."""
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def at_its_end(checkpoint: Path, config: Any) -> bool:
    """Return whether a checkpoint has all the steps, or epochs, that a GRPOConfig asks for."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    if config.max_steps > 0:
        return bool(state["global_step"] >= config.max_steps)
    return bool(state["epoch"] >= config.num_train_epochs)


def read_log(folder: Path) -> list[Row]:
    """Return a run's log: one row a step."""
    text = (folder / "log.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def versions() -> dict[str, str]:
    """Return the versions of what a run depends on, and the GPU's name."""
    import torch

    names = ["rewardkit", "trl", "transformers", "peft", "accelerate", "datasets", "torch"]
    names += ["unsloth", "unsloth_zoo", "vllm", "bitsandbytes", "langid"]
    found = {"python": sys.version.split()[0], "rewardkit": "a checkout"}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return {**found, "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none"}


def installed(name: str) -> bool:
    """Return whether a package can be imported."""
    return importlib.util.find_spec(name) is not None


def needed(name: str, how: str) -> Any:
    """Return a package; raise RecipeError that says how to get it."""
    if not installed(name):
        raise RecipeError(f"{name} is not installed; {how}")
    return importlib.import_module(name)


# Around the training ------------------------------------------------------------------------------


def count_parameters(model: Any) -> str:
    """Return how many parameters train, in words."""
    sizes = [(parameter.requires_grad, parameter.numel()) for parameter in model.parameters()]
    trains, total = sum(size for yes, size in sizes if yes), sum(size for _, size in sizes)
    return f"{trains:,} of {total:,} parameters train ({trains / total:.2%})"


def ask(run: Run, backend: Backend, *, adapter: bool, system: bool, most: int) -> list[Row]:
    """Return the model's answers to the first `most` of the recipe's questions."""
    questions = run.recipe.probe.questions[:most]
    prompts = [run.recipe.prompt.build(question, system=system) for question in questions]
    answers = backend.generate(prompts, run.recipe.probe.sampling, adapter=adapter)
    return [
        {"adapter": adapter, "system": system, "question": question, "response": answer}
        for question, answer in zip(questions, answers, strict=True)
    ]


class Observed:
    """A reward that keeps the last batch it scored, so that a row of it can be shown."""

    def __init__(self, reward: rk.Reward) -> None:
        self.reward, self.batch = reward, dict[str, Any]()
        self.__name__ = reward.__name__

    def __call__(self, **batch: Any) -> list[float | None]:
        """Score as the reward does."""
        self.batch = batch
        return self.reward(**batch)

    def sample(self, extractor: rk.Extractor | None) -> Row:
        """Return the batch's first question, reference, response and extracted answer."""
        text = rk.Batch(self.batch["completions"]).texts[0]
        return {
            "question": self.batch["question"][0],
            "reference": self.batch.get("answer", [None])[0],
            "response": text,
            "extracted": extractor.extract(text) if extractor else None,
        }


class Profile:
    """The seconds in each part of a step, by TRL's own names: generation, rewards, the loss.

    TRL's trainer times its parts for the trackers; the same contexts are counted here. Parts lie in
    one another: `_prepare_inputs` holds generation and rewards, and what a step takes beyond it are
    the loss, the gradient and the optimizer.
    """

    def __init__(self) -> None:
        from trl.extras import profiling

        self.seconds: dict[str, float] = {}
        self.original = profiling.profiling_context
        for module in [*sys.modules.values()]:  # each has imported it under the same name
            if getattr(module, "__dict__", {}).get("profiling_context") is self.original:
                module.__dict__["profiling_context"] = self.measured

    @contextmanager
    def measured(self, trainer: Any, name: str) -> Iterator[None]:
        """Do as TRL's context does, and add its seconds to those of its name."""
        began = time.perf_counter()
        with self.original(trainer, name):
            yield
        took = time.perf_counter() - began
        self.seconds[name] = self.seconds.get(name, 0.0) + took

    def take(self) -> dict[str, float]:
        """Return the seconds since the last call."""
        taken, self.seconds = self.seconds, {}
        return {name: round(took, 6) for name, took in taken.items()}


def make_watch(run: Run, observed: Observed) -> Any:
    """Return a callback that logs every step with its time, and shows a sample every few."""
    from transformers import TrainerCallback

    profile = Profile()
    inside = [part for reward in reversed(run.recipe.rewards) for part in walk(reward)]
    extractor = next((part for part in inside if isinstance(part, rk.Extractor)), None)

    class Watch(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        began = took = 0.0

        def on_step_begin(self, *_event: Any, **_rest: Any) -> None:
            profile.take()
            self.began = time.perf_counter()

        def on_step_end(self, *_event: Any, **_rest: Any) -> None:
            self.took = time.perf_counter() - self.began

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_rest: Any) -> None:
            step = state.global_step
            values = {name: number(value) for name, value in logs.items()}
            if not state.is_world_process_zero:
                return
            if "eval_reward" in logs:
                run.append("evaluation.jsonl", {"step": step, **values})
            if "reward" not in logs:
                return
            parts = profile.take()
            times = {"seconds": self.took, "rewards_seconds": parts.get("_calculate_rewards")}
            run.append("log.jsonl", {"step": step, **times, **values, "profile": parts})
            reward = f"reward {values['reward']:.3f}, std {values['reward_std']:.3f}"
            print(f"step {step}: {reward}, {self.took:.2f} s", flush=True)
            if step % run.recipe.show_every == 0:
                sample = observed.sample(extractor)
                run.append("samples.jsonl", {"step": step, **sample})
                print("\n".join(f"  {key}: {value}" for key, value in sample.items()), flush=True)

    return Watch()


def number(value: Any) -> float | None:
    """Return a logged value as a number, None for what JSON has no number for."""
    return float(value) if math.isfinite(float(value)) else None


def make_trainer(
    run: Run, backend: Backend, config: Any, rows: Sequence[Row], held_out: Sequence[Row]
) -> Any:
    """Return TRL's trainer (Unsloth's, once that is imported), each term of a sum by itself."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOTrainer

    rewards = split(run.recipe.rewards).reward_funcs
    observed = Observed(rewards[0])
    evaluates = run.recipe.training.eval_steps is not None
    trainer = GRPOTrainer(
        model=backend.model,
        processing_class=backend.tokenizer,
        reward_funcs=[observed, *rewards[1:]],
        args=config,
        train_dataset=Dataset.from_list(list(rows)),
        eval_dataset=Dataset.from_list(list(held_out)) if evaluates else None,
        callbacks=[make_watch(run, observed)],
    )
    trainer.remove_callback(PrinterCallback)  # it prints a dictionary for each step
    return trainer


def blank_tensors(adapter: Path) -> list[str]:
    """Return the names of the saved adapter's tensors that are all zeros: what did not train."""
    from safetensors.torch import load_file

    saved = load_file(adapter / "adapter_model.safetensors")
    return [name for name, tensor in saved.items() if not tensor.any()]


def compare(run: Run, backend: Backend, rows: Sequence[Row]) -> Row:
    """Return what some rows come to without the adapter and with it: means, and the responses."""
    recipe = run.recipe
    some = random.Random(3407).sample(rows, min(recipe.compare.rows, len(rows)))  # noqa: S311 - no secrets
    changes = {"max_tokens": recipe.training.max_completion_length, "seed": 3407}
    if recipe.training.sampling.temperature is None:
        changes["temperature"] = 1
    sampling = recipe.training.sampling.model_copy(update=changes)
    found: Row = {"questions": [row["question"] for row in some]}
    for side, adapter in (("without", False), ("with", True)):
        answers = backend.generate([row["prompt"] for row in some], sampling, adapter=adapter)
        found[side] = {**measure(run, backend.tokenizer, some, answers), "responses": answers}
    return found


def measure(run: Run, tokenizer: Any, rows: Sequence[Row], answers: Sequence[str]) -> Row:
    """Return the means of responses: of each reward, of copies, of the language looked for."""
    batch: Row = {name: [row[name] for row in rows] for name in rows[0]}
    batch["prompts"], batch["completions"] = batch.pop("prompt"), answers
    batch["completion_ids"] = [tokens(tokenizer, answer) for answer in answers]
    copies = rk.build("prompt_overlap", ngram=6)(**batch)
    found: Row = {
        "rows": len(rows),
        "distinct": len(set(answers)) / len(answers),
        "repeats_six_words": fmean(value != 0 for value in copies),
        "characters": fmean(map(len, answers)),
    }
    if (label := run.recipe.compare.language) is not None:
        options = {"candidates": run.recipe.compare.candidates, "no_letters": 0.0}
        language = rk.build("language", scores={label: 1.0}, **options)
        found[f"in_{label}"] = fmean(value or 0.0 for value in language(**batch))
    for reward in split(run.recipe.rewards).reward_funcs:
        known = [value for value in reward(**batch) if value is not None]
        found[reward.__name__] = fmean(known) if known else None
    return found


# What is saved, and whether it is what was trained ------------------------------------------------

BOUND = 0.1
"""How far, in nats, a token's log-probability may be off on average in a model that was reloaded,
since other kernels sum in another order."""

ROUNDING = 2.0**-8
"""How far merged weights may be off, as a share of their norm. bfloat16 keeps 8 bits of a number,
so that rounding moves none by more than this share of itself."""


class Saved(NamedTuple):
    """A model on the disk: a folder or a name, and the adapter that goes on it."""

    name: str
    adapter: Path | None = None
    in_4bit: bool = False


def logprobs(model: Any, ids: Sequence[int], start: int) -> list[float]:
    """Return the log-probability of each token from `start` on, given those before it."""
    import torch

    given = torch.tensor([list(ids)], device=model.device)
    half = torch.autocast("cuda", torch.bfloat16) if given.is_cuda else nullcontext()
    with torch.no_grad(), half:
        logits = model(input_ids=given).logits[0, start - 1 : -1].float()
    values: list[float] = logits.log_softmax(-1).gather(-1, given[0, start:, None])[:, 0].tolist()
    return values


def reload(models: Sequence[Saved], ids: Sequence[int], start: int) -> list[tuple[Any, str]]:
    """Return, for each saved model, its log-probabilities of the tokens, and its greedy text.

    For a process of its own, with plain transformers, in which nothing has been trained.
    """
    import torch
    from transformers import AutoTokenizer

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    given = torch.tensor([list(ids[:start])], device=device)
    most = {"do_sample": False, "max_new_tokens": len(ids) - start}
    found = []
    for name, adapter, in_4bit in models:
        model = plain_model(name, adapter=adapter, in_4bit=in_4bit, device=device).eval()
        tokenizer = AutoTokenizer.from_pretrained(adapter or name)
        with torch.no_grad():
            made = model.generate(input_ids=given, attention_mask=torch.ones_like(given), **most)
        text = str(tokenizer.decode(made[0, start:], skip_special_tokens=True))
        found.append((logprobs(model, ids, start), text))
    return found


def merged_apart(name: str, adapter: Path, merged: Path) -> dict[str, float] | None:
    """Return how far the merged weights are from base plus adapter, and how far those from base.

    Both as shares of the weights' norm, over all the layers that were trained; None where the base
    is stored in 4 bits. For a process of its own.
    """
    import torch

    trained = plain_model(name, adapter=adapter)
    saved = plain_model(merged)
    squares = {"off": 0.0, "learnt": 0.0, "weights": 0.0}
    with torch.no_grad():
        for path, layer in trained.get_base_model().named_modules():
            if not hasattr(layer, "get_delta_weight"):
                continue
            base, found = layer.base_layer.weight, saved.get_submodule(path).weight
            if base.shape != found.shape:
                return None
            learnt = layer.get_delta_weight("default").float()
            wanted = base.float() + learnt
            apart = {"off": found.float() - wanted, "learnt": learnt, "weights": wanted}
            for kind, tensor in apart.items():
                squares[kind] += float(tensor.double().square().sum())
    return {kind: (squares[kind] / squares["weights"]) ** 0.5 for kind in ("off", "learnt")}


def alone(function: Any, *arguments: Any) -> Any:
    """Call a function in a new Python, in which nothing has been patched or loaded."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def check_saved(run: Run, backend: Backend, prompt: Any) -> Row:
    """Reload what was saved, and set it against the trained model in memory.

    Compared are the greedy answer to one prompt, and the log-probabilities of its tokens; the model
    without the adapter shows how far apart two different models are. A merged model is one that was
    rounded, so its weights are compared as well, and decide.
    """
    os.environ["UNSLOTH_RETURN_HIDDEN_STATES"] = "0"  # its trainer asks for them in place of logits
    model, tokenizer = backend.model, backend.tokenizer
    (answer,) = backend.generate([prompt], Sampling(temperature=0, max_tokens=64), adapter=True)
    ids = tokens(tokenizer, prompt)
    start = len(ids)
    ids += tokenizer(answer, add_special_tokens=False)["input_ids"] or [tokenizer.eos_token_id]
    model.eval()
    mine = logprobs(model, ids, start)
    with model.disable_adapter():
        found: Row = {"answer": answer, "without_adapter": apart(mine, logprobs(model, ids, start))}
    name, in_4bit = run.recipe.model.name, run.recipe.model.load_in_4bit
    saved = {"adapter": Saved(name, run.path / "adapter", in_4bit and installed("bitsandbytes"))}
    if (merged := run.path / "merged_16bit").exists():
        saved["merged_16bit"] = Saved(str(merged))
    reloaded = alone(reload, [*saved.values()], ids, start)
    for what, (theirs, said) in zip(saved, reloaded, strict=True):
        far, same = apart(mine, theirs), said.strip() == answer.strip()
        found[what] = {**far, "same_text": same, "fits": same or far["mean"] <= BOUND}
    if "merged_16bit" in found:
        weights = alone(merged_apart, name, run.path / "adapter", merged)
        found["merged_16bit"] |= {"weights": weights}
        if weights is not None:  # rounding may well change what is said: see the weights themselves
            found["merged_16bit"]["fits"] = weights["off"] <= min(ROUNDING, weights["learnt"])
    return found


def apart(mine: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Return the mean and the greatest distance between two models' log-probabilities."""
    distances = [abs(a - b) for a, b in zip(mine, theirs, strict=True)]
    return {"mean": fmean(distances), "greatest": max(distances)}


def save_more(run: Run, backend: Backend) -> None:
    """Write the merged models and the GGUF files that the recipe asks for."""
    save, merged = run.recipe.save, run.path / "merged_16bit"
    if save.merged_16bit or save.merged_4bit or save.gguf:
        backend.save_merged(merged)
    if save.merged_4bit:
        alone(save_4bit, run.path) if can_4bit() else run.notes.append(
            "save.merged_4bit: needs a GPU and bitsandbytes; not written"
        )
    if save.gguf:
        run.notes += save_gguf(merged, save.gguf)


def can_4bit() -> bool:
    """Return whether this machine can hold weights in 4 bits."""
    import torch

    return bool(torch.cuda.is_available() and installed("bitsandbytes"))


def save_4bit(folder: Path) -> None:
    """Write the merged model once more, in 4 bits. For a process of its own."""
    from transformers import AutoTokenizer

    source, target = folder / "merged_16bit", folder / "merged_4bit"
    plain_model(source, in_4bit=True).save_pretrained(target)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)


def save_gguf(merged: Path, kinds: Sequence[str]) -> list[str]:
    """Convert the merged model with llama.cpp, once for each kind; return notes."""
    places = (os.environ.get("LLAMA_CPP_PATH", "llama.cpp"), Path.home() / ".unsloth/llama.cpp")
    scripts = [Path(place) / "convert_hf_to_gguf.py" for place in places]
    script = next((script for script in scripts if script.exists()), None)
    if script is None:
        return ["save.gguf: no llama.cpp here; clone it, and name its folder in LLAMA_CPP_PATH"]
    tool = shutil.which("llama-quantize", path=f"{script.parent}/build/bin:{os.environ['PATH']}")
    notes, made = [], set()
    for kind in kinds:
        first = kind if kind in ("f16", "q8_0") else "f16"  # the rest is made from it
        if kind != first and tool is None:
            notes.append(f"save.gguf: {kind} needs llama-quantize; build it, and run again")
            continue
        source, target = (merged.with_name(f"model-{name}.gguf") for name in (first, kind))
        convert = [sys.executable, str(script), str(merged), "--outfile", str(source)]
        steps = [] if first in made else [[*convert, "--outtype", first]]
        steps += [] if kind == first else [[str(tool), str(source), str(target), kind.upper()]]
        done = all(subprocess.run(step, check=False).returncode == 0 for step in steps)  # noqa: S603 - the user's own llama.cpp
        made |= {first} if done else set()
        notes.append(f"save.gguf: {'wrote' if done else 'llama.cpp could not write'} {target.name}")
    return notes


def push(run: Run, name: str) -> None:
    """Upload what was saved to the hub: the adapter under the name, the rest under longer ones."""
    from huggingface_hub import HfApi

    api = HfApi()
    for folder in (run.path / "adapter", run.path / "merged_16bit", run.path / "merged_4bit"):
        if folder.exists():
            repo = name if folder.name == "adapter" else f"{name}-{folder.name}"
            api.create_repo(repo, exist_ok=True)
            api.upload_folder(repo_id=repo, folder_path=folder)
            run.notes.append(f"pushed {folder.name} to {repo}")
    for file in run.path.glob("*.gguf"):
        api.create_repo(f"{name}-gguf", exist_ok=True)
        api.upload_file(repo_id=f"{name}-gguf", path_or_fileobj=file, path_in_repo=file.name)
        run.notes.append(f"pushed {file.name} to {name}-gguf")


# The summary --------------------------------------------------------------------------------------


def series(steps: Sequence[Row]) -> dict[str, list[float]]:
    """Return the values over the steps of what is drawn: every reward, their spread, the length."""
    rewards = [key for key in steps[0] if key.startswith("rewards/") and key.endswith("/mean")]
    others = [key for key in ("completions/mean_length", "kl") if key in steps[0]]
    keys = ["reward", "reward_std", *rewards, *others]
    return {
        key.removeprefix("rewards/").removesuffix("/mean"): [
            math.nan if row[key] is None else row[key] for row in steps
        ]
        for key in keys
    }


def draw(folder: Path) -> None:
    """Draw a run's log into plots.svg: a panel for every reward, reward_std and the length."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    steps = read_log(folder)
    lines = series(steps)
    at = [row["step"] for row in steps]
    tall = math.ceil(len(lines) / 3)
    figure, axes = plt.subplots(tall, 3, figsize=(12, 2.6 * tall), layout="constrained")
    for axis in axes.flat[len(lines) :]:
        axis.set_axis_off()
    for axis, (name, values) in zip(axes.flat, lines.items(), strict=False):
        axis.plot(at, values, color="tab:blue", alpha=0.3)
        smooth = [fmean(values[max(0, end - 10) : end]) for end in range(1, len(values) + 1)]
        axis.plot(at, smooth, color="tab:blue")
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    figure.savefig(folder / "plots.svg")
    plt.close(figure)


def summarise(steps: Sequence[Row]) -> Row:
    """Return the first and last ten steps' means, the time a step, and the rewards_share of it."""
    later = steps[1:] or steps  # the first one compiles
    scoring = [row["rewards_seconds"] or 0.0 for row in later]
    whole = sum(row["seconds"] for row in later)
    return {
        "steps": len(steps),
        "seconds_a_step": median(row["seconds"] for row in later),
        "rewards_share": sum(scoring) / whole if any(scoring) else None,
        "means": {
            name: {"first_ten": fmean(values[:10]), "last_ten": fmean(values[-10:])}
            for name, values in series(steps).items()
        },
    }


def show(summary: Row) -> None:
    """Print the summary."""

    def table(title: str, left: str, right: str, rows: Mapping[str, Sequence[Any]]) -> None:
        print(f"\n{title:36}{left:>12}{right:>12}")
        for name, pair in rows.items():
            print(f"{name[:35]:36}" + "".join(f"{value:12.3f}" for value in pair))

    means = {name: [*pair.values()] for name, pair in summary["means"].items()}
    table("training", "first ten", "last ten", means)
    sides = summary["without"], summary["with"]
    both = {name: [side[name] for side in sides] for name in sides[0] if name != "rows"}
    known = {name: pair for name, pair in both.items() if None not in pair}
    table(f"{sides[0]['rows']} rows, one response each", "without", "with", known)
    steps, took, share = (summary[key] for key in ("steps", "seconds_a_step", "rewards_share"))
    told = "not profiled" if share is None else f"{share:.3%} of it"
    print(f"\n{steps} steps, {took:.3f} s each (median), the rewards {told}", flush=True)


# All of it ----------------------------------------------------------------------------------------


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Train a language model with GRPO from a recipe.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--output", type=Path, help="the run folder; default runs/RECIPE")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--preflight", action="store_true", help="look at data and rewards only")
    parser.add_argument("--gpu", help="the number of the GPU to use; default the first one")
    parser.add_argument("--backend", choices=("unsloth", "trl"))
    parser.add_argument("--model", help="another model: a name or a folder")
    parser.add_argument("--steps", type=int, help="another number of steps")
    parser.add_argument("--seed", type=int, help="another seed for the trainer")
    parser.add_argument("--report-to", help="trackers, with commas between them; or none")
    parser.add_argument("--no-vllm", action="store_true", help="generate without vLLM")
    return parser.parse_args(arguments)


def changes_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line changes in the recipe, by key path."""
    trackers = args.report_to and [name for name in args.report_to.split(",") if name != "none"]
    changes = {
        "backend": args.backend,
        "model.name": args.model,
        "model.fast_inference": False if args.no_vllm else None,
        "training.max_steps": args.steps,
        "training.seed": args.seed,
        "report_to": trackers,
    }
    return {place: value for place, value in changes.items() if value is not None}


TRACKER_FOLDERS = {
    "SWANLAB_LOG_DIR": "swanlab",
    "TENSORBOARD_LOGGING_DIR": "tensorboard",
    "TRACKIO_DIR": "trackio",
    "WANDB_DIR": "",  # wandb makes a folder of its name in it
}
"""Where each tracker writes in the run folder, by the variable that tells it."""


def leads() -> bool:
    """Return whether this process speaks and writes, of those that accelerate launches."""
    return os.environ.get("RANK", "0") == "0"


def set_up(run: Run, gpu: str | None) -> None:
    """Pick a GPU, keep the trackers in the run folder, see that what the run needs is there."""
    if "WORLD_SIZE" not in os.environ:  # under accelerate launch each process has its own
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        os.environ["CUDA_VISIBLE_DEVICES"] = first if gpu is None else gpu
    for name, folder in TRACKER_FOLDERS.items():
        os.environ.setdefault(name, str(run.path / folder))
    for name in ("trl", "peft", "datasets", *run.recipe.report_to):
        if not installed(name):
            raise RecipeError(f"{name} is not installed; pip install {name}")
    if run.recipe.backend == "unsloth":
        run.notes += choose_padding(vllm=run.recipe.model.fast_inference and installed("vllm"))
        needed("unsloth", "pip install unsloth, or choose --backend trl")
    from trl import GRPOConfig

    translate(run.recipe.training.more, GRPOConfig.__dataclass_fields__)  # an unknown one ends here


def choose_padding(*, vllm: bool) -> list[str]:
    """Have Unsloth pad a batch where it could only slowly do without; return a note on it.

    Under vLLM, Unsloth lays a batch's rows end to end. Without a kernel for that (flash-attn,
    xformers, or torch 2.12) it calls attention once for every run of equal lengths, which takes a
    small model longer than the padding does. UNSLOTH_GRPO_SEQ_PACKING, where it is set, decides.
    """
    from packaging.version import Version

    kernel = installed("flash_attn") or installed("xformers")
    if not vllm or kernel or Version(version("torch")) >= Version("2.12"):
        return []
    if os.environ.setdefault("UNSLOTH_GRPO_SEQ_PACKING", "0") != "0":
        return []
    return ["completions are padded: end to end they need flash-attn, xformers or torch 2.12"]


def main(args: argparse.Namespace) -> int:
    """Do it all; return 1 where the preflight or what was saved is not as it must be, else 0."""
    recipe = read_recipe(args.recipe, changes_of(args))
    run = Run(recipe, args.output or Path("runs", args.recipe.stem))
    rows, held_out = hold_out(prepare(recipe, load_rows(recipe.data)), recipe.data.held_out)
    found = check_rewards(recipe, [*rows, *held_out])
    if leads():
        print(findings(found), flush=True)
    if found.problems or args.preflight:
        return int(bool(found.problems))
    if leads():
        run.look(resume=args.resume)
    set_up(run, args.gpu)
    backend = {"unsloth": Unsloth, "trl": Trl}[recipe.backend](recipe, run.notes)
    run.notes.append(count_parameters(backend.model))
    own = own_tokens(backend.tokenizer) or "none"
    run.notes.append(f"think and role tokens of the model's own: {own}")
    rows, limit = fit_prompts(run, rows, backend.tokenizer)
    config = make_config(run, backend, limit)
    checkpoint = run.checkpoint() if args.resume else None
    if leads():
        begin(run, backend, checkpoint, resume=args.resume)
    trainer = make_trainer(run, backend, config, rows, held_out)
    if checkpoint and at_its_end(checkpoint, config):  # the trainer would take one step more
        backend.model.load_adapter(str(checkpoint), "default", is_trainable=True)
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if not held_out:
        run.notes.append("compared on rows that were trained on; data.held_out keeps some from it")
    return finish(run, backend, held_out or rows) if leads() else 0


def begin(run: Run, backend: Backend, checkpoint: Path | None, *, resume: bool) -> None:
    """Open the run folder, and let the plain model answer once."""
    run.open()
    run.rewind(step_of(checkpoint))
    print("\n".join(run.notes), flush=True)
    if "swanlab" in run.recipe.report_to:  # the callback of transformers looks for an open run
        importlib.import_module("swanlab").init(experiment_name=run.path.name)
    if checkpoint is None:
        if resume:
            print("no checkpoint is there: from the first step on", flush=True)
        before = ask(run, backend, adapter=False, system=True, most=1)
        run.write("before.json", before)
        print(f"before: {before[0]['question']}\n  {before[0]['response']}", flush=True)
    else:
        print(f"going on after step {step_of(checkpoint)}", flush=True)


def finish(run: Run, backend: Backend, rows: Sequence[Row]) -> int:
    """Save, ask again and compare; merge, convert, reload what was saved, push; and sum up."""
    backend.save_adapter(run.path / "adapter")
    summary = look_back(run, backend, rows)
    run.write("summary.json", summary)  # before anything that may fail
    save_more(run, backend)
    blank = blank_tensors(run.path / "adapter")
    saved = check_saved(run, backend, rows[0]["prompt"])
    bounds = {"bound": BOUND, "rounding": ROUNDING}
    run.write("checks.json", {"blank_tensors": blank, **bounds, **saved})
    changed = [name for name, check in saved.items() if "fits" in check and not check["fits"]]
    run.notes.append(f"adapter tensors that are all zeros: {len(blank)}")
    run.notes.append(f"not the same once reloaded: {', '.join(changed) or 'none'}")
    wrong = bool(blank or changed)
    if run.recipe.save.push_to_hub and wrong:
        run.notes.append("save.push_to_hub: not pushed, since what was saved is not as it must be")
    elif run.recipe.save.push_to_hub:
        push(run, run.recipe.save.push_to_hub)
    run.write("summary.json", {**summary, "notes": run.notes})
    show(summary)
    print("", *run.notes, sep="\n", flush=True)
    return int(wrong)


def look_back(run: Run, backend: Backend, rows: Sequence[Row]) -> Row:
    """Ask again with and without the adapter, compare the two over rows, draw; return the sums."""
    ways = [(adapter, system) for adapter in (False, True) for system in (False, True)]
    most = len(run.recipe.probe.questions)
    answers = [ask(run, backend, adapter=a, system=system, most=most) for a, system in ways]
    run.write("after.json", [answer for way in answers for answer in way])
    comparison = compare(run, backend, rows)
    run.write("comparison.json", comparison)
    if installed("matplotlib"):
        draw(run.path)
    else:
        run.notes.append("no plots without matplotlib; draw(Path(FOLDER)) makes them from the log")
    sides = {side: {**comparison[side]} for side in ("without", "with")}
    for side in sides.values():
        del side["responses"]
    return {**summarise(read_log(run.path)), **sides}


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        sys.exit(main(parse()))
    except RecipeError as error:
        sys.exit(f"train_grpo: {error}")
