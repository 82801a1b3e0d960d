"""Code, judged by running it on tests: functional correctness, as in Chen et al., 2021, "Evaluating
Large Language Models Trained on Code", section 2.1, and, for programs that read and write, in
Hendrycks et al., 2021, "Measuring Coding Challenge Competence With APPS".
"""

from __future__ import annotations

import math
import os
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, final

from pydantic import Field

from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import BAD_REFERENCE, NO_ANSWER, Verifier, paired

if TYPE_CHECKING:
    from rewardkit.verify._sandbox.host import Sandbox


@final
@register("code")
class Code(Verifier):
    """The answer's Python passes the reference's tests.

    Of an answer its fenced Python counts, else a block without a language, else all of it. A
    reference is one of these, or JSON text of one; of a list all must pass, not any.

    - Python that asserts, in statements or in functions `test_...`. It uses the names that the
      answer defines, those of built-ins aside: `from solution import sum` gives these too.
    - A mapping with `input` and `output`, or `inputs` and `outputs`, each a text or a list of them;
      or one with a list of such mappings as `test_cases`. The program runs for each input, and
      its output is compared line by line, but for white space at their ends.

    So it reads MBPP's `test_list`, KodCode's `test`, HumanEval's `test` with a line `check(NAME)`
    after it, `input_output` of APPS and TACO, CodeContests' `public_tests`, and open-r1's
    `verification_info`; not pairs of a function's arguments and results (`fn_name`).

    Answers run under bubblewrap, with no network, files or environment, and apart from the tests.
    What passes between the two is a copy of plain data: numbers, text, bytes, dates, and built-in
    collections. Of other objects tests can use attributes, items and calls, iterate them, and
    compare them to their like; `f(x).equals(y)` takes the answer's word. They cannot see what is
    printed, await, or catch the answer's own exception classes.

    >>> code = Code(unsafe_subprocess=True)  # leave this out where bubblewrap is installed
    >>> code.verify(["def double(x): return x + x"], ["assert double(4) == 8"])[0].outcome.value
    'correct'
    """

    timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds for one answer, all its tests together."""
    memory: Annotated[int, Field(ge=64)] = 512
    """MiB of address space for each process; an answer and its tests are one each."""
    partial: bool = False
    """Whether all tests run and `correct` pays for the share passed; False stops at a failure."""
    which: Literal["first", "last"] = "last"
    """Which fenced block counts."""
    packages: bool = False
    """Whether the packages installed here can be imported, beside the standard library."""
    batch_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds for all answers of one call, after which the rest are TIMEOUT; None for as long as
    each of them has."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """How many answers run at once; None for one a processor, 16 at most."""
    unsafe_subprocess: bool = False
    """Whether to do without bubblewrap: then answers run with all the rights of this process."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; equal pairs run once.

        Raises RuntimeError where bubblewrap is missing, or does not work here.
        """
        rows = [self._settle(*pair) for pair in paired(answers, references)]
        jobs = list(dict.fromkeys(row for row in rows if isinstance(row, _Job)))
        verdicts: dict[_Job, Verdict] = {}
        if jobs:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only where code runs

            from rewardkit.verify._sandbox import host  # noqa: PLC0415 - the same

            bwrap = None if self.unsafe_subprocess else host.bubblewrap()
            sandbox = host.Sandbox(self.memory, self.timeout, self.packages, bwrap)
            until = time.monotonic() + (self.batch_timeout or math.inf)
            with ThreadPoolExecutor(self.workers or min(os.cpu_count() or 1, 16)) as pool:
                found = pool.map(lambda job: self._judge(job, sandbox, until), jobs)
                verdicts = dict(zip(jobs, found, strict=True))
        return [verdicts[row] if isinstance(row, _Job) else row for row in rows]

    def _settle(self, answer: str | None, reference: Any) -> Verdict | _Job:
        """Return the verdict where nothing has to run, else what has to."""
        tests = _read(reference)
        if tests is None:
            return BAD_REFERENCE
        program = _program(answer or "", self.which)
        return _Job(program, tests) if program.strip() else NO_ANSWER

    def _judge(self, job: _Job, sandbox: Sandbox, until: float) -> Verdict:
        """Return the verdict on one program; `until` is when the whole batch ends."""
        deadline = min(time.monotonic() + self.timeout, until)
        if time.monotonic() >= until:
            return Verdict(Outcome.TIMEOUT, f"the batch's {self.batch_timeout:g} s are over")
        try:
            if isinstance(job.tests, str):
                total, faults = sandbox.tested(
                    job.program, job.tests, partial=self.partial, deadline=deadline
                )
            else:
                total, faults = len(job.tests), []
                for pair in job.tests:
                    faults.append(_fault(sandbox, job.program, pair, deadline))
                    if faults[-1] and not self.partial:
                        break
        except TimeoutError:
            return Verdict(Outcome.TIMEOUT, f"{self.timeout:g} s")
        passed = faults.count("")
        share = passed / max(total, 1) if self.partial else None
        if 0 < passed == total == len(faults):
            return Verdict(Outcome.CORRECT, share=share)
        fault = next(filter(None, faults), "the tests ended early")
        return Verdict(Outcome.WRONG, f"{passed} of {total} tests; {fault}", share)


class _Pair(NamedTuple):
    """What a program reads, and what it should write."""

    given: str
    wanted: str


class _Job(NamedTuple):
    """A program and its tests: Python, or pairs."""

    program: str
    tests: str | tuple[_Pair, ...]


def _fault(sandbox: Sandbox, program: str, pair: _Pair, deadline: float) -> str:
    """Return what is wrong with a program's output, "" where nothing is."""
    most = 2 * len(pair.wanted.encode(errors="replace")) + (1 << 16)
    data, code = sandbox.output(program, pair.given, most=most, deadline=deadline)
    if len(data) > most:
        return "too large an output"
    if code:
        return f"exit code {code}"
    return "" if _lines(data.decode(errors="replace")) == _lines(pair.wanted) else "another output"


