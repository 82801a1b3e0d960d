"""A row's reference completion, its parts, and ablations: the same completion without one part."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, get_args

from rewardkit._text import numbers
from rewardkit._text.tag_layout import TagPair

Part = Literal[
    "answer", "answer_type", "answer_tag", "block_order", "reasoning", "clean_end", "language"
]
"""What a completion may miss, and a reward may check:

- answer: one answer, and the right one;
- answer_type: something of the answer's type where the answer belongs, as a number;
- answer_tag: the answer where it belongs, between its tags or after its mark;
- block_order: each block once, one after the other;
- reasoning: text before the answer, in its block;
- clean_end: nothing after the end;
- language: the language of the reference completion.
"""
PARTS: tuple[Part, ...] = get_args(Part)
AnswerType = Literal["number", "choice", "code", "calls", "json", "text"]

SLOT = "\ue000"
"""A private-use character that marks the answer's position in a layout."""
LANGUAGES = {
    "en": "First I read the question with care, and then I add up the numbers one by one.",
    "de": "Zuerst lese ich die Frage genau, und dann rechne ich die Zahlen zusammen.",
    "id": "Pertama saya membaca soal ini, kemudian saya menghitung hasilnya dengan teliti.",
    "zh": "首先我仔细阅读这个问题\uff0c然后把所有的数字一个一个地加起来\u3002",
    "sw": "Kwanza ninasoma swali hili kwa makini, kisha ninajumlisha namba zote moja moja.",
}
"""A sentence of reasoning in several languages."""

# `}` ends a box only after the slot: other braces belong to the text.
_MARK = rf"</?[A-Za-z][\w-]*>|(?m:^)(?:Final )?[Aa]nswer:|\\boxed\{{|(?<={SLOT})\}}|####|```\w*"
_BLOCK = r"<(?P<name>[A-Za-z][\w-]*)>(.*?)</(?P=name)>"
# Short words of English that German and Indonesian do not have; no detector is needed for more.
_ENGLISH_WORD = re.compile(r"\b(?:the|is|and|it|so|we|of)\b", re.IGNORECASE)
_CALLS = re.compile(r'\s*\[\s*\{\s*"name"\s*:\s*"')
_OPPOSITES = (("yes", "no"), ("true", "false"))
_MAX_LABELS = 10
_MAX_LABEL_LENGTH = 30
_PROGRAM_LINE = re.compile(r"^\s*def \w+\(|\bprint\(|^import ", re.MULTILINE)


