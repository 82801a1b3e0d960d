"""Judge code by running tests (functional correctness).

Tests in Python: Chen et al., 2021, "Evaluating Large Language Models Trained on Code", section 2.1.
Programs that read standard input: Hendrycks et al., 2021, "Measuring Coding Challenge Competence
With APPS".
"""

from __future__ import annotations

import math
import re
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, final

from pydantic import Field

from rewardkit._text.fences import PYTHON_LANGUAGES, find_fences
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import BAD_REFERENCE, NO_ANSWER, Verifier, paired, to_plain

if TYPE_CHECKING:
    import ast

    from rewardkit.verify._sandbox.command import Box
    from rewardkit.verify._sandbox.host import Sandbox
    from rewardkit.verify._sandbox.reading import CompiledTests
    from rewardkit.verify._sandbox.streams import Clock


@final
@register("code")
class Code(Verifier):
    """The answer's Python passes the reference's tests.

    The program is the answer's fenced Python block, else a fenced block without a language, else
    all of the answer; of several blocks, the one that defines what the tests use. A reference is
    one of these, or JSON text of one; of a list all must pass.

    - Python that asserts, in statements or in functions `test_...`. Tests can use every name that
      the answer defines, except names of built-ins; import those: `from solution import sum`.
    - A mapping with `input` and `output`, or `inputs` and `outputs`, each a text or a list of them;
      or one with a list of such mappings as `test_cases`. The program runs once per input, and
      its output is compared line by line, without white space at both ends of a line, and numbers
      within `tolerance`.

    So it reads MBPP's `test_list`, KodCode's `test`, HumanEval's `test` with a line `check(NAME)`
    after it, `input_output` of APPS and TACO, CodeContests' `public_tests`, and open-r1's
    `verification_info`; not pairs of a function's arguments and results (`fn_name`).

    Answers run under bubblewrap, with no network, files or environment, and never in the process of
    their tests. Plain data is copied between the two: numbers, text, bytes, dates, built-in
    collections, and numpy's scalars and arrays. Tests reach other objects only through attributes,
    items, calls, iteration and comparison with each other. What of that the answer's own code
    decides, such as `==` of two of its objects, is on its word, and so is each of several functions
    that tests use: the verdict's detail names both. A method such as `f(x).equals(y)` is the
    answer's own code, too. numpy, pytest, the standard library's modules, `isclose`, `approx` and
    `Counter` are the real ones, also where tests do not import them. Tests cannot read printed
    output, await, or catch the answer's own exception classes; a StopIteration of the answer is a
    RuntimeError to them, and `callable` and abstract classes take any of its objects.

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
    """Which fenced block counts, of those that define most of what the tests use."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-6
    """How far a number in the output may be from a wanted one with a point or an exponent: a share
    of the larger one, or absolutely. Integers and text are compared exactly."""
    packages: bool = False
    """Whether installed packages can be imported, and not the standard library alone."""
    batch_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds for all answers of one call, after which the rest are TIMEOUT; None for no limit."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """How many answers run at once; None for one per processor that this process may use."""
    unsafe_subprocess: bool = False
    """Whether to run without bubblewrap: answers then have all the rights of this process."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; equal pairs run once.

        Raises RuntimeError if bubblewrap is missing, or does not work here.
        """
        rows = [self._prepare(*pair) for pair in paired(answers, references)]
        jobs = list(dict.fromkeys(row for row in rows if isinstance(row, _Job)))
        verdicts = self._run_jobs(jobs) if jobs else {}
        return [verdicts[row] if isinstance(row, _Job) else row for row in rows]

    def _run_jobs(self, jobs: Sequence[_Job]) -> Mapping[_Job, Verdict]:
        from rewardkit._workers.cpus import count_workers  # noqa: PLC0415 - few use this verifier
        from rewardkit._workers.threads import map_in_threads  # noqa: PLC0415 - the same
        from rewardkit.verify._sandbox import host, streams  # noqa: PLC0415 - the same

        batch_deadline = time.monotonic() + (self.batch_timeout or math.inf)
        workers = self.workers or count_workers()
        try:
            sandbox = host.Sandbox(self.memory, self.timeout, self._find_box())

            def run_job(job: _Job, interrupt: int) -> Verdict:
                return self._run_job(job, sandbox, batch_deadline, interrupt)

            # Threads are enough: each waits for its processes.
            found = map_in_threads(run_job, jobs, workers)
        # such as no open file left
        except (OSError, streams.SandboxFailedError) as error:
            found = [_blame_machine(error)] * len(jobs)
        return dict(zip(jobs, found, strict=True))

    def _find_box(self) -> Box:
        from rewardkit.verify._sandbox import host  # noqa: PLC0415 - few use this verifier

        bwrap = None if self.unsafe_subprocess else host.find_bubblewrap()
        return host.find_box(bwrap, packages=self.packages)

    def describe_sandbox(self) -> str:
        """Say what answers run in on this machine, or why they cannot."""
        from rewardkit.verify._sandbox import host, streams  # noqa: PLC0415 - few use this verifier

        try:
            return host.describe_box(self._find_box())
        except (RuntimeError, OSError, streams.SandboxFailedError) as error:
            return f"nothing: {error}"

    def _prepare(self, answer: str | None, reference: Any) -> Verdict | _Job:
        """Return the verdict if nothing has to run, else the job."""
        tests = _read_tests(to_plain(reference))
        if tests is None:
            return BAD_REFERENCE
        program = _find_program(answer or "", self.which, tests)
        return _Job(program, tests) if program.strip() else NO_ANSWER

    def _run_job(
        self, job: _Job, sandbox: Sandbox, batch_deadline: float, interrupt: int
    ) -> Verdict:
        """Return a job's verdict; a fault of the machine is never one of the answer's."""
        from rewardkit.verify._sandbox import streams  # noqa: PLC0415 - few use this verifier

        fault: Exception | None = None
        for pause in (0.0, *_RETRY_PAUSES):
            if pause:
                streams.pause(pause, interrupt)
            if time.monotonic() >= batch_deadline:
                break
            clock = streams.Clock(self.timeout, batch_deadline, interrupt)
            try:
                return self._judge_job(job, sandbox, clock)
            except streams.KilledError as error:
                return Verdict(Outcome.TIMEOUT, str(error))
            except TimeoutError:
                return Verdict(Outcome.TIMEOUT, f"no result after {self.timeout:g} s")
            except InterruptedError:
                raise
            except (OSError, streams.SandboxFailedError) as error:
                fault = error
        if fault:
            return _blame_machine(fault)
        return Verdict(Outcome.TIMEOUT, f"the batch's limit of {self.batch_timeout:g} s has passed")

    def _judge_job(self, job: _Job, sandbox: Sandbox, clock: Clock) -> Verdict:
        if isinstance(job.tests, tuple):
            total, faults = len(job.tests), []
            for pair in job.tests:
                fault = _run_and_compare(sandbox, job.program, pair, clock, self.tolerance)
                faults.append(fault)
                if fault and not self.partial:
                    break
        else:
            total, faults = sandbox.run_tests(
                job.program, job.tests, partial=self.partial, clock=clock
            )
        faults, word = _split_report(faults)
        passed = faults.count("")
        # A program may end its tests early: those that did not run have not passed.
        share = passed / max(total, 1) if self.partial else None
        if 0 < passed == total == len(faults):
            return Verdict(Outcome.CORRECT, word, share)
        fault = next(filter(None, faults), "the tests ended early")
        return Verdict(Outcome.WRONG, f"{passed} of {total} tests; {fault}", share)


def _blame_machine(error: Exception) -> Verdict:
    return Verdict(Outcome.TIMEOUT, f"the machine could not run it: {error}")


# Seconds before a row is tried again whose sandbox did not start: until others have ended.
_RETRY_PAUSES = (0.1, 0.5)


def _split_report(lines: Sequence[str]) -> tuple[list[str], str]:
    """Return the tests' faults, and what they took on the answer's word."""
    from rewardkit.verify._sandbox.guest import ON_ITS_WORD  # noqa: PLC0415 - few use this verifier

    faults = [line for line in lines if not line.startswith(ON_ITS_WORD)]
    word = "".join(line for line in lines if line.startswith(ON_ITS_WORD))
    return faults, f"on the answer's word: {word.removeprefix(ON_ITS_WORD)}" if word else ""


class _InputOutput(NamedTuple):
    """A program's input, and the output that it should write."""

    given: str
    wanted: str


