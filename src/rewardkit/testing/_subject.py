"""The object under test: a reward, a verifier or an extractor, and how it is called."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, cycle, islice
from typing import TYPE_CHECKING, Any, NoReturn

from hypothesis import HealthCheck, Phase, given, settings

from rewardkit import component
from rewardkit.batch import Batch, ColumnName
from rewardkit.component import Component
from rewardkit.result import Outcome
from rewardkit.reward import Reward
from rewardkit.testing._caller import Caller, InPlace, Unanswered
from rewardkit.testing._calls import (
    DEFAULT_TIMEOUT,
    USAGE_ERRORS,
    RewardCallWriter,
    Rows,
    Values,
    WrongTypeError,
    count_rows,
    describe_error,
    select_rows,
    values_equal,
)
from rewardkit.testing._findings import Counterexample, NotApplicable
from rewardkit.testing._forms import CARRIERS, find_form, match_prompt
from rewardkit.testing._replay.literals import indent_lines, write_literal
from rewardkit.testing._replay.programs import write_program

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# Enough for the known completions to meet different columns, and few enough to pickle at once.
_SAMPLE_CALLS = 20
# Two chunks of 32 and more than four of 16, with a remainder of three; two groups of more than 32.
_ROWS_OF_CHUNKS = 67
# For a subject whose calls are slow; for others, the samples take a few milliseconds.
_SAMPLE_SECONDS = 3.0
_MESSAGE_KEYS = ("role", "content", "tool_calls", "name")

Score = Callable[[Rows], Values]
MakeBatches = Callable[[Score, Score], list[Rows]]


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
    attacks: Sequence[tuple[str, str]] = ()
    """What its patterns may take long for: a text before, and one that is repeated."""
    marks: Sequence[tuple[str, str]] = ()
    """What an extractor may look for before and behind an answer."""
    programs: Sequence[str] = ()
    """Texts with programs that do not end, if it runs programs."""
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
    timeout: float | None = DEFAULT_TIMEOUT
    """The processor's seconds that a call may take; None makes the calls here, without a limit."""
    made_by: Caller | None = None
    """What makes the calls."""
    late_texts: list[Any] = field(default_factory=list)
    """Texts of calls that gave no result: no other call is made with them."""
    warnings: dict[str, str] = field(default_factory=dict)
    """Warnings by law: what was found and does not make it fail."""
    make_right_batches: MakeBatches | None = None
    """Makes calls with right completions and different references, given what scores a call, and
    what scores one with other references."""
    wrong_calls: SearchStrategy[tuple[Rows, Values]] | None = None
    """Calls whose results must be others than these, if there are any."""

    @cached_property
    def renamed_targets(self) -> dict[str, tuple[ColumnName[Any], Any]]:
        """Its copies with one column renamed: the new name and the copy, by the old name."""
        if not isinstance(self.target, Component):
            return {}
        renamed = {}
        for old in component.columns(self.target):
            new: ColumnName[Any] = ColumnName(f"other_{old}", old.value_type)
            renamed[str(old)] = new, rename_column(self.target, old, new)
        return renamed

    @cached_property
    def right_batches(self) -> list[Rows]:
        """Calls with right completions and different references, one for each form."""
        if self.kind == "verifier":
            # texts of both lengths, as in the answers of one model
            own = [str(number) for number in range(37, 54)]
            return [{"answers": own, "references": own}]
        if self.make_right_batches is None:
            return []
        # two processes, since a cache of texts would hide the reference
        with self._run_fresh() as score, self._run_fresh() as score_exchanged:
            return self.make_right_batches(score, score_exchanged)

    @contextmanager
    def _run_fresh(self) -> Iterator[Callable[[Rows], Values]]:
        """Give a function that makes calls in a process of its own."""
        caller = self.caller.make_fresh() if self.caller.is_forked else self.caller

        def run(rows: Rows) -> Values:
            try:
                return caller.run(self.target, rows)
            except Unanswered as late:  # a law meets it again
                raise NotApplicable(str(late)) from None

        try:
            yield run
        finally:
            if caller is not self.caller:
                caller.close()

    @property
    def caller(self) -> Caller:
        """What makes the calls; it is made with the first one."""
        if self.made_by is None:
            targets = [self.target, *(target for _, target in self.renamed_targets.values())]
            self.made_by = Caller(self.run, targets, self.timeout)
        return self.made_by

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

    def call_once(self, rows: Rows, then: Sequence[Rows] = ()) -> Values:
        """Return the result of `call`, made once for all laws if the rows are the example.

        `then` are the calls that the law makes next, which are made at once with this one.
        """
        # By identity: a law may pass other rows that are equal, to compare two calls. An error is
        # not kept, since a law that fails must meet it again.
        if self.first_result is None or self.first_result[0] is not rows:
            self.first_result = None
            if then:
                self.run_ahead([rows, *then])
            values = self.call(rows)
            self.first_result = rows, values
            return values
        self.wrong_type = None
        values = self.first_result[1]
        self.calls.append((self, rows, write_literal([*values])))
        return values

    def run_ahead(self, calls: Sequence[Rows], *, shifted: Sequence[Rows] = ()) -> None:
        """Make the calls that a law asks for next at once, which takes less time."""
        if not self.late_texts:  # else each is looked at before it is made
            self.caller.run_ahead(self.target, calls, shifted=shifted)

    def run_in_place(self, rows: Rows) -> InPlace:
        """Make a call, and look at its arguments afterwards."""
        self.refuse_late_texts(rows)
        return self.caller.run_in_place(self.target, rows)

    def known_samples(self) -> list[tuple[Rows, Values]]:
        """Return some calls that raise nothing, with their values."""
        known: list[tuple[Rows, Values]] = []
        end = time.monotonic() + _SAMPLE_SECONDS
        joined = [join_texts(rows, self.text_column) for rows in self.right_batches]
        calls = [rows for rows in (*self.right_batches, *joined, *self.samples) if count_rows(rows)]
        self.run_ahead(calls)
        for rows in calls:
            if known and self.caller.is_forked and time.monotonic() > end:
                break
            # a call that raises is another law's finding
            with suppress(NotApplicable):
                known.append((rows, self.values_of(rows)))
        return known

    def refuse_late_texts(self, rows: Rows) -> None:
        """Raise NotApplicable for a call like one that gave no result: each costs its limit."""
        texts = rows[self.text_column] if self.late_texts else ()
        if any(text in self.late_texts for text in texts):
            raise NotApplicable(f"the {self.kind} gave no result in any example")

    def call(self, rows: Rows, *, shifted: bool = False) -> Values:
        """Return the result of a call on a copy of the rows; raises whatever the call raises.

        With `shifted`, the clock is a day ahead.
        """
        self.wrong_type = None
        self.refuse_late_texts(rows)
        make_call = self.caller.run_shifted if shifted else self.caller.run
        try:
            values = make_call(self.target, rows)
        except NotApplicable:
            raise
        except Exception as error:
            self.wrong_type = error if isinstance(error, WrongTypeError) else None
            self.calls.append((self, rows, describe_error(error)))
            raise
        if isinstance(self.write, RewardCallWriter):
            self.write.note_values(values)
        self.calls.append((self, rows, write_literal([*values])))
        self.has_read_reference |= any(value != "bad_reference" for value in values)
        return values

    def values_of(self, rows: Rows, then: Sequence[Rows] = ()) -> Values:
        """Return the result of a call, one value per row; `then` is that of `call_once`.

        Raises NotApplicable if the call does not give that, which other laws report.
        """
        try:
            values = self.call_once(rows, then)
        except (*USAGE_ERRORS, NotApplicable):
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

    def expect(self, wanted: Values, rows: Rows, *, shifted: bool = False) -> None:
        """Raise Counterexample if a call does not give the wanted values.

        With `shifted`, the call is made with the clock a day ahead.
        """
        try:
            values = self.call(rows, shifted=shifted)
        except NotApplicable:
            raise
        except Exception:  # noqa: BLE001 - an error is not the wanted result either
            values = None
        if values is None or not values_equal(values, wanted):
            within = "shifted_clock()" if shifted else ""
            self.fail(f"values == {write_literal([*wanted])}", within=within)

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

    def write_call(self, rows: Rows) -> str:
        """Return the source of a call."""
        return _write_call((self, rows, ""))

    def program(self, lines: Sequence[str]) -> list[str]:
        """Return the lines of a program that has the target under its kind's name."""
        return write_program({self.kind: self.target}, lines)

    def _missing_column_hint(self, result: str) -> str:
        """Return a hint if the last call lacked a column that the function's code names."""
        key = re.fullmatch(r"raises KeyError: '([^']+)'", result)
        if self.kind != "reward" or not key or key[1] not in self.words:
            return ""
        # a component declares its columns, and a message's own keys are not columns
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
        for right in self.right_batches:
            yield from (right, exchange_references(right, self.text_column))
            size = count_rows(right)
            # the second round begins with the second row, so that no two chunks are the same
            yield select_rows(right, [at % size for at in range(1, _ROWS_OF_CHUNKS + 1)])
        if not self.pointwise:
            yield from islice(self._pair_groups(), 1)
        if not self.classics:
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
        if self.kind != "extractor":  # which takes one text
            # what happens to the last rows shows only in a batch where each row earns something
            self.run_ahead(singles)
            best = max(singles, key=self._value_of_one)
            yield self._repeat_in_two_groups(best, alone)

    def _pair_groups(self) -> Iterator[Rows]:
        """Yield calls with the rows of two samples that have no prompt in common."""
        some = [rows for rows in self.samples if count_rows(rows) and "prompts" in rows]
        for one, other in combinations(some, 2):
            # a trainer's batch is all plain text or all messages
            alike = len({isinstance(rows[self.text_column][0], str) for rows in (one, other)}) == 1
            if alike and {*map(repr, one["prompts"])}.isdisjoint(map(repr, other["prompts"])):
                yield {name: [*one[name], *other[name]] for name in one if name in other}

    def _repeat_in_two_groups(self, row: Rows, others: Iterable[Rows]) -> Rows:
        """Return a call with a row many times, the second half with another row's prompt."""
        first = _ROWS_OF_CHUNKS // 2 + 1
        repeated = {name: values * _ROWS_OF_CHUNKS for name, values in row.items()}
        # an equal text may have been seen in the group before, which a drawn one seldom was
        for other in others if "prompts" in row else ():
            prompt = match_prompt(other["prompts"][0], row[self.text_column][0])
            if prompt != row["prompts"][0]:
                repeated["prompts"][first:] = [prompt] * (_ROWS_OF_CHUNKS - first)
                break
        return repeated

    @property
    def program_calls(self) -> Iterator[Rows]:
        """Calls of one row whose texts have programs that do not end."""
        if not self.programs:
            return
        row = next((select_rows(rows, [0]) for rows in self.samples if count_rows(rows)), None)
        form = next((form for form in CARRIERS if form in self.forms), None)
        if row is not None and form is not None:
            for text in self.programs:
                yield self.with_texts(row, [CARRIERS[form](text)])

    def _value_of_one(self, rows: Rows) -> float:
        """Return the value of a call of one row as a number, to find one that is not zero."""
        with suppress(Exception, Unanswered):
            self.refuse_late_texts(rows)
            (value,) = self.caller.run(self.target, rows)
            return abs(value) if isinstance(value, float) else float(value == "correct")
        return -1.0

    @cached_property
    def samples(self) -> list[Rows]:
        """Some calls, the same each time."""
        return draw_examples(self.rows, _SAMPLE_CALLS)


