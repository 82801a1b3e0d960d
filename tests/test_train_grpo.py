"""The trainer of examples/: its recipes, its arguments, and a whole run, killed and resumed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import rewardkit as rk
from rewardkit import presets

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "train_grpo.py"
RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.yaml"))
XML = ["xmlcount", "soft_format", "strict_format", "int", "correctness"]
# What the trainers' GRPOConfig takes, read from the classes' bodies in the wheels on PyPI.
FIELDS = json.loads((ROOT / "tests" / "grpo_config_fields.json").read_text(encoding="utf-8"))
ROWS: dict[str, list[dict[str, Any]]] = {
    "openai/gsm8k": [
        {"question": "Half of 48?", "answer": "48/2 = <<48/2=24>>24\n#### 24"},
        {"question": "A thousand less two?", "answer": "1,000 - 2 = 998\n#### 1,998"},
        {"question": "Three less five?", "answer": "3 - 5 = -2\n#### -2"},
    ],
    "open-r1/DAPO-Math-17k-Processed": [
        {"prompt": "Find $m + n$.", "solution": "34"},
        {"prompt": "Find {x} in {1, 2}.", "solution": "113"},
    ],
    "mlabonne/smoltldr": [{"prompt": "SUBREDDIT: r/tifu\nTL;DR:", "completion": "He fell."}],
}
"""Rows in the columns of the recipes' datasets."""


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_grpo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_grpo"] = module  # pydantic looks for annotations there
    spec.loader.exec_module(module)
    return module


train_grpo = _module()


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_passes_preflight(path: Path) -> None:
    recipe = train_grpo.read_recipe(path)
    if recipe.compare.language:
        pytest.importorskip("langid")
    raw = ROWS[recipe.data.hub] if recipe.data.hub else train_grpo.load_rows(recipe.data)
    rows = train_grpo.prepare(recipe, raw)
    found = train_grpo.check_rewards(recipe, rows)
    assert found.problems == ()
    assert found.rows == min(len(rows), 200)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_written_as_it_reads(path: Path, tmp_path: Path) -> None:
    recipe = train_grpo.read_recipe(path)
    assert train_grpo.read_recipe(write(tmp_path, recipe.as_yaml())) == recipe


def test_there_are_the_published_recipes_and_small_ones() -> None:
    published = ["deepseek_qwen3_language", "llama31_gsm8k", "llama31_gsm8k_long", "phi4_gsm8k"]
    small = ["smollm2_arithmetic", "smollm2_language", "smollm2_language_hacked", "smollm2_length"]
    assert [path.stem for path in RECIPES] == [*published, *small, "smollm_length"]


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        # model, length, 4-bit, GPU share, rank, alpha, modules, generations, batch, steps, save
        (
            "phi4_gsm8k",
            ("unsloth/Phi-4", 512, True, 0.7, 16, 16, 3, 6, 1, 100, 250, 256, 200, 5e-6),
        ),
        (
            "llama31_gsm8k",
            (
                "meta-llama/Meta-Llama-3.1-8B-Instruct",
                512,
                True,
                0.6,
                32,
                32,
                0,
                6,
                1,
                250,
                250,
                256,
                200,
                5e-6,
            ),
        ),
        (
            "llama31_gsm8k_long",
            (
                "meta-llama/Meta-Llama-3.1-8B-Instruct",
                1024,
                True,
                0.6,
                32,
                32,
                7,
                6,
                1,
                250,
                250,
                256,
                768,
                5e-6,
            ),
        ),
        (
            "deepseek_qwen3_language",
            (
                "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
                1024,
                True,
                0.7,
                32,
                64,
                7,
                4,
                1,
                100,
                100,
                None,
                None,
                5e-6,
            ),
        ),
    ],
)
def test_a_published_recipe_has_the_published_figures(name: str, figures: tuple[Any, ...]) -> None:
    recipe = train_grpo.read_recipe(ROOT / "examples" / "recipes" / f"{name}.yaml")
    model, lora, training = recipe.model, recipe.lora, recipe.training
    assert figures == (
        model.name,
        model.max_seq_length,
        model.load_in_4bit,
        model.gpu_memory_utilization,
        lora.rank,
        lora.alpha,
        len(lora.modules or ()),
        training.num_generations,
        training.per_device_train_batch_size,
        training.max_steps,
        training.save_steps,
        training.max_prompt_length,
        training.max_completion_length,
        training.learning_rate,
    )


