"""Read tests: their steps, and the names that they use of the answer and of modules."""

from __future__ import annotations

import ast
import builtins
import marshal
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache

from rewardkit.verify._sandbox.guest import MAKE_CHANGES

# What tests use of modules without importing them, beside the modules of the standard library. An
# answer that defines one of them could let any test pass.
_MODULES = {"np": "numpy", "numpy": "numpy", "pytest": "pytest", "pd": "pandas"}
_MEMBERS = {
    "math": "isclose isnan isinf",
    "pytest": "approx raises",
    "numpy": "allclose array_equal",
    "collections": "Counter OrderedDict defaultdict deque",
    "fractions": "Fraction",
    "decimal": "Decimal",
}
_PATHS = {name: f"{module}.{name}" for module, names in _MEMBERS.items() for name in names.split()}


@dataclass(frozen=True)
class CompiledTests:
    """Tests that can be run."""

    source: str
    total: int
    """How many tests there are."""
    code: bytes
    """The steps and names that `read_tests` returns, with compiled steps, marshalled."""


@lru_cache(maxsize=64)  # the rows of a group have the same tests
def compile_tests(source: str) -> CompiledTests:
    """Compile tests once for all answers, since that takes longer than most tests do.

    Raises what `read_tests` raises, also for what cannot be compiled, such as a lone `return`.
    """
    steps, names = read_tests(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of an assertion that always holds
        # `python -O` would leave out what they assert
        codes = [
            (compile(insert_changes(step), "<tests>", "exec", optimize=0), is_test)
            for step, is_test in steps
        ]
    total = sum(is_test for _, is_test in steps)
    return CompiledTests(source, total, marshal.dumps((codes, names)))


def parse_quietly(source: str) -> ast.Module:
    """Parse Python without warnings, which `python -W error` would turn into a SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of an invalid escape
        return ast.parse(source)


def read_tests(source: str) -> tuple[list[tuple[ast.Module, bool]], dict[str, str]]:
    """Return the steps of tests, and the names that they use without defining them.

    A step is a top-level statement, and whether it is a test: it asserts, raises, or uses a
    function that the tests define. Each function `test_...` without arguments is one more step. A
    name, never a built-in's, is the answer's, or it belongs to a module: one of the standard
    library if a dot follows it (`math.isclose`), numpy or pytest, or what tests compare with
    (`isclose`, `approx`, `Counter`) if they use something of the answer as well. The mapping says
    which: "math", "math.isclose", or "" for the answer. Raises SyntaxError, ValueError,
    RecursionError or MemoryError for text that is not Python.
    """
    tree = parse_quietly(source)
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    preparations = (
        *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom),
        *(ast.Assign, ast.AnnAssign, ast.AugAssign),
    )

    def is_test(statement: ast.stmt) -> bool:
        return not isinstance(statement, preparations) and any(
            isinstance(node, ast.Assert | ast.Raise)
            or (isinstance(node, ast.Name) and node.id in functions)
            for node in ast.walk(statement)
        )

    def imports_all_names(statement: ast.stmt) -> bool:
        is_import = isinstance(statement, ast.ImportFrom)
        return is_import and ast.unparse(statement) == "from solution import *"

    steps = [
        (ast.Module([each], []), is_test(each)) for each in tree.body if not imports_all_names(each)
    ]
    for name, function in functions.items():
        if name.startswith("test_") and not function.args.args:
            steps.append((ast.parse(f"{name}()"), True))
    defined = {*vars(builtins), *functions}
    names: dict[str, str] = {}
    nodes = [*ast.walk(tree)]  # once, since it takes longer than all else here
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            is_standard = name in sys.stdlib_module_names
            names[name] = name if is_standard else _MODULES.get(name, "")
        elif isinstance(node, ast.Name):
            names.setdefault(node.id, "")
            if not isinstance(node.ctx, ast.Load):
                defined.add(node.id)
    names = {name: module for name, module in names.items() if name not in defined}
    # Tests of nothing but `isclose` test an answer that defines it.
    of_answer = {name for name, module in names.items() if not module}
    if of_answer - _PATHS.keys() - _find_own_names(nodes):
        names = {name: module or _PATHS.get(name, "") for name, module in names.items()}
    return steps, names


def _find_own_names(nodes: list[ast.AST]) -> set[str]:
    """Return the names that tests give to arguments, imports and caught errors."""
    own = set()
    for node in nodes:
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.alias):
            own.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            own.add(node.name)
    return own


def insert_changes(step: ast.Module) -> ast.Module:
    """Add a call of `Link.make_changes` after each statement that may call a function."""
    simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Assert)
    for node in ast.walk(step):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if not isinstance(statements, list):  # a lambda has an expression
                continue
            added = []
            for statement in statements:
                added.append(statement)
                if isinstance(statement, simple) and _has_call(statement):
                    call = ast.Expr(ast.Call(ast.Name(MAKE_CHANGES, ast.Load()), [], []))
                    ast.copy_location(call, statement)
                    added.append(ast.fix_missing_locations(call))
            setattr(node, field, added)
    return step


def _has_call(statement: ast.stmt) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(statement))
