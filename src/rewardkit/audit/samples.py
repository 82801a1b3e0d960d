"""Sample tasks: a few rows each, with the layout of a reference completion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from rewardkit._text.tag_layout import TagPair, list_tags, tag_marks
from rewardkit.audit.ablations import LANGUAGES
from rewardkit.component import Component, walk

Tags: TypeAlias = tuple[str | TagPair, ...]
"""The blocks of a layout, in order."""


class Sample(NamedTuple):
    """Rows of a task, with the layout of their reference completions."""

    rows: tuple[dict[str, Any], ...]
    """The rows: the prompt and the columns that rewards read."""
    template: str
    """The layout: a text with `{column}` for the row's value."""
    answer: str = "answer"
    """The column with the right answer."""


# One is negative, one has a decimal point: a reward that reads only digits shows it.
_SUMS = (
    ("A box holds 6 rows of 7 eggs. How many eggs are there?", "42"),
    ("A van brings 25 crates of 50 apples. How many apples are there?", "1250"),
    ("At noon it is 5 degrees. It then falls by 12. How cold does it get?", "-7"),
    ("A rope of 9 metres is cut into 4 equal parts. How long is each?", "2.25"),
)
# Answers that only a reward with LaTeX reads, and one that every reward reads.
_MATHS = (
    ("What is 1/2 + 1/4?", r"\frac{3}{4}"),
    ("What is the positive root of x^2 = 20?", r"2\sqrt{5}"),
    ("Factor x^2 - 9.", "(x - 3)(x + 3)"),
    ("What is 3 * 14?", "42"),
)
_CHOICES = (
    ("Which is a prime? (A) 4 (B) 7 (C) 9 (D) 10", "B"),
    ("Which is a mammal? (A) trout (B) wasp (C) toad (D) whale", "D"),
)
_PROGRAMS = (
    (
        "Write a function double(x) that returns twice x.\nassert double(4) == 8",
        "def double(x):\n    return 2 * x",
        "assert double(4) == 8\nassert double(-1) == -2",
    ),
    (
        "Write last(xs), which returns the last item of a list.\nassert last([1, 2, 3]) == 3",
        "def last(xs):\n    return xs[-1]",
        "assert last([1, 2, 3]) == 3\nassert last(['a']) == 'a'",
    ),
)
# One call as an object, and lists of calls: a reward reads one of the two.
_CALLS = (
    (
        "What is the weather in Oslo today?",
        '{"name": "get_weather", "arguments": {"city": "Oslo", "days": 1}}',
    ),
    (
        "Tell Ada that I am late.",
        '{"name": "send_mail", "arguments": {"to": "Ada", "text": "I am late."}}',
    ),
    (
        "What is the weather in Bonn today?",
        '[{"name": "get_weather", "arguments": {"city": "Bonn", "days": 1}}]',
    ),
    (
        "How warm will it be in Lima and Oslo over the next three days?",
        (
            '[{"name": "get_weather", "arguments": {"city": "Lima", "days": 3}}, {"name":'
            ' "get_weather", "arguments": {"city": "Oslo", "days": 3}}]'
        ),
    ),
)


def _describe_tool(name: str, description: str, **types: str) -> dict[str, Any]:
    properties = {key: {"type": value} for key, value in types.items()}
    parameters = {"type": "object", "properties": properties, "required": [next(iter(types))]}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


_TOOLS = [
    _describe_tool("get_weather", "Forecast the weather.", city="string", days="integer"),
    _describe_tool("send_mail", "Send a message.", to="string", text="string"),
]
_OBJECTS = (
    ("Extract name and age: Ada is 36 years old.", '{"name": "Ada", "age": 36}'),
    ("Extract name and age: Olaf is 51 years old.", '{"name": "Olaf", "age": 51}'),
)
_DECISIONS = (
    ("Is 7 a prime?", "yes"),
    ("Is 9 a prime?", "no"),
    ("Is the whale a mammal?", "yes"),
)
# A reward reads one of these; datasets differ in the name.
ANSWER_COLUMNS = (
    "answer",
    "solution",
    "ground_truth",
    "target",
    "label",
    "reference",
    "expected",
    "gold",
)
_TEST_COLUMNS = ("answer", "tests", "test", "test_code", "ground_truth")
_XML = "<reasoning>\n{reasoning}\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
_REASONING = "The numbers say so."


