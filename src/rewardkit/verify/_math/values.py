"""The values that a mathematical text may have: a number, a form, a group, a relation, or words."""

from __future__ import annotations

from typing import NamedTuple

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form


class Group(NamedTuple):
    """Several values: `kind` is the brackets, "list" without any, "union", "matrix", or
    "based" for digits and the base that they are written in.
    """

    kind: str
    items: tuple[Value, ...]


class Relation(NamedTuple):
    """Values with the relations between them: `1 < x <= 3` has two."""

    operators: tuple[str, ...]
    sides: tuple[Value, ...]


class Words(NamedTuple):
    """Text, in small letters."""

    text: str


Value = Form | Group | Relation | Words | Number
