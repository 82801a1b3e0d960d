"""The benchmarks run and cover every built-in reward; no test depends on a time."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import rewardkit as rk

ROOT = Path(__file__).parents[1]
PACKAGES = ("trl", "math_verify", "verifiers", "langid", "py3langid")
SOURCES = ("trl", "math-verify", "verifiers", "langid", "py3langid")


@pytest.fixture(scope="module")
def without_peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module for each peer's package, which raises when imported."""
    folder = tmp_path_factory.mktemp("benchmark")
    for name in PACKAGES:
        source = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})\n'
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder


def benchmark(name: str, *given: str, folder: Path) -> tuple[str, dict]:
    """Run a benchmark without the peers' packages; return its output and its figures."""
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / name, *given, "--json", folder / "out"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src")]),
            "REWARDKIT_NO_PLUGINS": "1",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, json.loads((folder / "out").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def figures(without_peers: Path) -> dict[str, list[dict]]:
    """The figures of throughput.py with tiny sizes."""
    sizes = ["--rows", "512", "--step", "64", "--rounds", "1"]
    printed, written = benchmark("throughput.py", *sizes, folder=without_peers)
    for source in SOURCES:
        assert f"skipped: {source}: " in printed
    return written


def test_the_five_presets_are_measured(figures):
    assert [*figures["figures"]][-1] == "all five"
    assert len(figures["figures"]) == 6


def test_the_five_by_hand_score_as_the_presets(figures):
    assert {row["by_hand_alike"] for row in figures["figures"].values()} == {1.0}


def test_packages_that_are_not_installed_are_named(figures):
    assert set(figures["skipped"]) == {*SOURCES, "language"}
    assert "pip install" in figures["skipped"]["trl"]
    assert {row["source"] for row in figures["peers"]} == {"by hand", "by hand, algebra"}


def test_the_notebooks_rules_by_hand_score_as_the_published_ones(figures):
    sizes = [key for key in figures["peers"][0] if key.endswith("characters")]
    assert len(sizes) == 2
    same = [row for row in figures["peers"] if row["reward"].startswith("published.")]
    assert len(same) == 4
    assert all(
        row[size]["alike"] == 1.0 and row[size]["rows"] == 64 for row in same for size in sizes
    )


def test_every_other_reward_has_a_share_and_a_bound(figures):
    built_in = {name for name in rk.names("reward") if "/" not in name}
    assert {row["name"] for row in figures["shares"]} == built_in - {"judge", "language"}
    for row in figures["shares"]:
        assert row["percent"] == pytest.approx(100 * row["seconds"] / 25.6)
        assert row["bound"] == 0.5


def test_words_and_groups_are_measured_on_more_of_them(figures):
    measured = [(row["name"], row["on"]) for row in figures["shares"] if row["on"]]
    sizes = [on.rpartition(" ")[2] for name, on in measured if name == "diversity"]
    assert sizes == ["8", "16", "64"]
    assert {name for name, _ in measured} == {"repetition", "prompt_overlap", "diversity"}


def test_growth_is_measured_for_every_other_reward_on_every_shape(without_peers):
    printed, written = benchmark(
        "scaling.py", "--size", "2000", "--most", "1e9", folder=without_peers
    )
    assert "skipped: language" in printed
    built_in = {name for name in rk.names("reward") if "/" not in name}
    measured_names = {re.split(r"\W", name)[0] for name in written}
    assert measured_names == built_in - {"language", "linear"} | {"sum"}
    assert len({tuple(shapes) for shapes in written.values()}) == 1
    assert {"digits", "many words"} < {*next(iter(written.values()))}
    measured = [row for shapes in written.values() for row in shapes.values()]
    assert all(row["seconds"] > 0 and row["ratio"] > 0 for row in measured)


def test_each_fuzz_target_reads_its_seeds(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    fuzz, targets = import_module("fuzz"), import_module("fuzz_targets").TARGETS
    dice = random.Random(0)  # noqa: S311 - no secrets
    for name, target in targets.items():
        run, _ = fuzz.watch(target.run, name)
        for seed in [seed.encode() for seed in target.seeds]:
            for given in (seed, b"", fuzz.change(dice, seed, [b"<", b"7"])):
                run(given)


def test_a_finding_is_kept_and_raised(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    fuzz = import_module("fuzz")
    monkeypatch.setattr(fuzz.tempfile, "gettempdir", lambda: str(tmp_path))

    def target(data: bytes) -> None:
        raise KeyError(data)

    run, _ = fuzz.watch(target, "numbers")
    with pytest.raises(KeyError):
        run(b"7")
    assert (tmp_path / "fuzz-numbers-finding").read_bytes() == b"7"


@pytest.mark.sandbox
def test_code_is_measured_beside_plain_subprocesses(without_peers):
    sizes = ["--rows", "2", "--rounds", "1"]
    printed, figures = benchmark("sandbox.py", *sizes, folder=without_peers)
    assert list(figures) == ["asserts", "1 input", "10 inputs"]
    for kind, ways in figures.items():
        assert {"code", "python -c"} <= set(ways)
        assert f"| {kind} | code |" in printed
        # of all processes, those that the caller waits for too
        assert all(total > caller > 0 for _, total, caller in ways["code"])


@pytest.fixture(scope="module")
def planted():
    """The benchmark of planted bugs; by its path, since the tests have a module of its name."""
    spec = spec_from_file_location("planted_benchmark", ROOT / "benchmarks" / "planted.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop(spec.name)


PLANTS = """
import json, runpy, sys
planted = runpy.run_path(sys.argv[1])
planted["read_plants"].__globals__["has_module"] = lambda name: False  # torch takes seconds
plants = [*planted["read_plants"]()]
split = [target.split(":") for p in plants for target in p.targets if ".py:" in target]
named = {name: hasattr(sys.modules[path.rpartition("/")[2][:-3]], name) for path, name in split}
print(json.dumps([[(p.kind, p.reason, p.source, p.targets) for p in plants], named]))
"""


def test_every_planted_bug_is_there_with_a_reason(planted):
    # in a process of its own, since the verifiers among them are registered
    command = [sys.executable, "-c", PLANTS, str(ROOT / "benchmarks" / "planted.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plants, named = json.loads(done.stdout)
    assert all(named.values())
    for kind, reason, source, _ in plants:
        assert source
        assert kind in {"hackable", "right", "public"} or reason in planted.LAWS
    counts = Counter(plant[0] for plant in plants)
    assert counts["mechanical"] >= 40
    assert counts["public"] == 17
    assert len({tuple(targets) for *_, targets in plants}) == len(plants)


BLOCKS = "<think>\nI add them up.\n</think>\n<answer>\n{answer}\n</answer>"


@pytest.mark.parametrize(
    ("text", "layout", "answer"),
    [
        ("<think>\nI add them up.\n</think>\n<answer>\n42\n</answer>", True, True),
        ("<think>\nI add them up.\n</think>\n<answer>\n42.0\n</answer>", True, True),
        ("<think>\nI add them up.\n</think>\n<answer>\n85\n</answer>", True, False),
        ("<think>\n...\n</think>\n<answer>\n42\n</answer>", False, True),
        ("<think>\nI add them up.\n</think>\n<answer>\n\n</answer>", False, False),
        ("<think>\nI add them up.\n</think>\n<answer>\n<|im_end|>\n</answer>", False, False),
        ("<answer>\n42\n</answer>\n<think>\nI add them up.\n</think>", False, True),
        (f"{BLOCKS}\n<answer>\n85\n</answer>", False, False),
        ("", False, False),
    ],
)
def test_a_false_exploit_is_a_valid_completion(planted, text, layout, answer):
    assert planted.keeps_layout(text, BLOCKS) is layout
    assert planted.gives_answer(text, BLOCKS, "42") is answer


def test_what_a_command_printed_is_read(planted):
    printed = 'a warning\n[\n {"findings": [{"law": "total"}]},\n {"findings": []}\n]\n'
    assert planted.read_findings(printed) == ("ok", [{"law": "total"}])
    assert planted.read_findings('{"findings": []}') == ("ok", [])
    assert planted.read_findings("rewardkit: no such reward\n") == ("rewardkit: no such reward", [])


def test_a_plant_is_found_by_a_law_that_is_about_it(planted, monkeypatch):
    plant = planted.Plant("a", "mechanical", ("a.py:a",), "length", "a bug")
    for law, found in (("length", True), ("pickles", False)):
        run = planted.Run([{"law": law}], 1.0, 1.0, "ok")
        monkeypatch.setattr(planted, "run_command", lambda *_, run=run: run)
        result = planted.measure_plant(plant, 1.0)
        assert (result.by_check, result.by_audit) == (found, False)
