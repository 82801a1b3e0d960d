"""What `fuzz.py` runs: each reader of texts and files from elsewhere, with texts to begin from.

A target takes bytes and returns when they were read, or refused as the reader's documentation
says. Any other exception is a finding, and so is a result that breaks the property it checks.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import rewardkit as rk
from rewardkit._files.source import Source
from rewardkit._text import number_tokens, numbers, strict_json
from rewardkit._text.fences import find_fences
from rewardkit._text.tool_calls import read_text_calls, write_calls
from rewardkit.config import read_yaml
from rewardkit.report import report
from rewardkit.rewards._judging import Question
from rewardkit.scoring import score
from rewardkit.verify import Code
from rewardkit.verify._math import decide
from rewardkit.verify._sandbox import guest
from rewardkit.verify._schema import read_schema

Run = Callable[[bytes], object]
MAX_MESSAGE_CHARACTERS = 10_000  # one line for each mistake


class Target(NamedTuple):
    """A reader to fuzz."""

    run: Run
    """Reads bytes; raises on a finding."""
    seeds: tuple[str, ...]
    """Texts that it reads, to begin from; their words are the fuzzer's dictionary."""


def read_text(data: bytes) -> str:
    """Decode as a text that may have lone surrogates, as JSON's texts may."""
    return data.decode("utf-8", "surrogateescape")


def halve(text: str) -> tuple[str, str]:
    """Split at the first blank line: an answer and its reference."""
    answer, _, reference = text.partition("\n\n")
    return answer, reference