def test_the_rewards_are_the_presets_in_the_published_order() -> None:
    recipe = train_grpo.read_recipe(ROOT / "examples" / "recipes" / "phi4_gsm8k.yaml")
    assert list(recipe.rewards) == [getattr(presets, f"{name}_reward_func") for name in XML]


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
probe: {questions: ["What is 1 + 1?", "What is 2 + 2?"], sampling: {max_tokens: 8}}
compare: {rows: 3}
save: {merged_16bit: true, merged_4bit: true, gguf: [q8_0]}
show_every: 2
"""


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("rank: 4", "rank: four", "recipe.yaml:3: lora.rank: expected a valid integer"),
        ("rank: 4", "rank: 4, rnak: 4", "recipe.yaml:3: lora.rnak: no such key"),
        ("rank: 4", "rank: true", "recipe.yaml:3: lora.rank: expected a valid integer; got True"),
        ("rank: 4", "rank: '4'", "recipe.yaml:3: lora.rank: expected a valid integer; got '4'"),
        (
            "held_out: 4",
            "held_out: 2.5",
            "recipe.yaml:4: data: held_out: got 2.5, expected a whole",
        ),
        ("made: arithmetic", "file: gone.jsonl", "recipe.yaml:4: data.file: Path does not point"),
        ("made: arithmetic", "file: recipe.yaml", "data: file: got recipe.yaml, expected .jsonl"),
        ("save_total_limit:", "temperature:", "recipe.yaml:24: training.more: temperature:"),
        ("save_total_limit:", "output_dir:", "training.more: output_dir: the run folder"),
        ("save: {", "save: [{", "recipe.yaml: not YAML"),
        ("gguf: [q8_0]", "gguf: q8_0", "recipe.yaml:29: save.gguf: expected a list; got 'q8_0'"),
        ("{rows: 3}", "3", "recipe.yaml:28: compare: expected a mapping; got 3"),
        ("num_generations: 4", "sampling: {}", "recipe.yaml:15: training.num_generations: missing"),
        ("max_tokens: 8", "max_tokns: 8", "recipe.yaml:9: rewards.0: no field 'max_tokns'"),
        ("verifier: number", "verifier: nmuber", "recipe.yaml:13: rewards.1.terms.1.verifier: "),
        ("made: arithmetic", "made: sums", "recipe.yaml:4: data.made: expected 'arithmetic' or"),
        ("made: arithmetic, ", "", "recipe.yaml:4: data: give exactly one of hub, file and made"),
        ("lora: {", "lora: [", "recipe.yaml: not YAML"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named_with_its_place(
    was: str, becomes: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert was in RECIPE
    monkeypatch.chdir(tmp_path)
    with pytest.raises(train_grpo.RecipeError) as error:
        train_grpo.read_recipe(write(tmp_path, RECIPE.replace(was, becomes, 1)))
    assert told in str(error.value)


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    text = RECIPE.replace("verifier: number", "verifier: {type: number, rel_tol: x}")
    with pytest.raises(train_grpo.RecipeError) as error:
        train_grpo.read_recipe(write(tmp_path, text))
    (line,) = str(error.value).splitlines()
    place = "recipe.yaml:13: rewards.1.terms.1.verifier.rel_tol"
    assert line.endswith(f"{place}: expected a valid number; got 'x'")


def test_what_is_wrong_on_the_command_line_is_not_looked_for_in_the_file(tmp_path: Path) -> None:
    changes = train_grpo.changes_of(
        train_grpo.parse(["r.yaml", "--steps", "0", "--report-to", "x"])
    )
    with pytest.raises(train_grpo.RecipeError) as error:
        train_grpo.read_recipe(write(tmp_path, RECIPE), changes)
    steps, tracker = str(error.value).splitlines()
    assert steps.startswith("command line: training.max_steps: expected greater than")
    assert tracker.startswith("command line: report_to.0: expected 'swanlab'")


def test_the_command_line_changes_the_recipe(tmp_path: Path) -> None:
    given = (
        "r.yaml --backend unsloth --model m --steps 7 --seed 5 --report-to swanlab,wandb --no-vllm"
    )
    changes = train_grpo.changes_of(train_grpo.parse(given.split()))
    recipe = train_grpo.read_recipe(write(tmp_path, RECIPE), changes)
    assert (recipe.backend, recipe.model.name) == ("unsloth", "m")
    assert (recipe.training.max_steps, recipe.training.seed) == (7, 5)
    assert recipe.report_to == ("swanlab", "wandb")
    assert recipe.model.fast_inference is False
    same = train_grpo.changes_of(train_grpo.parse(["r.yaml"]))
    assert train_grpo.read_recipe(write(tmp_path, RECIPE), same).training.max_steps == 6


# The trainer's arguments


@pytest.mark.parametrize("trainer", FIELDS)
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("vllm", [True, False])
def test_each_trainer_knows_every_argument(trainer: str, path: Path, vllm: bool) -> None:  # noqa: FBT001
    recipe = train_grpo.read_recipe(path)
    wanted, _ = train_grpo.wanted_arguments(recipe, 256, "</s>", vllm=vllm)
    arguments, notes = train_grpo.translate(wanted, FIELDS[trainer])
    assert set(arguments) <= set(FIELDS[trainer])
    lost = {name: wanted[name] for name in wanted if name not in arguments}
    assert all(any(note.startswith(f"{name}:") for note in notes) for name in lost)
    old = trainer.startswith("trl 0.22.2")
    assert set(lost) == (set() if old else {"max_prompt_length", "warmup_ratio"} & set(wanted))


def test_a_share_of_warm_up_steps_stays_a_share() -> None:
    new = FIELDS["trl 1.15.0, transformers 5.17.0"]
    assert train_grpo.translate({"warmup_ratio": 0.1}, new)[0] == {"warmup_steps": 0.1}


def test_a_renamed_argument_is_translated_both_ways() -> None:
    old, new = FIELDS.values()
    assert train_grpo.translate({"use_liger_loss": True}, new)[0] == {"use_liger_kernel": True}
    assert train_grpo.translate({"log_unique_prompts": True}, old)[0] == {
        "wandb_log_unique_prompts": True
    }


def test_an_argument_that_no_trainer_knows_is_refused() -> None:
    with pytest.raises(train_grpo.RecipeError, match=r"no 'epsilom' \(near: epsilon"):
        train_grpo.translate({"epsilom": 0.2}, next(iter(FIELDS.values())))


def test_the_published_sampling_reaches_the_trainer() -> None:
    path = ROOT / "examples" / "recipes" / "deepseek_qwen3_language.yaml"
    recipe = train_grpo.read_recipe(path)
    wanted, notes = train_grpo.wanted_arguments(recipe, 200, "<eos>", vllm=True)
    assert wanted["generation_kwargs"] == {"stop": ["<eos>"], "include_stop_str_in_output": True}
    assert (wanted["temperature"], wanted["min_p"], wanted["top_p"], wanted["top_k"]) == (
        (1.0, 0.1, 1.0, -1)
    )
    assert wanted["max_completion_length"] == 1024 - 200
    assert wanted["per_device_train_batch_size"] == 4
    assert any("raised to 4" in note for note in notes)
    plain, _ = train_grpo.wanted_arguments(recipe, 200, "<eos>", vllm=False)
    assert plain["top_k"] == 0
    assert "generation_kwargs" not in plain


# The data


def test_sums_are_right_and_all_there() -> None:
    rows = train_grpo.arithmetic(12)
    assert len({row["question"] for row in rows}) == 144
    assert {"question": "What is 12 + 7?", "answer": "19"} in rows


def test_rows_come_from_a_local_file(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"question": f"{n}?", "answer": str(n)} for n in range(5)]
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = tmp_path / "rows.parquet"
    datasets.Dataset.from_list(rows).to_parquet(table)
    for path in (lines, table):
        found = train_grpo.load_rows(train_grpo.Data(file=path))
        assert sorted(found, key=lambda row: row["answer"]) == rows
        assert len(train_grpo.load_rows(train_grpo.Data(file=path, rows=2))) == 2


@pytest.mark.parametrize("text", ["", "{not JSON\n"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    pytest.importorskip("datasets")
    path = tmp_path / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(train_grpo.RecipeError, match=r"^data: .*rows.jsonl: "):
        train_grpo.load_rows(train_grpo.Data(file=path))


def test_rows_come_from_reasoning_gym() -> None:
    pytest.importorskip("reasoning_gym")
    rows = train_grpo.load_rows(train_grpo.Data(made="gsm_symbolic", rows=3))
    assert len(rows) == 3
    assert all(set(row) == {"question", "answer"} for row in rows)


def test_a_missing_answer_column_is_named(tmp_path: Path) -> None:
    recipe = train_grpo.read_recipe(write(tmp_path, RECIPE))
    with pytest.raises(train_grpo.RecipeError, match="no column 'answer'; there are question, sol"):
        train_grpo.prepare(recipe, [{"question": "?", "solution": "1"}])


def test_a_prompt_without_a_column_is_refused(tmp_path: Path) -> None:
    recipe = train_grpo.read_recipe(write(tmp_path, RECIPE))
    message = r"prompt.user: got '\{question\}', in which no column stands; there are text, answer"
    with pytest.raises(train_grpo.RecipeError, match=message):
        train_grpo.prepare(recipe, [{"text": "?", "answer": "1"}])


def test_some_rows_are_kept_from_training() -> None:
    rows = [{"n": n} for n in range(200)]
    kept, held = train_grpo.hold_out(rows, 0.01)
    assert (len(kept), len(held)) == (198, 2)
    assert [len(part) for part in train_grpo.hold_out(rows, 50)] == [150, 50]
    assert train_grpo.hold_out(rows, 0) == (rows, [])


class Words:
    """A tokenizer whose tokens are words."""

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text.split())}

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> str:
        return " ".join(message["content"] for message in messages)

    def get_added_vocab(self) -> dict[str, int]:
        return {"<think>": 5, "</think>": 6, "<|User|>": 7, "<|Assistant|>": 8, "<pad>": 9}


def test_prompts_beyond_the_quantile_go(tmp_path: Path) -> None:
    text = RECIPE.replace("max_prompt_length: 60", "prompt_quantile: 0.9")
    run = train_grpo.Run(train_grpo.read_recipe(write(tmp_path, text)), tmp_path)
    rows = [{"prompt": [{"role": "user", "content": "w " * n}]} for n in [*range(1, 10), 100]]
    kept, limit = train_grpo.fit_prompts(run, rows, Words())
    assert kept == rows[:9]
    assert limit == 9 + 1
    assert run.notes == ["prompts: 9 of 10 have 10 tokens or fewer, and stay"]


def test_think_and_role_tokens_are_found() -> None:
    assert train_grpo.own_tokens(Words()) == {
        "reasoning_start": "<think>",
        "reasoning_end": "</think>",
        "user": "<|User|>",
        "assistant": "<|Assistant|>",
    }


def test_vllm_draws_each_answer_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = ModuleType("vllm")
    vllm.SamplingParams = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    asked: dict[str, Any] = {}

    def fast_generate(prompts: list[Any], **options: Any) -> list[Any]:
        asked.update(options)
        return [SimpleNamespace(outputs=[SimpleNamespace(text="so")]) for _ in prompts]

    backend = object.__new__(train_grpo.Unsloth)
    backend.vllm, backend.longest, backend.lora, backend.tokenizer = True, 96, "lora", Words()
    backend.model = SimpleNamespace(fast_generate=fast_generate)
    sampling = train_grpo.Sampling(temperature=1, top_k=-1, seed=7)
    assert backend.generate(["a", "b", "c"], sampling, adapter=True) == ["so"] * 3
    given = {"temperature": 1, "top_k": -1, "max_tokens": 96}
    assert asked["sampling_params"] == [{**given, "seed": seed} for seed in (7, 8, 9)]
    assert asked["lora_request"] == "lora"
    backend.generate(["a"], train_grpo.Sampling(), adapter=False)
    assert asked["sampling_params"] == [{"max_tokens": 96, "seed": None}]
    assert asked["lora_request"] is None


def test_what_the_comparison_counts(tmp_path: Path) -> None:
    run = train_grpo.Run(train_grpo.read_recipe(write(tmp_path, RECIPE)), tmp_path)
    rows = [{"prompt": "one two three four five six seven", "answer": "2", "question": "?"}] * 4
    copied = "so, two three four five six seven"
    found = train_grpo.measure(run, Words(), rows, ["2", "2", copied, "one two three"])
    assert found["repeats_six_words"] == 0.25
    assert found["distinct"] == 0.75
    assert found["short"] == pytest.approx((0 + 0 - 5 / 6 - 1 / 6) / 4)  # words of 8, from 2 on
    assert found["correct[verifier=number,extractor=whole]"] == 0.5


def test_gguf_files_are_made_by_llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llama = tmp_path / "llama"
    (llama / "build" / "bin").mkdir(parents=True)
    (llama / "convert_hf_to_gguf.py").write_text(
        "import sys; _, model, _, out, _, kind = sys.argv; open(out, 'w').write(kind)"
    )
    monkeypatch.setenv("LLAMA_CPP_PATH", str(llama))
    kinds = ["q8_0", "q4_k_m", "f16"]
    notes = train_grpo.save_gguf(tmp_path / "merged_16bit", kinds)
    if shutil.which("llama-quantize") is None:
        assert "q4_k_m needs llama-quantize" in notes[1]
    tool = llama / "build" / "bin" / "llama-quantize"
    tool.write_text('#!/bin/sh\necho "$3 of $(cat $1)" > $2\n')
    tool.chmod(0o755)
    notes = train_grpo.save_gguf(tmp_path / "merged_16bit", kinds)
    assert notes == [f"save.gguf: wrote model-{kind}.gguf" for kind in kinds]
    written = [(tmp_path / f"model-{kind}.gguf").read_text().strip() for kind in kinds]
    assert written == ["q8_0", "Q4_K_M of f16", "f16"]
    (llama / "convert_hf_to_gguf.py").write_text(
        "import sys; _, model, _, out, _, kind = sys.argv; open(out, 'w').write('newer ' + kind)"
    )
    train_grpo.save_gguf(tmp_path / "merged_16bit", ["f16"])  # of a model that trained further
    assert (tmp_path / "model-f16.gguf").read_text() == "newer f16"
    tool.write_text("#!/bin/sh\nexit 3\n")
    assert train_grpo.save_gguf(tmp_path / "merged_16bit", ["q5_k_m"]) == [
        "save.gguf: llama.cpp could not write model-q5_k_m.gguf"
    ]


def test_all_that_was_saved_goes_to_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    sent: list[tuple[str, str]] = []

    class Api:
        def create_repo(self, repo: str, *, exist_ok: bool) -> None:
            assert exist_ok

        def upload_folder(self, *, repo_id: str, folder_path: Path) -> None:
            sent.append((repo_id, folder_path.name))

        def upload_file(self, *, repo_id: str, path_or_fileobj: Path, path_in_repo: str) -> None:
            assert path_or_fileobj.name == path_in_repo
            sent.append((repo_id, path_in_repo))

    monkeypatch.setattr(hub, "HfApi", Api)
    for folder in ("adapter", "merged_16bit", "checkpoints"):
        (tmp_path / folder).mkdir()
    (tmp_path / "model-q8_0.gguf").touch()
    run = train_grpo.Run(train_grpo.read_recipe(write(tmp_path, RECIPE)), tmp_path)
    train_grpo.push(run, "me/sums")
    assert sent == [
        ("me/sums", "adapter"),
        ("me/sums-merged_16bit", "merged_16bit"),
        ("me/sums-gguf", "model-q8_0.gguf"),
    ]
    assert run.notes[-1] == "pushed model-q8_0.gguf to me/sums-gguf"


# A whole run, on a tiny model

CHARACTERS = "0123456789 +?=!abcdefghijklmnopqrstuvwxyzSW"
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def make_model(folder: Path) -> None:
    """Save a tiny Llama with random weights, and a tokenizer of characters."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    tokenizers = pytest.importorskip("tokenizers")
    known = ["<pad>", "<eos>", "<system>", "<user>", "<assistant>", *CHARACTERS]
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({token: place for place, token in enumerate(known)}, "<pad>")
    )
    pattern = tokenizers.Regex(r"<[a-z]+>|[\s\S]")
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split(pattern, "isolated")
    made.decoder = tokenizers.decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",  # noqa: S106 - no password
        eos_token="<eos>",  # noqa: S106 - no password
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(known),
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


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start the script in a folder."""
    script = [sys.executable, str(SCRIPT), "recipe.yaml", "--output", "run", *more]
    return subprocess.Popen(
        script,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONIOENCODING": "utf-8",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",  # other tests run at the same time
            "SWANLAB_MODE": "local",
            "LLAMA_CPP_PATH": "nowhere",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Return what a process printed; it must end well."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was killed in its middle, and resumed."""
    for needed in ("trl", "peft", "datasets", "matplotlib"):
        pytest.importorskip(needed)
    place = tmp_path_factory.mktemp("train")
    make_model(place / "model")
    write(place, RECIPE.replace("MODEL", str(place / "model")))
    process = start(place, "--steps", "1000")
    log, until = place / "run" / "log.jsonl", time.monotonic() + 200
    while not (log.exists() and log.read_text(encoding="utf-8").count("\n") >= 3):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "no step was taken"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    (place / "killed.txt").write_text(process.communicate()[0], encoding="utf-8")
    (place / "killed.jsonl").write_bytes(log.read_bytes())
    with log.open("a", encoding="utf-8") as file:
        file.write('{"step": 9')  # as a kill between two writes leaves it
    steps = max(row["step"] for row in lines(place / "killed.jsonl")) + 3
    trackers = [name for name in ("swanlab", "tensorboard") if importlib.util.find_spec(name)]
    more = ["--steps", str(steps), "--report-to", ",".join(trackers) or "none"]
    output = finish(start(place, "--resume", *more))
    (place / "resumed.txt").write_text(output, encoding="utf-8")
    return place / "run"


