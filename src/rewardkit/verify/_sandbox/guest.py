"""The code that runs inside a sandbox: a program, or an answer and, in another sandbox, its tests.

Tests never share a process with the answer that they judge. The names that they use of it are
`Remote` objects, which ask the answer's process. The two exchange JSON, one line per message, and
what arrives is made of plain data alone: numbers, text, bytes, dates, and built-in collections. So
an answer chooses what its functions return, and nothing else: it sees neither the tests nor the
values that they expect, and cannot change what they report.

This file is also the program that a bare Python runs, so it imports the standard library alone.
"""

from __future__ import annotations

import builtins
import marshal
import operator
import os
import sys
from types import CodeType, ModuleType

TYPE_CHECKING = False  # importing typing for it would slow down every start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

MAX_MESSAGE_BYTES = 1 << 24  # a message is kept in memory until it is whole
_SCALARS = {bool, int, float, str}
_COLLECTIONS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (list, tuple, set, frozenset, dict, bytes, bytearray)
}
_MUTABLE = (list, dict, set, bytearray)
# Classes of the standard library whose `__reduce__` gives plain arguments to make a copy from.
_COPIED_CLASSES = {
    *("builtins.range", "decimal.Decimal", "fractions.Fraction"),
    *("datetime.date", "datetime.time", "datetime.datetime", "datetime.timedelta"),
}
# Kinds of numpy's values that are plain data: truth, numbers, times, text.
_ARRAY_KINDS = "biufcmMSU"
_BUILTIN_TYPES = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}
# Operators of one of the answer's objects: of it alone, or with keys and values sent to it.
_UNARY = [
    *("setattr", "getitem", "setitem", "delitem", "iter", "next", "len"),
    *("bool", "str", "repr", "int", "float"),
]
# Operators of two of the answer's objects: a value of the tests would give away what they expect.
_BINARY = [
    *("lt", "le", "gt", "ge", "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor"),
]
# Attributes of functions and classes that tests may read: their other ones are for Python itself.
_DESCRIPTIONS = ("__name__", "__qualname__", "__doc__", "__wrapped__")
# Operations whose result the answer's own methods decide, and how a verdict names them.
_DECIDED_THERE = {"eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "bool": "bool()"}
_DECIDED_THERE["isinstance"] = "isinstance()"
MAKE_CHANGES = "__make_changes__"
"""How compiled tests call `Link.make_changes`."""
ON_ITS_WORD = "\tits word: "
"""What begins the report's line about them: no fault begins with white space."""


class PeerClosed(BaseException):  # not an Exception, which tests may catch
    """The other process has ended, or has sent something that is not a message."""


class Remote:
    """An object in the other process.

    It has Python's operators, which run there. Binary ones take two such objects, so that a value
    that a test expects is never sent. To compare with a value, the plain data of the object, if it
    is made of such, is fetched and compared here, so that no `__eq__` of the answer decides.
    """

    __slots__ = ("__link__",)  # a name of another form might be one of the object's own

    def __init__(self, link: Link) -> None:
        object.__setattr__(self, "__link__", link)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result, changed = self.__link__.ask("call", self, args, kwargs)
        values = [*args, *kwargs.values()]
        changes = [pair for pair in zip(values, changed, strict=False) if pair[1] is not None]
        if result is None:  # called for its effect, as `sort` is
            _replace_contents(changes)
        else:
            self.__link__.changes += changes
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not self.__link__.describes(name):
            raise AttributeError(name)
        return self.__link__.ask("getattr", self, name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Remote):
            return self is other or bool(self.__link__.ask("eq", self, other))
        plain = self.__link__.fetch_plain(self)
        return not isinstance(plain, Remote) and bool(plain == other)

    def __hash__(self) -> int:
        return id(self)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Remote) and bool(self.__link__.ask("isinstance", value, self))


def _make_operator(name: str) -> Callable[..., Any]:
    """Return a method that asks the other process for an operation."""

    def method(self: Remote, *operands: Any) -> Any:
        if name in _BINARY and not isinstance(operands[0], Remote):
            return NotImplemented
        return self.__link__.ask(name, self, *operands)

    return method