@cache
def scratch() -> Path:
    """Make this process's folder for files."""
    folder = tempfile.mkdtemp(prefix="rewardkit-fuzz-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def check(holds: object, *shown: object) -> None:
    """Raise AssertionError with what broke a property."""
    if not holds:
        raise AssertionError(*shown)


def read_numbers(data: bytes) -> None:
    """Read a text as a number, and find those in it; the last of all is the last."""
    text = read_text(data)
    numbers.read_number(text)
    tokens = [*number_tokens.scan_numbers(text)]
    last = number_tokens.find_last_number(text)
    check(last == (tokens[-1] if tokens else None), last, tokens[-1:])


@cache
def extractors() -> list[Any]:
    """Build one of each, and those that look inside another one."""
    names = set(rk.names("extractor")) - {"regex"}
    within = [rk.build(name, within=rk.build("tag")) for name in ("last_number", "choice")]
    only = [rk.build(name, only=True) for name in ("last_number", "choice")]
    return [*(rk.build(name) for name in sorted(names)), *within, *only]


def extract_answers(data: bytes) -> None:
    """Extract by each extractor: a text, or None."""
    text = read_text(data)
    for extractor in extractors():
        found = extractor.extract(text)
        check(found is None or isinstance(found, str), extractor, found)


def read_calls(data: bytes) -> None:
    """Read tool calls out of a text; written as JSON they are read again."""
    calls = read_text_calls(read_text(data))
    again = read_text_calls(write_calls(calls))
    names, names_again = ([call.name for call in some if not call.error] for some in (calls, again))
    check(names == names_again, calls, again)


@cache
def text_rewards() -> list[Any]:
    """Build the rewards that read a completion's layout and words."""
    names = ("xml_strict", "xml_soft", "xml_count", "tag_count", "think_format", "repetition")
    return [
        *map(rk.build, names),
        *(rk.build(name) for name in ("reasoning_steps", "is_number")),
        rk.build("length", target=3, unit="words"),
    ]


def score_texts(data: bytes) -> None:
    """Score a completion: a value within the reward's bounds, or None."""
    text = read_text(data)
    for reward in text_rewards():
        (value,) = reward(completions=[text])
        low, high = reward.bounds
        check(value is None or low <= value <= high, reward, value)


def read_completions(data: bytes) -> None:
    """Read a completion of any JSON type; refuse what is not one."""
    with suppress(ValueError, RecursionError):
        value = json.loads(read_text(data))
        with suppress(TypeError):
            (text,) = rk.Batch([value], prompts=[value]).texts
            check(isinstance(text, str), text)


def decide_math(data: bytes) -> None:
    """Decide an answer against a reference, up to what math-verify would be asked."""
    decide.clear_caches()
    decide.decide_pair(*halve(read_text(data)))


def judge_answers(data: bytes) -> None:
    """Verify by text and by number; what equals itself is never wrong."""
    answer, reference = halve(read_text(data))
    for name in ("exact", "contains", "number"):
        verifier = rk.build(name)
        verifier.verify([answer], [reference])
        (verdict,) = verifier.verify([reference], [reference])
        check(verdict.outcome is not rk.Outcome.WRONG, name, reference)


def read_json(data: bytes) -> None:
    """Find JSON in a text, and read a schema."""
    text, schema = halve(read_text(data))
    with suppress(ValueError, RecursionError):
        strict_json.read(text)
    with suppress(ValueError, LookupError, RecursionError):
        strict_json.find_first(text)
    found = read_schema(schema)
    if not isinstance(found, str) and found.cost < 1:
        found.find_fault(text)


def read_programs(data: bytes) -> None:
    """Find the program in a completion, and read its tests; nothing runs."""
    answer, tests = halve(read_text(data))
    find_fences(answer)
    code = Code(unsafe_subprocess=True)
    code._prepare(answer, tests)  # noqa: SLF001 - all but the run


def read_messages(data: bytes) -> None:
    """Receive what a hostile answer sends to its tests: a message, or the end of the link."""
    reading, writing = os.pipe()
    try:
        os.write(writing, data[:60_000] + b"\n")
    finally:
        os.close(writing)
    link = guest.Link(reading, -1, {"call": guest.call})
    with suppress(guest.PeerClosed):
        while True:
            kind, content = link._receive_message()  # noqa: SLF001 - what the link reads
            check(isinstance(content, list), kind, content)
    link._lines.close()  # noqa: SLF001


def read_configuration(data: bytes) -> None:
    """Load YAML; what loads is dumped, and loads equal. Messages are short."""
    try:
        text = data.decode() + "\n"
        read_yaml(text)
        loaded = rk.load(text)
    except ValueError as error:
        check(len(str(error)) < MAX_MESSAGE_CHARACTERS, error)
        return
    check(rk.load(rk.dump(loaded)) == loaded, loaded)


def read_rows(data: bytes) -> None:
    """Read a file of rows of each kind; ValueError names the file."""
    for ending in (".jsonl", ".csv", ".jsonl.gz", ".parquet"):
        path = scratch() / f"rows{ending}"
        path.write_bytes(data)
        try:
            for _ in Source.resolve(path).rows():
                pass
        except ValueError as error:
            check(str(path) in str(error), ending, error)


def resume_scoring(data: bytes) -> None:
    """Resume from any progress, pieces and file beside; a fresh start always works."""
    source, out = scratch() / "in.jsonl", scratch() / "out.jsonl"
    source.write_text('{"completion": "a"}\n' * 3)
    first, _, second = data.partition(b"\n\n")
    for name, content in {"progress": first + b"\n", "part": second}.items():
        Path(f"{out}.{name}").write_bytes(content)
    reward = rk.build("length", target=3)
    with suppress(ValueError):
        score(source, reward, out)
    beside = Path(f"{out}.rewards.yaml")
    beside.write_bytes(b"# state: " + data)
    with suppress(ValueError):
        score(source, reward, out)
    check(score(source, reward, out, resume=False).rows == 3, "fresh")  # noqa: PLR2004
    out.unlink()


def read_replies(data: bytes) -> None:
    """Read a judge's reply: the choices, or what is wrong with it."""
    choices = {"no": 0.0, "yes": 1.0}
    criteria = {"polite": {"ask": "Is it polite?", "choices": choices}}
    judge = rk.build("judge", criteria=criteria, model="m", api_key_env=None)
    question = Question("", (), "", "")
    found = judge._read_choices(question, read_text(data))  # noqa: SLF001 - without an endpoint
    check(isinstance(found, str) or found["polite"] in choices, found)


def write_reports(data: bytes) -> None:
    """Report on rows of any JSON; the page has no markup but its own."""
    path = scratch() / "scored.jsonl"
    path.write_bytes(data)
    page = scratch() / "page.html"
    try:
        report(path, page)
    except ValueError:
        return
    check(page.read_bytes().count(b"<script") == 3, "a script too many")  # noqa: PLR2004


PROGRESS = '{"bytes": 1, "rows": 1, "tallies": [[1, 0, 0, 0, ""]], "schema": null}'
TARGETS = {
    "numbers": Target(
        read_numbers, ("from -3 to 1,000.5", "1e-3", "3/1/2024", "\u221a2 \\frac{1}{2}")
    ),
    "extractors": Target(
        extract_answers,
        (
            "<answer>7</answer>",
            "\\boxed{\\frac{1}{2}}",
            "#### 18",
            "The answer is (B).",
            "</think> 4",
        ),
    ),
    "rewards": Target(
        score_texts,
        (
            "<reasoning>\na\n</reasoning>\n<answer>\n7\n</answer>\n",
            "<think>a</think> b",
            "1. a\n2. b",
        ),
    ),
    "completions": Target(
        read_completions,
        (
            '[{"role": "assistant", "content": "a"}]',
            '[{"content": [{"type": "text", "text": "a"}]}]',
        ),
    ),
    "math": Target(
        decide_math,
        (
            "\\frac{1}{2}\n\n0.5",
            "x \\in [1, 2)\n\n[1,2)",
            "3 \\text{ km}\n\n3",
            "2^{9^9}\n\n\\sqrt{80}",
        ),
    ),
    "verifiers": Target(judge_answers, ("7\n\n7.0", "a\n\nA", "1,000\n\n1000")),
    "json": Target(
        read_json,
        ('{"a": [1]}\n\n{"type": "object", "required": ["a"]}', '1\n\n{"$ref": "#"}'),
    ),
    "programs": Target(
        read_programs,
        (
            "```python\ndef f(x): return x\n```\n\nassert f(1) == 1",
            'print(1)\n\n{"input": "", "output": "1"}',
        ),
    ),
    "messages": Target(
        read_messages,
        (
            '["value", {"list": [1]}]',
            '["error", ["ValueError"], "a"]',
            '["ask", "call", [{"mine": [0]}]]',
        ),
    ),
    "configuration": Target(
        read_configuration,
        (
            "type: length\ntarget: 50",
            "- xml_strict\n- type: clip\n  reward: xml_count\n  low: 0.0",
            "&a [*a]",
        ),
    ),
    "rows": Target(
        read_rows, ('{"completion": "a"}\n', 'completion,answer\n"a",1\n', "\x1f\x8b\x08")
    ),
    "resuming": Target(resume_scoring, (f'{{"input": "a"}}\n{PROGRESS}\n\nx',)),
    "tool calls": Target(
        read_calls,
        ('<tool_call>{"name": "f", "arguments": {}}</tool_call>', "to=functions.f<|message|>{}"),
    ),
    "replies": Target(read_replies, ('{"polite": "yes"}', '```json\n{"polite": "no"}\n```')),
    "reports": Target(
        write_reports,
        ('{"completion": "a", "rewards/r": 1, "rewards/r/why": "b", "prompt": "c", "step": 1}\n',),
    ),
}
