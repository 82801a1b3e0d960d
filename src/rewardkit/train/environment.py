"""The machine: packages, the GPU, the hub, the trackers' folders, and which process this is."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rewardkit import __version__
from rewardkit._optional import require
from rewardkit.train.recipe import Recipe, RecipeError
from rewardkit.train.recipe_sections import Data

TRACKER_FOLDERS = {
    "SWANLAB_LOG_DIR": "swanlab",
    "TENSORBOARD_LOGGING_DIR": "tensorboard",
    "TRACKIO_DIR": "trackio",
    "WANDB_DIR": "",  # wandb creates a folder of its own name in it
}
"""Where each tracker writes in the run folder, by the environment variable that it reads."""


def is_main_process() -> bool:
    """Tell whether this process prints and writes, among those that accelerate launches."""
    return os.environ.get("RANK", "0") == "0"


def is_installed(name: str) -> bool:
    """Tell whether a package can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def require_installed(name: str, *, install: str) -> None:
    """Raise ImportError with the command that installs a missing package."""
    # not imported when present: Unsloth has to be the first to import TRL and transformers
    if not is_installed(name):
        require(name, install=install)


def can_load_4bit() -> bool:
    """Tell whether this machine can hold weights in 4 bits."""
    import torch

    return bool(torch.cuda.is_available() and is_installed("bitsandbytes"))


@contextmanager
def set_environment(path: Path, gpu: str | None) -> Iterator[None]:
    """Choose a GPU and keep the trackers' files in the run folder; both until the end."""
    # tokenizers warn, in every forked worker, where they could have used threads before
    chosen = {"TOKENIZERS_PARALLELISM": "false"}
    chosen |= {variable: str(path / folder) for variable, folder in TRACKER_FOLDERS.items()}
    changes = {name: value for name, value in chosen.items() if name not in os.environ}
    if "WORLD_SIZE" not in os.environ:  # accelerate launch gives each process its own GPU
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        changes["CUDA_VISIBLE_DEVICES"] = first if gpu is None else gpu
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        # a notebook may call `run` again, with another folder
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def check_packages(recipe: Recipe) -> None:
    """Raise ImportError for a package that the recipe needs, before anything is loaded."""
    for name in ("trl", "peft", "datasets"):
        require_installed(name, install="rewardkit[train]")
    for name in recipe.report_to:
        require_installed(name, install=name)
    if recipe.backend == "unsloth" and not is_installed("unsloth"):
        raise RecipeError("unsloth is not installed; pip install unsloth, or use --backend trl")


def choose_padding(*, vllm: bool) -> list[str]:
    """Make Unsloth pad a batch where packing would be slow; return a note on it.

    Under vLLM, Unsloth packs a batch's rows end to end. Without a kernel for that (flash-attn,
    xformers, or torch 2.12) it calls attention once per run of equal lengths, which takes longer
    than padding for a small model. UNSLOTH_GRPO_SEQ_PACKING decides where it is set.
    """
    from packaging.version import Version

    has_kernel = is_installed("flash_attn") or is_installed("xformers")
    if not vllm or has_kernel or Version(version("torch")) >= Version("2.12"):
        return []
    if os.environ.setdefault("UNSLOTH_GRPO_SEQ_PACKING", "0") != "0":
        return []
    return ["completions are padded; packing needs flash-attn, xformers or torch 2.12"]


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a run depends on, and the GPU's name."""
    import torch

    names = ["trl", "transformers", "peft", "accelerate", "datasets", "torch"]
    names += ["unsloth", "unsloth_zoo", "vllm", "bitsandbytes", "langid"]
    found = {"python": sys.version.split()[0], "rewardkit": __version__}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return {**found, "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none"}


def call_in_new_process(function: Any, *arguments: Any) -> Any:
    """Call a function in a new Python process, in which nothing has been patched or loaded."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


# The hub ------------------------------------------------------------------------------------------

HUB_TIMEOUT_SECONDS = 5
"""How long to wait for the hub's answer before a run says that it cannot be reached."""


def describe_hub_needs(recipe: Recipe, *, with_model: bool) -> list[str]:
    """Say what the recipe takes from the hub, and which local file or folder would do instead.

    >>> describe_hub_needs(Recipe.load("smollm2_length"), with_model=True)
    ['from the hub: the model HuggingFaceTB/SmolLM2-135M-Instruct (or a folder: --model FOLDER)']
    """
    lines = []
    if with_model and not Path(recipe.model.name).is_dir():
        lines.append(f"from the hub: the model {recipe.model.name} (or a folder: --model FOLDER)")
    if recipe.data.hub is not None:
        wanted = ", ".join(_list_dataset_columns(recipe))
        file = f"--data FILE: .jsonl or .parquet with the columns {wanted}"
        lines.append(f"from the hub: the dataset {recipe.data.hub} (or {file})")
    return lines


def _list_dataset_columns(recipe: Recipe) -> list[str]:
    in_prompt = re.findall(r"\{([^{}]+)\}", recipe.prompt.user)
    return [*in_prompt, *([] if recipe.data.answer is None else [recipe.data.answer])]


def check_hub_model(recipe: Recipe) -> None:
    """Raise RecipeError if the model is neither on this machine nor available from the hub.

    transformers would report it only after its retries, and after the data and the preflight.
    """
    name = recipe.model.name
    # UNSLOTH_USE_MODELSCOPE and VLLM_USE_MODELSCOPE load from another hub
    if Path(name).is_dir() or any("MODELSCOPE" in variable for variable in os.environ):
        return
    from huggingface_hub import HfApi, constants, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(name, "config.json"), str):
        return
    # Unsloth replaces many names by its own copies, which may be in the cache under their names
    copies = Path(constants.HF_HUB_CACHE).glob("models--unsloth--*")
    if recipe.backend == "unsloth" and any(copies):
        return
    advice = "give a local folder with --model FOLDER"
    with _explaining_hub(f"model.name: {name!r} is not a folder here", advice):
        HfApi().model_info(name, timeout=HUB_TIMEOUT_SECONDS)


def check_hub_dataset(data: Data) -> None:
    """Raise RecipeError if the dataset is neither on this machine nor available from the hub.

    datasets would report it only after five retries, each with a warning.
    """
    name = data.hub
    if name is None or Path(name).is_dir() or not is_installed("datasets"):
        return
    from datasets import config
    from huggingface_hub import HfApi, constants

    prepared = Path(config.HF_DATASETS_CACHE) / name.replace("/", "___")
    downloaded = Path(constants.HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}"
    if prepared.is_dir() or downloaded.is_dir():
        return
    advice = "a local .jsonl, .json or .parquet file works too: --data FILE"
    with _explaining_hub(f"data.hub: {name!r} is not on this machine", advice):
        HfApi().dataset_info(name, timeout=HUB_TIMEOUT_SECONDS)


@contextmanager
def _explaining_hub(problem: str, advice: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whichever HTTP client is installed
        reason = str(error).partition("\n")[0]
        raise RecipeError(f"{problem}, and the hub says: {reason}; {advice}") from None
