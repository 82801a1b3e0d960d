"""Tables: what characters and words of several languages mean in mathematics."""

from __future__ import annotations

from unicodedata import normalize as normalize_unicode

_GREEK_LETTERS = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon"),
    *("phi", "chi", "psi", "omega"),
)
# With a space after each command, so that a letter that follows does not join its name.
LATEX_OF_CHARACTER = {
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
    **{chr(0x3B1 + index): rf"\{name} " for index, name in enumerate(_GREEK_LETTERS)},
    **{
        vulgar: r"\frac{{{}}}{{{}}}".format(*normalize_unicode("NFKC", vulgar).split("\u2044"))
        for vulgar in map(chr, (*range(0xBC, 0xBF), *range(0x2150, 0x215F)))
    },
    "\u3002": ". ", "\u00d7": r"\times ", "\u00f7": "/", "\u2044": "/",
    "\u2236": ":", "\u2260": r"\ne ", "\u2248": r"\approx ", "\u2261": r"\equiv ",
    "\u221e": r"\infty ", "\u221a": r"\sqrt ", "\u221b": r"\sqrt[3]",
    "\u00b1": r"\pm ", "\u2229": r"\cap ", "\u2208": r"\in ", "\u2209": r"\notin ",
    "\u2216": r"\setminus ", "\u211d": r"\mathbb{R} ", "\u2124": r"\mathbb{Z} ",
    "\u2227": r"\land ", "\u2228": r"\lor ", "\u2223": "|", "\u00b0": r"^\circ ",
    "\u230a": r"\lfloor ", "\u230b": r"\rfloor ", "\u2308": r"\lceil ",
    "\u2309": r"\rceil ", "\u27e8": r"\langle ", "\u27e9": r"\rangle ",
    "\u2211": r"\sum ", "\u220f": r"\prod ", "\u222b": r"\int ",
}  # fmt: skip

# Words for "answer" in the languages that models are trained in, and what joins it to the answer.
ANSWER_WORDS = (
    r"(?:correct |right )(?:option|choice)|answer|antwort|r[\u00e9e]ponse|respuesta|resposta"
    r"|risposta|jawaban(?:nya)?|odpowied\u017a"
    r"|cevap|\u043e\u0442\u0432\u0435\u0442|\u7b54\u6848|\u7b54\u3048|\u89e3\u7b54|\u7d50\u8ad6"
    r"|\u7b54(?=\s?[:\uff1a])|\uc815\ub2f5|\ub2f5"
    r"|\u0111\u00e1p \u00e1n|\u0909\u0924\u094d\u0924\u0930"
    r"|\u0627\u0644\u062c\u0648\u0627\u0628|\u0627\u0644\u0625\u062c\u0627\u0628\u0629"
)
IS = (
    r"(?:\bis\b|\bare\b|\bwas\b|\bequals\b|\bist\b|\blautet\b|\best\b|\bes\b|\b\u00e9\b|\b\u00e8\b"
    r"|\badalah\b|\u662f|\u4e3a|\u70ba|\u306f|\uc740|\ub294|[:\uff1a=])"
)

# Words that are operators, by what they become.
OPERATOR_WORDS: dict[str, tuple[str, ...]] = {
    r"\ge": (
        *("at least", "no less than", "not less than", "no fewer than", "not fewer than"),
        *(
            "at minimum",
            "at a minimum",
            "a minimum of",
            "greater than or equal to",
            "au moins",
            "al menos",
            "pelo menos",
        ),
        *("almeno", "mindestens", "setidaknya", "minimal", "не менее", "не меньше"),
        *("至少", "不少于", "不小于", "最少", "大于等于", "大于或等于", "少なくとも", "최소"),
    ),
    r"\le": (
        *("at most", "no more than", "not more than", "no greater than", "up to"),
        *(
            "at maximum",
            "at a maximum",
            "a maximum of",
            "less than or equal to",
            "au plus",
            "como máximo",
            "no máximo",
        ),
        *("al massimo", "höchstens", "paling banyak", "не более", "не больше"),
        *("至多", "最多", "不超过", "不大于", "小于等于", "小于或等于", "최대", "高々"),
    ),
    ">": (
        *("more than", "greater than", "larger than", "bigger than", "strictly above", "exceeds"),
        *("plus de", "plus que", "más de", "mayor que", "mais de", "maior que", "più di"),
        *("mehr als", "größer als", "lebih dari", "больше", "более", "大于", "超过", "多于"),
    ),
    "<": (
        *("less than", "fewer than", "smaller than", "strictly below", "moins de", "menos de"),
        *("menor que", "meno di", "weniger als", "kleiner als", "kurang dari", "меньше", "менее"),
        *("小于", "少于", "不到", "不足"),
    ),
    r"\ne": (
        *("is not equal to", "not equal to", "cannot be", "can not be", "can't be", "isn't"),
        *(
            "other than",
            "anything but",
            "aren't",
            "is not",
            "are not",
            "not",
            "never",
            "n'est pas",
            "pas",
            "no es",
            "não é",
        ),
        *("non è", "nicht", "bukan", "не равно", "не", "不是", "并非", "不等于", "아니"),
    ),
    r"\lor": (
        *("or", "oder", "atau", "либо", "или", "hoặc"),
        *("或者", "或是", "或", "还是", "または", "もしくは", "또는", "혹은"),
    ),
    r"\land": (
        "and",
        "und",
        "dan",
        "и",
        "以及",
        "和",
        "与",
        "及",
        "そして",
        "および",
        "그리고",
        "और",
    ),
    r"\more": (
        *("or more", "or greater", "or above", "or higher", "or larger", "and above", "and up"),
        *("and more", "или больше", "o más", "ou plus", "oder mehr", "以上", "이상"),
    ),
    r"\less": (
        *("or less", "or fewer", "or below", "or lower", "or smaller", "and below"),
        *("или меньше", "o menos", "ou moins", "oder weniger", "以下", "以内", "이하", "未満"),
    ),
    r"\wrong": (
        *("is wrong", "is incorrect", "is not correct", "isn't correct", "is not right"),
        *("is false", "wrong", "incorrect", "не верно", "неверно", "falsch"),
        *(
            "是错的",
            "不对",
            "错误",
            "ではない",
            "ではありません",
            "じゃない",
            "이 아니다",
            "가 아니다",
        ),
    ),
    "=": ("is equal to", "are equal to", "equals", "equal to", "等于", "равно", "равен", "равна"),
    r"\choose": ("choose",),
    "+": ("plus",),
    "-": ("minus",),
    "/": ("divided by",),
    r"\bmod": ("modulo", "mod"),
    r"\factorial": ("factorial",),
    r"\squared": ("squared",),
    r"\cubed": ("cubed",),
    r"\percent": ("percent", "per cent", "pct"),
    "|": ("such that",),
    # What changes nothing.
    " ": (
        *("either", "both", "approximately", "about", "roughly", "around", "exactly", "only"),
        *("precisely", "simply", "just", "equally", "ungefähr", "environ", "aproximadamente"),
        *("примерно", "около", "大约", "约", "約", "약"),
    ),
}
# One letter is a name or a word in most places, so these count between digits only.
BETWEEN_DIGITS = {"o": r"\lor", "ou": r"\lor", "u": r"\lor", "y": r"\land", "e": r"\land",
                   "et": r"\land", "と": r"\land", "か": r"\lor", "나": r"\lor"}  # fmt: skip
