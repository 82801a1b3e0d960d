"""Compare tool calls with those expected, each argument with its acceptable values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from rewardkit._messages import shorten_repr, shorten_text
from rewardkit._text import strict_json
from rewardkit._text.tool_calls import (
    ARGUMENT_KEYS,
    Call,
    make_call,
    read_field_calls,
    read_text_calls,
)
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import CORRECT, NO_ANSWER, to_plain

MAX_CALLS = 64
"""An answer with more calls is wrong: each is compared with each of the reference."""
MAX_DETAIL_CHARACTERS = 200
NOT_GIVEN = ""
"""Among an argument's acceptable values, that it may be left out, as BFCL writes it."""


class Expected(NamedTuple):
    """A call of the reference."""

    name: str
    options: Mapping[str, Sequence[Any]]
    """The acceptable values of each argument."""
    nested: bool = False
    """Whether objects among the values hold lists of acceptable values in turn, as in BFCL."""

    def may_omit(self, argument: str) -> bool:
        """Return whether a call without the argument is right."""
        return any(value is None or value == NOT_GIVEN for value in self.options[argument])


class Rules(NamedTuple):
    """How calls are compared: the fields of `same_call` that say so."""

    arguments: str = "exact"
    normalize: bool = False
    ordered: bool = False
    more_calls: bool = False

    def find_fault(self, call: Call, expected: Expected, *, explain: bool = True) -> str:
        """Say in which way a call is not the one expected, "" if it is.

        Without `explain` a wrong value is not quoted, which takes longer than finding it.
        """
        name, options, nested = expected
        if not self.has_name(call, expected):
            return f"{call.name}, expected {name}"
        if self.arguments == "ignore":
            return ""
        given = _drop_null(call.arguments)
        for argument in options:
            if argument not in given and not expected.may_omit(argument):
                return f"{call.name}: no argument {argument}"
        for argument, value in given.items():
            if argument not in options:
                if self.arguments == "exact":
                    return f"{call.name}: argument {argument:.40} is not expected"
            elif not self._is_acceptable(value, options[argument], nested):
                return f"{call.name}: {argument} is {shorten_repr(value) if explain else 'wrong'}"
        return ""

    def measure_share(self, call: Call, expected: Expected) -> float:
        """Return how much of a call is right, 0 to 1: its name and each of the arguments."""
        if not self.has_name(call, expected):
            return 0.0
        given = _drop_null(call.arguments)
        needed = {name for name in expected.options if not expected.may_omit(name)}
        extra = set(given) - set(expected.options) if self.arguments == "exact" else set()
        right = sum(
            self._is_acceptable(given[name], expected.options[name], expected.nested)
            for name in expected.options
            if name in given
        )
        return (1 + right) / (1 + len(needed | extra | (set(given) & set(expected.options))))

    def has_name(self, call: Call, expected: Expected) -> bool:
        """Return whether a call is of the function expected."""
        # OpenAI allows no dots in names, so models are given "math_gcd" for "math.gcd"
        name, wanted = call.name, expected.name
        return name == wanted or (self.normalize and name == wanted.replace(".", "_"))

    def _is_acceptable(self, value: Any, options: Sequence[Any], nested: bool) -> bool:  # noqa: FBT001 - a field of Expected
        if type(value) is str:  # as most are: it equals texts alone
            return value in options or (self.normalize and _is_among(value, options))
        return any(self._values_equal(value, option, nested) for option in options)

    def _values_equal(self, value: Any, other: Any, nested: bool) -> bool:  # noqa: FBT001 - the same
        if isinstance(value, str) and isinstance(other, str):
            if value == other:
                return True
            return self.normalize and _normalize_text(value) == _normalize_text(other)
        if isinstance(value, list | tuple) and isinstance(other, list | tuple):
            return len(value) == len(other) and all(
                self._values_equal(*pair, nested) for pair in zip(value, other, strict=True)
            )
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            return self._objects_equal(value, other, nested)
        # True is 1 in Python, and not in JSON
        same_kind = isinstance(value, bool) == isinstance(other, bool)
        return same_kind and bool(value == other)

    def _objects_equal(
        self,
        value: Mapping[str, Any],
        other: Mapping[str, Any],
        nested: bool,  # noqa: FBT001 - the same
    ) -> bool:
        value, other = _drop_null(value), _drop_null(other)
        if nested and all(isinstance(options, list) for options in other.values()):
            optional = [key for key, options in other.items() if NOT_GIVEN in options]
            return all(key in other for key in value) and all(
                self._is_acceptable(value[key], options, nested)
                if key in value
                else key in optional
                for key, options in other.items()
            )
        return value.keys() == other.keys() and all(
            self._values_equal(value[key], other[key], nested) for key in other
        )


