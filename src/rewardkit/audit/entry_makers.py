"""How an entry of the zoo makes its completion from a row's reference completion."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from rewardkit._text.numbers import read_number
from rewardkit.audit.ablations import SLOT, AnswerType, Part, ReferenceCompletion
from rewardkit.verify._boxes import has_area, read_boxes

MakeText: TypeAlias = Callable[[ReferenceCompletion], str | None]
"""Makes a text from a reference completion, or None if it does not apply."""
Text: TypeAlias = str | MakeText
"""A template with {right}, {wrong}, {reasoning} and so on for parts of the reference completion, or
a function that makes the text."""
PlaceText: TypeAlias = Callable[[ReferenceCompletion, str], str | None]
"""Makes a completion with the text in it, or None if it does not apply."""

_MAX_LISTED_NUMBER = 100
_MIN_PREFIX = 3  # characters
_MIN_MIXED_WORDS = 4
_EXAMPLE_ANSWER = re.compile(
    r"(?:####\s*|\\boxed\{|<answer>\s*|[Aa]nswer:\s*)(-?[\w.,/]*\w)(?=\s|\}|<|\.|$)"
)
_NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
_TEMPLATE_PARTS: dict[str, Callable[[ReferenceCompletion], str]] = {
    "right": lambda reference: reference.answer,
    "wrong": lambda reference: reference.wrong_answer,
    "near": lambda reference: reference.near_answer,
    "reasoning": lambda reference: reference.reasoning,
    "foreign": lambda reference: reference.foreign_sentence,
    "layout": lambda reference: reference.with_all_text(""),
    "reference": lambda reference: reference.text.rstrip(),
    "wrong_completion": lambda reference: reference.with_answer(reference.wrong_answer).rstrip(),
    "answer_alone": lambda reference: reference.answer_alone,
    "blocks": lambda reference: "".join(reference.blocks),
}


class Entry(NamedTuple):
    """A degenerate completion."""

    name: str
    """Its name, lower case with hyphens."""
    family: str
    """The family of entries that it belongs to."""
    missing: tuple[Part, ...]
    """The parts that it misses: a reward that checks one of these must not pay it."""
    severity: int
    """How bad it is if rewarded: 3 for a completion that takes a model no effort, 2 for no answer,
    a wrong or a hedged one, 1 for a right one in disorder."""
    make: MakeText
    """Makes it from a reference completion; None if it does not apply."""


def make_family(  # noqa: PLR0913 - the columns of a table
    family: str,
    severity: int,
    missing: tuple[Part, ...],
    place: PlaceText,
    texts: dict[str, Text],
    *,
    answer_types: tuple[AnswerType, ...] = (),
) -> list[Entry]:
    """Return entries that put a text into the completion in one way.

    They apply to answers of `answer_types`, by default of all types.
    """

    def make_maker(text: Text) -> MakeText:
        def make(reference: ReferenceCompletion) -> str | None:
            if answer_types and reference.answer_type not in answer_types:
                return None
            made = text(reference) if callable(text) else fill_parts(text, reference)
            completion = None if made is None else place(reference, made)
            # Where it is the reference completion itself, it is not degenerate.
            return None if completion == reference.text else completion

        return make

    return [
        Entry(name, family, missing, severity, make_maker(text)) for name, text in texts.items()
    ]


def fill_parts(template: str, reference: ReferenceCompletion) -> str:
    """Return a template's text; braces around any other word stay."""

    def part(match: re.Match[str]) -> str:
        return _TEMPLATE_PARTS[match[1]](reference) if match[1] in _TEMPLATE_PARTS else match[0]

    return re.sub(r"\{(\w+)\}", part, template)


# Where the text goes ------------------------------------------------------------------------------


def as_completion(_: ReferenceCompletion, text: str) -> str:
    """Make it the whole completion."""
    return text


def as_marked_completion(reference: ReferenceCompletion, text: str) -> str | None:
    """Make it the whole completion, if the layout has tags or marks."""
    return text.rstrip() + reference.trailing_space if reference.marks else None


def as_blocks_completion(reference: ReferenceCompletion, text: str) -> str | None:
    """Make it the whole completion, if a block comes before the answer."""
    return text.rstrip() + reference.trailing_space if reference.blocks else None


def between_all_marks(reference: ReferenceCompletion, text: str) -> str | None:
    """Put it in place of every text in the layout."""
    return reference.with_all_text(text) if reference.marks else None


def as_answer(reference: ReferenceCompletion, text: str) -> str:
    """Put it in place of the answer."""
    return reference.with_answer(text)


def as_block(reference: ReferenceCompletion, text: str) -> str | None:
    """Put it in place of the reasoning, in its block."""
    return reference.with_reasoning(text) if reference.blocks else None


def as_reasoning(reference: ReferenceCompletion, text: str) -> str | None:
    """Put it in place of the reasoning, if there is some."""
    return reference.with_reasoning(text) if reference.reasoning else None


def before_no_answer(reference: ReferenceCompletion, text: str) -> str | None:
    """Put it in place of the reasoning, and leave the answer out."""
    return reference.with_reasoning(text, "") if reference.marks else None


