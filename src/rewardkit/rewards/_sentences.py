"""Sentences of a completion that have a language: without tags, code, LaTeX and equations.

Markup is left out except for prose in it, eight words in a row, or twenty characters of Chinese or
Japanese: otherwise a model could write its reasoning in any language inside of a code block.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import NamedTuple

from rewardkit._text.tag_layout import INVISIBLE
from rewardkit._text.words import split_words


def split_sentences(text: str) -> list[str]:
    r"""Return the sentences that have a word: three letters of a Latin script, or one of another.

    A single word beside an equation or a number, "Then x = 5", "Tom: 5", is a sentence only if
    there is no other, since one word is of many languages.

    >>> split_sentences("Dr. Li has 3.5 apples, i.e. a few. x + y = 12\nsin(x)? 所以 x = 3。")
    ['Dr. Li has 3.5 apples, i.e. a few', ' 所以 x = 3']
    """
    # a pattern that finds most sentences in a fraction of the time
    has_plain_prose = _PLAIN_PROSE.search
    pieces = _SENTENCE_END.split(text)
    sentences = [
        piece
        for piece in pieces
        if has_plain_prose(piece) or has_word(piece, beside_equation=False)
    ]
    return sentences or [*filter(has_word, pieces)]


def has_word(text: str, *, beside_equation: bool = True) -> bool:
    """Return whether a text has a word of some language, and is not mostly numbers and symbols.

    `beside_equation`: whether a single word of a Latin script may have an equation beside it.
    """
    if _find_other_letter(text) or _find_two_words(text):
        return True
    words = _WORD.findall(text)
    if not words or (len(words) == 1 and not beside_equation and _RELATION.search(text)):
        return False
    return sum(map(len, words)) > len(_SYMBOL.findall(text))


class Parts(NamedTuple):
    """A text's parts that are identified each as one, for counting words."""

    parts: list[str]
    counts: list[int]
    """How many words each part decides."""
    words: int
    """How many words there are, also in other scripts than the parts."""


def split_parts(text: str, *, latin: bool) -> Parts:
    """Return parts in which words have a language, of a Latin script or of all others.

    Without a Latin script a sentence is one part: words of other scripts seldom mix. With one, each
    word is a part, twice, between the two before and after it: alone it has too few letters.

    >>> split_parts("我们用 two 个数. x = 5!", latin=False)
    Parts(parts=['我 们 用 个 数'], counts=[5], words=6)
    """
    found = Parts([], [], 0)
    total = 0
    for sentence in filter(has_word, _SENTENCE_END.split(text)):
        words = split_words(sentence, lower=False)
        in_latin = [*filter(_is_latin_word, words)]
        others = [*filter(_starts_in_other_script, words)]
        total += len(in_latin) + len(others)
        if latin:
            found.counts.extend([1] * len(in_latin))
            found.parts.extend(
                " ".join([*in_latin[max(at - 2, 0) : at + 1], *in_latin[at : at + 3]])
                for at in range(len(in_latin))
            )
        elif others:
            found.counts.append(len(others))
            found.parts.append(" ".join(others))
    return found._replace(words=total)


def mask_markup(text: str) -> str:
    """Return the text with a space instead of tags, code and LaTeX, except for prose in them."""
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    for left, right in _DISPLAY_DELIMITERS:
        if left not in text:
            continue
        # by splitting: a lazy pattern up to a delimiter that is missing takes quadratic time
        before, *parts = text.split(left)
        kept = [before]
        comments: list[str] = []
        for index, part in enumerate(parts):
            if left == right:
                # equal delimiters open and close in turn; one that is not closed masks to the end
                if index % 2:
                    kept.append(part)
                    continue
                code = part if left != "```" else _COMMENT.sub(" ", part)
                kept += _find_prose(code)
                if code != part:
                    comments += chain.from_iterable(map(_find_prose, _COMMENT.findall(part)))
            else:
                inside, closed, after = part.partition(right)
                kept += [*_find_prose(inside), after] if closed else [part]
        text = " ".join(kept)
        # Code has comments in English whatever the language of the reasoning; but not more of them
        # than sentences, where the comments are the reasoning.
        if comments and len(comments) > len(split_sentences(_INLINE_MARKUP.sub(" ", text))):
            text += "".join(comments)
    return _INLINE_MARKUP.sub(lambda found: f" {' '.join(_find_prose(found[0]))} ", text)


def _find_prose(markup: str) -> list[str]:
    # between newlines, so that each run counts as a sentence of its own
    runs = _PROSE.findall(markup) if len(markup) >= MIN_PROSE_CHARACTERS else []
    return [f"\n{run}\n" for run in runs]


