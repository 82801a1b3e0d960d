"""JSON Schema (Wright et al., 2022, drafts 4 to 2020-12), decided in bounded time.

`jsonschema` decides. A value is hostile where a schema is only careless, so patterns are searched
under the `regex` package, which can be stopped; equal items are found by hashing; and every keyword
looks at the clock. `jsonschema-rs`, where it is installed, accepts what it finds valid, if the
schema has only keywords on which the two agree and whose cost is linear.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache, partial
from time import monotonic
from typing import Any, NamedTuple

from rewardkit._optional import require
from rewardkit._text import patterns, strict_json

Check = Callable[[Any, Any, Any, Any], Iterator[Any] | None]
"""What jsonschema calls for a keyword: with the validator, the keyword's value, the instance, and
the schema around it."""


class Schema(NamedTuple):
    """A schema that was found good."""

    validator: Any
    accepts: Callable[[Any], bool]

    def fault(self, value: Any, seconds: float) -> str | None:
        """Return the place and reason of a value's first fault, None where it is valid.

        Raises TimeoutError, and RecursionError for what is nested too deep.
        """
        if self.accepts(value):
            return None
        _clock.deadline = monotonic() + seconds
        fault = next(self.validator.iter_errors(value), None)
        return None if fault is None else _told(fault)


@lru_cache(maxsize=256)
def compiled(text: str) -> Schema | str:
    """Return the schema that JSON text holds, or the reason why it is none.

    Nothing is fetched: a reference to a document elsewhere leads nowhere. Raises ImportError where
    jsonschema is not installed.

    >>> compiled('{"type": "integer"}').fault(4.5, seconds=1)
    "$: 4.5 is not of type 'integer'"
    >>> compiled('{"$ref": "https://example.com/schema"}')
    "not a schema: $ref 'https://example.com/schema' leads nowhere"
    """
    malformed = _imported("jsonschema").SchemaError
    try:
        return _schema(strict_json.read(text))
    except malformed as error:
        return _told(error)
    except (RecursionError, TimeoutError):
        return "nested too deep, or a $ref to itself"
    except ValueError as error:
        return f"not a schema: {error}"


_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_QUICK = frozenset(
    "type enum const properties required additionalProperties items prefixItems minItems maxItems"  # noqa: SIM905 - a list takes a line for each
    " uniqueItems contains minContains maxContains minProperties maxProperties propertyNames"
    " minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum allOf anyOf oneOf not"
    " if then else dependentRequired dependentSchemas title description default examples".split()
)
_LEAST_RS = (0, 46)  # those before leave an error set where text has a lone surrogate
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_DOLLAR = re.compile(r"\\.|\[(?:\\.|[^\]\\])*+\]|\$", re.DOTALL)
_clock = threading.local()


def _imported(module: str) -> Any:
    return require(module, install="rewardkit[schema]")


def _told(error: Any) -> str:
    """Return where an error is and, of a long message, the end, which says what is wrong."""
    path, message = error.json_path[:60], error.message
    return f"{path}: {message if len(message) <= 80 else '...' + message[-77:]}"  # noqa: PLR2004


def _schema(schema: Any) -> Schema:
    """Return a schema made ready. Raises what jsonschema and referencing raise, and ValueError."""
    jsonschema, referencing = _imported("jsonschema"), _imported("referencing")
    dialect = schema.pop("$schema", _DIALECT) if isinstance(schema, dict) else _DIALECT
    base = jsonschema.validators.validator_for({"$schema": str(dialect)}, default=None)
    if base in (None, jsonschema.Draft3Validator):  # the third says too little of what is a schema
        message = f"$schema {dialect!r} is not known"
        raise ValueError(message)
    draft = _Draft(
        partial(base.check_schema, format_checker=jsonschema.FormatChecker(())),
        _imported("referencing.jsonschema").specification_with(dialect).create_resource,
    )
    draft.check(schema)
    resolver = referencing.Registry().resolver_with_root(draft.resource(schema))
    keywords = _keywords(schema, resolver, draft, set())
    if {"unevaluatedProperties", "patternProperties"} <= keywords:
        message = "unevaluatedProperties with patternProperties cannot be stopped in time"
        raise ValueError(message)
    validator = _bounded(base)(schema, registry=referencing.Registry())
    _clock.deadline = monotonic() + 1.0
    probes: tuple[Any, ...] = (None, "", [], {})  # a $ref to itself has no end, whatever the value
    for probe in probes:
        next(validator.iter_errors(probe), None)
    quick = base is jsonschema.Draft202012Validator and keywords <= _QUICK
    return Schema(validator, _accepting(schema) if quick else _undecided)


class _Draft(NamedTuple):
    """What a draft of the standard says: whether a schema is one, and which are inside it."""

    check: Callable[[Any], None]
    resource: Callable[[Any], Any]


def _undecided(_: Any) -> bool:
    return False


def _accepting(schema: Any) -> Callable[[Any], bool]:
    """Return what finds a value valid by jsonschema-rs, or never does where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - it takes its time

    try:
        found = tuple(map(int, re.findall("[0-9]+", version("jsonschema-rs"))))
    except PackageNotFoundError:
        return _undecided
    if found < _LEAST_RS:
        return _undecided
    is_valid = _imported("jsonschema_rs").Draft202012Validator(schema).is_valid

    def accepts(value: Any) -> bool:
        try:
            return bool(is_valid(value))
        except ValueError:  # a lone surrogate, which Rust's text cannot hold
            return False

    return accepts


