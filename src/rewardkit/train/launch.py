"""A whole run, step by step: `run` is what the command `rewardkit train` calls."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rewardkit.audit import DATASET, Preflight
from rewardkit.train.backends import BACKENDS, Backend
from rewardkit.train.comparison import ask_all_questions, ask_questions, compare_adapter
from rewardkit.train.environment import (
    check_hub_dataset,
    check_hub_model,
    check_packages,
    choose_padding,
    describe_hub_needs,
    is_installed,
    is_main_process,
    set_environment,
)
from rewardkit.train.folder import RunFolder, checkpoint_step, is_complete
from rewardkit.train.grpo_arguments import (
    check_training_values,
    make_config,
    translate_arguments,
)
from rewardkit.train.recipe import Recipe
from rewardkit.train.recipe_sections import Row
from rewardkit.train.rows import check_rewards, hold_out, load_rows, load_test_rows, prepare_rows
from rewardkit.train.saved import (
    MAX_MEAN_DISTANCE_NATS,
    MAX_ROUNDING_SHARE,
    check_saved,
    find_blank_tensors,
    push_to_hub,
    save_merged_models,
)
from rewardkit.train.summary import draw_plots, print_summary, summarize_log
from rewardkit.train.tokens import drop_long_prompts, find_role_tokens
from rewardkit.train.trainer import count_parameters, make_trainer


class RunResult(NamedTuple):
    """How a run ended."""

    preflight: Preflight
    """What the preflight found in the rewards."""
    failures: tuple[str, ...] = ()
    """Why the run, or what it saved, cannot be used; empty for success."""
    summary: Row | None = None
    """The content of `summary.json`; None for a preflight, and in all processes but the main."""


def run(  # noqa: PLR0913 - the options of the command
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    preflight_only: bool = False,
    ignore_preflight: bool = False,
    gpu: str | None = None,
) -> RunResult:
    """Train a model from a recipe into a run folder, and check what was saved.

    `resume` continues from the folder's last checkpoint. `preflight_only` stops before anything is
    loaded. `ignore_preflight` trains although the preflight found problems. `gpu` is the number of
    the GPU to use, if PyTorch has not been used yet. Raises RecipeError for a mistake in the
    recipe or the folder, and ImportError for a missing package, both before any weight is loaded.

    >>> recipe = Recipe.load("smollm2_length")
    >>> result = run(recipe, "runs/length", preflight_only=True)
    preflight: 200 rows, ...
    >>> result.failures
    ()
    """
    target = RunFolder(recipe, Path(folder))
    with set_environment(target.path, gpu):
        needs = describe_hub_needs(recipe, with_model=not preflight_only)
        _print_lines(*needs)
        if not preflight_only:
            # before the data: these checks take milliseconds
            if is_main_process():
                target.check_usable(resume=resume)
            check_packages(recipe)
            check_hub_model(recipe)
        check_hub_dataset(recipe.data)
        raw = load_rows(recipe.data)
        rows, held_out = hold_out(prepare_rows(recipe, raw), recipe.data.held_out)
        if test := load_test_rows(recipe.data):
            held_out = prepare_rows(recipe, test)
        preflight = check_rewards(recipe, [*rows, *held_out])
        _print_lines(str(preflight))
        failures = _explain_preflight(preflight, ignored=ignore_preflight)
        if failures or preflight_only:
            return RunResult(preflight, failures)
        return _train_and_save(target, rows, held_out, preflight, resume=resume)


def _explain_preflight(preflight: Preflight, *, ignored: bool) -> tuple[str, ...]:
    # what is wrong with some rows, as a repeated one, is printed and does not keep it from training
    problems = [problem for problem in preflight.problems if problem.reward != DATASET]
    if not problems:
        return ()
    # cannot be ignored: a reward without its column raises an error in the first step
    missing = [problem for problem in problems if problem.kind == "missing_column"]
    if missing:
        names = ", ".join(sorted({problem.reward for problem in missing}))
        return (f"a column that a reward reads is not in the dataset ({names})",)
    if ignored:
        return ()
    names = ", ".join(dict.fromkeys(problem.reward for problem in problems))
    advice = (
        "change the rewards or the recipe's `completion`, or train anyway with --ignore-preflight"
    )
    return (f"the preflight found problems in {names}; {advice}",)


def _print_lines(*lines: str) -> None:
    if lines and is_main_process():
        print(*lines, sep="\n", flush=True)


# Training -----------------------------------------------------------------------------------------


def _train_and_save(
    folder: RunFolder,
    rows: list[Row],
    held_out: list[Row],
    preflight: Preflight,
    *,
    resume: bool,
) -> RunResult:
    recipe, notes = folder.recipe, folder.notes
    _import_trainer(recipe, notes)
    if preflight.problems:
        kinds = ", ".join(f"{problem.reward}: {problem.kind}" for problem in preflight.problems)
        notes.append(f"the preflight's problems were ignored ({kinds})")
    backend = BACKENDS[recipe.backend](recipe, notes)
    notes.append(count_parameters(backend.model))
    role_tokens = find_role_tokens(backend.tokenizer) or "none"
    notes.append(f"the model's own think and role tokens: {role_tokens}")
    rows, limit = drop_long_prompts(recipe.training, rows, backend.tokenizer, notes)
    config = make_config(folder, backend, limit)
    checkpoint = folder.find_last_checkpoint() if resume else None
    if is_main_process():
        folder.create(preflight, ignored=bool(preflight.problems))
        _begin_log(folder, backend, checkpoint, resume=resume)
    trainer = make_trainer(folder, backend, config, rows, held_out)
    if checkpoint and is_complete(checkpoint, config):
        # killed while saving: `train` would run one step too many
        backend.model.load_adapter(str(checkpoint), "default", is_trainable=True)
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if not held_out:
        notes.append("the comparison used training rows; set data.held_out or data.test_file")
    if not is_main_process():
        return RunResult(preflight)
    return _finish_run(folder, backend, held_out or rows, preflight)


def _import_trainer(recipe: Recipe, notes: list[str]) -> None:
    """Import Unsloth, then TRL, and refuse an argument that this TRL cannot take."""
    if recipe.backend == "unsloth":
        notes += choose_padding(vllm=recipe.model.fast_inference and is_installed("vllm"))
        importlib.import_module("unsloth")
    from trl import GRPOConfig

    translate_arguments(recipe.training.more, GRPOConfig.__dataclass_fields__)
    check_training_values(recipe.training, GRPOConfig)


def _begin_log(
    folder: RunFolder, backend: Backend, checkpoint: Path | None, *, resume: bool
) -> None:
    """Prepare the log, and ask the untrained model one question."""
    folder.drop_rows_after(checkpoint_step(checkpoint))
    _print_lines(*folder.notes)
    if "swanlab" in folder.recipe.report_to:
        # the callback of transformers looks for an open run
        importlib.import_module("swanlab").init(experiment_name=folder.path.name)
    if checkpoint is not None:
        _print_lines(f"resuming after step {checkpoint_step(checkpoint)}")
        return
    if resume:
        _print_lines("no checkpoint found: starting with the first step")
    before = ask_questions(folder.recipe, backend, adapter=False, system=True, limit=1)
    folder.write("before.json", before)
    _print_lines(*(f"before: {answer['question']}\n  {answer['response']}" for answer in before))


# After training -----------------------------------------------------------------------------------


def _finish_run(
    folder: RunFolder, backend: Backend, rows: Sequence[Row], preflight: Preflight
) -> RunResult:
    """Save, compare, merge, convert, reload what was saved, push, and summarize."""
    backend.save_adapter(folder.path / "adapter")
    log = folder.read_log()
    summary = _summarize_run(folder, backend, rows, log)
    summary["preflight"] = {
        "problems": len(preflight.problems),
        "ignored": bool(preflight.problems),
    }
    summary["alerts"] = [row["text"] for row in folder.read_rows("alerts.jsonl")]
    folder.write("summary.json", summary)  # before anything that may fail
    save_merged_models(folder, backend)
    blank = find_blank_tensors(folder.path / "adapter")
    saved = check_saved(folder, backend, rows[0]["prompt"])
    limits = {"bound": MAX_MEAN_DISTANCE_NATS, "rounding": MAX_ROUNDING_SHARE}
    folder.write("checks.json", {"blank_tensors": blank, **limits, **saved})
    changed = [name for name, check in saved.items() if "fits" in check and not check["fits"]]
    failures = explain_failures(len(blank), changed, log)
    folder.notes.append(f"LoRA tensors that are still zero: {len(blank)}")
    folder.notes.append(f"different from the trained model: {', '.join(changed) or 'none'}")
    repo = folder.recipe.save.push_to_hub
    if repo and failures:
        folder.notes.append("save.push_to_hub: not pushed, since the run failed its checks")
    elif repo:
        push_to_hub(folder, repo)
    summary |= {"failures": list(failures), "notes": folder.notes}
    folder.write("summary.json", summary)
    print_summary(summary)
    _print_lines("", *summary["alerts"], *folder.notes)
    _close_trackers(folder.recipe)
    return RunResult(preflight, failures, summary)


def explain_failures(
    blank_tensors: int, changed: Sequence[str], log: Sequence[Row]
) -> tuple[str, ...]:
    """Explain why the saved files cannot be used: tensors that were not trained, changed models."""
    failures = []
    if blank_tensors:
        varied = any(row["reward_std"] for row in log)
        reason = (
            "these layers got no gradient, or the learning rate is too small"
            if varied
            else "no reward varied, so nothing was learned"
        )
        failures.append(f"{blank_tensors} LoRA tensors are still zero ({reason})")
    failures += [
        f"{name} differs from the trained model after reloading (see checks.json)"
        for name in changed
    ]
    return tuple(failures)


def _summarize_run(
    folder: RunFolder, backend: Backend, rows: Sequence[Row], log: Sequence[Row]
) -> dict[str, Any]:
    folder.write("after.json", ask_all_questions(folder.recipe, backend))
    comparison = compare_adapter(folder, backend, rows)
    folder.write("comparison.json", comparison)
    if is_installed("matplotlib"):
        draw_plots(log, folder.path / "plots.svg")
    else:
        folder.notes.append("no plots.svg: matplotlib is not installed")
    sides = {side: {**comparison[side]} for side in ("without", "with")}
    for side in sides.values():
        del side["responses"]
    return {**summarize_log(log), **sides, "margins": comparison["margins"]}


def _close_trackers(recipe: Recipe) -> None:
    # the others are closed by the trainer or at exit; a notebook has no exit
    if "swanlab" in recipe.report_to:
        importlib.import_module("swanlab").finish()