Tests: TypeAlias = "CompiledTests | tuple[_InputOutput, ...]"
"""Python that asserts, or pairs, which alone are a tuple."""


class _Job(NamedTuple):
    """A program and its tests."""

    program: str
    tests: Tests


def _run_and_compare(
    sandbox: Sandbox, program: str, pair: _InputOutput, clock: Clock, tolerance: float
) -> str:
    """Run a program, and return the fault of its output, "" for none."""
    # Twice the wanted output leaves room for white space; what is longer is wrong anyway.
    max_bytes = 2 * len(pair.wanted.encode(errors="replace")) + (1 << 16)
    data, code = sandbox.run_program(program, pair.given, max_bytes=max_bytes, clock=clock)
    if len(data) > max_bytes:
        return "output too large"
    if code:
        return f"exit code {code}"
    output = data.decode(errors="replace")
    return "" if _outputs_equal(output, pair.wanted, tolerance) else "wrong output"


def _outputs_equal(output: str, wanted: str, tolerance: float) -> bool:
    lines, wanted_lines = _strip_lines(output), _strip_lines(wanted)
    if lines == wanted_lines:
        return True
    return len(lines) == len(wanted_lines) and all(
        line == right or _words_near(re.split(r"\s", line), re.split(r"\s", right), tolerance)
        for line, right in zip(lines, wanted_lines, strict=True)
    )


