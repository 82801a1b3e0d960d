"""The models of langid and py3langid, run on many texts at once with numpy.

langid is Lui and Baldwin, 2012, "langid.py: An Off-the-shelf Language Identification Tool";
py3langid is its successor with a model of its own. The labels are those that the packages give.
Parts of a text whose label is not clear are identified by frequent words and by other parts too.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice, pairwise
from typing import Any, ClassVar, Self

from rewardkit._optional import require
from rewardkit.rewards._frequent_words import FREQUENT_WORDS

MAX_BLOCK_BYTES = 1 << 13
"""Bytes of texts that are classified together; their weights take a few MB, which fits a cache."""
MAX_MARGIN = 12.0
"""A part whose first label has this much more than the second has that label in any text."""
SUPPORT_WEIGHT, MIN_SHARE = 3.0, 0.01
"""A label of nine tenths of a text's parts has 3 log(0.9 / 0.1), 6.6, more than one of a tenth. A
sentence of a few words has about 5 to 20 more for its own language than for the next."""
UNCLEAR_WEIGHT = 0.5
"""What a part counts in the shares of labels if its label depends on them, beside 1 for others."""
WORD_WEIGHT = 6.0
"""What a frequent word of a language adds to its sum, near the logarithm of how much more frequent
it is than in other languages."""
OTHER_SCRIPT_PENALTY = 50.0
"""What labels of other scripts lose on Latin letters, as their training texts had English too."""
HAN_ALONE_PENALTY = 15.0
"""What Japanese loses on Han characters without kana, which few Japanese sentences are."""
NOT_LATIN = (
    "am ar ary arz as ba be bg bn dz el fa gom grc gu hbo he hi hy ja ka kk km kn ko ky lo mk ml mn"
    " mr my ne or pa ps ru sa sdh si ta te tg th tt ug uk ur wuu yue zh"
)
"""The labels of languages in another script than the Latin one."""
_OTHER_LETTER = re.compile(r"[^\W\d_a-zA-Z\u00aa-\u024f\u1e00-\u1eff]")  # of no Latin script
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_HAN = re.compile(r"[\u3400-\u9fff]")
# the labels that a text does not have, and what they lose, by what `_find_script` returns
_EXCLUDED_LABELS = (
    ({*NOT_LATIN.split()}, OTHER_SCRIPT_PENALTY),  # Latin letters alone
    ({"zh", "yue", "wuu"}, OTHER_SCRIPT_PENALTY),  # kana
    ({"ja"}, HAN_ALONE_PENALTY),  # Han characters without kana
    (frozenset[str](), 0.0),
)
_SEPARATOR = b"\xff"  # a byte that UTF-8 never has, so that no feature crosses it
_find_words = re.compile(r"\n|[^\W\d_]++").findall
_load_lock = threading.Lock()  # two threads would each load a model of tens of megabytes


def _find_script(part: str) -> int:
    if part.isascii():
        return 0
    if _KANA.search(part):
        return 1
    if _HAN.search(part):
        return 2
    return 3 if _OTHER_LETTER.search(part) else 0


@dataclass(frozen=True, eq=False)
class Identifier:
    """A backend's model, for many texts at once, with the same results as the backend's own code.

    Both backends enter one state of an automaton for each byte, count the features that the states
    represent, and add up each label's weights of them. The automaton is an Aho-Corasick one (1975):
    a state depends on the last few bytes alone, as many as the longest feature has. So the states
    of all bytes are found together, in as many steps.
    """

    name: ClassVar[str]
    """The backend's name."""
    labels: list[str]
    prior: Any
    """Each label's initial sum."""
    weights: Any
    """One row per feature: what it adds to each label's sum."""
    features: Any
    """Each state's feature, or -1."""
    moves: Any
    """The next state for each byte, 256 per row; states may share a row."""
    next_rows: Any
    """The index in `moves` at which the row of each of these next states begins."""
    reach: int
    """How many bytes a state depends on."""

    def check(self, labels: Iterable[str]) -> None:
        """Raise ValueError for labels that the model does not have."""
        known = {*self.labels}
        unknown = sorted({*labels} - known)
        if unknown:
            message = f"{self.name} has no label {', '.join(unknown)}; it has {sorted(known)}"
            raise ValueError(message)

    def choose(self, labels: Collection[str]) -> Self:
        """Return an identifier restricted to some of the labels."""
        kept = [index for index, label in enumerate(self.labels) if label in labels]
        chosen = [self.labels[index] for index in kept]
        return replace(
            self,
            labels=chosen,
            prior=self.prior[kept],
            weights=self.weights[:, kept].copy(order="C"),
        )

    def classify(self, texts: list[str]) -> list[str]:
        """Return the label of each text."""
        return [self.labels[label] for label in self.add_weights(texts).argmax(axis=1)]

    def classify_parts(self, texts: list[list[str]]) -> list[list[str]]:
        """Return the label of each part of each text, by the part and by the text that it is in.

        "Pag\u00f3 2 \u20ac" alone may be of any language, and is Spanish in a text of Spanish
        sentences.
        """
        np = _import_numpy()
        # The models know words best as they are inside of a sentence: in small letters, between
        # spaces. The first word of a short sentence is a large part of it.
        parts = [f" {part.strip().lower()} " for part in chain.from_iterable(texts)]
        sums = self.add_weights(parts)
        self._compare_scripts(parts, sums)
        labels, margins = _find_best(sums)
        # most parts are clear by themselves, and the others cost more
        unclear = np.flatnonzero(margins < MAX_MARGIN)
        ends = np.cumsum([0, *map(len, texts)])
        owners = np.repeat(np.arange(len(texts)), np.diff(ends))
        if len(unclear):
            clear = margins >= MAX_MARGIN
            counts = np.bincount(
                owners[clear] * len(self.labels) + labels[clear],
                minlength=len(texts) * len(self.labels),
            ).reshape(len(texts), -1)
            found = sums[unclear] + self._weigh_frequent_words([parts[i] for i in unclear.tolist()])
            labels[unclear] = _label_within_texts(found, owners[unclear], counts)
        names = iter(map(self.labels.__getitem__, labels.tolist()))
        return [[*islice(names, len(text))] for text in texts]

    def _compare_scripts(self, parts: list[str], sums: Any) -> None:
        np = _import_numpy()
        scripts = np.fromiter(map(_find_script, parts), np.intp, len(parts))
        table = [
            [penalty * (label in excluded) for label in self.labels]
            for excluded, penalty in _EXCLUDED_LABELS
        ]
        sums -= np.array(table, sums.dtype).take(scripts, axis=0)

    def _weigh_frequent_words(self, parts: list[str]) -> Any:
        """Score the frequent words of each part, to be added to its sums."""
        np = _import_numpy()
        rows, has_word, is_listed = _index_frequent_words(tuple(self.labels))
        # all parts at once; no part has a newline, since sentences end there
        text = unicodedata.normalize("NFC", "\n".join(["", *parts]))
        found = np.array([row for row in map(rows.get, _find_words(text)) if row is not None])
        counts = np.add.reduceat(has_word[found], np.flatnonzero(found == rows["\n"]))
        # a language without a list may have any of these words
        return WORD_WEIGHT * np.where(is_listed, counts, counts.max(axis=1, keepdims=True))

    def add_weights(self, texts: list[str]) -> Any:
        """Return each text's sums, one row per text with one number per label."""
        np = _import_numpy()
        sums: list[Any] = [np.empty((0, len(self.labels)))]
        block: list[bytes] = []
        size = 0
        for text in map(self.encode, texts):
            if block and size + len(text) > MAX_BLOCK_BYTES:
                sums.append(self._add_block_weights(block))
                block, size = [], 0
            block.append(text)
            size += len(text) + 1
        if block:
            sums.append(self._add_block_weights(block))
        return np.concatenate(sums)

    def _add_block_weights(self, texts: list[bytes]) -> Any:
        np = _import_numpy()
        features = self.features.take(self.find_states(_SEPARATOR.join(texts)))
        # the text that each byte belongs to, a separator to the text before it
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), [len(t) + 1 for t in texts])
        known = features >= 0
        # a text and a feature as one integer, so that one sort counts all pairs
        pairs = owners[:-1][known] * np.int32(len(self.weights)) + features[known]
        pairs, counts = np.unique(pairs, return_counts=True)
        firsts = np.arange(len(texts) + 1, dtype=np.int32) * np.int32(len(self.weights))
        cuts = np.searchsorted(pairs, firsts)
        factors = self.weigh_counts(counts.astype(self.weights.dtype))
        weights = self.weights.take(pairs - firsts[:-1].repeat(np.diff(cuts)), axis=0)
        sums = np.empty((len(texts), len(self.labels)), self.weights.dtype)
        # the backends' own product: another order of the sum has other labels at ties
        for row, (start, end) in zip(sums, pairwise(cuts.tolist()), strict=True):
            np.dot(factors[start:end], weights[start:end], row)
        sums += self.prior
        sums[cuts[1:] == cuts[:-1]] = self.sums_without_features()
        return sums

    def find_states(self, data: bytes) -> Any:
        """Return the state after each byte."""
        np = _import_numpy()
        # separators before the text take the automaton to its first state
        padded = np.frombuffer(_SEPARATOR * self.reach + data, np.uint8)[1:].astype(np.int32)
        rows = np.zeros(len(data), np.int32)
        for step in range(self.reach - 1):
            rows = self.next_rows.take(rows + padded[step : step + len(data)])
        return self.moves.take(rows + padded[self.reach - 1 :])

    def encode(self, text: str) -> bytes:
        """Return the bytes that the backend reads."""
        return text.encode()

    def weigh_counts(self, counts: Any) -> Any:
        """Return the factors of the features' weights."""
        return counts

    def sums_without_features(self) -> Any:
        """Return each label's sum for a text without a feature."""
        return self.prior


