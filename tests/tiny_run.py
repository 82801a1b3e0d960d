"""Shared by the trainer's tests: a recipe, a tiny model, a word tokenizer, and a training run."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import importlib.util
import io
import json
import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rewardkit.cli import main
from rewardkit.train import Recipe

ROOT = Path(__file__).parents[1]
# The fields of each trainer's GRPOConfig, read from the classes in the wheels on PyPI.
FIELDS = json.loads((ROOT / "tests/train/grpo_config_fields.json").read_text(encoding="utf-8"))

RECIPE = """\
backend: trl
model: {name: MODEL, max_seq_length: 96, fast_inference: false, gradient_checkpointing: false}
lora: {rank: 4, alpha: 8}
data: {made: arithmetic, largest: 6, held_out: 4}
prompt:
  system: "Sum!"
completion: "{answer}"
rewards:
  - {type: overlong, max_tokens: 8, cache_tokens: 6, name: short}
  - type: linear
    terms:
      - {type: is_number, extractor: whole}
      - {type: correct, verifier: number, extractor: whole}
    weights: [1.0, 2.0]
training:
  learning_rate: 1.0e-2
  num_generations: 4
  per_device_train_batch_size: 8
  max_prompt_length: 60
  max_completion_length: 8
  max_steps: 6
  save_steps: 2
  eval_steps: 2
  more: {save_total_limit: 1}
  warmup_ratio: 0.1
  optim: adamw_8bit
questions: {texts: ["What is 1 + 1?", "What is 2 + 2?"], sampling: {max_tokens: 8}}
compare: {rows: 3}
save: {merged_16bit: true, merged_4bit: true, gguf: [q8_0]}
show_every: 2
"""

load_packaged = functools.cache(Recipe.load)


def write_recipe(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class WordTokenizer:
    """A tokenizer whose tokens are words."""

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text.split())}

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> str:
        return " ".join(message["content"] for message in messages)

    def get_added_vocab(self) -> dict[str, int]:
        return {"<think>": 5, "</think>": 6, "<|User|>": 7, "<|Assistant|>": 8, "<pad>": 9}


# A tiny model -------------------------------------------------------------------------------------

CHARACTERS = "0123456789 +?=!abcdefghijklmnopqrstuvwxyzSW"
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def save_tiny_model(folder: Path, characters: str = CHARACTERS) -> None:
    """Save a tiny Llama with random weights, and a tokenizer of characters."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    tokenizers = pytest.importorskip("tokenizers")
    special = ["<pad>", "<eos>", "<system>", "<user>", "<assistant>"]
    vocabulary = [*special, *characters]
    indices = {token: index for index, token in enumerate(vocabulary)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(indices, "<pad>"))
    pattern = tokenizers.Regex(rf"{'|'.join(special)}|[\s\S]")
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Split(pattern, "isolated")
    backend.decoder = tokenizers.decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",  # noqa: S106 - no password
        eos_token="<eos>",  # noqa: S106 - no password
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


# A run --------------------------------------------------------------------------------------------

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",  # other tests run at the same time
    "SWANLAB_MODE": "local",
    "LLAMA_CPP_PATH": "nowhere",
}


@contextlib.contextmanager
def quiet_machine(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Run in a folder, on one thread, without the warnings of the trainers' packages."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        torch.set_num_threads(1)
        try:
            yield patch
        finally:
            torch.set_num_threads(threads)


def train_here(folder: Path, *options: str, light: bool = False) -> tuple[int, str]:
    """Run the command in this process; return its exit code and its output.

    A new process would import torch, transformers and TRL, which takes longer than the training.
    With `light`, saved models are also reloaded in this process, and nothing is plotted.
    """
    printed = io.StringIO()
    with quiet_machine(folder) as patch, contextlib.redirect_stdout(printed):
        if light:
            patch.setattr(
                "rewardkit.train.saved.call_in_new_process", lambda do, *given: do(*given)
            )
            patch.setattr("rewardkit.train.launch.draw_plots", lambda *_: None)
        with contextlib.redirect_stderr(printed):
            code = main(["train", "recipe.yaml", "--output", "run", *options])
    return code, printed.getvalue()


def build_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """Return a folder that is built once for all of xdist's workers."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            folder.mkdir(exist_ok=True)
            build(folder)
            (folder / "built").touch()
    return folder


CALL = """
import os, pickle, sys
with os.fdopen(os.dup(1), "wb") as answer:
    os.dup2(2, 1)  # what it prints must not mix with the answer
    function, arguments = pickle.load(sys.stdin.buffer)
    answer.write(pickle.dumps(function(*arguments)))
"""


def call_in_fork(forks: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function gives in a fork, in which nothing has been patched or loaded."""
    given = pickle.dumps((function, arguments))
    command = [sys.executable, "-c", CALL]
    done = forks.run(command, input=given, capture_output=True, env=os.environ)
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


def build_killed_and_resumed_run(folder: Path, forks: Any) -> None:
    """Kill a run halfway and resume it, in FOLDER/run."""
    save_tiny_model(folder / "model")
    write_recipe(folder, RECIPE.replace("MODEL", str(folder / "model")))
    command = [sys.executable, "-m", "rewardkit", "train", "recipe.yaml"]
    command += ["--output", "run", "--steps", "1000"]
    printed = folder / "killed.txt"
    environment = {**os.environ, **ENVIRONMENT}
    with printed.open("wb") as output:
        process = forks.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    log, deadline = folder / "run" / "log.jsonl", time.monotonic() + 200
    while not (log.exists() and log.read_text(encoding="utf-8").count("\n") >= 3):
        assert process.poll() is None, printed.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, "no step was taken"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (folder / "killed.jsonl").write_bytes(log.read_bytes())
    with log.open("a", encoding="utf-8") as file:
        file.write('{"step": 9')  # a partial line, as after a kill between two writes
    steps = max(row["step"] for row in read_rows(folder / "killed.jsonl")) + 3
    trackers = [name for name in ("swanlab", "tensorboard") if importlib.util.find_spec(name)]
    options = ["--steps", str(steps), "--report-to", ",".join(trackers) or "none"]
    with pytest.MonkeyPatch.context() as patch:
        # it imports the same in a new process of its own
        patch.setattr(
            "rewardkit.train.saved.call_in_new_process", functools.partial(call_in_fork, forks)
        )
        code, resumed = train_here(folder, "--resume", *options)
    assert code == 0, resumed
    (folder / "resumed.txt").write_text(resumed, encoding="utf-8")
