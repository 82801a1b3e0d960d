"""Special tokens that a decoder left in a text: ends of turns and of texts, and padding.

A tokenizer that decodes with its special tokens writes them as text: `<|im_end|>` (Qwen),
`<|eot_id|>` (Llama 3), `<|return|>` (gpt-oss), `</s>` (Mistral, Llama 2), `<end_of_turn>` (Gemma),
and a run of padding. They are not a part of what the model says.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from operator import itemgetter

# A rule in place of a list wherever no prose and no code has the shape: bars within the brackets
# around a name of two letters or more. All other tokens look like markup and are listed.
PATTERN = (
    r"<\|/?[A-Za-z][\w.:\u2581-]{1,60}\|?>"
    r"|<[A-Za-z][\w.:\u2581-]{1,60}\|>"
    r"|<\uff5c[A-Za-z\u2581][\w.:\u2581-]{1,60}\uff5c>"
    r"|\[\|/?[A-Za-z][\w-]{1,60}\|\]"
    r"|<\[[A-Za-z][\w\u2581-]{1,60}\]>"
    r"|<(?:/?s|(?i:(?:seed:)?(?:[be]o[sdt]|pad|unk|sep)(?:_token)?|(?:end|start)_?of_?"
    r"(?:turn|text|utterance|sentence|message)|(?:unused|extra_id_|special_|reserved_)\d{1,4}|eo[amh]))>"
    r"|\[(?:/?INST|PAD|[BE]O[ST]|SEP|CLS|UNK|MASK|end of text)\]|\[e~\["
)
"""The pattern of one special token."""

_TOKEN = re.compile(PATTERN)
# the last characters of tokens, and all white space, which may follow a token
_MAY_BE_LAST = frozenset(
    ">][\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_MAX_TOKEN_CHARACTERS = 72
_BLOCK_CHARACTERS = 256
_take_tail = itemgetter(slice(-8, None))
# How the last characters of a text look if it may end in a token. It may be wrong about a text that
# does not end in one: that text is then read by itself.
_MAY_END_IN_TOKEN = re.compile(
    r"(?:[|\uff5c\d\]]>|[</]s>|(?i:o[sdtamh]|pad|unk|sep|ken|urn|ext|nce|age|nse)>"
    r"|[|STDPK]\]|text\]|e~\[)\Z|^\Z"
)


def strip_end_tokens(texts: list[str], keep: Collection[str] = ()) -> list[str]:
    r"""Return the texts without the special tokens at their ends, and the white space after these.

    Tokens in `keep` are not stripped, and neither is what precedes them.

    >>> strip_end_tokens(["4 <|im_end|>\n<|endoftext|>", "a <|b|> c", "</s>"])
    ['4 ', 'a <|b|> c', '']
    """
    # Most batches have no token, and only a few different ends, which cost less than all rows do.
    suspects = [text for text in texts if text and text[-1] in _MAY_BE_LAST]
    tails = {*map(_take_tail, suspects)}
    # the empty text, of a tail that is all white space, is in this string too
    ends = [end for tail in tails if tail and (end := tail.rstrip())[-1:] in ">]["]
    if any(map(_MAY_END_IN_TOKEN.search, ends)):
        return [text[: _find_end(text, keep)] for text in texts]
    return texts


def ends_in_token(text: str) -> bool:
    """Return whether the text ends in a special token.

    >>> ends_in_token("4<|im_end|>"), ends_in_token("</think>")
    (True, False)
    """
    return _find_end(text, ()) < len(text)


def _find_end(text: str, keep: Collection[str]) -> int:
    """Return the position at which the special tokens at the text's end begin, else its length."""
    found = len(text)
    # from the end, token by token: a search from the start would read all of every text
    end = len(text)
    while True:
        while end and text[end - 1].isspace():
            # not all of the text at once, which each of many tokens would copy
            block = text[max(end - _BLOCK_CHARACTERS, 0) : end]
            end -= len(block) - len(block.rstrip())
        if not end or text[end - 1] not in ">][":
            return found
        low = max(end - _MAX_TOKEN_CHARACTERS, 0)
        start = max(text.rfind("<", low, end - 1), text.rfind("[", low, end - 1))
        if start > 0 and text[start - 1 : start + 1] == "<[":
            start -= 1
        if start < 0 or not _TOKEN.fullmatch(text, start, end):
            return found
        if any(text.endswith(mark, 0, end) for mark in keep):
            return found
        token = text[start:end]
        # padding is one token hundreds of times
        while text.endswith(token * 64, 0, start):
            start -= 64 * len(token)
        found = end = start
