"""What runs inside a sandbox: a program; or an answer and, in another sandbox, its tests.

Tests never share a process with the answer that they judge. What they take from it is a `Remote`,
which asks the answer's process. The two speak JSON, a line for each message, and what comes over
is made of plain data alone: numbers, text, bytes, dates, and built-in collections. So an answer
chooses what its functions give, and has no other say: it sees neither the tests nor the values that
they expect, and cannot touch what they report.

This file is also the program that a bare Python is given, so it needs the standard library alone.
"""

from __future__ import annotations

import builtins
import operator
import os
import sys
from types import ModuleType

TYPE_CHECKING = False  # typing takes its time to import
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

_LONGEST = 1 << 24  # bytes in one message
_SCALARS = {bool, int, float, str}
_COLLECTIONS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (list, tuple, set, frozenset, dict, bytes, bytearray)
}
_VALUES = {
    *("builtins.range", "decimal.Decimal", "fractions.Fraction"),
    *("datetime.date", "datetime.time", "datetime.datetime", "datetime.timedelta"),
}
_TYPES = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}
_OF_ONE = [
    *("setattr", "getitem", "setitem", "delitem", "iter", "next", "len"),
    *("bool", "str", "repr", "int", "float"),
]
_OF_TWO = [
    *("lt", "le", "gt", "ge", "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor"),
]


class Gone(BaseException):
    """The other process has ended, or sends what is no message."""


class Remote:
    """An object in the other process.

    It has the operations of Python, done there. Those between two values take two such objects: a
    value that a test expects is never sent. To compare with one, the plain data that the object is
    made of, if any, is fetched and compared here, so that no `__eq__` over there has a say.
    """

    __slots__ = ("__link__",)  # no name of another form, which might be one of the object's

    def __init__(self, link: Link) -> None:
        object.__setattr__(self, "__link__", link)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result, changed = self.__link__.ask("call", self, args, kwargs)
        for ours, theirs in zip(args, changed, strict=False):
            if type(ours) is type(theirs) and isinstance(ours, list | bytearray):
                ours[:] = theirs
            elif type(ours) is type(theirs) and isinstance(ours, dict | set):
                ours.clear()
                ours.update(theirs)
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__link__.ask("getattr", self, name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Remote):
            return self is other or bool(self.__link__.ask("eq", self, other))
        plain = self.__link__.ask("plain", self)
        return not isinstance(plain, Remote) and bool(plain == other)

    def __hash__(self) -> int:
        return id(self)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Remote) and bool(self.__link__.ask("isinstance", value, self))


def _asking(name: str) -> Callable[..., Any]:
    """Return the method that asks for an operation."""

    def method(self: Remote, *operands: Any) -> Any:
        if name in _OF_TWO and not isinstance(operands[0], Remote):
            return NotImplemented
        return self.__link__.ask(name, self, *operands)

    return method


