"""Alerts about a training run as it goes: what its rewards stopped measuring, and why."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import accumulate
from statistics import fmean, stdev
from typing import Literal, NamedTuple

from rewardkit.audit.findings import quote
from rewardkit.audit.step_figures import RewardFigures, Share, Step, StepFigures, is_timeout
from rewardkit.reward import Bounds, scale_bounds

AlertKind = Literal[
    "constant",
    "flat",
    "saturated",
    "collapsed",
    "repeated",
    "clipped",
    "copied",
    "timeout",
    "abstained",
]

WINDOW = 10  # steps of a mean: the noise of one step is often larger than what ten steps learn
SHORT_WINDOW = 5  # for shares of the completions, which are less noisy
# With few completions per step, ten steps are not enough to say that a rare success never happens,
# that all groups are flat, or that nothing was learned in twice as many steps.
MIN_CONSTANT, MIN_GROUPS, MIN_UNCHANGED = 100, 40, 300
MAX_STEPS = 64  # that are kept of a figure
# A reward that all completions earn in full teaches nothing, but may be there to keep it so.
FULL_REWARD_STEPS = 30

# Of the groups. Nearly all flat: no step learns. Most flat is what a solved task looks like, so it
# counts only while the total is a tenth of its range below its maximum.
NEARLY_ALL_FLAT, MOST_FLAT, SOLVED = 0.95, 0.8, 0.1
# Of a reward's range: at its maximum, and so little below it that it was there already.
AT_MAXIMUM, NEAR_MAXIMUM, ROSE = 0.02, 0.05, 0.1
# Of a reward's range: a fall, the lowest part of it, and a change too small to lead out of that.
FELL, LOWEST, UNCHANGED = 0.2, 0.25, 0.05
STANDARD_ERRORS = 4  # of two means, before their difference is more than noise
OFTEN_CLIPPED, CLIPPED_RISE, CLIPPED_FALL = 0.5, 0.3, 0.05
OFTEN_COPIED = OFTEN_REPEATED = OFTEN_ABSTAINED = 0.25
OFTEN_TIMED_OUT = 0.1

ADVICE: dict[AlertKind, str] = {
    "constant": (
        "Check its layout and columns with a preflight (rewardkit.audit.preflight), or leave it out"
    ),
    "flat": (
        "Use prompts of another difficulty, more completions per prompt, a higher temperature, or"
        " a graded reward"
    ),
    "saturated": (
        "Read completions: the first is earned without the second. Multiply the two, lower the"
        " first one's weight, or make it stricter"
    ),
    "collapsed": (
        "Stop, and continue from a checkpoint before the fall with a lower learning_rate, a rate"
        " that decays, or a lower max_grad_norm"
    ),
    "repeated": (
        "Find the reward that this text earns (rewardkit.audit.audit); a diversity reward, a higher"
        " temperature or beta > 0 act against it"
    ),
    "clipped": (
        "Raise max_completion_length, or add an overlong penalty; check that no reward grows with"
        " the length"
    ),
    "copied": "Add a prompt_overlap penalty, or take the worked example out of the prompt",
    "timeout": "Raise the reward's time limit, or give it more workers; read what it ran on",
    "abstained": (
        "Read its whys (log_why=True): a missing reference, an answer that is not found, or a judge"
        " that fails"
    ),
}
"""What to do about each kind."""


class Alert(NamedTuple):
    """Something that a person should look at in a training run."""

    kind: AlertKind
    """`constant`: a reward has never varied. `flat`: groups have zero reward std. `saturated`: a
    reward is at its maximum while another falls, or stays low. `collapsed`: the sum of the rewards
    fell far below its best. `repeated`: one completion for
    several prompts. `clipped`: completions run to the limit of tokens. `copied`: they are words of
    the prompt. `timeout`, `abstained`: a reward often has no verdict, or no value."""
    step: int
    """The trainer's step."""
    detail: str
    """What was measured, in a sentence."""
    rewards: tuple[str, ...] = ()
    """The rewards that it is about; empty for the completions or the sum."""
    example: str = ""
    """A completion that shows it; empty if the completions are not known."""

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.kind]

    def __str__(self) -> str:
        """Return it in one line, with a short excerpt of the example."""
        example = f" Example: {quote(self.example)}." if self.example else ""
        return f"step {self.step}: {self.kind}: {self.detail}.{example} {self.advice}."


