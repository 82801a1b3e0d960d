"""Compare verifiers with the packages whose rules they follow: agreement, and time per answer.

    python benchmarks/references.py [--only bfcl|instructions ...] [--limit ROWS] [--show]
        [--instructions FILE.jsonl]

- `bfcl`: `same_call` and BFCL's `ast_checker`, on the questions in Python that bfcl-eval ships with
  their acceptable answers. For each question calls are made that are right or have one fault.
- `instructions`: `instructions` and if-verifiable's own scores, strict and loose, on the rows of
  `--instructions`: JSONL with `prompt`, `instruction_id_list`, `kwargs` and maybe a `response`, as
  in the data of IFEval and IFBench. Each row's instructions are checked on its own response or
  prompt, and on the next rows' responses, also between lines that the loose mode leaves out.
- `reasoning_gym`: `reasoning_gym` and the package's own scorers, on entries of every dataset: the
  right answer, other entries' answers and changed ones.
- `exact_match`, `token_f1`: the two verifiers and torchmetrics' SQuAD, on made pairs of phrases.
- `iou`: `iou` and the rule as people paste it (JSON, one box, intersection over union), on made
  answers with one box, with text around some, in which the rule finds the brackets.

A package that is not installed is reported as skipped, with the command that installs it; bfcl-eval
needs none of its dependencies here. `--show` prints each difference.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module, resources
from pathlib import Path
from typing import Any, NamedTuple

from rewardkit.result import Outcome
from rewardkit.verify import ExactMatch, Instructions, Iou, ReasoningGym, SameCall, TokenF1

Calls = list[tuple[str, dict[str, Any]]]
BFCL_CATEGORIES = tuple(
    f"{live}{kind}"
    for live in ("", "live_")
    for kind in ("simple", "multiple", "parallel", "parallel_multiple")
)
SEED = 3407
NEAR = 1e-6


class Case(NamedTuple):
    """An answer, with what each side takes."""

    kind: str
    answer: Any
    reference: Any
    context: Any = None
    """What the other side needs beside them."""


Judge = Callable[[list[Case]], Sequence[Any]]


class Figures(NamedTuple):
    """How two sides compare."""

    rows: int
    differences: list[tuple[Case, Any, Any]]
    microseconds: tuple[float, float]
    """Per answer: theirs, ours."""


def each(judge: Callable[[Case], Any]) -> Judge:
    """Make a judge of all cases of a judge of one."""
    return lambda cases: [judge(case) for case in cases]


def compare(cases: list[Case], theirs: Judge, ours: Judge) -> Figures:
    """Judge each case with both sides."""
    values, times = [], []
    for judge in (theirs, ours):
        judge(cases[:2])  # imports, patterns and workers
        start = time.perf_counter()
        values.append(judge(cases))
        times.append((time.perf_counter() - start) / len(cases) * 1e6)
    differences = [
        row for row in zip(cases, *values, strict=True) if abs(float(row[1]) - float(row[2])) > NEAR
    ]
    return Figures(len(cases), differences, (times[0], times[1]))


# BFCL ---------------------------------------------------------------------------------------------


def load_bfcl_checker() -> Callable[[Any, Any, Any, str], bool]:
    """Return BFCL's checker of calls, by the functions, calls, acceptable values and category."""
    # its module of models imports the client of every provider, for a flag of each model
    models: Any = types.ModuleType("bfcl_eval.constants.model_config")
    models.MODEL_CONFIG_MAPPING = {"made": types.SimpleNamespace(underscore_to_dot=False)}
    sys.modules[models.__name__] = models
    checker = import_module("bfcl_eval.eval_checker.ast_eval.ast_checker").ast_checker
    python = import_module("bfcl_eval.constants.enums").Language.PYTHON
    return lambda functions, given, truth, category: bool(
        checker(functions, given, truth, python, category, "made")["valid"]
    )


def compare_bfcl(given: argparse.Namespace) -> Figures:
    """Compare `same_call` with BFCL's checker."""
    checker = load_bfcl_checker()

    def theirs(case: Case) -> bool:
        functions, category = case.context
        calls = [{call["name"]: call["arguments"]} for call in json.loads(case.answer)]
        return checker(functions, calls, case.reference, category)

    def ours(cases: list[Case]) -> list[bool]:
        answers, references = [case.answer for case in cases], [case.reference for case in cases]
        verdicts = SameCall(normalize=True).verify(answers, references)
        return [one.outcome is Outcome.CORRECT for one in verdicts]

    return compare([*make_bfcl_cases(given.limit)], each(theirs), ours)


