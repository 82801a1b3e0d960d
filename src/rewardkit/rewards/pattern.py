"""A pattern of the user's own, matched by the `regex` package, whose search can be stopped."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final

import regex
from pydantic import Field, model_validator

from rewardkit.batch import Batch
from rewardkit.component import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("regex_match")
class RegexMatch(Reward):
    """One value where a pattern matches, another where it does not or takes too long.

    >>> RegexMatch(pattern=r"#### -?[0-9]+")(completions=["so #### 42", "so 42"])
    [1.0, 0.0]
    """

    pattern: Annotated[str, Field(min_length=1)]
    """The pattern, as the `regex` package reads it."""
    value: float = 1.0
    """The value of a match."""
    otherwise: float = 0.0
    """The value of no match."""
    where: Literal["search", "match", "fullmatch"] = "search"
    """Whether it may match anywhere, at the start, or only the whole text."""
    timeout: Annotated[float, Field(gt=0)] = 0.1
    """Seconds for one completion."""

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        try:
            regex.compile(self.pattern)
        except regex.error as error:
            message = f"pattern {self.pattern!r} does not compile: {error}"
            raise ValueError(message) from None
        return self

    @property
    def bounds(self) -> Bounds:
        """The lesser and the greater of the two values."""
        return min(self.value, self.otherwise), max(self.value, self.otherwise)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` or `otherwise` for each completion."""
        find = getattr(regex.compile(self.pattern), self.where)
        hit, miss = Score(self.value, "match"), Score(self.otherwise, "no match")
        late = Score(self.otherwise, f"no match within {self.timeout:g} s")

        def judge(text: str) -> Score:
            try:
                return hit if find(text, timeout=self.timeout) else miss
            except TimeoutError:
                return late

        return [judge(text) for text in batch.texts]
