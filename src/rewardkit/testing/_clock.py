"""A clock that is a day ahead, whatever name a reward reads it by."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any


@contextmanager
def tomorrow() -> Iterator[None]:
    """Set the clock of `time` and `datetime` on by a day, an hour, a minute and a bit.

    It is set on under every name that a module outside of the standard library has for them.
    """
    put = [(held, name, _LATER[id(held[name])]) for held, name in _clocks(len(sys.modules))]
    for held, name, later in put:
        held[name] = later
    try:
        yield
    finally:
        for held, name, later in put:
            held[name] = _NOW[id(later)]


_AHEAD = 86_400 + 3_600 + 60 + 1.234567
_now, _exact, _local, _utc = time.time, time.time_ns, time.localtime, time.gmtime


def _time() -> float:
    return _now() + _AHEAD


def _time_ns() -> int:
    return _exact() + int(_AHEAD * 1e9)


def _localtime(seconds: float | None = None, /) -> time.struct_time:
    return _local(_time() if seconds is None else seconds)


def _gmtime(seconds: float | None = None, /) -> time.struct_time:
    return _utc(_time() if seconds is None else seconds)


class _AnyDatetime(type):
    """Takes every datetime for its own, so that `isinstance` says what it says at other times."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _datetime)


_datetime = dt.datetime


class _Datetime(dt.datetime, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _datetime.fromtimestamp(_time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _datetime.fromtimestamp(_time(), dt.UTC).replace(tzinfo=None)


_CLOCKS: list[tuple[Any, Any]] = [
    (time.time, _time),
    (time.time_ns, _time_ns),
    (time.localtime, _localtime),
    (time.gmtime, _gmtime),
    (dt.datetime, _Datetime),
]
_LATER = {id(now): later for now, later in _CLOCKS}
_NOW = {id(later): now for now, later in _CLOCKS}


@lru_cache(maxsize=1)
def _clocks(_: int) -> list[tuple[dict[str, Any], str]]:
    """Return where a clock stands in a module, with its name; looked for as modules come."""
    ours = {"hypothesis", "rewardkit", "_pytest", *sys.stdlib_module_names} - {"__main__"}
    others = [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and (name.partition(".")[0] not in ours or name in ("time", "datetime"))
    ]
    return [
        (vars(module), name)
        for module in others
        for name, value in list(vars(module).items())
        if id(value) in _LATER
    ]