def _keywords(schema: Any, resolver: Any, draft: _Draft, seen: set[int]) -> set[str]:
    """Return the keywords of a schema and of all inside it, having tried its patterns and $refs."""
    if not isinstance(schema, dict) or id(schema) in seen:
        return set()
    if "$schema" in schema:
        message = "$schema may stand only at the top"
        raise ValueError(message)
    seen.add(id(schema))
    for pattern in (*_patterns(schema), schema.get("pattern", "")):
        _search(pattern)
    resource = draft.resource(schema)
    here = resolver.in_subresource(resource)
    parts = [(part.contents, here) for part in resource.subresources()]
    for name in _REFERENCES:
        if name in schema:
            found = _found(str(schema[name]), here)
            draft.check(found.contents)
            parts.append((found.contents, found.resolver))
    return set(schema).union(*(_keywords(*part, draft, seen) for part in parts))


def _found(reference: str, resolver: Any) -> Any:
    """Return what a $ref leads to in the same document. Raises ValueError where it is nothing."""
    nowhere = _imported("referencing.exceptions").Unresolvable
    try:
        return resolver.lookup(reference)
    except nowhere:
        message = f"$ref {reference!r} leads nowhere"
        raise ValueError(message) from None


@lru_cache(maxsize=8)
def _bounded(base: Any) -> Any:
    """Return a class of jsonschema's whose keywords take bounded time, a `TimeoutError` at most."""
    own: dict[str, Check] = {
        "pattern": _pattern_matches,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
    }
    checks = {name: _timed(own.get(name, check)) for name, check in base.VALIDATORS.items()}
    return _imported("jsonschema").validators.extend(base, checks)


def _timed(check: Check) -> Check:
    def in_time(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any] | None:
        if monotonic() > _clock.deadline:
            raise TimeoutError
        return check(validator, wanted, value, schema)

    return in_time


@lru_cache(maxsize=256)
def _search(pattern: str) -> Callable[..., Any]:
    r"""Return the search for a pattern of ECMA 262: `\d` is ASCII, `$` only the very end."""
    letters = "" if r"\p" in pattern.lower() else "(?a)"
    ends = _DOLLAR.sub(lambda token: r"\Z" if token[0] == "$" else token[0], pattern)
    search: Callable[..., Any] = patterns.compiled(letters + ends).search
    return search


def _matches(pattern: str, text: str) -> bool:
    left = max(_clock.deadline - monotonic(), 1e-3)
    return _search(pattern)(text, timeout=left) is not None


def _patterns(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    patterns: Mapping[str, Any] = schema.get("patternProperties", {})
    return patterns


def _fault(message: str) -> Any:
    return _imported("jsonschema").ValidationError(message)


def _pattern_matches(validator: Any, wanted: str, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _matches(wanted, value):
        yield _fault(f"{value!r} does not match {wanted!r}")


def _pattern_properties(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, schema in wanted.items():
            for key in value:
                if _matches(pattern, key):
                    yield from validator.descend(value[key], schema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for key in value:
            if key in schema.get("properties", {}):
                continue
            if any(_matches(pattern, key) for pattern in _patterns(schema)):
                continue
            if wanted is False:
                yield _fault(f"the property {key!r} is not allowed")
            else:
                yield from validator.descend(value[key], wanted, path=key)


def _unique_items(validator: Any, wanted: bool, value: Any, _: Any) -> Iterator[Any]:  # noqa: FBT001 - jsonschema's signature
    if wanted and validator.is_type(value, "array"):
        distinct = {json.dumps(_normal(item), sort_keys=True) for item in value}
        if len(distinct) < len(value):
            yield _fault(f"{value!r} has equal items")


def _normal(value: Any) -> Any:
    """Return a value with 1 for 1.0, which JSON Schema takes for equal."""
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [*map(_normal, value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _multiple_of(validator: Any, wanted: float, value: Any, _: Any) -> Iterator[Any]:
    """Divide the decimals that were written: 0.07 is a multiple of 0.01."""
    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(wanted)):
        yield _fault(f"{value!r} is not a multiple of {wanted!r}")