def test_the_killed_run_goes_on_where_its_checkpoint_was(run: Path) -> None:
    killed = lines(run.parent / "killed.jsonl")
    resumed = (run.parent / "resumed.txt").read_text(encoding="utf-8")
    (began,) = [line for line in resumed.splitlines() if line.startswith("going on after step")]
    checkpoint = int(began.split()[-1])
    assert checkpoint >= 2
    assert checkpoint % 2 == 0
    log = lines(run / "log.jsonl")
    assert [row["step"] for row in log] == list(range(1, killed[-1]["step"] + 4))
    assert log[:checkpoint] == killed[:checkpoint]
    assert all(row["seconds"] > row["rewards_seconds"] > 0 for row in log)
    for row in log:
        parts = row["profile"]
        assert row["seconds"] > parts["_prepare_inputs"] > parts["transformers.generate"] > 0
        assert parts["_calculate_rewards"] == pytest.approx(row["rewards_seconds"])


def test_a_run_that_was_killed_while_it_saved_takes_no_step_more(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run" / "summary.json").unlink()
    steps = len(lines(run / "log.jsonl"))
    output = finish(start(tmp_path, "--resume", "--steps", str(steps)))
    assert f"going on after step {steps}\n" in output
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()
    again, first = (
        json.loads((folder / "run" / "comparison.json").read_text(encoding="utf-8"))
        for folder in (tmp_path, run.parent)
    )
    assert again == first  # the adapter is the trained one


@pytest.mark.parametrize(
    ("max_steps", "epochs", "done"),
    [(60, 3.0, True), (61, 3.0, False), (-1, 1.5, True), (-1, 2.0, False)],
)
def test_a_checkpoint_knows_whether_it_is_the_last(
    tmp_path: Path, max_steps: int, epochs: float, *, done: bool
) -> None:
    state = {"global_step": 60, "epoch": 1.5}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    config = SimpleNamespace(max_steps=max_steps, num_train_epochs=epochs)
    assert train_grpo.at_its_end(tmp_path, config) is done


def test_the_run_folder_is_complete(run: Path) -> None:
    kept = {path.name for path in run.iterdir()}
    assert kept - {"swanlab", "tensorboard"} == {
        *("recipe.yaml", "rewards.yaml", "rewards.sha256", "versions.json"),
        *(
            "log.jsonl",
            "evaluation.jsonl",
            "samples.jsonl",
            "before.json",
            "after.json",
            "comparison.json",
        ),
        *("checks.json", "summary.json", "plots.svg", "checkpoints", "adapter", "merged_16bit"),
    }
    digest = hashlib.sha256((run / "rewards.yaml").read_bytes()).hexdigest()
    assert (run / "rewards.sha256").read_text(encoding="utf-8") == f"{digest}  rewards.yaml\n"
    recipe = train_grpo.read_recipe(run / "recipe.yaml")
    assert rk.load(run / "rewards.yaml") == list(recipe.rewards)
    found = json.loads((run / "versions.json").read_text(encoding="utf-8"))
    assert {"python", "trl", "torch", "rewardkit", "gpu"} <= set(found)


def test_it_evaluates_on_the_rows_held_out(run: Path) -> None:
    steps = [row["step"] for row in lines(run / "log.jsonl")]
    found = lines(run / "evaluation.jsonl")
    due = [step for step in steps if step % 2 == 0]
    at_its_end = sorted({*due, steps[-1]})  # newer transformers evaluate after the last step too
    assert [row["step"] for row in found] in (due, at_its_end)
    for row in found:
        right = row["eval_rewards/correct[verifier=number,extractor=whole]/mean"]
        assert 0 <= right <= 1
        assert right * 16 == pytest.approx(round(right * 16))  # 4 rows, 4 completions each


def test_the_recipe_goes_before_what_the_script_chooses(run: Path) -> None:
    assert len(list((run / "checkpoints").glob("checkpoint-*"))) == 1  # the script would keep 2


def test_every_term_is_logged_by_itself_and_weighted(run: Path) -> None:
    for row in lines(run / "log.jsonl"):
        short = row["rewards/short/mean"]
        number = row["rewards/is_number[extractor=whole]/mean"]
        right = row["rewards/correct[verifier=number,extractor=whole]/mean"]
        assert row["reward"] == pytest.approx(short + number + 2 * right, abs=1e-5)


def test_samples_show_question_reference_response_and_answer(run: Path) -> None:
    samples = lines(run / "samples.jsonl")
    assert [sample["step"] for sample in samples] == [
        row["step"] for row in lines(run / "log.jsonl") if row["step"] % 2 == 0
    ]
    for sample in samples:
        left, right = sample["question"].removeprefix("What is ").removesuffix("?").split(" + ")
        assert sample["reference"] == str(int(left) + int(right))
        assert sample["extracted"] == sample["response"].strip()


def test_it_asks_before_and_after_with_and_without(run: Path) -> None:
    (before,) = json.loads((run / "before.json").read_text(encoding="utf-8"))
    assert before["question"] == "What is 1 + 1?"
    after = json.loads((run / "after.json").read_text(encoding="utf-8"))
    asked = [(answer["adapter"], answer["system"], answer["question"][8]) for answer in after]
    ways = [(adapter, system) for adapter in (False, True) for system in (False, True)]
    assert asked == [(*way, number) for way in ways for number in "12"]


def test_the_saved_models_are_the_trained_one(run: Path) -> None:
    checks = json.loads((run / "checks.json").read_text(encoding="utf-8"))
    assert checks["blank_tensors"] == []
    trained_apart = checks["without_adapter"]["mean"]
    for name in ("adapter", "merged_16bit"):
        assert checks[name]["fits"]
        assert checks[name]["greatest"] < 1e-3  # all in float32 here
        assert checks[name]["mean"] < trained_apart / 10
    weights = checks["merged_16bit"]["weights"]
    assert weights["off"] < 1e-6 < weights["learnt"]


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")  # peft reads it
def test_merged_weights_are_set_against_base_plus_adapter(run: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    base, adapter = run.parent / "model", run / "adapter"
    untrained = train_grpo.merged_apart(str(base), adapter, base)
    assert untrained["off"] == pytest.approx(
        untrained["learnt"]
    )  # what was learnt is what it lacks
    shutil.copytree(run / "merged_16bit", tmp_path / "merged")
    weights = safetensors.load_file(tmp_path / "merged" / "model.safetensors")
    rounded = {name: tensor.bfloat16().float() for name, tensor in weights.items()}
    safetensors.save_file(rounded, tmp_path / "merged" / "model.safetensors", {"format": "pt"})
    found = train_grpo.merged_apart(str(base), adapter, tmp_path / "merged")
    assert 2**-11 < found["off"] < train_grpo.ROUNDING


@pytest.mark.parametrize(
    ("vllm", "packages", "torch", "told"),
    [
        (True, set(), "2.11.0+cu130", 1),
        (True, {"xformers"}, "2.11.0", 0),
        (True, {"flash_attn"}, "2.8.0", 0),
        (True, set(), "2.12.0", 0),
        (False, set(), "2.11.0", 0),
    ],
)
def test_rows_are_padded_where_a_kernel_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    vllm: bool,  # noqa: FBT001
    packages: set[str],
    torch: str,
    told: int,
) -> None:
    monkeypatch.setenv("UNSLOTH_GRPO_SEQ_PACKING", "")  # so that it is put back
    monkeypatch.delenv("UNSLOTH_GRPO_SEQ_PACKING")
    monkeypatch.setattr(train_grpo, "installed", packages.__contains__)
    monkeypatch.setattr(train_grpo, "version", lambda _: torch)
    assert len(train_grpo.choose_padding(vllm=vllm)) == told
    assert os.environ.get("UNSLOTH_GRPO_SEQ_PACKING") == ("0" if told else None)


def test_what_the_user_says_of_padding_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSLOTH_GRPO_SEQ_PACKING", "1")
    monkeypatch.setattr(train_grpo, "installed", lambda _: False)
    monkeypatch.setattr(train_grpo, "version", lambda _: "2.11.0")
    assert train_grpo.choose_padding(vllm=True) == []
    assert os.environ["UNSLOTH_GRPO_SEQ_PACKING"] == "1"


def test_the_summary_says_what_was_done_and_what_not(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    log = lines(run / "log.jsonl")
    assert summary["steps"] == len(log)
    last = [row["reward"] for row in log[-10:]]
    assert summary["means"]["reward"]["last_ten"] == pytest.approx(sum(last) / len(last))
    assert 0 < summary["rewards_share"] < 1
    assert summary["with"]["rows"] == 3
    told = "\n".join(summary["notes"])
    for part in (
        "parameters train",
        "optim: adamw_8bit needs a GPU",
        "save.merged_4bit: needs a GPU",
        "save.gguf: no llama.cpp here",
        "all zeros: 0",
        "once reloaded: none",
    ):
        assert part in told
    known = pytest.importorskip("trl").GRPOConfig.__dataclass_fields__
    for name in ("warmup_ratio: called warmup_steps", "max_prompt_length: gone from TRL"):
        assert (name in told) == (name.partition(":")[0] not in known)
    assert told in (run.parent / "resumed.txt").read_text(encoding="utf-8")


def test_it_draws_every_reward(run: Path) -> None:
    drawn = (run / "plots.svg").read_text(encoding="utf-8")
    for name in ("reward", "reward_std", "short", "completions/mean_length"):
        assert f"<!-- {name} -->" in drawn


def test_swanlab_keeps_its_files_in_the_run_folder(run: Path) -> None:
    pytest.importorskip("swanlab")
    metrics = (run / "swanlab").glob("run-*/logs/*/*.log")
    assert any('"data"' in path.read_text(encoding="utf-8") for path in metrics)


def test_tensorboard_keeps_its_files_in_the_run_folder(run: Path) -> None:
    pytest.importorskip("tensorboard")
    assert list((run / "tensorboard").glob("events.out.*"))


def test_a_run_is_not_written_over(run: Path) -> None:
    recipe = train_grpo.read_recipe(run / "recipe.yaml")
    with pytest.raises(train_grpo.RecipeError, match="holds a run; --resume goes on"):
        train_grpo.Run(recipe, run).look(resume=False)
    train_grpo.Run(recipe, run).look(resume=True)
    other = recipe.model_copy(update={"rewards": (presets.reward_len,)})
    with pytest.raises(train_grpo.RecipeError, match="was run with other rewards"):
        train_grpo.Run(other, run).look(resume=True)


def refusal(folder: Path, text: str) -> str:
    """Return what the script says of a recipe that it stops at, before it has a model or a run."""
    write(folder, text.replace("MODEL", "nowhere"))
    process = start(folder)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 1
    assert not (folder / "run").exists()
    return str(output)


def test_an_argument_that_no_trainer_knows_stops_it_before_the_model(tmp_path: Path) -> None:
    for needed in ("trl", "peft", "datasets"):
        pytest.importorskip(needed)
    text = RECIPE.replace("save_total_limit: 1", "save_total_limits: 1")
    assert "no 'save_total_limits' (near: save_total_limit" in refusal(tmp_path, text)


def test_rewards_that_cannot_be_earned_stop_it_before_the_model(tmp_path: Path) -> None:
    text = RECIPE.replace('completion: "{answer}"', 'completion: "It is {answer} here."')
    assert "short: below_maximum on 36: 4 tokens" in refusal(tmp_path, text)
