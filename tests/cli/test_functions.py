from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest

import rewardkit as rk
from cli.commands import run
from rewardkit.cli import main
from rewardkit.cli.functions import (
    USUAL_VALUES,
    add_usual_values,
    find_columns,
    find_forms,
    read_values,
)


def right(completions, answer, *, weight=1.0, log_metric=None, **kwargs):
    golds = [f"{gold}" for gold in kwargs.get("target", answer)]
    return [weight * (gold in text) for text, gold in zip(completions, golds, strict=True)]


def bare(completions, solution):
    return [float(gold in text) for text, gold in zip(completions, solution, strict=True)]


class Callable:
    def __call__(self, completions, ground_truth, **kwargs):
        return [float(gold in text) for text, gold in zip(completions, ground_truth, strict=True)]


@pytest.mark.parametrize(
    ("reward", "columns"),
    [
        (right, [("answer", True), ("weight", False), ("target", False)]),
        (bare, [("solution", True)]),
        (Callable(), [("ground_truth", True)]),
        (functools.partial(right, weight=2.0), [("answer", True), ("weight", False)]),
        (rk.build("is_number"), []),
        (rk.build("ratio_match"), [("answer", True)]),
        (max, []),  # built in, without a signature
    ],
)
def test_the_columns_of_a_reward(reward, columns):
    found = [*find_columns(reward)]
    assert found[: len(columns)] == columns
    assert {*found} - {*columns} <= {("target", False)}  # of a partial, by its code


def test_usual_values_are_added_and_given_ones_kept():
    values = add_usual_values(right, {"answer": ["yes"]})
    assert values == {"answer": ["yes"], "target": [*USUAL_VALUES["target"]]}
    assert add_usual_values(bare, {"solution": ["4"], "level": ["1"]}) == {
        "solution": ["4"],
        "level": ["1"],
    }


def test_a_column_without_usual_values_is_named_with_the_option_that_gives_it(folder, capsys):
    Path("odd.py").write_text("def odd(completions, answr, **kwargs):\n    return [0.0]\n", "utf-8")
    assert main(["check", "odd.py:odd"]) == 2
    error = capsys.readouterr().err
    assert "reads the column 'answr'; give its values with --values FILE" in error
    assert "did you mean 'answer'" in error


@pytest.mark.parametrize(
    ("reward", "forms"),
    [
        (lambda completions, **_: [len(c[0]["content"]) for c in completions], ["chat"]),
        (lambda completions, **_: [float(c.endswith(".")) for c in completions], ["text"]),
        (lambda completions, **_: [0.0 for _ in completions], []),
        (lambda completions: [0.0 for _ in completions], []),
    ],
)
def test_the_one_form_of_a_function(reward, forms):
    assert find_forms(reward, {}) == forms


def test_the_form_of_an_async_function():
    async def last(completions, trainer_state, **kwargs):
        return [len(c[-1]["content"]) + trainer_state.global_step for c in completions]

    assert find_forms(last, {}) == ["chat"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("values.yaml", "answer: ['4', '5']\nlevel: [1]\n"),
        ("values.json", '{"answer": ["4", "5"], "level": [1]}'),
    ],
)
def test_a_file_of_values(name, text, folder):
    Path(name).write_text(text, "utf-8")
    assert read_values(name) == {"answer": ["4", "5"], "level": [1]}


@pytest.mark.parametrize("text", ["answer: '4'\n", "answer: []\n", "- answer\n", "{}\n"])
def test_a_file_that_holds_no_lists_is_refused(text, folder):
    Path("values.yaml").write_text(text, "utf-8")
    with pytest.raises(
        ValueError, match=r"--values values.yaml: expected a list of values per col"
    ):
        read_values("values.yaml")


def test_a_notebooks_function_is_checked_with_no_options(folder):
    pytest.importorskip("hypothesis")
    code = "import re\ndef right(completions, answer, **kwargs):\n"
    code += "    texts = [c[0]['content'] for c in completions]\n"
    code += "    return [float(a in t) for t, a in zip(texts, answer)]\n"
    Path("notebook.py").write_text(code, "utf-8")
    listed = json.loads(run("check", "notebook.py:right", "--law", "total", "--json", "--quick"))
    assert listed[0]["held"] == ["never_raises"]


def test_skipped_laws_name_the_commands_options(folder, capsys):
    pytest.importorskip("hypothesis")
    assert main(["check", "own_rewards.py:four", "number", "tag", "--quick", "--json"]) == 1
    listed = json.loads(capsys.readouterr().out)
    reasons = [why for result in listed for why in result["skipped"].values()]
    assert any("--bounds LOW..HIGH" in why for why in reasons)
    assert any("--right SOURCE" in why for why in reasons)
    assert not [why for why in reasons if re.search(r"\b[a-z]+=", why)]


def test_right_pairs_and_bounds_are_checked(folder, capsys):
    pytest.importorskip("hypothesis")
    Path("right.jsonl").write_text('{"answer": "1,000", "reference": "1000"}\n', "utf-8")
    few = ["--max-examples", "5"]
    assert main(["check", "number", "--right", "right.jsonl", "--law", "right", *few]) == 0
    assert main(["check", "exact", "--right", "right.jsonl", "--law", "right", *few]) == 1
    assert main(["check", "own_rewards.py:four", "--bounds", "0..0.5", "--law", "bounds"]) == 1
    assert main(["check", "number", "--right", "in.jsonl"]) == 2
    assert 'expected rows such as {"answer": "1,000"' in capsys.readouterr().err


def test_imported_modules_register_rewards_for_yaml(folder, capsys):
    code = "import rewardkit as rk\n\n@rk.register('cli_own')\nclass Own(rk.Reward):\n"
    code += "    def score(self, batch):\n        return [rk.Score(1.0) for _ in batch.texts]\n"
    Path("cli_own_module.py").write_text(code, "utf-8")
    Path("own.yaml").write_text("type: cli_own\n", "utf-8")
    score = ["score", "in.jsonl", "own.yaml", "-o", "out.jsonl", "-c", "response=completion"]
    assert main(score) == 2
    assert "add --import MODULE" in capsys.readouterr().err
    assert main([*score, "--import", "cli_own_modul"]) == 2
    assert "--import cli_own_modul: No module named" in capsys.readouterr().err
    assert main([*score, "--import", "cli_own_module"]) == 0


def test_a_preset_is_named_as_in_a_recipe(folder):
    score = ["score", "in.jsonl", "-c", "response=completion", "--json", "--fresh"]
    for name in ("reward_len", "published.reward_len"):
        scored = json.loads(run(*score, name, "-o", f"{name}.jsonl"))
        assert scored["rewards"][0]["name"] == "reward_len"
