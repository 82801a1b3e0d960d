"""The tags that an answer is asked to stand in: two layouts, two counts.

The rules are those of the GSM8K recipe that most GRPO notebooks share (Will Brown's gist, "GRPO
demo", 2025): `strict`, `soft` and `xmlcount`. By default they are mended: reasoning may have
several lines and the last newline may be missing; each tag must stand once, in order, around
something. `as_published=True` gives the published numbers, defects and all.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Annotated, final

from pydantic import Field

from rewardkit._text.tags import is_blank, layout, marks, opened, places
from rewardkit.batch import Batch
from rewardkit.extract import Tags
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
    """The blocks' names, in order."""
    value: float = 0.5
    """What the layout is worth."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    as_published: bool = False
    """Whether to keep the notebook's rule: one line a block, and a newline at the end."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        wanted = marks(self.tags)
        ends = layout(self.tags, between=r"(?:\A|(?<=>)\n)", line="\n")
        hit, miss = Score(self.value, "every tag on its line"), Score(0.0, "not the strict layout")

        def fits(text: str) -> bool:
            end = ends(text)
            return end >= 0 and not text[end:].strip()

        def published(text: str) -> bool:
            size = 3 * len(self.tags)
            lines = text.split("\n", size + 1)
            framed = [line for place, line in enumerate(lines[:size]) if place % 3 != 1]
            return framed == wanted and lines[size:] in ([""], ["", ""])

        rule = published if self.as_published else fits
        texts = opened(batch.texts, f"{wanted[0]}\n" if self.opened_in_prompt else "")
        return [hit if rule(text) else miss for text in texts]


@final
@register("xml_soft")
class XmlSoft(Reward):
    r"""The blocks in order from the start, on any lines; text may follow them.

    >>> one = "<reasoning>2 + 2\n= 4</reasoning> <answer>4</answer> I hope this helps."
    >>> XmlSoft()(completions=[one, one + "<answer>5</answer>"])
    [0.5, 0.0]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks' names, in order."""
    value: float = 0.5
    """What the layout is worth."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    as_published: bool = False
    """Whether to keep the notebook's rule: no block crosses a line, and more may follow."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or 0 for each completion."""
        wanted = marks(self.tags)
        ends = layout(self.tags, between=r"\s*+")
        hit, miss = Score(self.value, "the blocks in order"), Score(0.0, "not the soft layout")

        def fits(text: str) -> bool:
            return ends(text) >= 0

        def published(text: str) -> bool:
            starts = [0] if text.startswith(wanted[0]) else []
            for opening, closing in zip(wanted[::2], wanted[1::2], strict=True):
                starts = _ends(text, starts, opening, closing)
            return bool(starts)

        rule = published if self.as_published else fits
        texts = opened(batch.texts, wanted[0] if self.opened_in_prompt else "")
        return [hit if rule(text) else miss for text in texts]


