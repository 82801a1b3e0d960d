"""The laws: properties that every reward, verifier or extractor should have.

Each is a small function of the subject under test and an example, usually the rows of a call.
`subject.values_of(rows)` makes a call; `subject.expect(values, rows)` makes one that must give
`values`. A law that never applies raises SkipTest with the reason. Its docstring is its claim, its
name is the one that `laws=` and `skip=` take, and its position in this file is the order in which
it is tried. `deterministic` is first, so that its first call is the first with these rows and no
cache can hide a difference.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, Literal, NamedTuple
from unittest import SkipTest

from rewardkit import component, config
from rewardkit.batch import Batch, ColumnName
from rewardkit.component import Component
from rewardkit.testing import _timing
from rewardkit.testing._calls import (
    USAGE_ERRORS,
    Rows,
    Values,
    count_rows,
    describe_error,
    select_rows,
    tolerance_of,
    values_equal,
)
from rewardkit.testing._clock import shifted_clock
from rewardkit.testing._findings import Counterexample, NotApplicable
from rewardkit.testing._forms import CARRIERS, list_carriers
from rewardkit.testing._replay import child_process
from rewardkit.testing._replay.literals import Source, indent_lines, write_literal
from rewardkit.testing._replay.snapshots import has_full_repr, take_snapshot
from rewardkit.testing._subject import Subject, describe_result

KINDS = ("reward", "verifier", "extractor")

Check = Callable[[Subject, Any], None]


class Law(NamedTuple):
    """A property that every reward, verifier or extractor should have."""

    name: str
    """The name that `laws=` and `skip=` take."""
    claim: str
    """What holds, in a sentence."""
    kinds: tuple[str, ...]
    """The kinds of components that it applies to: reward, verifier, extractor."""
    check: Check
    """Makes the calls, and raises an error if the law does not hold."""
    on: Literal["rows", "known_calls", "once"]
    """What it is tried on: any calls, calls with known results, or the object itself."""
    compares: bool
    """Whether it compares calls, and so needs a deterministic object."""


LAWS: dict[str, Law] = {}
"""All laws by name, in the order in which they are tried."""


def laws_of(kind: str) -> list[Law]:
    """Return the laws of a kind of component: reward, verifier or extractor.

    >>> [law.name for law in laws_of("extractor")]
    ['deterministic', 'total', 'yaml', 'pickles', 'linear', 'found']
    """
    return [law for law in LAWS.values() if kind in law.kinds]


def _register_law(
    *kinds: str, on: Literal["rows", "known_calls", "once"] = "rows", compares: bool = False
) -> Callable[[Check], Check]:
    def decorate(check: Check) -> Check:
        name, claim = check.__name__, " ".join((check.__doc__ or "").split())
        LAWS[name] = Law(name, claim, kinds or KINDS, check, on, compares)
        return check

    return decorate


@_register_law()
def deterministic(subject: Subject, rows: Rows) -> None:
    """The same call gives the same result again, at once and on another day."""
    values = subject.values_of(rows)
    subject.expect(values, rows)
    with shifted_clock():
        subject.expect(values, rows, within="shifted_clock()")


@_register_law()
def total(subject: Subject, rows: Rows) -> None:
    """A call never raises, whatever the rows hold, and returns a list of the right type."""
    try:
        subject.call_once(rows)
    except USAGE_ERRORS:
        raise
    except Exception:  # noqa: BLE001 - the error is the finding
        subject.fail("a list of values, whatever the rows hold")


@_register_law("reward", "verifier")
def length(subject: Subject, rows: Rows) -> None:
    """There is one value per row, and none for an empty batch."""
    if len(_call_of_any_length(subject, rows)) != count_rows(rows):
        subject.fail(f"len(values) == {count_rows(rows)}")


@_register_law("reward")
def finite(subject: Subject, rows: Rows) -> None:
    """A value is a finite number, or None to abstain: never NaN or infinite."""
    values = _call_of_any_length(subject, rows)
    if not all(value is None or isfinite(value) for value in values):
        subject.fail("all(value is None or abs(value) < float('inf') for value in values)")


@_register_law("reward")
def bounds(subject: Subject, rows: Rows) -> None:
    """Every value is within the declared bounds."""
    if subject.bounds is None:
        raise SkipTest("no bounds are declared; give bounds=(low, high)")
    low, high = subject.bounds
    known = [value for value in _call_of_any_length(subject, rows) if value is not None]
    # rounding errors grow with the largest term; the bounds tell how large it can be
    largest = max([1.0, *(abs(end) for end in subject.bounds if isfinite(end))])
    room = largest * max(map(tolerance_of, known), default=0.0)
    if any(value < low - room or value > high + room for value in known):
        ends = f"{write_literal(low)} <= value <= {write_literal(high)}"
        subject.fail(f"all({ends} for value in values if value is not None)")


@_register_law("reward", "verifier", compares=True)
def pointwise(subject: Subject, rows: Rows) -> None:
    """A row has the same value alone as among other rows."""
    if not subject.pointwise:
        raise SkipTest("it is declared not to be pointwise")
    for row, value in enumerate(subject.values_of(rows)):
        subject.expect([value], select_rows(rows, [row]))


@_register_law("reward", "verifier", compares=True)
def order(subject: Subject, rows: Rows) -> None:
    """Rows in reverse order have the same values, in reverse order."""
    values = subject.values_of(rows)
    subject.expect(values[::-1], {name: column[::-1] for name, column in rows.items()})


@_register_law("reward", compares=True)
def forms(subject: Subject, rows: Rows) -> None:
    """A text has the same value as plain text, as a message, in parts, and after other turns."""
    first, *others = list_carriers(subject.target, subject.forms) or [""]
    if not others:
        raise SkipTest("it is checked with one form only; forms= or completions= gives more")
    texts = Batch(rows[subject.text_column]).texts
    # prompts as plain text first, since prompt messages may hold more than text
    plain = subject.with_texts(rows, texts)
    values = subject.values_of(subject.with_texts(plain, [*map(CARRIERS[first], texts)]))
    for form in others:
        subject.expect(values, subject.with_texts(plain, [*map(CARRIERS[form], texts)]))


@_register_law("reward", "verifier")
def inputs(subject: Subject, rows: Rows) -> None:
    """A call does not change its arguments."""
    given = copy.deepcopy(rows)
    succeeded = _timing.call_in_place(subject, given)
    if take_snapshot(given) == take_snapshot(rows):
        if not succeeded:
            raise NotApplicable(subject.always_raises)
        if not count_rows(rows):
            raise NotApplicable("no example had a row")
        return
    for name in [name for name in rows if name != subject.text_column]:
        fewer = {key: values for key, values in rows.items() if key != name}
        rows = fewer if _changes_arguments(subject, fewer) else rows
    given = copy.deepcopy(rows)
    _timing.call_in_place(subject, given)
    function = f"{subject.kind}.verify" if hasattr(subject.target, "verify") else subject.kind
    shown = "repr" if has_full_repr(rows) else "pickle.dumps"
    lines = [
        f"rows = {write_literal(rows)}",
        f"before = {shown}(rows)",
        f"{function}(**rows)",
        f"assert {shown}(rows) == before",
    ]
    expected, actual = f"rows = {write_literal(rows)}", f"rows = {write_literal(given)}"
    raise Counterexample(expected, actual, subject.program(lines))


@_register_law("reward", compares=True)
def columns(subject: Subject, rows: Rows) -> None:
    """A column that it does not read changes nothing; a trainer passes every column."""
    values = subject.values_of(rows)
    subject.expect(values, {**rows, "another_column": ["x"] * count_rows(rows)})


@_register_law("reward", compares=True)
def rename(subject: Subject, rows: Rows) -> None:
    """A column is read under the name in its field."""
    if not isinstance(subject.target, Component) or not component.columns(subject.target):
        raise SkipTest("it has no field that names a column")
    values = subject.values_of(rows)
    for old in component.columns(subject.target):
        new: ColumnName[Any] = ColumnName(f"other_{old}", old.value_type)
        target = _rename_column(subject.target, old, new)
        renamed = {str(new) if name == old else name: rows[name] for name in rows}
        # the copy shares the list of calls, so that the program shows both
        replace(subject, target=target, name="renamed").expect(values, renamed)


@_register_law(on="once")
def yaml(subject: Subject, _: object) -> None:
    """It is equal after it was written to YAML and read again."""
    target = subject.target
    if not isinstance(target, Component):
        raise SkipTest("it is not a component")
    if unnamed := [part for part in component.walk(target) if part.registered_name is None]:
        name = type(unnamed[0]).__name__
        raise SkipTest(f"{name} is not registered; put @rk.register(...) above its class")
    again: Any = None
    try:
        again = config.load(config.dump(target))
        result = f"rk.load(rk.dump({subject.kind})) = {again!r}"
    except Exception as error:  # noqa: BLE001 - the error is the finding
        result = describe_error(error)
    if again != target or hash(again) != hash(target):
        claim = f"rk.load(rk.dump({subject.kind})) == {subject.kind}"
        raise Counterexample(claim, result, subject.program([f"assert {claim}"]))


@_register_law(on="once", compares=True)
def pickles(subject: Subject, _: object) -> None:
    """It pickles, and gives the same result in another process, where AsyncGRPOTrainer runs it."""
    target, known = subject.target, []
    for rows in subject.samples:
        if count_rows(rows):
            try:
                known.append((rows, subject.values_of(rows)))
            except NotApplicable:  # a call that raises is another law's finding
                continue
    try:
        results = child_process.repeat_calls(subject.run, target, [rows for rows, _ in known])
    except SkipTest:
        raise
    except Exception as error:  # noqa: BLE001 - the error is the finding
        code = subject.program(["import pickle", f"pickle.dumps({subject.kind})"])
        advice = "a class or a function at the top of a module, which another process can import"
        raise Counterexample(advice, describe_error(error), code) from None
    if isinstance(target, Component) and pickle.loads(pickle.dumps(target)) != target:  # noqa: S301 - our own
        claim = f"pickle.loads(pickle.dumps({subject.kind})) == {subject.kind}"
        code = subject.program(["import pickle", f"assert {claim}"])
        raise Counterexample(claim, f"{claim.replace('==', '!=')}", code)
    if not known:
        raise NotApplicable(subject.always_raises)
    for (rows, values), others in zip(known, results, strict=True):
        if not isinstance(others, list) or not values_equal(others, values):
            wanted = write_literal(values)
            lines = [
                f"rows = {write_literal(rows)}",
                f"assert in_subprocess({subject.kind}, rows) == {wanted}",
            ]
            expected = f"values in another process == {wanted}"
            result = f"values in another process = {write_literal(others)}"
            raise Counterexample(expected, result, subject.program(lines))


@_register_law(on="once")
def linear(subject: Subject, _: object) -> None:
    """The time grows with a text's length, and not with its square."""
    row = _timing.find_judged_row(subject)
    short_calls = _timing.list_short_calls(subject, row)
    if not any(_timing.call_in_place(subject, rows) for rows in short_calls):
        raise NotApplicable(subject.always_raises)
    for shape, make in _timing.list_shapes(subject.words):
        growth = _timing.find_steep_growth(
            make, lambda text: _timing.measure_call(subject, row, text)
        )
        if growth is not None:
            raise _write_growth(subject, row, shape, growth)


