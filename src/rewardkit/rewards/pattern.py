"""Patterns: the user's own, with a time limit, and those that mark a reasoning step."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text.patterns import compile_pattern
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("regex_match")
class RegexMatch(Reward):
    """One value if a pattern matches, another if it does not or takes too long.

    >>> RegexMatch(pattern=r"#### -?[0-9]+")(completions=["so #### 42", "so 42"])
    [1.0, 0.0]
    """

    pattern: Annotated[str, Field(min_length=1)]
    """The pattern, in the syntax of the `regex` package."""
    value: float = 1.0
    """The value of a match."""
    otherwise: float = 0.0
    """The value if there is no match."""
    where: Literal["search", "match", "fullmatch"] = "search"
    """Whether the pattern may match anywhere, at the start, or only the whole text."""
    timeout: Annotated[float, Field(gt=0)] = 0.1
    """Seconds for one completion."""

    @model_validator(mode="after")
    def _check_pattern(self) -> Self:
        compile_pattern(self.pattern)  # a malformed one is refused now and not at the first step
        return self

    @property
    def bounds(self) -> Bounds:
        """The lower and the higher of the two values."""
        return min(self.value, self.otherwise), max(self.value, self.otherwise)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or `otherwise` for each completion."""
        find = getattr(compile_pattern(self.pattern), self.where)
        hit, miss = Score(self.value, "match"), Score(self.otherwise, "no match")
        late = Score(self.otherwise, f"no match within {self.timeout:g} s")

        def score_text(text: str) -> Score:
            # a pattern with nested repeats takes exponential time on some completions
            try:
                return hit if find(text, timeout=self.timeout) else miss
            except TimeoutError:
                return late

        return [score_text(text) for text in batch.texts]


@final
@register("reasoning_steps")
class ReasoningSteps(Reward):
    r"""A value for a number of marked steps, in proportion where there are fewer.

    A step is marked by "Step 1:", by a number or a bullet before words at the start of a line, or
    by "First,", "Second,", "Next," or "Finally,". The same step again counts once. The marks are
    those of open-r1's `reasoning_steps_reward` (Hugging Face, 2025), which counts bare and repeated
    ones too, and numbers only at the start of the text.

    >>> ReasoningSteps()(completions=["First, I add.\nNext, I check.\n- Done.", "1. I add.\n-\n-"])
    [1.0, 0.333...]
    """

    steps: Annotated[int, Field(ge=1)] = 3
    """How many steps earn the full value."""
    value: float = 1.0
    """The full value."""

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` times the share of the steps, at most 1, for each completion."""
        # sets, so that a model cannot earn the value with one line written three times; a newline
        # before the text, since "^" in the patterns makes the search much slower than a fixed text
        counts = [
            sum(len({*step.findall(text)}) for step in _STEPS)
            for text in (f"\n{text}" for text in batch.texts)
        ]
        return [
            Score(self.value * min(count / self.steps, 1.0), f"{count} steps") for count in counts
        ]


_WORDS = ("First,", "Second,", "Next,", "Finally,")
# Several patterns in place of one with branches: a search skips to the fixed text that a pattern
# begins with, which a pattern with branches does not have.
_STEPS = [
    re.compile(pattern)
    for pattern in (
        r"Step [0-9]++:",
        r"\n[0-9]++\.[ \t]++[^\w\n]*+\w[^\n]*+",
        r"\n[-*][ \t]++[^\w\n]*+\w[^\n]*+",
        *(rf"{word}(?<!\w{word})" for word in _WORDS),
    )
]
