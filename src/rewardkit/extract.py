"""Extractors: they find the answer in a completion.

Each takes any text, in time linear in its length, and returns the text between its marks, stripped,
or None if the marks are not there. Blank text is returned as it is: the verifier decides that it is
not an answer.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit._messages import shorten_repr, shorten_text
from rewardkit._text import number_tokens, numbers, tag_layout
from rewardkit._text.choices import find_choices
from rewardkit._text.last_call import remember_last
from rewardkit._text.patterns import compile_pattern, prepare_find
from rewardkit._text.special_tokens import ends_in_token
from rewardkit._text.tag_layout import compile_only_block, prepare_texts, restore_marks, tag_marks
from rewardkit.batch import Batch
from rewardkit.component import Component
from rewardkit.registry import register

if TYPE_CHECKING:
    from rewardkit._text.tool_calls import Call

__all__ = [
    "After",
    "Boxed",
    "Choice",
    "Extractor",
    "Hash",
    "LastNumber",
    "Regex",
    "Tag",
    "ToolCall",
    "Whole",
    "explain_reference",
    "extract_answers",
    "extract_references",
]

Which = Literal["first", "last"]


class Extractor(Component):
    """Finds the answer in a completion. Subclasses implement `extract`."""

    component_kind: ClassVar[str] = "extractor"
    reads_calls: ClassVar[bool] = False
    """Whether a reward passes it the completion's tool calls, as JSON text, in place of the text:
    in messages, the text does not hold them."""

    @abstractmethod
    def extract(self, text: str) -> str | None:
        """Return the answer's text, or None if there is no answer. Never raises."""


@final
@register("whole")
class Whole(Extractor):
    """The whole completion.

    >>> Whole().extract(" 42 ")
    '42'
    """

    def extract(self, text: str) -> str | None:
        """Return the text, stripped."""
        # a byte order mark at the start is white space to a reader, but not to `strip`
        return text.removeprefix("\ufeff").strip()


@final
@register("tag")
class Tag(Extractor):
    """The text between `<answer>` and `</answer>`, or between any two marks.

    >>> Tag().extract("<answer>3</answer> or <answer> 4 </answer>")
    '4'
    >>> Tag(tag=("[ANSWER]", "[/ANSWER]")).extract("[ANSWER]4[/ANSWER]")
    '4'
    >>> Tag(which="only").extract("<answer>3</answer> or <answer>4</answer>") is None
    True
    """

    tag: tag_layout.Tag = "answer"
    """The tag's name, or a pair (opening, closing) of any marks."""
    which: Literal["first", "last", "only"] = "last"
    """Which block counts; `only` gives None if there are several."""
    strict: bool = True
    """Whether both tags are required. False splits like the published notebooks: from the last
    opening tag, or the start, to the next closing tag, or the end."""
    opened_in_prompt: bool = False
    """Whether the chat template already wrote the opening tag at the end of the prompt."""
    lenient: bool = False
    """Whether near-tags count as the tags: `<Answer>`, `</ answer>`, `<answer type="int">`."""

    def extract(self, text: str) -> str | None:
        """Return the text between the tags, stripped."""
        tag, which = self.tag, self.which
        if self.opened_in_prompt or self.lenient:
            opened, lenient = self.opened_in_prompt, self.lenient
            (text,) = prepare_texts([text], [tag], opened_in_prompt=opened, lenient=lenient)
        if which == "only" and self.strict:
            find_block = compile_only_block(tag)
            only_block = find_block(text)
            if only_block is None and not isinstance(tag, str):
                only_block = find_block(_close_at_end(text, *tag))
            return only_block[1].strip() if only_block else None
        opening, closing = _marks_of(tag)
        if not isinstance(tag, str):
            text = _close_at_end(text, opening, closing)
        if not self.strict:
            return text.rpartition(opening)[2].partition(closing)[0].strip()
        # The last block: the last opening mark that a closing one follows, and the first closing
        # mark after it.
        end = text.rfind(closing)
        if end < 0:
            return None
        start = text.find(opening) if which == "first" else text.rfind(opening, 0, end)
        stop = text.find(closing, start)
        if start < 0 or stop < 0:
            return None
        start = text.rfind(opening, 0, stop)
        return text[start + len(opening) : stop].strip() if start >= 0 else None


_marks_of = lru_cache(maxsize=64)(tag_marks)  # writing them takes longer than finding them


def _close_at_end(text: str, opening: str, closing: str) -> str:
    # a batch strips the end of the turn from its texts, which may be the mark: "<|return|>"
    is_stripped = ends_in_token(closing) and text.rfind(closing) < text.rfind(opening)
    return f"{text}{closing}" if is_stripped else text