class ReferenceCompletion:
    """A row's valid completion, in the parts that degenerate completions are made of."""

    def __init__(  # noqa: PLR0913 - each but the first two has a default
        self,
        layout: str,
        answer: str,
        *,
        prompt: str = "",
        other_completion: str = "",
        pairs: Iterable[TagPair] = (),
        labels: Iterable[str] = (),
    ) -> None:
        """Split a completion in which SLOT marks the answer's position.

        `other_completion` is the reference completion of another row, "" if there is none. `pairs`
        are the marks of blocks that have other marks than `<NAME>` and `</NAME>`. `labels` are the
        answers of the dataset's rows.
        """
        self._mark, self._block = _compile_marks(pairs)
        # A layout may repeat the answer, say in the reasoning: only the last one is replaced.
        before, _, self.after = layout.rpartition(SLOT)
        self.before = before.replace(SLOT, answer)
        self.answer, self.prompt, self.other_completion = answer, prompt, other_completion
        self._layout = self.before + SLOT + self.after
        self._labels = labels

    @cached_property
    def text(self) -> str:
        """The whole completion."""
        return self.with_answer(self.answer)

    @cached_property
    def trailing_space(self) -> str:
        """The white space at its end, which strict layouts may require."""
        return self.text[len(self.text.rstrip()) :]

    @cached_property
    def answer_type(self) -> AnswerType:
        """The type of its answer."""
        if numbers.read_number(self.answer) is not None:
            return "number"
        if re.fullmatch(r"[A-Ha-h]", self.answer):
            return "choice"
        if _CALLS.match(self.answer):
            return "calls"
        if self.json_object is not None:
            return "json"
        return "code" if _PROGRAM_LINE.search(self.answer) else "text"

    @cached_property
    def json_object(self) -> dict[str, Any] | None:
        """The answer as a JSON object, None if it is something else."""
        if not self.answer.lstrip().startswith("{"):
            return None
        try:
            value = json.loads(self.answer)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) and value else None

    @cached_property
    def labels(self) -> list[str]:
        """The few short answers of which one is right, such as yes and no, else none."""
        if self.answer_type not in ("choice", "text"):
            return []
        yes_or_no = next((pair for pair in _OPPOSITES if self.answer.casefold() in pair), ())
        found = [*dict.fromkeys([*self._labels, *yes_or_no])]
        is_short = all(len(label) <= _MAX_LABEL_LENGTH for label in found)
        known = self.answer in found and 1 < len(found) <= _MAX_LABELS and is_short
        return found if known else []

    @cached_property
    def wrong_answer(self) -> str:
        """Another answer of the same type; of a number, a distant one, and so within JSON."""
        if self.answer_type == "number":
            return self._distant_number
        if self.answer_type == "json":
            return _write_json(_change_values(self.json_object or {}, _move_far))
        return self.near_answer

    @cached_property
    def near_answer(self) -> str:
        """Another answer of the same type; of a number, the next one."""
        match self.answer_type:
            case "number":
                answer = _format_number(_move_near(self._number))
            case "choice":
                first, second = "AB" if self.answer.isupper() else "ab"
                answer = second if self.answer == first else first
            case "code":
                stubs = [f"def {name}(*_): return None" for name in self.function_names]
                answer = "\n".join(stubs) or "pass"
            case "calls":
                answer = _CALLS.sub(r"\g<0>other_", self.answer, count=1)
            case "json":
                answer = _write_json(_change_values(self.json_object or {}, _move_near))
            case _:
                others = [label for label in self.labels if label != self.answer]
                is_mathematics = re.search(r"[\d\\^=+]", self.answer)
                plain = f"{self.answer} + 1" if is_mathematics else "something else"
                answer = others[0] if others else plain
        return answer

    @cached_property
    def _number(self) -> Fraction:
        number = numbers.read_number(self.answer)
        return Fraction(number.value if number else 0)

    @cached_property
    def _distant_number(self) -> str:
        # Rewards with a tolerance, by ratio or by steps, pay a neighbour; twice the number is far.
        return _format_number(_move_far(self._number))

    @cached_property
    def function_names(self) -> list[str]:
        """The names of the functions that a program defines."""
        return re.findall(r"\bdef (\w+)\(", self.answer)

    @cached_property
    def marks(self) -> list[str]:
        """The tags and marks of the layout, in order."""
        return self._mark.findall(self._layout)

    @cached_property
    def blocks(self) -> list[str]:
        """The tagged blocks before the answer, whole."""
        return [block[0] for block in self._block.finditer(self._layout) if SLOT not in block[0]]

    @cached_property
    def reasoning(self) -> str:
        """The text before the answer without its marks, "" if there is none."""
        text = "".join(self.blocks) or self.before
        return " ".join(self._mark.sub(" ", text).split())

    @cached_property
    def answer_layout(self) -> str:
        """The layout without the blocks before the answer, with SLOT for the answer."""
        rest = self._layout
        for block in self.blocks:
            rest = rest.replace(block, "", 1)
        return rest.lstrip()

    @cached_property
    def answer_alone(self) -> str:
        """The answer in its layout, without the blocks before it."""
        return self.answer_layout.replace(SLOT, self.answer).rstrip()

    @cached_property
    def is_english(self) -> bool:
        """Whether its reasoning has words of English that similar languages do not have."""
        return _ENGLISH_WORD.search(self.reasoning) is not None

    @cached_property
    def foreign_sentence(self) -> str:
        """A sentence in another language than the reasoning, which is English or taken as not."""
        return LANGUAGES["de" if self.is_english else "en"]

    @cached_property
    def baseline(self) -> str:
        """A text without content, as long and in words as long."""
        return mask_words(self.text)

    def with_answer(self, answer: str) -> str:
        """Return the completion with another answer."""
        return self.before + answer + self.after

    def with_reasoning(self, reasoning: str, answer: str | None = None) -> str:
        """Return the completion with another reasoning, and another answer if one is given."""
        if self.blocks:
            text = self._layout.replace(self.blocks[0], self.block_with(reasoning), 1)
        else:
            text = "\n".join(filter(None, [reasoning, self.answer_layout]))
        return text.replace(SLOT, self.answer if answer is None else answer)

    def block_with(self, reasoning: str) -> str:
        """Return the first block with another reasoning; the reasoning alone without blocks."""
        whole = "".join(self.blocks[:1])
        block = self._block.fullmatch(whole)
        if block is None:
            return reasoning
        # the last group that took part is the block's content
        start, end = block.span(block.lastindex or 0)
        inside = whole[start:end].strip()
        content = whole[start:end].replace(inside, reasoning, 1) if inside else ""
        return f"{whole[:start]}{content or whole[start:end] + reasoning}{whole[end:]}"

    def with_all_text(self, text: str) -> str:
        """Return the layout with `text` in place of every text between its marks."""
        pieces = self._mark.split(self._layout)
        for index in range(0, len(pieces), 2):  # the odd ones are the marks
            inside = pieces[index].strip()
            pieces[index] = pieces[index].replace(inside, text) if inside else pieces[index]
        return "".join(pieces)

    def ablations(self) -> dict[Part, list[str]]:
        """Return the plainest completions that miss one part alone, by that part.

        A reward that pays them less than the reference completion checks the part.
        """
        untagged = filter(None, [self.reasoning, f"I think that it is {self.answer}."])
        # Each is plain and polite: a reward that pays it pays many more completions like it.
        found: dict[Part, list[str]] = {
            "answer": [self.with_answer(self.wrong_answer)],
            "answer_type": [self.with_answer("no idea")],
            "answer_tag": ["\n".join(untagged)],
            "clean_end": [f"{self.text.rstrip()} I hope that this helps."],
        }
        if self.blocks:
            reasoning = "".join(self.blocks).rstrip()
            found["block_order"] = [f"{self.answer_alone}\n{reasoning}{self.trailing_space}"]
            found["reasoning"] = [self.answer_layout.replace(SLOT, self.answer)]
        if self.reasoning:
            # All languages: which of them a reward wants is not known, and it may accept several.
            found["language"] = [self.with_reasoning(text) for text in LANGUAGES.values()]
        return found


