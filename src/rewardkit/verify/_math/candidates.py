r"""Find where in a text the answer is: in a box, after "the answer is", or last.

In this order: 1. the last `\boxed{}`, or what follows the last "final answer"; 2. what follows the
last "the answer is" or "answer:", in any of a few languages; 3. the last mathematics in the text.
The first that is there is the answer: if it cannot be read, no other is tried, since then a wrong
answer beside a lucky number would be paid. The time is linear in the text's length.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence

from rewardkit.verify._math.parse_text import Candidate
from rewardkit.verify._math.prose import clean_prose, find_runs, write_run
from rewardkit.verify._math.spelling import normalize_spelling, write_operators
from rewardkit.verify._math.tokenizer import MAX_LENGTH, find_closing_brace
from rewardkit.verify._math.vocabulary import ANSWER_WORDS, IS

# Only the last ones count, and a text may repeat "answer" a hundred thousand times.
_MAX_ANCHORS = 12
# A statement is short. The bound makes the search linear in the text.
_MAX_STATEMENT = 400  # characters
# Characters before the last digit, in which the last mathematics begins: most often near.
_TAILS = (160, 1200)
_AFTER = 80  # characters after it, for a unit or "is wrong"

_PROSE = re.compile(
    r"\$|\\[(\[]|\\boxed|\\fbox|(?<![A-Za-z\\{])[A-Za-z]{3,}(?![A-Za-z}])|[.:]\s|\n\n"
    r"|(?i:\b(?:so|is|he|we|it|if|at|to|of|an|as|be|by|on|no)\b)|#|[^\W\d_\x00-\x7f\u0370-\u03ff]"
)
_COMMAND = re.compile(r"\\(?!boxed|fbox|text)[A-Za-z]+\s*\{[^{}]*\}|\\(?!boxed|fbox)[A-Za-z]+")


def find_candidate(text: str) -> Candidate | None:
    r"""Find a text's answer; a candidate without text if there is none, None if it has no prose.

    >>> find_candidate(r"First 3, so the answer is \boxed{\frac{1}{2}}.").text
    '\\frac{1}{2}'
    >>> find_candidate("He has $4 and needs 12 - 4 = 8.").text
    '12 - 4 = 8'
    >>> find_candidate(r"\sin(x) + 1") is None
    True
    """
    if len(text) <= _MAX_STATEMENT:
        outside_commands = _COMMAND.sub(" ", text) if "\\" in text else text
        if not _PROSE.search(outside_commands):
            return None
    return next((found for found in _generate_candidates(text) if found.text.strip()), _NOTHING)


_NOTHING = Candidate("", 0, 0)


def find_stated_answer(text: str) -> Candidate | None:
    """Find the last "answer is ..." or "answer: ...", up to a full stop or the end of the line.

    >>> find_stated_answer("It rains. The answer is Monday. I hope so.").text
    'Monday'
    """
    found = deque(_STATED_WORDS.finditer(text), maxlen=1)
    return Candidate(found[0][1].strip(" *_"), *found[0].span()) if found else None


_ANCHOR = re.compile(ANSWER_WORDS)
_JOINT = re.compile(rf"[^.\n:\uff1a]{{0,60}}?{IS}\s*:?|", re.IGNORECASE)
_STATED_WORDS = re.compile(
    rf"(?:{ANSWER_WORDS})\s*\**(?:{IS})\s*:?\**([^.\n\u3002]{{1,80}})", re.IGNORECASE
)
_FINAL = re.compile(r"final\s*$", re.IGNORECASE)


def _generate_candidates(text: str) -> Iterator[Candidate]:
    """Yield candidates, the likeliest first. To search in another way, add a line here."""
    anchors = _find_anchors(text)
    final = [
        anchor
        for anchor in anchors
        if _FINAL.search(text[max(anchor.start() - 9, 0) : anchor.start()])
    ]
    stated = _find_statement(text, final[-1].end()) if final else None
    boxes = _find_boxes(text)
    # The later of the two: some models box their answer, then state it in full, and others reverse.
    if boxes:
        yield from sorted(filter(None, (*boxes, stated)), key=lambda found: -found.end)
    for anchor in reversed(anchors):
        start, end = anchor.span()
        if text[start - 1 : start] == "/":  # </answer>
            continue
        in_tag = text[start - 1 : start] == "<" and text[end : end + 1] == ">"
        statement = _find_statement(text, end + in_tag)
        if statement:
            yield statement
            break
    last = _find_last_mathematics(text)
    if last:
        yield last


def _find_anchors(text: str) -> Sequence[re.Match[str]]:
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters become two
        lowered = text
    # Most texts have none, and a search for each literal is the fastest way to find that out.
    known = [word for word in _LITERALS if word in lowered]
    if not known:
        return ()
    return deque(_ANCHOR.finditer(lowered), maxlen=_MAX_ANCHORS)


_LITERALS = (
    *("correct option", "correct choice", "right option", "right choice"),
    *("answer", "antwort", "ponse", "respuesta", "resposta", "risposta", "jawaban", "cevap"),
    *("odpowied", "\u043e\u0442\u0432\u0435\u0442", "\u7b54", "\u7d50\u8ad6", "\ub2f5"),
    *("\u0111\u00e1p", "\u0909\u0924\u094d\u0924\u0930", "\u0627\u0644\u062c\u0648\u0627\u0628"),
    "\u0627\u0644\u0625\u062c\u0627\u0628\u0629",
)


def _find_statement(text: str, start: int) -> Candidate | None:
    """Find the mathematics soon after the word "answer"."""
    corrected = _CORRECTION.match(text, start, start + _MAX_STATEMENT)
    start = corrected.end("denied") if corrected else start
    joint = _JOINT.match(text, start, start + _MAX_STATEMENT)
    is_denied = joint is not None and r"\ne" in write_operators(joint[0])
    is_joined = joint is not None and joint.end() > start
    start = joint.end() if joint else start
    window = _SPACE.sub("", text[start : start + _MAX_STATEMENT], count=1)
    first = _FIRST_SENTENCE.match(window)
    end = start + (first.end() if first else 0)
    sentence = _prepare(window)
    runs = find_runs(sentence, is_first_sentence=True)
    # Without "is" between them, the answer follows at once: "**Answer** 5".
    if not runs or (not is_joined and sentence[: runs[0].tokens[0].start].strip()):
        return None
    written = write_run(sentence, runs, 0, is_stated=True)
    if bound := _BOUND.match(window):
        return Candidate(f"{'<' if bound['upper'] else '>'} {written}", start, end)
    return Candidate(r"\ne " + written if is_denied else written, start, end)


# "The answer is not 35; it is 36": the statement is the second one
_CORRECTION = re.compile(
    r"(?P<denied>\s*(?:is|was)(?:n't|\s+not)\s+(?:[^.;\n]|\.\d){1,40}?"
    r"[;,.]\s+(?:(?:but|instead),?\s+)?it)(?:\s+is|\s+was|'s)\s+(?!not\b)",
    re.IGNORECASE,
)
# Elsewhere these may be no bounds: "3 over 8", "the row below 5".
_BOUND = re.compile(r"(?:over|above|beyond|(?P<upper>under|below))\s", re.IGNORECASE)
_FIRST_SENTENCE = re.compile(r"(?:[^.\n\u3002]|\.(?!\s))*+")
_SPACE = re.compile(r"^[\s*_:#`\"]+")


def _prepare(text: str) -> str:
    """Write prose so that its mathematics can be found."""
    if "\\boxed" in text:  # never closed, or it would have been found
        text = text.replace("\\boxed", " ")
    return write_operators(clean_prose(normalize_spelling(text)))


def _find_last_mathematics(text: str) -> Candidate | None:
    """Find the last mathematics in the text, with or without dollar signs around it."""
    reverse = _LAST.search(text[::-1])
    if reverse is None:
        return None
    last = len(text) - reverse.start()
    for size in _TAILS:
        start = max(last - size, 0)
        if start:  # not within a number or a word
            space = max(text.rfind("\n", 0, start), text.rfind(" ", 0, start), 0)
            if space < start - MAX_LENGTH:
                return Candidate(
                    text[start - MAX_LENGTH : last], start, last
                )  # too long to be read
            start = space
        tail = _prepare(text[start : last + _AFTER])
        runs = find_runs(tail)
        if runs and (runs[-1].tokens[0].start > _MARGIN or not start or size == _TAILS[-1]):
            return Candidate(write_run(tail, runs, len(runs) - 1, is_stated=False), start, last)
    return None


_MARGIN = 3  # a run at the very beginning of the tail may have begun before it


# A digit, or the end of what is between delimiters, in the reversed text.
_LAST = re.compile(r"\d|\$|[\])]\\|[\u00bc-\u00be\u2150-\u215e\u03c0\u221e\u2205\u211d]")


def _find_boxes(text: str) -> list[Candidate]:
    """Find the last box, joined by commas to those close before it."""
    first, stop = text.find("\\boxed{"), text.rfind("}") + 1
    if first < 0 or stop <= first + len("\\boxed{"):
        return []
    contents: list[str] = []
    index, after = text.rfind("\\boxed", first, stop), stop
    while index >= first and len(contents) < _MAX_BOXES:
        start = text.find("{", index, index + 12) + 1
        end = find_closing_brace(text[:after], start) if start else -1
        if end < 0:
            contents = contents or [text[start:stop]]
            break
        content, between = text[start:end].strip(), text[end + 1 : after]
        if contents and not _is_same_answer(content, contents[-1], between):
            break
        if content not in contents[-1:]:
            contents.append(content)
        after, index = index, text.rfind("\\boxed", first, index)
    return [Candidate(", ".join(reversed(contents)), first, stop, is_box=True)]


_MAX_BOXES = 10  # each is searched for its closing brace


def _is_same_answer(content: str, following: str, between: str) -> bool:
    """Return whether a box belongs to the one after it, with a text between them."""
    if len(between) < _ADJACENT:
        return True
    is_part = content != following and len(between) < _NEARBY
    return is_part and _SEPARATOR.search(between) is not None


_SEPARATOR = re.compile(r"\b(?:and|or)\b|,|;")
_ADJACENT, _NEARBY = 10, 70  # characters between two boxes, as math-verify has them
