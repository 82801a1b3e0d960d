r"""Write each thing in one way: characters, fonts, colours, spaces, and words that are operators.

Models write `\textcolor{red}{x＞3}`, `x \gt 3` and "x is more than 3" for one thing. All later
steps read the result. Each step is one pass of a pattern, so that the time is linear in the text.
"""  # noqa: RUF002 - the full-width character is the example

from __future__ import annotations

import re
from unicodedata import normalize as normalize_unicode

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

_GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "varsigma",
    "sigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
]
# With a space after each command, so that a letter that follows does not join its name.
_LATEX_OF_CHARACTER = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width forms
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63", "-"),
    **dict.fromkeys("\u3000\u00a0\u2009\u202f\u2007\u3010\u3011\u300c\u300d\u300e\u300f", " "),
    **dict.fromkeys("\u3001\u060c", ","),
    **dict.fromkeys("\u2032\u2019", "'"),
    **dict.fromkeys("\u2026\u22ef", r"\ldots "),
    **dict.fromkeys("\u222a\u22c3", r"\cup "),
    **dict.fromkeys("\u2205\u00d8", r"\emptyset "),
    **dict.fromkeys("\u2192\u27f6", r"\to "),
    **dict.fromkeys("\u21d2\u27f9", r"\Rightarrow "),
    **dict.fromkeys("\u2264\u2a7d", r"\le "),
    **dict.fromkeys("\u2265\u2a7e", r"\ge "),
    **dict.fromkeys("\u00b7\u22c5", r"\cdot "),
    **{chr(0x3B1 + index): rf"\{name} " for index, name in enumerate(_GREEK)},
    **{
        vulgar: r"\frac{{{}}}{{{}}}".format(*normalize_unicode("NFKC", vulgar).split("\u2044"))
        for vulgar in map(chr, (*range(0xBC, 0xBF), *range(0x2150, 0x215F)))
    },
    **{mark: command for mark, command in (
        ("\u3002", ". "), ("\u00d7", r"\times "), ("\u00f7", "/"), ("\u2044", "/"),
        ("\u2236", ":"), ("\u2260", r"\ne "), ("\u2248", r"\approx "), ("\u2261", r"\equiv "),
        ("\u221e", r"\infty "), ("\u221a", r"\sqrt "), ("\u221b", r"\sqrt[3]"),
        ("\u00b1", r"\pm "), ("\u2229", r"\cap "), ("\u2208", r"\in "), ("\u2209", r"\notin "),
        ("\u2216", r"\setminus "), ("\u211d", r"\mathbb{R} "), ("\u2124", r"\mathbb{Z} "),
        ("\u2227", r"\land "), ("\u2228", r"\lor "), ("\u2223", "|"), ("\u00b0", r"^\circ "),
        ("\u230a", r"\lfloor "), ("\u230b", r"\rfloor "), ("\u2308", r"\lceil "),
        ("\u2309", r"\rceil "), ("\u27e8", r"\langle "), ("\u27e9", r"\rangle "),
        ("\u2211", r"\sum "), ("\u220f", r"\prod "), ("\u222b", r"\int "),
    )},
}  # fmt: skip
_CHARACTER_TABLE = str.maketrans(_LATEX_OF_CHARACTER)
_SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f"
_SUBSCRIPTS = "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"
_RAISED = re.compile(rf"[{_SUPERSCRIPTS}]+|[{_SUBSCRIPTS}]+")
_LOWERED = str.maketrans(_SUPERSCRIPTS + _SUBSCRIPTS, "0123456789-n0123456789")
# A root's sign covers the whole number, where \sqrt 12 covers a digit.
_BARE_ROOT = re.compile(r"(\\sqrt(?:\[3\])?|(?<![A-Za-z\\])sqrt) ?(\d+(?:\.\d+)?|[a-z](?![a-z]))")


_UNION = re.compile(r"(?<=[)\]}])\s*U\s*(?=[(\[{\\])")


