"""What is put under the laws: a reward, a verifier or an extractor, each called in its own way."""

from __future__ import annotations

import asyncio
import copy
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from math import isclose, isnan
from typing import TYPE_CHECKING, Any, NoReturn, SupportsFloat

from hypothesis import HealthCheck, Phase, given, settings

from rewardkit.batch import MissingColumnError
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Reward
from rewardkit.testing import _code
from rewardkit.testing.strategies import asked, batch_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Rows = Mapping[str, list[Any]]
"""The arguments of one call, by keyword: a list each, one item a row."""
Values = list[Any]
"""What a call gives, as plain data: numbers and None, outcomes, or texts and None."""

SETUP = (MissingColumnError, ImportError)
"""Errors that say what the call lacks, and nothing of the object under the laws."""
_SAMPLES = 20
_MESSAGE = ("role", "content", "tool_calls", "name")


class Broken(Exception):  # noqa: N818 - a finding on its way, caught by the kit
    """A law does not hold: what was expected, what was given, and Python that shows it."""

    def __init__(self, expected: str, given: str, code: Sequence[str]) -> None:
        super().__init__(expected, given)
        self.expected, self.given, self.code = expected, given, "\n".join(code)


class WrongTypeError(TypeError):
    """A call gives what is no list of values; it raises nothing by itself."""

    def __init__(self, gave: Any, wanted: str, condition: str, *, whole: bool = True) -> None:
        """Note what it gave, and a condition on `values`: of all of them, or as they are read."""
        self.gave, self.condition, self.whole = _line(_code.literal(gave)), condition, whole
        super().__init__(f"gave {self.gave}, expected {wanted}")
        self.wanted = wanted


class Unsaid(Exception):  # noqa: N818 - the same
    """An example of which a law has nothing to say: a call that raises is for another law."""