class AlertFinder:
    """Finds alerts in the figures of a run's steps, each kind once per reward."""

    def __init__(
        self,
        bounds: Mapping[str, Bounds] | None = None,
        weights: Mapping[str, float] | None = None,
        scheduled: Collection[str] = (),
    ) -> None:
        """Set what is known of the rewards, by name: their bounds, and their weights in the sum.

        Without bounds the lowest and the highest value seen so far count as a reward's range.
        `scheduled` names the rewards that rise and fall by design.
        """
        self.bounds, self.weights = dict(bounds or {}), dict(weights or {})
        self.scheduled = scheduled
        self._tracks: dict[str, _Track] = {}
        self._total = _Track()
        self._flat, self._groups = _Series(), _Series()
        self._clipped, self._copied, self._repeated = _Series(), _Series(), _Series()
        self._found: set[tuple[str, str]] = set()

    def find(self, figures: StepFigures, step: Step | None = None) -> list[Alert]:
        """Return the new alerts after a step; `step` has the completions, for examples."""
        for name, reward in figures.rewards.items():
            if name not in self._tracks:
                self._tracks[name] = _Track(self.bounds.get(name))
            self._tracks[name].add(reward)
        if figures.total is not None:
            self._total.declared = self._total_bounds()
            self._total.add(figures.total)
        if figures.flat_groups is not None:
            self._flat.add(figures.flat_groups)
            self._groups.add(MIN_GROUPS if figures.group_count is None else figures.group_count)
        for series, share in (
            (self._clipped, figures.clipped),
            (self._copied, figures.copied),
            (self._repeated, figures.repeated),
        ):
            series.add(None if share is None else share.share)
        found = [
            *self._check_constant(figures.step, step),
            *(saturated := [*self._check_saturated(figures.step, step)]),
            *(() if saturated else self._check_collapsed(figures.step, step)),
            *self._check_flat(figures.step, step),
            *self._check_texts(figures, step),
            *self._check_missing(figures.step, step),
        ]
        new = [alert for alert in found if not _list_keys(alert) <= self._found]
        for alert in new:
            self._found |= _list_keys(alert)
        return new

    def _total_bounds(self) -> Bounds | None:
        ends = [
            scale_bounds(self.bounds.get(name, _UNBOUNDED), self.weights.get(name, 1.0))
            for name in self._tracks
        ]
        return sum(low for low, _ in ends), sum(high for _, high in ends)

    def _check_constant(self, number: int, step: Step | None) -> Iterator[Alert]:
        constant = {
            name: track
            for name, track in self._tracks.items()
            if ("constant", name) not in self._found and track.is_constant()
        }
        if constant:
            # one alert for all that are constant, since they mostly have one cause
            values = ", ".join(f"{name} ({track.high:g})" for name, track in constant.items())
            steps = max(track.count for track in constant.values())
            detail = f"the same value for all completions in {steps} steps: {values}"
            yield Alert("constant", number, detail, tuple(constant), _read_text(step, 0))

    def _check_saturated(self, number: int, step: Step | None) -> Iterator[Alert]:
        if any(key[0] == "saturated" for key in self._found):
            return
        tracks = {
            name: track
            for name, track in self._tracks.items()
            if self.weights.get(name, 1.0) >= 0 and name not in self.scheduled
        }
        tops = [name for name, track in tracks.items() if track.is_at_maximum()]
        tops.sort(key=lambda name: tracks[name].rise())  # the last is the likeliest cause
        rose = [name for name in tops if tracks[name].rose_to_maximum()]
        for name, track in tracks.items():
            if name in tops:
                continue
            top, change = "", ""
            if tops and track.fell():
                top, change = tops[-1], f"fell from {track.best:.3g} to {track.mean():.3g}"
            elif rose and track.stays_low():
                low, high = track.range()
                limits = f"of {low:.3g} to {high:.3g}"
                top, change = (
                    rose[-1],
                    f"stays at {track.mean():.3g} ({limits}; {2 * WINDOW} steps)",
                )
            if top:
                reached = f"{top} is at its maximum ({tracks[top].mean():.3g})"
                example = _read_text(step, _find_tradeoff_row(step, top, name))
                yield Alert(
                    "saturated", number, f"{reached} while {name} {change}", (top, name), example
                )
                return

    def _check_collapsed(self, number: int, step: Step | None) -> Iterator[Alert]:
        # a sum with a schedule in it may fall by design; "saturated" says why it falls
        explained = any(key[0] == "saturated" for key in self._found)
        if not self.scheduled and not explained and self._total.fell():
            detail = f"the mean reward fell from {self._total.best:.3g} to {self._total.mean():.3g}"
            yield Alert("collapsed", number, f"{detail} ({WINDOW} steps)", (), _read_text(step, 0))

    def _check_flat(self, number: int, step: Step | None) -> Iterator[Alert]:
        counts = accumulate(reversed(self._groups.values))
        steps = max(1 + sum(count < MIN_GROUPS for count in counts), WINDOW)
        share = self._flat.mean(steps)
        if share is None or share < MOST_FLAT:
            return
        low, high = self._total.range()
        mean = self._total.mean()
        solved = mean is None or high - mean <= SOLVED * (high - low)
        if share >= NEARLY_ALL_FLAT or not solved:
            detail = f"{share:.0%} of the groups had zero reward std in the last {steps} steps"
            if mean is not None:
                detail += f", at a mean reward of {mean:.3g}"
            yield Alert("flat", number, detail, (), _read_text(step, 0))

    def _check_texts(self, figures: StepFigures, step: Step | None) -> Iterator[Alert]:
        number = figures.step
        if self._clipped.runs_up():
            share = self._clipped.mean(WINDOW)
            detail = f"{share:.0%} of the completions reached the limit of tokens in {WINDOW} steps"
            yield Alert("clipped", number, detail, (), _read_text(step, _read_row(figures.clipped)))
        copied = self._copied.mean(SHORT_WINDOW)
        if copied is not None and copied >= OFTEN_COPIED:
            detail = f"{copied:.0%} of the completions repeat words of the prompt, or its example"
            yield Alert("copied", number, detail, (), _read_text(step, _read_row(figures.copied)))
        repeated = self._repeated.mean(SHORT_WINDOW)
        if repeated is not None and repeated >= OFTEN_REPEATED:
            detail = f"{repeated:.0%} of the completions are the same for several prompts"
            yield Alert(
                "repeated", number, detail, (), _read_text(step, _read_row(figures.repeated))
            )

    def _check_missing(self, number: int, step: Step | None) -> Iterator[Alert]:
        for name, track in self._tracks.items():
            timeouts, abstained = (
                track.timeouts.mean(SHORT_WINDOW) or 0.0,
                track.abstained.mean(SHORT_WINDOW) or 0.0,
            )
            if timeouts >= OFTEN_TIMED_OUT:
                detail = f"{name} timed out on {timeouts:.0%} of the completions"
                row = _find_timeout_row(step, name)
                yield Alert("timeout", number, detail, (name,), _read_text(step, row))
            if abstained >= OFTEN_ABSTAINED or track.is_silent():
                share = "any" if track.is_silent() else f"{abstained:.0%} of the"
                row = _find_missing_row(step, name)
                detail = f"{name} gave no value on {share} completions{_quote_why(step, name, row)}"
                yield Alert("abstained", number, detail, (name,), _read_text(step, row))