# Else a function without a docstring would have that of this class.
Remote.__doc__ = property(lambda self: self.__getattr__("__doc__"))  # type: ignore[assignment]
for _name in (*_UNARY, *_BINARY):
    setattr(Remote, f"__{_name}__", _make_operator(_name))


def _replace_contents(changes: list[tuple[Any, Any]]) -> None:
    """Give arguments the contents that they have in the other process."""
    for ours, theirs in changes:
        if type(ours) is type(theirs) and isinstance(ours, list | bytearray):
            ours[:] = theirs
        elif type(ours) is type(theirs) and isinstance(ours, dict | set):
            ours.clear()
            ours.update(theirs)
        elif _is_array(ours) and _is_array(theirs) and ours.shape == theirs.shape:
            ours[...] = theirs
    changes.clear()


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result, and the arguments that the function changed, None for the others."""
    values = [*args, *kwargs.values()]
    mutable = [
        value if isinstance(value, _MUTABLE) or _is_array(value) else None for value in values
    ]
    before = [*map(_take_snapshot, mutable)]
    result = function(*args, **kwargs)
    # Only the changed ones: an argument may be large, and each is sent back whole.
    return result, [
        None if old is not None and old == _take_snapshot(value) else value
        for value, old in zip(mutable, before, strict=True)
    ]


def _take_snapshot(value: Any) -> bytes | None:
    """Return the bytes of plain data; None for data with other objects in it."""
    try:
        return marshal.dumps(value)
    except ValueError:
        return None


class Link:
    """One end of the connection between two processes: asks the other one, and answers it.

    `operations`, by name, are all that the other process may ask for, and only of objects that were
    sent to it.
    """

    def __init__(
        self, incoming: int, outgoing: int, operations: dict[str, Callable[..., Any]]
    ) -> None:
        import json  # noqa: PLC0415 - it takes 10 ms, and a program needs none

        self.is_closed = False
        self.changes: list[tuple[Any, Any]] = []
        """Arguments that calls have changed, with their new contents, until `make_changes`."""
        self.compared: Remote | None = None
        """The object that was last compared with a value and is not plain data, if any."""
        self.decided_there: set[str] = set()
        """The operations so far whose result the answer's own methods have decided."""
        self._dumps, self._loads = json.dumps, json.loads
        self._lines = os.fdopen(incoming, "rb")
        self._outgoing = outgoing
        self._operations = operations
        self._is_answer = "getattr" in operations  # tests can only be called
        self._ours: list[Any] = []
        self._theirs: dict[int, Remote] = {}
        self._tags: dict[int, dict[str, list[int]]] = {}
        self._plain: dict[int, Any] = {}

    def fetch_plain(self, remote: Remote) -> Any:
        """Return an object's plain data, the same until something else is asked for.

        Otherwise it could be another value each time it is compared, until one is right.
        """
        if id(remote) not in self._plain:
            self._plain[id(remote)] = plain = self.ask("plain", remote)
            self.compared = remote if isinstance(plain, Remote) else self.compared
        return self._plain[id(remote)]

    def explain_comparison(self) -> str:
        """Name the class of the object that was compared and is not plain data, "" for none."""
        if self.compared is None:
            return ""
        try:
            name = self.ask("class", self.compared)
        except BaseException:  # noqa: BLE001 - the test has failed already
            return ""
        if not isinstance(name, str):
            return ""
        return f"; the answer's {name[:80]} is not plain data, so it equals no value"

    def describes(self, name: str) -> bool:
        """Return whether the other process gives this attribute of its functions: an answer does.

        Tests do not, and `functools.wraps` of an answer then goes on without it.
        """
        return name in _DESCRIPTIONS and not self._is_answer

    def ask(self, operation: str, *operands: Any) -> Any:
        """Return the result of an operation there. Raises what it raised, or PeerClosed."""
        self.decided_there.update(_DECIDED_THERE.keys() & {operation})
        if operation != "plain":
            self._plain.clear()
        self._send_message("ask", operation, [self._encode_value(operand) for operand in operands])
        while True:
            kind, content = self._receive_message()
            if kind == "value":
                return content[0]
            if kind == "error":
                raise _rebuild_error(*content, ends_loops=operation == "next" or self._is_answer)
            self._do_operation(*content)  # a test's function, which the answer calls back

    def make_changes(self) -> None:
        """Make the changes that functions with a result have made to their arguments.

        Tests call it after each statement, not after each call: of `assert f(a) == sorted(a)` a
        function that empties `a` and returns an empty list would be right.
        """
        if self.changes:
            self.decided_there.add("changes")
            _replace_contents(self.changes)

    def serve(self) -> NoReturn:
        """Answer until the other process is gone."""
        while True:
            self._do_operation(*self._receive_message()[1])

    def _do_operation(self, operation: str, operands: list[Any]) -> None:
        """Do what was asked for, and send the result or the error."""
        try:
            # On objects of this process alone: else the answer could call `type` among the tests.
            if operands and "mine" not in self._tags.get(id(operands[0]), {}):
                raise PermissionError(operation)  # noqa: TRY301 - sent like any other
            value = self._operations[operation](*operands)
            reply = ["value", self._encode_value(value, plain=operation == "plain")]
        except BaseException as error:
            # An exit of the answer fails the test that asked, and the tests go on. What a test
            # raises to end itself is not for the answer to catch.
            if isinstance(error, PeerClosed) or not (
                self._is_answer or isinstance(error, Exception)
            ):
                raise
            reply = ["error", [kind.__name__ for kind in type(error).__mro__], str(error)[:1000]]
        self._send_message(*reply)

    def _send_message(self, *message: Any) -> None:
        line = self._dumps(message).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._outgoing, line) :]
        except OSError:
            self._raise_closed("the program ended")

    def _receive_message(self) -> tuple[str, list[Any]]:
        line = self._lines.readline(MAX_MESSAGE_BYTES + 1)
        if not line.endswith(b"\n"):
            self._raise_closed(
                "too large" if len(line) > MAX_MESSAGE_BYTES else "the program ended"
            )
        try:
            kind, *content = self._loads(line, object_hook=self._decode_tag)
        except Exception:  # noqa: BLE001 - a forged message may raise anything
            self._raise_closed("a malformed message")
        return kind, content

    def _raise_closed(self, reason: str) -> NoReturn:
        self.is_closed = True
        raise PeerClosed(reason)

    def _encode_value(self, value: Any, *, plain: bool = False) -> Any:
        """Return a value for JSON: plain data as a copy, anything else as the tag of an object."""
        kind = type(value)
        if value is None or kind in _SCALARS:
            return value
        if id(value) in self._tags and not plain:
            return self._tags[id(value)]
        if isinstance(value, type) and _BUILTIN_TYPES.get(value.__name__) is value:
            return {"type": [value.__name__]}
        if plain or kind.__module__ != "solution":
            # numpy first, since its float64 is a float
            if split := _split_array(value) or _split_into_parts(value):
                return {split[0]: [self._encode_value(part) for part in split[1]]}
            if isinstance(value, int | float | str):
                return value
        if not self._is_answer and not callable(value):
            message = f"tests can hand over plain data and functions, no object of {kind.__name__}"
            raise TypeError(message)
        self._tags[id(value)] = {"mine": [len(self._ours)]}
        self._ours.append(value)
        return self._tags[id(value)]

    def _decode_tag(self, tagged: dict[str, Any]) -> Any:
        """Return the value or object of a tag. Raises an exception of any kind for a forged one."""
        ((tag, parts),) = tagged.items()
        if type(parts) is not list:
            raise TypeError(tag)
        if tag == "mine":
            (index,) = parts
            remote = self._theirs.setdefault(index, Remote(self))
            self._tags[id(remote)] = {"yours": [index]}
            return remote
        if tag in ("yours", "type"):
            return self._ours[parts[0]] if tag == "yours" else _BUILTIN_TYPES[parts[0]]
        return _build_from_parts(tag, parts)