@dataclass
class Subject:
    """What is put under the laws, how it is called, and how such a call is written.

    A law that compares calls uses `ask` and `expect`; one that looks at a single call uses `call`
    and `broken`.
    """

    it: Any
    """The object."""
    kind: str
    """`reward`, `verifier` or `extractor`; also what the printed code calls it."""
    run: Callable[[Any, Rows], Values]
    """Calls the object; a function of a module, so that another process can do the same."""
    write: Callable[..., str]
    """Returns the call as a Python expression, given the object's name and the rows; with
    `whole=True`, of what it gives before anything is read of it."""
    rows: SearchStrategy[Rows]
    """What it is called with."""
    text: str
    """The keyword of the texts that it judges."""
    words: tuple[str, ...] = ()
    """Texts that stand in its fields or its code."""
    forms: tuple[str, ...] = ()
    """The forms of completions that a reward takes."""
    pointwise: bool = True
    """Whether a row's value is its own."""
    bounds: tuple[float, float] | None = None
    """The least and the greatest value of a reward, where known."""
    wrapped: SearchStrategy[tuple[Rows, Values]] | None = None
    """Calls with what they must give, where known."""
    classics: Sequence[Any] = ()
    """What stands in the text's place before anything is drawn."""
    name: str = ""
    """What the printed code calls it, where that is not the kind."""
    judges: bool = False
    """Whether a verifier has read a reference yet."""
    done: list[Call] = field(default_factory=list)
    """The calls of this example, with what each gave."""
    wrong: WrongTypeError | None = None
    """What is wrong with the type of what the last call gave."""

    def check(self, law: Callable[[Subject, Any], None], example: Any) -> str:
        """Try a law on one example; return why it has nothing to say of it, "" where it has.

        What is another law's to say is passed over.
        """
        self.done.clear()
        try:
            law(self, example)
        except Unsaid as reason:
            return str(reason)
        if self.done and not any(size(rows) for _, rows, _ in self.done):
            return "no example had a row"
        return ""

    def call(self, rows: Rows) -> Values:
        """Return what a call gives, on a copy of the rows; raise what it raises."""
        self.wrong = None
        try:
            values = self.run(self.it, copy.deepcopy(rows))
        except Exception as error:
            self.wrong = error if isinstance(error, WrongTypeError) else None
            self.done.append((self, rows, raised(error)))
            raise
        self.done.append((self, rows, _code.literal(values)))
        self.judges |= any(value != "bad_reference" for value in values)
        return values

    def ask(self, rows: Rows) -> Values:
        """Return what a call gives, one value a row. Raises Unsaid where it does not."""
        try:
            values = self.call(rows)
        except SETUP:
            raise
        except Exception as error:
            raise Unsaid(f"the {self.kind} raised in every example") from error
        if len(values) != size(rows):
            raise Unsaid(f"the {self.kind} gave no value a row in any example")
        if Outcome.TIMEOUT in values:
            raise Unsaid(f"the {self.kind} ran out of time in every example")
        return values

    def expect(self, wanted: Values, rows: Rows, *, within: str = "") -> None:
        """Raise Broken where a call does not give what is wanted; `within` is its context."""
        try:
            values = self.call(rows)
        except Exception:  # noqa: BLE001 - whatever it raises, it is not what is wanted
            values = None
        if values is None or not same(values, wanted):
            self.broken(f"values == {_code.literal(wanted)}", within=within)

    def broken(self, condition: str, *, within: str = "") -> NoReturn:
        """Raise Broken: the last call does not meet a condition on `values`."""
        told = self.done[-1][2]
        fails = told.startswith("raises ")
        calls = self.needed(self.done[:-1] if within else self.done)
        lines = [f"{_expression(call)}  # {call[2]}" for call in calls[:-1]]
        expression = _expression(calls[-1], whole=self.wrong is not None and self.wrong.whole)
        if self.wrong is not None:
            condition, told = self.wrong.condition, self.wrong.gave
        last = f"{'' if fails else 'values = '}{expression}  # {told}"
        lines += [f"with {within}:", *_code.indented(last)] if within else [last]
        lines += [] if fails else [f"assert {condition}"]
        given = f"{told}{self.advice(told)}" if fails else f"values = {told}"
        expected = self.wrong.wanted if self.wrong else condition
        raise Broken(expected, given, script([call[0] for call in calls], lines))

    def advice(self, told: str) -> str:
        """Return what to do where the last call lacked a column that the function's code names."""
        key = re.fullmatch(r"raises KeyError: '([^']+)'", told)
        if self.kind != "reward" or not key or key[1] not in self.words:
            return ""
        if isinstance(self.it, Reward) or key[1] in self.done[-1][1] or key[1] in _MESSAGE:
            return ""
        return (
            f"; where that is a column, say what stands there: columns={{{key[1]!r}: ['42', '7']}}"
        )

    def needed(self, tried: Sequence[Call]) -> list[Call]:
        """Return this example's calls without the keywords that change nothing in those tried."""
        needless: set[str] = set()
        for keyword in [keyword for keyword in self.done[-1][1] if keyword != self.text]:
            fewer = [(it, _without(rows, {keyword, *needless}), told) for it, rows, told in tried]
            if all(outcome(it, rows) == told for it, rows, told in fewer):
                needless.add(keyword)
        return [(it, _without(rows, needless), told) for it, rows, told in self.done]

    def say(self, rows: Rows, said: list[Any]) -> Rows:
        """Return the rows with other texts, and with prompts of the same form."""
        rows = {**rows, self.text: said}
        if "prompts" not in rows:
            return rows
        return {**rows, "prompts": [*map(asked, rows["prompts"], said)]}

    @property
    def first(self) -> Iterator[Rows]:
        """Calls with what is known to break rewards: each by itself, then all of a form at once."""
        alone = [pick(rows, [row]) for rows in self.samples for row in range(size(rows))]
        singles = [
            self.say(rows, [copy.deepcopy(classic)])
            for rows, classic in zip(cycle(alone), self.classics, strict=False)
        ]
        yield from singles
        for plain in (True, False):
            alike = [rows for rows in singles if isinstance(rows[self.text][0], str) is plain]
            if alike:
                yield {name: [rows[name][0] for rows in alike] for name in alike[0]}

    @cached_property
    def samples(self) -> list[Rows]:
        """Some calls, the same each time."""
        return drawn(self.rows, _SAMPLES)


Call = tuple[Subject, Rows, str]
"""What was called, with what, and what it gave."""


def _without(rows: Rows, names: Iterable[str]) -> Rows:
    return {name: cells for name, cells in rows.items() if name not in names}


