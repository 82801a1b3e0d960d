"""The laws: properties that every reward, verifier or extractor should have.

Each is a small function of the subject under test and an example, usually the rows of a call.
`subject.values_of(rows)` makes a call; `subject.expect(values, rows)` makes one that must give
`values`. A law that never applies raises SkipTest with the reason. Its docstring is its claim, its
name is the one that `laws=` and `skip=` take, and its position in this file is the order in which
it is tried. `deterministic` is first, so that its first call is the first with these rows and no
cache can hide a difference.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from math import isfinite
from types import FunctionType
from typing import Any, Literal, NamedTuple
from unittest import SkipTest

from rewardkit import component, config
from rewardkit.batch import Batch
from rewardkit.component import Component
from rewardkit.testing import _near_misses, _state, _timing
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
from rewardkit.testing._findings import Counterexample, NotApplicable
from rewardkit.testing._forms import CARRIERS, list_carriers
from rewardkit.testing._replay import child_process
from rewardkit.testing._replay.literals import Source, indent_lines, write_literal
from rewardkit.testing._replay.snapshots import has_full_repr
from rewardkit.testing._subject import Subject, describe_result
from rewardkit.testing._usual_texts import UsualText, judge_usual_text

_TWO_GROUPS = 2
_SMALL_BATCH = 17
KINDS = ("reward", "verifier", "extractor")

Check = Callable[[Subject, Any], None]

_PICKLING_NEEDED = "it matters for AsyncGRPOTrainer and worker processes, not for GRPOTrainer"


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
    on: Literal["rows", "known_calls", "wrong_calls", "once"]
    """What it is tried on: any calls, calls with known results, right ones or wrong ones, or the
    object itself."""
    compares: bool
    """Whether it compares calls, and so needs a deterministic object."""


LAWS: dict[str, Law] = {}
"""All laws by name, in the order in which they are tried."""
EARLIER_NAMES = {
    "total": "never_raises",
    "length": "one_value_per_row",
    "order": "row_order",
    "forms": "input_formats",
    "inputs": "no_mutation",
    "columns": "extra_columns",
    "rename": "renamed_columns",
    "yaml": "yaml_round_trip",
    "pickles": "picklable",
    "linear": "linear_time",
    "reflexive": "accepts_reference",
    "right": "right_answers",
    "found": "finds_answer",
}
"""Names of laws that `laws=` and `skip=` take as well."""


def laws_of(kind: str) -> list[Law]:
    """Return the laws of a kind of component: reward, verifier or extractor.

    >>> [law.name for law in laws_of("extractor")]  # doctest: +NORMALIZE_WHITESPACE
    ['deterministic', 'never_raises', 'terminates', 'yaml_round_trip', 'picklable', 'linear_time',
    'stateless', 'thread_safe', 'finds_answer', 'finds_nothing']
    """
    return [law for law in LAWS.values() if kind in law.kinds]


def _register_law(
    *kinds: str,
    on: Literal["rows", "known_calls", "wrong_calls", "once"] = "rows",
    compares: bool = False,
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
    subject.run_ahead([rows], shifted=[rows])
    subject.expect(values, rows)
    subject.expect(values, rows, shifted=True)


@_register_law()
def never_raises(subject: Subject, rows: Rows) -> None:
    """A call never raises, whatever the rows hold, and returns a list of the right type."""
    try:
        subject.call_once(rows)
    except (*USAGE_ERRORS, NotApplicable):
        raise
    except Exception:  # noqa: BLE001 - the error is the finding
        subject.fail("a list of values, whatever the rows hold")


@_register_law()
def terminates(subject: Subject, rows: Rows) -> None:
    """A call ends within its limit of time, and leaves its process running."""
    # what does not end is met wherever it is first called, and reported under this name
    _call_of_any_length(subject, rows)


@_register_law("reward", "verifier")
def one_value_per_row(subject: Subject, rows: Rows) -> None:
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
    values = subject.values_of(rows)
    if len(values) == 1:  # the same call again, which the law `deterministic` compares
        return
    singles = [(select_rows(rows, [row]), value) for row, value in enumerate(values)]
    if len(values) > _SMALL_BATCH:  # large batches repeat their rows
        singles = [*{f"{alone!r} {value!r}": (alone, value) for alone, value in singles}.values()]
    subject.run_ahead([alone for alone, _ in singles])
    for alone, value in singles:
        subject.expect([value], alone)


@_register_law("reward", "verifier", compares=True)
def row_order(subject: Subject, rows: Rows) -> None:
    """Rows in reverse order have the same values, in reverse order."""
    values = subject.values_of(rows)
    if len(values) > 1:  # as above
        subject.expect(values[::-1], {name: column[::-1] for name, column in rows.items()})


@_register_law("reward", compares=True)
def input_formats(subject: Subject, rows: Rows) -> None:
    """A text has the same value as plain text, as a message, in parts, and after other turns."""
    first, *others = list_carriers(subject.target, subject.forms) or [""]
    if not others:
        raise SkipTest("it is checked with one form only; forms= or completions= gives more")
    texts = Batch(rows[subject.text_column]).texts
    # prompts as plain text first, since prompt messages may hold more than text
    plain = subject.with_texts(rows, texts)
    one, *same = [
        subject.with_texts(plain, [*map(CARRIERS[form], texts)]) for form in (first, *others)
    ]
    values = subject.values_of(one, same)
    for other in same:
        subject.expect(values, other)


@_register_law("reward", "verifier")
def no_mutation(subject: Subject, rows: Rows) -> None:
    """A call does not change its arguments."""
    call = subject.run_in_place(rows)
    if not call.changed:
        if not call.succeeded:
            raise NotApplicable(subject.always_raises)
        if not count_rows(rows):
            raise NotApplicable("no example had a row")
        return
    for name in [name for name in rows if name != subject.text_column]:
        fewer = {key: values for key, values in rows.items() if key != name}
        try:
            rows = fewer if subject.run_in_place(fewer).changed else rows
        except USAGE_ERRORS:  # the column that was left out is needed
            continue
    call = subject.run_in_place(rows)
    function = f"{subject.kind}.verify" if hasattr(subject.target, "verify") else subject.kind
    shown = "repr" if has_full_repr(rows) else "pickle.dumps"
    lines = [
        f"rows = {write_literal(rows)}",
        f"before = {shown}(rows)",
        f"{function}(**rows)",
        f"assert {shown}(rows) == before",
    ]
    expected, actual = f"rows = {write_literal(rows)}", f"rows = {call.rows}"
    raise Counterexample(expected, actual, subject.program(lines))


@_register_law("reward", compares=True)
def extra_columns(subject: Subject, rows: Rows) -> None:
    """A column that it does not read changes nothing; a trainer passes every column."""
    more = {**rows, "another_column": ["x"] * count_rows(rows)}
    subject.expect(subject.values_of(rows, [more]), more)


@_register_law("reward", compares=True)
def renamed_columns(subject: Subject, rows: Rows) -> None:
    """A column is read under the name in its field."""
    if not subject.renamed_targets:
        raise SkipTest("it has no field that names a column")
    values = subject.values_of(rows)
    for old, (new, target) in subject.renamed_targets.items():
        renamed = {str(new) if name == old else name: rows[name] for name in rows}
        # the copy shares the list of calls, so that the program shows both
        replace(subject, target=target, name="renamed").expect(values, renamed)


@_register_law(on="once")
def yaml_round_trip(subject: Subject, _: object) -> None:
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
def picklable(subject: Subject, _: object) -> None:
    """It pickles, and gives the same result in another process, as in AsyncGRPOTrainer."""
    target, known = subject.target, subject.known_samples()
    try:
        results = child_process.repeat_calls(subject.run, target, [rows for rows, _ in known])
    except SkipTest:
        raise
    except Exception as error:  # noqa: BLE001 - the error is the finding
        if _is_named_nested_function(target):
            # right for GRPOTrainer, and how many published rewards with options are made
            subject.warnings["picklable"] = f"a function within a function; {_PICKLING_NEEDED}"
            return
        code = subject.program(["import pickle", f"pickle.dumps({subject.kind})"])
        advice = "a class or a function at the top of a module, which another process can import"
        given = f"{describe_error(error)}; {_PICKLING_NEEDED}"
        raise Counterexample(advice, given, code) from None
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
def linear_time(subject: Subject, _: object) -> None:
    """The time grows with a text's length, not with its square, at lengths that are trained."""
    row = _timing.find_judged_row(subject)
    short_calls = _timing.list_short_calls(subject, row)
    if not any(subject.run_in_place(rows).succeeded for rows in short_calls):
        raise NotApplicable(subject.always_raises)
    search = _timing.GrowthSearch(
        lambda text, limit: _timing.measure_call(subject, row, text, limit)
    )
    for shape in _timing.list_shapes(subject.words, subject.attacks):
        growth = search.find_growth(shape)
        if growth is None:
            continue
        if growth.is_failure:
            raise _write_growth(subject, row, shape, growth)
        size = f"{growth.characters:,} characters of {shape.source}"
        subject.warnings["linear_time"] = f"{growth.many_seconds:.2g} s for {size}"


