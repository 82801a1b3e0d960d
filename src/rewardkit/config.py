"""Load components from YAML and dump them as YAML.

The scalars are those of YAML 1.2, which PyYAML does not read by itself: `no` is a string (the code
of Norwegian), `1e-3` a number, and no key may appear twice. Aliases and tags are refused: a few
lines of aliases can be gigabytes when read, and a scored file's YAML may be somebody else's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from rewardkit._messages import explain_class, shorten_repr, shorten_text, suggest_wrap
from rewardkit.component import Component, fields_set
from rewardkit.registry import build, is_registered

# PyYAML reads some 100,000 characters a second, and no configuration that was seen has 50,000.
MAX_YAML_CHARACTERS = 250_000
# PyYAML and the components inside each other recurse; Python allows some 1,000 calls.
MAX_YAML_DEPTH = 50
_NAME = re.compile(r"[\w./-]{1,60}")


def load(source: Any) -> Any:
    r"""Return the component, or the list of components, that `source` describes.

    `source` is a mapping with the key `type`, a list of such mappings or of bare names, a path to a
    YAML file, or YAML text (a string with a newline in it). Raises ValueError with the position of
    whatever does not fit, and FileNotFoundError.

    >>> load({"type": "length", "target": 50})
    Length(target=50.0)
    >>> load("- xml_strict\n- type: xml_count\n  value: 0.25\n")
    [XmlStrict(), XmlCount(value=0.25)]
    """
    location = ""
    if isinstance(source, Component):
        return source
    if isinstance(source, str | os.PathLike):
        # a path with a newline in it is possible, and nobody has one
        text = source if isinstance(source, str) and "\n" in source else None
        if text is None:
            location = f"{os.fspath(source)}: "
            text = _read_file(source)
        try:
            source = read_yaml(text)
        except ValueError as error:
            message = f"{location}{error}"
            raise ValueError(message) from None
    if isinstance(source, list):
        return [
            _build_item(item, f"{location}item {number}: ") for number, item in enumerate(source, 1)
        ]
    return _build_item(source, location)


def dump(component: Any, *, defaults: bool = False) -> str:
    """Return a component, or a list of them, as YAML text; `load` gives an equal one back.

    The key `type` is the registered name. Fields at their defaults are left out, unless `defaults`
    is true: then the text says all that a score depends on, whatever a later version's defaults
    are. Raises ValueError for a class that is not registered, TypeError for anything else.

    >>> from rewardkit import load
    >>> from rewardkit.extract import Tag
    >>> print(dump(Tag(which="first")), end="")
    type: tag
    which: first
    >>> load(dump(Tag(which="first")))
    Tag(which='first')
    """
    items = component if isinstance(component, list | tuple) else [component]
    for item in items:
        if isinstance(item, Component):
            continue
        if callable(item) and not isinstance(item, type):
            raise TypeError(_explain_function(getattr(item, "__name__", repr(item))))
        if isinstance(item, type) and issubclass(item, Component):
            raise TypeError(explain_class(item))
        message = f"got {shorten_repr(item)}, expected a component or a list of them"
        raise TypeError(message)
    if isinstance(component, Component):
        return write_yaml(_to_data(component, defaults=defaults))
    return write_yaml([_to_data(item, defaults=defaults) for item in items])


def read_yaml(text: str) -> Any:
    r"""Parse YAML text. Raises ValueError, with the line, if it is not YAML.

    Text of more than 250,000 characters, of more than 50 levels, and with aliases or tags is
    refused. Messages do not quote the text: a wrong path may name a file of secrets.

    >>> read_yaml("languages: [en, no]\nrate: 1e-3")
    {'languages': ['en', 'no'], 'rate': 0.001}
    """
    if len(text) > MAX_YAML_CHARACTERS:
        raise ValueError(f"not YAML: got more than {MAX_YAML_CHARACTERS:,} characters")
    yaml = _load_pyyaml()
    try:
        return yaml.load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        problem = shorten_text(error.problem or error.context or "")
        hint = "; indent with spaces" if "'\\t'" in problem else ""
        message = f"not YAML: {problem}{position}{hint}"
        raise ValueError(message) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        reason = getattr(error, "reason", "")
        raise ValueError(f"not YAML: {shorten_text(reason or type(error).__name__)}") from None


def write_yaml(data: Any) -> str:
    """Return lists, dictionaries and scalars as YAML text, which `read_yaml` gives back."""
    text: str = _load_pyyaml().dump(data)
    return text


def _read_file(path: str | os.PathLike[str]) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.read(MAX_YAML_CHARACTERS + 1)  # read_yaml refuses what is longer
    except (FileNotFoundError, IsADirectoryError):
        name = os.fspath(path)
        if is_registered(name):
            hint = f"; rk.build({name!r}) makes the component of that name"
        elif re.match(r"[\w-]+:\s", name):
            hint = "; YAML text must end in a newline"
        else:
            hint = ""
        message = f"file not found: {name}{hint}"
        raise FileNotFoundError(message) from None
    except UnicodeDecodeError as error:
        message = f"{os.fspath(path)}: not UTF-8 text ({error.reason}, byte {error.start})"
        raise ValueError(message) from None


def _build_item(item: Any, location: str) -> Component:
    if isinstance(item, str):
        if not _NAME.fullmatch(item):
            raise ValueError(f"{location}got {_describe_item(item)}, {_EXPECTED}")
        item = {"type": item}
    if callable(item) and not isinstance(item, Component | type):
        name = getattr(item, "__name__", type(item).__name__)
        message = (
            f"{location}got the function {name}; YAML holds registered components: register a"
            f" class, or in Python {suggest_wrap(item)}"
        )
        raise ValueError(message)  # noqa: TRY004 - every mistake in a configuration is one
    if isinstance(item, Component):
        return item
    if not isinstance(item, Mapping) or "type" not in item:
        raise ValueError(f"{location}got {_describe_item(item)}, {_EXPECTED}")
    try:
        fields = {str(key): field for key, field in item.items() if key != "type"}
        component: Component = build(item["type"], **fields)
    except RecursionError:
        raise ValueError(f"{location}components inside each other too deeply") from None
    except ValueError as error:
        message = f"{location}{error}"
        raise ValueError(message) from None
    return component


_EXPECTED = "expected a mapping with the key 'type', or a list of them"


def _describe_item(item: Any) -> str:
    # Neither texts nor values: they may be anything if the path is wrong, such as a .env's tokens.
    if isinstance(item, str):
        return f"a text of {len(item):,} characters"
    if isinstance(item, Mapping):
        keys = ", ".join(shorten_text(str(key), 20) for key in islice(item, 5))
        return f"a mapping with the keys {keys or 'none'}"
    if item is None:
        return "nothing"
    return shorten_repr(item) if isinstance(item, int) else type(item).__name__


def _explain_function(name: str) -> str:
    return (
        f"{name} is a plain function, which YAML cannot hold; write it as a class under"
        " @rk.register(...)"
    )


def _to_data(value: Any, *, defaults: bool) -> Any:
    """Return a field's value in the types that YAML can hold."""
    if isinstance(value, Component):
        function = getattr(value, "function", None)
        if value.registered_name is None and callable(function):
            raise ValueError(_explain_function(getattr(function, "__name__", repr(function))))
        if value.registered_name is None:
            message = (
                f"{type(value).__name__} is not registered, so YAML cannot name it; put"
                " @rk.register(...) above its class"
            )
            raise ValueError(message)
        names = type(value).model_fields if defaults else fields_set(value)
        fields = {name: _to_data(getattr(value, name), defaults=defaults) for name in names}
        return {"type": value.registered_name, **fields}
    if isinstance(value, BaseModel):
        return {name: _to_data(field, defaults=defaults) for name, field in value}
    if isinstance(value, Mapping):
        return {key: _to_data(item, defaults=defaults) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_to_data(item, defaults=defaults) for item in value]
    # a ColumnName is a str that PyYAML does not know
    return str(value) if isinstance(value, str) else value


