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
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import rewardkit as rk
from rewardkit import _needed_columns
from rewardkit._files.source import Source
from rewardkit._text import number_tokens, numbers, strict_json, tag_layout
from rewardkit._text.fences import find_fences
from rewardkit._text.tool_calls import read_replies as read_tool_replies
from rewardkit._text.tool_calls import read_text_calls, write_calls
from rewardkit.config import read_yaml
from rewardkit.report import report
from rewardkit.rewards import _ratings
from rewardkit.rewards._judging import Question
from rewardkit.scoring import score
from rewardkit.verify import Code, instructions
from rewardkit.verify._math import decide
from rewardkit.verify._sandbox import guest
from rewardkit.verify._schema import read_schema

Run = Callable[[bytes], object]
MAX_MESSAGE_CHARACTERS = 10_000  # one line for each mistake
# A quadratic search takes about a second for this many characters, a linear one some milliseconds.
REPEATED_CHARACTERS = 16_000
# What is quicker is too short to compare, and twice the text may take a bit more than twice.
MIN_COMPARED_SECONDS, MAX_TIME_RATIO = 0.1, 3.2


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


def read_tool_messages(data: bytes) -> None:
    """Read the calls and the tools' replies of a conversation of any JSON."""
    try:
        completion = json.loads(read_text(data))
    except (ValueError, RecursionError):
        return
    batch = rk.Batch([completion])
    with suppress(TypeError):  # neither a text nor messages
        check(len(batch.tool_calls) == 1)
        write_calls(*batch.tool_calls)
        read_tool_replies([completion])
        for name in ("tool_errors", "turn"):
            fields = {"reward": rk.build("repetition")} if name == "turn" else {}
            (value,) = rk.build(name, **fields)(completions=[completion])
            check(value is None or isinstance(value, float), name, value)


def compare_calls(data: bytes) -> None:
    """Verify calls, words and sets against any reference; a verdict for each."""
    answer, reference = halve(read_text(data))
    for name in ("same_call", "valid_call", "token_f1", "exact_match", "iou"):
        (verdict,) = rk.build(name).verify([answer], [reference])
        check(isinstance(verdict, rk.Verdict), name, verdict)


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


TAGS = (("think", "answer"), (("[THINK]", "[/THINK]"), "b"), (("<|channel|>analysis", "<|end|>"),))


def read_layouts(data: bytes) -> None:
    """Read a text by each layout; restored marks are not near-tags any more."""
    text = read_text(data)
    for tags in TAGS:
        marks = tag_layout.list_tags(tags)
        for layout in ("anywhere", "soft", "strict"):
            end = tag_layout.compile_layout(tags, layout, empty_think=True)(text)
            check(-1 <= end <= len(text), layout, end)
        check(len(tag_layout.find_tags(text, marks)) == len(marks))
        (opened,) = tag_layout.prepare_texts([text], tags, opened_in_prompt=True, lenient=True)
        (again,) = tag_layout.prepare_texts([opened], tags, opened_in_prompt=True, lenient=True)
        check(opened == again, opened, again)


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
    for each in loaded if isinstance(loaded, list) else [loaded]:
        _needed_columns.list_dataset_columns(each)
        _needed_columns.list_reference_columns(each)
        _needed_columns.list_trainer_columns(each)


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


def read_ratings(data: bytes) -> None:
    """Read a judge's ratings of two completions: each 0 to 1, or what is wrong with the reply."""
    shown = (("prompt", ""), ("right answer", ""), ("completion 1", "a"), ("completion 2", "b"))
    question = Question("", shown, "", "")
    found = _ratings.read_ratings(question, read_text(data))
    check(isinstance(found, str) or all(0 <= found[text] <= 1 for text in "ab"), found)


def read_instructions(data: bytes) -> None:
    """Read the references of other packages' checks; ValueError says what is wrong."""
    text = read_text(data)
    with suppress(ValueError):
        ids, arguments = instructions._read_reference(text)  # noqa: SLF001 - without a worker
        check(len(ids) == len(arguments), ids, arguments)
    with suppress(ValueError):
        rk.build("reasoning_gym", dataset="chain_sum")._read_entry(text)  # noqa: SLF001