def _write_growth(
    subject: Subject, row: Rows, shape: str, growth: _timing.Growth
) -> Counterexample:
    few, many, quick, slow = growth
    factor = round((many / few) ** _timing.ALLOWED_POWER, 1)
    subject.calls[:] = [(subject, row, describe_result(subject, row))]
    needed = {name: row[name] for name in subject.drop_needless_keywords(subject.calls)[0][1]}
    rows = _timing.replace_text(subject, needed, Source(shape), Source("[*range(times)]"))
    function = f"{subject.kind}.verify" if hasattr(subject.target, "verify") else subject.kind
    lines = [
        "from time import process_time",
        "",
        "",
        "def seconds(times):",
        "    start = process_time()",
        *indent_lines(subject.write(function, rows)),
        "    return process_time() - start",
        "",
        "",
        f"few, many = seconds({few}), seconds({many})  # {quick:.3f} and {slow:.3f}",
        f"assert many < {factor} * few",
    ]
    expected = f"less than {factor} times the time for {many / few:.3g} times the text, {shape}"
    result = f"{slow:.3g} s for times={many}, {quick:.3g} s for times={few}"
    return Counterexample(expected, result, subject.program(lines))


@_register_law("reward", on="known_calls")
def maximum(subject: Subject, known: tuple[Rows, Values]) -> None:
    """The reference, written as the prompt asks for it, earns the maximum."""
    rows, wanted = known
    if not wanted:
        raise NotApplicable("the template returned None for every row")
    subject.expect(wanted, rows)