def _strip_lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n")]


def _words_near(words: Sequence[str], wanted: Sequence[str], tolerance: float) -> bool:
    """Compare word by word: as numbers where a number with a point or an exponent is wanted."""
    return len(words) == len(wanted) and all(
        word == right
        or (
            # an integer is exact: another one is another answer
            _DECIMAL.fullmatch(right) is not None
            and _NUMBER.fullmatch(word) is not None
            and abs(float(right)) < math.inf  # an overflow would be near any other
            and math.isclose(float(word), float(right), rel_tol=tolerance, abs_tol=tolerance)
        )
        for word, right in zip(words, wanted, strict=True)
    )


# float() also reads "nan", "1_000" and other digits; short enough to be read at once
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,400}+(?:\.[0-9]{0,400}+)?|\.[0-9]{1,400}+)(?:[eE][-+]?[0-9]{1,3})?"
)
_DECIMAL = re.compile(rf"(?=[^\s]*[.eE]){_NUMBER.pattern}")


def _find_program(answer: str, which: Literal["first", "last"], tests: Tests) -> str:
    """Return the fenced block that counts, or all of the answer."""
    fences = find_fences(answer)
    blocks = [fence for fence in fences if fence.language in PYTHON_LANGUAGES]
    blocks = blocks or [fence for fence in fences if not fence.language and fence.closed]
    programs = [textwrap.dedent(block.content) for block in blocks]
    if not programs:
        return _split_at_lone_fence(answer)
    order = _keep_nearest(programs[::-1] if which == "last" else programs)
    programs = order[::-1] if which == "last" else order
    # max keeps the first of equals
    chosen = max(order, key=lambda program: _count_needs_met(program, tests))
    if len(programs) == 1 or isinstance(tests, tuple):
        return chosen
    return _add_helpers(chosen, programs[: programs.index(chosen)])


def _keep_nearest(programs: Sequence[str]) -> list[str]:
    """Return the first of the programs, up to a length in which all can be parsed in a moment."""
    kept: list[str] = []
    total = 0
    for program in programs:
        if len(program) <= _MAX_PARSED_CHARACTERS:  # longer ones are not parsed
            total += len(program)
        if kept and total > _MAX_PARSED_CHARACTERS:
            break
        kept.append(program)
    return kept


