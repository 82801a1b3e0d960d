"""Words and their n-grams, for text with spaces between words and without."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from unicodedata import normalize


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case; a number with its separators is one.

    Punctuation ends a word, and is none unless it stands by itself; a symbol is a word. Where a
    script writes no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), each sign counts as one.

    >>> words("Three apples: 1,000 + 三个苹果!")
    ['three', 'apples', '1,000', '+', '三', '个', '苹', '果']
    """
    text = text.lower()
    return (_ASCII_WORD if text.isascii() else _WORD).findall(normalize("NFC", text))


def ngrams(units: Sequence[Hashable], size: int) -> Iterator[Hashable]:
    """Return every run of `size` neighbours, in order; none where there are fewer units.

    >>> list(ngrams([1, 2, 3], 2)), list(ngrams([1, 2, 3], 1))
    ([(1, 2), (2, 3)], [1, 2, 3])
    """
    if size == 1:
        return iter(units)  # they are hashed quicker than tuples of one
    return zip(*(units[start:] for start in range(size)), strict=False)


_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U0003ffff"
)
_POINTS = (
    r"<>!\"#%&'()*,./:;?@\[\\\]_{}\-\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u055a-\u055f\u0589\u058a"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061e\u061f\u066a-\u066d\u06d4\u0964\u0965"
    r"\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u301f\u30fb\uff01-\uff03\uff05-\uff0a"
    r"\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20\uff3b-\uff3d\uff3f\uff5b\uff5d\uff5f-\uff65"
)
_SIGNS = (
    r"$+=^`|~\u00a2-\u00a6\u00a8\u00a9\u00ac\u00ae-\u00b1\u00b4\u00b8\u00d7\u00f7\u20a0-\u20cf"
    r"\u2190-\u2bff\uff04\uff0b\uff1c-\uff1e\U0001f000-\U0001fbff"
)
_SILENT = r"\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"

_SIGN = rf"[^\s{_UNSPACED}{_POINTS}{_SIGNS}{_SILENT}]"
_WORD = re.compile(
    rf"[{_UNSPACED}]"
    rf"|{_SIGN}++(?:['\u2019](?!\d){_SIGN}++|(?<=\d)(?:[.,:/]\d++){{1,3}}+)?+"
    rf"|[{_SIGNS}]|(?<!\S)[{_POINTS}]++(?!\S)"
)
_ASCII_WORD = re.compile(
    r"[a-z0-9]++(?:'(?!\d)[a-z0-9]++|(?<=\d)(?:[.,:/]\d++){1,3}+)?+"
    r"|[$+=^`|~]|(?<!\S)[<>!\"#%&'()*,./:;?@\[\\\]_{}\-]++(?!\S)",
)