@_register_law("verifier")
def reflexive(subject: Subject, rows: Rows) -> None:
    """A reference that can be read, and that is a text or a number, is its own right answer."""
    plain = [value for value in rows["references"] if _is_nonblank_scalar(value)]
    own = {"answers": [*map(str, plain)], "references": plain}
    read = [row for row, value in enumerate(subject.values_of(own)) if value != "bad_reference"]
    if not read:
        raise NotApplicable("the verifier could read no reference that is a text or a number")
    subject.expect(["correct"] * len(read), select_rows(own, read))


@_register_law("verifier", on="known_calls")
def right(subject: Subject, known: tuple[Rows, Values]) -> None:
    """An answer that is known to be right is judged correct."""
    rows, wanted = known
    subject.expect(wanted, rows)


@_register_law("verifier")
def no_answer(subject: Subject, rows: Rows) -> None:
    """A missing or blank answer is NO_ANSWER or BAD_REFERENCE, never right and never wrong."""
    for blank in (None, "", " \n"):
        values = subject.values_of({**rows, "answers": [blank] * count_rows(rows)})
        if {*values} - {"no_answer", "bad_reference"}:
            subject.fail("set(values) <= {'no_answer', 'bad_reference'}")


@_register_law("verifier")
def bad_reference(subject: Subject, rows: Rows) -> None:
    """A missing or blank reference is BAD_REFERENCE, whatever the answer."""
    nothing: tuple[Any, ...] = (None, "", " \n", [])
    for blank in nothing:
        blanks = {**rows, "references": [blank] * count_rows(rows)}
        subject.expect(["bad_reference"] * count_rows(rows), blanks)


