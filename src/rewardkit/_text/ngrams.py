"""Words and their n-grams, for text with spaces between words and without."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from unicodedata import normalize


def split_words(text: str) -> list[str]:
    """Return the words of a text, in lower case; a number with its separators is one.

    Punctuation ends a word, and is a word only if it is between spaces; a symbol is a word. In
    scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each character is one.

    >>> split_words("Three apples: 1,000 + 三个苹果!")
    ['three', 'apples', '1,000', '+', '三', '个', '苹', '果']
    """
    text = text.lower()
    # the ASCII pattern, which gives the same, takes a fraction of the time of the large classes
    return (_ASCII_WORD if text.isascii() else _WORD).findall(normalize("NFC", text))


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
_WORD = re.compile(
    rf"[{_WITHOUT_SPACES}]"
    rf"|{_LETTER}++(?:['\u2019](?!\d){_LETTER}++|(?<=\d)(?:[.,:/]\d++){{1,3}}+)?+"
    rf"|[{_SYMBOLS}]|(?<!\S)[{_PUNCTUATION}]++(?!\S)"
)
_ASCII_WORD = re.compile(
    r"[a-z0-9]++(?:'(?!\d)[a-z0-9]++|(?<=\d)(?:[.,:/]\d++){1,3}+)?+"
    r"|[$+=^`|~]|(?<!\S)[<>!\"#%&'()*,./:;?@\[\\\]_{}\-]++(?!\S)",
)
