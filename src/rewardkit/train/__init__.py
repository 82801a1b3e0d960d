"""Train a language model with GRPO from a recipe: `rewardkit train RECIPE`, or `run` in Python.

A recipe is a YAML file that says everything: model, LoRA, data, prompt, rewards, trainer. It runs
on either of two backends: `unsloth` (Unsloth, with or without vLLM) and `trl` (plain TRL and peft,
on a CPU, one GPU, or several under `accelerate launch`).
"""

from rewardkit.train.launch import RunResult, run
from rewardkit.train.recipe import Recipe, RecipeError, RecipeInfo, list_recipes

__all__ = ["Recipe", "RecipeError", "RecipeInfo", "RunResult", "list_recipes", "run"]
