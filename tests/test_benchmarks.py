"""The benchmarks run and cover every built-in reward; no test depends on a time."""

from __future__ import annotations

import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import rewardkit as rk

ROOT = Path(__file__).parents[1]
ASK_MODELS = {"judge", "relative_judge", "reward_model"}
PACKAGES = ("trl", "math_verify", "verifiers", "langid", "py3langid")
OF_LEAVES = ("bfcl_eval", "jsonschema", "if_verifiable", "reasoning_gym", "transformers", "openai")
SOURCES = (
    *("trl", "math-verify", "verifiers", "langid", "py3langid", "bfcl-eval", "jsonschema"),
    *("if-verifiable", "reasoning-gym", "transformers", "by hand, openai"),
)


def hide(folder: Path, packages: tuple[str, ...]) -> Path:
    """Write a module for each package into a folder, which raises when imported."""
    for name in packages:
        source = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})\n'
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def without_peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that hides the peers' packages, but for those that rewards themselves use."""
    return hide(tmp_path_factory.mktemp("benchmark"), PACKAGES)


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


PAGE = ROOT / "docs" / "performance.md"
OF_THROUGHPUT = {"presets", "scorer", "shares", "packages", "by hand"}
PART = re.compile(r"<!-- measured: (.+?) -->(.*?)<!-- /measured: \1 -->", re.DOTALL)


def assert_only_these_changed(page: Path, names: set[str]) -> dict[str, str]:
    """Compare a copy of the page with the page, and return these parts of the copy."""
    old, new = PAGE.read_text("utf-8"), page.read_text("utf-8")
    assert PART.sub("", new) == PART.sub("", old)
    before, after = dict(PART.findall(old)), dict(PART.findall(new))
    assert {name for name in before if before[name] != after[name]} == names
    assert all("\n| --- |" in after[name] or "\n| ---: |" in after[name] for name in names)
    return {name: after[name] for name in names}


@pytest.fixture(scope="module")
def figures(without_peers: Path, tmp_path_factory) -> dict[str, list[dict]]:
    """The figures of throughput.py with tiny sizes."""
    sizes = ["--rows", "128", "--step", "64", "--rounds", "1"]
    sizes += ["--page", shutil.copy(PAGE, without_peers / "page.md")]
    folder = hide(tmp_path_factory.mktemp("all"), (*PACKAGES, *OF_LEAVES))
    printed, written = benchmark("throughput.py", *sizes, folder=folder)
    for source in SOURCES:
        assert f"skipped: {source}: " in printed
    return written


def test_each_part_of_the_page_is_written_by_a_benchmark():
    names = [name for name, _ in PART.findall(PAGE.read_text("utf-8"))]
    assert sorted(names) == sorted({*OF_THROUGHPUT, "programs", "processes"})
    assert PAGE.read_text("utf-8").count("measured: ") == 2 * len(names)


def test_a_benchmark_writes_its_own_tables(figures, without_peers):
    parts = assert_only_these_changed(without_peers / "page.md", OF_THROUGHPUT)
    assert "| `presets.reward_len` | the course's rule |" in parts["by hand"]
    assert "| all five |" in parts["presets"]
    # the machine and the versions are those of this run
    assert all(f"CPython {platform.python_version()}" in part for part in parts.values())


def test_a_page_without_the_marks_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    replace_parts = import_module("measuring").replace_parts
    with pytest.raises(ValueError, match="no part 'presets'"):
        replace_parts("<!-- measured: presets -->", {"presets": "|"})


