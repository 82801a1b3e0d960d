"""Find tags in text, in one scan whose time is linear in the text's length, whatever it holds.

A block has two marks: `<NAME>` and `</NAME>`, or any two texts. Near-tags, which a reader takes for
a mark (`<THINK>`, `<think >`, `< /think>`, `<think step="2">`, `[ think ]`), are not the mark; but
with one beside it a mark does not count as the only one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import permutations, zip_longest
from typing import Annotated, Any, Literal, TypeAlias
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field

from rewardkit._messages import shorten_repr
from rewardkit._text import special_tokens

TagPair: TypeAlias = tuple[str, str]
"""The opening and the closing mark of a block: `("[THINK]", "[/THINK]")`."""


def check_tag(tag: Any) -> str | TagPair:
    """Return a tag's name, or its pair of marks as a tuple.

    Raises ValueError, with what to write instead, for anything else: a name with brackets, a pair
    of which one mark is empty, equal to the other or a part of it.
    """
    if isinstance(tag, str):
        if not _TAG_NAME.fullmatch(tag):
            raise ValueError(_explain_tag_name(tag))
        return tag
    if not isinstance(tag, list | tuple) or len(tag) != 2 or {*map(type, tag)} != {str}:  # noqa: PLR2004 - a pair
        message = (
            f"got {shorten_repr(tag)}, expected a string such as 'answer', or a pair of them,"
            " (opening, closing)"
        )
        raise ValueError(message)
    if not all(mark.strip() for mark in tag):
        message = f"got the pair {tuple(tag)}, expected two marks that are not empty"
        raise ValueError(message)
    _check_marks_differ([*tag])
    return tag[0], tag[1]


def _explain_tag_name(tag: str) -> str:
    if not tag:
        return "got '' (str), expected a name such as 'answer', or a pair (opening, closing)"
    name = re.sub(r"[<>\[\]/\s]+", "", tag) or "answer"
    pair = (f"<{name}>", f"</{name}>") if "[" not in tag else (f"[{name}]", f"[/{name}]")
    return (
        f"got the tag {tag!r}, expected a name such as 'answer', or a pair (opening, closing) in"
        f" brackets of its own, such as {pair}"
    )


def check_tags(tags: tuple[str | TagPair, ...]) -> tuple[str | TagPair, ...]:
    """Return the tags. Raises ValueError if a mark of one is equal to a mark of another, or in it.

    A mark must occur exactly once, so that no text could have the layout.
    """
    if len(set(tags)) < len(tags):
        message = f"got {tags}, expected different names"
        raise ValueError(message)
    _check_marks_differ(list_tags(tags))
    return tags


def _check_marks_differ(marks: list[str]) -> None:
    for mark, other in permutations(marks, 2):
        if mark in other:
            problem = "twice" if mark == other else f"and {other!r}, which contains it"
            message = f"got the mark {mark!r} {problem}, expected marks that differ"
            raise ValueError(message)


_TAG_NAME = re.compile(r"[^<>/\s]+")

Tag = Annotated[Annotated[str, Field(min_length=1)] | TagPair, BeforeValidator(check_tag)]
"""How a component's field names a block: `"answer"` for `<answer>` and `</answer>`, or a pair of
any two marks, (opening, closing)."""
Tags = Annotated[tuple[Tag, ...], Field(min_length=1), AfterValidator(check_tags)]
"""The blocks of a layout, in order."""


def tag_marks(tag: str | TagPair) -> TagPair:
    """Return the opening and the closing mark of a tag.

    >>> tag_marks("think"), tag_marks(("[THINK]", "[/THINK]"))
    (('<think>', '</think>'), ('[THINK]', '[/THINK]'))
    """
    return (f"<{tag}>", f"</{tag}>") if isinstance(tag, str) else tag


def list_tags(tags: Sequence[str | TagPair]) -> list[str]:
    """Return each block's opening and closing mark, in the order in which they should occur.

    >>> list_tags(["think", ("[ANSWER]", "[/ANSWER]")])
    ['<think>', '</think>', '[ANSWER]', '[/ANSWER]']
    """
    return [mark for tag in tags for mark in tag_marks(tag)]


def prepare_texts(
    texts: list[str],
    tags: Sequence[str | TagPair],
    *,
    opened_in_prompt: bool = False,
    lenient: bool = False,
    line: str = "",
) -> list[str]:
    """Return the texts as a reward for tags reads them.

    `opened_in_prompt` writes the first opening mark, and `line` after it, if the text does not
    begin with it; `lenient` writes each near-tag as its mark.

    >>> prepare_texts(["2 + 2</think>", "<think>3"], ["think"], opened_in_prompt=True)
    ['<think>2 + 2</think>', '<think>3']
    >>> prepare_texts(["<Think>3</ think>"], ["think"], lenient=True)
    ['<think>3</think>']
    """
    marks = tuple(list_tags(tags))
    if lenient:
        texts = [restore_marks(text, marks) for text in texts]
    if not opened_in_prompt:
        return texts
    # some models write the mark again although the prompt ended in it
    written = (marks[0] + line, f"{marks[0]}\r{line}") if line else marks[0]
    return [
        text
        if text.removeprefix("\ufeff").lstrip().startswith(written)
        else f"{marks[0]}{line}{text}"
        for text in texts
    ]


def is_blank(text: str) -> bool:
    r"""Return whether a text has no content: no letter, digit or symbol outside of markup.

    Special tokens of a tokenizer are markup.

    >>> is_blank(" \n\u200b\u3164"), is_blank(r"\boxed{}."), is_blank("<b></b>"), is_blank("0")
    (True, True, True, False)
    """
    # most texts begin with a word, which the pattern sees without a copy of the text
    if _STARTS_WITH_CONTENT.match(text):
        return False
    characters = _MARKUP.sub("", text)
    return not any(category(c) in _CONTENT_CATEGORIES and c not in INVISIBLE for c in characters)


# Letters and symbols by their Unicode category that show nothing: Hangul fillers, blank Braille,
# object replacement, the replacement of a lone surrogate, a null notehead.
INVISIBLE = "\u115f\u1160\u2800\u3164\uffa0\ufffc\ufffd\U0001d159"
# a letter or digit before anything that may be markup
_STARTS_WITH_CONTENT = re.compile(rf"[^\w\\<&\[]*+[^\W_{INVISIBLE}]")
_MARKUP = re.compile(
    r"\\(?:boxed|text[A-Za-z]*|math[A-Za-z]+|q?quad)(?![A-Za-z])|&#?\w+;|</?[A-Za-z!][^<>]*+>"
    rf"|{special_tokens.PATTERN}"
)
# Punctuation, modifiers and currency symbols are not content; "+" and an arrow are.
_CONTENT_CATEGORIES = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "So"}

Layout: TypeAlias = Literal["anywhere", "soft", "strict"]
"""Where the blocks are: `anywhere` in the text; `soft`: from its start on, one after the other;
`strict`: as soft, with each mark on a line of its own."""

# a byte order mark at the start of a text is white space to a reader, but not to `\s`
_SPACE = r"[\s\ufeff]*+"
_NEWLINE = r"\r?\n"
# Harmony, the format of gpt-oss, begins each message with its role, which the first one has in the
# prompt: `<|start|>assistant<|channel|>final<|message|>`.
CHANNEL = "<|channel|>"
MESSAGE_START = "<|start|>assistant"
EMPTY_THINK = rf"<think>{_SPACE}</think>{_SPACE}"
"""The block that chat templates write for a model that does not think."""


@lru_cache(maxsize=64)
def compile_layout(
    tags: tuple[str | TagPair, ...],
    layout: Layout = "anywhere",
    *,
    empty_think: bool = False,
    answer_after: bool = False,
) -> Callable[[str], int]:
    r"""Return a function that gives the end of the last block, or -1 if the layout does not match.

    In the layout each mark occurs once, in order, and no block is blank. `empty_think` allows an
    empty think block before the first block, unless `think` is itself one of the tags;
    `answer_after` asks for text after the last block that is not blank.

    >>> find_end = compile_layout(("a", "b"), "soft")
    >>> find_end("<a>1</a> <b>2</b>!"), find_end("<a>1</a>, <b>2</b>")
    (17, -1)
    >>> find_end("<a>1</a> <b></b>")
    -1
    """
    marks = list_tags(tags)
    other = _pattern_without_marks(marks)
    # Whether a block is blank needs Unicode categories, which a pattern does not have. The pattern
    # sees the common case; the empty group takes part in the match only if the block may be blank.
    first = rf"(?>{_pattern_of_first_content(marks)}|())"
    start = gap = line = line_before = ""
    if layout != "anywhere":
        think = rf"(?:{_SPACE}{EMPTY_THINK})?+" if empty_think and allows_think(marks) else ""
        gap = _SPACE
        start = think + gap
    if layout == "strict":
        gap, line, line_before = _NEWLINE, _NEWLINE, r"(?<=\n)"
        start = rf"\ufeff?+{think}"
    blocks = []
    for number, (opening, closing) in enumerate(map(tag_marks, tags)):
        before = (gap if number else start) or _pattern_without_marks(marks, before=opening)
        if opening.startswith(CHANNEL):
            before += f"(?:{re.escape(MESSAGE_START)})?+"
        inside = f"{line}{first}{_pattern_without_marks(marks, before=closing)}{line_before}"
        blocks.append(f"{before}{re.escape(opening)}{inside}{re.escape(closing)}")
    answer = first if answer_after else ""
    match = re.compile(rf"{''.join(blocks)}(?={answer}{other}\Z)").match

    def find_end(text: str) -> int:
        found = match(text)
        if found is None or (found.lastindex and _has_blank_part(found, marks[1::2])):
            return -1
        return found.end()

    return find_end


def _has_blank_part(found: re.Match[str], closings: list[str]) -> bool:
    """Return whether one of the parts at whose start a group matched is blank."""
    starts = map(found.start, range(1, found.re.groups + 1))
    # after the blocks, the answer has no closing mark
    for start, closing in zip_longest(starts, closings):
        if start >= 0:
            rest = found.string[start:]
            if is_blank(rest.partition(closing)[0] if closing else rest):
                return True
    return False


def allows_think(marks: Sequence[str]) -> bool:
    """Return whether a think block is none of the blocks, so that an empty one says nothing."""
    return not {"<think>", "</think>"} & {mark.lower() for mark in marks}


@lru_cache(maxsize=64)
def compile_only_block(tag: str | TagPair) -> Callable[[str], re.Match[str] | None]:
    """Return a function that finds a block's content, as group 1, if each mark occurs exactly once.

    >>> find_block = compile_only_block("a")
    >>> find_block("1<a>2</a><b>")[1], find_block("<a>1</a><a>2</a>")
    ('2', None)
    """
    marks = tag_marks(tag)
    opening, closing = map(re.escape, marks)
    before, inside = (_pattern_without_marks(marks, mark) for mark in marks)
    other = _pattern_without_marks(marks)
    return re.compile(f"{before}{opening}({inside}){closing}{other}").fullmatch


def find_tags(
    text: str, marks: Sequence[str], found_at: Sequence[Sequence[int]] | None = None
) -> list[int]:
    """Return the position of each mark, -1 for a mark that does not count.

    A mark counts if it occurs exactly once, without near-tags, after those that count before it,
    and does not close a blank block. `marks` alternates between opening and closing ones;
    `found_at` is what `find_marks` returns for them.

    >>> find_tags("<a>1</a><b></b><b>", ["<a>", "</a>", "<b>", "</b>"])
    [0, 4, -1, 11]
    """
    *found_at, near_tags = find_marks(text, marks) if found_at is None else found_at
    positions: list[int] = []
    last = -1
    for number, starts in enumerate(found_at):
        position = starts[0] if len(starts) == 1 else -1
        counts = position > last
        if counts and number % 2 and positions[-1] >= 0:
            counts = not is_blank(text[positions[-1] + len(marks[number - 1]) : position])
        counts = counts and not (near_tags and find_near_tags(text, marks[number], marks))
        last = position if counts else last
        positions.append(position if counts else -1)
    return positions


def find_marks(text: str, marks: Sequence[str]) -> list[list[int]]:
    """Return the positions at which each mark occurs, and at the end those of the near-tags.

    >>> find_marks("<a>1<b>2< /A>", ["<a>", "</a>"])
    [[0], [], [8]]
    """
    found_at: list[list[int]] = [[] for _ in range(len(marks) + 1)]
    pattern, numbers = _compile_marks(tuple(marks))
    # one pass over the text takes a third of the time of a search for each mark and its repetition
    for found in pattern.finditer(text):
        found_at[numbers[(found.lastindex or 0) - 1]].append(found.start())
    return found_at


@lru_cache(maxsize=64)
def _compile_marks(marks: tuple[str, ...]) -> tuple[re.Pattern[str], list[int]]:
    """Compile a pattern of marks and near-tags, and list the mark's number per group, -1 for near.

    It takes a mark's first character alone and looks at the rest, since marks may overlap.
    """
    patterns: list[str] = []
    numbers: list[int] = []
    for first, same in _group_by_first(marks).items():
        rests = [f"({re.escape(mark[1:])})" for mark in same]
        numbers += map(marks.index, same)
        if near := "|".join(spelling for mark in same if (spelling := _near_spelling(mark))):
            rests.append(f"({near})")
            numbers.append(-1)
        # the first character first: a search then skips to it
        patterns.append(f"{re.escape(first)}(?={'|'.join(rests)})")
    return re.compile("|".join(patterns)), numbers


# Near-tags ----------------------------------------------------------------------------------------


def find_near_tags(text: str, mark: str, marks: Sequence[str]) -> list[str]:
    """Return the near-tags of a mark in the text; `marks` are all that a layout has.

    >>> find_near_tags("<a>1< A ><b>", "<a>", ["<a>", "</a>"])
    ['< A >']
    """
    spelling = _near_spelling(mark)
    if spelling is None:
        return []
    found = re.compile(re.escape(mark[0]) + spelling).findall(text)
    return [near for near in found if near not in marks]


def restore_marks(text: str, marks: tuple[str, ...]) -> str:
    """Return the text with each near-tag written as the mark that it is near to.

    >>> restore_marks("2</ Think >4", ("</think>",))
    '2</think>4'
    """
    return _compile_restore_marks(marks)(text)


@lru_cache(maxsize=64)
def _compile_restore_marks(marks: tuple[str, ...]) -> Callable[[str], str]:
    by_spelling = {
        f"{re.escape(mark[0])}{spelling}": mark
        for mark in marks
        if (spelling := _near_spelling(mark)) is not None
    }
    if not by_spelling:
        return str
    restored = [*by_spelling.values()]
    pattern = re.compile("|".join(f"({spelling})" for spelling in by_spelling))

    def restore(found: re.Match[str]) -> str:
        # of two marks that differ in capitals alone, each is what it is
        return found[0] if found[0] in marks else restored[(found.lastindex or 1) - 1]

    return lambda text: pattern.sub(restore, text)


def _near_spelling(mark: str) -> str | None:
    """Return the pattern of a mark and its near-tags, but for the first character; None if none."""
    named = _NAMED_MARK.fullmatch(mark)
    if named is None:
        return None
    slash, name = named["slash"], re.escape(named["name"])
    end = r"(?:[\s/][^<>]*+)?+>" if mark[0] == "<" else r"\s*+\]"
    return rf"\s*+{slash}\s*+(?i:{name}){end}"


# a name in brackets; other marks, such as "Answer:", are in prose in all spellings
_NAMED_MARK = re.compile(r"[<\[](?P<slash>/?)(?P<name>[^<>\[\]/\s]+)[>\]]")


def _pattern_without_marks(marks: Sequence[str], before: str = "") -> str:
    """Return the pattern of a text without any of the marks and their near-tags.

    A mark that likely follows, `before`, ends the text at once; it changes the time alone.
    """
    by_first = _group_by_first(marks)
    firsts = "".join(map(re.escape, by_first))
    other = f"[^{firsts}]*+"
    # Possessive: at each first character there is one way on, so that the match never goes back:
    # it is linear.
    either = "|".join(
        f"{re.escape(first)}(?!{_pattern_of_rests(rest)})" for first, rest in by_first.items()
    )
    rest = f"(?:(?:{either}){other})*+"
    return f"{other}(?>(?={re.escape(before)})|{rest})" if before else f"{other}{rest}"


def _group_by_first(marks: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for mark in marks:
        groups.setdefault(mark[0], []).append(mark)
    return groups


def _pattern_of_rests(marks: Sequence[str]) -> str:
    """Return the pattern of marks and near-tags with one first character, without it."""
    exact = [re.escape(mark[1:]) for mark in marks]
    # the marks themselves first, since nearly every match is one of them
    return "|".join(exact + [near for mark in marks if (near := _near_spelling(mark))])


def _pattern_of_first_content(marks: Sequence[str]) -> str:
    """Return the pattern of a block's start up to its first letter, if no mark can be in it."""
    # a mark begins with a character that the pattern neither skips nor ends at
    firsts = "".join(sorted({re.escape(mark[0]) for mark in marks} - {"<", r"\["}))
    skipped = rf"[^\w\\<&\[{firsts}]*+"
    return rf"{skipped}{f'(?![{firsts}])' if firsts else ''}[^\W_{INVISIBLE}]"