def make_bfcl_cases(limit: int) -> Iterator[Case]:
    """Yield right and wrong calls for each question."""
    rng = random.Random(SEED)
    data = Path(str(resources.files("bfcl_eval"))) / "data"
    for category in BFCL_CATEGORIES:
        name = f"BFCL_v4_{category}{'_python' if category == 'simple' else ''}.json"
        questions, answers = (
            {row["id"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}
            for path in (data / name, data / "possible_answer" / name)
        )
        for key, row in [*questions.items()][:limit]:
            truth = answers[key]["ground_truth"]
            for kind, calls in change_calls(truth, rng):
                written = [{"name": called, "arguments": values} for called, values in calls]
                context = row["function"], category
                yield Case(f"{category}, {kind}", json.dumps(written), truth, context)


def change_calls(truth: list[dict[str, Any]], rng: random.Random) -> Iterator[tuple[str, Calls]]:
    """Yield ways to answer: right ones, and ones with one fault."""
    least = [take_values(one, 0, optional=False) for one in truth]
    last = [take_values(one, -1, optional=True) for one in truth]
    yield "first values", least
    yield "last values", last
    yield "backwards", last[::-1]
    yield "one missing", last[1:]
    yield "one twice", [*last, last[0]]
    for kind, change in CHANGES.items():
        calls = copy.deepcopy(last)
        name, arguments = calls[rng.randrange(len(calls))]
        if kind == "other name":
            yield kind, [(f"{one}_" if one == name else one, values) for one, values in calls]
        elif arguments:
            key = rng.choice([*arguments])
            change(arguments, key)
            yield kind, calls


def take_values(call: dict[str, Any], index: int, *, optional: bool) -> tuple[str, dict[str, Any]]:
    """Return a call with the first or the last acceptable value of each argument."""
    ((name, options),) = call.items()
    given = {}
    for key, values in options.items():
        known = [value for value in values if value != ""]
        if known and (optional or "" not in values):
            given[key] = take_nested(known[index], index)
    return name, given


def take_nested(value: Any, index: int) -> Any:
    """Return a value in which each object's lists of acceptable values are one value."""
    if isinstance(value, dict):
        found = {}
        for key, values in value.items():
            known = [one for one in values if one != ""] if isinstance(values, list) else [values]
            if known:
                found[key] = known[index]
        return found
    return [take_nested(one, index) for one in value] if isinstance(value, list) else value


def _shout(arguments: dict[str, Any], key: str) -> None:
    value = arguments[key]
    arguments[key] = f" {value.upper()}." if isinstance(value, str) else value


def _as_text(arguments: dict[str, Any], key: str) -> None:
    arguments[key] = str(arguments[key])


def _next(arguments: dict[str, Any], key: str) -> None:
    value = arguments[key]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    arguments[key] = value + 1 if number else ["other", value]


CHANGES: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "without an argument": lambda arguments, key: arguments.pop(key),
    "another argument": lambda arguments, key: arguments.update({f"{key}_": 1}),
    "spelt otherwise": _shout,
    "as text": _as_text,
    "another value": _next,
    "a list of it": lambda arguments, key: arguments.update({key: [arguments[key]]}),
    "true": lambda arguments, key: arguments.update({key: True}),
    "other name": lambda arguments, key: None,  # noqa: ARG005 - it changes the call
}


# Instructions -------------------------------------------------------------------------------------


def load_instruction_scorer() -> Callable[[str, list[str], list[Any], str], Any]:
    """Return if-verifiable's scores of an answer, by its ids, their arguments and the prompt."""
    # the package downloads nltk's data at import; set NLTK_DATA to where they are
    nltk: Any = import_module("nltk")
    nltk.download = lambda *_, **__: False
    import_module("langdetect").DetectorFactory.seed = 0
    evaluate = import_module("if_verifiable.common").evaluate_instructions
    checkers: dict[str, Any] = {}
    for part in ("ifeval", "ifbench"):
        registry = import_module(f"if_verifiable.{part}.instructions_registry")
        checkers |= registry.INSTRUCTION_DICT
    return lambda answer, ids, arguments, prompt: evaluate(
        answer, ids, arguments, prompt, checkers
    )[1]


