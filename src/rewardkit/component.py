"""Components: frozen, typed objects with a registered name, which YAML can write and read.

A component's fields are its hyper-parameters. Its validation, repr, equality, hash, pickle and YAML
all follow from their one declaration.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import reduce
from itertools import pairwise
from operator import or_
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Self,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from rewardkit._messages import (
    did_you_mean,
    explain_class,
    explain_validation_error,
    shorten_repr,
    suggest_wrap,
)
from rewardkit.batch import ColumnName
from rewardkit.registry import lookup, names_of_subclasses

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler

Value = TypeVar("Value")


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
        # two mappings are equal whatever their order, so their hashes must be too
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        """Show the content as a dictionary."""
        return repr(self._items)


def freeze(value: Any) -> Any:
    """Return mappings as `FrozenMapping` and lists as tuples, at every depth."""
    if isinstance(value, Mapping):
        return FrozenMapping({key: freeze(item) for key, item in value.items()})
    return tuple(map(freeze, value)) if isinstance(value, list | tuple) else value


Frozen = AfterValidator(freeze)
"""Annotates a component's mapping: `Annotated[Mapping[str, float], Frozen]`."""


if TYPE_CHECKING:
    _Model = BaseModel  # type checkers know what pydantic's own metaclass does
else:
    # It adds no frame to the making of a class: pydantic looks for the types that a class names in
    # the caller's frame, and warns with its line.
    class _ComponentClass(type(BaseModel)):
        """The class of component classes, which refuses `@dataclass`."""

        def __setattr__(cls, attribute: str, value: Any) -> None:
            # what @dataclass writes to a class first; its __init__ would validate nothing
            if attribute == "__dataclass_params__":
                message = (
                    f"{cls.__name__} cannot be a @dataclass; leave the decorator out: the"
                    " annotations are its fields already"
                )
                raise TypeError(message)
            super().__setattr__(attribute, value)

    # built when it is used, as its subclasses are: they would inherit the signature without fields
    class _Model(BaseModel, metaclass=_ComponentClass, defer_build=True):
        pass


_PLAIN_VALUES = (str, bytes, int, float, NoneType, list, tuple, dict, set, frozenset, BaseModel)


def _check_annotated(cls: type[Component]) -> None:
    """Refuse plain values without a type, of which pydantic's error says no more than that."""
    annotated = _list_annotated(cls)
    for name, value in vars(cls).items():
        known = name.startswith(("_", "model_config")) or name in annotated
        if known or name in cls.__class_vars__ or not isinstance(value, _PLAIN_VALUES):
            continue
        kind = "float | None" if value is None else type(value).__name__
        message = f"{cls.__name__}.{name} has no type; write `{name}: {kind} = ...`"
        if name not in cls.model_fields:
            message += f", or `{name}: ClassVar = ...` if it is not a field"
        raise TypeError(message)


def _list_annotated(cls: type) -> Collection[str]:
    if sys.version_info >= (3, 14):
        import annotationlib  # noqa: PLC0415 - new in 3.14, where annotations are made when read

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(cls)


def _explain_field_type(cls: type[Component]) -> str:
    """Say which field's type keeps a class from being used."""
    try:
        cls.model_rebuild(force=True)
    except PydanticUndefinedAnnotation as error:
        return f"{cls.__name__}: the type {error.name!r} is not defined; import or define it"
    except PydanticUserError as error:
        message = " ".join(error.message.split())
    for name, field in cls.model_fields.items():
        try:
            # with what Annotated adds to it, such as InstanceOf
            held: Any = field.annotation
            for more in field.metadata:
                held = Annotated[held, more]
            TypeAdapter(held)
        except PydanticUserError as error:
            named = re.search(r"for <class '(?:.*\.)?(\w+)'>", error.message)
            kind = named[1] if named else str(field.annotation)
            return (
                f"{cls.__name__}.{name}: a field cannot hold {kind}; hold its name or path as a"
                f" str, or for an object that YAML need not hold write pydantic.InstanceOf[{kind}]"
            )
    return f"{cls.__name__}: {message}"


kind_observers: set[Callable[[type[Component]], None]] = set()
"""What is called with each class directly under Component that is made from now on."""


