"""Recipes: the packaged ones, errors with their line, and changes by key path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
from rewardkit import presets
from rewardkit.train import Recipe, RecipeError, list_recipes
from rewardkit.train.recipe import recipe_names
from rewardkit.train.rows import check_rewards, load_rows, prepare_rows
from tiny_run import RECIPE, load_packaged, write_recipe

XML = ["xmlcount", "soft_format", "strict_format", "int", "correctness"]
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


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_passes_preflight(name: str) -> None:
    recipe = load_packaged(name)
    if recipe.compare.language:
        pytest.importorskip("langid")
    raw = ROWS[recipe.data.hub] if recipe.data.hub else load_rows(recipe.data)
    rows = prepare_rows(recipe, raw)
    found = check_rewards(recipe, rows)
    assert found.problems == ()
    assert found.row_count == min(len(rows), 200)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_reads_back_equal(name: str, tmp_path: Path) -> None:
    recipe = load_packaged(name)
    assert Recipe.load(write_recipe(tmp_path, recipe.as_yaml())) == recipe


def test_there_are_the_published_recipes_and_small_ones() -> None:
    published = ["deepseek_qwen3_language", "llama31_gsm8k", "llama31_gsm8k_long", "phi4_gsm8k"]
    small = ["smollm2_arithmetic", "smollm2_language", "smollm2_language_hacked", "smollm2_length"]
    assert recipe_names() == [*published, "qwen25_coder_gsm8k", *small, "smollm_length"]


def test_every_recipe_is_listed_with_its_purpose_model_and_needs() -> None:
    recipes = {recipe.name: recipe for recipe in list_recipes()}
    assert [*recipes] == recipe_names()
    assert all(recipe.description for recipe in recipes.values())
    assert len({recipe.description for recipe in recipes.values()}) == len(recipes)
    assert recipes["phi4_gsm8k"].model == "unsloth/Phi-4"
    assert recipes["phi4_gsm8k"].needs == (
        *("GPU", "unsloth", "vLLM", "bitsandbytes"),
        *("hub: model and dataset", "swanlab"),
    )
    assert recipes["smollm2_length"].needs == ("hub: model",)


LLAMA = "meta-llama/Meta-Llama-3.1-8B-Instruct"
DEEPSEEK = "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B"


@pytest.mark.parametrize(
    ("name", "model", "adapter", "training"),
    [
        # name, length, 4-bit, share of the GPU; rank, alpha, modules;
        # generations, batch, steps, save, prompt, completion, learning rate
        (
            "phi4_gsm8k",
            ("unsloth/Phi-4", 512, True, 0.7),
            (16, 16, 3),
            (6, 1, 100, 250, 256, 200, 5e-6),
        ),
        (
            "llama31_gsm8k",
            (LLAMA, 512, True, 0.6),
            (32, 32, 0),
            (6, 1, 250, 250, 256, 200, 5e-6),
        ),
        (
            "llama31_gsm8k_long",
            (LLAMA, 1024, True, 0.6),
            (32, 32, 7),
            (6, 1, 250, 250, 256, 768, 5e-6),
        ),
        (
            "deepseek_qwen3_language",
            (DEEPSEEK, 1024, True, 0.7),
            (32, 64, 7),
            (4, 1, 100, 100, None, None, 5e-6),
        ),
    ],
)
def test_a_published_recipe_has_the_published_figures(
    name: str, model: tuple[Any, ...], adapter: tuple[Any, ...], training: tuple[Any, ...]
) -> None:
    recipe = load_packaged(name)
    given, lora, trainer = recipe.model, recipe.lora, recipe.training
    memory = given.gpu_memory_utilization
    assert model == (given.name, given.max_seq_length, given.load_in_4bit, memory)
    assert adapter == (lora.rank, lora.alpha, len(lora.modules or ()))
    assert training == (
        trainer.num_generations,
        trainer.per_device_train_batch_size,
        trainer.max_steps,
        trainer.save_steps,
        trainer.max_prompt_length,
        trainer.max_completion_length,
        trainer.learning_rate,
    )


def test_the_rewards_are_the_presets_in_the_published_order() -> None:
    rewards = load_packaged("phi4_gsm8k").rewards
    assert list(rewards) == [getattr(presets, f"{name}_reward_func") for name in XML]


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        (
            "rank: 4",
            "rank: four",
            "recipe.yaml:3: lora.rank: got 'four' (str), expected an integer",
        ),
        (
            "rank: 4",
            "rank: 4, rnak: 4",
            "recipe.yaml:3: lora.rnak: no such key; did you mean 'rank'?",
        ),
        ("rank: 4", "rank: true", "recipe.yaml:3: lora.rank: got True (bool), expected an integer"),
        ("rank: 4", "rank: '4'", "recipe.yaml:3: lora.rank: got '4' (str), expected an integer"),
        (
            "held_out: 4",
            "held_out: 2.5",
            "recipe.yaml:4: data.held_out: got 2.5, expected a whole",
        ),
        (
            "made: arithmetic",
            "file: gone.jsonl",
            "recipe.yaml:4: data.file: file not found: gone.jsonl",
        ),
        (
            "made: arithmetic",
            "file: recipe.yaml",
            "data.file: got recipe.yaml, expected .jsonl",
        ),
        ("save_total_limit:", "temperature:", "recipe.yaml:24: training.more: temperature:"),
        ("save_total_limit:", "output_dir:", "training.more: output_dir: the run folder"),
        ("save: {", "save: [{", "recipe.yaml: not YAML"),
        (
            "gguf: [q8_0]",
            "gguf: q8_0",
            "recipe.yaml:29: save.gguf: got 'q8_0' (str), expected a list",
        ),
        ("{rows: 3}", "3", "recipe.yaml:28: compare: got 3 (int), expected a mapping"),
        ("num_generations: 4", "sampling: {}", "recipe.yaml:15: training.num_generations: missing"),
        ("max_tokens: 8", "max_tokns: 8", "recipe.yaml:9: rewards.0: no field 'max_tokns'"),
        (
            "verifier: number, ",
            "",
            "recipe.yaml:13: rewards.1.terms.1.verifier: missing; give it one of the verifiers",
        ),
        (
            "- {type: overlong, max_tokens: 8, cache_tokens: 6, name: short}",
            "- int_reward_fnc",
            "recipe.yaml:9: rewards.0: no reward or preset is called 'int_reward_fnc'",
        ),
        ("verifier: number", "verifier: nmuber", "recipe.yaml:13: rewards.1.terms.1.verifier: "),
        (
            "made: arithmetic",
            "made: sums",
            "recipe.yaml:4: data.made: got 'sums' (str), expected 'arithmetic' or",
        ),
        ("made: arithmetic, ", "", "recipe.yaml:4: data: give exactly one of hub, file and made"),
        ("lora: {", "lora: [", "recipe.yaml: not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_key(
    original: str,
    replacement: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert original in RECIPE
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError) as error:
        Recipe.load(write_recipe(tmp_path, RECIPE.replace(original, replacement, 1)))
    assert message in str(error.value)
    assert ": : " not in str(error.value)


def test_a_mistake_in_a_compared_reward_is_named_with_its_line(tmp_path: Path) -> None:
    compare = "compare:\n  rewards:\n  - {type: xml_soft, valu: 1.0}\n"
    path = write_recipe(tmp_path, RECIPE.replace("compare: {rows: 3}\n", compare))
    message = r"recipe.yaml:\d+: compare.rewards.0: no field 'valu'; did you mean 'value'"
    with pytest.raises(RecipeError, match=message):
        Recipe.load(path)


def test_a_mistake_of_two_sections_is_named_at_one_of_them(tmp_path: Path) -> None:
    text = RECIPE.replace(", held_out: 4", "").replace("{rows: 3}", "{rows: null}")
    with pytest.raises(RecipeError) as error:
        Recipe.load(write_recipe(tmp_path, text))
    message = "recipe.yaml:28: compare.rows: null is all held-out or test rows"
    assert message in str(error.value)


def test_one_mistake_is_reported_once(tmp_path: Path) -> None:
    text = RECIPE.replace("verifier: number", "verifier: {type: number, rel_tol: x}")
    with pytest.raises(RecipeError) as error:
        Recipe.load(write_recipe(tmp_path, text))
    (line,) = str(error.value).splitlines()
    position = "recipe.yaml:13: rewards.1.terms.1.verifier.rel_tol"
    assert line.endswith(f"{position}: got 'x' (str), expected a number")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"'smollm2_lenght'; .*; did you mean 'smollm2_length'"):
        Recipe.load("smollm2_lenght")
    message = r"no packaged recipe 'mine'; .* ends in .yaml; `rewardkit recipes` lists the packaged"
    with pytest.raises(RecipeError, match=message):
        Recipe.load("mine")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"file not found: .*gone.yaml"):
        Recipe.load(tmp_path / "gone.yaml")


# Changes ------------------------------------------------------------------------------------------


def test_any_key_can_be_changed(tmp_path: Path) -> None:
    changes = {
        "training.learning_rate": 1e-5,
        "training.more.beta": 0.04,
        "save.push_to_hub": "me/sums",
        "rewards.1.terms.1.verifier": "exact",
        "show_every": 5,
    }
    recipe = Recipe.load(write_recipe(tmp_path), changes)
    assert recipe.training.learning_rate == 1e-5
    assert recipe.training.more == {"save_total_limit": 1, "beta": 0.04}
    assert recipe.save.push_to_hub == "me/sums"
    assert recipe.show_every == 5
    assert recipe.rewards[1].terms[1].verifier == rk.build("exact")


def test_an_item_of_a_list_that_the_file_leaves_out_can_be_changed() -> None:
    recipe = Recipe.load("smollm2_length", {"questions.texts.1": "What is 2 + 2?"})
    first, second, *rest = recipe.questions.texts
    assert (first, second, len(rest)) == (
        "Which is bigger? 9.11 or 9.9?",
        "What is 2 + 2?",
        2,
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "training.learning_rte",
            "command line: training.learning_rte: no such key; did you mean 'learning_rate'",
        ),
        ("rewards.2", "command line: rewards.2: rewards is a list; expected an index from 0 to 1"),
        ("questions.sampling.top", "questions.sampling.top: no such key"),
        ("questions.texts.9", "questions.texts.9: questions.texts is a list; expected an index"),
        ("rewards.x.name", "rewards is a list; expected an index from 0 to 1"),
        ("lora.rank.x", "lora.rank is 4, not a mapping; set lora.rank itself"),
        (
            "training.learning_rate",
            "command line: training.learning_rate: got 'x' (str), expected a number",
        ),
    ],
)
def test_a_wrong_change_is_named_without_a_line(key: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        Recipe.load(write_recipe(tmp_path), {key: "x"})
    assert message in str(error.value)
    assert "recipe.yaml" not in str(error.value)