@_register_law("extractor", on="known_calls")
def found(subject: Subject, known: tuple[Rows, Values]) -> None:
    """An answer, written as the prompt asks for it, is found."""
    rows, wanted = known
    subject.expect(wanted, rows)


def _call_of_any_length(subject: Subject, rows: Rows) -> list[Any]:
    """Return the result of a call, also if its length is wrong."""
    try:
        return subject.call_once(rows)
    except USAGE_ERRORS:
        raise
    except Exception as error:
        raise NotApplicable(subject.always_raises) from error


def _changes_arguments(subject: Subject, rows: Rows) -> bool:
    given = copy.deepcopy(rows)
    try:
        _timing.call_in_place(subject, given)
    except USAGE_ERRORS:  # the column that was left out is needed
        return False
    return bool(take_snapshot(given) != take_snapshot(rows))


def _rename_column(value: Any, old: str, new: str) -> Any:
    """Return a component, or a value in one, in which a column has another name at every depth."""
    if isinstance(value, Component):
        fields = {
            name: _rename_column(getattr(value, name), old, new)
            for name in type(value).model_fields
        }
        return value.model_copy(update=fields)
    if isinstance(value, ColumnName):
        return new if value == old else value
    if isinstance(value, Mapping):
        renamed = {key: _rename_column(item, old, new) for key, item in value.items()}
        return type(value)(renamed)  # type: ignore[call-arg]
    if type(value) is tuple:
        return tuple(_rename_column(item, old, new) for item in value)
    return value


def _is_nonblank_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and bool(str(value).strip())