def test_rounds_are_summarized_by_their_quartiles(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    spread = import_module("measuring").Spread
    assert spread.of([5.0, 1.0, 2.0, 4.0, 3.0]) == (3.0, 2.0, 4.0)
    assert spread.of([3.0, 1.0]) == (2.0, 1.0, 3.0)
    assert spread.of([0.5]).format() == "0.50 (0.50 to 0.50)"


def test_processes_are_measured_beside_pydantics_import(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import_time = import_module("import_time")
    seconds = {("-c", "import pydantic"): 0.1, ("check.py",): 3.5}
    monkeypatch.setattr(
        import_time, "process_seconds", lambda given, folder: seconds.get(tuple(given), 0.25)
    )
    page = shutil.copy(PAGE, tmp_path / "page.md")
    monkeypatch.setattr(sys, "argv", ["import_time.py", "--rounds", "1", "--page", str(page)])
    assert import_time.main() == 1
    # 0.25 s is 2.5 times 0.1 s: above 1.8 for the import, and below 3.6 for --help
    excesses = re.findall("above its bound: `(.+?)`", capsys.readouterr().out)
    assert excesses == ["import rewardkit", "check_reward"]
    part = assert_only_these_changed(Path(page), {"processes"})["processes"]
    assert "| `rewardkit --help` | 250 (250 to 250) ms | 2.50 | 3.6 |" in part


def test_the_five_presets_are_measured(figures):
    assert [*figures["figures"]][-1] == "all five"
    assert len(figures["figures"]) == 6


def test_the_five_by_hand_score_as_the_presets(figures):
    assert {row["by_hand_alike"] for row in figures["figures"].values()} == {1.0}


def test_packages_that_are_not_installed_are_named(figures):
    assert set(figures["skipped"]) == {*SOURCES, "language"}
    assert "pip install" in figures["skipped"]["trl"]
    own = {"", ", algebra", ", answers", ", turns", ", groups"}
    assert {row["source"] for row in figures["peers"]} == {f"by hand{part}" for part in own}


def test_the_notebooks_rules_by_hand_score_as_the_published_ones(figures):
    sizes = [key for key in figures["peers"][0] if key.endswith("characters")]
    assert len(sizes) == 2
    same = [row for row in figures["peers"] if row["reward"].startswith("published.")]
    assert len(same) == 4
    assert all(
        row[size]["alike"] == 1.0 and row[size]["rows"] == 64 for row in same for size in sizes
    )


def test_rules_for_answers_turns_and_groups_by_hand_score_as_the_rewards(figures):
    sizes = [key for key in figures["peers"][0] if key.endswith("characters")]
    kinds = {f"by hand, {kind}" for kind in ("answers", "turns", "groups")}
    rows = [row for row in figures["peers"] if row["source"] in kinds]
    assert len(rows) == 11
    assert {row[size]["alike"] for row in rows for size in sizes} == {1.0}


def test_the_time_of_workers_counts_where_a_reward_needs_them(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    measuring = import_module("measuring")
    monkeypatch.setattr(measuring, "_clock", measuring.time.process_time)
    program = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    command = [sys.executable, "-S", "-c", program]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as worker:
        took = measuring.measure_seconds(worker.stdout.readline, in_workers=True)
        worker.communicate(b"\n")
    assert 0.1 < took < 0.5


def test_every_other_reward_has_a_share_and_a_bound(figures):
    built_in = {name for name in rk.names("reward") if "/" not in name}
    assert {row["name"] for row in figures["shares"]} == built_in - {*ASK_MODELS, "language"}
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
    assert measured_names == built_in - {"language", "linear", "reward_model"} | {"sum"}
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
    page = shutil.copy(PAGE, without_peers / "programs.md")
    sizes = ["--rows", "2", "--rounds", "1", "--page", page]
    printed, figures = benchmark("sandbox.py", *sizes, folder=without_peers)
    assert_only_these_changed(Path(page), {"programs"})
    assert list(figures) == ["asserts", "1 input", "10 inputs"]
    for kind, ways in figures.items():
        assert {"code", "python -c"} <= set(ways)
        assert f"| {kind} | `code` |" in printed
        # of all processes, those that the caller waits for too
        assert all(total > caller > 0 == right - 1 for _, total, caller, right in ways["code"])


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
