"""Is it written in the right language? By langid (Lui and Baldwin, 2012, "langid.py").

Markup is no language: tags, code and LaTeX are masked before a text is looked at, but for prose in
them: eight words in a row, or twenty signs of Chinese or Japanese, are no code. Each sentence
counts as one, however long it is.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, compress, islice, pairwise
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
        _check_known(self.backend, identifier, map(str, wanted))
        texts = [_scoped(text, self.scope) for text in batch.texts]
        texts = [*map(_masked, texts)] if self.mask else texts
        return (self._shares if self.scores is None else self._labelled)(identifier, texts)

    def _labelled(self, identifier: _Identifier, texts: list[str]) -> list[Score]:
        """Return the score of each whole text's label."""
        says = [_has_letters(text) if self.mask else bool(text.strip()) for text in texts]
        labels = iter(identifier.classify([*compress(texts, says)]))
        worth = self.scores if self.scores is not None else {}
        silent = Score(self.no_letters, "no letters")
        return [
            Score(worth.get(label := next(labels), self.other), label) if one else silent
            for one in says
        ]

    def _shares(self, identifier: _Identifier, texts: list[str]) -> list[Score]:
        """Return the share of each text's sentences that are in the target language."""
        parts = [[*filter(_has_letters, _SENTENCE.split(text))] for text in texts]
        labels = iter(identifier.classify([*chain.from_iterable(parts)]))

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
    r"(?<![^\W\d_])(?:[^\W\d_]++[,;:'\u2019]?[ ]++){7,}+[^\W\d_]++"
    r"|[\u3040-\u30ff\u4e00-\u9fff\uff0c]{20,}+"
)
_SHORTEST_PROSE = 20
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by their category, and blank
_DISPLAYS = (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))
_BLOCK = 1 << 13  # bytes of texts that are looked at together, whose weights are a few MB
_NO_BYTE = b"\xff"  # which stands in no UTF-8, so that no feature goes across it
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


@dataclass(frozen=True, eq=False)
class _Identifier:
    """A backend's model, for many texts at once: the same walk over the bytes, the same sums.

    Both backends enter one state of an automaton for each byte, count the features that the states
    stand for, and add up each label's weights of them. The automaton is one of Aho and Corasick's
    (1975): a state follows from the last few bytes, as many as the longest feature has. So all
    states are found together, in as many steps.
    """

    labels: list[str]
    prior: Any
    """Each label's sum to begin with."""
    weights: Any
    """A row for each feature, of what it adds to each label's sum."""
    features: Any
    """Each state's feature, or -1."""
    moves: Any
    """The states after each byte, 256 in a row."""
    rows: Any
    """Where in the moves each state's row begins; states may share one."""
    reach: int
    """How many bytes a state follows from."""

    def choose(self, labels: Collection[str]) -> Self:
        """Return one that chooses among some of the labels."""
        kept = [place for place, label in enumerate(self.labels) if label in labels]
        chosen = [self.labels[place] for place in kept]
        return replace(self, labels=chosen, prior=self.prior[kept], weights=self.weights[:, kept])

    def classify(self, texts: list[str]) -> list[str]:
        """Return the label of each text."""
        labels: list[str] = []
        group: list[bytes] = []
        size = 0
        for text in map(self.encoded, texts):
            if group and size + len(text) > _BLOCK:
                labels += self._classify(group)
                group, size = [], 0
            group.append(text)
            size += len(text) + 1
        return labels + (self._classify(group) if group else [])

    def _classify(self, texts: list[bytes]) -> list[str]:
        """Return the label of each text of a block."""
        np = _numpy()
        features = self.features[self.states(_NO_BYTE.join(texts))]
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), [len(t) + 1 for t in texts])
        known = features >= 0
        pairs = owners[:-1][known] * np.int32(len(self.weights)) + features[known]
        pairs, counts = np.unique(pairs, return_counts=True)
        owners, features = np.divmod(pairs, np.int32(len(self.weights)))
        counts, weights = self.damped(counts.astype(self.weights.dtype)), self.weights[features]
        cuts = np.searchsorted(owners, np.arange(len(texts) + 1))
        sums = np.empty((len(texts), len(self.labels)), self.weights.dtype)
        for row, (start, end) in zip(sums, pairwise(cuts.tolist()), strict=True):
            np.dot(counts[start:end], weights[start:end], row)
        sums += self.prior
        sums[cuts[1:] == cuts[:-1]] = self.silent()
        return [self.labels[label] for label in sums.argmax(axis=1)]

    def states(self, data: bytes) -> Any:
        """Return the state after each byte."""
        np = _numpy()
        signs = np.frombuffer(_NO_BYTE * self.reach + data, np.uint8)[1:].astype(np.int32)
        states = np.zeros(len(data), np.int32)
        for step in range(self.reach):
            states = self.moves[self.rows[states] + signs[step : step + len(data)]]
        return states

    def encoded(self, text: str) -> bytes:
        """Return the bytes that the backend looks at."""
        return text.encode()

    def damped(self, counts: Any) -> Any:
        """Return what the counts of the features weigh."""
        return counts

    def silent(self) -> Any:
        """Return each label's sum for a text without a feature."""
        return self.prior


