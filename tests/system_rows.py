"""One YAML of rewards and 40 rows, with the totals that TRL makes of them."""

from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import rewardkit as rk
from rewardkit.adapters.trl import split

# Halves and quarters are the same number in the 32 bits of a tensor, so that totals can be compared
# to 1e-9 through systems that keep them in one.
YAML = """\
type: linear
terms:
  - {type: correct, verifier: {type: number}, name: right}
  - {type: xml_strict, value: 0.5, name: layout}
  - {type: length, target: 4, penalty: 0.25, unit: words, name: brief}
weights: [2.0, 1.0, 0.5]
"""
GROUPED = "{type: diversity, name: varied}"
TWO_COLUMNS = """\
- {type: correct, verifier: {type: number}, name: right}
- {type: correct, verifier: {type: number}, reference: second, name: also}
"""
TEXTS = (
    "<reasoning>\nsix times seven\n</reasoning>\n<answer>\n42\n</answer>\n",
    "<answer>42</answer>",
    "<answer> 41 </answer> and a few more words, as models add them",
    "",
    "answer: zweiundvierzig \N{SNOWMAN}",
    "<answer>42.0</answer>\n",
    "<answer>4</answer> <answer>42</answer>",
    "  <answer>1,042</answer>",
)
REFERENCES = ("42", "41", "n/a", "1042", "4")


class Rows(NamedTuple):
    """What a system is given, and what it has to find."""

    yaml: str
    prompts: list[str]
    texts: list[str]
    answers: list[str]
    values: dict[str, list[float | None]]
    """Each term's values, by name."""
    weights: dict[str, float]
    totals: list[float]


def write_rows(folder: Path, yaml: str = YAML) -> Rows:
    """Return 40 rows with the values and totals that TRL makes of them."""
    path = folder / "rewards.yaml"
    path.write_text(yaml)
    texts = [text for text in TEXTS for _ in REFERENCES]
    answers = [*REFERENCES] * len(TEXTS)
    prompts = [f"What is question {row}?" for row in range(len(texts))]
    funcs, weights = split(rk.load(path))
    batch: dict[str, Any] = {"prompts": prompts, "completions": texts, "answer": answers}
    values = {func.__name__: func(**batch) for func in funcs}
    by_name = dict(zip(values, weights, strict=True))
    # as GRPOTrainer: None becomes NaN, and the sum of a row leaves NaN out
    totals = [
        math.fsum(
            by_name[name] * values[name][row] for name in values if values[name][row] is not None
        )
        for row in range(len(texts))
    ]
    return Rows(str(path), prompts, texts, answers, values, by_name, totals)


def import_snippet(heading: str, folder: Path) -> ModuleType:
    """Import the Python below a heading of the page on systems, beside the page's own rewards.

    The test's working directory must be the folder.
    """
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "systems.md").read_text("utf-8")
    (folder / "rewards.yaml").write_text(_find_block(page, "yaml"))
    path = folder / "snippet.py"
    path.write_text(_find_block(page.partition(f"\n## {heading}\n")[2], "python"))
    spec = importlib.util.spec_from_file_location(f"snippet_{folder.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _find_block(page: str, language: str) -> str:
    found = re.search(rf"^```{language}.*\n((?:.*\n)*?)^```$", page, re.MULTILINE)
    assert found is not None
    return found[1]
