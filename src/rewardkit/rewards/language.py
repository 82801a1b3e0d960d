"""Is it written in the right language? By langid (Lui and Baldwin, 2012, "langid.py").

Markup is no language: tags, code and LaTeX are masked before a text is looked at, but for prose in
them: eight words in a row, or twenty signs of Chinese or Japanese, are no code. Each sentence
counts as one, however long it is.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Collection, Mapping
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
        identifier = _identifier(self.backend, self.candidates)
        wanted = [self.target] if self.scores is None else self.scores
        unknown = sorted({str(label) for label in wanted} - set(identifier.labels))
        if unknown:
            message = f"{self.backend} knows no {', '.join(unknown)}; it knows {identifier.labels}"
            raise ValueError(message)
        rule = self._share if self.scores is None else self._label
        return [rule(identifier, _scoped(text, self.scope)) for text in batch.texts]

    def _label(self, identifier: _Langid | _Py3langid, text: str) -> Score:
        """Return the score of the whole text's label."""
        text = _masked(text) if self.mask else text
        if not (_has_letters(text) if self.mask else text.strip()):
            return Score(self.no_letters, "no letters")
        (label,) = identifier.classify([text])
        scores = self.scores if self.scores is not None else {}
        return Score(scores.get(label, self.other), label)

    def _share(self, identifier: _Langid | _Py3langid, text: str) -> Score:
        """Return the share of the sentences that are in the target language."""
        parts = _SENTENCE.split(_masked(text) if self.mask else text)
        parts = [part for part in parts if _has_letters(part)]
        if not parts:
            return Score(self.no_letters, "no letters")
        labels = identifier.classify(parts)
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
_PROSE = re.compile(
    r"(?<![^\W\d_])(?:[^\W\d_]++[,;:'\u2019]?[ ]++){7,}+[^\W\d_]++"
    r"|[\u3040-\u30ff\u4e00-\u9fff\uff0c]{20,}+"
)
_SHORTEST_PROSE = 20
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by their category, and blank
_DISPLAYS = (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))
_BLOCK = 1 << 14  # bytes whose weights are added up at once, which is a few MB of them
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


class _Langid:
    """langid's model, for many texts at once: the same walk over the bytes, the same sums.

    langid enters one state of an automaton for each byte, counts the features of every state and
    multiplies all 7,480 of them with each label's weights. The automaton looks for strings of up to
    four bytes (it is one of Aho and Corasick's, 1975), so a state follows from four bytes, and all
    of them are found in four steps; what a state adds to each label's sum is added up beforehand.
    """

    def __init__(self, labels: list[str], prior: Any, weights: Any, moves: Any) -> None:
        """Hold the labels, what each has to begin with and from each state, and the automaton."""
        self.labels = labels
        self._prior, self._weights, self._moves = prior, weights, moves
        self._np = require("numpy", install="rewardkit[language]")

    @classmethod
    def of(cls, model: Any) -> _Langid:
        """Return the same as a model of langid's."""
        np = require("numpy", install="rewardkit[language]")
        moves = np.array(model.tk_nextmove, dtype=np.int32) << 8
        weights = np.zeros((len(moves) >> 8, len(model.nb_classes)))
        for state, features in model.tk_output.items():
            weights[state] = model.nb_ptc[list(features)].sum(axis=0)
        return cls(
            [str(label) for label in model.nb_classes], model.nb_pc.astype(float), weights, moves
        )

    def choose(self, labels: Collection[str]) -> _Langid:
        """Return one that chooses among some of the labels."""
        kept = [place for place, label in enumerate(self.labels) if label in labels]
        chosen = [self.labels[place] for place in kept]
        return _Langid(chosen, self._prior[kept], self._weights[:, kept], self._moves)

    def classify(self, texts: list[str]) -> list[str]:
        """Return the label of each text; no text is empty."""
        np = self._np
        parts = [text.encode() for text in texts]
        starts = np.cumsum([0, *map(len, parts)])
        data = np.frombuffer(b"".join(parts), np.uint8)
        sums = np.tile(self._prior, (len(parts), 1))
        for place in range(0, len(data), _BLOCK):
            block = self._states(data, starts, place)
            first = np.searchsorted(starts, place, side="right") - 1
            last = np.searchsorted(starts, place + len(block))
            if last - first == 1:  # one text: each state's weights once, times its count
                counts = np.bincount(block)
                seen = counts.nonzero()[0]
                sums[first] += counts[seen] @ self._weights[seen]
            else:
                cuts = np.maximum(starts[first:last] - place, 0)
                sums[first:last] += np.add.reduceat(self._weights[block], cuts)
        return [self.labels[label] for label in sums.argmax(axis=1)]

    def _states(self, data: Any, starts: Any, place: int) -> Any:
        """Return the states after a block's bytes, where every text begins in the first state."""
        np = self._np
        left, right = max(place - 3, 0), min(place + _BLOCK, len(data))
        block = data[left:right]
        texts = slice(
            np.searchsorted(starts, left, side="right") - 1, np.searchsorted(starts, right)
        )
        lengths = np.diff(np.clip(starts[texts.start : texts.stop + 1], left, right))
        within = np.arange(left, right) - np.repeat(starts[texts], lengths)
        states = np.zeros(len(block), np.int32)
        for back in (3, 2, 1, 0):
            moved = self._moves[states[back:] + block[: len(block) - back]]
            states[back:] = np.where(within[back:] >= back, moved, 0)
        return states[place - left :] >> 8


class _Py3langid:
    """py3langid's identifier, text by text."""

    def __init__(self, model: Any) -> None:
        self.labels = [str(label) for label in model.nb_classes]
        self._model = model

    def choose(self, labels: Collection[str]) -> _Py3langid:
        """Return one that chooses among some of the labels."""
        model = copy.copy(self._model)
        model.set_languages(list(labels))
        return _Py3langid(model)

    def classify(self, texts: list[str]) -> list[str]:
        """Return the label of each text."""
        return [str(self._model.classify(text)[0]) for text in texts]


@lru_cache(maxsize=32)
def _identifier(backend: str, candidates: tuple[str, ...] | None) -> _Langid | _Py3langid:
    """Return an identifier that chooses among the candidates. Raises ValueError for others."""
    with _lock:
        identifier = _loaded(backend)
    if candidates is None:
        return identifier
    unknown = [label for label in candidates if label not in identifier.labels]
    if unknown:
        message = f"{backend} knows no {', '.join(unknown)}; it knows {identifier.labels}"
        raise ValueError(message)
    return identifier.choose(candidates)


@lru_cache(maxsize=2)
def _loaded(backend: str) -> _Langid | _Py3langid:
    """Load a backend's whole model, which takes a second or two."""
    if backend == "py3langid":
        module = require("py3langid.langid", install="py3langid")
        return _Py3langid(module.LanguageIdentifier.from_model_file(module.MODEL_FILE))
    module = require("langid.langid", install="rewardkit[language]")
    return _Langid.of(module.LanguageIdentifier.from_modelstring(module.model))