class _Langid(_Identifier):
    """langid's."""

    @classmethod
    def load(cls) -> Self:
        """Return the whole model, with the features of a state added up beforehand."""
        langid = require("langid.langid", install="rewardkit[language]")
        np = _numpy()
        model = langid.LanguageIdentifier.from_modelstring(langid.model)
        moves = np.array(model.tk_nextmove, np.int32)
        rows = np.arange(0, len(moves), 256, dtype=np.int32)
        weights = np.zeros((len(rows), len(model.nb_classes)))
        features = np.full(len(rows), -1, np.int32)
        for state, found in model.tk_output.items():
            weights[state] = model.nb_ptc[list(found)].sum(axis=0)
            features[state] = state
        labels, reach = [*map(str, model.nb_classes)], _reach(moves, rows)
        return cls(labels, model.nb_pc, weights, features, moves, rows, reach)


class _Py3langid(_Identifier):
    """py3langid's, which was trained anew: on composed text, with a feature's count damped."""

    @classmethod
    def load(cls) -> Self:
        """Return the whole model. Raises ImportError for a release that has another."""
        py3langid = require("py3langid.langid", install="py3langid")
        np = _numpy()
        try:
            model = py3langid.LanguageIdentifier.from_model_file(py3langid.MODEL_FILE)
            moves = np.array(model.tk_nextmove, np.int32)
            rows = np.array(model.tk_row, np.int32) << 8
        except AttributeError as error:
            message = "this release of py3langid has another model; pip install 'py3langid==0.4.*'"
            raise ImportError(message) from error
        features, weights = np.array(model.tk_output, np.int32), model.nb_ptc.astype(np.float32)
        labels, reach = [*map(str, model.nb_classes)], _reach(moves, rows)
        return cls(labels, model.nb_pc, weights, features, moves, rows, reach)

    def encoded(self, text: str) -> bytes:
        """Return the composed text's bytes, in small letters where all are capitals."""
        return unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode()

    def damped(self, counts: Any) -> Any:
        """Return the logarithms of 1 and the counts."""
        return _numpy().log1p(counts)

    def silent(self) -> Any:
        """Return the same sum for each label, so that the first is chosen."""
        return _numpy().zeros_like(self.prior)


def _reach(moves: Any, rows: Any) -> int:
    """Return how many bytes lead to the state that is furthest from the first."""
    np = _numpy()
    new = seen = np.arange(len(rows)) == 0
    steps = -1
    while new.any():
        near = np.zeros_like(seen)
        near[moves.reshape(-1, 256)[rows[new] >> 8]] = True
        seen, new, steps = seen | new, near & ~(seen | new), steps + 1
    return steps


def _numpy() -> Any:
    return require("numpy", install="rewardkit[language]")


@lru_cache(maxsize=32)
def _identifier(backend: str, candidates: tuple[str, ...] | None) -> _Identifier:
    """Return an identifier that chooses among the candidates. Raises ValueError for others."""
    with _lock:
        identifier = _loaded(backend)
    if candidates is None:
        return identifier
    _check_known(backend, identifier, candidates)
    return identifier.choose(candidates)


def _check_known(backend: str, identifier: _Identifier, labels: Iterable[str]) -> None:
    """Raise ValueError for labels that the identifier does not choose among."""
    known = {*identifier.labels}
    unknown = sorted({*labels} - known)
    if unknown:
        message = f"{backend} knows no {', '.join(unknown)}; it knows {sorted(known)}"
        raise ValueError(message)


@lru_cache(maxsize=2)
def _loaded(backend: str) -> _Identifier:
    """Load a backend's whole model, which takes a second or two."""
    return (_Py3langid if backend == "py3langid" else _Langid).load()
