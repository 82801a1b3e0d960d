"""Read the tools of a row: each one's name, and the JSON Schema of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardkit._messages import shorten_repr
from rewardkit._text import strict_json
from rewardkit.verify._schema import read_schema
from rewardkit.verify.base import to_plain


def read_tools(reference: Any, *, closed: bool) -> dict[str, str]:
    """Return the schema of each tool's arguments as JSON text, by the tool's name.

    With `closed`, arguments that a schema does not name are refused. Raises ValueError, with the
    reason, for tools that cannot be read.
    """
    tools = _parse_text(reference) if isinstance(reference, str) else to_plain(reference)
    schemas = {}
    for tool in tools if isinstance(tools, list) else [tools]:
        given = _parse_text(tool) if isinstance(tool, str) else tool
        inner = given.get("function", given) if isinstance(given, Mapping) else None
        if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
            message = f"got {shorten_repr(tool)}, expected a tool with a name and parameters"
            raise ValueError(message)  # noqa: TRY004 - data, not misuse
        name = inner["name"]
        declared: Any = next((inner[key] for key in _SCHEMA_KEYS if inner.get(key) is not None), {})
        if not declared:
            _refuse_other_names(inner)
        _check_declared(name, declared)
        schemas[name] = strict_json.write(_clean_schema(declared, closed=closed))
        schema = read_schema(schemas[name])
        if isinstance(schema, str):
            message = f"{name}: {schema}"
            raise ValueError(message)  # noqa: TRY004 - the same
    if not schemas:
        message = "no tools"
        raise ValueError(message)
    return schemas


def _parse_text(text: str) -> Any:
    try:
        return strict_json.read(text)
    except (ValueError, RecursionError):
        message = f"got {shorten_repr(text)}, expected JSON text of a list of tools"
        raise ValueError(message) from None


def _refuse_other_names(tool: Mapping[Any, Any]) -> None:
    # A tool without parameters takes none, and would find every call with arguments wrong.
    others = [key for key in _MISNAMED_KEYS if tool.get(key)]
    if others:
        message = f"{tool['name']}: no parameters, but {others[0]}; rename that to parameters"
        raise ValueError(message)


def _check_declared(name: str, declared: Any) -> None:
    # xLAM's dataset has the arguments themselves where a schema belongs. Their names would be
    # unknown keywords, which JSON Schema ignores, and no argument would be one that the tool has.
    if not isinstance(declared, Mapping) or isinstance(declared.get("type"), str):
        return
    arguments = [str(key) for key, value in declared.items() if isinstance(value, Mapping)]
    if arguments and not _STRUCTURE_KEYS & declared.keys():
        message = f"{name}: got arguments ({', '.join(arguments)}) in place of a JSON Schema"
        raise ValueError(f"{message}; put them into properties")


def _clean_schema(schema: Any, *, closed: bool) -> Any:
    """Return a schema without the nulls of a dataset that holds structs, closed if it may be."""
    schema = _drop_null(schema)
    if closed and isinstance(schema, dict) and not _OPENING_KEYS & schema.keys():
        # with properties the error names an unknown argument, without them it has its value alone
        return {"properties": {}, **schema, "additionalProperties": False}
    return schema


def _drop_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _drop_null(item) for key, item in value.items() if item is not None}
    return [*map(_drop_null, value)] if isinstance(value, list | tuple) else value


_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")
_MISNAMED_KEYS = ("arguments", "args", "params", "inputs", "input", "schema", "properties")
# Where one of them is there, `properties` alone does not say which arguments there are.
_OPENING_KEYS = {
    *("additionalProperties", "unevaluatedProperties", "patternProperties", "$ref"),
    *("allOf", "anyOf", "oneOf", "if", "dependentSchemas"),
}
_STRUCTURE_KEYS = {*_OPENING_KEYS, "properties", "propertyNames", "dependencies", "not", "$defs"}
