"""What a plain function was written for: the columns that it reads, and text or messages."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

from rewardkit._messages import did_you_mean

# Short answers as GSM8K, MATH and their kin have them, an interval among them, whose brackets are
# not a pattern's. No value is blank: a dataset's bad rows are for `preflight`, which reads it.
_ANSWERS: tuple[Any, ...] = ("42", "7", "-3", "1,000", "0.5", "18", "3/4", "[0, 1)")
_SOLUTIONS = (
    r"$\frac{1}{2}$",
    r"\boxed{42}",
    "42",
    "$x=3$",
    "-7",
    "1,000",
    r"$2\sqrt{3}$",
    "[0, 1)",
)
_TEXTS = ("What is 6 times 7?", "Is 17 prime?", "Name the capital of France.", "Sum 1 to 10.")
_CHOICES = (["A", "B", "C", "D"], ["yes", "no"], ["red", "green", "blue", "grey"])
_TESTS = (["assert f(1) == 2", "assert f(2) == 3"], ["assert f(0) == 0"], ["assert f(-1) == 1"])
_NUMBERS = ([3, 8, 4], [25, 50, 75, 3], [1, 5, 6, 7], [10, 2, 9])

USUAL_VALUES: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("answer", "ground_truth", "gold", "expected", "expected_answer", "final_answer", "label"),
        _ANSWERS,
    ),
    **dict.fromkeys(("reference", "reference_answer", "gt", "correct_answer", "result"), _ANSWERS),
    **dict.fromkeys(("solution", "solutions", "gold_solution"), _SOLUTIONS),
    **dict.fromkeys(
        ("answers", "golden_answers", "references", "labels"),
        (["Paris"], ["42", "forty-two"], ["yes"], ["1,000", "1000"]),
    ),
    **dict.fromkeys(("target", "goal"), (24, 98, 10, 55, 7, 36)),
    **dict.fromkeys(("nums", "numbers"), _NUMBERS),
    **dict.fromkeys(("question", "problem", "query", "instruction", "input"), _TEXTS),
    **dict.fromkeys(("task", "task_type", "category", "subject"), ("math", "code", "chat")),
    **dict.fromkeys(("source", "data_source", "dataset"), ("gsm8k", "math", "apps")),
    **dict.fromkeys(("language", "lang"), ("en", "fr", "de", "zh")),
    **dict.fromkeys(("choices", "options"), _CHOICES),
    **dict.fromkeys(("tests", "test_cases", "test_list"), _TESTS),
    **dict.fromkeys(("level", "difficulty"), ("1", "3", "5")),
    **dict.fromkeys(("id", "index", "idx"), (0, 1, 2, 3)),
    "reward_model": tuple({"ground_truth": answer, "style": "rule"} for answer in _ANSWERS),
    "extra_info": ({"index": 0, "split": "train"}, {"index": 1, "split": "train"}),
    "entry_point": ("f", "solve", "main"),
    "context": ("Paris is the capital of France.", "Ann has 42 apples.", "The sky is blue."),
    "summary": ("The council voted for a bridge.", "The museum opens again in May."),
    "max_length": (64, 256, 1024),
}
"""Values that datasets have in columns of these names."""


def read_values(path: str | None) -> dict[str, list[Any]]:
    """Read the file of `--values`: a mapping from a column's name to a list of its values."""
    from rewardkit.config import read_yaml  # noqa: PLC0415 - slow, and for few commands

    if path is None:
        return {}
    text = Path(path).read_text(encoding="utf-8")
    values: dict[str, list[Any]] = json.loads(text) if path.endswith(".json") else read_yaml(text)
    valid = (
        isinstance(values, dict) and values and all(isinstance(v, list) for v in values.values())
    )
    if not valid or not all(values.values()):
        example = 'answer: ["42", "7"]'
        raise ValueError(
            f"--values {path}: expected a list of values per column, such as {example}"
        )
    return values


