"""Functions and files stay short enough to read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FUNCTION_LINES = 60  # with the signature and the docstring
MAX_FILE_LINES = 550
TABLES = {"src/rewardkit/audit/zoo.py", "benchmarks/peers.py"}
"""Lists of entries, of which each is short."""
SOURCES = sorted(
    path
    for folder in ("src", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "planted_bugs" not in path.parts  # rewards as people write them
)


def list_long_functions(text):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    lines = [(node.name, node.end_lineno - node.lineno + 1) for node in functions]
    return [(name, count) for name, count in lines if count > MAX_FUNCTION_LINES]


@pytest.mark.parametrize("lines", [60, 61])
def test_lines_are_counted_from_the_signature_to_the_end(lines):
    text = "@decorated\ndef one():\n" + "    pass\n" * (lines - 1)
    assert list_long_functions(text) == ([("one", 61)] if lines == 61 else [])


def test_no_function_is_long():
    long = [
        (str(path.relative_to(ROOT)), *found)
        for path in SOURCES
        for found in list_long_functions(path.read_text(encoding="utf-8"))
    ]
    assert not long


def test_no_file_is_long_but_tables():
    counts = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
    }
    assert {name for name, count in counts.items() if count > MAX_FILE_LINES} == TABLES


def test_the_package_has_few_modules_beside_its_packages():
    modules = [path.stem for path in (ROOT / "src" / "rewardkit").glob("*.py")]
    assert len(modules) <= 16
    assert sum(name.startswith("_") and name[1] != "_" for name in modules) <= 5
