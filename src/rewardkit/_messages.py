"""Text that several modules share: hints, missing columns, pydantic's errors, unique names."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import chain, count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_VALUE_CHARACTERS = 60  # a completion or a file pasted by mistake must not fill the terminal
MAX_LISTED_NAMES = 30
MAX_LINE_CHARACTERS = 1_000


def did_you_mean(name: str, known: Iterable[Any]) -> str:
    """Return a hint with the known names nearest to `name`, or "" if none is near.

    >>> did_you_mean("lenght", ["length", "language"])
    "; did you mean 'length'?"
    >>> did_you_mean("zebra", ["length", "language"])
    ''
    """
    # difflib's own cutoff of 0.6 takes a slipped or missing letter; lower ones offer other words
    if len(name) > MAX_VALUE_CHARACTERS:  # no slip of the finger, and difflib's time is quadratic
        return ""
    near = get_close_matches(name, [text for key in known if len(text := str(key)) < 200], n=3)  # noqa: PLR2004 - the same
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def explain_missing_column(name: str, present: Iterable[str]) -> str:
    """Return that a column is missing, with the columns present and the names nearest to it.

    >>> explain_missing_column("answer", ["answers"])
    "no column 'answer' (columns: answers); did you mean 'answers'?"
    """
    present = [*present]
    listed = list_names(present)
    return f"no column {shorten_text(str(name))!r} (columns: {listed}){did_you_mean(name, present)}"


def list_names(names: Iterable[str]) -> str:
    """Return the names for a message: 30 of them, and 60 characters of each.

    >>> list_names(["prompt", "answer"]), list_names([])
    ('prompt, answer', 'none')
    """
    names = [*names]
    listed = ", ".join(shorten_text(str(name)) for name in names[:MAX_LISTED_NAMES]) or "none"
    more = len(names) - MAX_LISTED_NAMES
    return f"{listed} and {more:,} more" if more > 0 else listed


def make_names_unique(names: Iterable[str], taken: Collection[str] = ()) -> list[str]:
    """Return the names, each made unique: a, and if that is taken a-2, a-3 and so on.

    >>> make_names_unique(["a", "b", "a"])
    ['a', 'b', 'a-2']
    """
    unique: dict[str, None] = {}
    for name in names:
        alternatives = chain([name], (f"{name}-{number}" for number in count(2)))
        free = (each for each in alternatives if each not in unique and each not in taken)
        unique[next(free)] = None
    return [*unique]


def make_log_name(text: str) -> str:
    """Return a text with `_` in place of the characters that some logger refuses.

    >>> make_log_name("<lambda>"), make_log_name("length.target:4")
    ('_lambda_', 'length.target:4')
    """
    return re.sub(r"[^\w./:-]+", "_", text)


def error_line(error: BaseException) -> str:
    r"""Return an error in one line.

    >>> error_line(ValueError("one\ntwo"))
    'ValueError: one two'
    """
    return " ".join(f"{type(error).__name__}: {error}".split())


def explain_class(given: type) -> str:
    """Return the message for a class where its instance is expected.

    >>> explain_class(dict)
    'got the class dict, expected an instance: dict(...)'
    """
    return f"got the class {given.__name__}, expected an instance: {given.__name__}(...)"


def suggest_wrap(function: Any) -> str:
    """Return how to make a reward of a function.

    >>> suggest_wrap(len)
    'wrap it: rk.wrap(len, bounds=(0.0, 1.0))'
    """
    name = getattr(function, "__name__", type(function).__name__)
    return f"wrap it: rk.wrap({name}, bounds=(0.0, 1.0))"


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> pluralize(1, "row"), pluralize(0, "row")
    ('1 row', '0 rows')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shorten_text(text: str, length: int = MAX_VALUE_CHARACTERS) -> str:
    """Return a text's beginning in one line, of at most `length` characters.

    >>> shorten_text("a line and more lines", 12)
    'a line an...'
    """
    # Cut first: what was read by mistake may have gigabytes.
    line = " ".join(text[: length + 1].split())
    return line if len(text) <= length else line[: length - 3] + "..."


def shorten_repr(value: Any) -> str:
    """Return a value's repr, shortened, with its type.

    >>> shorten_repr("four")
    "'four' (str)"
    """
    shown = " ".join(_cut_repr(value).split())
    if len(shown) > MAX_VALUE_CHARACTERS:  # `textwrap` takes long, also for what is short enough
        shown = textwrap.shorten(shown, MAX_VALUE_CHARACTERS, placeholder="...")
    return f"{shown} ({type(value).__name__})"


def _cut_repr(value: Any) -> str:
    # A repr of a megabyte's text takes longer than the error is worth.
    if isinstance(value, str | bytes):
        value = value[: 2 * MAX_VALUE_CHARACTERS]
    try:
        return repr(value)[: 2 * MAX_VALUE_CHARACTERS]
    except Exception:  # noqa: BLE001 - data: an integer of 5,000 digits, or a list too deep
        return "a value that cannot be shown"


def explain_validation_error(
    error: ValidationError, name: str, choices: Mapping[str, str] | None = None
) -> str:
    """Return one line per problem: where it is, what was given and what was expected.

    `name` is the component's; the path to the field follows it. `choices` says, for fields that are
    missing, what they take.
    """
    problems = error.errors(include_url=False)
    lines: list[str] = []
    unions: dict[tuple[Any, ...], int] = {}
    for problem in problems:
        location = problem["loc"]
        nested = [other["loc"] for other in problems if len(other["loc"]) > len(location)]
        if any(other[: len(location)] == location for other in nested):
            continue  # the problem inside it is the cause
        expected = translate_phrases(problem["msg"])
        path = ".".join([name, *map(str, location)])
        if problem["type"] == "missing":
            wanted = (choices or {}).get(str(location[-1]))
            lines.append(f"{path}: {f'missing; give it {wanted}' if wanted else expected}")
            continue
        if problem["type"] == "value_error":
            lines.extend(f"{path}: {line}" for line in expected.splitlines())
            continue
        # pydantic reports each member of a union by itself, at the field's location with the
        # member's type behind it; a person made one mistake, which takes one line
        member = _union_member(location, problem["input"], problems)
        if member:
            path = ".".join([name, *map(str, location[:-1])])
        if member and location[:-1] in unions:
            lines[unions[location[:-1]]] += f" or {expected}"
            continue
        if member:
            unions[location[:-1]] = len(lines)
        lines.append(f"{path}: got {shorten_repr(problem['input'])}, expected {expected}")
    return "\n".join(line[:MAX_LINE_CHARACTERS] for line in lines)


def _union_member(location: tuple[Any, ...], given: Any, problems: list[Any]) -> bool:
    """Return whether another problem is about the same value at the same field."""
    if len(location) <= 1:
        return False
    same = [
        other
        for other in problems
        if other["loc"][:-1] == location[:-1] and other["input"] is given
    ]
    return len(same) > 1 and all(isinstance(other["loc"][-1], str) for other in same)


def translate_phrases(message: str) -> str:
    """Return a message of pydantic's in our words.

    >>> translate_phrases("Input should be a valid integer")
    'an integer'
    """
    for phrase, ours in _PYDANTIC_PHRASES.items():
        message = message.replace(phrase, ours)
    return message


_PYDANTIC_PHRASES = {
    "Value error, ": "",
    "Field required": "missing; give it a value",
    "Input should be ": "",
    "Path does not point to a file": "the path of a file that exists",
    "String should have ": "",
    "String should match pattern ": "text that matches ",
    "Tuple should have": "a list with",
    "Value should have at least 1 item after validation, not 0": "at least 1 item",
    "a valid tuple": "a list",
    "a valid dictionary": "a mapping",
    "a valid string": "a string",
    "a valid number": "a number",
    "a valid integer": "an integer",
    "a valid boolean": "true or false",
    " after validation": "",
}


def explain_no_values(name: str, rows: int, reason: str) -> str:
    """Say that a reward abstained on every row, with one row's reason.

    >>> explain_no_values("right", 10560, "bad_reference: 'n/a'")
    "right: no value on any of 10,560 rows, for example bad_reference: 'n/a'"
    """
    example = f", for example {reason}" if reason else ""
    return f"{name}: no value on any of {rows:,} row{'s' * (rows != 1)}{example}"