def compare_instructions(given: argparse.Namespace) -> Figures:
    """Compare `instructions` with if-verifiable."""
    if given.instructions is None:
        message = "it needs --instructions FILE.jsonl"
        raise ModuleNotFoundError(message)
    score = load_instruction_scorer()
    random.seed(SEED)  # where a prompt counts a sign that is no letter, it draws one

    def theirs(case: Case) -> float:
        row, mode = case.reference, case.context
        try:
            scores = score(case.answer, row["instruction_id_list"], row["kwargs"], row["prompt"])
        except LookupError:  # data of nltk is not installed
            return -1.0
        return float(getattr(scores, f"partial_{mode}"))

    def ours(cases: list[Case]) -> list[float]:
        values = {}
        for mode in ("strict", "loose"):
            some = [index for index, case in enumerate(cases) if case.context == mode]
            verifier = Instructions(mode=mode, timeout=60)
            answers = [cases[index].answer for index in some]
            verdicts = verifier.verify(answers, [cases[index].reference for index in some])
            for index, verdict in zip(some, verdicts, strict=True):
                bad = verdict.outcome in (Outcome.BAD_REFERENCE, Outcome.TIMEOUT)
                values[index] = -1.0 if bad else verdict.share or 0.0
        return [values[index] for index in range(len(cases))]

    rows = [json.loads(line) for line in given.instructions.open(encoding="utf-8")][: given.limit]
    return compare([*make_instruction_cases(rows)], each(theirs), ours)


def make_instruction_cases(rows: list[dict[str, Any]]) -> Iterator[Case]:
    """Yield answers to each row, in both modes."""
    said = [row["response"] for row in rows if "response" in row] or [row["prompt"] for row in rows]
    for index, row in enumerate(rows):
        own = row.get("response", row["prompt"])
        other = said[index % len(said)]
        answers = {
            "own": own,
            "another row's": other,
            "between lines": f"Sure, here it is:\n{own}\nI hope this helps, of course.",
            "bold, lower case": f"*{other.lower()}*",
            "capitals": other.upper()[:2000],
            "thought": f"<think>{own}</think>\n{other}",
        }
        for kind, answer in answers.items():
            for mode in ("strict", "loose"):
                yield Case(f"{kind}, {mode}", answer, row, mode)


# Reasoning Gym ------------------------------------------------------------------------------------

ENTRIES = 3
WITHOUT_ENTRIES = {"composite"}
"""Datasets that are made of others."""


def compare_reasoning_gym(given: argparse.Namespace) -> Figures:
    """Compare `reasoning_gym` with the scorers of the package."""
    gym = import_module("reasoning_gym")
    names = sorted(import_module("reasoning_gym.factory").DATASETS.keys() - WITHOUT_ENTRIES)
    scorers: dict[str, Callable[..., float]] = {}

    def theirs(case: Case) -> float:
        name = case.reference["metadata"]["source_dataset"]
        if name not in scorers:
            scorers[name] = gym.get_score_answer_fn(name)
        try:
            return min(
                max(float(scorers[name](answer=case.answer, entry=case.reference)), 0.0), 1.0
            )
        except Exception:  # noqa: BLE001 - each fails in its own way on other answers
            return 0.0

    def ours(cases: list[Case]) -> list[float]:
        answers, entries = [case.answer for case in cases], [case.reference for case in cases]
        verdicts = ReasoningGym(timeout=60).verify(answers, entries)
        lost = (Outcome.BAD_REFERENCE, Outcome.TIMEOUT)
        return [-1.0 if one.outcome in lost else one.share or 0.0 for one in verdicts]

    cases = [
        case
        for name in names[: given.limit]
        for case in make_gym_cases(gym.create_dataset(name, size=ENTRIES, seed=SEED))
    ]
    return compare(cases, each(theirs), ours)


def make_gym_cases(dataset: Any) -> Iterator[Case]:
    """Yield answers to each entry of a dataset."""
    entries = [dataset[index] for index in range(ENTRIES)]
    for index, entry in enumerate(entries):
        right, other = str(entry["answer"]), str(entries[index - 1]["answer"])
        answers = {
            "right": right,
            "another entry's": other,
            "in a sentence": f"It is {right}.",
            "capitals": right.upper(),
            "cut": right[:-1],
            "a list": repr(right.split()),
            "number": "7",
            "text": "I do not know",
        }
        for kind, answer in answers.items():
            if answer.strip():
                name = entry["metadata"]["source_dataset"]
                yield Case(f"{name}, {kind}", answer, entry)


# Short answers and boxes --------------------------------------------------------------------------

