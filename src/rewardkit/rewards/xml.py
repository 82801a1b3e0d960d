"""XML-style tags around reasoning and answer: two rewards for the layout, two that count tags.

The rules are those of the GSM8K recipe that most GRPO notebooks share (Will Brown, "GRPO demo",
2025): `strict`, `soft` and `xmlcount`. By default their bugs are fixed: reasoning may have several
lines and the last newline may be missing; each tag must occur once, in order, around content.
`as_published=True` gives the published numbers, including the bugs. A block's tags are those of its
name, or a pair of any marks: `tags=[["<SOLUTION>", "</SOLUTION>"]]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, final

from pydantic import Field

from rewardkit._text.tag_defects import After, find_defect
from rewardkit._text.tag_layout import (
    Tags,
    compile_layout,
    find_marks,
    find_tags,
    is_blank,
    list_tags,
    prepare_texts,
    tag_marks,
)
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("xml_strict")
class XmlStrict(Reward):
    r"""The blocks and nothing else, each tag on a line of its own.

    >>> one = "<reasoning>\n2 + 2\n= 4\n</reasoning>\n<answer>\n4\n</answer>"
    >>> XmlStrict()(completions=[one, one + " So 4."])
    [0.5, 0.0]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks, in order: names, or pairs (opening, closing) of any marks."""
    value: float = 0.5
    """The value of the layout."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    lenient: bool = False
    """Whether near-tags count as the tags: `<Answer>`, `</ answer>`, `<answer type="int">`."""
    empty_think: bool = True
    """Whether an empty think block may come first if the tags are others than `think`, as chat
    templates write it for models that do not think."""
    as_published: bool = False
    """Whether to use the published rule: one line per block, and a newline at the end."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        tags = list_tags(self.tags)
        find_end = compile_layout(self.tags, "strict", empty_think=self.empty_think)
        hit, miss = Score(self.value, "every tag on its line"), Score(0.0, "not the strict layout")

        def explain(text: str) -> Score:
            defect = find_defect(
                text, self.tags, "strict", empty_think=self.empty_think, after="nothing"
            )
            return Score(0.0, defect or "a block of several lines, or no newline at the end")

        # The strict layout has a newline after the opening tag; a prompt that opened the block has
        # already written it.
        texts = _read_texts(self, batch, line="\n")
        if self.as_published:
            fits = [_is_strict_as_published(text, tags) for text in texts]
        else:
            ends = zip(texts, map(find_end, texts), strict=True)
            fits = [end >= 0 and not text[end:].strip() for text, end in ends]
        return _score_layout(texts, fits, hit, explain if batch.explain else miss)


@final
@register("xml_soft")
class XmlSoft(Reward):
    r"""The blocks in order from the start, on any lines; text may follow them.

    >>> one = "<reasoning>2 + 2\n= 4</reasoning> <answer>4</answer> I hope this helps."
    >>> XmlSoft()(completions=[one, one + "<answer>5</answer>"])
    [0.5, 0.0]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks, in order: names, or pairs (opening, closing) of any marks."""
    value: float = 0.5
    """The value of the layout."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    lenient: bool = False
    """Whether near-tags count as the tags: `<Answer>`, `</ answer>`, `<answer type="int">`."""
    empty_think: bool = True
    """Whether an empty think block may come first if the tags are others than `think`, as chat
    templates write it for models that do not think."""
    as_published: bool = False
    """Whether to use the published rule: each block on one line, and any text may follow."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        tags = list_tags(self.tags)
        find_end = compile_layout(self.tags, "soft", empty_think=self.empty_think)
        hit, miss = Score(self.value, "the blocks in order"), Score(0.0, "not the soft layout")

        def explain(text: str) -> Score:
            defect = find_defect(text, self.tags, "soft", empty_think=self.empty_think)
            return Score(0.0, defect or "a block of several lines, or text before the first")

        texts = _read_texts(self, batch)
        if self.as_published:
            fits = [_is_soft_as_published(text, tags) for text in texts]
        else:
            fits = [end >= 0 for end in map(find_end, texts)]
        return _score_layout(texts, fits, hit, explain if batch.explain else miss)


@final
@register("xml_count")
class XmlCount(Reward):
    """A value for each tag in the right order, minus a penalty for text after the last block.

    >>> XmlCount()(completions=["<reasoning>2</reasoning><answer>4", "<answer>4</answer> Hm"])
    [0.374, 0.248]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks, in order: names, or pairs (opening, closing) of any marks."""
    value: Annotated[float, Field(ge=0)] = 0.125
    """The value of each opening and each closing tag."""
    tail_penalty: Annotated[float, Field(ge=0)] = 0.001
    """The cost of each character after the last block, without white space at the ends; at most
    what the tags earned. If the block is not closed, all its text counts, unless it is the only
    one: that is a thought that was cut off."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    lenient: bool = False
    """Whether near-tags count as the tags: `<Answer>`, `</ answer>`, `<answer type="int">`."""
    as_published: bool = False
    """Whether to use the published rule: newlines around the tags, and no limit to the cost."""

    @property
    def bounds(self) -> Bounds:
        """From 0 (or without a limit, by the published rule) to `value` for each tag."""
        return -math.inf if self.as_published else 0.0, 2 * len(self.tags) * self.value

    def score(self, batch: Batch) -> list[Score]:
        """Return the tags' value minus the tail's cost for each completion."""
        tags = list_tags(self.tags)
        find_end = compile_layout(self.tags)

        @cache  # most completions have all tags and no tail
        def make_score(counted: int, tail: int) -> Score:
            # without the limit, a long correct answer would cost more than one without any tag
            value = max(counted * self.value - tail * self.tail_penalty, 0.0)
            return Score(value, f"{counted} of {len(tags)} tags, {tail} characters after them")

        def score_faulty(text: str) -> Score:
            found_at = find_marks(text, tags)
            counted = len(tags) - find_tags(text, tags, found_at).count(-1)
            return make_score(counted, len(_text_after_block(text, tags, found_at).strip()))

        texts = _read_texts(self, batch)
        if self.as_published:
            scores = [*map(self._score_as_published, texts)]
        else:
            # only a completion with a fault is searched for each tag
            ends = zip(texts, map(find_end, texts), strict=True)
            scores = [
                make_score(len(tags), len(text[end:].strip())) if end >= 0 else score_faulty(text)
                for text, end in ends
            ]
        if not batch.explain:
            return scores
        full = len(tags) * self.value
        return [
            score if score.value == full else self._explain(text, score)
            for text, score in zip(texts, scores, strict=True)
        ]

    def _explain(self, text: str, score: Score) -> Score:
        defect = find_defect(text, self.tags, after="nothing")
        return Score(score.value, f"{score.why}: {defect}" if defect else score.why)

    def _score_as_published(self, text: str) -> Score:
        # The notebook's arithmetic, bugs included: a newline is part of most tags, and the tail is
        # counted twice, once with and once without the newline after the last tag.
        total = 0.0
        for number, tag in enumerate(self.tags):
            last = number == len(self.tags) - 1
            opening, closing = (f"\n{mark}" for mark in tag_marks(tag))
            opening = f"{opening}\n" if number else f"{opening[1:]}\n"
            if text.count(opening) == 1:
                total += self.value
                if last:
                    total -= len(text.split(f"{closing}\n").pop()) * self.tail_penalty
            if text.count(closing if last else f"{closing}\n") == 1:
                total += self.value
                if last:
                    total -= (len(text.split(closing).pop()) - 1) * self.tail_penalty
        return Score(total, "scored by the published rule")


