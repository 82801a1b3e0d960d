"""Words and their n-grams, for text with spaces between words and without.

In scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each character is a word,
wherever words are counted or compared.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from functools import cache
from unicodedata import normalize


def split_words(text: str, *, lower: bool = True) -> list[str]:
    """Return the words of a text, in lower case; a number with its separators is one.

    Punctuation ends a word, and is a word only if it is between spaces; a symbol is a word. In
    scripts without spaces each character is one.

    >>> split_words("Three apples: 1,000 + 三个苹果!")
    ['three', 'apples', '1,000', '+', '三', '个', '苹', '果']
    """
    text = text.lower() if lower else text
    # the ASCII pattern, which gives the same, takes a fraction of the time of the large classes
    return (_ASCII_WORD if text.isascii() else _compile(_WORD)).findall(normalize("NFC", text))


def count_words(text: str) -> int:
    """Return the number of words between white space.

    In scripts without spaces each character is one, and punctuation beside it is none.

    >>> count_words("Three <b>apples</b>, please."), count_words("三个 apples!")
    (3, 3)
    """
    if text.isascii() or not _compile(_WITHOUT_SPACES_CHARACTER).search(text):
        return _count_between_spaces(text)
    # A newline in place of each character divides what is between them; punctuation beside a
    # newline that was not there is not between spaces, and so not a word.
    rest, characters = _compile(_WITHOUT_SPACES_CHARACTER).subn("\n", text)
    is_punctuation = _compile(_ONLY_PUNCTUATION).fullmatch
    return characters + sum(1 for run in rest.split() if not is_punctuation(run))


def _count_between_spaces(text: str, chunk_size: int = 1 << 16) -> int:
    if len(text) <= chunk_size:
        return len(text.split())
    # In chunks: the list of the words of a long text does not fit the processor's cache, which
    # makes the time grow faster than the length.
    count = 0
    for start in range(0, len(text), chunk_size):
        count += len(text[start : start + chunk_size].split())
        if start and not (text[start - 1].isspace() or text[start].isspace()):
            count -= 1  # the chunk's border divides this word, which was counted twice
    return count


def cut_runs(text: str) -> tuple[str, int]:
    """Return the text's words without their runs, and how many characters those had.

    A run is the same one to 16 letters, digits or punctuation marks, three times or more with
    nothing between them, over 20 characters or more.

    >>> cut_runs("so " + "a" * 24 + "! no no no"), cut_runs("ha" * 9)
    (('so  ! no no no', 24), ('hahahahahahahahaha', 0))
    """
    characters = 0
    words = text.split()
    for index, word in enumerate(words):
        # most words are short, and only few of the others repeat anything
        if len(word) < MIN_RUN_CHARACTERS:
            continue
        kept, last = [], 0
        for start, end in _find_runs(word):
            characters += end - start
            kept.append(word[last:start])
            last = end
        if kept:
            words[index] = " ".join([*kept, word[last:]])
    return (" ".join(words), characters) if characters else (text, 0)


def _find_runs(word: str) -> Iterator[tuple[int, int]]:
    position, last = 0, 0
    while position <= len(word) - MIN_RUN_CHARACTERS // 2:
        # Within its first ten characters a run has five that occur again, one unit later.
        key = word[position : position + 5]
        limit = position + MAX_UNIT_CHARACTERS + 5
        again = word.find(key, position + 1, limit)
        while again > 0:
            start, end = _extend_run(word, last, position, again)
            if end - start >= max(MIN_RUN_CHARACTERS, 3 * (again - position)):
                if not _compile(_IS_WORD_BY_ITSELF).search(word, start, start + again - position):
                    yield start, end
                position = last = end
                break
            again = word.find(key, again + 1, limit)
        else:
            position += 10


def _extend_run(word: str, last: int, position: int, again: int) -> tuple[int, int]:
    """Return the start and the end of what repeats with this distance, not before `last`."""
    size = again - position
    start, end = position, again
    while start > last and word[start - 1] == word[start - 1 + size]:
        start -= 1
    # in steps, for the runs of a hundred thousand characters that a broken model writes
    while end + 64 <= len(word) and word[end : end + 64] == word[end - size : end - size + 64]:
        end += 64
    while end < len(word) and word[end] == word[end - size]:
        end += 1
    return start, end


MIN_RUN_CHARACTERS = 20
"""The shortest run; a rounded fraction such as 0.3333333333333333 has 16 equal digits."""
MAX_UNIT_CHARACTERS = 16


def ngrams(units: Sequence[Hashable], size: int) -> Iterator[Hashable]:
    """Return every run of `size` adjacent units, in order; none if there are fewer units.

    >>> list(ngrams([1, 2, 3], 2)), list(ngrams([1, 2, 3], 1))
    ([(1, 2), (2, 3)], [1, 2, 3])
    """
    if size == 1:
        return iter(units)  # a unit is hashed faster than a tuple of one
    return zip(*(units[start:] for start in range(size)), strict=False)


# Ranges by hand: the standard `re` has no Unicode categories or scripts, and asking unicodedata
# about each character takes many times longer.
_WITHOUT_SPACES = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U0003ffff"
)
_PUNCTUATION = (
    r"<>!\"#%&'()*,./:;?@\[\\\]_{}\-\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u055a-\u055f\u0589\u058a"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061e\u061f\u066a-\u066d\u06d4\u0964\u0965"
    r"\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u301f\u30fb\uff01-\uff03\uff05-\uff0a"
    r"\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20\uff3b-\uff3d\uff3f\uff5b\uff5d\uff5f-\uff65"
)
_SYMBOLS = (
    r"$+=^`|~\u00a2-\u00a6\u00a8\u00a9\u00ac\u00ae-\u00b1\u00b4\u00b8\u00d7\u00f7\u20a0-\u20cf"
    r"\u2190-\u2bff\uff04\uff0b\uff1c-\uff1e\U0001f000-\U0001fbff"
)
_CONTROLS = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)

_LETTER = rf"[^\s{_WITHOUT_SPACES}{_PUNCTUATION}{_SYMBOLS}{_CONTROLS}]"
# An apostrophe and a number's separators are inside of a word. Possessive, so that it stays linear.
_WORD = (
    rf"[{_WITHOUT_SPACES}]"
    rf"|{_LETTER}++(?:['\u2019](?!\d){_LETTER}++|(?<=\d)(?:[.,:/]\d++){{1,3}}+)?+"
    rf"|[{_SYMBOLS}]|(?<!\S)[{_PUNCTUATION}]++(?!\S)"
)
_ASCII_WORD = re.compile(
    r"[a-zA-Z0-9]++(?:'(?!\d)[a-zA-Z0-9]++|(?<=\d)(?:[.,:/]\d++){1,3}+)?+"
    r"|[$+=^`|~]|(?<!\S)[<>!\"#%&'()*,./:;?@\[\\\]_{}\-]++(?!\S)",
)
_WITHOUT_SPACES_CHARACTER = f"[{_WITHOUT_SPACES}]"
_ONLY_PUNCTUATION = f"[{_PUNCTUATION}{_CONTROLS}]+"
# Symbols and the characters of scripts without spaces are words, which n-grams see by themselves.
_IS_WORD_BY_ITSELF = f"[{_WITHOUT_SPACES}{_SYMBOLS}]"


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with large classes, on first use: each takes milliseconds."""
    return re.compile(pattern)