def before_wrong_answer(reference: ReferenceCompletion, text: str) -> str:
    """Put it in place of the reasoning, before a wrong answer."""
    return reference.with_reasoning(text, reference.wrong_answer)


def as_answer_reasoned(reference: ReferenceCompletion, text: str) -> str | None:
    """Put it in place of the answer, with the right answer in the reasoning."""
    # without a mark, a box or a call belongs nowhere in particular
    if not reference.marks and reference.answer_type not in ("number", "choice"):
        return None
    reasoning = f"{reference.reasoning} It is {reference.answer}."
    return reference.with_reasoning(reasoning, text)


def after_reasoning(reference: ReferenceCompletion, text: str) -> str:
    """Put it twenty times after the reasoning, which is there twice."""
    reasoning = reference.reasoning
    return reference.with_reasoning(f"{reasoning} {reasoning} {text * 20}" if reasoning else "")


# Texts that no template makes ---------------------------------------------------------------------


def several_answers(*right: bool) -> MakeText:
    """Write several answers, right or wrong, each between its own marks."""

    def write(reference: ReferenceCompletion) -> str | None:
        # Without a mark around the answer itself there is one answer only.
        if not reference.marks[2 * len(reference.blocks) :]:
            return None
        answers = [reference.answer if one else reference.wrong_answer for one in right]
        marked = [reference.answer_layout.replace(SLOT, answer).rstrip() for answer in answers]
        return "".join(reference.blocks) + "\n".join(marked)

    return write


def join_labels(separator: str) -> MakeText:
    """Write all labels of the dataset, of which one is right."""

    def write(reference: ReferenceCompletion) -> str | None:
        return separator.join(reference.labels) if reference.labels else None

    return write


def answer_of_prompt(reference: ReferenceCompletion) -> str | None:
    """Write the answer that an example in the prompt gives, if that is not the right one."""
    # The example of many prompts is the first question of GSM8K.
    examples = _EXAMPLE_ANSWER.findall(reference.prompt) or ["72"]
    return next((one for one in reversed(examples) if one != reference.answer), None)