# Eight words in a row, or twenty characters, do not occur in code or formulas.
_PROSE = re.compile(
    r"(?<![^\W\d_])[^\W\d_]++(?:[,;:'\u2019]?[ ]++[^\W\d_]++){7,}+"
    r"|[\u3040-\u30ff\u4e00-\u9fff\uff0c]{20,}+"
)
MIN_PROSE_CHARACTERS = 20  # no shorter text can match the pattern above
_DISPLAY_DELIMITERS = (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//|--|%|/?\*+)[^\n]*+|\"\"\"[^\"]*+\"\"\"", re.MULTILINE)
# inline code, a formula that is not a price, a LaTeX command, a tag, a special token with its role
_ADDRESS = re.compile(r"https?://[^\s<>]++")
_INLINE_MARKUP = re.compile(
    r"`[^`\n]*+`"
    r"|\$(?=\S)[^$\n]*+(?<=\S)\$(?!\d)"
    r"|\\[a-zA-Z]++\*?"
    r"|</?[^\W\d_][^<>\n]{0,200}>"
    r"|<\|\w{1,40}\|>(?:(?:assistant|analysis|commentary|final|user|system)(?!\w))?"
)

# A dot ends no sentence inside of a number or a name, and not after one of these.
_ABBREVIATIONS = (
    "Mr Mrs Ms Dr Prof Sr Sra Dra Mme Mlle St Ing Ir Drs Sdr Bpk Jl Ibu Exmo dr prof vs cf approx"
    " resp incl excl EE UU Fig fig Eq eq Eqs Sec Abb mis spt yth hlm tsb dgn bzw ca vgl ggf evtl"
    " inkl exkl sog bspw zzgl ex ej Ej aprox bijv \u043d\u0430\u043f\u0440 \u0440\u0438\u0441"
    " \u0441\u043c \u0921\u0949 \u092a\u0902"
)
# These may end a sentence too: they do unless a number or a small letter follows.
_ABBREVIATIONS_OR_ENDS = (
    "etc dll dsb dst usw dgl No Nr no nr Art art núm pág al min max Jr vol Vol Bd Kap chap pp ecc"
    " enz itd \u0434\u0440 \u0440\u0443\u0431"
)


def _follows_none_of(abbreviations: str) -> str:
    # `re` needs a fixed width to look behind, so that there is one group for each length
    groups: dict[int, list[str]] = {}
    for word in abbreviations.split():
        groups.setdefault(len(word), []).append(word)
    return "".join(rf"(?<!\b(?:{'|'.join(words)})\.)" for words in groups.values())


# A single letter before a dot is an abbreviation. It is a variable or a unit that ends the sentence
# if it is small and a capital or another script follows: "on n. Here", not "z. B." or "i. e. Here".
# In another script it must have a number before it, and what follows may not be small in Cyrillic.
_FOLLOWS_VARIABLE = (
    r"(?:(?<=\b[a-z]\.)(?<!\b\w\.[ ]\w\.)(?<!\.\w\.)|(?<=\d\s[^\W\d_A-Z]\.))"
    r"(?=\s+(?:[^\W\d_a-z\u00df-\u00ff\u0430-\u045f](?:\w|['\u2019][^\W\d_]|[ ][^\W\d_]{2})"
    r"|[\u0900-\uffff]))"
)
_LETTER = r"[^\W\d_\u3040-\u9fff\uac00-\ud7a3]"  # one of Chinese, Japanese or Korean is a word
# The class comes first, since a search skips to characters of a class that a pattern begins with.
_SENTENCE_END = re.compile(
    r"[.!?\u3002\uff01\uff1f\u061f\u06d4\u0964\u0965\n](?:(?<![.!])"
    r"|(?<=!)(?:(?<!\d!)|(?=!*+\s*(?:\n|\Z)))"
    r"|(?<=\.)(?=[\s\"')\]*_\u201d\u2019\u00bb]|\Z)"
    rf"(?:(?<!\b{_LETTER}\.)|{_FOLLOWS_VARIABLE})(?<!\b[^\W\d_]\.\w\w\.){_follows_none_of(_ABBREVIATIONS)}"
    rf"(?:{_follows_none_of(_ABBREVIATIONS_OR_ENDS)}|(?![ ]*+[\da-z])))"
)

# Latin, Greek and mathematical letters: one or two of them may be a formula or a unit.
_LATIN = (
    r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u03ff\u1d00-\u1fff"
    r"\u2071\u207f\u2090-\u209c\u2100-\u214f\u2c60-\u2c7f\ua720-\ua7ff\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a"
    r"\U0001d400-\U0001d7ff"
)
_FUNCTIONS = (
    "arg|cos|cosh|cot|csc|deg|det|dim|exp|frac|gcd|inf|ker|lcm|lim|ln|log|max|min|mod|mol|rad|sgn"
    "|sin|sinh|sqrt|sup|tan|tanh|arcsin|arccos|arctan|alpha|beta|gamma|delta|theta|lambda|sigma"
    "|omega|phi"
)
# superscripts, fractions, circled and Roman numbers, which are word characters and not digits
_NUMBERS = r"\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089\u2150-\u218f\u2460-\u24ff\u2776-\u2793"
_OTHER_LETTER = rf"[^\W\d_{_LATIN}{_NUMBERS}{INVISIBLE}]"
# Not a function, and not a part of an identifier, a call, an address or a formula. What precedes
# the word is read after its first letter, since a search skips to a class at the beginning.
_LATIN_WORD = (
    rf"[{_LATIN}](?<=(?<![\w.\\@/])(?<!\w\()(?!(?:{_FUNCTIONS})\b).)[{_LATIN}\u0300-\u036f]{{2,}}+"
    r"(?![\w(\[@\\]|\.\w)"
)
_PLAIN_PROSE = re.compile(r"[a-z]{2} [a-z]{4,}+ [a-z]{3}")
_find_other_letter = re.compile(_OTHER_LETTER).search
_find_two_words = re.compile(rf"{_LATIN_WORD},?[ ]{_LATIN_WORD}").search
_WORD = re.compile(_LATIN_WORD)
# an equation, or a label and its number
_RELATION = re.compile(r"[=<>\u2248\u2260\u2264\u2265]|:\W*\d")
_SYMBOL = re.compile(r"\d[\d.,]*+|[^\w\s.,;:!?'\u2019-]")
# a word of two letters counts beside others; a variable of one letter does not
_is_latin_word = re.compile(
    rf"(?!(?:{_FUNCTIONS}|[cdkm]m|[km]g|m?l|km/h)\Z)[{_LATIN}][{_LATIN}\u0300-\u036f]++"
    rf"(?:['\u2019][{_LATIN}]++)?"
).fullmatch
_starts_in_other_script = re.compile(_OTHER_LETTER).match