def judge_row(
    answer: str | None, reference: Any, rules: Rules, *, partial: bool, allow_empty: bool
) -> Verdict:
    """Return the verdict on the calls in an answer: that of the alternative that fits best."""
    try:
        alternatives = read_reference(reference)
        if not allow_empty and not all(alternatives):
            return Verdict(Outcome.BAD_REFERENCE, "no call in it")
        calls = read_text_calls(answer or "")
        verdicts = [_judge_calls(calls, one, rules, partial=partial) for one in alternatives]
    except RecursionError:
        return Verdict(Outcome.BAD_REFERENCE, "nested too deep")
    except ValueError as error:
        return Verdict(Outcome.BAD_REFERENCE, shorten_text(str(error), MAX_DETAIL_CHARACTERS))
    if len(verdicts) == 1:
        return verdicts[0]
    return max(
        verdicts, key=lambda verdict: (verdict.outcome is Outcome.CORRECT, verdict.share or 0)
    )


def _judge_calls(
    calls: Sequence[Call], expected: Sequence[Expected], rules: Rules, *, partial: bool
) -> Verdict:
    if not calls:
        return NO_ANSWER if expected else CORRECT
    if len(calls) > MAX_CALLS:
        return Verdict(Outcome.WRONG, f"more than {MAX_CALLS} calls")
    fault, share = compare_calls(calls, expected, rules, partial=partial)
    if not fault:
        return CORRECT
    return Verdict(Outcome.WRONG, shorten_text(fault, MAX_DETAIL_CHARACTERS), share)


def read_reference(reference: Any) -> Sequence[Sequence[Expected]]:
    """Return the alternatives of a reference, each a list of calls.

    Raises ValueError, with the reason, for a reference that cannot be read.
    """
    if isinstance(reference, str):
        return _read_reference_text(reference)
    return _read_alternatives(to_plain(reference))


@lru_cache(maxsize=64)  # the rows of a group have the same
def _read_reference_text(text: str) -> Sequence[Sequence[Expected]]:
    return _read_alternatives(_parse_text(text))


def _read_alternatives(reference: Any) -> list[list[Expected]]:
    if isinstance(reference, list):
        if reference and all(isinstance(part, list) for part in reference):
            return [*map(_read_calls, reference)]
        return [_read_calls(reference)]
    if isinstance(reference, Mapping):
        return [_read_calls([reference])]
    message = f"got {shorten_repr(reference)}, expected a call or a list of calls"
    raise ValueError(message)


def _parse_text(text: str) -> Any:
    try:
        return strict_json.read(text)
    except (ValueError, RecursionError):
        calls = read_text_calls(text)
        return [{"name": call.name, "arguments": call.arguments} for call in calls] or text


def _read_calls(items: Sequence[Any]) -> list[Expected]:
    calls = [call for item in items for call in _read_item(item)]
    if len(calls) > MAX_CALLS:
        message = f"{len(calls)} calls, expected at most {MAX_CALLS}"
        raise ValueError(message)
    return calls


def _read_item(item: Any) -> list[Expected]:
    """Return the calls of a part of a reference: a call, a message with calls, or BFCL's form."""
    if isinstance(item, str):
        parsed = _parse_text(item)
        if not isinstance(parsed, str):
            return _read_calls(parsed if isinstance(parsed, list) else [parsed])
    if not isinstance(item, (dict, Mapping)):  # an abstract class takes longer than all the rest
        message = f"got {shorten_repr(item)}, expected a call"
        raise ValueError(message)  # noqa: TRY004 - the same
    if "tool_calls" in item:
        return [*map(_expect_call, read_field_calls(item))]
    named = isinstance(item.get("name"), str) or (
        "function" in item and isinstance(item["function"], Mapping)
    )
    if named or not item:
        _refuse_other_arguments(item)
        return [_expect_call(make_call(item))]
    # datasets that hold structs write None for the functions of other rows
    given = _drop_null(item) or item
    return [_expect_options(str(name), options) for name, options in given.items()]


def _refuse_other_arguments(item: Mapping[Any, Any]) -> None:
    # LangChain calls the arguments `args` and Anthropic `input`: as a call without arguments, such
    # a reference would find every right answer wrong.
    inner = item["function"] if isinstance(item.get("function"), Mapping) else item
    others = [key for key, value in inner.items() if isinstance(value, Mapping) and value]
    if others and not any(inner.get(key) is not None for key in ARGUMENT_KEYS):
        message = f"{inner.get('name')}: no arguments, but {others[0]}; rename that to arguments"
        raise ValueError(message)


def _expect_call(call: Call) -> Expected:
    if call.error:
        message = f"call of {call.name or '?'}: {call.error}"
        raise ValueError(message)
    arguments = _drop_null(call.arguments)
    return Expected(call.name, {name: [to_plain(value)] for name, value in arguments.items()})