def _lines(text: str) -> list[str]:
    """Return the lines, without the white space that does not count."""
    return [line.strip() for line in text.strip().split("\n")]


def _program(answer: str, which: Literal["first", "last"]) -> str:
    """Return the fenced block that counts, or all of the answer."""
    pieces = answer.split("```")
    for languages, blocks in ((_PYTHON, pieces[1:-1]), ({""}, pieces[1:-1:2])):
        found = [
            code
            for language, newline, code in (block.partition("\n") for block in blocks)
            if newline and language.strip().lower() in languages
        ]
        if found:
            return textwrap.dedent(found[0 if which == "first" else -1])
    return answer


_PYTHON = {"python", "python3", "py"}


def _read(reference: Any) -> str | tuple[_Pair, ...] | None:
    """Return the tests that a reference's cell holds, None where it holds none."""
    import json  # noqa: PLC0415 - only where code is judged

    from rewardkit.verify._sandbox import guest  # noqa: PLC0415 - the same

    cell = reference
    if isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{"):
        with suppress(ValueError, RecursionError):
            cell = json.loads(cell)
    if isinstance(cell, list | tuple) and all(isinstance(part, str) for part in cell):
        cell = "\n".join(cell)
    try:
        if isinstance(cell, str):
            steps, _ = guest.read(cell)
            return cell if any(counts for _, counts in steps) else None
        pairs = tuple(_pairs(cell))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return pairs if any(pair.wanted.strip() for pair in pairs) else None


def _pairs(cell: Any) -> Iterator[_Pair]:
    """Yield the pairs in a mapping, or in a list of mappings.

    Raises ValueError or TypeError for anything else.
    """
    if isinstance(cell, str):
        raise TypeError(cell)
    if not isinstance(cell, Mapping):
        for part in cell:
            yield from _pairs(part)
    elif "test_cases" in cell and cell.get("language", "python") == "python":
        yield from _pairs(cell["test_cases"])
    elif cell.get("fn_name") or "func" in str(cell.get("type") or cell.get("testtype")):
        raise ValueError(cell)
    else:
        given, wanted = (cell.get(key, cell.get(f"{key}s")) for key in ("input", "output"))
        if isinstance(given, str):
            given, wanted = [given], [wanted]
        for pair in zip(given, wanted, strict=True):
            yield _Pair(*("\n".join([side] if isinstance(side, str) else side) for side in pair))
