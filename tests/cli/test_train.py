"""The commands train and recipes; a whole run is in tests/train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewardkit import train
from rewardkit.cli import main
from rewardkit.train.recipe import recipe_names
from tiny_run import write_recipe


class Given(dict[str, Any]):
    """The arguments that the command passed to `run`."""


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    options = Given()

    def run(recipe: Any, folder: Path, **rest: Any) -> Any:
        options.update(rest, recipe=recipe, folder=folder)
        return train.RunResult(preflight=None)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "run", run)
    monkeypatch.chdir(tmp_path)
    write_recipe(tmp_path)
    return options


def test_the_options_change_the_recipe(given: Given) -> None:
    options = "--backend unsloth --model m --steps 7 --seed 5 --report-to swanlab,wandb --no-vllm"
    assert main(["train", "recipe.yaml", *options.split()]) == 0
    recipe = given["recipe"]
    assert (recipe.backend, recipe.model.name) == ("unsloth", "m")
    assert (recipe.training.max_steps, recipe.training.seed) == (7, 5)
    assert recipe.report_to == ("swanlab", "wandb")
    assert recipe.model.fast_inference is False


def test_without_options_the_recipe_stays(given: Given) -> None:
    assert main(["train", "recipe.yaml"]) == 0
    assert given["recipe"] == train.Recipe.load("recipe.yaml")
    assert given["folder"] == Path("runs", "recipe")
    flags = ("resume", "preflight_only", "ignore_preflight", "gpu")
    assert [given[flag] for flag in flags] == [False, False, False, None]


def test_flags_reach_the_run(given: Given) -> None:
    flags = "--output out --resume --preflight --ignore-preflight --gpu 3"
    assert main(["train", "recipe.yaml", *flags.split()]) == 0
    assert given["folder"] == Path("out")
    names = ("resume", "preflight_only", "ignore_preflight", "gpu")
    assert [given[name] for name in names] == [True, True, True, "3"]


def test_set_changes_any_key(given: Given) -> None:
    settings = ["training.learning_rate=1e-5", "training.more.beta=0.04", "report_to=[wandb]"]
    assert main(["train", "recipe.yaml", *(f"--set={setting}" for setting in settings)]) == 0
    recipe = given["recipe"]
    assert recipe.training.learning_rate == 1e-5
    assert recipe.training.more["beta"] == 0.04
    assert recipe.report_to == ("wandb",)


def test_a_local_file_replaces_the_dataset(given: Given) -> None:
    Path("rows.jsonl").touch()
    assert main(["train", "llama31_gsm8k", "--data", "rows.jsonl"]) == 0
    data = given["recipe"].data
    assert (data.file, data.hub, data.made) == (Path("rows.jsonl"), None, None)


def test_a_local_test_file_replaces_the_held_out_rows(given: Given) -> None:
    Path("rows.jsonl").touch()
    Path("test.jsonl").touch()
    assert main(["train", "recipe.yaml", "--test", "test.jsonl"]) == 0
    data = given["recipe"].data
    assert (data.test_file, data.held_out) == (Path("test.jsonl"), 0)
    files = ["--data", "rows.jsonl", "--test", "test.jsonl"]
    assert main(["train", "qwen25_coder_gsm8k", *files]) == 0
    data = given["recipe"].data
    assert (data.hub, data.test_split, data.test_file) == (None, None, Path("test.jsonl"))


def test_all_test_rows_need_test_rows(given: Given, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.jsonl").touch()
    assert main(["train", "qwen25_coder_gsm8k", "--data", "rows.jsonl"]) == 2
    assert "and the recipe has none; give data.test_file (--test FILE)" in capsys.readouterr().err
    assert not given


@pytest.mark.usefixtures("given")
def test_each_mistake_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["train", "recipe.yaml", "--steps", "0", "--report-to", "x"])
    assert code == 2
    steps, tracker = capsys.readouterr().err.splitlines()
    assert steps.startswith(
        "rewardkit: command line: training.max_steps: got 0 (int), expected greater than"
    )
    assert tracker.startswith(
        "rewardkit: command line: report_to.0: got 'x' (str), expected 'swanlab'"
    )


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("setting", ["learning_rate", "=3", "training.seed=[1"])
def test_a_setting_that_cannot_be_read_is_named(
    setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "recipe.yaml", "--set", setting]) == 2
    assert capsys.readouterr().err.startswith(f"rewardkit: --set {setting}: ")


def test_a_failure_is_printed_and_is_exit_code_1(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train.RunResult(preflight=None, failures=("a", "b"))  # type: ignore[arg-type]
    monkeypatch.setattr(train, "run", lambda *_, **__: result)
    assert main(["train", "recipe.yaml"]) == 1
    assert capsys.readouterr().err == "rewardkit: FAILED: a\nrewardkit: FAILED: b\n"
    assert given == {}


@pytest.mark.usefixtures("given")
def test_an_interrupted_run_prints_how_to_continue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", run)
    assert main(["train", "recipe.yaml"]) == 130
    assert "continue with the same command and --resume" in capsys.readouterr().err


def test_with_json_only_the_result_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "smollm2_length", "--preflight", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("preflight: 200 rows")
    result = json.loads(captured.out)
    assert (result["failures"], result["summary"]) == ([], None)
    assert result["preflight"]["row_count"] == 200


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in recipe_names())
    assert main(["recipes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [recipe["name"] for recipe in found] == recipe_names()
    assert {*found[0]} == {"name", "description", "model", "needs"}


def test_a_recipe_is_printed_as_a_template(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["recipes", "smollm2_length"]) == 0
    own = write_recipe(tmp_path, capsys.readouterr().out)
    assert train.Recipe.load(own) == train.Recipe.load("smollm2_length")
    assert main(["recipes", "smollm2_lenght"]) == 2
    assert "did you mean 'smollm2_length'" in capsys.readouterr().err