@cache
def repeated_readers() -> list[Callable[[str], object]]:
    """List what reads a completion as long as a model writes one."""
    rewards = [partial(_score_one, reward) for reward in text_rewards()]
    layouts = [
        tag_layout.compile_layout(tags, layout) for tags in TAGS for layout in ("soft", "strict")
    ]
    extracts = [extractor.extract for extractor in extractors()]
    texts = [read_text_calls, find_fences, number_tokens.has_other_digits, tag_layout.is_blank]
    verifiers = [
        partial(_verify_one, rk.build(name)) for name in ("exact", "contains", "number", "token_f1")
    ]
    return [*rewards, *layouts, *extracts, *texts, *verifiers]


def _score_one(reward: Any, text: str) -> object:
    return reward(completions=[text])


def _verify_one(verifier: Any, text: str) -> object:
    return verifier.verify([text], ["7"])


def measure(read: Callable[[str], object], text: str) -> float:
    """Measure the processor time of a reader."""
    start = time.process_time()
    read(text)
    return time.process_time() - start


def double_texts(data: bytes) -> None:
    """Read a text that repeats a part, and one of twice as many; the time is linear."""
    start, part, end = (*read_text(data).split("\n\n", 2), "", "")[:3]
    part = part[:80] or "a"
    short, long = (
        start + part * (count // len(part)) + end
        for count in (REPEATED_CHARACTERS, 2 * REPEATED_CHARACTERS)
    )
    for read in repeated_readers():
        took = measure(read, long)
        if took < MIN_COMPARED_SECONDS:
            continue
        took = min(took, measure(read, long), measure(read, long))
        half = min(measure(read, short) for _ in range(3))
        linear = took < MIN_COMPARED_SECONDS or took <= MAX_TIME_RATIO * half
        check(linear, read, f"{half:.2f} s and {took:.2f} s", start[:40], part, end[:40])


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
    "layouts": Target(
        read_layouts,
        (
            "<think>\na\n</think>\n<answer>\n7\n</answer>",
            "[THINK]a[/THINK] <b>1</b>",
            "<|channel|>analysis<|message|>a<|end|>",
            "a</ Think ><Answer>7</ANSWER>",
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
    "tool messages": Target(
        read_tool_messages,
        (
            '[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ""}}]}]',
            '[{"role": "assistant", "content": ""}, {"role": "tool", "content": "error"}]',
            '[{"role": "assistant", "content": "<tool_call>{}</tool_call>", "tool_calls": null}]',
        ),
    ),
    "references": Target(
        compare_calls,
        (
            '[{"name": "f", "arguments": {"a": 1}}]\n\n{"f": {"a": [1, ""]}}',
            '{"name": "f"}\n\n[{"function": {"name": "f", "parameters": {"type": "object"}}}]',
            "the cat\n\na cat",
            "[1, 2]\n\n[2, 3]",
        ),
    ),
    "instructions": Target(
        read_instructions,
        (
            '{"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}',
            "[{'instruction_ids': ['a'], 'kwargs': [None]}]",
            '{"answer": "7", "metadata": {"source_dataset": "chain_sum"}}',
        ),
    ),
    "scaling": Target(
        double_texts,
        (
            "<answer>\n\n<think>\n\n</answer>",
            "\n\n\\boxed{\n\n}",
            "\n\n\\sin x + \n\n",
            "<tool_call>\n\n{\n\n</tool_call>",
            "```python\n\n```\n\n```",
            "The answer is \n\n(A) or \n\n",
        ),
    ),
    "ratings": Target(read_ratings, ('{"1": 7, "2": 3}', '```json\n{"1": 10, "2": 0.5}\n```')),
    "replies": Target(read_replies, ('{"polite": "yes"}', '```json\n{"polite": "no"}\n```')),
    "reports": Target(
        write_reports,
        ('{"completion": "a", "rewards/r": 1, "rewards/r/why": "b", "prompt": "c", "step": 1}\n',),
    ),
}
