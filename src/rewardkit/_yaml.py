"""YAML 1.2 scalars for PyYAML: `no` is a string, `1e-3` a number, and no key stands twice."""

from __future__ import annotations

import re
from typing import Any

import yaml


def read(text: str) -> Any:
    r"""Return what YAML text holds. Raises ValueError, with the line, for text that is not YAML.

    >>> read("languages: [en, no]\nrate: 1e-3")
    {'languages': ['en', 'no'], 'rate': 0.001}
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError) as error:
        message = f"not YAML: {error}"
        raise ValueError(message) from None


def write(data: Any) -> str:
    """Return data of lists, dictionaries and scalars as YAML text, which `read` gives back."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2: `no` is a string, `1e-3` a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Refuse a key that stands twice, which PyYAML would drop in silence."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                message = "a key must be a string or a number"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            if key.value in seen:
                message = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read decimal digits; PyYAML would take a leading 0 for octal."""
        try:
            return int(node.value)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, str(error), node.start_mark
            ) from None


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes what `_Loader` would not read as a string."""


def _quoted(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Put text with signs that do not print in double quotes, where PyYAML escapes them."""
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)
_SCALARS = {
    "tag:yaml.org,2002:bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?[0-9]+", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:null": ("~|null|Null|NULL|", ["~", "n", "N", ""]),
}
for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {}
    for _tag, (_pattern, _first) in _SCALARS.items():
        _class.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), list(_first))