@final
@register("tag_count")
class TagCount(Reward):
    """A value for each tag that occurs exactly once and in order, another for each other tag.

    >>> TagCount(tags=("think",))(completions=["<think>2 + 2</think>4", "</think>4"])
    [1.0, -0.5]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks, in order: names, or pairs (opening, closing) of any marks."""
    once: float = 0.5
    """The value of each tag that occurs once, in order, around content."""
    otherwise: float = -1.0
    """The value of each other tag."""
    answer_after: bool = False
    """Whether an answer must follow the last block for its closing tag to count."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    lenient: bool = False
    """Whether near-tags count as the tags: `<Answer>`, `</ answer>`, `<answer type="int">`."""
    as_published: bool = False
    """Whether to use the published rule: a tag counts wherever it occurs, if it occurs once."""

    @property
    def bounds(self) -> Bounds:
        """All tags at the lower value, and all at the higher."""
        ends = [2 * len(self.tags) * value for value in (self.once, self.otherwise)]
        return min(ends), max(ends)

    def score(self, batch: Batch) -> list[Score]:
        """Return the tags' value for each completion."""
        tags = list_tags(self.tags)
        find_end = compile_layout(self.tags, answer_after=self.answer_after)
        total = len(tags)
        # there are so few different counts that each has its Score beforehand
        score_of_count = [
            Score(count * self.once + (total - count) * self.otherwise, f"{count} of {total} tags")
            for count in range(total + 1)
        ]

        after: After = "answer" if self.answer_after else "anything"

        def count_faulty(text: str) -> int:
            positions = find_tags(text, tags)
            last = positions[-1]
            if self.answer_after and last >= 0 and is_blank(text[last + len(tags[-1]) :]):
                positions[-1] = -1
            return total - positions.count(-1)

        def explain(text: str, score: Score) -> Score:
            if score is score_of_count[total]:
                return score
            defect = find_defect(text, self.tags, after=after)
            return Score(score.value, f"{score.why}: {defect}" if defect else score.why)

        texts = _read_texts(self, batch)
        if self.as_published:
            found_once = [[text.count(tag) == 1 for text in texts] for tag in tags]
            counts = [*map(sum, zip(*found_once, strict=True))]
        else:
            # only a completion with a fault is searched for each tag
            counts = [total if find_end(text) >= 0 else count_faulty(text) for text in texts]
        scores = [score_of_count[count] for count in counts]
        return [*map(explain, texts, scores)] if batch.explain else scores