MADE = 2_000
WORDS = [
    "the",
    "a",
    "an",
    "old",
    "new",
    "York,",
    "city.",
    "Sea!",
    "(1969)",
    "O'Neill",
    "co-op",
    "of",
    "in",
    "B.C.",
    "été",
    "42%",
]


def compare_squad(measure: str, given: argparse.Namespace) -> Figures:
    """Compare `exact_match` or `token_f1` with torchmetrics, which gives percentages."""
    squad = import_module("torchmetrics.functional.text").squad
    verifier = ExactMatch() if measure == "exact_match" else TokenF1()
    rng = random.Random(SEED)

    def make_phrase(least: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(least, 4)))

    def theirs(case: Case) -> float:
        answers = {"text": case.reference, "answer_start": [0] * len(case.reference)}
        scores = squad({"prediction_text": case.answer, "id": "0"}, {"answers": answers, "id": "0"})
        return float(scores["f1" if measure == "token_f1" else measure]) / 100

    def ours(cases: list[Case]) -> list[float]:
        answers, references = [case.answer for case in cases], [case.reference for case in cases]
        verdicts = verifier.verify(answers, references)
        return [
            float(one.outcome is Outcome.CORRECT) if one.share is None else one.share
            for one in verdicts
        ]

    cases = []
    for _ in range(min(given.limit, MADE)):
        references = [make_phrase(1) for _ in range(rng.randint(1, 3))]
        answer = rng.choice([make_phrase(1), references[-1].upper(), f"the {references[0]}"])
        cases.append(Case("phrase", answer, references))
    return compare(cases, each(theirs), ours)


def compare_iou(given: argparse.Namespace) -> Figures:
    """Compare `iou` with the rule of PASCAL VOC, pasted."""
    rng = random.Random(SEED)

    def theirs(case: Case) -> float:
        found = json.loads(case.answer[case.answer.find("[") : case.answer.find("]") + 1])
        left, top = max(found[0], case.reference[0]), max(found[1], case.reference[1])
        right, bottom = min(found[2], case.reference[2]), min(found[3], case.reference[3])
        shared = max(right - left, 0) * max(bottom - top, 0)
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (found, case.reference)]
        return float(shared / (sum(areas) - shared))

    def ours(cases: list[Case]) -> list[float]:
        answers, references = [case.answer for case in cases], [case.reference for case in cases]
        return [one.share or 0.0 for one in Iou().verify(answers, references)]

    def make_box() -> list[float]:
        x, y = rng.randint(0, 60), rng.randint(0, 60)
        return [x, y, x + rng.randint(1, 40), y + rng.randint(1, 40) + 0.5]

    cases = []
    for _ in range(min(given.limit, MADE)):
        box = make_box()
        answer = rng.choice([json.dumps(box), f"It is {json.dumps({'bbox_2d': box})}, I think."])
        cases.append(Case("box", answer, make_box()))
    return compare(cases, each(theirs), ours)


COMPARISONS: dict[str, Callable[[argparse.Namespace], Figures]] = {
    "bfcl": compare_bfcl,
    "instructions": compare_instructions,
    "reasoning_gym": compare_reasoning_gym,
    "exact_match": partial(compare_squad, "exact_match"),
    "token_f1": partial(compare_squad, "token_f1"),
    "iou": compare_iou,
}


NEEDED = {
    "bfcl": "pip install --no-deps bfcl-eval",
    "instructions": "pip install 'rewardkit[instructions]', and --instructions FILE.jsonl",
    "reasoning_gym": "pip install 'rewardkit[gym]'",
    "exact_match": "pip install torchmetrics",
    "token_f1": "pip install torchmetrics",
}
"""How to install what a comparison needs."""


def main() -> int:
    """Print a line per comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=COMPARISONS, default=[*COMPARISONS])
    parser.add_argument("--limit", type=int, default=10_000, help="questions of each file")
    parser.add_argument("--instructions", type=Path, metavar="FILE.jsonl")
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    for name in given.only:
        try:
            figures = COMPARISONS[name](given)
        except ModuleNotFoundError as error:
            print(f"{name}: skipped, {error}; to compare: {NEEDED[name]}")
            continue
        theirs, ours = figures.microseconds
        agreed = figures.rows - len(figures.differences)
        print(
            f"{name}: {agreed:,} of {figures.rows:,} agree;"
            f" {theirs:.0f} us (theirs), {ours:.0f} us (ours) per answer"
        )
        for case, their_value, our_value in figures.differences if given.show else ():
            values = f"{their_value}, ours {our_value}"
            print(f"  {case.kind}: {values}: {case.answer} for {case.reference}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
