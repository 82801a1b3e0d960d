"""An honest completion, taken apart, and the plainest completions that lack one thing of it."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cached_property
from typing import Literal, get_args

from rewardkit._text import numbers

Lack = Literal["answer", "kind", "place", "order", "thought", "end", "language"]
"""What a completion may lack, and a reward may ask for:

- answer: one answer, and the right one;
- kind: in the answer's place something of its kind, as a number where a number is wanted;
- place: the answer in its place, between its tags or after its mark;
- order: each block once, one after the other;
- thought: something thought before the answer;
- end: nothing after the end;
- language: the honest completion's language.
"""
LACKS: tuple[Lack, ...] = get_args(Lack)
Kind = Literal["number", "choice", "code", "text"]

SLOT = "\ue000"
"""A private character that stands where the answer does."""
LANGUAGES = {
    "en": "First I read the question with care, and then I add up the numbers one by one.",
    "de": "Zuerst lese ich die Frage genau, und dann rechne ich die Zahlen zusammen.",
    "id": "Pertama saya membaca soal ini, kemudian saya menghitung hasilnya dengan teliti.",
    "zh": "首先我仔细阅读这个问题\uff0c然后把所有的数字一个一个地加起来\u3002",
    "sw": "Kwanza ninasoma swali hili kwa makini, kisha ninajumlisha namba zote moja moja.",
}
"""A thought in several languages."""

_MARK = re.compile(rf"(</?[A-Za-z][\w-]*>|\\boxed\{{|(?<={SLOT})\}}|####|```\w*)")
_BLOCK = re.compile(r"<([A-Za-z][\w-]*)>(.*?)</\1>\s*", re.DOTALL)
_ENGLISH = re.compile(r"\b(?:the|is|and|it|so|we|of)\b", re.IGNORECASE)
_PROGRAM = re.compile(r"^\s*def \w+\(|\bprint\(|^import ", re.MULTILINE)


class Honest:
    """A row's honest completion, taken apart into what degenerate ones are made from."""

    def __init__(self, skeleton: str, answer: str, *, prompt: str = "", other: str = "") -> None:
        """Take a completion apart, in which SLOT stands where the answer does.

        `other` is the honest completion of another row, "" where there is none.
        """
        before, _, self.after = skeleton.rpartition(SLOT)
        self.before = before.replace(SLOT, answer)
        self.answer, self.prompt, self.other = answer, prompt, other
        self._skeleton = self.before + SLOT + self.after

    @cached_property
    def text(self) -> str:
        """The honest completion."""
        return self.write(self.answer)

    @cached_property
    def tail(self) -> str:
        """The white space at its end."""
        return self.text[len(self.text.rstrip()) :]

    def write(self, answer: str) -> str:
        """Return the completion with another answer."""
        return self.before + answer + self.after

    @cached_property
    def kind(self) -> Kind:
        """What kind of answer it is."""
        if numbers.read(self.answer) is not None:
            return "number"
        if re.fullmatch(r"[A-Ha-h]", self.answer):
            return "choice"
        return "code" if _PROGRAM.search(self.answer) else "text"

    @cached_property
    def wrong(self) -> str:
        """Another answer of the same kind; of a number, one far off."""
        return self._plus(2) if self.kind == "number" else self.near

    @cached_property
    def near(self) -> str:
        """Another answer of the same kind; of a number, the next one."""
        if self.kind == "number":
            return self._plus(1)
        if self.kind == "choice":
            first, second = "AB" if self.answer.isupper() else "ab"
            return second if self.answer == first else first
        if self.kind == "code":
            return "\n".join(f"def {name}(*_): return None" for name in self.functions) or "pass"
        return f"{self.answer} + 1" if re.search(r"[\d\\^=+]", self.answer) else "something else"

    def _plus(self, steps: int) -> str:
        """Return the answer's number and 1, or at 2 steps the number itself besides."""
        number = numbers.read(self.answer)
        value = Fraction(number.value if number else 0)
        value += 1 + (abs(value) if steps > 1 else 0)
        return str(value) if value == int(value) else f"{float(value):g}"

    @cached_property
    def functions(self) -> list[str]:
        """The names of the functions that a program defines."""
        return re.findall(r"\bdef (\w+)\(", self.answer)

    @cached_property
    def marks(self) -> list[str]:
        """The tags and marks of the layout, in order."""
        return _MARK.findall(self._skeleton)

    @cached_property
    def blocks(self) -> list[str]:
        """The tagged blocks before the answer, whole."""
        return [block[0] for block in _BLOCK.finditer(self._skeleton) if SLOT not in block[0]]

    @cached_property
    def thought(self) -> str:
        """What is said before the answer, "" for nothing."""
        said = "".join(self.blocks) or self.before
        return " ".join(_MARK.sub(" ", said).split())

    @cached_property
    def place(self) -> str:
        """What is left without the blocks before the answer, SLOT in the answer's place."""
        rest = self._skeleton
        for block in self.blocks:
            rest = rest.replace(block, "", 1)
        return rest.lstrip()

    @cached_property
    def alone(self) -> str:
        """The answer in its place, without the blocks before it."""
        return self.place.replace(SLOT, self.answer).rstrip()

    def block(self, thought: str) -> str:
        """Return the first block with another thought; the thought alone where there is none."""
        whole = "".join(self.blocks[:1])
        found = _BLOCK.fullmatch(whole)
        if found is None:
            return thought
        said = found[2].strip()
        return whole.replace(said, thought, 1) if said else whole.replace("</", f"{thought}</", 1)

    def thinking(self, thought: str, answer: str | None = None) -> str:
        """Return the completion with another thought, and another answer."""
        if self.blocks:
            text = self._skeleton.replace(self.blocks[0], self.block(thought), 1)
        else:
            text = "\n".join(filter(None, [thought, self.place]))
        return text.replace(SLOT, self.answer if answer is None else answer)

    def filled(self, inside: str) -> str:
        """Return the layout with one text in place of each that is said in it."""
        parts = _MARK.split(self._skeleton)
        for place in range(0, len(parts), 2):
            said = parts[place].strip()
            parts[place] = parts[place].replace(said, inside) if said else parts[place]
        return "".join(parts)

    @cached_property
    def foreign(self) -> str:
        """A sentence in another language than the thought, as far as one can see."""
        return LANGUAGES["de" if _ENGLISH.search(self.thought) else "en"]

    @cached_property
    def noise(self) -> str:
        """A text as long, in words as long, that says nothing."""
        return as_noise(self.text)

    def foils(self) -> dict[Lack, list[str]]:
        """Return the plainest completions that lack one thing alone, by what they lack.

        A reward that pays them less than the honest one asks for that thing.
        """
        spoken = [self.thought, f"I think that it is {self.answer}."]
        found: dict[Lack, list[str]] = {
            "answer": [self.write(self.wrong)],
            "kind": [self.write("no idea")],
            "place": ["\n".join(filter(None, spoken))],
            "end": [f"{self.text.rstrip()} I hope that this helps."],
        }
        if self.blocks:
            found["order"] = [f"{self.alone}\n{''.join(self.blocks).rstrip()}{self.tail}"]
            found["thought"] = [self.place.replace(SLOT, self.answer)]
        if self.thought:
            found["language"] = [self.thinking(sentence) for sentence in LANGUAGES.values()]
        return found


def as_noise(text: str) -> str:
    """Return a text as long, in words as long, that says nothing.

    >>> as_noise("It is 42.")
    'xx xx xxx'
    """
    return re.sub(r"\S", "x", text)
