"""The scorers of Reasoning Gym, in a worker that is killed at its deadline.

Some scorers evaluate an answer as Python, by `eval` or by SymPy's `parse_expr`, which would run
whatever a model writes. Here they find readers of data in place of both.
"""

from __future__ import annotations

import ast
import base64
import builtins
import pickle
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import reasoning_gym
import sympy
from reasoning_gym.factory import DATASETS
from sympy.parsing import sympy_parser

from rewardkit._messages import did_you_mean, error_line, shorten_repr
from rewardkit.result import Outcome
from rewardkit.verify._worker_rows import WorkerVerdict

ALMOST_ONE = 0.999
PLAIN_ANSWER = "I do not know"
_DATA_NODES = (
    *(ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Load),
    *(ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator),
)
_NAME = re.compile(r"[^\W\d]\w*")
# no strings, attributes, items, assignments or keywords; a point is within a number
_EXPRESSION = re.compile(r"(?:[\w\s+\-*/^()!,]|(?<=\d)\.|\.(?=\d))*")
_parse_expression = sympy_parser.parse_expr


def judge_row(row: Sequence[Any]) -> WorkerVerdict:
    """Return the verdict on an answer by a dataset's name, a threshold and an entry of it."""
    answer, name, threshold, pickled = row
    entry = pickle.loads(base64.b64decode(pickled))  # noqa: S301 - from the process that started it
    if name not in DATASETS:
        message = f"no dataset {name!r} in reasoning_gym{did_you_mean(name, DATASETS)}"
        return Outcome.BAD_REFERENCE.value, message, None
    score_answer, fault = _find_scorer(name), _find_fault(name, entry)
    if fault:
        return Outcome.BAD_REFERENCE.value, fault, None
    if not answer.strip():
        return Outcome.NO_ANSWER.value, "", None
    try:
        score = float(score_answer(answer=answer, entry=entry))
    except Exception as error:  # noqa: BLE001 - each scorer fails in its own way
        return Outcome.WRONG.value, error_line(error), 0.0
    share = min(max(score, 0.0), 1.0) if score == score else 0.0  # noqa: PLR0124 - NaN
    outcome = Outcome.CORRECT if share >= threshold else Outcome.WRONG
    return outcome.value, f"score {share:.3g}", share


def _find_fault(name: str, entry: Mapping[str, Any]) -> str:
    """Say why an entry cannot be judged by, "" if it can."""
    right = entry["answer"]
    if right is not None and (not isinstance(right, str) or not right.strip()):
        return f"{name}: the entry's answer is {shorten_repr(right)}, expected a text"
    try:
        # what fails on the right answer, or without one on a plain one, fails because of the entry
        own = float(
            _find_scorer(name)(answer=PLAIN_ANSWER if right is None else right, entry=entry)
        )
    except Exception as error:  # noqa: BLE001 - the same
        return f"{name}: {error_line(error)}"
    # Without its metadata, some scorers give every answer next to nothing. Datasets such as
    # rush_hour have no right answer in their entries.
    if right is not None and not own > ALMOST_ONE:
        return f"{name}: the entry's own answer scores {own:.3g}; is its metadata complete?"
    return ""


@cache
def _find_scorer(name: str) -> Callable[..., float]:
    scorer: Callable[..., float] = reasoning_gym.get_score_answer_fn(name)
    return scorer


def read_data(text: Any, *_: Any) -> Any:
    """Return the value of Python's literals, with arithmetic, and raise ValueError for others.

    >>> read_data("[0x3a << 1, (1, 'a')]")
    [116, (1, 'a')]
    """
    tree = ast.parse(str(text).strip(), mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, _DATA_NODES):
            message = f"{type(node).__name__} is not data"
            raise ValueError(message)  # noqa: TRY004 - what a scorer expects of bad text
    return eval(compile(tree, "<answer>", "eval"), {"__builtins__": {}})  # noqa: S307 - only data


def read_expression(text: str, *arguments: Any, **options: Any) -> Any:
    """Return an expression of SymPy's functions and constants; ValueError for other text.

    >>> read_expression("2*sin(pi/2) + 1")
    3
    """
    unknown = [name for name in _NAME.findall(text) if not _is_mathematical(name)]
    if unknown or not _EXPRESSION.fullmatch(text):
        message = f"not an expression: {' '.join(unknown)}"
        raise ValueError(message)
    return _parse_expression(text, *arguments, **options)


@cache
def _is_mathematical(name: str) -> bool:
    if "_" in name or hasattr(builtins, name):
        return False
    known = getattr(sympy, name, None)
    if known is None or isinstance(known, sympy.Basic) or known in (sympy.sqrt, sympy.cbrt):
        return True
    return isinstance(known, type) and issubclass(known, sympy.Function | sympy.Number)


def _replace_evaluators() -> None:
    sympy.parse_expr = sympy_parser.parse_expr = read_expression
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] == "reasoning_gym":
            # a module's own name comes before the built-in one
            module.__dict__["eval"] = read_data
            if module.__dict__.get("parse_expr") is _parse_expression:
                module.__dict__["parse_expr"] = read_expression


_replace_evaluators()
