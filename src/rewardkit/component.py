"""Components: frozen typed objects with a registered name, which YAML writes and reads.

A component's fields are its hyper-parameters. Its validation, repr, equality, hash, pickle and YAML
all follow from their one declaration.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from rewardkit.batch import Column

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler

Value = TypeVar("Value")
ComponentClass = TypeVar("ComponentClass", bound="type[Component]")

KINDS = ("reward", "verifier", "extractor")
"""What a component can be."""

_NO_FIELDS = {
    "type",
    "schema",
    "json",
    "copy",
    "validate",
}  # YAML's key, and pydantic's own methods
_registry: dict[str, type[Component]] = {}
_plugins_lock = threading.RLock()
_plugins_loaded = False


class FrozenMapping(Mapping[str, Value], Generic[Value]):
    """A mapping from strings that cannot change, so that a component that holds it can be hashed.

    >>> FrozenMapping({"en": 1.0})["en"]
    1.0
    """

    def __init__(self, items: Mapping[str, Value]) -> None:
        """Copy `items`."""
        self._items = dict(items)

    def __getitem__(self, key: str) -> Value:
        """Return the value under `key`. Raises KeyError where there is none."""
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys, in the order given."""
        return iter(self._items)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._items)

    def __hash__(self) -> int:
        """Hash by content, whatever the order."""
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        """Show the content as a dictionary."""
        return repr(self._items)