def _read_texts(
    reward: XmlStrict | XmlSoft | XmlCount | TagCount, batch: Batch, line: str = ""
) -> list[str]:
    return prepare_texts(
        batch.texts_for(reward.tags),
        reward.tags,
        opened_in_prompt=reward.opened_in_prompt,
        lenient=reward.lenient,
        line=line,
    )


def _score_layout(
    texts: list[str], fits: list[bool], hit: Score, miss: Score | Callable[[str], Score]
) -> list[Score]:
    """Return `hit` for each text that fits, else `miss`, or what it returns for the text."""
    if isinstance(miss, Score):
        return [hit if is_hit else miss for is_hit in fits]
    return [hit if is_hit else miss(text) for text, is_hit in zip(texts, fits, strict=True)]


def _is_strict_as_published(text: str, tags: list[str]) -> bool:
    # The notebook's pattern without DOTALL, by lines: an opening tag, one line, a closing tag for
    # each block, and "$" before or after the last newline. A block has two of the tags.
    size = 3 * len(tags) // 2
    lines = text.split("\n", size + 1)
    tag_lines = [line for index, line in enumerate(lines[:size]) if index % 3 != 1]
    return tag_lines == tags and lines[size:] in ([""], ["", ""])


def _is_soft_as_published(text: str, tags: list[str]) -> bool:
    # The notebook's pattern. Backtracking over every closing tag is quadratic; this keeps all
    # possible ends in a list.
    starts = [0] if text.startswith(tags[0]) else []
    for opening, closing in zip(tags[::2], tags[1::2], strict=True):
        starts = _find_block_ends(text, starts, opening, closing)
    return bool(starts)


def _text_after_block(text: str, tags: list[str], found_at: list[list[int]]) -> str:
    """Return the text after the last block's first closing tag, or else its first opening tag."""
    *_, openings, closings, _ = found_at
    # the first one, so that a second block does not hide the text between the two
    if closings:
        return text[closings[0] + len(tags[-1]) :]
    # of a single block, the text is a thought that was cut off, and not what follows an answer
    is_single = len(tags) == 2  # noqa: PLR2004 - a pair of tags
    return text[openings[0] + len(tags[-2]) :] if openings and not is_single else ""


def _find_block_ends(text: str, starts: list[int], opening: str, closing: str) -> list[int]:
    """Return every position where a one-line block can end.

    The block begins at one of `starts`, after optional white space.
    """
    ends: list[int] = []
    stop = -1
    for start in starts:
        opening_at = start + len(_SPACE.match(text, start)[0])  # type: ignore[index]  # it always matches
        # every end on this line is known already, which keeps the time linear
        if opening_at < stop or not text.startswith(opening, opening_at):
            continue
        # find gives -1 on the last line, which the remainder turns into the text's length
        stop = text.find("\n", opening_at) % (len(text) + 1)
        end = text.find(closing, opening_at + len(opening), stop)
        while end >= 0:
            ends.append(end + len(closing))
            end = text.find(closing, ends[-1], stop)
    return ends


_SPACE = re.compile(r"\s*+")
