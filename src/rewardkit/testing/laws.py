"""The laws that rewards, verifiers and extractors are put under, each a small function.

A law takes what is checked and the rows of a call, and says what such calls must give:
`it.ask(rows)` makes one, `it.expect(values, rows)` makes one that must give `values`. Where a law
does not apply it raises SkipTest with the reason. Its docstring is its claim, its name is what
`laws=` and `skip=` take, and its place in this file is the order in which it is tried: first of all
whether a second call gives the same, while no other law has called with the rows yet.
"""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from math import isfinite
from typing import Any, Literal, NamedTuple
from unittest import SkipTest

from rewardkit import component, config
from rewardkit.batch import Batch, ColumnName
from rewardkit.component import Component
from rewardkit.testing import _code, _elsewhere
from rewardkit.testing._clock import tomorrow
from rewardkit.testing._subject import (
    SETUP,
    Broken,
    Rows,
    Subject,
    Unsaid,
    Values,
    digits,
    outcome,
    pick,
    raised,
    same,
    script,
    size,
)
from rewardkit.testing.strategies import CARRIERS

KINDS = ("reward", "verifier", "extractor")


Check = Callable[[Subject, Any], None]


class Law(NamedTuple):
    """One law: `check(it, rows)` raises Broken where it does not hold."""

    name: str
    """What `laws=` and `skip=` take."""
    claim: str
    """What holds, in a sentence."""
    kinds: tuple[str, ...]
    """What it is about: rewards, verifiers, extractors."""
    check: Check
    """Makes the calls, and raises Broken."""
    on: Literal["rows", "wrapped", "once"]
    """What it is tried on: any calls, calls of which it is known what they give, or nothing."""
    compares: bool
    """Whether it says nothing of what is not deterministic."""


LAWS: dict[str, Law] = {}
"""Every law by its name, in the order in which they are tried."""


def _law(
    *kinds: str, on: Literal["rows", "wrapped", "once"] = "rows", compares: bool = False
) -> Callable[[Check], Check]:
    """Put a function into the table, under its own name."""

    def decorate(check: Check) -> Check:
        name, claim = check.__name__, " ".join((check.__doc__ or "").split())
        LAWS[name] = Law(name, claim, kinds or KINDS, check, on, compares)
        return check

    return decorate


@_law()
def deterministic(it: Subject, rows: Rows) -> None:
    """The same call gives the same again, at once and on another day."""
    values = it.ask(rows)
    it.expect(values, rows)
    with tomorrow():
        it.expect(values, rows, within="tomorrow()")


@_law()
def total(it: Subject, rows: Rows) -> None:
    """Whatever stands in a row, nothing raises, and what comes back is a list of the right type."""
    try:
        it.call(rows)
    except SETUP:
        raise
    except Exception:  # noqa: BLE001 - that it raises is the finding
        it.broken("a list of values, whatever stands in the rows")


@_law("reward", "verifier")
def length(it: Subject, rows: Rows) -> None:
    """There is one value for each row, and none for an empty batch."""
    if len(_called(it, rows)) != size(rows):
        it.broken(f"len(values) == {size(rows)}")


@_law("reward")
def finite(it: Subject, rows: Rows) -> None:
    """A value is a finite number, or None to abstain: never NaN, never an infinity."""
    if not all(value is None or isfinite(value) for value in _called(it, rows)):
        it.broken("all(value is None or abs(value) < float('inf') for value in values)")


@_law("reward")
def bounds(it: Subject, rows: Rows) -> None:
    """No value lies outside the bounds that are declared."""
    if it.bounds is None:
        raise SkipTest("no bounds are declared; give bounds=(low, high)")
    low, high = it.bounds
    most = max([1.0, *(abs(end) for end in it.bounds if isfinite(end))])
    known = [value for value in _called(it, rows) if value is not None]
    room = most * max(map(digits, known), default=0.0)
    if any(value < low - room or value > high + room for value in known):
        ends = f"{_code.literal(low)} <= value <= {_code.literal(high)}"
        it.broken(f"all({ends} for value in values if value is not None)")


@_law("reward", "verifier", compares=True)
def pointwise(it: Subject, rows: Rows) -> None:
    """A row has the value that it has by itself, whatever stands in the rows beside it."""
    if not it.pointwise:
        raise SkipTest("it is declared not to be pointwise")
    for row, value in enumerate(it.ask(rows)):
        it.expect([value], pick(rows, [row]))


@_law("reward", "verifier", compares=True)
def order(it: Subject, rows: Rows) -> None:
    """Rows in reverse order have the same values, in reverse order."""
    it.expect(it.ask(rows)[::-1], {name: cells[::-1] for name, cells in rows.items()})


