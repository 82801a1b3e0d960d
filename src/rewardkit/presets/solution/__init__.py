r"""The rewards of Unsloth's Gemma 3 notebook (2025), with their bugs fixed, under the same names.

The prompt asks for `<start_working_out>...<end_working_out><SOLUTION>...</SOLUTION>`. `published`
has the same names with the original numbers. They read the column `answer`. For notebooks whose
chat template writes `<start_working_out>` itself, see `rewardkit.presets.solution_opened`.

>>> completion = "<start_working_out>3 + 6<end_working_out><SOLUTION>9.0</SOLUTION>"
>>> match_format_exactly(completions=[completion])
[3.0]
>>> check_answer(completions=[completion], answer=["9"])
[1.5]
"""

from rewardkit.extract import LastNumber, Tag
from rewardkit.presets.solution import published as published
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
# which="only": with several solutions, a model could list them all and be right
_ONLY_SOLUTION = Tag(tag=_SOLUTION, which="only")

match_format_exactly = ThinkFormat(
    name="match_format_exactly", tags=(_WORKING_OUT, _SOLUTION), value=3.0
)
match_format_approximately = TagCount(
    name="match_format_approximately", tags=(_WORKING_OUT, _SOLUTION), otherwise=-0.5
)
# The notebook gives 0 to no solution, and so more than to a wrong one: a model then stops to try.
check_answer = RatioMatch(
    name="check_answer",
    extractor=_ONLY_SOLUTION,
    exact=3.0,
    stripped=1.5,
    equal=1.5,
    bands=((0.1, 0.5), (0.2, 0.25)),
    wrong=-1.0,
    missing=-1.0,
    unreadable=-1.0,
)
check_numbers = RatioMatch(
    name="check_numbers",
    extractor=LastNumber(within=_ONLY_SOLUTION, only=True),
    exact=None,
    stripped=None,
    equal=1.5,
    bands=(),
    wrong=0.0,
    missing=0.0,
    unreadable=0.0,
)
