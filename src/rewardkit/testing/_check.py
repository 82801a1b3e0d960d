"""The checks: what is given becomes a Subject, and every law is tried on it."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from rewardkit import component
from rewardkit._template import fill
from rewardkit.batch import Reference
from rewardkit.component import Component
from rewardkit.extract import Extractor
from rewardkit.reward import Reward
from rewardkit.testing import _elsewhere, _options, _rerun, _subject, strategies
from rewardkit.testing._subject import Broken, Rows, Subject, Values, size
from rewardkit.testing._words import constants, tags_of, words_of
from rewardkit.testing.laws import LAWS, Law
from rewardkit.testing.strategies import CARRIERS, FORMS, LAYOUTS, Cells, _strategy
from rewardkit.verify.base import Verifier

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Wrap = str | Callable[[Mapping[str, Any]], str | None]
"""How a perfect completion is written: a text in which `{column}` stands for the row's cell, or a
function of the row, which gives None for a row to leave out."""


class Finding(NamedTuple):
    """A law that does not hold, with the smallest example that was found."""

    law: str
    """Its name."""
    claim: str
    """What it says."""
    expected: str
    """What should be so."""
    given: str
    """What is so."""
    code: str
    """A program that shows it."""


class Checked(NamedTuple):
    """What a check found out, where nothing is wrong."""

    held: tuple[str, ...]
    """The laws that hold."""
    skipped: Mapping[str, str]
    """The laws that were not tried, each with the reason."""


class LawBroken(AssertionError):  # noqa: N818 - an assertion, not an error
    """Laws that do not hold: `findings` has each of them, `checked` the others."""

    __module__ = "rewardkit.testing"

    def __init__(self, name: str, findings: Sequence[Finding], checked: Checked) -> None:
        """Say what is wrong with `name`."""
        self.name, self.findings, self.checked = name, tuple(findings), checked
        count = len(findings) + len(checked.held)
        head = f"{name} breaks {len(findings)} of {count} laws"
        super().__init__("\n\n".join([head, *map(_told, findings)]))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it is made again, in another process."""
        return LawBroken, (self.name, self.findings, self.checked)