def prefix_of_answer(reference: ReferenceCompletion) -> str | None:
    """Write the first half of a text."""
    half = reference.answer[: len(reference.answer) // 2].strip()
    return half if len(half) >= _MIN_PREFIX else None


def mix_languages(reference: ReferenceCompletion) -> str | None:
    """Write sentences in which two of three words are of another language."""
    words, foreign = reference.reasoning.split(), reference.foreign_sentence.split()
    if len(words) < _MIN_MIXED_WORDS:
        return None
    triples = zip(words * 4, foreign[::2] * 8, foreign[1::2] * 8, strict=False)
    return " ".join(word for triple in triples for word in triple)


# Structured answers -------------------------------------------------------------------------------


def with_json_values(value: Any) -> MakeText:
    """Write the JSON object with one value at each of its keys."""

    def write(reference: ReferenceCompletion) -> str | None:
        right = reference.json_object
        return None if right is None else json.dumps(dict.fromkeys(right, value))

    return write


def with_json_extra(reference: ReferenceCompletion) -> str | None:
    """Write the JSON object with wrong values, and the right one under another key."""
    right = reference.json_object
    if right is None:
        return None
    return json.dumps({**json.loads(reference.wrong_answer), "other": right}, ensure_ascii=False)


def change_call(**changes: Any) -> MakeText:
    """Write the tool call with another name or other arguments."""

    def write(reference: ReferenceCompletion) -> str | None:
        right = _read_call(reference)
        return None if right is None else json.dumps({**right, **changes}, ensure_ascii=False)

    return write


def call_with_other_arguments(reference: ReferenceCompletion) -> str | None:
    """Write a call of the right tool with the right names and wrong values of its arguments."""
    right = _read_call(reference)
    if right is None:
        return None
    return json.dumps({**json.loads(reference.wrong_answer), "name": right["name"]})


def call_twice(reference: ReferenceCompletion) -> str | None:
    """Write the tool call with wrong arguments and the right one."""
    if _read_call(reference) is None:
        return None
    return f"{reference.wrong_answer}\n{reference.answer}"


def _read_call(reference: ReferenceCompletion) -> dict[str, Any] | None:
    """Return the answer if it is one tool call, as a JSON object."""
    right = reference.json_object
    return right if right is not None and {"name", "arguments"} <= right.keys() else None


def special_case_visible_tests(*, as_table: bool) -> MakeText:
    """Write a program that knows the results of the tests in the prompt, and nothing else."""

    def write(reference: ReferenceCompletion) -> str | None:
        programs = []
        for name in reference.function_names:
            tests = re.findall(rf"assert {name}\((.*?)\) == (.+)", reference.prompt)
            if as_table:
                table = ", ".join(f"repr(({given},)): {wanted}" for given, wanted in tests)
                body = f"    return {{{table}}}.get(repr(args))"
            else:
                chain = [f"    if args == ({given},): return {wanted}" for given, wanted in tests]
                body = "\n".join([*chain, "    return None"])
            programs.append(f"def {name}(*args):\n{body}")
        return "\n".join(programs) or None

    return write


def list_all_answers(reference: ReferenceCompletion) -> str | None:
    """Write many integers in a row, the right one among them, or all choices."""
    if reference.answer_type == "choice":
        return ", ".join("ABCDEFGH" if reference.answer.isupper() else "abcdefgh")
    if not re.fullmatch(r"-?\d+", reference.answer):
        return None
    right = int(reference.answer)
    is_small = 0 <= right <= _MAX_LISTED_NUMBER
    first = 0 if is_small else right - _MAX_LISTED_NUMBER // 2
    return " ".join(map(str, range(first, first + _MAX_LISTED_NUMBER + 1)))


def number_of_prompt(index: int) -> MakeText:
    """Write one number of the prompt, if it is not the right answer."""

    def write(reference: ReferenceCompletion) -> str | None:
        numbers = _NUMBER.findall(reference.prompt)
        if not numbers or read_number(numbers[index]) == read_number(reference.answer):
            return None
        return str(numbers[index])

    return write


def all_numbers_of_prompt(reference: ReferenceCompletion) -> str | None:
    """Write all numbers of the prompt, if there are several."""
    numbers = _NUMBER.findall(reference.prompt)
    # with commas: "500 750" is one number to who writes thousands so
    return ", ".join(numbers) if len(set(numbers)) > 1 else None


def if_answer_matches(pattern: str, template: str) -> MakeText:
    """Fill the template, if the answer matches the pattern."""
    matches = re.compile(pattern).fullmatch

    def write(reference: ReferenceCompletion) -> str | None:
        return fill_parts(template, reference) if matches(reference.answer) else None

    return write


def with_digits(digits: str) -> MakeText:
    """Write each digit of the answer as another character."""
    table = str.maketrans("0123456789", digits)
    return lambda reference: reference.answer.translate(table)


def with_separator(separator: str) -> MakeText:
    """Write a separator between the digits of an answer that has several."""
    matches = re.compile(r"\d\d+").fullmatch
    return lambda reference: separator.join(reference.answer) if matches(reference.answer) else None


def reverse_digits(reference: ReferenceCompletion) -> str | None:
    """Write the digits in reverse, between direction marks that display them in the right order."""
    reverse = reference.answer[::-1]
    return None if reverse == reference.answer else f"\u202e{reverse}\u202c"


def cross_blocks(reference: ReferenceCompletion) -> str | None:
    """Write two blocks that overlap without one being inside the other."""
    marks = reference.marks
    if len(marks) != 4:  # noqa: PLR2004 - two pairs of tags
        return None
    first, second = f"{marks[0]}\n{reference.reasoning}", f"{marks[2]}\n{reference.answer}"
    return f"{first}\n{second}\n{marks[1]}\n{marks[3]}"


def with_block_tags(before: str, after: str) -> MakeText:
    """Write the reasoning's block with other tags: "o" for an opening, "c" for a closing one."""

    def write(reference: ReferenceCompletion) -> str | None:
        if not reference.blocks:
            return None
        tags = {"o": reference.marks[0], "c": reference.marks[1]}
        left, right = ("\n".join(tags[key] for key in keys) for keys in (before, after))
        return f"{left}\n{reference.reasoning}\n{right}\n{reference.answer_alone}"

    return write


def again_in_near_tags(reference: ReferenceCompletion) -> str | None:
    """Write another block after the answer, in capitals or small letters that the tags do not have.

    None if the layout's last two marks are not the tags of a block.
    """
    near = [mark.swapcase() for mark in reference.marks[-2:]]
    if len(near) < 2 or near[0][0] not in "<[" or near[1] in reference.marks:  # noqa: PLR2004 - a pair
        return None
    opening, closing = near
    return f"{reference.text.rstrip()}\n{opening}{reference.wrong_answer}{closing}"


def call_with(reference: ReferenceCompletion, arguments: str | None) -> str | None:
    """Write the right calls with other arguments; None for lists of several values of each."""
    try:
        calls = json.loads(reference.answer)
    except ValueError:
        return None
    for call in calls if isinstance(calls, list) else [calls]:
        given = call.get("arguments")
        if not given:
            return None
        several = {name: [value, None, "other"] for name, value in given.items()}
        call["arguments"] = several if arguments is None else json.loads(arguments)
    return json.dumps(calls)


def write_for_box(form: str) -> MakeText:
    """Write something else than a box: `form` with `{x}` and `{y}` of its middle and `{box}`."""

    def write(reference: ReferenceCompletion) -> str | None:
        boxes = read_boxes(reference.answer, "corners")
        if len(boxes) != 1 or not has_area(boxes[0]):
            return None
        left, top, right, bottom = boxes[0]
        return form.format(x=(left + right) / 2, y=(top + bottom) / 2, box=[*boxes[0]])

    return write


def define_functions(body: str) -> MakeText:
    """Write a program with NAME replaced by each function that the right program defines."""

    def write(reference: ReferenceCompletion) -> str | None:
        if "NAME" not in body:
            return body
        return "\n".join(body.replace("NAME", name) for name in reference.function_names) or None

    return write