def drawn(strategy: SearchStrategy[Any], count: int) -> list[Any]:
    """Return examples of a strategy, the same each time."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def script(subjects: Iterable[Subject], lines: Sequence[str]) -> list[str]:
    """Return a program: the objects, and what is done with them."""
    named = {subject.name or subject.kind: subject.it for subject in subjects}
    made = [line for name, it in named.items() for line in _code.source(it, name)]
    body = [*dict.fromkeys(made), *lines]
    kit = [line for use, line in _IMPORTS.items() if any(use in part for part in body)]
    kit += _code.imports("\n".join(body))
    head = [line for line in body if line.startswith(("import ", "from ", "sys.path."))]
    rest = [line for line in body if line not in head]
    return [*dict.fromkeys([*kit, *head]), "", *rest]


_IMPORTS = {
    "asyncio.": "import asyncio",
    "SimpleNamespace(": "from types import SimpleNamespace",
    "rk.": "import rewardkit as rk",
    "elsewhere(": "from rewardkit.testing import elsewhere",
    "tomorrow(": "from rewardkit.testing import tomorrow",
}


def outcome(subject: Subject, rows: Rows) -> str:
    """Return what a call gives or raises, as text."""
    try:
        return _code.literal(subject.run(subject.it, copy.deepcopy(rows)))
    except Exception as error:  # noqa: BLE001 - what it raises is what is asked for
        return raised(error)


def raised(error: BaseException) -> str:
    """Return an error as a line."""
    if isinstance(error, WrongTypeError):
        return _line(str(error))
    return _line(f"raises {type(error).__name__}: {error}")


def _line(text: str) -> str:
    return " ".join(text.split())


def size(rows: Rows) -> int:
    """Return the number of rows."""
    return len(next(iter(rows.values())))


def pick(rows: Rows, order: Iterable[int]) -> Rows:
    """Return some rows, in an order."""
    order = list(order)
    return {name: [cells[row] for row in order] for name, cells in rows.items()}


class Narrow(float):
    """A number that came as something else than Python's own, such as one of 32 bits."""


def digits(value: float) -> float:
    """Return how far a number may be off for what is rounded in it."""
    return 2e-6 if isinstance(value, Narrow) else 1e-9


def same(values: Values, wanted: Values) -> bool:
    """Return whether two calls give the same: numbers to their digits, NaN like NaN."""

    def equal(one: Any, other: Any) -> bool:
        if isinstance(one, float) and isinstance(other, float):
            room = max(digits(one), digits(other))
            near = isclose(one, other, rel_tol=room, abs_tol=room)
            return near or (isnan(one) and isnan(other))
        return bool(one == other)

    return len(values) == len(wanted) and all(map(equal, values, wanted))


def scored(reward: Reward, rows: Rows) -> Values:
    """Return the values of a component's scores, as they come: NaN stays NaN."""
    scores = reward.score(batch_of(rows))
    _are(scores, Score, "rk.Score")
    return _numbers([score.value for score in scores])


def scored_code(name: str, rows: Rows, *, whole: bool = False) -> str:
    """Return the same as Python."""
    cells = {key: rows[key][0] if size(rows) == 1 else rows[key] for key in rows}
    for key in ("prompts", "completion_ids"):
        cells |= {key: rows[key]} if key in rows else {}
    said = rows["completions"]
    del cells["completions"]
    code = f"{name}.score({_code.call('rk.Batch.of', cells, said)})"
    return code if whole else f"[score.value for score in {code}]"


def called(function: Callable[..., Any], rows: Rows) -> Values:
    """Return the values of a trainer's function, which may be async."""
    values, _ = _given(function, rows)
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise WrongTypeError(values, "a list of numbers and None", "isinstance(values, list)")
    return _numbers([*values])


def _given(function: Callable[..., Any], rows: Rows) -> tuple[Any, bool]:
    """Return what a trainer's function gives, and whether it is async."""
    values = function(**rows, **_stand_ins(function))
    if not inspect.isawaitable(values):
        return values, False
    with ThreadPoolExecutor(1) as threads:  # where no loop runs
        return threads.submit(asyncio.run, _awaited(values)).result(), True


