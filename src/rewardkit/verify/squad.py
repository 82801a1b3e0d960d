"""Short answers compared word by word: the two measures of SQuAD (Rajpurkar et al., 2016, section
6.1), normalised as in the dataset's evaluation script.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, final

from pydantic import Field

from rewardkit._messages import shorten_repr
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import CORRECT, NO_ANSWER, WRONG, Verifier, paired, pairwise, texts


@final
@register("exact_match")
class ExactMatch(Verifier):
    """The answer is the reference, apart from case, ASCII punctuation, articles and white space.

    Of several references one is enough; the mapping of SQuAD's column `answers` holds them under
    `text`.

    >>> ExactMatch().verify(["The Beatles!"], ["beatles"])[0].outcome.value
    'correct'
    """

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        verdicts = pairwise(answers, [*map(_read_answers, references)], _compare_words)
        return [
            _refuse_reference(reference) if verdict.outcome is Outcome.BAD_REFERENCE else verdict
            for verdict, reference in zip(verdicts, references, strict=True)
        ]


@final
@register("token_f1")
class TokenF1(Verifier):
    """The answer shares enough words with the reference; the verdict's share is the F1 score.

    F1 is the harmonic mean of two fractions: of the answer's words that are in the reference, and
    of the reference's words that are in the answer. Of several references the best one counts; the
    mapping of SQuAD's column `answers` holds them under `text`.

    >>> TokenF1().verify(["in the year 1969"], ["July 1969"])
    [Verdict(outcome=<Outcome.WRONG: 'wrong'>, detail='F1 0.4', share=0.4)]
    """

    threshold: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The F1 score, 0 to 1, from which the answer is right."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER or BAD_REFERENCE for each answer."""
        return [
            best_share(answer, reference, self._compare_words)
            for answer, reference in paired(answers, references)
        ]

    def _compare_words(self, answer: str, reference: str) -> Verdict:
        score = compute_f1(answer, reference)
        outcome = Outcome.CORRECT if score >= self.threshold else Outcome.WRONG
        return Verdict(outcome, f"F1 {score:.3g}", score)


def best_share(answer: str | None, reference: Any, judge: Callable[[str, str], Verdict]) -> Verdict:
    """Return the verdict on an answer with the highest share of those for each reference."""
    given = texts(_read_answers(reference))
    if not given:
        return _refuse_reference(reference)
    if answer is None or not answer.strip():
        return NO_ANSWER
    return max((judge(answer, text) for text in given), key=lambda verdict: verdict.share or 0.0)


def compute_f1(answer: str, reference: str) -> float:
    """Return the F1 score of two texts' words, 0 to 1; without words, whether neither has any.

    >>> compute_f1("the old grey cat", "a grey cat")
    0.8
    """
    found, expected = normalize_words(answer), normalize_words(reference)
    if not found or not expected:
        return float(found == expected)
    shared = (Counter(found) & Counter(expected)).total()
    return 2 * shared / (len(found) + len(expected))


def normalize_words(text: str) -> list[str]:
    """Split a text into lower-case words, without ASCII punctuation and English articles.

    >>> normalize_words("The U.S. Army's best")
    ['us', 'armys', 'best']
    """
    return _ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _read_answers(reference: Any) -> Any:
    # SQuAD's column `answers`: the texts, and where each begins
    return reference.get("text", reference) if isinstance(reference, Mapping) else reference


def _refuse_reference(reference: Any) -> Verdict:
    detail = f"got {shorten_repr(reference)}, expected texts, or a mapping with them under 'text'"
    return Verdict(Outcome.BAD_REFERENCE, detail)


def _compare_words(answer: str, reference: str) -> Verdict:
    return CORRECT if normalize_words(answer) == normalize_words(reference) else WRONG


_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