@_law("reward", compares=True)
def forms(it: Subject, rows: Rows) -> None:
    """A text has the same value as plain text, as a message, in parts, and after other turns."""
    first, *others = [form for form in CARRIERS if form in it.forms] or [""]
    if not others:
        raise SkipTest("it is checked with one form only; forms= or completions= gives more")
    said = Batch(rows[it.text]).texts
    plain = it.say(rows, said)  # all prompts as text, so that all say the same
    values = it.ask(it.say(plain, [*map(CARRIERS[first], said)]))
    for form in others:
        it.expect(values, it.say(plain, [*map(CARRIERS[form], said)]))


@_law("reward", "verifier")
def inputs(it: Subject, rows: Rows) -> None:
    """What is passed is left as it is."""
    given = copy.deepcopy(rows)
    told = _run(it, given)
    if _code.state(given) == _code.state(rows):
        if not told:
            raise Unsaid(_raises(it))
        if not size(rows):
            raise Unsaid("no example had a row")
        return
    for name in [name for name in rows if name != it.text]:
        fewer = {key: cells for key, cells in rows.items() if key != name}
        rows = fewer if _changed(it, fewer) else rows
    named = f"{it.kind}.verify" if hasattr(it.it, "verify") else it.kind
    shown = "repr" if _code.is_plain(rows) else "pickle.dumps"  # objects may have no text
    lines = [f"rows = {_code.literal(rows)}", f"before = {shown}(rows)", f"{named}(**rows)"]
    given = copy.deepcopy(rows)
    _run(it, given)
    code = script([it], [*lines, f"assert {shown}(rows) == before"])
    raise Broken(f"rows = {_code.literal(rows)}", f"rows = {_code.literal(given)}", code)


@_law("reward", compares=True)
def columns(it: Subject, rows: Rows) -> None:
    """A column that it does not read changes nothing; a trainer passes every one there is."""
    values = it.ask(rows)
    it.expect(values, {**rows, "another_column": ["x"] * size(rows)})


@_law("reward", compares=True)
def rename(it: Subject, rows: Rows) -> None:
    """A column is read under the name in its field."""
    if not isinstance(it.it, Component) or not component.columns(it.it):
        raise SkipTest("it has no field that names a column")
    values = it.ask(rows)
    for old in component.columns(it.it):
        new: ColumnName[Any] = ColumnName(f"other_{old}", old.value_type)
        renamed = replace(it, it=_renamed(it.it, old, new), name="renamed")
        renamed.expect(values, {str(new) if name == old else name: rows[name] for name in rows})


@_law(on="once")
def yaml(it: Subject, _: object) -> None:
    """As YAML and back it is equal."""
    if not isinstance(it.it, Component):
        raise SkipTest("it is no component")
    if unnamed := [part for part in component.walk(it.it) if part.registered_name is None]:
        name = type(unnamed[0]).__name__
        raise SkipTest(f"{name} is not registered; put @rk.register(...) above its class")
    again: Any = None
    try:
        again = config.load(config.dump(it.it))
        told = f"rk.load(rk.dump({it.kind})) = {again!r}"
    except Exception as error:  # noqa: BLE001 - that it raises is the finding
        told = raised(error)
    if again != it.it or hash(again) != hash(it.it):
        claim = f"rk.load(rk.dump({it.kind})) == {it.kind}"
        raise Broken(claim, told, script([it], [f"assert {claim}"]))


@_law(on="once", compares=True)
def pickles(it: Subject, _: object) -> None:
    """It pickles, and gives the same in another process, as where AsyncGRPOTrainer runs it."""
    calls = [(rows, _asked(it, rows)) for rows in it.samples if size(rows)]
    known = [(rows, values) for rows, values in calls if values is not None]
    try:
        theirs = _elsewhere.outcomes(it.run, it.it, [rows for rows, _ in known])
    except SkipTest:
        raise
    except Exception as error:  # noqa: BLE001 - that it raises is the finding
        code = script([it], ["import pickle", f"pickle.dumps({it.kind})"])
        advice = "a class or a function at the top of a module, which another process can import"
        raise Broken(advice, raised(error), code) from None
    if isinstance(it.it, Component) and pickle.loads(pickle.dumps(it.it)) != it.it:  # noqa: S301 - our own
        claim = f"pickle.loads(pickle.dumps({it.kind})) == {it.kind}"
        code = script([it], ["import pickle", f"assert {claim}"])
        raise Broken(claim, f"{claim.replace('==', '!=')}", code)
    if not known:
        raise Unsaid(_raises(it))
    for (rows, values), others in zip(known, theirs, strict=True):
        if not isinstance(others, list) or not same(others, values):
            there = "values in another process"
            lines = [
                f"rows = {_code.literal(rows)}",
                f"assert elsewhere({it.kind}, rows) == {_code.literal(values)}",
            ]
            told = f"{there} = {_code.literal(others)}"
            raise Broken(f"{there} == {_code.literal(values)}", told, script([it], lines))


