"""Each example runs as it is, with stand-ins for the hub and the GPU: see conftest.py."""

from __future__ import annotations

import ast
import importlib.util
import re
import runpy
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rewardkit import registry
from rewardkit.verify._sandbox import host

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
# the demo has a test of its own
SCRIPTS = [path for path in sorted(EXAMPLES.glob("*.py")) if path.name != "demo.py"]
ADAPTERS = {
    "gsm8k_unsloth": "gsm8k-lora",
    "gsm8k_trl": "gsm8k-trl/adapter",
    "language_unsloth": "indonesian-lora",
    "length_trl": "smollm-length/adapter",
    "code_reward": "mbpp/adapter",
    "multi_task": "two-tasks/adapter",
}
"""Where each example that trains saves its adapter."""


@pytest.fixture
def run(trainers, tmp_path, capsys):
    """Runs an example that trains; returns its output, each reward's mean per step, its names."""

    def run_script(name: str) -> tuple[str, dict[str, list[float]], dict[str, Any]]:
        names = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        assert (tmp_path / ADAPTERS[name] / "adapter_model.safetensors").is_file()
        (trainer,) = trainers
        return capsys.readouterr().out, read_means(trainer), names

    return run_script


def read_means(trainer: Any) -> dict[str, list[float]]:
    logs = [log for log in trainer.state.log_history if "reward_std" in log]
    assert len(logs) == 2
    assert all(log["reward_std"] > 0 for log in logs)
    names = [reward.__name__ for reward in trainer.reward_funcs]
    return {name: [log[f"rewards/{name}/mean"] for log in logs] for name in names}


def near(*values: float) -> Any:
    return pytest.approx(list(values), abs=1e-5)


def test_gsm8k_unsloth(run):
    output, means, _ = run("gsm8k_unsloth")
    # of a group of six, two completions are right in the layout and two are wrong in it
    assert means == {
        "xmlcount_reward_func": near(1 / 3, 1 / 3),
        "soft_format_reward_func": near(1 / 3, 1 / 3),
        "strict_format_reward_func": near(1 / 3, 1 / 3),
        "int_reward_func": near(1 / 3, 1 / 3),
        "correctness_reward_func": near(2 / 3, 2 / 3),
    }
    assert output.endswith(
        "int_reward_func: 0.5, kind: integer\ncorrectness_reward_func: 2, correct\n"
    )


def test_gsm8k_trl(run):
    output, means, _ = run("gsm8k_trl")
    # of four completions one is right in the layout and one is wrong in it
    assert means == {"right": near(0.5, 0.5), "layout": near(0.25, 0.25), "brief": near(0, 0)}
    assert "right: 0.50 before, 0.50 after\nlayout: 0.25 before, 0.25 after\n" in output


def test_gsm8k_trl_ends_before_the_model_loads_if_no_reward_can_be_earned(trainers, monkeypatch):
    monkeypatch.setattr("rewardkit.extract.Tag.extract", lambda *_: None)
    with pytest.raises(SystemExit, match=r"^right: no_answer"):
        runpy.run_path(str(EXAMPLES / "gsm8k_trl.py"), run_name="__main__")
    assert trainers == []


def test_language_unsloth(run):
    pytest.importorskip("langid")
    output, means, names = run("language_unsloth")
    assert names["monitor"].figures.step == 2
    # a group has four completions: right and Indonesian, wrong and Indonesian, right and English,
    # and one without think tags
    assert means == {
        "match_format_exactly": near(9 / 4, 9 / 4),
        "match_format_approximately": near((3 - 2) / 4, (3 - 2) / 4),
        "check_answer": near((5 - 2.5 + 5 - 2) / 4, (5 - 2.5 + 5 - 2) / 4),
        "check_numbers": near((3.5 - 1.5 + 3.5 - 2.5) / 4, (3.5 - 1.5 + 3.5 - 2.5) / 4),
        "format_and_language_reward_func": near((5 + 5 - 3 - 5) / 4, (5 + 5 - 3 - 5) / 4),
    }
    assert "10 of 20 in Indonesian without the adapter\n" in output
    assert "20 of 20 in Indonesian with the adapter\n" in output


