"""What is saved: merged models, GGUF, the hub; and whether it is the model that was trained."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from rewardkit.train.backends import Backend, load_model
from rewardkit.train.environment import call_in_new_process, can_load_4bit, is_installed
from rewardkit.train.folder import RunFolder
from rewardkit.train.recipe_sections import Row, Sampling
from rewardkit.train.tokens import encode_prompt

# Whether it is what was trained -------------------------------------------------------------------

MAX_MEAN_DISTANCE_NATS = 0.1
"""How far a token's log-probability may be off on average in a reloaded model, since other kernels
sum in another order."""

MAX_ROUNDING_SHARE = 2.0**-8
"""How far merged weights may be off, as a share of their norm: bfloat16 keeps 8 bits of a number,
so rounding moves none by more than this share."""

CHECKED_TOKENS = 64
"""The length of the greedy answer that is compared: enough to distinguish two models."""


class SavedModel(NamedTuple):
    """A model on the disk: a folder or a name, and the adapter for it."""

    name: str
    adapter: Path | None = None
    in_4bit: bool = False


class Reloaded(NamedTuple):
    """What a new process found in the saved models."""

    outputs: list[tuple[list[float], str]]
    """For each model, the log-probabilities of the tokens, and its greedy text."""
    weights: dict[str, float] | None
    """How far merged weights are off; None without a merged model to compare."""


def find_blank_tensors(adapter: Path) -> list[str]:
    """Find the saved adapter's tensors that are all zeros: they were not trained."""
    # LoRA's second matrix starts as zeros, and any gradient changes it
    from safetensors.torch import load_file

    saved = load_file(adapter / "adapter_model.safetensors")
    return [name for name, tensor in saved.items() if not tensor.any()]


def check_saved(folder: RunFolder, backend: Backend, prompt: Any) -> Row:
    """Reload what was saved, and compare it with the trained model in memory.

    Compared are the greedy answer to one prompt and the log-probabilities of its tokens; the model
    without the adapter shows how far apart two different models are. A merged model is rounded,
    which can move both, so its weights are compared as well, and decide.
    """
    os.environ["UNSLOTH_RETURN_HIDDEN_STATES"] = "0"  # its trainer asks for them instead of logits
    model, tokenizer = backend.model, backend.tokenizer
    sampling = Sampling(temperature=0, max_tokens=CHECKED_TOKENS)
    (answer,) = backend.generate([prompt], sampling, adapter=True)
    ids = encode_prompt(tokenizer, prompt)
    start = len(ids)
    ids += tokenizer(answer, add_special_tokens=False)["input_ids"] or [tokenizer.eos_token_id]
    model.eval()
    trained = compute_logprobs(model, ids, start)
    with model.disable_adapter():
        without = measure_distance(trained, compute_logprobs(model, ids, start))
    found: Row = {"answer": answer, "without_adapter": without}
    models = list_saved_models(folder)
    merged = Path(models["merged_16bit"].name) if "merged_16bit" in models else None
    # one process for all: importing torch and transformers takes longer than a small model's checks
    reloaded = call_in_new_process(
        reload_models, [*models.values()], ids, start, models["adapter"], merged
    )
    for name, (logprobs, text) in zip(models, reloaded.outputs, strict=True):
        distance = measure_distance(trained, logprobs)
        same_text = text.strip() == answer.strip()
        fits = same_text or distance["mean"] <= MAX_MEAN_DISTANCE_NATS
        found[name] = {**distance, "same_text": same_text, "fits": fits}
    if merged is not None:
        weights = reloaded.weights
        found["merged_16bit"] |= {"weights": weights}
        if weights is not None:
            limit = min(MAX_ROUNDING_SHARE, weights["learnt"])
            found["merged_16bit"]["fits"] = weights["off"] <= limit
    return found


def list_saved_models(folder: RunFolder) -> dict[str, SavedModel]:
    """List the models in a run folder: the adapter, and the merged model if there is one."""
    given = folder.recipe.model
    in_4bit = given.load_in_4bit and is_installed("bitsandbytes")
    models = {"adapter": SavedModel(given.name, folder.path / "adapter", in_4bit)}
    if (merged := folder.path / "merged_16bit").exists():
        models["merged_16bit"] = SavedModel(str(merged))
    return models


def reload_models(
    models: Sequence[SavedModel],
    ids: Sequence[int],
    start: int,
    adapter: SavedModel,
    merged: Path | None,
) -> Reloaded:
    """Reload saved models with plain transformers, in a process where nothing was trained."""
    import torch
    from transformers import AutoTokenizer

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    prompt = torch.tensor([list(ids[:start])], device=device)
    options = {"do_sample": False, "max_new_tokens": len(ids) - start}
    outputs = []
    for name, adapter_folder, in_4bit in models:
        model = load_model(name, adapter=adapter_folder, in_4bit=in_4bit, device=device).eval()
        tokenizer = AutoTokenizer.from_pretrained(adapter_folder or name)
        with torch.no_grad():
            mask = torch.ones_like(prompt)
            generated = model.generate(input_ids=prompt, attention_mask=mask, **options)
        text = str(tokenizer.decode(generated[0, start:], skip_special_tokens=True))
        outputs.append((compute_logprobs(model, ids, start), text))
        # two large models do not fit on one GPU
        del model
        torch.cuda.empty_cache()
    if merged is None or adapter.adapter is None:
        return Reloaded(outputs, None)
    return Reloaded(outputs, compare_merged_weights(adapter.name, adapter.adapter, merged))


