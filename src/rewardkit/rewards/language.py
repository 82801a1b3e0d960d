"""Is it written in the right language? By langid (Lui and Baldwin, 2012, "langid.py").

Markup is no language: tags, code and LaTeX are masked before a text is looked at.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, final

from pydantic import model_validator

from rewardkit._optional import require
from rewardkit.batch import Batch
from rewardkit.component import Frozen, register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


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

    target: str | None = None
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
    """Whether tags, code and LaTeX are left out. False takes any text but a blank one as it is."""
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
        identifier = _identifier(self.backend, self.candidates)
        wanted = [self.target] if self.scores is None else self.scores
        unknown = sorted({str(label) for label in wanted} - set(identifier.nb_classes))
        if unknown:
            message = (
                f"{self.backend} knows no {', '.join(unknown)}; it knows {identifier.nb_classes}"
            )
            raise ValueError(message)
        rule = self._share if self.scores is None else self._label
        return [rule(identifier, _scoped(text, self.scope)) for text in batch.texts]

    def _label(self, identifier: Any, text: str) -> Score:
        """Return the score of the whole text's label."""
        text = _masked(text) if self.mask else text
        if not (_has_letters(text) if self.mask else text.strip()):
            return Score(self.no_letters, "no letters")
        label = _classified(identifier, text)
        scores = self.scores if self.scores is not None else {}
        return Score(scores.get(label, self.other), label)

    def _share(self, identifier: Any, text: str) -> Score:
        """Return the share of the sentences that are in the target language."""
        parts = _SENTENCE.split(_masked(text) if self.mask else text)
        labels = [_classified(identifier, part) for part in parts if _has_letters(part)]
        if not labels:
            return Score(self.no_letters, "no letters")
        hits = labels.count(str(self.target))
        return Score(hits / len(labels), f"{hits} of {len(labels)} sentences in {self.target}")


_CLOSING = re.compile(r"</(?:think|reasoning)>")
_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f\u061f\u0964\n]+")
_INLINE = re.compile(
    r"`[^`\n]*+`"
    r"|\$(?=\S)[^$\n]*+(?<=\S)\$(?!\d)"
    r"|\\[a-zA-Z]++\*?"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
)
_DISPLAYS = (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))
_lock = threading.Lock()


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
        if left == right:
            kept += rest[1::2]
        else:
            kept += [part.partition(right)[2] if right in part else part for part in rest]
        text = " ".join(kept)
    return _INLINE.sub(" ", text)


def _has_letters(text: str) -> bool:
    """Return whether there is a letter of any script."""
    return any(map(str.isalpha, text))


def _classified(identifier: Any, text: str) -> str:
    """Return the label that the identifier finds.

    langid's own `classify` multiplies all of its 7,480 features with every label's weights; the few
    that occur in the text give the same sum, in a fraction of the time.
    """
    if not hasattr(identifier, "instance2fv"):
        return str(identifier.classify(text)[0])
    counts = identifier.instance2fv(text)
    seen = counts.nonzero()[0]
    sums = counts[seen].astype(float) @ identifier.nb_ptc[seen] + identifier.nb_pc
    return str(identifier.nb_classes[sums.argmax()])


@lru_cache(maxsize=32)
def _identifier(backend: str, candidates: tuple[str, ...] | None) -> Any:
    """Return an identifier that chooses among the candidates: a copy of the one that is loaded."""
    if candidates is None:
        with _lock:
            return _loaded(backend)
    identifier = copy.copy(_identifier(backend, None))
    unknown = [label for label in candidates if label not in identifier.nb_classes]
    if unknown:
        message = f"{backend} knows no {', '.join(unknown)}; it knows {identifier.nb_classes}"
        raise ValueError(message)
    identifier.set_languages(list(candidates))
    return identifier


@lru_cache(maxsize=2)
def _loaded(backend: str) -> Any:
    """Load a backend's whole model, which takes a second or two."""
    if backend == "py3langid":
        module = require("py3langid.langid", install="py3langid")
        return module.LanguageIdentifier.from_model_file(module.MODEL_FILE)
    module = require("langid.langid", install="rewardkit[language]")
    return module.LanguageIdentifier.from_modelstring(module.model)
