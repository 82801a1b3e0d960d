"""What is wrong with a dataset's references and prompts, whatever the reward."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rewardkit._messages import shorten_text
from rewardkit._template import Row
from rewardkit._text import special_tokens
from rewardkit._text.numbers import read_number
from rewardkit.audit.findings import ProblemKind
from rewardkit.batch import Batch
from rewardkit.verify.base import texts as reference_texts


class Defect(NamedTuple):
    """One kind of defect, with the rows that show it."""

    kind: ProblemKind
    detail: str
    rows: list[int]


_QUESTION_COLUMNS = ("question", "problem", "instruction", "query")
_MISSING = frozenset(
    {"", "n/a", "na", "none", "null", "nan", "-", "--", "?", "unknown", "tbd", "todo", "#n/a"}
)
_SPECIAL_TOKEN = re.compile(special_tokens.PATTERN)
_PLAIN_NUMBER = re.compile(r"[-+\u2212]?\d[\d,]*(?:\.\d+)?|[-+]?\.\d+")
_NUMBER_WITH_UNIT = re.compile(
    r"(?:[$\u20ac\u00a3\u00a5]\s?)?[-+\u2212]?\d[\d,]*(?:\.\d+)?"
    r"(?:\s?%|\s?[^\W\d_]{1,20}(?:[ /^][\w/^]{1,20}){0,2}\.?)?"
)
# A whole answer says so before the reference: "Answer: 4", "the answer is 4", "#### 4".
_ANNOUNCED = r"(?:answer|solution|result)\W{0,3}(?:is|:|=)\W{0,3}|####\s*|\\boxed\{\s*|<answer>\s*"
_MIN_ROWS = 4  # of fewer rows nothing follows from what they have in common
_LEAKING_SHARE = 0.1
_NUMBERS_SHARE = 0.5
_COMMON_SHARE = 0.5
_MIN_LEAKED_DIGITS = 2


def lint_rows(
    rows: Sequence[Row], columns: Collection[str], *, rollouts: bool = False
) -> Iterator[Defect]:
    """Yield the defects of the rows' references, which are in `columns`, and of their prompts.

    `rollouts` says that the rows hold a model's completions, so that prompts are repeated.
    """
    yield from _lint_prompt_column(rows)
    prompts = [_as_prompt_text(row.get("prompt")) for row in rows]
    for column in columns:
        values = [row.get(column) for row in rows]
        for defect in _lint_references(values, prompts):
            detail = f"column {column!r}: {defect.detail}"
            yield defect._replace(detail=detail)
        yield from _find_conflicts(prompts, values, column)
    if not rollouts:
        yield from _find_duplicates(rows, prompts)


def overlapping_rows(rows: Sequence[Row], held_out: Sequence[Row]) -> Defect | None:
    """Return the rows whose prompt is in the held-out rows too, but for case and white space."""
    held = {_make_key(row) for row in held_out}
    found = [number for number, row in enumerate(rows) if _make_key(row) in held]
    return (
        Defect("held_out", "their prompts are in the held-out rows too", found) if found else None
    )


def _make_key(row: Row) -> str:
    prompt = row.get("prompt")
    if prompt is None:  # without a prompt, a row is known by its question, or by all of it
        names = [name for name in _QUESTION_COLUMNS if name in row]
        prompt = row[names[0]] if names else json.dumps(row, sort_keys=True, default=str)
    # The system prompt is the same in all rows; a held-out file may have another one.
    if isinstance(prompt, list | tuple):
        asked = [one for one in prompt if isinstance(one, Mapping) and one.get("role") != "system"]
        prompt = asked or prompt
    return " ".join(_as_prompt_text(prompt).casefold().split())


def _as_prompt_text(prompt: Any) -> str:
    if prompt is None:
        return ""
    try:
        return Batch([""], prompts=[prompt]).prompt_text(0)
    except (TypeError, ValueError):
        return str(prompt)


def _lint_prompt_column(rows: Sequence[Row]) -> Iterator[Defect]:
    everything = [*range(len(rows))]
    known = [name for name in _QUESTION_COLUMNS if name in rows[0]]
    if "prompt" not in rows[0] and known:
        detail = f"no column 'prompt', which the trainer needs; rename {known[0]!r} to it"
        yield Defect("no_prompt", detail, everything)
    forms = {type(row.get("prompt")) is str for row in rows if row.get("prompt") is not None}
    if len(forms) > 1:
        detail = "some prompts are texts and some are messages; the trainer takes one form"
        yield Defect("mixed_prompts", detail, everything)


# References ---------------------------------------------------------------------------------------


def _lint_references(values: Sequence[Any], prompts: Sequence[str]) -> Iterator[Defect]:
    # A program or a whole text is not an answer: what is said of answers does not hold for it.
    found = {
        number: texts
        for number, value in enumerate(values)
        if (texts := [value] if isinstance(value, str) else reference_texts(value))
    }
    short = {number: texts for number, texts in found.items() if "\n" not in texts[0].strip()}
    checks: tuple[tuple[ProblemKind, str, Callable[[str], bool], Mapping[int, list[str]]], ...] = (
        (
            "uncut_reference",
            "a whole solution with '####'; cut the answer out of it",
            lambda text: "####" in text,
            found,
        ),
        (
            "special_tokens",
            "a special token of a tokenizer",
            lambda text: _SPECIAL_TOKEN.search(text) is not None,
            found,
        ),
        (
            "white_space",
            "white space around it",
            lambda text: text != text.strip() and bool(text.strip()),
            short,
        ),
        (
            "missing_reference",
            "not a reference but a word for none",
            lambda text: text.strip().casefold() in _MISSING,
            short,
        ),
    )
    for kind, detail, is_wrong, chosen in checks:
        rows = [number for number, texts in chosen.items() if any(map(is_wrong, texts))]
        if rows:
            texts = chosen[rows[0]]
            shown = next(text for text in texts if is_wrong(text))
            yield Defect(kind, f"{detail}: {shorten_text(shown)!r}", rows)
    yield from _find_mixed_kinds(values, short)
    yield from _find_one_answer(found, prompts)
    yield from _find_leaks(short, prompts)


def _find_mixed_kinds(
    values: Sequence[Any], short: Mapping[int, Sequence[str]]
) -> Iterator[Defect]:
    types = Counter(_name_type(value) for value in values if value is not None)
    if len(types) > 1:
        common, _ = types.most_common(1)[0]
        rows = [
            number
            for number, value in enumerate(values)
            if value is not None and _name_type(value) != common
        ]
        detail = f"mixed types: {', '.join(types)}; the first other than {common} is"
        yield Defect("mixed_kinds", f"{detail} {shorten_text(repr(values[rows[0]]))}", rows)
        return
    first = {number: texts[0].strip() for number, texts in short.items()}
    numeric = {number for number, text in first.items() if read_number(text) is not None}
    plain = {number for number in numeric if _PLAIN_NUMBER.fullmatch(first[number])}
    units = {
        number
        for number, text in first.items()
        if number not in plain and _NUMBER_WITH_UNIT.fullmatch(text)
    }
    if len(first) < _MIN_ROWS or len(plain | units) < _NUMBERS_SHARE * len(first):
        return
    if units:
        shown = first[min(units)]
        yield Defect("units", f"a unit beside the number: {shown!r}", sorted(units))
    words = sorted({*first} - numeric - units)
    # a word for none is named as such
    words = [number for number in words if first[number].casefold() not in _MISSING]
    if words and len(words) < len(first) / 2:
        shown = shorten_text(first[words[0]])
        yield Defect("mixed_kinds", f"numbers, and some that are not: {shown!r}", words)


def _name_type(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | int | float):
        return "bool" if isinstance(value, bool) else "number"
    return "list" if isinstance(value, list | tuple) else type(value).__name__


def _find_one_answer(
    found: Mapping[int, Sequence[str]], prompts: Sequence[str]
) -> Iterator[Defect]:
    answers = {tuple(texts) for texts in found.values()}
    asked = {prompts[number] for number in found} - {""}
    if len(answers) == 1 and len(asked) >= _MIN_ROWS:
        (answer,) = answers
        detail = f"the same for all prompts: {shorten_text(answer[0])!r}"
        yield Defect("one_answer", detail, [*found])


def _find_leaks(short: Mapping[int, Sequence[str]], prompts: Sequence[str]) -> Iterator[Defect]:
    announced, present = [], []
    for number, texts in short.items():
        answer, prompt = texts[0].strip(), prompts[number]
        if not answer or answer not in prompt:
            continue
        whole = rf"(?<![\w.,-]){re.escape(answer)}(?!\w|[.,]\d)"
        if re.search(f"(?i:{_ANNOUNCED}){whole}", prompt):
            announced.append(number)
        # Of a short number or a word nothing follows: options and texts to read hold answers too.
        digits = sum(map(str.isdigit, answer))
        is_number = digits >= _MIN_LEAKED_DIGITS and _PLAIN_NUMBER.fullmatch(answer)
        if is_number and re.search(whole, prompt):
            present.append(number)
    if len(announced) >= max(1, _LEAKING_SHARE * len(prompts)):
        yield Defect("leaked", "the prompt says the answer", announced)
    elif len(present) >= max(_MIN_ROWS, _COMMON_SHARE * len(prompts)):
        yield Defect("leaked", "the answer is in the prompt", present)


# Rows that repeat ---------------------------------------------------------------------------------


def _find_conflicts(prompts: Sequence[str], values: Sequence[Any], column: str) -> Iterator[Defect]:
    answers: dict[str, str] = {}
    rows = []
    for number, (prompt, value) in enumerate(zip(prompts, values, strict=True)):
        if prompt.strip() and value is not None:
            shown = repr(value)
            if answers.setdefault(prompt, shown) != shown:
                rows.append(number)
    if rows:
        first, other = answers[prompts[rows[0]]], repr(values[rows[0]])
        shown = f"{shorten_text(first)} and {shorten_text(other)}"
        detail = f"column {column!r}: one prompt with two answers: {shown}"
        yield Defect("two_answers", detail, rows)


def _find_duplicates(rows: Sequence[Row], prompts: Sequence[str]) -> Iterator[Defect]:
    seen: set[str] = set()
    repeated = []
    for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        if prompt.strip():
            key = json.dumps(row, sort_keys=True, default=str)
            if key in seen:
                repeated.append(number)
            seen.add(key)
    if repeated:
        yield Defect("duplicates", "rows that are in the data twice", repeated)
