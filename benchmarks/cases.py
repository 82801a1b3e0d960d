"""Replay a file of cases: inputs with the value that a component should give for each.

    python benchmarks/cases.py FILE.jsonl [FILE.jsonl ...] [--list] [--component NAME]

A case of a verifier or extractor has `component` (`math`, `boxed`, or an extractor and a verifier,
`boxed+number`), `fields`, `answer`, `reference`, and `right`: an outcome, a list of outcomes of
which any will do, or an extractor's text. A case of a reward has `component` (`p:NAME` for a
preset), `fields`, `completion`, `columns`, and `right`: its value, or the name of the error that
it must raise. The benchmark prints how many cases are not as they should be, per component;
`--list` prints each.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import rewardkit as rk

TOLERANCE = 1e-6


def replay(case: dict[str, Any]) -> Any:
    """What the component gives for the case: an outcome, a text, a value, or an error's name."""
    try:
        if "completion" in case:
            return _score(case)
        return _verify(case)
    except (TypeError, ValueError) as error:
        return type(error).__name__


def _score(case: dict[str, Any]) -> float | None:
    name, columns = case["component"], case["columns"]
    if name.startswith("p:"):
        reward = getattr(rk.presets, name[2:])
    else:
        reward = rk.build(name, **case["fields"])
    # A column is written as the dataset's column, or as the one row's value.
    rows = {key: value if isinstance(value, list) else [value] for key, value in columns.items()}
    value: float | None = reward(completions=[case["completion"]], **rows)[0]
    return value


def _verify(case: dict[str, Any]) -> str | None:
    answer, reference, fields = case["answer"], case["reference"], dict(case["fields"])
    *extractor, last = case["component"].split("+")
    if reference is None:
        text: str | None = rk.build(last, **fields).extract(answer)
        return text
    if extractor:
        own = fields.pop("extractor", {"type": extractor[0]})
        answer = rk.build(own.pop("type"), **own).extract(answer)
    [verdict] = rk.build(last, **fields).verify([answer], [reference])
    return str(verdict.outcome.value)


def as_it_should_be(right: Any, given: Any) -> bool:
    """Whether what was given is right, or one of several right values."""
    if right == "not equal, or open":
        return bool(given != "correct")
    if isinstance(right, list):
        return any(as_it_should_be(one, given) for one in right)
    if isinstance(right, float) and isinstance(given, float):
        return abs(right - given) <= TOLERANCE
    return bool(right == given)


def main() -> None:
    """Replay the files and print what is not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="print each case that fails")
    parser.add_argument("--component", help="replay the cases of this component alone")
    arguments = parser.parse_args()
    for path in arguments.files:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if arguments.component not in (None, case["component"]):
                continue
            given = replay(case)
            fine = as_it_should_be(case["right"], given)
            counts[case["component"]][fine] += 1
            if arguments.list and not fine:
                shown = {k: v for k, v in case.items() if k not in ("passes_today", "math_verify")}
                print(f"got {given!r}: {json.dumps(shown, ensure_ascii=False)}")
        for name, (bad, good) in sorted(counts.items()):
            if bad:
                print(f"{name:28} {bad:4} of {bad + good:4}")
        wrong = sum(wrong for wrong, _ in counts.values())
        total = sum(map(sum, counts.values()))
        print(f"{path.name}: {wrong} of {total} not as they should be ({wrong / total:.1%})")


if __name__ == "__main__":
    main()