def _frozen(value: Any) -> Any:
    """Return mappings as `FrozenMapping` and lists as tuples, at every depth."""
    if isinstance(value, Mapping):
        return FrozenMapping({key: _frozen(item) for key, item in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


Frozen = AfterValidator(_frozen)
"""What annotates a component's mapping: `Annotated[Mapping[str, float], Frozen]`."""


class Component(BaseModel):
    """Anything with a registered name: an extractor, a verifier, a reward.

    Frozen and strictly typed: an unknown field, a wrong type, an infinity or a NaN raises
    ValidationError (a ValueError). A field that holds a component also takes its name or a mapping
    with the key `type`, as YAML writes it. A registered class is final: to change one, wrap it.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        defer_build=True,
    )

    component_kind: ClassVar[str] = "component"
    """`extractor`, `verifier` or `reward`."""
    registered_name: ClassVar[str | None] = None
    """The name in the registry, and the key `type` in YAML."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse to subclass a registered class."""
        super().__init_subclass__(**options)
        for base in cls.__bases__:
            final = vars(base).get("registered_name")
            if final is not None:
                message = f"{base.__name__} ({final!r}) is final; hold it in a field and wrap it"
                raise TypeError(message)

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Show the fields that differ from their defaults."""
        yield from fields_set(self).items()

    __str__ = BaseModel.__repr__

    @model_validator(mode="wrap")
    @classmethod
    def _from_name_or_mapping(
        cls, value: Any, handler: ModelWrapValidatorHandler[Component]
    ) -> Component:
        """Make a component of what YAML holds: a name, or a mapping with the key `type`."""
        if isinstance(value, str):
            value = build(value)
        elif isinstance(value, Mapping) and "type" in value:
            fields = {str(key): field for key, field in value.items() if key != "type"}
            value = lookup(value["type"])(**fields)
        if isinstance(value, Component) and not isinstance(value, cls):
            given = f"the {value.component_kind} {value.registered_name or type(value).__name__!r}"
            message = f"got {given}, expected {_expected(cls)}"
            raise ValueError(message)  # noqa: TRY004 - pydantic turns a ValueError into its own
        if not isinstance(value, Mapping):
            return handler(value)
        if cls.registered_name is None and getattr(cls, "__abstractmethods__", None):
            message = f"no key 'type' in {dict(value)!r}, expected {_expected(cls)}"
            raise ValueError(message)
        for key in value:
            if key not in cls.model_fields:
                near = _near(str(key), cls.model_fields)
                message = f"no field {key!r}{near}; it has {', '.join(cls.model_fields) or 'none'}"
                raise ValueError(message)
        return handler({key: _tuples(field) for key, field in value.items()})


def register(name: str) -> Callable[[ComponentClass], ComponentClass]:
    """Register a class under `name`: a class decorator.

    A plugin's names are `plugin/name`. Raises ValueError where the name is taken or malformed, and
    TypeError for what is no Component. A cell that is run again replaces the class of `__main__`
    with the same qualified name.

    >>> from rewardkit import Reward, Score, build
    >>> @register("shouting")
    ... class Shouting(Reward):
    ...     value: float = 1.0
    ...
    ...     def score(self, batch):
    ...         return [Score(self.value if text.isupper() else 0.0) for text in batch.texts]
    >>> build("shouting")(completions=["OH", "oh"])
    [1.0, 0.0]
    """
    if not re.fullmatch(r"([a-z0-9_.-]+/)?[a-z][a-z0-9_]*", name):
        message = f"got the name {name!r}, expected lower_case or plugin/lower_case"
        raise ValueError(message)

    def decorate(cls: ComponentClass) -> ComponentClass:
        if not (isinstance(cls, type) and issubclass(cls, Component)):
            message = f"got {cls!r}, expected a class under Reward, Verifier or Extractor"
            raise TypeError(message)
        if cls.component_kind not in KINDS:
            message = f"{cls.__name__} is no reward, verifier or extractor; derive from one of them"
            raise TypeError(message)
        if "registered_name" in vars(cls):
            message = f"{cls.__name__} is registered already, as {cls.registered_name!r}"
            raise ValueError(message)
        component: type[Component] = cls
        if wrong := sorted(_NO_FIELDS & set(component.model_fields)):
            message = f"{cls.__name__} has the field {', '.join(wrong)}; give it another name"
            raise ValueError(message)
        taken = _registry.get(name)
        again = (cls.__module__, cls.__qualname__)
        if taken and (
            cls.__module__ != "__main__" or again != (taken.__module__, taken.__qualname__)
        ):
            where = f"{taken.__module__}.{taken.__qualname__}"
            message = f"the name {name!r} is taken by {where}; choose another"
            raise ValueError(message)
        cls.registered_name = name
        _registry[name] = cls
        return cls

    return decorate


def build(name: str, /, **fields: Any) -> Any:
    """Return the component registered under `name`, with `fields` as its hyper-parameters.

    Raises ValueError for an unknown name (near ones are named) and for fields that do not fit.

    >>> build("xml_strict", value=1.0)
    XmlStrict(value=1.0)
    """
    cls = lookup(name)
    try:
        return cls(**fields)
    except ValidationError as error:
        raise ValueError(_explain(error, name)) from None


def names(kind: str | None = None) -> list[str]:
    """Return the registered names, sorted; `kind` is "reward", "verifier" or "extractor".

    Plugins are imported first. Raises ValueError for another kind.

    >>> names("verifier")
    ['code', 'contains', 'exact', 'json_schema', 'math', 'number']
    """
    if kind is not None and kind not in KINDS:
        message = f"got kind={kind!r}, expected one of {', '.join(KINDS)}, or None for all"
        raise ValueError(message)
    _load_plugins()
    return sorted(name for name, cls in _registry.items() if kind in (None, cls.component_kind))


def load(source: Any) -> Any:
    r"""Return the component, or the list of components, that `source` describes.

    `source` is a mapping with the key `type`, a list of such mappings or of bare names, a path to a
    YAML file, or YAML text (a string with a newline in it). Raises ValueError with the place of
    whatever does not fit, and FileNotFoundError.

    >>> load({"type": "length", "target": 50})
    Length(target=50.0)
    >>> load("- xml_strict\n- type: xml_count\n  value: 0.25\n")
    [XmlStrict(), XmlCount(value=0.25)]
    """
    where = ""
    if isinstance(source, Component):
        return source
    if isinstance(source, str | os.PathLike):
        from rewardkit import _yaml  # noqa: PLC0415 - PyYAML takes its time to import

        text = source if isinstance(source, str) and "\n" in source else None
        if text is None:
            where = f"{os.fspath(source)}: "
            text = _read(source)
        try:
            source = _yaml.read(text)
        except ValueError as error:
            message = f"{where}{error}"
            raise ValueError(message) from None
    if isinstance(source, list):
        return [_make(item, f"{where}item {place}: ") for place, item in enumerate(source, 1)]
    return _make(source, where)


def dump(component: Any) -> str:
    """Return a component, or a list of them, as YAML text; `load` gives an equal one back.

    The key `type` is the registered name; fields at their defaults are left out. Raises ValueError
    for a class that is not registered.

    >>> from rewardkit import load
    >>> print(dump(build("tag", which="first")), end="")
    type: tag
    which: first
    >>> load(dump(build("tag", which="first")))
    Tag(which='first')
    """
    items = component if isinstance(component, list | tuple) else [component]
    for item in items:
        if not isinstance(item, Component):
            message = (
                f"got {item!r} ({type(item).__name__}), expected a component or a list of them"
            )
            raise TypeError(message)
    data = _data(component) if isinstance(component, Component) else [*map(_data, items)]
    from rewardkit import _yaml  # noqa: PLC0415 - PyYAML takes its time to import

    return _yaml.write(data)


def fields_set(component: Component) -> dict[str, Any]:
    """Return the fields whose values differ from their defaults, by name.

    >>> fields_set(build("tag", tag="answer", which="first"))
    {'which': 'first'}
    """
    return {
        name: value
        for name, field in type(component).model_fields.items()
        if (value := getattr(component, name)) != field.default
    }


def field_docs(cls: type[Component]) -> dict[str, str]:
    """Return the docstring below each field of a component's class, by the field's name.

    >>> field_docs(lookup("regex_match"))["otherwise"]
    'The value of no match.'
    """
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    docs = {}
    for field, doc in pairwise(ast.iter_child_nodes(body)):
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr):
            name, text = ast.unparse(field.target), ast.literal_eval(doc.value)
            docs[name] = inspect.cleandoc(text).replace("\n", " ")
    base = cls.__base__
    inherited = field_docs(base) if base and base is not Component else {}
    return {**inherited, **docs}


def walk(component: Component) -> Iterator[Component]:
    """Yield a component and every component inside it, depth first."""
    yield component
    inside = [getattr(component, name) for name in type(component).model_fields]
    while inside:
        value = inside.pop(0)
        if isinstance(value, Component):
            yield from walk(value)
        elif isinstance(value, tuple):
            inside[:0] = value
        elif isinstance(value, Mapping):
            inside[:0] = value.values()


def columns(component: Component) -> list[Column[Any]]:
    """Return the dataset columns that a component and those inside it read, each once.

    >>> columns(build("correct", verifier="number", reference="solution"))
    ['solution']
    """
    found: dict[Column[Any], None] = {}
    for part in walk(component):
        for name in type(part).model_fields:
            value = getattr(part, name)
            if isinstance(value, Column):
                found[value] = None
    return list(found)


def lookup(name: Any) -> type[Component]:
    """Return the class registered under `name`, importing plugins where it is not known yet.

    Raises ValueError with the near names.
    """
    name = name if isinstance(name, str) else repr(name)
    if name not in _registry:
        _load_plugins()
    if name not in _registry:
        near = _near(name, _registry)
        message = f"no component is called {name!r}{near}; rk.names() lists all"
        raise ValueError(message)
    return _registry[name]


def _load_plugins() -> None:
    """Import what other distributions declare under the entry points `rewardkit`, once."""
    global _plugins_loaded  # noqa: PLW0603 - one registry a process
    from importlib.metadata import entry_points  # noqa: PLC0415 - it takes its time to import

    with _plugins_lock:
        if _plugins_loaded or os.environ.get("REWARDKIT_NO_PLUGINS") == "1":
            return
        _plugins_loaded = True
        plugins = entry_points(group="rewardkit")
        known = {plugin.name for plugin in plugins}
        for plugin in plugins:
            before = set(_registry)
            try:
                plugin.load()
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the rest works
                trouble = f"did not import ({type(error).__name__}: {error})"
                out = {name for name in _registry if name.startswith(f"{plugin.name}/")}
            else:
                out = {
                    name for name in set(_registry) - before if name.partition("/")[0] not in known
                }
                trouble = f"registers {', '.join(sorted(out))} without {plugin.name}/ before it"
                if not out:
                    continue
            for name in out:
                del _registry[name]
            message = f"rewardkit plugin {plugin.name!r} ({plugin.value}) {trouble}; left out"
            warnings.warn(message, RuntimeWarning, stacklevel=4)


def _expected(cls: type[Component]) -> str:
    """Say what a field of type `cls` takes."""
    if cls.registered_name is not None:
        return f"{cls.component_kind} {cls.registered_name!r}"
    fitting = sorted(name for name, known in _registry.items() if issubclass(known, cls))
    return f"one of the {cls.component_kind}s: {', '.join(fitting)}"


def _near(name: str, known: Any) -> str:
    """Return a hint with the names near `name`, or ""."""
    near = get_close_matches(name, [str(key) for key in known], n=3)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _explain(error: ValidationError, name: str) -> str:
    """Say in one line for each problem what was given and what was expected."""
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        depth = len(problem["loc"])
        inside = [other["loc"] for other in problems if len(other["loc"]) > depth]
        if any(loc[:depth] == problem["loc"] for loc in inside):
            continue  # what is wrong inside it was the reason
        place = ".".join([name, *map(str, problem["loc"])])
        told = problem["msg"]
        for pydantics, ours in _PHRASES.items():
            told = told.replace(pydantics, ours)
        given = problem["input"]
        if problem["type"] == "missing":
            lines.append(f"{place}: missing; give it a value")
        elif problem["type"] == "value_error":
            lines.append(f"{place}: {told}")
        else:
            shown = textwrap.shorten(repr(given), 60, placeholder="...")
            lines.append(f"{place}: got {shown} ({type(given).__name__}), expected {told}")
    return "\n".join(lines)


_PHRASES = {
    "Value error, ": "",
    "Input should be ": "",
    "String should have ": "",
    "String should match pattern ": "text that matches ",
    "Tuple should have": "a list with",
    "a valid tuple": "a list",
    " after validation": "",
}


def _make(item: Any, where: str) -> Component:
    """Return the component that one parsed YAML item describes."""
    if isinstance(item, str):
        item = {"type": item}
    if not isinstance(item, Mapping) or "type" not in item:
        message = f"{where}got {item!r}, expected a mapping with the key 'type', or a list of them"
        raise ValueError(message)
    try:
        fields = {str(key): field for key, field in item.items() if key != "type"}
        component: Component = build(item["type"], **fields)
    except ValueError as error:
        message = f"{where}{error}"
        raise ValueError(message) from None
    return component


def _read(path: str | os.PathLike[str]) -> str:
    """Return the text of a YAML file, or say what else the string might have been."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        hint = f"; rk.build({path!r}) makes that component" if path in _registry else ""
        message = f"no file {os.fspath(path)!r}{hint}; YAML text needs a newline in it, at its end"
        raise FileNotFoundError(message) from None
    except UnicodeDecodeError as error:
        message = f"{os.fspath(path)}: not UTF-8 text ({error.reason}, byte {error.start})"
        raise ValueError(message) from None


def _data(value: Any) -> Any:
    """Return a field's value as what YAML can hold."""
    if isinstance(value, Component):
        if value.registered_name is None:
            message = f"{type(value).__name__} has no name; put @rk.register(...) above its class"
            raise ValueError(message)
        held = {name: _data(field) for name, field in fields_set(value).items()}
        return {"type": value.registered_name, **held}
    if isinstance(value, BaseModel):
        return {name: _data(field) for name, field in value}
    if isinstance(value, Mapping):
        return {key: _data(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_data(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _tuples(value: Any) -> Any:
    """Return lists as tuples, at every depth, so that what YAML reads can be held and hashed."""
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return tuple(_tuples(item) for item in value)
    return value
