"""The object under test: a reward, a verifier or an extractor, and how it is called."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from typing import TYPE_CHECKING, Any, NoReturn

from hypothesis import HealthCheck, Phase, given, settings

from rewardkit.result import Outcome
from rewardkit.reward import Reward
from rewardkit.testing._calls import (
    USAGE_ERRORS,
    Rows,
    Values,
    WrongTypeError,
    count_rows,
    describe_error,
    select_rows,
    values_equal,
)
from rewardkit.testing._findings import Counterexample, NotApplicable
from rewardkit.testing._forms import match_prompt
from rewardkit.testing._replay.literals import indent_lines, write_literal
from rewardkit.testing._replay.programs import write_program

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# Enough for the known completions to meet different columns, and few enough to pickle at once.
_SAMPLE_CALLS = 20
_MESSAGE_KEYS = ("role", "content", "tool_calls", "name")


@dataclass
class Subject:
    """A reward, verifier or extractor under test, how it is called, and how a call is written.

    A law that compares calls uses `values_of` and `expect`; one that looks at a single call uses
    `call` and `fail`.
    """

    target: Any
    """The reward, verifier or extractor."""
    kind: str
    """`reward`, `verifier` or `extractor`; also its name in the printed program."""
    run: Callable[[Any, Rows], Values]
    """Calls the target; a function of a module, so that another process can do the same."""
    write: Callable[..., str]
    """Returns the source of a call, given the target's name and the rows; with `whole=True`, of
    the whole result, before values are read from it."""
    rows: SearchStrategy[Rows]
    """The calls to try."""
    text_column: str
    """The keyword of the texts that are judged."""
    words: tuple[str, ...] = ()
    """Texts in its fields or its code."""
    forms: tuple[str, ...] = ()
    """The forms of completions that a reward takes."""
    pointwise: bool = True
    """Whether a row's value depends on that row alone."""
    bounds: tuple[float, float] | None = None
    """The lowest and the highest value of a reward, if declared."""
    known_calls: SearchStrategy[tuple[Rows, Values]] | None = None
    """Calls with known results, if there are any."""
    classics: Sequence[Any] = ()
    """Texts that are tried before anything is drawn."""
    name: str = ""
    """Its name in the printed program, if that is not the kind."""
    has_read_reference: bool = False
    """Whether a verifier has given an outcome other than `bad_reference`."""
    calls: list[Call] = field(default_factory=list)
    """The calls made for the current example."""
    wrong_type: WrongTypeError | None = None
    """The error, if the last call returned something of the wrong type."""
    first_result: tuple[Rows, Values] | None = None
    """The current example and its values; laws that look at one call share that call."""

    def try_law(self, law: Callable[[Subject, Any], None], example: Any) -> str:
        """Try a law on one example; return why it says nothing about it, or "" if it holds.

        Raises Counterexample if the law does not hold, and SkipTest if it never applies.
        """
        self.calls.clear()
        try:
            law(self, example)
        except NotApplicable as reason:
            return str(reason)
        if self.calls and not any(count_rows(rows) for _, rows, _ in self.calls):
            return "no example had a row"
        return ""

    def call_once(self, rows: Rows) -> Values:
        """Return the result of `call`, made once for all laws if the rows are the example."""
        # By identity: a law may pass other rows that are equal, to compare two calls. An error is
        # not kept, since a law that fails must meet it again.
        if self.first_result is None or self.first_result[0] is not rows:
            self.first_result = None
            values = self.call(rows)
            self.first_result = rows, values
            return values
        self.wrong_type = None
        values = self.first_result[1]
        self.calls.append((self, rows, write_literal(values)))
        return values

    def call(self, rows: Rows) -> Values:
        """Return the result of a call on a copy of the rows; raises whatever the call raises."""
        self.wrong_type = None
        try:
            # a copy, so that a target that changes its input breaks the law `inputs` alone
            values = self.run(self.target, copy.deepcopy(rows))
        except Exception as error:
            self.wrong_type = error if isinstance(error, WrongTypeError) else None
            self.calls.append((self, rows, describe_error(error)))
            raise
        self.calls.append((self, rows, write_literal(values)))
        self.has_read_reference |= any(value != "bad_reference" for value in values)
        return values

    def values_of(self, rows: Rows) -> Values:
        """Return the result of a call, one value per row.

        Raises NotApplicable if the call does not give that, which other laws report.
        """
        try:
            values = self.call_once(rows)
        except USAGE_ERRORS:
            raise
        except Exception as error:
            raise NotApplicable(self.always_raises) from error
        if len(values) != count_rows(rows):
            raise NotApplicable(f"the {self.kind} never gave one value per row")
        # whether a call runs out of time depends on the machine's load, so nothing can be compared
        if Outcome.TIMEOUT in values:
            raise NotApplicable(f"the {self.kind} ran out of time in every example")
        return values

    @property
    def always_raises(self) -> str:
        """The reason to skip a law if every call raised."""
        return f"the {self.kind} raised in every example"

    def expect(self, wanted: Values, rows: Rows, *, within: str = "") -> None:
        """Raise Counterexample if a call does not give the wanted values.

        `within` is the context manager of the call, for the printed program.
        """
        try:
            values = self.call(rows)
        except Exception:  # noqa: BLE001 - an error is not the wanted result either
            values = None
        if values is None or not values_equal(values, wanted):
            self.fail(f"values == {write_literal(wanted)}", within=within)

    def fail(self, condition: str, *, within: str = "") -> NoReturn:
        """Raise Counterexample: the last call does not meet a condition on `values`."""
        result = self.calls[-1][2]
        raised = result.startswith("raises ")
        # the shifted clock is not there when keywords are left out, so its call is not compared
        calls = self.drop_needless_keywords(self.calls[:-1] if within else self.calls)
        lines = [f"{_write_call(call)}  # {call[2]}" for call in calls[:-1]]
        wrong = self.wrong_type
        last_call = _write_call(calls[-1], whole=wrong is not None and wrong.whole)
        if wrong is not None:
            condition, result = wrong.condition, wrong.result
        last = f"{'' if raised else 'values = '}{last_call}  # {result}"
        lines += [f"with {within}:", *indent_lines(last)] if within else [last]
        lines += [] if raised else [f"assert {condition}"]
        given = f"{result}{self._missing_column_hint(result)}" if raised else f"values = {result}"
        raise Counterexample(
            wrong.wanted if wrong else condition,
            given,
            write_program({it.name or it.kind: it.target for it, _, _ in calls}, lines),
        )

    def program(self, lines: Sequence[str]) -> list[str]:
        """Return the lines of a program that has the target under its kind's name."""
        return write_program({self.kind: self.target}, lines)

    def _missing_column_hint(self, result: str) -> str:
        """Return a hint if the last call lacked a column that the function's code names."""
        key = re.fullmatch(r"raises KeyError: '([^']+)'", result)
        if self.kind != "reward" or not key or key[1] not in self.words:
            return ""
        # a component declares its columns, and a message's own keys are no columns
        if (
            isinstance(self.target, Reward)
            or key[1] in self.calls[-1][1]
            or key[1] in _MESSAGE_KEYS
        ):
            return ""
        return f"; if that is a column, give its values: columns={{{key[1]!r}: ['42', '7']}}"

    def drop_needless_keywords(self, compared: Sequence[Call]) -> list[Call]:
        """Return this example's calls without the keywords that change no result of `compared`."""
        needless: set[str] = set()
        for keyword in [keyword for keyword in self.calls[-1][1] if keyword != self.text_column]:
            names = {keyword, *needless}
            if all(
                describe_result(subject, _without(rows, names)) == result
                for subject, rows, result in compared
            ):
                needless.add(keyword)
        return [(subject, _without(rows, needless), result) for subject, rows, result in self.calls]

    def with_texts(self, rows: Rows, texts: list[Any]) -> Rows:
        """Return the rows with other texts, and with prompts of the same form."""
        rows = {**rows, self.text_column: texts}
        if "prompts" not in rows:
            return rows
        return {**rows, "prompts": [*map(match_prompt, rows["prompts"], texts)]}

    @property
    def first_calls(self) -> Iterator[Rows]:
        """Calls with texts that broke many rewards: each alone, then all of one form in a batch."""
        if not self.classics:  # samples take time to draw
            return
        alone = [
            select_rows(rows, [row]) for rows in self.samples for row in range(count_rows(rows))
        ]
        singles = [
            self.with_texts(rows, [copy.deepcopy(classic)])
            for rows, classic in zip(cycle(alone), self.classics, strict=False)
        ]
        yield from singles
        # a trainer's batch is all plain text or all messages
        for plain in (True, False):
            batch = [
                rows for rows in singles if isinstance(rows[self.text_column][0], str) is plain
            ]
            if batch:
                yield {name: [rows[name][0] for rows in batch] for name in batch[0]}

    @cached_property
    def samples(self) -> list[Rows]:
        """Some calls, the same each time."""
        return draw_examples(self.rows, _SAMPLE_CALLS)


Call = tuple[Subject, Rows, str]
"""A call that was made: of which subject, with which rows, and its result as text."""


def draw_examples(strategy: SearchStrategy[Any], count: int) -> list[Any]:
    """Return examples of a strategy, the same each time."""
    examples: list[Any] = []

    # not `strategy.example()`, which is slow, differs each time and warns inside a test
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
        examples.append(example)

    collect()
    return examples


def describe_result(subject: Subject, rows: Rows) -> str:
    """Return the result of a call as text, or its error."""
    try:
        return write_literal(subject.run(subject.target, copy.deepcopy(rows)))
    except Exception as error:  # noqa: BLE001 - an error is a result too
        return describe_error(error)


def _write_call(call: Call, *, whole: bool = False) -> str:
    subject, rows, _ = call
    name = subject.name or subject.kind
    method = {"verifier": "verify", "extractor": "extract"}.get(subject.kind)
    is_method = method is not None and hasattr(subject.target, method)
    return subject.write(f"{name}.{method}" if is_method else name, rows, whole=whole)


def _without(rows: Rows, names: Iterable[str]) -> Rows:
    return {name: values for name, values in rows.items() if name not in names}
