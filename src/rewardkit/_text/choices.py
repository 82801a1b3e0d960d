"""Find the letters that a text states as its choice, in several languages.

A word that announces an answer in another language goes into the tables below. The time is linear
in the text: all repeats are bounded.
"""
# ruff: noqa: RUF001 - words of other scripts have look-alikes in them

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rewardkit._text.numbers import to_ascii

_ANSWER = (
    r"\banswer(?:\s(?:choice|option))?|\b(?:choice|option)(?=\s{1,8}is)|\bantwort|\blösung"
    r"|\bjawaban(?:nya)?|\bréponse|\brespuesta(?:\scorrecta)?|\bresposta(?:\s(?:correta|certa))?"
    r"|\brisposta(?:\s(?:corretta|esatta|giusta))?|\bantwoord|\bsvaret|\bsvar"
    r"|\bodpowiedź|\bcevap|\bđáp\sán|\bответ|\bвідповідь|\bαπάντηση|答案|答え|正解|答|정답|답"
    r"|故选|故選|应选|應選|选择|選擇|选|選|الإجابة|الجواب|תשובה|उत्तर|คำตอบ"
    r"|\bI(?:\s(?:will|would)|['’](?:ll|d))?\s(?:choose|pick|select|go\swith)"
)
_IS = (
    r"is|would\sbe|must\sbe|should\sbe|seems\sto\sbe|ist|lautet|adalah|ialah|est|es|é|è|är|er|jest"
    r"|là|это|是|应该是|應該是|为|為|은|는|は|هي|هو|है|คือ"
)
_WORD_BETWEEN = (
    r"(?:(?:the|correct|right|final|probably|likely|most|clearly|richtige|correcta|correcte|benar|yang)\s{1,4}){0,3}"
    r"(?:(?:choice|option|letter|opsi|pilihan|opción|opção|вариант)\s{1,4}|选项\s?|選項\s?)?"
)
# One character each, so that there is one way to read them, and the time stays linear.
_OPENING = r"""(?:\\(?:boxed|text\w{0,2})\s?\{|\\math(?:rm|bf)\s?\{|\\\(|[(\["'`$_*{\s]){0,8}+"""
_CLOSING = r"""(?:\\\)|[)\]"'`$_*}.]){0,6}"""
_AND_OR = (
    r"or|and|and/or|oder|und|ou|et|o|y|e|atau|dan|veya|ve|hoặc|или|и|或者|或|和|与|及|또는|및"
    r"|または|と|[/&|+]"
)
_CORRECT = (
    r"(?:is|seems|ist|es|est|é|è|adalah)\s(?:the\s|die\s|la\s|le\s|il\s|a\s|jawaban\s(?:yang\s)?)?"
    r"(?:correct|right|best|true|richtig|korrekt|correct[aeo]|corret[ao]|juste|benar|tepat)"
    r"(?![^\W_])|(?:是|为|為)?(?:正确|正確)|верн(?:о|ый)|правильн(?:о|ый)|が正しい|이\s?(?:정답|맞)"
)
_WRONG = (
    r"(?:is|are|ist|es|est|adalah)\s(?:\w{1,8}\s)?(?:wrong|incorrect|false|not\s(?:correct|right|the)"
    r"|falsch|faux|incorrecta|salah)(?![^\W_])|isn['’]t|can(?:not|['’]t)|不|错|錯|неверн"
)
_NOT_BUT = (
    (r"not", r"but|rather|it\sis|it['’]s"),
    (r"nicht", r"sondern"),
    (r"bukan", r"melainkan|tetapi"),
    (r"no", r"sino"),
    (r"pas", r"mais"),
    (r"не", r"а"),
    (r"不是|并非", r"而是|是"),
)


# The first letters of the words above, and their first characters in each case. `re` skips to the
# characters of a class that a pattern begins with, and tries all words at each other position.
_WORD_STARTS = "an|cho|op|lö|ja|ré|res|ris|sva|od|cev|đáp|от|ві|απ|I"
_OTHER_STARTS = "no|ni|bu|pas|не|不|并|答|正|정|답|故|应|應|选|選|ال|תש|उत|คำ"
_FIRST_CHARACTERS = (
    "aAbBcCiI\u0130\u0131jJlLnNoOpPrRsS\u017f\u0111\u0110αΑвВ\u1c80нНоО\u1c82"
    "不并答正정답故应應选選اתउค"
)

_TEXT_COMMAND = re.compile(r"\\text\s?\{([^{}]{0,12})\}")


class Choice(NamedTuple):
    """A statement of the choice in a text."""

    letter: str | None
    """The letter, or None for several: a hedge."""
    position: int
    """Its position in the text."""