def add_usual_values(
    reward: Any, values: Mapping[str, list[Any]], how: str = ""
) -> dict[str, list[Any]]:
    """Return the given values, and usual ones for the other columns that a reward reads.

    Raises ValueError for a column that is needed and that has no usual values; `how` says what to
    do about it.
    """
    added = dict(values)
    for name, is_required in find_columns(reward):
        if name in values:
            continue
        if name in USUAL_VALUES:
            added[name] = [*USUAL_VALUES[name]]
        elif is_required:
            near = did_you_mean(name, USUAL_VALUES)
            example = f'a YAML or JSON file such as {name}: ["first value", "second value"]'
            how = how or f"give its values with --values FILE, {example}"
            label = getattr(reward, "__name__", type(reward).__name__)
            raise ValueError(f"{label} reads the column {name!r}; {how}{near}")
    return added


def find_columns(function: Any) -> Iterator[tuple[str, bool]]:
    """Yield the columns that a reward reads, and whether it cannot be called without them.

    A function reads its parameters, and the usual names that its code has as texts, such as
    `kwargs["answer"]`.

    >>> def right(completions, environments, answer, weight=1.0, **kwargs): return kwargs["target"]
    >>> [*find_columns(right)]
    [('answer', True), ('weight', False), ('target', False)]
    """
    from rewardkit._needed_columns import TRAINER_KEYWORDS  # noqa: PLC0415 - slow, and not for --help
    from rewardkit.component import Component, columns  # noqa: PLC0415 - the same

    if isinstance(function, Component):
        yield from ((name, True) for name in columns(function))
        return
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built in, without a signature
        return
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for parameter in named:
        if parameter.name not in TRAINER_KEYWORDS:
            yield parameter.name, parameter.default is parameter.empty
    # another text, such as a dictionary's key, does no harm as a column: **kwargs takes it
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = {p.name for p in named}
        for text in dict.fromkeys(_find_texts(function)):
            if text in USUAL_VALUES and text not in names:
                yield text, False


def _find_texts(function: Callable[..., Any]) -> Iterator[str]:
    unwrapped = inspect.unwrap(getattr(function, "func", function))  # .func: functools.partial
    call = unwrapped if hasattr(unwrapped, "__code__") else type(unwrapped).__call__
    codes = [getattr(call, "__code__", None)]
    for code in codes:  # grows by the functions and comprehensions within
        if isinstance(code, CodeType):
            codes += [item for item in code.co_consts if isinstance(item, CodeType)]
            yield from (item for item in code.co_consts if isinstance(item, str))


_TEXT = "<think>\nI add them up.\n</think>\n<answer>\n42\n</answer>"
_PROBES: Mapping[str, Any] = {"text": _TEXT, "chat": [{"role": "assistant", "content": _TEXT}]}


def find_forms(function: Callable[..., Any], values: Mapping[str, list[Any]]) -> list[str]:
    """Return the one form that a function was written for; empty if it takes text and messages.

    A trainer passes messages if the prompts are messages, else text, so that a function which takes
    one of them only is right for such a dataset.

    >>> find_forms(lambda completions, **_: [len(c[0]["content"]) for c in completions], {})
    ['chat']
    """
    works = [form for form, probe in _PROBES.items() if not _raises(function, probe, values)]
    return works if len(works) == 1 else []


def _raises(function: Callable[..., Any], completion: Any, values: Mapping[str, list[Any]]) -> bool:
    from rewardkit._workers.event_loop import run_awaitable  # noqa: PLC0415 - only here

    is_text = isinstance(completion, str)
    given = {
        "prompts": ["What is 6 times 7?" if is_text else [{"role": "user", "content": "6 * 7?"}]],
        "completions": [completion],
        "completion_ids": [[*range(9)]],
        "trainer_state": SimpleNamespace(global_step=1, max_steps=100),
        "log_extra": lambda _name, _values: None,
        "log_metric": lambda _name, _value: None,
        **{name: column[:1] for name, column in values.items()},
    }
    try:
        parameters = inspect.signature(function).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            # that it takes no more columns is another finding
            given = {name: value for name, value in given.items() if name in parameters}
        result = function(**given)
        if inspect.isawaitable(result):
            run_awaitable(result)
    except Exception:  # noqa: BLE001 - whatever the function raises
        return True
    return False
