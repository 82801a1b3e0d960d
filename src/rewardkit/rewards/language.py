"""Is it written in the right language? By langid (Lui and Baldwin, 2012, "langid.py").

Markup is no language: tags, code and LaTeX are masked before a text is looked at, but for prose in
them: eight words in a row, or twenty signs of Chinese or Japanese, are no code. Each sentence
counts as one, however long it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain, compress, islice
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit.batch import Batch
from rewardkit.component import Frozen
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward
from rewardkit.rewards._langid import Identifier, identifier


@final
@register("language")
class Language(Reward):
    """The share of a completion's sentences in the target language, or a score for each label.

    >>> Language(target="id", candidates=("en", "id"))(
    ...     completions=["Saya menghitung jumlah apel. I count all of the apples."]
    ... )
    [0.5]
    >>> Language(scores={"id": 5.0, "en": -3.0}, other=-5.0)(completions=["Das ist ein Apfel."])
    [-5.0]
    """

    target: Annotated[str, Field(pattern="^[a-z]{2,3}$")] | None = None
    """The language whose share of sentences is the score, 0 to 1: an ISO 639-1 code."""
    scores: Annotated[Mapping[str, float], Frozen] | None = None
    """A score for each label of the whole text, in place of a target."""
    other: float = 0.0
    """The score of a label that is not in `scores`."""
    no_letters: float | None = None
    """The score of text without a letter in it; None abstains."""
    candidates: tuple[str, ...] | None = None
    """The labels to choose among; None for all that the backend knows."""
    scope: Literal["all", "reasoning", "answer"] = "all"
    """The whole text, what comes before its first `</think>` or `</reasoning>`, or what follows."""
    mask: bool = True
    """Whether tags, code and LaTeX are left out, but for prose in them. False takes any text but a
    blank one as it is."""
    backend: Literal["langid", "py3langid"] = "langid"
    """The identifier: pip install 'rewardkit[language]', or py3langid."""

    @model_validator(mode="after")
    def _target_or_scores(self) -> Self:
        if (self.target is None) == (not self.scores):
            message = "give either target='id' (a share of sentences) or scores={'id': 1.0, ...}"
            raise ValueError(message)
        if self.candidates is not None:
            wanted = [self.target] if self.target is not None else list(self.scores or ())
            missing = [label for label in wanted if label not in self.candidates]
            if missing:
                message = f"candidates lack {', '.join(missing)}, which could then never be found"
                raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds:
        """From 0 to 1 for a target, else the least and the greatest of the values."""
        given = [0.0, 1.0] if self.scores is None else [*self.scores.values(), self.other]
        given += [] if self.no_letters is None else [self.no_letters]
        return min(given), max(given)

    def score(self, batch: Batch) -> list[Score]:
        """Return the share or the label's score for each completion.

        Raises ImportError where the backend is not installed, and ValueError for a label that it
        does not know.
        """
        model = identifier(self.backend, self.candidates)
        wanted = [self.target] if self.scores is None else self.scores
        model.check(map(str, wanted))
        texts = [_scoped(text, self.scope) for text in batch.texts]
        texts = [*map(_masked, texts)] if self.mask else texts
        return (self._shares if self.scores is None else self._labelled)(model, texts)

    def _labelled(self, model: Identifier, texts: list[str]) -> list[Score]:
        """Return the score of each whole text's label."""
        says = [_has_letters(text) if self.mask else bool(text.strip()) for text in texts]
        labels = iter(model.classify([*compress(texts, says)]))
        worth = self.scores if self.scores is not None else {}
        silent = Score(self.no_letters, "no letters")

        def worth_of(label: str) -> Score:
            return Score(worth.get(label, self.other), label)

        return [worth_of(next(labels)) if one else silent for one in says]

    def _shares(self, model: Identifier, texts: list[str]) -> list[Score]:
        """Return the share of each text's sentences that are in the target language."""
        parts = [[*filter(_has_letters, _SENTENCE.split(text))] for text in texts]
        labels = iter(model.classify([*chain.from_iterable(parts)]))

        def share(sentences: int) -> Score:
            if not sentences:
                return Score(self.no_letters, "no letters")
            hits = [*islice(labels, sentences)].count(str(self.target))
            return Score(hits / sentences, f"{hits} of {sentences} sentences in {self.target}")

        return [*map(share, map(len, parts))]


_CLOSING = re.compile(r"</(?:think|reasoning)>")
_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f\u061f\u0964\n]+")
_INLINE = re.compile(
    r"`[^`\n]*+`"
    r"|\$(?=\S)[^$\n]*+(?<=\S)\$(?!\d)"
    r"|\\[a-zA-Z]++\*?"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
)
_PROSE = re.compile(
    r"(?<![^\W\d_])[^\W\d_]++(?:[,;:'\u2019]?[ ]++[^\W\d_]++){7,}+"
    r"|[\u3040-\u30ff\u4e00-\u9fff\uff0c]{20,}+"
)
_SHORTEST_PROSE = 20
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by their category, and blank
_DISPLAYS = (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))


def _scoped(text: str, scope: str) -> str:
    """Return the part of the text that is to be looked at."""
    if scope == "all":
        return text
    closing = _CLOSING.search(text)
    if scope == "reasoning":
        return text[: closing.start()] if closing else text
    return text[closing.end() :] if closing else ""


def _masked(text: str) -> str:
    """Return the text with a space in place of tags, code and LaTeX."""
    for left, right in _DISPLAYS:
        if left not in text:
            continue
        head, *rest = text.split(left)
        kept = [head]
        for place, part in enumerate(rest):
            if left == right:
                kept += [part] if place % 2 else _prose(part)
            else:
                inside, closed, after = part.partition(right)
                kept += [*_prose(inside), after] if closed else [part]
        text = " ".join(kept)
    return _INLINE.sub(lambda found: f" {' '.join(_prose(found[0]))} ", text)


def _prose(text: str) -> list[str]:
    """Return what is prose in a piece of markup, a line each."""
    return [f"\n{run}\n" for run in _PROSE.findall(text)] if len(text) >= _SHORTEST_PROSE else []


def _has_letters(text: str) -> bool:
    """Return whether there is a letter of any script, one that can be seen."""
    return any(sign.isalpha() and sign not in _FILLERS for sign in text)
