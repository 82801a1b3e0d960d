"""The models of langid and py3langid, on many texts at once.

langid is Lui and Baldwin, 2012, "langid.py: An Off-the-shelf Language Identification Tool";
py3langid goes on from it with a model of its own. The labels are those that the packages give.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, Self

from rewardkit._optional import require

BLOCK = 1 << 13
"""Bytes of texts that are looked at together, whose weights are a few MB."""
_NO_BYTE = b"\xff"  # which stands in no UTF-8, so that no feature goes across it
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Identifier:
    """A backend's model, for many texts at once: the same walk over the bytes, the same sums.

    Both backends enter one state of an automaton for each byte, count the features that the states
    stand for, and add up each label's weights of them. The automaton is one of Aho and Corasick's
    (1975): a state follows from the last few bytes, as many as the longest feature has. So all
    states are found together, in as many steps.
    """

    name: ClassVar[str]
    """The backend's name."""
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

    def check(self, labels: Iterable[str]) -> None:
        """Raise ValueError for labels that it does not choose among."""
        known = {*self.labels}
        unknown = sorted({*labels} - known)
        if unknown:
            message = f"{self.name} knows no {', '.join(unknown)}; it knows {sorted(known)}"
            raise ValueError(message)

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
            if group and size + len(text) > BLOCK:
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


class _Langid(Identifier):
    """langid's."""

    name = "langid"

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


class _Py3langid(Identifier):
    """py3langid's, which was trained anew: on composed text, with a feature's count damped."""

    name = "py3langid"

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
def identifier(backend: str, candidates: tuple[str, ...] | None) -> Identifier:
    """Return an identifier that chooses among the candidates. Raises ValueError for others."""
    with _lock:
        model = _loaded(backend)
    if candidates is None:
        return model
    model.check(candidates)
    return model.choose(candidates)


@lru_cache(maxsize=2)
def _loaded(backend: str) -> Identifier:
    """Load a backend's whole model, which takes a second or two."""
    return (_Py3langid if backend == "py3langid" else _Langid).load()
