"""How rewards, verifiers and extractors are called, and how such a call is written as Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from math import isclose, isnan
from types import FunctionType
from typing import Any, SupportsFloat

from rewardkit._messages import error_line
from rewardkit._workers.call_limit import RemoteError
from rewardkit._workers.event_loop import run_awaitable
from rewardkit.batch import ColumnError
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Reward
from rewardkit.testing._forms import make_batch
from rewardkit.testing._replay import child_process
from rewardkit.testing._replay.literals import Source, write_call, write_literal

Rows = Mapping[str, list[Any]]
"""The keyword arguments of one call: lists of the same length, with one item per row."""
Values = list[Any]
"""The result of a call as plain data: numbers and None, outcomes, or texts and None."""

DEFAULT_TIMEOUT = 2.0
"""The processor's seconds that a call may take."""

USAGE_ERRORS = (ColumnError, ImportError)
"""Errors about how the check was set up, which are raised and are not findings."""

# A number of 32 bits has 7 digits; sums and products of a few lose one more. A `float` has 15.
_SHORT_TOLERANCE = 2e-6
_TOLERANCE = 1e-9


class WrongTypeError(TypeError):
    """A call returned something other than a list of values.

    `condition` is what the program asserts of `values`: of the whole result if `whole` is true,
    else of the values that are read from it.
    """

    def __init__(self, result: Any, wanted: str, condition: str, *, whole: bool = True) -> None:
        self.result = join_lines(write_literal(result))
        self.wanted, self.condition, self.whole = wanted, condition, whole
        super().__init__(f"gave {self.result}, expected {wanted}")

    def __reduce__(self) -> tuple[Any, ...]:
        # the result itself need not pickle, and is text by now
        return _rebuild_wrong_type, (self.result, self.wanted, self.condition, self.whole)


def _rebuild_wrong_type(
    result: str,
    wanted: str,
    condition: str,
    whole: bool,  # noqa: FBT001 - pickled
) -> WrongTypeError:
    return WrongTypeError(Source(result), wanted, condition, whole=whole)


class ShortFloat(float):
    """A number that came in another type than Python's own, such as one of 32 bits."""


def in_subprocess(it: Any, rows: Rows) -> Values:
    """Return the result of one call of a reward, verifier or extractor in another process.

    >>> from rewardkit.rewards import Length
    >>> in_subprocess(Length(target=4), {"completions": ["four"]})
    [0.0]
    """
    # the first keyword says what is called: answers of a verifier, texts of an extractor
    run = {"answers": verify_rows, "texts": extract_rows}.get(next(iter(rows)))
    if run is None:
        run = score_rows if isinstance(it, Reward) else call_reward
    values: Values = child_process.repeat_calls(run, it, [rows])[0]
    return values


def count_rows(rows: Rows) -> int:
    """Return the number of rows of a call."""
    return len(next(iter(rows.values())))


def select_rows(rows: Rows, positions: Iterable[int]) -> Rows:
    """Return the rows at some positions, in that order."""
    positions = list(positions)
    return {name: [values[row] for row in positions] for name, values in rows.items()}


def describe_error(error: BaseException) -> str:
    """Return an error as one line."""
    if isinstance(error, WrongTypeError):
        return join_lines(str(error))
    if isinstance(error, RemoteError):  # its text begins with the error's own type
        return f"raises {error}"
    return f"raises {error_line(error)}"


