r"""The reward functions of the published GRPO recipes, with their bugs fixed, under the same names.

Each is an instance of a registered component, ready for a trainer; `published` has the same names
with the original numbers. They read the column `answer`. The modules `solution` and
`solution_opened` have the rewards of notebooks with `<SOLUTION>` tags, whose names are the same.

>>> completion = "<reasoning>\n7 * 6\n= 42\n</reasoning>\n<answer>\n42.0\n</answer>"
>>> strict_format_reward_func(completions=[completion])
[0.5]
>>> correctness_reward_func(completions=[completion], answer=["42"])
[2.0]
"""

from rewardkit.extract import After, LastNumber, Tag

# so that `presets.published` works without an import of its own
from rewardkit.presets import published as published
from rewardkit.presets import solution as solution
from rewardkit.presets import solution_opened as solution_opened
from rewardkit.rewards.correct import Correct
from rewardkit.rewards.language import Language
from rewardkit.rewards.length import Length
from rewardkit.rewards.number import IsNumber, RatioMatch
from rewardkit.rewards.think import ThinkFormat
from rewardkit.rewards.xml import TagCount, XmlCount, XmlSoft, XmlStrict
from rewardkit.verify.number import Number

__all__ = [
    "check_answer",
    "check_numbers",
    "correctness_reward_func",
    "format_and_language_reward_func",
    "int_reward_func",
    "match_format_approximately",
    "match_format_exactly",
    "reward_len",
    "soft_format_reward_func",
    "strict_format_reward_func",
    "xmlcount_reward_func",
]

# The XML recipe: Will Brown's "GRPO demo" (2025), as the GSM8K notebooks use it.
xmlcount_reward_func = XmlCount(name="xmlcount_reward_func")
soft_format_reward_func = XmlSoft(name="soft_format_reward_func")
strict_format_reward_func = XmlStrict(name="strict_format_reward_func")
# which="only": with several answers, a model could list them all and be right.
int_reward_func = IsNumber(name="int_reward_func", extractor=Tag(which="only"))
correctness_reward_func = Correct(
    name="correctness_reward_func",
    extractor=Tag(which="only"),
    verifier=Number(or_text=True),
    correct=2.0,
)

# The think recipe: Unsloth's notebooks on reasoning in another language (2025).
match_format_exactly = ThinkFormat(name="match_format_exactly", value=3.0, opened_in_prompt=True)
match_format_approximately = TagCount(
    name="match_format_approximately", tags=("think",), answer_after=True
)
# strip=False, since the recipe pays less for an answer with white space around it.
check_answer = RatioMatch(name="check_answer", extractor=After(strip=False))
check_numbers = RatioMatch(
    name="check_numbers",
    extractor=LastNumber(within=After(), only=True),
    exact=None,
    stripped=None,
    bands=(),
    wrong=-1.5,
    missing=-2.5,
    unreadable=-2.5,
)
format_and_language_reward_func = Language(
    name="format_and_language_reward_func",
    scores={"id": 5.0, "en": -3.0, "zh": -3.0},
    other=-5.0,
    no_letters=-5.0,
    # Without Malay ("ms"), which langid often finds in Indonesian text.
    candidates=(
        *("ar", "de", "en", "es", "fr", "hi", "id", "it", "ja"),
        *("ko", "nl", "pl", "pt", "ru", "th", "tr", "vi", "zh"),
    ),
)

# The length recipe: the GRPO unit of the Hugging Face course (2025).
reward_len = Length(name="reward_len", target=50)