def _compile_marks(pairs: Iterable[TagPair]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a mark and of a block, with the pairs' own marks first."""
    escaped = [tuple(map(re.escape, pair)) for pair in pairs]
    marks = "|".join([*(mark for pair in escaped for mark in pair), _MARK])
    blocks = "|".join([*(f"{opening}(.*?){closing}" for opening, closing in escaped), _BLOCK])
    return re.compile(f"({marks})"), re.compile(rf"(?:{blocks})\s*", re.DOTALL)


def _move_near(number: Any) -> Any:
    return number + 1


def _move_far(number: Any) -> Any:
    return number + 1 + abs(number)


def _write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _change_values(value: Any, move: Callable[[Any], Any]) -> Any:
    """Return a JSON value with the same keys and another value at each."""
    if isinstance(value, dict):
        return {key: _change_values(inside, move) for key, inside in value.items()}
    if isinstance(value, list):
        return [_change_values(inside, move) for inside in value] or [0]
    if isinstance(value, bool) or value is None:
        return not value
    return move(value) if isinstance(value, int | float) else "something else"


def mask_words(text: str) -> str:
    """Return a text without content, as long and in words as long.

    >>> mask_words("It is 42.")
    'xx xx xxx'
    """
    return re.sub(r"\S", "x", text)


def sort_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts in the order of PARTS, each once."""
    present = {*parts}
    return tuple(part for part in PARTS if part in present)


def _format_number(value: Fraction) -> str:
    return str(value) if value == int(value) else f"{float(value):g}"