def _expect_options(name: str, options: Any) -> Expected:
    if not isinstance(options, (dict, Mapping)):
        message = f"{name}: got {shorten_repr(options)}, expected the acceptable values by argument"
        raise ValueError(message)  # noqa: TRY004 - the same
    given = {}
    for argument, values in _drop_null(options).items():
        given[argument] = plain = to_plain(values)
        if not plain or not isinstance(plain, list):
            shown = shorten_repr(values)
            message = f"{name}: {argument} is {shown}, expected a list of acceptable values"
            raise ValueError(message)
    return Expected(name, given, nested=True)


def _drop_null(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    # An argument of null is not given: datasets that hold structs fill those of other rows with it.
    try:
        if None not in arguments.values():
            return arguments
    except ValueError:  # numpy compares the elements of an array, not the array
        pass
    return {name: value for name, value in arguments.items() if value is not None}


def compare_calls(
    calls: Sequence[Call], expected: Sequence[Expected], rules: Rules, *, partial: bool
) -> tuple[str, float | None]:
    """Return in which way the calls are not those expected, "" if they are, and the share right.

    The share, 0 to 1, is the sum of each call's over the larger number of calls; None if it is not
    asked for (`partial`).
    """
    if len(calls) == len(expected) == 1 and not calls[0].error and not partial:
        fault = rules.find_fault(calls[0], expected[0])
        return fault, None if fault else 1.0
    if len(calls) == len(expected):
        for call, one in zip(calls, expected, strict=True):
            if call.error or rules.find_fault(call, one, explain=False):
                break
        else:
            return "", 1.0  # one by one in the reference's order, as most right answers are
    readable = [call for call in calls if not call.error]
    matched = _match_calls(readable, expected, rules)
    missing = [one for one, row in zip(expected, matched, strict=True) if row is None]
    others = [call for row, call in enumerate(readable) if row not in matched]
    fault = _explain_difference(calls, others, missing, rules)
    if not fault:
        return "", 1.0
    if not partial:
        return fault, None
    right = len(expected) - len(missing) + _sum_shares(others, missing, rules)
    return fault, right / max(len(expected), 0 if rules.more_calls else len(calls), 1)


def _explain_difference(
    calls: Sequence[Call], others: Sequence[Call], missing: Sequence[Expected], rules: Rules
) -> str:
    broken = next((call for call in calls if call.error), None)
    if broken is not None:
        return f"call of {broken.name or '?'}: {broken.error}"
    if missing:
        if not others:
            return f"no call of {missing[0].name}"
        # the fault of a call of that name says more than the names of others do
        named = (call for call in others if rules.has_name(call, missing[0]))
        fault = rules.find_fault(next(named, others[0]), missing[0])
        return fault or "not in the reference's order"
    if others and not rules.more_calls:
        return f"a call of {others[0].name} is not expected"
    return ""


def _sum_shares(calls: Sequence[Call], missing: Sequence[Expected], rules: Rules) -> float:
    """Return the sum of the shares of the best pairs, each call and each one missing in one."""
    shares = {
        (row, column): rules.measure_share(call, one)
        for row, call in enumerate(calls)
        for column, one in enumerate(missing)
        # one that fits is missing only because of its position
        if rules.find_fault(call, one, explain=False)
    }
    total = 0.0
    while shares:
        row, column = max(shares, key=lambda pair: shares[pair])
        total += shares[row, column]
        shares = {
            pair: share for pair, share in shares.items() if row != pair[0] and column != pair[1]
        }
    return total


def _match_calls(
    calls: Sequence[Call], expected: Sequence[Expected], rules: Rules
) -> list[int | None]:
    """Return for each call expected the index of the call that fits it, None without one."""
    fits = [
        [row for row, call in enumerate(calls) if not rules.find_fault(call, one, explain=False)]
        for one in expected
    ]
    if rules.ordered:
        return _match_in_order(fits)
    owners: dict[int, int] = {}

    def assign(wanted: int, tried: set[int]) -> bool:
        # Kuhn's algorithm: a call that is taken moves to another that it fits. Taking the first
        # that fits would refuse right answers where a call fits several.
        for row in fits[wanted]:
            if row not in tried:
                tried.add(row)
                if row not in owners or assign(owners[row], tried):
                    owners[row] = wanted
                    return True
        return False

    for wanted in range(len(expected)):
        assign(wanted, set())
    found = {wanted: row for row, wanted in owners.items()}
    return [found.get(wanted) for wanted in range(len(expected))]


def _match_in_order(fits: Sequence[Sequence[int]]) -> list[int | None]:
    matched: list[int | None] = []
    last = -1
    for rows in fits:
        following = next((row for row in rows if row > last), None)
        matched.append(following)
        last = last if following is None else following
    return matched


def _is_among(text: str, options: Sequence[Any]) -> bool:
    wanted = _normalize_text(text)
    return any(isinstance(one, str) and _normalize_text(one) == wanted for one in options)


def _normalize_text(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


_IGNORED = re.compile(r"[ ,./\-_*^]")  # as in the evaluation of BFCL
