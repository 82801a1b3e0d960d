"""Extractors: where in a completion the answer stands.

Each is total and linear in the text's length, and gives the text between its marks, stripped, or
None where there is no such place. Blank text is given as it is: that it is no answer is the
verifier's to say.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import deque
from typing import Annotated, ClassVar, Literal, Self, final

from pydantic import AfterValidator, Field, model_validator

from rewardkit._text import numbers
from rewardkit._text.patterns import compile_pattern
from rewardkit._text.tags import block, opened
from rewardkit.component import Component
from rewardkit.registry import register

__all__ = [
    "After",
    "Boxed",
    "Choice",
    "Extractor",
    "Hash",
    "LastNumber",
    "Regex",
    "Tag",
    "Whole",
]

Which = Literal["first", "last"]
TagName = Annotated[str, Field(min_length=1, pattern=r"^[^<>/\s]+$")]


def _distinct(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, if none stands twice."""
    if len(set(tags)) < len(tags):
        message = f"got {tags}, expected names of which none stands twice"
        raise ValueError(message)
    return tags


Tags = Annotated[tuple[TagName, ...], Field(min_length=1), AfterValidator(_distinct)]


class Extractor(Component):
    """Where the answer stands in a completion."""

    component_kind: ClassVar[str] = "extractor"

    @abstractmethod
    def extract(self, text: str) -> str | None:
        """Return the answer's text, None where there is none. Never raises."""


@final
@register("whole")
class Whole(Extractor):
    """The whole completion.

    >>> Whole().extract(" 42 ")
    '42'
    """

    def extract(self, text: str) -> str | None:
        """Return the text, stripped."""
        return text.strip()


@final
@register("tag")
class Tag(Extractor):
    """What stands between `<answer>` and `</answer>`.

    >>> Tag().extract("<answer>3</answer> or <answer> 4 </answer>")
    '4'
    >>> Tag(which="only").extract("<answer>3</answer> or <answer>4</answer>") is None
    True
    """

    tag: TagName = "answer"
    """The tag's name."""
    which: Literal["first", "last", "only"] = "last"
    """Which block counts; `only` gives None where there are several."""
    strict: bool = True
    """Whether both tags must be there. False splits as the notebooks do: from the last opening tag,
    or the start, to the next closing tag, or the end."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the opening tag at the end of the prompt."""

    def extract(self, text: str) -> str | None:
        """Return what stands between the tags, stripped."""
        if self.opened_in_prompt:
            (text,) = opened([text], f"<{self.tag}>")
        if self.strict and self.which == "only":
            alone = block(self.tag)(text)
            return alone[1].strip() if alone else None
        opening, closing = f"<{self.tag}>", f"</{self.tag}>"
        if not self.strict:
            return text.rpartition(opening)[2].partition(closing)[0].strip()
        if self.which == "first":
            stop = text.find(closing, text.find(opening))
        else:
            stop = text.find(closing, text.rfind(opening, 0, max(text.rfind(closing), 0)))
        start = text.rfind(opening, 0, max(stop, 0))
        return text[start + len(opening) : stop].strip() if start >= 0 else None


@final
@register("boxed")
class Boxed(Extractor):
    r"""What stands in LaTeX's `\boxed{...}`, braces matched.

    >>> Boxed().extract(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """

    which: Which = "last"
    """Which box counts, of those that are closed."""

    def extract(self, text: str) -> str | None:
        """Return the box's content, stripped."""
        last = text.rfind("\\boxed")
        if last < 0:
            return None
        if self.which == "last" and (plain := _PLAIN_BOX.match(text, last)):
            return plain[1].strip()
        # the last one is closed, as a rule, and then nothing before it counts
        found = self._closed(text, last) if self.which == "last" else None
        found = found or self._closed(text, text.find("\\boxed"))
        return text[slice(*found)].strip() if found else None

    def _closed(self, text: str, place: int) -> tuple[int, int] | None:
        """Return where the content of the box that counts begins and ends, from a place on."""
        opened: list[int | None] = []
        found: tuple[int, int] | None = None
        for token in _BRACES.finditer(text, len(text[:place].rstrip("\\"))):
            sign = token[0]
            if sign == "}":
                start = opened.pop() if opened else None
                if start is None or (self.which == "last" and found and found[0] > start):
                    continue
                found = start, token.start()
                if self.which == "first":
                    break
            elif sign[-1] == "{" and sign != "\\{":
                opened.append(token.end() if sign != "{" else None)
        return found


@final
@register("hash")
class Hash(Extractor):
    r"""What follows `####` on its line, as GSM8K writes its answers.

    >>> Hash().extract("4 + 4 = 8\n#### 8\nThat is it.")
    '8'
    """

    which: Which = "last"
    """Which mark counts."""

    def extract(self, text: str) -> str | None:
        """Return the rest of the line after the mark, stripped."""
        place = text.find("####") if self.which == "first" else text.rfind("####")
        return text[place:].lstrip("#").partition("\n")[0].strip() if place >= 0 else None


