"""Judge code by running tests (functional correctness).

Tests in Python: Chen et al., 2021, "Evaluating Large Language Models Trained on Code", section 2.1.
Programs that read standard input: Hendrycks et al., 2021, "Measuring Coding Challenge Competence
With APPS".
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
from rewardkit.verify.base import BAD_REFERENCE, NO_ANSWER, Verifier, paired, to_plain

if TYPE_CHECKING:
    from rewardkit.verify._sandbox.host import Sandbox


@final
@register("code")
class Code(Verifier):
    """The answer's Python passes the reference's tests.

    The program is the answer's fenced Python block, else a fenced block without a language, else
    all of the answer. A reference is one of these, or JSON text of one; of a list all must pass.

    - Python that asserts, in statements or in functions `test_...`. Tests can use every name that
      the answer defines, except names of built-ins; import those: `from solution import sum`.
    - A mapping with `input` and `output`, or `inputs` and `outputs`, each a text or a list of them;
      or one with a list of such mappings as `test_cases`. The program runs once per input, and
      its output is compared line by line, without white space at both ends of a line.

    So it reads MBPP's `test_list`, KodCode's `test`, HumanEval's `test` with a line `check(NAME)`
    after it, `input_output` of APPS and TACO, CodeContests' `public_tests`, and open-r1's
    `verification_info`; not pairs of a function's arguments and results (`fn_name`).

    Answers run under bubblewrap, with no network, files or environment, and never in the process of
    their tests. Plain data is copied between the two: numbers, text, bytes, dates, and built-in
    collections. Tests reach other objects only through attributes, items, calls, iteration and
    comparison with each other. A method such as `f(x).equals(y)` is the answer's own code, so do
    not trust it. Tests cannot read printed output, await, or catch the answer's own exception
    classes.

    >>> code = Code(unsafe_subprocess=True)  # leave this out where bubblewrap is installed
    >>> code.verify(["def double(x): return x + x"], ["assert double(4) == 8"])[0].outcome.value
    'correct'
    """

    timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds for one answer, all its tests together."""
    memory: Annotated[int, Field(ge=64)] = 512
    """MiB of address space for each process; an answer and its tests are one each."""
    partial: bool = False
    """Run all tests and let the reward `correct` pay the share that passed; otherwise stop at the
    first failure."""
    which: Literal["first", "last"] = "last"
    """Which fenced block counts."""
    packages: bool = False
    """Whether installed packages can be imported, and not the standard library alone."""
    batch_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds for all answers of one call, after which the rest are TIMEOUT; None for no limit."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """How many answers run at once; None for one per processor, at most 16."""
    unsafe_subprocess: bool = False
    """Whether to run without bubblewrap: answers then have all the rights of this process."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; equal pairs run once.

        Raises RuntimeError if bubblewrap is missing, or does not work here.
        """
        rows = [self._prepare(*pair) for pair in paired(answers, references)]
        jobs = list(dict.fromkeys(row for row in rows if isinstance(row, _Job)))
        verdicts: dict[_Job, Verdict] = {}
        if jobs:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few use this verifier

            from rewardkit.verify._sandbox import host  # noqa: PLC0415 - the same

            bwrap = None if self.unsafe_subprocess else host.find_bubblewrap()
            sandbox = host.Sandbox(self.memory, self.timeout, self.packages, bwrap)
            batch_deadline = time.monotonic() + (self.batch_timeout or math.inf)
            with ThreadPoolExecutor(self.workers or min(os.cpu_count() or 1, 16)) as pool:
                # Threads are enough: each waits for its processes.
                found = pool.map(lambda job: self._run_job(job, sandbox, batch_deadline), jobs)
                verdicts = dict(zip(jobs, found, strict=True))
        return [verdicts[row] if isinstance(row, _Job) else row for row in rows]

    def _prepare(self, answer: str | None, reference: Any) -> Verdict | _Job:
        """Return the verdict if nothing has to run, else the job."""
        tests = _read_tests(to_plain(reference))
        if tests is None:
            return BAD_REFERENCE
        program = _find_program(answer or "", self.which)
        return _Job(program, tests) if program.strip() else NO_ANSWER

    def _run_job(self, job: _Job, sandbox: Sandbox, batch_deadline: float) -> Verdict:
        deadline = min(time.monotonic() + self.timeout, batch_deadline)
        if time.monotonic() >= batch_deadline:
            return Verdict(
                Outcome.TIMEOUT, f"the batch's limit of {self.batch_timeout:g} s has passed"
            )
        try:
            if isinstance(job.tests, str):
                total, faults = sandbox.run_tests(
                    job.program, job.tests, partial=self.partial, deadline=deadline
                )
            else:
                total, faults = len(job.tests), []
                for pair in job.tests:
                    faults.append(_run_and_compare(sandbox, job.program, pair, deadline))
                    if faults[-1] and not self.partial:
                        break
        except TimeoutError:
            return Verdict(Outcome.TIMEOUT, f"no result after {self.timeout:g} s")
        passed = faults.count("")
        # A program may end its tests early: those that did not run have not passed.
        share = passed / max(total, 1) if self.partial else None
        if 0 < passed == total == len(faults):
            return Verdict(Outcome.CORRECT, share=share)
        fault = next(filter(None, faults), "the tests ended early")
        return Verdict(Outcome.WRONG, f"{passed} of {total} tests; {fault}", share)


class _InputOutput(NamedTuple):
    """A program's input, and the output that it should write."""

    given: str
    wanted: str