def check_reward(  # noqa: PLR0913 - one option a keyword
    reward: Reward | Callable[..., Any],
    *,
    columns: Mapping[str, Cells] | None = None,
    completions: SearchStrategy[Any] | None = None,
    forms: str | Iterable[str] = FORMS,
    bounds: tuple[float, float] | None = None,
    pointwise: bool | None = None,
    wrap: Wrap | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
) -> Checked:
    """Check that a reward keeps the laws: rewardkit's own, or any callable with TRL's signature.

    `columns` says what stands in the dataset's columns: a strategy for the cells, or a list to draw
    them from; a component's own columns are known. `completions` are what is scored, by default
    everything of the `forms` (`text`, `chat`, `parts`, `turns`, `tools`, `empty`) that the reward
    takes. `bounds` and `pointwise` say for a function what a component declares; a function is
    taken to be pointwise. With `wrap` the reference, written as it says, must earn the maximum, and
    a third of all rows are such.

    `laws` and `skip` choose laws by name. `max_examples` and `deadline` (milliseconds for all laws
    on one example) are those of Hypothesis, whose profile says how many where none is given, and
    whether the same are drawn each time. Raises LawBroken, an AssertionError, with the smallest
    example found for each broken law and a program that shows it; ValueError and TypeError for
    options that do not fit, ValueError also where no law is left to try.

    >>> def longest(completions, **columns):
    ...     return [float(len(text) == max(map(len, completions))) for text in completions]
    >>> check_reward(longest, forms="text", laws=["pointwise"])
    Traceback (most recent call last):
        ...
    rewardkit.testing.LawBroken: longest breaks 1 of 1 laws
    ...
    >>> check_reward(longest, forms="text", laws=["total", "length", "order"]).held
    ('total', 'length', 'order')
    """
    __tracebackhide__ = True  # of pytest: the message says it all
    _options.subject(reward, "reward")
    chosen = strategies.chosen(forms, FORMS, "forms")
    own = isinstance(reward, Reward)
    if bounds is not None:
        _options.bounds(bounds)
    if columns is not None:
        _options.columns(
            columns, [*map(str, component.columns(reward))] if isinstance(reward, Component) else []
        )
    words = words_of(reward)
    cells, clean = (_columns(reward, columns or {}, clean=clean) for clean in (False, True))
    if wrap is not None:
        _options.wrap(wrap, [*clean])
    wraps = [wrap] if wrap is not None else []
    if completions is None:
        texts = _texts(words)
        wraps = wraps or _guesses(reward, clean)
        said = {
            kind: (forms_alike, strategies.completions(forms=forms_alike, texts=texts))
            for kind, forms_alike in _kinds(chosen).items()
        }
    else:
        calls = _subject.drawn(strategies.calls(completions=completions), _SHOWN)
        shown = {strategies.form_of(one) for call in calls for one in call["completions"]}
        chosen = [form for form in chosen if form in shown]
        said = {"text": (chosen, completions)}
    drawn, right = [], []
    for kind, (forms_alike, usual) in said.items():
        known = _right(clean, wraps, forms_alike)
        asked = strategies.prompts(forms=kind)
        mixed = usual if known is None else strategies.mostly(usual, known)
        drawn.append(strategies.calls(cells, completions=mixed, prompts=asked, max_size=4))
        if known is not None:
            right.append(strategies.calls(completions=known, prompts=asked, min_size=1, max_size=4))
    written = partial(_written, reward)
    rows = st.one_of(drawn).map(written)
    if bounds is None:
        bounds = getattr(reward, "bounds", None)
    wrapped = None
    if wrap is not None and right and bounds is not None and isfinite(bounds[1]):
        high = float(bounds[1])
        wrapped = st.one_of(right).map(written).map(lambda rows: (rows, [high] * size(rows)))
    it = Subject(
        reward,
        "reward",
        _subject.scored if own else _subject.called,
        _subject.scored_code if own else partial(_subject.called_code, reward),
        rows,
        "completions",
        words=words,
        forms=tuple(chosen),
        pointwise=getattr(reward, "pointwise", True) if pointwise is None else pointwise,
        bounds=bounds,
        wrapped=wrapped,
        classics=strategies.classics(chosen, tags=tags_of(words)) if completions is None else [],
    )
    return _check(it, laws, skip, max_examples, deadline)


def check_verifier(  # noqa: PLR0913 - the same
    verifier: Verifier | Callable[..., Any],
    *,
    answers: SearchStrategy[str | None] | None = None,
    references: Cells | None = None,
    right: SearchStrategy[tuple[str, Any]] | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
) -> Checked:
    """Check that a verifier keeps the laws: rewardkit's own, or a function `verify`.

    `answers` and `references` are what it is called with, by default anything, and references as
    answers to themselves. `right` are pairs of an answer and a reference for which it must say so.
    A verifier whose references are no answers, as tests are for a program, leaves out the law
    `reflexive`. The other options, and what is raised, are those of `check_reward`.

    >>> from rewardkit import build
    >>> check_verifier(build("exact"), skip=["pickles", "linear"], max_examples=20).skipped
    {'right': 'it takes right=, pairs of an answer and a reference'}
    """
    __tracebackhide__ = True  # of pytest: the message says it all
    _options.subject(verifier, "verifier")
    words = words_of(verifier)
    said = st.none() | _texts(words)
    if answers is not None:
        said = _strategy(answers, "answers")
    cells = strategies.references() if references is None else references
    drawn = strategies.cells(cells, "references")
    row = st.tuples(said, drawn)
    wrapped = None
    if answers is None and right is None:
        row = strategies.mostly(row, drawn.map(_its_own))
    if right is not None:
        pairs = _strategy(right, "right").map(_options.pair)
        _subject.drawn(pairs, 1)  # which says by itself what is no pair
        row = strategies.mostly(row, pairs)
        wrapped = st.lists(pairs, min_size=1, max_size=3).map(
            lambda pairs: (_pairs(pairs), ["correct"] * len(pairs))
        )
    it = Subject(
        verifier,
        "verifier",
        _subject.verified,
        _subject.verified_code,
        st.lists(row, max_size=4).map(_pairs),
        "answers",
        words=words,
        wrapped=wrapped,
        classics=strategies.classics("text", tags=tags_of(words)) if answers is None else [],
    )
    return _check(it, laws, skip, max_examples, deadline)