@_law(on="once")
def linear(it: Subject, _: object) -> None:
    """The time grows with a text's length, and not with its square."""
    usual = _usual(it)
    shapes = [*_shapes(it.words)]
    short = [copy.deepcopy(_with(it, usual, make(_FEW), [*range(_FEW)])) for _, make in shapes]
    if not any(_run(it, rows) for rows in short):
        raise Unsaid(_raises(it))
    for shape, make in shapes:
        found = _too_slow(make, lambda text: _seconds(it, usual, text))
        if found is None:
            continue
        (few, many), (quick, slow) = found
        factor = round((many / few) ** _POWER, 1)
        it.done[:] = [(it, usual, outcome(it, usual))]
        needed = {name: usual[name] for name in it.needed(it.done)[0][1]}
        rows = _with(it, needed, _code.Code(shape), _code.Code("[*range(times)]"))
        lines = [
            "from time import process_time",
            "",
            "",
            "def seconds(times):",
            "    start = process_time()",
            *_code.indented(it.write(_named(it), rows)),
            "    return process_time() - start",
            "",
            "",
            f"few, many = seconds({few}), seconds({many})  # {quick:.3f} and {slow:.3f}",
            f"assert many < {factor} * few",
        ]
        expected = f"less than {factor} times the time for {many / few:.3g} times the text, {shape}"
        told = f"{slow:.3g} s for times={many}, {quick:.3g} s for times={few}"
        raise Broken(expected, told, script([it], lines))


@_law("reward", on="wrapped")
def maximum(it: Subject, pair: tuple[Rows, Values]) -> None:
    """The reference, written as the prompt asks for it, earns the most there is."""
    rows, wanted = pair
    if not wanted:
        raise Unsaid("wrap gave nothing for any row")
    it.expect(wanted, rows)


@_law("verifier")
def reflexive(it: Subject, rows: Rows) -> None:
    """A reference that is a text or a number, and that can be read, is its own right answer."""
    plain = [cell for cell in rows["references"] if _is_plain(cell)]
    own = {"answers": [*map(str, plain)], "references": plain}
    read = [row for row, value in enumerate(it.ask(own)) if value != "bad_reference"]
    if not read:
        raise Unsaid("the verifier could read no reference that is a text or a number")
    it.expect(["correct"] * len(read), pick(own, read))


@_law("verifier", on="wrapped")
def right(it: Subject, pair: tuple[Rows, Values]) -> None:
    """An answer that is known to be right is found right."""
    rows, wanted = pair
    it.expect(wanted, rows)


@_law("verifier")
def no_answer(it: Subject, rows: Rows) -> None:
    """No answer, or a blank one, is never right and never wrong: NO_ANSWER or BAD_REFERENCE."""
    for blank in (None, "", " \n"):
        if set(it.ask({**rows, "answers": [blank] * size(rows)})) - {"no_answer", "bad_reference"}:
            it.broken("set(values) <= {'no_answer', 'bad_reference'}")


@_law("verifier")
def bad_reference(it: Subject, rows: Rows) -> None:
    """No reference, or a blank one, is BAD_REFERENCE whatever the answer."""
    nothing: tuple[Any, ...] = (None, "", " \n", [])
    for blank in nothing:
        blanks = {**rows, "references": [blank] * size(rows)}
        it.expect(["bad_reference"] * size(rows), blanks)


@_law("extractor", on="wrapped")
def found(it: Subject, pair: tuple[Rows, Values]) -> None:
    """An answer, written as the prompt asks for it, is found."""
    rows, wanted = pair
    it.expect(wanted, rows)


def _called(it: Subject, rows: Rows) -> list[Any]:
    """Return what a call gives, whatever its length. Raises Unsaid where it raises."""
    try:
        return it.call(rows)
    except SETUP:
        raise
    except Exception as error:
        raise Unsaid(_raises(it)) from error


def _asked(it: Subject, rows: Rows) -> list[Any] | None:
    """Return what a call gives, None where other laws speak of it."""
    try:
        return it.ask(rows)
    except Unsaid:
        return None


def _raises(it: Subject) -> str:
    return f"the {it.kind} raised in every example"


def _run(it: Subject, rows: Rows) -> bool:
    """Make a call on the rows themselves; return whether it gives anything, and does not raise."""
    try:
        it.run(it.it, rows)
    except SETUP:
        raise
    except Exception:  # noqa: BLE001 - other laws say what it raises
        return False
    return True


