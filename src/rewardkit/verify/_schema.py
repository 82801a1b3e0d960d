"""JSON Schema (Wright et al., 2022), drafts 4 to 2020-12, decided by jsonschema-rs in bounded time.

A schema may be careless, and an answer hostile. A call of jsonschema-rs cannot be interrupted, so
this process makes only calls whose cost is known to be small. A worker that is killed at its
deadline makes the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple, NoReturn

from rewardkit._optional import require
from rewardkit._text import strict_json

jsonschema_rs = require("jsonschema_rs", install="rewardkit[schema]")

MAX_COST_HERE = 10_000_000
"""Characters of the schema times characters of the answer that this process decides itself: a
tenth of a second at most, in what takes longest (the error of an `anyOf` with a long `enum`)."""
MAX_REFERENCES = 3000
"""Different references in a schema. Compiling takes time quadratic in them."""
MAX_MESSAGE = 77
"""Characters of an error, so that a verdict's detail stays on one line."""
TOO_DEEP = "too large: nested too deep"

_BASE = "json-schema:///"  # of a schema without an $id
_NO_LIMIT = 2**63 - 1
_UNBOUNDED = ("unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMED = frozenset(("dependencies", "dependentSchemas", "patternProperties", "properties"))
_ON_SAME_VALUE = frozenset(
    ("allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then")
)
_ON_PARTS = frozenset(
    (
        *("additionalItems", "additionalProperties", "contains", "items", "patternProperties"),
        *("prefixItems", "properties", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties"),
    )
)

Location = tuple[str, str]
"""A base URI, and a reference that is read against it."""


class Schema(NamedTuple):
    """A schema that was found good."""

    validator: Any
    """None where only a worker may compile it."""
    cost: float
    """Its characters, with references expanded; infinite where no product of sizes bounds the time
    that an answer takes."""
    types: tuple[type, ...] = (object,)
    """Python's types of the values that its `type` allows."""

    def find_fault(self, value: Any, *, explain: bool = True) -> str | None:
        """Return the position and reason of a value's first fault, None where it is valid."""
        try:
            if not explain:
                return None if self.validator.is_valid(value) else "$: not valid"
            # Not `iter_errors`, which makes every error before it gives the first.
            self.validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return _describe_error(error)
        except UnicodeEncodeError:
            return self.find_fault(_replace_lone_surrogates(value), explain=explain)
        except ValueError:  # it compares and quotes values that are nested up to 255 deep
            return TOO_DEEP
        return None


@lru_cache(maxsize=256)
def read_schema(text: str, *, in_worker: bool = False) -> Schema | str:
    """Return the schema that JSON text holds, or the reason why it is not a schema.

    Nothing is fetched: a reference to another document is an error of the schema.

    >>> read_schema('{"type": "integer"}').find_fault(4.5)
    '$: 4.5 is not of type "integer"'
    >>> read_schema('{"$ref": "#/$defs/size"}')
    "not a schema: $ref '#/$defs/size' has no target in the schema"
    """
    try:
        schema = strict_json.read(text)
        if not isinstance(schema, bool | dict):
            return f"not a schema: got {text[:40]}, expected an object, true or false"
        cost = _measure_cost(schema)
        # With an $id below the top, compiling may take time factorial in the references.
        if _has_inner_id(schema) and not in_worker:
            return Schema(None, math.inf, _list_types(schema))
        return _compile_schema(schema, cost)._replace(types=_list_types(schema))
    except jsonschema_rs.ValidationError as error:
        return f"not a schema: {_describe_error(error)}"
    except RecursionError:
        return "not a schema: nested too deep"
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        return f"not a schema: {str(error)[:100]}"


def find_fault_in_worker(row: Sequence[str]) -> list[str | None]:
    """Return why the schema is bad, and the fault of the JSON text; None for neither.

    >>> find_fault_in_worker(['{"type": "integer"}', "4.5"])
    [None, '$: 4.5 is not of type "integer"']
    """
    schema_text, value_text = row
    schema = read_schema(schema_text, in_worker=True)
    if isinstance(schema, str):
        return [schema, None]
    # The error of an `anyOf` or `oneOf` holds the errors of all its branches, each with its `enum`,
    # and may take gigabytes where the verdict takes a millisecond.
    has_branches = '"anyOf"' in schema_text or '"oneOf"' in schema_text
    explain = not has_branches or len(schema_text) * len(value_text) <= MAX_COST_HERE
    try:
        return [None, schema.find_fault(json.loads(value_text), explain=explain)]
    except RecursionError:
        return [None, TOO_DEEP]


_PYTHON_TYPES: dict[Any, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),  # 4.0 is an integer
    "boolean": (bool,),
    "null": (type(None),),
}


def _list_types(schema: Any) -> tuple[type, ...]:
    """List Python's types for a schema's `type`; any object where it has none of its own."""
    names = schema.get("type") if isinstance(schema, dict) else None
    types: list[type] = []
    for name in names if isinstance(names, list) else [names]:
        if name not in _PYTHON_TYPES:
            return (object,)
        types += _PYTHON_TYPES[name]
    return tuple(types)


def _compile_schema(schema: Any, cost: float) -> Schema:
    options = {
        "retriever": _refuse_to_fetch,
        "validate_formats": False,
        # Drafts 6 and 7 let a validator assert these. Here they are annotations in every draft.
        "keywords": dict.fromkeys(("contentEncoding", "contentMediaType"), _Annotation),
    }
    linear = jsonschema_rs.RegexOptions()
    # At its own limit the other engine answers "no match", which `not` turns into a right answer.
    # So it gets none, and the worker's deadline ends the search.
    backtracking = jsonschema_rs.FancyRegexOptions(backtrack_limit=_NO_LIMIT)
    try:
        validator = jsonschema_rs.validator_for(schema, pattern_options=linear, **options)
    except jsonschema_rs.ValidationError:  # a lookaround or a backreference, or a bad schema
        validator = jsonschema_rs.validator_for(schema, pattern_options=backtracking, **options)
        cost = math.inf
    return Schema(validator, cost)


class _Annotation:
    """A keyword that takes every value."""

    def __init__(self, *_: Any) -> None:
        """Take what jsonschema-rs gives each keyword."""

    def validate(self, _: Any) -> None:
        """Raise for no value."""


def _refuse_to_fetch(uri: str) -> NoReturn:
    message = f"{uri} is another document, and nothing is fetched"
    raise ValueError(message)


def _measure_cost(schema: Any) -> float:
    """Return the schema's characters with its references expanded, infinite where they recurse.

    Raises ValueError where a reference has no target, or leads back to itself on the same value:
    jsonschema-rs accepts every value there.
    """
    registry = jsonschema_rs.Registry([(_BASE, schema)], retriever=_refuse_to_fetch)
    top = (_BASE, "#")
    targets = {top: registry.resolver(_BASE).lookup("#")}
    uses: dict[Location, list[Location]] = {}
    uses_on_same_value: dict[Location, list[Location]] = {}
    unread = [top]
    while unread:
        location = unread.pop()
        target = targets[location]
        uses[location], uses_on_same_value[location] = [], []
        for resolver, reference, on_same_value in _find_references(
            target.contents, target.resolver
        ):
            used = (resolver.base_uri, reference)
            uses[location].append(used)
            if on_same_value:
                uses_on_same_value[location].append(used)
            if used not in targets:
                targets[used] = _look_up(reference, resolver)
                unread.append(used)
        if len(targets) > MAX_REFERENCES:
            message = f"more than {MAX_REFERENCES} references"
            raise ValueError(message)
    if _has_cycle(uses_on_same_value):
        message = "a $ref leads back to itself"
        raise ValueError(message)
    text = json.dumps(schema)
    if _has_cycle(uses) or any(f'"{keyword}"' in text for keyword in _UNBOUNDED):
        return math.inf
    costs: dict[Location, int] = {}
    for location in TopologicalSorter(uses).static_order():
        own = len(json.dumps(targets[location].contents))
        costs[location] = own + sum(costs[used] for used in uses[location])
    return costs[top]


def _look_up(reference: str, resolver: Any) -> Any:
    try:
        return resolver.lookup(reference)
    except (jsonschema_rs.ReferencingError, ValueError):
        message = f"$ref {reference!r} has no target in the schema"
        raise ValueError(message) from None


def _has_cycle(graph: dict[Location, list[Location]]) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


def _find_references(
    schema: Any, resolver: Any, *, on_same_value: bool = True
) -> Iterator[tuple[Any, str, bool]]:
    """Yield the references in a schema, and whether each is applied to the schema's own value."""
    if not isinstance(schema, dict):
        return
    for name in ("$id", "id"):  # the second is draft 4's
        if isinstance(schema.get(name), str):
            with suppress(jsonschema_rs.ReferencingError):  # drafts 4 to 7 ignore it beside a $ref
                resolver = resolver.lookup(schema[name]).resolver
    for name in _REFERENCES:
        if isinstance(schema.get(name), str):
            yield resolver, schema[name], on_same_value
    for keyword in schema.keys() & (_ON_SAME_VALUE | _ON_PARTS):
        content = schema[keyword]
        if keyword in _NAMED and isinstance(content, dict):
            content = [*content.values()]
        same = on_same_value and keyword in _ON_SAME_VALUE
        for part in content if isinstance(content, list) else [content]:
            yield from _find_references(part, resolver, on_same_value=same)


def _has_inner_id(schema: Any) -> bool:
    # A property may be called "id", but its value is then an object or a boolean.
    name = "id" if "draft-04" in json.dumps(schema) else "$id"
    at_top = isinstance(schema, dict) and name in schema
    return json.dumps(schema).count(f'"{name}": "') > at_top


def _replace_lone_surrogates(value: Any) -> Any:
    """Return a value with "?" for each lone surrogate, which text in Rust cannot hold."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _describe_error(error: Any) -> str:
    """Return the position and the message of an error, each shortened."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    message = error.message
    if len(message) > MAX_MESSAGE:
        # The end of a message says what is wrong; a long value is at its start.
        message = f"...{message[-MAX_MESSAGE:]}"
    return f"{''.join(('$', *steps))[:60]}: {message}"