@final
@register("xml_count")
class XmlCount(Reward):
    """A part of the reward for each tag in its place, less what a text after the last block costs.

    >>> XmlCount()(completions=["<reasoning>2</reasoning><answer>4", "<answer>4</answer> Hm"])
    [0.374, 0.248]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks' names, in order."""
    value: Annotated[float, Field(ge=0)] = 0.125
    """What each opening and each closing tag is worth."""
    tail_penalty: Annotated[float, Field(ge=0)] = 0.001
    """What each character after the last block costs, white space at its ends aside; at most what
    the tags earned. A block that is not closed is all tail."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    as_published: bool = False
    """Whether to keep the notebook's rule: newlines around the tags, and no limit to the cost."""

    @property
    def bounds(self) -> Bounds:
        """From 0, or with no limit as published, to `value` for each tag."""
        return -math.inf if self.as_published else 0.0, 2 * len(self.tags) * self.value

    def score(self, batch: Batch) -> list[Score]:
        """Return the tags' worth less the tail's cost for each completion."""
        wanted = marks(self.tags)
        ends = layout(self.tags)

        @cache
        def score(kept: int, tail: int) -> Score:
            value = max(kept * self.value - tail * self.tail_penalty, 0.0)
            return Score(value, f"{kept} of {len(wanted)} tags, {tail} characters after them")

        def mended(text: str) -> Score:
            end = ends(text)
            if end >= 0:
                return score(len(wanted), len(text[end:].strip()))
            found = places(text, wanted)
            return score(len(wanted) - found.count(-1), len(_tail(text, wanted).strip()))

        rule = self._published if self.as_published else mended
        texts = opened(batch.texts, wanted[0] if self.opened_in_prompt else "")
        return [rule(text) for text in texts]

    def _published(self, text: str) -> Score:
        """Return the notebook's count: its newlines, and its cost of whatever comes after."""
        total = 0.0
        for number, tag in enumerate(self.tags):
            last = number == len(self.tags) - 1
            opening = f"\n<{tag}>\n" if number else f"<{tag}>\n"
            closing = f"\n</{tag}>"
            if text.count(opening) == 1:
                total += self.value
                if last:
                    total -= len(text.split(f"{closing}\n").pop()) * self.tail_penalty
            if text.count(closing if last else f"{closing}\n") == 1:
                total += self.value
                if last:
                    total -= (len(text.split(closing).pop()) - 1) * self.tail_penalty
        return Score(total, "as published")


@final
@register("tag_count")
class TagCount(Reward):
    """A value for each tag that stands exactly once and in its place, another for each other tag.

    >>> TagCount(tags=("think",))(completions=["<think>2 + 2</think>4", "</think>4"])
    [1.0, -0.5]
    """

    tags: Tags = ("reasoning", "answer")
    """The blocks' names, in order."""
    once: float = 0.5
    """What each tag is worth that stands once, after those before it, around something."""
    otherwise: float = -1.0
    """What each other tag is worth."""
    answer_after: bool = False
    """Whether an answer must follow the last block for its closing tag to count."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the first opening tag."""
    as_published: bool = False
    """Whether to keep the notebook's rule: a tag counts wherever it stands, if it stands once."""

    @property
    def bounds(self) -> Bounds:
        """All tags at the lesser value, all at the greater."""
        ends = [2 * len(self.tags) * value for value in (self.once, self.otherwise)]
        return min(ends), max(ends)

    def score(self, batch: Batch) -> list[Score]:
        """Return the tags' worth for each completion."""
        wanted = marks(self.tags)
        ends = layout(self.tags)
        total = len(wanted)
        shared = [
            Score(kept * self.once + (total - kept) * self.otherwise, f"{kept} of {total} tags")
            for kept in range(total + 1)
        ]

        def kept(text: str) -> int:
            if self.as_published:
                return sum(text.count(mark) == 1 for mark in wanted)
            end = ends(text)
            if end >= 0:
                return total - (self.answer_after and is_blank(text[end:]))
            found = places(text, wanted)
            if (
                self.answer_after
                and found[-1] >= 0
                and is_blank(text[found[-1] + len(wanted[-1]) :])
            ):
                found[-1] = -1
            return total - found.count(-1)

        texts = opened(batch.texts, wanted[0] if self.opened_in_prompt else "")
        return [shared[kept(text)] for text in texts]


def _tail(text: str, wanted: list[str]) -> str:
    """Return what follows the last block: its first closing tag, or else its first opening tag."""
    _, closed, after = text.partition(wanted[-1])
    return after if closed else text.partition(wanted[-2])[2]


def _ends(text: str, starts: list[int], opening: str, closing: str) -> list[int]:
    """Return where a block may end that opens at a start, white space aside, on one line."""
    ends: list[int] = []
    stop = -1
    for start in starts:
        place = start + len(_SPACE.match(text, start)[0])  # type: ignore[index]  # it always matches
        if place < stop or not text.startswith(opening, place):
            continue
        stop = text.find("\n", place) % (len(text) + 1)
        end = text.find(closing, place + len(opening), stop)
        while end >= 0:
            ends.append(end + len(closing))
            end = text.find(closing, ends[-1], stop)
    return ends


_SPACE = re.compile(r"\s*+")