def find_choices(text: str, options: str) -> tuple[list[Choice], set[str]]:
    """Return the choices that a text announces, and the letters that it only marks, as in "(B)".

    >>> find_choices("Antwort: B. A or C?", "ABC")[0]
    [Choice(letter='B', position=9)]
    """
    text = _TEXT_COMMAND.sub(r" \1 ", to_ascii(text))
    starts, announced, listed, marked, wrong = _compile_patterns(options)
    choices = [
        Choice(_read_letter(found, listed, options), found.start(found.lastindex or 0))
        for found in _find_announced(starts, announced, text)
    ]
    if choices:
        return choices, set()
    letters = {_as_option(found[found.lastindex or 0], options) for found in marked.finditer(text)}
    letters -= {_as_option(found[1], options) for found in wrong.finditer(text)}
    return [], letters


def _find_announced(
    starts: re.Pattern[str], announced: re.Pattern[str], text: str
) -> Iterator[re.Match[str]]:
    end = 0
    for start in starts.finditer(text):
        if start.start() >= end and (found := announced.match(text, start.start())):
            yield found
            end = found.end()


def _read_letter(found: re.Match[str], listed: re.Pattern[str], options: str) -> str | None:
    letter = _as_option(found[found.lastindex or 0], options)
    more = listed.match(found.string, found.end())
    if more is None:
        return letter
    others = {_as_option(one, options) for one in more.groups() if one}
    return letter if others == {letter} else None


def _as_option(letter: str, options: str) -> str:
    return letter if letter in options else letter.swapcase()


@lru_cache(maxsize=32)  # a run has few sets of options
def _compile_patterns(options: str) -> tuple[re.Pattern[str], ...]:
    upper, lower = re.escape(options), re.escape(options.swapcase())
    ends = r"(?![A-Za-z0-9\u00c0-\u024f\u0400-\u04ff]|['\u2019][A-Za-z])"
    # A small letter for a large one may be a word: "the answer is a cat".
    other_case = rf"[{lower}](?=[)\]}}.,;:*\"'`$_]|\s*$|\s*\n)"
    letter = rf"((?:[{upper}]|{other_case})){ends}"
    negated = "|".join(
        rf"(?:(?i:{no})\s{{0,4}}{_OPENING}(?:[{upper}]){ends}{_CLOSING},?\s{{0,4}}(?i:{but})"
        rf"(?:\s(?:rather|it\sis))?\s{{0,4}}{_WORD_BETWEEN}{_OPENING}{letter})"
        for no, but in _NOT_BUT
    )
    starts = re.compile(
        rf"[{_FIRST_CHARACTERS}\\{upper}](?:(?<=\\)(?=boxed|fbox)"
        rf"|(?<=[{upper}])(?<![A-Za-z0-9].){ends}"
        rf"|(?<=(?=(?i:\b(?:{_WORD_STARTS})|{_OTHER_STARTS})).))",
        re.DOTALL,
    )
    announced = re.compile(
        rf"(?:(?i:{_ANSWER})\*{{0,2}}(?:\s{{0,8}}(?i:{_IS}))?\s{{0,8}}\*{{0,2}}[:=>\u2013\u2014]?\*{{0,2}}\s{{0,8}}"
        rf"(?i:{_WORD_BETWEEN}){_OPENING}{letter})"
        rf"|{negated}"
        rf"|\\(?:boxed|fbox)\s{{0,8}}\{{{_OPENING}{letter}(?=[\s}}.:)\],$])"
        rf"|\\(?:boxed|fbox)\s{{1,4}}([{upper}]){ends}"
        rf"|(?<![A-Za-z0-9])([{upper}]){ends}(?={_CLOSING}\s{{0,4}}(?i:{_CORRECT}))"
    )
    # "A, C is wrong" gives A: after a comma alone, a letter with a verb is another clause
    listed = re.compile(
        rf"{_CLOSING}\s{{0,4}}(?:,?\s{{0,4}}(?i:{_AND_OR})\s{{0,4}}"
        rf"(?i:(?:possibly|perhaps|maybe|probably|even)\s)?|[,\u3001;]\s{{0,4}})"
        rf"(?i:{_WORD_BETWEEN}){_OPENING}{letter}"
        rf"(?={_CLOSING}\s{{0,4}}(?:[,.;!?\u3002\u3001]|$|\n|(?i:{_AND_OR})(?![A-Za-z])))"
    )
    marked = re.compile(
        rf"[(\[]([{upper}{lower}])[)\]]|\*\*([{upper}])(?:[.):]?\*\*|[.):]\s)"
        rf"|\b(?i:option|choice|opsi|opción|вариант)\s([{upper}])\b"
        rf"|(?:选项|選項|选择|選擇)\s?([{upper}])|>\s?([{upper}])\s?</"
        rf"|(?m:^[ \t]{{0,8}}([{upper}{lower}])[ \t]{{0,8}}[.):]?[ \t]{{0,8}}$)"
        rf"|(?m:^[ \t]{{0,8}}([{upper}{lower}])[.):][ \t])"
    )
    wrong = re.compile(rf"(?<![A-Za-z0-9])([{upper}]){ends}{_CLOSING}\s{{0,4}}(?i:{_WRONG})")
    return starts, announced, listed, marked, wrong
