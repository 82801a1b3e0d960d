r"""Mathematics by value: exactly where that is certain at once, else by math-verify in a worker.

The order of the questions is math-verify's own (Kydlíček, 2025, https://github.com/huggingface/Math-Verify),
with cheaper ones before it, so that few answers reach it and none can keep a training run waiting.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Annotated, Any, NamedTuple, final

from pydantic import Field

from rewardkit import _answer, _equality, _latex, _pool
from rewardkit.component import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import BAD_REFERENCE, CORRECT, NO_ANSWER, WRONG, Verifier, pairwise


@final
@register("math")
class Math(Verifier):
    r"""The answer has the reference's value, in LaTeX or plainly: numbers, surds, sets, matrices.

    Either may be bare, boxed, between dollar signs, or the answer that a text gives. Units are not
    compared; 50% equals 50 and 0.5; x = 3 equals 3; small and capital letters are the same. What is
    too large to compute is WRONG, "too large". It needs the extra `math`.

    As in math-verify but for two things: a set is no tuple, and 1 1/2 is a mixed number.

    >>> answers = [r"\sqrt{80}", "The answer is $x = 3$.", "(2, 3)", "9^{9^{9^9}}"]
    >>> verdicts = Math().verify(answers, [r"4\sqrt{5}", "3", r"\{2, 3\}", "7"])
    >>> [verdict.outcome.value for verdict in verdicts], verdicts[3].detail
    (['correct', 'correct', 'wrong', 'wrong'], 'too large')
    """

    timeout: Annotated[float, Field(gt=0)] = 0.5
    """Seconds for an answer that reaches math-verify, after which it is TIMEOUT."""
    batch_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds for all such answers of one call together, after which the rest are TIMEOUT."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer. Equal pairs are verified once, and remembered.

        Raises ImportError where math-verify is not installed.
        """
        _check_installed()
        found: dict[tuple[str, str], Verdict] = {}
        asked: dict[tuple[str, str], list[tuple[str, ...]]] = {}

        def judge(answer: str, reference: str) -> Verdict:
            pair = answer, reference
            if pair not in found:
                found[pair] = _remembered(pair) or _settled(pair, asked)
            return found[pair]

        verdicts = pairwise(answers, references, judge)
        if not asked:
            return verdicts
        outcomes = _pool.run(
            "rewardkit._symbolic:judge",
            list(asked.values()),
            timeout=self.timeout,
            batch_timeout=self.batch_timeout,
        )
        for pair, outcome in zip(asked, outcomes, strict=True):
            found[pair] = _TIMEOUT if outcome is _pool.TIMEOUT else _OUTCOMES[str(outcome)]
            if outcome is not _pool.TIMEOUT:
                _remember(pair, found[pair])
        return pairwise(answers, references, judge)


_TIMEOUT = Verdict(Outcome.TIMEOUT)
_TOO_LARGE = Verdict(Outcome.WRONG, "too large")
_UNREADABLE = Verdict(Outcome.BAD_REFERENCE, "too large")
_OUTCOMES = {
    verdict.outcome.value: verdict for verdict in (CORRECT, WRONG, NO_ANSWER, BAD_REFERENCE)
}
_verdicts: dict[tuple[str, str], Verdict] = {}  # single steps on a dict need no lock
_MAX_VERDICTS = 8192
_MAX_REMEMBERED = 1000


@cache
def _check_installed() -> None:
    """Raise ImportError where math-verify is missing, without the time that its import takes."""
    if importlib.util.find_spec("math_verify") is None:
        message = "'math_verify' is not installed. Install it with: pip install 'rewardkit[math]'"
        raise ImportError(message, name="math_verify")


def _remembered(pair: tuple[str, str]) -> Verdict | None:
    """Return the verdict on a pair that was verified before."""
    return _verdicts.get(pair)


def _remember(pair: tuple[str, str], verdict: Verdict) -> None:
    """Keep a verdict, if the pair is short."""
    if len(pair[0]) + len(pair[1]) <= _MAX_REMEMBERED:
        if len(_verdicts) >= _MAX_VERDICTS:
            _verdicts.clear()
        _verdicts[pair] = verdict


class _Look(NamedTuple):
    """What a text's answer was read as, and the texts that it may be, the likeliest first."""

    reading: _latex.Reading
    texts: tuple[str, ...]


_NOTHING = _latex.Reading(None, "")


def _looked(text: str) -> _Look:
    """Read a text: all of it, or the answer that it gives."""
    whole = _latex.read(text)
    if whole.value is not None:
        return _Look(whole, (whole.text,))
    texts = _answer.candidates(text)
    if texts is None:
        return _Look(whole, (whole.text,) if whole.text else ())
    for place, candidate in enumerate(texts):
        reading = _latex.read(candidate)
        if reading.value is not None or reading.large:
            return _Look(reading if not place else _NOTHING, tuple(texts[: place + 1]))
    return _Look(_NOTHING, tuple(texts))


_reference = lru_cache(maxsize=1024)(_looked)


def _settled(
    pair: tuple[str, str], asked: dict[tuple[str, str], list[tuple[str, ...]]]
) -> Verdict:
    """Return the verdict on a pair where it is certain at once, else note what is to be asked."""
    answer, reference = pair
    wanted = (_reference if len(reference) <= _MAX_REMEMBERED else _looked)(reference)
    if not wanted.texts:
        return BAD_REFERENCE
    if wanted.reading.value is None and wanted.reading.large:
        return _UNREADABLE
    given = _looked(answer)
    if not given.texts:
        return _OPEN if wanted.reading.value is None and _ask(pair, wanted, wanted, asked) else NO_ANSWER
    if wanted.reading.value is not None and given.reading.text == wanted.reading.text:
        return CORRECT
    equal = _equality.same(given.reading, wanted.reading)
    if equal is not None:
        return CORRECT if equal else WRONG
    if given.reading.large or wanted.reading.large:
        return _TOO_LARGE
    if any(map(_latex.too_large, wanted.texts)):
        return _UNREADABLE if wanted.reading.value is None else _TOO_LARGE
    if any(map(_latex.too_large, given.texts)):
        return _TOO_LARGE
    _ask(pair, wanted, given, asked)
    return _OPEN


_OPEN = WRONG


def _ask(
    pair: tuple[str, str],
    wanted: _Look,
    given: _Look,
    asked: dict[tuple[str, str], list[tuple[str, ...]]],
) -> bool:
    """Note what math-verify is to be asked."""
    asked[pair] = [wanted.texts, given.texts]
    return True
