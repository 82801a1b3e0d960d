"""Findings as a team's CI shows them: JUnit's XML, and annotations of GitHub."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from rewardkit.audit import Audit

MAX_ANNOTATIONS = 10
"""GitHub shows no more than this many errors of one step."""

JunitOption = Annotated[
    Path | None,
    typer.Option(
        "--junit", metavar="FILE", help="Also write JUnit XML, which most CI systems read."
    ),
]
GithubOption = Annotated[
    bool,
    typer.Option("--github", help="Also print the findings as annotations of GitHub Actions."),
]


class Case(NamedTuple):
    """One thing that was tested of a component, as a test case of JUnit."""

    component: str
    """The component's name."""
    test: str
    """The law, or the entry of the audit."""
    problem: str = ""
    """What is wrong, in one line; empty if nothing is."""
    detail: str = ""
    """The program that shows a failure, or the whole completion."""
    skipped: str = ""
    """Why it was not tested."""
    file: str = ""
    """Where the component is defined, from this folder if it is in it; empty if not known."""
    line: int = 1


def cases_of_check(results: Sequence[Mapping[str, Any]], components: Sequence[Any]) -> list[Case]:
    """Return a case per law of each component that was checked."""
    cases = []
    for result, component in zip(results, components, strict=True):
        name, (file, line) = result["name"], locate(component)
        cases += [Case(name, law, file=file, line=line) for law in result["held"]]
        cases += [Case(name, law, skipped=why) for law, why in result["skipped"].items()]
        for found in result["findings"]:
            problem = f"expected {found['expected']}, given {found['given']}"
            cases.append(Case(name, found["law"], problem, found["code"], "", file, line))
    return cases


def cases_of_audit(audit: Audit, rewards: Sequence[Any]) -> list[Case]:
    """Return a case per finding of an audit, and one for each reward without any."""
    places = {getattr(r, "name", None) or getattr(r, "__name__", ""): locate(r) for r in rewards}
    cases = []
    for audited in audit.rewards:
        name = audited.reward
        file, line = places.get(name, ("", 1))
        findings = audit.findings_of(name)
        if not findings:
            cases.append(Case(name, "no exploit", file=file, line=line))
        cases += [
            Case(name, found.entry, str(found), found.completion, "", file, line)
            for found in findings
        ]
    return cases


def locate(component: Any) -> tuple[str, int]:
    """Return the file and the line where a function, or a class of one's own, is defined."""
    # a callable object is where its class is
    defined = component if inspect.isroutine(component) else type(component)
    if (defined.__module__ or "").startswith("rewardkit."):
        return "", 1
    try:
        file = Path(inspect.getsourcefile(defined) or "").resolve()
        line = max(inspect.getsourcelines(defined)[1], 1)
    except (TypeError, OSError):  # built in, or from a prompt
        return "", 1
    here = Path.cwd().resolve()
    return (file.relative_to(here).as_posix() if file.is_relative_to(here) else str(file)), line


# What XML 1.0 has no way to write, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape_xml(text: str) -> str:
    r"""Write the characters that XML cannot hold as Python would.

    >>> escape_xml("a\x00b")
    'a\\x00b'
    """
    return _NOT_XML.sub(lambda found: ascii(found[0])[1:-1], text)


def write_junit(path: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write a file of JUnit's XML: a test suite with a test case for each case."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - `--help` writes none

    root = ET.Element("testsuites")
    counts = {
        "tests": len(cases),
        "failures": sum(bool(case.problem) for case in cases),
        "skipped": sum(bool(case.skipped) for case in cases),
        "errors": 0,
    }
    attributes = {name: str(count) for name, count in counts.items()}
    element = ET.SubElement(root, "testsuite", {"name": suite, **attributes})
    for case in cases:
        names = {"classname": escape_xml(case.component), "name": escape_xml(case.test)}
        place = {"file": case.file, "line": str(case.line)} if case.file else {}
        test = ET.SubElement(element, "testcase", {**names, **place})
        if case.problem:
            failure = ET.SubElement(test, "failure", {"message": escape_xml(case.problem)})
            failure.text = escape_xml(f"{case.problem}\n\n{case.detail}")
        elif case.skipped:
            ET.SubElement(test, "skipped", {"message": escape_xml(case.skipped)})
    ET.indent(root)
    path.write_text(ET.tostring(root, encoding="unicode", xml_declaration=True), encoding="utf-8")


def print_annotations(title: str, cases: Iterable[Case], *, err: bool) -> None:
    """Print problems as commands to GitHub's runner, which reads stdout and stderr."""
    problems = [case for case in cases if case.problem]
    for case in problems[:MAX_ANNOTATIONS]:
        where = f"file={_escape_property(case.file)},line={case.line}," if case.file else ""
        heading = _escape_property(f"{title}: {case.component}, {case.test}")
        typer.echo(f"::error {where}title={heading}::{_escape_data(case.problem)}", err=err)
    if len(problems) > MAX_ANNOTATIONS:
        rest = f"{len(problems) - MAX_ANNOTATIONS} more findings in the log"
        typer.echo(f"::notice title={title}::{rest}", err=err)


def _escape_data(text: str) -> str:
    # the three that end a command or begin an escape
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