def _split_into_parts(value: Any) -> tuple[str, Iterable[Any]] | None:
    """Return the name of a value's plain type, and its parts; None for other types."""
    if type(value).__module__ == "collections" and type(value).__name__ in _CONTAINERS:
        return f"collections.{type(value).__name__}", _CONTAINERS[type(value).__name__](value)
    if isinstance(value, dict):
        return "dict", value.items()
    for name, kind in _COLLECTIONS.items():
        if isinstance(value, kind):
            return name, list(value)
    if isinstance(value, complex):
        return "complex", (value.real, value.imag)
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name not in _COPIED_CLASSES:
        return None
    parts = value.__reduce__()[1]
    return (name, parts) if all(type(part) in (int, str, bytes) for part in parts) else None


# A bound or a default of a container is sent where it is plain, else left out.
_CONTAINERS: dict[str, Callable[[Any], Iterable[Any]]] = {
    "Counter": lambda value: [dict(value)],
    "OrderedDict": lambda value: [list(value.items())],
    "deque": lambda value: [list(value), value.maxlen],
    "defaultdict": lambda value: [
        value.default_factory if value.default_factory in _BUILTIN_TYPES.values() else None,
        dict(value),
    ],
}


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _split_array(value: Any) -> tuple[str, Iterable[Any]] | None:
    numpy = sys.modules.get("numpy")
    is_scalar = numpy is not None and isinstance(value, numpy.generic)
    if not (is_scalar or _is_array(value)):
        return None
    kind = value.dtype
    # a structure or an array of objects is an object; numpy's texts are Python's as well
    if kind.kind not in _ARRAY_KINDS or not kind.itemsize or isinstance(value, str | bytes):
        return None
    shape = None if is_scalar else list(value.shape)
    return "numpy", (kind.str, shape, value.tobytes().hex())