def _write_growth(
    subject: Subject, row: Rows, shape: _timing.Shape, growth: _timing.Growth
) -> Counterexample:
    few, many, quick, slow, *_ = growth
    factor = round((many / few) ** _timing.ALLOWED_POWER, 1)
    subject.calls[:] = [(subject, row, describe_result(subject, row))]
    needed = {name: row[name] for name in subject.drop_needless_keywords(subject.calls)[0][1]}
    rows = _timing.replace_text(subject, needed, Source(shape.source), Source("[*range(times)]"))
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
        # the least of several, since the first call also prepares what later ones use; of texts
        # that differ, since a cache may know the text
        f"few = min(map(seconds, range({few}, {few + 3})))  # {quick:.3f}",
        f"many = seconds({many})  # {slow:.3f}",
        f"assert many < {factor} * few",
    ]
    expected = (
        f"less than {factor} times the time for {many / few:.3g} times the text, {shape.source}"
    )
    result = f"{slow:.3g} s for times={many}, {quick:.3g} s for times={few}"
    return Counterexample(expected, result, subject.program(lines))


@_register_law(on="once", compares=True)
def stateless(subject: Subject, _: object) -> None:
    """Earlier calls change no result, also of the same text with another reference."""
    if not subject.caller.is_forked:
        raise SkipTest("calls are made in this process, where none can be the first again")
    _state.compare_with_fresh(subject)