class Component(_Model):
    """Anything with a registered name: an extractor, a verifier, a reward.

    Frozen and strictly typed: an unknown field, a wrong type, an infinity or a NaN raises
    ValueError, with a line per problem. A field declared as a list holds a tuple, one declared as a
    dictionary a frozen mapping, so that a component can be hashed. A field that holds a component
    also takes its name or a mapping with the key `type`, as YAML writes it. Registered classes
    cannot be subclassed; use composition.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # "1" for 1 or 1 for True in a recipe is a slip, not a value
        strict=True,
        # an infinity or a NaN in a field would reach every score
        allow_inf_nan=False,
        # a default is written in the same types as a value, and frozen like one
        validate_default=True,
        # Rewards of one's own may name classes that are defined below them; and importing the
        # library builds no schema that is not used.
        defer_build=True,
    )

    component_kind: ClassVar[str] = "component"
    """`extractor`, `verifier` or `reward`."""
    registered_name: ClassVar[str | None] = None
    """The name in the registry, and the key `type` in YAML."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse to subclass a registered class, and keywords such as `bounds` of the class."""
        if options:
            name, value = next(iter(options.items()))
            message = (
                f"{cls.__name__} takes no keyword {name!r} of the class; write it in the class's"
                f" body: {name} = {value!r}"
            )
            raise TypeError(message)
        super().__init_subclass__()
        _check_annotated(cls)
        for base in cls.__bases__:
            final = vars(base).get("registered_name")
            if final is not None:
                message = (
                    f"{base.__name__} ({final!r}) is registered and cannot be subclassed; hold it"
                    " in a field of a class of your own"
                )
                raise TypeError(message)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Declare lists as tuples and dictionaries as frozen mappings, their defaults too."""
        super().__pydantic_init_subclass__(**options)
        for name, field in cls.__pydantic_fields__.items():
            if (get_origin(field.annotation) or field.annotation) is set:
                message = f"{cls.__name__}.{name}: YAML has no sets, and they have no hash"
                raise TypeError(f"{message}; declare a list: `{name}: list[str]`")
            field.annotation = _frozen_annotation(field.annotation)
            if field.default_factory is not None:
                # a default that can be seen is one that YAML can leave out
                field.default = field.get_default(call_default_factory=True, validated_data={})
                field.default_factory = None
            field.default = freeze(field.default)
        if Component in cls.__bases__:
            for observe in kind_observers:
                observe(cls)

    def __init__(self, /, *values: Any, **fields: Any) -> None:
        """Validate the fields. Raises ValueError with a line per problem."""
        __tracebackhide__ = True
        if values:
            known = ", ".join(f"{name}=..." for name in type(self).model_fields)
            message = f"{type(self).__name__} takes its fields by keyword: {known}"
            raise TypeError(message)
        try:
            super().__init__(**fields)
        except ValidationError as error:
            cls = type(self)
            choices = {
                name: _describe_expected(field.annotation)
                for name, field in cls.model_fields.items()
                if isinstance(field.annotation, type) and issubclass(field.annotation, Component)
            }
            name = cls.registered_name or cls.__name__
            # pydantic's own error takes three lines per problem and a link
            raise ValueError(explain_validation_error(error, name, choices)) from None
        except PydanticUserError:
            # the first use builds what validates the fields
            raise TypeError(_explain_field_type(type(self))) from None

    # pydantic then validates nested components without calling this, as for BaseModel's own
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def replace(self, **fields: Any) -> Self:
        """Return a copy with some fields changed, validated like a new one.

        >>> from rewardkit.rewards import Length
        >>> Length(target=40).replace(penalty=0.5)
        Length(target=40.0, penalty=0.5)
        """
        # not model_copy, which does not validate
        held = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**held, **fields})

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse to change a field: a component is frozen."""
        cls = type(self).__name__
        if name in type(self).model_fields:
            message = f"{cls} is frozen; make a changed copy: .replace({name}=...)"
        else:
            message = f"{cls} is frozen and has no field {name!r}; declare fields in the class"
        raise AttributeError(message)

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
            value = _look_up_for(cls, value)()
        elif isinstance(value, Mapping) and "type" in value:
            fields = {str(key): field for key, field in value.items() if key != "type"}
            value = _look_up_for(cls, value["type"])(**fields)
        if isinstance(value, type) and issubclass(value, Component):
            message = f"got the class {value.__name__}, expected {_describe_expected(cls)}"
            if issubclass(value, cls):
                message = explain_class(value)
            raise ValueError(message)  # noqa: TRY004 - pydantic turns a ValueError into its own
        if isinstance(value, Component) and not isinstance(value, cls):
            raise ValueError(_explain_other_kind(type(value), cls))  # noqa: TRY004 - the same
        if not isinstance(value, Mapping):
            if not isinstance(value, Component):
                message = f"{_describe_given(value, cls)}, expected {_describe_expected(cls)}"
                raise ValueError(message)  # noqa: TRY004 - the same
            return handler(value)
        if cls.registered_name is None and getattr(cls, "__abstractmethods__", None):
            message = f"no key 'type' in {dict(value)!r}, expected {_describe_expected(cls)}"
            raise ValueError(message)
        _check_field_names(cls, value)
        return handler({key: _lists_to_tuples(field) for key, field in value.items()})


def _look_up_for(cls: type[Component], name: Any) -> type[Component]:
    found = lookup(name, _kind_of(cls))
    # before it is made: a wrong kind that lacks a field would be reported as the missing field
    if not issubclass(found, cls):
        raise ValueError(_explain_other_kind(found, cls))  # noqa: TRY004 - the same
    return found


def _explain_other_kind(given: type[Component], expected: type[Component]) -> str:
    return f"{_describe_component(given)}, expected {_describe_expected(expected)}"


def _describe_component(given: type[Component]) -> str:
    return f"got the {given.component_kind} {given.registered_name or given.__name__!r}"