def check_extractor(  # noqa: PLR0913 - the same
    extractor: Extractor | Callable[[str], str | None],
    *,
    texts: SearchStrategy[str] | None = None,
    wrap: str | None = None,
    answers: SearchStrategy[str] | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
) -> Checked:
    r"""Check that an extractor keeps the laws: rewardkit's own, or a function of a text.

    `texts` are what it looks in, by default anything. With `wrap`, a text in which `{answer}`
    stands for the answer, each of the `answers` (by default numbers) must be found in it as it is.
    The other options, and what is raised, are those of `check_reward`.

    >>> from rewardkit import build
    >>> "found" in check_extractor(build("boxed"), wrap=r"\boxed{{answer}}", max_examples=20).held
    True
    """
    __tracebackhide__ = True  # of pytest: the message says it all
    _options.subject(extractor, "extractor")
    words = words_of(extractor)
    said = _texts(words)
    if texts is not None:
        said = _strategy(texts, "texts")
    told = strategies.numbers(spellings=["plain", "thousands", "latex"]).map(lambda two: two[0])
    wrapped = None
    if answers is not None:
        told = _strategy(answers, "answers")
    if wrap is not None:
        _options.wrap(wrap, ["answer"], callables=False)
        if "{answer}" not in wrap:
            raise ValueError(f"wrap: got {wrap!r}, expected a text with {{answer}} in it")
        wrapped = told.map(
            lambda answer: ({"texts": [_filled(wrap, {"answer": answer})]}, [answer])
        )
    it = Subject(
        extractor,
        "extractor",
        _subject.extracted,
        _subject.extracted_code,
        said.map(lambda text: {"texts": [text]}),
        "texts",
        words=words,
        wrapped=wrapped,
        classics=strategies.classics("text", tags=tags_of(words)) if texts is None else [],
    )
    return _check(it, laws, skip, max_examples, deadline)


def elsewhere(it: Any, rows: Rows) -> Values:
    """Return what a reward, verifier or extractor gives for one call in a process of its own.

    >>> from rewardkit import build
    >>> elsewhere(build("length", target=4), {"completions": ["four"]})
    [0.0]
    """
    run = {"answers": _subject.verified, "texts": _subject.extracted}.get(next(iter(rows)))
    if run is None:
        run = _subject.scored if isinstance(it, Reward) else _subject.called
    values: Values = _elsewhere.outcomes(run, it, [rows])[0]
    return values


