"""Sample tasks, each a few rows with the layout of an honest completion."""

from __future__ import annotations

from typing import Any, NamedTuple


class Sample(NamedTuple):
    """Rows of a task, and how an honest completion of one is laid out."""

    rows: tuple[dict[str, Any], ...]
    """The rows: the prompt, and the columns that rewards read."""
    wrap: str
    """The layout, in which `{column}` stands for a row's cell."""
    answer: str = "answer"
    """The column whose cell is the right answer."""


_SUMS = (
    ("A box holds 6 rows of 7 eggs. How many eggs are there?", "42"),
    ("A van brings 25 crates of 50 apples. How many apples are there?", "1250"),
    ("At noon it is 5 degrees. It then falls by 12. How cold does it get?", "-7"),
    ("A rope of 9 metres is cut into 4 equal parts. How long is each?", "2.25"),
)
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
_COLUMNS = ("answer", "solution", "ground_truth")  # what datasets call it
_XML = "<reasoning>\n{thought}\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
_ADDS = "The numbers say so."
_HITUNG = "Pertama saya membaca soal ini, kemudian saya menghitung hasilnya dengan teliti."


def _asked(system: str, question: str) -> list[dict[str, str]]:
    """Return a prompt as messages."""
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def _sample(system: str, pairs: tuple[tuple[str, str], ...], wrap: str) -> Sample:
    """Return a sample of questions with their answers."""
    rows = (
        {"prompt": _asked(system, question), **dict.fromkeys(_COLUMNS, answer)}
        for question, answer in pairs
    )
    return Sample(tuple(rows), wrap)


SAMPLES: dict[str, Sample] = {
    "xml": _sample(
        "Respond in this format:\n<reasoning>\n...\n</reasoning>\n<answer>\n...\n</answer>",
        _SUMS,
        _XML.replace("{thought}", _ADDS),
    ),
    "xml_line": _sample(
        "Respond with <reasoning>...</reasoning><answer>...</answer>, on one line.",
        _SUMS,
        f"<reasoning>{_ADDS}</reasoning><answer>{{answer}}</answer>",
    ),
    "think": _sample(
        "Think between <think> and </think>, then answer.",
        _SUMS,
        f"<think>{_ADDS}</think>{{answer}}",
    ),
    "think_answer": _sample(
        "Think between <think> and </think>, then answer between <answer> and </answer>.",
        _SUMS,
        f"<think>\n{_ADDS}\n</think>\n<answer>\n{{answer}}\n</answer>",
    ),
    "indonesian": _sample(
        "Berpikirlah dalam bahasa Indonesia, di antara <think> dan </think>, lalu jawab.",
        _SUMS,
        f"<think>{_HITUNG}</think>{{answer}}",
    ),
    "boxed": _sample(
        r"Put the final answer in \boxed{}.", _MATHS, rf"{_ADDS} So it is \boxed{{{{answer}}}}."
    ),
    "hash": _sample("End with the answer after ####.", _SUMS, f"{_ADDS}\n#### {{answer}}"),
    "choice": _sample(
        "Think, then name one letter.", _CHOICES, f"{_ADDS} The answer is ({{answer}})."
    ),
    "code": Sample(
        tuple(
            {"prompt": _asked("Write Python.", question), "solution": program, "answer": tests}
            for question, program, tests in _PROGRAMS
        ),
        "It takes a line.\n```python\n{solution}\n```",
        "solution",
    ),
    "plain": _sample("Reply with the answer alone.", _SUMS, "{answer}"),
}
"""The sample tasks by name."""
