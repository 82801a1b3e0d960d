"""The language of a completion, identified by langid (Lui and Baldwin, 2012, "langid.py").

Tags, code, LaTeX and equations have no language; the sentences around them have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text.tag_layout import Tag, TagPair, tag_marks
from rewardkit.batch import Batch
from rewardkit.component import Frozen
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward
from rewardkit.rewards._langid import NOT_LATIN, Identifier, load_identifier
from rewardkit.rewards._sentences import has_word, mask_markup, split_parts, split_sentences


@final
@register("language")
class Language(Reward):
    r"""The share of a completion's sentences or words in the target language, or a label's score.

    Sentences without a word do not count: equations, numbers, code, LaTeX. The share of words is
    the language consistency reward of DeepSeek-R1 (DeepSeek-AI, 2025, section 2.3.2).

    >>> Language(target="id", candidates=("en", "id"))(
    ...     completions=["Saya menghitung jumlah apel.\n3 + 4 = 7\nI count all of the apples."]
    ... )
    [0.5]
    >>> Language(target="zh", by="words")(completions=["我们 add 两个 numbers"])
    [0.666...]
    >>> Language(scores={"id": 5.0, "en": -3.0}, other=-5.0)(completions=["Das ist ein Apfel."])
    [-5.0]
    """

    target: Annotated[str, Field(pattern="^[a-z]{2,3}$")] | None = None
    """The language whose share is the score, 0 to 1: an ISO 639-1 code."""
    scores: Annotated[Mapping[str, float], Frozen] | None = None
    """A score for each label of the whole text, instead of a target."""
    other: float = 0.0
    """The score of a label that is not in `scores`."""
    no_letters: float | None = None
    """The score of text without a word; None skips the row."""
    candidates: tuple[str, ...] | Literal["all"] | None = None
    """The labels to choose from; None for 31 common languages and those of the reward, without
    rare ones that short sentences are mistaken for; "all" for all labels of the backend."""
    scope: Literal["all", "reasoning", "answer"] | Tag = "all"
    """The whole text; the reasoning, up to a closing `</think>`, `</thinking>`, `[/THINK]` or the
    like, or that of a block at the start; the answer after that; or what is inside of a tag."""
    by: Literal["sentences", "words"] = "sentences"
    """Whether the target's share is one of sentences, whatever their length, or of words, which
    sees single foreign words. In scripts without spaces each character is a word."""
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
        if self.target is None and self.by == "words":
            message = "by='words' is a share, which needs target='id' in place of scores"
            raise ValueError(message)
        if isinstance(self.candidates, tuple):
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
        wanted = [str(self.target)] if self.scores is None else [*map(str, self.scores)]
        model = load_identifier(self.backend, self._list_candidates(wanted))
        model.check(wanted)
        texts = [select_scope(text, self.scope) for text in batch.texts]
        texts = [*map(mask_markup, texts)] if self.mask else texts
        if self.scores is not None:
            return self._score_labels(model, texts)
        return (self._score_words if self.by == "words" else self._score_sentences)(model, texts)

    def _list_candidates(self, wanted: list[str]) -> tuple[str, ...] | None:
        if self.candidates == "all":
            return None
        if self.candidates is not None:
            return self.candidates
        left_out = {label for name in wanted for label in _SIMILAR.get(name, "").split()}
        return tuple(dict.fromkeys([*wanted, *(c for c in _COMMON.split() if c not in left_out)]))

    def _score_labels(self, model: Identifier, texts: list[str]) -> list[Score]:
        # an identifier has a label for any text, so that one without a word must not reach it
        readable = [has_word(text) if self.mask else bool(text.strip()) for text in texts]
        labels = iter(model.classify([*compress(texts, readable)]))
        scores = self.scores if self.scores is not None else {}
        no_words = Score(self.no_letters, "no words")

        def score_label(label: str) -> Score:
            return Score(scores.get(label, self.other), label)

        return [score_label(next(labels)) if has_label else no_words for has_label in readable]

    def _score_sentences(self, model: Identifier, texts: list[str]) -> list[Score]:
        # all sentences of the batch at once: numpy's cost per call is larger than a sentence's
        labels = model.classify_parts([*map(split_sentences, texts)])
        return [
            self._score_share(found.count(str(self.target)), len(found), "sentences")
            for found in labels
        ]

    def _score_words(self, model: Identifier, texts: list[str]) -> list[Score]:
        """Score the share of words: each belongs to a part of a sentence, which has a label."""
        parts = [split_parts(text, latin=self.target not in NOT_LATIN.split()) for text in texts]
        labels = model.classify_parts([found.parts for found in parts])

        def score_words(labels: Sequence[str], counts: Sequence[int], total: int) -> Score:
            hits = compress(counts, (label == self.target for label in labels))
            return self._score_share(sum(hits), total, "words")

        return [
            score_words(of_text, found.counts, found.words)
            for of_text, found in zip(labels, parts, strict=True)
        ]

    def _score_share(self, hits: int, count: int, what: str) -> Score:
        if not count:
            return Score(self.no_letters, "no words")
        return Score(hits / count, f"{hits} of {count} {what} in {self.target}")


# The most written languages, and Swahili, which is the nearest to none of them and would count as
# Indonesian. Not those that langid finds in short sentences of these: Persian and Urdu in Arabic,
# Malay and Javanese in Indonesian, Galician in Spanish, Bulgarian in Russian, Latin in any.
_COMMON = (
    "ar bn cs da de el en es fi fr he hi hu id it ja ko nl pl pt ro ru sv sw ta te th tr uk vi zh"
)
_SIMILAR = {"ms": "id", "jv": "id", "fa": "ar", "nb": "da", "no": "da", "nn": "da", "gl": "pt"}
"""For a wanted label, the common ones that would be found in its place."""
# where a thought ends whose opening mark may be in the prompt
_REASONING_END = re.compile(
    r"</(?:think|thinking|thought|thoughts|reasoning|reason|seed:think|思考|思维|推理)>"
    r"|\[/THINK\]|<end_working_out>|\u25c1/think\u25b7|<\|end_of_thought\|>"
    r"|<\|channel\|>final<\|message\|>"
)
# a block at the start of a text, of any name but an answer's
_FIRST_BLOCK = re.compile(r"\s*+<(?!(?:answer|solution|final|output|result)\b)([^<>/\s]{1,40})>")


def select_scope(text: str, scope: str | TagPair) -> str:
    """Return the part of a text: "all", "reasoning", "answer", or what is inside of a tag.

    >>> select_scope("<思考>二</思考>Two", "reasoning"), select_scope("[A]2[/A]3", ("[A]", "[/A]"))
    ('<思考>二', '2')
    """
    if scope == "all":
        return text
    if scope not in ("reasoning", "answer"):
        opening, closing = tag_marks(scope)
        before, opened, rest = text.partition(opening)
        # the prompt may end in the opening mark, and a cut-off text may lack the closing one
        inside, closed, _ = (rest if opened else before).partition(closing)
        return inside if opened or closed else ""
    first, end = _FIRST_BLOCK.match(text), _REASONING_END.search(text)
    start, stop = end.span() if end else (len(text), len(text))
    if first:
        position = text.find(f"</{first[1]}>", first.end())
        if 0 <= position < start:
            start, stop = position, position + len(first[1]) + 3
    return text[:start] if scope == "reasoning" else text[stop:]