def _check(
    it: Subject,
    laws: Iterable[str] | None,
    skip: Iterable[str],
    max_examples: int | None,
    deadline: float | None,
) -> Checked:
    """Try every law that is asked for; raise LawBroken where one does not hold."""
    __tracebackhide__ = True  # of pytest: the message says it all
    chosen = _asked_for(it.kind, laws, skip)
    if not _rerun.begin():
        return Checked(tuple(law.name for law in chosen), {})
    options = settings(
        settings() if max_examples is None else settings(max_examples=max_examples),
        deadline=deadline,
        database=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    broken, skipped = _tried(it, chosen, options)
    known = {law.name: skipped[law.name] for law in chosen if law.name in skipped}
    held = [law.name for law in chosen if law.name not in (*broken, *skipped)]
    checked = Checked(tuple(held), known)
    if not broken:
        return checked
    findings = []
    for law in [law for law in chosen if law.name in broken]:
        small = _smallest(it, law, *broken[law.name], options)
        findings.append(Finding(law.name, law.claim, small.expected, small.given, small.code))
    raise LawBroken(_name(it.it), findings, checked)


def _tried(
    it: Subject, laws: Sequence[Law], options: settings
) -> tuple[dict[str, tuple[Any, Broken]], dict[str, str]]:
    """Try every law on the same examples; return those that break, and those that are skipped."""
    trial = _Trial(it, laws)
    for rows in it.first:
        trial.on("rows", rows)
    _every(it.rows, partial(trial.on, "rows"), options)
    if it.wrapped is None:
        trial.skipped |= {law.name: _NO_WRAP[it.kind] for law in laws if law.on == "wrapped"}
    else:
        _every(it.wrapped, partial(trial.on, "wrapped"), options)
    trial.on("once", None)
    skipped = trial.left_out()
    return trial.broken, skipped


class _Trial:
    """What is known of each law so far."""

    def __init__(self, it: Subject, laws: Sequence[Law]) -> None:
        self.it, self.laws = it, laws
        self.broken: dict[str, tuple[Any, Broken]] = {}
        self.skipped: dict[str, str] = {}
        self.idle = {law.name: "no example was drawn" for law in laws}

    def on(self, what: str, example: Any) -> None:
        """Try every law that is tried on such examples."""
        for law in self.laws:
            known = law.name in self.broken or law.name in self.skipped
            if law.on == what and not known and not (law.compares and self.differs):
                self.one(law, example)

    def one(self, law: Law, example: Any) -> None:
        """Try a law on an example."""
        try:
            reason = self.it.check(law.check, example)
        except Broken as found:
            differs = _differs(self.it, example) if law.compares else None
            judged = "deterministic" in [law.name for law in self.laws]
            name = "deterministic" if differs and judged else law.name
            self.broken[name] = example, differs or found
        except SkipTest as skip:
            self.skipped[law.name] = str(skip)
        else:
            if law.name in self.idle and reason:
                self.idle[law.name] = reason
            elif not reason:
                self.idle.pop(law.name, None)

    @property
    def differs(self) -> bool:
        return "deterministic" in self.broken

    def left_out(self) -> dict[str, str]:
        """Return the laws that are not found to hold or to break, each with the reason."""
        if self.it.kind == "verifier" and not self.it.judges:
            asked = [law.name for law in self.laws if law.name in _OF_VERDICTS]
            self.idle |= dict.fromkeys(asked, _ALL_BAD)
        if self.differs:
            compared = [law.name for law in self.laws if law.compares]
            self.broken = {name: self.broken[name] for name in self.broken if name not in compared}
            self.idle |= dict.fromkeys(compared, "it is not deterministic")
        idle = {name: reason for name, reason in self.idle.items() if name not in self.broken}
        return {**idle, **self.skipped}


_ALL_BAD = "the verifier could read no reference in any example; give references="
_OF_VERDICTS = ("deterministic", "pointwise", "order", "no_answer")


def _differs(it: Subject, example: Any) -> Broken | None:
    """Return that a call gives now this and now that, where it does, looking harder than usual."""
    if example is None:
        return None
    for _ in range(_HARDER):
        try:
            it.check(LAWS["deterministic"].check, example)
        except Broken as found:
            return found
    return None


_NO_WRAP = {
    "reward": "it takes wrap=, as '<answer>{answer}</answer>', and finite bounds",
    "verifier": "it takes right=, pairs of an answer and a reference",
    "extractor": "it takes wrap=, as '<answer>{answer}</answer>'",
}


def _smallest(it: Subject, law: Law, rows: Any, found: Broken, options: settings) -> Broken:
    """Return the smallest example that breaks a law, or the one that was found already."""
    seen = [(rows, found)]

    def attempt(rows: Any) -> None:
        try:
            it.check(law.check, rows)
        except Broken as broken:
            seen.append((rows, broken))
            raise

    examples = it.rows if law.on == "rows" else it.wrapped
    if law.on != "once" and examples is not None:
        harder = settings(
            options,
            max_examples=options.max_examples * _HARDER,
            phases=[Phase.generate, Phase.shrink],
        )
        with suppress(Broken, Flaky):  # Flaky: not the same each time, but broken all the same
            _every(examples, attempt, harder)
    if law.on == "rows":  # Hypothesis may end with rows that are not needed
        place = 0
        while place < size(rows := seen[-1][0]):
            before = len(seen)
            with suppress(Broken, SkipTest):
                attempt(
                    {name: [*cells[:place], *cells[place + 1 :]] for name, cells in rows.items()}
                )
            place += len(seen) == before
    return seen[-1][1]


def _every(
    strategy: SearchStrategy[Any], attempt: Callable[[Any], None], options: settings
) -> None:
    """Try what Hypothesis draws."""

    @options
    @given(strategy)
    def tried(example: Any) -> None:
        random.seed(next(numbers))  # Hypothesis begins each example with the same
        attempt(example)

    numbers = count(1)
    tried()


_HARDER = 10


def _asked_for(kind: str, laws: Iterable[str] | None, skip: Iterable[str]) -> list[Law]:
    """Return the laws of a kind that are chosen.

    Raises ValueError for names that are none, and where no law is left.
    """
    about = {name: law for name, law in LAWS.items() if kind in law.kinds}
    chosen = list(about) if laws is None else _options.names(laws, "laws")
    left_out = _options.names(skip, "skip")
    for name in [*chosen, *left_out]:
        if name not in about:
            near = get_close_matches(name, about, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"no law of a {kind} is called {name!r}{hint} ({', '.join(about)})")
    kept = [law for name, law in about.items() if name in chosen and name not in left_out]
    if not kept:
        raise ValueError(f"laws={chosen} and skip={left_out} leave no law to try")
    return kept


def _told(finding: Finding) -> str:
    """Return a finding as text."""
    code = finding.code.replace("\n", "\n    ").replace("\n    \n", "\n\n")
    return (
        f"{finding.law}: {finding.claim}\n"
        f"  expected  {finding.expected}\n"
        f"  given     {finding.given}\n\n"
        f"    {code}"
    )


def _name(it: Any) -> str:
    """Return what an object is called."""
    if isinstance(it, Component) and not isinstance(it, Reward):
        return str(it.registered_name or type(it).__name__)
    return str(getattr(it, "__name__", type(it).__name__))


def _columns(reward: Any, given: Mapping[str, Cells], *, clean: bool) -> dict[str, Any]:
    """Return the cells of every column that a reward reads.

    Raises TypeError where a function asks for a column of which nothing is known.
    """
    if isinstance(reward, Component):
        known = {
            str(column): strategies.cells_of(column, also=constants(reward), clean=clean)
            for column in component.columns(reward)
        }
        return {**known, **given}
    for name, parameter in _parameters(reward).items():
        needed = parameter.default is parameter.empty and parameter.kind in _BY_KEYWORD
        if needed and name not in (*_ROWS, *_subject.STAND_INS, *given):
            raise TypeError(
                f"{_name(reward)} reads the column {name!r}; say what stands there:"
                f" columns={{{name!r}: ['42', '7']}}, or a Hypothesis strategy for a cell"
            )
    return dict(given)


_ROWS = ("prompts", "completions", "completion_ids")
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    """Return a callable's parameters. Raises TypeError for what is none."""
    if not callable(function):
        raise TypeError(
            f"got {function!r}, expected a reward or a function that a trainer can call"
        )
    try:
        return inspect.signature(function).parameters
    except ValueError:  # of some built in C
        return {"columns": inspect.Parameter("columns", inspect.Parameter.VAR_KEYWORD)}


def _accepted(reward: Any, rows: Rows) -> Rows:
    """Return the keywords that a function takes: that it takes all others is a law by itself."""
    if isinstance(reward, Reward):
        return rows
    parameters = _parameters(reward)
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return rows
    return {name: cells for name, cells in rows.items() if name in (*parameters, "completions")}


def _texts(words: tuple[str, ...]) -> SearchStrategy[str]:
    """Return texts in which these words stand, the tags among them around something."""
    layouts = [*LAYOUTS, *([tag] for tag in tags_of(words))]
    return strategies.unnamed(strategies.texts(words=words, layouts=layouts))


def _its_own(reference: Any) -> tuple[str | None, Any]:
    """Return a reference as the answer to itself, where it is a text or a number."""
    return (str(reference) if isinstance(reference, str | int | float) else None), reference


def _pairs(pairs: Sequence[tuple[Any, Any]]) -> Rows:
    """Return pairs of an answer and a reference as a verifier takes them."""
    return {
        "answers": [answer for answer, _ in pairs],
        "references": [reference for _, reference in pairs],
    }


class _Right(NamedTuple):
    """What stands for a right completion until the row around it is known."""

    form: str
    """Its form."""
    wrap: Wrap
    """How it is written."""
    cells: Mapping[str, Any]
    """The row's cells, such as can be written."""


def _right(
    cells: Mapping[str, Cells], wraps: Sequence[Wrap], forms: Sequence[str]
) -> SearchStrategy[_Right] | None:
    """Return right completions in every form that carries a text, if they can be written."""
    carriers = [form for form in forms if form in CARRIERS]
    if not wraps or not carriers:
        return None
    known = {name: strategies.cells(given, name) for name, given in cells.items()}
    forms_drawn, ways = st.sampled_from(carriers), st.sampled_from(wraps)
    return st.builds(_Right, forms_drawn, ways, st.fixed_dictionaries(known))


def _written(reward: Any, drawn: Rows) -> Rows:
    """Return a call as a trainer makes it: what is right written out, and all rows of one form."""
    rows = {name: [*cells] for name, cells in drawn.items()}
    said = rows["completions"]
    for row, right in enumerate(said):
        if isinstance(right, _Right):
            for name, cell in right.cells.items():
                rows.setdefault(name, [None] * len(said))[row] = cell
            told = {name: cells[row] for name, cells in rows.items() if name != "completions"}
            text = _wrote(right.wrap, {**told, "prompt": told.get("prompts")})
            said[row] = _LEFT_OUT if text is None else CARRIERS[right.form](text)
    kept = [row for row, completion in enumerate(said) if completion is not _LEFT_OUT]
    plain = bool(kept) and isinstance(said[kept[0]], str)
    alike = _subject.pick(rows, [row for row in kept if isinstance(said[row], str) is plain])
    prompts = map(strategies.asked, alike["prompts"], alike["completions"])
    return _accepted(reward, {**alike, "prompts": [*prompts]})


_LEFT_OUT = object()


def _wrote(wrap: Wrap, row: Mapping[str, Any]) -> str | None:
    """Return a row's right completion, None where it has none."""
    return _options.wrapped(wrap, row) if callable(wrap) else _filled(wrap, row)


def _kinds(forms: Sequence[str]) -> dict[str, list[str]]:
    """Return the forms that may stand in one batch: plain text by itself, messages together."""
    kinds = {
        "text": [form for form in forms if form == "text"],
        "chat": [form for form in forms if form != "text"],
    }
    return {kind: alike for kind, alike in kinds.items() if alike}


def _guesses(reward: Any, cells: Mapping[str, Any]) -> list[Wrap]:
    """Return the usual ways to write a reference, where nobody says how it is written."""
    if isinstance(reward, Component):
        columns = [
            str(column) for column in component.columns(reward) if column.value_type == Reference
        ]
    else:
        columns = [name for name in cells if name not in _ROWS]
    return [guess.replace("*", f"{{{name}}}") for name in columns for guess in _GUESSES]


_GUESSES = (
    "*",
    "<answer>*</answer>",
    "<reasoning>\nso\n</reasoning>\n<answer>\n*\n</answer>\n",
    "<think>so</think>\n*",
    r"It is \boxed{*}.",
    "so\n#### *",
)
_SHOWN = 50


def _filled(template: str, row: Mapping[str, Any]) -> str:
    """Return a wrapped reference: of several that are right, the first."""
    return fill(template, {name: _first(cell) for name, cell in row.items()})


def _first(cell: Any) -> Any:
    return _first(cell[0]) if isinstance(cell, list | tuple) and cell else cell