class _Langid(Identifier):
    """The model of langid."""

    name = "langid"

    @classmethod
    def load(cls) -> Self:
        """Return the whole model, with the features of each state added up beforehand."""
        langid = require("langid.langid", install="rewardkit[language]")
        np = _import_numpy()
        model = langid.LanguageIdentifier.from_modelstring(langid.model)
        moves = np.array(model.tk_nextmove, np.int32)
        rows = np.arange(0, len(moves), 256, dtype=np.int32)
        # a state of langid has several features; as one, each byte adds one row of weights
        weights = np.zeros((len(rows), len(model.nb_classes)))
        features = np.full(len(rows), -1, np.int32)
        for state, found in model.tk_output.items():
            weights[state] = model.nb_ptc[list(found)].sum(axis=0)
            features[state] = state
        labels, reach = [*map(str, model.nb_classes)], _measure_reach(moves, rows)
        return cls(labels, model.nb_pc, weights, features, moves, rows[moves], reach)


class _Py3langid(Identifier):
    """The model of py3langid: trained on composed text, with the logarithms of the counts."""

    name = "py3langid"

    @classmethod
    def load(cls) -> Self:
        """Return the whole model. Raises ImportError for a release with another format."""
        py3langid = require("py3langid.langid", install="py3langid")
        np = _import_numpy()
        try:
            model = py3langid.LanguageIdentifier.from_model_file(py3langid.MODEL_FILE)
            moves = np.array(model.tk_nextmove, np.int32)
            rows = np.array(model.tk_row, np.int32) << 8
        except AttributeError as error:
            message = "this release of py3langid has another model; pip install 'py3langid==0.4.*'"
            raise ImportError(message) from error
        features, weights = np.array(model.tk_output, np.int32), model.nb_ptc.astype(np.float32)
        labels, reach = [*map(str, model.nb_classes)], _measure_reach(moves, rows)
        return cls(labels, model.nb_pc, weights, features, moves, rows[moves], reach)

    def encode(self, text: str) -> bytes:
        """Return the composed text's bytes, in lower case if all letters are capitals."""
        return unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode()

    def weigh_counts(self, counts: Any) -> Any:
        """Return log(1 + count) for each count."""
        return _import_numpy().log1p(counts)

    def sums_without_features(self) -> Any:
        """Return the same sum for each label, so that the first is chosen."""
        return _import_numpy().zeros_like(self.prior)