def test_length_trl(run):
    output, means, _ = run("length_trl")
    # 50 characters, 10, more than 250, and 50 again
    assert means == {"near_50": near(-240 / 4, -240 / 4)}
    assert output.count("50 characters, reward 0: A cat sat.") == 3


def test_code_reward(run, monkeypatch, sandboxed):
    if sandboxed:
        monkeypatch.setattr(host, "find_bubblewrap", lambda: None)
    output, means, _ = run("code_reward")
    assert output.startswith("1: correct\n0.5: wrong: 1 of 2 tests; ")
    assert 0 < means["tests_pass"][0] < 1
    assert means["block"] == near(0.5, 0.5)


def test_multi_task(run):
    _, means, names = run("multi_task")
    # of four completions one is right in the layout and one is wrong in it; the second step has
    # rows of one task alone
    assert means["number"] == [0.25, None]
    assert means["letter"] == near(0.25, 0.25)
    # the weight falls by 0.75 in 100 steps
    assert means["layout"] == near(0.5, 0.5 * (1 - 0.0075))
    assert means["brief"] == near(0, 0)
    _, _, layout, brief = names["reward_funcs"]
    rows = {
        "completions": ["<reasoning>1</reasoning><answer>1</answer>"],
        "completion_ids": [[0] * 384],
    }
    state = [SimpleNamespace(global_step=step) for step in (100, 150, 200)]
    assert [layout(**rows, trainer_state=each) for each in state] == [[0.25]] * 3
    assert [brief(**rows, trainer_state=each) for each in state] == [[0.0], [-0.25], [-0.5]]


def test_custom_reward(monkeypatch, capsys):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    runpy.run_path(str(EXAMPLES / "custom_reward.py"), run_name="__main__")
    assert capsys.readouterr().out == (
        "2.0: all of them\n1.0: without tea\ntype: examples/keywords\nvalue: 2.0\n"
    )


def test_custom_reward_passes_its_own_tests(monkeypatch):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    monkeypatch.syspath_prepend(EXAMPLES)  # the kit unpickles the reward in another process
    spec = importlib.util.spec_from_file_location("custom_reward", EXAMPLES / "custom_reward.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "custom_reward", module)
    spec.loader.exec_module(module)
    module.test_it_rewards_the_keywords()
    module.test_it_has_the_properties_of_a_reward()


def test_score_and_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["score_and_report.py"])
    runpy.run_path(str(EXAMPLES / "score_and_report.py"), run_name="__main__")
    output = capsys.readouterr().out
    assert output.startswith("right: mean 0.75, 0.0 to 2.0\nlayout: mean 0.25, 0.0 to 0.5\n")
    assert output.endswith("Open report.html in a browser.\n")


# The files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_a_single_file_that_says_what_it_needs(path):
    text = path.read_text(encoding="utf-8")
    assert 40 <= text.count("\n") <= 120
    header = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n\"\"\"", text)
    assert header is not None
    needs = tomllib.loads(re.sub("^# ?", "", header[1], flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert needs["requires-python"] == project["requires-python"]
    names = {re.match(r"[\w-]+", needed)[0] for needed in needs["dependencies"]}
    (own,) = [needed for needed in needs["dependencies"] if needed.startswith("rewardkit")]
    extras = re.fullmatch(r"rewardkit\[([\w,]+)\]", own)[1].split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    assert read_imports(text) <= {*names, *extras, *sys.stdlib_module_names}


def read_imports(text: str) -> set[str]:
    """Return the packages that a file imports, in which Unsloth has to come before TRL."""
    modules = [
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.parse(text).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    packages = [str(module).partition(".")[0] for module in modules]
    if "unsloth" in packages:
        assert packages.index("unsloth") < min(map(packages.index, ("datasets", "trl", "vllm")))
        # these come with Unsloth
        packages = [name for name in packages if name not in ("datasets", "trl")]
    return set(packages)


def test_the_table_names_every_file():
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[`([\w/.]+)`\]\(([\w/.]+)\) \|", table, re.MULTILINE)
    assert all(name == link for name, link in listed)
    files = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("notebooks/*.ipynb")]
    assert {name for name, _ in listed} >= {str(path.relative_to(EXAMPLES)) for path in files}
    assert all((EXAMPLES / name).exists() for name, _ in listed)
