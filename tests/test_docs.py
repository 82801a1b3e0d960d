"""What the pages of the site say is so: their examples run, and their tables hold."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rewardkit
from rewardkit import presets
from rewardkit.presets import published as published_presets

DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(r"\| [^|`]+ \| `([^`]+)` \|(?: `([^`]+)` \|)? ([-.\d]+) \| ([-.\d]+) \|")


def read_tables() -> list[Any]:
    """Return a parameter set for every row under a heading of presets.md that names a function."""
    rows = []
    name, number = "", 0
    for line in (DOCS / "presets.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = re.fullmatch(r"### `(\w+)`", line)
            name, number = heading[1] if heading else "", 0
        elif line.startswith("|") and not line.startswith(("| ---", "| what it shows |")):
            number += 1
            row = ROW.fullmatch(line)
            assert row is not None, f"not a row of a table: {line}"
            rows.append(pytest.param(name, *row.groups(), id=f"{name}-{number}"))
    return rows


ROWS = read_tables()


@pytest.mark.parametrize(("name", "completion", "reference", "published", "mended"), ROWS)
def test_preset_scores_what_its_table_says(
    name: str, completion: str, reference: str | None, published: str, mended: str
) -> None:
    if name == "format_and_language_reward_func":
        pytest.importorskip("langid")
    columns = {} if reference is None else {"answer": [eval(reference)]}  # noqa: S307 - our own page
    completions = [eval(completion)]  # noqa: S307 - our own page
    for holder, wanted in ((published_presets, published), (presets, mended)):
        (score,) = getattr(holder, name)(completions=completions, **columns)
        assert score == pytest.approx(float(wanted), abs=1e-9), holder.__name__


def test_every_preset_has_a_table() -> None:
    told = [row.values[0] for row in ROWS]
    assert set(told) == set(presets.__all__) == set(published_presets.__all__)
    assert all(4 <= told.count(name) <= 10 for name in set(told))


@pytest.mark.parametrize("page", ["index.md", "guide.md", "verify.md", "presets.md", "train.md"])
def test_examples_run(page: str) -> None:
    failed, attempted = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert attempted > 0
    assert failed == 0


@pytest.fixture(scope="module")
def registered() -> list[list[str]]:
    """Return the name, kind and module of every component.

    In a process of its own, since tests and examples register components of theirs.
    """
    code = """
import rewardkit as rk
from rewardkit.component import lookup
for kind in ("reward", "verifier", "extractor"):
    for name in rk.names(kind):
        print(name, kind, lookup(name).__module__)
"""
    listed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "REWARDKIT_NO_PLUGINS": "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [line.split() for line in listed.splitlines()]


def test_index_lists_every_component(registered: list[list[str]]) -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.MULTILINE)
    assert sorted(told) == sorted((name, kind) for name, kind, _ in registered)


def test_reference_has_every_module_and_public_name(registered: list[list[str]]) -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))
    modules = {module for _, _, module in registered}
    assert {*modules, *(f"rewardkit.{name}" for name in rewardkit.__all__)} <= told


def test_readme_example_scores() -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = block.replace("from trl import GRPOConfig, GRPOTrainer\n", "").partition("trainer =")[0]
    code, _, call = code.strip().rpartition("\n\n")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    # right 2.0, laid out 0.5, and 11 + 5 + 12 + 8 + 6 + 9 = 51 characters of 400
    assert eval(call, names) == pytest.approx([2.0 + 0.5 - 0.001 * (400 - 51)])  # noqa: S307