@final
@register("after")
class After(Extractor):
    """What follows a marker, to the end.

    >>> After().extract("<think>2 + 2</think> 4")
    '4'
    """

    marker: Annotated[str, Field(min_length=1)] = "</think>"
    """The text that the answer follows."""
    which: Which = "first"
    """Which marker counts."""
    strip: bool = True
    """Whether white space at both ends is taken off."""

    def extract(self, text: str) -> str | None:
        """Return the text after the marker."""
        parts = (
            text.partition(self.marker) if self.which == "first" else text.rpartition(self.marker)
        )
        if not parts[1]:
            return None
        return parts[2].strip() if self.strip else parts[2]


@final
@register("last_number")
class LastNumber(Extractor):
    """The last number in the text, with its sign, separators and percent.

    A date or a list without spaces is one token, and no number to a verifier.

    >>> LastNumber().extract("from -3 to 1,000.")
    '1,000'
    >>> LastNumber(only=True).extract("1, 2, 3 or 4") is None
    True
    """

    within: Extractor | None = None
    """What finds the part of the completion to look in; None for all of it."""
    only: bool = False
    """Whether there is none where more than one number stands, an expression or a number denied. A
    number that is said twice, with words between, is one."""

    def extract(self, text: str) -> str | None:
        """Return the number's text, with "-" before it where a minus stands before it."""
        part = text if self.within is None else self.within.extract(text)
        if part is None or (self.only and _has_other_digits(part)):
            return None
        if not self.only:
            last = deque(_NUMBERS.finditer(part), maxlen=1)
            return _signed(part, last[0])[0] if last else None
        found: str | None = None
        end = 0
        for token in _NUMBERS.finditer(part):
            number, in_expression = _signed(part, token)
            said_again = _WORD.search(part, end, token.start()) is not None
            if in_expression or _altered(part, token):
                return None
            if found and not (said_again and _same_number(found, number)):
                return None
            found, end = number, token.end()
        return found


@final
@register("regex")
class Regex(Extractor):
    r"""What a group of a pattern captures, under the `regex` package with a time limit.

    >>> Regex(pattern=r"answer is (\w+)").extract("The answer is 42")
    '42'
    """

    pattern: Annotated[str, Field(min_length=1)]
    """The pattern, as the `regex` package reads it."""
    group: int | str = 1
    """The group whose text is given: a number or a name; 0 for the whole match."""
    which: Which = "last"
    """Which match counts."""
    timeout: Annotated[float, Field(gt=0)] = 0.1
    """Seconds for one text, after which there is no answer."""

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        pattern = compile_pattern(self.pattern)
        known = [*range(pattern.groups + 1), *pattern.groupindex]
        if self.group not in known:
            message = f"group {self.group!r} is not in {self.pattern!r}, which has {known}"
            raise ValueError(message)
        return self

    def extract(self, text: str) -> str | None:
        """Return the group's text, stripped; None where the pattern does not match in time."""
        found = None
        try:
            for match in compile_pattern(self.pattern).finditer(text, timeout=self.timeout):
                if match[self.group] is not None:
                    found = match[self.group]
                    if self.which == "first":
                        break
        except TimeoutError:
            return None
        return found if found is None else found.strip()


@final
@register("choice")
class Choice(Extractor):
    """The letter of a multiple-choice answer.

    What follows "answer is", "answer:" or the like counts, the last time it is said. Without it a
    letter standing by itself does, where it is the only one: `(B)`, `B.`, `**B**`, or `B` alone.

    >>> Choice().extract("A is too small. The answer is (B).")
    'B'
    >>> Choice().extract("It may be (A) or (B).") is None
    True
    """

    options: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9]+$")] = "ABCDE"
    """The letters that may be chosen."""

    def extract(self, text: str) -> str | None:
        """Return the letter as it stands in `options`."""
        said = re.compile(_SAID.replace("OPTIONS", self.options)).findall(text)
        if said:
            return str(said[-1])
        marked = re.compile(_MARKED.replace("OPTIONS", self.options)).findall(text)
        letters = {letter for groups in marked for letter in groups if letter}
        return letters.pop() if len(letters) == 1 else None