def _changed(it: Subject, rows: Rows) -> bool:
    """Return whether a call changes what it is passed."""
    given = copy.deepcopy(rows)
    try:
        _run(it, given)
    except SETUP:  # without a column that is needed
        return False
    return bool(_code.state(given) != _code.state(rows))


def _renamed(value: Any, old: str, new: str) -> Any:
    """Return a component in which a column has another name, at every depth."""
    if isinstance(value, Component):
        fields = {
            name: _renamed(getattr(value, name), old, new) for name in type(value).model_fields
        }
        return value.model_copy(update=fields)
    if isinstance(value, ColumnName):
        return new if value == old else value
    if isinstance(value, Mapping):
        return type(value)({key: _renamed(item, old, new) for key, item in value.items()})  # type: ignore[call-arg]
    return tuple(_renamed(item, old, new) for item in value) if type(value) is tuple else value


def _is_plain(cell: Any) -> bool:
    """Return whether a reference is a text or a number, and so can be an answer."""
    return isinstance(cell, str | int | float) and bool(str(cell).strip())


_FEW = 8
_POWER = 1.5
_ENOUGH = 0.1
_LONGEST = 200_000
_PATIENCE = 2.0
_TRIES = 5
_CLEARLY = 0.75
_SMALL, _STEEP = 1000, 3.0
_UNITS = (
    *("a", "a ", "\n", " ", "<", "<answer>", "</answer>", "<answer></answer>", "<think>"),
    *("<reasoning><answer>", "7", "1 ", "1,", "- ", "(", "{", "\\boxed{", "$", "`", "\u4f60"),
)
_calls = count()


def _shapes(words: tuple[str, ...]) -> Iterator[tuple[str, Callable[[int], str]]]:
    """Yield texts of any length, as Python in terms of `times` and as a function of it."""
    for unit in dict.fromkeys((*_UNITS, *words)):
        yield f"{unit!r} * times + '!'", lambda times, unit=unit: unit * times  # type: ignore[misc]
    yield "' '.join(map(str, range(times)))", lambda times: " ".join(map(str, range(times)))


def _too_slow(
    make: Callable[[int], str], seconds: Callable[[str], float]
) -> tuple[tuple[int, int], tuple[float, float]] | None:
    """Return two numbers of repetitions and their times, where these grow too fast.

    The texts get longer until one takes long enough to be measured; then the least of several times
    counts, so that a busy machine finds nothing that is not there.
    """
    tried, many, start = [_FEW], _FEW, time.monotonic()
    before = slow = seconds(make(many))
    while slow < _ENOUGH and len(make(many)) < _LONGEST and time.monotonic() < start + _PATIENCE:
        steep = many < _SMALL and slow > _STEEP * before  # maybe exponential: with care, then
        many = many * 5 // 4 if steep else many * 2
        before, slow = slow, seconds(make(many))
        tried.append(many)
    few = min(tried, key=lambda times: abs(times - many / 4))
    factor = (many / few) ** _POWER
    quick = min(seconds(make(few)) for _ in range(3))
    for _ in range(_TRIES):
        if slow < _ENOUGH or slow <= quick * factor * _CLEARLY:
            return None
        slow, quick = min(slow, seconds(make(many))), min(quick, seconds(make(few)))
    return ((few, many), (quick, slow)) if slow > quick * factor else None


def _seconds(it: Subject, usual: Rows, text: str) -> float:
    """Return the processor's time for one text, which is never the same one twice."""
    rows = _with(it, usual, f"{text}!{next(_calls)}", [*range(len(text) // 4)])
    start = time.process_time()
    _run(it, rows)
    return time.process_time() - start


def _usual(it: Subject) -> Rows:
    """Return a row that is judged and not left out, twice where rows are compared."""
    known = [pick(rows, [row]) for rows in it.samples for row in range(size(rows))]
    if not known:
        raise Unsaid("no example had a row")
    known.sort(key=lambda rows: _asked(it, rows) in (None, [None], ["bad_reference"]))
    return pick(known[0], [0] if it.pointwise else [0, 0])


def _with(it: Subject, usual: Rows, text: str, ids: Any) -> Rows:
    """Return the row with another text and other tokens."""
    carrier = CARRIERS[next((form for form in CARRIERS if form in it.forms), "text")]
    said = it.say(usual, [carrier(text)] * size(usual))
    return {**said, "completion_ids": [ids] * size(usual)} if "completion_ids" in said else said


def _named(it: Subject) -> str:
    """Return what the printed code calls."""
    return f"{it.kind}.verify" if hasattr(it.it, "verify") else it.kind
