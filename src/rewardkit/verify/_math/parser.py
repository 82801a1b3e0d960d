"""Tokens to a value, by recursive descent.

Lists, relations and chains of them, ratios, sets, tuples, intervals and what is made of them,
matrices; the expressions in them are read by `terms`.
"""

from __future__ import annotations

from typing import final

from rewardkit._text.numbers import Number
from rewardkit.verify._math.exact import Form, TooLargeError, UnknownError
from rewardkit.verify._math.functions import ANY_NAME
from rewardkit.verify._math.terms import (
    CLOSING_BRACKETS,
    CONSTANTS_OF_COMMANDS,
    TermParser,
    require_form,
)
from rewardkit.verify._math.tokenizer import GREEK, MAX_DEPTH, TRIGONOMETRIC
from rewardkit.verify._math.values import Group, Relation, Value

_RELATION_TOKENS = frozenset(
    {"=", "<", ">", "<=", ">=", "!=", r"\in", r"\notin", r"\approx", r"\equiv", r"\to"}
)
# What says where a value lies without its name: "> 3", "at least 3".
_BOUNDS = _RELATION_TOKENS - {"=", r"\equiv", r"\to"}
_POSTFIX_BOUNDS = {r"\more": ">=", r"\less": "<="}
_SEPARATORS = {",": "list", r"\land": "and", r"\lor": "or", r"\cup": "or", r"\cap": "and"}
_SET_OPERATORS = {r"\cup": "union", r"\cap": "intersection", r"\setminus": "difference"}
# What may follow without a test of each level for each value.
_AFTER_SUM = frozenset({":", "%", *_SET_OPERATORS})
_AFTER_SIDE = frozenset({r"\pmod", *_RELATION_TOKENS, *_POSTFIX_BOUNDS})