_PLAIN_BOX = re.compile(r"(?<!\\)\\boxed\s{0,8}\{([^{}\\]*+)\}")  # as most are
_BRACES = re.compile(r"\\boxed\s{0,8}\{|\\.|[{}]", re.DOTALL)
_NUMBERS = re.compile(
    r"""
    (?:(?<![\w)\]}.])[-+\u2212])?(?:\\?\$)?(?:(?<=\$)[-\u2212])?
    (?:
        \\[dtc]?frac\{-?\d++\}\{\d++\}
      | (?<![^\W_])(?<![^\W_]_)(?<![\^\u221a])(?<![\^_]\{)(?<!sqrt\{)
        (?:
            \d++[ ]\d++/\d++(?![\d/])
          | \d{1,3}(?:[ ]\d{3})++(?![\d])
          | \d++(?:(?:[.,/:\u00a0\u202f]|\{,\}|,?\\[!,])\d++)*+
          | (?<![\d.])\.\d++
          | [\u00bc-\u00be\u2150-\u215e]
        )
        (?:[eE][-+]?\d++|\s?(?:\\times|\u00d7|\*)\s?10\^\{?-?\d++\}?)?
    )
    (?:
        \s?\\?%|[A-Za-z]++|\^(?:\{[^{}\n]{0,20}\}|[-+]?\w++|\S)|\s?[\u00bc-\u00be\u2150-\u215e]
      | \s?[-+*/]\s?[A-Za-z]\b
      | \s(?i:hundreds?|(?:thou|mill|bill|trill)\w{2,4}|ratus|ribu|juta|miliar|triliun)\b
      | \s(?i:dozens?|lusin|squared|cubed|below|negative|and\sa\shalf)\b
    )?
    """,
    re.VERBOSE | re.ASCII,
)
_MINUS_BEFORE = re.compile(
    rf"(?P<left>\S?\s?)\s{{0,8}}(?:[{re.escape(numbers.MINUS)}]|\b(?i:minus|negative)\b)"
    r"(?:[\s*_(){}\[\]~`\\,!\u200b]|\\[a-z]{1,12}|<[a-z]{1,9}>"
    r"|\\?[$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba\u00a2]|(?:US|AU|CA|NZ|HK|[ASCR])(?=\\?\$|$)"
    r"|(?:USD|EUR|GBP|JPY|INR|CNY|RMB|R[ps]\.?)(?![A-Za-z])){0,8}$"
)
_ALTERED_BEFORE = re.compile(
    r"(?:[\u221a\u2260]|!=|\b(?:not|never)|n['\u2019]t|(?:\\|\b)(?:sqrt|log|ln|exp|sin|cos|tan))"
    rf"[\s({{\[\\$]{{0,8}}[{re.escape(numbers.MINUS)}]?$"
)
_ALTERED_AFTER = re.compile(
    r"(?:\\right)?[)\]}]{1,4}\s?\^|[)\]}]{0,4}!{1,4}\s?[$)\]}\\]|[)\]}]{0,4}_[{(]?[^\W_]"
)
_OPERAND = re.compile(r"[\d)\]}%]|[^\W\d_.]$")
_AREA = re.compile(r"(?<=[^\W\d_])[\u00b2\u00b3](?!\d)")
_WORD = re.compile(r"[^\W\d_]{2}")
_WRAPPED = r"""(?:\*\*|\\boxed\{|\\text\w{0,2}\{|\\mathrm\{|\\\(|[(\["'`$_\s]){0,4}"""
_SAID = (
    r"(?i:\b(?:answer(?:\s(?:choice|option))?(?:\s{1,8}(?:is|(?:would|must|should)\sbe))?"
    r"|(?:choice|option)\s{1,8}is)\s{0,8}[:=>\uff1a]?\s{0,8}(?:\*\*)?(?:(?:choice|option)\s)?)"
    rf"{_WRAPPED}([OPTIONS])(?![^\W_])"
)
_MARKED = (
    r"[(\[]([OPTIONS])[)\]]|\\boxed\{(?:\\[a-z]{1,8}\{)?([OPTIONS])[}.:)]"
    r"|\*\*([OPTIONS])(?:[.):]?\*\*|[.):]\s)|\b(?i:option|choice)\s([OPTIONS])\b"
    r"|(?m:^[ \t]{0,8}([OPTIONS])[ \t]{0,8}[.):]?[ \t]{0,8}$)|(?m:^[ \t]{0,8}([OPTIONS])[.):][ \t])"
)


def _has_other_digits(text: str) -> bool:
    """Return whether there are digits that are not ASCII ("²", "٤"), units of area aside."""
    if text.isascii():
        return False
    return any(sign.isdigit() and not sign.isascii() for sign in _AREA.sub("", text))


def _signed(text: str, token: re.Match[str]) -> tuple[str, bool]:
    """Return a number with the minus before it, if any, and whether a sign makes it an operand."""
    minus = _MINUS_BEFORE.search(text, max(token.start() - 32, 0), token.start())
    if minus is None:
        return token[0], text[: token.start()].endswith("\u00b1")
    operand = _OPERAND.match(minus["left"]) is not None
    return token[0] if operand else f"-{token[0]}", operand


def _altered(text: str, token: re.Match[str]) -> bool:
    """Return whether a number is denied, or made another one by what stands around it."""
    before = _ALTERED_BEFORE.search(text, max(token.start() - 32, 0), token.start())
    return before is not None or _ALTERED_AFTER.match(text, token.end()) is not None


def _same_number(one: str, other: str) -> bool:
    """Return whether two tokens are the same number."""
    left, right = numbers.read(one), numbers.read(other)
    return one == other or (left is not None and left == right)
