"""Words and characters around numbers: multipliers, units, currencies, months.

A new word goes into one of these tables, and then every component reads it. A multiplier changes
the value; a modifier changes it in a way that is not computed, so that the number is not read; any
other word after a number is its unit, which does not change it.
"""
# ruff: noqa: RUF001, PIE800 - words of other scripts have look-alikes; a language per line

from __future__ import annotations

from fractions import Fraction

MINUS = "-\u2010\u2011\u2012\u2013\u2212\u207b\u2796\ufe63\uff0d"
"""The characters that people and models write for a minus sign, except em dashes."""
MINUS_WORDS = "minus|negative|menos|moins|минус|负|負|マイナス|마이너스"

CURRENCY_SYMBOLS = "€£¥₹₩₽₺¢₫₴₦₱₪฿"
"""Characters of currencies besides the dollar, which LaTeX writes with a backslash."""
CURRENCY_CODES = (
    "USD|EUR|GBP|JPY|INR|CNY|RMB|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|BRL|MXN|ZAR|KRW|IDR|SGD|HKD"
    "|NZD|AUD|CAD|TWD|THB|VND|PHP|MYR|AED|SAR|ILS|EGP|NGN|KES|PKR|BDT|UAH"
)

MULTIPLIERS: dict[str, int | Fraction] = {
    # English
    **{"hundreds?": 100, "thousands?": 10**3, "millions?": 10**6, "billions?": 10**9},
    **{"trillions?": 10**12, "dozens?": 12, "(?:lakh|lac)s?": 10**5, "crores?": 10**7},
    **{"k": 10**3, "mn|mln|mio": 10**6, "bn": 10**9, "tn|trn": 10**12},
    r"per[ -]?mil(?:le)?": Fraction(1, 1000),
    "bps?|basis[ ]points?": Fraction(1, 10_000),
    # Indonesian and Malay
    **{"ratus": 100, "ribu": 10**3, "juta": 10**6, "mil[iy]ar": 10**9, "triliun": 10**12},
    "lusin": 12,
    # German, French, Spanish, Portuguese, Italian, Turkish
    **{"Tausend": 10**3, "Millionen": 10**6, "Milliarden?|Mrd": 10**9, "Dutzend": 12},
    **{"mille|mila": 10**3, "milliards|miliard[io]": 10**9, "douzaines?|docenas?|dúzias?": 12},
    **{"mill[oó]n|millones|milh[ãõ]o|milh[õo]es|milion[ei]|milyon": 10**6, "milyar": 10**9},
    # Russian
    **{"тыс(?:яч[аи]?)?": 10**3, "млн|миллион(?:а|ов)?": 10**6},
    "млрд|миллиард(?:а|ов)?": 10**9,
    # Vietnamese, Hindi, Arabic
    **{"nghìn|ngàn": 10**3, "triệu": 10**6, "tỷ|tỉ": 10**9},
    **{"हज़ार|हज़ार|हजार": 10**3, "लाख": 10**5, "करोड़|करोड़": 10**7},
    **{"ألف|آلاف": 10**3, "مليون": 10**6, "مليار": 10**9},
}
"""Patterns of words that multiply the number before them, in capitals or small letters."""
CJK_MULTIPLIERS = {
    **{"十": 10, "拾": 10, "百": 100, "佰": 100, "백": 100, "千": 10**3, "仟": 10**3, "천": 10**3},
    **{"万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8, "억": 10**8},
    **{"兆": 10**12, "조": 10**12},
}
"""Characters that multiply; they follow each other, and join: 3万5千 is 35,000."""
CJK_MULTIPLIER = (
    # 千克 is a kilogram, 百分点 a percentage point, 조각 a piece
    "(?:[十拾百佰仟万萬만亿億억]|千(?![克米瓦卡焦伏帕赫升吨])|兆(?![赫瓦帕])"
    "|[백천조](?=[백천만억조]|[원명개\\s.,]|$))"
)
MONEY_LETTERS = {"k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
"""Letters that multiply an amount of money: $5M. After other numbers they may be units."""

PERCENT = (
    r"\\?%|per\s?cent|pct\b\.?|prozent|persen|por\s?cien?to|por\s?cento|pour\s?cent|per\s?cento"
    "|процент(?:а|ов)?|パーセント|퍼센트|प्रतिशत"
)
FRACTION_WORDS = {
    **{"a[ -]half|one[ -]half": Fraction(1, 2), "(?:a|one)[ -]third": Fraction(1, 3)},
    **{"two[ -]thirds": Fraction(2, 3), "(?:a|one)[ -](?:quarter|fourth)": Fraction(1, 4)},
    "three[ -](?:quarters|fourths)": Fraction(3, 4),
}
"""What may follow a whole number and "and": 2 and a half."""

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SPELLED_NUMBERS = {
    **{word: number for number, word in enumerate(_BELOW_TWENTY.split())},
    **{word: 10 * number for number, word in enumerate(_TENS.split(), 2)},
    **{
        f"{tens} {ones}": 10 * number + digit
        for number, tens in enumerate(_TENS.split(), 2)
        for digit, ones in enumerate(_BELOW_TWENTY.split()[1:10], 1)
    },
    **{f"{number} hundred": 100 for number in ("a", "one")},
}
"""Whole numbers up to a hundred in words, without hyphens. They are read as a whole answer only: in
prose "one" and "two" are pronouns too."""

MODIFIERS = (
    "squared|cubed|doubled|tripled|halved|factorial|tens|grand|thou|scores?|gross|mil|mill|bil|bil[ln]"
    "|tril|quadrillions?|billón|billones|\\w*illions?|\\w*fold|below|negative|am|pm|a\\.m|p\\.m|o'clock"
    "|half|halves|quarters?|thirds?|hundredths?|\\w+(?:teen|tie|and|llion)ths?"
    "|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf)ths?|st|nd|rd|th"
)
"""Words after a number that make it another value, or no number."""
MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
NOT_UNITS = (
    # conjunctions, negations and operators
    "and|or|nor|not|no|to|but|then|is|are|was|than|plus|minus|over|mod|between|times(?=\\s+\\S)"
    "|about|if|none|wrong|false|incorrect|under|choose|base|root"
    "|oder|und|nicht|falsch|ist|ou|et|est|pas|faux|o|y|no|ni|es|falso|atau|dan|bukan|salah|или|и|не"
    "|неверно"
    # functions and numbers
    "|sin|cos|tan|log|ln|exp|sqrt|pi"
    "|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\\w+teen"
    "|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
    "|january|february|march|april|may|june|july|august|september|october|november|december"
)
"""Words that are not units, besides multipliers and modifiers."""
SHORT_UNITS = (
    "mm|cm|dm|km|nm|\u00b5m|mi|ft|in|yd|mg|kg|lb|lbs|oz|ml|mL|cl|dl|kl|ms|min|mins|hr|hrs|sec|secs"
    "|kmh|mph|kph|Hz|kHz|MHz|GHz|kW|kWh|MW|GW|kJ|kcal|cal|Pa|kPa|eV|mol|cc|KB|MB|GB|TB"
    "|m|g|s|h|L|l|N|J|W|V|A|\u03a9|°|°[CF]|°\\s?[CF]|C|F"
    "|м|см|мм|км|г|кг|мг|л|мл|с|ч|мин|р|руб|шт|т"
    f"|{CURRENCY_CODES}"
)
"""Units that may touch their number, as in 5cm."""
CJK_NOT_UNIT = "或和与與及至到非错錯误誤否多余餘几幾半未超以不零〇一二三四五六七八九两兩倒又也"
"""Characters of Chinese and Japanese that no unit has: conjunctions, bounds, other numbers."""

COMPOUNDS = {
    "h|hrs?|hours?": "min(?:ute)?s?|m",
    "min(?:ute)?s?": "s|secs?|seconds?",
    "days?": "hours?|hrs?",
    "weeks?": "days?",
    "years?|yrs?": "months?|weeks?|days?",
    "months?": "days?",
    "ft|feet|foot|'": 'in|inch(?:es)?|"',
    "yards?|yd": "feet|ft",
    "lbs?|pounds?": "oz|ounces?",
    "dollars?|euros?|pounds?": "cents?|pence",
    "rupees?": "paise",
    "km|kilomet(?:er|re)s?": "m|met(?:er|re)s?",
    "m|met(?:er|re)s?": "cm|centimet(?:er|re)s?",
    "kg|kilograms?": "g|grams?",
    "l|L|lit(?:er|re)s?": "ml|mL|millilit(?:er|re)s?",
    "小?时|小時|時間|시간": "分钟?|分鐘?|분",
    "分钟?|分鐘?|분": "秒钟?|초",
    "[元块塊]": "[角毛分]",
    "年": "个?月",
    "[米公]里?": "厘米|米",
    "千克|公斤": "克",
    "天": "个?小时",
}
"""Units that a smaller one follows, as in 2 h 30 min: the two make one amount."""
