"""What a check finds: the laws that hold, and those that do not, each with an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class LawFailure(NamedTuple):
    """A law that does not hold, with the smallest example that was found."""

    law: str
    """The law's name."""
    claim: str
    """What the law says."""
    expected: str
    """The expected result."""
    given: str
    """The actual result, or the error that was raised."""
    code: str
    """A program that shows the failure."""


class Checked(NamedTuple):
    """The laws that a check found to hold, and those that it could not try."""

    held: tuple[str, ...]
    """The laws that hold."""
    skipped: Mapping[str, str]
    """The laws that were not tried, each with the reason."""
    warnings: Mapping[str, str] = {}
    """Warnings, which are not failures: by law, such as a slow call that ends."""


class LawBroken(AssertionError):  # noqa: N818 - a failed assertion, which pytest shows as such
    """Some laws do not hold: `findings` has one entry for each, `checked` has the other laws."""

    __module__ = "rewardkit.testing"

    def __init__(self, name: str, findings: Sequence[LawFailure], checked: Checked) -> None:
        """Make the message; `name` is that of the reward, verifier or extractor."""
        self.name, self.findings, self.checked = name, tuple(findings), checked
        tried = len(findings) + len(checked.held)
        summary = f"{name}: {len(findings)} of {tried} laws failed"
        super().__init__("\n\n".join([summary, *map(_format_finding, findings)]))

    def __reduce__(self) -> tuple[Any, ...]:
        # an exception pickles its message by default; pytest-xdist sends it between processes
        return LawBroken, (self.name, self.findings, self.checked)


class CheckInterrupted(KeyboardInterrupt):
    """Ctrl-C during a check: `findings` and `checked` are what was found before."""

    def __init__(self, findings: Sequence[LawFailure], checked: Checked) -> None:
        super().__init__()
        self.findings, self.checked = tuple(findings), checked


def _format_finding(finding: LawFailure) -> str:
    code = finding.code.replace("\n", "\n    ").replace("\n    \n", "\n\n")
    return (
        f"{finding.law}: {finding.claim}\n"
        f"  expected  {finding.expected}\n"
        f"  given     {finding.given}\n\n"
        f"    {code}"
    )


class Counterexample(Exception):  # noqa: N818 - a result, caught before a user sees it
    """Raised by a law that does not hold: the expected and the actual result, and a program."""

    def __init__(self, expected: str, given: str, code: Sequence[str]) -> None:
        super().__init__(expected, given)
        self.expected, self.given, self.code = expected, given, "\n".join(code)


class NotApplicable(Exception):  # noqa: N818 - the same
    """Raised by a law that says nothing about an example, such as one on which a call raises.

    Another law covers that case. If it happens on every example, the law is skipped.
    """