@final
@register("boxed")
class Boxed(Extractor):
    r"""The content of LaTeX's `\boxed{...}` or `\fbox{...}`, with braces matched, or of `\boxed 5`.

    >>> Boxed().extract(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """

    which: Which = "last"
    """Which box counts, of those that are closed; an empty box only if all are empty."""

    def extract(self, text: str) -> str | None:
        """Return the box's content, stripped."""
        last = text.rfind("\\boxed")
        if text.find("\\fbox", max(last, 0)) < 0:
            if last < 0:
                return None
            # most boxes hold neither braces nor commands, and are the last
            simple = _BOX_WITHOUT_BRACES.match(text, last) if self.which == "last" else None
            if simple and (content := simple[1].strip()):
                return content
        # texts that went through JSON twice have two backslashes
        text = text.replace("\\fbox", "\\boxed").replace("\\\\boxed", "\\boxed")
        last = text.rfind("\\boxed")
        # The last box is nearly always closed, and then nothing before it counts: the whole text is
        # read only if it is not, or is empty.
        found = self._find_closed_box(text, last) if self.which == "last" else None
        if found is None or not text[slice(*found)].strip():
            found = self._find_closed_box(text, text.find("\\boxed")) or found
        if found is None:
            bare = [*_BARE_BOX.finditer(text)]
            return bare[0 if self.which == "first" else -1][1] if bare else None
        return text[slice(*found)].strip()

    def _find_closed_box(self, text: str, start: int) -> tuple[int, int] | None:
        """Return the span of the content of the box that counts, at or after `start`."""
        # None for a brace that does not open a box
        open_braces: list[int | None] = []
        found: tuple[int, int] | None = None
        empty: tuple[int, int] | None = None
        # from before the backslashes at the start: an even number of them escapes the `\\boxed`
        for match in _BRACES.finditer(text, len(text[:start].rstrip("\\"))):
            found_text = match[0]
            if found_text == "}":
                content_start = open_braces.pop() if open_braces else None
                if content_start is None:
                    continue
                if _BLANK.match(text, content_start, match.start()):
                    empty = empty or (content_start, match.start())
                    continue
                # boxes close from the inside out; the box that opens last counts
                if self.which == "last" and found and found[0] > content_start:
                    continue
                found = content_start, match.start()
                if self.which == "first":
                    break
            elif found_text[-1] == "{" and found_text != "\\{":
                open_braces.append(match.end() if found_text != "{" else None)
        return found or empty


@final
@register("hash")
class Hash(Extractor):
    r"""The rest of the line after `####`, which is how GSM8K marks its answers.

    >>> Hash().extract("4 + 4 = 8\n#### 8\nDone.")
    '8'
    """

    which: Which = "last"
    """Which mark counts."""

    def extract(self, text: str) -> str | None:
        """Return the rest of the line after the mark, stripped."""
        start = text.find("####") if self.which == "first" else text.rfind("####")
        # lstrip, since models write longer runs of # too
        return text[start:].lstrip("#").partition("\n")[0].strip() if start >= 0 else None


@final
@register("after")
class After(Extractor):
    """All text after a marker.

    >>> After().extract("<think>2 + 2</think> 4")
    '4'
    """

    marker: Annotated[str, Field(min_length=1)] = "</think>"
    """The text that precedes the answer."""
    which: Which = "first"
    """Which marker counts."""
    strip: bool = True
    """Whether to remove white space at both ends."""
    lenient: bool = False
    """Whether near-tags count as the marker: `</Think>`, `< /think >`."""

    def extract(self, text: str) -> str | None:
        """Return the text after the marker."""
        text = restore_marks(text, (self.marker,)) if self.lenient else text
        # `partition` would copy the thought before the marker, which is most of the text
        marker = self.marker
        start = text.find(marker) if self.which == "first" else text.rfind(marker)
        if start < 0:
            return None
        found = text[start + len(marker) :]
        return found.strip() if self.strip else found


@final
@register("last_number")
class LastNumber(Extractor):
    """The last number in the text, with its sign, separators and percent.

    A date, or a list without spaces, is one token, which verifiers do not read as a number.

    >>> LastNumber().extract("from -3 to 1,000.")
    '1,000'
    >>> LastNumber(only=True).extract("1, 2, 3 or 4") is None
    True
    """

    within: Extractor | None = None
    """Finds the part of the completion to look in; None for all of it."""
    only: bool = False
    """Whether to return None for several numbers, an expression, or a negation ("not 7"). The same
    number again, after words, counts as one, up to 1,000 times: more is a loop, not an answer."""

    def extract(self, text: str) -> str | None:
        """Return the number's text, with "-" before it if a minus or the word precedes it."""
        part = text if self.within is None else self.within.extract(text)
        if part is None or numbers.read_integer(part) is not None:
            return part  # most answers are an integer alone
        if not self.only:
            last = number_tokens.find_last_number(part)
            return last.text if last else None
        return None if number_tokens.has_other_digits(part) else self._find_only(part)

    def _find_only(self, part: str) -> str | None:
        found: str | None = None
        end = 0
        for count, token in enumerate(number_tokens.scan_numbers(part)):
            if count == MAX_SAME_NUMBERS:
                return None
            # without words between them, "4 4" may be a list, or digits of one number
            has_words_before = _WORD.search(part, end, token.start) is not None
            if token.is_altered or (found and not has_words_before):
                return None
            if token.text != found and not _is_same_number(token.number, found):
                return None
            found, end = token.text, token.end
        return found