def called_code(function: Callable[..., Any], name: str, rows: Rows, *, whole: bool = False) -> str:
    """Return the same as Python: a list of an array."""
    code = _code.call(name, {**rows, **_stand_ins(function)})
    values: Any = []
    is_async = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
    with suppress(Exception):
        values, is_async = _given(function, copy.deepcopy(rows))
    code = f"asyncio.run({code})" if is_async else code
    return f"[*{code}]" if hasattr(values, "__array__") and not whole else code


class _State:
    """The state of a trainer that has not begun."""

    global_step = 0

    def __repr__(self) -> str:
        return "SimpleNamespace(global_step=0)"


class _Ignored:
    """What a trainer gives to log with; here it drops what it is given."""

    def __call__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        return "lambda *_: None"


STAND_INS = {"trainer_state": _State(), "log_extra": _Ignored(), "log_metric": _Ignored()}
"""What a trainer passes beside the rows, for functions that cannot do without."""


def _stand_ins(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what a function needs of what a trainer passes beside the rows."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # of some that are built in
        return {}
    return {
        name: value
        for name, value in STAND_INS.items()
        if name in parameters and parameters[name].default is inspect.Parameter.empty
    }


def verified(verifier: Any, rows: Rows) -> Values:
    """Return the outcomes of a verifier's verdicts."""
    verdicts = getattr(verifier, "verify", verifier)(rows["answers"], rows["references"])
    _are(verdicts, Verdict, "rk.Verdict")
    outcomes, known = [verdict.outcome for verdict in verdicts], [*map(str, Outcome)]
    if not all(outcome in known for outcome in outcomes):
        condition = "{*values} <= {*rk.Outcome}"
        raise WrongTypeError(outcomes, f"outcomes of {', '.join(known)}", condition, whole=False)
    return [Outcome(verdict.outcome).value for verdict in verdicts]


def verified_code(name: str, rows: Rows, *, whole: bool = False) -> str:
    """Return the same as Python."""
    code = _code.call(name, rows)
    return code if whole else f"[verdict.outcome for verdict in {code}]"


def extracted(extractor: Any, rows: Rows) -> Values:
    """Return what an extractor finds in each text."""
    found = [*map(getattr(extractor, "extract", extractor), rows["texts"])]
    if not all(isinstance(text, str | None) for text in found):
        condition = "all(isinstance(value, str | None) for value in values)"
        raise WrongTypeError(found, "a text or None for each text", condition)
    return found


def extracted_code(name: str, rows: Rows, *, whole: bool = False) -> str:  # noqa: ARG001 - texts
    """Return the same as Python."""
    return f"[{name}(text) for text in {_code.literal(rows['texts'])}]"


def _expression(call: Call, *, whole: bool = False) -> str:
    """Return a call as Python."""
    subject, rows, _ = call
    name = subject.name or subject.kind
    method = {"verifier": "verify", "extractor": "extract"}.get(subject.kind)
    is_method = method is not None and hasattr(subject.it, method)
    return subject.write(f"{name}.{method}" if is_method else name, rows, whole=whole)


def _are(items: Any, wanted: type, told: str) -> None:
    """Raise WrongTypeError where a call gave no list of what is wanted."""
    if not isinstance(items, list):
        raise WrongTypeError(items, f"a list of {told}", "isinstance(values, list)")
    if not all(isinstance(item, wanted) for item in items):
        condition = f"all(isinstance(value, {told}) for value in values)"
        raise WrongTypeError(items, f"a list of {told}", condition)


def _number(value: SupportsFloat | None) -> float | None:
    """Return a value as a number, one that is not Python's own with less to hold it to."""
    if value is None:
        return None
    return float(value) if isinstance(value, int | float) else Narrow(value)


def _numbers(values: list[Any]) -> Values:
    """Return values as numbers and None. Raises WrongTypeError where one is neither."""
    wanted, condition = "a list of numbers and None", ""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) or not hasattr(value, "__float__") for value in known):
        condition = "all(value is None or hasattr(value, '__float__') for value in values)"
    elif any(getattr(value, "shape", ()) for value in known):
        condition = "not any(getattr(value, 'shape', ()) for value in values)"
    if condition:
        raise WrongTypeError(values, wanted, condition, whole=False)
    return [*map(_number, values)]


async def _awaited(values: Any) -> Any:
    return await values
