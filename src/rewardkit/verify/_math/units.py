"""Units after a number: which differ, and which words change the number instead."""

from __future__ import annotations

import re

# The first name of each line is the unit's canonical one.
_NAMES = """
m metre meter metres meters 米
cm centimetre centimeter centimetres centimeters 厘米
mm millimetre millimeter millimetres millimeters 毫米
km kilometre kilometer kilometres kilometers 公里 千米
in inch inches
ft foot feet
yd yard yards
mi mile miles
μm micrometer micrometers micron microns
kg kilogram kilograms kilo kilos 千克 公斤
g gram grams gramme grammes 克
mg milligram milligrams
lb lbs pound pounds
oz ounce ounces
ton tons tonne tonnes
s sec secs second seconds 秒
min mins minute minutes 分钟
h hr hrs hour hours 小时
ms millisecond milliseconds
day days 天
week weeks
month months
year years yr yrs
l liter liters litre litres
ml milliliter milliliters millilitre millilitres
gallon gallons gal
quart quarts
pint pints
usd dollar dollars $
cent cents ¢
eur euro euros €
gbp £
jpy yen 円
inr rupee rupees ₹
cny yuan rmb 元
krw won 원
deg degree degrees
rad radian radians
%
n newton newtons
j joule joules
kj kilojoule kilojoules
w watt watts
kw kilowatt kilowatts
v volt volts
a ampere amperes amp amps
hz hertz
pa pascal pascals
mol mole moles
k kelvin kelvins
celsius c
fahrenheit f
ohm ohms ω \\omega
mph
kph
hectare hectares
acre acres
"""
_CANONICAL = {
    name: line.split()[0] for line in _NAMES.splitlines() if line for name in line.split()
}
_PAIRS = frozenset(
    [
        *(("ft", "in"), ("h", "min"), ("min", "s"), ("h", "s"), ("km", "m"), ("m", "cm")),
        *(("lb", "oz"), ("kg", "g"), ("day", "h"), ("year", "month"), ("week", "day")),
        *(("usd", "cent"), ("yd", "ft"), ("cm", "mm"), ("mi", "ft"), ("m", "mm"), ("l", "ml")),
    ]
)
"""Units of which the second measures what is left over: 5 ft 6 in."""

# One letter in the wrong case is a name or a scale: 3 k is 3,000.
_NOT_UNITS = frozenset("knjwvacfMGSHDω")
_SPELLED = {"square": "^2", "sq": "^2", "cubic": "^3"}
_PART = re.compile(
    r"(?P<per>/|\bper\b)|(?P<word>[^\W\d_]+|[$€£¥₹¢%])(?:\s?\^?\s?\{?\s?(?P<power>-?[1-3])\s?\}?)?"
)
_TAIL = re.compile(
    r"(?:\d|\}|\)|\\pi)\s*-?(?P<unit>(?:\^\s?\{?\s?\\circ\s?\}?\s?)?[^\W\d_]*(?:[\s/^{}*.-]|[^\W\d_]|[1-3]|\\cdot|\$|€|¢)*)$"
)
_MAX_UNIT_LENGTH = 40
_CHANGES_VALUE = re.compile(
    r"(?:hundreds?|thousands?|\w*illions?|dozens?|gross|scores?|lakhs?|lacs?|crores?|bn|mn|mil|mill"
    r"|bln|k|bps|basis|factorial|squared|cubed|negative|half|halves|thirds?|quarters?|fourths?|fifths?|\w+ths?"
    r"|ratus|ribu|juta|miliar|triliun|lusin|times|[万亿億千百十만억천백].*|[‰‱]|per ?mille)"
)


def read_unit(words: str) -> str | None:
    """Return a unit in one spelling, or None if a word of it is not a known unit.

    >>> read_unit("feet"), read_unit("square meters"), read_unit("km per hour"), read_unit("apples")
    ('ft', 'm^2', 'km/h', None)
    """
    parts: list[str] = []
    power, slash = "", ""
    for found in _PART.finditer(_write_unit(words)):
        if found["per"]:
            slash = "/"
            continue
        word = found["word"]
        if word.lower() in _SPELLED:
            power = _SPELLED[word.lower()]
            continue
        canonical = None if word in _NOT_UNITS else _CANONICAL.get(word.lower())
        if canonical is None:
            return None
        raised = f"^{found['power']}" if found["power"] else power
        if raised.startswith("^-"):
            slash, raised = "/", raised.replace("^-1", "").replace("-", "")
        parts.append(f"{slash}{canonical}{raised}")
        power = slash = ""
    return " ".join(parts).replace(" /", "/") or None


def _write_unit(words: str) -> str:
    for command, written in _COMMANDS:
        words = words.replace(command, written)
    return _UNIT_FRACTION.sub(r"\1/\2", words)


_COMMANDS = (
    *(
        ("\\cdot", " "),
        ("^\\circ", " degrees "),
        ("^{\\circ}", " degrees "),
        ("\\circ", " degrees "),
    ),
    *(("\\mu ", "μ"), ("\\mu", "μ"), ("\\Omega", "ohm"), ("degrees C", "celsius")),
    *(("degrees  C", "celsius"), ("degrees  F", "fahrenheit"), ("degrees F", "fahrenheit")),
)
_UNIT_FRACTION = re.compile(r"\\frac\s*\{\s*([^{}]{1,9})\}\s*\{\s*([^{}]{1,9})\}")


def find_unit(text: str) -> str | None:
    """Return the unit at the end of a value, or of the currency before it."""
    text = _UNIT_FRACTION.sub(r" \1/\2", text).strip()
    if text[:1] in "$€£¥₹":
        return _CANONICAL.get(text[:1])
    found = _TAIL.search(text[-_MAX_UNIT_LENGTH:])
    return read_unit(found["unit"]) if found and found["unit"].strip() else None


def changes_value(word: str) -> bool:
    """Return whether a word after a number changes its value."""
    return _CHANGES_VALUE.fullmatch(word.lower()) is not None


def measure_together(first: str, second: str) -> bool:
    """Return whether two units measure one thing: 5 ft 6 in."""
    return (_CANONICAL.get(first.lower()), _CANONICAL.get(second.lower())) in _PAIRS
