"""The completions of a dataset's rows that a preflight scores, made from each row's perfect one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from rewardkit._files.memory import drop_arrays
from rewardkit._template import Row, Template, as_function
from rewardkit._text.tag_layout import list_tags
from rewardkit.audit.right_answers import spell_answer
from rewardkit.audit.rows import group_rows, pick_reference, spread_evenly, write_answers
from rewardkit.audit.samples import list_pairs
from rewardkit.audit.tokens import TAG
from rewardkit.batch import Batch
from rewardkit.scorer import prompt_text
from rewardkit.verify.base import texts as reference_texts

Pair: TypeAlias = tuple[Row, str]
"""A row and a completion of it."""
TryWrite: TypeAlias = Callable[[Row], str | None]
"""A function that writes a row's completion, None if it cannot."""

REPEATED_PHRASE = "the same words over and over again " * 400
POOL_ROWS = 4
"""How many rows the pool has: constant and redundant rewards show on a few rows already."""
_SPELLED_ROWS = 12
_MAX_REFERENCES = 3  # of a list, each of which is right
_NEXT_DIGIT = str.maketrans("0123456789", "1234567890")


class Spelled(NamedTuple):
    """A right answer in another spelling than the first reference's."""

    row: Row
    spelling: str
    right: str
    """The completion with this spelling."""
    perfect: str
    wrong: str
    """A completion with a wrong answer."""


class Completions(NamedTuple):
    """The completions that every reward scores."""

    perfect: list[Pair]
    """One perfect completion per row."""
    pool: list[Pair]
    """Good and bad completions of the first rows."""
    spelled: list[Spelled]
    groups: list[list[Pair]]
    own_groups: bool
    """Whether the groups are the dataset's own completions."""


def make_completions(
    rows: Sequence[Row],
    template: Template,
    rewards: Sequence[Any],
    references: Collection[str],
) -> Completions:
    """Make the completions; `references` are the columns that hold what is right."""
    fill_template, is_text = as_function(template), isinstance(template, str)
    marks = list_tags(list_pairs(rewards))
    # Of a list of references any is right; a function of the row gets the row as it is.
    shown = write_answers(rows, rewards) if is_text else rows

    def write(row: Row) -> str:
        return fill_template(pick_reference(row) if is_text else row)

    def try_write(row: Row) -> str | None:
        # of a row whose values were exchanged for texts, which a function may not take
        try:
            return write(row)
        except Exception:  # noqa: BLE001 - whatever it raises
            return None

    perfect = [(row, write(one)) for row, one in zip(rows, shown, strict=True)]
    simulated = _simulate_groups(perfect, marks)
    own = _group_own_completions(rows)
    spelled = [
        spelling
        for pair, one in spread_evenly([*zip(perfect, shown, strict=True)], _SPELLED_ROWS)
        for column in references
        for spelling in _spell_references(pair, one, column, try_write)
    ]
    pool = _make_pool(perfect, simulated, try_write)
    return Completions(perfect, pool, spelled, own or simulated, bool(own))


def _spell_references(pair: Pair, shown: Row, column: str, write: TryWrite) -> list[Spelled]:
    """Return other spellings of a row's references, which `shown` has as texts."""
    row, perfect = pair
    # A dictionary or a list of dictionaries is not an answer: tests, or what a reward alone reads.
    first, *others = reference_texts(shown.get(column))[:_MAX_REFERENCES] or [""]
    if not first.strip() or "\n" in first.strip():
        return []
    wrong_answer = first.translate(_NEXT_DIGIT)
    wrong_answer = "something else" if wrong_answer == first else wrong_answer
    wrong = write({**shown, column: wrong_answer})
    if wrong is None:
        return []
    spellings = dict.fromkeys([*others, *spell_answer(first.strip()).values()])
    texts = [(spelling, write({**shown, column: spelling})) for spelling in spellings]
    return [
        Spelled(row, spelling, text, perfect, wrong)
        for spelling, text in texts
        # A template may add digits to the answer: "{answer}.0" makes no number of "42.0".
        if text is not None
        and text not in (perfect, wrong)
        and not re.search(rf"{re.escape(spelling.strip())}[ .,]{{0,2}}\d", text)
    ]


def _make_pool(
    perfect: Sequence[Pair], simulated: Sequence[Sequence[Pair]], write: TryWrite
) -> list[Pair]:
    pool = []
    for (row, text), group in islice(zip(perfect, simulated, strict=True), POOL_ROWS):
        written = (write(dict.fromkeys(row, value)) for value in ("no idea", ""))
        layouts = [layout for layout in written if layout is not None]
        answer: Any = pick_reference(row).get("answer", "")
        bad = ["\n", "?", str(answer), *layouts, f"So: {text}", text * 2]
        bad += [REPEATED_PHRASE, prompt_text(row.get("prompt", ""))]
        pool += [*group[1:], *((row, other) for other in bad)]
    return pool


def _simulate_groups(perfect: Sequence[Pair], marks: Sequence[str]) -> list[list[Pair]]:
    """Return a group of completions per row; `marks` are tags of other shapes than `<NAME>`."""
    tag = re.compile("|".join([*map(re.escape, marks), TAG]))
    groups = []
    for number, (row, text) in enumerate(perfect):
        _, other = perfect[(number + 1) % len(perfect)]
        digits, remark = text.translate(_NEXT_DIGIT), f"{text.rstrip()} I hope that this helps."
        group = [text, text, digits, other, text[: len(text) // 2], remark, tag.sub("", text), ""]
        groups.append([(row, completion) for completion in group])
    return groups


def _group_own_completions(rows: Sequence[Row]) -> list[list[Pair]]:
    """Return the dataset's own completions by group, none if it has none."""
    # the first row says which there are, and other rows may be without
    if "completions" in rows[0]:
        given = [(row, drop_arrays(row.get("completions"))) for row in rows]
        groups = [
            [(row, text) for text in Batch(texts).texts]
            for row, texts in given
            if isinstance(texts, list | tuple)
        ]
    elif "completion" in rows[0]:
        groups = [
            [(row, Batch([row["completion"]]).texts[0]) for row in group]
            for group in group_rows([row for row in rows if "completion" in row])
        ]
    else:
        return []
    return [group for group in groups if len(group) > 1]  # a single completion has no spread
