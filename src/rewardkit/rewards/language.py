"""The language of a completion, identified by langid (Lui and Baldwin, 2012, "langid.py").

Tags, code and LaTeX are masked before a text is identified, except for prose in them: eight words
in a row, or twenty characters of Chinese or Japanese. Each sentence counts as one, whatever its
length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain, compress, islice
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text.tag_layout import INVISIBLE
from rewardkit.batch import Batch
from rewardkit.component import Frozen
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward
from rewardkit.rewards._langid import Identifier, load_identifier


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
    """A score for each label of the whole text, instead of a target."""
    other: float = 0.0
    """The score of a label that is not in `scores`."""
    no_letters: float | None = None
    """The score of text without a letter; None skips the row."""
    candidates: tuple[str, ...] | None = None
    """The labels to choose from; None for all labels of the backend."""
    scope: Literal["all", "reasoning", "answer"] = "all"
    """The whole text, the part before its first `</think>` or `</reasoning>`, or the part after."""
    mask: bool = True
    """Whether to leave out tags, code and LaTeX, except for prose in them. False takes any text
    that is not blank as it is."""
    backend: Literal["langid", "py3langid"] = "langid"
    """The identifier: pip install 'rewardkit[language]', or py3langid."""

    @model_validator(mode="after")
    def _check_target_or_scores(self) -> Self:
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
        """From 0 to 1 for a target, else the lowest and the highest of the values."""
        given = [0.0, 1.0] if self.scores is None else [*self.scores.values(), self.other]
        given += [] if self.no_letters is None else [self.no_letters]
        return min(given), max(given)

    def score(self, batch: Batch) -> list[Score]:
        """Return the share or the label's score for each completion.

        Raises ImportError if the backend is not installed, and ValueError for a label that it does
        not have.
        """
        model = load_identifier(self.backend, self.candidates)
        wanted = [self.target] if self.scores is None else self.scores
        model.check(map(str, wanted))
        texts = [_select_scope(text, self.scope) for text in batch.texts]
        texts = [*map(_mask_markup, texts)] if self.mask else texts
        return (self._score_sentences if self.scores is None else self._score_labels)(model, texts)

    def _score_labels(self, model: Identifier, texts: list[str]) -> list[Score]:
        """Return the score of each whole text's label."""
        # an identifier has a label for any text, so that one without letters must not reach it
        readable = [_has_letters(text) if self.mask else bool(text.strip()) for text in texts]
        labels = iter(model.classify([*compress(texts, readable)]))
        scores = self.scores if self.scores is not None else {}
        no_letters = Score(self.no_letters, "no letters")

        def score_label(label: str) -> Score:
            return Score(scores.get(label, self.other), label)

        return [score_label(next(labels)) if has_label else no_letters for has_label in readable]

    def _score_sentences(self, model: Identifier, texts: list[str]) -> list[Score]:
        """Return the share of each text's sentences that are in the target language."""
        sentences = [[*filter(_has_letters, _SENTENCE_END.split(text))] for text in texts]
        # all sentences of the batch at once: numpy's cost per call is larger than a sentence's
        labels = iter(model.classify([*chain.from_iterable(sentences)]))

        def score_next(count: int) -> Score:
            if not count:
                return Score(self.no_letters, "no letters")
            hits = [*islice(labels, count)].count(str(self.target))
            return Score(hits / count, f"{hits} of {count} sentences in {self.target}")

        return [*map(score_next, map(len, sentences))]


_REASONING_END = re.compile(r"</(?:think|reasoning)>")
_SENTENCE_END = re.compile(r"[.!?\u3002\uff01\uff1f\u061f\u0964\n]+")
# code, a formula that is not a price, a LaTeX command, a tag
_INLINE_MARKUP = re.compile(
    r"`[^`\n]*+`"
    r"|\$(?=\S)[^$\n]*+(?<=\S)\$(?!\d)"
    r"|\\[a-zA-Z]++\*?"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
)
# Eight words in a row, or twenty characters, do not occur in code or formulas: without this rule a
# model could write its reasoning in any language inside of a code block.
_PROSE = re.compile(
    r"(?<![^\W\d_])[^\W\d_]++(?:[,;:'\u2019]?[ ]++[^\W\d_]++){7,}+"
    r"|[\u3040-\u30ff\u4e00-\u9fff\uff0c]{20,}+"
)
MIN_PROSE_CHARACTERS = 20  # no shorter text can match the pattern above
_DISPLAY_DELIMITERS = (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))


def _select_scope(text: str, scope: str) -> str:
    if scope == "all":
        return text
    closing = _REASONING_END.search(text)
    if scope == "reasoning":
        return text[: closing.start()] if closing else text
    return text[closing.end() :] if closing else ""


def _mask_markup(text: str) -> str:
    """Return the text with a space instead of tags, code and LaTeX."""
    for left, right in _DISPLAY_DELIMITERS:
        if left not in text:
            continue
        # by splitting: a lazy pattern up to a delimiter that is missing takes quadratic time
        before, *parts = text.split(left)
        kept = [before]
        for index, part in enumerate(parts):
            if left == right:
                # equal delimiters open and close in turn; one that is not closed masks to the end
                kept += [part] if index % 2 else _find_prose(part)
            else:
                inside, closed, after = part.partition(right)
                kept += [*_find_prose(inside), after] if closed else [part]
        text = " ".join(kept)
    return _INLINE_MARKUP.sub(lambda found: f" {' '.join(_find_prose(found[0]))} ", text)


def _find_prose(markup: str) -> list[str]:
    # between newlines, so that each run counts as a sentence of its own
    runs = _PROSE.findall(markup) if len(markup) >= MIN_PROSE_CHARACTERS else []
    return [f"\n{run}\n" for run in runs]


def _has_letters(text: str) -> bool:
    """Return whether there is a visible letter of any script."""
    return any(character.isalpha() and character not in INVISIBLE for character in text)