@_register_law(on="once", compares=True)
def thread_safe(subject: Subject, _: object) -> None:
    """Calls in another thread, and in two threads at once, give the same results."""
    known = subject.known_samples()
    if not known:
        raise NotApplicable(subject.always_raises)
    found = subject.caller.run_in_threads(subject.target, known)
    if found.position >= 0:
        raise _state.write_thread_failure(subject, *known[found.position], found)


@_register_law("reward", compares=True)
def groups(subject: Subject, rows: Rows) -> None:
    """A row's value depends on its own group alone: on the rows with the same prompt."""
    if subject.pointwise:
        raise SkipTest("it is pointwise, which says more")
    if isinstance(subject.target, Component):
        from rewardkit.rewards import Standardize  # noqa: PLC0415 - it imports all rewards

        if any(isinstance(part, Standardize) for part in component.walk(subject.target)):
            raise SkipTest("standardize compares the rows of the batch")
    prompts = [repr(prompt) for prompt in rows.get("prompts", ())]
    runs = [prompt for prompt, _ in groupby(prompts)]
    # a prompt that comes again later is a group of its own for a trainer, and one for some rewards
    if len(runs) < _TWO_GROUPS or len({*runs}) < len(runs):
        raise NotApplicable("no example had two groups of completions")
    values = subject.values_of(rows)
    for prompt in dict.fromkeys(prompts):
        group = [row for row, each in enumerate(prompts) if each == prompt]
        subject.expect([values[row] for row in group], select_rows(rows, group))


@_register_law("reward", "verifier", on="once", compares=True)
def near_misses(subject: Subject, _: object) -> None:
    """A number that is nearly the reference is not as good as the reference."""
    if subject.kind == "verifier":
        _near_misses.judge_near_misses(subject)
    else:
        _near_misses.score_near_misses(subject)


@_register_law("reward", on="known_calls")
def maximum(subject: Subject, known: tuple[Rows, Values]) -> None:
    """The reference, written as the prompt asks for it, earns the maximum."""
    rows, wanted = known
    if not wanted:
        raise NotApplicable("the template returned None for every row")
    subject.expect(wanted, rows)


@_register_law("verifier")
def accepts_reference(subject: Subject, rows: Rows) -> None:
    """A reference that can be read, and that is a text or a number, is its own right answer."""
    plain = [value for value in rows["references"] if _is_nonblank_scalar(value)]
    own = {"answers": [*map(str, plain)], "references": plain}
    read = [row for row, value in enumerate(subject.values_of(own)) if value != "bad_reference"]
    if not read:
        raise NotApplicable("the verifier could read no reference that is a text or a number")
    subject.expect(["correct"] * len(read), select_rows(own, read))


@_register_law("verifier", on="known_calls")
def right_answers(subject: Subject, known: tuple[Rows, Values]) -> None:
    """An answer that is known to be right is judged correct."""
    rows, wanted = known
    subject.expect(wanted, rows)


@_register_law("verifier", on="wrong_calls")
def wrong_answers(subject: Subject, known: tuple[Rows, Values]) -> None:
    """An answer that is known to be wrong is not judged correct."""
    rows, _ = known
    if "correct" in subject.values_of(rows):
        subject.fail("'correct' not in values")


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
def finds_answer(subject: Subject, known: tuple[Rows, Values] | UsualText) -> None:
    """An answer, written as the prompt asks for it, is found."""
    _judge_extraction(subject, known)


@_register_law("extractor", on="wrong_calls")
def finds_nothing(subject: Subject, known: tuple[Rows, Values] | UsualText) -> None:
    """A text that is known to have no answer gives None."""
    _judge_extraction(subject, known)


def _judge_extraction(subject: Subject, known: tuple[Rows, Values] | UsualText) -> None:
    if isinstance(known, UsualText):
        judge_usual_text(subject, known)
        return
    rows, wanted = known
    subject.expect(wanted, rows)


def _call_of_any_length(subject: Subject, rows: Rows) -> list[Any]:
    """Return the result of a call, also if its length is wrong."""
    try:
        return subject.call_once(rows)
    except (*USAGE_ERRORS, NotApplicable):
        raise
    except Exception as error:
        raise NotApplicable(subject.always_raises) from error


def _is_named_nested_function(target: Any) -> bool:
    # all lambdas have one name, under which a trainer logs them too
    is_lambda = getattr(target, "__name__", "") == "<lambda>"
    return isinstance(target, FunctionType) and "<l" in target.__qualname__ and not is_lambda


def _is_nonblank_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and bool(str(value).strip())
