"""The registry: every component class by its name, plugins included.

It knows classes only by their `component_kind`, so that `component` can import it.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from rewardkit._messages import did_you_mean, error_line, shorten_text, suggest_wrap

if TYPE_CHECKING:
    from rewardkit.component import Component

ComponentClass = TypeVar("ComponentClass", bound="type[Component]")

KINDS = ("reward", "verifier", "extractor")
"""What a component can be."""

_registry: dict[str, type[Component]] = {}
_BUILT_IN_MODULES = ("rewardkit.rewards", "rewardkit.verify", "rewardkit.extract")
_built_ins_loaded = False
# Reentrant: a plugin's own modules look names up while they are imported.
_loading_lock = threading.RLock()
_plugins_loaded = False


def register(name: str) -> Callable[[ComponentClass], ComponentClass]:
    """Register a class under `name`: a class decorator.

    A plugin's names are `plugin/name`. Raises ValueError if the name is taken or malformed, or if
    a field has a reserved name, and TypeError for anything but a Component class. Running a
    notebook's code again replaces the class of `__main__` with the same qualified name.

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
    if not isinstance(name, str):
        message = f'got {name!r}, expected a name: write @rk.register("name") above the class'
        raise TypeError(message)
    if not re.fullmatch(r"([a-z0-9_.-]+/)?[a-z][a-z0-9_]*", name):
        message = f"got the name {name!r}, expected lower_case or plugin/lower_case"
        raise ValueError(message)

    def decorate(cls: ComponentClass) -> ComponentClass:
        _check_class(cls)
        if not cls.__module__.startswith("rewardkit."):
            _load_built_ins()  # whose names are taken, whether they were used or not
        _check_name_is_free(name, cls)
        cls.registered_name = name
        _registry[name] = cls
        return cls

    return decorate


def build(name: str, /, **fields: Any) -> Any:
    """Return the component registered under `name`, with `fields` as its hyper-parameters.

    For names out of YAML and the command line; in Python, the classes of `rewardkit.rewards`,
    `rewardkit.verify` and `rewardkit.extract` are typed. Raises ValueError for an unknown name
    (with the nearest ones) and for fields that do not fit.

    >>> build("xml_strict", value=1.0)
    XmlStrict(value=1.0)
    """
    return lookup(name)(**fields)


def names(kind: str | None = None) -> list[str]:
    """Return the registered names, sorted; `kind` is "reward", "verifier" or "extractor".

    Plugins are imported first. Raises ValueError for another kind.

    >>> names("verifier")
    ['code', 'contains', 'exact', ...]
    """
    if kind is not None and kind not in KINDS:
        message = f"got kind={kind!r}, expected one of {', '.join(KINDS)}, or None for all"
        raise ValueError(message)
    _load_plugins()
    return sorted(name for name, cls in _registry.items() if kind in (None, cls.component_kind))


def lookup(name: Any, kind: str | None = None) -> type[Component]:
    """Return the class registered under `name`, importing plugins if it is not known yet.

    Raises ValueError with the nearest names, of that kind if one is given.
    """
    if isinstance(name, type):
        message = f"got the class {name.__name__}, expected a registered name, such as 'length'"
        raise ValueError(message)  # noqa: TRY004 - as for every name that is not registered
    name = name if isinstance(name, str) else repr(name)
    _load_built_ins()
    # entry points are read from disk, so only a name that is not known yet pays for it
    if name not in _registry:
        _load_plugins()
    if name not in _registry:
        known = [key for key, cls in _registry.items() if kind in (None, cls.component_kind)]
        near = did_you_mean(name, known)
        if name.endswith((".yaml", ".yml")):
            near = f"; rk.load({shorten_text(name)!r}) reads a file"
        listed = f"rk.names({kind!r})" if kind in KINDS else "rk.names()"
        unknown = f"no {kind or 'component'} is called {shorten_text(name)!r}"
        message = f"{unknown}{near or f'; {listed} lists them'}"
        raise ValueError(message)
    return _registry[name]


