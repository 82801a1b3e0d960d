"""From a recipe to the installed TRL's GRPOConfig, whose fields change from version to version."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, get_type_hints

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from rewardkit._messages import did_you_mean, shorten_repr, translate_phrases
from rewardkit.adapters.trl import split
from rewardkit.train.backends import Backend
from rewardkit.train.environment import is_installed
from rewardkit.train.folder import RunFolder
from rewardkit.train.recipe import Recipe, RecipeError
from rewardkit.train.recipe_sections import Sampling, Training

RENAMED_ARGUMENTS = [
    {"use_liger_loss", "use_liger_kernel"},
    {"wandb_log_unique_prompts", "log_unique_prompts"},
    {"vllm_guided_decoding_regex", "vllm_structured_outputs_regex"},
    {"use_transformers_paged", "use_transformers_continuous_batching"},
    {"gradient_checkpointing", "activation_checkpointing"},
]
"""GRPOConfig's fields that had another name in an older TRL, or have one in a newer."""


def translate_arguments(
    wanted: Mapping[str, Any], known: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments under the names that are `known`, and a note for each change.

    `known` are the fields of the installed GRPOConfig. Raises RecipeError for an argument that has
    no name there.
    """
    arguments, notes = {}, []
    for name, value in wanted.items():
        pairs = [pair for pair in RENAMED_ARGUMENTS if name in pair]
        other_names = [other for pair in pairs for other in pair - {name} if other in known]
        if name in known:
            arguments[name] = value
        elif name == "warmup_ratio":
            # newer transformers read a warmup_steps below 1 as a share of all steps
            arguments["warmup_steps"] = value
            notes.append(f"warmup_ratio: called warmup_steps here, {value} of all steps")
        elif name == "max_prompt_length":
            notes.append("max_prompt_length: not in this TRL; rows with longer prompts are dropped")
        elif other_names:
            arguments[other_names[0]] = value
            notes.append(f"{name}: called {other_names[0]} here")
        else:
            near = did_you_mean(name, known)
            raise RecipeError(f"training.more.{name}: the installed TRL has no such argument{near}")
    return arguments, notes


def check_training_values(training: Training, config_class: Any) -> None:
    """Raise RecipeError for a value that the installed GRPOConfig cannot take.

    GRPOConfig itself is made after the weights are loaded, and does not check all of its types.
    """
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    kinds = {"lr_scheduler_type": SchedulerType, "optim": OptimizerNames}
    for name, kind in kinds.items():
        value = getattr(training, name)
        known = [member.value for member in kind]
        if value is not None and value not in known:
            hint = did_you_mean(value, known) or f"; expected one of {', '.join(known)}"
            raise RecipeError(f"training.{name}: got {shorten_repr(value)}{hint}")
    types = _read_field_types(config_class)
    for name, value in training.more.items():
        try:
            TypeAdapter(types.get(name, Any)).validate_python(value)
        except ValidationError as error:
            problems = [translate_phrases(problem["msg"]) for problem in error.errors()]
            # pydantic adds that it tried to read text as a number, which a recipe never relies on
            expected = dict.fromkeys(problem.partition(", unable")[0] for problem in problems)
            message = f"got {shorten_repr(value)}, expected {' or '.join(expected)}"
            raise RecipeError(f"training.more.{name}: {message}") from None
        except PydanticSchemaGenerationError:
            continue  # a type of the trainer's own


def _read_field_types(config_class: Any) -> dict[str, Any]:
    try:
        return get_type_hints(config_class)
    except (NameError, TypeError):  # names that only a type checker imports
        return {}


def collect_arguments(
    recipe: Recipe, limit: int | None, eos: str | None, *, vllm: bool
) -> tuple[dict[str, Any], list[str]]:
    """Collect the recipe's arguments for GRPOConfig, not translated yet, and notes on changes."""
    training = recipe.training
    not_arguments = {"sampling", "more", "prompt_quantile", "eval_steps"}
    wanted = {
        name: value for name, value in training if name not in not_arguments and value is not None
    }
    if limit is not None:
        wanted["max_prompt_length"] = limit
    wanted.setdefault("max_completion_length", recipe.model.max_seq_length - (limit or 0))
    wanted["reward_weights"] = split(recipe.rewards).reward_weights
    batch_size, notes = _fit_batch_to_groups(training)
    wanted["per_device_train_batch_size"] = batch_size
    if training.eval_steps is not None:
        wanted |= {
            "eval_strategy": "steps",
            "eval_steps": training.eval_steps,
            # evaluation has groups of the same size, and TRL refuses a part of one
            "per_device_eval_batch_size": training.num_generations,
        }
    sampled, changed = collect_sampling_arguments(training.sampling, eos, vllm=vllm)
    # `more` comes last, so that a recipe overrides what is chosen here
    return {**wanted, **sampled, **training.more}, [*changed, *notes]


def _fit_batch_to_groups(training: Training) -> tuple[int, list[str]]:
    batch, group = training.per_device_train_batch_size, training.num_generations
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    # TRL requires whole groups per step over all processes, and checks it only with a model loaded
    if batch * processes * training.gradient_accumulation_steps % group == 0:
        return batch, []
    return group, [f"per_device_train_batch_size: {batch} raised to {group}, a whole group"]


def collect_sampling_arguments(
    sampling: Sampling, eos: str | None, *, vllm: bool
) -> tuple[dict[str, Any], list[str]]:
    """Collect GRPOConfig's arguments for how completions are sampled, and notes on changes."""
    wanted, notes = sampling.options(), []
    if wanted.get("top_k") == -1 and not vllm:
        wanted["top_k"] = 0  # transformers' value for all tokens
    if sampling.stop_at_eos and vllm:
        stop = {"stop": [eos], "include_stop_str_in_output": sampling.keep_stop}
        wanted["generation_kwargs"] = stop
    elif sampling.stop_at_eos:
        notes.append("sampling.stop_at_eos: transformers always stops at EOS, and keeps it")
    if sampling.seed is not None:
        # vLLM would give all completions of a group one seed, and so one text
        notes.append(
            "sampling.seed: not used in training, where it would make a group's rows equal"
        )
    if sampling.max_tokens is not None:
        notes.append("sampling.max_tokens: training uses max_completion_length")
    return wanted, notes


def make_config(folder: RunFolder, backend: Backend, limit: int | None) -> Any:
    """Make the installed TRL's GRPOConfig; the folder's notes name each change."""
    import torch
    from trl import GRPOConfig

    recipe = folder.recipe
    gpu = torch.cuda.is_available()
    bf16 = gpu and torch.cuda.is_bf16_supported()
    eos = backend.tokenizer.eos_token
    wanted, notes = collect_arguments(recipe, limit, eos, vllm=backend.vllm)
    if "8bit" in str(wanted.get("optim")) and not (gpu and is_installed("bitsandbytes")):
        notes.append(f"optim: {wanted['optim']} needs a GPU and bitsandbytes; adamw_torch here")
        wanted["optim"] = "adamw_torch"
    defaults = {
        **backend.arguments,
        "output_dir": str(folder.path / "checkpoints"),
        "run_name": folder.path.name,
        "report_to": list(recipe.report_to) or "none",
        "gradient_checkpointing": bool(recipe.model.gradient_checkpointing),
        "bf16": bf16,
        "fp16": gpu and not bf16,
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,  # the log has a row for every step
        "save_strategy": "steps",
        "save_total_limit": 2,  # one may be half written when the run is killed
        "disable_tqdm": True,
    }
    known = GRPOConfig.__dataclass_fields__
    if "logging_dir" in known:  # newer versions read TENSORBOARD_LOGGING_DIR
        defaults["logging_dir"] = str(folder.path / "tensorboard")
    arguments, renamed = translate_arguments({**defaults, **wanted}, known)
    folder.notes += notes + renamed
    return GRPOConfig(**arguments)
