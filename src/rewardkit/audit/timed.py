"""Score within limits: of each call, which is killed if it is late, and of all calls together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from types import TracebackType
from typing import Any, Self

from rewardkit._messages import error_line
from rewardkit._template import Row
from rewardkit._workers.call_limit import WALL_FACTOR, CallFailure, CallTimeout, Watchdog
from rewardkit.result import TermScore
from rewardkit.scorer import Scorer, Term

Progress = Callable[[str, int, int | None], None]
"""Called with what is done, how much of it and how much there is."""
NOT_SCORED = TermScore(None, "not scored: the time was over")
"""The score of a completion that was left out."""


class KilledScore(TermScore):
    """The score of a completion on which the reward was stopped."""


# A batch may have many completions, none of which is slow.
_BATCH_FACTOR = 2.0
_FIRST_CALL_FACTOR = 4.0
_MAX_KILLED = 5  # of one list: where more are late, all may be
_ROUNDING = 0.01  # seconds
_LAST_CALL = 0.5  # seconds: a call that begins just before the end


class TimeOverError(RuntimeError):
    """No time is left for a call."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during an audit or a preflight: `result` is what was found before."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class TimedScorer:
    """A scorer whose rewards are called in killable processes; a context manager that ends them.

    `slow` is the limit of one completion in seconds of processor time, `time_limit` that of all
    calls by the clock; None for no limit.
    """

    def __init__(self, scorer: Scorer, *, slow: float, time_limit: float | None) -> None:
        """Set the limits; the time runs from here."""
        self.slow, self._alone = slow, set[str]()
        self._deadline = math.inf if time_limit is None else time.monotonic() + time_limit
        self._limit = slow
        self.is_interrupted = False
        terms = {term.name: term for term in scorer.terms}

        def score(name: str, chat: bool, rows: Any, texts: Any) -> list[TermScore]:  # noqa: FBT001 - called in this class
            return terms[name]._replace(chat=chat).score(rows, texts)

        # One process for all: to start one takes longer than most calls.
        self._watchdog = Watchdog(score, timeout=slow)
        self.scorer = copy(scorer)
        self.scorer.terms = tuple(map(self._watch, scorer.terms))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watchdog.close()

    @property
    def seconds_left(self) -> float:
        """How long further calls may take, infinite without a limit."""
        return max(self._deadline - time.monotonic(), 0.0)

    def stop(self) -> None:
        """Score nothing more: the user has interrupted it."""
        self.is_interrupted = True
        self._deadline = time.monotonic()

    def _watch(self, term: Term) -> Term:
        def call(chat: bool, rows: Sequence[Row], texts: Sequence[str]) -> list[TermScore]:  # noqa: FBT001 - as `watch` is called
            left = self.seconds_left
            if left <= 0:
                raise TimeOverError("no time is left")
            # What waits gets more time, but not more than there is.
            limit = min(self._limit, max(left, _LAST_CALL))
            wall = min(WALL_FACTOR * limit, max(left, _LAST_CALL))
            label = _label_call(term.name, texts)
            scores: list[TermScore] = self._watchdog.call(
                term.name, chat, rows, texts, timeout=limit, wall=wall, label=label
            )
            return scores

        return term._replace(watch=call)

    def warm_up(self, row: Row) -> None:
        """Call each reward once, with more time: a first call may load a model."""
        self._limit = self.slow * _FIRST_CALL_FACTOR
        for term in self.scorer.terms:
            # What it raises shows again where all is scored.
            with suppress(Exception, SystemExit):
                term.score([row], ["42"])
        self._limit = self.slow

    def try_score(
        self,
        term: Term,
        rows: Sequence[Row],
        texts: Sequence[str],
        *,
        batch_limit: float | None = None,
    ) -> list[TermScore]:
        """Return the scores of rows' texts, with what was raised, and NOT_SCORED for the rest.

        All texts are scored together first, within `batch_limit` seconds, twice `slow` by default.
        If that raises or takes longer, they are scored one by one, and each that takes more than
        `slow` seconds has a KilledScore, with its time.
        """
        if not texts:
            return []
        if term.name not in self._alone:
            start = time.monotonic()
            self._limit = self.slow * _BATCH_FACTOR if batch_limit is None else batch_limit
            try:
                scores = term.score(rows, texts)
            except TimeOverError:
                return [NOT_SCORED] * len(texts)
            except CallFailure:
                # Not again: a killed batch has cost much time.
                if batch_limit is None:
                    self._alone.add(term.name)
            except (Exception, SystemExit):  # noqa: BLE001, S110 - each text says it again, below
                pass
            else:
                if time.monotonic() - start <= self.slow or self._watchdog.is_forked:
                    return scores
            finally:
                self._limit = self.slow
        return self._score_each(term, rows, texts)

    def _score_each(self, term: Term, rows: Sequence[Row], texts: Sequence[str]) -> list[TermScore]:
        scores: list[TermScore] = []
        for row, text in zip(rows, texts, strict=True):
            killed = sum(isinstance(score, KilledScore) for score in scores)
            alone = NOT_SCORED if killed >= _MAX_KILLED else self._score_alone(term, row, text)
            scores.append(alone)
        return scores

    def _score_alone(self, term: Term, row: Row, text: str) -> TermScore:
        start = time.monotonic()
        try:
            (score,) = term.score([row], [text])
        except TimeOverError:
            return NOT_SCORED
        except CallTimeout as error:
            # A call that ends with the time of all calls may have been quick.
            if error.seconds < self.slow - _ROUNDING:
                return NOT_SCORED
            return KilledScore(None, str(error), seconds=error.seconds)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises
            return TermScore(None, error_line(error), raised=True)
        return score._replace(seconds=time.monotonic() - start)


def _label_call(name: str, texts: Sequence[str]) -> Callable[[], str]:
    first = texts[0] if len(texts) == 1 else f"{len(texts)} completions"
    return lambda: f"{name}: {first[:200]!r}"