def _find_best(sums: Any) -> tuple[Any, Any]:
    """Return each row's largest column, and by how much it exceeds the second."""
    np = _import_numpy()
    rows, labels = np.arange(len(sums)), sums.argmax(axis=1)
    best = sums[rows, labels]
    sums[rows, labels] = -np.inf
    margins = best - sums.max(axis=1, initial=-np.inf)
    sums[rows, labels] = best
    return labels, margins


def _label_within_texts(sums: Any, owners: Any, counts: Any) -> Any:
    """Return the labels of parts from their sums, their texts, and the labels of other parts.

    The shares of the labels in each text are found by expectation-maximization. `counts` has how
    many other parts of each text have each label.
    """
    np = _import_numpy()
    supported = sums
    for _ in range(2):  # more rounds change next to nothing
        chances = np.exp(supported - supported.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        totals = counts.astype(float)
        np.add.at(totals, owners, UNCLEAR_WEIGHT * chances)
        shares = totals / np.maximum(totals.sum(axis=1, keepdims=True), 1)
        # what a label's share in the text adds, beside sums of logarithms of probabilities
        supported = sums + SUPPORT_WEIGHT * np.log(shares + MIN_SHARE)[owners]
    return supported.argmax(axis=1)


@lru_cache(maxsize=32)
def _index_frequent_words(labels: tuple[str, ...]) -> tuple[dict[str, int], Any, Any]:
    """Return each word's row, which labels each row's word is frequent in, which have words."""
    np = _import_numpy()
    rows = {"\n": 0}
    pairs = [
        (rows.setdefault(word, len(rows)), column)
        for column, label in enumerate(labels)
        for word in FREQUENT_WORDS.get(label, "").split()
    ]
    has_word = np.zeros((len(rows), len(labels)), np.int32)
    for row, column in pairs:
        has_word[row, column] = 1
    return rows, has_word, np.array([label in FREQUENT_WORDS for label in labels])


def _measure_reach(moves: Any, rows: Any) -> int:
    """Return the number of bytes to the state that is furthest from the first."""
    # the longest feature's length, which neither model file has: a search in breadth finds it
    np = _import_numpy()
    new = seen = np.arange(len(rows)) == 0
    steps = -1
    while new.any():
        reachable = np.zeros_like(seen)
        reachable[moves.reshape(-1, 256)[rows[new] >> 8]] = True
        seen, new, steps = seen | new, reachable & ~(seen | new), steps + 1
    return steps


def _import_numpy() -> Any:
    return require("numpy", install="rewardkit[language]")


@lru_cache(maxsize=32)
def load_identifier(backend: str, candidates: tuple[str, ...] | None) -> Identifier:
    """Return an identifier for the candidates. Raises ValueError for labels without a model."""
    with _load_lock:
        model = _load_model(backend)
    if candidates is None:
        return model
    model.check(candidates)
    return model.choose(candidates)


@lru_cache(maxsize=2)  # loading takes a second or two
def _load_model(backend: str) -> Identifier:
    return (_Py3langid if backend == "py3langid" else _Langid).load()