def join_lines(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


def tolerance_of(value: float) -> float:
    """Return how much a value may differ through rounding, relative to 1."""
    return _SHORT_TOLERANCE if isinstance(value, ShortFloat) else _TOLERANCE


def values_equal(values: Values, wanted: Values) -> bool:
    """Return whether two results are the same: numbers up to rounding, NaN equal to NaN."""

    def equal(one: Any, other: Any) -> bool:
        if isinstance(one, float) and isinstance(other, float):
            room = max(tolerance_of(one), tolerance_of(other))
            near = isclose(one, other, rel_tol=room, abs_tol=room)
            return near or (isnan(one) and isnan(other))
        return bool(one == other)

    return len(values) == len(wanted) and all(map(equal, values, wanted))


# Rewards ------------------------------------------------------------------------------------------


def score_rows(reward: Reward, rows: Rows) -> Values:
    """Return the values of a component's scores."""
    # a call of the reward turns NaN into None, which would hide it from the law `finite`
    scores = reward.score(make_batch(rows))
    _check_item_types(scores, Score, "rk.Score")
    return _read_numbers([score.value for score in scores])


def write_score_call(name: str, rows: Rows, *, whole: bool = False) -> str:
    """Return the source of the same call."""
    # `Batch.of` takes one value per column for a single row, but these two are lists already
    single = count_rows(rows) == 1
    columns = {key: values[0] if single else values for key, values in rows.items()}
    columns |= {key: rows[key] for key in ("prompts", "completion_ids") if key in rows}
    del columns["completions"]
    code = f"{name}.score({write_call('rk.Batch.of', columns, rows['completions'])})"
    return code if whole else f"[score.value for score in {code}]"


class TrainerValues(list[Any]):
    """The values of a trainer's function, with what a program needs to repeat the call."""

    is_array = False
    is_async = False


def call_reward(function: Callable[..., Any], rows: Rows) -> Values:
    """Return the values of a function with TRL's signature, which may be async."""
    values, is_async = _call_and_await(function, rows)
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise WrongTypeError(values, "a list of numbers and None", "isinstance(values, list)")
    read = TrainerValues(_read_numbers([*values]))
    if is_async or hasattr(values, "__array__"):
        read.is_array, read.is_async = hasattr(values, "__array__"), is_async
    return read


class RewardCallWriter:
    """Writes the calls of a trainer's function as Python; an array is made a list."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.is_array = False
        called = (function, getattr(function, "func", None), type(function).__call__)
        self.is_async = any(map(inspect.iscoroutinefunction, called))

    def note_values(self, values: Values) -> None:
        """Remember how a call gave its values."""
        self.is_array |= getattr(values, "is_array", False)
        self.is_async |= getattr(values, "is_async", False)

    def __call__(self, name: str, rows: Rows, *, whole: bool = False) -> str:
        """Return the source of a call."""
        # those that it names: a program need not show what the function does not read
        named = _accepted_arguments.__wrapped__(self.function)[1]
        code = write_call(name, {**rows, **named})
        code = f"asyncio.run({code})" if self.is_async else code
        return f"[*{code}]" if self.is_array and not whole else code


def _call_and_await(function: Callable[..., Any], rows: Rows) -> tuple[Any, bool]:
    """Return the result of a trainer's function, and whether the function is async."""
    values = function(**rows, **_find_trainer_arguments(function))
    if not inspect.isawaitable(values):
        return values, False
    return run_awaitable(values), True


class _TrainerState:
    """The state of a trainer that has not started."""

    global_step = 0
    max_steps = 100
    num_train_epochs = 1
    epoch = 0.0
    log_history: tuple[Any, ...] = ()
    is_world_process_zero = True

    def __repr__(self) -> str:
        return "SimpleNamespace(global_step=0, max_steps=100, epoch=0.0, log_history=[])"


class _IgnoreLog:
    """A trainer's function for logging; it drops its arguments."""

    def __call__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        return "lambda *_: None"


# Classes and no lambdas, so that they can be printed and copied with the rows.
TRAINER_VALUES = {
    "trainer_state": _TrainerState(),
    "log_extra": _IgnoreLog(),
    "log_metric": _IgnoreLog(),
}
"""What a trainer passes with every call, by keyword."""


def _find_trainer_arguments(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the trainer's own keywords that a function takes.

    A function that takes no others is called without: the law `extra_columns` reports that.
    """
    # only plain functions: an object may have no hash, or be equal to one with other parameters
    if isinstance(function, FunctionType):
        return _accepted_arguments(function)[0]
    return _accepted_arguments.__wrapped__(function)[0]


@lru_cache(maxsize=16)  # a signature takes as long as a quick reward's call
def _accepted_arguments(
    function: Callable[..., Any],
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the trainer's keywords that a function takes, and those that it names."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # some built-in functions have no signature, and may take anything
        return TRAINER_VALUES, {}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    taken = {
        name: value for name, value in TRAINER_VALUES.items() if takes_any or name in parameters
    }
    code = getattr(inspect.unwrap(function), "__code__", None)
    texts = [value for value in getattr(code, "co_consts", ()) if isinstance(value, str)]
    # by name in its signature, or as `columns["trainer_state"]`
    named = {name: taken[name] for name in taken if name in parameters or name in texts}
    return taken, named


# Verifiers and extractors -------------------------------------------------------------------------


def verify_rows(verifier: Any, rows: Rows) -> Values:
    """Return the outcomes of a verifier's verdicts, as texts."""
    verdicts = getattr(verifier, "verify", verifier)(rows["answers"], rows["references"])
    _check_item_types(verdicts, Verdict, "rk.Verdict")
    outcomes, known = [verdict.outcome for verdict in verdicts], [*map(str, Outcome)]
    if not all(outcome in known for outcome in outcomes):
        condition = "{*values} <= {*rk.Outcome}"
        raise WrongTypeError(outcomes, f"outcomes of {', '.join(known)}", condition, whole=False)
    return [Outcome(verdict.outcome).value for verdict in verdicts]


def write_verify_call(name: str, rows: Rows, *, whole: bool = False) -> str:
    """Return the source of the same call."""
    code = write_call(name, rows)
    return code if whole else f"[verdict.outcome for verdict in {code}]"


def extract_rows(extractor: Any, rows: Rows) -> Values:
    """Return the answer that an extractor finds in each text."""
    answers = [*map(getattr(extractor, "extract", extractor), rows["texts"])]
    if not all(isinstance(text, str | None) for text in answers):
        condition = "all(isinstance(value, str | None) for value in values)"
        raise WrongTypeError(answers, "a text or None for each text", condition)
    return answers


def write_extract_call(name: str, rows: Rows, *, whole: bool = False) -> str:  # noqa: ARG001 - one shape for all
    """Return the source of the same call."""
    return f"[{name}(text) for text in {write_literal(rows['texts'])}]"


# Types of results ---------------------------------------------------------------------------------


def _check_item_types(items: Any, wanted: type, type_name: str) -> None:
    """Raise WrongTypeError unless a call returned a list of the wanted type."""
    if not isinstance(items, list):
        raise WrongTypeError(items, f"a list of {type_name}", "isinstance(values, list)")
    if not all(isinstance(item, wanted) for item in items):
        condition = f"all(isinstance(value, {type_name}) for value in values)"
        raise WrongTypeError(items, f"a list of {type_name}", condition)


def _read_numbers(values: list[Any]) -> Values:
    """Return values as numbers and None. Raises WrongTypeError if one is anything else."""
    wanted, condition = "a list of numbers and None", ""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) or not hasattr(value, "__float__") for value in known):
        condition = "all(value is None or hasattr(value, '__float__') for value in values)"
    # an array of one element converts to a number, but a trainer's list of them does not
    elif any(getattr(value, "shape", ()) for value in known):
        condition = "not any(getattr(value, 'shape', ()) for value in values)"
    if condition:
        raise WrongTypeError(values, wanted, condition, whole=False)
    return [*map(_read_number, values)]


def _read_number(value: SupportsFloat | None) -> float | None:
    if value is None:
        return None
    return float(value) if isinstance(value, int | float) else ShortFloat(value)
