r"""Write each thing in one way: characters, fonts, colours, spaces, and words that are operators.

Models write `\textcolor{red}{x＞3}`, `x \gt 3` and "x is more than 3" for one thing. All later
steps read the result. Each step is one pass of a pattern, so that the time is linear in the text.
"""  # noqa: RUF002 - the full-width character is the example

from __future__ import annotations

import re

from rewardkit.verify._math.vocabulary import BETWEEN_DIGITS, LATEX_OF_CHARACTER, OPERATOR_WORDS

# A command whose argument is shown as it is, in a font or a colour.
_FONT = (
    r"\\(?:text(?:bf|rm|it|sf|tt|normal|up)?|math(?:rm|bf|it|sf|tt)|[mhf]box"
    r"|operatorname\*?|num|ang|unit|si|boldsymbol|bm|pmb|emph|underline|textcolor\s*\{[^{}]*\}"
    r"|colorbox\s*\{[^{}]*\}|color\s*\{[^{}]*\}(?=\s*\{))\s*"
)
_FONT_ARGUMENT = re.compile(_FONT + r"(?:\{([^{}]*)\}|(?<=[a-z])\s([A-Za-z0-9])(?![A-Za-z]))")
# The argument of a font may have braces of its own, as in \mathbf{x^{2}}.
_FONT_OF_GROUP = re.compile(_FONT + r"(?=\{)")
_QUANTITY = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")  # of siunitx
# Functions without a command of their own in plain LaTeX.
_NAMED_FUNCTION = re.compile(r"\\(?:operatorname\*?|text|mathrm)\s?\{(gcd|lcm|max|min)\}")
_MAX_NESTED_FONTS = 3  # a colour around bold text around a word; each costs a pass
_LAYOUT = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits"
    r"|tiny|small|normalsize|large|Large|LARGE|huge|Huge|bf|rm|it|sf|tt|bfseries|itshape"
    r"|centering|noindent|strut|null|mathstrut"
    r"|nobreak|checkmark|blacksquare|square|Box|qed|qedsymbol|therefore|because)(?![A-Za-z])\.?"
    r"|\\color\s*\{[^{}]*\}|\\(?:hspace|vspace|phantom|hphantom|vphantom|mspace|label|tag)\*?\s*\{[^{}]*\}"
    r"|(?<!\\)\\[,;:! ]|\\(?:q?quad|enspace|thinspace|medspace|thickspace|nobreakspace)(?![A-Za-z])"
    r"|~|\\[#&_]|[\u200b-\u200f\u2060\ufeff\ufe0f]"
)
# Before the spaces go: 1\,234 and 1{\,}234 are one number, and 1, 234 is a list.
_THOUSANDS = re.compile(r"(?<=\d)(?:,?\\!\s?|,\\,|\{(?:,|\\,|\\!)\}|\\[,:; ]|~)(?=\d{3}(?!\d))")

_CHARACTER_TABLE = str.maketrans(LATEX_OF_CHARACTER)
_SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f"
_SUBSCRIPTS = "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"
_RAISED = re.compile(rf"[{_SUPERSCRIPTS}]+|[{_SUBSCRIPTS}]+")
_LOWERED = str.maketrans(_SUPERSCRIPTS + _SUBSCRIPTS, "0123456789-n0123456789")
# The character √ covers the whole number, where \sqrt 12 covers a digit.
_BARE_ROOT = re.compile(r"(\\sqrt(?:\[3\])?|(?<![A-Za-z\\])sqrt) ?(\d+(?:\.\d+)?|[a-z](?![a-z]))")


_UNION = re.compile(r"(?<=[)\]}])\s*U\s*(?=[(\[{\\])")


_OPTION_MARK = re.compile(r"^\s*([A-J])[\u3001\uff0e](?!\s*[A-J]\b)")


def normalize_spelling(text: str) -> str:
    r"""Write characters, fonts, colours and spaces in one way; words are left as they are.

    >>> text = normalize_spelling(r"\textcolor{red}{\mathbf{5}}\,\text{cm}")
    >>> " ".join(text.split()), normalize_spelling("2√3")
    ('5 cm', '2\\sqrt{3}')
    """
    if not text.isascii():
        text = _OPTION_MARK.sub(r"\1. ", text)
        text = _RAISED.sub(_write_raised, text)
        text = text.translate(_CHARACTER_TABLE)
        if "\\sqrt" in text:
            text = _BARE_ROOT.sub(r"\1{\2}", text)
    text = text.replace("\\$", "$")
    if "U" in text:
        text = _UNION.sub(r" \\cup ", text)
    if "\\" in text or "~" in text or "{" in text:
        text = _THOUSANDS.sub("", text)
        if _HAS_FONT.search(text):
            text = _remove_fonts(text)
        text = _LAYOUT.sub(" ", text)
    return text


# Equations below each other are a list; with other columns they are a function by cases.
_ROWS = re.compile(
    r"(?:\\left\s*)?(?:\\\{)?\s*\\begin\s*\{(?:cases|array|aligned|align\*?|gathered|split)\}(?:\s*\{[^{}]*\})?"
    r"(?P<rows>.{0,300}?)\\end\s*\{[a-z*]*\}(?:\s*\\right\s*\.)?",
    re.DOTALL,
)


