"""Sample tasks: a few rows each, with the layout of a reference completion."""

from __future__ import annotations

from typing import Any, NamedTuple

from rewardkit.audit.ablations import LANGUAGES


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
        "Write a function double(x) that returns twice x.",
        "def double(x):\n    return 2 * x",
        "assert double(4) == 8\nassert double(-1) == -2",
    ),
    (
        "Write a function last(xs) that returns the last item of a list.",
        "def last(xs):\n    return xs[-1]",
        "assert last([1, 2, 3]) == 3\nassert last(['a']) == 'a'",
    ),
)
# A reward reads one of these; datasets differ in the name.
_ANSWER_COLUMNS = ("answer", "solution", "ground_truth")
_XML = "<reasoning>\n{reasoning}\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
_REASONING = "The numbers say so."


def _make_prompt(system: str, question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def _make_sample(system: str, pairs: tuple[tuple[str, str], ...], template: str) -> Sample:
    rows = (
        {"prompt": _make_prompt(system, question), **dict.fromkeys(_ANSWER_COLUMNS, answer)}
        for question, answer in pairs
    )
    return Sample(tuple(rows), template)


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
    "code": Sample(
        tuple(
            {
                "prompt": _make_prompt("Write Python.", question),
                "solution": program,
                "answer": tests,
            }
            for question, program, tests in _PROGRAMS
        ),
        "It takes a line.\n```python\n{solution}\n```",
        "solution",
    ),
    "plain": _make_sample("Reply with the answer alone.", _SUMS, "{answer}"),
}
"""The sample tasks by name."""