_OPTION_MARK = re.compile(r"^\s*([A-J])[\u3001\uff0e](?!\s*[A-J]\b)")


def normalize_spelling(text: str) -> str:
    r"""Write characters, fonts, colours and spaces in one way; words are left as they are.

    >>> normalize_spelling(r"\textcolor{red}{\mathbf{5}}\,\text{cm}"), normalize_spelling("2√3")
    (' 5  cm ', '2\\sqrt{3}')
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
        if "\\begin" in text:
            text = _ROWS.sub(_join_rows, text)
        text = _THOUSANDS.sub("", text)
        text = _QUANTITY.sub(r"\1 \2", text)
        for _ in range(_MAX_NESTED_FONTS):
            before = text
            text = _FONT_ARGUMENT.sub(_show_argument, text)
            if text == before:
                break
        text = _LAYOUT.sub(" ", _FONT_OF_GROUP.sub("", text))
    return text


# Equations below each other are a list; with other columns they are a function by cases.
_ROWS = re.compile(
    r"(?:\\left\s*)?(?:\\\{)?\s*\\begin\s*\{(?:cases|array|aligned|align\*?|gathered|split)\}(?:\s*\{[^{}]*\})?"
    r"(?P<rows>.{0,300}?)\\end\s*\{[a-z*]*\}(?:\s*\\right\s*\.)?",
    re.DOTALL,
)


def _join_rows(found: re.Match[str]) -> str:
    rows = found["rows"].replace("&=", "=").strip().removesuffix("\\\\")
    return found[0] if "&" in rows else ", ".join(row.strip(" ,") for row in rows.split("\\\\"))


def _write_raised(found: re.Match[str]) -> str:
    mark = "^" if found[0][0] in _SUPERSCRIPTS else "_"
    return f"{mark}{{{found[0].translate(_LOWERED)}}}"


def _show_argument(found: re.Match[str]) -> str:
    return f" {found[1] if found[1] is not None else found[2]} "


# Words for "answer" in the languages that models are trained in, and what joins it to the answer.
ANSWER_WORDS = (
    r"(?:correct |right )(?:option|choice)|answer|antwort|r[\u00e9e]ponse|respuesta|resposta|risposta|jawaban(?:nya)?|odpowied\u017a"
    r"|cevap|\u043e\u0442\u0432\u0435\u0442|\u7b54\u6848|\u7b54\u3048|\u89e3\u7b54|\u7d50\u8ad6"
    r"|\u7b54(?=\s?[:\uff1a])|\uc815\ub2f5|\ub2f5|\u0111\u00e1p \u00e1n|\u0909\u0924\u094d\u0924\u0930"
    r"|\u0627\u0644\u062c\u0648\u0627\u0628|\u0627\u0644\u0625\u062c\u0627\u0628\u0629"
)
IS = (
    r"(?:\bis\b|\bare\b|\bwas\b|\bequals\b|\bist\b|\blautet\b|\best\b|\bes\b|\b\u00e9\b|\b\u00e8\b"
    r"|\badalah\b|\u662f|\u4e3a|\u70ba|\u306f|\uc740|\ub294|[:\uff1a=])"
)
# Words that are operators, by what they become. Those of one letter are words elsewhere, so they
# count between digits only.
_OPERATOR_WORDS = {
    r"\ge": "at least|no less than|not less than|no fewer than|not fewer than|a minimum of"
    "|greater than or equal to|au moins|al menos|pelo menos|almeno|mindestens|setidaknya|minimal"
    "|не менее|не меньше|至少|不少于|不小于|最少|大于等于|大于或等于|少なくとも|최소",
    r"\le": "at most|no more than|not more than|no greater than|up to|a maximum of"
    "|less than or equal to|au plus|como máximo|no máximo|al massimo|höchstens|paling banyak"
    "|не более|не больше|至多|最多|不超过|不大于|小于等于|小于或等于|최대|高々",
    ">": "more than|greater than|larger than|bigger than|strictly above|exceeds|plus de|plus que|más de"
    "|mayor que|mais de|maior que|più di|mehr als|größer als|lebih dari|больше|более|大于|超过|多于",
    "<": "less than|fewer than|smaller than|strictly below|moins de|menos de|menor que|meno di"
    "|weniger als|kleiner als|kurang dari|меньше|менее|小于|少于|不到|不足",
    r"\ne": "is not equal to|not equal to|cannot be|can not be|can't be|pas|isn't|aren't|is not|are not|not"
    "|never|n'est pas|no es|não é|non è|nicht|bukan|не равно|не|不是|并非|不等于|아니",
    r"\lor": "or|oder|atau|либо|или|或者|或是|或|还是|または|もしくは|또는|혹은|hoặc",
    r"\land": "and|und|dan|и|以及|和|与|及|そして|および|그리고|और",
    r"\more": "or more|or greater|or above|or higher|or larger|and above|and up|and more|или больше"
    "|o más|ou plus|oder mehr|以上|이상",
    r"\less": "or less|or fewer|or below|or lower|or smaller|and below|или меньше"
    "|o menos|ou moins|oder weniger|以下|以内|이하|未満",
    r"\wrong": "is wrong|is incorrect|is not correct|isn't correct|is not right|is false|wrong"
    "|incorrect|не верно|неверно|falsch|是错的|不对|错误|ではない|ではありません|じゃない|이 아니다|가 아니다",
    "=": "is equal to|are equal to|equals|equal to|等于|равно|равен|равна",
    r"\choose": "choose",
    "+": "plus",
    "-": "minus|negative",
    "/": "divided by",
    r"\bmod": "modulo|mod",
    r"\factorial": "factorial",
    r"\squared": "squared",
    r"\cubed": "cubed",
    r"\percent": "percent|per cent|pct",
    "|": "such that",
    " ": "either|both|approximately|about|roughly|around|exactly|only|precisely|simply|just|equally"
    "|大约|约|ungefähr|environ|aproximadamente|примерно|около|約|약",
}  # fmt: skip
_BETWEEN_DIGITS = {"o": r"\lor", "ou": r"\lor", "u": r"\lor", "y": r"\land", "e": r"\land",
                   "et": r"\land", "と": r"\land", "か": r"\lor", "나": r"\lor"}  # fmt: skip
_MEANING = {
    phrase: rf" {operator} "
    for operator, phrases in _OPERATOR_WORDS.items()
    for phrase in phrases.split("|")
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
# "x is > 3" is said for "x > 3".
# "3 to 5" is a ratio or a range, and not 3.
_RANGE = re.compile(
    r"(?<=[\d)%])\s+(?:to|through|bis|hasta|до|sampai|hingga)\s+(?=\$?\d)|(?<=\d)\s?[到至]\s?(?=\d)"
)
_VERB = re.compile(r"\b(?:is|are|be|was)\s+(?=\\(?:[gl]e|ne)\b|[<>=])")
_HAS_WORD = re.compile(r"[^\W\d_]{2}|[^\x00-\x7f]|\d\s[ouye]\s")


def write_operators(text: str) -> str:
    r"""Write words that are operators as such: "at least 3" is `\ge 3`.

    >>> write_operators("x is at least 3 or not 5").split()
    ['x', 'is', '\\ge', '3', '\\lor', '\\ne', '5']
    """
    if not _HAS_WORD.search(text):
        return text
    text = _CORRECTION.sub(" ", text)
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
    return _MEANING.get(phrase) or f" {_BETWEEN_DIGITS[phrase]} "


def write_same(text: str) -> str:
    """Write a text without spaces, braces and capitals, to compare what cannot be read."""
    return _NO_MEANING.sub("", normalize_spelling(text)).casefold()


_NO_MEANING = re.compile(r"(?<!\d)\s+|\s+(?!\d)|[{}$]+")
