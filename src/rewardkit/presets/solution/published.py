r"""The rewards of Unsloth's Gemma 3 notebook (2025), with the published numbers, bugs included.

>>> completion = "<start_working_out>3 + 6<end_working_out><SOLUTION>9.0</SOLUTION>"
>>> match_format_exactly(completions=[completion])
[3.0]
>>> check_answer(completions=[completion], answer=["9"])
[0.5]
"""

from rewardkit.extract import Regex
from rewardkit.rewards.number import RatioMatch
from rewardkit.rewards.pattern import RegexMatch
from rewardkit.rewards.xml import TagCount

__all__ = [
    "check_answer",
    "check_numbers",
    "match_format_approximately",
    "match_format_exactly",
]

# The notebook's pattern is searched, and with re.MULTILINE "^" is the start of each line, so that
# text may come before and after.
_LAYOUT = (
    r"(?ms)^\s*<start_working_out>.+?<end_working_out>.*?<SOLUTION>(?<answer>.+?)</SOLUTION>\s*$"
)

match_format_exactly = RegexMatch(name="match_format_exactly", pattern=_LAYOUT, value=3.0)
match_format_approximately = TagCount(
    name="match_format_approximately",
    tags=(("<start_working_out>", "<end_working_out>"), ("<SOLUTION>", "</SOLUTION>")),
    otherwise=-0.5,
    as_published=True,
)
check_answer = RatioMatch(
    name="check_answer",
    extractor=Regex(pattern=_LAYOUT, which="first", strip=False),
    exact=3.0,
    stripped=1.5,
    equal=None,
    bands=((0.1, 0.5), (0.2, 0.25)),
    wrong=-1.0,
    missing=0.0,
    unreadable=-0.5,
    parse="python",
)
check_numbers = RatioMatch(
    name="check_numbers",
    extractor=Regex(pattern=r"(?s)<SOLUTION>.*?([\d.]+)", which="first"),
    exact=None,
    stripped=None,
    equal=1.5,
    bands=(),
    wrong=0.0,
    missing=0.0,
    unreadable=0.0,
    parse="python",
)
