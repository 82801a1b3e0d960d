"""Patterns: the user's own, with a time limit, and those that mark a reasoning step."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._text.patterns import (
    compile_pattern,
    compile_portable,
    find_literal_start,
    find_quick_length,
)
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

        if self.where == "search" and re.escape(self.pattern) == self.pattern:
            part = self.pattern  # a plain text, which needs no search by a pattern
            return [hit if part in text else miss for text in batch.texts]
        quick = compile_portable(self.pattern) or compile_pattern(self.pattern)
        find_quickly, match_quickly = getattr(quick, self.where), quick.match
        quick_length = find_quick_length(self.pattern, self.timeout)
        # Python finds a fixed text many times faster than `regex` does.
        literal = find_literal_start(self.pattern) if self.where == "search" else ""

        def score_long_text(text: str) -> Score:
            start = text.find(literal) if literal else 0
            if start < 0:
                return miss
            # From one start the time grows with the length, not with its square.
            if literal and len(text) <= quick_length**2 and match_quickly(text, start):
                return hit
            # a pattern with nested repeats takes exponential time on some completions
            try:
                return hit if find(text, start, timeout=self.timeout) else miss
            except TimeoutError:
                return late

        return [
            (hit if find_quickly(text) else miss)
            if len(text) <= quick_length
            else score_long_text(text)
            for text in batch.texts
        ]


@final
@register("reasoning_steps")
class ReasoningSteps(Reward):
    r"""A value for a number of marked steps, in proportion where there are fewer.

    A step is marked at the start of a line, indented or not, by "Step 1:", "Step 1 -", "步骤1" or
    the like in about thirty languages, by a number ("1.", "1)", "(1)", "①") or a bullet before
    words; and anywhere by "Step 1:", "First,", "Second,", "Next," or "Finally,". The same step
    again counts once. The marks of English are those of open-r1's `reasoning_steps_reward`
    (Hugging Face, 2025), which counts bare and repeated ones too, and numbers only at the start of
    the text.

    >>> ReasoningSteps()(completions=["First, I add.\nNext, I check.\n- Done.", "1) I add.\n-\n-"])
    [1.0, 0.333...]
    >>> ReasoningSteps(steps=2, pattern=r"\[\d+\]")(completions=["[1] add [2] check", "[1] [1]"])
    [1.0, 0.5]
    """

    steps: Annotated[int, Field(ge=1)] = 3
    """How many steps earn the full value."""
    value: float = 1.0
    """The full value."""
    pattern: Annotated[str, Field(min_length=1)] | None = None
    """What marks a step in place of the marks above, in the syntax of the `regex` package; equal
    matches count once."""
    timeout: Annotated[float, Field(gt=0)] = 0.1
    """Seconds for one completion, with a pattern."""

    @model_validator(mode="after")
    def _check_own_pattern(self) -> Self:
        if self.pattern is not None:
            compile_pattern(self.pattern)
        return self

    @property
    def bounds(self) -> Bounds:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: Batch) -> list[Score]:
        """Return `value` times the share of the steps, at most 1, for each completion."""
        count = _count_marks if self.pattern is None else self._count_matches
        return [
            Score(self.value * min(steps / self.steps, 1.0), f"{steps} steps")
            for steps in map(count, batch.texts)
        ]

    def _count_matches(self, text: str) -> int:
        steps = compile_pattern(str(self.pattern)).finditer(text, timeout=self.timeout)
        found = set()
        try:
            for step in steps:
                found.add(step[0])
        except TimeoutError:
            pass  # those that were found in time
        return len(found - {""})


def _count_marks(text: str) -> int:
    # sets, so that a model cannot earn the value with one line written three times; a newline
    # before the text, since "^" in the patterns makes the search much slower than a fixed text
    text = f"\n{text}"
    lines = {*_compile_line_mark().findall(text)}
    # of a line that says which step it is, the number counts, wherever the step is named again
    numbers = {number for number, _ in lines if number} | {*_STEP_IN_LINE.findall(text)}
    items = {item for number, item in lines if not number}
    return len(numbers) + len(items) + sum(len({*word.findall(text)}) for word in _WORDS)


_STEP_WORDS = (
    "[Ss]tep|STEP|Langkah|Tahap|Schritt|[ÉéE]tape|[Pp]aso|[Pp]asso|[Ee]tapa|Fase|Stap|Steg|Trin"
    "|Vaihe|Krok|Bước|Ad\u0131m|Pasul|Lépés|Шаг|Крок|Βήμα|步骤|步驟|ステップ|手順|단계|الخطوة|خطوة|مرحله"
    "|مرحلة|चरण|कदम|ধাপ|ขั้นตอนที่|ขั้นที่|שלב|படி"
)
_HAN_NUMERAL = "[一二三四五六七八九十]{1,3}+"
_NUMERAL = rf"(?:[0-9\uff10-\uff19\u0660-\u0669\u0966-\u096f]{{1,4}}+|{_HAN_NUMERAL})"
# Chinese and Japanese may have a space in place of a punctuation mark: "步骤 1 相加".
_AFTER_NUMERAL = (
    r"(?=[ \t]*+(?:[:.)\uff1a\u3001\uff0e\u3002\uff09\uff0c\u2013\u2014*-]|\n|\Z"
    r"|(?<=[ \t])[\u3040-\u30ff\u4e00-\u9fff]))"
)
# Several patterns in place of one with branches: a search skips to the fixed text that a pattern
# begins with, which a pattern with branches does not have.
_STEP_IN_LINE = re.compile(r"Step ([0-9]++):")
_WORDS = [
    re.compile(rf"{word}(?<!\w{word})") for word in ("First,", "Second,", "Next,", "Finally,")
]


@cache
def _compile_line_mark() -> re.Pattern[str]:
    """Compile the pattern of a marked line, on first use: it takes a while."""
    return re.compile(
        r"\n(?=[^\n\w]*+\w|[ \t]*+[\u2460-\u2473])[ \t]*+"
        rf"(?:[#>*_\t -]*+(?:(?:{_STEP_WORDS})[ \t]*+({_NUMERAL}){_AFTER_NUMERAL})"
        rf"|([#>*_\t -]*+(?:第{_NUMERAL}[ \t]*+步|{_NUMERAL}[ \t]*+단계){_AFTER_NUMERAL}"
        r"|\*{0,2}+\(?(?:[0-9]{1,4}+[.)][ \t*]++|[0-9\uff10-\uff19]{1,4}+[\u3001\uff0e\uff09]"
        rf"|{_HAN_NUMERAL}\u3001|[\u2460-\u2473])[^\w\n]*+\w[^\n]*+"
        r"|[-*+\u2022][ \t]++[^\w\n]*+\w[^\n]*+))"
    )
