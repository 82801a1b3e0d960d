"""Words and their n-grams, for text with spaces between words and without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case, without the punctuation at their ends.

    Where a script writes no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), each sign counts
    as a word.

    >>> words("Three apples, 三个苹果!")
    ['three', 'apples', '三', '个', '苹', '果']
    """
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text.lower())


def ngrams(units: Sequence[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """Return every run of `size` neighbours, in order; none where there are fewer units.

    >>> list(ngrams([1, 2, 3], 2))
    [(1, 2), (2, 3)]
    """
    return zip(*(units[start:] for start in range(size)), strict=False)


_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]++(?:['\u2019.,:/-][^\W{_UNSPACED}]++)*+")
_ASCII_WORD = re.compile(r"\w++(?:['.,:/-]\w++)*+", re.ASCII)
