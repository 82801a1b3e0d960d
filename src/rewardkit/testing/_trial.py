"""Try laws on a subject: draw examples, note which laws fail, and find the smallest failure."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky

from rewardkit._messages import did_you_mean
from rewardkit.testing import _options
from rewardkit.testing._caller import WARM_UP_FACTOR, Unanswered
from rewardkit.testing._calls import Rows, count_rows, select_rows
from rewardkit.testing._findings import (
    Checked,
    CheckInterrupted,
    Counterexample,
    LawBroken,
    LawFailure,
)
from rewardkit.testing._inputs import name_of
from rewardkit.testing._progress import show_progress
from rewardkit.testing._replay import scripts
from rewardkit.testing._shrinking import is_small, measure_size, shrink_rows
from rewardkit.testing._subject import Subject
from rewardkit.testing._usual_texts import (
    list_texts_with_answers,
    list_texts_without_answers,
)
from rewardkit.testing.laws import EARLIER_NAMES, LAWS, Law, laws_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# A failure in one of hundreds of examples has to be found again before it can shrink, and a reward
# that is rarely random has to be called often to be caught.
_MORE_TRIES = 10

# A late call costs its limit; so many show that it is the subject and not one text.
_MAX_LATE_CALLS = 4
_MAX_LATE_ROWS = 20
_LATER_SECONDS = 0.5
_WARM_UP_CALLS = 3
# Of each example, by the clock: ten times what most rewards take. A call that is slow and just
# within its limit would else make a check of 100 examples take minutes.
_SECONDS_PER_EXAMPLE = 0.2
_LEAST_SECONDS = 20.0
# A program that does not end is given as long as rewards with a limit give it.
_PROGRAM_SECONDS = 12.0
_SHRINK_SECONDS = 4.0

_NEEDS_OPTION = {
    (
        "reward",
        "known_calls",
    ): "it takes template=, as '<answer>{answer}</answer>', and finite bounds",
    ("reward", "wrong_calls"): "",
    ("verifier", "known_calls"): "it takes right=, pairs of an answer and a reference",
    ("verifier", "wrong_calls"): "it takes wrong=, pairs of an answer and a reference",
    ("extractor", "known_calls"): "it takes template=, as '<answer>{answer}</answer>'",
    ("extractor", "wrong_calls"): "it takes missing=, texts without an answer",
}
_NO_REFERENCE_READ = "the verifier could read no reference in any example; give references="
# These hold for a verifier that calls every reference bad, and so say nothing about it.
_NEED_A_REFERENCE = (
    "deterministic",
    "pointwise",
    "row_order",
    "no_answer",
    "stateless",
    "thread_safe",
)


def run_laws(
    subject: Subject,
    laws: Iterable[str] | None,
    skip: Iterable[str],
    max_examples: int | None,
    deadline: float | None,
) -> Checked:
    """Try every chosen law; raise LawBroken if one does not hold."""
    __tracebackhide__ = True
    chosen = _choose_laws(subject.kind, laws, skip)
    if scripts.are_checks_disabled():
        return Checked(tuple(law.name for law in chosen), {})
    options = settings(
        settings() if max_examples is None else settings(max_examples=max_examples),
        deadline=deadline,
        # No database: it would keep examples of every reward under the name of one function. The
        # same examples each time instead, so that a failure is met again until it is fixed.
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        return _run_chosen(subject, chosen, options)
    finally:
        subject.caller.close()


def _run_chosen(subject: Subject, chosen: Sequence[Law], options: settings) -> Checked:
    __tracebackhide__ = True
    trial = Trial(subject, chosen)
    is_interrupted = False
    with show_progress(name_of(subject.target)) as progress:
        trial.progress = progress
        try:
            trial.run(options)
            skipped = trial.skipped_laws()
            for law in chosen:
                if law.name in trial.failures:
                    progress(f"shrinking a failure of {law.name}")
                    rows, failure = trial.failures[law.name]
                    smaller = _shrink_failure(subject, law, rows, failure, options)
                    trial.failures[law.name] = rows, smaller
        except KeyboardInterrupt:
            is_interrupted, skipped = True, trial.skipped_laws()
    failures = [(law, trial.failures[law.name][1]) for law in chosen if law.name in trial.failures]
    findings = [
        LawFailure(law.name, law.claim, small.expected, small.given, small.code)
        for law, small in failures
    ]
    reasons = {law.name: skipped[law.name] for law in chosen if law.name in skipped}
    held = [law.name for law in chosen if law.name not in (*trial.failures, *skipped)]
    warnings = {name: text for name, text in subject.warnings.items() if name in held}
    if is_interrupted:
        unfinished = dict.fromkeys((*held, *reasons), "the check was interrupted")
        raise CheckInterrupted(findings, Checked((), unfinished, warnings))
    checked = Checked(tuple(held), reasons, warnings)
    if findings:
        raise LawBroken(name_of(subject.target), findings, checked)
    return checked


class _NoLawLeft(Exception):  # noqa: N818 - a signal, caught where examples are drawn
    """Every law that takes the drawn examples has failed or been skipped."""


class Trial:
    """Laws on the same examples, with the failure or the reason to skip of each."""

    def __init__(self, subject: Subject, laws: Sequence[Law]) -> None:
        self.subject, self.laws = subject, laws
        self.failures: dict[str, tuple[Any, Counterexample]] = {}
        self.skipped: dict[str, str] = {}
        self.late_calls = 0
        self.progress: Callable[[str], None] = lambda _: None
        self.end = math.inf
        # until an example is judged
        self.idle = {law.name: "no example was drawn" for law in laws}
        if "finds_answer" in self.idle and subject.known_calls is None:
            self.idle["finds_answer"] = _NEEDS_OPTION["extractor", "known_calls"]

    def run(self, options: settings) -> None:
        """Try every law on the texts known to break rewards, and on drawn examples."""
        self.warm_up()
        # drawing takes longer than most calls, so nothing is drawn that no law takes
        if any(law.on == "rows" for law in self.laws):
            if self.subject.caller.is_forked:  # what is not to be killed has no limit either
                seconds = max(_SECONDS_PER_EXAMPLE * options.max_examples, _LEAST_SECONDS)
                self.end = time.monotonic() + seconds
            for rows in self.subject.first_calls:
                # the next ones may take calls to find, so none is asked for that no law takes
                if time.monotonic() > self.end or not self._open_laws("rows"):
                    break
                self.try_laws("rows", rows)
            self.try_programs()
            self._draw("rows", self.subject.rows, options, self.subject.samples)
        known = {"known_calls": self.subject.known_calls, "wrong_calls": self.subject.wrong_calls}
        for on, calls in known.items():
            takes_known = [law for law in self.laws if law.on == on]
            if calls is None and self.subject.kind == "extractor":
                self.try_usual_texts(on)
            elif calls is None:
                reason = _NEEDS_OPTION[self.subject.kind, on]
                self.skipped |= {law.name: reason for law in takes_known}
            elif takes_known:
                self._draw(on, calls, options)
        self.try_laws("once", None)

    def warm_up(self) -> None:
        """Make some calls with a higher limit, since the first ones may load what they need."""
        subject = self.subject
        if not subject.caller.is_forked or not any(law.on == "rows" for law in self.laws):
            return
        self.progress("first calls")
        for rows in subject.samples[:_WARM_UP_CALLS]:
            try:
                subject.caller.run(
                    subject.target, rows, timeout=WARM_UP_FACTOR * (subject.timeout or 0)
                )
            except Unanswered as late:
                self.note_late_call(late, "deterministic")
                return
            except Exception:  # noqa: BLE001, S112 - the laws meet it again
                continue

    def try_usual_texts(self, on: str) -> None:
        """Try the texts for an extractor about which nothing was said."""
        list_texts = list_texts_with_answers if on == "known_calls" else list_texts_without_answers
        for usual in list_texts(self.subject.marks):
            self.try_laws(on, usual)

    def try_programs(self) -> None:
        """Try programs that do not end, each once: a reward may wait for its own limit."""
        subject = self.subject
        law = next((law for law in self._open_laws("rows") if law.name == "terminates"), None)
        if law is None or not subject.caller.is_forked:
            return
        for rows in subject.program_calls:
            self.progress("a program that does not end")
            try:
                subject.caller.run(
                    subject.target, rows, timeout=_PROGRAM_SECONDS, wall=_PROGRAM_SECONDS
                )
            except Unanswered as late:
                self.note_late_call(late, law.name)
                return
            except Exception:  # noqa: BLE001, S112 - another law's finding
                continue

    def note_late_call(self, late: Unanswered, law: str) -> None:
        """Keep the failure of a call that gave no result, and refuse others with its text."""
        subject = self.subject
        self.late_calls += 1
        rows = late.rows
        if "terminates" not in self.failures and law not in self.failures:
            rows = _find_late_row(subject, late.target, rows)
            call = subject.write_call(rows)
            chosen = any(each.name == "terminates" for each in self.laws)
            failure = Counterexample(
                "a result within the limit of a call",
                f"{late}, in the law {law!r}",
                subject.program([f"{call}  # {late}"]),
            )
            self.failures["terminates" if chosen else law] = rows, failure
        subject.late_texts += late.rows[subject.text_column]
        if count_rows(rows):
            subject.late_texts += rows[subject.text_column]
        # once it is known, a shorter limit does for the rest
        if subject.timeout is not None:
            subject.caller.watchdog.timeout = min(subject.timeout, _LATER_SECONDS)

    def _draw(
        self,
        on: str,
        examples: SearchStrategy[Any],
        options: settings,
        first: Sequence[Any] = (),
    ) -> None:
        """Try laws on `max_examples` examples: those that were drawn before, then new ones."""
        count = 0

        def attempt(example: Any) -> None:
            nonlocal count
            if not self._open_laws(on):
                raise _NoLawLeft
            if on == "rows" and time.monotonic() > self.end:
                self.subject.warnings["terminates"] = (
                    f"calls are slow: tried {count} of {options.max_examples} examples"
                )
                raise _NoLawLeft
            count += 1
            self.try_laws(on, example)

        with suppress(_NoLawLeft):  # an error is the only way to stop Hypothesis early
            # drawing takes longer than most calls
            for example in first[: options.max_examples]:
                attempt(example)
            if more := max(options.max_examples - len(first), 0):
                _for_each_example(examples, attempt, settings(options, max_examples=more))

    def try_laws(self, on: str, example: Any) -> None:
        """Try the laws that take such examples and that have neither failed nor been skipped."""
        for law in self._open_laws(on):
            if on == "rows" and time.monotonic() > self.end:
                return
            self.progress(law.name)
            # once more, since a law before it may have found the subject to be random
            if not (law.compares and self.is_random):
                self._try_law(law, example)

    def _open_laws(self, on: str) -> list[Law]:
        return [
            law
            for law in self.laws
            if law.on == on
            and (on == "once" or self.late_calls < _MAX_LATE_CALLS)
            and law.name not in self.failures
            and law.name not in self.skipped
            and not (law.compares and self.is_random)
        ]

    def _try_law(self, law: Law, example: Any) -> None:
        self.subject.caller.label = law.name
        try:
            reason = self.subject.try_law(law.check, example)
        except Unanswered as late:
            self.note_late_call(late, law.name)
        except Counterexample as failure:
            # what differs from call to call is one bug, whichever law met it
            random_failure = _find_randomness(self.subject, example) if law.compares else None
            chosen = any(law.name == "deterministic" for law in self.laws)
            name = "deterministic" if random_failure and chosen else law.name
            self.failures[name] = example, random_failure or failure
        except SkipTest as skip:
            self.skipped[law.name] = str(skip)
        else:
            if law.name in self.idle and reason:
                self.idle[law.name] = reason
            elif not reason:
                self.idle.pop(law.name, None)

    @property
    def is_random(self) -> bool:
        """Whether the subject is known not to be deterministic."""
        return "deterministic" in self.failures

    def skipped_laws(self) -> dict[str, str]:
        """Return the laws that neither hold nor fail, with the reasons, and drop their failures."""
        if self.subject.kind == "verifier" and not self.subject.has_read_reference:
            unread = [law.name for law in self.laws if law.name in _NEED_A_REFERENCE]
            self.idle |= dict.fromkeys(unread, _NO_REFERENCE_READ)
        if self.is_random:
            comparing = [law.name for law in self.laws if law.compares]
            for name in comparing:
                self.failures.pop(name, None)
            self.idle |= dict.fromkeys(comparing, "it is not deterministic")
        idle = {name: reason for name, reason in self.idle.items() if name not in self.failures}
        return {**idle, **self.skipped}


def _find_late_row(subject: Subject, target: Any, rows: Rows) -> Rows:
    """Return the row of a call that gives no result alone, or the whole call if there is none."""
    if count_rows(rows) > 1:
        timeout = min(subject.timeout or _LATER_SECONDS, _LATER_SECONDS)
        for row in range(min(count_rows(rows), _MAX_LATE_ROWS)):
            alone = select_rows(rows, [row])
            try:
                subject.caller.run(target, alone, timeout=timeout)
            except Unanswered:
                return alone
            except Exception:  # noqa: BLE001, S112 - it gives a result in time
                continue
    return rows


def _find_randomness(subject: Subject, example: Any) -> Counterexample | None:
    """Return the failure if the same calls give different results."""
    if example is None:
        return None
    for _ in range(_MORE_TRIES):
        try:
            subject.try_law(LAWS["deterministic"].check, example)
        except Counterexample as failure:
            return failure
        except (SkipTest, Unanswered):
            return None
    return None


class _Attempts:
    """Tries smaller examples of a failure; `seen` has those that fail, in the order of trial."""

    def __init__(self, subject: Subject, law: Law, rows: Any, failure: Counterexample) -> None:
        self.subject, self.law = subject, law
        self.seen = [(rows, failure)]
        self.end = time.monotonic() + _SHRINK_SECONDS

    def run(self, rows: Any) -> None:
        """Try an example; raise its failure, or _NoLawLeft if the time is over."""
        if time.monotonic() > self.end:
            raise _NoLawLeft
        try:
            self.subject.try_law(self.law.check, rows)
        except Counterexample as smaller:
            self.seen.append((rows, smaller))
            raise
        except Unanswered:
            return

    def fails(self, rows: Rows) -> bool:
        """Try an example; return whether it fails."""
        before = len(self.seen)
        with suppress(Counterexample, SkipTest, _NoLawLeft):
            self.run(rows)
        return len(self.seen) > before


def _shrink_failure(
    subject: Subject, law: Law, rows: Any, failure: Counterexample, options: settings
) -> Counterexample:
    """Return the smallest failure of a law that is found, or the known one."""
    if law.name == "terminates" or failure.given.startswith("no result"):
        return failure  # each attempt would cost its limit
    attempts = _Attempts(subject, law, rows, failure)
    seen = attempts.seen
    # without Hypothesis first: to draw an attempt takes it longer than most calls take
    if law.on == "rows":
        shrink_rows(subject, rows, attempts.fails)
        if is_small(subject, seen[-1][0]):
            return seen[-1][1]
    known = seen[-1]
    # Flaky: it fails now and then, which is a failure all the same
    with suppress(Counterexample, Flaky, _NoLawLeft):
        _shrink_drawn(subject, law, attempts.run, options)
    if law.on != "rows":
        return seen[-1][1]
    if seen[-1] is not known:  # Hypothesis may end with what is not needed
        shrink_rows(subject, seen[-1][0], attempts.fails)
    return min(known, seen[-1], key=lambda one: measure_size(subject, one[0]))[1]


def _shrink_drawn(
    subject: Subject, law: Law, attempt: Callable[[Any], None], options: settings
) -> None:
    """Let Hypothesis draw a failure and shrink it."""
    drawn = {"rows": subject.rows, "wrong_calls": subject.wrong_calls}
    examples = drawn.get(law.on, subject.known_calls)
    if law.on != "once" and examples is not None:
        harder = settings(
            options,
            max_examples=options.max_examples * _MORE_TRIES,
            phases=[Phase.generate, Phase.shrink],
        )
        _for_each_example(examples, attempt, harder)


def _for_each_example(
    strategy: SearchStrategy[Any], attempt: Callable[[Any], None], options: settings
) -> None:
    seeds = count(1)

    @options
    @given(strategy)
    def run_example(example: Any) -> None:
        # Hypothesis seeds `random` alike for each example, which would hide a random reward
        random.seed(next(seeds))
        attempt(example)

    run_example()


def _choose_laws(kind: str, laws: Iterable[str] | None, skip: Iterable[str]) -> list[Law]:
    """Return the chosen laws of a kind. Raises ValueError for unknown names, or if none is left."""
    known = {law.name: law for law in laws_of(kind)}
    chosen = list(known) if laws is None else _options.read_names(laws, "laws")
    left_out = _options.read_names(skip, "skip")
    for name in [*chosen, *left_out]:
        if EARLIER_NAMES.get(name, name) not in known:
            hint = did_you_mean(name, known)
            raise ValueError(f"no law of {kind}s is called {name!r}{hint} ({', '.join(known)})")
    chosen = [EARLIER_NAMES.get(name, name) for name in chosen]
    left_out = [EARLIER_NAMES.get(name, name) for name in left_out]
    kept = [law for name, law in known.items() if name in chosen and name not in left_out]
    if not kept:
        raise ValueError(f"laws={chosen} and skip={left_out} leave no law to try")
    return kept