def _build_array(kind: str, shape: list[int] | None, content: str) -> Any:
    np = __import__("numpy")  # with packages=True alone
    dtype = np.dtype(kind)
    if dtype.kind not in _ARRAY_KINDS:
        raise TypeError(kind)
    is_truth = dtype.kind == "b"
    array = np.ndarray(shape or (), "u1" if is_truth else dtype, bytearray.fromhex(content))
    if is_truth:  # of a forged one other than 0 and 1 it is undefined what it equals
        array[...] = array != 0
        array = array.view(dtype)
    return array[()] if shape is None else array


def _build_from_parts(name: str, parts: list[Any]) -> Any:
    if name == "numpy":
        return _build_array(*parts)
    if name.removeprefix("collections.") in _CONTAINERS:
        return getattr(__import__("collections"), name.removeprefix("collections."))(*parts)
    if name in _COPIED_CLASSES:
        origin, _, kind = name.partition(".")
        return getattr(__import__(origin), kind)(*parts)
    return complex(*parts) if name == "complex" else _COLLECTIONS[name](parts)


def _rebuild_error(names: list[str], text: str, *, ends_loops: bool) -> Exception:
    """Return the first built-in exception among the names of an error's classes.

    A StopIteration is one only if it `ends_loops`: tests that go through `map(f, ...)` would end
    at the first call otherwise, and pass.
    """
    if not ends_loops and not {"StopIteration", "StopAsyncIteration"}.isdisjoint(names):
        return RuntimeError(f"{names[0]}: {text}")
    # No exit and no interrupt, which would end the tests; no UnicodeError, which takes 5 arguments.
    for name in names:
        kind = _BUILTIN_TYPES.get(name)
        if kind and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
            return kind(text)
    return RuntimeError(f"{names[0]}: {text}" if names else text)


def make_module(name: str) -> ModuleType:
    """Return a new module that can be imported by its name."""
    sys.modules[name] = new = ModuleType(name)
    return new


def _compile_answer(answer: str) -> CodeType:
    # With this file's `annotations`: `List[int]` without an import is allowed, as in Python 3.14.
    return compile(answer, "<answer>", "exec")


def run_program(source: str) -> None:
    """Run a program that reads standard input and writes standard output."""
    sys.set_int_max_str_digits(0)  # the time limit is limit enough
    exec(_compile_answer(source), vars(make_module("__main__")))  # noqa: S102 - in a sandbox


