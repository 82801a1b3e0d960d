r"""The rewards of Unsloth's Qwen3 (4B) and Llama 3.2 (3B) notebooks, with the published numbers.

>>> completion = "3 + 6<end_working_out><SOLUTION>9.0</SOLUTION>"
>>> match_format_exactly(completions=[completion])
[3.0]
>>> check_answer(completions=[completion], answer=["9"])
[2.0]
"""

from rewardkit.extract import Regex
from rewardkit.reward import Linear
from rewardkit.rewards.number import RatioMatch
from rewardkit.rewards.pattern import RegexMatch
from rewardkit.rewards.xml import TagCount

__all__ = [
    "check_answer",
    "check_numbers",
    "match_format_approximately",
    "match_format_exactly",
]

# The token that ends a text, which the notebook allows here, is stripped by the batch. With
# re.MULTILINE "$" is at the end of each line, so that text may follow on the next one.
_LAYOUT = r"(?ms)<end_working_out>.*?<SOLUTION>(?<answer>.+?)</SOLUTION>\s*$"
_END_ONCE = r"(?s)\A((?!<end_working_out>).)*+<end_working_out>((?!<end_working_out>).)*+\Z"

match_format_exactly = RegexMatch(name="match_format_exactly", pattern=_LAYOUT, value=3.0)
match_format_approximately = Linear(
    name="match_format_approximately",
    terms=(
        RegexMatch(pattern=_END_ONCE, value=0.5, otherwise=-1.0),
        TagCount(tags=(("<SOLUTION>", "</SOLUTION>"),), as_published=True),
    ),
)
check_answer = RatioMatch(
    name="check_answer",
    extractor=Regex(pattern=_LAYOUT, which="first", strip=False),
    equal=None,
    parse="python",
)
check_numbers = RatioMatch(
    name="check_numbers",
    extractor=Regex(pattern=r"(?s)<SOLUTION>.*?(-?[\d.,]+)", which="first"),
    exact=None,
    stripped=None,
    bands=(),
    wrong=-1.5,
    missing=-2.5,
    unreadable=0.0,
    parse="python_commas",
)