def _make_prompt(system: str, question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def _make_sample(system: str, pairs: tuple[tuple[str, str], ...], template: str) -> Sample:
    rows = (
        {"prompt": _make_prompt(system, question), **dict.fromkeys(ANSWER_COLUMNS, answer)}
        for question, answer in pairs
    )
    return Sample(tuple(rows), template)


def _make_code_sample(template: str) -> Sample:
    rows = (
        {
            "prompt": _make_prompt("Write Python.", question),
            **dict.fromkeys(_TEST_COLUMNS, tests),
            "solution": program,
        }
        for question, program, tests in _PROGRAMS
    )
    return Sample(tuple(rows), template, "solution")


SAMPLES: dict[str, Sample] = {
    "xml": _make_sample(
        "Respond in this format:\n<reasoning>\n...\n</reasoning>\n<answer>\n...\n</answer>",
        _SUMS,
        _XML.replace("{reasoning}", _REASONING),
    ),
    "xml_line": _make_sample(
        "Respond with <reasoning>...</reasoning><answer>...</answer>, on one line.",
        _SUMS,
        f"<reasoning>{_REASONING}</reasoning><answer>{{answer}}</answer>",
    ),
    "think": _make_sample(
        "Think between <think> and </think>, then answer.",
        _SUMS,
        f"<think>{_REASONING}</think>{{answer}}",
    ),
    "think_answer": _make_sample(
        "Think between <think> and </think>, then answer between <answer> and </answer>.",
        _SUMS,
        f"<think>\n{_REASONING}\n</think>\n<answer>\n{{answer}}\n</answer>",
    ),
    "indonesian": _make_sample(
        "Berpikirlah dalam bahasa Indonesia, di antara <think> dan </think>, lalu jawab.",
        _SUMS,
        f"<think>{LANGUAGES['id']}</think>{{answer}}",
    ),
    "boxed": _make_sample(
        r"Put the final answer in \boxed{}.",
        _MATHS,
        rf"{_REASONING} So it is \boxed{{{{answer}}}}.",
    ),
    "hash": _make_sample(
        "End with the answer after ####.", _SUMS, f"{_REASONING}\n#### {{answer}}"
    ),
    "choice": _make_sample(
        "Think, then name one letter.", _CHOICES, f"{_REASONING} The answer is ({{answer}})."
    ),
    "code": _make_code_sample("It takes a line.\n```python\n{solution}\n```"),
    "plain": _make_sample("Reply with the answer alone.", _SUMS, "{answer}"),
    "think_boxed": _make_sample(
        r"Think between <think> and </think>, then put the answer in \boxed{}.",
        _MATHS,
        rf"<think>{chr(10)}{_REASONING}{chr(10)}</think>{chr(10)}It is \boxed{{{{answer}}}}.",
    ),
    "think_answer_code": _make_code_sample(
        "<think>\nIt takes a line.\n</think>\n<answer>\n```python\n{solution}\n```\n</answer>"
    ),
    "answer_colon": _make_sample(
        "Think, then write `Answer:` and the answer.", _SUMS, f"{_REASONING}\nAnswer: {{answer}}"
    ),
    "choice_colon": _make_sample(
        "Think, then write `Answer:` and one letter.",
        _CHOICES,
        f"{_REASONING}\nAnswer: {{answer}}",
    ),
    "choice_tag": _make_sample(
        "Write one letter between <answer> and </answer>.",
        _CHOICES,
        f"<think>{_REASONING}</think><answer>{{answer}}</answer>",
    ),
    "yes_no": _make_sample("Answer yes or no.", _DECISIONS, "{answer}"),
    "json": _make_sample("Reply with a JSON object.", _OBJECTS, "{answer}"),
    "json_answer": _make_sample(
        'Reply with a JSON object with the keys "reasoning" and "answer".',
        _SUMS,
        f'{{"reasoning": "{_REASONING}", "answer": {{answer}}}}',
    ),
    "tool_call": Sample(
        tuple(
            {
                "prompt": _make_prompt(
                    "Think between <think> and </think>, then call tools between <tool_call> and"
                    " </tool_call>.",
                    question,
                ),
                **dict.fromkeys((*ANSWER_COLUMNS, "tool_calls"), calls),
                "tools": _TOOLS,
            }
            for question, calls in _CALLS
        ),
        f"<think>\n{_REASONING}\n</think>\n<tool_call>\n{{answer}}\n</tool_call>",
    ),
}
"""The sample tasks by name."""


def list_layouts(rewards: Iterable[Any]) -> list[Tags]:
    """Return the tags that components name in their fields, each once; functions name none.

    >>> from rewardkit.extract import Tag
    >>> list_layouts([Tag(), Tag(tag=("[A]", "[/A]"))])
    [('answer',), (('[A]', '[/A]'),)]
    """
    found: dict[Tags, None] = {}
    for component in (part for one in rewards if isinstance(one, Component) for part in walk(one)):
        tags = getattr(component, "tags", None)
        if isinstance(tags, tuple) and tags and all(map(_is_tag, tags)):
            found[tags] = None
        for field in ("tag", "scope"):
            tag = getattr(component, field, None)
            # a scope in words ("all") is not a tag
            if _is_pair(tag) or (field == "tag" and isinstance(tag, str)):
                found[(tag,)] = None  # type: ignore[index]  # it is a name or a pair
    return [*found]


def list_pairs(rewards: Iterable[Any]) -> list[TagPair]:
    """Return the marks of the layouts' blocks that are named by a pair, each once."""
    pairs = (tag for tags in list_layouts(rewards) for tag in tags if not isinstance(tag, str))
    return [*dict.fromkeys(pairs)]


def make_own_samples(rewards: Iterable[Any]) -> dict[str, Sample]:
    """Return sample tasks in the rewards' own layouts, for those that no sample has."""
    known = "".join(sample.template for sample in SAMPLES.values())
    samples: dict[str, Sample] = {}
    for tags in list_layouts(rewards):
        if all(mark in known for mark in list_tags(tags)):
            continue
        *before, (opening, closing) = map(tag_marks, tags)
        blocks = [f"{first}\n{_REASONING}\n{last}\n" for first, last in before]
        answer = f"{opening}\n{{answer}}\n{closing}"
        templates = [f"{''.join(blocks)}{answer}"]
        if not before:
            templates.append(f"{opening}{_REASONING}{closing}{{answer}}")
        for template in templates:
            name = "tags" if not samples else f"tags_{len(samples) + 1}"
            samples[name] = _make_sample("Answer in the layout asked for.", _SUMS, template)
    return samples


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) or _is_pair(value)


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, str) for one in value)  # noqa: PLR2004 - a pair
    )
