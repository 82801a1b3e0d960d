"""Patterns that users write, compiled by the `regex` package, which can stop a search in time."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from rewardkit._messages import shorten_text

MAX_PATTERN_CHARACTERS = 100_000  # of a whole vocabulary; more takes seconds to compile


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """Return the compiled pattern. Raises ValueError, with the reason, if it is malformed.

    >>> compile_pattern(r"[0-9]+").search("so 42", timeout=1)[0]
    '42'
    """
    import regex  # noqa: PLC0415 - it takes its time to import

    if len(pattern) > MAX_PATTERN_CHARACTERS:
        got = f"got a pattern of {len(pattern):,} characters"
        raise ValueError(f"{got}, expected at most {MAX_PATTERN_CHARACTERS:,}")
    try:
        return regex.compile(pattern)
    # `regex` recurses into groups, and fails in other ways on some malformed patterns.
    except (regex.error, RecursionError, MemoryError, ValueError, OverflowError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else shorten_text(str(error), 200)
        message = f"pattern {shorten_text(pattern)!r} does not compile: {reason}"
        raise ValueError(message) from None


@lru_cache(maxsize=256)
def find_quick_length(pattern: str, timeout: float) -> int:
    """Return the length of the texts that a search surely reads in `timeout` seconds.

    They need no time limit, for which the clock is read: that takes longer than most searches.

    >>> find_quick_length("[0-9]+ apples?", 0.1) > 500, find_quick_length("(a+)+b", 0.1)
    (True, 0)
    """
    rest = _SIMPLE_ESCAPE.sub("a", pattern)
    if "\\" in rest or "(?" in rest.replace("(?:", "(") or _REPEATED_GROUP.search(rest):
        return 0
    repeats = [found.start() for found in _REPEAT.finditer(rest)]
    if len(repeats) > 1:
        return 0
    # each optional item doubles the ways at most, and each branch adds one
    ways = (1 << rest.count("?")) * (1 + rest.count("|"))
    # nothing after the repeat can fail, so that the first start that reaches it is a match
    is_last = rest.rstrip(")").endswith(("*", "+")) and "|" not in rest
    if not repeats or is_last:
        return int(timeout / (ways * len(pattern) * _SECONDS_PER_STEP))
    # from each start the repeat may end anywhere, and what follows it is tried there
    after = len(rest) - repeats[0]
    return int((timeout / (ways * after * _SECONDS_PER_STEP)) ** 0.5)


@lru_cache(maxsize=256)
def compile_portable(pattern: str) -> re.Pattern[str] | None:
    r"""Compile a pattern for Python's `re` if it surely means the same there; else return None.

    `re` takes half as long as `regex`, and has no time limit.

    >>> [compile_portable(pattern) is None for pattern in (r"#### -?[0-9]+", r"\d", "[[:alpha:]]")]
    [False, True, True]
    """
    if len(pattern) > _MAX_PORTABLE_CHARACTERS or not _PORTABLE.fullmatch(pattern):
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


_MAX_PORTABLE_CHARACTERS = 1000  # a long one takes long to compile
# Without the escapes of letters, such as \s and \b, and with simple sets alone: `regex` knows
# another version of Unicode, other white space, classes by name, and more operators.
_PORTABLE = re.compile(
    r"(?:[^\\{}\[\]()]|\\[^0-9A-Za-z]|\[\^?(?:[0-9A-Za-z](?:-[0-9A-Za-z])?|[ ,.])+\]"
    r"|\((?![?*])|\)|\{[0-9]{1,3}(?:,[0-9]{1,3})?\})*+"
)


@lru_cache(maxsize=256)
def prepare_find(
    pattern: str, group: int | str, which: Literal["first", "last"], *, strip: bool, timeout: float
) -> Callable[[str], str | None]:
    """Return a function that finds the text of a group; None if there is none, or not in time.

    >>> find_first = prepare_find("a([0-9]?)|b", 1, "first", strip=False, timeout=0.1)
    >>> find_first("b a3 a4"), find_first("b")
    ('3', None)
    """
    # What all texts have in common is looked up once, since that takes as long as most searches.
    compiled, quick_length = compile_pattern(pattern), find_quick_length(pattern, timeout)
    search, finditer = compiled.search, compiled.finditer
    is_first, clean = which == "first", str.strip if strip else str

    def find(text: str) -> str | None:
        is_quick, found = len(text) <= quick_length, None
        try:
            if is_first:
                match = search(text) if is_quick else search(text, timeout=timeout)
                if match is None or (found := match[group]) is not None:
                    return found and clean(found)
            # a group in a branch that was not taken has no text, and another match may have it
            for match in finditer(text) if is_quick else finditer(text, timeout=timeout):
                found = match[group] if match[group] is not None else found
                if found is not None and is_first:
                    break
        except TimeoutError:
            return None
        return found and clean(found)

    return find


@lru_cache(maxsize=256)
def find_literal_start(pattern: str) -> str:
    r"""Return a text that every match begins with, "" if there is none.

    >>> [find_literal_start(pattern) for pattern in (r"#### -?\d+", r"\\boxed\{", "ab*")]
    ['#### ', '\\boxed{', 'a']
    """
    # a flag applies to the whole pattern, wherever it is; of branches each begins in its own way
    if "|" in pattern or "(?" in pattern.replace("(?:", ""):
        return ""
    literals = _LITERALS.match(pattern)[0]  # type: ignore[index]  # it always matches
    found = re.sub(r"\\(.)", r"\1", literals, flags=re.DOTALL)
    # what follows may repeat the last character, or make it optional
    is_repeated = pattern[len(literals) : len(literals) + 1] in {*"*+?{"}
    return found[:-1] if is_repeated else found


_LITERALS = re.compile(r"(?:[^\\.^$*+?{}\[\]()]|\\[^0-9A-Za-z])*+", re.DOTALL)
_SECONDS_PER_STEP = 2e-8  # about five times what it takes
_SIMPLE_ESCAPE = re.compile(r"\\(?:[dDwWsSbBnrt]|[^0-9A-Za-z])", re.DOTALL)
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_REPEAT = re.compile(r"[*+{]")