_HAS_FONT = re.compile(
    r"\\(?:text|math|[mhf]box|op|num|ang|unit|si|SI|qty|bold|bm|pmb|em|under|color|begin)"
)


def _remove_fonts(text: str) -> str:
    if "\\begin" in text:
        text = _ROWS.sub(_join_rows, text)
    text = _NAMED_FUNCTION.sub(r"\\\1 ", _QUANTITY.sub(r"\1 \2", text))
    for _ in range(_MAX_NESTED_FONTS):
        before = text
        text = _FONT_ARGUMENT.sub(_show_argument, text)
        if text == before:
            break
    return _FONT_OF_GROUP.sub("", text)


def _join_rows(found: re.Match[str]) -> str:
    rows = found["rows"].replace("&=", "=").strip().removesuffix("\\\\")
    return found[0] if "&" in rows else ", ".join(row.strip(" ,") for row in rows.split("\\\\"))


def _write_raised(found: re.Match[str]) -> str:
    mark = "^" if found[0][0] in _SUPERSCRIPTS else "_"
    return f"{mark}{{{found[0].translate(_LOWERED)}}}"


def _show_argument(found: re.Match[str]) -> str:
    return f" {found[1] if found[1] is not None else found[2]} "


_MEANING = {
    phrase: f" {operator} " for operator, phrases in OPERATOR_WORDS.items() for phrase in phrases
}
# By their first word, the longest first, since a pattern of so many alternatives is slow.
_SPACED: dict[str, list[str]] = {}
for _phrase in sorted((p for p in _MEANING if p[0] < "\u2e80"), key=len, reverse=True):
    _SPACED.setdefault(re.match(r"[^\W\d_]+", _phrase)[0], []).append(_phrase)  # type: ignore[index]
_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(
    "|".join(
        re.escape(phrase)
        for phrase in sorted(_MEANING, key=len, reverse=True)
        if phrase[0] >= "\u2e80"
    )
    + r"|(?<=\d)\s?[とか나]\s?(?=\d)"
)
_JOINING_LETTER = re.compile(r"(?<=[\d)])\s+(?:ou|et|[ouye])\s+(?=[-(\d])")
# "not 6 but 5" is 5, and "5, not 6" is 5.
_CORRECTION = re.compile(
    r"\bnot\s[^.\n]{1,40}?,?\sbut(?:\srather)?\s"
    r"|(?<=[\d)}%])(?:,\s|\s\()(?:and\s)?not\s[^.\n]{1,40}(?=[.\n]|$)"
    r"|(?<=[\d)}%])\s(?:instead of|rather than)\s[^.\n]{1,40}(?=[.\n]|$)",
    re.IGNORECASE,
)
_HALF = re.compile(r"(?<=\d)\s+and\s+(?:a\s+|one[\s-])half\b", re.IGNORECASE)
_MINUS = re.compile(r"\b(?:negative|minus)\s+(?=\$?\\?\d|\\d?frac|\\sqrt|\\?inf)", re.IGNORECASE)
# "x is > 3" is said for "x > 3".
# "3 to 5" is a ratio or a range, and not 3.
_RANGE = re.compile(
    r"(?<=[\d)%])\s+(?:to|through|bis|hasta|до|sampai|hingga)\s+(?=\$?\d)|(?<=\d)\s?[到至]\s?(?=\d)"
)
_VERB = re.compile(r"\b(?:is|are|be|was)\s+(?=\\(?:[gl]e|ne)\b|[<>=])")
_HAS_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}|[^\x00-\x7f]|\d\s[ouye]\s")


def write_operators(text: str) -> str:
    r"""Write words that are operators as such: "at least 3" is `\ge 3`.

    >>> write_operators("x is at least 3 or not 5").split()
    ['x', '\\ge', '3', '\\lor', '\\ne', '5']
    """
    if not _HAS_WORD.search(text):
        return text
    text = _MINUS.sub(" -", _HALF.sub(" 1/2", _CORRECTION.sub(" ", text)))
    written: list[str] = []
    last = 0
    for word in _WORD.finditer(text):
        start = word.start()
        for phrase in _SPACED.get(word[0].lower(), ()):
            end = start + len(phrase)
            if start < last or text[start:end].lower() != phrase or text[end : end + 1].isalnum():
                continue
            if text[start - 1 : start] != "\\":
                written += text[last:start], _MEANING[phrase]
                last = end
            break
    text = "".join([*written, text[last:]]) if last else text
    if not text.isascii():
        text = _UNSPACED.sub(_write_operator, text)
    text = _RANGE.sub(" : ", text)
    text = _JOINING_LETTER.sub(_write_operator, text)
    return _VERB.sub("", text) if last else text


def _write_operator(found: re.Match[str]) -> str:
    phrase = found[0].strip()
    return _MEANING.get(phrase) or f" {BETWEEN_DIGITS[phrase]} "


def write_same(text: str) -> str:
    """Write a text without spaces, braces and capitals, to compare what cannot be read."""
    return _NO_MEANING.sub("", normalize_spelling(text)).casefold()


_NO_MEANING = re.compile(r"(?<!\d)\s+|\s+(?!\d)|[{}$]+")