@final
@register("regex")
class Regex(Extractor):
    r"""The text of a group of a pattern, found by the `regex` package with a time limit.

    >>> Regex(pattern=r"answer is (\w+)").extract("The answer is 42")
    '42'
    """

    pattern: Annotated[str, Field(min_length=1)]
    """The pattern, in the syntax of the `regex` package."""
    group: int | str = 1
    """The group whose text is returned: a number or a name; 0 for the whole match."""
    which: Which = "last"
    """Which match counts."""
    strip: bool = True
    """Whether to remove white space at both ends."""
    timeout: Annotated[float, Field(gt=0)] = 0.1
    """Seconds for one text, after which the answer is None."""

    @model_validator(mode="after")
    def _check_pattern(self) -> Self:
        pattern = compile_pattern(self.pattern)
        known = [*range(pattern.groups + 1), *pattern.groupindex]
        if self.group not in known:
            message = (
                f"group {self.group!r} is not in {shorten_text(self.pattern)!r}, which has {known}"
            )
            raise ValueError(message)
        return self

    def extract(self, text: str) -> str | None:
        """Return the group's text; None if the pattern does not match in time."""
        return _prepare_find(self)(text)


def _prepare_find(extractor: Regex) -> Callable[[str], str | None]:
    """Return the function that `extract` calls, which is the same for all texts of a batch."""
    pattern, group, which = extractor.pattern, extractor.group, extractor.which
    return prepare_find(pattern, group, which, strip=extractor.strip, timeout=extractor.timeout)


@final
@register("choice")
class Choice(Extractor):
    """The letter of a multiple-choice answer.

    The last letter after "answer is", "Antwort:" or the like counts, or in a box, or that is said
    to be correct. If there is none, a letter by itself counts if it is the only one: `(B)`, `B.`,
    `**B**`, or `B` on its own line. Several letters at once are not an answer: "A or B", "A, B, C".

    >>> Choice().extract("A is too small. The answer is (B).")
    'B'
    >>> Choice().extract("The answer is A or B.") is None
    True
    """

    options: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9]+$")] = "ABCDE"
    """The letters that may be chosen. A letter in the other case counts as well, where it cannot be
    a word."""
    which: Which = "last"
    """Which of several announced letters counts."""
    only: bool = False
    """Whether to return None if the announced letters differ."""
    within: Extractor | None = None
    """Finds the part of the completion to look in; None for all of it."""

    def extract(self, text: str) -> str | None:
        """Return the letter as it is written in `options`."""
        part = text if self.within is None else self.within.extract(text)
        if part is None:
            return None
        choices, letters = find_choices(part, self.options)
        if choices and self.only and len({one.letter for one in choices}) > 1:
            return None
        if choices:
            return choices[0 if self.which == "first" else -1].letter
        # two letters may be a comparison of the options, and guessing would reward listing them all
        return letters.pop() if len(letters) == 1 else None


@final
@register("tool_call")
class ToolCall(Extractor):
    """The tool calls, as JSON text: a list of objects with `name` and `arguments`.

    From messages with `tool_calls`, of all turns. From text: harmony (gpt-oss), JSON in
    `<tool_call>` tags (Hermes, Qwen), Qwen3-Coder's tags, or JSON with a name and arguments. Calls
    between think tags are left out; one that cannot be read has an `error` in place of arguments.

    >>> ToolCall().extract('<tool_call>{"name": "now", "arguments": {}}</tool_call>')
    '[{"name": "now", "arguments": {}}]'
    """

    reads_calls: ClassVar[bool] = True
    which: Literal["all", "first", "last"] = "all"
    """Which of several calls count."""

    def extract(self, text: str) -> str | None:
        """Return the calls as JSON text, None if there is none."""
        from rewardkit._text.tool_calls import read_text_calls  # noqa: PLC0415 - it imports json

        return self.write_calls(read_text_calls(text))

    def write_calls(self, calls: list[Call]) -> str | None:
        """Return those of the calls that count as JSON text, None if there is none."""
        from rewardkit._text.tool_calls import write_calls  # noqa: PLC0415 - the same

        if self.which != "all":
            calls = calls[:1] if self.which == "first" else calls[-1:]
        return write_calls(calls) or None