def _list_keys(alert: Alert) -> set[tuple[str, str]]:
    return {(alert.kind, name) for name in alert.rewards or ("",)}


class _Series:
    """A figure of each step; steps without it are left out."""

    def __init__(self) -> None:
        self.values = deque[float](maxlen=MAX_STEPS)
        self.lowest = math.inf  # of the means of WINDOW steps

    def add(self, value: float | None) -> None:
        if value is not None:
            self.values.append(value)
            if (recent := self.mean(WINDOW)) is not None:
                self.lowest = min(self.lowest, recent)

    def mean(self, steps: int) -> float | None:
        """The mean of the last steps; None before there are that many."""
        return fmean([*self.values][-steps:]) if len(self.values) >= steps else None

    def runs_up(self) -> bool:
        """Whether a share is high and not falling, or rose far."""
        share, late = self.mean(WINDOW), self.mean(WINDOW // 2)
        if share is None or late is None:
            return False
        # an untrained model is often clipped at first, and learns to stop within some steps
        falls = late < share - CLIPPED_FALL
        rose = share - self.lowest >= CLIPPED_RISE
        return not falls and (share >= OFTEN_CLIPPED or rose)


_UNBOUNDED = (-math.inf, math.inf)


class _Track:
    """One reward over the run: its range, its recent means, its first and its best ten steps."""

    def __init__(self, declared: Bounds | None = None) -> None:
        self.declared = declared
        self.means = deque[float](maxlen=2 * WINDOW)
        self.sizes = deque[float](maxlen=2 * WINDOW)  # completions per step
        self.abstained, self.timeouts = _Series(), _Series()
        self.count = self.silent = 0
        self.completions = 0.0
        self.varied = self.has_values = False
        self.low, self.high = math.inf, -math.inf  # seen so far
        self.first: float | None = None
        self.best = -math.inf

    def add(self, figures: RewardFigures) -> None:
        self.abstained.add(figures.abstained)
        self.timeouts.add(figures.timeouts)
        if figures.mean is None:
            self.silent += 1
            return
        mean = figures.mean
        low = mean if figures.low is None else figures.low
        high = mean if figures.high is None else figures.high
        first = not self.count
        self.has_values |= figures.high is not None
        self.varied |= figures.std > 0 or (not first and (low, high) != (self.low, self.high))
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.count += 1
        self.sizes.append(math.inf if figures.size is None else figures.size)
        self.completions += self.sizes[-1]
        self.means.append(mean)
        if (recent := self.mean()) is not None:
            self.first = recent if self.first is None else self.first
            self.best = max(self.best, recent)

    def range(self) -> Bounds:
        """The declared bounds where they are finite, else what was seen."""
        low, high = self.declared or _UNBOUNDED
        return low if math.isfinite(low) else self.low, high if math.isfinite(high) else self.high

    def mean(self, before: int = 0) -> float | None:
        """The mean of ten steps, the last ones or those before; None if there are fewer."""
        end = len(self.means) - before
        return fmean([*self.means][end - WINDOW : end]) if end >= WINDOW else None

    def is_silent(self) -> bool:
        return not self.count and self.silent >= WINDOW

    def is_constant(self) -> bool:
        if self.varied or self.count < WINDOW or self.completions < MIN_CONSTANT:
            return False
        top = self.declared[1] if self.declared else math.inf
        if self.high < top:
            return True
        # a penalty that no completion gets is a success; a reward that all earn is of no use
        return top != 0 and self.count >= FULL_REWARD_STEPS

    def is_at_maximum(self) -> bool:
        low, high = self.range()
        mean = self.mean()
        # a value that never varied may be any, and a penalty that is never given explains nothing
        counts = self.varied or self.high > 0
        return mean is not None and counts and mean >= high - AT_MAXIMUM * (high - low)

    def rise(self) -> float:
        """The rise since the first ten steps, as a fraction of the range."""
        low, high = self.range()
        mean = self.mean()
        if mean is None or self.first is None or high <= low:
            return 0.0
        return (mean - self.first) / (high - low)

    def rose_to_maximum(self) -> bool:
        """Whether it was below at the start, and has been near its maximum for twenty steps."""
        low, high = self.range()
        before = self.mean(WINDOW)
        if before is None or self.first is None:
            return False
        rose = self.first <= high - ROSE * (high - low)
        return rose and before >= high - NEAR_MAXIMUM * (high - low)

    def fell(self) -> bool:
        low, high = self.range()
        mean = self.mean()
        if mean is None:
            return False
        error = stdev([*self.means][-WINDOW:]) * math.sqrt(2 / WINDOW)
        return self.best - mean >= max(FELL * (high - low), STANDARD_ERRORS * error, 1e-9)

    def stays_low(self) -> bool:
        """Whether it has been in the lowest quarter of its range for twenty steps, unchanged."""
        if not self.has_values and not all(map(math.isfinite, self.declared or _UNBOUNDED)):
            return False  # the best mean says nothing about what one completion could earn
        low, high = self.range()
        mean, before = self.mean(), self.mean(WINDOW)
        if mean is None or before is None or sum(self.sizes) < MIN_UNCHANGED:
            return False
        span = high - low
        return mean <= low + LOWEST * span and mean - before < UNCHANGED * span


# Examples -----------------------------------------------------------------------------------------


def _read_text(step: Step | None, row: int) -> str:
    return step.batch.texts[row] if step is not None and len(step.batch) else ""


def _read_row(share: Share | None) -> int:
    return 0 if share is None else share.row


def _find_tradeoff_row(step: Step | None, top: str, other: str) -> int:
    """Find a completion with much of one reward and little of another."""
    if step is None:
        return 0

    def rank(row: int) -> tuple[float, float]:
        first, second = step.values[top][row], step.values[other][row]
        return (
            -math.inf if first is None else first,
            -math.inf if second is None else -second,
        )

    return max(range(len(step.batch)), key=rank, default=0)


def _find_missing_row(step: Step | None, name: str) -> int:
    values = step.values[name] if step is not None else ()
    return _find_first(row for row, value in enumerate(values) if value is None)


def _quote_why(step: Step | None, name: str, row: int) -> str:
    whys = step.whys.get(name, ()) if step is not None else ()
    return f", for example {whys[row]}" if row < len(whys) and whys[row] else ""


def _find_timeout_row(step: Step | None, name: str) -> int:
    whys = step.whys.get(name, ()) if step is not None else ()
    return _find_first(row for row, why in enumerate(whys) if is_timeout(why))


def _find_first(rows: Iterable[int]) -> int:
    return next(iter(rows), 0)