def compute_logprobs(model: Any, ids: Sequence[int], start: int) -> list[float]:
    """Compute the log-probability of each token from `start` on, given those before it."""
    import torch

    given = torch.tensor([list(ids)], device=model.device)
    half = torch.autocast("cuda", torch.bfloat16) if given.is_cuda else nullcontext()
    with torch.no_grad(), half:
        logits = model(input_ids=given).logits[0, start - 1 : -1].float()
    values: list[float] = logits.log_softmax(-1).gather(-1, given[0, start:, None])[:, 0].tolist()
    return values


def compare_merged_weights(name: str, adapter: Path, merged: Path) -> dict[str, float] | None:
    """Measure how far merged weights are from base plus adapter, and how far those from the base.

    Both as shares of the weights' norm, over all the layers that were trained; None where the base
    is stored in 4 bits.
    """
    import torch

    trained = load_model(name, adapter=adapter)
    saved = load_model(merged)
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
            tensors = {"off": found.float() - wanted, "learnt": learnt, "weights": wanted}
            for kind, tensor in tensors.items():
                # in double: a sum of many small squares loses precision in float32
                squares[kind] += float(tensor.double().square().sum())
    return {kind: (squares[kind] / squares["weights"]) ** 0.5 for kind in ("off", "learnt")}


def measure_distance(first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """Measure the mean and the greatest distance between two models' log-probabilities."""
    distances = [abs(a - b) for a, b in zip(first, second, strict=True)]
    return {"mean": fmean(distances), "greatest": max(distances)}


# What is saved beside the adapter -----------------------------------------------------------------


def save_merged_models(folder: RunFolder, backend: Backend) -> None:
    """Write the merged models and the GGUF files that the recipe asks for."""
    save, merged = folder.recipe.save, folder.path / "merged_16bit"
    # the others are made from the 16-bit one
    if save.merged_16bit or save.merged_4bit or save.gguf:
        backend.save_merged(merged)
    if save.merged_4bit and can_load_4bit():
        call_in_new_process(save_in_4bit, merged, folder.path / "merged_4bit")
    elif save.merged_4bit:
        folder.notes.append("save.merged_4bit: needs a GPU and bitsandbytes; not written")
    if save.gguf:
        folder.notes += save_gguf(merged, save.gguf)


def save_in_4bit(source: Path, target: Path) -> None:
    """Write a merged model once more, in 4 bits."""
    from transformers import AutoTokenizer

    load_model(source, in_4bit=True).save_pretrained(target)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)


def save_gguf(merged: Path, kinds: Sequence[str]) -> list[str]:
    """Convert the merged model with llama.cpp, once for each kind; return notes."""
    folders = (os.environ.get("LLAMA_CPP_PATH", "llama.cpp"), Path.home() / ".unsloth/llama.cpp")
    scripts = [Path(folder) / "convert_hf_to_gguf.py" for folder in folders]
    script = next((script for script in scripts if script.exists()), None)
    if script is None:
        return ["save.gguf: llama.cpp not found; clone it, and set LLAMA_CPP_PATH to its folder"]
    tool = shutil.which("llama-quantize", path=f"{script.parent}/build/bin:{os.environ['PATH']}")
    notes, converted = [], set()
    for kind in kinds:
        # llama.cpp's script writes f16 and q8_0; the other kinds are quantised from f16
        base = kind if kind in ("f16", "q8_0") else "f16"
        if kind != base and tool is None:
            notes.append(f"save.gguf: {kind} needs llama-quantize; build it, and run again")
            continue
        source, target = (merged.with_name(f"model-{name}.gguf") for name in (base, kind))
        convert = [sys.executable, str(script), str(merged), "--outfile", str(source)]
        commands = [] if base in converted else [[*convert, "--outtype", base]]
        commands += [] if kind == base else [[str(tool), str(source), str(target), kind.upper()]]
        done = all(subprocess.run(command, check=False).returncode == 0 for command in commands)  # noqa: S603 - the user's own llama.cpp
        converted |= {base} if done else set()
        notes.append(f"save.gguf: {'wrote' if done else 'llama.cpp could not write'} {target.name}")
    return notes


def push_to_hub(folder: RunFolder, name: str) -> None:
    """Upload what was saved: the adapter under the name, the rest under the name with a suffix."""
    from huggingface_hub import HfApi

    api = HfApi()
    for saved in ("adapter", "merged_16bit", "merged_4bit"):
        if (path := folder.path / saved).exists():
            repo = name if saved == "adapter" else f"{name}-{saved}"
            api.create_repo(repo, exist_ok=True)
            api.upload_folder(repo_id=repo, folder_path=path)
            folder.notes.append(f"pushed {saved} to {repo}")
    for file in folder.path.glob("*.gguf"):
        api.create_repo(f"{name}-gguf", exist_ok=True)
        api.upload_file(repo_id=f"{name}-gguf", path_or_fileobj=file, path_in_repo=file.name)
        folder.notes.append(f"pushed {file.name} to {name}-gguf")