def explain_not_a_reward(value: Any, expected: str = "a reward") -> str:
    """Say what to write in place of something that is not a reward.

    >>> from rewardkit.verify import Number
    >>> explain_not_a_reward(Number())
    "got the verifier 'number', expected a reward; Correct(verifier=..., extractor=...) makes one"
    """
    if isinstance(value, type):
        return explain_class(value)
    if isinstance(value, Component) and value.component_kind != "reward":
        fix = "Correct(verifier=..., extractor=...) makes one"
        return f"{_describe_component(type(value))}, expected a reward; {fix}"
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        return f"got the function {name}, expected {expected}; {suggest_wrap(value)}"
    return f"got {shorten_repr(value)}, expected {expected}"


def fields_set(component: Component) -> dict[str, Any]:
    """Return the fields whose values differ from their defaults, by name.

    >>> from rewardkit.extract import Tag
    >>> fields_set(Tag(tag="answer", which="first"))
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
    'The value if there is no match.'
    """
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}  # a class typed at a prompt has no source
    docs = {}
    for field, doc in pairwise(ast.iter_child_nodes(body)):
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr):
            name, text = ast.unparse(field.target), ast.literal_eval(doc.value)
            docs[name] = inspect.cleandoc(text).replace("\n", " ")
    base = cls.__base__
    inherited = field_docs(base) if base and base is not Component else {}
    return {**inherited, **docs}


def walk(
    component: Component, enter: Callable[[Component], bool] | None = None
) -> Iterator[Component]:
    """Yield a component and every component inside it, depth first.

    With `enter`, what is inside a component for which it returns False is left out.
    """
    yield component
    if enter is not None and not enter(component):
        return
    pending = [getattr(component, name) for name in type(component).model_fields]
    # a list of what is still to visit and not a recursion over tuples and mappings: each component
    # must come before its successor, whatever holds it
    while pending:
        value = pending.pop(0)
        if isinstance(value, Component):
            yield from walk(value, enter)
        elif isinstance(value, tuple):
            pending[:0] = value
        elif isinstance(value, Mapping):
            pending[:0] = value.values()


def columns(
    component: Component, enter: Callable[[Component], bool] | None = None
) -> list[ColumnName[Any]]:
    """Return the dataset columns that a component and those inside it read, each once.

    With `enter`, what is inside a component for which it returns False is left out.

    >>> from rewardkit.rewards import Correct
    >>> from rewardkit.verify import Number
    >>> columns(Correct(verifier=Number(), reference="solution"))
    ['solution']
    """
    # a dictionary keeps the order in which the fields are declared; a set would not
    found: dict[ColumnName[Any], None] = {}
    for part in walk(component, enter):
        for name in type(part).model_fields:
            value = getattr(part, name)
            held = value.values() if isinstance(value, Mapping) else (value,)
            found |= dict.fromkeys(one for one in held if isinstance(one, ColumnName))
    return list(found)


def _check_field_names(cls: type[Component], fields: Mapping[Any, Any]) -> None:
    for key in fields:
        if key in cls.model_fields:
            continue
        if "completions" in fields:
            # A trainer was given the class, and calls it as it would call a reward.
            message = (
                f"the class {cls.__name__} was called with completions; pass an instance to the"
                f" trainer: {cls.__name__}(...)"
            )
            raise ValueError(message)
        near = did_you_mean(str(key), cls.model_fields)
        message = f"no field {key!r}{near}; the fields are {', '.join(cls.model_fields) or 'none'}"
        raise ValueError(message)


def _kind_of(cls: type[Component]) -> str | None:
    return None if cls is Component else cls.component_kind


def _describe_given(value: Any, cls: type[Component]) -> str:
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        # rk.wrap makes a reward, which a verifier's or an extractor's field does not take
        kind = cls.component_kind
        base = f"write a class under rk.{kind.capitalize()}"
        return f"got the function {name}; {suggest_wrap(value) if kind == 'reward' else base}"
    return f"got {shorten_repr(value)}"


def _describe_expected(cls: type[Component]) -> str:
    """Say what a field of type `cls` takes."""
    if cls.registered_name is not None:
        return f"{cls.component_kind} {cls.registered_name!r}"
    return f"one of the {cls.component_kind}s: {', '.join(names_of_subclasses(cls))}"


def _lists_to_tuples(value: Any) -> Any:
    """Return lists as tuples, at every depth, so that what YAML reads can be held and hashed."""
    # a named tuple has a class of its own, which a plain tuple would lose
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return tuple(_lists_to_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _lists_to_tuples(item) for key, item in value.items()}
    return value


def _frozen_annotation(annotation: Any) -> Any:
    """Return a field's type with its lists as tuples and its dictionaries as frozen mappings."""
    origin = get_origin(annotation) or annotation
    inside = tuple(map(_frozen_annotation, get_args(annotation)))
    # types made at run time, which a type checker cannot follow
    tuples: Any = tuple
    mappings: Any = Mapping
    if origin is list:
        return tuples[(*(inside or (Any,)), ...)]
    if origin is dict:
        return Annotated[mappings[inside or (Any, Any)], Frozen]
    if inside and origin is tuple:
        return tuples[inside]
    if inside and origin in (Union, UnionType):
        return reduce(or_, inside)
    return annotation