@final
class Parser(TermParser):
    """One pass over the tokens: recursive descent, a method for each level of binding."""

    def parse_all(self) -> Value:
        """Parse all tokens. Raises UnknownError and TooLargeError."""
        value = self.parse_group(frozenset({""}), both=True)
        if isinstance(value, Form) and value == CONSTANTS_OF_COMMANDS[r"\ldots"]:
            raise UnknownError
        return value

    def parse_group(self, ends: frozenset[str], *, both: bool = False) -> Value:
        """Parse values and what joins them: commas, "and", "or"."""
        items = self.parse_items(ends, both=both)
        if not items:
            raise UnknownError
        return items[0] if len(items) == 1 else Group(self.joined_by, tuple(items))

    def parse_items(self, ends: frozenset[str], *, both: bool = False) -> list[Value]:
        """Parse values between commas, up to one of the ends; `both` parses plus-minus twice."""
        items: list[Value] = []
        joined_by = "list"
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLargeError
        while self.next not in ends:
            start = self.index
            items.append(self.parse_relation())
            if both and r"\pm" in self.tokens[start : self.index]:
                self.index, self.takes_minus = start, True
                items.append(self.parse_relation())
                self.takes_minus = False
                joined_by = "or" if joined_by == "list" else joined_by
            if self.next not in ends:
                separator = self.take()
                if separator == "," and self.next in (r"\land", r"\lor"):  # 1, 2, and 3
                    separator = self.take()
                if separator not in _SEPARATORS or self.next in ends:
                    raise UnknownError
                joined_by = _SEPARATORS[separator] if separator != "," else joined_by
        self.depth -= 1
        self.joined_by = joined_by
        return items

    def parse_relation(self) -> Value:
        """Parse an equation, an inequality, a congruence or a chain of them."""
        if self.next == "=":
            self.take()
        start = self.index
        first = Form.of(ANY_NAME) if self.next in _BOUNDS else self._parse_side()
        if self.next not in _AFTER_SIDE:  # most values are not relations
            return first
        sides = [first]
        if self.next == "=" and self._is_applied_name(start):
            sides = [Form.of("".join(self.tokens[start : self.index]))]
        operators = []
        while self.next in _RELATION_TOKENS:
            operators.append(self.take())
            sides.append(self._parse_side())
        if self.next in _POSTFIX_BOUNDS:  # 3 or more
            operators.append(_POSTFIX_BOUNDS[self.take()])
            sides = [*sides[:-1], *([] if operators[:-1] else [Form.of(ANY_NAME)]), sides[-1]]
        if self.next == r"\pmod":
            self.take()
            sides[-1] = Group("residue", (sides[-1], require_form(self.parse_atom())))
        return Relation(tuple(operators), tuple(sides)) if operators else sides[0]

    def _parse_side(self) -> Value:
        """Parse one side of a relation, which may be a percent."""
        value = self.parse_sum()
        if self.next not in _AFTER_SUM:
            return value
        value = self._parse_sets(value)
        if self.next != "%":
            return value
        self.take()
        number = require_form(value).number
        if number is None:
            raise UnknownError
        return Number(number, percent=True)

    def _is_applied_name(self, start: int) -> bool:
        r"""Return whether the tokens from `start` name a value: f(2), P(A), f'(x), \cos A."""
        tokens = self.tokens[start : self.index]
        if not tokens:
            return False
        if tokens[0][1:] in TRIGONOMETRIC:
            return all(token.isalpha() or token in GREEK or token in "()" for token in tokens[1:])
        return (
            len(tokens) > 1
            and tokens[0].isalpha()
            and tokens[-1] == ")"
            and tokens.count("(") == 1
            and (tokens[1] == "(" or tokens[1] in "'_^")
        )

    def _parse_sets(self, first: Value) -> Value:
        """Parse a union, a difference or the like of sets, or a ratio, from its first part."""
        total = self._parse_ratio(first)
        while self.next in _SET_OPERATORS and isinstance(total, Group):
            kind = _SET_OPERATORS[self.take()]
            part = self._parse_ratio(self.parse_sum())
            if not isinstance(part, Group):
                raise UnknownError
            total = Group(kind, (total, part))
        return total

    def _parse_ratio(self, first: Value) -> Value:
        """Parse a ratio of two or more values: 1:2:3."""
        parts = [first]
        while self.next == ":" and not self.open_sets:
            self.take()
            parts.append(self.parse_sum())
        return parts[0] if len(parts) == 1 else Group("ratio", tuple(parts))

    def parse_brackets(self, left: str) -> Value:
        """Parse a bracketed value, set, tuple or interval."""
        ends = CLOSING_BRACKETS[left]
        if left == r"\{":
            return self._parse_set()
        items = self.parse_items(frozenset({*ends, ""}))
        joined_by, right = self.joined_by, self.take()
        if right not in ends:
            raise UnknownError
        if left == "[" and right == "]" and len(items) == 1:
            return items[0]
        if left in ("(", "{") and right != "]" and (len(items) == 1 or joined_by != "list"):
            return items[0] if len(items) == 1 else Group(joined_by, tuple(items))
        if len(items) < 2 and left != r"\langle":  # noqa: PLR2004 - brackets hold two values at least
            raise UnknownError
        if left == "]" or (left == "[" and right == "["):  # ]0, 1[ is open
            left, right = "(" if left == "]" else left, ")" if right == "[" else right
        kind = {"{": "{}", r"\langle": "()"}.get(left, left + right)
        return Group(kind, tuple(items))

    def _parse_set(self) -> Value:
        r"""Parse a set by its elements, or by a condition: \{x | x > 3\}."""
        self.open_bars += 1  # a bar ends the element, and does not begin an absolute value
        self.open_sets += 1
        ends = frozenset({r"\}", "|", ":", ""})
        items = self.parse_items(ends, both=self.depth == 1)
        self.open_bars -= 1
        self.open_sets -= 1
        right = self.take()
        if right == r"\}":
            return Group("{}", tuple(items))
        condition = self.parse_group(frozenset({r"\}", ""}))
        self.take(r"\}")
        if len(items) != 1:
            raise UnknownError
        return Group("builder", (items[0], condition))

    def parse_matrix(self, opening: str) -> Value:
        end = opening.replace("begin", "end")
        ends = frozenset({"&", r"\\", end, ""})
        rows: list[Value] = []
        row: list[Value] = []
        while True:
            row.extend(self.parse_items(ends))
            token = self.take()
            if token != "&":
                if row:
                    rows.append(Group("row", tuple(row)))
                row = []
            if token == end:
                return Group("matrix", tuple(rows))
            if token not in ends:
                raise UnknownError