_SCALARS = {
    "tag:yaml.org,2002:bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?[0-9]+", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:null": ("~|null|Null|NULL|", ["~", "n", "N", ""]),
}
"""The pattern of each YAML 1.2 scalar, and the characters that it can begin with."""


@cache
def _load_pyyaml() -> Any:
    """Return PyYAML's `load` and `dump` with our rules."""
    import yaml  # noqa: PLC0415 - slow to import

    loader, dumper = _make_loader(yaml), _make_dumper(yaml)
    for cls in (loader, dumper):
        cls.yaml_implicit_resolvers = {}
        for tag, (pattern, first) in _SCALARS.items():
            cls.add_implicit_resolver(tag, re.compile(f"(?:{pattern})$"), list(first))
    return SimpleNamespace(
        load=lambda text: yaml.load(text, Loader=loader),  # noqa: S506 - a SafeLoader
        # in the order of the fields, which is the order in which the class explains them
        dump=lambda data: yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True),
        YAMLError=yaml.YAMLError,
        MarkedYAMLError=yaml.MarkedYAMLError,
    )


def _refuse_node(yaml: Any, event: Any, depth: int) -> str | None:
    """Return why a node of YAML is not read, None if it is."""
    if isinstance(event, yaml.AliasEvent):
        return "an alias (*), which is not supported; write the value out"
    if event.tag is not None:
        return "a tag (!), which is not supported; quote the text"
    return f"more than {MAX_YAML_DEPTH} levels" if depth >= MAX_YAML_DEPTH else None


def _make_loader(yaml: Any) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()
            if problem := _refuse_node(yaml, event, self.depth):
                raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's signature
            # PyYAML keeps the last of two equal keys without a word.
            seen = set()
            for key, _ in node.value:
                problem = None
                if not isinstance(key, yaml.ScalarNode):
                    problem = "a key must be a string or a number"
                elif key.value in seen:
                    problem = f"the key {shorten_text(key.value)!r} appears twice"
                if problem:
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

        def construct_yaml_int(self, node: Any) -> int:
            # PyYAML reads a leading 0 as octal.
            try:
                return int(node.value)
            except ValueError as error:
                position = node.start_mark
                raise yaml.constructor.ConstructorError(None, None, str(error), position) from None

    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)
    return Loader


def _make_dumper(yaml: Any) -> Any:
    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True  # `read_yaml` refuses them

    def quote_unprintable(dumper: Any, text: str) -> Any:
        # PyYAML escapes characters that do not print only in double quotes; plain, it folds them.
        style = None if text.isprintable() else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, quote_unprintable)
    return Dumper