for _name in (*_OF_ONE, *_OF_TWO):
    setattr(Remote, f"__{_name}__", _asking(_name))


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result, and the arguments where they may be what was changed, as by `sort`."""
    result = function(*args, **kwargs)
    return result, args if result is None else ()


class Link:
    """One end of the talk between two processes: asks the other, and answers it meanwhile.

    `operations` are what the other may ask for, by name, of objects that it was handed.
    """

    def __init__(
        self, incoming: int, outgoing: int, operations: dict[str, Callable[..., Any]]
    ) -> None:
        import json  # noqa: PLC0415 - it takes its time to import, and a program needs none

        self.gone = False
        self._dumps, self._loads = json.dumps, json.loads
        self._lines = os.fdopen(incoming, "rb")
        self._outgoing = outgoing
        self._operations = operations
        self._ours: list[Any] = []
        self._theirs: dict[int, Remote] = {}
        self._tags: dict[int, dict[str, list[int]]] = {}

    def ask(self, operation: str, *operands: Any) -> Any:
        """Return what the other process gives. Raises what it raised there, or Gone."""
        self._send("ask", operation, [self._pack(operand) for operand in operands])
        while True:
            kind, content = self._receive()
            if kind == "value":
                return content[0]
            if kind == "error":
                raise _error(*content)
            self._answer(*content)

    def serve(self) -> NoReturn:
        """Answer until the other process is gone."""
        while True:
            self._answer(*self._receive()[1])

    def _answer(self, operation: str, operands: list[Any]) -> None:
        """Do what was asked for, and send the result or the error."""
        try:
            if operands and "mine" not in self._tags.get(id(operands[0]), {}):
                raise PermissionError(operation)  # noqa: TRY301 - sent like any other
            value = self._operations[operation](*operands)
            reply = ["value", self._pack(value, plain=operation == "plain")]
        except Exception as error:  # noqa: BLE001 - the other process raises it
            reply = ["error", [kind.__name__ for kind in type(error).__mro__], str(error)[:1000]]
        self._send(*reply)

    def _send(self, *message: Any) -> None:
        line = self._dumps(message).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._outgoing, line) :]
        except OSError:
            self._end("the program ended")

    def _receive(self) -> tuple[str, list[Any]]:
        line = self._lines.readline(_LONGEST + 1)
        if not line.endswith(b"\n"):
            self._end("too large" if len(line) > _LONGEST else "the program ended")
        try:
            kind, *content = self._loads(line, object_hook=self._unpack)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is no message
            self._end("a malformed message")
        return kind, content

    def _end(self, why: str) -> NoReturn:
        self.gone = True
        raise Gone(why)

    def _pack(self, value: Any, *, plain: bool = False) -> Any:
        """Return a value as JSON has it; an instance of the answer's own class as its tag."""
        kind = type(value)
        if value is None or kind in _SCALARS:
            return value
        if id(value) in self._tags and not plain:
            return self._tags[id(value)]
        if isinstance(value, type) and _TYPES.get(value.__name__) is value:
            return {"type": [value.__name__]}
        if plain or kind.__module__ != "solution":
            if isinstance(value, int | float | str):
                return value
            if taken := _take_apart(value):
                return {taken[0]: [self._pack(part) for part in taken[1]]}
        if "getattr" not in self._operations and not callable(value):
            message = f"tests can hand over plain data and functions, no object of {kind.__name__}"
            raise TypeError(message)
        self._tags[id(value)] = {"mine": [len(self._ours)]}
        self._ours.append(value)
        return self._tags[id(value)]

    def _unpack(self, tagged: dict[str, Any]) -> Any:
        """Return what a tag stands for. Raises where it stands for nothing."""
        ((tag, parts),) = tagged.items()
        if type(parts) is not list:
            raise TypeError(tag)
        if tag == "mine":
            (place,) = parts
            remote = self._theirs.setdefault(place, Remote(self))
            self._tags[id(remote)] = {"yours": [place]}
            return remote
        if tag in ("yours", "type"):
            return self._ours[parts[0]] if tag == "yours" else _TYPES[parts[0]]
        return _put_together(tag, parts)


def _take_apart(value: Any) -> tuple[str, Iterable[Any]] | None:
    """Return the name of the plain type that a value is of, and its parts; None for other types."""
    if isinstance(value, dict):
        return "dict", value.items()
    for name, kind in _COLLECTIONS.items():
        if isinstance(value, kind):
            return name, list(value)
    if isinstance(value, complex):
        return "complex", (value.real, value.imag)
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name not in _VALUES:
        return None
    parts = value.__reduce__()[1]
    return (name, parts) if all(type(part) in (int, str, bytes) for part in parts) else None


def _put_together(name: str, parts: list[Any]) -> Any:
    """Return the value that was taken apart. Raises where there is no such value."""
    if name in _VALUES:
        origin, _, kind = name.partition(".")
        return getattr(__import__(origin), kind)(*parts)
    return complex(*parts) if name == "complex" else _COLLECTIONS[name](parts)


def _error(names: list[str], text: str) -> Exception:
    """Return the first built-in exception among the names of an error's classes."""
    for name in names:
        kind = _TYPES.get(name)
        if kind and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
            return kind(text)
    return RuntimeError(text)


def module(name: str) -> ModuleType:
    """Return a new module that is known by its name."""
    sys.modules[name] = new = ModuleType(name)
    return new


def program(source: str) -> None:
    """Run a program that reads standard input and writes standard output."""
    exec(compile(source, "<answer>", "exec"), vars(module("__main__")))  # noqa: S102 - in a sandbox


def answer(source: str, incoming: int, outgoing: int) -> None:
    """Run an answer, then what its tests ask of it."""
    sys.set_int_max_str_digits(0)
    solution = module("solution")

    def load() -> ModuleType:
        exec(compile(source, "<answer>", "exec"), vars(solution))  # noqa: S102 - in a sandbox
        return solution

    operations = {
        name: vars(operator).get(f"__{name}__") or vars(builtins)[name]
        for name in (*_OF_ONE, *_OF_TWO, "getattr", "isinstance", "eq")
    }
    operations |= {"load": load, "call": call, "plain": lambda value: value}
    Link(incoming, outgoing, operations).serve()


