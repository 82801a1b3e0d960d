r"""Measure `language`: the share that texts in one language get, and the error on mixed texts.

Texts are read from `tests/rewards/texts_by_language.txt`, reasoning with equations in ten
languages, and `tests/rewards/sentences_by_language.txt`, sentences in sixteen. In a mixed text 10,
30 or 50 % of the sentences are of a second language, shuffled or in a row, with and without
equations, for each pair of languages. The share should be within 0.03 of that of the sentences.

    python benchmarks/language.py [FILE ...] [--backends langid py3langid] [--sentences 10]
        [--seed 0] [--list] [--json FILE]

A file has lines "## LABEL", after which each line is a sentence of that language. Lines that start
with "| " have no words; "# " is a comment. The exit code is 1 if a mixed text is off by more.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from itertools import groupby, permutations
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import rewardkit as rk

FOLDER = Path(__file__).parents[1] / "tests" / "rewards"
FILES = [FOLDER / "texts_by_language.txt", FOLDER / "sentences_by_language.txt"]
WITHOUT_WORDS = ["| x + y = 12", "| v = 150 / 2.5 = 60 km/h", r"| \[ f(x) = \frac{1}{2} \]"]
TOLERANCE = 0.03


class Mixed(NamedTuple):
    """A text whose sentences are of two languages."""

    target: str
    other: str
    share: float
    """The target's share of the sentences."""
    text: str


def read_texts(path: Path) -> dict[str, list[list[str]]]:
    """Return the texts of each language, each as its lines."""
    texts: dict[str, list[list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            lines: list[str] = []
            texts.setdefault(line[3:], []).append(lines)
        elif line and not line.startswith("# "):
            lines.append(line)
    return texts


def join_lines(lines: list[str]) -> str:
    """Return a text of sentences in a row, with equations and items of lists on their own lines."""
    text = ""
    for alone, run in groupby(lines, lambda line: line[:2] in ("| ", "- ") or line[1:3] == ". "):
        group = [line.removeprefix("| ") for line in run]
        text += ("\n".join(group) if alone else " ".join(group).replace("\u3002 ", "\u3002")) + "\n"
    return text


def mix_texts(
    texts: dict[str, list[list[str]]], sentences: int, draw: random.Random
) -> Iterator[Mixed]:
    """Yield the mixed texts of all pairs of languages."""
    pools = {
        label: [line for lines in of_label for line in lines if not line.startswith("| ")]
        for label, of_label in texts.items()
    }
    for target, other in permutations(pools, 2):
        for tenths in (1, 3, 5):
            for equations, shuffled in ((0, 0), (0, 1), (2, 0), (2, 1)):
                count = round(sentences * tenths / 10)
                first = draw.sample(pools[target], sentences - count)
                second = draw.sample(pools[other], count)
                start = draw.randrange(len(first) + 1)
                lines = [*first[:start], *second, *first[start:]]
                if shuffled:
                    draw.shuffle(lines)
                for line in draw.sample(WITHOUT_WORDS, equations):
                    lines.insert(draw.randrange(len(lines) + 1), line)
                yield Mixed(target, other, 1 - count / sentences, join_lines(lines))


def measure(path: Path, backend: str, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a file's texts for a backend, and print those that are off."""
    texts = read_texts(path)
    rewards = {label: rk.build("language", target=label, backend=backend) for label in texts}
    means: dict[str, float] = {}
    for label, of_label in texts.items():
        values = rewards[label](completions=[*map(join_lines, of_label)])
        means[label] = fmean(value or 0.0 for value in values)
    mixed = [*mix_texts(texts, given.sentences, random.Random(given.seed))]
    errors: list[float] = []
    for label, reward in rewards.items():
        mine = [one for one in mixed if one.target == label]
        values = reward(completions=[one.text for one in mine])
        for one, value in zip(mine, values, strict=True):
            error = (value or 0.0) - one.share
            errors.append(abs(error))
            if given.list and abs(error) > TOLERANCE:
                print(f"  {one.target} {one.share:.1f}, {one.other}: {error:+.3f} {one.text!r}")
    return {
        "whole": fmean(means.values()),
        "lowest": min(means.items(), key=lambda item: item[1]),
        "mixed": len(errors),
        "within": sum(error <= TOLERANCE for error in errors) / len(errors),
        "mean error": fmean(errors),
        "largest error": max(errors),
    }


def main() -> int:
    """Measure each file with each backend, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--backends", nargs="+", default=["langid", "py3langid"])
    parser.add_argument("--sentences", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = {}
    for path in given.files:
        for backend in given.backends:
            found = figures[f"{path.name}, {backend}"] = measure(path, backend, given)
            label, lowest = found["lowest"]
            print(
                f"{path.name}, {backend}: whole texts {found['whole']:.3f} (lowest {label}"
                f" {lowest:.3f}); {found['mixed']} mixed texts, {found['within']:.2%} within"
                f" {TOLERANCE}, mean error {found['mean error']:.4f}, largest"
                f" {found['largest error']:.2f}"
            )
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return int(any(found["within"] < 1 for found in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