class _Job(NamedTuple):
    """A program and its tests: Python, or pairs."""

    program: str
    tests: str | tuple[_InputOutput, ...]


def _run_and_compare(sandbox: Sandbox, program: str, pair: _InputOutput, deadline: float) -> str:
    """Run a program, and return the fault of its output, "" for none."""
    # Twice the wanted output leaves room for white space; what is longer is wrong anyway.
    max_bytes = 2 * len(pair.wanted.encode(errors="replace")) + (1 << 16)
    data, code = sandbox.run_program(program, pair.given, max_bytes=max_bytes, deadline=deadline)
    if len(data) > max_bytes:
        return "output too large"
    if code:
        return f"exit code {code}"
    output = data.decode(errors="replace")
    return "" if _strip_lines(output) == _strip_lines(pair.wanted) else "wrong output"


def _strip_lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n")]


_PYTHON_LANGUAGES = {"python", "python3", "py"}


def _find_program(answer: str, which: Literal["first", "last"]) -> str:
    """Return the fenced block that counts, or all of the answer."""
    pieces = answer.split("```")
    # A block that names Python is taken wherever it is: text like ```x``` may have shifted the
    # pairs of fences. One without a name is taken only where a block may be.
    for languages, blocks in ((_PYTHON_LANGUAGES, pieces[1:-1]), ({""}, pieces[1:-1:2])):
        found = [
            code
            for language, newline, code in (block.partition("\n") for block in blocks)
            if newline and language.strip().lower() in languages
        ]
        if found:
            return textwrap.dedent(found[0 if which == "first" else -1])
    return answer


def _read_tests(reference: Any) -> str | tuple[_InputOutput, ...] | None:
    """Return a reference's tests, None if it has no test."""
    import json  # noqa: PLC0415 - few use this verifier

    from rewardkit.verify._sandbox import guest  # noqa: PLC0415 - the same

    if isinstance(reference, str) and reference.lstrip()[:1] in ("[", "{"):
        with suppress(ValueError, RecursionError):  # Python may begin with a list, too
            reference = json.loads(reference)
    if isinstance(reference, list | tuple) and all(isinstance(part, str) for part in reference):
        reference = "\n".join(reference)
    try:
        if isinstance(reference, str):
            steps, _ = guest.read_tests(reference)
            return reference if any(is_test for _, is_test in steps) else None
        pairs = tuple(_read_pairs(reference))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    # A program that does nothing would pass tests that all want no output.
    return pairs if any(pair.wanted.strip() for pair in pairs) else None


def _read_pairs(reference: Any) -> Iterator[_InputOutput]:
    """Yield the pairs in a mapping, or in a list of mappings.

    Raises ValueError or TypeError for anything else.
    """
    if isinstance(reference, str):
        raise TypeError(reference)
    if not isinstance(reference, Mapping):
        for part in reference:
            yield from _read_pairs(part)
    elif "test_cases" in reference and reference.get("language", "python") == "python":
        yield from _read_pairs(reference["test_cases"])
    elif reference.get("fn_name") or "func" in str(
        reference.get("type") or reference.get("testtype")
    ):
        raise ValueError(reference)
    else:
        given, wanted = (
            reference.get(key, reference.get(f"{key}s")) for key in ("input", "output")
        )
        if isinstance(given, str):
            given, wanted = [given], [wanted]
        for pair in zip(given, wanted, strict=True):
            yield _InputOutput(
                *("\n".join([side] if isinstance(side, str) else side) for side in pair)
            )