Call = tuple[Subject, Rows, str]
"""A call that was made: of which subject, with which rows, and its result as text."""


def exchange_references(rows: Rows, text_column: str) -> Rows:
    """Return a call with pairs of rows of one text, whose other columns are those of two rows."""
    pairs = [(row, (row + 1) % count_rows(rows)) for row in range(min(count_rows(rows), 4))]
    text_rows = [row for row, _ in pairs for _ in range(2)]
    other_rows = [row for pair in pairs for row in pair]
    texts = select_rows({text_column: rows[text_column]}, text_rows)
    return {**select_rows(rows, other_rows), **texts}


def join_texts(rows: Rows, text_column: str) -> Rows:
    """Return a call whose texts are each followed by those of the next two rows.

    Each has several answers, so that what depends on the order of a set shows.
    """
    size = count_rows(rows)
    forms = [find_form(value) for value in rows[text_column]]
    if not {*forms} <= {*CARRIERS}:
        return rows
    texts = Batch(rows[text_column]).texts
    joined = [
        CARRIERS[form](" ".join(texts[(row + step) % size] for step in range(3)))
        for row, form in enumerate(forms)
    ]
    return {**rows, text_column: joined}


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
        subject.refuse_late_texts(rows)
        return write_literal([*subject.caller.run(subject.target, rows)])
    except Exception as error:  # noqa: BLE001 - an error is a result too
        return describe_error(error)


def rename_column(value: Any, old: str, new: str) -> Any:
    """Return a component, or a value in one, in which a column has another name at every depth."""
    if isinstance(value, Component):
        fields = {
            name: rename_column(getattr(value, name), old, new) for name in type(value).model_fields
        }
        return value.model_copy(update=fields)
    if isinstance(value, ColumnName):
        return new if value == old else value
    if isinstance(value, Mapping):
        renamed = {key: rename_column(item, old, new) for key, item in value.items()}
        return type(value)(renamed)  # type: ignore[call-arg]
    if type(value) is tuple:
        return tuple(rename_column(item, old, new) for item in value)
    return value


def _write_call(call: Call, *, whole: bool = False) -> str:
    subject, rows, _ = call
    name = subject.name or subject.kind
    method = {"verifier": "verify", "extractor": "extract"}.get(subject.kind)
    is_method = method is not None and hasattr(subject.target, method)
    return subject.write(f"{name}.{method}" if is_method else name, rows, whole=whole)


def _without(rows: Rows, names: Iterable[str]) -> Rows:
    return {name: values for name, values in rows.items() if name not in names}