def name_class(value: object) -> str:
    """Return the name of an object's class, with its module."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


# Made once: a child that made it would write to each function, and so copy their pages.
_ANSWER_OPERATIONS: dict[str, Callable[..., Any]] = {
    name: vars(operator).get(f"__{name}__") or vars(builtins)[name]
    for name in (*_UNARY, *_BINARY, "getattr", "isinstance", "eq")
}
_ANSWER_OPERATIONS |= {"call": call, "plain": lambda value: value, "class": name_class}


def serve_answer(source: str, incoming: int, outgoing: int) -> None:
    """Run an answer, then the operations that its tests ask for."""
    sys.set_int_max_str_digits(0)
    solution = make_module("solution")

    def load() -> ModuleType:
        exec(_compile_answer(source), vars(solution))  # noqa: S102 - in a sandbox
        return solution

    _ANSWER_OPERATIONS["load"] = load
    Link(incoming, outgoing, _ANSWER_OPERATIONS).serve()


def run_tests(
    tests: tuple[str, int, bytes], incoming: int, outgoing: int, report: int, *, partial: bool
) -> None:
    """Run tests, and report their number, then one line for each: its fault, or nothing.

    The parts of `tests` are those of `reading.CompiledTests`.
    """
    source, total, code = tests
    sys.set_int_max_str_digits(0)
    link = Link(incoming, outgoing, {"call": call})
    steps, names = marshal.loads(code)  # noqa: S302 - from the caller
    namespace = vars(make_module("__main__"))
    namespace[MAKE_CHANGES] = link.make_changes

    def report_line(line: object) -> None:
        os.write(report, f"{line}\n".encode(errors="replace"))

    def prepare() -> None:
        sys.modules["solution"] = solution = link.ask("load")
        used.extend(_fill_namespace(namespace, names, solution))

    used: list[str] = []
    report_line(total)
    fault = _find_fault(prepare, link, source)
    if fault:
        report_line(fault)
        return
    for step, is_test in steps:
        fault = _find_fault(lambda step=step: exec(step, namespace), link, source)  # type: ignore[misc]  # noqa: S102 - in a sandbox
        if fault or is_test:
            report_line(fault)
        if fault and not partial:
            return
    if word := _describe_trust(used, link.decided_there):
        report_line(ON_ITS_WORD + word)


def _fill_namespace(
    namespace: dict[str, Any], names: dict[str, str], solution: Any
) -> Iterable[str]:
    """Give tests what they use of modules and of the answer; yield the names of the latter."""
    for name, path in names.items():
        module, _, member = path.partition(".")
        try:
            if not path:
                namespace[name] = getattr(solution, name)
                yield name
            else:
                source = __import__(module)
                namespace[name] = getattr(source, member) if member else source
        except (AttributeError, ImportError):
            continue  # the test that uses it fails, and names it


def _describe_trust(names: list[str], operations: set[str]) -> str:
    """Name what tests took from the answer, and which of its own methods decided a comparison.

    One name is what they test. Of several, some may be what they test it with.
    """
    parts = [", ".join(sorted(names))] if len(names) > 1 else []
    if shown := [text for name, text in _DECIDED_THERE.items() if name in operations]:
        parts.append(f"{', '.join(shown)} of its objects")
    if "changes" in operations:
        parts.append("arguments that it changed")
    return "; ".join(parts)


def _find_fault(step: Callable[[], None], link: Link, source: str) -> str:
    """Do a step, and return its error on one short line, "" if there is none."""
    link.compared = None
    try:
        step()
    except BaseException as error:  # noqa: BLE001 - a test that exits has not passed
        line, trace = 0, error.__traceback__
        while trace:
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == "<tests>" else line
            trace = trace.tb_next
        name = "" if isinstance(error, PeerClosed) else f"{type(error).__name__}: "
        message = str(error) or ("", *source.splitlines())[line]
        reason = " ".join(link.explain_comparison().split())
        return " ".join(f"{name}{message}".split())[: 200 - len(reason)] + reason
    # The tests may have caught the exception that said so.
    return "the program ended" if link.is_closed else ""