def tests(source: str, incoming: int, outgoing: int, report: int, *, partial: bool) -> None:
    """Run tests, and report their number, then a line for each: what went wrong, or nothing."""
    sys.set_int_max_str_digits(0)
    link = Link(incoming, outgoing, {"call": call})
    steps, names = read(source)
    space = vars(module("__main__"))

    def tell(line: object) -> None:
        os.write(report, f"{line}\n".encode(errors="replace"))

    def prepare() -> None:
        sys.modules["solution"] = solution = link.ask("load")
        for name, standard in names.items():
            try:
                space[name] = __import__(name) if standard else getattr(solution, name)
            except (AttributeError, ImportError):
                continue  # what the tests miss they will say

    tell(sum(counts for _, counts in steps))
    fault = _fault(prepare, link, source)
    if fault:
        tell(fault)
        return
    for step, counts in steps:
        code = compile(step, "<tests>", "exec")
        fault = _fault(lambda code=code: exec(code, space), link, source)  # type: ignore[misc]  # noqa: S102 - in a sandbox
        if fault or counts:
            tell(fault)
        if fault and not partial:
            return


def _fault(step: Callable[[], None], link: Link, source: str) -> str:
    """Return what went wrong in a step, on one short line; "" where nothing did."""
    try:
        step()
    except BaseException as error:  # noqa: BLE001 - a test that exits has not passed
        line, trace = 0, error.__traceback__
        while trace:
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == "<tests>" else line
            trace = trace.tb_next
        name = "" if isinstance(error, Gone) else f"{type(error).__name__}: "
        said = str(error) or ("", *source.splitlines())[line]
        return " ".join(f"{name}{said}".split())[:200]
    return "the program ended" if link.gone else ""


def read(source: str) -> tuple[list[tuple[ast.Module, bool]], dict[str, bool]]:
    """Return the steps of tests, and the names that they take from elsewhere.

    A step is a top-level statement, and whether it is a test: it asserts, raises, or uses a
    function that the tests define; a function `test_...` without arguments is one more. A name is
    the answer's, or a module's of the standard library where a dot follows it (`math.isclose`), and
    never a built-in's. Raises SyntaxError, ValueError, RecursionError or MemoryError for what is no
    Python.
    """
    import ast  # noqa: PLC0415 - only tests are read

    tree = ast.parse(source)
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    prepares = (
        *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom),
        *(ast.Assign, ast.AnnAssign, ast.AugAssign),
    )

    def counts(statement: ast.stmt) -> bool:
        return not isinstance(statement, prepares) and any(
            isinstance(node, ast.Assert | ast.Raise)
            or (isinstance(node, ast.Name) and node.id in functions)
            for node in ast.walk(statement)
        )

    def takes_all(statement: ast.stmt) -> bool:
        is_import = isinstance(statement, ast.ImportFrom)
        return is_import and ast.unparse(statement) == "from solution import *"

    steps = [(ast.Module([each], []), counts(each)) for each in tree.body if not takes_all(each)]
    for name, function in functions.items():
        if name.startswith("test_") and not function.args.args:
            steps.append((ast.parse(f"{name}()"), True))
    own = {*vars(builtins), *functions}
    names: dict[str, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names[node.value.id] = node.value.id in sys.stdlib_module_names
        elif isinstance(node, ast.Name):
            names.setdefault(node.id, False)
            if not isinstance(node.ctx, ast.Load):
                own.add(node.id)
    return steps, {name: standard for name, standard in names.items() if name not in own}


def main(
    role: str, source: str, ready: int, limits: dict[str, int], paths: list[str], **rest: Any
) -> None:
    """Set the limits, say that all is ready, and play the role."""
    import resource  # noqa: PLC0415 - Windows has none, and only reads tests

    for name, limit in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (most, most))
    os.write(ready, b"+")
    os.close(ready)
    sys.path += paths
    sys.argv = ["solution.py"]
    vars(builtins).update(exit=sys.exit, quit=sys.exit)
    roles: dict[str, Callable[..., None]] = {"program": program, "answer": answer, "tests": tests}
    roles[role](source, **rest)