def _add_helpers(program: str, earlier: Sequence[str]) -> str:
    """Put the earlier blocks before a program that define what it uses and does not define."""
    defined, used = _defined_names(program), _names_in(program)
    parts = [program]
    for block in reversed(earlier):
        helpers = _defined_names(block)
        # a block that defines the same names is an earlier version, not a helper
        if helpers & used and not helpers & defined:
            parts.insert(0, block)
            defined |= helpers
            used |= _names_in(block)
    return "\n".join(parts)


def _split_at_lone_fence(answer: str) -> str:
    """Return the program before or after a single fence; all of the answer if there is none."""
    before, fence, after = answer.partition("```")
    if not fence:
        return answer
    _, _, after = after.partition("\n")
    return before if _is_program(before) or not after.strip() else textwrap.dedent(after)


def _is_program(text: str) -> bool:
    """Tell Python from prose, of which one word alone is Python too."""
    import ast  # noqa: PLC0415 - few answers need it

    body = _parse_program(text)
    return any(not isinstance(getattr(node, "value", None), ast.Name) for node in body)


def _count_needs_met(program: str, tests: Tests) -> int:
    """Count what a program defines of the names that its tests use, or whether it reads input.

    An answer often ends with a block that shows how to call the function of an earlier one.
    """
    if isinstance(tests, tuple):
        needs_input = any(pair.given.strip() for pair in tests)
        return int(needs_input and _READS_INPUT.search(program) is not None)
    return len(_used_names(tests.source) & _defined_names(program))


_MAX_PARSED_CHARACTERS = 100_000
_READS_INPUT = re.compile(r"\binput\s*+\(|\bstdin\b|\bopen\(0")


@lru_cache(maxsize=64)  # the rows of a group have the same tests
def _used_names(tests: str) -> frozenset[str]:
    """Return the names that tests use without defining or importing them from other modules."""
    import ast  # noqa: PLC0415 - only tests are read

    from rewardkit.verify._sandbox import reading  # noqa: PLC0415 - the same

    _, names = reading.read_tests(tests)
    imported = {
        alias.name
        for node in ast.walk(reading.parse_quietly(tests))
        if isinstance(node, ast.ImportFrom) and node.module == "solution"
        for alias in node.names
    }
    return frozenset(imported | {name for name, module in names.items() if not module})


def _defined_names(program: str) -> set[str]:
    """Return the names that a program defines at its top level, without imported ones."""
    import ast  # noqa: PLC0415 - only answers with several blocks are read

    names = set()
    for node in _parse_program(program):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            parts = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
            names.update(part.id for part in parts if isinstance(part.ctx, ast.Store))
    return names


def _names_in(program: str) -> set[str]:
    import ast  # noqa: PLC0415 - only answers with several blocks are read

    return {
        node.id
        for statement in _parse_program(program)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }


def _parse_program(text: str) -> list[ast.stmt]:
    """Return the statements of a program, none if it is not Python, or too long to be one."""
    from rewardkit.verify._sandbox import reading  # noqa: PLC0415 - few answers need it

    # A tree takes a thousand times the memory of its text, in this process, which has no limits.
    if len(text) > _MAX_PARSED_CHARACTERS:
        return []
    try:
        return reading.parse_quietly(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _read_tests(reference: Any) -> Tests | None:
    """Return a reference's tests, None if it has no test."""
    import json  # noqa: PLC0415 - few use this verifier

    from rewardkit.verify._sandbox import reading  # noqa: PLC0415 - the same

    if isinstance(reference, str) and reference.lstrip()[:1] in ("[", "{"):
        with suppress(ValueError, RecursionError):  # Python may begin with a list, too
            reference = json.loads(reference)
    if isinstance(reference, list | tuple) and all(isinstance(part, str) for part in reference):
        reference = "\n".join(reference)
    try:
        if isinstance(reference, str):
            # Here, and not in the threads that run it: they would share the state of warnings.
            tests = reading.compile_tests(reference)
            return tests if tests.total else None
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