def is_registered(name: str) -> bool:
    """Return whether a component of that name is known so far, without importing plugins."""
    _load_built_ins()
    return name in _registry


def names_of_subclasses(base: type[Component]) -> list[str]:
    """Return the names registered so far of the classes that a field of type `base` takes."""
    _load_built_ins()
    return sorted(name for name, cls in _registry.items() if issubclass(cls, base))


def _check_class(cls: Any) -> None:
    name = getattr(cls, "__name__", repr(cls))
    kind = getattr(cls, "component_kind", None)
    if not isinstance(cls, type) or kind is None:
        given = f"the function {name}" if callable(cls) and not isinstance(cls, type) else repr(cls)
        message = f"got {given}, expected a class under Reward, Verifier or Extractor"
        if not isinstance(cls, type) and callable(cls):
            message += f"; without a registered name, {suggest_wrap(cls)}"
        raise TypeError(message)
    if kind not in KINDS:
        message = f"{name} must subclass Reward, Verifier or Extractor"
        raise TypeError(message)
    if registered := vars(cls).get("registered_name"):
        message = f"{name} is already registered, as {registered!r}"
        raise ValueError(message)
    for field in getattr(cls, "model_fields", {}):
        if reason := _reason_reserved(cls, field):
            message = f"{name}: a field cannot be called {field!r}: {reason}; rename it"
            raise ValueError(message)


def _reason_reserved(cls: type, field: str) -> str | None:
    """Say why a field cannot have a name, None if it can."""
    if field == "type":
        return "YAML writes the registered name under that key"
    # a base's own fields are not in its namespace, so what is found there is a method or the like
    owner = next((base for base in cls.__mro__[1:] if field in vars(base)), None)
    return f"{owner.__name__} has an attribute of that name" if owner else None


def _check_name_is_free(name: str, cls: type[Component]) -> None:
    taken = _registry.get(name)
    if taken is None:
        return
    # a notebook's code that is run again defines the same class once more, as a new object
    runs_again = cls.__module__ == "__main__" == taken.__module__
    if not runs_again or cls.__qualname__ != taken.__qualname__:
        owner = f"{taken.__module__}.{taken.__qualname__}"
        message = f"the name {name!r} is taken by {owner}; choose another"
        raise ValueError(message)


def _load_built_ins() -> None:
    global _built_ins_loaded  # noqa: PLW0603 - there is one registry per process
    if not _built_ins_loaded:
        with _loading_lock:
            for module in _BUILT_IN_MODULES:
                import_module(module)
            # set after the imports: another thread must wait for them
            _built_ins_loaded = True


def _load_plugins() -> None:
    """Import what other distributions declare under the entry points `rewardkit`, once."""
    global _plugins_loaded  # noqa: PLW0603 - there is one registry per process
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import

    _load_built_ins()  # first, since what a plugin adds to the registry is checked
    with _loading_lock:
        if _plugins_loaded or os.environ.get("REWARDKIT_NO_PLUGINS") == "1":
            return
        # set before the imports: a plugin's module that looks a name up must not start over
        _plugins_loaded = True
        plugins = entry_points(group="rewardkit")
        known = {plugin.name for plugin in plugins}
        for plugin in plugins:
            before = set(_registry)
            try:
                plugin.load()
            # One broken plugin must not stop the others, nor end the process by sys.exit. Ctrl-C is
            # the user's, who may be waiting for just this import.
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                problem = f"did not import ({shorten_text(error_line(error), 300)})"
                rejected = {name for name in _registry if name.startswith(f"{plugin.name}/")}
            else:
                # A plugin may import another one, whose names carry that one's prefix.
                added = set(_registry) - before
                rejected = {name for name in added if name.partition("/")[0] not in known}
                listed = ", ".join(sorted(rejected))
                problem = f"registers {listed} without the prefix {plugin.name}/"
                if not rejected:
                    continue
            for name in rejected:
                del _registry[name]
            message = f"rewardkit plugin {plugin.name!r} ({plugin.value}) {problem}; left out"
            warnings.warn(message, RuntimeWarning, stacklevel=4)