# Bounded and possessive repeats below keep each search linear: nothing is read twice.
# Most boxes hold neither braces nor commands; one match is quicker than the walk over the braces.
_BOX_WITHOUT_BRACES = re.compile(r"(?<!\\)\\boxed\s{0,8}\{([^{}\\]*+)\}")
_BARE_BOX = re.compile(
    r"\\boxed(?:[ ]{1,8}(?=[A-Z](?!\w))|[ ]{0,8}(?=[-\u2212\d]))([-\u2212]?\d(?:[\d.,/]*\d)?|[A-Z])"
)
_BLANK = re.compile(r"\s*\Z")
_BRACES = re.compile(r"\\boxed\s{0,8}\{|\\.|[{}]", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2}")


# Each takes up to 30 microseconds, which a megabyte of "so it is -7" makes into seconds.
MAX_SAME_NUMBERS = 1_000


def _is_same_number(number: numbers.Number | None, other: str | None) -> bool:
    """Return whether it is a number, and equals the other text if there is one."""
    return number is not None and (other is None or number == numbers.read_number(other))


def extract_answers(extractor: Extractor, batch: Batch) -> list[str | None]:
    """Return the answer that the extractor finds in each completion, as a reward reads them.

    >>> extract_answers(Hash(), Batch.of("#### 4", "4"))
    ['4', None]
    """
    if isinstance(extractor, ToolCall):
        return [*map(extractor.write_calls, batch.tool_calls)]  # not read from text once more
    if extractor.reads_calls:
        from rewardkit._text.tool_calls import write_calls  # noqa: PLC0415 - it imports json

        return _extract(extractor, [*map(write_calls, batch.tool_calls)])
    texts = batch.texts
    if isinstance(extractor, Regex):
        find = _prepare_find(extractor)
        return [find(text) for text in texts]
    # a search with a time limit, and an extractor of one's own, may find something else next time
    return (_extract_once if isinstance(extractor, _REPEATABLE) else _extract)(extractor, texts)


def _extract(extractor: Extractor, texts: list[str]) -> list[str | None]:
    found = [*map(extractor.extract, texts)]
    # by the few different types, not by row: the check is paid for every batch
    if any(not issubclass(kind, str | NoneType) for kind in {*map(type, found)}):
        given = next(each for each in found if not isinstance(each, str | NoneType))
        name = extractor.registered_name or type(extractor).__name__
        message = f"{name}.extract gave {shorten_repr(given)} for a text, expected a string or None"
        raise TypeError(message)
    return found


_extract_once = remember_last(_extract)
_REPEATABLE = (Tag, Boxed, Hash, After)


def extract_references(extractor: Extractor | None, references: Sequence[Any]) -> Sequence[Any]:
    """Extract the right answer from each reference: from a text, or from each text of a list.

    A text in which the extractor finds nothing becomes None; what is neither text nor a list is
    returned as it is, and so are all references without an extractor.

    >>> extract_references(Hash(), ["9 + 9 = 18 #### 18", ["#### 1", "2"], 7])
    ['18', ['1', None], 7]
    """
    if extractor is None:
        return references

    def extract(reference: Any) -> Any:
        if isinstance(reference, str):
            return extractor.extract(reference)
        if isinstance(reference, (list, tuple)):
            return [extract(part) if isinstance(part, str) else part for part in reference]
        return reference

    return [*map(extract, references)]


MAX_REFERENCE_CHARACTERS = 30


def explain_reference(extractor: Extractor | None, reference: Any) -> str:
    """Describe a reference that no verifier can read: its end, and the extractor that would help.

    >>> explain_reference(None, "Half of 36 is 18, so #### 18")
    "'Half of 36 is 18, so #### 18'; reference_extractor: hash reads it"
    """
    if isinstance(reference, (list, tuple)) and reference:
        reference = reference[0]  # a list in it may hold itself
    if not isinstance(reference, str):
        return shorten_repr(reference)
    # the answer is at the end of a solution
    end = reference[-MAX_REFERENCE_CHARACTERS:]
    text = repr(reference if end == reference else f"...{end}")
    if extractor is not None and extractor.extract(reference) is None:
        return f"reference_extractor finds nothing in {text}"
    for name, other in (("hash", Hash()), ("boxed", Boxed()), ("tag", Tag())):
        found = other.extract(reference)
        if extractor is None and found and found != reference.strip():
            return f"{text}; reference_extractor: {name} reads it"
    return text
