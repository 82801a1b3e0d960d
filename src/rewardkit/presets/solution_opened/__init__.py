r"""The rewards of Unsloth's Qwen3 (4B) and Llama 3.2 (3B) notebooks (2025), with their bugs fixed.

The prompt asks for `<start_working_out>...<end_working_out><SOLUTION>...</SOLUTION>`, and the chat
template writes `<start_working_out>` at its end. `published` has the same names with the original
numbers. They read the column `answer`.

>>> completion = "3 + 6<end_working_out><SOLUTION>9.0</SOLUTION>"
>>> match_format_exactly(completions=[completion])
[3.0]
>>> check_answer(completions=[completion], answer=["9"])
[3.5]
"""

from rewardkit.extract import LastNumber, Tag
from rewardkit.presets.solution_opened import published as published
from rewardkit.reward import Linear
from rewardkit.rewards.number import RatioMatch
from rewardkit.rewards.think import ThinkFormat
from rewardkit.rewards.xml import TagCount

__all__ = [
    "check_answer",
    "check_numbers",
    "match_format_approximately",
    "match_format_exactly",
]

_WORKING_OUT = ("<start_working_out>", "<end_working_out>")
_SOLUTION = ("<SOLUTION>", "</SOLUTION>")
_ONLY_SOLUTION = Tag(tag=_SOLUTION, which="only")

match_format_exactly = ThinkFormat(
    name="match_format_exactly",
    tags=(_WORKING_OUT, _SOLUTION),
    value=3.0,
    opened_in_prompt=True,
)
match_format_approximately = Linear(
    name="match_format_approximately",
    terms=(TagCount(tags=(_WORKING_OUT, _SOLUTION), opened_in_prompt=True),),
    bias=-0.5,  # for the first mark, which the prompt wrote
)
check_answer = RatioMatch(name="check_answer", extractor=_ONLY_SOLUTION)
check_numbers = RatioMatch(
    name="check_numbers",
    extractor=LastNumber(within=_ONLY_SOLUTION, only=True),
    exact=None,
    stripped=None,
    bands=(),
    wrong=-1.5,
    missing=-2.5,
    unreadable=-2.5,
)
